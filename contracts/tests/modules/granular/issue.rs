//! Devices are enrolled, and certificates issued against what their meters say, never more.

use bds_contracts::amount::WattHours;
use bds_contracts::energy::rules::{Kind, Minutes};
use bds_contracts::granular::device::INTENSITY_MAX;

use super::super::stage::{BERT_S, JOINT};
use super::*;

#[test]
fn of_several_faults_of_an_enrolment_the_first_check_answers() {
    let mut stage = fields();
    let new = |device, issuer, source, place, intensity| Call::EnrolDevice {
        device,
        issuer,
        source,
        place,
        intensity,
    };
    let (nowhere, most) = ((90_000_001, 0), INTENSITY_MAX + 1);
    let stranger = ResourceId(9);
    let storage = Source::Storage;
    let who = Who::Administrator;
    for (call, code) in [
        (
            new(stranger, AccountId(999), storage, nowhere, most),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            new(stranger, BERT_S, storage, nowhere, most),
            Code::NOT_REPRESENTATIVE,
        ),
    ] {
        refused(&mut stage, who, &call, code);
    }
    set_status(&mut stage, ISSUER, AccountStatus::Blocked);
    refused(
        &mut stage,
        who,
        &new(stranger, ISSUER, storage, nowhere, most),
        Code::ACCOUNT_NOT_OPEN,
    );
    set_status(&mut stage, ISSUER, AccountStatus::Open);
    let other = identity::Call::OpenAccount {
        account: AccountId(151),
        holder: HolderId(151),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&[who.key()]),
    };
    assert_eq!(stage.call::<Identity>(who, &other), Code::OK);
    let other = AccountId(151);
    for (call, code) in [
        (
            new(stranger, ISSUER, storage, nowhere, most),
            Code::UNKNOWN_RESOURCE,
        ),
        (
            new(SUN, other, storage, nowhere, most),
            Code::NOT_ITS_ISSUER,
        ),
        (
            new(SUN, ISSUER, storage, nowhere, most),
            Code::PLACE_INVALID,
        ),
        (
            new(SUN, ISSUER, storage, (0, -180_000_001), 0),
            Code::PLACE_INVALID,
        ),
        (
            new(SUN, ISSUER, Source::Gas, (0, 0), most),
            Code::DEVICE_INVALID,
        ),
        (new(SUN, ISSUER, storage, (0, 0), 0), Code::DEVICE_INVALID),
        (
            new(CELL, ISSUER, Source::Gas, (0, 0), 0),
            Code::DEVICE_INVALID,
        ),
        (new(CELL, ISSUER, storage, (0, 0), 1), Code::DEVICE_INVALID),
    ] {
        refused(&mut stage, who, &call, code);
    }
    let most = new(
        SUN,
        ISSUER,
        Source::Gas,
        (-90_000_000, 180_000_000),
        INTENSITY_MAX,
    );
    let outcome = done(&mut stage, who, &most);
    assert_eq!(
        events(&outcome),
        [Event::DeviceEnrolled {
            device: SUN,
            account: P[0],
            issuer: ISSUER,
            before: None,
            source: Source::Gas,
            place: (-90_000_000, 180_000_000),
            intensity: INTENSITY_MAX,
        }]
    );
}

/// Intervals are quarters of an hour and hours; a meter of half hours has none.
#[test]
fn half_hours_are_not_certified() {
    let mut stage = fields();
    let third = MicrogridId(3);
    let code = stage.call::<Energy>(Who::Bank, &grid(third, Minutes::Thirty));
    assert_eq!(code, Code::OK);
    let register = energy::Call::RegisterProsumer {
        account: BERT_S,
        microgrid: third,
        kind: Kind::Psm,
    };
    assert_eq!(stage.call::<Energy>(Who::Bank, &register), Code::OK);
    let code = stage.call::<Energy>(Who::Bank, &resource(BERT_S, ResourceId(9)));
    assert_eq!(code, Code::OK);
    let call = enrol(ResourceId(9), Source::Wind, 0);
    refused(&mut stage, Who::Administrator, &call, Code::DEVICE_INVALID);
}

#[test]
fn certificates_are_issued_up_to_what_was_metered_and_numbered_on() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000), (LAMP, -500)]);
    let outcome = issued(&mut stage, SUN, T, 400);
    let told = |first, last| Event::Issued {
        device: SUN,
        start: Millis(T),
        account: P[0],
        issuer: ISSUER,
        first,
        last,
        paid: WattHours(0),
    };
    assert_eq!(events(&outcome), [told(1, 400)]);
    let more = [(SUN, WattHours(601))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &more),
        Code::PRODUCTION_EXCEEDED,
    );
    let outcome = issued(&mut stage, SUN, T, 600);
    assert_eq!(events(&outcome), [told(401, 1_000)]);
    assert_eq!(bundles_of(&stage, SUN, T), [(P[0], 1, 1_000)], "joined");
    let one = [(SUN, WattHours(1))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &one),
        Code::PRODUCTION_EXCEEDED,
    );
    let expected = Register {
        numbers: 1_000,
        held: 1_000,
        ..Register::default()
    };
    assert_eq!(register_of(&stage, SUN, T), expected);
}

/// A certificate says what was true when it was issued: what was issued before and after a change of the device stays apart.
#[test]
fn a_certificate_keeps_what_it_says() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000)]);
    issued(&mut stage, SUN, T, 400);
    let call = enrol(SUN, Source::Solar, 41_000);
    done(&mut stage, Who::Administrator, &call);
    issued(&mut stage, SUN, T, 600);
    assert_eq!(
        bundles_of(&stage, SUN, T),
        [(P[0], 1, 400), (P[0], 401, 1_000)]
    );
    let bundles = &stage.machine.stores().read::<Granular>().bundles;
    let of = |first| bundles.get(&(Millis(T), SUN, first)).unwrap().attributes;
    assert_eq!(
        (of(1).intensity, of(401).intensity),
        (SUN_INTENSITY, 41_000)
    );
}

#[test]
fn of_several_faults_of_an_issue_the_first_check_answers() {
    let mut stage = fields();
    let who = Who::Administrator;
    fn of(issuer: AccountId, start: u64, shares: &[(ResourceId, WattHours)]) -> Call<'_> {
        Call::Issue {
            issuer,
            start: Millis(start),
            shares: List::Items(shares),
        }
    }
    let none: &[(ResourceId, WattHours)] = &[];
    refused(
        &mut stage,
        who,
        &of(AccountId(999), T, none),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(
        &mut stage,
        who,
        &of(BERT_S, T, none),
        Code::NOT_REPRESENTATIVE,
    );
    set_status(&mut stage, ISSUER, AccountStatus::Suspended);
    refused(
        &mut stage,
        who,
        &of(ISSUER, T, none),
        Code::ACCOUNT_NOT_OPEN,
    );
    set_status(&mut stage, ISSUER, AccountStatus::Open);
    refused(&mut stage, who, &of(ISSUER, T, none), Code::TOO_MANY);
    let other = identity::Call::SetRepresentatives {
        account: BERT_S,
        threshold: 1,
        representatives: List::Items(&[who.key()]),
    };
    let code = stage.call_of_two::<Identity>(who, Who::Administrator2, &other);
    assert_eq!(code, Code::OK);

    let late = 546 * 24 * HOUR;
    for (issuer, share, code) in [
        (BERT_S, (PLAIN, 0), Code::UNKNOWN_DEVICE),
        (BERT_S, (CELL, 0), Code::NOT_ITS_ISSUER),
        (ISSUER, (CELL, 0), Code::DEVICE_INVALID),
        (ISSUER, (SUN, 0), Code::UNKNOWN_READING),
    ] {
        let shares = [(share.0, WattHours(share.1))];
        refused(&mut stage, who, &of(issuer, T, &shares), code);
    }
    let mut old = stage.clone();
    wait(&mut old, T + late);
    let shares = [(SUN, WattHours(0))];
    refused(
        &mut old,
        who,
        &of(ISSUER, T, &shares),
        Code::CERTIFICATE_EXPIRED,
    );

    read(&mut stage, T, &[(SUN, 10), (LAMP, -10)]);
    close(&mut stage, P[0]);
    for energy in [0, -1, 11, i64::MIN, i64::MAX] {
        let shares = [(SUN, WattHours(energy))];
        refused(
            &mut stage,
            who,
            &of(ISSUER, T, &shares),
            Code::PRODUCTION_EXCEEDED,
        );
    }
    let shares = [(SUN, WattHours(10))];
    refused(
        &mut stage,
        who,
        &of(ISSUER, T, &shares),
        Code::ACCOUNT_NOT_OPEN,
    );
}

/// All or none: the first share is good, and the second asks for the same energy again.
#[test]
fn one_share_that_is_wrong_refuses_all() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 10)]);
    let shares = [(SUN, WattHours(6)), (SUN, WattHours(5))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &shares),
        Code::PRODUCTION_EXCEEDED,
    );
    let shares = [(SUN, WattHours(6)), (SUN, WattHours(4))];
    let outcome = done(&mut stage, Who::Administrator, &issue(T, &shares));
    assert_eq!(events(&outcome).len(), 2);
    assert_eq!(register_of(&stage, SUN, T).held, 10);
}

/// What backs another attribute is never certified, and what is certified backs no other.
#[test]
fn a_watt_hour_backs_one_attribute() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000)]);
    let withhold = |energy| Call::Withhold {
        issuer: ISSUER,
        device: SUN,
        start: Millis(T),
        energy: WattHours(energy),
    };
    issued(&mut stage, SUN, T, 700);
    for energy in [0, -5, 301, i64::MIN, i64::MAX] {
        let call = withhold(energy);
        refused(
            &mut stage,
            Who::Administrator,
            &call,
            Code::PRODUCTION_EXCEEDED,
        );
    }
    let outcome = done(&mut stage, Who::Administrator, &withhold(200));
    assert_eq!(
        events(&outcome),
        [Event::Withheld {
            device: SUN,
            start: Millis(T),
            account: P[0],
            issuer: ISSUER,
            energy: WattHours(200),
        }]
    );
    let more = [(SUN, WattHours(101))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &more),
        Code::PRODUCTION_EXCEEDED,
    );
    issued(&mut stage, SUN, T, 100);
    refused(
        &mut stage,
        Who::Administrator,
        &withhold(1),
        Code::PRODUCTION_EXCEEDED,
    );
    let expected = Register {
        numbers: 800,
        held: 800,
        withheld: 200,
        ..Register::default()
    };
    assert_eq!(register_of(&stage, SUN, T), expected);
}

#[test]
fn of_several_faults_of_withholding_the_first_check_answers() {
    let mut stage = fields();
    let who = Who::Administrator;
    let of = |issuer, device| Call::Withhold {
        issuer,
        device,
        start: Millis(T),
        energy: WattHours(0),
    };
    refused(
        &mut stage,
        who,
        &of(AccountId(999), PLAIN),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(&mut stage, who, &of(JOINT, PLAIN), Code::NOT_REPRESENTATIVE);
    set_status(&mut stage, ISSUER, AccountStatus::Blocked);
    refused(&mut stage, who, &of(ISSUER, PLAIN), Code::ACCOUNT_NOT_OPEN);
    set_status(&mut stage, ISSUER, AccountStatus::Open);
    refused(&mut stage, who, &of(ISSUER, PLAIN), Code::UNKNOWN_DEVICE);
    refused(&mut stage, who, &of(ISSUER, SUN), Code::UNKNOWN_READING);
    let mut old = stage.clone();
    wait(&mut old, T + 546 * 24 * HOUR);
    refused(&mut old, who, &of(ISSUER, SUN), Code::CERTIFICATE_EXPIRED);
}

/// An issuer's account that takes two issues by two.
#[test]
fn an_issuer_of_two_issues_by_two() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 10)]);
    let both = identity::Call::SetRepresentatives {
        account: ISSUER,
        threshold: 2,
        representatives: List::Items(&[Who::Administrator.key(), Who::Administrator2.key()]),
    };
    let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &both);
    assert_eq!(code, Code::OK);
    let shares = [(SUN, WattHours(10))];
    let call = issue(T, &shares);
    refused(&mut stage, Who::Administrator, &call, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Granular>(Who::Administrator, Who::Administrator2, &call);
    assert_eq!(code, Code::OK);
    assert_eq!(register_of(&stage, SUN, T).held, 10);
}
