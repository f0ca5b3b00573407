//! The part of the description that follows the modules of the ledger: calls, events and queries.

use std::collections::BTreeMap;

use bds_contracts::kernel::describe::{event_name, json_schema};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::modules::Modules;
use bds_contracts::query::QUERIES;
use serde_json::{Map, Value, json};

use super::{query, reference};
use crate::api::catalog;

/// A schema a call, `Call.MODULE.METHOD`, and one a event, `Event.MODULE.EVENT`; `Call` and `Event` are any of them.
pub(super) fn schemas() -> Map<String, Value> {
    let (mut schemas, mut calls, mut events) = (Map::new(), Map::new(), Map::new());
    let mut entries = catalog::methods().into_iter();
    for module in Modules::CATALOG {
        for (method, entry) in module.methods.iter().zip(&mut entries) {
            let text = format!(
                "{} Sent by: {}. Offered on: {}. Costs {} units and what it touches.",
                entry.text,
                entry.who(),
                entry.profiles.join(", "),
                entry.cost
            );
            let name = format!("Call.{}", entry.call);
            calls.insert(entry.call, reference(&name));
            schemas.insert(name, described(json_schema(method.fields), &text));
        }
        for info in module.events {
            let event = event_name(module, info);
            let name = format!("Event.{event}");
            let text = catalog::sentence(info.text);
            schemas.insert(name.clone(), described(json_schema(info.fields), &text));
            events.insert(event, reference(&name));
        }
    }
    let call = "One call as `bds tx submit` and `bds methods` write it: its name, and under it its arguments.";
    schemas.insert("Call".to_owned(), described(one_of(calls), call));
    let event = "What happened: the name of the event, and under it its fields.";
    schemas.insert("Event".to_owned(), described(one_of(events), event));
    schemas
}

/// An object with exactly one of these.
fn one_of(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "minProperties": 1, "maxProperties": 1, "properties": properties })
}

fn described(mut schema: Value, text: &str) -> Value {
    schema["description"] = text.into();
    schema
}

/// Names of the queries.
pub(super) fn query_names() -> Vec<&'static str> {
    QUERIES.iter().map(|info| info.name).collect()
}

/// What each query answers and which arguments it takes, one a line.
pub(super) fn query_texts() -> String {
    let lines = QUERIES.iter().map(|info| {
        let arguments = info.arguments.iter().map(|argument| {
            let mark = if argument.required { "" } else { "?" };
            format!("{}{mark}", argument.name)
        });
        let arguments: Vec<String> = arguments.collect();
        let text = catalog::sentence(info.text);
        format!("- `{}({})`: {text}", info.name, arguments.join(", "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every argument that some query takes, once.
pub(super) fn query_parameters() -> Vec<Value> {
    let mut known: BTreeMap<&str, (&str, Vec<&str>)> = BTreeMap::new();
    for info in QUERIES {
        for argument in info.arguments {
            let entry = known.entry(argument.name);
            let (_, takers) = entry.or_insert((argument.expected, Vec::new()));
            takers.push(info.name);
        }
    }
    let parameters = known.into_iter().map(|(name, (expected, takers))| {
        let text = format!("Expected: {expected}; for {}.", takers.join(", "));
        query(name, &text, json!({ "type": "string" }))
    });
    parameters.collect()
}
