//! Which batches this validator holds, which it keeps in memory, and which it still has to ask for.
//!
//! A batch is *known* from the moment it was checked and written until a slot orders it; its payload may leave the
//! bounded cache earlier and is then read back through `Effect::LoadBatches`. A batch that a certificate names and
//! that is not known is *wanted*: it is asked for from those who acknowledged it, one after the other, and then from all others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bds_contracts::block::{BatchDigest, Signature, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{Batch, LaneTip, Position, Tip};
use crate::context::Cx;
use crate::message::Message;
use crate::turn::Effect;

use super::Lanes;

/// Payloads that execution waits for may take this many times what the cache is meant to hold.
const PINNED_TIMES: usize = 4;

/// What stays in memory of a batch that is on disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(super) lane: ValidatorIndex,
    pub(super) position: Position,
    pub(super) parent: BatchDigest,
    /// The author's, for evidence.
    pub(super) signature: Signature,
}

impl Known {
    pub(crate) fn of(batch: &Batch) -> Self {
        Self {
            lane: batch.header.lane,
            position: batch.header.position,
            parent: batch.header.parent,
            signature: batch.signature,
        }
    }

    /// This is the batch's place.
    pub(super) fn is_at(&self, tip: &Tip) -> bool {
        (self.lane, self.position) == (tip.lane, tip.position)
    }
}

/// A batch that is asked for.
struct Want {
    lane: ValidatorIndex,
    position: Position,
    /// Who should have it, asked in this order, round and round.
    holders: Vec<ValidatorIndex>,
    tries: usize,
    due: Millis,
}

/// Batches by digest and by place.
#[derive(Default)]
pub(super) struct Batches {
    known: BTreeMap<BatchDigest, Known>,
    at: BTreeMap<(ValidatorIndex, Position), Vec<BatchDigest>>,
    /// Payloads of batches that are not ordered yet, and of ordered ones for peers that lag.
    cache: BTreeMap<BatchDigest, Batch>,
    /// Ordered ones in the cache, in the order they leave it.
    history: VecDeque<BatchDigest>,
    /// Those that were not ordered when they came, oldest first; some may be by now.
    pinned: VecDeque<BatchDigest>,
    cache_bytes: usize,
    cache_bytes_max: usize,
    /// Handed to the engine, answer outstanding.
    verifying: BTreeMap<BatchDigest, Batch>,
    verifying_bytes: usize,
    wanted: BTreeMap<BatchDigest, Want>,
    want_due: Option<Millis>,
    /// Read back from the store for a slot that waits; leaves when the slot is executed.
    loaded: BTreeMap<BatchDigest, Batch>,
    /// Asked from the store.
    loading: BTreeSet<BatchDigest>,
}

impl Batches {
    pub(super) fn new(cache_bytes_max: usize) -> Self {
        Self {
            cache_bytes_max,
            ..Self::default()
        }
    }

    /// What is known of it; `None` when it is not known.
    pub(super) fn known(&self, digest: &BatchDigest) -> Option<Known> {
        self.known.get(digest).copied()
    }

    /// Every known batch at this place; more than one only when the author signed two.
    pub(super) fn at(&self, lane: ValidatorIndex, position: Position) -> &[BatchDigest] {
        self.at.get(&(lane, position)).map_or(&[], Vec::as_slice)
    }

    /// Every known batch of this lane, by place.
    pub(super) fn of_lane(
        &self,
        lane: ValidatorIndex,
    ) -> impl Iterator<Item = (Position, BatchDigest)> {
        let places = self.at.range((lane, 0)..=(lane, Position::MAX));
        places.flat_map(|((_, place), digests)| digests.iter().map(|digest| (*place, *digest)))
    }

    /// The smallest known batch that continues the lane from here.
    fn after(&self, lane: ValidatorIndex, tip: &LaneTip) -> Option<BatchDigest> {
        let next = self.at(lane, tip.position + 1).iter().copied();
        let continues = |digest: &BatchDigest| {
            self.known(digest)
                .is_some_and(|known| known.parent == tip.digest)
        };
        next.filter(continues).min()
    }

    /// The chain of a lane as far as it is known: from here to the smallest batch that continues it, again and again.
    pub(super) fn chain_from(
        &self,
        lane: ValidatorIndex,
        mut tip: LaneTip,
    ) -> impl Iterator<Item = (Position, BatchDigest)> {
        std::iter::from_fn(move || {
            let digest = self.after(lane, &tip)?;
            let position = tip.position + 1;
            tip = LaneTip { position, digest };
            Some((position, digest))
        })
    }

    /// Known and not ordered, being checked, asked for.
    pub(super) fn pending(&self) -> (usize, usize, usize) {
        (self.known.len(), self.verifying.len(), self.wanted.len())
    }

    pub(super) fn cache_bytes(&self) -> usize {
        self.cache_bytes
    }

    pub(super) fn is_wanted(&self, digest: &BatchDigest) -> bool {
        self.wanted.contains_key(digest)
    }

    /// There is room for it among what the engine has not answered: as much as payloads may take that execution waits for, so
    /// the engine's queue is bounded in bytes, too. One is always taken.
    pub(super) fn may_verify(&self, batch: &Batch) -> bool {
        let bytes = self.verifying_bytes + batch.payload.as_bytes().len();
        self.verifying.is_empty() || bytes <= PINNED_TIMES.saturating_mul(self.cache_bytes_max)
    }

    /// It goes to the engine.
    pub(super) fn verify(&mut self, digest: BatchDigest, batch: Batch) {
        self.verifying_bytes += batch.payload.as_bytes().len();
        self.verifying.insert(digest, batch);
    }

    /// What a batch builds on that the engine has not answered.
    pub(super) fn verifying_parent(&self, digest: &BatchDigest) -> Option<BatchDigest> {
        self.verifying.get(digest).map(|batch| batch.header.parent)
    }

    /// The engine has not answered yet.
    pub(super) fn is_verifying(&self, digest: &BatchDigest) -> bool {
        self.verifying.contains_key(digest)
    }

    /// The engine has answered; `None` when it was not asked.
    pub(super) fn verified(&mut self, digest: &BatchDigest) -> Option<Batch> {
        let batch = self.verifying.remove(digest)?;
        self.verifying_bytes -= batch.payload.as_bytes().len();
        Some(batch)
    }

    /// Notes what is asked of the store; those that were not asked already.
    pub(super) fn load(&mut self, mut missing: Vec<BatchDigest>) -> Vec<BatchDigest> {
        missing.retain(|digest| self.loading.insert(*digest));
        missing
    }

    /// Keeps these in memory until [`forget_loaded`](Self::forget_loaded) is told of them; those that are to be asked of the store.
    pub(super) fn hold(&mut self, digests: &[BatchDigest]) -> Vec<BatchDigest> {
        let mut missing = Vec::new();
        for digest in digests {
            match self.payload(digest).cloned() {
                Some(batch) => {
                    self.loaded.insert(*digest, batch);
                }
                None => missing.push(*digest),
            }
        }
        self.load(missing)
    }

    /// The store has not answered yet.
    pub(super) fn is_loading(&self) -> bool {
        !self.loading.is_empty()
    }

    /// The store has answered. What it was asked for and lacks is not known any more: that is returned, with what was known.
    pub(super) fn loaded(&mut self, batches: Vec<Batch>) -> Vec<(BatchDigest, Option<Known>)> {
        for batch in batches {
            let digest = batch.header.digest();
            if self.loading.remove(&digest) {
                self.loaded.insert(digest, batch);
            }
        }
        let mut lost = Vec::new();
        for digest in std::mem::take(&mut self.loading) {
            let known = self.known(&digest);
            if let Some(known) = known {
                self.unlearn(digest, known);
            }
            lost.push((digest, known));
        }
        lost
    }

    /// These are with execution now.
    pub(super) fn forget_loaded(&mut self, order: &[BatchDigest]) {
        for digest in order {
            self.loaded.remove(digest);
        }
    }

    /// From memory, if it is still there.
    pub(super) fn payload(&self, digest: &BatchDigest) -> Option<&Batch> {
        self.cache.get(digest).or_else(|| self.loaded.get(digest))
    }

    /// Remembers a batch that is on disk (or will be before this turn's effects are).
    pub(super) fn learn(&mut self, digest: BatchDigest, known: Known) {
        self.wanted.remove(&digest);
        if self.known.insert(digest, known).is_none() {
            self.at
                .entry((known.lane, known.position))
                .or_default()
                .push(digest);
        }
    }

    /// A batch that was on disk is not there any more.
    fn unlearn(&mut self, digest: BatchDigest, known: Known) {
        self.known.remove(&digest);
        if let Some(here) = self.at.get_mut(&(known.lane, known.position)) {
            here.retain(|other| *other != digest);
        }
    }

    /// Keeps the payload while there is room. What is ordered leaves first, oldest first; what execution will still ask for
    /// leaves only when the cache holds [`PINNED_TIMES`] its bound, and is then read back.
    pub(super) fn keep(&mut self, digest: BatchDigest, batch: Batch) {
        let bytes = batch.payload.as_bytes().len();
        if self.cache.insert(digest, batch).is_some() {
            return;
        }
        self.cache_bytes += bytes;
        self.pinned.push_back(digest);
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.cache_bytes > self.cache_bytes_max
            && let Some(oldest) = self.history.pop_front()
        {
            self.drop_payload(&oldest);
        }
        while let Some(&oldest) = self.pinned.front()
            && (!self.known.contains_key(&oldest)
                || self.cache_bytes > PINNED_TIMES.saturating_mul(self.cache_bytes_max))
        {
            self.pinned.pop_front();
            if self.known.contains_key(&oldest) {
                self.drop_payload(&oldest);
            }
        }
    }

    fn drop_payload(&mut self, digest: &BatchDigest) {
        if let Some(gone) = self.cache.remove(digest) {
            self.cache_bytes -= gone.payload.as_bytes().len();
        }
    }

    /// Forgets everything of a lane at or below what is ordered; payloads stay in the cache for peers.
    pub(super) fn forget_ordered(&mut self, lane: ValidatorIndex, ordered: Position) {
        while let Some((&key, _)) = self.at.range((lane, 0)..=(lane, ordered)).next() {
            for digest in self.at.remove(&key).unwrap_or_default() {
                self.known.remove(&digest);
                if self.cache.contains_key(&digest) {
                    self.history.push_back(digest);
                }
            }
        }
        self.shrink();
        self.wanted
            .retain(|_, want| want.lane != lane || want.position > ordered);
    }

    fn want(&mut self, digest: BatchDigest, want: Want) {
        self.want_due = Some(self.want_due.map_or(want.due, |due| due.min(want.due)));
        self.wanted
            .entry(digest)
            .and_modify(|old| old.due = old.due.min(want.due))
            .or_insert(want);
    }
}

impl Lanes {
    /// Asks for a certified batch from those who acknowledged it, from `due` on, until it is there.
    pub(super) fn want_certified(&mut self, cx: &mut Cx<'_>, due: Millis, tip: &Tip) {
        let holders = self.holders(tip);
        self.want_batch(cx, due, tip, holders);
    }

    /// Who acknowledged this tip or a later one of its lane, as far as a certificate here tells: they hold all below it.
    pub(super) fn holders(&self, tip: &Tip) -> Vec<ValidatorIndex> {
        let known = &self.lanes[usize::from(tip.lane)].certified;
        let known = known.as_ref().filter(|c| c.tip.position >= tip.position);
        known.map_or_else(Vec::new, |c| c.signatures.signers().collect())
    }

    /// As above with holders given; all other validators are asked after them.
    pub(super) fn want_batch(
        &mut self,
        cx: &mut Cx<'_>,
        due: Millis,
        tip: &Tip,
        mut holders: Vec<ValidatorIndex>,
    ) {
        let Tip {
            lane,
            position,
            digest,
        } = *tip;
        if self.batches.known(&digest).is_some()
            || self.batches.is_verifying(&digest)
            || position <= self.lanes[usize::from(lane)].ordered.position
        {
            return;
        }
        if self.batches.wanted.len() >= cx.config.wanted_max() && !self.batches.is_wanted(&digest) {
            cx.count("want_refused_full");
            return;
        }
        let me = cx.me();
        holders.retain(|holder| *holder != me && cx.notary.is_member(*holder));
        let mut others: Vec<_> = cx.peers().filter(|peer| !holders.contains(peer)).collect();
        // Different validators begin with different ones, so that one of them does not serve all.
        for some in [&mut holders, &mut others] {
            let shift = usize::from(me) % some.len().max(1);
            some.rotate_left(shift);
        }
        holders.append(&mut others);
        self.batches.want(
            digest,
            Want {
                lane,
                position,
                holders,
                tries: 0,
                due,
            },
        );
    }

    /// When the next request for a batch is due.
    pub(crate) fn want_due(&self) -> Option<Millis> {
        self.batches.want_due
    }

    /// Sends the requests that are due, one message a peer.
    pub(crate) fn fetch_wanted(&mut self, cx: &mut Cx<'_>) {
        if self.batches.want_due.is_none_or(|due| due > cx.now) {
            return;
        }
        let retry = Millis(cx.now.0 + cx.config.fetch_retry_ms);
        let mut requests: BTreeMap<ValidatorIndex, Vec<BatchDigest>> = BTreeMap::new();
        let mut next_due = None;
        for (digest, want) in &mut self.batches.wanted {
            if self.batches.verifying.contains_key(digest) {
                want.due = want.due.max(retry);
            } else if want.due <= cx.now && !want.holders.is_empty() {
                let holder = want.holders[want.tries % want.holders.len()];
                let request = requests.entry(holder).or_default();
                if request.len() < cx.config.fetch_batches_max {
                    request.push(*digest);
                    want.tries += 1;
                    want.due = retry;
                }
            }
            next_due = Some(next_due.map_or(want.due, |due: Millis| due.min(want.due)));
        }
        self.batches.want_due = next_due;
        for (peer, digests) in requests {
            cx.count("batches_fetched");
            cx.send(peer, Message::FetchBatches(digests));
        }
    }

    /// Sends batches to a peer, from memory at once and the rest through the store.
    pub(crate) fn serve_batches(
        &self,
        cx: &mut Cx<'_>,
        to: ValidatorIndex,
        digests: Vec<BatchDigest>,
    ) {
        let mut stored = Vec::new();
        for digest in digests {
            match self.batches.payload(&digest) {
                Some(batch) => {
                    cx.send(to, Message::Batch(batch.clone()));
                }
                None => stored.push(digest),
            }
        }
        if !stored.is_empty() {
            cx.effect(Effect::ServeBatches(to, stored));
        }
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::MerkleRoot;
    use bds_contracts::tx::ChainId;

    use super::*;
    use crate::batch::{BatchHeader, Payload};

    fn batch(position: Position) -> (BatchDigest, Batch) {
        let batch = Batch {
            header: BatchHeader {
                chain: ChainId([1; 32]),
                lane: 0,
                position,
                parent: BatchDigest::default(),
                transactions_root: MerkleRoot::default(),
                count: 1,
                bytes: 100,
            },
            signature: Signature([0; 64]),
            payload: Payload::from_bytes(vec![7; 100]),
        };
        (batch.header.digest(), batch)
    }

    fn put(batches: &mut Batches, position: Position) -> BatchDigest {
        let (digest, batch) = batch(position);
        batches.learn(digest, Known::of(&batch));
        batches.keep(digest, batch);
        digest
    }

    #[test]
    fn what_execution_waits_for_stays_while_history_goes() {
        let mut batches = Batches::new(1_000);
        let all: Vec<_> = (1..=10)
            .map(|position| put(&mut batches, position))
            .collect();
        batches.forget_ordered(0, 4);
        let more: Vec<_> = (11..=14)
            .map(|position| put(&mut batches, position))
            .collect();
        let kept = |d: &&BatchDigest| batches.payload(d).is_some();
        assert_eq!(all[..4].iter().filter(kept).count(), 0, "history");
        assert_eq!(all[4..].iter().filter(kept).count(), 6, "not ordered");
        assert_eq!(more.iter().filter(kept).count(), 4, "not ordered");
        assert_eq!(batches.cache_bytes(), 1_000);
    }

    #[test]
    fn nothing_makes_the_cache_larger_than_its_bound() {
        let mut batches = Batches::new(1_000);
        let all: Vec<_> = (1..=100)
            .map(|position| put(&mut batches, position))
            .collect();
        assert_eq!(batches.cache_bytes(), 4_000);
        // The newest stay; the others are read back when it is their turn.
        assert!(all[60..].iter().all(|d| batches.payload(d).is_some()));
        batches.forget_ordered(0, 100);
        assert_eq!(batches.cache_bytes(), 1_000);
        assert!(batches.pinned.is_empty());
    }

    #[test]
    fn what_the_engine_has_not_answered_is_bounded_in_bytes() {
        let mut batches = Batches::new(250);
        let mut taken = Vec::new();
        for position in 1..=100 {
            let (digest, batch) = batch(position);
            if batches.may_verify(&batch) {
                batches.verify(digest, batch);
                taken.push(digest);
            }
        }
        // Four times the cache's bound, in batches of 100 bytes.
        assert_eq!(taken.len(), 10);
        for digest in &taken {
            assert!(batches.verified(digest).is_some());
            assert!(batches.verified(digest).is_none());
        }
        let (digest, last) = batch(101);
        assert!(batches.may_verify(&last));
        batches.verify(digest, last);
        // One is taken, however small the bound.
        let mut small = Batches::new(1);
        let (digest, first) = batch(1);
        assert!(small.may_verify(&first));
        small.verify(digest, first);
        assert!(!small.may_verify(&batch(2).1));
    }
}
