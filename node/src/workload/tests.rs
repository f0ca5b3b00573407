//! Does every transaction of every scenario succeed, whatever becomes of the order?

use std::collections::{BTreeMap, VecDeque};

use bds_client::Signer;
use bds_contracts::block::{Signature, Validator};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::ledger::{Ledger, from_genesis};
use bds_contracts::retail::goods::Verdict;
use bds_contracts::retail::{self, Retail};
use bds_contracts::tx::{ChainId, Millis};
use bds_contracts::{Code, Genesis};

use super::random::Random;
use super::{Config, Scenario, Stream, Workload};
use crate::measure::happened::name;

const NOW: Millis = Millis(1_800_000_000_000);
const CLIENTS: usize = 4;
const BATCH: u32 = 60;

fn config(seed: u64) -> Config {
    Config {
        seed,
        keys: 16,
        clients: CLIENTS,
        skew: 0.8,
        instruments: 3,
        day: NOW,
    }
}

/// A ledger that counts what happens on it.
struct Played {
    ledger: Ledger,
    chain: ChainId,
    time: Millis,
    kinds: BTreeMap<String, u32>,
}

impl Played {
    /// Begins, and does what is done before the load.
    fn new(workload: &dyn Workload) -> Self {
        let mut genesis: Genesis = workload.genesis();
        genesis.validators.validators.push(Validator {
            key: Signer::from_seed(&[1; 32]).public_key(),
            weight: 1,
        });
        let (ledger, _) = from_genesis(&genesis).expect("a sound document");
        let mut played = Self {
            ledger,
            chain: genesis.chain_id(),
            time: NOW,
            kinds: BTreeMap::new(),
        };
        let (opening, last) = (
            workload.opening(played.chain),
            workload.last(played.chain, NOW),
        );
        for wires in opening.chunks(50).chain(last.chunks(50)) {
            played.execute(wires);
        }
        // What was done before the load is none of its own.
        played.kinds.clear();
        played
    }

    /// One block, in which every transaction must succeed.
    fn execute(&mut self, wires: &[Vec<u8>]) {
        self.time.0 += 7;
        let block = BlockInfo {
            height: self.ledger.block().height + 1,
            time: self.time,
            ..BlockInfo::default()
        };
        let views = wires.iter().map(|wire| {
            let view = Envelope::parse(wire).expect("well formed");
            (view.id(), view)
        });
        let outcome = self.ledger.execute_block(block, &views.collect::<Vec<_>>());
        assert_eq!(outcome.dropped.len(), 0, "block {}", block.height);
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).expect("a receipt");
            assert_eq!(receipt.code, Code::OK, "{receipt:?}");
            for event in receipt.events() {
                let kind = name(event.module, event.number);
                *self.kinds.entry(kind).or_default() += 1;
                if event.module == Retail::ID
                    && let Ok(retail::Event::TagVerified { verdict, .. }) =
                        retail::Event::decode(event.number, event.fields)
                {
                    assert_eq!(verdict, Verdict::Genuine, "{receipt:?}");
                }
            }
        }
    }

    fn count(&self, kind: &str) -> u32 {
        self.kinds.get(kind).copied().unwrap_or(0)
    }
}

/// Clients are served in an order that is drawn, and a batch in an order that is drawn and in pieces: a part is
/// put off to a later block, between which others may be served. A client sends its next batch when nothing of its last one is
/// open.
fn play(played: &mut Played, streams: &mut [Box<dyn Stream + Send + '_>], rounds: u64, seed: u64) {
    let mut order = Random::new(seed, 99);
    let mut open: Vec<VecDeque<Vec<u8>>> = streams.iter().map(|_| VecDeque::new()).collect();
    for round in 0..rounds {
        let clients = streams.len() as u64;
        let client = usize::try_from(order.below(clients)).expect("small");
        if open[client].is_empty() {
            let batch = streams[client].next_batch(BATCH);
            let mut wires: Vec<Vec<u8>> = batch
                .into_iter()
                .map(|wire| wire.bytes(played.time))
                .collect();
            for at in (1..wires.len()).rev() {
                let other = usize::try_from(order.below(at as u64 + 1)).expect("small");
                wires.swap(at, other);
            }
            if round == 0 {
                let view = Envelope::parse(&wires[0]).expect("well formed");
                let signature = Signature(*view.signature());
                let (sender, bytes) = (view.sender(), view.signed_bytes());
                assert!(bds_client::ed25519::verify(&sender, bytes, &signature));
            }
            open[client].extend(wires);
        }
        let some = 1 + order.below(2 * u64::from(BATCH));
        let some = usize::try_from(some)
            .expect("small")
            .min(open[client].len());
        let now: Vec<Vec<u8>> = open[client].drain(..some).collect();
        played.execute(&now);
    }
}

fn run(scenario: Scenario, seed: u64, rounds: u64) -> Played {
    let workload = scenario.workload(config(seed));
    let mut played = Played::new(workload.as_ref());
    let mut streams: Vec<_> = (0..CLIENTS)
        .map(|client| workload.stream(played.chain, client))
        .collect();
    play(&mut played, &mut streams, rounds, seed);
    played
}

const VPP_KINDS: &[&str] = &[
    "energy.VppSessionOpened",
    "energy.VppJoined",
    "energy.VppLeft",
    "energy.RunningTotal",
    "energy.MeterRead",
    "energy.BalanceDeclared",
    "granular.Issued",
    "granular.Transferred",
    "granular.Claimed",
];
const RETAIL_KINDS: &[&str] = &[
    "retail.ProductRegistered",
    "retail.StepOffered",
    "retail.ProductMoved",
    "retail.SaleOffered",
    "retail.ProductSold",
    "retail.TagVerified",
    "retail.EventRecorded",
    "retail.SensorReported",
    "retail.Packed",
    "retail.Unpacked",
    "retail.Transformed",
    "retail.LotCreated",
];
const CARBON_KINDS: &[&str] = &[
    "units.Transferred",
    "exchange.Traded",
    "carbon.CertificateIssued",
];
/// What takes more batches than a part of the mix makes.
const CARBON_LOG_KINDS: &[&str] = &["carbon.TradingDataRecorded", "carbon.AccessLogged"];

fn assert_happened(played: &Played, kinds: &[&str]) {
    for kind in kinds {
        assert!(played.count(kind) >= 5, "{kind} in {:?}", played.kinds);
    }
}

#[test]
fn every_scenario_succeeds_in_any_order() {
    for seed in 1..=3 {
        let vpp = run(Scenario::Vpp, seed, 400);
        assert_happened(&vpp, VPP_KINDS);
        let retail = run(Scenario::Retail, seed, 400);
        assert_happened(&retail, RETAIL_KINDS);
        assert_eq!(retail.count("retail.CounterfeitSuspected"), 0);
        let mixed = run(Scenario::Mixed, seed, 600);
        for kinds in [VPP_KINDS, RETAIL_KINDS, CARBON_KINDS] {
            assert_happened(&mixed, kinds);
        }
        let carbon = run(Scenario::Carbon, seed, 400);
        assert_happened(&carbon, CARBON_KINDS);
        assert_happened(&carbon, CARBON_LOG_KINDS);
        let transfers = run(Scenario::Transfers, seed, 100);
        let moved = ["units.Transferred", "units.SelfTransferred"];
        let all: u32 = moved.iter().map(|kind| transfers.count(kind)).sum();
        assert_eq!(transfers.kinds.values().sum::<u32>(), all);
    }
}

/// Sessions of the opening close while the load runs, and each becomes a plant.
#[test]
fn plants_form_on_the_way() {
    let workload = Scenario::Vpp.workload(config(1));
    let mut played = Played::new(workload.as_ref());
    assert_eq!(played.count("energy.VppFormed"), 0);
    played.time.0 += 20_000;
    let mut streams = [workload.stream(played.chain, 0)];
    play(&mut played, &mut streams, 20, 1);
    assert_eq!(played.count("energy.VppFormed"), 6);
    // 15 members offer twice what is required.
    assert_eq!(played.count("energy.Allocated"), 6 * 8);
    assert_eq!(played.count("energy.VppNotFormed"), 0);
}

/// The fewest keys there can be: nobody has anyone to trade, join or hand over with.
#[test]
fn one_key_alone_can_go_on() {
    let alone = Config {
        keys: 1,
        clients: 1,
        ..config(1)
    };
    for scenario in [Scenario::Vpp, Scenario::Retail, Scenario::Mixed] {
        let workload = scenario.workload(alone);
        let mut played = Played::new(workload.as_ref());
        let mut streams = [workload.stream(played.chain, 0)];
        play(&mut played, &mut streams, 60, 1);
    }
}

/// Everything but the time of what says when it happened follows from the seed, and the shares come to the whole.
#[test]
fn the_same_seed_gives_the_same_bytes() {
    for scenario in [Scenario::Vpp, Scenario::Retail, Scenario::Mixed] {
        let first = |seed| {
            let workload = scenario.workload(config(seed));
            assert_eq!(workload.mix().values().sum::<u32>(), 1000, "{scenario:?}");
            let chain = workload.genesis().chain_id();
            let mut stream = workload.stream(chain, 1);
            let batch = stream.next_batch(40);
            let wires = batch.into_iter().map(|wire| wire.bytes(NOW));
            (
                chain,
                workload.opening(chain),
                workload.last(chain, NOW),
                wires.collect::<Vec<_>>(),
            )
        };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1).3, first(2).3);
    }
}
