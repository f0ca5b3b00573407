//! What goes into a storage comes out as new certificates, less the losses, and never more than its meter says.

use bds_contracts::granular::claim::Stored;

use super::super::stage::JOINT;
use super::*;

pub(super) fn charge(account: AccountId, interval: u64, ranges: &[Ranged]) -> Call<'_> {
    Call::Charge {
        account,
        storage: CELL,
        interval: Millis(interval),
        ranges: List::Items(ranges),
    }
}

pub(super) fn discharge(account: AccountId, first: u64, start: u64, energy: i64) -> Call<'static> {
    Call::Discharge {
        account,
        charged: (Millis(T), SUN),
        first,
        start: Millis(start),
        energy: WattHours(energy),
    }
}

/// The battery's owner has the numbers 1 to 1,000 of the sun roof; the battery took 600 Wh at `T` and gave 800 in the next quarter.
fn with_battery() -> Stage {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000), (CELL, -600)]);
    read(&mut stage, T + QUARTER, &[(CELL, 800)]);
    issued(&mut stage, SUN, T, 1_000);
    let all = [range(SUN, T, 1, 1_000)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[1], &all));
    stage
}

fn stored(stage: &Stage, first: u64) -> Option<Stored> {
    let claims = &stage.machine.stores().read::<Granular>().claims;
    claims.get(&(Millis(T), SUN, first))?.stored
}

#[test]
fn what_was_stored_comes_out_less_its_losses() {
    let mut stage = with_battery();
    // 501 Wh at 90 %: 450.9 are 450; 501 x 40 / 450 = 44.53 g a kilowatt hour.
    let outcome = done(
        &mut stage,
        Who::Bert,
        &charge(P[1], T, &[range(SUN, T, 1, 501)]),
    );
    assert_eq!(
        events(&outcome),
        [Event::Charged {
            device: SUN,
            start: Millis(T),
            first: 1,
            last: 501,
            account: P[1],
            storage: CELL,
            owner: P[1],
            interval: Millis(T),
            left: WattHours(450),
        }]
    );
    let kept = |left| {
        Some(Stored {
            left,
            intensity: 44_534,
        })
    };
    assert_eq!(stored(&stage, 1), kept(450));
    let next = T + QUARTER;
    let outcome = done(&mut stage, Who::Bert, &discharge(P[1], 1, next, 200));
    assert_eq!(
        events(&outcome),
        [
            Event::Issued {
                device: CELL,
                start: Millis(next),
                account: P[1],
                issuer: ISSUER,
                first: 1,
                last: 200,
                paid: WattHours(0),
            },
            Event::Discharged {
                storage: CELL,
                start: Millis(next),
                account: P[1],
                charged: (Millis(T), SUN),
                first: 1,
                energy: WattHours(200),
                left: WattHours(250),
            }
        ]
    );
    refused(
        &mut stage,
        Who::Bert,
        &discharge(P[1], 1, next, 251),
        Code::NOT_STORED,
    );
    done(&mut stage, Who::Bert, &discharge(P[1], 1, next, 250));
    assert_eq!(stored(&stage, 1), kept(0));
    refused(
        &mut stage,
        Who::Bert,
        &discharge(P[1], 1, next, 1),
        Code::NOT_STORED,
    );
    assert_eq!(bundles_of(&stage, CELL, next), [(P[1], 1, 450)]);
    let bundles = &stage.machine.stores().read::<Granular>().bundles;
    let attributes = bundles.get(&(Millis(next), CELL, 1)).unwrap().attributes;
    assert_eq!(attributes.source, Source::Solar);
    assert_eq!(attributes.intensity, 44_534);
    assert_eq!(attributes.charged, Some((Millis(T), SUN, 1)));
    let register = register_of(&stage, SUN, T);
    assert_eq!((register.held, register.used), (499, 501));
}

/// The battery's own energy is never issued for as production: only against what was put in.
#[test]
fn a_storage_is_no_source() {
    let mut stage = with_battery();
    let shares = [(CELL, WattHours(1))];
    let call = issue(T + QUARTER, &shares);
    refused(&mut stage, Who::Administrator, &call, Code::DEVICE_INVALID);
}

#[test]
fn no_more_goes_in_or_comes_out_than_its_meter_says() {
    let mut stage = with_battery();
    let who = Who::Bert;
    let most = [range(SUN, T, 1, 601)];
    let call = charge(P[1], T, &most);
    refused(&mut stage, who, &call, Code::CONSUMPTION_EXCEEDED);
    // A claim for the same meter and interval counts as well.
    let part = [range(SUN, T, 901, 1_000)];
    done(&mut stage, who, &claim(P[1], CELL, T, &part));
    let most = [range(SUN, T, 1, 501)];
    let call = charge(P[1], T, &most);
    refused(&mut stage, who, &call, Code::CONSUMPTION_EXCEEDED);
    done(&mut stage, who, &charge(P[1], T, &[range(SUN, T, 1, 500)]));
    let points = &stage.machine.stores().read::<Granular>().points;
    let point = points.get(&(Millis(T), CELL)).unwrap();
    assert_eq!(point.claimed, 600);
    assert_eq!(
        point.micrograms,
        100 * u128::from(SUN_INTENSITY),
        "what was stored goes on"
    );
    read(&mut stage, T + 2 * QUARTER, &[(CELL, 449)]);
    let next = T + 2 * QUARTER;
    refused(
        &mut stage,
        who,
        &discharge(P[1], 1, next, 450),
        Code::PRODUCTION_EXCEEDED,
    );
    done(&mut stage, who, &discharge(P[1], 1, next, 449));
    refused(
        &mut stage,
        who,
        &discharge(P[1], 1, next, 1),
        Code::PRODUCTION_EXCEEDED,
    );
    done(&mut stage, who, &discharge(P[1], 1, T + QUARTER, 1));
}

#[test]
fn of_several_faults_of_charging_the_first_check_answers() {
    let mut stage = with_battery();
    let who = Who::Bert;
    fn of(account: AccountId, storage: ResourceId, ranges: &[Ranged]) -> Call<'_> {
        Call::Charge {
            account,
            storage,
            interval: Millis(T + HOUR),
            ranges: List::Items(ranges),
        }
    }
    let none: &[Ranged] = &[];
    let nowhere = ResourceId(9);
    refused(
        &mut stage,
        who,
        &of(AccountId(999), nowhere, none),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(
        &mut stage,
        who,
        &of(P[0], nowhere, none),
        Code::NOT_REPRESENTATIVE,
    );
    set_status(&mut stage, P[3], AccountStatus::Blocked);
    refused(
        &mut stage,
        who,
        &of(P[3], nowhere, none),
        Code::ACCOUNT_NOT_OPEN,
    );
    set_status(&mut stage, P[3], AccountStatus::Open);
    refused(
        &mut stage,
        who,
        &of(P[3], nowhere, none),
        Code::UNKNOWN_RESOURCE,
    );
    refused(&mut stage, who, &of(P[3], LAMP, none), Code::UNKNOWN_DEVICE);
    refused(&mut stage, who, &of(P[3], SUN, none), Code::DEVICE_INVALID);
    refused(&mut stage, who, &of(P[3], CELL, none), Code::NOT_CLAIMANT);
    refused(&mut stage, who, &of(P[1], CELL, none), Code::TOO_MANY);
    let wrong = [range(SUN, T, 3, 2)];
    refused(
        &mut stage,
        who,
        &of(P[1], CELL, &wrong),
        Code::RANGE_INVALID,
    );
    let one = [range(SUN, T, 1_001, 1_001)];
    refused(
        &mut stage,
        who,
        &of(P[1], CELL, &one),
        Code::UNKNOWN_READING,
    );
    read(&mut stage, T + HOUR, &[(CELL, -1)]);
    refused(
        &mut stage,
        who,
        &of(P[1], CELL, &one),
        Code::INTERVAL_INVALID,
    );
    refused(&mut stage, who, &charge(P[1], T, &one), Code::NOT_HELD);
    // One watt hour at 90 % is nothing.
    refused(
        &mut stage,
        who,
        &charge(P[1], T, &[range(SUN, T, 1, 1)]),
        Code::NOT_STORED,
    );
    done(&mut stage, who, &charge(P[1], T, &[range(SUN, T, 1, 2)]));
    assert_eq!(stored(&stage, 1).unwrap().left, 1);
}

#[test]
fn of_several_faults_of_discharging_the_first_check_answers() {
    let mut stage = with_battery();
    let who = Who::Bert;
    let parts = [range(SUN, T, 1, 200), range(SUN, T, 401, 500)];
    done(&mut stage, who, &charge(P[1], T, &parts[..1]));
    done(&mut stage, who, &claim(P[1], CELL, T, &parts[1..]));
    let of = |account, first, start, energy| discharge(account, first, start, energy);
    refused(
        &mut stage,
        who,
        &of(AccountId(999), 9, T, 0),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(
        &mut stage,
        who,
        &of(P[0], 9, T, 0),
        Code::NOT_REPRESENTATIVE,
    );
    set_status(&mut stage, P[1], AccountStatus::Blocked);
    refused(&mut stage, who, &of(P[1], 9, T, 0), Code::ACCOUNT_NOT_OPEN);
    set_status(&mut stage, P[1], AccountStatus::Open);
    // Unknown, another's, and one that was consumed.
    refused(&mut stage, who, &of(P[1], 9, T, 0), Code::NOT_STORED);
    refused(&mut stage, who, &of(P[3], 1, T, 0), Code::NOT_STORED);
    refused(&mut stage, who, &of(P[1], 401, T, 0), Code::NOT_STORED);
    let mut old = stage.clone();
    wait(&mut old, T + 546 * 24 * HOUR);
    old.execute(&[]);
    refused(&mut old, who, &of(P[1], 1, T, 0), Code::CERTIFICATE_EXPIRED);
    refused(&mut stage, who, &of(P[1], 1, T, 0), Code::INTERVAL_INVALID);
    refused(
        &mut stage,
        who,
        &of(P[1], 1, T + HOUR, 0),
        Code::UNKNOWN_READING,
    );
    for energy in [0, -1, 801, i64::MIN, i64::MAX] {
        let call = of(P[1], 1, T + QUARTER, energy);
        refused(&mut stage, who, &call, Code::PRODUCTION_EXCEEDED);
    }
    refused(
        &mut stage,
        who,
        &of(P[1], 1, T + QUARTER, 181),
        Code::NOT_STORED,
    );
    done(&mut stage, who, &of(P[1], 1, T + QUARTER, 180));
}

/// What came out can go in again, and be claimed; an account of two does all of it by two.
#[test]
fn what_came_out_is_a_certificate_like_any_other() {
    let mut stage = with_battery();
    let bert = Who::Bert;
    let all = [range(SUN, T, 1, 600)];
    done(&mut stage, bert, &transfer(P[1], JOINT, &all));
    done(&mut stage, bert, &set_claimant(CELL, Some(JOINT)));
    let call = charge(JOINT, T, &all);
    refused(&mut stage, bert, &call, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Granular>(bert, Who::Anna, &call);
    assert_eq!(code, Code::OK);
    let call = discharge(JOINT, 1, T + QUARTER, 540);
    refused(&mut stage, bert, &call, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Granular>(bert, Who::Anna, &call);
    assert_eq!(code, Code::OK);
    read(&mut stage, T + QUARTER, &[(LAMP, -540)]);
    done(&mut stage, Who::Anna, &set_claimant(LAMP, Some(JOINT)));
    let all = [range(CELL, T + QUARTER, 1, 540)];
    let code =
        stage.call_of_two::<Granular>(bert, Who::Anna, &claim(JOINT, LAMP, T + QUARTER, &all));
    assert_eq!(code, Code::OK);
    let points = &stage.machine.stores().read::<Granular>().points;
    let point = points.get(&(Millis(T + QUARTER), LAMP)).unwrap();
    // 600 Wh at 40 g a kilowatt hour are 24 g; none of it was lost on the way.
    assert!(point.micrograms >= 600 * 40_000 && point.micrograms < 600 * 40_000 + 540);
}

/// A battery whose meter gave less than was issued for it owes, and what comes out next pays.
#[test]
fn a_storage_owes_as_any_device_does() {
    let mut stage = with_battery();
    let bert = Who::Bert;
    done(&mut stage, bert, &charge(P[1], T, &[range(SUN, T, 1, 600)]));
    done(&mut stage, bert, &discharge(P[1], 1, T + QUARTER, 300));
    read(&mut stage, T + QUARTER, &[(LAMP, -100)]);
    done(&mut stage, Who::Anna, &set_claimant(LAMP, Some(P[1])));
    let part = [range(CELL, T + QUARTER, 1, 100)];
    done(&mut stage, bert, &claim(P[1], LAMP, T + QUARTER, &part));
    correct(&mut stage, CELL, T + QUARTER, 2, 40);
    assert_eq!(device_of(&stage, CELL).debt, WattHours(60));
    read(&mut stage, T + 2 * QUARTER, &[(CELL, 240)]);
    done(&mut stage, bert, &discharge(P[1], 1, T + 2 * QUARTER, 240));
    assert_eq!(device_of(&stage, CELL).debt, WattHours(0));
    assert_eq!(bundles_of(&stage, CELL, T + 2 * QUARTER), [(P[1], 1, 180)]);
    assert_eq!(stored(&stage, 1).unwrap().left, 0);
}
