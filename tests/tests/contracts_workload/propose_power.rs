//! What is asked of the day-ahead market: sessions whose gates close soon, and orders that meet in a few intervals at few prices.

use bds_contracts::Ledger;
use bds_contracts::amount::{Currency, PPM, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::kernel::wire::List;
use bds_contracts::power::session::SessionPhase;
use bds_contracts::power::{Call, Power, ZoneId};
use bds_contracts::tx::{AccountId, Millis};

use super::generate::{Generator, Proposal};
use super::scene::{JOINT, PLANTS, SURVEILLANCE, TRADING};

pub(super) const QUARTER: u64 = 900_000;
/// Sessions of which the ledger remembers something: each leaves a hundred entries for 31 days.
const SESSIONS: usize = 20;
/// Watt hours that are not shared any further.
pub(super) const LOT: i64 = 1_000;

impl Generator {
    pub(super) fn of_power(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Power>();
        let sessions = tables.sessions.range(..);
        let open = |number: &u64| {
            let session = tables.sessions.get(number);
            session.is_some_and(|session| session.phase == SessionPhase::Open)
        };
        let all: Vec<u64> = sessions.map(|(number, _)| *number).collect();
        let takes: Vec<u64> = all.iter().copied().filter(open).collect();
        let few = takes.is_empty() && all.len() < SESSIONS;
        if all.is_empty() || self.random.chance(if few { 20 } else { 1 }) {
            return self.open_power_session();
        }
        if self.random.chance(if takes.is_empty() { 90 } else { 35 })
            && let Some(proposal) = self.of_intraday(ledger)
        {
            return proposal;
        }
        // What is closed is asked for now and then only.
        if takes.is_empty() && self.random.chance(80) {
            return self.of_exchange(ledger);
        }
        let session = match takes.is_empty() || self.random.chance(4) {
            true => self.random.pick(&all) + self.random.below(30) / 29,
            false => self.random.pick(&takes),
        };
        match self.random.below(100) {
            0..52 => self.submit_curve(ledger, session),
            52..60 => self.withdraw_curve(ledger, session),
            60..90 => self.submit_block(ledger, session),
            90..92 => self.cancel_session(ledger, session),
            _ => self.withdraw_block(ledger, session),
        }
    }

    fn open_power_session(&mut self) -> Proposal {
        let gate = match self.random.below(30) {
            0 => self.now.0,
            1 => self.now.0 + 8 * QUARTER,
            _ => self.now.0 + 1_000 * (60 + self.random.below(240)),
        };
        let start = (self.now.0 / QUARTER + 2) * QUARTER;
        let intervals = self.random.pick(&[92, 96, 100, 96, 96, 95]);
        let call = Call::OpenSession {
            zone: ZoneId(self.random.below(25) as u32),
            start: Millis(start),
            end: Millis(start + intervals * QUARTER),
            gate: Millis(gate),
            price_min: Price(-100_000),
            price_max: Price(1_000_000),
            tick: self.random.pick(&[1, 5]),
            lot: WattHours(LOT),
            currency: self
                .random
                .pick(&[Currency::EUR, Currency::EUR, Currency::CNY]),
            steps_max: self.random.pick(&[40, 800]),
            blocks_max: 8,
            account_blocks_max: 3,
        };
        let [operator, _] = self.two_of(SURVEILLANCE);
        self.one::<Power>(operator, &call)
    }

    /// Mostly one that nobody has orders in.
    fn cancel_session(&mut self, ledger: &Ledger, session: u64) -> Proposal {
        let sessions = ledger.stores().read::<Power>().sessions.range(..);
        let empty =
            sessions.filter(|(_, one)| one.phase == SessionPhase::Open && one.participants == 0);
        let empty: Vec<u64> = empty.map(|(number, _)| *number).collect();
        let session = match empty.is_empty() || self.random.chance(10) {
            true => session,
            false => self.random.pick(&empty),
        };
        let [operator, _] = self.two_of(SURVEILLANCE);
        self.one::<Power>(operator, &Call::CancelSession { session })
    }

    pub(super) fn bidder(&mut self) -> AccountId {
        match self.random.below(20) {
            0 => self.account(),
            1 => JOINT,
            2 => PLANTS[0],
            _ => self.random.pick(&TRADING[..5]),
        }
    }

    fn side(&mut self) -> Side {
        self.random.pick(&[Side::Buy, Side::Sell])
    }

    /// Few prices, so that many are equal; some below zero, some beyond the bounds or off the tick.
    pub(super) fn level(&mut self) -> i64 {
        match self.random.below(40) {
            0 => 1_000_005,
            1 => 40_001,
            2 => -100_000,
            _ => 20_000 * self.random.below(14) as i64 - 40_000,
        }
    }

    pub(super) fn watt_hours(&mut self, most: u64) -> WattHours {
        WattHours(match self.random.below(60) {
            0 => 0,
            1 => -LOT,
            2 => i64::MAX,
            3 => LOT + 1,
            4 => 4_000 * LOT,
            _ => LOT * (1 + self.random.below(most) as i64),
        })
    }

    fn submit_curve(&mut self, ledger: &Ledger, session: u64) -> Proposal {
        let account = self.bidder();
        let side = self.side();
        let count = self.random.pick(&[1, 2, 4, 4, 4]);
        let first = match self.random.below(40) {
            0 => 96,
            1 => 3,
            _ => count * (self.random.below(8) as u8 / count),
        };
        let mut steps: Vec<(Price, WattHours)> = (0..1 + self.random.below(3))
            .map(|_| (Price(self.level()), self.watt_hours(40)))
            .collect();
        steps.sort_unstable();
        if side == Side::Buy {
            steps.reverse();
        }
        if self.random.chance(95) {
            steps.dedup_by_key(|(price, _)| *price);
        }
        let call = Call::SubmitCurve {
            session,
            account,
            side,
            first,
            count,
            steps: List::Items(&steps),
        };
        self.by_owner::<Power>(ledger, account, &call)
    }

    fn withdraw_curve(&mut self, ledger: &Ledger, session: u64) -> Proposal {
        let curves = &ledger.stores().read::<Power>().curves;
        let first = (session, 0, AccountId(0), Side::Buy);
        let last = (session, u8::MAX, AccountId(u64::MAX), Side::Sell);
        let all: Vec<_> = curves.range(first..=last).map(|(key, _)| *key).collect();
        let (_, first, account, side) = match all.is_empty() || self.random.chance(8) {
            true => (session, 0, self.bidder(), self.side()),
            false => self.random.pick(&all),
        };
        let call = Call::WithdrawCurve {
            session,
            account,
            side,
            first,
            count: self.random.pick(&[1, 1, 1, 2, 4, 0]),
        };
        self.by_owner::<Power>(ledger, account, &call)
    }

    fn submit_block(&mut self, ledger: &Ledger, session: u64) -> Proposal {
        let account = self.bidder();
        let number = self.random.below(6) as u32;
        let first = self.random.below(8) as u8;
        let price = self.level();
        let blocks = &ledger.stores().read::<Power>().blocks;
        let own = blocks.range((session, account, 0)..(session, account, number));
        let above: Vec<u32> = own.map(|((_, _, number), _)| *number).collect();
        let parent = match above.is_empty() {
            true => self.random.below(u64::from(number) + 1) as u32,
            false => self.random.pick(&above),
        };
        let linked = self.random.chance(if above.is_empty() { 5 } else { 50 });
        let group = self.random.chance(30);
        let call = Call::SubmitBlock {
            session,
            account,
            number,
            side: self.side(),
            first: if self.random.chance(3) { 99 } else { first },
            count: 1 + self.random.below(8 - u64::from(first)) as u8,
            energy: self.watt_hours(60),
            price: Price(price),
            least_ppm: self.random.pick(&[PPM, PPM, 400_000, 333_333, 1, 0]),
            parent: linked.then_some(parent),
            group: group.then(|| self.random.below(2) as u32),
        };
        self.by_owner::<Power>(ledger, account, &call)
    }

    fn withdraw_block(&mut self, ledger: &Ledger, session: u64) -> Proposal {
        let blocks = &ledger.stores().read::<Power>().blocks;
        let first = (session, AccountId(0), 0);
        let last = (session, AccountId(u64::MAX), u32::MAX);
        let all: Vec<_> = blocks.range(first..=last).map(|(key, _)| *key).collect();
        // Often one that others are linked to.
        let above = blocks
            .range(first..=last)
            .filter_map(|((of, account, _), one)| {
                let parent = one.block.parent?;
                Some((*of, *account, parent))
            });
        let above: Vec<_> = above.collect();
        let all = match above.is_empty() || self.random.chance(50) {
            true => all,
            false => above,
        };
        let (_, account, number) = match all.is_empty() || self.random.chance(10) {
            true => (session, self.bidder(), 9),
            false => self.random.pick(&all),
        };
        let call = Call::WithdrawBlock {
            session,
            account,
            number,
        };
        self.by_owner::<Power>(ledger, account, &call)
    }
}
