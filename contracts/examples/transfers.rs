//! How many transfers a second: the kernel, a plain map, and the ledger that the kernel replaces.
//!
//! `cargo run --release -p bds-contracts --example transfers -- ACCOUNTS TRANSFERS [ROUNDS]`
//!
//! Contract alone: decoding, execution, receipts, changes; no signatures, no hashing. Transactions are built before the clock
//! starts; senders and receivers are drawn at random. Blocks hold 1,000. Prints the median of the rounds.
#![allow(clippy::disallowed_types, reason = "a bench looks at the clock")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::collections::BTreeMap;
use std::time::Instant;

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::changes::plain;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey, TxId};

const CHAIN: ChainId = ChainId([7; 32]);
const BLOCK: usize = 1_000;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Bytes that look like a key; the machine admits what genesis gives it.
fn key(n: u64) -> PublicKey {
    let mut key = [0; 32];
    for (place, word) in key.chunks_exact_mut(8).enumerate() {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 + 2 * place as u64);
        word.copy_from_slice(&mixed.rotate_left(17).to_le_bytes());
    }
    PublicKey(key)
}

fn machine(accounts: u64) -> Machine<Modules> {
    let mut machine = Machine::new(CHAIN, Profile::Private, Limits::default());
    let outcome = machine.set_up(BlockInfo::default(), |cx| {
        for n in 0..accounts {
            let member = key(n);
            cx.admit_member(member, Roles::TRADER)?;
            Identity::execute(
                &identity::Call::OpenAccount {
                    account: AccountId(n),
                    holder: HolderId(n),
                    kind: AccountKind::Trading,
                    currency: Currency::EUR,
                    threshold: 1,
                    representatives: List::Items(&[member]),
                },
                cx,
            )?;
            Money::execute(
                &money::Call::Deposit {
                    account: AccountId(n),
                    currency: Currency::EUR,
                    amount: Amount(1_000_000),
                },
                cx,
            )?;
        }
        Ok(())
    });
    outcome.expect("the ledger can be set up");
    machine
}

/// Pairs of different accounts and an amount.
fn moves(accounts: u64, transfers: usize) -> Vec<(u64, u64, i64)> {
    let mut random = Random(1);
    let draw = |random: &mut Random| {
        let from = random.below(accounts);
        let to = (from + 1 + random.below(accounts - 1)) % accounts;
        (from, to, 1 + random.below(100) as i64)
    };
    (0..transfers).map(|_| draw(&mut random)).collect()
}

fn wire(moves: &[(u64, u64, i64)]) -> Vec<Vec<u8>> {
    let mut nonces = BTreeMap::new();
    let transfer = |&(from, to, amount): &(u64, u64, i64)| {
        let nonce = nonces.entry(from).or_insert(0_u64);
        let draft = Draft::new(CHAIN, key(from), *nonce).call::<Money>(&money::Call::Transfer {
            from: AccountId(from),
            to: AccountId(to),
            currency: Currency::EUR,
            amount: Amount(amount),
        });
        *nonce += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        bytes
    };
    moves.iter().map(transfer).collect()
}

fn block(height: u64) -> BlockInfo {
    BlockInfo {
        height,
        time: Millis(height),
        ..BlockInfo::default()
    }
}

fn report(name: &str, transfers: usize, mut rounds: Vec<f64>) {
    rounds.sort_by(f64::total_cmp);
    let median = rounds[rounds.len() / 2];
    let worst = rounds[rounds.len() - 1];
    println!(
        "{name:<24} {:>8.1} ns a transfer, {:>6.2} M/s (worst round {:.1} ns)",
        median * 1e9 / transfers as f64,
        transfers as f64 / median / 1e6,
        worst * 1e9 / transfers as f64,
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |or: u64| arguments.next().and_then(Result::ok).unwrap_or(or);
    let (accounts, transfers, rounds) = (next(10_000), next(200_000) as usize, next(7));
    println!("{accounts} accounts, {transfers} transfers, blocks of {BLOCK}, {rounds} rounds");

    let moves = moves(accounts, transfers);
    let bytes = wire(&moves);
    let txs: Vec<(TxId, Envelope<'_>)> = bytes
        .iter()
        .map(|bytes| {
            let tx = Envelope::parse(bytes).expect("a transaction of the bench");
            let mut id = [0; 64];
            id[..8].copy_from_slice(&tx.nonce().to_le_bytes());
            (TxId(id), tx)
        })
        .collect();

    let started = Instant::now();
    let start = machine(accounts);
    println!("set up in {:.1} s", started.elapsed().as_secs_f64());
    let (mut whole, mut checked) = (Vec::new(), false);
    let mut longest = 0.0_f64;
    for _ in 0..rounds {
        let mut machine = start.clone();
        let started = Instant::now();
        let mut done = 0;
        for (height, block_txs) in (1..).zip(txs.chunks(BLOCK)) {
            let block_started = Instant::now();
            let outcome = machine.execute_block(block(height), block_txs);
            longest = longest.max(block_started.elapsed().as_secs_f64());
            done += outcome.tx_count;
        }
        whole.push(started.elapsed().as_secs_f64());
        assert_eq!(done as usize, transfers);
        if !checked {
            // Once: every transfer was booked.
            let tables = machine.stores().read::<Identity>();
            let mut expected = vec![1_000_000_i64; accounts as usize];
            for (from, to, amount) in &moves {
                expected[*from as usize] -= amount;
                expected[*to as usize] += amount;
            }
            for (n, expected) in expected.iter().enumerate() {
                let account = tables.accounts.get(&AccountId(n as u64));
                assert_eq!(account.map(|a| a.cash.balance.0), Some(*expected));
            }
            checked = true;
        }
    }
    report("kernel", transfers, whole);
    println!("longest block {:.0} µs", longest * 1e6);

    let mut map = Vec::new();
    for _ in 0..rounds {
        let mut book: BTreeMap<u64, i64> = (0..accounts).map(|n| (n, 1_000_000)).collect();
        let started = Instant::now();
        for (from, to, amount) in &moves {
            if let Some(held) = book.get_mut(from)
                && *held >= *amount
            {
                *held -= amount;
                *book.entry(*to).or_default() += amount;
            }
        }
        map.push(started.elapsed().as_secs_f64());
        assert_eq!(book.values().sum::<i64>(), accounts as i64 * 1_000_000);
    }
    report("plain BTreeMap book", transfers, map);

    let mut machine = start;
    let mut roots = Vec::new();
    for (height, block_txs) in (1..).zip(txs.chunks(BLOCK).take(20)) {
        let outcome = machine.execute_block(block(height), block_txs);
        let started = Instant::now();
        let leaves = outcome.changes.leaf_hashes(&mut plain);
        outcome.changes.root(&leaves, &mut plain);
        roots.push(started.elapsed().as_secs_f64());
    }
    report("changes root, plain", BLOCK.min(transfers), roots);
}
