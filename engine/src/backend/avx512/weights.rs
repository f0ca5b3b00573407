//! Which scalar stands at each point of a batch equation, computed in eight lanes?
//!
//! Scalars go straight from vectors into digits; see [`Weights`] for the terms.

use super::digits::Digits as Cut;
use super::products::{Factors, ProductSum, Products, add_products_to_rows};
use super::rows::Row3;
use super::scalar::Scalars;
use crate::backend::cpu::Avx512 as Isa;
use crate::backend::vertical::Weights;
use crate::ed25519::Part;

/// Computes the scalars of an equation and cuts them.
pub(super) fn weigh(
    _proof: Isa,
    part: &Part<'_, Row3>,
    factors: &[[u8; 16]],
    weights: &mut Weights,
) {
    weights.begin(part, factors, 8);
    // SAFETY: an `Isa` exists, so `detect` saw every feature the function enables.
    unsafe { weigh_vectors(part, factors, weights) }
}

/// Terms that come later overwrite what a vector of digits leaves behind its own.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
fn weigh_vectors(part: &Part<'_, Row3>, factors: &[[u8; 16]], weights: &mut Weights) {
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
