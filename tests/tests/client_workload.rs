//! Is the workload what the report says: the same from the same seed, and good in whatever order clients are served?

use std::collections::BTreeMap;

use bds_client::Signer;
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::tx::{Millis, TxView};
use bds_contracts::{Code, Genesis, State};
use bds_node::workload::random::Random;
use bds_node::workload::{Carbon, CarbonConfig};

const NOW: Millis = Millis(1_800_000_000_000);

fn config(seed: u64) -> CarbonConfig {
    CarbonConfig {
        seed,
        keys: 32,
        clients: 8,
        skew: 0.8,
        transfers_only: false,
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

/// Clients are served in an order that the seed draws, batch by batch; every transaction succeeds, every kind occurs,
/// signatures are good, and orders trade.
#[test]
fn everything_succeeds_in_any_order_of_clients() {
    for seed in 1..=5 {
        let carbon = Carbon::new(config(seed));
        let genesis = genesis(&carbon);
        let mut state = State::from_genesis(&genesis).expect("a sound document");
        let mut streams: Vec<_> = (0..8)
            .map(|client| carbon.stream(genesis.chain_id(), client))
            .collect();
        let mut order = Random::new(seed, 99);
        let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
        for height in 1..=200 {
            let client = usize::try_from(order.below(8)).expect("small");
            let wires: Vec<Vec<u8>> = (0..50).map(|_| streams[client].next_signed()).collect();
            let txs: Vec<_> = wires
                .iter()
                .map(|wire| {
                    let view = TxView::parse(wire).expect("well formed");
                    (view.id(), view)
                })
                .collect();
            if height == 1 {
                for (_, view) in &txs {
                    let signature = bds_contracts::block::Signature(*view.signature());
                    assert!(bds_client::ed25519::verify(
                        &view.sender(),
                        view.signed_bytes(),
                        &signature
                    ));
                }
            }
            let outcome = state.execute_block(height, NOW, &txs);
            assert_eq!((outcome.dropped, outcome.receipts.len()), (0, 50));
            for receipt in outcome.receipts {
                assert_eq!(
                    receipt.code,
                    Code::OK,
                    "seed {seed}, block {height}: {receipt:?}"
                );
                for event in &receipt.events {
                    let name = format!("{event:?}");
                    let name = name.split([' ', '(']).next().expect("a name").to_owned();
                    *kinds.entry(name).or_default() += 1;
                }
            }
        }
        for kind in [
            "Transferred",
            "OrderPlaced",
            "OrderReduced",
            "Traded",
            "Retired",
            "Surrendered",
            "Issued",
            "Cancelled",
            "Deposited",
            "Withdrawn",
        ] {
            assert!(
                kinds.get(kind).is_some_and(|count| *count > 20),
                "seed {seed}: {kind} in {kinds:?}"
            );
        }
        assert!(
            kinds["Traded"] > 1000,
            "orders are made to trade: {kinds:?}"
        );
    }
}
