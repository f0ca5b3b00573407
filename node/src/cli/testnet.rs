//! `bds testnet`: a network on this machine, made, with members who may use it, and run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde_json::json;

use super::{complain, done, print};
use crate::children::{Children, Interruption, STOP_MAX, validator};
use crate::measure::block_on;
use crate::members::{self, FirstMember, MEMBERS_DIR};
use crate::workload::default_genesis;
use crate::{keys, setup};

/// Pause between two looks at whether validators still run.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// The description of a first transaction, in the folder of the network.
const FIRST_FILE: &str = "first.json";
/// Hex digits of a transaction's id: what `bds tx submit` prints first.
const ID_DIGITS: usize = 128;

/// `bds testnet`
#[derive(Debug, Subcommand)]
pub enum TestnetCommand {
    /// Makes homes for a network on this machine, and says what to do with it.
    Init {
        /// Number of validators.
        #[arg(short, default_value_t = 4)]
        n: usize,
        /// Folder for the homes.
        #[arg(long)]
        dir: PathBuf,
        /// First port; two a validator. With 0, free ones are taken.
        #[arg(long, default_value_t = 7800)]
        base_port: u16,
        /// Genesis document without validators; by default that of a carbon market, with members whose keys are made, too.
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

/// Local networks.
///
/// # Errors
/// When homes cannot be made or a validator does not start.
pub fn run(command: &TestnetCommand) -> anyhow::Result<ExitCode> {
    match command {
        TestnetCommand::Init {
            n,
            dir,
            base_port,
            genesis,
        } => init(dir, *n, *base_port, genesis.as_deref()),
        TestnetCommand::Up { dir } => up(dir),
    }
}

fn init(dir: &Path, n: usize, base_port: u16, genesis: Option<&Path>) -> anyhow::Result<ExitCode> {
    let (genesis, members) = match genesis {
        Some(path) => (setup::read_draft(path)?, Vec::new()),
        None => members::admit(dir, default_genesis())?,
    };
    let base_port = (base_port != 0).then_some(base_port);
    let testnet = setup::testnet(dir, genesis, n, base_port, &[])?;
    print(&format!("chain {}", testnet.genesis.chain_id()));
    for (home, api) in testnet.homes.iter().zip(&testnet.api) {
        print(&format!("{}  http://{api}", home.display()));
    }
    print("start with:");
    print(&format!("  bds testnet up --dir {}", word(dir)));
    if let [sender, receiver, ..] = members.as_slice() {
        print(&format!(
            "members, with their keys in {}:",
            dir.join(MEMBERS_DIR).display()
        ));
        for member in &members {
            print(&format!("- {}", about(member)));
        }
        print(
            "whether it is ready, a first transaction, its receipt, and a check of that without the network:",
        );
        for line in first_steps(dir, testnet.api[0], sender, receiver)? {
            print(&format!("  {line}"));
        }
    }
    done()
}

/// Name, accounts and roles in a line.
fn about(member: &FirstMember) -> String {
    let accounts: Vec<String> = member.accounts.iter().map(|a| a.0.to_string()).collect();
    let accounts = match accounts.is_empty() {
        true => String::new(),
        false => format!("accounts {}; ", accounts.join(" and ")),
    };
    let roles: Vec<&str> = member.roles.names().collect();
    format!("{}: {accounts}{}", member.name, roles.join(", "))
}

/// Writes the description of a transfer, and says how to send it and what becomes of it: one command a line, for a shell.
fn first_steps(
    dir: &Path,
    api: SocketAddr,
    sender: &FirstMember,
    receiver: &FirstMember,
) -> anyhow::Result<Vec<String>> {
    let description = dir.join(FIRST_FILE);
    let (from, to) = (sender.accounts[0], receiver.accounts[0]);
    let transfer = json!({ "call": { "units.transfer": { "from": from, "to": to, "instrument": 1, "quantity": 20 } } });
    std::fs::write(&description, format!("{transfer}\n"))
        .with_context(|| format!("cannot write {}", description.display()))?;
    let [key, file] = [&sender.key, &description].map(|path| word(path));
    let [said, receipt, genesis] =
        ["first.txt", "receipt.json", setup::GENESIS_FILE].map(|name| word(&dir.join(name)));
    let node = format!("--node http://{api}");
    Ok(vec![
        format!("bds status {node}"),
        format!("bds tx submit --file {file} --key {key} {node} | tee {said}"),
        format!("bds receipt $(head -c {ID_DIGITS} {said}) --out {receipt} {node}"),
        format!("bds verify-receipt {receipt} --genesis {genesis}"),
        format!("bds query holding account={} instrument=1 {node}", to.0),
    ])
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, expected) in [
            ("./net/members", "./net/members"),
            ("a net", "'a net'"),
            ("it's", "'it'\\''s'"),
            ("$HOME;ls", "'$HOME;ls'"),
        ] {
            assert_eq!(word(Path::new(path)), expected);
        }
    }
}
