//! How long does a call take? Its median, and how far others lie from it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A sample lasts at least this long, or the clock would be part of it; shorter calls are repeated within one.
const SAMPLE_MIN: Duration = Duration::from_micros(50);
/// Calls within one sample at most.
const CALLS_MAX: u32 = 10_000;
/// However long a call takes, so many are timed.
const SAMPLES_MIN: usize = 3;

/// What repeated calls took, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Half of the samples took less.
    pub median_ns: f64,
    /// A tenth took less.
    pub low_ns: f64,
    /// A tenth took more.
    pub high_ns: f64,
    /// Number of samples.
    pub samples: usize,
}

impl Timing {
    /// The same for one of `items` that a call handles.
    #[must_use]
    pub fn per(self, items: usize) -> Self {
        let items = items as f64;
        Self {
            median_ns: self.median_ns / items,
            low_ns: self.low_ns / items,
            high_ns: self.high_ns / items,
            samples: self.samples,
        }
    }

    /// Of samples in nanoseconds.
    ///
    /// # Panics
    /// Without any sample.
    #[must_use]
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize];
        Self {
            median_ns: at(0.5),
            low_ns: at(0.1),
            high_ns: at(0.9),
            samples: samples.len(),
        }
    }
}

/// Times `call` over and over for `limit`, after one call that does not count.
pub fn repeated(limit: Duration, mut call: impl FnMut()) -> Timing {
    call();
    let once = Instant::now();
    call();
    let calls = SAMPLE_MIN.as_nanos() / once.elapsed().as_nanos().max(1);
    let calls = u32::try_from(calls)
        .unwrap_or(CALLS_MAX)
        .clamp(1, CALLS_MAX);
    collect(limit, || {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    })
}

/// Times `call` on something new each time, which is made outside the clock but within `limit`.
pub fn fresh<T>(limit: Duration, mut make: impl FnMut() -> T, mut call: impl FnMut(&T)) -> Timing {
    call(&make());
    collect(limit, || {
        let new = make();
        let start = Instant::now();
        call(&new);
        start.elapsed().as_nanos() as f64
    })
}

fn collect(limit: Duration, mut sample: impl FnMut() -> f64) -> Timing {
    let start = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < SAMPLES_MIN || start.elapsed() < limit {
        samples.push(sample());
    }
    Timing::of(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_tenths_are_those_of_the_samples() {
        let timing = Timing::of((0..=100).rev().map(f64::from).collect());
        let parts = (timing.low_ns, timing.median_ns, timing.high_ns);
        assert_eq!((parts, timing.samples), ((10.0, 50.0, 90.0), 101));
        assert_eq!(timing.per(10).median_ns, 5.0);
        let mut calls = 0;
        let timing = fresh(Duration::ZERO, || 7, |seven| calls += seven);
        assert_eq!(
            (timing.samples, calls),
            (SAMPLES_MIN, 7 * (SAMPLES_MIN + 1))
        );
    }
}
