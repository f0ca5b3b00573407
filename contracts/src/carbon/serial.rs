//! Sets of serial numbers, kept as the fewest possible ranges.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::amount::Quantity;

/// Serial numbers `start..=end` of one instrument; never empty.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct SerialRange {
    /// First number; at least 1.
    pub start: u64,
    /// Last number; at least `start`.
    pub end: u64,
}

impl SerialRange {
    /// Whether it can exist: `1 <= start <= end`.
    #[must_use]
    pub fn is_valid(self) -> bool {
        1 <= self.start && self.start <= self.end
    }

    /// How many numbers it holds. Correctness: at most `u64::MAX`, since 0 is no serial number.
    #[must_use]
    pub fn count(self) -> Quantity {
        Quantity(self.end - self.start + 1)
    }
}

/// A set of serial numbers as ranges that neither overlap nor touch, with its size.
///
/// Equal sets are equal values, whatever order they were built in. Cost of each operation: `O(log n)` per range touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blocks {
    ranges: BTreeMap<u64, u64>,
    total: u64,
}

impl Blocks {
    /// How many numbers it holds.
    #[must_use]
    pub fn total(&self) -> Quantity {
        Quantity(self.total)
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The ranges, rising.
    pub fn iter(&self) -> impl Iterator<Item = SerialRange> + '_ {
        self.ranges
            .iter()
            .map(|(&start, &end)| SerialRange { start, end })
    }

    /// How many ranges it takes.
    #[must_use]
    pub fn range_count(&self) -> usize {
        self.ranges.len()
    }

    /// Whether every number of `range` is here.
    #[must_use]
    pub fn contains(&self, range: SerialRange) -> bool {
        range.is_valid()
            && self
                .ranges
                .range(..=range.start)
                .next_back()
                .is_some_and(|(_, &end)| range.end <= end)
    }

    /// Whether any number of `range` is here.
    #[must_use]
    pub fn overlaps(&self, range: SerialRange) -> bool {
        self.ranges
            .range(..=range.end)
            .next_back()
            .is_some_and(|(_, &end)| range.start <= end)
    }

    /// The lowest `quantity` numbers, or all when there are fewer.
    #[must_use]
    pub fn lowest(&self, quantity: Quantity) -> Vec<SerialRange> {
        let mut left = quantity.0;
        let mut taken = Vec::new();
        for range in self.iter() {
            if left == 0 {
                break;
            }
            let count = range.count().0.min(left);
            taken.push(SerialRange {
                start: range.start,
                end: range.start + (count - 1),
            });
            left -= count;
        }
        taken
    }

    /// Takes out the lowest `quantity` numbers.
    ///
    /// # Panics
    /// When there are fewer: the caller checks first.
    pub fn take_lowest(&mut self, quantity: Quantity) -> Vec<SerialRange> {
        assert!(
            quantity.0 <= self.total,
            "taking {quantity} of {}",
            self.total
        );
        self.total -= quantity.0;
        let mut left = quantity.0;
        let mut taken = Vec::with_capacity(1);
        while left > 0 {
            let (start, end) = self
                .ranges
                .pop_first()
                .expect("the total is the sum of the ranges");
            let count = (end - start + 1).min(left);
            let last = start + (count - 1);
            taken.push(SerialRange { start, end: last });
            if last < end {
                self.ranges.insert(last + 1, end);
            }
            left -= count;
        }
        taken
    }

    /// Takes out exactly `range`.
    ///
    /// # Panics
    /// When not all of it is here: the caller checks first.
    pub fn take(&mut self, range: SerialRange) {
        let around = self
            .ranges
            .range(..=range.start)
            .next_back()
            .map(|(&s, &e)| (s, e));
        let (start, end) = around
            .filter(|(_, end)| range.is_valid() && range.end <= *end)
            .expect("range is held");
        self.ranges.remove(&start);
        if start < range.start {
            self.ranges.insert(start, range.start - 1);
        }
        if range.end < end {
            self.ranges.insert(range.end + 1, end);
        }
        self.total -= range.count().0;
    }

    /// Adds `range`, joining it with its neighbours.
    ///
    /// # Panics
    /// When some of it is here already: a number has one place, so that is a bug in the caller.
    pub fn put(&mut self, range: SerialRange) {
        assert!(range.is_valid(), "{range:?} holds nothing");
        let SerialRange { start, end } = range;
        // One walk down the tree finds both neighbours: the range that begins right behind this one, if there is one, and
        // the last that begins before its end, the only one that can overlap it or touch it from below.
        let mut up_to = self.ranges.range_mut(..=end.saturating_add(1));
        let mut below = up_to.next_back();
        let mut joined_end = end;
        if let Some((first, last)) = &below
            && **first > end
        {
            joined_end = **last;
            below = up_to.next_back();
        }
        let joins_below = match below {
            Some((_, last)) if start <= *last => panic!("{range:?} is here already"),
            Some((_, last)) if *last + 1 == start => {
                *last = joined_end;
                true
            }
            _ => false,
        };
        if joined_end > end {
            self.ranges.remove(&(end + 1));
        }
        if !joins_below {
            self.ranges.insert(start, joined_end);
        }
        self.total += range.count().0;
    }
}

impl FromIterator<SerialRange> for Blocks {
    fn from_iter<I: IntoIterator<Item = SerialRange>>(ranges: I) -> Self {
        let mut blocks = Blocks::default();
        ranges.into_iter().for_each(|range| blocks.put(range));
        blocks
    }
}

impl BorshSerialize for Blocks {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        BorshSerialize::serialize(&self.ranges, writer)
    }
}

// Only the one form that `put` builds is accepted, so a set has one encoding.
impl BorshDeserialize for Blocks {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let list: Vec<SerialRange> = BorshDeserialize::deserialize_reader(reader)?;
        let mut blocks = Blocks::default();
        let mut above = 0;
        for range in list {
            // The next range may not touch the one before, whose last number is `above - 1`.
            if !range.is_valid() || (above != 0 && range.start <= above) || blocks.overlaps(range) {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    "serial ranges out of order",
                ));
            }
            above = range.end.saturating_add(1);
            blocks.put(range);
        }
        Ok(blocks)
    }
}

impl Serialize for Blocks {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The set as numbers one by one, and the fewest ranges that hold them.
    fn ranges(numbers: &BTreeSet<u64>) -> Vec<SerialRange> {
        let mut ranges: Vec<SerialRange> = Vec::new();
        for &n in numbers {
            match ranges.last_mut() {
                Some(last) if last.end + 1 == n => last.end = n,
                _ => ranges.push(SerialRange { start: n, end: n }),
            }
        }
        ranges
    }

    #[test]
    fn every_operation_agrees_with_a_set_of_single_numbers() {
        let mut random = 1_u64;
        let mut below = |bound: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % bound
        };
        for _ in 0..200 {
            let (mut blocks, mut numbers) = (Blocks::default(), BTreeSet::new());
            for _ in 0..200 {
                let start = 1 + below(60);
                let range = SerialRange {
                    start,
                    end: start + below(6),
                };
                let held = (range.start..=range.end)
                    .filter(|n| numbers.contains(n))
                    .count() as u64;
                assert_eq!(blocks.overlaps(range), held > 0, "{range:?}");
                assert_eq!(blocks.contains(range), held == range.count().0, "{range:?}");
                if held == 0 {
                    blocks.put(range);
                    numbers.extend(range.start..=range.end);
                } else if held == range.count().0 {
                    blocks.take(range);
                    numbers.retain(|n| *n < range.start || *n > range.end);
                } else {
                    let count = below(numbers.len() as u64 + 1);
                    let lowest: BTreeSet<u64> =
                        numbers.iter().copied().take(count as usize).collect();
                    let lowest_ranges = ranges(&lowest);
                    assert_eq!(blocks.lowest(Quantity(count)), lowest_ranges);
                    assert_eq!(blocks.take_lowest(Quantity(count)), lowest_ranges);
                    numbers.retain(|n| !lowest.contains(n));
                }
                assert_eq!(blocks.iter().collect::<Vec<_>>(), ranges(&numbers));
                assert_eq!(blocks.total().0, numbers.len() as u64);
            }
        }
    }

    #[test]
    #[should_panic(expected = "is here already")]
    fn a_number_is_not_put_twice() {
        let mut blocks = Blocks::default();
        blocks.put(SerialRange { start: 5, end: 9 });
        blocks.put(SerialRange { start: 3, end: 5 });
    }

    #[test]
    fn the_last_serial_number_there_is_can_be_held() {
        let mut blocks = Blocks::default();
        let last = u64::MAX;
        blocks.put(SerialRange {
            start: last,
            end: last,
        });
        blocks.put(SerialRange {
            start: last - 5,
            end: last - 1,
        });
        let all = SerialRange {
            start: last - 5,
            end: last,
        };
        assert_eq!(blocks.iter().collect::<Vec<_>>(), [all]);
    }
}
