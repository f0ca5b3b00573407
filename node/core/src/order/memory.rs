//! Votes that a validator may have cast and does not remember: its disk was lost, or is an older copy.
//!
//! Whoever votes twice helps to order two things for one slot. So every validator keeps the last vote it heard of each other, and says it
//! to that one when a connection comes up, before anything else. Whoever is shown a vote of its own that it does not know has forgotten,
//! and may have cast others: a correct validator votes in no slot further than a window above one that is final, so none of them is
//! further than a window above that vote. Until what is final here has passed that, it signs no vote, no proposal and no view change;
//! it takes part in everything else. And before a quorum has had its say, it signs none either.

use bds_contracts::block::{Height, ValidatorIndex};

use crate::context::Cx;
use crate::message::{Message, Remembered, Vote, VoteCertificate};

use super::Order;
use super::slots::Phase;

/// See the file's first line.
#[derive(Default)]
pub(super) struct Memory {
    /// The last vote of every validator, by index.
    last: Vec<Option<Remembered>>,
    /// A quorum, this validator among it, has said what it remembers.
    told: bool,
    /// It may have voted in slots up to this one; 0 when it remembers everything.
    forgotten: Height,
}

impl Memory {
    /// Votes up to `forgotten` may be missing on disk.
    pub(super) fn new(validators: usize, forgotten: Height) -> Self {
        Self {
            last: vec![None; validators],
            forgotten,
            ..Self::default()
        }
    }

    /// A vote of somebody: the later slot counts, in one slot the later phase and view.
    pub(super) fn note(&mut self, who: ValidatorIndex, phase: Phase, vote: Vote) {
        let Some(place) = self.last.get_mut(usize::from(who)) else {
            return;
        };
        let new = match phase {
            Phase::Prepare => Remembered::Prepare(vote),
            Phase::Commit => Remembered::Commit(vote),
        };
        let rank = |remembered: &Remembered| {
            let (phase, vote) = taken(remembered);
            (vote.slot, vote.view, phase == Phase::Commit)
        };
        if place.as_ref().is_none_or(|old| rank(old) < rank(&new)) {
            *place = Some(new);
        }
    }

    /// The votes in a certificate.
    pub(super) fn note_all(&mut self, phase: Phase, certificate: &VoteCertificate) {
        for (who, signature) in certificate.signatures.iter() {
            let vote = Vote {
                view: certificate.view,
                slot: certificate.slot,
                digest: certificate.digest,
                signature: *signature,
            };
            self.note(who, phase, vote);
        }
    }
}

fn taken(remembered: &Remembered) -> (Phase, &Vote) {
    match remembered {
        Remembered::Prepare(vote) => (Phase::Prepare, vote),
        Remembered::Commit(vote) => (Phase::Commit, vote),
    }
}

impl Order {
    /// Whether this validator may sign something about this slot.
    pub(super) fn may_sign(&self, slot: Height) -> bool {
        self.memory.told && slot > self.memory.forgotten
    }

    /// Whether it may say what it prepared above what is final here.
    pub(super) fn may_leave_view(&self) -> bool {
        self.memory.told && self.stable_height() >= self.memory.forgotten
    }

    /// Slots up to this one get no vote of this validator: it may have cast others there that it does not remember. `None` when it
    /// remembers, or has come past them.
    pub(crate) fn forgotten(&self) -> Option<Height> {
        let forgotten = self.memory.forgotten;
        (forgotten > self.stable_height()).then_some(forgotten)
    }

    /// What this validator heard last of a peer, for that peer.
    pub(crate) fn remind(&self, cx: &mut Cx<'_>, to: ValidatorIndex) {
        let last = self.memory.last.get(usize::from(to));
        if let Some(last) = last.and_then(Option::clone) {
            cx.send(to, Message::Remember(last));
        }
    }

    /// A peer shows a vote of this validator.
    pub(crate) fn on_remember(&mut self, cx: &mut Cx<'_>, remembered: &Remembered) {
        let (phase, vote) = taken(remembered);
        let me = cx.me();
        let place = self.slots.get(&vote.slot);
        let own = place.and_then(|slot| match phase {
            Phase::Prepare => slot.prepares.of(me, vote.slot),
            Phase::Commit => slot.commits.of(me, vote.slot),
        });
        if own.is_some_and(|own| own.view >= vote.view) {
            return;
        }
        // What is final needs no vote any more, so it is not kept. While it forgets it casts none: then each that it does not know is of before,
        // and tells how far others may have gone.
        if vote.slot <= self.stable_height() && self.forgotten().is_none() {
            return;
        }
        let statement = phase.statement(vote.view, vote.slot, vote.digest);
        if !cx.notary.check(me, &statement, &vote.signature) {
            cx.count("remember_bad_signature");
            return;
        }
        cx.count("votes_forgotten");
        let forgotten = vote.slot + cx.config.window;
        self.memory.forgotten = self.memory.forgotten.max(forgotten);
    }

    /// A quorum has had its say since the start.
    pub(crate) fn is_awake(&self) -> bool {
        self.memory.told
    }

    /// A quorum has had its say: what is accepted by now gets its vote.
    pub(crate) fn wake(&mut self, cx: &mut Cx<'_>) {
        self.memory.told = true;
        let view = self.view;
        let accepted = self.slots.iter();
        let accepted = accepted.filter(|(_, slot)| slot.accepted_in(view).is_some());
        let accepted: Vec<Height> = accepted.map(|(height, _)| *height).collect();
        for slot in accepted {
            if self.is_voting()
                && let Some(vote) = self.vote(cx, Phase::Prepare, slot)
            {
                cx.broadcast(Message::Prepare(vote));
            }
            self.check_prepared(cx, slot);
            // Others may have prepared it before.
            let prepared = self
                .slots
                .get(&slot)
                .and_then(|slot| slot.prepared.as_ref());
            if self.is_voting()
                && prepared.is_some_and(|prepared| prepared.certificate.view == view)
                && let Some(vote) = self.vote(cx, Phase::Commit, slot)
            {
                cx.broadcast(Message::Commit(vote));
                self.check_committed(cx, cx.config.me, slot);
            }
        }
    }
}
