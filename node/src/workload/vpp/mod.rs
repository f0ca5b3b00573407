//! The mix of virtual power plants: meters read and corrected, offers made, replaced and taken back in sessions that stay open,
//! plants that form while the load runs, and certificates of what was produced.

mod certificates;
mod opening;
mod stream;

use std::collections::BTreeMap;

use bds_client::Signer;
use bds_contracts::energy::{MicrogridId, ResourceId};
use bds_contracts::genesis::Genesis;
use bds_contracts::tx::{AccountId, ChainId, Millis};

use super::{Config, Workload, shares};

pub use stream::Stream;

/// A quarter of an hour, the length of every period.
const QUARTER: u64 = 900_000;
/// Prosumers whose offers meet in one session: the first of them opens it.
const GROUP: usize = 32;
/// The price of a megawatt hour that initiators take at most, in ten-thousandths: 100 euros.
const PRICE_MAX: i64 = 1_000_000;
/// Smallest step of a price.
const TICK: u32 = 100;
/// Numbers of accounts begin here, so that every scenario has its own.
const ACCOUNTS: u64 = 1_000_000_000;
const GRID_ACCOUNTS: u64 = 1_500_000_000;

/// Permille of each kind of transaction. A reading is one call for up to eight meters.
const MIX: &[(&str, u64)] = &[
    ("submit-meter", 440),
    ("join-vpp", 220),
    ("correct-meter", 100),
    ("settle-microgrid", 50),
    ("declare-balance", 40),
    ("issue-certificates", 40),
    ("transfer-certificates", 40),
    ("leave-vpp", 30),
    ("claim-certificates", 30),
    ("init-vpp", 10),
];

/// The workload: who there is and what they do.
#[derive(Debug)]
pub struct Vpp {
    config: Config,
    prosumers: Vec<Signer>,
    /// One a client: it runs a microgrid of the client's prosumers, declares its balance and issues certificates.
    grid_operators: Vec<Signer>,
    /// One a client: it reads the meters.
    meter_operators: Vec<Signer>,
    /// Registers everyone, opens the first sessions and makes the first offers for all.
    aggregator: Signer,
}

impl Vpp {
    /// Derives all keys.
    ///
    /// # Panics
    /// When there are no keys, no clients or more clients than keys.
    #[must_use]
    pub fn new(config: Config) -> Self {
        config.check();
        Self {
            config,
            prosumers: config.signers("prosumer", config.keys),
            grid_operators: config.signers("grid operator", config.clients),
            meter_operators: config.signers("meter operator", config.clients),
            aggregator: config.signers("aggregator", 1).remove(0),
        }
    }

    /// The session that stays open in which a prosumer makes offers; none for those who open one, and for who is alone.
    fn session_of(&self, prosumer: usize) -> Option<u64> {
        let is_member = !prosumer.is_multiple_of(GROUP);
        is_member.then(|| (prosumer / GROUP) as u64 + 1)
    }

    /// The first prosumers of groups of two and more: they open sessions.
    fn initiators(&self) -> impl Iterator<Item = usize> {
        (0..self.config.keys.saturating_sub(1)).step_by(GROUP)
    }

    /// The others of an initiator's group.
    fn members_of(&self, initiator: usize) -> std::ops::Range<usize> {
        initiator + 1..self.config.keys.min(initiator + GROUP)
    }

    /// When the sessions that stay open close: no run is so long.
    fn far(&self) -> Millis {
        self.quarter(2 * 96)
    }

    /// Start of a period so many after the day began.
    fn quarter(&self, number: u64) -> Millis {
        let Millis(day) = self.config.day;
        Millis(day - day % QUARTER + number * QUARTER)
    }

    /// Start of a period that was over when the day began; 0 is the last one.
    fn past(&self, number: u64) -> Millis {
        Millis(self.quarter(0).0 - (number + 1) * QUARTER)
    }
}

impl Workload for Vpp {
    fn name(&self) -> &'static str {
        "vpp"
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

    fn last(&self, chain: ChainId, now: Millis) -> Vec<Vec<u8>> {
        opening::plants(self, chain, now)
    }

    fn stream(&self, chain: ChainId, client: usize) -> Box<dyn super::Stream + Send + '_> {
        Box::new(Stream::new(self, chain, client))
    }
}

fn account(prosumer: usize) -> AccountId {
    AccountId(ACCOUNTS + prosumer as u64)
}

/// The meter of a prosumer.
fn meter(prosumer: usize) -> ResourceId {
    ResourceId(prosumer as u64 + 1)
}

fn microgrid(client: usize) -> MicrogridId {
    MicrogridId(u32::try_from(client + 1).expect("fewer clients than 2^32"))
}

/// The account that is paid for missing energy in a client's microgrid, and issues certificates there.
fn grid_account(client: usize) -> AccountId {
    AccountId(GRID_ACCOUNTS + client as u64)
}
