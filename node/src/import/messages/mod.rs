//! Messages of the energy markets as calls: what others already say to each other, said to the ledger.
//!
//! The readers of `bds-data` make values of files; here names become numbers of the ledger, and units and signs the ledger's. What a
//! message says wrongly is passed on as it is, so the ledger refuses it with its own code; what the ledger has no words for is
//! [`Unmapped`], and then no call of the message is made. Where several calls of a message are one thing they belong in one transaction;
//! bids, curves, loads and settlements of orders are each a thing of its own, with its own receipt.

pub mod market;
pub mod names;
pub mod transactions;
pub mod uftp;

use bds_data::moment::Zone;

/// Why a message becomes no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    /// A name that the directory does not know.
    #[error("the directory has no {what} `{name}`")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// Its name in the message.
        name: String,
    },
    /// Nothing is known of what such messages name.
    #[error("the file of names has no part `{0}`")]
    NoNames(&'static str),
    /// The rule of this time zone is not written here, and a guess would move a day by hours.
    #[error(
        "the rule of time zone `{0}` is not known, so no day of it can be told in UTC; known are {known}",
        known = Zone::names().join(", ")
    )]
    Zone(String),
    /// It tells of days or times and not of which time zone.
    #[error(
        "the message names no time zone, so its days and times cannot be told in UTC; it needs the attribute TimeZone"
    )]
    NoZone,
    /// The ledger's markets have nothing like it.
    #[error("the ledger has no words for {0}")]
    NoWords(String),
    /// A number leaves its range, or is no whole number of the ledger's units.
    #[error("{0} does not fit the ledger's units")]
    Misfit(String),
}

fn unknown(what: &'static str, name: &str) -> Unmapped {
    let name = name.to_owned();
    Unmapped::Unknown { what, name }
}
