//! `bds ledger`: checks and describes the ledger log and the log of reads of a home, with no node running or needed.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use bds_contracts::block::{BlockHeader, Height};
use bds_contracts::genesis::Genesis;
use bds_contracts::tx::Millis;
use bds_core::batch::Batch;
use bds_core::lanes::LaneTip;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::api::access::log;
use crate::engine::Engine;
use crate::execution::Execution;
use crate::runtime::READS_LOG_FILE;
use crate::setup::{GENESIS_FILE, read_genesis};
use crate::store::archive::{
    ArchiveError, Fault, Replay, Report, Start, Totals, VerifyOptions, begin_later,
    ledger_segments, verify,
};
use crate::store::inspect::{LedgerSummary, summarize};
use crate::store::{SNAPSHOTS_DIR, Snapshot, Snapshots};

const IO_ERROR: u8 = 3;

/// What to do with a ledger log.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Checks every byte, root, signature, certificate and link; the first fault is named with its place.
    #[command(
        after_help = "Example: bds ledger verify /var/lib/bds --replay\nExit codes: 0 good, 1 a fault was found, 3 it could not be read."
    )]
    Verify(VerifyArgs),
    /// Says what is in it: segments, records by kind, heights, transactions, bytes.
    #[command(after_help = "Example: bds ledger inspect /var/lib/bds --json")]
    Inspect(InspectArgs),
    /// Checks the log of reads of a private ledger: that no line was changed, taken out or put in.
    #[command(
        after_help = "Example: bds ledger reads /var/lib/bds\nThe last hash, noted elsewhere, is what --holds takes later: who can write the file can take lines off its end, or make all of it anew.\nExit codes: 0 whole, 1 a line does not fit, 3 it could not be read."
    )]
    Reads(ReadsArgs),
}

/// Arguments of `bds ledger verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A home, or a folder that holds the segments of a ledger log.
    dir: PathBuf,
    /// Genesis document; by default `genesis.json` in the folder or the one above.
    #[arg(long)]
    genesis: Option<PathBuf>,
    /// Execute every block again and compare receipts, states and headers.
    #[arg(long)]
    replay: bool,
    /// Measure the engine alone over the same signatures and roots afterwards.
    #[arg(long)]
    engine_rate: bool,
    /// Backend of the engine.
    #[arg(long, default_value = "auto")]
    backend: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `bds ledger inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A home, or a folder that holds the segments of a ledger log.
    dir: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `bds ledger reads`.
#[derive(Debug, Args)]
pub struct ReadsArgs {
    /// A home.
    dir: PathBuf,
    /// A last hash that was noted earlier: it must be there.
    #[arg(long, value_name = "HASH", value_parser = hash)]
    holds: Option<[u8; 32]>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs a ledger verb.
///
/// # Errors
/// When arguments contradict each other or output cannot be written; faults and unreadable files are exit codes.
pub fn run(command: LedgerCommand) -> anyhow::Result<ExitCode> {
    match command {
        LedgerCommand::Verify(args) => run_verify(&args),
        LedgerCommand::Inspect(args) => run_inspect(&args),
        LedgerCommand::Reads(args) => run_reads(&args),
    }
}

/// Executes blocks as a running validator does.
struct Executor(Execution);

impl Replay for Executor {
    fn apply(&mut self, height: Height, time: Millis, batches: &[Batch]) -> BlockHeader {
        self.0.apply(height, time, batches).header
    }

    fn head(&self) -> &BlockHeader {
        &self.0.place().header
    }
}

fn run_reads(args: &ReadsArgs) -> anyhow::Result<ExitCode> {
    let path = args.dir.join(READS_LOG_FILE);
    let (code, said) = match log::verify(&path, args.holds) {
        Ok(summary) => (
            ExitCode::SUCCESS,
            json!({ "whole": true, "entries": summary.entries, "last": hex::encode(summary.last) }),
        ),
        Err(log::Fault::Unreadable(error)) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
        Err(fault) => (
            ExitCode::from(1),
            json!({ "whole": false, "fault": fault.to_string() }),
        ),
    };
    if args.json {
        super::print_json(&said)?;
    } else if let Some(fault) = said["fault"].as_str() {
        super::print(&format!("NOT WHOLE: {fault}"));
    } else {
        let (entries, last) = (&said["entries"], said["last"].as_str().unwrap_or_default());
        super::print(&format!("whole: {entries} reads, the last hash is {last}"));
    }
    Ok(code)
}

fn hash(text: &str) -> Result<[u8; 32], String> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).map_err(|_| "expected 64 hex digits".to_owned())?;
    Ok(hash)
}

fn run_verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let genesis = match find_genesis(args) {
        Ok(genesis) => genesis,
        Err(problem) => return failed(args.json, &format!("{problem:#}")),
    };
    if let Ok(segments) = ledger_segments(&args.dir)
        && segments.is_empty()
    {
        return failed(
            args.json,
            &format!("{} holds no ledger log", args.dir.display()),
        );
    }
    let snapshot = match first_snapshot(&args.dir) {
        Ok(snapshot) => snapshot,
        Err(problem) => return failed(args.json, &format!("{problem:#}")),
    };
    let start = snapshot.as_ref().map(|snapshot| {
        let tips = snapshot.lane_tips.iter();
        Start {
            header: snapshot.header.clone(),
            tips: tips
                .map(|&(position, digest)| LaneTip { position, digest })
                .collect(),
        }
    });
    let begins = start.as_ref().map(|start| start.header.height);
    let (backend, name) = crate::engine::backend(&args.backend, None)?;
    let replay = match args.replay {
        true => {
            let engine = Arc::new(Engine::new(&args.backend, 0)?);
            let execution = match snapshot {
                Some(snapshot) => Execution::restore(&genesis, engine, &snapshot)?,
                None => Execution::from_genesis(&genesis, engine)?,
            };
            Some(Box::new(Executor(execution)) as Box<dyn Replay>)
        }
        false => None,
    };
    let bytes: u64 = ledger_segments(&args.dir)?
        .iter()
        .filter_map(|path| std::fs::metadata(path).ok())
        .map(|meta| meta.len())
        .sum();
    let bar = progress_bar(bytes);
    let options = VerifyOptions {
        start,
        replay,
        engine_rate: args.engine_rate,
    };
    let mut progress = |totals: &Totals| show_progress(&bar, totals);
    let result = verify(&args.dir, &genesis, &*backend, options, &mut progress);
    bar.finish_and_clear();
    match result {
        Ok(report) => {
            print_report(args, name, begins, &report)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(ArchiveError::Fault(fault)) => {
            print_fault(args.json, &fault)?;
            Ok(ExitCode::FAILURE)
        }
        Err(problem) => failed(args.json, &problem.to_string()),
    }
}

/// The oldest state to begin with in a log that does not hold the first blocks; `None` where it does.
fn first_snapshot(dir: &Path) -> anyhow::Result<Option<Snapshot>> {
    if !begin_later(&ledger_segments(dir)?)? {
        return Ok(None);
    }
    let snapshots = Snapshots::read_only(&dir.join(SNAPSHOTS_DIR));
    let found = match snapshots.oldest()? {
        // Whole, or else the next.
        Some(oldest) => match snapshots.latest(oldest)?.0 {
            None => snapshots.latest(Height::MAX)?.0,
            found => found,
        },
        None => None,
    };
    let found = found.with_context(|| {
        format!(
            "{} does not hold the first blocks: give a home with its state snapshots, or put the archived files in front of it",
            dir.display()
        )
    })?;
    Ok(Some(found))
}

fn find_genesis(args: &VerifyArgs) -> anyhow::Result<Genesis> {
    if let Some(path) = &args.genesis {
        return read_genesis(path);
    }
    let inside = args.dir.join(GENESIS_FILE);
    let above = args.dir.join("..").join(GENESIS_FILE);
    let path = if !inside.exists() && above.exists() {
        above
    } else {
        inside
    };
    read_genesis(&path).context("give the ledger's genesis document with --genesis")
}

fn progress_bar(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

fn show_progress(bar: &ProgressBar, totals: &Totals) {
    bar.set_position(totals.bytes);
    bar.set_message(match totals.replayed {
        0 => format!("{} signatures, {} slots", totals.signatures, totals.slots),
        replayed => format!("executed {replayed} of {} blocks", totals.slots),
    });
}

fn print_report(
    args: &VerifyArgs,
    backend: &str,
    begins: Option<Height>,
    report: &Report,
) -> anyhow::Result<()> {
    let totals = &report.totals;
    let seconds = report.elapsed.as_secs_f64().max(1e-9);
    let rate = totals.signatures as f64 / seconds;
    let megabytes = totals.bytes as f64 / 1e6 / seconds;
    let share = report.engine_rate.map(|engine| rate / engine);
    let head = report
        .head
        .map(|(height, digest)| (height, digest.to_string()));
    let mut out = std::io::stdout().lock();
    if args.json {
        let value = json!({
            "valid": true,
            "begins_after": begins.unwrap_or(0),
            "totals": totals,
            "committed": report.committed,
            "head": head.as_ref().map(|(height, digest)| json!({"height": height, "digest": digest})),
            "backend": backend,
            "seconds": seconds,
            "signatures_per_second": rate,
            "megabytes_per_second": megabytes,
            "engine_signatures_per_second": report.engine_rate,
            "share_of_engine": share,
            "replayed": args.replay,
            "replay_seconds": args.replay.then_some(report.replay_elapsed.as_secs_f64()),
        });
        writeln!(out, "{value}")?;
        return Ok(());
    }
    writeln!(
        out,
        "good: every checksum, link, root, signature and certificate"
    )?;
    if let Some(height) = begins {
        writeln!(
            out,
            "the log does not hold the first blocks: order, links and states are checked from the state snapshot of block {height} on"
        )?;
    }
    writeln!(
        out,
        "{} transactions in {} batches, {} slots, {} certified headers; {} records, {} bytes, {} segments",
        totals.transactions,
        totals.batches,
        totals.slots,
        totals.headers,
        totals.records,
        totals.bytes,
        totals.segments
    )?;
    writeln!(
        out,
        "{} signatures in {seconds:.2} s on {backend}: {rate:.0} signatures/s, {megabytes:.1} MB/s",
        totals.signatures
    )?;
    if let (Some(engine), Some(share)) = (report.engine_rate, share) {
        writeln!(
            out,
            "engine alone over the same signatures and roots: {engine:.0} signatures/s; this run had {:.0} % of it",
            share * 100.0
        )?;
    }
    if args.replay {
        writeln!(
            out,
            "{} blocks executed again in {:.2} s: every header, receipts root and state root is the certified one",
            totals.replayed,
            report.replay_elapsed.as_secs_f64()
        )?;
    }
    match head {
        Some((height, digest)) => writeln!(
            out,
            "head: block {height}, {digest}; {} slots committed",
            report.committed
        )?,
        None => writeln!(
            out,
            "no block is certified yet; {} slots committed",
            report.committed
        )?,
    }
    Ok(())
}

fn print_fault(as_json: bool, fault: &Fault) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!({"valid": false, "fault": fault}))?;
        return Ok(());
    }
    writeln!(out, "FAULT: {}", fault.what)?;
    let block = fault
        .height
        .map(|height| format!(", block {height}"))
        .unwrap_or_default();
    writeln!(
        out,
        "at byte {} of {}, record {}{block}",
        fault.offset,
        fault.file.display(),
        fault.record
    )?;
    writeln!(
        out,
        "restore this file from another validator or a backup; all before this place is good"
    )?;
    Ok(())
}

fn failed(as_json: bool, problem: &str) -> anyhow::Result<ExitCode> {
    if as_json {
        writeln!(std::io::stdout().lock(), "{}", json!({"error": problem}))?;
    } else {
        writeln!(std::io::stderr().lock(), "error: {problem}")?;
    }
    Ok(ExitCode::from(IO_ERROR))
}

fn run_inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    match summarize(&args.dir) {
        Ok(summary) => {
            print_summary(&args.dir, args.json, &summary)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => failed(args.json, &problem.to_string()),
    }
}

fn print_summary(dir: &Path, as_json: bool, summary: &LedgerSummary) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{}", serde_json::to_string(summary)?)?;
        return Ok(());
    }
    writeln!(out, "ledger {} in {}", summary.chain, dir.display())?;
    for segment in &summary.segments {
        writeln!(
            out,
            "  {}  {} records, {} bytes",
            segment.file.display(),
            segment.records,
            segment.bytes
        )?;
        if let Some(damage) = &segment.damage {
            writeln!(out, "    {damage}")?;
        }
    }
    let kinds: &BTreeMap<_, _> = &summary.records_by_kind;
    for (kind, count) in kinds {
        writeln!(out, "  {count} {kind}")?;
    }
    writeln!(
        out,
        "{} transactions, {} bytes",
        summary.transactions, summary.bytes
    )?;
    let head = summary.head.as_ref();
    let digest = head
        .map(|(height, digest)| format!("; head: block {height}, {digest}"))
        .unwrap_or_default();
    writeln!(
        out,
        "slots {} to {}{digest}",
        summary.slot_first, summary.slot_last
    )?;
    Ok(())
}
