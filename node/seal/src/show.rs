//! One slice for somebody who has nothing else: its content, its salt, and the path to the root on the ledger.

use std::fmt;

use bds_contracts::merkle;
use bds_contracts::receipt::MerkleNode;
use borsh::{BorshDeserialize, BorshSerialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::context::Context;
use crate::document::{DOCUMENT_MAX, Document, Opened, SLICES_MAX, Slice, commitment, is_label};
use crate::error::SealError;

const TAG: [u8; 8] = *b"BDSSHOW1";

/// A slice and its path. Showing it tells nothing of the others but how many there are. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shown {
    tag: [u8; 8],
    /// Where the document belongs.
    pub context: Context,
    /// Place of the slice.
    pub index: u16,
    /// How many the document has.
    pub count: u16,
    salt: [u8; 32],
    /// What it is.
    pub label: String,
    /// The content.
    pub content: Vec<u8>,
    path: Vec<[u8; 32]>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.salt.zeroize();
        self.label.zeroize();
        self.content.zeroize();
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Shown");
        told.field("context", &self.context);
        told.field("index", &self.index).finish_non_exhaustive()
    }
}

impl Shown {
    /// Of a slice that was opened.
    ///
    /// # Errors
    /// [`SealError::NotGiven`] when it is none of the document's.
    pub fn of(document: &Document, slice: &Opened) -> Result<Self, SealError> {
        let path = merkle::path(&document.commitments, usize::from(slice.index));
        Ok(Self {
            tag: TAG,
            context: document.context,
            index: slice.index,
            count: document.count(),
            salt: *slice.salt,
            label: slice.label.to_string(),
            content: slice.content.to_vec(),
            path: path.ok_or(SealError::NotGiven)?,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // In one piece from the start: a vector that grows leaves copies behind. What is beside content and path is below 256 bytes.
        let bytes = self.content.len() + 32 * self.path.len() + 256;
        let mut written = Zeroizing::new(Vec::with_capacity(bytes));
        borsh::to_writer(&mut *written, self).expect("writing to memory cannot fail");
        written
    }

    /// Takes bytes apart; they prove nothing yet.
    ///
    /// # Errors
    /// [`SealError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() > DOCUMENT_MAX || !bytes.starts_with(&TAG) {
            return Err(SealError::Malformed);
        }
        let shown: Self = borsh::from_slice(bytes).map_err(|_| SealError::Malformed)?;
        let is_counted = usize::from(shown.count) <= SLICES_MAX && shown.index < shown.count;
        if is_counted && is_label(&shown.label) {
            Ok(shown)
        } else {
            Err(SealError::Malformed)
        }
    }

    /// Whether the slice is committed to under this root, which the ledger holds for this record, version and number of slices.
    ///
    /// # Errors
    /// [`SealError::WrongContext`], [`SealError::DocumentInvalid`] for a label that no slice has, [`SealError::WrongRoot`]; in this order.
    pub fn verify(&self, context: &Context, count: u16, root: &[u8; 32]) -> Result<(), SealError> {
        if self.context != *context || self.count != count {
            return Err(SealError::WrongContext);
        }
        let slice = Slice {
            label: &self.label,
            content: &self.content,
        };
        let path: Vec<MerkleNode> = self.path.iter().map(|node| MerkleNode(*node)).collect();
        let leaf = commitment(&self.salt, &slice)?;
        let (index, count) = (self.index.into(), count.into());
        if merkle::verify_inclusion(&leaf, index, count, &path, root) {
            Ok(())
        } else {
            Err(SealError::WrongRoot)
        }
    }
}
