//! When too many signatures are invalid, batches stop paying: which way is taken now?
//!
//! Exact definition: over a sliding count of signatures that reached the equation (those with S >= L or a point that
//! does not decode are refused before it and do not count), batches are left when more than 1 in 200 was invalid and
//! at least 1,024 were seen. Whenever the count passes 8,192, both numbers are halved, so what was seen last
//! weighs most. The choice changes cost only, never a verdict, so threads may race on it.

use std::sync::atomic::{AtomicU64, Ordering};

/// One invalid signature in this many is where checking each by itself becomes cheaper.
const SEEN_PER_INVALID: u64 = 200;
/// No judgement on fewer.
const SEEN_MIN: u64 = 1024;
/// Both counts are halved above this.
const SEEN_MAX: u64 = 8192;

/// Share of invalid signatures among the last few thousand.
pub(super) struct Switch {
    /// Seen in the upper 32 bits, invalid in the lower.
    counts: AtomicU64,
}

impl Switch {
    pub(super) fn new() -> Self {
        Self {
            counts: AtomicU64::new(0),
        }
    }

    /// True when each signature should be checked by itself.
    pub(super) fn exact(&self) -> bool {
        let (seen, invalid) = unpack(self.counts.load(Ordering::Relaxed));
        seen >= SEEN_MIN && invalid * SEEN_PER_INVALID > seen
    }

    /// Tells what became of a chunk.
    pub(super) fn record(&self, seen: usize, invalid: usize) {
        let add = |counts| {
            let (mut all, mut bad) = unpack(counts);
            all += seen as u64;
            bad += invalid as u64;
            while all > SEEN_MAX {
                all /= 2;
                bad /= 2;
            }
            Some(all << 32 | bad)
        };
        // The closure never refuses, so there is no error to handle.
        let _ = self
            .counts
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

fn unpack(counts: u64) -> (u64, u64) {
    (counts >> 32, counts & u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_batches_above_half_a_percent_and_comes_back() {
        let switch = Switch::new();
        switch.record(1000, 1000);
        assert!(!switch.exact(), "1,000 are too few to judge");
        switch.record(1000, 1000);
        assert!(switch.exact());
        let mut good = 0;
        while switch.exact() {
            switch.record(1024, 0);
            good += 1024;
        }
        assert!(good <= 65_536, "took {good} valid signatures to come back");
        let rare = Switch::new();
        for _ in 0..100 {
            rare.record(1000, 4);
            assert!(!rare.exact(), "0.4 % stays in batches");
        }
        for _ in 0..100 {
            rare.record(1000, 7);
        }
        assert!(rare.exact(), "0.7 % leaves them");
    }
}
