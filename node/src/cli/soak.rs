//! `bds bench soak`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use bds_client::wire::BATCH_ITEMS_MAX;
use clap::Args;

use super::{output, print};
use crate::measure::block_on;
use crate::measure::show::Show;
use crate::measure::soak::{self, Crowd, Soak};
use crate::workload::LENGTH_MAX;

/// Arguments of a soak.
#[derive(Debug, Args)]
pub struct SoakArgs {
    /// Validator processes on this machine.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// Transactions a second of the load that must go on.
    #[arg(long, default_value_t = 4000.0)]
    rate: f64,
    /// Seconds beside the crowd.
    #[arg(long, default_value_t = 120)]
    duration: u64,
    /// Seconds alone, before.
    #[arg(long, default_value_t = 30)]
    alone: u64,
    /// Seconds beside a client that wants too much, after.
    #[arg(long, default_value_t = 30)]
    overload: u64,
    /// It wants so many times the rate.
    #[arg(long, default_value_t = 10.0)]
    times: f64,
    /// Transactions a request.
    #[arg(long, default_value_t = 64)]
    batch: u32,
    /// Clients of the load; 32 members each.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Streams of events in the crowd, each of one account.
    #[arg(long, default_value_t = 1000)]
    subscribers: usize,
    /// Connections in it that never say anything.
    #[arg(long, default_value_t = 1000)]
    idle: usize,
    /// Connections in it that send a byte a second.
    #[arg(long, default_value_t = 200)]
    slow: usize,
    /// Folder for homes and logs, kept afterwards; a temporary one otherwise.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// File for the report as JSON; `-` prints it instead of the text.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl SoakArgs {
    fn check(&self) -> anyhow::Result<()> {
        let sensible = |number: f64| number.is_finite() && number > 0.0;
        ensure!(
            sensible(self.rate) && sensible(self.times),
            "--rate and --times must be above 0"
        );
        let spans = [self.duration, self.alone, self.overload];
        ensure!(
            spans
                .iter()
                .all(|span| (5..=LENGTH_MAX as u64).contains(span)),
            "--duration, --alone and --overload must be 5 to {LENGTH_MAX} seconds"
        );
        if self.batch == 0 || self.batch as usize > BATCH_ITEMS_MAX {
            bail!("--batch must be 1 to {BATCH_ITEMS_MAX}");
        }
        ensure!(
            (1..=1024).contains(&self.clients),
            "--clients must be 1 to 1024"
        );
        let most = self.subscribers.max(self.idle).max(self.slow);
        ensure!(
            most <= 10_000,
            "--subscribers, --idle and --slow can be 10000 each at most"
        );
        Ok(())
    }
}

/// Runs it. Exit code 1 when the report has problems.
///
/// # Errors
/// When the run cannot be made.
pub fn run(args: &SoakArgs) -> anyhow::Result<ExitCode> {
    args.check()?;
    let silent = args
        .json
        .as_deref()
        .is_some_and(|file| file.as_os_str() == "-");
    let scratch = tempfile::tempdir()?;
    let dir = args.dir.clone().unwrap_or(scratch.path().join("soak"));
    let soak = Soak {
        dir,
        validators: args.validators,
        rate: args.rate,
        batch: args.batch,
        clients: args.clients,
        spans: [args.alone, args.duration, args.overload].map(Duration::from_secs),
        crowd: Crowd {
            subscribers: args.subscribers,
            idle: args.idle,
            slow: args.slow,
        },
        overload: args.times,
    };
    let report = block_on(soak::make(soak, &Show::new(silent)))?;
    if let Some(file) = &args.json {
        let file = (!silent).then_some(file.as_path());
        output::write(file, |out| Ok(serde_json::to_writer_pretty(out, &report)?))?;
    }
    if !silent {
        print(&report.text());
    }
    Ok(ExitCode::from(u8::from(!report.problems.is_empty())))
}
