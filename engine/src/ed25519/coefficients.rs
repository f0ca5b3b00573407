//! The random factors of a batch equation: where they come from and why nobody can aim at them.
//!
//! They are the output of BLAKE3, keyed with a secret drawn once from the operating system, over every R, S, A and k
//! of the batch (k stands for the message). So they are fixed only after the batch is: a sender who knows how batches
//! are cut, or watches many verdicts, still faces fresh 128-bit factors; and a poor random source alone does not
//! help, because the whole batch goes in too.

use curve25519_dalek::scalar::Scalar;

/// Absorbs a batch, then gives one factor an item.
pub(super) struct Coefficients {
    hasher: blake3::Hasher,
}

impl Coefficients {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self {
            hasher: blake3::Hasher::new_keyed(secret),
        }
    }

    /// One item; all fields have fixed length, so no two batches give the same input.
    pub(super) fn absorb(&mut self, signature: &[u8; 64], key: &[u8; 32], challenge: &Scalar) {
        let mut record = [0; 128];
        record[..64].copy_from_slice(signature);
        record[64..96].copy_from_slice(key);
        record[96..].copy_from_slice(challenge.as_bytes());
        self.hasher.update(&record);
    }

    /// `count` factors, uniform below 2^128.
    pub(super) fn draw(self, count: usize) -> Vec<Scalar> {
        let mut output = self.hasher.finalize_xof();
        let mut bytes = [0; 16];
        (0..count)
            .map(|_| {
                output.fill(&mut bytes);
                Scalar::from(u128::from_le_bytes(bytes))
            })
            .collect()
    }
}
