//! The rows on Ed25519: honest batches, floods of invalid signatures, and AVX2 alone.

use std::collections::HashSet;
use std::hint::black_box;
use std::time::Instant;

use bds_benches::peers::{self, Commonware};
use bds_benches::{Signed, signatures, signatures_by};
use bds_engine::{Backend, SignatureItem, Verdicts, by_name};

use crate::limits::{AVX2, Limits};
use crate::table::{Goal, Row};
use crate::turns::{Threads, Times};
use crate::{Run, fastest, fastest_vectors, second};

const DALEK: &str = "ed25519-dalek 3, decoding + verify_batch";
/// A batch with invalid signatures may cost so many times what checking each by itself costs.
const FLOOD_COST_MAX: f64 = 1.6;
/// Signatures of the larger batches.
const MANY: usize = 4096;
/// Who signs what gets a new backend into its stride: nobody else.
const STRANGERS_FROM: usize = 1 << 20;

/// Signatures, keys, and what is asked for.
struct Shape {
    name: &'static str,
    n: usize,
    keys: usize,
    must: Goal,
    aim: Goal,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "4,096 signatures, distinct keys",
        n: MANY,
        keys: MANY,
        must: Goal::times(5.0).and_most_ns(2500.0),
        aim: Goal::times(9.0).and_most_ns(1400.0),
    },
    Shape {
        name: "4,096 signatures, 16 keys",
        n: MANY,
        keys: 16,
        must: Goal::times(10.0),
        aim: Goal::times(16.0).and_most_ns(800.0),
    },
    Shape {
        name: "64 signatures, distinct keys",
        n: 64,
        keys: 64,
        must: Goal::times(4.5),
        aim: Goal::times(6.0),
    },
];

impl Run {
    /// Batches of valid signatures.
    pub(crate) fn batches(&mut self, limits: &Limits) {
        for shape in SHAPES {
            let Shape { name, n, keys, .. } = shape;
            let signed = signatures(n, keys);
            let dalek = self.time(format!("{name}, {DALEK}"), n, || {
                peers::dalek_batch(black_box(&signed));
            });
            let ours = self.cold(threads(n), fastest, &signed, n, name);
            let known = format!("{name}, known keys");
            self.warm(Threads::One, &*fastest(), &signed, n, &known);
            for (peer, verify) in peers::VERIFY {
                if peer != peers::DALEK_BATCH {
                    let name = format!("{name}, {peer}");
                    self.time(name, n, || verify(black_box(&signed)));
                }
            }
            let theirs = Commonware::sign(n, keys);
            let name_of_theirs = format!("{name}, commonware-batch");
            self.time(name_of_theirs, n, || theirs.verify_batch());
            self.rows.push(Row {
                operation: name.to_owned(),
                ours,
                against: DALEK,
                theirs: dalek,
                must: shape.must,
                aim: shape.aim,
                limit_ns: fastest_vectors().map(|v| limits.batch_ns(v, n, keys)),
            });
        }
    }

    /// Batches with invalid signatures in them, from one signer and one after the other or spread over all: first met by a
    /// backend that has seen valid ones only, then by one that has learnt.
    pub(crate) fn floods(&mut self, limits: &Limits) {
        let n = MANY;
        let good = signatures(n, n);
        let few = &good[..64];
        let single = self.time("64 signatures, ed25519-dalek-verify".to_owned(), 64, || {
            peers::dalek_verify(black_box(few));
        });
        for percent in [1, 50, 100] {
            let bad = n * percent / 100;
            let mut block = good.clone();
            block[..bad].clone_from_slice(&signatures_by(n..n + 1, bad));
            block[..bad].iter_mut().for_each(spoil);
            let mut spread = good.clone();
            (0..bad).for_each(|i| spoil(&mut spread[i * n / bad]));
            for (source, keys, signed) in [
                ("one source", n - bad + 1, block),
                ("spread over all", n, spread),
            ] {
                let name = format!("{percent} % invalid, {source}");
                let valid = n - bad;
                let alone = format!("{name}, each by itself");
                let independent = self.cold(Threads::One, exact, &signed, valid, &alone).one;
                let first_name = format!("{name}, first batch");
                // On one thread: two do more, as both start on an equation before either has learnt.
                let first = self.cold(Threads::One, fastest, &signed, valid, &first_name);
                let later_name = format!("{name}, later batches");
                let later = self.warm(Threads::OneAndTwo, &*fastest(), &signed, valid, &later_name);
                for (operation, ours) in [(first_name, first), (later_name, later)] {
                    let bound = Goal::times(1.0 / FLOOD_COST_MAX);
                    self.rows.push(Row {
                        operation,
                        ours,
                        against: "the engine, each by itself",
                        theirs: independent,
                        must: bound,
                        // A fifth of dalek's single verification.
                        aim: bound.and_most_ns(single.median_ns / 5.0),
                        limit_ns: fastest_vectors().map(|v| limits.single_ns(v, n, keys)),
                    });
                }
            }
        }
    }

    /// What a CPU without AVX-512 would do.
    pub(crate) fn avx2(&mut self, limits: &Limits) {
        if by_name("avx2").is_err() {
            eprintln!("no AVX2 here");
            return;
        }
        let avx2 = || by_name("avx2").expect("just there");
        for Shape { name, n, keys, .. } in SHAPES {
            let signed = signatures(n, keys);
            let name = format!("AVX2 only, {name}");
            let dalek = self.time(format!("{name}, {DALEK}"), n, || {
                peers::dalek_batch(black_box(&signed));
            });
            let ours = self.cold(threads(n), avx2, &signed, n, &name);
            self.rows.push(Row {
                operation: name,
                ours,
                against: DALEK,
                theirs: dalek,
                must: Goal::times(1.5),
                aim: Goal::times(2.5),
                limit_ns: Some(limits.batch_ns(&AVX2, n, keys)),
            });
        }
    }

    /// Verdicts from a backend that works already, at batches of the same shape, but knows no key of these.
    fn cold(
        &mut self,
        threads: Threads,
        new: impl Fn() -> Box<dyn Backend> + Sync,
        signed: &[Signed],
        valid: usize,
        name: &str,
    ) -> Times {
        let items: Vec<_> = signed.iter().map(Signed::item).collect();
        let keys: HashSet<_> = signed.iter().map(|s| s.key).collect();
        let others = signatures_by(STRANGERS_FROM..STRANGERS_FROM + keys.len(), signed.len());
        let others: Vec<_> = others.iter().map(Signed::item).collect();
        let mut verdicts = Verdicts::new();
        let times = self.time_on(threads, name, signed.len(), || {
            let backend = new();
            verify(&*backend, &others, &mut Verdicts::new());
            let start = Instant::now();
            verify(&*backend, &items, &mut verdicts);
            start.elapsed()
        });
        assert_eq!(verdicts.count_valid(), valid, "{name}");
        times
    }

    /// Verdicts from a backend that has seen the same batch often.
    fn warm(
        &mut self,
        threads: Threads,
        backend: &dyn Backend,
        signed: &[Signed],
        valid: usize,
        name: &str,
    ) -> Times {
        let items: Vec<_> = signed.iter().map(Signed::item).collect();
        let mut verdicts = Verdicts::new();
        let times = self.time_on(threads, name, signed.len(), || {
            second(|| verify(backend, &items, &mut verdicts))
        });
        assert_eq!(verdicts.count_valid(), valid, "{name}");
        times
    }
}

fn verify(backend: &dyn Backend, items: &[SignatureItem<'_>], verdicts: &mut Verdicts) {
    let done = backend.verify_ed25519(black_box(items), verdicts);
    done.expect("far below the limit");
}

/// Where two threads are of use.
fn threads(n: usize) -> Threads {
    if n >= 1024 {
        Threads::OneAndTwo
    } else {
        Threads::One
    }
}

/// Makes it invalid in a way that only the equation shows: S stays below the group order.
fn spoil(signed: &mut Signed) {
    signed.signature[32] ^= 1;
}

/// The fastest backend, checking every signature by itself.
fn exact() -> Box<dyn Backend> {
    #[cfg(target_arch = "x86_64")]
    if let Some(exact) = bds_engine::Avx512::exact() {
        return exact;
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(exact) = bds_engine::Avx2::exact() {
        return exact;
    }
    Box::new(bds_engine::Portable::exact())
}
