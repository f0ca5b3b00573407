//! `bds query --proof` and `bds verify-proof`: an entry of the state with what shows it, checked without any network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bds_client::json::EntryDocument;
use bds_client::{Client, Trust};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::modules::Modules;
use bds_contracts::query;
use clap::Args;
use serde_json::json;

use super::{done, print, print_json};
use crate::measure::block_on;
use crate::setup::read_genesis;

/// How often an entry is asked for that the newest block has just changed.
const ATTEMPTS: u32 = 20;
/// Pause between two attempts: about as long as a block takes to be certified.
const PAUSE: Duration = Duration::from_millis(250);

/// `bds verify-proof`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: bds query account account=1 --proof --out account.json\n         \
                  bds verify-proof account.json --genesis genesis.json\n\
                  Exits 0 when a quorum of the genesis document's validators had exactly this entry, 1 when not."
)]
pub struct VerifyProofArgs {
    /// Proof as written by `bds query --proof`.
    file: PathBuf,
    /// Genesis document of the ledger.
    #[arg(long)]
    genesis: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Fetches the entry that a query is about, and writes its proof. Exit code 1 when every newest block changes it before the
/// one before is certified.
pub(super) fn fetch(
    client: &Client,
    name: &str,
    arguments: &BTreeMap<String, String>,
    out: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let Some(key) = query::entry(name, arguments)? else {
        let about_one = query::QUERIES
            .iter()
            .filter(|info| info.is_about_one_entry());
        let names: Vec<&str> = about_one.map(|info| info.name).collect();
        bail!(
            "`{name}` is about more than one entry of the state; these are about one: {}",
            names.join(", ")
        );
    };
    let proof = block_on(async {
        for _ in 0..ATTEMPTS {
            if let Some(proof) = client.entry(&key).await? {
                return anyhow::Ok(Some(proof));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    })?;
    let Some(proof) = proof else {
        print("the entry changes in every block, or none is certified yet: ask again");
        return Ok(ExitCode::from(1));
    };
    let words = Words::of(&proof);
    let document = EntryDocument::from(proof);
    match out {
        Some(path) => {
            std::fs::write(path, serde_json::to_vec_pretty(&document)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            print(&format!("{words} in {}", path.display()));
        }
        None => print_json(&document)?,
    }
    done()
}

/// What an entry says, for people.
struct Words {
    table: String,
    key: String,
    value: String,
}

impl Words {
    fn of(proof: &EntryProof) -> Self {
        let tables = Modules::stores();
        match tables.in_words(&proof.key, proof.value.as_deref()) {
            Some((table, key, value)) => Self {
                table: table.to_owned(),
                key,
                value,
            },
            // A table that this version does not know, or another version's form of it: the bytes are proven all the same.
            None => Self {
                table: "unknown".to_owned(),
                key: hex::encode(&proof.key),
                value: proof
                    .value
                    .as_ref()
                    .map_or_else(|| "nothing".to_owned(), hex::encode),
            },
        }
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.table, self.key, self.value)
    }
}

/// Checks a proof offline. Exit code 1 when it does not hold.
///
/// # Errors
/// When a file cannot be read or holds something else.
pub fn run_verify_proof(args: &VerifyProofArgs) -> anyhow::Result<ExitCode> {
    let genesis = read_genesis(&args.genesis)?;
    let text = std::fs::read(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let document: EntryDocument = serde_json::from_slice(&text)
        .with_context(|| format!("{} is no proof of an entry", args.file.display()))?;
    let proof = EntryProof::try_from(document)
        .with_context(|| format!("{} is no proof of an entry", args.file.display()))?;
    let verdict = Trust::in_genesis(&genesis).verify_entry(&proof);
    let words = Words::of(&proof);
    if args.json {
        print_json(&json!({
            "valid": verdict.is_ok(),
            "reason": verdict.as_ref().err().map(ToString::to_string),
            "height": proof.height(),
            "table": words.table,
            "key": words.key,
            "value": proof.value.as_ref().map(|_| &words.value),
            "key_bytes": hex::encode(&proof.key),
            "value_bytes": proof.value.as_ref().map(hex::encode),
        }))?;
    } else {
        match &verdict {
            Ok(_) => print(&format!("valid after block {}: {words}", proof.height())),
            Err(reason) => print(&format!("INVALID: {reason}")),
        }
    }
    Ok(ExitCode::from(u8::from(verdict.is_err())))
}
