//! `bds demo`: a whole network on this machine, under load, checked to the last receipt; then the most that this machine sustains.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;

use super::bench::traded;
use super::{print, print_json};
use crate::children::interrupted;
use crate::measure::block_on;
use crate::measure::load::Timing;
use crate::measure::report::{Report, Setup};
use crate::measure::run::{Finished, Run, make, timing};
use crate::measure::show::Show;
use crate::measure::sweep::{self, Bound, Found, Search, Step};
use crate::workload::{self, Config, Replay, Scenario, Schedule, Workload};

/// Transactions a request.
const BATCH: u32 = 128;
/// Seconds before the counted window.
const WARMUP: Duration = Duration::from_secs(2);
/// The search for the peak begins with so many times the rate that was shown.
const PEAK_FIRST: f64 = 2.0;
/// Counted seconds of each of its steps: some more than it takes to say whether a rate is sustained.
const PEAK_WINDOW: Duration = Duration::from_secs(8);
/// Transactions a request then: with few in flight the generator would be what is measured.
const PEAK_BATCH: u32 = 512;
/// How near it comes.
const PEAK_PRECISION: f64 = 0.1;
/// What a step must keep to.
const PEAK_BOUND: Bound = Bound {
    p50_ms: 150.0,
    p99_ms: 1_000.0,
};
/// Seconds of load that is shown.
const SECONDS: u64 = 10;
/// Seconds within which steps of the search begin.
const PEAK_WITHIN: u64 = 90;
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
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// Seconds within which steps of the search for the peak begin; 0 for no search. It is of the same scenario, and begins with twice
    /// the rate.
    #[arg(long, default_value_t = PEAK_WITHIN)]
    peak_seconds: u64,
    /// What is sent.
    #[arg(long, value_enum, default_value = "mixed")]
    scenario: Scenario,
    /// Replays the transfers of a registry file instead.
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    data: Option<PathBuf>,
    /// Offered transactions a second.
    #[arg(long, default_value_t = 4000.0)]
    rate: f64,
    /// The report as JSON, without a search for the peak.
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
            seconds: SECONDS,
            peak_seconds: PEAK_WITHIN,
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
            let load = Load {
                scenario: args.scenario,
                rate: args.rate,
                batch: BATCH,
                timing: timing(WARMUP, Duration::from_secs(args.seconds)),
            };
            let dir = folder.path().to_owned();
            workload_run(args.validators, load, workload.as_ref(), dir)
        }
    };
    let Finished {
        mut report,
        chain,
        cluster,
    } = finish(run, &show)?;
    drop(cluster);
    let mut lines = Vec::new();
    if let Some(replay) = &replay {
        let (problems, text) = compare(replay, &chain.transferred, report.counts.good);
        report.add_unsound(problems);
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
    let mut is_right = report.passed();
    if !args.json && args.data.is_none() && args.peak_seconds > 0 {
        let Found { steps, failed } = peak(args, &show);
        if !steps.is_empty() {
            print("");
            for line in sweep::peak_lines(&steps, &PEAK_BOUND) {
                print(&line);
            }
            print(&checked(&steps));
            for line in sweep::unsound_lines(&steps) {
                print(&line);
            }
        }
        if let Some(failed) = failed {
            let error = failed.into_error(steps.len());
            return Err(error.context("searching for the highest rate"));
        }
        is_right &= sweep::is_sound(&steps);
    }
    Ok(ExitCode::from(u8::from(!is_right)))
}

/// Makes a run, unless the user asks the program to stop.
fn finish(run: Run<'_>, show: &Show) -> anyhow::Result<Finished> {
    block_on(async {
        tokio::select! {
            finished = make(run, show) => finished,
            () = interrupted() => bail!("interrupted; the validators were stopped"),
        }
    })
}

/// The highest rate of the same scenario that this machine sustains.
fn peak(args: &DemoArgs, show: &Show) -> Found<Report> {
    show.say("searching for the highest rate that this machine sustains");
    let workload = args.scenario.workload(Config::default());
    let began = Instant::now();
    let timing = timing(WARMUP, PEAK_WINDOW);
    let length = (timing.warmup + timing.window).as_secs_f64();
    let make = |rate| {
        let folder = tempfile::tempdir().context("making a temporary folder")?;
        let load = Load {
            scenario: args.scenario,
            rate,
            batch: PEAK_BATCH,
            timing,
        };
        let dir = folder.path().to_owned();
        let report = finish(
            workload_run(args.validators, load, workload.as_ref(), dir),
            show,
        )?
        .report;
        let reasons = PEAK_BOUND.reasons(&report);
        show.say(&sweep::words(&report, &reasons));
        Ok((report, reasons))
    };
    let search = Search::new(
        PEAK_FIRST * args.rate,
        workload::TRANSACTIONS_MAX / length,
        PEAK_PRECISION,
    );
    let within = Duration::from_secs(args.peak_seconds);
    sweep::search(search, make, || began.elapsed() < within)
}

/// What was checked of all steps together.
fn checked(steps: &[Step<Report>]) -> String {
    let reports = || steps.iter().map(|step| &step.report);
    let receipts: u64 = reports().map(|report| report.receipts_verified).sum();
    let lost: u64 = reports().map(|report| report.acknowledged_lost).sum();
    let yes = |all: bool| if all { "yes" } else { "NO" };
    format!(
        "checked        {} runs: {receipts} proofs of receipts, acknowledged and lost: {lost}, state roots equal: {}, units and money add up: {}",
        steps.len(),
        yes(reports().all(|report| report.state_roots_equal)),
        yes(reports().all(|report| report.conserved != Some(false)))
    )
}

/// How much is sent, and what it is of.
struct Load {
    scenario: Scenario,
    rate: f64,
    batch: u32,
    timing: Timing,
}

fn workload_run(validators: usize, load: Load, workload: &dyn Workload, dir: PathBuf) -> Run<'_> {
    let Config { clients, seed, .. } = Config::default();
    let Load {
        scenario,
        rate,
        batch,
        timing,
    } = load;
    let schedule = Schedule {
        rate,
        batch,
        clients,
        lanes: validators,
        length: timing.warmup + timing.window,
    };
    Run {
        dir,
        genesis: workload.genesis(),
        validators,
        settings: Vec::new(),
        timing,
        kills: Vec::new(),
        restart_after: Duration::ZERO,
        setup: Setup {
            workload: workload.name().to_owned(),
            mix: workload.mix(),
            mode: "verified".to_owned(),
            durable: true,
            rate,
            batch,
            keys: workload.keys(),
            instruments: traded(scenario, Config::default().instruments),
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
