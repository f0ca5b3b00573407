//! Messages that no honest validator sends, each with a name and the bytes to know it by.
//!
//! What is illegal about each is in its name; all else in it is as it should be, signatures included, so that nothing but
//! the rule under test can stop it. Fields that are free hold a digest made from the name: wherever these bytes turn
//! up, the message was believed or passed on.

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, MerkleRoot, Signature, Signatures,
    StateRoot, Statement, ValidatorIndex,
};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::batch::{Batch, BatchHeader, Payload, Tip, TipCertificate};
use bds_core::message::{
    CommittedSlot, Message, NewView, PrePrepare, PreparedAt, PreparedSlot, Proofs, Proposal,
    ProposalDigest, ProvenViewChange, Status, ViewChange, Vote, VoteCertificate,
};
use sha2::{Digest as _, Sha512_256};

use crate::behaviour::View;

/// When the message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Unasked.
    AtOnce,
    /// As the answer to a question for slots, which a status that is ahead provokes.
    AskedForSlots,
    /// As the answer to a question for headers.
    AskedForHeaders,
}

/// Messages of one illegal kind.
#[derive(Debug)]
pub struct Illegal {
    /// When they are sent.
    pub when: When,
    /// In this order.
    pub messages: Vec<Message>,
    /// Nobody who rejects them ever says these bytes.
    pub marks: Vec<Vec<u8>>,
    /// Nobody who rejects them ever serves these batches.
    pub batches: Vec<BatchDigest>,
}

impl Illegal {
    fn new(messages: Vec<Message>, mark: impl AsRef<[u8]>) -> Self {
        Self {
            when: When::AtOnce,
            messages,
            marks: vec![mark.as_ref().to_vec()],
            batches: Vec::new(),
        }
    }

    fn answering(self, when: When) -> Self {
        Self { when, ..self }
    }
}

/// Makes the messages of one kind.
pub type Maker = fn(&View<'_>, &str) -> Illegal;

/// All illegal kinds by name.
pub const ALL: &[(&str, Maker)] = &[
    // Pre-prepares. The liar is primary of `view.view`, or the first of these would be all of them.
    ("pre-prepare of a backup", |v, name| {
        proposed(v, v.view + 1, proposal(v, name))
    }),
    ("pre-prepare for a later view", |v, name| {
        let n = v.set.validators.len() as u64;
        proposed(v, v.view + n, proposal(v, name))
    }),
    ("pre-prepare with a wrong signature", |v, name| {
        let proposal = proposal(v, name);
        let mark = proposal.digest().0;
        let message = pre_prepare(v, v.view, proposal, Vec::new(), Some(noise(name)));
        Illegal::new(vec![message], mark)
    }),
    ("pre-prepare for another chain", |v, name| {
        let proposal = proposal(v, name);
        let (digest, slot) = (proposal.digest().0, proposal.slot);
        let statement = Statement::PrePrepare(v.view, slot, digest);
        let signature = v.pen.sign_for(ChainId([9; 32]), v.pen.epoch, &statement);
        let message = pre_prepare(v, v.view, proposal, Vec::new(), Some(signature));
        Illegal::new(vec![message], digest)
    }),
    ("pre-prepare for another epoch", |v, name| {
        let proposal = proposal(v, name);
        let (digest, slot) = (proposal.digest().0, proposal.slot);
        let statement = Statement::PrePrepare(v.view, slot, digest);
        let signature = v.pen.sign_for(v.pen.chain, v.pen.epoch + 1, &statement);
        let message = pre_prepare(v, v.view, proposal, Vec::new(), Some(signature));
        Illegal::new(vec![message], digest)
    }),
    ("pre-prepare beyond the window", |v, name| {
        let slot = v.committed + 100_000;
        proposed(
            v,
            v.view,
            Proposal {
                slot,
                ..proposal(v, name)
            },
        )
    }),
    ("pre-prepare for the last slot there can be", |v, name| {
        proposed(
            v,
            v.view,
            Proposal {
                slot: u64::MAX,
                ..proposal(v, name)
            },
        )
    }),
    ("pre-prepare for slot 0", |v, name| {
        proposed(
            v,
            v.view,
            Proposal {
                slot: 0,
                ..proposal(v, name)
            },
        )
    }),
    ("pre-prepare far ahead of the clock", |v, name| {
        let time = Millis(u64::MAX);
        proposed(
            v,
            v.view,
            Proposal {
                time,
                ..proposal(v, name)
            },
        )
    }),
    ("pre-prepare without certificates", |v, name| {
        proposed(v, v.view, proposal(v, name))
    }),
    ("pre-prepare with signatures that are none", |v, name| {
        let all = v.others().map(|index| (index, noise(name))).collect();
        let proposal = proposal(v, name);
        let mark = proposal.digest().0;
        Illegal::new(
            vec![pre_prepare(v, v.view, proposal, vec![all], None)],
            mark,
        )
    }),
    (
        "pre-prepare with the proposer's signature alone",
        |v, name| {
            let proposal = proposal(v, name);
            let mark = proposal.digest().0;
            let own = v.pen.sign(&proposal.tips[0].acknowledgement());
            let own = [(v.pen.index, own)].into_iter().collect();
            Illegal::new(
                vec![pre_prepare(v, v.view, proposal, vec![own], None)],
                mark,
            )
        },
    ),
    ("pre-prepare with a lane twice", |v, name| {
        let mut proposal = proposal(v, name);
        proposal.tips.push(proposal.tips[0]);
        proposed(v, v.view, proposal)
    }),
    ("pre-prepare with a lane of nobody", |v, name| {
        let mut proposal = proposal(v, name);
        proposal.tips[0].lane = ValidatorIndex::MAX;
        proposed(v, v.view, proposal)
    }),
    (
        "pre-prepare with the last position there can be",
        |v, name| {
            let mut proposal = proposal(v, name);
            proposal.tips[0].position = u64::MAX;
            proposed(v, v.view, proposal)
        },
    ),
    // Votes and results.
    ("prepare with a wrong signature", |v, name| {
        voted(v, name, v.view, v.committed + 1, false, Message::Prepare)
    }),
    ("commit with a wrong signature", |v, name| {
        voted(v, name, v.view, v.committed + 1, false, Message::Commit)
    }),
    ("prepare for the last slot there can be", |v, name| {
        voted(v, name, v.view, u64::MAX, true, Message::Prepare)
    }),
    ("commit in the last view there can be", |v, name| {
        voted(v, name, u64::MAX, v.committed + 1, true, Message::Commit)
    }),
    ("commit for what was never proposed", |v, name| {
        voted(v, name, v.view, v.committed + 1, true, Message::Commit)
    }),
    ("result of the last block there can be", |v, name| {
        let (height, digest) = (u64::MAX, BlockDigest(made_of(name)));
        let signature = v.pen.sign(&Statement::Executed(height, digest));
        Illegal::new(
            vec![Message::Executed {
                height,
                digest,
                signature,
            }],
            digest.0,
        )
    }),
    ("result of a block nobody has", |v, name| {
        let (height, digest) = (v.committed + 7, BlockDigest(made_of(name)));
        let signature = v.pen.sign(&Statement::Executed(height, digest));
        Illegal::new(
            vec![Message::Executed {
                height,
                digest,
                signature,
            }],
            digest.0,
        )
    }),
    // View changes.
    ("view change in another's name", |v, name| {
        let mut change = plain_change(v, v.view + 1);
        change.validator = v.others().last().unwrap_or(change.validator);
        change.signature = noise(name);
        changed(change, Proofs::default(), noise(name).0)
    }),
    ("view change with a wrong signature", |v, name| {
        let mut change = plain_change(v, v.view + 1);
        change.signature = noise(name);
        changed(change, Proofs::default(), noise(name).0)
    }),
    (
        "view change from the last height there can be",
        |v, name| {
            let mut change = plain_change(v, v.view + 1);
            change.stable = u64::MAX - 3;
            let stable = header(v, name, change.stable);
            sign_change(v, &mut change);
            let proofs = Proofs {
                stable: Some(stable),
                ..Proofs::default()
            };
            changed(change, proofs, made_of(name))
        },
    ),
    (
        "view change with a certificate of its sender alone",
        |v, name| {
            let mut change = plain_change(v, v.view + 1);
            change.stable = v.committed + 5;
            let stable = header(v, name, change.stable);
            sign_change(v, &mut change);
            let proofs = Proofs {
                stable: Some(stable),
                ..Proofs::default()
            };
            changed(change, proofs, made_of(name))
        },
    ),
    (
        "view change with prepares of its sender alone",
        |v, name| {
            let prepared = prepared(v, name, v.committed + 1);
            let mut change = plain_change(v, v.view + 1);
            change.prepared = vec![named(&prepared)];
            sign_change(v, &mut change);
            let mark = prepared.certificate.digest.0;
            let proofs = Proofs {
                prepared: vec![prepared],
                ..Proofs::default()
            };
            changed(change, proofs, mark)
        },
    ),
    ("view change that names what it does not show", |v, name| {
        let prepared = prepared(v, name, v.committed + 1);
        let mut change = plain_change(v, v.view + 1);
        change.prepared = vec![named(&prepared)];
        sign_change(v, &mut change);
        changed(change, Proofs::default(), prepared.certificate.digest.0)
    }),
    ("view change with a slot twice", |v, name| {
        let prepared = prepared(v, name, v.committed + 1);
        let mut change = plain_change(v, v.view + 1);
        change.prepared = vec![named(&prepared); 2];
        sign_change(v, &mut change);
        let mark = prepared.certificate.digest.0;
        let proofs = Proofs {
            prepared: vec![prepared.clone(), prepared],
            ..Proofs::default()
        };
        changed(change, proofs, mark)
    }),
    ("view change with more than the window", |v, name| {
        let all: Vec<_> = (1..2000)
            .map(|up| prepared(v, name, v.committed + up))
            .collect();
        let mut change = plain_change(v, v.view + 1);
        change.prepared = all.iter().map(named).collect();
        sign_change(v, &mut change);
        let mark = all[0].certificate.digest.0;
        changed(
            change,
            Proofs {
                prepared: all,
                ..Proofs::default()
            },
            mark,
        )
    }),
    // New views.
    ("new view of its sender alone", |v, name| {
        new_view(v, name, |new_view| new_view.changes.truncate(1))
    }),
    ("new view with one view change many times", |v, name| {
        new_view(v, name, |new_view| {
            new_view.changes = vec![new_view.changes[0].clone(); 3];
        })
    }),
    (
        "new view with view changes that nobody signed",
        |v, name| new_view(v, name, |_| {}),
    ),
    ("new view for the last view there can be", |v, name| {
        new_view(v, name, |new_view| {
            let n = v.set.validators.len() as u64;
            new_view.view = u64::MAX - (u64::MAX % n) + u64::from(v.pen.index) - n;
            new_view
                .changes
                .iter_mut()
                .for_each(|change| change.view = new_view.view);
        })
    }),
    // What it has.
    ("status at the end of all numbers", |v, _| {
        let number = u64::MAX - 0x17;
        let lanes = vec![number; v.set.validators.len()];
        status(v, number, lanes)
    }),
    ("status of another number of lanes", |v, _| {
        status(v, v.committed + 0x1717_1717_1717, vec![0; 1000])
    }),
    // Certificates.
    ("certificate nobody signed", |v, name| {
        let all = v.others().map(|index| (index, noise(name))).collect();
        certified(v, name, |_| {}, Some(all))
    }),
    ("certificate of its author alone", |v, name| {
        certified(v, name, |_| {}, None)
    }),
    ("certificate by validators that are none", |v, name| {
        let outside = (100..120).map(|index| (index, noise(name))).collect();
        certified(v, name, |_| {}, Some(outside))
    }),
    ("certificate of a lane of nobody", |v, name| {
        certified(v, name, |tip| tip.lane = ValidatorIndex::MAX, None)
    }),
    (
        "certificate of the last position there can be",
        |v, name| certified(v, name, |tip| tip.position = u64::MAX, None),
    ),
    // Batches.
    ("batch with a wrong signature", |v, name| {
        let mut batch = batch(v, name, |_| {});
        batch.signature = noise(name);
        offered(batch)
    }),
    ("batch of another's lane", |v, name| {
        let lane = v.others().next().unwrap_or(0);
        offered(batch(v, name, |header| header.lane = lane))
    }),
    ("batch of another chain", |v, name| {
        offered(batch(v, name, |header| header.chain = ChainId([9; 32])))
    }),
    ("batch at position 0", |v, name| {
        offered(batch(v, name, |header| header.position = 0))
    }),
    ("batch at the last position there can be", |v, name| {
        offered(batch(v, name, |header| header.position = u64::MAX))
    }),
    ("batch off its chain", |v, name| {
        offered(batch(v, name, |header| {
            header.parent = BatchDigest(made_of(name))
        }))
    }),
    ("batch of no transactions", |v, name| {
        offered(batch(v, name, |header| header.count = 0))
    }),
    ("batch of too many transactions", |v, name| {
        offered(batch(v, name, |header| header.count = u32::MAX))
    }),
    ("batch that is longer than it says", |v, name| {
        offered(batch(v, name, |header| header.bytes -= 1))
    }),
    ("batch with another root", |v, name| {
        offered(batch(v, name, |header| {
            header.transactions_root = MerkleRoot(made_of(name))
        }))
    }),
    ("batch with a transaction nobody signed", |v, name| {
        offered(batch(v, name, |_| {}))
    }),
    ("good batch on a bad one", |v, name| {
        let bad = batch(v, name, |_| {});
        let good = batch(v, name, |header| {
            header.position += 1;
            header.parent = bad.header.digest();
        });
        let (first, second) = (bad.header.digest(), good.header.digest());
        let messages = vec![Message::Batch(bad), Message::Batch(good)];
        Illegal {
            batches: vec![first, second],
            ..Illegal::new(messages, second.0)
        }
    }),
    (
        "acknowledgement of the last position there can be",
        |v, name| {
            let (position, digest) = (u64::MAX, BatchDigest(made_of(name)));
            let signature = v
                .pen
                .sign(&Statement::Acknowledge(v.pen.index, position, digest));
            Illegal::new(
                vec![Message::Acknowledge {
                    position,
                    digest,
                    signature,
                }],
                digest.0,
            )
        },
    ),
    // Answers, asked for and not.
    ("slots nobody asked for", |v, name| {
        let slots = (1..4)
            .map(|up| committed(v, name, v.committed + up))
            .collect();
        let mark = committed(v, name, v.committed + 1).certificate.digest.0;
        Illegal::new(vec![Message::Slots(slots)], mark)
    }),
    ("slots that one validator committed", |v, name| {
        let slots = (1..4)
            .map(|up| committed(v, name, v.committed + up))
            .collect();
        let mark = committed(v, name, v.committed + 1).certificate.digest.0;
        Illegal::new(vec![Message::Slots(slots)], mark).answering(When::AskedForSlots)
    }),
    ("slots that do not follow", |v, name| {
        let slots = (50..90)
            .map(|up| committed(v, name, v.committed + up))
            .collect();
        let mark = committed(v, name, v.committed + 50).certificate.digest.0;
        Illegal::new(vec![Message::Slots(slots)], mark).answering(When::AskedForSlots)
    }),
    ("slots with lanes of nobody", |v, name| {
        let mut slot = committed(v, name, v.committed + 1);
        slot.proposal.tips[0].lane = ValidatorIndex::MAX;
        slot.certificate.digest = slot.proposal.digest();
        let mark = slot.certificate.digest.0;
        Illegal::new(vec![Message::Slots(vec![slot])], mark).answering(When::AskedForSlots)
    }),
    ("slots without end", |v, name| {
        let slots = (1..2000)
            .map(|up| committed(v, name, v.committed + up))
            .collect();
        let mark = committed(v, name, v.committed + 1).certificate.digest.0;
        Illegal::new(vec![Message::Slots(slots)], mark).answering(When::AskedForSlots)
    }),
    ("headers nobody asked for", |v, name| {
        let headers = (1..4).map(|up| header(v, name, v.committed + up)).collect();
        Illegal::new(vec![Message::Headers(headers)], made_of(name))
    }),
    ("headers that one validator signed", |v, name| {
        let headers = (1..4).map(|up| header(v, name, v.committed + up)).collect();
        let illegal = Illegal::new(vec![Message::Headers(headers)], made_of(name));
        illegal.answering(When::AskedForHeaders)
    }),
    ("questions beyond all there is", |_, name| {
        let messages = vec![
            Message::FetchSlots {
                from: u64::MAX,
                count: u32::MAX,
            },
            Message::FetchHeaders {
                from: u64::MAX,
                count: u32::MAX,
            },
            Message::FetchBatches(vec![BatchDigest(made_of(name)); 10_000]),
        ];
        Illegal::new(messages, made_of(name))
    }),
];

/// A digest that stands for nothing but this name.
#[must_use]
pub fn made_of(name: &str) -> [u8; 32] {
    Sha512_256::digest(name.as_bytes()).into()
}

/// A signature that is none.
fn noise(name: &str) -> Signature {
    let half = made_of(name);
    Signature(std::array::from_fn(|i| half[i % 32] ^ u8::from(i < 32)))
}

/// A well-formed proposal of one tip that nobody has.
fn proposal(v: &View<'_>, name: &str) -> Proposal {
    let lane = v.pen.index;
    Proposal {
        slot: v.committed + 1,
        time: Millis(1),
        tips: vec![Tip {
            lane,
            position: v.lanes[usize::from(lane)] + 1,
            digest: BatchDigest(made_of(name)),
        }],
    }
}

fn pre_prepare(
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
fn proposed(v: &View<'_>, view: u64, proposal: Proposal) -> Illegal {
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

fn voted(
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
fn header(v: &View<'_>, name: &str, height: u64) -> CertifiedHeader {
    let header = BlockHeader {
        chain: v.pen.chain,
        height,
        time: Millis(1),
        previous: BlockDigest(made_of(name)),
        payload_root: MerkleRoot(made_of(name)),
        receipts_root: MerkleRoot(made_of(name)),
        tx_count: 1,
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
fn certificate(v: &View<'_>, proposal: &Proposal, prepare: bool) -> VoteCertificate {
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

fn prepared(v: &View<'_>, name: &str, slot: u64) -> PreparedSlot {
    let proposal = Proposal {
        slot,
        ..proposal(v, name)
    };
    PreparedSlot {
        certificate: certificate(v, &proposal, true),
        proposal,
    }
}

fn committed(v: &View<'_>, name: &str, slot: u64) -> CommittedSlot {
    let proposal = Proposal {
        slot,
        ..proposal(v, name)
    };
    CommittedSlot {
        certificate: certificate(v, &proposal, false),
        proposal,
    }
}

fn named(slot: &PreparedSlot) -> PreparedAt {
    PreparedAt {
        slot: slot.proposal.slot,
        view: slot.certificate.view,
        digest: slot.certificate.digest,
    }
}

/// A view change that shows nothing, signed.
fn plain_change(v: &View<'_>, view: u64) -> ViewChange {
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
fn sign_change(v: &View<'_>, change: &mut ViewChange) {
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
#[must_use]
pub fn view_change(v: &View<'_>, view: u64) -> Message {
    let change = plain_change(v, view);
    Message::ViewChange(ProvenViewChange {
        change,
        proofs: Proofs::default(),
    })
}

fn changed(change: ViewChange, proofs: Proofs, mark: impl AsRef<[u8]>) -> Illegal {
    let signature = change.signature.0;
    let message = Message::ViewChange(ProvenViewChange { change, proofs });
    let mut illegal = Illegal::new(vec![message], mark);
    illegal.marks.push(signature.to_vec());
    illegal
}

/// A new view of the liar with view changes of all, of which it could sign its own alone.
fn new_view(v: &View<'_>, name: &str, change: impl FnOnce(&mut NewView)) -> Illegal {
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

fn status(v: &View<'_>, number: u64, lanes: Vec<u64>) -> Illegal {
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
fn certified(
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
fn batch(v: &View<'_>, name: &str, change: impl FnOnce(&mut BatchHeader)) -> Batch {
    let mut wire = vec![0; 140];
    wire[..8].copy_from_slice(&bds_contracts::tx::TX_DOMAIN);
    wire[8..40].copy_from_slice(&v.pen.chain.0);
    wire[40..72].copy_from_slice(&v.set.validators[0].key.0);
    wire[80..112].copy_from_slice(&made_of(name));
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

fn offered(batch: Batch) -> Illegal {
    let digest = batch.header.digest();
    let illegal = Illegal::new(vec![Message::Batch(batch)], digest.0);
    Illegal {
        batches: vec![digest],
        ..illegal
    }
}
