//! A table whose entries are walked in key order: queues by time, lists of one owner. Slower than a hashed one.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use super::changes::Changes;
use super::journal::Journal;
use super::table::{Journaled, Key, Place, Value};
use super::wire::Malformed;
use crate::receipt::Code;

/// Entries in key order.
#[derive(Debug, Clone)]
pub struct Ordered<K, V> {
    place: Place,
    entries: BTreeMap<K, V>,
    history: History<K, V>,
}

/// What entries were before they were written.
#[derive(Debug, Clone)]
struct History<K, V> {
    tx: u64,
    /// Entries written in this transaction, with what they were before each write.
    undo: Vec<(K, Option<V>)>,
    /// Entries written in this block, with what they were before it.
    changed: BTreeMap<K, Option<V>>,
}

impl<K: Key, V: Value> Ordered<K, V> {
    /// An empty table.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self {
            place,
            entries: BTreeMap::new(),
            history: History {
                tx: 0,
                undo: Vec::new(),
                changed: BTreeMap::new(),
            },
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry's value.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Whether there is such an entry.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// The entries of a range by rising key.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.entries.range(range)
    }

    /// The value of an entry, to be changed; none when there is no such entry.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub fn update(&mut self, journal: &mut Journal, key: &K) -> Result<Option<&mut V>, Code> {
        let Some(value) = self.entries.get_mut(key) else {
            return Ok(None);
        };
        let tx = journal.note(self.place.id)?;
        let old = Some(value.clone());
        self.history.keep(tx, key.clone(), old);
        Ok(Some(value))
    }

    /// Gives the entry this value, whether or not it was there.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub fn set(&mut self, journal: &mut Journal, key: K, value: V) -> Result<(), Code> {
        let tx = journal.note(self.place.id)?;
        let old = self.entries.insert(key.clone(), value);
        self.history.keep(tx, key, old);
        Ok(())
    }

    /// Takes the entry away; without one nothing is written.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub fn remove(&mut self, journal: &mut Journal, key: &K) -> Result<Option<V>, Code> {
        if !self.entries.contains_key(key) {
            return Ok(None);
        }
        let tx = journal.note(self.place.id)?;
        let old = self.entries.remove(key);
        self.history.keep(tx, key.clone(), old.clone());
        Ok(old)
    }
}

impl<K: Key, V: Value> History<K, V> {
    /// Keeps what an entry was before it was written in this transaction.
    fn keep(&mut self, tx: u64, key: K, old: Option<V>) {
        if self.tx != tx {
            self.undo.clear();
            self.tx = tx;
        }
        // A write that is taken back stays listed; at the end of the block it is no difference.
        let first = self.changed.entry(key.clone());
        first.or_insert_with(|| old.clone());
        self.undo.push((key, old));
    }
}

impl<K: Key, V: Value> Journaled for Ordered<K, V> {
    fn undo(&mut self) {
        let (key, old) = self
            .history
            .undo
            .pop()
            .expect("the journal holds each write once");
        match old {
            Some(value) => {
                self.entries.insert(key, value);
            }
            None => {
                self.entries.remove(&key);
            }
        }
    }

    fn end_block(&mut self, changes: &mut Changes) {
        for (key, old) in std::mem::take(&mut self.history.changed) {
            let value = self.entries.get(&key);
            if value != old.as_ref() {
                changes.push(self.place.prefix, &key, value);
            }
        }
        changes.end_table();
    }

    fn entries(&self, changes: &mut Changes) {
        for (key, value) in &self.entries {
            changes.push(self.place.prefix, key, Some(value));
        }
        changes.end_table();
    }

    fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let key: K = borsh::from_slice(key).ok()?;
        self.get(&key).map(super::table::encoded)
    }

    fn in_words(&self, key: &[u8], value: Option<&[u8]>) -> Option<(String, String)> {
        super::table::in_words::<K, V>(key, value)
    }

    fn load(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let key: K = borsh::from_slice(key).map_err(|_| Malformed)?;
        let value: V = borsh::from_slice(value).map_err(|_| Malformed)?;
        match self.entries.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(Malformed),
        }
    }
}
