//! Sales by sealed bids: what is on sale and what came of it. Neither what a bid says nor the reserve price is told to anybody.

use std::ops::Bound;

use serde_json::{Value, json};

use super::{Answer, Arguments, PAGE_MAX, QueryInfo, missing, optional, required};
use crate::carbon::InstrumentId;
use crate::exchange::orders::sale::SaleResult;
use crate::exchange::orders::{EndedSale, Exchange, Sale};
use crate::ledger::Ledger;
use crate::money::units::Units;

pub(super) const SALE: QueryInfo = QueryInfo {
    name: "sale",
    text: "A sale by sealed bids: its terms and how many bids there are, or what it came to.",
    arguments: &[required("sale", "Its number.", "the number of a sale")],
    answer: sale,
    entry: None,
};

pub(super) const SALES: QueryInfo = QueryInfo {
    name: "sales",
    text: "All sales as in `sale`, by number: those that are not over, and those that ended in the last 400 days.",
    arguments: &[optional(
        "after",
        "List sales above this number.",
        "the number of a sale",
    )],
    answer: sales,
    entry: None,
};

fn sale(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("sale")?;
    let tables = ledger.stores().read::<Exchange>();
    if let Some(sale) = tables.sales.get(&number) {
        return Ok(running(ledger, number, sale));
    }
    let ended = tables.ended.get(&number);
    ended
        .map(|sale| over(ledger, number, sale))
        .ok_or_else(|| missing(format_args!("sale {number}")))
}

fn sales(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let after: Option<u64> = arguments.optional("after")?;
    let range = (
        after.map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded,
    );
    let tables = ledger.stores().read::<Exchange>();
    // Of either kind no more are looked at than are listed.
    let running = tables.sales.range(range).take(PAGE_MAX);
    let mut found: Vec<(u64, Value)> = running
        .map(|(number, sale)| (*number, self::running(ledger, *number, sale)))
        .collect();
    let ended = tables.ended.range(range).take(PAGE_MAX);
    found.extend(ended.map(|(number, sale)| (*number, over(ledger, *number, sale))));
    found.sort_unstable_by_key(|(number, _)| *number);
    let listed = found.into_iter().take(PAGE_MAX);
    Ok(listed.map(|(_, value)| value).collect())
}

fn running(ledger: &Ledger, number: u64, sale: &Sale) -> Value {
    let offer = &sale.offer;
    let now = ledger.block().time;
    let phase = if now < offer.opens {
        "announced"
    } else if now < offer.closes {
        "open"
    } else {
        "closed"
    };
    json!({
        "sale": number,
        "phase": phase,
        "seller": sale.seller.0,
        "instrument": sale.instrument.0,
        "currency": currency(ledger, sale.instrument),
        "volume": offer.volume.0,
        "lot": offer.lot.0,
        "tick": offer.tick,
        "opens": offer.opens.0,
        "closes": offer.closes.0,
        "bids": sale.bids,
        "bids_max": offer.bids_max,
        "account_bids_max": sale.account_bids_max,
        "account_max": offer.account_max.0,
    })
}

fn over(ledger: &Ledger, number: u64, sale: &EndedSale) -> Value {
    let (phase, price, amount, reason) = match sale.result {
        SaleResult::Sold { price, amount } => ("sold", Some(price.0), Some(amount.0), None),
        SaleResult::Cancelled(reason) => ("cancelled", None, None, Some(reason.name())),
    };
    json!({
        "sale": number,
        "phase": phase,
        "seller": sale.seller.0,
        "instrument": sale.instrument.0,
        "currency": currency(ledger, sale.instrument),
        "volume": sale.volume.0,
        "time": sale.time.0,
        "bids": sale.bids,
        "winners": sale.winners,
        "price": price,
        "amount": amount,
        "reason": reason,
    })
}

fn currency(ledger: &Ledger, instrument: InstrumentId) -> Option<String> {
    let instruments = &ledger.stores().read::<Units>().instruments;
    let found = instruments.get(&instrument);
    found.map(|instrument| instrument.currency.to_string())
}
