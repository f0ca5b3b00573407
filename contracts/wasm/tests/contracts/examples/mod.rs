//! The examples of the SDK for AssemblyScript, run on a ledger.
//!
//! What they compile to lies beside this, so that they run everywhere. Where node and npm are there, and once the registry of npm, they are
//! compiled anew, and have to come to the same code; where one of them is missing, that is told. `BDS_WRITE_CODE=1` writes the code.

mod escrow;
mod insurance;
mod loyalty;
mod sdk;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::scene::*;
use crate::stage::{ANNA_S, BANK_S, BERT_S, EUA, EUA_NEXT, EUR, JOINT, Stage, Who};
use bds_contracts::Code;
use bds_contracts::money::units::Units;
use bds_contracts::tx::AccountId;

/// Where the examples were compiled to; an error in words where what it takes is missing.
fn compiled() -> &'static Result<PathBuf, String> {
    static COMPILED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    COMPILED.get_or_init(compile)
}

fn compile() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk-assemblyscript");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("assemblyscript");
    for folder in ["assembly", "examples"] {
        let (from, to) = (source.join(folder), place.join(folder));
        std::fs::create_dir_all(&to).expect("a folder");
        for file in std::fs::read_dir(from).expect("the sources") {
            let file = file.expect("a source").path();
            let name = file.file_name().expect("a name");
            std::fs::copy(&file, to.join(name)).expect("a copy");
        }
    }
    let rest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts/examples/sdk.ts");
    std::fs::copy(rest, place.join("examples/sdk.ts")).expect("a copy");
    let lock = std::fs::read(source.join("package-lock.json")).expect("a lock file");
    let is_there = std::fs::read(place.join("node_modules/.lock")).is_ok_and(|it| it == lock);
    for file in ["package.json", "package-lock.json", "build.mjs"] {
        std::fs::copy(source.join(file), place.join(file)).expect("a copy");
    }
    if !is_there {
        let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        done_in(&place, "npm", &arguments)?;
        std::fs::write(place.join("node_modules/.lock"), lock).expect("a mark");
    }
    // From here on it is the sources' fault.
    for files in [&[][..], &["examples/sdk.ts"]] {
        let built = done_in(&place, "node", &[&["build.mjs", "build"], files].concat());
        built.unwrap_or_else(|problem| panic!("the examples do not compile: {problem}"));
    }
    Ok(place.join("build"))
}

fn done_in(place: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(place)
        .output()
        .map_err(|problem| format!("{program}: {problem}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{program} {}: {words}", arguments.join(" ")))
}

/// The code of an example.
fn example(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts/examples/compiled");
    let path = path.join(format!("{name}.wasm"));
    match compiled() {
        Ok(place) => {
            let built = std::fs::read(place.join(format!("{name}.wasm"))).expect("its code");
            if std::env::var_os("BDS_WRITE_CODE").is_some() {
                std::fs::write(&path, &built).expect("a place for it");
            }
            let kept = std::fs::read(&path).expect("its code");
            assert!(
                built == kept,
                "{name} compiles to other code than is kept: BDS_WRITE_CODE=1 writes it"
            );
            built
        }
        Err(missing) => {
            eprintln!(
                "NOT COMPILED HERE, its kept code is run: the AssemblyScript example {name}: {missing}"
            );
            std::fs::read(path).expect("its code")
        }
    }
}

/// Numbers as the SDK reads them.
fn numbers(all: &[u64]) -> Vec<u8> {
    all.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn ok(stage: &mut Stage, who: Who, name: &str, method: &str, input: &[u8]) -> Ran {
    let found = run(stage, who, name, method, input);
    assert_eq!(found.code, Code::OK, "{method}: {}", found.said);
    found
}

/// Refused with this number, and nothing has changed.
fn no(stage: &mut Stage, who: Who, name: &str, method: &str, input: &[u8], number: u32) {
    let before = holdings(stage);
    let found = run(stage, who, name, method, input);
    let said = format!("{name} refuses with {number}");
    assert_eq!(
        (found.code, found.said),
        (Code::DEPLOYED_REFUSED, said),
        "{method}"
    );
    assert_eq!(holdings(stage), before);
}

/// Whoever set a contract up first with an account of its own got what others put into it, and the contract could not give it back. Bert is
/// refused with this number whatever account he names, unless it was opened for the contract.
fn strangers_set_nothing_up(
    stage: &mut Stage,
    name: &str,
    input: impl Fn(AccountId) -> Vec<u8>,
    number: u32,
) {
    for pot in [BERT_S, ANNA_S, JOINT, AccountId(0), AccountId(999)] {
        no(stage, Who::Bert, name, "setup", &input(pot), number);
    }
}

/// Money and units of everyone in these tests.
fn holdings(stage: &Stage) -> Vec<(i64, u64, u64)> {
    let units = stage.machine.stores().read::<Units>();
    let all = [ANNA_S, BERT_S, BANK_S, POT].into_iter();
    all.map(|id| {
        let held = |instrument| units.holding(id, instrument).held.0;
        (stage.held(id, EUR).0, held(EUA), held(EUA_NEXT))
    })
    .collect()
}
