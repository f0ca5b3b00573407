//! What happens in the day-ahead market and in the intraday books. What an order for the auction asks for is in its call, and no event
//! tells it, nor what is set aside for it: events tell what became of it. Intraday orders are open to all.

use super::ZoneId;
use super::block::Outcome;
use crate::amount::{Currency, Money, Price, WattHours};
use crate::block::Height;
use crate::exchange::Side;
use crate::exchange::event::Reason;
use crate::tx::{AccountId, Millis};

crate::events! {
    /// What happens in the day-ahead market.
    pub enum Event {
        /// A session was opened.
        1 SessionOpened {
            /// Its number.
            session: u64,
            /// Which zone.
            zone: ZoneId,
            /// Start of the day.
            start: Millis,
            /// How many intervals it has.
            intervals: u8,
            /// First moment at which no order is taken.
            gate: Millis,
            /// What is paid in.
            currency: Currency,
        }
        /// A curve was handed in, or replaced.
        2 CurveSubmitted {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Which way it trades.
            side: Side,
            /// The first interval.
            first: u8,
            /// How many it holds for.
            count: u8,
        }
        /// A curve was taken back.
        3 CurveWithdrawn {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Which way it traded.
            side: Side,
            /// The first interval.
            first: u8,
            /// How many.
            count: u8,
        }
        /// A block was handed in, or replaced.
        4 BlockSubmitted {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u32,
        }
        /// A block was taken back.
        5 BlockWithdrawn {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u32,
        }
        /// The gate of a session closed.
        6 GateClosed {
            /// Which.
            session: u64,
            /// Of which zone.
            zone: ZoneId,
        }
        /// An account that may not take part any more is passed over with all its orders, as if it had made none.
        7 OrdersShut {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
        }
        /// An interval has its price.
        8 IntervalCleared {
            /// In which session.
            session: u64,
            /// Which.
            interval: u8,
            /// The price of all that is traded in it.
            price: Price,
            /// What is sold, which is what is bought.
            energy: WattHours,
        }
        /// A curve is accepted in an interval, as far as it goes.
        9 CurveAccepted {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Which way it trades.
            side: Side,
            /// In which interval.
            interval: u8,
            /// How much.
            energy: WattHours,
            /// What the account gets; below zero what it pays.
            amount: Money,
        }
        /// A block is accepted or rejected.
        10 BlockDecided {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u32,
            /// How it was decided.
            outcome: Outcome,
            /// Energy in each of its intervals.
            energy: WattHours,
            /// What the account gets for all of them; below zero what it pays.
            amount: Money,
        }
        /// What an account sold and bought in a session was paid, and what was set aside is free.
        11 AccountSettled {
            /// In which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// What it bought in all intervals.
            bought: WattHours,
            /// What it sold in all intervals.
            sold: WattHours,
            /// What it got; below zero what it paid.
            amount: Money,
        }
        /// A session is cleared and paid.
        12 SessionCleared {
            /// Which.
            session: u64,
            /// Of which zone.
            zone: ZoneId,
            /// How many accounts took part.
            accounts: u32,
            /// How many blocks are rejected that would gain at the final prices.
            paradoxical: u32,
        }
        /// A session was taken back that nobody had orders in.
        13 SessionCancelled {
            /// Which.
            session: u64,
            /// Of which zone.
            zone: ZoneId,
        }
        /// A session cannot be cleared now: it waits, as it was, and the others go on.
        14 SessionPassedOver {
            /// Which.
            session: u64,
            /// The result code of what failed.
            code: u16,
            /// The block in which it is tried again.
            again: Height,
        }
        /// The intervals of a zone are traded by this rule from now on.
        15 IntradaySet {
            /// Which zone.
            zone: ZoneId,
            /// How many milliseconds before delivery the gate of an interval closes.
            lead: Millis,
            /// Lowest price of an order.
            price_min: Price,
            /// Highest price of an order.
            price_max: Price,
            /// Most energy of an order.
            energy_max: WattHours,
            /// Most resting orders that one order meets.
            makers_max: u32,
            /// Most orders in a book.
            orders_max: u32,
            /// Most open orders of an account in a session.
            account_orders_max: u32,
            /// Most open books of the zone.
            books_max: u32,
        }
        /// The book of an interval was opened.
        16 BookOpened {
            /// Of which session.
            session: u64,
            /// Of which interval.
            interval: u8,
            /// Of which zone.
            zone: ZoneId,
            /// First moment at which it takes no order.
            gate: Millis,
        }
        /// An order was accepted. What follows from it is told after it.
        17 OrderAccepted {
            /// In which session.
            session: u64,
            /// In which interval.
            interval: u8,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
            /// Which way it trades.
            side: Side,
            /// How much in all.
            energy: WattHours,
            /// The highest price to buy at, the lowest to sell at.
            price: Price,
        }
        /// Two orders traded.
        18 EnergyTraded {
            /// In which session.
            session: u64,
            /// In which interval.
            interval: u8,
            /// The account that bought.
            buyer: AccountId,
            /// The number of its order.
            bid: u64,
            /// The account that sold.
            seller: AccountId,
            /// The number of its order.
            ask: u64,
            /// The resting order's price.
            price: Price,
            /// How much.
            energy: WattHours,
            /// What the seller got from the buyer; below zero what it paid to it.
            amount: Money,
            /// Which side came in.
            taker: Side,
        }
        /// An order lost energy without a trade.
        19 OrderReduced {
            /// In which session.
            session: u64,
            /// In which interval.
            interval: u8,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
            /// How much it lost.
            energy: WattHours,
            /// What is open of it; at zero it is gone.
            open: WattHours,
            /// Why.
            reason: Reason,
        }
        /// An order has new terms. What follows from them is told after it.
        20 OrderAmended {
            /// In which session.
            session: u64,
            /// In which interval.
            interval: u8,
            /// Whose.
            account: AccountId,
            /// Its number.
            number: u64,
            /// Its price now.
            price: Price,
            /// What is open of it now.
            energy: WattHours,
            /// Whether it kept its place in time.
            kept_place: bool,
        }
        /// The gate of an interval has closed, and nothing rests in its book any more.
        21 BookClosed {
            /// Of which session.
            session: u64,
            /// Of which interval.
            interval: u8,
            /// Of which zone.
            zone: ZoneId,
        }
        /// A market operator withdraws the open orders of an account that may not trade any more; each of them is told after it.
        22 OrdersWithdrawn {
            /// In which session.
            session: u64,
            /// In which interval; none for all.
            interval: Option<u8>,
            /// Whose.
            account: AccountId,
        }
    }
}
