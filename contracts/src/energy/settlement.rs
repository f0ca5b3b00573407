//! What a reading makes of the allocations of its resource: payments by what was delivered, and charges for what is missing.
//!
//! A reading counts once. It fills the allocations of a resource and a period in the order of their sessions; each is paid by what it
//! got: `min(delivered, allocated) x price` from whoever consumes to whoever supplies, and the rest at the price of imbalance from
//! the account to its grid operator, who covered it. Each is truncated once and booked with the same integer on both sides. When a
//! reading is corrected, only the differences move.

use super::ResourceId;
use super::arrears;
use super::event::Event;
use super::module::Energy;
use super::position::{self, Position, PositionKey, PositionPhase};
use super::rules::Role;
use crate::amount::{Money, WattHours};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// Settles what is allocated of a resource in a period by its reading.
pub(super) fn settle(
    cx: &mut Cx<'_>,
    start: Millis,
    resource: ResourceId,
    reading: WattHours,
) -> Result<(), Code> {
    let range = (start, resource, 0)..=(start, resource, u64::MAX);
    let all = cx.read::<Energy>().positions.range(range);
    let all: Vec<(PositionKey, Position)> = all.map(|(key, one)| (*key, *one)).collect();
    if all.is_empty() {
        return Ok(());
    }
    cx.charge_items(all.len())?;
    let mut left = [Role::Consume, Role::Supply].map(|role| role.delivered(reading).0);
    for (key, position) in all {
        // A session that is not closed yet comes too late: its period is over.
        if position.phase == PositionPhase::Offered {
            continue;
        }
        let left = &mut left[position.role as usize];
        let delivered = position.energy.0.min(*left);
        *left -= delivered;
        settle_one(cx, key, position, WattHours(delivered))?;
    }
    Ok(())
}

fn settle_one(
    cx: &mut Cx<'_>,
    key: PositionKey,
    old: Position,
    delivered: WattHours,
) -> Result<(), Code> {
    let was_settled = old.phase == PositionPhase::Settled;
    if was_settled && old.delivered == delivered {
        return Ok(());
    }
    let microgrid = *cx.read::<Energy>().microgrid(old.microgrid)?;
    let (payment, charge) = old.dues_of(delivered)?;
    let before = old.dues().unwrap_or_default();
    // Correctness: all of them are from zero to 10^17.
    let more = (Money(payment.0 - before.0.0), Money(charge.0 - before.1.0));

    if old.phase == PositionPhase::Allocated {
        position::let_go(cx, &old)?;
    }
    let new = Position {
        aside: Money::ZERO,
        initiator_aside: Money::ZERO,
        phase: PositionPhase::Settled,
        delivered,
        ..old
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.positions.set(journal, key, new)?;
    if let Some(prosumer) = tables.prosumers.update(journal, &old.account)? {
        if !was_settled {
            prosumer.committed.0 += old.energy.0;
        }
        // Correctness: the energy of a whole life fits; see `POWER_MAX`.
        prosumer.delivered.0 += delivered.0 - old.delivered.0;
    }
    let (session, operator) = (key.2, microgrid.account);
    let (account, initiator) = (old.account, old.initiator);
    cx.emit::<Energy>(&if was_settled {
        Event::EnergyResettled {
            session,
            account,
            initiator,
            operator,
            delivered,
            payment: more.0,
            charge: more.1,
        }
    } else {
        Event::EnergySettled {
            session,
            account,
            initiator,
            operator,
            allocated: old.energy,
            delivered,
            payment,
            charge,
        }
    })?;
    let (payer, payee) = match old.role {
        Role::Supply => (initiator, account),
        Role::Consume => (account, initiator),
    };
    arrears::book(cx, payer, payee, microgrid.currency, more.0)?;
    arrears::book(cx, account, operator, microgrid.currency, more.1)
}
