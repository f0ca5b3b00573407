//! Every decoder of bytes that others write: it refuses or gives a value that encodes to the same bytes, and takes no more memory
//! than the bytes it was given.

use bds_contracts::block::{CertifiedHeader, Signatures};
use bds_contracts::receipt::Receipt;
use bds_contracts::tx::{Transaction, TxView};
use bds_contracts::{Call, Event, State};
use bds_core::batch::Payload;
use bds_core::message::Message;
use bds_core::turn::Record;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::format::{SegmentHeader, Walk, record_at};

fn one_encoding<T: BorshDeserialize + BorshSerialize>(bytes: &[u8]) {
    if let Ok(value) = borsh::from_slice::<T>(bytes) {
        let again = borsh::to_vec(&value).expect("writing to memory cannot fail");
        assert_eq!(again, bytes, "two encodings of one value");
    }
}

/// Runs one input: its first byte picks the decoder.
pub fn run(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else {
        return;
    };
    match which % 12 {
        0 => one_encoding::<Message>(bytes),
        1 => one_encoding::<Record>(bytes),
        2 => one_encoding::<Signatures>(bytes),
        3 => one_encoding::<CertifiedHeader>(bytes),
        4 => one_encoding::<Transaction>(bytes),
        5 => one_encoding::<Call>(bytes),
        6 => one_encoding::<Event>(bytes),
        7 => one_encoding::<Receipt>(bytes),
        8 => transaction(bytes),
        9 => payload(bytes),
        10 => {
            if let Ok(mut state) = State::restore(bytes) {
                // What was restored can be used.
                let _ = state.root();
            }
        }
        _ => segment(bytes),
    }
}

/// A transaction as the wire has it: the view and the whole value agree.
fn transaction(bytes: &[u8]) {
    let Ok(view) = TxView::parse(bytes) else {
        return;
    };
    assert_eq!(view.signed_bytes().len() + 64, bytes.len());
    if let Ok(decoded) = view.decode() {
        let again = borsh::to_vec(&decoded).expect("writing to memory cannot fail");
        assert_eq!(again, view.signed_bytes());
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
