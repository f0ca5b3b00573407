//! A delivery period: whether it takes orders, its book, and how that is closed.

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::ZoneId;
use super::super::clearing::Due;
use super::super::event::Event;
use super::super::module::Power;
use super::super::rules::INTERVAL;
use super::super::session::{Session, SessionPhase};
use super::settle::{Command, Market};
use super::{PeriodId, rule};
use crate::amount::Price;
use crate::exchange::event::Reason;
use crate::exchange::rules::Rules;
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::Millis;

/// Most orders that are cancelled in one piece when a gate closes: each takes about forty units, of a trigger's 200,000.
const CLOSED_MAX: usize = 1_024;

/// A period whose book was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Period {
    /// Of which zone.
    pub zone: ZoneId,
    /// First moment at which no order is taken.
    pub gate: Millis,
    /// Whether its book is there; it closes a little later than the gate, which may have much to cancel.
    pub is_open: bool,
    /// What was traded. Correctness: a trade is below 2^37, and its money below 2^63.
    pub energy: i128,
    /// What was paid for it, by the sellers where it is below zero.
    pub turnover: i128,
    /// Price of the last trade.
    pub last: Option<Price>,
}

/// A period that takes orders now.
pub(super) struct Traded {
    pub(super) id: PeriodId,
    pub(super) session: Session,
    zone: rule::Zone,
    gate: Millis,
    /// Rules of its book, as it is or would be.
    pub(super) rules: Rules,
    /// Whether there is a book.
    pub(super) has_book: bool,
}

impl Traded {
    /// By the block's time: the trigger that closes the book may be late.
    ///
    /// Refused in this order: no such session; no such interval; the auction is not cleared, or the zone has no books; the gate has
    /// closed.
    pub(super) fn of(cx: &Cx<'_>, id: PeriodId) -> Result<Self, Code> {
        let (number, interval) = id;
        let tables = cx.read::<Power>();
        let session = tables.session(number)?;
        session.check_intervals(interval, 1)?;
        if session.phase != SessionPhase::Cleared {
            return Err(Code::INTRADAY_NOT_OPEN);
        }
        let found = tables.periods.get(&id);
        let zone = tables.zones.get(&session.zone);
        let zone = *zone.ok_or(Code::INTRADAY_NOT_OPEN)?;
        let delivery = session.start.0 + u64::from(interval) * INTERVAL;
        let gate = Millis(delivery.saturating_sub(zone.rule.lead.0));
        let gate = found.map_or(gate, |period| period.gate);
        let was_closed = found.is_some_and(|period| !period.is_open);
        if was_closed || gate <= cx.block().time {
            return Err(Code::GATE_CLOSED);
        }
        let rules = match tables.books.get(id) {
            Ok(book) => *book.rules(),
            Err(_) => zone.rule.of_book(&session.terms),
        };
        Ok(Self {
            id,
            session,
            zone,
            gate,
            rules,
            has_book: found.is_some(),
        })
    }

    /// Whether a book can be opened where there is none: the zone has room for it. All zones together have room for what each may have.
    ///
    /// # Errors
    /// `INTRADAY_BOOKS_FULL`.
    pub(super) fn check_room(&self) -> Result<(), Code> {
        if !self.has_book && self.zone.books >= self.zone.rule.books_max {
            return Err(Code::INTRADAY_BOOKS_FULL);
        }
        Ok(())
    }

    /// Its book, and what is paid in.
    pub(super) fn market(&self) -> Market {
        Market::of(self.id, &self.session)
    }

    /// Opens the book, unless it is there.
    pub(super) fn open_book(&self, cx: &mut Cx<'_>) -> Result<(), Code> {
        if self.has_book {
            return Ok(());
        }
        let (now, zone) = (cx.block().time, self.session.zone);
        let (session, interval) = self.id;
        let due = Due::CloseBook(session, interval);
        cx.schedule_work::<Power>(When::Time(self.gate), &due)?;
        let (tables, journal) = cx.tables::<Power>();
        tables.books.open(journal, self.id, self.rules, now)?;
        let period = Period {
            zone,
            gate: self.gate,
            is_open: true,
            energy: 0,
            turnover: 0,
            last: None,
        };
        tables.periods.set(journal, self.id, period)?;
        count(cx, zone, true)?;
        cx.emit::<Power>(&Event::BookOpened {
            session,
            interval,
            zone,
            gate: self.gate,
        })
    }
}

/// Counts an open book of a zone more, or less.
fn count(cx: &mut Cx<'_>, zone: ZoneId, more: bool) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Power>();
    let zone = tables.zones.update(journal, &zone)?;
    let books = &mut zone.ok_or(Code::INTRADAY_NOT_OPEN)?.books;
    *books = if more { *books + 1 } else { *books - 1 };
    Ok(())
}

/// Whether a book of the session is open.
pub(in super::super) fn is_traded(cx: &Cx<'_>, session: u64) -> bool {
    let periods = cx
        .read::<Power>()
        .periods
        .range((session, 0)..=(session, u8::MAX));
    periods.into_iter().any(|(_, period)| period.is_open)
}

/// The gate of a period has closed: what rests is cancelled, so many orders in a block, account by account; then the book goes.
///
/// # Errors
/// `UNKNOWN_MARKET` where there is no such book: never, since each is closed by the one trigger that was left when it was opened, and no
/// period is forgotten before.
pub(in super::super) fn close(cx: &mut Cx<'_>, id: PeriodId) -> Result<(), Code> {
    let (session, interval) = id;
    let tables = cx.read::<Power>();
    let period = tables.periods.get(&id).ok_or(Code::UNKNOWN_MARKET)?;
    let zone = period.zone;
    let book = tables.books.get(id)?;
    let (orders, accounts) = (book.len(), book.accounts());
    let market = Market::of(id, &tables.session(session)?);
    cx.charge_items(orders)?;
    Command::plain(market).run(cx, |book, told| {
        let mut left = CLOSED_MAX;
        for account in &accounts {
            if left == 0 {
                break;
            }
            let before = book.len();
            book.withdraw_all(*account, left, Reason::Expired, told);
            left -= before - book.len();
        }
        Ok(())
    })?;
    if orders > CLOSED_MAX {
        let next = When::Height(cx.block().height.saturating_add(1));
        let due = Due::CloseBook(session, interval);
        return cx.schedule_work::<Power>(next, &due).map(|_| ());
    }
    let (tables, journal) = cx.tables::<Power>();
    tables.books.close(journal, id)?;
    let period = tables.periods.update(journal, &id)?;
    period.ok_or(Code::UNKNOWN_MARKET)?.is_open = false;
    count(cx, zone, false)?;
    cx.emit::<Power>(&Event::BookClosed {
        session,
        interval,
        zone,
    })
}
