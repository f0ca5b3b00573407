//! The parts that illegal messages are made of: each as it should be, but that the liar alone has signed it.

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, MerkleRoot, Signature, Signatures,
    StateRoot, Statement,
};
use bds_contracts::identity::{Call, Identity};
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::tx::{ContentHash, Millis};
use bds_core::batch::{Batch, BatchHeader, Payload, Tip, TipCertificate};
use bds_core::message::{
    CommittedSlot, Message, NewView, PrePrepare, PreparedAt, PreparedSlot, Proofs, Proposal,
    ProposalDigest, ProvenViewChange, Status, ViewChange, Vote, VoteCertificate,
};
use sha2::{Digest as _, Sha512_256};

use crate::behaviour::View;
use crate::frames::Illegal;

/// A digest that stands for nothing but this name.
pub(crate) fn made_of(name: &str) -> [u8; 32] {
    Sha512_256::digest(name.as_bytes()).into()
}

/// A signature that is none.
pub(crate) fn noise(name: &str) -> Signature {
    let half = made_of(name);
    Signature(std::array::from_fn(|i| half[i % 32] ^ u8::from(i < 32)))
}

/// A well-formed proposal of one tip that nobody has.
pub(crate) fn proposal(v: &View<'_>, name: &str) -> Proposal {
    let lane = v.pen.index;
    Proposal {
        slot: v.committed + 1,
        time: v.wall,
        tips: vec![Tip {
            lane,
            position: v.lanes[usize::from(lane)] + 1,
            digest: BatchDigest(made_of(name)),
        }],
    }
}

pub(crate) fn pre_prepare(
    v: &View<'_>,
    view: u64,
    proposal: Proposal,
    certificates: Vec<Signatures>,
    signature: Option<Signature>,
) -> Message {
    let statement = Statement::PrePrepare(view, proposal.slot, proposal.digest().0);
    Message::PrePrepare(PrePrepare {
        view,
        certificates,
        signature: signature.unwrap_or_else(|| v.pen.sign(&statement)),
        proposal,
    })
}

/// Signed by the liar; each tip shows the liar's acknowledgement alone.
pub(crate) fn proposed(v: &View<'_>, view: u64, proposal: Proposal) -> Illegal {
    let own = |tip: &Tip| -> Signatures {
        let signature = v.pen.sign(&tip.acknowledgement());
        [(v.pen.index, signature)].into_iter().collect()
    };
    let certificates = proposal.tips.iter().map(own).collect();
    let mark = proposal.digest().0;
    Illegal::new(
        vec![pre_prepare(v, view, proposal, certificates, None)],
        mark,
    )
}

pub(crate) fn voted(
    v: &View<'_>,
    name: &str,
    view: u64,
    slot: u64,
    signed: bool,
    message: fn(Vote) -> Message,
) -> Illegal {
    let digest = ProposalDigest(made_of(name));
    let statement = match message(Vote {
        view,
        slot,
        digest,
        signature: noise(name),
    }) {
        Message::Prepare(_) => Statement::Prepare(view, slot, digest.0),
        _ => Statement::Commit(view, slot, digest.0),
    };
    let signature = if signed {
        v.pen.sign(&statement)
    } else {
        noise(name)
    };
    Illegal::new(
        vec![message(Vote {
            view,
            slot,
            digest,
            signature,
        })],
        digest.0,
    )
}

/// A header that only the liar has signed.
pub(crate) fn header(v: &View<'_>, name: &str, height: u64) -> CertifiedHeader {
    let header = BlockHeader {
        chain: v.pen.chain,
        height,
        time: Millis(1),
        previous: BlockDigest(made_of(name)),
        payload_root: MerkleRoot(made_of(name)),
        receipts_root: MerkleRoot(made_of(name)),
        changes_root: MerkleRoot(made_of(name)),
        tx_count: 1,
        receipt_count: 1,
        dropped_count: 0,
        checkpoint: height,
        state_root: StateRoot(made_of(name)),
    };
    let signature = v.pen.sign(&Statement::Executed(height, header.digest()));
    CertifiedHeader {
        header,
        signatures: [(v.pen.index, signature)].into_iter().collect(),
    }
}

/// Votes of the liar alone.
pub(crate) fn certificate(v: &View<'_>, proposal: &Proposal, prepare: bool) -> VoteCertificate {
    let (slot, digest) = (proposal.slot, proposal.digest());
    let statement = match prepare {
        true => Statement::Prepare(v.view, slot, digest.0),
        false => Statement::Commit(v.view, slot, digest.0),
    };
    VoteCertificate {
        view: v.view,
        slot,
        digest,
        signatures: [(v.pen.index, v.pen.sign(&statement))]
            .into_iter()
            .collect(),
    }
}

pub(crate) fn prepared(v: &View<'_>, name: &str, slot: u64) -> PreparedSlot {
    let proposal = Proposal {
        slot,
        ..proposal(v, name)
    };
    PreparedSlot {
        certificate: certificate(v, &proposal, true),
        proposal,
    }
}

pub(crate) fn committed(v: &View<'_>, name: &str, slot: u64) -> CommittedSlot {
    let proposal = Proposal {
        slot,
        ..proposal(v, name)
    };
    CommittedSlot {
        certificate: certificate(v, &proposal, false),
        proposal,
    }
}

pub(crate) fn named(slot: &PreparedSlot) -> PreparedAt {
    PreparedAt {
        slot: slot.proposal.slot,
        view: slot.certificate.view,
        digest: slot.certificate.digest,
    }
}

/// A view change that shows nothing, signed.
pub(crate) fn plain_change(v: &View<'_>, view: u64) -> ViewChange {
    let mut change = ViewChange {
        view,
        validator: v.pen.index,
        stable: 0,
        prepared: Vec::new(),
        signature: Signature([0; 64]),
    };
    sign_change(v, &mut change);
    change
}

/// As [`bds_core`] computes it, written a second time.
pub(crate) fn sign_change(v: &View<'_>, change: &mut ViewChange) {
    let fields = (
        change.view,
        change.validator,
        change.stable,
        &change.prepared,
    );
    let bytes = borsh::to_vec(&fields).expect("writing to memory cannot fail");
    let digest = Sha512_256::digest(bytes).into();
    change.signature = v.pen.sign(&Statement::ViewChange(change.view, digest));
}

/// A proper wish for a view, of a validator that has prepared nothing.
pub(crate) fn view_change(v: &View<'_>, view: u64) -> Message {
    let change = plain_change(v, view);
    Message::ViewChange(ProvenViewChange {
        change,
        proofs: Proofs::default(),
    })
}

pub(crate) fn changed(change: ViewChange, proofs: Proofs, mark: impl AsRef<[u8]>) -> Illegal {
    let signature = change.signature.0;
    let message = Message::ViewChange(ProvenViewChange { change, proofs });
    let mut illegal = Illegal::new(vec![message], mark);
    illegal.marks.push(signature.to_vec());
    illegal
}

/// A new view of the liar with view changes of all, of which it could sign its own alone.
pub(crate) fn new_view(v: &View<'_>, name: &str, change: impl FnOnce(&mut NewView)) -> Illegal {
    let n = v.set.validators.len() as u64;
    let ahead = (u64::from(v.pen.index) + n - v.view % n) % n;
    let view = v.view + if ahead == 0 { n } else { ahead };
    let own = plain_change(v, view);
    let mut changes = vec![own.clone()];
    changes.extend(v.others().map(|validator| ViewChange {
        validator,
        signature: noise(name),
        ..own.clone()
    }));
    changes.sort_by_key(|change| change.validator);
    let mut new_view = NewView {
        view,
        changes,
        proofs: Proofs::default(),
        signature: Signature([0; 64]),
    };
    change(&mut new_view);
    let fields = (new_view.view, &new_view.changes);
    let bytes = borsh::to_vec(&fields).expect("writing to memory cannot fail");
    let digest = Sha512_256::digest(bytes).into();
    new_view.signature = v.pen.sign(&Statement::NewView(new_view.view, digest));
    let mark = new_view.signature.0;
    Illegal::new(vec![Message::NewView(new_view)], mark)
}

pub(crate) fn status(v: &View<'_>, number: u64, lanes: Vec<u64>) -> Illegal {
    let status = Message::Status(Status {
        view: v.view,
        committed: number,
        executed: number,
        certified: number,
        voting_ms: 1,
        lanes,
    });
    // Twice: the second looks as if its sender made no progress.
    Illegal::new(vec![status.clone(), status], number.to_le_bytes())
}

/// A certificate of a batch that nobody has; by default with the liar's signature alone.
pub(crate) fn certified(
    v: &View<'_>,
    name: &str,
    change: impl FnOnce(&mut Tip),
    signatures: Option<Signatures>,
) -> Illegal {
    let mut tip = proposal(v, name).tips[0];
    change(&mut tip);
    let own = [(v.pen.index, v.pen.sign(&tip.acknowledgement()))];
    let signatures = signatures.unwrap_or_else(|| own.into_iter().collect());
    let certificate = TipCertificate { tip, signatures };
    Illegal::new(vec![Message::Certificate(certificate)], tip.digest.0)
}

/// The next batch of the own lane, with one transaction that nobody signed.
pub(crate) fn batch(v: &View<'_>, name: &str, change: impl FnOnce(&mut BatchHeader)) -> Batch {
    let sender = v.set.validators[0].key;
    let mut draft = Draft::new(v.pen.chain, sender, 0).call::<Identity>(&Call::Nothing {});
    // So that each is another one.
    draft.content_hash = Some(ContentHash(noise(name).0));
    let mut wire = draft.signed_bytes();
    wire.extend_from_slice(&noise(name).0);
    let payload = Payload::pack([wire.as_slice()]);
    // RFC 9162: the root of a single leaf.
    let root = Sha512_256::digest([&[0], wire.as_slice()].concat()).into();
    let mut header = BatchHeader {
        chain: v.pen.chain,
        lane: v.pen.index,
        position: v.lanes[usize::from(v.pen.index)] + 1,
        parent: BatchDigest::default(),
        transactions_root: MerkleRoot(root),
        count: 1,
        bytes: u32::try_from(payload.as_bytes().len()).unwrap_or(0),
    };
    change(&mut header);
    Batch {
        signature: v.pen.sign(&Statement::Batch(header.digest())),
        header,
        payload,
    }
}

pub(crate) fn offered(batch: Batch) -> Illegal {
    let digest = batch.header.digest();
    let illegal = Illegal::new(vec![Message::Batch(batch)], digest.0);
    Illegal {
        batches: vec![digest],
        ..illegal
    }
}
