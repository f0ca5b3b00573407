//! Changing orders that are in the book already: amendments, and mass quotes, which are many at once.

use std::collections::BTreeSet;

use super::book::Book;
use super::event::{Event, Reason, Sink};
use super::limits::Band;
use super::order::{OrderId, Side};
use super::reject::Reject;
use super::request::{Amend, QUOTES_MAX, Quote, Request, Resize};
use super::slab::{NIL, Node, Place};
use crate::account::HolderId;
use crate::amount::{Price, Quantity};
use crate::tx::AccountId;

/// What an amendment makes of an order.
struct Plan {
    slot: u32,
    before: Node,
    price: i64,
    open: u64,
    kept_place: bool,
}

impl Book {
    /// Changes an order's limit, size or opaque number.
    ///
    /// With the same limit and no more open than before it keeps its place in time; what is hidden of an iceberg shrinks
    /// first. Else it leaves its queue and enters again: it may trade, and what is left goes behind the others.
    ///
    /// Returns how much of it traded now.
    ///
    /// # Errors
    /// In this order: [`Reject::MarketHalted`], [`Reject::UnknownOrder`], what is wrong with size and price,
    /// [`Reject::OutsidePriceBand`], and what the account may not do.
    pub fn amend<S: Sink>(&mut self, amend: &Amend, sink: &mut S) -> Result<Quantity, Reject> {
        let Plan {
            slot,
            before,
            price,
            open,
            kept_place,
        } = self.plan(amend)?;
        let reserve = amend.reserve.unwrap_or(before.reserve);
        let amended = Event::Amended {
            id: before.id,
            price: (!before.market).then_some(Price(price)),
            open: Quantity(open),
            before: Quantity(before.open()),
            reserve,
            reserve_before: before.reserve,
            kept_place,
        };
        self.tell(sink, &amended);
        let mut traded = 0;
        if kept_place {
            self.shrink(slot, open, reserve, sink);
        } else {
            let budget = self.store.remove(slot);
            let mut node = Node {
                price,
                reserve,
                ..before
            };
            node.set_open(open);
            if before.place == Place::Ladder {
                self.tell_shown(before.side, before.price, -i128::from(before.visible), sink);
                traded = self.enter(node, None, sink);
            } else {
                node.priority = self.next_priority();
                self.park(node, budget, sink);
            }
        }
        self.count_message(amend.id.account);
        self.wake(sink);
        Ok(Quantity(traded))
    }

    /// What [`Book::amend`] would make of the order: its limit, if it has one, and what would be open of it before it trades.
    ///
    /// # Errors
    /// As there.
    pub fn check_amend(&self, amend: &Amend) -> Result<(Option<Price>, Quantity), Reject> {
        let plan = self.plan(amend)?;
        let price = (!plan.before.market).then_some(Price(plan.price));
        Ok((price, Quantity(plan.open)))
    }

    fn plan(&self, amend: &Amend) -> Result<Plan, Reject> {
        if self.state.halted {
            return Err(Reject::MarketHalted);
        }
        let slot = self.store.find(amend.id).ok_or(Reject::UnknownOrder)?;
        let before = self.store.slab[slot];
        if self.is_ended(&before) {
            return Err(Reject::UnknownOrder);
        }
        let open = self.new_open(&before, amend.size)?;
        let price = self.new_price(&before, amend.price)?;
        let kept_place = price == before.price && open <= before.open();
        let outside = |band: Band| !band.has(Price(price));
        if !before.market
            && (!kept_place || amend.price.is_some())
            && self.state.band.is_some_and(outside)
        {
            return Err(Reject::OutsidePriceBand);
        }
        let more = Quantity(open.saturating_sub(before.open()));
        self.check_account(
            Some(before.account),
            before.side,
            amend.position,
            more,
            false,
        )?;
        Ok(Plan {
            slot,
            before,
            price,
            open,
            kept_place,
        })
    }

    /// An order that is over is gone for its account, although it was not swept yet.
    fn is_ended(&self, node: &Node) -> bool {
        self.is_over(node) == Some(Reason::Expired)
    }

    fn new_open(&self, before: &Node, size: Option<Resize>) -> Result<u64, Reject> {
        let rules = &self.store.rules;
        let open = match size {
            None => return Ok(before.open()),
            Some(Resize::Open(open)) => open,
            Some(Resize::Total(total)) => {
                if total == Quantity::ZERO {
                    return Err(Reject::QuantityZero);
                }
                let open = total.0.checked_sub(before.filled);
                Quantity(open.filter(|open| *open > 0).ok_or(Reject::AmendInvalid)?)
            }
        };
        rules.check_quantity(open)?;
        let total = open.0.checked_add(before.filled);
        if total.is_none_or(|total| total > rules.quantity_max.0) {
            return Err(Reject::QuantityTooLarge);
        }
        Ok(open.0)
    }

    fn new_price(&self, before: &Node, price: Option<Price>) -> Result<i64, Reject> {
        let Some(price) = price else {
            return Ok(before.price);
        };
        if before.market || !self.store.rules.is_price(price) {
            return Err(Reject::PriceInvalid);
        }
        Ok(price.0)
    }

    /// Makes an order smaller where it stands.
    fn shrink<S: Sink>(&mut self, slot: u32, open: u64, reserve: i64, sink: &mut S) {
        let before = self.store.slab[slot];
        self.store.change(slot, |node| {
            node.visible = node.visible.min(open);
            node.hidden = open - node.visible;
            node.reserve = reserve;
        });
        let shown = i128::from(self.store.slab[slot].visible) - i128::from(before.visible);
        if before.place == Place::Ladder {
            self.tell_shown(before.side, before.price, shown, sink);
        }
    }

    /// Replaces many quotes of an account, all or none, in the order given.
    ///
    /// An entry whose number is open is amended (cancelled with quantity zero), any other is placed as a limit order good
    /// till cancelled. `position` is as in [`Request::position`]. Cancelled entries are no messages.
    ///
    /// # Errors
    /// [`Reject::TooMany`] when the list is empty, longer than [`QUOTES_MAX`] or names a number twice; else the first
    /// entry that is refused, with what it says. Nothing changed then.
    pub fn mass_quote<S: Sink>(
        &mut self,
        account: AccountId,
        holder: HolderId,
        position: i64,
        quotes: &[Quote],
        sink: &mut S,
    ) -> Result<(), (usize, Reject)> {
        let mut numbers = BTreeSet::new();
        if quotes.is_empty() || quotes.len() > QUOTES_MAX {
            return Err((0, Reject::TooMany));
        }
        for (place, quote) in quotes.iter().enumerate() {
            if !numbers.insert(quote.number) {
                return Err((place, Reject::TooMany));
            }
        }
        let mark = self.begin();
        let mut events: Vec<(u64, Event)> = Vec::new();
        let mut position = position;
        for (place, quote) in quotes.iter().enumerate() {
            let told = events.len();
            if let Err(reject) = self.quote(account, holder, position, quote, &mut events) {
                self.rollback(mark);
                return Err((place, reject));
            }
            for (_, event) in &events[told..] {
                position = after(position, account, event);
            }
        }
        self.commit(mark);
        for (sequence, event) in &events {
            sink.event(*sequence, event);
        }
        Ok(())
    }

    fn quote<S: Sink>(
        &mut self,
        account: AccountId,
        holder: HolderId,
        position: i64,
        quote: &Quote,
        sink: &mut S,
    ) -> Result<(), Reject> {
        let id = OrderId {
            account,
            number: quote.number,
        };
        let slot = self.store.find(id).unwrap_or(NIL);
        if slot == NIL {
            let request = Request {
                reserve: quote.reserve,
                position,
                ..Request::limit(id, holder, quote.side, quote.price, quote.quantity)
            };
            return self.place(&request, sink).map(|_| ());
        }
        if self.store.slab[slot].side != quote.side {
            return Err(Reject::OrderNumberUsed);
        }
        if quote.quantity == Quantity::ZERO {
            return self.cancel(id, sink).map(|_| ());
        }
        let amend = Amend {
            id,
            price: Some(quote.price),
            size: Some(Resize::Open(quote.quantity)),
            reserve: Some(quote.reserve),
            position,
        };
        self.amend(&amend, sink).map(|_| ())
    }
}

/// An account's position after a trade of its own.
fn after(position: i64, account: AccountId, event: &Event) -> i64 {
    let Event::Traded(trade) = event else {
        return position;
    };
    let side = if trade.taker.account == account {
        trade.taker_side
    } else if trade.maker.account == account {
        trade.taker_side.opposite()
    } else {
        return position;
    };
    match side {
        Side::Buy => position.saturating_add_unsigned(trade.quantity.0),
        Side::Sell => position.saturating_sub_unsigned(trade.quantity.0),
    }
}
