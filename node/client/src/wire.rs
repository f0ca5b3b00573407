//! Bodies of the node's HTTP interface, shared by server and client. Binary bodies are borsh (`application/x-borsh`).

use bds_contracts::block::{CertifiedHeader, Height, Signature, ValidatorIndex};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::receipt::ReceiptId;
use bds_contracts::modules::Modules;
use bds_contracts::receipt::{Code, MerkleNode};
use bds_contracts::tx::{PublicKey, TxId};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Media type of binary bodies.
pub const BORSH_MEDIA_TYPE: &str = "application/x-borsh";
/// Most transactions one batch request may hold.
pub const BATCH_ITEMS_MAX: usize = 4096;

/// Binary body of `POST /v1/batch`: wire bytes of each transaction, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct BatchRequest {
    /// Wire bytes, signature included.
    pub transactions: Vec<Vec<u8>>,
}

/// Answer to `GET /v1/evidence`: the last proofs of broken rules that this node has seen since it started, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EvidenceAnswer {
    /// At most 64; the oldest leave first.
    pub items: Vec<EvidenceItem>,
}

/// Proof against one validator: what it signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceItem {
    /// Who.
    pub validator: ValidatorIndex,
    /// `conflict`: the statements exclude each other. `bad_batch`: the batch named has a transaction that its author had to
    /// refuse.
    pub kind: String,
    /// What it signed, one or two.
    pub statements: Vec<SignedStatement>,
}

/// A statement and its signature, as anyone can check them with the validator's key alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStatement {
    /// In words.
    pub says: String,
    /// The bytes that are signed, in hex: tag, chain, epoch, statement.
    pub bytes: String,
    /// Ed25519 over the bytes.
    pub signature: Signature,
}

/// What a batch request waits for before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// Admitted, signature good.
    #[default]
    Accepted,
    /// Order final and executed here.
    Committed,
    /// Result certified by a quorum: a receipt with proof can be had.
    Applied,
}

/// Answer to `POST /v1/batch`: one item a transaction, in order.
#[derive(
    Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct BatchAnswer {
    /// In the order of the request.
    pub items: Vec<ItemAnswer>,
}

/// What became of one transaction of a batch.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ItemAnswer {
    /// Its id; all zero when the bytes are no transaction.
    pub id: TxId,
    /// How far it came.
    #[serde(flatten)]
    pub outcome: ItemOutcome,
}

/// How far a transaction came by the time of the answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum ItemOutcome {
    /// Not admitted: nothing changed.
    Refused {
        /// Stable code.
        code: Code,
        /// The code in words.
        reason: String,
        /// The same bytes may succeed later.
        retryable: bool,
    },
    /// Admitted; ask for the receipt by id.
    Accepted,
    /// In a block of final order, with this result.
    Committed {
        /// Block.
        height: Height,
        /// Place in it.
        index: u32,
        /// Result.
        code: Code,
    },
    /// As `Committed`, and the result is certified by a quorum.
    Applied {
        /// Block.
        height: Height,
        /// Place in it.
        index: u32,
        /// Result.
        code: Code,
    },
    /// Not known within the time given; the id can be asked until it is definite.
    Unknown,
}

/// Answer to `GET /v1/blocks/{height}/receipts` in binary: all receipts of a block with their paths.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockReceipts {
    /// The block and its certificate.
    pub block: CertifiedHeader,
    /// Receipts in order, each as the leaf of the receipts tree and with its inclusion path.
    pub receipts: Vec<(Vec<u8>, Vec<MerkleNode>)>,
}

/// What a receipt is of, as documents and streams name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// A transaction.
    Transaction {
        /// Its id.
        tx: TxId,
    },
    /// Work that was scheduled.
    Trigger {
        /// Its number.
        trigger: u64,
    },
    /// Work of a module at the beginning of a block, or at its end.
    Phase {
        /// Name of the module; its number, if this version knows no such module.
        module: String,
        /// `begin` or `end`.
        phase: String,
    },
}

impl From<ReceiptId> for Origin {
    fn from(id: ReceiptId) -> Self {
        match id {
            ReceiptId::Tx(tx) => Self::Transaction { tx },
            ReceiptId::Trigger(trigger) => Self::Trigger { trigger },
            ReceiptId::Phase { module, end } => {
                let known = Modules::CATALOG.iter().find(|info| info.id == module);
                let name = match module {
                    // What sets a ledger up is no module's.
                    0 => "kernel".to_owned(),
                    _ => known.map_or_else(|| module.to_string(), |info| info.name.to_owned()),
                };
                Self::Phase {
                    module: name,
                    phase: if end { "end" } else { "begin" }.to_owned(),
                }
            }
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transaction { tx } => write!(f, "transaction {tx}"),
            Self::Trigger { trigger } => write!(f, "trigger {trigger}"),
            Self::Phase { module, phase } => write!(f, "{phase} of the block in {module}"),
        }
    }
}

/// Answer to `GET /v1/members/{key}/nonce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonceAnswer {
    /// Whose.
    pub key: PublicKey,
    /// The lowest nonce that the key has neither used on the ledger nor waiting on this node: for its next transaction.
    pub next: u64,
    /// The lowest that it has not used on the ledger.
    pub executed: u64,
    /// Transactions of it that wait on this node.
    pub waiting: u64,
}

/// Answer to `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Chain id in hex.
    pub chain: String,
    /// Index of this validator in the set.
    pub validator: u16,
    /// PBFT view.
    pub view: u64,
    /// Views changed since start.
    pub view_changes: u64,
    /// Last committed slot.
    pub committed: Height,
    /// Last executed block.
    pub executed: Height,
    /// Last certified block.
    pub certified: Height,
    /// The oldest block whose receipts and events are kept here; 1 unless older ones were removed, or never taken from others. 0 from a
    /// node of before it said so.
    #[serde(default)]
    pub first_block: Height,
    /// Digest of the last certified header, in hex.
    pub head: String,
    /// Root of the state after block `executed`, in hex; computed for this answer.
    pub state_root: String,
    /// Height that root is for.
    pub state_height: Height,
    /// Transactions executed since genesis.
    pub transactions: u64,
    /// Connected validators, without this one.
    pub peers: usize,
    /// Caught up and connected to a quorum.
    pub ready: bool,
    /// `verified` or `opaque`.
    pub mode: String,
    /// Votes and acknowledgements are synced before they leave.
    pub durable: bool,
    /// Engine backend in use.
    pub backend: String,
    /// Seconds of work by stage since start: `verify`, `hash`, `execute`, `consensus`, `store`, `network`, `api`.
    pub stage_seconds: std::collections::BTreeMap<String, f64>,
    /// CPU seconds of the whole process since start.
    pub cpu_seconds: f64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
}
