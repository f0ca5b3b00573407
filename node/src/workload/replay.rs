//! Real transfers of a carbon registry, in the order they happened.
//!
//! One platform key sends every row, so that its nonces carry the order: the opening balances are the smallest that
//! suffice, and a transfer that overtook another would fail.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bds_client::{Sender, Signer};
use bds_contracts::Genesis;
use bds_contracts::money::units::Units;
use bds_contracts::tx::{ChainId, Millis};

use super::body;
use super::random::derive;
use crate::import::eutl::Eutl;
use crate::measure::load::{Batch, ClientPlan};

/// 2100-01-01.
const EXPIRY: Millis = Millis(4_102_444_800_000);

/// A registry file to be replayed.
#[derive(Debug)]
pub struct Replay {
    file: Eutl,
    platform: Signer,
}

impl Replay {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or is no list of transfers.
    pub fn read(path: &Path, seed: u64) -> anyhow::Result<Self> {
        let reader =
            std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = Eutl::read(std::io::BufReader::new(reader))
            .with_context(|| format!("{} is no list of registry transfers", path.display()))?;
        Ok(Self {
            file,
            platform: Signer::from_seed(&derive("platform", seed, 0)),
        })
    }

    /// What was read.
    #[must_use]
    pub fn file(&self) -> &Eutl {
        &self.file
    }

    /// Opening balances as a genesis document, without validators.
    ///
    /// # Errors
    /// When the file holds more than a ledger can.
    pub fn genesis(&self) -> anyhow::Result<Genesis> {
        let opening = self.file.opening(&[self.platform.public_key()])?;
        Ok(Genesis {
            name: "registry replay".to_owned(),
            members: opening.members,
            accounts: opening.accounts,
            instruments: opening.instruments,
            holdings: opening.holdings,
            markets: Vec::new(),
            cash: Vec::new(),
            ..super::default_genesis()
        })
    }

    /// Permille of each kind.
    #[must_use]
    pub fn mix(&self) -> BTreeMap<String, u32> {
        BTreeMap::from([("transfer".to_owned(), 1000)])
    }

    /// All rows, signed, in batches of `batch`, as fast as answers come but no faster than `rate`.
    #[must_use]
    pub fn plans(&self, chain: ChainId, batch: usize, rate: f64) -> Vec<ClientPlan> {
        let mut sender = Sender::new(self.platform.clone(), chain, 0).expiring_at(EXPIRY);
        let wires: Vec<Vec<u8>> = self
            .file
            .transfers()
            .map(|transfer| sender.sign_next::<Units>(&transfer))
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand rows")]
        let seconds = batch as f64 / rate;
        let batches: Vec<Batch> = (0_u32..)
            .zip(wires.chunks(batch))
            .map(|(number, wires)| Batch {
                due: Duration::from_secs_f64(seconds * f64::from(number)),
                count: u32::try_from(wires.len()).unwrap_or(u32::MAX),
                body: body(wires.to_vec()),
            })
            .collect();
        vec![ClientPlan {
            lane: 0,
            batches: Box::new(batches.into_iter()),
        }]
    }
}
