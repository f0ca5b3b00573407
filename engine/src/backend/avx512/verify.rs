//! How does a CPU with AVX-512 IFMA verify? Eight points, hashes or signatures at a time.

use std::sync::{Mutex, PoisonError};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::scalar::Scalar;

use super::field::{Field, Row3};
use super::weights::Weights;
use crate::backend::cpu::Avx512 as Isa;
use crate::backend::sha512;
use crate::backend::vertical::{self, BASE_TABLE, Digits, LaneField, ScalarWords, Signature};
use crate::ed25519::{Kernel, Part, SignatureItem};

/// Memory of an equation that ended, for the next one.
struct Scratch {
    weights: Weights,
    sums: vertical::Scratch<Field>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            weights: Weights::new(),
            sums: vertical::Scratch::new(),
        }
    }
}

/// The kernel of [`super::Avx512`].
pub(in crate::backend) struct Avx512Kernel {
    isa: Isa,
    /// 0·B, 1·B, 2·B, ...
    base: Box<[Row3; BASE_TABLE]>,
    /// One a thread that ever worked at the same time as others.
    scratch: Mutex<Vec<Scratch>>,
}

impl Avx512Kernel {
    pub(in crate::backend) fn new(isa: Isa) -> Self {
        let encodings: Vec<[u8; 32]> = (0..BASE_TABLE as u64)
            .map(|i| (ED25519_BASEPOINT_POINT * Scalar::from(i)).compress().0)
            .collect();
        let encodings: Vec<&[u8; 32]> = encodings.iter().collect();
        let (mut base, mut valid) = (Vec::new(), Vec::new());
        isa.decode(&encodings, &mut base, &mut valid);
        assert!(valid.iter().all(|v| *v), "multiples of B are points");
        Self {
            isa,
            base: base.try_into().expect("one point an encoding"),
            scratch: Mutex::new(Vec::new()),
        }
    }
}

impl Kernel for Avx512Kernel {
    type Point = Row3;

    const CHUNK_ITEMS_MAX: usize = 2048;
    const RETRY_ITEMS: usize = 128;
    const EQUATION_ITEMS_MIN: usize = 48;

    fn decode(&self, encodings: &[&[u8; 32]], points: &mut Vec<Row3>, valid: &mut Vec<bool>) {
        self.isa.decode(encodings, points, valid);
    }

    fn challenges(&self, items: &[SignatureItem<'_>], places: &[u32], k: &mut Vec<[u8; 32]>) {
        let mut hashes = vec![[0; 64]; places.len()];
        let parts = |i: usize| -> [&[u8]; 3] {
            let item: &SignatureItem<'_> = &items[places[i] as usize];
            [&item.signature[..32], item.key, item.message]
        };
        let write = |i: usize, hash: &[u8; 64]| hashes[i] = *hash;
        sha512::hash_many(self.isa, places.len(), &sha512::SHA512_IV, parts, write);
        for eight in hashes.chunks(Field::LANES) {
            let strings = std::array::from_fn(|i| &eight[i.min(eight.len() - 1)]);
            let scalars = self.isa.scalars_from_wide(strings);
            k.extend_from_slice(&self.isa.store_scalars(scalars)[..eight.len()]);
        }
    }

    fn equation(&self, part: &Part<'_, Row3>, factors: &[[u8; 16]]) -> bool {
        let kept = self.scratch().pop();
        let mut scratch = kept.unwrap_or_else(Scratch::new);
        let weights = &mut scratch.weights;
        self.isa.weigh(part, factors, weights);
        let mut points = Vec::with_capacity(weights.keys.len() + 1 + part.len());
        points.extend(weights.keys.iter().map(|key| &part.points[*key as usize]));
        points.push(&self.base[1]);
        points.extend((0..part.len()).map(|i| part.r(i)));
        let digits = weights.digits();
        let holds = self.isa.sum_is_small(&points, &digits, &mut scratch.sums);
        self.scratch().push(scratch);
        holds
    }

    fn each(&self, part: &Part<'_, Row3>, verdicts: &mut Vec<bool>) {
        let mut vector = Vec::with_capacity(Field::LANES);
        for start in (0..part.len()).step_by(Field::LANES) {
            let end = part.len().min(start + Field::LANES);
            vector.clear();
            vector.extend((start..end).map(|i| Signature {
                key: part.key(i),
                r: part.r(i),
                s: words(&part.s[i]),
                k: words(&part.k[i]),
            }));
            let bits = self.isa.verify(&vector, &self.base);
            verdicts.extend((0..vector.len()).map(|lane| bits >> lane & 1 == 1));
        }
    }
}

impl Avx512Kernel {
    fn scratch(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        // Memory only: whatever a panic left in it is overwritten.
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn words(scalar: &[u8; 32]) -> ScalarWords {
    let (words, _) = scalar.as_chunks::<8>();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// Where the vertical algorithms are compiled for these instructions.
impl Isa {
    pub(in crate::backend) fn decode(
        self,
        encodings: &[&[u8; 32]],
        points: &mut Vec<Row3>,
        valid: &mut Vec<bool>,
    ) {
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

    pub(in crate::backend) fn sum_is_small(
        self,
        points: &[&Row3],
        digits: &Digits<'_>,
        scratch: &mut vertical::Scratch<Field>,
    ) -> bool {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
        fn sum_is_small(
            isa: Isa,
            points: &[&Row3],
            digits: &Digits<'_>,
            scratch: &mut vertical::Scratch<Field>,
        ) -> bool {
            vertical::sum_is_small::<Field>(isa, points, digits, scratch)
        }
        // SAFETY: `self` exists, so `detect` saw these instructions on this CPU.
        unsafe { sum_is_small(self, points, digits, scratch) }
    }

    pub(in crate::backend) fn verify(
        self,
        signatures: &[Signature<'_, Field>],
        base: &[Row3; BASE_TABLE],
    ) -> u8 {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
        fn verify(isa: Isa, signatures: &[Signature<'_, Field>], base: &[Row3; BASE_TABLE]) -> u8 {
            vertical::verify::<Field>(isa, signatures, base)
        }
        // SAFETY: `self` exists, so `detect` saw these instructions on this CPU.
        unsafe { verify(self, signatures, base) }
    }
}
