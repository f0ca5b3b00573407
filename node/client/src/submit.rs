//! Transactions to validators: one batch once, or with retry until every answer is definite.

use std::time::Duration;

use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::tx::TxId;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tokio::time::{Instant, sleep};

use crate::error::ClientError;
use crate::http::{Client, borsh_answer, read_body};
use crate::wire::{
    BATCH_ITEMS_MAX, BORSH_MEDIA_TYPE, BatchAnswer, BatchRequest, ItemAnswer, ItemOutcome, Wait,
};

/// First pause before the same bytes are sent again; doubles up to [`PAUSE_MAX`].
pub const PAUSE_FIRST: Duration = Duration::from_millis(25);
/// Longest pause between two attempts.
pub const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Time beyond a batch's own timeout after which a silent validator counts as unreachable.
const ANSWER_GRACE: Duration = Duration::from_secs(5);
/// Attempts at one validator before the next one is asked.
const ATTEMPTS_PER_NODE: u32 = 3;

impl Client {
    /// One attempt at the preferred lane with a body that is already encoded (borsh of [`BatchRequest`]).
    ///
    /// # Errors
    /// [`ClientError`]. After `Unreachable` the batch may or may not have been taken.
    pub async fn post_batch(
        &self,
        body: Vec<u8>,
        wait: Wait,
        timeout: Duration,
    ) -> Result<BatchAnswer, ClientError> {
        let node = &self.nodes[self.lane];
        let wait = match wait {
            Wait::Accepted => "accepted",
            Wait::Committed => "committed",
            Wait::Applied => "applied",
        };
        let replace = if self.replacing { "&replace=true" } else { "" };
        let url = format!(
            "{node}/v1/batch?wait={wait}&timeout_ms={}{replace}",
            timeout.as_millis()
        );
        let request = self
            .http
            .post(url)
            .timeout(timeout + ANSWER_GRACE)
            .header(CONTENT_TYPE, BORSH_MEDIA_TYPE)
            .header(ACCEPT, BORSH_MEDIA_TYPE)
            .body(body);
        let response = self.send(node, request).await?;
        borsh_answer(node, &read_body(node, response).await?)
    }

    /// Submits transactions and stays with them until every one is definite or `timeout` is over: retries with
    /// growing pauses at the preferred lane, then at the others. Safe to repeat, because a transaction counts once
    /// by its id. Items still open at the end are [`ItemOutcome::Unknown`] (or `Accepted`, if that was asked for).
    ///
    /// # Errors
    /// [`ClientError::BatchTooLarge`]; [`ClientError::BadAnswer`]; a problem that no retry mends; or the last
    /// transport error when no validator ever answered.
    pub async fn submit_batch(
        &self,
        transactions: &[Vec<u8>],
        wait: Wait,
        timeout: Duration,
    ) -> Result<BatchAnswer, ClientError> {
        if transactions.len() > BATCH_ITEMS_MAX {
            return Err(ClientError::BatchTooLarge(transactions.len()));
        }
        let deadline = Instant::now() + timeout;
        let mut answers: Vec<Option<ItemAnswer>> = vec![None; transactions.len()];
        let mut pause = PAUSE_FIRST;
        let mut last_error = None;
        // Attempts that were made, and those that a silent validator does not get any more.
        let mut attempt = 0_u32;
        loop {
            let open: Vec<usize> = (0..transactions.len())
                .filter(|&i| !answers[i].as_ref().is_some_and(|a| is_definite(&a.outcome)))
                .collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if open.is_empty() || (attempt > 0 && left.is_zero()) {
                break;
            }
            let body = borsh::to_vec(&BatchRequest {
                transactions: open.iter().map(|&i| transactions[i].clone()).collect(),
            })
            .expect("writing to memory cannot fail");
            let lane = self.lane + usize::try_from(attempt / ATTEMPTS_PER_NODE).unwrap_or(0);
            let on = self.on_lane(lane);
            // A validator gets a share of the time, so that a silent one leaves time for the others.
            let share = left.min(Duration::max(timeout / 2, PAUSE_MAX));
            match on.post_batch(body, wait, share).await {
                Ok(answer) if answer.items.len() == open.len() => {
                    for (i, item) in open.into_iter().zip(answer.items) {
                        answers[i] = Some(item);
                    }
                    last_error = None;
                }
                Ok(answer) => {
                    return Err(ClientError::BadAnswer {
                        node: on.nodes[on.lane].clone(),
                        what: format!("{} items for {}", answer.items.len(), open.len()),
                    });
                }
                Err(error) if error.is_retryable() => {
                    if error.is_silence() {
                        attempt += ATTEMPTS_PER_NODE - 1 - attempt % ATTEMPTS_PER_NODE;
                    }
                    last_error = Some(error);
                }
                Err(error) => return Err(error),
            }
            attempt = attempt.saturating_add(1);
            if answers
                .iter()
                .all(|a| a.as_ref().is_some_and(|a| is_definite(&a.outcome)))
            {
                break;
            }
            sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        if let Some(error) = last_error
            && answers.iter().all(Option::is_none)
        {
            return Err(error);
        }
        let items = answers
            .into_iter()
            .zip(transactions)
            .map(|(answer, bytes)| answer.unwrap_or_else(|| unknown(bytes)))
            .collect();
        Ok(BatchAnswer { items })
    }
}

/// Nothing that is sent again can change this outcome.
fn is_definite(outcome: &ItemOutcome) -> bool {
    match outcome {
        ItemOutcome::Refused { retryable, .. } => !retryable,
        ItemOutcome::Accepted | ItemOutcome::Committed { .. } | ItemOutcome::Applied { .. } => true,
        ItemOutcome::Unknown => false,
    }
}

fn unknown(bytes: &[u8]) -> ItemAnswer {
    let id = Envelope::parse(bytes).map_or(TxId([0; 64]), |envelope| envelope.id());
    ItemAnswer {
        id,
        outcome: ItemOutcome::Unknown,
    }
}
