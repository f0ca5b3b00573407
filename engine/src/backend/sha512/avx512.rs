//! The rounds on AVX-512: eight lanes a register, two registers side by side.

use std::arch::x86_64::*;

use super::Simd;
use super::message::Piece;
use super::rounds::{self, LANES_MAX, State, Vector};
use crate::backend::cpu::Avx512;

/// Eight words. Made only from an [`Avx512`], so that a value is proof of the instructions too.
#[derive(Clone, Copy)]
struct Words8(__m512i);

/// One intrinsic on values that prove it may run.
macro_rules! avx512 {
    ($call:expr) => {
        // SAFETY: every use takes a `Words8` or an `Avx512`, and those exist only where `Avx512::detect` saw
        // avx512f, avx512bw and avx512vbmi.
        unsafe { $call }
    };
}

/// Truth tables for `vpternlogq`: bit `4a + 2b + c` is the result for the bits a, b, c.
const XOR3: i32 = 0b1001_0110;
const CHOOSE: i32 = 0b1100_1010;
const MAJORITY: i32 = 0b1110_1000;
const AND_OR: i32 = 0b1110_1010;

impl Words8 {
    #[inline(always)]
    fn rotate_right<const BITS: i32>(self) -> Self {
        Self(avx512!(_mm512_ror_epi64::<BITS>(self.0)))
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        Self(avx512!(_mm512_srli_epi64::<BITS>(self.0)))
    }

    #[inline(always)]
    fn ternary<const TABLE: i32>(self, b: Self, c: Self) -> Self {
        Self(avx512!(_mm512_ternarylogic_epi64::<TABLE>(
            self.0, b.0, c.0
        )))
    }
}

/// Shuffles, named after what they keep: each result alternates between both inputs or has first one, then the other.
impl Words8 {
    #[inline(always)]
    fn even_words(self, other: Self) -> Self {
        Self(avx512!(_mm512_unpacklo_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn odd_words(self, other: Self) -> Self {
        Self(avx512!(_mm512_unpackhi_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn even_pairs(self, other: Self) -> Self {
        Self(avx512!(_mm512_shuffle_i64x2::<0b10_00_10_00>(
            self.0, other.0
        )))
    }

    #[inline(always)]
    fn odd_pairs(self, other: Self) -> Self {
        Self(avx512!(_mm512_shuffle_i64x2::<0b11_01_11_01>(
            self.0, other.0
        )))
    }
}

impl Vector for Words8 {
    type Cpu = Avx512;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(_: Avx512, word: u64) -> Self {
        Self(avx512!(_mm512_set1_epi64(word.cast_signed())))
    }

    #[inline(always)]
    fn load(_: Avx512, words: &[u64]) -> Self {
        let words: &[u64; 8] = words.first_chunk().expect("eight lanes");
        // SAFETY: the token proves avx512f; `words` is 64 readable bytes, and the load asks no alignment.
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, words: &mut [u64]) {
        let words: &mut [u64; 8] = words.first_chunk_mut().expect("eight lanes");
        // SAFETY: `self` proves avx512f; `words` is 64 writable bytes, and the store asks no alignment.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn load_blocks(cpu: Avx512, blocks: &[&[u8; 128]]) -> [Self; 16] {
        let blocks: &[&[u8; 128]; 8] = blocks.first_chunk().expect("eight lanes");
        let mut words = [Self::splat(cpu, 0); 16];
        for (half, words) in words.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            for (word, block) in words.iter_mut().zip(blocks) {
                *word = load_half(cpu, &block.as_chunks().0[half]);
            }
            *words = transpose(*words);
            for word in words {
                *word = swap_bytes(*word);
            }
        }
        words
    }

    #[inline(always)]
    fn store_rows(words: [Self; 8], rows: &mut [[u8; 64]]) {
        let mut swapped = words;
        for word in &mut swapped {
            *word = swap_bytes(*word);
        }
        for (row, to) in transpose(swapped).into_iter().zip(rows) {
            store_half(row, to);
        }
    }

    #[inline(always)]
    fn load_prefixed(cpu: Avx512, prefix: u8, rows: &[&[u8; 64]]) -> [Self; 9] {
        let rows: &[&[u8; 64]; 8] = rows.first_chunk().expect("eight lanes");
        let mut words = [Self::splat(cpu, 0); 8];
        for (word, row) in words.iter_mut().zip(rows) {
            *word = rotate_and_swap_bytes(load_half(cpu, row));
        }
        // The last byte of the row has come to the front of the first word: it belongs to the ninth.
        let [first, w1, w2, w3, w4, w5, w6, w7] = transpose(words);
        let (low, high) = (
            Self::splat(cpu, u64::MAX >> 8),
            Self::splat(cpu, 0xff << 56),
        );
        let w0 = first.ternary::<AND_OR>(low, Self::splat(cpu, u64::from(prefix) << 56));
        let w8 = first.ternary::<AND_OR>(high, Self::splat(cpu, 0x80 << 48));
        [w0, w1, w2, w3, w4, w5, w6, w7, w8]
    }

    #[inline(always)]
    fn store_short_rows([w0, w1, w2, w3]: [Self; 4], rows: &mut [[u8; 32]]) {
        let two_lanes_each = transpose_pairs([
            w0.even_words(w1),
            w2.even_words(w3),
            w0.odd_words(w1),
            w2.odd_words(w3),
        ]);
        for (words, rows) in two_lanes_each.into_iter().zip(rows.as_chunks_mut::<2>().0) {
            store_half(
                swap_bytes(words),
                rows.as_flattened_mut().first_chunk_mut().expect("twice 32"),
            );
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx512!(_mm512_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn big_sigma0(self) -> Self {
        self.rotate_right::<28>()
            .ternary::<XOR3>(self.rotate_right::<34>(), self.rotate_right::<39>())
    }

    #[inline(always)]
    fn big_sigma1(self) -> Self {
        self.rotate_right::<14>()
            .ternary::<XOR3>(self.rotate_right::<18>(), self.rotate_right::<41>())
    }

    #[inline(always)]
    fn small_sigma0(self) -> Self {
        self.rotate_right::<1>()
            .ternary::<XOR3>(self.rotate_right::<8>(), self.shift_right::<7>())
    }

    #[inline(always)]
    fn small_sigma1(self) -> Self {
        self.rotate_right::<19>()
            .ternary::<XOR3>(self.rotate_right::<61>(), self.shift_right::<6>())
    }

    #[inline(always)]
    fn choose(self, then: Self, otherwise: Self) -> Self {
        self.ternary::<CHOOSE>(then, otherwise)
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        self.ternary::<MAJORITY>(b, c)
    }
}

#[inline(always)]
fn load_half(_: Avx512, half: &[u8; 64]) -> Words8 {
    // SAFETY: the token proves avx512f; `half` is 64 readable bytes, and the load asks no alignment.
    Words8(unsafe { _mm512_loadu_si512(half.as_ptr().cast()) })
}

#[inline(always)]
fn store_half(words: Words8, half: &mut [u8; 64]) {
    // SAFETY: `words` proves avx512f; `half` is 64 writable bytes, and the store asks no alignment.
    unsafe { _mm512_storeu_si512(half.as_mut_ptr().cast(), words.0) }
}

/// Memory that is surely there.
static MAPPED: [u8; 64] = [0; 64];

/// The 64 bytes from byte `start` of a block on, with what `piece` has of them.
#[inline(always)]
fn lay_over(bytes: Words8, piece: &Piece<'_>, start: usize) -> Words8 {
    assert!(
        piece.at + piece.bytes.len() <= 128,
        "the piece ends in the block"
    );
    // Bit i of the mask says that byte `start + i` of the block is one of the piece.
    let in_block = match piece.bytes.len() {
        0 => 0,
        count => (u128::MAX >> (128 - count)) << piece.at,
    };
    let mask = (in_block >> start) as u64;
    // With an empty mask any address is right, but one without memory behind it costs a microcode assist of a hundred
    // nanoseconds, and that is where empty slices point.
    let from = if mask == 0 {
        (&raw const MAPPED).cast()
    } else {
        let first = piece.bytes.as_ptr();
        first.wrapping_add(start).wrapping_sub(piece.at)
    };
    // SAFETY: `bytes` proves avx512bw. A masked load touches only bytes whose bit is set: byte i is
    // `piece.bytes[start + i - piece.at]`, and the mask has exactly those i where this is inside.
    Words8(unsafe { _mm512_mask_loadu_epi8(bytes.0, mask, from.cast()) })
}

/// Each word from big-endian to the CPU's order.
#[inline(always)]
fn swap_bytes(words: Words8) -> Words8 {
    Words8(avx512!({
        let order = _mm512_set4_epi32(0x0809_0a0b, 0x0c0d_0e0f, 0x0001_0203, 0x0405_0607);
        _mm512_shuffle_epi8(words.0, order)
    }))
}

/// All 64 bytes moved on by one, the last to the front, and then as [`swap_bytes`].
#[inline(always)]
fn rotate_and_swap_bytes(words: Words8) -> Words8 {
    const ORDER: [u8; 64] = {
        let mut order = [0; 64];
        let mut at = 0;
        while at < 64 {
            let big_endian = at / 8 * 8 + (7 - at % 8);
            order[at] = ((big_endian + 63) % 64) as u8;
            at += 1;
        }
        order
    };
    // SAFETY: `words` proves avx512f and avx512vbmi; `ORDER` is 64 readable bytes, and the load asks no alignment.
    Words8(unsafe { _mm512_permutexvar_epi8(_mm512_loadu_si512(ORDER.as_ptr().cast()), words.0) })
}

/// Word `j` of row `i` to word `i` of row `j`.
#[inline(always)]
fn transpose(r: [Words8; 8]) -> [Words8; 8] {
    // Of each pair of rows the words with even and with odd places side by side, then a square of four by four pieces
    // of two words is left to transpose.
    let [c0, c2, c4, c6] = transpose_pairs([
        r[0].even_words(r[1]),
        r[2].even_words(r[3]),
        r[4].even_words(r[5]),
        r[6].even_words(r[7]),
    ]);
    let [c1, c3, c5, c7] = transpose_pairs([
        r[0].odd_words(r[1]),
        r[2].odd_words(r[3]),
        r[4].odd_words(r[5]),
        r[6].odd_words(r[7]),
    ]);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// Pair `j` of row `i` to pair `i` of row `j`.
#[inline(always)]
fn transpose_pairs([a, b, c, d]: [Words8; 4]) -> [Words8; 4] {
    let (ab0, ab1) = (a.even_pairs(b), a.odd_pairs(b));
    let (cd0, cd1) = (c.even_pairs(d), c.odd_pairs(d));
    [
        ab0.even_pairs(cd0),
        ab1.even_pairs(cd1),
        ab0.odd_pairs(cd0),
        ab1.odd_pairs(cd1),
    ]
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    const LANES_NARROW: usize = 8;

    #[inline(always)]
    fn prefetch(self, bytes: &[u8; 64]) {
        // Both ends, as the bytes may lie across two lines.
        // SAFETY: every x86-64 CPU has this hint, and it reads nothing the program could see.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast());
            _mm_prefetch::<_MM_HINT_T0>((&raw const bytes[63]).cast());
        }
    }

    /// Masked loads, so that each half is stored at once: a later load of it then finds it whole in the store queue.
    #[inline(always)]
    fn stage(self, block: &mut [u8; 128], padding: &[u8; 128], pieces: &[Piece<'_>; 3]) {
        let (halves, _) = block.as_chunks_mut::<64>();
        for (half, to) in halves.iter_mut().enumerate() {
            let mut bytes = load_half(self, &padding.as_chunks().0[half]);
            for piece in pieces {
                bytes = lay_over(bytes, piece, 64 * half);
            }
            store_half(bytes, to);
        }
    }

    #[inline]
    fn compress(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]) {
        // SAFETY: `self` proves the features.
        unsafe { compress::<2>(self, state, blocks) }
    }

    #[inline]
    fn compress_narrow(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]) {
        // SAFETY: `self` proves the features.
        unsafe { compress::<1>(self, state, blocks) }
    }

    #[inline]
    fn compress_shared(self, state: &mut State, schedule: &[u64; 80]) {
        // SAFETY: `self` proves the features.
        unsafe { compress_shared(self, state, schedule) }
    }

    #[inline]
    fn hash_prefixed(
        self,
        iv: &[u64; 8],
        prefix: u8,
        rows: &[&[u8; 64]; LANES_MAX],
        digests: &mut [[u8; 32]; LANES_MAX],
    ) {
        // SAFETY: `self` proves the features.
        unsafe { hash_prefixed::<2>(self, iv, prefix, rows, digests) }
    }

    #[inline]
    fn hash_prefixed_narrow(
        self,
        iv: &[u64; 8],
        prefix: u8,
        rows: &[&[u8; 64]; LANES_MAX],
        digests: &mut [[u8; 32]; LANES_MAX],
    ) {
        // SAFETY: `self` proves the features.
        unsafe { hash_prefixed::<1>(self, iv, prefix, rows, digests) }
    }

    #[inline]
    fn digests(self, state: &State, digests: &mut [[u8; 64]; LANES_MAX]) {
        // SAFETY: `self` proves the features.
        unsafe { self::digests(self, state, digests) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline(never)]
fn compress<const N: usize>(cpu: Avx512, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]) {
    rounds::compress::<Words8, N>(cpu, state, blocks);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline(never)]
fn compress_shared(cpu: Avx512, state: &mut State, schedule: &[u64; 80]) {
    rounds::compress_shared::<Words8, 2>(cpu, state, schedule);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn digests(cpu: Avx512, state: &State, digests: &mut [[u8; 64]; LANES_MAX]) {
    rounds::digests::<Words8, 2>(cpu, state, digests);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline(never)]
fn hash_prefixed<const N: usize>(
    cpu: Avx512,
    iv: &[u64; 8],
    prefix: u8,
    rows: &[&[u8; 64]; LANES_MAX],
    digests: &mut [[u8; 32]; LANES_MAX],
) {
    rounds::hash_prefixed::<Words8, N>(cpu, iv, prefix, rows, digests);
}
