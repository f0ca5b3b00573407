//! `bds receipt` and `bds verify-receipt`: get a proof, and check one without any network.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bds_client::json::ProofDocument;
use bds_client::wire::Origin;
use bds_client::{ClientError, Trust};
use bds_contracts::kernel::describe::event_to_json;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::modules::Modules;
use bds_contracts::receipt::ReceiptProof;
use bds_contracts::tx::TxId;
use clap::Args;
use serde_json::json;

use super::reading::Reading;
use super::{done, print, print_json};
use crate::measure::block_on;
use crate::setup::read_genesis;

/// `bds receipt`
#[derive(Debug, Args)]
#[command(after_help = "Example: bds receipt 3f..e1 --out receipt.json")]
pub struct ReceiptArgs {
    /// Transaction id: 128 hex digits.
    id: TxId,
    #[command(flatten)]
    reading: Reading,
    /// File to write the proof to; standard output otherwise.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Proofs are JSON in any case; accepted for scripts that always give it.
    #[arg(long)]
    json: bool,
}

/// `bds verify-receipt`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: bds verify-receipt receipt.json --genesis genesis.json\nExits 0 when a quorum of the genesis \
                  document's validators stands behind the receipt, 1 when not."
)]
pub struct VerifyReceiptArgs {
    /// Proof as written by `bds receipt`.
    file: PathBuf,
    /// Genesis document of the ledger.
    #[arg(long)]
    genesis: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Fetches a receipt with its proof. Exit code 1 when the node has none (yet).
///
/// # Errors
/// When the node does not answer or the file cannot be written.
pub fn run_receipt(args: &ReceiptArgs) -> anyhow::Result<ExitCode> {
    let client = args.reading.client()?;
    let proof = match block_on(async { anyhow::Ok(client.receipt(&args.id).await) })? {
        Ok(Some(proof)) => proof,
        Ok(None) => {
            print(&format!(
                "{} has no receipt of this transaction (yet)",
                args.reading.nodes()
            ));
            return Ok(ExitCode::from(1));
        }
        Err(ClientError::Problem {
            status: 410,
            problem,
            ..
        }) => {
            print(&problem.to_string());
            return Ok(ExitCode::from(1));
        }
        Err(other) => return Err(other.into()),
    };
    let view = ReceiptView::parse(&proof.receipt).context("the receipt that came")?;
    let place = format!("receipt of block {} at {}", view.height, view.index);
    let document = ProofDocument::from(proof);
    match &args.out {
        Some(path) => {
            std::fs::write(path, serde_json::to_vec_pretty(&document)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            print(&format!("{place} in {}", path.display()));
        }
        None => print_json(&document)?,
    }
    done()
}

/// Which call failed, what the contract answered, and what happened: one line each.
///
/// # Errors
/// When the bytes are no receipt that this version can read.
pub(super) fn message_and_events(receipt: &[u8]) -> anyhow::Result<Vec<String>> {
    let view = ReceiptView::parse(receipt).context("the receipt")?;
    let mut lines = Vec::new();
    if let Some(call) = view.call {
        lines.push(format!("  failed at `calls[{call}]`"));
    }
    if !view.message.is_empty() {
        lines.push(format!("  message: {}", view.message));
    }
    for event in view.events() {
        let event = event_to_json::<Modules>(&event).context("an event of the receipt")?;
        lines.push(format!("  {event}"));
    }
    Ok(lines)
}

/// Checks a proof offline. Exit code 1 when it does not hold.
///
/// # Errors
/// When a file cannot be read or holds something else.
pub fn run_verify_receipt(args: &VerifyReceiptArgs) -> anyhow::Result<ExitCode> {
    let genesis = read_genesis(&args.genesis)?;
    let text = std::fs::read(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let document: ProofDocument = serde_json::from_slice(&text)
        .with_context(|| format!("{} is no receipt", args.file.display()))?;
    let proof = ReceiptProof::from(document);
    let verdict = Trust::in_genesis(&genesis).verify_receipt(&proof);
    if args.json {
        // Reading the document has read the receipt.
        let view = ReceiptView::parse(&proof.receipt).context("the receipt")?;
        print_json(&json!({
            "valid": verdict.is_ok(),
            "reason": verdict.as_ref().err().map(ToString::to_string),
            "receipt": Origin::from(view.id),
            "height": view.height,
            "index": view.index,
            "code": view.code.0,
            "message": view.message,
        }))?;
    } else {
        match &verdict {
            Ok(view) => {
                print(&format!(
                    "valid: {} executed in block {} at {}: {}",
                    Origin::from(view.id),
                    view.height,
                    view.index,
                    view.code
                ));
                let lines = message_and_events(&proof.receipt)?;
                lines.iter().for_each(|line| print(line));
            }
            Err(reason) => print(&format!("INVALID: {reason}")),
        }
    }
    Ok(ExitCode::from(u8::from(verdict.is_err())))
}
