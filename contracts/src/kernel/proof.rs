//! Shows an entry, or that there is none, offline: against a state root, or against the changes root of one block.
//!
//! Hashes are SHA-512/256. A leaf is H(0x00 || leaf), a pair H(0x01 || left || right), a bucket of the state tree H(0x02 ||
//! (place || leaf hash)*), a changes root H(0x03 || count || root || closed root): the first byte tells them apart. What a leaf
//! holds is told in `changes.rs`, how the tree is built in `tree.rs`.
//!
//! A key's first bit tells whether its table is closed. Closed entries lie under a root of their own, of which proofs show the
//! root alone: a hash of an entry is enough to try values against. So there is no proof about a key of a closed table, not even
//! that it is not there, and none verifies.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use super::wire::Reader;
use crate::block::{CertifiedHeader, Height};

/// A SHA-512/256 hash.
pub type Digest = [u8; 32];

/// Most entries of a bucket.
pub const BUCKET_MAX: usize = 8;
/// Bytes under the hash of a pair.
pub(crate) const NODE_BYTES: usize = 65;

/// What the hash of a pair is taken of.
pub(crate) fn node_message(left: &Digest, right: &Digest) -> [u8; NODE_BYTES] {
    let mut message = [1; NODE_BYTES];
    message[1..33].copy_from_slice(left);
    message[33..].copy_from_slice(right);
    message
}

/// The bit of a key's first byte that tells that its table is closed. Modules have numbers below 256, so it is theirs to give.
pub(crate) const CLOSED: u8 = 0x80;

/// Whether an entry's whole key is one of a closed table, whose entries are shown to nobody who has not signed for it.
#[must_use]
pub fn is_closed(key: &[u8]) -> bool {
    key.first().is_some_and(|first| first & CLOSED != 0)
}

/// Where the entry of a key with this hash lies in the state tree: left of the root when it is open, right when it is closed.
pub(crate) fn place(key: &[u8], mut hashed: Digest) -> Digest {
    hashed[0] &= !CLOSED;
    hashed[0] |= if is_closed(key) { CLOSED } else { 0 };
    hashed
}

/// Root of an RFC 9162 tree without leaves.
pub(crate) fn empty_root() -> Digest {
    Sha512_256::digest([]).into()
}

/// The changes root: count and Merkle root of the open entries, and Merkle root of the closed ones, under one hash.
pub(crate) fn changes_root(count: u64, open: &Digest, closed: &Digest) -> Digest {
    Sha512_256::new()
        .chain_update([3])
        .chain_update(count.to_le_bytes())
        .chain_update(open)
        .chain_update(closed)
        .finalize()
        .into()
}

/// Bit `depth` of a place, from the top.
pub(crate) fn bit(place: &Digest, depth: usize) -> bool {
    place[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// The hash of an entry's leaf, from its whole key and its value.
#[must_use]
pub fn leaf_hash(key: &[u8], value: &[u8]) -> Digest {
    Sha512_256::new()
        .chain_update([0])
        .chain_update(super::wire::length(key.len()).to_le_bytes())
        .chain_update(key)
        .chain_update([1])
        .chain_update(value)
        .finalize()
        .into()
}

/// Shows what one key of an open table holds under a state root. Of other open entries it holds hashes; of the closed ones,
/// their root alone.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateProof {
    /// The bucket the key belongs to: places, rising, and leaf hashes.
    pub bucket: Vec<(Digest, Digest)>,
    /// The hashes beside the way from the root to the bucket, the root's child first: that is the closed root.
    pub path: Vec<Digest>,
}

impl StateProof {
    /// Whether the entry of `key` is `value` under `root`; with none, whether there is no such entry. Never for a closed table.
    ///
    /// This says nothing about the root itself: it comes from a certified header.
    #[must_use]
    pub fn verify(&self, root: &Digest, key: &[u8], value: Option<&[u8]>) -> bool {
        let rising = self.bucket.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if self.bucket.len() > BUCKET_MAX || !rising || self.path.len() > 256 || is_closed(key) {
            return false;
        }
        let place = place(key, Sha512_256::digest(key).into());
        let held = self.bucket.iter().find(|(other, _)| *other == place);
        let expected = value.map(|value| leaf_hash(key, value));
        if held.map(|(_, leaf)| *leaf) != expected {
            return false;
        }
        let mut hasher = Sha512_256::new().chain_update([2]);
        for (other, leaf) in &self.bucket {
            hasher.update(other);
            hasher.update(leaf);
        }
        let mut hash: Digest = hasher.finalize().into();
        for (depth, beside) in self.path.iter().enumerate().rev() {
            let message = if bit(&place, depth) {
                node_message(beside, &hash)
            } else {
                node_message(&hash, beside)
            };
            hash = Sha512_256::digest(message).into();
        }
        hash == *root
    }
}

/// One leaf of a changes tree with its way to the root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProvenLeaf {
    /// Its place.
    pub index: u64,
    /// Key length, key, tag, value.
    pub leaf: Vec<u8>,
    /// RFC 9162 inclusion path.
    pub path: Vec<Digest>,
}

/// Shows what one block did to one key of an open table.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChangeProof {
    /// Open entries the block changed.
    pub count: u64,
    /// The key's leaf; when the block did not touch it, its neighbours by key: one at either end, else two.
    pub leaves: Vec<ProvenLeaf>,
    /// Root over the closed entries it changed.
    pub closed: Digest,
}

/// What a block did to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// It gave it this value.
    Value(&'a [u8]),
    /// It took the entry away.
    Gone,
    /// It did not touch it.
    Untouched,
}

impl ChangeProof {
    /// What the block with this changes root did to `key`; none when the proof does not show it.
    #[must_use]
    pub fn verify(&self, root: &Digest, key: &[u8]) -> Option<Shown<'_>> {
        if is_closed(key) {
            return None;
        }
        if self.count == 0 {
            let empty = changes_root(0, &empty_root(), &self.closed) == *root;
            return (self.leaves.is_empty() && empty).then_some(Shown::Untouched);
        }
        if !self.leaves.iter().all(|leaf| self.holds(root, leaf)) {
            return None;
        }
        match &*self.leaves {
            [one] => {
                let (found, value) = parts(&one.leaf)?;
                match found.cmp(key) {
                    std::cmp::Ordering::Equal => Some(value.map_or(Shown::Gone, Shown::Value)),
                    // The key lies before the first leaf, or behind the last.
                    std::cmp::Ordering::Greater => (one.index == 0).then_some(Shown::Untouched),
                    std::cmp::Ordering::Less => {
                        (one.index == self.count - 1).then_some(Shown::Untouched)
                    }
                }
            }
            [below, above] => {
                let next = below.index.checked_add(1) == Some(above.index);
                let between = parts(&below.leaf)?.0 < key && key < parts(&above.leaf)?.0;
                (next && between).then_some(Shown::Untouched)
            }
            _ => None,
        }
    }

    /// Whether the leaf lies at its place under the root.
    fn holds(&self, root: &Digest, shown: &ProvenLeaf) -> bool {
        if shown.index >= self.count {
            return false;
        }
        let mut message = vec![0];
        message.extend_from_slice(&shown.leaf);
        let mut hash: Digest = Sha512_256::digest(message).into();
        let (mut place, mut last) = (shown.index, self.count - 1);
        let mut path = shown.path.iter();
        while last > 0 {
            // The last node of a level moves up unchanged when nothing stands beside it.
            if place % 2 == 1 || place < last {
                let Some(beside) = path.next() else {
                    return false;
                };
                let message = if place % 2 == 1 {
                    node_message(beside, &hash)
                } else {
                    node_message(&hash, beside)
                };
                hash = Sha512_256::digest(message).into();
            }
            place /= 2;
            last /= 2;
        }
        path.next().is_none() && changes_root(self.count, &hash, &self.closed) == *root
    }
}

/// What an entry of the state is, with everything needed to believe it: a proof and a certified block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EntryProof {
    /// Module, table and the entry's own key.
    pub key: Vec<u8>,
    /// Its value; none when there is no such entry.
    pub value: Option<Vec<u8>>,
    /// What shows it.
    pub evidence: Evidence,
    /// The block whose roots it is shown against, and its certificate.
    pub block: CertifiedHeader,
}

/// What shows an entry.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Evidence {
    /// As it was after the block `header.checkpoint`, against the state root.
    State(StateProof),
    /// As the block `header.height` left it, against the changes root.
    Change(ChangeProof),
}

impl EntryProof {
    /// Whether the header's roots show the value. This says nothing about the header itself: check the signatures of the quorum
    /// as well.
    #[must_use]
    pub fn verify(&self) -> bool {
        let header = &self.block.header;
        let value = self.value.as_deref();
        match &self.evidence {
            Evidence::State(proof) => proof.verify(&header.state_root.0, &self.key, value),
            Evidence::Change(proof) => {
                let shown = proof.verify(&header.changes_root.0, &self.key);
                shown == Some(value.map_or(Shown::Gone, Shown::Value))
            }
        }
    }

    /// The height after which the entry was as shown.
    #[must_use]
    pub fn height(&self) -> Height {
        match self.evidence {
            Evidence::State(_) => self.block.header.checkpoint,
            Evidence::Change(_) => self.block.header.height,
        }
    }
}

/// Key and value of a leaf.
fn parts(leaf: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut reader = Reader::new(leaf);
    let key = reader.blob().ok()?;
    match reader.rest().split_first()? {
        (0, []) => Some((key, None)),
        (1, value) => Some((key, Some(value))),
        _ => None,
    }
}
