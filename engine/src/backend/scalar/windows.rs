//! How a scalar is cut into signed windows: widths, counts, offsets and where the digits lie.
//!
//! A scalar s becomes W digits d_j in [-2^(w-1), 2^(w-1)] with s = sum of d_j·2^(wj).
//!
//! # Correctness
//! The digits need no carry from window to window. Let o be 2^(w-1) in every window but the last. Window j of s + o,
//! less 2^(w-1), is d_j: the offsets sum to what was added. So all but the last digit are in [-2^(w-1), 2^(w-1)).
//! The last, window W-1 of s + o, is at most (s >> w(W-1)) + 1, since o < 2^(w(W-1)).
//! - Scalars, s < L, W = ceil(253/w): for s < 2^252 that is at most 2^(252-w(W-1)) <= 2^(w-1). Other s have
//!   s - 2^252 < 2^125, so window W-2, which lies above bit 125, holds 2^(w-1) or one more in s + o: nothing is carried
//!   out of it and the last digit is 2^(252-w(W-1)).
//! - Factors, s < 2^128, W = ceil(129/w): at most 2^(128-w(W-1)) <= 2^(w-1).

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

/// A good distance between the digits of neighbouring windows: room for `terms` rounded up to vectors, and an odd
/// number of cache lines, so that one term's digits do not all fall into the same few sets of the cache.
pub(crate) const fn stride(terms: usize) -> usize {
    (terms.div_ceil(32) | 1) * 32
}

/// o of scalars in windows of `bits` bits, in words of 64 bits.
///
/// # Panics
/// When `bits` is not in [`WINDOW_BITS`].
#[inline]
pub(crate) fn scalar_offset(bits: u32) -> &'static [u64; 4] {
    &SCALAR_OFFSETS[place(bits)]
}

/// o of factors in windows of `bits` bits, in words of 64 bits.
///
/// # Panics
/// When `bits` is not in [`WINDOW_BITS`].
#[inline]
pub(crate) fn factor_offset(bits: u32) -> &'static [u64; 4] {
    &FACTOR_OFFSETS[place(bits)]
}

#[inline]
fn place(bits: u32) -> usize {
    assert!(
        WINDOW_BITS.contains(&bits),
        "no window of {bits} bits is meant"
    );
    (bits - WINDOW_BITS.start()) as usize
}

type Offsets = [[u64; 4]; 10];

static SCALAR_OFFSETS: Offsets = offsets(true);
static FACTOR_OFFSETS: Offsets = offsets(false);

const fn offsets(scalars: bool) -> Offsets {
    let mut offsets = [[0; 4]; 10];
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
            offsets[(bits - *WINDOW_BITS.start()) as usize][position / 64] |= 1 << (position % 64);
            window += 1;
        }
        bits += 1;
    }
    offsets
}
