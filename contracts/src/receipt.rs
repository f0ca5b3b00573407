//! What became of a transaction, and how anyone can check it offline.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::block::CertifiedHeader;

/// Stable number of a result; 0 is success. The table of all codes is in `code.rs`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Code(pub u16);

/// A receipt with everything needed to believe it: path to the receipts root, header, quorum signatures.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceiptProof {
    /// The leaf of the receipts tree; read it with [`ReceiptView`](crate::kernel::receipt::ReceiptView).
    pub receipt: Vec<u8>,
    /// RFC 9162 inclusion path (SHA-512/256) for the leaf at its index in a tree of `header.receipt_count` leaves.
    pub path: Vec<MerkleNode>,
    /// The block and its certificate.
    pub block: CertifiedHeader,
}

/// A node of a Merkle path.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct MerkleNode(pub [u8; 32]);

crate::tx::hex_display!(MerkleNode);
