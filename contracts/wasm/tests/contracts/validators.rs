//! Generated modules on two validators: one has prepared what it runs, the other prepares it anew and comes from a snapshot now and then. Receipts and
//! changes are the same bytes.
//!
//! And they are the same bytes in every build: what comes out of the first of them is written down below, so an interpreter that counts or traps
//! otherwise on another machine, at another level of optimisation or in another version is found.

use std::sync::Arc;

use super::scene::*;
use crate::stage::{Random, Stage, Who, block, codes};
use arbitrary::Unstructured;
use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::identity::{Call as IdentityCall, Identity, endorse};
use bds_contracts::kernel::machine::{BlockOutcome, Machine};
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{ChainId, Millis};
use bds_contracts::wasm::{Call, Wasm};
use bds_wasm::Runtime;
use sha2::{Digest as _, Sha512_256};
use wasm_smith::{Config, Module};

/// Modules that run in an ordinary test, and in a long one.
const FEW: u64 = 1_000;
const MANY: u64 = 100_000;
/// Generated modules of one ledger.
const LEDGER: u64 = 100;

/// What generated code may ask for: all of it.
const IMPORTS: &str = r#"(module
    (import "bds" "input" (func (param i32 i32) (result i32)))
    (import "bds" "get" (func (param i32 i32 i32 i32) (result i32)))
    (import "bds" "set" (func (param i32 i32 i32 i32) (result i32)))
    (import "bds" "remove" (func (param i32 i32) (result i32)))
    (import "bds" "next" (func (param i32 i32 i32 i32) (result i32)))
    (import "bds" "entry" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "bds" "call" (func (param i32 i32 i32 i32 i32) (result i32)))
    (import "bds" "emit" (func (param i32 i32 i32 i32 i32)))
    (import "bds" "caller" (func (param i32)))
    (import "bds" "own" (func (param i32)))
    (import "bds" "represents" (func (param i64) (result i32)))
    (import "bds" "time" (func (result i64)))
    (import "bds" "height" (func (result i64))))"#;

const EXPORTS: &str = r#"(module
    (func (export "run") (result i32) unreachable)
    (memory (export "memory") 1))"#;

fn config() -> Config {
    Config {
        available_imports: Some(wat::parse_str(IMPORTS).expect("a module")),
        exports: Some(wat::parse_str(EXPORTS).expect("a module")),
        allow_floats: false,
        allow_start_export: false,
        compact_imports_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        max_memory32_bytes: 4 * 65_536,
        max_table_elements: 500,
        max_instructions: 300,
        max_data_segments: 4,
        max_element_segments: 4,
        memory64_enabled: false,
        multi_value_enabled: false,
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: false,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        min_funcs: 1,
        ..Config::default()
    }
}

/// A module out of this number.
fn generated(config: &Config, number: u64) -> Option<Vec<u8>> {
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
    let bytes: Vec<u8> = (0..1_500).map(|_| random.below(256) as u8).collect();
    let mut source = Unstructured::new(&bytes);
    let config = Config {
        // What never traps gets further.
        disallow_traps: number.is_multiple_of(2),
        ..config.clone()
    };
    let mut module = Module::new(config, &mut source).ok()?;
    // Where nothing stops a loop, the meter does; a part gets a counter of its own, so that more of it comes to its end.
    if number % 4 < 3 {
        module.ensure_termination(1_000).ok()?;
    }
    Some(module.to_bytes())
}

/// Two validators of one ledger.
struct Pair {
    warm: Stage,
    cold: Stage,
    runtime: Arc<Runtime>,
}

impl Pair {
    fn new() -> Self {
        let runtime = Arc::new(Runtime::new());
        Self {
            warm: ledger(),
            cold: ledger_with(runtime.clone()),
            runtime,
        }
    }

    /// The transactions on both; what came out.
    fn execute(&mut self, txs: &[Vec<u8>]) -> BlockOutcome {
        let outcome = self.warm.execute(txs);
        self.runtime.forget();
        let other = self.cold.execute(txs);
        assert!(outcome.receipts.iter().eq(other.receipts.iter()));
        let changes = |outcome: &BlockOutcome| {
            let all = outcome.changes.iter();
            all.map(|one| (one.key.to_vec(), one.value.map(<[u8]>::to_vec)))
                .collect::<Vec<_>>()
        };
        assert_eq!(changes(&outcome), changes(&other));
        outcome
    }

    /// The second one starts anew from what it holds.
    fn restart(&mut self) {
        let snapshot = self.cold.machine.stores().snapshot();
        assert_eq!(self.warm.machine.stores().snapshot(), snapshot);
        let restored = Machine::restore(
            ChainId([7; 32]),
            Profile::Consortium,
            Limits::default(),
            *self.cold.machine.block(),
            &snapshot,
        );
        self.runtime = Arc::new(Runtime::new());
        let machine = restored.expect("its own snapshot");
        self.cold.machine = machine.with_interpreter(self.runtime.clone());
    }
}

#[derive(Default)]
struct Seen {
    refused: u64,
    rules: std::collections::BTreeMap<String, u64>,
    codes: std::collections::BTreeMap<&'static str, u64>,
}

/// Uploads, activates and runs one module on both.
fn try_one(pair: &mut Pair, number: u64, code: &[u8], seen: &mut Seen) -> Option<BlockOutcome> {
    const METHODS: [(u16, u16); 1] = [TRANSFER];
    let name = format!("c{number}");
    let hash = name_of(code);
    let activate = Call::Activate {
        name: &name,
        version: 1,
        code: hash,
        methods: List::Items(&METHODS),
        roles: Roles::TRADER,
    };
    let stage = &mut pair.warm;
    let mut txs = vec![stage.tx::<Wasm>(
        Who::Anna,
        &Call::BeginUpload {
            code: hash,
            length: code.len() as u32,
            methods: List::Items(&METHODS),
        },
    )];
    for (index, bytes) in (0..).zip(code.chunks(bds_contracts::wasm::CHUNK_BYTES as usize)) {
        let put = Call::PutChunk {
            code: hash,
            index,
            bytes,
        };
        txs.push(stage.tx::<Wasm>(Who::Anna, &put));
    }
    let endorse = IdentityCall::Endorse {
        digest: endorse::digest::<Wasm>(&activate),
        until: Millis(block(stage.machine.block().height + 2).time.0 + 1_000),
    };
    txs.push(stage.tx::<Identity>(Who::Administrator, &endorse));
    txs.push(stage.tx::<Wasm>(Who::Regulator, &activate));
    let last = *codes(&pair.execute(&txs)).last().expect("a code");
    if !last.is_ok() {
        assert_eq!(last, Code::CODE_REFUSED);
        seen.refused += 1;
        let rule = bds_wasm::examine(code).expect_err("it was refused");
        *seen.rules.entry(rule).or_default() += 1;
        let drop = pair
            .warm
            .tx::<Wasm>(Who::Anna, &Call::DropUpload { code: hash });
        pair.execute(&[drop]);
        return None;
    }
    let runs = [(Who::Anna, &b"first"[..]), (Who::Bert, b"second")].map(|(who, input)| {
        let run = Call::Run {
            name: &name,
            version: None,
            method: "run",
            input,
        };
        pair.warm.tx::<Wasm>(who, &run)
    });
    let outcome = pair.execute(&runs);
    for code in codes(&outcome) {
        *seen.codes.entry(code.name()).or_default() += 1;
    }
    Some(outcome)
}

#[test]
fn two_validators_agree_on_generated_modules() {
    let count = if std::env::var_os("BDS_LONG").is_some() {
        MANY
    } else {
        FEW
    };
    let config = config();
    let mut seen = Seen::default();
    let mut hash = Sha512_256::new();
    let mut pair = Pair::new();
    let (mut tried, mut number) = (0, 0);
    while tried < count {
        number += 1;
        let Some(code) = generated(&config, number) else {
            continue;
        };
        if number.is_multiple_of(LEDGER) {
            pair.restart();
            pair = Pair::new();
        }
        let outcome = try_one(&mut pair, number, &code, &mut seen);
        tried += u64::from(outcome.is_some());
        if tried <= FEW {
            for receipt in outcome.iter().flat_map(|outcome| outcome.receipts.iter()) {
                hash.update(receipt);
            }
        }
    }
    eprintln!(
        "{tried} modules, {} refused: {:?}",
        seen.refused, seen.codes
    );
    // About every second one has a memory beside the one that it shows.
    assert!(seen.refused < 2 * tried, "{:#?}", seen.rules);
    for code in [
        Code::OK,
        Code::DEPLOYED_TRAPPED,
        Code::DEPLOYED_REFUSED,
        Code::METER_EXCEEDED,
    ] {
        assert!(
            seen.codes.contains_key(code.name()),
            "{code} never came up: {:?}",
            seen.codes
        );
    }
    assert_eq!(hex::encode(&hash.finalize()[..8]), PIN);
}

/// Receipts of the modules of an ordinary test.
const PIN: &str = "42bd94cad3930880";
