//! What a validator signed that no correct validator signs. Kept and counted; acting on it is membership's task.

use bds_contracts::block::{Signature, Statement, ValidatorIndex};

use crate::batch::BatchHeader;
use crate::core::Core;

/// How many are kept; the oldest leave first.
pub(crate) const EVIDENCE_MAX: usize = 64;

/// Proof against one validator; anyone with the validator set can check it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Two statements that exclude each other, both signed.
    Conflict {
        /// Who signed them.
        validator: ValidatorIndex,
        /// The first one seen, and the other.
        statements: [(Statement, Signature); 2],
    },
    /// A batch that its author signed although its payload, root or a client's signature in it is wrong. The payload shows
    /// that and is not kept.
    BadBatch {
        /// What the author signed.
        header: BatchHeader,
        /// Over `Statement::Batch(digest of the header)`.
        signature: Signature,
    },
}

impl Evidence {
    /// Who is accused.
    #[must_use]
    pub fn validator(&self) -> ValidatorIndex {
        match self {
            Self::Conflict { validator, .. } => *validator,
            Self::BadBatch { header, .. } => header.lane,
        }
    }
}

impl Core {
    /// Keeps it and counts it; the same twice is one.
    pub(crate) fn report(&mut self, evidence: Evidence) {
        if self.evidence.contains(&evidence) {
            return;
        }
        self.count("evidence");
        if self.evidence.len() == EVIDENCE_MAX {
            self.evidence.pop_front();
        }
        self.evidence.push_back(evidence);
    }
}
