//! `bds tx submit` and `bds batch submit`: from a description in JSON to signed transactions on the ledger.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bds_client::wire::{BATCH_ITEMS_MAX, BatchAnswer, ItemOutcome, Wait};
use bds_client::{Client, Sender, Signer, sign};
use bds_contracts::Call;
use bds_contracts::tx::{AccountId, ChainId, ContentHash, Millis, PublicKey};
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;

use super::{print, print_json};
use crate::measure::block_on;

/// How long the command stays with its transactions.
const PATIENCE: Duration = Duration::from_secs(30);

/// `bds tx`
#[derive(Debug, Subcommand)]
pub enum TxCommand {
    /// Signs one transaction described in a JSON file and submits it.
    Submit(SubmitArgs),
}

/// `bds batch`
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    /// Signs the transactions described in a file, one JSON object a line, and submits them in order.
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

/// Arguments of both.
#[derive(Debug, Args)]
#[command(
    after_help = "A description: {\"key\": \"alice.key\", \"accounts\": [1, 3], \"call\": {\"transfer\": {\"from\": 1, \"to\": 3, \
                  \"instrument\": 1, \"quantity\": 20}}}\nOptional: nonce (asked of the node otherwise), lock_time and \
                  expires_at (milliseconds since 1970), content_hash (SHA-512 in hex).\n\
                  Example: bds tx submit --file transfer.json --wait applied"
)]
pub struct SubmitArgs {
    /// File with the description; `-` is standard input.
    #[arg(long)]
    file: PathBuf,
    /// Key file for descriptions that name none.
    #[arg(long)]
    key: Option<PathBuf>,
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

/// One transaction as a person writes it down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    key: Option<PathBuf>,
    nonce: Option<u64>,
    lock_time: Option<u64>,
    expires_at: Option<u64>,
    #[serde(default)]
    accounts: Vec<AccountId>,
    content_hash: Option<ContentHash>,
    call: Call,
}

/// `bds tx ...`
///
/// # Errors
/// When the description is wrong, or no validator answers.
pub fn run_tx(command: &TxCommand) -> anyhow::Result<ExitCode> {
    let TxCommand::Submit(args) = command;
    let text = read(&args.file)?;
    let description: Description = serde_json::from_str(&text)
        .with_context(|| format!("{} is no description", args.file.display()))?;
    submit(args, vec![description])
}

/// `bds batch ...`
///
/// # Errors
/// When a description is wrong, or no validator answers.
pub fn run_batch(command: &BatchCommand) -> anyhow::Result<ExitCode> {
    let BatchCommand::Submit(args) = command;
    let text = read(&args.file)?;
    let descriptions = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(i, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{} line {}", args.file.display(), i + 1))
        })
        .collect::<anyhow::Result<Vec<Description>>>()?;
    submit(args, descriptions)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("reading standard input");
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn submit(args: &SubmitArgs, descriptions: Vec<Description>) -> anyhow::Result<ExitCode> {
    if descriptions.is_empty() {
        bail!("{} describes no transaction", args.file.display());
    }
    let wait = match args.wait {
        WaitFor::Accepted => Wait::Accepted,
        WaitFor::Committed => Wait::Committed,
        WaitFor::Applied => Wait::Applied,
    };
    let client = Client::new(args.nodes.iter().cloned())?;
    let answer = block_on(async {
        let status = client.status().await?;
        let chain: ChainId = status
            .chain
            .parse()
            .with_context(|| format!("the node names its chain `{}`", status.chain))?;
        let wires = sign_all(&client, chain, args.key.as_deref(), descriptions).await?;
        let mut answer = BatchAnswer::default();
        for part in wires.chunks(BATCH_ITEMS_MAX) {
            answer
                .items
                .extend(client.submit_batch(part, wait, PATIENCE).await?.items);
        }
        anyhow::Ok(answer)
    })?;
    if args.json {
        print_json(&answer)?;
    } else {
        for item in &answer.items {
            print(&format!("{}  {}", item.id, words(&item.outcome)));
        }
    }
    let good = answer.items.iter().all(|item| is_good(&item.outcome));
    Ok(ExitCode::from(u8::from(!good)))
}

/// Signs in order; the nonce of each key is asked of the node once and counted on from there.
async fn sign_all(
    client: &Client,
    chain: ChainId,
    key: Option<&Path>,
    descriptions: Vec<Description>,
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
                    None => next_nonce(client, &public).await?,
                };
                new.insert(Sender::new(signer.clone(), chain, nonce))
            }
        };
        if let Some(nonce) = description.nonce {
            sender.restart_at(nonce);
        }
        let mut transaction = sender.next_about(
            description.accounts,
            description.content_hash,
            description.call,
        );
        if let Some(time) = description.lock_time {
            transaction.lock_time = Millis(time);
        }
        if let Some(time) = description.expires_at {
            transaction.expires_at = Millis(time);
        }
        wires.push(sign(&transaction, &signer));
    }
    Ok(wires)
}

async fn next_nonce(client: &Client, key: &PublicKey) -> anyhow::Result<u64> {
    let member = client
        .query(
            "member",
            &BTreeMap::from([("key".to_owned(), key.to_string())]),
        )
        .await
        .with_context(|| format!("asking for the nonce of {key}"))?;
    member["nonce"]
        .as_u64()
        .context("the answer to the query `member` has no nonce")
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
        } => format!("committed in block {height} at {index}: {code}"),
        ItemOutcome::Applied {
            height,
            index,
            code,
        } => format!("applied in block {height} at {index}: {code}"),
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
