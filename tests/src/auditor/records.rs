//! Records: who may change them, what is anchored, who was given what, and when they are forgotten.
//!
//! Every refusal is worked out here to its code, every effect and every event to its last field.

use std::collections::BTreeMap;

use bds_contracts::genesis::Profile;
use sha2::{Digest as _, Sha512, Sha512_256};

use super::wire::Value;
use super::{Ask, Books, Events, Finding, ensure, identity};

/// Number of the module.
pub(super) const RECORDS: u16 = 8;
/// How long a record stays behind its end: 400 days.
const LIFE: u64 = 400 * 24 * 3_600 * 1_000;

/// Covers: in the clear; that can be erased. Phases: open, closed, erased.
const CLEAR: u8 = 0;
const ERASABLE: u8 = 2;
pub(super) const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const ERASED: u8 = 2;

mod code {
    pub(super) const UNKNOWN_ACCOUNT: u16 = 13;
    pub(super) const TEXT: u16 = 19;
    pub(super) const KEY: u16 = 20;
    pub(super) const NOT_REPRESENTATIVE: u16 = 25;
    pub(super) const ACCOUNT_NOT_OPEN: u16 = 26;
    pub(super) const NOT_ENDORSED: u16 = 220;
    pub(super) const UNKNOWN_RECORD: u16 = 440;
    pub(super) const RECORD_EXISTS: u16 = 441;
    pub(super) const RECORD_INVALID: u16 = 442;
    pub(super) const RECORD_ENDED: u16 = 443;
    pub(super) const RECORD_VERSION: u16 = 444;
    pub(super) const RECORD_LIMIT: u16 = 445;
    pub(super) const CONTENT: u16 = 446;
    pub(super) const READER_KEY: u16 = 447;
    pub(super) const UNKNOWN_READER: u16 = 448;
    pub(super) const WITHDRAWN: u16 = 449;
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) root: [u8; 32],
    pub(super) content_hash: [u8; 64],
    pub(super) body_hash: [u8; 64],
    pub(super) slices: u16,
    pub(super) length: u64,
    pub(super) inline: bool,
    pub(super) time: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) version: u32,
    pub(super) key: [u8; 32],
    pub(super) wrap: Vec<u8>,
    pub(super) given: u64,
    pub(super) withdrawn: Option<u64>,
}

/// A record with everything that is remembered of it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) class: String,
    pub(super) kind: u8,
    pub(super) cover: u8,
    pub(super) last: u32,
    pub(super) head: [u8; 32],
    pub(super) versions: BTreeMap<u32, Version>,
    pub(super) readers: BTreeMap<u64, Reader>,
    pub(super) created: u64,
    pub(super) phase: u8,
    pub(super) since: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    /// Key, how many were published, since when.
    pub(super) keys: BTreeMap<u64, ([u8; 32], u32, u64)>,
    /// The last number that an account gave.
    pub(super) last: BTreeMap<u64, u64>,
    pub(super) all: BTreeMap<(u64, u64), Record>,
}

impl Records {
    /// The owner's records that ended and whose time is over, the first two.
    fn over(&self, owner: u64, now: u64) -> Vec<u64> {
        let own = self.all.iter().filter(|((one, _), _)| *one == owner);
        let ended = own.filter(|(_, record)| record.phase != OPEN && record.since + LIFE <= now);
        let mut all: Vec<(u64, u64)> = ended
            .map(|((_, number), record)| (record.since, *number))
            .collect();
        all.sort_unstable();
        all.into_iter().take(2).map(|(_, number)| number).collect()
    }

    pub(super) fn held(&self, owner: u64) -> usize {
        self.all.keys().filter(|(one, _)| *one == owner).count()
    }
}

type Judged = Result<(), u16>;

fn unless(holds: bool, refusal: u16) -> Judged {
    if holds { Ok(()) } else { Err(refusal) }
}

/// Whether a key is below 2^255 - 19 and none of the five numbers there that are points of small order.
fn is_key(key: &[u8; 32]) -> bool {
    let mut big = *key;
    big.reverse();
    let hex = hex::encode(big);
    let prime = format!("7f{}ed", "ff".repeat(30));
    let small = [
        "00".repeat(32),
        format!("{}01", "00".repeat(31)),
        "00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0".to_owned(),
        "57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5f".to_owned(),
        format!("7f{}ec", "ff".repeat(30)),
    ];
    hex < prime && !small.contains(&hex)
}

fn blob<'a>(ask: &Ask<'a>, name: &str) -> &'a [u8] {
    match ask.call.get(name) {
        Value::Bytes(bytes) => bytes,
        other => panic!("`{name}` is {other:?}: the schema says otherwise"),
    }
}

fn number(number: impl Into<i128>) -> Value<'static> {
    Value::Number(number.into())
}

impl Books {
    /// With which code a call of records is refused, if it is: every check in the order the design gives.
    pub(super) fn judge_record(&self, ask: &Ask<'_>) -> Judged {
        let (call, records) = (&ask.call, &self.records);
        let account = call.u64("account");
        let found = self.identity.accounts.get(&account);
        let found = found.ok_or(code::UNKNOWN_ACCOUNT)?;
        unless(
            self.represents(ask.member, account),
            code::NOT_REPRESENTATIVE,
        )?;
        unless(found.status == identity::OPEN, code::ACCOUNT_NOT_OPEN)?;
        let name = ask.name.as_str();
        match name {
            "records.publish-reader-key" => unless(is_key(&call.array("key")), code::KEY)?,
            "records.create-record" => {
                unless((1..=64).contains(&call.text("class").len()), code::TEXT)?;
                let is_clear = call.u8("cover") == CLEAR;
                unless(
                    !is_clear || self.profile != Profile::Private,
                    code::RECORD_INVALID,
                )?;
                let last = records.last.get(&account).copied().unwrap_or(0);
                unless(call.u64("record") > last, code::RECORD_EXISTS)?;
                let left = records.held(account) - records.over(account, self.time).len();
                unless(left < 1_024, code::RECORD_LIMIT)?;
            }
            _ => {
                let record = records.all.get(&(account, call.u64("record")));
                let record = record.ok_or(code::UNKNOWN_RECORD)?;
                let ended = if name == "records.erase-record" {
                    ERASED
                } else {
                    CLOSED
                };
                unless(record.phase < ended, code::RECORD_ENDED)?;
                self.judge_change(ask, record)?;
            }
        }
        let endorsed = || self.endorser(ask, |books, member| books.represents(member, account));
        unless(
            found.threshold < 2 || endorsed().is_some(),
            code::NOT_ENDORSED,
        )
    }

    fn judge_change(&self, ask: &Ask<'_>, record: &Record) -> Judged {
        let call = &ask.call;
        match ask.name.as_str() {
            "records.add-version" => {
                let next = record.last.checked_add(1);
                unless(next == Some(call.u32("version")), code::RECORD_VERSION)?;
                let (slices, length, body) =
                    (call.u16("slices"), call.u64("length"), blob(ask, "body"));
                let sized = (1..=64).contains(&slices) && length > 0 && length <= 1 << 40;
                unless(sized && body.len() <= 49_152, code::RECORD_INVALID)?;
                let is_said = body.len() as u64 == length
                    && Sha512::digest(body)[..] == call.array::<64>("body_hash");
                let is_covered = record.cover == CLEAR || body.starts_with(b"BDSSEAL1");
                unless(body.is_empty() || is_said && is_covered, code::CONTENT)
            }
            "records.give-wrap" => {
                let sized = (49..=512).contains(&blob(ask, "wrap").len());
                unless(record.cover != CLEAR && sized, code::RECORD_INVALID)?;
                unless(
                    record.versions.contains_key(&call.u32("version")),
                    code::RECORD_VERSION,
                )?;
                let reader = call.u64("reader");
                let status = self
                    .identity
                    .accounts
                    .get(&reader)
                    .map(|account| account.status);
                unless(status.is_some(), code::UNKNOWN_ACCOUNT)?;
                unless(status != Some(identity::CLOSED), code::ACCOUNT_NOT_OPEN)?;
                let key = self.records.keys.get(&reader).map(|(key, ..)| *key);
                unless(key == Some(call.array("key")), code::READER_KEY)?;
                match record.readers.get(&reader) {
                    Some(known) => unless(known.withdrawn.is_none(), code::WITHDRAWN),
                    None => unless(record.readers.len() < 32, code::RECORD_LIMIT),
                }
            }
            "records.withdraw-reader" => {
                let known = record.readers.get(&call.u64("reader"));
                let known = known.ok_or(code::UNKNOWN_READER)?;
                unless(known.withdrawn.is_none(), code::WITHDRAWN)
            }
            "records.erase-record" => unless(record.cover == ERASABLE, code::RECORD_INVALID),
            _ => Ok(()),
        }
    }

    /// A call that succeeded.
    pub(super) fn record_call(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let judged = self.judge_record(ask);
        ensure!(judged.is_ok(), "it should be refused with {judged:?}");
        let (call, now) = (&ask.call, self.time);
        let account = call.u64("account");
        self.second_of(ask, account)?;
        let owner = ("account", number(account));
        let copy = |name: &'static str| (name, call.get(name).clone());
        if ask.name == "records.publish-reader-key" {
            let count = self
                .records
                .keys
                .get(&account)
                .map_or(0, |(_, count, _)| *count)
                + 1;
            self.records
                .keys
                .insert(account, (call.array("key"), count, now));
            let said = [owner, copy("key"), ("number", number(count))];
            return events.said("records.ReaderKeyPublished", &said);
        }
        let key = (account, call.u64("record"));
        if ask.name == "records.create-record" {
            for over in self.records.over(account, now) {
                self.records.all.remove(&(account, over));
            }
            let new = Record {
                class: call.text("class").to_owned(),
                kind: call.u8("kind"),
                cover: call.u8("cover"),
                last: 0,
                head: [0; 32],
                versions: BTreeMap::new(),
                readers: BTreeMap::new(),
                created: now,
                phase: OPEN,
                since: now,
            };
            self.records.all.insert(key, new);
            self.records.last.insert(account, key.1);
            let said = [
                owner,
                copy("record"),
                copy("class"),
                copy("kind"),
                copy("cover"),
            ];
            return events.said("records.RecordCreated", &said);
        }
        let record = self.records.all.get_mut(&key).ok_or("it was judged")?;
        match ask.name.as_str() {
            "records.add-version" => {
                let version = Version {
                    root: call.array("root"),
                    content_hash: call.array("content_hash"),
                    body_hash: call.array("body_hash"),
                    slices: call.u16("slices"),
                    length: call.u64("length"),
                    inline: !blob(ask, "body").is_empty(),
                    time: now,
                };
                let place = call.u32("version");
                let text = [
                    b"BDS-RECORDS-HEAD".as_slice(),
                    &record.head,
                    &place.to_le_bytes(),
                    &version.root,
                    &version.content_hash,
                    &version.body_hash,
                    &version.slices.to_le_bytes(),
                    &version.length.to_le_bytes(),
                ];
                record.head = Sha512_256::digest(text.concat()).into();
                record.last = place;
                let inline = version.inline;
                record.versions.insert(place, version);
                record.versions.retain(|number, _| *number + 16 > place);
                let said = [
                    owner,
                    copy("record"),
                    copy("version"),
                    copy("root"),
                    copy("content_hash"),
                    copy("body_hash"),
                    copy("slices"),
                    copy("length"),
                    ("inline", number(inline)),
                    ("head", Value::Bytes(&record.head)),
                ];
                events.said("records.VersionAdded", &said)
            }
            "records.give-wrap" => {
                let given = Reader {
                    version: call.u32("version"),
                    key: call.array("key"),
                    wrap: blob(ask, "wrap").to_vec(),
                    given: now,
                    withdrawn: None,
                };
                record.readers.insert(call.u64("reader"), given);
                let said = [
                    owner,
                    copy("record"),
                    copy("version"),
                    copy("reader"),
                    copy("key"),
                    copy("wrap"),
                ];
                events.said("records.WrapGiven", &said)
            }
            "records.withdraw-reader" => {
                let known = record.readers.get_mut(&call.u64("reader"));
                let known = known.ok_or("it was judged")?;
                known.wrap.clear();
                known.withdrawn = Some(now);
                let said = [owner, copy("record"), copy("reader")];
                events.said("records.ReaderWithdrawn", &said)
            }
            "records.close-record" => {
                (record.phase, record.since) = (CLOSED, now);
                events.said("records.RecordClosed", &[owner, copy("record")])
            }
            "records.erase-record" => {
                (record.phase, record.since) = (ERASED, now);
                let count = std::mem::take(&mut record.readers).len() as u64;
                let said = [owner, copy("record"), ("readers", number(count))];
                events.said("records.RecordErased", &said)
            }
            other => Err(format!("the auditor does not know {other}")),
        }
    }
}
