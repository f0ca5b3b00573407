//! What a liar changes in what its honest self would say.
//!
//! One name each, for the command line and for tests. A behaviour sees everything that its validator hears, and rewrites
//! per receiver what it says; what it says beside that comes with the beat of the shell.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bds_contracts::block::{
    BlockDigest, CertifiedHeader, Height, Statement, ValidatorIndex, ValidatorSet,
};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::batch::Position;
use bds_core::message::{Message, PrePrepare, Proposal, ProposalDigest, Vote};

use crate::floods;
use crate::home::Pen;

/// What a behaviour knows when it decides.
pub struct View<'a> {
    /// Its own key.
    pub pen: &'a Pen,
    /// The set.
    pub set: &'a ValidatorSet,
    /// View of its honest self.
    pub view: u64,
    /// Primary of that view.
    pub primary: ValidatorIndex,
    /// Last slot committed there.
    pub committed: Height,
    /// Newest certified header known there.
    pub certified: Option<&'a CertifiedHeader>,
    /// Position held of every lane.
    pub lanes: Vec<Position>,
    /// The machine's clock, for times of proposals.
    pub wall: Millis,
}

impl View<'_> {
    /// Everyone else.
    pub fn others(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        let (me, n) = (self.pen.index, self.set.validators.len());
        (0..n)
            .filter_map(|index| ValidatorIndex::try_from(index).ok())
            .filter(move |index| *index != me)
    }

    /// The same message to everyone else.
    #[must_use]
    pub fn to_all(&self, message: &Message) -> Vec<(ValidatorIndex, Message)> {
        self.others().map(|to| (to, message.clone())).collect()
    }

    /// Every second one of the others: those who are lied to.
    #[must_use]
    pub fn is_fooled(&self, to: ValidatorIndex) -> bool {
        self.others()
            .position(|other| other == to)
            .is_some_and(|place| place % 2 == 1)
    }
}

/// A way to lie.
pub trait Behaviour: Send {
    /// What this receiver gets instead of what the honest self says.
    fn on_send(&mut self, _: &View<'_>, _to: ValidatorIndex, message: Message) -> Vec<Message> {
        vec![message]
    }

    /// Something was heard.
    fn on_see(&mut self, _: &View<'_>, _from: ValidatorIndex, _message: &Message) {}

    /// What is said with every beat of some milliseconds.
    fn spontaneous(&mut self, _: &View<'_>) -> Vec<(ValidatorIndex, Message)> {
        Vec::new()
    }
}

/// Says nothing but the truth.
pub struct Honest;

impl Behaviour for Honest {}

/// A way to make a behaviour.
pub type Maker = fn() -> Box<dyn Behaviour>;

/// All behaviours by name.
pub const ALL: &[(&str, Maker)] = &[
    ("honest", || Box::new(Honest)),
    ("silent", || Box::new(Silent)),
    ("silent-to-one", || Box::new(SilentToOne)),
    ("equivocate", || Box::new(Equivocate::default())),
    ("two-votes", || Box::new(TwoVotes)),
    ("late-votes", || Box::new(LateVotes::default())),
    ("wrong-result", || Box::new(WrongResult)),
    ("off-by-one", || Box::new(OffByOne::default())),
    ("replay", || Box::new(Replay::default())),
    ("order-nothing", || Box::new(OrderNothing)),
    ("leave-one-out", || Box::new(LeaveOneOut)),
    ("early-to-one", || Box::new(EarlyToOne::default())),
    ("forgeries", || Box::new(floods::Forgeries::default())),
    ("made-up-slots", || Box::new(floods::MadeUpSlots::default())),
    ("flood-status", || Box::new(floods::Status)),
    ("flood-view-changes", || {
        Box::new(floods::ViewChanges::default())
    }),
    ("flood-votes", || Box::new(floods::Votes::default())),
    ("flood-lanes", || Box::new(floods::Lanes::default())),
    ("flood-sync", || Box::new(floods::Sync)),
];

/// The behaviour of this name.
#[must_use]
pub fn named(name: &str) -> Option<Box<dyn Behaviour>> {
    let found = ALL.iter().find(|(other, _)| *other == name);
    found.map(|(_, make)| make())
}

/// Says nothing at all.
struct Silent;

impl Behaviour for Silent {
    fn on_send(&mut self, _: &View<'_>, _: ValidatorIndex, _: Message) -> Vec<Message> {
        Vec::new()
    }
}

/// Says nothing to the first of the others.
struct SilentToOne;

impl Behaviour for SilentToOne {
    fn on_send(&mut self, view: &View<'_>, to: ValidatorIndex, message: Message) -> Vec<Message> {
        if view.others().next() == Some(to) {
            return Vec::new();
        }
        vec![message]
    }
}

/// As primary it proposes something else to every second one, and votes with everyone for what they saw.
#[derive(Default)]
struct Equivocate {
    twins: BTreeMap<(u64, Height, ProposalDigest), ProposalDigest>,
}

impl Behaviour for Equivocate {
    fn on_send(&mut self, view: &View<'_>, to: ValidatorIndex, message: Message) -> Vec<Message> {
        if !view.is_fooled(to) {
            return vec![message];
        }
        vec![match message {
            Message::Prepare(vote) => Message::Prepare(self.turn_coat(view, vote, true)),
            Message::Commit(vote) => Message::Commit(self.turn_coat(view, vote, false)),
            other => {
                let before = proposal_of(&other).map(Proposal::digest);
                let twin = with_proposal(view, other, |proposal| proposal.time.0 += 1);
                if let (Some(before), Some(after)) = (before, proposal_of(&twin)) {
                    let key = (view.view, after.slot, before);
                    self.twins.insert(key, after.digest());
                    while self.twins.len() > 1000 {
                        self.twins.pop_first();
                    }
                }
                twin
            }
        }]
    }
}

impl Equivocate {
    fn turn_coat(&self, view: &View<'_>, vote: Vote, prepare: bool) -> Vote {
        let twin = self.twins.get(&(vote.view, vote.slot, vote.digest));
        twin.map_or(vote, |digest| voted(view, vote, *digest, prepare))
    }
}

/// The same vote for another digest, signed.
fn voted(view: &View<'_>, vote: Vote, digest: ProposalDigest, prepare: bool) -> Vote {
    let statement = match prepare {
        true => Statement::Prepare(vote.view, vote.slot, digest.0),
        false => Statement::Commit(vote.view, vote.slot, digest.0),
    };
    let signature = view.pen.sign(&statement);
    Vote {
        digest,
        signature,
        ..vote
    }
}

fn proposal_of(message: &Message) -> Option<&Proposal> {
    match message {
        Message::PrePrepare(proposed) => Some(&proposed.proposal),
        _ => None,
    }
}

/// A pre-prepare with another proposal, signed, and the certificates of the tips that are left; anything else as it is.
fn with_proposal(
    view: &View<'_>,
    mut message: Message,
    change: impl FnOnce(&mut Proposal),
) -> Message {
    if let Message::PrePrepare(PrePrepare {
        view: number,
        proposal,
        certificates,
        signature,
    }) = &mut message
    {
        let before = proposal.tips.clone();
        change(proposal);
        let mut shown = before.iter().map(|tip| proposal.tips.contains(tip));
        certificates.retain(|_| shown.next().unwrap_or(true));
        let statement = Statement::PrePrepare(*number, proposal.slot, proposal.digest().0);
        *signature = view.pen.sign(&statement);
    }
    message
}

/// Votes for what is proposed and for something else, both to everyone.
struct TwoVotes;

impl Behaviour for TwoVotes {
    fn on_send(&mut self, view: &View<'_>, _: ValidatorIndex, message: Message) -> Vec<Message> {
        let other = |vote: Vote| ProposalDigest(vote.digest.0.map(|byte| !byte));
        let twin = match message {
            Message::Prepare(vote) => Message::Prepare(voted(view, vote, other(vote), true)),
            Message::Commit(vote) => Message::Commit(voted(view, vote, other(vote), false)),
            _ => return vec![message],
        };
        vec![twin, message]
    }
}

/// Keeps its votes back for most of a view timeout.
#[derive(Default)]
struct LateVotes(VecDeque<(Instant, ValidatorIndex, Message)>);

impl Behaviour for LateVotes {
    fn on_send(&mut self, _: &View<'_>, to: ValidatorIndex, message: Message) -> Vec<Message> {
        if matches!(message, Message::Prepare(_) | Message::Commit(_)) {
            let due = Instant::now() + Duration::from_millis(900);
            self.0.push_back((due, to, message));
            return Vec::new();
        }
        vec![message]
    }

    fn spontaneous(&mut self, _: &View<'_>) -> Vec<(ValidatorIndex, Message)> {
        let now = Instant::now();
        let due = self.0.iter().take_while(|(due, ..)| *due <= now).count();
        self.0
            .drain(..due)
            .map(|(_, to, message)| (to, message))
            .collect()
    }
}

/// Signs another result of every block.
struct WrongResult;

impl Behaviour for WrongResult {
    fn on_send(&mut self, view: &View<'_>, _: ValidatorIndex, message: Message) -> Vec<Message> {
        vec![match message {
            Message::Executed { height, digest, .. } => {
                let digest = BlockDigest(digest.0.map(|byte| byte ^ 1));
                let signature = view.pen.sign(&Statement::Executed(height, digest));
                Message::Executed {
                    height,
                    digest,
                    signature,
                }
            }
            other => other,
        }]
    }
}

/// Views, slots and heights one too high or one too low, in turn, properly signed.
#[derive(Default)]
struct OffByOne(u64);

impl Behaviour for OffByOne {
    fn on_send(&mut self, view: &View<'_>, _: ValidatorIndex, message: Message) -> Vec<Message> {
        self.0 += 1;
        let up = self.0.is_multiple_of(2);
        let step = |number: u64| match up {
            true => number.saturating_add(1),
            false => number.saturating_sub(1),
        };
        let shifted = |mut vote: Vote, by_view: bool, prepare: bool| {
            let number = if by_view {
                &mut vote.view
            } else {
                &mut vote.slot
            };
            *number = step(*number);
            voted(view, vote, vote.digest, prepare)
        };
        let by_view = self.0 % 4 < 2;
        vec![match message {
            Message::Prepare(vote) => Message::Prepare(shifted(vote, by_view, true)),
            Message::Commit(vote) => Message::Commit(shifted(vote, by_view, false)),
            Message::Executed { height, digest, .. } => {
                let height = step(height);
                let signature = view.pen.sign(&Statement::Executed(height, digest));
                Message::Executed {
                    height,
                    digest,
                    signature,
                }
            }
            Message::Status(mut status) => {
                status.view = step(status.view);
                status.committed = step(status.committed);
                status.executed = step(status.executed);
                status.certified = step(status.certified);
                status.lanes.iter_mut().for_each(|lane| *lane = step(*lane));
                Message::Status(status)
            }
            other => with_proposal(view, other, |proposal| proposal.slot = step(proposal.slot)),
        }]
    }
}

/// Says again what it heard and said long ago, and says all of it for another chain and epoch too.
#[derive(Default)]
struct Replay {
    heard: VecDeque<Message>,
    next: usize,
}

impl Replay {
    const KEPT: usize = 2000;

    fn keep(&mut self, message: &Message) {
        if self.heard.len() < Self::KEPT {
            self.heard.push_back(message.clone());
        }
    }
}

impl Behaviour for Replay {
    fn on_send(&mut self, view: &View<'_>, _: ValidatorIndex, message: Message) -> Vec<Message> {
        self.keep(&message);
        let elsewhere = match &message {
            Message::Prepare(vote) => {
                let statement = Statement::Prepare(vote.view, vote.slot, vote.digest.0);
                let signature = view.pen.sign_for(ChainId([9; 32]), 0, &statement);
                Some(Message::Prepare(Vote { signature, ..*vote }))
            }
            Message::Commit(vote) => {
                let statement = Statement::Commit(vote.view, vote.slot, vote.digest.0);
                let signature = view
                    .pen
                    .sign_for(view.pen.chain, view.pen.epoch + 1, &statement);
                Some(Message::Commit(Vote { signature, ..*vote }))
            }
            _ => None,
        };
        elsewhere.into_iter().chain([message]).collect()
    }

    fn on_see(&mut self, _: &View<'_>, _: ValidatorIndex, message: &Message) {
        self.keep(message);
    }

    fn spontaneous(&mut self, view: &View<'_>) -> Vec<(ValidatorIndex, Message)> {
        let mut said = Vec::new();
        for _ in 0..10.min(self.heard.len()) {
            self.next = (self.next + 1) % self.heard.len();
            said.extend(view.to_all(&self.heard[self.next]));
        }
        said
    }
}

/// As primary it proposes empty cuts only.
struct OrderNothing;

impl Behaviour for OrderNothing {
    fn on_send(&mut self, view: &View<'_>, _: ValidatorIndex, message: Message) -> Vec<Message> {
        vec![with_proposal(view, message, |proposal| {
            proposal.tips.clear();
        })]
    }
}

/// As primary it never orders the lane of the first of the others.
struct LeaveOneOut;

impl Behaviour for LeaveOneOut {
    fn on_send(&mut self, view: &View<'_>, _: ValidatorIndex, message: Message) -> Vec<Message> {
        let victim = view.others().next();
        vec![with_proposal(view, message, |proposal| {
            proposal.tips.retain(|tip| Some(tip.lane) != victim);
        })]
    }
}

/// As primary it shows its proposals to the first of the others long before the rest.
#[derive(Default)]
struct EarlyToOne(VecDeque<(Instant, ValidatorIndex, Message)>);

impl Behaviour for EarlyToOne {
    fn on_send(&mut self, view: &View<'_>, to: ValidatorIndex, message: Message) -> Vec<Message> {
        let late = Some(to) != view.others().next();
        if late && proposal_of(&message).is_some() {
            let due = Instant::now() + Duration::from_millis(700);
            self.0.push_back((due, to, message));
            return Vec::new();
        }
        vec![message]
    }

    fn spontaneous(&mut self, _: &View<'_>) -> Vec<(ValidatorIndex, Message)> {
        let now = Instant::now();
        let due = self.0.iter().take_while(|(due, ..)| *due <= now).count();
        self.0
            .drain(..due)
            .map(|(_, to, message)| (to, message))
            .collect()
    }
}
