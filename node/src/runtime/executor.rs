//! The thread that executes final slots in order and tells everyone who waits for the results.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bds_contracts::block::{CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::genesis::Mode;
use bds_contracts::kernel::receipt::Receipts;
use bds_contracts::receipt::Code;
use bds_contracts::tx::{Millis, PublicKey};
use bds_core::batch::Batch;
use bds_core::order::SlotBatches;
use bds_core::turn::Input;
use crossbeam::channel::{Receiver, Sender, bounded};
use tokio::sync::broadcast;
use tracing::{error, info, warn};

use super::tracker::{Moved, Tracker};
use crate::api::service::BlockDone;
use crate::execution::{Execution, Outcome as TxOutcome, opaque_id};
use crate::metrics::{Metrics, Outcome};
use crate::store::index::Index;
use crate::store::snapshots::{Snapshot, Snapshots};

/// What the executor is asked to do, in order.
pub enum Work {
    /// Execute this slot.
    Execute {
        /// The next height.
        height: Height,
        /// Block time.
        time: Millis,
        /// What the slot orders.
        batches: SlotBatches,
    },
    /// The result of this block, and of all before, is certified.
    Certified(Box<CertifiedHeader>),
    /// Write a last snapshot and end.
    Stop,
}

/// A block that is executed and waits for its certificate.
struct Waiting {
    height: Height,
    receipts: Arc<Receipts>,
    /// Those of its transactions that were submitted here.
    moved: Moved,
}

/// Numbers others may read at any time.
#[derive(Debug, Default)]
pub struct Progress {
    /// Last executed block.
    pub executed: AtomicU64,
    /// Transactions executed since genesis.
    pub transactions: AtomicU64,
    /// Last certified block that is executed here too.
    pub certified: AtomicU64,
}

/// The executor thread's belongings.
pub struct Executor {
    /// The state machine.
    pub execution: Execution,
    /// As genesis says.
    pub mode: Mode,
    /// Own lane.
    pub me: ValidatorIndex,
    /// Outcomes and waiters.
    pub tracker: Arc<Tracker>,
    /// Receipts for later.
    pub index: Arc<Index>,
    /// Snapshots for restart.
    pub snapshots: Snapshots,
    /// One is written every so many blocks.
    pub snapshot_blocks: u64,
    /// Told when one was.
    pub saved: Sender<()>,
    /// To the core.
    pub answers: Sender<Input>,
    /// To event streams.
    pub blocks: broadcast::Sender<Arc<BlockDone>>,
    /// To status and metrics.
    pub progress: Arc<Progress>,
    /// Counts outcomes.
    pub metrics: Arc<Metrics>,
    /// Blocks up to this one were certified before the start; those that are executed again are certified once they are.
    pub certified_before: Height,
    /// To admission: senders of transactions submitted here that left no trace.
    pub lost: Sender<PublicKey>,
}

impl Executor {
    /// Serves until told to stop or the core is gone.
    pub fn run(mut self, work: &Receiver<Work>) {
        // One waits while another is being written.
        let (writer, written) = bounded(1);
        let behind = SnapshotWriter {
            index: Arc::clone(&self.index),
            snapshots: self.snapshots.clone(),
            saved: self.saved.clone(),
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("bds-snapshot".to_owned());
            let started = thread.spawn_scoped(scope, move || behind.run(&written));
            if let Err(problem) = started {
                error!(%problem, "no thread for snapshots: none is written");
            }
            self.work_off(work, &writer);
            drop(writer);
        });
    }

    fn work_off(&mut self, work: &Receiver<Work>, writer: &Sender<Snapshot>) {
        let mut waiting = VecDeque::new();
        while let Ok(next) = work.recv() {
            match next {
                Work::Execute {
                    height,
                    time,
                    batches,
                } => {
                    waiting.push_back(self.execute(height, time, batches));
                    if height.is_multiple_of(self.snapshot_blocks) {
                        self.snapshot(writer);
                    }
                }
                Work::Certified(block) => self.certified(*block, &mut waiting),
                Work::Stop => break,
            }
        }
        // The writer ends after this thread.
        let _ = writer.send(self.execution.snapshot());
    }

    fn execute(&mut self, height: Height, time: Millis, batches: SlotBatches) -> Waiting {
        let batches = batches.after(&self.execution.place().header.digest());
        let done = self.execution.apply(height, time, &batches);
        let failed = done.transactions.iter().filter(|tx| !tx.code.is_ok());
        let failed = failed.count() as u64;
        let succeeded = u64::from(done.header.tx_count) - failed;
        let dropped = u64::from(done.header.dropped_count);
        self.metrics.transactions(Outcome::Failed, failed);
        self.metrics.transactions(Outcome::Succeeded, succeeded);
        self.metrics.transactions(Outcome::Dropped, dropped);
        let receipts = Arc::new(done.receipts);
        let executed = Arc::new(done.transactions);
        let dropped = Arc::new(done.dropped);
        let recorded = self.index.record_block(
            height,
            Arc::clone(&receipts),
            Arc::clone(&executed),
            Arc::clone(&dropped),
        );
        if let Err(problem) = recorded {
            // Receipts can be derived again from the log: the node goes on, but cannot answer for this block.
            error!(height, %problem, "receipts not indexed");
        }
        self.progress.executed.store(height, Ordering::Release);
        self.progress
            .transactions
            .store(self.execution.place().transactions, Ordering::Release);
        let moved = match self.mode {
            Mode::Verified => self.tracker.committed(height, &executed),
            Mode::Opaque => self.tracker.committed(height, &self.own_outcomes(&batches)),
        };
        let waiting = Waiting {
            height,
            receipts,
            moved,
        };
        for dropped in dropped.iter() {
            if self.tracker.dropped(&dropped.id, dropped.code) {
                // Admission is gone only when the node stops.
                let _ = self.lost.send(dropped.sender);
            }
        }
        // The core decides whether the result is the quorum's; it is gone only when the node stops.
        let _ = self.answers.send(Input::Executed {
            header: done.header,
        });
        if height <= self.certified_before {
            self.progress.certified.store(height, Ordering::Release);
        }
        waiting
    }

    fn certified(&self, block: CertifiedHeader, waiting: &mut VecDeque<Waiting>) {
        let height = block.header.height;
        while let Some(first) = waiting.front()
            && first.height <= height
        {
            let done = waiting.pop_front().expect("front was there");
            let took = |latency| self.metrics.commit_latency(latency);
            self.tracker.applied(&done.moved, took);
            self.progress
                .certified
                .store(done.height, Ordering::Release);
            if done.height == height && self.blocks.receiver_count() > 0 {
                // Nobody listening is no error.
                let _ = self
                    .blocks
                    .send(Arc::new(BlockDone::new(block.clone(), done.receipts)));
            }
        }
    }

    /// Opaque mode leaves no receipts: the transactions that were submitted here, by their place among them.
    fn own_outcomes(&self, batches: &[Batch]) -> Vec<TxOutcome> {
        let own = batches.iter().filter(|b| b.header.lane == self.me);
        let wires = own.flat_map(|b| b.payload.transactions().unwrap_or_default());
        let outcomes = (0..).zip(wires).map(|(index, wire)| TxOutcome {
            id: opaque_id(wire),
            index,
            code: Code::OK,
        });
        outcomes.collect()
    }

    /// Takes the state; another thread writes it. While two are on their way, no third is taken.
    fn snapshot(&self, writer: &Sender<Snapshot>) {
        if writer.is_full() {
            warn!("snapshots are not written as fast as they are due: one is left out");
            return;
        }
        // The writer ends after this thread.
        let _ = writer.send(self.execution.snapshot());
    }
}

/// Writes snapshots beside execution.
struct SnapshotWriter {
    index: Arc<Index>,
    snapshots: Snapshots,
    saved: Sender<()>,
}

impl SnapshotWriter {
    fn run(self, snapshots: &Receiver<Snapshot>) {
        for snapshot in snapshots {
            self.write(&snapshot);
        }
    }

    fn write(&self, snapshot: &Snapshot) {
        // A start from this state executes only what comes after it, so what the index has before is durable first.
        if let Err(problem) = self.index.sync() {
            error!(%problem, "receipts are not durable");
        }
        let (height, bytes) = (snapshot.header.height, snapshot.state.len());
        match self
            .snapshots
            .save(&snapshot.header, &snapshot.lane_tips, &snapshot.state)
        {
            Ok(()) => {
                info!(height, bytes, "state snapshot written");
                // One that waits is about this one as well; nobody listens where everything is kept.
                let _ = self.saved.try_send(());
            }
            // The log alone is enough to restart; a missing snapshot only makes it slower.
            Err(problem) => error!(height, %problem, "state snapshot not written"),
        }
    }
}
