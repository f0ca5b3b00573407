//! Verdicts for many signatures: one equation for a chunk, and each by itself when it fails.
//!
//! For signature i let D_i = S_i·B - R_i - k_i·A_i; it is valid exactly when \[8\]D_i is the identity. With random factors
//! z_i below 2^128 one sum tells about all: \[8\](z_1·D_1 + ... + z_n·D_n).
//! - If every signature is valid the sum is the identity, always: \[8\] z_i·D_i = z_i·\[8\]D_i. Reducing scalars mod L or
//!   adding up those of equal keys changes a term by a multiple of L of a point, which has small order and which the 8,
//!   multiplied last, takes away.
//! - If any is not, \[8\]D_i is a non-identity element of the group of prime order L, and for every choice of the other
//!   factors at most one z_i in 2^128 makes the sum the identity.
//!
//! So a sum that is the identity means: each of these is valid. A sum that is not decides nothing: the chunk is cut
//! into smaller ones, once, and those that fail again are checked signature by signature.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::chunk::Chunk;
use super::kept::Kept;
use super::kernel::Kernel;
use super::key_cache::KeyCache;
use super::key_hash::KeyHash;
use super::switch::Switch;
use super::{SignatureItem, Verdicts};

/// A batch is not spread over cores in smaller chunks than this. A multiple of 64.
const CHUNK_ITEMS_MIN: usize = 256;

/// What a verifier has done since it was made. Every number only rises, except `keys_cached`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyStats {
    /// Signatures decided.
    pub signatures: u64,
    /// Of these, invalid.
    pub invalid: u64,
    /// Signatures decided by an equation over many.
    pub by_equation: u64,
    /// Equations computed.
    pub equations: u64,
    /// Of these, failed.
    pub equations_failed: u64,
    /// Look-ups of distinct keys of a chunk that found the key decoded.
    pub key_hits: u64,
    /// Look-ups that did not.
    pub key_misses: u64,
    /// Decoded keys held now; at most 131,072.
    pub keys_cached: u64,
}

/// Decides batches of signatures. Shared by threads; holds the secret, the decoded keys and the adaptive switch.
pub(crate) struct Verifier<K: Kernel> {
    kernel: K,
    /// Without one, every signature is checked by itself.
    secret: Option<[u8; 32]>,
    key_hash: KeyHash,
    keys: KeyCache<K::Point>,
    chunks: Kept<Chunk<K::Point>>,
    switch: Switch,
    signatures: AtomicU64,
    invalid: AtomicU64,
    by_equation: AtomicU64,
    equations: AtomicU64,
    equations_failed: AtomicU64,
}

impl<K: Kernel> Verifier<K> {
    /// - `secret`: key of the batch factors; `None` checks every signature by itself.
    pub(crate) fn new(kernel: K, secret: Option<[u8; 32]>) -> Self {
        let key_hash = KeyHash::new();
        Self {
            kernel,
            secret,
            keys: KeyCache::new(&key_hash),
            key_hash,
            chunks: Kept::new(),
            switch: Switch::new(),
            signatures: AtomicU64::new(0),
            invalid: AtomicU64::new(0),
            by_equation: AtomicU64::new(0),
            equations: AtomicU64::new(0),
            equations_failed: AtomicU64::new(0),
        }
    }

    /// Decides `items`, one verdict each, in order. Large batches use rayon's threads.
    pub(crate) fn verify(&self, items: &[SignatureItem<'_>], verdicts: &mut Verdicts) {
        verdicts.reset(items.len());
        let words = verdicts.words_mut();
        // Asking rayon anything starts its threads, so what stays on this thread asks nothing.
        if items.len() <= CHUNK_ITEMS_MIN {
            return self.verify_chunk(items, words);
        }
        let chunk_items = items
            .len()
            .div_ceil(rayon::current_num_threads())
            .next_multiple_of(64)
            .clamp(CHUNK_ITEMS_MIN, K::CHUNK_ITEMS_MAX);
        items
            .par_chunks(chunk_items)
            .zip(words.par_chunks_mut(chunk_items / 64))
            .for_each(|(items, words)| self.verify_chunk(items, words));
    }

    /// What was done so far.
    pub(crate) fn stats(&self) -> VerifyStats {
        VerifyStats {
            signatures: self.signatures.load(Ordering::Relaxed),
            invalid: self.invalid.load(Ordering::Relaxed),
            by_equation: self.by_equation.load(Ordering::Relaxed),
            equations: self.equations.load(Ordering::Relaxed),
            equations_failed: self.equations_failed.load(Ordering::Relaxed),
            key_hits: self.keys.hits(),
            key_misses: self.keys.misses(),
            keys_cached: self.keys.len() as u64,
        }
    }

    /// Decides one chunk into `words`, which say "reject" everywhere.
    fn verify_chunk(&self, items: &[SignatureItem<'_>], words: &mut [u64]) {
        let new = || Chunk::new(self.key_hash.clone());
        self.chunks
            .with(new, |chunk| self.verify_in(chunk, items, words));
    }

    fn verify_in(
        &self,
        chunk: &mut Chunk<K::Point>,
        items: &[SignatureItem<'_>],
        words: &mut [u64],
    ) {
        chunk.prepare(&self.kernel, &self.keys, items);
        let count = chunk.place.len();
        let mut accept = |i: usize| {
            let place = chunk.place[i] as usize;
            words[place / 64] |= 1 << (place % 64);
        };
        match &self.secret {
            Some(secret) if count >= K::EQUATION_ITEMS_MIN && !self.switch.exact() => {
                self.decide(chunk, &chunk.draw(secret), &mut accept);
            }
            _ => self.decide_each(chunk, 0..count, &mut accept),
        }
        let valid: usize = words.iter().map(|w| w.count_ones() as usize).sum();
        self.switch.record(count, count - valid);
        self.signatures
            .fetch_add(items.len() as u64, Ordering::Relaxed);
        self.invalid
            .fetch_add((items.len() - valid) as u64, Ordering::Relaxed);
        let is_valid = |place: usize| words[place / 64] >> (place % 64) & 1 == 1;
        chunk.remember_keys(&self.keys, items, is_valid);
    }

    /// One equation for all; if it fails, one for each of the smaller parts; if that fails too, each by itself.
    ///
    /// Never more than two levels: with everything invalid this costs two equations on top of the single checks.
    /// The factors serve both levels: they are independent of everything the equations hold.
    fn decide(
        &self,
        chunk: &Chunk<K::Point>,
        factors: &[[u8; 16]],
        accept: &mut impl FnMut(usize),
    ) {
        let count = chunk.place.len();
        if self.equation(chunk, 0..count, factors) {
            (0..count).for_each(accept);
            return;
        }
        for start in (0..count).step_by(K::RETRY_ITEMS) {
            let part = start..count.min(start + K::RETRY_ITEMS);
            let alone = part.len() == count || part.len() < K::EQUATION_ITEMS_MIN;
            if !alone && self.equation(chunk, part.clone(), factors) {
                part.for_each(&mut *accept);
            } else {
                self.decide_each(chunk, part, accept);
            }
        }
    }

    fn equation(&self, chunk: &Chunk<K::Point>, part: Range<usize>, factors: &[[u8; 16]]) -> bool {
        let holds = self
            .kernel
            .equation(&chunk.part(part.clone()), &factors[part.clone()]);
        self.equations.fetch_add(1, Ordering::Relaxed);
        if holds {
            self.by_equation
                .fetch_add(part.len() as u64, Ordering::Relaxed);
        } else {
            self.equations_failed.fetch_add(1, Ordering::Relaxed);
        }
        holds
    }

    fn decide_each(
        &self,
        chunk: &Chunk<K::Point>,
        part: Range<usize>,
        accept: &mut impl FnMut(usize),
    ) {
        let mut verdicts = Vec::with_capacity(part.len());
        self.kernel.each(&chunk.part(part.clone()), &mut verdicts);
        for (i, valid) in part.zip(verdicts) {
            if valid {
                accept(i);
            }
        }
    }
}
