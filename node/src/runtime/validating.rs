//! One start of a validator: opens the home, recovers, starts the threads, waits for the end.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bds_contracts::block::{Height, ValidatorIndex};
use bds_contracts::genesis::{Genesis, Profile};
use bds_core::core::Core;
use bds_core::lanes::LaneTip;
use bds_core::recovery::{ExecutedBase, Recovered};
use crossbeam::channel::{bounded, unbounded};
use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use zeroize::Zeroizing;

use super::admission::{Admission, Gate, REQUESTS_MAX};
use super::core_loop::{self, Clock, CoreLoop, CoreNumbers, Inputs};
use super::executor::{Executor, Progress, Work};
use super::http::{access, start_http};
use super::joining::{Joined, Joining};
use super::reports::{Reporter, Reports};
use super::service::{Queues, Validator};
use super::serving::Serving;
use super::states::States;
use super::tracker::Tracker;
use super::upkeep::{retain, scrub_daily, watch_disk};
use super::{nonces, queued, scheme, spawn, verification};
use crate::config::Config;
use crate::engine::Engine;
use crate::execution::Execution;
use crate::keys;
use crate::metrics::Metrics;
use crate::network::{self, Inbox, Limits, NetworkConfig, Peer, SharedKey};
use crate::store::index::Index;
use crate::store::medium::Medium;
use crate::store::{self, INDEX_DIR, Reader, SNAPSHOTS_DIR, Snapshots, Store, StoreOptions};

/// Batches of admitted transactions waiting for the core.
const SUBMISSIONS_MAX: usize = 64;
/// Transactions whose outcome is remembered for waiting clients.
const TRACKED_MAX: usize = 1 << 20;
/// Certified blocks an event stream may lag before it has to re-read.
const BLOCKS_LAG_MAX: usize = 32;

/// How a start of the validator ended.
pub(super) enum Ended {
    /// It was told to.
    Stopped,
    /// It disagrees with a quorum.
    Halted(String),
    /// The disk refused; nothing that depended on the lost write has left.
    Disk(String),
    /// It was too far behind to execute what it missed, and this came of it.
    Behind(Joined),
}

/// What stays the same from one start of the validator to the next.
pub(super) struct Process<'a> {
    pub(super) home: &'a Path,
    pub(super) config: &'a Config,
    pub(super) genesis: Genesis,
    pub(super) seed: Zeroizing<[u8; 32]>,
    pub(super) me: ValidatorIndex,
    pub(super) engine: Arc<Engine>,
    pub(super) stop: CancellationToken,
}

impl Process<'_> {
    /// Opens the home, and validates until the end. For the first `replay` it catches up block by block, however far behind.
    pub(super) fn serve(&self, replay: Duration) -> anyhow::Result<Ended> {
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
        let (store, reader) = (opened.store, opened.reader);
        if let Some(damage) = opened.set_aside {
            error!(%damage, "the vote log is damaged and was set aside");
        }
        recovered.forgotten(match opened.forgotten {
            // Whatever was final for this validator is final for the ledger log but for what a view change said last, so two windows
            // above are further than any vote.
            Height::MAX => recovered.certified() + 2 * core_config.window,
            slot => slot,
        });
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
            forgotten: opened.forgotten,
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
                Execution::restore(genesis, engine, &snapshot)?
            }
            None => Execution::from_genesis(genesis, engine)?,
        };
        Ok((index, execution))
    }
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
