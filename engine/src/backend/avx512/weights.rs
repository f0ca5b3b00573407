//! Which scalar stands at each point of a batch equation?
//!
//! With its sign turned the equation is the sum of z·R over all signatures, of (sum of z·k)·A over distinct keys, and
//! -(sum of z·S)·B. Scalars go straight from vectors into digits; terms are the keys, then B, then every R.

use super::digits::{self, Digits as Cut};
use super::field::Row3;
use super::products::{Factors, ProductSum, Products, ROW_TERMS_MAX, Row, add_products_to_rows};
use super::scalar::Scalars;
use crate::backend::cpu::Avx512 as Isa;
use crate::backend::vertical::{Digits, best_width};
use crate::ed25519::Part;

/// Digits of one equation, and which keys they belong to. Kept for its memory.
pub(super) struct Weights {
    /// The keys of the part, in the order of their terms.
    pub(super) keys: Vec<u32>,
    /// For each key of the chunk its place among `keys`.
    places: Vec<u32>,
    /// Sum of z·k for each of `keys`.
    rows: Vec<Row>,
    values: Vec<i16>,
    stride: usize,
    width: usize,
    terms: usize,
}

/// A key that has no place yet.
const NOWHERE: u32 = u32::MAX;

impl Weights {
    pub(super) fn new() -> Self {
        Self {
            keys: Vec::new(),
            places: Vec::new(),
            rows: Vec::new(),
            values: Vec::new(),
            stride: 0,
            width: 0,
            terms: 0,
        }
    }

    /// What the sum needs.
    pub(super) fn digits(&self) -> Digits<'_> {
        Digits {
            values: &self.values,
            stride: self.stride,
            width: self.width,
            long: self.keys.len() + 1,
            terms: self.terms,
        }
    }

    /// Gives every key of the part a place.
    fn place_keys(&mut self, part: &Part<'_, Row3>) {
        self.places.clear();
        self.places.resize(part.keys, NOWHERE);
        self.keys.clear();
        for key in part.key_of {
            let place = &mut self.places[*key as usize];
            if *place == NOWHERE {
                *place = self.keys.len() as u32;
                self.keys.push(*key);
            }
        }
    }
}

impl Isa {
    /// Computes the scalars of an equation and cuts them.
    pub(super) fn weigh(self, part: &Part<'_, Row3>, factors: &[[u8; 16]], weights: &mut Weights) {
        assert!(part.len() <= ROW_TERMS_MAX, "{} terms of a key", part.len());
        assert_eq!(part.len(), factors.len(), "a factor a signature");
        weights.place_keys(part);
        let keys = weights.keys.len();
        weights.terms = keys + 1 + part.len();
        weights.width = best_width(keys + 1, part.len(), 8);
        // Room for whole vectors at the end.
        weights.stride = digits::stride(weights.terms + 8);
        let windows = digits::scalar_windows(weights.width as u32);
        weights.values.resize(windows * weights.stride, 0);
        weights.rows.clear();
        weights.rows.resize(keys.next_multiple_of(8), [0; 8]);
        // SAFETY: `self` exists, so `detect` saw every feature the function enables.
        unsafe { weigh(part, factors, weights) }
    }
}

/// Terms that come later overwrite what a vector of digits leaves behind its own.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
fn weigh(part: &Part<'_, Row3>, factors: &[[u8; 16]], weights: &mut Weights) {
    let (width, stride) = (weights.width as u32, weights.stride);
    let keys = weights.keys.len();
    let vector = |start: usize| {
        let count = (factors.len() - start).min(8);
        (count, u8::MAX >> (8 - count))
    };
    let mut base = ProductSum::new();
    for start in (0..factors.len()).step_by(8) {
        let (count, lanes) = vector(start);
        let of = |i: usize| start + i.min(count - 1);
        let z = Factors::load(&std::array::from_fn(|i| factors[of(i)])).keep(lanes);
        base.add(z, Scalars::load(std::array::from_fn(|i| &part.s[of(i)])));
        let k = Scalars::load(std::array::from_fn(|i| &part.k[of(i)]));
        let places = std::array::from_fn(|i| weights.places[part.key_of[of(i)] as usize] as usize);
        add_products_to_rows(z, k, places, &mut weights.rows);
    }
    for (eighth, rows) in weights.rows.as_chunks::<8>().0.iter().enumerate() {
        let sums = Products::from_rows(std::array::from_fn(|i| &rows[i])).reduce();
        Cut::of_scalars(sums, width).write(&mut weights.values, stride, 8 * eighth);
    }
    let base = base.total().neg();
    Cut::of_scalars(base, width).write(&mut weights.values, stride, keys);
    for start in (0..factors.len()).step_by(8) {
        let (count, _) = vector(start);
        let z = Factors::load(&std::array::from_fn(|i| factors[start + i.min(count - 1)]));
        Cut::of_factors(z, width).write(&mut weights.values, stride, keys + 1 + start);
    }
}
