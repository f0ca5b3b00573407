//! Where the vertical algorithms are compiled for AVX-512 IFMA: eight points, hashes or signatures at a time.

use super::field::{Field, Row3};
use super::weights::weigh;
use crate::backend::cpu::Avx512 as Isa;
use crate::backend::sha512::{SHA512_IV, hash_many};
use crate::backend::vertical::{
    self, BASE_TABLE, Digits, Instructions, Scratch, Signature, Weights,
};
use crate::ed25519::Part;

impl Instructions for Isa {
    type Field = Field;

    fn decode(self, encodings: &[&[u8; 32]], points: &mut Vec<Row3>, valid: &mut Vec<bool>) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
        fn decode(
            isa: Isa,
            encodings: &[&[u8; 32]],
            points: &mut Vec<Row3>,
            valid: &mut Vec<bool>,
        ) {
            vertical::decode::<Field>(isa, encodings, points, valid);
        }
        // SAFETY: `self` exists, so `detect` saw these instructions on this CPU.
        unsafe { decode(self, encodings, points, valid) }
    }

    fn sum_is_small(
        self,
        points: &[&Row3],
        digits: &Digits<'_>,
        scratch: &mut Scratch<Field>,
    ) -> bool {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
        fn sum_is_small(
            isa: Isa,
            points: &[&Row3],
            digits: &Digits<'_>,
            scratch: &mut Scratch<Field>,
        ) -> bool {
            vertical::sum_is_small::<Field>(isa, points, digits, scratch)
        }
        // SAFETY: `self` exists, so `detect` saw these instructions on this CPU.
        unsafe { sum_is_small(self, points, digits, scratch) }
    }

    fn verify(self, signatures: &[Signature<'_, Field>], base: &[Row3; BASE_TABLE]) -> u8 {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
        fn verify(isa: Isa, signatures: &[Signature<'_, Field>], base: &[Row3; BASE_TABLE]) -> u8 {
            vertical::verify::<Field>(isa, signatures, base)
        }
        // SAFETY: `self` exists, so `detect` saw these instructions on this CPU.
        unsafe { verify(self, signatures, base) }
    }

    fn hash<'a>(self, parts: impl Fn(usize) -> [&'a [u8]; 3], hashes: &mut [[u8; 64]]) {
        let count = hashes.len();
        let write = |i: usize, hash: &[u8; 64]| hashes[i] = *hash;
        hash_many(self, count, &SHA512_IV, parts, write);
    }

    fn reduce(self, hashes: &[[u8; 64]], scalars: &mut Vec<[u8; 32]>) {
        for eight in hashes.chunks(8) {
            let strings = std::array::from_fn(|i| &eight[i.min(eight.len() - 1)]);
            let reduced = self.store_scalars(self.scalars_from_wide(strings));
            scalars.extend_from_slice(&reduced[..eight.len()]);
        }
    }

    fn weigh(self, part: &Part<'_, Row3>, factors: &[[u8; 16]], weights: &mut Weights) {
        weigh(self, part, factors, weights);
    }
}
