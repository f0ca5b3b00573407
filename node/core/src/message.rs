//! What validators say to each other.

use bds_contracts::block::{
    BatchDigest, BlockDigest, CertifiedHeader, Height, Signature, Signatures, ValidatorIndex,
};
use bds_contracts::tx::Millis;
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use crate::batch::{Batch, Position, Tip, TipCertificate};

/// Number of a view. Which validator is primary of a slot follows from both: see `rotation_slots` in the configuration.
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
    /// Newly certified lane tips, at most one a lane, sorted by lane. Their certificates travel beside the proposal; whoever
    /// prepared it has checked them.
    pub tips: Vec<Tip>,
}

/// SHA-512/256 of a proposal: slot, time and lane tips.
///
/// The view is left out, so the same proposal keeps its digest across view changes.
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
        let bytes = borsh::to_vec(self).expect("writing to memory cannot fail");
        ProposalDigest(Sha512_256::digest(bytes).into())
    }
}

/// What the primary proposes for a slot.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PrePrepare {
    /// View of the primary.
    pub view: View,
    /// What it proposes.
    pub proposal: Proposal,
    /// For each tip of the proposal, in order, its certificate's signatures.
    pub certificates: Vec<Signatures>,
    /// Over `Statement::PrePrepare`.
    pub signature: Signature,
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

/// A vote that a peer heard of the validator it says this to.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Remembered {
    /// A first vote.
    Prepare(Vote),
    /// A second one.
    Commit(Vote),
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

/// A slot that the sender of a view change prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct PreparedAt {
    /// Which slot.
    pub slot: Height,
    /// The highest view it was prepared in.
    pub view: View,
    /// What was prepared there.
    pub digest: ProposalDigest,
}

impl PreparedSlot {
    /// What it proves.
    #[must_use]
    pub fn at(&self) -> PreparedAt {
        PreparedAt {
            slot: self.certificate.slot,
            view: self.certificate.view,
            digest: self.certificate.digest,
        }
    }
}

/// "Let us go to `view`", with everything the sender prepared above its last stable slot.
///
/// It says what was prepared; [`Proofs`] show it. So a new view carries what each of a quorum says, which is small, and for
/// each slot the one proof that counts.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ViewChange {
    /// The view asked for.
    pub view: View,
    /// Sender.
    pub validator: ValidatorIndex,
    /// Every slot at or below is final by a certified header; 0 at genesis.
    pub stable: Height,
    /// Slots above, sorted by slot.
    pub prepared: Vec<PreparedAt>,
    /// Over `Statement::ViewChange(view, digest of the fields above)`.
    pub signature: Signature,
}

/// What a view change or a new view says, shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Proofs {
    /// The certified header of the highest stable height; `None` at genesis.
    pub stable: Option<CertifiedHeader>,
    /// Prepared slots with their certificates, sorted by slot.
    pub prepared: Vec<PreparedSlot>,
}

/// A view change with the proof of every slot in it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProvenViewChange {
    /// What the sender says.
    pub change: ViewChange,
    /// One prepared slot for each that it names.
    pub proofs: Proofs,
}

/// The new primary's proof that the view may start; every receiver recomputes the re-proposals from it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NewView {
    /// The view that starts.
    pub view: View,
    /// View changes of a quorum, sorted by validator.
    pub changes: Vec<ViewChange>,
    /// The highest stable header among them, and for every slot above it that one of them names the proposal prepared in
    /// the highest view.
    pub proofs: Proofs,
    /// Over `Statement::NewView(view, digest of view and changes)`.
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
    /// How long voting on a slot takes there, in milliseconds.
    pub voting_ms: u64,
    /// Positions of the last batch it holds of every lane, by lane.
    pub lanes: Vec<Position>,
}

/// The state after a block travels in pieces of so many bytes, the last one shorter.
pub const STATE_PIECE_BYTES: usize = 512 * 1024;
/// No state has more pieces: 12 GiB.
pub const STATE_PIECES_MAX: usize = 24 * 1024;

/// A state that a validator has on disk and gives to whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateOffer {
    /// The block it is the state after, a checkpoint.
    pub block: CertifiedHeader,
    /// The first block that names its root.
    pub naming: CertifiedHeader,
    /// Last executed batch of every lane after it, by lane. No header tells them, so they are true when f+1 say them.
    pub tips: Vec<(Position, BatchDigest)>,
    /// How long it is.
    pub bytes: u64,
    /// BLAKE3 of each piece.
    pub pieces: Vec<[u8; 32]>,
}

impl StateOffer {
    /// Whether both offer the same; a certificate may hold the signatures of one quorum or another.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.block.header == other.block.header
            && self.naming.header == other.naming.header
            && self.tips == other.tips
            && self.bytes == other.bytes
            && self.pieces == other.pieces
    }

    /// As many pieces as the length asks for, and no more than any state has.
    #[must_use]
    pub fn has_all_pieces(&self) -> bool {
        let pieces = self.bytes.div_ceil(STATE_PIECE_BYTES as u64);
        self.pieces.len() <= STATE_PIECES_MAX && pieces == self.pieces.len() as u64
    }
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
    Certificate(TipCertificate),
    /// The primary proposes.
    PrePrepare(PrePrepare),
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
    ViewChange(ProvenViewChange),
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
    /// The last vote I heard of you; the first thing said on a connection.
    Remember(Remembered),
    /// Which states do you have?
    FetchStates,
    /// Answer to `FetchStates`, once for each.
    State(Box<StateOffer>),
    /// Send me a piece of the state after this block.
    FetchPiece {
        /// The block.
        height: Height,
        /// Which piece, from 0.
        piece: u32,
    },
    /// Answer to `FetchPiece`.
    Piece {
        /// The block.
        height: Height,
        /// Which piece.
        piece: u32,
        /// It.
        bytes: Vec<u8>,
    },
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{BlockHeader, MerkleRoot, StateRoot};
    use bds_contracts::tx::ChainId;

    use super::*;

    /// Two quorums may have signed one block: what they offer is the same. Whatever else is different is not.
    #[test]
    fn offers_are_alike_whoever_signed() {
        let certified = |height, signer| CertifiedHeader {
            header: BlockHeader {
                chain: ChainId([1; 32]),
                height,
                time: Millis(1),
                previous: BlockDigest([2; 32]),
                payload_root: MerkleRoot([3; 32]),
                receipts_root: MerkleRoot([4; 32]),
                changes_root: MerkleRoot([5; 32]),
                tx_count: 1,
                receipt_count: 1,
                dropped_count: 0,
                checkpoint: 0,
                state_root: StateRoot([6; 32]),
            },
            signatures: [(signer, Signature([7; 64]))].into_iter().collect(),
        };
        let offer = |signer| StateOffer {
            block: certified(128, signer),
            naming: certified(160, signer),
            tips: vec![(3, BatchDigest([8; 32]))],
            bytes: 5,
            pieces: vec![[9; 32]],
        };
        assert!(offer(0).is_like(&offer(1)));
        let changes: [fn(&mut StateOffer); 5] = [
            |offer| offer.block.header.tx_count = 2,
            |offer| offer.naming.header.state_root = StateRoot([0; 32]),
            |offer| offer.tips[0].0 = 4,
            |offer| offer.bytes = 6,
            |offer| offer.pieces[0][31] = 0,
        ];
        for change in changes {
            let mut other = offer(0);
            change(&mut other);
            assert!(!offer(0).is_like(&other));
        }
    }
}
