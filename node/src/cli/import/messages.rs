//! Messages of the energy markets, as transactions that wait for a signature.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use bds_data::market::Document;
use bds_data::message::Format;
use bds_data::uftp::Message;
use clap::Args;
use serde_json::json;

use super::{open, reading};
use crate::cli::{done, output, print, print_json};
use crate::import::messages::names::Names;
use crate::import::messages::transactions::{Transaction, Translator};

/// How the file of names looks, for the help.
const HELP: &str = "The names: {\"flexibility\": {\"domains\": [\"dso.example\", \"agr.example\"], \"point\": 7, \"aggregator\": 2, \"points\": {\"ea1.2026-11.example:1\": 7},\n\
    \"connections\": {\"ea1.2026-11.example:c1\": {\"resource\": 1, \"account\": 5}}, \"watts\": 1, \"open_end\": 1798761600000,\n\
    \"documents\": {\"MESSAGE\": {\"number\": 12, \"point\": 7}}, \"options\": {\"MESSAGE\": [\"cheap\", null]}, \"prognoses\": {\"MESSAGE\": 1}, \"orders\": {\"REFERENCE\": 15}},\n\
    \"power\": {\"session\": 3, \"start\": 1630706400000, \"account\": 2, \"currency\": \"EUR\"}, \"energy\": {\"domain\": \"10YNL----------L\", \"microgrid\": 1, \"minutes\": 15}}\n\
    Only the parts are needed that the messages are about. Numbers of requests, offers and orders are those that receipts gave; prognoses and\n\
    options of messages in the same run are known to those behind them.";

/// Arguments of `bds import messages`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("{HELP}\nExample: bds import messages D-Prognosis.xml FlexOffer.xml --names names.json --out calls.jsonl, then: \
        bds batch submit --file calls.jsonl --key aggregator.key\nExit codes: 0 done, 2 usage, 3 a file cannot be taken (line and column are said) or \
        written, or the ledger has no words for what it says; nothing is written then.")
)]
pub struct MessagesArgs {
    /// The messages, in the order in which they were sent.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What names in them stand for, in JSON.
    #[arg(long)]
    names: PathBuf,
    /// Write the transactions, one JSON object a line, as `bds batch submit` takes them.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments ask for.
///
/// # Errors
/// When a file cannot be taken or written.
pub(super) fn run(args: &MessagesArgs) -> anyhow::Result<ExitCode> {
    let mut translator = Translator::new(names(&args.names)?);
    let mut transactions = Vec::new();
    let mut silent = 0;
    for file in &args.files {
        let made = translated(&mut translator, file).with_context(|| reading(file))?;
        silent += usize::from(made.is_empty());
        transactions.extend(made);
    }
    if args.out.is_some() {
        output::write(args.out.as_deref(), |out| {
            for calls in &transactions {
                serde_json::to_writer(&mut *out, &json!({ "calls": calls }))?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
    }
    let (messages, made) = (args.files.len(), transactions.len());
    let counts = counts(&transactions);
    if args.json {
        print_json(&json!({
            "messages": messages,
            "silent": silent,
            "transactions": made,
            "calls": counts,
        }))?;
        return done();
    }
    print(&format!(
        "{messages} messages, {made} transactions; {silent} messages say what the ledger says itself"
    ));
    for (name, count) in counts {
        print(&format!("{count:>8}  {name}"));
    }
    done()
}

fn names(path: &Path) -> anyhow::Result<Names> {
    let text = std::fs::read_to_string(path).with_context(|| reading(path))?;
    let names: Names = serde_json::from_str(&text).with_context(|| reading(path))?;
    let watts = names.flexibility.as_ref().map_or(1, |names| names.watts);
    ensure!(
        watts > 0,
        "{}: a unit of power has more than {watts} W",
        path.display()
    );
    Ok(names)
}

fn translated(translator: &mut Translator, file: &Path) -> anyhow::Result<Vec<Transaction>> {
    // Its root is looked at first, and says who reads it from the beginning.
    let again: File = open(file)?;
    Ok(match Format::of(open(file)?)? {
        Format::Uftp => translator.uftp(&Message::read(again)?)?,
        Format::Market => translator.market(&Document::read(again)?)?,
    })
}

/// How often each call comes.
fn counts(transactions: &[Transaction]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    let calls = transactions.iter().flatten();
    for name in calls.filter_map(|call| call.as_object()?.keys().next()) {
        *counts.entry(name.as_str()).or_default() += 1;
    }
    counts
}
