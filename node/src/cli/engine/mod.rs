//! `bds engine`: the verification engine on standard input and output, for scripts and for checking it.

mod bench;
mod info;

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use bds_engine::merkle::{self, TreeHash};
use bds_engine::{Backend, HashAlgorithm, SignatureItem, Verdicts};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

pub use bench::BenchArgs;

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
    },
    /// Time every operation on every backend, for some batch sizes, on one thread and two, beside other crates.
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

/// Hash and backend of a tree.
#[derive(Debug, Args)]
pub struct TreeArgs {
    /// sha512, sha512_256, sha256 or blake3.
    #[arg(long, default_value = "sha512_256")]
    hash: HashAlgorithm,
    /// auto, portable, avx2, avx512 or gpu.
    #[arg(long, default_value = "auto")]
    backend: String,
}

/// Verbs of `bds engine merkle`. Leaves come as hex lines: an empty line is an empty leaf, no line the empty tree.
#[derive(Debug, Subcommand)]
pub enum MerkleCommand {
    /// Root of the leaves on standard input, in hex.
    ///
    /// Example: printf '00\n10\n' | bds engine merkle root --hash sha256
    Root {
        /// Hash and backend.
        #[command(flatten)]
        tree: TreeArgs,
    },
    /// Inclusion proof of one of the leaves on standard input, as JSON.
    ///
    /// Example: printf '00\n10\n' | bds engine merkle prove --index 1 | bds engine merkle verify
    Prove {
        /// Hash and backend.
        #[command(flatten)]
        tree: TreeArgs,
        /// Which leaf, from 0.
        #[arg(long)]
        index: u64,
    },
    /// Check {"size","index","leaf" or "leaf_hash","path","root"} from standard input; exit 0 when right, 1 when wrong.
    ///
    /// Example: bds engine merkle verify --hash sha256 < proof.json
    Verify {
        /// Hash and backend.
        #[command(flatten)]
        tree: TreeArgs,
    },
    /// Proof that the first leaves on standard input were an earlier tree of the whole, as JSON.
    ///
    /// Example: printf '00\n10\n' | bds engine merkle consistency --size1 1
    Consistency {
        /// Hash and backend.
        #[command(flatten)]
        tree: TreeArgs,
        /// Leaves of the earlier tree, at least 1.
        #[arg(long)]
        size1: u64,
    },
    /// Check {"size1","size2","root1","root2","path"} from standard input; exit 0 when right, 1 when wrong.
    ///
    /// Example: bds engine merkle verify-consistency --hash sha256 < proof.json
    VerifyConsistency {
        /// Hash and backend.
        #[command(flatten)]
        tree: TreeArgs,
    },
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
        EngineCommand::Info { json } => info::info(*json),
        EngineCommand::Bench(_) => unreachable!("it reads no input and prints as it goes"),
        EngineCommand::Verify { backend, rule } => {
            verify(&*bds_engine::by_name(backend)?, *rule, input)?
        }
        EngineCommand::Hash { alg, backend } => hash(&*bds_engine::by_name(backend)?, *alg, input)?,
        EngineCommand::Merkle(command) => return merkle_answer(command, input),
    };
    Ok((output, ExitCode::SUCCESS))
}

fn merkle_answer(command: &MerkleCommand, input: &str) -> anyhow::Result<(String, ExitCode)> {
    let (MerkleCommand::Root { tree }
    | MerkleCommand::Prove { tree, .. }
    | MerkleCommand::Verify { tree }
    | MerkleCommand::Consistency { tree, .. }
    | MerkleCommand::VerifyConsistency { tree }) = command;
    let backend = bds_engine::by_name(&tree.backend)?;
    match tree.hash {
        HashAlgorithm::Sha512 => merkle_of::<merkle::Sha512>(&*backend, command, input),
        HashAlgorithm::Sha512_256 => merkle_of::<merkle::Sha512_256>(&*backend, command, input),
        HashAlgorithm::Sha256 => merkle_of::<merkle::Sha256>(&*backend, command, input),
        HashAlgorithm::Blake3 => merkle_of::<merkle::Blake3>(&*backend, command, input),
    }
}

fn merkle_of<H: TreeHash>(
    backend: &dyn Backend,
    command: &MerkleCommand,
    input: &str,
) -> anyhow::Result<(String, ExitCode)> {
    let done = |output| Ok((output, ExitCode::SUCCESS));
    match command {
        MerkleCommand::Root { .. } => {
            let leaves = hex_lines(input)?;
            let root = merkle::root::<H>(backend, &slices(&leaves))?;
            done(format!("{}\n", hex::encode(root)))
        }
        MerkleCommand::Prove { index, .. } => {
            let leaves = hex_lines(input)?;
            let tree = merkle::Tree::<H>::build(backend, &slices(&leaves))?;
            let path = tree.inclusion(*index).ok_or_else(|| {
                Malformed(format!(
                    "--index {index} is outside the tree of {} leaves",
                    tree.size()
                ))
            })?;
            let leaf = tree.leaf_hash(*index).expect("inside the tree");
            let proof = json!({"size": tree.size(), "index": index, "leaf_hash": hex::encode(leaf),
                "path": hexed(&path), "root": hex::encode(tree.root())});
            done(format!("{proof}\n"))
        }
        MerkleCommand::Consistency { size1, .. } => {
            let leaves = hex_lines(input)?;
            let leaves = slices(&leaves);
            let tree = merkle::Tree::<H>::build(backend, &leaves)?;
            let path = tree.consistency(*size1).ok_or_else(|| {
                Malformed(format!(
                    "--size1 {size1} is not in 1..={}, the leaves given",
                    tree.size()
                ))
            })?;
            let before = usize::try_from(*size1).expect("not above the leaves in memory");
            let root1 = merkle::root::<H>(backend, &leaves[..before])?;
            let proof = json!({"size1": size1, "size2": tree.size(), "root1": hex::encode(root1),
                "root2": hex::encode(tree.root()), "path": hexed(&path)});
            done(format!("{proof}\n"))
        }
        MerkleCommand::Verify { .. } => {
            let proof = parse_json(input)?;
            verdict(inclusion_holds::<H>(&proof)?)
        }
        MerkleCommand::VerifyConsistency { .. } => {
            let proof = parse_json(input)?;
            verdict(consistency_holds::<H>(&proof)?)
        }
    }
}

fn verdict(right: bool) -> anyhow::Result<(String, ExitCode)> {
    Ok(if right {
        ("valid\n".to_owned(), ExitCode::SUCCESS)
    } else {
        ("not valid\n".to_owned(), ExitCode::from(EXIT_FALSE))
    })
}

fn inclusion_holds<H: TreeHash>(proof: &Value) -> anyhow::Result<bool> {
    let leaf_hash = match proof.get("leaf") {
        Some(_) => Some(merkle::leaf_hash::<H>(&bytes_of(proof, "leaf")?)),
        None => digest::<H>(&bytes_of(proof, "leaf_hash")?),
    };
    let path = path_of::<H>(proof)?;
    let root = digest::<H>(&bytes_of(proof, "root")?);
    let (size, index) = (number_of(proof, "size")?, number_of(proof, "index")?);
    // A digest of another length is well-formed input but no node of such a tree.
    let (Some(leaf_hash), Some(path), Some(root)) = (leaf_hash, path, root) else {
        return Ok(false);
    };
    Ok(merkle::verify_inclusion::<H>(
        size, index, &leaf_hash, &path, &root,
    ))
}

fn consistency_holds<H: TreeHash>(proof: &Value) -> anyhow::Result<bool> {
    let path = path_of::<H>(proof)?;
    let (root1, root2) = (bytes_of(proof, "root1")?, bytes_of(proof, "root2")?);
    let (size1, size2) = (number_of(proof, "size1")?, number_of(proof, "size2")?);
    if size1 == size2 && size1 > 0 {
        // Nothing is hashed here, so roots are compared as they are, whatever their length.
        return Ok(path.is_some_and(|p| p.is_empty()) && root1 == root2);
    }
    let (root1, root2) = (digest::<H>(&root1), digest::<H>(&root2));
    let (Some(path), Some(root1), Some(root2)) = (path, root1, root2) else {
        return Ok(false);
    };
    Ok(merkle::verify_consistency::<H>(
        size1, size2, &root1, &root2, &path,
    ))
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

fn hexed<D: AsRef<[u8]>>(digests: &[D]) -> Vec<String> {
    digests.iter().map(hex::encode).collect()
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

/// The path's digests; `None` when one of them has another length than this hash gives.
fn path_of<H: TreeHash>(object: &Value) -> anyhow::Result<Option<Vec<H::Digest>>> {
    let Some(path) = object.get("path").and_then(Value::as_array) else {
        bail!(Malformed("field `path` is missing or no list".to_owned()));
    };
    let mut digests = Vec::with_capacity(path.len());
    for (i, node) in path.iter().enumerate() {
        let bytes = node
            .as_str()
            .and_then(|text| hex::decode(text).ok())
            .ok_or_else(|| Malformed(format!("`path[{i}]` is no hex string")))?;
        digests.push(digest::<H>(&bytes));
    }
    Ok(digests.into_iter().collect())
}

fn digest<H: TreeHash>(bytes: &[u8]) -> Option<H::Digest> {
    H::Digest::try_from(bytes).ok()
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
