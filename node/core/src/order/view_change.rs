//! Leaving a view whose primary does not order, and entering the next.
//!
//! Castro and Liskov, section 4.4. A view change carries the newest certified header, which makes everything below it
//! final, and the prepare certificates above it. The new primary shows a quorum of them; what the new view starts
//! with is recomputed from them by everyone. When a view is left is `patience`'s question.

use std::collections::BTreeMap;

use bds_contracts::block::{CertifiedHeader, Height, Signature, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;
use sha2::{Digest as _, Sha512_256};

use crate::context::Cx;
use crate::gate::notary::Notary;
use crate::message::{
    Message, NewView, PreparedAt, PreparedSlot, Proofs, Proposal, ProvenViewChange, View,
    ViewChange,
};
use crate::turn::{Effect, Record};

use super::Order;
use super::rotation::primary_of;

/// Where this validator is on the way between views.
#[derive(Default)]
pub(super) struct ViewChanges {
    /// The view it wants; equal to the current one while it votes.
    pub(super) target: View,
    /// Own message, repeated until the view is entered.
    pub(super) own: Option<ProvenViewChange>,
    /// Newest valid message of every validator, by index.
    pub(super) received: Vec<Option<ProvenViewChange>>,
    /// When each validator's last view change was checked.
    pub(super) heard_at: Vec<Option<Millis>>,
    /// Why the current view may be voted in; `None` in view 0.
    pub(super) new_view: Option<NewView>,
    /// View changes started since this core was made.
    pub(super) started: u64,
}

impl ViewChanges {
    pub(super) fn new(validators: usize) -> Self {
        Self {
            received: vec![None; validators],
            heard_at: vec![None; validators],
            ..Self::default()
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

/// Signed by its sender; says nothing about its proofs.
fn view_change_is_signed(notary: &Notary, change: &ViewChange) -> bool {
    let statement = Statement::ViewChange(change.view, view_change_digest(change));
    notary.check(change.validator, &statement, &change.signature)
}

/// The proofs show this stable height and these prepared slots, each exactly, and nothing else.
fn proofs_show(notary: &Notary, proofs: &Proofs, stable: Height, prepared: &[PreparedAt]) -> bool {
    let shown = proofs.prepared.iter().map(PreparedSlot::at);
    if proofs.stable.as_ref().map_or(0, |s| s.header.height) != stable
        || !shown.eq(prepared.iter().copied())
    {
        return false;
    }
    let mut claims = Vec::with_capacity(proofs.prepared.len() + 1);
    claims.extend(proofs.stable.as_ref().map(|s| notary.header_claim(s)));
    for prepared in &proofs.prepared {
        // Tips of a prepared proposal need no check: f+1 correct validators made it before they prepared.
        match notary.prepared_claim(prepared) {
            Some(claim) => claims.push(claim),
            None => return false,
        }
    }
    notary.proves(&claims)
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
pub(super) fn reproposals(new_view: &NewView) -> (Option<CertifiedHeader>, Vec<Proposal>) {
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

impl Order {
    /// A quorum wants this view or a higher one.
    pub(super) fn wanted_by_quorum(&self, notary: &Notary, view: View) -> bool {
        let weight: u64 = self
            .view_change
            .received
            .iter()
            .flatten()
            .filter(|known| known.change.view >= view)
            .map(|known| notary.weight(known.change.validator))
            .sum();
        weight >= notary.quorum
    }

    /// Stops voting in the current view and asks for another.
    pub(super) fn start_view_change(&mut self, cx: &mut Cx<'_>, view: View) {
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
        let prepared = if cx.config.broken == crate::config::Broken::PreparedDropped {
            Vec::new()
        } else {
            prepared
        };
        let mut change = ViewChange {
            view,
            validator: cx.me(),
            stable: self.stable_height(),
            prepared: prepared.iter().map(PreparedSlot::at).collect(),
            signature: Signature([0; 64]),
        };
        let statement = Statement::ViewChange(view, view_change_digest(&change));
        change.signature = cx.notary.sign(&statement);
        let change = ProvenViewChange {
            change,
            proofs: Proofs {
                stable: self.stable.clone(),
                prepared,
            },
        };
        self.view_change.started += 1;
        self.view_change.target = view;
        self.patience.wanted_since = None;
        self.view_change.own = Some(change.clone());
        self.view_change.received[usize::from(cx.me())] = Some(change.clone());
        cx.write(Record::ViewChanging(change.clone()));
        cx.broadcast(Message::ViewChange(change));
        self.try_new_view(cx);
    }

    /// Section 4.4: another validator wants to leave.
    pub(crate) fn on_view_change(
        &mut self,
        cx: &mut Cx<'_>,
        from: ValidatorIndex,
        proven: ProvenViewChange,
    ) {
        let change = &proven.change;
        if change.validator != from {
            cx.count("view_change_not_sender");
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
        if heard.is_some_and(|at| at.0 + cx.config.status_interval_ms > cx.now.0) {
            cx.count("view_change_too_soon");
            return;
        }
        *heard = Some(cx.now);
        if !view_change_is_signed(cx.notary, change)
            || !proofs_show(cx.notary, &proven.proofs, change.stable, &change.prepared)
        {
            cx.count("view_change_bad");
            return;
        }
        if let Some(stable) = proven.proofs.stable.clone() {
            self.learn_certified(stable);
        }
        self.view_change.received[usize::from(from)] = Some(proven);
        self.join(cx);
        self.try_new_view(cx);
    }

    /// Liveness rule: once f+1 by weight want views above the own target, one of them is correct; join the lowest.
    fn join(&mut self, cx: &mut Cx<'_>) {
        if !self.may_leave_view() {
            return;
        }
        let target = self.view_change.target;
        let higher: Vec<_> = self
            .view_change
            .received
            .iter()
            .flatten()
            .map(|known| &known.change)
            .filter(|change| change.view > target)
            .map(|change| (change.view, cx.notary.weight(change.validator)))
            .collect();
        let weight: u64 = higher.iter().map(|(_, weight)| weight).sum();
        if weight >= cx.notary.one_correct
            && let Some(lowest) = higher.iter().map(|(view, _)| *view).min()
        {
            self.start_view_change(cx, lowest);
        }
    }

    /// The new primary: with a quorum of view changes for exactly its view, the view starts.
    ///
    /// Who that is follows from the stable height that the quorum shows. Where a rotation lies between the heights of two
    /// quorums, two validators may start one view, each rightly: both carry whatever was committed, and each voter enters the
    /// view once.
    fn try_new_view(&mut self, cx: &mut Cx<'_>) {
        let view = self.view_change.target;
        if self.is_voting() {
            return;
        }
        let mut chosen: Vec<&ProvenViewChange> = Vec::new();
        let mut weight = 0;
        for known in self.view_change.received.iter().flatten() {
            if known.change.view == view && weight < cx.notary.quorum {
                weight += cx.notary.weight(known.change.validator);
                chosen.push(known);
            }
        }
        if weight < cx.notary.quorum {
            return;
        }
        let changes: Vec<_> = chosen.iter().map(|known| known.change.clone()).collect();
        let (stable, prepared) = decisive(&changes);
        if primary_of(cx.config, view, stable + 1) != cx.config.me {
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
            signature: cx.notary.sign(&statement),
            changes,
            proofs,
        };
        cx.broadcast(Message::NewView(new_view.clone()));
        self.enter_view(cx, new_view);
    }

    /// Section 4.4: the start of a view, from its primary or passed on by anyone.
    pub(crate) fn on_new_view(&mut self, cx: &mut Cx<'_>, new_view: NewView) {
        if new_view.view <= self.view || new_view.view < self.view_change.target {
            return;
        }
        if !self.new_view_is_valid(cx, &new_view) {
            cx.count("new_view_bad");
            return;
        }
        self.enter_view(cx, new_view);
    }

    /// Signed by the primary of the view; signed view changes for this view, of a quorum, each sender once; and the proof of
    /// what is decisive in them.
    fn new_view_is_valid(&self, cx: &Cx<'_>, new_view: &NewView) -> bool {
        let changes = &new_view.changes;
        let (stable, prepared) = decisive(changes);
        let primary = primary_of(cx.config, new_view.view, stable + 1);
        let statement = Statement::NewView(new_view.view, new_view_digest(new_view.view, changes));
        let weight: u64 = changes
            .iter()
            .map(|change| cx.notary.weight(change.validator))
            .sum();
        let known = |change: &ViewChange| {
            let place = self.view_change.received.get(usize::from(change.validator));
            let known = place.and_then(Option::as_ref);
            known.is_some_and(|known| known.change == *change)
        };
        if !changes.iter().all(|change| change.view == new_view.view)
            || weight < cx.notary.quorum
            || !cx.notary.check(primary, &statement, &new_view.signature)
            || !changes
                .iter()
                .all(|change| known(change) || view_change_is_signed(cx.notary, change))
        {
            return false;
        }
        proofs_show(cx.notary, &new_view.proofs, stable, &prepared)
    }

    /// Enters a view whose start is proven, and votes for what it starts with.
    fn enter_view(&mut self, cx: &mut Cx<'_>, new_view: NewView) {
        let (stable, proposals) = reproposals(&new_view);
        self.view = new_view.view;
        self.view_change.target = new_view.view;
        self.view_change.own = None;
        self.patience.wanted_since = None;
        self.patience.fair_since = cx.now;
        cx.write(Record::EnteredView(new_view.clone()));
        self.view_change.new_view = Some(new_view);
        if let Some(stable) = stable {
            self.learn_certified(stable);
        }
        let low = self.stable_height();
        for proposal in proposals {
            if proposal.slot > low && self.agrees_with_committed(cx, &proposal) {
                self.accept(cx, proposal, Vec::new(), None);
            }
        }
    }

    /// A new view that proposes something else for a committed slot means that more than f are faulty.
    fn agrees_with_committed(&self, cx: &mut Cx<'_>, proposal: &Proposal) -> bool {
        let committed = self
            .slots
            .get(&proposal.slot)
            .and_then(|slot| slot.committed.as_ref())
            .map(|slot| slot.certificate.digest);
        let agrees = committed.is_none_or(|digest| digest == proposal.digest());
        if !agrees {
            cx.effect(Effect::Halt(format!(
                "view {} proposes another order for the committed slot {}",
                self.view, proposal.slot
            )));
        }
        agrees
    }

    /// The own view change, until its view is entered: to all.
    pub(crate) fn repeat_view_change(&self, cx: &mut Cx<'_>) {
        if let Some(change) = self.view_change.own.clone() {
            cx.broadcast(Message::ViewChange(change));
        }
    }

    /// To a peer that is in an older view: why this one may be voted in.
    pub(crate) fn repeat_new_view(&self, cx: &mut Cx<'_>, to: ValidatorIndex) {
        if let Some(new_view) = self.view_change.new_view.clone() {
            cx.send(to, Message::NewView(new_view));
        }
    }
}
