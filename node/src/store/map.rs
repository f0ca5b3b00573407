//! The only place of the node that maps files into memory.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

/// The first bytes of a file, in memory, read only.
#[derive(Debug)]
pub(crate) struct Map(Option<Mmap>);

impl Map {
    /// Maps the first `len` bytes of the file at `path`.
    ///
    /// The caller names bytes that no one changes any more: a sealed segment, or the synced part of the last one.
    ///
    /// # Errors
    /// The system's, and `UnexpectedEof` when the file is shorter than `len`: touching a mapped page past the
    /// end of a file would kill the process.
    pub(crate) fn open(path: &Path, len: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let held = file.metadata()?.len();
        if held < len {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "{} has {held} bytes where {len} were written",
                    path.display()
                ),
            ));
        }
        if len == 0 {
            return Ok(Self(None));
        }
        let len = usize::try_from(len)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "file too long to map"))?;
        // SAFETY: the file has at least `len` bytes (checked above) and segments are never cut or rewritten below
        // that length: the node only appends to them or removes the whole file, which keeps mapped pages alive, and
        // the lock on the home keeps other nodes away.
        let map = unsafe { MmapOptions::new().len(len).map(&file)? };
        Ok(Self(Some(map)))
    }

    /// Tells the system that the bytes will be read once, front to back.
    pub(crate) fn advise_sequential(&self) {
        if let Some(map) = &self.0 {
            // Advice only: without it the reading is slower, nothing else.
            let _ = map.advise(memmap2::Advice::Sequential);
        }
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
