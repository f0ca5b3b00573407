//! Finds the slot of a key by its hash. Nothing ever walks it, so its order cannot reach a result.

/// Entry that holds nothing: no slot has this number.
const EMPTY: u64 = u64::MAX;

/// A secret that whoever chooses keys does not know, so that nobody can choose keys that collide.
///
/// It changes how long a search takes and nothing else: replicas may use different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKey(pub [u64; 2]);

impl HashKey {
    /// For tests and tools, where nobody attacks.
    pub const PUBLIC: Self = Self([0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03]);

    /// 64 well-mixed bits of two words: a product of 128 bits folded, twice.
    #[inline]
    pub(super) fn hash(self, a: u64, b: u64) -> u64 {
        let first = fold(a ^ self.0[0], self.0[1] ^ 0xa076_1d64_78bd_642f);
        fold(first ^ b ^ self.0[1], self.0[0] ^ 0xe703_7ed1_a0b4_28db)
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

/// An open-addressing table from hashes to slots, with linear probing and without tombstones.
///
/// An entry is the upper half of a hash above a slot; the half says where the entry would like to be, so growing
/// reads no key. At most half of it is in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    entries: Vec<u64>,
    len: usize,
}

impl Index {
    /// The slot with this hash that `is_it` says is the one.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(hash, is_it)
            .map(|place| self.entries[place] as u32)
    }

    #[inline]
    fn place(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        let mask = self.entries.len() - 1;
        let half = hash >> 32;
        let mut place = half as usize & mask;
        loop {
            let entry = self.entries[place];
            if entry == EMPTY {
                return None;
            }
            if entry >> 32 == half && is_it(entry as u32) {
                return Some(place);
            }
            place = place.wrapping_add(1) & mask;
        }
    }

    /// Adds a slot; the caller knows that its key is not here.
    #[inline(always)]
    pub(super) fn insert(&mut self, hash: u64, slot: u32) {
        if (self.len + 1) * 2 > self.entries.len() {
            self.grow();
        }
        self.put((hash >> 32) << 32 | u64::from(slot));
        self.len += 1;
    }

    #[inline]
    fn put(&mut self, entry: u64) {
        let mask = self.entries.len() - 1;
        let mut place = (entry >> 32) as usize & mask;
        while self.entries[place] != EMPTY {
            place = place.wrapping_add(1) & mask;
        }
        self.entries[place] = entry;
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.entries.len() * 2).max(16);
        let old = std::mem::replace(&mut self.entries, vec![EMPTY; size]);
        for entry in old {
            if entry != EMPTY {
                self.put(entry);
            }
        }
    }

    /// Takes a slot out, and closes the gap so that no search ends early.
    #[inline]
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let Some(mut gap) = self.place(hash, |found| found == slot) else {
            return;
        };
        self.len -= 1;
        let mask = self.entries.len() - 1;
        let mut next = gap;
        loop {
            next = next.wrapping_add(1) & mask;
            let entry = self.entries[next];
            if entry == EMPTY {
                break;
            }
            let home = (entry >> 32) as usize & mask;
            // It may move back when the gap is not before its home.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(gap) & mask) {
                self.entries[gap] = entry;
                gap = next;
            }
        }
        self.entries[gap] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Against an ordered map, with hashes that collide in the low bits, in the half, and everywhere.
    #[test]
    fn it_finds_what_an_ordered_map_finds() {
        for spread in [1u64, 7, 1 << 20, u64::MAX] {
            let mut index = Index::default();
            let mut map: BTreeMap<u64, u32> = BTreeMap::new();
            let key_hash = |key: u64| (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) % spread) << 32;
            let mut random = 1u64;
            for step in 0..20_000u32 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let key = random % 300;
                let slots: BTreeMap<u32, u64> = map.iter().map(|(k, s)| (*s, *k)).collect();
                let is_it = |slot: u32| slots.get(&slot) == Some(&key);
                assert_eq!(index.find(key_hash(key), is_it), map.get(&key).copied());
                match map.remove(&key) {
                    Some(slot) => index.remove(key_hash(key), slot),
                    None => {
                        map.insert(key, step);
                        index.insert(key_hash(key), step);
                    }
                }
                assert_eq!(index.len, map.len());
            }
        }
    }

    #[test]
    fn hashes_use_both_words_and_the_key() {
        let hash = |k, a, b| HashKey(k).hash(a, b);
        let mut seen = std::collections::BTreeSet::new();
        for a in 0..64 {
            for b in 0..64 {
                assert!(seen.insert(hash([3, 5], a, b) >> 32), "{a} {b}");
            }
        }
        assert_ne!(hash([3, 5], 1, 2), hash([4, 5], 1, 2));
        assert_ne!(hash([3, 5], 1, 2), hash([3, 6], 1, 2));
    }
}
