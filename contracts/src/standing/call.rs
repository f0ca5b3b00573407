//! What can be asked of standing instructions.

use super::condition::Bound;
use crate::amount::{Currency, Money, Price, Quantity};
use crate::block::Height;
use crate::carbon::InstrumentId;
use crate::tx::{AccountId, Millis};

crate::calls! {
    /// What can be asked of standing instructions. `calls` is a count of one byte and the calls, as a transaction carries them.
    pub enum Call<'a> {
        /// Makes calls in the first block of a time or later.
        1 At "at" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// For which account, which the sender represents.
            account: AccountId,
            /// When.
            time: Millis,
            /// What is done.
            calls: &'a [u8],
        }
        /// Makes calls at a height.
        2 AtHeight "at-height" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// For which account, which the sender represents.
            account: AccountId,
            /// In which block.
            height: Height,
            /// What is done.
            calls: &'a [u8],
        }
        /// Makes calls again and again. A time that no block came to is made up for once, not more often.
        3 Every "every" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// For which account, which the sender represents.
            account: AccountId,
            /// When for the first time.
            first: Millis,
            /// From one time to the next.
            period: Millis,
            /// How often.
            times: u32,
            /// What is done.
            calls: &'a [u8],
        }
        /// Makes calls in the block after one in which something happened to the account; the block it is left in does not count.
        4 OnEvent "on-event" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// For which account, which the sender represents; the event names it.
            account: AccountId,
            /// Of which module.
            module: u16,
            /// Which of its events.
            event: u16,
            /// How often.
            times: u32,
            /// How long it waits.
            until: Millis,
            /// What is done.
            calls: &'a [u8],
        }
        /// Makes calls in the block after one at whose end the account has so much free money.
        5 WhenMoney "when-money" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// For which account, which the sender represents.
            account: AccountId,
            /// Of what.
            currency: Currency,
            /// On which side of the amount.
            bound: Bound,
            /// How much.
            amount: Money,
            /// How long it waits.
            until: Millis,
            /// What is done.
            calls: &'a [u8],
        }
        /// Makes calls in the block after one at whose end the account has so many free units.
        6 WhenUnits "when-units" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// For which account, which the sender represents.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// On which side of the quantity.
            bound: Bound,
            /// How many.
            quantity: Quantity,
            /// How long it waits.
            until: Millis,
            /// What is done.
            calls: &'a [u8],
        }
        /// Makes calls in the block after one at whose end a market's last trade had such a price.
        7 WhenPrice "when-price" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// For which account, which the sender represents.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// On which side of the price.
            bound: Bound,
            /// Which price.
            price: Price,
            /// How long it waits.
            until: Millis,
            /// What is done.
            calls: &'a [u8],
        }
        /// Takes an instruction back. For a representative of its account.
        8 Withdraw "withdraw" for Who::EveryMember, on Profiles::ALL, costs 20 {
            /// The account it was left for.
            account: AccountId,
            /// Which.
            number: u64,
        }
    }
}
