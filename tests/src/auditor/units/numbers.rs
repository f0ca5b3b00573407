//! Serial numbers: where each is, which go first, and that none is in two places.

use super::super::{Books, Finding, ensure};
use super::{Blocks, Place};

impl Books {
    /// The numbers an account holds, as the fewest ranges.
    pub(in super::super) fn numbers_of(&self, account: u64, instrument: u32) -> Blocks {
        let all = self.units.numbers.get(&instrument);
        let mut ranges: Blocks = Vec::new();
        for (start, (end, place)) in all.into_iter().flatten() {
            if *place != Place::Held(account) {
                continue;
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *start => *last = *end,
                _ => ranges.push((*start, *end)),
            }
        }
        ranges
    }

    /// Which numbers go when so many do: the lowest. None where units are only counted.
    pub(in super::super) fn lowest(&self, account: u64, instrument: u32, quantity: u64) -> Blocks {
        let mut left = quantity;
        let mut blocks = Vec::new();
        for (start, end) in self.numbers_of(account, instrument) {
            if left == 0 {
                break;
            }
            let taken = (end - start + 1).min(left);
            blocks.push((start, start + (taken - 1)));
            left -= taken;
        }
        blocks
    }

    /// Every number must be where it comes from: so none is in two places, and a spent one never comes back.
    pub(super) fn move_numbers(
        &mut self,
        instrument: u32,
        blocks: &[(u64, u64)],
        from: Place,
        to: Place,
    ) -> Result<(), Finding> {
        let numbers = self.units.numbers.entry(instrument).or_default();
        for (first, last) in blocks {
            let mut next = *first;
            while next <= *last {
                let found = numbers.range(..=next).next_back();
                let (start, (end, place)) = found
                    .map(|(start, range)| (*start, *range))
                    .filter(|(_, (end, _))| next <= *end)
                    .ok_or_else(|| format!("number {next} was never issued"))?;
                ensure!(
                    place == from,
                    "number {next} is {place:?} and goes from {from:?}"
                );
                let until = end.min(*last);
                numbers.remove(&start);
                if start < next {
                    numbers.insert(start, (next - 1, place));
                }
                if until < end {
                    numbers.insert(until + 1, (end, place));
                }
                numbers.insert(next, (until, to));
                next = until + 1;
            }
        }
        Ok(())
    }
}
