//! The day-ahead market: who may bid what until when, and the books of sessions, orders and what they came to; and the intraday books.
//!
//! What an account has in a session, and what is set aside for it, is worked out from its orders each time until they are cleared.

mod book;
mod clear;
mod intraday;
mod judge;
mod orders;
mod refused;
mod search;

use std::collections::BTreeMap;

use bds_contracts::genesis::Profile;

pub(super) use intraday::Period;
pub(super) use judge::is_intraday;

use super::schedule::When;
use super::wire::Value;
use super::{Ask, Books, Events, Finding, ensure};

/// Number of the module.
pub(super) const POWER: u16 = 11;
const QUARTER: u64 = 900_000;
const DAY: u64 = 24 * 3_600 * 1_000;
const ENERGY_MAX: i128 = 100_000_000_000;
const PRICE_MAX: i128 = 1_000_000_000;
const PPM: i128 = 1_000_000;
/// Phases of a session.
const OPEN: u8 = 0;
const CLEARING: u8 = 1;
const CLEARED: u8 = 2;
/// Sides.
const BUY: u8 = 0;
const SELL: u8 = 1;

#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) zone: u32,
    pub(super) start: u64,
    pub(super) intervals: u8,
    pub(super) gate: u64,
    pub(super) operator: u32,
    pub(super) lowest: i128,
    pub(super) highest: i128,
    pub(super) tick: u32,
    pub(super) lot: i128,
    pub(super) currency: [u8; 3],
    pub(super) steps_max: u32,
    pub(super) blocks_max: u32,
    pub(super) account_blocks_max: u32,
    pub(super) phase: u8,
    /// Steps, blocks and accounts, once all who take part are known.
    pub(super) counted: Option<(usize, usize, usize)>,
}

/// How far a session is cleared whose gate closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clearing {
    /// The block after that in which it closed: no piece ever fails here.
    pub(super) ready: u64,
    pub(super) beacon: Option<[u8; 32]>,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    Admit(u64),
    Select,
    Settle(u8),
    Pay,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) side: u8,
    pub(super) first: u8,
    pub(super) count: u8,
    pub(super) energy: i128,
    pub(super) price: i128,
    pub(super) least_ppm: u32,
    pub(super) parent: Option<u32>,
    pub(super) group: Option<u32>,
    /// 0 out, 1 at its least, 2 in full.
    pub(super) standing: u8,
    /// It was tried once more.
    pub(super) tried: bool,
    /// What its account gets.
    pub(super) amount: i128,
    /// How it was decided, and its energy.
    pub(super) outcome: Option<(u8, i128)>,
}

/// What an account has in a session, from when all who take part are known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) curves: usize,
    pub(super) steps: usize,
    pub(super) blocks: usize,
    pub(super) aside: i128,
    pub(super) bought: i128,
    pub(super) sold: i128,
    pub(super) amount: i128,
}

/// Session, interval, account, side.
pub(super) type CurveKey = (u64, u8, u64, u8);
/// Session, account, number.
pub(super) type BlockKey = (u64, u64, u32);

#[derive(Debug, Clone, Default)]
pub(super) struct Power {
    pub(super) sessions: BTreeMap<u64, Session>,
    pub(super) waiting: BTreeMap<u64, Option<Clearing>>,
    /// Price and how much more.
    pub(super) curves: BTreeMap<CurveKey, Vec<(i128, i128)>>,
    pub(super) blocks: BTreeMap<BlockKey, Block>,
    pub(super) parts: BTreeMap<(u64, u64), Part>,
    /// Price and energy by session and interval.
    pub(super) prices: BTreeMap<(u64, u8), (i128, i128)>,
    /// Energy and money by session, account, interval and side.
    pub(super) awards: BTreeMap<(u64, u64, u8, u8), (i128, i128)>,
    pub(super) forgotten: std::collections::BTreeSet<u64>,
    pub(super) intraday: intraday::Intraday,
}

/// Watt hours at a price in ten-thousandths a megawatt hour, in millionths.
fn cost(energy: i128, price: i128) -> i128 {
    energy * price / 10_000
}

/// A number as fields hold it.
fn n(number: impl Into<i128>) -> Value<'static> {
    Value::Number(number.into())
}

impl Session {
    pub(super) fn end(&self) -> u64 {
        self.start + u64::from(self.intervals) * QUARTER
    }

    fn has(&self, first: u8, count: u8) -> Result<(), Finding> {
        let sound = count > 0 && u32::from(first) + u32::from(count) <= self.intervals.into();
        ensure!(sound, "{count} intervals from {first} on");
        Ok(())
    }

    fn takes(&self, energy: i128) -> bool {
        (1..=ENERGY_MAX).contains(&energy) && energy % self.lot == 0
    }

    fn prices(&self, price: i128) -> Result<(), Finding> {
        let sound = price >= self.lowest && price <= self.highest;
        ensure!(
            sound && price % i128::from(self.tick) == 0,
            "a price of {price}"
        );
        Ok(())
    }
}

/// What a curve may come to cost at the step at which most is paid, and one more.
pub(super) fn curve_aside(side: u8, steps: &[(i128, i128)]) -> i128 {
    let mut most = 0;
    let mut energy = 0;
    for (price, more) in steps {
        energy += more;
        let paid = if side == BUY { *price } else { -price };
        if paid > 0 {
            most = most.max(cost(energy, paid) + 1);
        }
    }
    most
}

impl Block {
    /// What it may come to cost.
    pub(super) fn aside(&self) -> i128 {
        let paid = match self.side {
            BUY => self.price,
            _ => -self.price,
        };
        let intervals = i128::from(self.count);
        cost(self.energy * intervals, paid.max(0)) + intervals
    }

    fn covers(&self, interval: u8) -> bool {
        interval >= self.first && interval - self.first < self.count
    }

    /// Its energy as it stands; the least is the first whole lots that are enough.
    pub(super) fn energy_as(&self, standing: u8, lot: i128) -> i128 {
        let least = i128::from(self.least_ppm) * self.energy;
        match standing {
            0 => 0,
            1 => (least + PPM * lot - 1) / (PPM * lot) * lot,
            _ => self.energy,
        }
    }

    fn sign(&self) -> i128 {
        if self.side == SELL { 1 } else { -1 }
    }

    /// Whether it waits for the end of its session.
    pub(super) fn waits(&self) -> bool {
        self.outcome.is_none()
    }
}

impl Books {
    fn power_session(&self, number: u64) -> Result<Session, Finding> {
        let found = self.power.sessions.get(&number).copied();
        found.ok_or_else(|| format!("there is no session {number}"))
    }

    fn gate_is_open(&self, number: u64) -> Result<Session, Finding> {
        let found = self.power_session(number)?;
        let open = found.phase == OPEN && self.time < found.gate;
        ensure!(open, "session {number} takes orders at {}", self.time);
        Ok(found)
    }

    pub(super) fn blocks_in(&self, session: u64) -> Vec<(BlockKey, Block)> {
        let all = (session, 0, 0)..=(session, u64::MAX, u32::MAX);
        let all = self.power.blocks.range(all);
        all.map(|(key, one)| (*key, *one)).collect()
    }

    fn curves_in(&self, session: u64) -> impl Iterator<Item = (&CurveKey, &Vec<(i128, i128)>)> {
        let all = (session, 0, 0, 0)..=(session, u8::MAX, u64::MAX, u8::MAX);
        self.power.curves.range(all)
    }

    /// What an account has in a session: of its orders until all who take part are known, then as it was written down.
    pub(super) fn part(&self, session: u64, account: u64) -> Part {
        if let Some(part) = self.power.parts.get(&(session, account)) {
            return *part;
        }
        let mut part = Part::default();
        for ((_, _, of, side), steps) in self.curves_in(session) {
            if *of == account {
                part.curves += 1;
                part.steps += steps.len();
                part.aside += curve_aside(*side, steps);
            }
        }
        for ((_, of, _), one) in self.blocks_in(session) {
            if of == account && one.waits() {
                part.blocks += 1;
                part.aside += one.aside();
            }
        }
        part
    }

    /// Accounts with orders in a session, rising.
    pub(super) fn accounts_in(&self, session: u64) -> Vec<u64> {
        let curves = self
            .curves_in(session)
            .map(|((_, _, account, _), _)| *account);
        let blocks = self.blocks_in(session);
        let blocks = blocks.iter().map(|((_, account, _), _)| *account);
        let all: std::collections::BTreeSet<u64> = curves.chain(blocks).collect();
        all.into_iter().collect()
    }

    /// Steps, blocks and accounts of a session.
    pub(super) fn order_counts(&self, number: u64, session: &Session) -> (usize, usize, usize) {
        session.counted.unwrap_or_else(|| {
            let steps = self.curves_in(number).map(|(_, steps)| steps.len()).sum();
            let accounts = self.accounts_in(number).len();
            (steps, self.blocks_in(number).len(), accounts)
        })
    }

    pub(super) fn power_call(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let offered = self.profile != Profile::Public;
        ensure!(offered, "power is not offered on a public ledger");
        match ask.name.as_str() {
            "power.open-session" => self.open_power_session(ask, events),
            "power.submit-curve" => self.submit_curve(ask, events),
            "power.withdraw-curve" => self.withdraw_curve(ask, events),
            "power.submit-block" => self.submit_block(ask, events),
            "power.withdraw-block" => self.withdraw_block(ask, events),
            "power.cancel-session" => self.cancel_power_session(ask, events),
            name if is_intraday(name) => self.intraday_call(ask, events),
            other => Err(format!("the auditor does not know {other}")),
        }
    }

    fn is_linked_to(&self, (number, account, own): BlockKey) -> bool {
        let all = self.blocks_in(number);
        let mut others = all.iter();
        others.any(|((_, of, _), one)| *of == account && one.parent == Some(own))
    }

    /// Money that waits for orders, until they are paid.
    pub(super) fn power_money(&self, account: u64, currency: [u8; 3]) -> i128 {
        let sessions = self.power.waiting.keys();
        let here = sessions.filter(|number| self.power.sessions[*number].currency == currency);
        let auctions: i128 = here.map(|number| self.part(*number, account).aside).sum();
        auctions + self.intraday_money(account, currency)
    }

    /// What keeps an account from closing: its part in sessions that are not paid, and money that waits in them.
    pub(super) fn power_entries(&self, account: u64) -> usize {
        let parts = self.power.waiting.keys().map(|number| {
            let part = self.part(*number, account);
            let takes_part = part.curves + part.blocks > 0;
            usize::from(takes_part) + usize::from(part.aside > 0)
        });
        parts.sum::<usize>() + self.intraday_entries(account)
    }
}
