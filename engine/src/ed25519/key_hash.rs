//! How are keys found? By a hash of secret multiplications: 2 ns, and nobody outside can make keys collide.
//!
//! Not a hash for anything else. Who found colliding keys all the same would make a look-up walk a few thousand entries
//! at most, and change no verdict.

use std::hash::{BuildHasher as _, RandomState};

/// A hash of keys with its own random secret.
#[derive(Clone)]
pub(super) struct KeyHash([u64; 4]);

impl KeyHash {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self(std::array::from_fn(|i| random.hash_one(i)))
    }

    fn of(&self, key: &[u8; 32]) -> u64 {
        let (words, _) = key.as_chunks::<8>();
        let word = |i: usize| u64::from_le_bytes(words[i]) ^ self.0[i];
        let hash = fold(word(0), word(1)) ^ fold(word(2), word(3)).rotate_left(32);
        // Once more, so that every bit depends on both halves.
        fold(hash, self.0[0] | 1)
    }
}

/// Numbers of keys, which themselves lie elsewhere: open addressing, half full at most.
pub(super) struct KeyIndex {
    hash: KeyHash,
    /// Number of a key plus one, or 0.
    slots: Vec<u32>,
}

impl KeyIndex {
    pub(super) fn new(hash: KeyHash) -> Self {
        Self {
            hash,
            slots: Vec::new(),
        }
    }

    /// Forgets all, and makes room for `keys`; keeps its memory.
    pub(super) fn reset(&mut self, keys: usize) {
        self.slots.clear();
        self.slots.resize((2 * keys).next_power_of_two(), 0);
    }

    /// The number of the key for which `is_same` says so, or `next`, which from now on is that of `key`.
    pub(super) fn number(
        &mut self,
        key: &[u8; 32],
        next: u32,
        is_same: impl Fn(u32) -> bool,
    ) -> u32 {
        let slot = self.slot(key, is_same);
        if self.slots[slot] == 0 {
            self.slots[slot] = next + 1;
        }
        self.slots[slot] - 1
    }

    /// The number of the key for which `is_same` says so.
    pub(super) fn find(&self, key: &[u8; 32], is_same: impl Fn(u32) -> bool) -> Option<u32> {
        self.slots[self.slot(key, is_same)].checked_sub(1)
    }

    /// Where the number of `key` is, or would be.
    fn slot(&self, key: &[u8; 32], is_same: impl Fn(u32) -> bool) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash.of(key) as usize & mask;
        while self.slots[slot]
            .checked_sub(1)
            .is_some_and(|number| !is_same(number))
        {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_anywhere_fall_apart() {
        let hash = KeyHash::new();
        let mut seen = std::collections::HashSet::new();
        for byte in 0..32 {
            for value in 0..=255 {
                let mut key = [7_u8; 32];
                key[byte] = value;
                seen.insert(hash.of(&key));
            }
        }
        assert!(seen.len() > 32 * 255, "{} of {}", seen.len(), 32 * 255 + 1);
    }
}
