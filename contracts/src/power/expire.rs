//! What is forgotten: all that a session came to, 31 days after its day, so many entries in a block.

use super::intraday::period;
use super::module::Power;
use crate::exchange::Side;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most entries that are taken away in a block.
const EXPIRED_MAX: usize = 1_024;

/// From now on the session is forgotten, piece by piece.
pub(super) fn begin(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Power>();
    tables.forgotten.set(journal, number, ())
}

/// Takes away a piece of the oldest session that is to be forgotten; the session itself goes last.
pub(super) fn expire(cx: &mut Cx<'_>) -> Result<(), Code> {
    let oldest = cx.read::<Power>().forgotten.range(..).next();
    let Some(number) = oldest.map(|(number, ())| *number) else {
        return Ok(());
    };
    // Its gates closed a month ago; but what rests in a book is never forgotten with it.
    if period::is_traded(cx, number) {
        return Ok(());
    }
    let (low, high) = (AccountId(0), AccountId(u64::MAX));
    let mut left = EXPIRED_MAX;
    let (tables, journal) = cx.tables::<Power>();
    macro_rules! forget {
        ($table:ident, $range:expr) => {
            let keys = tables.$table.range($range).take(left);
            let keys: Vec<_> = keys.map(|(key, _)| *key).collect();
            left -= keys.len();
            for key in &keys {
                tables.$table.remove(journal, key)?;
            }
        };
    }
    let sides = (number, low, 0, Side::Buy)..=(number, high, u8::MAX, Side::Sell);
    forget!(awards, sides);
    forget!(decided, (number, low, 0)..=(number, high, u32::MAX));
    forget!(prices, (number, 0)..=(number, u8::MAX));
    forget!(participants, (number, low)..=(number, high));
    forget!(periods, (number, 0)..=(number, u8::MAX));
    forget!(positions, (number, low, 0)..=(number, high, u8::MAX));
    if left > 0 {
        if let Some(session) = tables.sessions.remove(journal, &number)? {
            let day = (session.zone, session.start);
            tables.days.remove(journal, &day)?;
        }
        tables.forgotten.remove(journal, &number)?;
    }
    Ok(())
}
