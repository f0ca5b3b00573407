//! The carbon mix: transfers, crossing orders, issues, retirements and the rest, for any number of keys.

mod opening;
mod stream;

use std::collections::BTreeMap;

use bds_client::Signer;
use bds_client::build::now;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::genesis::Genesis;
use bds_contracts::tx::{AccountId, ChainId, Millis};
use rayon::prelude::*;

use super::random::derive;
use super::{Schedule, body};
use crate::measure::load::ClientPlan;

pub use stream::Stream;

/// Fungible allowances: traded, transferred, given back.
const ALLOWANCE: InstrumentId = InstrumentId(1);
/// Fungible units of one year: transferred, cancelled.
const ANNUAL: InstrumentId = InstrumentId(2);
/// Units with numbers: retired, each number once.
const NUMBERED: InstrumentId = InstrumentId(3);
/// Smallest step of a price, in ten-thousandths: one cent.
const TICK: u32 = 100;
/// The year that units are for.
const YEAR: u16 = 2026;
/// Milliseconds of a day.
const DAY: u64 = 24 * 3_600 * 1_000;

/// Permille of each kind of transaction. Half of the payouts are their endorsements, and so are half of the reports and of the
/// block trades. Sales have no part: a bid names its sale by a number that only the sale's receipt tells, and receipts are not read.
const MIX: &[(&str, u64)] = &[
    ("transfer", 460),
    ("order", 260),
    ("quote", 120),
    ("retire", 40),
    ("surrender", 30),
    ("issue", 20),
    ("pay", 20),
    ("cancel-units", 10),
    ("deposit", 10),
    ("withdraw", 10),
    ("report", 10),
    ("block-trade", 10),
];

/// What the workload is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CarbonConfig {
    /// Everything follows from it, but for how long endorsements are good.
    pub seed: u64,
    /// Trading members; each has a trading and an operator account.
    pub keys: usize,
    /// Clients the keys are spread over, key `k` on client `k mod clients`; at most as many as keys.
    pub clients: usize,
    /// Exponent of the Zipf distribution over the keys of a client; 0 is uniform.
    pub skew: f64,
    /// Nothing but transfers.
    pub transfers_only: bool,
    /// The day of the run. Endorsements are good for some weeks from then on: the ledger takes none that are good for longer,
    /// so these alone depend on the clock.
    pub day: Millis,
}

impl Default for CarbonConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            keys: 256,
            clients: 64,
            skew: 0.0,
            transfers_only: false,
            day: today(),
        }
    }
}

/// When the present day began. No day is before genesis, since no block is.
fn today() -> Millis {
    let Millis(now) = now();
    Millis((now - now % DAY).max(opening::GENESIS_TIME.0))
}

/// The workload: who there is and what they do.
#[derive(Debug)]
pub struct Carbon {
    config: CarbonConfig,
    traders: Vec<Signer>,
    /// One market operator a client: issues units, books money in and out, opens contracts and verifies.
    operators: Vec<Signer>,
}

impl Carbon {
    /// Derives all keys.
    ///
    /// # Panics
    /// When there are no keys, no clients or more clients than keys.
    #[must_use]
    pub fn new(config: CarbonConfig) -> Self {
        assert!(
            config.clients >= 1 && config.clients <= config.keys,
            "{} clients need at least as many keys, not {}",
            config.clients,
            config.keys
        );
        let signers = |purpose: &'static str, count: usize| {
            (0..count as u64)
                .into_par_iter()
                .map(|i| Signer::from_seed(&derive(purpose, config.seed, i)))
                .collect()
        };
        Self {
            config,
            traders: signers("trader", config.keys),
            operators: signers("operator", config.clients),
        }
    }

    /// Permille of each kind of transaction.
    #[must_use]
    pub fn mix(&self) -> BTreeMap<String, u32> {
        if self.config.transfers_only {
            return BTreeMap::from([("transfer".to_owned(), 1000)]);
        }
        MIX.iter()
            .map(|(name, share)| ((*name).to_owned(), u32::try_from(*share).unwrap_or(0)))
            .collect()
    }

    /// The genesis document this workload needs, without validators.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        opening::genesis(self)
    }

    /// What client `client` sends on this ledger.
    ///
    /// # Panics
    /// When there is no such client.
    #[must_use]
    pub fn stream(&self, chain: ChainId, client: usize) -> Stream<'_> {
        Stream::new(self, chain, client)
    }

    /// Signs everything of a run and encodes the requests. Cost: about 20 µs a transaction and core.
    #[must_use]
    pub fn plans(&self, chain: ChainId, schedule: &Schedule) -> Vec<ClientPlan> {
        let bodies = (0..self.config.clients)
            .into_par_iter()
            .map(|client| {
                let mut stream = self.stream(chain, client);
                (0..schedule.batches_of(client))
                    .map(|_| body(stream.next_batch(schedule.batch)))
                    .collect()
            })
            .collect();
        schedule.plans(bodies)
    }
}

fn trading(trader: usize) -> AccountId {
    AccountId(2 * trader as u64 + 1)
}

/// The installation behind a trader's operator account.
fn installation(trader: usize) -> InstallationId {
    InstallationId(trader as u64 + 1)
}

fn operating(trader: usize) -> AccountId {
    AccountId(2 * trader as u64 + 2)
}
