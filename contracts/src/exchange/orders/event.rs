//! What can happen on the exchange. What is open of an order follows from its events: what was accepted, less what traded and
//! what it lost.

use super::super::event::{Phase, Reason};
use super::super::order::Side;
use crate::amount::{Money, Price, Quantity};
use crate::carbon::InstrumentId;
use crate::tx::AccountId;

crate::events! {
    /// What can happen on the exchange.
    pub enum Event {
        /// A market was opened.
        1 MarketListed {
            /// Of what.
            instrument: InstrumentId,
        }
        /// An order was accepted.
        2 Accepted {
            /// Of what.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
            /// Which way it trades.
            side: Side,
            /// How much in all.
            quantity: Quantity,
            /// Worst price it takes.
            price: Option<Price>,
            /// What wakes it.
            trigger: Option<Price>,
        }
        /// Two orders traded and are settled.
        3 Traded {
            /// Of what.
            instrument: InstrumentId,
            /// Who gives money.
            buyer: AccountId,
            /// Number of the bid.
            bid: u64,
            /// Who gives units.
            seller: AccountId,
            /// Number of the ask.
            ask: u64,
            /// At which price.
            price: Price,
            /// How much.
            quantity: Quantity,
            /// Money paid.
            amount: Money,
            /// Which side came in; in a call auction the younger order's.
            taker: Side,
            /// Part of a call auction.
            auction: bool,
        }
        /// An order lost open quantity without a trade.
        4 Reduced {
            /// Of what.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
            /// How much it lost.
            quantity: Quantity,
            /// What is open of it afterwards; at zero it is gone.
            open: Quantity,
            /// Why.
            reason: Reason,
        }
        /// An order has new terms.
        5 Amended {
            /// Of what.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
            /// Its limit now.
            price: Option<Price>,
            /// What is open of it now.
            open: Quantity,
            /// Whether it kept its place in time.
            kept_place: bool,
        }
        /// A stop woke.
        6 Woke {
            /// Of what.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
        }
        /// A market is in another phase.
        7 PhaseSet {
            /// Which.
            instrument: InstrumentId,
            /// From now on.
            phase: Phase,
        }
        /// A market has another band of prices, or none.
        8 BandSet {
            /// Which.
            instrument: InstrumentId,
            /// Lowest and highest price.
            band: Option<(Price, Price)>,
        }
        /// A session ended.
        9 SessionEnded {
            /// Of which market.
            instrument: InstrumentId,
        }
        /// An account was switched off in a market.
        10 SwitchedOff {
            /// In which.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
        }
        /// An account was switched on again.
        11 SwitchedOn {
            /// In which market.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
        }
    }
}
