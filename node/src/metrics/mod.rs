//! Everything a validator lets Prometheus see, in one struct and one registry.
//!
//! Names start with `bds_` and end in their base unit; every label has a closed set of values, so the number of series is
//! fixed. Two kinds of numbers meet here: those counted where the work is done ([`Metrics`]'s methods, lock-free), and
//! those the node keeps anyway ([`NodeStatus`], [`NetworkStats`]), copied when a scrape asks.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bds_client::wire::NodeStatus;
use bds_engine::VerifyStats;
use bds_engine::gpu::GpuStats;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use crate::network::{Class, NetworkStats};

/// One label with a value known at compile time.
type Label = [(&'static str, &'static str); 1];
/// Two of them.
type Labels = [(&'static str, &'static str); 2];
type Seconds = Counter<f64, AtomicU64>;

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All values.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value of the label.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

labels! {
    /// What became of a transaction at this node.
    Outcome {
        /// Admitted by this node.
        Accepted = "accepted",
        /// Not admitted by this node.
        Refused = "refused",
        /// Executed with success.
        Succeeded = "succeeded",
        /// Executed, and the call failed.
        Failed = "failed",
        /// Ordered but not executable; leaves no receipt.
        Dropped = "dropped",
    }
}

labels! {
    /// A queue inside the node; the network's queues and its inbox are counted by class.
    Queue {
        /// Requests waiting for admission.
        Requests = "requests",
        /// Admitted batches waiting for the core.
        Submissions = "submissions",
        /// Results of the engine and the executor waiting for the core.
        Answers = "answers",
        /// Final slots waiting for execution.
        Execution = "execution",
        /// Answers being read for peers.
        Serving = "serving",
    }
}

/// The metrics of one validator. Methods may be called from any thread and never block for long.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    transactions: Family<Label, Counter>,
    signatures: Family<Label, Counter>,
    by_equation: Counter,
    equations: Family<Label, Counter>,
    key_cache: Family<Label, Counter>,
    gpu_in_use: Gauge,
    gpu_calls: Family<Label, Counter>,
    gpu_items: Family<Label, Counter>,
    gpu_faults: Family<Label, Counter>,
    core_events: Family<Label, Counter>,
    queue_items: Family<Label, Gauge>,
    queue_items_max: Family<Label, Gauge>,
    mempool_bytes: Gauge,
    mempool_bytes_max: Gauge,
    log_bytes: Gauge,
    forgotten_slot: Gauge,
    scrubbed_bytes: Counter,
    damaged_files: Counter,
    questions_dropped: Counter,
    commit_seconds: Histogram,
    sync_seconds: Histogram,
    copied: Copied,
}

/// Numbers copied at each scrape.
#[derive(Debug, Default)]
struct Copied {
    height: Family<Label, Gauge>,
    executed: Counter,
    view: Gauge,
    view_changes: Counter,
    peers: Gauge,
    ready: Gauge,
    stage_seconds: Family<[(&'static str, String); 1], Seconds>,
    cpu_seconds: Seconds,
    memory_bytes: Gauge,
    frames: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    undelivered: Family<Labels, Counter>,
    outgoing_frames: Family<Label, Gauge>,
    outgoing_bytes: Family<Label, Gauge>,
    inbox_frames: Family<Label, Gauge>,
    inbox_bytes: Family<Label, Gauge>,
    inbox_bytes_max: Family<Label, Gauge>,
    connections: Family<Label, Counter>,
    faults: Counter,
    oversized: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero, every series there from the start: a rate over a missing series is no rate.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("bds");
        let mut at = Registrar(&mut registry);
        let metrics = Self {
            transactions: at.add("transactions", "Transactions by outcome at this node"),
            signatures: at.add("signatures", "Client signatures checked, by verdict"),
            by_equation: at.add(
                "signatures_by_equation",
                "Signatures decided by an equation over many; over the equations that held, the mean batch",
            ),
            equations: at.add(
                "signature_equations",
                "Equations over many signatures, by result",
            ),
            key_cache: at.add("key_cache_lookups", "Look-ups of prepared keys, by result"),
            gpu_in_use: at.add("gpu_in_use", "1 while the engine gives work to a GPU; 0 without one or while it rests"),
            gpu_calls: at.add("gpu_calls", "Calls meant for the GPU, by who answered"),
            gpu_items: at.add("gpu_items", "Signatures, messages and nodes of these calls"),
            core_events: at.add("core_events", "What the core dropped, repeated or found wrong, by reason; `evidence` counts broken rules"),
            gpu_faults: at.add("gpu_faults", "Calls that the GPU failed at, by fault"),
            queue_items: at.add("queue_items", "Items waiting in a queue"),
            queue_items_max: at.add("queue_items_max", "Most items a queue takes; 0 where the core asks for no more than it bounds itself"),
            mempool_bytes: at.add(
                "mempool_bytes",
                "Bytes of admitted transactions not yet in a batch",
            ),
            mempool_bytes_max: at.add("mempool_bytes_max", "Most bytes the mempool takes"),
            log_bytes: at.add("log_bytes", "Bytes of the ledger log on disk"),
            forgotten_slot: at.add(
                "forgotten_slot",
                "Slot up to which this validator signs nothing, since it may have before its disk was lost; 0 when it remembers",
            ),
            scrubbed_bytes: at.add("scrubbed_bytes", "Bytes of the ledger log that were read again"),
            damaged_files: at.add(
                "damaged_files",
                "Files of the ledger log that were found damaged while they were read again; the log of the node names them",
            ),
            questions_dropped: at.add(
                "questions_dropped",
                "Questions of peers that had their share of answers under way",
            ),
            // 1 ms to 16 s.
            commit_seconds: at.add_histogram(
                "commit_latency_seconds",
                "From admission at this node to the certified result",
                Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            ),
            // 50 us to 0.8 s.
            sync_seconds: at.add_histogram(
                "sync_seconds",
                "Time of one fdatasync of the logs",
                Histogram::new(exponential_buckets(0.000_05, 2.0, 15)),
            ),
            copied: Copied {
                height: at.add("height", "Newest block by how far it came"),
                executed: at.add(
                    "transactions_executed",
                    "Transactions executed since genesis",
                ),
                view: at.add("view", "PBFT view"),
                view_changes: at.add("view_changes", "Views changed since start"),
                peers: at.add("peers", "Connected validators"),
                ready: at.add("ready", "1 when caught up and connected to a quorum"),
                stage_seconds: at.add("stage_seconds", "CPU time by stage"),
                cpu_seconds: at.add("process_cpu_seconds", "CPU time of the process"),
                memory_bytes: at.add("process_resident_memory_bytes", "Resident memory"),
                frames: at.add("network_frames", "Messages between validators"),
                bytes: at.add("network_bytes", "Their bytes"),
                undelivered: at.add("network_undelivered_frames", "Messages not sent, by reason"),
                outgoing_frames: at.add("network_queue_frames", "Messages waiting to be sent"),
                outgoing_bytes: at.add("network_queue_bytes", "Their bytes"),
                inbox_frames: at.add("network_inbox_frames", "Messages heard and waiting for the core"),
                inbox_bytes: at.add(
                    "network_inbox_bytes",
                    "Room they take, messages in the core's hands included",
                ),
                inbox_bytes_max: at.add(
                    "network_inbox_bytes_max",
                    "Room of all peers; a peer whose part is taken is not read",
                ),
                connections: at.add("network_connections", "Connections by what became of them"),
                faults: at.add(
                    "network_faults",
                    "Connections cut because the peer broke a rule",
                ),
                oversized: at.add(
                    "network_oversized",
                    "Own messages above the limit, not sent",
                ),
            },
            registry,
        };
        metrics.touch();
        metrics
    }

    /// Counts transactions.
    pub fn transactions(&self, outcome: Outcome, count: u64) {
        self.transactions
            .get_or_create(&[("outcome", outcome.name())])
            .inc_by(count);
    }

    /// Takes over what the engine has counted since it was made: signatures by verdict, equations, look-ups of keys.
    pub fn engine(&self, stats: &VerifyStats) {
        let signatures = |verdict| self.signatures.get_or_create(&[("verdict", verdict)]);
        // Counted while others verify, so a part may be ahead of the whole.
        let valid = stats.signatures.saturating_sub(stats.invalid);
        raise(&signatures("valid"), valid);
        raise(&signatures("invalid"), stats.invalid);
        raise(&self.by_equation, stats.by_equation);
        let equations = |result| self.equations.get_or_create(&[("result", result)]);
        let held = stats.equations.saturating_sub(stats.equations_failed);
        raise(&equations("held"), held);
        raise(&equations("failed"), stats.equations_failed);
        let lookups = |result| self.key_cache.get_or_create(&[("result", result)]);
        raise(&lookups("hit"), stats.key_hits);
        raise(&lookups("miss"), stats.key_misses);
    }

    /// Takes over what the GPU has done.
    pub fn gpu(&self, stats: &GpuStats) {
        self.gpu_in_use.set(i64::from(!stats.resting));
        for (by, calls, items) in [
            ("gpu", stats.calls, stats.items),
            ("cpu", stats.fallback_calls, stats.fallback_items),
        ] {
            raise(&self.gpu_calls.get_or_create(&[("by", by)]), calls);
            raise(&self.gpu_items.get_or_create(&[("by", by)]), items);
        }
        for &(fault, count) in &stats.faults {
            raise(&self.gpu_faults.get_or_create(&[("fault", fault)]), count);
        }
    }

    /// Copies what the core counts by reason; the reasons are fixed in the core.
    pub fn core_events(&self, counters: &std::collections::BTreeMap<&'static str, u64>) {
        for (event, count) in counters {
            raise(&self.core_events.get_or_create(&[("event", event)]), *count);
        }
    }

    /// Says how full a queue is.
    pub fn queue(&self, queue: Queue, items: usize, items_max: usize) {
        let label = [("queue", queue.name())];
        self.queue_items
            .get_or_create(&label)
            .set(signed(items as u64));
        self.queue_items_max
            .get_or_create(&label)
            .set(signed(items_max as u64));
    }

    /// Says how full the mempool is.
    pub fn mempool(&self, bytes: u64, bytes_max: u64) {
        self.mempool_bytes.set(signed(bytes));
        self.mempool_bytes_max.set(signed(bytes_max));
    }

    /// Says how long the ledger log is.
    pub fn log_bytes(&self, bytes: u64) {
        self.log_bytes.set(signed(bytes));
    }

    /// Says up to which slot nothing is signed, if so.
    pub fn forgotten(&self, slot: Option<u64>) {
        self.forgotten_slot.set(signed(slot.unwrap_or(0)));
    }

    /// Counts what was read again of the ledger log.
    pub fn scrubbed(&self, bytes: u64) {
        self.scrubbed_bytes.inc_by(bytes);
    }

    /// Counts a file that is not what was written.
    pub fn damaged_file(&self) {
        self.damaged_files.inc();
    }

    /// Counts a question of a peer that is not answered.
    pub fn question_dropped(&self) {
        self.questions_dropped.inc();
    }

    /// Records the latency of one transaction.
    pub fn commit_latency(&self, latency: Duration) {
        self.commit_seconds.observe(latency.as_secs_f64());
    }

    /// Records one sync of the disk.
    pub fn sync(&self, took: Duration) {
        self.sync_seconds.observe(took.as_secs_f64());
    }

    /// OpenMetrics text of everything, with these numbers copied in. Cost: some 100 series, well below a millisecond.
    #[must_use]
    pub fn encode(&self, status: &NodeStatus, network: &NetworkStats) -> String {
        self.copied.set_status(status);
        self.copied.set_network(network);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to memory cannot fail");
        text
    }

    fn touch(&self) {
        for outcome in Outcome::ALL {
            self.transactions(*outcome, 0);
        }
        for queue in Queue::ALL {
            self.queue(*queue, 0, 0);
        }
        self.engine(&VerifyStats::default());
        self.core_events(&std::collections::BTreeMap::from([("evidence", 0)]));
        self.copied.set_network(&NetworkStats::default());
    }
}

impl Copied {
    fn set_status(&self, status: &NodeStatus) {
        for (stage, height) in [
            ("committed", status.committed),
            ("executed", status.executed),
            ("certified", status.certified),
        ] {
            self.height
                .get_or_create(&[("stage", stage)])
                .set(signed(height));
        }
        raise(&self.executed, status.transactions);
        self.view.set(signed(status.view));
        raise(&self.view_changes, status.view_changes);
        self.peers.set(signed(status.peers as u64));
        self.ready.set(i64::from(status.ready));
        for (stage, seconds) in &status.stage_seconds {
            raise_seconds(
                &self
                    .stage_seconds
                    .get_or_create(&[("stage", stage.clone())]),
                *seconds,
            );
        }
        raise_seconds(&self.cpu_seconds, status.cpu_seconds);
        self.memory_bytes.set(signed(status.memory_bytes));
    }

    fn set_network(&self, network: &NetworkStats) {
        for class in Class::ALL {
            let stats = &network.classes[class.index()];
            let class = ("class", class.name());
            for (direction, frames, bytes) in [
                ("sent", stats.frames_sent, stats.bytes_sent),
                ("received", stats.frames_received, stats.bytes_received),
            ] {
                let labels = [class, ("direction", direction)];
                raise(&self.frames.get_or_create(&labels), frames);
                raise(&self.bytes.get_or_create(&labels), bytes);
            }
            for (reason, frames) in [
                ("displaced", stats.displaced),
                ("refused", stats.refused),
                ("unconnected", stats.unconnected),
            ] {
                raise(
                    &self.undelivered.get_or_create(&[class, ("reason", reason)]),
                    frames,
                );
            }
            self.outgoing_frames
                .get_or_create(&[class])
                .set(signed(stats.queue_frames));
            self.outgoing_bytes
                .get_or_create(&[class])
                .set(signed(stats.queue_bytes));
            for (gauge, value) in [
                (&self.inbox_frames, stats.inbox_frames),
                (&self.inbox_bytes, stats.inbox_bytes),
                (&self.inbox_bytes_max, stats.inbox_bytes_max),
            ] {
                gauge.get_or_create(&[class]).set(signed(value));
            }
        }
        for (result, count) in [
            ("established", network.connections),
            ("refused", network.connections_refused),
            ("failed", network.dial_failures),
        ] {
            raise(
                &self.connections.get_or_create(&[("result", result)]),
                count,
            );
        }
        raise(&self.faults, network.faults);
        raise(&self.oversized, network.oversized);
    }
}

/// Registers and hands back.
struct Registrar<'a>(&'a mut Registry);

impl Registrar<'_> {
    fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    fn add_histogram(&mut self, name: &str, help: &str, histogram: Histogram) -> Histogram {
        self.0.register(name, help, histogram.clone());
        histogram
    }
}

/// Gauges are signed; nothing here comes near the limit.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Copies a counter that is kept elsewhere. Scrapes may overlap, so it never goes back.
fn raise(counter: &Counter, value: u64) {
    counter.inner().fetch_max(value, Ordering::Relaxed);
}

/// As [`raise`]. The bits of non-negative floats are ordered as the floats are.
fn raise_seconds(counter: &Seconds, seconds: f64) {
    counter
        .inner()
        .fetch_max(seconds.max(0.0).to_bits(), Ordering::Relaxed);
}
