//! Orders: one option of an offer, in whole or in part, once, with its price set aside until it is settled.

use borsh::{BorshDeserialize, BorshSerialize};

use super::PointId;
use super::call::Call;
use super::event::Event;
use super::expire::Due;
use super::module::{DayKey, Flexibility, Tables};
use super::offer::{self, OfferOption};
use super::point::{self, Frame};
use super::prognosis::Prognosis;
use super::rules::{self, Day, ORDERS_MAX, Runs, SETTLE_LIFE};
use crate::amount::{Currency, Money, PPM, Watts};
use crate::energy::ResourceId;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::money::aside;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What was ordered.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// Where.
    pub point: PointId,
    /// Who delivers.
    pub aggregator: AccountId,
    /// On which day.
    pub day: Day,
    /// What it costs when it is delivered, set aside until it is settled.
    pub price: Money,
    /// The prognosis that delivery is measured against, one an interval.
    pub baseline: Vec<Watts>,
    /// Power more than that, one an interval.
    pub powers: Vec<Watts>,
    /// Connections whose readings count.
    pub resources: Vec<ResourceId>,
    /// What it came to, once it is settled.
    pub settled: Option<Settled>,
}

/// What an order came to, in watt minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settled {
    /// What was ordered, whatever its direction.
    pub ordered: u64,
    /// What of it was delivered.
    pub delivered: u64,
    /// What was paid.
    pub payment: Money,
}

/// What an order says.
pub(super) struct Terms<'a> {
    pub(super) option: u8,
    pub(super) part_ppm: u32,
    pub(super) prognosis: u64,
    pub(super) price: Money,
    pub(super) currency: Currency,
    pub(super) powers: Runs<'a>,
}

impl OfferOption {
    /// What a part of it costs, and its powers, each truncated toward zero.
    #[must_use]
    pub fn part(&self, part_ppm: u32) -> (Money, Vec<Watts>) {
        // Correctness: a part is no more than the whole.
        let of = |whole: i64| (i128::from(whole) * i128::from(part_ppm) / i128::from(PPM)) as i64;
        let powers = self.powers.iter().map(|power| Watts(of(power.0)));
        (Money(of(self.price.0)), powers.collect())
    }
}

impl Order {
    /// When no reading is waited for any more, and it is settled and forgotten.
    #[must_use]
    pub fn forgotten(&self) -> Millis {
        forgotten(&self.day)
    }
}

fn forgotten(day: &Day) -> Millis {
    Millis(day.end().0.saturating_add(SETTLE_LIFE))
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_FLEX_ORDER`.
    pub(super) fn order(&self, number: u64) -> Result<&Order, Code> {
        self.orders.get(&number).ok_or(Code::UNKNOWN_FLEX_ORDER)
    }

    /// Numbers of the orders of a day.
    pub(super) fn orders_of(
        &self,
        (point, aggregator, start): DayKey,
    ) -> impl Iterator<Item = u64> + use<'_> {
        let first = (point, aggregator, start, 0);
        let last = (point, aggregator, start, u64::MAX);
        let all = self.ordered.range(first..=last);
        all.map(|((_, _, _, number), ())| *number)
    }
}

/// Refused in this order: no such offer; point's account not represented, not open; another length of interval, another time zone,
/// another day; the offer has expired; another currency; no such option, or a part that was not offered; price or power that are
/// not that part's, or nothing is left of it; no such prognosis; some of it is ordered by another order; as many orders as there may
/// be; too little money free; not endorsed.
pub(super) fn order(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    number: u64,
    frame: &Frame<'_>,
    terms: &Terms<'_>,
) -> Result<(), Code> {
    let tables = cx.read::<Flexibility>();
    let offer = tables.offer(number)?;
    let (id, aggregator, day) = (offer.point, offer.aggregator, offer.day);
    let point = point::operated(cx, id)?;
    let identity = cx.read::<Identity>();
    let slot = identity.to_move(cx.member(), point.account)?;
    let seller = identity.find(aggregator)?;
    point.check_frame(frame)?;
    if frame.start != day.start {
        return Err(Code::FLEX_PERIOD_INVALID);
    }
    // By the block's time: the trigger that takes it away may be late.
    if offer.expires <= cx.block().time {
        return Err(Code::FLEX_OFFER_EXPIRED);
    }
    if terms.currency != point.currency {
        return Err(Code::FLEX_ORDER_MISMATCH);
    }
    let option = offer.options.get(usize::from(terms.option));
    let option = option.ok_or(Code::OPTIONS_INVALID)?;
    if !(option.least_ppm..=PPM).contains(&terms.part_ppm) {
        return Err(Code::OPTIONS_INVALID);
    }
    let (price, powers) = option.part(terms.part_ppm);
    let same = terms.price == price && rules::powers(terms.powers, day) == Ok(powers.clone());
    if !same || rules::first_used(&powers).is_none() {
        return Err(Code::FLEX_ORDER_MISMATCH);
    }
    let key = (id, aggregator, day.start);
    let named = |one: &&Prognosis| one.day == day && one.revision == terms.prognosis;
    let prognosis = tables.prognoses.get(&key).filter(named);
    let connections = prognosis.ok_or(Code::UNKNOWN_PROGNOSIS)?.resources.len();
    let count = tables.orders_of(key).count();
    let (at, currency) = ((point.account, slot), point.currency);
    cx.charge_items((count + 2) * powers.len() + connections)?;
    let tables = cx.read::<Flexibility>();
    for other in tables.orders_of(key) {
        let mut both = powers.iter().zip(&tables.order(other)?.powers);
        if both.any(|(new, old)| *new != Watts::ZERO && *old != Watts::ZERO) {
            return Err(Code::ALREADY_ORDERED);
        }
    }
    if count >= ORDERS_MAX {
        return Err(Code::FLEX_LIMIT);
    }
    aside::check_more(cx, at, currency, price.0.into())?;
    account::second(cx, at.0, slot, || endorse::digest::<Flexibility>(call))?;
    let prognosis = cx.read::<Flexibility>().prognoses.get(&key);
    let Prognosis {
        powers: baseline,
        resources,
        ..
    } = prognosis.ok_or(Code::UNKNOWN_PROGNOSIS)?.clone();

    offer::take_out(cx, number)?;
    if price > Money::ZERO {
        aside::set(cx, at, currency, price)?;
    }
    // Its account stays, to be paid.
    account::count(cx, seller, true)?;
    // The number of its trigger is its own.
    let own = cx.schedule_work::<Flexibility>(When::Time(forgotten(&day)), &Due::Order)?;
    let new = Order {
        point: id,
        aggregator,
        day,
        price,
        baseline,
        powers,
        resources,
        settled: None,
    };
    let (tables, journal) = cx.tables::<Flexibility>();
    tables.orders.set(journal, own, new)?;
    let key = (id, aggregator, day.start, own);
    tables.ordered.set(journal, key, ())?;
    cx.emit::<Flexibility>(&Event::FlexOrdered {
        order: own,
        offer: number,
        option: terms.option,
        operator: at.0,
        aggregator,
        start: day.start,
        price,
        currency,
    })
}
