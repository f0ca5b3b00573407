//! Requests for flexibility, and how requests and offers are answered.

use borsh::{BorshDeserialize, BorshSerialize};

use super::PointId;
use super::call::Document;
use super::event::Event;
use super::expire::Due;
use super::module::{Flexibility, Tables};
use super::offer;
use super::point::{self, Frame};
use super::rules::{Day, Filled, Need, Needs, REQUESTS_MAX, check_power};
use crate::account::is_text;
use crate::amount::Watts;
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What is asked for in an interval: power more than the prognosis says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bounds {
    /// The least.
    pub least: Watts,
    /// The most.
    pub most: Watts,
    /// Whether it is wanted.
    pub need: Need,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Request {
    /// Where.
    pub point: PointId,
    /// Whom.
    pub aggregator: AccountId,
    /// For which day.
    pub day: Day,
    /// First moment at which no offer is taken.
    pub expires: Millis,
    /// Whether the aggregator said that it is well.
    pub accepted: bool,
    /// What is asked for, one an interval.
    pub bounds: Vec<Bounds>,
}

impl Bounds {
    const NOTHING: Self = Self {
        least: Watts::ZERO,
        most: Watts::ZERO,
        need: Need::Available,
    };

    /// Whether the bounds are in order, and what does no harm may be nothing.
    fn check(self) -> Result<Self, Code> {
        check_power(self.least)?;
        check_power(self.most)?;
        let free =
            self.need == Need::Requested || (self.least <= Watts::ZERO && Watts::ZERO <= self.most);
        if self.least <= self.most && free {
            Ok(self)
        } else {
            Err(Code::ISPS_INVALID)
        }
    }

    /// Whether so much can be offered: no more than is asked for, in its direction. Less is better than nothing.
    #[must_use]
    pub fn takes(&self, power: Watts) -> bool {
        (self.least.0.min(0)..=self.most.0.max(0)).contains(&power.0)
    }
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_FLEX_REQUEST`.
    pub(super) fn request(&self, number: u64) -> Result<&Request, Code> {
        let request = self.requests.get(&number);
        request.ok_or(Code::UNKNOWN_FLEX_REQUEST)
    }
}

/// Refused in this order: no such point, not operated by the sender; another length of interval, another time zone; no day, over or too far
/// ahead; it expires at once, or after its day; the aggregator has no connections here; intervals that do not rise, or bounds out of
/// range; nothing asked for; as many requests as there may be.
pub(super) fn request(
    cx: &mut Cx<'_>,
    (id, aggregator): (PointId, AccountId),
    frame: &Frame<'_>,
    end: Millis,
    expires: Millis,
    needs: Needs<'_>,
) -> Result<(), Code> {
    let point = point::operated(cx, id)?;
    let now = cx.block().time;
    let (operator, day) = (point.account, point.day(frame, end, now)?);
    if expires <= now || day.end() < expires {
        return Err(Code::FLEX_PERIOD_INVALID);
    }
    let tables = cx.read::<Flexibility>();
    if !tables.has_portfolio(id, aggregator, now) {
        return Err(Code::NO_PORTFOLIO);
    }
    let mut filled = Filled::new(day, Bounds::NOTHING);
    for ((first, count), ((least, most), need)) in needs.iter() {
        let bounds = Bounds { least, most, need };
        filled.run(first, count, bounds.check()?)?;
    }
    let bounds = filled.all;
    if bounds.iter().all(|one| one.need == Need::Available) {
        return Err(Code::ISPS_INVALID);
    }
    let (first, last) = ((id, aggregator, 0), (id, aggregator, u64::MAX));
    if tables.requested.range(first..=last).count() >= REQUESTS_MAX {
        return Err(Code::FLEX_LIMIT);
    }
    cx.charge_items(bounds.len())?;

    // The number of its trigger is its own.
    let number = cx.schedule_work::<Flexibility>(When::Time(day.end()), &Due::Request)?;
    let new = Request {
        point: id,
        aggregator,
        day,
        expires,
        accepted: false,
        bounds,
    };
    let (tables, journal) = cx.tables::<Flexibility>();
    tables.requests.set(journal, number, new)?;
    tables
        .requested
        .set(journal, (id, aggregator, number), ())?;
    cx.emit::<Flexibility>(&Event::FlexRequested {
        request: number,
        point: id,
        operator,
        aggregator,
        start: day.start,
        expires,
    })
}

/// Refused in this order: no such request or offer; not represented; answered before; a reason that is none where it is rejected.
pub(super) fn answer(
    cx: &mut Cx<'_>,
    document: Document,
    number: u64,
    accepted: bool,
    reason: &str,
) -> Result<(), Code> {
    let tables = cx.read::<Flexibility>();
    let (point, aggregator, answered) = match document {
        Document::Request => {
            let request = tables.request(number)?;
            (request.point, request.aggregator, request.accepted)
        }
        Document::Offer => {
            let offer = tables.offer(number)?;
            (offer.point, offer.aggregator, offer.accepted)
        }
    };
    let operator = tables.point(point)?.account;
    let by = match document {
        Document::Request => aggregator,
        Document::Offer => operator,
    };
    let identity = cx.read::<Identity>();
    identity.represented(cx.member(), by)?;
    if answered {
        return Err(Code::FLEX_ANSWERED);
    }
    if !is_text(reason) || (reason.is_empty() && !accepted) {
        return Err(Code::TEXT_TOO_LONG);
    }

    let (tables, journal) = cx.tables::<Flexibility>();
    match document {
        Document::Request if accepted => {
            if let Some(request) = tables.requests.update(journal, &number)? {
                request.accepted = true;
            }
        }
        Document::Request => take_out(cx, number)?,
        Document::Offer if accepted => {
            if let Some(offer) = tables.offers.update(journal, &number)? {
                offer.accepted = true;
            }
        }
        Document::Offer => offer::take_out(cx, number)?,
    }
    cx.emit::<Flexibility>(&Event::Answered {
        document,
        number,
        operator,
        aggregator,
        accepted,
        reason,
    })
}

/// Takes a request away before its day is over. Offers to it stand.
fn take_out(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let end = cx.read::<Flexibility>().request(number)?.day.end();
    cx.unschedule::<Flexibility>(When::Time(end), number)?;
    remove(cx, number)
}

/// Takes a request away.
pub(super) fn remove(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Flexibility>();
    let Some(request) = tables.requests.remove(journal, &number)? else {
        return Ok(());
    };
    let key = (request.point, request.aggregator, number);
    tables.requested.remove(journal, &key).map(|_| ())
}
