//! Deployed contracts: what each is, its versions, what it remembers, and code that waits to be activated.

use std::ops::Bound;
use std::str::FromStr;

use serde_json::{Value, json};

use super::{
    Answer, ArgumentInfo, Arguments, PAGE_MAX, QueryError, QueryInfo, missing, optional, required,
};
use crate::kernel::module::ModuleInfo;
use crate::kernel::module::Modules as _;
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::modules::Modules;
use crate::tx::ContentHash;
use crate::wasm::Wasm;
use crate::wasm::activation::{Contract, Version, is_name, key_of};
use crate::wasm::module::Tables;
use crate::wasm::upload::chunks;

const NAME: &str = "the name of a deployed contract";
const WHICH: ArgumentInfo = required("name", "Which contract.", NAME);

pub(super) const CONTRACT: QueryInfo = QueryInfo {
    name: "deployed-contract",
    text: "A deployed contract: its number and key, the active version with its code and what it may call, and how much it remembers.",
    arguments: &[WHICH],
    answer: contract,
    entry: Some(|given| {
        let Name(name) = given.required("name")?;
        Ok(entry_key::<Wasm>("contracts", &name))
    }),
};

pub(super) const CONTRACTS: QueryInfo = QueryInfo {
    name: "deployed-contracts",
    text: "The deployed contracts by name.",
    arguments: &[optional("after", "List names behind this one.", NAME)],
    answer: contracts,
    entry: None,
};

pub(super) const VERSIONS: QueryInfo = QueryInfo {
    name: "deployed-versions",
    text: "The versions of a deployed contract by number.",
    arguments: &[WHICH],
    answer: versions,
    entry: None,
};

pub(super) const ENTRY: QueryInfo = QueryInfo {
    name: "deployed-entry",
    text: "The value of an entry of a deployed contract.",
    arguments: &[
        WHICH,
        required("own", "Its key.", "1 to 64 bytes in hexadecimal digits"),
    ],
    answer: entry,
    entry: None,
};

pub(super) const UPLOAD: QueryInfo = QueryInfo {
    name: "deployed-upload",
    text: "Code that waits to be activated: who uploads it, what of it is there, and what it declares to call.",
    arguments: &[required(
        "code",
        "SHA-512 of the code.",
        "128 hexadecimal digits",
    )],
    answer: upload,
    entry: Some(|given| {
        let code: ContentHash = given.required("code")?;
        Ok(entry_key::<Wasm>("uploads", &code))
    }),
};

/// A name that a contract can have.
struct Name(String);

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        is_name(text).then(|| Self(text.to_owned())).ok_or(())
    }
}

/// Bytes that an entry can be keyed by.
struct Own(Vec<u8>);

impl FromStr for Own {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = hex::decode(text).map_err(|_| ())?;
        let good = (1..=crate::wasm::KEY_MAX).contains(&bytes.len());
        good.then_some(Self(bytes)).ok_or(())
    }
}

fn tables(ledger: &Ledger) -> &Tables {
    ledger.stores().read::<Wasm>()
}

fn find<'a>(
    ledger: &'a Ledger,
    arguments: &Arguments<'_>,
) -> Result<(String, &'a Contract), QueryError> {
    let Name(name) = arguments.required("name")?;
    match tables(ledger).contracts.get(&name) {
        Some(found) => Ok((name, found)),
        None => Err(missing(format_args!("deployed contract {name}"))),
    }
}

/// Methods as people call them.
fn named(methods: &[(u16, u16)]) -> Vec<String> {
    let module = |id| Modules::CATALOG.iter().find(|module| module.id == id);
    let method = |info: &ModuleInfo, number| {
        let found = info.methods.iter().find(|method| method.number == number);
        found.map(|method| format!("{}.{}", info.name, method.name))
    };
    let all = methods.iter();
    all.filter_map(|(id, number)| method(module(*id)?, *number))
        .collect()
}

fn described(ledger: &Ledger, name: &str, contract: &Contract) -> Value {
    let versions = &tables(ledger).versions;
    let active = versions.get(&(contract.number, contract.active));
    json!({
        "name": name,
        "number": contract.number,
        "key": key_of(name).to_string(),
        "member": contract.member.0,
        "active": active.map(|version| of_version(contract.active, version)),
        "versions": contract.last,
        "entries": contract.entries,
        "bytes": contract.bytes,
    })
}

fn of_version(number: u32, version: &Version) -> Value {
    json!({
        "version": number,
        "code": version.code,
        "length": version.length,
        "methods": named(&version.methods),
        "roles": version.roles,
        "since": version.since.0,
        "first": version.first.0,
        "second": version.second.0,
    })
}

fn contract(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let (name, found) = find(ledger, arguments)?;
    Ok(described(ledger, &name, found))
}

fn contracts(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let after: Option<Name> = arguments.optional("after")?;
    let first = after.map_or(Bound::Unbounded, |Name(after)| Bound::Excluded(after));
    let all = tables(ledger).contracts.range((first, Bound::Unbounded));
    let all = all.take(PAGE_MAX);
    Ok(all
        .map(|(name, found)| described(ledger, name, found))
        .collect())
}

fn versions(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let (_, found) = find(ledger, arguments)?;
    let all = (found.number, 0)..=(found.number, u32::MAX);
    let all = tables(ledger).versions.range(all);
    Ok(all
        .map(|((_, number), version)| of_version(*number, version))
        .collect())
}

fn entry(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let Own(own) = arguments.required("own")?;
    let (name, found) = find(ledger, arguments)?;
    let key = (found.number, own);
    match tables(ledger).entries.get(&key) {
        Some(value) => Ok(json!({ "own": hex::encode(&key.1), "value": hex::encode(value) })),
        None => Err(missing(format_args!(
            "entry {} of deployed contract {name}",
            hex::encode(&key.1)
        ))),
    }
}

fn upload(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let code: ContentHash = arguments.required("code")?;
    let found = tables(ledger).uploads.get(&code);
    let found = found.ok_or_else(|| missing("code of this name that waits"))?;
    Ok(json!({
        "code": code,
        "owner": found.owner.0,
        "length": found.length,
        "chunks": chunks(found.length),
        "there": found.there,
        "methods": named(&found.methods),
        "until": found.until.0,
    }))
}
