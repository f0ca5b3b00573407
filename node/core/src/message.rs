//! What validators say to each other.

use bds_contracts::block::{
    BatchDigest, BlockDigest, CertifiedHeader, Height, Signature, Signatures, ValidatorIndex,
};
use bds_contracts::tx::Millis;
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use crate::batch::{Batch, BatchCertificate, Position};

/// A view's primary is the validator `view mod n`.
pub type View = u64;

/// What PBFT agrees on for one slot: up to where each lane is ordered, and at which time.
///
/// A cut is cumulative: a lane's tip orders every batch of that lane up to it that no earlier slot ordered, so a
/// slot replaced by an empty proposal loses nothing. The empty proposal (`time` 0, no tips) fills gaps in a
/// view change.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// The slot; block height of the result.
    pub slot: Height,
    /// Proposed block time; the block takes the larger of it and its predecessor's.
    pub time: Millis,
    /// Newly certified lane tips, at most one a lane, sorted by lane.
    pub tips: Vec<BatchCertificate>,
}

/// SHA-512/256 of a proposal's lane tips (lane, position, digest), slot and time.
///
/// The view is left out, so the same proposal keeps its digest across view changes; certificates' signers are
/// left out, so two valid certificates of one batch do not make two proposals.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct ProposalDigest(pub [u8; 32]);

impl Proposal {
    /// Name of this proposal.
    #[must_use]
    pub fn digest(&self) -> ProposalDigest {
        let tips: Vec<_> = self
            .tips
            .iter()
            .map(|t| (t.lane, t.position, t.digest))
            .collect();
        let bytes =
            borsh::to_vec(&(self.slot, self.time, tips)).expect("writing to memory cannot fail");
        ProposalDigest(Sha512_256::digest(bytes).into())
    }
}

/// One prepare or commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// View it was cast in.
    pub view: View,
    /// Slot it is for.
    pub slot: Height,
    /// Proposal it is for.
    pub digest: ProposalDigest,
    /// Over `Statement::Prepare` or `Statement::Commit`.
    pub signature: Signature,
}

/// A quorum of prepares (or commits) of one view for one proposal.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VoteCertificate {
    /// View of all votes in it.
    pub view: View,
    /// Slot.
    pub slot: Height,
    /// Proposal.
    pub digest: ProposalDigest,
    /// Over `Statement::Prepare` or `Statement::Commit`, as the place of use says.
    pub signatures: Signatures,
}

/// A slot whose order is final.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommittedSlot {
    /// What was agreed.
    pub proposal: Proposal,
    /// Commits of a quorum.
    pub certificate: VoteCertificate,
}

/// A slot this validator prepared and the proof of it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PreparedSlot {
    /// What was prepared.
    pub proposal: Proposal,
    /// Prepares of a quorum.
    pub certificate: VoteCertificate,
}

/// "Let us go to `view`", with everything the sender prepared above its last stable slot.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ViewChange {
    /// The view asked for.
    pub view: View,
    /// Sender.
    pub validator: ValidatorIndex,
    /// Certified header that makes every slot at or below its height final; `None` at genesis.
    pub stable: Option<CertifiedHeader>,
    /// Slots above, each with its prepare certificate of the highest view, sorted by slot.
    pub prepared: Vec<PreparedSlot>,
    /// Over `Statement::ViewChange(view, digest of the fields above)`.
    pub signature: Signature,
}

/// The new primary's proof that the view may start; every receiver recomputes the re-proposals from it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NewView {
    /// The view that starts.
    pub view: View,
    /// View changes of a quorum, sorted by validator.
    pub view_changes: Vec<ViewChange>,
    /// Over `Statement::NewView(view, digest of the fields above)`.
    pub signature: Signature,
}

/// What a validator has; sent on connecting and every status interval.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Status {
    /// View it is in.
    pub view: View,
    /// Last slot it committed without a gap below.
    pub committed: Height,
    /// Last slot it executed.
    pub executed: Height,
    /// Last block whose result it knows to be certified.
    pub certified: Height,
    /// Positions of the last batch it holds of every lane, by lane.
    pub lanes: Vec<Position>,
}

/// One message between validators. The transport proves who sent it (Noise); signatures inside prove it to others.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// A lane's next batch with its payload.
    Batch(Batch),
    /// To the lane's author: held and checked.
    Acknowledge {
        /// Position in the author's lane.
        position: Position,
        /// Which batch.
        digest: BatchDigest,
        /// Over `Statement::Acknowledge`.
        signature: Signature,
    },
    /// A lane's new certified tip.
    Certificate(BatchCertificate),
    /// The primary proposes.
    PrePrepare {
        /// View of the primary.
        view: View,
        /// What it proposes.
        proposal: Proposal,
        /// Over `Statement::PrePrepare`.
        signature: Signature,
    },
    /// First vote.
    Prepare(Vote),
    /// Second vote.
    Commit(Vote),
    /// Result of execution.
    Executed {
        /// Height of the block.
        height: Height,
        /// Digest of the header the sender computed.
        digest: BlockDigest,
        /// Over `Statement::Executed`.
        signature: Signature,
    },
    /// Leave the view.
    ViewChange(ViewChange),
    /// Enter the view.
    NewView(NewView),
    /// What I have.
    Status(Status),
    /// Send me these batches.
    FetchBatches(Vec<BatchDigest>),
    /// Send me committed slots from here on, as many as fit into a message.
    FetchSlots {
        /// First slot wanted.
        from: Height,
        /// At most this many.
        count: u32,
    },
    /// Answer to `FetchSlots`: consecutive committed slots.
    Slots(Vec<CommittedSlot>),
    /// Send me certified headers from here on, as many as fit into a message.
    FetchHeaders {
        /// First height wanted.
        from: Height,
        /// At most this many.
        count: u32,
    },
    /// Answer to `FetchHeaders`: those there are, rising.
    Headers(Vec<CertifiedHeader>),
}
