//! The keys of a version in one or two parts, and the keys of readers.
//!
//! A *chain part* is what readers are given, wrapped to each of them. A record that can be erased has a *share* beside it, which
//! never goes on the ledger: it is worthless alone, so it may be handed to readers by any way, and whoever keeps it destroys it to erase.
//! Slice `i` is sealed under `HKDF(salt = share, key = HKDF(chain part, i))`: HMAC-SHA256 is taken to be a pseudorandom function
//! under either of the two, so both are needed.

use borsh::{BorshDeserialize, BorshSerialize};
use hpke::{Deserializable as _, Kem as _, Serializable as _};
use zeroize::{Zeroize as _, Zeroizing};

use crate::context::Context;
use crate::derive::{Secret, derive};
use crate::document::SLICES_MAX;
use crate::error::SealError;
use crate::wrap::Kem;

const TAG_PART: &[u8; 16] = b"BDS-SEAL-PART-01";
const TAG_SLICE: &[u8; 16] = b"BDS-SEAL-SLIC-01";
const TAG_CONTENT: &[u8; 16] = b"BDS-SEAL-CONT-01";

/// A reader's public key: X25519, 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct ReaderKey(pub [u8; 32]);

/// A reader's secret key; wiped from memory when dropped. Never the key that signs transactions.
#[derive(Clone)]
pub struct ReaderSecret(pub(crate) Secret);

impl ReaderSecret {
    /// From 32 random bytes, by DeriveKeyPair of RFC 9180, section 7.1.3.
    #[must_use]
    pub fn generate(random: &[u8; 32]) -> Self {
        let (secret, _) = Kem::derive_keypair(random);
        let mut bytes = secret.to_bytes();
        let mut kept = Zeroizing::new([0; 32]);
        kept.copy_from_slice(&bytes);
        bytes.zeroize();
        Self(kept)
    }

    /// From what [`ReaderSecret::bytes`] gave.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// To be kept where nobody else reads.
    #[must_use]
    pub fn bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    /// The key to publish.
    #[must_use]
    pub fn public(&self) -> ReaderKey {
        let public = Kem::sk_to_pk(&self.kem());
        let mut key = [0; 32];
        key.copy_from_slice(&public.to_bytes());
        ReaderKey(key)
    }

    pub(crate) fn kem(&self) -> <Kem as hpke::Kem>::PrivateKey {
        <Kem as hpke::Kem>::PrivateKey::from_bytes(self.0.as_slice()).expect("32 bytes are a key")
    }
}

/// The keys of one version of a record: whoever holds them opens it and can give it to readers.
#[derive(Clone)]
pub struct Keys {
    pub(crate) chain_part: Secret,
    pub(crate) share: Option<Secret>,
}

/// Keys that have sealed nothing yet. Sealing uses them up: two documents under the same keys would tell their difference.
pub struct Fresh {
    pub(crate) keys: Keys,
    pub(crate) salts: Vec<Secret>,
}

impl Fresh {
    /// Draws keys and salts for a document of so many slices, at most [`SLICES_MAX`]; with a share, one that can be erased.
    ///
    /// # Errors
    /// What `random` says, which gives bytes that nobody can guess.
    pub fn draw<E>(
        slices: usize,
        is_erasable: bool,
        mut random: impl FnMut() -> Result<Zeroizing<[u8; 32]>, E>,
    ) -> Result<Self, E> {
        let chain_part = random()?;
        let share = is_erasable.then(&mut random).transpose()?;
        let keys = Keys { chain_part, share };
        let salts = (0..slices.min(SLICES_MAX)).map(|_| random());
        let salts = salts.collect::<Result<_, E>>()?;
        Ok(Self { keys, salts })
    }
}

/// What seals one slice.
pub(crate) struct SliceKeys {
    pub(crate) key: Secret,
    pub(crate) nonce: [u8; 12],
}

impl Keys {
    /// From the parts that [`Keys::parts`] gave.
    #[must_use]
    pub fn from_parts(chain_part: &[u8; 32], share: Option<&[u8; 32]>) -> Self {
        Self {
            chain_part: Zeroizing::new(*chain_part),
            share: share.map(|share| Zeroizing::new(*share)),
        }
    }

    /// Chain part and share, to be kept where nobody else reads.
    #[must_use]
    pub fn parts(&self) -> (Zeroizing<[u8; 32]>, Option<Zeroizing<[u8; 32]>>) {
        (self.chain_part.clone(), self.share.clone())
    }

    pub(crate) fn part_of(&self, context: &Context, index: u16) -> Secret {
        part_of(&self.chain_part, context, index)
    }

    /// The salt under which the whole content is hashed.
    pub(crate) fn content_salt(&self, context: &Context) -> Secret {
        let mut salt = Zeroizing::new([0; 32]);
        let share = self.share.as_deref();
        let parts = [context.bytes()];
        derive(
            share,
            &self.chain_part,
            TAG_CONTENT,
            &[&parts[0]],
            salt.as_mut_slice(),
        );
        salt
    }
}

/// The part of a chain part that opens one slice.
pub(crate) fn part_of(chain_part: &[u8; 32], context: &Context, index: u16) -> Secret {
    let mut part = Zeroizing::new([0; 32]);
    let parts = [context.bytes().as_slice(), &index.to_le_bytes()].concat();
    derive(None, chain_part, TAG_PART, &[&parts], part.as_mut_slice());
    part
}

/// Key and nonce of a slice. A key seals one slice once, so the nonce need not differ; it comes with the key.
pub(crate) fn slice_keys(
    part: &[u8; 32],
    share: Option<&[u8; 32]>,
    context: &Context,
    index: u16,
) -> SliceKeys {
    let mut out = Zeroizing::new([0; 44]);
    let parts = [context.bytes().as_slice(), &index.to_le_bytes()].concat();
    derive(share, part, TAG_SLICE, &[&parts], out.as_mut_slice());
    let mut keys = SliceKeys {
        key: Zeroizing::new([0; 32]),
        nonce: [0; 12],
    };
    keys.key.copy_from_slice(&out[..32]);
    keys.nonce.copy_from_slice(&out[32..]);
    keys
}

/// Whether documents may be sealed for this key: as the ledger asks when it is published.
///
/// # Errors
/// [`SealError::KeyInvalid`].
pub fn check(key: &ReaderKey) -> Result<(), SealError> {
    if bds_contracts::key::is_reader_key(&key.0) {
        Ok(())
    } else {
        Err(SealError::KeyInvalid)
    }
}
