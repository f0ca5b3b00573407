//! Orders of accounts: what is set aside when they enter, and who gets what when they trade.
//!
//! A bid sets aside `amount(open, reserve price)` of money, an ask its open units. A trade takes its part of what both set
//! aside, so it cannot fail; what a bid set aside beyond the price it paid becomes free with the trade.

use crate::amount::{Currency, Money, Price, Quantity, Terms};
use crate::call::{AmendOrder, NewOrder};
use crate::carbon::{Instrument, InstrumentId};
use crate::event::{Event, OrderEnd};
use crate::exchange::order::{Order, OrderId, Resting, Side, TimeInForce};
use crate::exchange::tree::Step;
use crate::receipt::Code;
use crate::tx::AccountId;

use super::{Context, Key, Ledger, Refusal};

/// What booking a trade needs to know about the market.
struct Market {
    id: InstrumentId,
    currency: Currency,
    terms: Terms,
}

/// The order that acts: its id and side, and what is still open of it.
struct Taker {
    id: OrderId,
    side: Side,
    reserve: Price,
    /// Money set aside as a lump sum: a market bid's bound. Else it follows the open quantity.
    budget: Option<Money>,
    open: Quantity,
}

impl Ledger {
    pub(super) fn place_order(
        &mut self,
        context: &mut Context<'_>,
        account: AccountId,
        instrument: InstrumentId,
        new: &NewOrder,
    ) -> Result<(), Refusal> {
        let record = self.account_to_move(context, account)?;
        let (holder, order_last) = (record.holder, record.order_last);
        let issuance = self
            .instruments
            .get(&instrument)
            .ok_or(Code::UNKNOWN_INSTRUMENT)?;
        let market = market(&issuance.instrument);
        check_new(&issuance.instrument, new)?;
        if new.number <= order_last {
            return Err(Code::ORDER_NUMBER_USED);
        }
        let reserve = match new.side {
            Side::Buy => new.reserve.or(new.limit).unwrap_or_default(),
            Side::Sell => new.reserve.unwrap_or_default(),
        };
        self.check_can_set_aside(account, &market, new, reserve)?;

        let id = OrderId {
            account,
            number: new.number,
        };
        let order = Order {
            id,
            holder,
            side: new.side,
            limit: new.limit,
            quantity: new.quantity,
            time_in_force: new.time_in_force,
            self_trade: new.self_trade,
            reserve,
            budget: new.max_cash,
        };
        let mut steps = Vec::new();
        let book = self
            .books
            .get_mut(&instrument)
            .ok_or(Code::UNKNOWN_INSTRUMENT)?;
        if !book.place(&order, &market.terms, &mut steps) {
            return Err(Code::NOT_FILLABLE);
        }

        if let Some(record) = self.accounts.get_mut(&account) {
            record.order_last = new.number;
        }
        self.touched.push(Key::Account(account));
        context.events.push(Event::OrderPlaced {
            order: id,
            instrument,
            terms: new.clone(),
        });
        let mut taker = Taker {
            id,
            side: new.side,
            reserve,
            budget: new.max_cash,
            open: new.quantity,
        };
        self.set_aside(&market, &taker);
        self.book_steps(context, &market, &mut taker, &steps);
        Ok(())
    }

    /// Whether the account can pay for the whole order at its reserve price, or deliver it.
    fn check_can_set_aside(
        &self,
        account: AccountId,
        market: &Market,
        new: &NewOrder,
        reserve: Price,
    ) -> Result<(), Refusal> {
        match new.side {
            Side::Sell => self.check_free(account, market.id, new.quantity),
            Side::Buy => {
                let needed = match new.max_cash {
                    Some(bound) => bound,
                    None => market
                        .terms
                        .amount(new.quantity, reserve)
                        .ok_or(Code::OVERFLOW)?,
                };
                if self.cash_of(account, market.currency).free() < needed {
                    return Err(Code::CASH_TOO_LOW);
                }
                Ok(())
            }
        }
    }

    pub(super) fn amend_order(
        &mut self,
        context: &mut Context<'_>,
        amend: &AmendOrder,
    ) -> Result<(), Refusal> {
        let account = amend.account;
        self.account_to_move(context, account)?;
        let issuance = self
            .instruments
            .get(&amend.instrument)
            .ok_or(Code::UNKNOWN_INSTRUMENT)?;
        let market = market(&issuance.instrument);
        let id = OrderId {
            account,
            number: amend.number,
        };
        let book = self
            .books
            .get(&amend.instrument)
            .ok_or(Code::UNKNOWN_ORDER)?;
        let before = *book.order(id).ok_or(Code::UNKNOWN_ORDER)?;
        let price = amend.price.unwrap_or(before.price);
        let open = amend.open.unwrap_or(before.open);
        let reserve = amend.reserve.unwrap_or(before.reserve);
        check_price(&issuance.instrument, price)?;
        check_quantity(&issuance.instrument, open)?;
        match before.side {
            Side::Buy => {
                if price > reserve {
                    return Err(Code::PRICE_ABOVE_RESERVE);
                }
                let needed = market.terms.amount(open, reserve).ok_or(Code::OVERFLOW)?;
                let set_aside = set_aside_for(&market, &before, before.open);
                // Correctness: both are at least 0, so the difference fits.
                if self.cash_of(account, market.currency).free().0 < needed.0 - set_aside.0 {
                    return Err(Code::CASH_TOO_LOW);
                }
            }
            Side::Sell => {
                let more = Quantity(open.0.saturating_sub(before.open.0));
                if more > Quantity::ZERO {
                    self.check_free(account, amend.instrument, more)?;
                }
            }
        }

        let mut steps = Vec::new();
        let book = self
            .books
            .get_mut(&amend.instrument)
            .ok_or(Code::UNKNOWN_ORDER)?;
        book.amend(id, price, open, reserve, &market.terms, &mut steps);
        let kept_place = book
            .order(id)
            .is_some_and(|now| now.priority == before.priority);
        self.touched.push(Key::Order(market.id, id));
        self.touched.push(Key::Book(market.id));
        context.events.push(Event::OrderAmended {
            order: id,
            instrument: amend.instrument,
            price,
            open,
            reserve,
            kept_place,
        });
        self.release(&market, &before, before.open);
        let mut taker = Taker {
            id,
            side: before.side,
            reserve,
            budget: None,
            open,
        };
        self.set_aside(&market, &taker);
        self.book_steps(context, &market, &mut taker, &steps);
        Ok(())
    }

    pub(super) fn cancel_order(
        &mut self,
        context: &mut Context<'_>,
        account: AccountId,
        instrument: InstrumentId,
        number: u64,
    ) -> Result<(), Refusal> {
        // A blocked account may still withdraw its orders: that moves nothing out.
        self.represented(context, account)?;
        let issuance = self
            .instruments
            .get(&instrument)
            .ok_or(Code::UNKNOWN_INSTRUMENT)?;
        let market = market(&issuance.instrument);
        let id = OrderId { account, number };
        let book = self.books.get_mut(&instrument).ok_or(Code::UNKNOWN_ORDER)?;
        let order = book.cancel(id).ok_or(Code::UNKNOWN_ORDER)?;

        self.touched.push(Key::Order(instrument, id));
        self.release(&market, &order, order.open);
        context.events.push(Event::OrderReduced {
            order: id,
            instrument,
            quantity: order.open,
            end: OrderEnd::Cancelled,
        });
        Ok(())
    }

    /// Withdraws every order of an account that may no longer trade.
    pub(super) fn cancel_all_orders(&mut self, context: &mut Context<'_>, account: AccountId) {
        let ids: Vec<(InstrumentId, OrderId)> = self
            .books
            .iter()
            .flat_map(|(instrument, book)| {
                let range = OrderId { account, number: 0 }..=OrderId {
                    account,
                    number: u64::MAX,
                };
                book.orders_in(range).map(|order| (*instrument, order.id))
            })
            .collect();
        for (instrument, id) in ids {
            let market = self
                .instruments
                .get(&instrument)
                .map(|issuance| market(&issuance.instrument));
            let order = self
                .books
                .get_mut(&instrument)
                .and_then(|book| book.cancel(id));
            if let (Some(market), Some(order)) = (market, order) {
                self.touched.push(Key::Order(instrument, id));
                self.release(&market, &order, order.open);
                let (quantity, end) = (order.open, OrderEnd::AccountBlocked);
                context.events.push(Event::OrderReduced {
                    order: id,
                    instrument,
                    quantity,
                    end,
                });
            }
        }
    }

    fn set_aside(&mut self, market: &Market, taker: &Taker) {
        let account = taker.id.account;
        match (taker.side, taker.budget) {
            (Side::Sell, _) => {
                self.change_holding(account, market.id, |h| h.reserved.0 += taker.open.0);
            }
            (Side::Buy, Some(bound)) => {
                self.change_cash(account, market.currency, |c| c.reserved.0 += bound.0);
            }
            (Side::Buy, None) => {
                let needed = amount(market, taker.open, taker.reserve);
                self.change_cash(account, market.currency, |c| c.reserved.0 += needed.0);
            }
        }
    }

    /// Frees what a resting order, with `open` as it was, set aside for `quantity` of it.
    fn release(&mut self, market: &Market, order: &Resting, quantity: Quantity) {
        let account = order.id.account;
        match order.side {
            Side::Sell => self.change_holding(account, market.id, |h| h.reserved.0 -= quantity.0),
            Side::Buy => {
                let freed = set_aside_for(market, order, quantity);
                self.change_cash(account, market.currency, |c| c.reserved.0 -= freed.0);
            }
        }
    }

    /// Books what the order book decided. Nothing here can fail: everything was set aside before.
    fn book_steps(
        &mut self,
        context: &mut Context<'_>,
        market: &Market,
        taker: &mut Taker,
        steps: &[Step],
    ) {
        for step in steps {
            match *step {
                Step::Trade {
                    maker,
                    price,
                    quantity,
                } => {
                    self.touched.push(Key::Order(market.id, maker.id));
                    let event = self.settle(market, taker, maker, price, quantity);
                    context.events.push(event);
                }
                Step::MakerReduced { maker, quantity } => {
                    self.touched.push(Key::Order(market.id, maker.id));
                    let before = Resting {
                        open: Quantity(maker.open.0 + quantity.0),
                        ..maker
                    };
                    self.release(market, &before, quantity);
                    context.events.push(Event::OrderReduced {
                        order: maker.id,
                        instrument: market.id,
                        quantity,
                        end: OrderEnd::SelfTrade,
                    });
                }
                Step::TakerReduced {
                    quantity,
                    self_trade,
                } => {
                    self.release_taker(market, taker, quantity);
                    let end = if self_trade {
                        OrderEnd::SelfTrade
                    } else {
                        OrderEnd::NothingToTrade
                    };
                    context.events.push(Event::OrderReduced {
                        order: taker.id,
                        instrument: market.id,
                        quantity,
                        end,
                    });
                }
                Step::Rests(order) => {
                    self.touched.push(Key::Order(market.id, order.id));
                    self.touched.push(Key::Book(market.id));
                }
            }
        }
        // A market bid that is done gives back what it did not spend.
        if let Some(rest) = taker.budget.take() {
            self.change_cash(taker.id.account, market.currency, |c| {
                c.reserved.0 -= rest.0
            });
        }
    }

    fn release_taker(&mut self, market: &Market, taker: &mut Taker, quantity: Quantity) {
        let account = taker.id.account;
        let after = Quantity(taker.open.0 - quantity.0);
        match (taker.side, taker.budget) {
            (Side::Sell, _) => {
                self.change_holding(account, market.id, |h| h.reserved.0 -= quantity.0)
            }
            (Side::Buy, Some(_)) => {}
            (Side::Buy, None) => {
                let freed = freed(market, taker.open, after, taker.reserve);
                self.change_cash(account, market.currency, |c| c.reserved.0 -= freed.0);
            }
        }
        taker.open = after;
    }

    /// Moves the money and the units of one trade: one integer, computed once, on both legs.
    fn settle(
        &mut self,
        market: &Market,
        taker: &mut Taker,
        maker: Resting,
        price: Price,
        quantity: Quantity,
    ) -> Event {
        let paid = amount(market, quantity, price);
        let maker_before = Resting {
            open: Quantity(maker.open.0 + quantity.0),
            ..maker
        };
        let bid_reserve = match taker.side {
            Side::Buy => taker.reserve,
            Side::Sell => maker.reserve,
        };
        self.release(market, &maker_before, quantity);
        match taker.budget.as_mut() {
            Some(rest) => {
                rest.0 -= paid.0;
                taker.open.0 -= quantity.0;
                self.change_cash(taker.id.account, market.currency, |c| {
                    c.reserved.0 -= paid.0
                });
            }
            None => self.release_taker(market, taker, quantity),
        }
        let (buyer, seller) = match taker.side {
            Side::Buy => (taker.id.account, maker.id.account),
            Side::Sell => (maker.id.account, taker.id.account),
        };
        if paid > Money::ZERO {
            self.change_cash(buyer, market.currency, |c| c.balance.0 -= paid.0);
            self.change_cash(seller, market.currency, |c| c.balance.0 += paid.0);
        }
        let blocks = self.move_lowest(seller, buyer, market.id, quantity);
        Event::Traded {
            instrument: market.id,
            taker: taker.id,
            maker: maker.id,
            taker_side: taker.side,
            price,
            quantity,
            amount: paid,
            bid_reserve,
            blocks,
        }
    }
}

fn market(instrument: &Instrument) -> Market {
    Market {
        id: instrument.id,
        currency: instrument.currency,
        terms: instrument.terms(),
    }
}

/// `amount` of a part of an order whose whole was checked to fit.
fn amount(market: &Market, quantity: Quantity, price: Price) -> Money {
    market
        .terms
        .amount(quantity, price)
        .expect("a part costs no more than the whole")
}

/// What becomes free when a bid's open quantity falls from `before` to `after`.
fn freed(market: &Market, before: Quantity, after: Quantity, reserve: Price) -> Money {
    Money(amount(market, before, reserve).0 - amount(market, after, reserve).0)
}

fn set_aside_for(market: &Market, order: &Resting, quantity: Quantity) -> Money {
    freed(
        market,
        order.open,
        Quantity(order.open.0 - quantity.0),
        order.reserve,
    )
}

fn check_price(instrument: &Instrument, price: Price) -> Result<(), Refusal> {
    if price <= Price::ZERO || price.0 % i64::from(instrument.tick) != 0 {
        return Err(Code::PRICE_INVALID);
    }
    Ok(())
}

fn check_quantity(instrument: &Instrument, quantity: Quantity) -> Result<(), Refusal> {
    if quantity == Quantity::ZERO {
        return Err(Code::QUANTITY_ZERO);
    }
    if !quantity.0.is_multiple_of(instrument.lot.0) {
        return Err(Code::QUANTITY_NOT_LOT);
    }
    Ok(())
}

/// Everything about a new order that its own fields and the instrument decide.
fn check_new(instrument: &Instrument, new: &NewOrder) -> Result<(), Refusal> {
    check_quantity(instrument, new.quantity)?;
    match new.limit {
        Some(limit) => check_price(instrument, limit)?,
        None if new.time_in_force == TimeInForce::GoodTillCancelled => {
            return Err(Code::ORDER_INVALID);
        }
        None => {}
    }
    let needs_bound = new.limit.is_none() && new.side == Side::Buy;
    if needs_bound != new.max_cash.is_some_and(|bound| bound > Money::ZERO)
        || (!needs_bound && new.max_cash.is_some())
    {
        return Err(Code::MAX_CASH_INVALID);
    }
    match (new.side, new.limit, new.reserve) {
        (Side::Buy, Some(limit), Some(reserve)) if reserve < limit => Err(Code::RESERVE_INVALID),
        (Side::Buy, None, Some(_)) => Err(Code::RESERVE_INVALID),
        _ => Ok(()),
    }
}
