//! Open-loop load: batches leave at their intended times, and latency counts from those.
//!
//! The schedule is fixed before the run and does not wait for answers. Each client has one batch in flight, so that
//! its senders' nonces arrive in order; with many clients, each gets a long time for its answer before its next
//! batch is due. When an answer takes longer than that, the next batch leaves late, and its lateness is part of
//! its latency: a system that stalls cannot hide the requests it would have had to serve meanwhile
//! ("coordinated omission").

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bds_client::Client;
use bds_client::wire::{BatchAnswer, BatchRequest, ItemOutcome, Wait};
use bds_contracts::receipt::Code;
use futures::future::join_all;
use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep_until};

/// The longest latency told apart; longer ones count as this.
pub const LATENCY_MAX: Duration = Duration::from_secs(600);

/// One request, made ready before the clock starts.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Intended send time after the start of the run.
    pub due: Duration,
    /// Transactions in it.
    pub count: u32,
    /// The encoded request.
    pub body: Vec<u8>,
}

/// What one client sends, in order of `due`.
pub struct ClientPlan {
    /// Validator it sends to.
    pub lane: usize,
    /// Its requests. An iterator, so that unsigned load need not lie in memory.
    pub batches: Box<dyn Iterator<Item = Batch>>,
}

/// How a run is timed.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Batches due before this do not count.
    pub warmup: Duration,
    /// Length of the counted window after the warm-up.
    pub window: Duration,
    /// The window ends with the last good answer, when that comes sooner: for a script of fixed length.
    pub until_done: bool,
    /// What each request waits for.
    pub wait: Wait,
    /// Time for a request to become definite, retries included; after it, its open items count as timed out.
    pub patience: Duration,
}

/// Counters a progress line reads while the load runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Transactions sent.
    pub sent: AtomicU64,
    /// Transactions that came back good.
    pub good: AtomicU64,
}

/// What came back. All counts are transactions; those of the window are marked.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Sent, warm-up included.
    pub sent: u64,
    /// Bytes of the requests that they were sent in.
    pub sent_bytes: u64,
    /// Came back good, warm-up included.
    pub good: u64,
    /// Due in the window.
    pub window_offered: u64,
    /// Due in the window and good, whenever the answer came.
    pub window_good: u64,
    /// Good and answered inside the window, whenever they were due: the goodput.
    pub window_answered: u64,
    /// Executed with another code than success.
    pub failed: BTreeMap<Code, u64>,
    /// Not admitted, for a reason that no retry mends.
    pub refused: BTreeMap<Code, u64>,
    /// Not definite in time.
    pub timed_out: u64,
    /// Requests that were sent again in part or whole.
    pub retried_batches: u64,
    /// Microseconds from the intended send time to the answer; good ones due in the window.
    pub latency: Histogram<u64>,
    /// Microseconds from the true send time to the answer, for comparison.
    pub service: Histogram<u64>,
    /// The latest a batch left after its intended time.
    pub lateness_max: Duration,
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
        let histogram = || {
            let max = u64::try_from(LATENCY_MAX.as_micros()).expect("ten minutes fit");
            Histogram::new_with_bounds(1, max, 3).expect("the bounds are in order")
        };
        Self {
            sent: 0,
            sent_bytes: 0,
            good: 0,
            window_offered: 0,
            window_good: 0,
            window_answered: 0,
            failed: BTreeMap::new(),
            refused: BTreeMap::new(),
            timed_out: 0,
            retried_batches: 0,
            latency: histogram(),
            service: histogram(),
            lateness_max: Duration::ZERO,
            per_second: Vec::new(),
            acknowledged: Vec::new(),
            gap_max: Duration::ZERO,
            last_good: None,
        }
    }
}

/// When one request was to leave, left, and was answered, after the start of the run.
#[derive(Debug, Clone, Copy)]
struct Times {
    due: Duration,
    sent: Duration,
    answered: Duration,
}

impl Tally {
    /// Counts one answered request.
    fn count(&mut self, timing: &Timing, times: Times, answer: &BatchAnswer) {
        let counts = times.due >= timing.warmup && times.due < timing.warmup + timing.window;
        let mut good = 0;
        for item in &answer.items {
            match &item.outcome {
                ItemOutcome::Applied { code, .. } | ItemOutcome::Committed { code, .. } => {
                    self.acknowledged.push(short_id(&item.id.0));
                    if code.is_ok() {
                        good += 1;
                    } else {
                        *self.failed.entry(*code).or_default() += 1;
                    }
                }
                ItemOutcome::Accepted if timing.wait == Wait::Accepted => good += 1,
                ItemOutcome::Refused {
                    code,
                    retryable: false,
                    ..
                } => {
                    *self.refused.entry(*code).or_default() += 1;
                }
                ItemOutcome::Refused { .. } | ItemOutcome::Accepted | ItemOutcome::Unknown => {
                    self.timed_out += 1;
                }
            }
        }
        if good == 0 {
            return;
        }
        self.good += good;
        if counts {
            self.window_good += good;
            record(
                &mut self.latency,
                times.answered.saturating_sub(times.due),
                good,
            );
            record(
                &mut self.service,
                times.answered.saturating_sub(times.sent),
                good,
            );
        }
        if times.answered >= timing.warmup && times.answered < timing.warmup + timing.window {
            self.window_answered += good;
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
    }
}

/// First eight bytes of an id: enough to tell millions apart.
#[must_use]
pub fn short_id(id: &[u8; 64]) -> u64 {
    u64::from_le_bytes(*id.first_chunk().expect("64 bytes"))
}

fn record(histogram: &mut Histogram<u64>, time: Duration, count: u64) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    histogram.saturating_record_n(micros.max(1), count);
}

/// Runs the whole schedule and comes back when every request is definite or out of patience.
///
/// - `client`: knows every lane that a plan names.
///
/// The work stays on the calling task: one thread makes tens of thousands of transactions a second, and the
/// validators need the others.
pub async fn run(
    client: &Client,
    plans: Vec<ClientPlan>,
    timing: Timing,
    progress: Arc<Progress>,
) -> Tally {
    let tally = RefCell::new(Tally::default());
    let start = Instant::now();
    join_all(plans.into_iter().map(|plan| {
        one_client(
            client.on_lane(plan.lane),
            plan,
            &timing,
            start,
            &tally,
            &progress,
        )
    }))
    .await;
    tally.into_inner()
}

async fn one_client(
    client: Client,
    plan: ClientPlan,
    timing: &Timing,
    start: Instant,
    tally: &RefCell<Tally>,
    progress: &Progress,
) {
    for batch in plan.batches {
        sleep_until(start + batch.due).await;
        let sent = start.elapsed();
        {
            let mut tally = tally.borrow_mut();
            let count = u64::from(batch.count);
            tally.sent += count;
            tally.sent_bytes += batch.body.len() as u64;
            progress.sent.fetch_add(count, Ordering::Relaxed);
            tally.lateness_max = tally.lateness_max.max(sent.saturating_sub(batch.due));
            if batch.due >= timing.warmup && batch.due < timing.warmup + timing.window {
                tally.window_offered += count;
            }
        }
        let answer = definite(&client, &batch, timing, tally).await;
        let times = Times {
            due: batch.due,
            sent,
            answered: start.elapsed(),
        };
        let mut tally = tally.borrow_mut();
        let before = tally.good;
        tally.count(timing, times, &answer);
        progress
            .good
            .fetch_add(tally.good - before, Ordering::Relaxed);
    }
}

/// Sends the body as it is; whatever is still open then goes through the client's retries.
async fn definite(
    client: &Client,
    batch: &Batch,
    timing: &Timing,
    tally: &RefCell<Tally>,
) -> BatchAnswer {
    let deadline = Instant::now() + timing.patience;
    let first = client
        .post_batch(batch.body.clone(), timing.wait, timing.patience / 2)
        .await;
    let mut answer = match first {
        Ok(answer) if answer.items.len() == batch.count as usize => answer,
        Ok(_) | Err(_) => BatchAnswer { items: Vec::new() },
    };
    let is_open = |outcome: &ItemOutcome| match outcome {
        ItemOutcome::Unknown => true,
        ItemOutcome::Refused { retryable, .. } => *retryable,
        _ => false,
    };
    if answer.items.len() == batch.count as usize
        && !answer.items.iter().any(|item| is_open(&item.outcome))
    {
        return answer;
    }
    tally.borrow_mut().retried_batches += 1;
    let request: BatchRequest =
        borsh::from_slice(&batch.body).expect("the workload encoded this body");
    let open: Vec<usize> = (0..request.transactions.len())
        .filter(|&i| {
            answer
                .items
                .get(i)
                .is_none_or(|item| is_open(&item.outcome))
        })
        .collect();
    let again: Vec<Vec<u8>> = open
        .iter()
        .map(|&i| request.transactions[i].clone())
        .collect();
    let left = deadline.saturating_duration_since(Instant::now());
    if let Ok(second) = client.submit_batch(&again, timing.wait, left).await {
        if answer.items.is_empty() {
            return second;
        }
        for (i, item) in open.into_iter().zip(second.items) {
            answer.items[i] = item;
        }
        return answer;
    }
    if answer.items.is_empty() {
        let unknown = bds_client::wire::ItemAnswer {
            id: bds_contracts::tx::TxId([0; 64]),
            outcome: ItemOutcome::Unknown,
        };
        answer.items = vec![unknown; batch.count as usize];
    }
    answer
}
