//! What does each operation of the engine cost on each backend, beside what the same machine does without the engine?
//!
//! The peers are those crates that the node depends on anyway; `benches/` has the others.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bds_engine::merkle::{self, Sha512, Sha512_256, TreeHash};
use bds_engine::{Backend, SignatureItem, Verdicts};
use ed25519_dalek::{Signer as _, SigningKey};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

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
const LEAVES: [usize; 3] = [1 << 12, 1 << 16, 1 << 20];
/// Percent of invalid signatures.
const INVALID: [usize; 3] = [1, 50, 100];
/// Signers of the `keys=16` cases.
const FEW_KEYS: usize = 16;

/// One measured combination. Times are those of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// `verify`, `sha512` or `merkle`.
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
    backends: Vec<Box<dyn Backend>>,
    pools: [ThreadPool; 2],
    limit: Duration,
    found: &'a mut dyn FnMut(Figure),
}

/// Peers of one case and what an item costs them.
type Peers = Vec<(&'static str, f64)>;

/// A signed message.
#[derive(Clone)]
struct Signed {
    key: [u8; 32],
    signature: [u8; 64],
    message: [u8; 128],
}

impl<'a> Bench<'a> {
    /// - `only`: one backend instead of all.
    /// - `limit`: time for each figure.
    /// - `found`: gets each figure as it is measured.
    ///
    /// # Errors
    /// When this machine lacks the backend, or threads cannot be started.
    pub fn new(
        only: Option<&str>,
        limit: Duration,
        found: &'a mut dyn FnMut(Figure),
    ) -> anyhow::Result<Self> {
        let backends = match only {
            Some(name) => vec![bds_engine::by_name(name)?],
            None => bds_engine::available(),
        };
        let pool = |threads| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .context("cannot start threads")
        };
        Ok(Self {
            backends,
            pools: [pool(1)?, pool(2)?],
            limit,
            found,
        })
    }

    /// Signatures: distinct and repeated keys, known and new ones, valid and invalid.
    ///
    /// # Errors
    /// When a backend gives a wrong verdict, or none.
    pub fn verify(&mut self) -> anyhow::Result<()> {
        let most = COUNTS[COUNTS.len() - 1];
        for (keys, signed) in [("distinct", sign(most, most)), ("16", sign(most, FEW_KEYS))] {
            for n in COUNTS {
                let signed = &signed[..n];
                let peers = self.verify_peers(keys, signed);
                self.verify_backends(&format!("keys={keys}"), signed, n, &peers)?;
            }
        }
        for n in [1024, 4096] {
            let good = sign(n, n);
            let peers = self.verify_peers("distinct", &good);
            for percent in INVALID {
                let bad = n * percent / 100;
                // From one signer and one after the other, or each from another and evenly spread.
                let mut block = good.clone();
                block[..bad].clone_from_slice(&sign(bad, 1));
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

    /// SHA-512 of messages of one length.
    ///
    /// # Errors
    /// When a backend gives a wrong digest, or none.
    pub fn sha512(&mut self) -> anyhow::Result<()> {
        for (bytes, most) in MESSAGES {
            let owned: Vec<Vec<u8>> = (0..most).map(|i| message(i, bytes)).collect();
            let slices: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
            let case = format!("bytes={bytes}");
            for n in COUNTS.into_iter().filter(|n| *n <= most) {
                let messages = &slices[..n];
                let mut digests = vec![[0; 64]; n];
                let time = timing::repeated(self.limit, || {
                    for (message, digest) in black_box(messages).iter().zip(&mut digests) {
                        *digest = sha2::Sha512::digest(message).into();
                    }
                });
                let peers = vec![self.peer("sha512", &case, "sha2", n, time)];
                let right = digests;
                let mut digests = vec![[0; 64]; n];
                for index in 0..self.backends.len() {
                    for threads in threads_for(n) {
                        let (backend, limit) = (&*self.backends[index], self.limit);
                        let mut call = || backend.sha512_many(black_box(messages), &mut digests);
                        call()?;
                        let time = self.pools[threads - 1]
                            .install(|| timing::repeated(limit, || call().expect("just done")));
                        ensure!(digests == right, "{} hashes wrongly", backend.name());
                        self.own("sha512", &case, index, (n, threads), time, &peers);
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
        let owned: Vec<Vec<u8>> = (0..LEAVES[2]).map(|i| message(i, 64)).collect();
        let leaves: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
        for n in LEAVES {
            self.merkle_of::<Sha512_256>(&leaves[..n])?;
            self.merkle_of::<Sha512>(&leaves[..n])?;
        }
        Ok(())
    }

    fn merkle_of<H: TreeHash>(&mut self, leaves: &[&[u8]]) -> anyhow::Result<()> {
        let (case, n) = (format!("hash={}", H::ALGORITHM), leaves.len());
        let right = plain_root::<H>(leaves);
        let time = timing::repeated(self.limit, || {
            black_box(plain_root::<H>(black_box(leaves)));
        });
        let peers = vec![self.peer("merkle", &case, "sha2-loop", n, time)];
        for index in 0..self.backends.len() {
            for threads in [1, 2] {
                let (backend, limit) = (&*self.backends[index], self.limit);
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
        for index in 0..self.backends.len() {
            for threads in threads_for(n) {
                let (backend, limit) = (&*self.backends[index], self.limit);
                let decide = |backend: &dyn Backend, verdicts: &mut Verdicts| {
                    backend
                        .verify_ed25519(black_box(&items), verdicts)
                        .expect("far below the limit");
                };
                let mut verdicts = Verdicts::new();
                // New to the backend: no key known, nothing learnt about the share of invalid ones.
                let make = || bds_engine::by_name(backend.name()).expect("it is here");
                let pool = &self.pools[threads - 1];
                let cold =
                    pool.install(|| timing::fresh(limit, make, |b| decide(&**b, &mut verdicts)));
                let warm_backend = make();
                let warm = pool
                    .install(|| timing::repeated(limit, || decide(&*warm_backend, &mut verdicts)));
                let counted = verdicts.count_valid();
                ensure!(
                    counted == valid,
                    "{}: {counted} of {valid} valid",
                    backend.name()
                );
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
            by: format!("backend={}", self.backends[index].name()),
            n,
            threads,
            time,
            ratios: peers.iter().map(ratio).collect(),
        });
    }
}

impl Signed {
    fn item(&self) -> SignatureItem<'_> {
        SignatureItem {
            key: &self.key,
            signature: &self.signature,
            message: &self.message,
        }
    }

    /// Makes it invalid in a way that only the equation shows: S stays below the group order.
    fn spoil(&mut self) {
        self.signature[32] ^= 1;
    }
}

fn threads_for(n: usize) -> impl Iterator<Item = usize> {
    1..=if n < SPREAD_MIN { 1 } else { 2 }
}

/// `count` signed messages by `keys` signers in turn, the same in every run.
fn sign(count: usize, keys: usize) -> Vec<Signed> {
    let signers: Vec<SigningKey> = (0..keys)
        .map(|i| SigningKey::from_bytes(blake3::hash(&i.to_le_bytes()).as_bytes()))
        .collect();
    (0..count)
        .map(|i| {
            let signer = &signers[i % keys];
            let message: [u8; 128] = message(i, 128).try_into().expect("128 bytes");
            Signed {
                key: signer.verifying_key().to_bytes(),
                signature: signer.sign(&message).to_bytes(),
                message,
            }
        })
        .collect()
}

/// Message number `index`, like no other.
fn message(index: usize, bytes: usize) -> Vec<u8> {
    let mut message = vec![0; bytes];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&index.to_le_bytes());
    hasher.finalize_xof().fill(&mut message);
    message
}

/// The root by a plain loop, one hash after the other.
fn plain_root<H: TreeHash>(leaves: &[&[u8]]) -> H::Digest {
    let mut level: Vec<H::Digest> = leaves.iter().map(|leaf| H::leaf(leaf)).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => H::node(left, right),
                [alone] => *alone,
                _ => unreachable!("chunks of two"),
            })
            .collect();
    }
    level.first().copied().unwrap_or_else(H::empty)
}
