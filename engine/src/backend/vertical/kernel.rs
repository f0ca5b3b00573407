//! How do vectors verify a batch? The kernel of every backend whose instructions run the vertical algorithms.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::traits::Identity as _;

use super::weights::Weights;
use super::{
    BASE_TABLE, Digits, LaneField, ScalarWords, Scratch, Signature, decode, sum_is_small, verify,
};
use crate::backend::cpu::Work;
use crate::backend::sha512::{SHA512_IV, Simd, hash_many};
use crate::ed25519::{Kept, Kernel, Part, SignatureItem};

/// A point as rows of memory hold it.
type Row<I> = <<I as Instructions>::Field as LaneField>::Row3;

/// What an instruction set must offer for the vertical algorithms: numbers mod p, and the arithmetic on hashes and
/// scalars, which has another form on every set.
pub(in crate::backend) trait Instructions: Simd {
    /// Its numbers mod p.
    type Field: LaneField<Isa = Self>;
    /// See [`Kernel::EQUATION_ITEMS_MIN`].
    const EQUATION_ITEMS_MIN: usize;

    /// Appends each hash mod L.
    fn reduce(self, hashes: &[[u8; 64]], scalars: &mut Vec<[u8; 32]>);

    /// Computes the scalars of an equation and cuts them into digits.
    fn weigh(self, part: &Part<'_, Row<Self>>, factors: &[[u8; 16]], weights: &mut Weights);
}

/// Hashes made before they are reduced: 16 KiB, which stay in a core's first cache, and many times the lanes there are.
const HASHES: usize = 256;

/// The kernel on the instructions of `I`.
pub(in crate::backend) struct VerticalKernel<I: Instructions> {
    instructions: I,
    /// 0·B, 1·B, 2·B, ...
    base: Box<[Row<I>; BASE_TABLE]>,
    equations: Kept<Equation<I>>,
}

/// Room for one equation.
struct Equation<I: Instructions> {
    weights: Weights,
    sums: Scratch<I::Field>,
}

impl<I: Instructions> VerticalKernel<I> {
    pub(in crate::backend) fn new(instructions: I) -> Self {
        let mut multiple = EdwardsPoint::identity();
        let encodings: Vec<[u8; 32]> = (0..BASE_TABLE)
            .map(|_| {
                let encoding = multiple.compress().0;
                multiple += ED25519_BASEPOINT_POINT;
                encoding
            })
            .collect();
        let encodings: Vec<&[u8; 32]> = encodings.iter().collect();
        let (mut base, mut valid) = (Vec::new(), Vec::new());
        instructions.within(Decode {
            instructions,
            encodings: &encodings,
            points: &mut base,
            valid: &mut valid,
        });
        assert!(valid.iter().all(|v| *v), "multiples of B are points");
        let Ok(base) = base.try_into() else {
            unreachable!("one point an encoding")
        };
        Self {
            instructions,
            base,
            equations: Kept::new(),
        }
    }
}

impl<I: Instructions> Kernel for VerticalKernel<I> {
    type Point = Row<I>;

    const CHUNK_ITEMS_MAX: usize = 2048;
    const RETRY_ITEMS: usize = 128;
    const EQUATION_ITEMS_MIN: usize = I::EQUATION_ITEMS_MIN;

    fn decode(&self, encodings: &[&[u8; 32]], points: &mut Vec<Row<I>>, valid: &mut Vec<bool>) {
        self.instructions.within(Decode {
            instructions: self.instructions,
            encodings,
            points,
            valid,
        });
    }

    fn challenges(&self, items: &[SignatureItem<'_>], places: &[u32], k: &mut Vec<[u8; 32]>) {
        let mut hashes = [[0; 64]; HASHES];
        for places in places.chunks(HASHES) {
            let hashes = &mut hashes[..places.len()];
            let parts = |i: usize| -> [&[u8]; 3] {
                let item = &items[places[i] as usize];
                [&item.signature[..32], item.key, item.message]
            };
            let write = |i: usize, hash: &[u8; 64]| hashes[i] = *hash;
            hash_many(self.instructions, places.len(), &SHA512_IV, parts, write);
            self.instructions.reduce(hashes, k);
        }
    }

    fn equation(&self, part: &Part<'_, Row<I>>, factors: &[[u8; 16]]) -> bool {
        let new = || Equation {
            weights: Weights::new(),
            sums: Scratch::new(),
        };
        self.equations.with(new, |Equation { weights, sums }| {
            self.instructions.weigh(part, factors, weights);
            let mut points = Vec::with_capacity(weights.keys.len() + 1 + part.len());
            let keys = weights.keys.iter();
            points.extend(keys.map(|key| &part.points[*key as usize]));
            points.push(&self.base[1]);
            points.extend((0..part.len()).map(|i| part.r(i)));
            self.instructions.within(SumIsSmall {
                instructions: self.instructions,
                points: &points,
                digits: &weights.digits(),
                scratch: sums,
            })
        })
    }

    fn each(&self, part: &Part<'_, Row<I>>, verdicts: &mut Vec<bool>) {
        let mut vector = Vec::with_capacity(I::Field::LANES);
        for start in (0..part.len()).step_by(I::Field::LANES) {
            let end = part.len().min(start + I::Field::LANES);
            vector.clear();
            vector.extend((start..end).map(|i| Signature {
                key: part.key(i),
                r: part.r(i),
                s: words(&part.s[i]),
                k: words(&part.k[i]),
            }));
            let bits = self.instructions.within(Verify {
                instructions: self.instructions,
                signatures: &vector,
                base: &self.base,
            });
            verdicts.extend((0..vector.len()).map(|lane| bits >> lane & 1 == 1));
        }
    }
}

/// [`decode`], to be compiled for `I`.
struct Decode<'a, I: Instructions> {
    instructions: I,
    encodings: &'a [&'a [u8; 32]],
    points: &'a mut Vec<Row<I>>,
    valid: &'a mut Vec<bool>,
}

impl<I: Instructions> Work for Decode<'_, I> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        decode::<I::Field>(self.instructions, self.encodings, self.points, self.valid);
    }
}

/// [`sum_is_small`], to be compiled for `I`.
struct SumIsSmall<'a, I: Instructions> {
    instructions: I,
    points: &'a [&'a Row<I>],
    digits: &'a Digits<'a>,
    scratch: &'a mut Scratch<I::Field>,
}

impl<I: Instructions> Work for SumIsSmall<'_, I> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        sum_is_small::<I::Field>(self.instructions, self.points, self.digits, self.scratch)
    }
}

/// [`verify`], to be compiled for `I`.
struct Verify<'a, I: Instructions> {
    instructions: I,
    signatures: &'a [Signature<'a, I::Field>],
    base: &'a [Row<I>; BASE_TABLE],
}

impl<I: Instructions> Work for Verify<'_, I> {
    type Output = u8;

    #[inline(always)]
    fn run(self) -> u8 {
        verify::<I::Field>(self.instructions, self.signatures, self.base)
    }
}

fn words(scalar: &[u8; 32]) -> ScalarWords {
    let (words, _) = scalar.as_chunks::<8>();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]))
}
