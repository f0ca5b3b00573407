//! The tests of the vertical algorithms, on this instruction set.

use super::field::Field;
use crate::backend::cpu::{Avx2 as Isa, InstructionSet as _};
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
