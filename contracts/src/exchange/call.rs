//! Ending a call: the orders of a book trade at one price.

use std::collections::BTreeMap;

use super::book::Book;
use super::event::{Event, Phase, Reason, Reduced, Sink, Trade};
use super::order::Side;
use super::reject::Reject;
use super::request::Prevention;
use super::slab::{NIL, Node, Place};
use super::uncross::{Clearing, Curve, clearing};
use crate::account::HolderId;
use crate::amount::{Price, Quantity};

impl Book {
    /// Ends the call: trades at the price that [`clearing`] finds, by price and time, opens the market, and cancels what
    /// is left of orders for the auction alone.
    ///
    /// - An iceberg takes part with everything open of it.
    /// - Orders of one holder never trade with each other: before the price is sought, each holder's own orders that
    ///   cross lose quantity as if the younger came in against the older, so that no price has them on both sides.
    /// - `reference`: the price to be near to; without it the last one.
    ///
    /// Cost: `O(n log n)` in the orders of the book.
    ///
    /// # Errors
    /// [`Reject::MarketHalted`], or [`Reject::WrongPhase`] when there is no call.
    pub fn uncross<S: Sink>(
        &mut self,
        reference: Option<Price>,
        sink: &mut S,
    ) -> Result<Option<Clearing>, Reject> {
        if self.state.halted {
            return Err(Reject::MarketHalted);
        }
        if self.state.phase != Phase::Call {
            return Err(Reject::WrongPhase);
        }
        self.withdraw_over(sink);
        self.part_holders(sink);
        let found = self.indicative(reference);
        if let Some(found) = found {
            self.trade_at(found.price, sink);
        }
        for side in [Side::Buy, Side::Sell] {
            for slot in self.auction_slots(side) {
                self.withdraw(slot, Reason::AuctionOver, sink);
            }
        }
        self.state.phase = Phase::Open;
        self.tell(sink, &Event::Phase(Phase::Open));
        if let Some(found) = found {
            self.rouse(found.price, found.price, sink);
        }
        self.wake(sink);
        Ok(found)
    }

    /// The price and volume at which the call would end now, apart from orders of one holder that cross.
    #[must_use]
    pub fn indicative(&self, reference: Option<Price>) -> Option<Clearing> {
        let curve = |side| {
            let mut curve = Curve::default();
            for slot in self.ladder_slots(side).chain(self.auction_slots(side)) {
                let node = &self.store.slab[slot];
                curve.add((!node.market).then_some(node.price), node.open());
            }
            curve
        };
        let reference = reference.map(|price| price.0).or(self.state.last);
        let (bids, asks) = (curve(Side::Buy), curve(Side::Sell));
        clearing(&bids, &asks, reference, &self.store.rules, self.state.band)
    }

    fn auction_slots(&self, side: Side) -> Vec<u32> {
        let queue = self.store.queue(Place::Auction, side).values();
        queue.map(|parked| parked.slot).collect()
    }

    /// Orders of a side that take part, by price, market orders first, then by age.
    fn in_turn(&self, side: Side) -> Vec<u32> {
        let mut slots: Vec<u32> = self.ladder_slots(side).collect();
        slots.extend(self.auction_slots(side));
        slots.sort_by_key(|slot| {
            let node = &self.store.slab[*slot];
            let key = (!node.market).then(|| self.store.key_of(node));
            (key, node.priority)
        });
        slots
    }

    /// Takes out what no longer trades. Without orders outside the band the book cannot be crossed afterwards.
    fn withdraw_over<S: Sink>(&mut self, sink: &mut S) {
        for side in [Side::Buy, Side::Sell] {
            for slot in self.in_turn(side) {
                if let Some(reason) = self.is_over(&self.store.slab[slot]) {
                    self.withdraw(slot, reason, sink);
                }
            }
        }
    }

    /// Lets each holder's own orders that cross meet, the younger by its own setting, until none cross.
    fn part_holders<S: Sink>(&mut self, sink: &mut S) {
        if self.self_trades {
            return;
        }
        let mut holders: BTreeMap<HolderId, [Vec<u32>; 2]> = BTreeMap::new();
        for side in [Side::Buy, Side::Sell] {
            for slot in self.in_turn(side) {
                let holder = self.store.slab[slot].holder;
                holders.entry(holder).or_default()[side as usize].push(slot);
            }
        }
        for [bids, asks] in holders.into_values() {
            let (mut bids, mut asks) = (bids.into_iter().peekable(), asks.into_iter().peekable());
            while let (Some(bid), Some(ask)) = (bids.peek(), asks.peek()) {
                let (bid, ask) = (*bid, *ask);
                if !crosses(&self.store.slab[bid], &self.store.slab[ask]) {
                    break;
                }
                let (bid_lives, ask_lives) = self.meet_in_call(bid, ask, sink);
                if !bid_lives {
                    bids.next();
                }
                if !ask_lives {
                    asks.next();
                }
            }
        }
    }

    /// Returns which of the two is still there.
    fn meet_in_call<S: Sink>(&mut self, bid: u32, ask: u32, sink: &mut S) -> (bool, bool) {
        let bid_is_younger = self.store.slab[bid].priority > self.store.slab[ask].priority;
        let (younger, older) = if bid_is_younger {
            (bid, ask)
        } else {
            (ask, bid)
        };
        let (open_younger, open_older) = (
            self.store.slab[younger].open(),
            self.store.slab[older].open(),
        );
        let least = open_younger.min(open_older);
        let (lost_younger, lost_older) = match self.store.slab[younger].prevention {
            Prevention::DecrementAndCancel => (least, least),
            Prevention::CancelNewest => (open_younger, 0),
            Prevention::CancelOldest => (0, open_older),
            Prevention::CancelBoth => (open_younger, open_older),
        };
        self.lose(older, lost_older, sink);
        self.lose(younger, lost_younger, sink);
        let lives = (lost_younger < open_younger, lost_older < open_older);
        if bid_is_younger {
            lives
        } else {
            (lives.1, lives.0)
        }
    }

    fn lose<S: Sink>(&mut self, slot: u32, quantity: u64, sink: &mut S) {
        let before = self.store.slab[slot];
        if quantity == 0 {
            return;
        }
        if quantity == before.open() {
            self.withdraw(slot, Reason::SelfTrade, sink);
            return;
        }
        let reduced = Event::Reduced(Reduced {
            id: before.id,
            side: before.side,
            quantity: Quantity(quantity),
            open: Quantity(before.open() - quantity),
            reserve: before.reserve,
            reason: Reason::SelfTrade,
        });
        self.tell(sink, &reduced);
        self.lessen(slot, quantity, false, sink);
    }

    /// Takes quantity from an order in the auction and tells what it shows now.
    fn lessen<S: Sink>(&mut self, slot: u32, quantity: u64, filled: bool, sink: &mut S) {
        let before = self.store.slab[slot];
        let shown = if quantity == before.open() {
            self.store.remove(slot);
            0
        } else {
            self.store.change(slot, |node| {
                node.set_open(before.open() - quantity);
                if filled {
                    // Correctness: filled and open together stay the order's total.
                    node.filled += quantity;
                }
            });
            self.store.slab[slot].visible
        };
        if before.place == Place::Ladder {
            let change = i128::from(shown) - i128::from(before.visible);
            self.tell_shown(before.side, before.price, change, sink);
        }
    }

    /// Pairs the orders of both sides that are willing at a price, in turn, until one side has none left.
    fn trade_at<S: Sink>(&mut self, price: i64, sink: &mut S) {
        let willing = |slots: Vec<u32>, book: &Self| -> Vec<u32> {
            let is_willing = |slot: &u32| {
                let node = &book.store.slab[*slot];
                node.market
                    || match node.side {
                        Side::Buy => node.price >= price,
                        Side::Sell => node.price <= price,
                    }
            };
            slots.into_iter().filter(is_willing).collect()
        };
        let mut bids = willing(self.in_turn(Side::Buy), self).into_iter();
        let mut asks = willing(self.in_turn(Side::Sell), self).into_iter();
        let (mut bid, mut ask) = (bids.next().unwrap_or(NIL), asks.next().unwrap_or(NIL));
        while bid != NIL && ask != NIL {
            let (buyer, seller) = (self.store.slab[bid], self.store.slab[ask]);
            let quantity = buyer.open().min(seller.open());
            let (maker, taker) = if buyer.priority < seller.priority {
                (buyer, seller)
            } else {
                (seller, buyer)
            };
            let trade = Trade {
                maker: maker.id,
                taker: taker.id,
                taker_side: taker.side,
                price: Price(price),
                quantity: Quantity(quantity),
                maker_open: Quantity(maker.open() - quantity),
                taker_open: Quantity(taker.open() - quantity),
                maker_reserve: maker.reserve,
                taker_reserve: taker.reserve,
                auction: true,
            };
            self.tell(sink, &Event::Traded(trade));
            self.lessen(bid, quantity, true, sink);
            self.lessen(ask, quantity, true, sink);
            if quantity == buyer.open() {
                bid = bids.next().unwrap_or(NIL);
            }
            if quantity == seller.open() {
                ask = asks.next().unwrap_or(NIL);
            }
            self.state.last = Some(price);
        }
    }
}

/// Whether a bid and an ask would trade.
fn crosses(bid: &Node, ask: &Node) -> bool {
    bid.market || ask.market || bid.price >= ask.price
}
