//! Bytes in; digests, roots, proofs and verdicts out.
//!
//! Whole batches go through a [`Backend`], the one interface per kind of hardware: [`available`] lists what this
//! machine can run and [`by_name`] picks one; a [`Scheduler`] stands for all of them and asks the fastest for each call.
//! What is computed is fixed here once and is the same on every backend: which signature is valid in [`ed25519`], what
//! a Merkle root is in [`merkle`]. The engine knows no transaction, block, peer or configuration file.
//!
//! ```
//! use bds_engine::{by_name, merkle};
//!
//! let backend = by_name("auto")?;
//! let leaves: [&[u8]; 2] = [b"one", b"two"];
//! let tree = merkle::Tree::<merkle::Sha512_256>::build(&*backend, &leaves)?;
//! let path = tree.inclusion(1).expect("the tree has a leaf 1");
//! let leaf = merkle::leaf_hash::<merkle::Sha512_256>(b"two");
//! assert!(merkle::verify_inclusion::<merkle::Sha512_256>(2, 1, &leaf, &path, &tree.root()));
//! # Ok::<(), bds_engine::EngineError>(())
//! ```

#![deny(unsafe_code)]

pub mod backend;
pub mod ed25519;
mod error;
mod hash;
pub mod merkle;
pub mod scheduler;

#[cfg(feature = "gpu")]
pub use backend::gpu;
#[cfg(target_arch = "x86_64")]
pub use backend::{Avx2, Avx512};
pub use backend::{BATCH_ITEMS_MAX, Backend, Portable, available, by_name, may_share};
pub use ed25519::{KeyError, SignatureItem, Verdicts, VerifyStats, admit_key};
pub use error::EngineError;
pub use hash::HashAlgorithm;
pub use scheduler::Scheduler;
