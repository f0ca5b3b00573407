//! Who pays whom for a trade of energy, what becomes of what both set aside, and how it moves their positions.
//!
//! Everything that one command does to an account is summed up first and written once.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::event::Event;
use super::super::module::{Power, Tables};
use super::super::rules::{MEMBER, cost};
use super::super::session::Session;
use super::{PeriodId, desk};
use crate::amount::{Currency, Money, Price, Quantity, WattHours};
use crate::exchange::Side;
use crate::exchange::event::{Event as Told, Reduced, Trade};
use crate::exchange::order::OrderId;
use crate::exchange::orders::Books;
use crate::exchange::orders::run::{self, Follows};
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::receipt::Code;
use crate::tx::AccountId;

/// What an account traded in a period. Correctness: a trade is below 2^37, and its money below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// Watt hours that it bought.
    pub bought: i128,
    /// Watt hours that it sold.
    pub sold: i128,
    /// What it got; below zero what it paid.
    pub amount: i128,
}

/// The price at which an order sets money aside: the one at which it pays most for each watt hour, or zero where it pays at none.
pub(super) fn worst(side: Side, limit: Price) -> Price {
    match side {
        Side::Buy => Price(limit.0.max(0)),
        // Correctness: prices are within `PRICE_MAX` either way.
        Side::Sell => Price((-limit.0).max(0)),
    }
}

/// What an order of so much sets aside.
pub(super) fn needed(open: Quantity, worst: Price) -> i128 {
    cost(open.0.into(), worst)
}

/// What one command does to an account.
#[derive(Debug, Clone, Copy, Default)]
struct Delta {
    /// Where it lies, once it was asked whether it may trade, and may.
    slot: Option<Slot>,
    desk: desk::Change,
    bought: i128,
    sold: i128,
}

impl Delta {
    fn trades(&self) -> bool {
        self.bought != 0 || self.sold != 0
    }
}

/// A book, and what is paid in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Market {
    id: PeriodId,
    currency: Currency,
}

impl Market {
    /// Of a period of this session.
    pub(super) fn of(id: PeriodId, session: &Session) -> Self {
        let currency = session.terms.currency;
        Self { id, currency }
    }
}

/// An order on its way, where its account lies, which was asked whether it may trade, and what it sets aside more.
pub(super) struct Taker {
    pub(super) id: OrderId,
    pub(super) slot: Slot,
    pub(super) aside: i128,
}

/// A command to the book of a period.
pub(super) type Command = run::Command<Settlement>;

/// What one command comes to.
#[derive(Debug)]
pub(super) struct Settlement {
    market: Market,
    /// The order on its way, which is no open one until it rests.
    taker: Option<OrderId>,
    accounts: BTreeMap<AccountId, Delta>,
    energy: i128,
    turnover: i128,
    last: Option<Price>,
}

impl Settlement {
    /// Sets more aside for an account's order, or less, and counts so many open orders more.
    fn add(&mut self, account: AccountId, aside: i128, orders: i64) {
        let desk = &mut self.accounts.entry(account).or_default().desk;
        desk.aside += aside;
        desk.orders += orders;
    }

    /// An order lost so much of what was open; `open` is left. What it set aside for that is free.
    fn lose(&mut self, id: OrderId, worst: i64, lost: Quantity, open: Quantity) {
        let worst = Price(worst);
        let before = i128::from(open.0) + i128::from(lost.0);
        let freed = cost(before, worst) - needed(open, worst);
        let is_gone = open == Quantity::ZERO && self.taker != Some(id);
        self.add(id.account, -freed, -i64::from(is_gone));
    }

    fn trade(&mut self, trade: &Trade) -> Result<Event, Code> {
        let Trade {
            maker,
            taker,
            taker_side,
            price,
            quantity,
            ..
        } = *trade;
        self.lose(maker, trade.maker_reserve, quantity, trade.maker_open);
        self.lose(taker, trade.taker_reserve, quantity, trade.taker_open);
        let (bid, ask) = match taker_side {
            Side::Buy => (taker, maker),
            Side::Sell => (maker, taker),
        };
        let energy = i128::from(quantity.0);
        let amount = cost(energy, price);
        let buyer = self.accounts.entry(bid.account).or_default();
        buyer.bought += energy;
        buyer.desk.got -= amount;
        let seller = self.accounts.entry(ask.account).or_default();
        seller.sold += energy;
        seller.desk.got += amount;
        self.energy += energy;
        self.turnover += amount;
        self.last = Some(price);
        let (session, interval) = self.market.id;
        Ok(Event::EnergyTraded {
            session,
            interval,
            buyer: bid.account,
            bid: bid.number,
            seller: ask.account,
            ask: ask.number,
            price,
            energy: watt_hours(quantity)?,
            amount: Money(i64::try_from(amount).map_err(|_| Code::OVERFLOW)?),
            taker: taker_side,
        })
    }

    fn reduce(&mut self, reduced: &Reduced) -> Result<Event, Code> {
        let Reduced {
            id,
            quantity,
            open,
            reserve,
            reason,
            ..
        } = *reduced;
        self.lose(id, reserve, quantity, open);
        let (session, interval) = self.market.id;
        Ok(Event::OrderReduced {
            session,
            interval,
            account: id.account,
            number: id.number,
            energy: watt_hours(quantity)?,
            open: watt_hours(open)?,
            reason,
        })
    }
}

impl Follows for Settlement {
    type In = Power;
    type Id = PeriodId;
    type Market = Market;
    type Order = Taker;

    fn id(market: &Market) -> PeriodId {
        market.id
    }

    fn books(tables: &mut Tables) -> &mut Books<PeriodId> {
        &mut tables.books
    }

    fn empty(_: &mut Cx<'_>, market: &Market, order: Option<&Taker>) -> Self {
        let mut settlement = Self {
            market: *market,
            taker: order.map(|taker| taker.id),
            accounts: BTreeMap::new(),
            energy: 0,
            turnover: 0,
            last: None,
        };
        if let Some(taker) = order {
            let delta = settlement.accounts.entry(taker.id.account).or_default();
            delta.slot = Some(taker.slot);
            delta.desk.aside = taker.aside;
        }
        settlement
    }

    fn take(&mut self, told: &Told) -> Result<Option<Event>, Code> {
        let (session, interval) = self.market.id;
        Ok(match *told {
            Told::Traded(trade) => Some(self.trade(&trade)?),
            Told::Reduced(reduced) => Some(self.reduce(&reduced)?),
            Told::Amended {
                id,
                price: Some(price),
                open,
                kept_place,
                ..
            } => {
                if !kept_place {
                    // It is on its way again, and no open order until it rests.
                    self.add(id.account, 0, -1);
                }
                Some(Event::OrderAmended {
                    session,
                    interval,
                    account: id.account,
                    number: id.number,
                    price,
                    energy: watt_hours(open)?,
                    kept_place,
                })
            }
            Told::Rests { id, .. } => {
                self.add(id.account, 0, 1);
                None
            }
            // No order here is without a price or waits for one, and what is shown follows from what was accepted.
            Told::Amended { .. }
            | Told::Waits { .. }
            | Told::Wakes { .. }
            | Told::Shown { .. }
            | Told::Phase(_) => None,
        })
    }

    fn shut(&mut self, cx: &Cx<'_>) -> Vec<AccountId> {
        let mut shut = Vec::new();
        let others = self.accounts.iter_mut();
        for (id, delta) in others.filter(|(_, delta)| delta.trades() && delta.slot.is_none()) {
            delta.slot = account::to_trade(cx, *id, MEMBER);
            if delta.slot.is_none() {
                shut.push(*id);
            }
        }
        shut
    }

    fn apply(&self, cx: &mut Cx<'_>) -> Result<(), Code> {
        let Market {
            id: (session, interval),
            currency,
        } = self.market;
        for (id, delta) in &self.accounts {
            let slot = match delta.slot {
                Some(slot) => slot,
                None => cx.read::<Identity>().find(*id)?,
            };
            desk::change(cx, session, (*id, slot), currency, &delta.desk)?;
            if !delta.trades() {
                continue;
            }
            let (tables, journal) = cx.tables::<Power>();
            let key = (session, *id, interval);
            let old = tables.positions.get(&key).copied().unwrap_or_default();
            let new = Position {
                bought: old.bought + delta.bought,
                sold: old.sold + delta.sold,
                amount: old.amount + delta.desk.got,
            };
            tables.positions.set(journal, key, new)?;
        }
        if self.last.is_some() {
            let (tables, journal) = cx.tables::<Power>();
            let period = tables.periods.update(journal, &(session, interval))?;
            let period = period.ok_or(Code::UNKNOWN_MARKET)?;
            period.energy += self.energy;
            period.turnover += self.turnover;
            period.last = self.last;
        }
        Ok(())
    }
}

fn watt_hours(quantity: Quantity) -> Result<WattHours, Code> {
    let energy = i64::try_from(quantity.0).map_err(|_| Code::OVERFLOW)?;
    Ok(WattHours(energy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_set_aside_on_one_side_of_zero() {
        let at = |side, price| worst(side, Price(price)).0;
        assert_eq!(at(Side::Buy, 50), 50);
        assert_eq!(at(Side::Buy, -50), 0);
        assert_eq!(at(Side::Sell, 50), 0);
        assert_eq!(at(Side::Sell, -50), 50);
        assert_eq!((at(Side::Buy, 0), at(Side::Sell, 0)), (0, 0));
    }

    /// Whatever parts an order trades in, and at whichever price it takes, what is left covers the rest.
    #[test]
    fn what_is_set_aside_covers_every_part() {
        for limit in [1, 3, 77, 9_999, 654_321] {
            let worst = Price(limit);
            let mut open = 1_000_003_u64;
            let mut aside = needed(Quantity(open), worst);
            for part in [1, 2, 3, 9_999, 10_000, 333_333] {
                open -= part;
                let freed = aside - needed(Quantity(open), worst);
                for price in [limit, limit / 2, 0] {
                    assert!(
                        cost(part.into(), Price(price)) <= freed,
                        "{part} at {price}"
                    );
                }
                aside -= freed;
            }
            assert_eq!(aside, needed(Quantity(open), worst));
        }
    }
}
