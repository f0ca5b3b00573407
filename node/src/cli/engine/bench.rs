//! `bds engine bench`: what does each operation cost on this machine?

use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bds_engine::HashAlgorithm;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::info::cpu_features;
use super::{Malformed, write_output};
use crate::measure::engine::{Bench, Figure, SCHEMA};
use crate::measure::machine::Machine;

/// Arguments of `bds engine bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// One JSON object at the end instead of a line a figure.
    #[arg(long)]
    json: bool,
    /// Seconds for each figure; there are some hundreds, and the largest calls take longer.
    #[arg(long, default_value_t = 0.1)]
    seconds: f64,
    /// One operation instead of all.
    #[arg(long, value_enum)]
    operation: Option<Operation>,
    /// One backend instead of all; `auto` times them as a node uses them, the choosing included.
    #[arg(long)]
    backend: Option<String>,
    /// Leave larger calls out.
    #[arg(long, default_value_t = 1 << 20)]
    items_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    Verify,
    Sha512,
    #[value(name = "sha512_256")]
    Sha512_256,
    Sha256,
    Blake3,
    Merkle,
}

/// Measures and prints.
pub(super) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let sensible = (0.0..=60.0).contains(&args.seconds);
    if !sensible {
        let problem = format!("--seconds {} is not from 0 to 60", args.seconds);
        return Err(Malformed(problem).into());
    }
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut figures = Vec::new();
    let mut lost = None;
    let mut found = |figure: Figure| {
        if args.json {
            // Whoever looks sees that it goes on.
            if std::io::stderr().is_terminal() {
                eprint!("{}", line(&figure));
            }
        } else if let Err(problem) = write_output(&line(&figure)) {
            lost = Some(problem);
        }
        figures.push(figure);
    };
    let limit = Duration::from_secs_f64(args.seconds);
    let mut bench = Bench::new(args.backend.as_deref(), limit, args.items_max, &mut found)?;
    let wanted = |operation| args.operation.is_none_or(|only| only == operation);
    if wanted(Operation::Verify) {
        bench.verify()?;
    }
    for (operation, hash) in [
        (Operation::Sha512, HashAlgorithm::Sha512),
        (Operation::Sha512_256, HashAlgorithm::Sha512_256),
        (Operation::Sha256, HashAlgorithm::Sha256),
        (Operation::Blake3, HashAlgorithm::Blake3),
    ] {
        if wanted(operation) {
            bench.hash(hash)?;
        }
    }
    if wanted(Operation::Merkle) {
        bench.merkle()?;
    }
    drop(bench);
    if let Some(problem) = lost {
        return Err(problem);
    }
    if args.json {
        let report = json!({"schema": SCHEMA, "started_ms": started.as_millis() as u64,
            "machine": Machine::here(), "cpu_features": cpu_features(),
            "seconds_per_figure": args.seconds, "figures": figures});
        write_output(&format!("{report:#}\n"))?;
    }
    Ok(())
}

fn line(figure: &Figure) -> String {
    let ratios: Vec<_> = (figure.ratios.iter())
        .map(|(peer, ratio)| format!("{ratio:.2}x {peer}"))
        .collect();
    let text = format!(
        "{:10} {:32} {:34} n={:<7} threads={} {:>11.1} ns ({:.1}..{:.1})  {}",
        figure.operation,
        figure.case,
        figure.by,
        figure.n,
        figure.threads,
        figure.time.median_ns,
        figure.time.low_ns,
        figure.time.high_ns,
        ratios.join(", "),
    );
    format!("{}\n", text.trim_end())
}
