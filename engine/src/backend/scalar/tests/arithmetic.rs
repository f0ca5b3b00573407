//! Single operations modulo L agree with curve25519-dalek.

use curve25519_dalek::scalar::Scalar;

use super::kinds::{Kind, assert_equal, on_every_kind, sample};
use super::samples::{Samples, inputs, multiply_order};

on_every_kind! {
    wide_numbers_reduce_as_in_dalek,
    multiples_of_the_order_reduce_to_zero_and_their_neighbours_to_the_ends,
    load_and_store_keep_every_bit,
    negatives_agree_with_dalek,
}

fn wide_numbers_reduce_as_in_dalek(kind: impl Kind) {
    let mut samples = Samples::new("wide");
    for _ in 0..inputs() / 8 {
        let strings: [[u8; 64]; 8] = sample(&mut samples);
        let oracle = strings.each_ref().map(Scalar::from_bytes_mod_order_wide);
        assert_equal(kind, kind.reduce_wide(strings.each_ref()), oracle);
    }
}

fn multiples_of_the_order_reduce_to_zero_and_their_neighbours_to_the_ends(kind: impl Kind) {
    let mut samples = Samples::new("multiples");
    for _ in 0..inputs() / 80 {
        let mut strings: [[u8; 64]; 8] = sample(&mut samples);
        for (i, string) in strings.iter_mut().enumerate() {
            string[32..].fill(0);
            string[0] |= 1;
            *string = multiply_order(string);
            // An odd multiple of an odd number: neighbours differ in the last bit or by a borrow in the last byte.
            match i % 3 {
                0 => {}
                1 => string[0] -= 1,
                _ => string[0] ^= if string[0] & 2 == 0 { 3 } else { 1 },
            }
        }
        let oracle = strings.each_ref().map(Scalar::from_bytes_mod_order_wide);
        assert_eq!(oracle[0], Scalar::ZERO);
        assert_eq!(oracle[1], -Scalar::ONE);
        assert_equal(kind, kind.reduce_wide(strings.each_ref()), oracle);
    }
}

fn load_and_store_keep_every_bit(kind: impl Kind) {
    let mut samples = Samples::new("load");
    for _ in 0..inputs() / 8 {
        let strings: [[u8; 32]; 8] = sample(&mut samples);
        assert_eq!(kind.store(kind.load(strings.each_ref())), strings);
    }
}

fn negatives_agree_with_dalek(kind: impl Kind) {
    let mut samples = Samples::new("negatives");
    for _ in 0..inputs() / 8 {
        let strings: [[u8; 32]; 8] = sample(&mut samples);
        let oracle = strings.map(Scalar::from_bytes_mod_order);
        let scalars = kind.load(oracle.each_ref().map(Scalar::as_bytes));
        assert_equal(kind, kind.neg(scalars), oracle.map(|a| -a));
        assert_equal(kind, kind.neg(kind.neg(scalars)), oracle);
    }
    let zero = kind.load([&[0; 32]; 8]);
    assert_equal(kind, kind.neg(zero), [Scalar::ZERO; 8]);
}
