//! The tables of all modules in one place, with the journal that can take their writes back.

use std::any::Any;
use std::sync::Arc;

use super::changes::{Changes, Sorting};
use super::interpreter::Interpreter;
use super::journal::{Journal, Mark, TableId};
use super::member::{self, MemberTables};
use super::module::Module;
use super::table::{Journaled, Place};
use super::wire::{Malformed, Reader};
use crate::tx::SIGNATURE_BYTES;

/// First bytes of a snapshot; the last is the version of its format.
const SNAPSHOT_DOMAIN: [u8; 8] = *b"BDS-SN\0\x03";
/// Modules have numbers below this; 0 is the kernel.
pub const MODULES_MAX: usize = 256;
/// Bytes of room that are kept whatever blocks need.
const ROOM_KEPT: usize = 1 << 16;
/// No module of this number.
const NONE: u8 = u8::MAX;
/// The table of the secret.
const SECRET: TableId = TableId {
    set: 0,
    table: member::SECRET,
};

/// The tables of one module; implemented by [`tables!`](crate::tables).
pub trait TableSet: Send + Sync + 'static {
    /// Empty tables of module `module`, which stands at place `set` of the ledger's list; `closed` names those that are closed.
    fn new(module: u16, set: u8, closed: &[&str]) -> Self
    where
        Self: Sized;

    /// Numbers and names of the tables, by rising number.
    fn names(&self) -> &'static [(u8, &'static str)];

    /// The table of this number, which is one of [`TableSet::names`].
    fn table(&mut self, number: u8) -> &mut dyn Journaled;

    /// The table of this number, to be read.
    fn table_ref(&self, number: u8) -> &dyn Journaled;

    /// For the way back to the type.
    fn as_any(&self) -> &dyn Any;

    /// For the way back to the type.
    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// A copy.
    fn copy(&self) -> Box<dyn TableSet>;
}

/// Declares the tables of a module: number, name, type. Numbers are part of the keys under the state root and stay for ever.
///
/// ```
/// use bds_contracts::kernel::{ordered::Ordered, table::Table};
///
/// bds_contracts::tables! {
///     /// Tables of the lending desk.
///     pub struct Tables {
///         /// Loans by number.
///         1 loans: Table<u64, u64>,
///         /// Numbers of loans by the time they fall due.
///         2 due: Ordered<(u64, u64), ()>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! tables {
    (
        $(#[$meta:meta])*
        $visible:vis struct $name:ident {
            $($(#[$field_meta:meta])* $number:literal $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $visible struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::kernel::store::TableSet for $name {
            fn new(module: u16, set: u8, closed: &[&str]) -> Self {
                let place = |number, name| {
                    $crate::kernel::table::Place::new(module, set, number, closed.contains(&name))
                };
                Self {
                    $($field: <$type>::new(place($number, stringify!($field))),)*
                }
            }

            fn names(&self) -> &'static [(u8, &'static str)] {
                const NAMES: &[(u8, &str)] = &[$(($number, stringify!($field))),*];
                const { assert!($crate::kernel::store::rise(NAMES), "table numbers must rise") };
                NAMES
            }

            fn table(&mut self, number: u8) -> &mut dyn $crate::kernel::table::Journaled {
                match number {
                    $($number => &mut self.$field,)*
                    _ => panic!("table {number} was never declared"),
                }
            }

            fn table_ref(&self, number: u8) -> &dyn $crate::kernel::table::Journaled {
                match number {
                    $($number => &self.$field,)*
                    _ => panic!("table {number} was never declared"),
                }
            }

            fn as_any(&self) -> &dyn ::std::any::Any {
                self
            }

            fn as_any_mut(&mut self) -> &mut dyn ::std::any::Any {
                self
            }

            fn copy(&self) -> ::std::boxed::Box<dyn $crate::kernel::store::TableSet> {
                ::std::boxed::Box::new(self.clone())
            }
        }
    };
}

/// Whether numbers rise strictly; for [`tables!`](crate::tables).
#[must_use]
pub const fn rise(names: &[(u8, &str)]) -> bool {
    let mut at = 1;
    while at < names.len() {
        if names[at - 1].0 >= names[at].0 {
            return false;
        }
        at += 1;
    }
    true
}

/// The whole key of an entry in the table of this name: module and table, big endian, the first bit set when the table is
/// closed, and the entry's own key.
///
/// # Panics
/// When the module has no such table.
#[must_use]
pub fn entry_key<M: Module>(table: &str, own: &impl borsh::BorshSerialize) -> Vec<u8> {
    let names = M::Tables::new(M::ID, 0, M::CLOSED).names();
    let found = names.iter().find(|(_, name)| *name == table);
    let (number, _) = found.unwrap_or_else(|| panic!("module {} has no table {table}", M::ID));
    whole_key(
        Place::new(M::ID, 0, *number, M::CLOSED.contains(&table)),
        own,
    )
}

/// As [`entry_key`], of a member.
#[must_use]
pub fn member_key(key: &crate::tx::PublicKey) -> Vec<u8> {
    whole_key(Place::new(0, 0, member::MEMBERS, false), key)
}

fn whole_key(place: Place, own: &impl borsh::BorshSerialize) -> Vec<u8> {
    let mut bytes = place.prefix.to_vec();
    borsh::to_writer(&mut bytes, own).expect("writing to memory cannot fail");
    bytes
}

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A snapshot of an older format, which this version does not read.
    #[error("this is a version-{0} snapshot; only version 3 is read")]
    Older(u8),
    /// The first eight bytes are not the tag of a snapshot.
    #[error("the first 8 bytes are not the tag of a version-3 snapshot")]
    WrongDomain,
    /// An entry does not decode, belongs to no table, is out of order, or bytes are left over.
    #[error("the snapshot is damaged: an entry does not decode or is out of order")]
    Malformed,
}

/// All tables, and the journal. Place 0 is the kernel's own.
pub struct Stores {
    pub(crate) kernel: MemberTables,
    sets: Vec<(u16, Box<dyn TableSet>)>,
    places: [u8; MODULES_MAX],
    /// Every table, by rising key.
    order: Vec<Place>,
    pub(crate) journal: Journal,
    /// What runs the code that some tables hold.
    pub(crate) interpreter: Option<Arc<dyn Interpreter>>,
    /// Lists of changes that were given back.
    spare: Vec<Changes>,
    /// Bytes of the last block's changes.
    changed_bytes: usize,
    sorting: Sorting,
}

impl Stores {
    /// The kernel's tables, empty.
    #[must_use]
    pub fn new() -> Self {
        let kernel = MemberTables::new(0, 0, member::CLOSED);
        Self {
            order: all_places(0, 0, kernel.names(), member::CLOSED),
            kernel,
            sets: Vec::new(),
            places: [NONE; MODULES_MAX],
            journal: Journal::new(),
            interpreter: None,
            spare: Vec::new(),
            changed_bytes: 0,
            sorting: Sorting::default(),
        }
    }

    /// Adds a module's tables. Called by [`modules!`](macro@crate::modules), by rising number.
    ///
    /// # Panics
    /// When the number is 0, too high or not above the last one, or a table that is no table of it is to be closed.
    pub fn add<M: Module>(&mut self) {
        let above = self.sets.last().map_or(0, |(last, _)| *last);
        assert!(M::ID > above, "module {} after module {above}", M::ID);
        let place = u8::try_from(self.sets.len() + 1).expect("fewer than 255 modules");
        self.places[usize::from(M::ID)] = place;
        let set = M::Tables::new(M::ID, place, M::CLOSED);
        self.order
            .extend(all_places(M::ID, place, set.names(), M::CLOSED));
        self.order.sort_unstable_by_key(|place| place.prefix);
        self.sets.push((M::ID, Box::new(set)));
    }

    /// Tables of a module, and the journal that every write needs.
    ///
    /// # Panics
    /// When the ledger has no such module: a list of modules holds all that its modules build on.
    #[inline]
    pub(crate) fn tables<M: Module>(&mut self) -> (&mut M::Tables, &mut Journal) {
        let place = self.places[usize::from(M::ID)];
        let set = self.sets.get_mut(usize::from(place).wrapping_sub(1));
        let tables = set.and_then(|(_, set)| set.as_any_mut().downcast_mut::<M::Tables>());
        let tables = tables.unwrap_or_else(|| panic!("the ledger has no module {}", M::ID));
        (tables, &mut self.journal)
    }

    /// Tables of a module, to be read.
    ///
    /// # Panics
    /// As above.
    #[inline]
    #[must_use]
    pub fn read<M: Module>(&self) -> &M::Tables {
        let place = self.places[usize::from(M::ID)];
        let set = self.sets.get(usize::from(place).wrapping_sub(1));
        let tables = set.and_then(|(_, set)| set.as_any().downcast_ref::<M::Tables>());
        tables.unwrap_or_else(|| panic!("the ledger has no module {}", M::ID))
    }

    fn table(&mut self, id: TableId) -> &mut dyn Journaled {
        match id.set {
            0 => self.kernel.table(id.table),
            place => self.sets[usize::from(place) - 1].1.table(id.table),
        }
    }

    fn table_ref(&self, id: TableId) -> &dyn Journaled {
        match id.set {
            0 => self.kernel.table_ref(id.table),
            place => self.sets[usize::from(place) - 1].1.table_ref(id.table),
        }
    }

    /// Takes back every write after the mark, the last first.
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        while let Some(id) = self.journal.pop(mark) {
            self.table(id).undo();
        }
    }

    /// Ends the block, whose transactions have these signatures: what it changed, by key.
    pub(crate) fn end_block<'a>(
        &mut self,
        signatures: impl Iterator<Item = &'a [u8; SIGNATURE_BYTES]>,
    ) -> Changes {
        let sorting = std::mem::take(&mut self.sorting);
        let spare = self.spare.pop().unwrap_or_default();
        let mut changes = spare.cleared(sorting);
        for at in 0..self.order.len() {
            let id = self.order[at].id;
            if id != SECRET {
                self.table(id).end_block(&mut changes);
            }
        }
        let open = changes.open();
        if changes.len() > open {
            self.kernel.renew(&mut self.journal, signatures);
            self.table(SECRET).end_block(&mut changes);
            changes.move_last(open);
        }
        self.journal.next_block();
        self.changed_bytes = changes.bytes();
        self.sorting = changes.take_sorting();
        changes
    }

    /// Takes the changes of a block back that nobody needs any more: their room serves a later block, and memory is not asked of the
    /// system again and again. What grew for a block far larger than the last is let go.
    pub(crate) fn recycle(&mut self, changes: Changes) {
        if changes.room() <= ROOM_KEPT.max(4 * self.changed_bytes) {
            self.spare.push(changes);
        }
    }

    /// Every entry there is, by key, as if a block had made them all.
    #[must_use]
    pub fn entries(&self) -> Changes {
        let mut changes = Changes::default();
        for place in &self.order {
            self.table_ref(place.id).entries(&mut changes);
        }
        changes
    }

    /// The encoded value of the entry with this whole key: module, table and the entry's own.
    #[must_use]
    pub fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (id, own) = self.place_of(key)?;
        self.table_ref(id).value(own)
    }

    /// The table of an entry, its own key, and its value, in words for people. None for a key of no table, and for bytes that
    /// are no value of it.
    #[must_use]
    pub fn in_words(&self, key: &[u8], value: Option<&[u8]>) -> Option<(&str, String, String)> {
        let (id, own) = self.place_of(key)?;
        let names = match id.set {
            0 => self.kernel.names(),
            place => self.sets[usize::from(place) - 1].1.names(),
        };
        let (_, name) = names.iter().find(|(number, _)| *number == id.table)?;
        let (key, value) = self.table_ref(id).in_words(own, value)?;
        Some((name, key, value))
    }

    /// The table that a whole key belongs to, and what of it is the entry's own.
    fn place_of<'a>(&self, key: &'a [u8]) -> Option<(TableId, &'a [u8])> {
        let (prefix, own) = key.split_first_chunk::<4>()?;
        let found = self
            .order
            .binary_search_by_key(prefix, |place| place.prefix);
        Some((self.order[found.ok()?].id, own))
    }

    /// The whole state as bytes: a tag, then each entry as two lengths, key and value, by rising key.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = SNAPSHOT_DOMAIN.to_vec();
        for entry in self.entries().iter() {
            let value = entry.value.expect("an entry that is there has a value");
            for part in [entry.key, value] {
                bytes.extend_from_slice(&super::wire::length(part.len()).to_le_bytes());
                bytes.extend_from_slice(part);
            }
        }
        bytes
    }

    /// Takes in a snapshot; the tables are empty before. Compare the root with a certified one before trusting it.
    ///
    /// # Errors
    /// [`SnapshotError`]; the tables then hold a part of it and are good for nothing.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let Some((domain, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(SnapshotError::WrongDomain);
        };
        if let [b'B', b'D', b'S', b'-', b'S', b'N', 0, version @ 1..=2] = *domain {
            return Err(SnapshotError::Older(version));
        }
        if *domain != SNAPSHOT_DOMAIN {
            return Err(SnapshotError::WrongDomain);
        }
        let mut reader = Reader::new(rest);
        let mut last: &[u8] = &[];
        while !reader.rest().is_empty() {
            let key = reader.blob().map_err(|_| SnapshotError::Malformed)?;
            let value = reader.blob().map_err(|_| SnapshotError::Malformed)?;
            if key <= last {
                return Err(SnapshotError::Malformed);
            }
            last = key;
            self.load(key, value).ok_or(SnapshotError::Malformed)?;
        }
        self.loaded().map_err(|_| SnapshotError::Malformed)
    }

    fn loaded(&mut self) -> Result<(), Malformed> {
        for at in 0..self.order.len() {
            self.table(self.order[at].id).loaded()?;
        }
        Ok(())
    }

    fn load(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (id, own) = self.place_of(key)?;
        self.table(id).load(own, value).ok()
    }
}

/// Where the tables of a module stand.
fn all_places(module: u16, set: u8, names: &[(u8, &str)], closed: &[&str]) -> Vec<Place> {
    let known = |name: &&str| names.iter().any(|(_, known)| known == name);
    assert!(
        closed.iter().all(known),
        "module {module} closes {closed:?}"
    );
    let places = names
        .iter()
        .map(|(number, name)| Place::new(module, set, *number, closed.contains(name)));
    places.collect()
}

impl Default for Stores {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Stores {
    fn clone(&self) -> Self {
        let sets = self.sets.iter().map(|(id, set)| (*id, set.copy()));
        Self {
            kernel: self.kernel.clone(),
            sets: sets.collect(),
            places: self.places,
            order: self.order.clone(),
            journal: self.journal.clone(),
            interpreter: self.interpreter.clone(),
            spare: Vec::new(),
            changed_bytes: 0,
            sorting: Sorting::default(),
        }
    }
}

#[cfg(test)]
mod tests;
