//! Roots and inclusion proofs of RFC 9162 with SHA-512/256, for the state root and for receipts checked offline.
//!
//! A leaf hashes as `H(0x00 || leaf)`, a pair as `H(0x01 || left || right)`; with `n` leaves the left subtree takes the
//! largest power of two below `n`. Batches of thousands go through the engine; this is the plain form.
//!
//! Source: RFC 9162, section 2.1.

use sha2::{Digest as _, Sha512_256};

use crate::kernel::receipt::ReceiptView;
use crate::kernel::wire::Malformed;
use crate::receipt::{MerkleNode, ReceiptProof};

/// Hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    Sha512_256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

/// Hash of an inner node.
#[must_use]
pub fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha512_256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// Root over leaves in order; of none, the hash of the empty string. Cost: `2n - 1` hashes.
#[must_use]
pub fn root<L: AsRef<[u8]>>(leaves: &[L]) -> [u8; 32] {
    let mut hashes: Vec<[u8; 32]> = leaves.iter().map(|l| leaf_hash(l.as_ref())).collect();
    root_of_hashes(&mut hashes)
}

/// As [`root`], from leaf hashes, which it overwrites.
///
/// Pairing neighbours level by level and carrying an odd last one up gives the same tree as the RFC's split.
#[must_use]
pub fn root_of_hashes(hashes: &mut [[u8; 32]]) -> [u8; 32] {
    if hashes.is_empty() {
        return Sha512_256::digest([]).into();
    }
    let mut count = hashes.len();
    while count > 1 {
        for pair in 0..count / 2 {
            hashes[pair] = node_hash(&hashes[2 * pair], &hashes[2 * pair + 1]);
        }
        if count % 2 == 1 {
            hashes[count / 2] = hashes[count - 1];
        }
        count = count.div_ceil(2);
    }
    hashes[0]
}

/// Inclusion path of leaf `index`, from the leaf's sibling upward; `None` for an index outside.
#[must_use]
pub fn path<L: AsRef<[u8]>>(leaves: &[L], index: usize) -> Option<Vec<[u8; 32]>> {
    if index >= leaves.len() {
        return None;
    }
    let mut level: Vec<[u8; 32]> = leaves.iter().map(|l| leaf_hash(l.as_ref())).collect();
    let mut place = index;
    let mut path = Vec::new();
    while level.len() > 1 {
        if let Some(sibling) = level.get(place ^ 1) {
            path.push(*sibling);
        }
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                _ => pair[0],
            })
            .collect();
        place /= 2;
    }
    Some(path)
}

/// Whether `leaf` is number `index` of the `size` leaves under `root`.
///
/// Source: RFC 9162, section 2.1.3.2.
#[must_use]
pub fn verify_inclusion(
    leaf: &[u8],
    index: u64,
    size: u64,
    path: &[MerkleNode],
    root: &[u8; 32],
) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = leaf_hash(leaf);
    for MerkleNode(sibling) in path {
        if last == 0 {
            return false;
        }
        if place % 2 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // A node without a right sibling moves up unchanged until it is a right child.
            while place.is_multiple_of(2) && place != 0 {
                place /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place /= 2;
        last /= 2;
    }
    last == 0 && hash == *root
}

impl ReceiptProof {
    /// The receipt, to be read.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no receipt.
    pub fn view(&self) -> Result<ReceiptView<'_>, Malformed> {
        ReceiptView::parse(&self.receipt)
    }

    /// Whether the receipt lies under the receipts root of the header, at its own place and height.
    ///
    /// This says nothing about the header itself: check the signatures of the quorum as well.
    #[must_use]
    pub fn verify_path(&self) -> bool {
        let header = &self.block.header;
        let Ok(receipt) = self.view() else {
            return false;
        };
        receipt.height == header.height
            && verify_inclusion(
                &self.receipt,
                u64::from(receipt.index),
                u64::from(header.receipt_count),
                &self.path,
                &header.receipts_root.0,
            )
    }
}
