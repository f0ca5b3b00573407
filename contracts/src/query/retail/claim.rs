//! What is held against goods: excursions, events declared wrong, recalls, disputes.

use serde_json::{Value, json};

use super::{GOODS, holder, of, tables};
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::query::{Answer, Arguments, QueryInfo, missing, required};
use crate::retail::Retail;
use crate::retail::dispute::Dispute;
use crate::retail::gs1::EventId;
use crate::retail::name::GoodsId;

pub(in crate::query) const EXCURSIONS: QueryInfo = QueryInfo {
    name: "excursions",
    text: "How often goods were beyond what they may be exposed to, and the last reports of it.",
    arguments: &[GOODS],
    answer: excursions,
    entry: None,
};

pub(in crate::query) const EPCIS_EVENT: QueryInfo = QueryInfo {
    name: "epcis-event",
    text: "An EPCIS event: who recorded it, and what corrects it if it was declared wrong.",
    arguments: &[required(
        "event",
        "Which event.",
        "`ni:///sha-256;DIGITS?ver=CBV2.0`",
    )],
    answer: epcis_event,
    entry: Some(|given| {
        let own: EventId = given.required("event")?;
        Ok(entry_key::<Retail>("events", &own))
    }),
};

pub(in crate::query) const RECALL: QueryInfo = QueryInfo {
    name: "recall",
    text: "A recall: of what, why, and how far it has come.",
    arguments: &[required(
        "recall",
        "Which recall.",
        "the number of a recall",
    )],
    answer: recall,
    entry: Some(|given| {
        let own: u64 = given.required("recall")?;
        Ok(entry_key::<Retail>("recalls", &own))
    }),
};

pub(in crate::query) const DISPUTE: QueryInfo = QueryInfo {
    name: "dispute",
    text: "A dispute: about what, between whom, its evidence, and its verdict.",
    arguments: &[required(
        "dispute",
        "Which dispute.",
        "the number of a dispute",
    )],
    answer: dispute,
    entry: Some(|given| {
        let own: u64 = given.required("dispute")?;
        Ok(entry_key::<Retail>("disputes", &own))
    }),
};

pub(in crate::query) const OPEN_DISPUTES: QueryInfo = QueryInfo {
    name: "open-disputes",
    text: "The disputes about goods that have no verdict; there are few at a time.",
    arguments: &[GOODS],
    answer: open_disputes,
    entry: None,
};

fn excursions(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: GoodsId = arguments.required("goods")?;
    let tables = tables(ledger);
    let goods = of(tables, &id)?;
    let last = tables.last_excursions(id, goods).map(|reading| {
        json!({
            "product": reading.product,
            "measure": reading.measure.name(),
            "low": reading.low,
            "high": reading.high,
            "from": reading.from.0,
            "to": reading.to.0,
            "document": hex::encode(reading.document),
        })
    });
    Ok(json!({ "count": goods.excursions, "last": last.collect::<Vec<_>>() }))
}

fn epcis_event(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: EventId = arguments.required("event")?;
    let found = tables(ledger).events.get(&id);
    // What is over may wait for its turn to be taken away.
    let found = found.filter(|found| ledger.block().time < found.until);
    let found = found.ok_or_else(|| missing(format_args!("event {id}")))?;
    let corrective = found.wrong.as_ref().map(|all| {
        let names = all.iter().map(EventId::to_string);
        names.collect::<Vec<_>>()
    });
    Ok(json!({
        "event": id.to_string(),
        "account": found.account.0,
        "time": found.time.0,
        "until": found.until.0,
        "declared_wrong": found.wrong.is_some(),
        "corrective": corrective.unwrap_or_default(),
    }))
}

fn recall(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("recall")?;
    let recall = tables(ledger).recalls.get(&number);
    let recall = recall.ok_or_else(|| missing(format_args!("recall {number}")))?;
    Ok(json!({
        "id": number,
        "goods": recall.goods.to_string(),
        "reason": recall.reason,
        "notice": hex::encode(recall.notice.0),
        "time": recall.time.0,
        "reached": recall.reached,
        "complete": recall.is_complete,
    }))
}

fn dispute(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("dispute")?;
    let found = tables(ledger).disputes.get(&number);
    let found = found.ok_or_else(|| missing(format_args!("dispute {number}")))?;
    Ok(record(number, found))
}

fn open_disputes(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: GoodsId = arguments.required("goods")?;
    let tables = tables(ledger);
    // A unit's number may be free again while it is disputed.
    let open = tables.open_disputes.range((id, 0)..=(id, u64::MAX));
    let open = open.filter_map(|((_, number), ())| {
        let found = tables.disputes.get(number)?;
        Some(record(*number, found))
    });
    Ok(open.collect())
}

fn record(number: u64, dispute: &Dispute) -> Value {
    let evidence = dispute.evidence.iter();
    let evidence: Vec<String> = evidence.map(|piece| hex::encode(piece.0)).collect();
    json!({
        "id": number,
        "goods": dispute.goods.to_string(),
        "claimant": holder(dispute.claimant),
        "respondent": dispute.respondent.0,
        "opened": dispute.opened.0,
        "evidence": evidence,
        "verdict": dispute.verdict.map(|verdict| json!({
            "upheld": verdict.upheld,
            "liable": verdict.liable.map(|id| id.0),
            "document": hex::encode(verdict.document.0),
        })),
    })
}
