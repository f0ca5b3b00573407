//! How are messages of one layout hashed, a message in every lane? What is decided is decided once for all lanes.

use std::ops::Range;

use super::Simd;
use super::message::{Padding, Piece};
use super::rounds::{LANES_MAX, Shared, State};

/// One message a lane, all cut into parts of the same lengths, and the memory to hash them in.
pub(super) struct Group<'a, S> {
    simd: S,
    parts: [[&'a [u8]; 3]; LANES_MAX],
    /// Where each part begins in the message, and where the last one ends.
    bounds: [usize; 4],
    staged: Staged,
    shared: Shared,
}

/// Blocks put together here, one a lane, and digests on their way out.
#[repr(align(64))]
struct Staged {
    blocks: [[u8; 128]; LANES_MAX],
    digests: [[u8; 64]; LANES_MAX],
}

impl<'a, S: Simd> Group<'a, S> {
    #[inline(always)]
    pub(super) fn new(simd: S) -> Self {
        Self {
            simd,
            parts: [[&[]; 3]; LANES_MAX],
            bounds: [0; 4],
            staged: Staged {
                blocks: [[0; 128]; LANES_MAX],
                digests: [[0; 64]; LANES_MAX],
            },
            shared: Shared::new(),
        }
    }

    /// Takes the first messages of `range`, if there is one for each lane and all have the same layout.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        range: Range<usize>,
        parts_of: &impl Fn(usize) -> [&'a [u8]; 3],
    ) -> bool {
        if range.len() < S::LANES {
            return false;
        }
        let [a, b, c] = parts_of(range.start);
        let mut different = 0;
        for (index, parts) in range.zip(&mut self.parts[..S::LANES]) {
            *parts = parts_of(index);
            different |= parts[0].len() ^ a.len();
            different |= parts[1].len() ^ b.len();
            different |= parts[2].len() ^ c.len();
        }
        self.bounds = [0, a.len(), a.len() + b.len(), a.len() + b.len() + c.len()];
        different == 0
    }

    /// Hashes the messages taken, and hands out the digest of each lane.
    #[inline(always)]
    pub(super) fn hash(&mut self, iv: &[u64; 8], mut write: impl FnMut(usize, &[u8; 64])) {
        let simd = self.simd;
        let mut state = State::new(iv);
        let bytes = self.bounds[3];
        let blocks = (bytes + 16) / 128 + 1;
        for block in 0..blocks {
            let start = 128 * block;
            if let Some(whole) = self.whole(start) {
                simd.compress(&mut state, &whole);
                continue;
            }
            let padding = Padding {
                end: (start..start + 128).contains(&bytes).then(|| bytes - start),
                message_bytes: (block + 1 == blocks).then_some(bytes),
            };
            if start >= bytes {
                simd.compress_shared(&mut state, self.shared.schedule(padding));
                continue;
            }
            self.stage(start, &padding.block());
            let mut staged = [&self.staged.blocks[0]; LANES_MAX];
            for (to, block) in staged.iter_mut().zip(&self.staged.blocks) {
                *to = block;
            }
            simd.compress(&mut state, &staged);
        }
        simd.digests(&state, &mut self.staged.digests);
        for (lane, digest) in self.staged.digests[..S::LANES].iter().enumerate() {
            write(lane, digest);
        }
    }

    /// The blocks from byte `start` on, if they lie within one part.
    #[inline(always)]
    fn whole(&self, start: usize) -> Option<[&'a [u8; 128]; LANES_MAX]> {
        let part =
            (0..3).find(|p| self.bounds[*p] <= start && start + 128 <= self.bounds[p + 1])?;
        let offset = start - self.bounds[part];
        let mut blocks = [&[0; 128]; LANES_MAX];
        for (block, parts) in blocks.iter_mut().zip(&self.parts[..S::LANES]) {
            *block = parts[part][offset..].first_chunk()?;
        }
        Some(blocks)
    }

    /// Puts the blocks from byte `start` on together.
    #[inline(always)]
    fn stage(&mut self, start: usize, padding: &[u8; 128]) {
        // What the block and each part have in common, counted from the beginning of the part.
        let mut ranges = [0..0, 0..0, 0..0];
        let mut places = [0; 3];
        for part in 0..3 {
            let from = self.bounds[part].max(start);
            let to = self.bounds[part + 1].min(start + 128);
            if from < to {
                ranges[part] = from - self.bounds[part]..to - self.bounds[part];
                places[part] = from - start;
            }
        }
        for (staged, parts) in self.staged.blocks.iter_mut().zip(&self.parts[..S::LANES]) {
            let mut pieces = [Piece::EMPTY; 3];
            for (part, piece) in pieces.iter_mut().enumerate() {
                *piece = Piece {
                    at: places[part],
                    bytes: &parts[part][ranges[part].clone()],
                };
            }
            self.simd.stage(staged, padding, &pieces);
        }
    }
}
