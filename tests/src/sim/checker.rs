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
use bds_core::turn::Record;

use super::machine::{TxName, TxResult};
use super::scheme::MockScheme;

/// Where a transaction stands in the ledger, and what it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Block.
    pub height: Height,
    /// Place among the block's receipts.
    pub index: usize,
    /// Result.
    pub result: TxResult,
}

/// What a validator may say only once: the kind, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Once {
    PrePrepare(View, Height),
    Prepare(View, Height),
    Commit(View, Height),
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
    /// Validators that have lost their disks: they may contradict what they said before, and nothing else.
    pub forgetful: BTreeSet<ValidatorIndex>,
    said: BTreeMap<(ValidatorIndex, Once), [u8; 32]>,
    /// Where a batch is: lane, place, and what it builds on.
    lanes: BTreeMap<BatchDigest, (ValidatorIndex, Position, BatchDigest)>,
    /// The last batch that a validator acknowledged of a lane in this place, behind that one.
    acknowledged: BTreeMap<(ValidatorIndex, (ValidatorIndex, Position, BatchDigest)), BatchDigest>,
    committed: BTreeMap<Height, [u8; 32]>,
    headers: BTreeMap<Height, (BlockDigest, BlockDigest)>,
    orders: BTreeMap<Height, Vec<BatchDigest>>,
    /// Every transaction executed anywhere.
    pub places: BTreeMap<TxName, Place>,
    views: BTreeMap<ValidatorIndex, View>,
    /// Prepared by correct validators: slot, view and proposal, and who.
    prepared: BTreeMap<(Height, View), ([u8; 32], BTreeSet<ValidatorIndex>)>,
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
            forgetful: BTreeSet::new(),
            recount: true,
            said: BTreeMap::new(),
            lanes: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            committed: BTreeMap::new(),
            headers: BTreeMap::new(),
            orders: BTreeMap::new(),
            places: BTreeMap::new(),
            views: BTreeMap::new(),
            prepared: BTreeMap::new(),
            violation: None,
            checks: 0,
        }
    }

    /// Records a violation; the first one counts.
    pub fn fail(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    /// Counts a check, and records a violation when it does not hold.
    pub fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.fail(what());
        }
    }

    /// I4: no validator signs two things for one place, across crashes.
    fn once(&mut self, who: ValidatorIndex, place: Once, digest: [u8; 32]) {
        if self.forgetful.contains(&who) {
            return;
        }
        let first = *self.said.entry((who, place)).or_insert(digest);
        self.check(first == digest, || {
            format!("one vote: validator {who} signed two digests for {place:?}")
        });
    }

    /// I4: of the batches that continue another one, a validator acknowledges smaller and smaller ones, across crashes too.
    fn acknowledged(
        &mut self,
        who: ValidatorIndex,
        at: (ValidatorIndex, Position, BatchDigest),
        digest: BatchDigest,
    ) {
        if self.forgetful.contains(&who) {
            return;
        }
        let before = self.acknowledged.insert((who, at), digest);
        self.check(before.is_none_or(|before| digest <= before), || {
            format!("one chain: validator {who} acknowledged a larger batch for {at:?}")
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
                if let Some(at) = self.lanes.get(digest).copied() {
                    self.check(at.1 == *position, || {
                        format!("validator {from} acknowledged {digest:?} at {position}")
                    });
                    self.acknowledged(from, at, *digest);
                }
            }
            Message::Batch(batch) => {
                let digest = batch.header.digest();
                let (lane, position) = (batch.header.lane, batch.header.position);
                let parent = batch.header.parent;
                self.lanes.insert(digest, (lane, position, parent));
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
            let author = batch.header.lane;
            let author_is_faulty =
                self.faulty.contains(&author) || self.forgetful.contains(&author);
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

    /// A block's receipts: each transaction at one place with one result, on every validator (I2, I7, I9).
    pub fn took_effect(
        &mut self,
        who: ValidatorIndex,
        height: Height,
        receipts: &[(TxName, TxResult)],
    ) {
        for (index, (name, result)) in receipts.iter().enumerate() {
            let place = Place {
                height,
                index,
                result: *result,
            };
            let first = *self.places.entry(*name).or_insert(place);
            self.check(first == place, || {
                format!("exactly once: transaction {name:x} is at {first:?} and on validator {who} at {place:?}")
            });
        }
    }

    /// A correct validator wrote this (I6: what enough of them prepared is never replaced in a higher view).
    pub fn wrote(&mut self, who: ValidatorIndex, record: &Record) {
        match record {
            Record::PrepareCertificate(prepared) => {
                let certificate = &prepared.certificate;
                let place = (certificate.slot, certificate.view);
                let entry = self
                    .prepared
                    .entry(place)
                    .or_insert_with(|| (certificate.digest.0, BTreeSet::new()));
                let same = entry.0 == certificate.digest.0;
                if same && !self.forgetful.contains(&who) {
                    entry.1.insert(who);
                }
                self.check(same, || {
                    format!("prepared: two proposals are prepared at {place:?}")
                });
            }
            Record::PrePrepared { view, proposal } => {
                // Any quorum of view changes holds one of these, if that many have prepared.
                let out = self.set.weight_total() - self.set.weight_quorum();
                let digest = proposal.digest().0;
                let lower = self
                    .prepared
                    .range((proposal.slot, 0)..(proposal.slot, *view))
                    .rev()
                    .find(|(_, (_, who))| {
                        let lasting = who.iter().filter(|who| !self.forgetful.contains(who));
                        self.set.weight_of(lasting.copied()) > out
                    });
                if let Some((place, (prepared, _))) = lower {
                    let (place, prepared) = (*place, *prepared);
                    self.check(prepared == digest, || {
                        format!(
                            "carried over: validator {who} accepts another proposal in view {view} than was prepared at {place:?}"
                        )
                    });
                }
            }
            _ => {}
        }
    }

    /// A correct validator holds evidence against this one (I14).
    pub fn accused(&mut self, by: ValidatorIndex, whom: ValidatorIndex) {
        let fair = self.faulty.contains(&whom) || self.forgetful.contains(&whom);
        self.check(fair, || {
            format!("evidence: validator {by} accuses validator {whom}, who did nothing wrong")
        });
    }

    /// The view of a validator never goes back, restarts included (I5).
    pub fn view(&mut self, who: ValidatorIndex, view: View) {
        if self.faulty.contains(&who) || self.forgetful.contains(&who) {
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
