//! The backend of a CPU with vectors: a number, point, hash or signature in every lane, the same way on every
//! instruction set.

use super::portable::{check_count, fresh_secret};
use super::sha512::batch;
use super::vertical::{Instructions, VerticalKernel};
use super::{Backend, Portable, cpu};
use crate::ed25519::{SignatureItem, Verdicts, Verifier, VerifyStats};
use crate::merkle::{Sha512, Sha512_256};
use crate::{EngineError, HashAlgorithm};

/// Names a backend by its instruction set. Its constructors give nothing where the CPU lacks the instructions.
///
/// They hide the type, so that what it is made of is compiled in this crate and not again in each that uses it.
macro_rules! backend {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl $name {
            /// With a secret for the batch coefficients drawn from the operating system; without one, as
            /// [`Portable::new`].
            #[must_use]
            pub fn detect() -> Option<Box<dyn Backend>> {
                boxed::<cpu::$name>(fresh_secret())
            }

            /// With a given secret, as [`Portable::with_secret`]: never for a node.
            #[must_use]
            pub fn with_secret(secret: [u8; 32]) -> Option<Box<dyn Backend>> {
                boxed::<cpu::$name>(Some(secret))
            }

            /// Checks every signature by itself, never in a batch.
            #[must_use]
            pub fn exact() -> Option<Box<dyn Backend>> {
                boxed::<cpu::$name>(None)
            }
        }
    };
}

backend!(
    /// The backend for CPUs with AVX2 and no AVX-512: four lanes of 64 bits. Made by its functions only, behind the
    /// interface.
    Avx2
);
backend!(
    /// The backend for CPUs that have AVX-512 with IFMA: eight lanes of 64 bits. Made by its functions only, behind the
    /// interface.
    Avx512
);

fn boxed<I: Instructions>(secret: Option<[u8; 32]>) -> Option<Box<dyn Backend>> {
    I::detect().map(|isa| -> Box<dyn Backend> {
        Box::new(Vectors {
            isa,
            verifier: Verifier::new(VerticalKernel::new(isa), secret),
            portable: Portable::exact(),
        })
    })
}

/// Ed25519, SHA-512 and trees on the vectors of one instruction set.
struct Vectors<I: Instructions> {
    isa: I,
    verifier: Verifier<VerticalKernel<I>>,
    /// What has no vector form.
    portable: Portable,
}

impl<I: Instructions> Backend for Vectors<I> {
    fn name(&self) -> &'static str {
        I::NAME
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
