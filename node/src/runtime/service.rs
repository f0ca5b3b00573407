//! What the HTTP interface gets from the running validator.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bds_client::wire::{
    BatchAnswer, BlockReceipts, EvidenceAnswer, ItemAnswer, ItemOutcome, NodeStatus, NonceAnswer,
    Wait,
};
use bds_contracts::account::Roles;
use bds_contracts::block::{BlockHeader, CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::genesis::{Genesis, Mode};
use bds_contracts::identity::Identity;
use bds_contracts::kernel::proof::{EntryProof, Evidence};
use bds_contracts::ledger::Ledger;
use bds_contracts::query;
use bds_contracts::receipt::{Code, MerkleNode, ReceiptProof};
use bds_contracts::tx::{AccountId, PublicKey, TxId};
use bds_core::turn::Input;
use bds_engine::gpu::Gpu;
use crossbeam::channel::Sender;
use tokio::sync::{broadcast, oneshot};
use tracing::error;

use super::admission::{Gate, REQUESTS_MAX, Request, refused};
use super::core_loop::CoreNumbers;
use super::executor::{Progress, Work};
use super::nonces::Nonces;
use super::reports::Reports;
use super::serving::Serving;
use super::threads;
use super::tracker::{Standing, Tracker};
use crate::api::service::{
    Answer, BlockDone, NotReady, PlacedEvent, QueryError, ReceiptAnswer, Service, Terms,
};
use crate::engine::Engine;
use crate::metrics::{Metrics, Queue};
use crate::network::Network;
use crate::roots::Roots;
use crate::store::Reader;
use crate::store::index::{Block, Found, Index};

/// Handles to every part of a running validator.
pub struct Validator {
    /// The ledger's document.
    pub genesis: Genesis,
    /// Header of the last block executed before the start.
    pub start: BlockHeader,
    /// Own index.
    pub me: ValidatorIndex,
    /// Synced before answering.
    pub durable: bool,
    /// Builds receipt paths.
    pub engine: Arc<Engine>,
    /// Executed state.
    pub ledger: Arc<RwLock<Ledger>>,
    /// Its roots.
    pub roots: Arc<RwLock<Roots>>,
    /// Outcomes of submitted transactions.
    pub tracker: Arc<Tracker>,
    /// Receipts.
    pub index: Arc<Index>,
    /// Certificates.
    pub reader: Reader,
    /// To admission.
    pub requests: Sender<Request>,
    /// How full the queues behind it are.
    pub queues: Queues,
    /// Certified blocks.
    pub blocks: broadcast::Sender<Arc<BlockDone>>,
    /// Numbers of the executor.
    pub progress: Arc<Progress>,
    /// Numbers of the core.
    pub numbers: Arc<CoreNumbers>,
    /// What the core found.
    pub reports: Arc<Reports>,
    /// Peers.
    pub network: Network,
    /// Answers being read for them.
    pub serving: Serving,
    /// Whether transactions are admitted.
    pub gate: Arc<Gate>,
    /// What members have waiting here.
    pub nonces: Arc<Mutex<Nonces>>,
    /// For scrapes.
    pub metrics: Arc<Metrics>,
}

/// How often a reader looks whether a block that it waits for is in the index; the index follows within milliseconds.
const INDEX_POLL: Duration = Duration::from_millis(2);

/// The same for blocks that are executed again after a start.
const RESTART_POLL: Duration = Duration::from_millis(100);

/// Ends of queues that are looked at and never sent into.
pub struct Queues {
    /// Of admitted batches to the core; bounded.
    pub submissions: Sender<Input>,
    /// Of answers to the core; they are as many as it asked for.
    pub answers: Sender<Input>,
    /// Of final slots to the executor; the core has so many in execution.
    pub execution: Sender<Work>,
}

impl Validator {
    /// What is kept of a block.
    fn kept(&self, height: Height) -> Option<Arc<Block>> {
        self.index.block(height).unwrap_or_else(|problem| {
            error!(height, %problem, "the receipts of a block cannot be read");
            None
        })
    }

    /// Path of a receipt in its block.
    fn path(&self, block: &Block, index: u32) -> Vec<MerkleNode> {
        let tree = block.tree.get_or_init(|| {
            let leaves: Vec<&[u8]> = block.receipts.iter().collect();
            self.engine.tree(&leaves)
        });
        let path = tree.inclusion(u64::from(index)).unwrap_or_default();
        path.into_iter().map(MerkleNode).collect()
    }
}

impl Service for Validator {
    fn submit(&self, transactions: Vec<Vec<u8>>, terms: Terms) -> Answer<'_, BatchAnswer> {
        let Terms {
            wait,
            timeout,
            replace,
            client,
        } = terms;
        Box::pin(async move {
            let count = transactions.len();
            let (answer, admitted) = oneshot::channel();
            let busy = || BatchAnswer {
                items: vec![
                    ItemAnswer {
                        id: TxId([0; 64]),
                        outcome: refused(Code::BUSY)
                    };
                    count
                ],
            };
            if self
                .requests
                .try_send(Request {
                    transactions,
                    wait,
                    replace,
                    client,
                    answer,
                })
                .is_err()
            {
                return busy();
            }
            let Ok(mut admitted) = admitted.await else {
                return busy();
            };
            let in_time = match wait {
                Wait::Accepted => true,
                _ => tokio::time::timeout(timeout, admitted.waiter.done())
                    .await
                    .is_ok(),
            };
            if wait != Wait::Accepted {
                for (id, outcome) in &mut admitted.items {
                    if matches!(
                        outcome,
                        ItemOutcome::Accepted | ItemOutcome::Committed { .. }
                    ) {
                        *outcome = match self.tracker.seen(id, None).map(Standing::outcome) {
                            // Admitted, but not as far as asked when time was up: nobody can say yet.
                            Some(ItemOutcome::Accepted) | None if !in_time => ItemOutcome::Unknown,
                            Some(outcome) => outcome,
                            None => ItemOutcome::Unknown,
                        };
                    }
                }
            }
            BatchAnswer {
                items: admitted
                    .items
                    .into_iter()
                    .map(|(id, outcome)| ItemAnswer { id, outcome })
                    .collect(),
            }
        })
    }

    fn receipt(&self, id: &TxId) -> ReceiptAnswer {
        let found = self.index.find(id).unwrap_or_else(|problem| {
            error!(%problem, "a receipt cannot be read");
            None
        });
        match found {
            Some(Found::Executed { block, index, .. }) => {
                let Some(certified) = self.block(block.height) else {
                    return ReceiptAnswer::Pending;
                };
                let receipt = block.receipts.get(index).unwrap_or_default();
                ReceiptAnswer::Proven(Box::new(ReceiptProof {
                    receipt: receipt.to_vec(),
                    path: self.path(&block, index),
                    block: certified,
                }))
            }
            // Sent again, it may be on its way.
            found => match (self.tracker.seen(id, None), found) {
                (Some(Standing::Dropped(code)), _) => ReceiptAnswer::Dropped(code),
                (Some(_), _) => ReceiptAnswer::Pending,
                (None, Some(Found::Dropped(code))) => ReceiptAnswer::Dropped(code),
                (None, _) => ReceiptAnswer::Unknown,
            },
        }
    }

    fn height(&self) -> Height {
        let certified = self.progress.certified.load(Ordering::Acquire);
        certified.min(self.index.written())
    }

    fn reached(&self, height: Height) -> Answer<'_, ()> {
        Box::pin(async move {
            // Before looking, so that no block goes by in between.
            let mut blocks = self.blocks.subscribe();
            while self.progress.certified.load(Ordering::Acquire) < height {
                // Those that were missed are behind the newest; without an executor the node is stopping, and the caller's time ends.
                // After a start blocks are executed again, which nobody is told of.
                let told = tokio::time::timeout(RESTART_POLL, blocks.recv()).await;
                if let Ok(Err(broadcast::error::RecvError::Closed)) = told {
                    std::future::pending().await
                }
            }
            while self.index.written() < height {
                tokio::time::sleep(INDEX_POLL).await;
            }
        })
    }

    fn first(&self) -> Height {
        self.index.first()
    }

    fn block(&self, height: Height) -> Option<CertifiedHeader> {
        self.reader.certified(height).ok().flatten()
    }

    fn block_receipts(&self, height: Height) -> Option<BlockReceipts> {
        let block = self.block(height)?;
        let kept = self.kept(height)?;
        let receipts = kept.receipts.iter().zip(0..);
        let proven = receipts.map(|(receipt, at)| (receipt.to_vec(), self.path(&kept, at)));
        Some(BlockReceipts {
            block,
            receipts: proven.collect(),
        })
    }

    fn events_from(&self, height: Height, index: u32, limit: usize) -> Vec<PlacedEvent> {
        let last = self.progress.certified.load(Ordering::Acquire);
        let mut events = Vec::new();
        for at in height.max(1)..=last {
            if events.len() >= limit {
                break;
            }
            let Some(block) = self.kept(at) else {
                break;
            };
            let from = if at == height { index } else { 0 };
            events.extend(PlacedEvent::of_block(at, &block.receipts, from));
        }
        events.truncate(limit);
        events
    }

    fn blocks(&self) -> broadcast::Receiver<Arc<BlockDone>> {
        self.blocks.subscribe()
    }

    fn query(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<serde_json::Value, QueryError> {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        query::answer(&ledger, name, arguments)
    }

    fn prove(&self, key: &[u8]) -> Option<EntryProof> {
        let certified = self.progress.certified.load(Ordering::Acquire);
        let now = {
            let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
            ledger.stores().value(key)
        };
        let found = {
            let roots = self.roots.read().unwrap_or_else(PoisonError::into_inner);
            roots.find(certified, key, now)?
        };
        // Hashing a block's changes is nothing that execution waits for.
        let (value, evidence, height) = found.prove(&self.engine, key);
        let proof = EntryProof {
            key: key.to_vec(),
            value,
            block: match evidence {
                Evidence::Change(_) => self.block(height)?,
                // The last certified header names the same root as the first that did, also that of genesis, which itself has
                // no certificate.
                Evidence::State(_) => self.block(certified)?,
            },
            evidence,
        };
        // A block that was executed between the two reads may have changed the entry: then it is asked for again.
        proof.verify().then_some(proof)
    }

    fn nonce(&self, key: &PublicKey) -> Option<NonceAnswer> {
        let member = {
            let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
            ledger.member(key).map(|member| member.nonces)
        };
        let executed = member.unwrap_or_default();
        let (next, waiting) = {
            let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
            nonces.next(key, executed, Instant::now())
        };
        (member.is_some() || waiting > 0).then_some(NonceAnswer {
            key: *key,
            next,
            executed: executed.floor(),
            waiting,
        })
    }

    fn roles(&self, key: &PublicKey) -> Option<Roles> {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        ledger.member(key).map(|member| member.roles)
    }

    fn acts_for(&self, key: &PublicKey, account: AccountId) -> bool {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        let member = ledger.member(key).map(|member| member.id);
        let identity = ledger.stores().read::<Identity>();
        identity.represented(member, account).is_ok()
    }

    fn evidence(&self) -> EvidenceAnswer {
        let epoch = self.genesis.validators.epoch;
        self.reports.evidence(self.genesis.chain_id(), epoch)
    }

    fn status(&self) -> NodeStatus {
        let certified = self.block(self.reader.certified_height());
        // Roots are taken at checkpoints; no reader has one computed.
        let header = certified
            .as_ref()
            .map_or(&self.start, |block| &block.header);
        let (state_height, state_root) = (header.checkpoint, header.state_root.to_string());
        NodeStatus {
            chain: self.genesis.chain_id().to_string(),
            validator: self.me,
            view: self.numbers.view.load(Ordering::Relaxed),
            view_changes: self.numbers.view_changes.load(Ordering::Relaxed),
            committed: self.numbers.committed.load(Ordering::Relaxed),
            executed: self.progress.executed.load(Ordering::Acquire),
            certified: certified.as_ref().map_or(0, |c| c.header.height),
            first_block: self.index.first(),
            head: certified.map_or_else(String::new, |c| c.header.digest().to_string()),
            state_root,
            state_height,
            transactions: self.progress.transactions.load(Ordering::Acquire),
            peers: self.network.peers_connected(),
            ready: self.not_ready().is_empty(),
            mode: match self.genesis.mode {
                Mode::Verified => "verified",
                Mode::Opaque => "opaque",
            }
            .to_owned(),
            durable: self.durable,
            backend: self.engine.name().to_owned(),
            stage_seconds: threads::stage_seconds(),
            cpu_seconds: threads::cpu_seconds(),
            memory_bytes: threads::memory_bytes(),
        }
    }

    fn not_ready(&self) -> NotReady {
        let mut reasons = Vec::new();
        let set = &self.genesis.validators;
        // Each connected validator counts with the least weight there is, so this never says ready too early.
        let least = set.validators.iter().map(|v| v.weight).min().unwrap_or(0);
        let reachable = set.weight(self.me) + least * self.network.peers_connected() as u64;
        if reachable < set.weight_quorum() {
            reasons.push(format!(
                "no quorum: {} peers connected",
                self.network.peers_connected()
            ));
        }
        if !self.numbers.synced.load(Ordering::Relaxed) {
            reasons.push("syncing: behind its peers".to_owned());
            let refused = self.numbers.answers_refused.load(Ordering::Relaxed);
            if refused > 1 {
                reasons.push(format!(
                    "syncing: {refused} answers of peers in a row were refused; see the log and bds_core_events_total"
                ));
            }
        }
        if let Some(problem) = self.index.failure() {
            reasons.push(format!(
                "receipts are not kept any more since the index cannot be written: {problem}; make room or mend the disk, and restart"
            ));
        }
        if let Some(code) = self.gate.refusal() {
            reasons.push(format!("admission is closed: {}", code.text()));
        }
        reasons
    }

    fn metrics(&self) -> String {
        self.metrics.log_bytes(self.reader.bytes());
        self.metrics.core_events(&self.reports.counters());
        self.metrics.engine(&self.engine.stats());
        if let Some(stats) = Gpu::shared_stats() {
            self.metrics.gpu(&stats);
        }
        self.metrics
            .queue(Queue::Requests, self.requests.len(), REQUESTS_MAX);
        let Queues {
            submissions,
            answers,
            execution,
        } = &self.queues;
        for (queue, sender) in [(Queue::Submissions, submissions), (Queue::Answers, answers)] {
            let most = sender.capacity().unwrap_or(0);
            self.metrics.queue(queue, sender.len(), most);
        }
        self.metrics.queue(Queue::Execution, execution.len(), 0);
        let (under_way, most) = self.serving.fill();
        self.metrics.queue(Queue::Serving, under_way, most);
        self.metrics.encode(&self.status(), &self.network.stats())
    }
}
