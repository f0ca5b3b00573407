//! A state machine that costs next to nothing: it remembers which transactions it has seen, and its result depends on
//! all before.

use std::collections::BTreeSet;

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, Height, MerkleRoot, StateRoot, ValidatorIndex,
};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::batch::{Batch, Payload, Position};
use bds_core::turn::Verdict;
use bds_node::store::Snapshot;

use super::machine::{Applied, Machine, Rules, TxName};
use super::scheme::mix;
use super::variant::Variant;

/// Blocks between two checkpoints of the state.
pub const CHECKPOINT_EVERY: Height = 16;

/// A transaction is its name and filler.
#[derive(Debug, Clone, Copy)]
pub struct MockRules {
    /// The ledger.
    pub chain: ChainId,
    /// Lanes.
    pub lanes: usize,
    /// What is broken.
    pub variant: Variant,
}

impl Rules for MockRules {
    fn chain(&self) -> ChainId {
        self.chain
    }

    fn genesis(&self, of: ValidatorIndex) -> Box<dyn Machine> {
        let header = BlockHeader {
            chain: self.chain,
            height: 0,
            time: Millis(0),
            previous: BlockDigest::default(),
            payload_root: MerkleRoot::default(),
            receipts_root: MerkleRoot::default(),
            changes_root: MerkleRoot::default(),
            tx_count: 0,
            receipt_count: 0,
            dropped_count: 0,
            checkpoint: 0,
            state_root: StateRoot::default(),
        };
        Box::new(MockMachine {
            header,
            tips: vec![(0, BatchDigest::default()); self.lanes],
            seen: BTreeSet::new(),
            state: 0,
            of,
            variant: self.variant,
        })
    }

    fn transaction(&mut self, name: TxName, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0x42; length.max(8)];
        bytes[..8].copy_from_slice(&name.to_le_bytes());
        Some(bytes)
    }
}

struct MockMachine {
    header: BlockHeader,
    tips: Vec<(Position, BatchDigest)>,
    seen: BTreeSet<TxName>,
    state: u64,
    of: ValidatorIndex,
    variant: Variant,
}

fn wide(value: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    bytes
}

fn name_of(tx: &[u8]) -> Option<TxName> {
    Some(u64::from_le_bytes(*tx.first_chunk()?))
}

impl Machine for MockMachine {
    fn apply(&mut self, height: Height, time: Millis, batches: &[Batch]) -> Applied {
        let mut order = 0;
        let mut batches: Vec<&Batch> = batches.iter().collect();
        if self.variant == Variant::OrderByArrival && !self.of.is_multiple_of(2) {
            batches.reverse();
        }
        let (mut receipts, mut dropped) = (Vec::new(), 0);
        for batch in batches {
            let digest = batch.header.digest();
            order = mix(order, &digest.0);
            self.tips[usize::from(batch.header.lane)] = (batch.header.position, digest);
            for tx in batch.payload.transactions().unwrap_or_default() {
                // A name seen before is dropped, as the contracts drop a used nonce.
                let again = self.variant == Variant::ExecutedTwice;
                match name_of(tx).filter(|name| self.seen.insert(*name) || again) {
                    Some(name) => {
                        self.state = mix(self.state, tx);
                        if self.variant == Variant::ResultOfItsOwn && self.state.is_multiple_of(64)
                        {
                            self.state ^= u64::from(self.of);
                        }
                        receipts.push((name, self.state));
                    }
                    None => dropped += 1,
                }
            }
        }
        let mut receipts_root = 0;
        for (name, result) in &receipts {
            receipts_root = mix(receipts_root ^ name, &result.to_le_bytes());
        }
        let checkpoint = height.is_multiple_of(CHECKPOINT_EVERY);
        self.header = BlockHeader {
            chain: self.header.chain,
            height,
            time,
            previous: self.header.digest(),
            payload_root: MerkleRoot(wide(order)),
            receipts_root: MerkleRoot(wide(receipts_root)),
            changes_root: MerkleRoot::default(),
            tx_count: u32::try_from(receipts.len()).expect("simulated blocks are small"),
            receipt_count: u32::try_from(receipts.len()).expect("simulated blocks are small"),
            dropped_count: dropped,
            checkpoint: if checkpoint {
                height
            } else {
                self.header.checkpoint
            },
            state_root: if checkpoint {
                StateRoot(wide(self.state))
            } else {
                self.header.state_root
            },
        };
        Applied {
            header: self.header.clone(),
            receipts,
        }
    }

    fn header(&self) -> &BlockHeader {
        &self.header
    }

    fn tips(&self) -> &[(Position, BatchDigest)] {
        &self.tips
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            header: self.header.clone(),
            lane_tips: self.tips.clone(),
            state: borsh::to_vec(&(self.state, &self.seen)).expect("writing to memory cannot fail"),
        }
    }

    fn restore(&mut self, snapshot: Snapshot) -> bool {
        let Ok((state, seen)) = borsh::from_slice(&snapshot.state) else {
            return false;
        };
        self.header = snapshot.header;
        self.tips = snapshot.lane_tips;
        (self.state, self.seen) = (state, seen);
        true
    }

    fn root(&self, payload: &Payload) -> MerkleRoot {
        root_of(payload)
    }

    fn verdict(&self, batch: &Batch) -> Verdict {
        let count = batch.payload.transactions().map(|all| all.len());
        let named = batch.header.transactions_root == self.root(&batch.payload)
            && count == usize::try_from(batch.header.count).ok();
        match (named, batch.payload.as_bytes().starts_with(INVALID)) {
            (false, _) => Verdict::Altered,
            (true, true) => Verdict::Forged,
            (true, false) => Verdict::Valid,
        }
    }
}

/// The stand-in's root over a payload.
#[must_use]
pub fn root_of(payload: &Payload) -> MerkleRoot {
    MerkleRoot(wide(mix(0x726f_6f74, payload.as_bytes())))
}

/// A payload that begins so holds a transaction with a wrong signature.
pub const INVALID: &[u8] = b"\x08\0\0\0invalid!";
