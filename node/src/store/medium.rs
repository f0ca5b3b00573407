//! What the store asks of a file system, as a trait: tests put a medium in its place that lies, fills up or forgets.
//!
//! Writing and reading both go through it. The real medium maps what does not change any more and reads the rest in
//! place; a test's medium hands out bytes it holds.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::ops::Deref;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::map::Map;

/// A file system, as far as the store needs one.
pub trait Medium: Send + Sync {
    /// Creates a directory and its parents; fine when it exists.
    ///
    /// # Errors
    /// The system's.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Creates a file that must not exist and opens it for appending. While it grows, zeros may lie behind what was appended.
    ///
    /// # Errors
    /// The system's.
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;

    /// Creates a file, or empties the one that has the name, and opens it for appending.
    ///
    /// # Errors
    /// The system's.
    fn rewrite(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;

    /// Opens an existing file for appending, cut to its first `len` bytes; then as [`Medium::create`].
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path, len: u64) -> io::Result<Box<dyn AppendFile>>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes created, renamed and removed names in this directory durable.
    ///
    /// # Errors
    /// The system's. Never to be retried.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Files of a directory, sorted by name; none when there is no such directory.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;

    /// The first `len` bytes of a file that nobody changes any more, or all it has now.
    ///
    /// # Errors
    /// The system's, and `UnexpectedEof` when the file is shorter than `len`.
    fn view(&self, path: &Path, len: Option<u64>) -> io::Result<View>;

    /// Opens a file that still grows for reading at any place.
    ///
    /// # Errors
    /// The system's.
    fn reader(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;

    /// Takes a file as a lock, creating it if need be, and leaves `owner` in it.
    ///
    /// # Errors
    /// The system's.
    fn lock(&self, path: &Path, owner: &str) -> io::Result<Locked>;
}

/// A file that is read at any place while it grows.
#[allow(clippy::len_without_is_empty, reason = "a file, no collection")]
pub trait ReadFile: Send + Sync {
    /// Fills `bytes` with what lies from `offset` on.
    ///
    /// # Errors
    /// The system's, and `UnexpectedEof` when the file ends before.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Bytes it has now.
    ///
    /// # Errors
    /// The system's.
    fn len(&self) -> io::Result<u64>;
}

/// What came of taking a lock.
pub enum Locked {
    /// Taken, until this is dropped or the process ends, however it ends.
    Taken(Box<dyn Send + Sync>),
    /// Someone has it; what is written in the file, as far as it can be read.
    By(String),
}

/// Bytes of a file, read only.
#[derive(Debug)]
pub struct View(Source);

#[derive(Debug)]
enum Source {
    Mapped(Map),
    Held(Arc<Vec<u8>>),
}

impl View {
    /// Bytes that a medium holds in memory.
    #[must_use]
    pub fn held(bytes: Arc<Vec<u8>>) -> Self {
        Self(Source::Held(bytes))
    }

    /// Tells the system that the bytes will be read once, front to back.
    pub(crate) fn advise_sequential(&self) {
        if let Source::Mapped(map) = &self.0 {
            map.advise_sequential();
        }
    }
}

impl Deref for View {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Mapped(map) => map,
            Source::Held(bytes) => bytes,
        }
    }
}

/// A file that only grows.
pub trait AppendFile: Send {
    /// Writes a prefix of `bytes` at the end and says how long it was.
    ///
    /// # Errors
    /// The system's.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Returns when everything appended is durable, the new length included.
    ///
    /// # Errors
    /// The system's. Never to be retried: after a failure the kernel may have dropped the pages.
    fn sync(&mut self) -> io::Result<()>;

    /// Nothing more is appended: the file gets the length of what was, durably.
    ///
    /// # Errors
    /// The system's.
    fn finish(&mut self) -> io::Result<()> {
        self.sync()
    }
}

/// The real thing.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealMedium;

impl Medium for RealMedium {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(GrowingFile::new(file, 0)))
    }

    fn rewrite(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(RealFile(File::create(path)?)))
    }

    fn open(&self, path: &Path, len: u64) -> io::Result<Box<dyn AppendFile>> {
        let file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() != len {
            file.set_len(len)?;
            file.sync_all()?;
        }
        Ok(Box::new(GrowingFile::new(file, len)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut found = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        found.sort();
        Ok(found)
    }

    fn view(&self, path: &Path, len: Option<u64>) -> io::Result<View> {
        let len = match len {
            Some(len) => len,
            None => fs::metadata(path)?.len(),
        };
        Ok(View(Source::Mapped(Map::open(path, len)?)))
    }

    fn reader(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(RealFile(File::open(path)?)))
    }

    fn lock(&self, path: &Path, owner: &str) -> io::Result<Locked> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // The owner writes its name just after it took the lock, so it may not be there yet.
                return Ok(Locked::By(fs::read_to_string(path).unwrap_or_default()));
            }
            Err(TryLockError::Error(e)) => return Err(e),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{owner}")?;
        Ok(Locked::Taken(Box::new(file)))
    }
}

impl ReadFile for RealFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

struct RealFile(File);

impl AppendFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A file with zeros written ahead of its end: what is appended there changes no length and no allocation, so a sync writes the data
/// alone. What that gains: docs/decisions/018.
struct GrowingFile {
    file: File,
    /// Where the next byte goes.
    end: u64,
    /// Length of the file, zeros included.
    length: u64,
    /// Something was synced. What is written first is the head, by which the file is known: it stands alone until it is durable.
    begun: bool,
}

/// Zeros are written ahead by as much as there is already, within these bounds.
const AHEAD_MIN: u64 = 256 << 10;
const AHEAD_MAX: u64 = 4 << 20;
/// Zeros of one write.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl GrowingFile {
    fn new(file: File, end: u64) -> Self {
        Self {
            file,
            end,
            length: end,
            begun: end > 0,
        }
    }

    /// Writes zeros ahead. A disk that has no room for them may still have some for what is appended.
    fn write_ahead(&mut self) {
        let until = self.end + self.end.clamp(AHEAD_MIN, AHEAD_MAX);
        while self.length < until {
            let missing = usize::try_from(until - self.length).unwrap_or(usize::MAX);
            let zeros = &ZEROS[..missing.min(ZEROS.len())];
            match self.file.write_at(zeros, self.length) {
                Ok(written) if written > 0 => self.length += written as u64,
                _ => return,
            }
        }
    }
}

impl AppendFile for GrowingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.end)?;
        self.end += written as u64;
        if self.end > self.length {
            self.length = self.end;
            if self.begun {
                self.write_ahead();
            }
        }
        Ok(written)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.begun = true;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.length > self.end {
            self.file.set_len(self.end)?;
            self.length = self.end;
        }
        self.file.sync_all()
    }
}

impl Drop for GrowingFile {
    fn drop(&mut self) {
        if self.length > self.end {
            // Zeros that stay do no harm.
            let _ = self.file.set_len(self.end);
        }
    }
}

/// Bytes an unprivileged process can still write where `path` lies.
///
/// # Errors
/// The system's, when `path` does not exist.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Files of `dir` whose names end in `suffix`, sorted by name; none when there is no such directory.
pub(super) fn files_with_suffix(
    medium: &dyn Medium,
    dir: &Path,
    suffix: &str,
) -> io::Result<Vec<PathBuf>> {
    let mut found = medium.list(dir)?;
    found.retain(|path| path.to_str().is_some_and(|p| p.ends_with(suffix)));
    Ok(found)
}
