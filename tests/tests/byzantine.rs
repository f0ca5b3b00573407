//! One validator of four lies, in every way that frames can, beside three real processes under load.
//!
//! Within one run the liar is honest first, which gives the healthy figure, and then lies in one way after the other: no
//! honest process ends, throughput stays, memory stays below a figure, nothing acknowledged is lost.
//!
//! The gate takes the ways that found faults before; `BDS_BYZANTINE=all` takes all of them. `BDS_BYZANTINE_TPS` offers another
//! load; with more than the machine can do, the figures are those of saturation.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bds_byzantine::behaviour;
use bds_client::wire::Wait;
use bds_node::measure::audit;
use bds_node::measure::cluster::Cluster;
use bds_node::measure::load::{self, ClientPlan, Progress, Timing};
use bds_node::workload::{Carbon, Config, Schedule};
use bds_tests::process::{bds, binary};

const PATIENCE: Duration = Duration::from_secs(60);
/// Transactions a second; well below what the machine can do, so that what is missing was taken by the liar.
const TPS: u32 = 1000;
/// Transactions a request at the most.
const BATCH_MAX: u32 = 500;
/// How long a figure is taken.
const WINDOW: Duration = Duration::from_secs(4);
/// Time for two view changes, of one and two seconds, before a figure is taken.
const SETTLE: Duration = Duration::from_secs(4);
/// No honest process ever takes more. Three peers' room in the inbox and their queues are 105 and 216 MiB of it, the
/// mempool and the payload cache 96 MiB.
const MEMORY_BYTES_MAX: u64 = 640 << 20;
/// Figures beside a liar, of healthy ones.
const HEALTHY_PERCENT: u64 = 80;
const VIEW_CHANGES_MAX: u64 = 2;

/// Ways to lie that need no primary.
const AS_BACKUP: &[&str] = &[
    "forgeries",
    "made-up-slots",
    "flood-status",
    "flood-view-changes",
    "flood-lanes",
    "flood-sync",
];
/// Ways to lie that only a primary has, or that are worse from one.
const AS_PRIMARY: &[&str] = &["equivocate"];

fn all() -> bool {
    std::env::var("BDS_BYZANTINE").is_ok_and(|which| which == "all")
}

fn offered_tps() -> u32 {
    let Ok(text) = std::env::var("BDS_BYZANTINE_TPS") else {
        return TPS;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("BDS_BYZANTINE_TPS={text} is no number"))
}

/// The process that lies.
struct Liar {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
}

impl Liar {
    fn start(home: &Path) -> Self {
        let program: PathBuf = binary("bds-byzantine");
        let mut child = Command::new(program)
            .arg("--home")
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the liar starts");
        let (sender, answers) = channel();
        let said = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let commands = child.stdin.take().expect("a pipe");
        Self {
            child,
            commands,
            answers,
        }
    }

    fn behave(&mut self, name: &str) {
        writeln!(self.commands, "{name}").expect("the liar listens");
        let answer = self.answers.recv_timeout(PATIENCE);
        assert_eq!(answer.as_deref(), Ok(name), "the liar died");
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        // It may have ended already; nothing is left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one way of lying did to the honest ones.
#[derive(Debug)]
struct Effect {
    name: String,
    good: u64,
    view_changes: u64,
    memory_bytes: u64,
}

impl Effect {
    fn show(&self) {
        eprintln!(
            "{}: {} good in {WINDOW:?}, {} view changes, {} MiB",
            self.name,
            self.good,
            self.view_changes,
            self.memory_bytes >> 20
        );
    }
}

struct Trial {
    cluster: Cluster,
    liar: Liar,
    honest: Vec<usize>,
    progress: Arc<Progress>,
    /// Ends the load.
    done: Arc<AtomicBool>,
}

impl Trial {
    /// Three real validators and, at this index, one that is honest so far.
    async fn start(dir: &Path, carbon: &Carbon, index: usize) -> Self {
        let mut cluster = Cluster::prepare(dir, carbon.genesis(), 4, &[])
            .expect("homes")
            .with_program(bds());
        let liar = Liar::start(cluster.home(index));
        let honest: Vec<usize> = (0..4).filter(|other| *other != index).collect();
        for other in &honest {
            cluster.restart(*other).expect("it starts");
        }
        cluster.wait_ready(PATIENCE).await.expect("all are ready");
        Self {
            cluster,
            liar,
            honest,
            progress: Arc::default(),
            done: Arc::default(),
        }
    }

    /// A load on the honest ones' lanes, until it is done.
    fn load(&self, carbon: &Carbon, length: Duration) -> Vec<ClientPlan> {
        let tps = offered_tps();
        let schedule = Schedule {
            rate: f64::from(tps),
            // Fifty requests a second; when they are full, more.
            batch: (tps / 50).clamp(1, BATCH_MAX),
            clients: Config::default().clients,
            lanes: self.honest.len(),
            length,
        };
        let plans = carbon.plans(self.cluster.genesis().chain_id(), &schedule);
        let at = |plan: ClientPlan| {
            let done = Arc::clone(&self.done);
            let batches = plan
                .batches
                .take_while(move |_| !done.load(Ordering::Relaxed));
            ClientPlan {
                lane: self.honest[plan.lane],
                batches: Box::new(batches),
            }
        };
        plans.into_iter().map(at).collect()
    }

    async fn view_changes(&self) -> u64 {
        let statuses = self.cluster.statuses().await;
        let counts = statuses
            .into_iter()
            .flatten()
            .map(|status| status.view_changes);
        counts.max().unwrap_or(0)
    }

    /// Waits, and looks all the while whether everyone lives and keeps to its memory; the largest it saw.
    async fn watch(&mut self, length: Duration) -> u64 {
        let (began, mut memory) = (Instant::now(), 0);
        while began.elapsed() < length {
            for index in self.honest.clone() {
                self.cluster
                    .check_running(index)
                    .expect("honest processes live");
                let usage = self.cluster.usage(index);
                memory = memory.max(usage.map_or(0, |usage| usage.memory_bytes));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        memory
    }

    /// What comes back good while the liar behaves like this.
    async fn try_out(&mut self, name: &str) -> Effect {
        let before = self.view_changes().await;
        self.liar.behave(name);
        let settling = self.watch(SETTLE).await;
        let good = self.progress.good.load(Ordering::Relaxed);
        let memory = self.watch(WINDOW).await;
        let good = self.progress.good.load(Ordering::Relaxed) - good;
        let view_changes = self.view_changes().await - before;
        let effect = Effect {
            name: name.to_owned(),
            good,
            view_changes,
            memory_bytes: memory.max(settling),
        };
        effect.show();
        effect
    }
}

/// One liar at this index that lies in these ways, one after the other.
async fn lies(index: usize, names: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    let carbon = Carbon::new(Config::default());
    let mut trial = Trial::start(dir.path(), &carbon, index).await;
    let tries = u32::try_from(names.len() + 1).expect("few");
    // More than there is time for: it is ended when all is tried.
    let length = 2 * tries * (SETTLE + WINDOW);
    let plans = trial.load(&carbon, length);
    let timing = Timing {
        warmup: Duration::ZERO,
        window: length,
        until_done: false,
        wait: Wait::Applied,
        patience: PATIENCE,
    };
    let (client, progress) = (trial.cluster.client().clone(), Arc::clone(&trial.progress));
    let load = load::run(&client, plans, timing, progress);
    let trials = async {
        let mut effects = Vec::new();
        for name in ["honest"].iter().chain(names) {
            effects.push(trial.try_out(name).await);
        }
        trial.liar.behave("honest");
        trial.done.store(true, Ordering::Relaxed);
        effects
    };
    let (tally, effects) = tokio::join!(load, trials);

    let healthy = effects[0].good;
    assert_eq!(effects[0].view_changes, 0, "{:?}", effects[0]);
    for effect in &effects[1..] {
        assert!(
            100 * effect.good >= HEALTHY_PERCENT * healthy,
            "{healthy} healthy: {effect:?}"
        );
        assert!(effect.view_changes <= VIEW_CHANGES_MAX, "{effect:?}");
        assert!(effect.memory_bytes <= MEMORY_BYTES_MAX, "{effect:?}");
    }

    // Nothing that was acknowledged is lost, and the honest ones agree.
    let settled = audit::settle(&mut trial.cluster, PATIENCE)
        .await
        .expect("all come to rest");
    let height = settled[0].certified;
    let roots = settled.iter().map(|status| &status.state_root);
    assert!(
        roots.clone().all(|root| *root == settled[0].state_root),
        "{settled:?}"
    );
    let chain = audit::verify_chain(
        &client,
        trial.cluster.genesis(),
        &trial.honest,
        height,
        &tally.acknowledged,
        |_| {},
    )
    .await
    .expect("every receipt has its proof");
    assert_eq!(chain.acknowledged_lost, 0);
    assert!(chain.transactions >= tally.all().good);
}

#[tokio::test]
async fn a_lying_backup_harms_nobody() {
    let every: Vec<&str> = behaviour::ALL.iter().map(|(name, _)| *name).collect();
    lies(3, if all() { &every } else { AS_BACKUP }).await;
}

#[tokio::test]
async fn a_lying_primary_is_replaced() {
    let every = [
        "equivocate",
        "silent",
        "silent-to-one",
        "order-nothing",
        "leave-one-out",
        "early-to-one",
        "off-by-one",
    ];
    // Each begins with a network of its own: a primary is replaced once.
    for name in if all() { &every[..] } else { AS_PRIMARY } {
        lies(0, &[name]).await;
    }
}
