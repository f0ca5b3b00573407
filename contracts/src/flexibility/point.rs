//! A congestion point: a place of the grid that must not be loaded too much, and how its messages speak of time.

use borsh::{BorshDeserialize, BorshSerialize};

use super::PointId;
use super::event::Event;
use super::module::{Flexibility, Tables};
use super::rules::{Day, PENALTY_MAX};
use crate::account::is_text;
use crate::amount::Currency;
use crate::energy::rules::Minutes;
use crate::energy::{MicrogridId, microgrid};
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// A congestion point.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Point {
    /// Where.
    pub microgrid: MicrogridId,
    /// The grid operator's account, which buys. It does not close while the microgrid is there.
    pub account: AccountId,
    /// What is paid in.
    pub currency: Currency,
    /// Length of an interval.
    pub minutes: Minutes,
    /// What messages call it.
    pub address: String,
    /// Name of the time zone at whose midnight its days begin.
    pub time_zone: String,
    /// What is kept back besides for power that was ordered and is missing, in millionths of its price.
    pub penalty_ppm: u32,
}

/// How a message speaks of time.
pub(super) struct Frame<'a> {
    /// Length of an interval, in minutes.
    pub(super) isp_minutes: u16,
    /// Name of the time zone.
    pub(super) time_zone: &'a str,
    /// Start of the day.
    pub(super) start: Millis,
}

impl<'a> Frame<'a> {
    pub(super) fn of(isp_minutes: u16, time_zone: &'a str, start: Millis) -> Self {
        Self {
            isp_minutes,
            time_zone,
            start,
        }
    }
}

impl Point {
    /// Whether a message speaks of time as the point does.
    ///
    /// # Errors
    /// In this order: `ISP_DURATION_MISMATCH`, `TIME_ZONE_MISMATCH`.
    fn check(&self, isp_minutes: Option<u16>, time_zone: Option<&str>) -> Result<(), Code> {
        let own = self.minutes.number();
        if isp_minutes.is_some_and(|minutes| u64::from(minutes) != own) {
            return Err(Code::ISP_DURATION_MISMATCH);
        }
        if time_zone.is_some_and(|zone| zone != self.time_zone) {
            return Err(Code::TIME_ZONE_MISMATCH);
        }
        Ok(())
    }

    /// # Errors
    /// Those of a message that speaks of time in another way.
    pub(super) fn check_frame(&self, frame: &Frame<'_>) -> Result<(), Code> {
        self.check(Some(frame.isp_minutes), Some(frame.time_zone))
    }

    /// The day of a message, which is not over and begins within 31 days.
    ///
    /// # Errors
    /// In this order: `ISP_DURATION_MISMATCH`, `TIME_ZONE_MISMATCH`, `FLEX_PERIOD_INVALID`.
    pub(super) fn day(&self, frame: &Frame<'_>, end: Millis, now: Millis) -> Result<Day, Code> {
        self.check_frame(frame)?;
        let day = Day::new(frame.start, end, self.minutes)?;
        day.check_coming(now)?;
        Ok(day)
    }
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_POINT`.
    pub(super) fn point(&self, id: PointId) -> Result<&Point, Code> {
        self.points.get(&id).ok_or(Code::UNKNOWN_POINT)
    }
}

/// The point, for a representative of its account.
///
/// # Errors
/// In this order: `UNKNOWN_POINT`, `NOT_REPRESENTATIVE`.
pub(super) fn operated<'c>(cx: &'c Cx<'_>, id: PointId) -> Result<&'c Point, Code> {
    let point = cx.read::<Flexibility>().point(id)?;
    let identity = cx.read::<Identity>();
    identity.represented(cx.member(), point.account)?;
    Ok(point)
}

/// Refused in this order: number taken; microgrid unknown, not operated by the sender; address, time zone or penalty out of range.
pub(super) fn register(
    cx: &mut Cx<'_>,
    id: PointId,
    microgrid: MicrogridId,
    (address, time_zone): (&str, &str),
    penalty_ppm: u32,
) -> Result<(), Code> {
    if cx.read::<Flexibility>().points.contains(&id) {
        return Err(Code::POINT_EXISTS);
    }
    let grid = microgrid::operated(cx, microgrid)?;
    let named = |text: &str| is_text(text) && !text.is_empty();
    if !named(address) || !named(time_zone) || penalty_ppm > PENALTY_MAX {
        return Err(Code::POINT_INVALID);
    }

    let new = Point {
        microgrid,
        account: grid.account,
        currency: grid.currency,
        minutes: grid.minutes,
        address: address.to_owned(),
        time_zone: time_zone.to_owned(),
        penalty_ppm,
    };
    let (tables, journal) = cx.tables::<Flexibility>();
    tables.points.set(journal, id, new)?;
    cx.emit::<Flexibility>(&Event::PointRegistered {
        point: id,
        microgrid,
        account: grid.account,
        address,
        time_zone,
        penalty_ppm,
    })
}

/// Refused in this order: no such point; another length of interval; another time zone.
pub(super) fn test(
    cx: &Cx<'_>,
    id: PointId,
    isp_minutes: Option<u16>,
    time_zone: Option<&str>,
) -> Result<(), Code> {
    let point = cx.read::<Flexibility>().point(id)?;
    point.check(isp_minutes, time_zone)
}
