//! What executing a block costs: blocks of the carbon workload through the code that a validator runs, roots and all.
//!
//! `cargo run --release -p bds-node --example blocks -- KEYS BLOCKS TRANSACTIONS [BACKEND]`
//!
//! Signatures are not checked here and nothing is stored. Transactions are signed before the clock starts. Prints what a
//! transaction takes in the median block, and how the longest of the blocks at checkpoints, and of those that first name one,
//! compares with the median.
#![allow(clippy::disallowed_types, reason = "a measurement looks at the clock")]
#![allow(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use bds_client::Signer;
use bds_contracts::Genesis;
use bds_contracts::block::{
    BatchDigest, MerkleRoot, Signature, Validator, ValidatorSet, named_checkpoint,
};
use bds_contracts::tx::Millis;
use bds_core::batch::{Batch, BatchHeader, Payload};
use bds_node::engine::Engine;
use bds_node::execution::Execution;
use bds_node::workload::{Carbon, Config};

const NOW: Millis = Millis(1_800_000_000_000);
const LANES: usize = 4;

fn genesis(carbon: &Carbon) -> Genesis {
    let validators = (1..=LANES as u8).map(|i| Validator {
        key: Signer::from_seed(&[i; 32]).public_key(),
        weight: 1,
    });
    Genesis {
        validators: ValidatorSet {
            epoch: 0,
            validators: validators.collect(),
        },
        ..carbon.genesis()
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: usize| {
        arguments
            .get(at)
            .map_or(or, |a| a.parse().expect("a number"))
    };
    let (keys, blocks, count) = (number(0, 256), number(1, 512), number(2, 1_000));
    let backend = arguments.get(3).map_or("auto", String::as_str);
    let carbon = Carbon::new(Config {
        keys,
        clients: LANES.min(keys),
        day: NOW,
        ..Config::default()
    });
    let genesis = genesis(&carbon);
    let chain = genesis.chain_id();
    let engine = Arc::new(Engine::new(backend, 1).expect("this machine has the backend"));
    let mut execution = Execution::from_genesis(&genesis, Arc::clone(&engine)).expect("sound");
    let mut streams: Vec<_> = (0..LANES.min(keys))
        .map(|c| carbon.stream(chain, c))
        .collect();

    let lane = |lane: usize, position: u64, wires: &[Vec<u8>]| {
        let payload = Payload::pack(wires.iter().map(Vec::as_slice));
        Batch {
            header: BatchHeader {
                chain,
                lane: lane as u16,
                position,
                parent: BatchDigest::default(),
                transactions_root: MerkleRoot::default(),
                count: wires.len() as u32,
                bytes: payload.as_bytes().len() as u32,
            },
            signature: Signature([0; 64]),
            payload,
        }
    };
    let slots: Vec<Vec<Batch>> = (1..=blocks as u64)
        .map(|height| {
            let streams = streams.iter_mut().enumerate();
            streams
                .map(|(at, stream)| lane(at, height, &stream.next_batch((count / LANES) as u32)))
                .collect()
        })
        .collect();

    let interval = genesis.checkpoint_interval;
    let (mut all, mut at_checkpoints, mut executed) = (Vec::new(), Vec::new(), 0);
    for (height, batches) in (1..).zip(&slots) {
        let start = Instant::now();
        let done = execution.apply(height, Millis(NOW.0 + height), batches);
        let took = start.elapsed().as_nanos() as u64;
        executed += u64::from(done.header.tx_count);
        let first_names =
            named_checkpoint(height, interval) != named_checkpoint(height - 1, interval);
        if height.is_multiple_of(interval) || first_names {
            at_checkpoints.push(took);
        }
        all.push(took);
    }
    let total: u64 = all.iter().sum();
    all.sort_unstable();
    let median = all[all.len() / 2];
    let longest = at_checkpoints.iter().max().copied().unwrap_or(0);
    println!(
        "{keys} keys, {blocks} blocks of {count}, {}: {executed} executed, median {:.0} ns a transaction, mean {:.0}; median block \
         {} us, 99th of a hundred {} us, longest at a checkpoint {} us = {:.2} medians",
        engine.name(),
        median as f64 / count as f64,
        total as f64 / executed as f64,
        median / 1_000,
        all[all.len() * 99 / 100] / 1_000,
        longest / 1_000,
        longest as f64 / median as f64,
    );
    println!("head {}", execution.place().header.digest());
}
