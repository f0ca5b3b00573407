//! Runs the simulator: one seed with everything it did, a range of seeds, or one that fails until it is small.
//!
//! Exit codes: 0 no violation, 1 a violation (or a fault kind that never struck in a sweep), 2 wrong arguments, 141 nobody reads the answer any more.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bds_node::cli::{EXIT_UNHEARD, is_heard, print};
use bds_tests::mechanisms::{Mechanism, show};
use bds_tests::sim::byzantine::Lie;
use bds_tests::sim::faults::Fault;
use bds_tests::sim::plan::{MachineKind, Plan, nodes_of};
use bds_tests::sim::report::{by_name, grade, replay_command, run, sweep};
use bds_tests::sim::shrink::shrink;
use bds_tests::sim::twins::play_all;
use bds_tests::sim::variant::Variant;
use clap::{Args, Parser, Subcommand};

/// Prints a line. Whoever stops reading ends nothing.
macro_rules! say {
    ($($words:tt)*) => { print(&format!($($words)*)) };
}

/// As in the validators it runs: a fifth of a sweep's time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// A seed that fails, with as few faults and lies as it needs.
    Shrink {
        /// The seed.
        #[arg(long)]
        seed: u64,
        #[command(flatten)]
        common: Common,
        /// Runs at the most.
        #[arg(long, default_value_t = 600)]
        runs: u64,
    },
    /// Every planted bug, and how many seeds it takes to find it.
    Planted {
        /// For example 0..200.
        #[arg(long, default_value = "0..200")]
        seeds: String,
    },
    /// The mechanisms of the paper's Table 2 beside each other: how long until a transaction is final, messages, work, how many may be faulty.
    Consensus {
        /// Among how many validators, separated by commas: 4 to 100.
        #[arg(long, value_delimiter = ',', default_value = "4,7,10,22,40,100")]
        nodes: Vec<usize>,
        /// The seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write `consensus.csv` and the pictures `final`, `messages` and `cores` to, each as .svg and .png.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// All scenarios of four validators of whom one runs twice: every split of the processes in every round.
    Twins {
        /// Rounds; there are 4 * 16^rounds scenarios.
        #[arg(long, default_value_t = 2)]
        rounds: u32,
        /// A rule broken on purpose, by name.
        #[arg(long, default_value = "correct")]
        variant: String,
    },
}

#[derive(Args, Clone)]
struct Common {
    /// Validators; drawn by the seed when left out.
    #[arg(long)]
    nodes: Option<usize>,
    /// Lying validators, any number, or `f` for as many as are tolerated; more than that must be found out.
    #[arg(long, default_value = "0")]
    byzantine: String,
    /// Ways of lying by name, separated by commas; drawn by the seed when left out.
    #[arg(long, value_delimiter = ',')]
    lies: Option<Vec<String>>,
    /// Fault kinds by name, separated by commas; drawn by the seed when left out.
    #[arg(long, value_delimiter = ',')]
    faults: Option<Vec<String>>,
    /// Events in the phase with faults, at most.
    #[arg(long, default_value_t = 1_000_000)]
    steps: u64,
    /// A rule broken on purpose, by name.
    #[arg(long, default_value = "correct")]
    variant: String,
    /// The state machine: mock, contracts, or drawn by the seed.
    #[arg(long, default_value = "mock")]
    machine: String,
    /// Do not count the weight of certificates: a wrong quorum must then break agreement to be seen.
    #[arg(long)]
    trust_certificates: bool,
}

fn named<T>(
    names: Option<&Vec<String>>,
    what: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, String> {
    let Some(names) = names else { return Ok(None) };
    let given = names.iter().filter(|name| !name.is_empty());
    given
        .map(|name| from_name(name).ok_or(format!("no {what} is called {name}")))
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}

impl Common {
    fn plan(&self, seed: u64) -> Result<Plan, String> {
        let nodes = self.nodes.unwrap_or_else(|| nodes_of(seed));
        let byzantine = match self.byzantine.as_str() {
            "f" => nodes.saturating_sub(1) / 3,
            number => number
                .parse()
                .map_err(|_| format!("{number} lying: must be a number, or f"))?,
        };
        if !(1..=100).contains(&nodes) || byzantine >= nodes {
            return Err(format!(
                "{nodes} validators with {byzantine} lying: must be 1 to 100 with at least one that does not lie"
            ));
        }
        Ok(Plan {
            nodes,
            faults: named(self.faults.as_ref(), "fault", Fault::from_name)?,
            steps: self.steps,
            byzantine,
            lies: named(self.lies.as_ref(), "lie", Lie::from_name)?,
            trust_certificates: self.trust_certificates,
            variant: Variant::from_name(&self.variant)
                .ok_or(format!("no variant is called {}", self.variant))?,
            machine: match self.machine.as_str() {
                "drawn" => MachineKind::Drawn,
                "mock" => MachineKind::Mock,
                "contracts" => MachineKind::Contracts,
                other => return Err(format!("no machine is called {other}")),
            },
            ..Plan::new(seed)
        })
    }
}

fn run_one(plan: &Plan, json: bool) -> bool {
    let outcome = run(plan);
    let faults = serde_json::json!(by_name(&outcome.faults));
    if json {
        say!(
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
                "decisions": outcome.decisions.len(),
                "clients": {
                    "submitted": outcome.clients[0],
                    "told": outcome.clients[1],
                    "refused": outcome.clients[2],
                    "reads": outcome.clients[3],
                },
                "frames": outcome.traffic.0,
                "frame_bytes": outcome.traffic.1,
                "virtual_ms": outcome.millis,
            })
        );
    } else {
        say!(
            "seed {} with {} validators: history {:016x}, {} events, {} checks, {} slots, {} transactions, at most {} view changes, {} virtual ms",
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
        say!("faults: {faults}");
        match &outcome.violation {
            Some(violation) => {
                say!("VIOLATION {violation}");
                say!("replay: {}", replay_command(plan));
            }
            None => say!("no violation"),
        }
    }
    outcome.violation.is_none()
}

fn run_many(seeds: std::ops::Range<u64>, common: &Common, json: bool) -> bool {
    let (from, to) = (seeds.start, seeds.end);
    let plans = || seeds.clone().filter_map(|seed| common.plan(seed).ok());
    // Beside as many liars as are tolerated nobody may forget.
    let may_forget = plans().any(|plan| plan.byzantine < (plan.nodes - 1) / 3);
    let lying = plans().any(|plan| plan.byzantine > 0);
    let result = sweep(seeds.clone(), false, |seed| {
        common.plan(seed).expect("checked for the first seed")
    });
    let [steps, checks, executed, millis, frames, told] = result.totals;
    let faults = by_name(&result.faults);
    let may_strike = |fault: &Fault| may_forget || !Fault::FORGETTING.contains(fault);
    let silent = result.silent().into_iter().filter(may_strike);
    let silent: Vec<_> = silent.map(|fault| fault.to_string()).collect();
    let unheard: Vec<_> = result.unheard().iter().map(|lie| lie.name()).collect();
    let all_faults = silent.is_empty() || common.faults.is_some();
    let all_lies = unheard.is_empty() || common.lies.is_some() || !lying;
    // A short sweep cannot draw everything.
    let complete = result.seeds < 300 || all_faults && all_lies;
    if json {
        say!(
            "{}",
            serde_json::json!({
                "seeds": result.seeds,
                "violations": result.violations,
                "steps": steps,
                "checks": checks,
                "executed": executed,
                "virtual_ms": millis,
                "frames": frames,
                "told": told,
                "faults": faults,
                "never_struck": silent,
                "never_told": unheard,
            })
        );
        return result.violations.is_empty() && complete;
    }
    say!(
        "seeds {from}..{to}: {} run, {} violations; {steps} events, {frames} frames, {checks} checks, {executed} transactions, {told} confirmed, {millis} virtual ms",
        result.seeds,
        result.violations.len()
    );
    for (cause, times) in &faults {
        say!("  {cause:<22} {times}");
    }
    for (seed, violation, command) in result.violations.iter().take(10) {
        say!("seed {seed}: {violation}\n  {command}");
    }
    if !complete {
        say!("never struck: {silent:?}, never told: {unheard:?}");
    }
    result.violations.is_empty() && complete
}

fn shrink_one(plan: &Plan, runs: u64) -> bool {
    let Some(shrunk) = shrink(plan, runs) else {
        say!("seed {} does not fail", plan.seed);
        return true;
    };
    say!(
        "seed {}: {} decisions of {} are enough, found in {} runs",
        plan.seed,
        shrunk.decisions.len(),
        shrunk.before,
        shrunk.runs
    );
    for decision in &shrunk.decisions {
        say!("  {:<22} {:?}", decision.cause.to_string(), decision.key);
    }
    say!("VIOLATION {}", shrunk.outcome.violation.unwrap_or_default());
    false
}

fn planted(seeds: &std::ops::Range<u64>) -> bool {
    let mut all = true;
    for variant in Variant::BROKEN.iter().copied() {
        let graded = grade(variant, seeds.clone());
        let median = graded
            .median_seeds
            .map_or("-".to_owned(), |m| m.to_string());
        let example: String = graded
            .example
            .unwrap_or_default()
            .chars()
            .take(90)
            .collect();
        say!(
            "{:<24} caught by {:>4} of {} seeds, median {median:>4}: {example}",
            variant.name(),
            graded.caught,
            graded.seeds
        );
        all &= graded.caught > 0;
    }
    all
}

fn consensus(nodes: &[usize], seed: u64, out: Option<&Path>) -> Result<bool, String> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.is_empty() || !nodes.iter().all(|count| (4..=100).contains(count)) {
        return Err("validators must be 4 to 100".to_owned());
    }
    let mut rows = Vec::new();
    for mechanism in Mechanism::ALL {
        for count in &nodes {
            match mechanism.row(*count, seed) {
                Ok(row) => rows.push(row),
                Err(violation) => {
                    say!("VIOLATION {} among {count}: {violation}", mechanism.name());
                    return Ok(false);
                }
            }
        }
    }
    print(show::table(&rows).trim_end());
    if let Some(folder) = out {
        show::write(&rows, folder).map_err(|error| format!("{error:#}"))?;
    }
    Ok(true)
}

fn twins(rounds: u32, variant: Variant) -> bool {
    let result = play_all(rounds, variant);
    say!(
        "{} scenarios of {rounds} rounds, {} violations, {} checks",
        result.scenarios,
        result.violations.len(),
        result.checks
    );
    for (scenario, violation) in result.violations.iter().take(10) {
        say!(
            "twin {} splits {:?}: {violation}",
            scenario.twin,
            scenario.splits
        );
    }
    result.violations.is_empty()
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
        Verb::Sweep {
            seeds,
            common,
            json,
        } => seeds_of(&seeds).and_then(|range| {
            common.plan(range.start)?;
            Ok(run_many(range, &common, json))
        }),
        Verb::Shrink { seed, common, runs } => {
            common.plan(seed).map(|plan| shrink_one(&plan, runs))
        }
        Verb::Planted { seeds } => seeds_of(&seeds).map(|range| planted(&range)),
        Verb::Consensus { nodes, seed, out } => consensus(&nodes, seed, out.as_deref()),
        Verb::Twins { rounds, variant } => match Variant::from_name(&variant) {
            Some(variant) if (1..=5).contains(&rounds) => Ok(twins(rounds, variant)),
            Some(_) => Err(format!("{rounds} rounds: must be 1 to 5")),
            None => Err(format!("no variant is called {variant}")),
        },
    };
    match fine {
        Ok(_) if !is_heard() => ExitCode::from(EXIT_UNHEARD),
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}
