//! The kinds of scalar arithmetic there are, under one interface of eight lanes.

use curve25519_dalek::scalar::Scalar;

use super::samples::Samples;
use crate::backend::cpu::{Avx512, InstructionSet as _};
use crate::backend::scalar::{Row, digits, plain};

/// What every kind can do. Operations are named and specified as in [`plain`].
pub(in crate::backend) trait Kind: Copy {
    type Scalars: Copy;
    type Factors: Copy;

    fn reduce_wide(self, strings: [&[u8; 64]; 8]) -> Self::Scalars;
    fn load(self, strings: [&[u8; 32]; 8]) -> Self::Scalars;
    fn store(self, scalars: Self::Scalars) -> [[u8; 32]; 8];
    /// Zero where `keep` has no bit.
    fn load_factors(self, strings: &[[u8; 16]; 8], keep: u8) -> Self::Factors;
    fn neg(self, a: Self::Scalars) -> Self::Scalars;
    fn sum_products(self, terms: &[(Self::Factors, Self::Scalars)]) -> [u8; 32];
    fn add_products_to_rows(
        self,
        factors: Self::Factors,
        scalars: Self::Scalars,
        places: [usize; 8],
        rows: &mut [Row],
    );
    fn reduce_rows(self, rows: [&Row; 8]) -> Self::Scalars;
    fn write_scalar_digits(
        self,
        scalars: Self::Scalars,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    );
    fn write_factor_digits(
        self,
        factors: Self::Factors,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    );
}

/// Makes an ordinary test of each function for each kind.
macro_rules! on_every_kind {
    ($($test:ident),* $(,)?) => {
        mod plain {
            $(#[test]
            fn $test() {
                super::$test($crate::backend::scalar::tests::kinds::Plain);
            })*
        }

        mod avx512 {
            $(#[test]
            fn $test() {
                if let Some(cpu) = $crate::backend::scalar::tests::kinds::avx512() {
                    super::$test(cpu);
                }
            })*
        }
    };
}
pub(super) use on_every_kind;

/// Any CPU.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Kind for Plain {
    type Scalars = plain::Scalars<8>;
    type Factors = plain::Factors<8>;

    fn reduce_wide(self, strings: [&[u8; 64]; 8]) -> Self::Scalars {
        plain::Scalars::from_wide(strings)
    }
    fn load(self, strings: [&[u8; 32]; 8]) -> Self::Scalars {
        plain::Scalars::load(strings)
    }
    fn store(self, scalars: Self::Scalars) -> [[u8; 32]; 8] {
        scalars.store()
    }
    fn load_factors(self, strings: &[[u8; 16]; 8], keep: u8) -> Self::Factors {
        let mut kept = *strings;
        for lane in (0..8).filter(|lane| keep >> lane & 1 == 0) {
            kept[lane] = [0; 16];
        }
        plain::Factors::load(&kept)
    }
    fn neg(self, a: Self::Scalars) -> Self::Scalars {
        a.neg()
    }
    fn sum_products(self, terms: &[(Self::Factors, Self::Scalars)]) -> [u8; 32] {
        let mut sum = plain::ProductSum::new();
        for &(factors, scalars) in terms {
            sum.add(factors, scalars);
        }
        let [total] = sum.total().store();
        total
    }
    fn add_products_to_rows(
        self,
        factors: Self::Factors,
        scalars: Self::Scalars,
        places: [usize; 8],
        rows: &mut [Row],
    ) {
        plain::add_products_to_rows(factors, scalars, places, rows);
    }
    fn reduce_rows(self, rows: [&Row; 8]) -> Self::Scalars {
        plain::Scalars::from_rows(rows)
    }
    fn write_scalar_digits(
        self,
        scalars: Self::Scalars,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        digits::Digits::of_scalars(scalars, bits).write(digits, stride, term);
    }
    fn write_factor_digits(
        self,
        factors: Self::Factors,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        digits::Digits::of_factors(factors, bits).write(digits, stride, term);
    }
}

/// The proof that this CPU can be tested. `None` only where nobody expects it to be.
pub(super) fn avx512() -> Option<Avx512> {
    let token = Avx512::detect();
    let expected = std::env::var("BDS_EXPECT_BACKENDS").unwrap_or_default();
    assert!(
        token.is_some() || !expected.split(',').any(|name| name == "avx512"),
        "avx512 is expected on this CPU"
    );
    token
}

/// Eight samples.
pub(super) fn sample<const N: usize>(samples: &mut Samples) -> [[u8; N]; 8] {
    core::array::from_fn(|_| samples.number())
}

/// Eight numbers of 32 bytes, as they are and as dalek sees them.
pub(super) fn any<K: Kind>(kind: K, samples: &mut Samples) -> (K::Scalars, [Scalar; 8]) {
    let strings = sample(samples);
    let scalars = kind.load(strings.each_ref());
    (scalars, strings.map(Scalar::from_bytes_mod_order))
}

/// Eight factors, as they are and as dalek sees them.
pub(super) fn factors<K: Kind>(kind: K, samples: &mut Samples) -> (K::Factors, [Scalar; 8]) {
    let strings = sample(samples);
    let oracle = strings.map(|s| Scalar::from(u128::from_le_bytes(s)));
    (kind.load_factors(&strings, 0xff), oracle)
}

#[track_caller]
pub(super) fn assert_equal<K: Kind>(kind: K, scalars: K::Scalars, oracle: [Scalar; 8]) {
    assert_eq!(kind.store(scalars), oracle.map(|s| s.to_bytes()));
}
