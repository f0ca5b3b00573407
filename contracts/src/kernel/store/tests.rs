//! Random writes and ways back, against maps that are copied.

use std::collections::BTreeMap;

use super::*;
use crate::kernel::member::{Member, MemberId};
use crate::kernel::trigger::{Scheduled, When};
use crate::tx::{Millis, PublicKey};

type Model = BTreeMap<u64, u64>;

fn key(n: u64) -> PublicKey {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_le_bytes());
    PublicKey(key)
}

fn write(stores: &mut Stores, hashed: bool, n: u64, value: Option<u64>) {
    let Stores {
        kernel, journal, ..
    } = stores;
    let done = match (hashed, value) {
        (true, Some(value)) => {
            let roles = crate::account::Roles::NONE;
            let id = MemberId(value as u32);
            let nonces = Default::default();
            let member = Member { id, roles, nonces };
            // One way or the other: as a new value, or in place.
            match kernel.members.update(journal, &key(n)) {
                Ok(Some(held)) => {
                    *held = member;
                    Ok(())
                }
                _ => kernel.members.set(journal, key(n), member),
            }
        }
        (true, None) => kernel.members.remove(journal, &key(n)).map(|_| ()),
        (false, Some(value)) => {
            let module = value as u16;
            let data = Vec::new();
            let at = (When::Time(Millis(n)), n);
            kernel.schedule.set(journal, at, Scheduled { module, data })
        }
        (false, None) => {
            let at = (When::Time(Millis(n)), n);
            kernel.schedule.remove(journal, &at).map(|_| ())
        }
    };
    done.expect("the meter is unbounded");
}

/// Random writes, nested points, rollbacks, commits and blocks, on both kinds of tables, against maps that are copied.
#[test]
fn tables_agree_with_maps_that_are_copied() {
    let mut stores = Stores::new();
    let mut random = 11_u64;
    let mut below = |bound: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    let mut models: [Model; 2] = Default::default();
    let mut last_block = models.clone();
    for _ in 0..3_000 {
        let mut marks = vec![(stores.journal.mark(), models.clone())];
        for _ in 0..below(12) {
            match below(8) {
                0 => marks.push((stores.journal.mark(), models.clone())),
                1 if marks.len() > 1 => {
                    let (mark, old) = marks.pop().expect("more than one");
                    stores.roll_back(mark);
                    models = old;
                }
                _ => {
                    let (hashed, n) = (below(2) == 0, below(40));
                    let value = (below(3) > 0).then(|| below(6));
                    write(&mut stores, hashed, n, value);
                    let model = &mut models[usize::from(!hashed)];
                    match value {
                        Some(value) => model.insert(n, value),
                        None => model.remove(&n),
                    };
                }
            }
        }
        if below(3) == 0 {
            let (mark, old) = marks.swap_remove(0);
            stores.roll_back(mark);
            models = old;
        }
        stores.journal.commit();
        for n in 0..40 {
            let member = stores.kernel.members.get(&key(n));
            assert_eq!(
                member.map(|m| u64::from(m.id.0)),
                models[0].get(&n).copied()
            );
            let work = stores.kernel.schedule.get(&(When::Time(Millis(n)), n));
            assert_eq!(
                work.map(|w| u64::from(w.module)),
                models[1].get(&n).copied()
            );
        }
        assert_eq!(stores.kernel.members.len(), models[0].len());
        if below(4) == 0 {
            let changes = stores.end_block(std::iter::empty());
            let differ = |at: usize| {
                let (old, new): (&Model, &Model) = (&last_block[at], &models[at]);
                (0..40).filter(move |n| old.get(n) != new.get(n)).count()
            };
            assert_eq!(changes.len(), differ(0) + differ(1));
            last_block = models.clone();
        }
    }
    // Keys that come and are taken back leave no slot behind.
    let slots = stores.kernel.members.slots();
    for n in 100..200 {
        let mark = stores.journal.mark();
        write(&mut stores, true, n, Some(1));
        stores.roll_back(mark);
        stores.journal.commit();
    }
    assert!(stores.kernel.members.slots() <= slots + 1);
}
