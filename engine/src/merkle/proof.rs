//! Is this inclusion or consistency proof right? The iterative checks of RFC 9162, without the tree.

use super::TreeHash;

/// True when `leaf_hash` is leaf `index` of the tree of `size` leaves with this `root`.
///
/// - `path`: siblings from the leaf up; exactly as many as the place in the tree has, no more, no fewer.
///
/// Cost: at most 64 hashes; longer paths are refused unread.
///
/// Source: RFC 9162, section 2.1.3.2.
#[must_use]
pub fn verify_inclusion<H: TreeHash>(
    size: u64,
    index: u64,
    leaf_hash: &H::Digest,
    path: &[H::Digest],
    root: &H::Digest,
) -> bool {
    if index >= size {
        return false;
    }
    // `node` is the place of `hash` in its level, `last` the place of that level's last node.
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf_hash;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = H::node(sibling, &hash);
            // A last node with an even place has no partner until the level where its place is odd.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = H::node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// True when the tree of `size_before` leaves with `root_before` is the beginning of the tree of `size_after` leaves
/// with `root_after`.
///
/// False for `size_before = 0` (the empty tree is the beginning of everything, so such a proof says nothing) and for
/// `size_before > size_after`. For equal sizes the path must be empty and the roots the same.
///
/// Cost: at most 128 hashes.
///
/// Source: RFC 9162, section 2.1.4.2.
#[must_use]
pub fn verify_consistency<H: TreeHash>(
    size_before: u64,
    size_after: u64,
    root_before: &H::Digest,
    root_after: &H::Digest,
    path: &[H::Digest],
) -> bool {
    if size_before == 0 || size_before > size_after {
        return false;
    }
    if size_before == size_after {
        return path.is_empty() && root_before == root_after;
    }
    // When the earlier tree is full, its root is a node of the later one, and the path leaves it out.
    let (start, rest) = if size_before.is_power_of_two() {
        (root_before, path)
    } else if let Some((first, rest)) = path.split_first() {
        (first, rest)
    } else {
        return false;
    };
    let (mut node, mut last) = (size_before - 1, size_after - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (*start, *start);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            before = H::node(sibling, &before);
            after = H::node(sibling, &after);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            after = H::node(&after, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && before == *root_before && after == *root_after
}
