//! `cargo xtask planted-contracts`: does the auditor see what is wrong?
//!
//! The contracts are copied, one fault is planted in the copy, and the workload with its auditor runs against it; then the next.
//! A fault counts as caught when the auditor says what is wrong, not when something else breaks. Nothing of this comes near
//! the tree that is built and shipped.

mod bugs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use bugs::{BUGS, Bug};

/// The one test of the workload that goes through all of it.
const TEST: &str = "the_auditor_agrees_after_every_block";

/// The package that the auditor and its workload are built as, on the copied contracts and nothing else.
const PACKAGE: &str = r#"[package]
name = "bds-tests"
version = "0.1.0"
edition = "2024"

[dependencies]
bds-contracts.workspace = true
borsh.workspace = true
ed25519-dalek.workspace = true
hex.workspace = true
sha2.workspace = true

[[test]]
name = "contracts_workload"
path = "{tests}/tests/contracts_workload.rs"
"#;

/// Plants every fault in turn and prints what became of it; only those whose name contains `filter`, if there is one.
///
/// # Errors
/// When one is not caught, cannot be planted, or the auditor objects to the contracts as they are.
pub(super) fn run(filter: Option<&str>) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root
        .canonicalize()
        .map_err(|e| format!("the repository: {e}"))?;
    let copy = copy(&root)?;
    let sound = workload(&copy)?;
    if !sound.status.success() {
        return Err(format!("without a fault planted: {}", last_words(&sound)));
    }
    eprintln!("without a fault the auditor agrees");
    let chosen = |bug: &&Bug| filter.is_none_or(|part| bug.name.contains(part));
    let (mut count, mut missed) = (0, Vec::new());
    for bug in BUGS.iter().filter(chosen) {
        count += 1;
        let file = copy.join("contracts/src").join(bug.file);
        let before = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", bug.file))?;
        let places = before.matches(bug.find).count();
        if places != 1 {
            return Err(format!("{}: its place is found {places} times", bug.name));
        }
        write(&file, &before.replace(bug.find, bug.replace))?;
        let output = workload(&copy)?;
        write(&file, &before)?;
        match finding(&output) {
            Some(finding) => eprintln!("caught  {}\n        {finding}", bug.name),
            None => {
                eprintln!("MISSED  {}\n        {}", bug.name, last_words(&output));
                missed.push(bug.name);
            }
        }
    }
    eprintln!("{count} planted, {} caught", count - missed.len());
    if missed.is_empty() {
        Ok(())
    } else {
        Err(format!("not caught: {}", missed.join("; ")))
    }
}

/// A tree with the contracts and a package for the auditor, in a place of its own so that what is built is kept.
fn copy(root: &Path) -> Result<PathBuf, String> {
    let copy = root.join("target/planted");
    let at = |e: std::io::Error| format!("copying to {}: {e}", copy.display());
    let _ = fs::remove_dir_all(copy.join("contracts"));
    fs::create_dir_all(copy.join("auditor/src")).map_err(at)?;
    copy_dir(&root.join("contracts"), &copy.join("contracts")).map_err(at)?;
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).map_err(at)?;
    let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(at)?;
    let lines = manifest.lines().map(|line| match line.split(' ').next() {
        Some("members") => "members = [\"contracts\", \"auditor\"]",
        Some("default-members" | "exclude") => "",
        _ => line,
    });
    let manifest: Vec<&str> = lines.collect();
    write(&copy.join("Cargo.toml"), &manifest.join("\n"))?;
    let tests = root.join("tests").display().to_string();
    let package = PACKAGE.replace("{tests}", &tests);
    write(&copy.join("auditor/Cargo.toml"), &package)?;
    let library = format!("#[path = \"{tests}/src/auditor/mod.rs\"]\npub mod auditor;\n");
    write(&copy.join("auditor/src/lib.rs"), &library)?;
    Ok(copy)
}

fn copy_dir(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Builds and runs the workload on the copy.
fn workload(copy: &Path) -> Result<Output, String> {
    let mut cargo = crate::cargo();
    cargo.args(["test", "--release", "-p", "bds-tests", "--test"]);
    cargo.args(["contracts_workload", "--", TEST]);
    cargo.current_dir(copy);
    cargo.env("CARGO_TARGET_DIR", copy.join("target"));
    cargo.env("RUST_BACKTRACE", "0");
    // Most of the time goes into building: what is built runs for seconds.
    for (name, value) in [("OPT_LEVEL", "1"), ("DEBUG", "0"), ("INCREMENTAL", "true")] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    cargo.output().map_err(|e| format!("starting cargo: {e}"))
}

/// What the auditor said: the line that names the seed.
fn finding(output: &Output) -> Option<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("seed "));
    line.filter(|_| !output.status.success()).map(str::to_owned)
}

fn last_words(output: &Output) -> String {
    let text = [&output.stderr[..], &output.stdout[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(12)..].join("\n        ")
}
