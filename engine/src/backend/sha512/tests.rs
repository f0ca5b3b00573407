//! Does every instruction set hash any mixture of lengths and parts as sha2 does?

use sha2::Digest as _;

use super::{SHA512_256_IV, SHA512_IV, Simd, hash_many};
use crate::backend::cpu::{Avx2, Avx512, InstructionSet as _};

/// Bytes that repeat only after 251, a prime: no block looks like another.
fn painted(bytes: usize, shift: usize) -> Vec<u8> {
    (0..bytes).map(|i| ((i + shift) % 251) as u8).collect()
}

/// Hashes `messages` cut into three parts in different ways.
fn check<S: Simd>(simd: S, messages: &[Vec<u8>]) {
    for cut in 0..4 {
        let parts = |i: usize| -> [&[u8]; 3] {
            let message = &messages[i];
            let (first, second) = match cut {
                0 => (0, 0),
                1 => (1.min(message.len()), 33.min(message.len())),
                2 => (32.min(message.len()), 64.min(message.len())),
                _ => (message.len() / 3, message.len()),
            };
            [
                &message[..first],
                &message[first..second],
                &message[second..],
            ]
        };
        let mut long = vec![None; messages.len()];
        hash_many(simd, messages.len(), &SHA512_IV, parts, |i, digest| {
            assert!(long[i].replace(*digest).is_none(), "written once");
        });
        let mut short = vec![None; messages.len()];
        hash_many(simd, messages.len(), &SHA512_256_IV, parts, |i, digest| {
            assert!(short[i].replace(*digest).is_none(), "written once");
        });
        for ((message, long), short) in messages.iter().zip(long).zip(short) {
            let what = format!("{} bytes, cut {cut}", message.len());
            let (long, short) = (long.expect("written"), short.expect("written"));
            assert_eq!(long[..], sha2::Sha512::digest(message)[..], "{what}");
            assert_eq!(short[..32], sha2::Sha512_256::digest(message)[..], "{what}");
        }
    }
}

fn check_all<S: Simd>(simd: S) {
    // Every short length alone, and every padding edge.
    let lengths: Vec<usize> = (0..300)
        .chain([367, 368, 383, 384, 1007, 1008, 4096])
        .collect();
    let each: Vec<_> = lengths.iter().map(|n| painted(*n, *n)).collect();
    check(simd, &each);
    for count in 0..=40 {
        // Equal lengths, then ragged ones: lanes finish at different times and are refilled.
        for bytes in [0, 64, 111, 112, 127, 128, 129, 192, 239, 240, 256] {
            check(
                simd,
                &(0..count).map(|i| painted(bytes, i)).collect::<Vec<_>>(),
            );
        }
        check(
            simd,
            &(0..count)
                .map(|i| painted(i * 97 % 700, i))
                .collect::<Vec<_>>(),
        );
        // One long message among short ones, at the beginning and at the end.
        for long in [0, count.max(1) - 1] {
            let bytes = |i: usize| if i == long { 5000 } else { 64 + i };
            check(
                simd,
                &(0..count).map(|i| painted(bytes(i), i)).collect::<Vec<_>>(),
            );
        }
    }
}

#[test]
fn avx512_agrees_with_sha2() {
    if let Some(cpu) = Avx512::detect() {
        check_all(cpu);
    }
}

#[test]
fn avx2_agrees_with_sha2() {
    if let Some(cpu) = Avx2::detect() {
        check_all(cpu);
    }
}
