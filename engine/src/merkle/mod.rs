//! Merkle trees of RFC 9162, generic over the hash: roots, trees that give proofs, and the checking of proofs.
//!
//! A leaf hashes as `H(0x00 || data)` and a pair as `H(0x01 || left || right)`, so no leaf can pose as an inner node.
//! With a number of leaves that is no power of two the left subtree takes the largest power of two below it; nothing
//! is ever duplicated. Level by level this means: pair up from the left, and a last node without a partner rises
//! unchanged. Source: RFC 9162, section 2.1.

mod frontier;
mod hashes;
mod multi;
mod proof;
mod tree;

pub use frontier::Frontier;
pub use hashes::{Blake3, Sha256, Sha512, Sha512_256, TreeHash};
pub use multi::verify_multi;
pub use proof::{verify_consistency, verify_inclusion};
pub use tree::Tree;

use crate::{Backend, EngineError};

/// Height of the subtrees handed to one core at once: 1,024 nodes of 32 bytes stay in its first-level cache.
const SUBTREE_HEIGHT: u32 = 10;

/// `H(0x00 || data)`.
#[must_use]
pub fn leaf_hash<H: TreeHash>(data: &[u8]) -> H::Digest {
    H::leaf(data)
}

/// `H(0x00 || leaf)` for each leaf, in order.
///
/// # Errors
/// As [`Backend`].
pub fn leaf_hashes<H: TreeHash>(
    backend: &dyn Backend,
    leaves: &[&[u8]],
) -> Result<Vec<H::Digest>, EngineError> {
    let mut digests = vec![H::ZERO; leaves.len()];
    backend.leaf_hashes(H::ALGORITHM, leaves, H::flat_mut(&mut digests))?;
    Ok(digests)
}

/// Merkle root of `leaves`.
///
/// - `leaves`: `n` byte strings, any length; order matters.
/// - returns: for `n = 0`, H of the empty string.
///
/// Cost: `2n - 1` hashes, memory for one level.
///
/// Source: RFC 9162, section 2.1.1.
///
/// # Errors
/// As [`Backend`].
pub fn root<H: TreeHash>(
    backend: &dyn Backend,
    leaves: &[&[u8]],
) -> Result<H::Digest, EngineError> {
    root_of_hashes::<H>(backend, leaf_hashes::<H>(backend, leaves)?)
}

/// Merkle root over leaves that are hashed already.
///
/// # Errors
/// As [`Backend`].
pub fn root_of_hashes<H: TreeHash>(
    backend: &dyn Backend,
    leaf_hashes: Vec<H::Digest>,
) -> Result<H::Digest, EngineError> {
    let mut level = leaf_hashes;
    while level.len() > 1 {
        let mut above = vec![H::ZERO; level.len().div_ceil(1 << SUBTREE_HEIGHT)];
        backend.subtree_roots(
            H::ALGORITHM,
            H::flat(&level),
            SUBTREE_HEIGHT,
            H::flat_mut(&mut above),
        )?;
        level = above;
    }
    Ok(level.first().copied().unwrap_or_else(H::empty))
}

/// Largest power of two below `n`, for `n > 1`: where RFC 9162 splits a tree of `n` leaves.
fn split(n: u64) -> u64 {
    debug_assert!(n > 1, "a tree of {n} leaves has no two parts");
    1 << (n - 1).ilog2()
}
