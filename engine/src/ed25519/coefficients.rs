//! The random factors of a batch equation: where they come from and why nobody can aim at them.
//!
//! They are the output of BLAKE3, keyed with a secret drawn once from the operating system, over every k and S of the
//! batch. k is a hash of R, A and the message, so all of the batch is in it. So they are fixed only after the batch
//! is: a sender who knows how batches are cut, or watches many verdicts, still faces fresh 128-bit factors; and a poor
//! random source alone does not help, because the whole batch goes in too.

/// Absorbs a batch, then gives one factor an item.
pub(super) struct Coefficients<'a> {
    secret: &'a [u8; 32],
    batch: Vec<u8>,
}

impl<'a> Coefficients<'a> {
    /// For `count` items.
    pub(super) fn new(secret: &'a [u8; 32], count: usize) -> Self {
        Self {
            secret,
            batch: Vec::with_capacity(64 * count),
        }
    }

    /// One item; both fields have fixed length, so no two batches give the same input.
    pub(super) fn absorb(&mut self, challenge: &[u8; 32], s: &[u8; 32]) {
        self.batch.extend_from_slice(challenge);
        self.batch.extend_from_slice(s);
    }

    /// `count` factors, uniform below 2^128, little endian.
    pub(super) fn draw(self, count: usize) -> Vec<[u8; 16]> {
        let mut factors = vec![[0; 16]; count];
        // In one call each, so that BLAKE3 can use all lanes there are.
        blake3::Hasher::new_keyed(self.secret)
            .update(&self.batch)
            .finalize_xof()
            .fill(factors.as_flattened_mut());
        factors
    }
}
