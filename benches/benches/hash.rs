//! Hashing many messages: digests per second of each backend and hash, with a plain loop over sha2 beside it.

use std::hint::black_box;

use bds_benches::{backends, message, messages, slices};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha2::Digest as _;

fn hash(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash");
    for (n, bytes) in [
        (64, 128),
        (4096, 128),
        (4096, 192),
        (4096, 1024),
        (16, 1 << 20),
    ] {
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

/// Lengths from 0 to 1,023 bytes, no two neighbours alike: what lanes that are refilled one by one reach.
fn ragged(c: &mut Criterion) {
    let n = 4096;
    let owned: Vec<Vec<u8>> = (0..n).map(|i| message(i, i * 7919 % 1024)).collect();
    let all = slices(&owned);
    let mut group = c.benchmark_group("hash-ragged");
    let blocks: usize = all.iter().map(|m| (m.len() + 16) / 128 + 1).sum();
    group.throughput(Throughput::Elements(blocks as u64));
    let mut digests = vec![[0; 64]; n];
    for backend in backends() {
        backend
            .sha512_many(&all, &mut digests)
            .expect("far below the limit");
        assert_eq!(digests[n - 1][..], sha2::Sha512::digest(all[n - 1])[..]);
        group.bench_function(
            BenchmarkId::from_parameter(format!(
                "backend={} alg=sha512 n={n} blocks={blocks}",
                backend.name()
            )),
            |b| {
                b.iter(|| {
                    backend
                        .sha512_many(black_box(&all), &mut digests)
                        .expect("as above")
                });
            },
        );
    }
    group.bench_function(
        BenchmarkId::from_parameter(format!("peer=sha2-loop alg=sha512 n={n} blocks={blocks}")),
        |b| {
            b.iter(|| {
                for (message, digest) in black_box(&all).iter().zip(&mut digests) {
                    *digest = sha2::Sha512::digest(message).into();
                }
            });
        },
    );
    group.finish();
}

criterion_group!(benches, hash, ragged);
criterion_main!(benches);
