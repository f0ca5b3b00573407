//! Decoded keys of recent signers: decoding a key costs as much as a third of its share in a batch.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use curve25519_dalek::edwards::EdwardsPoint;

/// Threads that verify at once rarely want the same sixteenth.
const SHARDS: usize = 16;
/// Most keys a shard holds in its newer half; with both halves of all shards 131,072 keys, about 30 MB.
const SHARD_HALF_KEYS_MAX: usize = 4096;

/// Key bytes to point, bounded. Two halves a shard: when the newer is full it becomes the older, and what the older
/// still held is forgotten; a key found in the older moves to the newer. So keys in use stay.
pub(super) struct KeyCache {
    shards: [Mutex<Shard>; SHARDS],
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Default)]
struct Shard {
    newer: HashMap<[u8; 32], EdwardsPoint>,
    older: HashMap<[u8; 32], EdwardsPoint>,
}

impl KeyCache {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The point of this key, if it was put in lately.
    pub(super) fn get(&self, key: &[u8; 32]) -> Option<EdwardsPoint> {
        let mut shard = self.shard(key);
        let found = shard.newer.get(key).copied().or_else(|| {
            let point = shard.older.remove(key)?;
            shard.insert(key, point);
            Some(point)
        });
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Remembers a key. Only for keys that have just signed something valid: nobody can push out others' keys
    /// without valid signatures.
    pub(super) fn put(&self, key: &[u8; 32], point: EdwardsPoint) {
        self.shard(key).insert(key, point);
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(super) fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    /// Keys held now.
    pub(super) fn len(&self) -> usize {
        let lock = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.newer.len() + shard.older.len()
        };
        self.shards.iter().map(lock).sum()
    }

    /// A shard is always whole: a panic elsewhere while it was held leaves nothing half done.
    fn shard(&self, key: &[u8; 32]) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(key[0]) % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn insert(&mut self, key: &[u8; 32], point: EdwardsPoint) {
        if self.newer.len() >= SHARD_HALF_KEYS_MAX {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(*key, point);
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::traits::Identity as _;

    use super::*;

    fn key(i: u32) -> [u8; 32] {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&i.to_le_bytes());
        key
    }

    #[test]
    fn stays_bounded_and_keeps_what_is_in_use() {
        let cache = KeyCache::new();
        cache.put(&key(0), EdwardsPoint::identity());
        for i in 1..400_000 {
            cache.put(&key(i), EdwardsPoint::identity());
            if i % 1000 == 0 {
                assert!(
                    cache.get(&key(0)).is_some(),
                    "lost a key in use after {i} others"
                );
            }
        }
        assert!(
            cache.len() <= 2 * SHARDS * SHARD_HALF_KEYS_MAX,
            "{} keys",
            cache.len()
        );
        assert!(cache.get(&key(1)).is_none());
        assert_eq!((cache.hits(), cache.misses()), (399, 1));
    }
}
