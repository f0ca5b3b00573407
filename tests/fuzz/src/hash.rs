//! Does every backend hash lists of messages as sha2 and blake3 do?
//!
//! An input is a list of messages: how many of a kind, how long, and the seed of their bytes.

use bds_engine::{Backend, merkle};
use sha2_plain::Digest as _;

use crate::choices::Choices as _;
use crate::input::Input;

const MESSAGES_MAX: usize = 160;
const BYTES_MAX: usize = 200_000;
/// Block and chunk lengths of the four hashes, less what padding takes; each is tried with a few bytes more or less.
const EDGES: [usize; 12] = [0, 55, 64, 111, 128, 239, 256, 1024, 2048, 3072, 4096, 8192];

/// One input.
///
/// # Panics
/// When two digests differ: that is the finding.
pub fn run(input: &[u8]) {
    let messages = messages(&mut Input::new(input));
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let expected = Expected::of(&messages);
    for backend in crate::backends() {
        expected.check(&**backend, &messages);
    }
}

/// What the crates say.
struct Expected {
    sha512: Vec<[u8; 64]>,
    sha512_256: Vec<[u8; 32]>,
    sha256: Vec<[u8; 32]>,
    blake3: Vec<[u8; 32]>,
    leaves_sha512: Vec<[u8; 64]>,
    leaves_sha512_256: Vec<[u8; 32]>,
    leaves_sha256: Vec<[u8; 32]>,
    leaves_blake3: Vec<[u8; 32]>,
}

impl Expected {
    fn of(messages: &[&[u8]]) -> Self {
        let leaves: Vec<Vec<u8>> = messages.iter().map(|m| [&[0], *m].concat()).collect();
        let plain = || messages.iter();
        Self {
            sha512: plain()
                .map(|m| sha2_plain::Sha512::digest(m).into())
                .collect(),
            sha512_256: plain()
                .map(|m| sha2_plain::Sha512_256::digest(m).into())
                .collect(),
            sha256: plain()
                .map(|m| sha2_plain::Sha256::digest(m).into())
                .collect(),
            blake3: plain().map(|m| blake3::hash(m).into()).collect(),
            leaves_sha512: leaves
                .iter()
                .map(|m| sha2_plain::Sha512::digest(m).into())
                .collect(),
            leaves_sha512_256: leaves
                .iter()
                .map(|m| sha2_plain::Sha512_256::digest(m).into())
                .collect(),
            leaves_sha256: leaves
                .iter()
                .map(|m| sha2_plain::Sha256::digest(m).into())
                .collect(),
            leaves_blake3: leaves.iter().map(|m| blake3::hash(m).into()).collect(),
        }
    }

    fn check(&self, backend: &dyn Backend, messages: &[&[u8]]) {
        let name = backend.name();
        let (mut wide, mut narrow) = (vec![[1; 64]; messages.len()], vec![[1; 32]; messages.len()]);
        let fits = "a short list";
        backend.sha512_many(messages, &mut wide).expect(fits);
        same(name, "sha512", messages, &wide, &self.sha512);
        backend.sha512_256_many(messages, &mut narrow).expect(fits);
        same(name, "sha512_256", messages, &narrow, &self.sha512_256);
        backend.sha256_many(messages, &mut narrow).expect(fits);
        same(name, "sha256", messages, &narrow, &self.sha256);
        backend.blake3_many(messages, &mut narrow).expect(fits);
        same(name, "blake3", messages, &narrow, &self.blake3);
        let wide = merkle::leaf_hashes::<merkle::Sha512>(backend, messages).expect(fits);
        same(name, "leaves sha512", messages, &wide, &self.leaves_sha512);
        let narrow = merkle::leaf_hashes::<merkle::Sha512_256>(backend, messages).expect(fits);
        same(
            name,
            "leaves sha512_256",
            messages,
            &narrow,
            &self.leaves_sha512_256,
        );
        let narrow = merkle::leaf_hashes::<merkle::Sha256>(backend, messages).expect(fits);
        same(
            name,
            "leaves sha256",
            messages,
            &narrow,
            &self.leaves_sha256,
        );
        let narrow = merkle::leaf_hashes::<merkle::Blake3>(backend, messages).expect(fits);
        same(
            name,
            "leaves blake3",
            messages,
            &narrow,
            &self.leaves_blake3,
        );
    }
}

fn same<const N: usize>(
    backend: &str,
    hash: &str,
    messages: &[&[u8]],
    got: &[[u8; N]],
    expected: &[[u8; N]],
) {
    if let Some(i) = (0..messages.len()).find(|i| got[*i] != expected[*i]) {
        let lengths: Vec<usize> = messages.iter().map(|m| m.len()).collect();
        panic!("{backend}: {hash} of message {i} is wrong; lengths {lengths:?}");
    }
}

fn messages(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut bytes = 0;
    while !input.is_empty() && messages.len() < MESSAGES_MAX && bytes < BYTES_MAX {
        let how = input.below(8);
        // Mostly single ones; equal lengths side by side are what lanes share.
        let count = if how < 4 { 1 } else { 1 + input.below(20) };
        let length = match how % 4 {
            0 => input.below(256),
            1 => (input.one_of(&EDGES) + input.below(9)).saturating_sub(4),
            2 => input.below(4) * 128 + input.below(128),
            _ => input.below(20_000),
        };
        let mut content = input.seeded();
        for _ in 0..count.min(MESSAGES_MAX - messages.len()) {
            let mut message = vec![0; length];
            content.fill(&mut message);
            messages.push(message);
            bytes += length;
        }
    }
    messages
}
