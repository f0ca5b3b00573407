//! A second implementation: orders in one list, looked through from end to end each time, and sums of money and energy.

use std::collections::{BTreeMap, BTreeSet};

/// An open order. Energy in watt hours, prices in ten-thousandths of the currency a megawatt hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) interval: u8,
    pub(super) account: u64,
    pub(super) number: u64,
    pub(super) sells: bool,
    pub(super) price: i128,
    pub(super) open: i128,
    /// What others see of it.
    pub(super) shown: i128,
    pub(super) display: Option<i128>,
    /// Lower is older.
    pub(super) age: u64,
}

/// How a new order stands: until the gate, only now, or only whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    On,
    Now,
    Whole,
}

/// Whom it spares when it meets its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    Less,
    Newest,
    Oldest,
    Both,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    Closed,
    AccountFull,
    NumberUsed,
    BookFull,
    TooPoor,
    NotWhole,
    Unknown,
    /// The account may not trade.
    Shut,
    /// It may, so nobody else withdraws its orders.
    Active,
}

#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) makers_max: usize,
    pub(super) orders_max: usize,
    pub(super) account_max: usize,
    pub(super) orders: Vec<Open>,
    pub(super) money: BTreeMap<u64, i128>,
    /// Bought, sold and got, by account and interval.
    pub(super) positions: BTreeMap<(u64, u8), (i128, i128, i128)>,
    pub(super) closed: Vec<u8>,
    /// Accounts that may not trade.
    pub(super) shut: BTreeSet<u64>,
    /// Of those, the ones that the running order traded with.
    met_shut: BTreeSet<u64>,
    /// Intervals that an order was ever placed in to stay.
    begun: Vec<u8>,
    pub(super) trades: usize,
    pub(super) below_zero: usize,
    age: u64,
}

/// Cut at the decimal point, whatever its sign.
fn worth(energy: i128, price: i128) -> i128 {
    energy * price / 10_000
}

impl Open {
    /// The most that what is open of it can cost.
    fn most(&self) -> i128 {
        let paid = if self.sells { -self.price } else { self.price };
        if paid > 0 { worth(self.open, paid) } else { 0 }
    }

    fn show(&mut self) {
        self.shown = match self.display {
            Some(display) if display < self.open => display,
            _ => self.open,
        };
    }
}

impl Market {
    pub(super) fn new(
        bounds: (usize, usize, usize),
        money: impl IntoIterator<Item = (u64, i128)>,
    ) -> Self {
        let (makers_max, orders_max, account_max) = bounds;
        Self {
            makers_max,
            orders_max,
            account_max,
            orders: Vec::new(),
            money: money.into_iter().collect(),
            positions: BTreeMap::new(),
            closed: Vec::new(),
            shut: BTreeSet::new(),
            met_shut: BTreeSet::new(),
            begun: Vec::new(),
            trades: 0,
            below_zero: 0,
            age: 0,
        }
    }

    pub(super) fn aside(&self, account: u64) -> i128 {
        let own = self.orders.iter().filter(|one| one.account == account);
        own.map(Open::most).sum()
    }

    fn place_of(&self, interval: u8, account: u64, number: u64) -> Option<usize> {
        self.orders
            .iter()
            .position(|one| (one.interval, one.account, one.number) == (interval, account, number))
    }

    fn next_age(&mut self) -> u64 {
        self.age += 1;
        self.age
    }

    /// The one of the other side that trades next with an order that takes this price.
    fn next(&self, new: &Open) -> Option<usize> {
        let others = (0..self.orders.len()).filter(|at| {
            let one = &self.orders[*at];
            let reaches = if new.sells {
                one.price >= new.price
            } else {
                one.price <= new.price
            };
            one.interval == new.interval && one.sells != new.sells && reaches
        });
        others.min_by_key(|at| {
            let one = &self.orders[*at];
            let worse = if one.sells { one.price } else { -one.price };
            (worse, one.age)
        })
    }

    /// Takes from what a resting order shows; at nothing it goes, or shows more and is the youngest.
    fn take(&mut self, at: usize, energy: i128) {
        let one = &mut self.orders[at];
        one.open -= energy;
        one.shown -= energy;
        if one.open == 0 {
            self.orders.remove(at);
        } else if one.shown == 0 {
            one.show();
            let age = self.next_age();
            self.orders[at].age = age;
        }
    }

    fn book(&mut self, account: u64, interval: u8, bought: i128, sold: i128, got: i128) {
        *self.money.entry(account).or_default() += got;
        let position = self.positions.entry((account, interval)).or_default();
        position.0 += bought;
        position.1 += sold;
        position.2 += got;
    }

    /// Lets an order trade; how much traded.
    fn run(&mut self, new: &mut Open, own: Own) -> i128 {
        let mut traded = 0;
        let mut met = 0;
        while new.open > 0 {
            let Some(at) = self.next(new) else {
                break;
            };
            if met == self.makers_max {
                new.open = 0;
                break;
            }
            met += 1;
            let other = self.orders[at].clone();
            if other.account == new.account {
                match own {
                    Own::Less => {
                        let energy = new.open.min(other.shown);
                        self.take(at, energy);
                        new.open -= energy;
                    }
                    Own::Newest => new.open = 0,
                    Own::Oldest => {
                        self.orders.remove(at);
                    }
                    Own::Both => {
                        self.orders.remove(at);
                        new.open = 0;
                    }
                }
                continue;
            }
            if self.shut.contains(&other.account) {
                self.met_shut.insert(other.account);
            }
            let energy = new.open.min(other.shown);
            let paid = worth(energy, other.price);
            let (buyer, seller) = if new.sells {
                (other.account, new.account)
            } else {
                (new.account, other.account)
            };
            self.book(buyer, new.interval, energy, 0, -paid);
            self.book(seller, new.interval, 0, energy, paid);
            self.take(at, energy);
            new.open -= energy;
            traded += energy;
            self.trades += 1;
            self.below_zero += usize::from(paid < 0);
        }
        traded
    }

    /// Does what lets an order in. Whoever it trades with and may not trade loses its orders in this interval, and it is done again as if
    /// nothing had been but that.
    fn enter<T>(
        &mut self,
        interval: u8,
        enter: impl Fn(&mut Self) -> Result<T, No>,
    ) -> Result<T, No> {
        let mut before = self.clone();
        loop {
            let mut after = before.clone();
            let done = enter(&mut after)?;
            if after.met_shut.is_empty() {
                *self = after;
                return Ok(done);
            }
            let shut = after.met_shut;
            before
                .orders
                .retain(|one| one.interval != interval || !shut.contains(&one.account));
        }
    }

    pub(super) fn place(&mut self, new: &Open, stands: Stands, own: Own) -> Result<(), No> {
        if self.shut.contains(&new.account) {
            return Err(No::Shut);
        }
        if self.closed.contains(&new.interval) {
            return Err(No::Closed);
        }
        let of_account = self.orders.iter().filter(|one| one.account == new.account);
        if stands == Stands::On && of_account.count() >= self.account_max {
            return Err(No::AccountFull);
        }
        if self
            .place_of(new.interval, new.account, new.number)
            .is_some()
        {
            return Err(No::NumberUsed);
        }
        let here = self
            .orders
            .iter()
            .filter(|one| one.interval == new.interval);
        if stands == Stands::On && here.count() >= self.orders_max {
            return Err(No::BookFull);
        }
        if stands != Stands::On && !self.begun.contains(&new.interval) {
            return Err(No::NotWhole);
        }
        if new.most() > 0 && new.most() > self.money[&new.account] - self.aside(new.account) {
            return Err(No::TooPoor);
        }
        self.enter(new.interval, |after| {
            after.begun.push(new.interval);
            let mut left = new.clone();
            let traded = after.run(&mut left, own);
            if stands == Stands::Whole && traded != new.open {
                return Err(No::NotWhole);
            }
            if stands == Stands::On && left.open > 0 {
                left.show();
                left.age = after.next_age();
                after.orders.push(left);
            }
            Ok(())
        })
    }

    pub(super) fn amend(
        &mut self,
        (interval, account, number): (u8, u64, u64),
        price: Option<i128>,
        open: Option<i128>,
        own: Own,
    ) -> Result<(), No> {
        if self.shut.contains(&account) {
            return Err(No::Shut);
        }
        if self.closed.contains(&interval) {
            return Err(No::Closed);
        }
        let at = self.place_of(interval, account, number);
        let at = at.ok_or(No::Unknown)?;
        let before = self.orders[at].clone();
        let mut new = before.clone();
        new.price = price.unwrap_or(new.price);
        new.open = open.unwrap_or(new.open);
        let more = new.most() - before.most();
        if more > 0 && more > self.money[&account] - self.aside(account) {
            return Err(No::TooPoor);
        }
        if new.price == before.price && new.open <= before.open {
            // What nobody sees goes first.
            new.shown = new.shown.min(new.open);
            self.orders[at] = new;
            return Ok(());
        }
        self.enter(interval, |after| {
            let at = after.place_of(interval, account, number);
            after.orders.remove(at.expect("its account may trade"));
            let mut new = new.clone();
            after.run(&mut new, own);
            if new.open > 0 {
                new.show();
                new.age = after.next_age();
                after.orders.push(new);
            }
            Ok(())
        })
    }

    pub(super) fn cancel(&mut self, interval: u8, account: u64, number: u64) -> Result<(), No> {
        let at = self.place_of(interval, account, number);
        self.orders.remove(at.ok_or(No::Unknown)?);
        Ok(())
    }

    pub(super) fn cancel_all(&mut self, account: u64, only: Option<u8>) {
        let goes = |one: &Open| one.account == account && only.is_none_or(|it| it == one.interval);
        self.orders.retain(|one| !goes(one));
    }

    pub(super) fn withdraw_all(&mut self, account: u64, only: Option<u8>) -> Result<(), No> {
        if !self.shut.contains(&account) {
            return Err(No::Active);
        }
        self.cancel_all(account, only);
        Ok(())
    }

    pub(super) fn close(&mut self, interval: u8) {
        self.closed.push(interval);
        self.orders.retain(|one| one.interval != interval);
    }
}
