//! Running seeds, one or many, and saying what came out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::byzantine::Lie;
use super::faults::{Cause, Counts, Decision, Fault};
use super::plan::{MachineKind, Plan};
use super::variant::Variant;
use super::world::World;

/// What one seed did. The same plan gives the same outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Validators.
    pub nodes: usize,
    /// Fingerprint of every event.
    pub history: u64,
    /// What was broken, if anything.
    pub violation: Option<String>,
    /// How often each fault struck and each lie was told.
    pub faults: Counts,
    /// Every decision that something strikes, in order.
    pub decisions: Vec<Decision>,
    /// Events.
    pub steps: u64,
    /// Checks made by the observer.
    pub checks: u64,
    /// Highest committed slot.
    pub height: u64,
    /// Transactions executed.
    pub executed: usize,
    /// Transactions clients submitted, were told to be committed, were refused; reads answered.
    pub clients: [u64; 4],
    /// Most view changes one process started.
    pub view_changes: u64,
    /// Virtual milliseconds.
    pub millis: u64,
    /// Frames delivered and their bytes.
    pub traffic: (u64, u64),
}

impl Outcome {
    /// What kind of violation: its text up to the first colon.
    #[must_use]
    pub fn violation_kind(&self) -> Option<&str> {
        let text = self.violation.as_deref()?;
        Some(text.split(':').next().unwrap_or(text))
    }
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
            steps: world.steps,
            checks: world.checker.checks,
            height: world.checker.height(),
            executed: world.checker.places.len(),
            clients: [
                u64::try_from(world.clients.submitted()).unwrap_or(0),
                world.clients.told,
                world.clients.refused,
                world.clients.reads,
            ],
            view_changes: world.view_changes,
            millis: world.time() / 1_000,
            traffic: world.traffic,
            faults: world.faults.fired,
            decisions: world.faults.decisions,
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
            violation: Some(format!("panic: {}", text.unwrap_or_default())),
            ..Outcome::default()
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
        command.push_str(&format!(" --byzantine {}", plan.byzantine));
    }
    let mut names: Vec<&str> = Vec::new();
    if let Some(lies) = &plan.lies {
        names.extend(lies.iter().map(|lie| lie.name()));
        command.push_str(&format!(" --lies {}", names.join(",")));
    }
    if let Some(kinds) = &plan.faults {
        let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        command.push_str(&format!(" --faults {}", names.join(",")));
    }
    match plan.machine {
        MachineKind::Mock => {}
        MachineKind::Drawn => command.push_str(" --machine drawn"),
        MachineKind::Contracts => command.push_str(" --machine contracts"),
    }
    if plan.trust_certificates {
        command.push_str(" --trust-certificates");
    }
    match plan.variant {
        Variant::Correct => command,
        variant => format!("{command} --variant {}", variant.name()),
    }
}

/// Many seeds.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// Seeds run.
    pub seeds: u64,
    /// Faults and lies over all seeds.
    pub faults: Counts,
    /// Violations with the command that shows each, by seed.
    pub violations: Vec<(u64, String, String)>,
    /// Sums over all seeds: events, checks, transactions executed, virtual milliseconds, frames, times a client was told.
    pub totals: [u64; 6],
}

impl Sweep {
    /// Kinds that never struck although every seed could have drawn them.
    #[must_use]
    pub fn silent(&self) -> Vec<Fault> {
        let struck = |fault: &Fault| self.faults.contains_key(&Cause::Fault(*fault));
        let all = Fault::ALL.iter().copied();
        all.filter(|fault| !struck(fault)).collect()
    }

    /// Ways of lying that never showed.
    #[must_use]
    pub fn unheard(&self) -> Vec<Lie> {
        let told = |lie: &Lie| self.faults.contains_key(&Cause::Lie(*lie));
        let all = Lie::ALL.iter().copied();
        all.filter(|lie| !told(lie)).collect()
    }

    fn add(&mut self, plan: &Plan, outcome: Outcome) {
        self.seeds += 1;
        for (cause, times) in outcome.faults {
            *self.faults.entry(cause).or_default() += times;
        }
        let figures = [
            outcome.steps,
            outcome.checks,
            u64::try_from(outcome.executed).unwrap_or(0),
            outcome.millis,
            outcome.traffic.0,
            outcome.clients[1],
        ];
        for (place, figure) in self.totals.iter_mut().zip(figures) {
            *place += figure;
        }
        if let Some(violation) = outcome.violation {
            let command = replay_command(plan);
            self.violations.push((outcome.seed, violation, command));
        }
    }
}

/// Runs every seed on all cores. With `stop_at_first` no new seed is begun after a violation.
///
/// # Panics
/// When a thread panics outside a run.
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
                    if stop_at_first && outcome.violation.is_some() {
                        next.store(seeds.end, Ordering::Relaxed);
                    }
                    sum.add(&plan, outcome);
                }
            });
        }
    });
    let mut sum = total.into_inner().expect("no panic while summing");
    sum.violations.sort();
    sum
}

/// Counts by name, for printing.
#[must_use]
pub fn by_name(counts: &Counts) -> BTreeMap<String, u64> {
    counts
        .iter()
        .map(|(cause, times)| (cause.to_string(), *times))
        .collect()
}

/// How fast a planted bug is found.
#[derive(Debug, Clone)]
pub struct Graded {
    /// Which.
    pub variant: Variant,
    /// Seeds run.
    pub seeds: u64,
    /// Seeds that showed it.
    pub caught: u64,
    /// Seeds from one catch to the next, the median; `None` when it was never caught.
    pub median_seeds: Option<u64>,
    /// One way it showed.
    pub example: Option<String>,
}

/// Runs these seeds with a planted bug.
#[must_use]
pub fn grade(variant: Variant, seeds: Range<u64>) -> Graded {
    let result = sweep(seeds.clone(), false, |seed| variant.plan(seed));
    let mut last = seeds.start;
    let mut gaps: Vec<u64> = Vec::new();
    for (seed, ..) in &result.violations {
        gaps.push(seed + 1 - last);
        last = seed + 1;
    }
    gaps.sort_unstable();
    Graded {
        variant,
        seeds: result.seeds,
        caught: u64::try_from(gaps.len()).unwrap_or(0),
        median_seeds: gaps.get(gaps.len() / 2).copied(),
        example: result.violations.first().map(|(_, what, _)| what.clone()),
    }
}
