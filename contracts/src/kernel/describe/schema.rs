//! The JSON Schema of a call's or event's fields, as OpenAPI 3.1 takes it.

use serde_json::{Map, Value, json};

use crate::kernel::rights;
use crate::kernel::wire::{Field, Kind, LIST_MAX, TEXT_MAX};
use crate::tx::TX_BYTES_MAX;

/// An object with these fields, which may leave out those that are optional, and has no others.
#[must_use]
pub fn json_schema(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = of(field.kind);
            schema["description"] = json!(prose(field.text));
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| !matches!(field.kind, Kind::Optional(_)))
        .map(|field| field.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// In one line: a text is declared in a comment that may have several.
fn prose(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn of(kind: Kind) -> Value {
    match kind {
        Kind::Unsigned(bytes) => {
            let bits = 8 * u32::from(bytes);
            json!({
                "type": "integer",
                "format": format!("uint{bits}"),
                "minimum": 0,
                "maximum": u64::MAX >> (64 - bits),
            })
        }
        Kind::Signed(bytes) => {
            let bits = 8 * u32::from(bytes);
            json!({
                "type": "integer",
                "format": format!("int{bits}"),
                "minimum": i64::MIN >> (64 - bits),
                "maximum": i64::MAX >> (64 - bits),
            })
        }
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Fixed(bytes) => json!({
            "type": "string",
            "pattern": format!("^[0-9a-fA-F]{{{}}}$", 2 * bytes),
        }),
        // The limit is in bytes, and no character has less than one.
        Kind::Text => json!({ "type": "string", "maxLength": TEXT_MAX }),
        Kind::Blob => json!({
            "type": "string",
            "pattern": "^([0-9a-fA-F]{2})*$",
            "maxLength": 2 * TX_BYTES_MAX,
        }),
        Kind::Optional(inner) => json!({ "anyOf": [of(*inner), { "type": "null" }] }),
        Kind::List(inner) => json!({
            "type": "array",
            "items": of(*inner),
            "maxItems": LIST_MAX,
        }),
        Kind::Choice(name, names) => json!({ "title": name, "type": "string", "enum": names }),
        Kind::Named("Roles", _) => {
            let names: Vec<&str> = rights::roles().iter().map(|(_, name)| *name).collect();
            json!({ "title": "Roles", "type": "array", "items": { "type": "string", "enum": names } })
        }
        Kind::Named("Currency", _) => {
            json!({ "title": "Currency", "type": "string", "pattern": "^[A-Z]{3}$" })
        }
        Kind::Named(name, inner) => {
            let mut schema = of(*inner);
            schema["title"] = json!(name);
            schema
        }
        Kind::Pair(first, second) => json!({
            "type": "array",
            "prefixItems": [of(*first), of(*second)],
            "items": false,
            "minItems": 2,
            "maxItems": 2,
        }),
    }
}
