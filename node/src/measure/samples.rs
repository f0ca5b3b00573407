//! What is verified and hashed in a measurement of the engine: distinct, and the same in every run.

use std::ops::Range;

use bds_engine::SignatureItem;
use bds_engine::merkle::TreeHash;
use ed25519_dalek::{Signer as _, SigningKey};

/// A signed message.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) key: [u8; 32],
    pub(super) signature: [u8; 64],
    pub(super) message: [u8; 128],
}

impl Signed {
    /// As the engine takes it.
    pub(super) fn item(&self) -> SignatureItem<'_> {
        SignatureItem {
            key: &self.key,
            signature: &self.signature,
            message: &self.message,
        }
    }

    /// Makes it invalid in a way that only the equation shows: S stays below the group order.
    pub(super) fn spoil(&mut self) {
        self.signature[32] ^= 1;
    }
}

/// `count` signed messages by these signers in turn, the same in every run.
pub(super) fn sign(count: usize, signers: Range<usize>) -> Vec<Signed> {
    let signers: Vec<SigningKey> = signers
        .map(|i| SigningKey::from_bytes(blake3::hash(&i.to_le_bytes()).as_bytes()))
        .collect();
    (0..count)
        .map(|i| {
            let signer = &signers[i % signers.len()];
            let message: [u8; 128] = message(i, 128).try_into().expect("128 bytes");
            Signed {
                key: signer.verifying_key().to_bytes(),
                signature: signer.sign(&message).to_bytes(),
                message,
            }
        })
        .collect()
}

/// Message number `index`, like no other.
pub(super) fn message(index: usize, bytes: usize) -> Vec<u8> {
    let mut message = vec![0; bytes];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&index.to_le_bytes());
    hasher.finalize_xof().fill(&mut message);
    message
}

/// The root by a plain loop, one hash after the other.
pub(super) fn plain_root<H: TreeHash>(leaves: &[&[u8]]) -> H::Digest {
    let mut level: Vec<H::Digest> = leaves.iter().map(|leaf| H::leaf(leaf)).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => H::node(left, right),
                [alone] => *alone,
                _ => unreachable!("chunks of two"),
            })
            .collect();
    }
    level.first().copied().unwrap_or_else(H::empty)
}
