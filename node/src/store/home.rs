//! Whose home it is: the lock that keeps a second process out, and the two-copy metadata that names the ledger.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bds_contracts::block::Height;
use bds_contracts::tx::ChainId;

use super::error::StoreError;
use super::log::write_all;
use super::medium::{Locked, Medium};

const LOCK_FILE: &str = "LOCK";
/// How long a lock that this process let go of may still be held by a child it is starting.
const INHERITED_MAX: Duration = Duration::from_millis(500);
const COPIES: [&str; 2] = ["meta-a", "meta-b"];
const MAGIC: [u8; 8] = *b"BDSMETA\x02";
const META_BYTES: usize = 8 + 8 + 32 + 8 + 8 + 8 + 8 + 8 + 4;
/// Of a home that holds everything: no first record, no base and no forgotten votes in it.
const MAGIC_WHOLE: [u8; 8] = *b"BDSMETA\x01";
const META_WHOLE_BYTES: usize = META_BYTES - 24;

/// Held as long as this process uses the home; the system lets go of it when the process ends, however it ends.
pub struct HomeLock {
    _lock: Box<dyn Send + Sync>,
}

impl HomeLock {
    /// Takes the lock, creating the home if need be. Waits half a second when this process has it already.
    ///
    /// # Errors
    /// [`StoreError::HomeInUse`], or the system's.
    pub fn take(medium: &dyn Medium, home: &Path) -> Result<Self, StoreError> {
        medium
            .create_dir(home)
            .map_err(|e| StoreError::io("creating", home, e))?;
        let path = home.join(LOCK_FILE);
        let own = std::process::id().to_string();
        let deadline = Instant::now() + INHERITED_MAX;
        loop {
            match medium.lock(&path, &own) {
                Ok(Locked::Taken(lock)) => return Ok(Self { _lock: lock }),
                // A child that was just started has it until it runs its own program.
                Ok(Locked::By(owner)) if owner.trim() == own && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(Locked::By(owner)) => {
                    return Err(StoreError::HomeInUse {
                        home: home.to_owned(),
                        pid: match owner.trim() {
                            "" => "unknown".to_owned(),
                            pid => pid.to_owned(),
                        },
                    });
                }
                Err(e) => return Err(StoreError::io("locking", &path, e)),
            }
        }
    }
}

/// What is known of a home besides its logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) ledger: ChainId,
    /// Records of the ledger log that had been durable.
    pub(crate) ledger_records: u64,
    /// Records of the vote log that had been durable.
    pub(crate) vote_records: u64,
    /// Sequence of the first record of the ledger log that is kept.
    pub(crate) ledger_first: u64,
    /// Slots up to this one are not kept; 0 when all are.
    pub(crate) base: Height,
    /// Slots up to this one may have votes that the vote log does not hold, since it was damaged; 0 when it holds all.
    pub(crate) forgotten: Height,
}

/// Metadata in two files written in turn, so that a crash in the middle of one leaves the other.
pub(crate) struct MetaFiles {
    home: PathBuf,
    medium: Arc<dyn Medium>,
    counter: u64,
}

impl MetaFiles {
    /// Of a home without any.
    pub(crate) fn new(medium: Arc<dyn Medium>, home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            medium,
            counter: 0,
        }
    }

    /// Reads the newer of the two copies; `None` when neither file exists.
    ///
    /// # Errors
    /// [`StoreError::Metadata`] when no copy that exists reads back.
    pub(crate) fn open(
        medium: Arc<dyn Medium>,
        home: &Path,
    ) -> Result<(Self, Option<Meta>), StoreError> {
        let mut newest: Option<(u64, Meta)> = None;
        let mut unreadable = false;
        for name in COPIES {
            let path = home.join(name);
            match medium.view(&path, None) {
                Ok(bytes) => match parse(&bytes) {
                    Some(found) if newest.is_none_or(|(counter, _)| counter < found.0) => {
                        newest = Some(found);
                    }
                    Some(_) => {}
                    None => unreadable = true,
                },
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(StoreError::io("reading", &path, e)),
            }
        }
        if newest.is_none() && unreadable {
            return Err(StoreError::Metadata {
                path: home.join(COPIES[0]),
                problem: "checksum or length of both copies is wrong".to_owned(),
            });
        }
        let files = Self {
            home: home.to_owned(),
            medium,
            counter: newest.map_or(0, |(counter, _)| counter),
        };
        Ok((files, newest.map(|(_, meta)| meta)))
    }

    /// Writes the older copy anew and makes it durable.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn write(&mut self, meta: Meta) -> Result<(), StoreError> {
        self.counter += 1;
        let path = self
            .home
            .join(COPIES[usize::from(self.counter.is_multiple_of(2))]);
        let failed = |e| StoreError::io("writing", &path, e);
        let mut bytes = Vec::with_capacity(META_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.counter.to_le_bytes());
        bytes.extend_from_slice(&meta.ledger.0);
        bytes.extend_from_slice(&meta.ledger_records.to_le_bytes());
        bytes.extend_from_slice(&meta.vote_records.to_le_bytes());
        bytes.extend_from_slice(&meta.ledger_first.to_le_bytes());
        bytes.extend_from_slice(&meta.base.to_le_bytes());
        bytes.extend_from_slice(&meta.forgotten.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let mut file = self.medium.rewrite(&path).map_err(failed)?;
        write_all(file.as_mut(), &bytes).map_err(failed)?;
        file.sync().map_err(|e| StoreError::sync(&path, e))?;
        self.medium
            .sync_dir(&self.home)
            .map_err(|e| StoreError::sync(&self.home, e))
    }
}

fn parse(bytes: &[u8]) -> Option<(u64, Meta)> {
    let (covered, crc) = bytes.split_last_chunk::<4>()?;
    let magic = match bytes.len() {
        META_BYTES => MAGIC,
        META_WHOLE_BYTES => MAGIC_WHOLE,
        _ => return None,
    };
    if u32::from_le_bytes(*crc) != crc32c::crc32c(covered) || covered[..8] != magic {
        return None;
    }
    let u64_at = |at: usize| Some(u64::from_le_bytes(*covered.get(at..)?.first_chunk()?));
    let meta = Meta {
        ledger: ChainId(*covered[16..].first_chunk()?),
        ledger_records: u64_at(48)?,
        vote_records: u64_at(56)?,
        ledger_first: u64_at(64).unwrap_or(0),
        base: u64_at(72).unwrap_or(0),
        forgotten: u64_at(80).unwrap_or(0),
    };
    Some((u64_at(8)?, meta))
}
