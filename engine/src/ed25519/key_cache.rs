//! Decoded keys of recent signers: decoding a key costs as much as a third of its share in a batch.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key_hash::KeyHash;

/// Threads that verify at once rarely want the same sixteenth.
const SHARDS: usize = 16;
/// Most keys a shard holds in its newer half; with both halves of all shards 131,072 keys, about 30 MB of points and keys.
const SHARD_HALF_KEYS_MAX: usize = 4096;

/// Key bytes to point, bounded. Two halves a shard: when the newer is full it becomes the older, and what the older
/// still held is forgotten; a key found in the older moves to the newer. So keys in use stay.
///
/// - `P`: the form of a decoded key that the kernel wants.
pub(super) struct KeyCache<P> {
    shards: [Mutex<Shard<P>>; SHARDS],
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Shard<P> {
    newer: Half<P>,
    older: Half<P>,
}

/// Points lie apart from the keys, so that a growing map moves little.
struct Half<P> {
    places: HashMap<[u8; 32], u32, KeyHash>,
    points: Vec<P>,
}

impl<P: Copy> KeyCache<P> {
    pub(super) fn new(hash: &KeyHash) -> Self {
        let empty = || Half {
            places: HashMap::with_hasher(hash.clone()),
            points: Vec::new(),
        };
        Self {
            shards: std::array::from_fn(|_| {
                Mutex::new(Shard {
                    newer: empty(),
                    older: empty(),
                })
            }),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The point of this key, if it was put in lately. Counted with [`KeyCache::count`].
    pub(super) fn get(&self, key: &[u8; 32]) -> Option<P> {
        self.shard(key).get(key)
    }

    /// Counts look-ups.
    pub(super) fn count(&self, hits: usize, misses: usize) {
        self.hits.fetch_add(hits as u64, Ordering::Relaxed);
        self.misses.fetch_add(misses as u64, Ordering::Relaxed);
    }

    /// Remembers a key. Only for keys that have just signed something valid: nobody can push out others' keys
    /// without valid signatures.
    pub(super) fn put(&self, key: &[u8; 32], point: P) {
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
        let lock = |shard: &Mutex<Shard<P>>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.newer.places.len() + shard.older.places.len()
        };
        self.shards.iter().map(lock).sum()
    }

    /// A shard is always whole: a panic elsewhere while it was held leaves nothing half done.
    fn shard(&self, key: &[u8; 32]) -> MutexGuard<'_, Shard<P>> {
        self.shards[usize::from(key[0]) % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Copy> Shard<P> {
    fn get(&mut self, key: &[u8; 32]) -> Option<P> {
        self.newer.get(key).or_else(|| {
            let point = self.older.get(key)?;
            self.older.places.remove(key);
            self.insert(key, point);
            Some(point)
        })
    }

    fn insert(&mut self, key: &[u8; 32], point: P) {
        if self.newer.points.len() >= SHARD_HALF_KEYS_MAX {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.places.clear();
            self.newer.points.clear();
        }
        self.newer
            .places
            .insert(*key, self.newer.points.len() as u32);
        self.newer.points.push(point);
    }
}

impl<P: Copy> Half<P> {
    fn get(&self, key: &[u8; 32]) -> Option<P> {
        self.places
            .get(key)
            .map(|place| self.points[*place as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(i: u32) -> [u8; 32] {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&i.to_le_bytes());
        key
    }

    #[test]
    fn stays_bounded_and_keeps_what_is_in_use() {
        let cache = KeyCache::new(&KeyHash::new());
        cache.put(&key(0), 7);
        for i in 1..400_000 {
            cache.put(&key(i), 7);
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
        cache.count(2, 3);
        cache.count(1, 0);
        assert_eq!((cache.hits(), cache.misses()), (3, 3));
    }
}
