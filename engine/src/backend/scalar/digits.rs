//! Signed window digits of scalars in 64-bit words; what they are is said in [`windows`](super::windows).

use super::plain::{Factors, Scalars, Words};
use super::windows::{factor_offset, factor_windows, scalar_offset, scalar_windows};

/// Scalars ready to be cut into digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits<const N: usize> {
    /// Words of s + o, word by word and not scalar by scalar, so that one shift cuts all lanes alike; and a zero word
    /// so that a window may always look at the word above.
    words: [[u64; N]; 5],
    bits: u32,
    windows: usize,
}

impl<const N: usize> Digits<N> {
    /// Of scalars below L.
    ///
    /// # Panics
    /// When `bits` is not in [`WINDOW_BITS`](super::windows::WINDOW_BITS).
    #[inline]
    pub(crate) fn of_scalars(scalars: Scalars<N>, bits: u32) -> Self {
        Self::new(scalars.0, bits, scalar_windows(bits), scalar_offset(bits))
    }

    /// Of factors.
    ///
    /// # Panics
    /// When `bits` is not in [`WINDOW_BITS`](super::windows::WINDOW_BITS).
    #[inline]
    pub(crate) fn of_factors(factors: Factors<N>, bits: u32) -> Self {
        let words = factors.0.map(|[a, b]| [a, b, 0, 0]);
        Self::new(words, bits, factor_windows(bits), factor_offset(bits))
    }

    #[inline]
    fn new(scalars: [Words; N], bits: u32, windows: usize, offset: &Words) -> Self {
        let mut words = [[0; N]; 5];
        for (lane, scalar) in scalars.iter().enumerate() {
            // s + o is below 2^254, so nothing is carried out of the last word.
            let mut carry = false;
            for i in 0..4 {
                (words[i][lane], carry) = scalar[i].carrying_add(offset[i], carry);
            }
        }
        Self {
            words,
            bits,
            windows,
        }
    }

    /// Writes digit j of scalar i to `digits[j * stride + term + i]`: the digits of one window lie side by side for
    /// all terms of a sum. See [`stride`](super::windows::stride).
    ///
    /// # Panics
    /// When an index is not in `digits`.
    #[inline]
    pub(crate) fn write(&self, digits: &mut [i16], stride: usize, term: usize) {
        let mask = (1 << self.bits) - 1;
        let half = 1 << (self.bits - 1);
        for first in (0..self.windows).step_by(4) {
            // The bits of four windows, 52 at most, with others above them.
            let position = first * self.bits as usize;
            let (word, shift) = (position / 64, position % 64);
            let (low, high) = (&self.words[word], &self.words[word + 1]);
            let mut bits: [u64; N] =
                core::array::from_fn(|i| low[i] >> shift | high[i] << 1 << (63 - shift));
            for window in first..self.windows.min(first + 4) {
                // The last window has no offset to take away.
                let last = window == self.windows - 1;
                let offset = if last { 0 } else { half };
                let row = bits.map(|bits| ((bits & mask) as i16).wrapping_sub(offset));
                digits[window * stride + term..][..N].copy_from_slice(&row);
                bits = bits.map(|bits| bits >> (self.bits & 63));
            }
        }
    }
}
