//! What the others say they have, and what to repeat for them.
//!
//! Nothing is repeated blindly. A peer's status says where it stands; when two in a row say the same, what it waits for is
//! sent again, at the pace of a correct validator.

use bds_contracts::block::{Height, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::Position;
use crate::config::Config;
use crate::context::Cx;
use crate::gate::notary::Notary;
use crate::message::{Message, Status};

use super::{Standing, Sync};

/// What a peer is to be sent again, each above what it has.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    /// It is in an older view.
    pub(crate) new_view: bool,
    /// Own batches above this place.
    pub(crate) batches: Option<Position>,
    /// Acknowledgements of its batches above this place.
    pub(crate) acknowledgements: Option<Position>,
    /// Own votes on slots above this one.
    pub(crate) votes: Option<Height>,
    /// Own results of blocks above this one.
    pub(crate) outcomes: Option<Height>,
}

impl Sync {
    /// When the next own status is due.
    pub(crate) fn status_due(&self) -> Millis {
        self.status_due
    }

    /// Says to all what is here, and notes whether anything has moved since the last time.
    pub(crate) fn tell(&mut self, cx: &mut Cx<'_>, own: &Standing, status: Status) {
        self.status_due = Millis(cx.now.0 + cx.config.status_interval_ms);
        self.slots_stalled = self.committed_then == own.committed;
        self.committed_then = own.committed;
        self.headers_stalled = self.certified_then == own.certified;
        self.certified_then = own.certified;
        cx.broadcast(Message::Status(status));
    }

    /// A peer says what it has. Whatever it says how often, it is answered at the pace of a correct one.
    pub(crate) fn on_status(
        &mut self,
        cx: &Cx<'_>,
        own: &Standing,
        from: ValidatorIndex,
        status: Status,
    ) -> Repeats {
        let (me, from) = (usize::from(cx.me()), usize::from(from));
        let pace = cx.config.status_interval_ms / 2;
        let answered = &mut self.repeated_at[from];
        let mut repeats = Repeats::default();
        if answered.is_none_or(|at| at.0 + pace <= cx.now.0) {
            repeats.new_view = status.view < own.view;
            if let Some(before) = &self.statuses[from] {
                *answered = Some(cx.now);
                let same = before.lanes[me] == status.lanes[me];
                repeats.batches = same.then_some(status.lanes[me]);
                let same = before.lanes[from] == status.lanes[from];
                repeats.acknowledgements = same.then_some(status.lanes[from]);
                let same = before.committed == status.committed && status.view == own.view;
                repeats.votes = same.then_some(status.committed);
                let same = before.certified == status.certified;
                repeats.outcomes = same.then_some(status.certified);
            }
        }
        self.statuses[from] = Some(status);
        self.digest_statuses(cx.config, cx.notary);
        repeats
    }

    /// Works out what every step asks for, once a status.
    pub(super) fn digest_statuses(&mut self, config: &Config, notary: &Notary) {
        let me = usize::from(config.me);
        let heard = || self.statuses.iter().flatten();
        let mut voting_ms: Vec<_> = heard().map(|status| status.voting_ms).collect();
        voting_ms.sort_unstable();
        let shared = |position: &Position| {
            self.weight_of(notary, |status| status.lanes[me] >= *position) >= notary.one_correct
        };
        let held = heard().map(|status| status.lanes[me]).filter(shared);
        let held = held.max().unwrap_or(0);
        self.own_lane_held = self.has_heard_quorum(config, notary).then_some(held);
        self.voting_ms = voting_ms;
    }

    /// How long voting takes the others, as they say, rising.
    pub(crate) fn voting_ms(&self) -> &[u64] {
        &self.voting_ms
    }

    /// The highest position of the own lane that f+1 others by weight, so at least one correct validator, say they hold; `None`
    /// before a quorum, this validator among it, has said anything.
    pub(crate) fn own_lane_held(&self) -> Option<Position> {
        self.own_lane_held
    }

    /// This validator and those whose status it has heard since it started are a quorum.
    pub(crate) fn has_heard_quorum(&self, config: &Config, notary: &Notary) -> bool {
        let weight = self.weight_of(notary, |_| true);
        weight + notary.weight(config.me) >= notary.quorum
    }

    /// f+1 by weight, so at least one correct validator, have committed more.
    pub(crate) fn is_behind(&self, notary: &Notary, committed: Height) -> bool {
        let weight = self.weight_of(notary, |status| status.committed > committed);
        weight >= notary.one_correct
    }

    /// Weight of those whose last status is like this. The own one is never among them.
    fn weight_of(&self, notary: &Notary, like: impl Fn(&Status) -> bool) -> u64 {
        let statuses = self.statuses.iter().zip(0..);
        statuses
            .filter(|(status, _)| status.as_ref().is_some_and(&like))
            .map(|(_, index)| notary.weight(index))
            .sum()
    }
}
