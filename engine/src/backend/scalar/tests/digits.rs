//! Window digits make up the scalar: exactly, not modulo L.

use super::kinds::{Kind, on_every_kind};
use super::samples::{Samples, inputs};
use crate::backend::scalar::windows::{WINDOW_BITS, factor_windows, scalar_windows, stride};

on_every_kind! {
    digits_of_scalars_make_up_the_scalar_for_every_width,
    digits_of_factors_make_up_the_factor_for_every_width,
}

fn digits_of_scalars_make_up_the_scalar_for_every_width(kind: impl Kind) {
    let mut samples = Samples::new("scalar digits");
    for bits in WINDOW_BITS {
        let (windows, stride) = (scalar_windows(bits), 11);
        for _ in 0..inputs() / 80 {
            let strings: [[u8; 32]; 8] = core::array::from_fn(|_| scalar(&mut samples));
            let scalars = kind.load(strings.each_ref());
            let mut digits = vec![i16::MAX; windows * stride];
            kind.write_scalar_digits(scalars, bits, &mut digits, stride, 2);
            for (i, string) in strings.iter().enumerate() {
                let digits = (0..windows).map(|j| i64::from(digits[j * stride + 2 + i]));
                check(bits, digits, string);
            }
            let untouched = (0..windows * stride).filter(|at| !(2..10).contains(&(at % stride)));
            assert!(untouched.into_iter().all(|at| digits[at] == i16::MAX));
        }
    }
}

fn digits_of_factors_make_up_the_factor_for_every_width(kind: impl Kind) {
    let mut samples = Samples::new("factor digits");
    for bits in WINDOW_BITS {
        let windows = factor_windows(bits);
        for _ in 0..inputs() / 80 {
            let strings: [[u8; 16]; 8] = core::array::from_fn(|_| samples.number());
            let mut digits = vec![0; windows * 8];
            kind.write_factor_digits(kind.load_factors(&strings, 0xff), bits, &mut digits, 8, 0);
            for (i, string) in strings.iter().enumerate() {
                let digits = (0..windows).map(|j| i64::from(digits[j * 8 + i]));
                check(bits, digits, string);
            }
        }
    }
}

#[test]
fn strides_have_room_and_are_odd_numbers_of_cache_lines() {
    for terms in 1..5000 {
        let stride = stride(terms);
        assert!(stride >= terms.next_multiple_of(8) && stride < terms + 96);
        assert_eq!(stride * size_of::<i16>() / 64 % 2, 1);
        assert_eq!(stride % 32, 0);
    }
}

/// A number of 320 bits.
type Wide = [u64; 5];

/// `number·2^bits + digit`, for a digit that is not negative.
fn shift_in(number: Wide, bits: u32, digit: u64) -> Wide {
    let mut carry = digit;
    number.map(|word| {
        let shifted = word << bits | carry;
        carry = word >> (64 - bits);
        shifted
    })
}

fn sum(a: Wide, b: Wide) -> Wide {
    let mut carry = 0;
    core::array::from_fn(|i| {
        let word = u128::from(a[i]) + u128::from(b[i]) + carry;
        carry = word >> 64;
        word as u64
    })
}

fn from_bytes(bytes: &[u8]) -> Wide {
    let mut padded = [0; 40];
    padded[..bytes.len()].copy_from_slice(bytes);
    core::array::from_fn(|i| u64::from_le_bytes(padded[8 * i..][..8].try_into().expect("8 bytes")))
}

/// The digits, least significant first, are in range and make up the number: exactly, not modulo L.
#[track_caller]
fn check(bits: u32, digits: impl DoubleEndedIterator<Item = i64>, number: &[u8]) {
    let half = 1_i64 << (bits - 1);
    let (mut positive, mut negative) = (Wide::default(), Wide::default());
    for digit in digits.rev() {
        assert!((-half..=half).contains(&digit), "{digit} in {bits} bits");
        positive = shift_in(positive, bits, digit.max(0) as u64);
        negative = shift_in(negative, bits, (-digit).max(0) as u64);
    }
    assert_eq!(
        positive,
        sum(negative, from_bytes(number)),
        "{} in {bits} bits",
        hex::encode(number)
    );
}

/// Scalars below L, with its neighbourhood.
fn scalar(samples: &mut Samples) -> [u8; 32] {
    let number = samples.number();
    let reduced = curve25519_dalek::Scalar::from_bytes_mod_order(number);
    reduced.to_bytes()
}
