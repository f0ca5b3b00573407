//! The bench as anyone runs it: a sweep, what is left of one that a step ends, and a run's row in a table.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use bds_tests::process::bds;
use serde_json::Value;

/// Every test has four validators, and two networks at a time would be what is measured.
static ONE_NETWORK: Mutex<()> = Mutex::new(());

/// Exit code, and what was printed on both.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// `bds bench` with few transactions, in small requests.
fn bench(arguments: &[&str], files: &[(&str, &Path)]) -> Said {
    let _alone = ONE_NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(bds());
    command.arg("bench").args(arguments);
    command.args(["--keys", "16", "--clients", "8", "--batch", "10"]);
    for (option, path) in files {
        command.arg(option).arg(path);
    }
    let output = command.stdin(Stdio::null()).output().expect("bds runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the report is written");
    serde_json::from_str(&text).expect("JSON")
}

/// The cells of a row; those with commas are in quotation marks.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    for (part, text) in line.split('"').enumerate() {
        let mut pieces = match part % 2 {
            0 => text.split(',').collect(),
            _ => vec![text],
        }
        .into_iter();
        let rest = pieces.next().unwrap_or_default();
        cells.last_mut().expect("one").push_str(rest);
        cells.extend(pieces.map(str::to_owned));
    }
    cells
}

/// The rows of a table, each a value by column.
fn read_table(path: &Path) -> Vec<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).expect("the table is written");
    let mut lines = text.lines().map(cells);
    let names = lines.next().expect("a header");
    lines
        .map(|cells| names.iter().cloned().zip(cells).collect())
        .collect()
}

fn cell<'a>(row: &'a [(String, String)], name: &str) -> &'a str {
    let found = row.iter().find(|(found, _)| found == name);
    &found.expect("a column").1
}

/// Steps up to the highest rate that is asked for, whichever of them this machine sustains, and a peak that is the highest of those.
#[test]
fn a_sweep_finds_the_highest_step_that_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("sweep.json");
    let said = bench(
        &[
            &["sweep", "--rate", "200", "--rate-max", "200"][..],
            &["--duration", "5", "--warmup", "0.5", "--precision", "100"],
            &["--p50-max", "60000", "--p99-max", "60000"],
        ]
        .concat(),
        &[("--json", &json)],
    );
    let sweep = read_json(&json);
    assert_eq!(sweep["schema"], "bds-sweep/2", "{}", said.err);
    assert_eq!(sweep["failed"], Value::Null);
    let steps = sweep["steps"].as_array().expect("a list");
    assert_eq!(steps[0]["rate"], 200.0);
    let counts = |step: &&Value| step["not_counted"].as_array().is_some_and(Vec::is_empty);
    for step in steps {
        let report = &step["report"];
        assert_eq!(report["setup"]["seconds"], 5.0);
        assert_eq!(report["setup"]["rate"], step["rate"]);
        assert_eq!(report["unsound"], serde_json::json!([]), "{}", said.out);
        // Sustained or not, but never unknown; and what is not counts for nothing.
        let sustained = report["window"]["sustained"].as_bool().expect("an answer");
        assert!(sustained || !counts(&step), "{step}");
    }
    let held = steps.iter().filter(counts);
    let highest = held
        .filter_map(|step| step["rate"].as_f64())
        .reduce(f64::max);
    let peak = sweep["peak_sustained_tps"].as_f64();
    assert_eq!(peak.is_some(), highest.is_some());
    assert!(peak <= highest, "{peak:?} of {highest:?}");
    // Nothing is wrong at any rate, so a peak is all that it takes.
    assert_eq!(
        said.code,
        Some(i32::from(highest.is_none())),
        "{}",
        said.out
    );
    assert!(said.out.contains("\npeak           "), "{}", said.out);
}

/// A window that does not show whether a rate lasts makes no sweep.
#[test]
fn a_sweep_of_short_windows_is_refused() {
    let said = bench(&["sweep", "--duration", "4.9"], &[]);
    assert_eq!(said.code, Some(3), "{}", said.out);
    assert!(said.out.is_empty(), "{}", said.out);
    for words in [
        "--duration 4.9",
        "shorter than 5 seconds",
        "give it 5 or more",
    ] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
}

/// Where the homes of the second step would lie is a file. The first one was measured, and is written and printed; the second is named.
#[test]
fn a_step_that_fails_leaves_the_steps_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let homes = folder.path().join("homes");
    std::fs::create_dir(&homes).expect("a folder");
    std::fs::write(homes.join("step-1"), "no folder").expect("a file");
    let (json, csv) = (folder.path().join("s.json"), folder.path().join("s.csv"));
    let said = bench(
        &["sweep", "--rate", "100", "--duration", "5", "--warmup", "0"],
        &[("--dir", &homes), ("--json", &json), ("--csv", &csv)],
    );
    assert_eq!(said.code, Some(3), "{}", said.err);
    let sweep = read_json(&json);
    let steps = sweep["steps"].as_array().expect("a list");
    assert_eq!(
        (steps.len(), &steps[0]["rate"]),
        (1, &100.0.into()),
        "{}",
        said.err
    );
    // Twice the rate where the first step counted, half of it where the machine was busy otherwise.
    let next = if sweep["peak_sustained_tps"].is_null() {
        50
    } else {
        200
    };
    assert_eq!(sweep["failed"]["rate"], f64::from(next));
    let words = format!("step 2, at {next} TPS, could not be made");
    assert!(said.err.contains(&words), "{words}: {}", said.err);
    assert!(said.out.contains("\npeak           "), "{}", said.out);
    let rows = read_table(&csv);
    let rates: Vec<&str> = rows.iter().map(|row| cell(row, "rate")).collect();
    assert_eq!(rates, ["100"]);
}

/// Transfers alone for a second: the row says what the report says, has no instruments, and says nothing of whether the rate lasts.
/// The second run's row is below the first one's.
#[test]
fn a_run_is_a_row_of_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("runs.csv");
    for run in 1..=2 {
        let json = folder.path().join(format!("{run}.json"));
        let said = bench(
            &[
                &["tps", "--rate", "200", "--duration", "1", "--warmup", "0"][..],
                &["--scenario", "transfers"],
            ]
            .concat(),
            &[("--json", &json), ("--csv", &csv)],
        );
        let report = read_json(&json);
        assert_eq!(report["window"]["sustained"], Value::Null, "{}", said.err);
        assert_eq!(report["setup"].get("instruments"), None);
        assert_eq!(report["unsound"], serde_json::json!([]), "{}", said.out);
        let rows = read_table(&csv);
        assert_eq!(rows.len(), run);
        let row = rows.last().expect("a row");
        for (name, value) in [
            ("schema", "bds-report/2"),
            ("workload", "transfers"),
            ("instruments", ""),
            ("sustained", ""),
            ("window_sent", "200"),
            ("faults", ""),
            ("conserved", "true"),
        ] {
            assert_eq!(cell(row, name), value, "{name}");
        }
        for (name, value) in [
            ("started_ms", &report["started_ms"]),
            ("seed", &report["setup"]["seed"]),
            ("window_good", &report["counts_window"]["good"]),
            ("backlog_end", &report["window"]["backlog"]["end"]),
            ("view_changes", &report["view_changes"]),
        ] {
            assert_eq!(cell(row, name), value.to_string(), "{name}");
        }
    }
}

/// A steady load beside others: whatever this machine gives it, every transaction has a definite answer, the flood is turned away, and
/// subscribers are told what happens.
#[test]
fn a_soak_tells_what_each_span_was_like() {
    let _alone = ONE_NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().expect("a directory");
    let report = directory.path().join("soak.json");
    let mut command = Command::new(bds());
    command.args([
        "bench",
        "soak",
        "--rate",
        "3000",
        "--clients",
        "8",
        "--json",
    ]);
    command.arg(&report);
    for (option, count) in [
        ("--alone", "5"),
        ("--duration", "6"),
        ("--overload", "5"),
        ("--subscribers", "40"),
        ("--idle", "40"),
        ("--slow", "10"),
        ("--times", "4"),
        ("--batch", "50"),
    ] {
        command.args([option, count]);
    }
    let output = command.stdin(Stdio::null()).output().expect("bds runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let found = read_json(&report);
    let problems = found["problems"].as_array().expect("a list");
    let code = i32::from(!problems.is_empty());
    assert_eq!(output.status.code(), Some(code), "{said}");
    let spans = found["spans"].as_array().expect("a list");
    let names: Vec<&str> = spans.iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(names, ["alone", "crowd", "overload", "after"]);
    for span in spans {
        assert_eq!(span["unknown"], 0, "{span}");
        assert!(span["good_tps"].as_f64() > Some(0.0), "{span}");
    }
    let count = |name: &str| found[name].as_f64().expect("a number");
    assert!(count("events") > 0.0);
    assert!(count("receipts_found") > 0.0);
    assert!(count("flood_tps") > 0.0 && count("greedy_tps") > 0.0);
    assert!(count("bad_turned_away") > 0.0, "the flood goes on");
}
