//! What happens in a book, told to the caller as it happens.

use super::order::{OrderId, Side};
use crate::amount::{Price, Quantity};

crate::choices! {
    /// Why an order lost open quantity other than by trading.
    pub enum Reason {
        /// Its account cancelled it, or made it smaller.
        Cancelled "cancelled",
        /// It met its own holder.
        SelfTrade "self-trade",
        /// It may not rest, and nothing more was there to trade with, or no money was left.
        NothingToTrade "nothing-to-trade",
        /// It met as many resting orders as one order may.
        MakersBound "makers-bound",
        /// Its time or its session ended.
        Expired "expired",
        /// The auction it was for is over.
        AuctionOver "auction-over",
        /// Its account's kill switch is on.
        Killed "killed",
        /// Its price is outside the band now.
        OutsidePriceBand "outside-price-band",
        /// Its account may not trade now, or nobody may trade for it. The book does not know; whoever calls says so.
        AccountShut "account-shut",
    }
}

crate::choices! {
    /// Whether a market trades, collects orders for a call auction, or stands still.
    pub enum Phase {
        /// Orders trade as they come.
        Open "open",
        /// Orders collect and trade at one price when the call ends.
        Call "call",
        /// Only cancellations are taken.
        Halted "halted",
    }
}

/// One trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The resting order; in a call auction the older.
    pub maker: OrderId,
    /// The incoming order; in a call auction the younger.
    pub taker: OrderId,
    /// The taker's side.
    pub taker_side: Side,
    /// In continuous trading the maker's limit.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// What is open of the maker afterwards; at zero it has left the book.
    pub maker_open: Quantity,
    /// What is open of the taker afterwards.
    pub taker_open: Quantity,
    /// What was set aside for the maker.
    pub maker_reserve: i64,
    /// What was set aside for the taker.
    pub taker_reserve: i64,
    /// Part of a call auction.
    pub auction: bool,
}

/// Open quantity that was lost without a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduced {
    /// The order.
    pub id: OrderId,
    /// Which way it trades.
    pub side: Side,
    /// How much it lost.
    pub quantity: Quantity,
    /// What is open of it afterwards; at zero it is gone.
    pub open: Quantity,
    /// What was set aside for it.
    pub reserve: i64,
    /// Why.
    pub reason: Reason,
}

/// Something that happened, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Two orders traded.
    Traded(Trade),
    /// An order lost quantity.
    Reduced(Reduced),
    /// What is left of an order stands at its price now.
    Rests {
        /// The order.
        id: OrderId,
        /// Which way it trades.
        side: Side,
        /// Its limit.
        price: Price,
        /// Everything open of it.
        open: Quantity,
        /// What was set aside for it.
        reserve: i64,
    },
    /// A stop sleeps, or an order waits for the auction.
    Waits {
        /// The order.
        id: OrderId,
        /// Everything open of it.
        open: Quantity,
        /// What was set aside for it.
        reserve: i64,
    },
    /// A stop woke; it enters the book after those that woke before it.
    Wakes {
        /// The order.
        id: OrderId,
    },
    /// An order has new terms. What follows from them is told after it.
    Amended {
        /// The order.
        id: OrderId,
        /// Its limit now.
        price: Option<Price>,
        /// Everything open of it now.
        open: Quantity,
        /// What was open of it before.
        before: Quantity,
        /// What is set aside for it now.
        reserve: i64,
        /// What was set aside for it before.
        reserve_before: i64,
        /// Whether it kept its place in time.
        kept_place: bool,
    },
    /// The shown quantity at a price changed. This, `Traded` and `Phase` are public.
    Shown {
        /// Of which side.
        side: Side,
        /// At which price.
        price: Price,
        /// Change of the quantity.
        quantity: i128,
    },
    /// The phase changed.
    Phase(Phase),
}

impl Event {
    /// Whether an order was met by it, which costs whoever commanded it.
    #[must_use]
    pub fn is_met(&self) -> bool {
        matches!(
            self,
            Event::Traded(_) | Event::Reduced(_) | Event::Wakes { .. }
        )
    }

    /// Whether everyone may see it. Public events are numbered.
    #[inline]
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(
            self,
            Event::Traded(_) | Event::Shown { .. } | Event::Phase(_)
        )
    }
}

/// Takes events as they happen. It cannot refuse: whatever a trade needs was set aside before.
pub trait Sink {
    /// `sequence` counts public events, this one included if it is one.
    fn event(&mut self, sequence: u64, event: &Event);
}

impl Sink for () {
    #[inline]
    fn event(&mut self, _: u64, _: &Event) {}
}

impl Sink for Vec<Event> {
    #[inline]
    fn event(&mut self, _: u64, event: &Event) {
        self.push(*event);
    }
}

impl Sink for Vec<(u64, Event)> {
    #[inline]
    fn event(&mut self, sequence: u64, event: &Event) {
        self.push((sequence, *event));
    }
}
