//! States on disk that other validators may take, piece by piece.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bds_contracts::block::{CertifiedHeader, Height};
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
    offered: RwLock<Vec<Arc<Offered>>>,
    /// Held by whoever reads a state to offer it.
    making: Mutex<()>,
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
            offered: RwLock::default(),
            making: Mutex::default(),
        }))
    }

    /// What can be offered now, the oldest first; not what somebody else is just reading.
    ///
    /// Cost: two passes of BLAKE3 over a state that was not offered before, by one at a time; nobody waits for it.
    ///
    /// # Errors
    /// The system's.
    pub fn offers(&self) -> Result<Vec<StateOffer>, StoreError> {
        let shared = &self.0;
        // These run where signatures are checked: whoever comes second asks again.
        if let Ok(_making) = shared.making.try_lock() {
            for height in shared.snapshots.heights()? {
                if self.find(height).is_none()
                    && let Some(certified) = shared.certified(height)?
                    && let Some(shown) = shared.snapshots.shown(height)?
                {
                    let new = Arc::new(Offered::new(certified, shown));
                    let offered = shared.offered.write();
                    let mut offered = offered.unwrap_or_else(PoisonError::into_inner);
                    offered.push(new);
                    offered.sort_by_key(|o| o.height());
                    let old = offered.len().saturating_sub(SHOWN_MAX);
                    offered.drain(..old);
                }
            }
        }
        let offered = shared.offered.read();
        let offered = offered.unwrap_or_else(PoisonError::into_inner);
        Ok(offered.iter().map(|o| o.offer.clone()).collect())
    }

    /// A piece of a state that was offered; `None` when there is no such state or piece.
    #[must_use]
    pub fn piece(&self, height: Height, piece: u32) -> Option<Vec<u8>> {
        let found = self.find(height)?;
        let mut pieces = found.shown.state().chunks(STATE_PIECE_BYTES);
        pieces.nth(usize::try_from(piece).ok()?).map(<[u8]>::to_vec)
    }

    fn find(&self, height: Height) -> Option<Arc<Offered>> {
        let offered = self.0.offered.read();
        let offered = offered.unwrap_or_else(PoisonError::into_inner);
        offered.iter().find(|o| o.height() == height).cloned()
    }
}

impl Offered {
    fn new((block, naming): (CertifiedHeader, CertifiedHeader), shown: Shown) -> Self {
        let state = shown.state();
        let pieces = state.chunks(STATE_PIECE_BYTES);
        let offer = StateOffer {
            block,
            naming,
            tips: shown.lane_tips.clone(),
            bytes: state.len() as u64,
            pieces: pieces.map(|piece| blake3::hash(piece).into()).collect(),
        };
        Self { offer, shown }
    }

    fn height(&self) -> Height {
        self.offer.block.header.height
    }
}

impl Shared {
    /// The block, and the first that names the root of the state after it; `None` when others could not check that state.
    fn certified(
        &self,
        height: Height,
    ) -> Result<Option<(CertifiedHeader, CertifiedHeader)>, StoreError> {
        if !height.is_multiple_of(self.checkpoint_interval) {
            return Ok(None);
        }
        let block = self.reader.certified(height)?;
        let naming = self
            .reader
            .certified(height + self.checkpoint_interval / 4)?;
        Ok(block.zip(naming))
    }
}
