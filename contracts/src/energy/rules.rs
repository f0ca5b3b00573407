//! The words and numbers of a plant: kinds of members, delivery periods, how offers are ranked, and what energy costs.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::amount::{Money, Price, Quantity, Terms, WattHours, Watts};
use crate::receipt::Code;
use crate::tx::Millis;

/// Most power of a resource in either direction, in watts. So the energy of a prosumer's whole life fits into 64 bits.
pub const POWER_MAX: i64 = 1_000_000_000;
/// Most energy of a session, a reading, an exchange or a loss, in watt hours.
pub const ENERGY_MAX: i64 = 1_000_000_000_000;
/// Highest price, in `10^-4` of the currency for a megawatt hour. Correctness: with `ENERGY_MAX` it comes to 10^17, which is money.
pub const PRICE_MAX: i64 = 1_000_000_000;

crate::choices! {
    /// What a member of a plant is.
    pub enum Kind {
        /// Distributed power generation equipment.
        Dpge "dpge",
        /// Combined heat and power.
        Chp "chp",
        /// A prosumer that gives and takes.
        Psm "psm",
        /// A platform of power loads.
        Plp "plp",
    }
}

crate::choices! {
    /// What a member does in a session.
    pub enum Role {
        /// Takes energy.
        Consume "consume",
        /// Gives energy.
        Supply "supply",
    }
}

crate::choices! {
    /// In which order offers are taken.
    pub enum Ranking {
        /// As they came.
        Arrival "arrival",
        /// By the better price for the initiator, then as they came.
        PriceArrival "price-arrival",
    }
}

crate::choices! {
    /// What becomes of the last offer that is taken when all together are more than required.
    pub enum Last {
        /// It is cut, so that the sum is what is required.
        Cut "cut",
        /// It is taken whole as far as the deposit pays for it, else cut. What a supplying initiator has is never passed.
        Whole "whole",
    }
}

crate::choices! {
    /// Length of a delivery period. Periods join without a gap and begin at whole multiples since 1970 in UTC, so the days on which
    /// clocks are set have 92 or 100 quarter hours without a rule of their own.
    pub enum Minutes {
        /// A quarter of an hour.
        Fifteen "quarter-hour",
        /// Half an hour.
        Thirty "half-hour",
        /// An hour.
        Sixty "hour",
    }
}

crate::choices! {
    /// How a meter's value came about.
    pub enum Quality {
        /// Read off the meter.
        Measured "measured",
        /// Put in place of a value that is missing.
        Estimated "estimated",
        /// Put in place of a value that was wrong.
        Corrected "corrected",
    }
}

impl Role {
    /// The other side's.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Consume => Self::Supply,
            Self::Supply => Self::Consume,
        }
    }

    /// What a reading says was done in this role: nothing when it has the other sign.
    #[must_use]
    pub fn delivered(self, reading: WattHours) -> WattHours {
        WattHours(match self {
            Self::Supply => reading.0.max(0),
            Self::Consume => reading.0.saturating_neg().max(0),
        })
    }
}

impl Minutes {
    /// How many.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Fifteen => 15,
            Self::Thirty => 30,
            Self::Sixty => 60,
        }
    }

    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.number() * 60_000
    }

    /// Whether a period begins then.
    #[must_use]
    pub fn begin_at(self, start: Millis) -> bool {
        start.0.is_multiple_of(self.millis())
    }

    /// When the period that begins then is over. At the end of time it is never over.
    #[must_use]
    pub fn end(self, start: Millis) -> Millis {
        Millis(start.0.saturating_add(self.millis()))
    }

    /// Energy of a power over one period, truncated toward zero.
    #[must_use]
    pub fn energy(self, power: Watts) -> WattHours {
        // Correctness: a power within `POWER_MAX` times 60 fits.
        WattHours(power.0.saturating_mul(self.number() as i64) / 60)
    }
}

/// By which rules sessions of a microgrid are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// In which order offers are taken.
    pub ranking: Ranking,
    /// What becomes of the last one.
    pub last: Last,
    /// Prices are multiples of this; above zero.
    pub tick: u32,
    /// What energy costs that was promised and is missing; not negative.
    pub imbalance_price: Price,
}

impl Rules {
    /// # Errors
    /// `MICROGRID_INVALID`.
    pub(super) fn check(&self) -> Result<(), Code> {
        if self.tick > 0 && (0..=PRICE_MAX).contains(&self.imbalance_price.0) {
            Ok(())
        } else {
            Err(Code::MICROGRID_INVALID)
        }
    }

    /// # Errors
    /// `ENERGY_PRICE_INVALID`.
    pub(super) fn check_price(&self, price: Price) -> Result<(), Code> {
        if (0..=PRICE_MAX).contains(&price.0) && price.0 % i64::from(self.tick) == 0 {
            Ok(())
        } else {
            Err(Code::ENERGY_PRICE_INVALID)
        }
    }
}

/// A contract unit is a megawatt hour, counted in watt hours.
const TERMS: Terms = Terms {
    units_per_contract: 1_000_000,
    step_value: 100,
    lot: 1,
};

/// What so much energy costs, truncated toward zero once. Of a part it is never more than of the whole.
///
/// # Errors
/// `OVERFLOW` beyond `ENERGY_MAX` and `PRICE_MAX`, or below zero.
pub(super) fn amount(energy: WattHours, price: Price) -> Result<Money, Code> {
    let quantity = u64::try_from(energy.0).map_err(|_| Code::OVERFLOW)?;
    let amount = TERMS.amount(Quantity(quantity), price);
    amount.ok_or(Code::OVERFLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_of_a_power_is_truncated_toward_zero() {
        let cases = [
            (1_000, Minutes::Sixty, 1_000),
            (1_000, Minutes::Fifteen, 250),
            (7, Minutes::Fifteen, 1),
            (-7, Minutes::Fifteen, -1),
            (3, Minutes::Thirty, 1),
            (POWER_MAX, Minutes::Sixty, POWER_MAX),
        ];
        for (power, minutes, energy) in cases {
            assert_eq!(minutes.energy(Watts(power)), WattHours(energy), "{power}");
        }
    }

    #[test]
    fn money_is_wh_times_price_truncated() {
        // 0.1 MWh at 65.43 EUR/MWh: 6.543 EUR.
        let cost = amount(WattHours(100_000), Price(654_300));
        assert_eq!(cost, Ok(Money(6_543_000)));
        // 1 Wh at 0.0001 a MWh is 10^-10 of the currency.
        assert_eq!(amount(WattHours(1), Price(1)), Ok(Money(0)));
        assert_eq!(amount(WattHours(9_999), Price(1)), Ok(Money(0)));
        assert_eq!(amount(WattHours(10_000), Price(1)), Ok(Money(1)));
        let most = amount(WattHours(ENERGY_MAX), Price(PRICE_MAX));
        assert_eq!(most, Ok(Money(100_000_000_000_000_000)));
        assert_eq!(amount(WattHours(-1), Price(1)), Err(Code::OVERFLOW));
    }

    #[test]
    fn periods_begin_at_multiples_in_utc() {
        // 2026-03-29 01:15 UTC, in the hour in which clocks of the EU are set.
        let start = Millis(1_774_746_900_000);
        assert!(Minutes::Fifteen.begin_at(start));
        assert!(
            !Minutes::Thirty.begin_at(start) && !Minutes::Fifteen.begin_at(Millis(start.0 + 1))
        );
        assert_eq!(Minutes::Fifteen.end(start), Millis(start.0 + 900_000));
    }

    #[test]
    fn a_reading_counts_in_its_own_direction() {
        assert_eq!(Role::Supply.delivered(WattHours(5)), WattHours(5));
        assert_eq!(Role::Supply.delivered(WattHours(-5)), WattHours(0));
        assert_eq!(Role::Consume.delivered(WattHours(-5)), WattHours(5));
        assert_eq!(Role::Consume.delivered(WattHours(5)), WattHours(0));
    }
}
