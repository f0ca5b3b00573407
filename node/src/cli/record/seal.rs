//! `bds record seal`: from a file to a sealed document, its keys, and a description of what goes on the ledger.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use bds_contracts::records::record::{CLASS_MAX, Cover, Record, RecordPhase};
use bds_contracts::records::version::BODY_MAX;
use bds_contracts::tx::AccountId;
use bds_seal::Context;
use bds_seal::document::{Slice, seal};
use bds_seal::key::Fresh;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::files::KeyFile;
use super::give::{self, Recipient};
use super::{Asked, Ledger, fields, write};
use crate::cli::{done, print};
use crate::keys;
use crate::measure::block_on;

pub(super) const HELP: &str = "Writes into the folder: `document` (sealed; anyone may have it), `record.key` (keep it: it opens the version and gives it to \
    more readers), `share` (only of an erasable record: hand it to the readers, by any way), and `submit.json` for `bds tx submit`.\n\
    Example: bds record seal contract.json --fields --owner 1 --record 7 --class contracts --erasable --to 3 --to 4:price --out sealed\n         \
    bds tx submit --file sealed/submit.json --key owner.key";

/// `bds record seal`
#[derive(Debug, Args)]
pub struct SealArgs {
    /// What to seal.
    file: PathBuf,
    /// The file is a JSON object, and each of its fields is a slice, its text kept as it is; otherwise the whole file is one, labelled
    /// `document`.
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

/// Seals.
///
/// # Errors
/// When a file or the node cannot be read or does not fit.
pub(super) fn run(args: &SealArgs) -> anyhow::Result<ExitCode> {
    // The version is a call, and a new record another one.
    give::check(&args.readers, 1 + usize::from(args.class.is_some()))?;
    if let Some(class) = &args.class {
        ensure!(
            (1..=CLASS_MAX).contains(&class.len()),
            "a class has 1 to {CLASS_MAX} bytes"
        );
    }
    let content = std::fs::read(&args.file).map(Zeroizing::new);
    let content = content.with_context(|| format!("cannot read {}", args.file.display()))?;
    let parts = fields::split(&content, args.fields)?;
    let (version, is_erasable, chain, keys) = block_on(async {
        let ledger = Ledger::of(&args.asked).await?;
        let place = [("account", args.owner), ("record", args.record)];
        let (version, is_erasable) = match (&args.class, ledger.entry("record", &place).await?) {
            (Some(_), (None, _)) => (1, args.erasable),
            (None, (Some(known), witness)) => next(&known).context(witness)?,
            (Some(_), (Some(_), witness)) => bail!(
                "record {} is there already ({witness}); leave --class out for its next version",
                args.record
            ),
            (None, (None, witness)) => bail!(
                "there is no record {} ({witness}); give --class to make it",
                args.record
            ),
        };
        let keys = give::reader_keys(&ledger, &args.readers).await?;
        anyhow::Ok((version, is_erasable, ledger.chain, keys))
    })?;
    let context = Context {
        chain,
        owner: AccountId(args.owner),
        record: args.record,
        version,
    };
    let slices = parts
        .iter()
        .map(|(label, content)| Slice { label, content });
    let slices: Vec<Slice<'_>> = slices.collect();
    let fresh = Fresh::draw(slices.len(), is_erasable, keys::generate)?;
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
    let labels = parts.iter().map(|(label, _)| label.clone()).collect();
    let file = KeyFile::of(&context, &sealed.root, labels, &sealed.keys);
    calls.extend(give::gifts(&file, &args.readers, &keys)?);

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

/// Number of the next version of a record that is there, and whether it can be erased.
fn next(record: &Record) -> anyhow::Result<(u32, bool)> {
    ensure!(
        record.phase == RecordPhase::Open,
        "the record was closed or erased"
    );
    ensure!(
        record.cover != Cover::Clear,
        "the record is in the clear; there is nothing to seal"
    );
    let next = record.versions.checked_add(1);
    let next = next.context("the record has as many versions as can be counted")?;
    Ok((next, record.cover == Cover::Erasable))
}
