//! What a run showed, as one JSON object and as text for people.

use std::collections::BTreeMap;
use std::time::Duration;

use bds_contracts::receipt::Code;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::machine::Machine;
use super::tally::Outcomes;
use super::window::Window;

/// Name and version of the JSON form. Fields are only ever added within a version.
pub const SCHEMA: &str = "bds-report/2";

/// One measured run. Rates are transactions a second, times what their names say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it started, milliseconds since 1970.
    pub started_ms: u64,
    /// On what, and of which commit.
    pub machine: Machine,
    /// What was run.
    pub setup: Setup,
    /// Goodput: committed, executed with success and answered inside the window, a second. Where the warm-up left a backlog, what
    /// was worked off of it is in it; `window` says how much.
    pub committed_tps: f64,
    /// What the schedule asked for inside the window, a second.
    pub offered_tps: f64,
    /// What was offered and committed in the window and what lay open at its ends: where committed is above offered, by this.
    pub window: Window,
    /// From the intended send time to the answer; good transactions due in the window.
    pub latency_ms: Percentiles,
    /// From the true send time to the answer: what a closed loop would have shown.
    pub service_ms: Percentiles,
    /// The latest that a request due in the window left after its intended time.
    pub lateness_ms_max: f64,
    /// What was due before the window: the cold start, which no figure above has in it.
    pub warmup: Warmup,
    /// The longest time without a good answer, of the whole run.
    pub gap_ms_max: f64,
    /// What became of the transactions of the whole run, warm-up included.
    pub counts: Counts,
    /// Of those due in the window.
    pub counts_window: Counts,
    /// Requests of the whole run that were sent more than once, in part or whole.
    pub retried_batches: u64,
    /// Good answers by second from the start of the load, warm-up included.
    pub good_per_second: Vec<u64>,
    /// Work by stage, all validators together, from the end of the opening until they settled after the load.
    pub stages: BTreeMap<String, Stage>,
    /// CPU time during the load, warm-up included.
    pub cpu: Cpu,
    /// One entry a validator.
    pub validators: Vec<ValidatorReport>,
    /// All validators ended at one height with one root.
    pub state_roots_equal: bool,
    /// View changes of the validator that saw the most, from its start on.
    pub view_changes: u64,
    /// Receipts whose proof was fetched after the run and found good; in opaque mode there are none.
    pub receipts_verified: u64,
    /// Transactions on the chain.
    pub chain_transactions: u64,
    /// Transactions acknowledged as final and not found on the chain: must be 0.
    pub acknowledged_lost: u64,
    /// Units and money add up to what the genesis and the events say; none where there are no units and no money.
    pub conserved: Option<bool>,
    /// How often each thing happened, by module and event: `energy.MeterRead`. Read from the receipts whose proof was found good.
    #[serde(default)]
    pub happened: BTreeMap<String, u64>,
    /// Watt hours that plants were formed of, if any was.
    #[serde(default)]
    pub formed_watt_hours: Option<i64>,
    /// Resident memory of no validator grew by a tenth and 32 MiB in the second half of the run.
    pub memory_flat: bool,
    /// Everything that is wrong, in words. Empty when all is well.
    pub problems: Vec<String>,
    /// Of `problems`, those that no rate excuses: the ledger is wrong, or what was sent to it. The others, such as view changes, also
    /// come of a rate that is more than the network takes.
    #[serde(default)]
    pub unsound: Vec<String>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Setup {
    /// Name of the workload.
    pub workload: String,
    /// Permille of each kind of transaction.
    pub mix: BTreeMap<String, u32>,
    /// Number of validator processes.
    pub validators: usize,
    /// `verified` or `opaque`.
    pub mode: String,
    /// Votes and answers were synced to disk first.
    pub durable: bool,
    /// What limits the meaning of the figures, if anything does.
    pub watermark: Option<String>,
    /// Offered transactions a second.
    pub rate: f64,
    /// Counted seconds.
    pub seconds: f64,
    /// Seconds before them.
    pub warmup_seconds: f64,
    /// Transactions a request.
    pub batch: u32,
    /// Requests that can be in flight at once, all lanes together.
    pub clients: usize,
    /// Sending keys.
    pub keys: usize,
    /// Exponent of the Zipf distribution over keys; 0 is uniform.
    pub key_skew: f64,
    /// Instruments that the carbon mix sends orders for; left out where no orders are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruments: Option<usize>,
    /// Seed of the workload.
    pub seed: u64,
    /// Bytes of an average transaction in the requests.
    pub transaction_bytes: f64,
    /// Signing time before the clock started.
    pub signing_seconds: f64,
    /// Faults made on purpose, in words.
    pub faults: Vec<String>,
}

/// Percentiles of a distribution, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Percentiles {
    /// How many values.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90 of 100 are at most this.
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// The largest.
    pub max: f64,
}

/// What was due before the window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Warmup {
    /// What became of it.
    pub counts: Counts,
    /// From the intended send time to the answer; good ones.
    pub latency_ms: Percentiles,
    /// The latest that a request left after its intended time.
    pub lateness_ms_max: f64,
}

/// Transactions by what became of them. Each is in one class; only the good ones are goodput.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Sent.
    pub sent: u64,
    /// Committed and executed with success.
    pub good: u64,
    /// Committed and executed with another code, by code.
    pub failed: BTreeMap<String, u64>,
    /// Not executed, because another transaction has the nonce.
    pub conflicts: u64,
    /// Not admitted for good, by code.
    pub refused: BTreeMap<String, u64>,
    /// Not admitted within the patience of a request, for reasons that a retry may mend; by the last one.
    pub put_off: BTreeMap<String, u64>,
    /// Not definite within the patience of a request.
    pub timed_out: u64,
}

impl Counts {
    /// With codes as they are written.
    #[must_use]
    pub fn of(outcomes: &Outcomes) -> Self {
        let named = |counts: &BTreeMap<Code, u64>| {
            let counts = counts.iter();
            counts
                .map(|(code, count)| (code.to_string(), *count))
                .collect()
        };
        Self {
            sent: outcomes.sent,
            good: outcomes.good,
            failed: named(&outcomes.failed),
            conflicts: outcomes.conflicts,
            refused: named(&outcomes.refused),
            put_off: named(&outcomes.put_off),
            timed_out: outcomes.timed_out,
        }
    }
}

/// Work of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Stage {
    /// Seconds of one core.
    pub seconds: f64,
    /// Part of all stages together.
    pub share: f64,
}

/// Where CPU time went, warm-up included.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Cpu {
    /// All validator processes.
    pub validators_seconds: f64,
    /// The load generator.
    pub generator_seconds: f64,
    /// Wall time of the load.
    pub wall_seconds: f64,
    /// All of the above as part of the machine's cores.
    pub busy_share: f64,
    /// CPU time of all validators and the generator for each good transaction.
    pub micros_per_transaction: f64,
    /// Of all validators together.
    pub validators_micros_per_transaction: f64,
    /// Of the generator, which signs beforehand: it sends, waits and counts.
    pub generator_micros_per_transaction: f64,
    /// Goodput of the window for each core of the machine, busy or not.
    pub tps_per_core: f64,
    /// Goodput of the window for each validator; every one of them executes all of it.
    pub tps_per_node: f64,
}

/// One validator.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ValidatorReport {
    /// Its place in the set.
    pub index: usize,
    /// Engine backend.
    pub backend: String,
    /// View at the end.
    pub view: u64,
    /// Views changed.
    pub view_changes: u64,
    /// Last certified block.
    pub height: u64,
    /// Transactions executed.
    pub transactions: u64,
    /// State root in hex, at `state_height`.
    pub state_root: String,
    /// Height of that root.
    pub state_height: u64,
    /// CPU seconds during the load.
    pub cpu_seconds: f64,
    /// Resident memory when the load began, in bytes.
    pub memory_first: u64,
    /// In the middle.
    pub memory_middle: u64,
    /// When it ended.
    pub memory_last: u64,
    /// The most.
    pub memory_max: u64,
}

impl Percentiles {
    /// From a histogram of microseconds.
    #[must_use]
    pub fn of_micros(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "below 2^52 microseconds")]
        let ms = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile: f64| ms(histogram.value_at_quantile(quantile));
        Self {
            count: histogram.len(),
            mean: histogram.mean() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: ms(histogram.max()),
        }
    }
}

impl Report {
    /// Nothing is wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// The ledger is right, and so is what was sent to it, whether or not the network kept up.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.unsound.is_empty()
    }

    /// Adds what no rate excuses.
    pub fn add_unsound(&mut self, problems: Vec<String>) {
        self.problems.extend(problems.iter().cloned());
        self.unsound.extend(problems);
    }
}

/// Milliseconds with fractions.
#[must_use]
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
