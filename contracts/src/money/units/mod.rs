//! Units: created by the authority, moved by their owners, and taken out of circulation once, each with its number.
//!
//! Units of a fungible instrument are counted, whatever becomes of them, until they leave circulation; then they get the next
//! numbers of the instrument's pool. Units of a serialised one have their numbers from the start and carry them along. So
//! what history leaves behind is a record for each retirement and none for a movement.

pub mod call;
pub mod control;
pub mod delayed;
pub mod holding;
pub mod instrument;
pub(crate) mod issue;
pub(crate) mod movement;
pub mod pool;

use crate::amount::Quantity;
use crate::carbon::{Blocks, InstrumentId};
use crate::identity::endorse;
use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

pub use call::{Call, Event};
pub use delayed::Delayed;
pub use holding::Holding;
pub use instrument::Instrument;
pub use pool::Spent;
use pool::{Fate, Words};

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
        /// Accounts that trust some others only, or keep a list of them.
        5 controls: Table<AccountId, control::Control>,
        /// Trusted accounts by the account that trusts them, and from when.
        6 trusted: Table<(AccountId, AccountId), Millis>,
        /// Transfers that wait, by number.
        7 delayed: Table<u64, Delayed>,
        /// Their numbers by giving account.
        8 waiting: Ordered<(AccountId, u64), ()>,
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
            Call::Transfer {
                from,
                to,
                instrument,
                ..
            }
            | Call::TransferBlocks {
                from,
                to,
                instrument,
                ..
            } => {
                set.holding(from, instrument);
                set.holding(to, instrument);
            }
            Call::SetControl { account, .. }
            | Call::Trust { account, .. }
            | Call::Distrust { account, .. } => set.account(account),
            // They touch the instrument that everyone shares, or the numbers of what is scheduled.
            Call::CreateInstrument { .. }
            | Call::Issue { .. }
            | Call::Allocate { .. }
            | Call::Retire { .. }
            | Call::Cancel { .. }
            | Call::TransferDelayed { .. }
            | Call::StopTransfer { .. } => set.everything(),
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
            Call::Retire {
                account,
                instrument,
                quantity,
                beneficiary,
                reason,
            } => {
                let words = Words {
                    beneficiary,
                    reason,
                    ..Words::of(Fate::Retired)
                };
                spend(cx, call, account, instrument, quantity, &words)
            }
            Call::Cancel {
                account,
                instrument,
                quantity,
                reason,
            } => {
                let words = Words {
                    reason,
                    ..Words::of(Fate::Cancelled)
                };
                spend(cx, call, account, instrument, quantity, &words)
            }
            Call::SetControl { account, delay } => control::set(cx, call, account, delay),
            Call::Trust { account, other } => control::trust(cx, call, account, other),
            Call::Distrust { account, other } => control::distrust(cx, account, other),
            Call::TransferDelayed {
                from,
                to,
                instrument,
                quantity,
                blocks,
            } => delayed::ask(cx, call, (from, to), instrument, quantity, blocks),
            Call::StopTransfer { transfer } => delayed::stop(cx, transfer),
        }
    }

    fn on_trigger(number: u64, _: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        delayed::come_due(cx, number)
    }

    fn warm(tables: &Tables, set: &AccessSet) {
        for holding in set.holdings() {
            std::hint::black_box(tables.holdings.find(holding));
        }
    }
}

/// So many units leave, of serialised ones those with the lowest numbers.
fn spend(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    words: &Words<'_>,
) -> Result<(), Code> {
    let leaving = pool::Leaving {
        instrument,
        quantity,
        which: None,
    };
    pool::spend(cx, || endorse::digest::<Units>(call), id, &leaving, words).map(|_| ())
}
