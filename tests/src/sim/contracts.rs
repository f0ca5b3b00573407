//! The real contracts as the state machine: the node's own execution and its own check of batches, real hashes and real
//! client signatures included.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bds_client::Signer;
use bds_contracts::block::{
    BatchDigest, BlockHeader, Height, MerkleRoot, ValidatorIndex, ValidatorSet,
};
use bds_contracts::genesis::{Genesis, Mode};
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::tx::{ChainId, Millis, TxId};
use bds_core::batch::{Batch, Payload, Position};
use bds_core::turn::Verdict;
use bds_node::engine::Engine;
use bds_node::execution::{Execution, transactions_root};
use bds_node::runtime::verification::check_batches;
use bds_node::store::Snapshot;
use bds_node::workload::{Carbon, Config};

use super::machine::{Applied, Machine, Rules, TxName};
use super::scheme::mix;

/// Keys, and so transactions, of one run: every transaction has a sender of its own, so that none waits for another.
pub const TRANSACTIONS_MAX: usize = 256;

struct Shared {
    genesis: Genesis,
    engine: Arc<Engine>,
    names: Mutex<BTreeMap<TxId, TxName>>,
}

/// A ledger with real accounts.
pub struct ContractRules {
    shared: Arc<Shared>,
    next: usize,
}

/// Derived once: keys cost more than a run.
fn carbon() -> &'static Carbon {
    static CARBON: OnceLock<Carbon> = OnceLock::new();
    CARBON.get_or_init(|| {
        Carbon::new(Config {
            keys: TRANSACTIONS_MAX,
            clients: TRANSACTIONS_MAX,
            // As simulated clocks begin.
            day: Millis(0),
            ..Config::default()
        })
    })
}

fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let make = || Arc::new(Engine::new("portable", 1).expect("every machine has it"));
    Arc::clone(ENGINE.get_or_init(make))
}

impl ContractRules {
    /// For this set.
    #[must_use]
    pub fn new(set: &ValidatorSet) -> Self {
        let mut genesis = carbon().genesis();
        // Like the simulated clocks, so that blocks have times of their own.
        genesis.time = Millis(0);
        genesis.checkpoint_interval = 16;
        // Members sign with a stand-in and have stand-ins for keys, which no document may name: others with the same weights stand there.
        genesis.validators = set.clone();
        for (seed, validator) in (1..).zip(&mut genesis.validators.validators) {
            validator.key = Signer::from_seed(&[seed; 32]).public_key();
        }
        Self {
            shared: Arc::new(Shared {
                genesis,
                engine: engine(),
                names: Mutex::default(),
            }),
            next: 0,
        }
    }
}

impl Rules for ContractRules {
    fn chain(&self) -> ChainId {
        self.shared.genesis.chain_id()
    }

    fn genesis(&self, _of: ValidatorIndex) -> Box<dyn Machine> {
        let engine = Arc::clone(&self.shared.engine);
        let execution = Execution::from_genesis(&self.shared.genesis, engine)
            .expect("the workload's genesis is sound");
        Box::new(ContractMachine {
            shared: Arc::clone(&self.shared),
            execution,
        })
    }

    fn transaction(&mut self, name: TxName, _length: usize) -> Option<Vec<u8>> {
        if self.next == TRANSACTIONS_MAX {
            return None;
        }
        let wire = carbon().stream(self.chain(), self.next).next_signed();
        self.next += 1;
        let id = Envelope::parse(&wire).ok()?.id();
        let names = &self.shared.names;
        names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, name);
        Some(wire)
    }
}

struct ContractMachine {
    shared: Arc<Shared>,
    execution: Execution,
}

impl Machine for ContractMachine {
    fn apply(&mut self, height: Height, time: Millis, batches: &[Batch]) -> Applied {
        let done = self.execution.apply(height, time, batches);
        let names = self.shared.names.lock();
        let names = names.unwrap_or_else(PoisonError::into_inner);
        // What the ledger does by itself has no name; the header's root stands for it.
        let receipts = done.receipts.iter().filter_map(|bytes| {
            let id = ReceiptView::parse(bytes).ok()?.tx()?;
            // One that nobody submitted has no name; the checker will say so.
            let name = names.get(&id).copied().unwrap_or(TxName::MAX);
            Some((name, mix(0, bytes)))
        });
        Applied {
            receipts: receipts.collect(),
            header: done.header,
        }
    }

    fn header(&self) -> &BlockHeader {
        &self.execution.place().header
    }

    fn tips(&self) -> &[(Position, BatchDigest)] {
        &self.execution.place().tips
    }

    fn snapshot(&self) -> Snapshot {
        self.execution.snapshot()
    }

    fn restore(&mut self, snapshot: Snapshot) -> bool {
        let engine = Arc::clone(&self.shared.engine);
        match Execution::restore(&self.shared.genesis, engine, &snapshot) {
            Ok(execution) => {
                self.execution = execution;
                true
            }
            Err(_) => false,
        }
    }

    fn root(&self, payload: &Payload) -> MerkleRoot {
        let transactions = payload.transactions().unwrap_or_default();
        transactions_root(&self.shared.engine, Mode::Verified, &transactions)
    }

    fn verdict(&self, batch: &Batch) -> Verdict {
        let batches = std::slice::from_ref(batch);
        check_batches(&self.shared.engine, Mode::Verified, batches)[0]
    }
}
