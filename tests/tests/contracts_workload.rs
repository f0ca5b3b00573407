//! Random blocks, sound and unsound calls of every module, followed by the auditor after every block.
//!
//! Any failure names the seed that repeats it.

#[path = "contracts_workload/generate.rs"]
mod generate;
#[path = "contracts_workload/propose.rs"]
mod propose;
#[path = "contracts_workload/propose_carbon.rs"]
mod propose_carbon;
#[path = "contracts_workload/propose_closing.rs"]
mod propose_closing;
#[path = "contracts_workload/propose_code.rs"]
mod propose_code;
#[path = "contracts_workload/propose_energy.rs"]
mod propose_energy;
#[path = "contracts_workload/propose_flexibility.rs"]
mod propose_flexibility;
#[path = "contracts_workload/propose_granular.rs"]
mod propose_granular;
#[path = "contracts_workload/propose_intraday.rs"]
mod propose_intraday;
#[path = "contracts_workload/propose_orders.rs"]
mod propose_orders;
#[path = "contracts_workload/propose_power.rs"]
mod propose_power;
#[path = "contracts_workload/propose_records.rs"]
mod propose_records;
#[path = "contracts_workload/propose_retail.rs"]
mod propose_retail;
#[path = "contracts_workload/propose_sales.rs"]
mod propose_sales;
#[path = "contracts_workload/propose_standing.rs"]
mod propose_standing;
#[path = "contracts_workload/propose_units.rs"]
mod propose_units;
#[path = "contracts_workload/scene.rs"]
mod scene;

use std::collections::BTreeMap;

use bds_contracts::block::BlockDigest;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{CallView, Envelope, Payload};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::tree::Tree;
use bds_contracts::modules::Modules;
use bds_contracts::tx::{Millis, PublicKey};
use bds_contracts::{Code, Genesis, Ledger, ledger};
use bds_tests::auditor::Auditor;
use generate::{Generator, Random, views};
use sha2::{Digest as _, Sha512_256};

/// How often each method did what was asked, each was refused, each code and each kind of event came up.
type Seen = BTreeMap<String, u64>;

/// Bits of work of whoever comes first in an hour, and after how many it is one more.
const NEWCOMER: (u32, u64) = (4, 2);
/// How much of what was left for later a block does with every fourth seed: so little that it waits, and instructions give way.
const FEW_TRIGGERS: usize = 3;

/// A ledger, whoever watches it, and the tree of its state.
struct Run {
    genesis: Genesis,
    ledger: Ledger,
    auditor: Auditor,
    generator: Generator,
    tree: Tree,
    seen: Seen,
    /// What was executed: time and transactions of each block.
    blocks: Vec<(Millis, Vec<Vec<u8>>)>,
}

impl Run {
    fn new(seed: u64) -> Self {
        // What is offered depends on the profile.
        let profiles = [Profile::Consortium, Profile::Private, Profile::Public];
        let genesis = scene::genesis(profiles[(seed % 3) as usize]);
        let (mut ledger, made) = ledger::from_genesis(&genesis).expect("a sound document");
        let mut limits = Limits {
            newcomer_work: NEWCOMER.0,
            newcomers_a_bit: NEWCOMER.1,
            ..*ledger.limits()
        };
        if seed.is_multiple_of(4) {
            limits.triggers = FEW_TRIGGERS;
        }
        ledger.set_limits(limits);
        let auditor = Auditor::new(&genesis).expect("a sound document");
        let auditor = auditor
            .with_newcomers(NEWCOMER.0, NEWCOMER.1)
            .with_triggers(limits.triggers);
        auditor.compare(&ledger).expect("the books before block 1");
        let mut tree = Tree::new();
        take_in(&mut tree, &made.changes);
        Self {
            generator: Generator::new(seed, &genesis),
            genesis,
            ledger,
            auditor,
            tree,
            seen: Seen::new(),
            blocks: Vec::new(),
        }
    }

    /// Makes a block, executes it and has it audited.
    fn block(&mut self, count: usize) -> Result<(), String> {
        let wires = self.generator.block(&self.ledger, count);
        let time = self.generator.next_time();
        let block = next(&self.ledger, time);
        let txs = views(&wires);
        let outcome = self.ledger.execute_block(block, &txs);
        let bytes: Vec<&[u8]> = txs.iter().map(|(_, tx)| tx.bytes()).collect();
        let receipts = outcome.receipts.iter();
        let dropped = self.auditor.block(&block, &bytes, receipts)?;
        if dropped != outcome.dropped.len() {
            return Err(format!(
                "{dropped} leave no trace, not {}",
                outcome.dropped.len()
            ));
        }
        self.auditor.compare(&self.ledger)?;
        take_in(&mut self.tree, &outcome.changes);
        self.generator.learn(outcome.receipts.iter());
        self.count(&bytes, &outcome);
        self.blocks.push((time, wires));
        Ok(())
    }

    fn count(&mut self, txs: &[&[u8]], outcome: &BlockOutcome) {
        let mut by_id = BTreeMap::new();
        for bytes in txs {
            let tx = Envelope::parse(bytes).expect("it was parsed before");
            by_id.insert(tx.id(), tx);
        }
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).expect("a receipt of the ledger");
            *self.seen.entry(receipt.code.name().to_owned()).or_default() += 1;
            for event in receipt.events() {
                let module = Modules::CATALOG.iter().find(|m| m.id == event.module);
                let module = module.expect("a module of the ledger");
                let info = module.events.iter().find(|e| e.number == event.number);
                let name = info.expect("one of its events").name;
                let name = format!("event {}.{name}", module.name);
                *self.seen.entry(name).or_default() += 1;
            }
            let ReceiptId::Tx(id) = receipt.id else {
                *self.seen.entry("not a transaction".to_owned()).or_default() += 1;
                continue;
            };
            let Ok((_, Payload::Clear(calls))) = by_id[&id].payload() else {
                continue;
            };
            for (place, call) in (0..).zip(calls.iter()) {
                let what = match receipt.call {
                    None if receipt.code.is_ok() => "done",
                    Some(failed) if failed == place => "refused",
                    _ => continue,
                };
                let module = Modules::CATALOG.iter().find(|m| m.id == call.module);
                let method = module.and_then(|module| {
                    let method = module.methods.iter().find(|m| m.number == call.method);
                    Some(format!("{what} {}.{}", module.name, method?.name))
                });
                *self.seen.entry(method.unwrap_or_default()).or_default() += 1;
            }
        }
    }

    /// Goes on with a ledger that was taken from a snapshot, after comparing the roots.
    fn restore(&mut self) {
        let root = self.tree.seal(&mut plain);
        let entries = self.ledger.stores().entries();
        assert_eq!(
            root_of(&entries),
            root,
            "the changes of the blocks are not all"
        );
        let snapshot = self.ledger.stores().snapshot();
        let block = *self.ledger.block();
        let mut copy = ledger::restore(&self.genesis, block, &snapshot).expect("its own snapshot");
        copy.set_limits(*self.ledger.limits());
        assert_eq!(
            root_of(&copy.stores().entries()),
            root,
            "the root depends on history"
        );
        self.ledger = copy;
    }
}

fn next(ledger: &Ledger, time: Millis) -> BlockInfo {
    let height = ledger.block().height + 1;
    BlockInfo {
        height,
        time,
        // Another one in every block, and the same in a replay.
        beacon: BlockDigest(Sha512_256::digest(height.to_le_bytes()).into()),
    }
}

fn take_in(tree: &mut Tree, changes: &Changes) {
    let leaves = changes.leaf_hashes(&mut plain);
    tree.note(changes, &leaves);
}

fn root_of(entries: &Changes) -> [u8; 32] {
    let mut tree = Tree::new();
    take_in(&mut tree, entries);
    tree.seal(&mut plain)
}

/// Every entry but the secret, which follows from the blocks as they were.
fn content(ledger: &Ledger) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let entries = ledger.stores().entries();
    let others = entries.iter().filter(|entry| entry.key != [0x80, 0, 0, 5]);
    let owned = others.map(|entry| (entry.key.to_vec(), entry.value.map(<[u8]>::to_vec)));
    owned.collect()
}

/// Runs one seed; what came up, and the final root.
fn run(seed: u64, blocks: u64) -> (Seen, [u8; 32]) {
    let mut run = Run::new(seed);
    for number in 1..=blocks {
        let done = run.block(40);
        done.unwrap_or_else(|finding| panic!("seed {seed}: {finding}"));
        if number % 25 == 0 {
            run.restore();
        }
    }
    (run.seen, run.tree.seal(&mut plain))
}

#[test]
fn the_auditor_agrees_after_every_block() {
    let fresh = u64::from(std::process::id());
    let more = std::env::var("BDS_LONG").map_or(0, |_| 300);
    let mut seen = Seen::new();
    for seed in (1..=10)
        .chain(generate::PLANNED)
        .chain([fresh])
        .chain(100_000..100_000 + more)
    {
        for (what, count) in run(seed, 340).0 {
            *seen.entry(what).or_default() += count;
        }
    }
    eprintln!("{seen:#?}");
    // A workload that never reaches a method, an event or a code proves nothing about it.
    let mut missing = Vec::new();
    for module in Modules::CATALOG {
        let methods = module.methods.iter();
        let calls = methods.flat_map(|method| {
            let name = format!("{}.{}", module.name, method.name);
            [format!("done {name}"), format!("refused {name}")]
        });
        let events = module.events.iter();
        let events = events.map(|event| format!("event {}.{}", module.name, event.name));
        missing.extend(calls.chain(events).filter(|name| !seen.contains_key(name)));
    }
    // It asks for nothing, so nothing is wrong with it.
    missing.retain(|name| name != "refused identity.nothing");
    // No piece of a sound session fails; the contracts' own tests plant a failure.
    missing.retain(|name| name != "event power.SessionPassedOver");
    // The ledger has no interpreter, so code waits and never runs; `bds-wasm` has tests of its own for what it does.
    let of_runs = [
        "done wasm.activate",
        "done wasm.deactivate",
        "done wasm.run",
        "event wasm.Activated",
        "event wasm.Deactivated",
        "event wasm.Ran",
        "event wasm.Told",
    ];
    missing.retain(|name| !of_runs.contains(&name.as_str()));
    assert!(missing.is_empty(), "never came up: {missing:?}");
    for code in [
        Code::OK,
        Code::MALFORMED,
        Code::EXPIRED,
        Code::NOT_YET_VALID,
        Code::WRONG_ROLE,
        Code::UNKNOWN_ACCOUNT,
        Code::NOT_REPRESENTATIVE,
        Code::ACCOUNT_NOT_OPEN,
        Code::BALANCE_TOO_LOW,
        Code::CASH_TOO_LOW,
        Code::NOT_FILLABLE,
        Code::UNKNOWN_ORDER,
        Code::ACCOUNT_KILLED,
        Code::MESSAGE_LIMIT,
        Code::ORDER_LIMIT,
        Code::POSITION_LIMIT,
        Code::OUTSIDE_PRICE_BAND,
        Code::TRADING_DATA_EXCEPTION,
        Code::CONTRACT_RECORD_EXCEPTION,
        Code::CONTRACT_TERMINATED,
        Code::AUTHORIZATION_FAILED,
        Code::NO_QUERY_RECORD,
        Code::PAYLOAD_SEALED,
        Code::UNKNOWN_MODULE,
        Code::UNKNOWN_METHOD,
        Code::NOT_ENDORSED,
        Code::NOT_TRUSTED,
        Code::OWN_ACCOUNT,
        Code::BLOCK_NOT_HELD,
        Code::DOUBLE_COUNTED,
        Code::EVIDENCE_USED,
        Code::SAME_HOLDER,
        Code::BLOCK_NOT_ALLOWED,
        Code::BLOCK_TOO_SMALL,
        Code::UNKNOWN_SALE,
        Code::UNKNOWN_BID,
        Code::BID_NUMBER_USED,
        Code::AUCTION_CLOSED,
        Code::PROSUMER_NOT_REGISTERED,
        Code::SESSION_ALREADY_OPEN,
        Code::SESSION_CLOSED,
        Code::CAPABILITY_EXCEEDED,
        Code::INSUFFICIENT_ENERGY,
        Code::IN_ARREARS,
        Code::READING_EXISTS,
        Code::READING_VERSION,
        Code::STORAGE_BOUNDS,
        Code::UNKNOWN_DEVICE,
        Code::PRODUCTION_EXCEEDED,
        Code::NOT_HELD,
        Code::NOT_CLAIMANT,
        Code::CONSUMPTION_EXCEEDED,
        Code::INTERVAL_INVALID,
        Code::NOT_STORED,
        Code::POWER_SESSION_EXISTS,
        Code::GATE_CLOSED,
        Code::DELIVERY_INVALID,
        Code::CURVE_INVALID,
        Code::POWER_PRICE_INVALID,
        Code::POWER_SESSION_FULL,
        Code::UNKNOWN_CURVE,
        Code::LINK_INVALID,
        Code::UNKNOWN_BLOCK_ORDER,
        Code::BLOCK_ORDER_LINKED,
        Code::POWER_ACCOUNT_FULL,
        Code::NOT_SESSION_OPERATOR,
        Code::POWER_SESSION_IN_USE,
        Code::INTRADAY_RULE_INVALID,
        Code::INTRADAY_NOT_OPEN,
        Code::INTRADAY_ENERGY_INVALID,
        Code::INTRADAY_BOOKS_FULL,
        Code::INTRADAY_ACCOUNT_FULL,
        Code::INTRADAY_ACCOUNT_ACTIVE,
        Code::ISP_DURATION_MISMATCH,
        Code::TIME_ZONE_MISMATCH,
        Code::FLEX_PERIOD_INVALID,
        Code::CONNECTION_TAKEN,
        Code::NO_PORTFOLIO,
        Code::ISPS_INVALID,
        Code::REVISION_INVALID,
        Code::RESERVATION_RAISED,
        Code::UNKNOWN_FLEX_REQUEST,
        Code::FLEX_REQUEST_CLOSED,
        Code::UNKNOWN_FLEX_OFFER,
        Code::FLEX_OFFER_EXPIRED,
        Code::OPTIONS_INVALID,
        Code::OFFER_OUTSIDE_REQUEST,
        Code::FLEX_ANSWERED,
        Code::FLEX_ORDER_MISMATCH,
        Code::UNKNOWN_PROGNOSIS,
        Code::ALREADY_ORDERED,
        Code::UNKNOWN_FLEX_ORDER,
        Code::FLEX_ORDER_SETTLED,
        Code::WRONG_PROFILE,
        Code::MANUFACTURER_NOT_AUTHORIZED,
        Code::PRODUCT_CODE_NOT_CERTIFIED,
        Code::PRODUCT_ALREADY_REGISTERED,
        Code::PRODUCT_NOT_REGISTERED,
        Code::NOT_HOLDER,
        Code::OFFER_EXPIRED,
        Code::GOODS_PACKED,
        Code::GOODS_RECALLED,
        Code::EVENT_TIME_INVALID,
        Code::YIELD_EXCEEDED,
        Code::PSEUDONYM_INVALID,
        Code::UNKNOWN_RECORD,
        Code::RECORD_EXISTS,
        Code::RECORD_INVALID,
        Code::RECORD_ENDED,
        Code::RECORD_VERSION,
        Code::CONTENT_MISMATCH,
        Code::READER_KEY_INVALID,
        Code::UNKNOWN_READER,
        Code::READER_WITHDRAWN,
        Code::INSTRUCTION_INVALID,
        Code::UNKNOWN_INSTRUCTION,
    ] {
        assert!(
            seen.contains_key(code.name()),
            "{} never came up",
            code.name()
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_root() {
    assert_eq!(run(42, 40), run(42, 40));
}

/// Another validator executes what was recorded, and comes to the same.
#[test]
fn a_replay_gives_the_same_root() {
    let mut first = Run::new(43);
    (0..60).for_each(|_| first.block(30).expect("seed 43"));
    let mut again = scene::opened(&first.genesis);
    for (time, wires) in &first.blocks {
        again.execute_block(next(&again, *time), &views(wires));
    }
    assert_eq!(
        root_of(&again.stores().entries()),
        first.tree.seal(&mut plain)
    );
}

/// The auditor must see a receipt that says something else: bits are turned in all that it reads. In the block a sale is cleared
/// that has some bids.
#[test]
fn the_auditor_notices_every_bit_that_is_turned_in_a_receipt() {
    let mut run = Run::new(5);
    (0..20).for_each(|_| run.block(30).expect("seed 5"));
    while !a_sale_is_cleared_next(&run.ledger) {
        run.block(30).expect("seed 5");
    }
    let before = run.auditor.clone();
    let wires = run.generator.block(&run.ledger, 60);
    let time = run.generator.next_time();
    let block = next(&run.ledger, time);
    let txs = views(&wires);
    let outcome = run.ledger.execute_block(block, &txs);
    let bytes: Vec<&[u8]> = txs.iter().map(|(_, tx)| tx.bytes()).collect();
    let good: Vec<Vec<u8>> = outcome.receipts.iter().map(<[u8]>::to_vec).collect();
    let audit = |receipts: &[Vec<u8>]| {
        let mut auditor = before.clone();
        let receipts = receipts.iter().map(Vec::as_slice);
        auditor.block(&block, &bytes, receipts)?;
        auditor.compare(&run.ledger)
    };
    audit(&good).expect("as it was");

    let mut random = Random(6);
    let mut turned = 0;
    while turned < 1_500 {
        let which = random.below(good.len() as u64) as usize;
        let at = random.below(good[which].len() as u64) as usize;
        if is_not_audited(&good[which], at) {
            continue;
        }
        let mut wrong = good.clone();
        wrong[which][at] ^= 1 << random.below(8);
        let place = format!("receipt {which}, byte {at} of {}", good[which].len());
        assert!(
            audit(&wrong).is_err(),
            "{place}: {}",
            hex::encode(&good[which])
        );
        turned += 1;
    }
    // And one that is missing, one too many, two in the wrong order.
    let mut missing = good.clone();
    missing.pop();
    assert!(audit(&missing).is_err());
    let mut twice = good.clone();
    twice.push(good[good.len() - 1].clone());
    assert!(audit(&twice).is_err());
    let mut swapped = good.clone();
    swapped.swap(0, 1);
    assert!(audit(&swapped).is_err());
}

/// Whether a sale with bids took the last of them before this block.
fn a_sale_is_cleared_next(ledger: &Ledger) -> bool {
    let sales = &ledger.stores().read::<Exchange>().sales;
    let now = ledger.block().time;
    let mut all = sales.range(..);
    all.any(|(_, sale)| sale.bids >= 3 && sale.offer.closes <= now)
}

/// Units are the ledger's own measure, a message is for people, and many a code of a refusal is taken at its word.
fn is_not_audited(receipt: &[u8], at: usize) -> bool {
    let own = [65, 9, 4][usize::from(receipt[0])];
    let view = ReceiptView::parse(receipt).expect("a receipt");
    let message = receipt.len() - view.message.len();
    let code = own + 12..own + 15;
    let units = own + 15..own + 23;
    units.contains(&at) || at >= message || !view.code.is_ok() && code.contains(&at)
}

/// Transactions of other senders that touch other accounts and books can change places.
#[test]
fn independent_transactions_can_change_places() {
    for seed in 1..=5 {
        let mut run = Run::new(seed);
        (0..10).for_each(|_| run.block(20).expect("a seed that was run before"));
        let mut random = Random(seed);
        for _ in 0..10 {
            let mut wires = run.generator.block(&run.ledger, 150);
            wires.retain(|wire| touched(wire).is_some_and(|(_, set)| !set.is_everything()));
            let time = run.generator.next_time();
            let mut moved = wires.clone();
            let mut count = 0;
            for _ in 0..2_000 {
                let at = random.below(moved.len() as u64 - 1) as usize;
                if are_independent(&moved[at], &moved[at + 1]) {
                    moved.swap(at, at + 1);
                    count += 1;
                }
            }
            assert!(count > 50, "seed {seed}: only {count} change places");
            let mut other = run.ledger.clone();
            let block = next(&run.ledger, time);
            other.execute_block(block, &views(&moved));
            run.ledger.execute_block(block, &views(&wires));
            let states = [&run.ledger, &other].map(content);
            assert!(
                states[0] == states[1],
                "seed {seed}: order reaches the state"
            );
        }
    }
}

/// Who sent it, and what it says it touches.
fn touched(wire: &[u8]) -> Option<(PublicKey, AccessSet)> {
    let tx = Envelope::parse(wire).ok()?;
    let Payload::Clear(calls) = tx.payload().ok()?.1 else {
        return None;
    };
    let mut set = AccessSet::new();
    for call in calls.iter() {
        Modules::touches(call, &mut set).ok()?;
    }
    Some((tx.sender(), set))
}

fn are_independent(first: &[u8], second: &[u8]) -> bool {
    let both = touched(first).zip(touched(second));
    both.is_some_and(|((one, a), (other, b))| one != other && a.is_disjoint(&b))
}

/// One block of many batches is the same as many blocks of one, as far as no block's end does something of its own.
#[test]
fn batches_can_be_split() {
    for seed in 1..=5 {
        let mut run = Run::new(seed);
        // They hear of blocks, and come up at heights.
        run.generator.instructions = false;
        (0..10).for_each(|_| run.block(20).expect("a seed that was run before"));
        let wires = run.generator.block(&run.ledger, 120);
        let time = Millis(run.generator.now.0 + 1);
        let depends = |wire: &Vec<u8>| {
            let tx = Envelope::parse(wire).ok();
            let payload = tx.and_then(|tx| Some(tx.payload().ok()?.1));
            // A recall goes on in the block behind it.
            let at_height = |c: CallView<'_>| c.module == 4 || (c.module, c.method) == (7, 19);
            matches!(payload, Some(Payload::Clear(calls)) if calls.iter().any(at_height))
        };
        let wires: Vec<Vec<u8>> = wires.into_iter().filter(|wire| !depends(wire)).collect();
        // What is due at this time, and what markets do then, comes first for both.
        let block = next(&run.ledger, time);
        run.ledger.execute_block(block, &[]);
        let mut split = run.ledger.clone();
        let block = next(&run.ledger, time);
        run.ledger.execute_block(block, &views(&wires));
        for part in wires.chunks(7) {
            split.execute_block(next(&split, time), &views(part));
        }
        let states = [&run.ledger, &split].map(content);
        assert!(
            states[0] == states[1],
            "seed {seed}: where a batch ends reaches the state"
        );
    }
}
