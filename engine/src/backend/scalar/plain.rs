//! Arithmetic modulo the group order L in 64-bit words, for any CPU.
//!
//! The same operations and the same names as `avx512`, for any number of lanes: a backend with four lanes of points
//! keeps its scalars here, because AVX2 multiplies 32-bit words and gains nothing over one 64-bit multiplier.
//! Nothing here depends on secrets and nothing branches on values.
//!
//! # Correctness
//! L = 2^252 + c. *Folding* x = low + 2^256·high, eight words: 2^256 = -16c (mod L), so with H = 2^256 - 1, x is
//! low + (H - high)·16c - H·16c, where H - high is `high` with every bit flipped and the last term is one constant,
//! [`FOLD`]. 16c is 2^128 + [`D`], so that is a product with two words and an addition. What is left is below
//! 2^256 + L + 2^256·2^128.4 < 2^385.
//!
//! *From seven words*, x < 2^411: q = x >> 252 < 2^159 and q·c < 2^284, so v = (x mod 2^252) - q·c + 2^32·L is
//! congruent to x, positive and below 2^285. Then q' = v >> 252 < 2^33, (v mod 2^252) - q'·c lies in (-2^158, 2^252),
//! and one conditional addition of L makes it canonical.

use super::Row;

/// c = L - 2^252, below 2^125.
const C: [u64; 2] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6];
/// L.
const ORDER: [u64; 4] = [C[0], C[1], 0, 1 << 60];
/// 2^32·L.
const ORDER_32: [u64; 5] = [C[0] << 32, C[0] >> 32 | C[1] << 32, C[1] >> 32, 0, 1 << 28];
/// 16c - 2^128.
const D: [u64; 2] = [C[0] << 4, C[0] >> 60 | C[1] << 4];
/// -(2^256 - 1)·16c mod L.
const FOLD: [u64; 4] = [
    0x252c_4389_13f9_4dd1,
    0x1dfd_b991_97ff_60ad,
    0xceec_73d2_17f5_be67,
    0x0399_411b_7c30_9a3d,
];
/// Low 60 bits: what word 3 holds below 2^252.
const MASK_60: u64 = (1 << 60) - 1;

/// One number below 2^256, least significant word first.
pub(super) type Words = [u64; 4];

/// Scalars below 2^256. Only what was read with [`Scalars::load`] can be L or more; every operation gives values
/// below L.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalars<const N: usize>(pub(super) [Words; N]);

/// Numbers below 2^128: the random factors of a batch equation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors<const N: usize>(pub(super) [[u64; 2]; N]);

/// Sum of factor times scalar over many vectors and all their lanes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProductSum([u64; 7]);

impl<const N: usize> Scalars<N> {
    /// Little-endian strings of 64 bytes modulo L.
    #[inline]
    pub(crate) fn from_wide(strings: [&[u8; 64]; N]) -> Self {
        Self(strings.map(|s| reduce_8(words(s))))
    }

    /// Little-endian strings of 32 bytes as they are.
    #[inline]
    pub(crate) fn load(strings: [&[u8; 32]; N]) -> Self {
        Self(strings.map(words))
    }

    /// Little-endian bytes of the values.
    #[inline]
    pub(crate) fn store(self) -> [[u8; 32]; N] {
        self.0.map(|words| {
            let mut bytes = [0; 32];
            for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            bytes
        })
    }

    /// The number that adds to zero modulo L, of values below L.
    #[inline]
    pub(crate) fn neg(self) -> Self {
        Self(self.0.map(|words| canonical(sub(&[0; 4], &words))))
    }

    /// Rows modulo L.
    ///
    /// # Correctness
    /// 2^12 products below 2^384 are below 2^396.
    #[inline]
    pub(crate) fn from_rows(rows: [&Row; N]) -> Self {
        Self(rows.map(|&[a, b, c, d, e, f, g, _]| reduce_7([a, b, c, d, e, f, g])))
    }
}

impl<const N: usize> Factors<N> {
    /// Little-endian strings of 16 bytes.
    #[inline]
    pub(crate) fn load(strings: &[[u8; 16]; N]) -> Self {
        Self(strings.each_ref().map(words))
    }
}

impl ProductSum {
    /// Zero.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds factor times scalar of every lane. Scalars may be any values; up to 2^27 products in all.
    #[inline]
    pub(crate) fn add<const N: usize>(&mut self, factors: Factors<N>, scalars: Scalars<N>) {
        for (factor, scalar) in factors.0.iter().zip(&scalars.0) {
            let product: [u64; 6] = multiply(factor, scalar);
            add(&mut self.0, 0, &product);
        }
    }

    /// The sum modulo L.
    ///
    /// # Correctness
    /// 2^27 products below 2^384 are below 2^411.
    #[inline]
    pub(crate) fn total(self) -> Scalars<1> {
        Scalars([reduce_7(self.0)])
    }
}

/// Adds factor i times scalar i to `rows[places[i]]`. A row may take [`ROW_TERMS_MAX`](super::ROW_TERMS_MAX) terms in
/// all.
///
/// # Panics
/// When a place is not in `rows`.
#[inline]
pub(crate) fn add_products_to_rows<const N: usize>(
    factors: Factors<N>,
    scalars: Scalars<N>,
    places: [usize; N],
    rows: &mut [Row],
) {
    for (i, place) in places.into_iter().enumerate() {
        let product: [u64; 6] = multiply(&factors.0[i], &scalars.0[i]);
        add(&mut rows[place], 0, &product);
    }
}

/// Words of a little-endian number.
#[inline]
fn words<const B: usize, const N: usize>(bytes: &[u8; B]) -> [u64; N] {
    const { assert!(B == 8 * N) };
    let (words, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// a·b.
#[inline]
fn multiply<const A: usize, const B: usize, const N: usize>(
    a: &[u64; A],
    b: &[u64; B],
) -> [u64; N] {
    const { assert!(A + B == N) };
    let mut product = [0; N];
    for i in 0..A {
        let mut carry = 0;
        for j in 0..B {
            (product[i + j], carry) = a[i].carrying_mul_add(b[j], product[i + j], carry);
        }
        product[i + B] = carry;
    }
    product
}

/// `sum += 2^(64·at)·b`, which must fit.
#[inline]
fn add<const N: usize, const B: usize>(sum: &mut [u64; N], at: usize, b: &[u64; B]) {
    let mut carry = false;
    for i in at..N {
        let word = if i < at + B { b[i - at] } else { 0 };
        (sum[i], carry) = sum[i].carrying_add(word, carry);
    }
    debug_assert!(!carry, "a sum does not fit {N} words");
}

/// a - b modulo 2^(64·N), and whether a is below b.
#[inline]
fn sub<const N: usize, const B: usize>(a: &[u64; N], b: &[u64; B]) -> ([u64; N], bool) {
    let mut difference = [0; N];
    let mut borrow = false;
    for i in 0..N {
        let word = if i < B { b[i] } else { 0 };
        (difference[i], borrow) = a[i].borrowing_sub(word, borrow);
    }
    (difference, borrow)
}

/// Modulo L; see "Folding" above.
#[inline]
fn reduce_8(x: [u64; 8]) -> Words {
    let [x0, x1, x2, x3, high @ ..] = x;
    let high = high.map(|word| !word);
    let [a, b, c, d, e, f] = multiply(&D, &high);
    let mut folded = [a, b, c, d, e, f, 0];
    add(&mut folded, 2, &high);
    add(&mut folded, 0, &[x0, x1, x2, x3]);
    add(&mut folded, 0, &FOLD);
    reduce_7(folded)
}

/// Modulo L, for values below 2^411; see "From seven words" above.
#[inline]
fn reduce_7(x: [u64; 7]) -> Words {
    debug_assert!(x[6] < 1 << 27);
    let quotient = [
        x[3] >> 60 | x[4] << 4,
        x[4] >> 60 | x[5] << 4,
        x[5] >> 60 | x[6] << 4,
    ];
    let mut v = [x[0], x[1], x[2], x[3] & MASK_60, 0];
    add(&mut v, 0, &ORDER_32);
    let (v, below) = sub::<5, 5>(&v, &multiply(&C, &quotient));
    debug_assert!(!below && v[4] < 1 << 29);

    let quotient = v[3] >> 60 | v[4] << 4;
    let multiple: [u64; 3] = multiply(&[quotient], &C);
    canonical(sub(&[v[0], v[1], v[2], v[3] & MASK_60], &multiple))
}

/// The scalar in [0, L) of a difference in [-L, L), given modulo 2^256 with its sign.
#[inline]
fn canonical((difference, negative): (Words, bool)) -> Words {
    let mask = 0_u64.wrapping_sub(u64::from(negative));
    let mut carry = false;
    let mut scalar = difference;
    for (word, order) in scalar.iter_mut().zip(ORDER) {
        (*word, carry) = word.carrying_add(order & mask, carry);
    }
    // What is carried out is the 2^256 that the difference borrowed.
    debug_assert_eq!(carry, negative);
    scalar
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::scalar::Scalar;

    use super::*;

    #[test]
    fn constants_are_what_their_names_say() {
        let number = |words: &[u64]| {
            let radix = Scalar::from(1_u128 << 64);
            let words = words.iter().rev();
            words.fold(Scalar::ZERO, |sum, &word| sum * radix + Scalar::from(word))
        };
        let power = |bits: u32| (0..bits).fold(Scalar::ONE, |p, _| p + p);
        assert_eq!(number(&ORDER), Scalar::ZERO);
        assert_eq!(number(&ORDER_32), Scalar::ZERO);
        assert_eq!(number(&C), -power(252));
        assert_eq!(number(&D), -power(256) - power(128));
        assert_eq!(number(&FOLD), (power(256) - Scalar::ONE) * power(256));
    }
}
