//! Makes homes: keys, genesis document, settings. Nothing here runs a node.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::genesis::{GENESIS_VERSION, Genesis, GenesisError, Profile};
use bds_contracts::tx::ChainId;
use serde::Deserialize;

use crate::config::CONFIG_FILE;
use crate::keys;

/// File name of the genesis document inside a home.
pub const GENESIS_FILE: &str = "genesis.json";

/// A network on this machine, made but not started.
#[derive(Debug, Clone)]
pub struct Testnet {
    /// The document all homes share.
    pub genesis: Genesis,
    /// A copy of it for clients.
    pub genesis_path: PathBuf,
    /// One home a validator, by index.
    pub homes: Vec<PathBuf>,
    /// Where each validator's HTTP interface will listen.
    pub api: Vec<SocketAddr>,
}

/// Reads and checks a genesis document.
///
/// # Errors
/// When it cannot be read, is not JSON of the right shape, or contradicts itself.
pub fn read_genesis(path: &Path) -> anyhow::Result<Genesis> {
    let genesis = read_draft(path)?;
    genesis
        .check()
        .with_context(|| format!("the genesis document {} contradicts itself", path.display()))?;
    Ok(genesis)
}

/// Reads a genesis document that may still lack its validators.
///
/// # Errors
/// When it cannot be read, is of another version, or is not JSON of the right shape.
pub fn read_draft(path: &Path) -> anyhow::Result<Genesis> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the genesis document {}", path.display()))?;
    let damaged = || format!("the genesis document {} is damaged", path.display());
    // The version first: a document of another one has other fields, and none of them would be the reason.
    let Versioned { version } = serde_json::from_str(&text).with_context(damaged)?;
    if version != GENESIS_VERSION {
        return Err(GenesisError::Version(version))
            .with_context(|| format!("the genesis document {}", path.display()));
    }
    serde_json::from_str(&text).with_context(damaged)
}

/// What documents of all versions have in common.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "first")]
    version: u32,
}

/// Documents of the first version did not name it.
const fn first() -> u32 {
    1
}

/// Writes a genesis document and returns its chain id.
///
/// # Errors
/// When it contradicts itself or cannot be written.
pub fn write_genesis(path: &Path, genesis: &Genesis) -> anyhow::Result<ChainId> {
    genesis
        .check()
        .context("the genesis document contradicts itself")?;
    std::fs::write(path, serde_json::to_vec_pretty(genesis)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(genesis.chain_id())
}

/// Makes an empty home with new keys; returns them. Refuses when keys are there already.
///
/// # Errors
/// When the folder or a key cannot be written.
pub fn new_keys(home: &Path) -> anyhow::Result<(keys::Seed, keys::Seed)> {
    std::fs::create_dir_all(home)
        .with_context(|| format!("cannot make the home {}", home.display()))?;
    let (validator, network) = (keys::generate()?, keys::generate()?);
    keys::write(&home.join(keys::VALIDATOR_KEY_FILE), &validator)?;
    keys::write(&home.join(keys::NETWORK_KEY_FILE), &network)?;
    Ok((validator, network))
}

/// Makes `n` homes under `dir` that know each other, all on loopback.
///
/// `genesis.validators` is filled in. With `base_port`, validator `i` serves HTTP on `base_port + 2i` and the network on
/// the port above; without, free ports are taken. `settings` are written into every `bds.toml`.
///
/// # Errors
/// When `dir` holds homes already, a port cannot be found or a file cannot be written.
pub fn testnet(
    dir: &Path,
    mut genesis: Genesis,
    n: usize,
    base_port: Option<u16>,
    settings: &[(String, String)],
) -> anyhow::Result<Testnet> {
    ensure!(
        (1..=100).contains(&n),
        "a testnet has 1 to 100 validators, not {n}"
    );
    let homes: Vec<PathBuf> = (0..n).map(|i| dir.join(format!("validator-{i}"))).collect();
    let seeds = homes
        .iter()
        .map(|home| new_keys(home))
        .collect::<anyhow::Result<Vec<_>>>()?;
    genesis.validators = ValidatorSet {
        epoch: 0,
        validators: seeds
            .iter()
            .map(|(v, _)| Validator {
                key: keys::public(v),
                weight: 1,
            })
            .collect(),
    };
    if genesis.profile == Profile::Private {
        let shared = keys::generate()?;
        for home in &homes {
            keys::write(&home.join(keys::SHARED_KEY_FILE), &shared)?;
        }
    }
    let ports = ports(n, base_port)?;
    let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    for (i, home) in homes.iter().enumerate() {
        write_genesis(&home.join(GENESIS_FILE), &genesis)?;
        let mut table = toml::Table::new();
        put(&mut table, "api.listen", &address(ports[i].0).to_string());
        // A network to try things on, reached from this machine alone.
        put(&mut table, "api.reads", "open");
        put(
            &mut table,
            "network.listen",
            &address(ports[i].1).to_string(),
        );
        for (key, value) in settings {
            put(&mut table, key, value);
        }
        for (j, (_, network)) in seeds.iter().enumerate().filter(|(j, _)| *j != i) {
            let peer = keys::network_identity(network).public().to_peer_id();
            put(
                &mut table,
                &format!("peers.{j}"),
                &format!("{peer}@/ip4/127.0.0.1/tcp/{}", ports[j].1),
            );
        }
        let path = home.join(CONFIG_FILE);
        std::fs::write(&path, toml::to_string_pretty(&table)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let genesis_path = dir.join(GENESIS_FILE);
    write_genesis(&genesis_path, &genesis)?;
    Ok(Testnet {
        genesis,
        genesis_path,
        homes,
        api: ports.iter().map(|(api, _)| address(*api)).collect(),
    })
}

fn put(table: &mut toml::Table, key: &str, value: &str) {
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let section = table
        .entry(section)
        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(section) = section {
        section.insert(name.to_owned(), toml::Value::String(value.to_owned()));
    }
}

/// HTTP and network port of each validator.
fn ports(n: usize, base: Option<u16>) -> anyhow::Result<Vec<(u16, u16)>> {
    if let Some(base) = base {
        let last = usize::from(base) + 2 * n - 1;
        ensure!(
            last <= usize::from(u16::MAX),
            "base port {base} leaves no room for {n} validators"
        );
        return Ok((0..n)
            .map(|i| (base + 2 * i as u16, base + 2 * i as u16 + 1))
            .collect());
    }
    // All are held open until all are known, so that no port is given twice.
    let held = (0..2 * n)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<Result<Vec<_>, _>>()?;
    let free = held
        .iter()
        .map(|l| l.local_addr().map(|a| a.port()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(free
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document of an earlier version is told by its version, not by the first field that is another.
    #[test]
    fn a_document_of_another_version_says_so() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(GENESIS_FILE);
        let documents = [
            (r#"{"name": "old", "accounts": [{"id": 1}]}"#, "version 1:"),
            (r#"{"version": 3, "name": "new"}"#, "version 3:"),
            (r#"{"version": 2, "nam": "x"}"#, "damaged"),
            (r#"{"version": 2"#, "damaged"),
        ];
        for (document, word) in documents {
            std::fs::write(&path, document).expect("written");
            let error = read_genesis(&path).expect_err("no genesis of this version");
            assert!(format!("{error:#}").contains(word), "{error:#}");
        }
    }
}
