//! What is refused, and in which order.

use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Request, Validity};
use bds_contracts::exchange::slab::Place;
use bds_contracts::tx::AccountId;

use super::{Done, Model, Order};

impl Model {
    pub(super) fn quantity_ok(&self, quantity: Quantity) -> Done<()> {
        if quantity.0 == 0 {
            return Err(Reject::QuantityZero);
        }
        if !quantity.0.is_multiple_of(self.rules.terms.lot) {
            return Err(Reject::QuantityNotLot);
        }
        if quantity > self.rules.quantity_max {
            return Err(Reject::QuantityTooLarge);
        }
        Ok(())
    }

    pub(super) fn price_ok(&self, price: Price) -> bool {
        price >= self.rules.price_min
            && price <= self.rules.price_max
            && price.0 % self.rules.tick == 0
    }

    pub(super) fn account_ok(
        &self,
        account: AccountId,
        side: Side,
        position: i64,
        more: u64,
        new: bool,
    ) -> Done<()> {
        if self.killed.contains(&account) {
            return Err(Reject::AccountKilled);
        }
        let messages = self.messages.get(&account).copied().unwrap_or(0);
        if self.rules.messages_max.is_some_and(|most| messages >= most) {
            return Err(Reject::MessageLimit);
        }
        if new && self.of(account).len() >= self.rules.account_orders_max as usize {
            return Err(Reject::OrderLimit);
        }
        let mut after = i128::from(more);
        for order in self.of(account) {
            if order.resting.side == side {
                after += i128::from(order.resting.open().0);
            }
        }
        let (limit, position) = match side {
            Side::Buy => (self.rules.long_max, i128::from(position)),
            Side::Sell => (self.rules.short_max, -i128::from(position)),
        };
        match limit {
            Some(limit) if position + after > i128::from(limit.0) => Err(Reject::PositionLimit),
            _ => Ok(()),
        }
    }

    pub(crate) fn check(&self, r: &Request) -> Done<()> {
        let ioc = r.validity == Validity::ImmediateOrCancel;
        let fok = r.validity == Validity::FillOrKill;
        let gaa = r.validity == Validity::GoodAtAuction;
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        if self.call && (ioc || fok) {
            return Err(Reject::WrongPhase);
        }
        self.quantity_ok(r.quantity)?;
        if let Some(price) = r.price
            && !self.price_ok(price)
        {
            return Err(Reject::PriceInvalid);
        }
        if let Some(trigger) = r.trigger
            && !self.price_ok(trigger)
        {
            return Err(Reject::TriggerInvalid);
        }
        // What goes together: market with ioc, fok, gaa; limit with all; stops with gtc, gtd, day.
        let good = match (r.price.is_some(), r.trigger.is_some()) {
            (false, false) => ioc || fok || gaa,
            (true, false) => true,
            (_, true) => !ioc && !fok && !gaa,
        };
        if !good {
            return Err(Reject::OrderInvalid);
        }
        if let Some(display) = r.display {
            let rests = r.price.is_some() && r.trigger.is_none() && !ioc && !fok && !gaa;
            if !rests || display > r.quantity || self.quantity_ok(display).is_err() {
                return Err(Reject::DisplayInvalid);
            }
        }
        if let Some(budget) = r.budget {
            let allowed = r.side == Side::Buy && r.price.is_none() && !gaa;
            if !allowed || budget.0 <= 0 {
                return Err(Reject::MaxCashInvalid);
            }
        }
        if let Validity::GoodTillDate(until) = r.validity
            && until.0 <= self.now
        {
            return Err(Reject::ExpiryInvalid);
        }
        if let (Some(band), Some(price)) = (self.band, r.price)
            && (price < band.low || price > band.high)
        {
            return Err(Reject::OutsidePriceBand);
        }
        self.account_ok(
            r.id.account,
            r.side,
            r.position,
            r.quantity.0,
            !(ioc || fok),
        )?;
        if self.find(r.id).is_some() {
            return Err(Reject::OrderNumberUsed);
        }
        if !(ioc || fok) && self.orders.len() >= self.rules.orders_max as usize {
            return Err(Reject::BookFull);
        }
        if r.trigger.is_some() && self.sleepers() >= self.rules.stops_max as usize {
            return Err(Reject::BookFull);
        }
        Ok(())
    }

    pub(super) fn sleepers(&self) -> usize {
        let is_stop = |order: &&Order| matches!(order.resting.place, Place::Stop | Place::Awake);
        self.orders.iter().filter(is_stop).count()
    }

    // Commands.
}
