//! Finds batches, slots and certificates in the ledger log, from any thread, while the log grows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use bds_contracts::block::{BatchDigest, CertifiedHeader, Height};
use bds_core::batch::{Batch, BatchHeader};
use bds_core::message::CommittedSlot;
use bds_core::turn::Record;
use borsh::BorshDeserialize as _;
use sha2::{Digest as _, Sha512_256};

use super::error::StoreError;
use super::format::Damage;
use super::segments::{Location, Segments};

/// What a record of the ledger log can be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Batch(BatchDigest),
    Slot(Height),
    Certified(Height),
}

impl Key {
    /// The key of a ledger record; `None` for a vote record.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        match record {
            Record::Batch(batch) => Some(Self::Batch(batch.header.digest())),
            Record::Committed(slot) => Some(Self::Slot(slot.proposal.slot)),
            Record::Certified(block) => Some(Self::Certified(block.header.height)),
            _ => None,
        }
    }

    /// The same from a record's encoding; of a batch only the header is decoded.
    pub(crate) fn of_payload(payload: &[u8]) -> Result<Self, Damage> {
        match payload.split_first() {
            Some((&KIND_BATCH, rest)) => {
                let mut tail = rest;
                BatchHeader::deserialize(&mut tail).map_err(|_| Damage::Payload)?;
                let header = &rest[..rest.len() - tail.len()];
                Ok(Self::Batch(BatchDigest(Sha512_256::digest(header).into())))
            }
            Some(_) => Self::of(&decode(payload)?).ok_or(Damage::Payload),
            None => Err(Damage::Payload),
        }
    }
}

/// Borsh variant number of [`Record::Batch`], first byte of its encoding and kind of its log record.
pub(crate) const KIND_BATCH: u8 = 0;
/// The same of [`Record::Committed`].
pub(crate) const KIND_COMMITTED: u8 = 1;
/// The same of [`Record::Certified`].
pub(crate) const KIND_CERTIFIED: u8 = 2;

pub(crate) fn decode(payload: &[u8]) -> Result<Record, Damage> {
    borsh::from_slice(payload).map_err(|_| Damage::Payload)
}

#[derive(Debug, Default)]
struct Places {
    batches: HashMap<BatchDigest, Location>,
    slots: BTreeMap<Height, Location>,
    certified: BTreeMap<Height, Location>,
    /// Slots up to this one are not kept.
    base: Height,
}

/// Reads the ledger log. Sees a record as soon as it is durable. Cheap to clone.
///
/// Memory: about 50 bytes a batch and 30 a slot.
#[derive(Debug, Clone)]
pub struct Reader {
    segments: Segments,
    places: Arc<RwLock<Places>>,
}

impl Reader {
    /// Of a log that holds the slots above `base`.
    pub(crate) fn new(segments: Segments, base: Height) -> Self {
        let places = Places {
            base,
            ..Places::default()
        };
        Self {
            segments,
            places: Arc::new(RwLock::new(places)),
        }
    }

    /// The oldest segment that nothing at or above `height` lies before, as far as slots and headers tell.
    pub(super) fn segment_of(&self, height: Height) -> u32 {
        self.place(|p| {
            let slots = p.slots.range(height..);
            let above = slots.chain(p.certified.range(height..));
            above.map(|(_, at)| at.segment).min().unwrap_or(0)
        })
    }

    /// The last slot that begins before this segment.
    pub(super) fn last_before(&self, segment: u32) -> Height {
        self.place(|p| {
            let before = p.slots.iter().rev();
            let mut before = before.filter(|(_, at)| at.segment < segment);
            before.next().map_or(p.base, |(height, _)| *height)
        })
    }

    /// Whatever lies before this segment is not kept any more, nor are slots up to `base`.
    pub(super) fn forget(&self, segment: u32, base: Height) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.base = base;
        places.batches.retain(|_, at| at.segment >= segment);
        places.slots = places.slots.split_off(&(base + 1));
        places.certified.retain(|_, at| at.segment >= segment);
    }

    /// Slots up to this one are not kept; 0 when all are.
    #[must_use]
    pub fn base(&self) -> Height {
        self.place(|p| p.base)
    }

    /// Makes synced records visible.
    pub(crate) fn publish(&self, found: impl Iterator<Item = (Key, Location)>) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        for (key, location) in found {
            match key {
                Key::Batch(digest) => {
                    places.batches.insert(digest, location);
                }
                Key::Slot(height) => {
                    places.slots.insert(height, location);
                }
                Key::Certified(height) => {
                    places.certified.insert(height, location);
                }
            }
        }
    }

    fn place<T>(&self, take: impl FnOnce(&Places) -> T) -> T {
        take(&self.places.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the batch is here. No read.
    #[must_use]
    pub fn has_batch(&self, digest: &BatchDigest) -> bool {
        self.place(|p| p.batches.contains_key(digest))
    }

    /// A batch by its digest. Cost: one read, one checksum, one copy of the payload.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the system's.
    pub fn batch(&self, digest: &BatchDigest) -> Result<Option<Batch>, StoreError> {
        match self.read(self.place(|p| p.batches.get(digest).copied()))? {
            Some(Record::Batch(batch)) => Ok(Some(batch)),
            _ => Ok(None),
        }
    }

    /// A committed slot.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the system's.
    pub fn slot(&self, height: Height) -> Result<Option<CommittedSlot>, StoreError> {
        match self.read(self.place(|p| p.slots.get(&height).copied()))? {
            Some(Record::Committed(slot)) => Ok(Some(slot)),
            _ => Ok(None),
        }
    }

    /// A certified header.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the system's.
    pub fn certified(&self, height: Height) -> Result<Option<CertifiedHeader>, StoreError> {
        match self.read(self.place(|p| p.certified.get(&height).copied()))? {
            Some(Record::Certified(block)) => Ok(Some(block)),
            _ => Ok(None),
        }
    }

    /// Height of the newest committed slot; that of the base when there is none.
    #[must_use]
    pub fn committed_height(&self) -> Height {
        self.place(|p| p.slots.last_key_value().map_or(p.base, |(h, _)| *h))
    }

    /// Height of the newest certified header; 0 when there is none.
    #[must_use]
    pub fn certified_height(&self) -> Height {
        self.place(|p| p.certified.last_key_value().map_or(0, |(h, _)| *h))
    }

    /// Consecutive committed slots from `from` on, at most `count` and as many as fit `bytes_max` (the first in any case).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the system's.
    pub fn slots_from(
        &self,
        from: Height,
        count: usize,
        bytes_max: usize,
    ) -> Result<Vec<CommittedSlot>, StoreError> {
        let places = self.place(|p| -> Vec<_> {
            let consecutive = p.slots.range(from..).zip(from..);
            let consecutive = consecutive.take_while(|((height, _), wanted)| *height == wanted);
            consecutive.take(count).map(|((_, at), _)| *at).collect()
        });
        self.read_up_to(&places, bytes_max, |record| match record {
            Record::Committed(slot) => Some(slot),
            _ => None,
        })
    }

    /// The certified headers there are from `from` on, rising, at most `count` and as many as fit `bytes_max` (the first in
    /// any case).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the system's.
    pub fn certified_from(
        &self,
        from: Height,
        count: usize,
        bytes_max: usize,
    ) -> Result<Vec<CertifiedHeader>, StoreError> {
        let places = self.place(|p| -> Vec<_> {
            let range = p.certified.range(from..);
            range.take(count).map(|(_, at)| *at).collect()
        });
        self.read_up_to(&places, bytes_max, |record| match record {
            Record::Certified(header) => Some(header),
            _ => None,
        })
    }

    /// Records at these places until their payloads pass `bytes_max`; the first in any case.
    fn read_up_to<T>(
        &self,
        places: &[Location],
        bytes_max: usize,
        take: impl Fn(Record) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut bytes = 0;
        for &location in places {
            let (record, payload_bytes) = self
                .segments
                .read(location, |r| (decode(r.payload), r.payload.len()))?;
            bytes += payload_bytes;
            if !found.is_empty() && bytes > bytes_max {
                break;
            }
            let Some(wanted) = record.ok().and_then(&take) else {
                break;
            };
            found.push(wanted);
        }
        Ok(found)
    }

    /// All records of the ledger log from a place on (`None`: from the first), in the order they were written, up to
    /// what is durable when the end is reached.
    pub fn records(&self, from: Option<Location>) -> Records {
        Records {
            segments: self.segments.clone(),
            next: from.or_else(|| self.segments.first_from(0)),
        }
    }

    /// Records as [`Reader::records`] gives them, from a file on that holds everything about slots above this one, and batches that lie a
    /// little before.
    pub fn records_about(&self, above: Height) -> Records {
        let last = self.segments.first() + u32::try_from(self.segments.list().len()).unwrap_or(0);
        let segment = self.place(|p| {
            let mut slots = p.slots.range(above + 1..);
            slots
                .next()
                .map_or(last.saturating_sub(1), |(_, at)| at.segment)
        });
        Records {
            segments: self.segments.clone(),
            next: self.segments.first_from(segment.saturating_sub(1)),
        }
    }

    /// Durable bytes of the ledger log.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.bytes()
    }

    fn read(&self, location: Option<Location>) -> Result<Option<Record>, StoreError> {
        location
            .map(|at| read_record(&self.segments, at).map(|(record, _)| record))
            .transpose()
    }
}

fn read_record(segments: &Segments, at: Location) -> Result<(Record, u64), StoreError> {
    let (record, sequence, next) =
        segments.read(at, |r| (decode(r.payload), r.sequence, r.next_offset))?;
    record
        .map(|record| (record, next))
        .map_err(|damage| StoreError::Corrupt {
            path: segments
                .get(at.segment)
                .map(|s| s.path.clone())
                .unwrap_or_default(),
            offset: u64::from(at.offset),
            sequence,
            damage,
        })
}

/// See [`Reader::records`].
#[derive(Debug)]
pub struct Records {
    segments: Segments,
    next: Option<Location>,
}

impl Iterator for Records {
    type Item = Result<(Location, Record), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next?;
        match read_record(&self.segments, at) {
            Ok((record, next)) => {
                self.next = self.segments.next(at, next);
                Some(Ok((at, record)))
            }
            Err(e) => {
                self.next = None;
                Some(Err(e))
            }
        }
    }
}
