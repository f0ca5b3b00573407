//! Where something was seen, and whether the same tag can have been at two places (S6).
//!
//! The distance is worked out in integers. A point on the sphere is a vector of three numbers in units of 2^-30, its sines and
//! cosines by their series; the chord `c` between two points, in radii, gives a lower bound of the arc,
//! `c + c^3/24 + 3 c^5/640`, the first terms of `2 asin(c/2)`, all of them positive; times the mean radius of the earth,
//! 6,371,009 m.
//!
//! Error bound. Never longer than the great circle by more than a metre; shorter by less than 1 % up to 10,000 km and by 21 % at
//! the antipode. The earth is no sphere: a great circle is at most 0.6 % longer than the way over the ellipsoid, so
//! [`is_impossible`] takes 1 % off. It accuses nobody wrongly, and what it lets pass is a fifth faster than it should be at most.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::receipt::Code;
use crate::tx::Millis;

/// Mean radius of the earth in metres (IUGG).
const RADIUS: u64 = 6_371_009;
/// One in the vectors.
const ONE: i64 = 1 << 30;
/// Half a turn in millionths of a degree.
const HALF_TURN: i64 = 180_000_000;
/// Pi in units of 2^-30.
const PI: i64 = 3_373_259_426;
/// How far two readings of one place may be apart, in metres: places are rough and clocks differ.
const ROUGH: u64 = 20_000;

/// A place on the earth, in millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Place {
    /// North of the equator.
    pub latitude: i32,
    /// East of Greenwich.
    pub longitude: i32,
}

impl Place {
    /// From latitude and longitude.
    ///
    /// # Errors
    /// `PLACE_INVALID` beyond 90 and 180 degrees.
    pub fn new((latitude, longitude): (i64, i64)) -> Result<Self, Code> {
        let sound = latitude.unsigned_abs() <= 90_000_000
            && longitude.unsigned_abs() <= HALF_TURN.unsigned_abs();
        match (i32::try_from(latitude), i32::try_from(longitude)) {
            (Ok(latitude), Ok(longitude)) if sound => Ok(Self {
                latitude,
                longitude,
            }),
            _ => Err(Code::PLACE_INVALID),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_pair(self) -> (i64, i64) {
        (self.latitude.into(), self.longitude.into())
    }

    /// Its vector from the centre of the earth.
    fn vector(self) -> [i64; 3] {
        let (sin_latitude, cos_latitude) = sin_cos(self.latitude.into());
        let (sin_longitude, cos_longitude) = sin_cos(self.longitude.into());
        [
            (cos_latitude * cos_longitude) >> 30,
            (cos_latitude * sin_longitude) >> 30,
            sin_latitude,
        ]
    }

    /// Metres to another place, at least; as the file's head says.
    #[must_use]
    pub fn metres_to(self, other: Self) -> u64 {
        let (a, b) = (self.vector(), other.vector());
        let square: u64 = a.iter().zip(b).map(|(a, b)| a.abs_diff(b).pow(2)).sum();
        // Correctness: a chord is at most 2, so below 2^31 + 4 with what was rounded, and its square, `square`, below 2^63.
        let chord = square.isqrt();
        let unit = u128::from(ONE.unsigned_abs());
        let square = u128::from(square);
        let wide = u128::from(chord);
        let third = wide * square / (24 * unit * unit);
        let fifth = 3 * wide * square / unit * square / (640 * unit * unit * unit);
        let arc = wide + third + fifth;
        // Below 2.5 radii, so it fits.
        u64::try_from(arc * u128::from(RADIUS) / unit).unwrap_or(u64::MAX)
    }
}

/// Sine and cosine of an angle of at most half a turn, in millionths of a degree.
fn sin_cos(angle: i64) -> (i64, i64) {
    // Into the first quarter, where the series is short: sine stays, cosine changes its sign.
    let quarter = HALF_TURN / 2;
    let (folded, sign) = if angle.abs() > quarter {
        ((HALF_TURN - angle.abs()) * angle.signum(), -1)
    } else {
        (angle, 1)
    };
    // Correctness: below 1.58 * 2^30; a product with one of `x` or `square` is below 2^63.
    let x = folded * PI / HALF_TURN;
    let square = (x * x) >> 30;
    let (mut sine, mut cosine) = (x, ONE);
    let (mut odd, mut even) = (x, ONE);
    for n in [2, 4, 6, 8, 10, 12, 14] {
        even = -((even * square) >> 30) / ((n - 1) * n);
        odd = -((odd * square) >> 30) / (n * (n + 1));
        cosine += even;
        sine += odd;
    }
    (sine, sign * cosine)
}

/// Whether nothing gets from one place to the other between these times: faster than 1,200 km/h over the ground, which no
/// freighter flies, after 20 km for rough places and clocks that differ.
#[must_use]
pub fn is_impossible((from, left): (Place, Millis), (to, seen): (Place, Millis)) -> bool {
    // 1,200 km/h is a third of a metre in a millisecond.
    let reach = left.0.abs_diff(seen.0) / 3;
    // Nothing on earth is further away than that.
    if from == to || reach > 20_100_000 {
        return false;
    }
    from.metres_to(to) * 99 / 100 > reach + ROUGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: i64, longitude: i64) -> Place {
        Place::new((latitude, longitude)).expect("a place")
    }

    /// The haversine formula in floating point: the second implementation.
    #[allow(clippy::disallowed_types, reason = "to compare with")]
    fn haversine(a: Place, b: Place) -> f64 {
        let angle = |micro: i32| f64::from(micro) / 1e6 * std::f64::consts::PI / 180.0;
        let (la, lb) = (angle(a.latitude), angle(b.latitude));
        let half = |x: f64| (x / 2.0).sin().powi(2);
        let h = half(lb - la) + la.cos() * lb.cos() * half(angle(b.longitude) - angle(a.longitude));
        2.0 * 6_371_009.0 * h.sqrt().min(1.0).asin()
    }

    #[test]
    #[allow(clippy::disallowed_types, reason = "to compare with")]
    fn the_distance_keeps_its_bounds() {
        let mut random = 1_u64;
        let mut below = |bound: i64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            ((random >> 20) % bound.unsigned_abs()) as i64
        };
        for round in 0..100_000 {
            let first = at(
                below(180_000_001) - 90_000_000,
                below(360_000_001) - HALF_TURN,
            );
            // Far away, near, and at the same longitude or the other side.
            let second = match round % 4 {
                0 | 1 => at(
                    below(180_000_001) - 90_000_000,
                    below(360_000_001) - HALF_TURN,
                ),
                2 => at(
                    (i64::from(first.latitude) + below(2_001) - 1_000)
                        .clamp(-90_000_000, 90_000_000),
                    (i64::from(first.longitude) + below(2_001) - 1_000)
                        .clamp(-HALF_TURN, HALF_TURN),
                ),
                _ => at(-i64::from(first.latitude), i64::from(first.longitude)),
            };
            let (found, right) = (first.metres_to(second) as f64, haversine(first, second));
            assert!(
                found <= right + 1.0,
                "{first:?} {second:?}: {found} is above {right}"
            );
            let part = if right <= 10_000_000.0 { 0.99 } else { 0.79 };
            assert!(
                found >= right * part - 1.0,
                "{first:?} {second:?}: {found} is below {right}"
            );
            assert_eq!(first.metres_to(second), second.metres_to(first));
        }
    }

    /// A quarter of a meridian and of the equator, from the radius; and the first metre as it was defined, within the earth's
    /// own deviation from a sphere.
    #[test]
    fn known_distances() {
        let quarter = 10_007_557;
        for far in [at(90_000_000, 0), at(0, 90_000_000), at(0, -90_000_000)] {
            let found = at(0, 0).metres_to(far);
            assert!(found <= quarter && found > quarter * 99 / 100, "{found}");
        }
        assert_eq!(at(10, 20).metres_to(at(10, 20)), 0);
        assert_eq!(at(0, HALF_TURN).metres_to(at(0, -HALF_TURN)), 0);
    }

    #[test]
    fn what_can_be_travelled_is_possible() {
        let (berlin, madrid) = (at(52_520_000, 13_405_000), at(40_416_800, -3_703_800));
        // 1,869 km: an hour and a half at 1,200 km/h with what is rough, half an hour is too short.
        let seen =
            |minutes: u64| is_impossible((berlin, Millis(0)), (madrid, Millis(minutes * 60_000)));
        assert!(seen(0) && seen(30) && seen(85));
        assert!(!seen(95) && !seen(600));
        assert!(!is_impossible((berlin, Millis(0)), (berlin, Millis(0))));
        let near = at(52_600_000, 13_405_000);
        assert!(
            !is_impossible((berlin, Millis(5)), (near, Millis(0))),
            "9 km"
        );
    }

    #[test]
    fn a_place_is_on_the_earth() {
        for pair in [
            (90_000_001, 0),
            (-90_000_001, 0),
            (0, 180_000_001),
            (i64::MIN, 0),
            (0, i64::MIN),
            (1 << 32, 0),
        ] {
            assert_eq!(Place::new(pair), Err(Code::PLACE_INVALID), "{pair:?}");
        }
        assert_eq!(
            at(-90_000_000, HALF_TURN).as_pair(),
            (-90_000_000, HALF_TURN)
        );
    }
}
