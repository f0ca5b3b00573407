//! Which 128 bytes of a message come next, padding included?

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

/// All that a block without data depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Padding {
    bytes: usize,
    ended: bool,
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
    #[inline]
    pub(super) fn next(&mut self, staged: &mut [u8; 128]) -> Block<'a> {
        debug_assert!(self.blocks_left > 0, "the message is over");
        self.blocks_left -= 1;
        while self.parts[0].is_empty() && !(self.parts[1].is_empty() && self.parts[2].is_empty()) {
            self.parts = [self.parts[1], self.parts[2], &[]];
        }
        if let Some((whole, rest)) = self.parts[0].split_first_chunk() {
            self.parts[0] = rest;
            return Block::Whole(whole);
        }
        self.stage(staged)
    }

    /// Fills `staged` with what the parts have left, and pads it.
    #[inline]
    fn stage(&mut self, staged: &mut [u8; 128]) -> Block<'a> {
        let mut filled = 0;
        for part in &mut self.parts {
            let (now, later) = part.split_at(part.len().min(128 - filled));
            copy(&mut staged[filled..], now);
            filled += now.len();
            *part = later;
        }
        if filled == 128 {
            return Block::Staged;
        }
        let padding = Padding {
            bytes: self.bytes,
            ended: self.ended,
        };
        staged[filled..].fill(0);
        if !self.ended {
            staged[filled] = 0x80;
            self.ended = true;
        }
        if self.blocks_left == 0 {
            // 128 bits of length in bits; a slice has fewer than 2^63 bytes.
            let bits = (self.bytes as u128) << 3;
            staged[112..].copy_from_slice(&bits.to_be_bytes());
        }
        if filled == 0 {
            Block::Padding(padding)
        } else {
            Block::Staged
        }
    }
}

/// Copies to the front of `to`. The lengths of keys and digests are compiled as moves, without a call.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        0 => {}
        1 => to[0] = from[0],
        32 => to[..32].copy_from_slice(&from[..32]),
        64 => to[..64].copy_from_slice(&from[..64]),
        n => to[..n].copy_from_slice(from),
    }
}
