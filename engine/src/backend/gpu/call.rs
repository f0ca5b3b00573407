//! How is a call that hashes or folds trees cut into jobs, and put together again?

use std::ops::Range;

use super::Gpu;
use super::cut::{Piece, Room, cut, message_bytes, runs_fit};
use super::fault::Fault;
use super::hash::{HashJob, Sha};
use super::job::Job;
use super::stream;
use super::tree::TreeJob;
use crate::merkle::LEAF;

/// One digest in so many is computed again on the CPU.
const DIGESTS_PER_SAMPLE: usize = 1024;
/// Highest subtree folded in one job: 4,096 leaves or nodes a run, so that large levels still make several jobs.
const HEIGHT_MAX: u32 = 12;

impl Gpu {
    fn room(&self, items: usize, run: usize) -> Room {
        Room {
            items,
            bytes: self.device.owner.limits().job_bytes,
            run,
        }
    }

    /// Digests of `messages`, each with `leaf` in front of it the byte of a leaf.
    pub(super) fn hash(
        &self,
        sha: Sha,
        leaf: bool,
        messages: &[&[u8]],
        digests: &mut [u8],
    ) -> Result<(), Fault> {
        let (owner, dice) = (&self.device.owner, &self.device.dice);
        let prefix: &[u8] = if leaf { &[LEAF] } else { &[] };
        let bytes = sha.digest_bytes();
        let room = self.room(owner.limits().hash_items, 1);
        let pieces = cut(messages.len(), room, |i| {
            message_bytes(messages[i].len() + prefix.len())
        });
        let mut on_device = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Device(range) => on_device.push(range),
                Piece::Cpu(range) => {
                    let to = &mut digests[range.start * bytes..range.end * bytes];
                    self.hash_on_cpu(sha, leaf, &messages[range], to)?;
                }
            }
        }
        let build = |range: Range<usize>, input| {
            let (nonce, canary) = (dice.nonce(), dice.below(range.len() + 1));
            let some = &messages[range.clone()];
            let (job, checks) = HashJob::new(input, owner.path(), nonce, sha, prefix, some, canary);
            (job, (checks, range))
        };
        let take = |(checks, range): (HashJob, Range<usize>), answer: &[u8]| {
            let to = &mut digests[range.start * bytes..range.end * bytes];
            checks.take(answer, to)?;
            for place in dice.sample(range.len(), DIGESTS_PER_SAMPLE) {
                let expected = sha.digest([prefix, messages[range.start + place], &[]]);
                if to[place * bytes..][..bytes] != expected {
                    return Err(Fault::WrongAnswer);
                }
            }
            Ok(())
        };
        stream::run(owner, on_device, build, take)
    }

    /// A call's long messages, which are not for the device.
    fn hash_on_cpu(
        &self,
        sha: Sha,
        leaf: bool,
        messages: &[&[u8]],
        digests: &mut [u8],
    ) -> Result<(), Fault> {
        let done = match (sha, leaf) {
            (_, true) => self.cpu.leaf_roots(sha.algorithm(), messages, 0, digests),
            (Sha::Full, false) => self.cpu.sha512_many(messages, digests.as_chunks_mut().0),
            (Sha::Cut, false) => self
                .cpu
                .sha512_256_many(messages, digests.as_chunks_mut().0),
        };
        // The call as a whole was small enough, so a part of it is.
        done.map_err(|_| Fault::WrongAnswer)
    }

    /// Roots of runs of leaves, `2^height` each.
    pub(super) fn fold_leaves(
        &self,
        sha: Sha,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), Fault> {
        if height == 0 {
            return self.hash(sha, true, leaves, roots);
        }
        let (owner, dice) = (&self.device.owner, &self.device.dice);
        let first = height.min(HEIGHT_MAX);
        let room = self.room(owner.limits().hash_items, 1 << first);
        let bytes_of = |i: usize| message_bytes(leaves[i].len() + 1);
        if !runs_fit(leaves.len(), room, bytes_of) {
            // Some leaves are too long to fold a run of them in one job.
            let mut hashes = vec![0; leaves.len() * sha.digest_bytes()];
            self.hash(sha, true, leaves, &mut hashes)?;
            return self.fold_nodes(sha, &hashes, height, roots);
        }
        let ranges = on_device(cut(leaves.len(), room, bytes_of));
        let build = |range: Range<usize>, input| {
            let (nonce, audited) = (dice.nonce(), dice.below(range.len()));
            let some = &leaves[range.clone()];
            let (job, checks) =
                TreeJob::over_leaves(input, owner.path(), nonce, sha, some, first, audited);
            (job, (checks, range))
        };
        self.fold(sha, first, height, leaves.len(), roots, ranges, build)
    }

    /// Roots of runs of nodes, `2^height` each.
    pub(super) fn fold_nodes(
        &self,
        sha: Sha,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), Fault> {
        let (owner, dice) = (&self.device.owner, &self.device.dice);
        let first = height.min(HEIGHT_MAX);
        let bytes = sha.digest_bytes();
        let count = nodes.len() / bytes;
        let room = self.room(owner.limits().hash_items, 1 << first);
        let ranges = on_device(cut(count, room, |_| Some(bytes)));
        let build = |range: Range<usize>, input| {
            let (nonce, audited) = (dice.nonce(), dice.below(range.len()));
            let some = &nodes[range.start * bytes..range.end * bytes];
            let (job, checks) =
                TreeJob::over_nodes(input, owner.path(), nonce, sha, some, first, audited);
            (job, (checks, range))
        };
        self.fold(sha, first, height, count, roots, ranges, build)
    }

    /// Runs tree jobs of height `first` and folds their roots up to `height`.
    #[allow(
        clippy::too_many_arguments,
        reason = "the shape of a tree, and what differs between leaves and nodes"
    )]
    fn fold(
        &self,
        sha: Sha,
        first: u32,
        height: u32,
        count: usize,
        roots: &mut [u8],
        ranges: Vec<Range<usize>>,
        build: impl FnMut(Range<usize>, Vec<u8>) -> (Job, (TreeJob, Range<usize>)),
    ) -> Result<(), Fault> {
        let bytes = sha.digest_bytes();
        let place = |range: &Range<usize>| {
            let run = 1 << first;
            range.start / run * bytes..range.end.div_ceil(run) * bytes
        };
        if first == height {
            return stream::run(
                &self.device.owner,
                ranges,
                build,
                |(checks, range), answer| checks.take(answer, &mut roots[place(&range)]),
            );
        }
        let mut between = vec![0; count.div_ceil(1 << first) * bytes];
        stream::run(
            &self.device.owner,
            ranges,
            build,
            |(checks, range), answer| checks.take(answer, &mut between[place(&range)]),
        )?;
        self.fold_nodes(sha, &between, height - first, roots)
    }
}

/// Ranges of pieces that are all for the device.
fn on_device(pieces: Vec<Piece>) -> Vec<Range<usize>> {
    pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Device(range) | Piece::Cpu(range) => range,
        })
        .collect()
}
