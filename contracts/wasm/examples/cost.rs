//! What a run of a contract costs beside the native calls that do the same.
//!
//! `cargo run --release -p bds-wasm --example cost [-- ESCROW.WASM]`: money moved by `money.transfer`, and by a contract that does nothing but call it; with
//! the code of the escrow among the examples of the SDK, also an exchange of units: two transfers in one transaction, and an offer that is accepted.
//! And what an instance costs of code that has as many pieces of a kind as it may, beside a loop: nanoseconds of a unit.
//! Nanoseconds of this thread on a core; medians of rounds. Set-up is outside of the clock.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a measurement prints, and is no part of an agreement"
)]

#[path = "../../examples/common/mod.rs"]
mod common;

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Quantity};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity, endorse};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::module::Calls as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ContentHash, Millis, PublicKey};
use bds_contracts::wasm::activation::key_of;
use bds_contracts::wasm::{CHUNK_BYTES, Call, Wasm};
use bds_wasm::Runtime;
use common::{CHAIN, EUA, MONEY, TRADERS, UNITS, clock, key, machine};
use sha2::{Digest as _, Sha512};

const ACCOUNTS: u64 = 1_000;
const ROUNDS: usize = 20;
const RUNS: u64 = 1_000;
const POT: AccountId = AccountId(2_000_000);
const AUTHORITY: [u64; 2] = [9_000_001, 9_000_002];
/// Passes its input on to `money.transfer`.
const PASS: &str = r#"(module
    (import "bds" "input" (func $input (param i32 i32) (result i32)))
    (import "bds" "call" (func $call (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "pass") (result i32)
        (call $call (i32.const 2) (i32.const 1) (i32.const 0) (call $input (i32.const 0) (i32.const 4096)) (i32.const 0))))"#;

/// A ledger and the nonces of its members.
struct Stage {
    machine: Machine<Modules>,
    nonces: std::collections::BTreeMap<PublicKey, u64>,
    /// Of the last transaction.
    units: u64,
}

impl Stage {
    fn draft(&mut self, sender: u64) -> Draft {
        let key = key(sender);
        let nonce = self.nonces.entry(key).or_default();
        *nonce += 1;
        Draft::new(CHAIN, key, *nonce - 1)
    }

    /// Executes these in one block; the nanoseconds that it took.
    fn execute(&mut self, drafts: &[Draft]) -> u64 {
        let bytes: Vec<Vec<u8>> = drafts
            .iter()
            .map(|draft| {
                let mut bytes = draft.signed_bytes();
                bytes.extend([0; 64]);
                bytes
            })
            .collect();
        let txs: Vec<_> = bytes
            .iter()
            .map(|bytes| {
                let tx = Envelope::parse(bytes).expect("a transaction");
                (tx.id(), tx)
            })
            .collect();
        let height = self.machine.block().height + 1;
        let block = BlockInfo {
            height,
            time: Millis(1_000 * height),
            ..BlockInfo::default()
        };
        let before = clock();
        let outcome = self.machine.execute_block(block, &txs);
        let took = clock() - before;
        for executed in &outcome.executed {
            assert!(executed.code.is_ok(), "{}", executed.code);
        }
        assert_eq!(outcome.executed.len(), drafts.len());
        let receipt = outcome.receipts.iter().last().map(ReceiptView::parse);
        self.units = receipt.map_or(0, |receipt| receipt.expect("its receipt").units);
        took
    }

    fn deploy(&mut self, name: &str, code: &[u8], methods: &[(u16, u16)]) {
        let hash = ContentHash(Sha512::digest(code).into());
        let activate = Call::Activate {
            name,
            version: 1,
            code: hash,
            methods: List::Items(methods),
            roles: Roles::TRADER,
        };
        let begin = Call::BeginUpload {
            code: hash,
            length: code.len() as u32,
            methods: List::Items(methods),
        };
        let mut uploads = vec![self.draft(1).call::<Wasm>(&begin)];
        for (index, bytes) in (0..).zip(code.chunks(CHUNK_BYTES as usize)) {
            let put = Call::PutChunk {
                code: hash,
                index,
                bytes,
            };
            uploads.push(self.draft(1).call::<Wasm>(&put));
        }
        self.execute(&uploads);
        let endorse = self
            .draft(AUTHORITY[1])
            .call::<Identity>(&identity::Call::Endorse {
                digest: endorse::digest::<Wasm>(&activate),
                until: Millis(1_000_000),
            });
        let activate = self.draft(AUTHORITY[0]).call::<Wasm>(&activate);
        let keys = [key_of(name)];
        let open = self
            .draft(AUTHORITY[0])
            .call::<Identity>(&identity::Call::OpenAccount {
                account: POT,
                holder: HolderId(POT.0),
                kind: AccountKind::Trading,
                currency: Currency::EUR,
                threshold: 1,
                representatives: List::Items(&keys),
            });
        self.execute(&[endorse, activate, open]);
    }
}

fn stage() -> Stage {
    let machine = machine(TRADERS, ACCOUNTS, MONEY, UNITS, |cx| {
        for member in AUTHORITY {
            cx.admit_member(key(member), Roles::REGULATOR)?;
        }
        Ok(())
    });
    Stage {
        machine: machine.with_interpreter(Runtime::shared()),
        nonces: Default::default(),
        units: 0,
    }
}

/// Measures blocks of such transactions.
fn measure(name: &str, stage: &mut Stage, mut one: impl FnMut(&mut Stage, u64) -> Draft) -> u64 {
    let mut all = Vec::new();
    for round in 0..ROUNDS as u64 {
        let drafts: Vec<Draft> = (0..RUNS).map(|n| one(stage, round * RUNS + n)).collect();
        all.push(stage.execute(&drafts) / RUNS);
    }
    all.sort_unstable();
    println!(
        "{name:<44} median {:>6} ns, best {:>6} ns",
        all[ROUNDS / 2],
        all[0]
    );
    all[ROUNDS / 2]
}

fn transfer(n: u64) -> (u64, money::Call) {
    let (from, to) = (n % ACCOUNTS, (n + 1) % ACCOUNTS);
    let call = money::Call::Transfer {
        from: AccountId(from),
        to: AccountId(to),
        currency: Currency::EUR,
        amount: Amount(1),
    };
    (from, call)
}

fn give(from: u64, to: u64) -> units::Call<'static> {
    units::Call::Transfer {
        from: AccountId(from),
        to: AccountId(to),
        instrument: EUA,
        quantity: Quantity(1),
    }
}

fn main() {
    let mut stage = stage();
    let code = wat::parse_str(PASS).expect("a module");
    stage.deploy("pass", &code, &[(2, 1)]);
    let native = measure("money.transfer", &mut stage, |stage, n| {
        let (from, call) = transfer(n);
        stage.draft(from).call::<Money>(&call)
    });
    let passed = measure("the same through a contract", &mut stage, |stage, n| {
        let (from, call) = transfer(n);
        let mut input = Vec::new();
        call.encode(&mut input);
        stage.draft(from).call::<Wasm>(&Call::Run {
            name: "pass",
            version: None,
            method: "pass",
            input: &input,
        })
    });
    println!(
        "{:<44} {:>6.1}",
        "times as much",
        passed as f64 / native as f64
    );
    instances();
    if let Some(file) = std::env::args().nth(1) {
        escrow(&std::fs::read(file).expect("the code of the escrow"));
    }
}

/// What a unit of the meter takes where an instance is nearly all of a run, and where a loop is.
fn instances() {
    let method = r#"(func $f (export "run") (result i32) (i32.const 0))"#;
    let page = r#"(memory (export "memory") 1)"#;
    let zero = r#"(memory (export "memory") 0)"#;
    let numbered = |count: usize, text: &str| -> String {
        (0..count)
            .map(|n| text.replace('#', &n.to_string()))
            .collect()
    };
    let body = format!("(func (drop (i32.const 1)) {})", "nop ".repeat(20));
    for (name, text) in [
        ("nothing", format!("{method} {zero}")),
        ("a page", format!("{method} {page}")),
        (
            "32 pages",
            format!(r#"{method} (memory (export "memory") 32)"#),
        ),
        (
            "2,000 functions",
            format!("{method} {zero} {}", "(func)".repeat(2_000)),
        ),
        (
            "2,000 functions of 26 bytes",
            format!("{method} {zero} {}", body.repeat(2_000)),
        ),
        (
            "126 exports",
            format!(
                "{method} {zero} {}",
                numbered(126, r#"(export "_#" (func $f))"#)
            ),
        ),
        (
            "64 imports",
            format!(
                "{} {method} {zero}",
                r#"(import "bds" "height" (func (result i64)))"#.repeat(64)
            ),
        ),
        (
            "256 globals",
            format!(
                "{method} {zero} {}",
                "(global i32 (i32.const 0))".repeat(256)
            ),
        ),
        (
            "512 segments of data",
            format!(
                "{method} {page} {}",
                r#"(data (i32.const 0) "a")"#.repeat(512)
            ),
        ),
        (
            "64 KiB of data",
            format!(
                "{method} {page} (data (i32.const 0) \"{}\")",
                "x".repeat(65_000)
            ),
        ),
        (
            "64 KiB of passive data",
            format!("{method} {zero} (data \"{}\")", "x".repeat(65_000)),
        ),
        (
            "1,024 elements",
            format!(
                "{method} {zero} (table 1024 funcref) (elem (i32.const 0) {})",
                "$f ".repeat(1_024)
            ),
        ),
        (
            "64 segments of an element",
            format!(
                "{method} {zero} (table 1 funcref) {}",
                "(elem (i32.const 0) $f)".repeat(64)
            ),
        ),
        (
            "a loop",
            format!(
                r#"{zero} (func (export "run") (result i32) (local i32)
            (loop $again (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 20000))))
            (i32.const 0))"#
            ),
        ),
    ] {
        let mut stage = stage();
        let code = wat::parse_str(format!("(module {text})")).expect("a module");
        stage.deploy("one", &code, &[]);
        let before = clock();
        bds_wasm::examine(&code).expect("it fits");
        let prepared = clock() - before;
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            let drafts: Vec<Draft> = (0..50)
                .map(|_| {
                    stage.draft(0).call::<Wasm>(&Call::Run {
                        name: "one",
                        version: None,
                        method: "run",
                        input: &[],
                    })
                })
                .collect();
            took.push(stage.execute(&drafts) / 50);
        }
        took.sort_unstable();
        let units = stage.units;
        println!(
            "{name:<44} median {:>6} ns, {units:>6} units, {:>5.1} ns a unit; prepared in {prepared} ns",
            took[ROUNDS / 2],
            took[ROUNDS / 2] as f64 / units as f64
        );
    }
}

/// Units against units: two transfers that happen together, and the second half of an escrow, which does the same and checks besides.
fn escrow(code: &[u8]) {
    let mut stage = stage();
    stage.deploy("escrow", code, &[(3, 1)]);
    let run = |stage: &mut Stage, who: u64, method: &str, input: &[u8]| {
        stage.draft(who).call::<Wasm>(&Call::Run {
            name: "escrow",
            version: None,
            method,
            input,
        })
    };
    let setup = run(&mut stage, 0, "setup", &POT.0.to_le_bytes());
    stage.execute(&[setup]);
    // One after the other by the same member: it gives and takes, so both transfers are its own.
    let native = measure(
        "two transfers of units in one transaction",
        &mut stage,
        |stage, n| {
            let (from, to) = (n % ACCOUNTS, (n + 1) % ACCOUNTS);
            let draft = stage.draft(from).call::<Units>(&give(from, to));
            draft.call::<Units>(&give(from, to))
        },
    );
    let mut numbers = 0_u64;
    measure("escrow: offer", &mut stage, |stage, n| {
        let seller = n % ACCOUNTS;
        let mut input = seller.to_le_bytes().to_vec();
        input.extend(EUA.0.to_le_bytes());
        input.extend(1_u64.to_le_bytes());
        input.extend(EUA.0.to_le_bytes());
        input.extend(1_u64.to_le_bytes());
        input.extend(u64::MAX.to_le_bytes());
        run(stage, seller, "offer", &input)
    });
    let accepted = measure("escrow: accept", &mut stage, |stage, n| {
        numbers += 1;
        let buyer = (n + 7) % ACCOUNTS;
        let input = [numbers.to_le_bytes(), buyer.to_le_bytes()].concat();
        run(stage, buyer, "accept", &input)
    });
    println!(
        "{:<44} {:>6.1}",
        "accept, times two transfers",
        accepted as f64 / native as f64
    );
}
