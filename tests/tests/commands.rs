//! What a member does at the command line, against a real validator: find a call, describe it, send it, endorse what takes
//! two, ask, and keep a receipt that holds without any network.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bds_client::Signer;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Quantity};
use bds_contracts::block::ValidatorSet;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisHolding, GenesisInstrument, GenesisMember,
    Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::tx::{AccountId, Millis};
use bds_node::measure::cluster::Cluster;
use bds_tests::process::bds;
use serde_json::{Value, json};

const START: Duration = Duration::from_secs(30);
const UNIT: InstrumentId = InstrumentId(1);

fn member(seed: u8, roles: Roles, name: &str) -> GenesisMember {
    GenesisMember {
        key: signer(seed).public_key(),
        roles,
        name: name.to_owned(),
    }
}

fn signer(seed: u8) -> Signer {
    Signer::from_seed(&[seed; 32])
}

/// Alice trades for two accounts; two administrators register members.
fn genesis() -> Genesis {
    let account = |number| GenesisAccount {
        account: AccountId(number),
        holder: HolderId(number),
        kind: AccountKind::Trading,
        currency: Currency::EUR,
        threshold: 1,
        representatives: vec![signer(1).public_key()],
    };
    Genesis {
        version: GENESIS_VERSION,
        name: "commands".into(),
        profile: Profile::Consortium,
        mode: Mode::Verified,
        time: Millis(1),
        checkpoint_interval: 16,
        validators: ValidatorSet {
            epoch: 0,
            validators: Vec::new(),
        },
        members: vec![
            member(1, Roles::TRADER, "alice"),
            member(2, Roles::REGISTRY_ADMINISTRATOR, "bob"),
            member(3, Roles::REGISTRY_ADMINISTRATOR, "carol"),
        ],
        accounts: vec![account(1), account(3)],
        instruments: vec![GenesisInstrument {
            instrument: UNIT,
            symbol: "EUA".into(),
            right: Right::Allowance,
            form: Form::Fungible,
            vintage: 2026,
            scale: 0,
            currency: Currency::EUR,
            tick: 1,
            lot: Quantity(1),
            step_value: 100,
        }],
        markets: Vec::new(),
        cash: Vec::new(),
        holdings: vec![GenesisHolding {
            account: AccountId(1),
            instrument: UNIT,
            quantity: Quantity(1000),
        }],
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

/// A validator, and a folder with key files where the commands run.
struct Desk {
    cluster: Cluster,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Desk {
    fn open() -> Self {
        Self::of(genesis())
    }

    fn of(genesis: Genesis) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let mut cluster = Cluster::prepare(&folder.path().join("net"), genesis, 1, &[])
            .expect("homes")
            .with_program(bds());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(cluster.start(START)).expect("a validator");
        for (seed, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
            let file = folder.path().join(format!("{name}.key"));
            signer(seed).write_new(&file).expect("written");
        }
        Self {
            cluster,
            folder,
            _runtime: runtime,
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    /// Runs a command that asks the validator.
    fn ask(&self, arguments: &[&str]) -> Said {
        let node = format!("http://{}", self.cluster.api(0));
        run(
            self.folder.path(),
            &[arguments, &["--node", &node]].concat(),
        )
    }

    fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.cluster.api(0));
        let answer = reqwest::blocking::get(url).expect("an answer");
        answer.text().expect("text")
    }
}

/// Exit code and everything printed.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Said {
    #[track_caller]
    fn ends(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for word in words {
            assert!(
                self.text.contains(word),
                "`{word}` is missing in: {}",
                self.text
            );
        }
        self
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Said {
    let (code, text) = bds_tests::process::run(folder, arguments);
    Said { code, text }
}

fn transfer(quantity: u64) -> Value {
    json!({ "units.transfer": { "from": 1, "to": 3, "instrument": 1, "quantity": quantity } })
}

#[test]
fn a_transfer_is_described_sent_asked_about_and_proven() {
    let desk = Desk::open();
    let description = json!({ "key": "alice.key", "call": transfer(20) });
    desk.file("transfer.json", &description.to_string());
    let said = desk.ask(&["tx", "submit", "--file", "transfer.json"]);
    said.ends(
        0,
        &[
            "applied in block",
            "Ok (0)",
            "units.transferred",
            r#""quantity":20"#,
        ],
    );
    let id = said
        .text
        .split_whitespace()
        .next()
        .expect("an id")
        .to_owned();

    let nonce = desk.ask(&[
        "query",
        "member",
        &format!("key={}", signer(1).public_key()),
    ]);
    nonce.ends(0, &[r#""nonce": 1"#]);
    let holding = desk.ask(&["query", "holding", "account=3", "instrument=1"]);
    holding.ends(0, &["\"held\": 20"]);
    desk.ask(&["query", "nonsense"]).ends(1, &["nonsense"]);
    run(desk.folder.path(), &["query", "--help"]).ends(0, &["member", "holding"]);

    let genesis = desk.cluster.home(0).join("genesis.json");
    let genesis = genesis.to_str().expect("a path in UTF-8");
    desk.ask(&["receipt", &id, "--out", "receipt.json"])
        .ends(0, &["receipt of block"]);
    let verify = || {
        let arguments = ["verify-receipt", "receipt.json", "--genesis", genesis];
        run(desk.folder.path(), &arguments)
    };
    verify().ends(0, &["valid", &id, "units.transferred"]);
    let path = desk.folder.path().join("receipt.json");
    let good = std::fs::read_to_string(&path).expect("a document");
    // The amount that people read, not the bytes that are proven.
    let lie = good.replacen("\"quantity\": 20", "\"quantity\": 2000", 1);
    assert_ne!(lie, good);
    std::fs::write(&path, lie).expect("written");
    verify().ends(3, &["events"]);
    let bytes = serde_json::from_str::<Value>(&good).expect("JSON")["receipt"]["bytes"].clone();
    let bytes = bytes.as_str().expect("hex");
    let other = bytes.replacen("14000000", "15000000", 1);
    assert_ne!(other, bytes);
    let mut bare: Value = serde_json::from_str(&good).expect("JSON");
    bare["receipt"] = json!({ "bytes": other });
    std::fs::write(&path, bare.to_string()).expect("written");
    verify().ends(1, &["INVALID"]);

    desk.ask(&["events"]).ends(0, &["units.transferred", &id]);
    let unknown = "00".repeat(64);
    desk.ask(&["receipt", &unknown]).ends(1, &["no receipt"]);
    let metrics = desk.metrics();
    for line in [
        "bds_commit_latency_seconds_count 1\n",
        "bds_queue_items_max{queue=\"submissions\"} 64\n",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
}

#[test]
fn many_calls_go_together_and_many_transactions_in_a_file() {
    let desk = Desk::open();
    let both = json!({ "key": "alice.key", "calls": [transfer(1), transfer(100_000)] });
    desk.file("both.json", &both.to_string());
    let said = desk.ask(&["tx", "submit", "--file", "both.json"]);
    said.ends(1, &["BalanceTooLow (41)", "`calls[1]`"]);
    let none = desk.ask(&["query", "holding", "account=3", "instrument=1", "--json"]);
    assert!(
        !none.text.contains("\"held\": 1"),
        "all or none: {}",
        none.text
    );

    let lines: Vec<String> = (1..=3)
        .map(|quantity| json!({ "key": "alice.key", "call": transfer(quantity) }).to_string())
        .collect();
    desk.file("lines.json", &lines.join("\n"));
    let said = desk.ask(&["batch", "submit", "--file", "lines.json"]);
    said.ends(0, &[]);
    assert_eq!(said.text.matches("Ok (0)").count(), 3, "{}", said.text);
    desk.file("lines.json", &format!("{}\n{{\"cal\": 1}}", lines[0]));
    desk.ask(&["batch", "submit", "--file", "lines.json"])
        .ends(3, &["line 2", "cal"]);
    let wrong = json!({ "key": "alice.key", "call": { "units.transfer": { "from": 1, "to": 3, "instrument": 1 } } });
    desk.file("wrong.json", &wrong.to_string());
    desk.ask(&["tx", "submit", "--file", "wrong.json"])
        .ends(3, &["units.transfer", "quantity"]);
}

#[test]
fn what_takes_two_is_endorsed_first() {
    let desk = Desk::open();
    let new = json!({ "key": "bob.key", "call": { "identity.register-member": {
        "key": signer(9).public_key(), "roles": ["trader"], "name": "dora",
    }}});
    desk.file("new.json", &new.to_string());
    desk.ask(&["tx", "submit", "--file", "new.json"])
        .ends(1, &["NotEndorsed (220)", "second member"]);
    desk.ask(&["tx", "endorse", "--file", "new.json", "--key", "carol.key"])
        .ends(0, &["identity.endorsed"]);
    desk.ask(&["tx", "submit", "--file", "new.json"])
        .ends(0, &["identity.member-registered"]);
    let dora = format!("key={}", signer(9).public_key());
    desk.ask(&["query", "member", &dora])
        .ends(0, &["dora", "trader"]);
}

#[test]
fn a_contract_is_checked_deployed_run_and_shown() {
    let mut with_regulator = genesis();
    with_regulator.members[1].roles = Roles::REGULATOR;
    let desk = Desk::of(with_regulator);
    let text = r#"(module
        (import "bds" "input" (func $input (param i32 i32) (result i32)))
        (import "bds" "call" (func $call (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "pass") (result i32)
            (call $call (i32.const 3) (i32.const 1) (i32.const 0) (call $input (i32.const 0) (i32.const 64))
                (i32.const 0))))"#;
    let code = wat::parse_str(text).expect("a module");
    std::fs::write(desk.folder.path().join("pass.wasm"), code).expect("written");
    let float = r#"(module (memory (export "memory") 1)
        (func (export "pass") (result i32) (drop (f64.const 1)) (i32.const 0)))"#;
    let float = wat::parse_str(float).expect("a module");
    std::fs::write(desk.folder.path().join("float.wasm"), float).expect("written");
    desk.file("text.wasm", text);
    let check = |file| run(desk.folder.path(), &["contract", "build-check", file]);
    check("pass.wasm").ends(0, &["methods  pass", "uses     call, input"]);
    check("text.wasm").ends(1, &["does not fit", "integers only"]);
    check("float.wasm").ends(1, &["does not fit", "floating-point"]);
    check("none.wasm").ends(3, &["cannot read none.wasm"]);

    let deploy = |file, calls, rest: &[&str]| {
        let what = [
            "contract", "deploy", file, "--name", "pass", "--calls", calls,
        ];
        let who = ["--key", "alice.key", "--out", "activate.json"];
        desk.ask(&[&what[..], &who, rest].concat())
    };
    deploy("text.wasm", "units.transfer", &[]).ends(3, &["does not fit"]);
    deploy("pass.wasm", "units.rob", &[]).ends(3, &["no method `units.rob`"]);
    for closed in ["identity.endorse", "wasm.run", "standing.at"] {
        deploy("pass.wasm", closed, &[]).ends(3, &["no contract calls"]);
    }
    deploy("pass.wasm", "units.transfer", &["--role", "king"]).ends(3, &["king"]);
    deploy("pass.wasm", "units.transfer", &["--role", "regulator"]).ends(3, &["no role of the"]);
    deploy("pass.wasm", "units.transfer", &["--version", "2"]).ends(3, &["the next is 1, not 2"]);
    assert!(!desk.folder.path().join("activate.json").exists());
    deploy("pass.wasm", "units.transfer", &[]).ends(0, &["wasm.upload-completed"]);
    desk.ask(&[
        "tx",
        "endorse",
        "--file",
        "activate.json",
        "--key",
        "carol.key",
    ])
    .ends(0, &["identity.endorsed"]);
    desk.ask(&[
        "tx",
        "submit",
        "--file",
        "activate.json",
        "--key",
        "bob.key",
    ])
    .ends(0, &["wasm.activated"]);

    // From account 1 to account 3, seven units of instrument 1.
    let parts: [&[u8]; 4] = [
        &1_u64.to_le_bytes(),
        &3_u64.to_le_bytes(),
        &1_u32.to_le_bytes(),
        &7_u64.to_le_bytes(),
    ];
    let input = hex::encode(parts.concat());
    let call = |method, input: &str| {
        let what = ["contract", "call", "pass", method, "--input", input];
        desk.ask(&[&what[..], &["--key", "alice.key", "--version", "1"]].concat())
    };
    call("pass", &input).ends(0, &["units.transferred", "wasm.ran"]);
    call("pass", "00").ends(1, &["DeployedRefused (547)", "pass refuses with 1"]);
    call("rob", &input).ends(1, &["UnknownExport (544)"]);
    call("pass", "0g").ends(3, &["hexadecimal"]);
    desk.ask(&["query", "holding", "account=3", "instrument=1"])
        .ends(0, &["\"held\": 7"]);
    desk.ask(&["contract", "inspect", "pass"])
        .ends(0, &["\"units.transfer\"", "\"version\": 1", "\"history\""]);
    desk.ask(&["contract", "inspect"]).ends(0, &["\"pass\""]);
    desk.ask(&["contract", "inspect", "none"])
        .ends(1, &["does not exist"]);
}

#[test]
fn whoever_works_joins_a_public_ledger_and_leaves_it() {
    let desk = Desk::of(Genesis {
        profile: Profile::Public,
        ..genesis()
    });
    let key = signer(9);
    key.write_new(&desk.folder.path().join("dora.key"))
        .expect("written");
    let dora = format!("key={}", key.public_key());
    desk.ask(&["query", "joining"]).ends(0, &["\"bits\": 20"]);
    desk.ask(&["query", "member", &dora])
        .ends(1, &["Not found", "does not exist"]);
    // Without work, it stays a stranger.
    let call = json!({ "key": "dora.key", "nonce": 0, "call": { "identity.join": { "work": 1 } } });
    desk.file("join.json", &call.to_string());
    desk.ask(&["tx", "submit", "--file", "join.json"])
        .ends(1, &["WorkMissing (207)", "zero bits"]);
    desk.ask(&["tx", "join", "--key", "dora.key"])
        .ends(0, &["identity.joined"]);
    desk.ask(&["query", "member", &dora])
        .ends(0, &["consumer", "\"nonce\": 1"]);
    desk.ask(&["tx", "join", "--key", "dora.key"])
        .ends(1, &["MemberExists"]);
    let open = json!({ "key": "dora.key", "call": { "identity.open-own-account": { "currency": "EUR" } } });
    desk.file("open.json", &open.to_string());
    desk.ask(&["tx", "submit", "--file", "open.json"])
        .ends(0, &["identity.account-opened"]);
    desk.ask(&["tx", "submit", "--file", "open.json"])
        .ends(1, &["OwnAccountOpened (225)"]);
    let leave = json!({ "key": "dora.key", "call": { "identity.leave": {} } });
    desk.file("leave.json", &leave.to_string());
    desk.ask(&["tx", "submit", "--file", "leave.json"])
        .ends(0, &["identity.left"]);
    desk.ask(&["tx", "join", "--key", "dora.key"])
        .ends(0, &["identity.joined"]);
}

#[test]
fn where_members_are_designated_nobody_joins() {
    let desk = Desk::open();
    let file = desk.folder.path().join("dora.key");
    signer(9).write_new(&file).expect("written");
    desk.ask(&["tx", "join", "--key", "dora.key"])
        .ends(3, &["two of its registry", "register-member"]);
}

/// As `bds methods | head` does, once it has enough.
#[test]
fn whoever_stops_reading_breaks_nothing() {
    let mut child = Command::new(bds())
        .args(["methods", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bds runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn calls_are_listed_without_a_node() {
    let folder = tempfile::tempdir().expect("a directory");
    run(folder.path(), &["methods"]).ends(0, &["units.transfer", "identity.endorse"]);
    let one = run(folder.path(), &["methods", "units.transfer"]);
    one.ends(
        0,
        &["trader", "quantity", "AccountId", r#"{"units.transfer":"#],
    );
    assert!(!one.text.contains("units.issue"), "{}", one.text);
    run(folder.path(), &["methods", "units"]).ends(0, &["units.issue"]);
    run(folder.path(), &["methods", "unit"]).ends(1, &["`unit`"]);
    let listed = run(folder.path(), &["methods", "money", "--json"]);
    let listed: Value = serde_json::from_str(&listed.ends(0, &[]).text).expect("JSON");
    assert_eq!(listed[0]["call"], "money.transfer");
}

/// The figures are those of section 11 of Nakamoto's paper, which the paper of this ledger takes over.
#[test]
fn tampering_is_worked_out_written_and_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| -> Output {
        let mut command = Command::new(bds());
        command.args(["security", "tamper"]).args(arguments);
        command.current_dir(dir.path()).output().unwrap()
    };
    let told = run(&["--q", "0.1,0.3", "--n", "4..5", "--csv", "a.csv", "--json"]);
    assert!(told.status.success());
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let five = |share: usize| {
        told["shares"][share]["probabilities"][1][1]
            .as_f64()
            .unwrap()
    };
    assert!((five(0) - 0.000_913_7).abs() < 5e-8 && (five(1) - 0.177_352_3).abs() < 5e-8);
    // By hand: (1/9)^5, and 5/9.
    let first = |name: &str| told["shares"][0][name][1][1].as_f64().unwrap();
    assert!((first("catches_up") - 1.0 / 59_049.0).abs() < 1e-12);
    assert!((first("expected") - 5.0 / 9.0).abs() < 1e-12);
    assert_eq!(told["shares"][0]["gap_below"], 5);
    assert_eq!(told["shares"][1]["gap_below"], 24);
    let csv = std::fs::read_to_string(dir.path().join("a.csv")).unwrap();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "n,q=0.1,q=0.3"));
    assert!(lines[2].starts_with("5,0.00091"), "{}", lines[2]);

    assert!(run(&["--svg", "a.svg", "--png", "a.png"]).status.success());
    let svg = std::fs::read_to_string(dir.path().join("a.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("q = 0.45"));
    let png = std::fs::read(dir.path().join("a.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 10_000);

    for (wrong, status, says) in [
        (&["--q", "1.5"][..], 2, "must be 0 to 1"),
        (&["--below", "0"], 2, "must be above 0"),
        (&["--n", "5..4"], 2, "must rise"),
        (&["--n", "0..100001"], 2, "100000"),
        (&["--png", "a.jpg"], 3, "must end with .png"),
        (&["--svg", "no/where.svg"], 3, "no/where.svg"),
    ] {
        let told = run(wrong);
        assert_eq!(told.status.code(), Some(status), "{wrong:?}");
        let error = String::from_utf8(told.stderr).unwrap();
        assert!(error.contains(says), "{wrong:?}: {error}");
    }
}

/// The model is the union of both files; what CIM/E cannot carry of the third is told.
#[test]
fn models_are_imported_and_written_in_other_forms() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| run(dir.path(), &[&["import"][..], arguments].concat());
    let root = "<rdf:RDF xmlns:cim=\"http://iec.ch/TC57/CIM100#\" xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">";
    let write =
        |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    let switch =
        "<cim:Breaker rdf:ID=\"_b\"><cim:Switch.retained>true</cim:Switch.retained></cim:Breaker>";
    write("eq.xml", &format!("{root}{switch}</rdf:RDF>"));
    let state =
        "<cim:Breaker rdf:about=\"#_b\"><cim:Switch.open>false</cim:Switch.open></cim:Breaker>";
    write("ssh.xml", &format!("{root}{state}</rdf:RDF>"));
    write(
        "bids.e",
        "<! type=bid !>\n<Bid::north>\n@ id price\n$ - EUR/MWh\n# 1 4.5\n</Bid::north>\n",
    );
    write("bad.xml", &format!("{root}\n<cim:Breaker/></rdf:RDF>"));
    write(
        "plan.g",
        "<G><CBreaker id=\"1\" rdfid=\"_b\"/><Bus id=\"2\" rdfid=\"_c\"/></G>",
    );
    write(
        "units.csv",
        "Serial Number,Quantity\nACR-US-934-2024-2891-58384 to 58673,290\nACR-US-934-2024-2891-58384 to 58384,1\n",
    );
    write(
        "x.scd",
        "<SCL xmlns=\"http://www.iec.ch/61850/2003/SCL\"><IED name=\"a\"/></SCL>",
    );

    run(&["cim-xml", "eq.xml", "ssh.xml"]).ends(0, &["1 objects, 0 references", "1  cim:Breaker"]);
    run(&[
        "cim-xml", "eq.xml", "ssh.xml", "--out", "cim-e", "--to", "m.e",
    ])
    .ends(0, &[]);
    run(&["cim-e", "m.e"]).ends(0, &["1 objects", "1  cim:Breaker"]);
    run(&["cim-xml", "eq.xml", "--out", "json", "--to", "m.json"]).ends(0, &[]);
    let model: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("m.json")).expect("there"))
            .expect("JSON");
    assert_eq!(
        model["objects"][0]["properties"][0],
        json!({ "name": "cim:Switch.retained", "text": "true" })
    );
    run(&["cim-e", "bids.e", "--out", "json"]).ends(
        0,
        &["\"EUR/MWh\"", "is the entity of a block", "line 2: `north`"],
    );
    run(&["cim-e", "bids.e", "--out", "cim-xml"])
        .ends(0, &["<e:price>4.5</e:price>", "has a unit"]);
    run(&["cim-xml", "bad.xml", "--out", "json", "--to", "bad.json"]).ends(
        3,
        &[
            "bad.xml",
            "line 2, column 1",
            "neither rdf:ID nor rdf:about",
        ],
    );
    assert!(!dir.path().join("bad.json").exists() && !dir.path().join("bad.json.partial").exists());
    run(&["cim-g", "plan.g", "--model", "eq.xml"])
        .ends(1, &["3 shapes, 2 devices", "Bus `_c` is not in the model"]);
    run(&["registry", "units.csv"]).ends(
        1,
        &[
            "2 rows agree, 1 faults",
            "line 2: units 58384 to 58384",
            "291  Acr",
        ],
    );
    run(&["scl", "x.scd"]).ends(0, &["2 objects", "1  cim:Asset"]);
    run(&["cim-e", "none.e"]).ends(3, &["none.e"]);
    run(&["cim-e"]).ends(2, &["FILE"]);
}

#[test]
fn tables_are_cleaned_by_a_schema() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        run(
            dir.path(),
            &[&["clean", "--schema", "meters"][..], arguments].concat(),
        )
    };
    let table = "Meter,Power,Address,True\nM-1,5.5 kW,1 Sun Lane,a\nm1,5500 W,1 Sun Lane,a\nM2,2 kW,9 Far Road,b\n";
    std::fs::write(dir.path().join("m.csv"), table).expect("written");
    std::fs::write(dir.path().join("bad.csv"), "Meter,Power\nM1,3.000\n").expect("written");
    run(&[
        "m.csv", "--out", "m.jsonl", "--review", "m.review", "--truth", "True",
    ])
    .ends(
        0,
        &[
            "3 rows, 2 records, 0 pairs in doubt",
            "precision 100.00 %, recall 100.00 %",
            "of 2 things",
        ],
    );
    let records = std::fs::read_to_string(dir.path().join("m.jsonl")).expect("there");
    let first: Value =
        serde_json::from_str(records.lines().next().expect("a record")).expect("JSON");
    assert_eq!(first["lines"], json!([2, 3]));
    assert_eq!(
        first["properties"][1],
        json!({ "name": "power", "as": "cim:UsagePoint.ratedPower", "value": "5.5", "unit": "kW", "raw": "5.5 kW", "lines": [2, 3] })
    );
    let review = std::fs::read_to_string(dir.path().join("m.review")).expect("there");
    assert!(
        review.starts_with("pair,why,score_ppm,class,line,meter,"),
        "{review}"
    );
    let told: Value =
        serde_json::from_str(&run(&["m.csv", "--json"]).ends(0, &[]).text).expect("JSON");
    assert_eq!(
        (&told["records"], &told["truth"]),
        (&json!(2), &Value::Null)
    );
    run(&["bad.csv"]).ends(3, &["bad.csv", "line 2, column 2", "two ways"]);
    run(&["m.csv", "--schema", "none"]).ends(2, &["--schema"]);
}

/// Without a terminal nothing is asked: all answers are on the command line, or what is missing is named.
#[test]
fn a_profile_is_proposed_for_what_is_answered() {
    let folder = tempfile::tempdir().expect("a directory");
    let advise = |answers: &str| {
        let arguments: Vec<&str> = std::iter::once("advise")
            .chain(answers.split_whitespace())
            .collect();
        run(folder.path(), &arguments)
    };
    let plant = "participants=designated stay=years writing=permission content=partly rules=together audit=no speed=yes";
    let fits = "slow-agreement=yes consensus=yes authenticity=yes flow=yes";
    let said = advise(&format!("{fits} {plant}"));
    said.ends(
        0,
        &["profile consortium", "genesis new --profile consortium"],
    );
    let said = advise(&format!("{fits} {plant} --json"));
    let answer: Value = serde_json::from_str(&said.text).expect("JSON");
    assert_eq!(
        (&answer["fits"], &answer["profile"]),
        (&json!(true), &json!("consortium"))
    );
    let without = fits.replacen("yes", "no", 2);
    advise(&format!("{without} {plant}")).ends(1, &["No chain", "profile consortium"]);
    advise(plant).ends(2, &["not answered: slow-agreement, consensus"]);
    advise("content=secret").ends(2, &["`secret` is no answer to `content`"]);
    advise("--questions").ends(0, &["participants: Who takes part?", "designated"]);
    let said = run(folder.path(), &["genesis", "new", "--profile", "private"]);
    said.ends(0, &[r#""profile": "private""#]);
}
