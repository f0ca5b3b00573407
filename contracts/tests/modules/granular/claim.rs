//! Certificates are used up for a consumption that overlaps their interval, once, and no more than was consumed.

use bds_contracts::granular::claim::{CLAIMS_MAX, Claim, Point};

use super::super::stage::{BERT_S, JOINT};
use super::*;

fn point_of(stage: &Stage, point: ResourceId, interval: u64) -> Point {
    let points = &stage.machine.stores().read::<Granular>().points;
    points
        .get(&(Millis(interval), point))
        .copied()
        .unwrap_or_default()
}

fn claim_of(stage: &Stage, device: ResourceId, start: u64, first: u64) -> Option<Claim> {
    let claims = &stage.machine.stores().read::<Granular>().claims;
    claims.get(&(Millis(start), device, first)).cloned()
}

/// The sun roof gave 1,000 Wh and the lamp took 300 in the same quarter; the third prosumer owns the lamp and bought 500 numbers.
fn bought() -> Stage {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000), (LAMP, -300)]);
    issued(&mut stage, SUN, T, 1_000);
    let part = [range(SUN, T, 1, 500)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &part));
    stage
}

#[test]
fn a_claim_uses_numbers_up_and_is_entered_under_them() {
    let mut stage = bought();
    let part = [range(SUN, T, 101, 300)];
    let outcome = done(&mut stage, Who::Anna, &claim(P[2], LAMP, T, &part));
    assert_eq!(
        events(&outcome),
        [Event::Claimed {
            device: SUN,
            start: Millis(T),
            first: 101,
            last: 300,
            account: P[2],
            point: LAMP,
            owner: P[2],
            interval: Millis(T),
            beneficiary: "household 3",
        }]
    );
    let told = claim_of(&stage, SUN, T, 101).expect("the claim");
    assert_eq!((told.last, told.account, told.point), (300, P[2], LAMP));
    assert_eq!(
        (told.beneficiary.as_str(), told.stored),
        ("household 3", None)
    );
    assert_eq!(told.attributes.source, Source::Solar);
    let point = Point {
        claimed: 200,
        claims: 1,
        micrograms: 200 * u128::from(SUN_INTENSITY),
    };
    assert_eq!(point_of(&stage, LAMP, T), point);
    assert_eq!(
        bundles_of(&stage, SUN, T),
        [(P[2], 1, 100), (P[2], 301, 500), (P[0], 501, 1_000)]
    );
    let register = register_of(&stage, SUN, T);
    assert_eq!((register.held, register.used), (800, 200));
    // Nobody holds them any more, so no number is claimed twice, moved or stored.
    for again in [
        range(SUN, T, 101, 300),
        range(SUN, T, 300, 301),
        range(SUN, T, 1, 101),
    ] {
        refused(
            &mut stage,
            Who::Anna,
            &claim(P[2], LAMP, T, &[again]),
            Code::NOT_HELD,
        );
        refused(
            &mut stage,
            Who::Anna,
            &transfer(P[2], P[1], &[again]),
            Code::NOT_HELD,
        );
    }
}

#[test]
fn no_more_is_claimed_than_was_consumed() {
    let mut stage = bought();
    let who = Who::Anna;
    let most = [range(SUN, T, 1, 301)];
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &most),
        Code::CONSUMPTION_EXCEEDED,
    );
    let parts = [range(SUN, T, 1, 100), range(SUN, T, 201, 350)];
    done(&mut stage, who, &claim(P[2], LAMP, T, &parts));
    let more = [range(SUN, T, 101, 151)];
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &more),
        Code::CONSUMPTION_EXCEEDED,
    );
    let rest = [range(SUN, T, 101, 150)];
    done(&mut stage, who, &claim(P[2], LAMP, T, &rest));
    let one = [range(SUN, T, 151, 151)];
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &one),
        Code::CONSUMPTION_EXCEEDED,
    );
    assert_eq!(point_of(&stage, LAMP, T).claimed, 300);
    // More was consumed after all; then less than was claimed, which stays used up and covers nothing.
    correct(&mut stage, LAMP, T, 2, -301);
    done(&mut stage, who, &claim(P[2], LAMP, T, &one));
    correct(&mut stage, LAMP, T, 3, -10);
    let other = [range(SUN, T, 152, 152)];
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &other),
        Code::CONSUMPTION_EXCEEDED,
    );
    assert_eq!(point_of(&stage, LAMP, T).claimed, 301);
    // What a meter gives is no consumption.
    correct(&mut stage, LAMP, T, 4, 500);
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &other),
        Code::CONSUMPTION_EXCEEDED,
    );
}

#[test]
fn of_several_faults_the_first_check_answers() {
    let mut stage = bought();
    let none: &[Ranged] = &[];
    let who = Who::Anna;
    let nowhere = ResourceId(9);
    refused(
        &mut stage,
        who,
        &claim(AccountId(999), nowhere, T, none),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(
        &mut stage,
        who,
        &claim(P[1], nowhere, T, none),
        Code::NOT_REPRESENTATIVE,
    );
    set_status(&mut stage, P[0], AccountStatus::Blocked);
    refused(
        &mut stage,
        who,
        &claim(P[0], nowhere, T, none),
        Code::ACCOUNT_NOT_OPEN,
    );
    set_status(&mut stage, P[0], AccountStatus::Open);
    refused(
        &mut stage,
        who,
        &claim(P[0], nowhere, T, none),
        Code::UNKNOWN_RESOURCE,
    );
    refused(
        &mut stage,
        who,
        &claim(P[0], LAMP, T, none),
        Code::NOT_CLAIMANT,
    );
    refused(&mut stage, who, &claim(P[2], LAMP, T, none), Code::TOO_MANY);
    let wrong = [range(SUN, T, 2, 1)];
    let unread = T + HOUR;
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, unread, &wrong),
        Code::RANGE_INVALID,
    );
    let part = [range(SUN, T, 901, 1_000)];
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, unread, &part),
        Code::UNKNOWN_READING,
    );
    read(&mut stage, unread, &[(LAMP, -1)]);
    let mut old = stage.clone();
    wait(&mut old, T + 546 * 24 * HOUR);
    old.execute(&[]);
    refused(
        &mut old,
        who,
        &claim(P[2], LAMP, unread, &part),
        Code::CERTIFICATE_EXPIRED,
    );
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, unread, &part),
        Code::INTERVAL_INVALID,
    );
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &part),
        Code::NOT_HELD,
    );
    let nobody = [range(nowhere, T, 1, 1)];
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &nobody),
        Code::INTERVAL_INVALID,
    );
    let most = [range(SUN, T, 1, 301)];
    refused(
        &mut stage,
        who,
        &claim(P[2], LAMP, T, &most),
        Code::CONSUMPTION_EXCEEDED,
    );
}

/// Whoever supplies a meter may claim for it when its owner has said so, and as long as it has.
#[test]
fn only_the_owner_and_whom_it_named_claim_for_a_meter() {
    let mut stage = bought();
    let part = [range(SUN, T, 501, 510)];
    let of_seller = claim(P[0], LAMP, T, &part);
    refused(&mut stage, Who::Anna, &of_seller, Code::NOT_CLAIMANT);
    for (who, call, code) in [
        (
            Who::Anna,
            set_claimant(ResourceId(9), None),
            Code::UNKNOWN_RESOURCE,
        ),
        (
            Who::Bert,
            set_claimant(LAMP, Some(AccountId(999))),
            Code::NOT_REPRESENTATIVE,
        ),
        (
            Who::Anna,
            set_claimant(LAMP, Some(AccountId(999))),
            Code::UNKNOWN_ACCOUNT,
        ),
    ] {
        refused(&mut stage, who, &call, code);
    }
    let outcome = done(&mut stage, Who::Anna, &set_claimant(LAMP, Some(P[0])));
    let told = |claimant| Event::ClaimantSet {
        point: LAMP,
        account: P[2],
        claimant,
    };
    assert_eq!(events(&outcome), [told(Some(P[0]))]);
    done(&mut stage, Who::Anna, &of_seller);
    done(&mut stage, Who::Anna, &set_claimant(LAMP, Some(BERT_S)));
    let part = [range(SUN, T, 511, 511)];
    refused(
        &mut stage,
        Who::Anna,
        &claim(P[0], LAMP, T, &part),
        Code::NOT_CLAIMANT,
    );
    let outcome = done(&mut stage, Who::Anna, &set_claimant(LAMP, None));
    assert_eq!(events(&outcome), [told(None)]);
    refused(
        &mut stage,
        Who::Bert,
        &claim(BERT_S, LAMP, T, &part),
        Code::NOT_CLAIMANT,
    );
    set_status(&mut stage, P[2], AccountStatus::Blocked);
    refused(
        &mut stage,
        Who::Anna,
        &set_claimant(LAMP, None),
        Code::ACCOUNT_NOT_OPEN,
    );
}

/// Production of quarters claimed for an hour: those of the hour do, those that touch it do not.
#[test]
fn quarters_of_production_count_for_the_hour_around_them() {
    let mut stage = fields();
    read(&mut stage, T, &[(OVEN, -100)]);
    for start in [T - QUARTER, T, T + 3 * QUARTER, T + HOUR] {
        read(&mut stage, start, &[(SUN, 60)]);
        issued(&mut stage, SUN, start, 60);
        let all = [range(SUN, start, 1, 60)];
        done(&mut stage, Who::Anna, &transfer(P[0], P[4], &all));
    }
    for start in [T - QUARTER, T + HOUR] {
        let part = [range(SUN, start, 1, 1)];
        let call = claim(P[4], OVEN, T, &part);
        refused(&mut stage, Who::Anna, &call, Code::INTERVAL_INVALID);
    }
    let parts = [range(SUN, T, 1, 60), range(SUN, T + 3 * QUARTER, 1, 41)];
    let call = claim(P[4], OVEN, T, &parts);
    refused(&mut stage, Who::Anna, &call, Code::CONSUMPTION_EXCEEDED);
    let parts = [range(SUN, T, 1, 60), range(SUN, T + 3 * QUARTER, 1, 40)];
    done(&mut stage, Who::Anna, &claim(P[4], OVEN, T, &parts));
    assert_eq!(point_of(&stage, OVEN, T).claimed, 100);
}

/// Production of an hour claimed for quarters: those within it, each up to its own consumption.
#[test]
fn an_hour_of_production_counts_for_the_quarters_in_it() {
    let mut stage = fields();
    read(&mut stage, T, &[(WIND, 1_000)]);
    issued(&mut stage, WIND, T, 1_000);
    let all = [range(WIND, T, 1, 1_000)];
    done(&mut stage, Who::Bert, &transfer(P[3], P[2], &all));
    let quarters = [T - QUARTER, T, T + QUARTER, T + 3 * QUARTER, T + HOUR];
    for start in quarters {
        read(&mut stage, start, &[(LAMP, -100)]);
    }
    for (place, start) in (0..).zip(quarters) {
        let part = [range(WIND, T, 1 + 100 * place, 100 + 100 * place)];
        let call = claim(P[2], LAMP, start, &part);
        if !(T..T + HOUR).contains(&start) {
            refused(&mut stage, Who::Anna, &call, Code::INTERVAL_INVALID);
        } else {
            done(&mut stage, Who::Anna, &call);
            assert_eq!(point_of(&stage, LAMP, start).claimed, 100);
        }
    }
    assert_eq!(register_of(&stage, WIND, T).used, 300);
}

/// Intervals are UTC: on the day on which clocks of the EU are set forward, 2026-03-29, there are 96 quarters as on any other, and
/// those of the missing local hour follow each other as all do.
#[test]
fn the_hour_in_which_clocks_are_set_is_an_hour_like_any_other() {
    let mut stage = fields();
    // 01:00 UTC, when it becomes 03:00 in Berlin.
    let change = 1_774_746_000_000_u64;
    wait(&mut stage, change + 2 * HOUR);
    read(&mut stage, change - HOUR, &[(OVEN, -100)]);
    read(&mut stage, change, &[(OVEN, -100)]);
    for start in (0..8).map(|quarter| change - HOUR + quarter * QUARTER) {
        read(&mut stage, start, &[(SUN, 25)]);
        issued(&mut stage, SUN, start, 25);
        let all = [range(SUN, start, 1, 25)];
        done(&mut stage, Who::Anna, &transfer(P[0], P[4], &all));
        let hour = if start < change {
            change - HOUR
        } else {
            change
        };
        let other = if start < change {
            change
        } else {
            change - HOUR
        };
        refused(
            &mut stage,
            Who::Anna,
            &claim(P[4], OVEN, other, &all),
            Code::INTERVAL_INVALID,
        );
        done(&mut stage, Who::Anna, &claim(P[4], OVEN, hour, &all));
    }
    for hour in [change - HOUR, change] {
        assert_eq!(point_of(&stage, OVEN, hour).claimed, 100);
    }
}

#[test]
fn an_interval_has_so_many_claims_and_no_more() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000), (LAMP, -1_000)]);
    issued(&mut stage, SUN, T, 1_000);
    let all = [range(SUN, T, 1, 1_000)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &all));
    for call in 0..4 {
        let ranges = (1..=64).map(|number| range(SUN, T, 64 * call + number, 64 * call + number));
        let ranges: Vec<Ranged> = ranges.collect();
        done(&mut stage, Who::Anna, &claim(P[2], LAMP, T, &ranges));
    }
    assert_eq!(point_of(&stage, LAMP, T).claims, CLAIMS_MAX);
    let one = [range(SUN, T, 1_000, 1_000)];
    refused(
        &mut stage,
        Who::Anna,
        &claim(P[2], LAMP, T, &one),
        Code::BUNDLE_LIMIT,
    );
}

/// An account of two claims by two, and is told everything else before that.
#[test]
fn an_account_of_two_claims_by_two() {
    let mut stage = bought();
    let part = [range(SUN, T, 1, 10)];
    done(&mut stage, Who::Anna, &transfer(P[2], JOINT, &part));
    done(&mut stage, Who::Anna, &set_claimant(LAMP, Some(JOINT)));
    let call = claim(JOINT, LAMP, T, &part);
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Granular>(Who::Anna, Who::Bert, &call);
    assert_eq!(code, Code::OK);
}
