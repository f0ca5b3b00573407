//! Four real validators that are read as their profile says, a folder where the commands run, and a search through what is left on a disk.

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

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Whose records they are: Olga's account.
const OWNER: u64 = 1;
/// Rudi's accounts, as many as one transaction gives to that makes a record.
pub(crate) const READERS: std::ops::Range<u64> = 11..25;
/// Sam's account, which is given nothing at first.
pub(crate) const STRANGER: u64 = 30;

fn signer(seed: u8) -> Signer {
    Signer::from_seed(&[seed; 32])
}

/// Three members that have a role and manage nothing: each reads of a private ledger what is about its own accounts.
fn genesis(profile: Profile) -> Genesis {
    let member = |seed, name: &str| GenesisMember {
        key: signer(seed).public_key(),
        roles: Roles::TRADER,
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
    let others = [account(OWNER, 1), account(STRANGER, 3)];
    Genesis {
        version: GENESIS_VERSION,
        name: "records".into(),
        profile,
        mode: Mode::Verified,
        time: Millis(1),
        checkpoint_interval: 16,
        validators: ValidatorSet {
            epoch: 0,
            validators: Vec::new(),
        },
        members: vec![member(1, "olga"), member(2, "rudi"), member(3, "sam")],
        accounts: READERS
            .map(|number| account(number, 2))
            .chain(others)
            .collect(),
        instruments: Vec::new(),
        markets: Vec::new(),
        cash: Vec::new(),
        holdings: Vec::new(),
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

/// Four validators, and a folder where the commands run.
pub(crate) struct Office {
    pub(crate) cluster: Cluster,
    folder: tempfile::TempDir,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Office {
    /// Every account but the owner's has a reader's key, and has published it.
    pub(crate) fn open(profile: Profile) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let settings = [("api.reads".to_owned(), "profile".to_owned())];
        let net = folder.path().join("net");
        let mut cluster = Cluster::prepare(&net, genesis(profile), 4, &settings)
            .expect("homes")
            .with_program(bds());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime
            .block_on(cluster.start(PATIENCE))
            .expect("validators");
        for (seed, name) in [(1, "olga"), (2, "rudi"), (3, "sam")] {
            let file = folder.path().join(format!("{name}.key"));
            signer(seed).write_new(&file).expect("written");
        }
        let office = Self {
            cluster,
            folder,
            runtime,
        };
        office.publish("rudi", READERS);
        office.publish("sam", STRANGER..STRANGER + 1);
        office
    }

    fn publish(&self, who: &str, accounts: std::ops::Range<u64>) {
        let calls = accounts.map(|account| {
            let (code, key) = self.run(&["record", "reader-key", "new", &reader_file(account)]);
            assert_eq!(code, Some(0), "{key}");
            json!({ "records.publish-reader-key": { "account": account, "key": key.trim() } })
        });
        let calls: Vec<Value> = calls.collect();
        self.write("publish.json", &json!({ "calls": calls }).to_string());
        self.submit("publish.json", who);
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn genesis(&self) -> String {
        let path = self.cluster.home(0).join("genesis.json");
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        let text = std::fs::read(self.path(name)).expect("a file");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Runs a command: its exit code and everything printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        run(self.folder(), arguments)
    }

    /// Runs a command that asks a validator as this member; it must end so.
    #[track_caller]
    pub(crate) fn ask(&self, who: &str, arguments: &[&str], code: i32) -> String {
        let key = format!("{who}.key");
        self.ask_with(arguments, &["--as", &key], code)
    }

    #[track_caller]
    fn ask_with(&self, arguments: &[&str], rest: &[&str], code: i32) -> String {
        let node = format!("http://{}", self.cluster.api(0));
        let (found, text) = self.run(&[arguments, &["--node", &node], rest].concat());
        assert_eq!(found, Some(code), "{arguments:?}: {text}");
        text
    }

    #[track_caller]
    pub(crate) fn submit(&self, file: &str, who: &str) {
        let key = format!("{who}.key");
        let text = self.ask_with(&["tx", "submit", "--file", file], &["--key", &key], 0);
        assert!(text.contains("Ok (0)"), "{text}");
    }

    /// Seals a file of Olga's for these readers.
    #[track_caller]
    pub(crate) fn seal(&self, arguments: &[&str], readers: &[String], code: i32) -> String {
        let readers: Vec<&str> = readers.iter().flat_map(|reader| ["--to", reader]).collect();
        let seal = ["record", "seal", "--owner", "1"];
        self.ask("olga", &[&seal, arguments, &readers].concat(), code)
    }

    /// Opens the document in a folder with this account's key, as whoever acts for it.
    #[track_caller]
    pub(crate) fn open_as(&self, folder: &str, account: u64, rest: &[&str], code: i32) -> String {
        let who = if account == STRANGER { "sam" } else { "rudi" };
        let (number, key) = (account.to_string(), reader_file(account));
        let reader = ["--reader", number.as_str(), "--reader-key", key.as_str()];
        let document = format!("{folder}/document");
        let open = ["record", "open", document.as_str()];
        self.ask(who, &[&open[..], &reader, rest].concat(), code)
    }

    /// The wrap of a reader in a description, in hex.
    pub(crate) fn wrap_in(&self, file: &str, account: u64) -> String {
        let description = self.json(file);
        let calls = description["calls"].as_array().expect("calls").iter();
        let gifts = calls.filter_map(|call| call.get("records.give-wrap"));
        let mut own = gifts.filter(|gift| gift["reader"] == account);
        let wrap = own.next().expect("a gift")["wrap"].as_str();
        wrap.expect("a text").to_owned()
    }
}

pub(crate) fn reader_file(account: u64) -> String {
    format!("reader-{account}.key")
}

/// Files under a folder, but not under these.
pub(crate) fn files(folder: &Path, but: &[&Path]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !but.contains(&path.as_path()) {
            found.extend(files(&path, but));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

/// Files under a folder that hold one of these parts, of at least eight bytes each, as it is or in hex digits. Every byte is looked at once.
pub(crate) fn files_with<'a>(folder: &Path, parts: impl Iterator<Item = &'a [u8]>) -> Vec<PathBuf> {
    let both = |part: &[u8]| [part.to_vec(), hex::encode(part).into_bytes()];
    let parts: Vec<Vec<u8>> = parts.flat_map(both).collect();
    let mut starts: Vec<u64> = parts.iter().map(|part| word(part)).collect();
    starts.sort_unstable();
    let mut found = files(folder, &[]);
    found.retain(|path| {
        let content = std::fs::read(path).expect("a file");
        content.windows(8).enumerate().any(|(at, window)| {
            starts.binary_search(&word(window)).is_ok()
                && parts.iter().any(|part| content[at..].starts_with(part))
        })
    });
    found
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"))
}
