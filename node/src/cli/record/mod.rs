//! `bds record`: seal documents for readers, open them, show one slice, and erase.
//!
//! Nothing secret goes to a node: documents are sealed and opened here, and what goes on the ledger is written as a description for
//! `bds tx submit`, which can be read before it is signed.

mod erase;
mod files;
mod open;
mod seal;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;
use bds_client::{Client, ClientError};
use bds_contracts::tx::ChainId;
use clap::{Args, Subcommand};
use serde_json::Value;

/// `bds record`
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Makes and shows the keys that readers open records with.
    #[command(subcommand)]
    ReaderKey(ReaderKeyCommand),
    /// Seals a file as the next version of a record, for readers who have published a key.
    #[command(after_help = seal::HELP)]
    Seal(seal::SealArgs),
    /// Gives a version to another reader, later: for whoever holds the record's key file.
    #[command(
        after_help = "Example: bds record give sealed/record.key --to 9 --out give.json, then: bds tx submit --file give.json --key owner.key"
    )]
    Give(seal::GiveArgs),
    /// Opens a sealed document as a reader.
    #[command(
        after_help = "Example: bds record open sealed/document --as 3 --reader-key reader.key\nExit codes: 0 opened, 1 not, 3 a file or the node."
    )]
    Open(open::OpenArgs),
    /// Opens a sealed document and writes one slice with its path, for somebody who has nothing else.
    #[command(
        after_help = "Example: bds record show-slice sealed/document --as 3 --reader-key reader.key --label price --out price.slice"
    )]
    ShowSlice(open::ShowArgs),
    /// Checks such a slice without any network.
    #[command(
        after_help = "Example: bds query record-version account=1 record=7 version=1 --proof --out version.json\n         \
                      bds record check-slice price.slice --proof version.json --genesis genesis.json\n\
                      Exits 0 when the slice is committed to in that version, 1 when not."
    )]
    CheckSlice(open::CheckArgs),
    /// Destroys the key files of an erasable record: nobody opens the version any more, whatever the ledger keeps.
    #[command(after_help = erase::HELP)]
    Erase(erase::EraseArgs),
}

/// `bds record reader-key`
#[derive(Debug, Subcommand)]
pub enum ReaderKeyCommand {
    /// Writes a new X25519 key file, and prints the key to publish.
    #[command(
        after_help = "Publish it: {\"call\": {\"records.publish-reader-key\": {\"account\": 3, \"key\": \"...\"}}} for `bds tx submit`."
    )]
    New {
        /// File to write; never overwritten.
        file: PathBuf,
    },
    /// Prints the public key of a key file.
    Show {
        /// Key file.
        file: PathBuf,
    },
}

/// Which node is asked.
#[derive(Debug, Args)]
pub struct Asked {
    /// HTTP interface of a validator; more of them are asked when the first is silent.
    #[arg(long = "node", default_value = "http://127.0.0.1:8080")]
    nodes: Vec<String>,
}

/// Does what the arguments ask for.
///
/// # Errors
/// When a file or the node cannot be read, or the arguments contradict each other.
pub fn run(command: &RecordCommand) -> anyhow::Result<ExitCode> {
    match command {
        RecordCommand::ReaderKey(ReaderKeyCommand::New { file }) => {
            let secret = files::new_reader(file)?;
            super::print(&hex::encode(secret.public().0));
            super::done()
        }
        RecordCommand::ReaderKey(ReaderKeyCommand::Show { file }) => {
            super::print(&hex::encode(files::reader(file)?.public().0));
            super::done()
        }
        RecordCommand::Seal(args) => seal::run(args),
        RecordCommand::Give(args) => seal::give(args),
        RecordCommand::Open(args) => open::run(args),
        RecordCommand::ShowSlice(args) => open::show(args),
        RecordCommand::CheckSlice(args) => open::check(args),
        RecordCommand::Erase(args) => erase::run(args),
    }
}

/// A node that answers, and the ledger it is of.
struct Node {
    client: Client,
    chain: ChainId,
}

impl Node {
    async fn of(asked: &Asked) -> anyhow::Result<Self> {
        let client = Client::new(asked.nodes.iter().cloned())?;
        let status = client.any_status().await?;
        let chain = status.chain.parse();
        let chain =
            chain.with_context(|| format!("the node names its chain `{}`", status.chain))?;
        Ok(Self { client, chain })
    }

    /// The answer to a query; none when the thing does not exist.
    async fn ask(&self, name: &str, arguments: &[(&str, u64)]) -> anyhow::Result<Option<Value>> {
        let given = arguments.iter();
        let given = given.map(|(name, value)| ((*name).to_owned(), value.to_string()));
        let given = given.collect::<BTreeMap<_, _>>();
        match self.client.query(name, &given).await {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::Problem { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// A field of an answer that is so many bytes in hex.
fn bytes_of<const N: usize>(answer: &Value, field: &str) -> anyhow::Result<[u8; N]> {
    let text = answer[field].as_str().unwrap_or_default();
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)
        .with_context(|| format!("the node's `{field}` is no {N} bytes in hex"))?;
    Ok(bytes)
}

/// An account, and the labels of the slices it is given; none for all of them: `3`, `3:price,volume`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recipient {
    account: u64,
    labels: Vec<String>,
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (account, labels) = text.split_once(':').unwrap_or((text, ""));
        let account = account.parse().map_err(|_| {
            format!("`{account}` is no account number; expected ACCOUNT or ACCOUNT:LABEL,LABEL")
        })?;
        let labels = labels.split(',').filter(|label| !label.is_empty());
        Ok(Self {
            account,
            labels: labels.map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_an_account_and_perhaps_labels() {
        let read = |text: &str| text.parse::<Recipient>();
        let of = |account, labels: &[&str]| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Ok(Recipient { account, labels })
        };
        assert_eq!(read("3"), of(3, &[]));
        assert_eq!(read("3:"), of(3, &[]));
        assert_eq!(read("3:price,volume"), of(3, &["price", "volume"]));
        for wrong in ["", "x", "-1", ":price", "3.5"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
