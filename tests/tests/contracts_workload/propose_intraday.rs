//! What is asked of intraday books: rules of zones, and orders that meet in the next few intervals of days whose auction is cleared.

use bds_contracts::Ledger;
use bds_contracts::account::Roles;
use bds_contracts::amount::{Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::request::Prevention;
use bds_contracts::identity::Identity;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::power::intraday::{PeriodId, Standing};
use bds_contracts::power::session::{Session, SessionPhase};
use bds_contracts::power::{Call, Power, ZoneId};
use bds_contracts::tx::{AccountId, Millis};

use super::generate::{Generator, Proposal};
use super::propose_power::{LOT, QUARTER};
use super::scene::{SURVEILLANCE, TRADING, member_key};

/// How long before delivery gates close, mostly.
const LEAD: u64 = 60_000;

/// An order that stands somewhere.
type Where = (PeriodId, AccountId, u64);

impl Generator {
    /// Nothing where no day is traded, mostly.
    pub(super) fn of_intraday(&mut self, ledger: &Ledger) -> Option<Proposal> {
        let tables = ledger.stores().read::<Power>();
        let now = self.now.0;
        let sessions = tables.sessions.range(..);
        let traded = sessions.filter(|(_, one)| {
            one.phase == SessionPhase::Cleared && now + 4 * QUARTER < one.end().0
        });
        let traded: Vec<(u64, Session)> = traded.map(|(number, one)| (*number, *one)).collect();
        if traded.is_empty() && self.random.chance(95) {
            return None;
        }
        let unruled = traded
            .iter()
            .find(|(_, one)| tables.zones.get(&one.zone).is_none());
        let zone = match unruled {
            Some((_, one)) if self.random.chance(90) => one.zone,
            _ => ZoneId(self.random.below(25) as u32),
        };
        if self.random.chance(if unruled.is_some() { 25 } else { 3 }) {
            return Some(self.set_intraday(zone));
        }
        let id = self.intraday_period(ledger, &traded);
        Some(match self.random.below(100) {
            0..62 => self.place_intraday(ledger, id),
            62..76 => self.amend_intraday(ledger, id),
            76..90 => self.cancel_intraday(ledger, id),
            90..92 => self.withdraw_intraday_orders(ledger, id),
            _ => self.cancel_intraday_orders(ledger, id),
        })
    }

    fn set_intraday(&mut self, zone: ZoneId) -> Proposal {
        let lead = match self.random.below(12) {
            0 => 25 * 3_600_000,
            1 => 0,
            2 => 20 * 60_000,
            _ => LEAD,
        };
        let call = Call::SetIntraday {
            zone,
            lead: Millis(lead),
            price_min: Price(-100_000),
            price_max: Price(self.random.pick(&[1_000_000, 1_000_000, 200_000, -100_000])),
            energy_max: WattHours(self.random.pick(&[30 * LOT, 5_000 * LOT])),
            makers_max: self.random.pick(&[1, 3, 6]),
            orders_max: self.random.pick(&[3, 12]),
            account_orders_max: self.random.pick(&[1, 2, 6]),
            books_max: self.random.pick(&[0, 2, 6, 6, 6, 1_024]),
        };
        let [operator, _] = self.two_of(SURVEILLANCE);
        self.one::<Power>(operator, &call)
    }

    /// Mostly one of the next few whose gates are open, of a day that is traded; now and then another one.
    fn intraday_period(&mut self, ledger: &Ledger, traded: &[(u64, Session)]) -> PeriodId {
        let all = &ledger.stores().read::<Power>().sessions;
        let all: Vec<u64> = all.range(..).map(|(number, _)| *number).collect();
        if traded.is_empty() || self.random.chance(4) {
            let number = if all.is_empty() {
                0
            } else {
                self.random.pick(&all)
            };
            let beyond = self.random.below(12) / 11;
            return (number + beyond, self.random.below(104) as u8);
        }
        // Where others trade.
        let periods = &ledger.stores().read::<Power>().periods;
        let open = periods
            .range(..)
            .filter(|(_, one)| one.is_open && self.now < one.gate);
        let open: Vec<PeriodId> = open.map(|(id, _)| *id).collect();
        if !open.is_empty() && self.random.chance(80) {
            return self.random.pick(&open);
        }
        let (number, session) = self.random.pick(traded);
        let gone = (self.now.0 + LEAD).saturating_sub(session.start.0) / QUARTER;
        // Before the day begins its first interval is traded too.
        let begun = u64::from(session.start.0 <= self.now.0 + LEAD);
        let next = match self.random.below(25) {
            0 => gone,
            _ => gone + begun + self.random.below(2),
        };
        (number, next.min(255) as u8)
    }

    fn place_intraday(&mut self, ledger: &Ledger, (session, interval): PeriodId) -> Proposal {
        let account = self.active_bidder(ledger);
        let energy = self.watt_hours(30);
        let standing = self.random.pick(&[
            Standing::UntilGate,
            Standing::UntilGate,
            Standing::UntilGate,
            Standing::ImmediateOrCancel,
            Standing::FillOrKill,
        ]);
        // What does not rest has nothing to hide.
        let hides = if standing == Standing::UntilGate {
            20
        } else {
            2
        };
        let display = self.random.chance(hides).then(|| self.watt_hours(8));
        let call = Call::PlaceOrder {
            session,
            interval,
            account,
            number: self.random.below(8),
            side: self.random.pick(&[Side::Buy, Side::Sell]),
            energy,
            price: Price(self.near()),
            display,
            standing,
            prevention: self.random.pick(&[
                Prevention::DecrementAndCancel,
                Prevention::CancelNewest,
                Prevention::CancelOldest,
                Prevention::CancelBoth,
            ]),
        };
        self.by_owner::<Power>(ledger, account, &call)
    }

    /// Mostly one that is open and for which somebody may trade.
    fn active_bidder(&mut self, ledger: &Ledger) -> AccountId {
        let mut account = self.bidder();
        for _ in 0..4 {
            let (sender, _) = self.representatives(ledger, account);
            let member = ledger.member(&member_key(sender));
            let bids = Roles::TRADER.with(Roles::PROSUMER).with(Roles::AGGREGATOR);
            let found = ledger.stores().read::<Identity>().accounts.get(&account);
            let open = found.is_some_and(|found| found.status == AccountStatus::Open);
            if open && member.is_some_and(|member| member.roles.any(bids)) {
                break;
            }
            account = self.bidder();
        }
        account
    }

    /// Prices that meet, below zero too; now and then one that is out of bounds.
    fn near(&mut self) -> i64 {
        match self.random.below(12) {
            0 => self.level(),
            _ => 20_000 * self.random.below(5) as i64 - 40_000,
        }
    }

    /// Mostly an order that is there, of whatever interval.
    fn standing_order(&mut self, ledger: &Ledger, id: PeriodId) -> Where {
        let books = &ledger.stores().read::<Power>().books;
        let all = books.iter().flat_map(|(id, book)| {
            let orders = [Side::Buy, Side::Sell].into_iter();
            orders.flat_map(move |side| {
                book.queue(side)
                    .map(move |one| (id, one.id.account, one.id.number))
            })
        });
        let all: Vec<Where> = all.collect();
        if all.is_empty() || self.random.chance(8) {
            return (id, self.bidder(), self.random.below(8));
        }
        self.random.pick(&all)
    }

    fn amend_intraday(&mut self, ledger: &Ledger, id: PeriodId) -> Proposal {
        let ((session, interval), account, number) = self.standing_order(ledger, id);
        let price = self.random.chance(50).then(|| Price(self.level()));
        let energy = self.random.chance(60).then(|| self.watt_hours(30));
        let call = Call::AmendOrder {
            session,
            interval,
            account,
            number,
            price,
            energy,
        };
        self.by_owner::<Power>(ledger, account, &call)
    }

    fn cancel_intraday(&mut self, ledger: &Ledger, id: PeriodId) -> Proposal {
        let ((session, interval), account, number) = self.standing_order(ledger, id);
        let call = Call::CancelOrder {
            session,
            interval,
            account,
            number,
        };
        self.by_owner::<Power>(ledger, account, &call)
    }

    fn cancel_intraday_orders(&mut self, ledger: &Ledger, id: PeriodId) -> Proposal {
        let ((session, interval), account, _) = self.standing_order(ledger, id);
        let call = Call::CancelOrders {
            session,
            account,
            interval: self.random.chance(50).then_some(interval),
        };
        self.by_owner::<Power>(ledger, account, &call)
    }

    /// Mostly those of an account that is not open.
    fn withdraw_intraday_orders(&mut self, ledger: &Ledger, id: PeriodId) -> Proposal {
        let ((session, interval), mut account, _) = self.standing_order(ledger, id);
        let identity = ledger.stores().read::<Identity>();
        let shut = TRADING.into_iter().filter(|id| {
            let found = identity.accounts.get(id);
            found.is_some_and(|found| found.status != AccountStatus::Open)
        });
        let shut: Vec<AccountId> = shut.collect();
        if !shut.is_empty() && self.random.chance(70) {
            account = self.random.pick(&shut);
        }
        let call = Call::WithdrawOrders {
            session,
            account,
            interval: self.random.chance(50).then_some(interval),
        };
        let [operator, _] = self.two_of(SURVEILLANCE);
        self.one::<Power>(operator, &call)
    }
}
