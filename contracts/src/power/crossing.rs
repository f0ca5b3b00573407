//! Where the curves of an interval cross: one price at which every step that is better is accepted in full.
//!
//! Sell steps up to a price make the supply, buy steps from it on the demand; both are added up over all curves. With what blocks
//! bring in besides, the price is the lowest one at which the demand above it is covered:
//!
//! `price = min { p : demand above p <= supply up to p + net }`
//!
//! No step better than that price is left out, whatever its side, and the volume is the greatest there is. Where a whole range of
//! prices does this, the lowest is the price of the last sell step that is needed, as in the Iberian day-ahead market. What is at
//! the price itself is accepted as far as the other side goes.

use crate::amount::{Price, WattHours};
use crate::exchange::Side;

/// All curves of an interval, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curves {
    /// Every price of a step by rising price, and the lowest there may be before them.
    levels: Vec<Level>,
    demand: i64,
}

/// A price at which something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level {
    price: i64,
    /// Sell steps up to it, and buy steps above it. Correctness: fewer than 2^18 steps of at most `ENERGY_MAX`.
    supply: i64,
    demand_above: i64,
}

/// Where curves cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// The price.
    pub price: Price,
    /// What curves buy: all steps above the price, and so much of those at it.
    pub bought: WattHours,
    /// How much of the steps at the price is bought, and how much there is.
    pub bought_at_price: (WattHours, WattHours),
    /// What curves sell: all steps below the price, and so much of those at it.
    pub sold: WattHours,
    /// How much of the steps at the price is sold, and how much there is.
    pub sold_at_price: (WattHours, WattHours),
}

/// Why curves cannot take in what blocks bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imbalance {
    /// Blocks sell more than all curves and blocks buy.
    Surplus,
    /// Blocks buy more than all curves and blocks sell.
    Shortage,
}

impl Curves {
    /// Adds up steps in any order.
    ///
    /// - `lowest`: no step is below it.
    ///
    /// Cost: a sort.
    #[must_use]
    pub fn new(lowest: Price, steps: impl IntoIterator<Item = (Side, Price, WattHours)>) -> Self {
        let mut levels: Vec<Level> = Vec::new();
        let mut demand = 0;
        for (side, Price(price), WattHours(energy)) in steps {
            let (supply, demand_above) = match side {
                Side::Sell => (energy, 0),
                Side::Buy => (0, energy),
            };
            demand += demand_above;
            levels.push(Level {
                price,
                supply,
                demand_above,
            });
        }
        levels.push(Level {
            price: lowest.0,
            supply: 0,
            demand_above: 0,
        });
        levels.sort_unstable_by_key(|level| level.price);
        levels.dedup_by(|later, kept| {
            let same = later.price == kept.price;
            if same {
                kept.supply += later.supply;
                kept.demand_above += later.demand_above;
            }
            same
        });
        let (mut supply, mut above) = (0, demand);
        for level in &mut levels {
            supply += level.supply;
            above -= level.demand_above;
            (level.supply, level.demand_above) = (supply, above);
        }
        Self { levels, demand }
    }

    /// The price when blocks bring in `net`, which is below zero when they take out.
    ///
    /// Cost: a binary search.
    ///
    /// # Errors
    /// [`Imbalance`].
    pub fn price(&self, net: i64) -> Result<Price, Imbalance> {
        self.level(net).map(|place| Price(self.levels[place].price))
    }

    /// Price and volumes when blocks bring in `net`.
    ///
    /// # Errors
    /// [`Imbalance`].
    pub fn cross(&self, net: i64) -> Result<Crossing, Imbalance> {
        let place = self.level(net)?;
        let Level {
            price,
            supply,
            demand_above,
        } = self.levels[place];
        let before = place.checked_sub(1).map(|place| &self.levels[place]);
        let (supply_below, demand) =
            before.map_or((0, self.demand), |level| (level.supply, level.demand_above));
        // Correctness: demand_above <= supply + net, and demand >= supply_below + net since no lower price does; so both are between
        // what is better than the price and what is as good.
        let bought = demand.min(supply + net);
        let sold = bought - net;
        let part =
            |of: i64, better: i64, all: i64| (WattHours(of - better), WattHours(all - better));
        Ok(Crossing {
            price: Price(price),
            bought: WattHours(bought),
            bought_at_price: part(bought, demand_above, demand),
            sold: WattHours(sold),
            sold_at_price: part(sold, supply_below, supply),
        })
    }

    fn level(&self, net: i64) -> Result<usize, Imbalance> {
        if net > self.demand {
            return Err(Imbalance::Surplus);
        }
        let short = |level: &Level| level.demand_above > level.supply.saturating_add(net);
        let place = self.levels.partition_point(short);
        if place == self.levels.len() {
            return Err(Imbalance::Shortage);
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves(buys: &[(i64, i64)], sells: &[(i64, i64)]) -> Curves {
        let of = |side, steps: &[(i64, i64)]| -> Vec<_> {
            let steps = steps.iter();
            steps
                .map(|(price, energy)| (side, Price(*price), WattHours(*energy)))
                .collect()
        };
        let all = [of(Side::Buy, buys), of(Side::Sell, sells)].concat();
        Curves::new(Price(-500), all)
    }

    /// Price, bought, sold.
    fn crossed(curves: &Curves, net: i64) -> Result<(i64, i64, i64), Imbalance> {
        let crossing = curves.cross(net)?;
        assert_eq!(curves.price(net), Ok(crossing.price));
        Ok((crossing.price.0, crossing.bought.0, crossing.sold.0))
    }

    #[test]
    fn by_hand() {
        let one = curves(
            &[(90, 10), (50, 10), (20, 10)],
            &[(10, 5), (40, 10), (70, 20)],
        );
        // Above 40 there are 20 to buy, and 15 up to 40: the buyers at 50 decide, and get 5 of their 10.
        assert_eq!(crossed(&one, 0), Ok((50, 15, 15)));
        let at = one.cross(0).unwrap();
        assert_eq!(at.bought_at_price, (WattHours(5), WattHours(10)));
        assert_eq!(at.sold_at_price, (WattHours(0), WattHours(0)));
        // Five more come in: the demand above 40 is covered, and 40 is the lowest price of a range that ends at 50.
        assert_eq!(crossed(&one, 5), Ok((40, 20, 15)));
        // All that is bought comes from outside; no sell step is below the lowest price.
        assert_eq!(crossed(&one, 30), Ok((-500, 30, 0)));
        assert_eq!(crossed(&one, 31), Err(Imbalance::Surplus));
        assert_eq!(crossed(&one, -35), Ok((90, 0, 35)));
        assert_eq!(crossed(&one, -36), Err(Imbalance::Shortage));
    }

    #[test]
    fn nothing_meets_where_bids_are_below_asks_or_there_are_none() {
        assert_eq!(crossed(&curves(&[(30, 7)], &[(31, 9)]), 0), Ok((30, 0, 0)));
        assert_eq!(crossed(&curves(&[], &[]), 0), Ok((-500, 0, 0)));
        assert_eq!(crossed(&curves(&[], &[(31, 9)]), 0), Ok((-500, 0, 0)));
        assert_eq!(crossed(&curves(&[], &[]), 1), Err(Imbalance::Surplus));
        assert_eq!(crossed(&curves(&[], &[]), -1), Err(Imbalance::Shortage));
    }

    #[test]
    fn wind_that_pays_to_run_sets_a_negative_price() {
        let night = curves(&[(200, 30), (-10, 20)], &[(-80, 40), (-5, 100)]);
        assert_eq!(crossed(&night, 0), Ok((-10, 40, 40)));
        let more = curves(&[(200, 30)], &[(-80, 40), (-5, 100)]);
        assert_eq!(crossed(&more, 0), Ok((-80, 30, 30)));
        let at = more.cross(0).unwrap().sold_at_price;
        assert_eq!(at, (WattHours(30), WattHours(40)));
    }
}
