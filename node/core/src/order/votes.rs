//! The two votes on a slot, and what makes it final.
//!
//! Castro and Liskov, section 4.2. A vote is written, then sent, and cast once a view.

use bds_contracts::block::{Height, Statement, ValidatorIndex};

use crate::config::Config;
use crate::context::Cx;
use crate::evidence::Evidence;
use crate::message::{CommittedSlot, Message, PrePrepare, PreparedSlot, Vote, VoteCertificate};
use crate::turn::Record;

use super::Order;
use super::rotation::primary_of;
use super::slots::{Cast, Phase};

impl Order {
    /// Casts the own vote for what is accepted in this view; `None` when it is cast already, or must not be.
    pub(super) fn vote(&mut self, cx: &mut Cx<'_>, phase: Phase, slot: Height) -> Option<Vote> {
        if !self.may_sign(slot) {
            return None;
        }
        let view = self.view;
        let me = cx.me();
        let digest = self.slots.get(&slot)?.accepted_in(view)?.digest;
        let vote = Vote {
            view,
            slot,
            digest,
            signature: cx.notary.sign(&phase.statement(view, slot, digest)),
        };
        let entry = self.slot_mut(slot);
        let ballots = match phase {
            Phase::Prepare => &mut entry.prepares,
            Phase::Commit => &mut entry.commits,
        };
        if ballots.cast(me, &vote, true) != Cast::New {
            return None;
        }
        cx.write(match phase {
            Phase::Prepare => Record::Prepared(vote),
            Phase::Commit => Record::Committing(vote),
        });
        Some(vote)
    }

    /// A vote of another validator.
    pub(crate) fn on_vote(
        &mut self,
        cx: &mut Cx<'_>,
        from: ValidatorIndex,
        phase: Phase,
        vote: &Vote,
    ) {
        if !self.in_window(cx.config, vote.slot) {
            return;
        }
        // Votes are checked together once a quorum is there. One of a later view would take the place of the voter's real ones
        // until that view, and nothing would ever check it.
        let statement = phase.statement(vote.view, vote.slot, vote.digest);
        if vote.view > self.view && !cx.notary.check(from, &statement, &vote.signature) {
            cx.count("vote_bad_signature");
            return;
        }
        let slot = self.slot_mut(vote.slot);
        let cast = match phase {
            Phase::Prepare => slot.prepares.cast(from, vote, false),
            Phase::Commit => slot.commits.cast(from, vote, false),
        };
        match cast {
            Cast::New => self.memory.note(from, phase, *vote),
            Cast::Old if counts_twice(cx.config) => {}
            Cast::Old => return,
            Cast::Conflict(first) => {
                on_vote_conflict(cx, from, phase, &first, vote);
                return;
            }
        }
        match phase {
            Phase::Prepare => self.check_prepared(cx, vote.slot),
            Phase::Commit => self.check_committed(cx, from, vote.slot),
        }
    }

    /// Section 4.2, prepared: a quorum of prepares for what is accepted in this view. The second vote follows.
    pub(super) fn check_prepared(&mut self, cx: &mut Cx<'_>, height: Height) {
        let (view, twice) = (self.view, counts_twice(cx.config));
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
                .quorum(cx.notary, &statement, (view, digest), twice, &mut wrong);
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
            cx.write(Record::PrepareCertificate(prepared));
            if let Some(vote) = self.vote(cx, Phase::Commit, height) {
                cx.broadcast(Message::Commit(vote));
                self.check_committed(cx, cx.config.me, height);
            }
        }
        cx.count_many("vote_bad_signature", wrong);
    }

    /// Section 4.2, committed: a quorum of commits of one view. A validator that does not vote in that view may
    /// still learn from it.
    pub(super) fn check_committed(
        &mut self,
        cx: &mut Cx<'_>,
        voter: ValidatorIndex,
        height: Height,
    ) {
        let twice = counts_twice(cx.config);
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
                .quorum(cx.notary, &statement, (view, digest), twice, &mut wrong);
        cx.count_many("vote_bad_signature", wrong);
        if let Some(signatures) = signatures {
            let certificate = VoteCertificate {
                view,
                slot: height,
                digest,
                signatures,
            };
            self.learn_committed(
                cx,
                CommittedSlot {
                    proposal,
                    certificate,
                },
            );
        }
    }

    /// A slot is final, by own counting or by a checked certificate. Written in slot order, without gaps.
    pub(crate) fn learn_committed(&mut self, cx: &mut Cx<'_>, slot: CommittedSlot) {
        let height = slot.proposal.slot;
        if height <= self.committed {
            return;
        }
        let entry = self.slot_mut(height);
        if entry.committed.is_some() {
            return;
        }
        let certificate = slot.certificate.clone();
        entry.committed = Some(slot);
        self.memory.note_all(Phase::Commit, &certificate);
        self.handed_on.learned = true;
        while let Some(next) = self
            .slots
            .get(&(self.committed + 1))
            .and_then(|slot| slot.committed.clone())
        {
            self.committed += 1;
            let accepted = self
                .slots
                .get(&self.committed)
                .and_then(|slot| slot.accepted_in(next.certificate.view))
                .filter(|accepted| accepted.digest == next.certificate.digest)
                .map(|accepted| accepted.at);
            let in_this_view = next.certificate.view == self.view;
            self.patience.on_commit(cx.now, in_this_view, accepted);
            self.handed_on.committed.push(next.proposal.clone());
            cx.write(Record::Committed(next));
        }
    }

    /// Own messages for the slots that the peer waits for and that have been open for a while.
    pub(crate) fn repeat_votes(&self, cx: &mut Cx<'_>, to: ValidatorIndex, committed: Height) {
        let me = cx.me();
        let (view, voting) = (self.view, self.is_voting());
        let span = usize::try_from(2 * cx.config.slots_in_flight).unwrap_or(8);
        let mut repeated = 0;
        for (height, slot) in self.slots.range(committed + 1..).take(span) {
            let Some(accepted) = slot
                .accepted_in(view)
                .filter(|a| voting && a.at.0 + cx.config.status_interval_ms <= cx.now.0)
            else {
                continue;
            };
            repeated += 1;
            if primary_of(cx.config, view, *height) == me
                && accepted.certificates.len() == accepted.proposal.tips.len()
            {
                let statement = Statement::PrePrepare(view, *height, accepted.digest.0);
                let signature = cx.notary.sign(&statement);
                cx.send(
                    to,
                    Message::PrePrepare(PrePrepare {
                        view,
                        proposal: accepted.proposal.clone(),
                        certificates: accepted.certificates.clone(),
                        signature,
                    }),
                );
            }
            if let Some(vote) = slot.prepares.of(me, *height).filter(|v| v.view == view) {
                cx.send(to, Message::Prepare(vote));
            }
            if let Some(vote) = slot.commits.of(me, *height).filter(|v| v.view == view) {
                cx.send(to, Message::Commit(vote));
            }
        }
        cx.count_many("slots_repeated", repeated);
    }
}

/// Two votes for one place: evidence, if both are signed.
fn on_vote_conflict(
    cx: &mut Cx<'_>,
    from: ValidatorIndex,
    phase: Phase,
    first: &Vote,
    second: &Vote,
) {
    cx.count("vote_conflict");
    let statements = [first, second].map(|vote| {
        let statement = phase.statement(vote.view, vote.slot, vote.digest);
        (statement, vote.signature)
    });
    let signed = |(statement, signature)| cx.notary.check(from, &statement, &signature);
    if statements.into_iter().all(signed) {
        cx.report(Evidence::Conflict {
            validator: from,
            statements,
        });
    }
}

#[cfg(feature = "broken-variants")]
fn counts_twice(config: &Config) -> bool {
    config.broken == crate::config::Broken::VoterCountedTwice
}

#[cfg(not(feature = "broken-variants"))]
fn counts_twice(_: &Config) -> bool {
    false
}
