//! Which hashes a tree can be made of, as types: the tree's code is compiled once for each.

use std::fmt::Debug;

use sha2::Digest as _;

use crate::HashAlgorithm;

/// First byte of what is hashed for a leaf.
pub(crate) const LEAF: u8 = 0;
/// First byte of what is hashed for a pair.
pub(crate) const NODE: u8 = 1;

/// A hash that trees are made of.
pub trait TreeHash: 'static {
    /// Array of the digest's bytes.
    type Digest: Copy + Eq + Debug + AsRef<[u8]> + for<'a> TryFrom<&'a [u8]> + Send + Sync + 'static;
    /// The same hash at run time.
    const ALGORITHM: HashAlgorithm;
    /// All zero: a place to write a digest to.
    const ZERO: Self::Digest;

    /// H of the empty string: the root of a tree without leaves.
    fn empty() -> Self::Digest;
    /// `H(0x00 || data)`.
    fn leaf(data: &[u8]) -> Self::Digest;
    /// `H(0x01 || left || right)`.
    fn node(left: &Self::Digest, right: &Self::Digest) -> Self::Digest;

    /// Digests as bytes, one after the other, without copying.
    fn flat(digests: &[Self::Digest]) -> &[u8];
    /// As [`TreeHash::flat`], to write to.
    fn flat_mut(digests: &mut [Self::Digest]) -> &mut [u8];
    /// The reverse of [`TreeHash::flat`]. Panics when the length is no multiple of a digest's.
    fn typed(bytes: &[u8]) -> &[Self::Digest];
    /// As [`TreeHash::typed`], to write to.
    fn typed_mut(bytes: &mut [u8]) -> &mut [Self::Digest];
}

macro_rules! tree_hash {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $hasher:expr, $finish:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}

        impl TreeHash for $name {
            type Digest = [u8; $bytes];
            const ALGORITHM: HashAlgorithm = HashAlgorithm::$name;
            const ZERO: Self::Digest = [0; $bytes];

            fn empty() -> Self::Digest {
                let hasher = $hasher;
                $finish(hasher)
            }

            fn leaf(data: &[u8]) -> Self::Digest {
                let mut hasher = $hasher;
                hasher.update(&[LEAF]);
                hasher.update(data);
                $finish(hasher)
            }

            fn node(left: &Self::Digest, right: &Self::Digest) -> Self::Digest {
                // One contiguous input: the hasher then sees whole blocks instead of three short writes.
                let mut input = [0; 1 + 2 * $bytes];
                input[0] = NODE;
                input[1..1 + $bytes].copy_from_slice(left);
                input[1 + $bytes..].copy_from_slice(right);
                let mut hasher = $hasher;
                hasher.update(&input);
                $finish(hasher)
            }

            fn flat(digests: &[Self::Digest]) -> &[u8] {
                digests.as_flattened()
            }

            fn flat_mut(digests: &mut [Self::Digest]) -> &mut [u8] {
                digests.as_flattened_mut()
            }

            fn typed(bytes: &[u8]) -> &[Self::Digest] {
                let (digests, rest) = bytes.as_chunks();
                assert!(rest.is_empty(), "{} bytes are not whole digests", bytes.len());
                digests
            }

            fn typed_mut(bytes: &mut [u8]) -> &mut [Self::Digest] {
                let count = bytes.len();
                let (digests, rest) = bytes.as_chunks_mut();
                assert!(rest.is_empty(), "{count} bytes are not whole digests");
                digests
            }
        }
    };
}

tree_hash!(
    /// SHA-512: nodes of 64 bytes, two compressions a pair.
    Sha512, 64, sha2::Sha512::new(), |h: sha2::Sha512| h.finalize().into()
);
tree_hash!(
    /// SHA-512/256: nodes of 32 bytes, one compression a pair. The ledger's trees.
    Sha512_256, 32, sha2::Sha512_256::new(), |h: sha2::Sha512_256| h.finalize().into()
);
tree_hash!(
    /// SHA-256, as Certificate Transparency uses it.
    Sha256, 32, sha2::Sha256::new(), |h: sha2::Sha256| h.finalize().into()
);
tree_hash!(
    /// BLAKE3 as a plain hash inside the RFC 9162 shape (not BLAKE3's own tree).
    Blake3, 32, blake3::Hasher::new(), |h: blake3::Hasher| h.finalize().into()
);
