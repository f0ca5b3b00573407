//! A validator that remembers what it was asked, in place of a real one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bds_client::wire::{
    BatchAnswer, BlockReceipts, EvidenceAnswer, EvidenceItem, ItemAnswer, ItemOutcome, NodeStatus,
    NonceAnswer, SignedStatement,
};
use bds_contracts::account::Roles;
use bds_contracts::amount::{Currency, Money};
use bds_contracts::block::{
    BlockDigest, BlockHeader, CertifiedHeader, Height, MerkleRoot, Signature, StateRoot,
};
use bds_contracts::kernel::module::{Events as _, Module as _};
use bds_contracts::kernel::proof::{ChangeProof, EntryProof, Evidence};
use bds_contracts::kernel::receipt::{NO_CALL, Receipts};
use bds_contracts::kernel::wire::Encode as _;
use bds_contracts::money::{self, Money as Bank};
use bds_contracts::receipt::{Code, MerkleNode, ReceiptProof};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey, TxId};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, broadcast};

use crate::api::service::{
    Answer, BlockDone, NotReady, PlacedEvent, QueryError, ReceiptAnswer, Service, Terms,
};

pub(super) fn id(byte: u8) -> TxId {
    TxId([byte; 64])
}

/// Block `height` has `height` receipts, each with one deposit to the account of the receipt's number. The last one of
/// block 3 is of scheduled work, all others are of transactions.
pub(super) fn receipts(height: Height) -> Receipts {
    let count = u32::try_from(height).expect("small");
    let bytes = (0..count).flat_map(|index| receipt(height, index));
    Receipts::parse(bytes.collect()).expect("receipts")
}

/// Written by hand, as `contracts/src/kernel/receipt.rs` lays it out.
fn receipt(height: Height, index: u32) -> Vec<u8> {
    let event = deposit(height, index);
    let mut fields = Vec::new();
    event.encode(&mut fields);
    let mut events = [Bank::ID, event.number()].map(u16::to_le_bytes).concat();
    fields.as_slice().encode(&mut events);

    let mut out = Vec::new();
    if (height, index) == (3, 2) {
        out.push(1);
        77_u64.encode(&mut out);
    } else {
        out.push(0);
        let byte = u8::try_from(height * 10 + u64::from(index)).expect("small");
        id(byte).0.encode(&mut out);
    }
    height.encode(&mut out);
    index.encode(&mut out);
    Code::OK.0.encode(&mut out);
    NO_CALL.encode(&mut out);
    15_u64.encode(&mut out);
    events.as_slice().encode(&mut out);
    "".encode(&mut out);
    out
}

fn deposit(height: Height, index: u32) -> money::Event {
    money::Event::Deposited {
        account: AccountId(u64::from(index)),
        currency: Currency::EUR,
        amount: Money(i64::try_from(height).expect("small")),
    }
}

pub(super) fn certified(height: Height) -> CertifiedHeader {
    CertifiedHeader {
        header: BlockHeader {
            chain: ChainId([1; 32]),
            height,
            time: Millis(1000 * height),
            previous: BlockDigest([2; 32]),
            payload_root: MerkleRoot([3; 32]),
            receipts_root: MerkleRoot([4; 32]),
            changes_root: MerkleRoot([9; 32]),
            tx_count: u32::try_from(height).expect("small"),
            receipt_count: u32::try_from(height).expect("small"),
            dropped_count: 0,
            checkpoint: 0,
            state_root: StateRoot([5; 32]),
        },
        signatures: [(0, Signature([6; 64])), (2, Signature([7; 64]))]
            .into_iter()
            .collect(),
    }
}

/// What a submission came with.
pub(super) type Submission = (Vec<Vec<u8>>, Terms);

/// A validator with a few blocks that admits everything that starts with an even byte.
pub(super) struct Fake {
    pub(super) height: Mutex<Height>,
    /// The oldest block it keeps.
    pub(super) first: Mutex<Height>,
    pub(super) blocks: broadcast::Sender<Arc<BlockDone>>,
    pub(super) submitted: Mutex<Vec<Submission>>,
    /// Submissions begun.
    pub(super) asking: AtomicUsize,
    /// While it has no permits, submissions wait.
    pub(super) gate: Semaphore,
    pub(super) refuse_all: Mutex<Option<Code>>,
    pub(super) not_ready: Mutex<NotReady>,
    /// Members with their roles and the accounts they act for.
    pub(super) members: Mutex<BTreeMap<PublicKey, (Roles, Vec<u64>)>>,
}

impl Fake {
    pub(super) fn certify_next(&self) {
        let height = {
            let mut height = self.height.lock().expect("unpoisoned");
            *height += 1;
            *height
        };
        let done = BlockDone::new(certified(height), Arc::new(receipts(height)));
        // Nobody may be listening.
        let _ = self.blocks.send(Arc::new(done));
    }

    fn height(&self) -> Height {
        *self.height.lock().expect("unpoisoned")
    }
}

impl Service for Fake {
    fn submit(&self, transactions: Vec<Vec<u8>>, terms: Terms) -> Answer<'_, BatchAnswer> {
        Box::pin(async move {
            self.asking.fetch_add(1, Ordering::AcqRel);
            self.gate.acquire().await.expect("never closed").forget();
            self.gate.add_permits(1);
            let refuse_all = *self.refuse_all.lock().expect("unpoisoned");
            let refused = |code: Code| ItemOutcome::Refused {
                code,
                reason: code.text().to_owned(),
                retryable: code.retryable(),
            };
            let items = transactions.iter().map(|tx| ItemAnswer {
                id: id(tx.first().copied().unwrap_or_default()),
                outcome: match (refuse_all, tx.first()) {
                    (Some(code), _) => refused(code),
                    (None, Some(first)) if first % 2 == 0 => ItemOutcome::Accepted,
                    (None, _) => refused(Code::BAD_SIGNATURE),
                },
            });
            let answer = BatchAnswer {
                items: items.collect(),
            };
            let mut submitted = self.submitted.lock().expect("unpoisoned");
            submitted.push((transactions, terms));
            answer
        })
    }

    fn receipt(&self, asked: &TxId) -> ReceiptAnswer {
        match asked.0[0] {
            20 => ReceiptAnswer::Proven(Box::new(ReceiptProof {
                receipt: receipt(2, 0),
                path: vec![MerkleNode([8; 32])],
                block: certified(2),
            })),
            99 => ReceiptAnswer::Pending,
            98 => ReceiptAnswer::Dropped(Code::NONCE_REUSED),
            97 => ReceiptAnswer::Dropped(Code::BUSY),
            _ => ReceiptAnswer::Unknown,
        }
    }

    fn height(&self) -> Height {
        Self::height(self)
    }

    fn first(&self) -> Height {
        *self.first.lock().expect("unpoisoned")
    }

    fn reached(&self, height: Height) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut blocks = self.blocks.subscribe();
            while Self::height(self) < height {
                let _ = blocks.recv().await;
            }
        })
    }

    fn prove(&self, key: &[u8]) -> Option<EntryProof> {
        let value = key.first().map(|first| vec![*first]);
        let proof = EntryProof {
            key: key.to_vec(),
            value,
            evidence: Evidence::Change(ChangeProof {
                count: 0,
                leaves: Vec::new(),
                closed: [0; 32],
            }),
            block: certified(2),
        };
        (key != [0x7f]).then_some(proof)
    }

    fn nonce(&self, key: &PublicKey) -> Option<NonceAnswer> {
        self.roles(key).map(|_| NonceAnswer {
            key: *key,
            next: 12,
            executed: 9,
            waiting: 3,
        })
    }

    fn roles(&self, key: &PublicKey) -> Option<Roles> {
        let members = self.members.lock().expect("unpoisoned");
        members.get(key).map(|(roles, _)| *roles)
    }

    fn acts_for(&self, key: &PublicKey, account: AccountId) -> bool {
        let members = self.members.lock().expect("unpoisoned");
        let own = members
            .get(key)
            .map(|(_, accounts)| accounts.contains(&account.0));
        own.unwrap_or(false)
    }

    fn evidence(&self) -> EvidenceAnswer {
        EvidenceAnswer {
            items: vec![EvidenceItem {
                validator: 3,
                kind: "bad_batch".to_owned(),
                statements: vec![SignedStatement {
                    says: "Batch".to_owned(),
                    bytes: "00".to_owned(),
                    signature: Signature([9; 64]),
                }],
            }],
        }
    }

    fn block(&self, height: Height) -> Option<CertifiedHeader> {
        (1..=self.height())
            .contains(&height)
            .then(|| certified(height))
    }

    fn block_receipts(&self, height: Height) -> Option<BlockReceipts> {
        let block = self.block(height).filter(|_| height >= self.first())?;
        let receipts = receipts(height);
        let receipts = receipts.iter().map(|bytes| (bytes.to_vec(), Vec::new()));
        Some(BlockReceipts {
            block,
            receipts: receipts.collect(),
        })
    }

    fn events_from(&self, height: Height, index: u32, limit: usize) -> Vec<PlacedEvent> {
        let all = (height.max(1)..=self.height())
            .flat_map(|at| PlacedEvent::of_block(at, &receipts(at), 0).collect::<Vec<_>>());
        all.filter(|e| (e.height, e.index) >= (height, index))
            .take(limit)
            .collect()
    }

    fn blocks(&self) -> broadcast::Receiver<Arc<BlockDone>> {
        self.blocks.subscribe()
    }

    fn query(&self, name: &str, arguments: &BTreeMap<String, String>) -> Result<Value, QueryError> {
        match (name, arguments.get("account").map(String::as_str)) {
            ("panic", _) => panic!("the fake was told to"),
            ("account", Some("7")) => Ok(json!({ "account": 7 })),
            ("account", Some(_)) => Err(QueryError::NotFound("account 8".into())),
            ("account", None) => Err(QueryError::BadArgument {
                name: "account".into(),
                problem: "is missing".into(),
            }),
            (other, _) => Err(QueryError::UnknownName(other.into())),
        }
    }

    fn status(&self) -> NodeStatus {
        serde_json::from_value(json!({
            "chain": "01", "validator": 3, "view": 0, "view_changes": 0, "committed": 5, "executed": 5,
            "certified": self.height(), "first_block": self.first(), "head": "02", "state_root": "03", "state_height": 4, "transactions": 6,
            "peers": 3, "ready": true, "mode": "verified", "durable": true, "backend": "portable",
            "stage_seconds": { "verify": 1.5 }, "cpu_seconds": 2.5, "memory_bytes": 1000,
        }))
        .expect("every field of the status")
    }

    fn not_ready(&self) -> NotReady {
        self.not_ready.lock().expect("unpoisoned").clone()
    }

    fn metrics(&self) -> String {
        "# EOF\n".into()
    }
}
