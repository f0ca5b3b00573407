//! What a signed transaction looks like, in memory and as bytes.
//!
//! On the wire a transaction is `borsh(Transaction) || signature`, and the signature covers every byte before it.
//! The first 96 bytes have fixed places, so that admission can read sender, nonce and times without decoding
//! the call:
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | domain tag `BDS-TX` with the format version |
//! | 8..40 | chain id: the genesis hash |
//! | 40..72 | sender's Ed25519 key |
//! | 72..80 | nonce, little endian, as all integers |
//! | 80..88 | lock time: not valid in a block before it |
//! | 88..96 | expiry: not valid in a block at or after it |
//! | 96.. | declared accounts, content hash, call |
//! | last 64 | Ed25519 signature |

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512};

use crate::Call;

/// Domain tag of a transaction; the last byte is the version of the format.
pub const TX_DOMAIN: [u8; 8] = *b"BDS-TX\0\x01";
/// The longest transaction on the wire, signature included.
pub const TX_BYTES_MAX: usize = 64 * 1024;
/// Fixed part, two empty options, the shortest call and the signature: nothing shorter can be a transaction.
pub const TX_BYTES_MIN: usize = 96 + 4 + 1 + 1 + SIGNATURE_BYTES;
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

/// Number of an account inside one ledger.
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
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct AccountId(pub u64);

/// Everything the sender signs.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// Always [`TX_DOMAIN`].
    pub domain: [u8; 8],
    /// The ledger it is for; any other refuses it.
    pub chain: ChainId,
    /// Who signs and pays with a nonce.
    pub sender: PublicKey,
    /// Exactly the number of transactions of this sender executed before.
    pub nonce: u64,
    /// Not valid in a block before this time.
    pub lock_time: Millis,
    /// Not valid in a block at or after this time.
    pub expires_at: Millis,
    /// Every account the call may touch; a call that touches another one fails.
    pub accounts: Vec<AccountId>,
    /// Document this transaction refers to.
    pub content_hash: Option<ContentHash>,
    /// What is to be done.
    pub call: Call,
}

/// Why bytes are no transaction of this ledger. The variant's code is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TxFormatError {
    /// Shorter than any transaction can be.
    #[error("{bytes} bytes are too few for a transaction; the shortest has {TX_BYTES_MIN}")]
    TooShort {
        /// Length received.
        bytes: usize,
    },
    /// Longer than allowed.
    #[error("{bytes} bytes are too many for a transaction; the limit is {TX_BYTES_MAX}")]
    TooLong {
        /// Length received.
        bytes: usize,
    },
    /// The first eight bytes are not the domain tag of this version.
    #[error("the first 8 bytes are not the tag of a version-1 transaction")]
    WrongDomain,
    /// The call or its accounts do not decode, or bytes are left over.
    #[error("accounts, content hash or call do not decode")]
    Malformed,
}

/// A transaction still in its wire bytes; reading a field copies nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxView<'a> {
    bytes: &'a [u8],
}

impl<'a> TxView<'a> {
    /// Checks length and domain tag only; the call is decoded by [`TxView::decode`].
    ///
    /// # Errors
    /// [`TxFormatError`], without [`TxFormatError::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TxFormatError> {
        let n = bytes.len();
        if n < TX_BYTES_MIN {
            return Err(TxFormatError::TooShort { bytes: n });
        }
        if n > TX_BYTES_MAX {
            return Err(TxFormatError::TooLong { bytes: n });
        }
        if bytes[..8] != TX_DOMAIN {
            return Err(TxFormatError::WrongDomain);
        }
        Ok(Self { bytes })
    }

    /// The whole wire form.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes under the signature.
    #[must_use]
    pub fn signed_bytes(&self) -> &'a [u8] {
        &self.bytes[..self.bytes.len() - SIGNATURE_BYTES]
    }

    /// The signature over [`TxView::signed_bytes`].
    #[must_use]
    pub fn signature(&self) -> &'a [u8; SIGNATURE_BYTES] {
        self.bytes.last_chunk().expect("parse checked the length")
    }

    /// The ledger it is for.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        ChainId(self.array(8))
    }

    /// The signer.
    #[must_use]
    pub fn sender(&self) -> PublicKey {
        PublicKey(self.array(40))
    }

    /// The signer's key where it lies.
    #[must_use]
    pub fn sender_bytes(&self) -> &'a [u8; 32] {
        self.bytes[40..72].first_chunk().expect("32 bytes")
    }

    /// The sender's nonce.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        u64::from_le_bytes(self.array(72))
    }

    /// Not valid before.
    #[must_use]
    pub fn lock_time(&self) -> Millis {
        Millis(u64::from_le_bytes(self.array(80)))
    }

    /// Not valid at or after.
    #[must_use]
    pub fn expires_at(&self) -> Millis {
        Millis(u64::from_le_bytes(self.array(88)))
    }

    /// SHA-512 of the signed bytes. Cost: one pass; batches use the engine instead.
    #[must_use]
    pub fn id(&self) -> TxId {
        TxId(Sha512::digest(self.signed_bytes()).into())
    }

    /// The transaction in full.
    ///
    /// # Errors
    /// [`TxFormatError::Malformed`] when the rest does not decode or bytes are left over.
    pub fn decode(&self) -> Result<Transaction, TxFormatError> {
        borsh::from_slice(self.signed_bytes()).map_err(|_| TxFormatError::Malformed)
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        *self.bytes[at..]
            .first_chunk()
            .expect("inside the fixed part")
    }
}

impl Transaction {
    /// The bytes to sign.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory cannot fail")
    }
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
