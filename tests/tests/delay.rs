//! Does a network keep its pace, and its cost a transaction, when its links take 20 to 80 ms and it grows?
//!
//! Real processes; every two talk through a link in this process that delays each byte (`bds_byzantine::link`). The gate runs
//! four validators. `BDS_DELAY_VALIDATORS=40` (and `BDS_DELAY_TPS`, `BDS_DELAY_SECONDS`) compares that many with four,
//! and prints what a transaction costs each validator.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bds_byzantine::link;
use bds_client::wire::Wait;
use bds_node::measure::audit;
use bds_node::measure::cluster::Cluster;
use bds_node::measure::load::{self, Timing};
use bds_node::workload::{Carbon, Config, Schedule};
use bds_tests::process::bds;

const PATIENCE: Duration = Duration::from_secs(120);
const DELAY_MS: std::ops::RangeInclusive<u64> = 20..=80;
/// Part of the transactions a second that a unit of CPU commits with four, which a larger set must reach.
const KEPT: f64 = 0.8;

fn number(name: &str) -> Option<f64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

/// What a run showed.
struct Figures {
    validators: usize,
    committed_tps: f64,
    p50_ms: f64,
    /// What a transaction cost one validator.
    cpu_micros: f64,
    blocks: u64,
    view_changes: u64,
    memory_max: u64,
}

impl Figures {
    fn show(&self) {
        eprintln!(
            "{} validators: {:.0} TPS, p50 {:.0} ms, {:.0} us of CPU a transaction and validator, {} blocks, {} MiB at most",
            self.validators,
            self.committed_tps,
            self.p50_ms,
            self.cpu_micros,
            self.blocks,
            self.memory_max >> 20
        );
    }
}

/// A load on this many validators behind delaying links.
async fn run(n: usize, tps: f64, seconds: f64) -> Figures {
    let dir = tempfile::tempdir().expect("a directory");
    let carbon = Carbon::new(Config::default());
    // What suits links of this length: proposals and batches about as far apart as a message takes.
    let settings = [
        ("consensus.batch_delay_ms", "100"),
        ("consensus.slot_interval_ms", "200"),
        ("consensus.view_timeout_ms", "4000"),
        ("engine.threads", "1"),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut cluster = Cluster::prepare(dir.path(), carbon.genesis(), n, &settings)
        .expect("homes")
        .with_program(bds());
    let homes: Vec<_> = (0..n).map(|index| cluster.home(index).to_owned()).collect();
    let homes: Vec<&Path> = homes.iter().map(AsRef::as_ref).collect();
    link::between(&homes, DELAY_MS).await.expect("links");
    cluster.start(PATIENCE).await.expect("all are ready");

    let length = Duration::from_secs_f64(seconds);
    let schedule = Schedule {
        rate: tps,
        batch: 20,
        clients: Config::default().clients,
        lanes: n,
        length,
    };
    let plans = carbon.plans(cluster.genesis().chain_id(), &schedule);
    let timing = Timing {
        warmup: Duration::ZERO,
        window: length,
        until_done: false,
        wait: Wait::Applied,
        patience: PATIENCE,
    };
    let cpu = |cluster: &mut Cluster| -> f64 {
        let usages = (0..n).map(|index| cluster.usage(index).expect("it runs").cpu_seconds);
        usages.sum()
    };
    let before = cpu(&mut cluster);
    let client = cluster.client().clone();
    let tally = load::run(&client, plans, timing, Arc::default()).await;
    let spent = cpu(&mut cluster) - before;
    let settled = audit::settle(&mut cluster, PATIENCE)
        .await
        .expect("all come to rest");
    let memory = (0..n).map(|index| cluster.usage(index).expect("it runs").memory_bytes);
    let all = tally.all();
    assert_eq!(all.good, all.sent, "{all:?}");
    assert!(
        settled
            .iter()
            .all(|status| status.state_root == settled[0].state_root)
    );
    let took = tally
        .last_good
        .expect("something was committed")
        .as_secs_f64();
    Figures {
        validators: n,
        committed_tps: all.good as f64 / took,
        p50_ms: tally.window.latency.value_at_quantile(0.5) as f64 / 1e3,
        cpu_micros: 1e6 * spent / (n as f64 * all.good as f64),
        blocks: settled[0].certified,
        view_changes: settled
            .iter()
            .map(|status| status.view_changes)
            .max()
            .unwrap_or(0),
        memory_max: memory.max().unwrap_or(0),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validators_far_apart_keep_their_view_and_what_a_transaction_costs() {
    let tps = number("BDS_DELAY_TPS").unwrap_or(400.0);
    let seconds = number("BDS_DELAY_SECONDS").unwrap_or(6.0);
    let four = run(4, tps, seconds).await;
    four.show();
    assert_eq!(four.view_changes, 0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number"
    )]
    let Some(n) = number("BDS_DELAY_VALIDATORS").map(|n| n as usize) else {
        return;
    };
    let many = run(n, tps, seconds).await;
    many.show();
    assert_eq!(many.view_changes, 0);
    let kept = four.cpu_micros / many.cpu_micros;
    eprintln!(
        "{n} validators commit {:.0} % of what 4 do with a unit of CPU",
        100.0 * kept
    );
    assert!(kept >= KEPT, "{kept} with {n} validators");
}
