//! Decoded keys of recent signers: decoding a key costs as much as a third of its share in a batch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use super::key_hash::{KeyHash, KeyIndex};

/// Threads that verify at once rarely want the same sixteenth at the same time.
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
    /// How many of `older` are in `newer` as well.
    moved: usize,
}

/// Has room for every key from the start, which costs nothing until it is touched: growing would touch and copy twice as
/// much, and memory touched for the first time is what threads wait for each other at.
struct Half<P> {
    index: KeyIndex,
    keys: Vec<[u8; 32]>,
    points: Vec<P>,
}

impl<P: Copy> KeyCache<P> {
    pub(super) fn new(hash: &KeyHash) -> Self {
        let shard = || Shard {
            newer: Half::new(hash.clone()),
            older: Half::new(hash.clone()),
            moved: 0,
        };
        Self {
            shards: std::array::from_fn(|_| Mutex::new(shard())),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Tells `found` of each key that was put in lately its number and its point, in any order.
    ///
    /// - `key`: the key of each number below `count`.
    /// - `order`: memory to work in.
    pub(super) fn find<'k>(
        &self,
        count: usize,
        key: impl Fn(usize) -> &'k [u8; 32],
        order: &mut Vec<u32>,
        mut found: impl FnMut(usize, P),
    ) {
        let mut hits = 0;
        self.by_shard(count, &key, order, |shard, i| {
            if let Some(point) = shard.get(key(i)) {
                hits += 1;
                found(i, point);
            }
        });
        self.hits.fetch_add(hits, Ordering::Relaxed);
        self.misses
            .fetch_add(count as u64 - hits, Ordering::Relaxed);
    }

    /// Remembers keys. Only for keys that have just signed something valid: nobody can push out others' keys
    /// without valid signatures.
    ///
    /// - `key`, `point`: those of each number below `count`.
    /// - `order`: memory to work in.
    pub(super) fn put<'k>(
        &self,
        count: usize,
        key: impl Fn(usize) -> &'k [u8; 32],
        point: impl Fn(usize) -> P,
        order: &mut Vec<u32>,
    ) {
        self.by_shard(count, &key, order, |shard, i| {
            shard.insert(key(i), point(i));
        });
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
            shard.newer.keys.len() + shard.older.keys.len() - shard.moved
        };
        self.shards.iter().map(lock).sum()
    }

    /// Calls `with` for every number below `count` with the shard of its key; holds each shard once.
    ///
    /// Two threads are often at this at the same time: a shard that another one holds is left for later.
    fn by_shard<'k>(
        &self,
        count: usize,
        key: impl Fn(usize) -> &'k [u8; 32],
        order: &mut Vec<u32>,
        mut with: impl FnMut(&mut Shard<P>, usize),
    ) {
        let shard_of = |i: usize| usize::from(key(i)[0]) % SHARDS;
        // Sorted by counting: where each shard begins, and then where it ends.
        let mut ends = [0; SHARDS];
        (0..count).for_each(|i| ends[shard_of(i)] += 1);
        let mut begin = 0;
        for end in &mut ends {
            begin += std::mem::replace(end, begin);
        }
        order.resize(count, 0);
        for i in 0..count {
            let end = &mut ends[shard_of(i)];
            order[*end] = i as u32;
            *end += 1;
        }
        let mut done = [false; SHARDS];
        for wait in [false, true] {
            let mut begin = 0;
            for (at, shard) in self.shards.iter().enumerate() {
                let numbers = &order[std::mem::replace(&mut begin, ends[at])..ends[at]];
                if done[at] || numbers.is_empty() {
                    continue;
                }
                // A shard is always whole: a panic elsewhere while it was held leaves nothing half done.
                let mut shard = match shard.try_lock() {
                    Ok(shard) => shard,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) if !wait => continue,
                    Err(TryLockError::WouldBlock) => {
                        shard.lock().unwrap_or_else(PoisonError::into_inner)
                    }
                };
                done[at] = true;
                for number in numbers {
                    with(&mut shard, *number as usize);
                }
            }
        }
    }
}

impl<P: Copy> Shard<P> {
    fn get(&mut self, key: &[u8; 32]) -> Option<P> {
        self.newer.get(key).or_else(|| {
            let point = self.older.get(key)?;
            self.moved += 1;
            self.insert(key, point);
            Some(point)
        })
    }

    fn insert(&mut self, key: &[u8; 32], point: P) {
        if self.newer.keys.len() >= SHARD_HALF_KEYS_MAX {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
            self.moved = 0;
        }
        self.newer.insert(key, point);
    }
}

impl<P: Copy> Half<P> {
    fn new(hash: KeyHash) -> Self {
        let mut half = Self {
            index: KeyIndex::new(hash),
            keys: Vec::with_capacity(SHARD_HALF_KEYS_MAX),
            points: Vec::with_capacity(SHARD_HALF_KEYS_MAX),
        };
        half.clear();
        half
    }

    fn clear(&mut self) {
        self.index.reset(SHARD_HALF_KEYS_MAX);
        self.keys.clear();
        self.points.clear();
    }

    fn get(&self, key: &[u8; 32]) -> Option<P> {
        let is_same = |n: u32| self.keys[n as usize] == *key;
        let number = self.index.find(key, is_same)?;
        Some(self.points[number as usize])
    }

    /// Nothing if it is there already, as it is when two threads met it at the same time.
    fn insert(&mut self, key: &[u8; 32], point: P) {
        let next = self.keys.len() as u32;
        let is_same = |n: u32| self.keys[n as usize] == *key;
        if self.index.number(key, next, is_same) == next {
            self.keys.push(*key);
            self.points.push(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key number `i` is `i` in bytes, and so is its point.
    fn keys(numbers: std::ops::Range<u32>) -> Vec<[u8; 32]> {
        let key = |i: u32| {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&i.to_le_bytes());
            key
        };
        numbers.map(key).collect()
    }

    fn put(cache: &KeyCache<u32>, numbers: std::ops::Range<u32>) {
        let (first, keys) = (numbers.start, keys(numbers));
        let point = |i: usize| first + i as u32;
        cache.put(keys.len(), |i| &keys[i], point, &mut Vec::new());
    }

    /// How many of them are there, each with its own point.
    fn count(cache: &KeyCache<u32>, numbers: std::ops::Range<u32>) -> usize {
        let (first, keys) = (numbers.start, keys(numbers));
        let mut seen = vec![false; keys.len()];
        cache.find(
            keys.len(),
            |i| &keys[i],
            &mut Vec::new(),
            |i, point| {
                assert_eq!(point, first + i as u32);
                assert!(!std::mem::replace(&mut seen[i], true), "{i} twice");
            },
        );
        seen.into_iter().filter(|seen| *seen).count()
    }

    #[test]
    fn stays_bounded_and_keeps_what_is_in_use() {
        let cache = KeyCache::new(&KeyHash::new());
        put(&cache, 0..20);
        for thousand in 1..400 {
            put(&cache, 1000 * thousand..1000 * (thousand + 1));
            assert_eq!(count(&cache, 0..20), 20, "lost keys in use");
        }
        let most = 2 * SHARDS * SHARD_HALF_KEYS_MAX;
        assert!(cache.len() <= most, "{} keys", cache.len());
        assert_eq!(count(&cache, 1000..1010), 0, "never asked for, long ago");
        assert_eq!(count(&cache, 399_995..400_005), 5);
        assert_eq!(cache.hits(), 399 * 20 + 5);
        assert_eq!(cache.misses(), 10 + 5);
    }

    #[test]
    fn a_key_counts_once() {
        let cache = KeyCache::new(&KeyHash::new());
        put(&cache, 0..20);
        put(&cache, 10..20);
        assert_eq!(cache.len(), 20);
        let half = (SHARDS * SHARD_HALF_KEYS_MAX) as u32;
        put(&cache, 1000..1000 + half);
        assert_eq!(cache.len(), 20 + half as usize);
        for _ in 0..2 {
            assert_eq!(
                count(&cache, 0..20),
                20,
                "in the older half, then in the newer"
            );
            assert_eq!(cache.len(), 20 + half as usize);
        }
        // The next half begins with what the last one had no room for: 20 new keys, and as many that were moved.
        put(&cache, 1_000_000..1_000_000 + half);
        assert_eq!(cache.len(), 40 + half as usize);
    }

    /// None is passed over because another thread held its shard.
    #[test]
    fn threads_at_the_same_time_find_all_there_is() {
        let cache = KeyCache::new(&KeyHash::new());
        put(&cache, 0..2000);
        std::thread::scope(|scope| {
            for thread in 1..5 {
                let cache = &cache;
                scope.spawn(move || {
                    for round in 0..20 {
                        let own = 100_000 * thread + 500 * round;
                        put(cache, own..own + 500);
                        assert_eq!(count(cache, own..own + 500), 500);
                        assert_eq!(count(cache, 0..2000), 2000);
                    }
                });
            }
        });
        assert_eq!(cache.len(), 2000 + 4 * 20 * 500);
    }
}
