//! Carbon units: what they are, which serial numbers exist, and what became of each.

pub mod instrument;
pub mod serial;
pub mod trading;

pub use instrument::{Instrument, InstrumentId, InstrumentKind};
pub use serial::{Blocks, SerialRange};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// How units leave circulation. A unit takes one of these once and never leaves it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Given back to the authority against verified emissions.
    Surrendered,
    /// Used up for good on behalf of a beneficiary.
    Retired,
    /// Taken out of circulation for another reason.
    Cancelled,
}
