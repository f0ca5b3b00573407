//! The normal case of PBFT: propose, prepare, commit.
//!
//! Castro and Liskov, "Practical Byzantine Fault Tolerance", section 4.2. What is ordered is a cut of certified lane
//! tips, so a vote needs no payload. The primary votes like everyone: its pre-prepare is followed by its prepare.

use bds_contracts::block::{Height, Signature, Signatures, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{Position, Tip, TipCertificate};
use crate::core::Core;
use crate::evidence::Evidence;
use crate::gate::notary::Proven;
use crate::message::{
    CommittedSlot, Message, PrePrepare, PreparedSlot, Proposal, View, Vote, VoteCertificate,
};
use crate::slots::{Accepted, Cast, Phase, Slot};
use crate::turn::{Effect, Record, Turn};

impl Core {
    /// The validator that proposes this slot in a view: the next one with every view, and with every `rotation_slots`.
    pub(crate) fn primary_of(&self, view: View, slot: Height) -> ValidatorIndex {
        let n = u64::try_from(self.config.validators()).expect("a set fits");
        let turn = slot.saturating_sub(1) / self.config.rotation_slots.max(1);
        ValidatorIndex::try_from((view % n + turn % n) % n).expect("indexes are 16 bits")
    }

    /// The slot after the last one accepted in this view.
    fn next_slot(&self) -> Height {
        let accepted = self.slots.range(self.committed + 1..);
        let accepted = accepted.filter(|(_, slot)| slot.accepted_in(self.view).is_some());
        let last = accepted.map(|(height, _)| *height).last().unwrap_or(0);
        last.max(self.committed).max(self.stable_height()) + 1
    }

    /// In a view that has started, and not on the way to another.
    pub(crate) fn is_voting(&self) -> bool {
        self.view_change.target == self.view
    }

    /// Slots at or below are final and get no votes any more.
    pub(crate) fn stable_height(&self) -> Height {
        self.stable.as_ref().map_or(0, |s| s.header.height)
    }

    fn in_window(&self, slot: Height) -> bool {
        let stable = self.stable_height();
        slot > stable && slot <= stable + self.config.window
    }

    pub(crate) fn slot_mut(&mut self, slot: Height) -> &mut Slot {
        let validators = self.config.validators();
        self.slots
            .entry(slot)
            .or_insert_with(|| Slot::new(validators))
    }

    /// When this primary may propose next; `None` while it has no reason to.
    pub(crate) fn propose_due(&self) -> Option<Millis> {
        let work = self.is_voting()
            && self.lanes.iter().any(|lane| lane.unordered.is_some())
            && self.primary_of(self.view, self.next_slot()) == self.config.me;
        work.then_some(Millis(
            self.proposed_at.0 + self.config.slot_interval_min_ms,
        ))
    }

    /// Section 4.2, pre-prepare: proposes every newly certified tip if a slot is free.
    pub(crate) fn propose(&mut self, now: Millis, turn: &mut Turn) {
        if self.propose_due().is_none_or(|due| due > now) {
            return;
        }
        // What earlier slots of this view already cover.
        let mut covered: Vec<Position> = self.lanes.iter().map(|l| l.committed).collect();
        for (_, slot) in self.slots.range(self.committed + 1..) {
            if let Some(accepted) = slot.accepted_in(self.view) {
                for tip in &accepted.proposal.tips {
                    let place = &mut covered[usize::from(tip.lane)];
                    *place = (*place).max(tip.position);
                }
            }
        }
        let slot = self.next_slot();
        if slot - self.committed > self.config.slots_in_flight || !self.in_window(slot) {
            return;
        }
        let (tips, certificates): (Vec<_>, Vec<_>) = self
            .lanes
            .iter()
            .zip(covered)
            .filter_map(|(lane, covered)| {
                let known = lane.certified.as_ref()?;
                (known.tip.position > covered).then(|| (known.tip, known.signatures.clone()))
            })
            .unzip();
        if tips.is_empty() {
            return;
        }
        self.proposed_at = now;
        let proposal = Proposal {
            slot,
            time: self.wall,
            tips,
        };
        let digest = proposal.digest();
        let signature = self
            .notary
            .sign(&Statement::PrePrepare(self.view, slot, digest.0));
        turn.effect(Effect::Broadcast(Message::PrePrepare(PrePrepare {
            view: self.view,
            proposal: proposal.clone(),
            certificates: certificates.clone(),
            signature,
        })));
        self.accept(now, proposal, certificates, Some(signature), turn);
    }

    /// Section 4.2, what a backup checks before it accepts a pre-prepare.
    pub(crate) fn on_pre_prepare(
        &mut self,
        now: Millis,
        from: ValidatorIndex,
        PrePrepare {
            view,
            proposal,
            certificates,
            signature,
        }: PrePrepare,
        turn: &mut Turn,
    ) {
        if view != self.view || !self.is_voting() {
            return;
        }
        let primary = self.primary_of(view, proposal.slot);
        if from != primary || primary == self.config.me {
            self.count("pre_prepare_not_primary");
            return;
        }
        if !self.in_window(proposal.slot) {
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
        if !self.notary.check(from, &statement, &signature) {
            self.count("pre_prepare_bad_signature");
            return;
        }
        if let Some((first, first_signature)) = accepted {
            let first = Statement::PrePrepare(view, proposal.slot, first.0);
            self.count("pre_prepare_conflict");
            if let Some(first_signature) = first_signature {
                self.report(Evidence::Conflict {
                    validator: from,
                    statements: [(first, first_signature), (statement, signature)],
                });
            }
            return;
        }
        if proposal.time.0 > self.wall.0.saturating_add(self.config.clock_ahead_max_ms) {
            self.count("pre_prepare_time_ahead");
            return;
        }
        let behind_max = self.config.clock_behind_max_ms << self.view_change.failures.min(16);
        if proposal.time.0.saturating_add(behind_max) < self.wall.0 {
            self.count("pre_prepare_time_behind");
            return;
        }
        // Ordering nothing is no work: whoever proposes it while something waits is replaced by the timer.
        let news = |tip: &Tip| tip.position > self.lanes[usize::from(tip.lane)].committed;
        if !proposal.tips.iter().any(news) {
            self.count("pre_prepare_orders_nothing");
            return;
        }
        let Some(news) = self.certified_tips(&proposal, &certificates) else {
            self.count("pre_prepare_bad_tips");
            return;
        };
        for certificate in news {
            self.take_certificate(now, certificate);
        }
        self.accept(now, proposal, certificates, Some(signature), turn);
    }

    /// The certificates of the tips that are new here, when each tip is within the window of its lane and certified; `None`
    /// otherwise. What this validator has checked is not checked again.
    fn certified_tips(
        &self,
        proposal: &Proposal,
        certificates: &[Signatures],
    ) -> Option<Vec<Proven<TipCertificate>>> {
        let tips = &proposal.tips;
        if !tips.iter().all(|tip| self.tip_is_near(tip)) {
            return None;
        }
        let news = tips
            .iter()
            .zip(certificates)
            .filter(|(tip, _)| {
                let known = &self.lanes[usize::from(tip.lane)].certified;
                known.as_ref().is_none_or(|known| known.tip != **tip)
            })
            .map(|(tip, signatures)| TipCertificate {
                tip: *tip,
                signatures: signatures.clone(),
            });
        self.notary.tips(news.collect())
    }

    /// The first vote: written, then sent.
    pub(crate) fn accept(
        &mut self,
        now: Millis,
        proposal: Proposal,
        certificates: Vec<Signatures>,
        signature: Option<Signature>,
        turn: &mut Turn,
    ) {
        let (view, slot, digest) = (self.view, proposal.slot, proposal.digest());
        turn.write(Record::PrePrepared {
            view,
            proposal: proposal.clone(),
        });
        self.slot_mut(slot).accepted = Some(Accepted {
            view,
            proposal,
            certificates,
            signature,
            digest,
            at: now,
        });
        if let Some(vote) = self.vote(Phase::Prepare, slot, turn) {
            turn.effect(Effect::Broadcast(Message::Prepare(vote)));
            self.check_prepared(now, slot, turn);
        }
        // Commits may have overtaken the proposal.
        let early = self.slots.get(&slot).and_then(|entry| {
            self.peers()
                .find(|peer| entry.commits.latest(*peer) == Some((view, digest)))
        });
        if let Some(voter) = early {
            self.check_committed(now, voter, slot, turn);
        }
    }

    /// Casts the own vote for what is accepted in this view; `None` when it is cast already.
    fn vote(&mut self, phase: Phase, slot: Height, turn: &mut Turn) -> Option<Vote> {
        let view = self.view;
        let me = self.config.me;
        let digest = self.slots.get(&slot)?.accepted_in(view)?.digest;
        let vote = Vote {
            view,
            slot,
            digest,
            signature: self.notary.sign(&phase.statement(view, slot, digest)),
        };
        let entry = self.slot_mut(slot);
        let ballots = match phase {
            Phase::Prepare => &mut entry.prepares,
            Phase::Commit => &mut entry.commits,
        };
        if ballots.cast(me, &vote, true) != Cast::New {
            return None;
        }
        turn.write(match phase {
            Phase::Prepare => Record::Prepared(vote),
            Phase::Commit => Record::Committing(vote),
        });
        Some(vote)
    }

    /// A vote of another validator.
    pub(crate) fn on_vote(
        &mut self,
        now: Millis,
        from: ValidatorIndex,
        phase: Phase,
        vote: &Vote,
        turn: &mut Turn,
    ) {
        if !self.in_window(vote.slot) {
            return;
        }
        let slot = self.slot_mut(vote.slot);
        let cast = match phase {
            Phase::Prepare => slot.prepares.cast(from, vote, false),
            Phase::Commit => slot.commits.cast(from, vote, false),
        };
        match cast {
            Cast::New => {}
            Cast::Old if self.counts_twice() => {}
            Cast::Old => return,
            Cast::Conflict(first) => {
                self.on_vote_conflict(from, phase, &first, vote);
                return;
            }
        }
        match phase {
            Phase::Prepare => self.check_prepared(now, vote.slot, turn),
            Phase::Commit => self.check_committed(now, from, vote.slot, turn),
        }
    }

    /// Two votes for one place: evidence, if both are signed.
    fn on_vote_conflict(
        &mut self,
        from: ValidatorIndex,
        phase: Phase,
        first: &Vote,
        second: &Vote,
    ) {
        self.count("vote_conflict");
        let statements = [first, second].map(|vote| {
            let statement = phase.statement(vote.view, vote.slot, vote.digest);
            (statement, vote.signature)
        });
        let signed = |(statement, signature)| self.notary.check(from, &statement, &signature);
        if statements.into_iter().all(signed) {
            self.report(Evidence::Conflict {
                validator: from,
                statements,
            });
        }
    }

    /// Section 4.2, prepared: a quorum of prepares for what is accepted in this view. The second vote follows.
    pub(crate) fn check_prepared(&mut self, now: Millis, height: Height, turn: &mut Turn) {
        let (view, twice) = (self.view, self.counts_twice());
        if !self.is_voting() {
            return;
        }
        let mut wrong = 0;
        let Some(slot) = self.slots.get_mut(&height) else {
            return;
        };
        let Some(digest) = slot.accepted_in(view).map(|a| a.digest) else {
            return;
        };
        if slot
            .prepared
            .as_ref()
            .is_some_and(|p| p.certificate.view == view)
        {
            return;
        }
        let statement = Phase::Prepare.statement(view, height, digest);
        let signatures =
            slot.prepares
                .quorum(&self.notary, &statement, (view, digest), twice, &mut wrong);
        if let Some(signatures) = signatures {
            let prepared = PreparedSlot {
                proposal: slot
                    .proposal(digest)
                    .cloned()
                    .expect("accepted in this view"),
                certificate: VoteCertificate {
                    view,
                    slot: height,
                    digest,
                    signatures,
                },
            };
            slot.prepared = Some(prepared.clone());
            turn.write(Record::PrepareCertificate(prepared));
            if let Some(vote) = self.vote(Phase::Commit, height, turn) {
                turn.effect(Effect::Broadcast(Message::Commit(vote)));
                self.check_committed(now, self.config.me, height, turn);
            }
        }
        self.count_many("vote_bad_signature", wrong);
    }

    /// Section 4.2, committed: a quorum of commits of one view. A validator that does not vote in that view may
    /// still learn from it.
    fn check_committed(
        &mut self,
        now: Millis,
        voter: ValidatorIndex,
        height: Height,
        turn: &mut Turn,
    ) {
        let twice = self.counts_twice();
        let mut wrong = 0;
        let Some(slot) = self.slots.get_mut(&height) else {
            return;
        };
        if slot.committed.is_some() {
            return;
        }
        let Some((view, digest)) = slot.commits.latest(voter) else {
            return;
        };
        let Some(proposal) = slot.proposal(digest).cloned() else {
            return;
        };
        let statement = Phase::Commit.statement(view, height, digest);
        let signatures =
            slot.commits
                .quorum(&self.notary, &statement, (view, digest), twice, &mut wrong);
        self.count_many("vote_bad_signature", wrong);
        if let Some(signatures) = signatures {
            let certificate = VoteCertificate {
                view,
                slot: height,
                digest,
                signatures,
            };
            self.learn_committed(
                now,
                CommittedSlot {
                    proposal,
                    certificate,
                },
                turn,
            );
        }
    }

    /// A slot is final, by own counting or by a checked certificate. Written in slot order, without gaps.
    pub(crate) fn learn_committed(&mut self, now: Millis, slot: CommittedSlot, turn: &mut Turn) {
        let height = slot.proposal.slot;
        if height <= self.committed {
            return;
        }
        let entry = self.slot_mut(height);
        if entry.committed.is_some() {
            return;
        }
        entry.committed = Some(slot);
        while let Some(next) = self
            .slots
            .get(&(self.committed + 1))
            .and_then(|slot| slot.committed.clone())
        {
            self.committed += 1;
            for tip in &next.proposal.tips {
                self.lanes[usize::from(tip.lane)].commit_up_to(tip.position, now);
                self.want_certified(Millis(now.0 + self.config.batch_delay_ms), tip);
            }
            let accepted = self
                .slots
                .get(&self.committed)
                .and_then(|slot| slot.accepted_in(next.certificate.view))
                .filter(|accepted| accepted.digest == next.certificate.digest)
                .map(|accepted| accepted.at);
            self.view_change
                .on_commit(now, next.certificate.view == self.view, accepted);
            turn.write(Record::Committed(next));
        }
        self.execution.blocked = false;
        self.dispatch(now, turn);
    }

    #[cfg(feature = "broken-variants")]
    fn counts_twice(&self) -> bool {
        self.config.broken == crate::config::Broken::VoterCountedTwice
    }

    #[cfg(not(feature = "broken-variants"))]
    #[expect(clippy::unused_self, reason = "same shape as the broken variant")]
    fn counts_twice(&self) -> bool {
        false
    }
}
