//! Stops are woken by trades.

use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::Event;
use bds_contracts::exchange::slab::{Place, Resting};

use super::{Model, UNNUMBERED};

impl Model {
    /// Marks the stops that a trade at this price wakes; [`Model::sort_awakened`] finishes it.
    pub(super) fn rouse_at(&mut self, price: i64) {
        for order in &mut self.orders {
            let order = &mut order.resting;
            if order.place == Place::Stop {
                let trigger = order.trigger.unwrap().0;
                let wakes = match order.side {
                    Side::Buy => price >= trigger,
                    Side::Sell => price <= trigger,
                };
                if wakes {
                    order.place = Place::Awake;
                    // Not yet numbered.
                    order.priority |= UNNUMBERED;
                }
            }
        }
    }

    /// Numbers what woke: bids by trigger upwards, asks downwards, equal ones by age.
    pub(super) fn sort_awakened(&mut self) {
        let mut woke: Vec<Resting> = Vec::new();
        for order in &self.orders {
            if order.resting.place == Place::Awake && order.resting.priority & UNNUMBERED != 0 {
                woke.push(order.resting);
            }
        }
        woke.sort_by_key(|order| {
            let trigger = order.trigger.unwrap().0;
            match order.side {
                Side::Buy => (0, i128::from(trigger), order.priority),
                Side::Sell => (1, -i128::from(trigger), order.priority),
            }
        });
        for order in woke {
            let at = self.find(order.id).unwrap();
            self.orders[at].resting.priority = self.priority();
            self.tell(Event::Wakes { id: order.id });
        }
    }

    pub(crate) fn wake(&mut self) -> usize {
        if self.halted || self.call {
            return self.in_turn(Place::Awake, Side::Buy).len();
        }
        if let Some(last) = self.last {
            self.rouse_at(last);
            self.sort_awakened();
        }
        for _ in 0..self.rules.wakes_max {
            let awake = self.in_turn(Place::Awake, Side::Buy);
            let Some(first) = awake.first() else { break };
            let at = self.find(first.id).unwrap();
            if let Some(reason) = self.over(&self.orders[at]) {
                self.drop_order(at, reason);
                continue;
            }
            let order = self.orders.remove(at);
            self.enter(order);
        }
        self.in_turn(Place::Awake, Side::Buy).len()
    }
}
