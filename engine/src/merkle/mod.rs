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
pub(crate) use hashes::{LEAF, NODE};
pub use multi::verify_multi;
pub use proof::{verify_consistency, verify_inclusion};
pub use tree::Tree;

use crate::{Backend, EngineError};

/// Height of the subtrees handed to one core at once: enough of them to share out, and each large enough that its
/// narrow top, where lanes stay empty, does not count. 4,096 nodes of 32 bytes stay in a core's second-level cache.
fn subtree_height(count: usize) -> u32 {
    if count < 1 << 15 { 10 } else { 12 }
}

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
    backend.leaf_roots(H::ALGORITHM, leaves, 0, H::flat_mut(&mut digests))?;
    Ok(digests)
}

/// Merkle root of `leaves`.
///
/// - `leaves`: `n` byte strings, any length; order matters.
/// - returns: for `n = 0`, H of the empty string.
///
/// Cost: `2n - 1` hashes, memory for one digest in a thousand leaves and what each core works on.
///
/// Source: RFC 9162, section 2.1.1.
///
/// # Errors
/// As [`Backend`].
pub fn root<H: TreeHash>(
    backend: &dyn Backend,
    leaves: &[&[u8]],
) -> Result<H::Digest, EngineError> {
    let height = subtree_height(leaves.len());
    let mut roots = vec![H::ZERO; leaves.len().div_ceil(1 << height)];
    backend.leaf_roots(H::ALGORITHM, leaves, height, H::flat_mut(&mut roots))?;
    root_of_hashes::<H>(backend, roots)
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
        let height = subtree_height(level.len());
        let mut above = vec![H::ZERO; level.len().div_ceil(1 << height)];
        backend.subtree_roots(
            H::ALGORITHM,
            H::flat(&level),
            height,
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
