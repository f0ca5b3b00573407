//! Is this receipt true? Answered offline, with nothing but the chain id and the validator set.

use bds_contracts::Genesis;
use bds_contracts::block::{
    BlockHeader, CertifiedHeader, Height, Statement, ValidatorIndex, ValidatorSet,
};
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::receipt::{MerkleNode, ReceiptProof};
use bds_contracts::tx::ChainId;

use crate::ed25519;
use crate::merkle::{PathError, check_path};
use crate::wire::BlockReceipts;

/// What the verifier takes for granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The ledger.
    pub chain: ChainId,
    /// Who may certify its blocks.
    pub validators: ValidatorSet,
}

/// Why a receipt, a block of receipts or an entry of the state is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The header is of another ledger.
    #[error("the block belongs to chain {found}, expected {expected}")]
    WrongChain {
        /// In the header.
        found: ChainId,
        /// Trusted.
        expected: ChainId,
    },
    /// A signer is not in the validator set.
    #[error("signer {0} is not in the validator set")]
    UnknownSigner(ValidatorIndex),
    /// The signers together weigh too little.
    #[error("the signers weigh {found}, a quorum needs {needed}")]
    NoQuorum {
        /// Weight of the signers.
        found: u64,
        /// Weight of a quorum.
        needed: u64,
    },
    /// A signature does not cover this header.
    #[error("the signature of validator {0} does not cover this header")]
    BadSignature(ValidatorIndex),
    /// The evidence does not show this entry under the roots of the header.
    #[error("the evidence does not show this entry")]
    NotShown,
    /// The bytes are no receipt.
    #[error("the receipt does not decode")]
    Malformed,
    /// The receipt names another block than the header.
    #[error("the receipt is of block {receipt}, the header of block {header}")]
    WrongHeight {
        /// In the receipt.
        receipt: Height,
        /// In the header.
        header: Height,
    },
    /// The receipt names another place than it takes in the list.
    #[error("receipt {index} stands at place {place}")]
    WrongPlace {
        /// In the receipt.
        index: u32,
        /// In the list.
        place: usize,
    },
    /// The list is not the whole block.
    #[error("{found} receipts for a block of {expected}")]
    WrongCount {
        /// Receipts given.
        found: usize,
        /// Receipts by the header.
        expected: u32,
    },
    /// The receipt is not under the header's receipts root.
    #[error("receipt {index}: {source}")]
    Path {
        /// In the receipt.
        index: u32,
        /// What is wrong with its path.
        source: PathError,
    },
}

impl Trust {
    /// Trust in a genesis document, and so in the validators it names.
    #[must_use]
    pub fn in_genesis(genesis: &Genesis) -> Self {
        Self {
            chain: genesis.chain_id(),
            validators: genesis.validators.clone(),
        }
    }

    /// Checks chain and certificate of a header.
    ///
    /// Cost: one signature check a signer.
    ///
    /// # Errors
    /// [`ReceiptError`], the first in the order of its variants.
    pub fn verify_certificate(&self, block: &CertifiedHeader) -> Result<(), ReceiptError> {
        let header = &block.header;
        if header.chain != self.chain {
            return Err(ReceiptError::WrongChain {
                found: header.chain,
                expected: self.chain,
            });
        }
        let members = self.validators.validators.len();
        if let Some(stranger) = block
            .signatures
            .signers()
            .find(|signer| usize::from(*signer) >= members)
        {
            return Err(ReceiptError::UnknownSigner(stranger));
        }
        let found = self.validators.weight_of(block.signatures.signers());
        let needed = self.validators.weight_quorum();
        if found < needed {
            return Err(ReceiptError::NoQuorum { found, needed });
        }
        let message = Statement::Executed(header.height, header.digest())
            .bytes(self.chain, self.validators.epoch);
        for (signer, signature) in block.signatures.iter() {
            let key = self.validators.validators[usize::from(signer)].key;
            if !ed25519::verify(&key, &message, signature) {
                return Err(ReceiptError::BadSignature(signer));
            }
        }
        Ok(())
    }

    /// Checks a receipt in full: certificate, block and path. After `Ok`, a quorum of the trusted validators
    /// executed what the receipt is of with exactly this outcome.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify_receipt<'a>(
        &self,
        proof: &'a ReceiptProof,
    ) -> Result<ReceiptView<'a>, ReceiptError> {
        self.verify_certificate(&proof.block)?;
        under_header(&proof.receipt, &proof.path, &proof.block.header)
    }

    /// Checks an entry of the state in full: certificate, and what shows the entry under the header's roots. After `Ok` a quorum
    /// of the trusted validators had exactly this entry, or none, after the block [`EntryProof::height`].
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify_entry<'a>(
        &self,
        proof: &'a EntryProof,
    ) -> Result<Option<&'a [u8]>, ReceiptError> {
        self.verify_certificate(&proof.block)?;
        if proof.verify() {
            Ok(proof.value.as_deref())
        } else {
            Err(ReceiptError::NotShown)
        }
    }

    /// Checks all receipts of a block: the certificate once, then that the list is complete and every path holds.
    ///
    /// # Errors
    /// [`ReceiptError`], of the first receipt that fails.
    pub fn verify_block_receipts(&self, block: &BlockReceipts) -> Result<(), ReceiptError> {
        self.verify_certificate(&block.block)?;
        let header = &block.block.header;
        if u32::try_from(block.receipts.len()) != Ok(header.receipt_count) {
            return Err(ReceiptError::WrongCount {
                found: block.receipts.len(),
                expected: header.receipt_count,
            });
        }
        for (place, (receipt, path)) in block.receipts.iter().enumerate() {
            let view = parse(receipt)?;
            if usize::try_from(view.index) != Ok(place) {
                return Err(ReceiptError::WrongPlace {
                    index: view.index,
                    place,
                });
            }
            under_header(receipt, path, header)?;
        }
        Ok(())
    }
}

fn parse(receipt: &[u8]) -> Result<ReceiptView<'_>, ReceiptError> {
    ReceiptView::parse(receipt).map_err(|_| ReceiptError::Malformed)
}

/// The receipt, if it is of this block and its leaf under the block's receipts root.
fn under_header<'a>(
    receipt: &'a [u8],
    path: &[MerkleNode],
    header: &BlockHeader,
) -> Result<ReceiptView<'a>, ReceiptError> {
    let view = parse(receipt)?;
    if view.height != header.height {
        return Err(ReceiptError::WrongHeight {
            receipt: view.height,
            header: header.height,
        });
    }
    check_path(
        receipt,
        view.index.into(),
        header.receipt_count.into(),
        path,
        header.receipts_root,
    )
    .map_err(|source| ReceiptError::Path {
        index: view.index,
        source,
    })?;
    Ok(view)
}
