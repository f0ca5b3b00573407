//! The state root: a tree over hashed keys in which only what changed is hashed again, beside execution.
//!
//! The tree belongs to whoever computes roots, not to the state: it is fed the [`Changes`] of finished blocks, which hold
//! encoded values, and their leaf hashes, which the changes root has computed already. So nobody waits for it, and it
//! needs no view of a state that moves on.
//!
//! An entry's place is H(key), but for the first bit, which is 0 for open tables and 1 for closed ones. A node stands for all
//! entries whose places begin with its bits. With at most [`BUCKET_MAX`] of them it is a bucket, `0x02 || (place || leaf hash)*`
//! by rising place; with more it is `0x01 || left || right`. So the shape follows from the entries alone. The root is a pair
//! whatever there is: the open entries lie under its left child and the closed ones under its right, which proofs hold as one
//! hash and never go into. A node keeps the very bytes its hash is taken of, and a child's hash lies in its parent.
//! Dirty nodes are hashed in batches: all buckets at once, then the pairs level by level from below.
//!
//! The next root is computed in slices ([`Pending::take`], [`Tree::take_in`], [`Tree::hash_some`]), between which the tree may be
//! asked: until [`Tree::publish`] it shows entries under the last root, since the nodes of that root are kept aside when they
//! change.

use super::changes::{Changes, HashMany};
use super::first::First;
use super::pending::Update;
pub use super::pending::{Pending, Updates};
use super::proof::{self, BUCKET_MAX, Digest, NODE_BYTES, StateProof, bit};

/// Bytes of an entry in a bucket.
const ITEM: usize = 64;

/// Most messages handed out at once: what a slice of the work beside execution is.
pub const SLICE: usize = 4096;

#[derive(Debug, Clone)]
enum Node {
    Free,
    Bucket(Vec<u8>),
    Pair {
        message: [u8; NODE_BYTES],
        children: [u32; 2],
    },
}

/// A node to be hashed, and where its hash goes.
#[derive(Debug, Clone, Copy)]
struct Dirty {
    node: u32,
    parent: u32,
    side: usize,
}

/// The tree over all entries. Its root is that of the changes taken in before the last [`Tree::publish`].
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Vec<Node>,
    free: Vec<u32>,
    /// Freed during the running update: their numbers may still stand in a list of dirty nodes.
    freed: Vec<u32>,
    /// The last root that was published.
    root: Digest,
    /// The one that is being computed.
    next: Digest,
    entries: usize,
    /// Nodes under `root`, as they were before the running update changed them.
    before: First<u32, Node>,
    pending: Pending,
    buckets: Vec<Dirty>,
    /// Dirty pairs by depth.
    levels: Vec<Vec<Dirty>>,
}

const ROOT: u32 = 0;
/// Parent of the root.
const NOBODY: u32 = u32::MAX;

impl Tree {
    /// Of a state without entries; call [`Tree::seal`] for its root.
    #[must_use]
    pub fn new() -> Self {
        let root = Node::Pair {
            message: [1; NODE_BYTES],
            children: [1, 2],
        };
        let dirty = |node, parent, side| Dirty { node, parent, side };
        Self {
            nodes: vec![root, Node::Bucket(vec![2]), Node::Bucket(vec![2])],
            free: Vec::new(),
            freed: Vec::new(),
            root: [0; 32],
            next: [0; 32],
            entries: 0,
            before: First::default(),
            pending: Pending::new(),
            buckets: vec![dirty(1, ROOT, 0), dirty(2, ROOT, 1)],
            levels: vec![vec![dirty(ROOT, NOBODY, 0)]],
        }
    }

    /// The last root that was published.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// How many entries there are, those being taken in included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// As [`Pending::note`], for whoever computes the next root in one piece.
    ///
    /// # Panics
    /// As there.
    pub fn note(&mut self, changes: &Changes, leaves: &[Digest]) {
        self.pending.note(changes, leaves);
    }

    /// The root over everything noted, in one piece. Cost: one hash a changed entry, its bucket and the pairs above, each once.
    pub fn seal(&mut self, hash: &mut HashMany<'_>) -> Digest {
        let mut updates = self.pending.take(hash);
        while self.take_in(&mut updates) {}
        while self.hash_some(hash).is_none() {}
        self.publish();
        self.root
    }

    /// Takes the next [`SLICE`] updates in; whether some are left.
    pub fn take_in(&mut self, updates: &mut Updates) -> bool {
        let end = updates.all.len().min(updates.taken + SLICE);
        let slice = &updates.all[updates.taken..end];
        if !slice.is_empty() {
            self.apply(ROOT, NOBODY, 0, 0, slice);
        }
        updates.taken = end;
        let more = end < updates.all.len();
        if !more {
            self.free.append(&mut self.freed);
        }
        more
    }

    /// Hashes the next [`SLICE`] dirty nodes at most; the next root once there are none. Every update was taken in before.
    pub fn hash_some(&mut self, hash: &mut HashMany<'_>) -> Option<Digest> {
        // Buckets first, then the pairs from below.
        let mut list = std::mem::take(&mut self.buckets);
        if list.is_empty() {
            while let Some(level) = self.levels.last_mut()
                && level.is_empty()
            {
                self.levels.pop();
            }
            let Some(level) = self.levels.last_mut() else {
                return Some(self.next);
            };
            let rest = level.len().saturating_sub(SLICE);
            let slice = level.split_off(rest);
            self.hash_nodes(&slice, hash);
            return None;
        }
        let slice = list.split_off(list.len().saturating_sub(SLICE));
        self.buckets = list;
        self.hash_nodes(&slice, hash);
        None
    }

    /// From now on entries are shown under the next root.
    pub fn publish(&mut self) {
        self.before.forget();
        self.root = self.next;
    }

    fn hash_nodes(&mut self, dirty: &[Dirty], hash: &mut HashMany<'_>) {
        // A node that was dirty and then joined with its neighbour is no more.
        let alive = |dirty: &&Dirty| !matches!(self.nodes[dirty.node as usize], Node::Free);
        let dirty: Vec<Dirty> = dirty.iter().filter(alive).copied().collect();
        let messages: Vec<&[u8]> = dirty
            .iter()
            .map(|dirty| match &self.nodes[dirty.node as usize] {
                Node::Free => unreachable!("filtered above"),
                Node::Bucket(message) => &message[..],
                Node::Pair { message, .. } => &message[..],
            })
            .collect();
        let mut digests = vec![[0; 32]; messages.len()];
        hash(&messages, &mut digests);
        for (dirty, digest) in dirty.iter().zip(&digests) {
            if dirty.parent == NOBODY {
                self.next = *digest;
            } else if let Node::Pair { message, .. } = &mut self.nodes[dirty.parent as usize] {
                message[1 + 32 * dirty.side..][..32].copy_from_slice(digest);
            }
        }
    }

    /// Keeps a node aside that is about to change, as it is under the last root.
    fn keep(&mut self, node: u32) {
        let nodes = &self.nodes;
        self.before.note(node, || nodes[node as usize].clone());
    }

    /// As `keep`, of a node that is about to be replaced.
    fn set_aside(&mut self, node: u32) {
        let old = std::mem::replace(&mut self.nodes[node as usize], Node::Free);
        self.before.note(node, || old);
    }

    /// A node under the last root.
    fn under_root(&self, node: u32) -> &Node {
        let kept = self.before.get(&node);
        kept.unwrap_or(&self.nodes[node as usize])
    }

    /// Brings the node at `depth` up to date with these changes, sorted by place, all under it.
    fn apply(&mut self, node: u32, parent: u32, side: usize, depth: usize, updates: &[Update]) {
        let dirty = Dirty { node, parent, side };
        match &self.nodes[node as usize] {
            Node::Free => unreachable!("a node in the tree is not free"),
            Node::Bucket(message) => {
                let items = merged(&message[1..], updates);
                self.entries = self.entries + items.len() / ITEM - (message.len() - 1) / ITEM;
                self.set_aside(node);
                self.build(dirty, depth, &items);
            }
            Node::Pair { children, .. } => {
                let children = *children;
                self.keep(node);
                let middle = updates.partition_point(|update| !bit(&update.place, depth));
                let (left, right) = updates.split_at(middle);
                for (side, part) in [left, right].into_iter().enumerate() {
                    if !part.is_empty() {
                        self.apply(children[side], node, side, depth + 1, part);
                    }
                }
                match self.joined(children) {
                    // Open and closed entries never share a bucket.
                    Some(message) if depth > 0 => {
                        for child in children {
                            self.release(child);
                        }
                        self.nodes[node as usize] = Node::Bucket(message);
                        self.buckets.push(dirty);
                    }
                    _ => self.mark(depth, dirty),
                }
            }
        }
    }

    /// Puts these items into the node, dividing them as long as they are too many.
    fn build(&mut self, dirty: Dirty, depth: usize, items: &[u8]) {
        if items.len() <= BUCKET_MAX * ITEM {
            let mut message = Vec::with_capacity(1 + items.len());
            message.push(2);
            message.extend_from_slice(items);
            self.nodes[dirty.node as usize] = Node::Bucket(message);
            self.buckets.push(dirty);
            return;
        }
        let middle = items
            .as_chunks::<ITEM>()
            .0
            .partition_point(|item| !bit(item_place(item), depth));
        let children = [self.allocate(), self.allocate()];
        self.nodes[dirty.node as usize] = Node::Pair {
            message: [1; NODE_BYTES],
            children,
        };
        let (left, right) = items.split_at(middle * ITEM);
        for (side, part) in [left, right].into_iter().enumerate() {
            let child = Dirty {
                node: children[side],
                parent: dirty.node,
                side,
            };
            self.build(child, depth + 1, part);
        }
        self.mark(depth, dirty);
    }

    /// Both children as one bucket, if they are buckets and fit.
    fn joined(&self, children: [u32; 2]) -> Option<Vec<u8>> {
        let [Node::Bucket(left), Node::Bucket(right)] =
            children.map(|child| &self.nodes[child as usize])
        else {
            return None;
        };
        let fits = left.len() + right.len() - 2 <= BUCKET_MAX * ITEM;
        fits.then(|| [left, &right[1..]].concat())
    }

    fn mark(&mut self, depth: usize, dirty: Dirty) {
        if self.levels.len() <= depth {
            self.levels.resize(depth + 1, Vec::new());
        }
        self.levels[depth].push(dirty);
    }

    fn allocate(&mut self) -> u32 {
        if let Some(node) = self.free.pop() {
            return node;
        }
        self.nodes.push(Node::Free);
        u32::try_from(self.nodes.len() - 1).expect("below 2^32 nodes")
    }

    fn release(&mut self, node: u32) {
        self.set_aside(node);
        self.freed.push(node);
    }

    /// Shows what `key`, with module and table, holds under the last root, or that it holds nothing. Only of open entries: for a
    /// key of a closed table it shows nothing. Cost: one hash.
    #[must_use]
    pub fn prove(&self, key: &[u8]) -> StateProof {
        use sha2::Digest as _;
        // As if the table were open, whatever the key says: nothing of the closed entries gets into a proof.
        let place = proof::place(&[], sha2::Sha512_256::digest(key).into());
        let (mut node, mut path) = (ROOT, Vec::new());
        loop {
            match self.under_root(node) {
                Node::Free => unreachable!("a node in the tree is not free"),
                Node::Bucket(message) => {
                    let items = message[1..].as_chunks::<ITEM>().0;
                    let halves = items
                        .iter()
                        .map(|item| (*item_place(item), *item_leaf(item)));
                    return StateProof {
                        bucket: halves.collect(),
                        path,
                    };
                }
                Node::Pair { message, children } => {
                    let side = usize::from(bit(&place, path.len()));
                    let beside = message[1 + 32 * (1 - side)..].first_chunk();
                    path.push(*beside.expect("32 bytes"));
                    node = children[side];
                }
            }
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

fn item_place(item: &[u8; ITEM]) -> &Digest {
    item.first_chunk().expect("64 bytes")
}

fn item_leaf(item: &[u8; ITEM]) -> &Digest {
    item.last_chunk().expect("64 bytes")
}

/// The items of a bucket after these changes; both are sorted by place.
fn merged(items: &[u8], updates: &[Update]) -> Vec<u8> {
    let mut out = Vec::with_capacity(items.len() + updates.len() * ITEM);
    let mut items = items.as_chunks::<ITEM>().0.iter().peekable();
    for update in updates {
        while let Some(item) = items.next_if(|item| *item_place(item) < update.place) {
            out.extend_from_slice(item);
        }
        items.next_if(|item| *item_place(item) == update.place);
        if let Some(leaf) = update.leaf {
            out.extend_from_slice(&update.place);
            out.extend_from_slice(&leaf);
        }
    }
    items.for_each(|item| out.extend_from_slice(item));
    out
}
