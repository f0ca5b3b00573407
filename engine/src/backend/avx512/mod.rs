//! AVX-512 with IFMA: eight numbers mod p, or eight scalars, in the lanes of a vector.

mod bytes;
mod digits;
mod field;
mod op;
mod products;
mod rows;
mod scalar;
#[cfg(test)]
mod tests;
mod weights;

use super::cpu::Avx512 as Isa;
use super::vertical::{Instructions, Weights};
use crate::ed25519::Part;
use field::Field;
use rows::Row3;

impl Instructions for Isa {
    type Field = Field;
    /// Measured on Zen 5: at 24 signatures the equation takes as long as single checks, at 32 nine tenths of it.
    const EQUATION_ITEMS_MIN: usize = 32;

    fn reduce(self, hashes: &[[u8; 64]], scalars: &mut Vec<[u8; 32]>) {
        for eight in hashes.chunks(8) {
            let strings = std::array::from_fn(|i| &eight[i.min(eight.len() - 1)]);
            let reduced = scalar::reduce(self, strings);
            scalars.extend_from_slice(&reduced[..eight.len()]);
        }
    }

    fn weigh(self, part: &Part<'_, Row3>, factors: &[[u8; 16]], weights: &mut Weights) {
        weights::weigh(self, part, factors, weights);
    }
}
