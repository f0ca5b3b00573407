//! `bds record erase`: the end of a share.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use serde_json::json;

use super::files::{KeyFile, destroy};
use super::seal::write;
use crate::cli::{done, print};

pub(super) const HELP: &str = "Give every key file and share of the record that you hold, those of older versions too, and have readers and custodians do the \
    same with theirs. What a reader has read or copied stays with it, and so does what a backup holds.\n\
    Example: bds record erase sealed/record.key sealed/share --out erase.json, then: bds tx submit --file erase.json --key owner.key";

/// `bds record erase`
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// Key files and shares of one erasable record; they are written over and taken away.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Description for `bds tx submit` to write, by which the ledger says since when the record is erased.
    #[arg(long)]
    out: PathBuf,
}

/// Destroys the files, all or none: nothing is touched before each was read.
///
/// # Errors
/// When a file is none of one erasable record's, or cannot be destroyed.
pub(super) fn run(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let mut record = None;
    for path in &args.files {
        let file = KeyFile::read(path)?;
        let context = file.context();
        let of = (context.chain, context.owner, context.record);
        ensure!(
            file.share().is_some(),
            "{} is of a record that cannot be erased: the wraps on the ledger open it",
            path.display()
        );
        ensure!(
            *record.get_or_insert(of) == of,
            "{} is of another record",
            path.display()
        );
    }
    let Some((_, account, number)) = record else {
        return done();
    };
    let call = json!({ "records.erase-record": { "account": account.0, "record": number } });
    write(&args.out, json!({ "call": call }).to_string().as_bytes())?;
    for path in &args.files {
        destroy(path)?;
        print(&format!("destroyed {}", path.display()));
    }
    print(&format!(
        "nobody opens record {number} with these any more; submit {}",
        args.out.display()
    ));
    done()
}
