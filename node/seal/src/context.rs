//! Where a sealed document belongs: chain, record and version.

use bds_contracts::tx::{AccountId, ChainId};
use borsh::{BorshDeserialize, BorshSerialize};

/// Chain, record and version. A record is named by its owner's account and the number the owner gave it, which is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Context {
    /// Which ledger.
    pub chain: ChainId,
    /// Whose record.
    pub owner: AccountId,
    /// Which of its records.
    pub record: u64,
    /// Which version of it, from 1.
    pub version: u32,
}

/// Length of an encoded context.
pub(crate) const CONTEXT_BYTES: usize = 52;

impl Context {
    /// Its one encoding: 32 bytes of chain, then little-endian integers.
    #[must_use]
    pub fn bytes(&self) -> [u8; CONTEXT_BYTES] {
        let mut bytes = [0; CONTEXT_BYTES];
        bytes[..32].copy_from_slice(&self.chain.0);
        bytes[32..40].copy_from_slice(&self.owner.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.record.to_le_bytes());
        bytes[48..].copy_from_slice(&self.version.to_le_bytes());
        bytes
    }
}
