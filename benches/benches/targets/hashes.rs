//! The rows on SHA-512 and on Merkle trees.

use std::hint::black_box;

use bds_benches::{messages, peers, slices};
use bds_engine::merkle::{self, Sha512_256};
use bds_engine::{Backend, by_name};

use crate::limits::Limits;
use crate::table::{Goal, Row};
use crate::turns::Threads;
use crate::{Run, fastest, fastest_vectors, second};

/// What Intel's ISA-L takes for eight blocks, over the four messages of two blocks each that they are.
const ISA_L_NS: f64 = 222.0 / 4.0;
/// A peer that hashes one message after the other.
type Loop = fn(&[&[u8]], &mut [[u8; 64]]);

impl Run {
    /// Many messages of 128 bytes.
    pub(crate) fn sha512(&mut self, limits: &Limits) {
        let n = 16_384;
        let what = "SHA-512, 128-byte messages";
        let owned = messages(n, 128);
        let all = slices(&owned);
        let mut right = vec![[0; 64]; n];
        let mut digests = right.clone();
        let theirs = self.time(format!("{what}, sha2 asm"), n, || {
            peers::sha2_loop(black_box(&all), &mut right);
        });
        let mut own = |run: &mut Self, backend: &dyn Backend, threads: Threads| {
            digests.fill([0; 64]);
            let name = format!("{what}, {}", backend.name());
            let times = run.time_on(threads, &name, n, || {
                second(|| {
                    let done = backend.sha512_many(black_box(&all), &mut digests);
                    done.expect("far below the limit");
                })
            });
            assert_eq!(digests, right);
            times
        };
        let ours = own(self, &*fastest(), Threads::OneAndTwo);
        if let Ok(avx2) = by_name("avx2") {
            own(self, &*avx2, Threads::One);
        }
        let loops: [(&str, Loop); 2] = [
            ("ring", peers::ring_loop),
            ("aws-lc-rs", peers::aws_lc_loop),
        ];
        for (peer, digest) in loops {
            self.time(format!("{what}, {peer}"), n, || {
                digest(black_box(&all), &mut digests);
            });
            assert_eq!(digests, right);
        }
        self.rows.push(Row {
            operation: what.to_owned(),
            ours,
            against: "sha2 0.10 asm",
            theirs,
            must: Goal::times(5.5),
            aim: Goal::times(7.0).and_most_ns(ISA_L_NS),
            limit_ns: fastest_vectors().map(|v| limits.message_ns(v)),
        });
    }

    /// The root over a million leaves.
    pub(crate) fn merkle(&mut self, limits: &Limits) {
        let n = 1 << 20;
        let what = "Merkle root, 2^20 leaves of 64 bytes";
        let owned = messages(n, 64);
        let leaves = slices(&owned);
        let theirs = self.time(format!("{what}, rs_merkle SHA-512"), n, || {
            black_box(peers::rs_merkle::<sha2::Sha512>(black_box(&leaves)));
        });
        let portable = by_name("portable").expect("always there");
        let right = merkle::root::<Sha512_256>(&*portable, &leaves).expect("far below the limit");
        let own = |run: &mut Self, backend: &dyn Backend, threads: Threads| {
            let name = format!("{what}, {}", backend.name());
            let mut root = [0; 32];
            let times = run.time_on(threads, &name, n, || {
                second(|| {
                    let made = merkle::root::<Sha512_256>(backend, black_box(&leaves));
                    root = made.expect("as above");
                })
            });
            assert_eq!(root, right);
            times
        };
        let ours = own(self, &*fastest(), Threads::OneAndTwo);
        if let Ok(avx2) = by_name("avx2") {
            own(self, &*avx2, Threads::One);
        }
        self.time(format!("{what}, rs_merkle SHA-512/256"), n, || {
            black_box(peers::rs_merkle::<sha2::Sha512_256>(black_box(&leaves)));
        });
        self.time(format!("{what}, ct-merkle SHA-512"), n, || {
            black_box(peers::ct_merkle(black_box(&leaves)));
        });
        self.rows.push(Row {
            operation: what.to_owned(),
            ours,
            against: "rs_merkle 1.5, SHA-512",
            theirs,
            must: Goal::times(12.0).and_most_ns(80.0),
            aim: Goal::times(18.0).and_most_ns(53.0),
            limit_ns: fastest_vectors().map(|v| limits.leaf_ns(v)),
        });
    }
}
