//! Instructions of AVX-512 as functions, one each.
//!
//! They are safe to call where a `Field`, a `Wide` or an `Isa` exists, which is everywhere in `field` and `rows`: all
//! functions there take one, or are called by one that does.

use core::arch::x86_64::{
    __m512i, _mm256_loadu_si256, _mm512_add_epi64, _mm512_and_si512, _mm512_castsi256_si512,
    _mm512_cmpeq_epi64_mask, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_blend_epi64, _mm512_mask_broadcast_i64x4, _mm512_mask_sub_epi64,
    _mm512_mullo_epi64, _mm512_or_si512, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srli_epi64, _mm512_storeu_si512,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

macro_rules! ops {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty = $intrinsic:expr;)*) => {$(
        #[inline(always)]
        pub(super) fn $name($($arg: $type),*) -> $out {
            // SAFETY: callers hold a value that only `Isa::detect` on a CPU with these instructions leads to.
            unsafe { $intrinsic }
        }
    )*};
}

ops! {
    zero() -> __m512i = _mm512_setzero_si512();
    splat(x: u64) -> __m512i = _mm512_set1_epi64(x.cast_signed());
    add(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi64(a, b);
    sub(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi64(a, b);
    and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
    or(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
    mul(a: __m512i, b: __m512i) -> __m512i = _mm512_mullo_epi64(a, b);
    madd_lo(sum: __m512i, a: __m512i, b: __m512i) -> __m512i = _mm512_madd52lo_epu64(sum, a, b);
    madd_hi(sum: __m512i, a: __m512i, b: __m512i) -> __m512i = _mm512_madd52hi_epu64(sum, a, b);
    select(mask: u8, yes: __m512i, no: __m512i) -> __m512i = _mm512_mask_blend_epi64(mask, no, yes);
    sub_if(mask: u8, no: __m512i, a: __m512i, b: __m512i) -> __m512i = _mm512_mask_sub_epi64(no, mask, a, b);
    equal(a: __m512i, b: __m512i) -> u8 = _mm512_cmpeq_epi64_mask(a, b);
    any_bit(a: __m512i, b: __m512i) -> u8 = _mm512_test_epi64_mask(a, b);
    interleave_low(a: __m512i, b: __m512i) -> __m512i = _mm512_unpacklo_epi64(a, b);
    interleave_high(a: __m512i, b: __m512i) -> __m512i = _mm512_unpackhi_epi64(a, b);
    // SAFETY (both): the reference spans the 64 bytes that are read or written.
    load(from: &[u64; 8]) -> __m512i = _mm512_loadu_si512(from.as_ptr().cast());
    store(to: &mut [u64; 8], x: __m512i) -> () = _mm512_storeu_si512(to.as_mut_ptr().cast(), x);
}

/// `low`, then `high`.
#[inline(always)]
pub(super) fn load_halves(low: &[u64; 4], high: &[u64; 4]) -> __m512i {
    // SAFETY: as above; both references span the 32 bytes that are read.
    unsafe {
        let low = _mm512_castsi256_si512(_mm256_loadu_si256(low.as_ptr().cast()));
        _mm512_mask_broadcast_i64x4(low, 0xf0, _mm256_loadu_si256(high.as_ptr().cast()))
    }
}

#[inline(always)]
pub(super) fn shr<const BITS: u32>(x: __m512i) -> __m512i {
    // SAFETY: as above.
    unsafe { _mm512_srli_epi64::<BITS>(x) }
}

#[inline(always)]
pub(super) fn shl<const BITS: u32>(x: __m512i) -> __m512i {
    // SAFETY: as above.
    unsafe { _mm512_slli_epi64::<BITS>(x) }
}

/// Quarters of `a` and `b`: two of `a`, then two of `b`.
#[inline(always)]
pub(super) fn quarters<const WHICH: i32>(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: as above.
    unsafe { _mm512_shuffle_i64x2::<WHICH>(a, b) }
}
