//! `cargo xtask test`: everything that must hold before a change lands, fastest checks first.
//!
//! Installs what is missing through cargo (cargo-deny), says so, and prints first what this machine can do. `.ci/run` calls exactly
//! this.

mod cost;
mod planted;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Crates and what must not be among their dependencies, at any depth. The core and the contracts stay sans-io and the
/// engine knows no ledger: see ARCHITECTURE.md.
const EDGES: &[(&str, &[&str])] = &[
    (
        "bds-contracts",
        &[
            "tokio",
            "rayon",
            "wgpu",
            "libp2p",
            "crossbeam",
            "memmap2",
            "bds-engine",
            "bds-core",
            "reqwest",
            "wasmi",
        ],
    ),
    (
        "bds-core",
        &[
            "tokio",
            "rayon",
            "wgpu",
            "libp2p",
            "crossbeam",
            "memmap2",
            "bds-engine",
            "bds-client",
            "reqwest",
            "wasmi",
        ],
    ),
    (
        "bds-engine",
        &[
            "tokio",
            "libp2p",
            "borsh",
            "bds-contracts",
            "bds-core",
            "bds-client",
            "serde",
        ],
    ),
    (
        "bds-client",
        &[
            "libp2p",
            "rayon",
            "wgpu",
            "bds-engine",
            "bds-core",
            "bds-node",
        ],
    ),
    (
        "bds-seal",
        &[
            "tokio",
            "rayon",
            "wgpu",
            "libp2p",
            "crossbeam",
            "memmap2",
            "reqwest",
            "bds-engine",
            "bds-core",
            "bds-client",
            "bds-data",
        ],
    ),
    (
        "bds-data",
        &[
            "tokio",
            "rayon",
            "wgpu",
            "libp2p",
            "reqwest",
            "memmap2",
            "bds-engine",
            "bds-contracts",
            "bds-core",
            "bds-client",
        ],
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["test"] => run_all(),
        ["edges"] => report(edges()),
        ["cost"] => report(cost::run(false)),
        ["cost", "--store"] => report(cost::run(true)),
        ["planted-contracts"] => report(planted::run(None)),
        ["planted-contracts", part] => report(planted::run(Some(part))),
        _ => {
            eprintln!(
                "usage: cargo xtask test | edges | cost [--store] | planted-contracts [PART OF A NAME]"
            );
            ExitCode::from(2)
        }
    }
}

fn run_all() -> ExitCode {
    let start = Instant::now();
    let result = steps();
    eprintln!("xtask test: {:.0} s in all", start.elapsed().as_secs_f64());
    report(result)
}

fn report(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => {
            eprintln!("xtask: everything holds");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn steps() -> Result<(), String> {
    step("format", &["fmt", "--all", "--check"], &[])?;
    eprintln!("== edges");
    edges()?;
    // One profile and one choice of features for everything, so that no dependency is built twice: those of tests bring
    // features along that change what others are built with. Release keeps overflow checks.
    step(
        "build",
        &["build", "--release", "--workspace", "--all-targets"],
        &[],
    )?;
    machine()?;
    inlined()?;
    step(
        "lints",
        &[
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    )?;
    let expected = std::env::var("BDS_EXPECT_BACKENDS").unwrap_or_else(|_| backends_of_cpu());
    eprintln!("== backends that must be here: {expected}");
    let backends = [("BDS_EXPECT_BACKENDS", expected.as_str())];
    step("tests", &["test", "--release", "--workspace"], &backends)?;
    public_vectors(&expected, &[])?;
    software_gpu()?;
    step(
        "engine tests on one thread",
        &tests_named(&["hash", "merkle", "ed25519"]),
        &[backends[0], ("RAYON_NUM_THREADS", "1")],
    )?;
    let benches = ["verify", "hash", "merkle", "book"].map(|name| ["--bench", name]);
    step(
        "benches run",
        &[
            &["bench", "--workspace"][..],
            &benches.concat(),
            &["--", "--test"],
        ]
        .concat(),
        &[],
    )?;
    step(
        "documentation",
        &["doc", "--release", "--workspace", "--no-deps"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    deny()
}

fn step(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    eprintln!("== {name}: cargo {}", arguments.join(" "));
    let start = Instant::now();
    let status = cargo()
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    eprintln!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(format!("step `{name}` failed"))
    }
}

/// Backends the engine must offer here, by what the system says of the CPU: told apart from the engine's own detection,
/// so that a backend that is there and not found fails the gate.
fn backends_of_cpu() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags: Vec<&str> = cpu
        .lines()
        .find_map(|line| line.strip_prefix("flags"))
        .map(|flags| flags.split_whitespace().collect())
        .unwrap_or_default();
    let has = |wanted: &[&str]| wanted.iter().all(|flag| flags.contains(flag));
    let mut backends = vec!["portable"];
    if has(&["avx2", "fma"]) {
        backends.push("avx2");
    }
    if has(&[
        "avx512f",
        "avx512bw",
        "avx512dq",
        "avx512vl",
        "avx512ifma",
        "avx512vbmi",
    ]) {
        backends.push("avx512");
    }
    backends.join(",")
}

/// Every public vector through the command line, on every backend.
fn public_vectors(backends: &str, environment: &[(&str, &str)]) -> Result<(), String> {
    let shared = std::env::var_os("BDS_SHARED")
        .map_or_else(|| root().join("../shared"), std::path::PathBuf::from);
    let tool = shared.join("tools/check-engine-cli");
    if !tool.exists() {
        if std::env::var_os("CI").is_some() {
            return Err(format!("{} is missing; set BDS_SHARED", tool.display()));
        }
        eprintln!("== public vectors: skipped, {} is missing", tool.display());
        return Ok(());
    }
    eprintln!("== public vectors on {backends}");
    install_python()?;
    let me =
        std::env::current_exe().map_err(|error| format!("this program has no file: {error}"))?;
    let status = Command::new("python3")
        .arg(&tool)
        .arg(me.with_file_name("bds"))
        .args(backends.split(','))
        .envs(environment.iter().copied())
        .status()
        .map_err(|error| format!("cannot run python3 {}: {error}", tool.display()))?;
    if status.success() {
        Ok(())
    } else {
        Err("a public vector was answered wrongly".to_owned())
    }
}

/// The check of the public vectors is a Python program.
fn install_python() -> Result<(), String> {
    if runs("python3", &["--version"]) {
        return Ok(());
    }
    install(&["python3"])
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs packages of Debian and its relatives.
fn install(packages: &[&str]) -> Result<(), String> {
    let names = packages.join(" ");
    eprintln!("== missing: {names}; installing with apt-get");
    let arguments = [&["install", "-y", "--no-install-recommends"], packages].concat();
    if runs("apt-get", &["update"]) && runs("apt-get", &arguments) {
        return Ok(());
    }
    Err(format!(
        "{names}: missing, and apt-get could not install it: install it and run this again"
    ))
}

/// Where Debian's Mesa says how to load its Vulkan driver for CPUs.
#[cfg(target_arch = "x86_64")]
const LAVAPIPE: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
#[cfg(not(target_arch = "x86_64"))]
const LAVAPIPE: &str = "/usr/share/vulkan/icd.d/lvp_icd.aarch64.json";

/// The compute kernels on Vulkan in software: the engine's tests and a network of validators on `gpu`, and every public
/// vector. On Linux the driver must be there or installable.
fn software_gpu() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        eprintln!("== software GPU: skipped, lavapipe is known on Linux only");
        return Ok(());
    }
    if !Path::new(LAVAPIPE).exists() {
        install(&["mesa-vulkan-drivers", "libvulkan1"])?;
    }
    let environment = [
        ("VK_DRIVER_FILES", LAVAPIPE),
        ("BDS_GPU_SOFTWARE", "1"),
        ("BDS_EXPECT_BACKENDS", "portable,gpu"),
        ("BDS_TEST_BACKENDS", "gpu"),
    ];
    step(
        "engine and networks on a software GPU",
        &tests_named(&["gpu", "hash", "merkle", "ed25519", "backends"]),
        &environment,
    )?;
    public_vectors("gpu", &environment)
}

/// Test files by name. Of the whole workspace, whatever package they are in: with fewer packages cargo would choose other
/// features and build the engine and what is below it once more.
fn tests_named<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let files = names.iter().flat_map(|name| ["--test", name]);
    ["test", "--release", "--workspace"]
        .into_iter()
        .chain(files)
        .collect()
}

/// Prints CPU features and backends: a green run says what it was green on.
fn machine() -> Result<(), String> {
    eprintln!("== what this machine can do: bds engine info");
    let me =
        std::env::current_exe().map_err(|error| format!("this program has no file: {error}"))?;
    let status = Command::new(me.with_file_name("bds"))
        .args(["engine", "info"])
        .status()
        .map_err(|error| format!("cannot run bds: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("bds engine info failed".to_owned())
    }
}

/// Crates that call some instructions as functions, which is their business: poly1305 0.9.1 does so where a key is prepared, once
/// a message, and nowhere a block.
const FOREIGN: &[&str] = &["poly1305"];

/// No vector instruction may be a call. What uses one without being inlined into code for its instruction set, a closure
/// most likely, gets the right result and is several times slower; the binary then has the instruction as a function.
fn inlined() -> Result<(), String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        eprintln!("== instructions are no calls: skipped, code is read on x86-64 Linux only");
        return Ok(());
    }
    eprintln!("== instructions are no calls: objdump bds");
    let me =
        std::env::current_exe().map_err(|error| format!("this program has no file: {error}"))?;
    let mut program = Command::new("objdump")
        .args(["--disassemble", "--no-show-raw-insn"])
        .arg(me.with_file_name("bds"))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run objdump, which comes with the linker: {error}"))?;
    let code = program.stdout.take().ok_or("objdump says nothing")?;
    let code = BufReader::new(code).lines().map_while(Result::ok);
    let (calls, is_engine) = instructions_called(code);
    let status = program.wait();
    if !status.is_ok_and(|status| status.success()) || !is_engine {
        return Err("objdump shows no functions of the engine in bds".to_owned());
    }
    if calls.is_empty() {
        return Ok(());
    }
    Err(format!(
        "instructions that are called as functions:\n{}",
        calls.into_iter().collect::<Vec<_>>().join("\n")
    ))
}

/// Who calls an instruction as a function, a line each, and whether there is anything of the engine in this code.
fn instructions_called(code: impl Iterator<Item = String>) -> (BTreeSet<String>, bool) {
    let is_instruction = |name: &str| name.contains("core_arch") && name.contains("_mm");
    let (mut calls, mut is_engine, mut caller) = (BTreeSet::new(), false, String::new());
    for line in code {
        // `0000000000001000 <name>:` begins a function; `1004:  call 2000 <name>` and a jump to another function are calls.
        if let Some((_, name)) = line
            .strip_suffix(">:")
            .and_then(|line| line.split_once('<'))
        {
            name.clone_into(&mut caller);
            is_engine |= caller.contains("bds_engine");
            continue;
        }
        let Some((before, called)) = line.split_once('<') else {
            continue;
        };
        let is_call = before.contains("\tcall") || before.contains("\tjmp");
        let is_ours = !is_instruction(&caller) && !FOREIGN.iter().any(|name| caller.contains(name));
        if is_call && is_ours && is_instruction(called) {
            calls.insert(format!("{caller} calls {}", called.trim_end_matches('>')));
        }
    }
    (calls, is_engine)
}

/// Licences, banned and doubled crates, sources. Advisories need a download, so they are their own command.
fn deny() -> Result<(), String> {
    let installed = cargo()
        .args(["deny", "--version"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !installed {
        eprintln!("== cargo-deny is missing: installing it");
        step(
            "install cargo-deny",
            &["install", "cargo-deny", "--locked", "--version", "0.20.2"],
            &[],
        )?;
    }
    // It reads the manifests of all dependencies, those of other systems too, which no build here has brought.
    step("dependencies of every system", &["fetch", "--locked"], &[])?;
    step(
        "licences, bans, sources",
        &["deny", "--offline", "check", "licenses", "bans", "sources"],
        &[],
    )
}

fn edges() -> Result<(), String> {
    for (package, banned) in EDGES {
        let output = cargo()
            .args([
                "tree",
                "--package",
                package,
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--format",
                "{p}",
            ])
            .current_dir(root())
            .output()
            .map_err(|error| format!("cannot run cargo tree: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "cargo tree -p {package}: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        let tree = String::from_utf8_lossy(&output.stdout);
        for line in tree.lines() {
            let name = line.split_whitespace().next().unwrap_or_default();
            if banned.contains(&name) {
                return Err(format!(
                    "{package} must not depend on {name} (see ARCHITECTURE.md, invariants)"
                ));
            }
        }
    }
    Ok(())
}

/// Cargo without what it told this program of its own package: build scripts that ask for that would run anew, and everything above
/// them be built again, each time after a build by hand.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let told = std::env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    }) {
        cargo.env_remove(name);
    }
    cargo
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[cfg(test)]
mod tests {
    use super::instructions_called;

    /// Code as objdump writes it.
    #[test]
    fn an_instruction_that_is_called_is_found() {
        let code = "\
0000000000001000 <_ZN10bds_engine4fastE>:
    1000:\tvpaddq %ymm0,%ymm1,%ymm0
    1004:\tcall   5000 <memcpy>
    1009:\tja     1000 <_ZN10bds_engine4fastE>

0000000000002000 <_ZN10bds_engine4slowE>:
    2000:\tcall   3000 <_RNvNtCs0_4core9core_arch3x864avx216__mm256_add_epi64>
    2005:\tjmp    3000 <_RNvNtCs0_4core9core_arch3x864avx216__mm256_add_epi64>
    200a:\tcall   4000 <_ZN11core_detect5cache21detect_and_initialize17hE>

0000000000003000 <_RNvNtCs0_4core9core_arch3x864avx216__mm256_add_epi64>:
    3000:\tjmp    3100 <_RNvNtCs0_4core9core_arch3x864avx216__mm256_mul_epu32>

0000000000004000 <_ZN8poly13057backend4avx25State3new17hE>:
    4000:\tcall   3000 <_RNvNtCs0_4core9core_arch3x864avx216__mm256_add_epi64>
";
        let (calls, is_engine) = instructions_called(code.lines().map(str::to_owned));
        assert!(is_engine);
        let calls: Vec<_> = calls.iter().map(String::as_str).collect();
        let name = "_RNvNtCs0_4core9core_arch3x864avx216__mm256_add_epi64";
        assert_eq!(calls, [format!("_ZN10bds_engine4slowE calls {name}")]);
    }
}
