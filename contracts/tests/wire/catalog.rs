//! Numbers and fields of every call and event, numbers and names of every code and role: each as one hash.
//!
//! None of them may change; what is added changes only the pin.

use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::code::CODES;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::wire::{Field, Kind};
use bds_contracts::modules::Modules;
use sha2::{Digest as _, Sha512_256};

use super::samples::busy_ledger;

fn pin(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(&Sha512_256::digest(bytes)[..8])
}

#[test]
fn codes_are_pinned() {
    let rise = CODES.windows(2).all(|pair| pair[0].code < pair[1].code);
    assert!(rise, "numbers rise");
    let lines = CODES
        .iter()
        .map(|info| format!("{} {} {}\n", info.code.0, info.name, info.retryable));
    let table: String = lines.collect();
    let found = format!("{} codes {}", CODES.len(), pin(&table));
    assert_eq!(found, CODES_PIN, "{table}");

    let known = [
        (Code::OK, 0, "Ok"),
        (Code::EXPIRED, 5, "Expired"),
        (Code::ACCOUNT_NOT_DECLARED, 12, "AccountNotDeclared"),
        (Code::WRONG_VERSION, 18, "WrongVersion"),
        (Code::BALANCE_TOO_LOW, 41, "BalanceTooLow"),
        (Code::UNKNOWN_MODULE, 200, "UnknownModule"),
        (Code::NOT_ENDORSED, 220, "NotEndorsed"),
        (Code::DOUBLE_COUNTED, 327, "DoubleCounted"),
    ];
    for (code, number, name) in known {
        assert_eq!((code.0, code.name()), (number, name));
    }
    let stranger = Code(9_999);
    assert_eq!((stranger.name(), stranger.retryable()), ("Unknown", false));
    assert!(Code::BUSY.retryable() && !Code::EXPIRED.retryable());
}

const CODES_PIN: &str = "297 codes c255ea2252f833ba";

/// What a field looks like on the wire, without the names of choices: those are for people.
fn shape(kind: Kind) -> String {
    match kind {
        Kind::Unsigned(bytes) => format!("u{}", 8 * u16::from(bytes)),
        Kind::Signed(bytes) => format!("i{}", 8 * u16::from(bytes)),
        Kind::Bool => "bool".to_owned(),
        Kind::Fixed(bytes) => format!("[{bytes}]"),
        Kind::Text => "text".to_owned(),
        Kind::Blob => "blob".to_owned(),
        Kind::Optional(inner) => format!("{}?", shape(*inner)),
        Kind::List(inner) => format!("{}*", shape(*inner)),
        Kind::Choice(_, names) => names.join("|"),
        Kind::Named(name, inner) => format!("{name}:{}", shape(*inner)),
        Kind::Pair(first, second) => format!("({},{})", shape(*first), shape(*second)),
    }
}

fn fields(fields: &[Field]) -> String {
    let all = fields
        .iter()
        .map(|field| format!(" {}={}", field.name, shape(field.kind)));
    all.collect()
}

#[test]
fn calls_and_events_are_pinned() {
    let mut found = Vec::new();
    for module in Modules::CATALOG {
        let mut text = String::new();
        for method in module.methods {
            text += &format!(
                "{} {}{}\n",
                method.number,
                method.name,
                fields(method.fields)
            );
        }
        for event in module.events {
            text += &format!("{} {}{}\n", event.number, event.name, fields(event.fields));
        }
        let (calls, events) = (module.methods.len(), module.events.len());
        let (id, name) = (module.id, module.name);
        found.push(format!("{id} {name} {calls} {events} {}", pin(text)));
    }
    assert_eq!(found, CATALOG_PINS);
}

/// Number and name of the module, how many calls and events it has, the hash of all their numbers, names and fields.
const CATALOG_PINS: [&str; 13] = [
    "1 identity 10 8 ed0c089d64c8bda4",
    "2 money 7 8 08b09768b9bb9acb",
    "3 units 12 11 d7a7f4d843b394ac",
    "4 exchange 20 23 e5c415db1cc1ef9e",
    "5 carbon 22 25 2989b8c15060d94e",
    "6 energy 14 21 1a11822fc12b8d10",
    "7 retail 23 26 09427213f234634d",
    "8 records 7 7 1771ac652db142b2",
    "9 wasm 6 7 49e84b91cda87cec",
    "10 granular 9 12 d194448c34e344cf",
    "11 power 12 22 af0d9ccf9c379e3d",
    "12 flexibility 12 12 61072bdf75773f13",
    "13 standing 8 3 9fc56e4612fbea2e",
];

/// Roles travel as bits.
#[test]
fn roles_have_their_bits() {
    let roles = [
        Roles::REGULATOR,
        Roles::REGISTRY_ADMINISTRATOR,
        Roles::VERIFIER,
        Roles::OPERATOR_REPRESENTATIVE,
        Roles::TRADER,
        Roles::AUDITOR,
        Roles::SURVEILLANCE,
        Roles::CASH_OPERATOR,
        Roles::PROSUMER,
        Roles::AGGREGATOR,
        Roles::GRID_OPERATOR,
        Roles::MARKET_OPERATOR,
        Roles::METER_OPERATOR,
    ];
    let of_retail = [
        Roles::MANUFACTURER,
        Roles::CERTIFIER,
        Roles::CARRIER,
        Roles::WAREHOUSE,
        Roles::RETAILER,
        Roles::CONSUMER,
        Roles::ARBITER,
        Roles::READER_DEVICE,
    ];
    for (bit, role) in (0..).zip(roles).chain((16..).zip(of_retail)) {
        assert_eq!(borsh::to_vec(&role).unwrap(), (1_u32 << bit).to_le_bytes());
    }
}

/// Members, accounts, holdings, an instrument, and a market with an iceberg order that stands till a date.
#[test]
fn a_snapshot_is_pinned() {
    let ledger = busy_ledger();
    let found = pin(ledger.stores().snapshot());
    assert_eq!(
        found,
        SNAPSHOT_PIN,
        "{} entries",
        ledger.stores().entries().len()
    );
}

const SNAPSHOT_PIN: &str = "e8861a421a6c6305";
