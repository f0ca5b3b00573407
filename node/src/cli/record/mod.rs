//! `bds record`: seal documents for readers, open them, show one slice, and erase.
//!
//! Nothing secret goes to a node: documents are sealed and opened here, and what goes on the ledger is written as a description for
//! `bds tx submit`, which can be read before it is signed.

mod check;
mod erase;
mod fields;
mod files;
mod give;
mod open;
mod seal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use bds_client::{Client, ClientError, Trust};
use bds_contracts::block::Height;
use bds_contracts::tx::ChainId;
use bds_seal::key::ReaderSecret;
use borsh::BorshDeserialize;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::reading::{self, Reading};
use super::{output, proof};
use crate::keys;
use crate::setup::read_genesis;

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
    Give(give::GiveArgs),
    /// Opens a sealed document as a reader.
    #[command(
        after_help = "Example: bds record open sealed/document --reader 3 --reader-key reader.key\nExit codes: 0 opened, 1 not, 3 a file or the node."
    )]
    Open(open::OpenArgs),
    /// Opens a sealed document and writes one slice with its path, for somebody who has nothing else.
    #[command(
        after_help = "Example: bds record show-slice sealed/document --reader 3 --reader-key reader.key --label price --out price.slice"
    )]
    ShowSlice(open::ShowArgs),
    /// Checks such a slice without any network.
    #[command(
        after_help = "Example: bds query record-version account=1 record=7 version=1 --proof --out version.json\n         \
                      bds record check-slice price.slice --proof version.json --genesis genesis.json\n\
                      Exits 0 when the slice is committed to in that version, 1 when not."
    )]
    CheckSlice(check::CheckArgs),
    /// Destroys the key files of an erasable record: with these, what the ledger keeps is not opened any more.
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

/// Which ledger is asked.
#[derive(Debug, Args)]
struct Asked {
    /// Genesis document of the ledger: what the node says counts only as far as its validators have certified it.
    #[arg(long)]
    genesis: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// Does what the arguments ask for.
///
/// # Errors
/// When a file or the node cannot be read, or the arguments contradict each other.
pub fn run(command: &RecordCommand) -> anyhow::Result<ExitCode> {
    match command {
        RecordCommand::ReaderKey(ReaderKeyCommand::New { file }) => {
            let secret = ReaderSecret::generate(&*keys::generate()?);
            keys::write(file, &secret.bytes())?;
            super::print(&hex::encode(secret.public().0));
            super::done()
        }
        RecordCommand::ReaderKey(ReaderKeyCommand::Show { file }) => {
            super::print(&hex::encode(reader(file)?.public().0));
            super::done()
        }
        RecordCommand::Seal(args) => seal::run(args),
        RecordCommand::Give(args) => give::run(args),
        RecordCommand::Open(args) => open::run(args),
        RecordCommand::ShowSlice(args) => open::show(args),
        RecordCommand::CheckSlice(args) => check::run(args),
        RecordCommand::Erase(args) => erase::run(args),
    }
}

/// A reader's key from its file.
fn reader(file: &Path) -> anyhow::Result<ReaderSecret> {
    Ok(ReaderSecret::from_bytes(&*keys::read(file)?))
}

/// Writes what everyone may read.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    output::write(Some(path), |out| Ok(out.write_all(bytes)?))
}

/// A ledger as a node tells of it, or as its validators have certified it.
struct Ledger {
    client: Client,
    chain: ChainId,
    trust: Option<Trust>,
    nodes: String,
}

impl Ledger {
    async fn of(asked: &Asked) -> anyhow::Result<Self> {
        let genesis = asked.genesis.as_deref().map(read_genesis).transpose()?;
        let (client, chain) = reading::ledger(&asked.reading.client()?).await?;
        let trust = genesis.as_ref().map(Trust::in_genesis);
        ensure!(
            trust.as_ref().is_none_or(|trust| trust.chain == chain),
            "the node is of another ledger than the genesis document"
        );
        Ok(Self {
            client,
            chain,
            trust,
            nodes: asked.reading.nodes(),
        })
    }

    /// The answer to a query; none when the thing does not exist.
    async fn ask(&self, name: &str, arguments: &[(&str, u64)]) -> anyhow::Result<Option<Value>> {
        match self.client.query(name, &given(arguments)).await {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::Problem { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The entry that a query is about, and who says so in words.
    async fn entry<T: BorshDeserialize>(
        &self,
        name: &str,
        arguments: &[(&str, u64)],
    ) -> anyhow::Result<(Option<T>, String)> {
        let (trust, arguments) = (self.trust.as_ref(), given(arguments));
        let (entry, height) = proof::proven(&self.client, trust, name, &arguments).await?;
        Ok((entry, self.witness(height)))
    }

    fn witness(&self, height: Height) -> String {
        match self.trust {
            Some(_) => format!("proven after block {height}"),
            None => format!("as {} says; --genesis has it proven", self.nodes),
        }
    }
}

fn given(arguments: &[(&str, u64)]) -> BTreeMap<String, String> {
    let given = arguments.iter();
    given
        .map(|(name, value)| ((*name).to_owned(), value.to_string()))
        .collect()
}
