//! The own lane: from admitted transactions to a certified batch.
//!
//! Transactions wait in a mempool bounded in bytes. A batch is sealed when it is full or its first transaction has
//! waited long enough, written, and only then sent. Acknowledgements of f+1 by weight, the own one included,
//! make its certificate. At most `lane_window` batches are on their way at once, so a lane never runs ahead of
//! what others hold.

use std::collections::BTreeMap;

use bds_contracts::block::{BatchDigest, MerkleRoot, Signature, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{Batch, BatchHeader, LaneTip, Payload, Position, TipCertificate};
use crate::config::Config;
use crate::context::Cx;
use crate::gate::notary::Notary;
use crate::message::Message;
use crate::turn::{Effect, Record, Submission};

use super::Lanes;
use super::flow::Flow;
use super::mempool::Mempool;

/// A sealed batch that is not certified yet.
struct Uncertified {
    digest: BatchDigest,
    acknowledged: BTreeMap<ValidatorIndex, Signature>,
}

impl Uncertified {
    /// This validator's acknowledgement has arrived.
    fn acknowledged_by(&self, who: ValidatorIndex) -> bool {
        self.acknowledged.contains_key(&who)
    }
}

/// What only its author knows of a lane.
#[derive(Default)]
pub(super) struct OwnLane {
    pub(super) mempool: Mempool,
    pub(super) flow: Flow,
    /// Position handed out for sealing, answer outstanding.
    sealing: Option<Position>,
    /// Batches whose transactions go back to the mempool, in this order, once they are in memory and nothing is being sealed. Nothing is
    /// sealed until then, so that a sender's transactions keep their order.
    returning: Vec<BatchDigest>,
    uncertified: BTreeMap<Position, Uncertified>,
    /// What others say they acknowledged that is not part of the chain: this validator sealed it before it lost its home, and
    /// asks for it. One a validator and place.
    lost: BTreeMap<(Position, ValidatorIndex), BatchDigest>,
}

impl Lanes {
    /// Admitted transactions; what does not fit is dropped and counted (the shell asks for room before).
    pub(crate) fn on_submit(&mut self, cx: &mut Cx<'_>, submissions: Vec<Submission>) {
        let lengths = submissions
            .iter()
            .map(|submission| Payload::packed_bytes(&submission.transaction) as u64);
        self.own.flow.submit(cx.now, lengths.sum());
        let replaced = self.own.mempool.submit(cx, submissions);
        if !replaced.is_empty() {
            cx.effect(Effect::Replaced(replaced));
        }
    }

    /// True when a batch may be sealed at all: nothing being sealed and room in the windows. While others hold more of the own
    /// lane than this validator, it has lost its home, and a batch sealed now would be a second one for its place; before a
    /// quorum has said what it holds, that is not known.
    fn may_seal(&self, config: &Config, held_elsewhere: Option<Position>) -> bool {
        let lane = &self.lanes[usize::from(config.me)];
        let sealed = lane.chain.position;
        self.own.sealing.is_none()
            && self.own.returning.is_empty()
            && !self.own.mempool.is_empty()
            && held_elsewhere.is_some_and(|held| held <= sealed)
            && self.own.uncertified.len() < usize::try_from(config.lane_window).unwrap_or(8)
            && sealed.saturating_sub(lane.ordered.position) < config.lane_ahead_max / 2
    }

    /// A slot orders the own lane up to `tip`, and with it these batches: they need no certificate any more. A validator that lost
    /// its home may have sealed others for their places. Those are not part of the lane any more, nor what builds on them.
    pub(super) fn follow_own_lane(
        &mut self,
        cx: &mut Cx<'_>,
        tip: LaneTip,
        ordered: &[BatchDigest],
    ) {
        self.own.uncertified = self.own.uncertified.split_off(&(tip.position + 1));
        self.own.lost = self.own.lost.split_off(&(tip.position + 1, 0));
        let chain = &self.lanes[usize::from(cx.config.me)].acknowledged;
        if chain.get(&tip.position) == Some(&tip.digest) {
            return;
        }
        cx.count("own_lane_regained");
        let passed = chain.values().filter(|digest| !ordered.contains(digest));
        let passed = passed.copied().collect();
        self.give_up(cx, passed);
    }

    /// These batches, rising, are not part of the own chain any more: what is in them waits again.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>, batches: Vec<BatchDigest>) {
        if batches.is_empty() {
            return;
        }
        self.own
            .uncertified
            .retain(|_, pending| !batches.contains(&pending.digest));
        // What is returning already was sealed behind them.
        self.own.returning.splice(..0, batches);
        self.take_back(cx);
    }

    /// A batch that was to come back is not on disk any more.
    pub(super) fn forget_returning(&mut self, digest: &BatchDigest) {
        self.own.returning.retain(|returning| returning != digest);
    }

    /// Puts the transactions of the own batches that return in front of those that wait, in their old order, once the store has
    /// answered and what is being sealed is.
    pub(crate) fn take_back(&mut self, cx: &mut Cx<'_>) {
        if self.own.returning.is_empty() || self.own.sealing.is_some() || self.batches.is_loading()
        {
            return;
        }
        let missing = self.batches.hold(&self.own.returning);
        if !missing.is_empty() {
            cx.effect(Effect::LoadBatches(missing));
            return;
        }
        let returning = std::mem::take(&mut self.own.returning);
        for digest in returning.iter().rev() {
            let batch = self.batches.payload(digest).cloned();
            let payload = batch.map(|batch| batch.payload);
            if !payload.is_some_and(|payload| self.own.mempool.put_back(cx.now, &payload)) {
                cx.count("own_batch_lost");
            }
        }
        self.batches.forget_loaded(&returning);
    }

    /// When the next batch is due; `None` while none can be. `held_elsewhere` is the highest position of the own lane that f+1
    /// others say they hold, once a quorum has said so.
    pub(crate) fn seal_due(
        &self,
        config: &Config,
        held_elsewhere: Option<Position>,
    ) -> Option<Millis> {
        if !self.may_seal(config, held_elsewhere) {
            return None;
        }
        // While a batch is still on its way, the next one gathers: the busier the network, the larger and cheaper
        // the batches.
        let patience = if self.own.uncertified.is_empty() {
            self.own.flow.patience(config)
        } else {
            config.batch_delay_busy_ms
        };
        Some(self.own.mempool.due(config, patience))
    }

    /// Takes the next batch out of the mempool if one is due.
    pub(crate) fn seal(&mut self, cx: &mut Cx<'_>, held_elsewhere: Option<Position>) {
        let due = self.seal_due(cx.config, held_elsewhere);
        if due.is_none_or(|due| due > cx.now) {
            return;
        }
        let payload = self.own.mempool.take(cx);
        let position = self.lanes[usize::from(cx.me())].chain.position + 1;
        self.own.sealing = Some(position);
        let bytes = payload.as_bytes().len() as u64;
        self.own.flow.leave(position, bytes);
        cx.effect(Effect::Seal { position, payload });
    }

    /// The root is there: sign, write, send.
    pub(crate) fn on_sealed(
        &mut self,
        cx: &mut Cx<'_>,
        position: Position,
        payload: Payload,
        root: MerkleRoot,
        count: u32,
    ) {
        if self.own.sealing != Some(position) {
            cx.count("sealed_unasked");
            return;
        }
        let left_as = position;
        self.own.sealing = None;
        if !self.own.returning.is_empty() {
            // What was sealed before it comes back: it waits behind that.
            self.own.mempool.put_back(cx.now, &payload);
            self.own.flow.move_to(left_as, None);
            self.take_back(cx);
            return;
        }
        // Slots may have moved the lane on meanwhile: the batch takes the place that is next now.
        let tip = self.lanes[usize::from(cx.me())].chain;
        let position = tip.position + 1;
        if position != left_as {
            self.own.flow.move_to(left_as, Some(position));
        }
        let header = BatchHeader {
            chain: cx.config.chain,
            lane: cx.config.me,
            position,
            parent: tip.digest,
            transactions_root: root,
            count,
            bytes: u32::try_from(payload.as_bytes().len()).expect("batch_bytes_max fits"),
        };
        let digest = header.digest();
        let batch = Batch {
            signature: cx.notary.sign(&Statement::Batch(digest)),
            header,
            payload,
        };
        self.hold(cx, digest, batch);
        self.follow(cx, cx.config.me, position);
    }

    /// The own lane is executed up to this place.
    pub(crate) fn execute_up_to(&mut self, now: Millis, position: Position) {
        self.own.flow.execute_up_to(now, position);
    }

    /// What of the own lane is not certified collects acknowledgements again after a restart, and what was sealed and is not part of
    /// it waits again.
    pub(super) fn restore_own(&mut self, config: &Config, notary: &Notary) {
        let lane = &self.lanes[usize::from(config.me)];
        let above = lane.acknowledged.range(lane.certified_position() + 1..);
        let above: Vec<_> = above
            .map(|(&position, &digest)| LaneTip { position, digest })
            .collect();
        for tip in above {
            self.track_uncertified(config, notary, tip);
        }
        let lane = &self.lanes[usize::from(config.me)];
        let own = self.batches.of_lane(config.me);
        let left = own.filter(|(place, digest)| lane.acknowledged.get(place) != Some(digest));
        self.own.returning = left.map(|(_, digest)| digest).collect();
    }

    /// A batch is part of the own chain now: the others are to acknowledge it.
    pub(super) fn offer(&mut self, cx: &mut Cx<'_>, tip: LaneTip) {
        let certified = self.lanes[usize::from(cx.config.me)].certified_position();
        if tip.position <= certified {
            return;
        }
        self.track_uncertified(cx.config, cx.notary, tip);
        if let Some(batch) = self.batches.payload(&tip.digest) {
            cx.broadcast(Message::Batch(batch.clone()));
        }
        self.certify_batch(cx, tip.position);
    }

    /// Starts collecting acknowledgements with the own one.
    fn track_uncertified(&mut self, config: &Config, notary: &Notary, tip: LaneTip) {
        let own = notary.sign(&tip.of(config.me).acknowledgement());
        self.own.uncertified.insert(
            tip.position,
            Uncertified {
                digest: tip.digest,
                acknowledged: BTreeMap::from([(config.me, own)]),
            },
        );
    }

    /// A peer holds one of the own batches.
    pub(crate) fn on_acknowledge(
        &mut self,
        cx: &mut Cx<'_>,
        from: ValidatorIndex,
        tip: LaneTip,
        signature: Signature,
    ) {
        match self.own.uncertified.get_mut(&tip.position) {
            Some(pending) if pending.digest == tip.digest => {
                pending.acknowledged.insert(from, signature);
                self.certify_batch(cx, tip.position);
            }
            _ => self.hear_of_lost(cx, from, tip),
        }
    }

    /// A peer says that it acknowledged a batch of the own lane that is not part of the chain here: it is of an earlier life of
    /// this validator, and asked for. What a peer says is not taken for true: a batch counts when it is here.
    fn hear_of_lost(&mut self, cx: &mut Cx<'_>, from: ValidatorIndex, tip: LaneTip) {
        let LaneTip { position, digest } = tip;
        let lane = &self.lanes[usize::from(cx.config.me)];
        // What is certified is ordered, whatever else there is.
        let low = lane.certified_position().max(lane.committed);
        let last = lane.chain.position.saturating_add(cx.config.lane_window);
        if position <= low || position > last || lane.acknowledged.get(&position) == Some(&digest) {
            return;
        }
        cx.count("acknowledge_other_digest");
        if self.batches.known(&digest).is_some() {
            return;
        }
        // A peer is asked for one batch a place at a time, so that it cannot have ever more of them asked for.
        let before = self.own.lost.get(&(position, from));
        if before.is_some_and(|before| *before != digest && self.batches.is_wanted(before)) {
            return;
        }
        self.own.lost.insert((position, from), digest);
        self.want_batch(cx, cx.now, &tip.of(cx.config.me), vec![from]);
    }

    /// Makes the certificate once f+1 by weight have acknowledged.
    fn certify_batch(&mut self, cx: &mut Cx<'_>, position: Position) {
        let Some(pending) = self.own.uncertified.get_mut(&position) else {
            return;
        };
        let digest = pending.digest;
        let tip = LaneTip { position, digest }.of(cx.me());
        let mut wrong = 0;
        let certificate = cx
            .notary
            .certify_tip(tip, &mut pending.acknowledged, &mut wrong);
        cx.count_many("acknowledge_bad_signature", wrong);
        let Some(certificate) = certificate else {
            return;
        };
        // Whoever acknowledged this one holds all before it, so it certifies them too.
        self.own.uncertified = self.own.uncertified.split_off(&(position + 1));
        let shown = TipCertificate::clone(&certificate);
        cx.write(Record::LaneCertificate(shown.clone()));
        cx.broadcast(Message::Certificate(shown));
        self.adopt_certificate(cx.now, certificate);
    }

    /// Own batches above what the peer holds; those that are ordered it fetches by itself. Of what it holds and has not
    /// acknowledged, as far as is known here, the first and the last are repeated. The acknowledgements may have been lost, and one
    /// for the last stands for all. Or the peer holds others, of an earlier life of this validator, and takes nothing that builds
    /// on these: it answers the first with what it acknowledged there.
    pub(crate) fn repeat_batches(&self, cx: &mut Cx<'_>, to: ValidatorIndex, holds: Position) {
        let mut unheard = self
            .own
            .uncertified
            .range(..=holds)
            .filter(|(_, batch)| !batch.acknowledged_by(to))
            .map(|(_, batch)| batch.digest);
        let (first, last) = (unheard.next(), unheard.next_back());
        let lane = &self.lanes[usize::from(cx.me())];
        let low = holds.max(lane.ordered.position);
        let above = lane
            .acknowledged
            .range(low + 1..)
            .map(|(_, digest)| *digest);
        let window = usize::try_from(cx.config.lane_window).unwrap_or(8);
        let digests: Vec<_> = first
            .into_iter()
            .chain(last)
            .chain(above)
            .take(window)
            .collect();
        if !digests.is_empty() {
            let count = u64::try_from(digests.len()).unwrap_or(0);
            cx.count_many("batches_repeated", count);
            self.serve_batches(cx, to, digests);
        }
    }
}
