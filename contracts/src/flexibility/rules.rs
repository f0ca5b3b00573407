//! The numbers of flexibility: days and their intervals, runs of powers over them, and bounds.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::amount::Watts;
use crate::energy::rules::{Minutes, POWER_MAX};
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::Millis;

/// Most connections of an aggregator at a congestion point.
pub const CONNECTIONS_MAX: usize = 128;
/// Most requests to an aggregator at a congestion point whose day is not over.
pub const REQUESTS_MAX: usize = 64;
/// Most offers to a request that stand.
pub const OFFERS_MAX: usize = 8;
/// Most options of an offer.
pub const OPTIONS_MAX: usize = 8;
/// Most orders of an aggregator at a congestion point for a day.
pub const ORDERS_MAX: usize = 16;
/// Highest price of an option, in money: 10^9 of the currency. Correctness: with the energy of a day in watt minutes and parts per
/// million it comes to less than 10^34.
pub const PRICE_MAX: i64 = 1_000_000_000_000_000;
/// Highest penalty: ten times the price of what is missing.
pub const PENALTY_MAX: u32 = 10_000_000;
/// How far ahead a day can be spoken of, in milliseconds: 31 days.
pub const AHEAD_MAX: u64 = 31 * 24 * 3_600 * 1_000;
/// How far ahead a connection can be in a portfolio, in milliseconds: a year of 366 days.
pub const CONNECTED_MAX: u64 = 366 * 24 * 3_600 * 1_000;
/// How long after its day an order waits for readings, in milliseconds: 31 days. Then it is settled by those that are there.
pub const SETTLE_LIFE: u64 = 31 * 24 * 3_600 * 1_000;

const HOUR: u64 = 3_600_000;

/// First interval and how many, and the power in each of them.
pub type Runs<'a> = List<'a, ((u8, u8), Watts)>;

/// First interval and how many, the least and the most power in each of them, and what is wanted there.
pub type Needs<'a> = List<'a, ((u8, u8), ((Watts, Watts), Need))>;

/// First interval and how many; what was foreseen and ordered, and what was measured and delivered, in each of them.
pub type Statement<'a> = List<'a, ((u8, u8), ((Watts, Watts), (Watts, Watts)))>;

crate::choices! {
    /// What a grid operator wants in an interval.
    pub enum Need {
        /// Nothing: flexibility within these bounds does no harm.
        Available "available",
        /// Flexibility within these bounds.
        Requested "requested",
    }
}

/// A day of a congestion point, cut into intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Day {
    /// When it begins.
    pub start: Millis,
    /// Length of an interval.
    pub minutes: Minutes,
    /// How many intervals it has.
    pub isps: u8,
}

impl Day {
    /// The day from `start` to `end` in intervals of this length: 23, 24 or 25 hours, beginning with an interval.
    ///
    /// # Errors
    /// `FLEX_PERIOD_INVALID`.
    pub(super) fn new(start: Millis, end: Millis, minutes: Minutes) -> Result<Self, Code> {
        let length = end
            .0
            .checked_sub(start.0)
            .ok_or(Code::FLEX_PERIOD_INVALID)?;
        let is_day = [23, 24, 25].iter().any(|hours| hours * HOUR == length);
        if !is_day || !minutes.begin_at(start) {
            return Err(Code::FLEX_PERIOD_INVALID);
        }
        // Correctness: at most 100.
        let isps = (length / minutes.millis()) as u8;
        Ok(Self {
            start,
            minutes,
            isps,
        })
    }

    /// When it is over.
    #[must_use]
    pub fn end(&self) -> Millis {
        self.begin(self.isps)
    }

    /// When an interval begins.
    #[must_use]
    pub fn begin(&self, isp: u8) -> Millis {
        Millis(self.start.0 + u64::from(isp) * self.minutes.millis())
    }

    /// Whether it is not over, and begins within 31 days.
    ///
    /// # Errors
    /// `FLEX_PERIOD_INVALID`.
    pub(super) fn check_coming(&self, now: Millis) -> Result<(), Code> {
        if now < self.end() && self.start.0.saturating_sub(now.0) <= AHEAD_MAX {
            Ok(())
        } else {
            Err(Code::FLEX_PERIOD_INVALID)
        }
    }

    /// Whether some of another day that is not this one is in it.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self != other && self.start < other.end() && other.start < self.end()
    }

    /// The places of a run of intervals.
    fn places(&self, first: u8, count: u8) -> Option<std::ops::Range<usize>> {
        let (first, isps) = (usize::from(first), usize::from(self.isps));
        let end = first + usize::from(count);
        (count > 0 && end <= isps).then_some(first..end)
    }
}

/// Powers of a day that are said in runs: rising, none twice.
pub(super) struct Filled<T> {
    day: Day,
    /// One an interval.
    pub(super) all: Vec<T>,
    next: usize,
}

impl<T: Copy> Filled<T> {
    /// All of them are `empty` so far.
    pub(super) fn new(day: Day, empty: T) -> Self {
        Self {
            day,
            all: vec![empty; usize::from(day.isps)],
            next: 0,
        }
    }

    /// Adds the next run.
    ///
    /// # Errors
    /// `ISPS_INVALID` when there are no such intervals, or they do not come behind the last ones.
    pub(super) fn run(&mut self, first: u8, count: u8, value: T) -> Result<(), Code> {
        let places = self.day.places(first, count).ok_or(Code::ISPS_INVALID)?;
        if places.start < self.next {
            return Err(Code::ISPS_INVALID);
        }
        self.next = places.end;
        self.all[places].fill(value);
        Ok(())
    }
}

/// The power of each interval; nothing in those that no run tells of.
///
/// # Errors
/// `ISPS_INVALID`.
pub(super) fn powers(runs: Runs<'_>, day: Day) -> Result<Vec<Watts>, Code> {
    let mut filled = Filled::new(day, Watts::ZERO);
    for ((first, count), power) in runs.iter() {
        filled.run(first, count, check_power(power)?)?;
    }
    Ok(filled.all)
}

/// Whether runs tell of every interval of the day, once they are known to be sound.
pub(super) fn is_whole(runs: Runs<'_>, day: Day) -> bool {
    let told = runs.iter().map(|((_, count), _)| usize::from(count));
    told.sum::<usize>() == usize::from(day.isps)
}

/// # Errors
/// `ISPS_INVALID` beyond what a resource can have.
pub(super) fn check_power(power: Watts) -> Result<Watts, Code> {
    if (-POWER_MAX..=POWER_MAX).contains(&power.0) {
        Ok(power)
    } else {
        Err(Code::ISPS_INVALID)
    }
}

/// The first interval with power.
pub(super) fn first_used(powers: &[Watts]) -> Option<u8> {
    let place = powers.iter().position(|power| *power != Watts::ZERO)?;
    // Correctness: a day has at most 100.
    Some(place as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The days of 2026 in Amsterdam on which clocks are set, by the tables of the IANA time zones.
    #[test]
    fn a_day_has_as_many_intervals_as_its_hours_have() {
        let march = 1_774_738_800_000; // 2026-03-28T23:00Z
        let october = 1_792_879_200_000; // 2026-10-24T22:00Z
        let isps = |start, hours: u64, minutes| {
            let day = Day::new(Millis(start), Millis(start + hours * HOUR), minutes);
            day.map(|day| day.isps)
        };
        assert_eq!(isps(march, 23, Minutes::Fifteen), Ok(92));
        assert_eq!(isps(march - 24 * HOUR, 24, Minutes::Fifteen), Ok(96));
        assert_eq!(isps(october, 25, Minutes::Fifteen), Ok(100));
        assert_eq!(isps(october, 25, Minutes::Thirty), Ok(50));
        assert_eq!(isps(march, 23, Minutes::Sixty), Ok(23));
        let refused = Err(Code::FLEX_PERIOD_INVALID);
        assert_eq!(isps(march, 22, Minutes::Fifteen), refused);
        assert_eq!(isps(march, 26, Minutes::Fifteen), refused);
        assert_eq!(isps(march + 900_000, 24, Minutes::Thirty), refused);
        assert_eq!(
            Day::new(Millis(march), Millis(0), Minutes::Fifteen).err(),
            refused.err()
        );
    }

    #[test]
    fn runs_rise_and_stay_within_the_day() {
        let day = Day::new(Millis(0), Millis(24 * HOUR), Minutes::Sixty).unwrap();
        let told = |runs: &[((u8, u8), Watts)]| powers(List::Items(runs), day);
        let found = told(&[((0, 2), Watts(5)), ((3, 21), Watts(-1))]).unwrap();
        assert_eq!(
            found[..5],
            [Watts(5), Watts(5), Watts(0), Watts(-1), Watts(-1)]
        );
        assert_eq!(found.len(), 24);
        for wrong in [
            &[((0, 0), Watts(1))][..],
            &[((24, 1), Watts(1))],
            &[((255, 255), Watts(1))],
            &[((0, 2), Watts(1)), ((1, 1), Watts(1))],
            &[((2, 1), Watts(1)), ((0, 1), Watts(1))],
            &[((0, 1), Watts(POWER_MAX + 1))],
            &[((0, 1), Watts(i64::MIN))],
        ] {
            assert_eq!(told(wrong), Err(Code::ISPS_INVALID), "{wrong:?}");
        }
    }
}
