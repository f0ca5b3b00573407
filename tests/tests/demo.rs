//! The demo as anyone runs it: validators of their own, every scenario on one ledger, and a report that says what happened.

use std::process::{Command, Stdio};

use bds_tests::process::bds;
use serde_json::Value;

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
