//! The backend for CPUs with AVX2 and no AVX-512: four numbers, points or signatures side by side.

pub(in crate::backend) mod field;
mod verify;
mod weights;

use super::cpu::Avx2 as Isa;
use super::portable::{check_count, fresh_secret};
use super::sha512::batch;
use super::vertical::VerticalKernel;
use super::{Backend, Portable};
use crate::ed25519::{SignatureItem, Verdicts, Verifier, VerifyStats};
use crate::merkle::{Sha512, Sha512_256};
use crate::{EngineError, HashAlgorithm};

/// Four lanes of 64 bits. Each constructor gives nothing where the CPU lacks the instructions.
pub struct Avx2 {
    isa: Isa,
    verifier: Verifier<VerticalKernel<Isa>>,
    /// What has no vector form.
    portable: Portable,
}

impl Avx2 {
    /// With a secret for the batch coefficients drawn from the operating system; without one, as [`Portable::new`].
    #[must_use]
    pub fn detect() -> Option<Self> {
        Isa::detect().map(|isa| Self::with(isa, fresh_secret()))
    }

    /// With a given secret, as [`Portable::with_secret`]: never for a node.
    #[must_use]
    pub fn with_secret(secret: [u8; 32]) -> Option<Self> {
        Isa::detect().map(|isa| Self::with(isa, Some(secret)))
    }

    /// Checks every signature by itself, never in a batch.
    #[must_use]
    pub fn exact() -> Option<Self> {
        Isa::detect().map(|isa| Self::with(isa, None))
    }

    fn with(isa: Isa, secret: Option<[u8; 32]>) -> Self {
        Self {
            isa,
            verifier: Verifier::new(VerticalKernel::new(isa), secret),
            portable: Portable::exact(),
        }
    }
}

impl Backend for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
    }

    fn sha512_many(&self, messages: &[&[u8]], digests: &mut [[u8; 64]]) -> Result<(), EngineError> {
        batch::sha512_many(self.isa, messages, digests)
    }

    fn sha512_256_many(
        &self,
        messages: &[&[u8]],
        digests: &mut [[u8; 32]],
    ) -> Result<(), EngineError> {
        batch::sha512_256_many(self.isa, messages, digests)
    }

    fn sha256_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.portable.sha256_many(messages, digests)
    }

    fn blake3_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.portable.blake3_many(messages, digests)
    }

    fn leaf_roots(
        &self,
        hash: HashAlgorithm,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        let isa = self.isa;
        match hash {
            HashAlgorithm::Sha512 => batch::leaf_roots::<_, Sha512>(isa, leaves, height, roots),
            HashAlgorithm::Sha512_256 => {
                batch::leaf_roots::<_, Sha512_256>(isa, leaves, height, roots)
            }
            _ => self.portable.leaf_roots(hash, leaves, height, roots),
        }
    }

    fn subtree_roots(
        &self,
        hash: HashAlgorithm,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        let isa = self.isa;
        match hash {
            HashAlgorithm::Sha512 => batch::subtree_roots::<_, Sha512>(isa, nodes, height, roots),
            HashAlgorithm::Sha512_256 => {
                batch::subtree_roots::<_, Sha512_256>(isa, nodes, height, roots)
            }
            _ => self.portable.subtree_roots(hash, nodes, height, roots),
        }
    }

    fn verify_ed25519(
        &self,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        check_count(items.len())?;
        self.verifier.verify(items, verdicts);
        Ok(())
    }

    fn verify_stats(&self) -> VerifyStats {
        self.verifier.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::field::Field;
    use crate::backend::cpu::Avx2 as Isa;
    use crate::backend::vertical::tests;

    #[test]
    fn arithmetic_agrees_with_big_integers() {
        let Some(isa) = Isa::detect() else { return };
        tests::field_agrees::<Field>(isa);
        tests::lanes_keep_apart::<Field>(isa);
    }

    #[test]
    fn points_agree_with_dalek() {
        let Some(isa) = Isa::detect() else { return };
        tests::points_agree::<Field>(isa);
        tests::decoding_agrees::<Field>(isa);
    }

    #[test]
    fn sums_agree_with_dalek() {
        let Some(isa) = Isa::detect() else { return };
        tests::sums_agree::<Field>(isa);
    }
}
