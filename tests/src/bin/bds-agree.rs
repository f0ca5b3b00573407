//! Compares every backend of this machine on millions of crafted signatures.
//!
//! Exit codes: 0 no difference, 1 a difference, 2 wrong arguments.
#![allow(clippy::print_stdout, reason = "a command line tool prints its result")]

use std::process::ExitCode;
use std::time::Instant;

use bds_tests::agree::{Report, run};
use clap::Parser;

#[derive(Parser)]
#[command(
    name = "bds-agree",
    about = "Every backend of the engine on crafted signatures with known verdicts"
)]
struct Cli {
    /// How many, at least; a batch is never cut.
    #[arg(long, default_value_t = 10_000_000)]
    signatures: u64,
    /// Seed of the first 250,000; every further 250,000 have the next seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let start = Instant::now();
    let result = run(cli.signatures, cli.seed, |report| {
        let seconds = start.elapsed().as_secs_f64();
        eprintln!(
            "{} signatures, {:.0}/s",
            report.signatures,
            report.signatures as f64 / seconds
        );
    });
    match result {
        Ok(report) => {
            print(&report, start.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(difference) => {
            println!("bds-agree: DIFFERENCE: {difference}");
            ExitCode::FAILURE
        }
    }
}

fn print(report: &Report, seconds: f64) {
    println!("made of:");
    for (family, count) in &report.families {
        println!("  {:<14} {count:>10}", format!("{family:?}"));
    }
    println!("damage: count, of these still valid");
    for (damage, (count, valid)) in &report.damages {
        println!("  {:<14} {count:>10} {valid:>10}", format!("{damage:?}"));
    }
    println!("backends: decided by equation, equations, of these failed, cached keys found");
    for (name, stats) in &report.backends {
        println!(
            "  {name:<14} {:>10} {:>10} {:>10} {:>10}",
            stats.by_equation, stats.equations, stats.equations_failed, stats.key_hits
        );
    }
    let names: Vec<&str> = report.backends.iter().map(|b| b.0).collect();
    println!(
        "bds-agree: {} signatures ({} valid) in {} batches on {}: no difference; {seconds:.0} s, {:.0}/s",
        report.signatures,
        report.valid,
        report.batches,
        names.join(", "),
        report.signatures as f64 / seconds
    );
}
