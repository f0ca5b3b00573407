//! One simulated validator: the core, its disk, its store's index and its execution.

use std::collections::{BTreeMap, VecDeque};

use bds_contracts::block::{BatchDigest, CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::tx::Millis;
use bds_core::batch::{Batch, Position};
use bds_core::config::Config;
use bds_core::core::Core;
use bds_core::lanes::LaneTip;
use bds_core::message::{CommittedSlot, Message};
use bds_core::recovery::{ExecutedBase, Recovered};
use bds_core::turn::{Effect, Input, Record};

use super::disk::SimDisk;
use super::execution::MockState;
use super::scheme::MockScheme;

/// State at some height, as a snapshot on disk would hold it.
#[derive(Clone)]
pub struct Snapshot {
    state: MockState,
    tips: Vec<LaneTip>,
}

/// What the store can find; rebuilt from the disk at every start.
#[derive(Default)]
pub struct Store {
    batches: BTreeMap<BatchDigest, Batch>,
    slots: BTreeMap<Height, CommittedSlot>,
    certified: BTreeMap<Height, CertifiedHeader>,
}

impl Store {
    /// Indexes a record.
    pub fn index(&mut self, record: &Record) {
        match record {
            Record::Batch(batch) => {
                self.batches.insert(batch.header.digest(), batch.clone());
            }
            Record::Committed(slot) => {
                self.slots.insert(slot.proposal.slot, slot.clone());
            }
            Record::Certified(certified) => {
                self.certified
                    .insert(certified.header.height, certified.clone());
            }
            _ => {}
        }
    }

    /// Those of them that are there.
    #[must_use]
    pub fn batches(&self, digests: &[BatchDigest]) -> Vec<Batch> {
        digests
            .iter()
            .filter_map(|digest| self.batches.get(digest).cloned())
            .collect()
    }

    /// Slots from here on, at most `count`.
    #[must_use]
    pub fn slots(&self, from: Height, count: usize) -> Message {
        let slots = self.slots.range(from..).take(count);
        Message::Slots(slots.map(|(_, slot)| slot.clone()).collect())
    }

    /// Certified headers from here on, at most `count`.
    #[must_use]
    pub fn certified(&self, from: Height, count: usize) -> Message {
        let headers = self.certified.range(from..).take(count);
        Message::Headers(headers.map(|(_, header)| header.clone()).collect())
    }
}

/// A validator, alive or not.
pub struct SimNode {
    /// Its settings, the same after every restart.
    pub config: Config,
    /// The machine; `None` while the process is down.
    pub core: Option<Core>,
    /// Survives a crash, except for what was not synced.
    pub disk: SimDisk,
    /// Rebuilt at every start.
    pub store: Store,
    /// Rebuilt at every start.
    pub state: MockState,
    /// Last snapshot of the state; survives a crash.
    pub snapshot: Option<Snapshot>,
    /// Counts starts: what was under way for an earlier process is void.
    pub incarnation: u64,
    /// Waiting for the next turn.
    pub inbox: VecDeque<Input>,
    /// Effects of the turn whose sync is under way.
    pub held_back: Option<Vec<Effect>>,
    /// Stands still until then, in microseconds.
    pub paused_until: u64,
    /// The last block handed to execution is done then, in microseconds.
    pub executing_until: u64,
    /// Wrong by this many milliseconds.
    pub clock_offset: i64,
    /// Lane places executed by this process, for the checker.
    pub executed_tips: Vec<(Position, BatchDigest)>,
}

impl SimNode {
    /// A validator with an empty disk, not started.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            core: None,
            disk: SimDisk::default(),
            store: Store::default(),
            state: MockState::default(),
            snapshot: None,
            incarnation: 0,
            inbox: VecDeque::new(),
            held_back: None,
            paused_until: 0,
            executing_until: 0,
            clock_offset: 0,
            executed_tips: Vec::new(),
        }
    }

    /// Its index in the set.
    #[must_use]
    pub fn index(&self) -> ValidatorIndex {
        self.config.me
    }

    /// The time its clock shows.
    #[must_use]
    pub fn clock(&self, micros: u64) -> Millis {
        // Well after the epoch, so that a clock that is slow does not go below zero.
        let true_time = 1_000_000 + micros / 1_000;
        Millis(true_time.saturating_add_signed(self.clock_offset))
    }

    /// Starts the process from what is on disk; with `use_snapshot` the state begins there. True when it did.
    pub fn start(&mut self, micros: u64, use_snapshot: bool) -> bool {
        self.incarnation += 1;
        let mut recovered = Recovered::new(&self.config);
        let snapshot = self.snapshot.clone().filter(|_| use_snapshot);
        let from_snapshot = snapshot.is_some();
        let lanes = self.config.validators();
        self.executed_tips = vec![(0, BatchDigest::default()); lanes];
        self.state = MockState::default();
        if let Some(Snapshot { state, tips }) = snapshot {
            self.executed_tips = tips.iter().map(|t| (t.position, t.digest)).collect();
            recovered.executed_base(ExecutedBase {
                header: state.header.clone().expect("taken after a block"),
                tips,
            });
            self.state = state;
        }
        self.store = Store::default();
        for record in self.disk.replay() {
            self.store.index(&record);
            recovered.replay(&record);
        }
        self.core = Some(Core::new(
            self.config.clone(),
            Box::new(MockScheme::new(self.config.me)),
            recovered,
            self.clock(micros),
        ));
        from_snapshot
    }

    /// The process is gone, with everything in memory.
    pub fn stop(&mut self) {
        self.core = None;
        self.inbox.clear();
        self.held_back = None;
        self.paused_until = 0;
        self.incarnation += 1;
    }

    /// Keeps the state as it is now, together with what the core says is ordered in it.
    pub fn take_snapshot(&mut self) {
        let Some(core) = &self.core else { return };
        if self.state.header.as_ref().map_or(0, |h| h.height) == core.executed() {
            self.snapshot = Some(Snapshot {
                state: self.state.clone(),
                tips: core.executed_tips().to_vec(),
            });
        }
    }
}
