//! How much carbon a consumption stands for: by the certificates that were claimed for it, and by the residual mix for the rest.
//!
//! A watt hour at so many milligrams a kilowatt hour is so many micrograms, so each consumption comes to a whole number of them.
//! Milligrams of a series of intervals are truncated of the sum so far: the remainder goes on to the next interval, and all of them
//! together are the whole, but for less than one.

use super::claim::Point;
use super::device::INTENSITY_MAX;
use super::event::Event;
use super::module::{Granular, Tables};
use crate::energy::reading::LATE_MAX;
use crate::energy::{Energy, MicrogridId};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// How far ahead a residual mix can be published, in milliseconds: 366 days.
pub const AHEAD_MAX: u64 = 366 * 24 * 3_600 * 1_000;
/// Micrograms of a milligram.
const MILLIGRAM: u128 = 1_000;

/// What a consumption of so many watt hours stands for, in micrograms. None when a part of it is not claimed and no residual mix was
/// published for it.
#[must_use]
pub fn micrograms(consumed: u64, point: &Point, residual: Option<u32>) -> Option<u128> {
    let rest = u128::from(consumed.saturating_sub(point.claimed));
    let of_rest = match residual {
        _ if rest == 0 => 0,
        // Correctness: below 2^64 times 2^32.
        Some(intensity) => rest * u128::from(intensity),
        None => return None,
    };
    point.micrograms.checked_add(of_rest)
}

/// Whole milligrams of a series of intervals, one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Milligrams {
    /// What is left over, in micrograms; below one milligram.
    pub remainder: u128,
}

impl Milligrams {
    /// Whole milligrams with the next interval's.
    pub fn next(&mut self, micrograms: u128) -> u128 {
        let all = self.remainder.saturating_add(micrograms);
        self.remainder = all % MILLIGRAM;
        all / MILLIGRAM
    }
}

impl Tables {
    /// What electricity emits that no certificate was claimed for, in milligrams for a kilowatt hour.
    #[must_use]
    pub fn residual(&self, microgrid: MicrogridId, time: Millis) -> Option<u32> {
        let until = (microgrid, Millis(0))..=(microgrid, time);
        let last = self.residuals.range(until).next_back();
        last.map(|(_, intensity)| *intensity)
    }
}

/// Refused in this order: microgrid unknown; intensity beyond the limit, or time too far back or ahead. Each one that is published takes
/// away up to two that nothing can need any more.
pub(super) fn set_residual(
    cx: &mut Cx<'_>,
    microgrid: MicrogridId,
    from: Millis,
    intensity: u32,
) -> Result<(), Code> {
    let found = cx.read::<Energy>().microgrids.get(&microgrid);
    let account = found.ok_or(Code::UNKNOWN_MICROGRID)?.account;
    let now = cx.block().time.0;
    let oldest = now.saturating_sub(LATE_MAX);
    let times = oldest..=now.saturating_add(AHEAD_MAX);
    if intensity > INTENSITY_MAX || !times.contains(&from.0) {
        return Err(Code::RESIDUAL_INVALID);
    }

    // Of those from before the oldest time only the last one still holds.
    let past = (microgrid, Millis(0))..=(microgrid, Millis(oldest));
    let past = cx.read::<Granular>().residuals.range(past);
    let past: Vec<_> = past.take(3).map(|(key, _)| *key).collect();
    let (tables, journal) = cx.tables::<Granular>();
    for key in past.iter().take(past.len().saturating_sub(1)) {
        tables.residuals.remove(journal, key)?;
    }
    tables
        .residuals
        .set(journal, (microgrid, from), intensity)?;
    cx.emit::<Granular>(&Event::ResidualSet {
        microgrid,
        account,
        from,
        intensity,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claimed_parts_count_by_their_certificates_and_the_rest_by_the_mix() {
        let point = Point {
            claimed: 300,
            claims: 1,
            micrograms: 300 * 50,
        };
        // 700 Wh at 400 g a kilowatt hour are 280 g, and 300 Wh at 50 mg a kilowatt hour 15 mg.
        assert_eq!(micrograms(1_000, &point, Some(400_000)), Some(280_015_000));
        assert_eq!(micrograms(300, &point, None), Some(15_000));
        assert_eq!(
            micrograms(200, &point, None),
            Some(15_000),
            "claimed before"
        );
        assert_eq!(
            micrograms(301, &point, None),
            None,
            "of the last nobody knows"
        );
        assert_eq!(
            micrograms(u64::MAX, &Point::default(), Some(u32::MAX)).map(|g| g >> 64),
            Some((1 << 32) - 2)
        );
    }

    #[test]
    fn the_remainder_goes_on() {
        let mut milligrams = Milligrams::default();
        let parts = [999, 1, 0, 1_500, 500, 2_499].map(|part| milligrams.next(part));
        assert_eq!(parts, [0, 1, 0, 1, 1, 2]);
        assert_eq!(milligrams.remainder, 499);
    }
}
