//! Which batches this validator holds, which it keeps in memory, and which it still has to ask for.
//!
//! A batch is *known* from the moment it was checked and written until a slot orders it; its payload may leave the
//! bounded cache earlier and is then read back through `Effect::LoadBatches`. A batch that a certificate names and
//! that is not known is *wanted*: it is asked for from those who acknowledged it, one after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bds_contracts::block::{BatchDigest, Signature, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{Batch, Position, Tip};
use crate::core::Core;
use crate::message::Message;
use crate::turn::{Effect, Turn};

/// Payloads that execution waits for may take this many times what the cache is meant to hold.
const PINNED_TIMES: usize = 4;

/// What stays in memory of a batch that is on disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) lane: ValidatorIndex,
    pub(crate) position: Position,
    pub(crate) parent: BatchDigest,
    /// The author's, for evidence.
    pub(crate) signature: Signature,
}

impl Held {
    pub(crate) fn of(batch: &Batch) -> Self {
        Self {
            lane: batch.header.lane,
            position: batch.header.position,
            parent: batch.header.parent,
            signature: batch.signature,
        }
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

#[derive(Default)]
pub(crate) struct Batches {
    known: BTreeMap<BatchDigest, Held>,
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
    pub(crate) verifying: BTreeMap<BatchDigest, Batch>,
    wanted: BTreeMap<BatchDigest, Want>,
    want_due: Option<Millis>,
    /// Read back from the store for a slot that waits; leaves when the slot is executed.
    pub(crate) loaded: BTreeMap<BatchDigest, Batch>,
    /// Asked from the store.
    pub(crate) loading: BTreeSet<BatchDigest>,
}

impl Batches {
    pub(crate) fn new(cache_bytes_max: usize) -> Self {
        Self {
            cache_bytes_max,
            ..Self::default()
        }
    }

    pub(crate) fn held(&self, digest: &BatchDigest) -> Option<Held> {
        self.known.get(digest).copied()
    }

    /// Every known batch at this place; more than one only when the author signed two.
    pub(crate) fn at(&self, lane: ValidatorIndex, position: Position) -> &[BatchDigest] {
        self.at.get(&(lane, position)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn known_count(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn wanted_count(&self) -> usize {
        self.wanted.len()
    }

    pub(crate) fn cache_bytes(&self) -> usize {
        self.cache_bytes
    }

    pub(crate) fn is_wanted(&self, digest: &BatchDigest) -> bool {
        self.wanted.contains_key(digest)
    }

    pub(crate) fn want_due(&self) -> Option<Millis> {
        self.want_due
    }

    /// From memory, if it is still there.
    pub(crate) fn payload(&self, digest: &BatchDigest) -> Option<&Batch> {
        self.cache.get(digest).or_else(|| self.loaded.get(digest))
    }

    /// Remembers a batch that is on disk (or will be before this turn's effects are).
    pub(crate) fn learn(&mut self, digest: BatchDigest, held: Held) {
        self.wanted.remove(&digest);
        if self.known.insert(digest, held).is_none() {
            self.at
                .entry((held.lane, held.position))
                .or_default()
                .push(digest);
        }
    }

    /// A batch that was on disk is not there any more.
    pub(crate) fn unlearn(&mut self, digest: BatchDigest, held: Held) {
        self.known.remove(&digest);
        if let Some(here) = self.at.get_mut(&(held.lane, held.position)) {
            here.retain(|other| *other != digest);
        }
    }

    /// Keeps the payload while there is room. What is ordered leaves first, oldest first; what execution will still ask for
    /// leaves only when the cache holds [`PINNED_TIMES`] its bound, and is then read back.
    pub(crate) fn keep(&mut self, digest: BatchDigest, batch: Batch) {
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
    pub(crate) fn forget_ordered(&mut self, lane: ValidatorIndex, ordered: Position) {
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

impl Core {
    /// Asks for a certified batch from those who acknowledged it, from `due` on, until it is there.
    pub(crate) fn want_certified(&mut self, due: Millis, tip: &Tip) {
        let holders = self.holders(tip);
        self.want_batch(due, tip.digest, tip.lane, tip.position, holders);
    }

    /// Who acknowledged this tip or a later one of its lane, as far as a certificate here tells: they hold all below it.
    pub(crate) fn holders(&self, tip: &Tip) -> Vec<ValidatorIndex> {
        let known = &self.lanes[usize::from(tip.lane)].certified;
        let known = known.as_ref().filter(|c| c.tip.position >= tip.position);
        known.map_or_else(Vec::new, |c| c.signatures.signers().collect())
    }

    /// As above with holders given; all other validators are asked after them.
    pub(crate) fn want_batch(
        &mut self,
        due: Millis,
        digest: BatchDigest,
        lane: ValidatorIndex,
        position: Position,
        mut holders: Vec<ValidatorIndex>,
    ) {
        if self.batches.held(&digest).is_some()
            || self.batches.verifying.contains_key(&digest)
            || position <= self.lanes[usize::from(lane)].ordered.position
        {
            return;
        }
        if self.batches.wanted.len() >= self.config.wanted_max() && !self.batches.is_wanted(&digest)
        {
            self.count("want_refused_full");
            return;
        }
        holders.retain(|holder| *holder != self.config.me && self.notary.is_member(*holder));
        for index in self.peers() {
            if !holders.contains(&index) {
                holders.push(index);
            }
        }
        // Different validators begin with different holders, so that one of them does not serve all.
        let shift = usize::from(self.config.me) % holders.len().max(1);
        holders.rotate_left(shift);
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

    /// Sends the requests that are due, one message a peer.
    pub(crate) fn fetch_wanted(&mut self, now: Millis, turn: &mut Turn) {
        if self.batches.want_due.is_none_or(|due| due > now) {
            return;
        }
        let retry = Millis(now.0 + self.config.fetch_retry_ms);
        let mut requests: BTreeMap<ValidatorIndex, Vec<BatchDigest>> = BTreeMap::new();
        let mut next_due = None;
        for (digest, want) in &mut self.batches.wanted {
            if want.due <= now && !want.holders.is_empty() {
                let holder = want.holders[want.tries % want.holders.len()];
                let request = requests.entry(holder).or_default();
                if request.len() < self.config.fetch_batches_max {
                    request.push(*digest);
                    want.tries += 1;
                    want.due = retry;
                }
            }
            next_due = Some(next_due.map_or(want.due, |due: Millis| due.min(want.due)));
        }
        self.batches.want_due = next_due;
        for (peer, digests) in requests {
            self.count("batches_fetched");
            turn.effect(Effect::Send(peer, Message::FetchBatches(digests)));
        }
    }

    /// A peer asks for batches: from memory at once, the rest through the store.
    pub(crate) fn on_fetch_batches(
        &mut self,
        from: ValidatorIndex,
        digests: Vec<BatchDigest>,
        turn: &mut Turn,
    ) {
        self.serve_batches(from, digests, turn);
    }

    /// Sends batches to a peer, reading from the store what is no longer in memory.
    pub(crate) fn serve_batches(
        &mut self,
        to: ValidatorIndex,
        digests: Vec<BatchDigest>,
        turn: &mut Turn,
    ) {
        let mut stored = Vec::new();
        for digest in digests {
            match self.batches.payload(&digest) {
                Some(batch) => {
                    turn.effect(Effect::Send(to, Message::Batch(batch.clone())));
                }
                None => stored.push(digest),
            }
        }
        if !stored.is_empty() {
            turn.effect(Effect::ServeBatches(to, stored));
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
        batches.learn(digest, Held::of(&batch));
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
}
