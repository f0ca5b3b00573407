//! Does the client refuse every receipt that is not true? Each field of a good receipt is changed in turn.

use bds_client::merkle::PathError;
use bds_client::wire::BlockReceipts;
use bds_client::{ReceiptError, Signer, Trust};
use bds_contracts::block::{
    BlockDigest, BlockHeader, CertifiedHeader, MerkleRoot, Signature, Signatures, StateRoot,
    Statement, Validator, ValidatorSet,
};
use bds_contracts::receipt::{Code, MerkleNode, Receipt, ReceiptProof};
use bds_contracts::tx::{ChainId, Millis, TxId};
use sha2::{Digest as _, Sha512_256};

const CHAIN: ChainId = ChainId([7; 32]);

fn signers() -> Vec<Signer> {
    (1..=4).map(|i| Signer::from_seed(&[i; 32])).collect()
}

fn trust() -> Trust {
    let validators = signers()
        .iter()
        .map(|s| Validator {
            key: s.public_key(),
            weight: 1,
        })
        .collect();
    Trust {
        chain: CHAIN,
        validators: ValidatorSet {
            epoch: 0,
            validators,
        },
    }
}

/// Tree hash by the definition of RFC 9162, section 2.1.1, written for clearness.
fn root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha512_256::digest([]).into(),
        [leaf] => Sha512_256::digest([&[0], leaf.as_slice()].concat()).into(),
        _ => {
            let k = split(leaves.len());
            let (left, right) = (root(&leaves[..k]), root(&leaves[k..]));
            Sha512_256::digest([&[1], left.as_slice(), right.as_slice()].concat()).into()
        }
    }
}

/// Inclusion path by the definition of RFC 9162, section 2.1.3.1.
fn path(m: usize, leaves: &[Vec<u8>]) -> Vec<MerkleNode> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (mut nodes, sibling) = if m < k {
        (path(m, &leaves[..k]), root(&leaves[k..]))
    } else {
        (path(m - k, &leaves[k..]), root(&leaves[..k]))
    };
    nodes.push(MerkleNode(sibling));
    nodes
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// A block of `n` receipts certified by validators 0, 1 and 2 of 4.
fn block(n: u32) -> BlockReceipts {
    let receipts: Vec<Receipt> = (0..n)
        .map(|index| Receipt {
            tx: TxId([index as u8; 64]),
            height: 9,
            index,
            code: Code(0),
            message: format!("receipt {index}"),
            events: Vec::new(),
        })
        .collect();
    let leaves: Vec<Vec<u8>> = receipts
        .iter()
        .map(|r| borsh::to_vec(r).expect("memory"))
        .collect();
    let header = BlockHeader {
        chain: CHAIN,
        height: 9,
        time: Millis(1_000),
        previous: BlockDigest([1; 32]),
        payload_root: MerkleRoot([2; 32]),
        receipts_root: MerkleRoot(root(&leaves)),
        tx_count: n,
        dropped_count: 0,
        checkpoint: 8,
        state_root: StateRoot([3; 32]),
    };
    let signatures = certificate(&header, &[0, 1, 2]);
    BlockReceipts {
        block: CertifiedHeader { header, signatures },
        receipts: receipts
            .into_iter()
            .enumerate()
            .map(|(i, r)| (r, path(i, &leaves)))
            .collect(),
    }
}

fn certificate(header: &BlockHeader, who: &[u16]) -> Signatures {
    let message = Statement::Executed(header.height, header.digest()).bytes(CHAIN, 0);
    let signers = signers();
    who.iter()
        .map(|&i| (i, signers[usize::from(i)].sign_bytes(&message)))
        .collect()
}

/// The same signatures with one change.
fn bend(signatures: &mut Signatures, change: impl FnOnce(&mut [(u16, Signature)])) {
    let mut list: Vec<_> = signatures.iter().map(|(i, s)| (i, *s)).collect();
    change(&mut list);
    *signatures = list.into_iter().collect();
}

fn proof(n: u32, index: usize) -> ReceiptProof {
    let mut block = block(n);
    let (receipt, path) = block.receipts.swap_remove(index);
    ReceiptProof {
        receipt,
        path,
        block: block.block,
    }
}

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
            assert_eq!(
                trust().verify_receipt(&proof(n, index)),
                Ok(()),
                "{index} of {n}"
            );
        }
    }
}

/// A changed receipt is another leaf.
#[test]
fn a_changed_receipt_is_refused() {
    let changes: [fn(&mut Receipt); 4] = [
        |r| r.tx.0[63] ^= 1,
        |r| r.code = Code(1),
        |r| r.message.push('!'),
        |r| r.index ^= 1,
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut proof = proof(8, 4);
        change(&mut proof.receipt);
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
    let mut moved = proof(8, 4);
    moved.receipt.height = 10;
    assert_eq!(
        trust().verify_receipt(&moved),
        Err(ReceiptError::WrongHeight {
            receipt: 10,
            header: 9
        })
    );
    let mut outside = proof(8, 4);
    outside.receipt.index = 8;
    assert_eq!(
        trust().verify_receipt(&outside),
        Err(ReceiptError::Path {
            index: 8,
            source: PathError::OutsideTree { index: 8, size: 8 }
        })
    );
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
    let changes: [fn(&mut BlockHeader); 9] = [
        |h| h.height += 1,
        |h| h.time.0 += 1,
        |h| h.previous.0[0] ^= 1,
        |h| h.payload_root.0[0] ^= 1,
        |h| h.receipts_root.0[0] ^= 1,
        |h| h.tx_count += 1,
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
    assert_eq!(trust().verify_receipt(&with(&[0, 1, 2, 3])), Ok(()));
    assert_eq!(trust().verify_receipt(&with(&[1, 2, 3])), Ok(()));
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
    let json = serde_json::to_value(with(&[0, 1, 2])).unwrap();
    let again: ReceiptProof = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(trust().verify_receipt(&again), Ok(()));
    for order in [[0, 1, 1], [2, 1, 0]] {
        let mut mixed = json.clone();
        let list = &mut mixed["block"]["signatures"];
        *list = order.iter().map(|i| list[*i].clone()).collect();
        assert!(serde_json::from_value::<ReceiptProof>(mixed).is_err());
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
    let mut bent = block(8);
    bent.receipts[7].0.code = Code(3);
    assert_eq!(
        trust().verify_block_receipts(&bent),
        Err(ReceiptError::Path {
            index: 7,
            source: PathError::OtherRoot
        })
    );
}

/// Proofs travel as JSON files and as borsh bodies; both bring back the same proof.
#[test]
fn a_proof_survives_its_encodings() {
    let proof = proof(8, 4);
    let json = serde_json::to_vec(&proof).expect("memory");
    let bytes = borsh::to_vec(&proof).expect("memory");
    assert_eq!(
        serde_json::from_slice::<ReceiptProof>(&json).expect("own JSON"),
        proof
    );
    assert_eq!(
        borsh::from_slice::<ReceiptProof>(&bytes).expect("own bytes"),
        proof
    );
}
