//! What is a job that folds whole subtrees, and are its roots right?
//!
//! The levels stay on the device, one kernel run a level. With the roots comes the inclusion path of one random leaf or
//! node, which the CPU follows up to its root: results that are shifted, of another batch or wrong throughout do not
//! lead there. Every node of every level must carry the nonce of the job.

use std::ops::Range;

use bds_shaders::{Operation, Path, kernel};

use super::fault::Fault;
use super::hash::{Sha, hash_step};
use super::job::{Arena, Job, Region};
use super::words;
use crate::merkle::{LEAF, NODE};

/// A job that folds runs of `2^height` leaves or nodes, and what its answer must be.
pub(super) struct TreeJob {
    sha: Sha,
    nonce: u32,
    /// Place of the leaf or node whose path is checked, and its digest.
    audited: usize,
    digest: Vec<u8>,
    /// For each level its sibling on the path, where it has one.
    siblings: Vec<Option<Range<usize>>>,
    roots: Range<usize>,
    echoes: Vec<Range<usize>>,
}

impl TreeJob {
    /// Over leaves still to be hashed, at least one.
    ///
    /// - `audited`: place of the leaf whose path comes back.
    pub(super) fn over_leaves(
        input: Vec<u8>,
        path: Path,
        nonce: u32,
        sha: Sha,
        leaves: &[&[u8]],
        height: u32,
        audited: usize,
    ) -> (Job, Self) {
        let mut job = Job::new(input);
        let prefix = [LEAF];
        let hashed = hash_step(&mut job, path, nonce, sha, leaves.len(), |i| {
            [&prefix, leaves[i], &[]]
        });
        let digest = sha.digest([&prefix, leaves[audited], &[]]);
        let mut levels = Levels::new(sha, nonce, audited, digest);
        levels.echoes.push(hashed.echo);
        levels.fold(&mut job, path, hashed.digests, leaves.len(), height);
        let checks = levels.finish(&mut job);
        (job, checks)
    }

    /// Over nodes, digests one after the other, at least one.
    pub(super) fn over_nodes(
        input: Vec<u8>,
        path: Path,
        nonce: u32,
        sha: Sha,
        nodes: &[u8],
        height: u32,
        audited: usize,
    ) -> (Job, Self) {
        let mut job = Job::new(input);
        let bytes = sha.digest_bytes();
        let digest = nodes[audited * bytes..][..bytes].to_vec();
        let first = job.upload(|input| input.extend_from_slice(nodes));
        let mut levels = Levels::new(sha, nonce, audited, digest);
        levels.fold(&mut job, path, first, nodes.len() / bytes, height);
        let checks = levels.finish(&mut job);
        (job, checks)
    }

    /// Writes the roots of an answer, one after the other.
    ///
    /// # Errors
    /// When the answer cannot be trusted; `roots` is then unspecified.
    pub(super) fn take(&self, answer: &[u8], roots: &mut [u8]) -> Result<(), Fault> {
        let mut echoes = self
            .echoes
            .iter()
            .flat_map(|echo| words(&answer[echo.clone()]));
        if echoes.any(|word| word != self.nonce) {
            return Err(Fault::WrongEcho);
        }
        let mut at = self.audited;
        let mut digest = self.digest.clone();
        for sibling in &self.siblings {
            if let Some(sibling) = sibling {
                let sibling = &answer[sibling.clone()];
                let (left, right) = if at & 1 == 0 {
                    (&digest[..], sibling)
                } else {
                    (sibling, &digest[..])
                };
                digest = self.sha.digest([&[NODE], left, right]);
            }
            at /= 2;
        }
        let found = &answer[self.roots.clone()];
        let bytes = self.sha.digest_bytes();
        if found[at * bytes..][..bytes] != digest[..] {
            return Err(Fault::WrongCanary);
        }
        roots.copy_from_slice(found);
        Ok(())
    }
}

/// A tree job being put together.
struct Levels {
    sha: Sha,
    nonce: u32,
    audited: usize,
    digest: Vec<u8>,
    siblings: Vec<Option<Region>>,
    roots: Option<Region>,
    echoes: Vec<Region>,
}

impl Levels {
    fn new(sha: Sha, nonce: u32, audited: usize, digest: Vec<u8>) -> Self {
        Self {
            sha,
            nonce,
            audited,
            digest,
            siblings: Vec::new(),
            roots: None,
            echoes: Vec::new(),
        }
    }

    /// Folds `count` nodes `height` levels up. Runs start at multiples of `2^height`, so pairing each whole level from the
    /// left pairs no two runs, and only the last run can have a node without a partner, which rises as it is.
    fn fold(&mut self, job: &mut Job, path: Path, nodes: Region, count: usize, height: u32) {
        let bytes = self.sha.digest_bytes();
        let kernel = kernel(
            match self.sha {
                Sha::Full => Operation::TreeLevel512,
                Sha::Cut => Operation::TreeLevel512_256,
            },
            path,
        );
        let (mut level, mut count, mut at) = (nodes.part(0, count * bytes), count, self.audited);
        for _ in 0..height {
            // A single node rises to whatever height.
            if count == 1 {
                break;
            }
            let sibling = at ^ 1;
            self.siblings
                .push((sibling < count).then(|| level.part(sibling * bytes, bytes)));
            let parents = count.div_ceil(2);
            let to = match level.arena {
                Arena::Ping => Arena::Pong,
                _ => Arena::Ping,
            };
            let above = job.reserve(to, parents * bytes);
            let echo = job.reserve(Arena::Echo, parents * 4);
            job.run(
                kernel,
                [parents as u32, self.nonce, count as u32],
                vec![level],
                vec![above, echo],
            );
            self.echoes.push(echo);
            (level, count, at) = (above, parents, at / 2);
        }
        self.roots = Some(level);
    }

    /// Reads back the roots, the path and the echoes.
    fn finish(self, job: &mut Job) -> TreeJob {
        let mut read = |region: Region| job.read(region);
        TreeJob {
            sha: self.sha,
            nonce: self.nonce,
            audited: self.audited,
            digest: self.digest,
            roots: self.roots.map(&mut read).unwrap_or_default(),
            siblings: self
                .siblings
                .into_iter()
                .map(|s| s.map(&mut read))
                .collect(),
            echoes: self.echoes.into_iter().map(&mut read).collect(),
        }
    }
}
