//! Products of random factors and scalars, summed before they are reduced.
//!
//! A batch equation needs the sum of z·S over all signatures and, for each key, the sum of z·k over its signatures, with
//! z below 2^128. Reducing costs more than multiplying, so whole sums are reduced: over lanes in [`ProductSum`], by key in
//! a [`Row`].
//!
//! # Correctness
//! A product is below 2^(128+256) = 2^384 and [`Products::reduce`] takes values below 2^416, so 2^32 products may be
//! summed. Limbs are bounded at each type.

use core::arch::x86_64::*;

use super::bytes;
use super::scalar::{MASK_52, Scalars, limbs_from_words, multiply_add, reduce_8};
use crate::backend::scalar::Row;

/// Eight numbers below 2^128: the random factors of a batch equation. Limbs below 2^52, the last below 2^24.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Factors(pub(super) [__m512i; 3]);

/// Eight products of a factor and a scalar, or sums of such products, not yet reduced.
///
/// Values are below 2^416. Limbs 0..7 are below 2^55 before and below 2^52 after [`Products::carry`].
#[derive(Clone, Copy)]
pub(super) struct Products([__m512i; 8]);

/// Sum of factor times scalar over many vectors, lane by lane.
#[derive(Clone, Copy)]
pub(super) struct ProductSum {
    sum: Products,
    /// Vectors added since the last carry.
    pending: u32,
}

/// Most vectors added between carries: a limb starts below 2^52 and grows by less than 6·2^52 each time, so it stays
/// below 3073·2^52 < 2^63.6, with room for what the carry itself brings.
const PENDING_MAX: u32 = 512;

impl Factors {
    /// Eight little-endian strings of 16 bytes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn load(strings: &[[u8; 16]; 8]) -> Self {
        Self(limbs_from_words(bytes::load_16(strings)))
    }

    /// The factors whose bit is set in `lanes`, zero in the others: their signatures then take no part in a sum.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn keep(self, lanes: u8) -> Self {
        Self(self.0.map(|limb| _mm512_maskz_mov_epi64(lanes, limb)))
    }
}

impl Products {
    /// Factor times scalar, which may be any value below 2^256.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn new(factors: Factors, scalars: Scalars) -> Self {
        let mut product = [_mm512_setzero_si512(); 8];
        multiply_add(&mut product, &factors.0, &scalars.0);
        Self(product)
    }

    /// The same values with limbs 0..7 below 2^52.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn carry(self) -> Self {
        let mut limbs = self.0;
        for i in 0..7 {
            limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srli_epi64::<52>(limbs[i]));
            limbs[i] = _mm512_and_si512(limbs[i], _mm512_set1_epi64(MASK_52 as i64));
        }
        Self(limbs)
    }

    /// Modulo L.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn reduce(self) -> Scalars {
        reduce_8(self.0)
    }

    /// One row a lane, limbs below 2^52. The sum of up to [`ROW_TERMS_MAX`](crate::backend::scalar::ROW_TERMS_MAX) rows fits a row.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn rows(self) -> [__m512i; 8] {
        bytes::transpose(self.carry().0)
    }

    /// The values of eight rows, each the sum of up to [`ROW_TERMS_MAX`](crate::backend::scalar::ROW_TERMS_MAX) rows of products.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn from_rows(rows: [&Row; 8]) -> Self {
        // Products are below 2^384, so 2^12 of them are below 2^396.
        Self(bytes::load_rows(rows)).carry()
    }
}

impl ProductSum {
    /// Zero.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new() -> Self {
        Self {
            sum: Products([_mm512_setzero_si512(); 8]),
            pending: 0,
        }
    }

    /// Adds factor times scalar in each lane. Scalars may be any values; up to 2^29 vectors in all.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn add(&mut self, factors: Factors, scalars: Scalars) {
        if self.pending == PENDING_MAX {
            self.sum = self.sum.carry();
            self.pending = 0;
        }
        multiply_add(&mut self.sum.0, &factors.0, &scalars.0);
        self.pending += 1;
    }

    /// The sum of the eight sums modulo L, the same in every lane.
    ///
    /// # Correctness
    /// Products are below 2^384, so 2^32 of them are below 2^416. Carried limbs are below 2^52 and the last is below
    /// 2^(416-364): eight of them add to less than 2^55.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn total(self) -> Scalars {
        let limbs = self.sum.carry().0;
        Products(limbs.map(|limb| _mm512_set1_epi64(_mm512_reduce_add_epi64(limb)))).reduce()
    }
}

/// Adds factor i times scalar i to `rows[places[i]]`. A row may take
/// [`ROW_TERMS_MAX`](crate::backend::scalar::ROW_TERMS_MAX) terms in all.
///
/// # Panics
/// When a place is not in `rows`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_products_to_rows(
    factors: Factors,
    scalars: Scalars,
    places: [usize; 8],
    rows: &mut [Row],
) {
    let products = Products::new(factors, scalars).rows();
    for (place, product) in places.into_iter().zip(products) {
        let row = &mut rows[place];
        bytes::store_row(row, _mm512_add_epi64(bytes::load_row(row), product));
    }
}
