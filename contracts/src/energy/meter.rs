//! What other modules may ask of a meter: what lies behind it, the length of its periods, and what it said.

use super::ResourceId;
use super::module::Energy;
use super::prosumer::Resource;
use super::rules::{Minutes, Role};
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
    let found = cx.read::<Energy>().readings.get(&(start, id));
    let reading = found.ok_or(Code::UNKNOWN_READING)?;
    Ok(role.delivered(reading.energy).0.unsigned_abs())
}
