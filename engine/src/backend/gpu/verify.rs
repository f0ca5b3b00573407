//! What is a job that verifies signatures, and which of its verdicts are taken?
//!
//! Two kernels run one after the other: the challenges SHA-512(R || A || M), and the equation of each signature with its
//! challenge, which never leaves the device. Among the signatures stand a valid and an invalid one that are known, at
//! random places. A verdict is the job's nonce for "accept" and its complement for "reject"; anything else is a fault.
//! What is rejected is decided by the CPU, and so is a sample of what is accepted.

use std::ops::Range;

use bds_shaders::{Operation, Path, kernel};

use super::Gpu;
use super::cut::{Piece, Room, cut, message_bytes};
use super::fault::Fault;
use super::hash::{Sha, hash_step};
use super::job::{Arena, Job, Region};
use super::{known, stream, words};
use crate::ed25519::{SignatureItem, Verdicts};

/// One accepted signature in so many is decided again by the CPU.
const ACCEPTS_PER_SAMPLE: usize = 256;
/// Key and signature beside the message's blocks.
const ITEM_BYTES: usize = 32 + 64;

/// A job that verifies signatures, and what its answer must be.
pub(super) struct VerifyJob {
    nonce: u32,
    /// Places of the known signatures, rising, and their verdicts.
    canaries: [(usize, bool); 2],
    hashed: Range<usize>,
    verdicts: Range<usize>,
}

impl VerifyJob {
    /// - `places`: where the known ones go, each at most `items.len()`: the valid one, then the invalid one.
    pub(super) fn new(
        input: Vec<u8>,
        path: Path,
        nonce: u32,
        items: &[SignatureItem<'_>],
        places: [usize; 2],
    ) -> (Job, Self) {
        let mut all = Vec::with_capacity(items.len() + 2);
        all.extend_from_slice(items);
        let number = nonce as usize;
        all.insert(places[0], known::valid(number));
        // Before, at or behind the first; when not behind it, it moves that one by a place.
        all.insert(places[1], known::invalid(number));
        let valid = places[0] + usize::from(places[1] <= places[0]);
        let mut canaries = [(valid, true), (places[1], false)];
        canaries.sort_unstable();

        let mut job = Job::new(input);
        let keys = job.upload(|input| {
            all.iter()
                .for_each(|item| input.extend_from_slice(item.key))
        });
        let signatures = job.upload(|input| {
            all.iter()
                .for_each(|item| input.extend_from_slice(item.signature));
        });
        let hashed = hash_step(&mut job, path, nonce, Sha::Full, all.len(), |i| {
            [&all[i].signature[..32], all[i].key, all[i].message]
        });
        let verdicts = job.reserve(Arena::Echo, all.len() * 4);
        job.run(
            kernel(Operation::Ed25519, path),
            [all.len() as u32, nonce, 0],
            vec![keys, signatures, hashed.digests, Region::TABLE],
            vec![verdicts],
        );
        let checks = Self {
            nonce,
            canaries,
            hashed: job.read(hashed.echo),
            verdicts: job.read(verdicts),
        };
        (job, checks)
    }

    /// The verdicts of an answer, in order, without those of the known signatures.
    ///
    /// # Errors
    /// When the answer cannot be trusted.
    pub(super) fn take(&self, answer: &[u8]) -> Result<Vec<bool>, Fault> {
        if words(&answer[self.hashed.clone()]).any(|word| word != self.nonce) {
            return Err(Fault::WrongEcho);
        }
        let verdict = |word| match word {
            accept if accept == self.nonce => Ok(true),
            reject if reject == !self.nonce => Ok(false),
            _ => Err(Fault::WrongEcho),
        };
        let all: Result<Vec<bool>, Fault> =
            words(&answer[self.verdicts.clone()]).map(verdict).collect();
        let mut verdicts = all?;
        // From behind, so that the first stays where it is.
        for (place, expected) in self.canaries.into_iter().rev() {
            if verdicts.remove(place) != expected {
                return Err(Fault::WrongCanary);
            }
        }
        Ok(verdicts)
    }
}

impl Gpu {
    /// Decides `items` on the device.
    pub(super) fn verify(
        &self,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), Fault> {
        let (owner, dice) = (&self.device.owner, &self.device.dice);
        verdicts.reset(items.len());
        let limits = owner.limits();
        let room = Room {
            items: limits.verify_items,
            bytes: limits.job_bytes,
            run: 1,
        };
        let pieces = cut(items.len(), room, |i| {
            message_bytes(items[i].message.len() + 64).map(|bytes| bytes + ITEM_BYTES)
        });
        let mut ranges = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Device(range) => ranges.push(range),
                Piece::Cpu(range) => {
                    let decided = self.decide_on_cpu(&items[range.clone()])?;
                    for (i, valid) in range.zip(decided) {
                        verdicts.set(i, valid);
                    }
                }
            }
        }
        let build = |range: Range<usize>, input| {
            let places = [dice.below(range.len() + 1), dice.below(range.len() + 2)];
            let some = &items[range.clone()];
            let (job, checks) = VerifyJob::new(input, owner.path(), dice.nonce(), some, places);
            (job, (checks, range))
        };
        let take = |(checks, range): (VerifyJob, Range<usize>), answer: &[u8]| {
            let found = checks.take(answer)?;
            let rejected = (0..found.len()).filter(|i| !found[*i]);
            let again: Vec<usize> = rejected
                .chain(dice.sample(found.len(), ACCEPTS_PER_SAMPLE))
                .collect();
            let doubtful: Vec<_> = again.iter().map(|i| items[range.start + i]).collect();
            let decided = self.decide_on_cpu(&doubtful)?;
            if again
                .iter()
                .zip(decided)
                .any(|(i, valid)| found[*i] != valid)
            {
                return Err(Fault::WrongAnswer);
            }
            for (i, valid) in range.zip(found) {
                verdicts.set(i, valid);
            }
            Ok(())
        };
        stream::run(owner, ranges, build, take)
    }

    fn decide_on_cpu(&self, items: &[SignatureItem<'_>]) -> Result<Vec<bool>, Fault> {
        let mut verdicts = Verdicts::new();
        // The call as a whole was small enough, so a part of it is.
        let done = self.cpu.verify_ed25519(items, &mut verdicts);
        done.map_err(|_| Fault::WrongAnswer)?;
        Ok(verdicts.iter().collect())
    }
}
