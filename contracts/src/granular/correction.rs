//! What a corrected reading makes of the certificates of its interval.
//!
//! Downward: the newest numbers that nobody used are void, as many as the meter says too much, in [`WITHDRAWN_MAX`] bundles at most: a
//! correction never costs more than a transaction may, however its numbers were split. What was used stays used, so the rest is a debt of
//! the device, which the next issue pays: as many watt hours of a later interval get no number. Upward: the debt of the interval is
//! lower by as much, and below zero where it was paid, which counts for the next one; beyond that there is room to issue anew.

use super::bundle::{self, Range};
use super::event::Event;
use super::module::Granular;
use super::register::{self, Register};
use crate::amount::WattHours;
use crate::energy::rules::Role;
use crate::energy::{ResourceId, meter};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// Most bundles that one correction makes void or cuts.
pub const WITHDRAWN_MAX: usize = 1_024;

/// Makes the register of an interval follow its meter, which says something else from now on.
pub(crate) fn follow(
    cx: &mut Cx<'_>,
    start: Millis,
    device: ResourceId,
    reading: WattHours,
) -> Result<(), Code> {
    let key = (start, device);
    let found = cx.read::<Granular>().registers.get(&key).copied();
    let Some(old) = found else {
        return Ok(());
    };
    let produced = meter::energy_in(Role::Supply, reading);
    let mut register = old;
    let surplus = register.backed().saturating_sub(produced);
    withdraw(cx, key, &mut register, surplus)?;
    register.over = register.backed().saturating_sub(produced);
    if register.over != old.over {
        owe(cx, key, old.over, register.over)?;
    }
    if register == old {
        return Ok(());
    }
    register::set(cx, key, register)
}

/// Makes so many numbers void, the newest first; fewer where fewer are held, or they lie in too many bundles.
fn withdraw(
    cx: &mut Cx<'_>,
    (start, device): (Millis, ResourceId),
    register: &mut Register,
    mut surplus: u64,
) -> Result<(), Code> {
    for _ in 0..WITHDRAWN_MAX {
        if surplus == 0 {
            break;
        }
        let all = (start, device, 0)..=(start, device, u64::MAX);
        let newest = cx.read::<Granular>().bundles.range(all).next_back();
        let Some((key, one)) = newest.map(|(key, one)| (*key, *one)) else {
            break;
        };
        let count = surplus.min(one.last - key.2 + 1);
        let range = Range {
            start,
            device,
            first: one.last + 1 - count,
            last: one.last,
        };
        bundle::cut(cx, (key, one), &range)?;
        surplus -= count;
        register.held -= count;
        register.withdrawn += count;
        cx.emit::<Granular>(&Event::Withdrawn {
            device,
            start,
            account: one.account,
            first: range.first,
            last: range.last,
        })?;
    }
    Ok(())
}

/// Changes what the device owes by what its register is over.
fn owe(
    cx: &mut Cx<'_>,
    (start, id): (Millis, ResourceId),
    before: u64,
    now: u64,
) -> Result<(), Code> {
    let account = meter::of(cx, id)?.0.account;
    let mut device = *cx.read::<Granular>().device(id)?;
    // Correctness: each is at most what an interval backed, `ENERGY_MAX`.
    let more = WattHours(now.cast_signed() - before.cast_signed());
    device.debt = device.debt.checked_add(more).ok_or(Code::OVERFLOW)?;
    let (tables, journal) = cx.tables::<Granular>();
    tables.devices.set(journal, id, device)?;
    cx.emit::<Granular>(&Event::DebtChanged {
        device: id,
        account,
        issuer: device.issuer,
        start,
        debt: device.debt,
    })
}
