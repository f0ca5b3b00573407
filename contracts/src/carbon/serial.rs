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
        let SerialRange { start, mut end } = range;
        if let Some(after_end) = end
            .checked_add(1)
            .and_then(|after| self.ranges.remove(&after))
        {
            end = after_end;
        }
        // The last range that begins before the end of the new one is the only one that can overlap it or touch it from
        // below.
        let below = self.ranges.range_mut(..=range.end).next_back();
        match below {
            Some((_, below_end)) if start <= *below_end => panic!("{range:?} is here already"),
            Some((_, below_end)) if *below_end + 1 == start => *below_end = end,
            _ => {
                self.ranges.insert(start, end);
            }
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
