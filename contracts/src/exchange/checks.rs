//! Whether a book takes a new order: what is asked, and in which order.
//!
//! Phase, its own fields, band, account (kill switch, messages, number of orders, position), number, room in the book, and for
//! fill-or-kill whether it can be filled.

use super::book::{Book, Checked};
use super::event::Phase;
use super::limits::check_position;
use super::order::Side;
use super::reject::Reject;
use super::request::{Request, Validity};
use super::rules::Rules;
use super::slab::NIL;
use crate::amount::{Money, Quantity};

impl Book {
    /// Whether [`Book::place`] would take the order; whether it can be filled at once is not asked. What this finds serves
    /// [`Book::place_checked`] as long as no order comes in.
    ///
    /// # Errors
    /// As there.
    #[inline(always)]
    pub fn check(&self, request: &Request) -> Result<Checked, Reject> {
        let rests = self.check_new(request)?;
        let record = self.store.account(request.id.account);
        self.check_account(
            record,
            request.side,
            request.position,
            request.quantity,
            rests,
        )?;
        let hash = self.store.hash(request.id);
        if self.store.find_hashed(hash, request.id).is_some() {
            return Err(Reject::OrderNumberUsed);
        }
        let rules = &self.store.rules;
        if rests && self.store.slab.len() >= rules.orders_max as usize {
            return Err(Reject::BookFull);
        }
        if request.trigger.is_some() && self.stops() >= rules.stops_max as usize {
            return Err(Reject::BookFull);
        }
        Ok(Checked {
            rests,
            record: record.unwrap_or(NIL),
            hash,
        })
    }

    /// Everything that the request, the phase and the rules decide. Returns whether it may stay in the book.
    #[inline]
    pub(super) fn check_new(&self, request: &Request) -> Result<bool, Reject> {
        let at_once = request.validity.is_at_once();
        if self.state.halted {
            return Err(Reject::MarketHalted);
        }
        if at_once && self.state.phase == Phase::Call {
            return Err(Reject::WrongPhase);
        }
        self.store.rules.check_request(request)?;
        if let Validity::GoodTillDate(until) = request.validity
            && until.0 <= self.state.now
        {
            return Err(Reject::ExpiryInvalid);
        }
        if let (Some(band), Some(price)) = (self.state.band, request.price)
            && !band.has(price)
        {
            return Err(Reject::OutsidePriceBand);
        }
        Ok(!at_once)
    }

    /// Whether the account may send a message that opens so much more on a side.
    #[inline]
    pub(super) fn check_account(
        &self,
        record: Option<u32>,
        side: Side,
        position: i64,
        quantity: Quantity,
        new_order: bool,
    ) -> Result<(), Reject> {
        let rules = &self.store.rules;
        let mut open = 0;
        let (mut orders, mut messages) = (0, 0);
        if let Some(record) = record {
            let account = self.store.record(record);
            if account.killed {
                return Err(Reject::AccountKilled);
            }
            open = account.open[side as usize];
            (orders, messages) = (account.orders, account.messages);
        }
        if rules.messages_max.is_some_and(|most| messages >= most) {
            return Err(Reject::MessageLimit);
        }
        if new_order && orders >= rules.account_orders_max {
            return Err(Reject::OrderLimit);
        }
        check_position(rules, side, position, open, quantity)
    }
}

impl Rules {
    /// What a new order is refused for by itself, whatever the book it comes to.
    ///
    /// # Errors
    /// The first thing that is wrong.
    #[inline]
    pub(crate) fn check_request(&self, request: &Request) -> Result<(), Reject> {
        self.check_quantity(request.quantity)?;
        if request.price.is_some_and(|price| !self.is_price(price)) {
            return Err(Reject::PriceInvalid);
        }
        let plain = request.price.is_some()
            && request.trigger.is_none()
            && request.display.is_none()
            && request.budget.is_none();
        if plain {
            Ok(())
        } else {
            self.check_kind(request)
        }
    }

    /// What goes together in an order that is more than a limit.
    #[inline(never)]
    fn check_kind(&self, request: &Request) -> Result<(), Reject> {
        if request.trigger.is_some_and(|price| !self.is_price(price)) {
            return Err(Reject::TriggerInvalid);
        }
        let at_once = request.validity.is_at_once();
        let auction = request.validity == Validity::GoodAtAuction;
        let market = request.price.is_none() && request.trigger.is_none();
        if (market && !at_once && !auction) || (request.trigger.is_some() && (at_once || auction)) {
            return Err(Reject::OrderInvalid);
        }
        if let Some(display) = request.display
            && (request.trigger.is_some()
                || request.price.is_none()
                || at_once
                || auction
                || display > request.quantity
                || self.check_quantity(display).is_err())
        {
            return Err(Reject::DisplayInvalid);
        }
        if let Some(Money(budget)) = request.budget
            && (budget <= 0 || request.price.is_some() || request.side == Side::Sell || auction)
        {
            return Err(Reject::MaxCashInvalid);
        }
        Ok(())
    }
}
