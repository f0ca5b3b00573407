//! The lanes of the others: receive, check, acknowledge, and know how far each is certified.
//!
//! A batch is acknowledged only when the whole lane up to it is held and checked, so a certificate of one position
//! vouches for all below it.
//!
//! Only what continues the checked chain is written, what begins it anew (`chain` says when), or what a certificate names:
//! whatever an author sends, a lane takes no more memory than a few windows of batches, and bounded room on disk for what will never
//! be ordered. A batch that fails its check is evidence, for an author checks what it seals; after a few of them nothing more
//! is taken from that author.

use bds_contracts::block::{BatchDigest, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{Batch, LaneTip, Position, Tip, TipCertificate};
use crate::context::Cx;
use crate::evidence::Evidence;
use crate::gate::notary::Proven;
use crate::message::Message;
use crate::turn::{Effect, Record, Verdict};

use super::Lanes;
use super::held::Known;

impl Lanes {
    /// A batch from its author, or from anyone who was asked for it.
    pub(crate) fn on_batch(&mut self, cx: &mut Cx<'_>, from: ValidatorIndex, batch: Batch) {
        let header = &batch.header;
        let (lane_index, position, digest) = (header.lane, header.position, header.digest());
        let wanted = self.batches.is_wanted(&digest);
        if !wanted && (from != lane_index || from == cx.config.me) {
            cx.count("batch_unasked");
            return;
        }
        if self.batches.is_verifying(&digest) {
            return;
        }
        let lane = &self.lanes[usize::from(lane_index)];
        if position <= lane.ordered.position {
            return;
        }
        if self.batches.known(&digest).is_some() {
            // The author sends again what it thinks is not acknowledged: the answer was lost, or another batch has its place.
            self.acknowledge_again(cx, lane_index, position);
            return;
        }
        if !wanted && lane.bad >= cx.config.bad_batches_max {
            cx.count("batch_of_barred_author");
            return;
        }
        if !wanted && position > lane.ordered.position + cx.config.lane_ahead_max {
            cx.count("batch_too_far_ahead");
            return;
        }
        let contends = self.contends(cx, header, &digest);
        let window = usize::try_from(cx.config.lane_window).unwrap_or(8);
        let busy = lane.checking.len() + lane.checked.len() >= window;
        if !wanted && !contends && (position > lane.received.position + 1 || busy) {
            let lane = &mut self.lanes[usize::from(lane_index)];
            if lane.waiting.len() < window {
                lane.waiting.insert(position, batch);
            } else {
                cx.count("batch_waiting_full");
            }
            return;
        }
        // What was asked for may come all at once: it is asked for again.
        if wanted && !self.batches.may_verify(&batch) {
            cx.count("batch_verifying_full");
            return;
        }
        if !cx
            .notary
            .check(lane_index, &Statement::Batch(digest), &batch.signature)
        {
            cx.count("batch_bad_signature");
            return;
        }
        let first = lane.acknowledged.get(&position).filter(|d| **d != digest);
        if let Some(first) = first
            && lane_index != cx.config.me
        {
            if let Some(known) = self.batches.known(first) {
                cx.report(Evidence::Conflict {
                    validator: lane_index,
                    statements: [
                        (Statement::Batch(*first), known.signature),
                        (Statement::Batch(digest), batch.signature),
                    ],
                });
            }
            // An author that has lost its home learns from these what it had sealed.
            if !contends {
                self.acknowledge_again(cx, lane_index, position);
            }
        }
        let lane = &mut self.lanes[usize::from(lane_index)];
        if contends {
            lane.contender = Some(digest);
        } else if lane_index != cx.config.me
            && position == lane.received.position + 1
            && batch.header.parent == lane.received.digest
        {
            lane.received = LaneTip { position, digest };
            lane.checking.insert(position, digest);
        } else if !wanted {
            cx.count("batch_off_chain");
            return;
        }
        let parent = LaneTip {
            position: position - 1,
            digest: batch.header.parent,
        };
        cx.effect(Effect::Verify(batch.clone()));
        self.batches.verify(digest, batch);
        if wanted {
            self.want_parent(cx, from, &parent.of(lane_index));
        }
        self.take_waiting(cx, lane_index);
    }

    /// Whoever certified a batch holds what it builds on, which is wanted with it: of whoever gave the batch, unless it waits here.
    fn want_parent(&mut self, cx: &mut Cx<'_>, from: ValidatorIndex, parent: &Tip) {
        self.want_batch(cx, cx.now, parent, vec![from]);
        let waiting = &mut self.lanes[usize::from(parent.lane)].waiting;
        let is_parent = |batch: &Batch| batch.header.digest() == parent.digest;
        if waiting.get(&parent.position).is_some_and(is_parent)
            && let Some(batch) = waiting.remove(&parent.position)
        {
            // Depth is bounded by the number waiting.
            self.on_batch(cx, parent.lane, batch);
        }
    }

    /// A parent arrived: its children may have been waiting.
    pub(super) fn take_waiting(&mut self, cx: &mut Cx<'_>, lane_index: ValidatorIndex) {
        let lane = &mut self.lanes[usize::from(lane_index)];
        let next = lane.received.position + 1;
        lane.waiting = lane.waiting.split_off(&next);
        if let Some(batch) = lane.waiting.remove(&next) {
            // Depth is bounded by the number waiting.
            self.on_batch(cx, lane_index, batch);
        }
    }

    /// The engine has checked a batch.
    pub(crate) fn on_verified(&mut self, cx: &mut Cx<'_>, digest: BatchDigest, verdict: Verdict) {
        let Some(batch) = self.batches.verified(&digest) else {
            cx.count("verified_unasked");
            return;
        };
        let (lane_index, position) = (batch.header.lane, batch.header.position);
        let wanted = self.batches.is_wanted(&digest);
        let lane = &mut self.lanes[usize::from(lane_index)];
        let awaited = lane.checking.get(&position) == Some(&digest);
        if awaited {
            lane.checking.remove(&position);
        }
        let contends = lane.contender.take_if(|c| *c == digest).is_some();
        if verdict != Verdict::Valid {
            if awaited {
                lane.cut_at(&batch.header);
            }
            match verdict {
                Verdict::Forged => self.on_bad_batch(cx, batch),
                _ => cx.count("batch_altered"),
            }
        } else if position <= lane.ordered.position {
            // It is history already.
        } else if wanted || contends || (awaited && lane.chain.digest == batch.header.parent) {
            self.write_batch(cx, digest, batch);
        } else if awaited {
            lane.checked.insert(position, (digest, batch));
        } else {
            cx.count("batch_off_chain");
        }
        self.take_waiting(cx, lane_index);
    }

    /// A batch that its author signed and should not have.
    fn on_bad_batch(&mut self, cx: &mut Cx<'_>, batch: Batch) {
        let header = batch.header;
        cx.count("batch_invalid");
        let lane = &mut self.lanes[usize::from(header.lane)];
        lane.bad = lane.bad.saturating_add(1);
        if lane.bad == cx.config.bad_batches_max {
            cx.count("author_barred");
        }
        cx.report(Evidence::BadBatch {
            header,
            signature: batch.signature,
        });
    }

    /// A checked batch is written and known from then on.
    pub(super) fn hold(&mut self, cx: &mut Cx<'_>, digest: BatchDigest, batch: Batch) {
        cx.write(Record::Batch(batch.clone()));
        self.batches.learn(digest, Known::of(&batch));
        self.batches.keep(digest, batch);
    }

    /// Writes a checked batch, goes on along the chain, and takes with it what was checked before its parent.
    fn write_batch(&mut self, cx: &mut Cx<'_>, digest: BatchDigest, batch: Batch) {
        let (lane_index, mut place) = (batch.header.lane, batch.header.position);
        let mut next = Some((digest, batch));
        while let Some((digest, batch)) = next {
            self.hold(cx, digest, batch);
            self.follow(cx, lane_index, place);
            let lane = &mut self.lanes[usize::from(lane_index)];
            place = lane.chain.position + 1;
            let follows = lane
                .checked
                .first_key_value()
                .is_some_and(|(_, (_, batch))| batch.header.parent == lane.chain.digest);
            let first = follows.then(|| lane.checked.pop_first()).flatten();
            next = first.map(|(_, checked)| checked);
        }
    }

    /// The author holds less of its own lane than was acknowledged here: it has lost its home.
    pub(crate) fn repeat_acknowledgements(
        &self,
        cx: &mut Cx<'_>,
        author: ValidatorIndex,
        holds: Position,
    ) {
        let window = usize::try_from(cx.config.lane_window).unwrap_or(8);
        let acknowledged = &self.lanes[usize::from(author)].acknowledged;
        for (&position, &digest) in acknowledged.range(holds + 1..).take(window) {
            cx.count("acknowledgements_repeated");
            Self::acknowledge(cx, &LaneTip { position, digest }.of(author));
        }
    }

    /// Says to an author what is acknowledged at this place of its lane.
    fn acknowledge_again(&self, cx: &mut Cx<'_>, author: ValidatorIndex, position: Position) {
        let acknowledged = &self.lanes[usize::from(author)].acknowledged;
        if let Some(&digest) = acknowledged.get(&position) {
            Self::acknowledge(cx, &LaneTip { position, digest }.of(author));
        }
    }

    pub(super) fn acknowledge(cx: &mut Cx<'_>, tip: &Tip) {
        let signature = cx.notary.sign(&tip.acknowledgement());
        cx.send(
            tip.lane,
            Message::Acknowledge {
                position: tip.position,
                digest: tip.digest,
                signature,
            },
        );
    }

    /// A lane's new tip, from its author or from anyone who passes it on.
    pub(crate) fn on_certificate(&mut self, cx: &mut Cx<'_>, certificate: TipCertificate) {
        let tip = certificate.tip;
        let lane = &self.lanes[usize::from(tip.lane)];
        if tip.position <= lane.certified_position().max(lane.committed) {
            return;
        }
        if !self.is_near(cx.config, &tip) {
            cx.count("certificate_too_far_ahead");
            return;
        }
        match cx.notary.tip(certificate) {
            Some(certificate) => self.take_certificate(cx, certificate),
            None => cx.count("certificate_bad"),
        }
    }

    /// The lane's tip if it is the newest, and a batch to ask for if it does not come.
    pub(crate) fn take_certificate(
        &mut self,
        cx: &mut Cx<'_>,
        certificate: Proven<TipCertificate>,
    ) {
        let tip = certificate.tip;
        let lane = &self.lanes[usize::from(tip.lane)];
        if tip.position <= lane.certified_position().max(lane.committed) {
            return;
        }
        self.adopt_certificate(cx.now, certificate);
        // The batch itself is usually on its way from its author.
        let due = Millis(cx.now.0 + cx.config.status_interval_ms);
        self.want_certified(cx, due, &tip);
    }

    /// Takes a certificate as the lane's tip if it is the newest.
    pub(super) fn adopt_certificate(&mut self, now: Millis, certificate: Proven<TipCertificate>) {
        let lane = &mut self.lanes[usize::from(certificate.tip.lane)];
        if certificate.tip.position > lane.certified_position() {
            lane.certified = Some(certificate);
            lane.note_unordered(now);
        }
    }
}
