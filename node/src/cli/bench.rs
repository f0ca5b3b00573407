//! `bds bench`: how many transactions a second, and how one knows.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{print, print_json};
use crate::children::interrupted;
use crate::measure::block_on;
use crate::measure::report::{Report, Setup};
use crate::measure::run::{Kill, Run, make, timing};
use crate::measure::show::Show;
use crate::measure::sweep::{self, Bound, Found, Search};
use crate::measure::window::SECONDS_MIN;
use crate::measure::{row, schema};
use crate::workload::{self, Config, Opaque, Scenario, Schedule};

/// Bytes of an opaque transaction, as the benchmarks of other systems send.
const OPAQUE_BYTES: usize = 512;
/// Most sending keys: as many accounts of a scenario lie beside those of the others.
const KEYS_MAX: usize = 1_000_000;
/// `bds bench`
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// One run at one rate.
    #[command(after_help = "Example: bds bench tps --rate 15000 --duration 30 --json report.json")]
    Tps(BenchArgs),
    /// The highest rate that is sustained within a bound on latency: doubled until it is not, then bisected. A step counts when
    /// its report says that the rate was sustained, it keeps to the bound, and nothing in it is wrong.
    #[command(
        after_help = "Example: bds bench sweep --rate 1000 --duration 10 --p50-max 100\nExits 1 when no step counts or the ledger of \
                      any step is wrong; view changes and late transactions at rates that do not count are told, and no reason to. \
                      Exits 3 when a step cannot be made: what was measured before it is reported all the same."
    )]
    Sweep(SweepArgs),
    /// Prints the JSON Schema of a report.
    Schema,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// Random bytes, ordered only.
    Opaque,
    /// Every signature checked, every call executed.
    Verified,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Arguments of both.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Validator processes on this machine.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// Offered transactions a second; of a sweep, the first step's.
    #[arg(long, default_value_t = 4000.0)]
    rate: f64,
    /// Counted seconds; whether a rate is sustained takes 5 at least, and so does a sweep.
    #[arg(long, default_value_t = 30.0)]
    duration: f64,
    /// Seconds before them that do not count.
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// What is sent.
    #[arg(long, value_enum, default_value = "verified")]
    mode: ModeArg,
    /// Which calls are executed in verified mode; carbon unless another one is named.
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    /// Votes and answers wait for the disk.
    #[arg(long, value_enum, default_value = "on")]
    durability: Switch,
    /// Sending keys; of a mix of scenarios, of each.
    #[arg(long, default_value_t = 256)]
    keys: usize,
    /// Exponent of the Zipf distribution over keys; 0 is uniform.
    #[arg(long, default_value_t = 0.0)]
    skew: f64,
    /// Instruments that the carbon mix sends orders for; each member trades in one of them.
    #[arg(long, default_value_t = 1)]
    instruments: usize,
    /// Requests that can be in flight at once.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Transactions a request.
    #[arg(long, default_value_t = 256)]
    batch: u32,
    /// Everything that is sent follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// `kill -9` on the way: primary@10s, backup@10s, all@10s or INDEX@10s. May be repeated.
    #[arg(long)]
    kill: Vec<Kill>,
    /// Seconds after which a killed validator is started again.
    #[arg(long, default_value_t = 5.0)]
    restart_after: f64,
    /// Folder for homes and logs, kept afterwards; a temporary one otherwise.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// File for the report as JSON; `-` prints it instead of the text.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// File for a table with a row for each run; rows are added to one that is there.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Arguments of a sweep.
#[derive(Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    bench: BenchArgs,
    /// Highest median latency of a step that counts, in milliseconds.
    #[arg(long, default_value_t = 150.0)]
    p50_max: f64,
    /// Highest 99th percentile of one, in milliseconds.
    #[arg(long, default_value_t = 1000.0)]
    p99_max: f64,
    /// The search ends when the rate that is too much is above the peak by this part, in percent.
    #[arg(long, default_value_t = 5.0)]
    precision: f64,
    /// No step is above this rate, in transactions a second.
    #[arg(long, value_name = "RATE")]
    rate_max: Option<f64>,
}

impl SweepArgs {
    fn check(&self) -> anyhow::Result<()> {
        self.bench.check()?;
        if !(self.p50_max > 0.0 && self.p99_max > 0.0) {
            bail!("--p50-max and --p99-max must be above 0");
        }
        if !(self.precision >= 1.0 && self.precision <= 100.0) {
            bail!("--precision must be 1 to 100 percent: no two runs are closer to each other");
        }
        if self.bench.duration < SECONDS_MIN {
            bail!(
                "--duration {}: a sweep asks of each step whether its rate is sustained, and a window shorter than {SECONDS_MIN} seconds \
                 does not show that; give it {SECONDS_MIN} or more",
                self.bench.duration
            );
        }
        if self
            .rate_max
            .is_some_and(|most| !most.is_finite() || most < self.bench.rate)
        {
            bail!(
                "--rate-max must be at least --rate ({}), which is the first step's",
                self.bench.rate
            );
        }
        Ok(())
    }
}

impl BenchArgs {
    fn check(&self) -> anyhow::Result<()> {
        let positive = self.rate > 0.0
            && self.duration > 0.0
            && self.warmup >= 0.0
            && self.restart_after >= 0.0;
        if !positive || !(self.rate + self.duration + self.warmup + self.restart_after).is_finite()
        {
            bail!("--rate and --duration must be above 0, --warmup and --restart-after at least 0");
        }
        if self.mode == ModeArg::Opaque && self.scenario.is_some() {
            bail!("--scenario says which calls are executed, and --mode opaque executes none");
        }
        if !self.skew.is_finite() || self.skew < 0.0 {
            bail!("--skew must be at least 0");
        }
        if !(1..=workload::INSTRUMENTS_MAX).contains(&self.instruments) {
            bail!("--instruments must be 1 to {}", workload::INSTRUMENTS_MAX);
        }
        if self.keys > KEYS_MAX {
            bail!("--keys can be {KEYS_MAX} at most");
        }
        if self.restart_after > workload::LENGTH_MAX {
            bail!("--restart-after can be {} at most", workload::LENGTH_MAX);
        }
        workload::check_size(self.rate, self.duration + self.warmup)?;
        if self.batch == 0 || self.batch as usize > bds_client::wire::BATCH_ITEMS_MAX {
            bail!("--batch must be 1 to {}", bds_client::wire::BATCH_ITEMS_MAX);
        }
        if self.clients == 0 || self.clients > self.keys {
            bail!(
                "--clients must be at least 1 and at most --keys ({})",
                self.keys
            );
        }
        Ok(())
    }

    fn silent(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }
}

/// Runs the bench. Exit code 1 when a check after the run finds something wrong; of a sweep, when it is something that no rate excuses,
/// or no step counts.
///
/// # Errors
/// When the run cannot be made, or a step of a sweep: the steps before it are written and printed by then.
pub fn run(command: &BenchCommand) -> anyhow::Result<ExitCode> {
    match command {
        BenchCommand::Tps(args) => {
            args.check()?;
            let report = one(
                args,
                args.rate,
                args.dir.as_deref(),
                &Show::new(args.silent()),
            )?;
            write(args, &serde_json::to_value(&report)?, [&report])?;
            if !args.silent() {
                print(&report.text());
            }
            Ok(ExitCode::from(u8::from(!report.passed())))
        }
        BenchCommand::Sweep(args) => {
            args.check()?;
            run_sweep(args)
        }
        BenchCommand::Schema => {
            print_json(&schema::document())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run_sweep(args: &SweepArgs) -> anyhow::Result<ExitCode> {
    let SweepArgs {
        bench, precision, ..
    } = args;
    let bound = Bound {
        p50_ms: args.p50_max,
        p99_ms: args.p99_max,
    };
    let show = Show::new(bench.silent());
    let rate_most = workload::TRANSACTIONS_MAX / (bench.duration + bench.warmup);
    let rate_max = args.rate_max.map_or(rate_most, |most| most.min(rate_most));
    let mut number = 0;
    let make = |rate| {
        let dir = bench.dir.as_ref();
        let dir = dir.map(|dir| dir.join(format!("step-{number}")));
        number += 1;
        let report = one(bench, rate, dir.as_deref(), &show)?;
        let reasons = bound.reasons(&report);
        show.say(&sweep::words(&report, &reasons));
        Ok((report, reasons))
    };
    let search = Search::new(bench.rate, rate_max, precision / 100.0);
    let Found { steps, failed } = sweep::search(search, make, || true);
    let told = failed
        .as_ref()
        .map(|failed| json!({ "rate": failed.rate, "error": format!("{:#}", failed.error) }));
    let failed = failed.map(|failed| failed.into_error(steps.len()));
    if steps.is_empty()
        && let Some(error) = failed
    {
        return Err(error);
    }
    let document = json!({
        "schema": sweep::SCHEMA,
        "bound": bound,
        "precision_percent": precision,
        "peak_sustained_tps": sweep::peak(&steps).map(sweep::lasting),
        "lowest_rate_missed": sweep::missed(&steps).map(|step| step.rate),
        "failed": told,
        "steps": steps,
    });
    if !bench.silent() {
        print(&sweep::table(&steps, &bound));
    }
    let written = write(bench, &document, steps.iter().map(|step| &step.report));
    match (failed, written) {
        (None, written) => written?,
        (Some(error), Ok(())) => return Err(error),
        (Some(error), Err(other)) => {
            return Err(error.context(format!(
                "what was measured is not written either ({other:#})"
            )));
        }
    }
    let is_good = sweep::peak(&steps).is_some() && sweep::is_sound(&steps);
    Ok(ExitCode::from(u8::from(!is_good)))
}

fn write<'a>(
    args: &BenchArgs,
    report: &serde_json::Value,
    runs: impl IntoIterator<Item = &'a Report>,
) -> anyhow::Result<()> {
    match args.json.as_deref() {
        Some(path) if path == Path::new("-") => print_json(report)?,
        Some(path) => std::fs::write(path, serde_json::to_vec_pretty(report)?)
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => {}
    }
    // Last: a table that has other columns refuses the row, and the report is not lost with it.
    args.csv
        .as_ref()
        .map_or(Ok(()), |path| row::append(path, runs))
}

/// One run at one rate.
fn one(args: &BenchArgs, rate: f64, dir: Option<&Path>, show: &Show) -> anyhow::Result<Report> {
    let temporary = tempfile::tempdir().context("making a temporary folder")?;
    let timing = timing(
        Duration::from_secs_f64(args.warmup),
        Duration::from_secs_f64(args.duration),
    );
    let schedule = Schedule {
        rate,
        batch: args.batch,
        clients: args.clients,
        lanes: args.validators,
        length: timing.warmup + timing.window,
    };
    let durable = args.durability == Switch::On;
    let opaque = Opaque {
        seed: args.seed,
        bytes: OPAQUE_BYTES,
    };
    let scenario = args.scenario.unwrap_or(Scenario::Carbon);
    let workload = scenario.workload(Config {
        seed: args.seed,
        keys: args.keys,
        clients: args.clients,
        skew: args.skew,
        instruments: args.instruments,
        ..Config::default()
    });
    let is_opaque = args.mode == ModeArg::Opaque;
    let setup = Setup {
        workload: if is_opaque { "opaque" } else { workload.name() }.to_owned(),
        mix: if is_opaque {
            opaque.mix()
        } else {
            workload.mix()
        },
        mode: if is_opaque { "opaque" } else { "verified" }.to_owned(),
        durable,
        watermark: watermark(is_opaque, durable),
        rate,
        batch: args.batch,
        keys: if is_opaque { 0 } else { workload.keys() },
        key_skew: args.skew,
        instruments: traded(scenario, args.instruments).filter(|_| !is_opaque),
        seed: args.seed,
        ..Setup::default()
    };
    let run = Run {
        dir: dir.unwrap_or(temporary.path()).to_owned(),
        genesis: if is_opaque {
            opaque.genesis()
        } else {
            workload.genesis()
        },
        validators: args.validators,
        settings: vec![("storage.durable".to_owned(), durable.to_string())],
        timing,
        kills: args.kill.clone(),
        restart_after: Duration::from_secs_f64(args.restart_after),
        opening: if is_opaque {
            Vec::new()
        } else {
            vec![
                Box::new(|chain, _| workload.opening(chain)),
                Box::new(|chain, now| workload.last(chain, now)),
            ]
        },
        plans: Box::new(|chain| {
            Ok(if is_opaque {
                opaque.plans(&schedule)
            } else {
                workload::plans(workload.as_ref(), args.clients, chain, &schedule)
            })
        }),
        setup,
        view_changes_allowed: !args.kill.is_empty(),
    };
    block_on(async {
        tokio::select! {
            finished = make(run, show) => Ok(finished?.report),
            () = interrupted() => bail!("interrupted; the validators were stopped"),
        }
    })
}

/// Instruments that orders are sent for, of so many that a workload was made for; none where it sends no orders.
pub(super) fn traded(scenario: Scenario, instruments: usize) -> Option<usize> {
    match scenario {
        Scenario::Carbon | Scenario::Mixed => Some(instruments),
        Scenario::Vpp | Scenario::Retail | Scenario::Transfers => None,
    }
}

/// What limits the meaning of the figures.
fn watermark(opaque: bool, durable: bool) -> Option<String> {
    let mut limits = Vec::new();
    if opaque {
        limits.push("opaque: no signature checked, nothing executed");
    }
    if !durable {
        limits.push("durability off: a power cut loses votes");
    }
    (!limits.is_empty()).then(|| limits.join("; "))
}
