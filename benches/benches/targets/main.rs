//! Does the engine reach its targets on this machine? One table, measured in one run.
//!
//! ```text
//! cargo bench -p bds-benches --features peers --bench targets -- [--seconds S] [--out DIR --name NAME]
//! ```
//! One thread against peers on one thread, then two threads against one. With `--out` the figures are also written to
//! `DIR/DATE-NAME.json` and `.md`. Batches are cold, that is new to the backend, as the peers decode every key as well.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bds_benches::peers::{self, Commonware};
use bds_benches::{Signed, message, messages, signatures, slices};
use bds_engine::merkle::{self, Sha512_256};
use bds_engine::{Avx512, Backend, Verdicts, by_name};
use bds_node::measure::machine::Machine;
use bds_node::measure::timing::{self, Timing};
use serde_json::{Value, json};

/// Time of one item, by what and how.
struct Figure {
    name: String,
    time: Timing,
}

/// One line of the table.
struct Row {
    operation: &'static str,
    ours: Timing,
    against: &'static str,
    ratio: f64,
    must: &'static str,
    aim: &'static str,
    reached: Reached,
    /// What the instructions of one item take at least, in nanoseconds.
    limit_ns: Option<f64>,
    /// Two threads against one.
    two_threads: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Reached {
    Aim,
    Must,
    Neither,
}

/// Limits from counting instructions; see `cycles` for each.
struct Limits {
    ghz: f64,
}

struct Run {
    limit: Duration,
    pools: [rayon::ThreadPool; 2],
    figures: Vec<Figure>,
    rows: Vec<Row>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1).cloned()
    };
    let seconds = value("--seconds").map_or(1.0, |s| s.parse().expect("--seconds takes a number"));
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads can be started")
    };
    let mut run = Run {
        limit: Duration::from_secs_f64(seconds),
        pools: [pool(1), pool(2)],
        figures: Vec::new(),
        rows: Vec::new(),
    };
    let limits = Limits::here();
    run.batches(&limits);
    run.invalid();
    run.avx2();
    run.sha512(&limits);
    run.merkle(&limits);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let machine = Machine::here();
    let text = run.table(&limits, &machine);
    println!("{text}");
    if let (Some(folder), Some(name)) = (value("--out"), value("--name")) {
        let stem = format!("{}-{name}", date(now.as_secs()));
        let report = run.json(&limits, &machine, now.as_millis() as u64);
        let folder = Path::new(&folder);
        let write = |ending: &str, text: &str| {
            let path = folder.join(format!("{stem}.{ending}"));
            std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        };
        write("json", &format!("{report:#}\n"));
        write("md", &text);
    }
}

impl Run {
    /// Batches of valid signatures.
    fn batches(&mut self, limits: &Limits) {
        let shapes = [
            (
                "4,096 signatures, distinct keys",
                4096,
                4096,
                [5.0, 9.0],
                [2500.0, 1400.0],
                "5x, 2,500 ns",
                "9x, 1,400 ns",
            ),
            (
                "4,096 signatures, 16 keys",
                4096,
                16,
                [10.0, 16.0],
                [f64::MAX, 800.0],
                "10x",
                "16x, 800 ns",
            ),
            (
                "64 signatures, distinct keys",
                64,
                64,
                [4.5, 6.0],
                [f64::MAX, f64::MAX],
                "4.5x",
                "6x",
            ),
        ];
        for (operation, n, keys, ratios, most_ns, must, aim) in shapes {
            let signed = signatures(n, keys);
            let ours = self.cold(1, fastest, &signed, n, &format!("{operation}, cold"));
            self.warm(&*fastest(), &signed, n, &format!("{operation}, known keys"));
            let mut dalek = ours;
            for (peer, verify) in peers::VERIFY {
                let time = self.time(format!("{operation}, {peer}"), n, || {
                    verify(black_box(&signed))
                });
                if peer == "ed25519-dalek-decode+verify_batch" {
                    dalek = time;
                }
            }
            let theirs = Commonware::sign(n, keys);
            self.time(format!("{operation}, commonware-batch"), n, || {
                theirs.verify_batch()
            });
            let two = (n >= 1024).then(|| {
                self.cold(
                    2,
                    fastest,
                    &signed,
                    n,
                    &format!("{operation}, cold, two threads"),
                )
            });
            let ratio = dalek.median_ns / ours.median_ns;
            let reaches = |i: usize| ratio >= ratios[i] && ours.median_ns <= most_ns[i];
            self.rows.push(Row {
                operation,
                ours,
                against: "ed25519-dalek 3 decoding + verify_batch",
                ratio,
                must,
                aim,
                reached: Reached::of(reaches(0), reaches(1)),
                limit_ns: Some(limits.batch_ns(n, keys)),
                two_threads: two.map(|two| ours.median_ns / two.median_ns),
            });
        }
    }

    /// Nothing but invalid signatures: first met by a new backend, then by one that has learnt.
    fn invalid(&mut self) {
        let n = 4096;
        let good = signatures(n, n);
        let mut bad = good.clone();
        bad.iter_mut().for_each(|signed| signed.signature[32] ^= 1);
        let exact = || match Avx512::exact() {
            Some(exact) => Box::new(exact) as Box<dyn Backend>,
            None => Box::new(bds_engine::Portable::exact()),
        };
        let independent = self.cold(1, exact, &good, n, "4,096 valid signatures, each by itself");
        let few = &good[..64];
        let single = self.time("64 signatures, ed25519-dalek-verify".to_owned(), 64, || {
            peers::dalek_verify(black_box(few));
        });
        let first = self.cold(1, fastest, &bad, 0, "4,096 invalid signatures, first batch");
        let backend = fastest();
        let later = self.warm(
            &*backend,
            &bad,
            0,
            "4,096 invalid signatures, later batches",
        );
        let two = self.cold(
            2,
            fastest,
            &bad,
            0,
            "4,096 invalid signatures, first batch, two threads",
        );
        for (operation, ours, two) in [
            ("100 % invalid, first batch", first, Some(two)),
            ("100 % invalid, later batches", later, None),
        ] {
            let ratio = independent.median_ns / ours.median_ns;
            let must = ours.median_ns <= 1.6 * independent.median_ns;
            self.rows.push(Row {
                operation,
                ours,
                against: "the engine's independent path",
                ratio,
                must: "0.625x (1.6 times the cost)",
                aim: "dalek verify / 5",
                reached: Reached::of(must, must && ours.median_ns <= single.median_ns / 5.0),
                limit_ns: None,
                two_threads: two.map(|two| ours.median_ns / two.median_ns),
            });
        }
    }

    fn avx2(&mut self) {
        let n = 4096;
        let signed = signatures(n, n);
        let Ok(backend) = by_name("avx2") else { return };
        drop(backend);
        let avx2 = || by_name("avx2").expect("just there");
        let ours = self.cold(1, avx2, &signed, n, "4,096 signatures on AVX2, cold");
        let two = self.cold(
            2,
            avx2,
            &signed,
            n,
            "4,096 signatures on AVX2, cold, two threads",
        );
        let dalek = self.time("4,096 signatures beside AVX2, dalek".to_owned(), n, || {
            peers::dalek_batch(black_box(&signed));
        });
        let ratio = dalek.median_ns / ours.median_ns;
        self.rows.push(Row {
            operation: "AVX2 only, 4,096 distinct keys",
            ours,
            against: "ed25519-dalek 3 (AVX2)",
            ratio,
            must: "1.5x",
            aim: "2.5x",
            reached: Reached::of(ratio >= 1.5, ratio >= 2.5),
            limit_ns: None,
            two_threads: Some(ours.median_ns / two.median_ns),
        });
    }

    fn sha512(&mut self, limits: &Limits) {
        let n = 16_384;
        let owned = messages(n, 128);
        let all = slices(&owned);
        let mut digests = vec![[0; 64]; n];
        let theirs = self.time("SHA-512 of 128 bytes, sha2 asm".to_owned(), n, || {
            peers::sha2_loop(black_box(&all), &mut digests);
        });
        let right = digests.clone();
        self.time("SHA-512 of 128 bytes, ring".to_owned(), n, || {
            peers::ring_loop(black_box(&all), &mut digests);
        });
        self.time("SHA-512 of 128 bytes, aws-lc-rs".to_owned(), n, || {
            peers::aws_lc_loop(black_box(&all), &mut digests);
        });
        let backend = fastest();
        let mut own = |run: &mut Self, threads: usize| {
            let limit = run.limit;
            digests.fill([0; 64]);
            let time = run.pools[threads - 1].install(|| {
                timing::repeated(limit, || {
                    let done = backend.sha512_many(black_box(&all), &mut digests);
                    done.expect("far below the limit");
                })
            });
            assert_eq!(digests, right);
            run.note(
                format!("SHA-512 of 128 bytes, threads={threads}"),
                time.per(n),
            )
        };
        let (ours, two) = (own(self, 1), own(self, 2));
        let ratio = theirs.median_ns / ours.median_ns;
        // 128 bytes are two blocks: eight messages, 16 blocks.
        let eight_blocks_ns = ours.median_ns * 4.0;
        self.rows.push(Row {
            operation: "SHA-512, 128-byte messages",
            ours,
            against: "sha2 0.10 asm",
            ratio,
            must: "5.5x",
            aim: "7x, 222 ns per 8 blocks",
            reached: Reached::of(ratio >= 5.5, ratio >= 7.0 && eight_blocks_ns < 222.0),
            limit_ns: Some(limits.message_ns()),
            two_threads: Some(ours.median_ns / two.median_ns),
        });
    }

    fn merkle(&mut self, limits: &Limits) {
        let n = 1 << 20;
        let owned: Vec<Vec<u8>> = (0..n).map(|i| message(i, 64)).collect();
        let leaves = slices(&owned);
        let theirs = self.time("2^20 leaves, rs_merkle SHA-512".to_owned(), n, || {
            black_box(peers::rs_merkle::<sha2::Sha512>(black_box(&leaves)));
        });
        self.time("2^20 leaves, rs_merkle SHA-512/256".to_owned(), n, || {
            black_box(peers::rs_merkle::<sha2::Sha512_256>(black_box(&leaves)));
        });
        self.time("2^20 leaves, ct-merkle SHA-512".to_owned(), n, || {
            black_box(peers::ct_merkle(black_box(&leaves)));
        });
        let portable = by_name("portable").expect("always there");
        let right = merkle::root::<Sha512_256>(&*portable, &leaves).expect("far below the limit");
        let backend = fastest();
        let own = |run: &mut Self, threads: usize| {
            let limit = run.limit;
            let call =
                || merkle::root::<Sha512_256>(&*backend, black_box(&leaves)).expect("as above");
            assert_eq!(call(), right);
            let time = run.pools[threads - 1].install(|| {
                timing::repeated(limit, || {
                    black_box(call());
                })
            });
            run.note(format!("2^20 leaves, threads={threads}"), time.per(n))
        };
        let (ours, two) = (own(self, 1), own(self, 2));
        let ratio = theirs.median_ns / ours.median_ns;
        self.rows.push(Row {
            operation: "Merkle root, 2^20 leaves of 64 bytes",
            ours,
            against: "rs_merkle 1.5, SHA-512",
            ratio,
            must: "12x, 80 ns",
            aim: "18x, 53 ns",
            reached: Reached::of(
                ratio >= 12.0 && ours.median_ns <= 80.0,
                ratio >= 18.0 && ours.median_ns <= 53.0,
            ),
            limit_ns: Some(limits.leaf_ns()),
            two_threads: Some(ours.median_ns / two.median_ns),
        });
    }

    /// Verdicts from a backend that has seen nothing yet.
    fn cold(
        &mut self,
        threads: usize,
        make: impl Fn() -> Box<dyn Backend> + Send,
        signed: &[Signed],
        valid: usize,
        name: &str,
    ) -> Timing {
        let items: Vec<_> = signed.iter().map(Signed::item).collect();
        let mut verdicts = Verdicts::new();
        let limit = self.limit;
        let time = self.pools[threads - 1].install(|| {
            timing::fresh(limit, make, |backend| {
                let done = backend.verify_ed25519(black_box(&items), &mut verdicts);
                done.expect("far below the limit");
            })
        });
        assert_eq!(verdicts.count_valid(), valid, "{name}");
        self.note(name.to_owned(), time.per(signed.len()))
    }

    /// Verdicts from a backend that has seen the same batch often.
    fn warm(
        &mut self,
        backend: &dyn Backend,
        signed: &[Signed],
        valid: usize,
        name: &str,
    ) -> Timing {
        let items: Vec<_> = signed.iter().map(Signed::item).collect();
        let mut verdicts = Verdicts::new();
        let limit = self.limit;
        let time = self.pools[0].install(|| {
            timing::repeated(limit, || {
                let done = backend.verify_ed25519(black_box(&items), &mut verdicts);
                done.expect("far below the limit");
            })
        });
        assert_eq!(verdicts.count_valid(), valid, "{name}");
        self.note(name.to_owned(), time.per(signed.len()))
    }

    fn time(&mut self, name: String, items: usize, call: impl FnMut()) -> Timing {
        let time = timing::repeated(self.limit, call).per(items);
        self.note(name, time)
    }

    fn note(&mut self, name: String, time: Timing) -> Timing {
        eprintln!("{name}: {:.1} ns", time.median_ns);
        self.figures.push(Figure { name, time });
        time
    }

    fn table(&self, limits: &Limits, machine: &Machine) -> String {
        let mut text = format!(
            "# Targets of the engine\n\n{}, {} cores, {}, commit {}, {:.2} GHz measured. One thread, nanoseconds an \
             item, median (a tenth below .. a tenth above). Written by the bench `targets`.\n\n\
             | operation | measured | against | ratio | must | aim | reached | limit | two threads |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            machine.cpu, machine.cores, machine.kernel, machine.commit, limits.ghz,
        );
        for row in &self.rows {
            let limit = row.limit_ns.map_or("-".to_owned(), |ns| format!("{ns:.0}"));
            let two = row.two_threads.map_or("-".to_owned(), |ratio| {
                format!(
                    "{ratio:.2}x{}",
                    if ratio >= 1.9 { "" } else { " (below 1.9x)" }
                )
            });
            text += &format!(
                "| {} | {} | {} | {:.2}x | {} | {} | {} | {limit} | {two} |\n",
                row.operation,
                spread(&row.ours),
                row.against,
                row.ratio,
                row.must,
                row.aim,
                row.reached.word(),
            );
        }
        text += Limits::WHERE_FROM;
        text += "\n| everything measured in this run | ns an item |\n|---|---|\n";
        for figure in &self.figures {
            text += &format!("| {} | {} |\n", figure.name, spread(&figure.time));
        }
        text
    }

    fn json(&self, limits: &Limits, machine: &Machine, started_ms: u64) -> Value {
        let rows: Vec<_> = (self.rows.iter())
            .map(|row| {
                json!({"operation": row.operation, "time": row.ours, "against": row.against,
                    "ratio": row.ratio, "must": row.must, "aim": row.aim,
                    "reached": row.reached.word(), "limit_ns": row.limit_ns,
                    "two_threads_ratio": row.two_threads})
            })
            .collect();
        let figures: Vec<_> = (self.figures.iter())
            .map(|figure| json!({"name": figure.name, "time": figure.time}))
            .collect();
        json!({"schema": "bds-engine-targets/1", "started_ms": started_ms, "machine": machine,
            "ghz": limits.ghz, "seconds_per_figure": self.limit.as_secs_f64(), "targets": rows,
            "figures": figures})
    }
}

impl Reached {
    fn of(must: bool, aim: bool) -> Self {
        match (must, aim) {
            (_, true) => Self::Aim,
            (true, false) => Self::Must,
            (false, false) => Self::Neither,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Aim => "aim",
            Self::Must => "must",
            Self::Neither => "no",
        }
    }
}

impl Limits {
    const WHERE_FROM: &'static str = "\nThe limit counts instructions of eight lanes and divides by what a core can \
        start in a cycle, taken as four 512-bit additions or logic operations, two rotations, two multiplications: \
        bare arithmetic with every lane busy, no loads, stores or carries. SHA-512: a round is 7 additions, 6 rotations, \
        4 three-way operations; a schedule step 3, 6 (two of them shifts) and 2; 2,064 for a block, 1,360 where all \
        lanes share the padding. A field multiplication is 50 multiply-adds, a squaring 30. Distinct keys: two \
        decodings of 254 squarings and 12 multiplications, 7 multiplications for each addition to a bucket (one for \
        each window of 253 and 128 bits), two blocks of hash.\n";

    /// Finds the clock by a chain of multiplications, each waiting three cycles for the one before.
    fn here() -> Self {
        let count = 20_000_000_u64;
        let mut ghz = 0.0_f64;
        for _ in 0..5 {
            let factor = black_box(0x9e37_79b9_7f4a_7c15_u64);
            let mut product = black_box(1_u64);
            let start = Instant::now();
            for _ in 0..count {
                product = black_box(factor).wrapping_mul(product);
            }
            black_box(product);
            ghz = ghz.max(3.0 * count as f64 / start.elapsed().as_nanos() as f64);
        }
        Self { ghz }
    }

    fn ns(&self, cycles: f64) -> f64 {
        cycles / self.ghz
    }

    /// A block of one message, and a block that all lanes share.
    const BLOCK_CYCLES: [f64; 2] = [2064.0 / 4.0 / 8.0, 1360.0 / 4.0 / 8.0];
    /// Multiplication and squaring of one field element.
    const FIELD_CYCLES: [f64; 2] = [50.0 / 2.0 / 8.0, 30.0 / 2.0 / 8.0];

    fn message_ns(&self) -> f64 {
        self.ns(Self::BLOCK_CYCLES[0] + Self::BLOCK_CYCLES[1])
    }

    fn leaf_ns(&self) -> f64 {
        self.ns(2.0 * Self::BLOCK_CYCLES[0])
    }

    fn batch_ns(&self, n: usize, keys: usize) -> f64 {
        let [multiply, square] = Self::FIELD_CYCLES;
        let keys_per_signature = keys as f64 / n as f64;
        let decode = 254.0 * square + 12.0 * multiply;
        // The width that a chunk of at most 2,048 would take, give or take one.
        let bits = f64::from((n.min(2048) as f64).log2() as u32 - 2);
        let additions = (128.0 / bits).ceil() + keys_per_signature * (253.0 / bits).ceil();
        let points = 1.0 + keys_per_signature;
        self.ns(points * decode + additions * 7.0 * multiply + 2.0 * Self::BLOCK_CYCLES[0])
    }
}

fn fastest() -> Box<dyn Backend> {
    by_name("auto").expect("always one")
}

fn spread(time: &Timing) -> String {
    let digits = if time.median_ns < 1000.0 { 1 } else { 0 };
    let Timing {
        median_ns,
        low_ns,
        high_ns,
        ..
    } = time;
    format!("{median_ns:.digits$} ({low_ns:.digits$} .. {high_ns:.digits$})")
}

/// The day as YYYY-MM-DD, in UTC. Days from 1970 to a date of the Gregorian calendar, whose cycle has 146,097 days.
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
