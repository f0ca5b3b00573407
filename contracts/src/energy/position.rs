//! A position: energy of a resource in a delivery period that is offered, allocated or settled, and the money that waits for it.
//!
//! The initiator of a session that supplies has a position of its own, at no price: what it does not deliver is charged as anyone's.

use borsh::{BorshDeserialize, BorshSerialize};

use super::module::Energy;
use super::rules::{self, Role};
use super::{MicrogridId, ResourceId};
use crate::amount::{Currency, Money, Price, WattHours};
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::money::aside;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most positions of a resource in one period.
pub const POSITIONS_MAX: usize = 16;

/// Start of the period, resource, session.
pub type PositionKey = (Millis, ResourceId, u64);

crate::choices! {
    /// How far a position is.
    pub enum PositionPhase {
        /// Its session is open.
        Offered "offered",
        /// It is part of a plant and waits for its reading.
        Allocated "allocated",
        /// No reading came in time; nothing waits any more.
        Released "released",
        /// It was paid by a reading.
        Settled "settled",
    }
}

/// Energy of a resource in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// Whose.
    pub account: AccountId,
    /// Who opened the session.
    pub initiator: AccountId,
    /// Where the resource is: whose operator is paid for what is missing.
    pub microgrid: MicrogridId,
    /// What the account does.
    pub role: Role,
    /// How much was offered; once allocated, how much was.
    pub energy: WattHours,
    /// At which price; 0 for the initiator's own.
    pub price: Price,
    /// What missing energy costs.
    pub imbalance_price: Price,
    /// Money of the account that waits for it.
    pub aside: Money,
    /// Money of the initiator that waits for it.
    pub initiator_aside: Money,
    /// How far it is.
    pub phase: PositionPhase,
    /// How much of it was delivered, once settled.
    pub delivered: WattHours,
}

impl Position {
    /// Most that the account may have to pay: for what it takes, and for what is missing of the rest. Correctness: a sum of truncated
    /// parts is no more than the whole at the higher price.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub(super) fn own_cost(&self) -> Result<Money, Code> {
        let price = match self.role {
            Role::Supply => self.imbalance_price,
            Role::Consume => self.price.max(self.imbalance_price),
        };
        rules::amount(self.energy, price)
    }

    /// Most that the initiator may have to pay for it.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub(super) fn initiator_cost(&self) -> Result<Money, Code> {
        match self.role {
            Role::Supply => rules::amount(self.energy, self.price),
            Role::Consume => Ok(Money::ZERO),
        }
    }

    /// Payment and charge once it is settled: for what was delivered, and for what is missing.
    #[must_use]
    pub fn dues(&self) -> Option<(Money, Money)> {
        let is_settled = self.phase == PositionPhase::Settled;
        is_settled.then(|| self.dues_of(self.delivered).ok())?
    }

    /// Payment and charge when so much is delivered, which is no more than was allocated.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub(super) fn dues_of(&self, delivered: WattHours) -> Result<(Money, Money), Code> {
        let missing = WattHours(self.energy.0 - delivered.0);
        let payment = rules::amount(delivered, self.price)?;
        Ok((payment, rules::amount(missing, self.imbalance_price)?))
    }

    /// Whether nothing waits for it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, PositionPhase::Released | PositionPhase::Settled)
    }

    /// Whether it is the initiator's own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.account == self.initiator
    }
}

/// Whether the resource is the account's and can do so much in the period in this role, beside its positions of other sessions.
///
/// # Errors
/// In this order: `UNKNOWN_RESOURCE`, `NOT_OWN_RESOURCE`, `CAPABILITY_EXCEEDED`, `SESSION_FULL`.
pub(super) fn check_capability(
    cx: &mut Cx<'_>,
    account: AccountId,
    id: ResourceId,
    (start, session): (Millis, u64),
    role: Role,
    energy: WattHours,
) -> Result<(), Code> {
    let tables = cx.read::<Energy>();
    let resource = *tables.resource(id)?;
    if resource.account != account {
        return Err(Code::NOT_OWN_RESOURCE);
    }
    let minutes = tables.microgrid(resource.microgrid)?.minutes;
    let able = role.delivered(minutes.energy(match role {
        Role::Supply => resource.power_max,
        Role::Consume => resource.power_min,
    }));
    let all = tables
        .positions
        .range((start, id, 0)..=(start, id, u64::MAX));
    let others = all.filter(|((_, _, other), _)| *other != session);
    let (mut count, mut committed) = (0, WattHours::ZERO);
    for (_, other) in others {
        count += 1;
        if other.role == role {
            committed = committed.checked_add(other.energy).ok_or(Code::OVERFLOW)?;
        }
    }
    cx.charge_items(count)?;
    let all = committed.checked_add(energy).ok_or(Code::OVERFLOW)?;
    if all > able {
        return Err(Code::CAPABILITY_EXCEEDED);
    }
    if count >= POSITIONS_MAX {
        return Err(Code::SESSION_FULL);
    }
    Ok(())
}

/// Writes a new position down and sets its own money aside. The account does not close while it waits.
pub(super) fn add(
    cx: &mut Cx<'_>,
    key: PositionKey,
    position: Position,
    slot: Slot,
) -> Result<(), Code> {
    if position.aside > Money::ZERO {
        let currency = currency(cx, &position)?;
        aside::set(cx, (position.account, slot), currency, position.aside)?;
    }
    account::count(cx, slot, true)?;
    let (tables, journal) = cx.tables::<Energy>();
    tables.positions.set(journal, key, position)
}

/// Takes away a position that is offered, and frees its money.
pub(super) fn remove(cx: &mut Cx<'_>, key: PositionKey) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Energy>();
    match tables.positions.remove(journal, &key)? {
        Some(position) => let_go(cx, &position),
        None => Ok(()),
    }
}

/// An offer became a part of a plant, with so much of its energy: the money that waits is what it may come to now, of the
/// initiator too. The deposit is free when this is called, and what the initiator may have to pay lies within it.
pub(super) fn allocate(cx: &mut Cx<'_>, key: PositionKey, energy: WattHours) -> Result<(), Code> {
    let found = cx.read::<Energy>().positions.get(&key).copied();
    let old = found.ok_or(Code::UNKNOWN_OFFER)?;
    let mut new = Position {
        energy,
        phase: PositionPhase::Allocated,
        ..old
    };
    new.aside = new.own_cost()?;
    new.initiator_aside = new.initiator_cost()?;
    let currency = currency(cx, &new)?;
    let slot = cx.read::<Identity>().find(new.account)?;
    if new.aside != old.aside {
        if old.aside > Money::ZERO {
            aside::free(cx, (new.account, slot), currency, old.aside)?;
        }
        if new.aside > Money::ZERO {
            aside::set(cx, (new.account, slot), currency, new.aside)?;
        }
    }
    if !new.is_own() {
        let initiator = cx.read::<Identity>().find(new.initiator)?;
        if new.initiator_aside > Money::ZERO {
            let at = (new.initiator, initiator);
            aside::set(cx, at, currency, new.initiator_aside)?;
        }
        account::count(cx, initiator, true)?;
    }
    let (tables, journal) = cx.tables::<Energy>();
    tables.positions.set(journal, key, new)
}

/// Frees all that waits for a position, whether offered or allocated.
pub(super) fn let_go(cx: &mut Cx<'_>, position: &Position) -> Result<(), Code> {
    let currency = currency(cx, position)?;
    let slot = cx.read::<Identity>().find(position.account)?;
    if position.aside > Money::ZERO {
        aside::free(cx, (position.account, slot), currency, position.aside)?;
    }
    account::count(cx, slot, false)?;
    if position.phase == PositionPhase::Offered || position.is_own() {
        return Ok(());
    }
    let slot = cx.read::<Identity>().find(position.initiator)?;
    if position.initiator_aside > Money::ZERO {
        let at = (position.initiator, slot);
        aside::free(cx, at, currency, position.initiator_aside)?;
    }
    account::count(cx, slot, false)
}

/// What a position is paid in.
pub(super) fn currency(cx: &Cx<'_>, position: &Position) -> Result<Currency, Code> {
    let microgrid = cx.read::<Energy>().microgrid(position.microgrid)?;
    Ok(microgrid.currency)
}
