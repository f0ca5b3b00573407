//! What is computed modulo the Ed25519 group order L = 2^252 + c, whatever computes it.
//!
//! [`plain`] is the arithmetic for any CPU, the eight lanes of AVX-512 are in `avx512`; the same tests try both, against
//! curve25519-dalek. [`windows`] says what the digits of a scalar are, and where they lie, for every kind.

pub(crate) mod digits;
pub(crate) mod plain;
#[cfg(test)]
pub(super) mod tests;
pub(crate) mod windows;

/// A sum of products of factors and scalars, in the form of the kind that fills it; zero is all zeros.
pub(crate) type Row = [u64; 8];

/// Most products a [`Row`] may sum. In the form of AVX-512 a limb of a product is at most 2^52 - 1, so 2^12 of them and
/// a carry of 2^12 - 1 still fit 64 bits.
pub(crate) const ROW_TERMS_MAX: usize = 1 << 12;
