//! How an incoming order meets resting ones, and how stops wake.

use super::book::Book;
use super::event::{Event, Phase, Reason, Reduced, Sink, Trade};
use super::order::{OrderId, Side};
use super::reject::Reject;
use super::request::{Prevention, Request};
use super::slab::{Ends, NIL, Node, Place};
use crate::account::HolderId;
use crate::amount::{Money, Price, Quantity};

/// An order on its way through the other side.
pub(super) struct Taker {
    id: OrderId,
    holder: HolderId,
    side: Side,
    prevention: Prevention,
    reserve: i64,
    budget: Option<i64>,
    /// Worst key of the other side that it trades with.
    limit: i64,
    pub(super) left: u64,
    pub(super) traded: u64,
}

impl Taker {
    #[inline]
    pub(super) fn new(request: &Request, limit: i64) -> Self {
        Self {
            id: request.id,
            holder: request.holder,
            side: request.side,
            prevention: request.prevention,
            reserve: request.reserve,
            budget: request.budget.map(|money| money.0),
            limit,
            left: request.quantity.0,
            traded: 0,
        }
    }
}

impl Book {
    /// Lets an order that was in the book enter again. Returns how much traded.
    pub(super) fn enter<S: Sink>(&mut self, node: Node, budget: Option<i64>, sink: &mut S) -> u64 {
        let price = (!node.market).then_some(Price(node.price));
        let mut taker = Taker {
            id: node.id,
            holder: node.holder,
            side: node.side,
            prevention: node.prevention,
            reserve: node.reserve,
            budget,
            limit: self.limit(node.side, price),
            left: node.open(),
            traded: 0,
        };
        self.trade(&mut taker, sink);
        let (left, traded) = (taker.left, taker.traded);
        if left > 0 && node.market {
            self.cut(&mut taker, left, Reason::NothingToTrade, sink);
        } else if left > 0 {
            let mut node = Node {
                place: Place::Ladder,
                // Correctness: what traded was open of this order, so the sum is at most its total.
                filled: node.filled + traded,
                priority: self.next_priority(),
                ..node
            };
            node.set_open(left);
            let hash = self.store.hash(node.id);
            self.rest(node, hash, sink);
        }
        traded
    }

    /// Worst key of the other side that an order may trade with: its limit, and the band for one without.
    #[inline(always)]
    pub(super) fn limit(&self, side: Side, price: Option<Price>) -> i64 {
        let rules = &self.store.rules;
        let other = side.opposite();
        match (price, self.state.band, side) {
            (Some(price), _, _) => rules.key(other, price.0),
            (None, None, _) => i64::MAX,
            (None, Some(band), Side::Buy) => rules.key(other, band.high.0),
            (None, Some(band), Side::Sell) => rules.key(other, band.low.0),
        }
    }

    #[inline(always)]
    pub(super) fn rest<S: Sink>(&mut self, node: Node, hash: u64, sink: &mut S) {
        let (side, price, visible) = (node.side, node.price, node.visible);
        let rests = Event::Rests {
            id: node.id,
            side,
            price: Price(price),
            open: Quantity(node.open()),
            reserve: node.reserve,
        };
        self.store.insert_resting(node, hash);
        self.tell(sink, &rests);
        self.tell_shown(side, price, i128::from(visible), sink);
    }

    /// An order that trades in full or is refused. It is tried, and taken back when something is left.
    pub(super) fn fill_or_kill<S: Sink>(
        &mut self,
        request: &Request,
        sink: &mut S,
    ) -> Result<u64, Reject> {
        let mark = self.begin();
        let mut events = std::mem::take(&mut self.scratch);
        events.clear();
        let mut taker = Taker::new(request, self.limit(request.side, request.price));
        self.trade(&mut taker, &mut events);
        let filled = taker.traded == request.quantity.0;
        if filled {
            self.commit(mark);
            for (sequence, event) in &events {
                sink.event(*sequence, event);
            }
        } else {
            self.rollback(mark);
            self.tried = events.iter().filter(|(_, event)| event.is_met()).count();
        }
        self.scratch = events;
        if filled {
            Ok(taker.traded)
        } else {
            Err(Reject::NotFillable)
        }
    }

    /// Whether an order of a side would meet one of the other, if the market is open.
    #[inline(always)]
    pub(super) fn meets(&self, side: Side, limit: i64) -> bool {
        let best = self.store.ladder(side.opposite()).best();
        self.state.phase == Phase::Open && best.is_some_and(|key| key <= limit)
    }

    /// Tells that nothing was left to trade with.
    pub(super) fn drop_rest<S: Sink>(&mut self, request: &Request, left: u64, sink: &mut S) {
        let reduced = Event::Reduced(Reduced {
            id: request.id,
            side: request.side,
            quantity: Quantity(left),
            open: Quantity::ZERO,
            reserve: request.reserve,
            reason: Reason::NothingToTrade,
        });
        self.tell(sink, &reduced);
    }

    /// Trades as far as price, quantity, budget and the bound on makers go, if the market is open.
    pub(super) fn trade<S: Sink>(&mut self, taker: &mut Taker, sink: &mut S) {
        if self.state.phase != Phase::Open {
            return;
        }
        let other = taker.side.opposite();
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
            if maker.holder == taker.holder && !self.self_trades {
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
                taker: taker.id,
                taker_side: taker.side,
                price: Price(price),
                quantity: Quantity(quantity),
                maker_open: Quantity(maker.open() - quantity),
                taker_open: Quantity(taker.left),
                maker_reserve: maker.reserve,
                taker_reserve: taker.reserve,
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

    fn meet_self<S: Sink>(&mut self, taker: &mut Taker, slot: u32, sink: &mut S) {
        let left = taker.left;
        match taker.prevention {
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
    pub(super) fn cut<S: Sink>(
        &mut self,
        taker: &mut Taker,
        quantity: u64,
        reason: Reason,
        sink: &mut S,
    ) {
        taker.left -= quantity;
        let reduced = Event::Reduced(Reduced {
            id: taker.id,
            side: taker.side,
            quantity: Quantity(quantity),
            open: Quantity(taker.left),
            reserve: taker.reserve,
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
    #[inline]
    pub fn wake<S: Sink>(&mut self, sink: &mut S) -> usize {
        if self.stops() == 0 {
            return 0;
        }
        self.wake_some(sink)
    }

    fn wake_some<S: Sink>(&mut self, sink: &mut S) -> usize {
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
            self.enter(node, budget, sink);
        }
        self.store.queue(Place::Awake, Side::Buy).len()
    }
}
