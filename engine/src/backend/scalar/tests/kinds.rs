//! The kinds of scalar arithmetic there are, under one interface of eight lanes.

use curve25519_dalek::scalar::Scalar;

use super::samples::Samples;
#[cfg(target_arch = "x86_64")]
use crate::backend::cpu::Avx512;
use crate::backend::scalar::{Row, digits, plain};

/// What every kind can do. Operations are named and specified as in [`plain`].
pub(super) trait Kind: Copy {
    type Scalars: Copy;
    type Factors: Copy;

    fn reduce_wide(self, strings: [&[u8; 64]; 8]) -> Self::Scalars;
    fn load(self, strings: [&[u8; 32]; 8]) -> (Self::Scalars, u8);
    fn store(self, scalars: Self::Scalars) -> [[u8; 32]; 8];
    fn load_factors(self, strings: &[[u8; 16]; 8], keep: u8) -> Self::Factors;
    fn add(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars;
    fn sub(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars;
    fn neg(self, a: Self::Scalars) -> Self::Scalars;
    fn mul(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars;
    fn mul_factors(self, a: Self::Scalars, z: Self::Factors) -> Self::Scalars;
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
    fn write_scalar_digit_rows(self, scalars: Self::Scalars, bits: u32, rows: &mut [[i8; 8]]);
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

        #[cfg(target_arch = "x86_64")]
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
    fn load(self, strings: [&[u8; 32]; 8]) -> (Self::Scalars, u8) {
        let scalars = plain::Scalars::load(strings);
        (scalars, scalars.below_order())
    }
    fn store(self, scalars: Self::Scalars) -> [[u8; 32]; 8] {
        scalars.store()
    }
    fn load_factors(self, strings: &[[u8; 16]; 8], keep: u8) -> Self::Factors {
        plain::Factors::load(strings).keep(keep)
    }
    fn add(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars {
        a.add(b)
    }
    fn sub(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars {
        a.sub(b)
    }
    fn neg(self, a: Self::Scalars) -> Self::Scalars {
        a.neg()
    }
    fn mul(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars {
        a.mul(b)
    }
    fn mul_factors(self, a: Self::Scalars, z: Self::Factors) -> Self::Scalars {
        a.mul_factors(z)
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
    fn write_scalar_digit_rows(self, scalars: Self::Scalars, bits: u32, rows: &mut [[i8; 8]]) {
        digits::Digits::of_scalars(scalars, bits).write_rows(rows);
    }
}

#[cfg(target_arch = "x86_64")]
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

#[cfg(target_arch = "x86_64")]
impl Kind for Avx512 {
    type Scalars = crate::backend::avx512::scalar::Scalars;
    type Factors = crate::backend::avx512::products::Factors;

    fn reduce_wide(self, strings: [&[u8; 64]; 8]) -> Self::Scalars {
        self.scalars_from_wide(strings)
    }
    fn load(self, strings: [&[u8; 32]; 8]) -> (Self::Scalars, u8) {
        self.load_scalars(strings)
    }
    fn store(self, scalars: Self::Scalars) -> [[u8; 32]; 8] {
        self.store_scalars(scalars)
    }
    fn load_factors(self, strings: &[[u8; 16]; 8], keep: u8) -> Self::Factors {
        Avx512::load_factors(self, strings, keep)
    }
    fn add(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars {
        self.add_scalars(a, b)
    }
    fn sub(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars {
        self.sub_scalars(a, b)
    }
    fn neg(self, a: Self::Scalars) -> Self::Scalars {
        self.neg_scalars(a)
    }
    fn mul(self, a: Self::Scalars, b: Self::Scalars) -> Self::Scalars {
        self.mul_scalars(a, b)
    }
    fn mul_factors(self, a: Self::Scalars, z: Self::Factors) -> Self::Scalars {
        Avx512::mul_factors(self, a, z)
    }
    fn sum_products(self, terms: &[(Self::Factors, Self::Scalars)]) -> [u8; 32] {
        let totals = Avx512::sum_products(self, terms.iter().copied());
        let totals = self.store_scalars(totals);
        assert_eq!(totals, [totals[0]; 8]);
        totals[0]
    }
    fn add_products_to_rows(
        self,
        factors: Self::Factors,
        scalars: Self::Scalars,
        places: [usize; 8],
        rows: &mut [Row],
    ) {
        Avx512::add_products_to_rows(self, factors, scalars, places, rows);
    }
    fn reduce_rows(self, rows: [&Row; 8]) -> Self::Scalars {
        Avx512::reduce_rows(self, rows)
    }
    fn write_scalar_digits(
        self,
        scalars: Self::Scalars,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        Avx512::write_scalar_digits(self, scalars, bits, digits, stride, term);
    }
    fn write_factor_digits(
        self,
        factors: Self::Factors,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        Avx512::write_factor_digits(self, factors, bits, digits, stride, term);
    }
    fn write_scalar_digit_rows(self, scalars: Self::Scalars, bits: u32, rows: &mut [[i8; 8]]) {
        Avx512::write_scalar_digit_rows(self, scalars, bits, rows);
    }
}

/// Eight samples.
pub(super) fn sample<const N: usize>(samples: &mut Samples) -> [[u8; N]; 8] {
    core::array::from_fn(|_| samples.number())
}

/// Eight numbers of 32 bytes, as they are and as dalek sees them.
pub(super) fn any<K: Kind>(kind: K, samples: &mut Samples) -> (K::Scalars, [Scalar; 8]) {
    let strings = sample(samples);
    let (scalars, _) = kind.load(strings.each_ref());
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
