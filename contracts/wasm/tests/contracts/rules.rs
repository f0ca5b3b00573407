//! Code that no ledger takes, and bytes that are none.

use super::hostile::evil;
use super::scene::*;
use crate::stage::Who;
use bds_contracts::Code;
use bds_contracts::account::Roles;

#[test]
fn code_that_breaks_a_rule_is_never_activated() {
    let good = r#"(func (export "run") (result i32) (i32.const 0))"#;
    let memory = r#"(memory (export "memory") 1)"#;
    let cases = [
        // Floating point, wherever it hides.
        format!("{good} {memory} (func (param f32))"),
        format!("{good} {memory} (func (local f64))"),
        format!("{good} {memory} (func (drop (f32.const 1)))"),
        format!("{good} {memory} (func (drop (i32.trunc_f64_s (f64.const 1))))"),
        format!("{good} {memory} (func (drop (i32.trunc_sat_f32_s (f32.const 1))))"),
        format!("{good} {memory} (func (drop (i32.reinterpret_f32 (f32.const 1))))"),
        format!("{good} {memory} (global f32 (f32.const 1))"),
        format!("{good} {memory} (type (func (result f64)))"),
        format!("{good} {memory} (func (param i32) (drop (f64.load (local.get 0))))"),
        // Vectors, threads, 64-bit memories, several of them, tail calls, exceptions, more results than one.
        format!("{good} {memory} (func (drop (v128.const i64x2 1 2)))"),
        format!(r#"{good} (memory (export "memory") 1 2 shared)"#),
        format!("{good} {memory} (func (drop (i32.atomic.load (i32.const 0))))"),
        format!(r#"{good} (memory (export "memory") i64 1)"#),
        format!("{good} {memory} (memory 1)"),
        format!("{good} {memory} (func (result i32) (return_call 0))"),
        format!("{good} {memory} (tag)"),
        format!("{good} {memory} (func (result i32 i32) (i32.const 1) (i32.const 2))"),
        // Something that runs before it was asked for.
        format!("{good} {memory} (func $f) (start $f)"),
        // From outside: another module, no such function, another shape, no function at all.
        format!(r#"(import "env" "abort" (func)) {good} {memory}"#),
        format!(
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))) {good} {memory}"#
        ),
        format!(r#"(import "bds" "rob" (func)) {good} {memory}"#),
        format!(r#"(import "bds" "time" (func (result i32))) {good} {memory}"#),
        format!(r#"(import "bds" "get" (func (param i32) (result i32))) {good} {memory}"#),
        format!(r#"(import "bds" "memory" (memory 1)) {good}"#),
        format!(r#"(import "bds" "time" (global i32)) {good} {memory}"#),
        // Memory: none, not shown, too much.
        good.to_owned(),
        format!("{good} (memory 1)"),
        format!(r#"{good} (memory (export "memory") 33)"#),
        // No method, and such as are none.
        memory.to_owned(),
        format!(r#"{memory} (func (export "run"))"#),
        format!(r#"{memory} (func (export "run") (param i32) (result i32) (i32.const 0))"#),
        format!(r#"{memory} (func (export "run") (result i64) (i64.const 0))"#),
        format!(r#"{memory} (func (export "_run") (result i32) (i32.const 0))"#),
        format!(r#"{good} {memory} (func (export "a b") (result i32) (i32.const 0))"#),
        format!(r#"{good} {memory} (func (export "") (result i32) (i32.const 0))"#),
        // Does not fit together.
        format!("{good} {memory} (func (result i32) (i64.const 0))"),
        format!("{good} {memory} (func (drop (local.get 3)))"),
    ];
    for text in cases {
        // Some of it the assembler knows better than to write; then it is no case.
        let code = wat::parse_str(format!("(module {text})"));
        let code = code.unwrap_or_else(|problem| panic!("{problem}"));
        never(&code, &text);
    }
    let many: String = (0..65)
        .map(|n| format!(r#"(func (export "m{n}") (result i32) (i32.const 0))"#))
        .collect();
    never(&code(&many), "65 methods");
    // Short to write, long to prepare.
    never(
        &code(&format!("{good} {}", "(func)".repeat(2_048))),
        "too many functions",
    );
    let locals = |count: usize| format!("(func (local {}))", "i32 ".repeat(count));
    let all = code(&format!("{good} {}", locals(256).repeat(257)));
    never(&all, "too many locals of all functions");
}

/// Each piece is short to write and takes time to make, at every run: so many of each, and no more.
#[test]
fn an_instance_has_so_many_pieces() {
    let good = r#"(func $f (export "run") (result i32) (i32.const 0))"#;
    let import = r#"(import "bds" "height" (func (result i64)))"#;
    let repeated = |count: usize, text: &str| text.repeat(count);
    let numbered = |count: usize, text: &str| -> String {
        (0..count)
            .map(|n| text.replace('#', &n.to_string()))
            .collect()
    };
    let elements = |count: usize| repeated(count, "$f ");
    // The text with so many of them, how many there may be, and how many stand there besides.
    type Text<'a> = &'a dyn Fn(usize) -> String;
    let cases: [(&str, Text<'_>, usize, usize); 13] = [
        ("types", &|n| numbered(n, "(type $t# (func))"), 1_024, 1),
        ("imports", &|n| repeated(n, import), 64, 0),
        ("functions", &|n| repeated(n, "(func)"), 2_048, 1),
        (
            "globals",
            &|n| repeated(n, "(global i32 (i32.const 0))"),
            256,
            0,
        ),
        (
            "exports",
            &|n| numbered(n, r#"(export "_#" (func $f))"#),
            128,
            2,
        ),
        (
            "methods",
            &|n| numbered(n, r#"(export "m#" (func $f))"#),
            64,
            1,
        ),
        (
            "data",
            &|n| repeated(n, r#"(data (i32.const 0) "a")"#),
            512,
            0,
        ),
        ("passive data", &|n| repeated(n, r#"(data "a")"#), 512, 0),
        (
            "segments",
            &|n| {
                format!(
                    "(table 9 funcref) {}",
                    repeated(n, "(elem (i32.const 0) $f)")
                )
            },
            64,
            0,
        ),
        (
            "elements",
            &|n| format!("(table 1024 funcref) (elem (i32.const 0) {})", elements(n)),
            1_024,
            0,
        ),
        (
            "elements of two segments, one of them passive",
            &|n| {
                format!(
                    "(elem func {}) (elem func {})",
                    elements(1_000),
                    elements(n)
                )
            },
            1_024,
            1_000,
        ),
        (
            "elements as expressions",
            &|n| format!("(elem funcref {})", repeated(n, "(ref.null func) ")),
            1_024,
            0,
        ),
        ("a table", &|n| format!("(table {n} funcref)"), 1_024, 0),
    ];
    for (what, text, most, besides) in cases {
        let fits = most - besides;
        let with = |count: usize| {
            let text = text(count);
            // Imports stand before all else.
            code(&match what {
                "imports" => format!("{text} {good}"),
                _ => format!("{good} {text}"),
            })
        };
        let found = bds_wasm::examine(&with(fits));
        assert!(found.is_ok(), "{what}: {found:?}");
        never(&with(fits + 1), what);
    }
    never(
        &code(&format!("{good} (table 1 funcref) (table 1 funcref)")),
        "two tables",
    );
}

/// Whoever activates code hears that it can never run; whoever runs it would hear it too late.
#[test]
fn what_does_not_fit_into_its_memory_or_table_is_refused() {
    let good = r#"(func $f (export "run") (result i32) (i32.const 0))"#;
    for (fits, does_not) in [
        (
            r#"(data (i32.const 65534) "ab")"#,
            r#"(data (i32.const 65535) "ab")"#,
        ),
        (
            r#"(data (i32.const 65536) "")"#,
            r#"(data (i32.const 65537) "")"#,
        ),
        (
            r#"(data (i32.const 0) "a")"#,
            r#"(data (i32.const -1) "a")"#,
        ),
        (
            "(table 4 funcref) (elem (i32.const 3) $f)",
            "(table 4 funcref) (elem (i32.const 3) $f $f)",
        ),
    ] {
        let found = bds_wasm::examine(&code(&format!("{good} {fits}")));
        assert!(found.is_ok(), "{fits}: {found:?}");
        let bad = code(&format!("{good} {does_not}"));
        never(&bad, does_not);
        let words = bds_wasm::examine(&bad).expect_err("it is refused");
        assert!(
            words.starts_with("its data or elements do not fit"),
            "{words}"
        );
    }
}

/// Every call sets the locals of a function to zero, and pays the same however many they are.
#[test]
fn a_function_has_so_many_locals_and_parameters() {
    let good = r#"(func (export "run") (result i32) (i32.const 0))"#;
    let with = |word: &str, count: usize| {
        code(&format!("{good} (func ({word} {}))", "i64 ".repeat(count)))
    };
    for (word, most) in [("local", 256), ("param", 32)] {
        assert!(bds_wasm::examine(&with(word, most)).is_ok(), "{word}");
        never(&with(word, most + 1), word);
    }
    // What is declared in many small pieces counts as one.
    let pieces = "(local i32) (local i64) ".repeat(129);
    never(&code(&format!("{good} (func {pieces})")), "pieces");
}

fn never(code: &[u8], what: &str) {
    let mut stage = ledger();
    upload(&mut stage, code, &[]);
    let found = start(&mut stage, "never", code, &[], Roles::NONE);
    assert_eq!(found, Code::CODE_REFUSED, "{what}");
    assert!(bds_wasm::examine(code).is_err());
}

/// Bytes that are no code at all, and code that was damaged: refused or good, and never more than that.
#[test]
fn damaged_code_is_refused_or_runs() {
    let whole = evil("(i32.const 0)");
    let mut refused = 0;
    let mut random = crate::stage::Random(5);
    for round in 0..3_000_u32 {
        let mut code = whole.clone();
        if round % 3 == 0 {
            code.truncate(random.below(code.len() as u64) as usize);
        } else {
            for _ in 0..=random.below(3) {
                let place = random.below(code.len() as u64) as usize;
                code[place] = random.below(256) as u8;
            }
        }
        if bds_wasm::examine(&code).is_err() {
            refused += 1;
            continue;
        }
        let mut stage = ledger();
        upload(&mut stage, &code, &[]);
        assert_eq!(
            start(&mut stage, "damaged", &code, &[], Roles::NONE),
            Code::OK
        );
        for method in ["evil", "good"] {
            run(&mut stage, Who::Anna, "damaged", method, &[]);
        }
    }
    assert!((1_500..3_000).contains(&refused), "{refused}");
}
