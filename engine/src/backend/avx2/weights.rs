//! Which scalar stands at each point of a batch equation, computed in 64-bit words?
//!
//! Lanes of AVX2 multiply 32 bits at a time, which is slower than one 64-bit multiplier; see [`Weights`] for the terms.

use super::rows::Row3;
use crate::backend::scalar::digits::Digits;
use crate::backend::scalar::plain::{Factors, ProductSum, Scalars, add_products_to_rows};
use crate::backend::vertical::Weights;
use crate::ed25519::Part;

/// Scalars computed side by side: what the processor keeps in flight.
const LANES: usize = 4;

/// Computes the scalars of an equation and cuts them. Terms that come later overwrite what a vector of digits leaves
/// behind its own.
pub(super) fn weigh(part: &Part<'_, Row3>, factors: &[[u8; 16]], weights: &mut Weights) {
    weights.begin(part, factors, LANES);
    let (width, stride) = (weights.width as u32, weights.stride);
    let keys = weights.keys.len();
    let mut base = ProductSum::new();
    for (i, z) in factors.iter().enumerate() {
        let z = Factors::load(&[*z]);
        base.add(z, Scalars::load([&part.s[i]]));
        let place = weights.places[part.key_of[i] as usize] as usize;
        add_products_to_rows(z, Scalars::load([&part.k[i]]), [place], &mut weights.rows);
    }
    for (group, rows) in weights.rows.as_chunks::<LANES>().0.iter().enumerate() {
        let sums = Scalars::from_rows(rows.each_ref());
        Digits::of_scalars(sums, width).write(&mut weights.values, stride, LANES * group);
    }
    let base = base.total().neg();
    Digits::of_scalars(base, width).write(&mut weights.values, stride, keys);
    for start in (0..factors.len()).step_by(LANES) {
        let last = factors.len() - 1;
        let z = Factors::load(&std::array::from_fn::<_, LANES, _>(|i| {
            factors[last.min(start + i)]
        }));
        Digits::of_factors(z, width).write(&mut weights.values, stride, keys + 1 + start);
    }
}
