//! Ranges change hands: bundles are cut and joined, and what an account does not hold it cannot give.

use bds_contracts::granular::bundle::{BUNDLES_MAX, RANGES_MAX};
use bds_contracts::granular::correction::WITHDRAWN_MAX;

use super::super::stage::{ANNA_S, JOINT};
use super::*;

/// 1,000 numbers of the sun roof, all of them its owner's.
fn with_thousand() -> Stage {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000), (LAMP, -1_000)]);
    issued(&mut stage, SUN, T, 1_000);
    stage
}

#[test]
fn a_bundle_is_split_and_comes_together_again() {
    let mut stage = with_thousand();
    let part = |first, last| [range(SUN, T, first, last)];
    let outcome = done(
        &mut stage,
        Who::Anna,
        &transfer(P[0], P[1], &part(301, 500)),
    );
    assert_eq!(
        events(&outcome),
        [Event::Transferred {
            device: SUN,
            start: Millis(T),
            from: P[0],
            to: P[1],
            first: 301,
            last: 500,
        }]
    );
    let three = [(P[0], 1, 300), (P[1], 301, 500), (P[0], 501, 1_000)];
    assert_eq!(bundles_of(&stage, SUN, T), three);
    // From both ends of one bundle, and one number out of the middle.
    let ranges = [
        range(SUN, T, 1, 1),
        range(SUN, T, 100, 100),
        range(SUN, T, 300, 300),
    ];
    done(&mut stage, Who::Anna, &transfer(P[0], P[1], &ranges));
    assert_eq!(
        bundles_of(&stage, SUN, T),
        [
            (P[1], 1, 1),
            (P[0], 2, 99),
            (P[1], 100, 100),
            (P[0], 101, 299),
            (P[1], 300, 500),
            (P[0], 501, 1_000),
        ]
    );
    for (first, last) in [(1, 1), (300, 500), (100, 100)] {
        done(
            &mut stage,
            Who::Bert,
            &transfer(P[1], P[0], &part(first, last)),
        );
    }
    assert_eq!(bundles_of(&stage, SUN, T), [(P[0], 1, 1_000)]);
}

#[test]
fn of_several_faults_the_first_check_answers() {
    let mut stage = with_thousand();
    let nowhere = AccountId(999);
    let who = Who::Anna;
    let none: &[Ranged] = &[];
    refused(
        &mut stage,
        who,
        &transfer(nowhere, nowhere, none),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(
        &mut stage,
        who,
        &transfer(P[1], nowhere, none),
        Code::NOT_REPRESENTATIVE,
    );
    set_status(&mut stage, P[0], AccountStatus::Blocked);
    refused(
        &mut stage,
        who,
        &transfer(P[0], nowhere, none),
        Code::ACCOUNT_NOT_OPEN,
    );
    set_status(&mut stage, P[0], AccountStatus::Open);
    refused(
        &mut stage,
        who,
        &transfer(P[0], nowhere, none),
        Code::UNKNOWN_ACCOUNT,
    );
    close(&mut stage, P[5]);
    refused(
        &mut stage,
        who,
        &transfer(P[0], P[5], none),
        Code::ACCOUNT_NOT_OPEN,
    );
    refused(
        &mut stage,
        who,
        &transfer(P[0], P[0], none),
        Code::SAME_ACCOUNT,
    );
    fn give(ranges: &[Ranged]) -> Call<'_> {
        transfer(P[0], P[1], ranges)
    }
    refused(&mut stage, who, &give(none), Code::TOO_MANY);
    let many = [range(SUN, T, 0, 0); RANGES_MAX + 1];
    refused(&mut stage, who, &give(&many), Code::TOO_MANY);
    for wrong in [
        vec![range(SUN, T, 0, 5)],
        vec![range(SUN, T, 6, 5)],
        vec![range(SUN, T, 1, 5), range(SUN, T, 5, 6)],
        vec![range(SUN, T, 7, 8), range(SUN, T, 1, 2)],
        vec![range(WIND, T, 1, 2), range(SUN, T, 1, 2)],
        vec![range(SUN, T, 1, 2), range(SUN, T - HOUR, 3, 4)],
    ] {
        refused(&mut stage, who, &give(&wrong), Code::RANGE_INVALID);
    }
    let mut old = stage.clone();
    wait(&mut old, T + 546 * 24 * HOUR);
    old.execute(&[]);
    refused(
        &mut old,
        who,
        &give(&[range(SUN, T, 1, 2_000)]),
        Code::CERTIFICATE_EXPIRED,
    );
    for wrong in [
        range(SUN, T, 1, 1_001),
        range(SUN, T, 1_001, 1_001),
        range(SUN, T, 1, u64::MAX),
        range(SUN, T, u64::MAX, u64::MAX),
        range(SUN, T + QUARTER, 1, 1),
        range(WIND, T, 1, 1),
    ] {
        refused(&mut stage, who, &give(&[wrong]), Code::NOT_HELD);
    }
    let [a, b] = [range(SUN, T, 1, 2), range(SUN, T, 999, 1_001)];
    refused(&mut stage, who, &give(&[a, b]), Code::NOT_HELD);
    // Another's numbers.
    refused(
        &mut stage,
        Who::Bert,
        &transfer(P[1], P[3], &[a]),
        Code::NOT_HELD,
    );
    done(&mut stage, who, &give(&[a]));
}

/// A range lies in one bundle: two that touch are one, unless they say different things.
#[test]
fn a_range_across_two_bundles_is_none() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 10)]);
    issued(&mut stage, SUN, T, 4);
    done(
        &mut stage,
        Who::Administrator,
        &enrol(SUN, Source::Solar, 1),
    );
    issued(&mut stage, SUN, T, 6);
    let across = [range(SUN, T, 4, 5)];
    refused(
        &mut stage,
        Who::Anna,
        &transfer(P[0], P[1], &across),
        Code::NOT_HELD,
    );
    let each = [range(SUN, T, 4, 4), range(SUN, T, 5, 5)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[1], &each));
    assert_eq!(
        bundles_of(&stage, SUN, T),
        [(P[0], 1, 3), (P[1], 4, 4), (P[1], 5, 5), (P[0], 6, 10)]
    );
}

#[test]
fn an_account_of_two_gives_by_two() {
    let mut stage = with_thousand();
    let part = [range(SUN, T, 1, 10)];
    done(&mut stage, Who::Anna, &transfer(P[0], JOINT, &part));
    let call = transfer(JOINT, ANNA_S, &part);
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Granular>(Who::Anna, Who::Bert, &call);
    assert_eq!(code, Code::OK);
    // Who does not hold them is told so before.
    refused(&mut stage, Who::Anna, &call, Code::NOT_HELD);
}

/// Single numbers, each `step` above the one before.
fn singles(first: u64, step: u64, count: usize) -> Vec<Ranged> {
    let all = (0..count as u64).map(|place| first + step * place);
    all.map(|number| range(SUN, T, number, number)).collect()
}

fn count_of(stage: &Stage, account: AccountId) -> usize {
    let all = bundles_of(stage, SUN, T);
    all.iter().filter(|(of, ..)| *of == account).count()
}

/// Every other number is given away until giver and receiver have as many bundles as they may: others go on as ever, and so do gifts
/// and claims that make none more.
#[test]
fn who_splits_hurts_itself_alone() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 10_000), (LAMP, -10_000)]);
    issued(&mut stage, SUN, T, 10_000);
    let one = |number| singles(number, 1, 1);
    let limit = Code::BUNDLE_LIMIT;
    // Each leaves one more on either side: 1 + 255, and 255.
    for batch in 0..4 {
        let count = if batch < 3 { RANGES_MAX } else { 63 };
        let all = singles(2 + 128 * batch, 2, count);
        done(&mut stage, Who::Anna, &transfer(P[0], P[2], &all));
    }
    assert_eq!(count_of(&stage, P[0]), BUNDLES_MAX);
    refused(
        &mut stage,
        Who::Anna,
        &transfer(P[0], P[1], &one(5_000)),
        limit,
    );
    done(&mut stage, Who::Anna, &set_claimant(LAMP, Some(P[0])));
    refused(
        &mut stage,
        Who::Anna,
        &claim(P[0], LAMP, T, &one(5_000)),
        limit,
    );
    // At an edge; the second one joins the first.
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &one(10_000)));
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &one(9_999)));
    assert_eq!(count_of(&stage, P[2]), BUNDLES_MAX);
    done(&mut stage, Who::Anna, &claim(P[0], LAMP, T, &one(9_998)));
    // A whole one fewer. Who has too many gets no more; another account does, and splits what it got.
    done(&mut stage, Who::Anna, &transfer(P[0], P[1], &one(1)));
    refused(
        &mut stage,
        Who::Anna,
        &transfer(P[0], P[2], &one(5_000)),
        limit,
    );
    let part = [range(SUN, T, 5_000, 5_100)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[1], &part));
    done(&mut stage, Who::Bert, &transfer(P[1], P[3], &one(5_050)));
    assert_eq!(
        [0, 1, 2, 3].map(|at| count_of(&stage, P[at])),
        [256, 3, 256, 1]
    );
    // The issuer goes on all the same, and what is one too many can be given away.
    let new = enrol(SUN, Source::Solar, 1);
    done(&mut stage, Who::Administrator, &new);
    correct(&mut stage, SUN, T, 2, 10_002);
    for _ in 0..2 {
        issued(&mut stage, SUN, T, 1);
    }
    assert_eq!(count_of(&stage, P[0]), BUNDLES_MAX + 1);
    let part = [range(SUN, T, 10_001, 10_002)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[1], &part));
}

/// 1,280 numbers, each a bundle of its own: a correction makes the newest 1,024 void, the device owes for the others, and the next
/// correction takes those back.
#[test]
fn a_correction_costs_no_more_however_the_numbers_were_split() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_280)]);
    issued(&mut stage, SUN, T, 1_280);
    for batch in 0..4 {
        for (place, to) in (1..).zip(&P[1..]) {
            let all = singles(320 * batch + place, 5, RANGES_MAX);
            done(&mut stage, Who::Anna, &transfer(P[0], *to, &all));
        }
    }
    assert_eq!(bundles_of(&stage, SUN, T).len(), 1_280);
    let outcome = correct(&mut stage, SUN, T, 2, 0);
    assert_eq!(events(&outcome).len(), WITHDRAWN_MAX + 1);
    let register = register_of(&stage, SUN, T);
    let debt = device_of(&stage, SUN).debt;
    assert_eq!((register.held, register.over, debt.0), (256, 256, 256));
    let outcome = correct(&mut stage, SUN, T, 3, 1);
    assert_eq!(events(&outcome).len(), 255 + 1);
    assert_eq!(bundles_of(&stage, SUN, T), [(P[1], 1, 1)]);
    let register = register_of(&stage, SUN, T);
    let debt = device_of(&stage, SUN).debt;
    assert_eq!((register.held, register.over, debt.0), (1, 0, 0));
}
