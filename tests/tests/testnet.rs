//! `bds testnet`: what it prints works as it is printed, and nothing runs on behind it, however it ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bds_tests::process::bds;

const README: &str = include_str!("../../README.md");
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a line as a user would type it in `folder`: exit code, and everything it printed.
fn shell(folder: &Path, line: &str) -> (Option<i32>, String) {
    let programs = bds().parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").expect("a search path");
    let output = Command::new("sh")
        .args(["-c", line])
        .env("PATH", format!("{programs}:{path}"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code(), said)
}

/// Makes a network in `net` of `folder` and returns what is printed.
fn init(folder: &Path, validators: usize) -> String {
    let line = format!("bds testnet init -n {validators} --dir ./net --base-port 0");
    let (code, said) = shell(folder, &line);
    assert_eq!(code, Some(0), "{said}");
    said
}

/// A network that runs; what is left of it is killed when this is dropped.
struct Up(Child);

impl Up {
    fn of(folder: &Path) -> Self {
        // Its validators are known by the folder in their command lines.
        let mut command = Command::new(bds());
        command.args(["testnet", "up", "--dir"]);
        let command = command.arg(folder.join("net")).stdin(Stdio::null());
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("bds runs"))
    }

    fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.0.id());
        let (code, said) = shell(Path::new("/"), &line);
        assert_eq!(code, Some(0), "{said}");
    }

    fn end(&mut self) -> Option<i32> {
        let mut code = None;
        wait("it ends", || {
            let status = self.0.try_wait().expect("a child");
            code = status.and_then(|status| status.code());
            status.is_some()
        });
        code
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // A validator that hears of nothing else hears of this.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Validators that run with a home in this folder.
fn running(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let lines = processes.filter_map(|process| {
        let line = std::fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines
        .filter(|line| line.contains(" start ") && line.contains(&folder))
        .collect()
}

#[test]
fn what_is_printed_works_and_sigterm_ends_all() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path();
    let said = init(folder, 4);
    let members = ["alice", "bob", "regulator", "registrar"];
    for member in members {
        assert!(said.contains(&format!("- {member}: ")), "{said}");
        let key = folder.join(format!("net/members/{member}.key"));
        let mode = std::fs::metadata(key).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{member}");
    }
    let commands: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    let [up, status, submit, receipt, verify, query] = commands[..] else {
        panic!("other commands: {said}");
    };
    assert_eq!(up, "bds testnet up --dir ./net");
    // Whoever reads the README first is told the same, with the port that is the first by default.
    let node = status.split_once("--node ").expect("where to ask").1;
    for line in [up, status, submit, receipt, verify] {
        let line = line.replace(node, "http://127.0.0.1:7800");
        assert!(README.contains(&line), "the README does not say: {line}");
    }

    let mut net = Up::of(folder);
    wait("it is ready", || shell(folder, status).0 == Some(0));
    assert_eq!(running(folder).len(), 4);
    let does = |line: &str, words: &[&str]| {
        let (code, said) = shell(folder, line);
        assert_eq!(code, Some(0), "{line}: {said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is missing in: {said}");
        }
    };
    does(
        submit,
        &[
            "applied in block",
            "Ok (0)",
            "units.transferred",
            r#""quantity":20"#,
        ],
    );
    does(receipt, &["receipt of block"]);
    does(verify, &["valid: ", "units.transferred"]);
    does(query, &["\"held\": 1000020"]);

    // With the keys that are there, more members come in: one of the two asks, the other agrees.
    does("bds keys new carol.key > carol.pub", &[]);
    let key = std::fs::read_to_string(folder.join("carol.pub")).expect("a key");
    let new = format!(
        r#"{{"call": {{"identity.register-member": {{"key": "{}", "roles": ["trader"], "name": "carol"}}}}}}"#,
        key.trim()
    );
    std::fs::write(folder.join("new.json"), new).expect("written");
    let tx = |verb: &str, key: &str| {
        format!("bds tx {verb} --file new.json --key net/members/{key}.key --node {node}")
    };
    // An endorsement names who will send.
    std::fs::write(
        folder.join("new.json"),
        std::fs::read_to_string(folder.join("new.json"))
            .expect("a description")
            .replacen('{', r#"{"key": "net/members/registrar.key", "#, 1),
    )
    .expect("written");
    does(&tx("endorse", "regulator"), &["identity.endorsed"]);
    does(&tx("submit", "registrar"), &["identity.member-registered"]);

    net.signal("TERM");
    assert_eq!(net.end(), Some(0), "all drained and ended");
    assert_eq!(running(folder), [""; 0]);

    // What is there is not written over.
    let (code, said) = shell(folder, "bds testnet init --dir ./net --base-port 0");
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("alice.key") && said.contains("never overwritten"),
        "{said}"
    );
}

#[test]
fn killed_it_takes_its_validators_with_it() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path();
    let said = init(folder, 2);
    let mut status = said
        .lines()
        .filter(|line| line.starts_with("  bds status "));
    let status = status.next().expect("a command");
    let mut net = Up::of(folder);
    wait("it is ready", || shell(folder, status).0 == Some(0));
    assert_eq!(running(folder).len(), 2);
    net.signal("KILL");
    assert_eq!(net.end(), None);
    wait("none runs", || running(folder).is_empty());
}
