//! One measured run: a cluster, a load, faults on the way, checks at the end, a report.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bds_client::wire::{NodeStatus, Wait};
use bds_contracts::Genesis;
use bds_contracts::genesis::Mode;
use bds_contracts::tx::{ChainId, Millis};
use tokio::time::{Instant, interval_at};

use super::assemble::{Readings, assemble, cpu, judge};
use super::audit::{self, Chain};
use super::cluster::Cluster;
use super::load::{self, ClientPlan, Progress, Timing};
use super::opening;
use super::process::usage;
use super::report::{Report, Setup};
use super::show::Show;

/// Time for a cluster to come up, and to settle after the load.
const PATIENCE: Duration = Duration::from_secs(60);
/// Interval of readings and of the progress line.
const SAMPLE: Duration = Duration::from_secs(1);
/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The primary of the view at that time.
    Primary,
    /// The validator after it.
    Backup,
    /// This one.
    Index(usize),
    /// All of them.
    All,
}

/// `kill -9` in the middle of the load: `primary@10s`, `backup@10s`, `2@10s`, `all@10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// Who.
    pub victim: Victim,
    /// When, after the start of the load.
    pub at: Duration,
}

impl FromStr for Kill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("`{text}`: expected primary@10s, backup@10s, all@10s or INDEX@10s");
        let (who, when) = text.split_once('@').ok_or_else(expected)?;
        let victim = match who {
            "primary" => Victim::Primary,
            "backup" => Victim::Backup,
            "all" => Victim::All,
            index => Victim::Index(index.parse().map_err(|_| expected())?),
        };
        let seconds: f64 = when
            .strip_suffix('s')
            .unwrap_or(when)
            .parse()
            .map_err(|_| expected())?;
        let at = Duration::try_from_secs_f64(seconds).map_err(|_| expected())?;
        Ok(Self { victim, at })
    }
}

/// Makes signed transactions for the ledger of this name and this time.
type Opening<'a> = Box<dyn FnOnce(ChainId, Millis) -> Vec<Vec<u8>> + 'a>;

/// A run to be made. What is sent comes from `plans`, called once the ledger's name is known.
pub struct Run<'a> {
    /// Folder for the homes; must be empty or absent.
    pub dir: PathBuf,
    /// Without validators.
    pub genesis: Genesis,
    /// Number of validators.
    pub validators: usize,
    /// Settings of every home.
    pub settings: Vec<(String, String)>,
    /// Warm-up, window, patience.
    pub timing: Timing,
    /// Faults on the way.
    pub kills: Vec<Kill>,
    /// A killed validator is started again after this long.
    pub restart_after: Duration,
    /// Each makes something that is done before the load begins: called when the validators are ready and all before it is done.
    pub opening: Vec<Opening<'a>>,
    /// Makes the requests.
    pub plans: Box<dyn FnOnce(ChainId) -> anyhow::Result<Vec<ClientPlan>> + 'a>,
    /// What the report says was run; figures this module knows better are filled in.
    pub setup: Setup,
    /// View changes are expected, because faults are made.
    pub view_changes_allowed: bool,
}

/// A finished run whose cluster is still up, for further questions.
pub struct Finished {
    /// What it showed.
    pub report: Report,
    /// What the receipts say.
    pub chain: Chain,
    /// The validators, still running.
    pub cluster: Cluster,
}

/// Makes the run.
///
/// # Errors
/// When it cannot be made: a validator does not start or ends by itself, the checks cannot be carried out. What the checks
/// find wrong is in the report's `problems`.
pub async fn make(run: Run<'_>, show: &Show) -> anyhow::Result<Finished> {
    let started_ms = bds_client::build::now().0;
    let mut cluster = Cluster::prepare(&run.dir, run.genesis, run.validators, &run.settings)
        .with_context(|| {
            format!(
                "making {} homes under {}",
                run.validators,
                run.dir.display()
            )
        })?;
    show.say("signing the workload");
    let signing = Instant::now();
    let plans = (run.plans)(cluster.genesis().chain_id())?;
    let mut setup = run.setup;
    setup.signing_seconds = signing.elapsed().as_secs_f64();
    setup.clients = plans.len();
    setup.validators = run.validators;
    show.say(&format!("starting {} validators", run.validators));
    cluster.start(PATIENCE).await?;
    show.say(&format!(
        "watch any of them: {}",
        cluster.client().nodes().join(" ")
    ));
    for opening in run.opening {
        let opening = opening(cluster.genesis().chain_id(), bds_client::build::now());
        let count = opening.len();
        if count > 0 {
            show.say(&format!("{count} transactions before the load begins"));
            opening::open(cluster.client(), &opening, PATIENCE).await?;
        }
    }
    let before = statuses(&cluster).await;

    let progress = Arc::new(Progress::default());
    let client = cluster.client().clone();
    let mut readings: Vec<Readings> = (0..run.validators).map(|_| Readings::default()).collect();
    let own_cpu = own_cpu();
    let clock = Instant::now();
    let (tally, made) = {
        let load = load::run(&client, plans, run.timing, Arc::clone(&progress));
        let mut load = std::pin::pin!(load);
        let mut made = Vec::new();
        let mut due = faults(&run.kills, run.restart_after);
        let mut sample = interval_at(clock, SAMPLE);
        let mut shown = 0;
        loop {
            let next_fault = clock + due.first().map_or(Duration::MAX / 4, |fault| fault.at);
            tokio::select! {
                tally = &mut load => break (tally, made),
                _ = sample.tick() => {
                    for index in 0..cluster.len() {
                        cluster.check_running(index)?;
                    }
                    read(&mut cluster, &mut readings);
                    let good = progress.good.load(Ordering::Relaxed);
                    show.progress(clock.elapsed(), run.timing.warmup + run.timing.window, good, good - shown);
                    shown = good;
                }
                () = tokio::time::sleep_until(next_fault), if !due.is_empty() => {
                    let fault = due.remove(0);
                    let words = carry_out(&mut cluster, &mut due, &fault).await?;
                    show.say(&words);
                    made.push(words);
                }
            }
        }
    };
    let wall = clock.elapsed();
    let generator_seconds = self::own_cpu() - own_cpu;
    read(&mut cluster, &mut readings);
    show.say("load ended; waiting until the validators settle");
    for index in 0..cluster.len() {
        if !cluster.is_running(index) {
            cluster.restart(index)?;
        }
    }
    cluster.wait_ready(PATIENCE).await?;
    let after = audit::settle(&mut cluster, PATIENCE).await?;

    show.say("checking every receipt's proof");
    let lanes: Vec<usize> = (0..run.validators).collect();
    let height = after.first().map_or(0, |status| status.certified);
    let chain = audit::verify_chain(
        &client,
        cluster.genesis(),
        &lanes,
        height,
        &tally.acknowledged,
        |at| {
            show.checked(at, height);
        },
    )
    .await?;
    show.clear();
    let (not_conserved, not_fitting) = match cluster.genesis().mode {
        Mode::Verified => (
            audit::conservation(&client, cluster.genesis(), &chain).await?,
            chain.happened.problems(&client).await?,
        ),
        Mode::Opaque => (None, Vec::new()),
    };
    setup.faults.extend(made);
    let mut report = assemble(
        &tally,
        &run.timing,
        setup,
        &chain,
        &before,
        &after,
        &readings,
    );
    report.started_ms = started_ms;
    report.cpu = cpu(&readings, generator_seconds, wall, &report);
    report.conserved = not_conserved.as_ref().map(Vec::is_empty);
    judge(&mut report, &chain, &after, run.view_changes_allowed);
    report.add_unsound(not_conserved.unwrap_or_default());
    report.add_unsound(not_fitting);
    Ok(Finished {
        report,
        chain,
        cluster,
    })
}

/// Something to do to the cluster at a time.
#[derive(Debug, Clone, Copy)]
struct Fault {
    at: Duration,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Kill(Victim, Duration),
    Restart(usize),
}

fn faults(kills: &[Kill], restart_after: Duration) -> Vec<Fault> {
    let mut faults: Vec<Fault> = kills
        .iter()
        .map(|kill| Fault {
            at: kill.at,
            what: What::Kill(kill.victim, restart_after),
        })
        .collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// Does it, queues what follows from it, and says what was done.
async fn carry_out(
    cluster: &mut Cluster,
    due: &mut Vec<Fault>,
    fault: &Fault,
) -> anyhow::Result<String> {
    let at = fault.at.as_secs_f64();
    match fault.what {
        What::Restart(index) => {
            cluster.restart(index)?;
            Ok(format!("{at:.1} s: restarted validator {index}"))
        }
        What::Kill(victim, restart_after) => {
            let n = cluster.len();
            let view = statuses(cluster)
                .await
                .iter()
                .map(|status| status.view)
                .max()
                .unwrap_or(0);
            let primary = usize::try_from(view % n as u64).unwrap_or(0);
            let (name, indexes) = match victim {
                Victim::Primary => ("the primary, ", vec![primary]),
                Victim::Backup => ("a backup, ", vec![(primary + 1) % n]),
                Victim::Index(index) if index < n => ("", vec![index]),
                Victim::Index(index) => bail!("there is no validator {index} to kill"),
                Victim::All => ("everyone: ", (0..n).collect()),
            };
            for &index in &indexes {
                cluster.kill(index)?;
                due.push(Fault {
                    at: fault.at + restart_after,
                    what: What::Restart(index),
                });
            }
            due.sort_by_key(|fault| fault.at);
            let list: Vec<String> = indexes.iter().map(ToString::to_string).collect();
            Ok(format!(
                "{at:.1} s: kill -9 of {name}validator {}",
                list.join(", ")
            ))
        }
    }
}

async fn statuses(cluster: &Cluster) -> Vec<NodeStatus> {
    cluster.statuses().await.into_iter().flatten().collect()
}

fn read(cluster: &mut Cluster, readings: &mut [Readings]) {
    for (index, reading) in readings.iter_mut().enumerate() {
        if let Some(now) = cluster.usage(index) {
            if reading.memory.is_empty() {
                reading.cpu_first = now.cpu_seconds;
            }
            reading.cpu_last = now.cpu_seconds;
            reading.memory.push(now.memory_bytes);
        }
    }
}

fn own_cpu() -> f64 {
    usage(std::process::id()).map_or(0.0, |usage| usage.cpu_seconds)
}

/// What a window waits for.
#[must_use]
pub fn timing(warmup: Duration, window: Duration) -> Timing {
    Timing {
        warmup,
        window,
        until_done: false,
        wait: Wait::Applied,
        patience: Duration::from_secs(30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_read_as_documented() {
        let at = Duration::from_secs(10);
        for (text, victim) in [
            ("primary@10s", Victim::Primary),
            ("backup@10", Victim::Backup),
            ("2@10s", Victim::Index(2)),
            ("all@10s", Victim::All),
        ] {
            assert_eq!(text.parse(), Ok(Kill { victim, at }), "{text}");
        }
        for bad in ["primary", "king@1s", "primary@soon", "primary@-1s", "@"] {
            assert!(bad.parse::<Kill>().is_err(), "{bad}");
        }
    }
}
