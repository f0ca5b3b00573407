//! A tree that only grows, kept as the roots of its full subtrees.

use super::{TreeHash, root};
use crate::{Backend, EngineError};

/// The right edge of a growing tree: one digest for each set bit of its size, so at most 64 digests whatever it holds.
#[derive(Debug, Clone)]
pub struct Frontier<H: TreeHash> {
    size: u64,
    /// Roots of the full subtrees, the largest and leftmost first.
    roots: Vec<H::Digest>,
}

impl<H: TreeHash> Default for Frontier<H> {
    fn default() -> Self {
        Self {
            size: 0,
            roots: Vec::new(),
        }
    }
}

impl<H: TreeHash> Frontier<H> {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From what [`Frontier::size`] and [`Frontier::roots`] gave; `None` when the number of roots does not fit the size.
    #[must_use]
    pub fn from_parts(size: u64, roots: Vec<H::Digest>) -> Option<Self> {
        (size.count_ones() as usize == roots.len()).then_some(Self { size, roots })
    }

    /// Number of leaves appended.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the full subtrees, the largest and leftmost first.
    #[must_use]
    pub fn roots(&self) -> &[H::Digest] {
        &self.roots
    }

    /// Appends a leaf. Cost: two hashes on average.
    pub fn append(&mut self, data: &[u8]) {
        self.append_hash(H::leaf(data));
    }

    /// Appends many leaves at once. Cost: two hashes a leaf, whole subtrees by the backend.
    ///
    /// # Errors
    /// As [`Backend`]; the frontier then holds some of the leaves.
    pub fn append_many(
        &mut self,
        backend: &dyn Backend,
        leaves: &[&[u8]],
    ) -> Result<(), EngineError> {
        let mut rest = leaves;
        while !rest.is_empty() {
            // The largest full subtree that may stand at the end of what is there.
            let height = self.size.trailing_zeros().min(rest.len().ilog2());
            let (now, later) = rest.split_at(1 << height);
            self.append_subtree(height, root::<H>(backend, now)?);
            rest = later;
        }
        Ok(())
    }

    /// Appends a leaf that is hashed already. Cost: one hash on average, at most 64.
    pub fn append_hash(&mut self, leaf_hash: H::Digest) {
        self.append_subtree(0, leaf_hash);
    }

    /// Appends `2^height` leaves, of which there is a multiple already, by their root.
    fn append_subtree(&mut self, height: u32, mut root: H::Digest) {
        // Each one bit of the size from `height` on is a full subtree as large as what was just built: they join.
        for _ in 0..(self.size >> height).trailing_ones() {
            let left = self.roots.pop().expect("one root a set bit of the size");
            root = H::node(&left, &root);
        }
        self.roots.push(root);
        self.size += 1 << height;
    }

    /// Root of what was appended so far. Cost: at most 63 hashes.
    #[must_use]
    pub fn root(&self) -> H::Digest {
        let mut from_right = self.roots.iter().rev();
        let Some(last) = from_right.next() else {
            return H::empty();
        };
        from_right.fold(*last, |right, left| H::node(left, &right))
    }
}
