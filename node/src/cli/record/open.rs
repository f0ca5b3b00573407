//! `bds record open` and `show-slice`: what a reader opens, and what of it is written for others.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use bds_contracts::records::grant::Reader;
use bds_seal::document::{Document, Opened};
use bds_seal::key::ReaderSecret;
use bds_seal::show::Shown;
use bds_seal::wrap::unwrap;
use bds_seal::{Context, SealError};
use clap::Args;
use serde_json::Value;

use super::files::KeyFile;
use super::{Asked, Ledger, fields, reader};
use crate::cli::{complain, done, output, print};
use crate::measure::block_on;

/// What a reader has.
#[derive(Debug, Args)]
pub(super) struct ReaderArgs {
    /// The sealed document.
    document: PathBuf,
    /// The reader's account.
    #[arg(
        long = "reader",
        value_name = "ACCOUNT",
        required_unless_present = "wrap"
    )]
    account: Option<u64>,
    /// The reader's key file.
    #[arg(long)]
    reader_key: PathBuf,
    /// The share, of a record that can be erased.
    #[arg(long)]
    share: Option<PathBuf>,
    /// A file with the wrap as hex digits, got elsewhere: of an older version it is in the event that gave it. No node is asked.
    #[arg(long, conflicts_with_all = ["account", "genesis"])]
    wrap: Option<PathBuf>,
    /// Open a document of this owner's account only.
    #[arg(long)]
    owner: Option<u64>,
    /// Open a document of this record only.
    #[arg(long)]
    record: Option<u64>,
    /// Open this version only.
    #[arg(long)]
    version: Option<u32>,
    #[command(flatten)]
    asked: Asked,
}

/// `bds record open`
#[derive(Debug, Args)]
pub struct OpenArgs {
    #[command(flatten)]
    reader: ReaderArgs,
    /// New file to write, which only its owner can read: the content of a document of one slice as it was; of others a JSON object of what is in
    /// the slices by label. Standard output otherwise.
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
    /// New file to write, which only its owner can read.
    #[arg(long)]
    out: PathBuf,
}

/// A document that was opened, or why it was not.
type Outcome = Result<(Document, Vec<Opened>), String>;

/// Opens as a reader. Exit code 1 when it does not open.
///
/// # Errors
/// When a file or the node cannot be read.
pub(super) fn run(args: &OpenArgs) -> anyhow::Result<ExitCode> {
    let (_, slices) = match opened(&args.reader)? {
        Ok(opened) => opened,
        Err(reason) => return refused(&reason),
    };
    let content = fields::join(&slices)?;
    match &args.out {
        Some(path) => output::write_secret(path, &content)?,
        None => output::write(None, |out| {
            let is_shown = std::io::stdout().is_terminal();
            out.write_all(&output::shown(&content, is_shown))?;
            Ok(())
        })?,
    }
    done()
}

/// Writes one slice with its path. Exit code 1 when it does not open.
///
/// # Errors
/// When a file or the node cannot be read.
pub(super) fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let (document, slices) = match opened(&args.reader)? {
        Ok(opened) => opened,
        Err(reason) => return refused(&reason),
    };
    let Some(slice) = slices.iter().find(|slice| *slice.label == args.label) else {
        return refused(&format!("the reader was given no slice `{}`", args.label));
    };
    let shown = Shown::of(&document, slice)?;
    output::write_secret(&args.out, &shown.to_bytes())?;
    print(&format!(
        "slice `{}` of {} in {}",
        args.label,
        shown.count,
        args.out.display()
    ));
    done()
}

pub(super) fn refused(reason: &str) -> anyhow::Result<ExitCode> {
    print(&format!("NOT OPENED: {}", output::plain(reason)));
    Ok(ExitCode::FAILURE)
}

/// Opens, and says what on standard error.
fn opened(args: &ReaderArgs) -> anyhow::Result<Outcome> {
    let bytes = std::fs::read(&args.document);
    let bytes = bytes.with_context(|| format!("cannot read {}", args.document.display()))?;
    let secret = reader(&args.reader_key)?;
    let share = args.share.as_deref().map(KeyFile::read).transpose()?;
    let document = match Document::parse(&bytes) {
        Ok(document) => document,
        Err(reason) => return Ok(Err(reason.to_string())),
    };
    let context = document.context;
    if !args.is_chosen(&context) {
        let found = place(&context);
        return Ok(Err(format!(
            "the document is {found}, and not what was chosen"
        )));
    }
    if share
        .as_ref()
        .is_some_and(|share| share.context() != context)
    {
        return Ok(Err(
            "the share is of another ledger, record or version".to_owned()
        ));
    }
    let given = match (&args.wrap, args.account) {
        (Some(file), _) => Ok(from_file(file)?),
        (None, Some(account)) => block_on(asked(&args.asked, &document, account, &secret))?,
        (None, None) => anyhow::bail!("give --reader or --wrap"),
    };
    let (wrap, witness) = match given {
        Ok(given) => given,
        Err(reason) => return Ok(Err(reason)),
    };
    let grant = match unwrap(&context, &document.root(), &secret, &wrap) {
        Ok(grant) => grant,
        Err(reason) => return Ok(Err(format!("the wrap: {reason}"))),
    };
    Ok(
        match document.open(&grant, share.as_ref().and_then(KeyFile::share)) {
            Ok(slices) => {
                complain(&format!(
                    "opened {} of {} slices of {}, {witness}",
                    slices.len(),
                    document.count(),
                    place(&context)
                ));
                Ok((document, slices))
            }
            // The wrap opened, so the key is the right one.
            Err(SealError::NotOpened) if share.is_none() => Err(
                "the record's share is missing (--share), or the document was changed".to_owned(),
            ),
            Err(reason) => Err(reason.to_string()),
        },
    )
}

impl ReaderArgs {
    fn is_chosen(&self, context: &Context) -> bool {
        self.owner.is_none_or(|owner| owner == context.owner.0)
            && self.record.is_none_or(|record| record == context.record)
            && self
                .version
                .is_none_or(|version| version == context.version)
    }
}

/// What a document says that it is, in words.
fn place(context: &Context) -> String {
    format!(
        "version {} of record {} of account {}",
        context.version, context.record, context.owner.0
    )
}

/// A wrap and who says that it is one, in words.
type Given = (Vec<u8>, String);

fn from_file(file: &Path) -> anyhow::Result<Given> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let wrap = hex::decode(text.trim()).with_context(|| format!("{shown} is no wrap in hex"))?;
    let witness = format!(
        "by the wrap in {shown}; whether the ledger has it, and from whom, is for whoever gave it to show"
    );
    Ok((wrap, witness))
}

/// What the ledger says that the account was given of this document; or why nothing.
async fn asked(
    asked: &Asked,
    document: &Document,
    account: u64,
    secret: &ReaderSecret,
) -> anyhow::Result<Result<Given, String>> {
    let ledger = Ledger::of(asked).await?;
    let context = document.context;
    if ledger.chain != context.chain {
        return Ok(Err(SealError::WrongContext.to_string()));
    }
    let place = [
        ("account", context.owner.0),
        ("record", context.record),
        ("reader", account),
    ];
    let Some(answer) = ledger.ask("record-reader", &place).await? else {
        // Not every reader may ask this, and it is nothing but a better reason.
        let record = ledger.ask("record", &place[..2]).await.ok().flatten();
        let erased = record.filter(|record| record["phase"] == "erased");
        return Ok(Err(match erased {
            Some(record) => format!("the record was erased at {}", record["since"]),
            None => format!(
                "account {account} is no reader of record {} of account {}: it was given nothing, or the record was erased",
                context.record, context.owner.0
            ),
        }));
    };
    let given: Wrapped =
        serde_json::from_value(answer).context("the node's answer to `record-reader`")?;
    if let Some(since) = given.withdrawn {
        return Ok(Err(format!(
            "account {account} gets no more of it since {since}; what it was given before is in the events of the ledger (`wrap`): --wrap FILE"
        )));
    }
    if given.version != context.version {
        return Ok(Err(format!(
            "account {account} was given version {} last; this one's wrap is in the events of the ledger (`wrap`): --wrap FILE",
            given.version
        )));
    }
    if given.key != hex::encode(secret.public().0) {
        return Ok(Err(format!(
            "it was given for the key {}, and the key file does not open it: it is of {}",
            given.key,
            hex::encode(secret.public().0)
        )));
    }
    // A version that the ledger has forgotten is known by its wrap, which opens under one root only.
    if let Some(root) = given.anchored["root"].as_str()
        && root != hex::encode(document.root())
    {
        return Ok(Err(SealError::WrongRoot.to_string()));
    }
    let wrap = hex::decode(&given.wrap).context("the node's `wrap` is no hex")?;
    let mut witness = format!("as {} says; --genesis has it proven", ledger.nodes);
    if ledger.trust.is_some() {
        // With the wrap the root is proven as well: the owner has wrapped for it.
        let (entry, proof) = ledger.entry::<Reader>("record-reader", &place).await?;
        let is_same =
            entry.is_some_and(|entry| entry.version == context.version && entry.wrap == wrap);
        ensure!(
            is_same,
            "the node answers something else than what is {proof}; ask again, or another node"
        );
        witness = proof;
    }
    Ok(Ok((
        wrap,
        format!("given to account {account} at {}, {witness}", given.given),
    )))
}

/// What opening takes of an answer to `record-reader`.
#[derive(serde::Deserialize)]
struct Wrapped {
    version: u32,
    key: String,
    wrap: String,
    given: u64,
    withdrawn: Option<u64>,
    anchored: Value,
}
