//! A certified block of receipts, built by the definitions alone: trees by RFC 9162, receipts field by field.

#![allow(dead_code, reason = "every test file uses its own part")]

use bds_client::wire::BlockReceipts;
use bds_client::{Signer, Trust};
use bds_contracts::block::{
    BlockDigest, BlockHeader, CertifiedHeader, MerkleRoot, Signature, Signatures, StateRoot,
    Statement, Validator, ValidatorSet,
};
use bds_contracts::kernel::receipt::NO_CALL;
use bds_contracts::kernel::wire::Encode as _;
use bds_contracts::receipt::{MerkleNode, ReceiptProof};
use bds_contracts::tx::{ChainId, Millis, TxId};
use sha2::{Digest as _, Sha512_256};

pub(crate) const CHAIN: ChainId = ChainId([7; 32]);

pub(crate) fn signers() -> Vec<Signer> {
    (1..=4).map(|i| Signer::from_seed(&[i; 32])).collect()
}

pub(crate) fn trust() -> Trust {
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
pub(crate) fn root(leaves: &[Vec<u8>]) -> [u8; 32] {
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
pub(crate) fn path(m: usize, leaves: &[Vec<u8>]) -> Vec<MerkleNode> {
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
pub(crate) fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// The fields of a receipt, for tests that change one of them.
#[derive(Clone)]
pub(crate) struct Fields {
    pub(crate) tx: TxId,
    pub(crate) height: u64,
    pub(crate) index: u32,
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Fields {
    /// Receipt `index` of the block.
    pub(crate) fn of(index: u32) -> Self {
        Self {
            tx: TxId([index as u8; 64]),
            height: 9,
            index,
            code: 0,
            message: format!("receipt {index}"),
        }
    }

    /// As `contracts/src/kernel/receipt.rs` lays a receipt of a transaction out; no events.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0];
        self.tx.0.encode(&mut out);
        self.height.encode(&mut out);
        self.index.encode(&mut out);
        self.code.encode(&mut out);
        NO_CALL.encode(&mut out);
        15_u64.encode(&mut out);
        0_u32.encode(&mut out);
        self.message.as_str().encode(&mut out);
        out
    }
}

/// A block of `n` receipts certified by validators 0, 1 and 2 of 4. The header counts fewer transactions than receipts, as
/// when the ledger did something by itself.
pub(crate) fn block(n: u32) -> BlockReceipts {
    let leaves: Vec<Vec<u8>> = (0..n).map(|index| Fields::of(index).bytes()).collect();
    let header = BlockHeader {
        chain: CHAIN,
        height: 9,
        time: Millis(1_000),
        previous: BlockDigest([1; 32]),
        payload_root: MerkleRoot([2; 32]),
        receipts_root: MerkleRoot(root(&leaves)),
        changes_root: MerkleRoot([4; 32]),
        tx_count: n - 1,
        receipt_count: n,
        dropped_count: 0,
        checkpoint: 8,
        state_root: StateRoot([3; 32]),
    };
    let signatures = certificate(&header, &[0, 1, 2]);
    BlockReceipts {
        block: CertifiedHeader { header, signatures },
        receipts: leaves
            .iter()
            .enumerate()
            .map(|(i, leaf)| (leaf.clone(), path(i, &leaves)))
            .collect(),
    }
}

pub(crate) fn certificate(header: &BlockHeader, who: &[u16]) -> Signatures {
    let message = Statement::Executed(header.height, header.digest()).bytes(CHAIN, 0);
    let signers = signers();
    who.iter()
        .map(|&i| (i, signers[usize::from(i)].sign_bytes(&message)))
        .collect()
}

/// The same signatures with one change.
pub(crate) fn bend(signatures: &mut Signatures, change: impl FnOnce(&mut [(u16, Signature)])) {
    let mut list: Vec<_> = signatures.iter().map(|(i, s)| (i, *s)).collect();
    change(&mut list);
    *signatures = list.into_iter().collect();
}

pub(crate) fn proof(n: u32, index: usize) -> ReceiptProof {
    let mut block = block(n);
    let (receipt, path) = block.receipts.swap_remove(index);
    ReceiptProof {
        receipt,
        path,
        block: block.block,
    }
}
