//! What a signed transaction looks like as bytes, version 2: one to sixteen calls, in the clear or sealed.
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | domain tag `BDS-TX` with the format version |
//! | 8..40 | chain id: the genesis hash |
//! | 40..72 | sender's Ed25519 key |
//! | 72..80 | nonce, little endian, as all integers |
//! | 80..88 | lock time: not valid in a block before it |
//! | 88..96 | expiry: not valid in a block at or after it |
//! | 96..104 | a nonce of the same sender that must have been used before; `u64::MAX` for none |
//! | 104.. | content hash: a byte 0, or a byte 1 and 64 bytes |
//! | .. | payload: a byte 0, a count and the calls; or a byte 1, the key's epoch u64, a length u32 and ciphertext |
//! | last 64 | Ed25519 signature over everything before it |
//!
//! A call is module u16, method u16, length u32 and its arguments. What accounts it touches follows from the arguments.

use sha2::{Digest as _, Sha512};

use super::module::{Calls as _, Module};
use super::wire::{Decode as _, Encode as _, Malformed, Reader};
use crate::receipt::Code;
use crate::tx::{ChainId, ContentHash, Millis, PublicKey, SIGNATURE_BYTES, TX_BYTES_MAX, TxId};

/// Domain tag of a transaction; the last byte is the version of the format.
pub const TX_DOMAIN: [u8; 8] = *b"BDS-TX\0\x02";
/// Most calls of one transaction.
pub const CALLS_MAX: u8 = 16;
/// Fixed part, no content hash, one call without arguments, signature: nothing shorter can be a transaction.
pub const TX_BYTES_MIN: usize = FIXED + 1 + 2 + 8 + SIGNATURE_BYTES;

const FIXED: usize = 104;
const NO_NONCE: u64 = u64::MAX;

/// Why bytes are no transaction of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
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
    /// A transaction of format version 1, which this version does not execute.
    #[error(
        "this is a version-1 transaction; this ledger takes version 2: encode and sign it anew"
    )]
    Version1,
    /// The first eight bytes are not the tag of a transaction.
    #[error("the first 8 bytes are not the tag of a version-2 transaction")]
    WrongDomain,
}

impl From<EnvelopeError> for Code {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::TooShort { .. } => Code::MALFORMED,
            EnvelopeError::TooLong { .. } => Code::OVERSIZED,
            EnvelopeError::Version1 | EnvelopeError::WrongDomain => Code::WRONG_VERSION,
        }
    }
}

/// A transaction still in its wire bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    bytes: &'a [u8],
}

/// What a transaction asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Calls that anyone can read.
    Clear(CallList<'a>),
    /// Calls that are opened only once their order is fixed.
    Sealed {
        /// Which key opens it.
        epoch: u64,
        /// The calls, encrypted.
        ciphertext: &'a [u8],
    },
}

/// The calls of a transaction; every one lies inside the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallList<'a> {
    count: u8,
    bytes: &'a [u8],
}

/// One call still in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallView<'a> {
    /// Of which module.
    pub module: u16,
    /// Which of its methods.
    pub method: u16,
    /// Its arguments.
    pub arguments: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Checks length and domain tag only; the payload is read by [`Envelope::payload`].
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let n = bytes.len();
        if n > TX_BYTES_MAX {
            return Err(EnvelopeError::TooLong { bytes: n });
        }
        if bytes.starts_with(b"BDS-TX\0\x01") {
            return Err(EnvelopeError::Version1);
        }
        if n < TX_BYTES_MIN {
            return Err(EnvelopeError::TooShort { bytes: n });
        }
        if bytes[..8] != TX_DOMAIN {
            return Err(EnvelopeError::WrongDomain);
        }
        Ok(Self { bytes })
    }

    /// The whole wire form.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes under the signature.
    #[must_use]
    #[inline]
    pub fn signed_bytes(&self) -> &'a [u8] {
        &self.bytes[..self.bytes.len() - SIGNATURE_BYTES]
    }

    /// The signature over [`Envelope::signed_bytes`].
    #[must_use]
    pub fn signature(&self) -> &'a [u8; SIGNATURE_BYTES] {
        self.bytes.last_chunk().expect("parse checked the length")
    }

    /// The ledger it is for.
    #[must_use]
    #[inline]
    pub fn chain(&self) -> ChainId {
        ChainId(*self.array(8))
    }

    /// The signer.
    #[must_use]
    #[inline]
    pub fn sender(&self) -> PublicKey {
        PublicKey(*self.array(40))
    }

    /// The signer's key where it lies.
    #[must_use]
    #[inline]
    pub fn sender_bytes(&self) -> &'a [u8; 32] {
        self.array(40)
    }

    /// The sender's nonce.
    #[must_use]
    #[inline]
    pub fn nonce(&self) -> u64 {
        u64::from_le_bytes(*self.array(72))
    }

    /// Not valid before.
    #[must_use]
    #[inline]
    pub fn lock_time(&self) -> Millis {
        Millis(u64::from_le_bytes(*self.array(80)))
    }

    /// Not valid at or after.
    #[must_use]
    #[inline]
    pub fn expires_at(&self) -> Millis {
        Millis(u64::from_le_bytes(*self.array(88)))
    }

    /// A nonce of the same sender that must have been used before.
    #[must_use]
    #[inline]
    pub fn after(&self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.array(96))).filter(|nonce| *nonce != NO_NONCE)
    }

    /// SHA-512 of the signed bytes. Cost: one pass; batches use the engine instead.
    #[must_use]
    pub fn id(&self) -> TxId {
        TxId(Sha512::digest(self.signed_bytes()).into())
    }

    /// What stands behind the fixed part. Every call lies inside the bytes and nothing is left over.
    ///
    /// # Errors
    /// [`Malformed`]: also for no call or more than [`CALLS_MAX`].
    #[inline]
    pub fn payload(&self) -> Result<(Option<ContentHash>, Payload<'a>), Malformed> {
        let mut reader = Reader::new(&self.signed_bytes()[FIXED..]);
        let content = Option::<ContentHash>::decode(&mut reader)?;
        let payload = match u8::decode(&mut reader)? {
            0 => Payload::Clear(CallList::next(&mut reader)?),
            1 => Payload::Sealed {
                epoch: u64::decode(&mut reader)?,
                ciphertext: reader.blob()?,
            },
            _ => return Err(Malformed),
        };
        reader.end()?;
        Ok((content, payload))
    }

    #[inline]
    fn array<const N: usize>(&self, at: usize) -> &'a [u8; N] {
        self.bytes[at..]
            .first_chunk()
            .expect("inside the fixed part")
    }
}

impl<'a> CallList<'a> {
    /// A count of one byte and so many calls, all of the bytes.
    ///
    /// # Errors
    /// [`Malformed`]: also for no call or more than [`CALLS_MAX`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let calls = Self::next(&mut reader)?;
        reader.end()?;
        Ok(calls)
    }

    #[inline]
    fn next(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = u8::decode(reader)?;
        if count == 0 || count > CALLS_MAX {
            return Err(Malformed);
        }
        let bytes = reader.rest();
        for _ in 0..count {
            next_call(reader)?;
        }
        Ok(Self { count, bytes })
    }

    /// How many; at least one.
    #[must_use]
    #[inline]
    pub fn count(&self) -> u8 {
        self.count
    }

    /// The calls in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = CallView<'a>> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || next_call(&mut reader).ok())
    }
}

#[inline]
fn next_call<'a>(reader: &mut Reader<'a>) -> Result<CallView<'a>, Malformed> {
    Ok(CallView {
        module: u16::decode(reader)?,
        method: u16::decode(reader)?,
        arguments: reader.blob()?,
    })
}

/// A transaction that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The ledger it is for.
    pub chain: ChainId,
    /// Who signs.
    pub sender: PublicKey,
    /// A number this sender has not used.
    pub nonce: u64,
    /// Not valid before.
    pub lock_time: Millis,
    /// Not valid at or after.
    pub expires_at: Millis,
    /// A nonce that must have been used before.
    pub after: Option<u64>,
    /// Document this transaction refers to.
    pub content_hash: Option<ContentHash>,
    count: u8,
    calls: Vec<u8>,
}

impl Draft {
    /// Without calls, and good at any time.
    #[must_use]
    pub fn new(chain: ChainId, sender: PublicKey, nonce: u64) -> Self {
        Self {
            chain,
            sender,
            nonce,
            lock_time: Millis(0),
            expires_at: Millis(u64::MAX),
            after: None,
            content_hash: None,
            count: 0,
            calls: Vec::new(),
        }
    }

    /// Adds a call. More than [`CALLS_MAX`] are refused when the transaction is read.
    #[must_use]
    pub fn call<M: Module>(self, call: &M::Call<'_>) -> Self {
        let mut arguments = Vec::new();
        call.encode(&mut arguments);
        self.raw(M::ID, call.number(), &arguments)
    }

    /// Adds a call by numbers and bytes.
    #[must_use]
    pub fn raw(mut self, module: u16, method: u16, arguments: &[u8]) -> Self {
        module.encode(&mut self.calls);
        method.encode(&mut self.calls);
        arguments.encode(&mut self.calls);
        self.count = self.count.saturating_add(1);
        self
    }

    /// A count of one byte and the calls: what [`CallList::read`] reads, and a standing instruction keeps.
    #[must_use]
    pub fn calls(&self) -> Vec<u8> {
        let mut bytes = vec![self.count];
        bytes.extend_from_slice(&self.calls);
        bytes
    }

    /// The bytes to sign; the signature goes behind them.
    #[must_use]
    #[inline]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut out = self.head();
        out.extend_from_slice(&[0, self.count]);
        out.extend_from_slice(&self.calls);
        out
    }

    /// The bytes to sign, with a sealed payload in place of the calls.
    #[must_use]
    pub fn sealed_bytes(&self, epoch: u64, ciphertext: &[u8]) -> Vec<u8> {
        let mut out = self.head();
        out.push(1);
        epoch.encode(&mut out);
        ciphertext.encode(&mut out);
        out
    }

    fn head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&TX_DOMAIN);
        out.extend_from_slice(&self.chain.0);
        out.extend_from_slice(&self.sender.0);
        for word in [
            self.nonce,
            self.lock_time.0,
            self.expires_at.0,
            self.after.unwrap_or(NO_NONCE),
        ] {
            word.encode(&mut out);
        }
        self.content_hash.encode(&mut out);
        out
    }
}
