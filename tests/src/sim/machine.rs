//! The state machine that validators execute, as the network sees it: ordered batches in, a header and receipts out.

use bds_contracts::block::{BatchDigest, BlockHeader, Height, MerkleRoot, ValidatorIndex};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::batch::{Batch, Payload, Position};
use bds_core::turn::Verdict;
use bds_node::store::Snapshot;

/// Names a transaction: the client in the upper half, its nonce in the lower.
pub type TxName = u64;

/// What one transaction came to: equal on every validator.
pub type TxResult = u64;

/// What a block did.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Chained to the block before.
    pub header: BlockHeader,
    /// Transactions that were executed, in order.
    pub receipts: Vec<(TxName, TxResult)>,
}

/// A deterministic state machine.
pub trait Machine: Send {
    /// Executes the next slot.
    fn apply(&mut self, height: Height, time: Millis, batches: &[Batch]) -> Applied;

    /// Header of the last block, or of genesis.
    fn header(&self) -> &BlockHeader;

    /// Last executed batch of every lane.
    fn tips(&self) -> &[(Position, BatchDigest)];

    /// Everything above, to go on from later.
    fn snapshot(&self) -> Snapshot;

    /// Becomes what a snapshot holds; false when it cannot be used.
    fn restore(&mut self, snapshot: Snapshot) -> bool;

    /// What a batch's header must say of its payload.
    fn root(&self, payload: &Payload) -> MerkleRoot;

    /// Whether the payload is the header's, and whether every client signature in it is right.
    fn verdict(&self, batch: &Batch) -> Verdict;
}

/// Makes machines, and transactions for them.
pub trait Rules: Send {
    /// The ledger.
    fn chain(&self) -> ChainId;

    /// The machine of a validator at genesis.
    fn genesis(&self, of: ValidatorIndex) -> Box<dyn Machine>;

    /// The wire bytes of one transaction, `None` when there are no more; `length` is a wish.
    fn transaction(&mut self, name: TxName, length: usize) -> Option<Vec<u8>>;
}
