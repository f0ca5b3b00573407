//! What an order comes to: what meters read less the prognosis, as far as it was ordered, and the price by that share.
//!
//! Energy is compared in watt minutes, so nothing is rounded but the payment, once: the price times what was delivered, less the
//! penalty's part of what is missing, over what was ordered; never below zero. It is booked with the same integer on both sides.

use super::event::Event;
use super::module::Flexibility;
use super::order::{Order, Settled};
use super::rules::{Filled, Statement};
use crate::amount::{Currency, Money, PPM, Watts};
use crate::energy::Energy;
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::money::aside;
use crate::receipt::Code;
use crate::tx::Millis;

/// Minutes of an hour: watt minutes of a watt hour.
const HOUR: i64 = 60;

/// What meters read in all, in watt hours, in each interval that has power or counts; none where one is missing, or nobody asks.
fn measured(
    cx: &mut Cx<'_>,
    order: &Order,
    counts: impl Fn(usize) -> bool,
) -> Result<Vec<Option<i64>>, Code> {
    let used = |isp: usize| order.powers[isp] != Watts::ZERO || counts(isp);
    let count = (0..order.powers.len()).filter(|isp| used(*isp)).count();
    cx.charge_items(count * order.resources.len())?;
    let energy = cx.read::<Energy>();
    let of = |isp: u8| {
        if !used(usize::from(isp)) {
            return None;
        }
        let start = order.day.begin(isp);
        let mut all = order.resources.iter();
        // Correctness: no more than 128 readings of 10^12.
        all.try_fold(0, |sum, resource| {
            let energy = energy.reading(start, *resource)?;
            Some(sum + energy.0)
        })
    };
    Ok((0..order.day.isps).map(of).collect())
}

impl Order {
    /// What was delivered in an interval of what was ordered there, in watt minutes of its direction.
    fn delivered(&self, isp: usize, measured: i64) -> i64 {
        let minutes = self.day.minutes.number() as i64;
        let ordered = self.powers[isp].0 * minutes;
        // Correctness: below 10^17.
        let more = measured * HOUR - self.baseline[isp].0 * minutes;
        more.clamp(ordered.min(0), ordered.max(0))
    }

    /// What it comes to when this was measured, with this penalty.
    fn outcome(&self, measured: &[Option<i64>], penalty_ppm: u32) -> Settled {
        let minutes = self.day.minutes.number();
        let (mut ordered, mut delivered) = (0, 0);
        for (isp, measured) in measured.iter().enumerate() {
            ordered += self.powers[isp].0.unsigned_abs() * minutes;
            if let Some(measured) = *measured {
                delivered += self.delivered(isp, measured).unsigned_abs();
            }
        }
        // Correctness: energy is below 10^13 and a price at most 10^15, so all of it is below 10^35.
        let kept = i128::from(ordered - delivered) * i128::from(penalty_ppm);
        let due = (i128::from(delivered) * i128::from(PPM) - kept).max(0);
        let whole = i128::from(ordered) * i128::from(PPM);
        let payment = i128::from(self.price.0) * due / whole.max(1);
        Settled {
            ordered,
            delivered,
            payment: Money(payment as i64),
        }
    }
}

/// Refused in this order: no such order; neither side represented; settled before; another day, price or currency; intervals of the
/// statement that do not rise; something else was foreseen or ordered there; a reading is missing of an interval with power, or of one in
/// the statement; the meters say something else than the statement.
///
/// 31 days after its day no reading is waited for, and the order is forgotten at once: this is the way out where the trigger failed,
/// which is there once.
pub(super) fn settle(
    cx: &mut Cx<'_>,
    number: u64,
    terms: Option<(Millis, (Money, Currency))>,
    statement: Statement<'_>,
) -> Result<(), Code> {
    let tables = cx.read::<Flexibility>();
    let order = tables.order(number)?;
    let point = tables.point(order.point)?;
    let (operator, currency) = (point.account, point.currency);
    let identity = cx.read::<Identity>();
    let own = |id| identity.represented(cx.member(), id).is_ok();
    if !own(operator) && !own(order.aggregator) {
        return Err(Code::NOT_REPRESENTATIVE);
    }
    if order.settled.is_some() {
        return Err(Code::FLEX_ORDER_SETTLED);
    }
    let own = (order.day.start, (order.price, currency));
    if terms.is_some_and(|said| said != own) {
        return Err(Code::SETTLEMENT_MISMATCH);
    }
    let mut stated = Filled::new(order.day, None);
    for ((first, count), said) in statement.iter() {
        stated.run(first, count, Some(said))?;
    }
    for (isp, said) in stated.all.iter().enumerate() {
        let own = (order.baseline[isp], order.powers[isp]);
        if said.is_some_and(|(said, _)| said != own) {
            return Err(Code::SETTLEMENT_MISMATCH);
        }
    }
    let order = order.clone();
    let measured = measured(cx, &order, |isp| stated.all[isp].is_some())?;
    let is_late = order.forgotten() <= cx.block().time;
    let missing = |(isp, said): (usize, &Option<_>)| {
        let counts = order.powers[isp] != Watts::ZERO || said.is_some();
        counts && measured[isp].is_none()
    };
    if !is_late && stated.all.iter().enumerate().any(missing) {
        return Err(Code::UNKNOWN_READING);
    }
    let minutes = order.day.minutes.number() as i64;
    for (isp, said) in stated.all.iter().enumerate() {
        let (Some((_, (actual, delivered))), Some(measured)) = (said, measured[isp]) else {
            continue;
        };
        let found = (
            measured * HOUR / minutes,
            order.delivered(isp, measured) / minutes,
        );
        if (actual.0, delivered.0) != found {
            return Err(Code::SETTLEMENT_MISMATCH);
        }
    }
    pay(cx, number, order, &measured)?;
    if is_late {
        forget(cx, number)?;
    }
    Ok(())
}

/// Settles an order by what was measured, if nobody has, and forgets it.
pub(super) fn end(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let order = cx.read::<Flexibility>().orders.get(&number);
    if let Some(order) = order.filter(|order| order.settled.is_none()) {
        let order = order.clone();
        let measured = measured(cx, &order, |_| false)?;
        pay(cx, number, order, &measured)?;
    }
    forget(cx, number)
}

fn forget(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Flexibility>();
    let Some(order) = tables.orders.remove(journal, &number)? else {
        return Ok(());
    };
    let key = (order.point, order.aggregator, order.day.start, number);
    tables.ordered.remove(journal, &key).map(|_| ())
}

fn pay(cx: &mut Cx<'_>, number: u64, order: Order, measured: &[Option<i64>]) -> Result<(), Code> {
    let point = cx.read::<Flexibility>().point(order.point)?;
    let (operator, currency) = (point.account, point.currency);
    let settled = order.outcome(measured, point.penalty_ppm);
    let (price, aggregator) = (order.price, order.aggregator);
    let identity = cx.read::<Identity>();
    let (from, to) = (identity.find(operator)?, identity.find(aggregator)?);

    if price > Money::ZERO {
        let between = ((operator, from), (aggregator, to));
        aside::pay(cx, between, currency, settled.payment, price)?;
    }
    account::count(cx, to, false)?;
    let new = Order {
        settled: Some(settled),
        ..order
    };
    let (tables, journal) = cx.tables::<Flexibility>();
    tables.orders.set(journal, number, new)?;
    cx.emit::<Flexibility>(&Event::FlexSettled {
        order: number,
        operator,
        aggregator,
        ordered: settled.ordered,
        delivered: settled.delivered,
        payment: settled.payment,
        currency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::rules::Minutes;
    use crate::flexibility::PointId;
    use crate::flexibility::rules::Day;
    use crate::tx::{AccountId, Millis};

    fn order(powers: &[i64], baseline: &[i64], price: i64) -> Order {
        let watts = |all: &[i64]| all.iter().map(|power| Watts(*power)).collect();
        Order {
            point: PointId(1),
            aggregator: AccountId(1),
            day: Day {
                start: Millis(0),
                minutes: Minutes::Fifteen,
                isps: powers.len() as u8,
            },
            price: Money(price),
            baseline: watts(baseline),
            powers: watts(powers),
            resources: Vec::new(),
            settled: None,
        }
    }

    #[test]
    fn what_is_more_or_the_other_way_is_not_paid() {
        // 4 kW more than 8 kW are ordered, then 4 kW less.
        let one = order(&[4_000, -4_000], &[8_000, 8_000], 100);
        let paid = |first, second| one.outcome(&[first, second], 0).payment.0;
        assert_eq!(paid(Some(3_000), Some(1_000)), 100, "all of it");
        assert_eq!(paid(Some(9_000), Some(-9_000)), 100, "more");
        assert_eq!(paid(Some(1_000), Some(9_000)), 0, "the other way");
        assert_eq!(paid(Some(3_000), None), 50, "a reading is missing");
        assert_eq!(paid(Some(2_500), Some(1_000)), 75, "half of the first");
    }

    #[test]
    fn a_penalty_keeps_more_back_and_never_asks_for_money() {
        let one = order(&[4_000], &[8_000], 1_000);
        let paid = |measured, penalty| one.outcome(&[Some(measured)], penalty).payment.0;
        assert_eq!(paid(2_900, 0), 900);
        assert_eq!(paid(2_900, PPM), 800);
        assert_eq!(paid(2_500, PPM), 0);
        assert_eq!(paid(2_100, 10 * PPM), 0);
        assert_eq!(paid(2_999, 1), 998, "truncated: 998.999998");
    }

    #[test]
    fn the_largest_numbers_fit() {
        use crate::flexibility::rules::{PENALTY_MAX, PRICE_MAX};
        let most = 1_000_000_000;
        let one = order(&[most; 100], &[-most; 100], PRICE_MAX);
        let all = one.outcome(&[Some(128 * 1_000_000_000_000); 100], PENALTY_MAX);
        assert_eq!(
            (all.ordered, all.delivered),
            (1_500_000_000_000, 1_500_000_000_000)
        );
        assert_eq!(all.payment.0, PRICE_MAX);
        let none = one.outcome(&[Some(-128 * 1_000_000_000_000); 100], PENALTY_MAX);
        assert_eq!((none.delivered, none.payment.0), (0, 0));
    }
}
