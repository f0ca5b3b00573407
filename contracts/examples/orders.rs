//! How many orders of accounts a second: placed, matched, settled and told, on the kernel.
//!
//! `cargo run --release -p bds-contracts --example orders -- ACCOUNTS ORDERS ROUNDS`
//!
//! Contract alone: decoding, execution, receipts, changes; no signatures, no hashing. Transactions are built before the clock
//! starts; accounts are drawn at random; blocks hold 1,000; all orders are limit orders of one market, with prices drawn within
//! so many ticks of each other. The clock is the thread's time on a core. Prints median and best of the rounds, and what became
//! of the orders; money and units are summed up in the end.
#![allow(clippy::disallowed_types, reason = "a bench prints fractions")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::tx::{AccountId, TxId};
use std::collections::BTreeMap;

use common::{BLOCK, CHAIN, EUA, Random, block, check, clock, id, key, market};

/// The wire forms of orders: bids within `spread` ticks, asks within as many, half of that higher.
fn wire(accounts: u64, orders: usize, spread: u64) -> Vec<Vec<u8>> {
    let mut random = Random(1);
    let mut nonces = BTreeMap::new();
    let mut all = Vec::with_capacity(orders);
    for _ in 0..orders {
        let account = random.below(accounts);
        let nonce = nonces.entry(account).or_insert(0_u64);
        let side = [Side::Buy, Side::Sell][random.below(2) as usize];
        let shift = if side == Side::Sell { spread / 2 } else { 0 };
        let ticks = 8_000 + random.below(spread) + shift;
        let call = Call::Place {
            account: AccountId(account),
            instrument: EUA,
            number: *nonce,
            side,
            quantity: Quantity(1 + random.below(100)),
            price: Some(Price(100 * ticks as i64)),
            trigger: None,
            display: None,
            budget: None,
            validity: ValidityKind::GoodTillCancelled,
            until: None,
            prevention: Prevention::DecrementAndCancel,
        };
        let draft = Draft::new(CHAIN, key(account), *nonce).call::<Exchange>(&call);
        *nonce += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        all.push(bytes);
    }
    all
}

/// Orders accepted, and trades.
fn count(outcome: &BlockOutcome) -> (usize, usize) {
    let (mut accepted, mut traded) = (0, 0);
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt");
        for event in receipt.events().filter(|e| e.module == Exchange::ID) {
            match Event::decode(event.number, event.fields).expect("an event") {
                Event::Accepted { .. } => accepted += 1,
                Event::Traded { .. } => traded += 1,
                _ => {}
            }
        }
    }
    (accepted, traded)
}

fn run(name: &str, accounts: u64, bytes: &[Vec<u8>], rounds: u64) {
    let begin = market(accounts);
    let parsed = bytes
        .iter()
        .enumerate()
        .map(|(n, bytes)| (id(n), Envelope::parse(bytes).expect("a transaction")));
    let txs: Vec<(TxId, Envelope<'_>)> = parsed.collect();
    let (mut all, mut longest) = (Vec::new(), 0);
    let (mut accepted, mut traded, mut open) = (0, 0, 0);
    for round in 0..rounds {
        let mut machine = begin.clone();
        let mut total = 0;
        for (height, txs) in (1..).zip(txs.chunks(BLOCK)) {
            let before = clock();
            let outcome = machine.execute_block(block(height), txs);
            let took = clock() - before;
            total += took;
            longest = longest.max(took);
            assert!(outcome.dropped.is_empty());
            if round == 0 {
                let counts = count(&outcome);
                accepted += counts.0;
                traded += counts.1;
            }
            machine.recycle([outcome.changes]);
        }
        all.push(total);
        if round == 0 {
            check(&machine, accounts);
            let books = &machine.stores().read::<Exchange>().books;
            open = books.get(EUA).expect("the market").len();
        }
    }
    all.sort_unstable();
    let per = |nanos: u64| nanos as f64 / txs.len() as f64;
    let (median, best) = (per(all[all.len() / 2]), per(all[0]));
    println!(
        "{name:<18} median {median:>7.1} ns an order ({:>5.2} M/s), best {best:>7.1} ns ({:>5.2} M/s); longest block {} µs",
        1e3 / median,
        1e3 / best,
        longest / 1_000
    );
    println!(
        "{:18} {} orders, {accepted} accepted, {traded} trades, {open} open in the end",
        "",
        txs.len()
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |or: u64| arguments.next().and_then(Result::ok).unwrap_or(or);
    let (accounts, orders, rounds) = (next(10_000), next(200_000) as usize, next(7));
    println!("{accounts} accounts, {orders} orders, blocks of {BLOCK}, {rounds} rounds");
    run(
        "orders, rest",
        accounts,
        &wire(accounts, orders, 4_000),
        rounds,
    );
    run(
        "orders, trade",
        accounts,
        &wire(accounts, orders, 20),
        rounds,
    );
}
