//! A disk in memory under the production store: bytes last once synced, names once their directory is, and a crash
//! keeps any part of the rest.
//!
//! It can be told to fail at its n-th call from now, in every way reliability asks for. Reading goes through it as well, so
//! what it damaged is what the store finds.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bds_node::store::medium::{AppendFile, Locked, Medium, ReadFile, View};

use super::faults::Fault;
use super::random::Random;

/// What a disk loses or damages goes in pieces of this size.
const SECTOR_BYTES: usize = 64;

#[derive(Debug, Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    /// Bytes of it that survive a crash.
    synced: usize,
    /// Of those, what a sync that failed, or lied, has not kept.
    holes: Vec<Range<usize>>,
    /// What it held before it was emptied, until the next sync.
    before: Option<Vec<u8>>,
}

/// Everything on the disk.
#[derive(Debug, Clone, Default)]
struct Content {
    inodes: Vec<Inode>,
    /// What a running process sees.
    names: BTreeMap<PathBuf, usize>,
    /// What a crash leaves.
    lasting: BTreeMap<PathBuf, usize>,
}

#[derive(Debug, Default)]
struct State {
    content: Content,
    /// Calls from now until the fault strikes the first one that fits it.
    armed: Option<(u64, Fault)>,
    /// The process died in a call: nothing works until the crash is over.
    dead: bool,
    struck: Vec<Fault>,
}

/// Why the process must end.
const DEAD: &str = "the process died in this call";

/// A handle to one disk; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimMedium(Arc<Mutex<State>>);

/// A copy of a whole disk.
#[derive(Debug, Clone)]
pub struct Image(Content);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Append,
    Sync,
    Read,
    Other,
}

fn fits(fault: Fault, call: Call) -> bool {
    match fault {
        Fault::CrashInIo | Fault::CrashInRecovery | Fault::CrashInCheckpoint => true,
        Fault::SyncFails | Fault::LostWrite => call == Call::Sync,
        Fault::DiskFull | Fault::WriteFails | Fault::ShortWrite | Fault::Misdirected => {
            call == Call::Append
        }
        Fault::ReadFails => call == Call::Read,
        _ => false,
    }
}

impl SimMedium {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `fault` strike the first call that fits it after `calls` more.
    pub fn arm(&self, calls: u64, fault: Fault) {
        self.lock().armed = Some((calls, fault));
    }

    /// Nothing fails from now on.
    pub fn disarm(&self) {
        self.lock().armed = None;
    }

    /// What has struck since the last time this was asked.
    #[must_use]
    pub fn struck(&self) -> Vec<Fault> {
        std::mem::take(&mut self.lock().struck)
    }

    /// A copy of all that would survive a crash now.
    #[must_use]
    pub fn image(&self) -> Image {
        let state = self.lock();
        let mut content = state.content.clone();
        content.names = content.lasting.clone();
        for inode in &mut content.inodes {
            inode.settle(None);
        }
        Image(content)
    }

    /// The disk is what it was then.
    pub fn restore(&self, image: &Image) {
        let mut state = self.lock();
        state.content = image.0.clone();
    }

    /// Nothing is left.
    pub fn wipe(&self) {
        *self.lock() = State::default();
    }

    /// The process is gone. Of bytes not synced any part may be left, sector by sector with `torn`, and of names not synced
    /// any with `names`. True for what was in fact torn and undone.
    pub fn crash(&self, random: &mut Random, torn: bool, names: bool) -> (bool, bool) {
        let mut state = self.lock();
        state.dead = false;
        state.armed = None;
        let content = &mut state.content;
        let mut undone = false;
        if names {
            let all: Vec<PathBuf> = content
                .names
                .keys()
                .chain(content.lasting.keys())
                .cloned()
                .collect();
            for path in all {
                let (now, then) = (content.names.get(&path), content.lasting.get(&path));
                if now != then && random.chance(500) {
                    undone = true;
                    match then.copied() {
                        Some(inode) => content.names.insert(path, inode),
                        None => content.names.remove(&path),
                    };
                }
            }
        }
        content.lasting = content.names.clone();
        let mut tore = false;
        let live: Vec<usize> = content.names.values().copied().collect();
        for inode in live {
            tore |= content.inodes[inode].settle(Some((random, torn)));
        }
        (tore, undone)
    }

    /// Flips a bit of what is durable in a file below `dir`; false when there is nothing.
    pub fn flip(&self, random: &mut Random, dir: &Path) -> bool {
        let mut state = self.lock();
        let files: Vec<usize> = state
            .content
            .names
            .iter()
            .filter(|(path, inode)| {
                path.parent() == Some(dir) && state.content.inodes[**inode].synced > 0
            })
            .map(|(_, inode)| *inode)
            .collect();
        if files.is_empty() {
            return false;
        }
        let inode = &mut state.content.inodes[files[random.index(files.len())]];
        let at = random.index(inode.synced);
        inode.bytes[at] ^= 1 << random.below(8);
        true
    }
}

impl Inode {
    /// Becomes what a crash leaves; true when it left a part of something.
    fn settle(&mut self, chance: Option<(&mut Random, bool)>) -> bool {
        for hole in std::mem::take(&mut self.holes) {
            let end = hole.end.min(self.bytes.len());
            self.bytes[hole.start.min(end)..end].fill(0);
        }
        let before = self.before.take();
        let open = self.bytes.len() - self.synced;
        let mut torn = false;
        match chance {
            Some((random, true)) if open > 0 => match random.below(4) {
                0 => self.bytes.truncate(self.synced),
                1 | 2 => {
                    let kept = random.index(open + 1);
                    torn = kept > 0 && kept < open;
                    self.bytes.truncate(self.synced + kept);
                }
                _ => {
                    // All of the length has arrived, but not every sector.
                    for start in (self.synced..self.bytes.len()).step_by(SECTOR_BYTES) {
                        if random.chance(300) {
                            let end = (start + SECTOR_BYTES).min(self.bytes.len());
                            self.bytes[start..end].fill(0);
                            torn = true;
                        }
                    }
                }
            },
            Some((random, false)) => {
                // A killed process leaves all it wrote, a power loss nothing that was not synced.
                if random.chance(500) {
                    self.bytes.truncate(self.synced);
                }
            }
            _ => self.bytes.truncate(self.synced),
        }
        if let Some(before) = before
            && self.bytes.is_empty()
        {
            self.bytes = before;
        }
        self.synced = self.bytes.len();
        torn
    }
}

impl State {
    /// Counts a call down; what must happen to it, if anything.
    fn call(&mut self, call: Call) -> io::Result<Option<Fault>> {
        if self.dead {
            return Err(io::Error::other(DEAD));
        }
        let Some((left, fault)) = &mut self.armed else {
            return Ok(None);
        };
        if *left > 0 {
            *left -= 1;
            return Ok(None);
        }
        let fault = *fault;
        if !fits(fault, call) {
            return Ok(None);
        }
        self.armed = None;
        self.struck.push(fault);
        match fault {
            Fault::WriteFails | Fault::ReadFails => Err(io::Error::from_raw_os_error(5)),
            Fault::CrashInIo | Fault::CrashInRecovery | Fault::CrashInCheckpoint => {
                self.dead = true;
                Err(io::Error::other(DEAD))
            }
            other => Ok(Some(other)),
        }
    }

    fn inode(&mut self, path: &Path) -> io::Result<usize> {
        let found = self.content.names.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, path: &Path, before: Option<Vec<u8>>) -> usize {
        self.content.inodes.push(Inode {
            before,
            ..Inode::default()
        });
        let inode = self.content.inodes.len() - 1;
        self.content.names.insert(path.to_owned(), inode);
        inode
    }
}

impl Medium for SimMedium {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.lock().call(Call::Other).map(drop)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.lock();
        state.call(Call::Other)?;
        if state.content.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.create(path, None);
        Ok(self.file(inode))
    }

    fn rewrite(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.lock();
        state.call(Call::Other)?;
        let inode = match state.content.names.get(path).copied() {
            // In place: a crash before the next sync leaves the old content, none, or part of the new.
            Some(inode) => {
                let file = &mut state.content.inodes[inode];
                let old = std::mem::take(&mut file.bytes);
                *file = Inode {
                    before: Some(file.before.take().unwrap_or(old)),
                    ..Inode::default()
                };
                inode
            }
            None => state.create(path, None),
        };
        Ok(self.file(inode))
    }

    fn open(&self, path: &Path, len: u64) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.lock();
        state.call(Call::Other)?;
        let inode = state.inode(path)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let file = &mut state.content.inodes[inode];
        file.bytes.resize(len, 0);
        file.synced = len;
        Ok(self.file(inode))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call(Call::Other)?;
        let removed = state.content.names.remove(path);
        removed
            .map(drop)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call(Call::Other)?;
        let inode = state.inode(from)?;
        state.content.names.remove(from);
        state.content.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let fault = state.call(Call::Sync)?;
        if fault == Some(Fault::SyncFails) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let Content { names, lasting, .. } = &mut state.content;
        lasting.retain(|path, _| path.parent() != Some(dir));
        let here = names.iter().filter(|(path, _)| path.parent() == Some(dir));
        lasting.extend(here.map(|(path, inode)| (path.clone(), *inode)));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut state = self.lock();
        state.call(Call::Read)?;
        let names = state.content.names.keys();
        Ok(names
            .filter(|path| path.parent() == Some(dir))
            .cloned()
            .collect())
    }

    fn view(&self, path: &Path, len: Option<u64>) -> io::Result<View> {
        let mut state = self.lock();
        state.call(Call::Read)?;
        let inode = state.inode(path)?;
        let bytes = &state.content.inodes[inode].bytes;
        let len = len.map_or(bytes.len(), |len| {
            usize::try_from(len).unwrap_or(usize::MAX)
        });
        let bytes = bytes.get(..len).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(View::held(Arc::new(bytes.to_vec())))
    }

    fn reader(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        let mut state = self.lock();
        state.call(Call::Read)?;
        let inode = state.inode(path)?;
        Ok(Box::new(SimFile {
            medium: self.clone(),
            inode,
        }))
    }

    fn lock(&self, _path: &Path, _owner: &str) -> io::Result<Locked> {
        Ok(Locked::Taken(Box::new(())))
    }
}

impl SimMedium {
    fn file(&self, inode: usize) -> Box<dyn AppendFile> {
        Box::new(SimFile {
            medium: self.clone(),
            inode,
        })
    }
}

struct SimFile {
    medium: SimMedium,
    inode: usize,
}

impl AppendFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.medium.lock();
        let fault = state.call(Call::Append)?;
        let file = &mut state.content.inodes[self.inode];
        match fault {
            Some(Fault::DiskFull) => {
                file.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(Fault::ShortWrite) => {
                let part = bytes.len().div_ceil(3);
                file.bytes.extend_from_slice(&bytes[..part]);
                Ok(part)
            }
            Some(Fault::Misdirected) => {
                // The bytes land on older ones of this file, and where they belong there is nothing.
                let start = file.bytes.len();
                let at = start / 2;
                let end = (at + bytes.len()).min(start);
                file.bytes[at..end].copy_from_slice(&bytes[..end - at]);
                file.bytes.resize(start + bytes.len(), 0);
                Ok(bytes.len())
            }
            _ => {
                file.bytes.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.medium.lock();
        let fault = state.call(Call::Sync)?;
        let file = &mut state.content.inodes[self.inode];
        let open = file.synced..file.bytes.len();
        if fault.is_some() && !open.is_empty() {
            // The pages are clean now, and their content is nowhere but in memory.
            file.holes.push(open);
        }
        if fault == Some(Fault::SyncFails) {
            return Err(io::Error::from_raw_os_error(5));
        }
        file.synced = file.bytes.len();
        file.before = None;
        Ok(())
    }
}

impl ReadFile for SimFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.medium.lock();
        state.call(Call::Read)?;
        let held = &state.content.inodes[self.inode].bytes;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = start
            .checked_add(bytes.len())
            .and_then(|end| held.get(start..end))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.medium.lock();
        state.call(Call::Read)?;
        Ok(state.content.inodes[self.inode].bytes.len() as u64)
    }
}
