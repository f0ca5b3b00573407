//! State at the last two checkpoints, so that a start executes only what came after.
//!
//! A file is `tag | borsh(header, lane tips, length of the state) | state | BLAKE3 of all before`, written under
//! another name, synced and renamed, so that a whole file under its own name is all a crash can leave.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bds_contracts::block::{BatchDigest, BlockHeader, Height};
use bds_core::batch::Position;

use super::error::StoreError;
use super::medium::{AppendFile, Medium, RealMedium, View, files_with_suffix};

const TAG: [u8; 8] = *b"BDSSNAP\x02";
const SUFFIX: &str = ".snapshot";
const UNFINISHED: &str = ".unfinished";
const HASH_BYTES: usize = 32;
/// Small pieces are joined into writes of this size; the state passes through uncopied.
const WRITE_BYTES: usize = 8 << 10;
/// So many snapshots at checkpoints are kept, and the newest of any block.
const KEPT: usize = 2;

/// State after one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The block.
    pub header: BlockHeader,
    /// Last ordered batch of each lane after it, by lane.
    pub lane_tips: Vec<(Position, BatchDigest)>,
    /// The contracts' state, in their own encoding.
    pub state: Vec<u8>,
}

/// The directory of snapshots.
#[derive(Clone)]
pub struct Snapshots {
    dir: PathBuf,
    medium: Arc<dyn Medium>,
    /// Every so many blocks a checkpoint.
    checkpoints: u64,
}

impl Snapshots {
    /// Snapshots in `dir`, which is created if need be. What a crash left unfinished is removed.
    ///
    /// # Errors
    /// The system's.
    pub fn open(medium: Arc<dyn Medium>, dir: &Path) -> Result<Self, StoreError> {
        medium
            .create_dir(dir)
            .map_err(|e| StoreError::io("creating", dir, e))?;
        let unfinished = files_with_suffix(medium.as_ref(), dir, UNFINISHED)
            .map_err(|e| StoreError::io("listing", dir, e))?;
        for path in unfinished {
            medium
                .remove(&path)
                .map_err(|e| StoreError::io("removing", &path, e))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            medium,
            checkpoints: 1,
        })
    }

    /// The same, of a ledger with a checkpoint every so many blocks: others can take what is kept at those, so what is written on a stop
    /// takes no place of theirs.
    #[must_use]
    pub fn with_checkpoints(self, checkpoints: u64) -> Self {
        Self {
            checkpoints,
            ..self
        }
    }

    /// Those in `dir` as they are, for whoever reads beside a node.
    #[must_use]
    pub fn read_only(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            medium: Arc::new(RealMedium),
            checkpoints: 1,
        }
    }

    /// Writes a snapshot durably and removes all but the last two at checkpoints and the last.
    ///
    /// Cost: one pass of BLAKE3 over the state, one file written and synced.
    ///
    /// # Errors
    /// The system's; the older snapshots are untouched then.
    pub fn save(
        &self,
        header: &BlockHeader,
        lane_tips: &[(Position, BatchDigest)],
        state: &[u8],
    ) -> Result<(), StoreError> {
        let path = self.path(header.height);
        let unfinished = path.with_extension(&UNFINISHED[1..]);
        let head = borsh::to_vec(&(header, lane_tips, state.len() as u64))
            .expect("writing to memory cannot fail");
        let write = || -> io::Result<Box<dyn AppendFile>> {
            let mut file = Hashed {
                inner: BufWriter::with_capacity(
                    WRITE_BYTES,
                    Appending(self.medium.rewrite(&unfinished)?),
                ),
                hasher: blake3::Hasher::new(),
            };
            file.write_all(&TAG)?;
            file.write_all(&head)?;
            file.write_all(state)?;
            let hash = file.hasher.finalize();
            let mut inner = file.inner;
            inner.write_all(hash.as_bytes())?;
            let file = inner.into_inner().map_err(io::IntoInnerError::into_error)?;
            Ok(file.0)
        };
        let mut file = write().map_err(|e| StoreError::io("writing", &unfinished, e))?;
        file.sync().map_err(|e| StoreError::sync(&unfinished, e))?;
        self.medium
            .rename(&unfinished, &path)
            .map_err(|e| StoreError::io("renaming", &unfinished, e))?;
        self.medium
            .sync_dir(&self.dir)
            .map_err(|e| StoreError::sync(&self.dir, e))?;
        let mut checkpoints = 0;
        for (place, old) in self.paths()?.iter().rev().enumerate() {
            let height = height_of(old).unwrap_or(0);
            if height.is_multiple_of(self.checkpoints) {
                checkpoints += 1;
                if checkpoints <= KEPT {
                    continue;
                }
            } else if place == 0 {
                continue;
            }
            self.medium
                .remove(old)
                .map_err(|e| StoreError::io("removing", old, e))?;
        }
        Ok(())
    }

    /// The newest snapshot at or below `height_max` that reads back whole, and what was wrong with newer ones.
    ///
    /// # Errors
    /// The system's. A damaged snapshot is no error: the one before, or the ledger log alone, tells the same.
    pub fn latest(
        &self,
        height_max: Height,
    ) -> Result<(Option<Snapshot>, Vec<String>), StoreError> {
        let mut damaged = Vec::new();
        for path in self.paths()?.into_iter().rev() {
            let bytes = self
                .medium
                .view(&path, None)
                .map_err(|e| StoreError::io("reading", &path, e))?;
            match parse(&bytes) {
                Ok(parsed) if parsed.header.height > height_max => {}
                Ok(parsed) => {
                    let snapshot = Snapshot {
                        header: parsed.header,
                        lane_tips: parsed.lane_tips,
                        state: bytes[parsed.state].to_vec(),
                    };
                    return Ok((Some(snapshot), damaged));
                }
                Err(problem) => damaged.push(format!("{}: {problem}", path.display())),
            }
        }
        Ok((None, damaged))
    }

    /// A snapshot as others may read it piece by piece; `None` when there is none of this height, or it is not whole.
    ///
    /// Cost: one pass over it.
    ///
    /// # Errors
    /// The system's.
    pub fn shown(&self, height: Height) -> Result<Option<Shown>, StoreError> {
        let path = self.path(height);
        match self.medium.view(&path, None) {
            Ok(bytes) => Ok(Shown::of(bytes)),
            // Another took its place.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("reading", &path, e)),
        }
    }

    /// Heights of all there are, whole or not, rising.
    ///
    /// # Errors
    /// The system's.
    pub fn heights(&self) -> Result<Vec<Height>, StoreError> {
        Ok(self
            .paths()?
            .iter()
            .filter_map(|path| height_of(path))
            .collect())
    }

    /// Height of the oldest there is, whole or not.
    ///
    /// # Errors
    /// The system's.
    pub fn oldest(&self) -> Result<Option<Height>, StoreError> {
        Ok(self.heights()?.first().copied())
    }

    fn path(&self, height: Height) -> PathBuf {
        self.dir.join(format!("{height:020}{SUFFIX}"))
    }

    fn paths(&self) -> Result<Vec<PathBuf>, StoreError> {
        files_with_suffix(self.medium.as_ref(), &self.dir, SUFFIX)
            .map_err(|e| StoreError::io("listing", &self.dir, e))
    }
}

fn height_of(path: &Path) -> Option<Height> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    name.parse().ok()
}

/// A snapshot that stays readable, its file removed or not.
pub struct Shown {
    /// Last ordered batch of each lane after it, by lane.
    pub lane_tips: Vec<(Position, BatchDigest)>,
    bytes: View,
    state: Range<usize>,
}

impl Shown {
    /// `None` when it is not whole.
    fn of(bytes: View) -> Option<Self> {
        let Parsed {
            lane_tips, state, ..
        } = parse(&bytes).ok()?;
        Some(Self {
            lane_tips,
            bytes,
            state,
        })
    }

    /// The contracts' state, in their own encoding.
    #[must_use]
    pub fn state(&self) -> &[u8] {
        &self.bytes[self.state.clone()]
    }
}

/// What a file holds, and where in it the state lies.
struct Parsed {
    header: BlockHeader,
    lane_tips: Vec<(Position, BatchDigest)>,
    state: Range<usize>,
}

fn parse(bytes: &[u8]) -> Result<Parsed, &'static str> {
    let (covered, hash) = bytes
        .split_last_chunk::<HASH_BYTES>()
        .ok_or("shorter than its checksum")?;
    if blake3::hash(covered).as_bytes() != hash {
        return Err("the checksum does not fit the bytes");
    }
    let mut rest = covered
        .strip_prefix(&TAG)
        .ok_or("not a snapshot of this version")?;
    let (header, lane_tips, state_bytes): (BlockHeader, Vec<(Position, BatchDigest)>, u64) =
        borsh::BorshDeserialize::deserialize(&mut rest).map_err(|_| "its head does not decode")?;
    if rest.len() as u64 != state_bytes {
        return Err("its state has another length than it says");
    }
    Ok(Parsed {
        header,
        lane_tips,
        state: covered.len() - rest.len()..covered.len(),
    })
}

/// A medium's file as the standard library writes to one.
struct Appending(Box<dyn AppendFile>);

impl Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Hashed<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
