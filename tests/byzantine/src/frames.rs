//! Messages that no honest validator sends, each with a name and the bytes to know it by.
//!
//! What is illegal about each is in its name; all else in it is as it should be, signatures included, so that nothing but
//! the rule under test can stop it. Fields that are free hold a digest made from the name: wherever these bytes turn
//! up, the message was believed or passed on.

use bds_contracts::block::{BatchDigest, BlockDigest, MerkleRoot, Statement, ValidatorIndex};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::message::{Message, Proofs, Proposal};

use crate::behaviour::View;
use crate::craft::{
    batch, certified, changed, committed, header, made_of, named, new_view, noise, offered,
    plain_change, pre_prepare, prepared, proposal, proposed, sign_change, status, voted,
};

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
    pub(crate) fn new(messages: Vec<Message>, mark: impl AsRef<[u8]>) -> Self {
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
