//! Every decoder of bytes that others write: it refuses or gives a value that encodes to the same bytes, and takes no more memory
//! than the bytes it was given. Transactions are executed as well, and leave a ledger whose snapshot is read again.

use bds_contracts::Genesis;
use bds_contracts::block::{CertifiedHeader, Signatures};
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::describe::event_accounts;
use bds_contracts::kernel::envelope::{Envelope, Payload as Calls};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::proof::{ChangeProof, StateProof};
use bds_contracts::kernel::receipt::{ReceiptView, Receipts};
use bds_contracts::ledger;
use bds_contracts::modules::Modules;
use bds_contracts::receipt::ReceiptProof;
use bds_contracts::tx::Millis;
use bds_core::batch::Payload;
use bds_core::message::Message;
use bds_core::turn::Record;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::format::{SegmentHeader, Walk, record_at};
use crate::ledger::start;

fn one_encoding<T: BorshDeserialize + BorshSerialize>(bytes: &[u8]) -> Option<T> {
    let value = borsh::from_slice::<T>(bytes).ok()?;
    let again = borsh::to_vec(&value).expect("writing to memory cannot fail");
    assert_eq!(again, bytes, "two encodings of one value");
    Some(value)
}

/// Runs one input: its first byte picks the decoder.
pub fn run(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else {
        return;
    };
    match which % 13 {
        0 => drop(one_encoding::<Message>(bytes)),
        1 => drop(one_encoding::<Record>(bytes)),
        2 => drop(one_encoding::<Signatures>(bytes)),
        3 => drop(one_encoding::<CertifiedHeader>(bytes)),
        4 => drop(one_encoding::<ReceiptProof>(bytes)),
        5 => {
            if let Some(document) = one_encoding::<Genesis>(bytes) {
                let _ = document.check();
            }
        }
        6 => {
            if let Some(proof) = one_encoding::<StateProof>(bytes) {
                assert!(!proof.verify(&[7; 32], b"key", Some(b"value")));
            }
        }
        7 => {
            if let Some(proof) = one_encoding::<ChangeProof>(bytes) {
                assert_eq!(proof.verify(&[7; 32], b"key"), None);
            }
        }
        8 => transaction(bytes),
        9 => payload(bytes),
        10 => snapshot(bytes),
        11 => segment(bytes),
        _ => receipts(bytes),
    }
}

/// A transaction as the wire has it; with chain and sender put right, so that it is not refused for these, also executed.
fn transaction(bytes: &[u8]) {
    let Ok(tx) = Envelope::parse(bytes) else {
        return;
    };
    assert_eq!(tx.signed_bytes().len() + 64, bytes.len());
    if let Ok((_, Calls::Clear(calls))) = tx.payload() {
        assert_eq!(calls.iter().count(), usize::from(calls.count()));
        for call in calls.iter() {
            let _ = Modules::touches(call, &mut AccessSet::new());
        }
    }
    let start = start();
    let mut bytes = bytes.to_vec();
    let sender = start.keys[usize::from(bytes[40]) % start.keys.len()];
    bytes[8..40].copy_from_slice(&start.genesis.chain_id().0);
    bytes[40..72].copy_from_slice(&sender.0);
    let tx = Envelope::parse(&bytes).expect("tag and length are as before");
    let mut ledger = start.ledger.clone();
    let block = BlockInfo {
        height: 1,
        time: Millis(1_000),
        ..BlockInfo::default()
    };
    let _ = ledger.admit(&block, &tx);
    let outcome = ledger.execute_block(block, &[(tx.id(), tx)]);
    assert_eq!(outcome.tx_count() as usize + outcome.dropped.len(), 1);
    for receipt in outcome.receipts.iter() {
        let view = ReceiptView::parse(receipt).expect("its own receipt");
        for event in view.events() {
            event_accounts::<Modules>(&event).expect("its own event");
        }
    }
    let snapshot = ledger.stores().snapshot();
    let again = ledger::restore(&start.genesis, block, &snapshot).expect("its own snapshot");
    assert!(again.stores().snapshot() == snapshot);
}

/// Receipts of a block in one buffer.
fn receipts(bytes: &[u8]) {
    let Ok(all) = Receipts::parse(bytes.to_vec()) else {
        assert!(ReceiptView::parse(bytes).is_err());
        return;
    };
    assert_eq!(all.iter().flatten().count(), bytes.len());
    for view in all.views() {
        for event in view.events() {
            let _ = event_accounts::<Modules>(&event);
        }
    }
}

/// What was restored is what was written.
fn snapshot(bytes: &[u8]) {
    if let Ok(ledger) = ledger::restore(&start().genesis, BlockInfo::default(), bytes) {
        assert!(ledger.stores().snapshot() == bytes);
    }
}

/// A packed payload: what it unpacks to packs to the same bytes.
fn payload(bytes: &[u8]) {
    let payload = Payload::from_bytes(bytes.to_vec());
    if let Some(transactions) = payload.transactions() {
        assert_eq!(Payload::pack(transactions).as_bytes(), bytes);
    }
}

/// A log segment: records are found in order, and the first bad one ends the walk.
fn segment(bytes: &[u8]) {
    let Some(header) = SegmentHeader::parse(bytes) else {
        let _ = record_at(bytes, 0);
        return;
    };
    let mut walk = Walk::new(bytes, &header);
    let mut offset = walk.offset();
    while let Ok(Some(record)) = walk.next() {
        assert!(walk.offset() > offset && walk.offset() <= bytes.len());
        assert!(record.payload.len() <= bytes.len());
        offset = walk.offset();
    }
}
