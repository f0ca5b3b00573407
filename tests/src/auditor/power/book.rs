//! The book of an interval as a list of orders that is looked through from end to end, and what each order sets aside.

use super::{BUY, SELL, cost};

/// How an order stands: until the gate, only now, only whole.
pub(super) const UNTIL_GATE: u8 = 0;
pub(super) const AT_ONCE: u8 = 1;
pub(super) const WHOLE: u8 = 2;
/// Which order gives way where two of one holder meet.
const DECREMENT: u8 = 0;
const NEWEST: u8 = 1;
const OLDEST: u8 = 2;
/// Why an order lost energy, as events name it.
pub(super) const CANCELLED: u8 = 0;
const SELF_TRADE: u8 = 1;
const NOTHING_TO_TRADE: u8 = 2;
const MAKERS_BOUND: u8 = 3;
pub(super) const EXPIRED: u8 = 4;
pub(super) const ACCOUNT_SHUT: u8 = 8;

/// Account and number.
pub(in super::super) type Id = (u64, u64);

/// An open order.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Open {
    pub(in super::super) id: Id,
    pub(in super::super) holder: u64,
    pub(in super::super) side: u8,
    pub(in super::super) price: i128,
    pub(in super::super) open: i128,
    pub(in super::super) shown: i128,
    pub(in super::super) filled: i128,
    pub(in super::super) display: Option<i128>,
    pub(in super::super) prevention: u8,
    /// Lower is older.
    pub(in super::super) age: u64,
}

/// What comes of a command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Traded {
        bid: Id,
        ask: Id,
        price: i128,
        energy: i128,
        taker: u8,
    },
    Lost {
        id: Id,
        energy: i128,
        open: i128,
        reason: u8,
    },
}

/// A book.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Orders {
    pub(in super::super) all: Vec<Open>,
    age: u64,
}

impl Open {
    /// The price at which it pays most, for a watt hour; zero where it pays at none.
    pub(in super::super) fn worst(&self) -> i128 {
        match self.side {
            BUY => self.price.max(0),
            _ => (-self.price).max(0),
        }
    }

    pub(super) fn aside(&self) -> i128 {
        cost(self.open, self.worst())
    }

    fn show(&mut self) {
        self.shown = self.display.map_or(self.open, |most| most.min(self.open));
    }

    fn takes(&self, price: i128) -> bool {
        match self.side {
            BUY => price <= self.price,
            _ => price >= self.price,
        }
    }
}

impl Orders {
    pub(in super::super) fn find(&self, id: Id) -> Option<&Open> {
        self.all.iter().find(|one| one.id == id)
    }

    pub(super) fn of(&self, account: u64) -> Vec<Id> {
        let own = self.all.iter().filter(|one| one.id.0 == account);
        let mut own: Vec<Id> = own.map(|one| one.id).collect();
        own.sort_unstable();
        own
    }

    fn next_age(&mut self) -> u64 {
        self.age += 1;
        self.age
    }

    /// What trades next with an order.
    fn best(&self, taker: &Open) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, one) in self.all.iter().enumerate() {
            if one.side == taker.side || !taker.takes(one.price) {
                continue;
            }
            let key = |one: &Open| {
                let sign = if one.side == SELL { 1 } else { -1 };
                (sign * one.price, one.age)
            };
            if best.is_none_or(|best| key(one) < key(&self.all[best])) {
                best = Some(at);
            }
        }
        best
    }

    /// A resting order lost so much of what it shows; what is open of it then.
    fn lose(&mut self, at: usize, energy: i128, filled: bool) -> i128 {
        let one = &mut self.all[at];
        one.open -= energy;
        one.shown -= energy;
        if filled {
            one.filled += energy;
        }
        let (open, shown) = (one.open, one.shown);
        if open == 0 {
            self.all.remove(at);
        } else if shown == 0 {
            let age = self.next_age();
            self.all[at].show();
            self.all[at].age = age;
        }
        open
    }

    /// Lets an order trade with what is there, so many others at most.
    fn trade(&mut self, taker: &mut Open, makers_max: u32, told: &mut Vec<Told>) {
        let mut met = 0;
        while taker.open > 0 {
            let Some(at) = self.best(taker) else {
                break;
            };
            if met == makers_max {
                cut(taker, taker.open, MAKERS_BOUND, told);
                break;
            }
            met += 1;
            let maker = self.all[at];
            let energy = taker.open.min(maker.shown);
            if maker.holder == taker.holder {
                self.meet_own(taker, at, energy, told);
                continue;
            }
            self.lose(at, energy, true);
            taker.open -= energy;
            taker.filled += energy;
            let (bid, ask) = match taker.side {
                BUY => (taker.id, maker.id),
                _ => (maker.id, taker.id),
            };
            told.push(Told::Traded {
                bid,
                ask,
                price: maker.price,
                energy,
                taker: taker.side,
            });
        }
    }

    fn meet_own(&mut self, taker: &mut Open, at: usize, energy: i128, told: &mut Vec<Told>) {
        let id = self.all[at].id;
        match taker.prevention {
            DECREMENT => {
                let open = self.lose(at, energy, false);
                told.push(Told::Lost {
                    id,
                    energy,
                    open,
                    reason: SELF_TRADE,
                });
                cut(taker, energy, SELF_TRADE, told);
            }
            NEWEST => cut(taker, taker.open, SELF_TRADE, told),
            OLDEST => self.take_out(id, SELF_TRADE, told),
            _ => {
                self.take_out(id, SELF_TRADE, told);
                cut(taker, taker.open, SELF_TRADE, told);
            }
        }
    }

    pub(super) fn take_out(&mut self, id: Id, reason: u8, told: &mut Vec<Told>) {
        let Some(at) = self.all.iter().position(|one| one.id == id) else {
            return;
        };
        let energy = self.all.remove(at).open;
        told.push(Told::Lost {
            id,
            energy,
            open: 0,
            reason,
        });
    }

    /// A new order; whether it stands as it should.
    pub(super) fn place(
        &mut self,
        new: Open,
        standing: u8,
        makers_max: u32,
        told: &mut Vec<Told>,
    ) -> bool {
        let mut taker = new;
        self.trade(&mut taker, makers_max, told);
        let left = taker.open;
        match standing {
            WHOLE => return taker.filled == new.open,
            AT_ONCE if left > 0 => cut(&mut taker, left, NOTHING_TO_TRADE, told),
            UNTIL_GATE if left > 0 => self.rest(taker),
            _ => {}
        }
        true
    }

    fn rest(&mut self, taker: Open) {
        let age = self.next_age();
        let mut one = Open { age, ..taker };
        one.show();
        self.all.push(one);
    }

    /// An order has another price or size; whether it kept its place. It is there.
    pub(super) fn amend(
        &mut self,
        id: Id,
        (price, open): (i128, i128),
        makers_max: u32,
        told: &mut Vec<Told>,
    ) -> bool {
        let Some(at) = self.all.iter().position(|one| one.id == id) else {
            return false;
        };
        let one = &mut self.all[at];
        if price == one.price && open <= one.open {
            one.open = open;
            one.shown = one.shown.min(open);
            return true;
        }
        let mut taker = self.all.remove(at);
        (taker.price, taker.open) = (price, open);
        self.trade(&mut taker, makers_max, told);
        if taker.open > 0 {
            self.rest(taker);
        }
        false
    }
}

fn cut(taker: &mut Open, energy: i128, reason: u8, told: &mut Vec<Told>) {
    taker.open -= energy;
    told.push(Told::Lost {
        id: taker.id,
        energy,
        open: taker.open,
        reason,
    });
}
