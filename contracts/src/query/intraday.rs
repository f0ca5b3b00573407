//! The intraday books of power: by which rule a zone is traded, what its intervals came to, what everyone may see of a book, and an
//! account's open orders.

use serde_json::{Value, json};

use super::power::{SESSION_NUMBER, session_of};
use super::{ACCOUNT, Answer, ArgumentInfo, Arguments, PAGE_MAX, QueryInfo};
use super::{bad, identity, missing, optional, required};
use crate::exchange::Side;
use crate::exchange::book::Book;
use crate::exchange::market_data::Depth;
use crate::exchange::rules::Rules;
use crate::exchange::slab::Resting;
use crate::ledger::Ledger;
use crate::power::intraday::PeriodId;
use crate::power::intraday::period::Period;
use crate::power::{Power, ZoneId};

/// Prices of a side that are shown unless more are asked for.
const LEVELS: usize = 20;

const INTERVAL: ArgumentInfo = required(
    "interval",
    "Which of its intervals, counted from 0.",
    "the number of an interval",
);

pub(super) const ZONE: QueryInfo = QueryInfo {
    name: "intraday-zone",
    text: "By which rule the intervals of a zone are traded once their auction is cleared, and how many of its books are open.",
    arguments: &[required("zone", "Which zone.", "the number of a zone")],
    answer: zone,
    entry: None,
};

pub(super) const PERIODS: QueryInfo = QueryInfo {
    name: "intraday-periods",
    text: "The intervals of a session that are or were traded: their gates, what was traded, and the last price.",
    arguments: &[SESSION_NUMBER],
    answer: periods,
    entry: None,
};

pub(super) const BOOK: QueryInfo = QueryInfo {
    name: "intraday-book",
    text: "The book of an interval: its gate, what was traded, what bounds its orders while it is open, and what is shown at each price, best first.",
    arguments: &[
        SESSION_NUMBER,
        INTERVAL,
        optional(
            "levels",
            "Most prices of a side; 20 if it is left out, 1,000 at most.",
            "a number of prices",
        ),
    ],
    answer: book,
    entry: None,
};

pub(super) const ORDERS: QueryInfo = QueryInfo {
    name: "intraday-orders",
    text: "An account's open orders in the books of a session, by interval and number.",
    arguments: &[SESSION_NUMBER, ACCOUNT],
    answer: orders,
    entry: None,
};

fn zone(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let zone: u32 = arguments.required("zone")?;
    let found = ledger.stores().read::<Power>().zones.get(&ZoneId(zone));
    let found = found.ok_or_else(|| missing(format_args!("a rule of zone {zone}")))?;
    let rule = &found.rule;
    Ok(json!({
        "zone": zone,
        "lead": rule.lead.0,
        "price_min": rule.price_min.0,
        "price_max": rule.price_max.0,
        "energy_max": rule.energy_max.0,
        "makers_max": rule.makers_max,
        "orders_max": rule.orders_max,
        "account_orders_max": rule.account_orders_max,
        "books_max": rule.books_max,
        "books": found.books,
    }))
}

fn periods(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("session")?;
    session_of(ledger, number)?;
    // No more than 100.
    let all = &ledger.stores().read::<Power>().periods;
    let all = all.range((number, 0)..=(number, u8::MAX));
    Ok(all.map(|(id, period)| traded(*id, period)).collect())
}

fn traded((_, interval): PeriodId, period: &Period) -> Value {
    json!({
        "interval": interval,
        "gate": period.gate.0,
        "open": period.is_open,
        // What is beyond 64 bits takes more trades than there can be in a day.
        "energy": i64::try_from(period.energy).ok(),
        "turnover": i64::try_from(period.turnover).ok(),
        "last": period.last.map(|price| price.0),
    })
}

fn book(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("session")?;
    let interval: u8 = arguments.required("interval")?;
    let levels: Option<usize> = arguments.optional("levels")?;
    let levels = levels.unwrap_or(LEVELS).min(PAGE_MAX);
    let session = session_of(ledger, number)?;
    if interval >= session.intervals {
        return Err(bad(
            "interval",
            format!("the session has {}", session.intervals),
        ));
    }
    let id = (number, interval);
    let tables = ledger.stores().read::<Power>();
    let what = || {
        missing(format_args!(
            "a book of interval {interval} of session {number}"
        ))
    };
    let period = tables.periods.get(&id).ok_or_else(what)?;
    let found = tables.books.get(id).ok();
    let side = |side| -> Vec<Value> {
        let depth = |book: &Book| book.depth(side, levels);
        let depth = found.map(depth).unwrap_or_default();
        depth.iter().map(level).collect()
    };
    let mut answer = traded(id, period);
    answer["session"] = number.into();
    answer["zone"] = period.zone.0.into();
    answer["orders"] = found.map_or(0, Book::len).into();
    answer["limits"] = found.map(|book| limits(book.rules())).into();
    answer["bids"] = side(Side::Buy).into();
    answer["asks"] = side(Side::Sell).into();
    Ok(answer)
}

/// What a book was opened with: its zone may have another rule by now.
fn limits(rules: &Rules) -> Value {
    json!({
        "price_min": rules.price_min.0,
        "price_max": rules.price_max.0,
        "tick": rules.tick,
        "energy_max": rules.quantity_max.0,
        "lot": rules.terms.lot,
        "makers_max": rules.makers_max,
        "orders_max": rules.orders_max,
        "account_orders_max": rules.account_orders_max,
    })
}

fn level(depth: &Depth) -> Value {
    json!({
        "price": depth.price.0,
        // No more than all orders of a book at the largest energy, which is below 2^63.
        "energy": u64::try_from(depth.quantity).unwrap_or(u64::MAX),
        "orders": depth.orders,
    })
}

fn orders(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("session")?;
    let account = arguments.account()?;
    session_of(ledger, number)?;
    identity::of(ledger, account)?;
    let tables = ledger.stores().read::<Power>();
    let periods = tables.periods.range((number, 0)..=(number, u8::MAX));
    // An account has `ACCOUNT_ORDERS_MAX` in a session.
    let orders = periods.flat_map(|(id, _)| {
        let book = tables.books.get(*id).ok();
        let orders = book.map(|book| book.orders_of(account)).unwrap_or_default();
        orders.into_iter().map(|order| open(*id, &order))
    });
    Ok(orders.collect())
}

fn open((_, interval): PeriodId, order: &Resting) -> Value {
    json!({
        "interval": interval,
        "number": order.id.number,
        "side": order.side.name(),
        "price": order.price.map(|price| price.0),
        "open": order.open().0,
        "filled": order.filled.0,
        "display": order.display.map(|most| most.0),
        "prevention": order.prevention.name(),
    })
}
