//! A lane batch: the unit that is stored, verified, acknowledged and ordered.

use std::sync::Arc;

use bds_contracts::block::{
    BatchDigest, MerkleRoot, Signature, Signatures, Statement, ValidatorIndex,
};
use bds_contracts::tx::ChainId;
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

/// Position of a batch in its lane; the first is 1.
pub type Position = u64;

/// Transactions of one batch, packed: for each its length (u32, little endian) and its bytes.
///
/// Shared, so that storing, sending and executing a batch copies no payload.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Payload(Arc<Vec<u8>>);

impl Payload {
    /// Packs transactions in this order.
    ///
    /// # Panics
    /// When a transaction is longer than `u32::MAX`; admission refuses those long before.
    pub fn pack<'a>(transactions: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Vec::new();
        for tx in transactions {
            let len = u32::try_from(tx.len()).expect("admission bounds the length");
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(tx);
        }
        Self(Arc::new(bytes))
    }

    /// Bytes that a transaction takes in the packed form: its own and four.
    #[must_use]
    pub fn packed_bytes(tx: &[u8]) -> usize {
        tx.len() + 4
    }

    /// Takes bytes as received; [`Payload::transactions`] says whether they are well formed.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }

    /// The packed form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The transactions in order, borrowed; `None` when a length runs past the end.
    #[must_use]
    pub fn transactions(&self) -> Option<Vec<&[u8]>> {
        let mut rest = self.as_bytes();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (len, tail) = rest.split_first_chunk::<4>()?;
            let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
            let (tx, tail) = tail.split_at_checked(len)?;
            found.push(tx);
            rest = tail;
        }
        Some(found)
    }
}

/// What names a batch and chains it to the one before in its lane.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BatchHeader {
    /// The ledger.
    pub chain: ChainId,
    /// Whose lane.
    pub lane: ValidatorIndex,
    /// Place in the lane.
    pub position: Position,
    /// The batch at `position - 1`; zero for the first.
    pub parent: BatchDigest,
    /// RFC 9162 root (SHA-512/256) over the transactions' wire bytes.
    pub transactions_root: MerkleRoot,
    /// Number of transactions.
    pub count: u32,
    /// Length of the packed payload.
    pub bytes: u32,
}

impl BatchHeader {
    /// Name of the batch.
    #[must_use]
    pub fn digest(&self) -> BatchDigest {
        BatchDigest(
            Sha512_256::digest(borsh::to_vec(self).expect("writing to memory cannot fail")).into(),
        )
    }
}

/// A batch as its author sends it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Batch {
    /// What the digest covers.
    pub header: BatchHeader,
    /// The author's signature over `Statement::Batch(digest)`.
    pub signature: Signature,
    /// The transactions.
    pub payload: Payload,
}

/// The end of one lane, as far as somebody has got with it: a place and the batch there. Position 0 with a zero digest is
/// the empty lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct LaneTip {
    /// Place.
    pub position: Position,
    /// Batch at that place.
    pub digest: BatchDigest,
}

/// A batch by its place among all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tip {
    /// Whose lane.
    pub lane: ValidatorIndex,
    /// Place in the lane.
    pub position: Position,
    /// Which batch.
    pub digest: BatchDigest,
}

impl LaneTip {
    /// The same, said of this lane.
    #[must_use]
    pub fn of(self, lane: ValidatorIndex) -> Tip {
        Tip {
            lane,
            position: self.position,
            digest: self.digest,
        }
    }
}

impl Tip {
    /// What a validator signs that holds it and all before it.
    #[must_use]
    pub fn acknowledgement(&self) -> Statement {
        Statement::Acknowledge(self.lane, self.position, self.digest)
    }

    /// The same within its lane.
    #[must_use]
    pub fn in_lane(&self) -> LaneTip {
        LaneTip {
            position: self.position,
            digest: self.digest,
        }
    }
}

/// f+1 validators hold the batch at this tip, and all before it, and checked them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TipCertificate {
    /// What they hold.
    pub tip: Tip,
    /// Over [`Tip::acknowledgement`].
    pub signatures: Signatures,
}
