//! A validator that is stopped still takes connections and says nothing: no command waits for it without end, and with another one to
//! ask, commands do what they do.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bds_client::wire::{ItemOutcome, Wait};
use bds_node::measure::cluster::Cluster;
use bds_node::workload::{Carbon, Config};
use bds_tests::process::bds;

const PATIENCE: Duration = Duration::from_secs(60);
/// A read that nobody answers takes ten seconds; a command that must ask the silent one twice takes more.
const COMMAND_MAX: Duration = Duration::from_secs(18);

fn start(arguments: &[&str]) -> Child {
    Command::new(bds())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bds runs")
}

/// What it said in time.
#[track_caller]
fn end_of(mut child: Child, until: Instant) -> (Option<i32>, String) {
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() >= until {
            let _ = child.kill();
            panic!("it still waits");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it has ended");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code(), text(&stdout) + &text(&stderr))
}

#[tokio::test]
async fn a_stopped_validator_holds_no_command_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let carbon = Carbon::transfers(Config {
        keys: 4,
        clients: 1,
        ..Config::default()
    });
    let mut cluster = Cluster::prepare(dir.path(), carbon.genesis(), 2, &[])
        .expect("homes")
        .with_program(bds());
    cluster.start(PATIENCE).await.expect("validators");
    let chain = cluster.genesis().chain_id();
    let wires = carbon.stream(chain, 0).next_batch(3);
    let client = cluster.client();
    let answer = client.submit_batch(&wires, Wait::Applied, PATIENCE).await;
    let heights = answer.expect("an answer").items.into_iter();
    let last = heights.map(|item| match item.outcome {
        ItemOutcome::Applied { height, .. } => height,
        other => panic!("{other:?}"),
    });
    let last = last.max().expect("three items");
    let caught_up = Instant::now() + PATIENCE;
    while client.on_lane(1).status().await.expect("it runs").certified < last {
        assert!(Instant::now() < caught_up, "the other one lags");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // As with Ctrl-Z: the system goes on taking connections for it.
    let pid = cluster.pid(0).expect("it runs");
    let stopped = Command::new("sh")
        .args(["-c", &format!("kill -STOP {pid}")])
        .status();
    assert!(stopped.expect("a shell").success());
    let [first, second] = [0, 1].map(|index| format!("http://{}", cluster.api(index)));
    let both = ["--node", &first, "--node", &second];
    let alone = start(&["status", "--node", &first]);
    let status = start(&[&["status", "--json"][..], &both].concat());
    let events = start(&[&["events"][..], &both].concat());
    let until = Instant::now() + COMMAND_MAX;

    let (code, said) = end_of(alone, until);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&first), "it names who is silent: {said}");
    let (code, said) = end_of(status, until);
    // One of two is no quorum, so the one that answers is not ready, and says so.
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("\"validator\": 1"), "{said}");
    let (code, said) = end_of(events, until);
    assert_eq!(code, Some(0), "{said}");
    let events = said
        .lines()
        .filter(|line| line.starts_with(r#"{"height":"#));
    assert_eq!(events.count(), 3, "{said}");
}
