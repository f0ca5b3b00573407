//! Single operations modulo L agree with curve25519-dalek.

use curve25519_dalek::scalar::Scalar;

use super::kinds::{Kind, any, assert_equal, factors, on_every_kind, sample};
use super::samples::{Samples, inputs, multiply_order};

on_every_kind! {
    wide_numbers_reduce_as_in_dalek,
    multiples_of_the_order_reduce_to_zero_and_their_neighbours_to_the_ends,
    load_and_store_keep_every_bit_and_below_order_is_the_rule,
    sums_and_differences_agree_with_dalek,
    products_agree_with_dalek_for_values_of_any_size,
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

fn load_and_store_keep_every_bit_and_below_order_is_the_rule(kind: impl Kind) {
    let mut samples = Samples::new("load");
    let mut seen = [0_usize; 2];
    for _ in 0..inputs() / 8 {
        let strings: [[u8; 32]; 8] = sample(&mut samples);
        let (scalars, below) = kind.load(strings.each_ref());
        assert_eq!(kind.store(scalars), strings);
        for (i, string) in strings.iter().enumerate() {
            let is_below = bool::from(Scalar::from_canonical_bytes(*string).is_some());
            assert_eq!(below >> i & 1 == 1, is_below, "{}", hex::encode(string));
            seen[usize::from(is_below)] += 1;
        }
    }
    assert!(seen.iter().all(|&count| count > inputs() / 100), "{seen:?}");
}

fn sums_and_differences_agree_with_dalek(kind: impl Kind) {
    let mut samples = Samples::new("sums");
    for _ in 0..inputs() / 8 {
        let (a, oracle_a) = canonical(kind, &mut samples);
        let (b, oracle_b) = canonical(kind, &mut samples);
        assert_equal(kind, kind.add(a, b), each(oracle_a, oracle_b, |a, b| a + b));
        assert_equal(kind, kind.sub(a, b), each(oracle_a, oracle_b, |a, b| a - b));
        assert_equal(kind, kind.neg(a), oracle_a.map(|a| -a));
        let zero = kind.sub(a, a);
        assert_equal(kind, zero, [Scalar::ZERO; 8]);
        assert_equal(kind, kind.neg(zero), [Scalar::ZERO; 8]);
        assert_equal(kind, kind.add(a, kind.neg(a)), [Scalar::ZERO; 8]);
    }
}

fn products_agree_with_dalek_for_values_of_any_size(kind: impl Kind) {
    let mut samples = Samples::new("products");
    for _ in 0..inputs() / 8 {
        let (a, oracle_a) = any(kind, &mut samples);
        let (b, oracle_b) = any(kind, &mut samples);
        let (z, oracle_z) = factors(kind, &mut samples);
        assert_equal(kind, kind.mul(a, b), each(oracle_a, oracle_b, |a, b| a * b));
        assert_equal(
            kind,
            kind.mul_factors(a, z),
            each(oracle_a, oracle_z, |a, z| a * z),
        );
    }
}

fn each<A: Copy, B: Copy, C>(a: [A; 8], b: [B; 8], f: impl Fn(A, B) -> C) -> [C; 8] {
    core::array::from_fn(|i| f(a[i], b[i]))
}

/// Eight numbers below L, as they are and as dalek sees them.
fn canonical<K: Kind>(kind: K, samples: &mut Samples) -> (K::Scalars, [Scalar; 8]) {
    let (_, oracle) = any(kind, samples);
    let (scalars, below) = kind.load(oracle.each_ref().map(Scalar::as_bytes));
    assert_eq!(below, 0xff);
    (scalars, oracle)
}
