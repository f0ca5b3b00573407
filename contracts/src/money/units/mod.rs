//! Units: created by the authority, moved by their owners, and taken out of circulation once, each with its number.
//!
//! Units of a fungible instrument are counted, whatever becomes of them, until they leave circulation; then they get the next
//! numbers of the instrument's pool. Units of a serialised one have their numbers from the start and carry them along. So
//! what history leaves behind is a record for each retirement and none for a movement.

pub mod call;
pub mod holding;
pub mod instrument;
mod issue;
mod movement;
pub mod pool;

use crate::carbon::{Blocks, InstrumentId};
use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::AccountId;

pub use call::{Call, Event};
pub use holding::Holding;
pub use instrument::Instrument;
pub use pool::Spent;

crate::tables! {
    /// Units and what became of them.
    pub struct Tables {
        /// Instruments by number.
        1 instruments: Table<InstrumentId, Instrument>,
        /// Units held by account and instrument; none is empty.
        2 holdings: Table<(AccountId, InstrumentId), Holding>,
        /// Numbers of serialised units by account and instrument; none is empty.
        3 blocks: Table<(AccountId, InstrumentId), Blocks>,
        /// Units out of circulation by instrument and first number.
        4 spent: Ordered<(InstrumentId, u64), Spent>,
    }
}

/// The module.
pub struct Units;

impl Module for Units {
    const ID: u16 = 3;
    const NAME: &'static str = "units";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;

    fn touches(call: &Call<'_>, set: &mut AccessSet) {
        match *call {
            Call::Transfer { from, to, .. } | Call::TransferBlocks { from, to, .. } => {
                set.account(from);
                set.account(to);
            }
            // They touch the instrument that everyone shares.
            Call::CreateInstrument { .. }
            | Call::Issue { .. }
            | Call::Allocate { .. }
            | Call::Surrender { .. }
            | Call::Retire { .. }
            | Call::Cancel { .. } => set.everything(),
        }
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::Transfer {
                from,
                to,
                instrument,
                quantity,
            } => movement::transfer(cx, call, from, to, instrument, quantity),
            Call::TransferBlocks {
                from,
                to,
                instrument,
                blocks,
            } => movement::transfer_blocks(cx, call, from, to, instrument, blocks),
            Call::CreateInstrument {
                instrument,
                symbol,
                right,
                form,
                vintage,
                scale,
                currency,
                tick,
                lot,
                step_value,
            } => {
                let new = Instrument {
                    symbol: symbol.to_owned(),
                    right,
                    form,
                    vintage,
                    scale,
                    currency,
                    tick,
                    lot,
                    step_value,
                    issued: 0,
                    out: 0,
                };
                issue::create_instrument(cx, instrument, new)
            }
            Call::Issue {
                account,
                instrument,
                quantity,
            } => issue::issue(cx, account, instrument, quantity),
            Call::Allocate {
                from,
                instrument,
                year,
                shares,
            } => issue::allocate(cx, from, instrument, year, shares),
            Call::Surrender {
                account,
                instrument,
                quantity,
                year,
            } => pool::surrender(cx, call, account, instrument, quantity, year),
            Call::Retire {
                account,
                instrument,
                quantity,
                beneficiary,
                reason,
            } => pool::retire(cx, call, account, instrument, quantity, beneficiary, reason),
            Call::Cancel {
                account,
                instrument,
                quantity,
                reason,
            } => pool::cancel(cx, call, account, instrument, quantity, reason),
        }
    }
}
