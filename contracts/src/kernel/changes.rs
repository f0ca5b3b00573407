//! What a block changed: its entries in key order, as the leaves of the changes root and as food for the state tree.
//!
//! An entry's key is `module u16 || table u16 || borsh(key)`, the numbers big endian so that keys sort by module and table;
//! the first bit of a module's number is set for its closed tables, so their entries come behind all open ones. Its leaf is
//! `key length u32 || key || 0` when it is gone and `… || 1 || borsh(value)` when it is there, and the leaf's hash is
//! H(0x00 || leaf). The changes root is H(0x03 || count u64 || open root || closed root): the Merkle roots of RFC 9162 over the
//! open leaves and over the closed ones. The count, of the open leaves, is under the root, so a proof brings it along. H is
//! SHA-512/256.

use borsh::BorshSerialize;

use super::proof::{self, Digest};

/// Hashes `messages[i]` into `digests[i]` with SHA-512/256. The node hands in its engine; [`plain`] is the plain form.
pub type HashMany<'a> = dyn FnMut(&[&[u8]], &mut [Digest]) + 'a;

/// SHA-512/256 one message after the other.
pub fn plain(messages: &[&[u8]], digests: &mut [Digest]) {
    use sha2::Digest as _;
    for (message, digest) in messages.iter().zip(digests) {
        *digest = sha2::Sha512_256::digest(message).into();
    }
}

/// One changed entry: where it lies in the buffer.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    key_end: usize,
    end: usize,
}

impl Entry {
    fn key(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start + KEY_OFFSET..self.key_end]
    }
}

/// The entries that a block left different from what it found, by rising key.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// One after the other: `0x00 || key length || key || tag || value`, what an entry's leaf hash is taken of.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    table_start: usize,
    sorting: Sorting,
}

/// What putting a table's entries into order takes; of use only while a block ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sorting {
    /// Of the running table: the first eight bytes of a key as a number, which decide nearly every comparison, above the
    /// entry's place in the table.
    order: Vec<u128>,
    spare: Vec<u128>,
}

/// An entry as it lies in a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// Module, table and key.
    pub key: &'a [u8],
    /// What it is from now on; none when it is gone.
    pub value: Option<&'a [u8]>,
}

/// Bytes before an entry's key: the leaf tag and the key's length.
const KEY_OFFSET: usize = 5;

impl Changes {
    /// Adds an entry of the table begun last.
    pub fn push(
        &mut self,
        prefix: [u8; 4],
        key: &impl BorshSerialize,
        value: Option<&impl BorshSerialize>,
    ) {
        let start = self.bytes.len();
        let mut head = [0; KEY_OFFSET + 4];
        head[KEY_OFFSET..].copy_from_slice(&prefix);
        self.bytes.extend_from_slice(&head);
        borsh::to_writer(&mut self.bytes, key).expect("writing to memory cannot fail");
        let key_end = self.bytes.len();
        let length = super::wire::length(key_end - start - KEY_OFFSET);
        self.bytes[start + 1..start + KEY_OFFSET].copy_from_slice(&length.to_le_bytes());
        match value {
            Some(value) => {
                self.bytes.push(1);
                borsh::to_writer(&mut self.bytes, value).expect("writing to memory cannot fail");
            }
            None => self.bytes.push(0),
        }
        let own = &self.bytes[start + KEY_OFFSET + prefix.len()..key_end];
        let mut first = [0; 8];
        let count = own.len().min(8);
        first[..count].copy_from_slice(&own[..count]);
        let place = (self.entries.len() - self.table_start) as u128;
        let first = u128::from(u64::from_be_bytes(first));
        self.sorting.order.push(first << 64 | place);
        self.entries.push(Entry {
            start,
            key_end,
            end: self.bytes.len(),
        });
    }

    /// Puts the entries of the table that ends here into key order. Tables come in the order of their keys.
    pub fn end_table(&mut self) {
        let table = &self.entries[self.table_start..];
        if table.len() > 1 {
            let Sorting { order, spare } = &mut self.sorting;
            super::sort::by_upper_half(order, spare);
            let bytes = &self.bytes;
            let in_order = order.iter().map(|order| table[*order as u64 as usize]);
            let mut sorted: Vec<Entry> = in_order.collect();
            // Keys that share their first eight bytes stand next to each other by now.
            let first = |at: usize| (order[at] >> 64) as u64;
            let mut at = 1;
            while at < sorted.len() {
                if first(at - 1) == first(at) {
                    let start = at - 1;
                    at += (at..sorted.len())
                        .take_while(|next| first(*next) == first(start))
                        .count();
                    sorted[start..at].sort_unstable_by_key(|entry| entry.key(bytes));
                }
                at += 1;
            }
            self.entries[self.table_start..].copy_from_slice(&sorted);
        }
        self.sorting.order.clear();
        self.table_start = self.entries.len();
    }

    /// Without entries, but with the room there was.
    pub(crate) fn cleared(mut self, sorting: Sorting) -> Self {
        self.bytes.clear();
        self.entries.clear();
        self.table_start = 0;
        self.sorting = sorting;
        self
    }

    /// What sorting took, for the next block: it is not kept along with the changes.
    pub(crate) fn take_sorting(&mut self) -> Sorting {
        std::mem::take(&mut self.sorting)
    }

    /// Puts the last entry before those from place `to` on.
    pub(crate) fn move_last(&mut self, to: usize) {
        self.entries[to..].rotate_right(1);
    }

    /// Bytes of all entries.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes there is room for.
    pub(crate) fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// How many entries changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none did.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many of them are of open tables: the first ones.
    #[must_use]
    pub fn open(&self) -> usize {
        let is_open = |entry: &Entry| !proof::is_closed(entry.key(&self.bytes));
        self.entries.partition_point(is_open)
    }

    /// The entries by rising key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Change<'_>> {
        self.entries.iter().map(|entry| Change {
            key: entry.key(&self.bytes),
            value: (self.bytes[entry.key_end] == 1)
                .then(|| &self.bytes[entry.key_end + 1..entry.end]),
        })
    }

    /// What became of this entry, if it changed.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<Change<'_>> {
        let bytes = &self.bytes;
        let at = self
            .entries
            .binary_search_by(|entry| entry.key(bytes).cmp(key));
        self.iter().nth(at.ok()?)
    }

    /// What the leaf hashes are taken of, by rising key.
    pub fn messages(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.entries
            .iter()
            .map(|entry| &self.bytes[entry.start..entry.end])
    }

    /// The leaf hashes, which the state tree takes over. Cost: one hash an entry, in one batch.
    pub fn leaf_hashes(&self, hash: &mut HashMany<'_>) -> Vec<Digest> {
        let messages: Vec<&[u8]> = self.messages().collect();
        let mut digests = vec![[0; 32]; messages.len()];
        hash(&messages, &mut digests);
        digests
    }

    /// The changes root over these leaf hashes. Cost: one hash an entry, in one batch a level.
    pub fn root(&self, leaves: &[Digest], hash: &mut HashMany<'_>) -> Digest {
        let (open, closed) = leaves.split_at(self.open());
        let [open_root, closed_root] = [open, closed].map(|part| top(&levels(part, hash)));
        proof::changes_root(open.len() as u64, &open_root, &closed_root)
    }

    /// Shows what became of `key` in this block: its new value, that it is gone, or that it was not touched. Only of open
    /// entries: for a key of a closed table it shows nothing.
    pub fn prove(
        &self,
        leaves: &[Digest],
        key: &[u8],
        hash: &mut HashMany<'_>,
    ) -> proof::ChangeProof {
        let (leaves, closed) = leaves.split_at(self.open());
        let closed = top(&levels(closed, hash));
        let levels = levels(leaves, hash);
        let open = &self.entries[..leaves.len()];
        let at = open.partition_point(|entry| entry.key(&self.bytes) < key);
        let is_it = |entry: &Entry| entry.key(&self.bytes) == key;
        let found = open.get(at).is_some_and(is_it);
        let leaf = |place: usize| proof::ProvenLeaf {
            index: place as u64,
            leaf: self
                .messages()
                .nth(place)
                .map_or_else(Vec::new, |message| message[1..].to_vec()),
            path: path(&levels, place),
        };
        let shown = if found {
            vec![leaf(at)]
        } else {
            // Its neighbours, as far as there are any.
            (at.saturating_sub(1)..(at + 1).min(open.len()))
                .filter(|place| *place + 1 == at || *place == at)
                .map(leaf)
                .collect()
        };
        proof::ChangeProof {
            count: open.len() as u64,
            leaves: shown,
            closed,
        }
    }
}

/// All levels of the Merkle tree, leaves first. An odd last node moves up as it is, which is RFC 9162's split.
fn levels(leaves: &[Digest], hash: &mut HashMany<'_>) -> Vec<Vec<Digest>> {
    let mut levels = vec![leaves.to_vec()];
    let mut bytes = Vec::new();
    while let Some(below) = levels.last()
        && below.len() > 1
    {
        let pairs = below.as_chunks::<2>().0;
        bytes.clear();
        for [left, right] in pairs {
            bytes.extend_from_slice(&proof::node_message(left, right));
        }
        let messages: Vec<&[u8]> = bytes.chunks_exact(proof::NODE_BYTES).collect();
        let mut level = vec![[0; 32]; pairs.len()];
        hash(&messages, &mut level);
        if below.len() % 2 == 1 {
            level.extend(below.last());
        }
        levels.push(level);
    }
    levels
}

/// The root above these levels.
fn top(levels: &[Vec<Digest>]) -> Digest {
    let top = levels.last().and_then(|level| level.first());
    top.copied().unwrap_or_else(proof::empty_root)
}

fn path(levels: &[Vec<Digest>], mut place: usize) -> Vec<Digest> {
    let mut path = Vec::new();
    for level in levels {
        path.extend(level.get(place ^ 1).filter(|_| level.len() > 1));
        place /= 2;
    }
    path
}
