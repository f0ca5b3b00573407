//! Inputs for the benches: distinct, the same in every run, made outside the clock.

#[cfg(feature = "peers")]
pub mod peers;
pub mod tree;

use std::ops::Range;

use bds_engine::{Backend, SignatureItem};
use ed25519_dalek::{Signer as _, SigningKey};

/// A signed message that owns its bytes.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Signer's key.
    pub key: [u8; 32],
    /// Signature over `message`.
    pub signature: [u8; 64],
    /// 128 bytes, each different.
    pub message: Vec<u8>,
}

impl Signed {
    /// As the engine takes it.
    #[must_use]
    pub fn item(&self) -> SignatureItem<'_> {
        SignatureItem {
            key: &self.key,
            signature: &self.signature,
            message: &self.message,
        }
    }
}

/// `count` signatures by `keys` signers in turn, over messages of 128 bytes.
#[must_use]
pub fn signatures(count: usize, keys: usize) -> Vec<Signed> {
    signatures_by(0..keys, count)
}

/// `count` signatures by these signers in turn, over messages of 128 bytes.
#[must_use]
pub fn signatures_by(signers: Range<usize>, count: usize) -> Vec<Signed> {
    let signers: Vec<SigningKey> = signers
        .map(|i| SigningKey::from_bytes(blake3::hash(&i.to_le_bytes()).as_bytes()))
        .collect();
    (0..count)
        .map(|i| {
            let signer = &signers[i % signers.len()];
            let message = message(i, 128);
            Signed {
                key: signer.verifying_key().to_bytes(),
                signature: signer.sign(&message).to_bytes(),
                message,
            }
        })
        .collect()
}

/// Message number `index`, `bytes` long, like no other.
#[must_use]
pub fn message(index: usize, bytes: usize) -> Vec<u8> {
    let mut message = vec![0; bytes];
    blake3::Hasher::new()
        .update(&index.to_le_bytes())
        .finalize_xof()
        .fill(&mut message);
    message
}

/// Messages `0..count`, each of `bytes` bytes.
#[must_use]
pub fn messages(count: usize, bytes: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| message(i, bytes)).collect()
}

/// Where each message lies.
#[must_use]
pub fn slices(owned: &[Vec<u8>]) -> Vec<&[u8]> {
    owned.iter().map(Vec::as_slice).collect()
}

/// Every backend of this machine.
#[must_use]
pub fn backends() -> Vec<Box<dyn Backend>> {
    bds_engine::available()
}
