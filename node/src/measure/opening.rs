//! What is done before the load begins: submitted to one validator and awaited.

use std::time::Duration;

use anyhow::bail;
use bds_client::Client;
use bds_client::wire::{BATCH_ITEMS_MAX, ItemOutcome, Wait};

/// Submits transactions in their order and comes back when every one is executed and its result certified.
///
/// - `transactions`: of each sender, every one waits for the one before it.
/// - `patience`: for each request of as many as one takes.
///
/// # Errors
/// The first that did not succeed within its time.
pub async fn open(
    client: &Client,
    transactions: &[Vec<u8>],
    patience: Duration,
) -> anyhow::Result<()> {
    for (request, transactions) in transactions.chunks(BATCH_ITEMS_MAX).enumerate() {
        let answer = client
            .submit_batch(transactions, Wait::Applied, patience)
            .await?;
        for (place, item) in answer.items.iter().enumerate() {
            let is_good = matches!(item.outcome, ItemOutcome::Applied { code, .. } if code.is_ok());
            if !is_good {
                let number = request * BATCH_ITEMS_MAX + place;
                bail!(
                    "transaction {number} of the opening, {}: {:?}",
                    item.id,
                    item.outcome
                );
            }
        }
    }
    Ok(())
}
