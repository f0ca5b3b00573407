//! Does the store give back what it was given, whatever happens to the disk?

mod samples;

use bds_core::turn::{Disk as _, Record};

use super::*;
use samples::*;

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 4096,
        votes_bytes_max: 1 << 14,
        ..StoreOptions::default()
    }
}

fn ledger_of(reader: &Reader) -> Vec<Record> {
    reader.records(None).map(|r| r.unwrap().1).collect()
}

#[test]
fn what_was_synced_is_there_after_reopening() {
    let home = tempfile::tempdir().unwrap();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    let (mut ledger, mut votes) = (Vec::new(), Vec::new());
    for height in 1..=20 {
        for record in turn(height) {
            opened.store.append(&record).unwrap();
            if is_ledger(&record) {
                ledger.push(record);
            } else {
                votes.push(record);
            }
        }
        // Nothing is visible before it is durable.
        assert_eq!(opened.reader.committed_height(), height - 1);
        opened.store.sync().unwrap();
        assert_eq!(opened.reader.committed_height(), height);
    }
    assert_eq!(ledger_of(&opened.reader), ledger);
    drop(opened);

    let opened = Store::open(home.path(), CHAIN, options()).unwrap();
    assert!(opened.torn.is_empty());
    assert_eq!(ledger_of(&opened.reader), ledger);
    for record in &ledger {
        match record {
            Record::Batch(b) => {
                let found = opened.reader.batch(&b.header.digest()).unwrap();
                assert_eq!(found.as_ref(), Some(b));
            }
            Record::Committed(s) => {
                let found = opened.reader.slot(s.proposal.slot).unwrap();
                assert_eq!(found.as_ref(), Some(s));
            }
            Record::Certified(c) => {
                let found = opened.reader.certified(c.header.height).unwrap();
                assert_eq!(found.as_ref(), Some(c));
            }
            _ => unreachable!(),
        }
    }
    let (slots, certified) = opened.reader.slots_from(5, 1 << 20).unwrap();
    assert_eq!(slots.len(), 16);
    assert_eq!(slots[0].proposal.slot, 5);
    assert_eq!(certified.unwrap().header.height, 20);
    let (slots, certified) = opened.reader.slots_from(5, 1).unwrap();
    assert_eq!(slots.len(), 1);
    assert_eq!(certified.unwrap().header.height, 5);
    assert_eq!(opened.reader.slot(21).unwrap(), None);
    // `turn` names every multiple of 8 a checkpoint, so votes for slots above 16 are needed.
    let needed: Vec<_> = votes.into_iter().filter(|v| slot_of(v) > 16).collect();
    let found: Vec<_> = opened
        .votes
        .into_iter()
        .filter(|v| slot_of(v) > 0)
        .collect();
    assert_eq!(found, needed);
}
