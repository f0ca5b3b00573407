//! What is answered about deployed contracts, and that it is the entries of the state.

use std::collections::BTreeMap;

use bds_contracts::query::{QueryError, answer, entry};
use bds_contracts::wasm::activation::key_of;
use serde_json::{Value, json};

use super::*;

fn try_ask(stage: &Stage, name: &str, given: &[(&str, &str)]) -> Result<Value, QueryError> {
    answer(&stage.machine, name, &arguments(given))
}

fn arguments(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = given.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_contract_is_told_with_its_versions_and_entries() {
    let mut stage = scene();
    done(&mut stage, Who::Anna, &run("desk", "set", b"k"));
    let found = try_ask(&stage, "deployed-contract", &[("name", "desk")]).unwrap();
    let member = stage.machine.member(&key_of("desk")).unwrap().id.0;
    assert_eq!(found["key"], json!(key_of("desk").to_string()));
    assert_eq!(found["member"], json!(member));
    assert_eq!((&found["entries"], &found["bytes"]), (&json!(1), &json!(2)));
    let active = &found["active"];
    assert_eq!(active["version"], json!(1));
    assert_eq!(active["code"], json!(name_of(&code(1, 100))));
    let methods = ["money.transfer", "money.deposit", "units.transfer"];
    assert_eq!(active["methods"], json!(methods));
    assert_eq!(active["roles"], json!(["trader"]));
    let versions = try_ask(&stage, "deployed-versions", &[("name", "desk")]).unwrap();
    assert_eq!(versions, json!([active]));
    let all = try_ask(&stage, "deployed-contracts", &[]).unwrap();
    assert_eq!(all, json!([found]));
    let behind = try_ask(&stage, "deployed-contracts", &[("after", "desk")]).unwrap();
    assert_eq!(behind, json!([]));
    let own = try_ask(&stage, "deployed-entry", &[("name", "desk"), ("own", "6b")]).unwrap();
    assert_eq!(own, json!({ "own": "6b", "value": "6b" }));
    done(
        &mut stage,
        Who::Regulator,
        &Call::Deactivate { name: "desk" },
    );
    let found = try_ask(&stage, "deployed-contract", &[("name", "desk")]).unwrap();
    assert_eq!(found["active"], Value::Null);
}

#[test]
fn code_that_waits_is_told() {
    let mut stage = empty(Profile::Consortium);
    let code = code(1, 20_000);
    done(&mut stage, Who::Anna, &begin(&code, &[TRANSFER]));
    done(&mut stage, Who::Anna, &chunk(&code, 1));
    let hash = name_of(&code).to_string();
    let found = try_ask(&stage, "deployed-upload", &[("code", &hash)]).unwrap();
    assert_eq!((&found["chunks"], &found["there"]), (&json!(2), &json!(1)));
    assert_eq!(found["methods"], json!(["money.transfer"]));
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    let stage = scene();
    for (name, given) in [
        ("deployed-contract", &[("name", "dusk")][..]),
        ("deployed-versions", &[("name", "dusk")]),
        ("deployed-entry", &[("name", "desk"), ("own", "6b")]),
        ("deployed-upload", &[("code", &"0".repeat(128))]),
    ] {
        let found = try_ask(&stage, name, given);
        assert!(
            matches!(found, Err(QueryError::NotFound(_))),
            "{name} {found:?}"
        );
    }
}

/// An entry that a query is about is one of the state.
#[test]
fn what_is_told_can_be_proven() {
    let stage = scene();
    let key = entry("deployed-contract", &arguments(&[("name", "desk")])).unwrap();
    let value = stage.machine.stores().value(&key.expect("one entry"));
    assert!(value.is_some());
}
