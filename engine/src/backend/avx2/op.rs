//! Instructions of AVX2 as functions, one each.
//!
//! They are safe to call where a `Field`, a `Wide` or an `Isa` exists, which is everywhere in `field` and `rows`: all
//! functions there take one, or are called by one that does.

use core::arch::x86_64::{
    __m128d, __m256d, __m256i, _mm_loadu_pd, _mm_storeu_pd, _mm256_add_epi64, _mm256_add_pd,
    _mm256_and_si256, _mm256_blendv_pd, _mm256_castpd_si256, _mm256_castpd128_pd256,
    _mm256_castpd256_pd128, _mm256_castsi256_pd, _mm256_cmpeq_epi64, _mm256_extractf128_pd,
    _mm256_fmadd_pd, _mm256_insertf128_pd, _mm256_loadu_si256, _mm256_movemask_pd,
    _mm256_mul_epu32, _mm256_or_si256, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_setr_epi64x,
    _mm256_setzero_si256, _mm256_slli_epi64, _mm256_sllv_epi64, _mm256_srli_epi64,
    _mm256_storeu_si256, _mm256_sub_epi64, _mm256_sub_pd, _mm256_unpackhi_pd, _mm256_unpacklo_pd,
    _mm256_xor_si256,
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
    zero() -> __m256i = _mm256_setzero_si256();
    splat(x: i64) -> __m256i = _mm256_set1_epi64x(x);
    lanes(x: [i64; 4]) -> __m256i = _mm256_setr_epi64x(x[0], x[1], x[2], x[3]);
    add(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi64(a, b);
    sub(a: __m256i, b: __m256i) -> __m256i = _mm256_sub_epi64(a, b);
    and(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
    or(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
    xor(a: __m256i, b: __m256i) -> __m256i = _mm256_xor_si256(a, b);
    mul_u32(a: __m256i, b: __m256i) -> __m256i = _mm256_mul_epu32(a, b);
    shl_each(a: __m256i, by: __m256i) -> __m256i = _mm256_sllv_epi64(a, by);
    equal(a: __m256i, b: __m256i) -> __m256i = _mm256_cmpeq_epi64(a, b);
    bits(x: __m256d) -> __m256i = _mm256_castpd_si256(x);
    float(x: __m256i) -> __m256d = _mm256_castsi256_pd(x);
    splat_f(x: f64) -> __m256d = _mm256_set1_pd(x);
    add_f(a: __m256d, b: __m256d) -> __m256d = _mm256_add_pd(a, b);
    sub_f(a: __m256d, b: __m256d) -> __m256d = _mm256_sub_pd(a, b);
    mul_add_f(a: __m256d, b: __m256d, c: __m256d) -> __m256d = _mm256_fmadd_pd(a, b, c);
    select(mask: __m256i, yes: __m256d, no: __m256d) -> __m256d = _mm256_blendv_pd(no, yes, _mm256_castsi256_pd(mask));
    highest_bits(x: __m256i) -> i32 = _mm256_movemask_pd(_mm256_castsi256_pd(x));
    interleave_low(a: __m256d, b: __m256d) -> __m256d = _mm256_unpacklo_pd(a, b);
    interleave_high(a: __m256d, b: __m256d) -> __m256d = _mm256_unpackhi_pd(a, b);
    low_half(x: __m256d) -> __m128d = _mm256_castpd256_pd128(x);
    high_half(x: __m256d) -> __m128d = _mm256_extractf128_pd::<1>(x);
    join(low: __m128d, high: __m128d) -> __m256d = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(low), high);
    // SAFETY (all four): the reference spans the bytes that are read or written.
    load(from: &[u64; 4]) -> __m256i = _mm256_loadu_si256(from.as_ptr().cast());
    store(to: &mut [u64; 4], x: __m256i) -> () = _mm256_storeu_si256(to.as_mut_ptr().cast(), x);
    load_pair(from: &[f64; 2]) -> __m128d = _mm_loadu_pd(from.as_ptr());
    store_pair(to: &mut [f64; 2], x: __m128d) -> () = _mm_storeu_pd(to.as_mut_ptr(), x);
}

#[inline(always)]
pub(super) fn shr<const BITS: i32>(x: __m256i) -> __m256i {
    // SAFETY: as above.
    unsafe { _mm256_srli_epi64::<BITS>(x) }
}

#[inline(always)]
pub(super) fn shl<const BITS: i32>(x: __m256i) -> __m256i {
    // SAFETY: as above.
    unsafe { _mm256_slli_epi64::<BITS>(x) }
}
