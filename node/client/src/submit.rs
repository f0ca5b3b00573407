//! Transactions to validators: one batch once, or with retry until every answer is definite.

use std::time::Duration;

use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::tx::TxId;
use borsh::BorshSerialize;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tokio::time::{Instant, sleep};

use crate::error::ClientError;
use crate::http::{Client, borsh_answer, read_body};
use crate::told::Told;
use crate::wire::{BATCH_ITEMS_MAX, BORSH_MEDIA_TYPE, BatchAnswer, BatchRequest, Wait};

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
    /// by its id. Of those that are still open at the end the answer says what is known: refused for the moment, or
    /// [`Unknown`](crate::wire::ItemOutcome::Unknown) where one may have been taken.
    ///
    /// # Errors
    /// [`ClientError::BatchTooLarge`]; where no validator said anything of a transaction, the last error, which is one that no
    /// retry mends or of the transport.
    pub async fn submit_batch(
        &self,
        transactions: &[Vec<u8>],
        wait: Wait,
        timeout: Duration,
    ) -> Result<BatchAnswer, ClientError> {
        if transactions.len() > BATCH_ITEMS_MAX {
            return Err(ClientError::BatchTooLarge(transactions.len()));
        }
        let count = transactions.len();
        let (told, error) = self
            .submit_encoded(&encode(transactions), count, (wait, timeout), || ())
            .await;
        if let Some(error) = error {
            return Err(error);
        }
        let mut answer = told.into_answer();
        for (item, bytes) in answer.items.iter_mut().zip(transactions) {
            // No validator has named it.
            if item.id == TxId([0; 64])
                && let Ok(envelope) = Envelope::parse(bytes)
            {
                item.id = envelope.id();
            }
        }
        Ok(answer)
    }

    /// As [`Client::submit_batch`], of a body that is encoded already (borsh of a [`BatchRequest`] of `count` transactions): what was told
    /// of each, and the last error where no validator said anything of any.
    ///
    /// - `again`: called before a part is sent again.
    ///
    /// # Panics
    /// When the body is not of that form and something of it has to be sent again.
    pub async fn submit_encoded(
        &self,
        body: &[u8],
        count: usize,
        (wait, timeout): (Wait, Duration),
        mut again: impl FnMut(),
    ) -> (Told, Option<ClientError>) {
        let deadline = Instant::now() + timeout;
        let mut told = Told::nothing(count);
        let mut transactions = Vec::new();
        let mut pause = PAUSE_FIRST;
        let (mut is_answered, mut last_error) = (false, None);
        // Attempts that were made, and those that a silent validator does not get any more.
        let mut attempt = 0_u32;
        loop {
            let open = told.open();
            let left = deadline.saturating_duration_since(Instant::now());
            if open.is_empty() || (attempt > 0 && left.is_zero()) {
                break;
            }
            let body = if attempt == 0 {
                body.to_vec()
            } else {
                if transactions.is_empty() {
                    again();
                    let request: BatchRequest =
                        borsh::from_slice(body).expect("the body of a batch request");
                    transactions = request.transactions;
                }
                let again: Vec<&Vec<u8>> = open.iter().map(|&i| &transactions[i]).collect();
                encode(&again)
            };
            let lane = self.lane + usize::try_from(attempt / ATTEMPTS_PER_NODE).unwrap_or(0);
            let on = self.on_lane(lane);
            // A validator gets a share of the time, so that a silent one leaves time for the others.
            let share = left.min(Duration::max(timeout / 2, PAUSE_MAX));
            match on.post_batch(body, wait, share).await {
                Ok(answer) if answer.items.len() == open.len() => {
                    told.hear(&open, answer.items);
                    is_answered = true;
                }
                Ok(answer) => {
                    // Nobody knows which items these are of.
                    told.lose(&open);
                    last_error = Some(ClientError::BadAnswer {
                        node: on.nodes[on.lane].clone(),
                        what: format!("{} items for {}", answer.items.len(), open.len()),
                    });
                    break;
                }
                Err(error) => {
                    told.miss(&open, &error);
                    if error.is_silence() {
                        attempt += ATTEMPTS_PER_NODE - 1 - attempt % ATTEMPTS_PER_NODE;
                    }
                    let is_retryable = error.is_retryable();
                    last_error = Some(error);
                    if !is_retryable {
                        break;
                    }
                }
            }
            attempt = attempt.saturating_add(1);
            if told.open().is_empty() {
                break;
            }
            sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        (told, last_error.filter(|_| !is_answered))
    }
}

/// As a [`BatchRequest`] is written, without owning what is in it.
fn encode<T: BorshSerialize>(transactions: &[T]) -> Vec<u8> {
    borsh::to_vec(transactions).expect("writing to memory cannot fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrowed_transactions_are_written_as_a_request() {
        let transactions = vec![vec![1, 2, 3], Vec::new(), vec![9; 300]];
        let some: Vec<&Vec<u8>> = transactions.iter().skip(1).collect();
        for (written, transactions) in [
            (encode(&transactions), transactions.clone()),
            (encode(&some), transactions[1..].to_vec()),
        ] {
            let request = BatchRequest { transactions };
            assert_eq!(written, borsh::to_vec(&request).unwrap());
        }
    }
}
