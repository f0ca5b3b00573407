//! How many transfers a second: the kernel beside a plain map; and hashes of both roots.
//!
//! `cargo run --release -p bds-contracts --example transfers -- ACCOUNTS TRANSFERS ROUNDS`
//!
//! Contract alone: decoding, execution, receipts, changes; no signatures, no hashing. Transactions are built before the clock
//! starts; senders and receivers are drawn at random; blocks hold 1,000. The clock is the thread's time on a core, so that a
//! busy machine is no slower but for its caches. Prints median and best of the rounds.
#![allow(clippy::disallowed_types, reason = "a bench prints fractions")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use bds_contracts::amount::{Currency, Money as Amount, Quantity};
use bds_contracts::identity::Identity;
use bds_contracts::kernel::changes::plain;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::tree::Tree;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, TxId};
use std::collections::BTreeMap;

use common::{BLOCK, CHAIN, EUA, Random, block, clock, id, key};

const START: i64 = 1_000_000;

/// From, to, how much.
type Move = (u64, u64, i64);

fn moves(accounts: u64, transfers: usize) -> Vec<Move> {
    let mut random = Random(1);
    let draw = |random: &mut Random| {
        let from = random.below(accounts);
        let to = (from + 1 + random.below(accounts - 1)) % accounts;
        (from, to, 1 + random.below(100) as i64)
    };
    (0..transfers).map(|_| draw(&mut random)).collect()
}

/// The wire forms, each sender's nonces in order.
fn wire(moves: &[Move], form: impl Fn(u64, &Move) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut nonces = BTreeMap::new();
    let one = |one: &Move| {
        let nonce = nonces.entry(one.0).or_insert(0_u64);
        let mut bytes = form(*nonce, one);
        *nonce += 1;
        bytes.extend([0; 64]);
        bytes
    };
    moves.iter().map(one).collect()
}

fn draft<M: Module>(nonce: u64, from: u64, call: &M::Call<'_>) -> Vec<u8> {
    let draft = Draft::new(CHAIN, key(from), nonce).call::<M>(call);
    draft.signed_bytes()
}

fn report(name: &str, transfers: usize, mut rounds: Vec<u64>) {
    rounds.sort_unstable();
    let per = |nanos: u64| nanos as f64 / transfers as f64;
    let (median, best) = (per(rounds[rounds.len() / 2]), per(rounds[0]));
    println!(
        "{name:<28} median {median:>7.1} ns a transfer ({:>5.2} M/s), best {best:>7.1} ns ({:>5.2} M/s)",
        1e3 / median,
        1e3 / best
    );
}

/// What every account should have at the end.
fn expected(accounts: u64, moves: &[Move]) -> Vec<i64> {
    let mut all = vec![START; accounts as usize];
    for (from, to, amount) in moves {
        all[*from as usize] -= amount;
        all[*to as usize] += amount;
    }
    all
}

/// The kernel, on these transactions.
fn kernel(
    name: &str,
    begin: &Machine<Modules>,
    bytes: &[Vec<u8>],
    rounds: u64,
    check: impl Fn(&Machine<Modules>),
) {
    let parsed = bytes
        .iter()
        .enumerate()
        .map(|(n, bytes)| (id(n), Envelope::parse(bytes).expect("a transaction")));
    let txs: Vec<(TxId, Envelope<'_>)> = parsed.collect();
    let (mut all, mut longest) = (Vec::new(), 0);
    for round in 0..rounds {
        let mut machine = begin.clone();
        let (mut total, mut done) = (0, 0);
        for (height, txs) in (1..).zip(txs.chunks(BLOCK)) {
            let before = clock();
            let outcome = machine.execute_block(block(height), txs);
            let took = clock() - before;
            total += took;
            longest = longest.max(took);
            done += outcome.tx_count() as usize;
            machine.recycle([outcome.changes]);
        }
        all.push(total);
        assert_eq!(done, txs.len());
        if round == 0 {
            check(&machine);
        }
    }
    report(name, txs.len(), all);
    println!("{:28} longest block {} µs", "", longest / 1_000);
}

fn plain_map(accounts: u64, moves: &[Move], rounds: u64) {
    let mut all = Vec::new();
    for _ in 0..rounds {
        let mut book: BTreeMap<u64, i64> = (0..accounts).map(|n| (n, START)).collect();
        let before = clock();
        for (from, to, amount) in moves {
            if let Some(held) = book.get_mut(from)
                && *held >= *amount
            {
                *held -= amount;
                *book.entry(*to).or_default() += amount;
            }
        }
        all.push(clock() - before);
        assert!(book.into_values().eq(expected(accounts, moves)));
    }
    report("plain BTreeMap book", moves.len(), all);
}

/// Hashes a transaction that both roots cost, over one checkpoint.
fn roots(begin: &Machine<Modules>, bytes: &[Vec<u8>]) {
    let parsed = bytes
        .iter()
        .enumerate()
        .map(|(n, bytes)| (id(n), Envelope::parse(bytes).expect("a transaction")));
    let txs: Vec<(TxId, Envelope<'_>)> = parsed.collect();
    let (mut machine, mut tree) = (begin.clone(), Tree::new());
    let entries = machine.stores().entries();
    tree.note(&entries, &entries.leaf_hashes(&mut plain));
    tree.seal(&mut plain);
    // One compression takes 128 bytes, 17 of them for padding and length in the last.
    let compressions = |messages: &[&[u8]]| -> usize {
        messages
            .iter()
            .map(|message| (message.len() + 17).div_ceil(128))
            .sum()
    };
    let (mut hashes, mut work, mut sealed) = (0, 0, 0);
    let (mut noted, mut shaped) = (0, 0);
    for (height, txs) in (1..).zip(txs.chunks(BLOCK)) {
        let outcome = machine.execute_block(block(height), txs);
        let mut count = |messages: &[&[u8]], digests: &mut [[u8; 32]]| {
            hashes += messages.len();
            work += compressions(messages);
            plain(messages, digests);
        };
        let leaves = outcome.changes.leaf_hashes(&mut count);
        outcome.changes.root(&leaves, &mut count);
        let before = clock();
        tree.note(&outcome.changes, &leaves);
        noted += clock() - before;
    }
    let changed = hashes;
    let mut hashing = 0;
    let before = clock();
    tree.seal(&mut |messages, digests| {
        let before = clock();
        hashes += messages.len();
        sealed += messages.len();
        work += compressions(messages);
        plain(messages, digests);
        hashing += clock() - before;
    });
    shaped += clock() - before - hashing;
    let per = |count: u64| count as f64 / txs.len() as f64;
    println!(
        "{:<28} changes {:.2} + state {:.2} = {:.2} hashes a transfer, {:.2} compressions; besides hashing {:.0} + {:.0} ns",
        format!("roots, checkpoint of {}", txs.len()),
        per(changed as u64),
        per(sealed as u64),
        per(hashes as u64),
        per(work as u64),
        per(noted),
        per(shaped),
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |or: u64| arguments.next().and_then(Result::ok).unwrap_or(or);
    let (accounts, transfers, rounds) = (next(10_000), next(200_000) as usize, next(7));
    println!("{accounts} accounts, {transfers} transfers, blocks of {BLOCK}, {rounds} rounds");

    let moves = moves(accounts, transfers);
    let of_money = wire(&moves, |nonce, (from, to, amount)| {
        let call = money::Call::Transfer {
            from: AccountId(*from),
            to: AccountId(*to),
            currency: Currency::EUR,
            amount: Amount(*amount),
        };
        draft::<Money>(nonce, *from, &call)
    });
    let of_units = wire(&moves, |nonce, (from, to, amount)| {
        let call = units::Call::Transfer {
            from: AccountId(*from),
            to: AccountId(*to),
            instrument: EUA,
            quantity: Quantity(*amount as u64),
        };
        draft::<Units>(nonce, *from, &call)
    });
    let expected = expected(accounts, &moves);
    let begin = common::machine(common::TRADERS, accounts, START, START as u64, |_| Ok(()));
    kernel("kernel, money", &begin, &of_money, rounds, |machine| {
        let tables = machine.stores().read::<Identity>();
        for (n, expected) in (0..).zip(&expected) {
            let account = tables.accounts.get(&AccountId(n));
            assert_eq!(account.map(|a| a.cash.balance.0), Some(*expected));
        }
    });
    kernel("kernel, units", &begin, &of_units, rounds, |machine| {
        let tables = machine.stores().read::<Units>();
        for (n, expected) in (0..).zip(&expected) {
            assert_eq!(tables.holding(AccountId(n), EUA).held.0, *expected as u64);
        }
    });
    plain_map(accounts, &moves, rounds);
    roots(&begin, &of_money);
}
