//! A table: entries by key, found by hash, never walked; every write can be taken back and is marked as a change.
//!
//! An entry lives in a slot. Slots are dense and stay where they are as long as the entry exists, so whoever looked a key up
//! once may go to its slot directly ([`Table::find`], [`Table::update_at`]). Slot numbers follow from the order of
//! writes on this machine and must not reach the state; there is no way to list them. What has to be walked is an
//! [`Ordered`](super::ordered::Ordered) table and says so.

use std::fmt::Debug;
use std::hash::Hash;

use borsh::{BorshDeserialize, BorshSerialize};

use super::changes::Changes;
use super::index::Index;
use super::journal::{Journal, TableId};
use super::proof::CLOSED;
use super::wire::Malformed;
use crate::receipt::Code;

/// What a table can be keyed by.
pub trait Key:
    Clone + Debug + Eq + Ord + Hash + BorshSerialize + BorshDeserialize + Send + Sync + 'static
{
}
impl<T: Clone + Debug + Eq + Ord + Hash + BorshSerialize + BorshDeserialize + Send + Sync + 'static>
    Key for T
{
}

/// What a table can hold.
pub trait Value:
    Clone + Debug + PartialEq + BorshSerialize + BorshDeserialize + Send + Sync + 'static
{
}
impl<T: Clone + Debug + PartialEq + BorshSerialize + BorshDeserialize + Send + Sync + 'static> Value
    for T
{
}

/// Where a table stands: made by [`tables!`](crate::tables), which numbers them.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub(crate) id: TableId,
    pub(crate) prefix: [u8; 4],
}

impl Place {
    /// Table `table` of module `module`, which stands at place `set` of the ledger's list, and whether it is closed.
    #[must_use]
    pub fn new(module: u16, set: u8, table: u8, is_closed: bool) -> Self {
        let [high, low] = module.to_be_bytes();
        let closed = if is_closed { CLOSED } else { 0 };
        Self {
            id: TableId { set, table },
            prefix: [high | closed, low, 0, table],
        }
    }
}

/// What the kernel asks of anything that holds entries of the state: a table, or something with a way back of its own, such as
/// order books.
pub trait Journaled: Send + Sync {
    /// Takes back the last write.
    fn undo(&mut self);

    /// Writes down the entries that differ from how the block found them, and begins a new block.
    fn end_block(&mut self, changes: &mut Changes);

    /// Writes down every entry, as if each had changed.
    fn entries(&self, changes: &mut Changes);

    /// The encoded value of the entry with this encoded key, without module and table.
    fn value(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// An encoded key and, if there is one, an encoded value in words, for people.
    fn in_words(&self, key: &[u8], value: Option<&[u8]>) -> Option<(String, String)>;

    /// Takes in an entry as [`Journaled::entries`] gave it: key without module and table. Only while no block runs.
    ///
    /// # Errors
    /// [`Malformed`] when it does not decode or is there already.
    fn load(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed>;

    /// Every entry was loaded: what is put together from several of them is put together now.
    ///
    /// # Errors
    /// [`Malformed`] when they do not go together.
    fn loaded(&mut self) -> Result<(), Malformed> {
        Ok(())
    }
}

/// A value as leaves hold it.
pub(crate) fn encoded<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory cannot fail")
}

/// See [`Journaled::in_words`].
pub(crate) fn in_words<K: BorshDeserialize + Debug, V: BorshDeserialize + Debug>(
    key: &[u8],
    value: Option<&[u8]>,
) -> Option<(String, String)> {
    let key: K = borsh::from_slice(key).ok()?;
    let value: Option<V> = value.map(borsh::from_slice).transpose().ok()?;
    let value = value.map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
    Some((format!("{key:?}"), value))
}

/// Number of a slot. Good for the table it came from, as long as the entry exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32);

#[derive(Debug, Clone)]
struct Entry<K, V> {
    value: Option<V>,
    key: K,
    /// The block that wrote it last.
    block: u32,
}

/// How to take one write back.
#[derive(Debug, Clone)]
enum Undo<V> {
    /// It was the block's first to this entry: the old value is the last of `changed`.
    First,
    Again(u32, Option<V>),
}

/// Entries by key.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    place: Place,
    index: Index,
    entries: Vec<Entry<K, V>>,
    /// Slots without an entry.
    free: Vec<u32>,
    count: usize,
    /// Transaction whose writes `undo` holds.
    tx: u64,
    undo: Vec<Undo<V>>,
    /// Entries written in this block, with what they were before it.
    changed: Vec<(u32, Option<V>)>,
}

impl<K: Key, V: Value> Table<K, V> {
    /// An empty table.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self {
            place,
            index: Index::new(),
            entries: Vec::new(),
            free: Vec::new(),
            count: 0,
            tx: 0,
            undo: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The slot of an entry.
    #[must_use]
    #[inline]
    pub fn find(&self, key: &K) -> Option<Slot> {
        let slot = self.slot(key)?;
        self.entries[slot as usize]
            .value
            .as_ref()
            .map(|_| Slot(slot))
    }

    /// The entry's value.
    #[must_use]
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        let slot = self.slot(key)?;
        self.entries[slot as usize].value.as_ref()
    }

    /// Whether there is such an entry.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The value in a slot; none when its entry is gone.
    #[must_use]
    #[inline]
    pub fn at(&self, slot: Slot) -> Option<&V> {
        self.entries.get(slot.0 as usize)?.value.as_ref()
    }

    /// The value of an entry, to be changed; none when there is no such entry.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    #[inline]
    pub fn update(&mut self, journal: &mut Journal, key: &K) -> Result<Option<&mut V>, Code> {
        match self.find(key) {
            Some(slot) => self.update_at(journal, slot),
            None => Ok(None),
        }
    }

    /// As [`Table::update`], by slot.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    #[inline]
    pub fn update_at(&mut self, journal: &mut Journal, slot: Slot) -> Result<Option<&mut V>, Code> {
        if self.at(slot).is_none() {
            return Ok(None);
        }
        let tx = journal.note(self.place.id)?;
        self.save(tx, journal.block(), slot.0);
        Ok(self.entries[slot.0 as usize].value.as_mut())
    }

    /// Gives the entry this value, whether or not it was there.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    #[inline]
    pub fn set(&mut self, journal: &mut Journal, key: K, value: V) -> Result<(), Code> {
        let tx = journal.note(self.place.id)?;
        let slot = match self.slot(&key) {
            Some(slot) => slot,
            None => self.make(key),
        };
        self.save(tx, journal.block(), slot);
        let old = self.entries[slot as usize].value.replace(value);
        self.count += usize::from(old.is_none());
        Ok(())
    }

    /// Takes the entry away; without one nothing is written.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub fn remove(&mut self, journal: &mut Journal, key: &K) -> Result<Option<V>, Code> {
        let Some(Slot(slot)) = self.find(key) else {
            return Ok(None);
        };
        let tx = journal.note(self.place.id)?;
        self.save(tx, journal.block(), slot);
        self.count -= 1;
        Ok(self.entries[slot as usize].value.take())
    }

    /// Slots in use or free.
    #[cfg(test)]
    pub(crate) fn slots(&self) -> usize {
        self.entries.len()
    }

    /// The key's slot, with or without a value.
    #[inline]
    fn slot(&self, key: &K) -> Option<u32> {
        let is = |slot: u32| self.entries[slot as usize].key == *key;
        self.index.find(self.index.tag(key), is)
    }

    /// A slot for a key that has none.
    fn make(&mut self, key: K) -> u32 {
        let tag = self.index.tag(&key);
        let entry = Entry {
            key,
            value: None,
            block: 0,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                let slot = u32::try_from(self.entries.len()).expect("a table holds below 2^32");
                self.entries.push(entry);
                slot
            }
        };
        self.index.insert(tag, slot);
        slot
    }

    /// Gives back a slot whose entry neither was before this block nor is now.
    fn release(&mut self, slot: u32) {
        let tag = self.index.tag(&self.entries[slot as usize].key);
        self.index.remove(tag, slot);
        self.free.push(slot);
    }

    /// Keeps the value that is about to be written over.
    #[inline]
    fn save(&mut self, tx: u64, block: u32, slot: u32) {
        if self.tx != tx {
            self.undo.clear();
            self.tx = tx;
        }
        let entry = &mut self.entries[slot as usize];
        let old = entry.value.clone();
        if entry.block == block {
            self.undo.push(Undo::Again(slot, old));
        } else {
            entry.block = block;
            self.changed.push((slot, old));
            self.undo.push(Undo::First);
        }
    }

    fn restore(&mut self, slot: u32, old: Option<V>) {
        let entry = &mut self.entries[slot as usize];
        self.count += usize::from(old.is_some());
        self.count -= usize::from(entry.value.is_some());
        entry.value = old;
    }
}

impl<K: Key, V: Value> Journaled for Table<K, V> {
    fn undo(&mut self) {
        match self.undo.pop().expect("the journal holds each write once") {
            Undo::Again(slot, old) => self.restore(slot, old),
            Undo::First => {
                let (slot, old) = self.changed.pop().expect("a first write is a change");
                let was_there = old.is_some();
                self.restore(slot, old);
                self.entries[slot as usize].block = 0;
                if !was_there {
                    self.release(slot);
                }
            }
        }
    }

    fn end_block(&mut self, changes: &mut Changes) {
        let mut changed = std::mem::take(&mut self.changed);
        for (slot, old) in changed.drain(..) {
            let entry = &self.entries[slot as usize];
            if entry.value != old {
                changes.push(self.place.prefix, &entry.key, entry.value.as_ref());
            }
            if entry.value.is_none() {
                self.release(slot);
            }
        }
        changes.end_table();
        // Keep the room for the next block.
        self.changed = changed;
    }

    fn entries(&self, changes: &mut Changes) {
        for entry in self.entries.iter().filter(|entry| entry.value.is_some()) {
            changes.push(self.place.prefix, &entry.key, entry.value.as_ref());
        }
        changes.end_table();
    }

    fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let key: K = borsh::from_slice(key).ok()?;
        self.get(&key).map(encoded::<V>)
    }

    fn in_words(&self, key: &[u8], value: Option<&[u8]>) -> Option<(String, String)> {
        in_words::<K, V>(key, value)
    }

    fn load(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let key: K = borsh::from_slice(key).map_err(|_| Malformed)?;
        let value: V = borsh::from_slice(value).map_err(|_| Malformed)?;
        if self.slot(&key).is_some() {
            return Err(Malformed);
        }
        let slot = self.make(key);
        self.entries[slot as usize].value = Some(value);
        self.count += 1;
        Ok(())
    }
}
