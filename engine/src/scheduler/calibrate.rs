//! What does each backend cost on this machine? Measured once, at start, on the calling thread.
//!
//! Samples are the same in every run, and small: a batch of 256 signatures stays on one thread, so that no pool is
//! started here and the figures of all backends mean the same. The cores are measured by the time that this thread spent on one:
//! validators that start side by side, or on a machine under load, then find the same order as one that starts alone.

use std::time::{Duration, Instant};

use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest as _, Sha512};

use super::model::{Job, Model, Sample, Size};
use crate::{Backend, EngineError, HashAlgorithm, SignatureItem, Verdicts};

/// Time for everything, the making of the samples included, by the clock of whoever works. Only the samples that are always taken
/// may overrun it.
pub(super) const CALIBRATION_MAX: Duration = Duration::from_millis(150);
/// Items of the samples: one or two for each class of sizes that stays on one thread.
const ITEMS: [usize; 6] = [1, 4, 8, 32, 128, 256];
/// Of these, taken however late it is: without them there is no model.
const ITEMS_ALWAYS: [usize; 2] = [1, 32];
/// Different signatures, each by a signer of its own; larger samples repeat them.
const SIGNATURES: usize = 64;
/// A sample is measured so often at least, and at most while there is time; the least time counts.
const RUNS_MIN: usize = 3;
const RUNS_MAX: usize = 5;
/// Bytes of a message, the size of a usual transaction and of a pair of nodes.
const MESSAGE_BYTES: usize = 128;
/// Bytes of a leaf.
const LEAF_BYTES: usize = 64;
/// Items and bytes of each in the call that tells the price of a byte.
const LONG: (usize, usize) = (32, 4096);

/// What every backend is asked to do.
struct Samples {
    signed: Vec<([u8; 32], [u8; 64])>,
    /// Over all bytes, where `signed` is over the first [`MESSAGE_BYTES`].
    signed_long: Vec<([u8; 32], [u8; 64])>,
    /// The first bytes of it are every message there is.
    bytes: Vec<u8>,
}

/// A model for each job of `backend` in the order of [`Job::ALL`]; `None` when it fails, or refuses what is valid.
pub(super) type Models = Option<[Model; 3]>;

/// What the time of a call is read off.
#[derive(Clone, Copy)]
enum Clock {
    /// The time this thread has spent on a core: what others do there does not count.
    #[cfg(unix)]
    Thread,
    /// The time that has passed since: of a device it is all there is to read.
    Wall(Instant),
}

impl Clock {
    /// For work of the cores: the thread's time, where the system tells it.
    fn of_cores() -> Self {
        #[cfg(unix)]
        return Self::Thread;
        #[cfg(not(unix))]
        return Self::wall();
    }

    fn wall() -> Self {
        Self::Wall(Instant::now())
    }

    fn of(backend: &dyn Backend) -> Self {
        if backend.shares_cores() {
            Self::of_cores()
        } else {
            Self::wall()
        }
    }

    fn now(self) -> Duration {
        match self {
            #[cfg(unix)]
            Self::Thread => {
                use rustix::time::{ClockId, clock_gettime};
                Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
            }
            Self::Wall(start) => start.elapsed(),
        }
    }
}

/// When to be done, by which clock.
#[derive(Clone, Copy)]
struct Until {
    clock: Clock,
    end: Duration,
}

/// Measures every backend. Takes at most [`CALIBRATION_MAX`] and some.
pub(super) fn measure(backends: &[Box<dyn Backend>]) -> Vec<Models> {
    let cores = Clock::of_cores();
    let begin = cores.now();
    let samples = Samples::new();
    let mut spent = cores.now() - begin;
    let mut parts_left = (backends.len() * Job::ALL.len()) as u32;
    let mut model = |backend: &dyn Backend, job: Job| {
        let clock = Clock::of(backend);
        let begin = clock.now();
        let share = CALIBRATION_MAX.saturating_sub(spent) / parts_left;
        let end = begin + share;
        let model = measure_job(backend, job, &samples, Until { clock, end });
        spent += clock.now() - begin;
        parts_left -= 1;
        model
    };
    let mut models = |backend: &dyn Backend| {
        let [verify, sha512, tree] = Job::ALL.map(|job| model(backend, job));
        Some([verify.ok()?, sha512.ok()?, tree.ok()?])
    };
    backends.iter().map(|backend| models(&**backend)).collect()
}

/// Whether each backend does every job once, and takes valid signatures for valid.
pub(super) fn try_all(backends: &[Box<dyn Backend>]) -> Vec<bool> {
    let samples = Samples::new();
    let fit = |backend: &dyn Backend| {
        let clock = Clock::of(backend);
        let until = Until {
            clock,
            end: clock.now(),
        };
        let jobs = Job::ALL.map(|job| samples.time(backend, job, 32, MESSAGE_BYTES, until));
        jobs.iter().all(Result::is_ok)
    };
    backends.iter().map(|backend| fit(&**backend)).collect()
}

/// Why a sample gave no time. Neither an error nor a wrong verdict is looked into: the backend is not used.
struct Unfit;

impl From<EngineError> for Unfit {
    fn from(_: EngineError) -> Self {
        Self
    }
}

fn measure_job(
    backend: &dyn Backend,
    job: Job,
    samples: &Samples,
    until: Until,
) -> Result<Model, Unfit> {
    let item_bytes = if matches!(job, Job::Tree) {
        LEAF_BYTES
    } else {
        MESSAGE_BYTES
    };
    let mut timed: Vec<Sample> = Vec::with_capacity(ITEMS.len());
    for items in ITEMS {
        // A machine slower than expected measures less, not longer.
        if !ITEMS_ALWAYS.contains(&items)
            && timed
                .last()
                .is_some_and(|last| !fits(last, items, item_bytes, until))
        {
            continue;
        }
        timed.push(samples.time(backend, job, items, item_bytes, until)?);
    }
    let (items, long_bytes) = LONG;
    let long = match timed.last() {
        Some(last) if fits(last, items, long_bytes, until) => {
            Some(samples.time(backend, job, items, long_bytes, until)?)
        }
        _ => None,
    };
    Ok(Model::fit(&timed, long))
}

/// Is there time left for a sample of `items`, going by the last one?
fn fits(last: &Sample, items: usize, item_bytes: usize, until: Until) -> bool {
    let growth = (items * item_bytes) as f64 / last.size.bytes as f64;
    let expected = RUNS_MIN as f64 * last.nanos * growth.max(1.0);
    until.clock.now() + Duration::from_nanos(expected as u64) < until.end
}

impl Samples {
    fn new() -> Self {
        let bytes: Vec<u8> = (0..LONG.1).map(|i| (i % 251) as u8).collect();
        let sign_all = |signers: usize, message: &[u8]| {
            (0..signers).map(|signer| sign(signer, message)).collect()
        };
        Self {
            signed: sign_all(SIGNATURES, &bytes[..MESSAGE_BYTES]),
            signed_long: sign_all(LONG.0, &bytes),
            bytes,
        }
    }

    /// The least time of a few runs.
    fn time(
        &self,
        backend: &dyn Backend,
        job: Job,
        items: usize,
        item_bytes: usize,
        until: Until,
    ) -> Result<Sample, Unfit> {
        let message = &self.bytes[..item_bytes];
        let least = match job {
            Job::Verify => {
                let signed = if item_bytes == MESSAGE_BYTES {
                    &self.signed
                } else {
                    &self.signed_long
                };
                let items: Vec<_> = (signed.iter().cycle().take(items))
                    .map(|(key, signature)| SignatureItem {
                        key,
                        signature,
                        message,
                    })
                    .collect();
                let mut verdicts = Verdicts::new();
                least_time(until, || {
                    backend.verify_ed25519(&items, &mut verdicts)?;
                    verdicts.all_valid().then_some(()).ok_or(Unfit)
                })?
            }
            Job::Sha512 => {
                let messages = vec![message; items];
                let mut digests = vec![[0; 64]; items];
                least_time(until, || Ok(backend.sha512_many(&messages, &mut digests)?))?
            }
            Job::Tree => {
                let leaves = vec![message; items];
                let height = items.next_power_of_two().ilog2();
                let mut root = [0; 32];
                let hash = HashAlgorithm::Sha512_256;
                least_time(until, || {
                    Ok(backend.leaf_roots(hash, &leaves, height, &mut root)?)
                })?
            }
        };
        Ok(Sample {
            size: Size {
                items,
                bytes: items * item_bytes,
            },
            nanos: least,
        })
    }
}

fn least_time(until: Until, mut call: impl FnMut() -> Result<(), Unfit>) -> Result<f64, Unfit> {
    let mut least = Duration::MAX;
    for run in 0..RUNS_MAX {
        let start = until.clock.now();
        if run >= RUNS_MIN && start + least > until.end {
            break;
        }
        call()?;
        least = least.min(until.clock.now() - start);
    }
    Ok(least.as_nanos().max(1) as f64)
}

/// Key and signature of signer number `signer`. The secrets are public: nothing but this calibration may trust them.
fn sign(signer: usize, message: &[u8]) -> ([u8; 32], [u8; 64]) {
    let scalar = |parts: &[&[u8]]| {
        let mut hash = Sha512::new();
        parts.iter().for_each(|part| hash.update(part));
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    };
    let secret = scalar(&[b"calibration signer", &signer.to_le_bytes()]);
    let nonce = scalar(&[secret.as_bytes(), message]);
    let key = EdwardsPoint::mul_base(&secret).compress().to_bytes();
    let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
    let s = nonce + scalar(&[&r, &key, message]) * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    (key, signature)
}
