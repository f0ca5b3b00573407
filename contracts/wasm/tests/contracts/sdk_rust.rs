//! The SDK for Rust: its example is built for WebAssembly and run, where the compiler can.

use std::path::Path;
use std::process::Command;

use super::scene::*;
use crate::stage::{ANNA_S, BERT_S, Who};
use bds_contracts::Code;

const TARGET: &str = "wasm32-unknown-unknown";

/// Whether the compiler has what it takes for this target.
fn has_target() -> bool {
    let asked = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let place = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    place.is_ok_and(|place| !place.is_empty() && Path::new(&place).is_dir())
}

fn cargo(arguments: &[&str]) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk-rust");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-rust");
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(place)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
}

/// Its text is sound on any machine.
#[test]
fn the_sdk_and_its_example_are_sound() {
    cargo(&["check", "--offline", "--examples"]);
}

#[test]
fn the_example_counts() {
    if !has_target() {
        eprintln!(
            "NOT TESTED: the example of the Rust SDK is not built: {TARGET} is not installed"
        );
        return;
    }
    cargo(&[
        "build",
        "--offline",
        "--release",
        "--target",
        TARGET,
        "--example",
        "counter",
    ]);
    let built = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("sdk-rust")
        .join(TARGET)
        .join("release/examples/counter.wasm");
    let code = std::fs::read(built).expect("its code");
    let mut stage = ledger();
    deploy(&mut stage, "counter", &code, &[]);
    for times in 1..=3_u64 {
        let found = run(
            &mut stage,
            Who::Anna,
            "counter",
            "greet",
            &ANNA_S.0.to_le_bytes(),
        );
        assert_eq!(found.code, Code::OK, "{}", found.said);
        assert_eq!(found.told, [(1, times.to_le_bytes().to_vec())]);
    }
    for (input, number) in [(&BERT_S.0.to_le_bytes()[..], 2), (&[1][..], 1)] {
        let found = fails(
            &mut stage,
            "counter",
            "greet",
            input,
            Code::DEPLOYED_REFUSED,
        );
        assert_eq!(found.said, format!("counter refuses with {number}"));
    }
}
