//! What keeps the entries of closed tables from being guessed by their root.
//!
//! Headers and proofs give out the root over the closed entries. A root over a few of them, whose values are few, would be
//! found by trying them all. So one entry among them is a number of 256 bits that only validators know, and the root says
//! nothing to who does not know it.
//!
//! The number is renewed in every block that changes a closed entry: it is H(tag || the number before || the signatures of the
//! block's transactions, in order), with SHA-512/256. Nobody computes a signature without the key, no answer of a node holds
//! one, and the number is the same on every validator.
//!
//! It is as secret as what went into it. Genesis holds no signature, so what its document writes is hidden from nobody who reads
//! the document, and the number begins to be secret with the first block that changes a closed entry and holds somebody else's
//! transaction. Whoever learns it once knows it until the next such block.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use super::proof::Digest;
use crate::tx::SIGNATURE_BYTES;

const DOMAIN: [u8; 8] = *b"BDS-SC\0\x01";

/// The number; zeros before the first block that changes a closed entry.
#[derive(Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Secret(Digest);

impl Secret {
    /// After a block with these signatures. Cost: a hash over 64 bytes a transaction.
    pub(super) fn renewed<'a>(
        &self,
        signatures: impl Iterator<Item = &'a [u8; SIGNATURE_BYTES]>,
    ) -> Self {
        let mut hasher = Sha512_256::new();
        hasher.update(DOMAIN);
        hasher.update(self.0);
        signatures.for_each(|signature| hasher.update(signature));
        Self(hasher.finalize().into())
    }
}

/// Says nothing: what is written for people must not give it out.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
