//! Which records of the vote log are still needed, so that the log and its memory stay small for ever.
//!
//! The floor is the checkpoint named in the newest certified header: a quorum signed the result of every slot up to
//! it, and the ledger log holds that. What is kept is everything that could still keep this validator from
//! contradicting itself:
//! - votes, pre-prepares and prepare certificates of slots above the floor;
//! - lane certificates at positions above those ordered up to the floor, and the highest of each lane in any case;
//! - the view change and the new view of the highest view.

use std::collections::BTreeMap;

use bds_contracts::block::{Height, ValidatorIndex};
use bds_core::batch::Position;
use bds_core::message::{CommittedSlot, View};
use bds_core::turn::Record;

/// How long a record is needed: until this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    SlotIsStable(Height),
    PositionIsStable(ValidatorIndex, Position),
    HigherViewChange(View),
    HigherView(View),
}

/// The needed records, encoded, in the order they were written.
#[derive(Debug, Clone, Default)]
pub(crate) struct NeededVotes {
    records: Vec<(Until, u8, Vec<u8>)>,
    bytes: usize,
    floor: Height,
    /// Last ordered position of each lane up to the floor.
    floor_tips: BTreeMap<ValidatorIndex, Position>,
    /// Lane tips of committed slots above the floor.
    tips: BTreeMap<Height, Vec<(ValidatorIndex, Position)>>,
}

impl NeededVotes {
    /// Notes a vote record in its encoding. Ledger records are no votes and change nothing.
    pub(crate) fn add(&mut self, record: &Record, kind: u8, payload: &[u8]) {
        let needed = match record {
            Record::Batch(_) | Record::Committed(_) | Record::Certified(_) => return,
            Record::LaneCertificate(c) => Until::PositionIsStable(c.tip.lane, c.tip.position),
            Record::PrePrepared { proposal, .. } => Until::SlotIsStable(proposal.slot),
            Record::Prepared(vote) | Record::Committing(vote) => Until::SlotIsStable(vote.slot),
            Record::PrepareCertificate(p) => Until::SlotIsStable(p.proposal.slot),
            Record::ViewChanging(v) => Until::HigherViewChange(v.change.view),
            Record::EnteredView(v) => Until::HigherView(v.view),
        };
        self.bytes += payload.len();
        self.records.push((needed, kind, payload.to_vec()));
        // View changes can be large and follow each other without a checkpoint in between.
        if matches!(needed, Until::HigherViewChange(_) | Until::HigherView(_)) {
            self.prune();
        }
    }

    /// Notes up to where a committed slot orders each lane.
    pub(crate) fn on_committed(&mut self, slot: &CommittedSlot) {
        let proposal = &slot.proposal;
        if proposal.slot > self.floor {
            let tips = proposal.tips.iter().map(|t| (t.lane, t.position)).collect();
            self.tips.insert(proposal.slot, tips);
        }
    }

    /// Raises the floor; true when it rose.
    pub(crate) fn on_checkpoint(&mut self, checkpoint: Height) -> bool {
        if checkpoint <= self.floor {
            return false;
        }
        self.floor = checkpoint;
        let above = self.tips.split_off(&(checkpoint + 1));
        for (lane, position) in std::mem::replace(&mut self.tips, above)
            .into_values()
            .flatten()
        {
            let tip = self.floor_tips.entry(lane).or_default();
            *tip = position.max(*tip);
        }
        self.prune();
        true
    }

    /// Kind and payload of each needed record, in the order they were written.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u8, &[u8])> {
        self.records
            .iter()
            .map(|(_, kind, payload)| (*kind, payload.as_slice()))
    }

    /// Bytes of the needed records.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets what the floor and the highest views make needless.
    pub(crate) fn prune(&mut self) {
        let mut view_change = 0;
        let mut view = 0;
        let mut highest: BTreeMap<ValidatorIndex, Position> = BTreeMap::new();
        for (needed, ..) in &self.records {
            match *needed {
                Until::SlotIsStable(_) => {}
                Until::PositionIsStable(lane, position) => {
                    let entry = highest.entry(lane).or_default();
                    *entry = position.max(*entry);
                }
                Until::HigherViewChange(v) => view_change = v.max(view_change),
                Until::HigherView(v) => view = v.max(view),
            }
        }
        let (floor, tips) = (self.floor, &self.floor_tips);
        self.records.retain(|(needed, ..)| match *needed {
            Until::SlotIsStable(slot) => slot > floor,
            Until::PositionIsStable(lane, position) => {
                position > tips.get(&lane).copied().unwrap_or(0)
                    || highest.get(&lane) == Some(&position)
            }
            Until::HigherViewChange(v) => v == view_change,
            Until::HigherView(v) => v == view,
        });
        self.bytes = self.records.iter().map(|(.., p)| p.len()).sum();
    }
}
