//! Which keys may be registered: exactly those with one encoding, on the curve, outside the small subgroup.
//!
//! Signature checks are cofactored (ZIP-215), so a key of small order would accept one signature for many
//! messages, and a second encoding of a point would be a second identity with the same secret.

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::traits::IsIdentity as _;

use crate::tx::PublicKey;

/// Whether the key may be registered. Cost: one square root, some microseconds.
#[must_use]
pub fn is_admissible(key: &PublicKey) -> bool {
    CompressedEdwardsY(key.0)
        .decompress()
        .is_some_and(|point| point.compress().0 == key.0 && !point.is_small_order())
}

/// Whether some signature can be good for the key at all: it is a point of the curve, in any encoding. Cost: as above.
#[must_use]
pub fn is_point(key: &PublicKey) -> bool {
    CompressedEdwardsY(key.0).decompress().is_some()
}

/// Whether an X25519 key may be published by a reader: below 2^255 - 19, and not of small order, for such a key would give every sender
/// the same secret, which anyone knows. Every other number is a key: it lies on the curve or on its twist, and both are good.
///
/// Cost: four steps of a ladder and an inversion, some microseconds.
///
/// Source: RFC 7748, sections 5 and 6.1.
#[must_use]
pub fn is_reader_key(key: &[u8; 32]) -> bool {
    // 2^255 - 19 in little-endian bytes: ed, then 30 times ff, then 7f.
    let is_canonical = key[31] < 0x7f
        || key[31] == 0x7f && (key[0] < 0xed || key[1..31].iter().any(|byte| *byte != 0xff));
    // Orders of small points divide 8, on the curve and on the twist.
    let eight = [true, false, false, false];
    is_canonical
        && !MontgomeryPoint(*key)
            .mul_bits_be(eight.into_iter())
            .is_identity()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hex: &str) -> [u8; 32] {
        let mut key = [0; 32];
        hex::decode_to_slice(hex, &mut key).expect("64 digits");
        key
    }

    /// The points of small order of Curve25519 and its twist, from the list at cr.yp.to/ecdh.html, and each with the highest bit set or
    /// the prime added.
    #[test]
    fn no_reader_has_a_key_of_small_order() {
        let zeros = "00".repeat(31);
        let ones = "ff".repeat(30);
        for hex in [
            format!("00{zeros}"),
            format!("01{zeros}"),
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800".to_owned(),
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157".to_owned(),
            format!("ec{ones}7f"),
            format!("ed{ones}7f"),
            format!("ee{ones}7f"),
            "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880".to_owned(),
            "4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7".to_owned(),
            format!("d9{ones}ff"),
            format!("da{ones}ff"),
            format!("db{ones}ff"),
        ] {
            let mut small = key(&hex);
            assert!(!is_reader_key(&small), "{hex}");
            small[31] |= 0x80;
            assert!(!is_reader_key(&small), "{hex} with the highest bit");
        }
    }

    /// Public keys of RFC 7748, section 6.1; numbers around the prime; the base point.
    #[test]
    fn a_reader_key_has_one_encoding() {
        let good = [
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "0900000000000000000000000000000000000000000000000000000000000000",
        ];
        for hex in good {
            let mut good = key(hex);
            assert!(is_reader_key(&good), "{hex}");
            good[31] |= 0x80;
            assert!(!is_reader_key(&good), "{hex} with the highest bit");
        }
        // p - 2 is a key; p + 9 is the base point a second time.
        assert!(is_reader_key(&key(&format!("eb{}7f", "ff".repeat(30)))));
        assert!(!is_reader_key(&key(&format!("f6{}7f", "ff".repeat(30)))));
    }
}
