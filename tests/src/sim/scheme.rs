//! Signatures that cost next to nothing: a keyed hash that only the key's owner calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bds_contracts::block::Signature;
use bds_contracts::tx::PublicKey;
use bds_core::scheme::{Scheme, SignatureCheck};

/// 64 bits of a multiply-rotate hash; not for adversaries, of whom there are none that compute it.
#[must_use]
pub fn mix(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().expect("8 bytes"));
        state = (state ^ word)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(31);
    }
    for byte in chunks.remainder() {
        state = (state ^ u64::from(*byte))
            .wrapping_mul(0xc4ce_b9fe_1a85_ec53)
            .rotate_left(29);
    }
    state ^= u64::try_from(bytes.len()).unwrap_or(0);
    (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// The key of a simulated validator.
#[must_use]
pub fn key(index: u16) -> PublicKey {
    let mut bytes = [0xA5; 32];
    bytes[..2].copy_from_slice(&index.to_le_bytes());
    PublicKey(bytes)
}

fn signature(key: &PublicKey, message: &[u8]) -> Signature {
    let mut bytes = [0; 64];
    let tag = mix(mix(0x51_6d, &key.0), message);
    bytes[..8].copy_from_slice(&tag.to_le_bytes());
    Signature(bytes)
}

/// Signs for one validator, checks all.
#[derive(Debug, Clone)]
pub struct MockScheme {
    own: PublicKey,
    checked: Arc<AtomicU64>,
}

impl MockScheme {
    /// For the validator at this index.
    #[must_use]
    pub fn new(index: u16) -> Self {
        Self {
            own: key(index),
            checked: Arc::default(),
        }
    }

    /// Adds what it checks to this.
    #[must_use]
    pub fn counting(self, checked: &Arc<AtomicU64>) -> Self {
        let checked = Arc::clone(checked);
        Self { checked, ..self }
    }
}

impl Scheme for MockScheme {
    fn sign(&self, message: &[u8]) -> Signature {
        signature(&self.own, message)
    }

    fn verify(&self, checks: &[SignatureCheck<'_>]) -> Vec<bool> {
        let count = checks.len() as u64;
        self.checked.fetch_add(count, Ordering::Relaxed);
        checks
            .iter()
            .map(|check| signature(&check.key, check.message) == *check.signature)
            .collect()
    }
}
