//! The roots of the ledger, and what shows an entry under them.
//!
//! The root of a block's changes is computed with the block. The root of the whole state at a checkpoint is computed beside
//! execution, by a thread that is told each block's changes and has until a quarter of an interval later, when the next header
//! names it; until then the tree shows entries under the root before.
//!
//! A block's changes are kept until headers name the root of a later checkpoint, so that an entry can be shown whatever happened to
//! it since: by the tree of the checkpoint, or by the changes of the last block that wrote it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use bds_contracts::block::{Height, MerkleRoot, StateRoot};
use bds_contracts::kernel::changes::Changes;
use bds_contracts::kernel::proof::{Digest, Evidence, is_closed};
use bds_contracts::kernel::tree::{Pending, Tree};
use crossbeam::channel::{Receiver, Sender, bounded, unbounded};

use crate::engine::Engine;

/// What a block changed, and the hashes of its leaves.
struct Block {
    height: Height,
    changes: Changes,
    leaves: Vec<Digest>,
}

/// What the thread beside execution is told, in order. Bounded by what execution waits for: a checkpoint's root is asked for a
/// quarter of an interval after it.
enum Work {
    /// A block was executed.
    Block(Arc<Block>),
    /// The root after this block, the last one, is wanted.
    Seal(Height),
}

/// The tree over all entries at a checkpoint, and the blocks since.
pub struct Roots {
    tree: Arc<Mutex<Tree>>,
    /// Whose state the tree shows.
    shown: Height,
    /// Whose root headers name, and since which height they do.
    named: Height,
    from: Height,
    /// Blocks after `named`.
    since: Vec<Arc<Block>>,
    /// Checkpoint whose root is being computed.
    sealing: Option<Height>,
    /// The root of a checkpoint that no header names yet.
    pending: Option<(Height, StateRoot)>,
    work: Option<Sender<Work>>,
    sealed: Receiver<(Height, StateRoot)>,
    beside: Option<JoinHandle<()>>,
}

impl Roots {
    /// Of a ledger with these entries after the block `height`, whose header names the checkpoint `named`; with the root over
    /// them.
    ///
    /// # Panics
    /// When the system has no thread to give.
    pub fn new(
        engine: &Arc<Engine>,
        height: Height,
        named: Height,
        entries: Changes,
    ) -> (Self, MerkleRoot, StateRoot) {
        let (leaves, changes_root) = hashed(engine, &entries);
        let mut tree = Tree::new();
        tree.note(&entries, &leaves);
        let state_root =
            StateRoot(tree.seal(&mut |messages, digests| engine.sha512_256(messages, digests)));
        let tree = Arc::new(Mutex::new(tree));
        let (work, told) = unbounded();
        // One checkpoint is named before the next one is sealed.
        let (answers, sealed) = bounded(1);
        let beside = std::thread::Builder::new()
            .name("bds-roots".to_owned())
            .spawn({
                let (engine, tree) = (Arc::clone(engine), Arc::clone(&tree));
                move || compute(&engine, &tree, &told, &answers)
            })
            .expect("the system has a thread to give");
        let roots = Self {
            tree,
            shown: height,
            named,
            from: height,
            since: Vec::new(),
            sealing: None,
            pending: None,
            work: Some(work),
            sealed,
            beside: Some(beside),
        };
        (roots, changes_root, state_root)
    }

    /// Takes over from a snapshot that headers will name this root of an earlier block, or of the last one.
    pub fn expect(&mut self, checkpoint: Height, root: StateRoot) {
        self.pending = Some((checkpoint, root));
    }

    /// Takes in what the next block changed; its changes root.
    pub fn note(&mut self, engine: &Engine, height: Height, changes: Changes) -> MerkleRoot {
        let (leaves, root) = hashed(engine, &changes);
        let block = Arc::new(Block {
            height,
            changes,
            leaves,
        });
        self.tell(Work::Block(Arc::clone(&block)));
        self.since.push(block);
        root
    }

    /// Has the root after the block `height`, the last one noted, computed beside.
    pub fn seal(&mut self, height: Height) {
        self.tell(Work::Seal(height));
        self.sealing = Some(height);
    }

    fn tell(&self, work: Work) {
        // The thread ends when this end of the channel is gone; a panic of its own shows when its answer is waited for.
        let _ = self.work.as_ref().map(|told| told.send(work));
    }

    /// The root of a checkpoint that no header names yet. Waits while it is being computed.
    ///
    /// # Panics
    /// When the thread that computes it panicked.
    pub fn pending(&mut self) -> Option<(Height, StateRoot)> {
        if let Some(height) = self.sealing.take() {
            let (sealed, root) = self.sealed.recv().expect("roots are computed beside");
            assert_eq!(sealed, height, "one checkpoint after the other");
            self.pending = Some((height, root));
        }
        self.pending
    }

    /// The root of this checkpoint, which headers name from the block `height` on, and the changes that are no longer needed. Waits
    /// while it is being computed.
    ///
    /// # Panics
    /// When it was never asked for, or the thread that computes it panicked.
    pub fn publish(&mut self, checkpoint: Height, height: Height) -> (StateRoot, Vec<Changes>) {
        let pending = self.pending().filter(|(height, _)| *height == checkpoint);
        let (_, root) = pending.expect("a checkpoint is sealed before headers name it");
        self.pending = None;
        let named = self
            .since
            .partition_point(|block| block.height <= checkpoint);
        let old = self.since.drain(..named);
        // The thread beside lets go of a block before it tells the root.
        let spare = old.filter_map(|block| Some(Arc::into_inner(block)?.changes));
        let spare = spare.collect();
        (self.named, self.from) = (checkpoint, height);
        // A root that came with a snapshot may be older than the tree.
        if self.shown < checkpoint {
            self.tree().publish();
            self.shown = checkpoint;
        }
        (root, spare)
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry with this key as the certified blocks left it, and the block against whose header it is shown; for a state
    /// root, the first block whose header names it, and any later one does until the next is named.
    ///
    /// - `now`: its value in the ledger, which no block after those noted has changed.
    ///
    /// None for a closed entry, when only a block that is not certified yet has changed it since the checkpoint that headers name,
    /// when none of those headers is certified yet, and after a restart until they name a checkpoint that the tree was brought to.
    /// Cost: look-ups, and one hash.
    #[must_use]
    pub fn find(&self, certified: Height, key: &[u8], now: Option<Vec<u8>>) -> Option<Found> {
        if is_closed(key) {
            return None;
        }
        let mut changed = false;
        for block in self.since.iter().rev() {
            let Some(change) = block.changes.find(key) else {
                continue;
            };
            changed = true;
            if block.height <= certified {
                return Some(Found {
                    value: change.value.map(<[u8]>::to_vec),
                    height: block.height,
                    shown: Shown::Change(Arc::clone(block)),
                });
            }
        }
        let unchanged = !changed && self.shown == self.named && self.from <= certified;
        unchanged.then(|| Found {
            value: now,
            height: self.from,
            shown: Shown::State(Box::new(Evidence::State(self.tree().prove(key)))),
        })
    }
}

/// An entry that can be shown.
pub struct Found {
    value: Option<Vec<u8>>,
    height: Height,
    shown: Shown,
}

enum Shown {
    /// By the block that wrote it last.
    Change(Arc<Block>),
    /// By the tree.
    State(Box<Evidence>),
}

impl Found {
    /// Its value, what shows it, and the block against whose header. Cost: nothing, or the tree of one block's changes.
    #[must_use]
    pub fn prove(self, engine: &Engine, key: &[u8]) -> (Option<Vec<u8>>, Evidence, Height) {
        let evidence = match self.shown {
            Shown::State(evidence) => *evidence,
            Shown::Change(block) => {
                let mut hash = |messages: &[&[u8]], digests: &mut [Digest]| {
                    engine.sha512_256(messages, digests);
                };
                Evidence::Change(block.changes.prove(&block.leaves, key, &mut hash))
            }
        };
        (self.value, evidence, self.height)
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        self.work = None;
        if let Some(beside) = self.beside.take() {
            // A panic of its own has been printed.
            let _ = beside.join();
        }
    }
}

/// The hashes of a block's changed entries, and its changes root.
fn hashed(engine: &Engine, changes: &Changes) -> (Vec<Digest>, MerkleRoot) {
    let mut hash =
        |messages: &[&[u8]], digests: &mut [Digest]| engine.sha512_256(messages, digests);
    let leaves = changes.leaf_hashes(&mut hash);
    let root = changes.root(&leaves, &mut hash);
    (leaves, MerkleRoot(root))
}

/// The thread beside execution. The tree is locked for a slice of the work at a time, so whoever asks it waits for one at most.
fn compute(
    engine: &Engine,
    tree: &Mutex<Tree>,
    told: &Receiver<Work>,
    answers: &Sender<(Height, StateRoot)>,
) {
    let mut hash =
        |messages: &[&[u8]], digests: &mut [Digest]| engine.sha512_256(messages, digests);
    let tree = || tree.lock().unwrap_or_else(PoisonError::into_inner);
    let mut pending = Pending::new();
    while let Ok(work) = told.recv() {
        match work {
            Work::Block(block) => pending.note(&block.changes, &block.leaves),
            Work::Seal(height) => {
                let mut updates = pending.take(&mut hash);
                while tree().take_in(&mut updates) {}
                let root = loop {
                    if let Some(root) = tree().hash_some(&mut hash) {
                        break root;
                    }
                };
                // Nobody waits any more when the node ends.
                let _ = answers.send((height, StateRoot(root)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{BlockDigest, BlockHeader, CertifiedHeader, Signatures};
    use bds_contracts::kernel::proof::EntryProof;
    use bds_contracts::tx::{ChainId, Millis};

    use super::*;

    const PREFIX: [u8; 4] = [0, 9, 0, 1];
    const CLOSED: [u8; 4] = [0x80, 9, 0, 2];

    /// Entries 1 to 20, each its own square; then blocks that change some of them. A closed table holds the same.
    struct Ledger {
        engine: Arc<Engine>,
        roots: Roots,
        headers: Vec<BlockHeader>,
        values: std::collections::BTreeMap<u64, u64>,
    }

    fn changes(entries: &[(u64, Option<u64>)]) -> Changes {
        let mut changes = Changes::default();
        for prefix in [PREFIX, CLOSED] {
            for (key, value) in entries {
                changes.push(prefix, key, value.as_ref());
            }
            changes.end_table();
        }
        changes
    }

    fn key(n: u64) -> Vec<u8> {
        [&PREFIX[..], &n.to_le_bytes()].concat()
    }

    impl Ledger {
        fn new() -> Self {
            let engine = Arc::new(Engine::new("portable", 1).unwrap());
            let entries: Vec<_> = (1..=20).map(|n| (n, Some(n * n))).collect();
            let (roots, changes_root, state_root) = Roots::new(&engine, 0, 0, changes(&entries));
            let mut ledger = Self {
                engine,
                roots,
                headers: Vec::new(),
                values: entries.iter().map(|(n, v)| (*n, v.unwrap())).collect(),
            };
            ledger.header(changes_root, 0, state_root);
            ledger
        }

        fn header(&mut self, changes_root: MerkleRoot, checkpoint: Height, state_root: StateRoot) {
            self.headers.push(BlockHeader {
                chain: ChainId([1; 32]),
                height: self.headers.len() as u64,
                time: Millis(0),
                previous: BlockDigest::default(),
                payload_root: MerkleRoot::default(),
                receipts_root: MerkleRoot::default(),
                changes_root,
                tx_count: 0,
                receipt_count: 0,
                dropped_count: 0,
                checkpoint,
                state_root,
            });
        }

        /// With `seals` the block is a checkpoint; with `names` its header is the first to name the last one.
        fn block(&mut self, changed: &[(u64, Option<u64>)], seals: bool, names: Option<Height>) {
            let height = self.headers.len() as u64;
            for (key, value) in changed {
                match value {
                    Some(value) => self.values.insert(*key, *value),
                    None => self.values.remove(key),
                };
            }
            let root = self.roots.note(&self.engine, height, changes(changed));
            let last = self.headers.last().unwrap();
            if seals {
                self.roots.seal(height);
            }
            let (at, state) = match names {
                Some(checkpoint) => (checkpoint, self.roots.publish(checkpoint, height).0),
                None => (last.checkpoint, last.state_root),
            };
            self.header(root, at, state);
        }

        /// What is shown of an entry, and after which block.
        fn shown(&self, n: u64, certified: Height) -> Option<(Option<u64>, Height)> {
            let now = self
                .values
                .get(&n)
                .map(|value| value.to_le_bytes().to_vec());
            let closed = [&CLOSED[..], &n.to_le_bytes()].concat();
            let shown = self.roots.find(certified, &closed, now.clone());
            assert!(shown.is_none(), "the closed entry {n}");
            let found = self.roots.find(certified, &key(n), now)?;
            let (value, evidence, height) = found.prove(&self.engine, &key(n));
            let proof = EntryProof {
                key: key(n),
                value,
                evidence,
                block: CertifiedHeader {
                    header: self.headers[height as usize].clone(),
                    signatures: Signatures::default(),
                },
            };
            assert!(proof.verify(), "entry {n}");
            let mut other = proof.clone();
            match &mut other.evidence {
                Evidence::State(proof) => proof.path[0][0] ^= 1,
                Evidence::Change(proof) => proof.closed[0] ^= 1,
            }
            assert!(!other.verify(), "entry {n} under another closed root");
            let mut other = proof.clone();
            other.value = Some(9_999_u64.to_le_bytes().to_vec());
            assert!(!other.verify(), "another value of entry {n}");
            let value = proof.value.clone().map(|bytes| bytes.try_into().unwrap());
            Some((value.map(u64::from_le_bytes), proof.height()))
        }
    }

    #[test]
    fn an_entry_is_shown_by_the_last_certified_block_that_wrote_it_or_by_the_checkpoint() {
        let mut ledger = Ledger::new();
        assert_eq!(ledger.shown(3, 0), Some((Some(9), 0)));
        assert_eq!(ledger.shown(40, 0), Some((None, 0)), "there is none");
        ledger.block(&[(3, Some(1)), (5, None)], false, None);
        ledger.block(&[(3, Some(2)), (40, Some(7))], false, None);
        for (n, certified, expected) in [
            (3, 2, Some((Some(2), 2))),
            (3, 1, Some((Some(1), 1))),
            (5, 2, Some((None, 1))),
            (40, 2, Some((Some(7), 2))),
            (4, 2, Some((Some(16), 0))),
            // Written since the checkpoint, by no certified block: what it was before is not at hand.
            (3, 0, None),
            (40, 1, None),
        ] {
            assert_eq!(ledger.shown(n, certified), expected, "{n} at {certified}");
        }
        ledger.block(&[(4, Some(8)), (6, None)], true, None);
        ledger.block(&[(6, Some(3))], false, None);
        for (n, certified, expected) in [
            (3, 4, Some((Some(2), 2))),
            (4, 4, Some((Some(8), 3))),
            (6, 4, Some((Some(3), 4))),
            (7, 4, Some((Some(49), 0))),
        ] {
            assert_eq!(ledger.shown(n, certified), expected, "not named yet: {n}");
        }
        ledger.block(&[(9, Some(0))], false, Some(3));
        assert_eq!(
            ledger.shown(3, 4),
            None,
            "no header that names it is certified"
        );
        for (n, expected) in [
            (3, (Some(2), 3)),
            (4, (Some(8), 3)),
            (5, (None, 3)),
            (40, (Some(7), 3)),
            (6, (Some(3), 4)),
            (9, (Some(0), 5)),
        ] {
            assert_eq!(ledger.shown(n, 5), Some(expected), "{n}");
        }
    }

    /// A snapshot between a checkpoint and the header that names it brings the root along.
    #[test]
    fn after_a_restart_headers_name_the_root_that_the_snapshot_brought() {
        let mut ledger = Ledger::new();
        ledger.block(&[(3, Some(1))], true, None);
        ledger.block(&[(5, None)], false, None);
        let (checkpoint, root) = ledger.roots.pending().unwrap();
        assert_eq!(checkpoint, 1);
        let entries: Vec<_> = ledger.values.iter().map(|(n, v)| (*n, Some(*v))).collect();
        let (roots, _, _) = Roots::new(&ledger.engine, 2, 0, changes(&entries));
        ledger.roots = roots;
        ledger.roots.expect(checkpoint, root);
        assert_eq!(ledger.shown(7, 2), None, "the tree is at no checkpoint");
        ledger.block(&[(8, Some(1))], false, Some(1));
        assert_eq!(ledger.headers[3].state_root, root);
        assert_eq!(ledger.shown(7, 3), None);
        assert_eq!(ledger.shown(8, 3), Some((Some(1), 3)));
        ledger.block(&[], true, None);
        ledger.block(&[], false, Some(4));
        assert_eq!(ledger.shown(7, 5), Some((Some(49), 4)));
    }
}
