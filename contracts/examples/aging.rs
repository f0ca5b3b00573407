//! Does a ledger get dearer or larger as it ages? The same mix of transfers and trades, million after million.
//!
//! `cargo run --release -p bds-contracts --example aging -- ACCOUNTS MILLIONS`
//!
//! Contract alone: decoding, execution, receipts, changes; no signatures, no hashing. A quarter of the transactions are transfers
//! of money, a quarter transfers of units, half are orders, of which each second one takes what the one before left in the book. Accounts are
//! drawn at random; blocks hold 1,000. The clock is the thread's time on a core. Prints, for each million, what the median block
//! took a transaction, and the bytes of the state after it; money and units are summed up in the end.
#![allow(clippy::disallowed_types, reason = "a bench prints fractions")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, TxId};

use common::{BLOCK, CHAIN, EUA, Random, block, check, clock, id, key, market};

/// Draws transactions; knows each member's next nonce.
struct Mix {
    random: Random,
    nonces: Vec<u64>,
}

impl Mix {
    /// The wire form of transaction number `n`.
    fn next(&mut self, n: usize) -> Vec<u8> {
        let accounts = self.nonces.len() as u64;
        let from = self.random.below(accounts);
        let to = (from + 1 + self.random.below(accounts - 1)) % accounts;
        let amount = 1 + self.random.below(100);
        let nonce = self.nonces[from as usize];
        self.nonces[from as usize] += 1;
        let draft = Draft::new(CHAIN, key(from), nonce);
        let (from, to) = (AccountId(from), AccountId(to));
        let draft = match n % 4 {
            0 => draft.call::<Money>(&money::Call::Transfer {
                from,
                to,
                currency: Currency::EUR,
                amount: Amount(amount as i64),
            }),
            2 => draft.call::<Units>(&units::Call::Transfer {
                from,
                to,
                instrument: EUA,
                quantity: Quantity(amount),
            }),
            side => draft.call::<Exchange>(&orders::Call::Place {
                account: from,
                instrument: EUA,
                number: nonce,
                side: if side == 1 { Side::Sell } else { Side::Buy },
                quantity: Quantity(10),
                price: Some(Price(800_000)),
                trigger: None,
                display: None,
                budget: None,
                validity: ValidityKind::GoodTillCancelled,
                until: None,
                prevention: Prevention::DecrementAndCancel,
            }),
        };
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        bytes
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |or: u64| arguments.next().and_then(Result::ok).unwrap_or(or);
    let (accounts, millions) = (next(10_000), next(10));
    println!("{accounts} accounts, {millions} million transactions, blocks of {BLOCK}");
    let mut machine = market(accounts);
    let mut mix = Mix {
        random: Random(1),
        nonces: vec![0; accounts as usize],
    };
    let mut height = 0;
    for million in 1..=millions {
        let mut blocks = Vec::new();
        for _ in 0..1_000_000 / BLOCK {
            let wires: Vec<Vec<u8>> = (0..BLOCK).map(|n| mix.next(n)).collect();
            let parsed = wires.iter().enumerate().map(|(n, wire)| {
                let tx = Envelope::parse(wire).expect("a transaction");
                (id(height as usize * BLOCK + n), tx)
            });
            let txs: Vec<(TxId, Envelope<'_>)> = parsed.collect();
            height += 1;
            let before = clock();
            let outcome = machine.execute_block(block(height), &txs);
            blocks.push(clock() - before);
            assert!(
                outcome
                    .executed
                    .iter()
                    .all(|executed| executed.code.is_ok())
            );
            machine.recycle([outcome.changes]);
        }
        blocks.sort_unstable();
        println!(
            "{million:>3} million: {:>6.1} ns a transaction, state {} bytes",
            blocks[blocks.len() / 2] as f64 / BLOCK as f64,
            machine.stores().snapshot().len(),
        );
    }
    check(&machine, accounts);
}
