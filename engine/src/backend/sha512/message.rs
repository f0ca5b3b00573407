//! Which 128 bytes of a message come next, padding included?

use super::Simd;

/// What is left of one message: the concatenation of up to three slices, then padding.
///
/// Source: FIPS 180-4, section 5.1.2.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    parts: [&'a [u8]; 3],
    /// Bytes of the whole message.
    bytes: usize,
    blocks_left: usize,
    /// The bit that ends the message is written.
    ended: bool,
}

/// Where the next block is.
#[derive(Clone, Copy)]
pub(super) enum Block<'a> {
    /// In the message itself.
    Whole(&'a [u8; 128]),
    /// In the buffer handed in.
    Staged,
    /// In the buffer handed in, and without any byte of the message: it depends on nothing but this.
    Padding(Padding),
}

impl<'a> Message<'a> {
    /// Over before it begins: the place of a message to come.
    pub(super) const EMPTY: Self = Self {
        parts: [&[]; 3],
        bytes: 0,
        blocks_left: 0,
        ended: true,
    };

    #[inline]
    pub(super) fn new(parts: [&'a [u8]; 3]) -> Self {
        let bytes = parts.iter().map(|part| part.len()).sum();
        Self {
            parts,
            bytes,
            // At least 17 bytes of padding: the end bit and the length.
            blocks_left: (bytes + 16) / 128 + 1,
            ended: false,
        }
    }

    /// Blocks that [`Message::next`] still has, at least one in a new message.
    #[inline]
    pub(super) fn blocks_left(&self) -> usize {
        self.blocks_left
    }

    /// Takes the next block, which there must be.
    #[inline(always)]
    pub(super) fn next<S: Simd>(&mut self, simd: S, staged: &mut [u8; 128]) -> Block<'a> {
        debug_assert!(self.blocks_left > 0, "the message is over");
        self.blocks_left -= 1;
        while self.parts[0].is_empty() && !(self.parts[1].is_empty() && self.parts[2].is_empty()) {
            self.parts = [self.parts[1], self.parts[2], &[]];
        }
        if let Some((whole, rest)) = self.parts[0].split_first_chunk() {
            self.parts[0] = rest;
            return Block::Whole(whole);
        }
        let mut filled = 0;
        let mut pieces = [Piece::EMPTY; 3];
        for (piece, part) in pieces.iter_mut().zip(&mut self.parts) {
            let (now, later) = part.split_at(part.len().min(128 - filled));
            *piece = Piece {
                at: filled,
                bytes: now,
            };
            filled += now.len();
            *part = later;
        }
        let ends = filled < 128 && !self.ended;
        let padding = Padding {
            end: ends.then_some(filled),
            message_bytes: (self.blocks_left == 0).then_some(self.bytes),
        };
        self.ended |= ends;
        simd.stage(staged, &padding.block(), &pieces);
        if filled == 0 {
            Block::Padding(padding)
        } else {
            Block::Staged
        }
    }
}

/// All that the padding of a block depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Padding {
    /// Where in the block the message ends, if there.
    pub(super) end: Option<usize>,
    /// Length of the message, in its last block.
    pub(super) message_bytes: Option<usize>,
}

impl Padding {
    /// The block with nothing but the padding.
    #[inline(always)]
    pub(super) fn block(self) -> [u8; 128] {
        let mut block = [0; 128];
        if let Some(message_bytes) = self.message_bytes {
            // A length in bits may be above 2^64 only on paper, but then this is right too.
            block[112..].copy_from_slice(&((message_bytes as u128) << 3).to_be_bytes());
        }
        if let Some(end) = self.end {
            block[end] = 0x80;
        }
        block
    }
}

/// Some bytes of a message and their place in a block; they end within it.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Piece<'a> {
    pub(super) at: usize,
    pub(super) bytes: &'a [u8],
}

impl Piece<'_> {
    pub(super) const EMPTY: Self = Self { at: 0, bytes: &[] };
}

/// [`Simd::stage`] for any CPU.
#[inline(always)]
pub(super) fn stage(block: &mut [u8; 128], padding: &[u8; 128], pieces: &[Piece<'_>; 3]) {
    *block = *padding;
    for Piece { at, bytes } in pieces {
        copy(&mut block[*at..*at + bytes.len()], bytes);
    }
}

/// Copies at most 128 bytes: two moves that may overlap, whatever the length. A call of memcpy takes longer.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    #[inline(always)]
    fn ends<const BYTES: usize>(to: &mut [u8], from: &[u8]) {
        let (first, last): (&[u8; BYTES], &[u8; BYTES]) = (
            from.first_chunk().expect("at least BYTES"),
            from.last_chunk().expect("at least BYTES"),
        );
        let (first, last) = (*first, *last);
        *to.first_chunk_mut().expect("as long") = first;
        *to.last_chunk_mut().expect("as long") = last;
    }
    match from.len() {
        0 => {}
        1 => to[0] = from[0],
        2..4 => ends::<2>(to, from),
        4..8 => ends::<4>(to, from),
        8..16 => ends::<8>(to, from),
        16..32 => ends::<16>(to, from),
        32..64 => ends::<32>(to, from),
        _ => ends::<64>(to, from),
    }
}
