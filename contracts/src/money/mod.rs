//! Money: it enters and leaves through a cash operator and its owner together, and moves as its owner says.

pub(crate) mod aside;
pub mod call;
pub mod cash;
mod hold;
mod transfer;
pub mod units;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::amount::{Currency, Money as Amount};
use crate::identity::account::Cash;
use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::module::Module;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::AccountId;

pub use call::{Call, Event};
pub use hold::Hold;

/// All money of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Total {
    /// Deposits less withdrawals: the sum of all balances.
    pub money: Amount,
    /// Sum of all credit limits. Correctness: with `money` it fits into 64 bits, so no balance can leave them.
    pub credit: Amount,
}

crate::tables! {
    /// Money beside the accounts' own records.
    pub struct Tables {
        /// Money in other currencies than the account's main one.
        1 cash: Table<(AccountId, Currency), Cash>,
        /// All money by currency.
        2 totals: Table<Currency, Total>,
        /// Money held for another account, by number.
        3 holds: Table<u64, Hold>,
        /// How many holds an account has made that wait, if any.
        4 made: Table<AccountId, u32>,
    }
}

/// The module.
pub struct Money;

impl Module for Money {
    const ID: u16 = 2;
    const NAME: &'static str = "money";
    type Call<'a> = Call;
    type Event<'a> = Event;
    type Tables = Tables;

    fn touches(call: &Call, set: &mut AccessSet) {
        match *call {
            Call::Transfer { from, to, .. } => {
                set.account(from);
                set.account(to);
            }
            // They touch totals, or accounts that only the state names.
            Call::Deposit { .. }
            | Call::Withdraw { .. }
            | Call::SetLimit { .. }
            | Call::Hold { .. }
            | Call::PostHold { .. }
            | Call::VoidHold { .. } => set.everything(),
        }
    }

    fn execute(call: &Call, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::Transfer {
                from,
                to,
                currency,
                amount,
            } => transfer::transfer(cx, call, from, to, currency, amount),
            Call::Deposit {
                account,
                currency,
                amount,
            } => transfer::deposit(cx, account, currency, amount),
            Call::Withdraw {
                account,
                currency,
                amount,
            } => transfer::withdraw(cx, call, account, currency, amount),
            Call::SetLimit {
                account,
                currency,
                limit,
            } => transfer::set_limit(cx, call, account, currency, limit),
            Call::Hold {
                from,
                to,
                currency,
                amount,
                until,
            } => {
                let hold = Hold {
                    from,
                    to,
                    currency,
                    amount,
                    until,
                };
                hold::make(cx, call, hold)
            }
            Call::PostHold { hold, amount } => hold::post(cx, hold, amount),
            Call::VoidHold { hold } => hold::void(cx, hold),
        }
    }

    fn on_trigger(number: u64, _: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        hold::expire(cx, number)
    }
}
