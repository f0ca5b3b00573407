//! Algorithm 3: a session, in which a plant is formed for one delivery period; whoever is an active prosumer may open one.
//!
//! Nobody is refused for rank: an initiator has one open session a period, and sessions are numbered as they come. The rules of
//! the initiator's microgrid hold for the session as they were when it was opened. Source: Su & Wang, Algorithm 3.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::close::Due;
use super::event::Event;
use super::module::{Energy, Tables};
use super::position::{self, Position, PositionPhase};
use super::rules::{self, ENERGY_MAX, Minutes, Role, Rules};
use super::{MicrogridId, ResourceId, arrears};
use crate::amount::{Currency, Money, Price, WattHours};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::money::{aside, cash};
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// How far ahead a session can be opened, in milliseconds: seven days.
pub const AHEAD_MAX: u64 = 7 * 24 * 3_600 * 1_000;
/// Most open sessions of an initiator.
pub const OPEN_MAX: u32 = 96;
/// Most sessions of an initiator for one period, until they are forgotten.
pub const PERIOD_MAX: usize = 8;

crate::choices! {
    /// What became of a session.
    pub enum SessionPhase {
        /// It takes offers.
        Open "open",
        /// A plant was formed.
        Formed "formed",
        /// All offers together were too little.
        InsufficientEnergy "insufficient-energy",
        /// The initiator's account was shut, or it is no active prosumer any more.
        InitiatorShut "initiator-shut",
        /// It was closed when the delivery period was over.
        TooLate "too-late",
    }
}

/// A session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Session {
    /// Who opened it.
    pub initiator: AccountId,
    /// Where the initiator is connected.
    pub microgrid: MicrogridId,
    /// What the initiator does.
    pub role: Role,
    /// By which resource it supplies.
    pub resource: Option<ResourceId>,
    /// Energy required.
    pub energy: WattHours,
    /// Start of the delivery period.
    pub start: Millis,
    /// Its length.
    pub minutes: Minutes,
    /// The worst price the initiator takes.
    pub price: Price,
    /// When it closes.
    pub closes: Millis,
    /// Money set aside while it is open.
    pub deposit: Money,
    /// What is paid in.
    pub currency: Currency,
    /// The rules it is held by.
    pub rules: Rules,
    /// How many offers were accepted so far, replaced ones too.
    pub sequence: u32,
    /// How many offers there are; of a plant, how many were taken.
    pub offers: u32,
    /// What they come to.
    pub total: WattHours,
    /// What became of it.
    pub phase: SessionPhase,
}

impl Session {
    /// Whether a price is as good as the initiator asks.
    #[must_use]
    pub fn takes(&self, price: Price) -> bool {
        match self.role {
            Role::Consume => price <= self.price,
            Role::Supply => price >= self.price,
        }
    }

    /// Whether it takes offers. Its trigger may be late.
    #[must_use]
    pub fn is_open(&self, now: Millis) -> bool {
        self.phase == SessionPhase::Open && now < self.closes
    }
}

/// What the initiator says of a new session.
pub(super) struct Terms {
    pub(super) role: Role,
    pub(super) resource: Option<ResourceId>,
    pub(super) energy: WattHours,
    pub(super) start: Millis,
    pub(super) price: Price,
    pub(super) closes: Millis,
    pub(super) deposit: Money,
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_SESSION`.
    pub(super) fn session(&self, number: u64) -> Result<Session, Code> {
        self.sessions
            .get(&number)
            .copied()
            .ok_or(Code::UNKNOWN_SESSION)
    }
}

/// Refused in this order: account unknown, not represented, not open; no active prosumer; an open session for this period; energy,
/// times or resource out of range; resource unknown, another's, not able to; price; too many sessions; money owed; deposit too
/// low; too little money free; not endorsed.
pub(super) fn open(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    initiator: AccountId,
    terms: &Terms,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), initiator)?;
    let tables = cx.read::<Energy>();
    let prosumer = *tables.active(initiator)?;
    let of_period = (initiator, terms.start, 0)..=(initiator, terms.start, u64::MAX);
    let own = tables.initiated.range(of_period);
    let own: Vec<u64> = own.map(|((_, _, number), ())| *number).collect();
    let is_open = |number: &u64| {
        let session = tables.sessions.get(number);
        session.is_some_and(|session| session.phase == SessionPhase::Open)
    };
    if own.iter().any(is_open) {
        return Err(Code::SESSION_ALREADY_OPEN);
    }
    let microgrid = *tables.microgrid(prosumer.microgrid)?;
    check(cx.block().time, microgrid.minutes, terms)?;
    if let Some(resource) = terms.resource {
        let (role, energy) = (terms.role, terms.energy);
        position::check_capability(
            cx,
            initiator,
            resource,
            (terms.start, u64::MAX),
            role,
            energy,
        )?;
    }
    let rules = microgrid.rules;
    rules.check_price(terms.price)?;
    if prosumer.sessions >= OPEN_MAX || own.len() >= PERIOD_MAX {
        return Err(Code::SESSION_LIMIT);
    }
    arrears::check_none(cx, initiator)?;
    let least = rules::amount(
        terms.energy,
        match terms.role {
            Role::Consume => terms.price,
            // Its own energy may be missing.
            Role::Supply => rules.imbalance_price,
        },
    )?;
    if terms.deposit < least {
        return Err(Code::DEPOSIT_TOO_LOW);
    }
    let currency = microgrid.currency;
    if cash::of(cx, initiator, slot, currency).free() < terms.deposit {
        return Err(Code::CASH_TOO_LOW);
    }
    account::second(cx, initiator, slot, || endorse::digest::<Energy>(call))?;

    // The number of its trigger is its own.
    let number = cx.schedule_work::<Energy>(When::Time(terms.closes), &Due::Close)?;
    if terms.deposit > Money::ZERO {
        aside::set(cx, (initiator, slot), currency, terms.deposit)?;
    }
    let session = Session {
        initiator,
        microgrid: prosumer.microgrid,
        role: terms.role,
        resource: terms.resource,
        energy: terms.energy,
        start: terms.start,
        minutes: microgrid.minutes,
        price: terms.price,
        closes: terms.closes,
        deposit: terms.deposit,
        currency,
        rules,
        sequence: 0,
        offers: 0,
        total: WattHours::ZERO,
        phase: SessionPhase::Open,
    };
    if let Some(resource) = terms.resource {
        let own = Position {
            account: initiator,
            initiator,
            microgrid: prosumer.microgrid,
            role: terms.role,
            energy: terms.energy,
            price: Price::ZERO,
            imbalance_price: rules.imbalance_price,
            aside: Money::ZERO,
            initiator_aside: Money::ZERO,
            phase: PositionPhase::Offered,
            delivered: WattHours::ZERO,
        };
        position::add(cx, (terms.start, resource, number), own, slot)?;
    }
    let (tables, journal) = cx.tables::<Energy>();
    tables.sessions.set(journal, number, session)?;
    let key = (initiator, terms.start, number);
    tables.initiated.set(journal, key, ())?;
    if let Some(prosumer) = tables.prosumers.update(journal, &initiator)? {
        prosumer.sessions += 1;
    }
    cx.emit::<Energy>(&Event::VppSessionOpened {
        session: number,
        initiator,
        role: session.role,
        energy: session.energy,
        start: session.start,
        minutes: session.minutes,
        price: session.price,
        closes: session.closes,
        deposit: session.deposit,
    })
}

/// Whether energy and times are in range, and a resource is named by whoever supplies.
fn check(now: Millis, minutes: Minutes, terms: &Terms) -> Result<(), Code> {
    let sound = (1..=ENERGY_MAX).contains(&terms.energy.0)
        && minutes.begin_at(terms.start)
        && terms.start.0.saturating_sub(now.0) <= AHEAD_MAX
        && now < terms.closes
        && terms.closes <= terms.start
        && terms.resource.is_some() == (terms.role == Role::Supply);
    if sound {
        Ok(())
    } else {
        Err(Code::SESSION_INVALID)
    }
}
