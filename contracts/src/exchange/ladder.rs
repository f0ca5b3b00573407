//! The price levels of one side: an array with a bitmap near the touch, an ordered map for outliers.
//!
//! Levels have keys, the best price lowest (`Rules::key`). Where the array lies is a matter of speed alone: it follows
//! the touch, and nothing that can be seen from outside depends on it.

use std::collections::BTreeMap;

use super::slab::{Chains, Links, NIL};

/// Levels in the array.
const SPAN: u64 = 1024;
/// Words of the bitmap; one bit each in the summary.
const WORDS: usize = SPAN as usize / 64;

/// Orders at one price, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) orders: u32,
    /// Shown quantity. Correctness: at most 2^30 orders of less than 2^64.
    pub(super) visible: u128,
}

impl Level {
    const EMPTY: Self = Self {
        head: NIL,
        tail: NIL,
        orders: 0,
        visible: 0,
    };
}

/// One side of a book.
#[derive(Debug, Clone, Default)]
pub(super) struct Ladder {
    /// Key of the array's first level; at most `i64::MAX - SPAN`.
    base: i64,
    /// Empty until the first order, then `SPAN` long.
    near: Vec<Level>,
    words: [u64; WORDS],
    /// Which words are not zero.
    summary: u32,
    far: BTreeMap<i64, Level>,
    /// The first key of `far`.
    far_best: Option<i64>,
    /// Orders that went to `far` since the array was last moved.
    far_orders: u64,
}

impl Ladder {
    /// Place in the array. Correctness: `base <= i64::MAX - SPAN`, so a key below it is more than `SPAN` away in
    /// wrapping arithmetic too.
    #[inline]
    fn near_place(&self, key: i64) -> Option<usize> {
        let distance = key.wrapping_sub(self.base) as u64;
        (distance < SPAN && !self.near.is_empty()).then_some(distance as usize)
    }

    #[inline]
    fn near_key(&self, place: usize) -> i64 {
        self.base + place as i64
    }

    /// Key of the best level.
    #[inline]
    pub(super) fn best(&self) -> Option<i64> {
        if self.summary == 0 {
            return self.far_best;
        }
        let word = self.summary.trailing_zeros() as usize;
        let near = self.near_key(word * 64 + self.words[word].trailing_zeros() as usize);
        match self.far_best {
            Some(far) if far < near => Some(far),
            _ => Some(near),
        }
    }

    /// The best level behind this key, or the best of all.
    pub(super) fn after(&self, key: Option<i64>) -> Option<i64> {
        let Some(key) = key else { return self.best() };
        let from = key.checked_add(1)?;
        let far = self.far.range(from..).next().map(|(key, _)| *key);
        let near = self.near_from(from);
        match (near, far) {
            (Some(near), Some(far)) => Some(near.min(far)),
            (near, far) => near.or(far),
        }
    }

    fn near_from(&self, from: i64) -> Option<i64> {
        let first = match self.near_place(from) {
            Some(place) => place,
            None if from < self.base => 0,
            None => return None,
        };
        let mut word = first / 64;
        let mut bits = self.words[word] & (u64::MAX << (first % 64));
        while bits == 0 {
            word += 1;
            if word == WORDS {
                return None;
            }
            bits = self.words[word];
        }
        Some(self.near_key(word * 64 + bits.trailing_zeros() as usize))
    }

    /// The level at a key; none when no order stands there.
    #[inline]
    pub(super) fn level(&self, key: i64) -> Option<&Level> {
        match self.near_place(key) {
            Some(place) => Some(&self.near[place]).filter(|level| level.orders > 0),
            None => self.far.get(&key),
        }
    }

    #[inline]
    fn level_mut(&mut self, key: i64) -> Option<&mut Level> {
        match self.near_place(key) {
            Some(place) => Some(&mut self.near[place]).filter(|level| level.orders > 0),
            None => self.far.get_mut(&key),
        }
    }

    /// The level at a key, made where there is none.
    #[inline]
    fn level_or_new(&mut self, key: i64) -> &mut Level {
        match self.near_place(key) {
            Some(place) => self.near_or_new(place),
            None => self.far_or_new(key),
        }
    }

    #[inline]
    fn near_or_new(&mut self, place: usize) -> &mut Level {
        self.words[place / 64] |= 1 << (place % 64);
        self.summary |= 1 << (place / 64);
        &mut self.near[place]
    }

    #[inline(never)]
    fn far_or_new(&mut self, key: i64) -> &mut Level {
        self.follow(key);
        if let Some(place) = self.near_place(key) {
            return self.near_or_new(place);
        }
        if self.far_best.is_none_or(|best| key < best) {
            self.far_best = Some(key);
        }
        self.far.entry(key).or_insert(Level::EMPTY)
    }

    /// Notes an order outside the array, and moves the array to the touch when that has been paid for.
    ///
    /// A move costs at most `SPAN` levels each way, so it comes once in `SPAN` such orders, or at once when the side is
    /// empty: prices that jump cannot make it more.
    fn follow(&mut self, key: i64) {
        let empty = self.summary == 0 && self.far.is_empty();
        self.far_orders += 1;
        if !empty && self.far_orders < SPAN {
            return;
        }
        self.far_orders = 0;
        if self.near.is_empty() {
            self.near = vec![Level::EMPTY; SPAN as usize];
        }
        while let Some(word) = self.words.iter().position(|word| *word != 0) {
            let place = word * 64 + self.words[word].trailing_zeros() as usize;
            let level = std::mem::replace(&mut self.near[place], Level::EMPTY);
            self.far.insert(self.near_key(place), level);
            self.words[word] &= self.words[word] - 1;
        }
        self.summary = 0;
        let touch = self
            .far
            .first_key_value()
            .map_or(key, |(best, _)| key.min(*best));
        self.base = touch
            .saturating_sub(SPAN as i64 / 2)
            .min(i64::MAX - SPAN as i64);
        let end = self.base + SPAN as i64;
        let inside: Vec<i64> = self
            .far
            .range(self.base..end)
            .map(|(key, _)| *key)
            .collect();
        for key in inside {
            if let (Some(place), Some(level)) = (self.near_place(key), self.far.remove(&key)) {
                self.near[place] = level;
                self.words[place / 64] |= 1 << (place % 64);
                self.summary |= 1 << (place / 64);
            }
        }
        self.far_best = self.far.first_key_value().map(|(key, _)| *key);
    }

    /// Puts an order behind the others at its price.
    #[inline(always)]
    pub(super) fn push(&mut self, queue: &mut Chains, key: i64, slot: u32, visible: u64) {
        let level = self.level_or_new(key);
        let tail = level.tail;
        level.tail = slot;
        level.orders += 1;
        level.visible += u128::from(visible);
        if tail == NIL {
            level.head = slot;
        } else {
            queue[tail].next = slot;
        }
        queue[slot] = Links {
            next: NIL,
            prev: tail,
        };
    }

    /// Takes an order from its price. Its own links stay, so that [`Ladder::relink`] can undo it.
    #[inline]
    pub(super) fn unlink(&mut self, queue: &mut Chains, key: i64, slot: u32, visible: u64) {
        let Links { next, prev } = queue[slot];
        let Some(level) = self.level_mut(key) else {
            return;
        };
        level.orders -= 1;
        level.visible -= u128::from(visible);
        if prev == NIL {
            level.head = next;
        } else {
            queue[prev].next = next;
        }
        if next == NIL {
            level.tail = prev;
        } else {
            queue[next].prev = prev;
        }
        if level.orders == 0 {
            self.drop_level(key);
        }
    }

    #[inline]
    fn drop_level(&mut self, key: i64) {
        match self.near_place(key) {
            Some(place) => {
                self.near[place] = Level::EMPTY;
                self.words[place / 64] &= !(1 << (place % 64));
                if self.words[place / 64] == 0 {
                    self.summary &= !(1 << (place / 64));
                }
            }
            None => {
                self.far.remove(&key);
                if self.far_best == Some(key) {
                    self.far_best = self.far.first_key_value().map(|(key, _)| *key);
                }
            }
        }
    }

    /// Puts an order back between the neighbours it had: the inverse of the last [`Ladder::unlink`].
    pub(super) fn relink(&mut self, queue: &mut Chains, key: i64, slot: u32, visible: u64) {
        let Links { next, prev } = queue[slot];
        let level = self.level_or_new(key);
        level.orders += 1;
        level.visible += u128::from(visible);
        if prev == NIL {
            level.head = slot;
        } else {
            queue[prev].next = slot;
        }
        if next == NIL {
            level.tail = slot;
        } else {
            queue[next].prev = slot;
        }
    }

    /// Notes that a resting order shows more or less than before.
    #[inline]
    pub(super) fn reshow(&mut self, key: i64, before: u64, after: u64) {
        if let Some(level) = self.level_mut(key) {
            level.visible = level.visible + u128::from(after) - u128::from(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Against an ordered map of lists, with prices that jump, drift, and lie at both ends of the integers.
    #[test]
    fn it_keeps_levels_as_an_ordered_map_does() {
        let centres = [0, 0, 0, 900, -900, 5_000, i64::MAX - 40, i64::MIN + 40];
        let mut random = 7u64;
        let mut below = |bound: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % bound
        };
        let mut moves = 0;
        for round in 0..40i64 {
            let mut ladder = Ladder::default();
            let mut queue = Chains::default();
            let mut map: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
            let mut place: Vec<Option<i64>> = vec![None; 300];
            queue.fit(place.len());
            let shown = |slot: u32| u64::from(slot) + 1;
            for step in 0..20_000i64 {
                let slot = below(place.len() as u64) as u32;
                match place[slot as usize].take() {
                    None => {
                        let drift = if round % 2 == 0 { step / 8 } else { 0 };
                        let centre = centres[below(centres.len() as u64) as usize];
                        let key = centre.saturating_add(drift + below(30) as i64);
                        let base = ladder.base;
                        ladder.push(&mut queue, key, slot, shown(slot));
                        moves += u32::from(ladder.base != base);
                        map.entry(key).or_default().push(slot);
                        place[slot as usize] = Some(key);
                    }
                    Some(key) => {
                        ladder.unlink(&mut queue, key, slot, shown(slot));
                        if below(3) == 0 {
                            // Back where it was.
                            ladder.relink(&mut queue, key, slot, shown(slot));
                            place[slot as usize] = Some(key);
                        } else {
                            let level = map.get_mut(&key).expect("stands there");
                            level.retain(|other| *other != slot);
                            if level.is_empty() {
                                map.remove(&key);
                            }
                        }
                    }
                }
                assert_eq!(ladder.best(), map.keys().next().copied());
                let probe = centres[below(centres.len() as u64) as usize];
                let next = map.range(probe..).find(|(key, _)| **key > probe);
                assert_eq!(ladder.after(Some(probe)), next.map(|(key, _)| *key));
                if step % 100 == 0 {
                    let keys = std::iter::successors(ladder.best(), |key| ladder.after(Some(*key)));
                    assert!(keys.eq(map.keys().copied()), "round {round}, step {step}");
                    for (key, slots) in &map {
                        let level = ladder.level(*key).expect("stands there");
                        let mut walked = Vec::new();
                        let mut next = level.head;
                        while next != NIL {
                            walked.push(next);
                            next = queue[next].next;
                        }
                        assert_eq!(&walked, slots);
                        assert_eq!(level.orders as usize, slots.len());
                        assert_eq!(level.tail, slots[slots.len() - 1]);
                        let sum: u128 = slots.iter().map(|slot| u128::from(shown(*slot))).sum();
                        assert_eq!(level.visible, sum);
                    }
                }
            }
        }
        assert!(moves > 100, "the array moved {moves} times");
    }
}
