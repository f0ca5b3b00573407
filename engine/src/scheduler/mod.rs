//! Which backend takes this call? The one that will be done first.
//!
//! Every backend computes the same bytes, so the choice is about time only: a model says how long each would take,
//! calibrated once at start and corrected by the clock since. A backend that gives an error is passed over, the next one
//! answers, and for a growing number of calls it comes last; the caller sees an error only when there is none left.
//!
//! Backends on the same cores are slowed by the same things: other processes, keys not seen before, invalid signatures.
//! So a measurement of one corrects the forecast of all of them and leaves their order as calibrated; a node under load
//! never flees to a slower one. Between the cores and a device of its own the clock decides.
//!
//! A device enters as one more entry of [`crate::available`]. What runs already delays the CPU backends alike and cancels
//! out of the choice; a device with a queue has to add the predicted rest of it to its forecast.

mod calibrate;
mod calibration;
mod model;
mod split;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

pub use calibration::{Calibration, CalibrationError};
pub use model::{Cost, Job, Size};

use crate::{Backend, EngineError, HashAlgorithm, SignatureItem, Verdicts, VerifyStats};
use calibrate::Models;
use model::Model;

/// A call this short is not timed: the clock and chance would count for more than the work.
const TIMED_NS_MIN: f64 = 5000.0;
/// A backend must be predicted to need less than this share of the time of one that is faster by general knowledge, or
/// chance would decide between two that do the same.
const PREFERRED_SHARE: f64 = 0.9;
/// Calls for which a backend comes last after its first error; twice as many after each further one in a row.
const REST_CALLS_MIN: u32 = 64;
/// And at most so many.
const REST_CALLS_MAX: u32 = 65_536;

/// Several backends behind the interface of one.
pub struct Scheduler {
    /// At least one, fastest first by general knowledge. At most 64, and never more than a handful.
    seats: Vec<Seat>,
    /// None of the backends was left out.
    is_whole: bool,
    /// What the backends had verified before: the calibration.
    before: VerifyStats,
}

/// A backend and what is known about it.
struct Seat {
    backend: Box<dyn Backend>,
    /// In the order of [`Job::ALL`].
    models: [Model; 3],
    /// Calls for which it still comes last.
    rest: AtomicU32,
    /// Length of its next rest.
    next_rest: AtomicU32,
}

impl Scheduler {
    /// Over every backend of this machine, calibrated now: takes up to 200 ms on the calling thread, and where this is the
    /// first to ask for the GPU of this process, as long as its driver needs to compile the kernels: seconds.
    #[must_use]
    pub fn auto() -> Self {
        Self::new(crate::available())
    }

    /// Over these backends, fastest first, calibrated now.
    ///
    /// One that fails the calibration, or refuses a valid signature in it, is left out, unless all do.
    ///
    /// # Panics
    /// Without any backend, or with more than 64.
    #[must_use]
    pub fn new(backends: Vec<Box<dyn Backend>>) -> Self {
        let models = calibrate::measure(&backends);
        Self::with(backends, models)
    }

    /// Over every backend of this machine, as it was calibrated before; `None` when that was with other backends. Each is tried all the
    /// same, and one that fails or refuses a valid signature is left out. Takes some milliseconds, beside what [`Self::auto`] says of a
    /// GPU.
    #[must_use]
    pub fn remembering(known: &Calibration) -> Option<Self> {
        Self::with_known(crate::available(), known)
    }

    fn with_known(backends: Vec<Box<dyn Backend>>, known: &Calibration) -> Option<Self> {
        let names: Vec<&str> = backends.iter().map(|backend| backend.name()).collect();
        if !known.is_of(names.into_iter()) {
            return None;
        }
        let fit = calibrate::try_all(&backends);
        let models = backends.iter().zip(fit);
        let models = models.map(|(backend, fit)| known.models(backend.name()).filter(|_| fit));
        let models = models.collect();
        Some(Self::with(backends, models))
    }

    /// What the calibration found, without what was learned since; `None` when a backend of this machine was left out, so that the next
    /// start tries it anew.
    #[must_use]
    pub fn calibration(&self) -> Option<Calibration> {
        let seats = self.seats.iter();
        let seats = seats.map(|seat| (seat.backend.name(), &seat.models));
        self.is_whole.then(|| Calibration::of(seats))
    }

    fn with(backends: Vec<Box<dyn Backend>>, models: Vec<Models>) -> Self {
        let is_whole = models.iter().all(Option::is_some);
        let all_unfit = models.iter().all(Option::is_none);
        let unknown = || Job::ALL.map(|_| Model::fit(&[], None));
        let seats: Vec<Seat> = (backends.into_iter().zip(models))
            .filter_map(|(backend, models)| {
                let models = if all_unfit { unknown() } else { models? };
                Some(Seat::new(backend, models))
            })
            .collect();
        assert!(
            (1..=64).contains(&seats.len()),
            "{} backends to choose from",
            seats.len()
        );
        let mut scheduler = Self {
            seats,
            is_whole,
            before: VerifyStats::default(),
        };
        scheduler.before = scheduler.verify_stats();
        // Keys known since the calibration are held all the same.
        scheduler.before.keys_cached = 0;
        scheduler
    }

    /// Name of the backend that a call of this size would go to now.
    #[must_use]
    pub fn choice(&self, job: Job, size: Size) -> &'static str {
        let first = self.next(Some((job, size)), 0).expect("at least one");
        self.seats[first].backend.name()
    }

    /// Name of the backend that would share a call of this size with [`Scheduler::choice`], if one would: large batches of
    /// signatures are shared by the cores and a device.
    #[must_use]
    pub fn partner(&self, job: Job, size: Size) -> Option<&'static str> {
        let choice = self.choice(job, size);
        let pair = self.pair(job, size)?;
        let mut names = pair
            .map(|index| self.seats[index].backend.name())
            .into_iter();
        names.find(|name| *name != choice)
    }

    /// Each backend with its calibrated line for this job, fastest first by general knowledge.
    pub fn costs(&self, job: Job) -> impl Iterator<Item = (&'static str, Cost)> + '_ {
        let line = move |seat: &Seat| (seat.backend.name(), seat.models[job as usize].cost());
        self.seats.iter().map(line)
    }

    /// Each backend with the nanoseconds that a call of this size would take, by all that is known now.
    #[cfg(test)]
    fn forecast(&self, job: Job, size: Size) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        let finish = move |seat: &Seat| (seat.backend.name(), seat.finish_ns(job, size));
        self.seats.iter().map(finish)
    }

    /// Hands the work to one backend after the other until one answers. Work without a model goes to the first.
    fn run(
        &self,
        work: Option<(Job, Size)>,
        mut call: impl FnMut(&dyn Backend) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.seats.iter().for_each(Seat::tick);
        let mut tried = 0_u64;
        let mut last_error = None;
        while let Some(index) = self.next(work, tried) {
            tried |= 1 << index;
            let seat = &self.seats[index];
            let timed = work.filter(|&(job, size)| seat.finish_ns(job, size) >= TIMED_NS_MIN);
            let start = timed.map(|_| Instant::now());
            match call(&*seat.backend) {
                Ok(()) => {
                    seat.next_rest.store(REST_CALLS_MIN, Ordering::Relaxed);
                    if let (Some((job, size)), Some(start)) = (timed, start) {
                        self.record(index, job, size, start.elapsed().as_nanos() as f64);
                    }
                    return Ok(());
                }
                // The caller's fault, and the same everywhere.
                Err(error @ EngineError::BatchTooLarge { .. }) => return Err(error),
                Err(error) => {
                    seat.retire();
                    last_error = Some(error);
                }
            }
        }
        Err(last_error.expect("at least one backend was tried"))
    }

    /// The best of those not yet tried: rested before resting, then by predicted finish, then by place.
    fn next(&self, work: Option<(Job, Size)>, tried: u64) -> Option<usize> {
        let mut best: Option<(usize, bool, f64)> = None;
        for (index, seat) in self.seats.iter().enumerate() {
            if tried >> index & 1 == 1 {
                continue;
            }
            let resting = seat.resting();
            let finish = work.map_or(0.0, |(job, size)| seat.finish_ns(job, size));
            let better = match best {
                None => true,
                Some((_, best_resting, _)) if best_resting != resting => best_resting,
                Some((.., least)) => finish < PREFERRED_SHARE * least,
            };
            if better {
                best = Some((index, resting, finish));
            }
        }
        best.map(|(index, ..)| index)
    }

    /// The device and the CPU backend that together would be done clearly sooner than either alone.
    fn pair(&self, job: Job, size: Size) -> Option<[usize; 2]> {
        let shared = split::SHARED_ITEMS_MIN..=crate::BATCH_ITEMS_MAX;
        if !matches!(job, Job::Verify) || !shared.contains(&size.items) {
            return None;
        }
        let best = |shares_cores: bool| {
            let seats = (self.seats.iter().enumerate())
                .filter(|(_, seat)| seat.backend.shares_cores() == shares_cores && !seat.resting());
            seats
                .map(|(index, seat)| (index, seat.finish_ns(job, size)))
                .min_by(|a, b| a.1.total_cmp(&b.1))
        };
        let ((device, device_ns), (cpu, cpu_ns)) = (best(false)?, best(true)?);
        let together_ns = device_ns * cpu_ns / (device_ns + cpu_ns);
        (together_ns < PREFERRED_SHARE * device_ns.min(cpu_ns)).then_some([device, cpu])
    }

    /// Verifies on two backends at once.
    fn share(
        &self,
        pair: [usize; 2],
        size: Size,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        self.seats.iter().for_each(Seat::tick);
        let [a, b] = pair.map(|index| self.seats[index].finish_ns(Job::Verify, size));
        let pieces =
            [(a, b), (b, a)].map(|(own, other)| split::piece_items(items.len(), own, other));
        split::verify(items, verdicts, pieces, &|side, part, own| {
            let index = pair[side];
            let seat = &self.seats[index];
            let start = Instant::now();
            let done = seat.backend.verify_ed25519(part, own);
            match &done {
                Ok(()) => {
                    seat.next_rest.store(REST_CALLS_MIN, Ordering::Relaxed);
                    let nanos = start.elapsed().as_nanos() as f64;
                    self.record(index, Job::Verify, size_of_items(part), nanos);
                }
                Err(_) => seat.retire(),
            }
            done
        })
    }

    fn record(&self, index: usize, job: Job, size: Size, nanos: f64) {
        let asked = &self.seats[index];
        let model = &asked.models[job as usize];
        model.learn(size, nanos);
        let drift = model.drift(size);
        let others = self.seats.iter().enumerate().filter(|(i, _)| *i != index);
        for (_, seat) in others {
            let model = &seat.models[job as usize];
            if asked.backend.shares_cores() && seat.backend.shares_cores() {
                model.take_drift(size, drift);
            } else {
                model.follow(size, drift);
            }
        }
    }
}

impl Seat {
    fn new(backend: Box<dyn Backend>, models: [Model; 3]) -> Self {
        Self {
            backend,
            models,
            rest: AtomicU32::new(0),
            next_rest: AtomicU32::new(REST_CALLS_MIN),
        }
    }

    /// Nanoseconds from now until this backend would be done.
    fn finish_ns(&self, job: Job, size: Size) -> f64 {
        self.models[job as usize].predict(size)
    }

    fn resting(&self) -> bool {
        self.rest.load(Ordering::Relaxed) > 0
    }

    /// One call nearer to the end of its rest, if it has one.
    fn tick(&self) {
        if self.resting() {
            // Threads may race to the end; then there is nothing to take away.
            let _ = (self.rest).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rest| {
                rest.checked_sub(1)
            });
        }
    }

    fn retire(&self) {
        let rest = self.next_rest.load(Ordering::Relaxed);
        self.rest.store(rest, Ordering::Relaxed);
        let next = rest.saturating_mul(2).min(REST_CALLS_MAX);
        self.next_rest.store(next, Ordering::Relaxed);
    }
}

impl Backend for Scheduler {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn sha512_many(&self, messages: &[&[u8]], digests: &mut [[u8; 64]]) -> Result<(), EngineError> {
        let work = (Job::Sha512, size_of_all(messages));
        self.run(Some(work), |backend| backend.sha512_many(messages, digests))
    }

    fn sha512_256_many(
        &self,
        messages: &[&[u8]],
        digests: &mut [[u8; 32]],
    ) -> Result<(), EngineError> {
        let work = (Job::Sha512, size_of_all(messages));
        self.run(Some(work), |backend| {
            backend.sha512_256_many(messages, digests)
        })
    }

    fn sha256_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.run(None, |backend| backend.sha256_many(messages, digests))
    }

    fn blake3_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.run(None, |backend| backend.blake3_many(messages, digests))
    }

    fn leaf_roots(
        &self,
        hash: HashAlgorithm,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        let work = tree_of(hash, size_of_all(leaves));
        self.run(work, |backend| {
            backend.leaf_roots(hash, leaves, height, roots)
        })
    }

    fn subtree_roots(
        &self,
        hash: HashAlgorithm,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        let items = nodes.len() / hash.digest_bytes();
        let bytes = nodes.len();
        let work = tree_of(hash, Size { items, bytes });
        self.run(work, |backend| {
            backend.subtree_roots(hash, nodes, height, roots)
        })
    }

    fn verify_ed25519(
        &self,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        let size = size_of_items(items);
        if let Some(pair) = self.pair(Job::Verify, size)
            && self.share(pair, size, items, verdicts).is_ok()
        {
            return Ok(());
        }
        // Not shared, or both failed at it and come last now.
        self.run(Some((Job::Verify, size)), |backend| {
            backend.verify_ed25519(items, verdicts)
        })
    }

    /// All backends together, without the calibration.
    fn verify_stats(&self) -> VerifyStats {
        let mut sum = VerifyStats::default();
        for stats in self.seats.iter().map(|seat| seat.backend.verify_stats()) {
            combine(&mut sum, &stats, |a, b| a + b);
        }
        combine(&mut sum, &self.before, |a, b| a - b);
        sum
    }
}

fn size_of_items(items: &[SignatureItem<'_>]) -> Size {
    Size {
        items: items.len(),
        bytes: items.iter().map(|item| item.message.len()).sum(),
    }
}

fn size_of_all(messages: &[&[u8]]) -> Size {
    Size {
        items: messages.len(),
        bytes: messages.iter().map(|message| message.len()).sum(),
    }
}

/// Trees over other hashes cost the same on every backend of a CPU and have no model.
fn tree_of(hash: HashAlgorithm, size: Size) -> Option<(Job, Size)> {
    match hash {
        HashAlgorithm::Sha512 | HashAlgorithm::Sha512_256 => Some((Job::Tree, size)),
        HashAlgorithm::Sha256 | HashAlgorithm::Blake3 => None,
    }
}

fn combine(into: &mut VerifyStats, other: &VerifyStats, with: impl Fn(u64, u64) -> u64) {
    // All fields by name: a new one does not compile until it is here.
    let VerifyStats {
        signatures,
        invalid,
        by_equation,
        equations,
        equations_failed,
        key_hits,
        key_misses,
        keys_cached,
    } = into;
    *signatures = with(*signatures, other.signatures);
    *invalid = with(*invalid, other.invalid);
    *by_equation = with(*by_equation, other.by_equation);
    *equations = with(*equations, other.equations);
    *equations_failed = with(*equations_failed, other.equations_failed);
    *key_hits = with(*key_hits, other.key_hits);
    *key_misses = with(*key_misses, other.key_misses);
    *keys_cached = with(*keys_cached, other.keys_cached);
}
