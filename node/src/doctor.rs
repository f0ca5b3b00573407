//! What would keep a node from running here: looks, changes nothing.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use crate::config::Config;
use crate::{keys, setup};

/// One thing looked at.
#[derive(Debug)]
pub struct Finding {
    /// Nothing to do.
    pub good: bool,
    /// What was looked at.
    pub subject: &'static str,
    /// What was found, and what to do if it is not good.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:5} {:16} {}",
            if self.good { "ok" } else { "WRONG" },
            self.subject,
            self.detail
        )
    }
}

/// Looks at settings, keys, genesis, ports, disk and engine of a home.
#[must_use]
pub fn examine(home: &Path, flags: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |subject, result: Result<String, String>| {
        let (good, detail) = match result {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        findings.push(Finding {
            good,
            subject,
            detail,
        });
    };
    let config = Config::load(home, flags);
    note(
        "settings",
        config
            .as_ref()
            .map(|_| "good".to_owned())
            .map_err(ToString::to_string),
    );
    let key = keys::read(&home.join(keys::VALIDATOR_KEY_FILE));
    note(
        "validator key",
        key.as_ref()
            .map(|k| keys::public(k).to_string())
            .map_err(ToString::to_string),
    );
    let network = keys::read(&home.join(keys::NETWORK_KEY_FILE));
    let peer_id = |seed| {
        keys::network_identity(seed)
            .public()
            .to_peer_id()
            .to_string()
    };
    note(
        "network key",
        network.as_ref().map(peer_id).map_err(ToString::to_string),
    );
    let genesis = setup::read_genesis(&home.join(setup::GENESIS_FILE));
    note(
        "genesis",
        genesis
            .as_ref()
            .map(|g| format!("chain {}", g.chain_id()))
            .map_err(|e| format!("{e:#}")),
    );
    if let Ok(genesis) = &genesis {
        let shared = keys::shared(home, genesis.profile);
        let told = |key: &Option<keys::Seed>| match key {
            Some(_) => "there: only validators that have it get through",
            None => "none: not needed on this ledger",
        };
        note(
            "shared key",
            shared
                .map(|key| told(&key).to_owned())
                .map_err(|error| error.to_string()),
        );
    }
    if let (Ok(key), Ok(genesis)) = (&key, &genesis) {
        let place = genesis
            .validators
            .validators
            .iter()
            .position(|v| v.key == keys::public(key));
        note(
            "membership",
            place
                .map(|i| format!("validator {i}"))
                .ok_or_else(|| "this key is no validator of the genesis".to_owned()),
        );
    }
    if let Ok(config) = &config {
        for (subject, key) in [
            ("http port", "api.listen"),
            ("network port", "network.listen"),
        ] {
            let address: SocketAddr = config.get(key);
            let free = TcpListener::bind(address).map(|_| format!("{address} is free"));
            note(
                subject,
                free.map_err(|e| format!("{address}: {e}; a node may be running, or change {key}")),
            );
        }
        let reserve: u64 = config.get("storage.reserve_bytes");
        note(
            "disk",
            match crate::store::free_bytes(home) {
                Ok(free) if free > reserve => Ok(format!("{} MiB free", free >> 20)),
                Ok(free) => Err(format!(
                    "{} MiB free, below the reserve of {} MiB",
                    free >> 20,
                    reserve >> 20
                )),
                Err(problem) => Err(format!("cannot ask for free space: {problem}")),
            },
        );
        let backend: String = config.get("engine.backend");
        note(
            "engine",
            match bds_engine::by_name(&backend) {
                Ok(found) => Ok(found.name().to_owned()),
                Err(problem) => Err(problem.to_string()),
            },
        );
        if config.get("engine.require_gpu") {
            note("gpu", crate::engine::required_gpu(&backend));
        }
        if config.get("engine.pin") {
            note(
                "engine threads",
                match crate::engine::cannot_pin(config.get("engine.threads")) {
                    None => Ok("one core each".to_owned()),
                    Some(problem) => Err(format!("{problem}; change engine.threads or engine.pin")),
                },
            );
        }
    }
    findings
}
