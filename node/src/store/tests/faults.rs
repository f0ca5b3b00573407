//! A medium that fails on purpose, and one whose unsynced bytes a crash takes away.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::medium::{AppendFile, Locked, Medium, ReadFile, RealMedium, View};

/// What the next call of a kind answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// No space left on device, after a short write.
    DiskFull,
    /// A write fails.
    WriteError,
    /// A sync fails once; the next ones succeed.
    SyncError,
    /// A sync of a directory fails once.
    DirSyncError,
    /// Every write takes only one byte at a time.
    ShortWrites,
    /// The process dies: this and all later calls do nothing and fail.
    Crash,
}

#[derive(Debug, Default)]
struct State {
    /// Calls until the fault strikes, counted over writes, syncs, creations, removals.
    fault: Option<(u64, Fault)>,
    struck: bool,
    dead: bool,
    calls: u64,
    /// Length of each file that survives a power loss.
    durable: BTreeMap<PathBuf, u64>,
    /// Content of removed files whose directory was not synced since.
    removed: BTreeMap<PathBuf, Vec<u8>>,
    /// Created, and the directory not synced since.
    created: Vec<PathBuf>,
}

/// Real files below, faults on top.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultyMedium(Arc<Mutex<State>>);

#[derive(PartialEq, Eq, Clone, Copy)]
enum CallKind {
    Write,
    Sync,
    SyncDir,
    Other,
}

impl FaultyMedium {
    /// A fault at the `after`-th call from now that it fits.
    pub(super) fn with_fault(after: u64, fault: Fault) -> Self {
        let medium = Self::default();
        medium.0.lock().unwrap().fault = Some((after, fault));
        medium
    }

    pub(super) fn set_fault(&self, after: u64, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.fault = Some((state.calls + after, fault));
        state.struck = false;
    }

    pub(super) fn struck(&self) -> bool {
        self.0.lock().unwrap().struck
    }

    /// Takes away what a power loss may take away: every byte that was not synced except the first `kept` of each
    /// file, in whose place the zeros are that were written ahead; names that were created in a directory not synced since (when `kept` is 0); gives back removed files.
    pub(super) fn power_loss(&self, kept: u64) {
        let mut state = self.0.lock().unwrap();
        for (path, durable) in &state.durable {
            if let Ok(meta) = fs::metadata(path) {
                let lost = meta.len().saturating_sub(durable + kept);
                let file = OpenOptions::new().write(true).open(path).unwrap();
                let zeros = vec![0; usize::try_from(lost).unwrap()];
                file.write_all_at(&zeros, durable + kept).unwrap();
            }
        }
        if kept == 0 {
            for path in &state.created {
                let _ = fs::remove_file(path);
            }
            for (path, bytes) in &state.removed {
                fs::write(path, bytes).unwrap();
            }
        }
        *state = State::default();
    }

    fn call(&self, kind: CallKind) -> io::Result<Option<Fault>> {
        let mut state = self.0.lock().unwrap();
        if state.dead {
            return Err(io::Error::other("dead"));
        }
        state.calls += 1;
        let Some((at, fault)) = state.fault else {
            return Ok(None);
        };
        if fault == Fault::ShortWrites {
            return Ok((kind == CallKind::Write).then_some(fault));
        }
        if state.struck || state.calls < at {
            return Ok(None);
        }
        let fits = match fault {
            Fault::DiskFull | Fault::WriteError => kind == CallKind::Write,
            Fault::SyncError => kind == CallKind::Sync,
            Fault::DirSyncError => kind == CallKind::SyncDir,
            Fault::Crash => true,
            Fault::ShortWrites => false,
        };
        if !fits {
            return Ok(None);
        }
        state.struck = true;
        match fault {
            Fault::Crash => {
                state.dead = true;
                Err(io::Error::other("dead"))
            }
            Fault::SyncError | Fault::DirSyncError | Fault::WriteError => {
                Err(io::Error::from_raw_os_error(5))
            }
            Fault::DiskFull | Fault::ShortWrites => Ok(Some(fault)),
        }
    }
}

impl Medium for FaultyMedium {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealMedium.create_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.call(CallKind::Other)?;
        let inner = RealMedium.create(path)?;
        let mut state = self.0.lock().unwrap();
        state.created.push(path.to_owned());
        state.durable.insert(path.to_owned(), 0);
        state.removed.remove(path);
        Ok(Box::new(FaultyFile {
            medium: self.clone(),
            path: path.to_owned(),
            end: 0,
            inner,
        }))
    }

    // Metadata and snapshots are tested with files of their own; only calls of the logs and of the index fail here.
    fn rewrite(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        if path.extension().is_some_and(|suffix| suffix == "places") {
            return self.create(path);
        }
        RealMedium.rewrite(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealMedium.list(dir)
    }

    fn view(&self, path: &Path, len: Option<u64>) -> io::Result<View> {
        RealMedium.view(path, len)
    }

    fn reader(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        RealMedium.reader(path)
    }

    fn lock(&self, path: &Path, owner: &str) -> io::Result<Locked> {
        RealMedium.lock(path, owner)
    }

    fn open(&self, path: &Path, len: u64) -> io::Result<Box<dyn AppendFile>> {
        self.call(CallKind::Other)?;
        let inner = RealMedium.open(path, len)?;
        self.0.lock().unwrap().durable.insert(path.to_owned(), len);
        Ok(Box::new(FaultyFile {
            medium: self.clone(),
            path: path.to_owned(),
            end: len,
            inner,
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(CallKind::Other)?;
        let bytes = fs::read(path)?;
        self.0
            .lock()
            .unwrap()
            .removed
            .insert(path.to_owned(), bytes);
        RealMedium.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(CallKind::Other)?;
        RealMedium.rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(CallKind::SyncDir)?;
        let mut state = self.0.lock().unwrap();
        state.created.retain(|path| path.parent() != Some(dir));
        state.removed.retain(|path, _| path.parent() != Some(dir));
        Ok(())
    }
}

struct FaultyFile {
    medium: FaultyMedium,
    path: PathBuf,
    /// What was appended, without what lies behind it.
    end: u64,
    inner: Box<dyn AppendFile>,
}

impl AppendFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fault = self.medium.call(CallKind::Write)?;
        let taken = match fault {
            Some(Fault::DiskFull) => self.inner.append(&bytes[..bytes.len() / 2])?,
            Some(Fault::ShortWrites) => self.inner.append(&bytes[..1])?,
            _ => self.inner.append(bytes)?,
        };
        self.end += taken as u64;
        match fault {
            Some(Fault::DiskFull) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(taken),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.medium.call(CallKind::Sync)?;
        let mut state = self.medium.0.lock().unwrap();
        state.durable.insert(self.path.clone(), self.end);
        Ok(())
    }
}
