//! At which one price a call auction trades: most volume, then least surplus, then the side of the surplus, then nearest to a
//! reference.
//!
//! All ticks of the market's range are candidates, not only the limits of orders: with nothing left over between two limits,
//! the price nearest to the reference lies between them. Volume and surplus only change at limits, so a few
//! points and the stretches between them stand for all ticks.

use std::collections::BTreeMap;

use super::limits::Band;
use super::rules::Rules;

/// Open quantity by limit. Market orders count at every price.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Curve {
    /// By limit.
    pub limits: BTreeMap<i64, u128>,
    /// Without a limit.
    pub market: u128,
}

impl Curve {
    /// Adds an order. Correctness: sums of at most 2^30 orders of less than 2^64.
    pub fn add(&mut self, limit: Option<i64>, quantity: u64) {
        let sum = match limit {
            Some(price) => self.limits.entry(price).or_default(),
            None => &mut self.market,
        };
        *sum += u128::from(quantity);
    }
}

/// The price of a call auction and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clearing {
    /// The price.
    pub price: i64,
    /// What can trade at it.
    pub volume: u128,
    /// What is left of bids at the price, negative for asks.
    pub surplus: i128,
}

/// Neighbouring ticks at which the same quantities are willing.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    low: i64,
    high: i64,
    bids: u128,
    asks: u128,
}

impl Stretch {
    fn volume(&self) -> u128 {
        self.bids.min(self.asks)
    }

    fn surplus(&self) -> i128 {
        // Correctness: both are below 2^94.
        self.bids as i128 - self.asks as i128
    }
}

/// The price at which bids and asks trade; none when nothing can.
///
/// - Most volume first, then the smallest surplus.
/// - When bids are left over at all of these prices, the highest; when asks are, the lowest.
/// - Else the nearest to `reference`; of two equally near the lower. Without a reference the lowest.
///
/// Prices are ticks within the market's range and the band. Cost: `O(n log n)` in the number of limits.
#[must_use]
pub fn clearing(
    bids: &Curve,
    asks: &Curve,
    reference: Option<i64>,
    rules: &Rules,
    band: Option<Band>,
) -> Option<Clearing> {
    let tick = rules.tick;
    let (low, high) = match band {
        Some(band) => (band.low.0, band.high.0),
        None => (rules.price_min.0, rules.price_max.0),
    };
    let low = tick_at_or_above(low, tick)?;
    let high = high.checked_sub(high.rem_euclid(tick))?;
    if low > high {
        return None;
    }

    let stretches = stretches(bids, asks, low, high, tick);
    let best = stretches
        .iter()
        .map(|stretch| {
            (
                stretch.volume(),
                std::cmp::Reverse(stretch.surplus().unsigned_abs()),
            )
        })
        .max()?;
    if best.0 == 0 {
        return None;
    }
    let tied: Vec<Stretch> = stretches
        .into_iter()
        .filter(|stretch| {
            (stretch.volume(), stretch.surplus().unsigned_abs()) == (best.0, best.1.0)
        })
        .collect();
    let chosen = |stretch: &Stretch, price| Clearing {
        price,
        volume: stretch.volume(),
        surplus: stretch.surplus(),
    };
    let (first, last) = (tied.first()?, tied.last()?);
    if tied.iter().all(|stretch| stretch.surplus() > 0) {
        return Some(chosen(last, last.high));
    }
    if tied.iter().all(|stretch| stretch.surplus() < 0) {
        return Some(chosen(first, first.low));
    }
    let Some(reference) = reference else {
        return Some(chosen(first, first.low));
    };
    let near = |stretch: &Stretch| {
        let price = nearest(reference, stretch.low, stretch.high, tick);
        (price.abs_diff(reference), price)
    };
    let nearest = tied.iter().min_by_key(|stretch| near(stretch))?;
    Some(chosen(nearest, near(nearest).1))
}

/// All ticks from `low` to `high` in rising stretches of equal quantities.
fn stretches(bids: &Curve, asks: &Curve, low: i64, high: i64, tick: i64) -> Vec<Stretch> {
    let mut points: Vec<i64> = bids
        .limits
        .keys()
        .chain(asks.limits.keys())
        .copied()
        .collect();
    points.sort_unstable();
    points.dedup();
    let mut stretches = Vec::with_capacity(2 * points.len() + 1);
    // Bids with a limit at or above the present price, and asks at or below it.
    let mut willing_bids = bids.market + bids.limits.values().sum::<u128>();
    let mut willing_asks = asks.market;
    let mut from = low;
    let mut push = |low: i64, high: i64, bids: u128, asks: u128| {
        if low <= high {
            stretches.push(Stretch {
                low,
                high,
                bids,
                asks,
            });
        }
    };
    for point in points {
        // Between the last point and this one; an empty stretch when they are neighbours, or outside the range.
        let before = point.saturating_sub(tick).min(high);
        push(from, before, willing_bids, willing_asks);
        willing_asks += asks.limits.get(&point).copied().unwrap_or(0);
        if (low..=high).contains(&point) {
            push(point, point, willing_bids, willing_asks);
        }
        willing_bids -= bids.limits.get(&point).copied().unwrap_or(0);
        from = from.max(point.saturating_add(tick));
    }
    push(from, high, willing_bids, willing_asks);
    stretches
}

fn tick_at_or_above(price: i64, tick: i64) -> Option<i64> {
    match price.rem_euclid(tick) {
        0 => Some(price),
        over => price.checked_add(tick - over),
    }
}

/// The tick of a stretch nearest to a price; of two equally near the lower.
fn nearest(reference: i64, low: i64, high: i64, tick: i64) -> i64 {
    if reference <= low {
        return low;
    }
    if reference >= high {
        return high;
    }
    // Correctness: between two ticks, so its neighbours on the grid do not pass them.
    let over = reference.rem_euclid(tick);
    let below = reference - over;
    if over > tick - over {
        below + tick
    } else {
        below
    }
}
