//! States on disk that other validators may take, piece by piece.

use std::sync::{Arc, Mutex, PoisonError};

use bds_contracts::block::Height;
use bds_core::message::{STATE_PIECE_BYTES, StateOffer};

use crate::store::snapshots::Shown;
use crate::store::{Reader, Snapshots, StoreError};

/// So many states stay readable for those who are in the middle of one.
pub const SHOWN_MAX: usize = 3;

/// Which states there are. Only those after a checkpoint whose root a certified block names can be given away: others could not check them.
#[derive(Clone)]
pub struct States(Arc<Shared>);

struct Shared {
    snapshots: Snapshots,
    reader: Reader,
    checkpoint_interval: u64,
    /// The oldest first.
    offered: Mutex<Vec<Arc<Offered>>>,
}

struct Offered {
    offer: StateOffer,
    shown: Shown,
}

impl States {
    /// Of this home.
    #[must_use]
    pub fn new(snapshots: Snapshots, reader: Reader, checkpoint_interval: u64) -> Self {
        Self(Arc::new(Shared {
            snapshots,
            reader,
            checkpoint_interval,
            offered: Mutex::default(),
        }))
    }

    /// What can be offered now, the oldest first.
    ///
    /// Cost: two passes of BLAKE3 over a state that was not offered before.
    ///
    /// # Errors
    /// The system's.
    pub fn offers(&self) -> Result<Vec<StateOffer>, StoreError> {
        let shared = &self.0;
        // One at a time: whoever comes second finds the work done.
        let mut offered = shared.offered.lock();
        let offered = offered.as_mut().map_err(|_| StoreError::Stopped)?;
        let heights = shared.snapshots.heights()?;
        if !heights.iter().all(|height| known_in(offered, *height)) {
            for shown in shared.snapshots.shown()? {
                if !known_in(offered, shown.header.height)
                    && let Some(new) = shared.offer(shown)?
                {
                    offered.push(Arc::new(new));
                }
            }
            offered.sort_by_key(|o| o.offer.block.header.height);
            let old = offered.len().saturating_sub(SHOWN_MAX);
            offered.drain(..old);
        }
        Ok(offered.iter().map(|o| o.offer.clone()).collect())
    }

    /// A piece of a state that was offered; `None` when there is no such state or piece.
    #[must_use]
    pub fn piece(&self, height: Height, piece: u32) -> Option<Vec<u8>> {
        let found = {
            let offered = self.0.offered.lock();
            let offered = offered.unwrap_or_else(PoisonError::into_inner);
            let mut found = offered.iter();
            found
                .find(|o| o.offer.block.header.height == height)
                .cloned()
        };
        let found = found?;
        let mut pieces = found.shown.state().chunks(STATE_PIECE_BYTES);
        pieces.nth(usize::try_from(piece).ok()?).map(<[u8]>::to_vec)
    }
}

fn known_in(offered: &[Arc<Offered>], height: Height) -> bool {
    offered
        .iter()
        .any(|o| o.offer.block.header.height == height)
}

impl Shared {
    /// `None` when others could not check it.
    fn offer(&self, shown: Shown) -> Result<Option<Offered>, StoreError> {
        let height = shown.header.height;
        if !height.is_multiple_of(self.checkpoint_interval) {
            return Ok(None);
        }
        let naming = height + self.checkpoint_interval / 4;
        let (Some(block), Some(naming)) = (
            self.reader.certified(height)?,
            self.reader.certified(naming)?,
        ) else {
            return Ok(None);
        };
        let state = shown.state();
        let pieces = state.chunks(STATE_PIECE_BYTES);
        let offer = StateOffer {
            block,
            naming,
            tips: shown.lane_tips.clone(),
            bytes: state.len() as u64,
            pieces: pieces.map(|piece| blake3::hash(piece).into()).collect(),
        };
        Ok(offer.has_all_pieces().then_some(Offered { offer, shown }))
    }
}
