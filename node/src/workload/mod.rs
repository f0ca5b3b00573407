//! What the demo and the bench send: made from a seed, signed before the clock starts but for what says when it happened.
//!
//! Two facts shape every mix. Its senders are spread over clients, each client sends one batch at a time, and nothing orders
//! the clients among each other: so every transaction must succeed whatever the interleaving, or the figure would count
//! refusals. And inside a batch nothing is sure to be executed first, since a validator may refuse a part of it for want of
//! room and take the rest: so whatever needs something done before it takes what an earlier batch of its client did.

pub mod carbon;
pub mod mixed;
pub mod opaque;
pub mod random;
pub mod replay;
pub mod retail;
pub mod scenario;
#[cfg(test)]
mod tests;
pub mod vpp;
pub mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use bds_client::build::now;
use bds_client::wire::BatchRequest;
use bds_client::{Sender, Signer};
use bds_contracts::Genesis;
use bds_contracts::block::ValidatorSet;
use bds_contracts::genesis::{GENESIS_VERSION, Mode, Profile};
use bds_contracts::tx::{ChainId, Millis};
use rayon::prelude::*;

pub use carbon::Carbon;
pub use mixed::Mixed;
pub use opaque::Opaque;
pub use replay::Replay;
pub use retail::Retail;
pub use scenario::Scenario;
pub use vpp::Vpp;
pub use wire::Wire;

use crate::measure::load::{Batch, ClientPlan};
use random::derive;

/// 2026-01-01. A fixed time, so that a genesis document depends on the seed alone.
const GENESIS_TIME: Millis = Millis(1_767_225_600_000);
/// Blocks between two state roots.
const CHECKPOINT_INTERVAL: u64 = 128;
/// Milliseconds of a day.
const DAY: u64 = 24 * 3_600 * 1_000;
/// 2100-01-01. Signed transactions do not depend on the clock.
const EXPIRY: Millis = Millis(4_102_444_800_000);

/// Most instruments whose orders the carbon mix sends.
pub const INSTRUMENTS_MAX: usize = 10;

/// What a workload is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Everything follows from it, but for what depends on `day` or says when it happened.
    pub seed: u64,
    /// Sending keys of each kind: traders, prosumers, companies.
    pub keys: usize,
    /// Clients the keys are spread over, key `k` on client `k mod clients`; at most as many as keys.
    pub clients: usize,
    /// Exponent of the Zipf distribution over the keys of a client; 0 is uniform.
    pub skew: f64,
    /// Instruments whose orders the carbon mix sends, 1 to [`INSTRUMENTS_MAX`]; each member trades in one.
    pub instruments: usize,
    /// The day of the run. Endorsements and offers are good for some weeks from then on, since the ledger takes none that are
    /// good for longer; meters are read of the periods before it.
    pub day: Millis,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            keys: 256,
            clients: 64,
            skew: 0.0,
            instruments: 1,
            day: today(),
        }
    }
}

/// When the present day began. No day is before genesis, since no block is.
fn today() -> Millis {
    let Millis(now) = now();
    Millis((now - now % DAY).max(GENESIS_TIME.0))
}

impl Config {
    /// # Panics
    /// When there are no clients, or more clients than keys, or no or too many instruments.
    fn check(&self) {
        assert!(
            (1..=INSTRUMENTS_MAX).contains(&self.instruments),
            "{} instruments",
            self.instruments
        );
        assert!(
            self.clients >= 1 && self.clients <= self.keys,
            "{} clients need at least as many keys, not {}",
            self.clients,
            self.keys
        );
    }

    /// So many keys for this purpose.
    fn signers(&self, purpose: &'static str, count: usize) -> Vec<Signer> {
        let seed = self.seed;
        (0..count as u64)
            .into_par_iter()
            .map(|i| Signer::from_seed(&derive(purpose, seed, i)))
            .collect()
    }

    /// The keys of a client.
    fn keys_of(&self, client: usize) -> impl Iterator<Item = usize> {
        assert!(client < self.clients, "client {client} of {}", self.clients);
        (client..self.keys).step_by(self.clients)
    }
}

/// Who there is, what is done before the load begins, and what clients send.
pub trait Workload: Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Sending keys, those of operators not counted.
    fn keys(&self) -> usize;

    /// Permille of each kind of transaction.
    fn mix(&self) -> BTreeMap<String, u32>;

    /// The genesis document it needs, without validators.
    fn genesis(&self) -> Genesis;

    /// What is done before the load begins, signed. Whoever sends several has each wait for the one before, so they can be
    /// submitted together.
    fn opening(&self, chain: ChainId) -> Vec<Vec<u8>>;

    /// What is done after the opening, right before the load: what closes while that runs.
    ///
    /// - `now`: the time, which it is reckoned from.
    fn last(&self, _chain: ChainId, _now: Millis) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// What a client sends on this ledger once the opening is done.
    ///
    /// # Panics
    /// When there is no such client.
    fn stream(&self, chain: ChainId, client: usize) -> Box<dyn Stream + Send + '_>;
}

/// What one client sends, without end.
pub trait Stream {
    /// What comes next is sent when all that came before is answered.
    fn begin_batch(&mut self);

    /// The next transaction of the batch.
    fn next(&mut self) -> Wire;

    /// The next batch.
    fn next_batch(&mut self, count: u32) -> Vec<Wire> {
        self.begin_batch();
        (0..count).map(|_| self.next()).collect()
    }
}

/// Signs everything of a run that can be signed beforehand. Cost: about 20 µs a transaction and core.
///
/// - `clients`: as many as the workload was made for.
#[must_use]
pub fn plans(
    workload: &dyn Workload,
    clients: usize,
    chain: ChainId,
    schedule: &Schedule,
) -> Vec<ClientPlan> {
    let requests = (0..clients)
        .into_par_iter()
        .map(|client| {
            let mut stream = workload.stream(chain, client);
            (0..schedule.batches_of(client))
                .map(|_| wire::Request::of(stream.next_batch(schedule.batch)))
                .collect()
        })
        .collect();
    schedule.plans(requests)
}

/// The genesis document of an example ledger, without validators.
#[must_use]
pub fn default_genesis() -> Genesis {
    Carbon::new(Config::default()).genesis()
}

/// A consortium on which there is nothing and nobody yet.
fn bare_genesis(name: String) -> Genesis {
    Genesis {
        version: GENESIS_VERSION,
        name,
        profile: Profile::Consortium,
        mode: Mode::Verified,
        time: GENESIS_TIME,
        checkpoint_interval: CHECKPOINT_INTERVAL,
        validators: ValidatorSet {
            epoch: 0,
            validators: Vec::new(),
        },
        members: Vec::new(),
        accounts: Vec::new(),
        instruments: Vec::new(),
        markets: Vec::new(),
        cash: Vec::new(),
        holdings: Vec::new(),
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

/// A sender whose bytes depend on no clock.
fn sender(signer: &Signer, chain: ChainId) -> Sender {
    Sender::new(signer.clone(), chain, 0).expiring_at(EXPIRY)
}

/// A mix as reports show it.
fn shares(mix: &[(&str, u64)]) -> BTreeMap<String, u32> {
    mix.iter()
        .map(|(name, share)| ((*name).to_owned(), u32::try_from(*share).unwrap_or(0)))
        .collect()
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

    /// Turns requests made beforehand, by client, into plans.
    #[must_use]
    pub fn plans(&self, requests: Vec<Vec<wire::Request>>) -> Vec<ClientPlan> {
        let schedule = *self;
        requests
            .into_iter()
            .enumerate()
            .map(|(client, requests)| ClientPlan {
                lane: client % self.lanes,
                batches: Box::new(requests.into_iter().enumerate().map(
                    move |(number, request)| Batch {
                        due: schedule.due(client, number),
                        count: schedule.batch,
                        // The load asks for a batch once the one before it is answered.
                        body: request.body(now()),
                    },
                )),
            })
            .collect()
    }
}

/// Longest load, in seconds: a day.
pub const LENGTH_MAX: f64 = 86_400.0;
/// Most transactions of a load. They are signed before it begins and lie in memory: a hundred million take some 30 GB.
pub const TRANSACTIONS_MAX: f64 = 1e8;

/// Whether a load of this rate and of so many seconds can be made.
///
/// # Errors
/// In words, when it is too long or comes to too many transactions.
pub fn check_size(rate: f64, seconds: f64) -> anyhow::Result<()> {
    anyhow::ensure!(
        seconds <= LENGTH_MAX,
        "a load of {seconds} seconds is too long; {LENGTH_MAX} are the most"
    );
    anyhow::ensure!(
        rate * seconds <= TRANSACTIONS_MAX,
        "{rate} transactions a second for {seconds} seconds are more than {TRANSACTIONS_MAX}, which are the most"
    );
    Ok(())
}

/// The encoded request for these transactions.
#[must_use]
pub fn body(transactions: Vec<Vec<u8>>) -> Vec<u8> {
    borsh::to_vec(&BatchRequest { transactions }).expect("writing to memory cannot fail")
}
