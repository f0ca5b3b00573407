//! Did the ledger keep its promises? Asked after a run, of the validators and of the proofs they hand out.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bds_client::wire::{BlockReceipts, NodeStatus};
use bds_client::{Client, Trust};
use bds_contracts::Genesis;
use bds_contracts::block::{BlockDigest, BlockHeader, Height};
use bds_contracts::genesis::Mode;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::{EventView, ReceiptView};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use futures::stream::{self, StreamExt as _};
use serde::Deserialize;

use super::cluster::Cluster;
use super::happened::Happened;
use super::tally::short_id;

/// Blocks fetched at the same time.
const FETCHES: usize = 4;
/// Pause between two looks at the validators' heights.
const POLL: Duration = Duration::from_millis(100);
/// Accounts asked for one by one; beyond it the ledger's own sums must do.
const ACCOUNTS_MAX: usize = 4096;

/// What the receipts of a whole chain say together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// Blocks with at least one receipt, or none: all certified ones.
    pub blocks: u64,
    /// Transactions the headers count.
    pub transactions: u64,
    /// Receipts the headers count: of transactions, and of what the ledger did by itself.
    pub receipts: u64,
    /// Receipts whose proof holds.
    pub receipts_verified: u64,
    /// Of these, of transactions that succeeded.
    pub good: u64,
    /// Ordered and not executed.
    pub dropped: u64,
    /// Acknowledged to a client as final and not found.
    pub acknowledged_lost: u64,
    /// What else they tell of.
    pub happened: Happened,
    /// Units created, by instrument.
    pub issued: BTreeMap<u32, u64>,
    /// Units taken out of circulation, by instrument.
    pub spent: BTreeMap<u32, u64>,
    /// Units moved between accounts by transfers, by instrument.
    pub transferred: BTreeMap<u32, u64>,
    /// Deposits less withdrawals, by currency.
    pub money: BTreeMap<String, i64>,
}

/// Waits until all running validators stand at one height, all of it certified, and it holds still.
///
/// # Errors
/// When they do not within `patience`; says where each stands.
pub async fn settle(cluster: &mut Cluster, patience: Duration) -> anyhow::Result<Vec<NodeStatus>> {
    let deadline = Instant::now() + patience;
    let mut before = None;
    loop {
        for index in 0..cluster.len() {
            cluster.check_running(index)?;
        }
        let all: Vec<NodeStatus> = cluster.statuses().await.into_iter().flatten().collect();
        let running = (0..cluster.len())
            .filter(|i| cluster.is_running(*i))
            .count();
        if let Some(first) = all.first()
            && all.len() == running
            && all.iter().all(|s| {
                s.certified == s.committed
                    && s.executed == s.committed
                    && (s.committed, s.state_height) == (first.committed, first.state_height)
            })
        {
            if before == Some(first.committed) {
                return Ok(all);
            }
            before = Some(first.committed);
        } else {
            before = None;
        }
        if Instant::now() >= deadline {
            let places: Vec<String> = all
                .iter()
                .map(|s| {
                    format!(
                        "validator {}: committed {} executed {} certified {}",
                        s.validator, s.committed, s.executed, s.certified
                    )
                })
                .collect();
            bail!(
                "the validators do not settle within {patience:?}: {}",
                places.join("; ")
            );
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Fetches every certified block from the validators in turn, checks certificate, chaining and every receipt's path, and
/// adds up what the receipts say.
///
/// - `acknowledged`: short ids that clients were told are final.
/// - `each`: called with the height after each block, for a progress line.
///
/// # Errors
/// The first block that cannot be had or does not hold.
pub async fn verify_chain(
    client: &Client,
    genesis: &Genesis,
    lanes: &[usize],
    height: Height,
    acknowledged: &[u64],
    mut each: impl FnMut(Height),
) -> anyhow::Result<Chain> {
    let trust = Trust::in_genesis(genesis);
    let mut chain = Chain::default();
    let mut missing: HashSet<u64> = acknowledged.iter().copied().collect();
    let mut blocks = stream::iter(1..=height)
        .map(|height| {
            let first = usize::try_from(height).unwrap_or(0);
            let (client, trust) = (client.clone(), trust.clone());
            let opaque = genesis.mode == Mode::Opaque;
            async move {
                // A validator that caught up lacks the certificates of blocks it missed; the others have them.
                for step in 0..lanes.len() {
                    let lane = lanes[(first + step) % lanes.len()];
                    let client = client.on_lane(lane);
                    if opaque {
                        let Some(block) = client.block(height).await? else {
                            continue;
                        };
                        trust
                            .verify_certificate(&block)
                            .with_context(|| format!("block {height}"))?;
                        return anyhow::Ok(BlockReceipts {
                            block,
                            receipts: Vec::new(),
                        });
                    }
                    let Some(block) = client.block_receipts(height).await? else {
                        continue;
                    };
                    return tokio::task::spawn_blocking(move || {
                        trust
                            .verify_block_receipts(&block)
                            .with_context(|| format!("block {height} of validator {lane}"))?;
                        Ok(block)
                    })
                    .await?;
                }
                anyhow::bail!("no validator has the receipts of block {height}")
            }
        })
        .buffered(FETCHES);
    let mut previous: Option<BlockDigest> = None;
    while let Some(block) = blocks.next().await {
        let block = block?;
        check_link(&block.block.header, previous)?;
        previous = Some(block.block.header.digest());
        each(block.block.header.height);
        chain.add(&block, &mut missing);
    }
    chain.acknowledged_lost = missing.len() as u64;
    if genesis.mode == Mode::Opaque {
        // Opaque blocks have no receipts to look ids up in: the count alone can be compared.
        chain.acknowledged_lost = (acknowledged.len() as u64).saturating_sub(chain.transactions);
    }
    Ok(chain)
}

fn check_link(header: &BlockHeader, previous: Option<BlockDigest>) -> anyhow::Result<()> {
    match previous {
        Some(previous) if header.previous != previous => {
            bail!(
                "block {} does not follow the block before it",
                header.height
            )
        }
        _ => Ok(()),
    }
}

impl Chain {
    fn add(&mut self, block: &BlockReceipts, missing: &mut HashSet<u64>) {
        let header = &block.block.header;
        self.blocks += 1;
        self.transactions += u64::from(header.tx_count);
        self.receipts += u64::from(header.receipt_count);
        self.dropped += u64::from(header.dropped_count);
        for (receipt, _) in &block.receipts {
            self.receipts_verified += 1;
            // Its path was checked, so its bytes are what the validators made: a receipt.
            let Ok(receipt) = ReceiptView::parse(receipt) else {
                continue;
            };
            if let Some(id) = receipt.tx() {
                self.good += u64::from(receipt.code.is_ok());
                missing.remove(&short_id(&id.0));
            }
            for event in receipt.events() {
                self.add_event(&event);
            }
        }
    }

    fn add_event(&mut self, event: &EventView<'_>) {
        self.happened.add(event);
        match event.module {
            Units::ID => self.add_units(event),
            Money::ID => self.add_money(event),
            _ => {}
        }
    }

    fn add_units(&mut self, event: &EventView<'_>) {
        use units::Event;
        let (sums, instrument, quantity) = match Event::decode(event.number, event.fields) {
            Ok(Event::Issued {
                instrument,
                quantity,
                ..
            }) => (&mut self.issued, instrument, quantity),
            // Booked by registries as a transfer like any other, though nothing moved.
            Ok(
                Event::Transferred {
                    instrument,
                    quantity,
                    ..
                }
                | Event::SelfTransferred {
                    instrument,
                    quantity,
                    ..
                },
            ) => (&mut self.transferred, instrument, quantity),
            Ok(Event::Spent {
                instrument,
                quantity,
                ..
            }) => (&mut self.spent, instrument, quantity),
            _ => return,
        };
        *sums.entry(instrument.0).or_default() += quantity.0;
    }

    fn add_money(&mut self, event: &EventView<'_>) {
        use money::Event;
        let (currency, amount) = match Event::decode(event.number, event.fields) {
            Ok(Event::Deposited {
                currency, amount, ..
            }) => (currency, amount.0),
            Ok(Event::Withdrawn {
                currency, amount, ..
            }) => (currency, -amount.0),
            _ => return,
        };
        *self.money.entry(currency.to_string()).or_default() += amount;
    }
}

/// The part of the query `summary` that is compared.
#[derive(Debug, Deserialize)]
struct Summary {
    instruments: Vec<InstrumentSum>,
    money: BTreeMap<String, i64>,
}

#[derive(Debug, Deserialize)]
struct InstrumentSum {
    id: u32,
    issued: u64,
    held: u64,
    out: u64,
}

/// The part of the query `account` that is compared.
#[derive(Debug, Deserialize)]
struct AccountSum {
    units: Vec<UnitSum>,
    cash: Vec<CashSum>,
}

#[derive(Debug, Deserialize)]
struct UnitSum {
    instrument: u32,
    held: u64,
}

#[derive(Debug, Deserialize)]
struct CashSum {
    currency: String,
    balance: i64,
}

/// Compares a validator's balances with what genesis and receipts say there must be. Returns what does not add up; none where there
/// are no units and no money to compare.
///
/// For each instrument: issued = genesis + issues = held + out of circulation; and held is the sum over all accounts. For each
/// currency: the sum over all accounts = genesis + deposits - withdrawals.
///
/// # Errors
/// When the validator does not answer.
pub async fn conservation(
    client: &Client,
    genesis: &Genesis,
    chain: &Chain,
) -> anyhow::Result<Option<Vec<String>>> {
    let ask = async |name: &str, arguments: &BTreeMap<String, String>| {
        client.query(name, arguments).await
    };
    let summary: Summary = serde_json::from_value(ask("summary", &BTreeMap::new()).await?)
        .context("the answer to the query `summary`")?;
    if summary.instruments.is_empty() && summary.money.is_empty() {
        return Ok(None);
    }
    let mut problems = Vec::new();
    let mut expect = |what: String, found: i128, expected: i128| {
        if found != expected {
            problems.push(format!("{what}: {found}, expected {expected}"));
        }
    };
    let mut opening: BTreeMap<u32, i128> = BTreeMap::new();
    for holding in &genesis.holdings {
        *opening.entry(holding.instrument.0).or_default() += i128::from(holding.quantity.0);
    }
    let of = |sums: &BTreeMap<u32, u64>, id: u32| i128::from(sums.get(&id).copied().unwrap_or(0));
    for sum in &summary.instruments {
        let opened = opening.get(&sum.id).copied().unwrap_or(0);
        let out = i128::from(sum.out);
        let issued = opened + of(&chain.issued, sum.id);
        expect(
            format!("instrument {}: issued", sum.id),
            i128::from(sum.issued),
            issued,
        );
        expect(
            format!("instrument {}: out of circulation", sum.id),
            out,
            of(&chain.spent, sum.id),
        );
        expect(
            format!("instrument {}: held + out of circulation", sum.id),
            i128::from(sum.held) + out,
            issued,
        );
    }
    let mut money: BTreeMap<String, i128> = BTreeMap::new();
    for cash in &genesis.cash {
        *money.entry(cash.currency.to_string()).or_default() += i128::from(cash.amount.0);
    }
    for (currency, amount) in &chain.money {
        *money.entry(currency.clone()).or_default() += i128::from(*amount);
    }
    for (currency, expected) in &money {
        let found = summary.money.get(currency).copied().unwrap_or(0);
        expect(format!("{currency}: total"), found.into(), *expected);
    }
    if genesis.accounts.len() <= ACCOUNTS_MAX {
        let (mut units, mut cash) = (
            BTreeMap::<u32, i128>::new(),
            BTreeMap::<String, i128>::new(),
        );
        for account in &genesis.accounts {
            let arguments = BTreeMap::from([("account".to_owned(), account.account.0.to_string())]);
            let answer: AccountSum = serde_json::from_value(ask("account", &arguments).await?)
                .context("the answer to the query `account`")?;
            for unit in answer.units {
                *units.entry(unit.instrument).or_default() += i128::from(unit.held);
            }
            for balance in answer.cash {
                *cash.entry(balance.currency).or_default() += i128::from(balance.balance);
            }
        }
        for sum in &summary.instruments {
            let found = units.get(&sum.id).copied().unwrap_or(0);
            expect(
                format!("instrument {}: sum over accounts", sum.id),
                found,
                sum.held.into(),
            );
        }
        for (currency, expected) in &money {
            let found = cash.get(currency).copied().unwrap_or(0);
            expect(format!("{currency}: sum over accounts"), found, *expected);
        }
    }
    Ok(Some(problems))
}
