//! Planted bugs: rules broken on purpose, in the core or around it, each of which the simulator must find.

use bds_core::config::Broken;

use super::byzantine::Lie;
use super::plan::Plan;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// Nothing: as it ships.
    #[default]
    Correct,
    /// A quorum is one vote short: 2f of 3f+1.
    QuorumTwoF,
    /// Effects leave before the sync, so a crash forgets votes that others have.
    VoteBeforeDurable,
    /// A restart forgets the votes it finds on disk.
    VotesForgotten,
    /// A view change leaves out what its sender prepared.
    PreparedDropped,
    /// A vote that arrives twice counts twice.
    VoterCountedTwice,
    /// The store tries a failed sync again and believes the second answer.
    SyncRetried,
    /// A node tells its client "committed" when it has executed, before a quorum has signed the result.
    ToldBeforeCertified,
    /// A node tells its client "committed" with the block's height off by one.
    ToldWrongHeight,
    /// A node answers reads from a state one block old.
    StaleRead,
    /// A snapshot is taken with the lane tips of the block before.
    SnapshotOldTips,
    /// A snapshot holds a state that never was.
    SnapshotWrongState,
    /// A restart leaves out the last record of the ledger log.
    LastRecordSkipped,
    /// A restart reads the vote log backwards.
    VotesReversed,
    /// The state machine executes a transaction it has seen.
    ExecutedTwice,
    /// The state machine's result depends on who executes.
    ResultOfItsOwn,
    /// The state machine leaves the order of a slot's batches to chance.
    OrderByArrival,
    /// A batch with a wrong signature passes for right.
    InvalidAccepted,
    /// Votes are cast and not written.
    PromiseNotWritten,
    /// The own batches are sent and not written.
    OwnBatchNotWritten,
    /// Whoever asks for committed slots gets those after the first one asked for.
    ServesNextSlot,
    /// A transaction is accepted and then dropped when the mempool is half full.
    AcceptedThenDropped,
    /// A node tells its client the place of the transaction after its own.
    ToldWrongIndex,
    /// Timers run on the clock that can be set.
    TimersOnWallClock,
    /// A block takes its time from the clock of whoever executes it.
    OwnBlockTime,
}

impl Variant {
    /// All broken ones.
    pub const BROKEN: &[Self] = &[
        Self::QuorumTwoF,
        Self::VoteBeforeDurable,
        Self::VotesForgotten,
        Self::PreparedDropped,
        Self::VoterCountedTwice,
        Self::SyncRetried,
        Self::ToldBeforeCertified,
        Self::ToldWrongHeight,
        Self::StaleRead,
        Self::SnapshotOldTips,
        Self::SnapshotWrongState,
        Self::LastRecordSkipped,
        Self::VotesReversed,
        Self::ExecutedTwice,
        Self::ResultOfItsOwn,
        Self::OrderByArrival,
        Self::InvalidAccepted,
        Self::PromiseNotWritten,
        Self::OwnBatchNotWritten,
        Self::ServesNextSlot,
        Self::AcceptedThenDropped,
        Self::ToldWrongIndex,
        Self::TimersOnWallClock,
        Self::OwnBlockTime,
    ];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::QuorumTwoF => "quorum-2f",
            Self::VoteBeforeDurable => "vote-before-durable",
            Self::VotesForgotten => "votes-forgotten",
            Self::PreparedDropped => "prepared-dropped",
            Self::VoterCountedTwice => "voter-counted-twice",
            Self::SyncRetried => "sync-retried",
            Self::ToldBeforeCertified => "told-before-certified",
            Self::ToldWrongHeight => "told-wrong-height",
            Self::StaleRead => "stale-read",
            Self::SnapshotOldTips => "snapshot-old-tips",
            Self::SnapshotWrongState => "snapshot-wrong-state",
            Self::LastRecordSkipped => "last-record-skipped",
            Self::VotesReversed => "votes-reversed",
            Self::ExecutedTwice => "executed-twice",
            Self::ResultOfItsOwn => "result-of-its-own",
            Self::OrderByArrival => "order-by-arrival",
            Self::InvalidAccepted => "invalid-accepted",
            Self::PromiseNotWritten => "promise-not-written",
            Self::OwnBatchNotWritten => "own-batch-not-written",
            Self::ServesNextSlot => "serves-next-slot",
            Self::AcceptedThenDropped => "accepted-then-dropped",
            Self::ToldWrongIndex => "told-wrong-index",
            Self::TimersOnWallClock => "timers-on-wall-clock",
            Self::OwnBlockTime => "own-block-time",
        }
    }

    /// The variant with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = std::iter::once(Self::Correct).chain(Self::BROKEN.iter().copied());
        all.into_iter().find(|variant| variant.name() == name)
    }

    /// The plan that looks for it: this seed, with liars where the bug needs one to show.
    #[must_use]
    pub fn plan(self, seed: u64) -> Plan {
        let plan = Plan {
            variant: self,
            ..Plan::new(seed)
        };
        let lying = |lie| Plan {
            byzantine: (plan.nodes - 1) / 3,
            lies: Some(vec![lie]),
            ..plan.clone()
        };
        match self {
            Self::InvalidAccepted => lying(Lie::BadBatch),
            // The observer's recount is off: agreement itself must break.
            Self::QuorumTwoF => Plan {
                trust_certificates: true,
                ..lying(Lie::Equivocate)
            },
            _ => plan,
        }
    }

    /// What of it lies in the core.
    #[must_use]
    pub fn broken(self) -> Broken {
        match self {
            Self::QuorumTwoF => Broken::QuorumTwoF,
            Self::VotesForgotten => Broken::VotesForgotten,
            Self::PreparedDropped => Broken::PreparedDropped,
            Self::VoterCountedTwice => Broken::VoterCountedTwice,
            _ => Broken::No,
        }
    }
}
