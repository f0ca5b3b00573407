//! The call: one price that trades the most.

use std::collections::BTreeSet;

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::{Event, Phase, Reason, Trade};
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::Prevention;
use bds_contracts::exchange::slab::{Place, Resting};

use super::{Done, Model, spread};

impl Model {
    /// Both sides in turn, orders for the auction alone among the others.
    pub(super) fn participants(&self, side: Side) -> Vec<Resting> {
        let mut all = self.in_turn(Place::Ladder, side);
        all.extend(self.in_turn(Place::Auction, side));
        all.sort_by_key(|order| {
            let rank = match (order.price, side) {
                (None, _) => i128::MIN,
                (Some(price), Side::Buy) => -i128::from(price.0),
                (Some(price), Side::Sell) => i128::from(price.0),
            };
            (rank, order.priority)
        });
        all
    }

    /// Price, volume and surplus of bids, by trying every tick.
    pub(crate) fn clearing(&self, reference: Option<i64>) -> Option<(i64, u128, i128)> {
        let (low, high) = match self.band {
            Some(band) => (band.low.0, band.high.0),
            None => (self.rules.price_min.0, self.rules.price_max.0),
        };
        let willing = |side: Side, price: i64| -> u128 {
            let mut sum = 0;
            for order in self.participants(side) {
                let takes = match (order.price, side) {
                    (None, _) => true,
                    (Some(limit), Side::Buy) => limit.0 >= price,
                    (Some(limit), Side::Sell) => limit.0 <= price,
                };
                if takes {
                    sum += u128::from(order.open().0);
                }
            }
            sum
        };
        let mut tries = Vec::new();
        for price in low..=high {
            if price % self.rules.tick == 0 {
                let (bids, asks) = (willing(Side::Buy, price), willing(Side::Sell, price));
                tries.push((price, bids.min(asks), bids as i128 - asks as i128));
            }
        }
        let volume = tries.iter().map(|t| t.1).max()?;
        if volume == 0 {
            return None;
        }
        tries.retain(|t| t.1 == volume);
        let least = tries.iter().map(|t| t.2.abs()).min()?;
        tries.retain(|t| t.2.abs() == least);
        if tries.iter().all(|t| t.2 > 0) {
            return tries.last().copied();
        }
        if tries.iter().all(|t| t.2 < 0) {
            return tries.first().copied();
        }
        let reference = reference.or(self.last);
        let Some(reference) = reference else {
            return tries.first().copied();
        };
        let away = |t: &(i64, u128, i128)| (i128::from(t.0) - i128::from(reference)).abs();
        let nearest = tries.iter().map(away).min()?;
        tries.iter().find(|t| away(t) == nearest).copied()
    }

    pub(crate) fn uncross(&mut self, reference: Option<i64>) -> Done<Option<(i64, u128, i128)>> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        if !self.call {
            return Err(Reject::WrongPhase);
        }
        for side in [Side::Buy, Side::Sell] {
            for order in self.participants(side) {
                let at = self.find(order.id).unwrap();
                if let Some(reason) = self.over(&self.orders[at]) {
                    self.drop_order(at, reason);
                }
            }
        }
        if !self.self_trades {
            self.part_holders();
        }
        let found = self.clearing(reference);
        if let Some((price, ..)) = found {
            self.trade_at(price);
        }
        for side in [Side::Buy, Side::Sell] {
            for order in self.in_turn(Place::Auction, side) {
                let at = self.find(order.id).unwrap();
                self.drop_order(at, Reason::AuctionOver);
            }
        }
        self.call = false;
        self.tell(Event::Phase(Phase::Open));
        if let Some((price, ..)) = found {
            self.rouse_at(price);
            self.sort_awakened();
        }
        self.wake();
        Ok(found)
    }

    pub(super) fn part_holders(&mut self) {
        let holders: BTreeSet<HolderId> = self.orders.iter().map(|o| o.resting.holder).collect();
        for holder in holders {
            loop {
                let best = |side| {
                    let mut all = self.participants(side);
                    all.retain(|order| order.holder == holder);
                    all.first().copied()
                };
                let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell)) else {
                    break;
                };
                if let (Some(bid), Some(ask)) = (bid.price, ask.price)
                    && bid < ask
                {
                    break;
                }
                let (old, young) = if bid.priority < ask.priority {
                    (bid, ask)
                } else {
                    (ask, bid)
                };
                let both = old.open().0.min(young.open().0);
                let (from_old, from_young) = match young.prevention {
                    Prevention::DecrementAndCancel => (both, both),
                    Prevention::CancelNewest => (0, young.open().0),
                    Prevention::CancelOldest => (old.open().0, 0),
                    Prevention::CancelBoth => (old.open().0, young.open().0),
                };
                for (order, quantity) in [(old, from_old), (young, from_young)] {
                    if quantity > 0 {
                        self.lost(
                            &order,
                            quantity,
                            order.open().0 - quantity,
                            Reason::SelfTrade,
                        );
                        self.lessen(order, quantity, false);
                    }
                }
            }
        }
    }

    pub(super) fn lessen(&mut self, order: Resting, quantity: u64, filled: bool) {
        let at = self.find(order.id).unwrap();
        let left = order.open().0 - quantity;
        let mut shown = 0;
        if left == 0 {
            self.orders.remove(at);
        } else {
            let now = &mut self.orders[at].resting;
            spread(now, left);
            if filled {
                now.filled.0 += quantity;
            }
            shown = now.visible.0;
        }
        self.show(&order, i128::from(shown) - i128::from(order.visible.0));
    }

    pub(super) fn trade_at(&mut self, price: i64) {
        loop {
            let bid = self.participants(Side::Buy).first().copied();
            let ask = self.participants(Side::Sell).first().copied();
            let (Some(bid), Some(ask)) = (bid, ask) else {
                break;
            };
            if bid.price.is_some_and(|limit| limit.0 < price)
                || ask.price.is_some_and(|limit| limit.0 > price)
            {
                break;
            }
            let quantity = bid.open().0.min(ask.open().0);
            let (maker, taker) = if bid.priority < ask.priority {
                (bid, ask)
            } else {
                (ask, bid)
            };
            self.tell(Event::Traded(Trade {
                maker: maker.id,
                taker: taker.id,
                taker_side: taker.side,
                price: Price(price),
                quantity: Quantity(quantity),
                maker_open: Quantity(maker.open().0 - quantity),
                taker_open: Quantity(taker.open().0 - quantity),
                maker_reserve: maker.reserve,
                taker_reserve: taker.reserve,
                auction: true,
            }));
            self.lessen(bid, quantity, true);
            self.lessen(ask, quantity, true);
            self.last = Some(price);
        }
    }
}
