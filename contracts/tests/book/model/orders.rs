//! Cancellations, amendments, quotes and the kill switch.

use bds_contracts::account::HolderId;
use bds_contracts::amount::Quantity;
use bds_contracts::exchange::event::{Event, Reason};
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Quote, Request, Resize};
use bds_contracts::exchange::slab::Place;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;

use super::{Done, Model, spread};

impl Model {
    pub(crate) fn cancel(&mut self, id: OrderId) -> Done<u64> {
        let at = self.find(id).ok_or(Reject::UnknownOrder)?;
        Ok(self.drop_order(at, Reason::Cancelled))
    }

    pub(crate) fn cancel_all(&mut self, account: AccountId, most: usize, reason: Reason) -> usize {
        let mut ids: Vec<OrderId> = self
            .of(account)
            .iter()
            .map(|order| order.resting.id)
            .collect();
        ids.sort();
        for id in ids.iter().take(most) {
            let at = self.find(*id).unwrap();
            self.drop_order(at, reason);
        }
        self.of(account).len()
    }

    pub(crate) fn kill(&mut self, account: AccountId, most: usize) -> usize {
        self.killed.insert(account);
        self.cancel_all(account, most, Reason::Killed)
    }

    pub(crate) fn revive(&mut self, account: AccountId, most: usize) -> usize {
        if !self.killed.contains(&account) {
            return 0;
        }
        let left = self.cancel_all(account, most, Reason::Killed);
        if left == 0 {
            self.killed.remove(&account);
        }
        left
    }

    pub(crate) fn amend(&mut self, amend: &Amend) -> Done<u64> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        let at = self.find(amend.id).ok_or(Reject::UnknownOrder)?;
        let before = self.orders[at].clone();
        if self.over(&before) == Some(Reason::Expired) {
            return Err(Reject::UnknownOrder);
        }
        let resting = before.resting;
        let (old_open, filled) = (resting.open().0, resting.filled.0);
        let open = match amend.size {
            None => old_open,
            Some(size) => {
                let open = match size {
                    Resize::Open(open) => open.0,
                    Resize::Total(Quantity(0)) => return Err(Reject::QuantityZero),
                    Resize::Total(total) if total.0 <= filled => return Err(Reject::AmendInvalid),
                    Resize::Total(total) => total.0 - filled,
                };
                self.quantity_ok(Quantity(open))?;
                if u128::from(open) + u128::from(filled) > u128::from(self.rules.quantity_max.0) {
                    return Err(Reject::QuantityTooLarge);
                }
                open
            }
        };
        let mut price = resting.price;
        if let Some(new) = amend.price {
            if price.is_none() || !self.price_ok(new) {
                return Err(Reject::PriceInvalid);
            }
            price = Some(new);
        }
        let keeps = price == resting.price && open <= old_open;
        if let (Some(band), Some(price)) = (self.band, price)
            && (amend.price.is_some() || !keeps)
            && (price < band.low || price > band.high)
        {
            return Err(Reject::OutsidePriceBand);
        }
        let more = open.saturating_sub(old_open);
        self.account_ok(amend.id.account, resting.side, amend.position, more, false)?;

        let reserve = amend.reserve.unwrap_or(resting.reserve);
        self.tell(Event::Amended {
            id: amend.id,
            price,
            open: Quantity(open),
            before: Quantity(old_open),
            reserve,
            reserve_before: resting.reserve,
            kept_place: keeps,
        });
        let mut traded = 0;
        if keeps {
            let order = &mut self.orders[at].resting;
            order.reserve = reserve;
            // The hidden part goes first.
            let less = old_open - open;
            let from_hidden = less.min(order.hidden.0);
            order.hidden.0 -= from_hidden;
            order.visible.0 -= less - from_hidden;
            let order = *order;
            self.show(&order, -i128::from(less - from_hidden));
        } else {
            let mut order = self.orders.remove(at);
            self.show(&resting, -i128::from(resting.visible.0));
            order.resting.price = price;
            order.resting.reserve = reserve;
            spread(&mut order.resting, open);
            if resting.place == Place::Ladder {
                traded = self.enter(order);
            } else {
                self.wait(order);
            }
        }
        self.count(amend.id.account);
        self.wake();
        Ok(traded)
    }

    pub(crate) fn mass_quote(
        &mut self,
        account: AccountId,
        holder: HolderId,
        mut position: i64,
        quotes: &[Quote],
    ) -> Result<(), (usize, Reject)> {
        if quotes.is_empty() || quotes.len() > 128 {
            return Err((0, Reject::TooMany));
        }
        for (at, quote) in quotes.iter().enumerate() {
            if quotes[..at]
                .iter()
                .any(|other| other.number == quote.number)
            {
                return Err((at, Reject::TooMany));
            }
        }
        let before = self.clone();
        for (at, quote) in quotes.iter().enumerate() {
            let told = self.events.len();
            if let Err(reject) = self.quote(account, holder, position, quote) {
                *self = before;
                return Err((at, reject));
            }
            for event in &self.events[told..] {
                if let Event::Traded(trade) = event {
                    let bought = match trade.taker_side {
                        Side::Buy => (trade.taker.account, trade.maker.account),
                        Side::Sell => (trade.maker.account, trade.taker.account),
                    };
                    let quantity = trade.quantity.0;
                    if trade.taker.account == account && trade.maker.account == account {
                        // Only where self-trades are allowed: counted for the taker.
                        position = match trade.taker_side {
                            Side::Buy => position.saturating_add_unsigned(quantity),
                            Side::Sell => position.saturating_sub_unsigned(quantity),
                        };
                    } else if bought.0 == account {
                        position = position.saturating_add_unsigned(quantity);
                    } else if bought.1 == account {
                        position = position.saturating_sub_unsigned(quantity);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn quote(
        &mut self,
        account: AccountId,
        holder: HolderId,
        position: i64,
        quote: &Quote,
    ) -> Done<()> {
        let id = OrderId {
            account,
            number: quote.number,
        };
        match self.find(id) {
            None => {
                let mut request =
                    Request::limit(id, holder, quote.side, quote.price, quote.quantity);
                request.reserve = quote.reserve;
                request.position = position;
                self.place(&request)?;
            }
            Some(at) if self.orders[at].resting.side != quote.side => {
                return Err(Reject::OrderNumberUsed);
            }
            Some(_) if quote.quantity.0 == 0 => {
                self.cancel(id)?;
            }
            Some(_) => {
                self.amend(&Amend {
                    id,
                    price: Some(quote.price),
                    size: Some(Resize::Open(quote.quantity)),
                    reserve: Some(quote.reserve),
                    position,
                })?;
            }
        }
        Ok(())
    }

    // The operator.
}
