//! What can go wrong with the store, and what the operator can do about it.

use std::io;
use std::path::{Path, PathBuf};

use bds_contracts::tx::ChainId;

use super::format::Damage;

/// Why the store refuses. After an error from a write or a sync it refuses everything until it is opened again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room. Nothing that was synced is lost; free some space and start again.
    #[error("disk full while {action} {}: free some space, then start the node again; nothing it confirmed is lost", path.display())]
    DiskFull {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
    },
    /// A sync failed. It is never retried: the kernel may have dropped the pages it could not write.
    #[error("the disk failed to make {} durable ({source}): check the disk; on the next start only what reads back and chains is trusted", path.display())]
    SyncFailed {
        /// Which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Any other answer of the system.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// An earlier write or sync failed, so what is on disk is not known any more.
    #[error("the store refuses to go on after an earlier write error; start the node again")]
    Stopped,
    /// Bytes that had been durable have changed. Nothing is cut off or repaired silently.
    #[error("{} is damaged at byte {offset}, record {sequence}: {damage}; restore the file from another validator or a backup", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// First byte of the bad record.
        offset: u64,
        /// Its sequence number in the log.
        sequence: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A segment is missing, or one is there that does not belong.
    #[error("{} begins with record {found} where record {expected} belongs: a segment is missing, extra or of another log", path.display())]
    Gap {
        /// Which file.
        path: PathBuf,
        /// Sequence that must come next.
        expected: u64,
        /// Sequence the file begins with.
        found: u64,
    },
    /// The log ends before a record that had been durable.
    #[error("{} ends at record {found}, but {expected} records had been durable: its end is lost; restore it from another validator or a backup", path.display())]
    EndLost {
        /// Which log.
        path: PathBuf,
        /// Records known to have been durable.
        expected: u64,
        /// Records found.
        found: u64,
    },
    /// The home belongs to another ledger.
    #[error("{} holds ledger {found}, but the genesis file says {expected}: use the genesis file this home was made with, or another home", home.display())]
    WrongChain {
        /// Which home.
        home: PathBuf,
        /// Of the genesis given.
        expected: ChainId,
        /// Written in the home.
        found: ChainId,
    },
    /// The file was written by another version of this program, or is no log of this kind.
    #[error("{} has format {}, this program reads {}: use the version of `bds` that wrote it, or an empty home, which catches up from the other validators", path.display(), name_of(*found), name_of(*expected))]
    Format {
        /// Which file.
        path: PathBuf,
        /// Tag at its beginning.
        found: [u8; 8],
        /// Tag of this version.
        expected: [u8; 8],
    },
    /// Both copies of a small file are unreadable.
    #[error("{} does not read back ({problem}): restore it from a backup", path.display())]
    Metadata {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process uses the home.
    #[error("home {} is already in use by process {pid}: stop that one first; two validators with one key would contradict each other", home.display())]
    HomeInUse {
        /// Which home.
        home: PathBuf,
        /// Who has it, as written in its lock file; `unknown` when that cannot be read.
        pid: String,
    },
    /// The record is longer than the log takes. The caller's limits are wrong.
    #[error("a record of {bytes} bytes is too long for the log")]
    RecordTooLong {
        /// Length of its payload.
        bytes: usize,
    },
    /// The index failed. It is derived: deleting its directory loses nothing.
    #[error(
        "index: {0}; it is derived data: stop the node, remove the directory `index` in its home and start again"
    )]
    Index(String),
}

/// A tag in words: its letters and its version.
fn name_of(tag: [u8; 8]) -> String {
    let [letters @ .., version] = tag;
    format!(
        "{} {version}",
        String::from_utf8_lossy(&letters).escape_debug()
    )
}

impl StoreError {
    /// Whether bytes that had been durable are wrong or gone, rather than that something could not be done.
    pub(super) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Corrupt { .. } | Self::Gap { .. } | Self::EndLost { .. }
        )
    }

    /// Sorts a system error: a full disk is something an operator can do something about.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { action, path }
            }
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    pub(crate) fn sync(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                action: "syncing",
                path: path.to_owned(),
            },
            _ => Self::SyncFailed {
                path: path.to_owned(),
                source,
            },
        }
    }
}
