//! Exports of carbon registries.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bds_data::registry::Export;
use clap::Args;
use serde_json::json;

use super::{open, reading};
use crate::cli::{complain, done, output, print, print_json};

/// Faults shown one by one.
const FAULTS_SHOWN: usize = 100;

/// Arguments of `bds import registry`.
#[derive(Debug, Args)]
pub struct RegistryArgs {
    /// Comma separated values with a column of serial numbers and one of quantities.
    file: PathBuf,
    /// Write the rows that agree, one JSON object a line.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments ask for.
///
/// # Errors
/// When a file cannot be taken or written.
pub(super) fn run(args: &RegistryArgs) -> anyhow::Result<ExitCode> {
    let export = Export::read(open(&args.file)?).with_context(|| reading(&args.file))?;
    if args.out.is_some() {
        output::write(args.out.as_deref(), |out| {
            for row in &export.rows {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
    }
    if args.json {
        let totals: Vec<_> = export
            .totals()
            .into_iter()
            .map(|(programme, units)| json!({ "programme": programme, "units": units.to_string() }))
            .collect();
        print_json(&json!({
            "rows": export.rows.len(),
            "faults": export.faults_count,
            "totals": totals,
        }))?;
    } else {
        let (rows, faults) = (export.rows.len(), export.faults_count);
        print(&format!("{rows} rows agree, {faults} faults"));
        for (programme, units) in export.totals() {
            print(&format!("{units:>16}  {programme:?}"));
        }
    }
    for (place, what) in export.faults.iter().take(FAULTS_SHOWN) {
        complain(&format!("{place}: {what}"));
    }
    if export.faults.is_empty() {
        done()
    } else {
        Ok(ExitCode::FAILURE)
    }
}
