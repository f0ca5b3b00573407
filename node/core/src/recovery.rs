//! What a validator knows after a crash: the records on disk, replayed in the order they were written.
//!
//! The store reads the ledger log first and the vote log second, and hands every record to [`Recovered::replay`].
//! With a state snapshot it says so through [`Recovered::executed_base`], best before the first record: what lies at
//! or below is then not kept in memory. [`crate::core::Core::new`] takes the result; slots above the base
//! are handed to execution again by the first step.

use std::collections::BTreeMap;

use bds_contracts::block::{BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, Height};

use crate::batch::{LaneTip, Position, TipCertificate};
use crate::config::Config;
use crate::lanes::Known;
use crate::message::{
    CommittedSlot, NewView, PreparedSlot, Proposal, ProvenViewChange, View, Vote,
};
use crate::turn::Record;

/// The block that the state on disk is at, and up to where its slot and all before had ordered each lane.
///
/// The tips are the highest position of each lane among all batches executed so far, with their digests;
/// [`crate::core::Core::executed_tips`] gives them while running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutedBase {
    /// Header of that block.
    pub header: BlockHeader,
    /// By lane; the default where nothing was ordered.
    pub tips: Vec<LaneTip>,
}

/// Own part in one slot.
#[derive(Debug, Default)]
pub(crate) struct RecoveredSlot {
    pub(crate) accepted: Option<(View, Proposal)>,
    pub(crate) prepare: Option<Vote>,
    pub(crate) commit: Option<Vote>,
    pub(crate) prepared: Option<PreparedSlot>,
}

/// One lane as far as it is on disk.
#[derive(Debug, Default)]
pub(crate) struct RecoveredLane {
    pub(crate) ordered: LaneTip,
    pub(crate) batches: BTreeMap<Position, Vec<(BatchDigest, Known)>>,
    pub(crate) certificate: Option<TipCertificate>,
}

/// What `order` goes on from.
#[derive(Debug)]
pub(crate) struct RecoveredOrder {
    /// Everything at or below is executed.
    pub(crate) base: Height,
    /// Newest certified header.
    pub(crate) stable: Option<CertifiedHeader>,
    /// Above the base.
    pub(crate) committed: BTreeMap<Height, CommittedSlot>,
    /// Above `stable`.
    pub(crate) slots: BTreeMap<Height, RecoveredSlot>,
    pub(crate) view_changing: Option<ProvenViewChange>,
    pub(crate) entered: Option<NewView>,
    /// Votes up to this slot may be missing.
    pub(crate) forgotten: Height,
}

/// What `results` goes on from.
#[derive(Debug)]
pub(crate) struct RecoveredResults {
    /// The block that the state on disk is at; `None` for genesis.
    pub(crate) base: Option<BlockHeader>,
    /// Newest certified height.
    pub(crate) certified: Height,
    /// Certified above the base.
    pub(crate) expected: BTreeMap<Height, BlockDigest>,
}

/// State rebuilt from records.
#[derive(Debug)]
pub struct Recovered {
    base: Option<ExecutedBase>,
    lanes: Vec<RecoveredLane>,
    committed: BTreeMap<Height, CommittedSlot>,
    certified: BTreeMap<Height, BlockDigest>,
    certified_last: Option<CertifiedHeader>,
    slots: BTreeMap<Height, RecoveredSlot>,
    view_changing: Option<ProvenViewChange>,
    entered: Option<NewView>,
    forgotten: Height,
}

impl Recovered {
    /// An empty disk.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            base: None,
            lanes: (0..config.validators())
                .map(|_| RecoveredLane::default())
                .collect(),
            committed: BTreeMap::new(),
            certified: BTreeMap::new(),
            certified_last: None,
            slots: BTreeMap::new(),
            view_changing: None,
            entered: None,
            forgotten: 0,
        }
    }

    /// Votes up to this slot may have been cast that are not among the records: none is cast there again.
    pub fn forgotten(&mut self, slot: Height) {
        self.forgotten = slot;
    }

    /// The newest certified header among the records; 0 when there is none.
    #[must_use]
    pub fn certified(&self) -> Height {
        let last = self.certified_last.as_ref();
        last.map_or(0, |last| last.header.height)
    }

    /// Each machine's own; what committed slots say of lanes is with `order`.
    pub(crate) fn into_parts(self) -> (Vec<RecoveredLane>, RecoveredOrder, RecoveredResults) {
        let stable = self.certified_last;
        let results = RecoveredResults {
            certified: stable.as_ref().map_or(0, |last| last.header.height),
            expected: self.certified,
            base: self.base.map(|base| base.header),
        };
        let order = RecoveredOrder {
            base: results.base.as_ref().map_or(0, |header| header.height),
            stable,
            committed: self.committed,
            slots: self.slots,
            view_changing: self.view_changing,
            entered: self.entered,
            forgotten: self.forgotten,
        };
        (self.lanes, order, results)
    }

    /// The state on disk is at this block; the slots above are to be executed again.
    ///
    /// # Panics
    /// When the number of tips is not that of the validators.
    pub fn executed_base(&mut self, base: ExecutedBase) {
        assert_eq!(base.tips.len(), self.lanes.len(), "one tip a lane");
        let height = base.header.height;
        self.committed = self.committed.split_off(&(height + 1));
        self.certified = self.certified.split_off(&(height + 1));
        for (lane, tip) in self.lanes.iter_mut().zip(&base.tips) {
            lane.ordered = *tip;
            lane.batches = lane.batches.split_off(&(tip.position + 1));
        }
        self.base = Some(base);
    }

    /// Height of the base; 0 without one.
    #[must_use]
    pub fn base_height(&self) -> Height {
        self.base.as_ref().map_or(0, |base| base.header.height)
    }

    /// Committed slots above this height that were replayed, in order.
    pub fn committed_after(&self, height: Height) -> impl Iterator<Item = &CommittedSlot> {
        self.committed.range(height + 1..).map(|(_, slot)| slot)
    }

    /// Applies one record. Records are trusted: the store has checked their frames, and this validator wrote them.
    ///
    /// # Panics
    /// When a record names a lane outside the set: the log is of another ledger.
    pub fn replay(&mut self, record: &Record) {
        match record {
            Record::Batch(batch) => {
                let header = &batch.header;
                let lane = &mut self.lanes[usize::from(header.lane)];
                if header.position > lane.ordered.position {
                    let known = Known::of(batch);
                    let here = lane.batches.entry(header.position).or_default();
                    let digest = header.digest();
                    if here.iter().all(|(other, _)| *other != digest) {
                        here.push((digest, known));
                    }
                }
            }
            Record::Committed(slot) => {
                if slot.proposal.slot > self.base_height() {
                    self.committed.insert(slot.proposal.slot, slot.clone());
                }
            }
            Record::Certified(certified) => self.replay_certified(certified),
            Record::LaneCertificate(certificate) => {
                let known = &mut self.lanes[usize::from(certificate.tip.lane)].certificate;
                if known
                    .as_ref()
                    .is_none_or(|old| old.tip.position < certificate.tip.position)
                {
                    *known = Some(certificate.clone());
                }
            }
            Record::PrePrepared { view, proposal } => {
                if let Some(slot) = self.open_slot(proposal.slot) {
                    slot.accepted = Some((*view, proposal.clone()));
                }
            }
            Record::Prepared(vote) => {
                if let Some(slot) = self.open_slot(vote.slot) {
                    slot.prepare = Some(*vote);
                }
            }
            Record::Committing(vote) => {
                if let Some(slot) = self.open_slot(vote.slot) {
                    slot.commit = Some(*vote);
                }
            }
            Record::PrepareCertificate(prepared) => {
                if let Some(slot) = self.open_slot(prepared.proposal.slot) {
                    slot.prepared = Some(prepared.clone());
                }
            }
            Record::ViewChanging(change) => self.view_changing = Some(change.clone()),
            Record::EnteredView(new_view) => self.entered = Some(new_view.clone()),
        }
    }

    fn replay_certified(&mut self, certified: &CertifiedHeader) {
        let height = certified.header.height;
        if height > self.base_height() {
            self.certified.insert(height, certified.header.digest());
        }
        let newest = self
            .certified_last
            .as_ref()
            .is_none_or(|last| last.header.height < height);
        if newest {
            self.certified_last = Some(certified.clone());
            self.slots = self.slots.split_off(&(height + 1));
        }
    }

    /// The place for own votes on a slot; `None` when the slot is final by a certified header.
    fn open_slot(&mut self, slot: Height) -> Option<&mut RecoveredSlot> {
        let stable = self
            .certified_last
            .as_ref()
            .map_or(0, |last| last.header.height);
        (slot > stable).then(|| self.slots.entry(slot).or_default())
    }
}
