//! Goods: what is to be said of a tag, where they are, and the hands they went through.

use serde_json::{Value, json};

use super::{GOODS as NAME, holder, of, tables};
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::query::{Answer, Arguments, QueryInfo, optional};
use crate::retail::Retail;
use crate::retail::goods::Step;
use crate::retail::name::GoodsId;
use crate::tx::AccountId;

pub(in crate::query) const VERIFY: QueryInfo = QueryInfo {
    name: "verify",
    text: "What is to be said of a tag: genuine, unknown, recalled, or with another holder than the one named; and whether there \
           may be a copy. Names nobody.",
    arguments: &[
        NAME,
        optional("holder", "Who is said to have it.", "an account number"),
    ],
    answer: verify,
    entry: None,
};

pub(in crate::query) const GOODS: QueryInfo = QueryInfo {
    name: "goods",
    text: "Goods as they are now: who has them and where they were seen last, the unit they lie in, what is left of them.",
    arguments: &[NAME],
    answer: goods,
    entry: Some(|given| {
        let own: GoodsId = given.required("goods")?;
        Ok(entry_key::<Retail>("goods", &own))
    }),
};

pub(in crate::query) const TRACE: QueryInfo = QueryInfo {
    name: "trace",
    text: "The registration of goods, the last steps from hand to hand, and the hash over all of them; the steps before are in \
           the receipts.",
    arguments: &[NAME],
    answer: trace,
    entry: None,
};

fn verify(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: GoodsId = arguments.required("goods")?;
    let claimed = arguments.optional("holder")?.map(AccountId);
    let tables = tables(ledger);
    let goods = tables.goods.get(&id);
    let name = tables.facts.get(&id).map(|facts| &facts.name);
    Ok(json!({
        "verdict": tables.verify(Some(id), claimed).name(),
        "name": name,
        "life": goods.map(|goods| goods.life.name()),
        "suspect": goods.is_some_and(|goods| goods.is_suspect),
    }))
}

fn goods(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: GoodsId = arguments.required("goods")?;
    let tables = tables(ledger);
    let goods = of(tables, &id)?;
    let offer = tables.offers.get(&id);
    let offer = offer.filter(|offer| ledger.block().time < offer.until);
    // Inside a unit they are where it is.
    let mut outer = goods;
    while let Some(unit) = outer.container {
        outer = of(tables, &GoodsId::unit(unit))?;
    }
    Ok(json!({
        "goods": id.to_string(),
        "manufacturer": goods.manufacturer.0,
        "holder": holder(tables.holder(goods)),
        "since": outer.since.0,
        "life": goods.life.name(),
        "latitude": outer.place.latitude,
        "longitude": outer.place.longitude,
        "time": outer.time.0,
        "unit": goods.container,
        "quantity": goods.quantity,
        "recall": goods.recall,
        "suspect": goods.is_suspect,
        "excursions": goods.excursions,
        "offered": offer.map(|offer| json!({
            "to": holder(offer.to),
            "kind": offer.kind.name(),
            "until": offer.until.0,
        })),
    }))
}

fn trace(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: GoodsId = arguments.required("goods")?;
    let tables = tables(ledger);
    let goods = of(tables, &id)?;
    let facts = tables.facts.get(&id);
    let steps: Vec<Value> = tables.last_steps(id, goods).map(step).collect();
    Ok(json!({
        "goods": id.to_string(),
        "manufacturer": goods.manufacturer.0,
        "name": facts.map(|facts| &facts.name),
        "registered": facts.map(|facts| facts.registered.0),
        "metadata": facts.map(|facts| hex::encode(facts.metadata.0)),
        "step_count": goods.steps,
        "chain": hex::encode(goods.chain),
        "steps": steps,
    }))
}

fn step(step: &Step) -> Value {
    json!({
        "number": step.number,
        "kind": step.kind.name(),
        "previous": holder(step.from),
        "to": holder(step.to),
        "time": step.time.0,
        "latitude": step.place.latitude,
        "longitude": step.place.longitude,
        "document": hex::encode(step.document),
    })
}
