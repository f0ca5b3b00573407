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
use bds_client::wire::Wait;
use futures::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::tally::{Tally, Times};

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
    let client = client.on_lane(plan.lane);
    for batch in plan.batches {
        sleep_until(start + batch.due).await;
        let sent = start.elapsed();
        let (count, bytes) = (u64::from(batch.count), batch.body.len() as u64);
        progress.sent.fetch_add(count, Ordering::Relaxed);
        tally
            .borrow_mut()
            .count_sent(timing, (batch.due, sent), (count, bytes));
        let terms = (timing.wait, timing.patience);
        let count = batch.count as usize;
        let again = || tally.borrow_mut().retried_batches += 1;
        let (told, _) = client
            .submit_encoded(&batch.body, count, terms, again)
            .await;
        let answer = told.into_answer();
        let times = Times {
            due: batch.due,
            sent,
            answered: start.elapsed(),
        };
        let good = tally.borrow_mut().count(timing, times, &answer);
        progress.good.fetch_add(good, Ordering::Relaxed);
    }
}
