//! A second, naive hall of sales and block trades: lists that are searched from end to end, what waits counted anew each time, and
//! units handed out lot by lot.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::block::BlockDigest;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::Event;
use bds_contracts::exchange::orders::sale::NotSold;
use bds_contracts::tx::{AccountId, Millis};
use sha2::{Digest as _, Sha512};

use super::super::stage::{ANNA_S, BANK_S, BERT_S, GOVERNMENT, JOINT, MILL, PLANT, Who};
use super::block_trade::Deal;
use super::sale::Terms;
use super::{UKA, cost};

/// Who acts for an account; where there are two, it takes both.
pub(crate) fn people(account: AccountId) -> &'static [Who] {
    match account {
        ANNA_S | PLANT => &[Who::Anna],
        BERT_S | MILL => &[Who::Bert],
        JOINT => &[Who::Anna, Who::Bert],
        BANK_S => &[Who::Bank],
        GOVERNMENT => &[Who::Regulator2],
        other => panic!("{other:?}"),
    }
}

pub(crate) const ALL: [AccountId; 7] = [ANNA_S, BERT_S, JOINT, BANK_S, PLANT, MILL, GOVERNMENT];

/// A bid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NaiveBid {
    pub(crate) sale: u64,
    pub(crate) account: AccountId,
    pub(crate) number: u64,
    pub(crate) quantity: u64,
    pub(crate) price: i64,
}

/// A sale, and in which block it was closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NaiveSale {
    pub(crate) number: u64,
    pub(crate) terms: Terms,
    pub(crate) closed: Option<u64>,
}

/// An order that rests in the book and never trades.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NaiveOrder {
    pub(crate) account: AccountId,
    pub(crate) number: u64,
    pub(crate) side: Side,
    pub(crate) quantity: u64,
    pub(crate) price: i64,
}

/// Least quantity, and lowest and highest price.
type Rule = (u64, Option<(i64, i64)>);

/// The second hall.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hall {
    pub(crate) money: BTreeMap<AccountId, i64>,
    pub(crate) units: BTreeMap<AccountId, u64>,
    pub(crate) sales: Vec<NaiveSale>,
    pub(crate) bids: Vec<NaiveBid>,
    pub(crate) orders: Vec<NaiveOrder>,
    pub(crate) blocked: BTreeSet<AccountId>,
    pub(crate) no_traders: BTreeSet<Who>,
    pub(crate) halted: bool,
    pub(crate) band: Option<(i64, i64)>,
    pub(crate) rule: Option<Rule>,
    pub(crate) now: u64,
    pub(crate) height: u64,
}

impl Hall {
    /// Money and units that wait in bids, orders and sales.
    pub(crate) fn reserved(&self, account: AccountId) -> (i64, u64) {
        let bids = self.bids.iter().filter(|bid| bid.account == account);
        let mut money: i64 = bids.map(|bid| cost(bid.quantity, bid.price)).sum();
        let mut units = 0;
        for order in self.orders.iter().filter(|order| order.account == account) {
            match order.side {
                Side::Buy => money += cost(order.quantity, order.price),
                Side::Sell => units += order.quantity,
            }
        }
        let sales = self.sales.iter().filter(|s| s.terms.account == account);
        units += sales.map(|sale| sale.terms.volume).sum::<u64>();
        (money, units)
    }

    fn free_money(&self, account: AccountId) -> i64 {
        self.money[&account] - self.reserved(account).0
    }

    fn free_units(&self, account: AccountId) -> u64 {
        self.units[&account] - self.reserved(account).1
    }

    fn is_trader(&self, who: Who) -> bool {
        let trades = [Who::Anna, Who::Bert, Who::Bank].contains(&who);
        trades && !self.no_traders.contains(&who)
    }

    fn is_shut(&self, account: AccountId) -> bool {
        let mut people = people(account).iter();
        self.blocked.contains(&account) || !people.any(|who| self.is_trader(*who))
    }

    fn to_trade(&self, who: Who, account: AccountId) -> Result<(), Code> {
        if !self.is_trader(who) {
            Err(Code::WRONG_ROLE)
        } else if !people(account).contains(&who) {
            Err(Code::NOT_REPRESENTATIVE)
        } else {
            Ok(())
        }
    }

    fn to_move(&self, who: Who, account: AccountId) -> Result<(), Code> {
        self.to_trade(who, account)?;
        if self.blocked.contains(&account) {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        Ok(())
    }

    fn sale(&self, number: u64) -> Result<NaiveSale, Code> {
        let found = self.sales.iter().find(|sale| sale.number == number);
        found.copied().ok_or(Code::UNKNOWN_SALE)
    }

    /// Begins a block: what each piece of work that is due tells.
    pub(crate) fn begin(&mut self, height: u64, now: u64, digest: BlockDigest) -> Vec<Vec<Event>> {
        (self.height, self.now) = (height, now);
        let mut told = Vec::new();
        for sale in self.sales.clone() {
            match sale.closed {
                Some(at) if at < height => told.push(self.clear(sale, digest)),
                None if sale.terms.closes <= now => {
                    let mut sales = self.sales.iter_mut();
                    let found = sales.find(|other| other.number == sale.number);
                    found.unwrap().closed = Some(height);
                    told.push(vec![Event::SaleClosed { sale: sale.number }]);
                }
                _ => {}
            }
        }
        told
    }

    fn clear(&mut self, sale: NaiveSale, digest: BlockDigest) -> Vec<Event> {
        let NaiveSale { number, terms, .. } = sale;
        let of_sale = |bid: &&NaiveBid| bid.sale == number;
        let mut bids: Vec<NaiveBid> = self.bids.iter().filter(of_sale).copied().collect();
        self.bids.retain(|bid| bid.sale != number);
        self.sales.retain(|other| other.number != number);
        bids.sort_by_key(|bid| (bid.account, bid.number));
        let mut told = Vec::new();
        for bid in &bids {
            if self.is_shut(bid.account) {
                told.push(Event::BidShut {
                    sale: number,
                    account: bid.account,
                    number: bid.number,
                });
            }
        }
        bids.retain(|bid| !self.is_shut(bid.account));
        // By chance first and then by price: a sort that keeps the order of equals.
        bids.sort_by_key(|bid| {
            let mut hash = Sha512::new();
            hash.update(number.to_le_bytes());
            hash.update(digest.0);
            hash.update(bid.account.0.to_le_bytes());
            hash.update(bid.number.to_le_bytes());
            hash.finalize().to_vec()
        });
        bids.sort_by_key(|bid| -bid.price);

        // Lot by lot to the first that still wants one.
        let mut won = vec![0; bids.len()];
        let mut last = None;
        for _ in 0..terms.volume / terms.lot {
            last = (0..bids.len()).find(|at| won[*at] < bids[*at].quantity);
            if let Some(at) = last {
                won[at] += terms.lot;
            }
        }
        let price = match last {
            None => Err(NotSold::TooLittleDemand),
            Some(at) if bids[at].price < terms.reserve => Err(NotSold::BelowReserve),
            Some(at) => Ok(bids[at].price),
        };
        let price = if self.blocked.contains(&terms.account) {
            Err(NotSold::SellerShut)
        } else {
            price
        };
        let mut all = 0;
        let mut each = Vec::new();
        for (bid, won) in bids.iter().zip(won) {
            match price {
                Ok(price) if won > 0 => {
                    let paid = cost(won, price);
                    all += paid;
                    self.pay(bid.account, terms.account, paid, won);
                    each.push(Event::BidWon {
                        sale: number,
                        instrument: UKA,
                        account: bid.account,
                        number: bid.number,
                        quantity: Quantity(won),
                        price: Price(price),
                        amount: Amount(paid),
                    });
                }
                _ => each.push(Event::BidLost {
                    sale: number,
                    account: bid.account,
                    number: bid.number,
                }),
            }
        }
        told.push(match price {
            Ok(price) => Event::SaleCleared {
                sale: number,
                seller: terms.account,
                instrument: UKA,
                volume: Quantity(terms.volume),
                price: Price(price),
                amount: Amount(all),
            },
            Err(reason) => Event::SaleCancelled {
                sale: number,
                seller: terms.account,
                instrument: UKA,
                reason,
            },
        });
        told.extend(each);
        told
    }

    fn pay(&mut self, buyer: AccountId, seller: AccountId, money: i64, units: u64) {
        *self.money.get_mut(&buyer).unwrap() -= money;
        *self.money.get_mut(&seller).unwrap() += money;
        *self.units.get_mut(&buyer).unwrap() += units;
        *self.units.get_mut(&seller).unwrap() -= units;
    }

    /// `number` is what the ledger gave it, if it did.
    pub(crate) fn open(&mut self, terms: Terms, number: Option<u64>) -> Result<Vec<Event>, Code> {
        if self.blocked.contains(&terms.account) {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        let Terms {
            volume,
            opens,
            closes,
            ..
        } = terms;
        if opens >= closes || closes <= self.now || !volume.is_multiple_of(terms.lot) {
            return Err(Code::RULE_INVALID);
        }
        if self.free_units(terms.account) < volume {
            return Err(Code::BALANCE_TOO_LOW);
        }
        let number = number.expect("the ledger opened it");
        self.sales.push(NaiveSale {
            number,
            terms,
            closed: None,
        });
        Ok(vec![Event::SaleOpened {
            sale: number,
            seller: terms.account,
            instrument: UKA,
            volume: Quantity(volume),
            lot: Quantity(terms.lot),
            opens: Millis(opens),
            closes: Millis(closes),
        }])
    }

    fn check_bid(&self, sale: &NaiveSale, bid: &NaiveBid) -> Result<(), Code> {
        if self.now < sale.terms.opens || self.now >= sale.terms.closes {
            Err(Code::AUCTION_CLOSED)
        } else if bid.quantity == 0 {
            Err(Code::QUANTITY_ZERO)
        } else if !bid.quantity.is_multiple_of(sale.terms.lot) {
            Err(Code::QUANTITY_NOT_LOT)
        } else if bid.quantity > sale.terms.account_max {
            Err(Code::QUANTITY_TOO_LARGE)
        } else if bid.price <= 0 {
            Err(Code::PRICE_INVALID)
        } else {
            Ok(())
        }
    }

    fn place(&self, bid: &NaiveBid) -> Option<usize> {
        self.bids.iter().position(|other| {
            (other.sale, other.account, other.number) == (bid.sale, bid.account, bid.number)
        })
    }

    /// Places a bid, or changes it.
    pub(crate) fn bid(
        &mut self,
        who: Who,
        new: NaiveBid,
        change: bool,
        endorsed: bool,
    ) -> Result<Vec<Event>, Code> {
        self.to_move(who, new.account)?;
        let sale = self.sale(new.sale)?;
        self.check_bid(&sale, &new)?;
        let old = self.place(&new);
        let others = |bid: &&NaiveBid| {
            bid.sale == new.sale && bid.account == new.account && bid.number != new.number
        };
        let own: Vec<u64> = self
            .bids
            .iter()
            .filter(others)
            .map(|bid| bid.quantity)
            .collect();
        if change {
            old.ok_or(Code::UNKNOWN_BID)?;
        } else {
            let all = self.bids.iter().filter(|bid| bid.sale == new.sale).count();
            if old.is_some() {
                return Err(Code::BID_NUMBER_USED);
            }
            if all >= sale.terms.bids_max as usize {
                return Err(Code::BOOK_FULL);
            }
            if own.len() >= sale.terms.account_bids_max as usize {
                return Err(Code::ORDER_LIMIT);
            }
        }
        if own.iter().sum::<u64>() + new.quantity > sale.terms.account_max {
            return Err(Code::POSITION_LIMIT);
        }
        let before = old.map_or(0, |at| cost(self.bids[at].quantity, self.bids[at].price));
        let more = cost(new.quantity, new.price) - before;
        if more > 0 && more > self.free_money(new.account) {
            return Err(Code::CASH_TOO_LOW);
        }
        if people(new.account).len() > 1 && !endorsed {
            return Err(Code::NOT_ENDORSED);
        }
        let NaiveBid {
            sale,
            account,
            number,
            ..
        } = new;
        if let Some(at) = old {
            self.bids[at] = new;
            return Ok(vec![Event::BidChanged {
                sale,
                account,
                number,
            }]);
        }
        self.bids.push(new);
        Ok(vec![Event::BidPlaced {
            sale,
            account,
            number,
        }])
    }

    pub(crate) fn withdraw(&mut self, who: Who, bid: &NaiveBid) -> Result<Vec<Event>, Code> {
        self.to_trade(who, bid.account)?;
        let sale = self.sale(bid.sale)?;
        if self.now < sale.terms.opens || self.now >= sale.terms.closes {
            return Err(Code::AUCTION_CLOSED);
        }
        let at = self.place(bid).ok_or(Code::UNKNOWN_BID)?;
        self.bids.remove(at);
        Ok(vec![Event::BidWithdrawn {
            sale: bid.sale,
            account: bid.account,
            number: bid.number,
        }])
    }

    /// An order that nothing meets.
    pub(crate) fn order(&mut self, who: Who, order: NaiveOrder) -> Result<Vec<Event>, Code> {
        self.to_move(who, order.account)?;
        if self.halted {
            return Err(Code::MARKET_HALTED);
        }
        let outside = |(low, high)| order.price < low || order.price > high;
        if self.band.is_some_and(outside) {
            return Err(Code::OUTSIDE_PRICE_BAND);
        }
        match order.side {
            Side::Buy if cost(order.quantity, order.price) > self.free_money(order.account) => {
                return Err(Code::CASH_TOO_LOW);
            }
            Side::Sell if order.quantity > self.free_units(order.account) => {
                return Err(Code::BALANCE_TOO_LOW);
            }
            _ => self.orders.push(order),
        }
        Ok(vec![Event::Accepted {
            instrument: UKA,
            account: order.account,
            number: order.number,
            side: order.side,
            quantity: Quantity(order.quantity),
            price: Some(Price(order.price)),
            trigger: None,
        }])
    }

    /// A block trade; `endorsers` of this very call.
    pub(crate) fn trade(
        &mut self,
        who: Who,
        deal: Deal,
        endorsers: &BTreeSet<Who>,
    ) -> Result<Vec<Event>, Code> {
        let Deal {
            seller,
            buyer,
            quantity,
            price,
            ..
        } = deal;
        if !self.is_trader(who) {
            return Err(Code::WRONG_ROLE);
        }
        let (own, other) = match (people(seller).contains(&who), people(buyer).contains(&who)) {
            (true, _) => (seller, buyer),
            (false, true) => (buyer, seller),
            (false, false) => return Err(Code::NOT_REPRESENTATIVE),
        };
        if self.blocked.contains(&seller) || self.blocked.contains(&buyer) {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        if seller == buyer {
            return Err(Code::SAME_HOLDER);
        }
        let (least, band) = self.rule.ok_or(Code::BLOCK_NOT_ALLOWED)?;
        if self.halted {
            return Err(Code::MARKET_HALTED);
        }
        if !quantity.is_multiple_of(5) {
            return Err(Code::QUANTITY_NOT_LOT);
        }
        if quantity < least {
            return Err(Code::BLOCK_TOO_SMALL);
        }
        let outside = |(low, high)| price < low || price > high;
        let outside = match band {
            Some(band) => outside(band),
            None => self.band.is_some_and(outside),
        };
        if outside {
            return Err(Code::OUTSIDE_PRICE_BAND);
        }
        if quantity > self.free_units(seller) {
            return Err(Code::BALANCE_TOO_LOW);
        }
        let amount = cost(quantity, price);
        if amount > self.free_money(buyer) {
            return Err(Code::CASH_TOO_LOW);
        }
        // Every way of giving each endorser to one side, or to none.
        let able: Vec<Who> = endorsers.iter().copied().filter(|e| *e != who).collect();
        let ways = 3_usize.pow(able.len() as u32);
        let agreed = (0..ways).any(|way| {
            let given = |side: usize| -> Vec<Who> {
                let of = |at: usize| way / 3_usize.pow(at as u32) % 3 == side;
                let all = able.iter().enumerate().filter(|(at, _)| of(*at));
                all.map(|(_, who)| *who).collect()
            };
            let (for_own, for_other) = (given(1), given(2));
            for_own.iter().all(|who| people(own).contains(who))
                && for_own.len() == people(own).len() - 1
                && for_other.iter().all(|who| people(other).contains(who))
                && for_other.len() == people(other).len()
                && for_other.iter().any(|who| self.is_trader(*who))
        });
        if !agreed {
            return Err(Code::NOT_ENDORSED);
        }
        self.pay(buyer, seller, amount, quantity);
        Ok(vec![Event::BlockTraded {
            instrument: UKA,
            seller,
            buyer,
            quantity: Quantity(quantity),
            price: Price(price),
            amount: Amount(amount),
        }])
    }
}
