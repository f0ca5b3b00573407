//! What a sealed file of the ledger log holds, in a small file beside it, so that a start reads that instead.
//!
//! All integers little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | tag with the format version |
//! | 8, 8, 8 | sequence of the first record; of the first behind; length of the log's file |
//! | 4 | entries |
//! | 1, 4, then 32 or 8 each | kind; where the record begins; digest of a batch, or height of a slot or certified header |
//! | 4 | CRC32C of all before |
//!
//! It is derived: one that is missing, damaged or of another file is made anew from the log. Records are checked whenever one is read.

use std::io;
use std::path::{Path, PathBuf};

use bds_contracts::block::BatchDigest;

use super::error::StoreError;
use super::log::write_all;
use super::medium::Medium;
use super::reader::{KIND_BATCH, KIND_CERTIFIED, KIND_COMMITTED, Key};

const TAG: [u8; 8] = *b"BDSCONT\x01";
const SUFFIX: &str = "contents";

/// Which file of the log, as far as its name and its header do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Of {
    /// Sequence of the first record in it,
    pub(super) first: u64,
    /// and of the first one behind.
    pub(super) next: u64,
    /// Its length.
    pub(super) bytes: u64,
}

/// What can be found in it, and from which byte on.
pub(super) type Entry = (Key, u32);

fn beside(log: &Path) -> PathBuf {
    log.with_extension(SUFFIX)
}

/// Writes it; nobody waits until it is durable.
pub(super) fn write(
    medium: &dyn Medium,
    log: &Path,
    of: Of,
    entries: &[Entry],
) -> Result<(), StoreError> {
    let mut bytes = Vec::with_capacity(64 + 37 * entries.len());
    bytes.extend_from_slice(&TAG);
    for number in [of.first, of.next, of.bytes] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let count = u32::try_from(entries.len()).expect("a file is below 4 GiB");
    bytes.extend_from_slice(&count.to_le_bytes());
    for (key, offset) in entries {
        let (kind, name): (u8, &[u8]) = match key {
            Key::Batch(digest) => (KIND_BATCH, &digest.0),
            Key::Slot(height) => (KIND_COMMITTED, &height.to_le_bytes()),
            Key::Certified(height) => (KIND_CERTIFIED, &height.to_le_bytes()),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(name);
    }
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    let path = beside(log);
    let file = medium.rewrite(&path);
    file.and_then(|mut file| write_all(file.as_mut(), &bytes))
        .map_err(|e| StoreError::io("writing", &path, e))
}

/// What was written of this very file; `None` when that is not there, or not whole.
pub(super) fn read(medium: &dyn Medium, log: &Path, of: Of) -> Option<Vec<Entry>> {
    let bytes = medium.view(&beside(log), None).ok()?;
    let (covered, crc) = bytes.split_last_chunk()?;
    if u32::from_le_bytes(*crc) != crc32c::crc32c(covered) {
        return None;
    }
    let mut rest = covered.strip_prefix(&TAG)?;
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(taken)
    };
    let number = |bytes: &[u8]| Some(u64::from_le_bytes(*bytes.first_chunk()?));
    let small = |bytes: &[u8]| Some(u32::from_le_bytes(*bytes.first_chunk()?));
    let found = Of {
        first: number(take(8)?)?,
        next: number(take(8)?)?,
        bytes: number(take(8)?)?,
    };
    if found != of {
        return None;
    }
    let count = small(take(4)?)? as usize;
    let mut entries = Vec::with_capacity(count.min(covered.len() / 13));
    for _ in 0..count {
        let kind = *take(1)?.first()?;
        let offset = small(take(4)?)?;
        let key = match kind {
            KIND_BATCH => Key::Batch(BatchDigest(*take(32)?.first_chunk()?)),
            KIND_COMMITTED => Key::Slot(number(take(8)?)?),
            KIND_CERTIFIED => Key::Certified(number(take(8)?)?),
            _ => return None,
        };
        entries.push((key, offset));
    }
    take(1).is_none().then_some(entries)
}

/// Removes it; fine where there is none.
pub(super) fn remove(medium: &dyn Medium, log: &Path) -> Result<(), StoreError> {
    let path = beside(log);
    match medium.remove(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("removing", &path, e)),
        _ => Ok(()),
    }
}
