//! The observer that sees everything: what must hold after every event, over all correct validators, forever.
//!
//! It trusts nothing the core says about itself: quorums are recounted and signatures checked again here.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::block::{
    BatchDigest, BlockDigest, CertifiedHeader, Height, Signatures, Statement, ValidatorIndex,
    ValidatorSet,
};
use bds_contracts::tx::ChainId;
use bds_core::batch::{Batch, Position};
use bds_core::message::{CommittedSlot, Message, View};
use bds_core::scheme::{Scheme, SignatureCheck};

use super::scheme::MockScheme;

/// What a validator may say only once: the kind, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Once {
    PrePrepare(View, Height),
    Prepare(View, Height),
    Commit(View, Height),
    Acknowledge(ValidatorIndex, Position),
    OwnBatch(Position),
    Executed(Height),
}

/// Memory of one run.
pub struct Checker {
    chain: ChainId,
    set: ValidatorSet,
    scheme: MockScheme,
    /// Count the weight of certificates again. Off only to show what a wrong quorum does to agreement itself.
    pub recount: bool,
    /// Validators that may do anything.
    pub faulty: BTreeSet<ValidatorIndex>,
    said: BTreeMap<(ValidatorIndex, Once), [u8; 32]>,
    lanes: BTreeMap<BatchDigest, (ValidatorIndex, Position)>,
    committed: BTreeMap<Height, [u8; 32]>,
    headers: BTreeMap<Height, (BlockDigest, BlockDigest)>,
    orders: BTreeMap<Height, Vec<BatchDigest>>,
    transactions: BTreeMap<u64, Height>,
    views: BTreeMap<ValidatorIndex, View>,
    /// First violation found.
    pub violation: Option<String>,
    /// Checks made, to show that the observer is not asleep.
    pub checks: u64,
}

impl Checker {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(chain: ChainId, set: ValidatorSet, faulty: BTreeSet<ValidatorIndex>) -> Self {
        Self {
            chain,
            set,
            scheme: MockScheme::new(0),
            faulty,
            recount: true,
            said: BTreeMap::new(),
            lanes: BTreeMap::new(),
            committed: BTreeMap::new(),
            headers: BTreeMap::new(),
            orders: BTreeMap::new(),
            transactions: BTreeMap::new(),
            views: BTreeMap::new(),
            violation: None,
            checks: 0,
        }
    }

    /// Records a violation; the first one counts.
    pub fn fail(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.fail(what());
        }
    }

    /// I4: no validator signs two things for one place, across crashes.
    fn once(&mut self, who: ValidatorIndex, place: Once, digest: [u8; 32]) {
        let first = *self.said.entry((who, place)).or_insert(digest);
        self.check(first == digest, || {
            format!("one vote: validator {who} signed two digests for {place:?}")
        });
    }

    /// A message left a correct validator.
    pub fn sent(&mut self, from: ValidatorIndex, message: &Message) {
        if self.faulty.contains(&from) {
            return;
        }
        match message {
            Message::PrePrepare(proposed) => {
                let place = Once::PrePrepare(proposed.view, proposed.proposal.slot);
                self.once(from, place, proposed.proposal.digest().0);
            }
            Message::Prepare(v) => self.once(from, Once::Prepare(v.view, v.slot), v.digest.0),
            Message::Commit(v) => self.once(from, Once::Commit(v.view, v.slot), v.digest.0),
            Message::Acknowledge {
                position, digest, ..
            } => {
                if let Some((lane, place)) = self.lanes.get(digest).copied() {
                    self.check(place == *position, || {
                        format!("validator {from} acknowledged {digest:?} at {position}")
                    });
                    self.once(from, Once::Acknowledge(lane, *position), digest.0);
                }
            }
            Message::Batch(batch) => {
                let digest = batch.header.digest();
                let (lane, position) = (batch.header.lane, batch.header.position);
                self.lanes.insert(digest, (lane, position));
                if lane == from {
                    self.once(from, Once::OwnBatch(position), digest.0);
                }
            }
            Message::Executed { height, digest, .. } => {
                self.once(from, Once::Executed(*height), digest.0);
            }
            _ => {}
        }
    }

    /// Signatures of a quorum of distinct members over this statement (I3).
    fn quorum(&mut self, what: &str, statement: &Statement, signatures: &Signatures) {
        let message = statement.bytes(self.chain, self.set.epoch);
        let mut signers = BTreeSet::new();
        let mut weight = 0;
        let mut right = true;
        for (who, signature) in signatures.iter() {
            right &= usize::from(who) < self.set.validators.len() && signers.insert(who);
            if right {
                weight += self.set.weight(who);
                let check = SignatureCheck {
                    key: self.set.validators[usize::from(who)].key,
                    message: &message,
                    signature,
                };
                right &= self.scheme.verify(&[check]) == [true];
            }
        }
        let enough = !self.recount || 3 * weight > 2 * self.set.weight_total();
        self.check(right && enough, || {
            format!(
                "certificate: {what} has weight {weight} of {signers:?}, signatures right: {right}"
            )
        });
    }

    /// A validator wrote a slot as final (I1, I3).
    pub fn committed(&mut self, who: ValidatorIndex, slot: &CommittedSlot) {
        let (height, digest) = (slot.proposal.slot, slot.proposal.digest());
        let first = *self.committed.entry(height).or_insert(digest.0);
        self.check(first == digest.0, || {
            format!("agreement: validator {who} committed another order in slot {height}")
        });
        let certificate = &slot.certificate;
        let statement = Statement::Commit(certificate.view, height, digest.0);
        self.quorum("a committed slot", &statement, &certificate.signatures);
    }

    /// A validator published a certified header (I2, I3, I7).
    pub fn certified(&mut self, who: ValidatorIndex, certified: &CertifiedHeader) {
        let (height, digest) = (certified.header.height, certified.header.digest());
        let previous = certified.header.previous;
        let first = *self.headers.entry(height).or_insert((digest, previous));
        self.check(first.0 == digest, || {
            format!("headers: validator {who} has another block {height}")
        });
        if let Some((before, _)) = self.headers.get(&(height - 1)).copied() {
            self.check(before == previous, || {
                format!(
                    "hash chain: block {height} does not extend block {}",
                    height - 1
                )
            });
        }
        let statement = Statement::Executed(height, digest);
        self.quorum("a certified header", &statement, &certified.signatures);
    }

    /// A validator executes a slot: the same batches everywhere, each lane place once, in order (I2, I9).
    ///
    /// `tips` are the lane places that validator has executed up to; they are moved on.
    pub fn executes(
        &mut self,
        who: ValidatorIndex,
        height: Height,
        batches: &[Batch],
        tips: &mut [(Position, BatchDigest)],
    ) {
        let order: Vec<_> = batches.iter().map(|b| b.header.digest()).collect();
        for (batch, digest) in batches.iter().zip(&order) {
            let tip = &mut tips[usize::from(batch.header.lane)];
            let (position, parent) = (batch.header.position, batch.header.parent);
            let expected = tip.0 + 1;
            // A parent other than the ordered one is possible only when the author signed two batches.
            let author_is_faulty = self.faulty.contains(&batch.header.lane);
            let chained = position == expected && (parent == tip.1 || author_is_faulty);
            *tip = (position, *digest);
            self.check(chained, || {
                format!("exactly once: validator {who} executes place {position} of a lane, expected {expected}")
            });
        }
        let first = self.orders.entry(height).or_insert_with(|| order.clone());
        let same = *first == order;
        self.check(same, || {
            format!("order: validator {who} executes other batches in slot {height}")
        });
    }

    /// Transactions that took effect in a block (I9: each in one block only).
    pub fn took_effect(&mut self, who: ValidatorIndex, height: Height, transactions: &[u64]) {
        for number in transactions {
            let first = *self.transactions.entry(*number).or_insert(height);
            self.check(first == height, || {
                format!("exactly once: transaction {number} in blocks {first} and {height} (validator {who})")
            });
        }
    }

    /// The view of a validator never goes back, restarts included (I5).
    pub fn view(&mut self, who: ValidatorIndex, view: View) {
        if self.faulty.contains(&who) {
            return;
        }
        let last = self.views.insert(who, view).unwrap_or(0);
        self.check(view >= last, || {
            format!("views: validator {who} went back from view {last} to {view}")
        });
    }

    /// Slots committed by anyone.
    #[must_use]
    pub fn height(&self) -> Height {
        self.committed.last_key_value().map_or(0, |(h, _)| *h)
    }
}
