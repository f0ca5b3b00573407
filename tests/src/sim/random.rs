//! Chance, keyed: every draw is a function of the seed, of what it is for and of where it falls, and of nothing else.
//!
//! No draw follows from another, so leaving an event out leaves all others as they were. That is what makes a failing
//! seed shrinkable.

/// Where a draw falls: three numbers that name one place of one run, such as (link, millisecond, ordinal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(pub u64, pub u64, pub u64);

/// The draws of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    seed: u64,
}

impl Draws {
    /// All draws of this seed; 0 is as good as any.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed: scramble(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)),
        }
    }

    /// Chance at one place for one purpose; a purpose has a number of its own.
    #[must_use]
    pub fn at(&self, purpose: u64, key: Key) -> Random {
        let mut state = self.seed ^ scramble(purpose.wrapping_add(0x517c_c1b7_2722_0a95));
        for part in [key.0, key.1, key.2] {
            state = scramble(
                state
                    .wrapping_add(part)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .wrapping_add(1),
            );
        }
        Random(state | 1)
    }
}

/// The finalizer of splitmix64. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A short row of random numbers: xorshift64*. Source: Vigna, "An experimental exploration of Marsaglia's xorshift
/// generators, scrambled" (2016).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound.max(1)
    }

    /// An index below `bound`.
    pub fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(u64::try_from(bound).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `parts` times in 1,000.
    pub fn chance(&mut self, parts: u64) -> bool {
        self.below(1_000) < parts
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_seed_purpose_and_place_alone() {
        let draws = Draws::new(7);
        let first = draws.at(3, Key(1, 2, 3)).bits();
        let _ = draws.at(3, Key(9, 9, 9)).bits();
        assert_eq!(draws.at(3, Key(1, 2, 3)).bits(), first);
        for other in [
            Draws::new(8).at(3, Key(1, 2, 3)),
            draws.at(4, Key(1, 2, 3)),
            draws.at(3, Key(2, 1, 3)),
            draws.at(3, Key(1, 2, 4)),
        ] {
            assert_ne!(other.clone().bits(), first);
        }
    }

    #[test]
    fn neighbours_are_not_alike() {
        // A thousand places in a row: about half of them under one half.
        let draws = Draws::new(0);
        let low = (0..1_000)
            .filter(|at| draws.at(1, Key(0, *at, 0)).chance(500))
            .count();
        assert!((400..600).contains(&low), "{low}");
    }
}
