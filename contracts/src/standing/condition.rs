//! What an instruction waits for.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::amount::{Currency, Money, Price, Quantity};
use crate::block::Height;
use crate::carbon::InstrumentId;
use crate::exchange::orders::Exchange;
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::money::cash;
use crate::money::units::Units;
use crate::tx::{AccountId, Millis};

crate::choices! {
    /// On which side of a value something has to be.
    pub enum Bound {
        /// There or above.
        AtLeast "at-least",
        /// There or below.
        AtMost "at-most",
    }
}

impl Bound {
    fn holds<T: Ord>(self, value: T, limit: T) -> bool {
        match self {
            Self::AtLeast => value >= limit,
            Self::AtMost => value <= limit,
        }
    }
}

/// What an instruction waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Condition {
    /// The first block of this time or later.
    Time(Millis),
    /// This block.
    Height(Height),
    /// This time, and then another one so many milliseconds later.
    Every(Millis, u64),
    /// This event of this module, naming the account.
    Event(u16, u16),
    /// So much free money of the account.
    Money(Currency, Bound, Money),
    /// So many free units of the account.
    Units(InstrumentId, Bound, Quantity),
    /// Such a price of the last trade.
    Price(InstrumentId, Bound, Price),
}

impl Condition {
    /// When it comes about, of what does for certain.
    pub(super) fn certain(&self) -> Option<When> {
        match *self {
            Self::Time(time) | Self::Every(time, _) => Some(When::Time(time)),
            Self::Height(height) => Some(When::Height(height)),
            Self::Event(..) | Self::Money(..) | Self::Units(..) | Self::Price(..) => None,
        }
    }

    /// Whether it is a state, which is looked at in every block.
    pub(super) fn is_state(&self) -> bool {
        matches!(self, Self::Money(..) | Self::Units(..) | Self::Price(..))
    }

    /// Whether the state is so. A closed account has nothing, a market without a trade no price.
    pub(super) fn holds(&self, cx: &Cx<'_>, account: AccountId) -> bool {
        match *self {
            Self::Money(currency, bound, amount) => {
                let Ok(slot) = cx.read::<Identity>().find(account) else {
                    return false;
                };
                let free = cash::of(cx, account, slot, currency).free();
                bound.holds(free, amount)
            }
            Self::Units(instrument, bound, quantity) => {
                let held = cx.read::<Units>().holding(account, instrument);
                bound.holds(held.free(), quantity)
            }
            Self::Price(instrument, bound, price) => {
                let book = cx.read::<Exchange>().books.get(instrument);
                let last = book.ok().and_then(|book| book.last());
                last.is_some_and(|last| bound.holds(last, price))
            }
            Self::Time(_) | Self::Height(_) | Self::Every(..) | Self::Event(..) => false,
        }
    }
}
