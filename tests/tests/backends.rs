//! Does a network run on every backend this machine has, and do the others find the same in its ledger?

use std::path::Path;
use std::process::Command;

use bds_tests::process::bds;
use serde_json::Value;

fn json(command: &mut Command) -> Value {
    let output = command.output().expect("bds runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!(
            "no JSON: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// Four validators on this backend under a short load; the report.
fn network(backend: &str, dir: &Path) -> Value {
    json(
        Command::new(bds())
            .env("BDS_ENGINE_BACKEND", backend)
            .args(["bench", "tps", "--rate", "1500", "--batch", "64"])
            .args(["--warmup", "1", "--duration", "3", "--json", "-"])
            .arg("--dir")
            .arg(dir),
    )
}

#[test]
fn a_network_runs_on_every_backend_and_its_ledger_is_the_same_to_all() {
    let names: Vec<&str> = bds_engine::available().iter().map(|b| b.name()).collect();
    // The others, where they are tested by another run, still read the ledger.
    let named = std::env::var("BDS_TEST_BACKENDS").ok();
    let is_tested = |name: &&&str| named.iter().all(|n| n.split(',').any(|n| n == **name));
    let tested: Vec<&&str> = names.iter().filter(is_tested).collect();
    assert!(!tested.is_empty(), "{named:?} is not here");
    for backend in tested {
        let dir = tempfile::tempdir().expect("a directory");
        let homes = dir.path().join("network");
        let report = network(backend, &homes);
        assert_eq!(report["problems"], serde_json::json!([]), "{report:#}");
        assert_eq!(report["state_roots_equal"], true, "{report:#}");
        for validator in report["validators"].as_array().expect("a list") {
            assert_eq!(validator["backend"], *backend, "{report:#}");
        }
        for other in &names {
            let ledger = json(
                Command::new(bds())
                    .args(["ledger", "verify", "--replay", "--json", "--backend", other])
                    .arg(homes.join("validator-0")),
            );
            assert_eq!(ledger["valid"], true, "{backend}, {other}: {ledger:#}");
            assert_eq!(ledger["backend"], *other);
            assert_eq!(ledger["totals"]["replayed"], ledger["totals"]["slots"]);
            let count = ledger["totals"]["transactions"].as_u64();
            assert!(count > Some(3000), "{ledger:#}");
        }
    }
}
