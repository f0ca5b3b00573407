//! What other modules may ask of a meter: what lies behind it, the length of its periods, and what it said.

use super::ResourceId;
use super::module::{Energy, Tables};
use super::prosumer::Resource;
use super::rules::{Minutes, Role};
use crate::amount::WattHours;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// The resource behind a meter, and the length of the meter's periods.
///
/// # Errors
/// `UNKNOWN_RESOURCE`.
pub(crate) fn of(cx: &Cx<'_>, id: ResourceId) -> Result<(Resource, Minutes), Code> {
    let tables = cx.read::<Energy>();
    let resource = *tables.resource(id)?;
    Ok((resource, tables.microgrid(resource.microgrid)?.minutes))
}

/// What the meter says was done in this role in the period that begins then; in watt hours, 0 when it has the other sign.
///
/// # Errors
/// `UNKNOWN_READING`.
pub(crate) fn read(cx: &Cx<'_>, start: Millis, id: ResourceId, role: Role) -> Result<u64, Code> {
    let said = cx.read::<Energy>().said(start, id, role);
    said.ok_or(Code::UNKNOWN_READING)
}

/// The part of a reading that was done in this role.
pub(crate) fn energy_in(role: Role, reading: WattHours) -> u64 {
    role.delivered(reading).0.unsigned_abs()
}

impl Tables {
    /// What the meter said of the period that begins then; none when it was not read, or the reading is forgotten.
    pub(crate) fn reading(&self, start: Millis, id: ResourceId) -> Option<WattHours> {
        let reading = self.readings.get(&(start, id))?;
        Some(reading.energy)
    }

    /// As [`read`]; none when the meter was not read, or the reading is forgotten.
    pub(crate) fn said(&self, start: Millis, id: ResourceId, role: Role) -> Option<u64> {
        let reading = self.readings.get(&(start, id))?;
        Some(energy_in(role, reading.energy))
    }
}
