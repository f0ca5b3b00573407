//! A sealed document: slices encrypted apart, and the tree of their commitments.
//!
//! Bytes: the tag [`TAG`], then in borsh the context, the commitments (64 bytes each) and the slices (`u32` length and ciphertext each,
//! tag of 16 bytes at the end). A slice's plaintext is its salt (32 bytes), the label with its length, and the content. Under the encryption
//! as associated data lie context, index and number of slices.
//!
//! A commitment is `SHA-512(TAG_COMMIT || salt || u16 length of the label || label || content)`; the root is that of RFC 9162 with SHA-512/256 over
//! the commitments in order. The salt is secret like the content, so the commitment tells nothing of it, however few contents
//! there might be.

use std::fmt;

use bds_contracts::merkle;
use bds_contracts::tx::ContentHash;
use borsh::{BorshDeserialize, BorshSerialize};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::SealError;
use crate::key::{Fresh, Keys, slice_keys};
use crate::wrap::Grant;

/// Most slices of a document.
pub const SLICES_MAX: usize = bds_contracts::records::version::SLICES_MAX as usize;
/// Longest label, in bytes.
pub const LABEL_MAX: usize = 64;
/// Longest sealed document, in bytes.
pub const DOCUMENT_MAX: usize = 16 << 20;
/// First bytes of a sealed document.
pub const TAG: [u8; 8] = bds_contracts::records::version::SEALED_TAG;

const TAG_COMMIT: &[u8; 16] = b"BDS-SEAL-COMM-01";
const TAG_HASH: &[u8; 16] = b"BDS-SEAL-HASH-01";
const SALT_BYTES: usize = 32;

/// A commitment to one slice.
pub type Commitment = [u8; 64];

/// A labelled part of a document that is given and shown by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slice<'a> {
    /// What it is; secret like the content.
    pub label: &'a str,
    /// The content.
    pub content: &'a [u8],
}

impl fmt::Debug for Slice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slice").finish_non_exhaustive()
    }
}

/// A slice that was opened; wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its place.
    pub index: u16,
    /// What it is.
    pub label: Zeroizing<String>,
    /// The content.
    pub content: Zeroizing<Vec<u8>>,
    /// The salt of its commitment: whoever shows the slice shows it too.
    pub salt: Zeroizing<[u8; SALT_BYTES]>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Opened");
        told.field("index", &self.index).finish_non_exhaustive()
    }
}

/// What sealing gives.
pub struct Sealed {
    /// The sealed document.
    pub bytes: Vec<u8>,
    /// Root over the commitments, for the ledger.
    pub root: [u8; 32],
    /// Salted SHA-512 of the whole content in order, for the ledger: who holds the keys can compute it, and nobody else can guess.
    pub content_hash: ContentHash,
    /// SHA-512 of [`Sealed::bytes`], for the ledger.
    pub body_hash: ContentHash,
    /// To open it and to give it to readers.
    pub keys: Keys,
}

/// A sealed document, taken apart and not opened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Document {
    tag: [u8; 8],
    /// Where it belongs.
    pub context: Context,
    /// Commitments in order.
    pub commitments: Vec<Commitment>,
    slices: Vec<Vec<u8>>,
}

/// Seals slices and uses the keys up.
///
/// Cost: twice SHA-512 and once ChaCha20-Poly1305 over the content.
///
/// # Errors
/// [`SealError::DocumentInvalid`], also when the keys were drawn for another number of slices.
pub fn seal(context: &Context, slices: &[Slice<'_>], fresh: Fresh) -> Result<Sealed, SealError> {
    check(slices)?;
    let Fresh { keys, salts } = fresh;
    if salts.len() != slices.len() {
        return Err(SealError::DocumentInvalid);
    }
    let count = index_of(slices.len());
    let mut document = Document {
        tag: TAG,
        context: *context,
        commitments: Vec::with_capacity(slices.len()),
        slices: Vec::with_capacity(slices.len()),
    };
    for ((place, slice), salt) in slices.iter().enumerate().zip(&salts) {
        let index = index_of(place);
        let label = slice.label.as_bytes();
        let mut plain = Zeroizing::new(Vec::with_capacity(
            SALT_BYTES + 2 + label.len() + slice.content.len(),
        ));
        plain.extend_from_slice(salt.as_slice());
        plain.extend_from_slice(&index_of(label.len()).to_le_bytes());
        plain.extend_from_slice(label);
        plain.extend_from_slice(slice.content);
        let part = keys.part_of(context, index);
        let of_slice = slice_keys(&part, keys.share.as_deref(), context, index);
        let aad = associated(context, index, count);
        let cipher = ChaCha20Poly1305::new(&Key::from(*of_slice.key));
        let payload = Payload {
            msg: plain.as_slice(),
            aad: &aad,
        };
        let sealed = cipher
            .encrypt(&Nonce::from(of_slice.nonce), payload)
            .map_err(|_| SealError::DocumentInvalid)?;
        document.commitments.push(commitment(salt, slice)?);
        document.slices.push(sealed);
    }
    let bytes = borsh::to_vec(&document).expect("writing to memory cannot fail");
    Ok(Sealed {
        root: document.root(),
        content_hash: content_hash(&keys, context, slices)?,
        body_hash: ContentHash(Sha512::digest(&bytes).into()),
        bytes,
        keys,
    })
}

/// What a slice is committed to by.
///
/// # Errors
/// [`SealError::DocumentInvalid`] for a label that no slice has.
pub fn commitment(salt: &[u8; SALT_BYTES], slice: &Slice<'_>) -> Result<Commitment, SealError> {
    if !is_label(slice.label) {
        return Err(SealError::DocumentInvalid);
    }
    let commitment = Sha512::new()
        .chain_update(TAG_COMMIT)
        .chain_update(salt)
        .chain_update(index_of(slice.label.len()).to_le_bytes())
        .chain_update(slice.label)
        .chain_update(slice.content)
        .finalize();
    Ok(commitment.into())
}

/// Salted SHA-512 over all slices in order: `TAG_HASH || salt || (u16 length, label, u32 length, content)...`, with a salt that follows from
/// the keys.
///
/// # Errors
/// [`SealError::DocumentInvalid`] for slices that no document has.
pub fn content_hash(
    keys: &Keys,
    context: &Context,
    slices: &[Slice<'_>],
) -> Result<ContentHash, SealError> {
    check(slices)?;
    let mut hash = Sha512::new()
        .chain_update(TAG_HASH)
        .chain_update(keys.content_salt(context).as_slice());
    for slice in slices {
        let length = u32::try_from(slice.content.len()).expect("a checked slice is short");
        hash.update(index_of(slice.label.len()).to_le_bytes());
        hash.update(slice.label);
        hash.update(length.to_le_bytes());
        hash.update(slice.content);
    }
    Ok(ContentHash(hash.finalize().into()))
}

impl Document {
    /// Takes a sealed document apart.
    ///
    /// # Errors
    /// [`SealError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() > DOCUMENT_MAX || !bytes.starts_with(&TAG) {
            return Err(SealError::Malformed);
        }
        let document: Self = borsh::from_slice(bytes).map_err(|_| SealError::Malformed)?;
        let count = document.commitments.len();
        if count == 0 || count > SLICES_MAX || document.slices.len() != count {
            return Err(SealError::Malformed);
        }
        Ok(document)
    }

    /// How many slices it has.
    #[must_use]
    pub fn count(&self) -> u16 {
        index_of(self.commitments.len())
    }

    /// Root over its commitments.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        merkle::root(&self.commitments)
    }

    /// Refuses a document that belongs elsewhere or has another root than the ledger's.
    ///
    /// # Errors
    /// [`SealError::WrongContext`], [`SealError::WrongRoot`]; in this order.
    pub fn expect(&self, context: &Context, root: &[u8; 32]) -> Result<(), SealError> {
        if self.context != *context {
            return Err(SealError::WrongContext);
        }
        if self.root() != *root {
            return Err(SealError::WrongRoot);
        }
        Ok(())
    }

    /// Opens what the grant gives, in order; `share` is that of a record that can be erased.
    ///
    /// # Errors
    /// [`SealError::NotGiven`] when a slice that is given is not there, [`SealError::NotOpened`], [`SealError::Malformed`],
    /// [`SealError::WrongCommitment`]. [`SealError::NotOpened`] also stands for a missing share.
    pub fn open(&self, grant: &Grant, share: Option<&[u8; 32]>) -> Result<Vec<Opened>, SealError> {
        let parts = grant.parts(&self.context, self.count());
        let opened = parts.map(|(index, part)| self.open_slice(index, &part, share));
        opened.collect()
    }

    fn open_slice(
        &self,
        index: u16,
        part: &[u8; 32],
        share: Option<&[u8; 32]>,
    ) -> Result<Opened, SealError> {
        let place = usize::from(index);
        let sealed = self.slices.get(place).ok_or(SealError::NotGiven)?;
        let keys = slice_keys(part, share, &self.context, index);
        let aad = associated(&self.context, index, self.count());
        let payload = Payload {
            msg: sealed.as_slice(),
            aad: &aad,
        };
        let plain = ChaCha20Poly1305::new(&Key::from(*keys.key))
            .decrypt(&Nonce::from(keys.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::NotOpened)?;
        let (salt, rest) = plain
            .split_first_chunk::<SALT_BYTES>()
            .ok_or(SealError::Malformed)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(SealError::Malformed)?;
        let (label, content) = rest
            .split_at_checked(usize::from(u16::from_le_bytes(*length)))
            .ok_or(SealError::Malformed)?;
        let label = std::str::from_utf8(label).map_err(|_| SealError::Malformed)?;
        let slice = Slice { label, content };
        let committed = commitment(salt, &slice).map_err(|_| SealError::Malformed)?;
        if committed != self.commitments[place] {
            return Err(SealError::WrongCommitment);
        }
        Ok(Opened {
            index,
            label: Zeroizing::new(label.to_owned()),
            content: Zeroizing::new(content.to_vec()),
            salt: Zeroizing::new(*salt),
        })
    }
}

fn associated(context: &Context, index: u16, count: u16) -> Vec<u8> {
    let ends = [index.to_le_bytes(), count.to_le_bytes()].concat();
    [TAG.as_slice(), &context.bytes(), &ends].concat()
}

/// Whether a text may be a label.
pub(crate) fn is_label(label: &str) -> bool {
    (1..=LABEL_MAX).contains(&label.len()) && !label.chars().any(char::is_control)
}

fn check(slices: &[Slice<'_>]) -> Result<(), SealError> {
    let mut labels: Vec<&str> = slices.iter().map(|slice| slice.label).collect();
    labels.sort_unstable();
    labels.dedup();
    // What each slice costs beside its content is below 256 bytes.
    let bytes = slices.iter().map(|slice| slice.content.len() + 256);
    let fits = bytes.sum::<usize>() + 256 <= DOCUMENT_MAX;
    let is_counted = (1..=SLICES_MAX).contains(&slices.len()) && labels.len() == slices.len();
    if is_counted && fits && labels.iter().all(|label| is_label(label)) {
        Ok(())
    } else {
        Err(SealError::DocumentInvalid)
    }
}

/// A place, a count or the length of a label.
///
/// # Panics
/// Beyond what documents have: a mistake in here.
fn index_of(place: usize) -> u16 {
    u16::try_from(place).expect("documents have few slices with short labels")
}
