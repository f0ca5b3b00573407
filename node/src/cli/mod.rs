//! The command line: one variant a verb, each with its own file. Exit codes: 0 done, 1 the thing asked about is false or
//! failed, 2 usage, 3 input, output or environment, 141 nobody reads the answer any more.

pub mod advise;
pub mod bench;
pub mod clean;
pub mod contract;
pub mod demo;
mod description;
mod endorse;
pub mod engine;
pub mod events;
pub mod exchange;
pub mod import;
mod join;
pub mod ledger;
pub mod methods;
pub mod node;
mod output;
pub mod proof;
pub mod query;
mod reading;
pub mod receipt;
pub mod record;
pub mod security;
pub mod soak;
pub mod testnet;
pub mod tx;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

/// What a shell shows of a program that writes into a closed pipe.
pub const EXIT_UNHEARD: u8 = 141;

/// A ledger for high-frequency carbon and energy trading that checks every signature, hash and Merkle root.
#[derive(Debug, Parser)]
#[command(
    name = "bds",
    version,
    about,
    after_help = "Without a verb, `bds demo` runs."
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Four validators on this machine, a workload, a report.
    Demo(demo::DemoArgs),
    /// Makes a home with new keys.
    Init(node::InitArgs),
    /// Makes and shows keys.
    #[command(subcommand)]
    Keys(node::KeysCommand),
    /// Makes and checks genesis documents.
    #[command(subcommand)]
    Genesis(node::GenesisCommand),
    /// Networks on this machine.
    #[command(subcommand)]
    Testnet(testnet::TestnetCommand),
    /// Runs one validator.
    Start(node::StartArgs),
    /// Where a running node stands.
    Status(node::StatusArgs),
    /// Shows and checks settings.
    #[command(subcommand)]
    Config(node::ConfigCommand),
    /// Looks for whatever would keep a node from running.
    Doctor(node::DoctorArgs),
    /// Lists every call there is: fields, roles, cost.
    Methods(methods::MethodsArgs),
    /// Signs and submits a transaction, or endorses one.
    #[command(subcommand)]
    Tx(tx::TxCommand),
    /// Submits many signed transactions.
    #[command(subcommand)]
    Batch(tx::BatchCommand),
    /// Fetches a receipt with its proof.
    Receipt(receipt::ReceiptArgs),
    /// Checks a receipt offline.
    VerifyReceipt(receipt::VerifyReceiptArgs),
    /// Checks a proof of an entry of the state offline.
    VerifyProof(proof::VerifyProofArgs),
    /// Reads the state of a node.
    Query(query::QueryArgs),
    /// Seals documents for readers, opens them, shows a slice, erases.
    #[command(subcommand)]
    Record(record::RecordCommand),
    /// Checks, deploys, runs and shows contracts.
    #[command(subcommand)]
    Contract(contract::ContractCommand),
    /// Follows the events of a node.
    Events(events::EventsArgs),
    /// The verification engine alone.
    #[command(subcommand)]
    Engine(engine::EngineCommand),
    /// The order book alone.
    #[command(subcommand)]
    Exchange(exchange::ExchangeCommand),
    /// Checks and shows a ledger on disk.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Cleans a table by a schema: one record for each thing, with the lines behind every value.
    Clean(clean::CleanArgs),
    /// Reads grid models, exports of registries and messages of the energy markets.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Which profile of chain fits, by the questions of the paper.
    Advise(advise::AdviseArgs),
    /// What attacks are worth.
    #[command(subcommand)]
    Security(security::SecurityCommand),
    /// Measures.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
}

/// Runs what the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.verb {
        None => demo::run(&demo::DemoArgs::default()),
        Some(verb) => run(verb),
    };
    match result {
        Ok(_) if !is_heard() => ExitCode::from(EXIT_UNHEARD),
        Ok(code) => code,
        Err(error) => {
            complain(&format!("bds: {error:#}"));
            ExitCode::from(3)
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Init(args) => node::init(&args),
        Verb::Keys(command) => node::keys(&command),
        Verb::Genesis(command) => node::genesis(&command),
        Verb::Testnet(command) => testnet::run(&command),
        Verb::Start(args) => node::start(&args),
        Verb::Status(args) => node::status(&args),
        Verb::Config(command) => node::config(&command),
        Verb::Doctor(args) => node::run_doctor(&args),
        Verb::Methods(args) => methods::run(&args),
        Verb::Tx(command) => tx::run_tx(&command),
        Verb::Batch(command) => tx::run_batch(&command),
        Verb::Receipt(args) => receipt::run_receipt(&args),
        Verb::VerifyReceipt(args) => receipt::run_verify_receipt(&args),
        Verb::VerifyProof(args) => proof::run_verify_proof(&args),
        Verb::Query(args) => query::run(&args),
        Verb::Record(command) => record::run(&command),
        Verb::Contract(command) => contract::run(&command),
        Verb::Events(args) => events::run(&args),
        Verb::Engine(command) => engine::run(command),
        Verb::Exchange(command) => Ok(exchange::run(&command)),
        Verb::Ledger(command) => ledger::run(command),
        Verb::Clean(args) => clean::run(&args),
        Verb::Import(command) => import::run(&command),
        Verb::Advise(args) => advise::run(&args),
        Verb::Security(command) => security::run(&command),
        Verb::Bench(command) => bench::run(&command),
    }
}

/// Whether whoever read the answers has gone, as `head` does when it has enough.
static UNHEARD: AtomicBool = AtomicBool::new(false);

/// One line on standard output: the answer to what was asked. Lost when nobody reads any more; see [`is_heard`].
pub fn print(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        UNHEARD.store(true, Ordering::Relaxed);
    }
}

/// Whether answers still reach somebody: what goes on without end asks, and ends.
#[must_use]
pub fn is_heard() -> bool {
    !UNHEARD.load(Ordering::Relaxed)
}

/// One JSON value on standard output.
///
/// # Errors
/// When the value cannot be JSON.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// One line on standard error.
pub fn complain(line: &str) {
    // There is no other place to say that this one is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn done() -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
