//! What everyone may see of a book: depth by price, trades, phases, numbered without gaps.
//!
//! A subscriber takes a [`Snapshot`] and applies every [`Public`] event with a higher number; a number that is not the next one
//! says that something was lost and a new snapshot is needed.

use std::collections::BTreeMap;

use super::book::Book;
use super::event::{Event, Phase, Trade};
use super::order::Side;
use crate::amount::{Price, Quantity};

/// A public event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Public {
    /// A trade. In continuous trading the other side of the taker's shows that much less at this price.
    Traded {
        /// At which price.
        price: Price,
        /// How much.
        quantity: Quantity,
        /// Which side came in; in a call auction the younger order's.
        taker_side: Side,
        /// Part of a call auction, where changes of depth are told apart from trades.
        auction: bool,
    },
    /// The shown quantity at a price changed by so much.
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
    /// What everyone may see of it.
    #[must_use]
    pub fn public(&self) -> Option<Public> {
        match *self {
            Event::Traded(Trade {
                price,
                quantity,
                taker_side,
                auction,
                ..
            }) => Some(Public::Traded {
                price,
                quantity,
                taker_side,
                auction,
            }),
            Event::Shown {
                side,
                price,
                quantity,
            } => Some(Public::Shown {
                side,
                price,
                quantity,
            }),
            Event::Phase(phase) => Some(Public::Phase(phase)),
            _ => None,
        }
    }
}

/// One price of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// The price.
    pub price: Price,
    /// Shown quantity of all orders there.
    pub quantity: u128,
    /// How many orders.
    pub orders: u32,
}

/// The public state of a book at one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Number of the last public event that is in it.
    pub sequence: u64,
    /// Phase of the market.
    pub phase: Phase,
    /// Price of the last trade.
    pub last: Option<Price>,
    /// Shown quantity by price.
    pub bids: BTreeMap<Price, u128>,
    /// Shown quantity by price.
    pub asks: BTreeMap<Price, u128>,
}

/// What applying an event came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is in the snapshot now.
    Done,
    /// It was there already.
    Old,
    /// An event before it was lost, or it contradicts the snapshot: take a new one.
    Gap,
}

impl Book {
    /// Shown quantity at each price of one side, best first, at most `levels` prices.
    ///
    /// Orders that are over and not yet swept are in it.
    #[must_use]
    pub fn depth(&self, side: Side, levels: usize) -> Vec<Depth> {
        let ladder = self.store.ladder(side);
        let keys = std::iter::successors(ladder.best(), |key| ladder.after(Some(*key)));
        keys.take(levels)
            .filter_map(|key| {
                let level = ladder.level(key)?;
                Some(Depth {
                    price: Price(self.store.rules.price(side, key)),
                    quantity: level.visible,
                    orders: level.orders,
                })
            })
            .collect()
    }

    /// Number of the last public event.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.state.sequence
    }

    /// The public state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let side = |side| {
            let depth = self.depth(side, usize::MAX);
            depth.iter().map(|d| (d.price, d.quantity)).collect()
        };
        Snapshot {
            sequence: self.state.sequence,
            phase: self.phase(),
            last: self.last(),
            bids: side(Side::Buy),
            asks: side(Side::Sell),
        }
    }
}

impl Snapshot {
    /// Brings the snapshot one event further.
    pub fn apply(&mut self, sequence: u64, event: &Public) -> Applied {
        if sequence <= self.sequence {
            return Applied::Old;
        }
        if sequence != self.sequence + 1 {
            return Applied::Gap;
        }
        let done = match *event {
            Public::Traded {
                price,
                quantity,
                taker_side,
                auction,
            } => {
                self.last = Some(price);
                auction || self.show(taker_side.opposite(), price, -i128::from(quantity.0))
            }
            Public::Shown {
                side,
                price,
                quantity,
            } => self.show(side, price, quantity),
            Public::Phase(phase) => {
                self.phase = phase;
                true
            }
        };
        if !done {
            return Applied::Gap;
        }
        self.sequence = sequence;
        Applied::Done
    }

    fn show(&mut self, side: Side, price: Price, change: i128) -> bool {
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let shown = levels.entry(price).or_default();
        let Some(now) = shown.checked_add_signed(change) else {
            return false;
        };
        *shown = now;
        if now == 0 {
            levels.remove(&price);
        }
        true
    }
}
