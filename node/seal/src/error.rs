//! Why something sealed does not open, or cannot be sealed.

use crate::document::{DOCUMENT_MAX, LABEL_MAX, SLICES_MAX};

/// Why. None of them tells more than the bytes themselves do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No slices, or too many; a label that is empty, long, repeated or holds control characters; too many bytes.
    #[error(
        "a document has 1 to {SLICES_MAX} slices with different labels of 1 to {LABEL_MAX} bytes without control characters, and at most \
         {DOCUMENT_MAX} bytes in all"
    )]
    DocumentInvalid,
    /// The bytes are none of this kind, are cut, or some are left over.
    #[error("the bytes are not what they should be, or not all of them")]
    Malformed,
    /// They belong to another chain, record or version.
    #[error("it belongs to another ledger, record or version")]
    WrongContext,
    /// The commitments are not those on the ledger.
    #[error("its commitments do not lead to the root on the ledger")]
    WrongRoot,
    /// The key does not open it: another reader's, another version's, or a byte was changed.
    #[error("the key does not open it, or it was changed")]
    NotOpened,
    /// The slice is not what was committed to.
    #[error("a slice is not the one that was committed to")]
    WrongCommitment,
    /// The reader was not given this slice, or there is none.
    #[error("the reader was not given this slice")]
    NotGiven,
    /// The key is no reader's key: of small order, or not in its only encoding.
    #[error("this is no reader's key")]
    KeyInvalid,
}
