//! What a validator keeps on disk: ledger log, vote log, derived index, snapshots; and whose home it is.
//!
//! | in the home | what |
//! |---|---|
//! | `LOCK` | held by the process that uses the home |
//! | `meta-a`, `meta-b` | chain id and what had been durable, in two copies |
//! | `ledger/` | batches, committed slots, certified headers: the ledger itself, append-only |
//! | `archive/` | older files of that log, which no start reads: move them wherever they are to be kept |
//! | `votes/` | what this validator signed and must not contradict; rewritten small at checkpoints |
//! | `index/` | where each transaction is, and receipts: derived, may be deleted |
//! | `snapshots/` | state at the last two checkpoints |
//!
//! What is kept of an old ledger, and how a home goes on from another's state: `retention`, `install`.

pub mod archive;
mod contents;
mod error;
mod format;
mod home;
pub mod index;
pub mod inspect;
mod install;
mod log;
#[allow(
    unsafe_code,
    reason = "mapping files; the only unsafe code of the node"
)]
mod map;
pub mod medium;
mod reader;
mod retention;
mod scrub;
mod segments;
pub mod snapshots;
#[cfg(test)]
mod tests;
mod votes;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bds_contracts::block::Height;
use bds_contracts::tx::ChainId;
use bds_core::turn::{Disk, Record};

pub use error::StoreError;
pub use format::Damage;
pub use home::HomeLock;
pub use index::Index;
pub use install::install;
pub use log::TornEnd;
pub use medium::free_bytes;
pub use reader::{Reader, Records};
pub use retention::Retention;
pub use scrub::Scrub;
pub use segments::Location;
pub use snapshots::{Snapshot, Snapshots};

use home::{Meta, MetaFiles};
use log::{Log, LogOptions, SEGMENT_SUFFIX};
use medium::{Medium, RealMedium, files_with_suffix};
use reader::{Key, decode};
use segments::Segments;
use votes::NeededVotes;

/// Directory of the ledger log in the home.
pub const LEDGER_DIR: &str = "ledger";
/// Directory of those files of the ledger log that are not kept any more: with them in front it is whole.
pub const ARCHIVE_DIR: &str = "archive";
/// Directory of the vote log in the home.
pub const VOTES_DIR: &str = "votes";
/// Directory of the index in the home.
pub const INDEX_DIR: &str = "index";
/// Directory of the snapshots in the home.
pub const SNAPSHOTS_DIR: &str = "snapshots";
pub(crate) const LEDGER_TAG: [u8; 8] = *b"BDSLEDG\x03";
const VOTES_TAG: [u8; 8] = *b"BDSVOTE\x04";

/// How the store writes.
#[derive(Clone)]
pub struct StoreOptions {
    /// Off: `sync` does not wait for the disk. For measurements only; a power loss may then lose or damage the end.
    pub durable: bool,
    /// A segment of the ledger log is sealed when the next record would pass this length.
    pub segment_bytes: u64,
    /// The vote log is rewritten at a checkpoint when it is longer than this and four times what is needed of it.
    pub votes_bytes_max: u64,
    /// Every byte of the ledger log is checked on opening; off: of sealed files what lies beside them is believed.
    pub check_all: bool,
    /// A vote log that is damaged is set aside, and the home says that votes are forgotten; off: it is an error.
    pub set_votes_aside: bool,
    /// What is not kept any more of the ledger log moves to `archive/`; off: it is removed.
    pub archive: bool,
    /// Where files are; tests give one that fails.
    pub medium: Arc<dyn Medium>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            durable: true,
            segment_bytes: 256 << 20,
            votes_bytes_max: 8 << 20,
            check_all: true,
            set_votes_aside: false,
            archive: true,
            medium: Arc::new(RealMedium),
        }
    }
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("durable", &self.durable)
            .field("segment_bytes", &self.segment_bytes)
            .field("votes_bytes_max", &self.votes_bytes_max)
            .finish_non_exhaustive()
    }
}

/// Writes what the core wants written. See [`Disk`].
pub struct Store {
    ledger: Log,
    votes: Log,
    needed: NeededVotes,
    votes_bytes_max: u64,
    /// The checkpoint rose since the vote log was last looked at.
    checkpointed: bool,
    reader: Reader,
    /// Appended to the ledger log and not durable yet.
    unsynced: Vec<(Key, Location)>,
    /// What the file that grows holds.
    current: Current,
    scratch: Vec<u8>,
    meta: Arc<Mutex<Known>>,
    medium: Arc<dyn Medium>,
    durable: bool,
    /// A write or sync failed: both logs stop, or one could run ahead of the other.
    failed: bool,
    _lock: HomeLock,
}

/// What can be found in one file of the ledger log.
#[derive(Default)]
struct Current {
    segment: u32,
    entries: Vec<contents::Entry>,
}

impl Current {
    /// Notes the next record; the file before is whole when this one begins another.
    fn add(&mut self, key: Key, at: Location) -> Option<Self> {
        let sealed = (at.segment != self.segment).then(|| {
            let next = Self {
                segment: at.segment,
                entries: Vec::new(),
            };
            std::mem::replace(self, next)
        });
        self.entries.push((key, at.offset));
        sealed.filter(|sealed| !sealed.entries.is_empty())
    }

    /// Beside the file.
    fn write(&self, segments: &Segments, medium: &dyn Medium) -> Result<(), StoreError> {
        let (Some(sealed), Some(behind)) =
            (segments.get(self.segment), segments.get(self.segment + 1))
        else {
            return Ok(());
        };
        let of = contents::Of {
            first: sealed.first_sequence,
            next: behind.first_sequence,
            bytes: sealed.synced_bytes(),
        };
        contents::write(medium, &sealed.path, of, &self.entries)
    }
}

/// What is known of the home, and the files that say so.
struct Known {
    meta: Meta,
    files: MetaFiles,
}

impl Known {
    fn write(&mut self, change: impl FnOnce(&mut Meta)) -> Result<(), StoreError> {
        change(&mut self.meta);
        self.files.write(self.meta)
    }
}

fn held(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open store and what was found in it.
pub struct Opened {
    /// Takes records.
    pub store: Store,
    /// Gives the ledger's records back; `reader.records(None)` is the whole ledger in order.
    pub reader: Reader,
    /// Vote records still needed, in the order they were written.
    pub votes: Vec<Record>,
    /// Ends that were never synced and were cut off.
    pub torn: Vec<TornEnd>,
    /// What is wrong with a vote log that was set aside.
    pub set_aside: Option<StoreError>,
    /// Slots up to this one may have votes of this validator that are not here: [`Height::MAX`] when nobody has said up to which.
    pub forgotten: Height,
}

impl Store {
    /// Opens the home of a validator of ledger `chain`, creating it if need be, and checks both logs in full, as far as the options ask for it.
    ///
    /// # Errors
    /// [`StoreError`]: home in use, another ledger's home, damage, the system's.
    ///
    /// Cost: one pass over both logs, or over the vote log and the last two files of the ledger log.
    pub fn open(home: &Path, chain: ChainId, options: StoreOptions) -> Result<Opened, StoreError> {
        let lock = HomeLock::take(options.medium.as_ref(), home)?;
        let medium = options.medium.as_ref();
        let installed = install::go_on(&options.medium, home, chain)?;
        let no_log = !has_segments(medium, &home.join(LEDGER_DIR))?;
        // Before the first log file nothing can have been lost: a crash in the middle of the first write leaves less.
        let (mut files, meta) = match MetaFiles::open(options.medium.clone(), home) {
            Err(StoreError::Metadata { .. }) if no_log => {
                (MetaFiles::new(options.medium.clone(), home), None)
            }
            opened => opened?,
        };
        let meta = match meta {
            Some(meta) if meta.ledger != chain => {
                return Err(StoreError::WrongChain {
                    home: home.to_owned(),
                    expected: chain,
                    found: meta.ledger,
                });
            }
            Some(meta) => meta,
            None if !no_log => {
                return Err(StoreError::Metadata {
                    path: home.join("meta-a"),
                    problem: "there is a ledger log, but no metadata beside it".to_owned(),
                });
            }
            None => {
                // Before the first log file, so that logs without metadata always mean that it was lost.
                let new = Meta {
                    ledger: chain,
                    ledger_records: 0,
                    vote_records: 0,
                    ledger_first: 0,
                    base: 0,
                    forgotten: 0,
                };
                files.write(new)?;
                new
            }
        };
        let archive = options.archive.then(|| home.join(ARCHIVE_DIR));
        let log_options = |dir: &str, tag, first_sequence, durable_floor| LogOptions {
            archive: archive.clone().filter(|_| dir == LEDGER_DIR),
            dir: home.join(dir),
            tag,
            ledger: chain,
            segment_bytes: options.segment_bytes.min(u64::from(u32::MAX) / 2),
            durable: options.durable,
            first_sequence,
            durable_floor,
            medium: options.medium.clone(),
        };

        let mut needed = NeededVotes::default();
        let found_keys = RefCell::new(Vec::new());
        let mut known = BTreeSet::new();
        let mut torn = Vec::new();
        let (ledger, torn_ledger) = Log::open(
            log_options(
                LEDGER_DIR,
                LEDGER_TAG,
                meta.ledger_first,
                meta.ledger_records,
            ),
            &mut |path, segment, of| {
                let entries = contents::read(medium, path, of).filter(|_| !options.check_all);
                let found = entries.into_iter().flatten();
                let found = found.map(|(key, offset)| (key, Location { segment, offset }));
                let before = found_keys.borrow().len();
                found_keys.borrow_mut().extend(found);
                let told = found_keys.borrow().len() > before;
                if told {
                    known.insert(segment);
                }
                told
            },
            &mut |location, record| {
                let key = Key::of_payload(record.payload)?;
                match key {
                    Key::Batch(_) => {}
                    Key::Slot(_) | Key::Certified(_) => {
                        note_ledger_record(&mut needed, &decode(record.payload)?);
                    }
                }
                found_keys.borrow_mut().push((key, location));
                Ok(())
            },
        )?;
        let found_keys = found_keys.into_inner();
        let mut current = Current::default();
        for (key, location) in &found_keys {
            let sealed = current.add(*key, *location);
            if let Some(sealed) = sealed.filter(|sealed| !known.contains(&sealed.segment)) {
                sealed.write(&ledger.segments(), medium)?;
            }
        }
        torn.extend(torn_ledger);
        let reader = Reader::new(ledger.segments(), meta.base);
        reader.publish(found_keys.into_iter());

        let mut known = Known { meta, files };
        let mut set_aside = None;
        let open_votes = |floor, needed: &mut NeededVotes| {
            Log::open(
                log_options(VOTES_DIR, VOTES_TAG, 0, floor),
                &mut |_, _, _| false,
                &mut |_, record| {
                    needed.add(&decode(record.payload)?, record.kind, record.payload);
                    Ok(())
                },
            )
        };
        // What a damaged log told before the damage is not all, and what it tells of is not voted on again.
        let mut told = needed.clone();
        let (votes, torn_votes) = match open_votes(meta.vote_records, &mut told) {
            Ok(opened) => {
                needed = told;
                opened
            }
            Err(damage) if options.set_votes_aside && damage.is_damage() => {
                known.write(|meta| meta.forgotten = Height::MAX)?;
                known.write(|meta| meta.vote_records = 0)?;
                set_votes_aside(medium, home)?;
                set_aside = Some(damage);
                open_votes(0, &mut needed)?
            }
            Err(problem) => return Err(problem),
        };
        torn.extend(torn_votes);
        needed.prune();
        let vote_records = needed
            .iter()
            .map(|(_, payload)| decode(payload).expect("decoded a moment ago"))
            .collect();

        let mut store = Self {
            ledger,
            votes,
            needed,
            votes_bytes_max: options.votes_bytes_max,
            checkpointed: true,
            reader: reader.clone(),
            unsynced: Vec::new(),
            current,
            scratch: Vec::new(),
            meta: Arc::new(Mutex::new(known)),
            medium: Arc::clone(&options.medium),
            durable: options.durable,
            failed: false,
            _lock: lock,
        };
        if let Some(certified) = installed {
            // The log begins with what proves its base, so that others can be shown it.
            store.append(&Record::Certified(certified))?;
            store.sync()?;
            install::finish(&options.medium, home)?;
        }
        // Both copies, so that one that was damaged is whole again.
        store.write_meta()?;
        store.write_meta()?;
        let forgotten = held(&store.meta).meta.forgotten;
        Ok(Opened {
            store,
            reader,
            votes: vote_records,
            torn,
            set_aside,
            forgotten,
        })
    }

    /// Notes, in both copies of the metadata, up to which slot votes may be forgotten; 0 when none can be any more.
    ///
    /// # Errors
    /// The system's.
    pub fn note_forgotten(&mut self, slot: Height) -> Result<(), StoreError> {
        let mut known = held(&self.meta);
        known.write(|meta| meta.forgotten = slot)?;
        known.write(|_| ())
    }

    /// Durable bytes of the vote log.
    #[must_use]
    pub fn votes_bytes(&self) -> u64 {
        self.votes.segments().bytes()
    }

    /// Syncs, and notes how much is durable, so that the next start knows that nothing is missing at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn close(mut self) -> Result<(), StoreError> {
        self.sync()?;
        self.write_meta()
    }

    fn write_meta(&mut self) -> Result<(), StoreError> {
        // Without durable writes nothing is known about what survives a power loss.
        let known = |log: &Log| {
            if self.durable {
                log.durable_sequence()
            } else {
                0
            }
        };
        let (ledger, votes) = (known(&self.ledger), known(&self.votes));
        held(&self.meta).write(|meta| {
            meta.ledger_records = ledger;
            meta.vote_records = votes;
        })
    }

    /// What reads the ledger log again.
    #[must_use]
    pub fn scrub(&self) -> Scrub {
        Scrub {
            segments: self.ledger.segments(),
        }
    }

    /// What forgets the beginning of the ledger log when it is long; the snapshots are this home's.
    #[must_use]
    pub fn retention(&self, snapshots: Snapshots, blocks: Height) -> Retention {
        Retention {
            known: Arc::clone(&self.meta),
            segments: self.ledger.segments(),
            archive: self.ledger.archive(),
            reader: self.reader.clone(),
            snapshots,
            blocks,
        }
    }

    fn restart_votes_if_long(&mut self) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.checkpointed) {
            return Ok(());
        }
        let bytes = self.votes.segments().bytes();
        if bytes > self.votes_bytes_max && bytes / 4 > self.needed.bytes() as u64 {
            self.votes.restart(self.needed.iter())?;
            self.write_meta()?;
        }
        Ok(())
    }

    fn append_to_its_log(&mut self, record: &Record) -> Result<(), StoreError> {
        let kind = kind_of(record);
        if let Some(key) = Key::of(record) {
            let location = self
                .ledger
                .append(kind, |out| borsh::to_writer(out, record))?;
            self.unsynced.push((key, location));
            if let Some(sealed) = self.current.add(key, location) {
                sealed.write(&self.ledger.segments(), self.medium.as_ref())?;
            }
            self.checkpointed |= note_ledger_record(&mut self.needed, record);
            return Ok(());
        }
        let scratch = &mut self.scratch;
        scratch.clear();
        borsh::to_writer(&mut *scratch, record)
            .map_err(|e| StoreError::io("encoding for", self.votes.dir(), e))?;
        self.votes.append(kind, |out| {
            out.extend_from_slice(scratch);
            Ok(())
        })?;
        self.needed.add(record, kind, scratch);
        Ok(())
    }

    fn sync_both(&mut self) -> Result<(), StoreError> {
        // The ledger first: a vote on disk says that what it rests on is.
        self.ledger.sync()?;
        self.votes.sync()?;
        self.reader.publish(self.unsynced.drain(..));
        self.restart_votes_if_long()
    }

    fn unless_failed(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Stopped);
        }
        let result = act(self);
        self.failed = result.is_err();
        result
    }
}

impl Disk for Store {
    type Error = StoreError;

    fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        self.unless_failed(|store| store.append_to_its_log(record))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.unless_failed(Self::sync_both)
    }
}

/// Notes what a ledger record says about which votes are needed; true when the checkpoint rose.
fn note_ledger_record(needed: &mut NeededVotes, record: &Record) -> bool {
    match record {
        Record::Committed(slot) => {
            needed.on_committed(slot);
            false
        }
        Record::Certified(block) => needed.on_checkpoint(block.header.checkpoint),
        _ => false,
    }
}

/// Borsh variant number of a record.
fn kind_of(record: &Record) -> u8 {
    match record {
        Record::Batch(_) => reader::KIND_BATCH,
        Record::Committed(_) => reader::KIND_COMMITTED,
        Record::Certified(_) => reader::KIND_CERTIFIED,
        Record::LaneCertificate(_) => 3,
        Record::PrePrepared { .. } => 4,
        Record::Prepared(_) => 5,
        Record::PrepareCertificate(_) => 6,
        Record::Committing(_) => 7,
        Record::ViewChanging(_) => 8,
        Record::EnteredView(_) => 9,
    }
}

/// Moves a damaged vote log where nobody reads it, for whoever wants to know what became of it.
fn set_votes_aside(medium: &dyn Medium, home: &Path) -> Result<(), StoreError> {
    let votes = home.join(VOTES_DIR);
    let name = |number: u32| home.join(format!("{VOTES_DIR}-damaged-{number}"));
    let free = |path: &PathBuf| medium.list(path).is_ok_and(|files| files.is_empty());
    let aside = (1..).map(name).find(free).ok_or(StoreError::Stopped)?;
    let renamed = medium.rename(&votes, &aside);
    renamed.map_err(|e| StoreError::io("renaming", &votes, e))?;
    let synced = medium.sync_dir(home);
    synced.map_err(|e| StoreError::sync(home, e))
}

fn has_segments(medium: &dyn Medium, dir: &Path) -> Result<bool, StoreError> {
    let found = files_with_suffix(medium, dir, SEGMENT_SUFFIX)
        .map_err(|e| StoreError::io("listing", dir, e))?;
    Ok(!found.is_empty())
}
