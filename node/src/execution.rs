//! What executing one slot gives: the header and the receipts, from nothing but the blocks before it.
//!
//! The running validator, recovery and `bds ledger verify --replay` all go through [`Execution::apply`], so there is one
//! definition of a block's result. Hashing goes through the engine; the contracts decide everything else.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, ensure};
use bds_contracts::block::{BatchDigest, BlockDigest, BlockHeader, Height, MerkleRoot, StateRoot};
use bds_contracts::genesis::{Genesis, Mode};
use bds_contracts::receipt::Receipt;
use bds_contracts::state::State;
use bds_contracts::tx::{ChainId, Millis, TxId, TxView};
use bds_core::batch::{Batch, Position};

use crate::engine::Engine;
use crate::receipts::Receipts;
use crate::store::snapshots::Snapshot;

/// The result of one slot.
#[derive(Debug)]
pub struct Executed {
    /// Chained to the block before.
    pub header: BlockHeader,
    /// Empty in opaque mode.
    pub receipts: Receipts,
}

/// State of the ledger and everything the next header depends on.
pub struct Execution {
    engine: Arc<Engine>,
    mode: Mode,
    checkpoint_interval: u64,
    state: Arc<RwLock<State>>,
    position: Place,
}

/// Everything beside the contract state that a snapshot must hold to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Header of the last executed block; the genesis header before the first.
    pub header: BlockHeader,
    /// Last executed batch of every lane, by lane.
    pub tips: Vec<(Position, BatchDigest)>,
    /// Transactions executed since genesis.
    pub transactions: u64,
}

/// The header of height 0: no transactions, and the root of the state that the genesis document describes.
#[must_use]
pub fn genesis_header(chain: ChainId, genesis: &Genesis, state_root: StateRoot) -> BlockHeader {
    BlockHeader {
        chain,
        height: 0,
        time: genesis.time,
        previous: BlockDigest::default(),
        payload_root: MerkleRoot::default(),
        receipts_root: MerkleRoot::default(),
        tx_count: 0,
        dropped_count: 0,
        checkpoint: 0,
        state_root,
    }
}

/// What a batch header's `transactions_root` must be.
///
/// Verified mode: the RFC 9162 root over the transactions, so each can be proven to be in its batch. Opaque mode measures
/// ordering alone, beside systems that only digest a batch: BLAKE3 over the packed payload.
#[must_use]
pub fn transactions_root(engine: &Engine, mode: Mode, transactions: &[&[u8]]) -> MerkleRoot {
    match mode {
        Mode::Verified => MerkleRoot(engine.root(transactions)),
        Mode::Opaque => opaque_root(transactions),
    }
}

/// BLAKE3 over each transaction's length (u32, little endian) and bytes.
#[must_use]
pub fn opaque_root(transactions: &[&[u8]]) -> MerkleRoot {
    let mut hasher = blake3::Hasher::new();
    for transaction in transactions {
        // Correctness: a payload's length fields have 32 bits, so no transaction is longer.
        hasher.update(&(transaction.len() as u32).to_le_bytes());
        hasher.update(transaction);
    }
    MerkleRoot(hasher.finalize().into())
}

/// Name of an opaque payload: 64 bytes of BLAKE3 output.
#[must_use]
pub fn opaque_id(payload: &[u8]) -> TxId {
    let mut id = [0; 64];
    blake3::Hasher::new()
        .update(payload)
        .finalize_xof()
        .fill(&mut id);
    TxId(id)
}

impl Execution {
    /// At height 0.
    ///
    /// # Errors
    /// When the genesis document contradicts itself.
    pub fn from_genesis(
        genesis: &Genesis,
        engine: Arc<Engine>,
    ) -> Result<Self, bds_contracts::genesis::GenesisError> {
        let mut state = State::from_genesis(genesis)?;
        let header = genesis_header(genesis.chain_id(), genesis, state.root());
        let tips = vec![(0, BatchDigest::default()); genesis.validators.validators.len()];
        Ok(Self::resume(
            genesis,
            engine,
            state,
            Place {
                header,
                tips,
                transactions: 0,
            },
        ))
    }

    /// Where a snapshot left off.
    ///
    /// # Errors
    /// When its state does not decode, or has another root than its header's checkpoint says.
    pub fn restore(
        genesis: &Genesis,
        engine: Arc<Engine>,
        snapshot: Snapshot,
    ) -> anyhow::Result<Self> {
        let (count, state) = snapshot
            .state
            .split_last_chunk::<8>()
            .map(|(s, c)| (c, s))
            .context("too short")?;
        let mut state = State::restore(state).context("the state snapshot does not decode")?;
        let header = snapshot.header;
        if header.checkpoint == header.height {
            ensure!(
                state.root() == header.state_root,
                "the state snapshot of block {} has another root",
                header.height
            );
        }
        let transactions = u64::from_le_bytes(*count);
        Ok(Self::resume(
            genesis,
            engine,
            state,
            Place {
                header,
                tips: snapshot.lane_tips,
                transactions,
            },
        ))
    }

    /// The state and its place for [`crate::store::snapshots`].
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut state = self
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .snapshot();
        state.extend_from_slice(&self.position.transactions.to_le_bytes());
        Snapshot {
            header: self.position.header.clone(),
            lane_tips: self.position.tips.clone(),
            state,
        }
    }

    fn resume(genesis: &Genesis, engine: Arc<Engine>, state: State, position: Place) -> Self {
        Self {
            engine,
            mode: genesis.mode,
            checkpoint_interval: genesis.checkpoint_interval,
            state: Arc::new(RwLock::new(state)),
            position,
        }
    }

    /// Header of the last block, tips of the lanes, number of transactions.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.position
    }

    /// The contract state, readable while blocks are executed.
    #[must_use]
    pub fn state(&self) -> Arc<RwLock<State>> {
        Arc::clone(&self.state)
    }

    /// Executes one slot. The result depends on the blocks before, the arguments, and nothing else.
    ///
    /// `batches` are in order of execution, each already checked (well-formed payload, good signatures).
    ///
    /// # Panics
    /// When `height` is not the next one: a bug in the caller.
    pub fn apply(&mut self, height: Height, time: Millis, batches: &[Batch]) -> Executed {
        let before = &self.position.header;
        assert_eq!(
            height,
            before.height + 1,
            "blocks are executed without a gap"
        );
        let wires: Vec<&[u8]> = batches
            .iter()
            .flat_map(|b| b.payload.transactions().unwrap_or_default())
            .collect();
        let (receipts, tx_count, dropped_count) = match self.mode {
            Mode::Verified => self.execute(height, time, &wires),
            Mode::Opaque => (Vec::new(), wires.len(), 0),
        };
        let receipts = Receipts::new(receipts);
        let digests: Vec<BatchDigest> = batches.iter().map(|b| b.header.digest()).collect();
        let leaves: Vec<&[u8]> = digests.iter().map(|d| d.0.as_slice()).collect();
        let is_checkpoint = height.is_multiple_of(self.checkpoint_interval);
        let (checkpoint, state_root) = if is_checkpoint {
            (height, self.root())
        } else {
            (before.checkpoint, before.state_root)
        };
        let count = |n: usize| {
            u32::try_from(n).expect("a block's bytes are bounded far below 2^32 transactions")
        };
        let header = BlockHeader {
            chain: before.chain,
            height,
            time,
            previous: before.digest(),
            payload_root: MerkleRoot(self.engine.root(&leaves)),
            receipts_root: MerkleRoot(self.engine.root(&receipts.leaves())),
            tx_count: count(tx_count),
            dropped_count: count(dropped_count),
            checkpoint,
            state_root,
        };
        for (batch, digest) in batches.iter().zip(digests) {
            self.position.tips[usize::from(batch.header.lane)] = (batch.header.position, digest);
        }
        self.position.transactions += u64::from(header.tx_count);
        self.position.header = header.clone();
        Executed { header, receipts }
    }

    /// Root of the state as it is now.
    #[must_use]
    pub fn root(&self) -> StateRoot {
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .root()
    }

    /// Receipts, transactions executed, transactions dropped.
    fn execute(
        &self,
        height: Height,
        time: Millis,
        wires: &[&[u8]],
    ) -> (Vec<Receipt>, usize, usize) {
        let views: Vec<TxView<'_>> = wires.iter().filter_map(|w| TxView::parse(w).ok()).collect();
        let malformed = wires.len() - views.len();
        let signed: Vec<&[u8]> = views.iter().map(TxView::signed_bytes).collect();
        let ids = self.engine.sha512(&signed).into_iter().map(TxId);
        let transactions: Vec<(TxId, TxView<'_>)> = ids.zip(views).collect();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let outcome = state.execute_block(height, time, &transactions);
        let executed = outcome.receipts.len();
        (
            outcome.receipts,
            executed,
            malformed + outcome.dropped as usize,
        )
    }
}
