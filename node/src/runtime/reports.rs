//! What the core says of others: counters and evidence, published for scrapes, the interface and the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bds_client::wire::{EvidenceAnswer, EvidenceItem, SignedStatement};
use bds_contracts::block::{Height, Signature, Statement};
use bds_contracts::tx::ChainId;
use bds_core::core::Core;
use bds_core::evidence::Evidence;
use tracing::{error, info, warn};

/// How often the core's counters are copied.
const INTERVAL: Duration = Duration::from_millis(200);

/// The last copy; anyone may read it at any time.
#[derive(Debug, Default)]
pub struct Reports {
    counters: Mutex<BTreeMap<&'static str, u64>>,
    evidence: Mutex<Vec<Evidence>>,
}

impl Reports {
    /// What the core dropped, repeated or found wrong, by reason.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<&'static str, u64> {
        let counters = self.counters.lock();
        counters.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The evidence in the words of the interface.
    #[must_use]
    pub fn evidence(&self, chain: ChainId, epoch: u64) -> EvidenceAnswer {
        let evidence = self.evidence.lock();
        let evidence = evidence.unwrap_or_else(PoisonError::into_inner);
        let items = evidence.iter().map(|e| item(e, chain, epoch));
        EvidenceAnswer {
            items: items.collect(),
        }
    }
}

fn item(evidence: &Evidence, chain: ChainId, epoch: u64) -> EvidenceItem {
    let signed = |(statement, signature): (Statement, Signature)| SignedStatement {
        says: format!("{statement:?}"),
        bytes: hex::encode(statement.bytes(chain, epoch)),
        signature,
    };
    let (kind, statements) = match evidence {
        Evidence::Conflict { statements, .. } => ("conflict", statements.map(signed).to_vec()),
        Evidence::BadBatch { header, signature } => (
            "bad_batch",
            vec![signed((Statement::Batch(header.digest()), *signature))],
        ),
    };
    EvidenceItem {
        validator: evidence.validator(),
        kind: kind.to_owned(),
        statements,
    }
}

/// The core thread's side: copies now and then, and logs what an operator must see.
#[derive(Debug)]
pub struct Reporter {
    reports: std::sync::Arc<Reports>,
    copied_at: Option<Instant>,
    evidence: u64,
    refused: u64,
    forgotten: Option<Height>,
}

impl Reporter {
    /// Publishes to these.
    #[must_use]
    pub fn new(reports: std::sync::Arc<Reports>) -> Self {
        Self {
            reports,
            copied_at: None,
            evidence: 0,
            refused: 0,
            forgotten: None,
        }
    }

    /// Copies what is due. Cost: nothing most of the time.
    pub fn publish(&mut self, core: &Core) {
        let refused = core.answers_refused();
        if refused > 1 && refused > self.refused {
            warn!(
                refused,
                "answers of peers to a validator that catches up were refused: it may not get ready"
            );
        }
        self.refused = refused;
        let forgotten = core.forgotten();
        match forgotten {
            Some(slot) if forgotten != self.forgotten => warn!(
                slot,
                "the disk does not hold all that this validator signed: it signs nothing that it may have signed before, up to this slot"
            ),
            None if self.forgotten.is_some() => info!("this validator votes again"),
            _ => {}
        }
        self.forgotten = forgotten;
        if self.copied_at.is_some_and(|at| at.elapsed() < INTERVAL) {
            return;
        }
        self.copied_at = Some(Instant::now());
        let evidence = core.counters().get("evidence").copied().unwrap_or(0);
        if evidence > self.evidence {
            let all: Vec<_> = core.evidence().cloned().collect();
            let new = usize::try_from(evidence - self.evidence).unwrap_or(usize::MAX);
            for seen in all.iter().skip(all.len().saturating_sub(new)) {
                error!(
                    validator = seen.validator(),
                    evidence = ?seen,
                    "a validator broke a rule and signed it; GET /v1/evidence has the proof"
                );
            }
            self.evidence = evidence;
            let kept = self.reports.evidence.lock();
            *kept.unwrap_or_else(PoisonError::into_inner) = all;
        }
        let counters = self.reports.counters.lock();
        let mut counters = counters.unwrap_or_else(PoisonError::into_inner);
        counters.clone_from(core.counters());
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::BatchDigest;
    use ed25519_dalek::{Signer as _, SigningKey, Verifier as _};

    use super::*;

    /// What the interface gives is enough to check a proof with the validator's key and nothing else.
    #[test]
    fn evidence_can_be_checked_with_the_key_alone() {
        let (chain, epoch) = (ChainId([5; 32]), 2);
        let key = SigningKey::from_bytes(&[3; 32]);
        let statements = [1, 2].map(|seed| {
            let statement = Statement::Batch(BatchDigest([seed; 32]));
            let signature = key.sign(&statement.bytes(chain, epoch));
            (statement, Signature(signature.to_bytes()))
        });
        let reports = Reports::default();
        let conflict = Evidence::Conflict {
            validator: 7,
            statements,
        };
        reports.evidence.lock().unwrap().push(conflict);
        let answer = reports.evidence(chain, epoch);
        let [item] = answer.items.as_slice() else {
            panic!("{answer:?}");
        };
        assert_eq!((item.validator, item.kind.as_str()), (7, "conflict"));
        assert_eq!(item.statements.len(), 2);
        assert_ne!(item.statements[0].bytes, item.statements[1].bytes);
        for signed in &item.statements {
            let bytes = hex::decode(&signed.bytes).unwrap();
            let signature = ed25519_dalek::Signature::from_bytes(&signed.signature.0);
            key.verifying_key().verify(&bytes, &signature).unwrap();
        }
    }
}
