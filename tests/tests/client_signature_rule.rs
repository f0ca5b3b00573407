//! Does the client judge signatures by the ledger's rule (ZIP-215)? Public vectors only.

use bds_client::ed25519::verify;
use bds_contracts::block::Signature;
use bds_contracts::tx::PublicKey;
use serde_json::Value;

/// A vector file, or `None` where the data was not handed out and this is no CI run.
fn vectors(path: &str) -> Option<Value> {
    let shared = std::env::var("BDS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let path = format!("{shared}/vectors/{path}");
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("vector files are JSON")),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{path}: {error}");
            eprintln!("skipped: {path}: {error}");
            None
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hex text")).expect("hex digits")
}

/// A signature that is not 64 bytes long cannot be put into the type, and counts as refused.
fn judge(key: &Value, message: &Value, signature: &Value) -> bool {
    let key = PublicKey(bytes(key).try_into().expect("keys have 32 bytes"));
    bytes(signature)
        .try_into()
        .is_ok_and(|signature| verify(&key, &bytes(message), &Signature(signature)))
}

#[test]
fn all_small_order_cases_are_accepted() {
    let Some(cases) = vectors("zip215_small_order/zip215_small_order_196.json") else {
        return;
    };
    let cases = cases.as_array().expect("a list");
    assert_eq!(cases.len(), 196);
    for (i, case) in cases.iter().enumerate() {
        assert!(judge(&case["key"], &case["msg"], &case["sig"]), "case {i}");
    }
}

/// tcId 151 is marked invalid there; the rule of the ledger accepts it.
#[test]
fn wycheproof_agrees_but_for_one_known_case() {
    let Some(file) = vectors("wycheproof_ed25519/ed25519_test.json") else {
        return;
    };
    let mut seen = 0;
    for group in file["testGroups"].as_array().expect("groups") {
        for case in group["tests"].as_array().expect("tests") {
            let expected = case["result"] == "valid" || case["tcId"] == 151;
            let found = judge(&group["publicKey"]["pk"], &case["msg"], &case["sig"]);
            assert_eq!(found, expected, "tcId {}", case["tcId"]);
            seen += 1;
        }
    }
    assert_eq!(seen, 151);
}
