//! A session: one zone's delivery day, what is bid for until its gate closes, and how far it is cleared.

use borsh::{BorshDeserialize, BorshSerialize};

use super::ZoneId;
use super::clearing::Due;
use super::event::Event;
use super::module::{Power, Tables};
use super::rules::{
    ACCOUNT_STEPS_PART, AHEAD_MAX, ENERGY_MAX, INTERVAL, PRICE_MAX, SESSION_BLOCKS_MAX,
    SESSION_STEPS_MAX, SESSIONS_MAX, ZONE_SESSIONS_MAX, intervals,
};
use crate::amount::{Currency, Price, WattHours};
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::Millis;

crate::choices! {
    /// How far a session is.
    pub enum SessionPhase {
        /// It takes orders until its gate.
        Open "open",
        /// Its gate closed, and it is being cleared.
        Clearing "clearing",
        /// It is cleared and paid.
        Cleared "cleared",
    }
}

/// By which terms orders are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Terms {
    /// Lowest price of an order.
    pub price_min: Price,
    /// Highest price of an order.
    pub price_max: Price,
    /// Prices are multiples of this; above zero.
    pub tick: u32,
    /// Energies are multiples of this; above zero.
    pub lot: WattHours,
    /// What is paid in.
    pub currency: Currency,
    /// Most steps of all curves, counted in each interval; an account has a quarter of them at most.
    pub steps_max: u32,
    /// Most blocks of the session.
    pub blocks_max: u32,
    /// Most blocks of an account.
    pub account_blocks_max: u32,
}

/// A session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Session {
    /// Which zone.
    pub zone: ZoneId,
    /// Start of the day.
    pub start: Millis,
    /// How many intervals it has.
    pub intervals: u8,
    /// First moment at which no order is taken.
    pub gate: Millis,
    /// Who opened it.
    pub operator: MemberId,
    /// By which terms orders are taken.
    pub terms: Terms,
    /// How far it is.
    pub phase: SessionPhase,
    /// Steps of all curves; what was there when the gate closed.
    pub steps: u32,
    /// How many blocks there are; what was there when the gate closed.
    pub blocks: u32,
    /// How many accounts have orders; what was there when the gate closed.
    pub participants: u32,
}

impl Session {
    /// End of the day.
    #[must_use]
    pub fn end(&self) -> Millis {
        Millis(self.start.0 + u64::from(self.intervals) * INTERVAL)
    }

    /// # Errors
    /// `DELIVERY_INVALID` unless there are such intervals.
    pub(super) fn check_intervals(&self, first: u8, count: u8) -> Result<(), Code> {
        if count > 0 && u16::from(first) + u16::from(count) <= u16::from(self.intervals) {
            Ok(())
        } else {
            Err(Code::DELIVERY_INVALID)
        }
    }
}

impl Terms {
    /// Most steps of an account, counted in each interval.
    #[must_use]
    pub fn account_steps_max(&self) -> u32 {
        self.steps_max.div_ceil(ACCOUNT_STEPS_PART)
    }

    fn check(&self) -> bool {
        let price = -PRICE_MAX..=PRICE_MAX;
        price.contains(&self.price_min.0)
            && price.contains(&self.price_max.0)
            && self.price_min < self.price_max
            && self.tick > 0
            && (1..=ENERGY_MAX).contains(&self.lot.0)
            && self.steps_max <= SESSION_STEPS_MAX
            && self.blocks_max <= SESSION_BLOCKS_MAX
            && self.account_blocks_max <= self.blocks_max
    }

    /// # Errors
    /// `POWER_PRICE_INVALID`.
    pub(super) fn check_price(&self, price: Price) -> Result<(), Code> {
        let within = (self.price_min..=self.price_max).contains(&price);
        if within && price.0 % i64::from(self.tick) == 0 {
            Ok(())
        } else {
            Err(Code::POWER_PRICE_INVALID)
        }
    }

    /// Whether so much can be bid.
    pub(super) fn takes(&self, energy: WattHours) -> bool {
        (1..=ENERGY_MAX).contains(&energy.0) && energy.0 % self.lot.0 == 0
    }
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_POWER_SESSION`.
    pub(super) fn session(&self, number: u64) -> Result<Session, Code> {
        let session = self.sessions.get(&number).copied();
        session.ok_or(Code::UNKNOWN_POWER_SESSION)
    }
}

/// The session, if its gate is open. By the block's time: the trigger that closes it may be late.
///
/// # Errors
/// In this order: `UNKNOWN_POWER_SESSION`, `GATE_CLOSED`.
pub(super) fn open_session(cx: &Cx<'_>, number: u64) -> Result<Session, Code> {
    let session = cx.read::<Power>().session(number)?;
    if session.phase == SessionPhase::Open && cx.block().time < session.gate {
        Ok(session)
    } else {
        Err(Code::GATE_CLOSED)
    }
}

/// Refused in this order: day, gate, prices, steps of prices and energies or limits out of range; no currency; the zone has a
/// session for a part of the day; too many sessions of the zone, or of all, that are not cleared.
pub(super) fn open(
    cx: &mut Cx<'_>,
    zone: ZoneId,
    (start, end): (Millis, Millis),
    gate: Millis,
    terms: Terms,
) -> Result<(), Code> {
    let now = cx.block().time;
    let count = intervals(start, end).ok_or(Code::POWER_SESSION_INVALID)?;
    let in_time = now < gate && gate <= start && start.0 - now.0 <= AHEAD_MAX;
    if !in_time || !terms.check() {
        return Err(Code::POWER_SESSION_INVALID);
    }
    if !terms.currency.is_valid() {
        return Err(Code::UNKNOWN_CURRENCY);
    }
    let tables = cx.read::<Power>();
    let before = tables.days.range((zone, Millis(0))..(zone, end));
    let last = before.last().map(|(_, number)| *number);
    let overlaps = |number| {
        let session = tables.sessions.get(&number);
        session.is_some_and(|session| session.end() > start)
    };
    if last.is_some_and(overlaps) {
        return Err(Code::POWER_SESSION_EXISTS);
    }
    let zone_days = tables
        .days
        .range((zone, Millis(0))..=(zone, Millis(u64::MAX)));
    let waiting = zone_days.filter(|(_, number)| tables.waiting.contains(number));
    if waiting.count() >= ZONE_SESSIONS_MAX || tables.waiting.len() >= SESSIONS_MAX {
        return Err(Code::TOO_MANY_POWER_SESSIONS);
    }
    // Only a member has the role that opens sessions.
    let operator = cx.member().ok_or(Code::WRONG_ROLE)?;

    // The number of its trigger is its own.
    let number = cx.schedule_work::<Power>(When::Time(gate), &Due::Close)?;
    let session = Session {
        zone,
        start,
        intervals: count,
        gate,
        operator,
        terms,
        phase: SessionPhase::Open,
        steps: 0,
        blocks: 0,
        participants: 0,
    };
    let (tables, journal) = cx.tables::<Power>();
    tables.sessions.set(journal, number, session)?;
    tables.days.set(journal, (zone, start), number)?;
    tables.waiting.set(journal, number, None)?;
    cx.emit::<Power>(&Event::SessionOpened {
        session: number,
        zone,
        start,
        intervals: count,
        gate,
        currency: terms.currency,
    })
}

/// Takes a session back that nobody has orders in; its day can be opened anew.
///
/// Refused in this order: no such session; gate closed; opened by another operator; accounts have orders in it.
pub(super) fn cancel(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let session = open_session(cx, number)?;
    if cx.member() != Some(session.operator) {
        return Err(Code::NOT_SESSION_OPERATOR);
    }
    if session.participants > 0 {
        return Err(Code::POWER_SESSION_IN_USE);
    }

    let zone = session.zone;
    cx.unschedule::<Power>(When::Time(session.gate), number)?;
    let (tables, journal) = cx.tables::<Power>();
    tables.sessions.remove(journal, &number)?;
    tables.days.remove(journal, &(zone, session.start))?;
    tables.waiting.remove(journal, &number)?;
    cx.emit::<Power>(&Event::SessionCancelled {
        session: number,
        zone,
    })
}
