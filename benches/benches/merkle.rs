//! Merkle trees: leaves per second of each backend for a root, a tree with all paths, and a growing tree.

use std::hint::black_box;

use bds_benches::{backends, messages, slices};
use bds_engine::merkle::{self, Frontier, Sha512, Sha512_256, Tree};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn trees(c: &mut Criterion) {
    let mut group = c.benchmark_group("merkle");
    for n in [1024, 65_536, 1 << 20] {
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
        for backend in backends() {
            group.bench_function(
                BenchmarkId::from_parameter(format!(
                    "append_many backend={} hash=sha512_256 n={n}",
                    backend.name()
                )),
                |b| {
                    b.iter(|| {
                        let mut frontier = Frontier::<Sha512_256>::new();
                        frontier
                            .append_many(&*backend, black_box(&leaves))
                            .expect("as above");
                        frontier.root()
                    });
                },
            );
        }
        #[cfg(feature = "peers")]
        peers::bench(&mut group, n, &leaves);
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

/// Other crates' trees over the same leaves, leaf hashing included. The hashes are as fast as sha2 has them.
#[cfg(feature = "peers")]
mod peers {
    use super::*;
    use criterion::BenchmarkGroup;
    use criterion::measurement::WallTime;
    use rs_merkle::{Hasher, MerkleTree};
    use sha2::Digest as _;

    #[derive(Clone)]
    struct Peer<D>(std::marker::PhantomData<D>);

    impl Hasher for Peer<sha2::Sha512> {
        type Hash = [u8; 64];
        fn hash(data: &[u8]) -> [u8; 64] {
            sha2::Sha512::digest(data).into()
        }
    }

    impl Hasher for Peer<sha2::Sha512_256> {
        type Hash = [u8; 32];
        fn hash(data: &[u8]) -> [u8; 32] {
            sha2::Sha512_256::digest(data).into()
        }
    }

    fn rs_merkle<D: Clone>(leaves: &[&[u8]]) -> Option<<Peer<D> as Hasher>::Hash>
    where
        Peer<D>: Hasher,
    {
        let hashes: Vec<_> = leaves.iter().map(|leaf| Peer::<D>::hash(leaf)).collect();
        MerkleTree::<Peer<D>>::from_leaves(&hashes).root()
    }

    pub(super) fn bench(group: &mut BenchmarkGroup<'_, WallTime>, n: usize, leaves: &[&[u8]]) {
        let label = |peer: &str, hash: &str| {
            BenchmarkId::from_parameter(format!("root peer={peer} hash={hash} n={n}"))
        };
        group.sample_size(10);
        group.bench_function(label("rs_merkle", "sha512_256"), |b| {
            b.iter(|| rs_merkle::<sha2::Sha512_256>(black_box(leaves)));
        });
        group.bench_function(label("rs_merkle", "sha512"), |b| {
            b.iter(|| rs_merkle::<sha2::Sha512>(black_box(leaves)));
        });
        group.bench_function(label("ct-merkle", "sha512"), |b| {
            b.iter(|| {
                let mut tree =
                    ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2_0_11::Sha512, &[u8]>::new();
                black_box(leaves).iter().for_each(|leaf| tree.push(leaf));
                *tree.root().as_bytes()
            });
        });
        group.sample_size(100);
    }
}

criterion_group!(benches, trees);
criterion_main!(benches);
