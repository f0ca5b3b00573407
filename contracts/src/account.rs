//! Who may do what: members with roles, and the accounts they represent.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Longest name of a member, and longest reason, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// Most representatives of one account.
pub const REPRESENTATIVES_MAX: usize = 16;

/// A set of roles. In text, a list of names such as `["trader", "auditor"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize)]
pub struct Roles(u32);

macro_rules! roles {
    ($($bit:literal $constant:ident $name:literal $text:literal;)*) => {
        impl Roles {
            $(#[doc = $text] pub const $constant: Roles = Roles(1 << $bit);)*

            const NAMED: &[(Roles, &str)] = &[$((Roles(1 << $bit), $name)),*];
            const ALL: u32 = 0 $(| 1 << $bit)*;
        }
    };
}

roles! {
    0 REGULATOR "regulator" "Creates instruments, issues, allocates, blocks accounts, opens trading contracts, gives every role.";
    1 REGISTRY_ADMINISTRATOR "registry-administrator" "Registers members and opens accounts; cannot give the regulator's or its own role.";
    2 VERIFIER "verifier" "Endorses production indicators.";
    3 OPERATOR_REPRESENTATIVE "operator-representative" "Moves, surrenders, retires and cancels units of the accounts it represents.";
    4 TRADER "trader" "Moves units and places orders for the accounts it represents.";
    5 AUDITOR "auditor" "Reads the whole log.";
    6 SURVEILLANCE "surveillance" "Reads the whole log to watch the market.";
    7 CASH_OPERATOR "cash-operator" "Books deposits and withdrawals of money.";
    8 PROSUMER "prosumer" "Opens and joins virtual power plants for the accounts it represents.";
    9 AGGREGATOR "aggregator" "As a prosumer, for many of them.";
    10 GRID_OPERATOR "grid-operator" "Runs microgrids: registers prosumers and resources, declares exchange and losses.";
    11 MARKET_OPERATOR "market-operator" "Sets by which rules plants are formed, and the price of imbalance.";
    12 METER_OPERATOR "meter-operator" "Submits and corrects the readings of the meters it is named for.";
    16 MANUFACTURER "manufacturer" "Registers, makes and recalls products.";
    17 CERTIFIER "certifier" "Certifies product codes.";
    18 CARRIER "carrier" "Transports goods.";
    19 WAREHOUSE "warehouse" "Stores goods.";
    20 RETAILER "retailer" "Sells goods to consumers and takes them back.";
    21 CONSUMER "consumer" "Verifies tags and opens disputes; on a public ledger, opens its own account.";
    22 ARBITER "arbiter" "Closes disputes about goods.";
    23 READER_DEVICE "reader-device" "Reports what a reader or a sensor of a company sees.";
}

impl Roles {
    /// No role: may send transactions, and each is refused.
    pub const NONE: Roles = Roles(0);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Roles) -> Roles {
        Roles(self.0 | other.0)
    }

    /// Whether every role of `other` is here.
    #[must_use]
    pub const fn has(self, other: Roles) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any role of `other` is here.
    #[must_use]
    pub const fn any(self, other: Roles) -> bool {
        self.0 & other.0 != 0
    }

    /// Roles that are in one set only.
    #[must_use]
    pub const fn difference(self, other: Roles) -> Roles {
        Roles(self.0 ^ other.0)
    }

    /// Names of the roles, in the order of their bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED
            .iter()
            .filter(move |(role, _)| self.has(*role))
            .map(|(_, name)| *name)
    }
}

// Unknown bits are refused, so one set has one meaning in every version that accepts it.
impl BorshDeserialize for Roles {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let bits = u32::deserialize_reader(reader)?;
        if bits & !Self::ALL != 0 {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "a role that does not exist",
            ));
        }
        Ok(Self(bits))
    }
}

impl Serialize for Roles {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let names: Vec<String> = Deserialize::deserialize(d)?;
        names.iter().try_fold(Roles::NONE, |roles, name| {
            let found = Self::NAMED.iter().find(|(_, known)| known == name);
            let (role, _) = found.ok_or_else(|| {
                let known: Vec<&str> = Self::NAMED.iter().map(|(_, n)| *n).collect();
                serde::de::Error::custom(format!(
                    "`{name}` is no role; roles are {}",
                    known.join(", ")
                ))
            })?;
            Ok(roles.with(*role))
        })
    }
}

crate::number! {
    /// Who stands behind an account: orders of one holder do not trade with each other.
    pub struct HolderId(u64);
}

/// Whether a text is short enough and free of control characters.
pub(crate) fn is_text(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}
