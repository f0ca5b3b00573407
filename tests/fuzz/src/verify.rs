//! Does every backend give each signature the verdict of the written rule, whatever lies beside it and came before?
//!
//! An input is a list of runs: family of points, damage, length, and where the rest of the decisions comes from (a
//! generator, or the input itself, byte by byte, for a single signature). So a few bytes make a batch of 200.
//!
//! Three sets of backends see every batch: one is kept from input to input, so that its cache of keys and its switch
//! have a history (with so much damage it mostly checks one by one); one is made anew before its switch can act, so
//! that it always tries equations; one checks one by one by construction.

use std::cell::RefCell;
use std::sync::LazyLock;

use bds_engine::{Backend, SignatureItem, Verdicts, available, ed25519};

use crate::choices::{Choices as _, Seeded};
use crate::forge::{Damage, Family, Forge, Forged, arrange};
use crate::input::Input;

const BATCH_ITEMS_MAX: usize = 200;
/// The switch judges nothing below 1,024 signatures.
const YOUNG_SIGNATURES_MAX: u64 = 1000;

static FORGE: LazyLock<Forge> = LazyLock::new(|| Forge::new(1, 512));

thread_local! {
    static SETS: RefCell<Sets> = RefCell::new(Sets {
        kept: available(),
        young: available(),
        exact: crate::exact(),
    });
}

struct Sets {
    kept: Vec<Box<dyn Backend>>,
    young: Vec<Box<dyn Backend>>,
    exact: Vec<Box<dyn Backend>>,
}

/// One input.
///
/// # Panics
/// When two verdicts differ: that is the finding.
pub fn run(input: &[u8]) {
    let batch = batch(&mut Input::new(input));
    let items: Vec<SignatureItem<'_>> = batch.iter().map(Forged::item).collect();
    for forged in &batch {
        let by_rule = ed25519::verify(&forged.item());
        assert_eq!(
            by_rule, forged.valid,
            "rule against construction: {forged:x?}"
        );
    }
    SETS.with_borrow_mut(|sets| {
        let seen = sets.young[0].verify_stats().signatures;
        if seen + batch.len() as u64 > YOUNG_SIGNATURES_MAX {
            sets.young = available();
        }
        for (set, backends) in [
            ("kept", &sets.kept),
            ("young", &sets.young),
            ("exact", &sets.exact),
        ] {
            for backend in backends {
                check(set, &**backend, &items, &batch);
            }
        }
    });
}

fn check(set: &str, backend: &dyn Backend, items: &[SignatureItem<'_>], batch: &[Forged<'_>]) {
    let mut verdicts = Verdicts::new();
    let before = backend.verify_stats();
    backend
        .verify_ed25519(items, &mut verdicts)
        .expect("a small batch");
    assert_eq!(verdicts.len(), batch.len());
    for (i, (got, forged)) in verdicts.iter().zip(batch).enumerate() {
        if got == forged.valid {
            continue;
        }
        let mut again = Verdicts::new();
        backend
            .verify_ed25519(items, &mut again)
            .expect("a small batch");
        let mut alone = Verdicts::new();
        backend
            .verify_ed25519(&items[i..=i], &mut alone)
            .expect("a small batch");
        panic!(
            "{} ({set}) says {got} to item {i} of {}; the same batch again: {}, alone: {}; {:?}; {forged:x?}",
            backend.name(),
            batch.len(),
            again.get(i),
            alone.get(0),
            backend.verify_stats(),
        );
    }
    let valid = batch.iter().filter(|f| f.valid).count();
    assert_eq!(verdicts.count_valid(), valid);
    let failed = backend.verify_stats().equations_failed - before.equations_failed;
    assert!(
        valid < batch.len() || failed == 0,
        "{} ({set}): {failed} equations failed over valid signatures",
        backend.name()
    );
}

fn batch(input: &mut Input<'_>) -> Vec<Forged<'static>> {
    // Half of the batches are small: an input costs about half a millisecond a signature.
    let bound = input.one_of(&[9, 70, BATCH_ITEMS_MAX, BATCH_ITEMS_MAX]);
    let count = 1 + input.below(bound);
    let order = input.below(256) as u64;
    let mut batch: Vec<Forged<'static>> = Vec::with_capacity(count);
    while batch.len() < count {
        let room = count - batch.len();
        // Beyond the end: what is left is one run of plain valid signatures.
        let length = if input.is_empty() {
            room
        } else {
            1 + input.below(room)
        };
        let family = input.one_of(Family::ALL);
        let damage = input.one_of(Damage::ALL);
        match length {
            1 => batch.push(FORGE.forge(input, family, damage)),
            2 => batch.extend(cancelling(input, family)),
            _ => {
                let mut choices = input.seeded();
                batch.extend((0..length).map(|_| FORGE.forge(&mut choices, family, damage)));
            }
        }
    }
    arrange(&mut Seeded::new(order), &mut batch);
    batch
}

/// Two signatures that are wrong by opposite amounts.
fn cancelling(input: &mut Input<'_>, family: Family) -> [Forged<'static>; 2] {
    let mut pair = [family, family].map(|family| FORGE.forge(input, family, Damage::None));
    let by = input.scalar() + curve25519_dalek::Scalar::ONE;
    if by != curve25519_dalek::Scalar::ZERO {
        pair[0].shift(by);
        pair[1].shift(-by);
    }
    pair
}
