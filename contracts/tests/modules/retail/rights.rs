//! Who may ask what of retail, cell by cell; and its calls for the test that makes every write fail once.

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::{Modules as _, matrix};
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::retail::epcis::{Action, EventKind};
use bds_contracts::retail::goods::StepKind;
use bds_contracts::retail::product::{Measure, Scheme};
use bds_contracts::retail::{Call, Retail, sale};
use bds_contracts::tx::{ContentHash, Millis};

use super::super::stage::{Stage, Who};
use super::super::undo::Rehearsal;
use super::{
    BERLIN, CARRIER, CASE, CHEESE, MAKER, MILK, NO_HASH, NOBODYS, SHOP, certify, create_lot, event,
    id, item, lot, of, offer, register, unit,
};

/// From the roles of the design, not from the code: what is not named here is refused.
fn allowed(method: &str, role: &str) -> bool {
    let partner = ["manufacturer", "carrier", "warehouse", "retailer"].contains(&role);
    let seeing = partner || role == "reader-device";
    match method {
        "authorise-manufacturer" => role == "regulator",
        "certify-code" | "withdraw-code" => role == "certifier",
        "set-limits" | "create-lot" | "transform" => role == "manufacturer",
        // The method itself tells whom it concerns, with the algorithm's answer for everyone else; a proof may be passed on by all.
        "register-product" | "offer-step" | "accept-step" | "accept-sale" => true,
        "withdraw-offer" => partner,
        "offer-sale" | "return-product" => ["manufacturer", "retailer"].contains(&role),
        "pack" | "unpack" | "record-event" | "declare-error" | "report-sensor" => seeing,
        "recall" => ["manufacturer", "regulator"].contains(&role),
        "open-dispute" => partner || role == "consumer",
        "add-evidence" => partner || ["consumer", "arbiter"].contains(&role),
        "close-dispute" => role == "arbiter",
        "verify-tag" => seeing || ["consumer", "regulator"].contains(&role),
        other => panic!("{other} is new"),
    }
}

#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    let mut cells = 0;
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        for cell in matrix::<Modules>(profile).filter(|cell| cell.module == "retail") {
            let offered = profile != Profile::Private;
            let expected = offered && allowed(cell.method.name, cell.role);
            assert_eq!(cell.allowed, expected, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
    }
    let roles = bds_contracts::kernel::rights::roles().len();
    assert_eq!(cells, 3 * 23 * (1 + roles));
    let retail = Modules::CATALOG
        .iter()
        .find(|module| module.name == "retail");
    assert_eq!(retail.expect("retail").methods.len(), 23);
}

/// Each call of retail once, on a ledger where other modules are busy.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    super::come_in(&mut r.stage);
    // What other modules left behind for later is done before anything is made to fail.
    r.stage.execute(&[]);
    let now = |r: &Rehearsal| r.stage.next_time();
    let (from, to) = (Millis(now(r).0), Millis(now(r).0 + 1_000_000_000));
    let authorise = Call::AuthoriseManufacturer {
        account: MAKER,
        from,
        to,
    };
    r.step::<Retail>(Who::Regulator, &authorise);
    r.step::<Retail>(Who::Certifier, &certify(NOBODYS, Scheme::Gtin, MAKER));
    let (code, reason) = (NOBODYS, "fraud");
    r.step::<Retail>(Who::Certifier, &Call::WithdrawCode { code, reason });
    let limits = Call::SetLimits {
        code: MILK,
        measure: Measure::Shock,
        low: 0,
        high: 5,
    };
    r.step::<Retail>(Who::Maker, &limits);
    r.step::<Retail>(Who::Maker, &create_lot(MILK, "A", 300));
    let taken = Call::RegisterProduct {
        account: MAKER,
        code: MILK,
        serial: "1",
        name: "milk",
        lot: "A",
        place: BERLIN,
        metadata: NO_HASH,
    };
    r.step::<Retail>(Who::Maker, &taken);
    r.step::<Retail>(Who::Maker, &register(MILK, "2"));
    goods(r);
    claims(r);
}

/// An offer that stands for a day.
fn offered(stage: &Stage, call: Call<'static>) -> Call<'static> {
    let until = Millis(stage.next_time().0 + 86_400_000);
    match call {
        Call::OfferStep {
            account,
            goods,
            to,
            kind,
            document,
            ..
        } => Call::OfferStep {
            account,
            goods,
            to,
            kind,
            document,
            until,
        },
        other => other,
    }
}

fn goods(r: &mut Rehearsal) {
    let (one, two) = (item(MILK, "1"), item(MILK, "2"));
    let call = offered(&r.stage, offer(MAKER, one, SHOP, StepKind::Sell));
    r.step::<Retail>(Who::Maker, &call);
    let withdraw = Call::WithdrawOffer {
        account: SHOP,
        goods: one,
    };
    r.step::<Retail>(Who::Shop, &withdraw);
    r.step::<Retail>(Who::Maker, &call);
    let (account, place, time) = (SHOP, BERLIN, r.stage.next_time());
    let accept = Call::AcceptStep {
        account,
        goods: one,
        place,
        time: r.stage.machine.block().time,
    };
    r.step::<Retail>(Who::Shop, &accept);
    let proof =
        |steps: usize| (0..steps).fold([1; 32], |proof, _| sale::pseudonym(&id(one), proof));
    let sell = Call::OfferSale {
        account: SHOP,
        goods: one,
        pseudonym: proof(4),
        document: [0; 32],
        until: Millis(time.0 + 86_400_000),
    };
    r.step::<Retail>(Who::Shop, &sell);
    let (goods, shown) = (one, proof(3));
    r.step::<Retail>(
        Who::Guest,
        &Call::AcceptSale {
            goods,
            proof: shown,
        },
    );
    let claim = Call::OpenDispute {
        account: None,
        proof: Some(proof(2)),
        goods: one,
        respondent: MAKER,
        evidence: ContentHash([1; 64]),
    };
    r.step::<Retail>(Who::Buyer, &claim);
    let back = Call::ReturnProduct {
        account: SHOP,
        goods: one,
        proof: proof(1),
        place: BERLIN,
        time: r.stage.machine.block().time,
        document: [0; 32],
    };
    r.step::<Retail>(Who::Shop, &back);

    let all = [two, lot(MILK, "A")];
    let time = r.stage.machine.block().time;
    let pack = Call::Pack {
        account: MAKER,
        unit: CASE,
        goods: List::Items(&all),
        place: BERLIN,
        time,
        event: event(1),
    };
    r.step::<Retail>(Who::Reader, &pack);
    let report = Call::ReportSensor {
        account: MAKER,
        goods: unit(CASE),
        product: MILK,
        measure: Measure::Shock,
        low: 0,
        high: 9,
        from: Millis(0),
        to: time,
        document: [0; 32],
    };
    r.step::<Retail>(Who::Reader, &report);
    // The case goes to the carrier and back, so that what comes out of it has a step of its own.
    for (from, to, kind) in [
        (MAKER, CARRIER, StepKind::Transport),
        (CARRIER, SHOP, StepKind::Sell),
        (SHOP, MAKER, StepKind::Return),
    ] {
        let call = offered(&r.stage, offer(from, unit(CASE), to, kind));
        r.step::<Retail>(of(from), &call);
        let accept = Call::AcceptStep {
            account: to,
            goods: unit(CASE),
            place: BERLIN,
            time: r.stage.machine.block().time,
        };
        r.step::<Retail>(of(to), &accept);
        if to == CARRIER {
            continue;
        }
        let out = if to == SHOP { &all[..1] } else { &all[1..] };
        let unpack = Call::Unpack {
            account: to,
            unit: CASE,
            goods: List::Items(out),
            place: BERLIN,
            time: r.stage.machine.block().time,
            event: event(to.0),
        };
        r.step::<Retail>(of(to), &unpack);
    }
}

fn claims(r: &mut Rehearsal) {
    let time = r.stage.machine.block().time;
    let inputs = [(lot(MILK, "A"), 100)];
    let outputs = [(lot(CHEESE, "B"), 40), (lot(CHEESE, "C"), 40)];
    let make = Call::Transform {
        account: MAKER,
        inputs: List::Items(&inputs),
        outputs: List::Items(&outputs),
        place: BERLIN,
        time,
        event: event(7),
    };
    r.step::<Retail>(Who::Maker, &make);
    let one = [lot(CHEESE, "B")];
    let delete = Call::RecordEvent {
        account: MAKER,
        kind: EventKind::Object,
        action: Action::Delete,
        goods: List::Items(&one),
        place: BERLIN,
        time: r.stage.machine.block().time,
        event: event(8),
    };
    r.step::<Retail>(Who::Reader, &delete);
    let corrective = [event(9), event(10)];
    let declare = Call::DeclareError {
        account: MAKER,
        event: event(8),
        reason: "the other lot",
        corrective: List::Items(&corrective),
    };
    r.step::<Retail>(Who::Maker, &declare);
    // One that corrects it, so that what was named is used up.
    let other = [lot(CHEESE, "C")];
    let correct = Call::RecordEvent {
        account: MAKER,
        kind: EventKind::Transaction,
        action: Action::Add,
        goods: List::Items(&other),
        place: BERLIN,
        time: r.stage.machine.block().time,
        event: event(9),
    };
    r.step::<Retail>(Who::Maker, &correct);
    let evidence = Call::AddEvidence {
        dispute: 1,
        account: Some(MAKER),
        proof: None,
        evidence: ContentHash([2; 64]),
    };
    r.step::<Retail>(Who::Maker, &evidence);
    let close = Call::CloseDispute {
        dispute: 1,
        upheld: true,
        liable: Some(SHOP),
        verdict: ContentHash([3; 64]),
    };
    r.step::<Retail>(Who::Arbiter, &close);
    let verify = Call::VerifyTag {
        goods: item(MILK, "1"),
        holder: None,
        place: BERLIN,
        time: r.stage.machine.block().time,
    };
    r.step::<Retail>(Who::Buyer, &verify);
    let recall = Call::Recall {
        account: MAKER,
        goods: lot(MILK, "A"),
        reason: "glass",
        notice: NO_HASH,
    };
    r.step::<Retail>(Who::Maker, &recall);
    // The walk is done, and nothing waits in the way of what others try.
    r.stage.execute(&[]);
}
