//! Everything that is read: receipts, blocks, queries, methods, status, and the description of it all.

use std::collections::{BTreeMap, BTreeSet};

use bds_client::Signer;
use bds_client::json::{BlockReceiptsDocument, EntryDocument, ProofDocument};
use bds_client::wire::{BORSH_MEDIA_TYPE, BlockReceipts, EvidenceAnswer, NodeStatus};
use bds_contracts::account::Roles;
use bds_contracts::block::{CertifiedHeader, Signature};
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::kernel::store::entry_key;
use bds_contracts::modules::Modules;
use bds_contracts::query::{self, QUERIES};
use bds_contracts::receipt::ReceiptProof;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::fake::{certified, id, receipts};
use super::{Served, problem};
use crate::api::{catalog, routes};

#[tokio::test]
async fn receipts_blocks_queries_and_status_are_read() {
    let served = Served::start().await;
    let shown: Value = served
        .get(&format!("/v1/receipts/{}", id(20)))
        .await
        .json()
        .await
        .expect("JSON");
    let receipt = &shown["receipt"];
    assert_eq!(receipt["kind"], "transaction");
    assert_eq!(receipt["tx"], id(20).to_string());
    assert_eq!(
        (&receipt["height"], &receipt["code"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(receipt["events"][0]["money.deposited"]["account"], 0);
    let document: ProofDocument = serde_json::from_value(shown).expect("a proof");
    let proof = ReceiptProof::from(document);
    assert_eq!(Some(proof.receipt.as_slice()), receipts(2).get(0));
    let request = served.request(Method::GET, &format!("/v1/receipts/{}", id(20)));
    let response = request
        .header(
            "accept",
            format!("{BORSH_MEDIA_TYPE}, application/json;q=0.5"),
        )
        .send()
        .await
        .expect("an answer");
    let bytes = response.bytes().await.expect("a body");
    assert_eq!(
        borsh::from_slice::<ReceiptProof>(&bytes).expect("borsh"),
        proof
    );
    let pending = served.get(&format!("/v1/receipts/{}", id(99))).await;
    assert_eq!(pending.status(), StatusCode::ACCEPTED);
    for (byte, code, retryable) in [(98, "NOT_EXECUTED", false), (97, "NOT_EXECUTED_YET", true)] {
        let dropped = served.get(&format!("/v1/receipts/{}", id(byte))).await;
        assert_eq!(dropped.status(), StatusCode::GONE);
        let problem: Value = dropped.json().await.unwrap();
        assert_eq!(
            (&problem["code"], &problem["retryable"]),
            (&json!(code), &json!(retryable))
        );
    }
    let unknown = served.get(&format!("/v1/receipts/{}", id(1))).await;
    assert_eq!(problem(unknown, 404).await.0, "NOT_FOUND");

    let block: CertifiedHeader = served.get("/v1/blocks/3").await.json().await.expect("JSON");
    assert_eq!(block, certified(3));
    for path in ["/v1/blocks/0", "/v1/blocks/4", "/v1/blocks/4/receipts"] {
        assert_eq!(problem(served.get(path).await, 404).await.0, "NOT_FOUND");
    }
    let all: BlockReceiptsDocument = served
        .get("/v1/blocks/3/receipts")
        .await
        .json()
        .await
        .expect("JSON");
    let all = BlockReceipts::from(all);
    assert!(
        all.receipts
            .iter()
            .map(|(bytes, _)| bytes.as_slice())
            .eq(receipts(3).iter())
    );

    let answer: Value = served
        .get("/v1/query/account?account=7")
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(answer["account"], 7);
    assert_eq!(
        problem(served.get("/v1/query/account?account=8").await, 404)
            .await
            .0,
        "NOT_FOUND"
    );
    assert_eq!(
        problem(served.get("/v1/query/nothing").await, 404).await.0,
        "QUERY_UNKNOWN"
    );
    let twice = served.get("/v1/query/account?account=7&account=7").await;
    assert_eq!(problem(twice, 400).await.0, "ARGUMENT_INVALID");
    // A bug in a query costs its request and nothing else.
    assert_eq!(
        problem(served.get("/v1/query/panic").await, 500).await.0,
        "INTERNAL"
    );

    let key = Signer::from_seed(&[1; 32]).public_key();
    let path = format!("/v1/members/{key}/nonce");
    assert_eq!(
        problem(served.get(&path).await, 404).await.0,
        "NOT_FOUND",
        "no member"
    );
    let roles = (Roles::TRADER, Vec::new());
    served
        .fake
        .members
        .lock()
        .expect("unpoisoned")
        .insert(key, roles);
    let answer: Value = served.get(&path).await.json().await.expect("JSON");
    let right = json!({ "key": key.to_string(), "next": 12, "executed": 9, "waiting": 3 });
    assert_eq!(answer, right);
    for path in ["/v1/members/12/nonce", &format!("{path}?after=1")] {
        assert_eq!(
            problem(served.get(path).await, 400).await.0,
            "ARGUMENT_INVALID"
        );
    }

    let shown: EntryDocument = served
        .get("/v1/entries/0201")
        .await
        .json()
        .await
        .expect("JSON");
    let proof = EntryProof::try_from(shown).expect("a proof");
    assert_eq!((proof.key.as_slice(), proof.height()), (&[2, 1][..], 2));
    let request = served.request(Method::GET, "/v1/entries/0201");
    let response = request.header("accept", BORSH_MEDIA_TYPE).send().await;
    let bytes = response.expect("an answer").bytes().await.expect("a body");
    assert_eq!(
        borsh::from_slice::<EntryProof>(&bytes).expect("borsh"),
        proof
    );
    let pending = served.get("/v1/entries/7f").await;
    assert_eq!(pending.status(), StatusCode::ACCEPTED);
    // A sale, what keeps it from being guessed, and whatever else would be in a closed table.
    let sale = hex::encode(entry_key::<Exchange>("sales", &7_u64));
    for key in [&sale, "80000005", "ff"] {
        let closed = served.get(&format!("/v1/entries/{key}")).await;
        assert_eq!(problem(closed, 404).await.0, "NOT_FOUND", "{key}");
    }
    let long = format!("/v1/entries/{}", "00".repeat(1025));
    for path in ["/v1/entries/0", "/v1/entries/zz", &long] {
        assert_eq!(
            problem(served.get(path).await, 400).await.0,
            "ARGUMENT_INVALID"
        );
    }

    // By the name of a query about one entry, the same as by that entry's key.
    let by_name = served.get("/v1/query/account/entry?account=7").await;
    let by_name: EntryDocument = by_name.json().await.expect("JSON");
    let arguments = BTreeMap::from([("account".to_owned(), "7".to_owned())]);
    let key = query::entry("account", &arguments).expect("good arguments");
    let proof = EntryProof::try_from(by_name).expect("a proof");
    assert_eq!(Some(proof.key), key);
    let about_many = served.get("/v1/query/summary/entry").await;
    assert_eq!(problem(about_many, 400).await.0, "ARGUMENT_INVALID");
    let unknown = served.get("/v1/query/nothing/entry").await;
    assert_eq!(problem(unknown, 404).await.0, "QUERY_UNKNOWN");

    let methods: Value = served.get("/v1/methods").await.json().await.expect("JSON");
    let methods = methods.as_array().expect("a list");
    let transfer = methods
        .iter()
        .find(|entry| entry["call"] == "units.transfer");
    let transfer = transfer.expect("a call of every ledger");
    assert_eq!(transfer["fields"][0]["name"], "from");
    assert!(
        transfer["roles"]
            .as_array()
            .expect("roles")
            .contains(&json!("trader"))
    );

    let evidence: EvidenceAnswer = served.get("/v1/evidence").await.json().await.expect("JSON");
    assert_eq!(evidence.items[0].validator, 3);
    assert_eq!(
        evidence.items[0].statements[0].signature,
        Signature([9; 64])
    );
    let status: NodeStatus = served.get("/v1/status").await.json().await.expect("JSON");
    assert_eq!((status.validator, status.certified), (3, 3));
    assert_eq!(
        served.get("/metrics").await.text().await.expect("text"),
        "# EOF\n"
    );
    assert_eq!(
        served.get("/livez").await.text().await.expect("text"),
        "ok\n"
    );
    assert_eq!(served.get("/readyz").await.status(), StatusCode::OK);
    *served.fake.not_ready.lock().expect("unpoisoned") = vec!["no quorum".into()];
    let not_ready = served.get("/readyz?verbose").await;
    assert_eq!(not_ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        not_ready.text().await.expect("text"),
        "not ready\nno quorum\n"
    );
}

#[tokio::test]
async fn the_description_lists_every_route_and_every_route_answers() {
    let served = Served::start().await;
    let document: Value = served
        .get("/openapi.json")
        .await
        .json()
        .await
        .expect("JSON");
    assert!(
        document["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an item").keys();
            methods.map(move |method| (method.as_str(), path.as_str()))
        })
        .collect();
    assert_eq!(described, routes::list());

    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    let index = served.get("/").await.text().await.expect("text");
    for (method, path) in routes::list() {
        assert!(index.contains(path), "{path} is not in the index");
        let concrete = path
            .replace("{id}", "00")
            .replace("{height}", "1")
            .replace("{name}", "account")
            .replace("{key}", "00");
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let response = served
            .request(method, &concrete)
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        assert!(status != StatusCode::METHOD_NOT_ALLOWED, "{path}");
        if status == StatusCode::NOT_FOUND {
            assert_ne!(problem(response, 404).await.0, "PATH_UNKNOWN", "{path}");
        }
    }
    // Every call with whom it allows and what it costs, every event, every query.
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    for entry in catalog::methods() {
        let schema = &schemas[&format!("Call.{}", entry.call)];
        let text = schema["description"].as_str().expect("a text");
        assert!(text.contains(&entry.who()), "{text}");
        assert!(
            text.contains(&format!("Costs {} units", entry.cost)),
            "{text}"
        );
        for field in &entry.fields {
            assert!(
                schema["properties"][field.name].is_object(),
                "{} {}",
                entry.call,
                field.name
            );
        }
        assert!(schemas["Call"]["properties"][&entry.call].is_object());
    }
    let events = schemas["Event"]["properties"].as_object().expect("events");
    let declared = Modules::CATALOG.iter().map(|module| module.events.len());
    assert_eq!(events.len(), declared.sum::<usize>());
    assert!(schemas["Event.money.deposited"]["properties"]["amount"].is_object());
    let names = &document["paths"]["/v1/query/{name}"]["get"]["parameters"][0]["schema"]["enum"];
    assert_eq!(names.as_array().expect("names").len(), QUERIES.len());
    // The description of an answer names what the answer has.
    let status: Value = served.get("/v1/status").await.json().await.expect("JSON");
    let described = &document["components"]["schemas"]["NodeStatus"]["properties"];
    for name in status.as_object().expect("an object").keys() {
        assert!(
            described[name].is_object(),
            "status field {name} is not described"
        );
    }
}

/// A read shows the block that is asked for, or waits for it; and says which one it shows.
#[tokio::test]
async fn a_read_waits_for_the_block_that_it_asks_for() {
    let served = Served::start().await;
    let now = served.get("/v1/query/account?account=7&min_height=3").await;
    assert_eq!(now.status(), StatusCode::OK);
    assert_eq!(now.headers()["x-bds-height"], "3");
    let (later, ()) = tokio::join!(
        served.get("/v1/query/account?min_height=4&account=7"),
        async {
            tokio::task::yield_now().await;
            served.fake.certify_next();
        }
    );
    assert_eq!(later.status(), StatusCode::OK);
    assert_eq!(later.headers()["x-bds-height"], "4");
    let far = served.get("/v1/blocks/1?min_height=1000000").await;
    assert_eq!(far.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(far.headers()["retry-after"], "1");
    for wrong in ["min_height=-1", "min_height=", "min_height=1&min_height=1"] {
        let refused = served.get(&format!("/v1/blocks/1?{wrong}")).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// A node that does not keep everything says so, whatever of an old block is asked for, instead of leaving events out.
#[tokio::test]
async fn what_is_not_kept_is_told() {
    let served = Served::start().await;
    *served.fake.first.lock().unwrap() = 3;
    for path in [
        "/v1/blocks/1/receipts",
        "/v1/events?from=2:0",
        "/v1/events?from=0:0",
    ] {
        let answer = served.get(path).await;
        assert_eq!(problem(answer, 410).await.0, "NOT_KEPT", "{path}");
    }
    let status: NodeStatus = served.get("/v1/status").await.json().await.expect("JSON");
    assert_eq!(status.first_block, 3);
    assert_eq!(served.get("/v1/blocks/3").await.status(), StatusCode::OK);
    let stream = served.get("/v1/events?from=3:0").await;
    assert_eq!(stream.status(), StatusCode::OK);
    let unknown = served.get("/v1/blocks/0").await;
    assert_eq!(problem(unknown, 404).await.0, "NOT_FOUND");
}
