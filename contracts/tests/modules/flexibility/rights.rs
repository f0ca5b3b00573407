//! Who may ask what of flexibility, cell by cell; and its calls for the test that makes every write fail once.

use bds_contracts::Code;
use bds_contracts::amount::Watts;
use bds_contracts::flexibility::call::Document;
use bds_contracts::flexibility::{Call, Flexibility};
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::{Modules as _, matrix};
use bds_contracts::kernel::rights::roles;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::tx::Millis;

use super::super::energy::resource;
use super::super::stage::{BANK_S, Who};
use super::super::undo::Rehearsal;
use super::*;

/// From the roles of the design, not from the code: what is not named here is refused.
fn allowed(method: &str) -> &'static [&'static str] {
    match method {
        "register-point" | "request" | "order" | "update-reservation" => &["grid-operator"],
        "connect" | "submit-prognosis" | "offer" => &["aggregator"],
        "withdraw-offer" | "replace-prognosis" => &["aggregator"],
        "answer" | "settle" | "test" => &["aggregator", "grid-operator"],
        other => panic!("{other} is new"),
    }
}

#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let mut cells = 0;
        for cell in matrix::<Modules>(profile).filter(|cell| cell.module == "flexibility") {
            let designated = profile != Profile::Public;
            let expected = designated && allowed(cell.method.name).contains(&cell.role);
            assert_eq!(cell.allowed, expected, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
        let mut catalog = Modules::CATALOG.iter();
        let module = catalog.find(|module| module.name == "flexibility");
        let methods = module.expect("it is listed").methods.len();
        assert_eq!(cells, methods * (1 + roles().len()));
    }
}

#[test]
fn who_has_no_right_changes_nothing() {
    let mut stage = grid();
    foreseen(&mut stage, 8_000);
    let asked = requested(&mut stage);
    let made = offered(&mut stage, asked, 40, 4, -4_000);
    let powers = [((40, 4), Watts(-4_000))];
    let day = [((0, 96), Watts(0))];
    let list = connections(&[resource(P[1])], (0, END));
    let others = [((0, 40), (4, Watts(1)))];
    let update = reservation((START, END), 1, &powers);
    let buys = [
        register(0),
        request(ANYTHING),
        order(made, 1, &powers),
        update,
    ];
    let sells = [
        connect(P[1], &list),
        prognosis(2, &day),
        offer(asked, ONE, &others),
        withdraw(made),
        replacement((START, END), 2, &day),
    ];
    for call in &buys {
        for who in [Who::Bert, Who::Anna, Who::Guest, Who::Regulator] {
            refused(&mut stage, who, call, Code::WRONG_ROLE);
        }
    }
    for call in &sells {
        for who in [Who::Bank, Who::Anna, Who::Guest, Who::Regulator] {
            refused(&mut stage, who, call, Code::WRONG_ROLE);
        }
    }
    for who in [Who::Anna, Who::Guest, Who::Regulator] {
        refused(&mut stage, who, &settle(1), Code::WRONG_ROLE);
    }
}

/// Each call of flexibility, the ways through it that write most. The grid and its prosumers are there.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    let quarter = super::super::energy::QUARTER;
    let now = r.stage.machine.block().time.0;
    let (start, end) = (
        (now / quarter + 8) * quarter,
        (now / quarter + 104) * quarter,
    );
    for (who, call) in paid_in(CASH) {
        r.step::<Money>(who, &call);
    }
    // Nothing that waits from before keeps the account from paying.
    let open = identity::Call::SetStatus {
        account: BANK_S,
        status: bds_contracts::identity::account::AccountStatus::Open,
        reason: "",
    };
    r.step::<Identity>(Who::Regulator, &open);
    r.step::<Flexibility>(Who::Bank, &register(0));
    let test = Call::Test {
        point: POINT,
        isp_minutes: Some(15),
        time_zone: Some(ZONE),
    };
    r.step::<Flexibility>(Who::Bert, &test);
    let list = connections(&[resource(P[1])], (0, end));
    r.step::<Flexibility>(Who::Bert, &connect(P[1], &list));
    let list = connections(&[resource(P[0])], (0, end));
    r.step_of_two::<Flexibility>(Who::Bert, Who::Anna, &connect(P[0], &list));
    let day = [((0, 96), Watts(8_000))];
    // A day with a wrong beginning, the right one in its place, and a higher revision of that.
    for (revision, early) in [(0, quarter), (2, 0)] {
        if revision == 2 {
            let replace = replacement((start, end), 1, &day);
            r.step::<Flexibility>(Who::Bert, &replace);
        }
        let call = prognosis_of((start - early, end - early), revision, &day);
        r.step::<Flexibility>(Who::Bert, &call);
    }
    let call = request_of((start, end), start, ANYTHING);
    r.step::<Flexibility>(Who::Bank, &call);
    let request = last(&tables(&r.stage).requests);
    let reserved = [((0, 4), Watts(5))];
    let call = reservation((start, end), 1, &reserved);
    r.step::<Flexibility>(Who::Bank, &call);
    let answer = |document, number, accepted| answer(document, number, accepted, "reason");
    let powers = [((0, 0), (1, Watts(-4_000)))];
    let mut offers = Vec::new();
    for _ in 0..3 {
        let call = offer_until(request, (start, start), ONE, &powers);
        r.step::<Flexibility>(Who::Bert, &call);
        offers.push(last(&tables(&r.stage).offers));
    }
    r.step::<Flexibility>(Who::Bert, &answer(Document::Request, request, true));
    r.step::<Flexibility>(Who::Bank, &answer(Document::Offer, offers[0], true));
    r.step::<Flexibility>(Who::Bank, &answer(Document::Offer, offers[1], false));
    r.step::<Flexibility>(Who::Bert, &withdraw(offers[2]));
    let powers = [((0, 1), Watts(-4_000))];
    let call = order_on((start, 2), offers[0], (0, PPM), (PRICE, &powers));
    r.step::<Flexibility>(Who::Bank, &call);
    let number = last(&tables(&r.stage).orders);
    wait(&mut r.stage, start + quarter);
    r.stage.execute(&[]);
    let readings = [P[0], P[1]].map(|of| ((resource(of), WattHours(600)), Quality::Measured));
    let call = energy::Call::SubmitMeter {
        microgrid: GRID,
        start: Millis(start),
        minutes: Minutes::Fifteen,
        readings: List::Items(&readings),
    };
    r.step::<Energy>(Who::Verifier, &call);
    r.step::<Flexibility>(Who::Bert, &settle(number));
}
