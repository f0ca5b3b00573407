//! Who gets what: what orders set aside, and what becomes of it when a book has done something.
//!
//! A bid sets aside `amount(open, reserve price)` of money, an ask its open units. A trade takes its part of what both set aside, so
//! it cannot fail; what a bid set aside beyond the price it paid is free with the trade. Truncation never makes a whole cheaper
//! than its parts (see [`Terms::amount`]), so what is set aside always covers what is still to be paid.
//!
//! A bid without a price sets a lump aside, its budget, which is free again with the order's end.
//!
//! Everything that one command does to an account is summed up first and written once.

use std::collections::BTreeMap;

use super::super::event::{Event as Told, Reduced, Trade};
use super::super::order::{OrderId, Side};
use super::books::Books;
use super::call::TRADING;
use super::event::Event;
use super::run::{self, Follows};
use super::{Exchange, Tables, reserve::Reserve};
use crate::amount::{Currency, Money, Price, Quantity, Terms};
use crate::carbon::InstrumentId;
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::money::cash;
use crate::money::units::instrument::Form;
use crate::money::units::{Units, holding};
use crate::receipt::Code;
use crate::tx::AccountId;

/// What booking needs to know of a market.
#[derive(Debug, Clone, Copy)]
pub(super) struct Market {
    pub(super) id: InstrumentId,
    pub(super) currency: Currency,
    pub(super) terms: Terms,
}

impl Market {
    /// # Errors
    /// `UNKNOWN_MARKET`.
    pub(super) fn of(cx: &Cx<'_>, id: InstrumentId) -> Result<Self, Code> {
        let terms = cx.read::<Exchange>().books.get(id)?.rules().terms;
        let instrument = cx.read::<Units>().instruments.get(&id);
        let currency = instrument.ok_or(Code::UNKNOWN_INSTRUMENT)?.currency;
        Ok(Self {
            id,
            currency,
            terms,
        })
    }

    /// What is needed of an instrument whose units are sold for money, whether or not it has a book.
    ///
    /// # Errors
    /// In this order: `UNKNOWN_INSTRUMENT`, `NOT_TRADABLE`.
    pub(super) fn of_instrument(cx: &Cx<'_>, id: InstrumentId) -> Result<Self, Code> {
        let instrument = cx.read::<Units>().instruments.get(&id);
        let instrument = instrument.ok_or(Code::UNKNOWN_INSTRUMENT)?;
        if instrument.form != Form::Fungible {
            return Err(Code::NOT_TRADABLE);
        }
        Ok(Self {
            id,
            currency: instrument.currency,
            terms: instrument.terms(),
        })
    }

    /// Money for a quantity. The rules of a market keep it within bounds.
    pub(super) fn amount(&self, quantity: Quantity, price: Price) -> Result<Money, Code> {
        self.terms.amount(quantity, price).ok_or(Code::OVERFLOW)
    }
}

/// How an account changes. Correctness: sums of at most 2^32 numbers of 64 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Delta {
    money: i128,
    money_reserved: i128,
    units: i128,
    units_reserved: i128,
    /// Whether it trades.
    trades: bool,
    /// Where it lies, once it was asked whether it may trade, and may.
    slot: Option<Slot>,
}

impl Delta {
    fn reserve(&mut self, side: Side, more: i128) {
        match side {
            Side::Buy => self.money_reserved += more,
            Side::Sell => self.units_reserved += more,
        }
    }
}

/// An order on its way: whose, where the account lies, which was asked whether it may trade, and what the order sets aside more.
pub(super) struct Order {
    pub(super) account: AccountId,
    pub(super) slot: Slot,
    pub(super) side: Side,
    pub(super) more: i128,
}

/// A command to the book of a market.
pub(super) type Command = run::Command<Settlement>;

/// So many accounts are looked through one by one; most commands touch two.
const FEW: usize = 16;

/// What one command does to each account.
pub(super) type Sums = Vec<(AccountId, Delta)>;

/// What one command comes to.
#[derive(Debug, Clone)]
pub(super) struct Settlement {
    market: Market,
    accounts: Sums,
    /// Places in `accounts`, once they are too many to look through.
    places: BTreeMap<AccountId, usize>,
    /// What bids with a lump have paid out of it.
    paid: BTreeMap<OrderId, i128>,
}

impl Settlement {
    pub(super) fn new(market: Market) -> Self {
        Self::with_room(market, Vec::new())
    }

    /// As [`Settlement::new`], in the room of one before.
    pub(super) fn with_room(market: Market, mut room: Sums) -> Self {
        room.clear();
        Self {
            market,
            accounts: room,
            places: BTreeMap::new(),
            paid: BTreeMap::new(),
        }
    }

    /// The market it is of.
    pub(super) fn market(&self) -> Market {
        self.market
    }

    /// Sets more aside for an account's order, or less.
    pub(super) fn reserve(&mut self, account: AccountId, side: Side, more: i128) {
        self.delta(account).reserve(side, more);
    }

    /// Units of one account go for money of the other, and what is freed of what either had set aside goes with them.
    pub(super) fn swap(
        &mut self,
        (seller, units_freed): (AccountId, i128),
        (buyer, money_freed): (AccountId, i128),
        quantity: Quantity,
        paid: Money,
    ) {
        let (money, units) = (i128::from(paid.0), i128::from(quantity.0));
        let taker = self.delta(buyer);
        taker.trades = true;
        taker.money -= money;
        taker.money_reserved -= money_freed;
        taker.units += units;
        let giver = self.delta(seller);
        giver.trades = true;
        giver.money += money;
        giver.units -= units;
        giver.units_reserved -= units_freed;
    }

    fn delta(&mut self, account: AccountId) -> &mut Delta {
        let few = self.accounts.len() <= FEW;
        let at = if few {
            self.accounts.iter().position(|(id, _)| *id == account)
        } else {
            self.places.get(&account).copied()
        };
        let at = at.unwrap_or_else(|| self.add(account));
        &mut self.accounts[at].1
    }

    fn add(&mut self, account: AccountId) -> usize {
        let at = self.accounts.len();
        self.accounts.push((account, Delta::default()));
        if at == FEW {
            let numbered = self.accounts.iter().zip(0..);
            self.places = numbered.map(|((id, _), at)| (*id, at)).collect();
        } else if at > FEW {
            self.places.insert(account, at);
        }
        at
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
        let (bid, ask, open, reserve) = match taker_side {
            Side::Buy => (taker, maker, trade.taker_open, trade.taker_reserve),
            Side::Sell => (maker, taker, trade.maker_open, trade.maker_reserve),
        };
        let paid = self.market.amount(quantity, price)?;
        let freed = self.freed(bid, reserve, quantity, open, paid)?;
        let (seller, buyer) = (ask.account, bid.account);
        let units = i128::from(quantity.0);
        self.swap((seller, units), (buyer, freed), quantity, paid);
        Ok(Event::Traded {
            instrument: self.market.id,
            buyer: bid.account,
            bid: bid.number,
            seller: ask.account,
            ask: ask.number,
            price,
            quantity,
            amount: paid,
            taker: taker_side,
            auction: trade.auction,
        })
    }

    fn reduce(&mut self, reduced: &Reduced) -> Result<Event, Code> {
        let Reduced {
            id,
            side,
            quantity,
            open,
            reserve,
            reason,
        } = *reduced;
        let freed = match side {
            Side::Sell => i128::from(quantity.0),
            Side::Buy => self.freed(id, reserve, quantity, open, Money::ZERO)?,
        };
        self.reserve(id.account, side, -freed);
        Ok(Event::Reduced {
            instrument: self.market.id,
            account: id.account,
            number: id.number,
            quantity,
            open,
            reason,
        })
    }

    /// What a bid no longer sets aside when it loses so much and `open` is left of it, having paid for what it lost.
    fn freed(
        &mut self,
        bid: OrderId,
        reserve: i64,
        lost: Quantity,
        open: Quantity,
        paid: Money,
    ) -> Result<i128, Code> {
        let paid = i128::from(paid.0);
        match Reserve::of_bid(reserve) {
            Reserve::At(price) => {
                let before = open.checked_add(lost).ok_or(Code::OVERFLOW)?;
                let before = self.market.amount(before, price)?;
                let after = self.market.amount(open, price)?;
                Ok(i128::from(before.0) - i128::from(after.0))
            }
            Reserve::Lump(lump) if open == Quantity::ZERO => {
                let spent = self.paid.remove(&bid).unwrap_or(0);
                Ok(i128::from(lump.0) - spent)
            }
            Reserve::Lump(_) => {
                *self.paid.entry(bid).or_default() += paid;
                Ok(paid)
            }
        }
    }
}

impl Follows for Settlement {
    type In = Exchange;
    type Id = InstrumentId;
    type Market = Market;
    type Order = Order;

    fn id(market: &Market) -> InstrumentId {
        market.id
    }

    fn books(tables: &mut Tables) -> &mut Books {
        &mut tables.books
    }

    fn empty(cx: &mut Cx<'_>, market: &Market, order: Option<&Order>) -> Self {
        let room = cx.tables::<Exchange>().0.books.sums();
        let mut settlement = Self::with_room(*market, room);
        if let Some(order) = order {
            let delta = settlement.delta(order.account);
            delta.slot = Some(order.slot);
            delta.reserve(order.side, order.more);
        }
        settlement
    }

    fn take(&mut self, told: &Told) -> Result<Option<Event>, Code> {
        let instrument = self.market.id;
        Ok(match *told {
            Told::Traded(trade) => Some(self.trade(&trade)?),
            Told::Reduced(reduced) => Some(self.reduce(&reduced)?),
            Told::Amended {
                id,
                price,
                open,
                kept_place,
                ..
            } => Some(Event::Amended {
                instrument,
                account: id.account,
                number: id.number,
                price,
                open,
                kept_place,
            }),
            Told::Wakes { id } => Some(Event::Woke {
                instrument,
                account: id.account,
                number: id.number,
            }),
            Told::Phase(phase) => Some(Event::PhaseSet { instrument, phase }),
            // They follow from what was accepted.
            Told::Rests { .. } | Told::Waits { .. } | Told::Shown { .. } => None,
        })
    }

    fn shut(&mut self, cx: &Cx<'_>) -> Vec<AccountId> {
        let mut shut = Vec::new();
        let others = self.accounts.iter_mut();
        for (id, delta) in others.filter(|(_, delta)| delta.trades && delta.slot.is_none()) {
            delta.slot = account::to_trade(cx, *id, TRADING);
            if delta.slot.is_none() {
                shut.push(*id);
            }
        }
        shut
    }

    fn apply(&self, cx: &mut Cx<'_>) -> Result<(), Code> {
        for (id, delta) in &self.accounts {
            let slot = match delta.slot {
                Some(slot) => slot,
                None => cx.read::<Identity>().find(*id)?,
            };
            if delta.money != 0 || delta.money_reserved != 0 {
                let held = cash::of(cx, *id, slot, self.market.currency);
                let balance = Money(signed(held.balance.0, delta.money)?);
                let reserved = Money(signed(held.reserved.0, delta.money_reserved)?);
                cash::change(cx, *id, slot, self.market.currency, |cash| {
                    cash.balance = balance;
                    cash.reserved = reserved;
                })?;
            }
            if delta.units != 0 || delta.units_reserved != 0 {
                let held = cx.read::<Units>().holding(*id, self.market.id);
                let new = holding::Holding {
                    held: Quantity(unsigned(held.held.0, delta.units)?),
                    reserved: Quantity(unsigned(held.reserved.0, delta.units_reserved)?),
                };
                holding::set(cx, (*id, slot), self.market.id, new)?;
            }
        }
        Ok(())
    }

    fn done(self, cx: &mut Cx<'_>) {
        let books = &mut cx.tables::<Exchange>().0.books;
        books.give_back_sums(self.accounts);
    }
}

/// Whether orders of an account may not trade now.
pub(super) fn is_shut(cx: &Cx<'_>, id: AccountId) -> bool {
    !account::is_active(cx, id, TRADING)
}

fn signed(before: i64, change: i128) -> Result<i64, Code> {
    i64::try_from(i128::from(before) + change).map_err(|_| Code::OVERFLOW)
}

fn unsigned(before: u64, change: i128) -> Result<u64, Code> {
    u64::try_from(i128::from(before) + change).map_err(|_| Code::OVERFLOW)
}
