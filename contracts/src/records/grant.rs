//! Readers of a record: what each was given last, and who gets no more.
//!
//! A wrap is for the key that the reader has published when it is given: one that was made for a key since replaced is refused and not
//! lost. Whoever is withdrawn gets no more of this record, for good, so that no list that was forgotten somewhere lets it in again;
//! what it was given it has, and the next version has other keys.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::module::Records;
use super::record::{self, Cover, Key};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most readers of a record, those included that were withdrawn.
pub const READERS_MAX: u32 = 32;
/// Shortest wrap, in bytes: an encapsulated key, a byte, and what authenticates it.
pub const WRAP_MIN: usize = 49;
/// Longest wrap, in bytes.
pub const WRAP_MAX: usize = 512;

/// A reader of a record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reader {
    /// Which version it was given last.
    pub version: u32,
    /// The key that opens it.
    pub key: [u8; 32],
    /// What it was given; empty once it is withdrawn.
    pub wrap: Vec<u8>,
    /// When.
    pub given: Millis,
    /// Since when it gets no more.
    pub withdrawn: Option<Millis>,
}

/// Refused in this order: as [`record::open`]; it is in the clear, or the wrap has another length; no such version, or a forgotten one; the
/// reader's account unknown or closed; its key is none or another one; the reader is withdrawn; too many readers; not endorsed.
pub(super) fn give(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    key: Key,
    version: u32,
    (reader, reader_key): (AccountId, [u8; 32]),
    wrap: &[u8],
) -> Result<(), Code> {
    let (slot, record) = record::open(cx, key)?;
    if record.cover == Cover::Clear || !(WRAP_MIN..=WRAP_MAX).contains(&wrap.len()) {
        return Err(Code::RECORD_INVALID);
    }
    let tables = cx.read::<Records>();
    if !tables.versions.contains(&(key.0, key.1, version)) {
        return Err(Code::RECORD_VERSION);
    }
    cx.read::<Identity>().to_receive(reader)?;
    let published = tables.reader_keys.get(&reader);
    if published.is_none_or(|published| published.key != reader_key) {
        return Err(Code::READER_KEY_INVALID);
    }
    let place = (key.0, key.1, reader);
    let known = tables.readers.get(&place);
    let is_new = known.is_none();
    if known.is_some_and(|known| known.withdrawn.is_some()) {
        return Err(Code::READER_WITHDRAWN);
    }
    if is_new && record.readers >= READERS_MAX {
        return Err(Code::RECORD_LIMIT);
    }
    account::second(cx, key.0, slot, || endorse::digest::<Records>(call))?;

    let given = Reader {
        version,
        key: reader_key,
        wrap: wrap.to_vec(),
        given: cx.block().time,
        withdrawn: None,
    };
    let (tables, journal) = cx.tables::<Records>();
    tables.readers.set(journal, place, given)?;
    if is_new && let Some(record) = tables.records.update(journal, &key)? {
        record.readers += 1;
    }
    cx.emit::<Records>(&Event::WrapGiven {
        account: key.0,
        record: key.1,
        version,
        reader,
        key: reader_key,
        wrap,
    })
}

/// Refused in this order: as [`record::open`]; no reader of it; withdrawn before; not endorsed.
pub(super) fn withdraw(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    key: Key,
    reader: AccountId,
) -> Result<(), Code> {
    let (slot, _) = record::open(cx, key)?;
    let place = (key.0, key.1, reader);
    let known = cx.read::<Records>().readers.get(&place);
    if known.ok_or(Code::UNKNOWN_READER)?.withdrawn.is_some() {
        return Err(Code::READER_WITHDRAWN);
    }
    account::second(cx, key.0, slot, || endorse::digest::<Records>(call))?;

    let now = cx.block().time;
    let (tables, journal) = cx.tables::<Records>();
    if let Some(known) = tables.readers.update(journal, &place)? {
        known.wrap = Vec::new();
        known.withdrawn = Some(now);
    }
    cx.emit::<Records>(&Event::ReaderWithdrawn {
        account: key.0,
        record: key.1,
        reader,
    })
}
