//! How many answers are being read for each peer at a time.
//!
//! What a peer asks for is read beside the core and then waits in the peer's queue, so a peer that asks without end would
//! take the readers' time and memory from everyone. Beyond its share a question is dropped and counted; an honest peer
//! asks again, and somebody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bds_contracts::block::ValidatorIndex;

/// Answers under way to one peer at the most.
pub const ANSWERS_MAX: usize = 8;

/// Counts the answers under way by peer; clones count together.
#[derive(Debug, Clone)]
pub struct Serving(Arc<Vec<AtomicUsize>>);

/// One answer under way, until dropped.
#[derive(Debug)]
pub struct Answering {
    serving: Serving,
    to: usize,
}

impl Serving {
    /// Nothing under way, for a set of this size.
    #[must_use]
    pub fn new(validators: usize) -> Self {
        Self(Arc::new(
            (0..validators).map(|_| AtomicUsize::new(0)).collect(),
        ))
    }

    /// Counts one answer more, unless the peer has its share already.
    #[must_use]
    pub fn begin(&self, to: ValidatorIndex) -> Option<Answering> {
        let to = usize::from(to);
        let more = |count: usize| (count < ANSWERS_MAX).then_some(count + 1);
        let count = self.0.get(to)?;
        count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .ok()?;
        Some(Answering {
            serving: self.clone(),
            to,
        })
    }

    /// Answers under way, and the most there can be.
    #[must_use]
    pub fn fill(&self) -> (usize, usize) {
        let under_way = self.0.iter().map(|count| count.load(Ordering::Acquire));
        (under_way.sum(), ANSWERS_MAX * self.0.len())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.serving.0[self.to].fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_gets_its_share_and_takes_nothing_from_another() {
        let serving = Serving::new(3);
        let mut greedy: Vec<_> = (0..ANSWERS_MAX)
            .map(|_| serving.begin(1).unwrap())
            .collect();
        assert!(serving.begin(1).is_none());
        assert!(serving.begin(3).is_none(), "outside the set");
        let other = serving.begin(2).unwrap();
        assert_eq!(serving.fill(), (ANSWERS_MAX + 1, 3 * ANSWERS_MAX));
        drop(greedy.pop());
        assert!(serving.begin(1).is_some());
        drop((greedy, other));
        assert_eq!(serving.fill().0, 0);
    }
}
