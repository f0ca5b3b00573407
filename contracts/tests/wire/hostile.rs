//! Bytes from anyone: every decoder refuses them or gives a value that is written as the same bytes, and none panics.

use std::sync::LazyLock;

use bds_contracts::Genesis;
use bds_contracts::block::{BlockHeader, CertifiedHeader, Signatures, Statement};
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::changes::plain;
use bds_contracts::kernel::envelope::{Envelope, Payload};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::proof::{ChangeProof, StateProof};
use bds_contracts::kernel::receipt::{ReceiptView, Receipts};
use bds_contracts::kernel::tree::Tree;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::modules::Modules;
use bds_contracts::receipt::ReceiptProof;
use borsh::{BorshDeserialize, BorshSerialize};
use proptest::prelude::*;

use super::samples::{busy_ledger, certified, execute, genesis, ledger, order, transfer};

/// One valid value of every format, and which decoder of the fuzz target `decoders` reads it.
struct Samples {
    ledger: Ledger,
    all: Vec<(u8, Vec<u8>)>,
}

static SAMPLES: LazyLock<Samples> = LazyLock::new(|| {
    let outcome = execute(&mut ledger(), &[order(), transfer()]);
    let leaves = outcome.changes.leaf_hashes(&mut plain);
    let key = outcome
        .changes
        .iter()
        .next()
        .expect("something changed")
        .key;
    let mut tree = Tree::new();
    tree.note(&outcome.changes, &leaves);
    tree.seal(&mut plain);
    let receipts: Vec<Vec<u8>> = outcome.receipts.iter().map(<[u8]>::to_vec).collect();
    let certified = certified();
    let proof = ReceiptProof {
        receipt: receipts[0].clone(),
        path: vec![],
        block: certified.clone(),
    };
    let change = outcome.changes.prove(&leaves, key, &mut plain);
    let mut all = vec![
        (2, borsh::to_vec(&certified.signatures).unwrap()),
        (3, borsh::to_vec(&certified).unwrap()),
        (4, borsh::to_vec(&proof).unwrap()),
        (5, borsh::to_vec(&genesis()).unwrap()),
        (6, borsh::to_vec(&tree.prove(key)).unwrap()),
        (7, borsh::to_vec(&change).unwrap()),
        (8, order()),
        (8, transfer()),
        (10, busy_ledger().stores().snapshot()),
        (12, outcome.receipts.bytes().to_vec()),
    ];
    all.extend(receipts.into_iter().map(|receipt| (12, receipt)));
    Samples {
        ledger: ledger(),
        all,
    }
});

fn one_encoding<T: BorshDeserialize + BorshSerialize>(bytes: &[u8]) -> Option<T> {
    let value = borsh::from_slice::<T>(bytes).ok()?;
    assert_eq!(
        borsh::to_vec(&value).unwrap(),
        bytes,
        "two encodings of one value"
    );
    Some(value)
}

fn transaction(bytes: &[u8]) {
    let Ok(tx) = Envelope::parse(bytes) else {
        return;
    };
    assert_eq!(tx.signed_bytes().len() + 64, bytes.len());
    if let Ok((_, Payload::Clear(calls))) = tx.payload() {
        assert_eq!(calls.iter().count(), usize::from(calls.count()));
        for call in calls.iter() {
            let _ = Modules::touches(call, &mut AccessSet::new());
        }
    }
    let mut ledger = SAMPLES.ledger.clone();
    let _ = ledger.admit(ledger.block(), &tx.id(), &tx);
    let outcome = execute(&mut ledger, &[bytes.to_vec()]);
    assert_eq!(outcome.tx_count() as usize + outcome.dropped.len(), 1);
    for receipt in outcome.receipts.iter() {
        ReceiptView::parse(receipt).expect("its own receipt");
    }
}

fn receipts(bytes: &[u8]) {
    if let Ok(view) = ReceiptView::parse(bytes) {
        view.events().for_each(|event| {
            let _ = bds_contracts::kernel::describe::event_accounts::<Modules>(&event);
        });
    }
    if let Ok(all) = Receipts::parse(bytes.to_vec()) {
        assert_eq!(all.iter().map(<[u8]>::len).sum::<usize>(), bytes.len());
        assert_eq!(all.views().count(), all.len());
    }
}

fn snapshot(bytes: &[u8]) {
    if let Ok(ledger) = ledger::restore(&genesis(), *SAMPLES.ledger.block(), bytes) {
        let again = ledger.stores().snapshot();
        assert!(again == bytes, "a snapshot read is the snapshot written");
    }
}

/// Every decoder there is.
fn feed(bytes: &[u8]) {
    transaction(bytes);
    receipts(bytes);
    snapshot(bytes);
    one_encoding::<BlockHeader>(bytes);
    one_encoding::<CertifiedHeader>(bytes);
    one_encoding::<Signatures>(bytes);
    one_encoding::<ReceiptProof>(bytes);
    one_encoding::<Statement>(bytes);
    if let Some(document) = one_encoding::<Genesis>(bytes) {
        let _ = document.check();
    }
    if let Some(proof) = one_encoding::<StateProof>(bytes) {
        assert!(!proof.verify(&[7; 32], b"key", Some(b"value")));
    }
    if let Some(proof) = one_encoding::<ChangeProof>(bytes) {
        assert_eq!(proof.verify(&[7; 32], b"key"), None);
    }
}

/// With `FUZZ_SEEDS` they are written there as well, for that target to start from (`tests/fuzz/README.md`).
#[test]
fn valid_samples_are_read() {
    let dir = std::env::var_os("FUZZ_SEEDS").map(std::path::PathBuf::from);
    for (place, (decoder, sample)) in SAMPLES.all.iter().enumerate() {
        feed(sample);
        if let Some(dir) = &dir {
            std::fs::create_dir_all(dir).unwrap();
            let seed = [&[*decoder], sample.as_slice()].concat();
            std::fs::write(dir.join(format!("ledger{place}")), seed).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        feed(&bytes);
    }

    /// Samples with bytes replaced, and cut or with something behind them.
    #[test]
    fn changed_samples_are_read_or_refused(
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in prop::option::of(any::<prop::sample::Index>()),
        behind in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let mut bytes = sample.get(&SAMPLES.all).1.clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(length) = length {
            bytes.truncate(length.index(bytes.len()));
        }
        bytes.extend(behind);
        feed(&bytes);
    }
}
