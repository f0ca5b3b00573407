//! Sealed records on four real validators, read as the profile says: readers open one, nobody else does, no validator's disk has the plaintext, and
//! once the share is gone nothing that is left opens what the ledger keeps for ever.

#[path = "records/office.rs"]
mod office;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use bds_contracts::genesis::Profile;
use bds_contracts::records::version::BODY_MAX;
use bds_seal::SealError;
use bds_seal::document::Document;
use bds_seal::key::ReaderSecret;
use bds_seal::wrap::{Grant, unwrap};
use office::{Office, PATIENCE, READERS, STRANGER, files, files_with, reader_file};
use serde_json::{Value, json};

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

fn key_in(hex: &Value) -> [u8; 32] {
    let mut key = [0; 32];
    hex::decode_to_slice(hex.as_str().expect("a text"), &mut key).expect("32 bytes");
    key
}

#[test]
fn a_sealed_record_is_opened_by_its_readers_until_it_is_erased() {
    let mut office = Office::open(Profile::Private);
    let genesis = office.genesis();
    let secret = personal_data();
    office.write("person.txt", &secret);
    let readers: Vec<String> = READERS.map(|account| account.to_string()).collect();
    let new = [
        "person.txt",
        "--record",
        "7",
        "--class",
        "consumers",
        "--erasable",
        "--out",
        "sealed",
    ];
    let twice = [&readers[..2], &readers[..1]].concat();
    let said = office.seal(&new, &twice, 3);
    assert!(said.contains("account 11 is named twice"), "{said}");
    let said = office.seal(&[&new[..], &["--genesis", &genesis]].concat(), &readers, 0);
    assert!(said.contains("account 24 reads with"), "{said}");
    assert!(said.contains("proven after block"), "{said}");
    office.submit("sealed/submit.json", "olga");

    // Readers that manage nothing: they may ask what they were given, and nothing else of the record.
    let share = ["--share", "sealed/share"];
    for account in READERS {
        let said = office.open_as("sealed", account, &share, 0);
        assert!(said.starts_with(&secret), "{said}");
        let told = "opened 1 of 1 slices of version 1 of record 7 of account 1, given to account";
        assert!(said.contains(&format!("{told} {account} at ")), "{said}");
    }
    let version = [
        "query",
        "record-version",
        "account=1",
        "record=7",
        "version=1",
    ];
    assert!(office.ask("rudi", &version, 3).contains("403"));
    let sure = [&share[..], &["--genesis", &genesis]].concat();
    let said = office.open_as("sealed", 11, &sure, 0);
    assert!(said.contains("proven after block"), "{said}");
    let none = office.open_as("sealed", STRANGER, &share, 1);
    assert!(
        none.contains("account 30 is no reader of record 7"),
        "{none}"
    );
    let open = ["record", "open", "sealed/document", "--reader", "11"];
    let with_key = |key| [&open[..], &["--reader-key", key], &share].concat();
    let foreign = office.ask("sam", &with_key("reader-11.key"), 3);
    assert!(foreign.contains("403"), "{foreign}");
    let other = office.ask("rudi", &with_key("reader-12.key"), 1);
    assert!(other.contains("does not open it"), "{other}");
    let half = office.open_as("sealed", 11, &[], 1);
    assert!(half.contains("share is missing"), "{half}");
    let chosen = ["--owner", "1", "--record", "7", "--version", "1"];
    office.open_as("sealed", 11, &[&chosen, &share[..]].concat(), 0);
    for (name, wrong) in [("--owner", "2"), ("--record", "8"), ("--version", "2")] {
        let said = office.open_as("sealed", 11, &[name, wrong], 1);
        assert!(said.contains("not what was chosen"), "{said}");
    }

    // One more, later, by whoever holds the keys.
    let give = ["record", "give", "sealed/record.key", "--to", "30"];
    let said = office.ask("olga", &[&give[..], &["--out", "give.json"]].concat(), 0);
    assert!(said.contains("--genesis has it proven"), "{said}");
    office.submit("give.json", "olga");
    let said = office.open_as("sealed", STRANGER, &share, 0);
    assert!(said.starts_with(&secret), "{said}");

    let kept = office.json("sealed/record.key");
    let erase = ["record", "erase", "sealed/record.key", "sealed/share"];
    let (code, text) = office.run(&[&erase[..], &["sealed/none", "--out", "erase.json"]].concat());
    assert_eq!(code, Some(3), "{text}");
    assert_eq!(office.json("sealed/record.key"), kept);
    let (code, text) = office.run(&[&erase[..], &["--out", "erase.json"]].concat());
    assert_eq!(code, Some(0), "{text}");
    office.submit("erase.json", "olga");
    let said = office.ask("olga", &["query", "record", "account=1", "record=7"], 0);
    assert!(
        said.contains("\"erased\"") && said.contains("\"readers\": 0"),
        "{said}"
    );
    let gone = office.open_as("sealed", 11, &[], 1);
    assert!(gone.contains("is no reader"), "{gone}");
    // The owner may ask more, and is told more.
    let gone = office.ask(
        "olga",
        &[&open[..], &["--reader-key", "reader-11.key"]].concat(),
        1,
    );
    assert!(gone.contains("was erased at"), "{gone}");

    for validator in 0..4 {
        let stopped = office
            .runtime
            .block_on(office.cluster.stop(validator, PATIENCE));
        assert!(stopped.expect("it stops").success());
    }
    nothing_left_opens(&office, &secret, &kept);

    // Whatever a validator has on its disk: the sealed document is there, and nothing of what it says.
    let document = std::fs::read(office.path("sealed/document")).expect("a document");
    for validator in 0..4 {
        let home = office.cluster.home(validator);
        let sealed = files_with(home, std::iter::once(&document[200..264]));
        assert!(!sealed.is_empty(), "{home:?} has no such record");
        let leaks = files_with(home, secret.as_bytes().chunks_exact(16));
        assert!(leaks.is_empty(), "{leaks:?} have a part of it");
        let home = home.to_str().expect("a path in UTF-8");
        let (code, text) = office.run(&["ledger", "verify", home, "--replay"]);
        assert_eq!(code, Some(0), "{text}");
    }
}

/// With every reader's key and every wrap, and whatever is on the disk as the share: it opens with the share that was destroyed, and with
/// nothing else. `kept` is what was in the key file.
fn nothing_left_opens(office: &Office, secret: &str, kept: &Value) {
    assert!(!office.path("sealed/record.key").exists() && !office.path("sealed/share").exists());
    let (part, share) = (key_in(&kept["chain_part"]), key_in(&kept["share"]));
    let leaks = files_with(office.folder(), part.chunks(8).chain(share.chunks(8)));
    assert!(leaks.is_empty(), "{leaks:?} have a part of a key");

    let bytes = std::fs::read(office.path("sealed/document")).expect("a document");
    let document = Document::parse(&bytes).expect("a document");
    let grants: Vec<Grant> = READERS
        .map(|account| {
            let wrap = office.wrap_in("sealed/submit.json", account);
            let wrap = hex::decode(wrap).expect("hex");
            let file = std::fs::read_to_string(office.path(&reader_file(account))).expect("a key");
            let reader = ReaderSecret::from_bytes(&key_in(&json!(file.trim())));
            unwrap(&document.context, &document.root(), &reader, &wrap).expect("a reader")
        })
        .collect();
    for grant in &grants {
        let opened = document.open(grant, Some(&share)).expect("with the share");
        assert_eq!(*opened[0].content, secret.as_bytes());
        assert_eq!(document.open(grant, None).err(), Some(SealError::NotOpened));
    }
    let homes: Vec<PathBuf> = (0..4)
        .map(|validator| office.cluster.home(validator).to_owned())
        .collect();
    let homes: Vec<_> = homes.iter().map(PathBuf::as_path).collect();
    let mut tried = 0;
    for file in files(office.folder(), &homes) {
        let content = std::fs::read(file).expect("a file");
        let raw = content
            .windows(32)
            .filter_map(|window| window.try_into().ok());
        let digits = content.windows(64).filter_map(|window| {
            let mut key = [0; 32];
            hex::decode_to_slice(window, &mut key).ok().map(|()| key)
        });
        for candidate in raw.chain(digits) {
            tried += 1;
            assert!(document.open(&grants[0], Some(&candidate)).is_err());
        }
    }
    // The document, and the description with it in hex.
    assert!(tried > 3 * bytes.len(), "{tried}");
}

/// The first JSON value that was printed; a line of words follows it.
fn value_in(text: &str) -> Value {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    values.next().expect("a value").expect("JSON")
}

#[test]
fn a_slice_is_given_and_shown_without_the_others() {
    let office = Office::open(Profile::Consortium);
    let offer =
        json!({ "volume": 1200, "price": "71.25 EUR/MWh", "counterparty": "Stadtwerke Nord" });
    office.write("offer.json", &offer.to_string());
    let new = [
        "offer.json",
        "--fields",
        "--record",
        "3",
        "--class",
        "offers",
    ];
    let readers = ["11".to_owned(), "12:price".to_owned()];
    let said = office.seal(&[&new[..], &["--out", "offer"]].concat(), &readers, 0);
    assert!(said.contains("--genesis has it proven"), "{said}");
    office.submit("offer/submit.json", "olga");
    assert!(!office.path("offer/share").exists());
    let all = office.open_as("offer", 11, &[], 0);
    assert!(all.contains("opened 3 of 3 slices"), "{all}");
    assert_eq!(value_in(&all), offer);
    let some = office.open_as("offer", 12, &[], 0);
    assert!(some.contains("opened 1 of 3 slices"), "{some}");
    assert_eq!(value_in(&some), json!({ "price": "71.25 EUR/MWh" }));
    // What was read goes into a new file of its owner's alone.
    office.open_as("offer", 12, &["--out", "price.json"], 0);
    let mode = std::fs::metadata(office.path("price.json")).expect("a file");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        office.json("price.json"),
        json!({ "price": "71.25 EUR/MWh" })
    );
    let said = office.open_as("offer", 11, &["--out", "price.json"], 3);
    assert!(said.contains("never written over"), "{said}");

    a_slice_is_checked(&office);
    keys_of_another_content_give_nothing(&office);
    // What was sealed for ever is not said to be erased.
    let (code, text) = office.run(&["record", "erase", "offer/record.key", "--out", "erase.json"]);
    assert!(
        code == Some(3) && text.contains("cannot be erased"),
        "{text}"
    );
    assert!(office.path("offer/record.key").exists());

    // The next version, for one reader less.
    let next = ["offer.json", "--record", "3", "--out", "second"];
    office.seal(&next, &readers[..1], 0);
    office.submit("second/submit.json", "olga");
    let second = office.open_as("second", 11, &[], 0);
    assert!(second.starts_with(&offer.to_string()), "{second}");
    let old = office.open_as("offer", 11, &[], 1);
    assert!(old.contains("was given version 2 last"), "{old}");
    // The wrap of the first one, got elsewhere: no node is asked.
    office.write("wrap", &office.wrap_in("offer/submit.json", 11));
    let open = ["record", "open", "offer/document", "--wrap", "wrap"];
    let (code, text) = office.run(&[&open[..], &["--reader-key", "reader-11.key"]].concat());
    assert!(code == Some(0) && value_in(&text) == offer, "{text}");
    assert!(text.contains("by the wrap in wrap"), "{text}");
    let (code, text) = office.run(&[&open[..], &["--reader-key", "reader-12.key"]].concat());
    assert!(code == Some(1) && text.contains("NOT OPENED"), "{text}");

    the_largest_transaction_is_taken(&office);
}

/// By whoever has a slice, a proof and the genesis document.
fn a_slice_is_checked(office: &Office) {
    let show = |label: &str, code| {
        let show = ["record", "show-slice", "offer/document", "--reader", "12"];
        let to = [
            "--reader-key",
            "reader-12.key",
            "--out",
            "price.slice",
            "--label",
        ];
        office.ask("rudi", &[&show[..], &to, &[label]].concat(), code)
    };
    show("volume", 1);
    show("price", 0);
    let mode = std::fs::metadata(office.path("price.slice")).expect("a file");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let version = ["query", "record-version", "account=1", "record=3"];
    let proof = ["version=1", "--proof", "--out", "version.json"];
    office.ask("olga", &[version, proof].concat(), 0);
    let genesis = office.genesis();
    let check = || {
        let check = ["record", "check-slice", "price.slice"];
        let against = ["--proof", "version.json", "--genesis", &genesis];
        office.run(&[&check[..], &against].concat())
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
}

/// A wrap made for another root than the ledger's would open nothing.
fn keys_of_another_content_give_nothing(office: &Office) {
    let mut file = office.json("offer/record.key");
    file["root"] = json!("00".repeat(32));
    office.write("other.key", &file.to_string());
    let give = ["record", "give", "other.key", "--to", "13"];
    let said = office.ask("olga", &[&give[..], &["--out", "other.json"]].concat(), 3);
    assert!(said.contains("another content"), "{said}");
    assert!(!office.path("other.json").exists());
}

/// A new record, the longest body that a transaction carries, and as many readers as calls are left, each given as many slices as a wrap holds.
fn the_largest_transaction_is_taken(office: &Office) {
    let labels = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
    ];
    // The document: tag 8, context 52, two counts of 4; then for each of 13 slices its commitment 64, length 4, salt 32, length of the label 2, the
    // label 1, content, and 16 of authentication. Twelve contents are one digit, the last one is a string with its quotes.
    let rest = BODY_MAX - (8 + 52 + 4 + 4 + 13 * (64 + 4 + 32 + 2 + 1 + 16) + 12);
    let write = |length: usize| {
        let mut offer: serde_json::Map<String, Value> = labels
            .iter()
            .map(|label| ((*label).to_owned(), json!(1)))
            .collect();
        offer.insert("m".to_owned(), json!("x".repeat(length - 2)));
        office.write("large.json", &Value::Object(offer).to_string());
    };
    let readers: Vec<String> = READERS
        .map(|account| format!("{account}:{}", labels.join(",")))
        .collect();
    let new = ["large.json", "--fields", "--class", "offers"];
    write(rest);
    office.seal(
        &[&new[..], &["--record", "4", "--out", "large"]].concat(),
        &readers,
        0,
    );
    let document = std::fs::read(office.path("large/document")).expect("a document");
    assert_eq!(document.len(), BODY_MAX);
    // 32 bytes of key, 1 that says slices, their count 4, an index and a key each, 16 of authentication.
    let wrap = office.wrap_in("large/submit.json", 24);
    assert_eq!(wrap.len() / 2, 32 + 1 + 4 + 13 * (2 + 32) + 16);
    office.submit("large/submit.json", "olga");
    let opened = office.open_as("large", 24, &[], 0);
    assert!(opened.contains("opened 13 of 13 slices"), "a whole one");

    // One byte more goes another way.
    write(rest + 1);
    let apart = [&new[..], &["--record", "5", "--out", "larger"]].concat();
    let said = office.seal(&apart, &readers, 0);
    assert!(said.contains("does not carry"), "{said}");
    office.submit("larger/submit.json", "olga");
    // And one reader more would be one call too many.
    let more = [&readers[..], &["30".to_owned()]].concat();
    let said = office.seal(&apart, &more, 3);
    assert!(said.contains("at most 14 readers"), "{said}");
}
