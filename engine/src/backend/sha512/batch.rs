//! Which part of a batch goes to which thread? Small batches stay with the caller.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::tree::{self, LaneHash};
use super::{SHA512_256_IV, SHA512_IV, Simd, hash_many};
use crate::EngineError;
use crate::backend::portable::{self, BYTES_PER_MESSAGE_MIN, check_count, hashed_bytes};

/// Below this much work a second core costs more than it brings: handing a job over takes some microseconds, hashing
/// 128 KiB in lanes takes about 25.
const BYTES_PER_JOB_MIN: usize = 128 * 1024;
// [`may_share`](crate::may_share) speaks for every backend on cores.
const _: () = assert!(BYTES_PER_JOB_MIN >= portable::BYTES_PER_JOB_MIN);
/// Both interleaved states of AVX-512 filled four times.
const LANES_PER_JOB_MIN: usize = 64;
/// Blocks of 128 bytes in the smallest job.
const BLOCKS_PER_JOB_MIN: usize = BYTES_PER_JOB_MIN / BYTES_PER_MESSAGE_MIN;

/// SHA-512 of each message.
pub(in crate::backend) fn sha512_many<S: Simd + Send + Sync>(
    simd: S,
    messages: &[&[u8]],
    digests: &mut [[u8; 64]],
) -> Result<(), EngineError> {
    in_jobs(messages, digests, |messages, digests| {
        let parts = |i: usize| [messages[i], &[], &[]];
        hash_many(simd, messages.len(), &SHA512_IV, parts, |i, digest| {
            digests[i] = *digest;
        });
    })
}

/// SHA-512/256 of each message.
pub(in crate::backend) fn sha512_256_many<S: Simd + Send + Sync>(
    simd: S,
    messages: &[&[u8]],
    digests: &mut [[u8; 32]],
) -> Result<(), EngineError> {
    in_jobs(messages, digests, |messages, digests| {
        let parts = |i: usize| [messages[i], &[], &[]];
        hash_many(simd, messages.len(), &SHA512_256_IV, parts, |i, digest| {
            digests[i] = *digest.first_chunk().expect("64 bytes hold 32");
        });
    })
}

/// [`crate::Backend::leaf_roots`].
pub(in crate::backend) fn leaf_roots<S: Simd + Send + Sync, H: LaneHash>(
    simd: S,
    leaves: &[&[u8]],
    height: u32,
    roots: &mut [u8],
) -> Result<(), EngineError> {
    let roots = H::typed_mut(roots);
    if height == 0 {
        return in_jobs(leaves, roots, |leaves, digests| {
            H::leaves(simd, leaves, digests);
        });
    }
    subtrees(
        leaves,
        height,
        roots,
        |leaves, roots, memory: &mut Memory<H>| {
            memory.leaves.clear();
            memory.leaves.resize(leaves.len(), H::ZERO);
            H::leaves(simd, leaves, &mut memory.leaves);
            tree::fold::<S, H>(simd, &memory.leaves, height, roots, &mut memory.levels);
        },
    )
}

/// [`crate::Backend::subtree_roots`].
pub(in crate::backend) fn subtree_roots<S: Simd + Send + Sync, H: LaneHash>(
    simd: S,
    nodes: &[u8],
    height: u32,
    roots: &mut [u8],
) -> Result<(), EngineError> {
    assert!(height > 0, "a subtree of height 0 is its node");
    subtrees(
        H::typed(nodes),
        height,
        H::typed_mut(roots),
        |nodes, roots, memory: &mut Memory<H>| {
            tree::fold::<S, H>(simd, nodes, height, roots, &mut memory.levels);
        },
    )
}

/// What one thread works in.
struct Memory<H: LaneHash> {
    leaves: Vec<H::Digest>,
    levels: [Vec<H::Digest>; 2],
}

impl<H: LaneHash> Memory<H> {
    fn new() -> Self {
        Self {
            leaves: Vec::new(),
            levels: [Vec::new(), Vec::new()],
        }
    }
}

/// What another thread panicked with is not in there.
fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One digest a message, in jobs of about as many bytes.
fn in_jobs<D: Send>(
    messages: &[&[u8]],
    digests: &mut [D],
    hash: impl Fn(&[&[u8]], &mut [D]) + Sync,
) -> Result<(), EngineError> {
    assert_eq!(messages.len(), digests.len(), "one digest a message");
    check_count(messages.len())?;
    let bytes = hashed_bytes(messages);
    if bytes < 2 * BYTES_PER_JOB_MIN {
        hash(messages, digests);
        return Ok(());
    }
    // Whole groups of lanes, so that only the last job has a rest: also where one message has more bytes than a job
    // needs, since lanes that run empty cost more than threads that wait.
    let per_job = (BYTES_PER_JOB_MIN / (bytes / messages.len()))
        .max(1)
        .next_multiple_of(LANES_PER_JOB_MIN);
    messages
        .par_chunks(per_job)
        .zip(digests.par_chunks_mut(per_job))
        .for_each(|(messages, digests)| hash(messages, digests));
    Ok(())
}

/// One root for each run of `2^height` items, in jobs of whole runs.
fn subtrees<T: Sync, H: LaneHash>(
    items: &[T],
    height: u32,
    roots: &mut [H::Digest],
    fold: impl Fn(&[T], &mut [H::Digest], &mut Memory<H>) + Sync,
) -> Result<(), EngineError> {
    check_count(items.len())?;
    assert!(height <= 32, "height {height} is above 32");
    let run = 1_usize << height;
    assert_eq!(items.len().div_ceil(run), roots.len(), "one root a subtree");
    if roots.is_empty() {
        return Ok(());
    }
    let runs_per_job = BLOCKS_PER_JOB_MIN.div_ceil(run);
    if roots.len() <= runs_per_job {
        fold(items, roots, &mut Memory::new());
        return Ok(());
    }
    // Memory of jobs that ended, one a thread.
    let kept = Mutex::new(Vec::new());
    items
        .par_chunks(run * runs_per_job)
        .zip(roots.par_chunks_mut(runs_per_job))
        // Job by job: of larger pieces one thread may have some left when another has none.
        .with_max_len(1)
        .for_each(|(items, roots)| {
            let mut memory = lock(&kept).pop().unwrap_or_else(Memory::new);
            fold(items, roots, &mut memory);
            lock(&kept).push(memory);
        });
    Ok(())
}
