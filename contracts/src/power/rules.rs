//! The numbers of the day-ahead market: intervals of a delivery day, bounds of what is bid, and what energy costs.

use crate::account::Roles;
use crate::amount::Price;
use crate::tx::Millis;

/// Length of an interval in milliseconds: a quarter of an hour.
pub const INTERVAL: u64 = 900_000;
/// Most energy of a curve or a block in an interval, in watt hours: 400 gigawatts.
pub const ENERGY_MAX: i64 = 100_000_000_000;
/// Bound of prices in either direction: 100,000 of the currency a megawatt hour. Correctness: with `ENERGY_MAX` in every interval of
/// a day it comes to 10^18, which is money.
pub const PRICE_MAX: i64 = 1_000_000_000;
/// Most steps of a curve.
pub const STEPS_MAX: usize = 256;
/// Most steps of all curves of a session, one that holds for several intervals counted in each.
pub const SESSION_STEPS_MAX: u32 = 131_072;
/// An account has one part in so many of a session's steps at most: four accounts find room for as much, whatever others hand in, and
/// one in the largest session for a curve of the most steps in every interval.
pub const ACCOUNT_STEPS_PART: u32 = 4;
/// Most blocks of a session.
pub const SESSION_BLOCKS_MAX: u32 = 256;
/// Most accounts with orders in a session: an interval has no more than two curves of each.
pub const PARTICIPANTS_MAX: u32 = 1_024;
/// Most sessions of a zone that are not cleared: a day for each that can be opened ahead, and one more.
pub const ZONE_SESSIONS_MAX: usize = 32;
/// Most sessions of all zones that are not cleared: every block looks at each.
pub const SESSIONS_MAX: usize = 512;
/// How far ahead of its day a session can be opened, in milliseconds: 31 days.
pub const AHEAD_MAX: u64 = 31 * 24 * 3_600 * 1_000;
/// How long after its day it is known what a session came to, in milliseconds: 31 days. It is paid when it is cleared and nothing is
/// worked out from it again, so the state keeps it only for those who ask: a month, by whose end it is in their accounts, as long as
/// allocations of plants are kept. Prices, awards and payments stay in the receipts.
pub const RESULT_LIFE: u64 = 31 * 24 * 3_600 * 1_000;

/// Who bids.
pub(super) const MEMBER: Roles = Roles::TRADER.with(Roles::PROSUMER).with(Roles::AGGREGATOR);

/// Watt hours times price that come to the smallest unit of money: `10^-6 * 10^-4` of the currency against `10^-6`.
const ENERGY_PRICE_PER_MONEY: i128 = 10_000;

/// What so much energy costs, in money, truncated toward zero; of the sign of the price.
#[must_use]
pub fn cost(energy: i128, price: Price) -> i128 {
    // Correctness: all energy of an interval is below 2^48 and a price below 2^30.
    energy * i128::from(price.0) / ENERGY_PRICE_PER_MONEY
}

/// How many intervals there are from `start` to `end`, when that is a day as clocks have it: 23, 24 or 25 hours from a whole
/// quarter of an hour on.
#[must_use]
pub fn intervals(start: Millis, end: Millis) -> Option<u8> {
    if !start.0.is_multiple_of(INTERVAL) {
        return None;
    }
    let length = end.0.checked_sub(start.0)?;
    [92, 96, 100]
        .into_iter()
        .find(|count| u64::from(*count) * INTERVAL == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The days of 2026 in Berlin on which clocks are set, and one before: midnight in UTC by the tables of the IANA time zones.
    #[test]
    fn a_day_has_92_96_or_100_intervals() {
        let hour = 3_600_000;
        let march = 1_774_738_800_000; // 2026-03-28T23:00Z
        let october = 1_792_879_200_000; // 2026-10-24T22:00Z
        let day = |start, hours| intervals(Millis(start), Millis(start + hours * hour));
        assert_eq!(day(march, 23), Some(92));
        assert_eq!(day(march - 24 * hour, 24), Some(96));
        assert_eq!(day(october, 25), Some(100));
        assert_eq!(day(march, 22), None);
        assert_eq!(day(march, 26), None);
        assert_eq!(day(march + 1, 24), None);
        assert_eq!(intervals(Millis(october), Millis(march)), None);
        assert_eq!(
            intervals(Millis(march), Millis(march + 23 * hour + 1)),
            None
        );
    }

    #[test]
    fn money_is_wh_times_price_truncated_toward_zero() {
        assert_eq!(cost(100_000, Price(654_300)), 6_543_000, "0.1 MWh at 65.43");
        assert_eq!(cost(9_999, Price(1)), 0);
        assert_eq!(cost(10_000, Price(-1)), -1);
        assert_eq!(cost(19_999, Price(-1)), -1);
    }
}
