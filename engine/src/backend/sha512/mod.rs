//! SHA-512 and SHA-512/256 of many messages at once, one message in each lane of a vector.
//!
//! The algorithm stands here once: [`rounds`] is the compression over any vector, [`message`] cuts and pads,
//! [`scheduler`] keeps the lanes busy. [`avx512`] and [`avx2`] give the vectors.

mod avx2;
mod avx512;
mod constants;
mod message;
mod rounds;
mod scheduler;
#[cfg(test)]
mod tests;

pub(super) use constants::{SHA512_256_IV, SHA512_IV};
use rounds::{LANES_MAX, State};

/// An instruction set that compresses many blocks at once. A value is proof that the CPU has it.
pub(super) trait Simd: Copy {
    /// Messages in flight.
    const LANES: usize;
    /// Messages in flight when few are left.
    const LANES_NARROW: usize;

    /// Compresses one block of each of the first `LANES` lanes into `state`.
    fn compress(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]);
    /// The same for the first `LANES_NARROW` lanes, in less time.
    fn compress_narrow(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]);
    /// Compresses one block into all lanes; `schedule[t]` is K_t + W_t.
    fn compress_shared(self, state: &mut State, schedule: &[u64; 80]);
}

/// Hashes the messages `0..count` on this thread and hands each digest to `write` as it is ready, in any order.
///
/// - `iv`: [`SHA512_IV`], or [`SHA512_256_IV`] with the digest's first 32 bytes for SHA-512/256.
/// - `parts`: message `i` is the concatenation of these slices, any of which may be empty. Asked once a message.
///
/// Nothing is allocated. Cost: with all lanes busy, a block on AVX-512 takes about an eighth of what sha2 takes; equal
/// lengths are fastest, as padding that all lanes share is computed once.
#[inline]
pub(super) fn hash_many<'a, S: Simd>(
    simd: S,
    count: usize,
    iv: &[u64; 8],
    parts: impl Fn(usize) -> [&'a [u8]; 3],
    write: impl FnMut(usize, &[u8; 64]),
) {
    scheduler::run(simd, count, iv, parts, write);
}
