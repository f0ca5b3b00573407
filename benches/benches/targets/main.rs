//! Does the engine reach its targets on this machine? One table, measured in one run.
//!
//! ```text
//! cargo bench -p bds-benches --features peers --bench targets -- \
//!     [--seconds S] [--only signatures|floods|avx2|sha512|merkle] [--out DIR --name NAME]
//! ```
//! One thread against peers on one thread, and in turn with it two threads. With `--out` the figures are also written to
//! `DIR/DATE-NAME.json` and `.md`. No key of a batch is known to the engine, as the peers decode every key as well.

mod hashes;
mod limits;
mod signatures;
mod table;
mod turns;

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bds_engine::{Backend, by_name};
use bds_node::measure::machine::Machine;
use bds_node::measure::timing::{self, Timing};

use limits::{AVX2, AVX512, Limits, Vectors};
use table::{Figure, Row};
use turns::{Threads, Times, Turns};

/// Measures some rows and adds them.
type Part = fn(&mut Run, &Limits);

/// What is measured how, and what was found.
struct Run {
    limit: Duration,
    turns: Turns,
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
    let only = value("--only");
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let mut run = Run {
        limit: Duration::from_secs_f64(seconds),
        turns: Turns::new(),
        figures: Vec::new(),
        rows: Vec::new(),
    };
    let limits = Limits::here();
    let parts: [(&str, Part); 5] = [
        ("signatures", Run::batches),
        ("floods", Run::floods),
        ("avx2", Run::avx2),
        ("sha512", Run::sha512),
        ("merkle", Run::merkle),
    ];
    for (name, part) in parts {
        if wanted(name) {
            part(&mut run, &limits);
        }
    }
    assert!(!run.rows.is_empty(), "--only {only:?} is no part");
    let machine = Machine::here();
    let text = table::text(&run, &limits, &machine);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").expect("standard output takes it");
    if let (Some(folder), Some(name)) = (value("--out"), value("--name")) {
        let stem = format!("{}-{name}", table::date(started.as_secs()));
        let started_ms = started.as_millis() as u64;
        let report = table::json(&run, &limits, &machine, started_ms);
        let write = |ending: &str, text: &str| {
            let path = Path::new(&folder).join(format!("{stem}.{ending}"));
            std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        };
        write("json", &format!("{report:#}\n"));
        write("md", &text);
    }
}

impl Run {
    /// Times `call`, which handles `items`, over and over.
    fn time(&mut self, name: String, items: usize, call: impl FnMut()) -> Timing {
        let time = timing::repeated(self.limit, call).per(items);
        self.note(name, time)
    }

    /// Times `sample`, which handles `items`, on threads of the engine.
    fn time_on(
        &mut self,
        threads: Threads,
        name: &str,
        items: usize,
        sample: impl FnMut() -> Duration + Send,
    ) -> Times {
        let times = self.turns.time(self.limit, threads, sample).per(items);
        self.note(name.to_owned(), times.one);
        if let Some(two) = times.two {
            self.note(format!("{name}, two threads"), two);
        }
        times
    }

    fn note(&mut self, name: String, time: Timing) -> Timing {
        eprintln!("{name}: {:.1} ns", time.median_ns);
        self.figures.push(Figure { name, time });
        time
    }
}

/// How long `call` takes, after a call outside the clock that wakes the threads.
fn second(mut call: impl FnMut()) -> Duration {
    call();
    let start = Instant::now();
    call();
    start.elapsed()
}

fn fastest() -> Box<dyn Backend> {
    by_name("auto").expect("always one")
}

/// What the fastest backend's vectors do, where it has some.
fn fastest_vectors() -> Option<&'static Vectors> {
    match fastest().name() {
        "avx512" => Some(&AVX512),
        "avx2" => Some(&AVX2),
        _ => None,
    }
}
