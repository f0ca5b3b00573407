//! What is kept of an old ledger: the last blocks, and whatever is younger than the older of the two snapshots.
//!
//! Whole segments leave, the oldest first. Before one does, the metadata says, in both copies, with which record the log begins and
//! above which block it holds everything; so a segment that is missing for another reason is still noticed, and a crash in between only
//! leaves what the next start removes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bds_contracts::block::Height;

use super::error::StoreError;
use super::reader::Reader;
use super::segments::Segments;
use super::{Known, Snapshots, held};

/// So many segments stay before the first that must: batches lie a little before the slot that orders them. One that was never ordered
/// goes all the same; whoever needs it later asks its author.
const SPARE_SEGMENTS: u32 = 1;

/// See the file's first line.
pub struct Retention {
    pub(super) known: Arc<Mutex<Known>>,
    pub(super) segments: Segments,
    /// Where it goes, if anywhere.
    pub(super) archive: Option<PathBuf>,
    pub(super) reader: Reader,
    pub(super) snapshots: Snapshots,
    /// So many blocks stay in any case.
    pub(super) blocks: Height,
}

impl Retention {
    /// Removes what need not be kept, or moves it to the archive. The last block that is gone now, if more are than before.
    ///
    /// Cost: nothing unless a segment can go; then two small synced writes, and a copy where the archive is on another disk.
    ///
    /// # Errors
    /// The system's. The ledger is whole from the base on all the same.
    pub fn run(&self) -> Result<Option<Height>, StoreError> {
        let Some(oldest) = self.snapshots.oldest()? else {
            return Ok(None);
        };
        let newest = self.reader.certified_height();
        let last = oldest.min(newest.saturating_sub(self.blocks));
        let stays = self.reader.segment_of(last + 1);
        let first = stays.saturating_sub(SPARE_SEGMENTS);
        if first <= self.segments.first() {
            return Ok(None);
        }
        let base = self.reader.last_before(first);
        let kept = self.segments.get(first).ok_or(StoreError::Stopped)?;
        {
            let mut known = held(&self.known);
            // Both copies: whichever is lost later, the other one knows.
            for _ in 0..2 {
                known.write(|meta| {
                    meta.ledger_first = kept.first_sequence;
                    meta.base = base;
                })?;
            }
        }
        self.reader.forget(first, base);
        for old in self.segments.keep_from(first) {
            old.put_away(self.archive.as_deref())?;
        }
        Ok(Some(base))
    }
}
