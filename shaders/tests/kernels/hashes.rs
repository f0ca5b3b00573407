//! Digests and tree levels of the shipped kernels, run without a driver, against sha2.

use bds_shaders::{Operation, Path, kernel};
use sha2::{Digest, Sha512, Sha512_256};

use crate::device::{Device, bytes, words};

const NONCE: u32 = 0x1357_9bdf;

/// Bytes with a period that is no power of two, so that a word in the wrong place shows.
fn message(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|i| ((i + 37 * seed) % 251) as u8).collect()
}

fn padded(message: &[u8]) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 128 != 112 {
        padded.push(0);
    }
    padded.extend_from_slice(&(8 * message.len() as u128).to_be_bytes());
    padded
}

#[test]
fn messages_of_every_length_around_a_block_and_of_three_blocks() {
    // 111 and 112 are the last that pads within its block and the first that does not; 0..=260 passes two block edges.
    let messages: Vec<Vec<u8>> = (0..=260).map(|length| message(length, length)).collect();
    let mut blocks = Vec::new();
    let mut starts = Vec::new();
    for message in &messages {
        starts.push(blocks.len() as u32 / 32);
        blocks.extend(words(&padded(message)));
    }
    starts.push(blocks.len() as u32 / 32);
    let count = messages.len() as u32;
    for path in Path::ALL {
        let mut device = Device::new(kernel(Operation::Sha512, path).source);
        for mode in [0, 1] {
            let size = if mode == 0 { 16 } else { 8 };
            let mut buffers = vec![
                vec![count, NONCE, 320, mode],
                blocks.clone(),
                starts.clone(),
                vec![0; size * messages.len()],
                vec![0; messages.len()],
            ];
            // More invocations than items, as in a full workgroup.
            device.dispatch(320, &mut buffers);
            for (i, message) in messages.iter().enumerate() {
                let expected = if mode == 0 {
                    Sha512::digest(message).to_vec()
                } else {
                    Sha512_256::digest(message).to_vec()
                };
                assert_eq!(
                    bytes(&buffers[3][size * i..][..size]),
                    expected,
                    "{path:?}, mode {mode}, length {i}"
                );
                assert_eq!(buffers[4][i], NONCE, "echo of item {i}");
            }
        }
    }
}

#[test]
fn levels_of_even_and_odd_width() {
    for (operation, size) in [
        (Operation::TreeLevel512, 64),
        (Operation::TreeLevel512_256, 32),
    ] {
        for path in Path::ALL {
            let mut device = Device::new(kernel(operation, path).source);
            for width in [1_usize, 2, 3, 4, 7, 65, 130] {
                let children = message(width * size, width);
                let count = width.div_ceil(2);
                let mut buffers = vec![
                    vec![count as u32, NONCE, 128, width as u32],
                    words(&children),
                    vec![0; count * size / 4],
                    vec![0; count],
                ];
                device.dispatch(128, &mut buffers);
                for (i, pair) in children.chunks(2 * size).enumerate() {
                    let mut node = vec![1];
                    node.extend_from_slice(pair);
                    let expected = match (pair.len() == size, size) {
                        (true, _) => pair.to_vec(),
                        (false, 64) => Sha512::digest(&node).to_vec(),
                        (false, _) => Sha512_256::digest(&node).to_vec(),
                    };
                    let parent = bytes(&buffers[2][i * size / 4..][..size / 4]);
                    assert_eq!(parent, expected, "{operation:?} {path:?}, {i} of {width}");
                    assert_eq!(buffers[3][i], NONCE);
                }
            }
        }
    }
}
