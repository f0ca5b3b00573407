//! Reads records of a log by place, while it grows.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use super::error::StoreError;
use super::format::{
    Damage, RECORD_HEADER_BYTES, RECORD_TRAILER_BYTES, SEGMENT_HEADER_BYTES, record_at,
};
use super::log::put_away;
use super::medium::{Medium, ReadFile, View};

/// Where a record starts: number of the segment in its log, and byte in the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

/// One file of a log. Bytes below `synced` never change.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) first_sequence: u64,
    synced: AtomicU64,
    sealed: AtomicBool,
    medium: Arc<dyn Medium>,
    view: OnceLock<View>,
    file: OnceLock<Box<dyn ReadFile>>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("path", &self.path)
            .field("first_sequence", &self.first_sequence)
            .field("synced", &self.synced)
            .field("sealed", &self.sealed)
            .finish_non_exhaustive()
    }
}

impl Segment {
    pub(crate) fn new(
        path: PathBuf,
        first_sequence: u64,
        synced: u64,
        medium: Arc<dyn Medium>,
    ) -> Self {
        Self {
            path,
            first_sequence,
            synced: AtomicU64::new(synced),
            sealed: AtomicBool::new(false),
            medium,
            view: OnceLock::new(),
            file: OnceLock::new(),
        }
    }

    pub(crate) fn synced_bytes(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    pub(crate) fn set_synced_bytes(&self, bytes: u64) {
        self.synced.store(bytes, Ordering::Release);
    }

    /// From now on nothing is appended, so the file may be viewed as a whole.
    pub(crate) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
    }

    /// All that was written of it, as it is on disk now.
    pub(super) fn view(&self) -> Result<View, StoreError> {
        let view = self.medium.view(&self.path, Some(self.synced_bytes()));
        view.map_err(|e| StoreError::io("mapping", &self.path, e))
    }

    /// Removes the file, or moves it there; who reads from it meanwhile still can.
    pub(crate) fn put_away(&self, archive: Option<&Path>) -> Result<(), StoreError> {
        put_away(self.medium.as_ref(), &self.path, archive)
    }

    /// Hands the payload of the record at `offset` to `take`, with its sequence and the next record's offset.
    fn read<T>(
        &self,
        offset: u64,
        take: impl FnOnce(StoredRecord<'_>) -> T,
    ) -> Result<T, StoreError> {
        let failed = |source| StoreError::io("reading", &self.path, source);
        let synced = self.synced_bytes();
        if self.sealed.load(Ordering::Acquire) {
            let view = match self.view.get() {
                Some(view) => view,
                None => {
                    let view = self.medium.view(&self.path, Some(synced)).map_err(failed)?;
                    self.view.get_or_init(|| view)
                }
            };
            let at = usize::try_from(offset).unwrap_or(usize::MAX);
            return self.take(offset, record_at(view, at), take);
        }
        let file = match self.file.get() {
            Some(file) => file,
            None => {
                let file = self.medium.reader(&self.path).map_err(failed)?;
                self.file.get_or_init(|| file)
            }
        };
        let mut head = [0; RECORD_HEADER_BYTES];
        file.read_at(&mut head, offset).map_err(failed)?;
        let payload = u64::from(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        let whole = (RECORD_HEADER_BYTES + RECORD_TRAILER_BYTES) as u64 + payload;
        if offset.saturating_add(whole) > synced {
            return self.take(offset, Err(Damage::Cut), take);
        }
        let mut bytes = vec![0; usize::try_from(whole).map_err(|_| StoreError::Stopped)?];
        file.read_at(&mut bytes, offset).map_err(failed)?;
        self.take(offset, record_at(&bytes, 0), take)
    }

    fn take<T>(
        &self,
        offset: u64,
        found: Result<(super::format::RecordHeader, &[u8]), Damage>,
        take: impl FnOnce(StoredRecord<'_>) -> T,
    ) -> Result<T, StoreError> {
        match found {
            Ok((header, payload)) => Ok(take(StoredRecord {
                sequence: header.sequence,
                payload,
                next_offset: offset + header.record_bytes() as u64,
            })),
            Err(damage) => Err(StoreError::Corrupt {
                path: self.path.clone(),
                offset,
                sequence: self.first_sequence,
                damage,
            }),
        }
    }
}

/// A record read back, its checksum right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredRecord<'a> {
    pub(crate) sequence: u64,
    pub(crate) payload: &'a [u8],
    pub(crate) next_offset: u64,
}

/// All segments of one log, shared by its writer and its readers. A segment keeps its number while older ones are removed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segments(Arc<RwLock<List>>);

#[derive(Debug, Default)]
struct List {
    /// Number of the oldest.
    first: u32,
    segments: VecDeque<Arc<Segment>>,
}

impl List {
    fn get(&self, number: u32) -> Option<&Arc<Segment>> {
        self.segments.get(number.checked_sub(self.first)? as usize)
    }
}

impl Segments {
    fn read_list(&self) -> RwLockReadGuard<'_, List> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the newest segment and returns its number.
    pub(crate) fn push(&self, segment: Segment) -> u32 {
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        list.segments.push_back(Arc::new(segment));
        let behind = u32::try_from(list.segments.len() - 1).expect("fewer than 2^32 segments");
        list.first + behind
    }

    pub(crate) fn get(&self, number: u32) -> Option<Arc<Segment>> {
        self.read_list().get(number).cloned()
    }

    /// The oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Segment>> {
        self.read_list().segments.iter().cloned().collect()
    }

    /// Number of the oldest.
    pub(crate) fn first(&self) -> u32 {
        self.read_list().first
    }

    /// Forgets the segments before `number` and returns them. What is being read of them is read to its end.
    pub(crate) fn keep_from(&self, number: u32) -> Vec<Arc<Segment>> {
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let count = number.saturating_sub(list.first) as usize;
        let count = count.min(list.segments.len());
        list.first = list.first.max(number);
        list.segments.drain(..count).collect()
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.list().len()).expect("fewer than 2^32 segments")
    }

    /// Bytes of all segments, synced ones.
    pub(crate) fn bytes(&self) -> u64 {
        self.list().iter().map(|s| s.synced_bytes()).sum()
    }

    /// Reads the record at `location`, its checksum checked.
    pub(crate) fn read<T>(
        &self,
        location: Location,
        take: impl FnOnce(StoredRecord<'_>) -> T,
    ) -> Result<T, StoreError> {
        let segment = self.get(location.segment).ok_or_else(|| StoreError::Io {
            action: "reading segment",
            path: PathBuf::new(),
            source: io::Error::new(io::ErrorKind::NotFound, "no such segment"),
        })?;
        segment.read(u64::from(location.offset), take)
    }

    /// The place after `location`, given what was read there; `None` at the synced end.
    pub(crate) fn next(&self, location: Location, next_offset: u64) -> Option<Location> {
        let segment = self.get(location.segment)?;
        if next_offset < segment.synced_bytes() {
            return Some(Location {
                segment: location.segment,
                offset: u32::try_from(next_offset).ok()?,
            });
        }
        self.first_from(location.segment + 1)
    }

    /// The first record at or after the start of this segment; `None` when there is none yet.
    pub(crate) fn first_from(&self, segment: u32) -> Option<Location> {
        let list = self.read_list();
        let numbered = (list.first..).zip(&list.segments);
        numbered
            .skip_while(|(number, _)| *number < segment)
            .find(|(_, s)| s.synced_bytes() > SEGMENT_HEADER_BYTES as u64)
            .map(|(number, _)| Location {
                segment: number,
                offset: SEGMENT_HEADER_BYTES as u32,
            })
    }
}
