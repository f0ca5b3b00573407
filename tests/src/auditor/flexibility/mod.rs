//! Flexibility: who may buy and sell what of which connections, and the books of prognoses, requests, offers and orders.
//!
//! Portfolios, how many offers and orders there are, and what is set aside are worked out from these books each time.

mod follow;
mod judge;

use std::collections::BTreeMap;

use super::wire::{Fields, Value};
use super::{Ask, Books, Events, Finding, ensure};

/// Number of the module.
pub(super) const FLEXIBILITY: u16 = 12;
const DAY: u64 = 24 * 3_600 * 1_000;
/// How long after its day an order waits.
const SETTLE_LIFE: u64 = 31 * DAY;
const POWER_MAX: i128 = 1_000_000_000;
const PPM: i128 = 1_000_000;

#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) grid: u32,
    pub(super) account: u64,
    pub(super) currency: [u8; 3],
    /// Place of the interval's length among a quarter, half and whole hour.
    pub(super) minutes: u8,
    pub(super) address: String,
    pub(super) zone: String,
    pub(super) penalty: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    pub(super) point: u32,
    pub(super) aggregator: u64,
    pub(super) from: u64,
    pub(super) until: u64,
    /// End of the last day that it was foreseen for.
    pub(super) bound: u64,
}

/// A day that is cut into intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) minutes: u8,
    pub(super) isps: u8,
}

/// What was said of a day: number of the saying, powers, and of a prognosis the connections; and the work that forgets it.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) span: Span,
    pub(super) number: u64,
    pub(super) powers: Vec<i128>,
    pub(super) meters: Vec<u64>,
    pub(super) trigger: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) point: u32,
    pub(super) aggregator: u64,
    pub(super) span: Span,
    pub(super) expires: u64,
    pub(super) accepted: bool,
    /// Least, most, and 1 where it is wanted.
    pub(super) bounds: Vec<(i128, i128, u8)>,
}

#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) request: u64,
    pub(super) point: u32,
    pub(super) aggregator: u64,
    pub(super) span: Span,
    pub(super) expires: u64,
    pub(super) accepted: bool,
    /// Price, least part, powers.
    pub(super) options: Vec<(i128, u32, Vec<i128>)>,
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) point: u32,
    pub(super) aggregator: u64,
    pub(super) span: Span,
    pub(super) price: i128,
    pub(super) foreseen: Vec<i128>,
    pub(super) powers: Vec<i128>,
    pub(super) meters: Vec<u64>,
    /// Ordered, delivered, paid.
    pub(super) settled: Option<(i128, i128, i128)>,
}

/// Point, aggregator, start of the day.
pub(super) type DayKey = (u32, u64, u64);

#[derive(Debug, Clone, Default)]
pub(super) struct Flexibility {
    pub(super) points: BTreeMap<u32, Point>,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) prognoses: BTreeMap<DayKey, Said>,
    /// The number of what was replaced and began there.
    pub(super) replaced: BTreeMap<DayKey, u64>,
    pub(super) reservations: BTreeMap<DayKey, Said>,
    pub(super) requests: BTreeMap<u64, Request>,
    pub(super) offers: BTreeMap<u64, Offer>,
    pub(super) orders: BTreeMap<u64, Order>,
}

/// Length of an interval in minutes.
fn length(minutes: u8) -> u64 {
    [15, 30, 60][usize::from(minutes)]
}

/// A number as fields hold it.
fn n(number: impl Into<i128>) -> Value<'static> {
    Value::Number(number.into())
}

impl Span {
    fn begin(&self, isp: usize) -> u64 {
        self.start + isp as u64 * length(self.minutes) * 60_000
    }

    pub(super) fn end(&self) -> u64 {
        self.begin(usize::from(self.isps))
    }

    fn meets(&self, other: &Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }
}

/// First interval, how many, and what is said of each of them, as calls list it.
fn runs(list: &[Value<'_>]) -> Vec<(usize, usize, i128)> {
    let all = list.iter().map(|run| {
        let (place, power) = run.pair();
        let (first, count) = place.pair();
        (first.u64() as usize, count.u64() as usize, power.number())
    });
    all.collect()
}

/// One value an interval, or none when the runs are not in order.
fn spread<T: Copy>(runs: &[(usize, usize, T)], isps: u8, empty: T) -> Option<Vec<T>> {
    let mut all = Vec::new();
    for (first, count, value) in runs {
        let ends = first + count;
        if *first < all.len() || *count == 0 || ends > usize::from(isps) {
            return None;
        }
        all.resize(*first, empty);
        all.resize(ends, *value);
    }
    all.resize(usize::from(isps), empty);
    Some(all)
}

fn is_power(power: i128) -> bool {
    power.abs() <= POWER_MAX
}

/// Prices, least parts and powers of the options of an offer; none when they are not in order.
fn options(call: &Fields<'_>, isps: u8) -> Option<Vec<(i128, u32, Vec<i128>)>> {
    let told = call.list("options").iter().map(Value::pair);
    let mut all = Vec::new();
    let powers = call.list("powers").iter().map(Value::pair);
    let powers: Vec<(u64, usize, usize, i128)> = powers
        .map(|(place, run)| {
            let ((option, first), (count, power)) = (place.pair(), run.pair());
            let (first, count) = (first.u64() as usize, count.u64() as usize);
            (option.u64(), first, count, power.number())
        })
        .collect();
    let count = call.list("options").len() as u64;
    if powers
        .iter()
        .any(|(option, .., power)| *option >= count || !is_power(*power))
    {
        return None;
    }
    for (place, (price, least)) in (0..).zip(told) {
        let own = powers.iter().filter(|(option, ..)| *option == place);
        let own: Vec<_> = own
            .map(|(_, first, count, power)| (*first, *count, *power))
            .collect();
        all.push((price.number(), least.u32(), spread(&own, isps, 0)?));
    }
    Some(all)
}

/// A part in millionths, toward zero.
fn part(whole: i128, ppm: u32) -> i128 {
    whole * i128::from(ppm) / PPM
}

impl Books {
    pub(super) fn flexibility_call(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let judged = self.judge_flexibility(ask);
        ensure!(
            judged == Ok(()),
            "it is done and should fail with {judged:?}"
        );
        self.follow_flexibility(ask, events)
    }

    /// Connections of an aggregator at a point, rising.
    fn portfolio(&self, point: u32, aggregator: u64) -> Vec<u64> {
        let all = self.flexibility.connections.iter();
        let own = all.filter(|(_, one)| (one.point, one.aggregator) == (point, aggregator));
        own.map(|(meter, _)| *meter).collect()
    }

    /// Whether one of them is not over.
    fn has_portfolio(&self, point: u32, aggregator: u64) -> bool {
        let all = self.portfolio(point, aggregator);
        all.iter()
            .any(|meter| self.flexibility.connections[meter].until > self.time)
    }

    /// Those of them that are connected all day.
    fn connected(&self, point: u32, aggregator: u64, span: &Span) -> Vec<u64> {
        let mut all = self.portfolio(point, aggregator);
        all.retain(|meter| {
            let one = self.flexibility.connections[meter];
            one.from <= span.start && one.until >= span.end()
        });
        all
    }

    /// Prognoses that have a part of a day, rising.
    fn foreseen_in(&self, point: u32, aggregator: u64, span: &Span) -> Vec<DayKey> {
        let all = self.flexibility.prognoses.iter();
        let own = all
            .filter(|((at, of, _), one)| (*at, *of) == (point, aggregator) && one.span.meets(span));
        own.map(|(key, _)| *key).collect()
    }

    /// What all meters of an order read in an interval, in watt hours.
    fn read_in(&self, order: &Order, isp: usize) -> Option<i128> {
        let start = order.span.begin(isp);
        let all = order.meters.iter().map(|meter| {
            let found = self.energy.readings.get(&(start, *meter));
            found.map(|(energy, ..)| *energy)
        });
        all.sum()
    }

    /// What was delivered in an interval of what was ordered, in watt minutes and its direction.
    fn delivered_in(&self, order: &Order, isp: usize) -> Option<i128> {
        let minutes = i128::from(length(order.span.minutes));
        let ordered = order.powers[isp] * minutes;
        let more = self.read_in(order, isp)? * 60 - order.foreseen[isp] * minutes;
        Some(match ordered {
            0 => 0,
            _ if ordered > 0 => more.max(0).min(ordered),
            _ => more.min(0).max(ordered),
        })
    }

    /// Ordered, delivered, paid.
    fn worth_of_order(&self, order: &Order) -> (i128, i128, i128) {
        let minutes = i128::from(length(order.span.minutes));
        let (mut ordered, mut delivered) = (0, 0);
        for (isp, power) in order.powers.iter().enumerate() {
            ordered += power.abs() * minutes;
            delivered += self.delivered_in(order, isp).unwrap_or(0).abs();
        }
        let penalty = i128::from(self.flexibility.points[&order.point].penalty);
        let share = delivered * PPM - (ordered - delivered) * penalty;
        let paid = order.price * share.max(0) / (ordered * PPM);
        (ordered, delivered, paid)
    }

    /// Money that waits for orders that are not settled.
    pub(super) fn flexibility_money(&self, account: u64, currency: [u8; 3]) -> i128 {
        let orders = self.flexibility.orders.values();
        let own = orders.filter(|order| {
            let point = &self.flexibility.points[&order.point];
            order.settled.is_none() && (point.account, point.currency) == (account, currency)
        });
        own.map(|order| order.price).sum()
    }

    /// What keeps an account from closing: offers it made, orders it is to be paid for, and money that waits for others.
    pub(super) fn flexibility_entries(&self, account: u64) -> usize {
        let offers = self.flexibility.offers.values();
        let made = offers.filter(|one| one.aggregator == account);
        let orders = self.flexibility.orders.values();
        let waiting = orders.filter(|order| order.settled.is_none()).map(|order| {
            let buys = self.flexibility.points[&order.point].account == account;
            usize::from(order.aggregator == account) + usize::from(buys && order.price > 0)
        });
        made.count() + waiting.sum::<usize>()
    }
}
