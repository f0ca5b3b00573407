//! Does every backend hash as the standards say?

mod common;

use bds_engine::Backend;
use common::{assert_device_trusted, painted, tested, vectors};

/// Padding and block edges of SHA-2 and BLAKE3, one long message, and every short length.
fn lengths() -> Vec<usize> {
    let mut lengths: Vec<usize> = (0..300).collect();
    lengths.extend([
        511, 512, 513, 1007, 1023, 1024, 1025, 2048, 2049, 4096, 65_537, 1_000_003,
    ]);
    lengths
}

#[test]
fn many_messages_agree_with_one_at_a_time() {
    use sha2::Digest as _;
    let messages: Vec<Vec<u8>> = lengths().into_iter().map(painted).collect();
    let all: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    for backend in tested() {
        // Counts: none, one, lanes and their neighbours, a prime, all.
        for count in [0, 1, 2, 7, 8, 9, 63, 64, 65, 131, all.len()] {
            let some = &all[..count];
            let (mut long, mut short) = (vec![[0; 64]; count], vec![[0; 32]; count]);
            backend.sha512_many(some, &mut long).unwrap();
            // Streaming in odd pieces takes another way through the hasher than one call does.
            for (message, digest) in some.iter().zip(&long) {
                let mut hasher = sha2::Sha512::new();
                message.chunks(77).for_each(|piece| hasher.update(piece));
                assert_eq!(
                    hasher.finalize()[..],
                    digest[..],
                    "length {}",
                    message.len()
                );
            }
            backend.sha512_256_many(some, &mut short).unwrap();
            for (message, digest) in some.iter().zip(&short) {
                assert_eq!(sha2::Sha512_256::digest(message)[..], digest[..]);
            }
            backend.sha256_many(some, &mut short).unwrap();
            for (message, digest) in some.iter().zip(&short) {
                assert_eq!(sha2::Sha256::digest(message)[..], digest[..]);
            }
            backend.blake3_many(some, &mut short).unwrap();
            for (message, digest) in some.iter().zip(&short) {
                assert_eq!(blake3::hash(message).as_bytes(), digest);
            }
        }
    }
}

/// SHA-512 and SHA-512/256 of these messages on every backend, against one message at a time.
fn check_both(messages: &[Vec<u8>], what: &str) {
    use sha2::Digest as _;
    let all: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    for backend in tested() {
        let (mut long, mut short) = (vec![[0; 64]; all.len()], vec![[0; 32]; all.len()]);
        backend.sha512_many(&all, &mut long).unwrap();
        backend.sha512_256_many(&all, &mut short).unwrap();
        for (i, message) in messages.iter().enumerate() {
            let what = format!("{} {what}: {i}, {} bytes", backend.name(), message.len());
            assert_eq!(sha2::Sha512::digest(message)[..], long[i], "{what}");
            assert_eq!(sha2::Sha512_256::digest(message)[..], short[i], "{what}");
        }
    }
    assert_device_trusted();
}

/// `bytes` bytes unlike those of any other `index` below 251.
fn painted_from(bytes: usize, index: usize) -> Vec<u8> {
    painted(bytes + index)[index..].to_vec()
}

#[test]
fn messages_of_one_length_at_every_padding_edge() {
    // 111 and 112 bytes decide between one block and two, 127 to 129 where the first block ends; then the same one and
    // two blocks on.
    let edges =
        [0, 128, 256].map(|whole| [0, 1, 64, 111, 112, 113, 119, 120, 127].map(|n| n + whole));
    for bytes in edges.into_iter().flatten() {
        // All lanes and their neighbours: a full group takes another way than what is left over.
        for count in [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40] {
            let messages: Vec<_> = (0..count).map(|i| painted_from(bytes, i)).collect();
            check_both(&messages, "of one length");
        }
    }
}

#[test]
fn lanes_are_refilled_whatever_the_lengths() {
    for count in 0..=40 {
        let ragged: Vec<_> = (0..count).map(|i| painted_from(i * 97 % 700, i)).collect();
        check_both(&ragged, "ragged");
        // One odd length after one or two groups of equal ones, and equal ones behind it.
        let odd: Vec<_> = (0..count)
            .map(|i| painted_from(if i == 33 { 300 } else { 128 }, i))
            .collect();
        check_both(&odd, "one odd");
        // Two or more lanes are busy long after the others are done.
        for long in [0, count / 2, count.saturating_sub(1)] {
            let bytes = |i: usize| if i == long { 40_007 } else { 64 + i };
            let messages: Vec<_> = (0..count).map(|i| painted_from(bytes(i), i)).collect();
            check_both(&messages, "one long");
            let bytes = |i: usize| if i % 5 == long % 5 { 2_003 } else { 111 };
            let messages: Vec<_> = (0..count).map(|i| painted_from(bytes(i), i)).collect();
            check_both(&messages, "some long");
        }
    }
}

#[test]
fn batches_for_several_threads_agree_too() {
    let ragged: Vec<_> = (0..5_000)
        .map(|i| painted_from(i * 31 % 1_000, i % 251))
        .collect();
    check_both(&ragged, "many ragged");
    let equal: Vec<_> = (0..5_003).map(|i| painted_from(128, i % 251)).collect();
    check_both(&equal, "many equal");
    // Each longer than what one thread takes at a time.
    let long: Vec<_> = (0..3).map(|i| painted_from(300_001 + i, i)).collect();
    check_both(&long, "a few long");
}

#[test]
fn the_examples_of_fips_180_4() {
    // "abc", from the examples NIST publishes with the standard.
    for backend in tested() {
        let (mut long, mut short) = ([[0; 64]], [[0; 32]]);
        backend.sha512_many(&[b"abc"], &mut long).unwrap();
        assert_eq!(
            hex::encode(long[0]),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        backend.sha512_256_many(&[b"abc"], &mut short).unwrap();
        assert_eq!(
            hex::encode(short[0]),
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"
        );
        backend.sha256_many(&[b"abc"], &mut short).unwrap();
        assert_eq!(
            hex::encode(short[0]),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

#[test]
fn nist_vectors_of_sha512() {
    let Some(folder) = vectors() else { return };
    for file in ["SHA512ShortMsg.rsp", "SHA512LongMsg.rsp"] {
        let text = std::fs::read_to_string(folder.join("nist_sha512").join(file)).unwrap();
        let (mut bits, mut messages, mut digests) = (0, Vec::new(), Vec::new());
        for line in text.lines() {
            let Some((name, value)) = line.split_once(" = ") else {
                continue;
            };
            match name {
                "Len" => bits = value.trim().parse::<usize>().unwrap(),
                "Msg" => messages.push(hex::decode(value.trim()).unwrap()[..bits / 8].to_vec()),
                "MD" => digests.push(hex::decode(value.trim()).unwrap()),
                _ => {}
            }
        }
        assert!(messages.len() > 100 && messages.len() == digests.len());
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        for backend in tested() {
            let mut out = vec![[0; 64]; messages.len()];
            backend.sha512_many(&messages, &mut out).unwrap();
            assert!(
                out.iter().zip(&digests).all(|(a, b)| a[..] == b[..]),
                "{file}"
            );
        }
    }
}

#[test]
fn blake3_vectors() {
    let Some(folder) = vectors() else { return };
    let text = std::fs::read_to_string(folder.join("blake3/test_vectors.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 35);
    for backend in tested() {
        check_blake3(&*backend, cases);
    }
}

fn check_blake3(backend: &dyn Backend, cases: &[serde_json::Value]) {
    let messages: Vec<_> = cases
        .iter()
        .map(|c| painted(c["input_len"].as_u64().unwrap() as usize))
        .collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut out = vec![[0; 32]; messages.len()];
    backend.blake3_many(&messages, &mut out).unwrap();
    for (digest, case) in out.iter().zip(cases) {
        assert_eq!(hex::encode(digest), case["hash"].as_str().unwrap()[..64]);
    }
}
