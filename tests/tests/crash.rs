//! A network of real processes that are killed: what was acknowledged stays, and all end with the same state.
//!
//! The load and the checks are those of `bds bench tps`: every acknowledged transaction has a proven receipt afterwards,
//! units and money add up, and all state roots are equal.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use bds_tests::process::bds;

/// One network at a time: twelve validators on one machine would measure the scheduler.
static MACHINE: Mutex<()> = Mutex::new(());

/// Runs a load of so many seconds with these kills in `dir` and returns the report.
fn bench(dir: &Path, seconds: u64, kills: &[&str]) -> serde_json::Value {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let report = dir.join("report.json");
    let mut command = Command::new(bds());
    command.args([
        "bench",
        "tps",
        "--rate",
        "1000",
        // Small requests make many blocks: a validator that is away misses more of them than peers repeat by themselves.
        "--batch",
        "32",
        "--warmup",
        "1",
        "--restart-after",
        "2",
    ]);
    command.args(["--duration", &seconds.to_string()]);
    command.arg("--json").arg(&report);
    command.arg("--dir").arg(dir.join("network"));
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

/// What `bds ledger verify` says of a validator's home.
fn verify_ledger(home: &Path) -> serde_json::Value {
    let mut command = Command::new(bds());
    command.args(["ledger", "verify", "--json"]).arg(home);
    let output = command.output().expect("bds runs");
    serde_json::from_slice(&output.stdout).expect("the answer is JSON")
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
    let dir = tempfile::tempdir().expect("a directory");
    assert_nothing_lost(&bench(dir.path(), 12, &["backup@4s"]));
    // It was away while blocks were certified; its ledger proves those too.
    for validator in 0..4 {
        let ledger = verify_ledger(&dir.path().join(format!("network/validator-{validator}")));
        assert_eq!(ledger["valid"], true, "{ledger:#}");
        assert_eq!(
            ledger["totals"]["headers"], ledger["totals"]["slots"],
            "validator {validator} lacks certificates: {ledger:#}"
        );
    }
}

#[test]
fn a_killed_primary_loses_nothing_and_is_replaced() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_nothing_lost(&bench(dir.path(), 12, &["primary@4s"]));
}

#[test]
fn all_killed_at_once_come_back_with_the_same_ledger() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_nothing_lost(&bench(dir.path(), 12, &["all@4s"]));
}

/// One after the other, at any moment of what they do, each while the one before has just come back. Whoever submitted something is
/// told what became of it: nothing is refused for good or still open when patience ends.
///
/// `BDS_KILLS=200 cargo test --release -p bds-tests --test crash random` takes 13 minutes.
#[test]
fn kills_at_random_times_lose_nothing_and_leave_nothing_open() {
    let count: u64 = std::env::var("BDS_KILLS").map_or(4, |n| n.parse().expect("a number"));
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ count;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    // The next one dies 1.5 to 2.5 seconds after the last one was started again.
    let mut at = 2_000;
    let kills: Vec<String> = (0..count)
        .map(|_| {
            at += 3_500 + draw(1_000);
            let victim = match draw(8) {
                0 => "primary".to_owned(),
                1 => "all".to_owned(),
                other => (other % 4).to_string(),
            };
            format!("{victim}@{}.{:03}s", at / 1_000, at % 1_000)
        })
        .collect();
    let kills: Vec<&str> = kills.iter().map(String::as_str).collect();
    let dir = tempfile::tempdir().expect("a directory");
    let report = bench(dir.path(), at / 1_000 + 4, &kills);
    assert_nothing_lost(&report);
    assert_eq!(report["counts"]["timed_out"], 0, "{report:#}");
    assert_eq!(
        report["counts"]["refused"],
        serde_json::json!({}),
        "{report:#}"
    );
    assert_eq!(
        report["counts"]["sent"], report["counts"]["good"],
        "{report:#}"
    );
}
