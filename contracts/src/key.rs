//! Which Ed25519 keys may be registered: exactly those with one encoding, on the curve, outside the small subgroup.
//!
//! Signature checks are cofactored (ZIP-215), so a key of small order would accept one signature for many
//! messages, and a second encoding of a point would be a second identity with the same secret.

use curve25519_dalek::edwards::CompressedEdwardsY;

use crate::tx::PublicKey;

/// Whether the key may be registered. Cost: one square root, some microseconds.
#[must_use]
pub fn is_admissible(key: &PublicKey) -> bool {
    CompressedEdwardsY(key.0)
        .decompress()
        .is_some_and(|point| point.compress().0 == key.0 && !point.is_small_order())
}
