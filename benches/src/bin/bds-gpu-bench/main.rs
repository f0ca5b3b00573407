//! How fast is this machine's GPU at what the engine asks of it? Checks the results first, then measures; JSON out.
//!
//! ```text
//! bds-gpu-bench [--software] [--adapter NAME_OR_BUS] [--quick] [--out FILE]
//! ```
//! Software adapters are refused without `--software`. Every rate is the median of several runs; `resident` keeps the
//! data on the device and times the kernel alone (by the device's timestamps where it has them, and by the wall clock),
//! `end_to_end` is a call of the engine from host memory and back, `cpu` the fastest CPU backend for the same call, and
//! `ceilings` are copy and multiply rates of the same device in the same run.

mod ceilings;
mod end_to_end;
mod harness;
mod resident;

use std::io::Write as _;

use anyhow::Context as _;
use bds_engine::gpu::{Adapters, Gpu};
use serde_json::{Value, json};

/// What the command line says.
pub(crate) struct Arguments {
    adapters: Adapters,
    /// Smaller and fewer: to see that everything works.
    quick: bool,
    out: Option<std::path::PathBuf>,
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut found = Arguments {
        adapters: Adapters::default(),
        quick: false,
        out: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .with_context(|| format!("{word} wants a value"))
        };
        match word.as_str() {
            "--software" => found.adapters.software = true,
            "--quick" => found.quick = true,
            "--adapter" => found.adapters.name = Some(value()?),
            "--out" => found.out = Some(value()?.into()),
            other => anyhow::bail!(
                "unknown `{other}`; known are --software, --adapter NAME, --quick, --out FILE"
            ),
        }
    }
    Ok(found)
}

fn main() -> anyhow::Result<()> {
    let arguments = arguments()?;
    let gpu = Gpu::open(&arguments.adapters).context("no GPU to measure")?;
    let harness = harness::Harness::open(gpu.info())?;
    end_to_end::check(&gpu)?;
    resident::check(&harness)?;
    let report = json!({
        "adapter": describe(&gpu),
        "commit": commit(),
        "quick": arguments.quick,
        "checked": true,
        "timestamps": harness.has_timestamps(),
        "ceilings": ceilings::measure(&harness, arguments.quick)?,
        "resident": resident::measure(&harness, arguments.quick)?,
        "end_to_end": end_to_end::measure(&gpu, arguments.quick)?,
        "faults": faults(&gpu)?,
    });
    let text = format!("{report:#}\n");
    match &arguments.out {
        Some(path) => std::fs::write(path, text).with_context(|| path.display().to_string()),
        None => Ok(std::io::stdout().write_all(text.as_bytes())?),
    }
}

fn describe(gpu: &Gpu) -> Value {
    let info = gpu.info();
    json!({"name": info.name, "bus": info.bus, "driver": info.driver, "software": info.software,
        "path": info.path})
}

/// Figures of a run in which the CPU stepped in are worth nothing.
fn faults(gpu: &Gpu) -> anyhow::Result<u64> {
    let stats = gpu.stats();
    anyhow::ensure!(stats.fallback_calls == 0, "the device failed: {stats:?}");
    Ok(0)
}

/// The commit of the working tree, where git knows it.
fn commit() -> Option<String> {
    let mut git = std::process::Command::new("git");
    let output = git
        .args(["describe", "--always", "--dirty"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
