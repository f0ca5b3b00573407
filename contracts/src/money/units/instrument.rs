//! An instrument: one kind of unit that can be issued, held and traded.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::amount::{Currency, Quantity, Terms};
use crate::receipt::Code;

crate::choices! {
    /// Which right a unit stands for.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Right {
        /// The right to emit, given or sold by an authority.
        Allowance "allowance",
        /// A saved emission of a project.
        Credit "credit",
        /// A unit good for one year only.
        AnnualUnit "annual-unit",
    }
}

crate::choices! {
    /// Whether one unit is as good as another.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Form {
        /// Units are counted; they get numbers when they leave circulation.
        Fungible "fungible",
        /// Units have numbers from the start.
        Serialised "serialised",
    }
}

/// What can be issued, held and traded under one number.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Instrument {
    /// Prefix of its serial numbers and name for people: `EUA-2021`.
    pub symbol: String,
    /// Which right a unit stands for.
    pub right: Right,
    /// Whether one unit is as good as another.
    pub form: Form,
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
    /// Units created so far; of a serialised instrument, with the numbers `1..=issued`. Its fitting into 64 bits bounds every
    /// holding.
    pub issued: u64,
    /// Units out of circulation; of a fungible instrument, with the numbers `1..=out`.
    pub out: u64,
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
    /// `TEXT_TOO_LONG` without a symbol; `INSTRUMENT_INVALID`.
    pub fn check(&self) -> Result<(), Code> {
        if self.symbol.is_empty() {
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
