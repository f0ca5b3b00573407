//! What the binary says when an operator's mistake or the machine keeps it from running: what, where, what to do; exit 3.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bds_node::measure::cluster::Cluster;
use bds_tests::process::bds;

const PATIENCE: Duration = Duration::from_secs(30);

/// A network of one validator, not started.
fn network(dir: &Path) -> Cluster {
    let genesis = bds_node::workload::default_genesis();
    Cluster::prepare(dir, genesis, 1, &[])
        .expect("homes")
        .with_program(bds())
}

/// Starts a validator that must refuse to run.
fn start(home: &Path, settings: &[&str]) -> Output {
    let mut command = Command::new(bds());
    command
        .arg("start")
        .arg("--home")
        .arg(home)
        .stdin(Stdio::null());
    for setting in settings {
        command.arg("--set").arg(setting);
    }
    command.output().expect("bds runs")
}

fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
}

#[test]
fn a_damaged_configuration_is_named_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let cluster = network(dir.path());
    let (home, file) = (cluster.home(0), cluster.home(0).join("bds.toml"));
    let good = std::fs::read_to_string(&file).expect("settings");
    std::fs::write(&file, format!("{good}\n[api")).expect("written");
    assert_refused(&start(home, &[]), &["bds.toml is damaged", "line"]);
    std::fs::write(&file, format!("{good}\n[storage]\ndurabel = true\n")).expect("written");
    assert_refused(
        &start(home, &[]),
        &["unknown setting `storage.durabel`", "bds config show"],
    );
    std::fs::write(&file, &good).expect("written");
    assert_refused(
        &start(home, &["consensus.batch_bytes=12"]),
        &["consensus.batch_bytes", "from 131072"],
    );
    assert_refused(
        &start(home, &["engine.backend=abacus"]),
        &["abacus", "portable"],
    );
}

/// Whatever kind of setting it names; a variable that names none is somebody else's.
#[test]
fn an_environment_variable_that_is_no_text_is_told_and_nothing_panics() {
    let dir = tempfile::tempdir().expect("a directory");
    let cluster = network(dir.path());
    let check = |variable: &str| {
        Command::new(bds())
            .args(["config", "check", "--home"])
            .arg(cluster.home(0))
            .env(variable, OsStr::from_bytes(b"warn\xff"))
            .output()
            .expect("bds runs")
    };
    for (variable, key) in [
        ("BDS_API_LISTEN", "api.listen"),
        ("BDS_CONSENSUS_BATCH_BYTES", "consensus.batch_bytes"),
        ("BDS_ENGINE_BACKEND", "engine.backend"),
        ("BDS_STORAGE_DURABLE", "storage.durable"),
        ("BDS_LOG_FILTER", "log.filter"),
    ] {
        let words = [
            &format!("setting `{key}` = `warn\u{fffd}`"),
            &format!("(environment {variable})"),
            "expected text in UTF-8",
        ];
        assert_refused(&check(variable), &words);
    }
    let other = check("BDS_SOMETHING_ELSE");
    assert_eq!(other.status.code(), Some(0), "{other:?}");
}

#[test]
fn a_peer_that_is_no_address_is_told_before_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let cluster = network(dir.path());
    let home = cluster.home(0);
    let ask = |verb: &[&str], more: &[&str]| {
        let mut command = Command::new(bds());
        command.args(verb).arg("--home").arg(home).args(more);
        command.output().expect("bds runs")
    };
    let words = ["setting `peers.1` = `nonsense`", "expected PEER_ID@/ip4/"];
    let assert_told = |more: &[&str], place: &str| {
        let words = [words[0], place, words[1]];
        assert_refused(&ask(&["config", "check"], more), &words);
        let doctor = ask(&["doctor"], more);
        let said = String::from_utf8_lossy(&doctor.stdout);
        assert_eq!(doctor.status.code(), Some(1), "{said}");
        for word in words.into_iter().chain(["WRONG settings"]) {
            assert!(said.contains(word), "`{word}` is missing in: {said}");
        }
    };
    assert_eq!(ask(&["config", "check"], &[]).status.code(), Some(0));
    assert_told(&["--set", "peers.1=nonsense"], "(--set)");
    let file = home.join("bds.toml");
    let good = std::fs::read_to_string(&file).expect("settings");
    std::fs::write(&file, format!("{good}\n[peers]\n1 = \"nonsense\"\n")).expect("written");
    assert_told(&[], "bds.toml)");
}

#[test]
fn a_wrong_or_damaged_genesis_is_refused_and_the_ledger_untouched() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut cluster = network(dir.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        cluster.start(PATIENCE).await.expect("it runs");
        cluster.stop(0, PATIENCE).await.expect("it stops");
    });
    let file = cluster.home(0).join("genesis.json");
    let good = std::fs::read_to_string(&file).expect("a document");
    std::fs::write(&file, &good[..good.len() / 2]).expect("written");
    assert_refused(&start(cluster.home(0), &[]), &["genesis.json is damaged"]);
    let other = good.replacen("\"checkpoint_interval\": ", "\"checkpoint_interval\": 1", 1);
    assert_ne!(other, good);
    std::fs::write(&file, other).expect("written");
    assert_refused(&start(cluster.home(0), &[]), &["ledger"]);
    std::fs::write(&file, good).expect("written");
    runtime.block_on(async {
        cluster
            .start(PATIENCE)
            .await
            .expect("with the right document it runs again");
    });
}

#[test]
fn a_home_in_use_and_a_port_taken_are_told_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut cluster = network(dir.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(cluster.start(PATIENCE)).expect("it runs");
    assert_refused(&start(cluster.home(0), &[]), &["in use"]);

    let second = tempfile::tempdir().expect("a directory");
    let other = network(second.path());
    let api = format!("api.listen={}", cluster.api(0));
    assert_refused(
        &start(other.home(0), &[&api]),
        &["cannot listen on", "api.listen"],
    );
}

#[test]
fn doctor_finds_what_is_wrong() {
    let dir = tempfile::tempdir().expect("a directory");
    let cluster = network(dir.path());
    let doctor = |environment: &[(&str, &str)]| {
        let output = Command::new(bds())
            .envs(environment.iter().copied())
            .arg("doctor")
            .arg("--home")
            .arg(cluster.home(0))
            .output()
            .expect("bds runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (code, said) = doctor(&[]);
    assert_eq!(code, Some(0), "{said}");
    let crowded = [("BDS_ENGINE_PIN", "true"), ("BDS_ENGINE_THREADS", "1024")];
    let (code, said) = doctor(&crowded);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("WRONG engine threads"), "{said}");
    std::fs::write(cluster.home(0).join("validator.key"), "no key").expect("written");
    let (code, said) = doctor(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("WRONG validator key"), "{said}");
}
