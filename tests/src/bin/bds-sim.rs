//! Runs the simulator: one seed with everything it did, or a range of seeds.
//!
//! Exit codes: 0 no violation, 1 a violation (or a fault kind that never struck in a sweep), 2 wrong arguments.
#![allow(clippy::print_stdout, reason = "a command line tool prints its result")]

use std::process::ExitCode;

use bds_tests::sim::faults::Fault;
use bds_tests::sim::report::{nodes_of, replay_command, run, sweep};
use bds_tests::sim::world::{Plan, Variant};
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "bds-sim",
    about = "A network of validators in one thread, from one seed"
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// One seed; the same arguments print the same line.
    Run {
        /// The seed.
        #[arg(long)]
        seed: u64,
        #[command(flatten)]
        common: Common,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Seeds from A up to and without B, on all cores.
    Sweep {
        /// For example 0..500.
        #[arg(long)]
        seeds: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args, Clone)]
struct Common {
    /// Validators; in a sweep the default is 4 on even seeds and 7 on odd ones.
    #[arg(long)]
    nodes: Option<usize>,
    /// Equivocating validators, 0 or 1.
    #[arg(long, default_value_t = 0)]
    byzantine: usize,
    /// Fault kinds by name, separated by commas; drawn by the seed when left out.
    #[arg(long, value_delimiter = ',')]
    faults: Option<Vec<String>>,
    /// Events in the phase with faults, at most.
    #[arg(long, default_value_t = 1_000_000)]
    steps: u64,
    /// A core broken on purpose: quorum-2f, vote-before-durable, votes-forgotten, prepared-dropped, voter-counted-twice.
    #[arg(long, default_value = "correct")]
    variant: String,
    /// Do not count the weight of certificates: a wrong quorum must then break agreement to be seen.
    #[arg(long)]
    trust_certificates: bool,
}

impl Common {
    fn plan(&self, seed: u64) -> Result<Plan, String> {
        let nodes = self.nodes.unwrap_or_else(|| nodes_of(seed));
        if !(1..=40).contains(&nodes) || self.byzantine > nodes.saturating_sub(1) / 3 {
            return Err(format!(
                "{nodes} validators with {} byzantine: must be 1 to 40 with less than a third byzantine",
                self.byzantine
            ));
        }
        let faults = match &self.faults {
            None => None,
            Some(names) => Some(
                names
                    .iter()
                    .filter(|name| !name.is_empty())
                    .map(|name| Fault::from_name(name).ok_or(format!("no fault is called {name}")))
                    .collect::<Result<Vec<_>, _>>()?,
            ),
        };
        Ok(Plan {
            seed,
            nodes,
            faults,
            steps: self.steps,
            byzantine: self.byzantine.min(1),
            trust_certificates: self.trust_certificates,
            variant: Variant::from_name(&self.variant)
                .ok_or(format!("no variant is called {}", self.variant))?,
        })
    }
}

fn run_one(plan: &Plan, json: bool) -> bool {
    let outcome = run(plan);
    let faults: serde_json::Map<_, _> = outcome
        .faults
        .iter()
        .map(|(fault, times)| (fault.name().to_owned(), (*times).into()))
        .collect();
    if json {
        println!(
            "{}",
            serde_json::json!({
                "seed": outcome.seed,
                "nodes": outcome.nodes,
                "history": format!("{:016x}", outcome.history),
                "violation": outcome.violation,
                "faults": faults,
                "steps": outcome.steps,
                "checks": outcome.checks,
                "height": outcome.height,
                "executed": outcome.executed,
                "view_changes": outcome.view_changes,
                "rewritten": outcome.rewritten,
                "virtual_ms": outcome.millis,
            })
        );
    } else {
        println!(
            "seed {} with {} validators: history {:016x}, {} events, {} checks, {} slots, {} transactions everywhere, at most {} view changes, {} virtual ms",
            outcome.seed,
            outcome.nodes,
            outcome.history,
            outcome.steps,
            outcome.checks,
            outcome.height,
            outcome.executed,
            outcome.view_changes,
            outcome.millis
        );
        println!("faults: {}", serde_json::Value::Object(faults));
        match &outcome.violation {
            Some(violation) => {
                println!("VIOLATION {violation}");
                println!("replay: {}", replay_command(plan));
            }
            None => println!("no violation"),
        }
    }
    outcome.violation.is_none()
}

fn run_many(seeds: std::ops::Range<u64>, common: &Common) -> bool {
    let (from, to) = (seeds.start, seeds.end);
    let result = sweep(seeds, false, |seed| {
        common.plan(seed).expect("checked for the first seed")
    });
    let [steps, checks, executed, millis] = result.totals;
    println!(
        "seeds {from}..{to}: {} run, {} violations; {steps} events, {checks} checks, {executed} transactions everywhere, {millis} virtual ms",
        result.seeds,
        result.violations.len()
    );
    for (fault, times) in &result.faults {
        println!("  {fault:<14} {times}");
    }
    for (seed, violation, command) in result.violations.iter().take(10) {
        println!("seed {seed}: {violation}\n  {command}");
    }
    let silent = result.silent();
    let complete = silent.is_empty() || common.faults.is_some() || result.seeds < 50;
    if !complete {
        println!("never struck: {silent:?}");
    }
    result.violations.is_empty() && complete
}

fn seeds_of(text: &str) -> Result<std::ops::Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("seeds are written A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
    let range = number(from)?..number(to)?;
    if range.is_empty() {
        return Err(format!("{text} holds no seed"));
    }
    Ok(range)
}

fn main() -> ExitCode {
    let fine = match Cli::parse().verb {
        Verb::Run { seed, common, json } => common.plan(seed).map(|plan| run_one(&plan, json)),
        Verb::Sweep { seeds, common } => seeds_of(&seeds).and_then(|range| {
            common.plan(range.start)?;
            Ok(run_many(range, &common))
        }),
    };
    match fine {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}
