//! A network of real processes that are killed: what was acknowledged stays, and all end with the same state.
//!
//! The load and the checks are those of `bds bench tps`: every acknowledged transaction has a proven receipt afterwards,
//! units and money add up, and all state roots are equal.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use bds_tests::process::bds;

/// One network at a time: twelve validators on one machine would measure the scheduler.
static MACHINE: Mutex<()> = Mutex::new(());

/// Runs a short load with these kills and returns the report.
fn bench(kills: &[&str]) -> serde_json::Value {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("a directory");
    let report = dir.path().join("report.json");
    let mut command = Command::new(bds());
    command.args([
        "bench",
        "tps",
        "--rate",
        "1000",
        "--warmup",
        "1",
        "--duration",
        "12",
        "--restart-after",
        "2",
    ]);
    command.arg("--json").arg(&report);
    for kill in kills {
        command.args(["--kill", kill]);
    }
    let output = command.output().expect("bds runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let text = std::fs::read_to_string(&report).unwrap_or_else(|_| {
        panic!(
            "no report: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    serde_json::from_str(&text).expect("a report is JSON")
}

fn assert_nothing_lost(report: &serde_json::Value) {
    assert_eq!(report["acknowledged_lost"], 0, "{report:#}");
    assert_eq!(report["state_roots_equal"], true, "{report:#}");
    assert_eq!(report["conserved"], true, "{report:#}");
    assert_eq!(report["problems"], serde_json::json!([]), "{report:#}");
    assert!(
        report["receipts_verified"]
            .as_u64()
            .is_some_and(|n| n > 5_000),
        "{report:#}"
    );
}

#[test]
fn a_killed_backup_loses_nothing_and_catches_up() {
    assert_nothing_lost(&bench(&["backup@4s"]));
}

#[test]
fn a_killed_primary_loses_nothing_and_is_replaced() {
    assert_nothing_lost(&bench(&["primary@4s"]));
}

#[test]
fn all_killed_at_once_come_back_with_the_same_ledger() {
    assert_nothing_lost(&bench(&["all@4s"]));
}
