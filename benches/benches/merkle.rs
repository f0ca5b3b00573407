//! Merkle trees: leaves per second of each backend for a root, a tree with all paths, and a growing tree.

use std::hint::black_box;

use bds_benches::{backends, messages, slices};
use bds_engine::merkle::{self, Frontier, Sha512, Sha512_256, Tree};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn trees(c: &mut Criterion) {
    let mut group = c.benchmark_group("merkle");
    for n in [1024, 65_536] {
        let owned = messages(n, 64);
        let leaves = slices(&owned);
        group.throughput(Throughput::Elements(n as u64));
        let mut frontier = Frontier::<Sha512_256>::new();
        leaves.iter().for_each(|leaf| frontier.append(leaf));
        for backend in backends() {
            let label = |job: &str, hash: &str| {
                BenchmarkId::from_parameter(format!(
                    "{job} backend={} hash={hash} n={n}",
                    backend.name()
                ))
            };
            let root = merkle::root::<Sha512_256>(&*backend, &leaves).expect("far below the limit");
            assert_eq!(root, frontier.root());
            group.bench_function(label("root", "sha512_256"), |b| {
                b.iter(|| {
                    merkle::root::<Sha512_256>(&*backend, black_box(&leaves)).expect("as above")
                });
            });
            group.bench_function(label("root", "sha512"), |b| {
                b.iter(|| merkle::root::<Sha512>(&*backend, black_box(&leaves)).expect("as above"));
            });
            group.bench_function(label("tree+paths", "sha512_256"), |b| {
                b.iter(|| {
                    let tree =
                        Tree::<Sha512_256>::build(&*backend, black_box(&leaves)).expect("as above");
                    (0..n as u64)
                        .filter_map(|i| tree.inclusion(i))
                        .map(|path| path.len())
                        .sum::<usize>()
                });
            });
        }
        group.bench_function(
            BenchmarkId::from_parameter(format!("append hash=sha512_256 n={n}")),
            |b| {
                b.iter(|| {
                    let mut frontier = Frontier::<Sha512_256>::new();
                    black_box(&leaves)
                        .iter()
                        .for_each(|leaf| frontier.append(leaf));
                    frontier.root()
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, trees);
criterion_main!(benches);
