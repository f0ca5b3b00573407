//! Which accounts a call or event names, read by its schema alone: for streams of one party.

use crate::kernel::module::{ModuleInfo, Modules};
use crate::kernel::receipt::EventView;
use crate::kernel::wire::{Decode as _, Field, Kind, LIST_MAX, Malformed, Reader};
use crate::tx::AccountId;

/// Walks over one value and calls `named` for every part that has a name of the ledger, with that name and its bytes.
fn walk<'a>(
    kind: Kind,
    reader: &mut Reader<'a>,
    named: &mut impl FnMut(&'static str, &'a [u8]),
) -> Result<(), Malformed> {
    match kind {
        Kind::Unsigned(bytes) | Kind::Signed(bytes) => reader.take(usize::from(bytes)).map(|_| ()),
        Kind::Fixed(bytes) => reader.take(bytes).map(|_| ()),
        Kind::Bool => bool::decode(reader).map(|_| ()),
        Kind::Text => <&str>::decode(reader).map(|_| ()),
        Kind::Blob => reader.blob().map(|_| ()),
        Kind::Choice(_, names) => {
            let place = u8::decode(reader)?;
            if usize::from(place) < names.len() {
                Ok(())
            } else {
                Err(Malformed)
            }
        }
        Kind::Optional(inner) => {
            if bool::decode(reader)? {
                walk(*inner, reader, named)?;
            }
            Ok(())
        }
        Kind::List(inner) => {
            let count = u32::decode(reader)?;
            if count as usize > LIST_MAX {
                return Err(Malformed);
            }
            (0..count).try_for_each(|_| walk(*inner, reader, named))
        }
        Kind::Pair(first, second) => {
            walk(*first, reader, named)?;
            walk(*second, reader, named)
        }
        Kind::Named(name, inner) => {
            let start = reader.rest();
            walk(*inner, reader, named)?;
            named(name, &start[..start.len() - reader.rest().len()]);
            Ok(())
        }
    }
}

/// The accounts named in these fields, in order, with repeats.
///
/// # Errors
/// [`Malformed`] when the bytes are not exactly these fields.
pub fn accounts(fields: &[Field], bytes: &[u8]) -> Result<Vec<AccountId>, Malformed> {
    let (mut reader, mut found) = (Reader::new(bytes), Vec::new());
    let mut named = |name: &'static str, part: &[u8]| {
        if let ("AccountId", Ok(id)) = (name, part.try_into()) {
            found.push(AccountId(u64::from_le_bytes(id)));
        }
    };
    for field in fields {
        walk(field.kind, &mut reader, &mut named)?;
    }
    reader.end()?;
    Ok(found)
}

/// The accounts that an event concerns: whoever follows one of them is told of it.
///
/// # Errors
/// [`Malformed`] when there is no such event, or its bytes are not its fields.
pub fn event_accounts<L: Modules>(event: &EventView<'_>) -> Result<Vec<AccountId>, Malformed> {
    event_accounts_in(L::CATALOG, event)
}

/// [`event_accounts`] by the list of modules itself.
pub(crate) fn event_accounts_in(
    catalog: &[ModuleInfo],
    event: &EventView<'_>,
) -> Result<Vec<AccountId>, Malformed> {
    let module = catalog.iter().find(|module| module.id == event.module);
    let events = module.ok_or(Malformed)?.events;
    let info = events.iter().find(|info| info.number == event.number);
    accounts(info.ok_or(Malformed)?.fields, event.fields)
}
