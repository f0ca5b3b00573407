//! Where each transaction is and what became of it: derived from the ledger log, written behind, never waited for.
//!
//! `receipts` holds the receipts of every block and what it dropped, one behind the other; `places`, sorted, in which block and where in it each transaction is.
//! A place may be lost in a crash: it is read again from the receipts, which tell their own end. What receipts a crash takes is told by
//! [`Index::applied`]: blocks above must be recorded again. Removing the directory loses nothing but the time to execute the ledger again.

mod places;
mod receipts;
mod run;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bds_contracts::block::Height;
use bds_contracts::kernel::receipt::{ReceiptView, Receipts};
use bds_contracts::receipt::Code;
use bds_contracts::tx::TxId;
use crossbeam::channel::{Receiver, Sender, bounded};

use self::places::Places;
pub use self::receipts::Block;
use self::receipts::{ReceiptFiles, ReceiptWriter};
use super::error::StoreError;
use super::medium::Medium;
use crate::execution::{Dropped, Outcome};

/// Blocks that may wait to be written; recording waits when there are more.
pub const QUEUE_BLOCKS_MAX: usize = 256;
/// Places from here on are those of dropped transactions, by their place among those of the block: a block has far fewer of both, since its
/// batches have some megabytes a lane.
const DROPPED: u32 = 1 << 23;
/// Blocks that were read lately and are kept in memory: so many, and so many bytes of them.
const RECENT_BLOCKS: usize = 8;
const RECENT_BYTES: usize = 32 << 20;

/// When a file is begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// A file of receipts is full when the next record would pass this length,
    pub(super) file_bytes: u64,
    /// or when it has so many blocks: it is read when the index is opened.
    pub(super) file_blocks: usize,
    /// So many places are in memory before they become a file.
    pub(super) recent_max: usize,
}

const SIZES: Sizes = Sizes {
    file_bytes: 64 << 20,
    file_blocks: 1 << 18,
    // 4 MiB.
    recent_max: 1 << 18,
};

/// See the file's first line. Reads see a block some milliseconds after it was recorded.
pub struct Index {
    receipts: Arc<ReceiptFiles>,
    places: Arc<Places>,
    applied: Height,
    recent: Mutex<Recent>,
    queue: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    /// Why the writer stopped.
    failure: Arc<Mutex<Option<String>>>,
    /// Last height put into the queue.
    recorded: AtomicU64,
}

/// What became of a transaction.
pub enum Found {
    /// Executed.
    Executed {
        /// The block.
        block: Arc<Block>,
        /// Its receipt's place among those of the block.
        index: u32,
        /// How it went.
        code: Code,
    },
    /// In no block, and left no trace in the last one in which it was ordered.
    Dropped(Code),
}

/// What the writer gets.
enum Job {
    Block(Recorded),
    /// Answer when all before is durable.
    Sync(Sender<()>),
    /// Blocks up to this one are not kept any more.
    Forget(Height),
}

struct Recorded {
    height: Height,
    receipts: Arc<Receipts>,
    transactions: Arc<Vec<Outcome>>,
    dropped: Arc<Vec<Dropped>>,
}

/// Blocks read lately: who asks for one receipt often asks for its neighbours, and a page of events for the next.
#[derive(Default)]
struct Recent {
    /// The last one was asked for last.
    blocks: VecDeque<Arc<Block>>,
    bytes: usize,
}

fn failed(e: impl std::fmt::Display) -> StoreError {
    StoreError::Index(e.to_string())
}

fn damaged(path: &Path, offset: u64) -> StoreError {
    failed(format_args!(
        "{} is damaged at byte {offset}",
        path.display()
    ))
}

impl Index {
    /// Opens the index in `dir`, creating an empty one if need be, and starts its writer. Blocks up to `base` need not be there: the ledger
    /// log does not hold them.
    ///
    /// Cost: receipts of 64 MiB are read at most, whatever the age of the ledger, beside 8 bytes of 255 transactions.
    ///
    /// # Errors
    /// The system's. What is damaged at the end, or lacks what came before it, is cut off, so that it is recorded again.
    pub fn open(medium: Arc<dyn Medium>, dir: &Path, base: Height) -> Result<Self, StoreError> {
        Self::with_sizes(medium, dir, base, SIZES)
    }

    /// Opens an empty index in `dir`, whatever is there, for the blocks above `base`.
    ///
    /// # Errors
    /// The system's.
    pub fn begin(medium: Arc<dyn Medium>, dir: &Path, base: Height) -> Result<Self, StoreError> {
        let files = medium.list(dir);
        for path in files.map_err(|e| StoreError::io("listing", dir, e))? {
            let removed = medium.remove(&path);
            removed.map_err(|e| StoreError::io("removing", &path, e))?;
        }
        Self::open(medium, dir, base)
    }

    pub(super) fn with_sizes(
        medium: Arc<dyn Medium>,
        dir: &Path,
        base: Height,
        sizes: Sizes,
    ) -> Result<Self, StoreError> {
        let created = medium.create_dir(dir);
        created.map_err(|e| StoreError::io("creating", dir, e))?;
        let (receipts, file, applied) = ReceiptFiles::open(Arc::clone(&medium), dir, base, sizes)?;
        let places = Places::open(medium, dir, receipts.first() - 1, applied)?;
        let places = Arc::new(places);
        for height in places.settled() + 1..=applied {
            let block = receipts.read(height)?;
            let block = block.ok_or_else(|| failed(format!("block {height} is missing")))?;
            let views = block.receipts.views().zip(0..);
            let executed = views.filter_map(|(view, at)| Some((view.tx()?, at)));
            let dropped = block.dropped.iter().map(|(id, _)| *id).zip(DROPPED..);
            places.add(height, executed.chain(dropped))?;
            if places.recent() >= sizes.recent_max {
                places.settle(height)?;
            }
        }
        let failure = Arc::new(Mutex::new(None));
        let (queue, jobs) = bounded(QUEUE_BLOCKS_MAX);
        let writer = std::thread::Builder::new()
            .name("bds-index".to_owned())
            .spawn({
                let (places, failure) = (Arc::clone(&places), Arc::clone(&failure));
                let receipts = Arc::clone(&receipts);
                move || {
                    if let Err(e) = write_behind(file, &places, &receipts, &jobs, sizes) {
                        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        *failure = Some(e.to_string());
                    }
                }
            })
            .map_err(failed)?;
        Ok(Self {
            receipts,
            places,
            applied,
            recent: Mutex::default(),
            queue: Some(queue),
            writer: Some(writer),
            failure,
            recorded: AtomicU64::new(applied),
        })
    }

    /// Hands a block to the writer: its receipts, which of them are those of transactions, and what was dropped. Blocks come in order; one
    /// at or below the last recorded height is ignored.
    ///
    /// Waits when [`QUEUE_BLOCKS_MAX`] blocks are on their way.
    ///
    /// # Errors
    /// [`StoreError::Index`] when a block was left out, or when the writer has failed.
    pub fn record_block(
        &self,
        height: Height,
        receipts: Arc<Receipts>,
        transactions: Arc<Vec<Outcome>>,
        dropped: Arc<Vec<Dropped>>,
    ) -> Result<(), StoreError> {
        let last = self.recorded.load(Ordering::Acquire);
        if height <= last {
            return Ok(());
        }
        if height != last + 1 {
            return Err(failed(format!(
                "block {height} recorded after block {last}"
            )));
        }
        let block = Recorded {
            height,
            receipts,
            transactions,
            dropped,
        };
        self.ask(Job::Block(block))?;
        self.recorded.store(height, Ordering::Release);
        Ok(())
    }

    /// Returns when everything recorded is durable: a state of that block may be kept, and nothing before it is executed again.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the writer has failed.
    pub fn sync(&self) -> Result<(), StoreError> {
        let (done, wait) = bounded(1);
        self.ask(Job::Sync(done))?;
        wait.recv().map_err(|_| self.stopped())
    }

    /// Removes what is kept of blocks up to this one, in whole files, behind what was recorded.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the writer has failed.
    pub fn forget_up_to(&self, height: Height) -> Result<(), StoreError> {
        self.ask(Job::Forget(height))
    }

    fn ask(&self, job: Job) -> Result<(), StoreError> {
        match self.queue.as_ref().is_some_and(|q| q.send(job).is_ok()) {
            true => Ok(()),
            false => Err(self.stopped()),
        }
    }

    fn stopped(&self) -> StoreError {
        let failure = self.failure();
        failed(failure.as_deref().unwrap_or("the writer is gone"))
    }

    /// Why no more blocks are written, if so: what was written can be read, and nothing after it.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    /// Blocks on their way to the files.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }

    /// Every block up to this height, from the first on, was in the index when it was opened; what came before its base when none was. Blocks
    /// above must be recorded.
    #[must_use]
    pub fn applied(&self) -> Height {
        self.applied
    }

    /// The first block that can be read, once there is one.
    #[must_use]
    pub fn first(&self) -> Height {
        self.receipts.first()
    }

    /// The last block that can be read.
    #[must_use]
    pub fn written(&self) -> Height {
        self.receipts.last()
    }

    /// What is kept of a block; `None` when it is not in the index (yet).
    ///
    /// # Errors
    /// [`StoreError::Index`], the system's.
    pub fn block(&self, height: Height) -> Result<Option<Arc<Block>>, StoreError> {
        let lock = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = lock().get(height) {
            return Ok(Some(block));
        }
        // Read without the lock: two may read one block at once, and both are right.
        let Some(block) = self.receipts.read(height)?.map(Arc::new) else {
            return Ok(None);
        };
        lock().put(Arc::clone(&block));
        Ok(Some(block))
    }

    /// What became of this transaction; `None` when it was not ordered or is not in the index (yet). Of one that was ordered several times
    /// the execution counts.
    ///
    /// # Errors
    /// [`StoreError::Index`], the system's.
    pub fn find(&self, id: &TxId) -> Result<Option<Found>, StoreError> {
        let mut dropped = None;
        let executed = self.places.find(id, |height, index| {
            let Some(block) = self.block(height)? else {
                return Ok(None);
            };
            if let Some(at) = index.checked_sub(DROPPED) {
                let found = block.dropped.get(at as usize);
                let found = found.filter(|(found, _)| found == id);
                dropped = dropped.or(found.map(|(_, code)| *code));
                return Ok(None);
            }
            let receipt = block.receipts.get(index).map(ReceiptView::parse);
            let receipt = receipt.transpose().map_err(failed)?;
            let receipt = receipt.filter(|receipt| receipt.tx() == Some(*id));
            Ok(receipt
                .map(|receipt| receipt.code)
                .map(|code| Found::Executed { block, index, code }))
        })?;
        Ok(executed.or(dropped.map(Found::Dropped)))
    }
}

impl Recent {
    fn get(&mut self, height: Height) -> Option<Arc<Block>> {
        let at = self
            .blocks
            .iter()
            .position(|block| block.height == height)?;
        let block = self.blocks.remove(at)?;
        self.blocks.push_back(Arc::clone(&block));
        Some(block)
    }

    fn put(&mut self, block: Arc<Block>) {
        if self.get(block.height).is_some() {
            return;
        }
        self.bytes += block.bytes();
        self.blocks.push_back(block);
        while self.blocks.len() > RECENT_BLOCKS || self.bytes > RECENT_BYTES {
            let Some(old) = self.blocks.pop_front() else {
                return;
            };
            self.bytes -= old.bytes();
        }
    }
}

impl Drop for Index {
    /// Waits until everything recorded is in the files.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been printed; the index is derived.
            let _ = writer.join();
        }
    }
}

/// The writer's loop.
fn write_behind(
    mut file: ReceiptWriter,
    places: &Places,
    receipts: &ReceiptFiles,
    jobs: &Receiver<Job>,
    sizes: Sizes,
) -> Result<(), StoreError> {
    for job in jobs {
        let block = match job {
            Job::Block(block) => block,
            Job::Sync(done) => {
                file.sync()?;
                // Whoever asked may be gone.
                let _ = done.send(());
                continue;
            }
            Job::Forget(height) => {
                receipts.forget_up_to(height)?;
                places.forget_up_to(height)?;
                continue;
            }
        };
        let height = block.height;
        let full = file.append(height, &block.dropped, block.receipts.bytes())?;
        if full {
            // What is read when the index is opened is one file of receipts.
            places.settle(height - 1)?;
        }
        // Behind the block: a place that is found leads there. Receipts of triggers and phases are found by their block.
        let executed = block.transactions.iter().map(|one| (one.id, one.index));
        let dropped = block.dropped.iter().map(|one| one.id).zip(DROPPED..);
        places.add(height, executed.chain(dropped))?;
        if places.recent() >= sizes.recent_max {
            places.settle(height)?;
        }
    }
    Ok(())
}
