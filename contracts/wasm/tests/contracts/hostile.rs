//! Contracts that mean no good: each fails alone, its nonce is used, nothing else has changed.

use super::scene::*;
use crate::stage::{EUR, Who};
use bds_contracts::Code;
use bds_contracts::wasm::CODE_MAX;
use bds_wasm::rules::{DEPTH_MAX, PAGES_MAX};

/// What ends it, and what it does first: a write and an event, that must be gone.
pub(crate) fn evil(body: &str) -> Vec<u8> {
    code(&format!(
        r#"
        (import "bds" "set" (func $set (param i32 i32 i32 i32) (result i32)))
        (import "bds" "get" (func $get (param i32 i32 i32 i32) (result i32)))
        (import "bds" "input" (func $input (param i32 i32) (result i32)))
        (import "bds" "call" (func $call (param i32 i32 i32 i32 i32) (result i32)))
        (import "bds" "emit" (func $emit (param i32 i32 i32 i32 i32)))
        (import "bds" "caller" (func $caller (param i32)))
        (type $void (func (result i32)))
        (table 4 funcref)
        (elem (i32.const 1) $other)
        (func $other (param i32))
        (func $deep (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))
        (func (export "evil") (result i32)
            (drop (call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4)))
            (call $emit (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4))
            {body})
        (func (export "good") (result i32)
            (drop (call $set (i32.const 8) (i32.const 4) (i32.const 0) (i32.const 4)))
            (i32.const 0))
    "#
    ))
}

#[test]
fn each_evil_contract_fails_alone() {
    let trapped = Code::DEPLOYED_TRAPPED;
    let bounds = Code::DEPLOYED_BOUNDS;
    let deep = format!("(call $deep (i32.const {}))", 10 * DEPTH_MAX);
    let cases: [(&str, Code, &str); 26] = [
        ("unreachable", trapped, "`unreachable` was reached"),
        (
            "(i32.div_u (i32.const 1) (i32.const 0))",
            trapped,
            "a division by zero",
        ),
        (
            "(i32.rem_s (i32.const 1) (i32.const 0))",
            trapped,
            "a division by zero",
        ),
        (
            "(i32.div_s (i32.const 0x80000000) (i32.const -1))",
            trapped,
            "a division that overflows",
        ),
        (
            "(i32.load (i32.const -4))",
            trapped,
            "a look outside its memory",
        ),
        (
            "(i32.load (i32.const 65533))",
            trapped,
            "a look outside its memory",
        ),
        (
            "(i32.store (i32.const 65536) (i32.const 1)) (i32.const 0)",
            trapped,
            "a look outside its memory",
        ),
        (
            "(memory.fill (i32.const 1) (i32.const 1) (i32.const 65536)) (i32.const 0)",
            trapped,
            "a look outside its memory",
        ),
        (
            "(call_indirect (type $void) (i32.const 0))",
            trapped,
            "a call of nothing",
        ),
        (
            "(call_indirect (type $void) (i32.const 1))",
            trapped,
            "a call of something else",
        ),
        (
            "(call_indirect (type $void) (i32.const 9))",
            trapped,
            "a look outside a table",
        ),
        // Loops, with and without anything in them.
        (
            "(loop $again (br $again)) (i32.const 0)",
            Code::METER_EXCEEDED,
            "",
        ),
        (
            "(loop $again (drop (call $get (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4))) (br $again)) (i32.const 0)",
            Code::METER_EXCEEDED,
            "",
        ),
        (
            "(loop $again (drop (call $input (i32.const 0) (i32.const 4))) (br $again)) (i32.const 0)",
            Code::METER_EXCEEDED,
            "",
        ),
        (
            "(loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $again)) (i32.const 0)",
            Code::METER_EXCEEDED,
            "",
        ),
        (
            "(loop $again (call $emit (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (br $again)) (i32.const 0)",
            bounds,
            "",
        ),
        // Memory without end: it gets none beyond the limit, and what it then does traps.
        (
            "(loop $again (br_if $again (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable",
            trapped,
            "`unreachable` was reached",
        ),
        (
            "(i32.store (i32.mul (memory.grow (i32.const 65000)) (i32.const 4)) (i32.const 1)) (i32.const 0)",
            trapped,
            "a look outside its memory",
        ),
        (&deep, Code::DEPLOYED_TOO_DEEP, ""),
        // What is beyond the memory, at the doors.
        (
            "(call $set (i32.const 65534) (i32.const 4) (i32.const 0) (i32.const 4))",
            trapped,
            "a look outside its memory",
        ),
        (
            "(call $set (i32.const -1) (i32.const 4) (i32.const 0) (i32.const 4))",
            trapped,
            "a look outside its memory",
        ),
        (
            "(call $caller (i32.const 65530)) (i32.const 0)",
            trapped,
            "a look outside its memory",
        ),
        (
            "(call $get (i32.const 0) (i32.const 4) (i32.const 65535) (i32.const 10))",
            trapped,
            "a look outside its memory",
        ),
        (
            "(call $set (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 4))",
            bounds,
            "",
        ),
        // Modules that no contract may call, and one that this was not activated for.
        (
            "(call $call (i32.const 1) (i32.const 2) (i32.const 0) (i32.const 40) (i32.const 0))",
            Code::CALL_FORBIDDEN,
            "",
        ),
        (
            "(call $call (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 28) (i32.const 1))",
            Code::CALL_FORBIDDEN,
            "",
        ),
    ];
    for (body, expected, words) in cases {
        let mut stage = ledger();
        let code = evil(body);
        deploy(&mut stage, "evil", &code, &[TRANSFER]);
        let found = fails(&mut stage, "evil", "evil", &[], expected);
        let said = if words.is_empty() {
            String::new()
        } else {
            format!("evil trapped: {words}")
        };
        assert_eq!(found.said, said, "{body}");
        assert!(found.units <= stage.machine.limits().tx_units, "{body}");
        // And a good method of the same code goes on.
        assert_eq!(
            run(&mut stage, Who::Bert, "evil", "good", &[]).code,
            Code::OK,
            "{body}"
        );
        assert_eq!(stage.held(POT, EUR), (0, 0));
    }
}

/// Instructions that the interpreter leaves its loop for, as often as the meter lets them: none may take a piece of this machine's stack each time.
#[test]
fn no_loop_exhausts_the_stack_of_the_validator() {
    let instructions = [
        "(drop (memory.grow (i32.const 0)))",
        "(drop (memory.grow (i32.const 100000)))",
        "(drop (memory.size))",
        "(drop (table.grow (ref.null func) (i32.const 0)))",
        "(drop (table.grow (ref.null func) (i32.const 100000)))",
        "(table.fill (i32.const 0) (ref.null func) (i32.const 0))",
        "(table.copy (i32.const 0) (i32.const 0) (i32.const 0))",
        "(table.init 0 (i32.const 0) (i32.const 0) (i32.const 0))",
        "(table.set (i32.const 0) (table.get (i32.const 0)))",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.const 1))",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 1))",
        "(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0))",
        "(data.drop 0)",
        "(elem.drop 0)",
        "(global.set $g (i32.add (global.get $g) (i32.const 1)))",
        "(call $f)",
        "(call_indirect (i32.const 1))",
        "(drop (i64.div_u (i64.const 7) (i64.const 3)))",
        "(drop (call $remove (i32.const 0) (i32.const 1)))",
    ];
    for instruction in instructions {
        let text = format!(
            r#"(import "bds" "remove" (func $remove (param i32 i32) (result i32)))
               (global $g (mut i32) (i32.const 0)) (table 4 funcref) (elem $e func $f) (elem (i32.const 1) $f)
               (func $f) (data $d "passive")
               (func (export "run") (result i32) (loop $again {instruction} (br $again)) (i32.const 0))"#
        );
        let mut stage = ledger();
        deploy(&mut stage, "loop", &code(&text), &[]);
        let found = run(&mut stage, Who::Anna, "loop", "run", &[]);
        assert_eq!(found.code, Code::METER_EXCEEDED, "{instruction}");
    }
}

/// Whoever else is in the block with it does what it wanted.
#[test]
fn the_others_of_a_block_are_not_disturbed() {
    use bds_contracts::wasm::{Call, Wasm};

    let mut stage = ledger();
    deploy(
        &mut stage,
        "evil",
        &evil("(loop $again (br $again)) (i32.const 0)"),
        &[],
    );
    let call = |method| Call::Run {
        name: "evil",
        version: None,
        method,
        input: &[],
    };
    let txs = [
        stage.tx::<Wasm>(Who::Anna, &call("good")),
        stage.tx::<Wasm>(Who::Anna, &call("evil")),
        stage.tx::<Wasm>(Who::Bert, &call("good")),
        stage.tx::<Wasm>(Who::Anna, &call("good")),
    ];
    let outcome = stage.execute(&txs);
    let expected = [Code::OK, Code::METER_EXCEEDED, Code::OK, Code::OK];
    assert_eq!(crate::stage::codes(&outcome), expected);
}

#[test]
fn calls_go_deep_but_not_too_deep() {
    for (depth, expected) in [
        (DEPTH_MAX - 10, Code::DEPLOYED_REFUSED),
        (DEPTH_MAX + 10, Code::DEPLOYED_TOO_DEEP),
    ] {
        let mut stage = ledger();
        let body = format!("(call $deep (i32.const {depth}))");
        deploy(&mut stage, "evil", &evil(&body), &[]);
        fails(&mut stage, "evil", "evil", &[], expected);
    }
}

#[test]
fn memory_grows_to_its_limit() {
    let mut stage = ledger();
    let pages = PAGES_MAX - 1;
    let text = format!(
        r#"(func (export "all") (result i32) (i32.sub (memory.grow (i32.const {pages})) (i32.const 1)))
           (func (export "more") (result i32) (i32.add (memory.grow (i32.const {PAGES_MAX})) (i32.const 1)))"#
    );
    deploy(&mut stage, "big", &code(&text), &[]);
    for method in ["all", "more"] {
        assert_eq!(
            run(&mut stage, Who::Guest, "big", method, &[]).code,
            Code::OK,
            "{method}"
        );
    }
}

/// What sets code up pays and fails as the method does.
#[test]
fn what_sets_code_up_runs_first_and_is_metered() {
    let with = |body: &str| {
        code(&format!(
            r#"(global $g (mut i32) (i32.const 0)) (func (export "_initialize") {body})
               (func (export "run") (result i32) (i32.sub (global.get $g) (i32.const 7)))"#
        ))
    };
    for (body, expected) in [
        ("(global.set $g (i32.const 7))", Code::OK),
        ("", Code::DEPLOYED_REFUSED),
        ("unreachable", Code::DEPLOYED_TRAPPED),
        ("(loop $again (br $again))", Code::METER_EXCEEDED),
    ] {
        let mut stage = ledger();
        deploy(&mut stage, "set-up", &with(body), &[]);
        assert_eq!(
            run(&mut stage, Who::Guest, "set-up", "run", &[]).code,
            expected,
            "{body}"
        );
    }
}

#[test]
fn the_longest_code_can_be_paid() {
    let mut text = String::from(r#"(func (export "run") (result i32) (i32.const 0)) (data "#);
    text.push_str(r#"(i32.const 0) ""#);
    text.push_str(&"x".repeat(CODE_MAX as usize - 200));
    text.push_str("\")");
    let code = code(&text);
    assert!(code.len() > CODE_MAX as usize - 200 && code.len() <= CODE_MAX as usize);
    let mut stage = ledger();
    deploy(&mut stage, "long", &code, &[]);
    assert_eq!(
        run(&mut stage, Who::Guest, "long", "run", &[]).code,
        Code::OK
    );
}
