//! Whether lane batches of peers are what their headers say, with every client signature good.
//!
//! One thread takes whatever has arrived: the more batches wait, the more signatures share an engine call, and the
//! cheaper each becomes. An idle node checks a batch at once; nothing ever waits for company.

use bds_contracts::genesis::Mode;
use bds_contracts::kernel::envelope::Envelope;
use bds_core::batch::Batch;
use bds_core::turn::{Input, Verdict};
use crossbeam::channel::{Receiver, Sender};

use crate::engine::{Check, Engine};
use crate::execution::transactions_root;

/// Transactions gathered into one engine call; a single larger batch is taken whole.
const GATHER_TRANSACTIONS_MAX: usize = 4096;

/// Serves until the core is gone. Batches waiting are as many as the core asked about, and it bounds those.
pub fn run(engine: &Engine, mode: Mode, batches: &Receiver<Batch>, answers: &Sender<Input>) {
    while let Ok(first) = batches.recv() {
        let mut count = first.header.count as usize;
        let mut gathered = vec![first];
        while count < GATHER_TRANSACTIONS_MAX
            && let Ok(next) = batches.try_recv()
        {
            count += next.header.count as usize;
            gathered.push(next);
        }
        let verdicts = check_batches(engine, mode, &gathered);
        for (batch, verdict) in gathered.iter().zip(verdicts) {
            let digest = batch.header.digest();
            // The core is gone only when the node stops: then nobody needs the answer.
            let _ = answers.send(Input::Verified { digest, verdict });
        }
    }
}

/// One verdict a batch: whether its payload is the header's, and (in verified mode) whether every transaction in it has the
/// right form and signature.
///
/// The author's own signature is the core's business. One bad transaction makes its whole batch bad: an honest author
/// has checked each before sealing. Batches do not influence each other.
#[must_use]
pub fn check_batches(engine: &Engine, mode: Mode, batches: &[Batch]) -> Vec<Verdict> {
    let contents: Vec<Option<Vec<&[u8]>>> =
        batches.iter().map(|b| contents(engine, mode, b)).collect();
    // Of what the header names, the transactions that have the form of one.
    let views: Vec<Option<Vec<Envelope<'_>>>> = contents
        .iter()
        .map(|wires| match wires {
            Some(wires) if mode == Mode::Verified => wires
                .iter()
                .map(|wire| Envelope::parse(wire).ok())
                .collect(),
            _ => Some(Vec::new()),
        })
        .collect();
    let checks: Vec<Check<'_>> = views
        .iter()
        .flatten()
        .flatten()
        .map(|view| (view.sender_bytes(), view.signature(), view.signed_bytes()))
        .collect();
    let mut verdicts = engine.verify(&checks).into_iter();
    let mut all_valid = |count: usize| {
        // Every verdict of the batch is taken, also after a bad one.
        verdicts.by_ref().take(count).filter(|valid| !valid).count() == 0
    };
    contents
        .iter()
        .zip(&views)
        .map(|(contents, views)| match (contents, views) {
            (None, _) => Verdict::Altered,
            (Some(_), Some(views)) if all_valid(views.len()) => Verdict::Valid,
            (Some(_), _) => Verdict::Forged,
        })
        .collect()
}

/// The transactions, if count, length and root are the header's.
fn contents<'a>(engine: &Engine, mode: Mode, batch: &'a Batch) -> Option<Vec<&'a [u8]>> {
    let wires = batch.payload.transactions()?;
    let header = &batch.header;
    let right = wires.len() == header.count as usize
        && batch.payload.as_bytes().len() == header.bytes as usize
        && transactions_root(engine, mode, &wires) == header.transactions_root;
    right.then_some(wires)
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{BatchDigest, MerkleRoot, Signature};
    use bds_contracts::tx::ChainId;
    use bds_core::batch::{BatchHeader, Payload};
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    /// A batch of signed transactions; the call is not looked at here.
    fn batch(engine: &Engine, lane: u16, count: usize) -> Batch {
        let wires: Vec<Vec<u8>> = (0..count)
            .map(|i| {
                let key = SigningKey::from_bytes(&[i as u8 % 5 + 1; 32]);
                let mut bytes = vec![lane as u8; 140];
                bytes[..8].copy_from_slice(&bds_contracts::kernel::envelope::TX_DOMAIN);
                bytes[40..72].copy_from_slice(key.verifying_key().as_bytes());
                bytes[72..80].copy_from_slice(&(i as u64).to_le_bytes());
                let signature = key.sign(&bytes);
                bytes.extend_from_slice(&signature.to_bytes());
                bytes
            })
            .collect();
        let wires: Vec<&[u8]> = wires.iter().map(Vec::as_slice).collect();
        let payload = Payload::pack(wires.iter().copied());
        let header = BatchHeader {
            chain: ChainId([1; 32]),
            lane,
            position: 1,
            parent: BatchDigest::default(),
            transactions_root: MerkleRoot(engine.root(&wires)),
            count: count as u32,
            bytes: payload.as_bytes().len() as u32,
        };
        Batch {
            header,
            signature: Signature([0; 64]),
            payload,
        }
    }

    #[test]
    fn one_bad_batch_among_good_ones_is_the_only_one_refused() {
        let engine = Engine::new("portable", 1).unwrap();
        for bad in 0..4 {
            let mut batches: Vec<Batch> = (0..4)
                .map(|lane| batch(&engine, lane, 30 + usize::from(lane)))
                .collect();
            let found = |batches: &[Batch]| check_batches(&engine, Mode::Verified, batches);
            let only = |verdict| -> Vec<Verdict> {
                let at = |i| if i == bad { verdict } else { Verdict::Valid };
                (0..4).map(at).collect()
            };
            assert_eq!(found(&batches), [Verdict::Valid; 4]);

            // A signature, with everything else right about the batch.
            let mut bytes = batches[bad].payload.as_bytes().to_vec();
            let last = bytes.len() - 70;
            bytes[last] ^= 1;
            let good = batches[bad].clone();
            batches[bad].payload = Payload::from_bytes(bytes);
            let root = engine.root(&batches[bad].payload.transactions().unwrap());
            batches[bad].header.transactions_root = MerkleRoot(root);
            assert_eq!(found(&batches), only(Verdict::Forged));

            // Bytes that are no transaction, named by the header.
            batches[bad] = good.clone();
            batches[bad].payload = Payload::pack([[1, 2, 3].as_slice()]);
            batches[bad].header.count = 1;
            batches[bad].header.bytes = batches[bad].payload.as_bytes().len() as u32;
            let root = engine.root(&[&[1, 2, 3]]);
            batches[bad].header.transactions_root = MerkleRoot(root);
            assert_eq!(found(&batches), only(Verdict::Forged));

            // Root, count, length, packing: not what the header names.
            for change in [
                (|b: &mut Batch| b.header.transactions_root.0[3] ^= 1) as fn(&mut Batch),
                |b| b.header.count += 1,
                |b| b.header.bytes -= 1,
                |b| b.payload = Payload::from_bytes(vec![9, 0, 0, 0, 1]),
            ] {
                batches[bad] = good.clone();
                change(&mut batches[bad]);
                assert_eq!(found(&batches), only(Verdict::Altered));
            }
            batches[bad] = good;
        }
    }
}
