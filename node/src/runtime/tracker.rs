//! What became of the transactions that were submitted here, and who waits for them.
//!
//! Bounded: an applied transaction is forgotten after [`APPLIED_KEPT`] later ones, since from then on its receipt is found
//! through the index; and beyond `capacity` the oldest entry goes, whatever its standing. A forgotten transaction is
//! not lost: a waiter that was promised an answer gets "unknown" at its deadline, and the id can be asked.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bds_client::wire::{ItemOutcome, Wait};
use bds_contracts::block::Height;
use bds_contracts::receipt::Code;
use bds_contracts::tx::TxId;
use tokio::sync::Notify;

use crate::execution::Outcome;

/// Applied transactions kept for a repeated submission, until the index has surely caught up.
pub const APPLIED_KEPT: usize = 1 << 14;

/// Where a tracked transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Admitted.
    Pending,
    /// Executed in a block of final order.
    Committed(Place),
    /// As `Committed`, certified by a quorum.
    Applied(Place),
    /// Left no trace in its block; where the code allows it, the same bytes may be sent again.
    Dropped(Code),
}

/// Where it is and how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Block.
    pub height: Height,
    /// Place in it.
    pub index: u32,
    /// Result.
    pub code: Code,
}

impl Standing {
    /// The same for a client.
    #[must_use]
    pub fn outcome(self) -> ItemOutcome {
        match self {
            Self::Pending => ItemOutcome::Accepted,
            Self::Committed(Place {
                height,
                index,
                code,
            }) => ItemOutcome::Committed {
                height,
                index,
                code,
            },
            Self::Applied(Place {
                height,
                index,
                code,
            }) => ItemOutcome::Applied {
                height,
                index,
                code,
            },
            Self::Dropped(code) => ItemOutcome::Refused {
                code,
                reason: code.text().to_owned(),
                retryable: code.retryable(),
            },
        }
    }

    fn satisfies(self, wait: Wait) -> bool {
        match self {
            Self::Pending => wait == Wait::Accepted,
            Self::Committed(_) => wait != Wait::Applied,
            Self::Applied(_) | Self::Dropped(_) => true,
        }
    }
}

/// The transactions of one block that are tracked here, with where each is.
#[derive(Debug)]
pub struct Moved(Vec<(Key, Place)>);

/// Woken when the last of its transactions has come as far as asked.
#[derive(Debug)]
pub struct Waiter {
    wait: Wait,
    remaining: AtomicUsize,
    done: Notify,
}

impl Waiter {
    /// Nobody to wait for yet.
    #[must_use]
    pub fn new(wait: Wait) -> Arc<Self> {
        // One extra count is held until `seal`, so that the waiter cannot finish while it is being filled.
        Arc::new(Self {
            wait,
            remaining: AtomicUsize::new(1),
            done: Notify::new(),
        })
    }

    /// No more transactions will be added.
    pub fn seal(&self) {
        self.finish_one();
    }

    /// Returns when every added transaction has come far enough.
    pub async fn done(&self) {
        let notified = self.done.notified();
        if self.remaining.load(Ordering::Acquire) > 0 {
            notified.await;
        }
    }

    fn finish_one(&self) {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            // One permit is kept if nobody waits yet; there is one waiting task at most.
            self.done.notify_one();
        }
    }
}

#[derive(Debug)]
struct Entry {
    standing: Standing,
    admitted: Instant,
    /// Whoever submitted it; hardly anything is submitted twice, so the others have a list that seldom is one.
    first: Option<Arc<Waiter>>,
    others: Vec<Arc<Waiter>>,
}

impl Entry {
    fn wait_for(&mut self, waiter: &Arc<Waiter>) {
        if self.standing.satisfies(waiter.wait) {
            return;
        }
        waiter.remaining.fetch_add(1, Ordering::AcqRel);
        let waiter = Arc::clone(waiter);
        match &self.first {
            None => self.first = Some(waiter),
            Some(_) => self.others.push(waiter),
        }
    }

    /// Tells everyone for whom it has come far enough.
    fn tell(&mut self) {
        let standing = self.standing;
        let told = |waiter: &mut Arc<Waiter>| {
            let done = standing.satisfies(waiter.wait);
            if done {
                waiter.finish_one();
            }
            done
        };
        self.first.take_if(told);
        if !self.others.is_empty() {
            self.others.retain_mut(|waiter| !told(waiter));
        }
    }
}

/// Tracked transactions by id.
#[derive(Debug)]
pub struct Tracker {
    capacity: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<Key, Entry>,
    /// As admitted; keys of forgotten entries leave when they reach the front.
    oldest_first: VecDeque<Key>,
    /// Applied and still in `entries`.
    applied: VecDeque<Key>,
    /// Those that are to take the place of others, which the core has not answered yet: which, and whose.
    replacing: VecDeque<(Key, Key)>,
}

/// First quarter of an id: 128 bits of SHA-512 name a transaction well enough in memory.
pub type Key = [u8; 16];

/// The name of a transaction in memory.
#[must_use]
pub fn key(id: &TxId) -> Key {
    *id.0.first_chunk().expect("an id has 64 bytes")
}

impl Tracker {
    /// Remembers at most `capacity` transactions.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts tracking an admitted transaction.
    pub fn admit(&self, id: &TxId, waiter: Option<&Arc<Waiter>>) {
        let mut inner = self.lock();
        while let Some(oldest) = inner.oldest_first.front().copied() {
            let known = inner.entries.contains_key(&oldest);
            if known && inner.oldest_first.len() < self.capacity {
                break;
            }
            inner.oldest_first.pop_front();
            inner.entries.remove(&oldest);
        }
        inner.oldest_first.push_back(key(id));
        let mut entry = Entry {
            standing: Standing::Pending,
            admitted: Instant::now(),
            first: None,
            others: Vec::new(),
        };
        if let Some(waiter) = waiter {
            entry.wait_for(waiter);
        }
        inner.entries.insert(key(id), entry);
    }

    /// Standing of a transaction seen before; `waiter`, if given, then waits for it too. None for one that was dropped and
    /// may be sent again, once somebody does so with a waiter.
    pub fn seen(&self, id: &TxId, waiter: Option<&Arc<Waiter>>) -> Option<Standing> {
        let mut inner = self.lock();
        let entry = inner.entries.get_mut(&key(id))?;
        let standing = entry.standing;
        if let Some(waiter) = waiter {
            if matches!(standing, Standing::Dropped(code) if code.retryable()) {
                inner.entries.remove(&key(id));
                return None;
            }
            entry.wait_for(waiter);
        }
        Some(standing)
    }

    /// The transaction left no trace in its block. Whether it is tracked here; of two copies in two blocks the executed one
    /// counts.
    pub fn dropped(&self, id: &TxId, code: Code) -> bool {
        let pending = self.seen(id, None) == Some(Standing::Pending);
        if pending {
            self.lock().advance(&key(id), Standing::Dropped(code));
        }
        pending
    }

    /// A tracked transaction was handed on that is to take the place of another.
    pub fn replacing(&self, id: &TxId, other: Key) {
        self.lock().replacing.push_back((key(id), other));
    }

    /// What the core did with those told by [`replacing`](Self::replacing), in their order: the one is replaced, or the other comes
    /// too late.
    pub fn replaced(&self, answers: &[bool]) {
        let mut inner = self.lock();
        for &done in answers {
            let Some((new, old)) = inner.replacing.pop_front() else {
                return;
            };
            let (given_up, code) = if done {
                (old, Code::REPLACED)
            } else {
                (new, Code::NONCE_REUSED)
            };
            let pending = |entry: &Entry| entry.standing == Standing::Pending;
            if inner.entries.get(&given_up).is_some_and(pending) {
                inner.advance(&given_up, Standing::Dropped(code));
            }
        }
    }

    /// Forgets a transaction that was tracked but could not be handed on.
    pub fn forget(&self, id: &TxId) {
        let mut inner = self.lock();
        if let Some(entry) = inner.entries.remove(&key(id)) {
            for waiter in entry.first.iter().chain(&entry.others) {
                waiter.finish_one();
            }
        }
    }

    /// Moves transactions of a block of final order on; those not tracked here are skipped.
    pub fn committed(&self, height: Height, transactions: &[Outcome]) -> Moved {
        let mut inner = self.lock();
        let mut moved = Vec::new();
        for transaction in transactions {
            let place = Place {
                height,
                index: transaction.index,
                code: transaction.code,
            };
            let key = key(&transaction.id);
            if inner.advance(&key, Standing::Committed(place)).is_some() {
                moved.push((key, place));
            }
        }
        Moved(moved)
    }

    /// Moves those of a block on whose result is certified; `took` is told of each how long it took since it was admitted.
    pub fn applied(&self, moved: &Moved, mut took: impl FnMut(Duration)) {
        let mut inner = self.lock();
        let now = Instant::now();
        for (key, place) in &moved.0 {
            if let Some(admitted) = inner.advance(key, Standing::Applied(*place)) {
                took(now.saturating_duration_since(admitted));
            }
        }
    }

    /// How many are tracked.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().entries.len()
    }
}

impl Inner {
    /// Moves a transaction on; when it was admitted, if it is tracked here.
    fn advance(&mut self, key: &Key, standing: Standing) -> Option<Instant> {
        let entry = self.entries.get_mut(key)?;
        let admitted = entry.admitted;
        // Nothing more becomes of these.
        let is_last =
            |standing: &Standing| matches!(standing, Standing::Applied(_) | Standing::Dropped(_));
        let newly_last = is_last(&standing) && !is_last(&entry.standing);
        entry.standing = standing;
        entry.tell();
        if newly_last {
            self.applied.push_back(*key);
        }
        if self.applied.len() > APPLIED_KEPT
            && let Some(old) = self.applied.pop_front()
        {
            self.entries.remove(&old);
        }
        Some(admitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> TxId {
        TxId([n; 64])
    }

    const PLACE: Place = Place {
        height: 3,
        index: 1,
        code: Code(0),
    };

    fn outcome(n: u8) -> Outcome {
        Outcome {
            id: id(n),
            index: PLACE.index,
            code: PLACE.code,
        }
    }

    #[tokio::test]
    async fn a_waiter_wakes_when_the_last_one_is_far_enough() {
        let tracker = Tracker::new(8);
        let waiter = Waiter::new(Wait::Applied);
        tracker.admit(&id(1), Some(&waiter));
        tracker.admit(&id(2), Some(&waiter));
        waiter.seal();
        let first = tracker.committed(3, &[outcome(1)]);
        tracker.applied(&first, |_| ());
        let second = tracker.committed(3, &[outcome(2), outcome(7)]);
        assert_eq!(waiter.remaining.load(Ordering::Acquire), 1);
        let mut told = 0;
        tracker.applied(&second, |_| told += 1);
        assert_eq!(told, 1, "those of others are nobody's latency");
        waiter.done().await;
        assert_eq!(tracker.seen(&id(2), None), Some(Standing::Applied(PLACE)));
    }

    #[tokio::test]
    async fn an_empty_or_satisfied_waiter_is_done_at_once() {
        let tracker = Tracker::new(8);
        let waiter = Waiter::new(Wait::Accepted);
        tracker.admit(&id(1), Some(&waiter));
        waiter.seal();
        waiter.done().await;
    }

    #[tokio::test]
    async fn of_two_with_one_nonce_the_one_given_up_is_told() {
        let tracker = Tracker::new(8);
        for n in 1..=5 {
            tracker.admit(&id(n), None);
        }
        tracker.replacing(&id(3), key(&id(1)));
        tracker.replacing(&id(4), key(&id(2)));
        tracker.replacing(&id(5), key(&id(3)));
        let waiter = Waiter::new(Wait::Applied);
        assert!(tracker.seen(&id(1), Some(&waiter)).is_some());
        waiter.seal();
        tracker.replaced(&[true, false]);
        waiter.done().await;
        let standing = |n| tracker.seen(&id(n), None);
        assert_eq!(standing(1), Some(Standing::Dropped(Code::REPLACED)));
        assert_eq!(standing(2), Some(Standing::Pending));
        assert_eq!(standing(3), Some(Standing::Pending));
        assert_eq!(standing(4), Some(Standing::Dropped(Code::NONCE_REUSED)));
        // One that has taken a place can lose it again.
        tracker.replaced(&[true]);
        assert_eq!(standing(3), Some(Standing::Dropped(Code::REPLACED)));
        assert_eq!(standing(5), Some(Standing::Pending));
    }

    #[test]
    fn applied_transactions_leave_after_a_while() {
        let tracker = Tracker::new(usize::MAX);
        for n in 0..APPLIED_KEPT + 10 {
            let mut id = TxId([0; 64]);
            id.0[..8].copy_from_slice(&n.to_le_bytes());
            tracker.admit(&id, None);
            let moved = tracker.committed(3, &[Outcome { id, ..outcome(1) }]);
            tracker.applied(&moved, |_| ());
            tracker.applied(&moved, |_| ());
        }
        assert_eq!(tracker.len(), APPLIED_KEPT);
        assert!(tracker.lock().oldest_first.len() <= APPLIED_KEPT + 1);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let tracker = Tracker::new(2);
        for n in 0..5 {
            tracker.admit(&id(n), None);
        }
        assert_eq!(tracker.len(), 2);
        assert_eq!(tracker.seen(&id(2), None), None);
        assert_eq!(tracker.seen(&id(4), None), Some(Standing::Pending));
    }
}
