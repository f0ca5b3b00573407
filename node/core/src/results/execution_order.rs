//! In which order the batches of one slot are executed: the one definition, for validators and for whoever checks them.

use bds_contracts::block::{BatchDigest, Height};

/// Order of execution of what slot `slot` newly orders.
///
/// `chains` holds, for every lane of the set by index, the newly ordered batches from the lane's tip down, so the
/// lowest position is last. Lanes are rotated by `slot mod n`, so that none is first for ever, and taken round-robin by
/// position.
///
/// # Panics
/// When there is no lane.
#[must_use]
pub fn execution_order(slot: Height, mut chains: Vec<Vec<BatchDigest>>) -> Vec<BatchDigest> {
    let lanes = u64::try_from(chains.len()).expect("a set fits");
    let shift = usize::try_from(slot % lanes).expect("smaller than the set");
    chains.rotate_left(shift);
    let mut order = Vec::with_capacity(chains.iter().map(Vec::len).sum());
    while chains.iter().any(|chain| !chain.is_empty()) {
        order.extend(chains.iter_mut().filter_map(Vec::pop));
    }
    order
}
