//! `bds init | keys | genesis | start | status | config | doctor`: the verbs of an operator.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bds_client::Client;
use bds_contracts::genesis::{Genesis, Profile};
use clap::{Args, Subcommand};

use super::{done, print, print_json};
use crate::children::stop_when_input_ends;
use crate::config::Config;
use crate::measure::block_on;
use crate::workload::default_genesis;
use crate::{doctor, keys, runtime, setup};

/// A home to work on.
#[derive(Debug, Args)]
pub struct HomeArgs {
    /// Folder with keys, genesis, settings and data of one node.
    #[arg(long, env = "BDS_HOME")]
    home: PathBuf,
    /// Overrides a setting: `--set api.listen=127.0.0.1:9090`. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `bds init`
#[derive(Debug, Args)]
#[command(after_help = "Example: bds init --home ./validator-0 --genesis genesis.json")]
pub struct InitArgs {
    /// Folder to make.
    #[arg(long)]
    home: PathBuf,
    /// Genesis document to copy into it; can be added later.
    #[arg(long)]
    genesis: Option<PathBuf>,
}

/// `bds keys`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Writes a new Ed25519 key file.
    New {
        /// File to write; never overwritten.
        file: PathBuf,
    },
    /// Prints the public key of a key file.
    Show {
        /// Key file.
        file: PathBuf,
    },
    /// Writes a key file from 64 hex digits on standard input.
    Import {
        /// File to write; never overwritten.
        file: PathBuf,
    },
}

/// `bds genesis`
#[derive(Debug, Subcommand)]
pub enum GenesisCommand {
    /// Prints an example document to start from.
    New {
        /// Who takes part, reads and writes; `bds advise` helps to choose.
        #[arg(long, default_value = "consortium", value_parser = crate::advise::profile)]
        profile: Profile,
    },
    /// Checks a document and prints its chain id.
    Hash {
        /// The document.
        file: PathBuf,
    },
}

/// `bds start`
#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// Stop, as on SIGTERM, when standard input ends: for whoever starts validators and must leave none behind.
    #[arg(long)]
    until_input_ends: bool,
}

/// `bds config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Prints every setting with its value and where that comes from.
    Show(HomeArgs),
    /// Exits 0 when the settings are good.
    Check(HomeArgs),
}

/// `bds status`
#[derive(Debug, Args)]
#[command(after_help = "Example: bds status --node http://127.0.0.1:8080")]
pub struct StatusArgs {
    /// HTTP interface of a node; the next one tells where it stands when the first is silent.
    #[arg(long = "node", default_value = "http://127.0.0.1:8080")]
    nodes: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Makes a home with new keys.
///
/// # Errors
/// When a file cannot be written.
pub fn init(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let genesis = args
        .genesis
        .as_deref()
        .map(setup::read_genesis)
        .transpose()?;
    let (validator, network) = setup::new_keys(&args.home)?;
    if let Some(genesis) = genesis {
        setup::write_genesis(&args.home.join(setup::GENESIS_FILE), &genesis)?;
    }
    std::fs::write(args.home.join(crate::config::CONFIG_FILE), "")
        .context("cannot write bds.toml")?;
    print(&format!("validator key  {}", keys::public(&validator)));
    print(&format!(
        "network peer   {}",
        keys::network_identity(&network).public().to_peer_id()
    ));
    print(&format!("home           {}", args.home.display()));
    done()
}

/// Key files.
///
/// # Errors
/// When a file cannot be read or written.
pub fn keys(command: &KeysCommand) -> anyhow::Result<ExitCode> {
    let seed = match command {
        KeysCommand::New { file } => {
            let seed = keys::generate()?;
            keys::write(file, &seed)?;
            seed
        }
        KeysCommand::Show { file } => keys::read(file)?,
        KeysCommand::Import { file } => {
            let mut text = String::new();
            std::io::stdin().read_line(&mut text)?;
            let seed = keys::parse(&text).context("standard input must hold 64 hex digits")?;
            keys::write(file, &seed)?;
            seed
        }
    };
    print(&keys::public(&seed).to_string());
    done()
}

/// Genesis documents.
///
/// # Errors
/// When the document is damaged.
pub fn genesis(command: &GenesisCommand) -> anyhow::Result<ExitCode> {
    match command {
        GenesisCommand::New { profile } => print_json(&Genesis {
            profile: *profile,
            ..default_genesis()
        })?,
        GenesisCommand::Hash { file } => print(&setup::read_genesis(file)?.chain_id().to_string()),
    }
    done()
}

/// Settings.
///
/// # Errors
/// The first thing wrong with them.
pub fn config(command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Show(args) => {
            for (key, value, source) in Config::load(&args.home, &args.settings)?.entries() {
                print(&format!("{key:32} {value:40} {source}"));
            }
        }
        ConfigCommand::Check(args) => {
            Config::load(&args.home, &args.settings)?;
            print("the settings are good");
        }
    }
    done()
}

/// Runs a validator until it is told to stop.
///
/// # Errors
/// When it cannot start, or had to stop by itself.
pub fn start(args: &StartArgs) -> anyhow::Result<ExitCode> {
    let HomeArgs { home, settings } = &args.home;
    if args.until_input_ends {
        stop_when_input_ends().context("cannot watch standard input")?;
    }
    let config = Config::load(home, settings)?;
    runtime::threads::end_on_panic();
    runtime::run(home, &config)?;
    done()
}

/// Asks a running node where it stands.
///
/// # Errors
/// When it cannot be reached.
pub fn status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(args.nodes.iter().cloned())?;
    let status = block_on(client.any_status()).context("no node answers")?;
    if args.json {
        print_json(&status)?;
    } else {
        print(&format!("chain       {}", status.chain));
        print(&format!(
            "validator   {}   mode {}   backend {}",
            status.validator, status.mode, status.backend
        ));
        print(&format!(
            "view        {}   view changes {}",
            status.view, status.view_changes
        ));
        print(&format!(
            "height      committed {}   executed {}   certified {}",
            status.committed, status.executed, status.certified
        ));
        print(&format!(
            "state root  {} at {}",
            status.state_root, status.state_height
        ));
        print(&format!("head        {}", status.head));
        print(&format!(
            "transactions {}   peers {}   ready {}",
            status.transactions, status.peers, status.ready
        ));
    }
    Ok(if status.ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// `bds doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    home: HomeArgs,
}

/// Looks for whatever would keep this node from running.
///
/// # Errors
/// Never: what is wrong is printed and told by the exit code.
pub fn run_doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let findings = doctor::examine(&args.home.home, &args.home.settings);
    for finding in &findings {
        print(&finding.to_string());
    }
    Ok(if findings.iter().all(|f| f.good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
