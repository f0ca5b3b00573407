//! Leaving a view whose primary does not order, and entering the next.
//!
//! Castro and Liskov, section 4.4. A view change carries the newest certified header, which makes everything below it
//! final, and the prepare certificates above it. The new primary shows a quorum of them; what the new view starts
//! with is recomputed from them by everyone. The timer runs only while there is work, allows for the pace of the votes,
//! doubles up to a cap, and a validator goes past the next view only after a quorum wanted to leave this one, so nobody runs away alone.

use std::collections::BTreeMap;

use bds_contracts::block::{CertifiedHeader, Height, Signature, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;
use sha2::{Digest as _, Sha512_256};

use crate::core::Core;
use crate::message::{
    Message, NewView, PreparedAt, PreparedSlot, Proofs, Proposal, ProvenViewChange, View,
    ViewChange,
};
use crate::turn::{Effect, Record, Turn};

/// The timeout allows this many times what voting took lately, on top of its base: for the pipeline before the
/// proposal, the proposal's own write, and disks that get slower meanwhile.
const VOTING_TIMES: u64 = 4;

/// Where this validator is on the way between views.
#[derive(Default)]
pub(crate) struct ViewChanges {
    /// The view it wants; equal to the current one while it votes.
    pub(crate) target: View,
    /// Own message, repeated until the view is entered.
    pub(crate) own: Option<ProvenViewChange>,
    /// Newest valid message of every validator, by index.
    pub(crate) received: Vec<Option<ProvenViewChange>>,
    /// When each validator's last view change was checked.
    pub(crate) heard_at: Vec<Option<Millis>>,
    /// Why the current view may be voted in; `None` in view 0.
    pub(crate) new_view: Option<NewView>,
    /// On the way to a view: since when a quorum has wanted it.
    pub(crate) wanted_since: Option<Millis>,
    /// When this view was entered, or this validator was last behind others: what waited before that is not counted
    /// against the primary.
    pub(crate) fair_since: Millis,
    /// Views in a row that committed nothing.
    pub(crate) failures: u32,
    /// How long slots took lately from the accepted proposal to the commit: the slowest, fading.
    pub(crate) voting_ms: u64,
    /// View changes started since this core was made.
    pub(crate) started: u64,
}

impl ViewChanges {
    /// A slot was committed; `accepted` is when this validator accepted what this view committed.
    pub(crate) fn on_commit(&mut self, now: Millis, in_this_view: bool, accepted: Option<Millis>) {
        if in_this_view {
            self.failures = 0;
        }
        if let Some(accepted) = accepted {
            let voting_ms = now.0.saturating_sub(accepted.0);
            self.voting_ms = voting_ms.max(self.voting_ms - self.voting_ms / 8);
        }
    }
}

fn view_change_digest(change: &ViewChange) -> [u8; 32] {
    let fields = (
        change.view,
        change.validator,
        change.stable,
        &change.prepared,
    );
    Sha512_256::digest(borsh::to_vec(&fields).expect("writing to memory cannot fail")).into()
}

fn new_view_digest(view: View, changes: &[ViewChange]) -> [u8; 32] {
    Sha512_256::digest(borsh::to_vec(&(view, changes)).expect("writing to memory cannot fail"))
        .into()
}

/// The highest stable height among view changes, and for every slot above it that one of them names what was prepared in
/// the highest view.
fn decisive(changes: &[ViewChange]) -> (Height, Vec<PreparedAt>) {
    let stable = changes
        .iter()
        .map(|change| change.stable)
        .max()
        .unwrap_or(0);
    let mut prepared: BTreeMap<Height, PreparedAt> = BTreeMap::new();
    for at in changes.iter().flat_map(|change| &change.prepared) {
        if at.slot > stable {
            let known = prepared.entry(at.slot).or_insert(*at);
            *known = (*known).max(*at);
        }
    }
    (stable, prepared.into_values().collect())
}

/// What a new view that was checked starts with: its certified header, and for every slot above it up to the highest
/// prepared one what was prepared in the highest view, or the empty proposal.
pub(crate) fn reproposals(new_view: &NewView) -> (Option<CertifiedHeader>, Vec<Proposal>) {
    let proofs = &new_view.proofs;
    let low = proofs.stable.as_ref().map_or(0, |s| s.header.height);
    let high = proofs.prepared.last().map_or(0, |p| p.proposal.slot);
    let mut prepared = proofs.prepared.iter().peekable();
    let proposals = (low + 1..=high).map(|slot| {
        prepared.next_if(|p| p.proposal.slot == slot).map_or_else(
            || Proposal {
                slot,
                ..Proposal::default()
            },
            |p| p.proposal.clone(),
        )
    });
    (proofs.stable.clone(), proposals.collect())
}

impl Core {
    /// Since when the oldest work of this view has waited: a certified tip to be ordered, or a proposal to be committed. One
    /// lane that waits counts, however many others move, so a primary cannot leave a lane out; and nothing waits for ever
    /// behind slots that order little.
    fn work_since(&self) -> Option<Millis> {
        let tips = self.lanes.iter().filter_map(|lane| lane.unordered);
        let slots = self.slots.range(self.committed + 1..);
        let slots = slots.filter_map(|(_, slot)| slot.accepted.as_ref());
        let oldest = tips
            .map(|(_, since)| since)
            .chain(slots.map(|accepted| accepted.at))
            .min()?;
        Some(Millis(oldest.0.max(self.view_change.fair_since.0)))
    }

    /// The pace of the votes, stretched by what voting takes here: where disks or links are slow, a primary that does its work
    /// is not given up. No single validator stretches it: it never passes twice the median of what all say of themselves.
    fn voting_ms(&self) -> u64 {
        let own = self.view_change.voting_ms;
        let others = self.sync.statuses.iter().flatten();
        let mut all: Vec<u64> = others.map(|status| status.voting_ms).collect();
        all.push(own);
        all.sort_unstable();
        let median = all[(all.len() - 1) / 2];
        own.min(2 * median.max(1))
    }

    fn view_timeout_ms(&self) -> u64 {
        let paced = self
            .voting_ms()
            .saturating_mul(VOTING_TIMES)
            .saturating_add(self.config.view_timeout_base_ms);
        let doubled = paced.saturating_mul(1 << self.view_change.failures.min(16));
        doubled.min(self.config.view_timeout_max_ms)
    }

    /// Since when this validator has waited for the others; `None` while it waits for nothing.
    fn waits_since(&self) -> Option<Millis> {
        if !self.is_voting() {
            self.view_change.wanted_since
        } else if self.is_behind() {
            // Whoever lags behind others has its own catching up to wait for, not the primary.
            None
        } else {
            self.work_since()
        }
    }

    /// When this validator gives up on what it waits for; `None` while it waits for nothing.
    pub(crate) fn view_due(&self) -> Option<Millis> {
        self.waits_since()
            .map(|since| Millis(since.0 + self.view_timeout_ms()))
    }

    /// Starts, stops or fires the timer.
    pub(crate) fn watch_view(&mut self, now: Millis, turn: &mut Turn) {
        if self.is_voting() {
            if self.is_behind() {
                self.view_change.fair_since = now;
            }
        } else if self.wanted_by_quorum(self.view_change.target) {
            self.view_change.wanted_since.get_or_insert(now);
        } else {
            self.view_change.wanted_since = None;
        }
        if self.view_due().is_some_and(|due| due <= now) {
            self.view_change.failures = self.view_change.failures.saturating_add(1);
            let next = self.view_change.target + 1;
            self.start_view_change(now, next, turn);
        }
    }

    /// A quorum wants this view or a higher one.
    fn wanted_by_quorum(&self, view: View) -> bool {
        let weight: u64 = self
            .view_change
            .received
            .iter()
            .flatten()
            .filter(|known| known.change.view >= view)
            .map(|known| self.notary.weight(known.change.validator))
            .sum();
        weight >= self.notary.quorum
    }

    /// Stops voting in the current view and asks for another.
    fn start_view_change(&mut self, now: Millis, view: View, turn: &mut Turn) {
        assert!(
            view > self.view_change.target,
            "views only go up: {view} after {}",
            self.view_change.target
        );
        let prepared: Vec<PreparedSlot> = self
            .slots
            .range(self.stable_height() + 1..)
            .filter_map(|(_, slot)| slot.prepared.clone())
            .collect();
        #[cfg(feature = "broken-variants")]
        let prepared = if self.config.broken == crate::config::Broken::PreparedDropped {
            Vec::new()
        } else {
            prepared
        };
        let mut change = ViewChange {
            view,
            validator: self.config.me,
            stable: self.stable_height(),
            prepared: prepared.iter().map(PreparedSlot::at).collect(),
            signature: Signature([0; 64]),
        };
        let statement = Statement::ViewChange(view, view_change_digest(&change));
        change.signature = self.notary.sign(&statement);
        let change = ProvenViewChange {
            change,
            proofs: Proofs {
                stable: self.stable.clone(),
                prepared,
            },
        };
        self.view_change.started += 1;
        self.view_change.target = view;
        self.view_change.wanted_since = None;
        self.view_change.own = Some(change.clone());
        self.view_change.received[usize::from(self.config.me)] = Some(change.clone());
        turn.write(Record::ViewChanging(change.clone()));
        turn.effect(Effect::Broadcast(Message::ViewChange(change)));
        self.try_new_view(now, turn);
    }

    /// Signed by its sender; says nothing about its proofs.
    fn view_change_is_signed(&self, change: &ViewChange) -> bool {
        let statement = Statement::ViewChange(change.view, view_change_digest(change));
        self.notary
            .check(change.validator, &statement, &change.signature)
    }

    /// The proofs show this stable height and these prepared slots, each exactly, and nothing else.
    fn proofs_show(&self, proofs: &Proofs, stable: Height, prepared: &[PreparedAt]) -> bool {
        let shown = proofs.prepared.iter().map(PreparedSlot::at);
        if proofs.stable.as_ref().map_or(0, |s| s.header.height) != stable
            || !shown.eq(prepared.iter().copied())
        {
            return false;
        }
        let mut claims = Vec::with_capacity(proofs.prepared.len() + 1);
        claims.extend(proofs.stable.as_ref().map(|s| self.notary.header_claim(s)));
        for prepared in &proofs.prepared {
            // Tips of a prepared proposal need no check: f+1 correct validators made it before they prepared.
            match self.notary.prepared_claim(prepared) {
                Some(claim) => claims.push(claim),
                None => return false,
            }
        }
        self.notary.proves(&claims)
    }

    /// Section 4.4: another validator wants to leave.
    pub(crate) fn on_view_change(
        &mut self,
        now: Millis,
        from: ValidatorIndex,
        proven: ProvenViewChange,
        turn: &mut Turn,
    ) {
        let change = &proven.change;
        if change.validator != from {
            self.count("view_change_not_sender");
            return;
        }
        let known = self.view_change.received[usize::from(from)]
            .as_ref()
            .map_or(self.view, |old| old.change.view.max(self.view));
        if change.view <= known {
            return;
        }
        // A correct validator asks for a higher view no sooner than after a timeout.
        let heard = &mut self.view_change.heard_at[usize::from(from)];
        if heard.is_some_and(|at| at.0 + self.config.status_interval_ms > now.0) {
            self.count("view_change_too_soon");
            return;
        }
        *heard = Some(now);
        if !self.view_change_is_signed(change)
            || !self.proofs_show(&proven.proofs, change.stable, &change.prepared)
        {
            self.count("view_change_bad");
            return;
        }
        if let Some(stable) = proven.proofs.stable.clone() {
            self.adopt_certified(stable, turn);
        }
        self.view_change.received[usize::from(from)] = Some(proven);
        self.join(now, turn);
        self.try_new_view(now, turn);
    }

    /// Liveness rule: once f+1 by weight want views above the own target, one of them is correct; join the lowest.
    fn join(&mut self, now: Millis, turn: &mut Turn) {
        let target = self.view_change.target;
        let higher: Vec<_> = self
            .view_change
            .received
            .iter()
            .flatten()
            .map(|known| &known.change)
            .filter(|change| change.view > target)
            .map(|change| (change.view, self.notary.weight(change.validator)))
            .collect();
        let weight: u64 = higher.iter().map(|(_, weight)| weight).sum();
        if weight >= self.notary.one_correct
            && let Some(lowest) = higher.iter().map(|(view, _)| *view).min()
        {
            self.start_view_change(now, lowest, turn);
        }
    }

    /// The new primary: with a quorum of view changes for exactly its view, the view starts.
    ///
    /// Who that is follows from the stable height that the quorum shows. Where a rotation lies between the heights of two
    /// quorums, two validators may start one view, each rightly: both carry whatever was committed, and each voter enters the
    /// view once.
    fn try_new_view(&mut self, now: Millis, turn: &mut Turn) {
        let view = self.view_change.target;
        if self.is_voting() {
            return;
        }
        let mut chosen: Vec<&ProvenViewChange> = Vec::new();
        let mut weight = 0;
        for known in self.view_change.received.iter().flatten() {
            if known.change.view == view && weight < self.notary.quorum {
                weight += self.notary.weight(known.change.validator);
                chosen.push(known);
            }
        }
        if weight < self.notary.quorum {
            return;
        }
        let changes: Vec<_> = chosen.iter().map(|known| known.change.clone()).collect();
        let (stable, prepared) = decisive(&changes);
        if self.primary_of(view, stable + 1) != self.config.me {
            return;
        }
        let proofs = || chosen.iter().map(|known| &known.proofs);
        let proof_of = |wanted: &PreparedAt| {
            proofs()
                .flat_map(|p| &p.prepared)
                .find(|p| p.at() == *wanted)
        };
        let proofs = Proofs {
            stable: proofs()
                .filter_map(|p| p.stable.as_ref())
                .find(|s| s.header.height == stable)
                .cloned(),
            prepared: prepared.iter().filter_map(proof_of).cloned().collect(),
        };
        let statement = Statement::NewView(view, new_view_digest(view, &changes));
        let new_view = NewView {
            view,
            signature: self.notary.sign(&statement),
            changes,
            proofs,
        };
        turn.effect(Effect::Broadcast(Message::NewView(new_view.clone())));
        self.enter_view(now, new_view, turn);
    }

    /// Section 4.4: the start of a view, from its primary or passed on by anyone.
    pub(crate) fn on_new_view(&mut self, now: Millis, new_view: NewView, turn: &mut Turn) {
        if new_view.view <= self.view || new_view.view < self.view_change.target {
            return;
        }
        if !self.new_view_is_valid(&new_view) {
            self.count("new_view_bad");
            return;
        }
        self.enter_view(now, new_view, turn);
    }

    /// Signed by the primary of the view; signed view changes for this view, of a quorum, each sender once; and the proof of
    /// what is decisive in them.
    fn new_view_is_valid(&self, new_view: &NewView) -> bool {
        let changes = &new_view.changes;
        let (stable, prepared) = decisive(changes);
        let primary = self.primary_of(new_view.view, stable + 1);
        let statement = Statement::NewView(new_view.view, new_view_digest(new_view.view, changes));
        let weight: u64 = changes
            .iter()
            .map(|change| self.notary.weight(change.validator))
            .sum();
        let known = |change: &ViewChange| {
            let place = self.view_change.received.get(usize::from(change.validator));
            let known = place.and_then(Option::as_ref);
            known.is_some_and(|known| known.change == *change)
        };
        if !changes.iter().all(|change| change.view == new_view.view)
            || weight < self.notary.quorum
            || !self.notary.check(primary, &statement, &new_view.signature)
            || !changes
                .iter()
                .all(|change| known(change) || self.view_change_is_signed(change))
        {
            return false;
        }
        self.proofs_show(&new_view.proofs, stable, &prepared)
    }

    /// Enters a view whose start is proven, and votes for what it starts with.
    fn enter_view(&mut self, now: Millis, new_view: NewView, turn: &mut Turn) {
        let (stable, proposals) = reproposals(&new_view);
        self.view = new_view.view;
        self.view_change.target = new_view.view;
        self.view_change.own = None;
        self.view_change.wanted_since = None;
        self.view_change.fair_since = now;
        turn.write(Record::EnteredView(new_view.clone()));
        self.view_change.new_view = Some(new_view);
        if let Some(stable) = stable {
            self.adopt_certified(stable, turn);
        }
        let low = self.stable_height();
        for proposal in proposals {
            if proposal.slot > low && self.agrees_with_committed(&proposal, turn) {
                self.accept(now, proposal, Vec::new(), None, turn);
            }
        }
    }

    /// A new view that proposes something else for a committed slot means that more than f are faulty.
    fn agrees_with_committed(&self, proposal: &Proposal, turn: &mut Turn) -> bool {
        let committed = self
            .slots
            .get(&proposal.slot)
            .and_then(|slot| slot.committed.as_ref())
            .map(|slot| slot.certificate.digest);
        let agrees = committed.is_none_or(|digest| digest == proposal.digest());
        if !agrees {
            turn.effect(Effect::Halt(format!(
                "view {} proposes another order for the committed slot {}",
                self.view, proposal.slot
            )));
        }
        agrees
    }
}
