//! How long a message may be and how much of one peer may wait: what both ends of a stream derive from the ledger's own
//! figures, so that neither sends what the other refuses.

use super::class::Class;

/// Of every answer to a validator that fell behind: its items are cut when their encodings pass this.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Digests in one question for batches.
const FETCH_BATCHES_MAX: usize = 64;
/// No limit is below this: small sets have room to spare, and a kind of message that is added later is not cut off.
const FRAME_BYTES_MIN: usize = 1 << 20;
/// What a peer may have waiting for the core beside its longest frame: votes of all slots in flight many times over.
const VOTES_WAITING_BYTES: usize = 2 << 20;
/// Batches, and answers to questions, of all peers together that may wait for the core; divided among them.
const BULK_WAITING_BYTES: usize = 48 << 20;
/// What may wait to be sent to all peers together, votes and bulk each; divided among them.
const OUTGOING_BYTES: usize = 96 << 20;

// Encoded lengths in bytes. A vector has a length of four, an option and a message a tag of one.
const SIGNATURE: usize = 64;
const DIGEST: usize = 32;
const NUMBER: usize = 8;
const INDEX: usize = 2;
const LENGTH: usize = 4;
const TAG: usize = 1;
/// Chain, height, time, previous, two roots, two counts, checkpoint, state root.
const HEADER: usize = DIGEST + 2 * NUMBER + 3 * DIGEST + 2 * 4 + NUMBER + DIGEST;
/// Lane, position, digest.
const TIP: usize = INDEX + NUMBER + DIGEST;
/// Slot, view, digest.
const PREPARED_AT: usize = 2 * NUMBER + DIGEST;

/// Figures of the ledger that message lengths follow from; the same on every validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members of the validator set.
    pub validators: usize,
    /// Slots above the newest certified header that may be open.
    pub window: usize,
    /// Longest packed payload of a batch.
    pub batch_bytes: usize,
}

impl Limits {
    /// The defaults of the core for a set of this size.
    #[must_use]
    pub fn of(validators: usize) -> Self {
        Self {
            validators,
            window: 256,
            batch_bytes: 512 * 1024,
        }
    }

    /// Longest encoded message of a class in bytes; a longer one is a fault of its sender.
    ///
    /// - Votes: the largest new view. It holds view changes of at most all members, each naming every slot of the window,
    ///   one certified header, and for each of these slots one proposal with its prepare certificate; a certificate has at most
    ///   one signature a member. So it grows with `window * (64 + 42 + 48) * validators`. A view change and a
    ///   pre-prepare are smaller: a part of it, and a proposal with a certificate for each of its tips.
    /// - Lanes: a batch with a full payload.
    /// - Sync: a batch, or an answer: [`ANSWER_BYTES_MAX`], or a single item that is longer.
    #[must_use]
    pub fn frame_bytes_max(&self, class: Class) -> usize {
        let bytes = match class {
            Class::Votes => self.new_view(),
            Class::Lanes => self.batch(),
            Class::Sync => self
                .batch()
                .max(TAG + LENGTH + ANSWER_BYTES_MAX.max(self.committed_slot()))
                .max(TAG + LENGTH + FETCH_BATCHES_MAX * DIGEST),
        };
        bytes.max(FRAME_BYTES_MIN)
    }

    /// Bytes of one peer that may be between its stream and the core's turn; the longest frame always fits. While
    /// they are used up the stream is not read, and flow control stops the peer.
    #[must_use]
    pub fn inbox_bytes_max(&self, class: Class) -> usize {
        let frame = self.frame_bytes_max(class) + super::inbox::MESSAGE_BYTES;
        match class {
            Class::Votes => frame + VOTES_WAITING_BYTES,
            Class::Lanes | Class::Sync => frame.max(BULK_WAITING_BYTES / self.peers()),
        }
    }

    /// Bytes that may wait to be sent to one peer; two of the longest frames always fit.
    #[must_use]
    pub fn outgoing_bytes_max(&self, class: Class) -> usize {
        let share = OUTGOING_BYTES / self.peers();
        (2 * self.frame_bytes_max(class)).max(match class {
            Class::Votes => share / 4,
            Class::Lanes | Class::Sync => share,
        })
    }

    fn peers(&self) -> usize {
        self.validators.saturating_sub(1).max(1)
    }

    /// Chain, lane, position, parent, root, count, length; signature; the payload behind its length.
    fn batch(&self) -> usize {
        let header = 3 * DIGEST + INDEX + NUMBER + 2 * 4;
        TAG + header + SIGNATURE + LENGTH + self.batch_bytes
    }

    /// Signatures of all members behind a bitmap.
    fn signatures(&self) -> usize {
        2 + self.validators.div_ceil(8) + self.validators * SIGNATURE
    }

    /// A proposal with a tip of every lane, and the view, slot, digest and signatures of a vote certificate.
    fn committed_slot(&self) -> usize {
        let proposal = 2 * NUMBER + LENGTH + self.validators * TIP;
        proposal + PREPARED_AT + self.signatures()
    }

    fn new_view(&self) -> usize {
        let change = NUMBER + INDEX + NUMBER + LENGTH + self.window * PREPARED_AT + SIGNATURE;
        let stable = TAG + HEADER + self.signatures();
        let proofs = stable + LENGTH + self.window * self.committed_slot();
        TAG + NUMBER + LENGTH + self.validators * change + proofs + SIGNATURE
    }
}
