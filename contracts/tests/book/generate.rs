//! Random and adversarial commands: few accounts, few numbers, few prices, so that everything meets everything.

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity, Terms};
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::request::{Amend, Prevention, Quote, Request, Resize, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::{AccountId, Millis};

use crate::model::money;

/// One command of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Place(Request),
    Cancel(OrderId),
    Amend(Amend),
    CancelAll(AccountId, usize),
    Quote(AccountId, HolderId, i64, Vec<Quote>),
    Kill(AccountId, usize),
    Revive(AccountId, usize),
    Halt,
    Resume,
    OpenCall,
    Uncross(Option<Price>),
    Band(Option<Band>),
    Time(u64),
    EndSession,
    Sweep(usize),
    Wake,
}

#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A market to test, and what its commands look like.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub(crate) name: &'static str,
    pub(crate) rules: Rules,
    pub(crate) self_trades: bool,
    pub(crate) accounts: u64,
    pub(crate) numbers: u64,
    /// Prices lie around these.
    pub(crate) centres: &'static [i64],
    pub(crate) ticks: u64,
    pub(crate) lots: u64,
    /// Whether there are calls, for which every tick of the range is tried.
    pub(crate) calls: bool,
    /// Whether market bids have bounds on money.
    pub(crate) budgets: bool,
}

/// The markets: tight limits, lots and ticks with negative prices, the whole range of integers, self-trades.
pub(crate) fn markets() -> Vec<Market> {
    let tight = Market {
        name: "tight",
        rules: Rules {
            price_max: Price(140),
            quantity_max: Quantity(300),
            makers_max: 5,
            orders_max: 40,
            account_orders_max: 8,
            stops_max: 8,
            wakes_max: 2,
            long_max: Some(Quantity(90)),
            short_max: Some(Quantity(90)),
            messages_max: Some(12),
            window: 50,
            ..Rules::PLAIN
        },
        self_trades: false,
        accounts: 6,
        numbers: 25,
        centres: &[100],
        ticks: 12,
        lots: 20,
        calls: true,
        budgets: true,
    };
    let stepped = Market {
        name: "stepped",
        rules: Rules {
            terms: Terms {
                units_per_contract: 1_000,
                step_value: 7,
                lot: 10,
            },
            tick: 5,
            price_min: Price(-63),
            price_max: Price(72),
            orders_max: 50,
            ..Rules::PLAIN
        },
        centres: &[0, 20],
        ticks: 8,
        ..tight.clone()
    };
    let wide = Market {
        name: "wide",
        rules: Rules {
            price_min: Price(i64::MIN + 1),
            orders_max: 60,
            ..Rules::PLAIN
        },
        centres: &[
            0,
            0,
            0,
            0,
            700,
            1_500,
            -1_500,
            1_000_000,
            i64::MAX - 20,
            i64::MIN + 20,
        ],
        ticks: 15,
        calls: false,
        budgets: false,
        ..tight.clone()
    };
    let replay = Market {
        name: "self-trades",
        self_trades: true,
        rules: Rules {
            price_max: Price(150),
            orders_max: 60,
            ..Rules::PLAIN
        },
        ..tight.clone()
    };
    vec![tight, stepped, wide, replay]
}

impl Market {
    fn account(&self, random: &mut Random) -> AccountId {
        AccountId(random.below(self.accounts))
    }

    fn id(&self, random: &mut Random) -> OrderId {
        OrderId {
            account: self.account(random),
            number: random.below(self.numbers),
        }
    }

    /// Two accounts a holder.
    fn holder(account: AccountId) -> HolderId {
        HolderId(account.0 / 2)
    }

    fn price(&self, random: &mut Random) -> Price {
        if random.one_in(150) {
            return Price(random.pick(&[0, -1, 1, i64::MAX, i64::MIN, i64::MIN + 1]));
        }
        let away = random.below(2 * self.ticks + 1) as i64 - self.ticks as i64;
        let tick = if random.one_in(50) {
            1
        } else {
            self.rules.tick
        };
        Price(
            random
                .pick(self.centres)
                .wrapping_add(away.wrapping_mul(tick)),
        )
    }

    fn quantity(&self, random: &mut Random) -> Quantity {
        if random.one_in(80) {
            return Quantity(random.pick(&[0, 1, u64::MAX, u64::MAX - 1, u64::MAX / 2, 301]));
        }
        Quantity((1 + random.below(self.lots)) * self.rules.terms.lot)
    }

    fn position(&self, random: &mut Random) -> i64 {
        match random.below(60) {
            0 => random.pick(&[i64::MIN, i64::MAX]),
            _ => random.below(41) as i64 - 20,
        }
    }

    fn request(&self, random: &mut Random, now: u64) -> Request {
        let id = self.id(random);
        let side = random.pick(&[Side::Buy, Side::Sell]);
        let price = self.price(random);
        let mut request = Request::limit(
            id,
            Self::holder(id.account),
            side,
            price,
            self.quantity(random),
        );
        request.reserve = random.below(1_000) as i64 - 500;
        request.position = self.position(random);
        request.prevention = random.pick(&[
            Prevention::DecrementAndCancel,
            Prevention::CancelNewest,
            Prevention::CancelOldest,
            Prevention::CancelBoth,
        ]);
        let later = Validity::GoodTillDate(Millis((now + random.below(60)).saturating_sub(3)));
        request.validity = match random.below(20) {
            0..8 => Validity::GoodTillCancelled,
            8..11 => later,
            11..14 => Validity::Day,
            14..17 => Validity::ImmediateOrCancel,
            17 | 18 => Validity::FillOrKill,
            _ => Validity::GoodAtAuction,
        };
        // Kinds, most of them with a validity that goes with them.
        let resting = random.pick(&[Validity::GoodTillCancelled, later, Validity::Day]);
        let usual = !random.one_in(10);
        match random.below(12) {
            0 => {
                request.price = None;
                if usual {
                    request.validity = random.pick(&[
                        Validity::ImmediateOrCancel,
                        Validity::FillOrKill,
                        Validity::GoodAtAuction,
                    ]);
                }
                if self.budgets && random.one_in(2) {
                    request.budget = Some(money(random.below(4_000) as i64 - 20));
                }
            }
            1 => {
                request.trigger = Some(self.price(random));
                request.price = None;
                if usual {
                    request.validity = resting;
                }
                if self.budgets && random.one_in(3) && side == Side::Buy {
                    request.budget = Some(money(1 + random.below(4_000) as i64));
                }
            }
            2 => {
                request.trigger = Some(self.price(random));
                if usual {
                    request.validity = resting;
                }
            }
            3 | 4 => {
                let lot = self.rules.terms.lot;
                request.display = Some(Quantity((1 + random.below(4)) * lot));
                if usual {
                    request.validity = resting;
                }
            }
            _ => {}
        }
        if random.one_in(60) {
            request.budget = Some(money(random.below(100) as i64));
        }
        if random.one_in(60) {
            request.display = Some(self.quantity(random));
        }
        request
    }

    fn amend(&self, random: &mut Random) -> Amend {
        let size = match random.below(3) {
            0 => None,
            1 => Some(Resize::Open(self.quantity(random))),
            _ => Some(Resize::Total(self.quantity(random))),
        };
        Amend {
            id: self.id(random),
            price: random.one_in(2).then(|| self.price(random)),
            size,
            reserve: random.one_in(3).then(|| random.below(99) as i64),
            position: self.position(random),
        }
    }

    /// The next command; `now` is the book's time.
    pub(crate) fn command(&self, random: &mut Random, now: u64) -> Command {
        match random.below(1_000) {
            0..560 => Command::Place(self.request(random, now)),
            560..720 => Command::Cancel(self.id(random)),
            720..850 => Command::Amend(self.amend(random)),
            850..860 => Command::CancelAll(self.account(random), random.below(9) as usize),
            860..900 => {
                let account = self.account(random);
                let count = if random.one_in(40) {
                    200
                } else {
                    random.below(6)
                };
                let quotes = (0..count)
                    .map(|_| Quote {
                        number: random.below(self.numbers),
                        side: random.pick(&[Side::Buy, Side::Sell]),
                        price: self.price(random),
                        quantity: match random.below(8) {
                            0 => Quantity::ZERO,
                            _ => self.quantity(random),
                        },
                        reserve: random.below(50) as i64,
                    })
                    .collect();
                let position = self.position(random);
                Command::Quote(account, Self::holder(account), position, quotes)
            }
            900..905 => Command::Kill(self.account(random), random.below(4) as usize),
            905..918 => Command::Revive(self.account(random), random.below(9) as usize),
            918..921 => Command::Halt,
            921..927 => Command::Resume,
            927..933 if self.calls => Command::OpenCall,
            933..945 if self.calls => {
                Command::Uncross(random.one_in(2).then(|| self.price(random)))
            }
            945..952 => Command::Band(random.one_in(3).then(|| {
                let (a, b) = (self.price(random), self.price(random));
                let swap = random.one_in(10) == (a < b);
                let (low, high) = if swap { (b, a) } else { (a, b) };
                Band { low, high }
            })),
            952..980 => {
                Command::Time((now + random.below(12)).saturating_sub(u64::from(random.one_in(9))))
            }
            980..983 => Command::EndSession,
            983..993 => Command::Sweep(random.below(5) as usize),
            _ => Command::Wake,
        }
    }
}
