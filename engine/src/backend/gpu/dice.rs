//! Where do numbers come from that need not be secret, only different: nonces, places of canaries, samples?

use std::sync::atomic::{AtomicU64, Ordering};

/// Uniform numbers from a counter, mixed (splitmix64). Shared by threads.
pub(super) struct Dice(AtomicU64);

impl Dice {
    /// Odd, so that a counter stepping by it takes every value.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(super) fn next(&self) -> u64 {
        let mut z = self.0.fetch_add(Self::STEP, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is at least 1 and far below 2^64.
    pub(super) fn below(&self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// What a batch's results must carry: neither 0 nor its complement, which are what memory holds by itself.
    pub(super) fn nonce(&self) -> u32 {
        loop {
            let nonce = (self.next() >> 32) as u32;
            if nonce != 0 && nonce != u32::MAX {
                return nonce;
            }
        }
    }

    /// Places to check again: `1 / share` of `count` on average, none of them certain.
    pub(super) fn sample(&self, count: usize, share: usize) -> impl Iterator<Item = usize> {
        let more = usize::from(self.below(share) < count % share);
        (0..count / share + more).map(move |_| self.below(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_as_many_as_asked_for_on_average() {
        let dice = Dice::new(7);
        for count in [1, 10, 256, 1000] {
            let rounds = 20_000;
            let mut drawn = 0;
            for _ in 0..rounds {
                for place in dice.sample(count, 256) {
                    assert!(place < count);
                    drawn += 1;
                }
            }
            let expected = rounds * count / 256;
            assert!(
                drawn > expected / 2 && drawn < expected * 2,
                "{drawn} for {expected}"
            );
        }
        assert_eq!(dice.sample(0, 256).count(), 0);
    }
}
