use curve25519_dalek::scalar::Scalar;

use super::super::samples::{Samples, inputs, token};
use super::super::scalar::tests::{any, assert_equal, factors, sample};
use super::*;

#[test]
fn a_sum_of_products_leaves_out_masked_lanes() {
    let Some(cpu) = token() else { return };
    let mut samples = Samples::new("sum of products");
    for round in 0..inputs() / 8 / 32 {
        let mut oracle = Scalar::ZERO;
        let terms: Vec<_> = (0..round % 64)
            .map(|_| {
                let (scalars, oracle_s) = any(cpu, &mut samples);
                let strings = sample(&mut samples);
                let [keep] = samples.bytes();
                for i in (0..8).filter(|i| keep >> i & 1 == 1) {
                    oracle += oracle_s[i] * Scalar::from(u128::from_le_bytes(strings[i]));
                }
                (cpu.load_factors(&strings, keep), scalars)
            })
            .collect();
        assert_equal(cpu, cpu.sum_products(terms.into_iter()), [oracle; 8]);
    }
}

#[test]
fn a_sum_of_the_greatest_products_keeps_every_carry() {
    let Some(cpu) = token() else { return };
    let (greatest, _) = cpu.load_scalars([&[0xff; 32]; 8]);
    let factors = cpu.load_factors(&[[0xff; 16]; 8], 0xff);
    let product = Scalar::from_bytes_mod_order([0xff; 32]) * Scalar::from(u128::MAX);
    // Around one, two and many carries.
    for vectors in [1, 511, 512, 513, 1023, 1024, 1025, 100_003] {
        let total = cpu.sum_products(std::iter::repeat_n((factors, greatest), vectors));
        assert_equal(cpu, total, [product * Scalar::from(8 * vectors as u64); 8]);
    }
}

#[test]
fn rows_sum_products_by_place() {
    let Some(cpu) = token() else { return };
    let mut samples = Samples::new("rows");
    for _ in 0..inputs() / 8 / 256 {
        let mut rows = [[0; 8]; 8];
        let mut oracle = [Scalar::ZERO; 8];
        for _ in 0..256 {
            let (scalars, oracle_s) = any(cpu, &mut samples);
            let (factors, oracle_z) = factors(cpu, &mut samples);
            // Places repeat within one vector.
            let places = core::array::from_fn(|_| samples.below(8));
            cpu.add_products_to_rows(factors, scalars, places, &mut rows);
            for (i, place) in places.into_iter().enumerate() {
                oracle[place] += oracle_s[i] * oracle_z[i];
            }
        }
        assert_equal(cpu, cpu.reduce_rows(rows.each_ref()), oracle);
    }
}

#[test]
fn a_row_takes_the_stated_number_of_the_greatest_products() {
    let Some(cpu) = token() else { return };
    let (greatest, _) = cpu.load_scalars([&[0xff; 32]; 8]);
    let factors = cpu.load_factors(&[[0xff; 16]; 8], 0xff);
    let mut rows = [[0; 8]; 8];
    for _ in 0..ROW_TERMS_MAX / 8 {
        cpu.add_products_to_rows(factors, greatest, [3; 8], &mut rows);
    }
    let mut oracle = [Scalar::ZERO; 8];
    oracle[3] = Scalar::from_bytes_mod_order([0xff; 32])
        * Scalar::from(u128::MAX)
        * Scalar::from(ROW_TERMS_MAX as u64);
    assert_equal(cpu, cpu.reduce_rows(rows.each_ref()), oracle);
    // The greatest limbs a sum of rows could have.
    let full = [ROW_TERMS_MAX as u64 * MASK_52 as u64; 7];
    let row: Row = core::array::from_fn(|i| full.get(i).copied().unwrap_or((1 << 32) - 1));
    let oracle = row.iter().rev().fold(Scalar::ZERO, |sum, &limb| {
        sum * Scalar::from(1_u64 << 52) + Scalar::from(limb)
    });
    assert_equal(cpu, cpu.reduce_rows([&row; 8]), [oracle; 8]);
}
