//! What a block says, and what proves that the network agreed on it.
//!
//! PBFT agrees on an order (which batches, at which time); every validator then executes it and signs the
//! header that results. A header with signatures of a quorum is a certified block: it proves order and
//! result alike, and a receipt under its `receipts_root` is verifiable offline with the validator set alone.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha512_256};

pub use crate::signatures::Signatures;
use crate::tx::{ChainId, Millis, PublicKey, hex_display};

/// Position of a block: the PBFT slot it comes from. Genesis is 0, the first block 1, none is skipped.
pub type Height = u64;

/// SHA-512/256 of a block header's borsh encoding.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct BlockDigest(pub [u8; 32]);

/// SHA-512/256 of a lane batch header: names one batch of one lane.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct BatchDigest(pub [u8; 32]);

/// RFC 9162 root (SHA-512/256) of an ordered list of byte strings.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct MerkleRoot(pub [u8; 32]);

/// Commitment to the whole contract state.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct StateRoot(pub [u8; 32]);

/// An Ed25519 signature of a validator.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Signature(pub [u8; 64]);

hex_display!(BlockDigest, BatchDigest, MerkleRoot, StateRoot, Signature);

/// The checkpoint whose state root the header of this height names: the last multiple of the interval that lies a quarter of
/// an interval back, so that its root is computed beside execution and no block waits for it.
///
/// # Panics
/// When the interval is 0, which no genesis document has.
#[must_use]
pub const fn named_checkpoint(height: Height, interval: u64) -> Height {
    height.saturating_sub(interval / 4) / interval * interval
}

/// The result of executing one slot, chained to the one before.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct BlockHeader {
    /// The ledger.
    pub chain: ChainId,
    /// The slot.
    pub height: Height,
    /// Time agreed for this block, never before its predecessor's.
    pub time: Millis,
    /// Digest of the header before; of genesis, all zero.
    pub previous: BlockDigest,
    /// Root over the digests of the batches executed here, in order of execution.
    pub payload_root: MerkleRoot,
    /// Root over this block's receipts, in order.
    pub receipts_root: MerkleRoot,
    /// Root over the entries of the state that this block changed, by key; see `kernel/changes.rs`.
    pub changes_root: MerkleRoot,
    /// Transactions executed here; each has one receipt.
    pub tx_count: u32,
    /// Receipts of this block: of transactions, and of what the ledger did by itself.
    pub receipt_count: u32,
    /// Ordered but not executed here: malformed, of an unknown sender, with a nonce that cannot be used, or beyond the block's
    /// limit. They leave no receipt.
    pub dropped_count: u32,
    /// Height at which `state_root` was taken: see [`named_checkpoint`].
    pub checkpoint: Height,
    /// Commitment to the state after block `checkpoint`.
    pub state_root: StateRoot,
}

impl BlockHeader {
    /// Name of this block.
    #[must_use]
    pub fn digest(&self) -> BlockDigest {
        BlockDigest(
            Sha512_256::digest(borsh::to_vec(self).expect("writing to memory cannot fail")).into(),
        )
    }
}

impl Serialize for Millis {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <u64 as Deserialize>::deserialize(d).map(Millis)
    }
}

/// One member of the validator set.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Validator {
    /// Key that signs votes and headers.
    pub key: PublicKey,
    /// Share in every quorum; at least 1.
    pub weight: u64,
}

/// Index of a validator in its set, and of its lane.
pub type ValidatorIndex = u16;

/// Who votes in an epoch. Safe while the faulty ones weigh less than a third.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ValidatorSet {
    /// Number of this set; the first is 0.
    pub epoch: u64,
    /// Members; a member's place is its [`ValidatorIndex`].
    pub validators: Vec<Validator>,
}

impl ValidatorSet {
    /// Sum of all weights.
    #[must_use]
    pub fn weight_total(&self) -> u64 {
        self.validators.iter().map(|v| v.weight).sum()
    }

    /// f: the largest faulty weight that does no harm, `(total - 1) / 3`.
    #[must_use]
    pub fn weight_faulty_max(&self) -> u64 {
        self.weight_total().saturating_sub(1) / 3
    }

    /// Any two sets of this weight share a correct validator: `total - f` (2f+1 of 3f+1).
    #[must_use]
    pub fn weight_quorum(&self) -> u64 {
        self.weight_total() - self.weight_faulty_max()
    }

    /// Any set of this weight holds a correct validator: f+1.
    #[must_use]
    pub fn weight_one_correct(&self) -> u64 {
        self.weight_faulty_max() + 1
    }

    /// Weight of one member; 0 for an index outside the set.
    #[must_use]
    pub fn weight(&self, index: ValidatorIndex) -> u64 {
        self.validators
            .get(usize::from(index))
            .map_or(0, |v| v.weight)
    }

    /// Weight of these members together, each counted once whatever the input repeats.
    #[must_use]
    pub fn weight_of(&self, members: impl IntoIterator<Item = ValidatorIndex>) -> u64 {
        let distinct: std::collections::BTreeSet<_> = members.into_iter().collect();
        distinct.into_iter().map(|i| self.weight(i)).sum()
    }
}

/// What a validator can sign. The encoding is the only thing a validator key ever signs on the ledger.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Statement {
    /// "I am the author of this batch of my lane."
    Batch(BatchDigest),
    /// "I hold the batch at this position of this lane on disk, and all before it, and checked every signature in them."
    Acknowledge(ValidatorIndex, u64, BatchDigest),
    /// PBFT pre-prepare, prepare, commit: view, slot, digest of the proposal.
    PrePrepare(u64, Height, [u8; 32]),
    /// See above.
    Prepare(u64, Height, [u8; 32]),
    /// See above.
    Commit(u64, Height, [u8; 32]),
    /// "This is the header I got by executing this slot."
    Executed(Height, BlockDigest),
    /// Digest of a view-change message, and the view asked for.
    ViewChange(u64, [u8; 32]),
    /// Digest of a new-view message, and its view.
    NewView(u64, [u8; 32]),
    /// Digest of a status message (what I have; sent on connecting and from time to time).
    Status([u8; 32]),
}

impl Statement {
    /// The bytes to sign: domain tag with version, chain, epoch, statement.
    #[must_use]
    pub fn bytes(&self, chain: ChainId, epoch: u64) -> Vec<u8> {
        borsh::to_vec(&(*b"BDS-VT\0\x03", chain, epoch, self))
            .expect("writing to memory cannot fail")
    }
}

/// A header and the quorum that stands behind it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CertifiedHeader {
    /// What they agree on.
    pub header: BlockHeader,
    /// Their signatures over [`Statement::Executed`].
    pub signatures: Signatures,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heights at which headers begin to name a checkpoint, by hand: a quarter of the interval, rounded down, after it.
    #[test]
    fn a_header_names_the_checkpoint_a_quarter_of_an_interval_back() {
        for (height, interval, named) in [
            (0, 128, 0),
            (128, 128, 0),
            (159, 128, 0),
            (160, 128, 128),
            (287, 128, 128),
            (288, 128, 256),
            (4, 4, 0),
            (5, 4, 4),
            (3, 3, 3),
            (5, 3, 3),
            (1, 1, 1),
            (7, u64::MAX, 0),
        ] {
            assert_eq!(named_checkpoint(height, interval), named, "{height}");
        }
    }
}
