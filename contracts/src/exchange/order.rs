//! How an order is called and which way it trades.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::tx::AccountId;

/// Name of an order: chosen by whoever places it, so it can be cancelled before the answer is back.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct OrderId {
    /// The account that trades.
    pub account: AccountId,
    /// Number within the account; each order's is above the one before.
    pub number: u64,
}

crate::choices! {
    /// Which way an order trades.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Side {
        /// Bid: gives money for units.
        Buy "buy",
        /// Ask: gives units for money.
        Sell "sell",
    }
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}
