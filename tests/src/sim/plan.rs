//! What to run: a seed, and what is said beside it; and the surroundings that the seed draws.

use std::collections::BTreeSet;
use std::sync::Arc;

use bds_contracts::block::{Validator, ValidatorIndex, ValidatorSet};
use bds_contracts::tx::ChainId;
use bds_core::config::Config;

use super::byzantine::Lie;
use super::faults::{Decision, Fault};
use super::random::{Draws, Key};
use super::scheme::key;
use super::variant::Variant;

/// The ledger of every run.
pub const CHAIN: ChainId = ChainId([7; 32]);

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything that is not said here.
    pub seed: u64,
    /// Validators.
    pub nodes: usize,
    /// Fault kinds; `None` lets the seed draw them.
    pub faults: Option<Vec<Fault>>,
    /// Events in the phase with faults, at most.
    pub steps: u64,
    /// Validators that lie, any number.
    pub byzantine: usize,
    /// How they lie; `None` lets the seed draw it.
    pub lies: Option<Vec<Lie>>,
    /// The rule broken on purpose.
    pub variant: Variant,
    /// Do not count the weight of certificates, so that a wrong quorum has to break agreement to be seen.
    pub trust_certificates: bool,
    /// Which state machine.
    pub machine: MachineKind,
    /// Nothing but these decisions may strike.
    pub only: Option<Arc<BTreeSet<Decision>>>,
}

/// Which state machine is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MachineKind {
    /// The seed draws it: the real contracts in one of sixteen runs.
    Drawn,
    /// The stand-in.
    #[default]
    Mock,
    /// The node's own execution of the real contracts.
    Contracts,
}

impl Plan {
    /// This seed, with everything drawn and nobody lying.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            nodes: nodes_of(seed),
            faults: None,
            steps: 1_000_000,
            byzantine: 0,
            lies: None,
            variant: Variant::Correct,
            trust_certificates: false,
            machine: MachineKind::Mock,
            only: None,
        }
    }
}

/// Four validators on most seeds, seven on every fifth, ten on every twentieth.
#[must_use]
pub fn nodes_of(seed: u64) -> usize {
    match seed % 20 {
        19 => 10,
        4 | 9 | 14 => 7,
        _ => 4,
    }
}

/// What the seed draws of the surroundings. Times in microseconds.
#[derive(Debug, Clone)]
pub struct Climate {
    /// Members, and which of them lie, and which may forget what they signed.
    pub set: ValidatorSet,
    /// Lying from the start.
    pub liars: BTreeSet<ValidatorIndex>,
    /// May lose their disks.
    pub may_forget: BTreeSet<ValidatorIndex>,
    /// One way between two validators.
    pub latency_us: (u64, u64),
    /// A write and its sync.
    pub sync_us: (u64, u64),
    /// Between two bursts of a client.
    pub client_pause_us: (u64, u64),
    /// Transactions of a burst, at most.
    pub burst_max: u64,
    /// How long faults strike.
    pub storm_us: u64,
    /// Slots in one answer to a validator that lags.
    pub fetch_slots_max: usize,
    /// Slots between two turns of the primary.
    pub rotation_slots: u64,
    /// Blocks between two snapshots; 0 for never.
    pub snapshot_every: u64,
    /// The real contracts are executed.
    pub contracts: bool,
}

/// Purpose of these draws; see [`Draws::at`].
const PURPOSE_CLIMATE: u64 = 2;

impl Climate {
    /// The surroundings of a plan.
    ///
    /// # Panics
    /// When the plan has more validators than indexes.
    #[must_use]
    pub fn draw(plan: &Plan, draws: Draws) -> Self {
        let n = plan.nodes;
        let mut random = draws.at(PURPOSE_CLIMATE, Key(0, 0, 0));
        let index = |i: usize| ValidatorIndex::try_from(i).expect("few validators");
        // One run in four has members of different weight. A faulty member must stay below a third.
        let weighted = random.chance(250) && plan.byzantine == 0;
        let validators = (0..n)
            .map(|i| Validator {
                key: key(index(i)),
                weight: if weighted { random.between(1, 3) } else { 1 },
            })
            .collect();
        let set = ValidatorSet {
            epoch: 0,
            validators,
        };
        // The first primary is the most useful liar.
        let first = if random.chance(500) {
            0
        } else {
            random.index(n)
        };
        let mut order = (0..n).map(|step| index((first + step) % n));
        let liars: BTreeSet<_> = order.by_ref().take(plan.byzantine).collect();
        let mut room = set
            .weight_faulty_max()
            .saturating_sub(set.weight_of(liars.iter().copied()));
        let may_forget = order
            .filter(|who| {
                let fits = set.weight(*who) <= room;
                if fits {
                    room -= set.weight(*who);
                }
                fits
            })
            .collect();
        let latency_us =
            random.pick(&[(200, 800), (500, 3_000), (2_000, 12_000), (10_000, 40_000)]);
        let client_pause_us = random.pick(&[
            (20_000, 120_000),
            (50_000, 400_000),
            (200_000, 1_000_000),
            (500_000, 3_000_000),
        ]);
        Self {
            set,
            liars,
            may_forget,
            latency_us,
            sync_us: random.pick(&[(50, 200), (100, 400), (500, 4_000)]),
            client_pause_us,
            burst_max: random.pick(&[1, 4, 16]),
            storm_us: 1_000_000 * random.between(4, 12),
            fetch_slots_max: random.pick(&[4, 8, 16]),
            rotation_slots: random.pick(&[8, 32, 1_024]),
            snapshot_every: random.pick(&[4, 8, 20]),
            contracts: match plan.machine {
                MachineKind::Drawn => plan.seed % 16 == 5,
                MachineKind::Mock => false,
                MachineKind::Contracts => true,
            },
        }
    }

    /// Surroundings in which nothing is drawn but delays: members of the same weight, quick disks, clients that always send.
    ///
    /// - `latency_us`: of a frame, at least and at most.
    /// - `length_us`: how long clients send.
    #[must_use]
    pub fn calm(plan: &Plan, latency_us: (u64, u64), length_us: u64) -> Self {
        let index = |i: usize| ValidatorIndex::try_from(i).expect("few validators");
        let members = (0..plan.nodes).map(|i| Validator {
            key: key(index(i)),
            weight: 1,
        });
        Self {
            set: ValidatorSet {
                epoch: 0,
                validators: members.collect(),
            },
            liars: BTreeSet::new(),
            may_forget: BTreeSet::new(),
            latency_us,
            sync_us: (100, 400),
            client_pause_us: (5_000, 15_000),
            burst_max: 4,
            storm_us: length_us,
            fetch_slots_max: 16,
            rotation_slots: 1_024,
            snapshot_every: 20,
            contracts: false,
        }
    }

    /// Settings of one validator: bounds so small that they are reached.
    #[must_use]
    pub fn config(&self, plan: &Plan, me: ValidatorIndex, chain: ChainId) -> Config {
        let mut config = Config::new(chain, self.set.clone(), me);
        config.batch_bytes_max = 4_096;
        config.batch_transactions_max = 64;
        config.mempool_bytes_max = 16 * 1_024;
        config.payload_cache_bytes_max = 8 * 1_024;
        config.window = 64;
        config.fetch_slots_max = self.fetch_slots_max;
        config.rotation_slots = self.rotation_slots;
        config.broken = plan.variant.broken();
        config
    }
}
