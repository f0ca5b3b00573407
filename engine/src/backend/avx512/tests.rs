//! The tests of the vertical algorithms and of scalars, on this instruction set.

use super::digits::Digits;
use super::field::Field;
use super::products::{Factors, ProductSum, Products, add_products_to_rows};
use super::scalar::Scalars;
use crate::backend::cpu::{Avx512 as Isa, InstructionSet as _};
use crate::backend::scalar::Row;
use crate::backend::scalar::tests::Kind;
use crate::backend::vertical::tests;

#[test]
fn arithmetic_agrees_with_big_integers() {
    let Some(isa) = Isa::detect() else { return };
    tests::field_agrees::<Field>(isa);
    tests::lanes_keep_apart::<Field>(isa);
}

#[test]
fn arithmetic_agrees_at_the_bounds_of_limbs() {
    let Some(isa) = Isa::detect() else { return };
    tests::bounds_agree::<Field>(isa);
}

#[test]
fn points_agree_with_dalek() {
    let Some(isa) = Isa::detect() else { return };
    tests::points_agree::<Field>(isa);
    tests::decoding_agrees::<Field>(isa);
    tests::walks_agree::<Field>(isa);
}

#[test]
fn sums_agree_with_dalek() {
    let Some(isa) = Isa::detect() else { return };
    tests::sums_agree::<Field>(isa);
}

/// Calls what is compiled for the instructions.
macro_rules! within {
    ($call:expr) => {
        // SAFETY: every use is in a method of an `Isa`, so `detect` saw every feature that is enabled.
        unsafe { $call }
    };
}

impl Kind for Isa {
    type Scalars = Scalars;
    type Factors = Factors;

    fn reduce_wide(self, strings: [&[u8; 64]; 8]) -> Scalars {
        within!(Scalars::from_wide(strings))
    }

    fn load(self, strings: [&[u8; 32]; 8]) -> Scalars {
        within!(Scalars::load(strings))
    }

    fn store(self, scalars: Scalars) -> [[u8; 32]; 8] {
        let mut strings = [[0; 32]; 8];
        within!(scalars.store(&mut strings));
        strings
    }

    fn load_factors(self, strings: &[[u8; 16]; 8], keep: u8) -> Factors {
        within!(Factors::load(strings).keep(keep))
    }

    fn neg(self, a: Scalars) -> Scalars {
        within!(a.neg())
    }

    fn sum_products(self, terms: &[(Factors, Scalars)]) -> [u8; 32] {
        let total = within!({
            let mut sum = ProductSum::new();
            for &(factors, scalars) in terms {
                sum.add(factors, scalars);
            }
            sum.total()
        });
        let totals = self.store(total);
        assert_eq!(totals, [totals[0]; 8]);
        totals[0]
    }

    fn add_products_to_rows(
        self,
        factors: Factors,
        scalars: Scalars,
        places: [usize; 8],
        rows: &mut [Row],
    ) {
        within!(add_products_to_rows(factors, scalars, places, rows));
    }

    fn reduce_rows(self, rows: [&Row; 8]) -> Scalars {
        within!(Products::from_rows(rows).reduce())
    }

    fn write_scalar_digits(
        self,
        scalars: Scalars,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        within!(Digits::of_scalars(scalars, bits).write(digits, stride, term));
    }

    fn write_factor_digits(
        self,
        factors: Factors,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        within!(Digits::of_factors(factors, bits).write(digits, stride, term));
    }
}
