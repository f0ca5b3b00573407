//! What can happen on the exchange. What is open of an order follows from its events: what was accepted, less what traded and
//! what it lost.
//!
//! Of a sale's bids, events tell that they are there and no more, until it is over.

use super::super::event::{Phase, Reason};
use super::super::order::Side;
use super::sale::NotSold;
use crate::amount::{Money, Price, Quantity};
use crate::carbon::InstrumentId;
use crate::tx::{AccountId, Millis};

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
        /// A market takes other block trades from now on, or none.
        12 BlockRuleSet {
            /// Which.
            instrument: InstrumentId,
            /// Least quantity of a trade.
            quantity_min: Option<Quantity>,
            /// Lowest and highest price, in place of the market's band.
            band: Option<(Price, Price)>,
        }
        /// Two accounts traded off the book and are settled. The book and its last price are as they were.
        13 BlockTraded {
            /// Of what.
            instrument: InstrumentId,
            /// Who gave units.
            seller: AccountId,
            /// Who gave money.
            buyer: AccountId,
            /// How much.
            quantity: Quantity,
            /// At which price.
            price: Price,
            /// Money paid.
            amount: Money,
        }
        /// A sale was opened and its units are set aside.
        14 SaleOpened {
            /// Its number.
            sale: u64,
            /// Whose units.
            seller: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            volume: Quantity,
            /// Bids are multiples of this.
            lot: Quantity,
            /// First moment at which bids are taken.
            opens: Millis,
            /// First moment at which they no longer are.
            closes: Millis,
        }
        /// A bid was placed.
        15 BidPlaced {
            /// In which sale.
            sale: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
        }
        /// A bid was changed.
        16 BidChanged {
            /// In which sale.
            sale: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
        }
        /// A bid was withdrawn.
        17 BidWithdrawn {
            /// In which sale.
            sale: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
        }
        /// A sale takes no more bids. The digest of this block draws among equal prices.
        18 SaleClosed {
            /// Its number.
            sale: u64,
        }
        /// A bid takes no part, since its account may not trade now, or nobody may trade for it.
        19 BidShut {
            /// In which sale.
            sale: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
        }
        /// All units of a sale are sold at one price and settled.
        20 SaleCleared {
            /// Its number.
            sale: u64,
            /// Whose units.
            seller: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            volume: Quantity,
            /// At which price.
            price: Price,
            /// Money paid by all winners.
            amount: Money,
        }
        /// A sale came to nothing: units and money are free again.
        21 SaleCancelled {
            /// Its number.
            sale: u64,
            /// Whose units.
            seller: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// Why.
            reason: NotSold,
        }
        /// A bid won and is settled.
        22 BidWon {
            /// In which sale.
            sale: u64,
            /// Of what.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
            /// How much; less than was bid for where no more was left.
            quantity: Quantity,
            /// At which price.
            price: Price,
            /// Money paid.
            amount: Money,
        }
        /// A bid won nothing; its money is free again.
        23 BidLost {
            /// In which sale.
            sale: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
        }
    }
}
