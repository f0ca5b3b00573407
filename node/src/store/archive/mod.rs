//! Whether a whole ledger log is what a quorum agreed on: every byte, root, signature and link of it.
//!
//! One thread walks the mapped segments, checks every record's checksum and chain value and cuts batches into
//! transactions (`stream`); this one hands groups of thousands of signatures to the engine, which uses all cores
//! (`checks`); a bounded queue lies between them. When the stream has ended, the slots are put in order and every
//! header's payload root and links are compared (`chain`), and with a [`Replay`] every block is executed again.

mod chain;
mod checks;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bds_contracts::block::{BlockDigest, BlockHeader, Height};
use bds_contracts::genesis::{Genesis, Mode};
use bds_contracts::tx::Millis;
use bds_core::batch::Batch;
use bds_core::lanes::LaneTip;
use bds_engine::{Backend, Verdicts};

use super::error::StoreError;
use super::format::{SegmentHeader, Walk};
use super::home::MetaFiles;
use super::log::SEGMENT_SUFFIX;
use super::map::Map;
use super::medium::{Medium as _, RealMedium, files_with_suffix};
use super::reader::KIND_CERTIFIED;

/// Groups between the reading thread and the engine.
const GROUPS_MAX: usize = 3;
/// Transactions kept for measuring the engine alone.
const ENGINE_RATE_TRANSACTIONS_MAX: usize = 1 << 20;

/// The first thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Which file.
    pub file: PathBuf,
    /// First byte of the record.
    pub offset: u64,
    /// Sequence number of the record in the log.
    pub record: u64,
    /// Block, where the record is of one.
    pub height: Option<Height>,
    /// What is wrong.
    pub what: String,
}

/// Why an archive was not found good.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It says something wrong.
    #[error("{} byte {}, record {}: {}", .0.file.display(), .0.offset, .0.record, .0.what)]
    Fault(Box<Fault>),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine refused.
    #[error("engine: {0}")]
    Engine(#[from] bds_engine::EngineError),
}

impl From<Fault> for ArchiveError {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

/// What was gone through.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Files.
    pub segments: u64,
    /// Records of all kinds.
    pub records: u64,
    /// Lane batches.
    pub batches: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Committed slots.
    pub slots: u64,
    /// Certified headers.
    pub headers: u64,
    /// Blocks executed again.
    pub replayed: u64,
    /// Signatures of clients and validators that were verified.
    pub signatures: u64,
    /// Bytes of the log.
    pub bytes: u64,
}

/// The result for a good archive.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was gone through.
    pub totals: Totals,
    /// Last committed slot.
    pub committed: Height,
    /// Newest certified block and its digest.
    pub head: Option<(Height, BlockDigest)>,
    /// From the first byte to the last check, without replay.
    pub elapsed: Duration,
    /// Of it, verifying in the engine.
    pub replay_elapsed: Duration,
    /// Signatures a second of the engine alone, when that was asked for: the same signatures and transaction roots in the
    /// same groups, already parsed and in memory.
    pub engine_rate: Option<f64>,
}

/// Executes blocks again; given by whoever knows the contracts' shell.
pub trait Replay {
    /// The header that results from this slot, chained to the one before. `batches` are in order of execution.
    fn apply(&mut self, height: Height, time: Millis, batches: &[Batch]) -> BlockHeader;

    /// Header of the last block; of genesis before the first.
    fn head(&self) -> &BlockHeader;
}

/// Where the check of order and links begins, in a log that does not hold the first blocks.
#[derive(Debug, Clone)]
pub struct Start {
    /// Header of the block.
    pub header: BlockHeader,
    /// Last executed batch of every lane after it, by lane.
    pub tips: Vec<LaneTip>,
}

/// What to do beside the checks that are always done.
#[derive(Default)]
pub struct VerifyOptions<'a> {
    /// A block whose state there is, for a log that does not begin with the first one. What `replay` begins with, too.
    pub start: Option<Start>,
    /// Execute every block again and compare headers.
    pub replay: Option<Box<dyn Replay + 'a>>,
    /// Measure the engine alone over the same signatures afterwards.
    pub engine_rate: bool,
}

/// The segments of the ledger log below `dir`, which is a home or the log's own directory. Those in the archive of a home come first.
///
/// # Errors
/// The system's.
pub fn ledger_segments(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let list = |dir: &Path| {
        files_with_suffix(&RealMedium, dir, SEGMENT_SUFFIX)
            .map_err(|e| StoreError::io("listing", dir, e))
    };
    let inner = dir.join(super::LEDGER_DIR);
    if !inner.is_dir() {
        return list(dir);
    }
    let mut segments = list(&dir.join(super::ARCHIVE_DIR))?;
    segments.extend(list(&inner)?);
    Ok(segments)
}

/// Sequence and kind of the first record in the first of these segments; `None` for none, or where that cannot be read.
fn first_record(segments: &[PathBuf]) -> Result<Option<(u64, u8)>, StoreError> {
    let Some(path) = segments.first() else {
        return Ok(None);
    };
    let bytes = RealMedium.view(path, None);
    let bytes = bytes.map_err(|e| StoreError::io("mapping", path, e))?;
    let Some(header) = SegmentHeader::parse(&bytes) else {
        return Ok(None);
    };
    let first = Walk::new(&bytes, &header).next().ok().flatten();
    Ok(first.map(|record| (record.sequence, record.kind)))
}

/// Whether these segments begin behind a block that they do not hold: older ones are elsewhere, or the state of that block was taken from
/// others, which the log then begins with the header of.
///
/// # Errors
/// The system's.
pub fn begin_later(segments: &[PathBuf]) -> Result<bool, StoreError> {
    let first = first_record(segments)?;
    Ok(first.is_some_and(|(sequence, kind)| sequence > 0 || kind == KIND_CERTIFIED))
}

fn map_all(paths: &[PathBuf]) -> Result<Vec<Map>, StoreError> {
    let map = |path: &PathBuf| {
        let map = std::fs::metadata(path)
            .and_then(|meta| Map::open(path, meta.len()))
            .map_err(|e| StoreError::io("mapping", path, e))?;
        map.advise_sequential();
        Ok(map)
    };
    paths.iter().map(map).collect()
}

/// Checks everything that can be checked in the ledger log below `dir` against its genesis document.
///
/// `progress` is told the totals after each group of some thousand signatures.
///
/// # Errors
/// [`ArchiveError::Fault`] with the first fault; others when it cannot be read or the engine fails.
///
/// # Panics
/// Never on what the files hold.
pub fn verify(
    dir: &Path,
    genesis: &Genesis,
    backend: &dyn Backend,
    options: VerifyOptions<'_>,
    progress: &mut dyn FnMut(&Totals),
) -> Result<Report, ArchiveError> {
    let started = Instant::now();
    let paths = ledger_segments(dir)?;
    let maps = map_all(&paths)?;
    // Without metadata (a log copied alone) a lost end cannot be told.
    let durable_records = match MetaFiles::open(Arc::new(RealMedium), dir) {
        Ok((_, Some(meta))) => meta.ledger_records,
        Ok((_, None)) => 0,
        Err(e) => return Err(e.into()),
    };
    // Whoever gives a start knows that the beginning is not here.
    let first_record = match (&options.start, first_record(&paths)?) {
        (Some(_), Some((sequence, _))) => sequence,
        _ => 0,
    };
    let source = stream::Source {
        paths: &paths,
        maps: &maps,
        chain: genesis.chain_id(),
        mode: genesis.mode,
        first_record,
        durable_records,
    };
    let mut totals = Totals {
        segments: paths.len() as u64,
        ..Totals::default()
    };
    let mut chain = chain::Chain::new(genesis, options.start);
    let mut kept: Vec<Vec<Transactions<'_>>> = Vec::new();
    let mut kept_count = 0;
    let outcome = std::thread::scope(|scope| -> Result<(), ArchiveError> {
        let (groups_out, groups) = crossbeam::channel::bounded(GROUPS_MAX);
        let source = &source;
        scope.spawn(move || source.run(&groups_out));
        for group in &groups {
            let mut group = group?;
            let checked = checks::check(backend, genesis, &source.names(), &mut group)?;
            let counts = group.batches.iter().map(|b| b.transactions.len());
            let transactions: usize = counts.sum();
            totals.records += group.records;
            totals.bytes += group.bytes;
            totals.batches += group.batches.len() as u64;
            totals.transactions += transactions as u64;
            totals.slots += group.slots.len() as u64;
            totals.headers += group.headers.len() as u64;
            totals.signatures += checked;
            if options.engine_rate
                && genesis.mode == Mode::Verified
                && kept_count < ENGINE_RATE_TRANSACTIONS_MAX
            {
                kept_count += transactions;
                let batches = group.batches.iter_mut();
                kept.push(
                    batches
                        .map(|b| std::mem::take(&mut b.transactions))
                        .collect(),
                );
            }
            chain.add(group)?;
            progress(&totals);
        }
        Ok(())
    });
    outcome?;
    let names = source.names();
    chain.check_order(backend, &names)?;
    let elapsed = started.elapsed();
    let replay_started = Instant::now();
    if let Some(mut replay) = options.replay {
        chain.replay(&names, &maps, replay.as_mut(), &mut |blocks| {
            totals.replayed = blocks;
            progress(&totals);
        })?;
    }
    Ok(Report {
        committed: chain.committed(),
        head: chain.head(),
        elapsed,
        replay_elapsed: replay_started.elapsed(),
        engine_rate: engine_rate(backend, &kept)?,
        totals,
    })
}

/// The transactions of one batch.
type Transactions<'a> = Vec<&'a [u8]>;

/// Signatures a second of the engine over groups of batches that lie in memory: every signature and every root.
fn engine_rate(
    backend: &dyn Backend,
    groups: &[Vec<Transactions<'_>>],
) -> Result<Option<f64>, ArchiveError> {
    let (mut signatures, mut elapsed) = (0, Duration::ZERO);
    let (mut items, mut verdicts) = (Vec::new(), Verdicts::new());
    for group in groups {
        items.clear();
        for transactions in group {
            stream::client_items(transactions, &mut items).expect("checked before");
        }
        let batches = group.iter().map(Vec::as_slice);
        let started = Instant::now();
        let (verified, roots) = rayon::join(
            || backend.verify_ed25519(&items, &mut verdicts),
            || checks::transaction_roots(backend, batches),
        );
        verified?;
        roots?;
        elapsed += started.elapsed();
        signatures += items.len();
    }
    Ok((signatures > 0).then(|| signatures as f64 / elapsed.as_secs_f64()))
}
