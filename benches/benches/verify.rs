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
        for name in backends().iter().map(|backend| backend.name()) {
            group.bench_function(
                BenchmarkId::from_parameter(format!("backend={name} n={n} keys={keys} fresh")),
                |b| {
                    b.iter_batched(
                        || bds_engine::by_name(name).expect("it is here"),
                        |fresh| {
                            black_box(decide(&*fresh, &signed, &mut verdicts));
                            fresh
                        },
                        BatchSize::PerIteration,
                    );
                },
            );
        }
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

/// Other crates, one thread.
#[cfg(feature = "peers")]
fn peers(c: &mut Criterion) {
    use bds_benches::peers::{Commonware, VERIFY};

    let mut group = c.benchmark_group("verify");
    for (n, keys) in SHAPES {
        let signed = signatures(n, keys);
        group.throughput(Throughput::Elements(n as u64));
        let label =
            |peer: &str| BenchmarkId::from_parameter(format!("peer={peer} n={n} keys={keys}"));
        for (peer, verify) in VERIFY {
            group.bench_function(label(peer), |b| b.iter(|| verify(black_box(&signed))));
        }
        let signed = Commonware::sign(n, keys);
        group.bench_function(label("commonware-batch"), |b| {
            b.iter(|| signed.verify_batch());
        });
    }
    group.finish();
}

#[cfg(not(feature = "peers"))]
fn peers(_: &mut Criterion) {}

criterion_group!(benches, verify, invalid, peers);
criterion_main!(benches);
