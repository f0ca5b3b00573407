//! A private ledger with real validators: its network is closed to whoever has no key to it, its content to whoever may not read.

use std::path::Path;
use std::time::{Duration, Instant};

use bds_client::{Client, Signer};
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money};
use bds_contracts::block::ValidatorSet;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisCash, GenesisMember, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::tx::{AccountId, Millis};
use bds_node::keys::SHARED_KEY_FILE;
use bds_node::measure::cluster::Cluster;
use bds_tests::process::{bds, run};
use tokio::runtime::Runtime;

const START: Duration = Duration::from_secs(30);
const VALIDATORS: usize = 4;

fn signer(seed: u8) -> Signer {
    Signer::from_seed(&[seed; 32])
}

/// A trader with an account, another's account, an auditor.
fn genesis(profile: Profile) -> Genesis {
    let member = |seed, roles, name: &str| GenesisMember {
        key: signer(seed).public_key(),
        roles,
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
    let cash = |number| GenesisCash {
        account: AccountId(number),
        currency: Currency::EUR,
        amount: Money(1_000),
    };
    Genesis {
        version: GENESIS_VERSION,
        name: "access".into(),
        profile,
        mode: Mode::Verified,
        time: Millis(1),
        checkpoint_interval: 16,
        validators: ValidatorSet {
            epoch: 0,
            validators: Vec::new(),
        },
        members: vec![
            member(1, Roles::TRADER, "alice"),
            member(2, Roles::TRADER, "bob"),
            member(3, Roles::AUDITOR, "carol"),
        ],
        accounts: vec![account(1, 1), account(2, 2)],
        instruments: Vec::new(),
        markets: Vec::new(),
        cash: vec![cash(1), cash(2)],
        holdings: Vec::new(),
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

fn cluster(folder: &Path, profile: Profile) -> Cluster {
    let settings = [("api.reads".to_owned(), "profile".to_owned())];
    Cluster::prepare(&folder.join("net"), genesis(profile), VALIDATORS, &settings)
        .expect("homes")
        .with_program(bds())
}

#[test]
fn a_private_ledger_is_closed_at_both_doors() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path();
    let mut cluster = cluster(folder, Profile::Private);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(cluster.start(START)).expect("validators");
    for (seed, name) in [(1, "alice"), (3, "carol"), (9, "stranger")] {
        let file = folder.join(format!("{name}.key"));
        signer(seed).write_new(&file).expect("written");
    }
    let node = format!("http://{}", cluster.api(0));
    let ask = |arguments: &[&str], reader: Option<&str>| {
        let reader: Vec<&str> = reader.into_iter().flat_map(|file| ["--as", file]).collect();
        run(folder, &[arguments, &["--node", &node], &reader].concat())
    };
    let own = ["query", "cash", "account=1", "currency=EUR"];
    let others = ["query", "cash", "account=2", "currency=EUR"];
    let none = ["query", "cash", "account=3", "currency=EUR"];
    let summary = ["query", "summary"];
    for question in [&own[..], &others, &none, &summary] {
        let (code, text) = ask(question, None);
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains("401"), "{text}");
        let (code, text) = ask(question, Some("stranger.key"));
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains("403"), "{text}");
    }
    let (code, text) = ask(&own, Some("alice.key"));
    assert!(code == Some(0) && text.contains("1000"), "{text}");
    // What is another's and what is not there are refused with the same words.
    let (_, of_bob) = ask(&others, Some("alice.key"));
    let (_, of_nobody) = ask(&none, Some("alice.key"));
    assert!(of_bob.contains("403"), "{of_bob}");
    assert_eq!(of_bob, of_nobody);
    for question in [&own[..], &others, &summary] {
        let (code, text) = ask(question, Some("carol.key"));
        assert_eq!(code, Some(0), "{text}");
    }
    // Sending asks for the own nonce first, as the member that sends.
    std::fs::write(
        folder.join("nothing.json"),
        r#"{ "key": "alice.key", "call": { "identity.nothing": {} } }"#,
    )
    .expect("written");
    let (code, text) = ask(&["tx", "submit", "--file", "nothing.json"], None);
    assert!(code == Some(0) && text.contains("Ok (0)"), "{text}");

    let home = cluster
        .home(0)
        .to_str()
        .expect("a path in UTF-8")
        .to_owned();
    let (code, text) = run(folder, &["ledger", "reads", &home, "--json"]);
    assert_eq!(code, Some(0), "{text}");
    let log = cluster.home(0).join("reads.log");
    let lines = std::fs::read_to_string(&log).expect("a log");
    assert!(
        lines.contains(&signer(3).public_key().to_string()),
        "{lines}"
    );
    // One digit of one line.
    let changed = lines.replacen("account=2", "account=1", 1);
    assert_ne!(changed, lines);
    std::fs::write(&log, changed).expect("written");
    let (code, text) = run(folder, &["ledger", "reads", &home]);
    assert!(code == Some(1) && text.contains("NOT WHOLE"), "{text}");
    std::fs::write(&log, lines).expect("written");

    // The other door: a validator of the set with another key, and one without any.
    runtime.block_on(cluster.stop(3, START)).expect("it stops");
    let shared = cluster.home(3).join(SHARED_KEY_FILE);
    let good = std::fs::read_to_string(&shared).expect("a key");
    std::fs::write(&shared, "ab".repeat(32)).expect("written");
    cluster.restart(3).expect("it starts");
    let lonely = Client::new([format!("http://{}", cluster.api(3))]).expect("a URL");
    let others = Client::new([node.clone()]).expect("a URL");
    runtime.block_on(async {
        // It serves, and is connected to nobody while the others' attempts and its own come and go.
        let served = Instant::now() + START;
        while lonely.status().await.is_err() {
            assert!(Instant::now() < served, "it does not serve");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // A transaction goes through without it: the others are three of four.
        let before = others.status().await.expect("a status").certified;
        let (code, text) = ask(&["tx", "submit", "--file", "nothing.json"], None);
        assert!(code == Some(0), "{text}");
        let after = others.status().await.expect("a status");
        assert!(after.certified > before && after.peers == 2, "{after:?}");
        assert_eq!(lonely.status().await.expect("a status").peers, 0);
    });
    runtime.block_on(cluster.stop(3, START)).expect("it stops");
    std::fs::remove_file(&shared).expect("removed");
    let home = cluster
        .home(3)
        .to_str()
        .expect("a path in UTF-8")
        .to_owned();
    let (code, text) = run(folder, &["start", "--home", &home]);
    assert!(code == Some(3) && text.contains("bds keys new"), "{text}");
    let (code, text) = run(folder, &["doctor", "--home", &home]);
    assert!(code != Some(0) && text.contains("shared key"), "{text}");
    std::fs::write(&shared, good).expect("written");
    cluster.restart(3).expect("it starts");
    runtime
        .block_on(cluster.wait_ready(START))
        .expect("all are ready again");
}

#[test]
fn a_consortiums_ledger_is_read_by_its_members() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path();
    let mut cluster = cluster(folder, Profile::Consortium);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(cluster.start(START)).expect("validators");
    let client = Client::new([format!("http://{}", cluster.api(1))]).expect("a URL");
    let chain = cluster.genesis().chain_id();
    runtime.block_on(async {
        let nothing = std::collections::BTreeMap::new();
        let refused = client
            .query("summary", &nothing)
            .await
            .expect_err("no token");
        assert!(refused.to_string().contains("401"), "{refused}");
        let alice = client.clone().reading_as(signer(1), Some(chain));
        alice
            .query("summary", &nothing)
            .await
            .expect("a member reads");
        let stranger = client.clone().reading_as(signer(9), Some(chain));
        let refused = stranger
            .query("summary", &nothing)
            .await
            .expect_err("no member");
        assert!(refused.to_string().contains("403"), "{refused}");
    });
    assert!(!cluster.home(1).join("reads.log").exists());
}
