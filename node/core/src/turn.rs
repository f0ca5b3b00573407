//! The border of the core: what goes in, what comes out, and the rule that writes come first.
//!
//! The shell runs turns: it hands over inputs, takes the [`Turn`], writes its records, syncs if one of them is a promise, and
//! only then gets to see the effects. [`Turn::commit`] is the only way to open a turn, so no vote, acknowledgement or result
//! can leave before what it depends on is on disk.

use std::sync::Arc;

use bds_contracts::block::{
    BatchDigest, BlockHeader, CertifiedHeader, Height, MerkleRoot, ValidatorIndex,
};
use bds_contracts::tx::Millis;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::batch::{Batch, Payload, Position, TipCertificate};
use crate::message::{
    CommittedSlot, Message, NewView, PreparedSlot, Proposal, ProvenViewChange, View, Vote,
};
use crate::order::SlotBatches;

/// The time, read twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since any moment; never goes back, whatever is done to the clock. All timers run on it.
    pub timer: Millis,
    /// Milliseconds since the Unix epoch as the machine's clock has it. It enters only into the time of a block.
    pub wall: Millis,
}

impl From<Millis> for Now {
    /// For those who have one clock that never goes back.
    fn from(both: Millis) -> Self {
        Self {
            timer: both,
            wall: both,
        }
    }
}

/// What the engine finds in a batch whose header its author signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Root, count, length and every transaction's form and signature are right.
    Valid,
    /// The payload is not the one that the header names. The author did not sign it: whoever passed it on may have changed it.
    Altered,
    /// The payload is the header's, and a transaction in it has no right form or signature: its author checks what it seals.
    Forged,
}

/// An admitted transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Wire bytes whose signatures the engine has accepted.
    pub transaction: Arc<[u8]>,
    /// It is to take the place of an earlier submission that still waits for a batch; [`Effect::Replaced`] tells whether it did. Those
    /// that replace nothing are numbered from 0 in the order in which they are handed over.
    pub replaces: Option<u64>,
}

impl<T: Into<Arc<[u8]>>> From<T> for Submission {
    /// One that replaces nothing.
    fn from(transaction: T) -> Self {
        Self {
            transaction: transaction.into(),
            replaces: None,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// Admitted transactions for the own lane.
    Submit(Vec<Submission>),
    /// The answer to [`Effect::Seal`].
    Sealed {
        /// As asked.
        position: Position,
        /// Packed transactions, as asked.
        payload: Payload,
        /// Root over them.
        root: MerkleRoot,
        /// How many.
        count: u32,
    },
    /// A peer said something.
    Received {
        /// Proven by the transport.
        from: ValidatorIndex,
        /// What.
        message: Message,
    },
    /// The answer to [`Effect::Verify`].
    Verified {
        /// Which batch.
        digest: BatchDigest,
        /// What was found.
        verdict: Verdict,
    },
    /// The answer to [`Effect::Execute`].
    Executed {
        /// The header that resulted.
        header: BlockHeader,
    },
    /// The answer to [`Effect::LoadBatches`]: what the store had.
    Loaded(Vec<Batch>),
    /// A connection to this peer is up.
    Connected(ValidatorIndex),
    /// Time has come; harmless when early or late.
    Tick,
}

/// Something the shell must now do, in order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Compute the root over these transactions, then answer with [`Input::Sealed`].
    Seal {
        /// Place in the own lane.
        position: Position,
        /// Packed transactions.
        payload: Payload,
    },
    /// Check root, count and every client signature of this batch, then answer with [`Input::Verified`].
    Verify(Batch),
    /// Of each submission that was to replace another, in order: whether it did, and waits in its place. The other was in a batch
    /// already if not, and the new one is forgotten.
    Replaced(Vec<bool>),
    /// Send to one validator.
    Send(ValidatorIndex, Message),
    /// Send to all others.
    Broadcast(Message),
    /// Execute this slot after all before it, then answer with [`Input::Executed`].
    Execute {
        /// Slot and block height.
        height: Height,
        /// Time of the block, already not before its predecessor's.
        time: Millis,
        /// What is executed, in the order that the block before draws.
        batches: SlotBatches,
    },
    /// A quorum signed the result of this block: receipts under it are proven.
    Certified(CertifiedHeader),
    /// Read these batches from the store, then answer with [`Input::Loaded`] (fewer when some are missing).
    LoadBatches(Vec<BatchDigest>),
    /// Read these batches from the store and send each found one to the peer as [`Message::Batch`].
    ServeBatches(ValidatorIndex, Vec<BatchDigest>),
    /// Read committed slots and send them to the peer as [`Message::Slots`].
    ServeSlots {
        /// Who asked.
        to: ValidatorIndex,
        /// First slot.
        from: Height,
        /// At most so many, and fewer when a message holds no more.
        count: usize,
    },
    /// Read certified headers and send them to the peer as [`Message::Headers`].
    ServeHeaders {
        /// Who asked.
        to: ValidatorIndex,
        /// First height.
        from: Height,
        /// At most so many, and fewer when a message holds no more.
        count: usize,
    },
    /// Say to the peer which states are on disk, each as a [`Message::State`].
    ServeStates(ValidatorIndex),
    /// Read a piece of the state after a block and send it to the peer as [`Message::Piece`].
    ServePiece {
        /// Who asked.
        to: ValidatorIndex,
        /// The block.
        height: Height,
        /// Which piece.
        piece: u32,
    },
    /// Others are certified up to this block, further ahead than what is to be executed again here: stop this core, take the state of a
    /// later block from them, and start another core from there. One that goes on all the same catches up block by block.
    TakeState(Height),
    /// Call back with [`Input::Tick`] at this time of the timer ([`Now::timer`]) or later; the earliest asked for is enough.
    WakeAt(Millis),
    /// The node must stop: it disagrees with a quorum, and going on would spread the damage.
    Halt(String),
}

/// Something to be written before the effects of its turn are carried out: a promise, which must then be on disk, or a note.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// A checked batch, own or a peer's. Goes to the ledger log.
    Batch(Batch),
    /// A slot became final. Goes to the ledger log.
    Committed(CommittedSlot),
    /// A block's result is certified. Goes to the ledger log.
    Certified(CertifiedHeader),
    /// A lane tip certificate worth keeping. Goes to the vote log, as all below.
    LaneCertificate(TipCertificate),
    /// Pre-prepare sent or accepted.
    PrePrepared {
        /// In this view.
        view: View,
        /// This proposal.
        proposal: Proposal,
    },
    /// Prepare cast.
    Prepared(Vote),
    /// A prepare certificate was seen: carried into view changes.
    PrepareCertificate(PreparedSlot),
    /// Commit cast.
    Committing(Vote),
    /// View change cast.
    ViewChanging(ProvenViewChange),
    /// View entered; what it re-proposes is in it, and accepted with it.
    EnteredView(NewView),
}

impl Record {
    /// True when others, or this validator's own state, will rest on it: it is on disk before anything leaves. A note is only
    /// written, and a crash may lose it until something after it in its log is synced.
    ///
    /// - A lane certificate is a note. The batch is a promise of its author, and each acknowledgement one of its signer, who
    ///   gives it again when asked: after a crash the certificate is collected again, or a peer shows it.
    /// - A prepare certificate is a note. The commit vote that rests on it is a promise written after it to the same log,
    ///   and a log is durable in order: whoever let a commit vote out, or a view change that names the slot, finds the
    ///   certificate again. Whoever let neither out may forget it, as if the prepares had not arrived.
    /// - A committed slot and a certified header could be learned again from peers. They are promises all the same, for more
    ///   than votes follows from them: a slot is executed, and the state and its snapshot must never be ahead of the log; a
    ///   certified header tells clients that they may rely on their receipts; and the store serves what is synced.
    #[must_use]
    pub fn is_promise(&self) -> bool {
        match self {
            Self::LaneCertificate(_) | Self::PrepareCertificate(_) => false,
            Self::Batch(_)
            | Self::Committed(_)
            | Self::Certified(_)
            | Self::PrePrepared { .. }
            | Self::Prepared(_)
            | Self::Committing(_)
            | Self::ViewChanging(_)
            | Self::EnteredView(_) => true,
        }
    }
}

/// Where records go. A node has a disk; the simulator has one that can lose what was not synced.
pub trait Disk {
    /// What can go wrong.
    type Error;

    /// Appends in order; nothing is durable yet.
    ///
    /// # Errors
    /// When the medium refuses; the turn's effects must then never be carried out.
    fn append(&mut self, record: &Record) -> Result<(), Self::Error>;

    /// Returns when everything appended is durable.
    ///
    /// # Errors
    /// When the medium refuses. Never to be retried: the process stops.
    fn sync(&mut self) -> Result<(), Self::Error>;
}

/// What one or several steps want done.
#[derive(Debug, Default)]
#[must_use = "a turn that is not committed loses its votes"]
pub struct Turn {
    records: Vec<Record>,
    effects: Vec<Effect>,
}

impl Turn {
    /// Nothing to write and nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.effects.is_empty()
    }

    /// True when [`Turn::commit`] will wait for the disk.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.records.iter().any(Record::is_promise)
    }

    /// Writes, syncs if a promise is among what was written, and only then hands out the effects.
    ///
    /// # Errors
    /// The disk's error; no effect of this turn gets out.
    pub fn commit<D: Disk>(self, disk: &mut D) -> Result<Vec<Effect>, D::Error> {
        for record in &self.records {
            disk.append(record)?;
        }
        if self.writes() {
            disk.sync()?;
        }
        Ok(self.effects)
    }

    pub(crate) fn write(&mut self, record: Record) {
        self.records.push(record);
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}
