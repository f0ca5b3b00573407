//! Sums of products agree with curve25519-dalek, up to the most terms they may have.

use curve25519_dalek::scalar::Scalar;

use super::kinds::{Kind, any, assert_equal, factors, on_every_kind, sample};
use super::samples::{Samples, inputs};
use crate::backend::scalar::ROW_TERMS_MAX;

on_every_kind! {
    a_sum_of_products_leaves_out_masked_lanes,
    a_sum_of_the_greatest_products_keeps_every_carry,
    rows_sum_products_by_place,
    a_row_takes_the_stated_number_of_the_greatest_products,
}

fn a_sum_of_products_leaves_out_masked_lanes(kind: impl Kind) {
    let mut samples = Samples::new("sum of products");
    for round in 0..inputs() / 8 / 32 {
        let mut oracle = Scalar::ZERO;
        let terms: Vec<_> = (0..round % 64)
            .map(|_| {
                let (scalars, oracle_s) = any(kind, &mut samples);
                let strings = sample(&mut samples);
                let [keep] = samples.bytes();
                for i in (0..8).filter(|i| keep >> i & 1 == 1) {
                    oracle += oracle_s[i] * Scalar::from(u128::from_le_bytes(strings[i]));
                }
                (kind.load_factors(&strings, keep), scalars)
            })
            .collect();
        assert_eq!(kind.sum_products(&terms), oracle.to_bytes());
    }
}

fn a_sum_of_the_greatest_products_keeps_every_carry(kind: impl Kind) {
    let greatest = kind.load([&[0xff; 32]; 8]);
    let factors = kind.load_factors(&[[0xff; 16]; 8], 0xff);
    let product = Scalar::from_bytes_mod_order([0xff; 32]) * Scalar::from(u128::MAX);
    // Around one, two and many carries.
    for vectors in [1, 511, 512, 513, 1023, 1024, 1025, 100_003] {
        let total = kind.sum_products(&vec![(factors, greatest); vectors]);
        let oracle = product * Scalar::from(8 * vectors as u64);
        assert_eq!(total, oracle.to_bytes());
    }
}

fn rows_sum_products_by_place(kind: impl Kind) {
    let mut samples = Samples::new("rows");
    for _ in 0..inputs() / 8 / 256 {
        let mut rows = [[0; 8]; 8];
        let mut oracle = [Scalar::ZERO; 8];
        for _ in 0..256 {
            let (scalars, oracle_s) = any(kind, &mut samples);
            let (factors, oracle_z) = factors(kind, &mut samples);
            // Places repeat within one vector.
            let places = core::array::from_fn(|_| samples.below(8));
            kind.add_products_to_rows(factors, scalars, places, &mut rows);
            for (i, place) in places.into_iter().enumerate() {
                oracle[place] += oracle_s[i] * oracle_z[i];
            }
        }
        assert_equal(kind, kind.reduce_rows(rows.each_ref()), oracle);
    }
}

fn a_row_takes_the_stated_number_of_the_greatest_products(kind: impl Kind) {
    let greatest = kind.load([&[0xff; 32]; 8]);
    let factors = kind.load_factors(&[[0xff; 16]; 8], 0xff);
    let mut rows = [[0; 8]; 8];
    for _ in 0..ROW_TERMS_MAX / 8 {
        kind.add_products_to_rows(factors, greatest, [3; 8], &mut rows);
    }
    let mut oracle = [Scalar::ZERO; 8];
    oracle[3] = Scalar::from_bytes_mod_order([0xff; 32])
        * Scalar::from(u128::MAX)
        * Scalar::from(ROW_TERMS_MAX as u64);
    assert_equal(kind, kind.reduce_rows(rows.each_ref()), oracle);
}
