//! The network under faults: safety at every event, progress after healing, and proof that the simulator can fail.
#![allow(clippy::print_stdout, reason = "a failing or fresh seed must be seen")]

use std::time::{SystemTime, UNIX_EPOCH};

use bds_tests::sim::byzantine::Lie;
use bds_tests::sim::faults::{Cause, Fault};
use bds_tests::sim::plan::{MachineKind, Plan};
use bds_tests::sim::report::{Sweep, replay_command, run, sweep};
use bds_tests::sim::shrink::shrink;
use bds_tests::sim::twins::play_all;
use bds_tests::sim::variant::Variant;

/// Seeds that every change must pass.
const GATE_SEEDS: u64 = 2_000;
/// Those of them that every change must pass with the real contracts.
const CONTRACTS_SEEDS: u64 = 24;

fn assert_clean(result: &Sweep) {
    for (seed, violation, command) in &result.violations {
        eprintln!("seed {seed}: {violation}\n  {command}");
    }
    assert!(
        result.violations.is_empty(),
        "{} of {} seeds violate",
        result.violations.len(),
        result.seeds
    );
}

/// With 4, 7 and 10 validators, each seed with its own faults, and every kind of them struck somewhere.
#[test]
fn two_thousand_seeds_hold() {
    let result = sweep(0..GATE_SEEDS, false, Plan::new);
    assert_clean(&result);
    assert_eq!(result.seeds, GATE_SEEDS);
    assert_eq!(result.silent(), [], "faults that never struck");
    let [_, checks, executed, _, _, told] = result.totals;
    assert!(checks > 10_000_000, "only {checks} checks");
    assert!(executed > 300_000, "only {executed} transactions");
    assert!(told > 100_000, "only {told} confirmed");
}

/// A seed nobody has seen, so that CI finds what the fixed ones do not. It is printed with its command.
#[test]
fn a_fresh_seed_holds() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = now.map_or(0, |d| d.as_secs());
    eprintln!("fresh: {}", replay_command(&Plan::new(seed)));
    assert_clean(&sweep(seed..seed + 8, false, Plan::new));
}

/// The node's own execution of the real contracts under the same faults, in which clients are held to their receipts.
#[test]
fn the_real_contracts_hold() {
    let plan = |seed| Plan {
        machine: MachineKind::Contracts,
        ..Plan::new(seed)
    };
    let result = sweep(0..CONTRACTS_SEEDS, false, plan);
    assert_clean(&result);
    let [_, _, executed, _, _, told] = result.totals;
    assert!(
        executed > 10 * CONTRACTS_SEEDS,
        "only {executed} transactions"
    );
    assert!(told > 3 * CONTRACTS_SEEDS, "only {told} confirmed");
}

/// Without a fault nobody leaves the first view, every client is told, and nobody is refused.
#[test]
fn without_faults_there_is_no_view_change() {
    for seed in 0..8 {
        let outcome = run(&Plan {
            faults: Some(Vec::new()),
            ..Plan::new(seed)
        });
        assert_eq!(outcome.violation, None, "seed {seed}");
        assert_eq!(outcome.view_changes, 0, "seed {seed}");
        assert!(outcome.executed > 5, "seed {seed}: {}", outcome.executed);
        let [submitted, told, refused, _] = outcome.clients;
        assert_eq!((submitted, 0), (told, refused), "seed {seed}");
    }
}

/// Everything comes from the seed: a failure can be seen again.
#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in [0, 1, 77, 102, 333] {
        let plan = Plan {
            byzantine: usize::from(seed > 100),
            ..Plan::new(seed)
        };
        let (first, second) = (run(&plan), run(&plan));
        assert_eq!(first, second, "seed {seed}");
        assert_ne!(first.history, run(&Plan::new(seed + 1)).history);
    }
}

/// Which faults struck does not depend on which others are allowed: the ground that shrinking stands on.
#[test]
fn leaving_a_fault_out_leaves_the_others_where_they_were() {
    let of = |seed| Plan {
        faults: Some(vec![
            Fault::ClockSkew,
            Fault::Pause,
            Fault::Drop,
            Fault::Crash,
        ]),
        ..Plan::new(seed)
    };
    let weather_of = |seed| -> Vec<_> {
        let weather = [Fault::ClockSkew, Fault::Pause].map(Cause::Fault);
        let decisions = run(&of(seed)).decisions.into_iter();
        decisions.filter(|d| weather.contains(&d.cause)).collect()
    };
    let (plan, weather) = (0..64)
        .map(|seed| (of(seed), weather_of(seed)))
        .find(|(_, weather)| weather.len() > 3)
        .expect("some seed has weather");
    let only = weather.iter().copied().collect();
    let again = run(&Plan {
        only: Some(std::sync::Arc::new(only)),
        ..plan
    });
    assert_eq!(again.decisions, weather);
}

/// f validators that lie, alone and together with faults: the rest agree and go on.
#[test]
fn f_liars_do_no_harm() {
    let lying = |seed: u64| {
        let plan = Plan::new(seed);
        Plan {
            byzantine: (plan.nodes - 1) / 3,
            ..plan
        }
    };
    let result = sweep(0..300, false, lying);
    assert_clean(&result);
    assert_eq!(result.unheard(), [], "lies that nobody told");
}

/// One liar too many, and the observer says so: it is not blind.
#[test]
fn more_than_f_liars_are_found_out() {
    let violation = caught(0..200, |seed| Plan {
        nodes: 4,
        byzantine: 2,
        faults: Some(Vec::new()),
        lies: Some(vec![Lie::Equivocate]),
        ..Plan::new(seed)
    });
    let breaks = [
        "agreement",
        "order",
        "halt",
        "headers",
        "prepared",
        "carried over",
    ];
    assert!(
        breaks.iter().any(|kind| violation.starts_with(kind)),
        "{violation}"
    );
}

/// Four validators, one run twice, every split of the five processes in each of two rounds.
#[test]
fn every_small_scenario_with_a_twin_holds() {
    let played = play_all(2, Variant::Correct);
    assert_eq!(played.scenarios, 1_024);
    assert_eq!(played.violations, []);
    // The same scenarios find a quorum that is one vote short.
    assert!(!play_all(1, Variant::QuorumTwoF).violations.is_empty());
}

fn caught(seeds: std::ops::Range<u64>, plan_of: impl Fn(u64) -> Plan + Sync) -> String {
    let result = sweep(seeds.clone(), true, plan_of);
    let Some((seed, violation, command)) = result.violations.first() else {
        panic!("not caught in seeds {seeds:?}");
    };
    eprintln!("caught by seed {seed}: {violation}\n  {command}");
    violation.clone()
}

/// Every planted bug is found. A wrong quorum must break agreement itself: there the recount of certificates is off, and a
/// liar makes use of it.
#[test]
fn every_planted_bug_is_caught() {
    for variant in Variant::BROKEN.iter().copied() {
        eprintln!("{}:", variant.name());
        caught(0..2_000, |seed| variant.plan(seed));
    }
}

/// A failing seed becomes small: a planted bug with at most 50 faults.
#[test]
fn a_failing_seed_shrinks() {
    let plan_of = |seed| Variant::VoteBeforeDurable.plan(seed);
    let failing = (0..400).filter(|seed| run(&plan_of(*seed)).violation.is_some());
    let mut shrunk = failing
        .take(12)
        .filter_map(|seed| shrink(&plan_of(seed), 600));
    let shrunk = shrunk
        .find(|shrunk| shrunk.decisions.len() <= 50)
        .expect("one of the first failing seeds becomes small");
    eprintln!("{} decisions of {}", shrunk.decisions.len(), shrunk.before);
    assert!(shrunk.outcome.violation.is_some());
}

/// Every name on the command line leads back to what it names.
#[test]
fn names_are_their_own() {
    for fault in Fault::ALL {
        assert_eq!(Fault::from_name(fault.name()), Some(*fault));
    }
    for lie in Lie::ALL {
        assert_eq!(Lie::from_name(lie.name()), Some(*lie));
    }
    for variant in Variant::BROKEN {
        assert_eq!(Variant::from_name(variant.name()), Some(*variant));
    }
}
