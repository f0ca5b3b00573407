//! From a key to the slot that holds it: open addressing under a key that differs from process to process.
//!
//! A member who could choose where its keys fall could make every look-up long; the process's own random key takes that
//! away. Nothing here is ever walked, so the order it makes cannot be seen.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};

/// Finds slots. A word is 0 when free, else 32 bits of the hash above the slot's number plus one.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    words: Vec<u64>,
    used: usize,
    seed: u64,
}

const WORDS_MIN: usize = 16;

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            words: vec![0; WORDS_MIN],
            used: 0,
            seed: RandomState::new().hash_one(0_u64) | 1,
        }
    }

    /// The part of the key's hash that places it.
    #[inline]
    pub(crate) fn tag<K: Hash + ?Sized>(&self, key: &K) -> u32 {
        let mut hasher = Folded(self.seed);
        key.hash(&mut hasher);
        (hasher.finish() >> 32) as u32
    }

    /// The slot for which `is` holds, among those with this tag.
    #[inline]
    pub(crate) fn find(&self, tag: u32, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.words.len() - 1;
        let mut place = tag as usize & mask;
        loop {
            let word = self.words[place & mask];
            if word == 0 {
                return None;
            }
            let slot = (word as u32).wrapping_sub(1);
            if (word >> 32) as u32 == tag && is(slot) {
                return Some(slot);
            }
            place += 1;
        }
    }

    /// Adds a slot that is not there.
    pub(crate) fn insert(&mut self, tag: u32, slot: u32) {
        if 4 * (self.used + 1) > 3 * self.words.len() {
            self.grow();
        }
        self.used += 1;
        put(
            &mut self.words,
            u64::from(tag) << 32 | (u64::from(slot) + 1),
        );
    }

    /// Takes out a slot that is there, and moves up what it had pushed away.
    pub(crate) fn remove(&mut self, tag: u32, slot: u32) {
        let mask = self.words.len() - 1;
        let wanted = u64::from(tag) << 32 | (u64::from(slot) + 1);
        let mut hole = tag as usize & mask;
        while self.words[hole] != wanted {
            assert!(self.words[hole] != 0, "slot {slot} is not in the index");
            hole = (hole + 1) & mask;
        }
        self.used -= 1;
        let mut next = (hole + 1) & mask;
        while self.words[next] != 0 {
            let home = (self.words[next] >> 32) as usize & mask;
            // It may move into the hole unless its home lies behind the hole.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                self.words[hole] = self.words[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.words[hole] = 0;
    }

    /// Forgets all slots. The room stays, unless far less of it was needed this time.
    pub(crate) fn clear(&mut self) {
        if self.words.len() > WORDS_MIN.max(16 * self.used) {
            self.words = vec![0; self.words.len() / 4];
        } else {
            self.words.fill(0);
        }
        self.used = 0;
    }

    fn grow(&mut self) {
        let mut words = vec![0; 2 * self.words.len()];
        for word in self.words.iter().filter(|word| **word != 0) {
            put(&mut words, *word);
        }
        self.words = words;
    }
}

fn put(words: &mut [u64], word: u64) {
    let mask = words.len() - 1;
    let mut place = (word >> 32) as usize & mask;
    while words[place] != 0 {
        place = (place + 1) & mask;
    }
    words[place] = word;
}

/// Multiply and fold: every bit of the input reaches every bit of the upper half.
struct Folded(u64);

impl Folded {
    #[inline]
    fn mix(&mut self, word: u64) {
        let product =
            u128::from(self.0 ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64 ^ self.0 << 1);
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }
}

impl Hasher for Folded {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words
            .iter()
            .for_each(|word| self.mix(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        let product = u128::from(self.0) * u128::from(0xd6e8_feb8_6659_fd93_u64);
        (product as u64) ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn agrees_with_a_map_over_many_inserts_and_removals() {
        let (mut index, mut map) = (Index::new(), BTreeMap::new());
        let mut keys = Vec::new();
        let mut random = 1_u64;
        for step in 0..20_000_u64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let key = (random >> 33) % 700;
            let tag = index.tag(&key);
            let found = index.find(tag, |slot| keys[slot as usize] == key);
            assert_eq!(found, map.get(&key).copied(), "step {step}, key {key}");
            match found {
                Some(slot) => {
                    index.remove(tag, slot);
                    map.remove(&key);
                }
                None => {
                    let slot = keys.len() as u32;
                    keys.push(key);
                    index.insert(tag, slot);
                    map.insert(key, slot);
                }
            }
        }
    }

    /// Keys that differ in one bit, or count up, fall into different places about as often as chance has it.
    #[test]
    fn structured_keys_are_spread() {
        let index = Index::new();
        let families: [Vec<[u64; 2]>; 3] = [
            (0..4096).map(|n| [n, 0]).collect(),
            (0..4096).map(|n| [7, n << 40]).collect(),
            (0..4096).map(|n| [n % 64 * 1000, n / 64]).collect(),
        ];
        for family in families {
            let places: std::collections::BTreeSet<u32> =
                family.iter().map(|key| index.tag(key) % 4096).collect();
            // 4,096 balls into 4,096 bins leave 1 - 1/e of the bins filled: 2,589, standard deviation about 20.
            assert!(places.len() > 2_400, "{} places", places.len());
        }
    }
}
