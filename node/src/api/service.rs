//! What the HTTP interface asks of a running validator. The validator implements it; tests use a small fake.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bds_client::wire::{BatchAnswer, BlockReceipts, EvidenceAnswer, NodeStatus, NonceAnswer, Wait};
use bds_contracts::account::Roles;
use bds_contracts::block::{CertifiedHeader, Height};
use bds_contracts::kernel::describe::event_accounts;
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::kernel::receipt::{EventView, ReceiptId, Receipts};
use bds_contracts::modules::Modules;
pub use bds_contracts::query::QueryError;
use bds_contracts::receipt::{Code, ReceiptProof};
use bds_contracts::tx::{AccountId, PublicKey, TxId};

/// A certified block as the event stream sees it.
#[derive(Debug)]
pub struct BlockDone {
    /// Header and certificate.
    pub block: CertifiedHeader,
    /// All receipts, in order.
    pub receipts: Arc<Receipts>,
    /// Its events by account, once a stream has asked for those of one.
    by_account: OnceLock<ByAccount>,
}

#[derive(Debug)]
struct ByAccount {
    events: Vec<PlacedEvent>,
    of: HashMap<AccountId, Vec<u32>>,
}

impl BlockDone {
    /// A block with its receipts.
    #[must_use]
    pub fn new(block: CertifiedHeader, receipts: Arc<Receipts>) -> Self {
        Self {
            block,
            receipts,
            by_account: OnceLock::new(),
        }
    }

    /// Its events that name the account, in order, from the one with this number on. The first call reads all events of the block, for all
    /// streams that ask for any account.
    pub fn events_of(&self, account: AccountId, from: u32) -> impl Iterator<Item = &PlacedEvent> {
        let ByAccount { events, of } = self.by_account.get_or_init(|| {
            let height = self.block.header.height;
            let events: Vec<_> = PlacedEvent::of_block(height, &self.receipts, 0).collect();
            let mut of: HashMap<AccountId, Vec<u32>> = HashMap::new();
            for placed in &events {
                // One that this version cannot read names none.
                for account in event_accounts::<Modules>(&placed.event()).unwrap_or_default() {
                    let known = of.entry(account).or_default();
                    // An event may name an account twice.
                    if known.last() != Some(&placed.index) {
                        known.push(placed.index);
                    }
                }
            }
            ByAccount { events, of }
        });
        let numbers = of.get(&account).map_or(&[][..], Vec::as_slice);
        let first = numbers.partition_point(|number| *number < from);
        numbers[first..]
            .iter()
            .filter_map(|number| events.get(usize::try_from(*number).ok()?))
    }
}

/// One event with its place: what a stream resumes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedEvent {
    /// Block.
    pub height: Height,
    /// Number of the event among all events of the block, from 0.
    pub index: u32,
    /// The receipt that holds it.
    pub receipt: ReceiptId,
    /// Of which module.
    pub module: u16,
    /// Which of its events.
    pub number: u16,
    /// Its fields, encoded.
    pub fields: Vec<u8>,
}

impl PlacedEvent {
    /// Events of a block in order, from the one with this number on; the others are not copied.
    pub fn of_block(
        height: Height,
        receipts: &Receipts,
        from: u32,
    ) -> impl Iterator<Item = PlacedEvent> {
        let all = receipts
            .views()
            .flat_map(|receipt| receipt.events().map(move |event| (receipt.id, event)));
        let wanted = (0_u32..).zip(all).filter(move |(index, _)| *index >= from);
        wanted.map(move |(index, (receipt, event))| PlacedEvent {
            height,
            index,
            receipt,
            module: event.module,
            number: event.number,
            fields: event.fields.to_vec(),
        })
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> EventView<'_> {
        EventView {
            module: self.module,
            number: self.number,
            fields: &self.fields,
        }
    }
}

/// A receipt asked for by id.
#[derive(Debug)]
pub enum ReceiptAnswer {
    /// Final and certified.
    Proven(Box<ReceiptProof>),
    /// In this node's hands, not final yet.
    Pending,
    /// It was ordered and left no trace in its block: it was not executed, and where the code allows it the same bytes may be sent again.
    Dropped(Code),
    /// This node has never seen it, or refused it before it was ordered.
    Unknown,
}

/// Why the node is not ready to serve, in words for `/readyz?verbose`.
pub type NotReady = Vec<String>;

/// Who a request is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Whoever has shown its key.
    Member(PublicKey),
    /// Everyone at this address.
    Address(IpAddr),
}

impl From<IpAddr> for Principal {
    fn from(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let subscriber = u128::from(address) >> 64 << 64;
                IpAddr::V6(subscriber.into())
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// What whoever submits asks for besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How far it waits.
    pub wait: Wait,
    /// At most so long.
    pub timeout: Duration,
    /// Whether each takes the place of the sender's transaction with the same nonce that waits on this node for its place in the order,
    /// if there is one; without it that one stays.
    pub replace: bool,
    /// Who it is.
    pub client: Principal,
}

/// A future without a name.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A running validator, seen from the interface. All methods are cheap or say so.
pub trait Service: Send + Sync + 'static {
    /// Admits a batch and waits as asked. One answer a transaction, in order; never fails as a whole.
    fn submit(&self, transactions: Vec<Vec<u8>>, terms: Terms) -> Answer<'_, BatchAnswer>;

    /// Receipt and proof by id. One index look-up and one read.
    fn receipt(&self, id: &TxId) -> ReceiptAnswer;

    /// The newest block that reads show.
    fn height(&self) -> Height;

    /// The oldest block whose receipts and events are kept; 1 unless older ones were removed, or never taken from others.
    fn first(&self) -> Height;

    /// Returns when reads show this block.
    fn reached(&self, height: Height) -> Answer<'_, ()>;

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

    /// The entry of the state with this key (module, table, its own), as certified blocks left it; none for the moment in
    /// which only a block that is not certified yet has changed it. One look-up, and at most the tree of one block's changes.
    fn prove(&self, key: &[u8]) -> Option<EntryProof>;

    /// The next nonce of a key: after what it has waiting on this node; none for a key of no member without anything waiting.
    fn nonce(&self, key: &PublicKey) -> Option<NonceAnswer>;

    /// The roles a key has now; none when it is no member's.
    fn roles(&self, key: &PublicKey) -> Option<Roles>;

    /// Whether a key acts for an account now.
    fn acts_for(&self, key: &PublicKey, account: AccountId) -> bool;

    /// Proofs of broken rules seen since the start, oldest first.
    fn evidence(&self) -> EvidenceAnswer;

    /// Where this node stands.
    fn status(&self) -> NodeStatus;

    /// Empty when the node can serve.
    fn not_ready(&self) -> NotReady;

    /// Prometheus text of all metrics.
    fn metrics(&self) -> String;
}
