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
fn split_signature(signature: &[u8; 64]) -> Option<(&[u8; 32], Scalar)> {
    let (r, s) = signature.split_first_chunk().expect("64 bytes hold 32");
    let s = Scalar::from_canonical_bytes(*s.first_chunk().expect("32 bytes are left"));
    Option::from(s).map(|s| (r, s))
}

/// Step 1 alone: is S, little endian, below L?
pub(super) fn below_order(s: &[u8; 32]) -> bool {
    /// L = 2^252 + 27742317777372353535851937790883648493, words from the highest.
    const ORDER: [u64; 4] = [
        0x1000_0000_0000_0000,
        0,
        0x14de_f9de_a2f7_9cd6,
        0x5812_631a_5cf5_d3ed,
    ];
    let (words, _) = s.as_chunks::<8>();
    words.iter().rev().map(|w| u64::from_le_bytes(*w)).lt(ORDER)
}

/// Step 2: the point of these bytes. dalek reduces y mod p and applies the sign bit to x = 0 as well.
pub(super) fn decode(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    CompressedEdwardsY(*bytes).decompress()
}

/// Step 3, first half: k over the bytes as received.
pub(crate) fn challenge(item: &SignatureItem<'_>) -> Scalar {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_step_1_agree() {
        let mut edges = vec![[0; 32], [0xff; 32], (-Scalar::ONE).to_bytes()];
        for byte in 0..32 {
            for by in [1, 0xff] {
                // L - 1, and L, with one byte changed.
                let mut s = (-Scalar::ONE).to_bytes();
                s[byte] = s[byte].wrapping_add(by);
                edges.push(s);
                s[0] = s[0].wrapping_add(1);
                edges.push(s);
            }
        }
        for s in edges {
            let mut signature = [0; 64];
            signature[32..].copy_from_slice(&s);
            assert_eq!(
                below_order(&s),
                split_signature(&signature).is_some(),
                "{s:x?}"
            );
        }
    }
}
