//! AVX2: four numbers mod p in the lanes of a vector, and scalars in 64-bit words.

mod field;
mod op;
mod rows;
#[cfg(test)]
mod tests;
mod weights;

use super::cpu::Avx2 as Isa;
use super::scalar::plain::Scalars;
use super::vertical::{Instructions, Weights};
use crate::ed25519::Part;
use field::Field;
use rows::Row3;

impl Instructions for Isa {
    type Field = Field;
    /// Measured on Zen 5: at 8 signatures the equation takes as long as single checks, at 16 three quarters of it.
    const EQUATION_ITEMS_MIN: usize = 16;

    fn reduce(self, hashes: &[[u8; 64]], scalars: &mut Vec<[u8; 32]>) {
        scalars.extend(
            hashes
                .iter()
                .map(|hash| Scalars::from_wide([hash]).store()[0]),
        );
    }

    fn weigh(self, part: &Part<'_, Row3>, factors: &[[u8; 16]], weights: &mut Weights) {
        weights::weigh(part, factors, weights);
    }
}
