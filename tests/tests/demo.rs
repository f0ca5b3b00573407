//! The demo as anyone runs it: validators of their own, every scenario on one ledger, and a report that says what happened.

use std::process::{Command, Stdio};

use bds_tests::process::{bds, run};
use serde_json::Value;

/// The search for the peak after a demo of little load: one step, at twice its rate. Whether this machine sustains it or not, the
/// ledger is right.
#[test]
fn the_search_for_the_peak_is_checked_like_the_demo() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, said) = run(
        folder.path(),
        &[
            &["demo", "--scenario", "transfers", "--seconds", "1"][..],
            &["--rate", "200", "--peak-seconds", "1"],
        ]
        .concat(),
    );
    let line = |heading: &str| {
        let found = said.lines().find(|line| line.starts_with(heading));
        found.unwrap_or_else(|| panic!("{heading}: {said}"))
    };
    let peak = line("peak ");
    let counts = peak.contains(" TPS sustained (p50 at most 150 ms, p99 at most 1000 ms)");
    let none = peak.contains(" none: no rate that was tried was sustained");
    assert!(counts || none, "{peak}");
    let checked = line("checked ");
    for words in [
        " 1 runs: ",
        "acknowledged and lost: 0",
        "state roots equal: yes",
        "units and money add up: yes",
    ] {
        assert!(checked.contains(words), "{words}: {checked}");
    }
    // Of what is wrong, at the rate that was shown, a busy machine's view changes are all that may be.
    let wrong = said.lines().filter(|line| line.starts_with("WRONG"));
    let wrong: Vec<&str> = wrong.collect();
    assert!(
        wrong.iter().all(|line| line.contains("view changes")),
        "{said}"
    );
    assert_eq!(code, Some(i32::from(!wrong.is_empty())), "{said}");
}

/// Of every scenario something happens, all of it succeeds, and the checks after the run hold.
#[test]
fn every_scenario_happens_on_one_ledger() {
    let output = Command::new(bds())
        .args(["demo", "--scenario", "mixed", "--seconds", "2"])
        .args(["--rate", "1000", "--json"])
        .stdin(Stdio::null())
        .output()
        .expect("bds runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).expect(&said);
    // A machine that does something else meanwhile may make a view change, which is no fault of the workload.
    let problems = report["problems"].as_array().expect("a list");
    let is_fault = |problem: &&Value| !problem.to_string().contains("view changes");
    let faults: Vec<&Value> = problems.iter().filter(is_fault).collect();
    assert!(faults.is_empty(), "{faults:?}");

    assert_eq!(report["setup"]["workload"], "mixed");
    assert_eq!(report["setup"]["mix"]["vpp: submit-meter"], 132);
    assert_eq!(report["conserved"], true);
    assert_eq!(report["counts"]["sent"], report["counts"]["good"]);
    let happened = |what: &str| report["happened"][what].as_u64().unwrap_or(0);
    for what in [
        "units.Transferred",
        "exchange.Traded",
        "energy.VppFormed",
        "energy.MeterRead",
        "granular.DeviceEnrolled",
        "retail.LotCreated",
        "retail.ProductRegistered",
    ] {
        assert!(happened(what) > 0, "{what} in {}", report["happened"]);
    }
}
