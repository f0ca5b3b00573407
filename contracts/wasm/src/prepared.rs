//! Prepared code that is kept beside the state: so much, and what was not used for longest goes first.

use std::collections::BTreeMap;

use bds_contracts::tx::ContentHash;
use bds_contracts::wasm::{CODE_MAX, CONTRACTS_MAX};

/// How much prepared code is kept. Whatever it is, runs give the same: what went is prepared again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Most pieces of code.
    pub codes: usize,
    /// Most bytes of them before they are prepared.
    pub bytes: usize,
}

impl Default for Room {
    /// Every contract of a ledger has one active version, so all of them fit, and as much again of what is about to become active.
    fn default() -> Self {
        let codes = 2 * CONTRACTS_MAX as usize;
        Self {
            codes,
            bytes: codes * CODE_MAX as usize,
        }
    }
}

/// What is kept, by the name of the code.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    room: Room,
    codes: BTreeMap<ContentHash, One<T>>,
    bytes: usize,
    /// Grows with every use.
    tick: u64,
}

#[derive(Debug)]
struct One<T> {
    code: T,
    bytes: usize,
    used: u64,
}

impl<T: Clone> Kept<T> {
    pub(crate) fn new(room: Room) -> Self {
        Self {
            room,
            codes: BTreeMap::new(),
            bytes: 0,
            tick: 0,
        }
    }

    pub(crate) fn get(&mut self, name: &ContentHash) -> Option<T> {
        self.tick += 1;
        let one = self.codes.get_mut(name)?;
        one.used = self.tick;
        Some(one.code.clone())
    }

    /// Keeps code of so many bytes. What is larger than the room is kept alone.
    pub(crate) fn put(&mut self, name: ContentHash, bytes: usize, code: T) {
        self.tick += 1;
        let used = self.tick;
        let old = self.codes.insert(name, One { code, bytes, used });
        self.bytes = self.bytes + bytes - old.map_or(0, |old| old.bytes);
        while self.codes.len() > 1
            && (self.codes.len() > self.room.codes || self.bytes > self.room.bytes)
        {
            let oldest = self.codes.iter().min_by_key(|(_, one)| one.used);
            let oldest = *oldest.expect("more than one").0;
            let gone = self.codes.remove(&oldest).expect("it was just found");
            self.bytes -= gone.bytes;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.codes.clear();
        self.bytes = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.codes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u8) -> ContentHash {
        ContentHash([number; 64])
    }

    fn there(kept: &Kept<u8>) -> Vec<u8> {
        kept.codes.values().map(|one| one.code).collect()
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut kept = Kept::new(Room {
            codes: 2,
            bytes: 100,
        });
        kept.put(name(1), 10, 1);
        kept.put(name(2), 10, 2);
        assert_eq!(kept.get(&name(1)), Some(1));
        kept.put(name(3), 10, 3);
        assert_eq!(there(&kept), [1, 3]);
        assert_eq!(kept.get(&name(2)), None);
        // Bytes count too, also where few codes have them; the same name again takes its own place.
        kept.put(name(1), 95, 1);
        assert_eq!((there(&kept), kept.bytes), (vec![1], 95));
        kept.put(name(1), 5, 1);
        kept.put(name(4), 95, 4);
        assert_eq!((there(&kept), kept.bytes), (vec![1, 4], 100));
        kept.put(name(5), 1_000, 5);
        assert_eq!((there(&kept), kept.bytes), (vec![5], 1_000));
        kept.clear();
        kept.put(name(6), 100, 6);
        assert_eq!((there(&kept), kept.len(), kept.bytes), (vec![6], 1, 100));
    }
}
