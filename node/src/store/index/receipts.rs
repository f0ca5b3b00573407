//! The receipts of every block, appended to files beside the log.
//!
//! A file holds the blocks from the height in its name on, without a gap; all integers little endian:
//!
//! | bytes | |
//! |---|---|
//! | 8, 8 | tag with the format version; height of the first block |
//! | 4, 4, 8, n | of each block: CRC32C of what follows; length of its content; height; content |
//! | 4 each | where each block's record ends, once the file is full |
//! | 4, 4 | how many blocks; CRC32C of the ends and this number |
//!
//! The content of a block is how many of its transactions were dropped (4), each one's id and code (64, 2), and the receipts.
//! Only the last file has no ends yet. What a crash leaves behind its last whole record is cut off.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bds_contracts::block::Height;
use bds_contracts::kernel::receipt::Receipts;
use bds_contracts::receipt::Code;
use bds_contracts::tx::TxId;
use bds_engine::merkle::{Sha512_256, Tree};

use super::super::error::StoreError;
use super::super::log::write_all;
use super::super::medium::{AppendFile, Medium, ReadFile, files_with_suffix};
use super::{Sizes, damaged, failed};
use crate::execution::Dropped;

const TAG: [u8; 8] = *b"BDSRCPT\x01";
const SUFFIX: &str = ".receipts";
const HEAD_BYTES: usize = 16;
const RECORD_HEAD_BYTES: usize = 16;
const TRAILER_BYTES: u64 = 8;
const DROPPED_BYTES: usize = 64 + 2;
/// See the file's first line. One thread appends, any number read.
pub(super) struct ReceiptFiles {
    dir: PathBuf,
    medium: Arc<dyn Medium>,
    sizes: Sizes,
    files: RwLock<Files>,
}

#[derive(Default)]
struct Files {
    /// First heights of the files that are full, rising.
    full: Vec<Height>,
    /// First height of the file that grows.
    first: Height,
    /// Where the records of the file that grows end.
    ends: Vec<u32>,
}

/// Appends to [`ReceiptFiles`].
pub(super) struct ReceiptWriter {
    files: Arc<ReceiptFiles>,
    file: Box<dyn AppendFile>,
    scratch: Vec<u8>,
}

/// What is kept of a block.
pub struct Block {
    /// Which one.
    pub height: Height,
    /// What was executed, in order.
    pub receipts: Receipts,
    /// What left no trace in it, with the reason.
    pub dropped: Vec<(TxId, Code)>,
    /// Over the receipts, once somebody needs it.
    pub tree: OnceLock<Tree<Sha512_256>>,
}

impl Block {
    /// `None` when the content is none.
    fn parse(height: Height, content: &[u8]) -> Option<Self> {
        let (count, rest) = content.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (dropped, receipts) = rest.split_at_checked(count.checked_mul(DROPPED_BYTES)?)?;
        let dropped = dropped.chunks_exact(DROPPED_BYTES).map(|bytes| {
            let (id, code) = bytes.split_first_chunk().expect("66 bytes hold 64");
            let code = code.first_chunk().expect("2 bytes are left");
            (TxId(*id), Code(u16::from_le_bytes(*code)))
        });
        Some(Self {
            height,
            dropped: dropped.collect(),
            receipts: Receipts::parse(receipts.to_vec()).ok()?,
            tree: OnceLock::new(),
        })
    }

    /// Bytes in memory, roughly, its tree included.
    pub(super) fn bytes(&self) -> usize {
        self.receipts.bytes().len() + 80 * self.receipts.len() + 80 * self.dropped.len()
    }
}

/// Where a record lies.
struct Found {
    path: PathBuf,
    start: u64,
    end: u64,
}

impl ReceiptFiles {
    /// Opens the files in `dir`: themselves, their writer, and the last height they hold; `base` when there is none. Blocks up to
    /// `base` need not be there.
    ///
    /// Cost: the last file is read, and the end of each other.
    pub(super) fn open(
        medium: Arc<dyn Medium>,
        dir: &Path,
        base: Height,
        sizes: Sizes,
    ) -> Result<(Arc<Self>, ReceiptWriter, Height), StoreError> {
        let paths = files_with_suffix(medium.as_ref(), dir, SUFFIX)
            .map_err(|e| StoreError::io("listing", dir, e))?;
        let mut firsts: Vec<Height> = paths.iter().filter_map(|path| named(path)).collect();
        firsts.sort_unstable();
        let new = Self {
            dir: dir.to_owned(),
            medium,
            sizes,
            files: RwLock::default(),
        };
        // Those before the one that goes on behind the base were not removed yet.
        let superseded = firsts.partition_point(|first| *first <= base + 1);
        for first in firsts.drain(..superseded.saturating_sub(1)) {
            new.remove(first)?;
        }
        // Files without a gap between them from the first block on; the last of them is the one that grows. Where the ledger log does not
        // hold all blocks, neither can this, and it may hold fewer.
        let begins = |first: &Height| *first <= base + 1 || base > 0;
        let mut kept = usize::from(firsts.first().is_some_and(begins));
        while kept > 0 && kept < firsts.len() {
            let (last, next) = (firsts[kept - 1], firsts[kept]);
            if !new.is_full(last, next - last)? {
                break;
            }
            kept += 1;
        }
        for &first in &firsts[kept..] {
            new.remove(first)?;
        }
        firsts.truncate(kept);
        let (first, ends, file) = match firsts.pop() {
            Some(first) => {
                let (ends, file) = new.continue_at(first)?;
                (first, ends, file)
            }
            None => (base + 1, Vec::new(), new.create(base + 1)?),
        };
        let last = first + ends.len() as u64 - 1;
        *new.files.write().unwrap_or_else(PoisonError::into_inner) = Files {
            full: firsts,
            first,
            ends,
        };
        let files = Arc::new(new);
        let writer = ReceiptWriter {
            files: Arc::clone(&files),
            file,
            scratch: Vec::new(),
        };
        Ok((files, writer, last))
    }

    /// Removes the files whose blocks are all at or below this height.
    pub(super) fn forget_up_to(&self, height: Height) -> Result<(), StoreError> {
        let old: Vec<Height> = {
            let files = self.files.write();
            let mut files = files.unwrap_or_else(PoisonError::into_inner);
            let after = files.full.partition_point(|first| *first <= height + 1);
            // The last of these holds that height, or what follows it.
            let count = match files.first <= height + 1 {
                true => files.full.len(),
                false => after.saturating_sub(1),
            };
            files.full.drain(..count).collect()
        };
        old.into_iter().try_for_each(|first| self.remove(first))
    }

    /// The first block that can be read, once it is there.
    pub(super) fn first(&self) -> Height {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.full.first().copied().unwrap_or(files.first)
    }

    fn remove(&self, first: Height) -> Result<(), StoreError> {
        let path = self.path(first);
        let removed = self.medium.remove(&path);
        removed.map_err(|e| StoreError::io("removing", &path, e))
    }

    /// What is kept of a block; `None` when it is not here yet, or not any more.
    pub(super) fn read(&self, height: Height) -> Result<Option<Block>, StoreError> {
        let found = match self.find(height) {
            // Its file was removed meanwhile.
            Err(_) if height < self.first() => return Ok(None),
            found => found?,
        };
        let Some(Found { path, start, end }) = found else {
            return Ok(None);
        };
        let wrong = || damaged(&path, start);
        let length = end.checked_sub(start).ok_or_else(wrong)?;
        let mut record = vec![0; usize::try_from(length).map_err(failed)?];
        let file = match self.reader(&path) {
            Err(_) if height < self.first() => return Ok(None),
            file => file?,
        };
        file.read_at(&mut record, start)
            .map_err(|e| StoreError::io("reading", &path, e))?;
        let (found, payload) = record_of(&record).ok_or_else(wrong)?;
        if found != height || payload.len() + RECORD_HEAD_BYTES != record.len() {
            return Err(wrong());
        }
        let block = Block::parse(height, payload).ok_or_else(wrong)?;
        Ok(Some(block))
    }

    /// The last block that can be read; 0 when there is none.
    pub(super) fn last(&self) -> Height {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.first + files.ends.len() as u64 - 1
    }

    fn find(&self, height: Height) -> Result<Option<Found>, StoreError> {
        let (first, count) = {
            let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
            if height >= files.first {
                let at = usize::try_from(height - files.first).map_err(failed)?;
                let Some(&end) = files.ends.get(at) else {
                    return Ok(None);
                };
                let start = at
                    .checked_sub(1)
                    .map_or(HEAD_BYTES as u32, |i| files.ends[i]);
                return Ok(Some(Found {
                    path: self.path(files.first),
                    start: u64::from(start),
                    end: u64::from(end),
                }));
            }
            let after = files.full.partition_point(|first| *first <= height);
            let Some(at) = after.checked_sub(1) else {
                return Ok(None);
            };
            let next = files.full.get(after).unwrap_or(&files.first);
            (files.full[at], next - files.full[at])
        };
        let path = self.path(first);
        let file = self.reader(&path)?;
        let cannot = |e| StoreError::io("reading", &path, e);
        let ends = file
            .len()
            .map_err(cannot)?
            .checked_sub(TRAILER_BYTES + 4 * count);
        let ends = ends.ok_or_else(|| damaged(&path, 0))?;
        let at = height - first;
        let mut bytes = [0; 8];
        let start = if at == 0 {
            file.read_at(&mut bytes[4..], ends).map_err(cannot)?;
            HEAD_BYTES as u32
        } else {
            file.read_at(&mut bytes, ends + 4 * (at - 1))
                .map_err(cannot)?;
            u32_at(&bytes, 0)
        };
        let end = u32_at(&bytes, 4);
        // Checked when the index was opened, and perhaps damaged since: nothing longer than the file is read.
        if u64::from(end) > ends {
            return Err(damaged(&path, ends));
        }
        Ok(Some(Found {
            path,
            start: u64::from(start),
            end: u64::from(end),
        }))
    }

    /// Whether the file that begins with this height was finished with so many blocks.
    fn is_full(&self, first: Height, count: u64) -> Result<bool, StoreError> {
        // Never so many that memory were an argument: no file has more.
        if count > self.sizes.file_blocks as u64 {
            return Ok(false);
        }
        let path = self.path(first);
        let cannot = |e| StoreError::io("reading", &path, e);
        let file = self.reader(&path)?;
        let length = file.len().map_err(cannot)?;
        let Some(at) = length.checked_sub(TRAILER_BYTES + 4 * count) else {
            return Ok(false);
        };
        let mut bytes = vec![0; usize::try_from(length - at).map_err(failed)?];
        file.read_at(&mut bytes, at).map_err(cannot)?;
        let covered = bytes.len() - 4;
        Ok(u64::from(u32_at(&bytes, covered - 4)) == count
            && u32_at(&bytes, covered) == crc32c::crc32c(&bytes[..covered]))
    }

    /// Reads the file that grows, and cuts off what is no whole record.
    fn continue_at(&self, first: Height) -> Result<(Vec<u32>, Box<dyn AppendFile>), StoreError> {
        let path = self.path(first);
        let bytes = self.medium.view(&path, None);
        let bytes = bytes.map_err(|e| StoreError::io("mapping", &path, e))?;
        bytes.advise_sequential();
        let head = bytes.get(..HEAD_BYTES);
        if head.is_none_or(|head| head != self::head(first)) {
            drop(bytes);
            self.remove(first)?;
            return Ok((Vec::new(), self.create(first)?));
        }
        let mut ends = Vec::new();
        let mut at = HEAD_BYTES;
        while let Some((height, payload)) = record_of(&bytes[at..]) {
            let end = at + RECORD_HEAD_BYTES + payload.len();
            let Ok(told) = u32::try_from(end) else {
                break;
            };
            if height != first + ends.len() as u64 || Block::parse(height, payload).is_none() {
                break;
            }
            ends.push(told);
            at = end;
        }
        drop(bytes);
        let file = self.medium.open(&path, at as u64);
        let file = file.map_err(|e| StoreError::io("opening", &path, e))?;
        Ok((ends, file))
    }

    fn create(&self, first: Height) -> Result<Box<dyn AppendFile>, StoreError> {
        let path = self.path(first);
        let file = self.medium.create(&path);
        let mut file = file.map_err(|e| StoreError::io("creating", &path, e))?;
        write_all(file.as_mut(), &head(first)).map_err(|e| StoreError::io("writing", &path, e))?;
        Ok(file)
    }

    fn path(&self, first: Height) -> PathBuf {
        self.dir.join(format!("{first:020}{SUFFIX}"))
    }

    fn reader(&self, path: &Path) -> Result<Box<dyn ReadFile>, StoreError> {
        let file = self.medium.reader(path);
        file.map_err(|e| StoreError::io("opening", path, e))
    }
}

impl ReceiptWriter {
    /// Appends the next block. Whether a file became full before it, in which everything before it is now durable.
    pub(super) fn append(
        &mut self,
        height: Height,
        dropped: &[Dropped],
        receipts: &[u8],
    ) -> Result<bool, StoreError> {
        let (first, last, count) = {
            let files = self.files.files.read();
            let files = files.unwrap_or_else(PoisonError::into_inner);
            let last = files.ends.last().copied().unwrap_or(HEAD_BYTES as u32);
            (files.first, u64::from(last), files.ends.len())
        };
        let content = 4 + DROPPED_BYTES * dropped.len() + receipts.len();
        let length = (RECORD_HEAD_BYTES + content) as u64;
        let Sizes {
            file_bytes,
            file_blocks,
            ..
        } = self.files.sizes;
        let full = count > 0 && (last + length > file_bytes || count == file_blocks);
        let (first, last) = if full {
            self.finish(first)?;
            (height, HEAD_BYTES as u64)
        } else {
            (first, last)
        };
        let path = self.files.path(first);
        let end = u32::try_from(last + length);
        let end =
            end.map_err(|_| failed(format!("the receipts of block {height} are too long")))?;
        self.scratch.clear();
        self.scratch.extend_from_slice(&[0; 4]);
        let count = |n: usize| u32::try_from(n).expect("the end fits, so the length does");
        self.scratch
            .extend_from_slice(&count(content).to_le_bytes());
        self.scratch.extend_from_slice(&height.to_le_bytes());
        self.scratch
            .extend_from_slice(&count(dropped.len()).to_le_bytes());
        for transaction in dropped {
            self.scratch.extend_from_slice(&transaction.id.0);
            self.scratch
                .extend_from_slice(&transaction.code.0.to_le_bytes());
        }
        self.scratch.extend_from_slice(receipts);
        let crc = crc32c::crc32c(&self.scratch[4..]);
        self.scratch[..4].copy_from_slice(&crc.to_le_bytes());
        write_all(self.file.as_mut(), &self.scratch)
            .map_err(|e| StoreError::io("writing", &path, e))?;
        let files = self.files.files.write();
        let mut files = files.unwrap_or_else(PoisonError::into_inner);
        files.ends.push(end);
        Ok(full)
    }

    /// Returns when everything appended is durable.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        let synced = self.file.sync();
        synced.map_err(|e| StoreError::sync(&self.files.dir, e))
    }

    /// Closes the file that grows and begins the next.
    fn finish(&mut self, first: Height) -> Result<(), StoreError> {
        let path = self.files.path(first);
        let (bytes, count) = {
            let files = self.files.files.read();
            let files = files.unwrap_or_else(PoisonError::into_inner);
            let mut bytes: Vec<u8> = files
                .ends
                .iter()
                .flat_map(|end| end.to_le_bytes())
                .collect();
            let count = u32::try_from(files.ends.len()).expect("blocks of a file are bounded");
            bytes.extend_from_slice(&count.to_le_bytes());
            let crc = crc32c::crc32c(&bytes);
            bytes.extend_from_slice(&crc.to_le_bytes());
            (bytes, u64::from(count))
        };
        write_all(self.file.as_mut(), &bytes).map_err(|e| StoreError::io("writing", &path, e))?;
        self.file.finish().map_err(|e| StoreError::sync(&path, e))?;
        let next = first + count;
        self.file = self.files.create(next)?;
        let dir = &self.files.dir;
        let synced = self.files.medium.sync_dir(dir);
        synced.map_err(|e| StoreError::sync(dir, e))?;
        let files = self.files.files.write();
        let mut files = files.unwrap_or_else(PoisonError::into_inner);
        files.full.push(first);
        files.first = next;
        files.ends.clear();
        Ok(())
    }
}

fn head(first: Height) -> [u8; HEAD_BYTES] {
    let mut out = [0; HEAD_BYTES];
    out[..8].copy_from_slice(&TAG);
    out[8..].copy_from_slice(&first.to_le_bytes());
    out
}

/// Height and receipts of the record at the beginning of these bytes; `None` when it is not whole.
fn record_of(bytes: &[u8]) -> Option<(Height, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<RECORD_HEAD_BYTES>()?;
    let payload = rest.get(..usize::try_from(u32_at(head, 4)).ok()?)?;
    let covered = &bytes[4..RECORD_HEAD_BYTES + payload.len()];
    (u32_at(head, 0) == crc32c::crc32c(covered)).then(|| {
        let height = head[8..].first_chunk().expect("8 bytes are left");
        (Height::from_le_bytes(*height), payload)
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..].first_chunk().expect("the caller looked");
    u32::from_le_bytes(*bytes)
}

fn named(path: &Path) -> Option<Height> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    name.parse().ok()
}
