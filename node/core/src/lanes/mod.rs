//! The lanes: batches of transactions, each validator's in a chain, and proofs that others hold them.
//!
//! | file | question |
//! |---|---|
//! | `own` | how transactions become a certified batch of the own lane |
//! | `mempool` | which transactions wait for one |
//! | `flow` | how fast they come and are executed, and how many more are asked for |
//! | `others` | which batches of other lanes are taken |
//! | `chain` | which of the known batches are a lane's chain, and so acknowledged |
//! | `held` | which batches are known, kept in memory, or asked for |
//! | `ordered` | which batches a committed slot orders |
//!
//! The machine gives certified tips to `order` and batches to `results`. What it must know of those two it is told: slots that
//! are committed, and slots that are handed to execution.

mod chain;
mod flow;
mod held;
mod mempool;
mod ordered;
mod others;
mod own;

use std::collections::BTreeMap;

use bds_contracts::block::{BatchDigest, ValidatorIndex};
use bds_contracts::tx::Millis;

pub use crate::batch::LaneTip;
use crate::batch::{Batch, BatchHeader, Position, Tip, TipCertificate};
use crate::config::Config;
use crate::context::Cx;
use crate::gate::notary::{Notary, Proven};
use crate::message::{Message, Proposal};
use crate::recovery::RecoveredLane;
use crate::turn::Record;
use held::Batches;
pub(crate) use held::Known;
use own::OwnLane;

/// The machine.
pub(crate) struct Lanes {
    /// By validator.
    lanes: Vec<Lane>,
    own: OwnLane,
    batches: Batches,
}

/// What is known of one lane.
#[derive(Default)]
struct Lane {
    /// Last batch handed to execution.
    ordered: LaneTip,
    /// Highest position in the tips of committed slots; runs ahead of `ordered`.
    committed: Position,
    /// Newest valid certificate seen.
    certified: Option<Proven<TipCertificate>>,
    /// The certified place that has waited longest to be ordered, and since when it has.
    unordered: Option<(Position, Millis)>,
    /// The batches of the chain above `ordered`, without a gap: known, and acknowledged.
    acknowledged: BTreeMap<Position, BatchDigest>,
    /// Last of them; `ordered` when there is none.
    chain: LaneTip,
    /// Last batch that continues the chain and is known or being checked.
    received: LaneTip,
    /// Being checked: it would begin the chain in the place of a larger one.
    contender: Option<BatchDigest>,
    /// Batches that came before their parent, or while `lane_window` others of the lane were being checked; bounded by
    /// `lane_window`.
    waiting: BTreeMap<Position, Batch>,
    /// Given to the engine unasked, answer outstanding; bounded by `lane_window`.
    checking: BTreeMap<Position, BatchDigest>,
    /// Checked before their parents were: they are written when the chain gets there, and never if it does not. With
    /// `checking` bounded by `lane_window`.
    checked: BTreeMap<Position, (BatchDigest, Batch)>,
    /// Batches of this author that failed their check.
    bad: u32,
}

impl Lane {
    fn certified_position(&self) -> Position {
        self.certified.as_ref().map_or(0, |c| c.tip.position)
    }

    /// A slot that orders this lane up to `position` is final.
    fn commit_up_to(&mut self, position: Position, now: Millis) {
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

    /// Slots have ordered this lane up to `tip`: whatever else was held at or below is history. True when that is part of the
    /// chain; otherwise no chain is left.
    fn order_up_to(&mut self, tip: LaneTip) -> bool {
        let follows = self.acknowledged.get(&tip.position) == Some(&tip.digest);
        let next = tip.position + 1;
        self.ordered = tip;
        self.committed = self.committed.max(tip.position);
        self.contender = None;
        self.waiting = self.waiting.split_off(&next);
        self.checking = self.checking.split_off(&next);
        self.checked = self.checked.split_off(&next);
        if follows {
            self.acknowledged = self.acknowledged.split_off(&next);
        } else {
            self.acknowledged.clear();
            self.chain = tip;
        }
        follows
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
}

impl Lanes {
    /// Goes on from what is on disk; `committed` are the proposals of committed slots that execution has not seen.
    pub(crate) fn restore<'a>(
        config: &Config,
        notary: &Notary,
        now: Millis,
        recovered: Vec<RecoveredLane>,
        committed: impl Iterator<Item = &'a Proposal>,
    ) -> Self {
        let mut lanes = Self {
            lanes: Vec::with_capacity(recovered.len()),
            own: OwnLane::default(),
            batches: Batches::new(config.payload_cache_bytes_max),
        };
        for (old, index) in recovered.into_iter().zip(0..) {
            let ordered = old.ordered;
            let newer = |c: &TipCertificate| c.tip.position > ordered.position;
            let mut lane = Lane {
                ordered,
                certified: old.certificate.filter(newer).map(Proven::from_disk),
                ..Lane::default()
            };
            lane.commit_up_to(ordered.position, now);
            for (digest, known) in old.batches.into_values().flatten() {
                lanes.batches.learn(digest, known);
            }
            lane.acknowledged = lanes.batches.chain_from(index, ordered).collect();
            let last = lane.acknowledged.last_key_value();
            lane.chain = last.map_or(ordered, |(&position, &digest)| LaneTip { position, digest });
            lane.received = lane.chain;
            lanes.lanes.push(lane);
        }
        for tip in committed.flat_map(|proposal| &proposal.tips) {
            lanes.lanes[usize::from(tip.lane)].commit_up_to(tip.position, now);
        }
        lanes.restore_own(config, notary);
        lanes
    }

    /// What of it a restart still needs from the vote log.
    pub(crate) fn live_records(&self) -> impl Iterator<Item = Record> {
        let certificates = self.lanes.iter().filter_map(|lane| lane.certified.clone());
        certificates.map(|certificate| Record::LaneCertificate(certificate.into_inner()))
    }

    /// A slot that orders this is final: what it names is asked for if it does not come, and no longer waits.
    pub(crate) fn commit(&mut self, cx: &mut Cx<'_>, proposal: &Proposal) {
        let due = Millis(cx.now.0 + cx.config.batch_delay_ms);
        for tip in &proposal.tips {
            self.lanes[usize::from(tip.lane)].commit_up_to(tip.position, cx.now);
            self.want_certified(cx, due, tip);
        }
    }

    /// Every tip that is not ordered may be unknown to the primary, and its author may be gone.
    pub(crate) fn repeat_certificates(&self, cx: &mut Cx<'_>, primary: ValidatorIndex) {
        for (lane, index) in self.lanes.iter().zip(0..) {
            let certified = lane.certified.as_ref();
            let Some(tip) = certified.filter(|known| known.tip.position > lane.committed) else {
                continue;
            };
            let message = Message::Certificate(TipCertificate::clone(tip));
            if index == cx.me() {
                cx.broadcast(message);
            } else if primary != cx.me() {
                cx.send(primary, message);
            }
        }
    }
}

/// What others read of it.
impl Lanes {
    /// Of each lane, up to where it is committed, and its newest certificate.
    pub(crate) fn tips(&self) -> impl Iterator<Item = (Position, Option<&TipCertificate>)> {
        let lanes = self.lanes.iter();
        lanes.map(|lane| (lane.committed, lane.certified.as_deref()))
    }

    /// True when this very tip is known to be certified.
    pub(crate) fn is_certified(&self, tip: &Tip) -> bool {
        let known = &self.lanes[usize::from(tip.lane)].certified;
        known.as_ref().is_some_and(|known| known.tip == *tip)
    }

    /// True when a committed slot orders this place.
    pub(crate) fn is_committed(&self, tip: &Tip) -> bool {
        tip.position <= self.lanes[usize::from(tip.lane)].committed
    }

    /// No correct validator acknowledges anything further ahead of what is ordered than twice the window of a lane.
    pub(crate) fn is_near(&self, config: &Config, tip: &Tip) -> bool {
        let ordered = self.lanes[usize::from(tip.lane)].ordered.position;
        tip.position <= ordered + 2 * config.lane_ahead_max
    }

    /// Since when the certified tip that has waited longest to be committed has waited; `None` while none waits.
    pub(crate) fn waiting_since(&self) -> Option<Millis> {
        let waiting = self.lanes.iter().filter_map(|lane| lane.unordered);
        waiting.map(|(_, since)| since).min()
    }

    /// Up to where each lane is ordered.
    pub(crate) fn ordered(&self) -> Vec<LaneTip> {
        self.lanes.iter().map(|lane| lane.ordered).collect()
    }

    /// Position of the last batch of every lane that is held and checked without a gap.
    pub(crate) fn positions(&self) -> Vec<Position> {
        self.lanes.iter().map(|lane| lane.chain.position).collect()
    }

    /// Position of the newest certificate of every lane.
    pub(crate) fn certified_positions(&self) -> Vec<Position> {
        let lanes = self.lanes.iter();
        lanes
            .map(|lane| lane.certified_position().max(lane.ordered.position))
            .collect()
    }

    /// Bytes and number of transactions waiting for a batch.
    pub(crate) fn mempool(&self) -> (usize, usize) {
        self.own.mempool.level()
    }

    /// The least time between two proposals: longer than the plain one while much comes in here.
    pub(crate) fn slot_interval_ms(&self, config: &Config) -> u64 {
        self.own.flow.slot_interval_ms(config)
    }

    /// Packed bytes that may be on their way from submission to execution.
    pub(crate) fn queue_bytes(&self, config: &Config) -> u64 {
        self.own.flow.queue_bytes(config)
    }

    /// Packed bytes that are, without those of transactions that wait once more.
    pub(crate) fn unexecuted_bytes(&self) -> u64 {
        self.own.flow.under_way_bytes() + self.own.mempool.counted_bytes() as u64
    }

    /// Packed bytes ever submitted.
    pub(crate) fn submitted_bytes(&self) -> u64 {
        self.own.flow.submitted_bytes()
    }

    /// Batches held and not ordered yet, batches being checked, batches asked for.
    pub(crate) fn batches_pending(&self) -> (usize, usize, usize) {
        self.batches.pending()
    }

    /// Bytes of payload kept in memory.
    pub(crate) fn payload_cache_bytes(&self) -> usize {
        self.batches.cache_bytes()
    }
}
