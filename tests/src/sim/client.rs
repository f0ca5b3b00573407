//! Clients that are told things, and hold the ledger to them.
//!
//! A client gives a transaction to one validator and waits. It counts as accepted when the node says so, and as committed when
//! the node names block, index and result. After its patience the outcome is unknown, and stays so until asked for; nothing is
//! submitted again but openly, as another attempt. What was told is checked against what every validator executes:
//! nothing told is lost, moved, doubled or changed, a later submission never comes before what was already told, and whoever
//! reads after that sees it.

use std::collections::BTreeMap;

use bds_contracts::block::{Height, ValidatorIndex};

use super::checker::{Checker, Place};
use super::machine::TxName;

/// What is known of one transaction.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Highest block that any client had been told of before this was first submitted.
    floor: Height,
    /// Attempts made.
    attempts: u32,
    told: Option<Place>,
}

/// A client that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Whether a process that lives must have it executed.
    safe: bool,
    /// Since when, in microseconds.
    since: u64,
}

/// What all clients know.
#[derive(Debug, Default)]
pub struct History {
    known: BTreeMap<TxName, Known>,
    /// Waiting for "committed", by validator.
    waiting: BTreeMap<(ValidatorIndex, TxName), Waiting>,
    /// How long each of those that were told waited, in microseconds.
    waits: Vec<u64>,
    /// Highest block anyone was told of.
    told_height: Height,
    /// Times a client was told "committed".
    pub told: u64,
    /// Times it was told "busy", or nothing answered.
    pub refused: u64,
    /// Reads answered.
    pub reads: u64,
}

impl History {
    /// A client gives this transaction to a validator.
    pub fn submits(&mut self, name: TxName) {
        let floor = self.told_height;
        let known = self.known.entry(name).or_insert_with(|| Known {
            floor,
            ..Known::default()
        });
        known.attempts += 1;
    }

    /// The validator has taken it, at this microsecond; `safe` when it can be held to that as long as it lives.
    pub fn accepted(&mut self, name: TxName, by: ValidatorIndex, safe: bool, now: u64) {
        let waiting = Waiting { safe, since: now };
        self.waiting.insert((by, name), waiting);
    }

    /// How long clients waited until they were told, in milliseconds.
    #[must_use]
    pub fn waits_ms(&self) -> Vec<f64> {
        self.waits
            .iter()
            .map(|wait| *wait as f64 / 1_000.0)
            .collect()
    }

    /// The validator has not.
    pub fn refused(&mut self) {
        self.refused += 1;
    }

    /// A process died: what it had only in memory may be gone, and its clients hear nothing more.
    pub fn died(&mut self, who: ValidatorIndex) {
        self.waiting.retain(|(at, _), _| *at != who);
    }

    /// This validator cannot be held to what it accepted.
    pub fn owes_nothing(&mut self, who: ValidatorIndex) {
        for ((at, _), waiting) in &mut self.waiting {
            waiting.safe &= *at != who;
        }
    }

    /// True when a client of this process waits for this transaction.
    #[must_use]
    pub fn waits(&self, at: ValidatorIndex, name: TxName) -> bool {
        self.waiting.contains_key(&(at, name))
    }

    /// A node tells its client "committed", and where, and shows the certificate of the block, if it has it, at this microsecond.
    /// It must be so, and stay so.
    pub fn told(
        &mut self,
        checker: &mut Checker,
        by: ValidatorIndex,
        name: TxName,
        place: Place,
        (shown, now): (bool, u64),
    ) {
        checker.check(shown, || {
            format!("client: validator {by} confirms transaction {name:x} without a certificate")
        });
        if let Some(waiting) = self.waiting.remove(&(by, name)) {
            self.waits.push(now - waiting.since);
        }
        self.told += 1;
        let Some(known) = self.known.get_mut(&name) else {
            checker.fail(format!(
                "client: validator {by} confirms transaction {name:x}, which nobody submitted"
            ));
            return;
        };
        let first = *known.told.get_or_insert(place);
        let floor = known.floor;
        self.told_height = self.told_height.max(place.height);
        checker.check(first == place, || {
            format!("client: transaction {name:x} was confirmed at {first:?} and by validator {by} at {place:?}")
        });
        let ledger = checker.places.get(&name).copied();
        checker.check(ledger == Some(place), || {
            format!("client: validator {by} confirms transaction {name:x} at {place:?}, the ledger has it at {ledger:?}")
        });
        checker.check(place.height > floor, || {
            format!("client: transaction {name:x} is in block {}, though block {floor} was confirmed before it was submitted", place.height)
        });
    }

    /// A client reads its transaction from a node that knows blocks up to `height` to be certified.
    pub fn read(
        &mut self,
        checker: &mut Checker,
        from: ValidatorIndex,
        name: TxName,
        height: Height,
        answer: Option<Place>,
    ) {
        self.reads += 1;
        let told = self.known.get(&name).and_then(|known| known.told);
        if let Some(told) = told.filter(|told| told.height <= height) {
            checker.check(answer == Some(told), || {
                format!("client: transaction {name:x} was confirmed at {told:?}, validator {from} at block {height} reads {answer:?}")
            });
        }
    }

    /// Any transaction a client was told of, for a read.
    #[must_use]
    pub fn any_told(&self, from: TxName) -> Option<TxName> {
        let mut after = self.known.range(from..).chain(self.known.range(..from));
        after
            .find(|(_, known)| known.told.is_some())
            .map(|(name, _)| *name)
    }

    /// Transactions that a living process has accepted and nobody was told of.
    pub fn owed(&self) -> impl Iterator<Item = TxName> + '_ {
        let safe = self.waiting.iter().filter(|(_, waiting)| waiting.safe);
        safe.map(|((_, name), _)| *name).filter(|name| {
            self.known
                .get(name)
                .is_none_or(|known| known.told.is_none())
        })
    }

    /// Block a client was told of for this transaction.
    #[must_use]
    pub fn told_at(&self, name: TxName) -> Option<Height> {
        Some(self.known.get(&name)?.told?.height)
    }

    /// Everything a client was told must be on this validator, at its place. `span` is what it has executed itself: above
    /// the snapshot it began with, up to its last block.
    pub fn audit(
        &self,
        checker: &mut Checker,
        who: ValidatorIndex,
        executed: &BTreeMap<TxName, Place>,
        span: (Height, Height),
    ) {
        for (name, known) in &self.known {
            let told = known.told;
            if let Some(told) = told.filter(|told| told.height > span.0 && told.height <= span.1) {
                let found = executed.get(name).copied();
                checker.check(found == Some(told), || {
                    format!("client: transaction {name:x} was confirmed at {told:?} and validator {who} has it at {found:?}")
                });
            }
        }
        for name in executed.keys() {
            checker.check(self.known.contains_key(name), || {
                format!(
                    "client: validator {who} executed transaction {name:x}, which nobody submitted"
                )
            });
        }
    }

    /// Transactions submitted.
    #[must_use]
    pub fn submitted(&self) -> usize {
        self.known.len()
    }
}
