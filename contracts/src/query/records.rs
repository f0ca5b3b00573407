//! Records: what is anchored of each version, who was given what, and the keys of readers.

use std::ops::Bound;

use serde_json::{Value, json};

use super::{
    ACCOUNT, Answer, ArgumentInfo, Arguments, PAGE_MAX, QueryError, QueryInfo, missing, optional,
    required,
};
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::records::grant::Reader;
use crate::records::module::Tables;
use crate::records::record::Record;
use crate::records::version::Version;
use crate::records::{RecordId, Records};
use crate::tx::AccountId;

const NUMBER: &str = "the number of a record";
const RECORD_NUMBER: ArgumentInfo = required("record", "Which of its records.", NUMBER);
const VERSION_NUMBER: ArgumentInfo =
    required("version", "Which version.", "the number of a version");
const READER_ACCOUNT: ArgumentInfo =
    required("reader", "The reader's account.", "an account number");

pub(super) const READER_KEY: QueryInfo = QueryInfo {
    name: "reader-key",
    text: "The key that records are sealed for, and how many the account has published.",
    arguments: &[ACCOUNT],
    answer: reader_key,
    entry: Some(|given| Ok(entry_key::<Records>("reader_keys", &given.account()?))),
};

pub(super) const RECORD: QueryInfo = QueryInfo {
    name: "record",
    text: "A record: what it is about, how it is covered, its last version, the hash over all of them, and where it stands.",
    arguments: &[ACCOUNT, RECORD_NUMBER],
    answer: record,
    entry: Some(|given| Ok(entry_key::<Records>("records", &key(given)?))),
};

pub(super) const RECORDS: QueryInfo = QueryInfo {
    name: "records",
    text: "The records of an account by rising number.",
    arguments: &[
        ACCOUNT,
        optional("after", "List records above this number.", NUMBER),
    ],
    answer: records,
    entry: None,
};

pub(super) const RECORD_VERSION: QueryInfo = QueryInfo {
    name: "record-version",
    text: "What is anchored of a version of a record.",
    arguments: &[ACCOUNT, RECORD_NUMBER, VERSION_NUMBER],
    answer: version,
    entry: Some(|given| {
        let (owner, record) = key(given)?;
        let version: u32 = given.required("version")?;
        Ok(entry_key::<Records>("versions", &(owner, record, version)))
    }),
};

pub(super) const RECORD_VERSIONS: QueryInfo = QueryInfo {
    name: "record-versions",
    text: "The versions of a record that are remembered, by rising number; at most sixteen.",
    arguments: &[ACCOUNT, RECORD_NUMBER],
    answer: versions,
    entry: None,
};

pub(super) const RECORD_READER: QueryInfo = QueryInfo {
    name: "record-reader",
    text: "What a reader of a record was given last and all else that opening it takes, or since when it gets no more.",
    arguments: &[ACCOUNT, RECORD_NUMBER, READER_ACCOUNT],
    answer: reader,
    entry: Some(|given| {
        let (owner, record) = key(given)?;
        let reader = AccountId(given.required("reader")?);
        Ok(entry_key::<Records>("readers", &(owner, record, reader)))
    }),
};

pub(super) const RECORD_READERS: QueryInfo = QueryInfo {
    name: "record-readers",
    text: "The readers of a record; at most thirty-two.",
    arguments: &[ACCOUNT, RECORD_NUMBER],
    answer: readers,
    entry: None,
};

fn key(given: &Arguments<'_>) -> Result<(AccountId, RecordId), QueryError> {
    Ok((given.account()?, RecordId(given.required("record")?)))
}

fn tables(ledger: &Ledger) -> &Tables {
    ledger.stores().read::<Records>()
}

/// The record and its key.
fn find<'a>(
    ledger: &'a Ledger,
    arguments: &Arguments<'_>,
) -> Result<((AccountId, RecordId), &'a Record), QueryError> {
    let key = key(arguments)?;
    let found = tables(ledger).records.get(&key);
    let found =
        found.ok_or_else(|| missing(format_args!("record {} of account {}", key.1.0, key.0.0)));
    Ok((key, found?))
}

fn reader_key(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let account = arguments.account()?;
    let found = tables(ledger).reader_keys.get(&account);
    let found =
        found.ok_or_else(|| missing(format_args!("reader's key of account {}", account.0)))?;
    Ok(json!({
        "account": account.0,
        "key": hex::encode(found.key),
        "number": found.number,
        "since": found.since.0,
    }))
}

fn described(number: RecordId, record: &Record) -> Value {
    json!({
        "record": number.0,
        "class": record.class,
        "kind": record.kind.name(),
        "cover": record.cover.name(),
        "versions": record.versions,
        "head": hex::encode(record.head),
        "readers": record.readers,
        "created": record.created.0,
        "phase": record.phase.name(),
        "since": record.since.0,
    })
}

fn record(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let ((_, number), found) = find(ledger, arguments)?;
    Ok(described(number, found))
}

fn records(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let account = arguments.account()?;
    let after: Option<u64> = arguments.optional("after")?;
    let first = after.map_or(Bound::Included((account, RecordId(0))), |after| {
        Bound::Excluded((account, RecordId(after)))
    });
    let last = Bound::Included((account, RecordId(u64::MAX)));
    let all = tables(ledger).records.range((first, last));
    let listed = all
        .take(PAGE_MAX)
        .map(|((_, number), record)| described(*number, record));
    Ok(Value::Array(listed.collect()))
}

fn version(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u32 = arguments.required("version")?;
    let ((owner, record), _) = find(ledger, arguments)?;
    let found = tables(ledger).versions.get(&(owner, record, number));
    found
        .map(|version| anchored(number, version))
        .ok_or_else(|| missing(format_args!("version {number} of record {}", record.0)))
}

fn versions(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let ((owner, record), _) = find(ledger, arguments)?;
    let all = (owner, record, 0)..=(owner, record, u32::MAX);
    let all = tables(ledger).versions.range(all);
    let all = all.map(|((_, _, number), version)| anchored(*number, version));
    Ok(Value::Array(all.collect()))
}

fn anchored(number: u32, version: &Version) -> Value {
    json!({
        "version": number,
        "root": hex::encode(version.root),
        "content_hash": version.content_hash,
        "body_hash": version.body_hash,
        "slices": version.slices,
        "length": version.length,
        "inline": version.inline,
        "time": version.time.0,
    })
}

fn reader(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let reader = AccountId(arguments.required("reader")?);
    let (owner, number) = key(arguments)?;
    let tables = tables(ledger);
    let record = tables.records.get(&(owner, number));
    let found = tables.readers.get(&(owner, number, reader));
    // The same words where there is no such record: whoever may ask about a reader need not be one, and learns nothing of other records.
    let (Some(record), Some(found)) = (record, found) else {
        let (reader, number, owner) = (reader.0, number.0, owner.0);
        return Err(missing(format_args!(
            "reader {reader} of record {number} of account {owner}"
        )));
    };
    let version = tables.versions.get(&(owner, number, found.version));
    let mut answer = given(reader, found);
    answer["cover"] = json!(record.cover.name());
    answer["phase"] = json!(record.phase.name());
    answer["since"] = json!(record.since.0);
    answer["anchored"] = json!(version.map(|version| anchored(found.version, version)));
    Ok(answer)
}

fn readers(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let ((owner, record), _) = find(ledger, arguments)?;
    let all = (owner, record, AccountId(0))..=(owner, record, AccountId(u64::MAX));
    let all = tables(ledger).readers.range(all);
    let all = all.map(|((_, _, account), reader)| given(*account, reader));
    Ok(Value::Array(all.collect()))
}

fn given(account: AccountId, reader: &Reader) -> Value {
    json!({
        "reader": account.0,
        "version": reader.version,
        "key": hex::encode(reader.key),
        "wrap": hex::encode(&reader.wrap),
        "given": reader.given.0,
        "withdrawn": reader.withdrawn.map(|time| time.0),
    })
}
