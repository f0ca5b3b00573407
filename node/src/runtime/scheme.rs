//! How this node signs votes and checks those of others: its key, and the engine's exact rule.

use std::sync::Arc;

use bds_contracts::block::Signature;
use bds_core::scheme::{Scheme, SignatureCheck};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::engine::Engine;
use crate::keys::Seed;

/// Ed25519 votes.
pub struct Ed25519Scheme {
    key: SigningKey,
    engine: Arc<Engine>,
}

impl Ed25519Scheme {
    /// Signs with the key of this seed.
    #[must_use]
    pub fn new(seed: &Seed, engine: Arc<Engine>) -> Self {
        Self {
            key: SigningKey::from_bytes(seed),
            engine,
        }
    }
}

impl Scheme for Ed25519Scheme {
    fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.key.sign(message).to_bytes())
    }

    fn verify(&self, checks: &[SignatureCheck<'_>]) -> Vec<bool> {
        let items: Vec<_> = checks
            .iter()
            .map(|c| (&c.key.0, &c.signature.0, c.message))
            .collect();
        self.engine.verify(&items)
    }
}
