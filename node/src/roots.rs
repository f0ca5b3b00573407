//! The roots of the ledger, and what shows an entry under them.
//!
//! A block's changes are kept until the next checkpoint's root takes them in, so that an entry can be shown whatever
//! happened to it since the last one: by the tree of the checkpoint, or by the changes of the last block that wrote it.

use bds_contracts::block::{Height, MerkleRoot, StateRoot};
use bds_contracts::kernel::changes::Changes;
use bds_contracts::kernel::proof::{Digest, Evidence};
use bds_contracts::kernel::tree::Tree;

use crate::engine::Engine;

/// What a block changed, and the hashes of its leaves.
struct Block {
    height: Height,
    changes: Changes,
    leaves: Vec<Digest>,
}

/// The tree over all entries at the last checkpoint, and the blocks since.
pub struct Roots {
    tree: Tree,
    checkpoint: Height,
    since: Vec<Block>,
}

impl Roots {
    /// Of a ledger with these entries after the block `height`; with the root over them.
    pub fn new(engine: &Engine, height: Height, entries: Changes) -> (Self, MerkleRoot, StateRoot) {
        let mut roots = Self {
            tree: Tree::new(),
            checkpoint: height,
            since: Vec::new(),
        };
        let changes_root = roots.note(engine, height, entries);
        let state_root = roots.seal(engine, height);
        (roots, changes_root, state_root)
    }

    /// Takes in what the next block changed; its changes root.
    pub fn note(&mut self, engine: &Engine, height: Height, changes: Changes) -> MerkleRoot {
        let mut hash =
            |messages: &[&[u8]], digests: &mut [Digest]| engine.sha512_256(messages, digests);
        let leaves = changes.leaf_hashes(&mut hash);
        let root = changes.root(&leaves, &mut hash);
        self.tree.note(&changes, &leaves);
        self.since.push(Block {
            height,
            changes,
            leaves,
        });
        MerkleRoot(root)
    }

    /// The state root after the block `height`, the last one noted.
    pub fn seal(&mut self, engine: &Engine, height: Height) -> StateRoot {
        self.since.clear();
        self.checkpoint = height;
        StateRoot(
            self.tree
                .seal(&mut |messages, digests| engine.sha512_256(messages, digests)),
        )
    }

    /// The entry with this key as the certified blocks left it, what shows it, and the block against whose header.
    ///
    /// - `now`: its value in the ledger, which no block after those noted has changed.
    ///
    /// None when only a block that is not certified yet has changed it since the last checkpoint. Cost: one hash, or the tree
    /// of one block's changes.
    #[must_use]
    pub fn prove(
        &self,
        engine: &Engine,
        certified: Height,
        key: &[u8],
        now: Option<Vec<u8>>,
    ) -> Option<(Option<Vec<u8>>, Evidence, Height)> {
        let mut changed = false;
        for block in self.since.iter().rev() {
            let Some(change) = block.changes.find(key) else {
                continue;
            };
            changed = true;
            if block.height <= certified {
                let mut hash = |messages: &[&[u8]], digests: &mut [Digest]| {
                    engine.sha512_256(messages, digests);
                };
                let proof = block.changes.prove(&block.leaves, key, &mut hash);
                let value = change.value.map(<[u8]>::to_vec);
                return Some((value, Evidence::Change(proof), block.height));
            }
        }
        let unchanged = !changed && self.checkpoint <= certified;
        unchanged.then(|| (now, Evidence::State(self.tree.prove(key)), self.checkpoint))
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{BlockDigest, BlockHeader, CertifiedHeader, Signatures};
    use bds_contracts::kernel::proof::EntryProof;
    use bds_contracts::tx::{ChainId, Millis};

    use super::*;

    const PREFIX: [u8; 4] = [0, 9, 0, 1];

    /// Entries 1 to 20, each its own square; then blocks that change some of them.
    struct Ledger {
        engine: Engine,
        roots: Roots,
        headers: Vec<BlockHeader>,
        values: std::collections::BTreeMap<u64, u64>,
    }

    fn changes(entries: &[(u64, Option<u64>)]) -> Changes {
        let mut changes = Changes::default();
        for (key, value) in entries {
            changes.push(PREFIX, key, value.as_ref());
        }
        changes.end_table();
        changes
    }

    fn key(n: u64) -> Vec<u8> {
        [&PREFIX[..], &n.to_le_bytes()].concat()
    }

    impl Ledger {
        fn new() -> Self {
            let engine = Engine::new("portable", 1).unwrap();
            let entries: Vec<_> = (1..=20).map(|n| (n, Some(n * n))).collect();
            let (roots, changes_root, state_root) = Roots::new(&engine, 0, changes(&entries));
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

        fn block(&mut self, changed: &[(u64, Option<u64>)], checkpoint: bool) {
            let height = self.headers.len() as u64;
            for (key, value) in changed {
                match value {
                    Some(value) => self.values.insert(*key, *value),
                    None => self.values.remove(key),
                };
            }
            let root = self.roots.note(&self.engine, height, changes(changed));
            let last = self.headers.last().unwrap();
            let (at, state) = match checkpoint {
                true => (height, self.roots.seal(&self.engine, height)),
                false => (last.checkpoint, last.state_root),
            };
            self.header(root, at, state);
        }

        /// What is shown of an entry, and after which block.
        fn shown(&self, n: u64, certified: Height) -> Option<(Option<u64>, Height)> {
            let now = self
                .values
                .get(&n)
                .map(|value| value.to_le_bytes().to_vec());
            let (value, evidence, height) =
                self.roots.prove(&self.engine, certified, &key(n), now)?;
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
        ledger.block(&[(3, Some(1)), (5, None)], false);
        ledger.block(&[(3, Some(2)), (40, Some(7))], false);
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
        ledger.block(&[(4, Some(8))], true);
        assert_eq!(ledger.shown(3, 2), None, "the checkpoint is not certified");
        for (n, value) in [(3, Some(2)), (4, Some(8)), (5, None), (40, Some(7))] {
            assert_eq!(ledger.shown(n, 3), Some((value, 3)));
        }
    }
}
