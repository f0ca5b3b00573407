//! Ranges change hands: bundles are cut and joined, and what an account does not hold it cannot give.

use bds_contracts::granular::bundle::{BUNDLES_MAX, RANGES_MAX};

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
    assert_eq!(register_of(&stage, SUN, T).bundles, 3);
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
    assert_eq!(register_of(&stage, SUN, T).bundles, 1);
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

/// Every other number is given away until there are as many bundles as there may be; and a claim is not hindered at an edge.
#[test]
fn an_interval_has_so_many_bundles_and_no_more() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 10_000), (LAMP, -10_000)]);
    issued(&mut stage, SUN, T, 10_000);
    let mut next = 2;
    let mut ranges = || {
        let all = (0..RANGES_MAX as u64).map(|place| {
            let number = next + 2 * place;
            range(SUN, T, number, number)
        });
        let all: Vec<Ranged> = all.collect();
        next += 2 * RANGES_MAX as u64;
        all
    };
    // Two more with each number: 1 + 2 * 511 = 1,023.
    for _ in 0..7 {
        done(&mut stage, Who::Anna, &transfer(P[0], P[2], &ranges()));
    }
    let last = ranges();
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &last[..63]));
    assert_eq!(register_of(&stage, SUN, T).bundles, BUNDLES_MAX - 1);
    let middle = [range(SUN, T, 5_000, 5_000)];
    let call = transfer(P[0], P[2], &middle);
    refused(&mut stage, Who::Anna, &call, Code::BUNDLE_LIMIT);
    let edge = [range(SUN, T, 10_000, 10_000)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &edge));
    assert_eq!(register_of(&stage, SUN, T).bundles, BUNDLES_MAX);
    let edge = [range(SUN, T, 9_999, 9_999)];
    // It joins the one above.
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &edge));
    assert_eq!(register_of(&stage, SUN, T).bundles, BUNDLES_MAX);
    done(&mut stage, Who::Anna, &set_claimant(LAMP, Some(P[0])));
    let middle = [range(SUN, T, 5_000, 5_000)];
    refused(
        &mut stage,
        Who::Anna,
        &claim(P[0], LAMP, T, &middle),
        Code::BUNDLE_LIMIT,
    );
    let edge = [range(SUN, T, 9_998, 9_998)];
    done(&mut stage, Who::Anna, &claim(P[0], LAMP, T, &edge));
    // The whole of it can be corrected away in one transaction.
    let outcome = correct(&mut stage, SUN, T, 2, 0);
    assert_eq!(events(&outcome).len(), BUNDLES_MAX as usize + 1);
    let register = register_of(&stage, SUN, T);
    assert_eq!((register.held, register.over, register.bundles), (0, 1, 0));
}
