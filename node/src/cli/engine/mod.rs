//! `bds engine`: the verification engine on standard input and output, for scripts and for checking it.

mod bench;
mod info;
mod merkle;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use bds_engine::{Backend, HashAlgorithm, SignatureItem, Verdicts};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

pub use bench::BenchArgs;
pub use merkle::{MerkleCommand, TreeArgs};

/// Most bytes read from standard input; a larger job is split by the caller.
const INPUT_BYTES_MAX: u64 = 1 << 30;
/// Exit code when the thing asked about is false.
const EXIT_FALSE: u8 = 1;
/// Exit code for wrong arguments or malformed input.
const EXIT_USAGE: u8 = 2;
/// Exit code for I/O or the environment.
const EXIT_IO: u8 = 3;

/// Verbs of `bds engine`.
#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// Backends of this machine, CPU features, the calibrated model, and what would be chosen.
    ///
    /// Example: bds engine info --json
    Info {
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
        /// Fail without a GPU; a software adapter does not count.
        #[arg(long)]
        require_gpu: bool,
        /// Home of a validator: what it chooses by, and since when; where nothing is kept there yet, it is measured and kept now.
        #[arg(long)]
        home: Option<PathBuf>,
    },
    /// Time signatures, hashes and trees on every backend, for some batch sizes, on one thread and two, beside other crates.
    ///
    /// Example: bds engine bench --operation verify --seconds 0.05
    Bench(BenchArgs),
    /// Decide Ed25519 signatures: in, one {"key":hex,"sig":hex,"msg":hex} a line; out, one {"i":n,"valid":bool} a line.
    ///
    /// Example: bds engine verify --backend portable < signatures.ndjson
    Verify {
        /// auto, portable, avx2, avx512 or gpu.
        #[arg(long, default_value = "auto")]
        backend: String,
        /// The ledger's rule, or the narrower one of ed25519-dalek's `verify_strict`.
        #[arg(long, value_enum, default_value_t = Rule::Zip215)]
        rule: Rule,
    },
    /// Hash messages: in, one hex message a line (an empty line is the empty message); out, one hex digest a line.
    ///
    /// Example: echo 616263 | bds engine hash --alg sha512
    Hash {
        /// sha512, sha512_256, sha256 or blake3.
        #[arg(long)]
        alg: HashAlgorithm,
        /// auto, portable, avx2, avx512 or gpu.
        #[arg(long, default_value = "auto")]
        backend: String,
    },
    /// Merkle trees of RFC 9162.
    #[command(subcommand)]
    Merkle(MerkleCommand),
}

/// Which signatures are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rule {
    /// ZIP-215, the ledger's rule.
    Zip215,
    /// As ed25519-dalek's `verify_strict`.
    Strict,
}

/// Input that cannot be understood: the caller's mistake, exit code 2.
#[derive(Debug)]
struct Malformed(String);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// Runs one verb. Exit codes: 0 done, 1 the proof is wrong, 2 malformed input or unknown backend, 3 input or output failed.
///
/// # Errors
/// None today: every fault is told on standard error and becomes an exit code. The type is that of all verbs.
pub fn run(command: EngineCommand) -> anyhow::Result<ExitCode> {
    Ok(match carry_out(&command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bds engine: {error:#}");
            let usage = error.is::<Malformed>() || error.is::<bds_engine::EngineError>();
            ExitCode::from(if usage { EXIT_USAGE } else { EXIT_IO })
        }
    })
}

fn carry_out(command: &EngineCommand) -> anyhow::Result<ExitCode> {
    let input = match command {
        EngineCommand::Bench(args) => {
            bench::run(args)?;
            return Ok(ExitCode::SUCCESS);
        }
        EngineCommand::Info { .. } => String::new(),
        _ => read_input()?,
    };
    let (output, code) = answer(command, &input)?;
    write_output(&output)?;
    Ok(code)
}

/// What a verb prints, and its exit code.
fn answer(command: &EngineCommand, input: &str) -> anyhow::Result<(String, ExitCode)> {
    let output = match command {
        EngineCommand::Info {
            json,
            require_gpu,
            home,
        } => info::info(*json, *require_gpu, home.as_deref())?,
        EngineCommand::Bench(_) => unreachable!("it reads no input and prints as it goes"),
        EngineCommand::Verify { backend, rule } => {
            verify(&*bds_engine::by_name(backend)?, *rule, input)?
        }
        EngineCommand::Hash { alg, backend } => hash(&*bds_engine::by_name(backend)?, *alg, input)?,
        EngineCommand::Merkle(command) => return merkle::answer(command, input),
    };
    Ok((output, ExitCode::SUCCESS))
}

/// One line of `verify`'s input; nothing in key or signature when that has not the length of one.
struct Line {
    key: Option<[u8; 32]>,
    signature: Option<[u8; 64]>,
    message: Vec<u8>,
}

fn verify(backend: &dyn Backend, rule: Rule, input: &str) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for (number, text) in input.lines().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        let line =
            verify_line(text).map_err(|e| Malformed(format!("line {}: {e:#}", number + 1)))?;
        lines.push(line);
    }
    // What has not the right length is no signature: invalid, without going through the engine.
    let (places, items): (Vec<_>, Vec<_>) = lines
        .iter()
        .enumerate()
        .filter_map(|(place, line)| {
            let (key, signature) = (line.key.as_ref()?, line.signature.as_ref()?);
            Some((
                place,
                SignatureItem {
                    key,
                    signature,
                    message: &line.message,
                },
            ))
        })
        .unzip();
    let mut valid = vec![false; lines.len()];
    match rule {
        Rule::Zip215 => {
            let mut verdicts = Verdicts::new();
            backend.verify_ed25519(&items, &mut verdicts)?;
            places
                .iter()
                .zip(verdicts.iter())
                .for_each(|(place, v)| valid[*place] = v);
        }
        Rule::Strict => {
            for (place, item) in places.iter().zip(&items) {
                valid[*place] = bds_engine::ed25519::verify_strict(item);
            }
        }
    }
    let row = |(i, valid): (usize, &bool)| format!("{{\"i\":{i},\"valid\":{valid}}}\n");
    Ok(valid.iter().enumerate().map(row).collect())
}

fn verify_line(text: &str) -> anyhow::Result<Line> {
    let value: Value = serde_json::from_str(text)?;
    Ok(Line {
        key: bytes_of(&value, "key")?.try_into().ok(),
        signature: bytes_of(&value, "sig")?.try_into().ok(),
        message: bytes_of(&value, "msg")?,
    })
}

fn hash(backend: &dyn Backend, alg: HashAlgorithm, input: &str) -> anyhow::Result<String> {
    let messages = hex_lines(input)?;
    let messages = slices(&messages);
    let mut short = vec![[0; 32]; messages.len()];
    match alg {
        HashAlgorithm::Sha512 => {
            let mut long = vec![[0; 64]; messages.len()];
            backend.sha512_many(&messages, &mut long)?;
            return Ok(lines_of(&long));
        }
        HashAlgorithm::Sha512_256 => backend.sha512_256_many(&messages, &mut short)?,
        HashAlgorithm::Sha256 => backend.sha256_many(&messages, &mut short)?,
        HashAlgorithm::Blake3 => backend.blake3_many(&messages, &mut short)?,
    }
    Ok(lines_of(&short))
}

fn lines_of<D: AsRef<[u8]>>(digests: &[D]) -> String {
    digests
        .iter()
        .map(|d| format!("{}\n", hex::encode(d)))
        .collect()
}

fn slices(owned: &[Vec<u8>]) -> Vec<&[u8]> {
    owned.iter().map(Vec::as_slice).collect()
}

/// One byte string a line; an empty line is the empty string.
fn hex_lines(input: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    input
        .lines()
        .enumerate()
        .map(|(number, line)| {
            hex::decode(line.trim())
                .map_err(|e| Malformed(format!("line {}: not hex: {e}", number + 1)).into())
        })
        .collect()
}

fn parse_json(input: &str) -> anyhow::Result<Value> {
    serde_json::from_str(input)
        .map_err(|e| Malformed(format!("standard input is not JSON: {e}")).into())
}

fn bytes_of(object: &Value, field: &str) -> anyhow::Result<Vec<u8>> {
    let text = object
        .get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| Malformed(format!("field `{field}` is missing or no string")))?;
    hex::decode(text).map_err(|e| Malformed(format!("field `{field}` is not hex: {e}")).into())
}

fn number_of(object: &Value, field: &str) -> anyhow::Result<u64> {
    object.get(field).and_then(Value::as_u64).ok_or_else(|| {
        Malformed(format!(
            "field `{field}` is missing or no whole number below 2^64"
        ))
        .into()
    })
}

fn read_input() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .context("cannot read standard input as UTF-8 text")?;
    if read as u64 > INPUT_BYTES_MAX {
        return Err(anyhow!(
            "standard input is longer than {INPUT_BYTES_MAX} bytes; split it"
        ));
    }
    Ok(text)
}

fn write_output(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
