//! Which Ed25519 signature is valid, for one and for many.
//!
//! # The rule (ZIP-215)
//! Key A, signature (R, S) over message M is valid exactly when
//! 1. S, read little-endian, is below the group order L;
//! 2. A and R decode: y is the low 255 bits mod p (y >= p is allowed), x is recovered, and the sign bit is applied even
//!    when x = 0;
//! 3. with k = SHA-512(R || A || M) mod L over the bytes as received, \[8\](S·B - R - k·A) is the identity; the
//!    multiplication by 8 comes last.
//!
//! [`rule`] is that rule for one signature. A backend gives the same verdicts for many at a fraction of the cost;
//! neither the size of a batch nor its order or neighbours can change a verdict, except with probability 2^-128.

mod batch;
mod chunk;
mod coefficients;
mod items;
mod kept;
mod kernel;
mod key_cache;
mod key_hash;
mod portable;
pub mod rule;
mod switch;

pub(crate) use batch::Verifier;
pub use batch::VerifyStats;
pub use items::{SignatureItem, Verdicts};
pub(crate) use kept::Kept;
pub(crate) use kernel::{Kernel, Part};
pub(crate) use portable::PortableKernel;
pub use rule::{KeyError, admit_key, verify, verify_strict};
