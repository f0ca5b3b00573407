//! The order: which cut of certified lane tips each slot holds, agreed by PBFT.
//!
//! | file | question |
//! |---|---|
//! | `slots` | what is known of one slot |
//! | `propose` | what a primary proposes, and a backup accepts |
//! | `votes` | when a slot is prepared, and when it is final |
//! | `memory` | what it may sign, where it may have forgotten what it signed |
//! | `rotation` | who is primary |
//! | `patience` | when to want another |
//! | `view_change` | how the next one starts |
//!
//! The machine reads which tips `lanes` has certified, and is told of certified headers, which make everything at or below
//! final. What it hands on, `HandedOn`, is taken after each input.

mod memory;
mod patience;
mod propose;
mod rotation;
mod slots;
mod view_change;
mod votes;

use std::collections::BTreeMap;

use bds_contracts::block::{CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::TipCertificate;
use crate::config::Config;
use crate::gate::notary::Proven;
use crate::message::{Proposal, View};
use crate::recovery::RecoveredOrder;
pub use crate::results::execution_order::{SlotBatches, execution_order};
use crate::turn::Record;
use memory::Memory;
pub(crate) use patience::Outlook;
use patience::Patience;
pub(crate) use slots::Phase;
use slots::{Accepted, Slot};
use view_change::{ViewChanges, reproposals};

/// What the other machines get from this one.
#[derive(Default)]
pub(crate) struct HandedOn {
    /// For `lanes`: certificates of tips that a proposal brought.
    pub(crate) certificates: Vec<Proven<TipCertificate>>,
    /// For `results`: the newest certified header that a view change brought.
    pub(crate) certified: Option<CertifiedHeader>,
    /// For `lanes` and `results`: what slots hold that became final, in order and without gaps.
    pub(crate) committed: Vec<Proposal>,
    /// For `results`: a slot became final, though not always the next; what waits is tried again.
    pub(crate) learned: bool,
}

/// The machine.
pub(crate) struct Order {
    view: View,
    slots: BTreeMap<Height, Slot>,
    /// Last slot committed without a gap below.
    committed: Height,
    /// Newest certified header known, executed here or not.
    stable: Option<CertifiedHeader>,
    proposed_at: Millis,
    patience: Patience,
    memory: Memory,
    view_change: ViewChanges,
    handed_on: HandedOn,
    validators: usize,
}

impl Order {
    /// Goes on from what is on disk, and hands on what is committed there.
    pub(crate) fn restore(config: &Config, now: Millis, recovered: RecoveredOrder) -> Self {
        let mut order = Self {
            view: 0,
            slots: BTreeMap::new(),
            committed: recovered.base,
            stable: recovered.stable,
            proposed_at: Millis(0),
            patience: Patience::new(now),
            memory: Memory::new(config.validators(), recovered.forgotten),
            view_change: ViewChanges::new(config.validators()),
            handed_on: HandedOn::default(),
            validators: config.validators(),
        };
        for (height, committed) in recovered.committed {
            order.memory.note_all(Phase::Commit, &committed.certificate);
            if height == order.committed + 1 {
                order.committed = height;
                order.handed_on.committed.push(committed.proposal.clone());
            }
            order.slot_mut(height).committed = Some(committed);
        }
        if let Some(new_view) = recovered.entered {
            order.view = new_view.view;
            order.view_change.target = new_view.view;
            let (stable, proposals) = reproposals(&new_view);
            if let Some(stable) = stable {
                order.learn_certified(stable);
            }
            // The view and what it starts with are one record: whoever is in it has accepted that.
            for proposal in proposals {
                if proposal.slot > order.stable_height() {
                    order.restore_accepted(now, new_view.view, proposal);
                }
            }
            order.view_change.new_view = Some(new_view);
        }
        #[cfg(feature = "broken-variants")]
        if config.broken == crate::config::Broken::VotesForgotten {
            return order;
        }
        let view = order.view;
        let newer = recovered.view_changing.filter(|own| own.change.view > view);
        if let Some(own) = newer {
            order.view_change.target = own.change.view;
            order.view_change.received[usize::from(config.me)] = Some(own.clone());
            order.view_change.own = Some(own);
        }
        for (height, old) in recovered.slots {
            if let Some(prepared) = &old.prepared {
                let certificate = &prepared.certificate;
                order.memory.note_all(Phase::Prepare, certificate);
            }
            let slot = order.slot_mut(height);
            slot.prepared = old.prepared;
            if let Some(vote) = old.prepare {
                slot.prepares.cast(config.me, &vote, true);
            }
            if let Some(vote) = old.commit {
                slot.commits.cast(config.me, &vote, true);
            }
            let reproposed = slot.accepted.as_ref().map_or(0, |accepted| accepted.view);
            if let Some((view, proposal)) = old.accepted.filter(|(view, _)| *view >= reproposed) {
                order.restore_accepted(now, view, proposal);
            }
        }
        order
    }

    fn restore_accepted(&mut self, now: Millis, view: View, proposal: Proposal) {
        let (slot, digest) = (proposal.slot, proposal.digest());
        self.slot_mut(slot).accepted = Some(Accepted {
            view,
            proposal,
            certificates: Vec::new(),
            signature: None,
            digest,
            at: now,
        });
    }

    /// What of it a restart still needs from the vote log.
    pub(crate) fn live_records(&self, me: ValidatorIndex) -> Vec<Record> {
        let mut records = Vec::new();
        records.extend(self.view_change.new_view.clone().map(Record::EnteredView));
        records.extend(self.view_change.own.clone().map(Record::ViewChanging));
        for (height, slot) in self.slots.range(self.stable_height() + 1..) {
            records.extend(slot.accepted.as_ref().map(|accepted| Record::PrePrepared {
                view: accepted.view,
                proposal: accepted.proposal.clone(),
            }));
            records.extend(slot.prepares.of(me, *height).map(Record::Prepared));
            records.extend(slot.prepared.clone().map(Record::PrepareCertificate));
            records.extend(slot.commits.of(me, *height).map(Record::Committing));
        }
        records
    }

    /// What came of the last input.
    pub(crate) fn hand_on(&mut self) -> HandedOn {
        std::mem::take(&mut self.handed_on)
    }

    /// A certified header that a view change brought: it is for `results`, too.
    fn learn_certified(&mut self, certified: CertifiedHeader) {
        if self.raise_stable(certified.clone()) {
            self.handed_on.certified = Some(certified);
        }
    }

    /// A quorum has signed the result of this block: everything at or below is final, and its votes are dropped. True when
    /// that is news.
    pub(crate) fn raise_stable(&mut self, certified: CertifiedHeader) -> bool {
        let newer = certified.header.height > self.stable_height();
        if newer {
            self.stable = Some(certified);
        }
        let done = self.stable_height().min(self.committed);
        while self
            .slots
            .first_key_value()
            .is_some_and(|(height, _)| *height <= done)
        {
            self.slots.pop_first();
        }
        newer
    }

    /// In a view that has started, and not on the way to another.
    pub(crate) fn is_voting(&self) -> bool {
        self.view_change.target == self.view
    }

    /// Slots at or below are final and get no votes any more.
    fn stable_height(&self) -> Height {
        self.stable.as_ref().map_or(0, |s| s.header.height)
    }

    fn in_window(&self, config: &Config, slot: Height) -> bool {
        let stable = self.stable_height();
        slot > stable && slot <= stable + config.window
    }

    fn slot_mut(&mut self, slot: Height) -> &mut Slot {
        let validators = self.validators;
        self.slots
            .entry(slot)
            .or_insert_with(|| Slot::new(validators))
    }
}

/// What others read of it.
impl Order {
    /// The view it is in.
    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// The primary of the next slot in that view.
    pub(crate) fn primary(&self, config: &Config) -> ValidatorIndex {
        rotation::primary_of(config, self.view, self.committed + 1)
    }

    /// Last slot committed without a gap below.
    pub(crate) fn committed(&self) -> Height {
        self.committed
    }

    /// Newest certified header known, executed here or not.
    pub(crate) fn stable(&self) -> Option<&CertifiedHeader> {
        self.stable.as_ref()
    }

    /// How long voting on a slot takes here, in milliseconds.
    pub(crate) fn voting_ms(&self) -> u64 {
        self.patience.voting_ms()
    }

    /// View changes started since the restart.
    pub(crate) fn view_changes(&self) -> u64 {
        self.view_change.started
    }

    /// Slots with anything in memory.
    pub(crate) fn slots_open(&self) -> usize {
        self.slots.len()
    }
}
