use curve25519_dalek::scalar::Scalar;

use super::super::samples::{ORDER, Samples, inputs, multiply_order, token};
use super::*;

pub(in super::super) fn sample<const N: usize>(samples: &mut Samples) -> [[u8; N]; 8] {
    core::array::from_fn(|_| samples.number())
}

/// Eight numbers of 32 bytes, as they are and as dalek sees them.
pub(in super::super) fn any(cpu: Avx512, samples: &mut Samples) -> (Scalars, [Scalar; 8]) {
    let strings = sample(samples);
    let (scalars, _) = cpu.load_scalars(strings.each_ref());
    (scalars, strings.map(Scalar::from_bytes_mod_order))
}

fn canonical(cpu: Avx512, samples: &mut Samples) -> (Scalars, [Scalar; 8]) {
    let (_, oracle) = any(cpu, samples);
    let (scalars, below) = cpu.load_scalars(oracle.each_ref().map(Scalar::as_bytes));
    assert_eq!(below, 0xff);
    (scalars, oracle)
}

pub(in super::super) fn factors(cpu: Avx512, samples: &mut Samples) -> (Factors, [Scalar; 8]) {
    let strings = sample(samples);
    let oracle = strings.map(|s| Scalar::from(u128::from_le_bytes(s)));
    (cpu.load_factors(&strings, 0xff), oracle)
}

#[track_caller]
pub(in super::super) fn assert_equal(cpu: Avx512, scalars: Scalars, oracle: [Scalar; 8]) {
    assert_eq!(cpu.store_scalars(scalars), oracle.map(|s| s.to_bytes()));
}

fn each<A: Copy, B: Copy, C>(a: [A; 8], b: [B; 8], f: impl Fn(A, B) -> C) -> [C; 8] {
    core::array::from_fn(|i| f(a[i], b[i]))
}

#[test]
fn constants_are_what_their_names_say() {
    let number = |limbs: &[i64]| {
        limbs.iter().rev().fold(Scalar::ZERO, |sum, &limb| {
            assert!((0..1 << 52).contains(&limb));
            sum * Scalar::from(1_u64 << 52) + Scalar::from(limb as u64)
        })
    };
    let power = |bits: u32| (0..bits).fold(Scalar::ONE, |p, _| p + p);
    let mut words = [0_u128; 4];
    for (i, &limb) in super::ORDER.iter().enumerate() {
        words[52 * i / 64] += (limb as u128) << (52 * i % 64);
    }
    for i in 0..3 {
        words[i + 1] += words[i] >> 64;
    }
    assert_eq!(words.map(|word| word as u64), ORDER);
    assert_eq!(number(&C), -power(252));
    assert_eq!(number(&C_8), -power(260));
    assert_eq!(number(&FOLD_5), -(power(260) - Scalar::ONE) * number(&C_8));
    assert_eq!(number(&FOLD_3), -(power(156) - Scalar::ONE) * number(&C_8));
}

#[test]
fn wide_numbers_reduce_as_in_dalek() {
    let Some(cpu) = token() else { return };
    let mut samples = Samples::new("wide");
    for _ in 0..inputs() / 8 {
        let strings: [[u8; 64]; 8] = sample(&mut samples);
        let oracle = strings.each_ref().map(Scalar::from_bytes_mod_order_wide);
        assert_equal(cpu, cpu.scalars_from_wide(strings.each_ref()), oracle);
    }
}

#[test]
fn multiples_of_the_order_reduce_to_zero_and_their_neighbours_to_the_ends() {
    let Some(cpu) = token() else { return };
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
        assert_equal(cpu, cpu.scalars_from_wide(strings.each_ref()), oracle);
    }
}

#[test]
fn load_and_store_keep_every_bit_and_below_order_is_the_rule() {
    let Some(cpu) = token() else { return };
    let mut samples = Samples::new("load");
    let mut seen = [0_usize; 2];
    for _ in 0..inputs() / 8 {
        let strings: [[u8; 32]; 8] = sample(&mut samples);
        let (scalars, below) = cpu.load_scalars(strings.each_ref());
        assert_eq!(cpu.store_scalars(scalars), strings);
        for (i, string) in strings.iter().enumerate() {
            let is_below = bool::from(Scalar::from_canonical_bytes(*string).is_some());
            assert_eq!(below >> i & 1 == 1, is_below, "{}", hex::encode(string));
            seen[usize::from(is_below)] += 1;
        }
    }
    assert!(seen.iter().all(|&count| count > inputs() / 100), "{seen:?}");
}

#[test]
fn sums_and_differences_agree_with_dalek() {
    let Some(cpu) = token() else { return };
    let mut samples = Samples::new("sums");
    for _ in 0..inputs() / 8 {
        let (a, oracle_a) = canonical(cpu, &mut samples);
        let (b, oracle_b) = canonical(cpu, &mut samples);
        assert_equal(
            cpu,
            cpu.add_scalars(a, b),
            each(oracle_a, oracle_b, |a, b| a + b),
        );
        assert_equal(
            cpu,
            cpu.sub_scalars(a, b),
            each(oracle_a, oracle_b, |a, b| a - b),
        );
        assert_equal(cpu, cpu.neg_scalars(a), oracle_a.map(|a| -a));
        let zero = cpu.sub_scalars(a, a);
        assert_equal(cpu, zero, [Scalar::ZERO; 8]);
        assert_equal(cpu, cpu.neg_scalars(zero), [Scalar::ZERO; 8]);
        assert_equal(
            cpu,
            cpu.add_scalars(a, cpu.neg_scalars(a)),
            [Scalar::ZERO; 8],
        );
    }
}

#[test]
fn products_agree_with_dalek_for_values_of_any_size() {
    let Some(cpu) = token() else { return };
    let mut samples = Samples::new("products");
    for _ in 0..inputs() / 8 {
        let (a, oracle_a) = any(cpu, &mut samples);
        let (b, oracle_b) = any(cpu, &mut samples);
        let (z, oracle_z) = factors(cpu, &mut samples);
        assert_equal(
            cpu,
            cpu.mul_scalars(a, b),
            each(oracle_a, oracle_b, |a, b| a * b),
        );
        assert_equal(
            cpu,
            cpu.mul_factors(a, z),
            each(oracle_a, oracle_z, |a, z| a * z),
        );
    }
}
