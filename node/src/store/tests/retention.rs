//! Does a ledger that forgets its beginning, or begins behind a state of others, still hold everything it says it holds?

use super::*;

const STATE: &[u8] = b"the state after some block";

fn save(home: &Path, medium: &Arc<dyn Medium>, height: Height) -> Result<Snapshots, StoreError> {
    let snapshots = Snapshots::open(Arc::clone(medium), &home.join(SNAPSHOTS_DIR))?;
    snapshots.save(
        &certified(height).header,
        &[(height, batch(height, 100).header.digest())],
        STATE,
    )?;
    Ok(snapshots)
}

fn ledger_turns(heights: std::ops::RangeInclusive<Height>) -> Vec<Record> {
    heights.flat_map(turn).filter(is_ledger).collect()
}

/// Everything above the base up to `last`, and nothing that is said not to be kept.
fn assert_kept(reader: &Reader, last: Height) {
    let base = reader.base();
    let records = ledger_of(reader);
    let all = ledger_turns(1..=last);
    assert!(
        all.ends_with(&records[..]),
        "the end of what was written, without a gap"
    );
    for height in 1..=last {
        let kept = height > base;
        assert_eq!(
            reader.slot(height).unwrap().is_some(),
            kept,
            "slot {height}, base {base}"
        );
        if kept {
            assert!(reader.certified(height).unwrap().is_some());
            assert!(
                reader
                    .batch(&batch(height, 100).header.digest())
                    .unwrap()
                    .is_some()
            );
        }
    }
    assert!(reader.slots_from(base, 10, 1 << 20).unwrap().is_empty() || base == 0);
    assert_eq!(
        reader.slots_from(base + 1, 1000, 1 << 20).unwrap().len() as u64,
        last - base
    );
    assert_eq!(reader.committed_height(), last);
}

#[test]
fn what_is_younger_than_the_older_snapshot_or_among_the_last_blocks_stays() {
    let home = temporary_home();
    let medium: Arc<dyn Medium> = Arc::new(RealMedium);
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    write_turns(&mut opened.store, 1..=60);
    let run = |store: &Store, height, blocks| {
        let snapshots = save(home.path(), &medium, height).unwrap();
        store.retention(snapshots, blocks).run().unwrap()
    };
    let files = || segment_files(&home.path().join(LEDGER_DIR)).len();
    let before = files();
    assert_eq!(
        run(&opened.store, 30, 100),
        None,
        "fewer blocks than are to stay"
    );
    let base = run(&opened.store, 50, 10).expect("the older snapshot is that of 30");
    assert!(base > 10 && base <= 30, "{base}");
    assert!(files() < before);
    assert_eq!(opened.reader.base(), base);
    assert_kept(&opened.reader, 60);
    // Two segments are as much as a batch may lie before its slot.
    write_turns(&mut opened.store, 61..=100);
    assert_eq!(run(&opened.store, 100, 99), None, "the last blocks stay");
    let later = run(&opened.store, 100, 0).expect("all but what the snapshots need");
    assert!(later > base && later <= 100, "{later}");
    assert_kept(&opened.reader, 100);
    opened.store.close().unwrap();

    for _ in 0..2 {
        let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
        assert_eq!(opened.reader.base(), later);
        assert_kept(&opened.reader, opened.reader.committed_height());
        let next = opened.reader.committed_height() + 1;
        write_turns(&mut opened.store, next..=next + 5);
        assert_kept(&opened.reader, next + 5);
        opened.store.close().unwrap();
    }
    // One copy of the metadata is enough, whichever.
    for copy in ["meta-a", "meta-b"] {
        let home = copy_home(home.path());
        std::fs::write(home.path().join(copy), b"gone").unwrap();
        assert_eq!(
            Store::open(home.path(), CHAIN, options())
                .unwrap()
                .reader
                .base(),
            later
        );
    }
    // What was not removed on purpose is missed.
    let home = copy_home(home.path());
    std::fs::remove_file(&segment_files(&home.path().join(LEDGER_DIR))[0]).unwrap();
    let missed = Store::open(home.path(), CHAIN, options()).err();
    assert!(matches!(missed, Some(StoreError::Gap { .. })), "{missed:?}");
}

#[test]
fn a_crash_while_the_beginning_is_removed_leaves_a_whole_ledger() {
    let mut bases = std::collections::BTreeSet::new();
    for kept in [0, 60, 5000] {
        for call in 1.. {
            let home = temporary_home();
            let faulty = FaultyMedium::with_fault(call, Fault::Crash);
            let medium: Arc<dyn Medium> = Arc::new(faulty.clone());
            let mut synced = 0;
            let script = |synced: &mut Height| -> Result<(), StoreError> {
                let options = StoreOptions {
                    medium: Arc::clone(&medium),
                    ..options()
                };
                let mut opened = Store::open(home.path(), CHAIN, options)?;
                for (height, last) in [(20, 40), (30, 60), (50, 70)] {
                    let (reached, error) = write_turns(&mut opened.store, *synced + 1..=last);
                    *synced = reached;
                    error.map_or(Ok(()), Err)?;
                    let snapshots = save(home.path(), &medium, height)?;
                    opened.store.retention(snapshots, 5).run()?;
                }
                Ok(())
            };
            let ended = script(&mut synced);
            let struck = faulty.struck();
            assert_eq!(ended.is_err(), struck);
            faulty.power_loss(kept);
            let opened = Store::open(home.path(), CHAIN, options())
                .unwrap_or_else(|e| panic!("call {call}, {kept} bytes kept: {e}"));
            let last = opened.reader.committed_height();
            assert!(last >= synced, "{last} of {synced}");
            let base = opened.reader.base();
            let snapshots = Snapshots::open(Arc::new(RealMedium), &home.path().join(SNAPSHOTS_DIR));
            let newest = snapshots.unwrap().heights().unwrap().pop();
            assert!(newest.is_some_and(|newest| base <= newest) || base == 0);
            let committed = opened.reader.slots_from(base + 1, 1000, 1 << 20).unwrap();
            assert_eq!(committed.len() as u64, last - base);
            bases.insert(base);
            if !struck {
                assert!(call > 100, "{call} calls are too few to prove much");
                break;
            }
        }
    }
    assert!(bases.len() >= 3, "{bases:?}");
}

#[test]
fn a_home_goes_on_from_the_state_of_others_whenever_it_crashes() {
    let (mut before, mut after) = (0, 0);
    let snapshot = Snapshot {
        header: certified(100).header,
        lane_tips: vec![(100, batch(100, 100).header.digest())],
        state: STATE.to_vec(),
    };
    // A home that is far behind, and an empty one.
    for turns in [30, 0] {
        for kept in [0, 60, 5000] {
            for call in 1.. {
                let home = temporary_home();
                let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
                write_turns(&mut opened.store, 1..=turns);
                // It voted on what came after the state that it will take.
                let voted = if turns > 0 { 150 } else { 0 };
                for vote in turn(voted)
                    .iter()
                    .filter(|vote| !is_ledger(vote) && voted > 0)
                {
                    opened.store.append(vote).unwrap();
                }
                opened.store.close().unwrap();
                let faulty = FaultyMedium::with_fault(call, Fault::Crash);
                let options = StoreOptions {
                    medium: Arc::new(faulty.clone()),
                    ..options()
                };
                let installed = install(home.path(), CHAIN, &options, &snapshot, certified(100));
                let struck = faulty.struck();
                assert_eq!(installed.is_err(), struck, "{installed:?}");
                faulty.power_loss(kept);
                let mut opened = Store::open(home.path(), CHAIN, super::options())
                    .unwrap_or_else(|e| panic!("call {call}, {kept} bytes kept: {e}"));
                // What it signed is there in any case.
                let signed = opened.votes.iter().map(slot_of).max().unwrap_or(0);
                assert_eq!(signed, voted);
                if opened.reader.base() == 0 {
                    before += 1;
                    assert_eq!(ledger_of(&opened.reader), ledger_turns(1..=turns));
                } else {
                    after += 1;
                    assert_eq!(opened.reader.base(), 100);
                    assert_eq!(opened.reader.committed_height(), 100);
                    assert_eq!(opened.reader.certified(100).unwrap(), Some(certified(100)));
                    assert_eq!(
                        ledger_of(&opened.reader),
                        [Record::Certified(certified(100))]
                    );
                    let dir = home.path().join(SNAPSHOTS_DIR);
                    let snapshots = Snapshots::open(Arc::new(RealMedium), &dir).unwrap();
                    assert_eq!(snapshots.latest(100).unwrap().0.as_ref(), Some(&snapshot));
                    // And it goes on.
                    write_turns(&mut opened.store, 101..=110);
                    opened.store.close().unwrap();
                    let opened = Store::open(home.path(), CHAIN, super::options()).unwrap();
                    let committed = opened.reader.slots_from(101, 100, 1 << 20).unwrap();
                    assert_eq!((committed.len(), opened.reader.base()), (10, 100));
                }
                if !struck {
                    assert!(after > 0);
                    break;
                }
            }
        }
    }
    assert!(before > 10 && after > 10, "{before} before, {after} after");
}

/// A marker that was not written to its end: nothing was removed, and nothing is.
#[test]
fn a_marker_that_is_not_whole_installs_nothing() {
    let home = temporary_home();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    write_turns(&mut opened.store, 1..=10);
    opened.store.close().unwrap();
    let mut marker = borsh::to_vec(&certified(100)).unwrap();
    marker.extend_from_slice(&crc32c::crc32c(&marker).to_le_bytes());
    for length in 0..marker.len() {
        std::fs::write(home.path().join("install"), &marker[..length]).unwrap();
        let opened = Store::open(home.path(), CHAIN, options()).unwrap();
        assert_eq!(opened.reader.base(), 0, "{length} bytes");
        assert_holds(&opened, 10);
        assert!(!home.path().join("install").exists());
    }
    std::fs::write(home.path().join("install"), &marker).unwrap();
    let opened = Store::open(home.path(), CHAIN, options()).unwrap();
    assert_eq!(opened.reader.base(), 100);
}

/// Whatever is wrong with a vote log that had been durable, the home opens without it and says, until it is told otherwise, that votes are
/// forgotten; the ledger log is another matter.
#[test]
fn a_damaged_vote_log_is_set_aside_and_told() {
    let home = temporary_home();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    write_turns(&mut opened.store, 1..=10);
    opened.store.close().unwrap();
    let aside = || StoreOptions {
        set_votes_aside: true,
        ..options()
    };
    let file = |home: &Path| segment_files(&home.join(VOTES_DIR)).pop().unwrap();
    let whole = std::fs::read(file(home.path())).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damage in [
        Some(flipped),
        Some(whole[..whole.len() - 40].to_vec()),
        None,
    ] {
        let home = copy_home(home.path());
        match &damage {
            Some(bytes) => std::fs::write(file(home.path()), bytes).unwrap(),
            None => std::fs::remove_file(file(home.path())).unwrap(),
        }
        assert!(
            Store::open(home.path(), CHAIN, options()).is_err(),
            "only where it is asked for"
        );
        let opened = Store::open(home.path(), CHAIN, aside()).unwrap();
        assert!(opened.set_aside.is_some());
        assert_eq!((opened.forgotten, opened.votes.len()), (Height::MAX, 0));
        assert_eq!(ledger_of(&opened.reader), ledger_turns(1..=10));
        drop(opened);
        // It stays so however it ends, until somebody says up to where.
        let mut opened = Store::open(home.path(), CHAIN, aside()).unwrap();
        assert!(opened.set_aside.is_none());
        assert_eq!(opened.forgotten, Height::MAX);
        opened.store.note_forgotten(300).unwrap();
        write_turns(&mut opened.store, 11..=12);
        opened.store.close().unwrap();
        let mut opened = Store::open(home.path(), CHAIN, aside()).unwrap();
        assert_eq!(opened.forgotten, 300);
        assert_eq!(opened.votes.iter().map(slot_of).max(), Some(12));
        opened.store.note_forgotten(0).unwrap();
        drop(opened);
        assert_eq!(
            Store::open(home.path(), CHAIN, aside()).unwrap().forgotten,
            0
        );
        assert!(home.path().join("votes-damaged-1").is_dir());
    }
    // The ledger log is not set aside.
    let copy = copy_home(home.path());
    let path = segment_files(&copy.path().join(LEDGER_DIR)).pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(Store::open(copy.path(), CHAIN, aside()).is_err());
}

/// A start believes what lies beside sealed files, and what is wrong in them is told when they are read, or read again.
#[test]
fn sealed_files_are_not_read_on_opening() {
    let home = temporary_home();
    let mut opened = Store::open(home.path(), CHAIN, options()).unwrap();
    write_turns(&mut opened.store, 1..=60);
    opened.store.close().unwrap();
    let quick = || StoreOptions {
        check_all: false,
        ..options()
    };
    let ledger = |home: &Path| home.join(LEDGER_DIR);
    let contents =
        |home: &Path| files_with_suffix(&RealMedium, &ledger(home), ".contents").unwrap();
    let logs = segment_files(&ledger(home.path()));
    assert_eq!(
        contents(home.path()).len(),
        logs.len() - 1,
        "all but the one that grows"
    );
    let whole = |opened: &Opened| {
        assert_eq!(ledger_of(&opened.reader), ledger_turns(1..=60));
        assert_kept(&opened.reader, 60);
        for above in [0, 1, 30, 58, 60] {
            let records: Vec<_> = opened
                .reader
                .records_about(above)
                .map(|r| r.unwrap().1)
                .collect();
            assert!(
                records.ends_with(&ledger_turns(above + 1..=60)),
                "above {above}"
            );
            assert!(
                above < 30 || records.len() < 3 * 60 - 30,
                "not from the beginning"
            );
        }
    };
    whole(&Store::open(home.path(), CHAIN, quick()).unwrap());
    // Gone, cut, of another file, or wrong in any byte: it is made anew from the log.
    let good: Vec<_> = contents(home.path())
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let mut bad: Vec<Vec<u8>> = vec![
        Vec::new(),
        good[0][..good[0].len() - 1].to_vec(),
        good[1].clone(),
    ];
    bad.extend((0..good[0].len()).step_by(5).map(|at| {
        let mut bytes = good[0].clone();
        bytes[at] ^= 4;
        bytes
    }));
    for bytes in bad {
        std::fs::write(&contents(home.path())[0], bytes).unwrap();
        whole(&Store::open(home.path(), CHAIN, quick()).unwrap());
        assert_eq!(std::fs::read(&contents(home.path())[0]).unwrap(), good[0]);
    }
    std::fs::remove_file(&contents(home.path())[2]).unwrap();
    whole(&Store::open(home.path(), CHAIN, quick()).unwrap());
    assert_eq!(std::fs::read(&contents(home.path())[2]).unwrap(), good[2]);

    // A bit in the middle of an old file.
    let mut bytes = std::fs::read(&logs[1]).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&logs[1], bytes).unwrap();
    assert!(Store::open(home.path(), CHAIN, options()).is_err());
    let opened = Store::open(home.path(), CHAIN, quick()).unwrap();
    let wrong = opened.reader.records(None).filter_map(Result::err).next();
    assert!(
        matches!(wrong, Some(StoreError::Corrupt { .. })),
        "{wrong:?}"
    );
    let (mut read, mut told) = (0, Vec::new());
    let scrub = opened.store.scrub();
    let mut pause = |bytes| {
        read += bytes;
        true
    };
    scrub.pass(&mut pause, &mut |damage| told.push(damage));
    let [StoreError::Corrupt { path, offset, .. }] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(*path, logs[1]);
    assert!(*offset <= at as u64 && *offset + 2_000 > at as u64);
    let all: u64 = logs[..logs.len() - 1]
        .iter()
        .map(|path| std::fs::metadata(path).unwrap().len())
        .sum();
    assert!(
        read > all / 2 && read < all,
        "{read} of {all}: the rest of the damaged file is not read"
    );
    // Told to stop, it stops.
    let mut calls = 0;
    let mut stop = |_| {
        calls += 1;
        false
    };
    scrub.pass(&mut stop, &mut |damage| panic!("{damage}"));
    assert_eq!(calls, 1);
}
