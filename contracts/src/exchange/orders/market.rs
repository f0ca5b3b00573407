//! Markets: opened by the authority, watched, halted and bounded by those who may.

use super::super::book::Book;
use super::super::event::{Event as Told, Phase};
use super::super::limits::Band;
use super::super::reject::Reject;
use super::super::rules::Rules;
use super::Exchange;
use super::event::Event;
use super::settle::{Command, Market, is_shut};
use crate::amount::{Money, Price, Quantity};
use crate::carbon::InstrumentId;
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::money::units::Units;
use crate::money::units::instrument::Form;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most markets: each costs something in every block.
pub const MARKETS_MAX: usize = 1_024;
/// Most orders in a book.
pub const ORDERS_MAX: u32 = 1 << 20;
/// Most orders of one account in a book: all of them can be withdrawn in one transaction.
pub const ACCOUNT_ORDERS_MAX: u32 = 1_024;
/// Most stops in a book: one trade can wake all of them.
pub const STOPS_MAX: u32 = 1_024;
/// Most orders that are met in one command, by the order that comes in and by the stops that it wakes: each is settled, about
/// fifty units, in a transaction of 200,000.
pub const MEETINGS_MAX: u64 = 2_048;
/// Most orders that a call may collect: all of them are settled in the transaction that ends it.
pub const CALL_ORDERS_MAX: usize = 2_048;

/// Limits of a new market, as its call gives them.
pub(super) struct Limits {
    pub(super) price_min: Price,
    pub(super) price_max: Price,
    pub(super) quantity_max: Quantity,
    pub(super) makers_max: u32,
    pub(super) wakes_max: u32,
    pub(super) orders_max: u32,
    pub(super) account_orders_max: u32,
    pub(super) stops_max: u32,
    pub(super) position_max: Option<Quantity>,
    pub(super) messages_max: Option<u32>,
    pub(super) window: u64,
}

/// Refused in this order: instrument unknown, or with numbered units; a market there already; too many markets; a rule out of
/// range.
pub(super) fn list(cx: &mut Cx<'_>, id: InstrumentId, limits: &Limits) -> Result<(), Code> {
    let instrument = cx.read::<Units>().instruments.get(&id);
    let instrument = instrument.ok_or(Code::UNKNOWN_INSTRUMENT)?;
    if instrument.form != Form::Fungible {
        return Err(Code::NOT_TRADABLE);
    }
    let books = &cx.read::<Exchange>().books;
    if books.get(id).is_ok() {
        return Err(Code::MARKET_EXISTS);
    }
    if books.len() >= MARKETS_MAX {
        return Err(Code::TOO_MANY);
    }
    let rules = Rules {
        terms: instrument.terms(),
        tick: i64::from(instrument.tick),
        price_min: limits.price_min,
        price_max: limits.price_max,
        quantity_max: limits.quantity_max,
        makers_max: limits.makers_max,
        orders_max: limits.orders_max,
        account_orders_max: limits.account_orders_max,
        stops_max: limits.stops_max,
        wakes_max: limits.wakes_max,
        long_max: limits.position_max,
        // What is not held is not sold.
        short_max: None,
        messages_max: limits.messages_max,
        window: limits.window,
    };
    check(&rules)?;

    let now = cx.block().time;
    let (tables, journal) = cx.tables::<Exchange>();
    tables.books.open(journal, id, rules, now)?;
    cx.emit::<Exchange>(&Event::MarketListed { instrument: id })
}

/// Whether every command ends within a transaction and every amount within its type, and nothing changes hands for nothing.
fn check(rules: &Rules) -> Result<(), Code> {
    let lot = Quantity(rules.terms.lot);
    let least = rules.terms.amount(lot, rules.price_min);
    let most = rules.terms.amount(rules.quantity_max, rules.price_max);
    let meetings =
        u64::from(rules.makers_max).saturating_mul(u64::from(rules.wakes_max).saturating_add(1));
    let sound = rules.check().is_ok()
        && rules.price_min > Price::ZERO
        && least.is_some_and(|money| money > Money::ZERO)
        && most.is_some()
        && meetings <= MEETINGS_MAX
        && rules.orders_max <= ORDERS_MAX
        && rules.account_orders_max <= ACCOUNT_ORDERS_MAX
        && rules.stops_max <= STOPS_MAX;
    if sound {
        Ok(())
    } else {
        Err(Code::RULE_INVALID)
    }
}

/// Something that the market's watch does; `first` is told before what follows from it.
fn watch(
    cx: &mut Cx<'_>,
    id: InstrumentId,
    first: Option<Event>,
    work: impl Fn(&mut Book, &mut Vec<Told>) -> Result<(), Reject>,
) -> Result<(), Code> {
    let market = Market::of(cx, id)?;
    let command = Command {
        first,
        ..Command::plain(market)
    };
    command.run(cx, work)
}

/// Refused: no such market; halted already.
pub(super) fn halt(cx: &mut Cx<'_>, id: InstrumentId) -> Result<(), Code> {
    watch(cx, id, None, |book, told| book.halt(told))
}

/// Refused: no such market; not halted.
pub(super) fn resume(cx: &mut Cx<'_>, id: InstrumentId) -> Result<(), Code> {
    watch(cx, id, None, |book, told| book.resume(told))
}

/// Refused: no such market; halted; in a call; more orders than a call may collect.
pub(super) fn open_call(cx: &mut Cx<'_>, id: InstrumentId) -> Result<(), Code> {
    let book = cx.read::<Exchange>().books.get(id)?;
    if book.phase() == Phase::Open && book.len() > CALL_ORDERS_MAX {
        return Err(Code::BOOK_FULL);
    }
    watch(cx, id, None, |book, told| book.open_call(told))
}

/// Refused: no such market; halted; in no call.
pub(super) fn uncross(cx: &mut Cx<'_>, id: InstrumentId) -> Result<(), Code> {
    let market = Market::of(cx, id)?;
    let book = cx.read::<Exchange>().books.get(id)?;
    if book.phase() == Phase::Call {
        // All orders are met, so those that may not trade go first, and the auction is held once.
        let accounts = book.accounts();
        cx.charge_items(accounts.len())?;
        let orders = cx.read::<Exchange>().books.get(id)?.len();
        cx.charge_items(orders)?;
        for account in accounts {
            if is_shut(cx, account) {
                Command::withdraw_shut(cx, &market, account)?;
            }
        }
    }
    watch(cx, id, None, |book, told| {
        book.uncross(None, told).map(|_| ())
    })
}

/// Refused: no such market; ends in the wrong order or no prices of it.
pub(super) fn set_band(
    cx: &mut Cx<'_>,
    id: InstrumentId,
    band: Option<(Price, Price)>,
) -> Result<(), Code> {
    let first = Some(Event::BandSet {
        instrument: id,
        band,
    });
    let band = band.map(|(low, high)| Band { low, high });
    watch(cx, id, first, |book, _| book.set_band(band))
}

/// Refused: no such market.
pub(super) fn end_session(cx: &mut Cx<'_>, id: InstrumentId) -> Result<(), Code> {
    let first = Some(Event::SessionEnded { instrument: id });
    watch(cx, id, first, |book, _| {
        book.end_session();
        Ok(())
    })
}

/// Refused: account unknown; no such market.
pub(super) fn switch_off(
    cx: &mut Cx<'_>,
    instrument: InstrumentId,
    account: AccountId,
) -> Result<(), Code> {
    cx.read::<Identity>().find(account)?;
    let first = Some(Event::SwitchedOff {
        instrument,
        account,
    });
    watch(cx, instrument, first, |book, told| {
        book.kill(account, usize::MAX, told);
        Ok(())
    })
}

/// Refused: account unknown; no such market.
pub(super) fn switch_on(
    cx: &mut Cx<'_>,
    instrument: InstrumentId,
    account: AccountId,
) -> Result<(), Code> {
    cx.read::<Identity>().find(account)?;
    let first = Some(Event::SwitchedOn {
        instrument,
        account,
    });
    watch(cx, instrument, first, |book, told| {
        book.revive(account, usize::MAX, told);
        Ok(())
    })
}
