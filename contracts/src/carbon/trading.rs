//! Algorithms 5 and 6: trading data uploaded under a contract, and the log of them that can be asked.
//!
//! A trading contract names its parties and the bounds its data must keep. Production indicators count as verified when a
//! verifier has endorsed exactly these under the contract, in a transaction of its own: so the engine checks every
//! signature there is, and the contract none.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::InstrumentId;
use crate::account::HolderId;
use crate::amount::{Price, Quantity};
use crate::tx::{AccountId, ContentHash, Millis};

/// Answer of Algorithm 5 when the data were recorded.
pub const MESSAGE_SUCCESS: &str = "Success";
/// Answer of Algorithm 5 when the data fail the index check.
pub const MESSAGE_DATA_EXCEPTION: &str = "Carbon trading data exception warning";
/// Answer of Algorithm 5 when the production indicators fail the quality check.
pub const MESSAGE_RECORD_EXCEPTION: &str = "Carbon trading contract ID record exception";
/// Answer of Algorithm 6 when nothing was found.
pub const MESSAGE_NO_RECORD: &str = "No carbon trading query record";
/// Answer of Algorithm 6 when the querier may not ask.
pub const MESSAGE_UNAUTHORIZED: &str = "User authorization verification failed";

crate::number! {
    /// Number of a trading contract.
    pub struct ContractId(u64);
}

/// What a plant made and how cleanly.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Indicators {
    /// Product made in the period, in the contract's own unit.
    pub output: u64,
    /// Milligrams of CO2 per kilowatt hour.
    pub intensity: u32,
}

/// Which indicators a contract accepts; all bounds are inclusive.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct IndicatorBounds {
    /// Least output.
    pub output_min: u64,
    /// Most output.
    pub output_max: u64,
    /// Most milligrams of CO2 per kilowatt hour.
    pub intensity_max: u32,
}

impl IndicatorBounds {
    /// Whether the indicators lie inside.
    #[must_use]
    pub fn allow(&self, of: &Indicators) -> bool {
        (self.output_min..=self.output_max).contains(&of.output)
            && of.intensity <= self.intensity_max
    }
}

/// A trading contract as it is opened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct NewTradingContract {
    /// Its number.
    pub id: ContractId,
    /// The enterprise in scope.
    pub enterprise: HolderId,
    /// Who sells.
    pub seller: AccountId,
    /// Who buys.
    pub buyer: AccountId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Most units one upload may name.
    pub quantity_max: Quantity,
    /// Most tonnes one period may report.
    pub emissions_max: u64,
    /// What production must keep to.
    pub bounds: IndicatorBounds,
}

/// What Algorithm 5 uploads.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TradingData {
    /// Under which contract.
    pub contract: ContractId,
    /// Of which enterprise.
    pub enterprise: HolderId,
    /// Who sells.
    pub seller: AccountId,
    /// Who buys.
    pub buyer: AccountId,
    /// What.
    pub instrument: InstrumentId,
    /// How much.
    pub quantity: Quantity,
    /// At which price.
    pub price: Price,
    /// Start of the reported period.
    pub period_start: Millis,
    /// End of it.
    pub period_end: Millis,
    /// Verified emissions of the period, in tonnes.
    pub emissions: u64,
    /// Production of the period.
    pub indicators: Indicators,
    /// SHA-512 of the evidence.
    pub evidence: ContentHash,
}
