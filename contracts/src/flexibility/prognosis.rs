//! What is said of a day in advance: what an aggregator's connections will do, and which flexibility stays reserved.

use borsh::{BorshDeserialize, BorshSerialize};

use super::PointId;
use super::event::Event;
use super::expire::Due;
use super::module::{DayKey, Flexibility};
use super::point::{self, Frame};
use super::rules::{self, Day, Runs};
use crate::amount::Watts;
use crate::energy::ResourceId;
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Value;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What an aggregator's connections will do on a day without flexibility.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Prognosis {
    /// Which day.
    pub day: Day,
    /// Higher than that of the one it replaced.
    pub revision: u64,
    /// Power of all of them, one an interval.
    pub powers: Vec<Watts>,
    /// Which connections: all that are in the portfolio the whole day.
    pub resources: Vec<ResourceId>,
    /// The trigger that forgets it.
    pub trigger: u64,
}

/// Which flexibility of a contract stays reserved on a day.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reservation {
    /// Which day.
    pub day: Day,
    /// Higher than that of the update before.
    pub reference: u64,
    /// Power, one an interval.
    pub powers: Vec<Watts>,
}

/// What was said of the same day before, of sayings whose day is `of`.
///
/// # Errors
/// `FLEX_PERIOD_INVALID` when something was said of a day that overlaps it.
fn before<'t, T: Value>(
    table: &'t Ordered<DayKey, T>,
    of: impl Fn(&T) -> Day,
    (point, aggregator): (PointId, AccountId),
    day: &Day,
) -> Result<Option<&'t T>, Code> {
    // Days of a table do not overlap, so only the last that begins before this one's end can.
    let earlier = (point, aggregator, Millis(0))..(point, aggregator, day.end());
    match table.range(earlier).next_back() {
        Some((_, last)) if day.overlaps(&of(last)) => Err(Code::FLEX_PERIOD_INVALID),
        _ => Ok(table.get(&(point, aggregator, day.start))),
    }
}

/// The prognoses that have a part of a day, the last one first: at most three, for they do not overlap and a day has 23 to 25 hours.
fn meeting<'t>(
    table: &'t Ordered<DayKey, Prognosis>,
    (point, aggregator): (PointId, AccountId),
    day: &Day,
) -> impl Iterator<Item = &'t Prognosis> + use<'t> {
    let start = day.start;
    let earlier = (point, aggregator, Millis(0))..(point, aggregator, day.end());
    let all = table.range(earlier).rev().map(|(_, one)| one);
    all.take_while(move |one| start < one.day.end())
}

/// What a prognosis says, beside how it speaks of time.
pub(super) struct Said<'a> {
    place: (PointId, AccountId),
    end: Millis,
    revision: u64,
    runs: Runs<'a>,
}

impl<'a> Said<'a> {
    pub(super) fn of(
        place: (PointId, AccountId),
        end: Millis,
        revision: u64,
        runs: Runs<'a>,
    ) -> Self {
        Self {
            place,
            end,
            revision,
            runs,
        }
    }

    /// Refused in this order: account unknown, not represented, not open; no such point; another length of interval, another time zone; no
    /// day, over or too far ahead, begun; it overlaps another day; the revision does not rise; intervals that do not rise, missing ones,
    /// or power out of range; no connection is in the portfolio all day.
    pub(super) fn submit(&self, cx: &mut Cx<'_>, frame: &Frame<'_>) -> Result<(), Code> {
        let day = self.day(cx, frame)?;
        let tables = cx.read::<Flexibility>();
        let old = before(&tables.prognoses, |one| one.day, self.place, &day)?;
        if old.is_some_and(|old| self.revision <= old.revision) || self.is_taken(cx, day.start) {
            return Err(Code::REVISION_INVALID);
        }
        let trigger = old.map(|old| old.trigger);
        let (powers, resources) = self.read(cx, day)?;

        self.put(cx, day, powers, resources, trigger)
    }

    /// Refused in this order: as [`Said::submit`] until the day has begun; no prognosis has a part of it; one that has has begun; the
    /// revision does not rise; something was ordered of one that would be replaced; then again as [`Said::submit`].
    ///
    /// A day that was sold stays as it was foreseen: with another beginning, the same power could be ordered of it once more.
    pub(super) fn replace(&self, cx: &mut Cx<'_>, frame: &Frame<'_>) -> Result<(), Code> {
        let day = self.day(cx, frame)?;
        let tables = cx.read::<Flexibility>();
        let old: Vec<_> = meeting(&tables.prognoses, self.place, &day)
            .map(|one| (one.day, one.revision, one.trigger))
            .collect();
        if old.is_empty() {
            return Err(Code::UNKNOWN_PROGNOSIS);
        }
        if old.iter().any(|(day, ..)| day.start <= cx.block().time) {
            return Err(Code::FLEX_PERIOD_INVALID);
        }
        let mut revisions = old.iter().map(|(_, revision, _)| *revision);
        if revisions.any(|old| self.revision <= old) || self.is_taken(cx, day.start) {
            return Err(Code::REVISION_INVALID);
        }
        let key = |start| (self.place.0, self.place.1, start);
        let is_sold = |day: &Day| tables.orders_of(key(day.start)).next().is_some();
        if old.iter().any(|(day, ..)| is_sold(day)) {
            return Err(Code::PROGNOSIS_ORDERED);
        }
        let operator = tables.point(self.place.0)?.account;
        let (powers, resources) = self.read(cx, day)?;

        for (day, revision, trigger) in old {
            let key = key(day.start);
            if !cx.read::<Flexibility>().replaced.contains(&key) {
                let due = Due::Replaced(key.0, key.1, key.2);
                cx.schedule_work::<Flexibility>(When::Time(day.start), &due)?;
            }
            let (tables, journal) = cx.tables::<Flexibility>();
            // Higher than what stands there, or it would not have been told.
            tables.replaced.set(journal, key, revision)?;
            tables.prognoses.remove(journal, &key)?;
            cx.unschedule::<Flexibility>(When::Time(day.end()), trigger)?;
            cx.emit::<Flexibility>(&Event::PrognosisReplaced {
                point: self.place.0,
                operator,
                aggregator: self.place.1,
                start: day.start,
                revision,
            })?;
        }
        self.put(cx, day, powers, resources, None)
    }

    /// Whether a day that began there was told under this revision, or a higher one, and replaced: an order names the prognosis that it
    /// builds on by the day's start and the revision, which must not come to mean another.
    fn is_taken(&self, cx: &Cx<'_>, start: Millis) -> bool {
        let key = (self.place.0, self.place.1, start);
        let replaced = cx.read::<Flexibility>().replaced.get(&key);
        replaced.is_some_and(|last| self.revision <= *last)
    }

    /// The day that is spoken of, which is to come.
    fn day(&self, cx: &Cx<'_>, frame: &Frame<'_>) -> Result<Day, Code> {
        let (id, aggregator) = self.place;
        cx.read::<Identity>().to_move(cx.member(), aggregator)?;
        let (point, now) = (cx.read::<Flexibility>().point(id)?, cx.block().time);
        let day = point.day(frame, self.end, now)?;
        if day.start <= now {
            return Err(Code::FLEX_PERIOD_INVALID);
        }
        Ok(day)
    }

    /// Its powers, and the connections that it is about.
    fn read(&self, cx: &mut Cx<'_>, day: Day) -> Result<(Vec<Watts>, Vec<ResourceId>), Code> {
        let (id, aggregator) = self.place;
        let powers = rules::powers(self.runs, day)?;
        if !rules::is_whole(self.runs, day) {
            return Err(Code::ISPS_INVALID);
        }
        let tables = cx.read::<Flexibility>();
        let resources = tables.connected(id, aggregator, &day);
        if resources.is_empty() {
            return Err(Code::NO_PORTFOLIO);
        }
        cx.charge_items(powers.len() + 2 * resources.len())?;
        Ok((powers, resources))
    }

    /// Writes it down, to be forgotten by this trigger, or by a new one.
    fn put(
        &self,
        cx: &mut Cx<'_>,
        day: Day,
        powers: Vec<Watts>,
        resources: Vec<ResourceId>,
        trigger: Option<u64>,
    ) -> Result<(), Code> {
        let ((point, aggregator), revision) = (self.place, self.revision);
        let operator = cx.read::<Flexibility>().point(point)?.account;
        let trigger = match trigger {
            Some(trigger) => trigger,
            None => {
                let due = Due::Prognosis(point, aggregator, day.start);
                cx.schedule_work::<Flexibility>(When::Time(day.end()), &due)?
            }
        };
        // Correctness: no more than `CONNECTIONS_MAX`.
        let connections = resources.len() as u32;
        let (tables, journal) = cx.tables::<Flexibility>();
        for resource in &resources {
            if let Some(one) = tables.connections.update(journal, resource)? {
                one.bound = one.bound.max(day.end());
            }
        }
        let new = Prognosis {
            day,
            revision,
            powers,
            resources,
            trigger,
        };
        let key = (point, aggregator, day.start);
        tables.prognoses.set(journal, key, new)?;
        cx.emit::<Flexibility>(&Event::PrognosisSubmitted {
            point,
            operator,
            aggregator,
            start: day.start,
            revision,
            connections,
        })
    }
}

/// Refused in this order: no such point, not operated by the sender; another length of interval, another time zone; no day, over or too far
/// ahead; the aggregator has no connections here; it overlaps another day; the reference does not rise; intervals that do not rise, or
/// power out of range; more than was reserved before.
pub(super) fn reserve(
    cx: &mut Cx<'_>,
    (id, aggregator): (PointId, AccountId),
    frame: &Frame<'_>,
    end: Millis,
    reference: u64,
    runs: Runs<'_>,
) -> Result<(), Code> {
    let point = point::operated(cx, id)?;
    let now = cx.block().time;
    let (operator, day) = (point.account, point.day(frame, end, now)?);
    let tables = cx.read::<Flexibility>();
    if !tables.has_portfolio(id, aggregator, now) {
        return Err(Code::NO_PORTFOLIO);
    }
    let old = before(&tables.reservations, |one| one.day, (id, aggregator), &day)?;
    if old.is_some_and(|old| reference <= old.reference) {
        return Err(Code::REVISION_INVALID);
    }
    let powers = rules::powers(runs, day)?;
    // What is between nothing and what was reserved is a part of it.
    let is_part = |(new, old): (&Watts, &Watts)| (old.0.min(0)..=old.0.max(0)).contains(&new.0);
    if old.is_some_and(|old| !powers.iter().zip(&old.powers).all(is_part)) {
        return Err(Code::RESERVATION_RAISED);
    }
    let is_new = old.is_none();
    cx.charge_items(powers.len())?;

    if is_new {
        let due = Due::Reservation(id, aggregator, day.start);
        cx.schedule_work::<Flexibility>(When::Time(day.end()), &due)?;
    }
    let new = Reservation {
        day,
        reference,
        powers,
    };
    let (tables, journal) = cx.tables::<Flexibility>();
    tables
        .reservations
        .set(journal, (id, aggregator, day.start), new)?;
    cx.emit::<Flexibility>(&Event::ReservationUpdated {
        point: id,
        operator,
        aggregator,
        start: day.start,
        reference,
    })
}
