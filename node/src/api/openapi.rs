//! The OpenAPI 3.1 description of the interface, served at `/openapi.json`.
//!
//! Written as JSON, the language of the standard, and read through utoipa's types, so that a mistake in its structure
//! is an error in a test and not in a client generator.

mod ledger;

use std::sync::LazyLock;

use bds_client::wire::{BATCH_ITEMS_MAX, BORSH_MEDIA_TYPE};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use super::problem::{Kind, PROBLEM_MEDIA_TYPE};

/// The description as JSON text.
pub(super) fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let document: OpenApi =
            serde_json::from_value(value()).expect("the description is constant and tested");
        serde_json::to_string(&document).expect("the description is constant and tested")
    });
    &DOCUMENT
}

fn value() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "BDS validator",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Submit signed transactions, get receipts with proofs, follow events, read the state. \
                Every write is a transaction signed by its sender; binary bodies are borsh (`application/x-borsh`).",
            "license": { "name": "MIT OR Apache-2.0" }
        },
        "paths": with_min_height(paths()),
        "components": { "schemas": schemas() }
    })
}

fn paths() -> Value {
    let mut asked = vec![path(
        "name",
        "Which question.",
        json!({ "type": "string", "enum": ledger::query_names() }),
    )];
    asked.extend(ledger::query_parameters());
    let wait = json!([
        query(
            "wait",
            "What to wait for: `accepted` (default), `committed` or `applied`.",
            json!({ "type": "string", "enum": ["accepted", "committed", "applied"] })
        ),
        query(
            "timeout_ms",
            "Longest wait, 10,000 by default, 120,000 at most. An item that did not come so far in \
            time is answered `unknown`; its receipt can be asked for by id.",
            json!({ "type": "integer", "minimum": 0, "maximum": 120_000 })
        ),
        query(
            "replace",
            "Each transaction takes the place of the sender's with the same nonce that waits on this node for its place in the order, if \
            there is one: that one is refused as `REPLACED`. Where it is in a batch already it stays, and the new one is refused as \
            `NONCE_REUSED`. A call of `identity.nothing` cancels.",
            json!({ "type": "boolean", "default": false })
        ),
    ]);
    json!({
        "/v1/batch": { "post": operation("submitBatch",
            &format!("Submit up to {BATCH_ITEMS_MAX} transactions; one answer each, in order. Same bytes, same answer."),
            &wait,
            Some(json!({ "required": true, "content": {
                BORSH_MEDIA_TYPE: { "schema": binary() },
                "application/json": { "schema": reference("BatchRequest") },
            }})),
            &both("BatchAnswer")) },
        "/v1/transactions": { "post": operation("submitTransaction",
            "Submit one transaction: hex as text or JSON, or its wire bytes.",
            &wait,
            Some(json!({ "required": true, "content": {
                "application/json": { "schema": reference("TransactionRequest") },
                "text/plain": { "schema": hex() },
                "application/octet-stream": { "schema": binary() },
                BORSH_MEDIA_TYPE: { "schema": binary() },
            }})),
            &both("ItemAnswer")) },
        "/v1/challenge": { "get": operation("getChallenge",
            "What a member signs to get a token, where not everyone may read: the tag `BDS-RD\\0\\1`, the 32 bytes of the chain id, and the \
             challenge in text.",
            &json!([parameter("query", "key", "Public key of the reader.", true, hex())]), None,
            &json!({ "application/json": { "schema": reference("ChallengeAnswer") } })) },
        "/v1/tokens": { "post": operation("getToken",
            "A token for a signed challenge. It goes with each read as `Authorization: Bearer TOKEN`, at this node, for a quarter of an hour.",
            &json!([]),
            Some(json!({ "required": true, "content": { "application/json": { "schema": reference("TokenRequest") } } })),
            &json!({ "application/json": { "schema": reference("TokenAnswer") } })) },
        "/v1/receipts/{id}": { "get": with_pending(operation("getReceipt",
            "Receipt of a transaction with everything needed to check it offline; 202 while it is not final; 410 when it was ordered and \
             left no trace in its block, with the reason, and whether the same bytes may be sent again.",
            &json!([path("id", "Transaction id: SHA-512 of the signed bytes, in hex.", hex())]),
            None, &both("ReceiptProof"))) },
        "/v1/blocks/{height}": { "get": operation("getBlock", "A certified block header and its signatures.",
            &json!([path("height", "Block height; the first block is 1.", integer())]),
            None, &both("CertifiedHeader")) },
        "/v1/blocks/{height}/receipts": { "get": operation("getBlockReceipts",
            "All receipts of a certified block, each with its inclusion path.",
            &json!([path("height", "Block height; the first block is 1.", integer())]),
            None, &both("BlockReceipts")) },
        "/v1/query/{name}": { "get": operation("query",
            &format!("Read the executed state. Arguments are query parameters that depend on the name; a wrong one is named \
             in the answer. Lists are cut; `after` asks for the next entries.\n\n{}", ledger::query_texts()),
            &json!(asked),
            None, &json!({ "application/json": { "schema": { "type": ["object", "array"] } } })) },
        "/v1/query/{name}/entry": { "get": with_pending(operation("getQueryEntry",
            "The entry of the state that a query is about, proven as under `/v1/entries/{key}`; for queries about one entry.",
            &json!(asked), None, &both("EntryProof"))) },
        "/v1/members/{key}/nonce": { "get": operation("getNonce",
            "The nonce for the next transaction of a member that sends through this node: the lowest that it has neither used \
             on the ledger nor waiting here. What it sent to other nodes does not count.",
            &json!([path("key", "Public key of the member.", hex())]), None,
            &json!({ "application/json": { "schema": reference("NonceAnswer") } })) },
        "/v1/entries/{key}": { "get": with_pending(operation("getEntry",
            "One entry of the state, or that there is none, with everything needed to check it offline; 202 where only a block \
             that is not certified yet has changed it.",
            &json!([path("key", "Module and table (u16 each, big endian) and the entry's own key, in hex.", hex())]),
            None, &both("EntryProof"))) },
        "/v1/methods": { "get": operation("listMethods",
            "Every call there is: who may send it, on which ledgers, at what cost, with which fields.", &json!([]), None,
            &json!({ "application/json": { "schema": list(reference("Method")) } })) },
        "/v1/status": { "get": operation("getStatus", "Where this node stands.", &json!([]), None,
            &json!({ "application/json": { "schema": reference("NodeStatus") } })) },
        "/v1/evidence": { "get": operation("getEvidence",
            "Proofs of broken rules that this node has seen since it started, with the signatures.", &json!([]), None,
            &json!({ "application/json": { "schema": reference("EvidenceAnswer") } })) },
        "/v1/events": { "get": operation("followEvents",
            "Events in order as server-sent events with `id: HEIGHT:INDEX`; resumes after `Last-Event-ID`, or from \
             `from`, or starts with the next block.",
            &json!([
                query("from", "First place wanted, `HEIGHT:INDEX`.",
                    json!({ "type": "string", "pattern": "^[0-9]+:[0-9]+$" })),
                query("account", "Only events that concern this account.", integer()),
                parameter("header", "Last-Event-ID", "Last event seen, `HEIGHT:INDEX`.", false,
                    json!({ "type": "string" })),
            ]),
            None, &json!({ "text/event-stream": { "schema": reference("PlacedEvent") } })) },
        "/metrics": { "get": operation("getMetrics", "OpenMetrics text for Prometheus.", &json!([]), None,
            &json!({ "application/openmetrics-text": { "schema": { "type": "string" } } })) },
        "/livez": { "get": operation("live", "200 while the process serves.", &json!([]), None, &text()) },
        "/readyz": { "get": operation("ready", "200 when caught up and connected to a quorum, else 503.",
            &json!([query("verbose", "Give the reasons, one a line.", json!({ "type": "string" }))]),
            None, &text()) },
        "/openapi.json": { "get": operation("describe", "This document.", &json!([]), None,
            &json!({ "application/json": { "schema": { "type": "object" } } })) },
        "/": { "get": operation("index", "All paths as text.", &json!([]), None, &text()) },
    })
}

fn operation(
    id: &str,
    summary: &str,
    parameters: &Value,
    body: Option<Value>,
    content: &Value,
) -> Value {
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": { "description": "Done.", "content": content },
            "default": {
                "description": "Refused; `code` says why.",
                "content": { PROBLEM_MEDIA_TYPE: { "schema": reference("Problem") } }
            }
        }
    });
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

/// Every read but the stream of events, which begins where it is told to, takes the block that it must show at least.
fn with_min_height(mut paths: Value) -> Value {
    let parameter = query(
        "min_height",
        "The answer shows this block at least; a node that has not come so far is waited for up to 5 s, then 503. Which block an answer \
         shows at least is told in the header `x-bds-height`.",
        integer(),
    );
    for (path, methods) in paths.as_object_mut().expect("an object").iter_mut() {
        let read = path.starts_with("/v1/") && path != "/v1/events";
        if let Some(parameters) = methods.pointer_mut("/get/parameters").filter(|_| read) {
            let parameters = parameters.as_array_mut().expect("a list");
            parameters.push(parameter.clone());
        }
    }
    paths
}

fn with_pending(mut operation: Value) -> Value {
    operation["responses"]["202"] = json!({ "description": "Not final yet; ask again." });
    operation
}

fn both(schema: &str) -> Value {
    json!({
        "application/json": { "schema": reference(schema) },
        BORSH_MEDIA_TYPE: { "schema": binary() },
    })
}

fn parameter(place: &str, name: &str, description: &str, required: bool, schema: Value) -> Value {
    json!({ "in": place, "name": name, "description": description, "required": required, "schema": schema })
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    parameter("query", name, description, false, schema)
}

fn path(name: &str, description: &str, schema: Value) -> Value {
    parameter("path", name, description, true, schema)
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn text() -> Value {
    json!({ "text/plain": { "schema": { "type": "string" } } })
}

fn hex() -> Value {
    json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2})*$" })
}

fn binary() -> Value {
    json!({ "type": "string", "format": "binary" })
}

fn integer() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

fn string() -> Value {
    json!({ "type": "string" })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An object whose properties are all there.
fn object(properties: &[(&str, Value)]) -> Value {
    let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<_, _> = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

fn schemas() -> Value {
    let codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    let types: Vec<_> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
    let signatures = list(
        json!({ "type": "array", "description": "Validator index, then its signature in hex." }),
    );
    let mut schemas = json!({
        "Problem": object(&[
            ("type", json!({ "type": "string", "enum": types })),
            ("title", string()),
            ("status", integer()),
            ("detail", string()),
            ("code", json!({ "type": "string", "enum": codes })),
            ("retryable", boolean()),
        ]),
        "BatchRequest": object(&[("transactions", json!({
            "type": "array", "items": hex(), "maxItems": BATCH_ITEMS_MAX,
        }))]),
        "TransactionRequest": object(&[("transaction", hex())]),
        "ChallengeAnswer": object(&[("chain", hex()), ("challenge", hex()), ("good_for_ms", integer())]),
        "TokenRequest": object(&[("challenge", hex()), ("signature", hex())]),
        "TokenAnswer": object(&[("token", hex()), ("good_for_ms", integer())]),
        "BatchAnswer": object(&[("items", list(reference("ItemAnswer")))]),
        "ItemAnswer": {
            "type": "object",
            "required": ["id", "outcome"],
            "properties": {
                "id": hex(),
                "outcome": { "type": "string", "enum": ["refused", "accepted", "committed", "applied", "unknown"] },
                "code": integer(),
                "reason": string(),
                "retryable": boolean(),
                "height": integer(),
                "index": integer(),
            }
        },
        "Receipt": {
            "type": "object",
            "description": "What its bytes say, and the bytes: the leaf of the receipts tree, in hex. Of a transaction it has \
                `tx`, of scheduled work `trigger`, of a module's work at the beginning or end of a block `module` and `phase`.",
            "required": ["kind", "height", "index", "code", "call", "units", "events", "message", "bytes"],
            "properties": origin(&[
                ("height", integer()), ("index", integer()), ("code", integer()),
                ("call", json!({ "type": ["integer", "null"], "description": "Place of the call that failed." })),
                ("units", integer()), ("events", list(reference("Event"))), ("message", string()), ("bytes", hex()),
            ]),
        },
        "Origin": {
            "type": "object",
            "description": "What a receipt is of.",
            "required": ["kind"],
            "properties": origin(&[]),
        },
        "Method": object(&[
            ("call", string()), ("module", string()), ("module_number", integer()), ("method", string()),
            ("number", integer()), ("text", string()),
            ("roles", json!({ "type": ["array", "null"], "items": string(), "description": "Null for every member." })),
            ("profiles", list(string())), ("cost", integer()),
            ("fields", list(object(&[("name", string()), ("kind", string()), ("text", string())]))),
        ]),
        "BlockHeader": object(&[
            ("chain", hex()), ("height", integer()), ("time", integer()), ("previous", hex()), ("payload_root", hex()),
            ("receipts_root", hex()), ("changes_root", hex()), ("tx_count", integer()), ("receipt_count", integer()),
            ("dropped_count", integer()), ("checkpoint", integer()), ("state_root", hex()),
        ]),
        "CertifiedHeader": object(&[("header", reference("BlockHeader")), ("signatures", signatures)]),
        "ReceiptProof": object(&[
            ("receipt", reference("Receipt")), ("path", list(hex())), ("block", reference("CertifiedHeader")),
        ]),
        "EntryProof": {
            "type": "object",
            "description": "Key, value and evidence are encoded; the evidence shows the value under a root of the header.",
            "required": ["key", "value", "height", "evidence", "block"],
            "properties": {
                "key": hex(),
                "value": { "type": ["string", "null"], "description": "In hex; null where there is no such entry." },
                "height": { "type": "integer", "minimum": 0, "description": "The block after which it was so." },
                "evidence": hex(),
                "block": reference("CertifiedHeader"),
            }
        },
        "BlockReceipts": object(&[
            ("block", reference("CertifiedHeader")),
            ("receipts", list(json!({ "type": "array", "description": "A `Receipt`, then its path." }))),
        ]),
        "PlacedEvent": object(&[
            ("height", integer()), ("index", integer()), ("receipt", reference("Origin")), ("event", reference("Event")),
        ]),
        "EvidenceAnswer": object(&[("items", list(reference("EvidenceItem")))]),
        "EvidenceItem": object(&[
            ("validator", integer()),
            ("kind", json!({ "type": "string", "enum": ["conflict", "bad_batch"] })),
            ("statements", list(reference("SignedStatement"))),
        ]),
        "SignedStatement": object(&[
            ("says", string()),
            ("bytes", hex()),
            ("signature", hex()),
        ]),
        "NonceAnswer": object(&[
            ("key", hex()), ("next", integer()), ("executed", integer()), ("waiting", integer()),
        ]),
        "NodeStatus": object(&[
            ("chain", hex()), ("validator", integer()), ("view", integer()), ("view_changes", integer()),
            ("committed", integer()), ("executed", integer()), ("certified", integer()), ("first_block", integer()), ("head", hex()),
            ("state_root", hex()), ("state_height", integer()), ("transactions", integer()), ("peers", integer()),
            ("ready", boolean()), ("mode", string()), ("durable", boolean()), ("backend", string()),
            ("stage_seconds", json!({ "type": "object", "additionalProperties": { "type": "number" } })),
            ("cpu_seconds", json!({ "type": "number" })), ("memory_bytes", integer()),
        ]),
    });
    if let Value::Object(schemas) = &mut schemas {
        schemas.extend(ledger::schemas());
    }
    schemas
}

/// The properties that tell what a receipt is of, and these.
fn origin(more: &[(&str, Value)]) -> Value {
    let mut properties = json!({
        "kind": { "type": "string", "enum": ["transaction", "trigger", "phase"] },
        "tx": hex(),
        "trigger": integer(),
        "module": string(),
        "phase": { "type": "string", "enum": ["begin", "end"] },
    });
    for (name, schema) in more {
        properties[*name] = schema.clone();
    }
    properties
}
