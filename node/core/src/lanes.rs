//! The lanes of the others: receive, check, acknowledge, and know how far each is certified.
//!
//! A batch is acknowledged only when the whole lane up to it is held and checked, so a certificate of one position
//! vouches for all below it. One digest a place is ever acknowledged, across crashes too; an author that signs two
//! for one place gets at most one of them certified by each correct validator, and leaves evidence.
//!
//! Only what continues the checked chain is written, or what a certificate names: whatever an author sends, a lane takes
//! no more memory than two windows of batches and no disk for what will never be ordered. A batch that fails its check is
//! evidence, for an author checks what it seals; after a few of them nothing more is taken from that author.

use std::collections::BTreeMap;

use bds_contracts::block::{BatchDigest, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::batch::{Batch, BatchHeader, Position, Tip, TipCertificate};
use crate::batches::Held;
use crate::core::Core;
use crate::evidence::Evidence;
use crate::gate::notary::Proven;
use crate::message::Message;
use crate::turn::{Effect, Record, Turn, Verdict};

/// A place in a lane and the batch there; position 0 with a zero digest is the empty lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct LaneTip {
    /// Place.
    pub position: Position,
    /// Batch at that place.
    pub digest: BatchDigest,
}

/// What is known of one lane.
#[derive(Default)]
pub(crate) struct Lane {
    /// Last batch handed to execution.
    pub(crate) ordered: LaneTip,
    /// Highest position in the tips of committed slots; runs ahead of `ordered`.
    pub(crate) committed: Position,
    /// Newest valid certificate seen.
    pub(crate) certified: Option<Proven<TipCertificate>>,
    /// The certified place that has waited longest to be ordered, and since when it has.
    pub(crate) unordered: Option<(Position, Millis)>,
    /// Last batch of the gapless chain that is held and checked.
    pub(crate) chain: LaneTip,
    /// Last batch of the gapless chain that is held or being checked.
    pub(crate) received: LaneTip,
    /// What was acknowledged above `ordered`.
    pub(crate) acknowledged: BTreeMap<Position, BatchDigest>,
    /// Never acknowledge anything else at or below this.
    pub(crate) acknowledged_max: Position,
    /// Batches that came before their parent, or while `lane_window` others of the lane were being checked; bounded by
    /// `lane_window`.
    waiting: BTreeMap<Position, Batch>,
    /// Given to the engine unasked, answer outstanding; bounded by `lane_window`.
    checking: BTreeMap<Position, BatchDigest>,
    /// Checked before their parents were: they are written when the chain gets there, and never if it does not. With
    /// `checking` bounded by `lane_window`.
    checked: BTreeMap<Position, Batch>,
    /// Batches of this author that failed their check.
    bad: u32,
}

impl Lane {
    pub(crate) fn certified_position(&self) -> Position {
        self.certified.as_ref().map_or(0, |c| c.tip.position)
    }

    /// A slot that orders this lane up to `position` is final.
    pub(crate) fn commit_up_to(&mut self, position: Position, now: Millis) {
        self.committed = self.committed.max(position);
        if self
            .unordered
            .is_some_and(|(place, _)| place <= self.committed)
        {
            self.unordered = None;
        }
        self.note_unordered(now);
    }

    /// Notes that something certified waits, unless something older does.
    fn note_unordered(&mut self, now: Millis) {
        let place = self.certified_position();
        if place > self.committed {
            self.unordered.get_or_insert((place, now));
        }
    }

    /// Slots have ordered this lane up to `tip`: whatever else was held at or below is history.
    pub(crate) fn order_up_to(&mut self, tip: LaneTip) {
        let forked = self
            .acknowledged
            .get(&tip.position)
            .is_some_and(|digest| *digest != tip.digest);
        self.ordered = tip;
        self.committed = self.committed.max(tip.position);
        if self.chain.position <= tip.position || forked {
            self.chain = tip;
        }
        if self.received.position <= tip.position || forked {
            self.received = tip;
        }
        self.acknowledged = self.acknowledged.split_off(&(tip.position + 1));
        let next = tip.position + 1;
        self.waiting = self.waiting.split_off(&next);
        self.checking = self.checking.split_off(&next);
        self.checked = self.checked.split_off(&next);
        if forked {
            self.start_over();
        }
    }

    /// This batch of the received chain is bad: what came before it stays, what builds on it goes.
    fn cut_at(&mut self, bad: &BatchHeader) {
        self.received = if bad.position > self.chain.position + 1 {
            LaneTip {
                position: bad.position - 1,
                digest: bad.parent,
            }
        } else {
            self.chain
        };
        self.waiting.clear();
        self.checking.split_off(&bad.position);
        self.checked.split_off(&bad.position);
    }

    /// Nothing received beyond the checked chain counts any more.
    fn start_over(&mut self) {
        self.received = self.chain;
        self.waiting.clear();
        self.checking.clear();
        self.checked.clear();
    }
}

impl Core {
    /// A batch from its author, or from anyone who was asked for it.
    pub(crate) fn on_batch(&mut self, from: ValidatorIndex, batch: Batch, turn: &mut Turn) {
        let header = &batch.header;
        let (lane_index, position, digest) = (header.lane, header.position, header.digest());
        let wanted = self.batches.is_wanted(&digest);
        if !wanted && (from != lane_index || from == self.config.me) {
            self.count("batch_unasked");
            return;
        }
        if self.batches.verifying.contains_key(&digest) {
            return;
        }
        let lane = &self.lanes[usize::from(lane_index)];
        if position <= lane.ordered.position {
            return;
        }
        if self.batches.held(&digest).is_some() {
            // The author sends again what it thinks is not acknowledged: the answer was lost.
            if lane.acknowledged.get(&position) == Some(&digest) {
                self.acknowledge(lane_index, position, digest, turn);
            }
            return;
        }
        if !wanted && lane.bad >= self.config.bad_batches_max {
            self.count("batch_of_barred_author");
            return;
        }
        if !wanted && position > lane.ordered.position + self.config.lane_ahead_max {
            self.count("batch_too_far_ahead");
            return;
        }
        let window = usize::try_from(self.config.lane_window).unwrap_or(8);
        let busy = lane.checking.len() + lane.checked.len() >= window;
        if !wanted && (position > lane.received.position + 1 || busy) {
            let lane = &mut self.lanes[usize::from(lane_index)];
            if lane.waiting.len() < window {
                lane.waiting.insert(position, batch);
            } else {
                self.count("batch_waiting_full");
            }
            return;
        }
        if !self
            .notary
            .check(lane_index, &Statement::Batch(digest), &batch.signature)
        {
            self.count("batch_bad_signature");
            return;
        }
        let first = lane.acknowledged.get(&position).filter(|d| **d != digest);
        if let Some((first, held)) = first.and_then(|d| Some((*d, self.batches.held(d)?))) {
            self.report(Evidence::Conflict {
                validator: lane_index,
                statements: [
                    (Statement::Batch(first), held.signature),
                    (Statement::Batch(digest), batch.signature),
                ],
            });
        }
        let lane = &mut self.lanes[usize::from(lane_index)];
        if position == lane.received.position + 1 && batch.header.parent == lane.received.digest {
            lane.received = LaneTip { position, digest };
            lane.checking.insert(position, digest);
        } else if !wanted {
            self.count("batch_off_chain");
            return;
        }
        turn.effect(Effect::Verify(batch.clone()));
        self.batches.verifying.insert(digest, batch);
        self.take_waiting(lane_index, turn);
    }

    /// A parent arrived: its children may have been waiting.
    fn take_waiting(&mut self, lane_index: ValidatorIndex, turn: &mut Turn) {
        let lane = &mut self.lanes[usize::from(lane_index)];
        let next = lane.received.position + 1;
        lane.waiting = lane.waiting.split_off(&next);
        if let Some(batch) = lane.waiting.remove(&next) {
            // Depth is bounded by the number waiting.
            self.on_batch(lane_index, batch, turn);
        }
    }

    /// The engine has checked a batch.
    pub(crate) fn on_verified(
        &mut self,
        now: Millis,
        digest: BatchDigest,
        verdict: Verdict,
        turn: &mut Turn,
    ) {
        let Some(batch) = self.batches.verifying.remove(&digest) else {
            self.count("verified_unasked");
            return;
        };
        let (lane_index, position) = (batch.header.lane, batch.header.position);
        let wanted = self.batches.is_wanted(&digest);
        let lane = &mut self.lanes[usize::from(lane_index)];
        let awaited = lane.checking.get(&position) == Some(&digest);
        if awaited {
            lane.checking.remove(&position);
        }
        if verdict != Verdict::Valid {
            if awaited {
                lane.cut_at(&batch.header);
            }
            match verdict {
                Verdict::Forged => self.on_bad_batch(batch),
                _ => self.count("batch_altered"),
            }
        } else if position <= lane.ordered.position {
            // It is history already.
        } else if wanted || (awaited && lane.chain.digest == batch.header.parent) {
            self.write_batch(digest, batch, turn);
        } else if awaited {
            lane.checked.insert(position, batch);
        } else {
            self.count("batch_off_chain");
        }
        self.take_waiting(lane_index, turn);
        self.execution.blocked = false;
        self.dispatch(now, turn);
    }

    /// A batch that its author signed and should not have.
    fn on_bad_batch(&mut self, batch: Batch) {
        let header = batch.header;
        self.count("batch_invalid");
        let lane = &mut self.lanes[usize::from(header.lane)];
        lane.bad = lane.bad.saturating_add(1);
        if lane.bad == self.config.bad_batches_max {
            self.count("author_barred");
        }
        self.report(Evidence::BadBatch {
            header,
            signature: batch.signature,
        });
    }

    /// Writes a checked batch, goes on along the chain, and takes with it what was checked before its parent.
    fn write_batch(&mut self, digest: BatchDigest, batch: Batch, turn: &mut Turn) {
        let lane_index = batch.header.lane;
        let mut next = Some((digest, batch));
        while let Some((digest, batch)) = next {
            let held = Held::of(&batch);
            turn.write(Record::Batch(batch.clone()));
            self.batches.learn(digest, held);
            self.batches.keep(digest, batch);
            self.extend_chain(lane_index, turn);
            let lane = &mut self.lanes[usize::from(lane_index)];
            let beyond = lane.checked.split_off(&(lane.chain.position + 1));
            lane.checked = beyond;
            let follows = lane
                .checked
                .first_key_value()
                .is_some_and(|(_, batch)| batch.header.parent == lane.chain.digest);
            next = follows
                .then(|| lane.checked.pop_first())
                .flatten()
                .map(|(_, batch)| (batch.header.digest(), batch));
        }
    }

    /// Walks the checked chain of a lane as far as it goes and acknowledges each step.
    fn extend_chain(&mut self, lane_index: ValidatorIndex, turn: &mut Turn) {
        loop {
            let lane = &self.lanes[usize::from(lane_index)];
            let position = lane.chain.position + 1;
            let next = self.batches.at(lane_index, position).iter().find(|digest| {
                self.batches
                    .held(digest)
                    .is_some_and(|held| held.parent == lane.chain.digest)
            });
            let Some(&digest) = next else { return };
            let lane = &mut self.lanes[usize::from(lane_index)];
            lane.chain = LaneTip { position, digest };
            if lane.received.position < position {
                lane.received = lane.chain;
            }
            if position > lane.acknowledged_max {
                lane.acknowledged_max = position;
                lane.acknowledged.insert(position, digest);
                turn.write(Record::Acknowledged {
                    lane: lane_index,
                    position,
                    digest,
                });
                self.acknowledge(lane_index, position, digest, turn);
            }
        }
    }

    /// After a restart: every lane goes on from what is on disk.
    pub(crate) fn resume_lanes(&mut self, turn: &mut Turn) {
        for lane in self.peers() {
            self.extend_chain(lane, turn);
        }
    }

    fn acknowledge(
        &mut self,
        lane: ValidatorIndex,
        position: Position,
        digest: BatchDigest,
        turn: &mut Turn,
    ) {
        let tip = Tip {
            lane,
            position,
            digest,
        };
        let signature = self.notary.sign(&tip.acknowledgement());
        turn.effect(Effect::Send(
            lane,
            Message::Acknowledge {
                position,
                digest,
                signature,
            },
        ));
    }

    /// A lane's new tip, from its author or from anyone who passes it on.
    pub(crate) fn on_certificate(&mut self, now: Millis, certificate: TipCertificate) {
        let tip = certificate.tip;
        let lane = &self.lanes[usize::from(tip.lane)];
        if tip.position <= lane.certified_position().max(lane.committed) {
            return;
        }
        if !self.tip_is_near(&tip) {
            self.count("certificate_too_far_ahead");
            return;
        }
        match self.notary.tip(certificate) {
            Some(certificate) => self.take_certificate(now, certificate),
            None => self.count("certificate_bad"),
        }
    }

    /// No correct validator acknowledges anything further ahead of what is ordered than twice the window of a lane.
    pub(crate) fn tip_is_near(&self, tip: &Tip) -> bool {
        let ordered = self.lanes[usize::from(tip.lane)].ordered.position;
        tip.position <= ordered + 2 * self.config.lane_ahead_max
    }

    /// The lane's tip if it is the newest, and a batch to ask for if it does not come.
    pub(crate) fn take_certificate(&mut self, now: Millis, certificate: Proven<TipCertificate>) {
        let tip = certificate.tip;
        let lane = &self.lanes[usize::from(tip.lane)];
        if tip.position <= lane.certified_position().max(lane.committed) {
            return;
        }
        self.adopt_certificate(now, certificate);
        // The batch itself is usually on its way from its author.
        let due = Millis(now.0 + self.config.status_interval_ms);
        self.want_certified(due, &tip);
    }

    /// Takes a certificate as the lane's tip if it is the newest.
    pub(crate) fn adopt_certificate(&mut self, now: Millis, certificate: Proven<TipCertificate>) {
        let lane = &mut self.lanes[usize::from(certificate.tip.lane)];
        if certificate.tip.position > lane.certified_position() {
            lane.certified = Some(certificate);
            lane.note_unordered(now);
        }
    }
}
