//! One simulated validator: the production core on the production store, its state machine, and what waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bds_contracts::block::{BatchDigest, Height, ValidatorIndex};
use bds_contracts::tx::Millis;
use bds_core::batch::Batch;
use bds_core::config::Config;
use bds_core::core::Core;
use bds_core::lanes::LaneTip;
use bds_core::recovery::{ExecutedBase, Recovered};
use bds_core::turn::{Disk, Effect, Input, Now, Record};
use bds_node::network::Class;
use bds_node::store::{Reader, SNAPSHOTS_DIR, Snapshots, Store, StoreError, StoreOptions, TornEnd};

use super::checker::Place;
use super::faults::Fault;
use super::machine::{Machine, TxName};
use super::medium::{Image, SimMedium};
use super::scheme::MockScheme;
use super::variant::Variant;

/// Where a validator's files are on its own disk.
pub const HOME: &str = "/bds";
/// Messages that wait for the core by class, as many as the node's channels hold.
const INBOX_MAX: [usize; Class::ALL.len()] = [4096, 1024, 256];

/// What a process has while it runs.
pub struct Process {
    /// The machine.
    pub core: Core,
    store: Store,
    /// What the store has, for serving.
    pub reader: Reader,
    snapshots: Snapshots,
}

/// A validator, alive or not.
pub struct SimNode {
    /// Its settings, the same after every restart.
    pub config: Config,
    /// `None` while it is down.
    pub process: Option<Process>,
    /// Survives a crash, except for what was not synced.
    pub medium: SimMedium,
    /// A disk of some time ago.
    pub image: Option<Image>,
    /// Counts starts: what was under way for an earlier process is void.
    pub incarnation: u64,
    /// What it executes.
    pub machine: Box<dyn Machine>,
    /// Transactions executed by this process or in the state it began with, and where.
    pub places: BTreeMap<TxName, Place>,
    answers: VecDeque<Input>,
    peers: [VecDeque<Input>; Class::ALL.len()],
    /// Effects of the turn whose sync is under way.
    pub held_back: Option<Vec<Effect>>,
    /// When the core asked to be called next, by its clock.
    pub wake: Option<Millis>,
    /// When it will be, in microseconds.
    pub wake_scheduled: Option<u64>,
    /// Stands still until then, in microseconds.
    pub paused_until: u64,
    /// The last block handed to execution is done then, in microseconds.
    pub executing_until: u64,
    /// Its clock.
    pub clock: Clock,
    /// It stays down until this block is committed somewhere.
    pub away_until: Option<Height>,
    /// Its disk is damaged or gone: it will start from nothing.
    pub lost_disk: bool,
    /// Signatures that its processes have checked.
    pub checked: Arc<AtomicU64>,
    /// Places in the state it began with are unknown to the simulator: no index beside the snapshot.
    pub began_at: Height,
}

/// A clock that may be wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// By this many milliseconds.
    pub offset: i64,
    /// It stands still: since when and until when, in microseconds.
    pub stopped: Option<(u64, u64)>,
}

impl Clock {
    /// The timer, which nothing can set.
    #[must_use]
    pub fn timer(micros: u64) -> Millis {
        Millis(1_000_000 + micros / 1_000)
    }

    /// Both times as the shell reads them.
    #[must_use]
    pub fn shown(&self, micros: u64, variant: Variant) -> Now {
        let now = self.now(micros);
        match variant {
            Variant::TimersOnWallClock => Now::from(now.wall),
            _ => now,
        }
    }

    /// Both times.
    #[must_use]
    pub fn now(&self, micros: u64) -> Now {
        let shown = match self.stopped {
            Some((since, until)) if micros < until => since,
            _ => micros,
        };
        // Well after the epoch, so that a clock that is slow does not go below zero.
        let wall = 1_000_000_000 + shown / 1_000;
        Now {
            timer: Self::timer(micros),
            wall: Millis(wall.saturating_add_signed(self.offset)),
        }
    }
}

/// Writes a turn and remembers what it wrote, for the checkers.
pub struct Recording<'a> {
    store: &'a mut Store,
    /// A sync is left for later: for the variant that votes before it is durable.
    lazy: bool,
    /// What is broken.
    variant: Variant,
    me: ValidatorIndex,
    /// In order.
    pub records: Vec<Record>,
}

impl Disk for Recording<'_> {
    type Error = StoreError;

    fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        self.records.push(record.clone());
        let skipped = match record {
            Record::PrePrepared { .. } | Record::Prepared(_) | Record::Committing(_) => {
                Variant::PromiseNotWritten
            }
            Record::Batch(batch) if batch.header.lane == self.me => Variant::OwnBatchNotWritten,
            _ => Variant::Correct,
        };
        if skipped == self.variant && skipped != Variant::Correct {
            return Ok(());
        }
        self.store.append(record)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        if self.lazy {
            return Ok(());
        }
        match self.store.sync() {
            // The second try succeeds and means nothing.
            Err(StoreError::SyncFailed { .. }) if self.variant == Variant::SyncRetried => Ok(()),
            other => other,
        }
    }
}

impl SimNode {
    /// A validator with an empty disk, not started.
    #[must_use]
    pub fn new(config: Config, machine: Box<dyn Machine>) -> Self {
        Self {
            config,
            process: None,
            medium: SimMedium::default(),
            image: None,
            incarnation: 0,
            machine,
            places: BTreeMap::new(),
            answers: VecDeque::new(),
            peers: Default::default(),
            held_back: None,
            wake: None,
            wake_scheduled: None,
            paused_until: 0,
            executing_until: 0,
            clock: Clock::default(),
            away_until: None,
            lost_disk: false,
            checked: Arc::default(),
            began_at: 0,
        }
    }

    /// Its index in the set.
    #[must_use]
    pub fn index(&self) -> ValidatorIndex {
        self.config.me
    }

    /// The machine, while it runs.
    #[must_use]
    pub fn core(&self) -> Option<&Core> {
        self.process.as_ref().map(|process| &process.core)
    }

    /// Starts the process from what is on disk, as the node does; `machine` is at genesis. True when a snapshot was used.
    ///
    /// # Errors
    /// Whatever the store finds.
    ///
    /// # Panics
    /// When the ledger log does not read back after the store has opened it.
    pub fn start(
        &mut self,
        micros: u64,
        mut machine: Box<dyn Machine>,
        variant: Variant,
    ) -> Result<(bool, Vec<TornEnd>), StoreError> {
        self.incarnation += 1;
        let home = Path::new(HOME);
        let medium = Arc::new(self.medium.clone());
        let options = StoreOptions {
            durable: true,
            segment_bytes: 64 * 1024,
            votes_bytes_max: 16 * 1024,
            medium: medium.clone(),
            archive: false,
            set_votes_aside: false,
            check_all: true,
        };
        let opened = Store::open(home, self.config.chain, options)?;
        let snapshots = Snapshots::open(medium, &home.join(SNAPSHOTS_DIR))?;
        let (snapshot, _damaged) = snapshots.latest(opened.reader.committed_height())?;
        let from_snapshot = snapshot.is_some_and(|snapshot| machine.restore(snapshot));
        self.began_at = machine.header().height;
        let mut recovered = Recovered::new(&self.config);
        recovered.executed_base(ExecutedBase {
            header: machine.header().clone(),
            tips: tips_of(machine.as_ref()),
        });
        let mut ledger = Vec::new();
        for record in opened.reader.records(None) {
            ledger.push(record?.1);
        }
        if variant == Variant::LastRecordSkipped {
            ledger.pop();
        }
        let mut votes = opened.votes;
        if variant == Variant::VotesReversed {
            votes.reverse();
        }
        for record in ledger.iter().chain(&votes) {
            recovered.replay(record);
        }
        self.machine = machine;
        self.places.clear();
        let core = Core::new(
            self.config.clone(),
            Box::new(MockScheme::new(self.config.me).counting(&self.checked)),
            recovered,
            self.clock.shown(micros, variant).timer,
        );
        self.process = Some(Process {
            core,
            store: opened.store,
            reader: opened.reader,
            snapshots,
        });
        Ok((from_snapshot, opened.torn))
    }

    /// The process is gone, with everything in memory.
    pub fn stop(&mut self) {
        self.process = None;
        self.answers.clear();
        self.peers = Default::default();
        self.held_back = None;
        self.wake = None;
        self.wake_scheduled = None;
        self.paused_until = 0;
        self.incarnation += 1;
    }

    /// Queues what came of an effect, of a client or of time.
    pub fn answer(&mut self, input: Input) {
        self.answers.push_back(input);
    }

    /// Queues what a peer said; false while the channel of its class is full.
    pub fn hear(&mut self, class: Class, input: Input) -> bool {
        let room = self.peers[class.index()].len() < INBOX_MAX[class.index()];
        if room {
            self.peers[class.index()].push_back(input);
        }
        room
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.answers.is_empty() && self.peers.iter().all(VecDeque::is_empty)
    }

    /// What the next turn takes: answers, then votes before lanes before sync.
    pub fn take_inputs(&mut self, at_most: usize) -> Vec<Input> {
        let mut taken = Vec::new();
        for queue in std::iter::once(&mut self.answers).chain(&mut self.peers) {
            let count = queue.len().min(at_most - taken.len());
            taken.extend(queue.drain(..count));
        }
        taken
    }

    /// The process's store as the place a turn is written to.
    pub fn recording(&mut self, variant: Variant) -> Option<Recording<'_>> {
        let me = self.config.me;
        let process = self.process.as_mut()?;
        Some(Recording {
            store: &mut process.store,
            lazy: variant == Variant::VoteBeforeDurable,
            variant,
            me,
            records: Vec::new(),
        })
    }

    /// The sync that a lazy turn left for later.
    ///
    /// # Errors
    /// The disk's.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        match &mut self.process {
            Some(process) => process.store.sync(),
            None => Ok(()),
        }
    }

    /// Writes a snapshot of the state as it is now.
    ///
    /// # Errors
    /// The disk's.
    pub fn take_snapshot(&mut self, variant: Variant) -> Result<(), StoreError> {
        let Some(process) = &self.process else {
            return Ok(());
        };
        let mut snapshot = self.machine.snapshot();
        match variant {
            Variant::SnapshotOldTips => {
                if let Some(tip) = snapshot.lane_tips.iter_mut().find(|tip| tip.0 > 1) {
                    tip.0 -= 1;
                }
            }
            Variant::SnapshotWrongState => {
                if let Some(first) = snapshot.state.first_mut() {
                    *first ^= 1;
                }
            }
            _ => {}
        }
        process
            .snapshots
            .save(&snapshot.header, &snapshot.lane_tips, &snapshot.state)
    }

    /// Batches that the store has and that read back.
    #[must_use]
    pub fn batches(&self, digests: &[BatchDigest]) -> Vec<Batch> {
        let Some(process) = &self.process else {
            return Vec::new();
        };
        let found = digests.iter().map(|digest| process.reader.batch(digest));
        found.filter_map(|batch| batch.ok().flatten()).collect()
    }

    /// Whether the mempool will have room for a transaction when it has taken what waits for the core.
    #[must_use]
    pub fn has_room_for(&self, bytes: usize) -> bool {
        let waiting: usize = self.answers.iter().map(submitted_bytes).sum();
        self.core()
            .is_some_and(|core| core.mempool_free_bytes() > waiting + bytes + 4)
    }

    /// The disk is what it was when its image was taken.
    pub fn roll_back(&mut self) {
        if let Some(image) = self.image.take() {
            self.medium.restore(&image);
            // Old, and whole: the image of a damaged disk is never taken.
            self.lost_disk = false;
        }
    }

    /// Something is wrong with the disk: nothing of it can be used.
    pub fn empty_disk(&mut self) {
        self.medium.wipe();
        self.image = None;
        self.lost_disk = false;
    }

    /// Which of these a failed call was.
    #[must_use]
    pub fn disk_faults(&self) -> Vec<Fault> {
        self.medium.struck()
    }
}

fn submitted_bytes(input: &Input) -> usize {
    match input {
        Input::Submit(transactions) => transactions.iter().map(|tx| tx.transaction.len() + 4).sum(),
        _ => 0,
    }
}

fn tips_of(machine: &dyn Machine) -> Vec<LaneTip> {
    let tips = machine.tips().iter();
    tips.map(|&(position, digest)| LaneTip { position, digest })
        .collect()
}
