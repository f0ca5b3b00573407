//! What a validator saw and did not act on: proofs that another is faulty, and how often it dropped or repeated what.
//!
//! Evidence is what a validator signed that no correct validator signs. Kept and counted; acting on it is membership's task.

use std::collections::{BTreeMap, VecDeque};

use bds_contracts::block::{Signature, Statement, ValidatorIndex};

use crate::batch::BatchHeader;

/// How many are kept; the oldest leave first.
const EVIDENCE_MAX: usize = 64;

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

/// Kept for operators: the last evidence, and counters.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    evidence: VecDeque<Evidence>,
    counters: BTreeMap<&'static str, u64>,
}

impl Observed {
    /// What was dropped or repeated, by reason.
    pub(crate) fn counters(&self) -> &BTreeMap<&'static str, u64> {
        &self.counters
    }

    /// Oldest first.
    pub(crate) fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter()
    }

    pub(crate) fn count(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.counters.entry(what).or_default() += times;
        }
    }

    pub(crate) fn report(&mut self, evidence: Evidence) {
        if self.evidence.contains(&evidence) {
            return;
        }
        self.count("evidence", 1);
        if self.evidence.len() == EVIDENCE_MAX {
            self.evidence.pop_front();
        }
        self.evidence.push_back(evidence);
    }
}
