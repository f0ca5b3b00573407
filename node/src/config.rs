//! Which settings a node has, where each value comes from, and what is wrong with a bad one.
//!
//! Defaults < `bds.toml` in the home < environment `BDS_*` < `--set key=value`. Every key is in [`KEYS`]; an unknown key
//! anywhere is an error. `bds config show` prints the merged result with the source of each value.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// File name of the settings inside a home.
pub const CONFIG_FILE: &str = "bds.toml";

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `IP:PORT`.
    Address,
    /// `true` or `false`.
    Switch,
    /// A whole number between the two bounds, both included.
    Number(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// What is logged: `info,bds_core=debug`.
    Filter,
    /// `PEER_ID@MULTIADDRESS` of another validator.
    Peer,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Dotted name, as in the file (`[api] listen` is `api.listen`).
    pub name: &'static str,
    /// Value when nobody sets it.
    pub default: &'static str,
    /// Form of the value.
    pub kind: Kind,
    /// What it does, in one line.
    pub help: &'static str,
}

/// Every setting there is, but for `peers.INDEX`.
pub const KEYS: &[Key] = &[
    Key {
        name: "api.listen",
        default: "127.0.0.1:8080",
        kind: Kind::Address,
        help: "where the HTTP interface listens",
    },
    Key {
        name: "api.reads",
        default: "profile",
        kind: Kind::Word(&["profile", "open"]),
        help: "who may read: as the profile of the ledger says, or open: everyone who reaches the interface",
    },
    Key {
        name: "consensus.batch_bytes",
        default: "524288",
        kind: Kind::Number(128 << 10, 4 << 20),
        help: "a lane batch is sealed at this size",
    },
    Key {
        name: "consensus.batch_delay_ms",
        default: "10",
        kind: Kind::Number(1, 10_000),
        help: "or after this time, whichever comes first; up to six times as long while much comes in",
    },
    Key {
        name: "consensus.mempool_bytes",
        default: "67108864",
        kind: Kind::Number(1 << 20, 8 << 30),
        help: "admitted transactions waiting for the own lane; beyond it the answer is busy",
    },
    Key {
        name: "consensus.queue_ms",
        default: "500",
        kind: Kind::Number(10, 600_000),
        help: "and so it is when more is on its way than is executed within this time, but for four batches",
    },
    Key {
        name: "consensus.slot_interval_ms",
        default: "20",
        kind: Kind::Number(0, 10_000),
        help: "least time between two proposals of a primary; up to twice as long while much comes in",
    },
    Key {
        name: "consensus.replay_blocks",
        default: "4096",
        kind: Kind::Number(64, u64::MAX / 4),
        help: "a validator that is further behind takes the state from others instead of executing what it missed",
    },
    Key {
        name: "consensus.view_timeout_ms",
        default: "1000",
        kind: Kind::Number(50, 60_000),
        help: "first view timeout; doubles per failed view up to 16 times",
    },
    Key {
        name: "engine.backend",
        default: "auto",
        kind: Kind::Word(&["auto", "portable", "avx2", "avx512", "gpu"]),
        help: "which engine verifies and hashes; auto measures at start and takes the fastest for each call",
    },
    Key {
        name: "engine.pin",
        default: "false",
        kind: Kind::Switch,
        help: "each thread of the engine stays on one core; for machines that run nothing else",
    },
    Key {
        name: "engine.require_gpu",
        default: "false",
        kind: Kind::Switch,
        help: "do not start without a GPU; a software adapter does not count",
    },
    Key {
        name: "engine.threads",
        default: "0",
        kind: Kind::Number(0, 1024),
        help: "threads of the engine; 0 is one a core",
    },
    Key {
        name: "log.filter",
        default: "info",
        kind: Kind::Filter,
        help: "what is logged, as in RUST_LOG",
    },
    Key {
        name: "log.format",
        default: "text",
        kind: Kind::Word(&["text", "json"]),
        help: "form of log lines on standard error",
    },
    Key {
        name: "network.listen",
        default: "127.0.0.1:9000",
        kind: Kind::Address,
        help: "where validators connect",
    },
    Key {
        name: "storage.durable",
        default: "true",
        kind: Kind::Switch,
        help: "sync before every vote and answer; off is for measurements only",
    },
    Key {
        name: "storage.reserve_bytes",
        default: "268435456",
        kind: Kind::Number(0, u64::MAX),
        help: "admission stops when the disk has less than this free",
    },
    Key {
        name: "storage.snapshot_blocks",
        default: "4096",
        kind: Kind::Number(1, u64::MAX),
        help: "a state snapshot is written every so many blocks, up to the next checkpoint, and on a clean stop",
    },
    Key {
        name: "storage.retain_blocks",
        default: "0",
        kind: Kind::Number(0, u64::MAX / 2),
        help: "older blocks are not kept in ledger and index, in whole files; 0 keeps all",
    },
    Key {
        name: "storage.check_on_start",
        default: "false",
        kind: Kind::Switch,
        help: "every byte of the ledger is checked before anything begins; off: of older files when it is read",
    },
    Key {
        name: "storage.scrub_mib",
        default: "16",
        kind: Kind::Number(0, 4096),
        help: "older files of the ledger are read again once a day, so many MiB a second; 0 leaves that out",
    },
    Key {
        name: "storage.archive",
        default: "true",
        kind: Kind::Switch,
        help: "files of the ledger that are not kept move to `archive` in the home; off removes them",
    },
    Key {
        name: "storage.segment_bytes",
        default: "268435456",
        kind: Kind::Number(1 << 20, 1 << 30),
        help: "length of a file of the ledger log",
    },
];

const PEERS: &str = "peers.";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Compiled in.
    Default,
    /// The file in the home.
    File(PathBuf),
    /// This environment variable.
    Environment(String),
    /// `--set`.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// What is wrong with the settings, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}; write it with `bds init` or `bds testnet init`")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is damaged: {error}")]
    NotToml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        error: String,
    },
    /// Nobody knows this key.
    #[error("unknown setting `{key}` ({from}); `bds config show` lists all settings")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        from: Source,
    },
    /// The value does not fit the key.
    #[error("setting `{key}` = `{value}` ({from}): expected {expected}")]
    BadValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Where it stands.
        from: Source,
        /// What would be right.
        expected: String,
    },
}

/// All settings of one node, merged and checked.
#[derive(Debug, Clone)]
pub struct Config {
    values: BTreeMap<String, (String, Source)>,
}

impl Config {
    /// Reads the home's file, the environment and `--set` flags, in this order.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing wrong.
    pub fn load(home: &Path, flags: &[(String, String)]) -> Result<Self, ConfigError> {
        let path = home.join(CONFIG_FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::Unreadable {
            path: path.clone(),
            error,
        })?;
        let mut environment = Vec::new();
        for (name, value) in std::env::vars_os() {
            // Whatever is no text is no variable of ours.
            let Some(name) = name.to_str().filter(|name| name.starts_with("BDS_")) else {
                continue;
            };
            match (
                value.to_str(),
                KEYS.iter().find(|k| variable(k.name) == name),
            ) {
                (Some(value), _) => environment.push((name.to_owned(), value.to_owned())),
                (None, None) => {}
                (None, Some(key)) => {
                    return Err(ConfigError::BadValue {
                        key: key.name.to_owned(),
                        value: value.to_string_lossy().into_owned(),
                        from: Source::Environment(name.to_owned()),
                        expected: "text in UTF-8".to_owned(),
                    });
                }
            }
        }
        Self::merge(&path, &text, environment.into_iter(), flags)
    }

    fn merge(
        path: &Path,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let table: toml::Table =
            text.parse()
                .map_err(|error: toml::de::Error| ConfigError::NotToml {
                    path: path.to_path_buf(),
                    error: error.to_string().trim().replace('\n', " "),
                })?;
        let mut config = Self {
            values: KEYS
                .iter()
                .map(|k| (k.name.to_owned(), (k.default.to_owned(), Source::Default)))
                .collect(),
        };
        let mut flat = Vec::new();
        flatten("", &table, &mut flat);
        for (key, value) in flat {
            config.set(&key, &value, Source::File(path.to_path_buf()))?;
        }
        for (name, value) in environment {
            // BDS_API_LISTEN names api.listen; variables that name no setting belong to someone else.
            if let Some(key) = KEYS.iter().find(|k| variable(k.name) == name) {
                config.set(key.name, &value, Source::Environment(name))?;
            }
        }
        for (key, value) in flags {
            config.set(key, value, Source::Flag)?;
        }
        Ok(config)
    }

    fn set(&mut self, key: &str, value: &str, from: Source) -> Result<(), ConfigError> {
        let kind = if key
            .strip_prefix(PEERS)
            .is_some_and(|i| i.parse::<u16>().is_ok())
        {
            Kind::Peer
        } else {
            match KEYS.iter().find(|k| k.name == key) {
                Some(known) => known.kind,
                None => {
                    return Err(ConfigError::UnknownKey {
                        key: key.to_owned(),
                        from,
                    });
                }
            }
        };
        if let Err(expected) = check(kind, value) {
            return Err(ConfigError::BadValue {
                key: key.to_owned(),
                value: value.to_owned(),
                from,
                expected,
            });
        }
        self.values.insert(key.to_owned(), (value.to_owned(), from));
        Ok(())
    }

    /// A value in the type the caller needs.
    ///
    /// # Panics
    /// When the key is not in [`KEYS`] or its kind does not fit `T`: a bug in the caller, since values are checked on load.
    #[must_use]
    pub fn get<T: FromStr>(&self, key: &str) -> T {
        let (value, _) = self
            .values
            .get(key)
            .unwrap_or_else(|| panic!("no setting is called {key}"));
        value
            .parse()
            .ok()
            .unwrap_or_else(|| panic!("setting {key} = {value} passed its check but not its type"))
    }

    /// The peers: validator index and `PEER_ID@MULTIADDRESS`.
    pub fn peers(&self) -> impl Iterator<Item = (u16, &str)> {
        self.values.iter().filter_map(|(key, (value, _))| {
            Some((key.strip_prefix(PEERS)?.parse().ok()?, value.as_str()))
        })
    }

    /// Every key with value and source, in order of name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, &Source)> {
        self.values
            .iter()
            .map(|(key, (value, from))| (key.as_str(), value.as_str(), from))
    }
}

/// Name of the environment variable for a key.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("BDS_{}", key.replace('.', "_").to_uppercase())
}

fn check(kind: Kind, value: &str) -> Result<(), String> {
    let fits = match kind {
        Kind::Address => value.parse::<std::net::SocketAddr>().is_ok(),
        Kind::Switch => value.parse::<bool>().is_ok(),
        Kind::Number(low, high) => value
            .parse::<u64>()
            .is_ok_and(|n| (low..=high).contains(&n)),
        Kind::Word(words) => words.contains(&value),
        Kind::Filter => tracing_subscriber::EnvFilter::try_new(value).is_ok(),
        Kind::Peer => crate::network::address::read(value).is_ok(),
    };
    if fits {
        return Ok(());
    }
    Err(match kind {
        Kind::Address => "an address like 127.0.0.1:8080".to_owned(),
        Kind::Switch => "true or false".to_owned(),
        Kind::Number(low, high) => format!("a whole number from {low} to {high}"),
        Kind::Word(words) => format!("one of {}", words.join(", ")),
        Kind::Filter => "levels like info or warn,bds_core=debug".to_owned(),
        Kind::Peer => {
            "PEER_ID@/ip4/ADDRESS/tcp/PORT, or ip6, dns4 or dns6 in place of ip4".to_owned()
        }
    })
}

fn flatten(prefix: &str, table: &toml::Table, out: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, out),
            toml::Value::String(text) => out.push((key, text.clone())),
            other => out.push((key, other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(
        text: &str,
        environment: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> Result<Config, ConfigError> {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        Config::merge(
            Path::new("home/bds.toml"),
            text,
            own(environment).into_iter(),
            &own(flags),
        )
    }

    /// What admission takes finds room in a batch and in the mempool, whatever an operator sets.
    #[test]
    fn the_longest_transaction_fits_the_smallest_batch_and_mempool() {
        let longest = vec![0; bds_contracts::tx::TX_BYTES_MAX];
        let packed = bds_core::batch::Payload::packed_bytes(&longest) as u64;
        for name in ["consensus.batch_bytes", "consensus.mempool_bytes"] {
            let key = KEYS.iter().find(|key| key.name == name).unwrap();
            let Kind::Number(least, _) = key.kind else {
                panic!("{name} is a number");
            };
            assert!(least >= packed, "{name}: {least}");
        }
    }

    #[test]
    fn later_sources_win_and_are_named() {
        let text = "[api]\nlisten = \"127.0.0.1:1\"\n[consensus]\nbatch_delay_ms = 7\n[peers]\n0 = \"12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp@/dns4/a/tcp/1\"";
        let config = merge(
            text,
            &[("BDS_API_LISTEN", "127.0.0.1:2")],
            &[("storage.durable", "false")],
        )
        .unwrap();
        assert_eq!(config.get::<String>("api.listen"), "127.0.0.1:2");
        assert_eq!(config.get::<u64>("consensus.batch_delay_ms"), 7);
        assert!(!config.get::<bool>("storage.durable"));
        let peers: Vec<u16> = config.peers().map(|(index, _)| index).collect();
        assert_eq!(peers, [0]);
        let source = |key| {
            config
                .entries()
                .find(|(k, ..)| *k == key)
                .unwrap()
                .2
                .to_string()
        };
        assert_eq!(source("api.listen"), "environment BDS_API_LISTEN");
        assert_eq!(source("storage.durable"), "--set");
        assert_eq!(source("engine.backend"), "default");
    }

    #[test]
    fn damage_is_named_with_place_and_remedy() {
        let error = merge("[api\nlisten=1", &[], &[]).unwrap_err().to_string();
        assert!(error.contains("home/bds.toml is damaged"), "{error}");
        let error = merge("[api]\nlisen = \"x\"", &[], &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown setting `api.lisen`"), "{error}");
        let error = merge("[consensus]\nbatch_delay_ms = -1", &[], &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("expected a whole number from 1 to 10000"),
            "{error}"
        );
        let error = merge("", &[], &[("engine.backend", "cuda")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("one of auto, portable"), "{error}");
        let error = merge("[log]\nfilter = \"loud,,=\"", &[], &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected levels like info"), "{error}");
        let error = merge("[peers]\n1 = \"nonsense\"", &[], &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("setting `peers.1` = `nonsense` (home/bds.toml): expected PEER_ID@"),
            "{error}"
        );
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for key in KEYS {
            assert_eq!(check(key.kind, key.default), Ok(()), "{}", key.name);
        }
    }
}
