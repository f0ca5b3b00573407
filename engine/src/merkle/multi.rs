//! Are these several leaves in the tree? Checks one proof for all of them.

use super::{TreeHash, split};

/// True when every `(index, leaf hash)` of `leaves` is in the tree of `size` leaves with this `root`.
///
/// - `leaves`: indexes rise strictly. Without any leaf the proof is the root itself.
/// - `path`: as [`super::Tree::multi_inclusion`] gives it; nothing may be left over.
///
/// Cost: at most `leaves.len() * 64` hashes.
#[must_use]
pub fn verify_multi<H: TreeHash>(
    size: u64,
    leaves: &[(u64, H::Digest)],
    path: &[H::Digest],
    root: &H::Digest,
) -> bool {
    let rising = leaves.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let inside = leaves.last().is_none_or(|last| last.0 < size);
    if !rising || !inside {
        return false;
    }
    if size == 0 {
        return path.is_empty() && *root == H::empty();
    }
    let mut path = path.iter();
    let computed = subtree::<H>(0, size, leaves, &mut path);
    computed == Some(*root) && path.next().is_none()
}

/// Root over `start..end` from the leaves that lie in it and, for parts without any, from the path. At most 64 deep.
fn subtree<H: TreeHash>(
    start: u64,
    end: u64,
    leaves: &[(u64, H::Digest)],
    path: &mut std::slice::Iter<'_, H::Digest>,
) -> Option<H::Digest> {
    if leaves.is_empty() {
        return path.next().copied();
    }
    if end - start == 1 {
        return Some(leaves[0].1);
    }
    let middle = start + split(end - start);
    let (left, right) = leaves.split_at(leaves.partition_point(|leaf| leaf.0 < middle));
    let left = subtree::<H>(start, middle, left, path)?;
    let right = subtree::<H>(middle, end, right, path)?;
    Some(H::node(&left, &right))
}
