//! How does a message get into whole blocks? The padding of SHA-512 (FIPS 180-4, section 5.1.2), done by the host.

/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = 128;

/// Blocks of a message of so many bytes: with the byte 0x80 and its length in 16 bytes.
pub(super) fn blocks(bytes: usize) -> usize {
    (bytes + 17).div_ceil(BLOCK_BYTES)
}

/// Appends the message that `parts` make together, padded to whole blocks.
pub(super) fn pad(into: &mut Vec<u8>, parts: [&[u8]; 3]) {
    let start = into.len();
    for part in parts {
        into.extend_from_slice(part);
    }
    let bytes = into.len() - start;
    into.push(0x80);
    into.resize(start + blocks(bytes) * BLOCK_BYTES - 16, 0);
    into.extend_from_slice(&(bytes as u128 * 8).to_be_bytes());
}

/// Appends the index of each message's first block, then the number of all blocks.
pub(super) fn starts(into: &mut Vec<u8>, lengths: impl Iterator<Item = usize>) {
    let mut start = 0_u32;
    into.extend_from_slice(&start.to_le_bytes());
    for bytes in lengths {
        start += blocks(bytes) as u32;
        into.extend_from_slice(&start.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    /// A plain hash over the padded blocks is the hash of the message.
    #[test]
    fn padded_blocks_hash_as_the_message() {
        for bytes in (0..300).chain([1007, 1008, 1024]) {
            let message: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
            let (one, rest) = message.split_at(bytes / 3);
            let (two, three) = rest.split_at(rest.len() / 2);
            let mut padded = vec![9];
            pad(&mut padded, [one, two, three]);
            let padded = &padded[1..];
            assert_eq!(padded.len(), blocks(bytes) * BLOCK_BYTES);
            assert_eq!(
                super::super::emulator::hash_blocks(padded, false),
                sha2::Sha512::digest(&message)[..],
                "{bytes} bytes"
            );
        }
    }

    #[test]
    fn starts_add_up() {
        let mut words = Vec::new();
        starts(&mut words, [0, 111, 112, 300].into_iter());
        let words: Vec<u32> = words
            .as_chunks::<4>()
            .0
            .iter()
            .map(|w| u32::from_le_bytes(*w))
            .collect();
        assert_eq!(words, [0, 1, 2, 4, 7]);
    }
}
