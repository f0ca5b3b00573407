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

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use rayon::prelude::*;

use super::coefficients::Coefficients;
use super::key_cache::KeyCache;
use super::rule::{challenge, decode, holds, split_signature};
use super::switch::Switch;
use super::{SignatureItem, Verdicts};

/// Signatures under one equation. Larger chunks gain little and make one bad signature dearer. A multiple of 64.
const CHUNK_ITEMS_MAX: usize = 1024;
/// A batch is not spread over cores in smaller chunks than this. A multiple of 64.
const CHUNK_ITEMS_MIN: usize = 256;
/// Chunks after a failed equation.
const RETRY_ITEMS: usize = 128;
/// Fewer signatures than this are checked one by one: the equation would save too little to risk it.
const EQUATION_ITEMS_MIN: usize = 8;

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
pub struct Verifier {
    /// Without one, every signature is checked by itself.
    secret: Option<[u8; 32]>,
    keys: KeyCache,
    switch: Switch,
    signatures: AtomicU64,
    invalid: AtomicU64,
    by_equation: AtomicU64,
    equations: AtomicU64,
    equations_failed: AtomicU64,
}

/// A signature whose parts all decoded.
struct Prepared {
    /// Place in its chunk.
    place: usize,
    /// Place of its key in [`Chunk::keys`].
    key: usize,
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

/// Everything of a chunk that an equation can be made of.
struct Chunk<'a> {
    keys: Vec<Key<'a>>,
    prepared: Vec<Prepared>,
}

/// One distinct key of a chunk.
struct Key<'a> {
    bytes: &'a [u8; 32],
    /// Nothing when the bytes do not decode.
    point: Option<EdwardsPoint>,
    /// Came from the cache.
    known: bool,
}

impl Verifier {
    /// - `secret`: key of the batch factors; `None` checks every signature by itself.
    #[must_use]
    pub fn new(secret: Option<[u8; 32]>) -> Self {
        Self {
            secret,
            keys: KeyCache::new(),
            switch: Switch::new(),
            signatures: AtomicU64::new(0),
            invalid: AtomicU64::new(0),
            by_equation: AtomicU64::new(0),
            equations: AtomicU64::new(0),
            equations_failed: AtomicU64::new(0),
        }
    }

    /// Decides `items`, one verdict each, in order. Large batches use rayon's threads.
    pub fn verify(&self, items: &[SignatureItem<'_>], verdicts: &mut Verdicts) {
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
            .clamp(CHUNK_ITEMS_MIN, CHUNK_ITEMS_MAX);
        items
            .par_chunks(chunk_items)
            .zip(words.par_chunks_mut(chunk_items / 64))
            .for_each(|(items, words)| self.verify_chunk(items, words));
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> VerifyStats {
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
        let chunk = self.prepare(items);
        let mut accept = |p: &Prepared| words[p.place / 64] |= 1 << (p.place % 64);
        match &self.secret {
            Some(secret) if chunk.prepared.len() >= EQUATION_ITEMS_MIN && !self.switch.exact() => {
                self.decide(&chunk, &chunk.draw(secret, items), &mut accept);
            }
            _ => chunk.decide_each(&chunk.prepared, &mut accept),
        }
        let valid: usize = words.iter().map(|w| w.count_ones() as usize).sum();
        self.switch
            .record(chunk.prepared.len(), chunk.prepared.len() - valid);
        self.signatures
            .fetch_add(items.len() as u64, Ordering::Relaxed);
        self.invalid
            .fetch_add((items.len() - valid) as u64, Ordering::Relaxed);
        self.remember_keys(&chunk, words);
    }

    /// Steps 1 and 2 of the rule and k: whatever fails here stays rejected and takes no part in the equation.
    fn prepare<'a>(&self, items: &[SignatureItem<'a>]) -> Chunk<'a> {
        let mut places = HashMap::with_capacity(items.len());
        let mut keys: Vec<Key<'a>> = Vec::with_capacity(items.len());
        let mut prepared = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let Some((r_bytes, s)) = split_signature(item.signature) else {
                continue;
            };
            let key = *places.entry(item.key).or_insert_with(|| {
                let cached = self.keys.get(item.key);
                keys.push(Key {
                    bytes: item.key,
                    known: cached.is_some(),
                    point: cached.or_else(|| decode(item.key)),
                });
                keys.len() - 1
            });
            if keys[key].point.is_none() {
                continue;
            }
            let Some(r) = decode(r_bytes) else { continue };
            prepared.push(Prepared {
                place,
                key,
                r,
                s,
                k: challenge(item),
            });
        }
        Chunk { keys, prepared }
    }

    /// One equation for all; if it fails, one for each of the smaller parts; if that fails too, each by itself.
    ///
    /// Never more than two levels: with everything invalid this costs two equations on top of the single checks.
    /// The factors serve both levels: they are independent of everything the equations hold.
    fn decide(&self, chunk: &Chunk<'_>, factors: &[Scalar], accept: &mut impl FnMut(&Prepared)) {
        if self.equation(chunk, &chunk.prepared, factors) {
            chunk.prepared.iter().for_each(accept);
            return;
        }
        let parts = chunk
            .prepared
            .chunks(RETRY_ITEMS)
            .zip(factors.chunks(RETRY_ITEMS));
        for (part, factors) in parts {
            let alone = part.len() == chunk.prepared.len() || part.len() < EQUATION_ITEMS_MIN;
            if !alone && self.equation(chunk, part, factors) {
                part.iter().for_each(&mut *accept);
            } else {
                chunk.decide_each(part, accept);
            }
        }
    }

    fn equation(&self, chunk: &Chunk<'_>, part: &[Prepared], factors: &[Scalar]) -> bool {
        let holds = chunk.equation(part, factors);
        self.equations.fetch_add(1, Ordering::Relaxed);
        if holds {
            self.by_equation
                .fetch_add(part.len() as u64, Ordering::Relaxed);
        } else {
            self.equations_failed.fetch_add(1, Ordering::Relaxed);
        }
        holds
    }

    /// Keys that signed something valid are worth keeping decoded.
    fn remember_keys(&self, chunk: &Chunk<'_>, words: &[u64]) {
        let mut kept = vec![false; chunk.keys.len()];
        for p in &chunk.prepared {
            let key = &chunk.keys[p.key];
            let valid = words[p.place / 64] >> (p.place % 64) & 1 == 1;
            if let Some(point) = key.point
                && valid
                && !key.known
                && !std::mem::replace(&mut kept[p.key], true)
            {
                self.keys.put(key.bytes, point);
            }
        }
    }
}

impl Chunk<'_> {
    /// One factor for each prepared signature, fixed by all of them together.
    fn draw(&self, secret: &[u8; 32], items: &[SignatureItem<'_>]) -> Vec<Scalar> {
        let mut coefficients = Coefficients::new(secret);
        for p in &self.prepared {
            coefficients.absorb(items[p.place].signature, items[p.place].key, &p.k);
        }
        coefficients.draw(self.prepared.len())
    }

    /// True when \[8\] of the weighted sum over `part` is the identity.
    fn equation(&self, part: &[Prepared], factors: &[Scalar]) -> bool {
        // The sum with its sign turned: R_i and A_i with positive factors, B with a negative one.
        let mut base = Scalar::ZERO;
        let mut by_key = vec![None; self.keys.len()];
        for (p, z) in part.iter().zip(factors) {
            base -= z * p.s;
            *by_key[p.key].get_or_insert(Scalar::ZERO) += z * p.k;
        }
        let keys = self
            .keys
            .iter()
            .zip(&by_key)
            .filter_map(|(key, k)| Some((key.point?, (*k)?)));
        let (points, scalars): (Vec<_>, Vec<_>) = std::iter::once((ED25519_BASEPOINT_POINT, base))
            .chain(keys)
            .chain(part.iter().zip(factors).map(|(p, z)| (p.r, *z)))
            .unzip();
        EdwardsPoint::vartime_multiscalar_mul(&scalars, &points)
            .mul_by_cofactor()
            .is_identity()
    }

    fn decide_each(&self, part: &[Prepared], accept: &mut impl FnMut(&Prepared)) {
        for p in part {
            if self.keys[p.key]
                .point
                .is_some_and(|key| holds(&key, &p.r, &p.s, &p.k))
            {
                accept(p);
            }
        }
    }
}
