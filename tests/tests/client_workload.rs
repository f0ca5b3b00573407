//! Is the workload what the report says: the same from the same seed, and good in whatever order clients are served?

use std::collections::BTreeMap;

use bds_client::Signer;
use bds_contracts::block::{Signature, Validator, ValidatorSet};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::receipt::{EventView, ReceiptView};
use bds_contracts::modules::Modules;
use bds_contracts::tx::Millis;
use bds_contracts::{Code, Genesis, ledger};
use bds_node::workload::random::Random;
use bds_node::workload::{Carbon, Config};

const NOW: Millis = Millis(1_800_000_000_000);

fn config(seed: u64) -> Config {
    Config {
        seed,
        keys: 32,
        clients: 8,
        skew: 0.8,
        instruments: 2,
        day: NOW,
    }
}

fn genesis(carbon: &Carbon) -> Genesis {
    let validators = (1..=4)
        .map(|i| Validator {
            key: Signer::from_seed(&[i; 32]).public_key(),
            weight: 1,
        })
        .collect();
    Genesis {
        validators: ValidatorSet {
            epoch: 0,
            validators,
        },
        ..carbon.genesis()
    }
}

/// `units.Transferred` and so on.
fn name(event: &EventView<'_>) -> String {
    let module = Modules::CATALOG.iter().find(|m| m.id == event.module);
    let module = module.expect("a module of the ledger");
    let event = module.events.iter().find(|e| e.number == event.number);
    format!("{}.{}", module.name, event.expect("one of its events").name)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = |seed| {
        let carbon = Carbon::new(config(seed));
        let genesis = genesis(&carbon);
        genesis.check().expect("a sound document");
        let mut stream = carbon.stream(genesis.chain_id(), 3);
        let bytes: Vec<Vec<u8>> = (0..50).map(|_| stream.next_signed()).collect();
        (genesis, bytes)
    };
    assert_eq!(first(1), first(1));
    let ((genesis_1, bytes_1), (genesis_2, bytes_2)) = (first(1), first(2));
    assert_ne!(genesis_1, genesis_2);
    assert!(bytes_1.iter().all(|bytes| !bytes_2.contains(bytes)));
}

/// Clients are served in an order that the seed draws, batch by batch, and a batch in any order of its senders; every
/// transaction succeeds, every kind occurs, signatures are good, and orders trade.
#[test]
fn everything_succeeds_in_any_order_of_clients() {
    for seed in 1..=5 {
        let carbon = Carbon::new(config(seed));
        let genesis = genesis(&carbon);
        let (mut state, _) = ledger::from_genesis(&genesis).expect("a sound document");
        let mut streams: Vec<_> = (0..8)
            .map(|client| carbon.stream(genesis.chain_id(), client))
            .collect();
        let mut order = Random::new(seed, 99);
        let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
        for height in 1..=400 {
            let client = usize::try_from(order.below(8)).expect("small");
            let mut wires = streams[client].next_batch(50);
            // Neighbours change places, as when a validator takes a part of a batch later.
            for at in 1..wires.len() {
                if order.below(2) == 0 {
                    wires.swap(at - 1, at);
                }
            }
            let txs: Vec<_> = wires
                .iter()
                .map(|wire| {
                    let view = Envelope::parse(wire).expect("well formed");
                    (view.id(), view)
                })
                .collect();
            if height == 1 {
                for (_, view) in &txs {
                    let signature = Signature(*view.signature());
                    assert!(bds_client::ed25519::verify(
                        &view.sender(),
                        view.signed_bytes(),
                        &signature
                    ));
                }
            }
            let block = BlockInfo {
                height,
                time: NOW,
                ..BlockInfo::default()
            };
            let outcome = state.execute_block(block, &txs);
            assert_eq!((outcome.dropped.len(), outcome.tx_count()), (0, 50));
            for bytes in outcome.receipts.iter() {
                let receipt = ReceiptView::parse(bytes).expect("a receipt");
                assert_eq!(
                    receipt.code,
                    Code::OK,
                    "seed {seed}, block {height}: {receipt:?}"
                );
                for event in receipt.events() {
                    *kinds.entry(name(&event)).or_default() += 1;
                }
            }
        }
        for kind in [
            "units.Transferred",
            "units.Issued",
            "units.Spent",
            "money.Transferred",
            "money.Deposited",
            "money.Withdrawn",
            "identity.Endorsed",
            "exchange.Accepted",
            "exchange.Amended",
            "exchange.Reduced",
            "exchange.Traded",
            "exchange.BlockTraded",
            "carbon.CertificateIssued",
            "carbon.ProductionEndorsed",
            "carbon.TradingDataRecorded",
            "carbon.AccessLogged",
        ] {
            assert!(
                kinds.get(kind).is_some_and(|count| *count > 20),
                "seed {seed}: {kind} in {kinds:?}"
            );
        }
        assert!(
            kinds["exchange.Traded"] > 1000,
            "orders are made to trade: {kinds:?}"
        );
    }
}

/// An account that trades without end does not come to its limit of open orders.
#[test]
fn one_buyer_alone_can_go_on() {
    let carbon = Carbon::new(Config {
        keys: 1,
        clients: 1,
        ..config(3)
    });
    let genesis = genesis(&carbon);
    let (mut state, _) = ledger::from_genesis(&genesis).expect("a sound document");
    let mut stream = carbon.stream(genesis.chain_id(), 0);
    for height in 1..=250 {
        let wires = stream.next_batch(50);
        let views = wires.iter().map(|wire| {
            let view = Envelope::parse(wire).expect("well formed");
            (view.id(), view)
        });
        let block = BlockInfo {
            height,
            time: NOW,
            ..BlockInfo::default()
        };
        let outcome = state.execute_block(block, &views.collect::<Vec<_>>());
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).expect("a receipt");
            assert_eq!(receipt.code, Code::OK, "block {height}: {receipt:?}");
        }
    }
}
