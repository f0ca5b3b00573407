//! A validator that was away for many blocks, or lost its home, is ready again soon: under load and beside an idle network.
//!
//! The story: a peer answered a question for slots with as many as fit a message, and the asker refused the whole answer
//! when it brought more certified headers than one answer may. Below 256 blocks all was well; above, it asked for ever.
//!
//! `BDS_CATCH_UP_BLOCKS=10000` makes the distance longer.

mod absence;

use std::path::Path;
use std::time::{Duration, Instant};

use absence::{empty, under, verify};
use bds_client::wire::{ItemAnswer, ItemOutcome, NodeStatus, Wait};
use bds_node::measure::audit;
use bds_node::measure::cluster::Cluster;
use bds_node::measure::load::{Batch, ClientPlan};
use bds_node::workload::{Carbon, Config, Schedule};
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

struct Requests {
    loads: [Vec<ClientPlan>; 2],
    single: Box<dyn Iterator<Item = Batch>>,
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
    fn show(self) -> Self {
        let Self {
            what,
            blocks,
            made,
            ready,
        } = &self;
        eprintln!("{what}: {blocks} blocks made in {made:?}, ready after {ready:?}");
        self
    }
}

impl Network {
    async fn start(dir: &Path) -> Self {
        let carbon = Carbon::new(Config::default());
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

    /// What there is to send, each part with keys of its own: two loads for the validators that stay, of one transaction a
    /// request, and single ones for the one that is away.
    fn requests(&self, length: Duration) -> Requests {
        let schedule = Schedule {
            rate: 800.0,
            batch: 1,
            clients: Config::default().clients,
            lanes: AWAY,
            length,
        };
        let chain = self.cluster.genesis().chain_id();
        let mut plans = self.carbon.plans(chain, &schedule);
        let single = plans.pop().expect("many clients").batches;
        let second = plans.split_off(plans.len() / 2);
        Requests {
            loads: [plans, second],
            single,
        }
    }

    /// Sends one transaction to the one that was away; it must come out of its own lane.
    async fn submit_there(&self, single: &mut dyn Iterator<Item = Batch>) {
        let body = single.next().expect("there are many").body;
        let client = self.cluster.client().on_lane(AWAY);
        let deadline = Instant::now() + PATIENCE;
        // The first try may go down a connection to the process that was killed; the same bytes are the same transaction.
        let items = loop {
            let sent = client.post_batch(body.clone(), Wait::Applied, PATIENCE);
            match sent.await {
                Ok(answer) => break answer.items,
                Err(problem) => assert!(Instant::now() < deadline, "no answer: {problem}"),
            }
        };
        let applied = |item: &ItemAnswer| matches!(item.outcome, ItemOutcome::Applied { .. });
        assert!(
            items.iter().all(applied),
            "its lane stands still: {items:?}"
        );
    }

    /// Asked again when a connection breaks: the machine may be busy with other tests.
    async fn status(&self, index: usize) -> NodeStatus {
        let client = self.cluster.client().on_lane(index);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match client.status().await {
                Ok(status) => return status,
                Err(problem) => assert!(Instant::now() < deadline, "validator {index}: {problem}"),
            }
            tokio::time::sleep(POLL).await;
        }
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

/// All blocks of the one that was away, with their certificates, from its own disk.
fn assert_whole_ledger(home: &Path) {
    let ledger = verify(home, false);
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
    let Requests {
        loads: [first, second],
        mut single,
    } = network.requests(length);
    network.submit_there(&mut single).await;
    let mut absences = Vec::new();
    let mut note = |what, blocks, made, ready| {
        absences.push(
            Absence {
                what,
                blocks,
                made,
                ready,
            }
            .show(),
        );
    };

    // Away, then emptied, beside an idle network.
    let made = under(client.clone(), first, network.lose_it(false, blocks)).await;
    note(
        "away, idle",
        blocks,
        made,
        network.come_back(2 * made).await,
    );
    network.lose_it(true, 0).await;
    note(
        "emptied, idle",
        blocks,
        made,
        network.come_back(2 * made).await,
    );
    network.submit_there(&mut single).await;

    // The same while transactions go on coming.
    under(client, second, async {
        let made = network.lose_it(false, blocks).await;
        note(
            "away, loaded",
            blocks,
            made,
            network.come_back(2 * made).await,
        );
        // What the emptied one must make up for took three times as long.
        let made = 3 * network.lose_it(true, blocks).await;
        let ready = network.come_back(2 * made).await;
        note("emptied, loaded", 3 * blocks, made, ready);
    })
    .await;
    network.submit_there(&mut single).await;
    for Absence {
        what, made, ready, ..
    } in &absences
    {
        assert!(*ready < 2 * *made, "{what}: {ready:?} for {made:?}");
    }

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
