//! `bds engine merkle`: roots and proofs of trees, made and checked.

use std::process::ExitCode;

use anyhow::bail;
use bds_engine::merkle::{self, TreeHash};
use bds_engine::{Backend, HashAlgorithm};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{EXIT_FALSE, Malformed, bytes_of, hex_lines, number_of, parse_json, slices};

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

/// What a verb prints, and its exit code.
pub(super) fn answer(command: &MerkleCommand, input: &str) -> anyhow::Result<(String, ExitCode)> {
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

fn hexed<D: AsRef<[u8]>>(digests: &[D]) -> Vec<String> {
    digests.iter().map(hex::encode).collect()
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
