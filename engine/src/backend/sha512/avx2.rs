//! The rounds on AVX2: four lanes a register.

use std::arch::x86_64::*;

use super::Simd;
use super::message::{self, Piece};
use super::rounds::{self, LANES_MAX, State, Vector};
use crate::backend::cpu::Avx2;

/// Four words. Made only from an [`Avx2`], so that a value is proof of the instructions too.
#[derive(Clone, Copy)]
struct Words4(__m256i);

/// One intrinsic on values that prove it may run.
macro_rules! avx2 {
    ($call:expr) => {
        // SAFETY: every use takes a `Words4` or an `Avx2`, and those exist only where `Avx2::detect` saw avx2.
        unsafe { $call }
    };
}

impl Words4 {
    /// AVX2 has no rotation: two shifts and an xor.
    #[inline(always)]
    fn rotate_right<const RIGHT: i32, const LEFT: i32>(self) -> Self {
        const { assert!(RIGHT + LEFT == 64, "a rotation loses no bit") };
        Self(avx2!(_mm256_or_si256(
            _mm256_srli_epi64::<RIGHT>(self.0),
            _mm256_slli_epi64::<LEFT>(self.0)
        )))
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self) -> Self {
        Self(avx2!(_mm256_srli_epi64::<BITS>(self.0)))
    }

    #[inline(always)]
    fn shift_left<const BITS: i32>(self) -> Self {
        Self(avx2!(_mm256_slli_epi64::<BITS>(self.0)))
    }

    /// Each word in the order of bytes given for its half of a register.
    #[inline(always)]
    fn shuffle_bytes(self, high: i64, low: i64) -> Self {
        Self(avx2!(_mm256_shuffle_epi8(
            self.0,
            _mm256_set_epi64x(high, low, high, low)
        )))
    }

    /// Each word from big-endian to the CPU's order, or back.
    #[inline(always)]
    fn swap_bytes(self) -> Self {
        self.shuffle_bytes(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx2!(_mm256_xor_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx2!(_mm256_and_si256(self.0, other.0)))
    }
}

impl Vector for Words4 {
    type Cpu = Avx2;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(_: Avx2, word: u64) -> Self {
        Self(avx2!(_mm256_set1_epi64x(word.cast_signed())))
    }

    #[inline(always)]
    fn load(_: Avx2, words: &[u64]) -> Self {
        let words: &[u64; 4] = words.first_chunk().expect("four lanes");
        // SAFETY: the token proves avx2; `words` is 32 readable bytes, and the load asks no alignment.
        Self(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, words: &mut [u64]) {
        let words: &mut [u64; 4] = words.first_chunk_mut().expect("four lanes");
        // SAFETY: `self` proves avx2; `words` is 32 writable bytes, and the store asks no alignment.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn load_blocks(cpu: Avx2, blocks: &[&[u8; 128]]) -> [Self; 16] {
        let blocks: &[&[u8; 128]; 4] = blocks.first_chunk().expect("four lanes");
        let mut words = [Self::splat(cpu, 0); 16];
        for (quarter, words) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            for (word, block) in words.iter_mut().zip(blocks) {
                *word = load_quarter(cpu, &block.as_chunks().0[quarter]);
            }
            *words = transpose(*words);
            for word in words {
                *word = word.swap_bytes();
            }
        }
        words
    }

    #[inline(always)]
    fn store_rows(words: [Self; 8], rows: &mut [[u8; 64]]) {
        for (half, words) in words.as_chunks::<4>().0.iter().enumerate() {
            for (row, to) in transpose(*words).into_iter().zip(&mut *rows) {
                store_quarter(row.swap_bytes(), &mut to.as_chunks_mut().0[half]);
            }
        }
    }

    #[inline(always)]
    fn load_prefixed(cpu: Avx2, prefix: u8, rows: &[&[u8; 64]]) -> [Self; 9] {
        let rows: &[&[u8; 64]; 4] = rows.first_chunk().expect("four lanes");
        let mut words = [Self::splat(cpu, 0); 9];
        let mut before = Self::splat(cpu, u64::from(prefix));
        for (half, words) in words[..8].as_chunks_mut::<4>().0.iter_mut().enumerate() {
            for (word, row) in words.iter_mut().zip(rows) {
                *word = load_quarter(cpu, &row.as_chunks().0[half]);
            }
            *words = transpose(*words);
            for word in words {
                let swapped = word.swap_bytes();
                *word = swapped.shift_right::<8>().xor(before.shift_left::<56>());
                before = swapped;
            }
        }
        words[8] = before.shift_left::<56>().xor(Self::splat(cpu, 0x80 << 48));
        words
    }

    #[inline(always)]
    fn store_short_rows(words: [Self; 4], rows: &mut [[u8; 32]]) {
        for (row, to) in transpose(words).into_iter().zip(rows) {
            store_quarter(row.swap_bytes(), to);
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx2!(_mm256_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn big_sigma0(self) -> Self {
        self.rotate_right::<28, 36>()
            .xor(self.rotate_right::<34, 30>())
            .xor(self.rotate_right::<39, 25>())
    }

    #[inline(always)]
    fn big_sigma1(self) -> Self {
        self.rotate_right::<14, 50>()
            .xor(self.rotate_right::<18, 46>())
            .xor(self.rotate_right::<41, 23>())
    }

    #[inline(always)]
    fn small_sigma0(self) -> Self {
        // A rotation by whole bytes is one shuffle.
        let by_a_byte = self.shuffle_bytes(0x080f_0e0d_0c0b_0a09, 0x0007_0605_0403_0201);
        self.rotate_right::<1, 63>()
            .xor(by_a_byte)
            .xor(self.shift_right::<7>())
    }

    #[inline(always)]
    fn small_sigma1(self) -> Self {
        self.rotate_right::<19, 45>()
            .xor(self.rotate_right::<61, 3>())
            .xor(self.shift_right::<6>())
    }

    #[inline(always)]
    fn choose(self, then: Self, otherwise: Self) -> Self {
        self.and(then.xor(otherwise)).xor(otherwise)
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        // In the next round `self` is b and b is c: the compiler keeps their xor.
        self.xor(b).and(b.xor(c)).xor(b)
    }
}

#[inline(always)]
fn load_quarter(_: Avx2, quarter: &[u8; 32]) -> Words4 {
    // SAFETY: the token proves avx2; `quarter` is 32 readable bytes, and the load asks no alignment.
    Words4(unsafe { _mm256_loadu_si256(quarter.as_ptr().cast()) })
}

#[inline(always)]
fn store_quarter(words: Words4, quarter: &mut [u8; 32]) {
    // SAFETY: `words` proves avx2; `quarter` is 32 writable bytes, and the store asks no alignment.
    unsafe { _mm256_storeu_si256(quarter.as_mut_ptr().cast(), words.0) }
}

/// Word `j` of row `i` to word `i` of row `j`.
#[inline(always)]
fn transpose(rows: [Words4; 4]) -> [Words4; 4] {
    let [Words4(a), Words4(b), Words4(c), Words4(d)] = rows;
    avx2!({
        let (ab0, ab1) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
        let (cd0, cd1) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
        [
            Words4(_mm256_permute2x128_si256::<0x20>(ab0, cd0)),
            Words4(_mm256_permute2x128_si256::<0x20>(ab1, cd1)),
            Words4(_mm256_permute2x128_si256::<0x31>(ab0, cd0)),
            Words4(_mm256_permute2x128_si256::<0x31>(ab1, cd1)),
        ]
    })
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const LANES_NARROW: usize = 4;

    #[inline(always)]
    fn prefetch(self, bytes: &[u8; 64]) {
        // Both ends, as the bytes may lie across two lines.
        // SAFETY: every x86-64 CPU has this hint, and it reads nothing the program could see.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast());
            _mm_prefetch::<_MM_HINT_T0>((&raw const bytes[63]).cast());
        }
    }

    #[inline(always)]
    fn stage(self, block: &mut [u8; 128], padding: &[u8; 128], pieces: &[Piece<'_>; 3]) {
        message::stage(block, padding, pieces);
    }

    #[inline]
    fn compress(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]) {
        // SAFETY: `self` proves the feature.
        unsafe { compress::<2>(self, state, blocks) }
    }

    #[inline]
    fn compress_narrow(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]) {
        // SAFETY: `self` proves the feature.
        unsafe { compress::<1>(self, state, blocks) }
    }

    #[inline]
    fn compress_shared(self, state: &mut State, schedule: &[u64; 80]) {
        // SAFETY: `self` proves the feature.
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
        // SAFETY: `self` proves the feature.
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
        // SAFETY: `self` proves the feature.
        unsafe { hash_prefixed::<1>(self, iv, prefix, rows, digests) }
    }

    #[inline]
    fn digests(self, state: &State, digests: &mut [[u8; 64]; LANES_MAX]) {
        // SAFETY: `self` proves the feature.
        unsafe { self::digests(self, state, digests) }
    }
}

#[target_feature(enable = "avx2")]
#[inline(never)]
fn compress<const N: usize>(cpu: Avx2, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]) {
    rounds::compress::<Words4, N>(cpu, state, blocks);
}

#[target_feature(enable = "avx2")]
#[inline(never)]
fn compress_shared(cpu: Avx2, state: &mut State, schedule: &[u64; 80]) {
    rounds::compress_shared::<Words4, 2>(cpu, state, schedule);
}

#[target_feature(enable = "avx2")]
fn digests(cpu: Avx2, state: &State, digests: &mut [[u8; 64]; LANES_MAX]) {
    rounds::digests::<Words4, 2>(cpu, state, digests);
}

#[target_feature(enable = "avx2")]
#[inline(never)]
fn hash_prefixed<const N: usize>(
    cpu: Avx2,
    iv: &[u64; 8],
    prefix: u8,
    rows: &[&[u8; 64]; LANES_MAX],
    digests: &mut [[u8; 32]; LANES_MAX],
) {
    rounds::hash_prefixed::<Words4, N>(cpu, iv, prefix, rows, digests);
}
