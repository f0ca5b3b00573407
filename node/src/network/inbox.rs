//! What the network heard and the core has not dealt with: bounded in bytes by peer and class, peers taking turns, votes
//! first.
//!
//! A reader takes room of its peer before it reads a frame, and the room goes back when the core drops the message, after
//! the turn that dealt with it. So a peer that sends more than the core can do fills its own room and then waits: flow
//! control stops its stream, and nobody else's. Connections coming up are kept as state and not as events, so a flapping
//! peer fills nothing.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bds_contracts::block::ValidatorIndex;
use bds_core::message::Message;
use crossbeam::channel::{Receiver, Sender, bounded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::class::Class;
use super::limits::Limits;

/// Room that a message takes beside its encoding: its decoded form and its place in a queue.
pub const MESSAGE_BYTES: usize = 512;
const _: () = assert!(size_of::<Heard>() <= MESSAGE_BYTES);

/// Room of a peer, taken by one message until this is dropped.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

/// A message of a validator; the handshake proves who. Keep it until it is dealt with: its room is taken until then.
#[derive(Debug)]
pub struct Heard {
    /// Who.
    pub from: ValidatorIndex,
    /// What.
    pub message: Message,
    /// Held for the message; drop it when whatever followed from the message is done.
    pub room: Room,
}

/// How much of each class one turn of the core may take. Votes are looked for again before every other message.
#[derive(Debug, Clone, Copy)]
pub struct TurnShare {
    left: [(usize, usize); Class::ALL.len()],
}

impl TurnShare {
    /// Messages and bytes by class.
    #[must_use]
    pub fn of(left: [(usize, usize); Class::ALL.len()]) -> Self {
        Self { left }
    }
}

impl Default for TurnShare {
    /// 256 votes or 8 MiB, 64 lane messages or 4 MiB, 16 sync messages or 2 MiB; the last may pass the bytes.
    fn default() -> Self {
        Self::of([(256, 8 << 20), (64, 4 << 20), (16, 2 << 20)])
    }
}

/// Messages of one class by peer, and whose turn it is.
#[derive(Default)]
struct Turns {
    peers: Vec<VecDeque<Heard>>,
    next: usize,
    waiting: usize,
}

impl Turns {
    fn take(&mut self) -> Option<Heard> {
        if self.waiting == 0 {
            return None;
        }
        let n = self.peers.len();
        let place = (0..n)
            .map(|step| (self.next + step) % n)
            .find(|place| !self.peers[*place].is_empty())?;
        self.next = (place + 1) % n;
        self.waiting -= 1;
        self.peers[place].pop_front()
    }
}

/// What readers and the core share.
struct Shared {
    turns: [Mutex<Turns>; Class::ALL.len()],
    /// Room by class and peer.
    room: [Vec<Arc<Semaphore>>; Class::ALL.len()],
    room_max: [usize; Class::ALL.len()],
    connected: Mutex<BTreeSet<ValidatorIndex>>,
    bell: Sender<()>,
}

impl Shared {
    fn turns(&self, class: Class) -> MutexGuard<'_, Turns> {
        // A push or a pop cannot panic half way, so a poisoned queue is still consistent.
        lock(&self.turns[class.index()])
    }

    fn ring(&self) {
        // A full bell rings already.
        let _ = self.bell.try_send(());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The readers' end.
#[derive(Clone)]
pub(super) struct InboxSender(Arc<Shared>);

impl InboxSender {
    /// Waits for room for a frame of this length.
    pub(super) async fn room(&self, from: ValidatorIndex, class: Class, length: usize) -> Room {
        let share = Arc::clone(&self.0.room[class.index()][usize::from(from)]);
        let charge = u32::try_from(length + MESSAGE_BYTES).expect("frame limits are below 4 GiB");
        let permit = share.acquire_many_owned(charge).await;
        Room(permit.expect("shares are never closed"))
    }

    /// Hands a message over; it waits for the core in its room.
    pub(super) fn put(&self, class: Class, from: ValidatorIndex, message: Message, room: Room) {
        let heard = Heard {
            from,
            message,
            room,
        };
        let mut turns = self.0.turns(class);
        turns.waiting += 1;
        turns.peers[usize::from(from)].push_back(heard);
        drop(turns);
        self.0.ring();
    }

    /// A connection to this validator is up.
    pub(super) fn connected(&self, peer: ValidatorIndex) {
        lock(&self.0.connected).insert(peer);
        self.0.ring();
    }

    /// Messages that wait, and bytes of room taken by all peers, messages in the core's hands included.
    pub(super) fn fill(&self, class: Class) -> (usize, usize) {
        let waiting = self.0.turns(class).waiting;
        let max = self.0.room_max[class.index()];
        let shares = self.0.room[class.index()].iter();
        let taken = shares.map(|share| max - share.available_permits());
        (waiting, taken.sum())
    }

    /// The most that [`InboxSender::fill`] ever says of bytes, with this many peers.
    pub(super) fn bytes_max(&self, class: Class, peers: usize) -> usize {
        self.0.room_max[class.index()] * peers
    }
}

/// The core's end.
pub struct Inbox {
    shared: Arc<Shared>,
    bell: Receiver<()>,
}

impl Inbox {
    /// Readable when something may have come since it was last read.
    #[must_use]
    pub fn bell(&self) -> &Receiver<()> {
        &self.bell
    }

    /// A validator that has connected since it was last named here.
    #[must_use]
    pub fn take_connected(&self) -> Option<ValidatorIndex> {
        lock(&self.shared.connected).pop_first()
    }

    /// The next message within this turn's share: a vote if there is one, then lanes, then sync; inside a class the peers
    /// take turns.
    #[must_use]
    pub fn take(&self, share: &mut TurnShare) -> Option<Heard> {
        Class::ALL.into_iter().find_map(|class| {
            let (messages, bytes) = &mut share.left[class.index()];
            if *messages == 0 || *bytes == 0 {
                return None;
            }
            let heard = self.shared.turns(class).take()?;
            *messages -= 1;
            *bytes = bytes.saturating_sub(heard.room.0.num_permits());
            Some(heard)
        })
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let waits = |class| self.shared.turns(class).waiting > 0;
        !Class::ALL.into_iter().any(waits) && lock(&self.shared.connected).is_empty()
    }
}

/// A pair of ends for a set of this size.
pub(super) fn inbox(validators: usize, limits: &Limits) -> (InboxSender, Inbox) {
    let room_max = Class::ALL.map(|class| limits.inbox_bytes_max(class));
    let (ring, bell) = bounded(1);
    let shared = Arc::new(Shared {
        turns: Class::ALL.map(|_| {
            Mutex::new(Turns {
                peers: (0..validators).map(|_| VecDeque::new()).collect(),
                ..Turns::default()
            })
        }),
        room: room_max.map(|max| {
            let share = || Arc::new(Semaphore::new(max));
            (0..validators).map(|_| share()).collect()
        }),
        room_max,
        connected: Mutex::default(),
        bell: ring,
    });
    (InboxSender(Arc::clone(&shared)), Inbox { shared, bell })
}
