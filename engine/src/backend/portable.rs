//! The backend for any CPU: sha2, blake3 and curve25519-dalek on every core. It is the definition of right.

use rayon::prelude::*;
use sha2::Digest as _;

use super::{BATCH_ITEMS_MAX, Backend};
use crate::ed25519::{PortableKernel, SignatureItem, Verdicts, Verifier, VerifyStats};
use crate::merkle::{self, TreeHash};
use crate::{EngineError, HashAlgorithm};

/// Below this much work a second core costs more than it brings: handing a job over takes some microseconds, hashing
/// 32 KiB takes about 50.
pub(super) const BYTES_PER_JOB_MIN: usize = 32 * 1024;
/// A message costs at least one compression of one block and its bookkeeping, however short it is.
pub(super) const BYTES_PER_MESSAGE_MIN: usize = 128;

/// Whether a backend on cores may share hashing these, or a tree over them, between threads; without that everything is done on the
/// caller's thread.
#[must_use]
pub fn may_share(messages: &[&[u8]]) -> bool {
    hashed_bytes(messages) >= 2 * BYTES_PER_JOB_MIN
}

/// Bytes that hashing these is worth.
pub(super) fn hashed_bytes(messages: &[&[u8]]) -> usize {
    let bytes = messages.iter().map(|m| m.len().max(BYTES_PER_MESSAGE_MIN));
    bytes.sum()
}

/// Plain Rust and the crates' own run-time detection; spreads large batches over rayon's threads.
pub struct Portable {
    verifier: Verifier<PortableKernel>,
}

impl Portable {
    /// With a secret for the batch coefficients drawn from the operating system. Where that gives none, every signature
    /// is checked by itself, which needs no secret: slower, with the same verdicts.
    #[must_use]
    pub fn new() -> Self {
        Self {
            verifier: Verifier::new(PortableKernel, fresh_secret()),
        }
    }

    /// With a given secret, so that a simulation repeats bit for bit. Never for a node: who knows the secret can try to
    /// build batches that pass with a wrong signature in them, offline, at 2^-128 a try.
    #[must_use]
    pub fn with_secret(secret: [u8; 32]) -> Self {
        Self {
            verifier: Verifier::new(PortableKernel, Some(secret)),
        }
    }

    /// Checks every signature by itself, never in a batch: the slow path alone, for comparison.
    #[must_use]
    pub fn exact() -> Self {
        Self {
            verifier: Verifier::new(PortableKernel, None),
        }
    }
}

impl Default for Portable {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn sha512_many(&self, messages: &[&[u8]], digests: &mut [[u8; 64]]) -> Result<(), EngineError> {
        hash_many(messages, digests, |m| sha2::Sha512::digest(m).into())
    }

    fn sha512_256_many(
        &self,
        messages: &[&[u8]],
        digests: &mut [[u8; 32]],
    ) -> Result<(), EngineError> {
        hash_many(messages, digests, |m| sha2::Sha512_256::digest(m).into())
    }

    fn sha256_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        hash_many(messages, digests, |m| sha2::Sha256::digest(m).into())
    }

    fn blake3_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        hash_many(messages, digests, |m| blake3::hash(m).into())
    }

    fn leaf_roots(
        &self,
        hash: HashAlgorithm,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        match hash {
            HashAlgorithm::Sha512 => leaf_roots::<merkle::Sha512>(leaves, height, roots),
            HashAlgorithm::Sha512_256 => leaf_roots::<merkle::Sha512_256>(leaves, height, roots),
            HashAlgorithm::Sha256 => leaf_roots::<merkle::Sha256>(leaves, height, roots),
            HashAlgorithm::Blake3 => leaf_roots::<merkle::Blake3>(leaves, height, roots),
        }
    }

    fn subtree_roots(
        &self,
        hash: HashAlgorithm,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        match hash {
            HashAlgorithm::Sha512 => subtree_roots::<merkle::Sha512>(nodes, height, roots),
            HashAlgorithm::Sha512_256 => subtree_roots::<merkle::Sha512_256>(nodes, height, roots),
            HashAlgorithm::Sha256 => subtree_roots::<merkle::Sha256>(nodes, height, roots),
            HashAlgorithm::Blake3 => subtree_roots::<merkle::Blake3>(nodes, height, roots),
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

/// 32 bytes from the operating system; nothing where it gives none.
pub(super) fn fresh_secret() -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).is_ok().then_some(secret)
}

pub(super) fn check_count(items: usize) -> Result<(), EngineError> {
    if items > BATCH_ITEMS_MAX {
        return Err(EngineError::BatchTooLarge {
            items,
            limit: BATCH_ITEMS_MAX,
        });
    }
    Ok(())
}

/// One digest a message, on as many cores as the bytes are worth.
fn hash_many<D: Send>(
    messages: &[&[u8]],
    digests: &mut [D],
    hash: impl Fn(&[u8]) -> D + Sync,
) -> Result<(), EngineError> {
    assert_eq!(messages.len(), digests.len(), "one digest a message");
    check_count(messages.len())?;
    let bytes = hashed_bytes(messages);
    if bytes < 2 * BYTES_PER_JOB_MIN {
        for (message, digest) in messages.iter().zip(digests) {
            *digest = hash(message);
        }
        return Ok(());
    }
    let messages_per_job = (BYTES_PER_JOB_MIN / (bytes / messages.len()).max(1)).max(1);
    messages
        .par_iter()
        .zip(digests)
        .with_min_len(messages_per_job)
        .for_each(|(message, digest)| *digest = hash(message));
    Ok(())
}

fn leaf_roots<H: TreeHash>(
    leaves: &[&[u8]],
    height: u32,
    roots: &mut [u8],
) -> Result<(), EngineError> {
    let roots = H::typed_mut(roots);
    if height == 0 {
        return hash_many(leaves, roots, H::leaf);
    }
    subtrees::<_, H>(leaves, height, roots, |leaves, scratch| {
        scratch.extend(leaves.iter().map(|leaf| H::leaf(leaf)));
        fold::<H>(scratch)
    })
}

fn subtree_roots<H: TreeHash>(
    nodes: &[u8],
    height: u32,
    roots: &mut [u8],
) -> Result<(), EngineError> {
    assert!(height > 0, "a subtree of height 0 is its node");
    subtrees::<_, H>(
        H::typed(nodes),
        height,
        H::typed_mut(roots),
        |nodes, scratch| {
            scratch.extend_from_slice(nodes);
            fold::<H>(scratch)
        },
    )
}

/// One root for each run of `2^height` items, from `root` with memory to work in, on as many cores as they are worth.
fn subtrees<T: Sync, H: TreeHash>(
    items: &[T],
    height: u32,
    roots: &mut [H::Digest],
    root: impl Fn(&[T], &mut Vec<H::Digest>) -> H::Digest + Sync,
) -> Result<(), EngineError> {
    check_count(items.len())?;
    assert!(height <= 32, "height {height} is above 32");
    let run = 1_usize << height;
    assert_eq!(items.len().div_ceil(run), roots.len(), "one root a subtree");
    let root = |scratch: &mut Vec<H::Digest>, items: &[T]| {
        scratch.clear();
        root(items, scratch)
    };
    if items.len() * BYTES_PER_MESSAGE_MIN < 2 * BYTES_PER_JOB_MIN {
        let mut scratch = Vec::new();
        for (items, to) in items.chunks(run).zip(roots) {
            *to = root(&mut scratch, items);
        }
        return Ok(());
    }
    let runs_per_job = (BYTES_PER_JOB_MIN / (run * BYTES_PER_MESSAGE_MIN)).max(1);
    items
        .par_chunks(run)
        .zip(roots)
        .with_min_len(runs_per_job)
        .for_each_init(Vec::new, |scratch, (items, to)| *to = root(scratch, items));
    Ok(())
}

/// Root over the nodes of `level`, at least one, in place.
fn fold<H: TreeHash>(level: &mut Vec<H::Digest>) -> H::Digest {
    while level.len() > 1 {
        let count = level.len();
        for parent in 0..count / 2 {
            level[parent] = H::node(&level[2 * parent], &level[2 * parent + 1]);
        }
        if count % 2 == 1 {
            level[count / 2] = level[count - 1];
        }
        level.truncate(count.div_ceil(2));
    }
    level[0]
}
