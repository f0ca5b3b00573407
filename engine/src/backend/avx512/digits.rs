//! Signed window digits of eight scalars at a time, for Pippenger's buckets.
//!
//! What the digits are is said in [`windows`](crate::backend::scalar::windows).

use core::arch::x86_64::*;

use super::bytes;
use super::products::Factors;
use super::scalar::{MASK_52, Scalars, add, limbs_from_words};
use crate::backend::scalar::windows::{
    factor_offset, factor_windows, scalar_offset, scalar_windows,
};

/// Where word f of lane i stands, at 8f + i: turns four words a lane into eight lanes a word.
const WORDS_BY_WINDOW: [i16; 32] = {
    let mut places = [0; 32];
    let mut at = 0;
    while at < 32 {
        places[at] = (at % 8 * 4 + at / 8) as i16;
        at += 1;
    }
    places
};

/// Eight scalars ready to be cut into digits.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// s + o, and a zero limb so that a window may always look at the limb above.
    limbs: [__m512i; 6],
    bits: u32,
    windows: usize,
}

impl Digits {
    /// Of scalars below L.
    ///
    /// # Panics
    /// When `bits` is not in [`WINDOW_BITS`](crate::backend::scalar::windows::WINDOW_BITS).
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of_scalars(scalars: Scalars, bits: u32) -> Self {
        Self::new(scalars.0, bits, scalar_windows(bits), scalar_offset(bits))
    }

    /// Of factors.
    ///
    /// # Panics
    /// When `bits` is not in [`WINDOW_BITS`](crate::backend::scalar::windows::WINDOW_BITS).
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of_factors(factors: Factors, bits: u32) -> Self {
        let [a, b, c] = factors.0;
        let zero = _mm512_setzero_si512();
        let limbs = [a, b, c, zero, zero];
        Self::new(limbs, bits, factor_windows(bits), factor_offset(bits))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(limbs: [__m512i; 5], bits: u32, windows: usize, offset: &[u64; 4]) -> Self {
        let offset = limbs_from_words(offset.map(|word| _mm512_set1_epi64(word as i64)));
        let [a, b, c, d, e] = add(limbs, offset);
        let mut limbs = [a, b, c, d, e, _mm512_setzero_si512()];
        // s + o is below 2^254, so the last limb needs no carry.
        for i in 0..4 {
            limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srli_epi64::<52>(limbs[i]));
            limbs[i] = _mm512_and_si512(limbs[i], _mm512_set1_epi64(MASK_52 as i64));
        }
        Self {
            limbs,
            bits,
            windows,
        }
    }

    /// 52 bits of each s + o from window `first` on, with other bits above them.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn bits_from(&self, first: usize) -> __m512i {
        let position = first * self.bits as usize;
        let (limb, shift) = (position / 52, (position % 52) as i32);
        let low = _mm512_srl_epi64(self.limbs[limb], _mm_cvtsi32_si128(shift));
        let high = _mm512_sll_epi64(self.limbs[limb + 1], _mm_cvtsi32_si128(52 - shift));
        _mm512_or_si512(low, high)
    }

    /// Writes digit j of scalar i to `digits[j * stride + term + i]`: the digits of one window lie side by side for
    /// all terms of a sum. See [`stride`](crate::backend::scalar::windows::stride).
    ///
    /// # Panics
    /// When an index is not in `digits`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn write(&self, digits: &mut [i16], stride: usize, term: usize) {
        // The bits of four windows, 52 at most, are cut into four words at once: word f is made of the eight bits
        // from f·w on and the eight after them.
        let cut = i64::from(self.bits) * 0x0303_0202_0101_0000 + 0x0800_0800_0800_0800;
        let cut = _mm512_set1_epi64(cut);
        let mask = _mm512_set1_epi16((1 << self.bits) - 1);
        let half = _mm512_set1_epi16(1 << (self.bits - 1));
        let by_window = bytes::load_words(&WORDS_BY_WINDOW);
        for first in (0..self.windows).step_by(4) {
            let count = (self.windows - first).min(4);
            let words = _mm512_multishift_epi64_epi8(cut, self.bits_from(first));
            let words = _mm512_permutexvar_epi16(by_window, _mm512_and_si512(words, mask));
            // The last window has no offset to take away.
            let last = self.windows - 1 - first;
            let with_offset = if last < 4 { !(0xff << (8 * last)) } else { !0 };
            let words = _mm512_mask_sub_epi16(words, with_offset, words, half);
            let rows = [
                _mm512_castsi512_si128(words),
                _mm512_extracti32x4_epi32::<1>(words),
                _mm512_extracti32x4_epi32::<2>(words),
                _mm512_extracti32x4_epi32::<3>(words),
            ];
            for (window, row) in rows.into_iter().take(count).enumerate() {
                let eight = &mut digits[(first + window) * stride + term..][..8];
                // SAFETY: `eight` is a slice of 16 writable bytes; the store has no alignment to keep.
                unsafe { _mm_storeu_si128(eight.as_mut_ptr().cast(), row) }
            }
        }
    }
}
