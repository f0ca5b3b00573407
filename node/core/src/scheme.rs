//! How validators sign and how their signatures are checked: an argument of the core, so the simulator can be quick.

use bds_contracts::block::Signature;
use bds_contracts::tx::PublicKey;

/// One signature to check.
#[derive(Debug, Clone, Copy)]
pub struct SignatureCheck<'a> {
    /// Who is said to have signed.
    pub key: PublicKey,
    /// What.
    pub message: &'a [u8],
    /// With which result.
    pub signature: &'a Signature,
}

/// Signs with this validator's key and checks others'. Pure: no clock, no I/O.
pub trait Scheme: Send {
    /// Signature of this validator over `message`.
    fn sign(&self, message: &[u8]) -> Signature;

    /// One verdict a signature, in order, by the rule of the ledger (ZIP-215).
    fn verify(&self, checks: &[SignatureCheck<'_>]) -> Vec<bool>;
}
