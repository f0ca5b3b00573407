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
use crate::tx::{AccountId, ContentHash, Millis, PublicKey, TxId};

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

/// Number of a trading contract.
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
#[serde(transparent)]
pub struct ContractId(pub u64);

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

/// A trading contract.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TradingContract {
    /// As it was opened.
    pub terms: NewTradingContract,
    /// Indicators a verifier endorsed last, and who.
    pub endorsed: Option<(Indicators, PublicKey)>,
    /// It accepts nothing more, for ever.
    pub terminated: bool,
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

/// What an upload left behind: the data, their hash, when, and who.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TradingRecord {
    /// Number among all records; the first is 1.
    pub id: u64,
    /// The data.
    pub data: TradingData,
    /// SHA-512 of the borsh encoding of the data.
    pub hash: ContentHash,
    /// Time of the block.
    pub time: Millis,
    /// Who uploaded.
    pub uploader: PublicKey,
    /// In which transaction.
    pub tx: TxId,
}

/// What Algorithm 6 looks for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Retrieval {
    /// Records of a trading contract.
    Contract(ContractId),
    /// Records of an enterprise.
    Enterprise(HolderId),
    /// Records in which the account sells or buys.
    Account(AccountId),
    /// Records about an instrument.
    Instrument(InstrumentId),
    /// Records of blocks from the first time (inclusive) to the second (exclusive).
    Time(Millis, Millis),
    /// The record that a transaction left.
    Transaction(TxId),
}

/// Who asked what, when.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AccessRecord {
    /// Number among all queries; the first is 1.
    pub id: u64,
    /// Who asked.
    pub querier: PublicKey,
    /// Time of the block.
    pub time: Millis,
    /// What for.
    pub retrieval: Retrieval,
    /// Whether the querier might ask.
    pub allowed: bool,
    /// How many records the answer names.
    pub count: u32,
    /// In which transaction.
    pub tx: TxId,
}

/// Under what a record can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogKey {
    Contract(ContractId),
    Enterprise(HolderId),
    Account(AccountId),
    Instrument(InstrumentId),
    Time(Millis),
    Transaction(TxId),
}

impl TradingRecord {
    /// Every key the record is found under.
    pub(crate) fn keys(&self) -> [LogKey; 7] {
        [
            LogKey::Contract(self.data.contract),
            LogKey::Enterprise(self.data.enterprise),
            LogKey::Account(self.data.seller),
            LogKey::Account(self.data.buyer),
            LogKey::Instrument(self.data.instrument),
            LogKey::Time(self.time),
            LogKey::Transaction(self.tx),
        ]
    }
}

impl Retrieval {
    /// The keys to look under, from the first (inclusive) to the last (inclusive); none for an empty span of time.
    pub(crate) fn keys(&self) -> Option<(LogKey, LogKey)> {
        let one = |key| Some((key, key));
        match *self {
            Retrieval::Contract(id) => one(LogKey::Contract(id)),
            Retrieval::Enterprise(id) => one(LogKey::Enterprise(id)),
            Retrieval::Account(id) => one(LogKey::Account(id)),
            Retrieval::Instrument(id) => one(LogKey::Instrument(id)),
            Retrieval::Transaction(id) => one(LogKey::Transaction(id)),
            Retrieval::Time(from, to) if from < to => {
                Some((LogKey::Time(from), LogKey::Time(Millis(to.0 - 1))))
            }
            Retrieval::Time(..) => None,
        }
    }
}
