//! Where each transaction is and what became of it: derived from the ledger log, written behind, never waited for.
//!
//! `receipts` holds the receipts of every block, one behind the other; `places`, sorted, in which block and where in it each transaction is.
//! A place may be lost in a crash: it is read again from the receipts, which tell their own end. What receipts a crash takes is told by
//! [`Index::applied`]: blocks above must be recorded again. Removing the directory loses nothing but the time to execute the ledger again.

mod places;
mod receipts;
mod run;

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
use self::receipts::{ReceiptFiles, ReceiptWriter};
use super::error::StoreError;
use super::medium::Medium;
use crate::execution::Outcome;

/// Blocks that may wait to be written; recording waits when there are more.
pub const QUEUE_BLOCKS_MAX: usize = 256;

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
    queue: Option<Sender<Block>>,
    writer: Option<JoinHandle<()>>,
    /// Why the writer stopped.
    failure: Arc<Mutex<Option<String>>>,
    /// Last height put into the queue.
    recorded: AtomicU64,
}

/// A transaction's receipt, and those of its block.
pub struct Found {
    /// Of its block.
    pub height: Height,
    /// Its receipt's place among those of the block.
    pub index: u32,
    /// How it went.
    pub code: Code,
    /// The receipts of the block.
    pub receipts: Receipts,
}

/// What the writer gets.
struct Block {
    height: Height,
    receipts: Arc<Receipts>,
    transactions: Arc<Vec<Outcome>>,
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
    /// Opens the index in `dir`, creating an empty one if need be, and starts its writer.
    ///
    /// Cost: receipts of 64 MiB are read at most, whatever the age of the ledger, beside 8 bytes of 255 transactions.
    ///
    /// # Errors
    /// The system's. What is damaged at the end, or lacks what came before it, is cut off, so that it is recorded again.
    pub fn open(medium: Arc<dyn Medium>, dir: &Path) -> Result<Self, StoreError> {
        Self::with_sizes(medium, dir, SIZES)
    }

    pub(super) fn with_sizes(
        medium: Arc<dyn Medium>,
        dir: &Path,
        sizes: Sizes,
    ) -> Result<Self, StoreError> {
        let created = medium.create_dir(dir);
        created.map_err(|e| StoreError::io("creating", dir, e))?;
        let (receipts, file, applied) = ReceiptFiles::open(Arc::clone(&medium), dir, sizes)?;
        let places = Arc::new(Places::open(medium, dir, applied)?);
        for height in places.settled() + 1..=applied {
            let block = receipts.read(height)?;
            let block = block.ok_or_else(|| failed(format!("block {height} is missing")))?;
            let ids = block.views().zip(0..);
            places.add(height, ids.filter_map(|(view, at)| Some((view.tx()?, at))))?;
            if places.recent() >= sizes.recent_max {
                places.settle(height)?;
            }
        }
        let failure = Arc::new(Mutex::new(None));
        let (queue, blocks) = bounded(QUEUE_BLOCKS_MAX);
        let writer = std::thread::Builder::new()
            .name("bds-index".to_owned())
            .spawn({
                let (places, failure) = (Arc::clone(&places), Arc::clone(&failure));
                move || {
                    if let Err(e) = write_behind(file, &places, &blocks, sizes) {
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
            queue: Some(queue),
            writer: Some(writer),
            failure,
            recorded: AtomicU64::new(applied),
        })
    }

    /// Hands a block to the writer: its receipts, and which of them are those of transactions. Blocks come in order; one at or
    /// below the last recorded height is ignored.
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
        let block = Block {
            height,
            receipts,
            transactions,
        };
        let sent = self.queue.as_ref().is_some_and(|q| q.send(block).is_ok());
        if !sent {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(failed(failure.as_deref().unwrap_or("the writer is gone")));
        }
        self.recorded.store(height, Ordering::Release);
        Ok(())
    }

    /// Blocks on their way to the files.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }

    /// Every block up to this height was in the index when it was opened; 0 when none was. Blocks above must be recorded.
    #[must_use]
    pub fn applied(&self) -> Height {
        self.applied
    }

    /// All receipts of a block, in order; `None` when the block is not in the index (yet).
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn receipts(&self, height: Height) -> Result<Option<Receipts>, StoreError> {
        self.receipts.read(height)
    }

    /// The receipt of this transaction; `None` when it was not executed or is not in the index (yet).
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn find(&self, id: &TxId) -> Result<Option<Found>, StoreError> {
        self.places.find(id, |height, index| {
            let Some(receipts) = self.receipts.read(height)? else {
                return Ok(None);
            };
            let receipt = receipts.get(index).map(ReceiptView::parse);
            let receipt = receipt.transpose().map_err(failed)?;
            let code = receipt.and_then(|found| (found.tx() == Some(*id)).then_some(found.code));
            Ok(code.map(|code| Found {
                height,
                index,
                code,
                receipts,
            }))
        })
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
    blocks: &Receiver<Block>,
    sizes: Sizes,
) -> Result<(), StoreError> {
    for block in blocks {
        let height = block.height;
        let full = file.append(height, block.receipts.bytes())?;
        if full {
            // What is read when the index is opened is one file of receipts.
            places.settle(height - 1)?;
        }
        // Behind its receipt: a place that is found leads there. Receipts of triggers and phases are found by their block.
        let transactions = block.transactions.iter();
        places.add(
            height,
            transactions.map(|transaction| (transaction.id, transaction.index)),
        )?;
        if places.recent() >= sizes.recent_max {
            places.settle(height)?;
        }
    }
    Ok(())
}
