//! `bds record open`, `show-slice` and `check-slice`: what a reader opens, and what an outsider can check.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use bds_client::Trust;
use bds_client::json::EntryDocument;
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::kernel::store::entry_key;
use bds_contracts::records::version::Version;
use bds_contracts::records::{RecordId, Records};
use bds_seal::SealError;
use bds_seal::document::{Document, Opened};
use bds_seal::show::Shown;
use bds_seal::wrap::unwrap;
use clap::Args;
use serde_json::{Map, Value};

use super::files::{self, KeyFile};
use super::seal::write;
use super::{Asked, Node, bytes_of};
use crate::cli::{done, output, print};
use crate::measure::block_on;
use crate::setup::read_genesis;

/// What a reader has.
#[derive(Debug, Args)]
pub(super) struct ReaderArgs {
    /// The sealed document.
    document: PathBuf,
    /// The reader's account.
    #[arg(long = "as", value_name = "ACCOUNT")]
    account: u64,
    /// The reader's key file.
    #[arg(long)]
    reader_key: PathBuf,
    /// The share, of a record that can be erased.
    #[arg(long)]
    share: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
}

/// `bds record open`
#[derive(Debug, Args)]
pub struct OpenArgs {
    #[command(flatten)]
    reader: ReaderArgs,
    /// File to write: the content of a document of one slice as it was; of others a JSON object of texts by label. Standard output
    /// otherwise.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// `bds record show-slice`
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    reader: ReaderArgs,
    /// Which slice.
    #[arg(long)]
    label: String,
    /// File to write.
    #[arg(long)]
    out: PathBuf,
}

/// `bds record check-slice`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Slice as written by `bds record show-slice`.
    file: PathBuf,
    /// Proof of the version, as written by `bds query record-version ... --proof`.
    #[arg(long)]
    proof: PathBuf,
    /// Genesis document of the ledger.
    #[arg(long)]
    genesis: PathBuf,
}

/// A document that did not open, and why.
enum Outcome {
    Opened(Document, Vec<Opened>),
    Refused(String),
}

/// Opens as a reader. Exit code 1 when it does not open.
///
/// # Errors
/// When a file or the node cannot be read.
pub(super) fn run(args: &OpenArgs) -> anyhow::Result<ExitCode> {
    let slices = match opened(&args.reader)? {
        Outcome::Opened(_, slices) => slices,
        Outcome::Refused(reason) => return refused(&reason),
    };
    output::write(args.out.as_deref(), |out| {
        match slices.as_slice() {
            [whole] if *whole.label == "document" => out.write_all(&whole.content)?,
            some => {
                let fields = some.iter().map(|slice| {
                    let text = String::from_utf8_lossy(&slice.content).into_owned();
                    (slice.label.to_string(), Value::String(text))
                });
                let object = Value::Object(fields.collect::<Map<_, _>>());
                writeln!(out, "{}", serde_json::to_string_pretty(&object)?)?;
            }
        }
        Ok(())
    })?;
    done()
}

/// Writes one slice with its path. Exit code 1 when it does not open.
///
/// # Errors
/// When a file or the node cannot be read.
pub(super) fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let (document, slices) = match opened(&args.reader)? {
        Outcome::Opened(document, slices) => (document, slices),
        Outcome::Refused(reason) => return refused(&reason),
    };
    let Some(slice) = slices.iter().find(|slice| *slice.label == args.label) else {
        return refused(&format!("the reader was given no slice `{}`", args.label));
    };
    let shown = Shown::of(&document, slice)?;
    write(&args.out, &shown.to_bytes())?;
    print(&format!(
        "slice `{}` of {} in {}",
        args.label,
        shown.count,
        args.out.display()
    ));
    done()
}

/// Checks a slice against a proof of its version. Exit code 1 when it does not hold.
///
/// # Errors
/// When a file cannot be read or holds something else.
pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let genesis = read_genesis(&args.genesis)?;
    let bytes = std::fs::read(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let shown =
        Shown::parse(&bytes).with_context(|| format!("{} shows no slice", args.file.display()))?;
    let text = std::fs::read(&args.proof)
        .with_context(|| format!("cannot read {}", args.proof.display()))?;
    let is_no_proof = || format!("{} is no proof of an entry", args.proof.display());
    let document: EntryDocument = serde_json::from_slice(&text).with_context(is_no_proof)?;
    let proof = EntryProof::try_from(document).with_context(is_no_proof)?;
    let context = shown.context;
    if context.chain != genesis.chain_id() {
        return refused("the slice is of another ledger");
    }
    let key = (context.owner, RecordId(context.record), context.version);
    if proof.key != entry_key::<Records>("versions", &key) {
        return refused("the proof is of another version");
    }
    let value = match Trust::in_genesis(&genesis).verify_entry(&proof) {
        Ok(Some(value)) => value,
        Ok(None) => return refused("the ledger has no such version"),
        Err(reason) => return refused(&reason.to_string()),
    };
    let version: Version = borsh::from_slice(value).context("the version that was proven")?;
    if let Err(reason) = shown.verify(&context, version.slices, &version.root) {
        return refused(&reason.to_string());
    }
    print(&format!(
        "valid: slice `{}` of version {} of record {} of account {}, proven after block {}: {}",
        shown.label,
        context.version,
        context.record,
        context.owner.0,
        proof.height(),
        String::from_utf8_lossy(&shown.content),
    ));
    done()
}

fn refused(reason: &str) -> anyhow::Result<ExitCode> {
    print(&format!("NOT OPENED: {reason}"));
    Ok(ExitCode::FAILURE)
}

fn opened(args: &ReaderArgs) -> anyhow::Result<Outcome> {
    let bytes = std::fs::read(&args.document);
    let bytes = bytes.with_context(|| format!("cannot read {}", args.document.display()))?;
    let secret = files::reader(&args.reader_key)?;
    let share = args.share.as_deref().map(KeyFile::read).transpose()?;
    let document = match Document::parse(&bytes) {
        Ok(document) => document,
        Err(reason) => return Ok(Outcome::Refused(reason.to_string())),
    };
    let context = document.context;
    let place = [("account", context.owner.0), ("record", context.record)];
    let asked = block_on(async {
        let node = Node::of(&args.asked).await?;
        let record = node.ask("record", &place).await?;
        let version = [place[0], place[1], ("version", context.version.into())];
        let version = node.ask("record-version", &version).await?;
        let reader = node
            .ask(
                "record-reader",
                &[place[0], place[1], ("reader", args.account)],
            )
            .await?;
        anyhow::Ok((node.chain, record, version, reader))
    })?;
    let (chain, Some(record), Some(version), reader) = asked else {
        return Ok(Outcome::Refused(
            "the ledger has no such record or version".to_owned(),
        ));
    };
    if chain != context.chain {
        return Ok(Outcome::Refused(SealError::WrongContext.to_string()));
    }
    let root = bytes_of(&version, "root")?;
    if let Err(reason) = document.expect(&context, &root) {
        return Ok(Outcome::Refused(reason.to_string()));
    }
    if record["phase"] == "erased" {
        return Ok(Outcome::Refused(format!(
            "the record was erased at {}",
            record["since"]
        )));
    }
    let Some(reader) = reader else {
        return Ok(Outcome::Refused(format!(
            "account {} was given nothing of it",
            args.account
        )));
    };
    ensure!(
        reader["version"] == context.version || reader["withdrawn"].is_u64(),
        "account {} was given version {} last; look for this one's wrap in `bds events`",
        args.account,
        reader["version"]
    );
    let wrap = hex::decode(reader["wrap"].as_str().unwrap_or_default())
        .context("the node's `wrap` is no hex")?;
    if wrap.is_empty() {
        return Ok(Outcome::Refused(format!(
            "account {} gets no more of it",
            args.account
        )));
    }
    if record["cover"] == "erasable" && share.is_none() {
        return Ok(Outcome::Refused("the record's share is missing (--share)".to_owned()));
    }
    if share
        .as_ref()
        .is_some_and(|share| share.context() != context)
    {
        return Ok(Outcome::Refused(
            "the share is of another ledger, record or version".to_owned(),
        ));
    }
    let opened = unwrap(&context, &root, &secret, &wrap)
        .and_then(|grant| document.open(&grant, share.as_ref().and_then(KeyFile::share)));
    Ok(match opened {
        Ok(slices) => Outcome::Opened(document, slices),
        Err(reason) => Outcome::Refused(reason.to_string()),
    })
}
