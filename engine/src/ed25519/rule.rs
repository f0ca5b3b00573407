//! Is this one signature valid, and may this key be registered? The written rule as code; every batch agrees with it.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity as _;
use sha2::{Digest as _, Sha512};

use super::SignatureItem;

/// Why a key is not admitted to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No point of the curve has this y.
    #[error("the key is not a point of the curve")]
    NotAPoint,
    /// y is not below p, or x is 0 with the sign bit set: the same point has another, canonical encoding.
    #[error("the key is not the canonical encoding of its point")]
    NotCanonical,
    /// One of the eight points whose order divides 8: anyone can sign for it.
    #[error("the key is a point of small order")]
    SmallOrder,
}

/// Decides one signature by the rule of the ledger. Cost: two decompressions and one double multiplication.
#[must_use]
pub fn verify(item: &SignatureItem<'_>) -> bool {
    let Some((r_bytes, s)) = split_signature(item.signature) else {
        return false;
    };
    let Some(key) = decode(item.key) else {
        return false;
    };
    let Some(r) = decode(r_bytes) else {
        return false;
    };
    holds(&key, &r, &s, &challenge(item))
}

/// The narrower rule of ed25519-dalek's `verify_strict`: A and R not of small order, R canonical, and the equation
/// without the factor 8. For callers outside the ledger; the ledger never asks.
#[must_use]
pub fn verify_strict(item: &SignatureItem<'_>) -> bool {
    let Some((r_bytes, s)) = split_signature(item.signature) else {
        return false;
    };
    let Some(key) = decode(item.key) else {
        return false;
    };
    let Some(r) = decode(r_bytes) else {
        return false;
    };
    if key.is_small_order() || r.is_small_order() {
        return false;
    }
    let k = challenge(item);
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-key, &s);
    expected.compress().as_bytes() == r_bytes
}

/// May this key be registered for an account, a validator or a device? Asked once per key, apart from signatures.
///
/// # Errors
/// [`KeyError`]: not a point, not canonical, or of small order; a key that is both of the latter counts as not canonical.
pub fn admit_key(key: &[u8; 32]) -> Result<(), KeyError> {
    let point = decode(key).ok_or(KeyError::NotAPoint)?;
    if point.compress().as_bytes() != key {
        return Err(KeyError::NotCanonical);
    }
    if point.is_small_order() {
        return Err(KeyError::SmallOrder);
    }
    Ok(())
}

/// Step 1: R's bytes and S, or nothing when S is not below L.
pub(super) fn split_signature(signature: &[u8; 64]) -> Option<(&[u8; 32], Scalar)> {
    let (r, s) = signature.split_first_chunk().expect("64 bytes hold 32");
    let s = Scalar::from_canonical_bytes(*s.first_chunk().expect("32 bytes are left"));
    Option::from(s).map(|s| (r, s))
}

/// Step 2: the point of these bytes. dalek reduces y mod p and applies the sign bit to x = 0 as well.
pub(super) fn decode(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    CompressedEdwardsY(*bytes).decompress()
}

/// Step 3, first half: k over the bytes as received.
pub(super) fn challenge(item: &SignatureItem<'_>) -> Scalar {
    let mut hasher = Sha512::new();
    hasher.update(&item.signature[..32]);
    hasher.update(item.key);
    hasher.update(item.message);
    Scalar::from_bytes_mod_order_wide(&hasher.finalize().into())
}

/// Step 3, second half: \[8\](S·B - R - k·A) is the identity.
pub(super) fn holds(key: &EdwardsPoint, r: &EdwardsPoint, s: &Scalar, k: &Scalar) -> bool {
    let difference = EdwardsPoint::vartime_double_scalar_mul_basepoint(k, &-key, s) - r;
    difference.mul_by_cofactor().is_identity()
}
