//! Numbers that look random and follow from a seed, the same on every machine.

use sha2::{Digest as _, Sha512_256};

/// SplitMix64: one addition and a mix a number, good enough to shape load, never for keys of real value.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// An own sequence for each seed and stream.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(u64::from_le_bytes(
            *derive("random", seed, stream)
                .first_chunk()
                .expect("32 bytes"),
        ))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; the bias is below `bound / 2^64`.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        u64::try_from((u128::from(self.number()) * u128::from(bound)) >> 64)
            .expect("below the bound")
    }
}

impl Random {
    /// A kind by its share; the shares come to 1000.
    ///
    /// # Panics
    /// When they do not.
    pub fn kind(&mut self, mix: &[(&'static str, u64)]) -> &'static str {
        let mut left = self.below(1000);
        for (name, share) in mix {
            if left < *share {
                return name;
            }
            left -= share;
        }
        unreachable!("the shares of a mix come to 1000")
    }

    /// A place among weights that [`weights`] made.
    pub fn place(&mut self, weights: &[u64]) -> usize {
        let drawn = self.below(1 << 32);
        weights.partition_point(|sum| *sum <= drawn)
    }
}

/// Rising sums of `1 / (index + 1)^skew`, scaled so that the last is 2^32.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a distribution; the last sum is set exactly"
)]
pub fn weights(indexes: impl Iterator<Item = usize>, skew: f64) -> Vec<u64> {
    let weights: Vec<f64> = indexes.map(|i| ((i + 1) as f64).powf(-skew)).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut sums: Vec<u64> = weights
        .iter()
        .map(|weight| {
            sum += weight;
            (sum / total * (1_u64 << 32) as f64) as u64
        })
        .collect();
    if let Some(last) = sums.last_mut() {
        *last = 1 << 32;
    }
    sums
}

/// 32 bytes that follow from a purpose, a seed and a number.
#[must_use]
pub fn derive(purpose: &str, seed: u64, number: u64) -> [u8; 32] {
    Sha512_256::new()
        .chain_update(b"bds workload ")
        .chain_update(purpose.as_bytes())
        .chain_update(seed.to_le_bytes())
        .chain_update(number.to_le_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers from state 1234567, as in the generator's published test output.
    #[test]
    fn follows_the_published_sequence() {
        let mut random = Random(1_234_567);
        let found = [random.number(), random.number(), random.number()];
        assert_eq!(
            found,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }
}
