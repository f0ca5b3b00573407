//! Real transfers of a carbon registry, in the order they happened.
//!
//! One platform key sends every row, and each says that it is to be executed after the row before it: the opening balances
//! are the smallest that suffice, and a transfer that overtook another would fail. Nonces alone carry no order inside their
//! window.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bds_client::Signer;
use bds_contracts::Genesis;
use bds_contracts::money::units::Units;
use bds_contracts::tx::ChainId;

use super::random::derive;
use super::{body, sender};
use crate::import::eutl::Eutl;
use crate::measure::load::{Batch, ClientPlan};

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
            members: opening.members,
            accounts: opening.accounts,
            instruments: opening.instruments,
            holdings: opening.holdings,
            ..super::bare_genesis("registry replay".to_owned())
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
        let mut sender = sender(&self.platform, chain).in_order();
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use bds_client::wire::BatchRequest;
    use bds_contracts::Code;
    use bds_contracts::block::Validator;
    use bds_contracts::kernel::context::BlockInfo;
    use bds_contracts::kernel::envelope::Envelope;
    use bds_contracts::ledger::from_genesis;
    use bds_contracts::tx::Millis;

    use super::*;

    const ROWS: usize = 200;

    /// One unit goes from hand to hand, so that each row needs the one before it.
    fn chain_of_rows() -> Replay {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let head =
            "id,transactionID,date,transferringAccount_id,acquiringAccount_id,unitType_id,amount";
        writeln!(file, "{head}").expect("room");
        for row in 1..=ROWS {
            let next = row + 1;
            writeln!(
                file,
                "{row},T{row},2006-01-20 07:01:15.731,{row}.0,{next}.0,EUA2005,1"
            )
            .expect("room");
        }
        Replay::read(file.path(), 1).expect("a list of transfers")
    }

    /// Transactions that come in the worst order, block after block, each as long as it left no trace: the rows are executed
    /// in theirs, and every one succeeds.
    #[test]
    fn no_row_overtakes_the_one_before_it() {
        let replay = chain_of_rows();
        assert_eq!(replay.file().opening_total(), 1);
        let mut genesis = replay.genesis().expect("a ledger");
        genesis.validators.validators.push(Validator {
            key: Signer::from_seed(&[1; 32]).public_key(),
            weight: 1,
        });
        let (mut ledger, _) = from_genesis(&genesis).expect("a sound document");

        let mut plans = replay.plans(genesis.chain_id(), 128, 1e6);
        let bodies = plans.remove(0).batches;
        let mut wires: Vec<Vec<u8>> = bodies
            .flat_map(|batch| {
                let request: BatchRequest = borsh::from_slice(&batch.body).expect("a request");
                request.transactions
            })
            .collect();
        assert_eq!((wires.len(), plans.len()), (ROWS, 0));
        wires.reverse();
        let mut done = 0;
        for height in 1..=ROWS as u64 {
            let parsed = wires.iter().map(|wire| {
                let envelope = Envelope::parse(wire).expect("a transaction");
                (envelope.id(), envelope)
            });
            let txs: Vec<_> = parsed.collect();
            let block = BlockInfo {
                height,
                time: Millis(genesis.time.0 + height),
                ..BlockInfo::default()
            };
            let outcome = ledger.execute_block(block, &txs);
            let codes: Vec<Code> = outcome
                .receipts
                .views()
                .map(|receipt| receipt.code)
                .collect();
            assert_eq!(codes, [Code::OK], "one row a block: {height}");
            done += 1;
            wires.pop();
        }
        assert_eq!((done, wires.len()), (ROWS, 0));
    }
}
