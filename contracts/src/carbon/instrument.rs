//! An instrument: one kind of unit that can be issued, held and traded.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::account::is_text;
use crate::amount::{Currency, Quantity, Terms};
use crate::receipt::Code;

/// Number of an instrument inside one ledger.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct InstrumentId(pub u32);

/// Which right a unit stands for.
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
pub enum InstrumentKind {
    /// The right to emit, given or sold by an authority.
    Allowance,
    /// A saved emission of a project.
    Credit,
    /// A unit good for one year only.
    AnnualUnit,
}

/// What can be issued, held and traded under one number.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Instrument {
    /// Its number.
    pub id: InstrumentId,
    /// Prefix of its serial numbers and name for people: `EUA-2021`.
    pub symbol: String,
    /// Which right a unit stands for.
    pub kind: InstrumentKind,
    /// Trading phase or vintage year.
    pub vintage: u16,
    /// Smallest units in one contract unit, as a power of ten; 0 when units are whole tonnes. At most 9.
    pub scale: u8,
    /// Money prices are in.
    pub currency: Currency,
    /// Prices are multiples of this many price steps.
    pub tick: u32,
    /// Orders are multiples of this.
    pub lot: Quantity,
    /// Money that one price step is worth for a whole contract unit: 100 when prices are `10^-4` and money `10^-6`.
    pub step_value: u32,
}

impl Instrument {
    /// What a quantity costs.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            // Correctness: `check` keeps the scale at 9 or below, and 10^9 < 2^64.
            units_per_contract: 10_u64.saturating_pow(u32::from(self.scale)),
            step_value: self.step_value,
            lot: self.lot.0,
        }
    }

    /// # Errors
    /// [`Code::INSTRUMENT_INVALID`], [`Code::TEXT_TOO_LONG`].
    pub fn check(&self) -> Result<(), Code> {
        if self.symbol.is_empty() || !is_text(&self.symbol) {
            return Err(Code::TEXT_TOO_LONG);
        }
        let sound = self.scale <= 9
            && self.tick > 0
            && self.lot > Quantity::ZERO
            && self.step_value > 0
            && self.currency.is_valid();
        if sound {
            Ok(())
        } else {
            Err(Code::INSTRUMENT_INVALID)
        }
    }
}

/// An instrument and how much of it was ever issued.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Issuance {
    /// The instrument.
    pub instrument: Instrument,
    /// Units issued so far; their serial numbers are `1..=issued`.
    pub issued: Quantity,
}
