//! Reads sealed files of the ledger log again, slowly: damage is found while the other validators still have what it hit.

use super::error::StoreError;
use super::format::{SegmentHeader, Walk};
use super::segments::Segments;

/// Bytes between two pauses.
const PIECE: u64 = 1 << 20;

/// See the file's first line.
pub struct Scrub {
    pub(super) segments: Segments,
}

impl Scrub {
    /// Goes once through all files that are sealed now, the oldest first. `pause` is told how many bytes were read since the last time, and says
    /// whether to go on; `damaged` is told of each file that is not what was written.
    pub fn pass(&self, pause: &mut dyn FnMut(u64) -> bool, damaged: &mut dyn FnMut(StoreError)) {
        let mut list = self.segments.list();
        list.pop();
        for segment in list {
            // One that is not kept any more is none that is damaged.
            let Ok(bytes) = segment.view() else {
                continue;
            };
            bytes.advise_sequential();
            let corrupt = |offset, sequence, damage| StoreError::Corrupt {
                path: segment.path.clone(),
                offset,
                sequence,
                damage,
            };
            let Some(header) = SegmentHeader::parse(&bytes) else {
                let damage = super::Damage::SegmentHeader;
                damaged(corrupt(0, segment.first_sequence, damage));
                continue;
            };
            let mut walk = Walk::new(&bytes, &header);
            let mut told = 0;
            loop {
                match walk.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(bad) => {
                        damaged(corrupt(bad.offset, bad.sequence, bad.damage));
                        break;
                    }
                }
                let read = walk.offset() as u64;
                if read - told >= PIECE {
                    if !pause(read - told) {
                        return;
                    }
                    told = read;
                }
            }
            if !pause(walk.offset() as u64 - told) {
                return;
            }
        }
    }
}
