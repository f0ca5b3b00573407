//! May work go to the device now? A circuit breaker; the clock is the caller's.
//!
//! Closed: yes. A fault opens it, and everything goes to the CPU. After a rest one call asks for a probe, which runs the
//! known-answer test beside the work; if it passes the breaker closes, else the next rest is twice as long. A device
//! that passes the test and soon fails again does not start anew: its rest keeps growing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Rest after a first fault.
const REST_MIN: Duration = Duration::from_secs(1);
/// Longest rest.
const REST_MAX: Duration = Duration::from_secs(300);
/// A device that worked for so many times its last rest has earned a short one.
const PARDON: u32 = 20;

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// The device is trusted.
    Device,
    /// It rests.
    Cpu,
    /// Its rest is over: have it probed, and take the CPU meanwhile. Said once a rest.
    CpuAndProbe,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { since: Instant, rest: Duration },
    Open { until: Instant, rest: Duration },
    Probing { rest: Duration },
}

/// The breaker of one device.
pub(super) struct Breaker {
    state: Mutex<State>,
}

impl Breaker {
    /// Closed.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: Mutex::new(State::Closed {
                since: now,
                rest: Duration::ZERO,
            }),
        }
    }

    /// Where a call at `now` goes.
    pub(super) fn route(&self, now: Instant) -> Route {
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Route::Device,
            State::Open { until, rest } if now >= until => {
                *state = State::Probing { rest };
                Route::CpuAndProbe
            }
            State::Open { .. } | State::Probing { .. } => Route::Cpu,
        }
    }

    /// A fault was seen, by a call or by a probe. Calls that were on the way together count once.
    pub(super) fn trip(&self, now: Instant) {
        let mut state = self.state();
        let rest = match *state {
            State::Closed { since, rest } => {
                if now.saturating_duration_since(since) > rest * PARDON {
                    REST_MIN
                } else {
                    (rest * 2).clamp(REST_MIN, REST_MAX)
                }
            }
            State::Open { .. } => return,
            State::Probing { rest } => (rest * 2).clamp(REST_MIN, REST_MAX),
        };
        *state = State::Open {
            until: now + rest,
            rest,
        };
    }

    /// The known-answer test passed.
    pub(super) fn probe_passed(&self, now: Instant) {
        let mut state = self.state();
        if let State::Probing { rest } = *state {
            *state = State::Closed { since: now, rest };
        }
    }

    /// True while work goes to the CPU.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every write is one whole value, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn rests_double_until_a_probe_passes() {
        let mut now = Instant::now();
        let breaker = Breaker::new(now);
        assert_eq!(breaker.route(now), Route::Device);
        breaker.trip(now);
        for rest in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert!(breaker.is_open());
            let just_before = now + seconds(rest) - Duration::from_millis(1);
            assert_eq!(breaker.route(just_before), Route::Cpu);
            now += seconds(rest);
            assert_eq!(breaker.route(now), Route::CpuAndProbe);
            assert_eq!(breaker.route(now + seconds(9)), Route::Cpu, "one probe");
            breaker.trip(now);
        }
        now += seconds(300);
        assert_eq!(breaker.route(now), Route::CpuAndProbe);
        breaker.probe_passed(now);
        assert_eq!(breaker.route(now), Route::Device);
        assert!(!breaker.is_open());
    }

    #[test]
    fn calls_that_fail_together_count_once() {
        let now = Instant::now();
        let breaker = Breaker::new(now);
        (0..10).for_each(|_| breaker.trip(now));
        assert_eq!(breaker.route(now + seconds(1)), Route::CpuAndProbe);
    }

    #[test]
    fn a_device_that_fails_soon_after_a_probe_rests_longer() {
        let mut now = Instant::now();
        let breaker = Breaker::new(now);
        breaker.trip(now);
        for rest in [1, 2, 4] {
            now += seconds(rest);
            assert_eq!(breaker.route(now), Route::CpuAndProbe);
            breaker.probe_passed(now);
            assert_eq!(breaker.route(now), Route::Device);
            breaker.trip(now);
            assert_eq!(breaker.route(now + seconds(rest)), Route::Cpu);
        }
        now += seconds(8);
        assert_eq!(breaker.route(now), Route::CpuAndProbe);
        breaker.probe_passed(now);
        // After good work for long enough one fault is a first one again.
        now += seconds(8 * 20 + 1);
        breaker.trip(now);
        assert_eq!(breaker.route(now + seconds(1)), Route::CpuAndProbe);
    }

    #[test]
    fn a_probe_that_nobody_asked_for_closes_nothing() {
        let now = Instant::now();
        let breaker = Breaker::new(now);
        breaker.trip(now);
        breaker.probe_passed(now);
        assert!(breaker.is_open());
    }
}
