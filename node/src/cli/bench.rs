//! `bds bench tps` and `bds bench sweep`: how many transactions a second, and how one knows.

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
use crate::workload::{self, Config, Opaque, Scenario, Schedule};

/// Bytes of an opaque transaction, as the benchmarks of other systems send.
const OPAQUE_BYTES: usize = 512;
/// Goodput below this part of the offered rate is saturation.
const KNEE: f64 = 0.9;
/// Most sending keys: as many accounts of a scenario lie beside those of the others.
const KEYS_MAX: usize = 1_000_000;
/// No sweep goes on beyond this many steps: each doubles the rate.
const SWEEP_STEPS_MAX: u32 = 12;

/// `bds bench`
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// One run at one rate.
    #[command(after_help = "Example: bds bench tps --rate 15000 --duration 30 --json report.json")]
    Tps(BenchArgs),
    /// Doubles the rate until less than 90 % of it comes through; the last good step is the knee.
    #[command(after_help = "Example: bds bench sweep --rate 1000 --duration 10")]
    Sweep(BenchArgs),
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
    /// Counted seconds.
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

/// Runs the bench. Exit code 1 when a check after the run finds something wrong.
///
/// # Errors
/// When the run cannot be made.
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
            write(args, &serde_json::to_value(&report)?)?;
            if !args.silent() {
                print(&report.text());
            }
            Ok(ExitCode::from(u8::from(!report.passed())))
        }
        BenchCommand::Sweep(args) => {
            args.check()?;
            sweep(args)
        }
    }
}

fn sweep(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let show = Show::new(args.silent());
    let (mut reports, mut knee): (Vec<Report>, Option<f64>) = (Vec::new(), None);
    let mut rate = args.rate;
    for step in 0..SWEEP_STEPS_MAX {
        let dir = args
            .dir
            .as_ref()
            .map(|dir| dir.join(format!("step-{step}")));
        let report = one(args, rate, dir.as_deref(), &show)?;
        let saturated = report.committed_tps < KNEE * report.offered_tps;
        show.say(&format!(
            "offered {:.0}: committed {:.0} TPS, p50 {:.0} ms, p99 {:.0} ms",
            report.offered_tps, report.committed_tps, report.latency_ms.p50, report.latency_ms.p99
        ));
        if !saturated {
            knee = Some(report.committed_tps);
        }
        reports.push(report);
        if saturated {
            break;
        }
        rate *= 2.0;
    }
    let peak = reports
        .iter()
        .map(|report| report.committed_tps)
        .fold(0.0, f64::max);
    write(
        args,
        &json!({ "schema": "bds-sweep/1", "knee_tps": knee, "peak_tps": peak, "steps": reports }),
    )?;
    if !args.silent() {
        print(" offered  committed   p50 ms   p99 ms   CPU %  wrong");
        for report in &reports {
            print(&format!(
                "{:>8.0} {:>10.0} {:>8.1} {:>8.1} {:>7.0} {:>6}",
                report.offered_tps,
                report.committed_tps,
                report.latency_ms.p50,
                report.latency_ms.p99,
                report.cpu.busy_share * 100.0,
                report.problems.len()
            ));
        }
        match knee {
            Some(knee) => print(&format!("knee {knee:.0} TPS, peak {peak:.0} TPS")),
            None => print(&format!(
                "already saturated at the first step; peak {peak:.0} TPS"
            )),
        }
    }
    Ok(ExitCode::from(u8::from(
        !reports.iter().all(Report::passed),
    )))
}

fn write(args: &BenchArgs, report: &serde_json::Value) -> anyhow::Result<()> {
    match args.json.as_deref() {
        Some(path) if path == Path::new("-") => print_json(report),
        Some(path) => std::fs::write(path, serde_json::to_vec_pretty(report)?)
            .with_context(|| format!("cannot write {}", path.display())),
        None => Ok(()),
    }
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
