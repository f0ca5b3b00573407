//! Step curves: what an account buys or sells in an interval at which price, sealed until the gate closes.
//!
//! A curve to buy gives a price and how much more is bought at it or below, by falling prices; one to sell, by rising prices. An
//! account has one to buy and one to sell in an interval; a new one takes its place. One for two or four intervals is the same curve
//! in each of them, as products of half an hour and an hour are.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::module::{Power, Tables};
use super::participant::{self, Change};
use super::rules::{ENERGY_MAX, PARTICIPANTS_MAX, STEPS_MAX, cost};
use super::session::{Session, Terms, open_session};
use crate::amount::{Money, Price, WattHours};
use crate::exchange::Side;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::AccountId;

/// A curve in one interval.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Curve {
    /// Price and how much more is bought or sold at it.
    pub steps: Vec<(Price, WattHours)>,
    /// What is set aside for it.
    pub aside: Money,
}

impl Curve {
    /// How much is better than a price, and how much is at it.
    #[must_use]
    pub fn at(&self, side: Side, price: Price) -> (WattHours, WattHours) {
        let (mut better, mut at) = (0, 0);
        for (step, WattHours(energy)) in &self.steps {
            let is_better = match side {
                Side::Buy => *step > price,
                Side::Sell => *step < price,
            };
            if is_better {
                better += energy;
            } else if *step == price {
                at = *energy;
            }
        }
        (WattHours(better), WattHours(at))
    }
}

impl Tables {
    /// The curves of an interval, by account and side.
    pub(super) fn curves_in(
        &self,
        session: u64,
        interval: u8,
    ) -> impl Iterator<Item = (AccountId, Side, &Curve)> + use<'_> {
        let first = (session, interval, AccountId(0), Side::Buy);
        let last = (session, interval, AccountId(u64::MAX), Side::Sell);
        let all = self.curves.range(first..=last);
        all.map(|((_, _, account, side), curve)| (*account, *side, curve))
    }
}

/// Which curve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Where {
    pub(super) session: u64,
    pub(super) account: AccountId,
    pub(super) side: Side,
    pub(super) first: u8,
    pub(super) count: u8,
}

impl Where {
    fn intervals(self) -> std::ops::Range<u8> {
        // Correctness: within the intervals of a session, by `check_intervals`.
        self.first..self.first + self.count
    }

    fn key(self, interval: u8) -> CurveKey {
        (self.session, interval, self.account, self.side)
    }
}

/// Session, interval, account, side.
pub type CurveKey = (u64, u8, AccountId, Side);

/// What a curve may come to cost in an interval: of all prices the one at which most is paid, and one more, since a part of a sum
/// may be rounded up. To buy costs at prices above zero, to sell at prices below.
///
/// # Errors
/// `OVERFLOW`.
pub fn worst_cost(side: Side, steps: &[(Price, WattHours)]) -> Result<Money, Code> {
    let (mut energy, mut worst) = (0, None);
    for (price, WattHours(more)) in steps {
        energy += i128::from(*more);
        let costs = match side {
            Side::Buy => price.0 > 0,
            Side::Sell => price.0 < 0,
        };
        if costs {
            worst = worst.max(Some(cost(energy, *price).abs() + 1));
        }
    }
    let worst = i64::try_from(worst.unwrap_or(0));
    worst.map(Money).map_err(|_| Code::OVERFLOW)
}

/// Steps that are a curve by these terms.
///
/// # Errors
/// In this order: `CURVE_INVALID`, `POWER_PRICE_INVALID`.
fn check(
    terms: &Terms,
    side: Side,
    steps: List<'_, (Price, WattHours)>,
) -> Result<Vec<(Price, WattHours)>, Code> {
    let steps: Vec<(Price, WattHours)> = steps.iter().collect();
    let rises = steps.windows(2).all(|pair| match side {
        Side::Buy => pair[0].0 > pair[1].0,
        Side::Sell => pair[0].0 < pair[1].0,
    });
    let energy: i128 = steps.iter().map(|(_, energy)| i128::from(energy.0)).sum();
    let sound = (1..=STEPS_MAX).contains(&steps.len())
        && steps.iter().all(|(_, energy)| terms.takes(*energy))
        && energy <= i128::from(ENERGY_MAX)
        && rises;
    if !sound {
        return Err(Code::CURVE_INVALID);
    }
    let prices = steps.iter().map(|(price, _)| terms.check_price(*price));
    prices.collect::<Result<(), Code>>()?;
    Ok(steps)
}

/// Refused in this order: account unknown, not represented, not open; no such session; gate closed; intervals not there, or not 1, 2
/// or 4 from a multiple of that on; steps none or too many, out of order or out of range; a price out of range; one account or step
/// too many for the session; one step too many for the account; too little money free; not endorsed.
pub(super) fn submit(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    curve: Where,
    steps: List<'_, (Price, WattHours)>,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), curve.account)?;
    let mut session = open_session(cx, curve.session)?;
    session.check_intervals(curve.first, curve.count)?;
    let is_product = matches!(curve.count, 1 | 2 | 4) && curve.first.is_multiple_of(curve.count);
    if !is_product {
        return Err(Code::DELIVERY_INVALID);
    }
    cx.charge_items(steps.len().saturating_mul(usize::from(curve.count) + 1))?;
    let steps = check(&session.terms, curve.side, steps)?;
    let aside = worst_cost(curve.side, &steps)?;

    let old = Held::of(cx, curve);
    // What is replaced is kept until the end of the block.
    cx.charge_items(old.steps as usize)?;
    let count = i64::from(curve.count);
    // Correctness: at most four times 256 steps.
    let more = count * steps.len() as i64 - i64::from(old.steps);
    let at = (curve.account, slot);
    let part = participant::of(cx, curve.session, curve.account);
    let is_new = part.curves == 0 && part.blocks == 0;
    let all = i64::from(session.steps) + more;
    let full = (is_new && session.participants >= PARTICIPANTS_MAX)
        || (more > 0 && all > i64::from(session.terms.steps_max));
    if full {
        return Err(Code::POWER_SESSION_FULL);
    }
    if more > 0 && i64::from(part.steps) + more > i64::from(session.terms.account_steps_max()) {
        return Err(Code::POWER_ACCOUNT_FULL);
    }
    let change = Change {
        curves: count - i64::from(old.curves),
        steps: more,
        blocks: 0,
        aside: i128::from(aside.0) * i128::from(count) - old.aside,
    };
    participant::check(cx, curve.session, &session, at, &change)?;
    account::second(cx, curve.account, slot, || endorse::digest::<Power>(call))?;

    participant::change(cx, curve.session, &mut session, at, &change)?;
    let (tables, journal) = cx.tables::<Power>();
    tables.sessions.set(journal, curve.session, session)?;
    for interval in curve.intervals() {
        let steps = steps.clone();
        let one = Curve { steps, aside };
        tables.curves.set(journal, curve.key(interval), one)?;
    }
    cx.emit::<Power>(&Event::CurveSubmitted {
        session: curve.session,
        account: curve.account,
        side: curve.side,
        first: curve.first,
        count: curve.count,
    })
}

/// A shut account may still take its curve back: nothing goes out by that.
///
/// Refused in this order: account unknown, not represented; no such session; gate closed; intervals not there; no curve in one of
/// them.
pub(super) fn withdraw(cx: &mut Cx<'_>, curve: Where) -> Result<(), Code> {
    let slot = cx
        .read::<Identity>()
        .represented(cx.member(), curve.account)?;
    let mut session = open_session(cx, curve.session)?;
    session.check_intervals(curve.first, curve.count)?;
    let old = Held::of(cx, curve);
    cx.charge_items(usize::from(curve.count) + old.steps as usize)?;
    if old.curves != u32::from(curve.count) {
        return Err(Code::UNKNOWN_CURVE);
    }

    take_out(cx, curve, &mut session, slot, &old)?;
    let (tables, journal) = cx.tables::<Power>();
    tables.sessions.set(journal, curve.session, session)?;
    cx.emit::<Power>(&Event::CurveWithdrawn {
        session: curve.session,
        account: curve.account,
        side: curve.side,
        first: curve.first,
        count: curve.count,
    })
}

/// Takes all curves of an account out; the session is written by the caller.
pub(super) fn shut(
    cx: &mut Cx<'_>,
    number: u64,
    session: &mut Session,
    (account, slot): crate::money::aside::At,
) -> Result<(), Code> {
    for side in [Side::Buy, Side::Sell] {
        let curve = Where {
            session: number,
            account,
            side,
            first: 0,
            count: session.intervals,
        };
        let old = Held::of(cx, curve);
        take_out(cx, curve, session, slot, &old)?;
    }
    Ok(())
}

fn take_out(
    cx: &mut Cx<'_>,
    curve: Where,
    session: &mut Session,
    slot: crate::kernel::table::Slot,
    old: &Held,
) -> Result<(), Code> {
    let change = Change {
        curves: -i64::from(old.curves),
        steps: -i64::from(old.steps),
        blocks: 0,
        aside: -old.aside,
    };
    participant::change(cx, curve.session, session, (curve.account, slot), &change)?;
    let (tables, journal) = cx.tables::<Power>();
    for interval in curve.intervals() {
        tables.curves.remove(journal, &curve.key(interval))?;
    }
    Ok(())
}

/// What an account has in some intervals.
struct Held {
    curves: u32,
    steps: u32,
    aside: i128,
}

impl Held {
    fn of(cx: &Cx<'_>, curve: Where) -> Self {
        let tables = cx.read::<Power>();
        let mut held = Self {
            curves: 0,
            steps: 0,
            aside: 0,
        };
        for interval in curve.intervals() {
            if let Some(old) = tables.curves.get(&curve.key(interval)) {
                held.curves += 1;
                // Correctness: no more than `STEPS_MAX`.
                held.steps += old.steps.len() as u32;
                held.aside += i128::from(old.aside.0);
            }
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_cost_is_at_the_step_that_costs_most() {
        let steps = |all: &[(i64, i64)]| -> Vec<_> {
            let all = all.iter();
            all.map(|(price, energy)| (Price(*price), WattHours(*energy)))
                .collect()
        };
        // 1 MWh at 90, 5 at 50, 6 at 10: 90, 250, 60 of the currency.
        let buys = steps(&[
            (900_000, 1_000_000),
            (500_000, 4_000_000),
            (100_000, 1_000_000),
        ]);
        assert_eq!(worst_cost(Side::Buy, &buys), Ok(Money(250_000_001)));
        assert_eq!(
            worst_cost(Side::Buy, &steps(&[(-5, 8), (-9, 2)])),
            Ok(Money(0))
        );
        assert_eq!(worst_cost(Side::Buy, &steps(&[(0, 8)])), Ok(Money(0)));
        assert_eq!(worst_cost(Side::Buy, &steps(&[(1, 1)])), Ok(Money(1)));
        // 2 MWh at -80, 10 at -20: 160, 200.
        let sells = steps(&[(-800_000, 2_000_000), (-200_000, 8_000_000), (5, 1)]);
        assert_eq!(worst_cost(Side::Sell, &sells), Ok(Money(200_000_001)));
        assert_eq!(
            worst_cost(Side::Sell, &steps(&[(0, 8), (9, 2)])),
            Ok(Money(0))
        );
    }
}
