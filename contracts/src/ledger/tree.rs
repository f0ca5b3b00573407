//! The state root: a Merkle tree over 4,096 buckets of entries, in which only what changed is hashed again.
//!
//! An entry is a leaf `borsh(key) || borsh(value)`; the first 12 bits of its key's SHA-512/256 choose its bucket. A
//! bucket's hash is the root over its leaves in key order, and the state root is the root over all buckets. So
//! the root depends on the entries alone, not on how the state came to hold them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha512_256};

use crate::block::StateRoot;
use crate::merkle;

use super::{Key, Ledger};

const BUCKET_BITS: u32 = 12;
const BUCKETS: usize = 1 << BUCKET_BITS;

/// Leaf hashes of all entries, and the nodes above them.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    buckets: Vec<BTreeMap<Key, [u8; 32]>>,
    /// A binary heap: node 1 is the root, node `BUCKETS + b` is bucket `b`. Node 0 is not used.
    nodes: Vec<[u8; 32]>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let empty = merkle::root_of_hashes(&mut []);
        let mut nodes = vec![empty; 2 * BUCKETS];
        for node in (1..BUCKETS).rev() {
            nodes[node] = merkle::node_hash(&nodes[2 * node], &nodes[2 * node + 1]);
        }
        Tree {
            buckets: vec![BTreeMap::new(); BUCKETS],
            nodes,
        }
    }

    /// Takes in what changed and returns the root. Cost: two hashes and a look-up per changed entry, its bucket's leaves
    /// once, and 12 hashes a bucket at most.
    pub(crate) fn update(&mut self, ledger: &mut Ledger) -> StateRoot {
        let mut stale: Vec<usize> = Vec::new();
        for key in ledger.touched.take() {
            let mut leaf = borsh::to_vec(&key).expect("writing to memory cannot fail");
            let digest: [u8; 32] = Sha512_256::digest(&leaf).into();
            let bucket =
                usize::from(u16::from_be_bytes([digest[0], digest[1]]) >> (16 - BUCKET_BITS));
            match ledger.entry(&key) {
                Some(value) => {
                    leaf.extend_from_slice(&value);
                    self.buckets[bucket].insert(key, merkle::leaf_hash(&leaf));
                }
                None => {
                    self.buckets[bucket].remove(&key);
                }
            }
            stale.push(bucket);
        }
        stale.sort_unstable();
        stale.dedup();
        for &bucket in &stale {
            let mut hashes: Vec<[u8; 32]> = self.buckets[bucket].values().copied().collect();
            self.nodes[BUCKETS + bucket] = merkle::root_of_hashes(&mut hashes);
        }
        let mut level: Vec<usize> = stale.into_iter().map(|bucket| BUCKETS + bucket).collect();
        while level.first().is_some_and(|node| *node > 1) {
            level.iter_mut().for_each(|node| *node /= 2);
            level.dedup();
            for &node in &level {
                self.nodes[node] =
                    merkle::node_hash(&self.nodes[2 * node], &self.nodes[2 * node + 1]);
            }
        }
        StateRoot(self.nodes[1])
    }
}
