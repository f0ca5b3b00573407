//! Where each transaction is and what became of it: derived from the ledger log, written behind, never waited for.
//!
//! Three tables: transaction (first 16 bytes of its id) to height and index; height to the block's receipts; and the
//! last height up to which both are complete, written after them. Nothing is waited for: after a crash `applied` says
//! from which height on blocks must be recorded again, and recording one twice changes nothing. Removing the
//! directory loses nothing but the time to execute the ledger again.

mod places;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bds_contracts::block::Height;
use bds_contracts::kernel::receipt::{ReceiptView, Receipts};
use bds_contracts::receipt::Code;
use bds_contracts::tx::TxId;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use fjall::compaction::Leveled;
use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions};

use self::places::{Places, RECENT_MAX};
use super::error::StoreError;
use crate::execution::Outcome;

/// Blocks that may wait to be written; recording waits when there are more.
pub const QUEUE_BLOCKS_MAX: usize = 256;
/// Receipts in one write at most (more only for a larger block).
const WRITE_RECEIPTS_MAX: usize = 16_384;
/// The tables say how far they are complete at least this often while blocks come: bounds what a restart repeats.
const SETTLE_INTERVAL: Duration = Duration::from_secs(4);
/// Files of places that may lie side by side before they are merged: a look-up asks each one's filter, and merging
/// fewer at a time writes every place again more often.
const PLACE_FILES_MAX: u8 = 12;
/// Memory of a table before it is written out.
const MEMTABLE_BYTES: u64 = 16 << 20;
const CACHE_BYTES: u64 = 16 << 20;
const APPLIED: &[u8] = b"applied";

/// See the file's first line. Reads see a block some milliseconds after it was recorded.
pub struct Index {
    tables: Arc<Tables>,
    applied: Arc<AtomicU64>,
    queue: Option<Sender<Block>>,
    writer: Option<JoinHandle<()>>,
    /// Why the writer stopped.
    failure: Arc<Mutex<Option<String>>>,
    /// Last height put into the queue.
    recorded: AtomicU64,
}

/// What the writer gets.
struct Block {
    height: Height,
    receipts: Arc<Receipts>,
    transactions: Arc<Vec<Outcome>>,
}

struct Tables {
    /// Holds the tables' files open.
    _database: Database,
    transactions: Places,
    receipts: Keyspace,
    progress: Keyspace,
}

fn failed(e: impl std::fmt::Display) -> StoreError {
    StoreError::Index(e.to_string())
}

impl Index {
    /// Opens the index in `dir`, creating an empty one if need be, and starts its writer.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let database = Database::builder(dir)
            .worker_threads(1)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(128 << 20)
            .journal_compression(CompressionType::None)
            .manual_journal_persist(true)
            .open()
            .map_err(failed)?;
        let small = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                // Hashes do not compress: trying cost a tenth of the index's time.
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        };
        let tables = Arc::new(Tables {
            transactions: Places::new(
                database
                    .keyspace("transactions", || {
                        let merging = Leveled::default().with_l0_threshold(PLACE_FILES_MAX);
                        small().compaction_strategy(Arc::new(merging))
                    })
                    .map_err(failed)?,
            ),
            receipts: database
                .keyspace("receipts", || {
                    // Written once and never changed: kept out of compaction.
                    small().with_kv_separation(Some(
                        KvSeparationOptions::default().compression(CompressionType::None),
                    ))
                })
                .map_err(failed)?,
            progress: database.keyspace("progress", small).map_err(failed)?,
            _database: database,
        });
        let at = match tables.progress.get(APPLIED).map_err(failed)? {
            Some(bytes) => Height::from_be_bytes(
                (*bytes)
                    .try_into()
                    .map_err(|_| failed("the applied height is not 8 bytes"))?,
            ),
            None => 0,
        };
        let applied = Arc::new(AtomicU64::new(at));
        let failure = Arc::new(Mutex::new(None));
        let (queue, blocks) = bounded(QUEUE_BLOCKS_MAX);
        let writer = std::thread::Builder::new()
            .name("bds-index".to_owned())
            .spawn({
                let (tables, applied, failure) = (tables.clone(), applied.clone(), failure.clone());
                move || write_behind(&tables, &blocks, &applied, &failure)
            })
            .map_err(failed)?;
        Ok(Self {
            tables,
            applied,
            queue: Some(queue),
            writer: Some(writer),
            failure,
            recorded: AtomicU64::new(at),
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

    /// Blocks on their way to the tables.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }

    /// Every block up to this height is in the tables; 0 when none is. Blocks above must be recorded.
    #[must_use]
    pub fn applied(&self) -> Height {
        self.applied.load(Ordering::Acquire)
    }

    /// Height and index of the receipt of this transaction, as far as 16 bytes of its id tell: the receipt found
    /// there carries the full id, and the caller compares it.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn receipt_place(&self, id: &TxId) -> Result<Option<(Height, u32)>, StoreError> {
        self.tables.transactions.get(&id.0).map_err(failed)
    }

    /// All receipts of a block, in order; `None` when the block is not in the tables (yet).
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn receipts(&self, height: Height) -> Result<Option<Receipts>, StoreError> {
        self.tables
            .receipts
            .get(height.to_be_bytes())
            .map_err(failed)?
            .map(|bytes| Receipts::parse(bytes.to_vec()).map_err(failed))
            .transpose()
    }

    /// Where the transaction was executed, and with which code.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn outcome(&self, id: &TxId) -> Result<Option<(Height, u32, Code)>, StoreError> {
        let Some((height, index)) = self.receipt_place(id)? else {
            return Ok(None);
        };
        let receipts = self.receipts(height)?.unwrap_or_default();
        let receipt = receipts.get(index).map(ReceiptView::parse);
        let receipt = receipt.transpose().map_err(failed)?;
        let found = receipt.filter(|receipt| receipt.tx() == Some(*id));
        Ok(found.map(|receipt| (height, index, receipt.code)))
    }
}

impl Drop for Index {
    /// Waits until everything recorded is in the tables.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been printed; the tables are derived.
            let _ = writer.join();
        }
    }
}

/// The writer's loop: takes what waits, up to a bound, and writes it at once.
fn write_behind(
    tables: &Tables,
    blocks: &Receiver<Block>,
    applied: &AtomicU64,
    failure: &Mutex<Option<String>>,
) {
    // Last block written and when the first one was that is not settled.
    let mut unsettled: Option<(Height, Instant)> = None;
    let settle = |unsettled: &mut Option<(Height, Instant)>| -> fjall::Result<()> {
        if let Some((height, _)) = unsettled.take() {
            tables.transactions.settle()?;
            tables.progress.insert(APPLIED, height.to_be_bytes())?;
            applied.store(height, Ordering::Release);
        }
        Ok(())
    };
    let mut serve = || -> fjall::Result<()> {
        loop {
            let due = unsettled.map(|(_, since)| since + SETTLE_INTERVAL);
            let next = match due {
                Some(due) => blocks.recv_deadline(due),
                None => blocks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(first) => {
                    let height = write(tables, first, blocks)?;
                    let since = unsettled.map_or_else(Instant::now, |(_, since)| since);
                    unsettled = Some((height, since));
                    if tables.transactions.recent() >= RECENT_MAX
                        || since.elapsed() >= SETTLE_INTERVAL
                    {
                        settle(&mut unsettled)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => settle(&mut unsettled)?,
                Err(RecvTimeoutError::Disconnected) => return settle(&mut unsettled),
            }
        }
    };
    if let Err(e) = serve() {
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.to_string());
    }
}

/// Writes this block and those that wait behind it; the height of the last.
fn write(tables: &Tables, first: Block, waiting: &Receiver<Block>) -> fjall::Result<Height> {
    let mut blocks = vec![first];
    let mut count = blocks[0].receipts.len();
    while count < WRITE_RECEIPTS_MAX
        && let Ok(block) = waiting.try_recv()
    {
        count += block.receipts.len();
        blocks.push(block);
    }
    // Receipts before places: a place that is found leads to its receipt.
    let mut last = 0;
    for block in &blocks {
        last = block.height;
        tables
            .receipts
            .insert(block.height.to_be_bytes(), block.receipts.bytes())?;
    }
    // Receipts of triggers and phases are found by their block.
    let placed = blocks.iter().flat_map(|block| {
        let height = block.height;
        let transactions = block.transactions.iter();
        transactions.map(move |transaction| (transaction.id, height, transaction.index))
    });
    tables.transactions.add(placed);
    Ok(last)
}
