//! How many registrations, offers and acceptances of goods a second: Algorithms 1 and 2, contract alone.
//!
//! `cargo run --release -p bds-contracts --example handovers -- COMPANIES ITEMS ROUNDS`
//!
//! Decoding, execution, receipts, changes; no signatures, no roots. Transactions are built before the clock starts; blocks hold
//! 1,000. In each round every item is registered, offered by its maker to a company drawn at random, and accepted. The clock is the
//! thread's time on a core. Prints median and best of the rounds.
#![allow(clippy::disallowed_types, reason = "a bench prints fractions")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::modules::Modules;
use bds_contracts::retail::goods::{Holder, StepKind};
use bds_contracts::retail::name::{GoodsId, GoodsKind, GoodsRef};
use bds_contracts::retail::product::Scheme;
use bds_contracts::retail::{Call, Retail};
use bds_contracts::tx::{AccountId, ContentHash, Millis, TxId};

use common::{BLOCK, CHAIN, Random, block, clock, id, key};

const DAY: u64 = 24 * 3_600 * 1_000;
const PLACE: (i64, i64) = (52_520_000, 13_405_000);

/// Every company makes one product, whose code is its number.
fn code(company: u64) -> u64 {
    company + 1
}

/// A ledger of companies that may register and take over anything.
fn begin(companies: u64) -> Machine<Modules> {
    let all = Roles::MANUFACTURER
        .with(Roles::RETAILER)
        .with(Roles::TRADER);
    let mut machine = common::machine((Profile::Public, all), companies, 1, 1, |_| Ok(()));
    let done = machine.set_up(BlockInfo::default(), |cx| {
        for company in 0..companies {
            let account = AccountId(company);
            let (from, to) = (Millis(0), Millis(DAY));
            Retail::execute(&Call::AuthoriseManufacturer { account, from, to }, cx)?;
            let certify = Call::CertifyCode {
                code: code(company),
                scheme: Scheme::Own,
                owner: account,
                quota: u64::MAX,
                content: 1,
                yield_ppm: 1,
                certificate: ContentHash([0; 64]),
            };
            Retail::execute(&certify, cx)?;
        }
        Ok(())
    });
    done.expect("the companies can be set up");
    machine
}

/// Makers, recipients and serials of the items.
struct Item {
    maker: u64,
    to: u64,
    serial: String,
}

impl Item {
    fn goods(&self) -> GoodsRef<'_> {
        GoodsRef {
            kind: GoodsKind::Item,
            code: code(self.maker),
            serial: &self.serial,
        }
    }
}

fn items(companies: u64, count: usize) -> Vec<Item> {
    let mut random = Random(1);
    let item = |n: usize| {
        let maker = random.below(companies);
        let to = (maker + 1 + random.below(companies - 1)) % companies;
        let serial = format!("SN{n:010}");
        Item { maker, to, serial }
    };
    (0..count).map(item).collect()
}

/// The wire forms of one call an item, each sender's nonces in order.
fn wire<'a>(
    items: &'a [Item],
    nonces: &mut [u64],
    call: impl Fn(&'a Item) -> (u64, Call<'a>),
) -> Vec<Vec<u8>> {
    let one = |item| {
        let (sender, call) = call(item);
        let nonce = &mut nonces[sender as usize];
        let mut bytes = Draft::new(CHAIN, key(sender), *nonce)
            .call::<Retail>(&call)
            .signed_bytes();
        *nonce += 1;
        bytes.extend([0; 64]);
        bytes
    };
    items.iter().map(one).collect()
}

/// Executes them in blocks from this height on; nanoseconds on the core.
fn run(machine: &mut Machine<Modules>, height: &mut u64, wires: &[Vec<u8>]) -> u64 {
    let parsed = wires
        .iter()
        .map(|bytes| Envelope::parse(bytes).expect("a transaction"));
    let txs: Vec<(TxId, Envelope<'_>)> = parsed.enumerate().map(|(n, tx)| (id(n), tx)).collect();
    let mut total = 0;
    for txs in txs.chunks(BLOCK) {
        *height += 1;
        let before = clock();
        let outcome = machine.execute_block(block(*height), txs);
        total += clock() - before;
        let good = outcome.executed.iter().all(|one| one.code.is_ok());
        assert!(good && outcome.dropped.is_empty(), "block {height}");
        machine.recycle([outcome.changes]);
    }
    total
}

fn report(name: &str, count: usize, mut rounds: Vec<u64>) {
    rounds.sort_unstable();
    let per = |nanos: u64| nanos as f64 / count as f64;
    let (median, best) = (per(rounds[rounds.len() / 2]), per(rounds[0]));
    println!(
        "{name:<18} median {median:>7.1} ns a call ({:>5.2} M/s), best {best:>7.1} ns ({:>5.2} M/s)",
        1e3 / median,
        1e3 / best
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |or: u64| arguments.next().and_then(Result::ok).unwrap_or(or);
    let (companies, count, rounds) = (next(1_000), next(100_000) as usize, next(7));
    println!("{companies} companies, {count} items, blocks of {BLOCK}, {rounds} rounds");

    let items = items(companies, count);
    let mut nonces = vec![0; companies as usize];
    let register = wire(&items, &mut nonces, |item| {
        let call = Call::RegisterProduct {
            account: AccountId(item.maker),
            code: code(item.maker),
            serial: &item.serial,
            name: "a product",
            lot: "",
            place: PLACE,
            metadata: ContentHash([1; 64]),
        };
        (item.maker, call)
    });
    let offer = wire(&items, &mut nonces, |item| {
        let call = Call::OfferStep {
            account: AccountId(item.maker),
            goods: item.goods(),
            to: AccountId(item.to),
            kind: StepKind::Sell,
            document: [2; 32],
            until: Millis(DAY),
        };
        (item.maker, call)
    });
    // Received when the blocks of offers were over: block times are their heights.
    let received = Millis(2 * (count as u64).div_ceil(BLOCK as u64));
    let accept = wire(&items, &mut nonces, |item| {
        let call = Call::AcceptStep {
            account: AccountId(item.to),
            goods: item.goods(),
            place: PLACE,
            time: received,
        };
        (item.to, call)
    });
    let begin = begin(companies);
    let mut all = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        let (mut machine, mut height) = (begin.clone(), 0);
        for (wires, rounds) in [&register, &offer, &accept].into_iter().zip(&mut all) {
            rounds.push(run(&mut machine, &mut height, wires));
        }
        let goods = &machine.stores().read::<Retail>().goods;
        for item in &items {
            let name: GoodsId = item.goods().id().expect("a name");
            let found = goods.get(&name).map(|goods| goods.holder);
            assert_eq!(found, Some(Holder::Account(AccountId(item.to))));
        }
    }
    for (name, rounds) in ["register-product", "offer-step", "accept-step"]
        .into_iter()
        .zip(all)
    {
        report(name, count, rounds);
    }
}
