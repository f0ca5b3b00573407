//! Another issuer takes a device over once the first one can issue no more, and not before.

use super::*;

const OTHER: AccountId = AccountId(151);

/// The sun roof owes 6 Wh, and another issuer's account is there, which the second administrator represents.
fn with_other() -> Stage {
    let mut stage = fields();
    let open = identity::Call::OpenAccount {
        account: OTHER,
        holder: HolderId(OTHER.0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&[Who::Administrator2.key()]),
    };
    let code = stage.call::<Identity>(Who::Administrator, &open);
    assert_eq!(code, Code::OK);
    read(&mut stage, T, &[(SUN, 20), (LAMP, -10)]);
    issued(&mut stage, SUN, T, 10);
    let part = [range(SUN, T, 1, 10)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &part));
    done(&mut stage, Who::Anna, &claim(P[2], LAMP, T, &part));
    correct(&mut stage, SUN, T, 2, 4);
    assert_eq!(device_of(&stage, SUN).debt, WattHours(6));
    stage
}

fn take_over() -> Call<'static> {
    Call::EnrolDevice {
        device: SUN,
        issuer: OTHER,
        source: Source::Solar,
        place: (1, 2),
        intensity: 7,
    }
}

fn set_roles(stage: &mut Stage, roles: Roles) {
    let call = identity::Call::SetRoles {
        key: Who::Administrator.key(),
        roles,
    };
    let code = stage.call_of_two::<Identity>(Who::Regulator, Who::Regulator2, &call);
    assert_eq!(code, Code::OK);
}

#[test]
fn who_lost_the_role_loses_the_device_and_what_it_owes_goes_over() {
    let mut stage = with_other();
    let who = Who::Administrator2;
    refused(&mut stage, who, &take_over(), Code::NOT_ITS_ISSUER);
    // Blocked is not gone.
    set_status(&mut stage, ISSUER, AccountStatus::Blocked);
    refused(&mut stage, who, &take_over(), Code::NOT_ITS_ISSUER);
    set_status(&mut stage, ISSUER, AccountStatus::Open);
    set_roles(&mut stage, Roles::TRADER);
    let outcome = done(&mut stage, who, &take_over());
    assert_eq!(
        events(&outcome),
        [Event::DeviceEnrolled {
            device: SUN,
            account: P[0],
            issuer: OTHER,
            before: Some(ISSUER),
            source: Source::Solar,
            place: (1, 2),
            intensity: 7,
        }]
    );
    assert_eq!(device_of(&stage, SUN).debt, WattHours(6));

    // The old one has its role again, and the device is the other's.
    set_roles(&mut stage, Roles::REGISTRY_ADMINISTRATOR);
    read(&mut stage, T + QUARTER, &[(SUN, 10)]);
    let shares = [(SUN, WattHours(10))];
    let late = issue(T + QUARTER, &shares);
    refused(&mut stage, Who::Administrator, &late, Code::NOT_ITS_ISSUER);
    let back = enrol(SUN, Source::Solar, 1);
    refused(&mut stage, Who::Administrator, &back, Code::NOT_ITS_ISSUER);
    let call = Call::Issue {
        issuer: OTHER,
        start: Millis(T + QUARTER),
        shares: List::Items(&shares),
    };
    let outcome = done(&mut stage, who, &call);
    // 6 of 10 Wh pay what was owed.
    assert_eq!(
        events(&outcome),
        [Event::Issued {
            device: SUN,
            start: Millis(T + QUARTER),
            account: P[0],
            issuer: OTHER,
            first: 1,
            last: 4,
            paid: WattHours(6),
        }]
    );
    // What was claimed still names whom it was issued by.
    let claims = &stage.machine.stores().read::<Granular>().claims;
    let claimed = claims.get(&(Millis(T), SUN, 1)).expect("it was claimed");
    assert_eq!(claimed.attributes.issuer, ISSUER);
}

#[test]
fn a_closed_account_issues_no_more() {
    let mut stage = with_other();
    set_status(&mut stage, ISSUER, AccountStatus::Closed);
    done(&mut stage, Who::Administrator2, &take_over());
    assert_eq!(device_of(&stage, SUN).issuer, OTHER);
}
