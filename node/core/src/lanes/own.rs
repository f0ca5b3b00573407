//! The own lane: from admitted transactions to a certified batch.
//!
//! Transactions wait in a mempool bounded in bytes. A batch is sealed when it is full or its first transaction has
//! waited long enough, written, and only then sent. Acknowledgements of f+1 by weight, the own one included,
//! make its certificate. At most `lane_window` batches are on their way at once, so a lane never runs ahead of
//! what others hold.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bds_contracts::block::{BatchDigest, MerkleRoot, Signature, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{Batch, BatchHeader, LaneTip, Payload, Position, TipCertificate};
use crate::config::Config;
use crate::context::Cx;
use crate::gate::notary::Notary;
use crate::message::Message;
use crate::turn::{Effect, Record};

use super::Lanes;
use super::held::Known;

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
    mempool: VecDeque<Arc<[u8]>>,
    mempool_bytes: usize,
    /// Packed bytes ever submitted.
    submitted_bytes: u64,
    /// When the oldest transaction of the mempool came.
    waiting_since: Millis,
    /// Position handed out for sealing, answer outstanding.
    sealing: Option<Position>,
    /// Last sealed batch.
    tip: LaneTip,
    /// Every sealed batch that is not ordered: the chain that ends at `tip`.
    sealed: BTreeMap<Position, BatchDigest>,
    /// Batches, rising, whose transactions go back to the mempool once they are in memory. Nothing is sealed until then, so that a
    /// sender's transactions keep their order.
    returning: Vec<BatchDigest>,
    uncertified: BTreeMap<Position, Uncertified>,
    /// What others acknowledged that is not held here: this validator sealed it before it lost its home. Above what is certified,
    /// at most `lane_window` places, one acknowledgement a validator and place.
    lost: BTreeMap<Position, BTreeMap<ValidatorIndex, (BatchDigest, Signature)>>,
}

impl OwnLane {
    /// Others hold different batches for this place.
    fn is_forked(&self, position: Position) -> bool {
        let mut digests = self
            .lost
            .get(&position)
            .into_iter()
            .flat_map(BTreeMap::values);
        let first = digests.next().map(|(digest, _)| digest);
        digests.any(|(digest, _)| Some(digest) != first)
    }

    /// Bytes and number of transactions waiting for a batch.
    pub(super) fn mempool(&self) -> (usize, usize) {
        (self.mempool_bytes, self.mempool.len())
    }

    pub(super) fn submitted_bytes(&self) -> u64 {
        self.submitted_bytes
    }
}

impl Lanes {
    /// Admitted transactions; what does not fit is dropped and counted (the shell asks for room before).
    pub(crate) fn on_submit(&mut self, cx: &mut Cx<'_>, transactions: Vec<Arc<[u8]>>) {
        for tx in transactions {
            let bytes = Payload::packed_bytes(&tx);
            self.own.submitted_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
            if bytes > cx.config.batch_bytes_max
                || self.own.mempool_bytes + bytes > cx.config.mempool_bytes_max
            {
                cx.count("submit_refused_full");
                continue;
            }
            if self.own.mempool.is_empty() {
                self.own.waiting_since = cx.now;
            }
            self.own.mempool_bytes += bytes;
            self.own.mempool.push_back(tx);
        }
    }

    /// True when a batch may be sealed at all: nothing being sealed and room in the windows. While others hold more of the own
    /// lane than this validator, it has lost its home, and a batch sealed now would be a second one for its place; before a
    /// quorum has said what it holds, that is not known. Where they hold different ones, one more does no harm.
    fn may_seal(&self, config: &Config, held_elsewhere: Option<Position>) -> bool {
        let lane = &self.lanes[usize::from(config.me)];
        let sealed = self.own.tip.position;
        self.own.sealing.is_none()
            && self.own.returning.is_empty()
            && !self.own.mempool.is_empty()
            && held_elsewhere.is_some_and(|held| held <= sealed || self.own.is_forked(sealed + 1))
            && self.own.uncertified.len() < usize::try_from(config.lane_window).unwrap_or(8)
            && sealed.saturating_sub(lane.ordered.position) < config.lane_ahead_max / 2
    }

    /// A slot orders the own lane up to `tip`, and with it these batches: they need no certificate any more. A validator that lost
    /// its home may have sealed others for their places. Those can never be ordered, nor what builds on them: the lane goes on
    /// behind `tip`, and their transactions wait again.
    pub(super) fn follow_own_lane(
        &mut self,
        cx: &mut Cx<'_>,
        tip: LaneTip,
        ordered: &[BatchDigest],
    ) {
        let above = self.own.sealed.split_off(&(tip.position + 1));
        let mut passed = std::mem::replace(&mut self.own.sealed, above);
        self.own.uncertified = self.own.uncertified.split_off(&(tip.position + 1));
        if passed.get(&tip.position) == Some(&tip.digest) {
            return;
        }
        cx.count("own_lane_regained");
        passed.append(&mut self.own.sealed);
        passed.retain(|_, digest| !ordered.contains(digest));
        self.own.uncertified.clear();
        self.end_own_lane_at(cx.config, tip);
        self.own.returning = passed.into_values().collect();
        let missing = self.batches.hold(&self.own.returning);
        if missing.is_empty() {
            self.take_back(cx);
        } else {
            cx.effect(Effect::LoadBatches(missing));
        }
    }

    /// Puts the transactions of the own batches that return in front of those that wait, in their old order.
    pub(super) fn take_back(&mut self, cx: &mut Cx<'_>) {
        let returning = std::mem::take(&mut self.own.returning);
        for digest in returning.iter().rev() {
            let batch = self.batches.payload(digest);
            let transactions = batch.and_then(|batch| batch.payload.transactions());
            let Some(transactions) = transactions else {
                cx.count("own_batch_lost");
                continue;
            };
            if self.own.mempool.is_empty() {
                self.own.waiting_since = cx.now;
            }
            for tx in transactions.into_iter().rev() {
                self.own.mempool_bytes += Payload::packed_bytes(tx);
                self.own.mempool.push_front(Arc::from(tx));
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
        let full = self.own.mempool_bytes >= config.batch_bytes_max
            || self.own.mempool.len() >= config.batch_transactions_max;
        // While a batch is still on its way, the next one gathers: the busier the network, the larger and cheaper
        // the batches. Idle, a batch leaves after the plain delay.
        let patience = if self.own.uncertified.is_empty() {
            config.batch_delay_ms
        } else {
            config.batch_delay_busy_ms
        };
        Some(if full {
            Millis(0)
        } else {
            Millis(self.own.waiting_since.0 + patience)
        })
    }

    /// Takes the next batch out of the mempool if one is due.
    pub(crate) fn seal(&mut self, cx: &mut Cx<'_>, held_elsewhere: Option<Position>) {
        let due = self.seal_due(cx.config, held_elsewhere);
        if due.is_none_or(|due| due > cx.now) {
            return;
        }
        let (mut bytes, mut count) = (0, 0);
        for tx in self
            .own
            .mempool
            .iter()
            .take(cx.config.batch_transactions_max)
        {
            let more = Payload::packed_bytes(tx);
            if bytes + more > cx.config.batch_bytes_max {
                break;
            }
            bytes += more;
            count += 1;
        }
        let taken: Vec<_> = self.own.mempool.drain(..count).collect();
        self.own.mempool_bytes -= bytes;
        self.own.waiting_since = cx.now;
        let position = self.own.tip.position + 1;
        self.own.sealing = Some(position);
        let payload = Payload::pack(taken.iter().map(AsRef::as_ref));
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
        self.own.sealing = None;
        // Slots may have moved the lane on meanwhile: the batch takes the place that is next now.
        let position = self.own.tip.position + 1;
        let header = BatchHeader {
            chain: cx.config.chain,
            lane: cx.config.me,
            position,
            parent: self.own.tip.digest,
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
        cx.write(Record::Batch(batch.clone()));
        cx.write(Record::Acknowledged {
            lane: cx.config.me,
            position,
            digest,
        });
        self.batches.learn(digest, Known::of(&batch));
        self.batches.keep(digest, batch.clone());
        self.end_own_lane_at(cx.config, LaneTip { position, digest });
        self.own.sealed.insert(position, digest);
        let lane = &mut self.lanes[usize::from(cx.config.me)];
        lane.acknowledged.insert(position, digest);
        self.track_uncertified(cx.config, cx.notary, self.own.tip);
        cx.broadcast(Message::Batch(batch));
        self.certify_batch(cx, position);
    }

    /// The own lane goes on after its last batch on disk; what is not certified collects acknowledgements again.
    pub(super) fn restore_own(&mut self, config: &Config, notary: &Notary) {
        let lane = &self.lanes[usize::from(config.me)];
        let mut tip = lane.ordered;
        let certified = lane.certified_position().max(tip.position);
        while let Some(digest) = self.batches.after(config.me, &tip) {
            tip = LaneTip {
                position: tip.position + 1,
                digest,
            };
            self.own.sealed.insert(tip.position, digest);
            if tip.position > certified {
                self.track_uncertified(config, notary, tip);
            }
        }
        self.end_own_lane_at(config, tip);
    }

    /// The next batch of the own lane follows this one, and others are told that the lane ends here.
    fn end_own_lane_at(&mut self, config: &Config, tip: LaneTip) {
        self.own.tip = tip;
        let lane = &mut self.lanes[usize::from(config.me)];
        lane.chain = tip;
        lane.received = tip;
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
            _ => self.certify_lost(cx, from, tip, signature),
        }
    }

    /// A peer holds a batch of the own lane that this validator does not go on from. Once f+1 by weight say so, their
    /// acknowledgements are its certificate, and the lane goes on from it. Where they hold different ones, so many may never
    /// come together: then it is fetched with what is missing below it, and counts as held here, too. What a peer says of a
    /// place is not taken for true: this validator signs only for a batch of that very place whose chain it holds.
    fn certify_lost(
        &mut self,
        cx: &mut Cx<'_>,
        from: ValidatorIndex,
        tip: LaneTip,
        signature: Signature,
    ) {
        let lane = &self.lanes[usize::from(cx.config.me)];
        let low = lane.certified_position().max(lane.ordered.position);
        self.own.lost = self.own.lost.split_off(&(low + 1));
        if tip.position <= low || tip.position > low.saturating_add(cx.config.lane_window) {
            return;
        }
        cx.count("acknowledge_other_digest");
        let of_lane = tip.of(cx.config.me);
        let missing = self.chain_down(&of_lane).err();
        let lost = self.own.lost.entry(tip.position).or_default();
        lost.insert(from, (tip.digest, signature));
        let same = lost.iter().filter(|(_, (digest, _))| *digest == tip.digest);
        let mut acknowledged: BTreeMap<_, _> = same
            .map(|(who, (_, signature))| (*who, *signature))
            .collect();
        if missing.is_none() {
            let own = cx.notary.sign(&of_lane.acknowledgement());
            acknowledged.insert(cx.config.me, own);
        }
        let mut wrong = 0;
        let certificate = cx
            .notary
            .certify_tip(of_lane, &mut acknowledged, &mut wrong);
        lost.retain(|who, (digest, _)| *digest != tip.digest || acknowledged.contains_key(who));
        cx.count_many("acknowledge_bad_signature", wrong);
        let Some(certificate) = certificate else {
            if let Some(missing) = missing
                && self.own.is_forked(tip.position)
            {
                self.want_batch(cx, cx.now, &missing, vec![from]);
            }
            return;
        };
        if missing.is_none() {
            cx.write(Record::Acknowledged {
                lane: cx.config.me,
                position: tip.position,
                digest: tip.digest,
            });
        }
        let shown = TipCertificate::clone(&certificate);
        cx.write(Record::LaneCertificate(shown.clone()));
        cx.broadcast(Message::Certificate(shown));
        self.take_certificate(cx, certificate);
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
        let low = holds.max(self.lanes[usize::from(cx.me())].ordered.position);
        let above = self.own.sealed.range(low + 1..).map(|(_, digest)| *digest);
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
