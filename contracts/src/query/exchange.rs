//! The exchange: what everyone may see of a book, the rules of a market, the open orders of an account.

use std::str::FromStr;

use serde_json::{Value, json};

use super::{ACCOUNT, Answer, Arguments, INSTRUMENT, PAGE_MAX, QueryError, QueryInfo};
use super::{identity, missing, optional};
use crate::amount::Price;
use crate::carbon::InstrumentId;
use crate::exchange::Side;
use crate::exchange::book::Book;
use crate::exchange::event::Phase;
use crate::exchange::limits::Band;
use crate::exchange::market_data::Depth;
use crate::exchange::orders::Exchange;
use crate::exchange::orders::call::ValidityKind;
use crate::exchange::request::Validity;
use crate::exchange::slab::{self, Resting};
use crate::ledger::Ledger;
use crate::money::units::Units;

/// Prices of a side that are shown unless more are asked for.
const LEVELS: usize = 20;

pub(super) const BOOK: QueryInfo = QueryInfo {
    name: "book",
    text: "A market's phase, and what is shown at each price, best first.",
    arguments: &[
        INSTRUMENT,
        optional(
            "levels",
            "Most prices of a side; 20 if it is left out, 1,000 at most.",
            "a number of prices",
        ),
    ],
    answer: book,
    entry: None,
};

pub(super) const MARKET: QueryInfo = QueryInfo {
    name: "market",
    text: "A market's phase, last price, band, limits, and which block trades it takes.",
    arguments: &[INSTRUMENT],
    answer: market,
    entry: None,
};

pub(super) const MARKETS: QueryInfo = QueryInfo {
    name: "markets",
    text: "All markets as in `market`, by number of the instrument.",
    arguments: &[optional(
        "after",
        "List markets of instruments above this one.",
        "an instrument number",
    )],
    answer: markets,
    entry: None,
};

pub(super) const ORDERS: QueryInfo = QueryInfo {
    name: "orders",
    text: "An account's open orders in all markets, by instrument and number.",
    arguments: &[
        ACCOUNT,
        optional("instrument", "Of this market only.", "an instrument number"),
        optional(
            "after",
            "List orders behind this one, `INSTRUMENT:NUMBER`.",
            "an instrument and the number of an order, as in 1:7",
        ),
    ],
    answer: orders,
    entry: None,
};

fn book(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let instrument = arguments.instrument()?;
    let levels: Option<usize> = arguments.optional("levels")?;
    let levels = levels.unwrap_or(LEVELS).min(PAGE_MAX);
    let book = of(ledger, instrument)?;
    let side = |side| -> Vec<Value> { book.depth(side, levels).iter().map(level).collect() };
    Ok(json!({
        "instrument": instrument.0,
        "phase": book.phase().name(),
        "halted": book.phase() == Phase::Halted,
        "last": price(book.last()),
        "orders": book.len(),
        "bids": side(Side::Buy),
        "asks": side(Side::Sell),
    }))
}

fn market(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let instrument = arguments.instrument()?;
    Ok(record(ledger, instrument, of(ledger, instrument)?))
}

fn markets(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let after: Option<u32> = arguments.optional("after")?;
    // Skipping is bounded: there are at most `MARKETS_MAX` markets.
    let books = ledger.stores().read::<Exchange>().books.iter();
    let books = books.filter(|(id, _)| after.is_none_or(|after| id.0 > after));
    Ok(books
        .take(PAGE_MAX)
        .map(|(id, book)| record(ledger, id, book))
        .collect())
}

fn orders(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let account = arguments.account()?;
    let only: Option<u32> = arguments.optional("instrument")?;
    let after: Option<Place> = arguments.optional("after")?;
    identity::of(ledger, account)?;
    if let Some(only) = only {
        of(ledger, InstrumentId(only))?;
    }
    let books = ledger.stores().read::<Exchange>().books.iter();
    // Beyond those that are listed, at most the orders of one book are looked at, of which an account has few.
    let books = books.filter(|(id, _)| {
        only.is_none_or(|only| id.0 == only) && after.is_none_or(|after| *id >= after.0)
    });
    let orders = books.flat_map(|(id, book)| {
        let orders = book.orders_of(account).into_iter();
        let orders = orders
            .filter(move |order| after.is_none_or(|after| Place(id, order.id.number) > after));
        orders.map(move |order| json!({ "instrument": id.0, "order": open(&order) }))
    });
    Ok(orders.take(PAGE_MAX).collect())
}

/// Where an order stands in the list of an account's: by market, then by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(InstrumentId, u64);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (instrument, number) = text.split_once(':').ok_or(())?;
        let instrument = instrument.parse().map_err(|_| ())?;
        let number = number.parse().map_err(|_| ())?;
        Ok(Self(InstrumentId(instrument), number))
    }
}

/// One price of a side. What does not fit into 64 bits, which takes more money than there is, is shown as the largest number.
fn level(depth: &Depth) -> Value {
    json!({
        "price": depth.price.0,
        "quantity": u64::try_from(depth.quantity).unwrap_or(u64::MAX),
        "orders": depth.orders,
    })
}

fn record(ledger: &Ledger, id: InstrumentId, book: &Book) -> Value {
    let rules = book.rules();
    let instrument = ledger.stores().read::<Units>().instruments.get(&id);
    let rule = ledger.stores().read::<Exchange>().block_rules.get(&id);
    let block_trades = rule.map(|rule| {
        json!({
            "quantity_min": rule.quantity_min.0,
            "band": rule.band.map(shown),
        })
    });
    json!({
        "instrument": id.0,
        "currency": instrument.map(|instrument| instrument.currency.to_string()),
        "phase": book.phase().name(),
        "last": price(book.last()),
        "band": book.band().map(shown),
        "block_trades": block_trades,
        "orders": book.len(),
        "limits": {
            "tick": rules.tick,
            "lot": rules.terms.lot,
            "price_min": rules.price_min.0,
            "price_max": rules.price_max.0,
            "quantity_max": rules.quantity_max.0,
            "makers_max": rules.makers_max,
            "wakes_max": rules.wakes_max,
            "orders_max": rules.orders_max,
            "account_orders_max": rules.account_orders_max,
            "stops_max": rules.stops_max,
            "position_max": rules.long_max.map(|most| most.0),
            "messages_max": rules.messages_max,
            "window": rules.window,
        },
    })
}

fn open(order: &Resting) -> Value {
    let (validity, until) = match order.validity {
        Validity::GoodTillCancelled => (ValidityKind::GoodTillCancelled, None),
        Validity::GoodTillDate(until) => (ValidityKind::GoodTillDate, Some(until.0)),
        Validity::Day => (ValidityKind::Day, None),
        Validity::ImmediateOrCancel => (ValidityKind::ImmediateOrCancel, None),
        Validity::FillOrKill => (ValidityKind::FillOrKill, None),
        Validity::GoodAtAuction => (ValidityKind::GoodAtAuction, None),
    };
    let place = match order.place {
        slab::Place::Ladder => "book",
        slab::Place::Stop => "stop",
        slab::Place::Awake => "awake",
        slab::Place::Auction => "auction",
    };
    json!({
        "number": order.id.number,
        "side": order.side.name(),
        "price": price(order.price),
        "trigger": price(order.trigger),
        "open": order.open().0,
        "filled": order.filled.0,
        "display": order.display.map(|most| most.0),
        "place": place,
        "validity": validity.name(),
        "until": until,
        "prevention": order.prevention.name(),
    })
}

fn shown(band: Band) -> Value {
    json!({ "low": band.low.0, "high": band.high.0 })
}

fn price(price: Option<Price>) -> Option<i64> {
    price.map(|price| price.0)
}

fn of(ledger: &Ledger, id: InstrumentId) -> Result<&Book, QueryError> {
    let book = ledger.stores().read::<Exchange>().books.get(id);
    book.map_err(|_| missing(format_args!("market of instrument {}", id.0)))
}
