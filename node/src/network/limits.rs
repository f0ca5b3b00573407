//! How long a message may be and how much of one peer may wait: what both ends of a stream derive from the ledger's own
//! figures, so that neither sends what the other refuses.

use bds_core::message::{STATE_PIECE_BYTES, STATE_PIECES_MAX};

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
/// Chain, height, time, previous, three roots, three counts, checkpoint, state root.
const HEADER: usize = DIGEST + 2 * NUMBER + 4 * DIGEST + 3 * 4 + NUMBER + DIGEST;
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
    /// - Sync: a batch, or an answer: [`ANSWER_BYTES_MAX`], or a single item that is longer; a piece of a state, or its offer.
    #[must_use]
    pub fn frame_bytes_max(&self, class: Class) -> usize {
        let bytes = match class {
            Class::Votes => self.new_view(),
            Class::Lanes => self.batch(),
            Class::Sync => self
                .batch()
                .max(TAG + LENGTH + ANSWER_BYTES_MAX.max(self.committed_slot()))
                .max(TAG + LENGTH + FETCH_BATCHES_MAX * DIGEST)
                .max(TAG + NUMBER + 2 * LENGTH + STATE_PIECE_BYTES)
                .max(self.state_offer()),
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

    /// Two certified headers, tips of all lanes, and a digest for each piece.
    fn state_offer(&self) -> usize {
        let tips = LENGTH + self.validators * (NUMBER + DIGEST);
        let pieces = NUMBER + LENGTH + STATE_PIECES_MAX * DIGEST;
        TAG + 2 * (HEADER + self.signatures()) + tips + pieces
    }

    fn new_view(&self) -> usize {
        let change = NUMBER + INDEX + NUMBER + LENGTH + self.window * PREPARED_AT + SIGNATURE;
        let stable = TAG + HEADER + self.signatures();
        let proofs = stable + LENGTH + self.window * self.committed_slot();
        TAG + NUMBER + LENGTH + self.validators * change + proofs + SIGNATURE
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{
        BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, MerkleRoot, Signature, Signatures,
        StateRoot, ValidatorIndex,
    };
    use bds_contracts::tx::{ChainId, Millis};
    use bds_core::batch::{Batch, BatchHeader, Payload, Tip, TipCertificate};
    use bds_core::message::{
        CommittedSlot, Message, NewView, PrePrepare, PreparedAt, PreparedSlot, Proofs, Proposal,
        ProposalDigest, ProvenViewChange, ViewChange, VoteCertificate,
    };

    use super::*;

    const SIZES: [usize; 4] = [4, 10, 40, 100];

    fn all(n: usize) -> impl Iterator<Item = ValidatorIndex> {
        (0..n).map(|index| ValidatorIndex::try_from(index).unwrap())
    }

    fn signatures(n: usize) -> Signatures {
        all(n).map(|index| (index, Signature([7; 64]))).collect()
    }

    fn tips(n: usize) -> Vec<Tip> {
        let tip = |lane| Tip {
            lane,
            position: 1,
            digest: BatchDigest([1; 32]),
        };
        all(n).map(tip).collect()
    }

    fn prepared(n: usize, slot: u64) -> PreparedSlot {
        let proposal = Proposal {
            slot,
            time: Millis(1),
            tips: tips(n),
        };
        let certificate = VoteCertificate {
            view: 1,
            slot,
            digest: proposal.digest(),
            signatures: signatures(n),
        };
        PreparedSlot {
            proposal,
            certificate,
        }
    }

    fn header(n: usize) -> CertifiedHeader {
        let header = BlockHeader {
            chain: ChainId([1; 32]),
            height: 1,
            time: Millis(1),
            previous: BlockDigest([2; 32]),
            payload_root: MerkleRoot([3; 32]),
            receipts_root: MerkleRoot([4; 32]),
            changes_root: MerkleRoot::default(),
            tx_count: 1,
            receipt_count: 1,
            dropped_count: 0,
            checkpoint: 1,
            state_root: StateRoot([5; 32]),
        };
        CertifiedHeader {
            header,
            signatures: signatures(n),
        }
    }

    fn proofs(n: usize, window: usize) -> Proofs {
        let slots = 1..=window as u64;
        Proofs {
            stable: Some(header(n)),
            prepared: slots.map(|slot| prepared(n, slot)).collect(),
        }
    }

    fn change(validator: ValidatorIndex, window: usize) -> ViewChange {
        let at = |slot| PreparedAt {
            slot,
            view: 1,
            digest: ProposalDigest([6; 32]),
        };
        ViewChange {
            view: 2,
            validator,
            stable: 1,
            prepared: (1..=window as u64).map(at).collect(),
            signature: Signature([7; 64]),
        }
    }

    /// The largest legal message of each kind that grows.
    fn largest(limits: &Limits) -> Vec<Message> {
        let (n, window) = (limits.validators, limits.window);
        let payload = Payload::from_bytes(vec![0; limits.batch_bytes]);
        let batch = Batch {
            header: BatchHeader {
                chain: ChainId([1; 32]),
                lane: 0,
                position: 1,
                parent: BatchDigest([2; 32]),
                transactions_root: MerkleRoot([3; 32]),
                count: 1,
                bytes: 1,
            },
            signature: Signature([4; 64]),
            payload,
        };
        let PreparedSlot {
            proposal,
            certificate,
        } = prepared(n, 1);
        let committed = CommittedSlot {
            proposal: proposal.clone(),
            certificate,
        };
        vec![
            Message::NewView(NewView {
                view: 2,
                changes: all(n).map(|index| change(index, window)).collect(),
                proofs: proofs(n, window),
                signature: Signature([8; 64]),
            }),
            Message::ViewChange(ProvenViewChange {
                change: change(0, window),
                proofs: proofs(n, window),
            }),
            Message::PrePrepare(PrePrepare {
                view: 1,
                proposal,
                certificates: vec![signatures(n); n],
                signature: Signature([8; 64]),
            }),
            Message::Certificate(TipCertificate {
                tip: tips(1)[0],
                signatures: signatures(n),
            }),
            Message::Batch(batch),
            Message::Slots(vec![committed]),
            Message::Headers(vec![header(n)]),
            Message::FetchBatches(vec![BatchDigest([1; 32]); FETCH_BATCHES_MAX]),
        ]
    }

    fn length(message: &Message) -> usize {
        borsh::object_length(message).unwrap()
    }

    #[test]
    fn the_largest_legal_message_of_every_kind_fits_its_class() {
        for n in SIZES {
            let limits = Limits::of(n);
            for message in largest(&limits) {
                let class = Class::of(&message);
                let (length, limit) = (length(&message), limits.frame_bytes_max(class));
                assert!(
                    length <= limit,
                    "n = {n}: {length} bytes of {limit} on {}",
                    class.name()
                );
            }
        }
    }

    #[test]
    fn the_sums_are_those_of_the_encoder() {
        for n in SIZES {
            let limits = Limits::of(n);
            let messages = largest(&limits);
            assert_eq!(limits.new_view(), length(&messages[0]), "n = {n}");
            assert_eq!(limits.batch(), length(&messages[4]), "n = {n}");
            assert_eq!(
                TAG + LENGTH + limits.committed_slot(),
                length(&messages[5]),
                "n = {n}"
            );
        }
    }

    #[test]
    fn what_may_wait_stays_within_a_machine_at_every_size() {
        for n in SIZES {
            let limits = Limits::of(n);
            let sum = |bytes: &dyn Fn(Class) -> usize| -> usize {
                Class::ALL.into_iter().map(bytes).sum::<usize>() * (n - 1)
            };
            let heard = sum(&|class| limits.inbox_bytes_max(class));
            let to_send = sum(&|class| limits.outgoing_bytes_max(class));
            // f of them lie and fill their part; the others do not.
            assert!(
                heard <= 1 << 30,
                "n = {n}: {heard} bytes may wait for the core"
            );
            assert!(
                to_send <= 2 << 30,
                "n = {n}: {to_send} bytes may wait to be sent"
            );
            for class in Class::ALL {
                let frame = limits.frame_bytes_max(class);
                assert!(limits.inbox_bytes_max(class) > frame);
                assert!(limits.outgoing_bytes_max(class) >= 2 * frame);
            }
        }
    }
}
