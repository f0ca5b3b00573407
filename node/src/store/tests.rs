//! Does the store give back what it was given, whatever happens to the disk?

mod archive;
mod faults;
mod index;
mod retention;
mod samples;

use std::path::PathBuf;

use bds_contracts::block::{BatchDigest, BlockHeader};
use bds_core::turn::{Disk as _, Record};

use super::*;
use faults::{Fault, FaultyMedium};
use samples::*;

/// In memory where the system has such a place: these tests sync thousands of times.
fn temporary_home() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

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
    let home = temporary_home();
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
    let heights = |count, bytes_max| -> (Vec<_>, Vec<_>) {
        let slots = opened.reader.slots_from(5, count, bytes_max).unwrap();
        let certified = opened.reader.certified_from(5, count, bytes_max).unwrap();
        (
            slots.iter().map(|s| s.proposal.slot).collect(),
            certified.iter().map(|c| c.header.height).collect(),
        )
    };
    let from_five = |count: u64| (5..5 + count).collect::<Vec<_>>();
    for (count, bytes_max, found) in [
        (100, 1 << 20, 16),
        (16, 1 << 20, 16),
        (3, 1 << 20, 3),
        (100, 1, 1),
    ] {
        let (slots, certified) = heights(count, bytes_max);
        assert_eq!(
            slots,
            from_five(found),
            "{count} slots of {bytes_max} bytes"
        );
        assert_eq!(
            certified,
            from_five(found),
            "{count} headers of {bytes_max} bytes"
        );
    }
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

/// Writes turns `1..=heights`, one sync a turn, until an error; returns how many turns were synced.
fn write_turns(
    store: &mut Store,
    heights: std::ops::RangeInclusive<u64>,
) -> (u64, Option<StoreError>) {
    let mut synced = heights.start() - 1;
    for height in heights {
        let result = turn(height)
            .iter()
            .try_for_each(|record| store.append(record))
            .and_then(|()| store.sync());
        if let Err(e) = result {
            return (synced, Some(e));
        }
        synced = height;
    }
    (synced, None)
}

/// What a reopened home must hold when `synced` turns were confirmed: all of those, and no more than whole records of
/// the next turn behind them.
fn assert_holds(opened: &Opened, synced: u64) {
    let expected: Vec<_> = (1..=synced + 1).flat_map(turn).filter(is_ledger).collect();
    let found = ledger_of(&opened.reader);
    assert!(
        found.len() as u64 >= 3 * synced,
        "{} records of {synced} turns",
        found.len()
    );
    assert!(
        found == expected[..found.len()],
        "other records than those written"
    );
    let floor = opened.reader.certified_height() / CHECKPOINT * CHECKPOINT;
    let expected: Vec<_> = (floor + 1..=synced + 1)
        .flat_map(turn)
        .filter(|r| slot_of(r) > 0)
        .collect();
    let found: Vec<_> = opened
        .votes
        .iter()
        .filter(|r| slot_of(r) > 0)
        .cloned()
        .collect();
    assert!(found.len() as u64 >= 4 * synced.saturating_sub(floor));
    assert!(
        found == expected[..found.len()],
        "other records than those written"
    );
    // The highest lane certificate never goes.
    let highest = opened
        .votes
        .iter()
        .filter_map(|r| match r {
            Record::LaneCertificate(certificate) => Some(certificate.tip.position),
            _ => None,
        })
        .max();
    assert!(highest.unwrap_or(0) >= synced);
}

fn segment_files(dir: &Path) -> Vec<PathBuf> {
    files_with_suffix(&RealMedium, dir, SEGMENT_SUFFIX).unwrap()
}

fn copy_home(from: &Path) -> tempfile::TempDir {
    let home = temporary_home();
    for dir in ["", LEDGER_DIR, VOTES_DIR] {
        std::fs::create_dir_all(home.path().join(dir)).unwrap();
        for entry in std::fs::read_dir(from.join(dir)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let to = home.path().join(dir).join(path.file_name().unwrap());
                std::fs::copy(&path, to).unwrap();
            }
        }
    }
    home
}

#[test]
fn a_torn_end_is_cut_off_at_every_byte() {
    for dir in [LEDGER_DIR, VOTES_DIR] {
        let home = temporary_home();
        let mut opened = Store::open(home.path(), CHAIN, StoreOptions::default()).unwrap();
        write_turns(&mut opened.store, 1..=3);
        opened.store.close().unwrap();
        let path = segment_files(&home.path().join(dir)).pop().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut opened = Store::open(home.path(), CHAIN, StoreOptions::default()).unwrap();
        write_turns(&mut opened.store, 4..=4);
        drop(opened);
        let longer = std::fs::read(&path).unwrap();
        assert!(longer.len() > whole.len(), "turn 4 fits the segment");
        // With nothing behind it, and with the zeros that a log writes ahead.
        let ends = (whole.len()..longer.len()).flat_map(|cut| [(cut, 0), (cut, 500)]);
        for (cut, zeros) in ends {
            let home = copy_home(home.path());
            let path = home.path().join(dir).join(path.file_name().unwrap());
            let bytes = [&longer[..cut], &vec![0; zeros]].concat();
            std::fs::write(&path, bytes).unwrap();
            let opened = Store::open(home.path(), CHAIN, StoreOptions::default()).unwrap();
            assert_holds(&opened, 3);
            if let Some(torn) = opened.torn.first() {
                assert_eq!(torn.path, path);
                assert_eq!(torn.offset + torn.bytes, (cut + zeros) as u64);
            }
            // And the log goes on from there.
            let mut store = opened.store;
            let batch = Record::Batch(batch(99, 10));
            store.append(&batch).unwrap();
            store.close().unwrap();
            let opened = Store::open(home.path(), CHAIN, StoreOptions::default()).unwrap();
            assert_eq!(opened.torn, []);
            assert_eq!(ledger_of(&opened.reader).pop(), Some(batch));
        }
    }
}

/// Offset and sequence of each record of a segment, from the table in `format.rs` and nothing else.
fn records_in(segment: &[u8]) -> Vec<(usize, u64)> {
    let mut records = Vec::new();
    let mut at = 84;
    while at < segment.len() {
        let length = u32::from_le_bytes(segment[at..at + 4].try_into().unwrap());
        let sequence = u64::from_le_bytes(segment[at + 9..at + 17].try_into().unwrap());
        records.push((at, sequence));
        at += 17 + length as usize + 36;
    }
    assert_eq!(at, segment.len());
    records
}

#[test]
fn one_flipped_bit_anywhere_is_found_and_located() {
    let home = temporary_home();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    write_turns(&mut opened.store, 1..=10);
    opened.store.close().unwrap();
    let mut flips = 0;
    for dir in [LEDGER_DIR, VOTES_DIR] {
        for path in segment_files(&home.path().join(dir)) {
            let whole = std::fs::read(&path).unwrap();
            let records = records_in(&whole);
            let home = copy_home(home.path());
            let path = home.path().join(dir).join(path.file_name().unwrap());
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << (at % 8);
                std::fs::write(&path, &bytes).unwrap();
                let hit = records.iter().rev().find(|(offset, _)| *offset <= at);
                let expected = hit.copied().unwrap_or((0, records[0].1));
                match Store::open(home.path(), CHAIN, options()) {
                    Err(StoreError::Corrupt {
                        path: found,
                        offset,
                        sequence,
                        ..
                    }) => {
                        assert_eq!(found, path, "byte {at}");
                        assert_eq!((offset as usize, sequence), expected, "byte {at}");
                    }
                    other => panic!("byte {at} of {}: {:?}", path.display(), other.err()),
                }
                flips += 1;
            }
            std::fs::write(&path, &whole).unwrap();
            Store::open(home.path(), CHAIN, options()).unwrap();
        }
    }
    assert!(flips > 10_000, "{flips} flips");
}

#[test]
fn records_written_after_a_bad_one_was_durable_tell_damage_from_a_torn_end() {
    // Not closed: nothing but the records says what was durable.
    let home = temporary_home();
    let one_segment = || StoreOptions::default();
    let mut opened = Store::open(home.path(), CHAIN, one_segment()).unwrap();
    write_turns(&mut opened.store, 1..=4);
    drop(opened);
    let path = segment_files(&home.path().join(LEDGER_DIR)).pop().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let records = records_in(&whole);
    for (i, (offset, sequence)) in records.iter().enumerate() {
        let home = copy_home(home.path());
        let path = home.path().join(LEDGER_DIR).join(path.file_name().unwrap());
        let mut bytes = whole.clone();
        bytes[offset + 20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        match Store::open(home.path(), CHAIN, one_segment()) {
            // Turns write three ledger records each; only the last turn may never have been confirmed.
            Ok(opened) => {
                assert!(i >= 9, "record {i}");
                assert_eq!(opened.torn[0].sequence, *sequence);
                assert_eq!(opened.torn[0].offset as usize, *offset);
                assert_holds(&opened, 3);
            }
            Err(StoreError::Corrupt {
                sequence: found, ..
            }) => {
                assert!(i < 9, "record {i}");
                assert_eq!(found, *sequence);
            }
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn a_crash_at_any_call_loses_nothing_confirmed() {
    let mut crashes = 0;
    for kept in [0, 1, 60, 5000] {
        for call in 1.. {
            let home = temporary_home();
            let medium = FaultyMedium::with_fault(call, Fault::Crash);
            let faulty = StoreOptions {
                votes_bytes_max: 3000,
                medium: Arc::new(medium.clone()),
                ..options()
            };
            let synced = match Store::open(home.path(), CHAIN, faulty) {
                Ok(mut opened) => write_turns(&mut opened.store, 1..=20).0,
                Err(_) => 0,
            };
            let struck = medium.struck();
            medium.power_loss(kept);
            let mut opened = Store::open(home.path(), CHAIN, options())
                .unwrap_or_else(|e| panic!("call {call}, {kept} bytes kept: {e}"));
            assert_holds(&opened, synced);
            // And it goes on: the next turn is kept too.
            opened.store.append(&Record::Batch(batch(99, 10))).unwrap();
            opened.store.close().unwrap();
            let opened = Store::open(home.path(), CHAIN, options()).unwrap();
            assert!(opened.reader.has_batch(&batch(99, 10).header.digest()));
            crashes += 1;
            if !struck {
                assert_eq!(synced, 20);
                break;
            }
        }
    }
    assert!(crashes > 400, "{crashes} crash points");
}

#[test]
fn after_a_failed_sync_everything_is_refused() {
    for fault in [Fault::SyncError, Fault::DirSyncError, Fault::WriteError] {
        let home = temporary_home();
        let medium = FaultyMedium::default();
        let faulty = StoreOptions {
            medium: Arc::new(medium.clone()),
            ..options()
        };
        let mut opened = Store::open(home.path(), CHAIN, faulty).unwrap();
        write_turns(&mut opened.store, 1..=3);
        medium.set_fault(0, fault);
        let (synced, error) = write_turns(&mut opened.store, 4..=40);
        assert!(medium.struck());
        match (fault, error.expect("the fault shows")) {
            (Fault::WriteError, StoreError::Io { .. }) => {}
            (Fault::SyncError | Fault::DirSyncError, StoreError::SyncFailed { .. }) => {}
            (_, e) => panic!("{fault:?}: {e:?}"),
        }
        // The disk works again, but nobody knows what became of the pages.
        for _ in 0..3 {
            let again = opened.store.append(&Record::Batch(batch(99, 10)));
            let synced = opened.store.sync();
            assert!(again.is_err() || synced.is_err());
            assert!(matches!(synced, Err(StoreError::Stopped)));
        }
        assert!(!opened.reader.has_batch(&batch(99, 10).header.digest()));
        drop(opened);
        medium.power_loss(0);
        assert_holds(&Store::open(home.path(), CHAIN, options()).unwrap(), synced);
    }
}

#[test]
fn a_full_disk_stops_the_store_and_loses_nothing() {
    for call in 1..60 {
        let home = temporary_home();
        let medium = FaultyMedium::default();
        let faulty = StoreOptions {
            medium: Arc::new(medium.clone()),
            ..options()
        };
        let mut opened = Store::open(home.path(), CHAIN, faulty).unwrap();
        medium.set_fault(call, Fault::DiskFull);
        let (synced, error) = write_turns(&mut opened.store, 1..=40);
        assert!(
            matches!(error, Some(StoreError::DiskFull { .. })),
            "{error:?}"
        );
        assert!(matches!(opened.store.sync(), Err(StoreError::Stopped)));
        drop(opened);
        // Space is back.
        assert_holds(&Store::open(home.path(), CHAIN, options()).unwrap(), synced);
    }
}

#[test]
fn short_writes_are_continued() {
    let home = temporary_home();
    let short = StoreOptions {
        medium: Arc::new(FaultyMedium::with_fault(0, Fault::ShortWrites)),
        ..options()
    };
    let mut opened = Store::open(home.path(), CHAIN, short).unwrap();
    assert_eq!(write_turns(&mut opened.store, 1..=5).0, 5);
    drop(opened);
    assert_holds(&Store::open(home.path(), CHAIN, options()).unwrap(), 5);
}

#[test]
fn a_home_has_one_user_and_one_ledger() {
    let home = temporary_home();
    let opened = Store::open(home.path(), CHAIN, options()).unwrap();
    let Err(error) = Store::open(home.path(), CHAIN, options()) else {
        panic!("opened twice");
    };
    let text = error.to_string();
    assert!(
        text.contains("in use") && text.contains(&std::process::id().to_string()),
        "{text}"
    );
    drop(opened);
    let other = ChainId([9; 32]);
    let Err(error) = Store::open(home.path(), other, options()) else {
        panic!("opened with another genesis");
    };
    let text = error.to_string();
    assert!(
        text.contains(&CHAIN.to_string()) && text.contains(&other.to_string()),
        "{text}"
    );
    Store::open(home.path(), CHAIN, options()).unwrap();
}

#[test]
fn metadata_survives_damage_to_one_copy_and_says_so_of_both() {
    let home = temporary_home();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    write_turns(&mut opened.store, 1..=3);
    opened.store.close().unwrap();
    for damaged in ["meta-a", "meta-b"] {
        let path = home.path().join(damaged);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            assert_holds(&Store::open(home.path(), CHAIN, options()).unwrap(), 3);
        }
    }
    std::fs::write(home.path().join("meta-a"), [0; 68]).unwrap();
    std::fs::write(home.path().join("meta-b"), [0; 68]).unwrap();
    let found = Store::open(home.path(), CHAIN, options());
    assert!(matches!(found.err(), Some(StoreError::Metadata { .. })));
    std::fs::remove_file(home.path().join("meta-a")).unwrap();
    std::fs::remove_file(home.path().join("meta-b")).unwrap();
    let found = Store::open(home.path(), CHAIN, options());
    assert!(matches!(found.err(), Some(StoreError::Metadata { .. })));
}

#[test]
fn a_crash_in_the_first_write_of_all_leaves_a_home_that_starts() {
    let whole = temporary_home();
    drop(Store::open(whole.path(), CHAIN, options()).unwrap());
    let first = std::fs::read(whole.path().join("meta-a")).unwrap();
    for length in 0..first.len() {
        let home = temporary_home();
        std::fs::write(home.path().join("meta-a"), &first[..length]).unwrap();
        Store::open(home.path(), CHAIN, options()).unwrap();
        Store::open(home.path(), CHAIN, options()).unwrap();
    }
}

#[test]
fn missing_foreign_and_shortened_segments_are_found() {
    let home = temporary_home();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    write_turns(&mut opened.store, 1..=20);
    opened.store.close().unwrap();
    let files = segment_files(&home.path().join(LEDGER_DIR));
    assert!(files.len() >= 3);
    for (i, file) in files.iter().enumerate() {
        let whole = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        let error = Store::open(home.path(), CHAIN, options()).err().unwrap();
        if i + 1 == files.len() {
            assert!(matches!(error, StoreError::EndLost { .. }), "{error}");
        } else {
            assert!(matches!(error, StoreError::Gap { .. }), "{error}");
        }
        // The neighbour's content under this name: a misdirected write.
        let neighbour = &files[(i + 1) % files.len()];
        std::fs::copy(neighbour, file).unwrap();
        assert!(Store::open(home.path(), CHAIN, options()).is_err());
        std::fs::write(file, &whole[..whole.len() - 1]).unwrap();
        let error = Store::open(home.path(), CHAIN, options()).err().unwrap();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        std::fs::write(file, &whole).unwrap();
    }
    assert_holds(&Store::open(home.path(), CHAIN, options()).unwrap(), 20);
}

#[test]
fn the_vote_log_and_its_memory_stay_small() {
    let home = temporary_home();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    let mut longest = 0;
    let mut most_needed = 0;
    for height in 1..=1000 {
        write_turns(&mut opened.store, height..=height);
        longest = longest.max(opened.store.votes_bytes());
        most_needed = most_needed.max(opened.store.needed.bytes());
    }
    // 1000 turns write over 1 MB of votes; 16 KiB are the limit, and one interval of checkpoints may come on top.
    assert!(longest < 64 << 10, "{longest} bytes of votes");
    assert!(most_needed < 16 << 10, "{most_needed} bytes needed");
    let files = segment_files(&home.path().join(VOTES_DIR)).len();
    assert_eq!(files, opened.store.votes.segments().count() as usize);
    drop(opened);
    assert_holds(&Store::open(home.path(), CHAIN, options()).unwrap(), 1000);
}

fn header(height: u64) -> BlockHeader {
    match turn(height).pop() {
        Some(Record::Certified(block)) => block.header,
        _ => unreachable!("a turn ends with its certificate"),
    }
}

/// What is written when a node stops, however often, takes no place of what others can take.
#[test]
fn snapshots_at_checkpoints_stay() {
    let home = temporary_home();
    let dir = home.path().join(SNAPSHOTS_DIR);
    let snapshots = Snapshots::open(Arc::new(RealMedium), &dir).unwrap();
    let snapshots = snapshots.with_checkpoints(8);
    for (height, kept) in [
        (8, vec![8]),
        (11, vec![8, 11]),
        (13, vec![8, 13]),
        (16, vec![8, 16]),
        (17, vec![8, 16, 17]),
        (18, vec![8, 16, 18]),
        (24, vec![16, 24]),
        (32, vec![24, 32]),
    ] {
        let header = certified(height).header;
        snapshots.save(&header, &[], b"state").unwrap();
        assert_eq!(snapshots.heights().unwrap(), kept, "after {height}");
    }
}

#[test]
fn a_damaged_snapshot_gives_way_to_the_one_before() {
    let home = temporary_home();
    let dir = home.path().join(SNAPSHOTS_DIR);
    let snapshots = Snapshots::open(Arc::new(RealMedium), &dir).unwrap();
    assert_eq!(snapshots.latest(u64::MAX).unwrap(), (None, vec![]));
    let tips = [(7, BatchDigest([8; 32])), (0, BatchDigest::default())];
    let made = |height| Snapshot {
        header: header(height),
        lane_tips: tips.to_vec(),
        state: vec![height as u8; 300],
    };
    for height in [8, 16, 24] {
        let s = made(height);
        snapshots.save(&s.header, &s.lane_tips, &s.state).unwrap();
    }
    assert_eq!(
        snapshots.latest(u64::MAX).unwrap(),
        (Some(made(24)), vec![])
    );
    assert_eq!(snapshots.latest(23).unwrap(), (Some(made(16)), vec![]));
    assert_eq!(
        snapshots.latest(15).unwrap(),
        (None, vec![]),
        "two are kept"
    );

    let newest = files_with_suffix(&RealMedium, &dir, ".snapshot")
        .unwrap()
        .pop()
        .unwrap();
    let whole = std::fs::read(&newest).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        std::fs::write(&newest, &bytes).unwrap();
        let (found, damaged) = snapshots.latest(u64::MAX).unwrap();
        assert!(found == Some(made(16)), "byte {at}");
        assert!(damaged[0].contains(newest.to_str().unwrap()));
        // And every shorter file.
        std::fs::write(&newest, &whole[..at]).unwrap();
        assert!(
            snapshots.latest(u64::MAX).unwrap().0 == Some(made(16)),
            "cut at {at}"
        );
    }
    // What a crash leaves of an unfinished one is cleared away.
    let unfinished = dir.join("00000000000000000032.unfinished");
    std::fs::write(&unfinished, &whole[..100]).unwrap();
    Snapshots::open(Arc::new(RealMedium), &dir).unwrap();
    assert!(!unfinished.exists());
}
