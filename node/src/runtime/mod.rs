//! One validator as a running process.
//!
//! `validating` opens the home, recovers, starts the threads and waits for the end; `joining` takes a state from the others; `upkeep` is what is
//! done beside.
//!
//! | thread | work |
//! |---|---|
//! | `bds-core` | the core's turns and the disk |
//! | `bds-exec` | executes final slots |
//! | `bds-snapshot` | writes states for later starts, and for others |
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
mod http;
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
mod upkeep;
mod validating;
pub mod verification;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::joining::Joined;
use self::validating::{Ended, Process};
use crate::config::Config;
use crate::engine::{Engine, required_gpu, uses_gpu};
use crate::{keys, setup};

/// Where reads of a private ledger are logged, in the home.
pub const READS_LOG_FILE: &str = "reads.log";

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
