//! From JSON to the one encoding of a call: what anyone types, with an answer that says what is wrong with it.

use serde_json::Value;

use super::error::{self, DescribeError};
use super::names::{call_name, method};
use crate::account::Roles;
use crate::amount::Currency;
use crate::kernel::module::Modules;
use crate::kernel::rights;
use crate::kernel::wire::{Encode as _, Field, Kind, LIST_MAX, TEXT_MAX, decode_all, length};
use crate::tx::TX_BYTES_MAX;

/// Module, method and arguments of a call by its name, such as `units.transfer`, and an object of its fields.
///
/// What comes out decodes. Whether the ledger does it is another question: this looks at no rule and no state.
///
/// # Errors
/// [`DescribeError`]. Fields that do not exist come before those that are missing or wrong, which come in the order of the call.
pub fn call_from_json<L: Modules>(
    name: &str,
    arguments: &Value,
) -> Result<(u16, u16, Vec<u8>), DescribeError> {
    let (module, method) = method::<L>(name)?;
    let call = || call_name(module, method);
    let known = || {
        let names: Vec<&str> = method.fields.iter().map(|field| field.name).collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    let object = arguments
        .as_object()
        .ok_or_else(|| DescribeError::NotAnObject {
            call: call(),
            found: error::found(arguments),
            known: known(),
        })?;
    let is_field = |name: &str| method.fields.iter().any(|field| field.name == name);
    if let Some(name) = object.keys().find(|name| !is_field(name)) {
        return Err(DescribeError::UnknownField {
            call: call(),
            field: error::cut(name),
            known: known(),
        });
    }
    let mut out = Vec::new();
    for Field { name, kind, .. } in method.fields {
        match (object.get(*name), kind) {
            (Some(given), _) => {
                value(*kind, given, &mut out).map_err(|wrong| DescribeError::WrongValue {
                    call: call(),
                    field: format!("{name}{}", wrong.part),
                    found: wrong.found,
                    expected: wrong.expected,
                })?;
            }
            (None, Kind::Optional(_)) => false.encode(&mut out),
            (None, _) => {
                return Err(DescribeError::MissingField {
                    call: call(),
                    field: (*name).to_owned(),
                    expected: error::expected(*kind),
                });
            }
        }
    }
    Ok((module.id, method.number, out))
}

/// A value that a field does not take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Which part of the field, as `[3][0]`; empty for all of it.
    pub(super) part: String,
    pub(super) found: String,
    pub(super) expected: String,
}

impl Wrong {
    fn new(found: &Value, expected: String) -> Self {
        Self {
            part: String::new(),
            found: error::found(found),
            expected,
        }
    }

    /// The same, seen from the list in which it stands.
    fn inside(self, place: usize) -> Self {
        Self {
            part: format!("[{place}]{}", self.part),
            ..self
        }
    }
}

/// Appends a value's encoding; after a refusal `out` is good for nothing.
pub(super) fn value(kind: Kind, given: &Value, out: &mut Vec<u8>) -> Result<(), Wrong> {
    let wrong = || Wrong::new(given, error::expected(kind));
    match kind {
        Kind::Unsigned(bytes) => {
            let number = given.as_u64().filter(|number| fits(*number, bytes));
            let number = number.ok_or_else(wrong)?;
            out.extend_from_slice(&number.to_le_bytes()[..usize::from(bytes)]);
        }
        Kind::Signed(bytes) => {
            // One bit is the sign's; a negative number with its bits turned over takes as many as it does.
            let turned = |number: i64| (number ^ (number >> 63)).unsigned_abs() << 1;
            let number = given.as_i64().filter(|number| fits(turned(*number), bytes));
            let number = number.ok_or_else(wrong)?;
            out.extend_from_slice(&number.to_le_bytes()[..usize::from(bytes)]);
        }
        Kind::Bool => given.as_bool().ok_or_else(wrong)?.encode(out),
        Kind::Fixed(bytes) => {
            let decoded = given.as_str().filter(|digits| digits.len() == 2 * bytes);
            let decoded = decoded.and_then(|digits| hex::decode(digits).ok());
            out.extend(decoded.ok_or_else(wrong)?);
        }
        Kind::Text => {
            let text = given.as_str().filter(|text| text.len() <= TEXT_MAX);
            let text = text.ok_or_else(wrong)?;
            let start = out.len();
            text.encode(out);
            // What a text may hold is the decoder's rule.
            decode_all::<&str>(&out[start..]).map_err(|_| wrong())?;
        }
        Kind::Blob => {
            let digits = given
                .as_str()
                .filter(|digits| digits.len() / 2 <= TX_BYTES_MAX);
            let decoded = digits.and_then(|digits| hex::decode(digits).ok());
            decoded.ok_or_else(wrong)?.as_slice().encode(out);
        }
        Kind::Optional(inner) => {
            (!given.is_null()).encode(out);
            if !given.is_null() {
                value(*inner, given, out)?;
            }
        }
        Kind::List(inner) => {
            let items = given.as_array().filter(|items| items.len() <= LIST_MAX);
            let items = items.ok_or_else(wrong)?;
            length(items.len()).encode(out);
            for (place, item) in items.iter().enumerate() {
                value(*inner, item, out).map_err(|wrong| wrong.inside(place))?;
            }
        }
        Kind::Choice(_, names) => {
            let place = names.iter().position(|name| given == *name);
            let place = place.and_then(|place| u8::try_from(place).ok());
            place.ok_or_else(wrong)?.encode(out);
        }
        Kind::Pair(first, second) => {
            let Some([one, two]) = given.as_array().map(Vec::as_slice) else {
                return Err(wrong());
            };
            value(*first, one, out).map_err(|wrong| wrong.inside(0))?;
            value(*second, two, out).map_err(|wrong| wrong.inside(1))?;
        }
        Kind::Named("Roles", _) => {
            let known = rights::roles();
            let mut roles = Roles::NONE;
            for (place, item) in given.as_array().ok_or_else(wrong)?.iter().enumerate() {
                let role = known.iter().find(|(_, name)| item == name);
                let (role, _) =
                    role.ok_or_else(|| Wrong::new(item, error::expected_role()).inside(place))?;
                roles = roles.with(*role);
            }
            roles.encode(out);
        }
        Kind::Named("Currency", _) => {
            let currency = given
                .as_str()
                .and_then(|text| text.parse::<Currency>().ok());
            currency.ok_or_else(wrong)?.encode(out);
        }
        Kind::Named(_, inner) => value(*inner, given, out)?,
    }
    Ok(())
}

/// Whether an unsigned number has no more than so many bytes.
fn fits(number: u64, bytes: u8) -> bool {
    assert!(bytes <= 8, "the wire has no integer of {bytes} bytes");
    bytes == 8 || number >> (8 * u32::from(bytes)) == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::describe::read;
    use crate::kernel::wire::Reader;

    /// Kinds that no call has today, and widths of integers at their edges.
    #[test]
    fn every_kind_is_written_and_read_back() {
        const PAIR: Kind = Kind::Pair(&Kind::Bool, &Kind::Blob);
        let cases = [
            (Kind::Unsigned(1), json!(255), vec![255]),
            (Kind::Unsigned(2), json!(0xfffe), vec![0xfe, 0xff]),
            (Kind::Unsigned(8), json!(u64::MAX), vec![0xff; 8]),
            (Kind::Signed(1), json!(-128), vec![0x80]),
            (Kind::Signed(1), json!(127), vec![0x7f]),
            (Kind::Signed(2), json!(-2), vec![0xfe, 0xff]),
            (Kind::Signed(4), json!(1), vec![1, 0, 0, 0]),
            (Kind::Signed(8), json!(-1), vec![0xff; 8]),
            (
                Kind::Signed(8),
                json!(i64::MIN),
                vec![0, 0, 0, 0, 0, 0, 0, 0x80],
            ),
            (Kind::Blob, json!(""), vec![0; 4]),
            (Kind::Blob, json!("00ff"), vec![2, 0, 0, 0, 0, 0xff]),
            (Kind::Fixed(2), json!("0aa0"), vec![0x0a, 0xa0]),
            (PAIR, json!([true, "09"]), vec![1, 1, 0, 0, 0, 9]),
            (
                Kind::List(&Kind::Optional(&Kind::Bool)),
                json!([null, false, true]),
                vec![3, 0, 0, 0, 0, 1, 0, 1, 1],
            ),
            (
                Kind::Choice("Side", &["buy", "sell"]),
                json!("sell"),
                vec![1],
            ),
        ];
        for (kind, json, bytes) in cases {
            let mut out = Vec::new();
            assert_eq!(value(kind, &json, &mut out), Ok(()), "{json}");
            assert_eq!(out, bytes, "{json}");
            let mut reader = Reader::new(&bytes);
            assert_eq!(read::value(kind, &mut reader), Ok(json));
            assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_where_it_stands() {
        let long = "00".repeat(TX_BYTES_MAX + 1);
        let cases = [
            (Kind::Unsigned(1), json!(256), ""),
            (Kind::Signed(1), json!(128), ""),
            (Kind::Signed(1), json!(-129), ""),
            (Kind::Signed(8), json!(1_u64 << 63), ""),
            (Kind::Blob, json!(long), ""),
            (Kind::List(&Kind::Bool), json!([true, false, 2]), "[2]"),
            (
                Kind::List(&Kind::Pair(&Kind::Bool, &Kind::List(&Kind::Bool))),
                json!([[true, []], [true, [true, "no"]]]),
                "[1][1][1]",
            ),
        ];
        for (kind, json, part) in cases {
            let wrong = value(kind, &json, &mut Vec::new()).unwrap_err();
            assert_eq!(wrong.part, part, "{wrong:?}");
        }
    }
}
