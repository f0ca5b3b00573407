//! `bds-cost STAGE COUNT`: one stage of the way of a transaction, for whoever counts its instructions.
//!
//! Everything is made ready for all transactions, whatever COUNT is, and then the stage is run for the first COUNT of them: what two runs
//! differ by is the stage's. `cargo xtask cost` counts under callgrind, which knows no AVX-512: AVX2 is the widest that is used.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use bds_client::Signer;
use bds_contracts::block::{BatchDigest, MerkleRoot, Signature, Validator, ValidatorSet};
use bds_contracts::genesis::{Genesis, Mode};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::tx::{ChainId, Millis};
use bds_core::batch::{Batch, BatchHeader, Payload};
use bds_node::engine::{Check, Engine};
use bds_node::execution::{Execution, transactions_root};
use bds_node::workload::{Carbon, Config};

/// Transactions that are made ready.
const ALL: usize = 4_096;
/// Transactions of a block.
const BLOCK: usize = 512;
/// 2027-01-15: no figure depends on the day it is taken.
const DAY: Millis = Millis(1_800_000_000_000);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stage, count] = arguments.as_slice() else {
        bail!("usage: bds-cost admit|verify|root|execute COUNT");
    };
    let count: usize = count.parse().context("COUNT is no number")?;
    ensure!(count <= ALL, "at most {ALL} transactions");

    let backend = if bds_engine::by_name("avx2").is_ok() {
        "avx2"
    } else {
        "portable"
    };
    let engine = Arc::new(Engine::new(backend, 1)?);
    let carbon = Carbon::new(Config {
        keys: 64,
        clients: 1,
        day: DAY,
        ..Config::default()
    });
    let validator = Validator {
        key: Signer::from_seed(&[1; 32]).public_key(),
        weight: 1,
    };
    let genesis = Genesis {
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![validator],
        },
        ..carbon.genesis()
    };
    let chain = genesis.chain_id();
    let mut execution = Execution::from_genesis(&genesis, Arc::clone(&engine))?;
    let mut stream = Carbon::stream(&carbon, chain, 0);
    let all: Vec<Vec<u8>> = (0..ALL / BLOCK)
        .flat_map(|_| stream.next_batch(BLOCK as u32))
        .collect();
    let wires: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    let batches: Vec<Batch> = (1..)
        .zip(wires.chunks(BLOCK))
        .map(|(position, wires)| batch(chain, position, wires))
        .collect();
    let views = wires.iter().map(|wire| Envelope::parse(wire));
    let views: Vec<Envelope<'_>> = views
        .collect::<Result<_, _>>()
        .map_err(|code| anyhow::anyhow!("the workload makes no transaction: {code:?}"))?;

    match stage.as_str() {
        "admit" => {
            let signed: Vec<&[u8]> = views[..count].iter().map(Envelope::signed_bytes).collect();
            let ids = engine.sha512(&signed);
            let ledger = execution.ledger();
            let ledger = ledger.read().expect("nobody else has it");
            let block = BlockInfo {
                time: DAY,
                ..*ledger.block()
            };
            for (wire, id) in wires.iter().zip(ids) {
                let view = Envelope::parse(wire).expect("well formed");
                // What is refused for its nonce, since nothing before it was executed, is looked at as far.
                let _ = ledger.admit(&block, &bds_contracts::tx::TxId(id), &view);
            }
        }
        "verify" => {
            let checks: Vec<Check<'_>> = views[..count]
                .iter()
                .map(|view| (view.sender_bytes(), view.signature(), view.signed_bytes()))
                .collect();
            for checks in checks.chunks(BLOCK) {
                ensure!(engine.verify(checks).iter().all(|valid| *valid), "invalid");
            }
        }
        "root" => {
            for wires in wires[..count].chunks(BLOCK) {
                std::hint::black_box(transactions_root(&engine, Mode::Verified, wires));
            }
        }
        "execute" => {
            for (height, batch) in (1..).zip(&batches[..count / BLOCK]) {
                let time = Millis(DAY.0 + height);
                let done = execution.apply(height, time, std::slice::from_ref(batch));
                ensure!(done.dropped.is_empty(), "a transaction left no trace");
            }
        }
        other => bail!("there is no stage `{other}`"),
    }
    Ok(())
}

fn batch(chain: ChainId, position: u64, wires: &[&[u8]]) -> Batch {
    let payload = Payload::pack(wires.iter().copied());
    let small = |n: usize| u32::try_from(n).expect("a block is small");
    Batch {
        header: BatchHeader {
            chain,
            lane: 0,
            position,
            parent: BatchDigest::default(),
            transactions_root: MerkleRoot::default(),
            count: small(wires.len()),
            bytes: small(payload.as_bytes().len()),
        },
        signature: Signature([0; 64]),
        payload,
    }
}
