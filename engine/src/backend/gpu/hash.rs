//! What is a job that hashes messages, and are its results right?
//!
//! Among the messages stands one whose digest is known, at a random place; every item must carry the nonce of the job.

use std::ops::Range;

use bds_shaders::{Operation, Path, kernel};

use super::fault::Fault;
use super::job::{Arena, Job, Region};
use super::known;
use super::{pack, words};
use crate::HashAlgorithm;

/// The hashes that a device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sha {
    /// SHA-512.
    Full,
    /// SHA-512/256.
    Cut,
}

impl Sha {
    /// The device's form of `hash`, if it has one.
    pub(super) fn of(hash: HashAlgorithm) -> Option<Self> {
        match hash {
            HashAlgorithm::Sha512 => Some(Self::Full),
            HashAlgorithm::Sha512_256 => Some(Self::Cut),
            HashAlgorithm::Sha256 | HashAlgorithm::Blake3 => None,
        }
    }

    pub(super) fn algorithm(self) -> HashAlgorithm {
        match self {
            Self::Full => HashAlgorithm::Sha512,
            Self::Cut => HashAlgorithm::Sha512_256,
        }
    }

    pub(super) fn digest_bytes(self) -> usize {
        self.algorithm().digest_bytes()
    }

    /// The hashing kernel's word for it.
    pub(super) fn mode(self) -> u32 {
        match self {
            Self::Full => 0,
            Self::Cut => 1,
        }
    }

    /// The hash of one message on the CPU.
    pub(super) fn digest(self, parts: [&[u8]; 3]) -> Vec<u8> {
        fn all<D: sha2::Digest>(parts: [&[u8]; 3]) -> Vec<u8> {
            let hasher = parts.iter().fold(D::new(), D::chain_update);
            hasher.finalize().to_vec()
        }
        match self {
            Self::Full => all::<sha2::Sha512>(parts),
            Self::Cut => all::<sha2::Sha512_256>(parts),
        }
    }
}

/// Where the hashing kernel leaves what.
pub(super) struct Hashed {
    pub(super) digests: Region,
    pub(super) echo: Region,
}

/// Adds the hashing of `count` messages to a job; message `i` is the concatenation of `parts(i)`.
pub(super) fn hash_step<'a>(
    job: &mut Job,
    path: Path,
    nonce: u32,
    sha: Sha,
    count: usize,
    parts: impl Fn(usize) -> [&'a [u8]; 3],
) -> Hashed {
    let length = |i: usize| parts(i).iter().map(|part| part.len()).sum();
    let starts = job.upload(|input| pack::starts(input, (0..count).map(length)));
    let blocks = job.upload(|input| (0..count).for_each(|i| pack::pad(input, parts(i))));
    let digests = job.reserve(Arena::Ping, count * sha.digest_bytes());
    let echo = job.reserve(Arena::Echo, count * 4);
    job.run(
        kernel(Operation::Sha512, path),
        [count as u32, nonce, sha.mode()],
        vec![blocks, starts],
        vec![digests, echo],
    );
    Hashed { digests, echo }
}

/// A job that hashes messages, and what its answer must be.
pub(super) struct HashJob {
    sha: Sha,
    nonce: u32,
    /// Where the known message stands.
    canary: usize,
    digests: Range<usize>,
    echo: Range<usize>,
}

impl HashJob {
    /// - `prefix`: put in front of every message.
    /// - `canary`: where the known message goes, at most `messages.len()`.
    pub(super) fn new(
        input: Vec<u8>,
        path: Path,
        nonce: u32,
        sha: Sha,
        prefix: &[u8],
        messages: &[&[u8]],
        canary: usize,
    ) -> (Job, Self) {
        let mut job = Job::new(input);
        let known = known::MESSAGE;
        let parts = |i: usize| -> [&[u8]; 3] {
            match i.cmp(&canary) {
                std::cmp::Ordering::Less => [prefix, messages[i], &[]],
                std::cmp::Ordering::Equal => [&known, &[], &[]],
                std::cmp::Ordering::Greater => [prefix, messages[i - 1], &[]],
            }
        };
        let hashed = hash_step(&mut job, path, nonce, sha, messages.len() + 1, parts);
        let checks = Self {
            sha,
            nonce,
            canary,
            digests: job.read(hashed.digests),
            echo: job.read(hashed.echo),
        };
        (job, checks)
    }

    /// Writes the digests of an answer, one after the other.
    ///
    /// # Errors
    /// When the answer cannot be trusted; `digests` is then unspecified.
    pub(super) fn take(&self, answer: &[u8], digests: &mut [u8]) -> Result<(), Fault> {
        if words(&answer[self.echo.clone()]).any(|word| word != self.nonce) {
            return Err(Fault::WrongEcho);
        }
        let bytes = self.sha.digest_bytes();
        let (before, rest) = answer[self.digests.clone()].split_at(self.canary * bytes);
        let (known, after) = rest.split_at(bytes);
        if known != known::digest(self.sha) {
            return Err(Fault::WrongCanary);
        }
        digests[..before.len()].copy_from_slice(before);
        digests[before.len()..].copy_from_slice(after);
        Ok(())
    }
}
