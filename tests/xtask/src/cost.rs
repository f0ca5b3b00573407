//! `cargo xtask cost`: how many instructions does a transaction cost in each stage, and is that what it cost before?
//!
//! Instructions counted by callgrind are the same on every machine and under every load, where seconds are not. What is counted is the
//! difference between two runs of `bds-cost`, so that making ready is in no figure.

use std::process::Command;

use crate::{cargo, root};

/// The stages of a transaction that are counted.
const STAGES: [&str; 4] = ["admit", "verify", "root", "execute"];
/// Transactions of the two runs.
const RUNS: [u64; 2] = [1_024, 4_096];
/// A stage may cost so much of what is stored; what is beyond is a fault, or stored anew with a reason.
const PERCENT_MAX: u64 = 103;
/// Where the figures are stored: a line each, a stage and its instructions.
const STORED: &str = "benches/results/cost.txt";

/// Counts, prints beside what is stored, and with `store` stores it.
///
/// # Errors
/// When it cannot be counted, or a stage costs more than it may.
pub(crate) fn run(store: bool) -> Result<(), String> {
    let built = cargo()
        .args(["build", "--release", "--workspace", "--bin", "bds-cost"])
        .current_dir(root())
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("bds-cost does not build".to_owned());
    }
    let path = root().join(STORED);
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let (mut text, mut dearer) = (String::new(), Vec::new());
    eprintln!(
        "{:10} {:>14} {:>14} {:>7}",
        "stage", "instructions", "stored", "ratio"
    );
    for stage in STAGES {
        let [few, many] = RUNS.map(|count| instructions(stage, count));
        let now = (many?.saturating_sub(few?)) / (RUNS[1] - RUNS[0]);
        let before = stored
            .lines()
            .find_map(|line| line.strip_prefix(stage)?.trim().parse::<u64>().ok());
        let ratio = before.map_or("-".to_owned(), |before| {
            format!("{:.3}", now as f64 / before.max(1) as f64)
        });
        let shown = before.map_or("-".to_owned(), |before| before.to_string());
        eprintln!("{stage:10} {now:>14} {shown:>14} {ratio:>7}");
        if before.is_some_and(|before| now * 100 > before * PERCENT_MAX) {
            dearer.push(stage);
        }
        text.push_str(&format!("{stage} {now}\n"));
    }
    if store {
        return std::fs::write(&path, text).map_err(|error| format!("{STORED}: {error}"));
    }
    match dearer.as_slice() {
        [] => Ok(()),
        stages => Err(format!(
            "dearer than {STORED} says: {}; mend it, or store it with `cargo xtask cost --store` and say why",
            stages.join(", ")
        )),
    }
}

fn instructions(stage: &str, count: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(root().join("target/release/bds-cost"))
        .args([stage, &count.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}; it comes with the package of that name"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said.lines().find_map(|line| {
        let (_, number) = line.split_once("Collected : ")?;
        number.trim().parse().ok()
    });
    match counted {
        Some(counted) if output.status.success() => Ok(counted),
        _ => Err(format!("bds-cost {stage} {count} under valgrind: {said}")),
    }
}
