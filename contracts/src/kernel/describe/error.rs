//! Why JSON is no call: which field, what was found there, and what is expected.

use serde_json::Value;

use crate::kernel::rights;
use crate::kernel::wire::{Kind, LIST_MAX, TEXT_MAX};
use crate::tx::TX_BYTES_MAX;

/// Longest part of somebody's JSON that is repeated to them, in characters.
const SHOWN_MAX: usize = 64;

/// Why JSON is no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// There is no such method or no such module.
    #[error("`{name}` is no call; {hint}")]
    UnknownCall {
        /// As it was given.
        name: String,
        /// What there is: calls of that name, all of the module, or the modules.
        hint: String,
    },
    /// The arguments are not named.
    #[error("{call}: {found} is not an object with the fields {known}")]
    NotAnObject {
        /// Of which call.
        call: String,
        /// What is there.
        found: String,
        /// Its fields.
        known: String,
    },
    /// The call has no such field.
    #[error("{call}: there is no field `{field}`; the fields are {known}")]
    UnknownField {
        /// Of which call.
        call: String,
        /// As it was given.
        field: String,
        /// Its fields.
        known: String,
    },
    /// A field that is not optional was left out.
    #[error("{call}: field `{field}` is missing: {expected}")]
    MissingField {
        /// Of which call.
        call: String,
        /// Which field.
        field: String,
        /// What it takes.
        expected: String,
    },
    /// A field holds something that it does not take.
    #[error("{call}: field `{field}`: {found} is not {expected}")]
    WrongValue {
        /// Of which call.
        call: String,
        /// Which field, and which part of it: `blocks[3][0]` is the first of the fourth pair.
        field: String,
        /// What is there.
        found: String,
        /// What it takes.
        expected: String,
    },
}

/// Somebody's text, cut where it is long and without control characters.
pub(super) fn cut(text: &str) -> String {
    let mut escaped = text.escape_debug();
    let mut short: String = escaped.by_ref().take(SHOWN_MAX).collect();
    if escaped.next().is_some() {
        short.push('…');
    }
    short
}

/// What was found, in a few words.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.len() > TEXT_MAX => format!("a text of {} bytes", text.len()),
        Value::String(text) => format!("\"{}\"", cut(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(fields) => format!("an object of {} fields", fields.len()),
    }
}

/// What a field of this kind takes, in a few words.
pub(super) fn expected(kind: Kind) -> String {
    match kind {
        Kind::Unsigned(bytes) => format!("an unsigned number below 2^{}", 8 * u32::from(bytes)),
        Kind::Signed(bytes) => {
            let bits = 8 * u32::from(bytes) - 1;
            format!("a whole number from -2^{bits} to 2^{bits} - 1")
        }
        Kind::Bool => "true or false".to_owned(),
        Kind::Fixed(bytes) => format!("{} hex digits", 2 * bytes),
        Kind::Text => format!("a text of at most {TEXT_MAX} bytes without control characters"),
        Kind::Blob => format!("hex digits of at most {TX_BYTES_MAX} bytes"),
        Kind::Optional(inner) => format!("{}, or null", expected(*inner)),
        Kind::List(_) => format!("a list of at most {LIST_MAX}"),
        Kind::Choice(_, names) => format!("one of {}", names.join(", ")),
        Kind::Named("Currency", _) => "a currency of three capital letters".to_owned(),
        Kind::Named("Roles", _) => "a list of roles".to_owned(),
        Kind::Named(_, inner) => expected(*inner),
        Kind::Pair(..) => "a list of two".to_owned(),
    }
}

/// What stands in a list of roles.
pub(super) fn expected_role() -> String {
    let names: Vec<&str> = rights::roles().iter().map(|(_, name)| *name).collect();
    format!("a role, one of {}", names.join(", "))
}
