//! A validator that was away for many blocks, or lost its home, is ready again soon: under load and beside an idle network.
//!
//! The story: a peer answered a question for slots with as many as fit a message, and the asker refused the whole answer
//! when it brought more certified headers than one answer may. Below 256 blocks all was well; above, it asked for ever.
//!
//! `BDS_CATCH_UP_BLOCKS=10000` makes the distance longer.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bds_client::Client;
use bds_client::wire::{NodeStatus, Wait};
use bds_node::measure::audit;
use bds_node::measure::cluster::Cluster;
use bds_node::measure::load::{self, ClientPlan, Timing};
use bds_node::workload::{Carbon, CarbonConfig, Schedule};
use bds_tests::process::bds;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
/// The one that is away; nobody sends it transactions.
const AWAY: usize = 3;

/// Blocks made while it is away.
fn distance() -> u64 {
    let chosen = std::env::var("BDS_CATCH_UP_BLOCKS");
    chosen.map_or(1000, |text| {
        text.parse().expect("BDS_CATCH_UP_BLOCKS is a number")
    })
}

struct Network {
    cluster: Cluster,
    carbon: Carbon,
}

/// What one absence was like.
#[derive(Debug)]
struct Absence {
    what: &'static str,
    blocks: u64,
    /// How long the others took to order and execute them.
    made: Duration,
    /// From the start of the process until it is ready with all of them.
    ready: Duration,
}

impl Absence {
    fn judge(&self) {
        eprintln!("{self:?}");
        assert!(self.ready < 2 * self.made, "too slow: {self:?}");
    }
}

impl Network {
    async fn start(dir: &Path) -> Self {
        let carbon = Carbon::new(CarbonConfig::default());
        // Small batches at once, so that there are many blocks.
        let settings = [
            ("consensus.batch_delay_ms", "1"),
            ("consensus.slot_interval_ms", "0"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut cluster = Cluster::prepare(dir, carbon.genesis(), 4, &settings)
            .expect("homes")
            .with_program(bds());
        cluster.start(PATIENCE).await.expect("all are ready");
        Self { cluster, carbon }
    }

    /// Two loads of transactions one by one to the validators that stay; each has keys of its own.
    fn loads(&self, length: Duration) -> [Vec<ClientPlan>; 2] {
        let schedule = Schedule {
            rate: 800.0,
            batch: 1,
            clients: CarbonConfig::default().clients,
            lanes: AWAY,
            length,
        };
        let plans = self
            .carbon
            .plans(self.cluster.genesis().chain_id(), &schedule);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (client, plan) in plans.into_iter().enumerate() {
            if client % 2 == 0 {
                first.push(plan);
            } else {
                second.push(plan);
            }
        }
        [first, second]
    }

    async fn status(&self, index: usize) -> NodeStatus {
        let client = self.cluster.client().on_lane(index);
        client.status().await.expect("it answers")
    }

    /// Waits until the network has made this many blocks more, and says how long it took.
    async fn make_blocks(&self, more: u64) -> Duration {
        let (began, first) = (Instant::now(), self.status(0).await.executed);
        let patience = PATIENCE + Duration::from_millis(50 * more);
        loop {
            let now = self.status(0).await.executed;
            if now >= first + more {
                return began.elapsed();
            }
            let took = began.elapsed();
            assert!(
                took < patience,
                "{} of {more} blocks in {took:?}",
                now - first
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Kills the one that is away, lets the others make blocks, and says how long that took.
    async fn lose_it(&mut self, emptied: bool, blocks: u64) -> Duration {
        self.cluster.kill(AWAY).expect("it ran");
        if emptied {
            empty(self.cluster.home(AWAY));
        }
        self.make_blocks(blocks).await
    }

    /// Starts it again; how long until it is ready with everything that the others have now.
    async fn come_back(&mut self, patience: Duration) -> Duration {
        let height = self.status(0).await.committed;
        let began = Instant::now();
        self.cluster.restart(AWAY).expect("it starts");
        let client = self.cluster.client().on_lane(AWAY);
        loop {
            let ready = client.is_ready().await;
            let took = began.elapsed();
            let here = client.status().await.ok().map(|status| status.executed);
            if ready && here >= Some(height) {
                return took;
            }
            self.cluster.check_running(AWAY).expect("it runs");
            assert!(
                took < patience,
                "{here:?} of {height} blocks after {took:?}"
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Does something beside a load, which is then broken off.
async fn under<T>(client: Client, load: Vec<ClientPlan>, work: impl Future<Output = T>) -> T {
    let timing = Timing {
        warmup: Duration::ZERO,
        window: Duration::from_secs(3600),
        until_done: false,
        wait: Wait::Accepted,
        patience: PATIENCE,
    };
    tokio::select! {
        tally = load::run(&client, load, timing, Arc::default()) => {
            panic!("the load ended before the work: {tally:?}")
        }
        done = work => done,
    }
}

/// All blocks of the one that was away, with their certificates, from its own disk.
fn assert_whole_ledger(home: &Path) {
    let mut command = Command::new(bds());
    command.args(["ledger", "verify", "--json"]).arg(home);
    let output = command.output().expect("bds runs");
    let ledger: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("the answer is JSON");
    assert_eq!(ledger["valid"], true, "{ledger:#}");
    assert_eq!(
        ledger["totals"]["headers"], ledger["totals"]["slots"],
        "{ledger:#}"
    );
}

#[tokio::test]
async fn a_validator_that_was_away_or_emptied_is_ready_again_soon() {
    let blocks = distance();
    let dir = tempfile::tempdir().expect("a directory");
    let mut network = Network::start(dir.path()).await;
    let client = network.cluster.client().clone();
    // Twice what is made slowly: 20 blocks a second.
    let length = PATIENCE + Duration::from_millis(100 * blocks);
    let [first, second] = network.loads(length);

    // Away, then emptied, beside an idle network.
    let made = under(client.clone(), first, network.lose_it(false, blocks)).await;
    let mut absences = Vec::new();
    for what in ["away, idle", "emptied, idle"] {
        if what == "emptied, idle" {
            network.lose_it(true, 0).await;
        }
        let ready = network.come_back(2 * made).await;
        absences.push(Absence {
            what,
            blocks,
            made,
            ready,
        });
    }

    // The same while transactions go on coming.
    let loaded = under(client, second, async {
        let mut loaded = Vec::new();
        let made = network.lose_it(false, blocks).await;
        let ready = network.come_back(2 * made).await;
        loaded.push(Absence {
            what: "away, loaded",
            blocks,
            made,
            ready,
        });
        let made = network.lose_it(true, blocks).await;
        let ready = network.come_back(3 * 2 * made).await;
        // What the emptied one must make up for took three times as long.
        loaded.push(Absence {
            what: "emptied, loaded",
            blocks: 3 * blocks,
            made: 3 * made,
            ready,
        });
        loaded
    })
    .await;
    absences.extend(loaded);
    absences.iter().for_each(Absence::judge);

    let settled = audit::settle(&mut network.cluster, PATIENCE).await;
    let settled = settled.expect("all come to rest at one height");
    let roots: Vec<_> = settled.iter().map(|status| &status.state_root).collect();
    assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
    network
        .cluster
        .stop(AWAY, PATIENCE)
        .await
        .expect("it stops");
    assert_whole_ledger(network.cluster.home(AWAY));
}
