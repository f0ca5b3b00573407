//! A tree kept in memory with all its levels, for callers that need many proofs.

use super::{TreeHash, leaf_hashes, split};
use crate::{Backend, EngineError};

/// All levels of a tree. Memory: two digests a leaf.
#[derive(Debug, Clone)]
pub struct Tree<H: TreeHash> {
    /// `levels[0]` are the leaf hashes; the last level has one node, or none in the empty tree.
    levels: Vec<Vec<H::Digest>>,
}

impl<H: TreeHash> Tree<H> {
    /// Hashes the leaves and every level above. Cost: `2n - 1` hashes.
    ///
    /// # Errors
    /// As [`Backend`].
    pub fn build(backend: &dyn Backend, leaves: &[&[u8]]) -> Result<Self, EngineError> {
        Self::from_leaf_hashes(backend, leaf_hashes::<H>(backend, leaves)?)
    }

    /// From leaves that are hashed already. Cost: `n - 1` hashes.
    ///
    /// # Errors
    /// As [`Backend`].
    pub fn from_leaf_hashes(
        backend: &dyn Backend,
        leaf_hashes: Vec<H::Digest>,
    ) -> Result<Self, EngineError> {
        let mut levels = vec![leaf_hashes];
        loop {
            let below = levels.last().expect("starts with one level");
            if below.len() <= 1 {
                return Ok(Self { levels });
            }
            let mut above = vec![H::ZERO; below.len().div_ceil(2)];
            backend.subtree_roots(H::ALGORITHM, H::flat(below), 1, H::flat_mut(&mut above))?;
            levels.push(above);
        }
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// The root; of the empty tree, H of the empty string.
    #[must_use]
    pub fn root(&self) -> H::Digest {
        let top = self.levels.last().expect("at least one level");
        top.first().copied().unwrap_or_else(H::empty)
    }

    /// Hash of leaf `index`, if there is one.
    #[must_use]
    pub fn leaf_hash(&self, index: u64) -> Option<H::Digest> {
        self.levels[0].get(usize::try_from(index).ok()?).copied()
    }

    /// Inclusion path of leaf `index`, from the leaf's sibling up; `None` outside the tree. Hashes nothing.
    ///
    /// Source: RFC 9162, section 2.1.3.1.
    #[must_use]
    pub fn inclusion(&self, index: u64) -> Option<Vec<H::Digest>> {
        let mut at = usize::try_from(index).ok()?;
        self.levels[0].get(at)?;
        let mut path = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            // Without a sibling the node rises unchanged and adds nothing to the path.
            path.extend(level.get(at ^ 1));
            at /= 2;
        }
        Some(path)
    }

    /// Proof for several leaves at once, checked by [`super::verify_multi`]: the roots of the largest subtrees without
    /// any of these leaves, left to right. `None` when an index is outside the tree or indexes do not rise strictly.
    /// Hashes nothing; length at most that of the single paths together, usually far below.
    #[must_use]
    pub fn multi_inclusion(&self, indexes: &[u64]) -> Option<Vec<H::Digest>> {
        let rising = indexes.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = indexes.last().is_none_or(|last| *last < self.size());
        if !rising || !inside {
            return None;
        }
        let mut path = Vec::new();
        if self.size() > 0 {
            self.collect_multi(0, self.size(), indexes, &mut path);
        }
        Some(path)
    }

    fn collect_multi(&self, start: u64, end: u64, indexes: &[u64], path: &mut Vec<H::Digest>) {
        if indexes.is_empty() {
            path.push(self.node(start, end));
        } else if end - start > 1 {
            let middle = start + split(end - start);
            let (left, right) = indexes.split_at(indexes.partition_point(|i| *i < middle));
            self.collect_multi(start, middle, left, path);
            self.collect_multi(middle, end, right, path);
        }
    }

    /// Proof that the first `size_before` leaves of this tree are the whole of an earlier one, checked by
    /// [`super::verify_consistency`]. `None` unless `0 < size_before <= size`. Hashes nothing.
    ///
    /// Source: RFC 9162, section 2.1.4.1.
    #[must_use]
    pub fn consistency(&self, size_before: u64) -> Option<Vec<H::Digest>> {
        if size_before == 0 || size_before > self.size() {
            return None;
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, self.size());
        // Walk down to the place where the earlier tree ends, remembering what lies beside the way.
        while size_before < end {
            let middle = start + split(end - start);
            if size_before <= middle {
                path.push(self.node(middle, end));
                end = middle;
            } else {
                path.push(self.node(start, middle));
                start = middle;
            }
        }
        // The earlier tree's root is known to the verifier; any other last subtree has to be told.
        if start > 0 {
            path.push(self.node(start, end));
        }
        path.reverse();
        Some(path)
    }

    /// Root over the leaves `start..end`, which must be a subtree of this tree: aligned, and either full or at the
    /// right edge. Level by level it is the node above its first leaf.
    fn node(&self, start: u64, end: u64) -> H::Digest {
        let height = (end - start).next_power_of_two().ilog2();
        let index = usize::try_from(start >> height).expect("inside a level in memory");
        self.levels[height as usize][index]
    }
}
