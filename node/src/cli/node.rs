//! `bds init | keys | genesis | testnet | start | status | config | doctor`: the verbs of an operator.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bds_client::Client;
use bds_contracts::genesis::{Genesis, Profile};
use clap::{Args, Subcommand};

use super::{complain, done, print, print_json};
use crate::children::{Children, Interruption, STOP_MAX, stop_when_input_ends, validator};
use crate::config::Config;
use crate::measure::block_on;
use crate::{doctor, keys, runtime, setup};

/// Pause between two looks at whether validators still run.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

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

/// `bds testnet`
#[derive(Debug, Subcommand)]
pub enum TestnetCommand {
    /// Makes homes for a network on this machine.
    Init {
        /// Number of validators.
        #[arg(short, default_value_t = 4)]
        n: usize,
        /// Folder for the homes.
        #[arg(long)]
        dir: PathBuf,
        /// First port; two a validator.
        #[arg(long, default_value_t = 7800)]
        base_port: u16,
        /// Genesis document without validators; the workload's own by default.
        #[arg(long)]
        genesis: Option<PathBuf>,
    },
    /// Starts every validator of a folder and keeps them running until interrupted; none runs on behind it.
    Up {
        /// Folder made by `bds testnet init`.
        #[arg(long)]
        dir: PathBuf,
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
            ..example_genesis()
        })?,
        GenesisCommand::Hash { file } => print(&setup::read_genesis(file)?.chain_id().to_string()),
    }
    done()
}

fn example_genesis() -> Genesis {
    crate::workload::default_genesis()
}

/// Local networks.
///
/// # Errors
/// When homes cannot be made or a validator does not start.
pub fn testnet(command: &TestnetCommand) -> anyhow::Result<ExitCode> {
    match command {
        TestnetCommand::Init {
            n,
            dir,
            base_port,
            genesis,
        } => {
            let genesis = match genesis {
                Some(path) => setup::read_draft(path)?,
                None => example_genesis(),
            };
            let testnet = setup::testnet(dir, genesis, *n, Some(*base_port), &[])?;
            print(&format!("chain {}", testnet.genesis.chain_id()));
            for (home, api) in testnet.homes.iter().zip(&testnet.api) {
                print(&format!("{}  http://{api}", home.display()));
            }
            print(&format!(
                "start with: bds testnet up --dir {}",
                dir.display()
            ));
        }
        TestnetCommand::Up { dir } => return up(dir),
    }
    done()
}

/// Runs the validators of a folder until the user wishes otherwise or all have ended. Exit code 3 when one did not end well.
fn up(dir: &Path) -> anyhow::Result<ExitCode> {
    let mut homes: Vec<PathBuf> = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(keys::VALIDATOR_KEY_FILE).exists())
        .collect();
    homes.sort();
    if homes.is_empty() {
        bail!(
            "{} holds no homes; make them with `bds testnet init --dir {0}`",
            dir.display()
        );
    }
    let me = std::env::current_exe()?;
    block_on(async {
        // Before the first validator runs, so that there is no moment in which a signal ends this process and not them.
        let mut interruption = Interruption::listen().context("cannot listen for signals")?;
        let mut validators = Children::default();
        for home in &homes {
            validators
                .start(home.display().to_string(), &mut validator(&me, home))
                .with_context(|| format!("cannot start {}", home.display()))?;
        }
        let mut good = true;
        let mut tell = |home: &str, status: ExitStatus| {
            if !status.success() {
                good = false;
                complain(&format!("{home} did not end well: {status}"));
            }
        };
        let all_ended = async {
            while !validators.is_empty() {
                for (home, status) in validators.ended()? {
                    tell(&home, status);
                }
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            anyhow::Ok(())
        };
        tokio::select! {
            ended = all_ended => ended?,
            () = interruption.wait() => {}
        }
        for (home, status) in validators.stop(STOP_MAX) {
            tell(&home, status?);
        }
        anyhow::Ok(if good {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(3)
        })
    })
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
