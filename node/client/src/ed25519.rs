//! Is this signature good by the ledger's rule? The rule is ZIP-215, as validators apply it.
//!
//! The library's own `verify` and `verify_strict` accept other sets. With one of those, a validator that crafts its
//! signatures could make certificates that every node accepts and every client refuses.

use bds_contracts::block::Signature;
use bds_contracts::tx::PublicKey;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity as _;
use sha2::{Digest as _, Sha512};

/// `[8](sB - R - kA) = 0`, with `s` canonical and any decodable `A` and `R`.
///
/// Cost: one double-scalar multiplication, about 50 µs. Source: ZIP-215.
#[must_use]
pub fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    let (r_bytes, s_bytes) = signature.0.split_at(32);
    let (r_bytes, s_bytes): ([u8; 32], [u8; 32]) = (
        r_bytes.try_into().expect("half of 64 bytes"),
        s_bytes.try_into().expect("half of 64 bytes"),
    );
    let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s_bytes)) else {
        return false;
    };
    let (Some(a), Some(r)) = (
        CompressedEdwardsY(key.0).decompress(),
        CompressedEdwardsY(r_bytes).decompress(),
    ) else {
        return false;
    };
    let challenge = Sha512::new()
        .chain_update(r_bytes)
        .chain_update(key.0)
        .chain_update(message)
        .finalize();
    let k = Scalar::from_bytes_mod_order_wide(&challenge.into());
    let difference = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-a, &s) - r;
    difference.mul_by_cofactor().is_identity()
}
