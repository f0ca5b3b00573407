//! Offers of flexibility: options with a price each, of which one can be ordered, once, until the offer expires or is withdrawn.

use borsh::{BorshDeserialize, BorshSerialize};

use super::PointId;
use super::event::Event;
use super::expire::Due;
use super::module::{Flexibility, Tables};
use super::point::Frame;
use super::rules::{Day, Filled, OFFERS_MAX, OPTIONS_MAX, PRICE_MAX, check_power, first_used};
use crate::amount::{Currency, Money, PPM, Watts};
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// One way in which flexibility is offered.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OfferOption {
    /// What all of it costs.
    pub price: Money,
    /// The least part of it that can be ordered, in millionths.
    pub least_ppm: u32,
    /// Power more than the prognosis says, one an interval.
    pub powers: Vec<Watts>,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// To which request.
    pub request: u64,
    /// Where.
    pub point: PointId,
    /// Whose.
    pub aggregator: AccountId,
    /// For which day.
    pub day: Day,
    /// First moment at which it cannot be ordered.
    pub expires: Millis,
    /// Whether the grid operator said that it is well.
    pub accepted: bool,
    /// In which ways.
    pub options: Vec<OfferOption>,
}

/// What an offer says.
pub(super) struct Terms<'a> {
    pub(super) expires: Millis,
    pub(super) currency: Currency,
    pub(super) options: List<'a, (Money, u32)>,
    pub(super) powers: List<'a, ((u8, u8), (u8, Watts))>,
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_FLEX_OFFER`.
    pub(super) fn offer(&self, number: u64) -> Result<&Offer, Code> {
        self.offers.get(&number).ok_or(Code::UNKNOWN_FLEX_OFFER)
    }
}

/// The options with their powers.
///
/// # Errors
/// In this order: `OPTIONS_INVALID`, `ISPS_INVALID`.
fn options(day: Day, terms: &Terms<'_>) -> Result<Vec<OfferOption>, Code> {
    let count = terms.options.len();
    if !(1..=OPTIONS_MAX).contains(&count) {
        return Err(Code::OPTIONS_INVALID);
    }
    for (price, least_ppm) in terms.options.iter() {
        if !(0..=PRICE_MAX).contains(&price.0) || !(1..=PPM).contains(&least_ppm) {
            return Err(Code::OPTIONS_INVALID);
        }
    }
    let mut filled: Vec<_> = (0..count).map(|_| Filled::new(day, Watts::ZERO)).collect();
    for ((option, first), (count, power)) in terms.powers.iter() {
        let of = filled.get_mut(usize::from(option));
        let of = of.ok_or(Code::ISPS_INVALID)?;
        of.run(first, count, check_power(power)?)?;
    }
    let all = terms.options.iter().zip(filled);
    let all = all.map(|((price, least_ppm), filled)| OfferOption {
        price,
        least_ppm,
        powers: filled.all,
    });
    Ok(all.collect())
}

/// Refused in this order: no such request; account not represented, not open; another length of interval, another time zone, another
/// day; the request has expired; another currency; options, prices or parts out of range; intervals that do not rise,
/// or power out of range; an option without power; power that was not asked for; it expires at once, or after its first interval
/// with power began; as many offers as there may be.
pub(super) fn offer(
    cx: &mut Cx<'_>,
    number: u64,
    frame: &Frame<'_>,
    terms: &Terms<'_>,
) -> Result<(), Code> {
    let tables = cx.read::<Flexibility>();
    let request = tables.request(number)?;
    let (id, aggregator, day) = (request.point, request.aggregator, request.day);
    let slot = cx.read::<Identity>().to_move(cx.member(), aggregator)?;
    let point = tables.point(id)?;
    let operator = point.account;
    point.check_frame(frame)?;
    if frame.start != day.start {
        return Err(Code::FLEX_PERIOD_INVALID);
    }
    let now = cx.block().time;
    if request.expires <= now {
        return Err(Code::FLEX_REQUEST_CLOSED);
    }
    if terms.currency != point.currency {
        return Err(Code::OPTIONS_INVALID);
    }
    let options = options(day, terms)?;
    let mut first = day.isps;
    for option in &options {
        let own = first_used(&option.powers).ok_or(Code::OPTIONS_INVALID)?;
        first = first.min(own);
        let mut asked = option.powers.iter().zip(&request.bounds);
        if asked.any(|(power, bounds)| !bounds.takes(*power)) {
            return Err(Code::OFFER_OUTSIDE_REQUEST);
        }
    }
    if terms.expires <= now || day.begin(first) < terms.expires {
        return Err(Code::FLEX_OFFER_EXPIRED);
    }
    let others = (number, 0)..=(number, u64::MAX);
    if tables.offered.range(others).count() >= OFFERS_MAX {
        return Err(Code::FLEX_LIMIT);
    }
    cx.charge_items(options.len() * usize::from(day.isps))?;

    // The number of its trigger is its own.
    let own = cx.schedule_work::<Flexibility>(When::Time(terms.expires), &Due::Offer)?;
    account::count(cx, slot, true)?;
    // Correctness: no more than `OPTIONS_MAX`.
    let count = options.len() as u8;
    let new = Offer {
        request: number,
        point: id,
        aggregator,
        day,
        expires: terms.expires,
        accepted: false,
        options,
    };
    let (tables, journal) = cx.tables::<Flexibility>();
    tables.offers.set(journal, own, new)?;
    tables.offered.set(journal, (number, own), ())?;
    cx.emit::<Flexibility>(&Event::FlexOffered {
        offer: own,
        request: number,
        operator,
        aggregator,
        options: count,
        expires: terms.expires,
    })
}

/// Refused in this order: no such offer, or none any more; its account not represented.
pub(super) fn withdraw(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let tables = cx.read::<Flexibility>();
    let offer = tables.offer(number)?;
    let (request, aggregator) = (offer.request, offer.aggregator);
    let operator = tables.point(offer.point)?.account;
    let identity = cx.read::<Identity>();
    identity.represented(cx.member(), aggregator)?;

    take_out(cx, number)?;
    cx.emit::<Flexibility>(&Event::OfferWithdrawn {
        offer: number,
        request,
        operator,
        aggregator,
    })
}

/// Takes an offer away before it expires.
pub(super) fn take_out(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let expires = cx.read::<Flexibility>().offer(number)?.expires;
    cx.unschedule::<Flexibility>(When::Time(expires), number)?;
    remove(cx, number).map(|_| ())
}

/// Takes an offer away. Its account may close then.
pub(super) fn remove(cx: &mut Cx<'_>, number: u64) -> Result<Offer, Code> {
    let (tables, journal) = cx.tables::<Flexibility>();
    let offer = tables.offers.remove(journal, &number)?;
    let offer = offer.ok_or(Code::UNKNOWN_FLEX_OFFER)?;
    tables.offered.remove(journal, &(offer.request, number))?;
    let slot = cx.read::<Identity>().find(offer.aggregator)?;
    account::count(cx, slot, false)?;
    Ok(offer)
}
