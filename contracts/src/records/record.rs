//! Records: made, closed, erased, and forgotten in the end.
//!
//! An account has at most [`HELD_MAX`] records. One that ended counts until it is forgotten, [`ENDED_LIFE`] after it was closed or erased: each
//! record that its owner makes takes away up to two whose time is over. A number is never used again, so nothing sealed for one record
//! opens another.

use borsh::{BorshDeserialize, BorshSerialize};

use super::RecordId;
use super::call::Call;
use super::event::Event;
use super::module::Records;
use crate::genesis::Profile;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most records of an account, those included that ended and are not forgotten.
pub const HELD_MAX: u32 = 1_024;
/// Longest name of a class, in bytes.
pub const CLASS_MAX: usize = 64;
/// How long a record stays behind its end, in milliseconds: 400 days.
pub const ENDED_LIFE: u64 = 400 * 24 * 3_600 * 1_000;
/// Records that another one takes away, at most.
const FORGOTTEN_MAX: usize = 2;

/// A record: owner and number.
pub type Key = (AccountId, RecordId);

crate::choices! {
    /// How the versions of a record follow each other.
    pub enum RecordKind {
        /// Each takes the place of the one before: a profile, a price list.
        Static "static",
        /// Each is the next piece: readings, transactions.
        Stream "stream",
    }
}

crate::choices! {
    /// Who reads a record, and whether it can be erased.
    pub enum Cover {
        /// Anyone who has the body.
        Clear "clear",
        /// Whom a wrap was given; for ever.
        Sealed "sealed",
        /// Whom a wrap was given, as long as there is the share.
        Erasable "erasable",
    }
}

crate::choices! {
    /// Where a record stands.
    pub enum RecordPhase {
        /// It takes versions and readers.
        Open "open",
        /// It takes none any more.
        Closed "closed",
        /// Its share was destroyed, says its owner.
        Erased "erased",
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// What it is about.
    pub class: String,
    /// How its versions follow each other.
    pub kind: RecordKind,
    /// Who reads it.
    pub cover: Cover,
    /// Number of its last version; 0 for none.
    pub versions: u32,
    /// Hash over all its versions: see [`version`](super::version).
    pub head: [u8; 32],
    /// How many readers it has, those included that were withdrawn.
    pub readers: u32,
    /// When it was made.
    pub created: Millis,
    /// Where it stands.
    pub phase: RecordPhase,
    /// Since when.
    pub since: Millis,
}

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Owner {
    /// The last number it gave.
    pub last: RecordId,
    /// How many records it has, those included that ended and are not forgotten.
    pub held: u32,
}

/// What a new record is.
pub(super) struct NewRecord<'a> {
    pub(super) class: &'a str,
    pub(super) kind: RecordKind,
    pub(super) cover: Cover,
}

/// Refused in this order: account unknown, not represented, not open; the name of the class; in the clear on a private ledger; the number;
/// too many records; not endorsed.
pub(super) fn create(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    owner: AccountId,
    number: RecordId,
    new: &NewRecord<'_>,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), owner)?;
    if !(1..=CLASS_MAX).contains(&new.class.len()) {
        return Err(Code::TEXT_TOO_LONG);
    }
    if new.cover == Cover::Clear && cx.profile() == Profile::Private {
        return Err(Code::RECORD_INVALID);
    }
    let has = cx.read::<Records>().owners.get(&owner).copied();
    let has = has.unwrap_or_default();
    if number <= has.last {
        return Err(Code::RECORD_EXISTS);
    }
    let over = over(cx, owner);
    // Correctness: an owner holds what is over, and at most two of them.
    let held = has.held - over.len() as u32;
    if held >= HELD_MAX {
        return Err(Code::RECORD_LIMIT);
    }
    account::second(cx, owner, slot, || endorse::digest::<Records>(call))?;

    for key in over {
        forget(cx, key)?;
    }
    let now = cx.block().time;
    let record = Record {
        class: new.class.to_owned(),
        kind: new.kind,
        cover: new.cover,
        versions: 0,
        head: [0; 32],
        readers: 0,
        created: now,
        phase: RecordPhase::Open,
        since: now,
    };
    let has = Owner {
        last: number,
        held: held + 1,
    };
    let (tables, journal) = cx.tables::<Records>();
    tables.records.set(journal, (owner, number), record)?;
    tables.owners.set(journal, owner, has)?;
    cx.emit::<Records>(&Event::RecordCreated {
        account: owner,
        record: number,
        class: new.class,
        kind: new.kind,
        cover: new.cover,
    })
}

/// Refused in this order: as [`open`]; not endorsed.
pub(super) fn close(cx: &mut Cx<'_>, call: &Call<'_>, key: Key) -> Result<(), Code> {
    let (slot, _) = open(cx, key)?;
    account::second(cx, key.0, slot, || endorse::digest::<Records>(call))?;

    end(cx, key, RecordPhase::Closed)?;
    cx.emit::<Records>(&Event::RecordClosed {
        account: key.0,
        record: key.1,
    })
}

/// Refused in this order: account unknown, not represented, not open; no such record; erased before; it cannot be erased; not endorsed.
pub(super) fn erase(cx: &mut Cx<'_>, call: &Call<'_>, key: Key) -> Result<(), Code> {
    let (slot, record) = own(cx, key)?;
    let (phase, since, readers) = (record.phase, record.since, record.readers);
    if phase == RecordPhase::Erased {
        return Err(Code::RECORD_ENDED);
    }
    if record.cover != Cover::Erasable {
        return Err(Code::RECORD_INVALID);
    }
    account::second(cx, key.0, slot, || endorse::digest::<Records>(call))?;

    if phase == RecordPhase::Closed {
        let (tables, journal) = cx.tables::<Records>();
        tables.ended.remove(journal, &ended(key, since))?;
    }
    forget_readers(cx, key)?;
    end(cx, key, RecordPhase::Erased)?;
    cx.emit::<Records>(&Event::RecordErased {
        account: key.0,
        record: key.1,
        readers,
    })
}

/// The record that the sender may change. Refused in this order: account unknown, not represented, not open; no such record; it ended.
pub(super) fn open<'a>(cx: &'a Cx<'_>, key: Key) -> Result<(Slot, &'a Record), Code> {
    let (slot, record) = own(cx, key)?;
    match record.phase {
        RecordPhase::Open => Ok((slot, record)),
        RecordPhase::Closed | RecordPhase::Erased => Err(Code::RECORD_ENDED),
    }
}

fn own<'a>(cx: &'a Cx<'_>, key: Key) -> Result<(Slot, &'a Record), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), key.0)?;
    let record = cx.read::<Records>().records.get(&key);
    Ok((slot, record.ok_or(Code::UNKNOWN_RECORD)?))
}

/// Where a record that ended stands until it is forgotten.
fn ended(key: Key, since: Millis) -> (AccountId, Millis, RecordId) {
    (key.0, Millis(since.0.saturating_add(ENDED_LIFE)), key.1)
}

fn end(cx: &mut Cx<'_>, key: Key, phase: RecordPhase) -> Result<(), Code> {
    let now = cx.block().time;
    let (tables, journal) = cx.tables::<Records>();
    tables.ended.set(journal, ended(key, now), ())?;
    if let Some(record) = tables.records.update(journal, &key)? {
        (record.phase, record.since) = (phase, now);
        if phase == RecordPhase::Erased {
            record.readers = 0;
        }
    }
    Ok(())
}

/// Some of the owner's records whose time is over.
fn over(cx: &Cx<'_>, owner: AccountId) -> Vec<(AccountId, Millis, RecordId)> {
    let first = (owner, Millis(0), RecordId(0));
    let last = (owner, cx.block().time, RecordId(u64::MAX));
    let over = cx.read::<Records>().ended.range(first..=last);
    over.take(FORGOTTEN_MAX).map(|(key, ())| *key).collect()
}

/// Forgets a record with its versions and readers.
fn forget(cx: &mut Cx<'_>, over: (AccountId, Millis, RecordId)) -> Result<(), Code> {
    let key = (over.0, over.2);
    forget_readers(cx, key)?;
    let versions = cx
        .read::<Records>()
        .versions
        .range((key.0, key.1, 0)..=(key.0, key.1, u32::MAX));
    let versions: Vec<_> = versions.map(|(version, _)| *version).collect();
    let (tables, journal) = cx.tables::<Records>();
    for version in versions {
        tables.versions.remove(journal, &version)?;
    }
    tables.ended.remove(journal, &over)?;
    tables.records.remove(journal, &key)?;
    Ok(())
}

fn forget_readers(cx: &mut Cx<'_>, (owner, number): Key) -> Result<(), Code> {
    let all = (owner, number, AccountId(0))..=(owner, number, AccountId(u64::MAX));
    let readers = cx.read::<Records>().readers.range(all);
    let readers: Vec<_> = readers.map(|(reader, _)| *reader).collect();
    let (tables, journal) = cx.tables::<Records>();
    for reader in readers {
        tables.readers.remove(journal, &reader)?;
    }
    Ok(())
}
