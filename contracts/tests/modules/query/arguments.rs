//! Wrong questions: each is refused with a word that helps, and nothing that is given panics.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::query::{NAMES, QUERIES, QueryError, answer};
use bds_contracts::retail::gs1::EventId;

use super::super::exchange::floor;
use super::super::stage::{Stage, Who};
use super::try_ask;

type Given = BTreeMap<String, String>;

/// Arguments of every query that are well formed, whether or not there is such a thing.
fn sound(query: &str, stage: &mut BTreeMap<&'static str, String>) -> Given {
    let info = QUERIES.iter().find(|info| info.name == query);
    let info = info.expect("a query");
    let given = info.arguments.iter().map(|argument| {
        let value = match (argument.name, query) {
            ("after", "orders") => "5:1".to_owned(),
            ("after", "granular-bundles") => "5:1:1".to_owned(),
            ("after", "deployed-contracts") => "desk".to_owned(),
            ("after", "made-of" | "made-into" | "contents") => "item:5:1".to_owned(),
            (name, _) => stage.get(name).cloned().unwrap_or_else(|| "1".to_owned()),
        };
        (argument.name.to_owned(), value)
    });
    // Compliance is asked by year or by phase.
    given
        .filter(|(name, _)| (query, name.as_str()) != ("compliance", "phase"))
        .collect()
}

fn values() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("key", Who::Anna.key().to_string()),
        ("account", "20".to_owned()),
        ("instrument", "5".to_owned()),
        ("currency", "EUR".to_owned()),
        ("prefix", "CDM-".to_owned()),
        ("goods", "item:5:1".to_owned()),
        ("name", "desk".to_owned()),
        ("own", "6b".to_owned()),
        ("code", "0".repeat(128)),
        ("event", EventId([1; 32]).to_string()),
    ])
}

#[test]
fn the_list_is_sound() {
    let names: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
    assert_eq!(NAMES, names);
    let distinct: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    for query in QUERIES {
        assert!(query.text.ends_with('.'), "{}", query.name);
        let arguments: BTreeSet<&str> = query.arguments.iter().map(|a| a.name).collect();
        assert_eq!(arguments.len(), query.arguments.len(), "{}", query.name);
        for argument in query.arguments {
            assert!(argument.text.ends_with('.'), "{}", argument.name);
            assert!(!argument.expected.ends_with('.'), "{}", argument.name);
        }
    }
}

#[test]
fn a_name_that_is_none_is_told_with_those_there_are() {
    let stage = Stage::new();
    for name in [
        "", "Book", "book ", "reading", "accesses", "accounts", "🦀", "a/b",
    ] {
        let error = try_ask(&stage, name, "").expect_err("no query");
        assert_eq!(error, QueryError::UnknownName(name.to_owned()));
        let text = error.to_string();
        assert!(NAMES.iter().all(|known| text.contains(known)), "{text}");
    }
    // Not all of a long one is repeated, and nothing that a terminal obeys.
    let hostile = format!("\u{1b}[2J{}", "x".repeat(100_000));
    let error = try_ask(&stage, &hostile, "").expect_err("no query");
    let text = error.to_string();
    assert!(text.len() < 1_200 && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_is_missing_wrong_or_too_much_is_named() {
    let stage = floor();
    let mut values = values();
    for query in QUERIES {
        let sound = sound(query.name, &mut values);
        match answer(&stage.machine, query.name, &sound) {
            Ok(_) | Err(QueryError::NotFound(_)) => {}
            other => panic!("{}: {other:?}", query.name),
        }
        for argument in query.arguments {
            let mut given = sound.clone();
            given.remove(argument.name);
            let answered = answer(&stage.machine, query.name, &given);
            if argument.required {
                let error = answered.expect_err("it is required").to_string();
                let expected = argument.expected;
                assert_eq!(
                    error,
                    format!("argument `{}`: is missing; give {expected}", argument.name)
                );
            } else if (query.name, argument.name) != ("compliance", "year") {
                assert!(!matches!(answered, Err(QueryError::BadArgument { .. })));
            }
            if argument.name == "prefix" {
                continue;
            }
            given.insert(argument.name.to_owned(), "?".to_owned());
            // Compliance takes one of two.
            if argument.name == "phase" {
                given.remove("year");
            }
            let error = answer(&stage.machine, query.name, &given);
            assert_eq!(
                error.expect_err("it is wrong").to_string(),
                format!(
                    "argument `{}`: `?` is not {}",
                    argument.name, argument.expected
                )
            );
        }
        let mut given = sound.clone();
        given.insert("colour".to_owned(), "1".to_owned());
        let error = answer(&stage.machine, query.name, &given);
        let Err(QueryError::BadArgument { name, problem }) = error else {
            panic!("{}: {error:?}", query.name);
        };
        assert_eq!(name, "colour");
        let known = query.arguments.iter().all(|a| problem.contains(a.name));
        assert!(known && problem.contains(query.name), "{problem}");
    }
}

#[test]
fn compliance_takes_a_year_or_a_phase() {
    let stage = Stage::new();
    let ask = |arguments: &str| {
        let error = try_ask(&stage, "compliance", &format!("installation=1 {arguments}"));
        error.expect_err("it is wrong").to_string()
    };
    assert_eq!(
        ask(""),
        "argument `year`: is missing; give a year, or `phase` instead"
    );
    assert_eq!(
        ask("year=2021 phase=2021"),
        "argument `phase`: is given beside `year`; give one of them"
    );
}

#[test]
fn a_block_of_numbers_has_a_first_and_a_last() {
    let stage = Stage::new();
    for block in ["start=0 end=5", "start=5 end=4", "start=0 end=0"] {
        let error = try_ask(&stage, "lifecycle", &format!("instrument=2 {block}"));
        let error = error.expect_err("no block");
        assert!(error.to_string().starts_with("argument `end`:"), "{error}");
    }
}

#[test]
fn what_is_not_there_is_told_and_nothing_more() {
    let stage = floor();
    let stranger = Who::Stranger.key();
    for (name, arguments, what) in [
        (
            "member",
            format!("key={stranger}"),
            format!("member {stranger}"),
        ),
        ("account", "account=99".into(), "account 99".into()),
        (
            "cash",
            "account=99 currency=EUR".into(),
            "account 99".into(),
        ),
        ("hold", "hold=1".into(), "hold 1".into()),
        ("delayed", "account=99".into(), "account 99".into()),
        ("instrument", "instrument=99".into(), "instrument 99".into()),
        (
            "holding",
            "account=99 instrument=99".into(),
            "account 99".into(),
        ),
        (
            "holding",
            "account=20 instrument=99".into(),
            "instrument 99".into(),
        ),
        (
            "serial",
            "instrument=99 serial=1".into(),
            "instrument 99".into(),
        ),
        (
            "serial",
            "instrument=2 serial=1 account=99".into(),
            "account 99".into(),
        ),
        (
            "serial",
            "instrument=2 serial=0".into(),
            "unit 0 of instrument 2".into(),
        ),
        (
            "serial",
            "instrument=2 serial=1301".into(),
            "unit 1301 of instrument 2".into(),
        ),
        // Counted units have no numbers yet.
        (
            "serial",
            "instrument=1 serial=1".into(),
            "unit 1 of instrument 1".into(),
        ),
        (
            "book",
            "instrument=1".into(),
            "market of instrument 1".into(),
        ),
        (
            "market",
            "instrument=99".into(),
            "market of instrument 99".into(),
        ),
        ("orders", "account=99".into(), "account 99".into()),
        (
            "orders",
            "account=20 instrument=1".into(),
            "market of instrument 1".into(),
        ),
        ("contract", "contract=1".into(), "trading contract 1".into()),
        (
            "installation",
            "installation=1".into(),
            "installation 1".into(),
        ),
        (
            "phase",
            "year=2021".into(),
            "a phase with the year 2021".into(),
        ),
        (
            "compliance",
            "installation=1 year=2021".into(),
            "installation 1".into(),
        ),
        (
            "banking",
            "from=1 to=3".into(),
            "a rule that lets units of instrument 1 go on as units of 3".into(),
        ),
        ("project", "project=1".into(), "project 1".into()),
        (
            "issuance",
            "instrument=99 serial=1".into(),
            "instrument 99".into(),
        ),
        (
            "issuance",
            "instrument=4 serial=1".into(),
            "an issue of instrument 4 with the number 1".into(),
        ),
        (
            "lifecycle",
            "instrument=99 start=1 end=2".into(),
            "instrument 99".into(),
        ),
        (
            "lifecycle",
            "instrument=4 start=1 end=2".into(),
            "block 1-2 of instrument 4".into(),
        ),
        (
            "certificate",
            "certificate=1".into(),
            "certificate 1".into(),
        ),
        ("conversion", "conversion=1".into(), "conversion 1".into()),
        (
            "imported",
            "prefix=CDM- serial=1".into(),
            "a credit here for the number 1 there".into(),
        ),
    ] {
        let error = try_ask(&stage, name, &arguments).expect_err(name);
        assert_eq!(error, QueryError::NotFound(what), "{name} {arguments}");
    }
}

/// Every argument of every query with every text: an answer or a refusal, and it ends soon.
#[test]
fn hostile_texts_do_no_harm() {
    let stage = floor();
    let long = "9".repeat(100_000);
    let nested = "[".repeat(10_000);
    let texts = [
        "",
        " ",
        "-",
        "-1",
        "+1",
        "0",
        "1.5",
        "1e3",
        "0x10",
        "NaN",
        "null",
        "1:",
        ":1",
        "1:2:3",
        "4294967295",
        "4294967296",
        "4294967295:18446744073709551615",
        "65535",
        "65536",
        "18446744073709551614",
        "18446744073709551615",
        "18446744073709551616",
        "٣",
        "EUR",
        "eur",
        "ÄÖ",
        "€",
        "🦀",
        "\0",
        "\u{202e}1",
        "a\nb",
        "../../etc/passwd",
        "' OR 1=1 --",
        "{\"$gt\":\"\"}",
        "%00",
        &Who::Anna.key().to_string(),
        &"é".repeat(32),
        &"0".repeat(63),
        &"0".repeat(65),
        &long,
        &nested,
    ];
    let mut values = values();
    for query in QUERIES {
        let sound = sound(query.name, &mut values);
        for argument in query.arguments {
            for text in texts {
                let mut given = sound.clone();
                given.insert(argument.name.to_owned(), text.to_owned());
                if let Err(error) = answer(&stage.machine, query.name, &given) {
                    let told = error.to_string();
                    assert!(told.len() < 1_000, "{}: {told}", query.name);
                    assert!(!told.chars().any(char::is_control), "{}", query.name);
                }
            }
        }
        for text in texts {
            let mut given = sound.clone();
            given.insert(format!("{text}?"), "1".to_owned());
            assert!(answer(&stage.machine, query.name, &given).is_err());
        }
    }
}
