//! The mix of e-retail: products registered, handed from company to company, packed, seen, and sold to consumers.
//!
//! Who hands goods over and who receives them belong to one client, so that it knows when the one is done and the other can follow.

mod goods;
mod opening;
mod stream;
mod things;

use std::collections::BTreeMap;

use bds_client::Signer;
use bds_contracts::genesis::Genesis;
use bds_contracts::tx::{AccountId, ChainId, Millis};

use super::{Config, DAY, Workload, shares};

pub use stream::Stream;

/// Numbers of accounts begin here, so that every scenario has its own.
const ACCOUNTS: u64 = 2_000_000_000;
/// Days that an offer stands.
const OFFERED_DAYS: u64 = 30;

/// Permille of each kind of transaction.
const MIX: &[(&str, u64)] = &[
    ("register-product", 240),
    ("offer-step", 170),
    ("accept-step", 150),
    ("offer-sale", 80),
    ("verify-tag", 80),
    ("accept-sale", 75),
    ("record-event", 70),
    ("report-sensor", 60),
    ("pack", 25),
    ("unpack", 20),
    ("transform", 20),
    ("create-lot", 10),
];

/// The workload: who there is and what they do.
#[derive(Debug)]
pub struct Retail {
    config: Config,
    companies: Vec<Signer>,
    /// One a client: it reads tags and sensors for the client's companies.
    devices: Vec<Signer>,
    /// Authorises manufacturers and certifies their codes.
    authority: Signer,
}

impl Retail {
    /// Derives all keys.
    ///
    /// # Panics
    /// When there are no keys, no clients or more clients than keys.
    #[must_use]
    pub fn new(config: Config) -> Self {
        config.check();
        Self {
            config,
            companies: config.signers("company", config.keys),
            devices: config.signers("reading device", config.clients),
            authority: config.signers("authority", 1).remove(0),
        }
    }

    /// Until when offers stand.
    fn offered_until(&self) -> Millis {
        Millis(self.config.day.0 + OFFERED_DAYS * DAY)
    }
}

impl Workload for Retail {
    fn name(&self) -> &'static str {
        "retail"
    }

    fn keys(&self) -> usize {
        self.config.keys
    }

    fn mix(&self) -> BTreeMap<String, u32> {
        shares(MIX)
    }

    fn genesis(&self) -> Genesis {
        opening::genesis(self)
    }

    fn opening(&self, chain: ChainId) -> Vec<Vec<u8>> {
        opening::transactions(self, chain)
    }

    fn stream(&self, chain: ChainId, client: usize) -> Box<dyn super::Stream + Send + '_> {
        Box::new(Stream::new(self, chain, client))
    }
}

fn account(company: usize) -> AccountId {
    AccountId(ACCOUNTS + company as u64)
}

/// The one product that a company makes.
fn code(company: usize) -> u64 {
    company as u64 + 1
}

/// Where a company is: in one town, so that goods are there at once.
fn place(company: usize) -> (i64, i64) {
    let east = i64::try_from(company % 100).expect("small");
    (52_520_000, 13_405_000 + 1_000 * east)
}
