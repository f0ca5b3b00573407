//! Who gets how much of what is at the price, and what each pays: integers that come to exactly what there is to share.

use std::cmp::Reverse;

use super::rules::cost;
use crate::amount::Price;
use crate::draw::{self, Lot};
use crate::tx::AccountId;

/// Shares `total` in proportion to `weights`: each gets the whole part, and what is left goes one by one to the largest remainders,
/// equal ones by lot. Nobody gets more than its weight.
///
/// - `total`: no more than the sum of the weights.
/// - `lot`: of the one at this place; asked only where something is left over.
#[must_use]
pub fn share(total: u64, weights: &[u64], lot: impl Fn(usize) -> Lot) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if sum == 0 || u128::from(total) >= sum {
        return weights.to_vec();
    }
    // Correctness: below 2^128; the quotient is no more than the weight.
    let parts = weights
        .iter()
        .map(|weight| u128::from(total) * u128::from(*weight));
    let (mut shares, rests): (Vec<u64>, Vec<u128>) =
        parts.map(|part| ((part / sum) as u64, part % sum)).unzip();
    let left = total - shares.iter().sum::<u64>();
    if left > 0 {
        let mut order: Vec<_> = rests
            .iter()
            .enumerate()
            .map(|(place, rest)| (Reverse(*rest), lot(place), place))
            .collect();
        order.sort_unstable();
        // Correctness: the remainders come to `left * sum`, and each is below `sum`, so more than `left` of them are above zero.
        for (_, _, place) in order.into_iter().take(left as usize) {
            shares[place] += 1;
        }
    }
    shares
}

/// Draws a lot.
///
/// - `interval`: of a curve; none of a block.
/// - `number`: of a block; of a curve, which side it is.
#[must_use]
pub fn draw(
    session: u64,
    beacon: &[u8; 32],
    interval: Option<u8>,
    account: AccountId,
    number: u32,
) -> Lot {
    let interval = [interval.unwrap_or(u8::MAX)];
    let (account, number) = (account.0.to_le_bytes(), number.to_le_bytes());
    draw::lot(session, beacon, &[&interval, &account, &number])
}

/// Splits what one side of an interval pays or gets: a part is the difference of two truncated running sums.
///
/// So all parts together are exactly `cost(energy, price)`, whatever the parts are, and since both sides have the same energy, what
/// is paid is what is got. A part is less than one smallest unit of money off its own energy times the price, and never of another
/// sign than the price.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    price: Price,
    energy: i128,
    amount: i128,
}

impl Split {
    /// At this price.
    #[must_use]
    pub fn at(price: Price) -> Self {
        Self {
            price,
            energy: 0,
            amount: 0,
        }
    }

    /// What the next one pays or gets for so much energy.
    pub fn next(&mut self, energy: i64) -> i128 {
        self.energy += i128::from(energy);
        let before = std::mem::replace(&mut self.amount, cost(self.energy, self.price));
        self.amount - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_place(place: usize) -> Lot {
        let mut lot = [0; 64];
        // The last one has the lowest lot.
        lot[0] = 200 - place as u8;
        lot
    }

    /// Hamilton's method on the populations of a textbook: 10,000 people, 10 seats.
    #[test]
    fn the_largest_remainders_get_what_is_left() {
        let shares = share(10, &[3_750, 2_650, 1_920, 1_680], by_place);
        assert_eq!(shares, [4, 2, 2, 2]);
        assert_eq!(share(1, &[5, 5, 5], by_place), [0, 0, 1], "by lot");
        assert_eq!(share(2, &[5, 5, 5], by_place), [0, 1, 1], "by lot");
        assert_eq!(share(15, &[5, 5, 5], by_place), [5, 5, 5]);
        assert_eq!(share(0, &[5, 7], by_place), [0, 0]);
        assert_eq!(share(0, &[], by_place), [0; 0]);
        let most = u64::MAX;
        assert_eq!(share(most - 1, &[most], by_place), [most - 1]);
        assert_eq!(
            share(most, &[most, most], by_place),
            [most / 2, most / 2 + 1]
        );
    }

    #[test]
    fn parts_come_to_the_whole_in_either_direction() {
        for price in [Price(1), Price(-1), Price(654_321), Price(-77), Price(0)] {
            let mut split = Split::at(price);
            let energies = [1_i64, 9_999, 4_999, 1, 1, 123_456, 3];
            let exact = |energy: i64| i128::from(energy) * i128::from(price.0);
            let mut all = 0;
            for energy in energies {
                let part = split.next(energy);
                assert!((part * 10_000 - exact(energy)).abs() < 10_000);
                assert!(part.signum() * i128::from(price.0.signum()) >= 0);
                all += part;
            }
            let energy = i128::from(energies.iter().sum::<i64>());
            assert_eq!(all, cost(energy, price));
        }
    }
}
