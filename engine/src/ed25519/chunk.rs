//! What of a chunk of signatures can take part in an equation? Those whose parts all decode, column by column.

use std::ops::Range;

use super::SignatureItem;
use super::coefficients;
use super::kernel::{Kernel, Part};
use super::key_cache::KeyCache;
use super::key_hash::{KeyHash, KeyIndex};
use super::rule::below_order;

/// A chunk made ready. Kept from chunk to chunk for its memory.
pub(super) struct Chunk<P> {
    index: KeyIndex,
    /// For each distinct key the first item that has it.
    first: Vec<u32>,
    /// For each distinct key its place among `points`.
    key_places: Vec<u32>,
    /// Item and number of the key of whatever passes step 1; in the end item and place of every key to remember.
    passed: Vec<(u32, u32)>,
    /// Distinct keys, those first that were known, then R of each of `passed`.
    pub(super) points: Vec<P>,
    /// Which of `points` are points.
    valid: Vec<bool>,
    /// How many of `points` came from the cache.
    known: usize,
    /// For each signature that can take part its place among the items, and those of its key and R among `points`.
    pub(super) place: Vec<u32>,
    key_of: Vec<u32>,
    r_of: Vec<u32>,
    s: Vec<[u8; 32]>,
    k: Vec<[u8; 32]>,
    /// For the cache to work in.
    order: Vec<u32>,
}

impl<P: Copy> Chunk<P> {
    pub(super) fn new(hash: KeyHash) -> Self {
        Self {
            index: KeyIndex::new(hash),
            first: Vec::new(),
            key_places: Vec::new(),
            passed: Vec::new(),
            points: Vec::new(),
            valid: Vec::new(),
            known: 0,
            place: Vec::new(),
            key_of: Vec::new(),
            r_of: Vec::new(),
            s: Vec::new(),
            k: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Steps 1 and 2 of the rule and k: whatever fails here stays rejected and takes no part in the equation.
    pub(super) fn prepare(
        &mut self,
        kernel: &impl Kernel<Point = P>,
        cache: &KeyCache<P>,
        items: &[SignatureItem<'_>],
    ) {
        self.number_keys(items);
        self.decode(kernel, cache, items);
        self.place.clear();
        self.key_of.clear();
        self.r_of.clear();
        self.s.clear();
        self.k.clear();
        for (r, (place, key)) in (self.first.len()..).zip(&self.passed) {
            let key = self.key_places[*key as usize];
            if self.valid[key as usize] && self.valid[r] {
                self.place.push(*place);
                self.key_of.push(key);
                self.r_of.push(r as u32);
                self.s.push(*halves(items[*place as usize].signature).1);
            }
        }
        kernel.challenges(items, &self.place, &mut self.k);
    }

    /// Step 1, and which key is which.
    fn number_keys(&mut self, items: &[SignatureItem<'_>]) {
        self.index.reset(items.len());
        self.first.clear();
        self.passed.clear();
        for (place, item) in items.iter().enumerate() {
            if below_order(halves(item.signature).1) {
                let next = self.first.len() as u32;
                let is_same = |n: u32| items[self.first[n as usize] as usize].key == item.key;
                let number = self.index.number(item.key, next, is_same);
                if number == next {
                    self.first.push(place as u32);
                }
                self.passed.push((place as u32, number));
            }
        }
    }

    /// Step 2: unknown keys and every R are decoded in one go.
    fn decode(
        &mut self,
        kernel: &impl Kernel<Point = P>,
        cache: &KeyCache<P>,
        items: &[SignatureItem<'_>],
    ) {
        /// Not known, so its place is not yet known either.
        const UNKNOWN: u32 = u32::MAX;
        self.points.clear();
        self.valid.clear();
        self.key_places.clear();
        self.key_places.resize(self.first.len(), UNKNOWN);
        let count = self.first.len() + self.passed.len();
        // At once: growing step by step touches and copies twice as much memory.
        self.points.reserve(count);
        let mut encodings = Vec::with_capacity(count);
        let key = |n: usize| items[self.first[n] as usize].key;
        cache.find(self.first.len(), key, &mut self.order, |n, point| {
            self.key_places[n] = self.points.len() as u32;
            self.points.push(point);
            self.valid.push(true);
        });
        self.known = self.points.len();
        for (n, place) in self.key_places.iter_mut().enumerate() {
            if *place == UNKNOWN {
                *place = (self.known + encodings.len()) as u32;
                encodings.push(key(n));
            }
        }
        let r = |(place, _): &(u32, u32)| halves(items[*place as usize].signature).0;
        encodings.extend(self.passed.iter().map(r));
        kernel.decode(&encodings, &mut self.points, &mut self.valid);
    }

    /// One factor for each signature, fixed by all of them together.
    pub(super) fn draw(&self, secret: &[u8; 32]) -> Vec<[u8; 16]> {
        coefficients::draw(secret, &self.k, &self.s)
    }

    pub(super) fn part(&self, part: Range<usize>) -> Part<'_, P> {
        Part {
            points: &self.points,
            keys: self.first.len(),
            key_of: &self.key_of[part.clone()],
            r_of: &self.r_of[part.clone()],
            s: &self.s[part.clone()],
            k: &self.k[part],
        }
    }

    /// Puts every unknown key that has a valid signature into the cache: only those are worth keeping decoded.
    pub(super) fn remember_keys(
        &mut self,
        cache: &KeyCache<P>,
        items: &[SignatureItem<'_>],
        is_valid: impl Fn(usize) -> bool,
    ) {
        self.passed.clear();
        for (place, key) in self.place.iter().zip(&self.key_of) {
            let (at, key) = (*place as usize, *key as usize);
            // What `valid` said of a key is of no more use: it now says that the key is still to be put in.
            if key >= self.known && is_valid(at) && std::mem::take(&mut self.valid[key]) {
                self.passed.push((*place, key as u32));
            }
        }
        let key = |n: usize| items[self.passed[n].0 as usize].key;
        let point = |n: usize| self.points[self.passed[n].1 as usize];
        cache.put(self.passed.len(), key, point, &mut self.order);
    }
}

/// R and S.
fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (r, s) = signature.split_first_chunk().expect("64 bytes hold 32");
    (r, s.first_chunk().expect("32 bytes are left"))
}
