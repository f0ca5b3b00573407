//! What is answered about goods.

use bds_contracts::kernel::wire::List;
use bds_contracts::query::{PAGE_MAX, answer};
use bds_contracts::retail::goods::StepKind;
use bds_contracts::retail::product::Measure;
use bds_contracts::retail::{Call, Retail};
use bds_contracts::tx::{ContentHash, Millis};
use serde_json::{Value, json};

use super::super::stage::{Stage, Who};
use super::{
    BERLIN, CARRIER, CASE, MAKER, MILK, NO_HASH, NOBODYS, SHOP, create_lot, event, item, lot,
    offer, register, scene, unit,
};

fn ask(stage: &Stage, name: &str, arguments: &[(&str, &str)]) -> Value {
    let given = arguments
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    answer(&stage.machine, name, &given.collect()).expect(name)
}

fn of(stage: &Stage, name: &str, goods: &str) -> Value {
    ask(stage, name, &[("goods", goods)])
}

/// An item taken out of a lot, in a case that the carrier has, offered to the shop.
fn busy() -> Stage {
    let mut stage = scene();
    stage.done(Who::Maker, &create_lot(MILK, "A", 1_000));
    let taken = Call::RegisterProduct {
        account: MAKER,
        code: MILK,
        serial: "1",
        name: "milk",
        lot: "A",
        place: BERLIN,
        metadata: ContentHash([5; 64]),
    };
    stage.done(Who::Maker, &taken);
    let one = [item(MILK, "1")];
    let pack = Call::Pack {
        account: MAKER,
        unit: CASE,
        goods: List::Items(&one),
        place: BERLIN,
        time: stage.next_time(),
        event: event(1),
    };
    stage.done(Who::Maker, &pack);
    stage.move_on(MAKER, unit(CASE), CARRIER, StepKind::Transport);
    stage.done(
        Who::Carrier,
        &offer(CARRIER, unit(CASE), SHOP, StepKind::Sell),
    );
    stage
}

const ITEM: &str = "item:9506000134352:1";
const LOT: &str = "lot:9506000134352:A";
const UNIT: &str = "unit:106141412345678908";

#[test]
fn a_tag_is_verified_without_a_name() {
    let stage = busy();
    let found = of(&stage, "verify", ITEM);
    let right = json!({ "verdict": "genuine", "name": "milk", "life": "here", "suspect": false });
    assert_eq!(found, right);
    for (holder, verdict) in [("102", "genuine"), ("100", "holder-mismatch")] {
        let found = ask(&stage, "verify", &[("goods", ITEM), ("holder", holder)]);
        assert_eq!(found["verdict"], verdict, "it lies in the carrier's case");
    }
    let unknown = of(&stage, "verify", "item:9506000134352:2");
    assert_eq!(unknown["verdict"], "unknown");
}

#[test]
fn goods_are_where_their_unit_is() {
    let stage = busy();
    let inside = of(&stage, "goods", ITEM);
    let outer = of(&stage, "goods", UNIT);
    assert_eq!(inside["holder"], json!({ "account": 102 }));
    for same in ["holder", "since", "latitude", "longitude", "time"] {
        assert_eq!(inside[same], outer[same], "{same}");
    }
    assert_eq!(inside["unit"], json!(CASE));
    assert_eq!(outer["offered"]["to"], json!({ "account": 104 }));
    assert_eq!(of(&stage, "goods", LOT)["quantity"], 900);
}

#[test]
fn a_trace_leads_to_the_maker() {
    let stage = busy();
    let found = of(&stage, "trace", UNIT);
    assert_eq!(found["step_count"], 1);
    assert_eq!(found["steps"][0]["previous"], json!({ "account": 100 }));
    assert_eq!(found["steps"][0]["to"], json!({ "account": 102 }));
    assert_eq!(found["steps"][0]["kind"], "transport");
    let found = of(&stage, "trace", ITEM);
    assert_eq!(
        (&found["manufacturer"], &found["name"]),
        (&json!(100), &json!("milk"))
    );
    assert_eq!(of(&stage, "made-of", ITEM), json!([LOT]));
    assert_eq!(of(&stage, "made-into", LOT), json!([ITEM]));
    assert_eq!(of(&stage, "made-into", ITEM), json!([]));
    let inside = ask(&stage, "contents", &[("unit", "106141412345678908")]);
    assert_eq!(inside, json!([ITEM]));
}

/// More than a page was made of one lot: pages follow one another without gap or repeat.
#[test]
fn what_was_made_of_goods_comes_in_pages() {
    let mut stage = scene();
    stage.done(Who::Maker, &create_lot(MILK, "A", 1_000));
    let many = PAGE_MAX + 5;
    let now = *stage.machine.block();
    let from = super::id(lot(MILK, "A"));
    let done = stage.machine.set_up(now, |cx| {
        let (tables, journal) = cx.tables::<Retail>();
        for number in 0..many {
            let serial = format!("{number:04}");
            let into = super::id(item(MILK, &serial));
            tables.made_into.set(journal, (from, into), ())?;
        }
        Ok(())
    });
    done.expect("a sound graph");
    let first = of(&stage, "made-into", LOT);
    let first = first.as_array().expect("a list").clone();
    assert_eq!(first.len(), PAGE_MAX);
    let last = first[PAGE_MAX - 1].as_str().expect("a name");
    let next = ask(&stage, "made-into", &[("goods", LOT), ("after", last)]);
    let next = next.as_array().expect("a list").clone();
    assert_eq!(next.len(), 5);
    let all: std::collections::BTreeSet<String> =
        first.iter().chain(&next).map(Value::to_string).collect();
    assert_eq!(all.len(), many);
}

#[test]
fn what_is_held_against_goods() {
    let mut stage = busy();
    let limits = Call::SetLimits {
        code: MILK,
        measure: Measure::Humidity,
        low: 0,
        high: 5,
    };
    stage.done(Who::Maker, &limits);
    let report = Call::ReportSensor {
        account: CARRIER,
        goods: unit(CASE),
        product: MILK,
        measure: Measure::Humidity,
        low: 1,
        high: 6,
        from: Millis(0),
        to: Millis(1),
        document: [1; 32],
    };
    stage.done(Who::Carrier, &report);
    let found = of(&stage, "excursions", UNIT);
    assert_eq!(
        (&found["count"], &found["last"][0]["high"]),
        (&json!(1), &json!(6))
    );
    let dispute = Call::OpenDispute {
        account: Some(CARRIER),
        proof: None,
        goods: item(MILK, "1"),
        respondent: MAKER,
        evidence: ContentHash([1; 64]),
    };
    stage.done(Who::Carrier, &dispute);
    let open = of(&stage, "open-disputes", ITEM);
    assert_eq!(open[0]["claimant"], json!({ "account": 102 }));
    assert_eq!(open[0], ask(&stage, "dispute", &[("dispute", "1")]));
    let name = event(1).to_string();
    let found = ask(&stage, "epcis-event", &[("event", &name)]);
    assert_eq!(
        (&found["account"], &found["declared_wrong"]),
        (&json!(100), &json!(false))
    );
    let recall = Call::Recall {
        account: MAKER,
        goods: lot(MILK, "A"),
        reason: "glass",
        notice: NO_HASH,
    };
    stage.done(Who::Maker, &recall);
    stage.execute(&[]);
    let found = ask(&stage, "recall", &[("recall", "1")]);
    assert_eq!(
        (&found["reached"], &found["complete"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(of(&stage, "verify", ITEM)["verdict"], "recalled");
}

#[test]
fn who_may_register_what() {
    let mut stage = busy();
    let found = ask(&stage, "product", &[("code", "9506000134352")]);
    assert_eq!((&found["owner"], &found["used"]), (&json!(100), &json!(2)));
    let found = ask(&stage, "manufacturer", &[("account", "100")]);
    assert_eq!(found["from"], 0);
    let refused = stage.ask(Who::Maker, &register(NOBODYS, "1"));
    assert!(!refused.is_ok());
    let key = Who::Maker.key().to_string();
    let found = ask(&stage, "refused-registrations", &[("key", &key)]);
    assert_eq!(found["not_certified"], 1);
}
