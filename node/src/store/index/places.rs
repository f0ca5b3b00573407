//! In which block each transaction is: sorted runs, of which the newest are in memory and the others files.
//!
//! Ids are hashes, so a place is found by 8 bytes of one: whoever looks up compares the id in the receipt. Runs of one size are merged
//! when there are eight, and not above a size, so every place is written three times at most and no merge is long. What that gains over a
//! general table: docs/decisions/019.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bds_contracts::block::Height;
use bds_contracts::tx::TxId;

use super::super::error::StoreError;
use super::super::medium::Medium;
use super::failed;
use super::run::{self, Run};

/// 8 bytes of the id, 5 of the height, 3 of the place among the block's receipts, from the highest bit on: so places sort by id, then age.
pub(super) type Entry = u128;
const HEIGHT_BITS: u32 = 40;
const INDEX_BITS: u32 = 24;

/// So many runs of one size lie side by side before they are merged.
const MERGED: usize = 8;
/// Sizes go up by a factor of eight from 2^18 places; from 2^24 on (256 MiB) runs stay as they are.
const LAST_CLASS: u32 = 3;

/// See the file's first line. One thread adds, any number read.
pub(super) struct Places {
    dir: PathBuf,
    medium: Arc<dyn Medium>,
    /// In the order in which they came; each at least twice as long as the next.
    recent: RwLock<Vec<Arc<Vec<Entry>>>>,
    /// Blocks up to this one are not kept.
    base: Height,
    /// Files, in the order of heights.
    runs: RwLock<Arc<Vec<Arc<Run>>>>,
}

impl Places {
    /// Opens the runs in `dir` that are whole and without a gap between them from the block after `base` on, up to `applied`; others are
    /// removed.
    pub(super) fn open(
        medium: Arc<dyn Medium>,
        dir: &Path,
        base: Height,
        applied: Height,
    ) -> Result<Self, StoreError> {
        let (mut runs, mut superseded) = (Vec::new(), Vec::new());
        let mut next = base + 1;
        // Of those that begin with one height the longest comes first: a crash leaves what was merged beside what it was merged from.
        for (path, first, last) in run::list(medium.as_ref(), dir)? {
            // The first one may reach below the base.
            let continues = first == next || runs.is_empty() && first <= next && next <= last;
            let continues = continues && last <= applied;
            match continues.then(|| Run::open(medium.as_ref(), &path, first, last)) {
                Some(Ok(run)) => {
                    next = last + 1;
                    runs.push(Arc::new(run));
                }
                // Not finished, or damaged: its places are read again from the receipts.
                None | Some(Err(StoreError::Index(_))) => superseded.push(path),
                Some(Err(e)) => return Err(e),
            }
        }
        for path in superseded {
            let removed = medium.remove(&path);
            removed.map_err(|e| StoreError::io("removing", &path, e))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            medium,
            recent: RwLock::default(),
            base,
            runs: RwLock::new(Arc::new(runs)),
        })
    }

    /// The last height up to which places are in files.
    pub(super) fn settled(&self) -> Height {
        self.files().last().map_or(self.base, |run| run.last)
    }

    /// Remembers where in this block each of these is.
    ///
    /// # Errors
    /// When a place is beyond 2^24 or the height beyond 2^40.
    pub(super) fn add(
        &self,
        height: Height,
        transactions: impl Iterator<Item = (TxId, u32)>,
    ) -> Result<(), StoreError> {
        let mut last = Vec::new();
        for (id, index) in transactions {
            if height >> HEIGHT_BITS != 0 || index >> INDEX_BITS != 0 {
                return Err(failed(format!(
                    "no room for place {index} of block {height}"
                )));
            }
            let place = height << INDEX_BITS | u64::from(index);
            last.push(Entry::from(fingerprint(&id)) << 64 | Entry::from(place));
        }
        last.sort_unstable();
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        // Few runs, whatever the size of blocks, and each place is moved seldom.
        while let Some(before) = recent.pop_if(|before| before.len() < 2 * last.len()) {
            last = merge(&before, &last);
        }
        if !last.is_empty() {
            recent.push(Arc::new(last));
        }
        Ok(())
    }

    /// How many are in memory only.
    pub(super) fn recent(&self) -> usize {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        recent.iter().map(|run| run.len()).sum()
    }

    /// Shows height and index of what may be this transaction until `found` knows it, the newest first.
    ///
    /// Cost: a look-up in memory, and one page of each file.
    pub(super) fn find<T>(
        &self,
        id: &TxId,
        mut found: impl FnMut(Height, u32) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let fingerprint = fingerprint(id);
        let mut show = |entries: &[Entry]| {
            for entry in entries.iter().rev() {
                let place = *entry as u64;
                let index = place & ((1 << INDEX_BITS) - 1);
                if let Some(it) = found(place >> INDEX_BITS, index as u32)? {
                    return Ok(Some(it));
                }
            }
            Ok(None)
        };
        let recent = self
            .recent
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for run in recent.iter().rev() {
            if let Some(it) = show(of(run, fingerprint))? {
                return Ok(Some(it));
            }
        }
        for run in self.files().iter().rev() {
            if let Some(it) = show(&run.find(fingerprint)?)? {
                return Ok(Some(it));
            }
        }
        Ok(None)
    }

    /// Moves everything from memory to a file, which is said to hold the blocks up to `last`; readers find each place all the time.
    pub(super) fn settle(&self, last: Height) -> Result<(), StoreError> {
        let first = self.settled() + 1;
        if last < first {
            return Ok(());
        }
        let recent = self
            .recent
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut all = Vec::new();
        for run in recent.iter().rev() {
            all = merge(run, &all);
        }
        let inputs = vec![run::Source::held(all)];
        let new = run::write(&self.medium, &self.dir, (first, last), inputs)?;
        self.replace(0, new);
        // Only this thread adds, so nothing came in meanwhile.
        self.recent
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.merge_files()
    }

    /// As long as eight of the newest files are of one size, or smaller than that, they become one.
    fn merge_files(&self) -> Result<(), StoreError> {
        loop {
            let files = self.files();
            let class = files.last().map_or(LAST_CLASS, |run| class(run.count));
            let alike = files.iter().rev();
            let alike = alike
                .take_while(|run| self::class(run.count) <= class)
                .count();
            if class >= LAST_CLASS || alike < MERGED {
                return Ok(());
            }
            let old = &files[files.len() - alike..];
            let heights = (old[0].first, old[alike - 1].last);
            let inputs = old.iter().map(|run| run::Source::of(run)).collect();
            let new = run::write(&self.medium, &self.dir, heights, inputs)?;
            self.replace(alike, new);
            for run in old {
                let removed = self.medium.remove(&run.path);
                removed.map_err(|e| StoreError::io("removing", &run.path, e))?;
            }
        }
    }

    /// Removes the files whose blocks are all at or below this height. Only for the thread that adds.
    pub(super) fn forget_up_to(&self, height: Height) -> Result<(), StoreError> {
        let old: Vec<Arc<Run>> = {
            let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
            let count = runs.partition_point(|run| run.last <= height);
            // The newest tells up to where places are in files.
            let count = count.min(runs.len().saturating_sub(1));
            let (old, kept) = runs.split_at(count);
            let old = old.to_vec();
            *runs = Arc::new(kept.to_vec());
            old
        };
        for run in old {
            let removed = self.medium.remove(&run.path);
            removed.map_err(|e| StoreError::io("removing", &run.path, e))?;
        }
        Ok(())
    }

    /// The new run takes the place of so many of the newest.
    fn replace(&self, old: usize, new: Run) {
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = runs.to_vec();
        next.truncate(next.len() - old);
        next.push(Arc::new(new));
        *runs = Arc::new(next);
    }

    fn files(&self) -> Arc<Vec<Arc<Run>>> {
        Arc::clone(&self.runs.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn fingerprint(id: &TxId) -> u64 {
    u64::from_be_bytes(*id.0.first_chunk().expect("64 bytes hold 8"))
}

/// Those of a sorted run with this fingerprint.
pub(super) fn of(run: &[Entry], fingerprint: u64) -> &[Entry] {
    let lowest = Entry::from(fingerprint) << 64;
    let start = run.partition_point(|entry| *entry < lowest);
    let same = run[start..].partition_point(|entry| *entry <= lowest | Entry::from(u64::MAX));
    &run[start..start + same]
}

/// Both, sorted, each once.
fn merge(a: &[Entry], b: &[Entry]) -> Vec<Entry> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a, b);
    while let (Some((x, behind_x)), Some((y, behind_y))) = (a.split_first(), b.split_first()) {
        out.push(*x.min(y));
        if x <= y {
            a = behind_x;
        }
        if y <= x {
            b = behind_y;
        }
    }
    out.extend_from_slice(a);
    out.extend_from_slice(b);
    out
}

fn class(count: u64) -> u32 {
    // Of 2^18 places 1.
    ((count | 1).ilog2().saturating_sub(15) / 3).min(LAST_CLASS)
}
