//! Where orders lie in memory: one slot an order, two cache lines a slot, neighbours named by number.
//!
//! Links lie in arrays of their own, so that taking an order out of its queue reads eight bytes of each neighbour and not
//! a whole order.

use super::order::{OrderId, Side};
use super::request::{Prevention, Validity};
use crate::account::HolderId;
use crate::amount::{Price, Quantity};

/// No slot.
pub(super) const NIL: u32 = u32::MAX;

/// In which queue an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// At its price in the book.
    Ladder,
    /// Asleep until its trigger.
    Stop,
    /// Awake, and next to enter the book.
    Awake,
    /// Waiting for the next call auction.
    Auction,
}

/// An open order. What a cancellation and a full fill read lies in the first cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Node {
    pub(super) id: OrderId,
    pub(super) holder: HolderId,
    /// Limit; without meaning when `market`.
    pub(super) price: i64,
    /// Open and shown.
    pub(super) visible: u64,
    pub(super) reserve: i64,
    /// Record of its account.
    pub(super) account: u32,
    pub(super) place: Place,
    pub(super) side: Side,
    pub(super) ends: Ends,
    pub(super) prevention: Prevention,
    pub(super) market: bool,
    /// Whether `display` is set.
    pub(super) iceberg: bool,
    /// Open and not shown.
    pub(super) hidden: u64,
    pub(super) filled: u64,
    /// Most that is shown at a time; zero for orders that show everything.
    pub(super) display: u64,
    /// Place in time: lower is older.
    pub(super) priority: u64,
    /// Time or session at which it ends, by `ends`.
    pub(super) until: u64,
    pub(super) trigger: i64,
}

/// What ends an order beside a trade or a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Ends {
    Never,
    /// A time.
    Time,
    /// The end of a session.
    Session,
    /// The next call auction.
    Auction,
}

impl Node {
    const VACANT: Self = Self {
        id: OrderId {
            account: crate::tx::AccountId(0),
            number: 0,
        },
        holder: HolderId(0),
        price: 0,
        visible: 0,
        reserve: 0,
        account: NIL,
        place: Place::Ladder,
        side: Side::Buy,
        ends: Ends::Never,
        prevention: Prevention::DecrementAndCancel,
        market: false,
        iceberg: false,
        hidden: 0,
        filled: 0,
        display: 0,
        priority: 0,
        until: 0,
        trigger: 0,
    };

    /// Everything open. Correctness: with `filled` at most `Rules::quantity_max`.
    #[inline]
    pub(super) fn open(&self) -> u64 {
        self.visible + self.unseen()
    }

    /// `hidden`, read for icebergs alone, which saves a cache line for all others.
    #[inline]
    pub(super) fn unseen(&self) -> u64 {
        if self.iceberg { self.hidden } else { 0 }
    }

    /// Spreads an open quantity over the shown and the hidden part.
    pub(super) fn set_open(&mut self, open: u64) {
        self.visible = match self.display {
            0 => open,
            display => open.min(display),
        };
        self.hidden = open - self.visible;
    }

    pub(super) fn resting(&self) -> Resting {
        Resting {
            id: self.id,
            holder: self.holder,
            side: self.side,
            price: (!self.market).then_some(Price(self.price)),
            trigger: matches!(self.place, Place::Stop | Place::Awake)
                .then_some(Price(self.trigger)),
            visible: Quantity(self.visible),
            hidden: Quantity(self.hidden),
            filled: Quantity(self.filled),
            display: (self.display > 0).then_some(Quantity(self.display)),
            reserve: self.reserve,
            place: self.place,
            priority: self.priority,
            prevention: self.prevention,
            validity: match self.ends {
                Ends::Never => Validity::GoodTillCancelled,
                Ends::Time => Validity::GoodTillDate(crate::tx::Millis(self.until)),
                Ends::Session => Validity::Day,
                Ends::Auction => Validity::GoodAtAuction,
            },
        }
    }
}

/// An open order as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// Its name.
    pub id: OrderId,
    /// Who stands behind it.
    pub holder: HolderId,
    /// Which way it trades.
    pub side: Side,
    /// Its limit; none for a market order.
    pub price: Option<Price>,
    /// What wakes it, while it sleeps.
    pub trigger: Option<Price>,
    /// Open and shown.
    pub visible: Quantity,
    /// Open and not shown.
    pub hidden: Quantity,
    /// What has traded since it was placed.
    pub filled: Quantity,
    /// Most that is shown at a time.
    pub display: Option<Quantity>,
    /// What the caller set aside.
    pub reserve: i64,
    /// In which queue it stands.
    pub place: Place,
    /// Place in time: among equal prices the lowest trades first.
    pub priority: u64,
    /// What happens when it meets its own holder as the incoming order.
    pub prevention: Prevention,
    /// How long it stands.
    pub validity: Validity,
}

impl Resting {
    /// Everything open of it.
    #[must_use]
    pub fn open(&self) -> Quantity {
        Quantity(self.visible.0 + self.hidden.0)
    }
}

/// Neighbours in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) next: u32,
    pub(super) prev: u32,
}

impl Links {
    pub(super) const NONE: Self = Self {
        next: NIL,
        prev: NIL,
    };
}

/// Slots, the free ones given out again last in, first out.
#[derive(Debug, Clone, Default)]
pub(super) struct Slab {
    nodes: Vec<Node>,
    /// At the order's price.
    pub(super) queue: Chains,
    /// Among its account's orders, in no order.
    pub(super) account: Chains,
    free: Vec<u32>,
}

/// The links of many lists, by slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Chains(Vec<Links>);

#[cfg(test)]
impl Chains {
    /// Makes room for so many slots.
    pub(super) fn fit(&mut self, slots: usize) {
        self.0.resize(slots, Links::NONE);
    }
}

impl Slab {
    /// A slot for an order, with what was in it last.
    ///
    /// Correctness: the book's bound on orders keeps slots below 2^30.
    #[inline]
    pub(super) fn vacant(&mut self) -> u32 {
        match self.free.pop() {
            Some(slot) => slot,
            None => self.grow(),
        }
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        self.nodes.push(Node::VACANT);
        self.queue.0.push(Links::NONE);
        self.account.0.push(Links::NONE);
        (self.nodes.len() - 1) as u32
    }

    #[inline]
    pub(super) fn free(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Orders in it.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }
}

impl std::ops::Index<u32> for Chains {
    type Output = Links;

    #[inline]
    fn index(&self, slot: u32) -> &Links {
        &self.0[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Chains {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Links {
        &mut self.0[slot as usize]
    }
}

impl std::ops::Index<u32> for Slab {
    type Output = Node;

    #[inline]
    fn index(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Slab {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }
}

const _: () = assert!(std::mem::size_of::<Node>() == 128, "two cache lines");
