//! What came back from a load, counted by when it was due and by what became of it.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use bds_client::wire::{BatchAnswer, ItemOutcome, Wait};
use bds_contracts::receipt::Code;
use hdrhistogram::Histogram;

use super::load::Timing;
use super::window::Backlog;

/// The longest latency told apart; longer ones count as this.
pub const LATENCY_MAX: Duration = Duration::from_secs(600);

/// Transactions by what became of them. Each that was sent is in one class; only the good ones are goodput.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// Sent.
    pub sent: u64,
    /// Committed and executed with success.
    pub good: u64,
    /// Executed with another code than success.
    pub failed: BTreeMap<Code, u64>,
    /// Its nonce was used by another transaction, or given to one that replaces it.
    pub conflicts: u64,
    /// Not admitted, for a reason that no retry mends.
    pub refused: BTreeMap<Code, u64>,
    /// Not admitted until its time was over, every time for a reason that a retry may mend; by the last one told.
    pub put_off: BTreeMap<Code, u64>,
    /// Not definite in time: nothing is known of it, or that it was admitted and no more.
    pub timed_out: u64,
}

impl Outcomes {
    /// What is neither good nor open: told by a definite answer.
    #[must_use]
    pub fn definite_failures(&self) -> u64 {
        self.conflicts + sum(&self.failed) + sum(&self.refused)
    }

    /// In whichever class.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.good + self.definite_failures() + sum(&self.put_off) + self.timed_out
    }

    fn count(&mut self, outcome: &ItemOutcome, wait: Wait) {
        match outcome {
            ItemOutcome::Applied { code, .. } | ItemOutcome::Committed { code, .. } => {
                match *code {
                    code if code.is_ok() => self.good += 1,
                    code => *self.failed.entry(code).or_default() += 1,
                }
            }
            ItemOutcome::Accepted if wait == Wait::Accepted => self.good += 1,
            ItemOutcome::Accepted | ItemOutcome::Unknown => self.timed_out += 1,
            ItemOutcome::Refused {
                code: Code::NONCE_REUSED,
                ..
            } => self.conflicts += 1,
            ItemOutcome::Refused {
                code, retryable, ..
            } => {
                let by_code = match retryable {
                    true => &mut self.put_off,
                    false => &mut self.refused,
                };
                *by_code.entry(*code).or_default() += 1;
            }
        }
    }
}

impl AddAssign<&Self> for Outcomes {
    fn add_assign(&mut self, other: &Self) {
        self.sent += other.sent;
        self.good += other.good;
        self.conflicts += other.conflicts;
        self.timed_out += other.timed_out;
        for (ours, theirs) in [
            (&mut self.failed, &other.failed),
            (&mut self.refused, &other.refused),
            (&mut self.put_off, &other.put_off),
        ] {
            for (code, count) in theirs {
                *ours.entry(*code).or_default() += count;
            }
        }
    }
}

fn sum(by_code: &BTreeMap<Code, u64>) -> u64 {
    by_code.values().sum()
}

/// What was due in one part of a run.
#[derive(Debug, Clone)]
pub struct Phase {
    /// What became of it.
    pub outcomes: Outcomes,
    /// Microseconds from the intended send time to the answer; good ones.
    pub latency: Histogram<u64>,
    /// The latest that a batch left after its intended time.
    pub lateness_max: Duration,
}

impl Default for Phase {
    fn default() -> Self {
        Self {
            outcomes: Outcomes::default(),
            latency: histogram(),
            lateness_max: Duration::ZERO,
        }
    }
}

/// What came back, by when it was due.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Due before the window: what a cold start shows.
    pub warmup: Phase,
    /// Due in the window.
    pub window: Phase,
    /// Due after it, where a script is longer.
    pub after: Phase,
    /// Bytes of all requests.
    pub sent_bytes: u64,
    /// Good and answered inside the window, whenever they were due: a backlog that was worked off is among them.
    pub window_answered: u64,
    /// Of these, due before the window.
    pub window_answered_of_warmup: u64,
    /// Due and not answered, at the ends of the window and in its middle.
    pub backlog: Backlog,
    /// Transactions of the largest request.
    pub request_max: u64,
    /// Requests that were sent again in part or whole.
    pub retried_batches: u64,
    /// Microseconds from the true send time to the answer; good ones due in the window. For comparison.
    pub service: Histogram<u64>,
    /// Good answers by second after the start.
    pub per_second: Vec<u64>,
    /// First eight bytes of the ids that were acknowledged as final, in the order of the answers.
    pub acknowledged: Vec<u64>,
    /// The longest time without a good answer, from the first good answer to the last.
    pub gap_max: Duration,
    /// When the last good answer came, after the start.
    pub last_good: Option<Duration>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            warmup: Phase::default(),
            window: Phase::default(),
            after: Phase::default(),
            sent_bytes: 0,
            window_answered: 0,
            window_answered_of_warmup: 0,
            backlog: Backlog::default(),
            request_max: 0,
            retried_batches: 0,
            service: histogram(),
            per_second: Vec::new(),
            acknowledged: Vec::new(),
            gap_max: Duration::ZERO,
            last_good: None,
        }
    }
}

/// When one request was to leave, left, and was answered, after the start of the run.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// To leave.
    pub due: Duration,
    /// Left.
    pub sent: Duration,
    /// Was answered, or given up.
    pub answered: Duration,
}

impl Tally {
    /// Of the whole run.
    #[must_use]
    pub fn all(&self) -> Outcomes {
        let mut all = self.warmup.outcomes.clone();
        all += &self.window.outcomes;
        all += &self.after.outcomes;
        all
    }

    fn phase(&mut self, timing: &Timing, due: Duration) -> &mut Phase {
        if due < timing.warmup {
            &mut self.warmup
        } else if due < timing.end() {
            &mut self.window
        } else {
            &mut self.after
        }
    }

    /// Counts a request that leaves now.
    pub fn count_sent(
        &mut self,
        timing: &Timing,
        (due, sent): (Duration, Duration),
        (transactions, bytes): (u64, u64),
    ) {
        self.sent_bytes += bytes;
        self.request_max = self.request_max.max(transactions);
        let phase = self.phase(timing, due);
        phase.outcomes.sent += transactions;
        phase.lateness_max = phase.lateness_max.max(sent.saturating_sub(due));
    }

    /// Counts one answered request. Returns how many of it are good.
    pub fn count(&mut self, timing: &Timing, times: Times, answer: &BatchAnswer) -> u64 {
        for item in &answer.items {
            if let ItemOutcome::Applied { .. } | ItemOutcome::Committed { .. } = item.outcome {
                self.acknowledged.push(short_id(&item.id.0));
            }
        }
        let middle = timing.warmup + timing.window / 2;
        let Backlog {
            start,
            middle: half,
            end,
        } = &mut self.backlog;
        for (moment, open) in [(timing.warmup, start), (middle, half), (timing.end(), end)] {
            if times.due < moment && times.answered >= moment {
                *open += answer.items.len() as u64;
            }
        }
        let phase = self.phase(timing, times.due);
        let before = phase.outcomes.good;
        for item in &answer.items {
            phase.outcomes.count(&item.outcome, timing.wait);
        }
        let good = phase.outcomes.good - before;
        if good == 0 {
            return 0;
        }
        let latency = times.answered.saturating_sub(times.due);
        record(&mut phase.latency, latency, good);
        if timing.window_has(times.due) {
            let service = times.answered.saturating_sub(times.sent);
            record(&mut self.service, service, good);
        }
        if timing.window_has(times.answered) {
            self.window_answered += good;
            if times.due < timing.warmup {
                self.window_answered_of_warmup += good;
            }
        }
        let second = usize::try_from(times.answered.as_secs()).unwrap_or(usize::MAX);
        if self.per_second.len() <= second {
            self.per_second.resize(second + 1, 0);
        }
        self.per_second[second] += good;
        if let Some(last) = self.last_good {
            self.gap_max = self.gap_max.max(times.answered.saturating_sub(last));
        }
        self.last_good = Some(times.answered);
        good
    }
}

/// First eight bytes of an id: enough to tell millions apart.
#[must_use]
pub fn short_id(id: &[u8; 64]) -> u64 {
    u64::from_le_bytes(*id.first_chunk().expect("64 bytes"))
}

fn histogram() -> Histogram<u64> {
    let max = u64::try_from(LATENCY_MAX.as_micros()).expect("ten minutes fit");
    Histogram::new_with_bounds(1, max, 3).expect("the bounds are in order")
}

fn record(histogram: &mut Histogram<u64>, time: Duration, count: u64) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    histogram.saturating_record_n(micros.max(1), count);
}

#[cfg(test)]
pub(super) mod tests {
    use bds_client::wire::ItemAnswer;
    use bds_contracts::tx::TxId;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Warm-up until 10 s, window until 30 s.
    pub(in super::super) const TIMING: Timing = Timing {
        warmup: Duration::from_secs(10),
        window: Duration::from_secs(20),
        until_done: false,
        wait: Wait::Applied,
        patience: SECOND,
    };

    pub(in super::super) fn applied(code: Code) -> ItemOutcome {
        ItemOutcome::Applied {
            height: 1,
            index: 0,
            code,
        }
    }

    pub(in super::super) fn refused(code: Code, retryable: bool) -> ItemOutcome {
        ItemOutcome::Refused {
            code,
            reason: String::new(),
            retryable,
        }
    }

    /// One request: to leave, left and answered at these seconds.
    pub(in super::super) fn request(
        tally: &mut Tally,
        [due, sent, answered]: [u32; 3],
        outcomes: &[ItemOutcome],
    ) {
        let [due, sent, answered] = [due, sent, answered].map(|second| SECOND * second);
        let count = outcomes.len() as u64;
        tally.count_sent(&TIMING, (due, sent), (count, 100 * count));
        let items = outcomes.iter().map(|outcome| ItemAnswer {
            id: TxId([7; 64]),
            outcome: outcome.clone(),
        });
        let times = Times {
            due,
            sent,
            answered,
        };
        let items = items.collect();
        tally.count(&TIMING, times, &BatchAnswer { items });
    }

    /// Each class once, and twice the good one: whoever is sent is in one class, and goodput is the good ones alone.
    #[test]
    fn each_outcome_is_in_a_class_of_its_own() {
        let mut tally = Tally::default();
        let outcomes = [
            applied(Code::OK),
            applied(Code::OK),
            applied(Code::BALANCE_TOO_LOW),
            refused(Code::NONCE_REUSED, false),
            refused(Code::BAD_SIGNATURE, false),
            refused(Code::BUSY, true),
            ItemOutcome::Accepted,
            ItemOutcome::Unknown,
        ];
        request(&mut tally, [10, 10, 11], &outcomes);
        let expected = Outcomes {
            sent: 8,
            good: 2,
            failed: BTreeMap::from([(Code::BALANCE_TOO_LOW, 1)]),
            conflicts: 1,
            refused: BTreeMap::from([(Code::BAD_SIGNATURE, 1)]),
            put_off: BTreeMap::from([(Code::BUSY, 1)]),
            timed_out: 2,
        };
        assert_eq!(tally.window.outcomes, expected);
        assert_eq!(expected.answered(), 8);
        assert_eq!(expected.definite_failures(), 3);
        assert_eq!((tally.window_answered, tally.window.latency.len()), (2, 2));
        assert_eq!((tally.acknowledged.len(), tally.sent_bytes), (3, 800));
    }

    /// A cold start: what was due at 2 s left at 5 s and was answered at 12 s, inside the window. Its lateness and latency are the
    /// warm-up's, the window's own are small, and the whole run has both.
    #[test]
    fn a_cold_start_is_told_apart_from_the_window() {
        let mut tally = Tally::default();
        request(
            &mut tally,
            [2, 5, 12],
            &[applied(Code::OK), ItemOutcome::Unknown],
        );
        request(&mut tally, [15, 15, 16], &[applied(Code::OK)]);
        request(&mut tally, [30, 31, 32], &[applied(Code::OK)]);
        let lateness = [&tally.warmup, &tally.window, &tally.after].map(|phase| phase.lateness_max);
        assert_eq!(lateness, [SECOND * 3, Duration::ZERO, SECOND]);
        let near = |histogram: &Histogram<u64>, seconds: u64| {
            histogram.len() == 1 && histogram.max().abs_diff(seconds * 1_000_000) < 10_000
        };
        assert!(near(&tally.warmup.latency, 10) && near(&tally.window.latency, 1));
        assert!(near(&tally.after.latency, 2) && near(&tally.service, 1));
        let timed_out = [&tally.warmup, &tally.window].map(|phase| phase.outcomes.timed_out);
        assert_eq!(timed_out, [1, 0]);
        let all = tally.all();
        assert_eq!((all.sent, all.good, all.timed_out), (4, 3, 1));
        assert_eq!(tally.gap_max, SECOND * 16);
    }
}
