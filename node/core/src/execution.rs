//! From committed slots to certified headers: order the batches, have them executed, agree on the result.
//!
//! Order: slot by slot; inside a slot the lanes rotated by slot mod n, and round-robin by position. A lane's tip
//! orders every batch from it back to the lane's last ordered position, along the parents. The result never depends
//! on when payloads arrived. Every validator signs the header it got; a quorum of equal ones is a certified block,
//! and an own header that differs from a quorum's stops the node.

use std::collections::BTreeMap;

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, Height, Signature, Signatures,
    Statement, ValidatorIndex,
};
use bds_contracts::tx::Millis;

use crate::batch::{Batch, Tip};
use crate::core::Core;
use crate::lanes::LaneTip;
use crate::message::{Message, Proposal};
use crate::order::execution_order;
use crate::turn::{Effect, Record, Turn};

/// One validator's signed result.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    digest: BlockDigest,
    signature: Signature,
    checked: bool,
}

/// Where execution stands.
#[derive(Default)]
pub(crate) struct Execution {
    /// Last slot handed out.
    pub(crate) dispatched: Height,
    /// Last slot answered.
    pub(crate) executed: Height,
    /// Newest certified height that is executed here too.
    pub(crate) certified: Height,
    /// Digest of the last executed header, to check the chain.
    pub(crate) last_digest: Option<BlockDigest>,
    /// Time of the last slot handed out.
    pub(crate) time: Millis,
    /// Nothing has changed since `dispatch` found something missing.
    pub(crate) blocked: bool,
    /// Lane tips after each slot handed out and not answered, and after the last answered one.
    pub(crate) tips: BTreeMap<Height, Vec<LaneTip>>,
    /// Own headers above `certified`, and the last ones below for those who lag.
    headers: BTreeMap<Height, BlockHeader>,
    /// Signed results above `certified`, by height, by validator.
    outcomes: BTreeMap<Height, Vec<Option<Outcome>>>,
    /// A certified header above what is executed here, to be compared when execution gets there.
    pub(crate) ahead: Option<CertifiedHeader>,
    /// Checked certified headers of a peer above `certified`, each taken when execution has got there. As many as one
    /// answer to a question for slots holds at the most, beside those of the answer before.
    proofs: BTreeMap<Height, CertifiedHeader>,
    /// Blocks at or below the state on disk that were executed before the restart and not certified here: first and last.
    /// Their headers are gone, but peers have them with the signatures of a quorum.
    pub(crate) gap: Option<(Height, Height)>,
    /// Certified before the restart: re-execution must give the same.
    pub(crate) expected: BTreeMap<Height, BlockDigest>,
}

impl Core {
    /// Hands committed slots to execution, in order, while their batches are there and the engine keeps up.
    pub(crate) fn dispatch(&mut self, now: Millis, turn: &mut Turn) {
        // One question to the store at a time, so that its answer says what it has not.
        while !self.execution.blocked
            && self.batches.loading.is_empty()
            && self.execution.dispatched < self.committed
            && self.execution.dispatched - self.execution.executed
                < self.config.executions_in_flight
        {
            let height = self.execution.dispatched + 1;
            let proposal = self
                .slots
                .get(&height)
                .and_then(|slot| slot.committed.as_ref())
                .map(|slot| slot.proposal.clone())
                .expect("committed slots are kept until they are handed out");
            let Some((order, tips)) = self.order(now, &proposal) else {
                self.execution.blocked = true;
                return;
            };
            let Some(batches) = self.collect(&order, turn) else {
                self.execution.blocked = true;
                return;
            };
            for tip in &tips {
                self.lanes[usize::from(tip.lane)].order_up_to(LaneTip {
                    position: tip.position,
                    digest: tip.digest,
                });
                self.batches.forget_ordered(tip.lane, tip.position);
            }
            for digest in &order {
                self.batches.loaded.remove(digest);
            }
            self.drop_own_ordered();
            self.follow_own_lane(now);
            self.execution.dispatched = height;
            self.execution.time = self.execution.time.max(proposal.time);
            let after = self.lanes.iter().map(|lane| lane.ordered).collect();
            self.execution.tips.insert(height, after);
            turn.effect(Effect::Execute {
                height,
                time: self.execution.time,
                batches,
            });
        }
    }

    /// The batches this slot orders, in order, and each lane's new tip; `None` while one of them is not held.
    fn order(&mut self, now: Millis, proposal: &Proposal) -> Option<(Vec<BatchDigest>, Vec<Tip>)> {
        let mut chains: Vec<Vec<BatchDigest>> = vec![Vec::new(); self.lanes.len()];
        let mut tips = Vec::new();
        let mut missing = false;
        for tip in &proposal.tips {
            let ordered = self.lanes[usize::from(tip.lane)].ordered.position;
            if tip.position <= ordered {
                continue;
            }
            tips.push(*tip);
            let (mut digest, mut position) = (tip.digest, tip.position);
            while position > ordered {
                let Some(held) = self.batches.held(&digest) else {
                    // Whoever acknowledged the tip holds all below it.
                    let holders = self.holders(tip);
                    self.want_batch(now, digest, tip.lane, position, holders);
                    missing = true;
                    break;
                };
                chains[usize::from(tip.lane)].push(digest);
                digest = held.parent;
                position -= 1;
            }
        }
        if missing {
            return None;
        }
        Some((execution_order(proposal.slot, chains), tips))
    }

    /// Payloads for these; asks the store for what memory has lost and returns `None` then.
    fn collect(&mut self, order: &[BatchDigest], turn: &mut Turn) -> Option<Vec<Batch>> {
        let mut batches = Vec::with_capacity(order.len());
        let mut missing = Vec::new();
        for digest in order {
            match self.batches.payload(digest) {
                Some(batch) => batches.push(batch.clone()),
                None => missing.push(*digest),
            }
        }
        if missing.is_empty() {
            return Some(batches);
        }
        missing.retain(|digest| self.batches.loading.insert(*digest));
        if !missing.is_empty() {
            turn.effect(Effect::LoadBatches(missing));
        }
        None
    }

    /// What the store had; what it lacks although it was written is asked for from peers.
    pub(crate) fn on_loaded(&mut self, now: Millis, batches: Vec<Batch>, turn: &mut Turn) {
        for batch in batches {
            let digest = batch.header.digest();
            if self.batches.loading.remove(&digest) {
                self.batches.loaded.insert(digest, batch);
            }
        }
        for digest in std::mem::take(&mut self.batches.loading) {
            if let Some(held) = self.batches.held(&digest) {
                self.count("batch_lost_on_disk");
                self.batches.unlearn(digest, held);
                self.want_batch(now, digest, held.lane, held.position, Vec::new());
            }
        }
        self.execution.blocked = false;
        self.dispatch(now, turn);
    }

    /// Own batches that are ordered need no certificate any more.
    fn drop_own_ordered(&mut self) {
        let ordered = self.lanes[usize::from(self.config.me)].ordered.position;
        self.own.uncertified = self.own.uncertified.split_off(&(ordered + 1));
        if self
            .own
            .certificate
            .as_ref()
            .is_some_and(|c| c.tip.position <= ordered)
        {
            self.own.certificate = None;
        }
    }

    /// A slot is executed: sign the result and say so.
    pub(crate) fn on_executed(&mut self, now: Millis, header: BlockHeader, turn: &mut Turn) {
        if header.height != self.execution.executed + 1 || header.height > self.execution.dispatched
        {
            self.count("executed_unasked");
            return;
        }
        let height = header.height;
        let digest = header.digest();
        if self
            .execution
            .last_digest
            .is_some_and(|previous| previous != header.previous)
        {
            turn.effect(Effect::Halt(format!(
                "block {height} does not extend the block before it"
            )));
            return;
        }
        if let Some(expected) = self.execution.expected.remove(&height)
            && expected != digest
        {
            turn.effect(Effect::Halt(format!(
                "block {height} was certified as {expected:?} and is now executed as {digest:?}"
            )));
            return;
        }
        self.execution.executed = height;
        self.execution.last_digest = Some(digest);
        self.execution.tips = self.execution.tips.split_off(&height);
        self.execution.headers.insert(height, header);
        while self.execution.headers.len() > usize::try_from(self.config.window).unwrap_or(256)
            && self
                .execution
                .headers
                .first_key_value()
                .is_some_and(|(lowest, _)| *lowest < self.execution.certified)
        {
            self.execution.headers.pop_first();
        }
        if height > self.execution.certified {
            let signature = self.notary.sign(&Statement::Executed(height, digest));
            self.cast_outcome(self.config.me, height, digest, signature, true);
            turn.effect(Effect::Broadcast(Message::Executed {
                height,
                digest,
                signature,
            }));
        }
        self.certify_headers(turn);
        self.compare_ahead(turn);
        self.dispatch(now, turn);
        // Room for more, if this validator is catching up.
        self.fetch_slots(now, turn);
        self.fetch_headers(now, turn);
    }

    /// A block executed before a restart that is not certified yet: the own result counts again.
    pub(crate) fn restore_outcome(&mut self, header: BlockHeader) {
        let (height, digest) = (header.height, header.digest());
        let signature = self.notary.sign(&Statement::Executed(height, digest));
        self.cast_outcome(self.config.me, height, digest, signature, true);
        self.execution.headers.insert(height, header);
    }

    /// Repeats the own result of a height, if it is still kept.
    pub(crate) fn own_outcome(&self, height: Height) -> Option<Message> {
        let digest = self.execution.headers.get(&height)?.digest();
        Some(Message::Executed {
            height,
            digest,
            signature: self.notary.sign(&Statement::Executed(height, digest)),
        })
    }

    /// The result another validator got.
    pub(crate) fn on_outcome(
        &mut self,
        from: ValidatorIndex,
        height: Height,
        digest: BlockDigest,
        signature: Signature,
        turn: &mut Turn,
    ) {
        let low = self.execution.certified;
        if height <= low || height > low + self.config.window {
            return;
        }
        self.cast_outcome(from, height, digest, signature, false);
        self.certify_headers(turn);
    }

    fn cast_outcome(
        &mut self,
        who: ValidatorIndex,
        height: Height,
        digest: BlockDigest,
        signature: Signature,
        checked: bool,
    ) {
        let validators = self.config.validators();
        let places = self
            .execution
            .outcomes
            .entry(height)
            .or_insert_with(|| vec![None; validators]);
        let place = &mut places[usize::from(who)];
        if place.is_none_or(|old| !old.checked) {
            *place = Some(Outcome {
                digest,
                signature,
                checked,
            });
        }
    }

    /// Certifies executed heights in order, each when a quorum has signed the same result.
    pub(crate) fn certify_headers(&mut self, turn: &mut Turn) {
        loop {
            let height = self.execution.certified + 1;
            let Some(header) = self.execution.headers.get(&height).cloned() else {
                return;
            };
            let own = header.digest();
            let proof = self.execution.proofs.remove(&height);
            let proof = proof.map(|proof| (proof.header.digest(), proof.signatures));
            let Some((digest, signatures)) = proof.or_else(|| self.agreed_outcome(height)) else {
                return;
            };
            if digest != own {
                turn.effect(Effect::Halt(format!(
                    "block {height}: a quorum got {digest:?}, this validator {own:?}"
                )));
                return;
            }
            self.certify(CertifiedHeader { header, signatures }, turn);
        }
    }

    /// The digest that a quorum has signed at this height, with the checked signatures.
    fn agreed_outcome(&mut self, height: Height) -> Option<(BlockDigest, Signatures)> {
        let places = self.execution.outcomes.get(&height)?;
        let mut weights: BTreeMap<BlockDigest, u64> = BTreeMap::new();
        for (index, outcome) in places.iter().enumerate() {
            if let Some(outcome) = outcome {
                let index = ValidatorIndex::try_from(index).expect("a set fits");
                *weights.entry(outcome.digest).or_default() += self.notary.weight(index);
            }
        }
        let (&digest, _) = weights.iter().find(|(_, w)| **w >= self.notary.quorum)?;
        let signed: Vec<_> = places
            .iter()
            .enumerate()
            .filter_map(|(index, outcome)| {
                let outcome = outcome.as_ref().filter(|o| o.digest == digest)?;
                Some((ValidatorIndex::try_from(index).ok()?, outcome.signature))
            })
            .collect();
        let verdicts = self
            .notary
            .check_each(&Statement::Executed(height, digest), &signed);
        let places = self.execution.outcomes.get_mut(&height)?;
        let mut right = Vec::with_capacity(signed.len());
        let mut wrong = 0;
        for (entry, verdict) in signed.into_iter().zip(verdicts) {
            if verdict {
                right.push(entry);
            } else {
                places[usize::from(entry.0)] = None;
                wrong += 1;
            }
        }
        self.count_many("executed_bad_signature", wrong);
        let weight: u64 = right.iter().map(|(i, _)| self.notary.weight(*i)).sum();
        (weight >= self.notary.quorum).then(|| (digest, right.into_iter().collect()))
    }

    /// First height that neither is certified here nor has a proof waiting for its execution.
    pub(crate) fn proof_missing(&self) -> Height {
        if let Some((first, _)) = self.execution.gap {
            return first;
        }
        let mut height = self.execution.certified + 1;
        while self.execution.proofs.contains_key(&height) {
            height += 1;
        }
        height
    }

    /// Takes checked certified headers of a peer that was asked for them.
    pub(crate) fn keep_proofs(&mut self, mut certified: Vec<CertifiedHeader>, turn: &mut Turn) {
        if let Some((first, last)) = self.execution.gap {
            let beyond = certified.partition_point(|proof| proof.header.height <= last);
            let newest = certified[..beyond].last().map(|proof| proof.header.height);
            for proof in certified.drain(..beyond) {
                turn.write(Record::Certified(proof));
            }
            // A peer that lacks some of them has the next ones: what nobody asked has is lost.
            let next = newest.unwrap_or(last).max(first) + 1;
            self.execution.gap = (next <= last).then_some((next, last));
        }
        let newest = certified.last().cloned();
        let low = self.execution.certified;
        // What one answer may hold beyond what is executed; older ones were taken or are about to be.
        let high = self.execution.executed + 2 * self.config.window;
        self.execution.proofs.extend(
            certified
                .into_iter()
                .map(|proof| (proof.header.height, proof))
                .filter(|(height, _)| *height > low && *height <= high),
        );
        self.certify_headers(turn);
        if let Some(newest) = newest {
            self.adopt_certified(newest, turn);
        }
    }

    /// Takes a checked certified header of a peer: a reason to skip votes below it, and a result to compare with.
    pub(crate) fn adopt_certified(&mut self, certified: CertifiedHeader, turn: &mut Turn) {
        let newer = self
            .execution
            .ahead
            .as_ref()
            .is_none_or(|ahead| ahead.header.height < certified.header.height);
        if newer && certified.header.height > self.execution.certified {
            self.execution.ahead = Some(certified.clone());
            self.raise_stable(certified);
            self.compare_ahead(turn);
            self.certify_headers(turn);
        }
    }

    /// Execution may have reached the certified header that came before it.
    fn compare_ahead(&mut self, turn: &mut Turn) {
        let Some(ahead) = self
            .execution
            .ahead
            .take_if(|ahead| ahead.header.height <= self.execution.executed)
        else {
            return;
        };
        let height = ahead.header.height;
        if height <= self.execution.certified {
            return;
        }
        let own = self.execution.headers.get(&height).map(BlockHeader::digest);
        let theirs = ahead.header.digest();
        if own == Some(theirs) {
            self.certify(ahead, turn);
        } else {
            turn.effect(Effect::Halt(format!(
                "block {height}: certified as {theirs:?}, executed here as {own:?}"
            )));
        }
    }

    fn certify(&mut self, certified: CertifiedHeader, turn: &mut Turn) {
        let height = certified.header.height;
        self.execution.certified = height;
        self.execution.outcomes = self.execution.outcomes.split_off(&(height + 1));
        self.execution.proofs = self.execution.proofs.split_off(&(height + 1));
        turn.write(Record::Certified(certified.clone()));
        turn.effect(Effect::Certified(certified.clone()));
        self.raise_stable(certified);
    }

    /// Everything at or below is final: its votes are dropped, and its proposal once it is handed to execution.
    pub(crate) fn raise_stable(&mut self, certified: CertifiedHeader) {
        if certified.header.height > self.stable_height() {
            self.stable = Some(certified);
        }
        let done = self.stable_height().min(self.execution.dispatched);
        while self
            .slots
            .first_key_value()
            .is_some_and(|(h, _)| *h <= done)
        {
            self.slots.pop_first();
        }
    }
}
