//! Names and bounds of transactions; what one looks like as bytes is told in [`kernel::envelope`](crate::kernel::envelope).

use borsh::{BorshDeserialize, BorshSerialize};

/// The longest transaction on the wire, signature included.
pub const TX_BYTES_MAX: usize = 64 * 1024;
/// Length of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Milliseconds since 1970-01-01 UTC. In contracts, always the block's time.
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
)]
pub struct Millis(pub u64);

/// Which ledger is meant: SHA-512/256 of the genesis document.
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
)]
pub struct ChainId(pub [u8; 32]);

/// An Ed25519 key, 32 bytes as received; whether it decodes is the engine's question.
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
)]
pub struct PublicKey(pub [u8; 32]);

/// Name of a transaction: SHA-512 of the signed bytes, so it never depends on the signature.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct TxId(pub [u8; 64]);

/// SHA-512 of a document that stays outside the ledger (evidence, invoice, report).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct ContentHash(pub [u8; 64]);

crate::number! {
    /// Number of an account inside one ledger.
    pub struct AccountId(u64);
}

macro_rules! hex_display {
    ($($name:ident),*) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = hex::FromHexError;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; size_of::<Self>()];
                hex::decode_to_slice(s, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text: std::borrow::Cow<'de, str> = serde::Deserialize::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use hex_display;
hex_display!(ChainId, PublicKey, TxId, ContentHash);
