//! The file of names: what those who write messages call things, and which numbers these have on the ledger.
//!
//! One JSON object with a part for each module that messages go to; what no message needs is left out. Numbers that the ledger gave for
//! earlier messages, of requests, offers and orders, stand here too: the receipts said them.

use std::collections::BTreeMap;

use bds_contracts::amount::{Currency, CurrencyError};
use bds_contracts::energy::{MicrogridId, ResourceId};
use bds_contracts::flexibility::PointId;
use bds_contracts::tx::{AccountId, Millis};
use serde::Deserialize;

use super::market::Place;
use super::uftp::{Directory, Known};

/// What messages need to become calls.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// For messages of UFTP.
    pub flexibility: Option<OfFlexibility>,
    /// For bids and priced volumes.
    pub power: Option<OfPower>,
    /// For loads.
    pub energy: Option<OfEnergy>,
}

/// For messages of UFTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfFlexibility {
    /// Domains of the two sides, the grid operator's and the aggregator's: what others say is refused.
    pub domains: [String; 2],
    /// The congestion point of a portfolio, and of test messages: they name none.
    pub point: PointId,
    /// The aggregator's account.
    pub aggregator: AccountId,
    /// Congestion points by entity address.
    #[serde(default)]
    pub points: BTreeMap<String, PointId>,
    /// Connections by entity address.
    #[serde(default)]
    pub connections: BTreeMap<String, Connection>,
    /// Watts of the unit that powers are given in.
    #[serde(default = "one")]
    pub watts: i64,
    /// When a connection without a last day leaves the portfolio, in milliseconds since 1970.
    #[serde(default)]
    pub open_end: u64,
    /// Requests and offers on the ledger, by message.
    #[serde(default)]
    pub documents: BTreeMap<String, Known>,
    /// What the options of offers are called, in their order, by message.
    #[serde(default)]
    pub options: BTreeMap<String, Vec<Option<String>>>,
    /// Revisions of prognoses, by message.
    #[serde(default)]
    pub prognoses: BTreeMap<String, u64>,
    /// Numbers of orders on the ledger, by reference.
    #[serde(default)]
    pub orders: BTreeMap<String, u64>,
}

/// A metered connection.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Its resource.
    pub resource: ResourceId,
    /// Whose it is.
    pub account: AccountId,
}

/// For bids and priced volumes: a session of the day-ahead market.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfPower {
    /// Which.
    pub session: u64,
    /// Start of its day, in milliseconds since 1970.
    pub start: u64,
    /// Whose orders they are.
    pub account: AccountId,
    /// In which its prices are.
    pub currency: String,
}

/// For loads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfEnergy {
    /// What documents call the grid, as their `outBiddingZone_Domain.mRID`: loads of others are refused.
    pub domain: String,
    /// Whose.
    pub microgrid: MicrogridId,
    /// Length of its periods, in minutes.
    pub minutes: u16,
}

fn one() -> i64 {
    1
}

impl From<OfFlexibility> for Directory {
    fn from(names: OfFlexibility) -> Self {
        let connections = names.connections.into_iter();
        let connections = connections.map(|(name, one)| (name, (one.resource, one.account)));
        Self {
            domains: names.domains,
            points: names.points,
            connections: connections.collect(),
            point: names.point,
            aggregator: names.aggregator,
            watts: names.watts,
            open_end: Millis(names.open_end),
            documents: names.documents,
            options: names.options,
            prognoses: names.prognoses,
            orders: names.orders,
        }
    }
}

impl OfPower {
    /// Where bids go.
    ///
    /// # Errors
    /// When the currency is none.
    pub fn place(&self) -> Result<Place, CurrencyError> {
        let currency: Currency = self.currency.parse()?;
        Ok(Place {
            session: self.session,
            start: Millis(self.start),
            account: self.account,
            currency,
        })
    }
}
