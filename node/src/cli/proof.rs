//! Entries of the state with what shows them: fetched, written, read and checked (`bds query --proof`, `bds verify-proof`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bds_client::json::EntryDocument;
use bds_client::{Client, Trust};
use bds_contracts::block::Height;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::modules::Modules;
use bds_contracts::query;
use borsh::BorshDeserialize;
use clap::Args;
use serde_json::json;

use super::{done, print, print_json};
use crate::measure::block_on;
use crate::setup::read_genesis;

/// How often an entry is asked for that the newest block has just changed.
const ATTEMPTS: u32 = 20;
/// Pause between two attempts: about as long as a block takes to be certified.
const PAUSE: Duration = Duration::from_millis(250);

const UNSETTLED: &str = "the entry changes in every block, or none is certified yet: ask again";

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
    if query::entry(name, arguments)?.is_none() {
        let about_one = query::QUERIES
            .iter()
            .filter(|info| info.is_about_one_entry());
        let names: Vec<&str> = about_one.map(|info| info.name).collect();
        bail!(
            "`{name}` is about more than one entry of the state; these are about one: {}",
            names.join(", ")
        );
    }
    let Some(proof) = block_on(settled(client, name, arguments))? else {
        print(UNSETTLED);
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

/// The entry that a query is about; none when every newest block changes it before the one before is certified.
async fn settled(
    client: &Client,
    name: &str,
    arguments: &BTreeMap<String, String>,
) -> anyhow::Result<Option<EntryProof>> {
    for _ in 0..ATTEMPTS {
        if let Some(proof) = client.query_entry(name, arguments).await? {
            return Ok(Some(proof));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(None)
}

/// The entry that a query is about, if there is one, and the block after which it was so: proven to whoever trusts in a set of validators, and
/// otherwise as the node says. A node may prove an older block than the newest: who has to know tells the height.
///
/// # Errors
/// When the node does not answer, the query is not about one entry, or the proof does not hold.
pub(super) async fn proven<T: BorshDeserialize>(
    client: &Client,
    trust: Option<&Trust>,
    name: &str,
    arguments: &BTreeMap<String, String>,
) -> anyhow::Result<(Option<T>, Height)> {
    let key = query::entry(name, arguments)?
        .with_context(|| format!("`{name}` is about more than one entry of the state"))?;
    let proof = settled(client, name, arguments).await?;
    let proof = proof.with_context(|| format!("`{name}`: {UNSETTLED}"))?;
    believed(&proof, trust, &key).with_context(|| format!("`{name}`"))
}

/// What a proof of the entry with this key shows.
fn believed<T: BorshDeserialize>(
    proof: &EntryProof,
    trust: Option<&Trust>,
    key: &[u8],
) -> anyhow::Result<(Option<T>, Height)> {
    ensure!(proof.key == key, "the node proves another entry");
    let value = match trust {
        Some(trust) => trust.verify_entry(proof)?,
        None => proof.value.as_deref(),
    };
    let value = value.map(borsh::from_slice).transpose();
    let value = value.context("the entry is of another version of this program")?;
    Ok((value, proof.height()))
}

/// Reads a proof as written by `bds query --proof`.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub(super) fn read(file: &Path) -> anyhow::Result<EntryProof> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let is_no_proof = || format!("{} is no proof of an entry", file.display());
    let document: EntryDocument = serde_json::from_slice(&text).with_context(is_no_proof)?;
    EntryProof::try_from(document).with_context(is_no_proof)
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
    let proof = read(&args.file)?;
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

#[cfg(test)]
mod tests {
    use bds_contracts::block::{
        BlockDigest, BlockHeader, CertifiedHeader, MerkleRoot, StateRoot, Validator, ValidatorSet,
    };
    use bds_contracts::kernel::proof::{Evidence, StateProof};
    use bds_contracts::tx::{ChainId, Millis, PublicKey};

    use super::*;

    /// What a node can send that certifies nothing: no validator has signed.
    fn unsigned(key: &[u8], value: &[u8]) -> EntryProof {
        let header = BlockHeader {
            chain: ChainId([1; 32]),
            height: 8,
            time: Millis(0),
            previous: BlockDigest([2; 32]),
            payload_root: MerkleRoot([3; 32]),
            receipts_root: MerkleRoot([4; 32]),
            changes_root: MerkleRoot([5; 32]),
            tx_count: 0,
            receipt_count: 0,
            dropped_count: 0,
            checkpoint: 6,
            state_root: StateRoot([7; 32]),
        };
        EntryProof {
            key: key.to_vec(),
            value: Some(value.to_vec()),
            evidence: Evidence::State(StateProof {
                bucket: Vec::new(),
                path: Vec::new(),
            }),
            block: CertifiedHeader {
                header,
                signatures: std::iter::empty().collect(),
            },
        }
    }

    #[test]
    fn another_entry_and_one_that_no_quorum_has_are_not_believed() {
        let proof = unsigned(b"asked", &[9, 0]);
        let found = believed::<u16>(&proof, None, b"asked").expect("as the node says");
        assert_eq!(found, (Some(9), 6));
        let error = believed::<u16>(&proof, None, b"other").expect_err("another entry");
        assert!(error.to_string().contains("another entry"), "{error}");
        assert!(believed::<u32>(&proof, None, b"asked").is_err());
        let validator = Validator {
            key: PublicKey([8; 32]),
            weight: 1,
        };
        let trust = Trust {
            chain: ChainId([1; 32]),
            validators: ValidatorSet {
                epoch: 0,
                validators: vec![validator],
            },
        };
        let error = believed::<u16>(&proof, Some(&trust), b"asked").expect_err("unsigned");
        assert!(error.to_string().contains("quorum"), "{error}");
    }
}
