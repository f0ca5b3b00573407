//! Ed25519: verdicts per second of each backend, with what the crate registry offers beside it.
//!
//! `RAYON_NUM_THREADS=1` gives the figures of one core. Keys of the backends are unknown at first and known from the
//! second batch on, as in a node; `keys=fresh` forgets them before every batch.

use std::hint::black_box;

use bds_benches::{Signed, backends, signatures};
use bds_engine::{Backend, Portable, Verdicts};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Batch sizes and numbers of distinct keys.
const SHAPES: [(usize, usize); 6] = [
    (1, 1),
    (64, 64),
    (1024, 1024),
    (1024, 16),
    (4096, 4096),
    (4096, 16),
];

fn decide(backend: &dyn Backend, signed: &[Signed], verdicts: &mut Verdicts) -> usize {
    let items: Vec<_> = signed.iter().map(Signed::item).collect();
    backend
        .verify_ed25519(&items, verdicts)
        .expect("far below the limit");
    verdicts.count_valid()
}

fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    for (n, keys) in SHAPES {
        let signed = signatures(n, keys);
        group.throughput(Throughput::Elements(n as u64));
        let mut verdicts = Verdicts::new();
        for backend in backends() {
            let name = backend.name();
            assert_eq!(
                decide(&*backend, &signed, &mut verdicts),
                n,
                "all are valid"
            );
            group.bench_function(
                BenchmarkId::from_parameter(format!("backend={name} n={n} keys={keys}")),
                |b| {
                    b.iter(|| black_box(decide(&*backend, &signed, &mut verdicts)));
                },
            );
        }
        group.bench_function(
            BenchmarkId::from_parameter(format!("backend=portable n={n} keys={keys} fresh")),
            |b| {
                b.iter_batched(
                    Portable::new,
                    |fresh| {
                        black_box(decide(&fresh, &signed, &mut verdicts));
                        fresh
                    },
                    BatchSize::PerIteration,
                );
            },
        );
    }
    group.finish();
}

/// The price of invalid input: signature by signature, one bad in a batch, and nothing but bad ones, from a new
/// backend (which still tries equations) and from one that has left them.
fn invalid(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify-invalid");
    let n = 1024;
    group.throughput(Throughput::Elements(n as u64));
    let good = signatures(n, n);
    let spoil = |signed: &mut Signed| signed.signature[32] ^= 1;
    let mut one_bad = good.clone();
    spoil(&mut one_bad[700]);
    let mut all_bad = good.clone();
    all_bad.iter_mut().for_each(spoil);
    let mut verdicts = Verdicts::new();
    for (what, signed, valid) in [
        ("none", &good, n),
        ("one", &one_bad, n - 1),
        ("all", &all_bad, 0),
    ] {
        let exact = Portable::exact();
        assert_eq!(decide(&exact, signed, &mut verdicts), valid);
        group.bench_function(
            BenchmarkId::from_parameter(format!("exact n={n} invalid={what}")),
            |b| {
                b.iter_batched(
                    Portable::exact,
                    |fresh| {
                        black_box(decide(&fresh, signed, &mut verdicts));
                        fresh
                    },
                    BatchSize::PerIteration,
                );
            },
        );
        group.bench_function(
            BenchmarkId::from_parameter(format!("backend=portable n={n} invalid={what} fresh")),
            |b| {
                b.iter_batched(
                    Portable::new,
                    |fresh| {
                        black_box(decide(&fresh, signed, &mut verdicts));
                        fresh
                    },
                    BatchSize::PerIteration,
                );
            },
        );
    }
    group.finish();
}

/// Other crates, one thread. Their rules differ: see the engine's documentation.
#[cfg(feature = "peers")]
fn peers(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    for (n, keys) in SHAPES {
        let signed = signatures(n, keys);
        group.throughput(Throughput::Elements(n as u64));
        let label =
            |peer: &str| BenchmarkId::from_parameter(format!("peer={peer} n={n} keys={keys}"));
        let signature = |s: &Signed| ed25519_dalek::Signature::from_bytes(&s.signature);
        let decoded = |s: &Signed| ed25519_dalek::VerifyingKey::from_bytes(&s.key).expect("a key");
        if n <= 1024 {
            group.bench_function(label("ed25519-dalek-verify"), |b| {
                b.iter(|| {
                    let valid = |s: &&Signed| {
                        use ed25519_dalek::Verifier as _;
                        decoded(s).verify(&s.message, &signature(s)).is_ok()
                    };
                    assert_eq!(signed.iter().filter(valid).count(), n);
                });
            });
        }
        group.bench_function(label("ed25519-dalek-decode+verify_batch"), |b| {
            b.iter(|| {
                let keys: Vec<_> = signed.iter().map(decoded).collect();
                let signatures: Vec<_> = signed.iter().map(signature).collect();
                let messages: Vec<&[u8]> = signed.iter().map(|s| &s.message[..]).collect();
                ed25519_dalek::verify_batch(&messages, &signatures, &keys).expect("all are valid");
            });
        });
        let mut generator = XofRng(blake3::Hasher::new().finalize_xof());
        group.bench_function(label("ed25519-zebra-batch"), |b| {
            b.iter(|| {
                let mut batch = ed25519_zebra::batch::Verifier::new();
                for s in &signed {
                    let key = ed25519_zebra::VerificationKeyBytes::from(s.key);
                    let signature = ed25519_zebra::Signature::from(s.signature);
                    batch.queue((key, signature, &s.message));
                }
                batch.verify(&mut generator).expect("all are valid");
            });
        });
    }
    group.finish();
}

/// A fast generator for a peer that wants one; no secret, this is a bench.
#[cfg(feature = "peers")]
struct XofRng(blake3::OutputReader);

#[cfg(feature = "peers")]
impl rand_core::TryRng for XofRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[cfg(feature = "peers")]
impl rand_core::TryCryptoRng for XofRng {}

#[cfg(not(feature = "peers"))]
fn peers(_: &mut Criterion) {}

criterion_group!(benches, verify, invalid, peers);
criterion_main!(benches);
