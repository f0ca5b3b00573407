//! How eight byte strings become the lanes of vectors, and back.
//!
//! A string of 8n bytes is n little-endian 64-bit words; word i of string j is lane j of vector i.

use core::arch::x86_64::*;

/// Words 0..8 of eight rows from the rows, or the rows from the words: it is its own inverse.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(rows: [__m512i; 8]) -> [__m512i; 8] {
    let mut words = rows;
    for parity in 0..2 {
        // Word pairs of rows 2i and 2i+1, first the even words, then the odd ones.
        let pairs: [__m512i; 4] = core::array::from_fn(|i| match parity {
            0 => _mm512_unpacklo_epi64(rows[2 * i], rows[2 * i + 1]),
            _ => _mm512_unpackhi_epi64(rows[2 * i], rows[2 * i + 1]),
        });
        let low_02 = _mm512_shuffle_i64x2::<0x88>(pairs[0], pairs[1]);
        let low_13 = _mm512_shuffle_i64x2::<0xdd>(pairs[0], pairs[1]);
        let high_02 = _mm512_shuffle_i64x2::<0x88>(pairs[2], pairs[3]);
        let high_13 = _mm512_shuffle_i64x2::<0xdd>(pairs[2], pairs[3]);
        words[parity] = _mm512_shuffle_i64x2::<0x88>(low_02, high_02);
        words[parity + 2] = _mm512_shuffle_i64x2::<0x88>(low_13, high_13);
        words[parity + 4] = _mm512_shuffle_i64x2::<0xdd>(low_02, high_02);
        words[parity + 6] = _mm512_shuffle_i64x2::<0xdd>(low_13, high_13);
    }
    words
}

/// Eight strings of 64 bytes as eight words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_64(strings: [&[u8; 64]; 8]) -> [__m512i; 8] {
    transpose(strings.map(|s| {
        // SAFETY: `s` is a reference to 64 readable bytes; the load has no alignment to keep.
        unsafe { _mm512_loadu_si512(s.as_ptr().cast()) }
    }))
}

/// Eight rows of eight words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_rows(rows: [&[u64; 8]; 8]) -> [__m512i; 8] {
    transpose(rows.map(|row| load_row(row)))
}

/// Eight words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_row(row: &[u64; 8]) -> __m512i {
    // SAFETY: `row` is a reference to 64 readable bytes; the load has no alignment to keep.
    unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
}

/// Eight words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_row(row: &mut [u64; 8], words: __m512i) {
    // SAFETY: `row` is a reference to 64 writable bytes; the store has no alignment to keep.
    unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), words) }
}

/// Eight strings of 32 bytes as four words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_32(strings: [&[u8; 32]; 8]) -> [__m512i; 4] {
    let halves = strings.map(|s| {
        // SAFETY: `s` is a reference to 32 readable bytes; the load has no alignment to keep.
        unsafe { _mm256_loadu_si256(s.as_ptr().cast()) }
    });
    // Rows i and i+2 share a vector, so that the shuffles below leave the lanes in order.
    let both =
        |low: usize| _mm512_inserti64x4::<1>(_mm512_castsi256_si512(halves[low]), halves[low + 2]);
    let (a, b, c, d) = (both(0), both(1), both(4), both(5));
    let (low, low_next) = (_mm512_unpacklo_epi64(a, b), _mm512_unpacklo_epi64(c, d));
    let (high, high_next) = (_mm512_unpackhi_epi64(a, b), _mm512_unpackhi_epi64(c, d));
    [
        _mm512_shuffle_i64x2::<0x88>(low, low_next),
        _mm512_shuffle_i64x2::<0x88>(high, high_next),
        _mm512_shuffle_i64x2::<0xdd>(low, low_next),
        _mm512_shuffle_i64x2::<0xdd>(high, high_next),
    ]
}

/// Four words as eight strings of 32 bytes.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_32(words: [__m512i; 4], strings: &mut [[u8; 32]; 8]) {
    // Each holds one word pair of four rows: rows 0, 2, 4, 6 in `even`, 1, 3, 5, 7 in `odd`.
    let even_01 = _mm512_unpacklo_epi64(words[0], words[1]);
    let odd_01 = _mm512_unpackhi_epi64(words[0], words[1]);
    let even_23 = _mm512_unpacklo_epi64(words[2], words[3]);
    let odd_23 = _mm512_unpackhi_epi64(words[2], words[3]);
    let first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (half, select) in [first, second].into_iter().enumerate() {
        let even = _mm512_permutex2var_epi64(even_01, select, even_23);
        let odd = _mm512_permutex2var_epi64(odd_01, select, odd_23);
        let pairs = [
            _mm512_shuffle_i64x2::<0x44>(even, odd),
            _mm512_shuffle_i64x2::<0xee>(even, odd),
        ];
        for (pair, rows) in pairs.into_iter().enumerate() {
            let two = &mut strings[4 * half + 2 * pair..][..2];
            // SAFETY: `two` is a slice of 2 x 32 writable bytes; the store has no alignment to keep.
            unsafe { _mm512_storeu_si512(two.as_mut_ptr().cast(), rows) }
        }
    }
}

/// Eight strings of 16 bytes as two words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_16(strings: &[[u8; 16]; 8]) -> [__m512i; 2] {
    let (first, second) = strings.split_at(4);
    // SAFETY: each half is a slice of 4 x 16 readable bytes; the loads have no alignment to keep.
    let [a, b] = [first, second].map(|half| unsafe { _mm512_loadu_si512(half.as_ptr().cast()) });
    [
        _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b),
        _mm512_permutex2var_epi64(a, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), b),
    ]
}

/// Thirty-two words of 16 bits.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_words(words: &[i16; 32]) -> __m512i {
    // SAFETY: `words` is a reference to 64 readable bytes; the load has no alignment to keep.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}
