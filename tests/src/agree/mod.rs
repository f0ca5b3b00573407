//! Do all backends of this machine give millions of crafted signatures the same, right verdicts?
//!
//! The run is cut into epochs of [`EPOCH_SIGNATURES`]. Each has its own seed, its own points and new backends, so an
//! epoch can be run again by itself. Within an epoch the backends are kept from batch to batch: their caches fill, and
//! their switch leaves equations in a flood and comes back, because the share of damage changes:
//! 1. none: every signature is valid, many of them at the edge, and equations must hold;
//! 2. rare: one in some hundreds, equations fail and are cut up;
//! 3. half, then all: the switch goes to single checks;
//! 4. none again, until equations are back;
//! 5. half, on new backends for every batch: equations over anything at all, which the switch cannot prevent.

pub mod choices;
pub mod forge;

use std::collections::BTreeMap;
use std::fmt;

use bds_engine::{Backend, SignatureItem, Verdicts, VerifyStats, available};

use choices::{Choices as _, Seeded};
use forge::{Damage, Family, Forge, Forged, arrange};

/// Signatures of one epoch, and what its last batch has beyond.
pub const EPOCH_SIGNATURES: u64 = 250_000;
/// Points of each kind in an epoch.
const EPOCH_POINTS: usize = 4096;
/// Around the lanes of vectors, the words of a bitmap and the chunks of a batch; 0 stands for any size up to 4,096.
const BATCH_ITEMS: [usize; 16] = [
    1, 2, 7, 8, 9, 63, 64, 65, 255, 257, 1023, 1024, 1025, 4096, 0, 0,
];

/// How much of a batch is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    None,
    Rare,
    Half,
    All,
}

/// Parts of an epoch: up to which twentieth of it, with which share, and whether each batch has new backends.
const PARTS: [(u64, Share, bool); 6] = [
    (5, Share::None, false),
    (10, Share::Rare, false),
    (12, Share::Half, false),
    (13, Share::All, false),
    (17, Share::None, false),
    (20, Share::Half, true),
];

/// What was run and counted.
#[derive(Debug, Default)]
pub struct Report {
    /// Signatures compared, each on every backend.
    pub signatures: u64,
    /// Of these, valid.
    pub valid: u64,
    /// Batches compared.
    pub batches: u64,
    /// Epochs finished.
    pub epochs: u64,
    /// Signatures by what they were made of.
    pub families: BTreeMap<Family, u64>,
    /// Signatures by what was done to them, and how many of these were still valid.
    pub damages: BTreeMap<Damage, (u64, u64)>,
    /// What each backend did, by name, fastest first.
    pub backends: Vec<(&'static str, VerifyStats)>,
}

/// A backend gave a verdict that is not the one known by construction, or an equation failed where none may.
#[derive(Debug)]
pub struct Difference {
    /// Seed of the epoch: a run that begins with it meets the difference again.
    pub seed: u64,
    /// Signatures of each epoch, on which its parts depend.
    pub epoch_signatures: u64,
    /// Batch of the epoch, from 0.
    pub batch: u64,
    /// The backend that is wrong.
    pub backend: &'static str,
    /// What is wrong: the item of the batch, its size and everything about the signature, or the count that is off.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "backend {} is wrong in batch {} of seed {}: {}; repeat: bds-agree --signatures {} --seed {}",
            self.backend, self.batch, self.seed, self.what, self.epoch_signatures, self.seed
        )
    }
}

/// Compares at least `signatures` signatures, in whole epochs; epoch `i` has the seed `seed + i`. Fewer than one epoch
/// has make a single shorter one.
///
/// - `progress`: called after every epoch.
///
/// # Errors
/// The first [`Difference`].
pub fn run(
    signatures: u64,
    seed: u64,
    mut progress: impl FnMut(&Report),
) -> Result<Report, Box<Difference>> {
    run_on(&available, signatures, seed, &mut progress)
}

/// As [`run`], on backends made by `make`, so that a test can put a wrong one among them.
///
/// # Errors
/// The first [`Difference`].
pub fn run_on(
    make: &dyn Fn() -> Vec<Box<dyn Backend>>,
    signatures: u64,
    seed: u64,
    progress: &mut dyn FnMut(&Report),
) -> Result<Report, Box<Difference>> {
    let mut report = Report {
        backends: make()
            .iter()
            .map(|b| (b.name(), VerifyStats::default()))
            .collect(),
        ..Report::default()
    };
    let epoch_signatures = signatures.min(EPOCH_SIGNATURES);
    while report.signatures < signatures {
        let seed = seed.wrapping_add(report.epochs);
        epoch(make, epoch_signatures, seed, &mut report)?;
        report.epochs += 1;
        progress(&report);
    }
    Ok(report)
}

fn epoch(
    make: &dyn Fn() -> Vec<Box<dyn Backend>>,
    signatures: u64,
    seed: u64,
    report: &mut Report,
) -> Result<(), Box<Difference>> {
    // A short run gets as many points as it can use.
    let forge = Forge::new(seed, EPOCH_POINTS.min(16 + signatures as usize / 8));
    let mut choices = Seeded::new(seed);
    let mut backends = make();
    let (mut done, mut batches) = (0, 0);
    while done < signatures {
        let twentieth = done * 20 / signatures;
        let (_, share, anew) = PARTS
            .into_iter()
            .find(|part| twentieth < part.0)
            .expect("the last part ends at 20");
        if anew {
            report.add_stats(&backends);
            backends = make();
        }
        let batch = forge_batch(&forge, &mut choices, share);
        for backend in &backends {
            check(&**backend, &batch).map_err(|what| {
                Box::new(Difference {
                    seed,
                    epoch_signatures: signatures,
                    batch: batches,
                    backend: backend.name(),
                    what,
                })
            })?;
        }
        report.add_batch(&batch);
        done += batch.len() as u64;
        batches += 1;
    }
    report.add_stats(&backends);
    Ok(())
}

fn forge_batch<'a>(forge: &'a Forge, choices: &mut Seeded, share: Share) -> Vec<Forged<'a>> {
    let count = match choices.one_of(&BATCH_ITEMS) {
        0 => 1 + choices.below(4096),
        count => count,
    };
    // Every second batch is of one family: hot keys side by side, or small order and nothing else.
    let family = (choices.below(2) == 0).then(|| choices.one_of(Family::ALL));
    let mut batch: Vec<Forged<'_>> = (0..count)
        .map(|_| {
            let damaged = match share {
                Share::None => false,
                Share::Rare => choices.below(300) == 0,
                Share::Half => choices.below(2) == 0,
                Share::All => true,
            };
            let family = family.unwrap_or_else(|| choices.one_of(Family::ALL));
            let damage = if damaged {
                choices.one_of(&Damage::ALL[1..])
            } else {
                Damage::None
            };
            forge.forge(choices, family, damage)
        })
        .collect();
    if share == Share::Rare && count > 1 && choices.below(4) == 0 {
        cancel(choices, &mut batch);
    }
    arrange(choices, &mut batch);
    batch
}

/// Makes two signatures wrong by opposite amounts, when they are valid: with equal factors their sum would hold.
fn cancel(choices: &mut Seeded, batch: &mut [Forged<'_>]) {
    let first = choices.below(batch.len());
    let second = (first + 1 + choices.below(batch.len() - 1)) % batch.len();
    if batch[first].valid && batch[second].valid {
        let by = choices.scalar();
        batch[first].shift(by);
        batch[second].shift(-by);
    }
}

/// Compares with the verdicts known by construction, and so every backend with every other.
fn check(backend: &dyn Backend, batch: &[Forged<'_>]) -> Result<(), String> {
    let items: Vec<SignatureItem<'_>> = batch.iter().map(Forged::item).collect();
    let mut verdicts = Verdicts::new();
    let before = backend.verify_stats();
    backend
        .verify_ed25519(&items, &mut verdicts)
        .map_err(|e| e.to_string())?;
    if verdicts.len() != batch.len() {
        return Err(format!(
            "{} verdicts for {} items",
            verdicts.len(),
            batch.len()
        ));
    }
    let wrong = verdicts
        .iter()
        .zip(batch)
        .position(|(verdict, forged)| verdict != forged.valid);
    if let Some(i) = wrong {
        let by_rule = bds_engine::ed25519::verify(&items[i]);
        return Err(format!(
            "says {} to item {i} of {}, the rule says {by_rule}: {:x?}",
            verdicts.get(i),
            batch.len(),
            batch[i],
        ));
    }
    // The bitmap beyond its items is zero as well.
    let valid = batch.iter().filter(|f| f.valid).count();
    if verdicts.count_valid() != valid {
        return Err(format!(
            "counts {} valid, not {valid}",
            verdicts.count_valid()
        ));
    }
    // Equations that fail over valid signatures would give right verdicts late: a lever to slow others down.
    let failed = backend.verify_stats().equations_failed - before.equations_failed;
    if valid == batch.len() && failed > 0 {
        return Err(format!(
            "{failed} equations failed over {valid} valid signatures"
        ));
    }
    Ok(())
}

impl Report {
    fn add_batch(&mut self, batch: &[Forged<'_>]) {
        self.batches += 1;
        self.signatures += batch.len() as u64;
        for forged in batch {
            let valid = u64::from(forged.valid);
            self.valid += valid;
            *self.families.entry(forged.family).or_default() += 1;
            let damage = self.damages.entry(forged.damage).or_default();
            damage.0 += 1;
            damage.1 += valid;
        }
    }

    fn add_stats(&mut self, backends: &[Box<dyn Backend>]) {
        for ((_, sum), backend) in self.backends.iter_mut().zip(backends) {
            let stats = backend.verify_stats();
            sum.signatures += stats.signatures;
            sum.invalid += stats.invalid;
            sum.by_equation += stats.by_equation;
            sum.equations += stats.equations;
            sum.equations_failed += stats.equations_failed;
            sum.key_hits += stats.key_hits;
            sum.key_misses += stats.key_misses;
        }
    }
}
