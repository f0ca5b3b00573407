//! Whose home it is: the lock that keeps a second process out, and the two-copy metadata that names the ledger.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use bds_contracts::tx::ChainId;

use super::error::StoreError;

const LOCK_FILE: &str = "LOCK";
const COPIES: [&str; 2] = ["meta-a", "meta-b"];
const MAGIC: [u8; 8] = *b"BDSMETA\x01";
const META_BYTES: usize = 8 + 8 + 32 + 8 + 8 + 4;

/// Held as long as this process uses the home; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

impl HomeLock {
    /// Takes the lock, creating the home if need be.
    ///
    /// # Errors
    /// [`StoreError::HomeInUse`], or the system's.
    pub fn take(home: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(home).map_err(|e| StoreError::io("creating", home, e))?;
        let path = home.join(LOCK_FILE);
        let failed = |e| StoreError::io("locking", &path, e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The owner writes its number just after it took the lock, so it may not be there yet.
                let read = file.read_to_string(&mut text);
                let pid = text.trim();
                return Err(StoreError::HomeInUse {
                    home: home.to_owned(),
                    pid: if read.is_err() || pid.is_empty() {
                        "unknown".to_owned()
                    } else {
                        pid.to_owned()
                    },
                });
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
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
}

/// Metadata in two files written in turn, so that a crash in the middle of one leaves the other.
#[derive(Debug)]
pub(crate) struct MetaFiles {
    home: PathBuf,
    counter: u64,
}

impl MetaFiles {
    /// Reads the newer of the two copies; `None` when neither file exists.
    ///
    /// # Errors
    /// [`StoreError::Metadata`] when no copy that exists reads back.
    pub(crate) fn open(home: &Path) -> Result<(Self, Option<Meta>), StoreError> {
        let mut newest: Option<(u64, Meta)> = None;
        let mut unreadable = false;
        for name in COPIES {
            let path = home.join(name);
            match std::fs::read(&path) {
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
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let mut file = File::create(&path).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)?;
        file.sync_all().map_err(|e| StoreError::sync(&path, e))?;
        File::open(&self.home)
            .and_then(|dir| dir.sync_all())
            .map_err(|e| StoreError::sync(&self.home, e))
    }
}

fn parse(bytes: &[u8]) -> Option<(u64, Meta)> {
    let bytes: &[u8; META_BYTES] = bytes.try_into().ok()?;
    let (covered, crc) = bytes.split_last_chunk::<4>()?;
    if u32::from_le_bytes(*crc) != crc32c::crc32c(covered) || covered[..8] != MAGIC {
        return None;
    }
    let u64_at = |at: usize| Some(u64::from_le_bytes(*covered[at..].first_chunk()?));
    let meta = Meta {
        ledger: ChainId(*covered[16..].first_chunk()?),
        ledger_records: u64_at(48)?,
        vote_records: u64_at(56)?,
    };
    Some((u64_at(8)?, meta))
}
