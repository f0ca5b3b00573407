//! The home of a validator as a liar reads it: keys to sign with, and a network under its identity.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use bds_contracts::Genesis;
use bds_contracts::block::{Signature, Statement, ValidatorIndex};
use bds_contracts::tx::ChainId;
use bds_node::config::Config;
use bds_node::network::{self, Inbox, Limits, Network, NetworkConfig, Peer};
use bds_node::{keys, setup};
use ed25519_dalek::{Signer as _, SigningKey};

/// Signs whatever it is told to, for any chain and epoch.
#[derive(Clone)]
pub struct Pen {
    key: SigningKey,
    /// The ledger it belongs to.
    pub chain: ChainId,
    /// The epoch of its set.
    pub epoch: u64,
    /// Its place in the set.
    pub index: ValidatorIndex,
}

impl Pen {
    /// Signs a statement as a member of the set does.
    #[must_use]
    pub fn sign(&self, statement: &Statement) -> Signature {
        self.sign_for(self.chain, self.epoch, statement)
    }

    /// Signs a statement for another chain or epoch.
    #[must_use]
    pub fn sign_for(&self, chain: ChainId, epoch: u64, statement: &Statement) -> Signature {
        Signature(self.key.sign(&statement.bytes(chain, epoch)).to_bytes())
    }
}

/// What lies in a home.
pub struct Home {
    /// The ledger's document.
    pub genesis: Genesis,
    /// The validator's key.
    pub pen: Pen,
    seed: keys::Seed,
    config: Config,
    network_seed: keys::Seed,
}

impl Home {
    /// Reads a home that `bds testnet init` has made.
    ///
    /// # Errors
    /// When something is missing or damaged, or the key is no validator's.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let genesis = setup::read_genesis(&dir.join(setup::GENESIS_FILE))?;
        let seed = keys::read(&dir.join(keys::VALIDATOR_KEY_FILE))?;
        let public = keys::public(&seed);
        let place = genesis
            .validators
            .validators
            .iter()
            .position(|v| v.key == public);
        let index = place
            .and_then(|place| ValidatorIndex::try_from(place).ok())
            .ok_or_else(|| anyhow!("key {public} is no validator of this genesis"))?;
        Ok(Self {
            pen: Pen {
                key: SigningKey::from_bytes(&seed),
                chain: genesis.chain_id(),
                epoch: genesis.validators.epoch,
                index,
            },
            genesis,
            seed,
            config: Config::load(dir, &[])?,
            network_seed: keys::read(&dir.join(keys::NETWORK_KEY_FILE))?,
        })
    }

    /// The validator's seed.
    #[must_use]
    pub fn seed(&self) -> &keys::Seed {
        &self.seed
    }

    /// Number of validators.
    #[must_use]
    pub fn validators(&self) -> usize {
        self.genesis.validators.validators.len()
    }

    /// Listens and dials as this validator. `limits` bounds what it sends and takes: larger ones than its peers'
    /// let it send what they refuse.
    ///
    /// # Errors
    /// When the address is taken or a peer's is no address.
    pub fn connect(&self, limits: Limits) -> anyhow::Result<(Network, Inbox)> {
        let mut peers = Vec::new();
        for (index, text) in self.config.peers().filter(|(i, _)| *i != self.pen.index) {
            let (peer_id, address) = text.split_once('@').context("PEER_ID@ADDRESS")?;
            peers.push(Peer {
                index,
                peer_id: peer_id.parse()?,
                address: address.parse()?,
            });
        }
        network::start(NetworkConfig::with_limits(
            limits,
            keys::network_identity(&self.network_seed),
            self.config.get("network.listen"),
            self.pen.index,
            peers,
        ))
    }
}
