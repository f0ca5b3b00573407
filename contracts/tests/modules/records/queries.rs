//! What is answered about records, and that each entry can be proven by its name.

use bds_contracts::query::{QueryError, answer, entry};
use serde_json::{Value, json};

use super::super::stage::BANK_S;
use super::*;

fn given(arguments: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let pairs = arguments.iter();
    pairs
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn ask(stage: &Stage, name: &str, arguments: &[(&str, &str)]) -> Value {
    answer(&stage.machine, name, &given(arguments)).expect(name)
}

/// Anna's record 1: two versions, Bert a reader, the bank withdrawn. Record 2 is closed.
fn busy() -> Stage {
    let mut stage = scene();
    done(&mut stage, Who::Bank, &publish(BANK_S, ALICE));
    done(
        &mut stage,
        Who::Anna,
        &add_inline(ANNA_S, 1, 2, b"BDSSEAL1..."),
    );
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 2, BERT_S));
    let mut to_bank = give(ANNA_S, 1, 1, BANK_S);
    if let Call::GiveWrap { key: to, .. } = &mut to_bank {
        *to = key(ALICE);
    }
    done(&mut stage, Who::Anna, &to_bank);
    done(&mut stage, Who::Anna, &withdraw(ANNA_S, 1, BANK_S));
    done(&mut stage, Who::Anna, &create(ANNA_S, 2, Cover::Sealed));
    done(&mut stage, Who::Anna, &close(ANNA_S, 2));
    stage
}

const ONE: [(&str, &str); 2] = [("account", "20"), ("record", "1")];

#[test]
fn a_record_is_told_with_its_versions_and_readers() {
    let stage = busy();
    let found = ask(&stage, "record", &ONE);
    let head = hex::encode(record_of(&stage, ANNA_S, 1).head);
    let expected = json!({
        "record": 1, "class": "supplier contract", "kind": "static", "cover": "erasable", "versions": 2, "head": head,
        "readers": 2, "created": 2_000, "phase": "open", "since": 2_000,
    });
    assert_eq!(found, expected);
    let all = ask(&stage, "records", &[("account", "20")]);
    assert_eq!(all[0], expected);
    assert_eq!(
        (&all[1]["phase"], &all[1]["since"]),
        (&json!("closed"), &json!(10_000))
    );
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let rest = ask(&stage, "records", &[("account", "20"), ("after", "1")]);
    assert_eq!(rest, json!([all[1]]));
    assert_eq!(
        ask(&stage, "records", &[("account", "20"), ("after", "2")]),
        json!([])
    );
    assert_eq!(ask(&stage, "records", &[("account", "30")]), json!([]));

    let versions = ask(&stage, "record-versions", &ONE);
    assert_eq!(
        versions[0],
        json!({
            "version": 1, "root": "01".repeat(32), "content_hash": "02".repeat(64), "body_hash": "03".repeat(64),
            "slices": 5, "length": 1_000, "inline": false, "time": 3_000,
        })
    );
    assert_eq!(
        (&versions[1]["version"], &versions[1]["inline"]),
        (&json!(2), &json!(true))
    );
    let second = ask(
        &stage,
        "record-version",
        &[ONE[0], ONE[1], ("version", "2")],
    );
    assert_eq!(second, versions[1]);

    let readers = ask(&stage, "record-readers", &ONE);
    let expected = json!([
        { "reader": 30, "version": 2, "key": BOB, "wrap": "07".repeat(81), "given": 6_000, "withdrawn": null },
        { "reader": 50, "version": 1, "key": ALICE, "wrap": "", "given": 7_000, "withdrawn": 8_000 },
    ]);
    assert_eq!(readers, expected);
    let key = ask(&stage, "reader-key", &[("account", "30")]);
    assert_eq!(
        key,
        json!({ "account": 30, "key": BOB, "number": 1, "since": 1_000 })
    );
}

/// A reader may ask this and nothing else of a private ledger, and has to open by it.
#[test]
fn a_reader_is_told_all_that_opening_takes() {
    let mut stage = busy();
    let ask_as = |stage: &Stage, reader| {
        ask(
            stage,
            "record-reader",
            &[ONE[0], ONE[1], ("reader", reader)],
        )
    };
    let versions = ask(&stage, "record-versions", &ONE);
    assert_eq!(
        ask_as(&stage, "30"),
        json!({
            "reader": 30, "version": 2, "key": BOB, "wrap": "07".repeat(81), "given": 6_000, "withdrawn": null,
            "cover": "erasable", "phase": "open", "since": 2_000, "anchored": versions[1],
        })
    );
    assert_eq!(
        ask_as(&stage, "50"),
        json!({
            "reader": 50, "version": 1, "key": ALICE, "wrap": "", "given": 7_000, "withdrawn": 8_000,
            "cover": "erasable", "phase": "open", "since": 2_000, "anchored": versions[0],
        })
    );
    // Sixteen versions later the one that was given is forgotten.
    for number in 3..=18 {
        done(&mut stage, Who::Anna, &add(ANNA_S, 1, number));
    }
    done(&mut stage, Who::Anna, &close(ANNA_S, 1));
    let late = ask_as(&stage, "30");
    assert_eq!(
        (&late["version"], &late["anchored"]),
        (&json!(2), &json!(null))
    );
    assert_eq!(
        (&late["phase"], &late["since"]),
        (&json!("closed"), &json!(27_000))
    );
}

#[test]
fn what_is_not_there_is_named() {
    let stage = busy();
    for (name, arguments, what) in [
        (
            "record",
            &[("account", "20"), ("record", "3")][..],
            "record 3 of account 20",
        ),
        (
            "record",
            &[("account", "30"), ("record", "1")],
            "record 1 of account 30",
        ),
        (
            "record-versions",
            &[("account", "20"), ("record", "3")],
            "record 3 of account 20",
        ),
        (
            "record-version",
            &[ONE[0], ONE[1], ("version", "3")],
            "version 3 of record 1",
        ),
        (
            "record-readers",
            &[("account", "20"), ("record", "3")],
            "record 3 of account 20",
        ),
        (
            "record-reader",
            &[ONE[0], ONE[1], ("reader", "20")],
            "reader 20 of record 1 of account 20",
        ),
        (
            "record-reader",
            &[ONE[0], ("record", "3"), ("reader", "20")],
            "reader 20 of record 3 of account 20",
        ),
        (
            "reader-key",
            &[("account", "20")],
            "reader's key of account 20",
        ),
    ] {
        let error = answer(&stage.machine, name, &given(arguments)).expect_err("not there");
        assert_eq!(error, QueryError::NotFound(what.to_owned()), "{name}");
    }
}

/// The key of each entry leads to an entry of the state: so a proof of it can be asked for.
#[test]
fn every_answer_about_one_thing_is_an_entry_of_the_state() {
    let stage = busy();
    let entries = stage.machine.stores().entries();
    for (name, arguments) in [
        ("record", &ONE[..]),
        ("record-version", &[ONE[0], ONE[1], ("version", "2")]),
        ("record-reader", &[ONE[0], ONE[1], ("reader", "30")]),
        ("reader-key", &[("account", "30")]),
    ] {
        let key = entry(name, &given(arguments))
            .expect("sound")
            .expect("of one entry");
        assert!(entries.iter().any(|entry| entry.key == key), "{name}");
    }
    for name in ["records", "record-versions", "record-readers"] {
        let of_all = if name == "records" { &ONE[..1] } else { &ONE };
        assert_eq!(entry(name, &given(of_all)), Ok(None));
    }
}
