//! What an order may not pass: price bands, positions, messages.

use borsh::{BorshDeserialize, BorshSerialize};

use super::book::Book;
use super::order::Side;
use super::reject::Reject;
use super::rules::Rules;
use crate::amount::{Price, Quantity};
use crate::tx::AccountId;

/// Prices at which a market trades for now, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Band {
    /// Lowest.
    pub low: Price,
    /// Highest.
    pub high: Price,
}

impl Band {
    /// The ticks within so many millionths of a reference price: 100,000 each way is the ten per cent of daily limits.
    ///
    /// Ends are rounded inwards and cut to the market's price range; none when no tick is left.
    #[must_use]
    pub fn around(reference: Price, down_ppm: u32, up_ppm: u32, rules: &Rules) -> Option<Self> {
        let width = |ppm: u32| i128::from(reference.0.unsigned_abs()) * i128::from(ppm) / 1_000_000;
        let tick = i128::from(rules.tick.max(1));
        let low = i128::from(reference.0) - width(down_ppm);
        let high = i128::from(reference.0) + width(up_ppm);
        let low = low.max(i128::from(rules.price_min.0));
        let high = high.min(i128::from(rules.price_max.0));
        // Correctness: |low| and |high| are below 2^76.
        let low = -(-low).div_euclid(tick) * tick;
        let high = high.div_euclid(tick) * tick;
        let band = Self {
            low: Price(i64::try_from(low).ok()?),
            high: Price(i64::try_from(high).ok()?),
        };
        (band.low <= band.high).then_some(band)
    }

    /// Whether its ends are in order and prices of the market.
    pub(super) fn is_sound(&self, rules: &Rules) -> bool {
        self.low <= self.high && rules.is_price(self.low) && rules.is_price(self.high)
    }

    /// Whether a price is inside.
    #[inline]
    #[must_use]
    pub fn has(&self, price: Price) -> bool {
        self.low <= price && price <= self.high
    }
}

/// Whether an account stays within the position limits if all its open orders on a side and this quantity trade.
///
/// - `position`: what it holds now, negative when it owes.
/// - `open`: what its orders on this side have open already.
pub(super) fn check_position(
    rules: &Rules,
    side: Side,
    position: i64,
    open: u128,
    quantity: Quantity,
) -> Result<(), Reject> {
    let (limit, now) = match side {
        Side::Buy => (rules.long_max, i128::from(position)),
        Side::Sell => (rules.short_max, -i128::from(position)),
    };
    let Some(limit) = limit else { return Ok(()) };
    // Correctness: open is below 2^94, so the sum fits.
    let after = now + open as i128 + i128::from(quantity.0);
    if after > i128::from(limit.0) {
        return Err(Reject::PositionLimit);
    }
    Ok(())
}

impl Book {
    /// Whether an account may buy or sell so much beside the book: its kill switch is off, and it stays within the position
    /// limits if all its open orders trade as well.
    ///
    /// # Errors
    /// In this order: [`Reject::AccountKilled`], [`Reject::PositionLimit`].
    pub(super) fn check_beside(
        &self,
        account: AccountId,
        side: Side,
        position: i64,
        quantity: Quantity,
    ) -> Result<(), Reject> {
        if self.is_killed(account) {
            return Err(Reject::AccountKilled);
        }
        let record = self.store.account(account);
        let open = record.map_or(0, |at| self.store.record(at).open[side as usize]);
        check_position(self.rules(), side, position, open, quantity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(reference: i64, down: u32, up: u32, tick: i64, min: i64) -> Option<(i64, i64)> {
        let rules = Rules {
            tick,
            price_min: Price(min),
            ..Rules::PLAIN
        };
        Band::around(Price(reference), down, up, &rules).map(|band| (band.low.0, band.high.0))
    }

    /// Worked by hand: ten per cent of 62.97 CNY with ticks of 0.01 CNY, prices in ten-thousandths.
    #[test]
    fn bands_are_rounded_inwards() {
        assert_eq!(
            band(629_700, 100_000, 100_000, 100, 1),
            Some((566_800, 692_600))
        );
        assert_eq!(band(1_000, 300_000, 0, 1, 1), Some((700, 1_000)));
        assert_eq!(
            band(-1_000, 100_000, 100_000, 7, -5_000),
            Some((-1_099, -903))
        );
        assert_eq!(band(5, 1_000_000, 0, 1, 3), Some((3, 5)));
        assert_eq!(band(5, 0, 0, 2, 1), None);
        assert_eq!(
            band(i64::MAX, u32::MAX, u32::MAX, 1, i64::MIN + 1),
            Some((i64::MIN + 1, i64::MAX))
        );
    }

    #[test]
    fn positions_count_what_is_open() {
        let rules = Rules {
            long_max: Some(Quantity(10)),
            short_max: Some(Quantity(0)),
            ..Rules::PLAIN
        };
        let check = |side, position, open, quantity| {
            check_position(&rules, side, position, open, Quantity(quantity)).is_ok()
        };
        assert!(check(Side::Buy, 4, 3, 3));
        assert!(!check(Side::Buy, 4, 3, 4));
        assert!(check(Side::Buy, -5, 3, 12));
        assert!(check(Side::Sell, 4, 3, 1));
        assert!(!check(Side::Sell, 4, 3, 2));
        assert!(!check(
            Side::Buy,
            i64::MAX,
            u128::from(u64::MAX) << 30,
            u64::MAX
        ));
        assert!(check(Side::Sell, i64::MAX, 0, i64::MAX as u64));
        assert!(!check(Side::Sell, i64::MIN, 0, 1));
    }
}
