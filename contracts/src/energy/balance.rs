//! The balance of a microgrid in a period: what its members' meters say, what came in at its border, what was lost, and what of it
//! nobody accounts for.
//!
//! Whatever goes into a grid comes out of it: members, as their meters count, and the exchange at the border come to the loss. What
//! is left over is told as a residual and held against nobody.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::module::Energy;
use super::rules::ENERGY_MAX;
use super::{MicrogridId, metering, microgrid};
use crate::amount::WattHours;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// The balance of a microgrid in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Balance {
    /// Sum of all readings of members.
    pub members: WattHours,
    /// How many meters were read.
    pub readings: u32,
    /// What came in at the border and what was lost, once that is declared.
    pub declared: Option<(WattHours, WattHours)>,
}

impl Balance {
    /// What nobody accounts for, once exchange and loss are declared.
    #[must_use]
    pub fn residual(&self) -> Option<WattHours> {
        let (exchange, loss) = self.declared?;
        // Correctness: each of them was checked when it came in, and the sum of members leaves that much room.
        Some(WattHours(self.members.0 + exchange.0 - loss.0))
    }
}

/// Adds readings to the members' sum.
pub(super) fn add(
    cx: &mut Cx<'_>,
    start: Millis,
    id: MicrogridId,
    energy: WattHours,
    readings: u32,
) -> Result<(), Code> {
    let old = of(cx, start, id);
    let members = old.members.checked_add(energy).ok_or(Code::OVERFLOW)?;
    if members.0.unsigned_abs() > u64::MAX >> 2 {
        return Err(Code::OVERFLOW);
    }
    let new = Balance {
        members,
        readings: old.readings.saturating_add(readings),
        ..old
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.balances.set(journal, (start, id), new)
}

/// Refused in this order: microgrid unknown, not operated by the sender; no period, or not over; too late; exchange or loss out of
/// range.
pub(super) fn declare(
    cx: &mut Cx<'_>,
    id: MicrogridId,
    start: Millis,
    exchange: WattHours,
    loss: WattHours,
) -> Result<(), Code> {
    let microgrid = microgrid::operated(cx, id)?;
    metering::check_period(cx, &microgrid, start)?;
    let sound =
        (-ENERGY_MAX..=ENERGY_MAX).contains(&exchange.0) && (0..=ENERGY_MAX).contains(&loss.0);
    if !sound {
        return Err(Code::READING_INVALID);
    }

    let new = Balance {
        declared: Some((exchange, loss)),
        ..of(cx, start, id)
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.balances.set(journal, (start, id), new)?;
    cx.emit::<Energy>(&Event::BalanceDeclared {
        microgrid: id,
        account: microgrid.account,
        start,
        members: new.members,
        exchange,
        loss,
        residual: new.residual().unwrap_or_default(),
    })
}

fn of(cx: &Cx<'_>, start: Millis, id: MicrogridId) -> Balance {
    let found = cx.read::<Energy>().balances.get(&(start, id)).copied();
    found.unwrap_or_default()
}
