//! From bytes to JSON: calls, events and receipts as people and programs read them.

use serde_json::{Map, Value, json};

use super::names::{call_name, event_name};
use crate::account::Roles;
use crate::amount::Currency;
use crate::kernel::envelope::CallView;
use crate::kernel::module::{ModuleInfo, Modules};
use crate::kernel::receipt::{EventView, ReceiptId, ReceiptView};
use crate::kernel::wire::{Decode as _, Field, Kind, LIST_MAX, Malformed, Reader};

/// A call as `{"units.transfer": {"from": 1, …}}`. Every call that decodes can be shown.
///
/// # Errors
/// [`Malformed`] when there is no such call, or its arguments are not its fields. A transaction with such a call can stand in
/// a block: it was executed and refused.
pub fn call_to_json<L: Modules>(call: CallView<'_>) -> Result<Value, Malformed> {
    let module = module::<L>(call.module)?;
    let mut methods = module.methods.iter();
    let method = methods.find(|method| method.number == call.method);
    let method = method.ok_or(Malformed)?;
    let name = call_name(module, method);
    fields_to_json(name, method.fields, call.arguments)
}

/// An event as `{"units.transferred": {"from": 1, …}}`.
///
/// # Errors
/// [`Malformed`] when there is no such event, or its bytes are not its fields.
pub fn event_to_json<L: Modules>(event: &EventView<'_>) -> Result<Value, Malformed> {
    let module = module::<L>(event.module)?;
    let info = module
        .events
        .iter()
        .find(|info| info.number == event.number);
    let info = info.ok_or(Malformed)?;
    fields_to_json(event_name(module, info), info.fields, event.fields)
}

/// A receipt with its events. `kind` says what it is of: a `transaction` with its id in `tx`, a `trigger` with its number in
/// `trigger`, or a `phase` with `module` and `begin` or `end` in `phase`.
///
/// # Errors
/// [`Malformed`] when the bytes are no receipt, or one of its events is none of these modules.
pub fn receipt_to_json<L: Modules>(bytes: &[u8]) -> Result<Value, Malformed> {
    let receipt = ReceiptView::parse(bytes)?;
    let events: Vec<Value> = receipt
        .events()
        .map(|event| event_to_json::<L>(&event))
        .collect::<Result<_, _>>()?;
    let mut object = json!({
        "height": receipt.height,
        "index": receipt.index,
        "code": receipt.code.0,
        "call": receipt.call,
        "units": receipt.units,
        "events": events,
        "message": receipt.message,
    });
    match receipt.id {
        ReceiptId::Tx(id) => {
            object["kind"] = json!("transaction");
            object["tx"] = json!(id);
        }
        ReceiptId::Trigger(number) => {
            object["kind"] = json!("trigger");
            object["trigger"] = json!(number);
        }
        ReceiptId::Phase {
            module: number,
            end,
        } => {
            object["kind"] = json!("phase");
            object["module"] = json!(match number {
                // What sets a ledger up is no module's.
                0 => "kernel",
                _ => module::<L>(number)?.name,
            });
            object["phase"] = json!(if end { "end" } else { "begin" });
        }
    }
    Ok(object)
}

fn module<L: Modules>(number: u16) -> Result<&'static ModuleInfo, Malformed> {
    let found = L::CATALOG.iter().find(|module| module.id == number);
    found.ok_or(Malformed)
}

/// All of the bytes as fields, under a name.
fn fields_to_json(name: String, fields: &[Field], bytes: &[u8]) -> Result<Value, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut object = Map::new();
    for field in fields {
        object.insert(field.name.to_owned(), value(field.kind, &mut reader)?);
    }
    reader.end()?;
    Ok(Value::Object(Map::from_iter([(
        name,
        Value::Object(object),
    )])))
}

/// The next value.
pub(super) fn value(kind: Kind, reader: &mut Reader<'_>) -> Result<Value, Malformed> {
    Ok(match kind {
        Kind::Unsigned(bytes) => json!(unsigned(reader.take(bytes.into())?)),
        Kind::Signed(bytes) => json!(signed(reader.take(bytes.into())?)),
        Kind::Bool => json!(bool::decode(reader)?),
        Kind::Fixed(bytes) => json!(hex::encode(reader.take(bytes)?)),
        Kind::Text => json!(<&str>::decode(reader)?),
        Kind::Blob => json!(hex::encode(reader.blob()?)),
        Kind::Optional(inner) => {
            if bool::decode(reader)? {
                value(*inner, reader)?
            } else {
                Value::Null
            }
        }
        Kind::List(inner) => {
            let count = u32::decode(reader)?;
            if count as usize > LIST_MAX {
                return Err(Malformed);
            }
            let items = (0..count).map(|_| value(*inner, reader));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Kind::Choice(_, names) => {
            let place = u8::decode(reader)?;
            json!(names.get(usize::from(place)).ok_or(Malformed)?)
        }
        Kind::Pair(first, second) => json!([value(*first, reader)?, value(*second, reader)?]),
        Kind::Named("Roles", _) => json!(Roles::decode(reader)?),
        Kind::Named("Currency", inner) => {
            let mut ahead = *reader;
            let currency = Currency::decode(&mut ahead)?;
            if !currency.is_valid() {
                // Calls with any three bytes decode and are refused later, so they are shown.
                return value(*inner, reader);
            }
            *reader = ahead;
            json!(currency)
        }
        Kind::Named(_, inner) => value(*inner, reader)?,
    })
}

/// Little endian.
fn unsigned(bytes: &[u8]) -> u64 {
    let count = bytes.len();
    assert!(count <= 8, "the wire has no integer of {count} bytes");
    let mut wide = [0; 8];
    wide[..count].copy_from_slice(bytes);
    u64::from_le_bytes(wide)
}

/// Little endian, two's complement.
fn signed(bytes: &[u8]) -> i64 {
    let number = i64::from_le_bytes(unsigned(bytes).to_le_bytes());
    // Correctness: one to eight bytes, so the shift is 0 to 56; back again it copies the sign.
    let shift = 64 - 8 * bytes.len();
    number << shift >> shift
}
