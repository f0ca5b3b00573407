//! What the demo and the bench send: made from a seed, signed before the clock starts.
//!
//! Two facts shape the carbon mix. Its senders are spread over clients, each client sends one batch at a time, and
//! nothing orders the clients among each other: so every transaction must succeed whatever the interleaving, or the
//! figure would count refusals. And trades must happen: so bids and asks cross.

pub mod carbon;
pub mod opaque;
pub mod random;
pub mod replay;

use std::time::Duration;

use bds_client::wire::BatchRequest;
use bds_contracts::Genesis;

pub use carbon::{Carbon, CarbonConfig};
pub use opaque::Opaque;
pub use replay::Replay;

use crate::measure::load::{Batch, ClientPlan};

/// The genesis document of the default workload, without validators.
#[must_use]
pub fn default_genesis() -> Genesis {
    Carbon::new(CarbonConfig::default()).genesis()
}

/// When the batches of a run are due: evenly spaced, the clients taking turns.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Transactions a second.
    pub rate: f64,
    /// Transactions a batch.
    pub batch: u32,
    /// Clients taking turns.
    pub clients: usize,
    /// Lanes; client `c` uses lane `c mod lanes`.
    pub lanes: usize,
    /// Length of the whole run.
    pub length: Duration,
}

impl Schedule {
    /// Batches of the whole run.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded and positive"
    )]
    pub fn batches(&self) -> usize {
        (self.rate * self.length.as_secs_f64() / f64::from(self.batch)).ceil() as usize
    }

    /// Batches of one client.
    #[must_use]
    pub fn batches_of(&self, client: usize) -> usize {
        let total = self.batches();
        total / self.clients + usize::from(client < total % self.clients)
    }

    /// Intended send time of a client's batch.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 batches")]
    pub fn due(&self, client: usize, number: usize) -> Duration {
        let place = number * self.clients + client;
        Duration::from_secs_f64(place as f64 * f64::from(self.batch) / self.rate)
    }

    /// Turns bodies made beforehand, by client, into plans.
    #[must_use]
    pub fn plans(&self, bodies: Vec<Vec<Vec<u8>>>) -> Vec<ClientPlan> {
        let schedule = *self;
        bodies
            .into_iter()
            .enumerate()
            .map(|(client, bodies)| ClientPlan {
                lane: client % self.lanes,
                batches: Box::new(bodies.into_iter().enumerate().map(move |(number, body)| {
                    Batch {
                        due: schedule.due(client, number),
                        count: schedule.batch,
                        body,
                    }
                })),
            })
            .collect()
    }
}

/// The encoded request for these transactions.
#[must_use]
pub fn body(transactions: Vec<Vec<u8>>) -> Vec<u8> {
    borsh::to_vec(&BatchRequest { transactions }).expect("writing to memory cannot fail")
}
