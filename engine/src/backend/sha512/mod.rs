//! SHA-512 and SHA-512/256 of many messages at once, one message in each lane of a vector.
//!
//! The algorithm stands here once: [`rounds`] is the compression over any vector, [`message`] cuts and pads,
//! [`scheduler`] keeps the lanes busy. [`avx512`] and [`avx2`] give the vectors.

mod avx2;
mod avx512;
pub(super) mod batch;
mod constants;
mod message;
mod rounds;
mod scheduler;
#[cfg(test)]
mod tests;
mod tree;
mod uniform;

pub(super) use constants::{SHA512_256_IV, SHA512_IV};
use message::Piece;
use rounds::{LANES_MAX, State};

use super::cpu::{InstructionSet, Work};

/// An instruction set that compresses many blocks at once.
pub(super) trait Simd: InstructionSet {
    /// Messages in flight.
    const LANES: usize;
    /// Messages in flight when few are left.
    const LANES_NARROW: usize;

    /// Brings bytes that are needed soon into the cache.
    fn prefetch(self, bytes: &[u8; 64]);
    /// Puts a block together: `padding` with `pieces` laid over it.
    fn stage(self, block: &mut [u8; 128], padding: &[u8; 128], pieces: &[Piece<'_>; 3]);
    /// Compresses one block of each of the first `LANES` lanes into `state`.
    fn compress(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]);
    /// The same for the first `LANES_NARROW` lanes, in less time.
    fn compress_narrow(self, state: &mut State, blocks: &[&[u8; 128]; LANES_MAX]);
    /// Compresses one block into all lanes; `schedule[t]` is K_t + W_t.
    fn compress_shared(self, state: &mut State, schedule: &[u64; 80]);
    /// Hashes `prefix` and one row for each of the first `LANES` lanes, cut to 32 bytes; see [`rounds::hash_prefixed`].
    fn hash_prefixed(
        self,
        iv: &[u64; 8],
        prefix: u8,
        rows: &[&[u8; 64]; LANES_MAX],
        digests: &mut [[u8; 32]; LANES_MAX],
    );
    /// The same for the first `LANES_NARROW` lanes, in less time.
    fn hash_prefixed_narrow(
        self,
        iv: &[u64; 8],
        prefix: u8,
        rows: &[&[u8; 64]; LANES_MAX],
        digests: &mut [[u8; 32]; LANES_MAX],
    );
    /// The chaining values of the first `LANES` lanes as bytes.
    fn digests(self, state: &State, digests: &mut [[u8; 64]; LANES_MAX]);
}

/// Hashes the messages `0..count` on this thread and hands each digest to `write` as it is ready, in any order.
///
/// - `iv`: [`SHA512_IV`], or [`SHA512_256_IV`] with the digest's first 32 bytes for SHA-512/256.
/// - `parts`: message `i` is the concatenation of these slices, any of which may be empty. Asked once or twice a message.
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
    simd.within(HashMany {
        simd,
        count,
        iv,
        parts,
        write,
    });
}

struct HashMany<'a, S, P, W> {
    simd: S,
    count: usize,
    iv: &'a [u64; 8],
    parts: P,
    write: W,
}

impl<'a, S: Simd, P, W> Work for HashMany<'_, S, P, W>
where
    P: Fn(usize) -> [&'a [u8]; 3],
    W: FnMut(usize, &[u8; 64]),
{
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        // Equal lengths first: that path has nothing to decide for each lane. One message that is not equal, and the
        // lanes are kept busy one by one to the end.
        let (count, iv, parts) = (self.count, self.iv, self.parts);
        let mut group = uniform::Group::new(self.simd);
        let mut done = 0;
        while group.take(done..count, &parts) {
            group.hash(iv, |lane, digest| (self.write)(done + lane, digest));
            done += S::LANES;
        }
        scheduler::run(self.simd, done..count, iv, parts, self.write);
    }
}
