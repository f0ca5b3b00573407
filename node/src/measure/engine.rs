//! What does each operation of the engine cost on each backend, beside what the same machine does without the engine?
//!
//! The peers are those crates that the node depends on anyway; `benches/` has the others.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::ensure;
use bds_engine::merkle::{self, Blake3, Sha256, Sha512, Sha512_256, TreeHash};
use bds_engine::{Backend, EngineError, HashAlgorithm, SignatureItem, Verdicts};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::samples::{Signed, message, plain_root, sign};
use super::timing::{self, Timing};

/// Name and version of the JSON form. Fields are only ever added within a version.
pub const SCHEMA: &str = "bds-engine-bench/1";
/// Items of a call.
const COUNTS: [usize; 7] = [1, 8, 64, 256, 1024, 4096, 16_384];
/// Below this no backend uses a second thread.
const SPREAD_MIN: usize = 1024;
/// Bytes of a message, and the most messages of that length that are tried.
const MESSAGES: [(usize, usize); 4] = [(128, 16_384), (192, 16_384), (1024, 16_384), (1 << 16, 64)];
/// Leaves of a tree, 64 bytes each.
const LEAVES: [usize; 4] = [1 << 6, 1 << 12, 1 << 16, 1 << 20];
/// Signatures of the batches with invalid ones.
const FLOODS: [usize; 2] = [1024, 4096];
/// Percent of invalid signatures.
const INVALID: [usize; 3] = [1, 50, 100];
/// Signers of the `keys=16` cases.
const FEW_KEYS: usize = 16;
/// Most signatures by which a new backend gets into its stride, and who signs them: nobody else.
const STRANGERS: usize = 4096;
const STRANGERS_FROM: usize = 1 << 20;

/// One measured combination. Times are those of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// `verify`, the name of a hash, or `merkle`.
    pub operation: String,
    /// What is special, as in `keys=16 cache=cold`.
    pub case: String,
    /// `backend=NAME` or `peer=NAME`.
    pub by: String,
    /// Items of a call.
    pub n: usize,
    /// Threads that may be used.
    pub threads: usize,
    /// Nanoseconds an item.
    pub time: Timing,
    /// Times as fast as each peer in the same case and run, peers on one thread.
    pub ratios: BTreeMap<String, f64>,
}

/// What is measured how, and where it goes.
pub struct Bench<'a> {
    backends: Vec<(&'static str, Box<dyn Backend>)>,
    pools: [ThreadPool; 2],
    limit: Duration,
    items_max: usize,
    found: &'a mut dyn FnMut(Figure),
}

/// Hashes messages on a backend.
type HashMany<const BYTES: usize> =
    fn(&(dyn Backend + 'static), &[&[u8]], &mut [[u8; BYTES]]) -> Result<(), EngineError>;

/// Peers of one case and what an item costs them.
type Peers = Vec<(&'static str, f64)>;

impl<'a> Bench<'a> {
    /// - `only`: one backend instead of all; `auto` for what a node does, the choosing included.
    /// - `limit`: time for each figure.
    /// - `items_max`: larger calls are left out.
    /// - `found`: gets each figure as it is measured.
    ///
    /// # Errors
    /// When this machine lacks the backend, or threads cannot be started.
    pub fn new(
        only: Option<&str>,
        limit: Duration,
        items_max: usize,
        found: &'a mut dyn FnMut(Figure),
    ) -> anyhow::Result<Self> {
        let named = |backend: Box<dyn Backend>| (backend.name(), backend);
        let backends = match only {
            Some(name) => vec![named(crate::engine::backend(name, None)?.0)],
            None => bds_engine::available().into_iter().map(named).collect(),
        };
        let pool = |threads| crate::engine::pool(threads, false);
        Ok(Self {
            backends,
            pools: [pool(1)?, pool(2)?],
            limit,
            items_max,
            found,
        })
    }

    /// Signatures: distinct and repeated keys, known and new ones, valid and invalid.
    ///
    /// # Errors
    /// When a backend gives a wrong verdict, or none.
    pub fn verify(&mut self) -> anyhow::Result<()> {
        let Some(most) = self.fitting(&COUNTS).last() else {
            return Ok(());
        };
        for (keys, signers) in [("distinct", 0..most), ("16", 0..FEW_KEYS)] {
            let signed = sign(most, signers);
            for n in self.fitting(&COUNTS) {
                let signed = &signed[..n];
                let peers = self.verify_peers(keys, signed);
                self.verify_backends(&format!("keys={keys}"), signed, n, &peers)?;
            }
        }
        for n in self.fitting(&FLOODS) {
            let good = sign(n, 0..n);
            let peers = self.verify_peers("distinct", &good);
            for percent in INVALID {
                let bad = n * percent / 100;
                // From one signer and one after the other, or each from another and evenly spread.
                let mut block = good.clone();
                block[..bad].clone_from_slice(&sign(bad, 0..1));
                block[..bad].iter_mut().for_each(Signed::spoil);
                self.verify_backends(
                    &format!("invalid={percent}% one-source"),
                    &block,
                    n - bad,
                    &peers,
                )?;
                if percent < 100 {
                    let mut spread = good.clone();
                    (0..bad).for_each(|i| spread[i * n / bad].spoil());
                    self.verify_backends(
                        &format!("invalid={percent}% spread"),
                        &spread,
                        n - bad,
                        &peers,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Digests of messages of one length; the operation has the name of the hash.
    ///
    /// # Errors
    /// When a backend gives a wrong digest, or none.
    pub fn hash(&mut self, hash: HashAlgorithm) -> anyhow::Result<()> {
        let name = hash.name();
        match hash {
            HashAlgorithm::Sha512 => {
                let one = |message: &[u8]| sha2::Sha512::digest(message).into();
                self.hash_of(name, ("sha2", one), <dyn Backend>::sha512_many)
            }
            HashAlgorithm::Sha512_256 => {
                let one = |message: &[u8]| sha2::Sha512_256::digest(message).into();
                self.hash_of(name, ("sha2", one), <dyn Backend>::sha512_256_many)
            }
            HashAlgorithm::Sha256 => {
                let one = |message: &[u8]| sha2::Sha256::digest(message).into();
                self.hash_of(name, ("sha2", one), <dyn Backend>::sha256_many)
            }
            HashAlgorithm::Blake3 => {
                let one = |message: &[u8]| blake3::hash(message).into();
                self.hash_of(name, ("blake3", one), <dyn Backend>::blake3_many)
            }
        }
    }

    /// - `one`: hashes a message without the engine, under the name of a peer.
    fn hash_of<const BYTES: usize>(
        &mut self,
        operation: &str,
        (peer, one): (&'static str, impl Fn(&[u8]) -> [u8; BYTES]),
        many: HashMany<BYTES>,
    ) -> anyhow::Result<()> {
        for (bytes, most) in MESSAGES {
            let most = most.min(self.items_max);
            let owned: Vec<Vec<u8>> = (0..most).map(|i| message(i, bytes)).collect();
            let slices: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
            let case = format!("bytes={bytes}");
            for n in COUNTS.into_iter().filter(|n| *n <= most) {
                let messages = &slices[..n];
                let mut digests = vec![[0; BYTES]; n];
                let time = timing::repeated(self.limit, || {
                    for (message, digest) in black_box(messages).iter().zip(&mut digests) {
                        *digest = one(message);
                    }
                });
                let peers = vec![self.peer(operation, &case, peer, n, time)];
                let right = digests;
                let mut digests = vec![[0; BYTES]; n];
                for index in 0..self.backends.len() {
                    for threads in threads_for(n) {
                        let (backend, limit) = (&*self.backends[index].1, self.limit);
                        let mut call = || many(backend, black_box(messages), &mut digests);
                        call()?;
                        let time = self.pools[threads - 1]
                            .install(|| timing::repeated(limit, || call().expect("just done")));
                        ensure!(digests == right, "{} hashes wrongly", backend.name());
                        self.own(operation, &case, index, (n, threads), time, &peers);
                    }
                }
            }
        }
        Ok(())
    }

    /// Roots of trees.
    ///
    /// # Errors
    /// When a backend gives a wrong root, or none.
    pub fn merkle(&mut self) -> anyhow::Result<()> {
        let most = self.fitting(&LEAVES).last().unwrap_or(0);
        let owned: Vec<Vec<u8>> = (0..most).map(|i| message(i, 64)).collect();
        let leaves: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
        for n in self.fitting(&LEAVES) {
            self.merkle_of::<Sha512_256>(&leaves[..n])?;
            self.merkle_of::<Sha512>(&leaves[..n])?;
            self.merkle_of::<Sha256>(&leaves[..n])?;
            self.merkle_of::<Blake3>(&leaves[..n])?;
        }
        Ok(())
    }

    fn merkle_of<H: TreeHash>(&mut self, leaves: &[&[u8]]) -> anyhow::Result<()> {
        let (case, n) = (format!("hash={}", H::ALGORITHM), leaves.len());
        let peer = match H::ALGORITHM {
            HashAlgorithm::Blake3 => "blake3-loop",
            _ => "sha2-loop",
        };
        let right = plain_root::<H>(leaves);
        let time = timing::repeated(self.limit, || {
            black_box(plain_root::<H>(black_box(leaves)));
        });
        let peers = vec![self.peer("merkle", &case, peer, n, time)];
        for index in 0..self.backends.len() {
            for threads in threads_for(n) {
                let (backend, limit) = (&*self.backends[index].1, self.limit);
                let call = || merkle::root::<H>(backend, black_box(leaves));
                ensure!(call()? == right, "{} builds a wrong tree", backend.name());
                let time = self.pools[threads - 1].install(|| {
                    timing::repeated(limit, || {
                        black_box(call().expect("just done"));
                    })
                });
                self.own("merkle", &case, index, (n, threads), time, &peers);
            }
        }
        Ok(())
    }

    /// Those of `counts` that are wanted, which rise.
    fn fitting(&self, counts: &'static [usize]) -> impl Iterator<Item = usize> + use<> {
        let items_max = self.items_max;
        counts.iter().copied().filter(move |n| *n <= items_max)
    }

    fn verify_peers(&mut self, keys: &str, signed: &[Signed]) -> Peers {
        use ed25519_dalek::{Signature, Verifier as _, VerifyingKey, verify_batch};
        let (case, n) = (format!("keys={keys}"), signed.len());
        let key = |s: &Signed| VerifyingKey::from_bytes(&s.key).expect("made by a signer");
        let signature = |s: &Signed| Signature::from_bytes(&s.signature);
        let few = &signed[..n.min(64)];
        let single = timing::repeated(self.limit, || {
            for s in black_box(few) {
                key(s).verify(&s.message, &signature(s)).expect("valid");
            }
        });
        let batch = timing::repeated(self.limit, || {
            let signed = black_box(signed);
            let keys: Vec<_> = signed.iter().map(key).collect();
            let signatures: Vec<_> = signed.iter().map(signature).collect();
            let messages: Vec<_> = signed.iter().map(|s| &s.message[..]).collect();
            verify_batch(&messages, &signatures, &keys).expect("valid");
        });
        vec![
            self.peer("verify", &case, "dalek-verify", few.len(), single),
            self.peer("verify", &case, "dalek-decode+verify_batch", n, batch),
        ]
    }

    fn verify_backends(
        &mut self,
        case: &str,
        signed: &[Signed],
        valid: usize,
        peers: &Peers,
    ) -> anyhow::Result<()> {
        let n = signed.len();
        let items: Vec<SignatureItem<'_>> = signed.iter().map(Signed::item).collect();
        let count = n.min(STRANGERS);
        let strangers = sign(count, STRANGERS_FROM..STRANGERS_FROM + count);
        let strangers: Vec<SignatureItem<'_>> = strangers.iter().map(Signed::item).collect();
        for index in 0..self.backends.len() {
            for threads in threads_for(n) {
                let (name, limit) = (self.backends[index].0, self.limit);
                let decide = |backend: &dyn Backend, items: &[_], verdicts: &mut Verdicts| {
                    backend
                        .verify_ed25519(black_box(items), verdicts)
                        .expect("far below the limit");
                };
                let mut verdicts = Verdicts::new();
                // In work, but with nothing of this known: no key, no share of invalid ones.
                let make = || {
                    let (backend, _) = crate::engine::backend(name, None).expect("it is here");
                    decide(&*backend, &strangers, &mut Verdicts::new());
                    backend
                };
                let pool = &self.pools[threads - 1];
                let cold = pool.install(|| {
                    timing::fresh(limit, make, |b| decide(&**b, &items, &mut verdicts))
                });
                let known = make();
                let warm = pool
                    .install(|| timing::repeated(limit, || decide(&*known, &items, &mut verdicts)));
                let counted = verdicts.count_valid();
                ensure!(counted == valid, "{name}: {counted} of {valid} valid");
                for (cache, time) in [("cold", cold), ("warm", warm)] {
                    self.own(
                        "verify",
                        &format!("{case} cache={cache}"),
                        index,
                        (n, threads),
                        time,
                        peers,
                    );
                }
            }
        }
        Ok(())
    }

    fn peer(
        &mut self,
        operation: &str,
        case: &str,
        name: &'static str,
        n: usize,
        time: Timing,
    ) -> (&'static str, f64) {
        let time = time.per(n);
        (self.found)(Figure {
            operation: operation.to_owned(),
            case: case.to_owned(),
            by: format!("peer={name}"),
            n,
            threads: 1,
            time,
            ratios: BTreeMap::new(),
        });
        (name, time.median_ns)
    }

    fn own(
        &mut self,
        operation: &str,
        case: &str,
        index: usize,
        (n, threads): (usize, usize),
        time: Timing,
        peers: &Peers,
    ) {
        let time = time.per(n);
        let ratio = |&(peer, ns): &(&str, f64)| (peer.to_owned(), ns / time.median_ns);
        (self.found)(Figure {
            operation: operation.to_owned(),
            case: case.to_owned(),
            by: format!("backend={}", self.backends[index].0),
            n,
            threads,
            time,
            ratios: peers.iter().map(ratio).collect(),
        });
    }
}

fn threads_for(n: usize) -> impl Iterator<Item = usize> {
    1..=if n < SPREAD_MIN { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation, backend and peer, with the answers checked; how long anything took is nobody's business here.
    #[test]
    fn every_backend_is_measured_beside_its_peers() {
        let mut figures = Vec::new();
        let mut found = |figure| figures.push(figure);
        let mut bench = Bench::new(None, Duration::ZERO, 64, &mut found).unwrap();
        bench.verify().unwrap();
        for hash in HashAlgorithm::ALL {
            bench.hash(hash).unwrap();
        }
        bench.merkle().unwrap();
        drop(bench);
        let names: Vec<_> = bds_engine::available().iter().map(|b| b.name()).collect();
        for (operation, cases, peers) in [
            ("verify", 3 * 2 * 2, 2),
            ("sha512", 3 * 4, 1),
            ("sha512_256", 3 * 4, 1),
            ("sha256", 3 * 4, 1),
            ("blake3", 3 * 4, 1),
            ("merkle", 4, 1),
        ] {
            for name in &names {
                let by = format!("backend={name}");
                let of = |f: &&Figure| f.operation == operation && f.by == by;
                let own: Vec<_> = figures.iter().filter(of).collect();
                assert_eq!(own.len(), cases, "{operation} {by}");
                assert!(own.iter().all(|f| f.ratios.len() == peers), "{own:?}");
                assert!(own.iter().all(|f| f.n <= 64 && f.time.median_ns > 0.0));
            }
        }
        let ignore = &mut |_: Figure| {};
        assert!(Bench::new(Some("abacus"), Duration::ZERO, 1, ignore).is_err());
    }
}
