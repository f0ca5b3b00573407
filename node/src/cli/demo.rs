//! `bds demo`: a whole network on this machine, under load, checked to the last receipt.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::{print, print_json};
use crate::children::interrupted;
use crate::measure::block_on;
use crate::measure::load::Timing;
use crate::measure::report::Setup;
use crate::measure::run::{Finished, Run, make, timing};
use crate::measure::show::Show;
use crate::workload::{self, Config, Replay, Scenario, Schedule, Workload};

/// Transactions a request.
const BATCH: u32 = 128;
/// Seconds before the counted window.
const WARMUP: Duration = Duration::from_secs(2);
/// Time given to a replay before the window is said to be over; it ends by itself when the file does.
const REPLAY_MAX: Duration = Duration::from_secs(600);

/// `bds demo`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: bds demo --seconds 10\n         bds demo --scenario vpp\n         bds demo --data transactions.csv\nExits 0 when every check holds, 1 when \
                  one does not."
)]
pub struct DemoArgs {
    /// Validator processes on this machine.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// Seconds of load.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// What is sent.
    #[arg(long, value_enum, default_value = "mixed")]
    scenario: Scenario,
    /// Replays the transfers of a registry file instead.
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    data: Option<PathBuf>,
    /// Offered transactions a second.
    #[arg(long, default_value_t = 4000.0)]
    rate: f64,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
    /// Keep homes and logs.
    #[arg(long)]
    keep: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            validators: 4,
            seconds: 20,
            scenario: Scenario::Mixed,
            data: None,
            rate: 4000.0,
            json: false,
            keep: false,
        }
    }
}

/// Runs the demo.
///
/// # Errors
/// When it cannot be carried out.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let length = args.seconds.try_into().map_or(f64::INFINITY, u32::into);
    if !(args.rate.is_finite() && args.rate > 0.0) || args.seconds == 0 {
        bail!("--rate and --seconds must be above 0");
    }
    workload::check_size(args.rate, length)?;
    let mut folder = tempfile::Builder::new()
        .prefix("bds-demo-")
        .tempdir()
        .context("making a temporary folder")?;
    folder.disable_cleanup(args.keep);
    let show = Show::new(args.json);
    let replay = args
        .data
        .as_deref()
        .map(|path| Replay::read(path, 1))
        .transpose()?;
    let workload;
    let run = match &replay {
        Some(replay) => replay_run(args, replay, folder.path().to_owned())?,
        None => {
            workload = args.scenario.workload(Config::default());
            workload_run(args, workload.as_ref(), folder.path().to_owned())
        }
    };
    let Finished {
        mut report,
        chain,
        cluster,
    } = block_on(async {
        tokio::select! {
            finished = make(run, &show) => finished,
            () = interrupted() => bail!("interrupted; the validators were stopped"),
        }
    })?;
    drop(cluster);
    let mut lines = Vec::new();
    if let Some(replay) = &replay {
        let (problems, text) = compare(replay, &chain.transferred, report.counts.good);
        report.problems.extend(problems);
        lines = text;
    }
    if args.json {
        print_json(&report)?;
    } else {
        print(&report.text());
        lines.iter().for_each(|line| print(line));
        if args.keep {
            print(&format!(
                "homes and logs are kept in {}",
                folder.path().display()
            ));
        }
    }
    Ok(ExitCode::from(u8::from(!report.passed())))
}

fn workload_run<'a>(args: &DemoArgs, workload: &'a dyn Workload, dir: PathBuf) -> Run<'a> {
    let Config { clients, seed, .. } = Config::default();
    let timing = timing(WARMUP, Duration::from_secs(args.seconds));
    let schedule = Schedule {
        rate: args.rate,
        batch: BATCH,
        clients,
        lanes: args.validators,
        length: timing.warmup + timing.window,
    };
    Run {
        dir,
        genesis: workload.genesis(),
        validators: args.validators,
        settings: Vec::new(),
        timing,
        kills: Vec::new(),
        restart_after: Duration::ZERO,
        setup: Setup {
            workload: workload.name().to_owned(),
            mix: workload.mix(),
            mode: "verified".to_owned(),
            durable: true,
            rate: args.rate,
            batch: BATCH,
            keys: workload.keys(),
            seed,
            ..Setup::default()
        },
        opening: vec![
            Box::new(move |chain, _| workload.opening(chain)),
            Box::new(move |chain, now| workload.last(chain, now)),
        ],
        plans: Box::new(move |chain| Ok(workload::plans(workload, clients, chain, &schedule))),
        view_changes_allowed: false,
    }
}

fn replay_run<'a>(args: &DemoArgs, replay: &'a Replay, dir: PathBuf) -> anyhow::Result<Run<'a>> {
    let rate = args.rate;
    Ok(Run {
        dir,
        genesis: replay.genesis()?,
        validators: args.validators,
        settings: Vec::new(),
        timing: Timing {
            until_done: true,
            ..timing(Duration::ZERO, REPLAY_MAX)
        },
        kills: Vec::new(),
        restart_after: Duration::ZERO,
        setup: Setup {
            workload: "registry replay".to_owned(),
            mix: replay.mix(),
            mode: "verified".to_owned(),
            durable: true,
            rate,
            batch: BATCH,
            keys: 1,
            ..Setup::default()
        },
        opening: Vec::new(),
        plans: Box::new(move |chain| Ok(replay.plans(chain, BATCH as usize, rate))),
        view_changes_allowed: false,
    })
}

/// What the ledger moved beside what the file says, kind by kind.
fn compare(replay: &Replay, moved: &BTreeMap<u32, u64>, good: u64) -> (Vec<String>, Vec<String>) {
    let file = replay.file();
    let (mut problems, mut lines) = (Vec::new(), Vec::new());
    let rows = file.rows().len() as u64;
    if good != rows {
        problems.push(format!("{good} of {rows} rows were committed"));
    }
    let sums = file.totals_per_unit_type();
    let mut equal = 0;
    for (unit, id) in file.instruments() {
        let expected = sums.get(unit).copied().unwrap_or(0);
        let found = moved.get(&id.0).copied().unwrap_or(0);
        if found == expected {
            equal += 1;
        } else {
            problems.push(format!(
                "{unit}: the ledger moved {found} units, the file says {expected}"
            ));
        }
    }
    lines.push(format!(
        "replay         {rows} rows of {} transactions between {} accounts; {} units at the start",
        file.transactions(),
        file.accounts().len(),
        file.opening_total()
    ));
    lines.push(format!(
        "               units moved equal the file's sums for {equal} of {} unit types, {} units in all",
        file.instruments().len(),
        sums.values().sum::<u64>()
    ));
    (problems, lines)
}
