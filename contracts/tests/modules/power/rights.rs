//! Who may ask what of power, cell by cell; and its calls for the test that makes every write fail once.

use bds_contracts::Code;
use bds_contracts::exchange::Side;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::{Modules as _, matrix};
use bds_contracts::kernel::rights::roles;
use bds_contracts::modules::Modules;
use bds_contracts::power::{Call, Power};

use super::super::stage::Who;
use super::super::undo::Rehearsal;
use super::*;

/// From the roles of the design, not from the code: what is not named here is refused.
fn allowed(method: &str) -> &'static [&'static str] {
    match method {
        "open-session" | "cancel-session" | "set-intraday" | "withdraw-orders" => {
            &["market-operator"]
        }
        "submit-curve" | "withdraw-curve" | "submit-block" | "withdraw-block" => {
            &["trader", "prosumer", "aggregator"]
        }
        "place-order" | "amend-order" | "cancel-order" | "cancel-orders" => {
            &["trader", "prosumer", "aggregator"]
        }
        other => panic!("{other} is new"),
    }
}

#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let mut cells = 0;
        for cell in matrix::<Modules>(profile).filter(|cell| cell.module == "power") {
            let designated = profile != Profile::Public;
            let expected = designated && allowed(cell.method.name).contains(&cell.role);
            assert_eq!(cell.allowed, expected, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
        let catalog = Modules::CATALOG
            .iter()
            .find(|module| module.name == "power");
        let methods = catalog.expect("it is listed").methods.len();
        assert_eq!(cells, methods * (1 + roles().len()));
    }
}

#[test]
fn who_has_no_right_changes_nothing() {
    let (mut stage, session) = market();
    let all = steps(&[(50, 10)]);
    refused(&mut stage, Who::Anna, &plain_day(), Code::WRONG_ROLE);
    refused(&mut stage, Who::Regulator, &plain_day(), Code::WRONG_ROLE);
    for who in [Who::Anna, Who::Regulator, Who::Guest] {
        let call = Call::CancelSession { session };
        refused(&mut stage, who, &call, Code::WRONG_ROLE);
    }
    for call in [
        curve(session, T[0], Side::Buy, (0, 1), &all),
        Call::WithdrawCurve {
            session,
            account: T[0],
            side: Side::Buy,
            first: 0,
            count: 1,
        },
        block(session, T[0], 1, Side::Buy, (0, 2), (10, 10)),
        Call::WithdrawBlock {
            session,
            account: T[0],
            number: 1,
        },
    ] {
        for who in [Who::Guest, Who::Regulator, Who::Surveillance, Who::Auditor] {
            refused(&mut stage, who, &call, Code::WRONG_ROLE);
        }
    }
}

/// Each call of power, the ways through it that write most.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    appoint(&mut r.stage);
    intraday::rehearse(r);
    let now = r.stage.machine.block().time.0;
    let start = (now / QUARTER + 8 + 96) * QUARTER;
    let call = day(start, start + 96 * QUARTER, start);
    r.step::<Power>(Who::Surveillance, &call);
    let numbers = &r.stage.machine.stores().read::<Power>().sessions;
    let (session, _) = numbers.range(..).next_back().expect("it is open");
    let session = *session;
    r.step::<Power>(Who::Surveillance, &Call::CancelSession { session });
    r.step::<Power>(Who::Surveillance, &call);
    let numbers = &r.stage.machine.stores().read::<Power>().sessions;
    let (session, _) = numbers.range(..).next_back().expect("it is open");
    let session = *session;
    let all = steps(&[(50, 10), (40, 10)]);
    let less = steps(&[(30, 10)]);
    for steps in [&all, &less] {
        r.step::<Power>(Who::Anna, &curve(session, T[0], Side::Buy, (0, 4), steps));
    }
    r.step::<Power>(Who::Bert, &curve(session, T[1], Side::Sell, (0, 4), &less));
    for price in [10, 20] {
        let call = block(session, T[2], 1, Side::Buy, (0, 4), (price, 1));
        r.step::<Power>(Who::Anna, &call);
    }
    let child = block(session, T[2], 2, Side::Buy, (0, 4), (70, 1));
    r.step::<Power>(Who::Anna, &with(child, 500_000, Some(1), Some(3)));
    let back = |number| Call::WithdrawBlock {
        session,
        account: T[2],
        number,
    };
    r.step::<Power>(Who::Anna, &back(2));
    r.step::<Power>(Who::Anna, &back(1));
    let back = Call::WithdrawCurve {
        session,
        account: T[0],
        side: Side::Buy,
        first: 0,
        count: 4,
    };
    r.step::<Power>(Who::Anna, &back);
}
