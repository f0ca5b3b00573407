//! Execution as the network sees it: a deterministic function of ordered batches that gives one header a slot.

use std::collections::BTreeSet;

use bds_contracts::block::{BlockDigest, BlockHeader, Height, MerkleRoot, StateRoot};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::batch::Batch;
use sha2::{Digest as _, Sha512_256};

/// Heights between two checkpoints of the state.
pub const CHECKPOINT_EVERY: Height = 16;

/// Number of a simulated transaction: its first eight bytes.
#[must_use]
pub fn tx_number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

/// Which transactions were executed, chained.
#[derive(Debug, Clone, Default)]
pub struct MockState {
    /// Last executed block.
    pub header: Option<BlockHeader>,
    /// Every transaction executed so far.
    pub executed: BTreeSet<u64>,
    state: [u8; 32],
    checkpoint: (Height, [u8; 32]),
}

impl MockState {
    /// Executes one slot and returns its header and the transactions that took effect.
    ///
    /// A transaction seen before is dropped, as the contracts drop a used nonce.
    pub fn execute(
        &mut self,
        chain: ChainId,
        height: Height,
        time: Millis,
        batches: &[Batch],
    ) -> (BlockHeader, Vec<u64>) {
        let mut order = Sha512_256::new();
        let mut state = Sha512_256::new_with_prefix(self.state);
        let (mut done, mut dropped) = (Vec::new(), 0);
        for batch in batches {
            order.update(batch.header.digest().0);
            for tx in batch.payload.transactions().unwrap_or_default() {
                state.update(tx);
                match tx_number(tx).filter(|number| self.executed.insert(*number)) {
                    Some(number) => done.push(number),
                    None => dropped += 1,
                }
            }
        }
        self.state = state.finalize().into();
        if height.is_multiple_of(CHECKPOINT_EVERY) {
            self.checkpoint = (height, self.state);
        }
        let mut receipts = Sha512_256::new();
        for number in &done {
            receipts.update(number.to_le_bytes());
        }
        let header = BlockHeader {
            chain,
            height,
            time,
            previous: self
                .header
                .as_ref()
                .map_or(BlockDigest::default(), BlockHeader::digest),
            payload_root: MerkleRoot(order.finalize().into()),
            receipts_root: MerkleRoot(receipts.finalize().into()),
            tx_count: u32::try_from(done.len()).expect("simulated blocks are small"),
            dropped_count: dropped,
            checkpoint: self.checkpoint.0,
            state_root: StateRoot(self.checkpoint.1),
        };
        self.header = Some(header.clone());
        (header, done)
    }
}
