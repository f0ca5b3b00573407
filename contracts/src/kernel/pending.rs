//! What changed since the last root of the state, each entry once: what the [`Tree`](super::tree::Tree) takes in for the next one.

use super::changes::{Changes, HashMany};
use super::index::Index;
use super::proof::{self, Digest};
use super::tree::SLICE;

/// Entries that changed since the last root, each once.
#[derive(Debug, Clone)]
pub struct Pending {
    index: Index,
    keys: Vec<u8>,
    entries: Vec<(usize, usize, Option<Digest>)>,
}

/// What is to become of entries, by rising place.
#[derive(Debug, Clone, Default)]
pub struct Updates {
    pub(super) all: Vec<Update>,
    pub(super) taken: usize,
}

/// An entry as it is to be: its place, and its leaf's hash unless it is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update {
    pub(super) place: Digest,
    pub(super) leaf: Option<Digest>,
}

impl Pending {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self {
            index: Index::new(),
            keys: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Takes in what a block changed, in the order of blocks. `leaves` are [`Changes::leaf_hashes`]. Cost: a look-up an entry.
    ///
    /// # Panics
    /// When the two differ in length.
    pub fn note(&mut self, changes: &Changes, leaves: &[Digest]) {
        assert_eq!(changes.len(), leaves.len(), "one hash for each change");
        let Self {
            index,
            keys,
            entries,
        } = self;
        for (change, leaf) in changes.iter().zip(leaves) {
            let leaf = change.value.map(|_| *leaf);
            let tag = index.tag(change.key);
            let same = |at: u32| {
                let (start, end, _) = entries[at as usize];
                keys[start..end] == *change.key
            };
            match index.find(tag, same) {
                Some(at) => entries[at as usize].2 = leaf,
                None => {
                    let at = u32::try_from(entries.len()).expect("below 2^32 entries change");
                    index.insert(tag, at);
                    let start = keys.len();
                    keys.extend_from_slice(change.key);
                    entries.push((start, keys.len(), leaf));
                }
            }
        }
    }

    /// Everything taken in so far, and begins anew. Cost: one hash a changed entry, and a sort.
    pub fn take(&mut self, hash: &mut HashMany<'_>) -> Updates {
        let Self { keys, entries, .. } = &*self;
        let mut all = Vec::with_capacity(entries.len());
        for slice in entries.chunks(SLICE) {
            let messages: Vec<&[u8]> = slice.iter().map(|(s, e, _)| &keys[*s..*e]).collect();
            let mut digests = vec![[0; 32]; messages.len()];
            hash(&messages, &mut digests);
            let made = digests.into_iter().zip(messages).zip(slice);
            all.extend(made.map(|((hashed, key), (_, _, leaf))| Update {
                place: proof::place(key, hashed),
                leaf: *leaf,
            }));
        }
        self.keys.clear();
        self.entries.clear();
        self.index.clear();
        all.sort_unstable_by_key(|update| update.place);
        Updates { all, taken: 0 }
    }
}

impl Default for Pending {
    fn default() -> Self {
        Self::new()
    }
}
