//! What the primary proposes, and what a backup accepts.
//!
//! Castro and Liskov, section 4.2. What is ordered is a cut of certified lane tips, so a vote needs no payload. The primary
//! votes like everyone: its pre-prepare is followed by its prepare.

use bds_contracts::block::{Height, Signature, Signatures, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{Position, TipCertificate};
use crate::config::Config;
use crate::context::Cx;
use crate::evidence::Evidence;
use crate::gate::notary::Proven;
use crate::lanes::Lanes;
use crate::message::{Message, PrePrepare, Proposal};
use crate::turn::Record;

use super::Order;
use super::rotation::primary_of;
use super::slots::{Accepted, Phase};

impl Order {
    /// The slot after the last one accepted in this view.
    fn next_slot(&self) -> Height {
        let accepted = self.slots.range(self.committed + 1..);
        let accepted = accepted.filter(|(_, slot)| slot.accepted_in(self.view).is_some());
        let last = accepted.map(|(height, _)| *height).next_back().unwrap_or(0);
        last.max(self.committed).max(self.stable_height()) + 1
    }

    /// When this primary may propose next; `None` while it has no reason to.
    pub(crate) fn propose_due(&self, config: &Config, lanes: &Lanes) -> Option<Millis> {
        let work = self.is_voting()
            && self.may_sign(self.next_slot())
            && lanes.waiting_since().is_some()
            && primary_of(config, self.view, self.next_slot()) == config.me;
        work.then_some(Millis(self.proposed_at.0 + lanes.slot_interval_ms(config)))
    }

    /// Section 4.2, pre-prepare: proposes every newly certified tip if a slot is free.
    pub(crate) fn propose(&mut self, cx: &mut Cx<'_>, lanes: &Lanes) {
        let due = self.propose_due(cx.config, lanes);
        if due.is_none_or(|due| due > cx.now) {
            return;
        }
        let slot = self.next_slot();
        if slot - self.committed > cx.config.slots_in_flight || !self.in_window(cx.config, slot) {
            return;
        }
        // What earlier slots of this view already cover is not proposed again.
        let mut covered: Vec<Position> = lanes.tips().map(|(committed, _)| committed).collect();
        for (_, slot) in self.slots.range(self.committed + 1..) {
            if let Some(accepted) = slot.accepted_in(self.view) {
                for tip in &accepted.proposal.tips {
                    let place = &mut covered[usize::from(tip.lane)];
                    *place = (*place).max(tip.position);
                }
            }
        }
        let certified = lanes.tips().map(|(_, certified)| certified);
        let (tips, certificates): (Vec<_>, Vec<_>) = certified
            .zip(covered)
            .filter_map(|(certified, covered)| {
                let known = certified?;
                (known.tip.position > covered).then(|| (known.tip, known.signatures.clone()))
            })
            .unzip();
        if tips.is_empty() {
            return;
        }
        self.proposed_at = cx.now;
        let proposal = Proposal {
            slot,
            time: cx.wall,
            tips,
        };
        let digest = proposal.digest();
        let signature = cx
            .notary
            .sign(&Statement::PrePrepare(self.view, slot, digest.0));
        cx.broadcast(Message::PrePrepare(PrePrepare {
            view: self.view,
            proposal: proposal.clone(),
            certificates: certificates.clone(),
            signature,
        }));
        self.accept(cx, proposal, certificates, Some(signature));
    }

    /// Section 4.2, what a backup checks before it accepts a pre-prepare.
    pub(crate) fn on_pre_prepare(
        &mut self,
        cx: &mut Cx<'_>,
        lanes: &Lanes,
        from: ValidatorIndex,
        proposed: PrePrepare,
    ) {
        let PrePrepare {
            view,
            proposal,
            certificates,
            signature,
        } = proposed;
        if view != self.view || !self.is_voting() {
            return;
        }
        let primary = primary_of(cx.config, view, proposal.slot);
        if from != primary || primary == cx.config.me {
            cx.count("pre_prepare_not_primary");
            return;
        }
        if !self.in_window(cx.config, proposal.slot) {
            return;
        }
        let digest = proposal.digest();
        let statement = Statement::PrePrepare(view, proposal.slot, digest.0);
        let accepted = self
            .slots
            .get(&proposal.slot)
            .and_then(|slot| slot.accepted_in(view))
            .map(|accepted| (accepted.digest, accepted.signature));
        if accepted.is_some_and(|(first, _)| first == digest) {
            return;
        }
        if !cx.notary.check(from, &statement, &signature) {
            cx.count("pre_prepare_bad_signature");
            return;
        }
        if let Some((first, first_signature)) = accepted {
            let first = Statement::PrePrepare(view, proposal.slot, first.0);
            cx.count("pre_prepare_conflict");
            if let Some(first_signature) = first_signature {
                cx.report(Evidence::Conflict {
                    validator: from,
                    statements: [(first, first_signature), (statement, signature)],
                });
            }
            return;
        }
        if proposal.time.0 > cx.wall.0.saturating_add(cx.config.clock_ahead_max_ms) {
            cx.count("pre_prepare_time_ahead");
            return;
        }
        let behind_max = cx.config.clock_behind_max_ms << self.patience.doublings();
        if proposal.time.0.saturating_add(behind_max) < cx.wall.0 {
            cx.count("pre_prepare_time_behind");
            return;
        }
        // Ordering nothing is no work: whoever proposes it while something waits is replaced by the timer.
        if proposal.tips.iter().all(|tip| lanes.is_committed(tip)) {
            cx.count("pre_prepare_orders_nothing");
            return;
        }
        let Some(news) = certified_tips(cx, lanes, &proposal, &certificates) else {
            cx.count("pre_prepare_bad_tips");
            return;
        };
        self.handed_on.certificates.extend(news);
        self.accept(cx, proposal, certificates, Some(signature));
    }

    /// The first vote: written, then sent.
    pub(super) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        proposal: Proposal,
        certificates: Vec<Signatures>,
        signature: Option<Signature>,
    ) {
        let (view, slot, digest) = (self.view, proposal.slot, proposal.digest());
        cx.write(Record::PrePrepared {
            view,
            proposal: proposal.clone(),
        });
        self.slot_mut(slot).accepted = Some(Accepted {
            view,
            proposal,
            certificates,
            signature,
            digest,
            at: cx.now,
        });
        if let Some(vote) = self.vote(cx, Phase::Prepare, slot) {
            cx.broadcast(Message::Prepare(vote));
            self.check_prepared(cx, slot);
        }
        // Commits may have overtaken the proposal.
        let early = self.slots.get(&slot).and_then(|entry| {
            cx.peers()
                .find(|peer| entry.commits.latest(*peer) == Some((view, digest)))
        });
        if let Some(voter) = early {
            self.check_committed(cx, voter, slot);
        }
    }
}

/// The certificates of the tips that are new here, when each tip is within the window of its lane and certified; `None`
/// otherwise. What this validator has checked is not checked again.
fn certified_tips(
    cx: &Cx<'_>,
    lanes: &Lanes,
    proposal: &Proposal,
    certificates: &[Signatures],
) -> Option<Vec<Proven<TipCertificate>>> {
    let tips = &proposal.tips;
    if !tips.iter().all(|tip| lanes.is_near(cx.config, tip)) {
        return None;
    }
    let news = tips
        .iter()
        .zip(certificates)
        .filter(|(tip, _)| !lanes.is_certified(tip))
        .map(|(tip, signatures)| TipCertificate {
            tip: *tip,
            signatures: signatures.clone(),
        });
    cx.notary.tips(news.collect())
}
