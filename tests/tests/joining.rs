//! A ledger that forgets its beginning, and validators that were away for longer than what is kept, or lost everything: they take the state
//! from the others, vote again, and end with the same state as all.

mod absence;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use absence::{empty, under, verify};
use bds_client::wire::{ItemOutcome, NodeStatus, Wait};
use bds_node::measure::audit;
use bds_node::measure::cluster::Cluster;
use bds_node::measure::load::{Batch, ClientPlan};
use bds_node::workload::{Carbon, Config, Schedule};
use bds_tests::process::bds;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// The one that is away; nobody sends it transactions.
const AWAY: usize = 3;
/// Who is further behind takes the state; twice as much is kept.
const REPLAYED: u64 = 300;

struct Network {
    cluster: Cluster,
    load: Vec<ClientPlan>,
    single: Box<dyn Iterator<Item = Batch>>,
}

impl Network {
    async fn start(dir: &Path) -> Self {
        let carbon = Carbon::new(Config::default());
        let settings = [
            // Small batches at once, so that there are many blocks.
            ("consensus.batch_delay_ms", "1"),
            ("consensus.slot_interval_ms", "0"),
            ("consensus.replay_blocks", "300"),
            ("storage.retain_blocks", "600"),
            ("storage.snapshot_blocks", "128"),
            ("storage.segment_bytes", "1048576"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut cluster = Cluster::prepare(dir, carbon.genesis(), 4, &settings)
            .expect("homes")
            .with_program(bds());
        cluster.start(PATIENCE).await.expect("all are ready");
        let schedule = Schedule {
            rate: 1_200.0,
            batch: 2,
            clients: Config::default().clients,
            lanes: AWAY,
            length: 4 * PATIENCE,
        };
        let mut load = carbon.plans(cluster.genesis().chain_id(), &schedule);
        let single = load.pop().expect("many clients").batches;
        Self {
            cluster,
            load,
            single,
        }
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

    /// Waits until the first validator is like this.
    async fn wait_for(&self, what: &str, like: impl Fn(&NodeStatus) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status(0).await;
            if like(&status) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {status:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn make_blocks(&self, more: u64) {
        let goal = self.status(0).await.executed + more;
        let made = |status: &NodeStatus| status.executed >= goal;
        self.wait_for("blocks are made", made).await;
    }

    /// Waits until the one that was away is ready with what the others have now.
    async fn wait_until_back(&mut self, what: &str) -> NodeStatus {
        let height = self.status(0).await.committed;
        let deadline = Instant::now() + PATIENCE;
        let client = self.cluster.client().on_lane(AWAY);
        loop {
            let status = client.status().await.ok();
            if let Some(status) = status.clone().filter(|s| s.ready && s.executed >= height) {
                return status;
            }
            self.cluster.check_running(AWAY).expect("it runs");
            let log = self.cluster.home(AWAY).join("stderr.log");
            assert!(
                Instant::now() < deadline,
                "{what}: {status:?} of {height}\n{}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends one transaction to the one that was away; it must come out of its own lane.
    async fn submit_there(&mut self) {
        let body = self.single.next().expect("there are many").body;
        let client = self.cluster.client().on_lane(AWAY);
        let deadline = Instant::now() + PATIENCE;
        // The first try may go down a connection to the process that was; the same bytes are the same transaction.
        let items = loop {
            let sent = client.post_batch(body.clone(), Wait::Applied, PATIENCE);
            match sent.await {
                Ok(answer) => break answer.items,
                Err(problem) => assert!(Instant::now() < deadline, "no answer: {problem}"),
            }
        };
        for item in items {
            let applied = matches!(item.outcome, ItemOutcome::Applied { .. });
            assert!(applied, "its lane stands still: {item:?}");
        }
    }

    /// Up to which slot the one that was away signs nothing; 0 when it does.
    async fn forgotten(&self) -> Option<u64> {
        let url = format!("http://{}/metrics", self.cluster.api(AWAY));
        let text = reqwest::get(url).await.ok()?.text().await.ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("bds_forgotten_slot "));
        line?.parse().ok()
    }

    fn signal(&self, name: &str) {
        let pid = self.cluster.pid(AWAY).expect("it runs").to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("kill is there").success());
    }
}

/// Changes one bit in the first half of a log.
fn damage(log: &Path) {
    let files = std::fs::read_dir(log).expect("a log");
    let path = files.map(|file| file.expect("a file").path()).max();
    let path = path.expect("it is not empty");
    let mut bytes = std::fs::read(&path).expect("readable");
    // Behind the header of the file, in the first record.
    bytes[120] ^= 1;
    std::fs::write(&path, bytes).expect("writable");
}

#[tokio::test]
async fn who_was_away_for_longer_than_what_is_kept_takes_the_state() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut network = Network::start(dir.path()).await;
    let client = network.cluster.client().clone();
    let load = std::mem::take(&mut network.load);
    under(client, load, async {
        // What they do not keep lies in their archives.
        let archive = network.cluster.home(0).join("archive");
        let forgets =
            |_: &NodeStatus| std::fs::read_dir(&archive).is_ok_and(|mut a| a.next().is_some());
        network.wait_for("old blocks are not kept", forgets).await;

        // Its disk is lost.
        network.cluster.kill(AWAY).expect("it ran");
        empty(network.cluster.home(AWAY));
        network.make_blocks(2 * REPLAYED).await;
        network.cluster.restart(AWAY).expect("it starts");
        let back = network.wait_until_back("emptied").await;
        assert!(back.first_block > 1, "it has no beginning: {back:?}");

        // It is away for longer than what others execute again.
        let first = back.first_block;
        network.cluster.kill(AWAY).expect("it ran");
        network.make_blocks(3 * REPLAYED).await;
        network.cluster.restart(AWAY).expect("it starts");
        let back = network.wait_until_back("away").await;
        assert!(back.first_block > first, "{back:?}");

        // And stopped by its system for as long, in the middle of whatever it did. It has just taken a state, so it executes what it missed
        // as far as the others still have it.
        network.signal("-STOP");
        network.make_blocks(2 * REPLAYED).await;
        network.signal("-CONT");
        network.wait_until_back("stopped").await;

        // A bit of what it signed is wrong: it goes on, and votes again once it cannot contradict itself any more.
        network.cluster.kill(AWAY).expect("it ran");
        damage(&network.cluster.home(AWAY).join("votes"));
        network.cluster.restart(AWAY).expect("it starts");
        network.wait_until_back("with a damaged vote log").await;
        assert!(network.cluster.home(AWAY).join("votes-damaged-1").is_dir());
        let deadline = Instant::now() + PATIENCE;
        while network.forgotten().await != Some(0) {
            assert!(Instant::now() < deadline, "it does not vote again");
            tokio::time::sleep(POLL).await;
        }
    })
    .await;
    network.submit_there().await;

    let settled = audit::settle(&mut network.cluster, PATIENCE).await;
    let settled = settled.expect("all come to rest at one height");
    let roots: Vec<_> = settled.iter().map(|status| &status.state_root).collect();
    assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
    for index in 0..4 {
        let stopped = network.cluster.stop(index, PATIENCE).await;
        assert!(stopped.expect("it stops").success());
    }
    // With its archive in front the ledger of one that was never away is whole; that of the other begins with the state it took.
    let whole = verify(network.cluster.home(0), true);
    assert_eq!(whole["valid"], true, "{whole:#}");
    assert_eq!(whole["begins_after"], 0, "{whole:#}");
    let taken = verify(network.cluster.home(AWAY), true);
    assert_eq!(taken["valid"], true, "{taken:#}");
    assert!(taken["begins_after"].as_u64() > Some(0), "{taken:#}");
}
