//! What is forgotten by time: readings, balances and settled positions whose period can be corrected no more.

use super::module::Energy;
use super::reading::LATE_MAX;
use super::rules::Minutes;
use super::{MicrogridId, ResourceId};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// Most entries of a table that are taken away in a block.
const EXPIRED_MAX: usize = 1_024;

/// Takes away what is over, so many of each kind in a block.
pub(super) fn expire(cx: &mut Cx<'_>) -> Result<(), Code> {
    // By then the longest period that began so early can be corrected no more.
    let life = LATE_MAX + Minutes::Sixty.millis();
    let Some(before) = cx.block().time.0.checked_sub(life).map(Millis) else {
        return Ok(());
    };
    let tables = cx.read::<Energy>();
    let readings = tables.readings.range(..(before, ResourceId(0)));
    let readings: Vec<_> = readings.take(EXPIRED_MAX).map(|(key, _)| *key).collect();
    let balances = tables.balances.range(..(before, MicrogridId(0)));
    let balances: Vec<_> = balances.take(EXPIRED_MAX).map(|(key, _)| *key).collect();
    // What still waits for its session, or for its reading, is let go by a trigger, which may be late.
    let positions = tables.positions.range(..(before, ResourceId(0), 0));
    let over = positions
        .take(EXPIRED_MAX)
        .filter(|(_, position)| position.is_over());
    let positions: Vec<_> = over.map(|(key, _)| *key).collect();
    let (tables, journal) = cx.tables::<Energy>();
    for key in &readings {
        tables.readings.remove(journal, key)?;
    }
    for key in &balances {
        tables.balances.remove(journal, key)?;
    }
    for key in &positions {
        tables.positions.remove(journal, key)?;
    }
    Ok(())
}
