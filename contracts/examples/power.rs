//! How long a session of the day-ahead market takes to be cleared: block by block of the ledger, and what handing in its curves costs.
//!
//! `cargo run --release -p bds-contracts --example power -- STEPS BLOCKS ACCOUNTS ROUNDS GROUPED`
//!
//! Of the blocks so many in a hundred are in exclusive groups of eight, and as many have a parent.
//!
//! Contract alone: decoding, execution, receipts, changes; no signatures, no hashing. The clock is the thread's time on a core. Prints
//! the best and the median of the rounds for the whole clearing, and the longest block in any of them.
#![allow(clippy::disallowed_types, reason = "a bench prints fractions")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use bds_contracts::account::Roles;
use bds_contracts::amount::{Currency, PPM, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::power::{Call, Power, ZoneId};
use bds_contracts::tx::{AccountId, Millis};

use common::{BLOCK, CHAIN, Random, clock, id, key};

const QUARTER: u64 = 900_000;
const DAY: u64 = 96 * QUARTER;
const GATE: u64 = DAY;
const START: u64 = GATE + DAY / 2;
/// Of one curve.
const STEPS: u64 = 100;

/// Executes transactions in a block of this time; nanoseconds it took.
fn execute(machine: &mut Machine<Modules>, time: u64, txs: &[Vec<u8>]) -> u64 {
    let views: Vec<_> = txs
        .iter()
        .enumerate()
        .map(|(n, bytes)| (id(n), Envelope::parse(bytes).expect("a transaction")))
        .collect();
    let block = BlockInfo {
        height: machine.block().height + 1,
        time: Millis(time),
        ..BlockInfo::default()
    };
    let before = clock();
    let outcome = machine.execute_block(block, &views);
    let taken = clock() - before;
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt");
        assert!(receipt.code.is_ok(), "{:?}: {}", receipt.id, receipt.code);
    }
    machine.recycle([outcome.changes]);
    taken
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |or: u64| arguments.next().and_then(Result::ok).unwrap_or(or);
    let (steps, blocks, accounts, rounds) = (next(100_000), next(100), next(100), next(5));
    let grouped = next(0);
    let roles = Roles::TRADER.with(Roles::MARKET_OPERATOR);
    let money = 1_000_000_000_000_000;
    let setting = (Profile::Private, roles);
    let mut machine = common::machine(setting, accounts, money, 1, |_| Ok(()));
    let mut nonces = vec![0; accounts as usize];
    let mut tx = |member: u64, call: &Call<'_>| {
        let nonce = &mut nonces[member as usize];
        let draft = Draft::new(CHAIN, key(member), *nonce).call::<Power>(call);
        *nonce += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        bytes
    };
    let open = Call::OpenSession {
        zone: ZoneId(1),
        start: Millis(START),
        end: Millis(START + DAY),
        gate: Millis(GATE),
        price_min: Price(-5_000_000),
        price_max: Price(40_000_000),
        tick: 100,
        lot: WattHours(100_000),
        currency: Currency::EUR,
        steps_max: 131_072,
        blocks_max: 256,
        account_blocks_max: 256,
    };
    execute(&mut machine, 1_000, &[tx(0, &open)]);
    // The session's number is that of its trigger, the first of the ledger.
    let session = 1;
    let mut random = Random(1);
    let mut orders = Vec::new();
    let sides = [Side::Buy, Side::Sell];
    // Accounts by turns, an interval after the other.
    for curve in 0..steps / STEPS {
        let (place, side) = (curve / 2, sides[curve as usize % 2]);
        let (first, account) = (place % 96, place / 96 % accounts);
        let base = 400 + random.below(200) as i64;
        let way = if side == Side::Buy { -1 } else { 1 };
        let all: Vec<_> = (0..STEPS as i64)
            .map(|n| {
                let energy = 1 + random.below(20) as i64;
                (Price((base + way * n) * 1_000), WattHours(energy * 100_000))
            })
            .collect();
        let call = Call::SubmitCurve {
            session,
            account: AccountId(account),
            side,
            first: first as u8,
            count: 1,
            steps: List::Items(&all),
        };
        orders.push(tx(account, &call));
    }
    for number in 0..blocks {
        let first = random.below(96);
        let count = 1 + random.below(96 - first);
        let account = number % accounts;
        let call = Call::SubmitBlock {
            session,
            account: AccountId(account),
            number: number as u32,
            side: sides[random.below(2) as usize],
            first: first as u8,
            count: count as u8,
            energy: WattHours((1 + random.below(300) as i64) * 100_000),
            price: Price((420 + random.below(160) as i64) * 1_000),
            least_ppm: [PPM, 500_000][random.below(2) as usize],
            parent: (number >= accounts && random.below(100) < grouped)
                .then(|| (number - accounts) as u32),
            group: (random.below(100) < grouped).then(|| (number / accounts / 8) as u32),
        };
        orders.push(tx(account, &call));
    }
    let batches = (0..).zip(orders.chunks(BLOCK));
    let taken: u64 = batches
        .map(|(later, txs)| execute(&mut machine, 2_000 + later, txs))
        .sum();
    println!(
        "{} steps in curves of {STEPS}, {blocks} blocks, {accounts} accounts: handed in at {:.1} us an order",
        steps / STEPS * STEPS,
        taken as f64 / 1e3 / orders.len() as f64
    );
    execute(&mut machine, GATE, &[]);
    let (mut all, mut longest, mut count) = (Vec::new(), 0, 0);
    for _ in 0..rounds {
        let mut machine = machine.clone();
        let (mut sum, mut time) = (0, GATE);
        count = 0;
        while !machine.stores().read::<Power>().waiting.is_empty() {
            time += 1_000;
            let taken = execute(&mut machine, time, &[]);
            sum += taken;
            longest = longest.max(taken);
            count += 1;
        }
        all.push(sum);
    }
    all.sort_unstable();
    let millis = |nanos: u64| nanos as f64 / 1e6;
    println!(
        "cleared in {count} blocks of the ledger: median {:.1} ms, best {:.1} ms in all; the longest block {:.1} ms",
        millis(all[all.len() / 2]),
        millis(all[0]),
        millis(longest)
    );
}
