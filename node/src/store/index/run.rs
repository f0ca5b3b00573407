//! A file of places, sorted.
//!
//! Pages of 4,096 bytes, then the first fingerprint of each page, then the trailer; all integers little endian:
//!
//! | bytes | of a page |
//! |---|---|
//! | 16 each, 255 | places, the rest zeros |
//! | 4 | how many of them there are |
//! | 8 | 0 |
//! | 4 | CRC32C of all before |
//!
//! | bytes | of the trailer |
//! |---|---|
//! | 8, 8, 8 | tag with the format version; how many places; how many pages |
//! | 4 | CRC32C of the fingerprints and the above |
//!
//! The name tells from which block to which. A file without its trailer was not finished.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bds_contracts::block::Height;

use super::super::error::StoreError;
use super::super::log::write_all;
use super::super::medium::{AppendFile, Medium, ReadFile, files_with_suffix};
use super::places::{Entry, of};
use super::{damaged, failed};

const TAG: [u8; 8] = *b"BDSPLAC\x01";
const SUFFIX: &str = ".places";
const PAGE_BYTES: usize = 4_096;
const PAGE_PLACES: usize = 255;
const TRAILER_BYTES: usize = 8 + 8 + 8 + 4;
/// Pages in one read while merging, and in one write.
const PIECE_PAGES: usize = 64;
/// A long file is made durable in steps, so that the logs never wait for all of it.
const SYNC_BYTES: usize = 8 << 20;

/// See the file's first line.
pub(super) struct Run {
    pub(super) path: PathBuf,
    /// First and last block.
    pub(super) first: Height,
    pub(super) last: Height,
    /// Places in it.
    pub(super) count: u64,
    /// First fingerprint of each page: 8 bytes in memory for 255 places.
    fences: Vec<u64>,
    file: Box<dyn ReadFile>,
}

/// Runs in the directory: by rising first height, of equal ones the longest first. Names that are none are left alone.
pub(super) fn list(
    medium: &dyn Medium,
    dir: &Path,
) -> Result<Vec<(PathBuf, Height, Height)>, StoreError> {
    let paths = files_with_suffix(medium, dir, SUFFIX);
    let paths = paths.map_err(|e| StoreError::io("listing", dir, e))?;
    let named = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
        let (first, last) = name.split_once('-')?;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        Some((path, first, last))
    };
    let mut found: Vec<(PathBuf, Height, Height)> = paths.into_iter().filter_map(named).collect();
    found.sort_by_key(|(_, first, last)| (*first, std::cmp::Reverse(*last)));
    Ok(found)
}

impl Run {
    /// # Errors
    /// The system's; one about damage when the file is not whole.
    pub(super) fn open(
        medium: &dyn Medium,
        path: &Path,
        first: Height,
        last: Height,
    ) -> Result<Self, StoreError> {
        let cannot = |e| StoreError::io("reading", path, e);
        let file = medium.reader(path).map_err(cannot)?;
        let length = file.len().map_err(cannot)?;
        let wrong = || damaged(path, length);
        let at = length.checked_sub(TRAILER_BYTES as u64).ok_or_else(wrong)?;
        let mut trailer = [0; TRAILER_BYTES];
        file.read_at(&mut trailer, at).map_err(cannot)?;
        let (count, pages) = (u64_at(&trailer, 8), u64_at(&trailer, 16));
        let fits = pages.checked_mul(PAGE_BYTES as u64 + 8) == Some(at)
            && count.div_ceil(PAGE_PLACES as u64) == pages;
        if trailer[..8] != TAG || !fits {
            return Err(wrong());
        }
        let bytes = pages.checked_mul(8).ok_or_else(wrong)?;
        let mut fences = vec![0; usize::try_from(bytes).map_err(failed)?];
        file.read_at(&mut fences, at - bytes).map_err(cannot)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&fences), &trailer[..24]);
        if trailer[24..] != crc.to_le_bytes() {
            return Err(wrong());
        }
        let fences = fences
            .chunks_exact(8)
            .map(|bytes| u64_at(bytes, 0))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            first,
            last,
            count,
            fences,
            file,
        })
    }

    /// The places with this fingerprint.
    pub(super) fn find(&self, fingerprint: u64) -> Result<Vec<Entry>, StoreError> {
        // It may begin in the page before the first that begins with it.
        let after = self.fences.partition_point(|first| *first < fingerprint);
        let mut found = Vec::new();
        for page in after.saturating_sub(1)..self.fences.len() {
            if self.fences[page] > fingerprint {
                break;
            }
            let mut entries = Vec::with_capacity(PAGE_PLACES);
            self.read(page, 1, &mut entries)?;
            found.extend_from_slice(of(&entries, fingerprint));
        }
        Ok(found)
    }

    /// Appends the places of `count` pages to `out`.
    fn read(&self, page: usize, count: usize, out: &mut Vec<Entry>) -> Result<(), StoreError> {
        let mut bytes = vec![0; count * PAGE_BYTES];
        let at = (page * PAGE_BYTES) as u64;
        let read = self.file.read_at(&mut bytes, at);
        read.map_err(|e| StoreError::io("reading", &self.path, e))?;
        for (number, page) in bytes.chunks_exact(PAGE_BYTES).enumerate() {
            let wrong = || damaged(&self.path, at + (number * PAGE_BYTES) as u64);
            let (covered, crc) = page.split_at(PAGE_BYTES - 4);
            let places = u32::from_le_bytes(*covered[16 * PAGE_PLACES..].first_chunk().expect("4"));
            let places = usize::try_from(places).map_err(failed)?;
            if crc != crc32c::crc32c(covered).to_le_bytes() || places > PAGE_PLACES {
                return Err(wrong());
            }
            let entries = covered[..16 * places].chunks_exact(16);
            out.extend(entries.map(|bytes| {
                Entry::from_le_bytes(*bytes.first_chunk().expect("a chunk has 16 bytes"))
            }));
        }
        Ok(())
    }
}

/// Sorted places that are merged: a piece at a time.
pub(super) struct Source<'a> {
    piece: Vec<Entry>,
    at: usize,
    run: Option<&'a Run>,
    page: usize,
}

impl<'a> Source<'a> {
    pub(super) fn held(piece: Vec<Entry>) -> Self {
        Self {
            piece,
            at: 0,
            run: None,
            page: 0,
        }
    }

    pub(super) fn of(run: &'a Run) -> Self {
        Self {
            run: Some(run),
            ..Self::held(Vec::new())
        }
    }

    /// The next place, left where it is.
    #[inline]
    fn head(&mut self) -> Result<Option<Entry>, StoreError> {
        if self.at == self.piece.len()
            && let Some(run) = self.run
        {
            let pages = (run.fences.len() - self.page).min(PIECE_PAGES);
            self.piece.clear();
            self.at = 0;
            run.read(self.page, pages, &mut self.piece)?;
            self.page += pages;
        }
        Ok(self.piece.get(self.at).copied())
    }
}

/// Merges the sources to a file of these heights, which is durable with its name when this returns.
pub(super) fn write(
    medium: &Arc<dyn Medium>,
    dir: &Path,
    (first, last): (Height, Height),
    mut sources: Vec<Source<'_>>,
) -> Result<Run, StoreError> {
    let path = dir.join(format!("{first:020}-{last:020}{SUFFIX}"));
    // Not as a log, which writes zeros ahead: nothing waits for each of these pages.
    let file = medium.rewrite(&path);
    let mut pages = Pages {
        file: file.map_err(|e| StoreError::io("creating", &path, e))?,
        path: &path,
        bytes: Vec::with_capacity(PIECE_PAGES * PAGE_BYTES),
        unsynced: 0,
        page: Vec::with_capacity(PAGE_PLACES),
        fences: Vec::new(),
        count: 0,
    };
    let mut heads = Vec::with_capacity(sources.len());
    for source in &mut sources {
        heads.push(source.head()?);
    }
    // None of them has more than a few sources, so looking at each head is quicker than a heap.
    while let Some(lowest) = heads.iter().flatten().min().copied() {
        pages.add(lowest)?;
        for (head, source) in heads.iter_mut().zip(&mut sources) {
            if *head == Some(lowest) {
                source.at += 1;
                *head = source.head()?;
            }
        }
    }
    pages.finish()?;
    medium.sync_dir(dir).map_err(|e| StoreError::sync(dir, e))?;
    Run::open(medium.as_ref(), &path, first, last)
}

/// Writes pages.
struct Pages<'a> {
    file: Box<dyn AppendFile>,
    path: &'a Path,
    /// Pages that are not written yet.
    bytes: Vec<u8>,
    unsynced: usize,
    page: Vec<Entry>,
    fences: Vec<u64>,
    count: u64,
}

impl Pages<'_> {
    #[inline]
    fn add(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.page.push(entry);
        if self.page.len() == PAGE_PLACES {
            self.end_page()?;
        }
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), StoreError> {
        let Some(first) = self.page.first() else {
            return Ok(());
        };
        self.fences.push((*first >> 64) as u64);
        self.count += self.page.len() as u64;
        let start = self.bytes.len();
        for entry in &self.page {
            self.bytes.extend_from_slice(&entry.to_le_bytes());
        }
        self.bytes.resize(start + 16 * PAGE_PLACES, 0);
        let places = u32::try_from(self.page.len()).expect("places of a page are bounded");
        self.bytes.extend_from_slice(&places.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 8]);
        let crc = crc32c::crc32c(&self.bytes[start..]);
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        self.page.clear();
        if self.bytes.len() >= PIECE_PAGES * PAGE_BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let written = write_all(self.file.as_mut(), &self.bytes);
        written.map_err(|e| StoreError::io("writing", self.path, e))?;
        self.unsynced += self.bytes.len();
        self.bytes.clear();
        if self.unsynced >= SYNC_BYTES {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.unsynced = 0;
        self.file.sync().map_err(|e| StoreError::sync(self.path, e))
    }

    fn finish(mut self) -> Result<(), StoreError> {
        self.end_page()?;
        self.write()?;
        let mut end: Vec<u8> = self
            .fences
            .iter()
            .flat_map(|first| first.to_le_bytes())
            .collect();
        end.extend_from_slice(&TAG);
        end.extend_from_slice(&self.count.to_le_bytes());
        end.extend_from_slice(&(self.fences.len() as u64).to_le_bytes());
        let crc = crc32c::crc32c(&end);
        end.extend_from_slice(&crc.to_le_bytes());
        self.bytes = end;
        self.write()?;
        let finished = self.file.finish();
        finished.map_err(|e| StoreError::sync(self.path, e))
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes[at..].first_chunk().expect("the caller looked");
    u64::from_le_bytes(*bytes)
}
