//! Does this leaf belong under that root, and if not, why not?

use bds_contracts::block::MerkleRoot;
use bds_contracts::merkle::verify_inclusion;
use bds_contracts::receipt::MerkleNode;

/// Why a path proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The leaf would lie outside the tree.
    #[error("leaf {index} is outside a tree of {size} leaves")]
    OutsideTree {
        /// Place claimed.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The shape of the tree asks for another number of nodes.
    #[error("the path has {found} nodes, leaf and size ask for {expected}")]
    WrongLength {
        /// Nodes given.
        found: usize,
        /// Nodes needed.
        expected: usize,
    },
    /// All is well formed and leads elsewhere.
    #[error("the path leads to another root")]
    OtherRoot,
}

/// Checks an inclusion path with SHA-512/256.
///
/// - `index`: place of the leaf, from 0; `size`: leaves of the tree; `path`: from the leaf's sibling upwards.
///
/// Cost: one hash of the leaf and one a node. Source: RFC 9162, section 2.1.3.2.
///
/// # Errors
/// [`PathError`]; the first that applies, in the order of its variants.
pub fn check_path(
    leaf: &[u8],
    index: u64,
    size: u64,
    path: &[MerkleNode],
    root: MerkleRoot,
) -> Result<(), PathError> {
    if index >= size {
        return Err(PathError::OutsideTree { index, size });
    }
    let expected = path_length(index, size);
    if path.len() != expected {
        return Err(PathError::WrongLength {
            found: path.len(),
            expected,
        });
    }
    if verify_inclusion(leaf, index, size, path, &root.0) {
        Ok(())
    } else {
        Err(PathError::OtherRoot)
    }
}

/// Nodes in the path of leaf `index` of `size`: one a row, without the rows in which the node has no sibling.
fn path_length(index: u64, size: u64) -> usize {
    let (mut place, mut last) = (index, size - 1);
    let mut nodes = 0;
    while last > 0 {
        if place % 2 == 1 || place < last {
            nodes += 1;
        }
        place /= 2;
        last /= 2;
    }
    nodes
}
