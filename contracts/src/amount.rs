//! How much: quantities, prices and money, in integers that cannot be mixed up.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// A whole, in parts per million.
pub const PPM: u32 = 1_000_000;

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident $inner:ty) => {
        crate::number! {
            $(#[$doc])*
            pub struct $name($inner);
        }

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// The sum, unless it leaves the range.
            #[must_use]
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// The difference, unless it leaves the range.
            #[must_use]
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

amount! {
    /// A number of an instrument's smallest units: `10^-scale` of one contract unit (of a tonne, say).
    Quantity u64
}
amount! {
    /// Price of one whole contract unit in the instrument's price steps; in the usual setting `10^-4` of the currency.
    Price i64
}
amount! {
    /// An amount of money in the smallest unit kept; in the usual setting `10^-6` of the currency.
    Money i64
}

amount! {
    /// Energy in watt hours; of a meter, what goes into the grid is above zero and what comes out of it below.
    WattHours i64
}
amount! {
    /// Power in watts, with the sign of the energy it comes to.
    Watts i64
}

/// A currency: three capital letters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Currency(pub [u8; 3]);

impl Currency {
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// Yuan.
    pub const CNY: Self = Self(*b"CNY");

    /// Three capital letters and nothing else.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.0.iter().all(u8::is_ascii_uppercase)
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// The text is not three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters, such as EUR")]
pub struct CurrencyError;

impl std::str::FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let bytes: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        let currency = Self(bytes);
        if currency.is_valid() {
            Ok(currency)
        } else {
            Err(CurrencyError)
        }
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text: std::borrow::Cow<'de, str> = Deserialize::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a quantity costs: the one place where quantity, price and money meet.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Terms {
    /// Smallest units in one contract unit: `10^scale`.
    pub units_per_contract: u64,
    /// Money that one price step is worth for one whole contract unit; 100 when prices are `10^-4` and money `10^-6`.
    pub step_value: u32,
    /// Quantities are multiples of this.
    pub lot: u64,
}

impl Terms {
    /// One unit at price 1 costs 1: what an order book without money uses.
    pub const PLAIN: Self = Self {
        units_per_contract: 1,
        step_value: 1,
        lot: 1,
    };

    /// `quantity x price`, truncated toward zero; `None` when it leaves the range of [`Money`].
    ///
    /// Truncation never makes a whole cheaper than its parts: `amount(a) + amount(b) <= amount(a + b)`, so
    /// money reserved for an order always covers its fills.
    #[must_use]
    pub fn amount(&self, quantity: Quantity, price: Price) -> Option<Money> {
        let product = i128::from(quantity.0)
            .checked_mul(i128::from(price.0))?
            .checked_mul(i128::from(self.step_value))?;
        let amount = product.checked_div(i128::from(self.units_per_contract))?;
        i64::try_from(amount).ok().map(Money)
    }

    /// The most lots that `money` buys at `price`, as a quantity; none when the price or the money is not positive.
    #[must_use]
    pub fn affordable(&self, money: Money, price: Price) -> Quantity {
        if money.0 <= 0 || price.0 <= 0 || self.step_value == 0 || self.lot == 0 {
            return Quantity::ZERO;
        }
        // amount(q) <= m holds exactly when q * price * step < (m + 1) * units.
        // Correctness: (2^63) * 2^64 = 2^127 does not fit i128, it fits u128.
        let room = (u128::from(money.0.unsigned_abs()) + 1) * u128::from(self.units_per_contract);
        // Correctness: 2^63 * 2^32 = 2^95.
        let step = u128::from(price.0.unsigned_abs()) * u128::from(self.step_value);
        let quantity = u64::try_from((room - 1) / step).unwrap_or(u64::MAX);
        Quantity(quantity - quantity % self.lot)
    }
}
