//! Every bound and every timeout of the core, with its default and what happens when it is reached.

use bds_contracts::block::{ValidatorIndex, ValidatorSet};
use bds_contracts::tx::ChainId;

const STATUS_MS_MIN: u64 = 200;
const STATUS_MS_PER_VALIDATOR: u64 = 20;

/// What a core needs to know before it starts. Sizes in bytes, times in milliseconds.
#[derive(Debug, Clone)]
pub struct Config {
    /// The ledger.
    pub chain: ChainId,
    /// Who votes.
    pub set: ValidatorSet,
    /// Which of them this is.
    pub me: ValidatorIndex,
    /// Longest packed payload of a batch; a longer one from a peer is refused. The same on every validator.
    pub batch_bytes_max: usize,
    /// Most transactions in a batch; a larger one from a peer is refused. The same on every validator.
    pub batch_transactions_max: usize,
    /// A batch that is not full is sealed when its first transaction has waited this long.
    pub batch_delay_ms: u64,
    /// The same while an earlier own batch is not certified yet.
    pub batch_delay_busy_ms: u64,
    /// Transactions waiting for a batch; over it the newest are refused.
    pub mempool_bytes_max: usize,
    /// No more transactions are asked for than are executed within so long; to be longer than a transaction takes through an idle network,
    /// or a busy one is not used to the full.
    pub queue_ms: u64,
    /// Own batches sealed and not yet certified; at the bound, transactions wait in the mempool.
    pub lane_window: u64,
    /// Batches of one lane above its last ordered one; a position further ahead is ignored, and the own lane
    /// stops sealing at half of it.
    pub lane_ahead_max: u64,
    /// Batches of one author that may fail their check before nothing more is taken from it until the next start.
    pub bad_batches_max: u32,
    /// Payloads kept in memory for execution and for peers; the oldest leave first and are read back from
    /// the store when needed.
    pub payload_cache_bytes_max: usize,
    /// Slots proposed and not yet committed.
    pub slots_in_flight: u64,
    /// A primary waits this long between two proposals.
    pub slot_interval_min_ms: u64,
    /// L: slots above the newest certified header for which messages are kept; others are ignored.
    pub window: u64,
    /// Slots handed to execution and not yet answered.
    pub executions_in_flight: u64,
    /// Work that does not progress for this long, and four times what voting took lately, makes a validator leave the
    /// view.
    pub view_timeout_base_ms: u64,
    /// The timeout doubles with every view that commits nothing, up to this.
    pub view_timeout_max_ms: u64,
    /// How often a validator says what it has; also how often it repeats what others seem to miss. Longer in a large set: all
    /// say it to all, and then each hears about as many a second in a set of 100 as in one of ten.
    pub status_interval_ms: u64,
    /// A request for batches or slots is repeated to the next peer after this long.
    pub fetch_retry_ms: u64,
    /// Batches asked for in one message and served for one message.
    pub fetch_batches_max: usize,
    /// Committed slots taken from one answer; more are ignored.
    pub fetch_slots_max: usize,
    /// A validator that is further behind than this asks for a state instead of executing what it missed.
    pub replay_blocks_max: u64,
    /// It asks no earlier than so long after its start.
    pub replay_ms: u64,
    /// Slots after which the next validator is primary, in the same view: nobody orders for longer, and a primary that does
    /// its work is not given up for that.
    pub rotation_slots: u64,
    /// A proposal whose time is further ahead of the own clock gets no vote.
    pub clock_ahead_max_ms: u64,
    /// A proposal whose time is further behind the own clock gets no vote; doubles with every view that commits nothing, so
    /// that clocks that disagree delay the ledger and never stop it.
    pub clock_behind_max_ms: u64,
    /// Which rule is broken on purpose, for tests of the simulator.
    #[cfg(feature = "broken-variants")]
    pub broken: Broken,
}

impl Config {
    /// The defaults for one member of a set.
    ///
    /// # Panics
    /// When `me` is not in the set, or a member weighs nothing: such a node could never take part.
    #[must_use]
    pub fn new(chain: ChainId, set: ValidatorSet, me: ValidatorIndex) -> Self {
        assert!(
            usize::from(me) < set.validators.len(),
            "validator {me} is not among the {}",
            set.validators.len()
        );
        assert!(
            set.validators.iter().all(|v| v.weight > 0),
            "every validator weighs at least 1"
        );
        let validators = u64::try_from(set.validators.len()).unwrap_or(u64::MAX);
        Self {
            chain,
            set,
            me,
            batch_bytes_max: 512 * 1024,
            batch_transactions_max: 8192,
            batch_delay_ms: 10,
            batch_delay_busy_ms: 200,
            mempool_bytes_max: 64 * 1024 * 1024,
            queue_ms: 500,
            lane_window: 8,
            lane_ahead_max: 256,
            bad_batches_max: 3,
            payload_cache_bytes_max: 32 * 1024 * 1024,
            slots_in_flight: 4,
            slot_interval_min_ms: 5,
            window: 256,
            executions_in_flight: 8,
            view_timeout_base_ms: 1_000,
            view_timeout_max_ms: 16_000,
            status_interval_ms: STATUS_MS_MIN.max(STATUS_MS_PER_VALIDATOR * validators),
            fetch_retry_ms: 300,
            fetch_batches_max: 64,
            fetch_slots_max: 256,
            replay_blocks_max: 4_096,
            replay_ms: 0,
            rotation_slots: 1_024,
            clock_ahead_max_ms: 500,
            clock_behind_max_ms: 1_000,
            #[cfg(feature = "broken-variants")]
            broken: Broken::No,
        }
    }

    /// Batches asked for at once: the window of every lane.
    pub(crate) fn wanted_max(&self) -> usize {
        let ahead = usize::try_from(self.lane_ahead_max).unwrap_or(usize::MAX);
        ahead.saturating_mul(self.validators())
    }

    /// Other members of the set.
    pub(crate) fn peers(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        let me = self.me;
        let n = ValidatorIndex::try_from(self.validators()).expect("indexes are 16 bits");
        (0..n).filter(move |index| *index != me)
    }

    /// Number of validators.
    #[must_use]
    pub fn validators(&self) -> usize {
        self.set.validators.len()
    }
}

/// A rule broken on purpose.
#[cfg(feature = "broken-variants")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Broken {
    /// None: the core as it ships.
    #[default]
    No,
    /// A quorum is one vote short: 2f of 3f+1.
    QuorumTwoF,
    /// A vote that arrives twice counts twice.
    VoterCountedTwice,
    /// A view change leaves out what its sender prepared.
    PreparedDropped,
    /// A restart forgets the votes it finds on disk.
    VotesForgotten,
}
