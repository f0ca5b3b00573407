//! An append-only log in segments: appended records are durable when [`Log::sync`] returns, in order, or not at all.
//!
//! Appending only fills a buffer, so a turn of the core costs one write and one `fdatasync`, into zeros that were written
//! ahead. After any error from a write or a sync the log refuses everything: a failed `fdatasync` may have dropped pages, and
//! only opening the files again shows what is there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bds_contracts::tx::ChainId;

use super::contents::{self, Of};
use super::error::StoreError;
use super::format::{
    BadRecord, Chain, Damage, PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES, RecordHeader, RecordRef,
    SEGMENT_HEADER_BYTES, SegmentHeader, Walk, seal,
};
use super::medium::{AppendFile, Medium, files_with_suffix};
use super::segments::{Location, Segment, Segments};

/// Buffered bytes that are handed to the system without waiting for the sync.
const BUFFER_BYTES_MAX: usize = 4 << 20;
/// So many of the last segments are read on opening in any case: nothing that may have been written when a crash came is taken for known.
const READ_SEGMENTS: usize = 2;
/// Kind of the record that opens a restarted log; its payload is the number of records kept, as u64.
const KIND_RESTART: u8 = 255;
/// File names end so.
pub(crate) const SEGMENT_SUFFIX: &str = ".log";

/// What a log needs to know about itself.
#[derive(Clone)]
pub(crate) struct LogOptions {
    pub(crate) dir: PathBuf,
    /// First bytes of every segment: which log, which version.
    pub(crate) tag: [u8; 8],
    pub(crate) ledger: ChainId,
    /// A segment is sealed when the next record would pass this length.
    pub(crate) segment_bytes: u64,
    /// Off: `sync` writes and does not wait for the disk. For measurements only.
    pub(crate) durable: bool,
    /// Records below this sequence were removed on purpose. A segment begins with it.
    pub(crate) first_sequence: u64,
    /// Where such segments go; they are removed where there is no such place.
    pub(crate) archive: Option<PathBuf>,
    /// Records below this sequence had been durable when the metadata was written: a shorter log has lost some.
    pub(crate) durable_floor: u64,
    pub(crate) medium: Arc<dyn Medium>,
}

/// Asked on opening whether it knows what is in the segment with this number.
pub(crate) type Knows<'a> = dyn FnMut(&Path, u32, Of) -> bool + 'a;

/// Told of every record found on opening, in order. An error means that the payload does not decode.
pub(crate) type Visit<'a> = dyn FnMut(Location, RecordRef<'_>) -> Result<(), Damage> + 'a;

/// An end that was never synced and is gone now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornEnd {
    /// File that was cut or removed.
    pub path: PathBuf,
    /// From this byte on.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Sequence the torn record would have had.
    pub sequence: u64,
}

impl std::fmt::Display for TornEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} bytes from byte {} of {}, where record {} would have been",
            self.bytes,
            self.offset,
            self.path.display(),
            self.sequence
        )
    }
}

/// See the file's first line.
pub(crate) struct Log {
    options: LogOptions,
    segments: Segments,
    file: Box<dyn AppendFile>,
    segment: Arc<Segment>,
    segment_number: u32,
    /// Bytes of the current segment handed to the system.
    written: u64,
    buffer: Vec<u8>,
    sequence: u64,
    /// Sequence of the first record that is not synced.
    group_start: u64,
    chain: Chain,
    failed: bool,
}

impl Log {
    /// Opens the log in `options.dir`, and shows every record in it to `visit`, in order, but for those in segments that `knows` says it knows
    /// what is in. Of those the header is checked, of all others every byte.
    ///
    /// A torn end is cut off and reported. An error of `visit` means that a payload does not decode.
    ///
    /// # Errors
    /// Damage that is no torn end, a missing segment, another ledger's segment, the system's.
    ///
    /// Cost: one pass over the segments that are not known, the last two among them.
    pub(crate) fn open(
        options: LogOptions,
        knows: &mut Knows<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<(Self, Option<TornEnd>), StoreError> {
        let dir = &options.dir;
        let medium = &options.medium;
        medium
            .create_dir(dir)
            .map_err(|e| StoreError::io("creating", dir, e))?;
        let mut paths = files_with_suffix(medium.as_ref(), dir, SEGMENT_SUFFIX)
            .map_err(|e| StoreError::io("listing", dir, e))?;
        // A crash may have come before all of what a restart supersedes was removed.
        for old in paths.drain(..newest_restart(medium.as_ref(), &paths)?) {
            medium
                .remove(&old)
                .map_err(|e| StoreError::io("removing", &old, e))?;
        }
        // Nor after all of what is not kept any more was.
        while let Some(next) = paths.get(1).and_then(|path| first_of(path))
            && next <= options.first_sequence
        {
            let old = paths.remove(0);
            put_away(medium.as_ref(), &old, options.archive.as_deref())?;
        }
        let segments = Segments::default();
        let mut next: Option<(u64, Chain)> = None;
        let mut torn = None;
        for (i, path) in paths.iter().enumerate() {
            let is_last = i + 1 == paths.len();
            let bytes = medium
                .view(path, None)
                .map_err(|e| StoreError::io("mapping", path, e))?;
            if let Some(behind) = paths.get(i + 1).filter(|_| i + READ_SEGMENTS < paths.len())
                && let Some(after) = header_of(medium.as_ref(), behind)?
                && let Some(header) = SegmentHeader::parse(&bytes)
                && header.tag == options.tag
                && header.ledger == options.ledger
                && follows(&options, next, &header)
            {
                let of = Of {
                    first: header.first_sequence,
                    next: after.first_sequence,
                    bytes: bytes.len() as u64,
                };
                let number = u32::try_from(i).expect("fewer than 2^32 segments");
                if knows(path, number, of) {
                    segments.push(Segment::new(
                        path.clone(),
                        of.first,
                        of.bytes,
                        medium.clone(),
                    ));
                    next = Some((after.first_sequence, after.chain));
                    continue;
                }
            }
            bytes.advise_sequential();
            match scan_segment(&options, path, &bytes, next, is_last, &segments, visit)? {
                Scanned::Whole { sequence, chain } => next = Some((sequence, chain)),
                Scanned::Torn {
                    end,
                    sequence,
                    chain,
                } => {
                    next = Some((sequence, chain));
                    torn = Some(end);
                }
                Scanned::Nothing { end } => torn = Some(end),
            }
            drop(bytes);
            if let Some(end) = &torn
                && end.offset == 0
            {
                medium
                    .remove(path)
                    .map_err(|e| StoreError::io("removing", path, e))?;
                medium.sync_dir(dir).map_err(|e| StoreError::sync(dir, e))?;
            }
        }
        let (sequence, chain) = next.unwrap_or((0, [0; 32]));
        if sequence < options.durable_floor {
            return Err(StoreError::EndLost {
                path: dir.clone(),
                expected: options.durable_floor,
                found: sequence,
            });
        }
        let log = Self::continue_at(options, segments, sequence, chain)?;
        Ok((log, torn))
    }

    /// Opens the newest segment for appending, or creates the first.
    fn continue_at(
        options: LogOptions,
        segments: Segments,
        sequence: u64,
        chain: Chain,
    ) -> Result<Self, StoreError> {
        let list = segments.list();
        let (file, segment, written) = match list.last() {
            Some(segment) => {
                let written = segment.synced_bytes();
                let file = options
                    .medium
                    .open(&segment.path, written)
                    .map_err(|e| StoreError::io("opening", &segment.path, e))?;
                (file, segment.clone(), written)
            }
            None => {
                let (file, segment) = create_segment(&options, sequence, chain)?;
                segments.push(segment);
                let segment = segments.get(0).expect("just added");
                (file, segment, SEGMENT_HEADER_BYTES as u64)
            }
        };
        let count = segments.list().len();
        for sealed in &segments.list()[..count - 1] {
            sealed.seal();
        }
        Ok(Self {
            options,
            segments,
            file,
            segment,
            segment_number: u32::try_from(count - 1).expect("fewer than 2^32 segments"),
            written,
            buffer: Vec::new(),
            sequence,
            group_start: sequence,
            chain,
            failed: false,
        })
    }

    /// All segments, for readers; grows with the log.
    pub(crate) fn segments(&self) -> Segments {
        self.segments.clone()
    }

    /// Sequence of the first record that is not durable: everything below is.
    pub(crate) fn durable_sequence(&self) -> u64 {
        self.group_start
    }

    /// Where segments go that are not kept any more, if anywhere.
    pub(crate) fn archive(&self) -> Option<PathBuf> {
        self.options.archive.clone()
    }

    /// Directory of the log.
    pub(crate) fn dir(&self) -> &Path {
        &self.options.dir
    }

    /// Adds a record whose payload `encode` writes at the end of the buffer it is given. Durable after [`Log::sync`].
    ///
    /// Cost: one copy, one CRC32C and one BLAKE3 over the payload; no system call until a few MiB are buffered.
    ///
    /// # Errors
    /// [`StoreError::RecordTooLong`], which changes nothing; any other one stops the log.
    pub(crate) fn append(
        &mut self,
        kind: u8,
        encode: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> Result<Location, StoreError> {
        if self.failed {
            return Err(StoreError::Stopped);
        }
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
        encode(&mut self.buffer)
            .map_err(|e| StoreError::io("encoding for", &self.options.dir, e))?;
        let payload_bytes = self.buffer.len() - start - RECORD_HEADER_BYTES;
        if payload_bytes > PAYLOAD_BYTES_MAX {
            self.buffer.truncate(start);
            return Err(StoreError::RecordTooLong {
                bytes: payload_bytes,
            });
        }
        let mut header = RecordHeader {
            payload_bytes,
            kind,
            group: 0,
            sequence: self.sequence,
        };
        let mut start = start;
        let begins = self.written + start as u64;
        if begins > SEGMENT_HEADER_BYTES as u64
            && begins + header.record_bytes() as u64 > self.options.segment_bytes
        {
            let record = self.buffer.split_off(start);
            self.roll()?;
            self.buffer = record;
            start = 0;
        }
        header.group = u32::try_from(self.sequence - self.group_start).unwrap_or(u32::MAX);
        header.write_to(&mut self.buffer[start..]);
        let (crc, chain) = seal(&self.chain, &self.buffer[start..]);
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        self.buffer.extend_from_slice(&chain);
        let location = Location {
            segment: self.segment_number,
            offset: u32::try_from(self.written + start as u64).expect("segments are below 4 GiB"),
        };
        self.chain = chain;
        self.sequence += 1;
        if self.buffer.len() >= BUFFER_BYTES_MAX {
            self.write_out()?;
        }
        Ok(location)
    }

    /// Returns when everything appended is durable. Without new records it does nothing.
    ///
    /// # Errors
    /// [`StoreError`]; the log then refuses everything.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Stopped);
        }
        if self.group_start == self.sequence {
            return Ok(());
        }
        self.write_out()?;
        if self.options.durable
            && let Err(e) = self.file.sync()
        {
            self.failed = true;
            return Err(StoreError::sync(&self.segment.path, e));
        }
        self.group_start = self.sequence;
        self.segment.set_synced_bytes(self.written);
        Ok(())
    }

    /// Replaces everything in the log by `records` (kind and payload): they go to a new segment, and when that is
    /// durable the old ones are removed. A crash in between leaves either the old content or the new, never a mix.
    ///
    /// # Errors
    /// [`StoreError`]; the log then refuses everything.
    pub(crate) fn restart<'a>(
        &mut self,
        records: impl ExactSizeIterator<Item = (u8, &'a [u8])>,
    ) -> Result<(), StoreError> {
        self.roll()?;
        let segment_bytes = std::mem::replace(&mut self.options.segment_bytes, u64::MAX);
        let count = records.len() as u64;
        self.append(KIND_RESTART, |out| {
            out.extend_from_slice(&count.to_le_bytes());
            Ok(())
        })?;
        for (kind, payload) in records {
            self.append(kind, |out| {
                out.extend_from_slice(payload);
                Ok(())
            })?;
        }
        self.sync()?;
        self.options.segment_bytes = segment_bytes;
        for old in self.segments.keep_from(self.segment_number) {
            old.put_away(None).inspect_err(|_| self.failed = true)?;
        }
        Ok(())
    }

    /// Syncs and seals the current segment and begins the next.
    fn roll(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        if let Err(e) = self.file.finish() {
            self.failed = true;
            return Err(StoreError::sync(&self.segment.path, e));
        }
        match create_segment(&self.options, self.sequence, self.chain) {
            Ok((file, segment)) => {
                self.segment.seal();
                self.file = file;
                self.segment_number = self.segments.push(segment);
                self.segment = self.segments.get(self.segment_number).expect("just added");
                self.written = SEGMENT_HEADER_BYTES as u64;
                Ok(())
            }
            Err(e) => {
                self.failed = true;
                Err(e)
            }
        }
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        if let Err(e) = write_all(self.file.as_mut(), &self.buffer) {
            self.failed = true;
            return Err(StoreError::io("writing", &self.segment.path, e));
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

enum Scanned {
    /// Every byte is right.
    Whole { sequence: u64, chain: Chain },
    /// Right up to a torn end.
    Torn {
        end: TornEnd,
        sequence: u64,
        chain: Chain,
    },
    /// The segment was being created and holds nothing that was durable.
    Nothing { end: TornEnd },
}

fn scan_segment(
    options: &LogOptions,
    path: &Path,
    bytes: &[u8],
    next: Option<(u64, Chain)>,
    is_last: bool,
    segments: &Segments,
    visit: &mut Visit<'_>,
) -> Result<Scanned, StoreError> {
    let corrupt = |bad: BadRecord| StoreError::Corrupt {
        path: path.to_owned(),
        offset: bad.offset,
        sequence: bad.sequence,
        damage: bad.damage,
    };
    let nothing = || Scanned::Nothing {
        end: TornEnd {
            path: path.to_owned(),
            offset: 0,
            bytes: bytes.len() as u64,
            sequence: next.map_or(0, |(sequence, _)| sequence),
        },
    };
    let Some(header) = SegmentHeader::parse(bytes) else {
        // The header is synced before the first record is written, so a bad one with records behind was durable.
        let at_start = BadRecord {
            offset: 0,
            sequence: next.map_or(0, |(sequence, _)| sequence),
            damage: Damage::SegmentHeader,
            was_durable: true,
        };
        if is_last && bytes.len() <= SEGMENT_HEADER_BYTES {
            return Ok(nothing());
        }
        return Err(corrupt(at_start));
    };
    if header.tag != options.tag {
        return Err(StoreError::Format {
            path: path.to_owned(),
            found: header.tag,
            expected: options.tag,
        });
    }
    if header.ledger != options.ledger {
        return Err(StoreError::WrongChain {
            home: path.to_owned(),
            expected: options.ledger,
            found: header.ledger,
        });
    }
    let restart = restart_in(bytes, &header);
    match next {
        Some(_) if follows(options, next, &header) => {
            if restart.is_some() && is_last {
                // The crash came before the new content was durable; the old one is still there.
                return Ok(nothing());
            }
        }
        // Whatever lay before a restart has been removed.
        None if restart.is_some() => {}
        None if follows(options, next, &header) => {}
        _ => {
            // Perhaps it began with a restart that is too damaged to say so.
            Walk::new(bytes, &header).next().map_err(corrupt)?;
            return Err(StoreError::Gap {
                path: path.to_owned(),
                expected: next.map_or(options.first_sequence, |(sequence, _)| sequence),
                found: header.first_sequence,
            });
        }
    }
    let mut walk = Walk::new(bytes, &header);
    let number = segments.push(Segment::new(
        path.to_owned(),
        header.first_sequence,
        bytes.len() as u64,
        options.medium.clone(),
    ));
    loop {
        match walk.next() {
            Ok(Some(record)) if record.kind == KIND_RESTART => {}
            Ok(Some(record)) => {
                let location = Location {
                    segment: number,
                    offset: u32::try_from(record.offset).expect("segments are below 4 GiB"),
                };
                visit(location, record).map_err(|damage| {
                    corrupt(BadRecord {
                        offset: record.offset,
                        sequence: record.sequence,
                        damage,
                        was_durable: true,
                    })
                })?;
            }
            Ok(None) => {
                let segment = segments.get(number).expect("just added");
                segment.set_synced_bytes(walk.offset() as u64);
                return Ok(Scanned::Whole {
                    sequence: walk.sequence(),
                    chain: walk.chain(),
                });
            }
            // The records a restart keeps were durable before the older segments were removed.
            Err(bad)
                if bad.was_durable
                    || !is_last
                    || walk.sequence() < options.durable_floor
                    || restart == Some(Restart::Cut) =>
            {
                return Err(corrupt(bad));
            }
            Err(bad) => {
                let segment = segments.get(number).expect("just added");
                segment.set_synced_bytes(bad.offset);
                return Ok(Scanned::Torn {
                    end: TornEnd {
                        path: path.to_owned(),
                        offset: bad.offset,
                        bytes: bytes.len() as u64 - bad.offset,
                        sequence: bad.sequence,
                    },
                    sequence: walk.sequence(),
                    chain: walk.chain(),
                });
            }
        }
    }
}

/// Whether a segment with this header comes after what ended so, or first.
fn follows(options: &LogOptions, end: Option<(u64, Chain)>, header: &SegmentHeader) -> bool {
    match end {
        Some((sequence, chain)) => sequence == header.first_sequence && chain == header.chain,
        None => {
            header.first_sequence == options.first_sequence
                && (header.first_sequence > 0 || header.chain == [0; 32])
        }
    }
}

fn header_of(medium: &dyn Medium, path: &Path) -> Result<Option<SegmentHeader>, StoreError> {
    let bytes = medium.view(path, None);
    let bytes = bytes.map_err(|e| StoreError::io("mapping", path, e))?;
    Ok(SegmentHeader::parse(&bytes))
}

/// A segment that begins with a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restart {
    /// All records it keeps are there.
    Whole,
    /// Some are missing.
    Cut,
}

fn restart_in(bytes: &[u8], header: &SegmentHeader) -> Option<Restart> {
    let mut walk = Walk::new(bytes, header);
    let first = walk.next().ok()??;
    if first.kind != KIND_RESTART {
        return None;
    }
    let count = u64::from_le_bytes(*first.payload.first_chunk()?);
    for _ in 0..count {
        if !matches!(walk.next(), Ok(Some(_))) {
            return Some(Restart::Cut);
        }
    }
    Some(Restart::Whole)
}

/// Moves a segment to the archive, durably, or removes it where there is none.
pub(super) fn put_away(
    medium: &dyn Medium,
    path: &Path,
    archive: Option<&Path>,
) -> Result<(), StoreError> {
    contents::remove(medium, path)?;
    let (Some(archive), Some(name)) = (archive, path.file_name()) else {
        let removed = medium.remove(path);
        return removed.map_err(|e| StoreError::io("removing", path, e));
    };
    let failed = |e| StoreError::io("archiving", path, e);
    let synced = |dir: &Path| {
        let synced = medium.sync_dir(dir);
        synced.map_err(|e| StoreError::sync(dir, e))
    };
    medium.create_dir(archive).map_err(failed)?;
    let to = archive.join(name);
    match medium.rename(path, &to) {
        // The archive is on another disk.
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
            let unfinished = to.with_extension("unfinished");
            let bytes = medium.view(path, None).map_err(failed)?;
            let mut file = medium.rewrite(&unfinished).map_err(failed)?;
            write_all(file.as_mut(), &bytes).map_err(failed)?;
            file.sync().map_err(|e| StoreError::sync(&unfinished, e))?;
            medium.rename(&unfinished, &to).map_err(failed)?;
            synced(archive)?;
            medium.remove(path).map_err(failed)
        }
        renamed => {
            renamed.map_err(failed)?;
            synced(archive)?;
            path.parent().map_or(Ok(()), synced)
        }
    }
}

/// Sequence of the first record in the segment with this name.
fn first_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(SEGMENT_SUFFIX)?;
    name.parse().ok()
}

/// Which of these segments is the last one with a whole restart; the first if there is none.
fn newest_restart(medium: &dyn Medium, paths: &[PathBuf]) -> Result<usize, StoreError> {
    for (i, path) in paths.iter().enumerate().rev() {
        let bytes = medium
            .view(path, None)
            .map_err(|e| StoreError::io("mapping", path, e))?;
        let restart = SegmentHeader::parse(&bytes).and_then(|header| restart_in(&bytes, &header));
        if restart == Some(Restart::Whole) {
            return Ok(i);
        }
    }
    Ok(0)
}

fn create_segment(
    options: &LogOptions,
    first_sequence: u64,
    chain: Chain,
) -> Result<(Box<dyn AppendFile>, Segment), StoreError> {
    let path = options
        .dir
        .join(format!("{first_sequence:020}{SEGMENT_SUFFIX}"));
    let mut file = options
        .medium
        .create(&path)
        .map_err(|e| StoreError::io("creating", &path, e))?;
    let header = SegmentHeader {
        tag: options.tag,
        ledger: options.ledger,
        first_sequence,
        chain,
    };
    write_all(file.as_mut(), &header.to_bytes())
        .map_err(|e| StoreError::io("writing", &path, e))?;
    if options.durable {
        file.sync().map_err(|e| StoreError::sync(&path, e))?;
        options
            .medium
            .sync_dir(&options.dir)
            .map_err(|e| StoreError::sync(&options.dir, e))?;
    }
    let bytes = SEGMENT_HEADER_BYTES as u64;
    let medium = options.medium.clone();
    Ok((file, Segment::new(path, first_sequence, bytes, medium)))
}

pub(super) fn write_all(file: &mut dyn AppendFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
