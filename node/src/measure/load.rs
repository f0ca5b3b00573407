//! Open-loop load: batches leave at their intended times, and latency counts from those.
//!
//! The schedule is fixed before the run and does not wait for answers. Each client has one batch in flight, so that
//! its senders' nonces arrive in order; with many clients, each gets a long time for its answer before its next
//! batch is due. When an answer takes longer than that, the next batch leaves late, and its lateness is part of
//! its latency: a system that stalls cannot hide the requests it would have had to serve meanwhile
//! ("coordinated omission").

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bds_client::Client;
use bds_client::wire::{BatchAnswer, BatchRequest, Wait};
use futures::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use super::tally::{Tally, Times};
use super::told::Told;

/// First pause before the same bytes are sent again; doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(25);
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Attempts at one validator before the next one is asked.
const ATTEMPTS_PER_VALIDATOR: usize = 3;

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

impl Timing {
    /// When the window ends, after the start of the run.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.warmup + self.window
    }

    /// Whether the window has this time: its beginning is in it, its end is not.
    #[must_use]
    pub fn window_has(&self, time: Duration) -> bool {
        time >= self.warmup && time < self.end()
    }
}

/// Counters a progress line reads while the load runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Transactions sent.
    pub sent: AtomicU64,
    /// Transactions that came back good.
    pub good: AtomicU64,
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
    join_all(
        plans
            .into_iter()
            .map(|plan| one_client(client, plan, &timing, start, &tally, &progress)),
    )
    .await;
    tally.into_inner()
}

async fn one_client(
    client: &Client,
    plan: ClientPlan,
    timing: &Timing,
    start: Instant,
    tally: &RefCell<Tally>,
    progress: &Progress,
) {
    for batch in plan.batches {
        sleep_until(start + batch.due).await;
        let sent = start.elapsed();
        let (count, bytes) = (u64::from(batch.count), batch.body.len() as u64);
        progress.sent.fetch_add(count, Ordering::Relaxed);
        tally
            .borrow_mut()
            .count_sent(timing, (batch.due, sent), (count, bytes));
        let answer = definite(client, plan.lane, &batch, timing, tally).await;
        let times = Times {
            due: batch.due,
            sent,
            answered: start.elapsed(),
        };
        let good = tally.borrow_mut().count(timing, times, &answer);
        progress.good.fetch_add(good, Ordering::Relaxed);
    }
}

/// Sends the body as it is, and then again whatever nothing definite is told of, until its time is over: with growing pauses, a few
/// times to one validator and then to the next, and at once to the next where one is silent.
async fn definite(
    client: &Client,
    lane: usize,
    batch: &Batch,
    timing: &Timing,
    tally: &RefCell<Tally>,
) -> BatchAnswer {
    let deadline = Instant::now() + timing.patience;
    let mut told = Told::nothing(batch.count as usize);
    let mut transactions = Vec::new();
    let mut pause = PAUSE_FIRST;
    // Attempts that were made, and those that a silent validator does not get any more.
    let mut attempt = 0;
    loop {
        let open = told.open();
        let left = deadline.saturating_duration_since(Instant::now());
        if open.is_empty() || (attempt > 0 && left.is_zero()) {
            return told.into_answer();
        }
        let body = if attempt == 0 {
            batch.body.clone()
        } else {
            if transactions.is_empty() {
                tally.borrow_mut().retried_batches += 1;
                transactions = borsh::from_slice::<BatchRequest>(&batch.body)
                    .expect("the workload encoded this body")
                    .transactions;
            }
            let again = open.iter().map(|&place| transactions[place].clone());
            let again = BatchRequest {
                transactions: again.collect(),
            };
            borsh::to_vec(&again).expect("writing to memory cannot fail")
        };
        // A validator gets a share of the time, so that a silent one leaves time for the others.
        let share = left.min(Duration::max(timing.patience / 2, PAUSE_MAX));
        let on = client.on_lane(lane + attempt / ATTEMPTS_PER_VALIDATOR);
        match on.post_batch(body, timing.wait, share).await {
            Ok(answer) if answer.items.len() == open.len() => told.hear(&open, answer.items),
            // Nobody knows which items these are of.
            Ok(_) => told.lose(&open),
            Err(error) => {
                told.miss(&open, &error);
                if !error.is_retryable() {
                    return told.into_answer();
                }
                if error.is_silence() {
                    attempt += ATTEMPTS_PER_VALIDATOR - 1 - attempt % ATTEMPTS_PER_VALIDATOR;
                }
            }
        }
        attempt += 1;
        if told.open().is_empty() {
            return told.into_answer();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
