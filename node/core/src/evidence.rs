//! What a validator signed that no correct validator signs. Kept and counted; acting on it is membership's task.

use bds_contracts::block::{BatchDigest, Height, Signature, Statement, ValidatorIndex};

use crate::core::Core;
use crate::message::{ProposalDigest, View};

/// How many are kept; the oldest leave first.
pub(crate) const EVIDENCE_MAX: usize = 64;

/// Two statements of one validator that exclude each other. The second is signed; the first is what this validator
/// had accepted before, with its signature where it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who.
    pub validator: ValidatorIndex,
    /// What it had said before.
    pub first: Statement,
    /// Over the first.
    pub first_signature: Option<Signature>,
    /// What it said then.
    pub second: Statement,
    /// Over the second.
    pub second_signature: Signature,
}

impl Evidence {
    pub(crate) fn batches(
        validator: ValidatorIndex,
        first: BatchDigest,
        second: BatchDigest,
        signature: Signature,
    ) -> Self {
        Self {
            validator,
            first: Statement::Batch(first),
            first_signature: None,
            second: Statement::Batch(second),
            second_signature: signature,
        }
    }

    pub(crate) fn proposals(
        validator: ValidatorIndex,
        (view, slot): (View, Height),
        first: ProposalDigest,
        second: ProposalDigest,
        signature: Signature,
    ) -> Self {
        Self {
            validator,
            first: Statement::PrePrepare(view, slot, first.0),
            first_signature: None,
            second: Statement::PrePrepare(view, slot, second.0),
            second_signature: signature,
        }
    }
}

impl Core {
    /// Keeps it and counts it.
    pub(crate) fn report(&mut self, evidence: Evidence) {
        self.count("evidence");
        if self.evidence.len() == EVIDENCE_MAX {
            self.evidence.pop_front();
        }
        self.evidence.push_back(evidence);
    }
}
