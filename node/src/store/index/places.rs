//! In which block each transaction is: a table by the first half of its id, and before it what has just been executed.
//!
//! Ids are random, so putting each into a sorted table one by one costs a walk through memory a time. New places are kept
//! in memory as short sorted runs instead, and many of them are merged and handed to the table as one file.

use std::sync::{PoisonError, RwLock};

use bds_contracts::block::Height;
use bds_contracts::tx::TxId;
use fjall::Keyspace;

/// The first 16 bytes of a transaction's id: whoever finds a receipt compares the whole id.
pub(super) type Prefix = [u8; 16];
/// Height, then index in the block, both big endian.
type Place = [u8; 12];

/// Places waiting in memory before they go to the table: 7 MiB.
pub(super) const RECENT_MAX: usize = 1 << 18;
/// A file of its own is made for no fewer; these go through the table's journal.
const FILE_PLACES_MIN: usize = 1 << 14;

/// See the file's first line. One thread adds, any number read.
pub(super) struct Places {
    table: Keyspace,
    /// Each in rising order of ids; the later run wins.
    recent: RwLock<Vec<Run>>,
}

type Run = Vec<(Prefix, Place)>;

fn prefix(id: &[u8; 64]) -> Prefix {
    *id.first_chunk().expect("64 bytes hold 16")
}

impl Places {
    pub(super) fn new(table: Keyspace) -> Self {
        Self {
            table,
            recent: RwLock::default(),
        }
    }

    /// Remembers in which block and where in it each of these is.
    pub(super) fn add(&self, transactions: impl Iterator<Item = (TxId, Height, u32)>) {
        let mut run: Run = transactions
            .map(|(id, height, index)| {
                let mut place = [0; 12];
                place[..8].copy_from_slice(&height.to_be_bytes());
                place[8..].copy_from_slice(&index.to_be_bytes());
                (prefix(&id.0), place)
            })
            .collect();
        sort(&mut run);
        self.recent
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(run);
    }

    /// How many are in memory only.
    pub(super) fn recent(&self) -> usize {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        recent.iter().map(Vec::len).sum()
    }

    /// Height and index.
    pub(super) fn get(&self, id: &[u8; 64]) -> fjall::Result<Option<(Height, u32)>> {
        let prefix = prefix(id);
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().rev().find_map(|run| {
            let at = run.binary_search_by_key(&prefix, |(id, _)| *id).ok()?;
            Some(run[at].1)
        });
        drop(recent);
        let found = match found {
            Some(place) => Some(place),
            None => self
                .table
                .get(prefix)?
                .and_then(|value| Place::try_from(&*value).ok()),
        };
        Ok(found.map(|place| {
            let (height, index) = place.split_first_chunk().expect("12 bytes hold 8");
            let index = index.first_chunk().expect("4 bytes are left");
            (Height::from_be_bytes(*height), u32::from_be_bytes(*index))
        }))
    }

    /// Moves everything from memory to the table; readers find each place all the time.
    pub(super) fn settle(&self) -> fjall::Result<()> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Run = recent.concat();
        drop(recent);
        sort(&mut all);
        // Only this thread adds, so nothing came in meanwhile.
        if all.len() < FILE_PLACES_MIN {
            for (id, place) in &all {
                self.table.insert(id, place)?;
            }
        } else {
            let mut file = self.table.start_ingestion()?;
            for (id, place) in &all {
                file.write(id, place)?;
            }
            file.finish()?;
        }
        self.recent
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        Ok(())
    }
}

/// In rising order, each id once: of equal ones the last.
fn sort(run: &mut Run) {
    run.reverse();
    run.sort_by_key(|(id, _)| *id);
    run.dedup_by_key(|(id, _)| *id);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(number: u64, height: Height) -> (TxId, Height, u32) {
        let mut tx = [0; 64];
        // Not rising, as ids are not.
        tx[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        (TxId(tx), height, u32::try_from(number % 1000).unwrap())
    }

    /// Below and above the number that makes a file, before and after settling, and the later of two wins.
    #[test]
    fn places_are_found_in_memory_and_in_the_table() {
        let dir = tempfile::tempdir().unwrap();
        let database = fjall::Database::builder(dir.path()).open().unwrap();
        let table = database.keyspace("places", Default::default).unwrap();
        let places = Places::new(table);
        let check = |until: u64| {
            for number in (0..until).step_by(97) {
                let (id, height, index) = placed(number, 1 + number / 5000);
                let found = places.get(&id.0).unwrap();
                assert_eq!(found, Some((height, index)), "{number}");
            }
            assert_eq!(places.get(&placed(until, 1).0.0).unwrap(), None);
        };
        let mut until = 0;
        for runs in [1, 2, 9] {
            for _ in 0..runs {
                let new = until..until + 5000;
                places.add(new.map(|number| placed(number, 1 + number / 5000)));
                until += 5000;
                check(until);
            }
            assert_eq!(places.recent(), runs * 5000);
            places.settle().unwrap();
            assert_eq!(places.recent(), 0);
            check(until);
        }
        places.add([placed(3, 70), placed(3, 71)].into_iter());
        assert_eq!(places.get(&placed(3, 0).0.0).unwrap(), Some((71, 3)));
        places.settle().unwrap();
        assert_eq!(places.get(&placed(3, 0).0.0).unwrap(), Some((71, 3)));
    }
}
