//! `bds contract`: is code fit for the ledger, bring it there, run it, look at it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use bds_client::{Client, ClientError, Sender, Signer};
use bds_contracts::account::Roles;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::tx::ContentHash;
use bds_contracts::wasm::activation::{AUTHORITY, is_name};
use bds_contracts::wasm::{
    CHUNK_BYTES, Call, INPUT_MAX, METHODS_MAX, NAME_MAX, VERSIONS_MAX, Wasm,
};
use bds_wasm::rules::Examined;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::reading::Reading;
use super::tx::{Target, next_nonce};
use super::{done, print, print_json};
use crate::measure::block_on;

/// Chunks that one transaction carries: three fit into its longest.
const CHUNKS_A_TX: usize = 3;

/// `bds contract`
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Checks code by every rule of deployed contracts, without a node.
    BuildCheck(BuildCheckArgs),
    /// Uploads code, and writes what two of the authority must send to activate it.
    Deploy(DeployArgs),
    /// Runs a method of a deployed contract.
    Call(CallArgs),
    /// Shows a deployed contract with its versions.
    Inspect(InspectArgs),
}

/// `bds contract build-check`
#[derive(Debug, Args)]
#[command(after_help = "Example: bds contract build-check escrow.wasm")]
pub struct BuildCheckArgs {
    /// File with the code, as WebAssembly.
    file: PathBuf,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

/// `bds contract deploy`
#[derive(Debug, Args)]
#[command(
    after_help = "The activation takes two: one of them endorses the description that is written (`bds tx endorse --file activate.json`), the \
                  other sends it (`bds tx submit --file activate.json`).\n\
                  Example: bds contract deploy escrow.wasm --name escrow --calls units.transfer --role trader --key anna.key --out activate.json"
)]
pub struct DeployArgs {
    /// File with the code, as WebAssembly.
    file: PathBuf,
    /// Name of the contract.
    #[arg(long)]
    name: String,
    /// Number of the version that it will be: one more than the contract has.
    #[arg(long, default_value_t = 1)]
    version: u32,
    /// A method of a module that it calls, as `money.transfer`; as often as it calls others.
    #[arg(long = "calls", value_name = "METHOD")]
    calls: Vec<String>,
    /// A role of the contract itself; as often as it needs others.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Key file of the member that uploads.
    #[arg(long)]
    key: PathBuf,
    /// File to write the description of the activation to; written before anything is sent.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// `bds contract call`
#[derive(Debug, Args)]
#[command(
    after_help = "A contract runs with your rights as far as its list goes: see `bds contract inspect`. With --version it runs only if that one is active.\n\
                  Example: bds contract call escrow accept --input 01000000000000001e00000000000000 --version 1 --key bert.key"
)]
pub struct CallArgs {
    /// Name of the contract.
    name: String,
    /// Name of the method.
    method: String,
    /// Arguments as the contract reads them, in hexadecimal digits: at most 16,384 bytes.
    #[arg(long, default_value = "")]
    input: String,
    /// The version that is meant.
    #[arg(long)]
    version: Option<u32>,
    /// Key file of the member that runs it.
    #[arg(long)]
    key: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// `bds contract inspect`
#[derive(Debug, Args)]
#[command(after_help = "Example: bds contract inspect escrow")]
pub struct InspectArgs {
    /// Name of the contract; all of them otherwise.
    name: Option<String>,
    #[command(flatten)]
    reading: Reading,
    /// Answers are JSON in any case; accepted for scripts that always give it.
    #[arg(long)]
    json: bool,
}

/// `bds contract ...`
///
/// # Errors
/// When a file cannot be read or written, what is to be sent would be refused, or no validator answers.
pub fn run(command: &ContractCommand) -> anyhow::Result<ExitCode> {
    match command {
        ContractCommand::BuildCheck(args) => build_check(args),
        ContractCommand::Deploy(args) => deploy(args),
        ContractCommand::Call(args) => call(args),
        ContractCommand::Inspect(args) => inspect(args),
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn name_of(code: &[u8]) -> ContentHash {
    ContentHash(Sha512::digest(code).into())
}

/// Exit code 1 when the code breaks a rule.
fn build_check(args: &BuildCheckArgs) -> anyhow::Result<ExitCode> {
    let code = read(&args.file)?;
    let found = bds_wasm::examine(&code);
    let fits = found.is_ok();
    if args.json {
        print_json(&match found {
            Ok(found) => json!({
                "fits": true,
                "code": name_of(&code),
                "bytes": code.len(),
                "pages": found.pages,
                "methods": found.methods,
                "uses": found.uses,
            }),
            Err(rule) => json!({ "fits": false, "rule": rule }),
        })?;
    } else {
        match found {
            Ok(found) => tell(&code, &found),
            Err(rule) => print(&format!("{} does not fit: {rule}", args.file.display())),
        }
    }
    Ok(ExitCode::from(u8::from(!fits)))
}

fn tell(code: &[u8], found: &Examined) {
    print(&format!("code     {}", name_of(code)));
    print(&format!("bytes    {}", code.len()));
    print(&format!("pages    {}", found.pages));
    print(&format!("methods  {}", found.methods.join(", ")));
    print(&format!("uses     {}", found.uses.join(", ")));
}

fn deploy(args: &DeployArgs) -> anyhow::Result<ExitCode> {
    let code = read(&args.file)?;
    if let Err(rule) = bds_wasm::examine(&code) {
        bail!("{} does not fit: {rule}", args.file.display());
    }
    let methods = numbers(&args.calls)?;
    let hash = name_of(&code);
    let pairs: Vec<[u16; 2]> = methods.iter().map(|(id, number)| [*id, *number]).collect();
    let activate = json!({ "call": { "wasm.activate": {
        "name": args.name,
        "version": args.version,
        "code": hash,
        "methods": pairs,
        "roles": args.roles,
    }}});
    let text = serde_json::to_string_pretty(&activate)?;
    // What is wrong with it is told before anything is sent.
    fits(&args.name, args.version, &methods)?;
    let description: super::description::Description = serde_json::from_str(&text)?;
    description.encoded().context("the activation")?;
    roles(&args.roles)?;
    let signer = Signer::read(&args.key)?;
    args.target
        .run(Some(&args.key), false, async |client, chain| {
            is_next(client, &args.name, args.version).await?;
            let nonce = next_nonce(client, &signer.public_key()).await?;
            // First: without code it does no harm, and code that was sent is good for nothing without it.
            std::fs::write(&args.out, text + "\n")
                .with_context(|| format!("cannot write {}", args.out.display()))?;
            let mut sender = Sender::new(signer, chain, nonce);
            Ok(wires(&mut sender, &code, &methods))
        })
}

/// What an activation would be refused for.
fn fits(name: &str, version: u32, methods: &[(u16, u16)]) -> anyhow::Result<()> {
    ensure!(
        is_name(name),
        "`{name}` is no name of a contract: 1 to {NAME_MAX} lower-case letters, digits and hyphens, a letter first"
    );
    ensure!(
        (1..=VERSIONS_MAX).contains(&version),
        "a contract has versions 1 to {VERSIONS_MAX}, not {version}"
    );
    ensure!(
        methods.len() <= METHODS_MAX,
        "a contract calls at most {METHODS_MAX} methods, not {}",
        methods.len()
    );
    Ok(())
}

/// Roles that no contract has. Their names were read before.
fn roles(names: &[String]) -> anyhow::Result<()> {
    let roles: Roles = serde_json::from_value(json!(names))?;
    ensure!(
        !roles.any(AUTHORITY),
        "a contract has no role of the authority: regulator, registry-administrator"
    );
    Ok(())
}

/// Only code of the next version can be activated.
async fn is_next(client: &Client, name: &str, version: u32) -> anyhow::Result<()> {
    let which = BTreeMap::from([("name".to_owned(), name.to_owned())]);
    let last = match client.query("deployed-contract", &which).await {
        Ok(contract) => contract["versions"]
            .as_u64()
            .context("the answer to the query `deployed-contract` has no versions")?,
        Err(error) if missing(&error).is_some() => 0,
        Err(error) => return Err(error).context("asking for the contract's versions"),
    };
    ensure!(
        u64::from(version) == last + 1,
        "{name} has {last} versions, so the next is {}, not {version}",
        last + 1
    );
    Ok(())
}

/// What a validator says of something that does not exist.
fn missing(error: &ClientError) -> Option<String> {
    match error {
        ClientError::Problem {
            status: 404,
            problem,
            ..
        } => Some(problem.to_string()),
        _ => None,
    }
}

/// The transactions that bring the code, one after the other.
fn wires(sender: &mut Sender, code: &[u8], methods: &[(u16, u16)]) -> Vec<Vec<u8>> {
    let hash = name_of(code);
    let chunks: Vec<(u32, &[u8])> = (0..).zip(code.chunks(CHUNK_BYTES as usize)).collect();
    let parts = chunks.chunks(CHUNKS_A_TX).enumerate();
    let wires = parts.map(|(place, part)| {
        let mut draft = sender.draft();
        if place == 0 {
            draft = draft.call::<Wasm>(&Call::BeginUpload {
                code: hash,
                length: code.len() as u32,
                methods: List::Items(methods),
            });
        } else {
            draft.after = draft.nonce.checked_sub(1);
        }
        for (index, bytes) in part {
            draft = draft.call::<Wasm>(&Call::PutChunk {
                code: hash,
                index: *index,
                bytes,
            });
        }
        sender.sign(&draft)
    });
    wires.collect()
}

/// Numbers of methods that are named as people do, rising.
fn numbers(names: &[String]) -> anyhow::Result<Vec<(u16, u16)>> {
    let number = |name: &String| {
        let (module, method) = name.split_once('.')?;
        let module = Modules::CATALOG.iter().find(|known| known.name == module)?;
        let mut methods = module.methods.iter();
        let method = methods.find(|known| known.name == method)?;
        Some((module.id, method.number))
    };
    let mut all = Vec::new();
    for name in names {
        let found = number(name);
        all.push(found.with_context(|| format!("there is no method `{name}`; see `bds methods`"))?);
    }
    all.sort_unstable();
    all.dedup();
    let closed = all
        .iter()
        .find(|method| !bds_contracts::wasm::upload::may_be_called(Modules::CATALOG, **method));
    ensure!(
        closed.is_none(),
        "no contract calls methods of `identity`, `wasm` or `standing`"
    );
    Ok(all)
}

/// Arguments of a call, from hexadecimal digits.
fn input(digits: &str) -> anyhow::Result<Vec<u8>> {
    let input = hex::decode(digits).context("--input is no hexadecimal digits")?;
    ensure!(
        input.len() <= INPUT_MAX,
        "--input has {} bytes, a contract takes {INPUT_MAX}",
        input.len()
    );
    Ok(input)
}

fn call(args: &CallArgs) -> anyhow::Result<ExitCode> {
    let input = input(&args.input)?;
    let signer = Signer::read(&args.key)?;
    args.target
        .run(Some(&args.key), false, async |client, chain| {
            let nonce = next_nonce(client, &signer.public_key()).await?;
            let mut sender = Sender::new(signer, chain, nonce);
            let run = Call::Run {
                name: &args.name,
                version: args.version,
                method: &args.method,
                input: &input,
            };
            Ok(vec![sender.sign_next::<Wasm>(&run)])
        })
}

/// Exit code 1 when there is no such contract.
fn inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let client = args.reading.client()?;
    let answer = block_on(async {
        let Some(name) = &args.name else {
            return client.query("deployed-contracts", &BTreeMap::new()).await;
        };
        let which = BTreeMap::from([("name".to_owned(), name.clone())]);
        let mut contract = client.query("deployed-contract", &which).await?;
        let versions = client.query("deployed-versions", &which).await?;
        if let Value::Object(contract) = &mut contract {
            contract.insert("history".to_owned(), versions);
        }
        Ok(contract)
    });
    match answer {
        Ok(answer) => {
            print_json(&answer)?;
            done()
        }
        Err(error) => match error.downcast_ref().and_then(missing) {
            Some(words) => {
                print(&words);
                Ok(ExitCode::from(1))
            }
            None => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bds_contracts::kernel::envelope::{Envelope, Payload};
    use bds_contracts::tx::{ChainId, TX_BYTES_MAX};

    #[test]
    fn methods_are_named_as_people_do() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            numbers(&names)
        };
        let found = names(&["units.transfer", "money.transfer", "money.transfer"]);
        assert_eq!(found.unwrap(), [(2, 1), (3, 1)]);
        for bad in ["money", "money.rob", "identity.endorse", "wasm.run", ""] {
            assert!(names(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_would_be_refused_is_told_before() {
        let bad = |found: anyhow::Result<()>, words: &str| {
            let problem = found.expect_err(words).to_string();
            assert!(problem.contains(words), "{problem}");
        };
        assert!(fits("escrow-2", 64, &[(2, 1); 32]).is_ok());
        for name in ["", "Escrow", "2escrow", "es crow", &"e".repeat(33)] {
            bad(fits(name, 1, &[]), "no name of a contract");
        }
        for version in [0, 65] {
            bad(fits("escrow", version, &[]), "versions 1 to 64");
        }
        bad(fits("escrow", 1, &[(2, 1); 33]), "at most 32 methods");
        let named = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            roles(&names)
        };
        assert!(named(&[]).is_ok() && named(&["trader"]).is_ok());
        for role in ["regulator", "registry-administrator"] {
            bad(named(&["trader", role]), "no role of the authority");
        }
        assert_eq!(input(&"ab".repeat(INPUT_MAX)).unwrap().len(), INPUT_MAX);
        let long = input(&"ab".repeat(INPUT_MAX + 1)).map(|_| ());
        bad(long, "--input has 16385 bytes, a contract takes 16384");
        bad(input("0g").map(|_| ()), "hexadecimal");
    }

    #[test]
    fn code_goes_in_as_few_transactions_as_fit() {
        let signer = Signer::from_seed(&[1; 32]);
        for (length, count) in [(1, 1), (49_152, 1), (49_153, 2), (65_536, 2)] {
            let code = vec![7; length];
            let mut sender = Sender::new(signer.clone(), ChainId([1; 32]), 5);
            let wires = wires(&mut sender, &code, &[]);
            assert_eq!(wires.len(), count);
            let mut calls = 0;
            for wire in &wires {
                assert!(wire.len() <= TX_BYTES_MAX);
                let Ok((_, Payload::Clear(list))) = Envelope::parse(wire).unwrap().payload() else {
                    panic!("clear calls");
                };
                calls += list.iter().count();
            }
            assert_eq!(calls, 1 + length.div_ceil(CHUNK_BYTES as usize));
        }
    }
}
