//! What a validator signs, and when signatures of others prove something.

use std::collections::BTreeMap;

use bds_contracts::block::{
    CertifiedHeader, Signature, Signatures, Statement, ValidatorIndex, ValidatorSet,
};
use bds_contracts::tx::ChainId;

use crate::batch::{Tip, TipCertificate};
use crate::config::Config;
use crate::message::{CommittedSlot, PreparedSlot};
use crate::scheme::{Scheme, SignatureCheck};

/// A claim of a certificate: this statement, by these signers, of at least this weight.
pub(crate) struct Claim<'a> {
    pub(crate) statement: Statement,
    pub(crate) signatures: &'a Signatures,
    pub(crate) weight: u64,
}

/// Something that the signatures beside it prove, found by [`Notary`] or read back from the own disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proven<T>(T);

impl<T> Proven<T> {
    /// What this validator proved before it wrote it down.
    pub(crate) fn from_disk(written: T) -> Self {
        Self(written)
    }

    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> std::ops::Deref for Proven<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Signs for this validator and checks the others, by weight.
pub(crate) struct Notary {
    chain: ChainId,
    set: ValidatorSet,
    scheme: Box<dyn Scheme>,
    /// Two sets of this weight share a correct validator.
    pub(crate) quorum: u64,
    /// A set of this weight holds a correct validator.
    pub(crate) one_correct: u64,
}

impl Notary {
    pub(crate) fn new(config: &Config, scheme: Box<dyn Scheme>) -> Self {
        let quorum = config.set.weight_quorum();
        #[cfg(feature = "broken-variants")]
        let quorum = quorum - u64::from(config.broken == crate::config::Broken::QuorumTwoF);
        Self {
            chain: config.chain,
            quorum,
            one_correct: config.set.weight_one_correct(),
            set: config.set.clone(),
            scheme,
        }
    }

    pub(crate) fn weight(&self, index: ValidatorIndex) -> u64 {
        self.set.weight(index)
    }

    pub(crate) fn is_member(&self, index: ValidatorIndex) -> bool {
        usize::from(index) < self.set.validators.len()
    }

    pub(crate) fn sign(&self, statement: &Statement) -> Signature {
        self.scheme
            .sign(&statement.bytes(self.chain, self.set.epoch))
    }

    pub(crate) fn check(
        &self,
        who: ValidatorIndex,
        statement: &Statement,
        signature: &Signature,
    ) -> bool {
        self.check_each(statement, &[(who, *signature)]) == [true]
    }

    /// One verdict a signature over the same statement, in order; an index outside the set is never right.
    pub(crate) fn check_each(
        &self,
        statement: &Statement,
        signatures: &[(ValidatorIndex, Signature)],
    ) -> Vec<bool> {
        if !signatures.iter().all(|(who, _)| self.is_member(*who)) {
            return signatures.iter().map(|_| false).collect();
        }
        let message = statement.bytes(self.chain, self.set.epoch);
        let checks: Vec<_> = signatures
            .iter()
            .map(|(who, signature)| SignatureCheck {
                key: self.set.validators[usize::from(*who)].key,
                message: &message,
                signature,
            })
            .collect();
        self.scheme.verify(&checks)
    }

    /// True when every claim holds: distinct members, enough weight, every signature right. One call to the scheme.
    pub(crate) fn proves(&self, claims: &[Claim<'_>]) -> bool {
        let formed = claims.iter().all(|claim| {
            claim.signatures.signers().all(|who| self.is_member(who))
                && self.set.weight_of(claim.signatures.signers()) >= claim.weight
        });
        if !formed {
            return false;
        }
        let messages: Vec<_> = claims
            .iter()
            .map(|claim| claim.statement.bytes(self.chain, self.set.epoch))
            .collect();
        let mut checks = Vec::new();
        for (claim, message) in claims.iter().zip(&messages) {
            checks.extend(
                claim
                    .signatures
                    .iter()
                    .map(|(who, signature)| SignatureCheck {
                        key: self.set.validators[usize::from(who)].key,
                        message,
                        signature,
                    }),
            );
        }
        checks.is_empty() || self.scheme.verify(&checks).into_iter().all(|right| right)
    }

    pub(crate) fn tip_claim<'a>(&self, tip: &Tip, signatures: &'a Signatures) -> Claim<'a> {
        Claim {
            statement: tip.acknowledgement(),
            signatures,
            weight: self.one_correct,
        }
    }

    /// The certificate if it proves its tip.
    pub(crate) fn tip(&self, certificate: TipCertificate) -> Option<Proven<TipCertificate>> {
        let claim = self.tip_claim(&certificate.tip, &certificate.signatures);
        self.proves(&[claim]).then_some(Proven(certificate))
    }

    /// Makes the certificate of a tip once acknowledgements of enough weight are there and right; they are checked only then,
    /// together. Wrong ones are removed, and their number added to `wrong`.
    pub(crate) fn certify_tip(
        &self,
        tip: Tip,
        acknowledged: &mut BTreeMap<ValidatorIndex, Signature>,
        wrong: &mut u64,
    ) -> Option<Proven<TipCertificate>> {
        let weight = |who: &BTreeMap<ValidatorIndex, Signature>| -> u64 {
            who.keys().map(|index| self.weight(*index)).sum()
        };
        if weight(acknowledged) < self.one_correct {
            return None;
        }
        let signatures: Vec<_> = acknowledged.iter().map(|(i, s)| (*i, *s)).collect();
        let verdicts = self.check_each(&tip.acknowledgement(), &signatures);
        for ((who, _), right) in signatures.iter().zip(verdicts) {
            if !right {
                acknowledged.remove(who);
                *wrong += 1;
            }
        }
        (weight(acknowledged) >= self.one_correct).then(|| {
            let signatures = acknowledged.iter().map(|(i, s)| (*i, *s)).collect();
            Proven(TipCertificate { tip, signatures })
        })
    }

    /// The certificates if each proves its tip; one call to the scheme.
    pub(crate) fn tips(
        &self,
        certificates: Vec<TipCertificate>,
    ) -> Option<Vec<Proven<TipCertificate>>> {
        let claims: Vec<_> = certificates
            .iter()
            .map(|c| self.tip_claim(&c.tip, &c.signatures))
            .collect();
        let proven = self.proves(&claims);
        drop(claims);
        proven.then(|| certificates.into_iter().map(Proven).collect())
    }

    pub(crate) fn header_claim<'a>(&self, certified: &'a CertifiedHeader) -> Claim<'a> {
        Claim {
            statement: Statement::Executed(certified.header.height, certified.header.digest()),
            signatures: &certified.signatures,
            weight: self.quorum,
        }
    }

    /// `None` when proposal and certificate do not speak of the same slot and digest.
    pub(crate) fn committed_claim<'a>(&self, slot: &'a CommittedSlot) -> Option<Claim<'a>> {
        let (proposal, certificate) = (&slot.proposal, &slot.certificate);
        (certificate.slot == proposal.slot && certificate.digest == proposal.digest()).then_some(
            Claim {
                statement: Statement::Commit(
                    certificate.view,
                    certificate.slot,
                    certificate.digest.0,
                ),
                signatures: &certificate.signatures,
                weight: self.quorum,
            },
        )
    }

    /// As above, for prepares.
    pub(crate) fn prepared_claim<'a>(&self, slot: &'a PreparedSlot) -> Option<Claim<'a>> {
        let (proposal, certificate) = (&slot.proposal, &slot.certificate);
        (certificate.slot == proposal.slot && certificate.digest == proposal.digest()).then_some(
            Claim {
                statement: Statement::Prepare(
                    certificate.view,
                    certificate.slot,
                    certificate.digest.0,
                ),
                signatures: &certificate.signatures,
                weight: self.quorum,
            },
        )
    }
}
