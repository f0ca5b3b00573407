//! Who may ask what of energy, cell by cell; and its calls for the test that makes every write fail once.

use bds_contracts::account::Roles;
use bds_contracts::amount::{Currency, Money as Amount, Price, WattHours, Watts};
use bds_contracts::energy::rules::{Last, Quality, Ranking, Role};
use bds_contracts::energy::{Call, Energy, ResourceId};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::module::{Modules as _, matrix};
use bds_contracts::kernel::rights::roles;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::Millis;

use super::super::stage::{BANK_S, EUR, Who};
use super::super::undo::Rehearsal;
use super::*;

/// From the roles of the design, not from the code: what is not named here is refused.
fn allowed(method: &str) -> &'static [&'static str] {
    match method {
        "open-microgrid" | "register-prosumer" | "set-active" | "register-resource"
        | "set-reader" | "declare-balance" => &["grid-operator"],
        "set-rules" => &["market-operator"],
        "init-vpp" | "join-vpp" | "leave-vpp" => &["prosumer", "aggregator"],
        "pay-arrears" => &["prosumer", "aggregator", "grid-operator"],
        "settle-microgrid" => &["prosumer", "aggregator", "grid-operator", "market-operator"],
        "submit-meter" | "correct-meter" => &["meter-operator"],
        other => panic!("{other} is new"),
    }
}

#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let mut cells = 0;
        for cell in matrix::<Modules>(profile).filter(|cell| cell.module == "energy") {
            let designated = profile != Profile::Public;
            let expected = designated && allowed(cell.method.name).contains(&cell.role);
            assert_eq!(cell.allowed, expected, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
        let catalog = Modules::CATALOG
            .iter()
            .find(|module| module.name == "energy");
        let methods = catalog.expect("it is listed").methods.len();
        assert_eq!(cells, methods * (1 + roles().len()));
    }
}

#[test]
fn who_has_no_right_changes_nothing() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    let reading = [((resource(P[1]), WattHours(5)), Quality::Measured)];
    for (call, who) in [
        (microgrid(Ranking::Arrival, Last::Cut), Who::Surveillance),
        (set_rules(Ranking::Arrival, Last::Cut, 5), Who::Bank),
        (register(P[0]), Who::Regulator),
        (plain_resource(P[0]), Who::Administrator),
        (needs(5), Who::Bank),
        (offer(session, P[1], 5, 100), Who::Verifier),
        (readings_of(&reading), Who::Bert),
        (correction(P[1], 2, 5), Who::Bank),
    ] {
        refused(&mut stage, who, &call, Code::WRONG_ROLE);
        refused(&mut stage, Who::Guest, &call, Code::WRONG_ROLE);
    }
    let roles = stage.machine.member(&Who::Verifier.key()).unwrap().roles;
    assert!(roles.has(Roles::METER_OPERATOR));
}

/// Each call of energy, the ways through it that write most.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    appoint(&mut r.stage);
    accounts(&mut r.stage);
    let open = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Open,
        reason: "",
    };
    r.step::<Identity>(Who::Regulator, &open);
    r.step::<Energy>(Who::Bank, &microgrid(Ranking::Arrival, Last::Whole));
    let rules = set_rules(Ranking::PriceArrival, Last::Whole, IMBALANCE);
    r.step::<Energy>(Who::Surveillance, &rules);
    for account in &P[..3] {
        r.step::<Energy>(Who::Bank, &register(*account));
        r.step::<Energy>(Who::Bank, &plain_resource(*account));
    }
    let active = Call::SetActive {
        account: P[0],
        active: true,
    };
    r.step::<Energy>(Who::Bank, &active);
    let battery = Call::RegisterResource {
        resource: ResourceId(7),
        account: P[0],
        power_min: Watts(-40_000),
        power_max: Watts(40_000),
        capacity: WattHours(10_000),
        efficiency_ppm: 900_000,
        charge: WattHours(5_000),
        reader: Who::Guest.key(),
    };
    r.step::<Energy>(Who::Bank, &battery);
    let reader = Call::SetReader {
        resource: ResourceId(7),
        reader: Who::Verifier.key(),
    };
    r.step::<Energy>(Who::Bank, &reader);

    let now = r.stage.machine.block().time.0;
    let start = (now / QUARTER + 2) * QUARTER;
    let (supply, consume) = (Role::Supply, Role::Consume);
    let init = |account, role, of, energy, closes| Call::InitVpp {
        account,
        role,
        resource: of,
        energy: WattHours(energy),
        start: Millis(start),
        price: Price(if role == consume { 1_500_000 } else { 100 }),
        closes: Millis(closes),
        deposit: Amount(2_000_000),
    };
    let closes = start - 60_000;
    r.step::<Energy>(Who::Anna, &init(P[0], consume, None, 9_000, closes));
    let given = init(P[2], supply, Some(resource(P[2])), 5_000, closes);
    r.step::<Energy>(Who::Anna, &given);
    let numbers = &r.stage.machine.stores().read::<Energy>().sessions;
    let numbers: Vec<u64> = numbers.range(..).map(|(number, _)| *number).collect();
    let [first, second] = numbers[..] else {
        panic!("two sessions: {numbers:?}");
    };
    let taken = |of, energy| Call::JoinVpp {
        session: second,
        account: P[0],
        resource: of,
        role: consume,
        energy: WattHours(energy),
        price: Price(200),
    };
    r.step::<Energy>(Who::Bert, &offer(first, P[1], 4_000, 1_200_000));
    // Replaced by one of less, then two of another member, the last of another resource.
    r.step::<Energy>(Who::Bert, &offer(first, P[1], 6_000, 1_000_000));
    r.step::<Energy>(Who::Anna, &offer(first, P[2], 5_000, 900_000));
    r.step::<Energy>(Who::Anna, &taken(resource(P[0]), 5_000));
    r.step::<Energy>(Who::Anna, &taken(ResourceId(7), 8_000));
    let leave = Call::LeaveVpp {
        session: second,
        account: P[0],
    };
    r.step::<Energy>(Who::Anna, &leave);
    r.step::<Energy>(Who::Anna, &taken(ResourceId(7), 8_000));
    // With no triggers the calls close the sessions, write by write.
    let mut limits = *r.stage.machine.limits();
    let triggers = std::mem::replace(&mut limits.triggers, 0);
    r.stage.machine.set_limits(limits);
    at(&mut r.stage, closes);
    for session in [first, second] {
        r.step::<Energy>(Who::Bank, &Call::SettleMicrogrid { session });
    }
    limits.triggers = triggers;
    r.stage.machine.set_limits(limits);
    at(&mut r.stage, start + QUARTER);

    let read = |readings| Call::SubmitMeter {
        microgrid: GRID,
        start: Millis(start),
        minutes: Minutes::Fifteen,
        readings: List::Items(readings),
    };
    let measured = Quality::Measured;
    let readings = [
        ((resource(P[1]), WattHours(5_000)), measured),
        ((resource(P[2]), WattHours(9_000)), measured),
        ((ResourceId(7), WattHours(-5_000)), measured),
    ];
    r.step::<Energy>(Who::Verifier, &read(&readings));
    let free = r.stage.cash(P[1], EUR).free();
    let away = money::Call::Transfer {
        from: P[1],
        to: P[3],
        currency: EUR,
        amount: free,
    };
    r.step::<Money>(Who::Bert, &away);
    for (version, energy) in [(2, 1_000), (3, 500)] {
        let correct = Call::CorrectMeter {
            resource: resource(P[1]),
            start: Millis(start),
            version,
            energy: WattHours(energy),
            quality: Quality::Corrected,
        };
        r.step::<Energy>(Who::Verifier, &correct);
    }
    let declare = Call::DeclareBalance {
        microgrid: GRID,
        start: Millis(start),
        exchange: WattHours(5),
        loss: WattHours(1),
    };
    r.step::<Energy>(Who::Bank, &declare);
    let pay = |currency: Currency| Call::PayArrears {
        account: P[1],
        to: BANK_S,
        currency,
    };
    for amount in [100, 3_000_000] {
        let back = money::Call::Transfer {
            from: P[3],
            to: P[1],
            currency: EUR,
            amount: Amount(amount),
        };
        r.step::<Money>(Who::Bert, &back);
        r.step::<Energy>(Who::Bert, &pay(EUR));
    }
}
