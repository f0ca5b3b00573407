//! Signed window digits of eight scalars at a time, for Pippenger's buckets and for Straus.
//!
//! A scalar s becomes digits d_j in [-2^(w-1), 2^(w-1)] with s = sum of d_j·2^(wj).
//!
//! # Correctness
//! The digits need no carry from window to window. Let o be 2^(w-1) in every window but the last. Window j of s + o,
//! less 2^(w-1), is d_j: the offsets sum to what was added. So all but the last digit are in [-2^(w-1), 2^(w-1)).
//! The last, window W-1 of s + o, is at most (s >> w(W-1)) + 1, since o < 2^(w(W-1)).
//! - 253 bits, s < L, W = ceil(253/w): for s < 2^252 that is at most 2^(252-w(W-1)) <= 2^(w-1). Other s have
//!   s - 2^252 < 2^125: window W-2 of s + o is then 2^(w-1) or one more, so there is no carry and the digit is 2^(252-w(W-1)).
//!   W-2 is a window above bit 125 because w <= 13.
//! - 128 bits, W = ceil(129/w): at most 2^(128-w(W-1)) <= 2^(w-1).

#[cfg(test)]
mod tests;

use core::arch::x86_64::*;

use super::scalar::{Factors, MASK_52, Scalars, add};
use crate::backend::cpu::Avx512;

/// Least and most bits of a window.
pub(crate) const WINDOW_BITS: core::ops::RangeInclusive<u32> = 4..=13;

/// Windows of `bits` bits that a scalar below L has.
pub(crate) const fn scalar_windows(bits: u32) -> usize {
    253_u32.div_ceil(bits) as usize
}

/// Windows of `bits` bits that a factor below 2^128 has.
pub(crate) const fn factor_windows(bits: u32) -> usize {
    129_u32.div_ceil(bits) as usize
}

/// o of each width of window: 2^(bits-1) in every window but the last, in limbs of radix 2^52.
type Offsets = [[i64; 5]; 10];

const SCALAR_OFFSETS: Offsets = offsets(true);
const FACTOR_OFFSETS: Offsets = offsets(false);

const fn offsets(scalars: bool) -> Offsets {
    let mut offsets = [[0; 5]; 10];
    let mut bits = *WINDOW_BITS.start();
    while bits <= *WINDOW_BITS.end() {
        let windows = if scalars {
            scalar_windows(bits)
        } else {
            factor_windows(bits)
        };
        let mut window = 0;
        while window < windows - 1 {
            let position = (window + 1) * bits as usize - 1;
            offsets[(bits - *WINDOW_BITS.start()) as usize][position / 52] |= 1 << (position % 52);
            window += 1;
        }
        bits += 1;
    }
    offsets
}

/// Eight scalars ready to give any of their digits, in any order.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    /// s + o, and a zero limb so that a window may always look at the limb above.
    limbs: [__m512i; 6],
    bits: u32,
    windows: usize,
}

impl Digits {
    /// Of scalars below L.
    ///
    /// # Panics
    /// When `bits` is not in [`WINDOW_BITS`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn of_scalars(scalars: Scalars, bits: u32) -> Self {
        Self::new(scalars.0, bits, scalar_windows(bits), &SCALAR_OFFSETS)
    }

    /// Of factors.
    ///
    /// # Panics
    /// When `bits` is not in [`WINDOW_BITS`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn of_factors(factors: Factors, bits: u32) -> Self {
        let [a, b, c] = factors.0;
        let zero = _mm512_setzero_si512();
        Self::new(
            [a, b, c, zero, zero],
            bits,
            factor_windows(bits),
            &FACTOR_OFFSETS,
        )
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(limbs: [__m512i; 5], bits: u32, windows: usize, offsets: &Offsets) -> Self {
        assert!(
            WINDOW_BITS.contains(&bits),
            "no window of {bits} bits is meant"
        );
        let offset = offsets[(bits - WINDOW_BITS.start()) as usize].map(|o| _mm512_set1_epi64(o));
        let [a, b, c, d, e] = add(limbs, offset);
        let mut limbs = [a, b, c, d, e, _mm512_setzero_si512()];
        // s + o is below 2^253 + 2^252, so the last limb needs no carry.
        for i in 0..4 {
            limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srli_epi64::<52>(limbs[i]));
            limbs[i] = _mm512_and_si512(limbs[i], _mm512_set1_epi64(MASK_52));
        }
        Self {
            limbs,
            bits,
            windows,
        }
    }

    /// How many digits each scalar has.
    #[inline]
    pub(crate) fn windows(&self) -> usize {
        self.windows
    }

    /// Digit `window` of each scalar, in signed 64-bit lanes; window 0 is the least significant.
    ///
    /// # Panics
    /// When `window` is not below [`Digits::windows`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn digit(&self, window: usize) -> __m512i {
        let last = self.windows - 1;
        assert!(window <= last, "window {window} of {}", self.windows);
        let position = window * self.bits as usize;
        let (limb, shift) = (position / 52, (position % 52) as i32);
        // Bits that the limb above brings beyond the window are masked away.
        let low = _mm512_srl_epi64(self.limbs[limb], _mm_cvtsi32_si128(shift));
        let high = _mm512_sll_epi64(self.limbs[limb + 1], _mm_cvtsi32_si128(52 - shift));
        let mask = _mm512_set1_epi64((1 << self.bits) - 1);
        let half = if window == last {
            0
        } else {
            1 << (self.bits - 1)
        };
        _mm512_sub_epi64(
            _mm512_and_si512(_mm512_or_si512(low, high), mask),
            _mm512_set1_epi64(half),
        )
    }

    /// Writes digit j of scalar i to `digits[j * stride + term + i]`: the digits of one window lie side by side for
    /// all terms of a sum.
    ///
    /// # Panics
    /// When an index is not in `digits`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn write(&self, digits: &mut [i16], stride: usize, term: usize) {
        for window in 0..self.windows {
            let eight = &mut digits[window * stride + term..][..8];
            let digit = _mm512_cvtepi64_epi16(self.digit(window));
            // SAFETY: `eight` is a slice of 16 writable bytes; the store has no alignment to keep.
            unsafe { _mm_storeu_si128(eight.as_mut_ptr().cast(), digit) }
        }
    }

    /// Writes digit j of scalar i to `rows[j][i]`, for windows of at most 7 bits.
    ///
    /// # Panics
    /// When `rows` is not one row a window or a window has more than 7 bits.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn write_rows(&self, rows: &mut [[i8; 8]]) {
        assert!(self.bits <= 7, "{} bits do not fit an i8", self.bits);
        assert_eq!(rows.len(), self.windows, "one row a window");
        for (window, row) in rows.iter_mut().enumerate() {
            let digit = _mm512_cvtepi64_epi8(self.digit(window));
            // SAFETY: `row` is a reference to 8 writable bytes; the store writes 8 and has no alignment to keep.
            unsafe { _mm_storel_epi64(row.as_mut_ptr().cast(), digit) }
        }
    }
}

/// Safe entry points; kernels that already hold vectors call the functions above.
impl Avx512 {
    /// See [`Digits::of_scalars`] and [`Digits::write`].
    pub(crate) fn write_scalar_digits(
        self,
        scalars: Scalars,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        // SAFETY: `self` exists, so `detect` saw every feature the functions enable.
        unsafe { Digits::of_scalars(scalars, bits).write(digits, stride, term) }
    }

    /// See [`Digits::of_factors`] and [`Digits::write`].
    pub(crate) fn write_factor_digits(
        self,
        factors: Factors,
        bits: u32,
        digits: &mut [i16],
        stride: usize,
        term: usize,
    ) {
        // SAFETY: `self` exists, so `detect` saw every feature the functions enable.
        unsafe { Digits::of_factors(factors, bits).write(digits, stride, term) }
    }

    /// See [`Digits::of_scalars`] and [`Digits::write_rows`].
    pub(crate) fn write_scalar_digit_rows(self, scalars: Scalars, bits: u32, rows: &mut [[i8; 8]]) {
        // SAFETY: `self` exists, so `detect` saw every feature the functions enable.
        unsafe { Digits::of_scalars(scalars, bits).write_rows(rows) }
    }
}
