//! In which order the batches of one slot are executed: the one definition, for validators and for whoever checks them.

use bds_contracts::block::BlockDigest;

use crate::batch::Batch;

/// The batches that one slot is the first to order. Their order depends on the block before, so only whoever has executed that
/// one can tell it.
#[derive(Debug, Clone)]
pub struct SlotBatches {
    /// By lane, from the tip down.
    chains: Vec<Vec<Batch>>,
}

impl SlotBatches {
    pub(crate) fn new(chains: Vec<Vec<Batch>>) -> Self {
        Self { chains }
    }

    /// In order of execution after the block with this digest.
    #[must_use]
    pub fn after(self, previous: &BlockDigest) -> Vec<Batch> {
        execution_order(previous, self.chains)
    }
}

/// Order of execution of what a slot newly orders.
///
/// `chains` holds, for every lane of the set by index, the newly ordered batches from the lane's tip down, so the
/// lowest position is last. They are taken round-robin by position; which lane begins is drawn by the digest of the block before
/// (its first eight bytes, little-endian, modulo the number of lanes): no lane begins for long, and which one will is not known
/// before that block is executed.
///
/// # Panics
/// When there is no lane.
#[must_use]
pub fn execution_order<T>(previous: &BlockDigest, mut chains: Vec<Vec<T>>) -> Vec<T> {
    let lanes = u64::try_from(chains.len()).expect("a set fits");
    let (drawn, _) = previous.0.split_first_chunk().expect("32 bytes");
    let first = usize::try_from(u64::from_le_bytes(*drawn) % lanes).expect("below the set's size");
    chains.rotate_left(first);
    let mut order = Vec::with_capacity(chains.iter().map(Vec::len).sum());
    while chains.iter().any(|chain| !chain.is_empty()) {
        order.extend(chains.iter_mut().filter_map(Vec::pop));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(number: u64) -> BlockDigest {
        let mut digest = [0xff; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        BlockDigest(digest)
    }

    #[test]
    fn lanes_take_turns_from_the_one_that_is_drawn() {
        // From the tip down: the last of each is executed first.
        let chains = || vec![vec!["a2", "a1"], vec![], vec!["c3", "c2", "c1"], vec!["d1"]];
        let order = |number| execution_order(&drawn(number), chains()).join(" ");
        assert_eq!(order(0), "a1 c1 d1 a2 c2 c3");
        assert_eq!(order(1), "c1 d1 a1 c2 a2 c3");
        assert_eq!(order(2), "c1 d1 a1 c2 a2 c3");
        assert_eq!(order(3), "d1 a1 c1 a2 c2 c3");
        // 2^64 - 1 = 3 modulo 4, and all eight bytes count.
        assert_eq!(order(u64::MAX), order(3));
        assert_eq!(order(1 << 56 | 1), order(1));
        let (three, number) = (vec![vec![1], vec![2], vec![3]], 1 << 56);
        assert_eq!(execution_order(&drawn(number), three), [2, 3, 1]);
    }
}
