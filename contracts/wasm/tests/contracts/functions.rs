//! Each function that code can ask the ledger by, from inside.

use std::sync::Arc;

use super::scene::*;
use crate::stage::{ANNA_S, BERT_S, EUR, Who};
use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::kernel::module::Calls as _;
use bds_contracts::kernel::store::entry_key;
use bds_contracts::money;
use bds_contracts::wasm::FUEL_A_UNIT;
use bds_contracts::wasm::activation::key_of;
use bds_wasm::rules::{BYTES_A_FUEL, FUEL_A_NAME, FUEL_A_PAGE, FUEL_A_PIECE};
use bds_wasm::{Room, Runtime};

/// Reads its input to 0, asks with it, and tells the answer: the number as topic, the bytes behind 4096 as data.
const ALL: &str = r#"
    (import "bds" "input" (func $input (param i32 i32) (result i32)))
    (import "bds" "get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "bds" "set" (func $set (param i32 i32 i32 i32) (result i32)))
    (import "bds" "remove" (func $remove (param i32 i32) (result i32)))
    (import "bds" "next" (func $next (param i32 i32 i32 i32) (result i32)))
    (import "bds" "entry" (func $entry (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "bds" "call" (func $call (param i32 i32 i32 i32 i32) (result i32)))
    (import "bds" "emit" (func $emit (param i32 i32 i32 i32 i32)))
    (import "bds" "caller" (func $caller (param i32)))
    (import "bds" "own" (func $own (param i32)))
    (import "bds" "represents" (func $represents (param i64) (result i32)))
    (import "bds" "time" (func $time (result i64)))
    (import "bds" "height" (func $height (result i64)))
    (func $length (result i32) (call $input (i32.const 0) (i32.const 4096)))
    (func $tell (param $answer i32) (param $bytes i32) (result i32)
        (call $emit (local.get $answer) (i32.const 0) (i32.const 0) (i32.const 4096) (local.get $bytes))
        (i32.const 0))
    (func (export "input") (result i32)
        (local $n i32)
        (local.set $n (call $input (i32.const 4096) (i32.const 3)))
        (call $tell (local.get $n) (i32.const 5)))
    (func (export "get") (result i32)
        (call $tell (call $get (i32.const 0) (call $length) (i32.const 4096) (i32.const 4)) (i32.const 6)))
    (func (export "set") (result i32)
        (call $tell (call $set (i32.const 0) (i32.const 2) (i32.const 2) (i32.sub (call $length) (i32.const 2)))
            (i32.const 0)))
    (func (export "remove") (result i32)
        (call $tell (call $remove (i32.const 0) (call $length)) (i32.const 0)))
    (func (export "next") (result i32)
        (call $tell (call $next (i32.const 0) (call $length) (i32.const 4096) (i32.const 64)) (i32.const 2)))
    (func (export "entry") (result i32)
        (call $tell (call $entry (i32.const 1) (i32.const 1) (i32.const 0) (call $length) (i32.const 4096)
            (i32.const 64)) (i32.const 47)))
    (func (export "call") (result i32)
        (call $tell (call $call (i32.const 2) (i32.const 1) (i32.const 0) (call $length) (i32.const 0)) (i32.const 0)))
    (func (export "call-own") (result i32)
        (call $tell (call $call (i32.const 2) (i32.const 1) (i32.const 0) (call $length) (i32.const 1)) (i32.const 0)))
    (func (export "who") (result i32)
        (call $caller (i32.const 4096)) (call $own (i32.const 4128))
        (call $tell (call $represents (i64.const 20)) (i32.const 64)))
    (func (export "when") (result i32)
        (i64.store (i32.const 4096) (call $time)) (i64.store (i32.const 4104) (call $height))
        (call $tell (i32.const 0) (i32.const 16)))
    (func (export "refuse") (result i32) (drop (call $length)) (i32.load (i32.const 0)))
"#;

fn pay(
    from: bds_contracts::tx::AccountId,
    to: bds_contracts::tx::AccountId,
    amount: i64,
) -> Vec<u8> {
    let mut arguments = Vec::new();
    let call = money::Call::Transfer {
        from,
        to,
        currency: EUR,
        amount: bds_contracts::amount::Money(amount),
    };
    call.encode(&mut arguments);
    arguments
}

#[test]
fn every_function_answers_as_it_says() {
    let mut stage = ledger();
    deploy(&mut stage, "all", &code(ALL), &[TRANSFER]);
    let mut told = |who, method, input: &[u8]| {
        let found = run(&mut stage, who, "all", method, input);
        assert_eq!(found.code, Code::OK, "{method} {}", found.said);
        found.told.into_iter().next().expect("it tells")
    };
    let absent = -1_i32 as u32;
    // What fits is copied, the whole length is returned.
    assert_eq!(
        told(Who::Guest, "input", b"abcdef"),
        (6, b"abc\0\0".to_vec())
    );
    assert_eq!(told(Who::Guest, "input", b""), (0, vec![0; 5]));
    assert_eq!(told(Who::Guest, "get", b"k1").0, absent);
    assert_eq!(told(Who::Guest, "set", b"k1value").0, 0);
    assert_eq!(told(Who::Guest, "set", b"k1other").0, 1);
    assert_eq!(told(Who::Guest, "get", b"k1"), (5, b"othe\0\0".to_vec()));
    assert_eq!(told(Who::Guest, "next", b""), (2, b"k1".to_vec()));
    assert_eq!(told(Who::Guest, "next", b"k1").0, absent);
    assert_eq!(told(Who::Guest, "remove", b"k1").0, 1);
    assert_eq!(told(Who::Guest, "remove", b"k1").0, 0);
    let key = entry_key::<bds_contracts::identity::Identity>("accounts", &ANNA_S);
    let (length, account) = told(Who::Guest, "entry", &key[4..]);
    assert_eq!((length, account.len()), (47, 47));
    assert_eq!(
        &account[..8],
        ANNA_S.0.to_le_bytes(),
        "the holder of her account"
    );
    assert_eq!(told(Who::Guest, "entry", b"none").0, absent);
    let code = told(Who::Anna, "call", &pay(ANNA_S, POT, 30)).0;
    assert_eq!(code, 0);
    let code = told(Who::Bert, "call", &pay(ANNA_S, POT, 30)).0;
    assert_eq!(code, u32::from(Code::NOT_REPRESENTATIVE.0));
    let code = told(Who::Guest, "call-own", &pay(POT, BERT_S, 20)).0;
    assert_eq!(code, 0);
    let (yes, keys) = told(Who::Anna, "who", b"");
    assert_eq!(yes, 1);
    assert_eq!(keys, [Who::Anna.key().0, key_of("all").0].concat());
    assert_eq!(told(Who::Bert, "who", b"").0, 0);
    let (_, time) = told(Who::Bert, "when", b"");
    let block = *stage.machine.block();
    let expected = [block.time.0.to_le_bytes(), block.height.to_le_bytes()].concat();
    assert_eq!(time, expected);
    assert_eq!(
        (stage.held(POT, EUR), stage.held(BERT_S, EUR)),
        ((10, 0), (1_020, 0))
    );
    let found = fails(
        &mut stage,
        "all",
        "refuse",
        &42_u32.to_le_bytes(),
        Code::DEPLOYED_REFUSED,
    );
    assert_eq!(found.said, "all refuses with 42");
}

/// What is asked costs what it costs, and each further byte more.
#[test]
fn a_run_is_paid_by_the_transaction() {
    let runtime = Arc::new(Runtime::new());
    let mut stage = ledger_with(runtime.clone());
    deploy(&mut stage, "all", &code(ALL), &[TRANSFER]);
    let few = run(&mut stage, Who::Guest, "all", "set", b"k1v").units;
    let many = run(&mut stage, Who::Guest, "all", "set", &[b'k'; 2_000]).units;
    assert!(many > few + 100, "{few} {many}");
    // The same again costs the same, whether or not the code was prepared.
    let again = run(&mut stage, Who::Guest, "all", "set", &[b'k'; 2_000]).units;
    assert_eq!(runtime.prepared(), 1);
    runtime.forget();
    assert_eq!(runtime.prepared(), 0);
    let anew = run(&mut stage, Who::Guest, "all", "set", &[b'k'; 2_000]).units;
    assert_eq!((again, runtime.prepared()), (anew, 1));
}

/// Whoever runs code pays for the instance that is made of it: its bytes, its pieces and its pages, whatever of it then runs.
#[test]
fn a_run_pays_for_its_instance() {
    let method = r#"(func (export "run") (result i32) (i32.const 0))"#;
    let units = |text: &str| {
        let mut stage = ledger();
        let code = wat::parse_str(format!("(module {text} {method})")).expect("a module");
        deploy(&mut stage, "one", &code, &[]);
        let found = run(&mut stage, Who::Guest, "one", "run", &[]);
        assert_eq!(found.code, Code::OK);
        (code.len() as u64, found.units)
    };
    let memory = r#"(memory (export "memory") 1)"#;
    let functions = "(func)".repeat(1_000);
    let (bytes, one) = units(memory);
    let imports = r#"(import "bds" "height" (func (result i64)))"#.repeat(50);
    let exports: String = (0..100)
        .map(|n| format!(r#"(export "_{n}" (func 0))"#))
        .collect();
    for (text, names, pieces, pages) in [
        (format!("{imports} {memory}"), 50, 0, 1),
        (format!("{memory} {exports}"), 100, 0, 1),
        (format!("{memory} {functions}"), 0, 1_000, 1),
        (
            format!("{memory} (elem funcref {})", "(ref.null func) ".repeat(500)),
            0,
            501,
            1,
        ),
        (
            format!("{memory} {}", r#"(data "ab")"#.repeat(300)),
            0,
            300,
            1,
        ),
        (
            format!("{memory} (data \"{}\")", "x".repeat(40_000)),
            0,
            1,
            1,
        ),
        (r#"(memory (export "memory") 11)"#.to_owned(), 0, 0, 11),
    ] {
        let (longer, more) = units(&text);
        let fuel = longer / BYTES_A_FUEL - bytes / BYTES_A_FUEL
            + names * FUEL_A_NAME
            + pieces * FUEL_A_PIECE
            + (pages - 1) * FUEL_A_PAGE;
        // What is left of a unit is given to nobody.
        assert!(
            (more - one).abs_diff(fuel / FUEL_A_UNIT) <= 1,
            "{more} {one} {fuel}"
        );
    }
}

/// Three contracts that run in turn where two have room: receipts are those of a ledger with room for all.
#[test]
fn the_room_for_prepared_code_changes_nothing() {
    let small = Arc::new(Runtime::with_room(Room {
        codes: 2,
        bytes: 1 << 20,
    }));
    let mut both = [ledger_with(small.clone()), ledger()];
    let outcomes = both.each_mut().map(|stage| {
        for (number, name) in (1..).zip(["a", "b", "c"]) {
            let text = format!("{ALL} (func (export \"n{number}\") (result i32) (i32.const 0))");
            upload(stage, &code(&text), &[]);
            let done = start(stage, name, &code(&text), &[], Roles::NONE);
            assert_eq!(done, Code::OK);
        }
        let turns = ["a", "b", "c", "a", "c", "b", "a", "b", "b"];
        turns.map(|name| run(stage, Who::Guest, name, "set", b"k1v"))
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(small.prepared(), 2);
}
