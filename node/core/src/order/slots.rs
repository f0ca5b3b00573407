//! What is known of one slot: the proposal accepted, the votes, and what they add up to.
//!
//! Of every validator only the vote of its highest view is kept in each phase, so a slot's memory is bounded by the
//! size of the set, whatever is sent. Signatures are checked when the votes would make a quorum, all at once.

use bds_contracts::block::{Height, Signature, Signatures, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::gate::notary::Notary;
use crate::message::{CommittedSlot, PreparedSlot, Proposal, ProposalDigest, View, Vote};

/// The two voting phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Prepare,
    Commit,
}

impl Phase {
    pub(crate) fn statement(self, view: View, slot: Height, digest: ProposalDigest) -> Statement {
        match self {
            Self::Prepare => Statement::Prepare(view, slot, digest.0),
            Self::Commit => Statement::Commit(view, slot, digest.0),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Ballot {
    view: View,
    digest: ProposalDigest,
    signature: Signature,
    checked: bool,
    /// Times it came again; weighs nothing except in a broken variant.
    #[cfg(feature = "broken-variants")]
    repeats: u64,
}

/// What happened to a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    /// Kept.
    New,
    /// Known already, or older than what is kept.
    Old,
    /// The same validator voted for something else in the same view: the vote that is kept.
    Conflict(Vote),
}

/// Votes of one phase, by validator.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ballots(Vec<Option<Ballot>>);

impl Ballots {
    fn new(validators: usize) -> Self {
        Self(vec![None; validators])
    }

    /// Keeps a vote; `checked` says that its signature is known to be right.
    pub(crate) fn cast(&mut self, who: ValidatorIndex, vote: &Vote, checked: bool) -> Cast {
        let place = &mut self.0[usize::from(who)];
        if let Some(old) = place {
            if old.view > vote.view {
                return Cast::Old;
            }
            if old.view == vote.view {
                #[cfg(feature = "broken-variants")]
                {
                    old.repeats += u64::from(old.digest == vote.digest);
                }
                return if old.digest == vote.digest {
                    Cast::Old
                } else {
                    Cast::Conflict(Vote {
                        digest: old.digest,
                        signature: old.signature,
                        ..*vote
                    })
                };
            }
        }
        *place = Some(Ballot {
            view: vote.view,
            digest: vote.digest,
            signature: vote.signature,
            checked,
            #[cfg(feature = "broken-variants")]
            repeats: 0,
        });
        Cast::New
    }

    fn matching(
        &self,
        view: View,
        digest: ProposalDigest,
    ) -> impl Iterator<Item = (ValidatorIndex, &Ballot)> {
        self.0.iter().enumerate().filter_map(move |(index, place)| {
            let ballot = place.as_ref()?;
            let index = ValidatorIndex::try_from(index).ok()?;
            (ballot.view == view && ballot.digest == digest).then_some((index, ballot))
        })
    }

    fn weight(&self, notary: &Notary, view: View, digest: ProposalDigest, twice: bool) -> u64 {
        self.matching(view, digest)
            .map(|(index, ballot)| {
                #[cfg(feature = "broken-variants")]
                let times = if twice { 1 + ballot.repeats } else { 1 };
                #[cfg(not(feature = "broken-variants"))]
                let times = {
                    let _ = (twice, ballot);
                    1
                };
                notary.weight(index) * times
            })
            .sum()
    }

    /// Signatures of a quorum for this digest in this view, all checked; `None` while there are too few.
    /// Wrong ones are removed, and their number added to `wrong`.
    pub(crate) fn quorum(
        &mut self,
        notary: &Notary,
        statement: &Statement,
        (view, digest): (View, ProposalDigest),
        twice: bool,
        wrong: &mut u64,
    ) -> Option<Signatures> {
        if self.weight(notary, view, digest, twice) < notary.quorum {
            return None;
        }
        let unchecked: Vec<_> = self
            .matching(view, digest)
            .filter(|(_, ballot)| !ballot.checked)
            .map(|(index, ballot)| (index, ballot.signature))
            .collect();
        let verdicts = notary.check_each(statement, &unchecked);
        for ((index, _), right) in unchecked.iter().zip(verdicts) {
            let place = &mut self.0[usize::from(*index)];
            if right {
                if let Some(ballot) = place {
                    ballot.checked = true;
                }
            } else {
                *place = None;
                *wrong += 1;
            }
        }
        (self.weight(notary, view, digest, twice) >= notary.quorum).then(|| {
            self.matching(view, digest)
                .map(|(index, ballot)| (index, ballot.signature))
                .collect()
        })
    }

    /// The vote of one validator.
    pub(crate) fn of(&self, who: ValidatorIndex, slot: Height) -> Option<Vote> {
        self.0[usize::from(who)].as_ref().map(|ballot| Vote {
            view: ballot.view,
            slot,
            digest: ballot.digest,
            signature: ballot.signature,
        })
    }

    /// Candidates for a quorum: what this validator's latest vote is for.
    pub(crate) fn latest(&self, who: ValidatorIndex) -> Option<(View, ProposalDigest)> {
        self.0[usize::from(who)]
            .as_ref()
            .map(|ballot| (ballot.view, ballot.digest))
    }
}

/// A proposal accepted from the primary of a view (or from its new-view message).
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) view: View,
    pub(crate) proposal: Proposal,
    /// Signatures of the tips' certificates, for repeating the pre-prepare; empty when it came by a new view.
    pub(crate) certificates: Vec<Signatures>,
    /// The primary's, for evidence; `None` when it came by a new view or from disk.
    pub(crate) signature: Option<Signature>,
    pub(crate) digest: ProposalDigest,
    /// When, to tell what is worth repeating.
    pub(crate) at: Millis,
}

/// Everything about one slot.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// At most one a view; the highest view's is kept.
    pub(crate) accepted: Option<Accepted>,
    pub(crate) prepares: Ballots,
    pub(crate) commits: Ballots,
    /// Prepare certificate of the highest view.
    pub(crate) prepared: Option<PreparedSlot>,
    pub(crate) committed: Option<CommittedSlot>,
}

impl Slot {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            accepted: None,
            prepares: Ballots::new(validators),
            commits: Ballots::new(validators),
            prepared: None,
            committed: None,
        }
    }

    pub(crate) fn accepted_in(&self, view: View) -> Option<&Accepted> {
        self.accepted.as_ref().filter(|a| a.view == view)
    }

    /// The proposal with this digest, if any place has it.
    pub(crate) fn proposal(&self, digest: ProposalDigest) -> Option<&Proposal> {
        let accepted = self
            .accepted
            .as_ref()
            .filter(|a| a.digest == digest)
            .map(|a| &a.proposal);
        let prepared = self
            .prepared
            .as_ref()
            .filter(|p| p.certificate.digest == digest)
            .map(|p| &p.proposal);
        accepted.or(prepared)
    }
}
