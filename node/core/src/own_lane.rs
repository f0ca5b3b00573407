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

use crate::batch::{Batch, BatchHeader, Payload, Position, Tip, TipCertificate};
use crate::batches::Held;
use crate::core::Core;
use crate::gate::notary::Proven;
use crate::lanes::LaneTip;
use crate::message::Message;
use crate::turn::{Effect, Record, Turn};

/// A sealed batch that is not certified yet.
pub(crate) struct Uncertified {
    pub(crate) digest: BatchDigest,
    acknowledged: BTreeMap<ValidatorIndex, Signature>,
}

impl Uncertified {
    /// This validator's acknowledgement has arrived.
    pub(crate) fn acknowledged_by(&self, who: ValidatorIndex) -> bool {
        self.acknowledged.contains_key(&who)
    }
}

#[derive(Default)]
pub(crate) struct OwnLane {
    mempool: VecDeque<Arc<[u8]>>,
    pub(crate) mempool_bytes: usize,
    /// When the oldest transaction of the mempool came.
    waiting_since: Millis,
    /// Position handed out for sealing, answer outstanding.
    sealing: Option<Position>,
    /// Last sealed batch.
    pub(crate) tip: LaneTip,
    pub(crate) uncertified: BTreeMap<Position, Uncertified>,
    /// Newest own certificate, repeated until it is ordered.
    pub(crate) certificate: Option<Proven<TipCertificate>>,
}

impl OwnLane {
    /// Every transaction takes its four length bytes with it.
    fn packed_bytes(tx: &[u8]) -> usize {
        tx.len() + 4
    }

    pub(crate) fn mempool_count(&self) -> usize {
        self.mempool.len()
    }
}

impl Core {
    /// Admitted transactions; what does not fit is dropped and counted (the shell asks for room before).
    pub(crate) fn on_submit(&mut self, now: Millis, transactions: Vec<Arc<[u8]>>) {
        for tx in transactions {
            let bytes = OwnLane::packed_bytes(&tx);
            if bytes > self.config.batch_bytes_max
                || self.own.mempool_bytes + bytes > self.config.mempool_bytes_max
            {
                self.count("submit_refused_full");
                continue;
            }
            if self.own.mempool.is_empty() {
                self.own.waiting_since = now;
            }
            self.own.mempool_bytes += bytes;
            self.own.mempool.push_back(tx);
        }
    }

    /// True when a batch may be sealed at all: nothing being sealed and room in the windows.
    fn may_seal(&self) -> bool {
        let lane = &self.lanes[usize::from(self.config.me)];
        let sealed = self.own.tip.position;
        self.own.sealing.is_none()
            && !self.own.mempool.is_empty()
            && self.knows_own_lane()
            && self.own.uncertified.len() < usize::try_from(self.config.lane_window).unwrap_or(8)
            && sealed.saturating_sub(lane.ordered.position) < self.config.lane_ahead_max / 2
    }

    /// False while f+1 others, so at least one correct, hold more of the own lane than this validator: it has lost its home,
    /// and a batch sealed now would be a second one for its place.
    fn knows_own_lane(&self) -> bool {
        let me = usize::from(self.config.me);
        let holds_more = |peer: &ValidatorIndex| {
            let status = self.sync.statuses[usize::from(*peer)].as_ref();
            status.is_some_and(|status| status.lanes[me] > self.own.tip.position)
        };
        let holders = self.peers().filter(holds_more);
        let weight: u64 = holders.map(|peer| self.notary.weight(peer)).sum();
        weight < self.notary.one_correct
    }

    /// Slots have ordered the own lane beyond the last batch that this validator knows of: it goes on from there. What it had
    /// sealed for such a place meanwhile can never be ordered and waits again.
    pub(crate) fn follow_own_lane(&mut self, now: Millis) {
        let me = usize::from(self.config.me);
        let ordered = self.lanes[me].ordered;
        if ordered.position > self.own.tip.position {
            self.own.tip = ordered;
            self.own.uncertified.clear();
            self.own.waiting_since = now;
            self.count("own_lane_regained");
        }
    }

    /// When the next batch is due; `None` while none can be.
    pub(crate) fn seal_due(&self) -> Option<Millis> {
        if !self.may_seal() {
            return None;
        }
        let full = self.own.mempool_bytes >= self.config.batch_bytes_max
            || self.own.mempool.len() >= self.config.batch_transactions_max;
        // While a batch is still on its way, the next one gathers: the busier the network, the larger and cheaper
        // the batches. Idle, a batch leaves after the plain delay.
        let patience = if self.own.uncertified.is_empty() {
            self.config.batch_delay_ms
        } else {
            self.config.batch_delay_busy_ms
        };
        Some(if full {
            Millis(0)
        } else {
            Millis(self.own.waiting_since.0 + patience)
        })
    }

    /// Takes the next batch out of the mempool if one is due.
    pub(crate) fn seal(&mut self, now: Millis, turn: &mut Turn) {
        if self.seal_due().is_none_or(|due| due > now) {
            return;
        }
        let (mut bytes, mut count) = (0, 0);
        for tx in self
            .own
            .mempool
            .iter()
            .take(self.config.batch_transactions_max)
        {
            let more = OwnLane::packed_bytes(tx);
            if bytes + more > self.config.batch_bytes_max {
                break;
            }
            bytes += more;
            count += 1;
        }
        let taken: Vec<_> = self.own.mempool.drain(..count).collect();
        self.own.mempool_bytes -= bytes;
        self.own.waiting_since = now;
        let position = self.own.tip.position + 1;
        self.own.sealing = Some(position);
        let payload = Payload::pack(taken.iter().map(AsRef::as_ref));
        turn.effect(Effect::Seal { position, payload });
    }

    /// The root is there: sign, write, send.
    pub(crate) fn on_sealed(
        &mut self,
        now: Millis,
        position: Position,
        payload: Payload,
        root: MerkleRoot,
        count: u32,
        turn: &mut Turn,
    ) {
        if self.own.sealing != Some(position) {
            self.count("sealed_unasked");
            return;
        }
        self.own.sealing = None;
        let header = BatchHeader {
            chain: self.config.chain,
            lane: self.config.me,
            position,
            parent: self.own.tip.digest,
            transactions_root: root,
            count,
            bytes: u32::try_from(payload.as_bytes().len()).expect("batch_bytes_max fits"),
        };
        let digest = header.digest();
        let batch = Batch {
            signature: self.notary.sign(&Statement::Batch(digest)),
            header,
            payload,
        };
        turn.write(Record::Batch(batch.clone()));
        turn.write(Record::Acknowledged {
            lane: self.config.me,
            position,
            digest,
        });
        self.batches.learn(digest, Held::of(&batch));
        self.batches.keep(digest, batch.clone());
        self.own.tip = LaneTip { position, digest };
        let lane = &mut self.lanes[usize::from(self.config.me)];
        lane.chain = self.own.tip;
        lane.received = self.own.tip;
        lane.acknowledged.insert(position, digest);
        self.track_uncertified(position, digest);
        turn.effect(Effect::Broadcast(Message::Batch(batch)));
        self.certify_batch(now, position, turn);
    }

    /// Starts collecting acknowledgements with the own one; also after a restart.
    pub(crate) fn track_uncertified(&mut self, position: Position, digest: BatchDigest) {
        let tip = self.own_tip(position, digest);
        let own = self.notary.sign(&tip.acknowledgement());
        self.own.uncertified.insert(
            position,
            Uncertified {
                digest,
                acknowledged: BTreeMap::from([(self.config.me, own)]),
            },
        );
    }

    /// A peer holds one of the own batches.
    pub(crate) fn on_acknowledge(
        &mut self,
        now: Millis,
        from: ValidatorIndex,
        position: Position,
        digest: BatchDigest,
        signature: Signature,
        turn: &mut Turn,
    ) {
        let Some(pending) = self.own.uncertified.get_mut(&position) else {
            return;
        };
        if pending.digest != digest {
            self.count("acknowledge_other_digest");
            return;
        }
        pending.acknowledged.insert(from, signature);
        self.certify_batch(now, position, turn);
    }

    /// Makes the certificate once f+1 by weight have acknowledged; their signatures are checked only now, together.
    fn certify_batch(&mut self, now: Millis, position: Position, turn: &mut Turn) {
        let Some(pending) = self.own.uncertified.get_mut(&position) else {
            return;
        };
        let weight = |who: &mut dyn Iterator<Item = ValidatorIndex>| -> u64 {
            who.map(|index| self.notary.weight(index)).sum()
        };
        if weight(&mut pending.acknowledged.keys().copied()) < self.notary.one_correct {
            return;
        }
        let tip = Tip {
            lane: self.config.me,
            position,
            digest: pending.digest,
        };
        let signatures: Vec<_> = pending.acknowledged.iter().map(|(i, s)| (*i, *s)).collect();
        let verdicts = self.notary.check_each(&tip.acknowledgement(), &signatures);
        let mut wrong = 0;
        for ((who, _), right) in signatures.iter().zip(verdicts) {
            if !right {
                pending.acknowledged.remove(who);
                wrong += 1;
            }
        }
        if weight(&mut pending.acknowledged.keys().copied()) < self.notary.one_correct {
            self.count_many("acknowledge_bad_signature", wrong);
            return;
        }
        let certificate = TipCertificate {
            tip,
            signatures: pending.acknowledged.iter().map(|(i, s)| (*i, *s)).collect(),
        };
        self.count_many("acknowledge_bad_signature", wrong);
        // Whoever acknowledged this one holds all before it, so it certifies them too.
        self.own.uncertified = self.own.uncertified.split_off(&(position + 1));
        turn.write(Record::LaneCertificate(certificate.clone()));
        turn.effect(Effect::Broadcast(Message::Certificate(certificate.clone())));
        let certificate = Proven::from_checked(certificate);
        self.own.certificate = Some(certificate.clone());
        self.adopt_certificate(now, certificate);
    }

    fn own_tip(&self, position: Position, digest: BatchDigest) -> Tip {
        Tip {
            lane: self.config.me,
            position,
            digest,
        }
    }
}
