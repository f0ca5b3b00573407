//! What the exchange does in every block by itself: it tells the books the time, takes out orders that have ended, and lets stops
//! enter that had to wait.

use super::super::event::Phase;
use super::Exchange;
use super::settle::{Command, Market};
use crate::carbon::InstrumentId;
use crate::kernel::context::Cx;
use crate::receipt::Code;

/// Most orders that have ended and are taken out in one block; the others do not trade, and go in the next ones.
const SWEPT_MAX: usize = 2_048;

/// The time is the block's. Nothing else is done here, so that nothing else can keep it from being set.
pub(super) fn begin(cx: &mut Cx<'_>) -> Result<(), Code> {
    let now = cx.block().time;
    let (tables, _) = cx.tables::<Exchange>();
    tables.books.set_time(now)
}

/// Each market has its share of what is swept, so that none waits for another. What the meter does not allow is left for
/// the next block.
///
/// Markets take turns in being the first: with each block the next one of all that are listed begins, and those behind it
/// follow. So whatever goes on in the others, a market has all that the meter allows once in as many blocks as there are
/// markets, and nobody who keeps stops of one market on the move makes those of another wait for longer.
pub(super) fn end(cx: &mut Cx<'_>) -> Result<(), Code> {
    let height = cx.block().height;
    let books = &cx.read::<Exchange>().books;
    let (mut ended, mut awake) = (Vec::new(), Vec::new());
    let first = height.checked_rem(books.len() as u64).unwrap_or(0);
    // Correctness: below the number of markets, which are at most `MARKETS_MAX`.
    let first = usize::try_from(first).unwrap_or(0);
    for (id, book) in books.iter().skip(first).chain(books.iter().take(first)) {
        if book.has_ended() {
            ended.push(id);
        }
        if book.phase() == Phase::Open && book.awake() > 0 {
            awake.push(id);
        }
    }
    let share = (SWEPT_MAX / ended.len().max(1)).max(1);
    for id in ended {
        if cx.attempt(|cx| sweep(cx, id, share)).is_err() {
            return Ok(());
        }
    }
    for id in awake {
        // Not taken back as a whole: the orders of shut accounts that were withdrawn before the meter ran out stay withdrawn, so
        // a market that needs more than one block for them gets there.
        if wake(cx, id).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn sweep(cx: &mut Cx<'_>, id: InstrumentId, most: usize) -> Result<(), Code> {
    let market = Market::of(cx, id)?;
    Command::plain(market).run(cx, |book, told| {
        book.sweep(most, told);
        Ok(())
    })
}

fn wake(cx: &mut Cx<'_>, id: InstrumentId) -> Result<(), Code> {
    let market = Market::of(cx, id)?;
    Command::plain(market).run(cx, |book, told| {
        book.wake(told);
        Ok(())
    })
}
