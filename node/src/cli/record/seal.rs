//! `bds record seal` and `bds record give`: from a file to a sealed document, its keys, and a description of what goes on the ledger.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use bds_contracts::kernel::envelope::CALLS_MAX;
use bds_contracts::records::version::BODY_MAX;
use bds_contracts::tx::AccountId;
use bds_seal::Context;
use bds_seal::document::{Slice, seal};
use bds_seal::key::{Fresh, ReaderKey};
use bds_seal::wrap::{Grant, wrap};
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::files::{KeyFile, random};
use super::{Asked, Node, Recipient, bytes_of};
use crate::cli::{done, print};
use crate::measure::block_on;

/// Most readers in the description of one transaction, beside the calls that make a record and add its version.
const READERS_MAX: usize = CALLS_MAX as usize - 2;

pub(super) const HELP: &str = "Writes into the folder: `document` (sealed; anyone may have it), `record.key` (keep it: it opens the version and gives it to \
    more readers), `share` (only of an erasable record: hand it to the readers, by any way), and `submit.json` for `bds tx submit`.\n\
    Example: bds record seal contract.json --fields --owner 1 --record 7 --class contracts --erasable --to 3 --to 4:price --out sealed\n         \
    bds tx submit --file sealed/submit.json --key owner.key";

/// `bds record seal`
#[derive(Debug, Args)]
pub struct SealArgs {
    /// What to seal.
    file: PathBuf,
    /// The file is a JSON object, and each of its fields is a slice; otherwise the whole file is one, labelled `document`.
    #[arg(long)]
    fields: bool,
    /// The owner's account.
    #[arg(long)]
    owner: u64,
    /// Number of the record.
    #[arg(long)]
    record: u64,
    /// The record is new: what it is about, for everyone to read.
    #[arg(long)]
    class: Option<String>,
    /// The new record can be erased: readers need the share beside their key.
    #[arg(long, requires = "class")]
    erasable: bool,
    /// The new record is a stream: its versions are pieces.
    #[arg(long, requires = "class")]
    stream: bool,
    /// Reader: ACCOUNT, or ACCOUNT:LABEL,LABEL for some slices only. May be repeated.
    #[arg(long = "to", required = true)]
    readers: Vec<Recipient>,
    /// Leave the document out of the transaction, to be handed over some other way.
    #[arg(long)]
    apart: bool,
    /// Folder to make.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    asked: Asked,
}

/// `bds record give`
#[derive(Debug, Args)]
pub struct GiveArgs {
    /// The version's key file.
    key: PathBuf,
    /// Reader: ACCOUNT, or ACCOUNT:LABEL,LABEL for some slices only. May be repeated.
    #[arg(long = "to", required = true)]
    readers: Vec<Recipient>,
    /// Description for `bds tx submit` to write.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    asked: Asked,
}

/// Seals.
///
/// # Errors
/// When a file or the node cannot be read or does not fit.
pub(super) fn run(args: &SealArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        args.readers.len() <= READERS_MAX,
        "at most {READERS_MAX} readers at once; give it to the others by `bds record give`"
    );
    let content = std::fs::read(&args.file).map(Zeroizing::new);
    let content = content.with_context(|| format!("cannot read {}", args.file.display()))?;
    let parts = parts(&content, args.fields)?;
    let labels: Vec<String> = parts.iter().map(|(label, _)| label.clone()).collect();
    let (version, is_erasable, chain, keys) = block_on(async {
        let node = Node::of(&args.asked).await?;
        let known = node
            .ask(
                "record",
                &[("account", args.owner), ("record", args.record)],
            )
            .await?;
        let (version, is_erasable) = match (&args.class, known) {
            (Some(_), None) => (1, args.erasable),
            (None, Some(known)) => place(&known)?,
            (Some(_), Some(_)) => bail!(
                "record {} is there already; leave --class out for its next version",
                args.record
            ),
            (None, None) => bail!(
                "there is no record {}; give --class to make it",
                args.record
            ),
        };
        let keys = reader_keys(&node, &args.readers).await?;
        anyhow::Ok((version, is_erasable, node.chain, keys))
    })?;
    let context = Context {
        chain,
        owner: AccountId(args.owner),
        record: args.record,
        version,
    };
    let slices: Vec<Slice<'_>> = parts
        .iter()
        .map(|(label, content)| Slice { label, content })
        .collect();
    let fresh = Fresh::draw(slices.len(), is_erasable, random)?;
    let sealed = seal(&context, &slices, fresh)?;
    let is_inline = !args.apart && sealed.bytes.len() <= BODY_MAX;

    let mut calls = Vec::new();
    if let Some(class) = &args.class {
        calls.push(json!({ "records.create-record": {
            "account": args.owner, "record": args.record, "class": class,
            "kind": if args.stream { "stream" } else { "static" },
            "cover": if args.erasable { "erasable" } else { "sealed" },
        } }));
    }
    calls.push(json!({ "records.add-version": {
        "account": args.owner, "record": args.record, "version": version,
        "root": hex::encode(sealed.root), "content_hash": sealed.content_hash, "body_hash": sealed.body_hash,
        "slices": slices.len(), "length": sealed.bytes.len(),
        "body": if is_inline { hex::encode(&sealed.bytes) } else { String::new() },
    } }));
    let file = KeyFile::of(&context, &sealed.root, labels, &sealed.keys);
    calls.extend(gifts(&file, &args.readers, &keys)?);

    std::fs::create_dir(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    // Keys first: a document whose keys were lost is lost.
    file.write(&args.out.join("record.key"))?;
    let share = KeyFile::share_of(&context, &sealed.keys);
    if let Some(share) = &share {
        share.write(&args.out.join("share"))?;
    }
    write(&args.out.join("document"), &sealed.bytes)?;
    write(
        &args.out.join("submit.json"),
        json!({ "calls": calls }).to_string().as_bytes(),
    )?;
    print(&format!(
        "version {version} of record {} for {} readers in {}: {} bytes sealed{}",
        args.record,
        args.readers.len(),
        args.out.display(),
        sealed.bytes.len(),
        if is_inline {
            ""
        } else {
            ", which the transaction does not carry"
        },
    ));
    if share.is_some() {
        print("readers need the file `share` as well");
    }
    done()
}

/// Gives a version to more readers.
///
/// # Errors
/// When a file or the node cannot be read.
pub(super) fn give(args: &GiveArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        args.readers.len() <= CALLS_MAX.into(),
        "at most {CALLS_MAX} readers at once"
    );
    let file = KeyFile::read(&args.key)?;
    let keys = block_on(async {
        let node = Node::of(&args.asked).await?;
        ensure!(
            node.chain == file.context().chain,
            "the key file is of another ledger"
        );
        reader_keys(&node, &args.readers).await
    })?;
    let calls = gifts(&file, &args.readers, &keys)?;
    write(&args.out, json!({ "calls": calls }).to_string().as_bytes())?;
    print(&format!(
        "{} wraps in {}",
        args.readers.len(),
        args.out.display()
    ));
    done()
}

/// Number of the next version of a record that is there, and whether it can be erased.
fn place(known: &Value) -> anyhow::Result<(u32, bool)> {
    ensure!(known["phase"] == "open", "the record was closed or erased");
    ensure!(
        known["cover"] != "clear",
        "the record is in the clear; there is nothing to seal"
    );
    let last = known["versions"]
        .as_u64()
        .and_then(|last| u32::try_from(last).ok());
    let next = last.and_then(|last| last.checked_add(1));
    Ok((
        next.context("the node's record has no number of versions")?,
        known["cover"] == "erasable",
    ))
}

/// Labels and contents of the slices.
fn parts(content: &[u8], fields: bool) -> anyhow::Result<Vec<(String, Zeroizing<Vec<u8>>)>> {
    if !fields {
        return Ok(vec![(
            "document".to_owned(),
            Zeroizing::new(content.to_vec()),
        )]);
    }
    let object: serde_json::Map<String, Value> =
        serde_json::from_slice(content).map_err(|problem| {
            anyhow::anyhow!(
                "the file is no JSON object: line {} column {}",
                problem.line(),
                problem.column()
            )
        })?;
    let parts = object.into_iter().map(|(label, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (label, Zeroizing::new(text.into_bytes()))
    });
    Ok(parts.collect())
}

/// The keys that the readers have published.
async fn reader_keys(node: &Node, readers: &[Recipient]) -> anyhow::Result<Vec<ReaderKey>> {
    let mut keys = Vec::new();
    for reader in readers {
        let known = node
            .ask("reader-key", &[("account", reader.account)])
            .await?;
        let known = known
            .with_context(|| format!("account {} has published no reader's key", reader.account))?;
        keys.push(ReaderKey(bytes_of(&known, "key")?));
    }
    Ok(keys)
}

/// The calls that give readers what they are to have.
fn gifts(file: &KeyFile, readers: &[Recipient], keys: &[ReaderKey]) -> anyhow::Result<Vec<Value>> {
    let (root, held) = file.keys()?;
    let context = file.context();
    let calls = readers.iter().zip(keys).map(|(reader, key)| {
        let grant = if reader.labels.is_empty() {
            Grant::whole(&held)
        } else {
            let mut indices = Vec::new();
            for label in &reader.labels {
                let index = file.labels.iter().position(|known| known == label);
                let index =
                    index.with_context(|| format!("the document has no slice `{label}`"))?;
                indices.push(u16::try_from(index)?);
            }
            indices.sort_unstable();
            Grant::slices(&held, &context, &indices)
                .context("a reader is given 1 to 13 slices one by one, each once")?
        };
        let wrap = wrap(&context, &root, key, &grant, &*random()?)?;
        Ok(json!({ "records.give-wrap": {
            "account": context.owner.0, "record": context.record, "version": context.version,
            "reader": reader.account, "key": hex::encode(key.0), "wrap": hex::encode(wrap),
        } }))
    });
    calls.collect()
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
