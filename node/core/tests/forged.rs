//! Certificates and view changes that one validator bends: nobody adopts them, and the order goes on.
//!
//! The stories: an acknowledgement once signed a digest alone, so a certificate of one place could be shown for another, was
//! adopted by everyone, and order stopped for ever. And view changes once carried signatures of lane tips that no digest
//! covered, so padding them kept every new view from fitting into a message.

mod common;

use bds_contracts::block::{Height, Signature, Signatures, Statement};
use bds_contracts::tx::Millis;
use bds_core::batch::{Tip, TipCertificate};
use bds_core::message::{
    Message, NewView, PrePrepare, PreparedAt, PreparedSlot, Proofs, Proposal, ProposalDigest,
    ProvenViewChange, ViewChange, Vote, VoteCertificate,
};
use bds_core::turn::Record;
use common::{Net, certificate, sign};
use sha2::{Digest as _, Sha512_256};

fn tip_certificate(net: &Net, index: usize) -> TipCertificate {
    let found = net.nodes[index].disk.0.iter().rev();
    let mut found = found.filter_map(|record| match record {
        Record::LaneCertificate(certificate) => Some(certificate.clone()),
        _ => None,
    });
    found
        .next()
        .expect("the validator certified batches of its own")
}

/// Every way to show a true certificate for another place.
fn moved(real: &TipCertificate) -> Vec<TipCertificate> {
    let at = |lane, position| TipCertificate {
        tip: Tip {
            lane,
            position,
            ..real.tip
        },
        signatures: real.signatures.clone(),
    };
    let (lane, position) = (real.tip.lane, real.tip.position);
    vec![
        at(lane + 1, position),
        at(lane, position + 1),
        at(lane, position + 200),
        at(3, 1),
        at(lane, u64::MAX),
        at(u16::MAX, position),
    ]
}

#[test]
fn a_certificate_proves_one_place_only() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(0, 3);
    let real = tip_certificate(&net, 0);
    let before = net.nodes[1].core().lane_certified();
    for forged in moved(&real) {
        net.say(3, 1, Message::Certificate(forged.clone()));
        assert_eq!(net.nodes[1].core().lane_certified(), before, "{forged:?}");
    }
    net.make_blocks(0, 3);
    net.run(2_000);
    let (low, high) = net.heights();
    assert_eq!(low, high);
}

/// A validator says that it holds a batch of another's lane, in a place where that one is not. The author held it, too, and once
/// signed for it without a look at its place; the two made the certificate of a tip that nobody could follow, and order stopped
/// for ever. An author of enough weight made it alone, whatever the other's signature.
#[test]
fn an_author_signs_for_its_batches_in_their_places_only() {
    for (weight, signed) in [(1, true), (3, true), (3, false)] {
        let mut net = Net::new(4, |config| config.set.validators[0].weight = weight);
        net.make_blocks(0, 3);
        // What is certified is not ordered yet, so the author still goes on from it.
        net.bend = Some(Box::new(|_, _, message| {
            let ordering = matches!(message, Message::PrePrepare(_));
            (!ordering).then_some((0, message))
        }));
        for author in [0, 1] {
            net.submit(author, &[b"held"]);
        }
        net.run(300);
        let (own, other) = (tip_certificate(&net, 0).tip, tip_certificate(&net, 1).tip);
        let before = net.nodes[0].core().lane_certified();
        for (digest, position) in [
            (own.digest, own.position + 1),
            (own.digest, own.position + 4),
            (other.digest, own.position + 1),
        ] {
            let statement = Statement::Acknowledge(0, position, digest);
            let forged = Message::Acknowledge {
                position,
                digest,
                signature: sign(if signed { 3 } else { 2 }, &statement),
            };
            net.say(3, 0, forged);
        }
        net.run(10);
        assert_eq!(net.nodes[0].core().lane_certified(), before);
        net.bend = None;
        net.make_blocks(0, 3);
        net.run(2_000);
        let (low, high) = net.heights();
        assert_eq!(low, high, "{}", net.standing());
    }
}

#[test]
fn a_primary_cannot_propose_a_moved_certificate() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(1, 3);
    let real = tip_certificate(&net, 1);
    let slot = net.nodes[2].core().committed() + 1;
    // Validator 0 is the primary; what it says is forged here.
    for forged in moved(&real) {
        let proposal = Proposal {
            slot,
            time: net.now,
            tips: vec![forged.tip],
        };
        let statement = Statement::PrePrepare(0, slot, proposal.digest().0);
        net.say(
            0,
            2,
            Message::PrePrepare(PrePrepare {
                view: 0,
                proposal,
                certificates: vec![forged.signatures],
                signature: sign(0, &statement),
            }),
        );
    }
    assert_eq!(net.refused(2), 6);
    net.make_blocks(1, 3);
    net.run(2_000);
    let (low, high) = net.heights();
    assert_eq!(low, high);
}

fn digest_of(change: &ViewChange) -> [u8; 32] {
    let fields = (
        change.view,
        change.validator,
        change.stable,
        &change.prepared,
    );
    Sha512_256::digest(borsh::to_vec(&fields).unwrap()).into()
}

fn change(view: u64, validator: u16, stable: Height, prepared: Vec<PreparedAt>) -> ViewChange {
    let mut change = ViewChange {
        view,
        validator,
        stable,
        prepared,
        signature: Signature([0; 64]),
    };
    let statement = Statement::ViewChange(view, digest_of(&change));
    change.signature = sign(validator, &statement);
    change
}

/// A slot prepared by these validators in view 0.
fn prepared(slot: Height, by: &[u16]) -> PreparedSlot {
    let proposal = Proposal {
        slot,
        time: Millis(5),
        tips: Vec::new(),
    };
    let digest = proposal.digest();
    PreparedSlot {
        certificate: VoteCertificate {
            view: 0,
            slot,
            digest,
            signatures: certificate(by, &Statement::Prepare(0, slot, digest.0)),
        },
        proposal,
    }
}

#[test]
fn a_view_change_shows_exactly_what_it_says() {
    let mut net = Net::new(4, |_| {});
    let good = prepared(1, &[0, 1, 2]);
    let proven = |said: Vec<PreparedAt>, shown: Vec<PreparedSlot>| ProvenViewChange {
        change: change(1, 3, 0, said),
        proofs: Proofs {
            stable: None,
            prepared: shown,
        },
    };
    let strangers: Signatures = [(0, Signature([1; 64])), (9, Signature([1; 64]))]
        .into_iter()
        .collect();
    let mut padded = good.clone();
    padded.certificate.signatures = good
        .certificate
        .signatures
        .iter()
        .chain(strangers.iter())
        .map(|(index, signature)| (index, *signature))
        .collect();
    let far = prepared(1_000_000, &[0, 1, 2]);
    let mut other_body = good.clone();
    other_body.proposal.time = Millis(6);
    let bad = [
        ("nothing shown", proven(vec![good.at()], vec![])),
        ("more shown than said", proven(vec![], vec![good.clone()])),
        (
            "shown twice",
            proven(vec![good.at()], vec![good.clone(), good.clone()]),
        ),
        (
            "said twice",
            proven(vec![good.at(), good.at()], vec![good.clone(), good.clone()]),
        ),
        (
            "too few signers",
            proven(vec![good.at()], vec![prepared(1, &[0, 1])]),
        ),
        ("strangers sign too", proven(vec![good.at()], vec![padded])),
        ("another body", proven(vec![good.at()], vec![other_body])),
        (
            "outside the window",
            proven(vec![far.at()], vec![far.clone()]),
        ),
        (
            "a stable height without header",
            ProvenViewChange {
                change: change(1, 3, 7, vec![]),
                proofs: Proofs::default(),
            },
        ),
        (
            "a stable height that nothing can be added to",
            ProvenViewChange {
                change: change(1, 3, u64::MAX, vec![]),
                proofs: Proofs::default(),
            },
        ),
        (
            "a view of its own time",
            ProvenViewChange {
                change: change(
                    1,
                    3,
                    0,
                    vec![PreparedAt {
                        view: 1,
                        ..good.at()
                    }],
                ),
                proofs: Proofs::default(),
            },
        ),
    ];
    for (round, (what, message)) in bad.into_iter().enumerate() {
        // View changes of one validator are checked at a pace.
        net.run(1_000);
        net.say(3, 0, Message::ViewChange(message));
        assert_eq!(net.refused(0), round as u64 + 1, "{what}");
    }
    net.say(
        3,
        0,
        Message::ViewChange(proven(vec![good.at()], vec![good.clone()])),
    );
    assert_eq!(net.refused(0), 11);
}

fn new_view(changes: Vec<ViewChange>, proofs: Proofs) -> NewView {
    let digest = Sha512_256::digest(borsh::to_vec(&(1_u64, &changes)).unwrap());
    NewView {
        view: 1,
        signature: sign(1, &Statement::NewView(1, digest.into())),
        changes,
        proofs,
    }
}

#[test]
fn a_new_view_proves_what_is_decisive_and_no_more() {
    let good = prepared(1, &[0, 1, 2]);
    let second = prepared(2, &[1, 2, 3]);
    let said = [
        change(1, 1, 0, vec![good.at()]),
        change(1, 2, 0, vec![good.at(), second.at()]),
        change(1, 3, 0, vec![]),
    ];
    let shown = |prepared: Vec<PreparedSlot>| Proofs {
        stable: None,
        prepared,
    };
    let bad = [
        ("nothing shown", new_view(said.to_vec(), shown(vec![]))),
        (
            "one left out",
            new_view(said.to_vec(), shown(vec![second.clone()])),
        ),
        (
            "cherry-picked: only those who prepared nothing",
            new_view(
                vec![said[2].clone(), said[2].clone(), said[2].clone()],
                shown(vec![]),
            ),
        ),
        (
            "too few",
            new_view(
                said[..2].to_vec(),
                shown(vec![good.clone(), second.clone()]),
            ),
        ),
        (
            "something nobody said",
            new_view(
                said.to_vec(),
                shown(vec![good.clone(), second.clone(), prepared(3, &[0, 1, 2])]),
            ),
        ),
    ];
    let mut net = Net::new(4, |_| {});
    for (round, (what, message)) in bad.into_iter().enumerate() {
        net.say(1, 0, Message::NewView(message));
        let core = net.nodes[0].core();
        assert_eq!(core.view(), 0, "{what}");
        assert_eq!(net.refused(0), round as u64 + 1, "{what}");
    }
    let right = new_view(said.to_vec(), shown(vec![good, second]));
    net.say(1, 0, Message::NewView(right));
    assert_eq!(net.nodes[0].core().view(), 1);
}

/// A view was entered and the process died before its first votes were written: the view and what it re-proposes are one
/// record, so after the restart nothing else can be prepared in it.
#[test]
fn what_a_view_starts_with_survives_a_crash() {
    let good = prepared(1, &[0, 1, 2]);
    let said = vec![
        change(1, 1, 0, vec![good.at()]),
        change(1, 2, 0, vec![]),
        change(1, 3, 0, vec![]),
    ];
    let proofs = Proofs {
        stable: None,
        prepared: vec![good],
    };
    let mut net = Net::new(4, |_| {});
    for peer in 1..4 {
        net.stop(peer);
    }
    net.say(1, 0, Message::NewView(new_view(said, proofs)));
    let records = &mut net.nodes[0].disk.0;
    let entered = records
        .iter()
        .position(|r| matches!(r, Record::EnteredView(_)));
    records.truncate(entered.expect("the view is written") + 1);
    net.start(0);
    assert_eq!(net.nodes[0].core().view(), 1);
    // A certified tip of lane 2, so that the other proposal has something to order.
    let tip = Tip {
        lane: 2,
        position: 1,
        digest: bds_contracts::block::BatchDigest([5; 32]),
    };
    let other = Proposal {
        slot: 1,
        time: net.now,
        tips: vec![tip],
    };
    let statement = Statement::PrePrepare(1, 1, other.digest().0);
    net.say(
        1,
        0,
        Message::PrePrepare(PrePrepare {
            view: 1,
            certificates: vec![certificate(&[1, 2], &tip.acknowledgement())],
            signature: sign(1, &statement),
            proposal: other.clone(),
        }),
    );
    let mut prepares = net.nodes[0]
        .disk
        .0
        .iter()
        .filter_map(|record| match record {
            Record::Prepared(vote) => Some(vote.digest),
            _ => None,
        });
    assert!(prepares.all(|digest| digest != other.digest()));
    let conflicts = net.nodes[0].core().counters().get("pre_prepare_conflict");
    assert_eq!(conflicts, Some(&1));
}

/// Votes are checked together, once a quorum is there, and the latest of a voter counts: one of a view that never comes, signed by
/// nobody, once took the place of the voter's real ones for ever. A changed bit on each link stopped the order of a slot.
#[test]
fn an_unsigned_vote_of_a_later_view_takes_no_place() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(0, 2);
    let slot = net.nodes[0].core().committed() + 1;
    for (from, to) in [
        (1, 0),
        (2, 0),
        (0, 1),
        (3, 1),
        (0, 2),
        (3, 2),
        (1, 3),
        (2, 3),
    ] {
        let vote = Vote {
            view: 1 << 33,
            slot,
            digest: ProposalDigest([7; 32]),
            signature: Signature([0; 64]),
        };
        net.say(from, to, Message::Prepare(vote));
        net.say(from, to, Message::Commit(vote));
    }
    net.make_blocks(0, 3);
    let refused = net.nodes[0].core().counters()["vote_bad_signature"];
    assert_eq!(refused, 4);
}
