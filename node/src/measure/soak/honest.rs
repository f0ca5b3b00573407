//! The load that must go on whatever else comes: an open loop that signs as it goes, so that its length is not bounded by memory.

use std::sync::Mutex;
use std::time::Duration;

use bds_client::Client;
use bds_client::wire::{ItemOutcome, Wait};
use bds_contracts::tx::{ChainId, TxId};
use futures::future::join_all;
use tokio::time::{Instant, sleep_until};

use crate::workload::{Carbon, Schedule};

/// Time for a request to become definite, retries included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ids of answers that are looked up again at the end: one in so many.
const KEPT_EVERY: u64 = 1_000;

/// What was due in one second of the run, and what came back good in it, whenever that was due.
#[derive(Debug, Clone, Default)]
pub(super) struct Second {
    pub(super) offered: u64,
    pub(super) good: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
    /// Milliseconds from when each request was due to its answer.
    pub(super) latencies: Vec<u32>,
}

/// What came of all of it.
#[derive(Debug, Default)]
pub(super) struct Honest {
    pub(super) seconds: Vec<Second>,
    /// Some of the transactions that were told to be final.
    pub(super) kept: Vec<TxId>,
    /// What somebody was told besides that transactions are final, at most a few.
    pub(super) complaints: Vec<String>,
}

/// Sends until the schedule ends; `seen` is written to as answers come, so that others can look on.
pub(super) async fn run(
    client: &Client,
    carbon: &Carbon,
    chain: ChainId,
    schedule: &Schedule,
    seen: &Mutex<Honest>,
) {
    let start = Instant::now();
    join_all((0..schedule.clients).map(|place| {
        let client = client.on_lane(place % schedule.lanes);
        let mut stream = carbon.stream(chain, place);
        async move {
            for number in 0..schedule.batches_of(place) {
                let due = schedule.due(place, number);
                sleep_until(start + due).await;
                let wires = stream.next_batch(schedule.batch);
                let answer = client.submit_batch(&wires, Wait::Applied, PATIENCE).await;
                let took = start.elapsed().saturating_sub(due);
                let mut seen = seen.lock().expect("nobody panics with it");
                seen.take_in(due, schedule.batch, took, answer);
            }
        }
    }))
    .await;
}

impl Honest {
    fn take_in(
        &mut self,
        due: Duration,
        offered: u32,
        took: Duration,
        answer: Result<bds_client::wire::BatchAnswer, bds_client::ClientError>,
    ) {
        let at = usize::try_from(due.as_secs()).unwrap_or(0);
        if self.seconds.len() <= at {
            self.seconds.resize_with(at + 1, Second::default);
        }
        let answered = usize::try_from((due + took).as_secs()).unwrap_or(at);
        if self.seconds.len() <= answered {
            self.seconds.resize_with(answered + 1, Second::default);
        }
        let second = &mut self.seconds[at];
        second.offered += u64::from(offered);
        let millis = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        second.latencies.push(millis);
        let mut complain = |text: String| {
            if self.complaints.len() < 10 {
                self.complaints.push(text);
            }
        };
        let items = match answer {
            Ok(answer) => answer.items,
            Err(error) => {
                // Nobody has said what became of them.
                second.unknown += u64::from(offered);
                complain(error.to_string());
                return;
            }
        };
        let mut good = 0;
        for item in items {
            match item.outcome {
                ItemOutcome::Applied { code, .. } if code.is_ok() => {
                    good += 1;
                    if u64::from_le_bytes(*item.id.0.first_chunk().expect("64 bytes"))
                        .is_multiple_of(KEPT_EVERY)
                    {
                        self.kept.push(item.id);
                    }
                }
                ItemOutcome::Refused { code, .. } if code.retryable() => second.refused += 1,
                ItemOutcome::Unknown => second.unknown += 1,
                other => {
                    second.unknown += 1;
                    complain(format!("{other:?}"));
                }
            }
        }
        self.seconds[answered].good += good;
    }
}
