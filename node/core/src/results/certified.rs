//! Which results a quorum has signed: by counting here, or by what peers show.

use bds_contracts::block::{BlockDigest, BlockHeader, CertifiedHeader, Height, Signatures};

use crate::context::Cx;
use crate::turn::{Effect, Record};

use super::Results;
use crate::sync::ProvenHeaders;

impl Results {
    /// Certifies executed heights in order, each when a quorum has signed the same result.
    pub(super) fn certify_headers(&mut self, cx: &mut Cx<'_>) {
        loop {
            let height = self.certified + 1;
            if let Some((_, last)) = self
                .lost
                .take_if(|(first, last)| *first == height && *last <= self.executed)
            {
                self.certified = last;
                continue;
            }
            let Some(header) = self.headers.get(&height).cloned() else {
                return;
            };
            let own = header.digest();
            let proof = self.proofs.remove(&height);
            let proof = proof.map(|proof| (proof.header.digest(), proof.signatures));
            let Some((digest, signatures)) = proof.or_else(|| self.agreed(cx, height)) else {
                return;
            };
            if digest != own {
                cx.effect(Effect::Halt(format!(
                    "block {height}: a quorum got {digest:?}, this validator {own:?}"
                )));
                return;
            }
            self.certify(cx, CertifiedHeader { header, signatures });
        }
    }

    /// First height that neither is certified here nor has a proof waiting for its execution.
    pub(crate) fn proof_missing(&self) -> Height {
        if let Some((first, _)) = self.gap {
            return first;
        }
        let mut height = self.certified + 1;
        loop {
            if let Some((_, last)) = self.lost.filter(|(first, _)| *first == height) {
                height = last + 1;
            } else if self.proofs.contains_key(&height) {
                height += 1;
            } else {
                return height;
            }
        }
    }

    /// Takes checked certified headers of a peer that was asked for them.
    pub(crate) fn keep_proofs(&mut self, cx: &mut Cx<'_>, proven: ProvenHeaders) {
        let ProvenHeaders {
            headers: mut certified,
            first_is_lost,
        } = proven;
        if self.gap.is_some() {
            certified = self.fill_gap(cx, certified, first_is_lost);
        } else if first_is_lost && let Some(had) = certified.first() {
            let lost = (self.proof_missing(), had.header.height - 1);
            cx.count_many("certificates_lost", lost.1 - lost.0 + 1);
            self.lost = Some(lost);
        }
        let newest = certified.last().cloned();
        let low = self.certified;
        // What one answer may hold beyond what is executed; older ones were taken or are about to be.
        let high = self.executed + 2 * cx.config.window;
        self.proofs.extend(
            certified
                .into_iter()
                .map(|proof| (proof.header.height, proof))
                .filter(|(height, _)| *height > low && *height <= high),
        );
        self.certify_headers(cx);
        if let Some(newest) = newest {
            self.adopt(cx, newest);
        }
    }

    /// Writes those headers that continue the gap, or go on behind its first block where that one is lost; gives back what
    /// lies above the gap.
    fn fill_gap(
        &mut self,
        cx: &mut Cx<'_>,
        mut certified: Vec<CertifiedHeader>,
        first_is_lost: bool,
    ) -> Vec<CertifiedHeader> {
        let Some((first, last)) = self.gap else {
            return certified;
        };
        let above = certified.split_off(certified.partition_point(|c| c.header.height <= last));
        let mut next = first;
        if first_is_lost {
            next = certified.first().map_or(last + 1, |c| c.header.height);
            cx.count_many("certificates_lost", next - first);
        }
        for proof in certified {
            if proof.header.height != next {
                break;
            }
            next += 1;
            cx.write(Record::Certified(proof));
        }
        self.gap = (next <= last).then_some((next, last));
        above
    }

    /// Takes a checked certified header of a peer: a reason to skip votes below it, and a result to compare with.
    pub(crate) fn adopt(&mut self, cx: &mut Cx<'_>, certified: CertifiedHeader) {
        let newer = self
            .ahead
            .as_ref()
            .is_none_or(|ahead| ahead.header.height < certified.header.height);
        if newer && certified.header.height > self.certified {
            self.ahead = Some(certified.clone());
            self.tell_order(certified);
            self.compare_ahead(cx);
            self.certify_headers(cx);
        }
    }

    /// Execution may have reached the certified header that came before it.
    pub(super) fn compare_ahead(&mut self, cx: &mut Cx<'_>) {
        let Some(ahead) = self
            .ahead
            .take_if(|ahead| ahead.header.height <= self.executed)
        else {
            return;
        };
        let height = ahead.header.height;
        if height <= self.certified {
            return;
        }
        let own = self.headers.get(&height).map(BlockHeader::digest);
        let theirs = ahead.header.digest();
        if own == Some(theirs) {
            // Its turn comes when all before it are certified: they are asked of peers.
            self.proofs.insert(height, ahead);
            self.certify_headers(cx);
        } else {
            cx.effect(Effect::Halt(format!(
                "block {height}: certified as {theirs:?}, executed here as {own:?}"
            )));
        }
    }

    /// The digest that a quorum has signed at this height, with the checked signatures.
    fn agreed(&mut self, cx: &mut Cx<'_>, height: Height) -> Option<(BlockDigest, Signatures)> {
        let mut wrong = 0;
        let agreed = self.outcomes.agreed(cx.notary, height, &mut wrong);
        cx.count_many("executed_bad_signature", wrong);
        agreed
    }

    fn certify(&mut self, cx: &mut Cx<'_>, certified: CertifiedHeader) {
        let height = certified.header.height;
        self.certified = height;
        self.outcomes.forget_up_to(height);
        self.proofs = self.proofs.split_off(&(height + 1));
        cx.write(Record::Certified(certified.clone()));
        cx.effect(Effect::Certified(certified.clone()));
        self.tell_order(certified);
    }

    fn tell_order(&mut self, certified: CertifiedHeader) {
        let newest = self.handed_on.as_ref().map_or(0, |h| h.header.height);
        if certified.header.height > newest {
            self.handed_on = Some(certified);
        }
    }
}
