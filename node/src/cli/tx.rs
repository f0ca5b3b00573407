//! `bds tx` and `bds batch`: from descriptions in JSON to signed transactions on the ledger.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bds_client::wire::{BATCH_ITEMS_MAX, BatchAnswer, ItemAnswer, ItemOutcome, Wait};
use bds_client::{Client, Sender, Signer};
use bds_contracts::block::Height;
use bds_contracts::identity::{Call, Identity};
use bds_contracts::receipt::Code;
use bds_contracts::tx::{ChainId, PublicKey, TxId};
use clap::{Args, Subcommand, ValueEnum};

use super::description::{self, Description, read_lines, read_one};
use super::endorse::{self, EndorseArgs};
use super::join::{self, JoinArgs};
use super::{print, print_json, reading, receipt};
use crate::measure::block_on;

/// How long the command stays with its transactions.
const PATIENCE: Duration = Duration::from_secs(30);

/// `bds tx`
#[derive(Debug, Subcommand)]
pub enum TxCommand {
    /// Signs one transaction described in a JSON file and submits it.
    Submit(SubmitArgs),
    /// Uses the nonce of a transaction that waits on the node for its place in the order for one that does nothing. What is in a batch
    /// already is executed all the same.
    Cancel(CancelArgs),
    /// Endorses the calls of a transaction that another member will send, for whatever takes two.
    Endorse(EndorseArgs),
    /// Takes part in a public ledger as a consumer, with work where the key is no member's yet.
    Join(JoinArgs),
}

/// `bds batch`
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    /// Signs the transactions described in a file, one JSON object a line, and submits them in order. They are executed as they
    /// arrive; one that must wait for another names that one's nonce as `after`.
    Submit(SubmitArgs),
}

/// How far to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WaitFor {
    /// Admitted, signature good.
    Accepted,
    /// In final order and executed.
    Committed,
    /// Result certified by a quorum.
    Applied,
}

/// Where transactions go, and what is told of them.
#[derive(Debug, Args)]
pub struct Target {
    /// HTTP interface of a validator; more of them are asked when the first is silent.
    #[arg(long = "node", default_value = "http://127.0.0.1:8080")]
    nodes: Vec<String>,
    /// What to wait for.
    #[arg(long, value_enum, default_value = "applied")]
    wait: WaitFor,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of both.
#[derive(Debug, Args)]
#[command(
    after_help = format!("{}\nExample: bds tx submit --file transfer.json --wait applied", description::HELP)
)]
pub struct SubmitArgs {
    /// File with the description; `-` is standard input.
    #[arg(long)]
    file: PathBuf,
    /// Key file for descriptions that name none.
    #[arg(long)]
    key: Option<PathBuf>,
    /// Each takes the place of the sender's transaction with the same nonce that waits on the node for its place in the order. Where
    /// that is in a batch already it stays, and the new one is refused.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    target: Target,
}

/// Arguments of `cancel`.
#[derive(Debug, Args)]
#[command(after_help = "Example: bds tx cancel --key trader.key --nonce 17")]
pub struct CancelArgs {
    /// Nonce of the transaction.
    #[arg(long)]
    nonce: u64,
    /// Key file of its sender.
    #[arg(long)]
    key: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// `bds tx ...`
///
/// # Errors
/// When the description is wrong, or no validator answers.
pub fn run_tx(command: &TxCommand) -> anyhow::Result<ExitCode> {
    match command {
        TxCommand::Submit(args) => submit(args, &[read_one(&args.file)?]),
        TxCommand::Cancel(args) => cancel(args),
        TxCommand::Endorse(args) => endorse::run(args),
        TxCommand::Join(args) => join::run(args),
    }
}

/// `bds batch ...`
///
/// # Errors
/// When a description is wrong, or no validator answers.
pub fn run_batch(command: &BatchCommand) -> anyhow::Result<ExitCode> {
    let BatchCommand::Submit(args) = command;
    let descriptions = read_lines(&args.file)?;
    if descriptions.is_empty() {
        bail!("{} describes no transaction", args.file.display());
    }
    submit(args, &descriptions)
}

fn submit(args: &SubmitArgs, descriptions: &[Description]) -> anyhow::Result<ExitCode> {
    let reader = reader(args, descriptions);
    args.target
        .run(reader, args.replace, async |client, chain| {
            sign_all(client, chain, args.key.as_deref(), descriptions).await
        })
}

fn cancel(args: &CancelArgs) -> anyhow::Result<ExitCode> {
    args.target.run(Some(&args.key), true, async |_, chain| {
        let mut sender = Sender::new(Signer::read(&args.key)?, chain, args.nonce);
        Ok(vec![sender.sign_next::<Identity>(&Call::Nothing {})])
    })
}

/// Whoever sends the first one reads what it takes to send them.
fn reader<'a>(args: &'a SubmitArgs, descriptions: &'a [Description]) -> Option<&'a Path> {
    let first = descriptions.first().and_then(|first| first.key.as_deref());
    first.or(args.key.as_deref())
}

impl Target {
    /// Makes transactions for the ledger that is there, submits them, reading as `reader`, and says what became of each. With `replace`
    /// they take the places of those that wait. Exit code 1 when one did not do what was asked.
    ///
    /// # Errors
    /// What `make` returns; when no validator answers.
    pub(super) fn run(
        &self,
        reader: Option<&Path>,
        replace: bool,
        make: impl AsyncFnOnce(&Client, ChainId) -> anyhow::Result<Vec<Vec<u8>>>,
    ) -> anyhow::Result<ExitCode> {
        let wait = match self.wait {
            WaitFor::Accepted => Wait::Accepted,
            WaitFor::Committed => Wait::Committed,
            WaitFor::Applied => Wait::Applied,
        };
        let client = reading::client(self.nodes.iter().cloned(), reader)?;
        let (answer, details) = block_on(async {
            let (client, chain) = reading::ledger(&client).await?;
            let wires = make(&client, chain).await?;
            let mut answer = BatchAnswer::default();
            let client = if replace { client.replacing() } else { client };
            for part in wires.chunks(BATCH_ITEMS_MAX) {
                let items = client.submit_batch(part, wait, PATIENCE).await?.items;
                answer.items.extend(items);
            }
            // Of one transaction everything is told; of many, how to ask for more.
            let details = match answer.items.as_slice() {
                [
                    ItemAnswer {
                        id,
                        outcome: ItemOutcome::Applied { height, .. },
                    },
                ] if !self.json => details(&client, *height, id).await?,
                _ => Vec::new(),
            };
            anyhow::Ok((answer, details))
        })?;
        if self.json {
            print_json(&answer)?;
        } else {
            for item in &answer.items {
                print(&format!("{}  {}", item.id, words(&item.outcome)));
            }
            details.iter().for_each(|line| print(line));
        }
        let good = answer.items.iter().all(|item| is_good(&item.outcome));
        Ok(ExitCode::from(u8::from(!good)))
    }
}

/// Message and events of the receipt of a transaction that was applied in this block.
async fn details(client: &Client, height: Height, id: &TxId) -> anyhow::Result<Vec<String>> {
    match client.reading_at_least(height).receipt(id).await? {
        Some(proof) => receipt::message_and_events(&proof.receipt),
        None => Ok(Vec::new()),
    }
}

/// Signs in order; the nonce of each key is asked of the node once and counted on from there.
async fn sign_all(
    client: &Client,
    chain: ChainId,
    key: Option<&Path>,
    descriptions: &[Description],
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut senders: BTreeMap<PublicKey, Sender> = BTreeMap::new();
    let mut wires = Vec::with_capacity(descriptions.len());
    for description in descriptions {
        let path = description
            .key
            .as_deref()
            .or(key)
            .context("no key: name a key file in the description (`key`) or with --key")?;
        let signer = Signer::read(path)?;
        let public = signer.public_key();
        let sender = match senders.entry(public) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let nonce = match description.nonce {
                    Some(nonce) => nonce,
                    // Each asks for its own: on a private ledger nobody else is told.
                    None => {
                        let own = client.clone().reading_as(signer.clone(), Some(chain));
                        next_nonce(&own, &public).await?
                    }
                };
                new.insert(Sender::new(signer, chain, nonce))
            }
        };
        if let Some(nonce) = description.nonce {
            sender.restart_at(nonce);
        }
        let draft = description.fill(sender.draft())?;
        wires.push(sender.sign(&draft));
    }
    Ok(wires)
}

/// The nonce for the next transaction of this key: after what it has waiting on the node.
///
/// # Errors
/// When the node does not answer, or knows no such member.
pub(super) async fn next_nonce(client: &Client, key: &PublicKey) -> anyhow::Result<u64> {
    let answer = client
        .nonce(key)
        .await
        .with_context(|| format!("asking for the nonce of {key}"))?;
    Ok(answer.next)
}

fn is_good(outcome: &ItemOutcome) -> bool {
    match outcome {
        ItemOutcome::Accepted => true,
        ItemOutcome::Committed { code, .. } | ItemOutcome::Applied { code, .. } => code.is_ok(),
        ItemOutcome::Refused { .. } | ItemOutcome::Unknown => false,
    }
}

fn words(outcome: &ItemOutcome) -> String {
    match outcome {
        ItemOutcome::Accepted => "accepted".to_owned(),
        ItemOutcome::Committed {
            height,
            index,
            code,
        } => format!("committed in block {height} at {index}: {}", told(*code)),
        ItemOutcome::Applied {
            height,
            index,
            code,
        } => format!("applied in block {height} at {index}: {}", told(*code)),
        ItemOutcome::Refused {
            code,
            reason,
            retryable,
        } => {
            let again = if *retryable {
                "; may be sent again"
            } else {
                ""
            };
            format!("refused: {code}: {reason}{again}")
        }
        ItemOutcome::Unknown => "unknown: ask again by id with `bds receipt`".to_owned(),
    }
}

/// A code, and what it means unless all is well.
fn told(code: Code) -> String {
    if code.is_ok() {
        code.to_string()
    } else {
        format!("{code}: {}", code.text())
    }
}
