//! Receipts and proofs as JSON documents: people read the fields, the verifier reads the bytes beside them.
//!
//! A receipt in a document is what [`receipt_to_json`] makes of it, and its bytes in hex under `bytes`. Reading takes the bytes
//! and refuses a document whose fields say anything else: who was shown a changed amount must not hear that the receipt is
//! good. Fields may be left out; the bytes may not.

use bds_contracts::block::{CertifiedHeader, Height};
use bds_contracts::kernel::describe::receipt_to_json;
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::modules::Modules;
use bds_contracts::receipt::{MerkleNode, ReceiptProof};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Map, Value};

use crate::wire::BlockReceipts;

/// A proof as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofDocument {
    receipt: Shown,
    path: Vec<MerkleNode>,
    block: CertifiedHeader,
}

impl From<ReceiptProof> for ProofDocument {
    fn from(proof: ReceiptProof) -> Self {
        Self {
            receipt: Shown(proof.receipt),
            path: proof.path,
            block: proof.block,
        }
    }
}

impl From<ProofDocument> for ReceiptProof {
    fn from(document: ProofDocument) -> Self {
        Self {
            receipt: document.receipt.0,
            path: document.path,
            block: document.block,
        }
    }
}

/// All receipts of a block as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockReceiptsDocument {
    block: CertifiedHeader,
    receipts: Vec<(Shown, Vec<MerkleNode>)>,
}

impl From<BlockReceipts> for BlockReceiptsDocument {
    fn from(block: BlockReceipts) -> Self {
        let receipts = block.receipts.into_iter();
        Self {
            block: block.block,
            receipts: receipts.map(|(bytes, path)| (Shown(bytes), path)).collect(),
        }
    }
}

impl From<BlockReceiptsDocument> for BlockReceipts {
    fn from(document: BlockReceiptsDocument) -> Self {
        let receipts = document.receipts.into_iter();
        Self {
            block: document.block,
            receipts: receipts.map(|(shown, path)| (shown.0, path)).collect(),
        }
    }
}

/// An entry of the state with its proof, as a document: key, value and evidence are encoded, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryDocument {
    key: String,
    value: Option<String>,
    /// The height after which the entry was so; for people.
    height: Height,
    evidence: String,
    block: CertifiedHeader,
}

/// Why a document is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryDocumentError {
    /// A field that should be encoded bytes in hex.
    #[error("`{0}` of the entry does not decode")]
    Malformed(&'static str),
    /// The height for people is another than the evidence is for.
    #[error("`height` of the entry is {shown}, but its evidence is for {found}")]
    WrongHeight {
        /// In the document.
        shown: Height,
        /// By the evidence.
        found: Height,
    },
}

impl From<EntryProof> for EntryDocument {
    fn from(proof: EntryProof) -> Self {
        let evidence = borsh::to_vec(&proof.evidence).expect("writing to memory cannot fail");
        Self {
            height: proof.height(),
            key: hex::encode(&proof.key),
            value: proof.value.map(hex::encode),
            evidence: hex::encode(evidence),
            block: proof.block,
        }
    }
}

impl TryFrom<EntryDocument> for EntryProof {
    type Error = EntryDocumentError;

    fn try_from(document: EntryDocument) -> Result<Self, EntryDocumentError> {
        let bytes =
            |name, text: &str| hex::decode(text).map_err(|_| EntryDocumentError::Malformed(name));
        let evidence = bytes("evidence", &document.evidence)?;
        let value = document.value.map(|value| bytes("value", &value));
        let proof = Self {
            key: bytes("key", &document.key)?,
            value: value.transpose()?,
            evidence: borsh::from_slice(&evidence)
                .map_err(|_| EntryDocumentError::Malformed("evidence"))?,
            block: document.block,
        };
        let (shown, found) = (document.height, proof.height());
        if shown == found {
            Ok(proof)
        } else {
            Err(EntryDocumentError::WrongHeight { shown, found })
        }
    }
}

/// A receipt's bytes, which a document shows with what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown(Vec<u8>);

const BYTES: &str = "bytes";

/// What a receipt's bytes say, without the bytes.
fn fields(bytes: &[u8]) -> Result<Map<String, Value>, &'static str> {
    match receipt_to_json::<Modules>(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(_) => Err("the bytes are no receipt that this version can read"),
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = fields(&self.0).map_err(ser::Error::custom)?;
        shown.insert(BYTES.to_owned(), hex::encode(&self.0).into());
        shown.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut shown = Map::<String, Value>::deserialize(deserializer)?;
        let bytes = shown
            .remove(BYTES)
            .ok_or_else(|| de::Error::missing_field(BYTES))?;
        let bytes = bytes.as_str().and_then(|text| hex::decode(text).ok());
        let bytes = bytes.ok_or_else(|| {
            de::Error::custom("`bytes` of a receipt are hexadecimal digits, two a byte")
        })?;
        let said = fields(&bytes).map_err(de::Error::custom)?;
        let other = shown
            .iter()
            .find(|(name, value)| said.get(*name) != Some(value));
        match other {
            None => Ok(Self(bytes)),
            Some((name, _)) => Err(de::Error::custom(format!(
                "`{name}` of the receipt is not what its bytes say: the document was changed, or made by another version"
            ))),
        }
    }
}
