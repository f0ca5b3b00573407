//! How many times as much do two threads do as one? Samples of both in turn, while the machine gives two whole cores.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use bds_benches::{Signed, signatures};
use bds_engine::{Backend, Verdicts};
use bds_node::engine;
use bds_node::measure::timing::Timing;

use crate::fastest;

/// A round counts when two threads, each for itself, do so many times as much as one, before it and after it.
/// What is asked of the engine, too.
pub(crate) const TWO_THREADS_MIN: f64 = 1.9;
/// Waits for such rounds at most so many times as long as they shall last; when there are too few by then, all are shown.
const PATIENCE: u32 = 8;
/// Rounds, or samples, at least.
const ROUNDS_MIN: usize = 10;

/// On how many threads samples are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    One,
    OneAndTwo,
}

/// What a sample took.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) one: Timing,
    pub(crate) two: Option<Timing>,
    /// Of the rounds of both those that count; 0 when there were too few and all are in here.
    pub(crate) counted: usize,
    pub(crate) rounds: usize,
}

/// Takes samples.
pub(crate) struct Turns {
    pools: [rayon::ThreadPool; 2],
    /// What shows whether there are two cores: this many signatures are for one thread, some 100 microseconds.
    signed: Vec<Signed>,
    backends: [Box<dyn Backend>; 2],
}

impl Times {
    /// The same for one of `items` that a sample handles.
    pub(crate) fn per(self, items: usize) -> Self {
        Self {
            one: self.one.per(items),
            two: self.two.map(|two| two.per(items)),
            ..self
        }
    }

    /// How many times as much two threads do as one.
    pub(crate) fn scaling(&self) -> Option<f64> {
        self.two.map(|two| self.one.median_ns / two.median_ns)
    }
}

impl Turns {
    pub(crate) fn new() -> Self {
        // Tied to cores: of two threads that wake again and again, the kernel often puts both on one core.
        let pool = |threads| engine::pool(threads, true).expect("threads can be started");
        Self {
            pools: [pool(1), pool(2)],
            signed: signatures(64, 64),
            backends: [fastest(), fastest()],
        }
    }

    /// Times `sample` for `limit` on one thread and, in turn, for as long on two.
    pub(crate) fn time(
        &self,
        limit: Duration,
        threads: Threads,
        mut sample: impl FnMut() -> Duration + Send,
    ) -> Times {
        match threads {
            Threads::One => Times {
                one: self.one(limit, sample),
                two: None,
                counted: 0,
                rounds: 0,
            },
            Threads::OneAndTwo => self.both(limit, &mut sample),
        }
    }

    fn one(&self, limit: Duration, mut sample: impl FnMut() -> Duration + Send) -> Timing {
        let (start, mut samples) = (Instant::now(), Vec::new());
        while samples.len() < ROUNDS_MIN || start.elapsed() < limit {
            samples.push(self.nanos(0, &mut sample));
        }
        Timing::of(samples)
    }

    fn both(&self, limit: Duration, sample: &mut (impl FnMut() -> Duration + Send)) -> Times {
        let (mut all, mut counted) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
        let (start, mut lasted) = (Instant::now(), Duration::ZERO);
        let mut whole = self.whole_cores();
        while all[0].len() < ROUNDS_MIN
            || lasted < 2 * limit && start.elapsed() < 2 * PATIENCE * limit
        {
            let round = Instant::now();
            let nanos = [0, 1].map(|pool| self.nanos(pool, sample));
            let before = std::mem::replace(&mut whole, self.whole_cores());
            let counts = before && whole;
            for (pool, nanos) in nanos.into_iter().enumerate() {
                all[pool].push(nanos);
                if counts {
                    counted[pool].push(nanos);
                }
            }
            if counts {
                lasted += round.elapsed();
            }
        }
        let rounds = all[0].len();
        let (counted, [one, two]) = match counted[0].len() {
            0..ROUNDS_MIN => (0, all.map(Timing::of)),
            enough => (enough, counted.map(Timing::of)),
        };
        Times {
            one,
            two: Some(two),
            counted,
            rounds,
        }
    }

    fn nanos(&self, pool: usize, sample: &mut (impl FnMut() -> Duration + Send)) -> f64 {
        self.pools[pool].install(sample).as_nanos() as f64
    }

    /// Two virtual cores may be one real core, or share theirs with a neighbour, for seconds at a time. So each of two
    /// threads does what one does alone, with a backend of its own.
    fn whole_cores(&self) -> bool {
        let work = |thread: usize| {
            let start = Instant::now();
            let items: Vec<_> = self.signed.iter().map(Signed::item).collect();
            let verified = self.backends[thread].verify_ed25519(&items, &mut Verdicts::new());
            verified.expect("far below the limit");
            start.elapsed()
        };
        let [one, two] = &self.pools;
        let alone = one.install(|| {
            work(0);
            work(0)
        });
        let ready = Barrier::new(2);
        let together = two.broadcast(|thread| {
            work(thread.index());
            ready.wait();
            work(thread.index())
        });
        let slower = together.into_iter().max().expect("two of them");
        2.0 * alone.as_secs_f64() >= TWO_THREADS_MIN * slower.as_secs_f64()
    }
}
