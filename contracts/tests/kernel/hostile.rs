//! Bytes that nobody honest sends: every decoder refuses them, nothing panics, nothing grows.

use bds_contracts::Code;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::envelope::{CallView, Envelope, EnvelopeError, Payload, TX_BYTES_MIN};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Modules;
use bds_contracts::kernel::proof::{ChangeProof, StateProof};
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::store::SnapshotError;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{Millis, TX_BYTES_MAX};

use super::escrow::{self, Escrow};
use super::purse::{self, Purse};
use super::stage::{
    ANNA, BERT, CHAIN, Ledger, Random, block, codes, draft, execute, machine, wire,
};

const NUMBERS: [u64; 4] = [1, 2, 3, u64::MAX];

fn open() -> escrow::Call<'static> {
    escrow::Call::Open {
        number: u64::MAX,
        to: BERT,
        points: 1,
        until: Millis(u64::MAX),
        note: "ein Fass Öl",
    }
}

fn transaction() -> Vec<u8> {
    let all = escrow::Call::ReleaseAll {
        numbers: List::Items(&NUMBERS),
    };
    wire(
        &draft(ANNA, 0)
            .call::<Escrow>(&open())
            .call::<Escrow>(&all)
            .call::<Purse>(&purse::Call::Pay {
                to: BERT,
                points: 0,
            }),
    )
}

/// The same bytes cut at every place, with one more, and with every byte changed.
fn variants(bytes: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..bytes.len()).map(|n| bytes[..n].to_vec()).collect();
    all.push([bytes, &[0]].concat());
    for at in 0..bytes.len() {
        for value in [0, 0xff, random.below(256) as u8] {
            let mut changed = bytes.to_vec();
            changed[at] = value;
            all.push(changed);
        }
        if at + 8 <= bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at..at + 8].fill(0xff);
            all.push(changed);
        }
    }
    all
}

#[test]
fn version_1_is_refused_by_name() {
    let mut old = transaction();
    old[..8].copy_from_slice(b"BDS-TX\0\x01");
    let error = Envelope::parse(&old).unwrap_err();
    assert_eq!(error, EnvelopeError::Version1);
    assert!(error.to_string().contains("version-1"));
    assert_eq!(Code::from(error), Code::WRONG_VERSION);
    // A short one of version 1 as well.
    assert_eq!(
        Envelope::parse(&old[..TX_BYTES_MIN - 1]),
        Err(EnvelopeError::Version1)
    );
    old[..8].fill(0);
    assert_eq!(Envelope::parse(&old), Err(EnvelopeError::WrongDomain));
    let long = vec![0; TX_BYTES_MAX + 1];
    assert_eq!(
        Envelope::parse(&long),
        Err(EnvelopeError::TooLong { bytes: long.len() })
    );
    for version in [1, 2] {
        let mut old = *b"BDS-SN\0\x00 and more";
        old[7] = version;
        let limits = Limits::default();
        let refused =
            Machine::<Ledger>::restore(CHAIN, Profile::Private, limits, block(0), &old).err();
        assert_eq!(refused, Some(SnapshotError::Older(version)));
    }
}

#[test]
fn a_sealed_payload_is_carried_and_refused_with_its_code() {
    let mut bytes = draft(ANNA, 0).sealed_bytes(4, b"nobody can read this, and it is long enough");
    bytes.extend([0; 64]);
    let tx = Envelope::parse(&bytes).unwrap();
    assert!(matches!(
        tx.payload().unwrap().1,
        Payload::Sealed { epoch: 4, .. }
    ));
    let mut machine = machine();
    assert_eq!(
        codes(&execute(&mut machine, &[bytes])),
        [Code::PAYLOAD_SEALED]
    );
}

/// Whatever the bytes behind the fixed part are, the nonce is used, there is one receipt, and the ledger goes on.
#[test]
fn transactions_of_any_bytes_are_executed_or_refused() {
    let good = transaction();
    let mut random = Random(3);
    for bytes in variants(&good, &mut random) {
        let Ok(tx) = Envelope::parse(&bytes) else {
            continue;
        };
        let mut machine = machine();
        let _ = machine.admit(&block(1), &tx.id(), &tx);
        let outcome = machine.execute_block(block(1), &[(tx.id(), tx)]);
        assert_eq!(outcome.tx_count() as usize + outcome.dropped.len(), 1);
        for receipt in outcome.receipts.iter() {
            ReceiptView::parse(receipt).unwrap();
        }
    }
    // Bytes that mean nothing at all behind a good head.
    for _ in 0..2_000 {
        let mut bytes = good[..104].to_vec();
        let length = 75 + random.below(300);
        bytes.extend((0..length).map(|_| random.below(256) as u8));
        let tx = Envelope::parse(&bytes).unwrap();
        let outcome = machine().execute_block(block(1), &[(tx.id(), tx)]);
        assert_eq!(outcome.tx_count(), 1);
    }
}

#[test]
fn arguments_of_any_bytes_decode_in_one_way_or_not_at_all() {
    let mut random = Random(5);
    let bytes = transaction();
    let tx = Envelope::parse(&bytes).unwrap();
    let Payload::Clear(calls) = tx.payload().unwrap().1 else {
        panic!("clear calls");
    };
    for call in calls.iter() {
        let mut refused = 0;
        for arguments in variants(call.arguments, &mut random) {
            let call = CallView {
                arguments: &arguments,
                ..call
            };
            match Ledger::touches(call, &mut AccessSet::new()) {
                // What decodes is encoded to the very same bytes.
                Ok(()) if call.module == 60 => {
                    use bds_contracts::kernel::module::Calls as _;
                    let mut reader = bds_contracts::kernel::wire::Reader::new(&arguments);
                    let decoded = escrow::Call::decode(call.method, &mut reader).unwrap();
                    let mut again = Vec::new();
                    decoded.encode(&mut again);
                    assert_eq!(again, arguments);
                }
                Ok(()) => {}
                Err(code) => {
                    assert_eq!(code, Code::MALFORMED);
                    refused += 1;
                }
            }
        }
        assert!(
            refused > call.arguments.len(),
            "cut, and with one byte more"
        );
    }
}

#[test]
fn receipts_proofs_and_snapshots_of_any_bytes_are_read_or_refused() {
    let mut machine = machine();
    let outcome = execute(&mut machine, &[transaction()]);
    let mut random = Random(8);
    for receipt in outcome.receipts.iter() {
        for bytes in variants(receipt, &mut random) {
            if let Ok(view) = ReceiptView::parse(&bytes) {
                let _ = view.events().count();
            }
        }
        for length in 0..receipt.len() {
            assert!(ReceiptView::parse(&receipt[..length]).is_err());
        }
    }
    let snapshot = machine.stores().snapshot();
    let restore = |bytes: &[u8]| {
        Machine::<Ledger>::restore(CHAIN, Profile::Private, Limits::default(), block(1), bytes)
    };
    assert!(restore(&snapshot).is_ok());
    for bytes in variants(&snapshot, &mut random) {
        if let Ok(machine) = restore(&bytes) {
            // Another state perhaps, but one that says what it was made from.
            assert_eq!(machine.stores().snapshot(), bytes);
        }
    }
    // The same entry twice is no state.
    let entry = &snapshot[8..];
    assert!(restore(&[&snapshot, entry].concat()).is_err());

    let mut tree = bds_contracts::kernel::tree::Tree::new();
    let mut hash = bds_contracts::kernel::changes::plain;
    let changes = &outcome.changes;
    let leaves = changes.leaf_hashes(&mut hash);
    tree.note(changes, &leaves);
    let root = tree.seal(&mut hash);
    let changes_root = changes.root(&leaves, &mut hash);
    let change = changes.iter().next().unwrap();
    let proof = borsh::to_vec(&tree.prove(change.key)).unwrap();
    for bytes in variants(&proof, &mut random) {
        if let Ok(other) = borsh::from_slice::<StateProof>(&bytes) {
            let same = bytes == proof;
            assert_eq!(other.verify(&root, change.key, change.value), same);
        }
    }
    let proof = borsh::to_vec(&changes.prove(&leaves, change.key, &mut hash)).unwrap();
    for bytes in variants(&proof, &mut random) {
        if let Ok(other) = borsh::from_slice::<ChangeProof>(&bytes) {
            let shown = other.verify(&changes_root, change.key);
            assert_eq!(shown.is_some(), bytes == proof);
        }
    }
}
