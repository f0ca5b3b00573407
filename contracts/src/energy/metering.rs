//! Readings of meters: first ones, and corrections of them.
//!
//! The period's end must have come, and a reading counts in the state for three years. Storage holds what its readings say: what was
//! taken, less the losses, and what was given.

use super::event::Event;
use super::microgrid::Microgrid;
use super::module::Energy;
use super::prosumer::Resource;
use super::reading::{LATE_MAX, Reading};
use super::rules::{ENERGY_MAX, Minutes, Quality};
use super::{MicrogridId, ResourceId, balance, settlement};
use crate::amount::WattHours;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::modules::CORRECTED;
use crate::receipt::Code;
use crate::tx::Millis;

/// Whether a period of the microgrid begins then, is over, and not for too long.
///
/// # Errors
/// In this order: `READING_INVALID`, `READING_TOO_LATE`.
pub(super) fn check_period(cx: &Cx<'_>, microgrid: &Microgrid, start: Millis) -> Result<(), Code> {
    let (now, end) = (cx.block().time, microgrid.minutes.end(start));
    if !microgrid.minutes.begin_at(start) || end > now {
        return Err(Code::READING_INVALID);
    }
    if now.0 - end.0 > LATE_MAX {
        return Err(Code::READING_TOO_LATE);
    }
    Ok(())
}

/// Refused in this order: microgrid unknown; no reading; another length of period; no period, or not over; too late; then of each
/// reading: resource unknown, of another microgrid, not read by the sender; read before; energy or quality out of range; the storage
/// would hold less than nothing or too much.
pub(super) fn submit(
    cx: &mut Cx<'_>,
    id: MicrogridId,
    start: Millis,
    minutes: Minutes,
    readings: List<'_, ((ResourceId, WattHours), Quality)>,
) -> Result<(), Code> {
    let microgrid = *cx.read::<Energy>().microgrid(id)?;
    if readings.is_empty() {
        return Err(Code::TOO_MANY);
    }
    if minutes != microgrid.minutes {
        return Err(Code::READING_INVALID);
    }
    check_period(cx, &microgrid, start)?;
    cx.charge_items(readings.len())?;
    let mut sum = WattHours::ZERO;
    for ((resource, energy), quality) in readings.iter() {
        let of = read_by_sender(cx, resource)?;
        if of.microgrid != id {
            return Err(Code::NOT_OF_MICROGRID);
        }
        if cx.read::<Energy>().readings.contains(&(start, resource)) {
            return Err(Code::READING_EXISTS);
        }
        if quality == Quality::Corrected {
            return Err(Code::READING_INVALID);
        }
        let new = Reading {
            energy,
            quality,
            version: 1,
        };
        take(cx, start, resource, &of, None, new)?;
        sum = sum.checked_add(energy).ok_or(Code::OVERFLOW)?;
    }
    // Correctness: a list in a call has at most `LIST_MAX` items.
    let count = u32::try_from(readings.len()).unwrap_or(u32::MAX);
    balance::add(cx, start, id, sum, count)
}

/// Refused in this order: resource unknown, not read by the sender; no period, or not over; too late; not read before; not the next
/// version; energy out of range; the storage would hold less than nothing or too much.
pub(super) fn correct(
    cx: &mut Cx<'_>,
    resource: ResourceId,
    start: Millis,
    new: Reading,
) -> Result<(), Code> {
    let of = read_by_sender(cx, resource)?;
    let microgrid = *cx.read::<Energy>().microgrid(of.microgrid)?;
    check_period(cx, &microgrid, start)?;
    let old = cx
        .read::<Energy>()
        .readings
        .get(&(start, resource))
        .copied();
    let old = old.ok_or(Code::UNKNOWN_READING)?;
    if old.version.checked_add(1) != Some(new.version) {
        return Err(Code::READING_VERSION);
    }
    take(cx, start, resource, &of, Some(old), new)?;
    // Correctness: both lie within `ENERGY_MAX`.
    let more = WattHours(new.energy.0 - old.energy.0);
    balance::add(cx, start, of.microgrid, more, 0)
}

fn read_by_sender(cx: &Cx<'_>, id: ResourceId) -> Result<Resource, Code> {
    let resource = *cx.read::<Energy>().resource(id)?;
    if cx.member() == Some(resource.reader) {
        Ok(resource)
    } else {
        Err(Code::NOT_ITS_READER)
    }
}

/// Takes a reading in place of the old one, if there was one, with all that follows from it.
fn take(
    cx: &mut Cx<'_>,
    start: Millis,
    id: ResourceId,
    resource: &Resource,
    old: Option<Reading>,
    new: Reading,
) -> Result<(), Code> {
    if !(-ENERGY_MAX..=ENERGY_MAX).contains(&new.energy.0) {
        return Err(Code::READING_INVALID);
    }
    if resource.capacity > WattHours::ZERO {
        store(cx, id, resource, old, new)?;
    }
    let (tables, journal) = cx.tables::<Energy>();
    tables.readings.set(journal, (start, id), new)?;
    cx.emit::<Energy>(&Event::MeterRead {
        resource: id,
        account: resource.account,
        start,
        energy: new.energy,
        quality: new.quality,
        version: new.version,
    })?;
    settlement::settle(cx, start, id, new.energy)?;
    if old.is_some() {
        for follow in CORRECTED {
            follow(cx, start, id, new.energy)?;
        }
    }
    Ok(())
}

/// Changes what the storage holds by the difference of two readings.
fn store(
    cx: &mut Cx<'_>,
    id: ResourceId,
    resource: &Resource,
    old: Option<Reading>,
    new: Reading,
) -> Result<(), Code> {
    let before = old.map_or(0, |old| resource.stored(old.energy).0);
    // Correctness: all of them lie within `ENERGY_MAX`.
    let charge = WattHours(resource.charge.0 - before + resource.stored(new.energy).0);
    if !(WattHours::ZERO..=resource.capacity).contains(&charge) {
        return Err(Code::STORAGE_BOUNDS);
    }
    let (tables, journal) = cx.tables::<Energy>();
    let new = Resource {
        charge,
        ..*resource
    };
    tables.resources.set(journal, id, new)
}
