//! Sealed records on four real validators: ten readers open one, strangers do not, no validator's disk has the plaintext, and once the share
//! is gone nobody opens what the ledger keeps for ever.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bds_client::Signer;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::Currency;
use bds_contracts::block::ValidatorSet;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisMember, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::tx::{AccountId, Millis};
use bds_node::measure::cluster::Cluster;
use bds_tests::process::{bds, run};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
/// The owner's account, the readers', and one that is given nothing.
const OWNER: u64 = 1;
const READERS: std::ops::Range<u64> = 11..21;
const STRANGER: u64 = 30;

fn signer(seed: u8) -> Signer {
    Signer::from_seed(&[seed; 32])
}

/// A private ledger, which takes nothing in the clear: Olga owns records, Rudi represents every reader and the stranger.
fn genesis() -> Genesis {
    let member = |seed, name: &str| GenesisMember {
        key: signer(seed).public_key(),
        roles: Roles::NONE,
        name: name.to_owned(),
    };
    let account = |number, seed| GenesisAccount {
        account: AccountId(number),
        holder: HolderId(number),
        kind: AccountKind::Trading,
        currency: Currency::EUR,
        threshold: 1,
        representatives: vec![signer(seed).public_key()],
    };
    let readers = READERS.chain([STRANGER]).map(|number| account(number, 2));
    Genesis {
        version: GENESIS_VERSION,
        name: "records".into(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(1),
        checkpoint_interval: 16,
        validators: ValidatorSet {
            epoch: 0,
            validators: Vec::new(),
        },
        members: vec![member(1, "olga"), member(2, "rudi")],
        accounts: std::iter::once(account(OWNER, 1)).chain(readers).collect(),
        instruments: Vec::new(),
        markets: Vec::new(),
        cash: Vec::new(),
        holdings: Vec::new(),
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

/// Four validators, and a folder where the commands run.
struct Office {
    cluster: Cluster,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let mut cluster = Cluster::prepare(&folder.path().join("net"), genesis(), 4, &[])
            .expect("homes")
            .with_program(bds());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime
            .block_on(cluster.start(PATIENCE))
            .expect("validators");
        for (seed, name) in [(1, "olga"), (2, "rudi")] {
            let file = folder.path().join(format!("{name}.key"));
            signer(seed).write_new(&file).expect("written");
        }
        Self {
            cluster,
            folder,
            runtime,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Runs a command: its exit code and everything printed.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        run(self.folder.path(), arguments)
    }

    /// Runs a command that asks a validator; it must end so.
    #[track_caller]
    fn ask(&self, arguments: &[&str], code: i32) -> String {
        let node = format!("http://{}", self.cluster.api(0));
        let (found, text) = self.run(&[arguments, &["--node", &node]].concat());
        assert_eq!(found, Some(code), "{arguments:?}: {text}");
        text
    }

    #[track_caller]
    fn submit(&self, file: &str, key: &str) {
        let text = self.ask(&["tx", "submit", "--file", file, "--key", key], 0);
        assert!(text.contains("Ok (0)"), "{text}");
    }

    fn reader_file(account: u64) -> String {
        format!("reader-{account}.key")
    }

    /// Every reader and the stranger has a key, and has published it.
    fn publish(&self) {
        let calls = READERS.chain([STRANGER]).map(|account| {
            let (code, key) =
                self.run(&["record", "reader-key", "new", &Self::reader_file(account)]);
            assert_eq!(code, Some(0), "{key}");
            json!({ "records.publish-reader-key": { "account": account, "key": key.trim() } })
        });
        let calls: Vec<Value> = calls.collect();
        self.write("publish.json", &json!({ "calls": calls }).to_string());
        self.submit("publish.json", "rudi.key");
    }

    /// Opens the document as this account, with this account's key, with or without the share.
    #[track_caller]
    fn open_as(&self, folder: &str, account: u64, key: u64, share: bool, code: i32) -> String {
        let document = format!("{folder}/document");
        let (account, key) = (account.to_string(), Self::reader_file(key));
        let share_file = format!("{folder}/share");
        let mut arguments = vec![
            "record",
            "open",
            &document,
            "--as",
            &account,
            "--reader-key",
            &key,
        ];
        if share {
            arguments.extend(["--share", &share_file]);
        }
        self.ask(&arguments, code)
    }
}

/// Files under a folder that hold one of these parts, of at least eight bytes each. Every byte is looked at once.
fn files_with<'a>(folder: &Path, parts: impl Iterator<Item = &'a [u8]>) -> Vec<PathBuf> {
    let parts: Vec<&[u8]> = parts.collect();
    let mut starts: Vec<u64> = parts.iter().map(|part| word(part)).collect();
    starts.sort_unstable();
    let mut found = Vec::new();
    search(folder, &parts, &starts, &mut found);
    found
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"))
}

fn search(folder: &Path, parts: &[&[u8]], starts: &[u64], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            search(&path, parts, starts, found);
        } else if path.is_file() {
            let content = std::fs::read(&path).expect("a file");
            let holds = content.windows(8).enumerate().any(|(at, window)| {
                starts.binary_search(&word(window)).is_ok()
                    && parts.iter().any(|part| content[at..].starts_with(part))
            });
            found.extend(holds.then_some(path));
        }
    }
}

/// A kilobyte about a person, every part of it a text of its own.
fn personal_data() -> String {
    let mut text =
        String::from("Erika Mustermann, Heidestrasse 17, 51147 Koeln, born 1964-08-12; ");
    for number in 0.. {
        text += &format!("meter {number} reads {} kWh; ", number * number + 17);
        if text.len() >= 1_024 {
            break;
        }
    }
    text.truncate(1_024);
    text
}

#[test]
fn a_sealed_record_is_opened_by_its_readers_until_it_is_erased() {
    let mut office = Office::open();
    office.publish();
    let secret = personal_data();
    office.write("person.txt", &secret);
    let mut seal = vec![
        "record",
        "seal",
        "person.txt",
        "--owner",
        "1",
        "--record",
        "7",
        "--class",
        "consumers",
    ];
    seal.extend(["--erasable", "--out", "sealed"]);
    let readers: Vec<String> = READERS.map(|account| account.to_string()).collect();
    seal.extend(readers.iter().flat_map(|reader| ["--to", reader]));
    office.ask(&seal, 0);
    office.submit("sealed/submit.json", "olga.key");

    for account in READERS {
        assert_eq!(office.open_as("sealed", account, account, true, 0), secret);
    }
    let none = office.open_as("sealed", STRANGER, STRANGER, true, 1);
    assert!(none.contains("was given nothing"), "{none}");
    let other = office.open_as("sealed", 11, STRANGER, true, 1);
    assert!(other.contains("does not open it"), "{other}");
    let other = office.open_as("sealed", 11, 12, true, 1);
    assert!(other.contains("does not open it"), "{other}");
    let half = office.open_as("sealed", 11, 11, false, 1);
    assert!(half.contains("share is missing"), "{half}");

    // One more, later, by whoever holds the keys.
    office.ask(
        &[
            "record",
            "give",
            "sealed/record.key",
            "--to",
            "30",
            "--out",
            "give.json",
        ],
        0,
    );
    office.submit("give.json", "olga.key");
    assert_eq!(
        office.open_as("sealed", STRANGER, STRANGER, true, 0),
        secret
    );

    office.ask(&["query", "record", "account=1", "record=7"], 0);
    let (code, text) = office.run(&[
        "record",
        "erase",
        "sealed/record.key",
        "sealed/share",
        "--out",
        "erase.json",
    ]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!office.path("sealed/record.key").exists() && !office.path("sealed/share").exists());
    office.submit("erase.json", "olga.key");
    let said = office.ask(&["query", "record", "account=1", "record=7"], 0);
    assert!(
        said.contains("\"erased\"") && said.contains("\"readers\": 0"),
        "{said}"
    );
    for account in READERS.chain([STRANGER]) {
        let gone = office.open_as("sealed", account, account, false, 1);
        assert!(gone.contains("was erased"), "{gone}");
    }

    // Whatever a validator has on its disk: the sealed document is there, and nothing of what it says.
    let document = std::fs::read(office.path("sealed/document")).expect("a document");
    let homes: Vec<PathBuf> = (0..4)
        .map(|validator| office.cluster.home(validator).to_owned())
        .collect();
    for validator in 0..4 {
        let stopped = office
            .runtime
            .block_on(office.cluster.stop(validator, PATIENCE));
        assert!(stopped.expect("it stops").success());
    }
    for home in &homes {
        let sealed = files_with(home, std::iter::once(&document[200..264]));
        assert!(!sealed.is_empty(), "{home:?} has no such record");
        let leaks = files_with(home, secret.as_bytes().chunks_exact(16));
        assert!(leaks.is_empty(), "{leaks:?} have a part of it");
        let home = home.to_str().expect("a path in UTF-8");
        let (code, text) = office.run(&["ledger", "verify", home, "--replay"]);
        assert_eq!(code, Some(0), "{text}");
    }
}

#[test]
fn a_slice_is_given_and_shown_without_the_others() {
    let office = Office::open();
    office.publish();
    let offer =
        json!({ "volume": 1200, "price": "71.25 EUR/MWh", "counterparty": "Stadtwerke Nord" });
    office.write("offer.json", &offer.to_string());
    office.ask(
        &[
            "record",
            "seal",
            "offer.json",
            "--fields",
            "--owner",
            "1",
            "--record",
            "3",
            "--class",
            "offers",
            "--to",
            "11",
            "--to",
            "12:price",
            "--out",
            "offer",
        ],
        0,
    );
    office.submit("offer/submit.json", "olga.key");
    assert!(!office.path("offer/share").exists());
    let all = office.open_as("offer", 11, 11, false, 0);
    let all: Value = serde_json::from_str(&all).expect("JSON");
    assert_eq!(
        all,
        json!({ "volume": "1200", "price": "71.25 EUR/MWh", "counterparty": "Stadtwerke Nord" })
    );
    let some: Value =
        serde_json::from_str(&office.open_as("offer", 12, 12, false, 0)).expect("JSON");
    assert_eq!(some, json!({ "price": "71.25 EUR/MWh" }));

    let show = |label: &str, code| {
        let key = Office::reader_file(12);
        let arguments = [
            "record",
            "show-slice",
            "offer/document",
            "--as",
            "12",
            "--reader-key",
            &key,
            "--label",
            label,
        ];
        office.ask(&[&arguments[..], &["--out", "price.slice"]].concat(), code)
    };
    show("volume", 1);
    show("price", 0);
    let version = [
        "query",
        "record-version",
        "account=1",
        "record=3",
        "version=1",
        "--proof",
        "--out",
        "version.json",
    ];
    office.ask(&version, 0);
    let genesis = office.cluster.home(0).join("genesis.json");
    let genesis = genesis.to_str().expect("a path in UTF-8");
    let check = || {
        office.run(&[
            "record",
            "check-slice",
            "price.slice",
            "--proof",
            "version.json",
            "--genesis",
            genesis,
        ])
    };
    let (code, text) = check();
    assert!(code == Some(0) && text.contains("71.25 EUR/MWh"), "{text}");
    assert!(
        !text.contains("1200") && !text.contains("Stadtwerke"),
        "{text}"
    );
    let good = std::fs::read(office.path("price.slice")).expect("a slice");
    assert!(!good.windows(10).any(|bytes| bytes == b"Stadtwerke"));
    let at = good
        .windows(5)
        .position(|bytes| bytes == b"71.25")
        .expect("the price");
    let mut lie = good.clone();
    lie[at] = b'6';
    std::fs::write(office.path("price.slice"), lie).expect("written");
    let (code, text) = check();
    assert!(code == Some(1) && text.contains("root"), "{text}");

    // What was sealed for ever is not said to be erased.
    let (code, text) = office.run(&["record", "erase", "offer/record.key", "--out", "erase.json"]);
    assert!(
        code == Some(3) && text.contains("cannot be erased"),
        "{text}"
    );
    assert!(office.path("offer/record.key").exists());
    // The next version, for one reader less.
    office.ask(
        &[
            "record",
            "seal",
            "offer.json",
            "--owner",
            "1",
            "--record",
            "3",
            "--to",
            "11",
            "--out",
            "second",
        ],
        0,
    );
    office.submit("second/submit.json", "olga.key");
    assert_eq!(
        office.open_as("second", 11, 11, false, 0),
        offer.to_string()
    );
    let old = office.open_as("second", 12, 12, false, 3);
    assert!(old.contains("was given version 1 last"), "{old}");
}
