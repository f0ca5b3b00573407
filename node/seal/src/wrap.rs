//! Giving a reader a document, or some slices of it: HPKE in base mode, one message.
//!
//! Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. A wrap is the encapsulated key (32 bytes) and the
//! ciphertext of the grant, 81 bytes for a whole document. `info` is a tag, the context and the reader's key; the associated data is
//! the root over the commitments. So a wrap opens for this reader, this version of this record on this chain, and this content only.
//!
//! Base mode does not say who wrapped: on the ledger the transaction's signature does.
//!
//! Source: RFC 9180, sections 4.1, 5.1.1 and 6.1.

use std::convert::Infallible;

use bds_contracts::records::grant::WRAP_MAX;
use borsh::{BorshDeserialize, BorshSerialize};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _};
use zeroize::{Zeroize as _, Zeroizing};

use crate::context::Context;
use crate::derive::Secret;
use crate::document::SLICES_MAX;
use crate::error::SealError;
use crate::key::{self, Keys, ReaderKey, ReaderSecret, part_of};

pub(crate) type Kem = X25519HkdfSha256;

/// Bytes of a wrap that gives a whole document.
pub const WRAP_WHOLE_BYTES: usize = ENCAPPED_BYTES + 1 + 32 + 16;
/// Most slices that a wrap gives one by one, as the ledger bounds wraps: beside the encapsulated key, a byte that says so, their count and
/// what authenticates them, each takes an index and a key.
pub const GIVEN_MAX: usize = (WRAP_MAX - ENCAPPED_BYTES - 1 - 4 - 16) / (2 + 32);

const TAG_WRAP: &[u8; 16] = b"BDS-SEAL-WRAP-01";
const ENCAPPED_BYTES: usize = 32;

/// What a reader is given.
pub struct Grant(Given);

#[derive(BorshSerialize, BorshDeserialize)]
enum Given {
    Whole([u8; 32]),
    Slices(Vec<(u16, [u8; 32])>),
}

impl Drop for Grant {
    fn drop(&mut self) {
        match &mut self.0 {
            Given::Whole(part) => part.zeroize(),
            Given::Slices(parts) => parts.iter_mut().for_each(|(_, part)| part.zeroize()),
        }
    }
}

impl Grant {
    /// All of a document.
    #[must_use]
    pub fn whole(keys: &Keys) -> Self {
        Self(Given::Whole(*keys.chain_part))
    }

    /// Some slices, by rising index.
    ///
    /// # Errors
    /// [`SealError::NotGiven`] for none, more than [`GIVEN_MAX`], or indices that do not rise.
    pub fn slices(keys: &Keys, context: &Context, indices: &[u16]) -> Result<Self, SealError> {
        let parts = indices.iter();
        let parts = parts.map(|index| (*index, *keys.part_of(context, *index)));
        let grant = Self(Given::Slices(parts.collect()));
        if grant.is_sound() {
            Ok(grant)
        } else {
            Err(SealError::NotGiven)
        }
    }

    fn is_sound(&self) -> bool {
        match &self.0 {
            Given::Whole(_) => true,
            Given::Slices(parts) => {
                (1..=GIVEN_MAX).contains(&parts.len())
                    && parts.is_sorted_by(|a, b| a.0 < b.0)
                    && parts
                        .iter()
                        .all(|(index, _)| usize::from(*index) < SLICES_MAX)
            }
        }
    }

    /// Indices that it gives, with what opens each, of a document of so many slices.
    pub(crate) fn parts(
        &self,
        context: &Context,
        count: u16,
    ) -> impl Iterator<Item = (u16, Secret)> {
        let (whole, some) = match &self.0 {
            Given::Whole(part) => (Some(part), &[][..]),
            Given::Slices(parts) => (None, parts.as_slice()),
        };
        let all =
            (0..count).filter_map(move |index| Some((index, part_of(whole?, context, index))));
        all.chain(
            some.iter()
                .map(|(index, part)| (*index, Zeroizing::new(*part))),
        )
    }
}

/// Wraps a grant to a reader. `random` are 32 bytes that nobody can guess and that are used for nothing else.
///
/// # Errors
/// [`SealError::KeyInvalid`].
pub fn wrap(
    context: &Context,
    root: &[u8; 32],
    reader: &ReaderKey,
    grant: &Grant,
    random: &[u8; 32],
) -> Result<Vec<u8>, SealError> {
    key::check(reader)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(512));
    borsh::to_writer(&mut *plain, &grant.0).expect("writing to memory cannot fail");
    seal(&reader.0, &info(context, reader), root, &plain, random)
}

/// Opens a wrap with the reader's secret.
///
/// # Errors
/// [`SealError::NotOpened`] for another reader, record, version, chain or root, or a changed byte; [`SealError::Malformed`].
pub fn unwrap(
    context: &Context,
    root: &[u8; 32],
    reader: &ReaderSecret,
    wrap: &[u8],
) -> Result<Grant, SealError> {
    let plain = open(reader, &info(context, &reader.public()), root, wrap)?;
    let given = borsh::from_slice(&plain).map_err(|_| SealError::Malformed)?;
    let grant = Grant(given);
    if grant.is_sound() {
        Ok(grant)
    } else {
        Err(SealError::Malformed)
    }
}

fn info(context: &Context, reader: &ReaderKey) -> Vec<u8> {
    [TAG_WRAP.as_slice(), &context.bytes(), &reader.0].concat()
}

/// SealBase of RFC 9180, section 6.1, with 32 random bytes for the ephemeral key pair.
fn seal(
    reader: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
    random: &[u8; 32],
) -> Result<Vec<u8>, SealError> {
    let reader =
        <Kem as hpke::Kem>::PublicKey::from_bytes(reader).map_err(|_| SealError::KeyInvalid)?;
    let mut once = Once(Some(Zeroizing::new(*random)));
    let (encapped, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeS::Base,
        &reader,
        info,
        plain,
        aad,
        &mut once,
    )
    .map_err(|_| SealError::KeyInvalid)?;
    Ok([encapped.to_bytes().as_slice(), &sealed].concat())
}

/// OpenBase of RFC 9180, section 6.1.
fn open(
    reader: &ReaderSecret,
    info: &[u8],
    aad: &[u8],
    wrap: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (encapped, sealed) = wrap
        .split_first_chunk::<ENCAPPED_BYTES>()
        .ok_or(SealError::Malformed)?;
    let encapped =
        <Kem as hpke::Kem>::EncappedKey::from_bytes(encapped).map_err(|_| SealError::Malformed)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeR::Base,
        &reader.kem(),
        &encapped,
        info,
        sealed,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| SealError::NotOpened)
}

/// Gives 32 bytes, once: what an encapsulation takes.
struct Once(Option<Secret>);

impl TryRng for Once {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("an ephemeral key is drawn in one piece")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("an ephemeral key is drawn in one piece")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let random = self.0.take().expect("an encapsulation draws once");
        assert_eq!(out.len(), random.len(), "an ephemeral key takes 32 bytes");
        out.copy_from_slice(random.as_slice());
        Ok(())
    }
}

impl TryCryptoRng for Once {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        let mut bytes = [0; N];
        hex::decode_to_slice(hex, &mut bytes).expect("hex of that length");
        bytes
    }

    /// RFC 9180, appendix A.2.1: the first encryption of the base mode of this suite, from the seeds of both key pairs.
    #[test]
    fn the_vector_of_rfc_9180_comes_out() {
        let ephemeral = bytes("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
        let seed = bytes("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df");
        let info: [u8; 20] = bytes("4f6465206f6e2061204772656369616e2055726e");
        let plain: [u8; 29] = bytes("4265617574792069732074727574682c20747275746820626561757479");
        let aad: [u8; 7] = bytes("436f756e742d30");
        let reader = ReaderSecret::generate(&seed);
        // As the appendix has it, but with the bits set that X25519 sets: RFC 9180, section 7.1.2.
        let mut secret: [u8; 32] =
            bytes("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        secret[0] &= 0xf8;
        secret[31] = secret[31] & 0x7f | 0x40;
        assert_eq!(*reader.bytes(), secret);
        assert_eq!(
            reader.public().0,
            bytes("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a")
        );
        let sealed = seal(&reader.public().0, &info, &aad, &plain, &ephemeral).expect("sealed");
        assert_eq!(
            hex::encode(&sealed),
            "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a\
             1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
        );
        assert_eq!(*open(&reader, &info, &aad, &sealed).expect("opened"), plain);
    }
}
