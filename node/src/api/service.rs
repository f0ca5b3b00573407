//! What the HTTP interface asks of a running validator. The validator implements it; tests use a small fake.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bds_client::wire::{BatchAnswer, BlockReceipts, EvidenceAnswer, NodeStatus, Wait};
use bds_contracts::Event;
use bds_contracts::block::{CertifiedHeader, Height};
pub use bds_contracts::query::QueryError;
use bds_contracts::receipt::ReceiptProof;
use bds_contracts::tx::TxId;

use crate::receipts::Receipts;

/// A certified block as the event stream sees it.
#[derive(Debug)]
pub struct BlockDone {
    /// Header and certificate.
    pub block: CertifiedHeader,
    /// All receipts, in order.
    pub receipts: Arc<Receipts>,
}

/// One event with its place: what a stream resumes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedEvent {
    /// Block.
    pub height: Height,
    /// Number of the event among all events of the block, from 0.
    pub index: u32,
    /// Transaction it belongs to.
    pub tx: TxId,
    /// What happened.
    pub event: Event,
}

/// A receipt asked for by id.
#[derive(Debug)]
pub enum ReceiptAnswer {
    /// Final and certified.
    Proven(Box<ReceiptProof>),
    /// In this node's hands, not final yet.
    Pending,
    /// This node has never seen it, or it was refused.
    Unknown,
}

/// Why the node is not ready to serve, in words for `/readyz?verbose`.
pub type NotReady = Vec<String>;

/// A future without a name.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A running validator, seen from the interface. All methods are cheap or say so.
pub trait Service: Send + Sync + 'static {
    /// Admits a batch and waits as asked, at most `timeout`. One answer a transaction, in order; never fails as a whole.
    fn submit(
        &self,
        transactions: Vec<Vec<u8>>,
        wait: Wait,
        timeout: Duration,
    ) -> Answer<'_, BatchAnswer>;

    /// Receipt and proof by id. One index look-up and one read.
    fn receipt(&self, id: &TxId) -> ReceiptAnswer;

    /// A certified block.
    fn block(&self, height: Height) -> Option<CertifiedHeader>;

    /// All receipts of a certified block with their paths. Cost: the block's receipts tree.
    fn block_receipts(&self, height: Height) -> Option<BlockReceipts>;

    /// Events of certified blocks from this place on (inclusive), at most `limit`, never splitting a block's end
    /// silently: the caller asks again from the place after the last one.
    fn events_from(&self, height: Height, index: u32, limit: usize) -> Vec<PlacedEvent>;

    /// Blocks as they are certified, from now on. A receiver that lags is told so and resumes with `events_from`.
    fn blocks(&self) -> tokio::sync::broadcast::Receiver<Arc<BlockDone>>;

    /// Reads the state: name of a query and its arguments, answered as JSON.
    ///
    /// # Errors
    /// [`QueryError`].
    fn query(
        &self,
        name: &str,
        arguments: &std::collections::BTreeMap<String, String>,
    ) -> Result<serde_json::Value, QueryError>;

    /// Proofs of broken rules seen since the start, oldest first.
    fn evidence(&self) -> EvidenceAnswer;

    /// Where this node stands.
    fn status(&self) -> NodeStatus;

    /// Empty when the node can serve.
    fn not_ready(&self) -> NotReady;

    /// Prometheus text of all metrics.
    fn metrics(&self) -> String;
}
