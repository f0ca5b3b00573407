//! What became of a transaction, and how anyone can check it offline.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::Event;
use crate::block::{CertifiedHeader, Height};
use crate::tx::TxId;

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

/// The outcome of one executed transaction. Leaf of the block's receipts tree: its borsh encoding.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Receipt {
    /// Which transaction.
    pub tx: TxId,
    /// Block it was executed in.
    pub height: Height,
    /// Place among the receipts of that block.
    pub index: u32,
    /// Success, or why nothing but the nonce changed.
    pub code: Code,
    /// What the contract answers the sender: the paper's exact messages (Algorithms 5 and 6), query results; often empty.
    pub message: String,
    /// What happened, in order. Empty for a failed call, but for what Algorithms 5 and 6 record when they refuse.
    pub events: Vec<Event>,
}

/// A receipt with everything needed to believe it: path to the receipts root, header, quorum signatures.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ReceiptProof {
    /// The outcome.
    pub receipt: Receipt,
    /// RFC 9162 inclusion path (SHA-512/256) for leaf `receipt.index` in a tree of `header.tx_count` leaves.
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
