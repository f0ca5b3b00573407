//! Does the client refuse every receipt that is not true? Each field of a good receipt is changed in turn.

mod client_block;

use bds_client::ReceiptError;
use bds_client::json::ProofDocument;
use bds_client::merkle::PathError;
use bds_contracts::block::BlockHeader;
use bds_contracts::kernel::receipt::ReceiptId;
use bds_contracts::receipt::MerkleNode;
use bds_contracts::tx::ChainId;
use client_block::{CHAIN, Fields, bend, block, certificate, proof, trust};

#[test]
fn every_place_in_trees_of_many_sizes_verifies() {
    for n in 1..=33 {
        let block = block(n);
        assert_eq!(
            trust().verify_block_receipts(&block),
            Ok(()),
            "{n} receipts"
        );
        for index in 0..n as usize {
            let proof = proof(n, index);
            let view = trust().verify_receipt(&proof).expect("a good receipt");
            let fields = Fields::of(index as u32);
            assert_eq!(view.id, ReceiptId::Tx(fields.tx), "{index} of {n}");
            assert_eq!(view.message, fields.message);
        }
    }
}

/// A changed receipt is another leaf.
#[test]
fn a_changed_receipt_is_refused() {
    let changes: [fn(&mut Fields); 4] = [
        |r| r.tx.0[63] ^= 1,
        |r| r.code = 1,
        |r| r.message.push('!'),
        |r| r.index ^= 1,
    ];
    let changed = |change: &dyn Fn(&mut Fields)| {
        let (mut proof, mut fields) = (proof(8, 4), Fields::of(4));
        change(&mut fields);
        proof.receipt = fields.bytes();
        proof
    };
    for (i, change) in changes.iter().enumerate() {
        let proof = changed(change);
        let error = trust().verify_receipt(&proof).expect_err("changed");
        assert!(
            matches!(
                error,
                ReceiptError::Path {
                    source: PathError::OtherRoot,
                    ..
                }
            ),
            "change {i}: {error}"
        );
    }
    let moved = changed(&|r| r.height = 10);
    assert_eq!(
        trust().verify_receipt(&moved),
        Err(ReceiptError::WrongHeight {
            receipt: 10,
            header: 9
        })
    );
    let outside = changed(&|r| r.index = 8);
    assert_eq!(
        trust().verify_receipt(&outside),
        Err(ReceiptError::Path {
            index: 8,
            source: PathError::OutsideTree { index: 8, size: 8 }
        })
    );
    // Bytes that are no receipt: cut anywhere, or longer.
    let whole = Fields::of(4).bytes();
    let longer = [whole.as_slice(), &[0]].concat();
    for bytes in (0..whole.len())
        .map(|cut| whole[..cut].to_vec())
        .chain([longer])
    {
        let mut proof = proof(8, 4);
        proof.receipt = bytes;
        assert_eq!(trust().verify_receipt(&proof), Err(ReceiptError::Malformed));
    }
}

#[test]
fn a_changed_path_is_refused() {
    for node in 0..3 {
        let mut proof = proof(8, 4);
        proof.path[node].0[0] ^= 0x80;
        assert_eq!(
            trust().verify_receipt(&proof),
            Err(ReceiptError::Path {
                index: 4,
                source: PathError::OtherRoot
            })
        );
    }
    let mut short = proof(8, 4);
    short.path.pop();
    let mut long = proof(8, 4);
    long.path.push(MerkleNode([0; 32]));
    for (proof, found) in [(short, 2), (long, 4)] {
        assert_eq!(
            trust().verify_receipt(&proof),
            Err(ReceiptError::Path {
                index: 4,
                source: PathError::WrongLength { found, expected: 3 }
            })
        );
    }
}

/// Every field of the header is under the signatures.
#[test]
fn a_changed_header_is_refused() {
    let changes: [fn(&mut BlockHeader); 11] = [
        |h| h.height += 1,
        |h| h.time.0 += 1,
        |h| h.previous.0[0] ^= 1,
        |h| h.payload_root.0[0] ^= 1,
        |h| h.receipts_root.0[0] ^= 1,
        |h| h.changes_root.0[0] ^= 1,
        |h| h.tx_count += 1,
        |h| h.receipt_count += 1,
        |h| h.dropped_count += 1,
        |h| h.checkpoint += 1,
        |h| h.state_root.0[0] ^= 1,
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut proof = proof(8, 4);
        change(&mut proof.block.header);
        assert_eq!(
            trust().verify_receipt(&proof),
            Err(ReceiptError::BadSignature(0)),
            "change {i}"
        );
    }
    let mut foreign = proof(8, 4);
    foreign.block.header.chain = ChainId([8; 32]);
    assert_eq!(
        trust().verify_receipt(&foreign),
        Err(ReceiptError::WrongChain {
            found: ChainId([8; 32]),
            expected: CHAIN
        })
    );
}

#[test]
fn a_certificate_needs_a_quorum_of_distinct_known_signers() {
    let with = |who: &[u16]| {
        let mut proof = proof(8, 4);
        proof.block.signatures = certificate(&proof.block.header, who);
        proof
    };
    assert_eq!(
        trust().verify_receipt(&with(&[0, 1, 2, 3])).map(|_| ()),
        Ok(())
    );
    assert_eq!(
        trust().verify_receipt(&with(&[1, 2, 3])).map(|_| ()),
        Ok(())
    );
    for two in [&[0, 1][..], &[2, 3], &[]] {
        assert_eq!(
            trust().verify_receipt(&with(two)),
            Err(ReceiptError::NoQuorum {
                found: two.len() as u64,
                needed: 3
            })
        );
    }
    // Who signs twice counts once: a second signature has no place in the encoding, and a list that repeats or mixes its
    // signers is no receipt.
    assert_eq!(
        trust().verify_receipt(&with(&[0, 1, 1])),
        Err(ReceiptError::NoQuorum {
            found: 2,
            needed: 3
        })
    );
    let json = serde_json::to_value(ProofDocument::from(with(&[0, 1, 2]))).unwrap();
    let again: ProofDocument = serde_json::from_value(json.clone()).unwrap();
    assert!(trust().verify_receipt(&again.into()).is_ok());
    for order in [[0, 1, 1], [2, 1, 0]] {
        let mut mixed = json.clone();
        let list = &mut mixed["block"]["signatures"];
        *list = order.iter().map(|i| list[*i].clone()).collect();
        assert!(serde_json::from_value::<ProofDocument>(mixed).is_err());
    }
    let mut stranger = with(&[0, 1, 2]);
    bend(&mut stranger.block.signatures, |list| list[2].0 = 4);
    assert_eq!(
        trust().verify_receipt(&stranger),
        Err(ReceiptError::UnknownSigner(4))
    );
    let mut swapped = with(&[0, 1, 2]);
    bend(&mut swapped.block.signatures, |list| list[2].0 = 3);
    assert_eq!(
        trust().verify_receipt(&swapped),
        Err(ReceiptError::BadSignature(3))
    );
    for byte in [0, 31, 32, 63] {
        let mut bent = with(&[0, 1, 2]);
        bend(&mut bent.block.signatures, |list| list[1].1.0[byte] ^= 1);
        assert_eq!(
            trust().verify_receipt(&bent),
            Err(ReceiptError::BadSignature(1))
        );
    }
}

/// Weight counts, not heads: a member of weight 10 beside three of weight 1 cannot be outvoted, nor decide alone.
#[test]
fn quorum_is_by_weight() {
    let mut trust = trust();
    trust.validators.validators[3].weight = 10;
    // total 13, f = 4, quorum 9
    assert_eq!(
        trust.verify_receipt(&proof(8, 4)),
        Err(ReceiptError::NoQuorum {
            found: 3,
            needed: 9
        })
    );
}

#[test]
fn signatures_of_another_epoch_do_not_count() {
    let mut trust = trust();
    trust.validators.epoch = 1;
    assert_eq!(
        trust.verify_receipt(&proof(8, 4)),
        Err(ReceiptError::BadSignature(0))
    );
}

#[test]
fn a_block_with_receipts_missing_or_moved_is_refused() {
    let mut fewer = block(8);
    fewer.receipts.pop();
    assert_eq!(
        trust().verify_block_receipts(&fewer),
        Err(ReceiptError::WrongCount {
            found: 7,
            expected: 8
        })
    );
    let mut twice = block(8);
    twice.receipts[5] = twice.receipts[4].clone();
    assert_eq!(
        trust().verify_block_receipts(&twice),
        Err(ReceiptError::WrongPlace { index: 4, place: 5 })
    );
    let mut broken = block(8);
    broken.receipts[7].0.pop();
    assert_eq!(
        trust().verify_block_receipts(&broken),
        Err(ReceiptError::Malformed)
    );
    let mut bent = block(8);
    let mut fields = Fields::of(7);
    fields.code = 3;
    bent.receipts[7].0 = fields.bytes();
    assert_eq!(
        trust().verify_block_receipts(&bent),
        Err(ReceiptError::Path {
            index: 7,
            source: PathError::OtherRoot
        })
    );
}
