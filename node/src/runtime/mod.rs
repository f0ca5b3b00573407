//! One validator as a running process: opens the home, recovers, starts the threads, waits for the end.
//!
//! | thread | work |
//! |---|---|
//! | `bds-core` | the core's turns and the disk |
//! | `bds-exec` | executes final slots |
//! | `bds-roots` | computes the state roots of checkpoints beside |
//! | `bds-admit` | admits submitted transactions |
//! | `bds-verify` | hands peers' batches to the engine |
//! | `bds-engine-N` | signatures, hashes, trees, reads for peers |
//! | `bds-index` | writes receipts and places behind |
//! | `bds-scrub` | reads old files of the ledger again |
//! | `bds-retain` | forgets old blocks, where an operator wants that |
//! | `bds-net` | moves bytes between validators |
//! | `bds-api` | HTTP |

pub mod admission;
pub mod core_loop;
pub mod executor;
mod joining;
pub mod nonces;
mod queued;
pub mod reports;
pub mod scheme;
pub mod service;
pub mod serving;
pub mod states;
pub mod threads;
pub mod tracker;
pub mod verification;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use bds_contracts::block::{Height, ValidatorIndex};
use bds_contracts::genesis::{Genesis, Profile};
use bds_core::core::Core;
use bds_core::lanes::LaneTip;
use bds_core::recovery::{ExecutedBase, Recovered};
use crossbeam::channel::{Receiver, RecvTimeoutError, bounded, unbounded};
use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use zeroize::Zeroizing;

use self::admission::{Admission, Gate, REQUESTS_MAX};
use self::core_loop::{Clock, CoreLoop, CoreNumbers, Inputs};
use self::executor::{Executor, Progress, Work};
use self::joining::{Joined, Joining};
use self::reports::{Reporter, Reports};
use self::service::{Queues, Validator};
use self::serving::Serving;
use self::states::States;
use self::tracker::Tracker;
use crate::api::access::Access;
use crate::config::Config;
use crate::engine::{Engine, required_gpu, uses_gpu};
use crate::execution::Execution;
use crate::metrics::Metrics;
use crate::network::{self, Inbox, Limits, NetworkConfig, Peer, SharedKey};
use crate::store::index::Index;
use crate::store::medium::Medium;
use crate::store::{
    self, INDEX_DIR, Reader, Retention, SNAPSHOTS_DIR, Scrub, Snapshots, Store, StoreError,
    StoreOptions,
};
use crate::{api, keys, setup};

/// Where reads of a private ledger are logged, in the home.
pub const READS_LOG_FILE: &str = "reads.log";

/// Batches of admitted transactions waiting for the core.
const SUBMISSIONS_MAX: usize = 64;
/// Transactions whose outcome is remembered for waiting clients.
const TRACKED_MAX: usize = 1 << 20;
/// Certified blocks an event stream may lag before it has to re-read.
const BLOCKS_LAG_MAX: usize = 32;
/// How often old files of the ledger are read again.
const SCRUB_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often free disk space is looked at.
const DISK_INTERVAL: Duration = Duration::from_millis(500);

/// How long a validator that has taken a state, or found none to take, catches up block by block before it looks again.
const REPLAY: Duration = Duration::from_secs(60);

/// Runs a validator until SIGTERM or SIGINT, a halt of the core or a refusal of the disk. One that is too far behind the others takes the
/// state from them and starts again from there.
///
/// # Errors
/// When it cannot start (each reason names what, where and what to do), halted, or lost its disk.
pub fn run(home: &Path, config: &Config) -> anyhow::Result<()> {
    start_logging(config);
    let genesis = setup::read_genesis(&home.join(setup::GENESIS_FILE))?;
    let seed = keys::read(&home.join(keys::VALIDATOR_KEY_FILE))?;
    let me = genesis
        .validators
        .validators
        .iter()
        .position(|v| v.key == keys::public(&seed))
        .and_then(|i| u16::try_from(i).ok())
        .ok_or_else(|| {
            anyhow!(
                "key {} is no validator of this genesis",
                keys::public(&seed)
            )
        })?;
    let (backend, threads) = (
        config.get::<String>("engine.backend"),
        config.get("engine.threads"),
    );
    let pin = config.get("engine.pin");
    let engine = Arc::new(Engine::at_home(home, &backend, threads, pin)?);
    say_gpu(&backend, config.get("engine.require_gpu"))?;
    let (retained, replayed): (u64, u64) = (
        config.get("storage.retain_blocks"),
        config.get("consensus.replay_blocks"),
    );
    ensure!(
        retained == 0 || retained >= 2 * replayed,
        "storage.retain_blocks is {retained}, less than twice consensus.replay_blocks ({replayed}): whoever is a little behind would find \
         nothing to catch up from; keep more blocks, or all of them with 0"
    );
    let process = Process {
        home,
        config,
        genesis,
        seed,
        me,
        engine,
        stop: stop_on_signal()?,
    };
    let mut replay = Duration::ZERO;
    loop {
        match process.serve(replay)? {
            Ended::Stopped => return Ok(()),
            Ended::Halted(reason) => bail!("halted: {reason}"),
            Ended::Disk(problem) => bail!("the disk refused a write: {problem}"),
            Ended::Behind(Joined::Stopped) => return Ok(()),
            Ended::Behind(Joined::At(height)) => {
                info!(
                    height,
                    "the state of this block is taken, starting from there"
                );
                // What came since is executed, however much it is: a state is always a little behind.
                replay = REPLAY;
            }
            Ended::Behind(Joined::Not(why)) => {
                warn!(
                    why,
                    "no state was taken, catching up block by block for a while"
                );
                replay = REPLAY;
            }
        }
    }
}

/// How a start of the validator ended.
enum Ended {
    Stopped,
    /// It disagrees with a quorum.
    Halted(String),
    /// The disk refused; nothing that depended on the lost write has left.
    Disk(String),
    /// It was too far behind to execute what it missed, and this came of it.
    Behind(Joined),
}

/// What stays the same from one start of the validator to the next.
struct Process<'a> {
    home: &'a Path,
    config: &'a Config,
    genesis: Genesis,
    seed: Zeroizing<[u8; 32]>,
    me: ValidatorIndex,
    engine: Arc<Engine>,
    stop: CancellationToken,
}

impl Process<'_> {
    /// Opens the home, and validates until the end. For the first `replay` it catches up block by block, however far behind.
    fn serve(&self, replay: Duration) -> anyhow::Result<Ended> {
        let Self {
            home, config, me, ..
        } = *self;
        let (genesis, engine) = (self.genesis.clone(), Arc::clone(&self.engine));
        let durable: bool = config.get("storage.durable");
        if !durable {
            warn!(
                "storage.durable is off: what was answered can be lost in a crash; for measurements only"
            );
        }
        let options = StoreOptions {
            durable,
            segment_bytes: config.get("storage.segment_bytes"),
            archive: config.get("storage.archive"),
            set_votes_aside: true,
            check_all: config.get("storage.check_on_start"),
            ..StoreOptions::default()
        };
        let medium = options.medium.clone();
        let opened = Store::open(home, genesis.chain_id(), options.clone())?;
        for torn in &opened.torn {
            warn!(file = %torn.path.display(), offset = torn.offset, bytes = torn.bytes, "the end of a log was never synced and has been cut off");
        }
        info!(chain = %genesis.chain_id(), validator = me, backend = engine.name(), "starting");

        // What the disk holds: a snapshot of the state, and records above it.
        let snapshots = Snapshots::open(Arc::clone(&medium), &home.join(SNAPSHOTS_DIR))?
            .with_checkpoints(genesis.checkpoint_interval);
        let (index, execution) = self.derived(&opened.reader, medium, &snapshots)?;
        let index = Arc::new(index);
        let mut core_config = core_config(&genesis, me, config);
        core_config.replay_ms = u64::try_from(replay.as_millis()).unwrap_or(u64::MAX);
        let limits = Limits {
            validators: core_config.validators(),
            window: usize::try_from(core_config.window).unwrap_or(usize::MAX),
            batch_bytes: core_config.batch_bytes_max,
        };
        let mut recovered = Recovered::new(&core_config);
        recovered.executed_base(executed_base(&execution));
        for record in opened.reader.records_about(recovered.base_height()) {
            recovered.replay(&record?.1);
        }
        for record in &opened.votes {
            recovered.replay(record);
        }
        let (mut store, reader) = (opened.store, opened.reader);
        if let Some(damage) = opened.set_aside {
            error!(%damage, "the vote log is damaged and was set aside");
        }
        if opened.forgotten > 0 {
            // Whatever was final for this validator is final for the ledger log but for what a view change said last, so two windows
            // above are further than any vote.
            let certified = recovered.certified();
            let slot = match opened.forgotten {
                Height::MAX => certified + 2 * core_config.window,
                slot => slot,
            };
            let past = slot <= certified;
            store.note_forgotten(if past { 0 } else { slot })?;
            recovered.forgotten(slot);
        }
        let scheme = scheme::Ed25519Scheme::new(&self.seed, Arc::clone(&engine));
        let clock = Clock::start();
        let core = Core::new(core_config, Box::new(scheme), recovered, clock.now().timer);

        // Queues.
        // `answers` and `work` are bounded by what the core asks for: it has so many blocks in execution, so many bytes of batches being
        // checked, and one question to the store at a time.
        let (answers_tx, answers) = unbounded();
        let (submissions_tx, submissions) = bounded(SUBMISSIONS_MAX);
        let (requests_tx, requests) = bounded(REQUESTS_MAX);
        let (work_tx, work) = unbounded();
        let (snapshots_tx, snapshots_saved) = bounded(1);
        let (stop_tx, stop) = bounded::<()>(0);
        let (blocks_tx, _) = broadcast::channel(BLOCKS_LAG_MAX);

        // Shared numbers.
        let tracker = Arc::new(Tracker::new(TRACKED_MAX));
        let progress = Arc::new(Progress::default());
        progress
            .executed
            .store(execution.place().header.height, Ordering::Release);
        progress.certified.store(
            reader
                .certified_height()
                .min(execution.place().header.height),
            Ordering::Release,
        );
        progress
            .transactions
            .store(execution.place().transactions, Ordering::Release);
        let numbers = Arc::new(CoreNumbers::default());
        let reports = Arc::new(Reports::default());
        let metrics = Arc::new(Metrics::new());
        let gate = Arc::new(Gate::default());
        let nonces: Arc<Mutex<nonces::Nonces>> = Arc::default();
        let serving = Serving::new(limits.validators);
        let ledger = execution.ledger();
        let (lost_tx, lost) = unbounded();

        let (network, peers) =
            network::start(network_config(home, me, config, genesis.profile, limits)?)?;
        let validator = Arc::new(Validator {
            genesis: genesis.clone(),
            start: execution.place().header.clone(),
            me,
            durable,
            engine: Arc::clone(&engine),
            ledger: Arc::clone(&ledger),
            roots: execution.roots(),
            tracker: Arc::clone(&tracker),
            index: Arc::clone(&index),
            reader: reader.clone(),
            requests: requests_tx,
            queues: Queues {
                submissions: submissions_tx.clone(),
                answers: answers_tx.clone(),
                execution: work_tx.clone(),
            },
            blocks: blocks_tx.clone(),
            progress: Arc::clone(&progress),
            numbers: Arc::clone(&numbers),
            reports: Arc::clone(&reports),
            network: network.clone(),
            serving: serving.clone(),
            gate: Arc::clone(&gate),
            nonces: Arc::clone(&nonces),
            metrics: Arc::clone(&metrics),
        });
        let access = access(home, config, &genesis)?;
        let http = start_http(config.get("api.listen"), access, Arc::clone(&validator))?;

        let retention = store.retention(snapshots.clone(), config.get("storage.retain_blocks"));
        let (scrub, scrub_mib) = (store.scrub(), config.get::<u64>("storage.scrub_mib"));
        let states = States::new(
            snapshots.clone(),
            reader.clone(),
            genesis.checkpoint_interval,
        );
        let executor = Executor {
            execution,
            mode: genesis.mode,
            me,
            tracker: Arc::clone(&tracker),
            index: Arc::clone(&index),
            snapshots,
            // A state that others can check is one after a checkpoint.
            snapshot_blocks: config
                .get::<u64>("storage.snapshot_blocks")
                .next_multiple_of(genesis.checkpoint_interval),
            saved: snapshots_tx,
            answers: answers_tx.clone(),
            blocks: blocks_tx,
            progress: Arc::clone(&progress),
            metrics: Arc::clone(&metrics),
            certified_before: reader.certified_height(),
            lost: lost_tx,
        };
        let admission = Admission {
            chain: genesis.chain_id(),
            mode: genesis.mode,
            engine: Arc::clone(&engine),
            ledger,
            tracker: Arc::clone(&tracker),
            index: Arc::clone(&index),
            core: submissions_tx,
            submit_credit: Arc::clone(&numbers.submit_credit),
            submitted_bytes: 0,
            submitted_and_executed: Arc::clone(&numbers.submitted_and_executed),
            queued: queued::Queued::default(),
            submitted: 0,
            gate: Arc::clone(&gate),
            metrics: Arc::clone(&metrics),
            nonces,
            lost,
        };
        // Bounded in bytes by the core: a window of batches an author, and what it asked for up to a multiple of its payload cache.
        let (verifier_tx, to_verify) = unbounded();
        let core_loop = CoreLoop {
            core,
            reader,
            store,
            verifier: verifier_tx,
            mode: genesis.mode,
            metrics: Arc::clone(&metrics),
            network: network.clone(),
            engine: Arc::clone(&engine),
            tracker: Arc::clone(&tracker),
            serving,
            states,
            executor: work_tx.clone(),
            answers: answers_tx.clone(),
            numbers,
            clock,
            reporter: Reporter::new(Arc::clone(&reports)),
        };
        let executor = spawn("bds-exec", move || executor.run(&work))?;
        spawn("bds-admit", move || admission.run(&requests))?;
        let mode = genesis.mode;
        spawn("bds-verify", move || {
            verification::run(&engine, mode, &to_verify, &answers_tx);
        })?;
        watch_disk(
            home.to_path_buf(),
            config.get("storage.reserve_bytes"),
            Arc::clone(&gate),
        )?;
        let index_of_retained = Arc::clone(&index);
        let retains = config.get::<u64>("storage.retain_blocks") > 0;
        let (scrub_tx, scrub_stop) = bounded::<()>(0);
        if scrub_mib > 0 {
            let metrics = Arc::clone(&metrics);
            spawn("bds-scrub", move || {
                scrub_daily(&scrub, scrub_mib << 20, &metrics, &scrub_stop);
            })?;
        }
        let (refused_tx, refused) = oneshot::channel();
        let retainer = spawn("bds-retain", move || {
            // Where everything is kept nobody listens.
            if retains
                && let Err(problem) = retain(&retention, &index_of_retained, &snapshots_saved)
            {
                let _ = refused_tx.send(problem.to_string());
            }
        })?;
        let (ended_tx, ended) = oneshot::channel();
        let core_thread = spawn("bds-core", move || {
            let inputs = Inputs {
                answers,
                peers,
                submissions,
                stop,
            };
            let ended = core_loop.run(&inputs);
            let _ = ended_tx.send((ended, inputs.peers));
        })?;
        let ended = wait_for_end(ended, refused, &self.stop)?;

        info!("stopping: no more submissions, then the executor finishes what is final");
        gate.stopping.store(true, Ordering::Release);
        http.stop();
        drop((stop_tx, scrub_tx));
        let _ = core_thread.join();
        let _ = work_tx.send(Work::Stop);
        let _ = executor.join();
        // Nobody writes to the home from here on.
        let _ = retainer.join();
        let ended = match ended {
            First::Stop | First::Core(core_loop::Ended::Stopped, _) => Ended::Stopped,
            First::Core(core_loop::Ended::Halted(reason), _) => Ended::Halted(reason),
            First::Refused(problem) | First::Core(core_loop::Ended::Disk(problem), _) => {
                Ended::Disk(problem)
            }
            First::Core(core_loop::Ended::Behind, inbox) => {
                let joining = Joining {
                    home,
                    genesis: &self.genesis,
                    engine: &self.engine,
                    options: &options,
                    network: &network,
                    inbox: &inbox,
                    executed: progress.executed.load(Ordering::Acquire),
                    stop: &self.stop,
                };
                Ended::Behind(joining.run()?)
            }
        };
        network.shutdown();
        Ok(ended)
    }

    /// What is derived from the ledger log: the index, and the state as a snapshot has it.
    fn derived(
        &self,
        reader: &Reader,
        medium: Arc<dyn Medium>,
        snapshots: &Snapshots,
    ) -> anyhow::Result<(Index, Execution)> {
        let (genesis, dir) = (&self.genesis, self.home.join(INDEX_DIR));
        let (base, committed) = (reader.base(), reader.committed_height());
        let mut index = Index::open(Arc::clone(&medium), &dir, base)?;
        // Blocks above the index must be executed again, so that it gets their receipts.
        let (mut snapshot, damaged) = snapshots.latest(committed.min(index.applied()))?;
        for problem in damaged {
            warn!(%problem, "a state snapshot is damaged and was passed over");
        }
        // What comes after an older one is not in the log.
        snapshot = snapshot.filter(|snapshot| snapshot.header.height >= base);
        if snapshot.is_none() && base > 0 {
            // What the index lacks is not in the log any more: it begins behind a state that there is.
            (snapshot, _) = snapshots.latest(committed)?;
            let begins = snapshot.as_ref().map(|snapshot| snapshot.header.height);
            let begins = begins.filter(|height| *height >= base).with_context(|| {
                format!(
                    "{} begins after block {base} and there is no state snapshot to go on from: remove the folders `ledger`, `index` and \
                     `snapshots`, and the state is taken from the other validators",
                    self.home.join(store::LEDGER_DIR).display()
                )
            })?;
            warn!(
                block = begins,
                "the index was lost or damaged: receipts up to this block are not found here any more"
            );
            drop(index);
            index = Index::begin(medium, &dir, begins)?;
        }
        let engine = Arc::clone(&self.engine);
        let execution = match snapshot {
            Some(snapshot) => {
                info!(
                    height = snapshot.header.height,
                    "state restored from a snapshot"
                );
                Execution::restore(genesis, engine, snapshot)?
            }
            None => Execution::from_genesis(genesis, engine)?,
        };
        Ok((index, execution))
    }
}

/// Forgets the beginning of the ledger whenever a snapshot has been saved.
///
/// # Errors
/// Where the disk refused: nobody knows then what is on it.
fn retain(retention: &Retention, index: &Index, saved: &Receiver<()>) -> Result<(), StoreError> {
    for () in saved {
        if let Some(base) = retention.run()? {
            info!(base, "the ledger up to this block is not kept any more");
            // What the index cannot remove now it removes when it is opened.
            let _ = index.forget_up_to(base);
        }
    }
    Ok(())
}

/// Reads sealed files of the ledger again, so many bytes a second, until `stop` is closed.
fn scrub_daily(scrub: &Scrub, bytes_per_second: u64, metrics: &Metrics, stop: &Receiver<()>) {
    let goes_on = |pause| stop.recv_timeout(pause) == Err(RecvTimeoutError::Timeout);
    loop {
        let started = Instant::now();
        let mut pause = |bytes: u64| {
            metrics.scrubbed(bytes);
            goes_on(Duration::from_secs_f64(
                bytes as f64 / bytes_per_second as f64,
            ))
        };
        scrub.pass(&mut pause, &mut |damage| {
            metrics.damaged_file();
            error!(%damage, "a file of the ledger is damaged: see docs/healing.md");
        });
        if !goes_on(SCRUB_EVERY.saturating_sub(started.elapsed())) {
            return;
        }
    }
}

/// Cancelled on SIGTERM or SIGINT.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut terminate = {
        let _entered = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?
    };
    spawn("bds-signals", move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        });
        told.cancel();
    })?;
    Ok(stop)
}

/// What ends a validator.
enum First {
    /// The core ended by itself; what it did not hear is here.
    Core(core_loop::Ended, Inbox),
    /// The disk refused what is written beside the core.
    Refused(String),
    /// It is to stop.
    Stop,
}

fn wait_for_end(
    core: oneshot::Receiver<(core_loop::Ended, Inbox)>,
    refused: oneshot::Receiver<String>,
    stop: &CancellationToken,
) -> anyhow::Result<First> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = core => ended
                .map(|(ended, inbox)| First::Core(ended, inbox))
                .map_err(|_| anyhow!("the core thread panicked")),
            Ok(problem) = refused => Ok(First::Refused(problem)),
            () = stop.cancelled() => Ok(First::Stop),
        }
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .with_context(|| format!("cannot start thread {name}"))
}

fn start_logging(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(config.get::<String>("log.filter"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first one's logging.
    let _ = match config.get::<String>("log.format").as_str() {
        "json" => builder.json().try_init(),
        _ => builder.with_ansi(false).try_init(),
    };
}

fn core_config(genesis: &Genesis, me: ValidatorIndex, config: &Config) -> bds_core::config::Config {
    let mut core =
        bds_core::config::Config::new(genesis.chain_id(), genesis.validators.clone(), me);
    core.batch_bytes_max = config.get("consensus.batch_bytes");
    core.batch_delay_ms = config.get("consensus.batch_delay_ms");
    core.mempool_bytes_max = config.get("consensus.mempool_bytes");
    core.queue_ms = config.get("consensus.queue_ms");
    core.slot_interval_min_ms = config.get("consensus.slot_interval_ms");
    core.view_timeout_base_ms = config.get("consensus.view_timeout_ms");
    core.replay_blocks_max = config.get("consensus.replay_blocks");
    core
}

fn network_config(
    home: &Path,
    me: ValidatorIndex,
    config: &Config,
    profile: Profile,
    limits: Limits,
) -> anyhow::Result<NetworkConfig> {
    let seed = keys::read(&home.join(keys::NETWORK_KEY_FILE))?;
    let mut peers = Vec::new();
    for (index, text) in config.peers().filter(|(index, _)| *index != me) {
        let (peer_id, address) = network::address::read(text)
            .map_err(|problem| anyhow!("setting `peers.{index}` = `{text}`: {problem}"))?;
        peers.push(Peer {
            index,
            peer_id,
            address,
        });
    }
    let mut network = NetworkConfig::with_limits(
        limits,
        keys::network_identity(&seed),
        config.get("network.listen"),
        me,
        peers,
    );
    network.shared_key = keys::shared(home, profile)?.map(SharedKey);
    Ok(network)
}

/// The HTTP server and what stops it.
struct Http {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Who may read: what the setting says, which is what the profile says unless the operator has opened the interface.
fn access(home: &Path, config: &Config, genesis: &Genesis) -> anyhow::Result<Access> {
    let chain = genesis.chain_id();
    match config.get::<String>("api.reads").as_str() {
        "open" => Access::open(chain),
        _ => Access::of_profile(genesis.profile, chain, &home.join(READS_LOG_FILE)),
    }
}

fn start_http(
    address: SocketAddr,
    access: Access,
    service: Arc<Validator>,
) -> anyhow::Result<Http> {
    let listener = std::net::TcpListener::bind(address).with_context(|| {
        format!(
            "cannot listen on {address} (setting api.listen); another process may hold the port"
        )
    })?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bds-api")
        .enable_all()
        .build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = spawn("bds-api", move || {
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let stopped = async {
                let _ = stopped.await;
            };
            api::serve(listener, service, access, stopped).await
        });
        if let Err(problem) = served {
            error!(%problem, "the HTTP interface ended");
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
    })?;
    Ok(Http {
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// Closes admission while the disk has less free than the reserve.
fn watch_disk(home: PathBuf, reserve: u64, gate: Arc<Gate>) -> anyhow::Result<JoinHandle<()>> {
    spawn("bds-disk", move || {
        while !gate.stopping.load(Ordering::Acquire) {
            match store::free_bytes(&home) {
                Ok(free) => {
                    let low = free < reserve;
                    if gate.storage_low.swap(low, Ordering::AcqRel) != low {
                        warn!(
                            free,
                            reserve,
                            admission_open = !low,
                            "free disk space crossed the reserve"
                        );
                    }
                }
                Err(problem) => warn!(%problem, "cannot ask for free disk space"),
            }
            std::thread::sleep(DISK_INTERVAL);
        }
    })
}

/// Where the executed state stands, in the core's words.
fn executed_base(execution: &Execution) -> ExecutedBase {
    let place = execution.place();
    let tips = place
        .tips
        .iter()
        .map(|&(position, digest)| LaneTip { position, digest });
    ExecutedBase {
        header: place.header.clone(),
        tips: tips.collect(),
    }
}

/// Says once at start which GPU is in use, or why the engine runs on the CPU alone.
///
/// # Errors
/// Where a GPU is required and there is no real one, or the engine is told to use another backend.
fn say_gpu(backend: &str, required: bool) -> anyhow::Result<()> {
    let gpu = match (required, uses_gpu(backend)) {
        (true, _) => required_gpu(backend),
        (false, true) => crate::engine::gpu(false),
        (false, false) => return Ok(()),
    };
    match gpu {
        Ok(gpu) => info!(gpu, "the engine has a GPU"),
        Err(reason) if required => bail!("engine.require_gpu is on: {reason}"),
        Err(reason) => warn!(reason, "no GPU: the engine runs on the CPU"),
    }
    Ok(())
}
