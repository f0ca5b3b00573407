//! Hashing many messages: digests per second of each backend and hash, with a plain loop over sha2 beside it.

use std::hint::black_box;

use bds_benches::{backends, messages, slices};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha2::Digest as _;

fn hash(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash");
    for (n, bytes) in [(64, 128), (4096, 128), (4096, 1024), (16, 1 << 20)] {
        let owned = messages(n, bytes);
        let all = slices(&owned);
        group.throughput(Throughput::Elements(n as u64));
        let (mut long, mut short) = (vec![[0; 64]; n], vec![[0; 32]; n]);
        for backend in backends() {
            let label = |alg: &str| {
                BenchmarkId::from_parameter(format!(
                    "backend={} alg={alg} n={n} bytes={bytes}",
                    backend.name()
                ))
            };
            backend
                .sha512_many(&all, &mut long)
                .expect("far below the limit");
            assert_eq!(long[n - 1][..], sha2::Sha512::digest(all[n - 1])[..]);
            group.bench_function(label("sha512"), |b| {
                b.iter(|| {
                    backend
                        .sha512_many(black_box(&all), &mut long)
                        .expect("as above")
                });
            });
            group.bench_function(label("sha512_256"), |b| {
                b.iter(|| {
                    backend
                        .sha512_256_many(black_box(&all), &mut short)
                        .expect("as above")
                });
            });
            group.bench_function(label("sha256"), |b| {
                b.iter(|| {
                    backend
                        .sha256_many(black_box(&all), &mut short)
                        .expect("as above")
                });
            });
            group.bench_function(label("blake3"), |b| {
                b.iter(|| {
                    backend
                        .blake3_many(black_box(&all), &mut short)
                        .expect("as above")
                });
            });
        }
        group.bench_function(
            BenchmarkId::from_parameter(format!("peer=sha2-loop alg=sha512 n={n} bytes={bytes}")),
            |b| {
                b.iter(|| {
                    for (message, digest) in black_box(&all).iter().zip(&mut long) {
                        *digest = sha2::Sha512::digest(message).into();
                    }
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, hash);
criterion_main!(benches);
