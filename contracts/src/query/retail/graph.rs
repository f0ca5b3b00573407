//! What goods were made of, what was made of them, and what lies in a unit.

use std::ops::Bound;

use super::{AFTER, GOODS, of, tables};
use crate::kernel::ordered::Ordered;
use crate::ledger::Ledger;
use crate::query::{Answer, Arguments, PAGE_MAX, QueryInfo, required};
use crate::retail::name::GoodsId;

pub(in crate::query) const MADE_OF: QueryInfo = QueryInfo {
    name: "made-of",
    text: "What goods were made of: the lots and items that went into them, or the lot an item was taken out of.",
    arguments: &[GOODS, AFTER],
    answer: made_of,
    entry: None,
};

pub(in crate::query) const MADE_INTO: QueryInfo = QueryInfo {
    name: "made-into",
    text: "What was made of goods: lots they went into, and items that were taken out of them.",
    arguments: &[GOODS, AFTER],
    answer: made_into,
    entry: None,
};

pub(in crate::query) const CONTENTS: QueryInfo = QueryInfo {
    name: "contents",
    text: "What lies in a logistic unit, but not in units inside it.",
    arguments: &[required("unit", "Which unit.", "an SSCC"), AFTER],
    answer: contents,
    entry: None,
};

fn made_of(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    edges(ledger, arguments, &tables(ledger).made_of)
}

fn made_into(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    edges(ledger, arguments, &tables(ledger).made_into)
}

fn edges(
    ledger: &Ledger,
    arguments: &Arguments<'_>,
    edges: &Ordered<(GoodsId, GoodsId), ()>,
) -> Answer {
    let id: GoodsId = arguments.required("goods")?;
    let after: Option<GoodsId> = arguments.optional("after")?;
    of(tables(ledger), &id)?;
    let found = edges.range((behind(id, after), Bound::Unbounded));
    let found = found.take_while(|((from, _), ())| *from == id);
    Ok(found
        .take(PAGE_MAX)
        .map(|((_, other), ())| other.to_string())
        .collect())
}

fn contents(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let unit: u64 = arguments.required("unit")?;
    let after: Option<GoodsId> = arguments.optional("after")?;
    of(tables(ledger), &GoodsId::unit(unit))?;
    let found = tables(ledger)
        .contents
        .range((behind(unit, after), Bound::Unbounded));
    let found = found.take_while(|((outer, _), ())| *outer == unit);
    Ok(found
        .take(PAGE_MAX)
        .map(|((_, inside), ())| inside.to_string())
        .collect())
}

/// Where the entries of `first` begin, behind those that were listed.
fn behind<T>(first: T, after: Option<GoodsId>) -> Bound<(T, GoodsId)> {
    match after {
        Some(after) => Bound::Excluded((first, after)),
        None => Bound::Included((first, GoodsId::FIRST)),
    }
}
