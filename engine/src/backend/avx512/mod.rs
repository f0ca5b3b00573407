//! The parts of Ed25519 verification on eight lanes of AVX-512 with IFMA.
//!
//! Each kernel comes in two forms: `#[target_feature]` functions on vectors, which other kernels inline, and safe
//! methods on [`Avx512`](super::cpu::Avx512), the proof that this CPU can run them.

mod bytes;
pub(crate) mod digits;
pub(crate) mod products;
pub(crate) mod scalar;
