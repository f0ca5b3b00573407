//! A corrected meter takes back the newest numbers that nobody used; the rest is a debt, which the next issue pays.

use super::*;

/// 1,000 numbers of the sun roof: 1 to 600 its owner's, 601 to 900 the lamp's owner's, of which 651 to 750 are claimed.
fn spread() -> Stage {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000), (LAMP, -100)]);
    issued(&mut stage, SUN, T, 1_000);
    let part = [range(SUN, T, 601, 900)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &part));
    let part = [range(SUN, T, 651, 750)];
    done(&mut stage, Who::Anna, &claim(P[2], LAMP, T, &part));
    stage
}

fn withdrawn(account: AccountId, first: u64, last: u64) -> Event<'static> {
    Event::Withdrawn {
        device: SUN,
        start: Millis(T),
        account,
        first,
        last,
    }
}

fn debt(debt: i64) -> Event<'static> {
    Event::DebtChanged {
        device: SUN,
        account: P[0],
        issuer: ISSUER,
        start: Millis(T),
        debt: WattHours(debt),
    }
}

#[test]
fn the_newest_numbers_that_nobody_used_are_void() {
    let mut stage = spread();
    let outcome = correct(&mut stage, SUN, T, 2, 999);
    assert_eq!(events(&outcome), [withdrawn(P[0], 1_000, 1_000)]);
    // Over two owners and past the claim.
    let outcome = correct(&mut stage, SUN, T, 3, 700);
    assert_eq!(
        events(&outcome),
        [
            withdrawn(P[0], 901, 999),
            withdrawn(P[2], 751, 900),
            withdrawn(P[2], 601, 650)
        ]
    );
    assert_eq!(bundles_of(&stage, SUN, T), [(P[0], 1, 600)]);
    let register = register_of(&stage, SUN, T);
    let expected = Register {
        numbers: 1_000,
        held: 600,
        used: 100,
        withdrawn: 300,
        ..Register::default()
    };
    assert_eq!(register, expected);
    assert_eq!(device_of(&stage, SUN).debt, WattHours(0));
}

#[test]
fn what_was_used_is_a_debt_and_the_next_issue_pays_it() {
    let mut stage = spread();
    let outcome = correct(&mut stage, SUN, T, 2, 30);
    let told = events(&outcome);
    assert_eq!(told.last(), Some(&debt(70)));
    assert_eq!(register_of(&stage, SUN, T).over, 70);
    assert_eq!(register_of(&stage, SUN, T).held, 0);
    let one = [(SUN, WattHours(1))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &one),
        Code::PRODUCTION_EXCEEDED,
    );

    read(&mut stage, T + QUARTER, &[(SUN, 50)]);
    let outcome = issued(&mut stage, SUN, T + QUARTER, 50);
    let paid = |start, first, last, paid| Event::Issued {
        device: SUN,
        start: Millis(start),
        account: P[0],
        issuer: ISSUER,
        first,
        last,
        paid: WattHours(paid),
    };
    assert_eq!(events(&outcome), [paid(T + QUARTER, 1, 0, 50)]);
    assert_eq!(device_of(&stage, SUN).debt, WattHours(20));
    assert_eq!(bundles_of(&stage, SUN, T + QUARTER), []);
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T + QUARTER, &one),
        Code::PRODUCTION_EXCEEDED,
    );
    read(&mut stage, T + 2 * QUARTER, &[(SUN, 500)]);
    let outcome = issued(&mut stage, SUN, T + 2 * QUARTER, 500);
    assert_eq!(events(&outcome), [paid(T + 2 * QUARTER, 1, 480, 20)]);
    assert_eq!(device_of(&stage, SUN).debt, WattHours(0));
}

/// A debt lower by an upward correction; one that was paid counts for the next.
#[test]
fn an_upward_correction_lowers_the_debt_and_then_makes_room() {
    let mut stage = spread();
    correct(&mut stage, SUN, T, 2, 30);
    let outcome = correct(&mut stage, SUN, T, 3, 60);
    assert_eq!(events(&outcome), [debt(40)]);
    read(&mut stage, T + QUARTER, &[(SUN, 40)]);
    issued(&mut stage, SUN, T + QUARTER, 40);
    assert_eq!(device_of(&stage, SUN).debt, WattHours(0));
    // Forty more than it should have were paid.
    let outcome = correct(&mut stage, SUN, T, 4, 150);
    assert_eq!(events(&outcome), [debt(-40)]);
    let more = [(SUN, WattHours(51))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &more),
        Code::PRODUCTION_EXCEEDED,
    );
    let outcome = issued(&mut stage, SUN, T, 50);
    let [
        Event::Issued {
            first, last, paid, ..
        },
    ] = events(&outcome)[..]
    else {
        panic!("one issue");
    };
    // Numbers go on and are never used again.
    assert_eq!((first, last, paid), (1_001, 1_050, WattHours(0)));
    // What paid a debt is backed by its own interval: it becomes a debt again, and what was paid too much counts for it.
    let outcome = correct(&mut stage, SUN, T + QUARTER, 2, 10);
    let [Event::DebtChanged { debt, .. }] = events(&outcome)[..] else {
        panic!("a debt");
    };
    assert_eq!(debt, WattHours(-10));
    assert_eq!(register_of(&stage, SUN, T + QUARTER).over, 30);
}

/// A meter that turns out to have taken energy has produced none.
#[test]
fn a_production_that_becomes_a_consumption_backs_nothing() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 10)]);
    issued(&mut stage, SUN, T, 10);
    let outcome = correct(&mut stage, SUN, T, 2, -10);
    assert_eq!(events(&outcome), [withdrawn(P[0], 1, 10)]);
    let one = [(SUN, WattHours(1))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &one),
        Code::PRODUCTION_EXCEEDED,
    );
    // With nothing issued a correction changes nothing here.
    read(&mut stage, T + QUARTER, &[(SUN, 10)]);
    let outcome = correct(&mut stage, SUN, T + QUARTER, 2, 5);
    assert_eq!(events(&outcome), []);
}

/// What was withheld stays backed first: it is another's.
#[test]
fn what_was_withheld_is_backed_as_what_was_used() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 100)]);
    issued(&mut stage, SUN, T, 60);
    let withhold = Call::Withhold {
        issuer: ISSUER,
        device: SUN,
        start: Millis(T),
        energy: WattHours(40),
    };
    done(&mut stage, Who::Administrator, &withhold);
    let outcome = correct(&mut stage, SUN, T, 2, 30);
    assert_eq!(events(&outcome), [withdrawn(P[0], 1, 60), debt(10)]);
}

/// A correction within what is free touches no certificate, and one that says the same is silent.
#[test]
fn a_correction_above_what_was_issued_touches_nothing() {
    let mut stage = spread();
    for (version, energy) in [(2, 1_000), (3, 5_000), (4, 1_000)] {
        let before = register_of(&stage, SUN, T);
        let outcome = correct(&mut stage, SUN, T, version, energy);
        assert_eq!(events(&outcome), []);
        assert_eq!(register_of(&stage, SUN, T), before);
    }
}
