//! Arithmetic modulo the Ed25519 group order L on eight scalars at a time.
//!
//! L = 2^252 + c with c below 2^125. A scalar is five limbs in radix 2^52, one scalar a lane, because IFMA multiplies
//! 52-bit numbers. Nothing here depends on secrets and nothing branches on values.
//!
//! # Correctness
//! *Folding.* Write t = low + 2^260·high, and let c' = 2^8·c, so 2^260 = -c' (mod L). With `high` in n limbs and
//! H = 2^(52n) - 1, the complement H - high is `high` with every bit flipped, and
//! t = low + (H - high)·c' - H·c' (mod L): no subtraction is left but one constant, [`FOLD_5`] or [`FOLD_3`].
//! c' is below 2^132.4, three limbs.
//!
//! *Accumulators.* `madd52` adds numbers below 2^52 to 64-bit lanes. A product of p by q limbs (p the smaller) adds at
//! most p low and p high halves to a limb: below 2p·2^52. So a limb of a 3 by 5 product is below 6·2^52 < 2^55.
//!
//! *From ten limbs* (t < 2^520, limbs below 2^52): folding five limbs leaves low + FOLD_5 + 6·2^52 a limb, below 2^55,
//! and high·c' < 2^260+132.4 makes the sum fit eight limbs.
//!
//! *From eight limbs* (t < 2^416, limbs below 2^57): folding three limbs leaves limbs below 2^57 + 7·2^52 < 2^58,
//! and v < 2^288.4 + 2^208·2^58.1 < 2^289. Then q = v >> 252 < 2^37, v - q·L = (v mod 2^252) - q·c lies in
//! (-2^162, 2^252), and one conditional addition of L makes it canonical.

use core::arch::x86_64::*;

use super::bytes;
use crate::backend::cpu::Avx512;

/// Low 52 bits.
pub(super) const MASK_52: u64 = (1 << 52) - 1;
/// Low 44 bits: what limb 4 holds below 2^252.
const MASK_44: u64 = (1 << 44) - 1;
/// c = L - 2^252, below 2^125.
const C: [u64; 3] = [0x2_631a_5cf5_d3ed, 0xd_ea2f_79cd_6581, 0x14_def9];
/// c' = 2^8·c = -2^260 (mod L), below 2^132.4.
const C_8: [u64; 3] = [0x3_1a5c_f5d3_ed00, 0xa_2f79_cd65_8126, 0x14de_f9de];
/// L.
const ORDER: [u64; 5] = [C[0], C[1], C[2], 0, 1 << 44];
/// -(2^260 - 1)·c' mod L.
const FOLD_5: [u64; 5] = [
    0xc_ecc2_df26_be3b,
    0x7_9340_e324_27c5,
    0x5_be65_e047_6fe3,
    0x3_dcee_c73d_217f,
    0x941_1b7c_309a,
];
/// -(2^156 - 1)·c' mod L.
const FOLD_3: [u64; 5] = [
    0xf_3829_fba6_62e7,
    0x4_fc39_2ed1_49c7,
    0x3_9941_305b_d986,
    0xc_e5a3_0a2c_131b,
    0x86_329a_7ed9,
];

/// Eight scalars, limbs below 2^52, values below 2^256. Only what was read with [`Scalars::load`] can be L or more;
/// every operation gives values below L.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Scalars(pub(super) [__m512i; 5]);

impl Scalars {
    /// Eight little-endian strings of 64 bytes modulo L.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn from_wide(strings: [&[u8; 64]; 8]) -> Self {
        reduce_10(limbs_from_words(bytes::load_64(strings)))
    }

    /// Eight little-endian strings of 32 bytes as they are.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn load(strings: [&[u8; 32]; 8]) -> Self {
        Self(limbs_from_words(bytes::load_32(strings)))
    }

    /// Little-endian bytes of the values, which must be below 2^256.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn store(self, strings: &mut [[u8; 32]; 8]) {
        let [a, b, c, d, e] = self.0;
        let words = [
            _mm512_or_si512(a, _mm512_slli_epi64::<52>(b)),
            _mm512_or_si512(_mm512_srli_epi64::<12>(b), _mm512_slli_epi64::<40>(c)),
            _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<28>(d)),
            _mm512_or_si512(_mm512_srli_epi64::<36>(d), _mm512_slli_epi64::<16>(e)),
        ];
        bytes::store_32(words, strings);
    }

    /// The number that adds to zero modulo L, of values below L.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    pub(super) fn neg(self) -> Self {
        canonical(sub([_mm512_setzero_si512(); 5], self.0))
    }
}

/// Little-endian strings of 64 bytes modulo L, as little-endian bytes.
pub(super) fn reduce(_proof: Avx512, strings: [&[u8; 64]; 8]) -> [[u8; 32]; 8] {
    let mut reduced = [[0; 32]; 8];
    // SAFETY: an `Avx512` exists, so `detect` saw every feature the functions enable.
    unsafe { Scalars::from_wide(strings).store(&mut reduced) };
    reduced
}

/// Limbs in radix 2^52 of numbers in radix 2^64, which must fit: `W` words into `N` limbs.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn limbs_from_words<const W: usize, const N: usize>(
    words: [__m512i; W],
) -> [__m512i; N] {
    let mut limbs = [_mm512_setzero_si512(); N];
    for (i, limb) in limbs.iter_mut().enumerate() {
        let (word, shift) = (52 * i / 64, (52 * i % 64) as u32);
        *limb = _mm512_srl_epi64(words[word], _mm_cvtsi32_si128(shift as i32));
        if word + 1 < W && shift > 12 {
            let above = _mm512_sll_epi64(words[word + 1], _mm_cvtsi32_si128(64 - shift as i32));
            *limb = _mm512_or_si512(*limb, above);
        }
        *limb = _mm512_and_si512(*limb, _mm512_set1_epi64(MASK_52 as i64));
    }
    limbs
}

/// Every limb of every lane is below 2^bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn all_below(limbs: &[__m512i], bits: u32) -> bool {
    let above = _mm512_set1_epi64(-1 << bits);
    limbs
        .iter()
        .all(|&limb| _mm512_test_epi64_mask(limb, above) == 0)
}

/// The same number in every lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn constant<const N: usize>(limbs: [u64; N]) -> [__m512i; N] {
    limbs.map(|limb| _mm512_set1_epi64(limb as i64))
}

/// Limb by limb.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn add(a: [__m512i; 5], b: [__m512i; 5]) -> [__m512i; 5] {
    core::array::from_fn(|i| _mm512_add_epi64(a[i], b[i]))
}

/// Limb by limb.
#[inline]
#[target_feature(enable = "avx512f")]
fn sub(a: [__m512i; 5], b: [__m512i; 5]) -> [__m512i; 5] {
    core::array::from_fn(|i| _mm512_sub_epi64(a[i], b[i]))
}

/// `sum += a·b` on limbs below 2^52; a limb of the sum grows by less than 2·min(A, B)·2^52.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn multiply_add<const N: usize, const A: usize, const B: usize>(
    sum: &mut [__m512i; N],
    a: &[__m512i; A],
    b: &[__m512i; B],
) {
    debug_assert!(all_below(a, 52) && all_below(b, 52));
    for i in 0..A {
        for j in 0..B {
            sum[i + j] = _mm512_madd52lo_epu64(sum[i + j], a[i], b[j]);
        }
        for j in 0..B {
            // The callers' numbers are such that a high half beyond the last limb is zero.
            if i + j + 1 < N {
                sum[i + j + 1] = _mm512_madd52hi_epu64(sum[i + j + 1], a[i], b[j]);
            }
        }
    }
}

/// Modulo L, for values below 2^520 and limbs below 2^52; see "From ten limbs" above.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce_10(t: [__m512i; 10]) -> Scalars {
    debug_assert!(all_below(&t, 52));
    let [t0, t1, t2, t3, t4, high @ ..] = t;
    let low = add([t0, t1, t2, t3, t4], constant(FOLD_5));
    let zero = _mm512_setzero_si512();
    let mut folded = [low[0], low[1], low[2], low[3], low[4], zero, zero, zero];
    multiply_add(&mut folded, &complement(high), &constant(C_8));
    reduce_8(folded)
}

/// Modulo L, for values below 2^416, limbs below 2^57; see "From eight limbs" above.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn reduce_8(t: [__m512i; 8]) -> Scalars {
    debug_assert!(all_below(&t, 57));
    let [t0, t1, t2, t3, t4, high @ ..] = t;
    let low = add([t0, t1, t2, t3, t4], constant(FOLD_3));
    let mut v = [
        low[0],
        low[1],
        low[2],
        low[3],
        low[4],
        _mm512_setzero_si512(),
    ];
    multiply_add(&mut v, &complement(high), &constant(C_8));

    let mask = _mm512_set1_epi64(MASK_52 as i64);
    for i in 0..4 {
        v[i + 1] = _mm512_add_epi64(v[i + 1], _mm512_srli_epi64::<52>(v[i]));
        v[i] = _mm512_and_si512(v[i], mask);
    }
    // Limb 5 starts at bit 260 = 252 + 8; limb 4 is not masked yet, so its bits from 44 on are added, not joined.
    let quotient = [_mm512_add_epi64(
        _mm512_srli_epi64::<44>(v[4]),
        _mm512_slli_epi64::<8>(v[5]),
    )];
    v[4] = _mm512_and_si512(v[4], _mm512_set1_epi64(MASK_44 as i64));
    let mut multiple = [_mm512_setzero_si512(); 5];
    multiply_add(&mut multiple, &quotient, &constant(C));
    canonical(sub([v[0], v[1], v[2], v[3], v[4]], multiple))
}

/// All ones minus the value, limbs below 2^52, of limbs that are first carried (the last must stay below 2^52).
#[inline]
#[target_feature(enable = "avx512f")]
fn complement<const N: usize>(mut limbs: [__m512i; N]) -> [__m512i; N] {
    for i in 0..N - 1 {
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srli_epi64::<52>(limbs[i]));
    }
    debug_assert!(all_below(&limbs[N - 1..], 52));
    limbs.map(|limb| _mm512_andnot_si512(limb, _mm512_set1_epi64(MASK_52 as i64)))
}

/// Limbs 0..4 into [0, 2^52), the sign of the value into limb 4. Limbs are signed and above -2^63 + 2^12.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry_signed(limbs: &mut [__m512i; 5]) {
    for i in 0..4 {
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srai_epi64::<52>(limbs[i]));
        limbs[i] = _mm512_and_si512(limbs[i], _mm512_set1_epi64(MASK_52 as i64));
    }
}

/// The scalar in [0, L) of signed limbs whose value is in [-L, L).
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn canonical(mut limbs: [__m512i; 5]) -> Scalars {
    carry_signed(&mut limbs);
    let negative = _mm512_movepi64_mask(limbs[4]);
    for (limb, order) in limbs.iter_mut().zip(constant(ORDER)) {
        *limb = _mm512_mask_add_epi64(*limb, negative, *limb, order);
    }
    carry_signed(&mut limbs);
    debug_assert!(all_below(&limbs, 52));
    Scalars(limbs)
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::scalar::Scalar;

    use super::*;

    #[test]
    fn constants_are_what_their_names_say() {
        let number = |limbs: &[u64]| {
            limbs.iter().rev().fold(Scalar::ZERO, |sum, &limb| {
                assert!(limb < 1 << 52);
                sum * Scalar::from(1_u64 << 52) + Scalar::from(limb)
            })
        };
        let power = |bits: u32| (0..bits).fold(Scalar::ONE, |p, _| p + p);
        assert_eq!(number(&ORDER), Scalar::ZERO);
        assert_eq!(number(&C), -power(252));
        assert_eq!(number(&C_8), -power(260));
        assert_eq!(number(&FOLD_5), -(power(260) - Scalar::ONE) * number(&C_8));
        assert_eq!(number(&FOLD_3), -(power(156) - Scalar::ONE) * number(&C_8));
    }
}
