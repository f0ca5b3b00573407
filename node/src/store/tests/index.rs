//! Does the index find every receipt, whatever a crash or a disk left of it?

use std::sync::Arc;

use bds_contracts::kernel::receipt::Receipts;
use bds_contracts::receipt::Code;
use bds_contracts::tx::{PublicKey, TxId};

use super::super::index::{Found, Sizes};
use super::*;
use crate::execution::{Dropped, Outcome};

/// Files of a few blocks, and places become a file after a few.
const SMALL: Sizes = Sizes {
    file_bytes: 4_000,
    file_blocks: 7,
    recent_max: 20,
};

/// Three receipts and one of a trigger, byte by byte.
fn receipts(height: u64) -> Arc<Receipts> {
    let mut bytes = Vec::new();
    for index in 0..4_u32 {
        if index == 3 {
            bytes.push(1);
            bytes.extend_from_slice(&height.to_le_bytes());
        } else {
            bytes.push(0);
            bytes.extend_from_slice(&id(height, index).0);
        }
        bytes.extend_from_slice(&height.to_le_bytes());
        bytes.extend_from_slice(&index.to_le_bytes());
        // Code, the call that failed, units, no events.
        bytes.extend_from_slice(&41_u16.to_le_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&7_u64.to_le_bytes());
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        let message = format!("receipt {index} of block {height}");
        bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(message.as_bytes());
    }
    Arc::new(Receipts::parse(bytes).unwrap())
}

fn id(height: u64, index: u32) -> TxId {
    let mut id = [0; 64];
    id[..8].copy_from_slice(&(height * 3 + u64::from(index)).to_le_bytes());
    TxId(id)
}

/// In every third block two: one of its own, and another copy of what was executed before.
fn dropped(height: u64) -> Vec<Dropped> {
    let of = |id| Dropped {
        id,
        sender: PublicKey([1; 32]),
        code: Code(200 + u16::try_from(height % 7).unwrap()),
    };
    if height.is_multiple_of(3) {
        vec![of(lost(height)), of(id(height - 1, 0))]
    } else {
        Vec::new()
    }
}

fn lost(height: u64) -> TxId {
    let mut id = id(height, 0);
    id.0[63] = 9;
    id
}

/// Where it was executed, and how.
fn executed(index: &Index, id: &TxId) -> Option<(u64, u32, Code)> {
    match index.find(id).unwrap()? {
        Found::Executed { block, index, code } => Some((block.height, index, code)),
        Found::Dropped(_) => None,
    }
}

/// The first three receipts of a block are those of transactions.
fn record(index: &Index, height: u64) -> Result<(), StoreError> {
    let outcomes = (0..3).map(|at| Outcome {
        id: id(height, at),
        index: at,
        code: Code(41),
    });
    let (executed, gone) = (Arc::new(outcomes.collect()), Arc::new(dropped(height)));
    index.record_block(height, receipts(height), executed, gone)
}

fn open(medium: impl Medium + 'static, dir: &Path) -> Index {
    Index::with_sizes(Arc::new(medium), dir, 0, SMALL).unwrap()
}

/// Everything up to `last`, and nothing above.
fn holds(index: &Index, last: u64) {
    holds_from(index, 1, last);
}

/// Everything from `first` to `last`, and nothing else.
fn holds_from(index: &Index, first: u64, last: u64) {
    for height in first..=last {
        let block = index.block(height).unwrap().unwrap();
        assert_eq!(block.receipts.bytes(), receipts(height).bytes());
        assert_eq!((block.height, block.receipts.len()), (height, 4));
        let gone = dropped(height)
            .iter()
            .map(|one| (one.id, one.code))
            .collect::<Vec<_>>();
        assert_eq!(block.dropped, gone);
        // Also of the one that was ordered again and dropped.
        for at in 0..3 {
            let found = executed(index, &id(height, at));
            assert_eq!(found, Some((height, at, Code(41))));
        }
        let found = index.find(&lost(height)).unwrap();
        match gone.first() {
            Some((_, why)) => assert!(matches!(found, Some(Found::Dropped(code)) if code == *why)),
            None => assert!(found.is_none()),
        }
    }
    assert!(index.block(first - 1).unwrap().is_none());
    if first > 1 {
        assert!(executed(index, &id(first - 1, 1)).is_none());
    }
    assert!(index.block(last + 1).unwrap().is_none());
    assert!(index.find(&id(last + 1, 0)).unwrap().is_none());
}

/// Files with this end.
fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    files_with_suffix(&RealMedium, dir, suffix).unwrap()
}

#[test]
fn the_index_finds_receipts_and_is_rebuilt_from_what_it_says_is_applied() {
    let home = temporary_home();
    let dir = home.path().join(INDEX_DIR);
    for sizes in [None, Some(SMALL)] {
        let open = || match sizes {
            None => Index::open(Arc::new(RealMedium), &dir, 0).unwrap(),
            Some(sizes) => Index::with_sizes(Arc::new(RealMedium), &dir, 0, sizes).unwrap(),
        };
        let index = open();
        assert_eq!(index.applied(), 0);
        for height in 1..=500 {
            record(&index, height).unwrap();
        }
        assert!(record(&index, 502).is_err(), "a block left out");
        record(&index, 3).unwrap();
        drop(index);
        let index = open();
        assert_eq!(index.applied(), 500);
        holds(&index, 500);
        // All but the last bit of its id is the same: it is another one.
        let mut other = id(7, 0);
        other.0[63] ^= 1;
        assert!(index.find(&other).unwrap().is_none());
        drop(index);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

/// Two transactions whose ids begin alike are found both, in memory and in files, beside each other and far apart.
#[test]
fn ids_that_begin_alike_are_told_apart() {
    let home = temporary_home();
    let dir = home.path().join(INDEX_DIR);
    let alike = |height: u64, index: u32| {
        let mut id = TxId([0; 64]);
        id.0[40..48].copy_from_slice(&height.to_be_bytes());
        id.0[63] = u8::try_from(index).unwrap();
        id
    };
    let block = |height: u64| {
        let mut bytes = receipts(height).bytes().to_vec();
        let lengths: Vec<usize> = receipts(height).iter().map(<[u8]>::len).collect();
        let mut at = 0;
        for index in 0..3 {
            bytes[at + 1..at + 65].copy_from_slice(&alike(height, index).0);
            at += lengths[index as usize];
        }
        Arc::new(Receipts::parse(bytes).unwrap())
    };
    let index = open(RealMedium, &dir);
    // More than a page of a file holds.
    for height in 1..=300 {
        let outcomes = (0..3).map(|at| Outcome {
            id: alike(height, at),
            index: at,
            code: Code(41),
        });
        let outcomes = Arc::new(outcomes.collect());
        let recorded = index.record_block(height, block(height), outcomes, Arc::default());
        recorded.unwrap();
    }
    drop(index);
    let index = open(RealMedium, &dir);
    for height in [1, 2, 84, 85, 86, 255, 299, 300] {
        for at in 0..3 {
            let found = executed(&index, &alike(height, at));
            assert_eq!(found, Some((height, at, Code(41))));
        }
    }
    assert!(index.find(&alike(301, 0)).unwrap().is_none());
}

/// Runs are merged by eights, and what was merged is gone: the number of files grows with the logarithm of the ledger alone.
#[test]
fn files_of_places_are_merged() {
    let home = temporary_home();
    let dir = home.path().join(INDEX_DIR);
    let index = open(RealMedium, &dir);
    for height in 1..=700 {
        record(&index, height).unwrap();
    }
    drop(index);
    // 100 files of receipts, at each of which places were written, and others between.
    assert_eq!(files(&dir, ".receipts").len(), 100);
    assert!(files(&dir, ".places").len() < 8);
    holds(&open(RealMedium, &dir), 700);
}

/// A ledger that does not hold its beginning has an index that does not either, and it goes on from there.
#[test]
fn the_index_forgets_with_the_ledger() {
    let home = temporary_home();
    let dir = home.path().join(INDEX_DIR);
    let index = open(RealMedium, &dir);
    for height in 1..=200 {
        record(&index, height).unwrap();
    }
    index.sync().unwrap();
    let count = files(&dir, ".receipts").len() + files(&dir, ".places").len();
    index.forget_up_to(150).unwrap();
    index.sync().unwrap();
    // Whole files go: of seven blocks each, so the one with block 151 begins by 145 at the earliest.
    let first = index.first();
    assert!((145..=151).contains(&first), "{first}");
    holds_from(&index, first, 200);
    assert!(files(&dir, ".receipts").len() + files(&dir, ".places").len() < count / 2);
    drop(index);
    let reopen = |base| Index::with_sizes(Arc::new(RealMedium), &dir, base, SMALL).unwrap();
    for last in [200, 230] {
        let index = reopen(150);
        assert_eq!((index.first(), index.applied()), (first, last));
        holds_from(&index, first, last);
        for height in last + 1..=last + 30 {
            record(&index, height).unwrap();
        }
    }
    // The base rose, and nobody told the index.
    let index = reopen(220);
    assert!(index.first() > 210);
    holds_from(&index, index.first(), 260);
    drop(index);
    // Begun anew behind a state.
    let index = Index::begin(Arc::new(RealMedium), &dir, 1_000).unwrap();
    assert_eq!((index.first(), index.applied()), (1_001, 1_000));
    assert!(record(&index, 1_000).is_ok(), "at or below what is there");
    assert!(record(&index, 1_002).is_err());
    for height in 1_001..=1_050 {
        record(&index, height).unwrap();
    }
    drop(index);
    let index = reopen(1_000);
    assert_eq!((index.first(), index.applied()), (1_001, 1_050));
    holds_from(&index, 1_001, 1_050);
    drop(index);
    // A ledger that holds everything does without an index that does not.
    assert_eq!(open(RealMedium, &dir).applied(), 0);
}

/// At every call to the medium at which a process can die or the machine lose power: what is said to be there is, and the rest can be
/// recorded again.
#[test]
fn a_crash_leaves_what_it_says() {
    let mut deepest = 0;
    for kept in [0, 5, u64::from(u32::MAX)] {
        for call in 1.. {
            let home = temporary_home();
            let dir = home.path().join(INDEX_DIR);
            let medium = FaultyMedium::with_fault(call, Fault::Crash);
            if let Ok(index) = Index::with_sizes(Arc::new(medium.clone()), &dir, 0, SMALL) {
                for height in 1..=70 {
                    if record(&index, height).is_err() {
                        break;
                    }
                }
            }
            let struck = medium.struck();
            medium.power_loss(kept);
            let index = open(RealMedium, &dir);
            let applied = index.applied();
            deepest = deepest.max(applied);
            holds(&index, applied);
            for height in applied + 1..=70 {
                record(&index, height).unwrap();
            }
            drop(index);
            let index = open(RealMedium, &dir);
            assert_eq!(index.applied(), 70);
            holds(&index, 70);
            if !struck {
                assert!(call > 100, "{call} calls are too few to prove much");
                break;
            }
        }
    }
    assert_eq!(deepest, 70);
}

/// Wherever a byte of its files changes: it says so, or asks for the blocks again, and never tells something else.
#[test]
fn damage_is_told_or_recorded_again() {
    let home = temporary_home();
    let dir = home.path().join(INDEX_DIR);
    let index = open(RealMedium, &dir);
    for height in 1..=24 {
        record(&index, height).unwrap();
    }
    drop(index);
    let whole: Vec<(PathBuf, Vec<u8>)> = [".receipts", ".places"]
        .iter()
        .flat_map(|suffix| files(&dir, suffix))
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    assert!(whole.len() > 4);
    for (path, bytes) in &whole {
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            std::fs::write(path, &changed).unwrap();
            let Ok(index) = Index::with_sizes(Arc::new(RealMedium), &dir, 0, SMALL) else {
                restore(&dir, &whole);
                continue;
            };
            let applied = index.applied();
            for height in 1..=applied {
                if let Ok(block) = index.block(height) {
                    let found = block.unwrap();
                    assert_eq!(found.receipts.bytes(), receipts(height).bytes());
                }
                for at in 0..3 {
                    if index.find(&id(height, at)).is_ok() {
                        let found = executed(&index, &id(height, at));
                        assert_eq!(found, Some((height, at, Code(41))));
                    }
                }
            }
            for height in applied + 1..=24 {
                record(&index, height).unwrap();
            }
            drop(index);
            restore(&dir, &whole);
        }
        // And every shorter file, as far as it matters.
        for length in [0, 1, 15, 16, 40, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(path, &bytes[..length.min(bytes.len())]).unwrap();
            let index = open(RealMedium, &dir);
            for height in index.applied() + 1..=24 {
                record(&index, height).unwrap();
            }
            drop(index);
            holds(&open(RealMedium, &dir), 24);
            restore(&dir, &whole);
        }
    }
}

/// The files as they were, and no others.
fn restore(dir: &Path, whole: &[(PathBuf, Vec<u8>)]) {
    std::fs::remove_dir_all(dir).unwrap();
    std::fs::create_dir(dir).unwrap();
    for (path, bytes) in whole {
        std::fs::write(path, bytes).unwrap();
    }
}
