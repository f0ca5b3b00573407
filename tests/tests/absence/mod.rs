//! What tests of validators that were away share.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bds_client::Client;
use bds_client::wire::Wait;
use bds_node::measure::load::{self, ClientPlan, Timing};
use bds_tests::process::bds;

/// How long a request of the load may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Removes everything but the keys, the settings and the document that names the ledger.
pub(crate) fn empty(home: &Path) {
    let kept = ["validator.key", "network.key", "bds.toml", "genesis.json"];
    for entry in std::fs::read_dir(home).expect("a home") {
        let path = entry.expect("an entry").path();
        if kept.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let gone = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        gone.expect("removed");
    }
}

/// Does something beside a load, which is then broken off.
pub(crate) async fn under<T>(
    client: Client,
    load: Vec<ClientPlan>,
    work: impl Future<Output = T>,
) -> T {
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

/// What `bds ledger verify` says of a home, with every block executed again or not.
pub(crate) fn verify(home: &Path, replay: bool) -> serde_json::Value {
    let mut command = Command::new(bds());
    command.args(["ledger", "verify", "--json"]).arg(home);
    if replay {
        command.arg("--replay");
    }
    let output = command.output().expect("bds runs");
    serde_json::from_slice(&output.stdout).expect("the answer is JSON")
}
