//! Where does it come from which signature is made next?

use curve25519_dalek::scalar::Scalar;

/// Where decisions come from.
pub trait Choices {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize;
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);

    /// One of `all`, which is not empty.
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A scalar below L.
    fn scalar(&mut self) -> Scalar {
        let mut wide = [0; 64];
        self.fill(&mut wide);
        Scalar::from_bytes_mod_order_wide(&wide)
    }
}

/// The same choices for the same seed (SplitMix64).
pub struct Seeded(u64);

impl Seeded {
    /// Starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Choices for Seeded {
    fn below(&mut self, bound: usize) -> usize {
        // The remainder favours low numbers by less than 2^-40 at these bounds.
        (self.next() % bound as u64) as usize
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
