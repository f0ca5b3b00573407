//! Running seeds, one or many, and saying what came out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::faults::Fault;
use super::world::{Plan, Variant, World};

/// What one seed did. The same plan gives the same outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Validators.
    pub nodes: usize,
    /// Fingerprint of every event.
    pub history: u64,
    /// What was broken, if anything.
    pub violation: Option<String>,
    /// How often each fault struck.
    pub faults: BTreeMap<Fault, u64>,
    /// Events.
    pub steps: u64,
    /// Checks made by the observer.
    pub checks: u64,
    /// Highest committed slot.
    pub height: u64,
    /// Transactions executed everywhere.
    pub executed: usize,
    /// Most view changes one process started.
    pub view_changes: u64,
    /// Virtual milliseconds.
    pub millis: u64,
    /// Messages the byzantine validator changed.
    pub rewritten: u64,
}

/// Runs one seed. A panic inside the core is a violation like any other.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    let attempt = std::panic::catch_unwind(|| {
        let mut world = World::new(plan.clone());
        world.run();
        Outcome {
            seed: plan.seed,
            nodes: plan.nodes,
            history: world.history,
            violation: world.checker.violation.clone(),
            faults: world.faults.fired.clone(),
            steps: world.steps,
            checks: world.checker.checks,
            height: world.checker.height(),
            executed: world.executed(),
            view_changes: world.view_changes,
            millis: world.time() / 1_000,
            rewritten: world.rewritten(),
        }
    });
    attempt.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Outcome {
            seed: plan.seed,
            nodes: plan.nodes,
            history: 0,
            violation: Some(format!("panic: {}", text.unwrap_or_default())),
            faults: BTreeMap::new(),
            steps: 0,
            checks: 0,
            height: 0,
            executed: 0,
            view_changes: 0,
            millis: 0,
            rewritten: 0,
        }
    })
}

/// The command that runs this plan again.
#[must_use]
pub fn replay_command(plan: &Plan) -> String {
    let mut command = format!(
        "cargo run --release -p bds-tests --bin bds-sim -- run --seed {} --nodes {} --steps {}",
        plan.seed, plan.nodes, plan.steps
    );
    if plan.byzantine > 0 {
        command.push_str(" --byzantine 1");
    }
    if let Some(kinds) = &plan.faults {
        let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        command.push_str(&format!(" --faults {}", names.join(",")));
    }
    if plan.trust_certificates {
        command.push_str(" --trust-certificates");
    }
    let variant = match plan.variant {
        Variant::Correct => return command,
        Variant::QuorumTwoF => "quorum-2f",
        Variant::VoteBeforeDurable => "vote-before-durable",
        Variant::VotesForgotten => "votes-forgotten",
        Variant::PreparedDropped => "prepared-dropped",
        Variant::VoterCountedTwice => "voter-counted-twice",
    };
    format!("{command} --variant {variant}")
}

/// Many seeds.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// Seeds run.
    pub seeds: u64,
    /// Faults over all seeds.
    pub faults: BTreeMap<Fault, u64>,
    /// Violations with the command that shows each, by seed.
    pub violations: Vec<(u64, String, String)>,
    /// Sums over all seeds: events, checks, transactions executed, virtual milliseconds.
    pub totals: [u64; 4],
}

impl Sweep {
    /// Kinds that never struck although every seed could have drawn them.
    #[must_use]
    pub fn silent(&self) -> Vec<Fault> {
        Fault::ALL
            .into_iter()
            .filter(|fault| !self.faults.contains_key(fault))
            .collect()
    }
}

/// Four validators on even seeds, seven on odd ones.
#[must_use]
pub fn nodes_of(seed: u64) -> usize {
    if seed.is_multiple_of(2) { 4 } else { 7 }
}

/// Runs every seed on all cores. With `stop_at_first` no new seed is begun after a violation.
#[must_use]
pub fn sweep(
    seeds: Range<u64>,
    stop_at_first: bool,
    plan_of: impl Fn(u64) -> Plan + std::marker::Sync,
) -> Sweep {
    let next = AtomicU64::new(seeds.start);
    let total = Mutex::new(Sweep::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let plan = plan_of(seed);
                    let outcome = run(&plan);
                    let mut sum = total.lock().expect("no panic while summing");
                    sum.seeds += 1;
                    for (fault, times) in outcome.faults {
                        *sum.faults.entry(fault).or_default() += times;
                    }
                    let figures = [
                        outcome.steps,
                        outcome.checks,
                        u64::try_from(outcome.executed).unwrap_or(0),
                        outcome.millis,
                    ];
                    for (place, figure) in sum.totals.iter_mut().zip(figures) {
                        *place += figure;
                    }
                    if let Some(violation) = outcome.violation {
                        sum.violations
                            .push((seed, violation, replay_command(&plan)));
                        if stop_at_first {
                            next.store(seeds.end, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let mut sum = total.into_inner().expect("no panic while summing");
    sum.violations.sort();
    sum
}
