//! The carbon mix: transfers, crossing orders, issues, retirements and the rest, for any number of keys.

mod opening;
mod stream;

use std::collections::BTreeMap;

use bds_client::Signer;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::genesis::Genesis;
use bds_contracts::tx::{AccountId, ChainId};

use super::{Config, Schedule, Workload, shares};
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

/// Numbers of what is traded beside [`ALLOWANCE`], where there is more than one book.
const ALLOWANCES_MORE: u32 = 100;
/// Bids that stand behind the orders that trade at once: above the far bids of the mix, below every price at which it trades.
const FAR_BID: Price = Price(10 * TICK as i64);
/// Asks that do: twice the price.
const FAR_ASK: Price = Price(1_600_000);
/// Units of each of these: more than the orders of the longest run ask for together.
const STANDING_UNITS: u64 = 100_000_000;
/// Money that the bids among them set aside together at the most, in millionths.
const STANDING_MONEY_TOTAL: u64 = 1_000_000_000_000_000_000;

/// Permille of each kind of transaction. Half of the payouts are their endorsements, and so are half of the block trades; of the
/// reports a third each are endorsements, uploads and questions about them (Algorithm 6). Orders were 260 until market orders and
/// those that are filled in full or not at all were taken out of them. Sales have no part: a bid names its sale by a number that only the sale's receipt tells, and receipts are not read.
const MIX: &[(&str, u64)] = &[
    ("transfer", 460),
    ("order", 228),
    ("market-order", 16),
    ("fill-or-kill", 16),
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

/// The workload: who there is and what they do.
#[derive(Debug)]
pub struct Carbon {
    config: Config,
    transfers_only: bool,
    traders: Vec<Signer>,
    /// One market operator a client: issues units, books money in and out, opens contracts and verifies.
    operators: Vec<Signer>,
    /// One a client, whose orders stand behind those that trade at once.
    standing: Vec<Signer>,
}

impl Carbon {
    /// Derives all keys: `config.keys` trading members, each with a trading and an operator account.
    ///
    /// # Panics
    /// When there are no keys, no clients or more clients than keys.
    #[must_use]
    pub fn new(config: Config) -> Self {
        config.check();
        Self {
            config,
            transfers_only: false,
            traders: config.signers("trader", config.keys),
            operators: config.signers("operator", config.clients),
            standing: config.signers("standing", config.clients),
        }
    }

    /// The same members, who do nothing but transfer units.
    ///
    /// # Panics
    /// As [`Carbon::new`].
    #[must_use]
    pub fn transfers(config: Config) -> Self {
        Self {
            transfers_only: true,
            ..Self::new(config)
        }
    }

    /// What orders are sent for.
    fn books(&self) -> impl Iterator<Item = InstrumentId> + use<> {
        (0..self.config.instruments).map(nth_book)
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

    /// As [`super::plans`].
    #[must_use]
    pub fn plans(&self, chain: ChainId, schedule: &Schedule) -> Vec<ClientPlan> {
        super::plans(self, self.config.clients, chain, schedule)
    }
}

impl Workload for Carbon {
    fn name(&self) -> &'static str {
        match self.transfers_only {
            true => "transfers",
            false => "carbon",
        }
    }

    fn keys(&self) -> usize {
        self.config.keys
    }

    fn mix(&self) -> BTreeMap<String, u32> {
        match self.transfers_only {
            true => shares(&[("transfer", 1000)]),
            false => shares(MIX),
        }
    }

    fn genesis(&self) -> Genesis {
        self.genesis()
    }

    /// Nothing: all that the mix needs beforehand is in its genesis, or done by an earlier batch.
    fn opening(&self, _: ChainId) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn stream(&self, chain: ChainId, client: usize) -> Box<dyn super::Stream + Send + '_> {
        Box::new(self.stream(chain, client))
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

/// The account behind the orders of a client's members that trade at once.
fn standing(carbon: &Carbon, client: usize) -> AccountId {
    AccountId(2 * carbon.config.keys as u64 + 1 + client as u64)
}

/// What it offers in each book, on either side.
fn standing_quantity(config: &Config) -> Quantity {
    let parts = (config.clients * config.instruments) as u64;
    let affordable = STANDING_MONEY_TOTAL / parts / money_of(FAR_BID);
    Quantity(STANDING_UNITS.min(affordable))
}

/// Millionths that a unit costs at a price in ten-thousandths.
fn money_of(price: Price) -> u64 {
    price.0.unsigned_abs() * 100
}

fn nth_book(number: usize) -> InstrumentId {
    match u32::try_from(number) {
        Ok(0) | Err(_) => ALLOWANCE,
        Ok(number) => InstrumentId(ALLOWANCES_MORE + number),
    }
}

/// What a member sends orders for. Of two neighbours one buys and the other one sells, in the same book.
fn book_of(config: &Config, trader: usize) -> InstrumentId {
    nth_book(trader / 2 % config.instruments)
}
