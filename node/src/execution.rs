//! What executing one slot gives: the header and the receipts, from nothing but the blocks before it.
//!
//! The running validator, recovery and `bds ledger verify --replay` all go through [`Execution::apply`], so there is one
//! definition of a block's result. Hashing goes through the engine; the contracts decide everything else.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, ensure};
use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, Height, MerkleRoot, StateRoot, named_checkpoint,
};
use bds_contracts::genesis::{Genesis, GenesisError, Mode};
use bds_contracts::kernel::changes::Changes;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::receipt::Receipts;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::receipt::Code;
use bds_contracts::tx::{ChainId, Millis, PublicKey, TxId};
use bds_core::batch::{Batch, Position};
use bds_wasm::Runtime;

use crate::engine::Engine;
use crate::roots::Roots;
use crate::store::snapshots::Snapshot;

/// The result of one slot.
#[derive(Debug)]
pub struct Executed {
    /// Chained to the block before.
    pub header: BlockHeader,
    /// Empty in opaque mode.
    pub receipts: Receipts,
    /// The executed transactions, in order; empty in opaque mode.
    pub transactions: Vec<Outcome>,
    /// Transactions that left no trace.
    pub dropped: Vec<Dropped>,
}

/// What became of an executed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its name.
    pub id: TxId,
    /// The place of its receipt in the block.
    pub index: u32,
    /// How it went.
    pub code: Code,
}

/// A transaction that left no trace in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Its name.
    pub id: TxId,
    /// Who signed it.
    pub sender: PublicKey,
    /// Why.
    pub code: Code,
}

/// State of the ledger and everything the next header depends on.
pub struct Execution {
    engine: Arc<Engine>,
    mode: Mode,
    checkpoint_interval: u64,
    ledger: Arc<RwLock<Ledger>>,
    roots: Arc<RwLock<Roots>>,
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

/// Bytes behind the contracts' state in a snapshot: transactions since genesis, and the checkpoint whose root no header names
/// yet, with its root; zeros without one.
const END_BYTES: usize = 8 + 8 + 32;

/// The checkpoint at the end of a snapshot's state whose root no header names yet, and that root.
#[must_use]
pub fn unnamed_checkpoint(state: &[u8]) -> Option<(Height, StateRoot)> {
    let (_, end) = state.split_last_chunk::<40>()?;
    let (height, root): (Height, [u8; 32]) = borsh::from_slice(end).ok()?;
    Some((height, StateRoot(root)))
}

/// The header of height 0: no transactions, and the roots of the state that the genesis document describes.
fn genesis_header(
    chain: ChainId,
    time: Millis,
    changes_root: MerkleRoot,
    state_root: StateRoot,
) -> BlockHeader {
    BlockHeader {
        chain,
        height: 0,
        time,
        previous: BlockDigest::default(),
        payload_root: MerkleRoot::default(),
        receipts_root: MerkleRoot::default(),
        changes_root,
        tx_count: 0,
        receipt_count: 0,
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
    pub fn from_genesis(genesis: &Genesis, engine: Arc<Engine>) -> Result<Self, GenesisError> {
        let (ledger, made) = ledger::from_genesis(genesis)?;
        let ledger = ledger.with_interpreter(Runtime::shared());
        let (roots, changes_root, state_root) = Roots::new(&engine, 0, 0, made.changes);
        let header = genesis_header(genesis.chain_id(), genesis.time, changes_root, state_root);
        let tips = vec![(0, BatchDigest::default()); genesis.validators.validators.len()];
        let position = Place {
            header,
            tips,
            transactions: 0,
        };
        Ok(Self::resume(genesis, engine, ledger, roots, position))
    }

    /// Where a snapshot left off. Cost: every entry of the state is hashed.
    ///
    /// # Errors
    /// When its state does not decode, or has another root than its header's checkpoint says.
    pub fn restore(
        genesis: &Genesis,
        engine: Arc<Engine>,
        snapshot: &Snapshot,
    ) -> anyhow::Result<Self> {
        let (state, end) = snapshot
            .state
            .split_last_chunk::<END_BYTES>()
            .context("too short")?;
        let (transactions, pending): (u64, (Height, [u8; 32])) =
            borsh::from_slice(end).context("the end of the state snapshot does not decode")?;
        let header = snapshot.header.clone();
        let block = BlockInfo {
            height: header.height,
            time: header.time,
            beacon: header.previous,
        };
        let ledger =
            ledger::restore(genesis, block, state).context("the state snapshot does not decode")?;
        let ledger = ledger.with_interpreter(Runtime::shared());
        let entries = ledger.stores().entries();
        let (mut roots, _, state_root) =
            Roots::new(&engine, header.height, header.checkpoint, entries);
        ensure!(
            header.checkpoint != header.height || header.state_root == state_root,
            "the state snapshot of block {} has another root",
            header.height
        );
        let pending = (pending.0 > header.checkpoint).then_some((pending.0, StateRoot(pending.1)));
        if let Some((checkpoint, root)) = pending {
            ensure!(
                checkpoint != header.height || root == state_root,
                "the state snapshot of block {checkpoint} has another root"
            );
            roots.expect(checkpoint, root);
        }
        let position = Place {
            header,
            tips: snapshot.lane_tips.clone(),
            transactions,
        };
        Ok(Self::resume(genesis, engine, ledger, roots, position))
    }

    /// The state and its place for [`crate::store::snapshots`].
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        let mut state = ledger.stores().snapshot();
        drop(ledger);
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        // A root that no header names yet cannot be computed from a later state.
        let (checkpoint, root) = roots.pending().unwrap_or_default();
        drop(roots);
        let end = (self.position.transactions, (checkpoint, root.0));
        borsh::to_writer(&mut state, &end).expect("writing to memory cannot fail");
        Snapshot {
            header: self.position.header.clone(),
            lane_tips: self.position.tips.clone(),
            state,
        }
    }

    fn resume(
        genesis: &Genesis,
        engine: Arc<Engine>,
        ledger: Ledger,
        roots: Roots,
        position: Place,
    ) -> Self {
        Self {
            engine,
            mode: genesis.mode,
            checkpoint_interval: genesis.checkpoint_interval,
            ledger: Arc::new(RwLock::new(ledger)),
            roots: Arc::new(RwLock::new(roots)),
            position,
        }
    }

    /// Header of the last block, tips of the lanes, number of transactions.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.position
    }

    /// The ledger, readable while blocks are executed.
    #[must_use]
    pub fn ledger(&self) -> Arc<RwLock<Ledger>> {
        Arc::clone(&self.ledger)
    }

    /// Its roots, readable likewise.
    #[must_use]
    pub fn roots(&self) -> Arc<RwLock<Roots>> {
        Arc::clone(&self.roots)
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
        let previous = before.digest();
        let block = BlockInfo {
            height,
            time,
            beacon: previous,
        };
        let (receipts, transactions, dropped, changes) = match self.mode {
            Mode::Verified => self.execute(block, &wires),
            Mode::Opaque => (
                Receipts::default(),
                Vec::new(),
                Vec::new(),
                Changes::default(),
            ),
        };
        let digests: Vec<BatchDigest> = batches.iter().map(|b| b.header.digest()).collect();
        let leaves: Vec<&[u8]> = digests.iter().map(|d| d.0.as_slice()).collect();
        let tx_count = match self.mode {
            Mode::Verified => transactions.len(),
            Mode::Opaque => wires.len(),
        };
        let slices: Vec<&[u8]> = receipts.iter().collect();
        let interval = self.checkpoint_interval;
        let named = named_checkpoint(height, interval);
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        let changes_root = roots.note(&self.engine, height, changes);
        if height.is_multiple_of(interval) {
            roots.seal(height);
        }
        let (state_root, spare) = if named > before.checkpoint {
            roots.publish(named, height)
        } else {
            (before.state_root, Vec::new())
        };
        drop(roots);
        if !spare.is_empty() {
            let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
            ledger.recycle(spare);
        }
        let header = BlockHeader {
            chain: before.chain,
            height,
            time,
            previous,
            payload_root: MerkleRoot(self.engine.root(&leaves)),
            receipts_root: MerkleRoot(self.engine.root(&slices)),
            changes_root,
            tx_count: count(tx_count),
            receipt_count: count(slices.len()),
            dropped_count: count(wires.len() - tx_count),
            checkpoint: named,
            state_root,
        };
        for (batch, digest) in batches.iter().zip(digests) {
            self.position.tips[usize::from(batch.header.lane)] = (batch.header.position, digest);
        }
        self.position.transactions += u64::from(header.tx_count);
        self.position.header = header.clone();
        Executed {
            header,
            receipts,
            transactions,
            dropped,
        }
    }

    /// What the block did. Bytes that are no transaction are passed over: no batch with such is certified.
    fn execute(
        &self,
        block: BlockInfo,
        wires: &[&[u8]],
    ) -> (Receipts, Vec<Outcome>, Vec<Dropped>, Changes) {
        let transactions: Vec<Envelope<'_>> = wires
            .iter()
            .filter_map(|wire| Envelope::parse(wire).ok())
            .collect();
        let signed: Vec<&[u8]> = transactions.iter().map(Envelope::signed_bytes).collect();
        let ids = self.engine.sha512(&signed).into_iter().map(TxId);
        let transactions: Vec<(TxId, Envelope<'_>)> = ids.zip(transactions).collect();
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let outcome = ledger.execute_block(block, &transactions);
        drop(ledger);
        let executed = outcome.executed.iter().map(|executed| Outcome {
            id: transactions[executed.place as usize].0,
            index: executed.receipt,
            code: executed.code,
        });
        let dropped = outcome.dropped.iter().map(|dropped| {
            let (id, transaction) = &transactions[dropped.place as usize];
            Dropped {
                id: *id,
                sender: transaction.sender(),
                code: dropped.code,
            }
        });
        let (executed, dropped) = (executed.collect(), dropped.collect());
        (outcome.receipts, executed, dropped, outcome.changes)
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).expect("a block's bytes are bounded far below 2^32 transactions")
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{Signature, Validator, ValidatorSet};
    use bds_core::batch::{BatchHeader, Payload};

    use super::*;
    use crate::workload::{Carbon, Config};

    const NOW: Millis = Millis(1_800_000_000_000);
    const BLOCKS: u64 = 30;

    fn batch(chain: ChainId, position: Position, wires: &[Vec<u8>]) -> Batch {
        let payload = Payload::pack(wires.iter().map(Vec::as_slice));
        Batch {
            header: BatchHeader {
                chain,
                lane: 0,
                position,
                parent: BatchDigest::default(),
                transactions_root: MerkleRoot::default(),
                count: count(wires.len()),
                bytes: count(payload.as_bytes().len()),
            },
            signature: Signature([0; 64]),
            payload,
        }
    }

    /// A ledger of one validator with this workload.
    fn genesis(carbon: &Carbon, checkpoint_interval: u64) -> Genesis {
        let validator = Validator {
            key: bds_client::Signer::from_seed(&[1; 32]).public_key(),
            weight: 1,
        };
        Genesis {
            checkpoint_interval,
            validators: ValidatorSet {
                epoch: 0,
                validators: vec![validator],
            },
            ..carbon.genesis()
        }
    }

    /// One, two or eight threads, whichever backend, and a block's transactions in one batch or in many: the same receipts and roots.
    /// Blocks are large enough for hashing to be shared between threads.
    #[test]
    fn threads_and_batches_change_no_result() {
        let carbon = Carbon::new(Config {
            keys: 40,
            clients: 1,
            day: NOW,
            ..Config::default()
        });
        let genesis = genesis(&carbon, 4);
        let chain = genesis.chain_id();
        let mut stream = carbon.stream(chain, 0);
        let blocks: Vec<Vec<Vec<u8>>> = (0..12).map(|_| stream.next_batch(1_500)).collect();
        let run = |backend: &str, threads: usize, batch_size: usize| {
            let engine = Arc::new(Engine::new(backend, threads).unwrap());
            let mut execution = Execution::from_genesis(&genesis, engine).unwrap();
            let results = (1..).zip(&blocks).map(|(height, wires)| {
                let batches: Vec<Batch> = (0..)
                    .zip(wires.chunks(batch_size))
                    .map(|(place, wires)| batch(chain, height * 1_000 + place, wires))
                    .collect();
                let done = execution.apply(height, Millis(NOW.0 + height), &batches);
                let header = done.header;
                // The beacon is the digest before, which batches are a part of; so is `previous`.
                (
                    header.receipts_root,
                    header.changes_root,
                    header.checkpoint,
                    header.state_root,
                    header.tx_count,
                )
            });
            results.collect::<Vec<_>>()
        };
        let one = run("portable", 1, usize::MAX);
        assert!(one.iter().all(|(.., count)| *count == 1_500), "{one:?}");
        assert!(one[11].2 >= 8, "checkpoints are named: {one:?}");
        for (backend, threads, batch_size) in [
            ("portable", 2, usize::MAX),
            ("portable", 8, 700),
            ("auto", 1, 64),
            ("auto", 8, 1),
        ] {
            let other = run(backend, threads, batch_size);
            assert_eq!(
                one, other,
                "{backend}, {threads} threads, batches of {batch_size}"
            );
        }
    }

    /// Whatever height a snapshot is of, before, at, or between a checkpoint and the header that first names it: who goes on
    /// from it gives the same headers as who never stopped.
    #[test]
    fn a_restart_at_any_height_gives_the_same_headers() {
        let carbon = Carbon::new(Config {
            keys: 8,
            clients: 1,
            day: NOW,
            ..Config::default()
        });
        for interval in [1, 3, 8] {
            let genesis = genesis(&carbon, interval);
            let engine = Arc::new(Engine::new("portable", 1).unwrap());
            let mut stream = carbon.stream(genesis.chain_id(), 0);
            let slots: Vec<Vec<Batch>> = (1..=BLOCKS)
                .map(|height| vec![batch(genesis.chain_id(), height, &stream.next_batch(30))])
                .collect();
            let apply = |execution: &mut Execution, height: Height| {
                let batches = &slots[height as usize - 1];
                execution.apply(height, Millis(NOW.0 + height), batches)
            };
            let mut steady = Execution::from_genesis(&genesis, Arc::clone(&engine)).unwrap();
            let (mut headers, mut snapshots) = (Vec::new(), Vec::new());
            for height in 1..=BLOCKS {
                let done = apply(&mut steady, height);
                assert!(done.dropped.is_empty());
                headers.push(done.header);
                snapshots.push(steady.snapshot());
            }
            let named = headers.iter().map(|header| header.checkpoint);
            let named: std::collections::BTreeSet<Height> = named.collect();
            assert!(named.len() as u64 >= BLOCKS / interval, "{named:?}");
            // The secret goes into headers and snapshots too.
            let ledger = steady.ledger();
            let entries = ledger.read().unwrap().stores().entries();
            assert!(entries.len() > entries.open(), "no entry is closed");
            for snapshot in snapshots {
                let from = snapshot.header.height;
                let mut again =
                    Execution::restore(&genesis, Arc::clone(&engine), &snapshot).unwrap();
                for height in from + 1..=BLOCKS.min(from + 2 * interval + 1) {
                    let done = apply(&mut again, height);
                    assert_eq!(done.header, headers[height as usize - 1], "from {from}");
                }
            }
        }
    }
}
