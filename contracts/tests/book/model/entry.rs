//! An order comes in, meets others, and rests.

use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::{Event, Reason, Trade};
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Prevention, Request, Validity};
use bds_contracts::exchange::slab::{Place, Resting};
use bds_contracts::tx::AccountId;

use super::{Done, Model, Order, spread};

impl Model {
    pub(crate) fn place(&mut self, r: &Request) -> Done<u64> {
        self.check(r)?;
        let place = match (r.trigger, r.validity) {
            (Some(_), _) => Place::Stop,
            (None, Validity::GoodAtAuction) => Place::Auction,
            _ => Place::Ladder,
        };
        let order = Order {
            resting: Resting {
                id: r.id,
                holder: r.holder,
                side: r.side,
                price: r.price,
                trigger: r.trigger,
                visible: r.quantity,
                hidden: Quantity(0),
                filled: Quantity(0),
                display: r.display,
                reserve: r.reserve,
                place,
                priority: 0,
                prevention: r.prevention,
                validity: r.validity,
            },
            budget: r.budget.map(|money| money.0),
            session: self.session,
        };
        let before = self.clone();
        let mut traded = 0;
        if place == Place::Ladder {
            traded = self.enter(order);
            if r.validity == Validity::FillOrKill && traded < r.quantity.0 {
                *self = before;
                return Err(Reject::NotFillable);
            }
        } else {
            self.wait(order);
        }
        self.count(r.id.account);
        self.wake();
        Ok(traded)
    }

    pub(super) fn count(&mut self, account: AccountId) {
        if self.rules.messages_max.is_some() {
            *self.messages.entry(account).or_default() += 1;
        }
    }

    pub(super) fn priority(&mut self) -> u64 {
        self.next_priority += 1;
        self.next_priority - 1
    }

    pub(super) fn wait(&mut self, mut order: Order) {
        order.resting.priority = self.priority();
        self.tell(Event::Waits {
            id: order.resting.id,
            open: order.resting.open(),
            reserve: order.resting.reserve,
        });
        self.orders.push(order);
    }

    /// Why an order no longer counts.
    pub(super) fn over(&self, order: &Order) -> Option<Reason> {
        let expired = match order.resting.validity {
            Validity::GoodTillDate(until) => until.0 <= self.now,
            Validity::Day => order.session < self.session,
            _ => false,
        };
        if expired {
            return Some(Reason::Expired);
        }
        if self.killed.contains(&order.resting.id.account) {
            return Some(Reason::Killed);
        }
        if let (Some(band), Some(price)) = (self.band, order.resting.price)
            && (price < band.low || price > band.high)
        {
            return Some(Reason::OutsidePriceBand);
        }
        None
    }

    pub(super) fn drop_order(&mut self, at: usize, reason: Reason) -> u64 {
        let order = self.orders.remove(at).resting;
        self.lost(&order, order.open().0, 0, reason);
        self.show(&order, -i128::from(order.visible.0));
        order.open().0
    }

    pub(super) fn would_trade(&self, taker: &Resting, price: i64) -> bool {
        let worst = match (taker.price, self.band, taker.side) {
            (Some(limit), _, _) => limit.0,
            (None, None, _) => return true,
            (None, Some(band), Side::Buy) => band.high.0,
            (None, Some(band), Side::Sell) => band.low.0,
        };
        match taker.side {
            Side::Buy => price <= worst,
            Side::Sell => price >= worst,
        }
    }

    pub(super) fn enter(&mut self, mut order: Order) -> u64 {
        let mut traded = 0;
        let mut left = order.resting.open().0;
        let mut prices = Vec::new();
        let mut met = 0;
        while left > 0 && !self.call {
            let taker = order.resting;
            let queue = self.in_turn(Place::Ladder, taker.side.opposite());
            let Some(maker) = queue.first() else { break };
            let price = maker.price.unwrap().0;
            if !self.would_trade(&taker, price) {
                break;
            }
            if met == self.rules.makers_max {
                self.lost(&taker, left, 0, Reason::MakersBound);
                left = 0;
                break;
            }
            met += 1;
            let at = self.find(maker.id).unwrap();
            if let Some(reason) = self.over(&self.orders[at]) {
                self.drop_order(at, reason);
                continue;
            }
            if maker.holder == taker.holder && !self.self_trades {
                let both = left.min(maker.visible.0);
                match taker.prevention {
                    Prevention::DecrementAndCancel => {
                        self.lost(maker, both, maker.open().0 - both, Reason::SelfTrade);
                        self.show(maker, -i128::from(both));
                        self.take(at, both, false);
                        left -= both;
                        self.lost(&taker, both, left, Reason::SelfTrade);
                    }
                    Prevention::CancelNewest => {
                        self.lost(&taker, left, 0, Reason::SelfTrade);
                        left = 0;
                    }
                    Prevention::CancelOldest => {
                        self.drop_order(at, Reason::SelfTrade);
                    }
                    Prevention::CancelBoth => {
                        self.drop_order(at, Reason::SelfTrade);
                        self.lost(&taker, left, 0, Reason::SelfTrade);
                        left = 0;
                    }
                }
                continue;
            }
            let mut quantity = left.min(maker.visible.0);
            if let Some(budget) = order.budget {
                quantity = quantity.min(self.affordable(budget, price));
                if quantity == 0 {
                    break;
                }
                order.budget = Some(budget - self.cost(quantity, price));
            }
            left -= quantity;
            traded += quantity;
            self.tell(Event::Traded(Trade {
                maker: maker.id,
                taker: taker.id,
                taker_side: taker.side,
                price: Price(price),
                quantity: Quantity(quantity),
                maker_open: Quantity(maker.open().0 - quantity),
                taker_open: Quantity(left),
                maker_reserve: maker.reserve,
                taker_reserve: taker.reserve,
                auction: false,
            }));
            self.take(at, quantity, true);
            prices.push(price);
            self.last = Some(price);
        }
        for price in prices {
            self.rouse_at(price);
        }
        self.sort_awakened();
        if left == 0 {
            return traded;
        }
        let rests = match order.resting.validity {
            Validity::ImmediateOrCancel | Validity::FillOrKill => false,
            _ => order.resting.price.is_some(),
        };
        if !rests {
            self.lost(&order.resting, left, 0, Reason::NothingToTrade);
            return traded;
        }
        order.resting.priority = self.priority();
        order.resting.filled.0 += traded;
        order.resting.place = Place::Ladder;
        order.resting.trigger = None;
        spread(&mut order.resting, left);
        self.tell(Event::Rests {
            id: order.resting.id,
            side: order.resting.side,
            price: order.resting.price.unwrap(),
            open: Quantity(left),
            reserve: order.resting.reserve,
        });
        self.show(&order.resting, i128::from(order.resting.visible.0));
        self.orders.push(order);
        traded
    }

    /// By trial: the most lots whose cost the budget covers.
    pub(super) fn affordable(&self, budget: i64, price: i64) -> u64 {
        let lot = self.rules.terms.lot;
        if price <= 0 || budget <= 0 {
            return 0;
        }
        let covered = |lots: u64| match lots.checked_mul(lot) {
            Some(quantity) => self.exact(quantity, price) <= i128::from(budget),
            None => false,
        };
        let (mut low, mut high) = (0u64, u64::MAX);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if covered(middle) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low * lot
    }

    pub(super) fn exact(&self, quantity: u64, price: i64) -> i128 {
        let terms = &self.rules.terms;
        i128::from(quantity)
            .saturating_mul(i128::from(price))
            .saturating_mul(i128::from(terms.step_value))
            / i128::from(terms.units_per_contract)
    }

    pub(super) fn cost(&self, quantity: u64, price: i64) -> i64 {
        i64::try_from(self.exact(quantity, price)).unwrap()
    }

    pub(super) fn take(&mut self, at: usize, quantity: u64, filled: bool) {
        let order = &mut self.orders[at].resting;
        order.visible.0 -= quantity;
        if filled {
            order.filled.0 += quantity;
        }
        if order.visible.0 > 0 {
            return;
        }
        if order.hidden.0 == 0 {
            self.orders.remove(at);
            return;
        }
        let priority = self.priority();
        let order = &mut self.orders[at].resting;
        let open = order.open().0;
        spread(order, open);
        order.priority = priority;
        let order = *order;
        self.show(&order, i128::from(order.visible.0));
    }
}
