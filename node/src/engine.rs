//! The engine as this process uses it: one backend, or a scheduler over all, and a pool of threads of its own name.
//!
//! Large batches run on the pool; what is too small to be worth handing over runs on the caller's thread, so that a vote
//! never waits behind a lane batch.

pub mod remembered;

use std::path::Path;

use anyhow::Context as _;
use bds_engine::gpu::Gpu;
use bds_engine::merkle::{self, Sha512_256, Tree};
use bds_engine::scheduler::{Job, Size};
use bds_engine::{Backend, EngineError, SignatureItem, Verdicts, VerifyStats, may_share};

/// With fewer signatures than this, a batch stays on the caller's thread.
const POOL_SIGNATURES_MIN: usize = 64;

/// A batch as validators verify them under load, for saying which backend `auto` would take.
const USUAL_BATCH: Size = Size {
    items: 1024,
    bytes: 1024 * 192,
};

/// The backend of this name and what to call it; `auto` is a scheduler over all of them, calibrated now or as kept in this home, and called
/// as the one that large batches go to.
///
/// # Errors
/// When this machine lacks the backend.
pub fn backend(
    name: &str,
    home: Option<&Path>,
) -> Result<(Box<dyn Backend>, &'static str), EngineError> {
    if name == "auto" {
        let (scheduler, origin) = remembered::scheduler(home);
        let name = scheduler.choice(Job::Verify, USUAL_BATCH);
        tracing::info!(
            backend = name,
            remembered = origin.remembered,
            measured_ms = origin.at_ms,
            "the engine chooses among all backends"
        );
        return Ok((Box::new(scheduler), name));
    }
    let backend = bds_engine::by_name(name)?;
    let name = backend.name();
    Ok((backend, name))
}

/// The GPU of this process, in words; opened by the first call that asks.
///
/// # Errors
/// Why there is none, or that it is a software adapter where `real` asks for a GPU.
pub fn gpu(real: bool) -> Result<String, String> {
    let found = Gpu::shared().map_err(|reason| reason.to_string())?;
    let info = found.info();
    let words = format!(
        "{} ({}, {} kernels{})",
        info.name,
        info.driver,
        info.path,
        if info.software { ", software" } else { "" }
    );
    match real && info.software {
        true => Err(format!("only a software adapter: {words}")),
        false => Ok(words),
    }
}

/// Whether the backend of this name uses a GPU where there is one.
#[must_use]
pub fn uses_gpu(backend: &str) -> bool {
    matches!(backend, "auto" | "gpu")
}

/// As [`gpu`], for a node that must have a real one and is told to use this backend.
///
/// # Errors
/// As [`gpu`], and for a backend that uses none.
pub fn required_gpu(backend: &str) -> Result<String, String> {
    match uses_gpu(backend) {
        true => gpu(true),
        false => Err(format!(
            "engine.backend is {backend}, which uses no GPU: set auto or gpu"
        )),
    }
}

/// One signature to check: key, signature, message.
pub type Check<'a> = (&'a [u8; 32], &'a [u8; 64], &'a [u8]);

/// One backend, or a scheduler over all of them, and its threads.
pub struct Engine {
    backend: Box<dyn Backend>,
    name: &'static str,
    pool: rayon::ThreadPool,
}

impl Engine {
    /// Takes the backend of this name; `threads` 0 means one a core.
    ///
    /// # Errors
    /// When this machine lacks the backend, or threads cannot be started.
    pub fn new(name: &str, threads: usize) -> anyhow::Result<Self> {
        Self::with(name, threads, false, None)
    }

    /// As [`Engine::new`], for a validator with this home, where the calibration of `auto` is kept; `pin` ties each thread to one of the
    /// cores that this process may use.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn at_home(home: &Path, name: &str, threads: usize, pin: bool) -> anyhow::Result<Self> {
        Self::with(name, threads, pin, Some(home))
    }

    fn with(name: &str, threads: usize, pin: bool, home: Option<&Path>) -> anyhow::Result<Self> {
        let (backend, name) = backend(name, home)?;
        Ok(Self {
            backend,
            name,
            pool: pool(threads, pin)?,
        })
    }

    /// Name of the backend; under `auto`, of the one that large batches go to.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What verification has done so far.
    #[must_use]
    pub fn stats(&self) -> VerifyStats {
        self.backend.verify_stats()
    }

    /// Runs work on the pool, later.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.pool.spawn(work);
    }

    /// One verdict a signature, in order.
    #[must_use]
    pub fn verify(&self, checks: &[Check<'_>]) -> Vec<bool> {
        let items: Vec<SignatureItem<'_>> = checks
            .iter()
            .map(|&(key, signature, message)| SignatureItem {
                key,
                signature,
                message,
            })
            .collect();
        let mut verdicts = Verdicts::new();
        self.run(items.len() >= POOL_SIGNATURES_MIN, |backend| {
            backend.verify_ed25519(&items, &mut verdicts)
        });
        verdicts.iter().collect()
    }

    /// SHA-512 of each message.
    #[must_use]
    pub fn sha512(&self, messages: &[&[u8]]) -> Vec<[u8; 64]> {
        let mut digests = vec![[0; 64]; messages.len()];
        self.run(may_share(messages), |backend| {
            backend.sha512_many(messages, &mut digests)
        });
        digests
    }

    /// SHA-512/256 of each message into its place.
    ///
    /// # Panics
    /// When there are not as many places as messages; see above otherwise.
    pub fn sha512_256(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) {
        self.run(may_share(messages), |backend| {
            backend.sha512_256_many(messages, digests)
        });
    }

    /// RFC 9162 root (SHA-512/256) over `leaves`.
    #[must_use]
    pub fn root(&self, leaves: &[&[u8]]) -> [u8; 32] {
        self.run(may_share(leaves), |backend| {
            merkle::root::<Sha512_256>(backend, leaves)
        })
    }

    /// RFC 9162 tree (SHA-512/256) over `leaves`, for paths.
    #[must_use]
    pub fn tree(&self, leaves: &[&[u8]]) -> Tree<Sha512_256> {
        self.run(may_share(leaves), |backend| Tree::build(backend, leaves))
    }

    /// `pooled`: whether it may be shared between threads. What is not stays here, since waking another thread costs some microseconds.
    ///
    /// # Panics
    /// When the backend refuses: callers stay far below the largest batch, and `portable` has no other reason. A backend
    /// with a device of its own must fall back before it gets here.
    fn run<T: Send>(
        &self,
        pooled: bool,
        work: impl FnOnce(&dyn Backend) -> Result<T, EngineError> + Send,
    ) -> T {
        let backend = &*self.backend;
        let result = if pooled {
            self.pool.install(|| work(backend))
        } else {
            work(backend)
        };
        result.unwrap_or_else(|error| panic!("engine {}: {error}", backend.name()))
    }
}

/// Threads for an engine; `threads` 0 means one a core.
///
/// - `pin`: ties each to one of the cores that this process may use.
///
/// # Errors
/// When threads cannot be started.
pub fn pool(threads: usize, pin: bool) -> anyhow::Result<rayon::ThreadPool> {
    let cores = if pin { cores::allowed() } else { Vec::new() };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("bds-engine-{i}"))
        .start_handler(move |i| cores::pin_to(&cores, i))
        .build()
        .context("cannot start the engine's threads")
}

/// What keeps this many threads (0 is one a core) from having a core each, if anything does.
#[must_use]
pub fn cannot_pin(threads: usize) -> Option<String> {
    match cores::allowed().len() {
        0 => Some("this system does not say which cores there are".to_owned()),
        cores if threads > cores => Some(format!("{threads} threads on {cores} cores")),
        _ => None,
    }
}

/// Which core does a thread run on?
#[cfg(target_os = "linux")]
mod cores {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The cores this process may use; none when the kernel does not say.
    pub(super) fn allowed() -> Vec<usize> {
        let Ok(set) = sched_getaffinity(None) else {
            return Vec::new();
        };
        (0..CpuSet::MAX_CPU)
            .filter(|core| set.is_set(*core))
            .collect()
    }

    /// Ties the calling thread, number `index` of its pool, to one of `cores`, in turn; to none without any. Threads run
    /// as well without it, so a refusal is told and no error.
    pub(super) fn pin_to(cores: &[usize], index: usize) {
        let Some(core) = cores.get(index % cores.len().max(1)) else {
            return;
        };
        let mut only = CpuSet::new();
        only.set(*core);
        if let Err(problem) = sched_setaffinity(None, &only) {
            tracing::warn!(core, %problem, "cannot tie an engine thread to its core");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod cores {
    /// Nothing is known here, so nothing is tied.
    pub(super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn pin_to(_: &[usize], _: usize) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_as_many_threads_as_cores_can_be_pinned() {
        assert_eq!(cannot_pin(0), None);
        assert_eq!(cannot_pin(cores::allowed().len()), None);
        let problem = cannot_pin(100_000).unwrap();
        assert!(problem.starts_with("100000 threads on "), "{problem}");
    }

    #[test]
    fn a_required_gpu_must_be_used_as_well() {
        let problem = required_gpu("portable").unwrap_err();
        assert!(problem.contains("uses no GPU"), "{problem}");
    }

    #[test]
    fn auto_schedules_and_says_what_it_takes() {
        let auto = Engine::new("auto", 1).unwrap();
        assert_eq!(auto.backend.name(), "auto");
        let has: Vec<_> = bds_engine::available().iter().map(|b| b.name()).collect();
        assert!(has.contains(&auto.name()), "{} of {has:?}", auto.name());
        let forced = Engine::new("portable", 1).unwrap();
        assert_eq!(
            (forced.backend.name(), forced.name()),
            ("portable", "portable")
        );
        assert!(Engine::new("abacus", 1).is_err());
    }

    #[test]
    fn pinned_threads_stay_on_their_core_and_others_move_freely() {
        let here = || rustix::thread::sched_getaffinity(None).unwrap().count();
        let home = tempfile::tempdir().unwrap();
        let pinned = Engine::at_home(home.path(), "portable", 3, true).unwrap();
        assert_eq!(pinned.pool.broadcast(|_| here()), [1; 3]);
        let free = Engine::new("portable", 2).unwrap();
        assert_eq!(free.pool.broadcast(|_| here()), [here(); 2]);
    }
}
