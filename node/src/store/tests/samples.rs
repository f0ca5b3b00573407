//! Records to store: what a turn of the core writes for one slot, in small.

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, Height, MerkleRoot, Signature,
    Signatures, StateRoot,
};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::batch::{Batch, BatchHeader, Payload, Tip, TipCertificate};
use bds_core::message::{CommittedSlot, PreparedSlot, Proposal, Vote, VoteCertificate};
use bds_core::turn::Record;

pub(super) const CHAIN: ChainId = ChainId([7; 32]);
/// Every so many slots a checkpoint.
pub(super) const CHECKPOINT: Height = 8;

fn signature(seed: u64) -> Signature {
    let mut bytes = [0; 64];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Signature(bytes)
}

fn signatures(seed: u64) -> Signatures {
    (0..3)
        .map(|i| (i, signature(seed + u64::from(i))))
        .collect()
}

pub(super) fn batch(position: u64, payload_bytes: usize) -> Batch {
    let payload = Payload::from_bytes((0..payload_bytes).map(|i| (i % 251) as u8).collect());
    let header = BatchHeader {
        chain: CHAIN,
        lane: 0,
        position,
        parent: BatchDigest([1; 32]),
        transactions_root: MerkleRoot([2; 32]),
        count: 3,
        bytes: payload_bytes as u32,
    };
    Batch {
        signature: signature(position),
        header,
        payload,
    }
}

pub(super) fn proposal(slot: Height) -> Proposal {
    Proposal {
        slot,
        time: Millis(1000 + slot),
        tips: vec![Tip {
            lane: 0,
            position: slot,
            digest: batch(slot, 100).header.digest(),
        }],
    }
}

/// Everything a turn may write when slot `height` goes through, in the order the core would.
pub(super) fn turn(height: Height) -> Vec<Record> {
    let proposal = proposal(height);
    let digest = proposal.digest();
    let vote = Vote {
        view: 0,
        slot: height,
        digest,
        signature: signature(height),
    };
    let certificate = VoteCertificate {
        view: 0,
        slot: height,
        digest,
        signatures: signatures(height),
    };
    let batch = batch(height, 100);
    vec![
        Record::LaneCertificate(TipCertificate {
            tip: Tip {
                lane: 0,
                position: height,
                digest: batch.header.digest(),
            },
            signatures: signatures(height),
        }),
        Record::Batch(batch),
        Record::PrePrepared {
            view: 0,
            proposal: proposal.clone(),
        },
        Record::Prepared(vote),
        Record::PrepareCertificate(PreparedSlot {
            proposal: proposal.clone(),
            certificate: certificate.clone(),
        }),
        Record::Committing(vote),
        Record::Committed(CommittedSlot {
            proposal,
            certificate,
        }),
        Record::Certified(CertifiedHeader {
            header: BlockHeader {
                chain: CHAIN,
                height,
                time: Millis(1000 + height),
                previous: BlockDigest([3; 32]),
                payload_root: MerkleRoot([4; 32]),
                receipts_root: MerkleRoot([5; 32]),
                changes_root: MerkleRoot::default(),
                tx_count: 3,
                receipt_count: 3,
                dropped_count: 0,
                checkpoint: height / CHECKPOINT * CHECKPOINT,
                state_root: StateRoot([6; 32]),
            },
            signatures: signatures(height),
        }),
    ]
}

pub(super) fn is_ledger(record: &Record) -> bool {
    matches!(
        record,
        Record::Batch(_) | Record::Committed(_) | Record::Certified(_)
    )
}

/// Slot a vote record is for; 0 for the others.
pub(super) fn slot_of(record: &Record) -> Height {
    match record {
        Record::PrePrepared { proposal, .. } => proposal.slot,
        Record::Prepared(v) | Record::Committing(v) => v.slot,
        Record::PrepareCertificate(p) => p.proposal.slot,
        _ => 0,
    }
}

/// The certified header of that turn.
pub(super) fn certified(height: Height) -> CertifiedHeader {
    let mut records = turn(height).into_iter();
    let found = records.find_map(|record| match record {
        Record::Certified(certified) => Some(certified),
        _ => None,
    });
    found.expect("every turn writes one")
}
