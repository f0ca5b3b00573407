//! A second, naive exchange: a list of orders searched from end to end, and accounts whose reserved part is counted anew after
//! every command.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::Money as Amount;
use bds_contracts::exchange::event::{Event as Told, Reason};
use bds_contracts::exchange::orders::Event;
use bds_contracts::exchange::orders::call::QuoteEntry;
use bds_contracts::exchange::request::{Amend, Request, Resize, Validity};
use bds_contracts::exchange::slab::{Place, Resting};
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;

use super::model::Model;
use super::{ACCOUNTS, UKA, cost};

/// The second exchange.
#[derive(Clone)]
pub(crate) struct Naive {
    pub(crate) book: Model,
    pub(crate) money: BTreeMap<AccountId, i64>,
    pub(crate) units: BTreeMap<AccountId, u64>,
    pub(crate) blocked: BTreeMap<AccountId, bool>,
    pub(crate) told: Vec<Event>,
}

/// What an open order sets aside, of money or of units.
fn aside(side: Side, open: u64, reserve: i64) -> u64 {
    match side {
        Side::Sell => open,
        Side::Buy if reserve < 0 => reserve.unsigned_abs(),
        Side::Buy => cost(open, reserve) as u64,
    }
}

impl Naive {
    /// Money and units that wait in open orders.
    pub(crate) fn reserved(&self, account: AccountId) -> (i64, u64) {
        let (mut money, mut units) = (0, 0);
        for order in &self.book.orders {
            let order = &order.resting;
            if order.id.account == account {
                let aside = aside(order.side, order.open().0, order.reserve);
                match order.side {
                    Side::Buy => money += aside as i64,
                    Side::Sell => units += aside,
                }
            }
        }
        (money, units)
    }

    fn check_free(&self, account: AccountId, side: Side, more: i64) -> Result<(), Code> {
        let (money, units) = self.reserved(account);
        let (free, code) = match side {
            Side::Buy => (self.money[&account] - money, Code::CASH_TOO_LOW),
            Side::Sell => ((self.units[&account] - units) as i64, Code::BALANCE_TOO_LOW),
        };
        if more > 0 && more > free {
            Err(code)
        } else {
            Ok(())
        }
    }

    /// Does it until no account trades that may not.
    pub(crate) fn run(
        &mut self,
        sender: Option<AccountId>,
        work: impl Fn(&mut Model) -> Result<(), Code>,
    ) -> Result<(), Code> {
        loop {
            let mut tried = self.book.clone();
            tried.events.clear();
            work(&mut tried)?;
            let mut shut = Vec::new();
            for event in &tried.events {
                if let Told::Traded(trade) = event {
                    for account in [trade.maker.account, trade.taker.account] {
                        if Some(account) != sender && self.blocked[&account] {
                            shut.push(account);
                        }
                    }
                }
            }
            shut.sort();
            shut.dedup();
            if shut.is_empty() {
                self.book = tried;
                return Ok(());
            }
            for account in shut {
                self.withdraw(account);
            }
        }
    }

    fn withdraw(&mut self, account: AccountId) {
        self.book.events.clear();
        self.book
            .cancel_all(account, usize::MAX, Reason::AccountShut);
        self.tell();
    }

    /// Books what the book has told.
    pub(crate) fn tell(&mut self) {
        for event in std::mem::take(&mut self.book.events) {
            let said = match event {
                Told::Traded(trade) => {
                    let (bid, ask) = match trade.taker_side {
                        Side::Buy => (trade.taker, trade.maker),
                        Side::Sell => (trade.maker, trade.taker),
                    };
                    let amount = cost(trade.quantity.0, trade.price.0);
                    *self.money.get_mut(&bid.account).unwrap() -= amount;
                    *self.money.get_mut(&ask.account).unwrap() += amount;
                    *self.units.get_mut(&bid.account).unwrap() += trade.quantity.0;
                    *self.units.get_mut(&ask.account).unwrap() -= trade.quantity.0;
                    Event::Traded {
                        instrument: UKA,
                        buyer: bid.account,
                        bid: bid.number,
                        seller: ask.account,
                        ask: ask.number,
                        price: trade.price,
                        quantity: trade.quantity,
                        amount: Amount(amount),
                        taker: trade.taker_side,
                        auction: trade.auction,
                    }
                }
                Told::Reduced(r) => Event::Reduced {
                    instrument: UKA,
                    account: r.id.account,
                    number: r.id.number,
                    quantity: r.quantity,
                    open: r.open,
                    reason: r.reason,
                },
                Told::Amended {
                    id,
                    price,
                    open,
                    kept_place,
                    ..
                } => Event::Amended {
                    instrument: UKA,
                    account: id.account,
                    number: id.number,
                    price,
                    open,
                    kept_place,
                },
                Told::Wakes { id } => Event::Woke {
                    instrument: UKA,
                    account: id.account,
                    number: id.number,
                },
                Told::Phase(phase) => Event::PhaseSet {
                    instrument: UKA,
                    phase,
                },
                Told::Rests { .. } | Told::Waits { .. } | Told::Shown { .. } => continue,
            };
            self.told.push(said);
        }
    }

    pub(crate) fn begin(&mut self, time: u64) {
        self.book.set_time(time).unwrap();
    }

    pub(crate) fn end(&mut self) {
        let open = !self.book.call && !self.book.halted;
        let awake = open && !self.book.in_turn(Place::Awake, Side::Buy).is_empty();
        self.run(None, |book| {
            book.sweep(2_048);
            Ok(())
        })
        .unwrap();
        self.tell();
        if awake {
            self.run(None, |book| {
                book.wake();
                Ok(())
            })
            .unwrap();
            self.tell();
        }
    }

    pub(crate) fn place(&mut self, account: AccountId, request: &Request) -> Result<(), Code> {
        let mut request = *request;
        request.holder = HolderId(account.0);
        request.position = self.units[&account] as i64;
        self.book.check(&request)?;
        request.reserve = match (request.side, request.price, request.budget) {
            (Side::Sell, ..) => 0,
            (Side::Buy, Some(price), _) => price.0,
            (Side::Buy, None, Some(budget)) => -budget.0,
            (Side::Buy, None, None) if request.validity == Validity::GoodAtAuction => 1_000,
            (Side::Buy, None, None) => return Err(Code::MAX_CASH_INVALID),
        };
        let more = aside(request.side, request.quantity.0, request.reserve);
        self.check_free(account, request.side, more as i64)?;
        // A shut account's orders go before the order is accepted, if it goes through.
        let before = self.clone();
        let done = self.run(Some(account), |book| {
            book.place(&request).map(|_| ()).map_err(Code::from)
        });
        if done.is_err() {
            *self = before;
            return done;
        }
        self.told.push(Event::Accepted {
            instrument: UKA,
            account,
            number: request.id.number,
            side: request.side,
            quantity: request.quantity,
            price: request.price,
            trigger: request.trigger,
        });
        self.tell();
        Ok(())
    }

    pub(crate) fn amend(&mut self, amend: &Amend) -> Result<(), Code> {
        let account = amend.id.account;
        let mut amend = *amend;
        amend.position = self.units[&account] as i64;
        // As far as the book is asked, on a copy.
        let mut tried = self.book.clone();
        tried.amend(&amend)?;
        let before: Resting = self.book.orders[self.book.find(amend.id).unwrap()].resting;
        let open = match amend.size {
            None => before.open().0,
            Some(Resize::Open(open)) => open.0,
            Some(Resize::Total(total)) => total.0 - before.filled.0,
        };
        let mut reserve = before.reserve;
        if before.side == Side::Buy && before.price.is_some() {
            reserve = amend.price.or(before.price).unwrap().0;
            amend.reserve = Some(reserve);
        }
        let more = aside(before.side, open, reserve) as i64
            - aside(before.side, before.open().0, before.reserve) as i64;
        self.check_free(account, before.side, more)?;
        self.run(Some(account), |book| {
            book.amend(&amend).map(|_| ()).map_err(Code::from)
        })?;
        self.tell();
        Ok(())
    }

    pub(crate) fn cancel(&mut self, id: OrderId) -> Result<(), Code> {
        self.run(None, |book| book.cancel(id).map(|_| ()).map_err(Code::from))?;
        self.tell();
        Ok(())
    }

    pub(crate) fn quote(&mut self, account: AccountId, quotes: &[QuoteEntry]) -> Result<(), Code> {
        let before = self.clone();
        for ((number, side), (price, quantity)) in quotes {
            let id = OrderId {
                account,
                number: *number,
            };
            let open = self.book.find(id).map(|at| self.book.orders[at].resting);
            let done = match open {
                None => {
                    let request = Request::limit(id, HolderId(0), *side, *price, *quantity);
                    self.place(account, &request)
                }
                Some(order) if order.side != *side => Err(Code::ORDER_NUMBER_USED),
                Some(_) if quantity.0 == 0 => self.cancel(id),
                Some(_) => self.amend(&Amend {
                    id,
                    price: Some(*price),
                    size: Some(Resize::Open(*quantity)),
                    reserve: None,
                    position: 0,
                }),
            };
            if done.is_err() {
                *self = before;
                return done;
            }
        }
        Ok(())
    }

    pub(crate) fn uncross(&mut self) -> Result<(), Code> {
        let before = self.clone();
        if self.book.call && !self.book.halted {
            for (account, _) in ACCOUNTS {
                if self.blocked[&account] {
                    self.withdraw(account);
                }
            }
        }
        let done = self.run(None, |book| {
            book.uncross(None).map(|_| ()).map_err(Code::from)
        });
        if done.is_err() {
            *self = before;
        }
        self.tell();
        done
    }
}
