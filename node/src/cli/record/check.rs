//! `bds record check-slice`: what an outsider can check of one slice, without any network.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bds_client::Trust;
use bds_contracts::kernel::store::entry_key;
use bds_contracts::records::version::Version;
use bds_contracts::records::{RecordId, Records};
use bds_seal::show::Shown;
use clap::Args;
use zeroize::Zeroizing;

use super::open::refused;
use crate::cli::output::plain;
use crate::cli::{done, print, proof};
use crate::setup::read_genesis;

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

/// Checks a slice against a proof of its version. Exit code 1 when it does not hold.
///
/// # Errors
/// When a file cannot be read or holds something else.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let genesis = read_genesis(&args.genesis)?;
    let bytes = std::fs::read(&args.file).map(Zeroizing::new);
    let bytes = bytes.with_context(|| format!("cannot read {}", args.file.display()))?;
    let shown =
        Shown::parse(&bytes).with_context(|| format!("{} shows no slice", args.file.display()))?;
    let proof = proof::read(&args.proof)?;
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
        plain(&shown.label),
        context.version,
        context.record,
        context.owner.0,
        proof.height(),
        plain(&String::from_utf8_lossy(&shown.content)),
    ));
    done()
}
