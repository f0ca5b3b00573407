//! How an incoming order meets resting ones, and how stops wake.

use super::book::Book;
use super::event::{Event, Phase, Reason, Reduced, Sink, Trade};
use super::order::Side;
use super::reject::Reject;
use super::request::Prevention;
use super::slab::{Ends, NIL, Node, Place};
use crate::amount::{Money, Price, Quantity};

/// An order on its way through the other side.
struct Taker<'a> {
    node: &'a Node,
    /// Worst key of the other side that it trades with.
    limit: i64,
    left: u64,
    traded: u64,
    budget: Option<i64>,
}

impl Book {
    /// Lets an order trade if the market is open, and rest if it may. Returns how much traded.
    #[inline]
    pub(super) fn enter<S: Sink>(
        &mut self,
        node: &Node,
        budget: Option<i64>,
        rests: bool,
        sink: &mut S,
    ) -> u64 {
        let mut taker = Taker {
            node,
            limit: self.limit(node),
            left: node.open(),
            traded: 0,
            budget,
        };
        if self.state.phase == Phase::Open {
            self.trade(&mut taker, sink);
        }
        let (left, traded) = (taker.left, taker.traded);
        if left == 0 {
            return traded;
        }
        if rests {
            self.rest(node, left, traded, sink);
        } else {
            self.cut(&mut taker, left, Reason::NothingToTrade, sink);
        }
        traded
    }

    /// Worst key of the other side that an order may trade with: its limit, and the band for one without.
    #[inline]
    fn limit(&self, node: &Node) -> i64 {
        let rules = &self.store.rules;
        let other = node.side.opposite();
        if !node.market {
            return rules.key(other, node.price);
        }
        match (self.state.band, node.side) {
            (None, _) => i64::MAX,
            (Some(band), Side::Buy) => rules.key(other, band.high.0),
            (Some(band), Side::Sell) => rules.key(other, band.low.0),
        }
    }

    #[inline]
    fn rest<S: Sink>(&mut self, node: &Node, left: u64, traded: u64, sink: &mut S) {
        let mut node = Node {
            place: Place::Ladder,
            // Correctness: what traded was open of this order, so the sum is at most its total.
            filled: node.filled + traded,
            priority: self.next_priority(),
            ..*node
        };
        node.set_open(left);
        self.store.insert(node, None);
        let rests = Event::Rests {
            id: node.id,
            side: node.side,
            price: Price(node.price),
            open: Quantity(left),
            reserve: node.reserve,
        };
        self.tell(sink, &rests);
        self.tell_shown(node.side, node.price, i128::from(node.visible), sink);
    }

    /// An order that trades in full or is refused. It is tried, and taken back when something is left.
    pub(super) fn fill_or_kill<S: Sink>(
        &mut self,
        node: &Node,
        budget: Option<i64>,
        sink: &mut S,
    ) -> Result<u64, Reject> {
        let mark = self.begin();
        let mut events = std::mem::take(&mut self.scratch);
        events.clear();
        let traded = self.enter(node, budget, false, &mut events);
        let filled = traded == node.open();
        if filled {
            self.commit(mark);
            for (sequence, event) in &events {
                sink.event(*sequence, event);
            }
        } else {
            self.rollback(mark);
        }
        self.scratch = events;
        if filled {
            Ok(traded)
        } else {
            Err(Reject::NotFillable)
        }
    }

    /// Trades as far as price, quantity, budget and the bound on makers go.
    fn trade<S: Sink>(&mut self, taker: &mut Taker<'_>, sink: &mut S) {
        let other = taker.node.side.opposite();
        let mut met = 0;
        let mut first = None;
        while taker.left > 0 {
            let ladder = self.store.ladder(other);
            let Some(key) = ladder.best() else { break };
            if key > taker.limit {
                break;
            }
            let Some(slot) = ladder.level(key).map(|level| level.head) else {
                break;
            };
            if met == self.store.rules.makers_max {
                let left = taker.left;
                self.cut(taker, left, Reason::MakersBound, sink);
                break;
            }
            met += 1;
            let maker = &self.store.slab[slot];
            if let Some(reason) = self.is_over(maker) {
                self.withdraw(slot, reason, sink);
                continue;
            }
            if maker.holder == taker.node.holder && !self.self_trades {
                self.meet_self(taker, slot, sink);
                continue;
            }
            let price = maker.price;
            let mut quantity = taker.left.min(maker.visible);
            if let Some(budget) = &mut taker.budget {
                let terms = &self.store.rules.terms;
                let (money, at) = (Money(*budget), Price(price));
                quantity = quantity.min(terms.affordable(money, at).0);
                if quantity == 0 {
                    break;
                }
                // Correctness: what is affordable costs at most the budget.
                let spent = terms.amount(Quantity(quantity), at).unwrap_or(money);
                *budget = budget.saturating_sub(spent.0);
            }
            taker.left -= quantity;
            taker.traded += quantity;
            let trade = Trade {
                maker: maker.id,
                taker: taker.node.id,
                taker_side: taker.node.side,
                price: Price(price),
                quantity: Quantity(quantity),
                maker_open: Quantity(maker.open() - quantity),
                taker_open: Quantity(taker.left),
                maker_reserve: maker.reserve,
                taker_reserve: taker.node.reserve,
                auction: false,
            };
            self.tell(sink, &Event::Traded(trade));
            self.take(slot, key, quantity, true, sink);
            first = first.or(Some(price));
            self.state.last = Some(price);
        }
        if let (Some(first), Some(last)) = (first, self.state.last) {
            self.rouse(first.min(last), first.max(last), sink);
        }
    }

    /// Takes shown quantity from a resting order; one with nothing left goes, an iceberg shows its next part.
    #[inline]
    fn take<S: Sink>(&mut self, slot: u32, key: i64, quantity: u64, filled: bool, sink: &mut S) {
        let maker = &self.store.slab[slot];
        if quantity < maker.visible {
            self.store.take(slot, key, quantity, filled);
        } else if maker.unseen() == 0 {
            self.store.remove(slot);
        } else {
            self.store.take(slot, key, quantity, filled);
            let priority = self.next_priority();
            self.store.refill(slot, priority);
            let maker = &self.store.slab[slot];
            let (side, price, shown) = (maker.side, maker.price, i128::from(maker.visible));
            self.tell_shown(side, price, shown, sink);
        }
    }

    /// Why a resting order no longer trades although it is still here.
    #[inline]
    pub(super) fn is_over(&self, node: &Node) -> Option<Reason> {
        let ended = match node.ends {
            Ends::Never | Ends::Auction => false,
            Ends::Time => node.until <= self.state.now,
            Ends::Session => node.until < self.state.session,
        };
        if ended {
            return Some(Reason::Expired);
        }
        if self.store.killed > 0 && self.store.record(node.account).killed {
            return Some(Reason::Killed);
        }
        if let Some(band) = &self.state.band
            && !node.market
            && !band.has(Price(node.price))
        {
            return Some(Reason::OutsidePriceBand);
        }
        None
    }

    fn meet_self<S: Sink>(&mut self, taker: &mut Taker<'_>, slot: u32, sink: &mut S) {
        let left = taker.left;
        match taker.node.prevention {
            Prevention::DecrementAndCancel => {
                let maker = self.store.slab[slot];
                let quantity = left.min(maker.visible);
                let reduced = Event::Reduced(Reduced {
                    id: maker.id,
                    side: maker.side,
                    quantity: Quantity(quantity),
                    open: Quantity(maker.open() - quantity),
                    reserve: maker.reserve,
                    reason: Reason::SelfTrade,
                });
                self.tell(sink, &reduced);
                self.tell_shown(maker.side, maker.price, -i128::from(quantity), sink);
                let key = self.store.key_of(&maker);
                self.take(slot, key, quantity, false, sink);
                self.cut(taker, quantity, Reason::SelfTrade, sink);
            }
            Prevention::CancelNewest => self.cut(taker, left, Reason::SelfTrade, sink),
            Prevention::CancelOldest => {
                self.withdraw(slot, Reason::SelfTrade, sink);
            }
            Prevention::CancelBoth => {
                self.withdraw(slot, Reason::SelfTrade, sink);
                self.cut(taker, left, Reason::SelfTrade, sink);
            }
        }
    }

    /// Takes quantity from the incoming order that neither trades nor rests.
    fn cut<S: Sink>(&mut self, taker: &mut Taker<'_>, quantity: u64, reason: Reason, sink: &mut S) {
        taker.left -= quantity;
        let reduced = Event::Reduced(Reduced {
            id: taker.node.id,
            side: taker.node.side,
            quantity: Quantity(quantity),
            open: Quantity(taker.left),
            reserve: taker.node.reserve,
            reason,
        });
        self.tell(sink, &reduced);
    }

    // Stops.

    /// Wakes every stop whose trigger lies at or between two trade prices: bids from the lowest trigger up, then asks
    /// from the highest down, equal triggers by age.
    pub(super) fn rouse<S: Sink>(&mut self, low: i64, high: i64, sink: &mut S) {
        for side in [Side::Buy, Side::Sell] {
            loop {
                let first = self.store.queue(Place::Stop, side).first_key_value();
                let Some((_, parked)) = first else { break };
                let slot = parked.slot;
                let trigger = self.store.slab[slot].trigger;
                let wakes = match side {
                    Side::Buy => trigger <= high,
                    Side::Sell => trigger >= low,
                };
                if !wakes {
                    break;
                }
                let node = self.store.slab[slot];
                let budget = self.store.remove(slot);
                let priority = self.next_priority();
                let awake = Node {
                    place: Place::Awake,
                    priority,
                    account: NIL,
                    ..node
                };
                self.store.insert(awake, budget);
                self.tell(sink, &Event::Wakes { id: node.id });
            }
        }
    }

    /// Lets stops that woke enter the book in the order they woke, `Rules::wakes_max` at most; returns how many wait.
    ///
    /// Every command does it last. The caller does it at the end of a block.
    pub fn wake<S: Sink>(&mut self, sink: &mut S) -> usize {
        if self.stops() == 0 {
            return 0;
        }
        if self.state.halted || self.state.phase != Phase::Open {
            return self.store.queue(Place::Awake, Side::Buy).len();
        }
        if let Some(last) = self.state.last {
            self.rouse(last, last, sink);
        }
        for _ in 0..self.store.rules.wakes_max {
            let first = self.store.queue(Place::Awake, Side::Buy).first_key_value();
            let Some((_, parked)) = first else { return 0 };
            let slot = parked.slot;
            if let Some(reason) = self.is_over(&self.store.slab[slot]) {
                self.withdraw(slot, reason, sink);
                continue;
            }
            let node = self.store.slab[slot];
            let budget = self.store.remove(slot);
            self.enter(&node, budget, !node.market, sink);
        }
        self.store.queue(Place::Awake, Side::Buy).len()
    }
}
