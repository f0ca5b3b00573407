//! What waits to be sent to one peer on one stream, and what happens when too much does.
//!
//! Votes drop the oldest: a newer vote makes older ones stale, and a peer that misses one asks by `Status`. Lanes and
//! sync refuse the newest: what waits there is in order, and what is refused will be fetched.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use libp2p::bytes::Bytes;
use tokio::sync::Notify;

use super::class::Class;
use super::limits::Limits;

/// Most that may wait in one queue; whichever is reached first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBound {
    /// Frames.
    pub frames: usize,
    /// Bytes, prefixes included. A single frame is always taken by an empty queue.
    pub bytes: usize,
}

impl QueueBound {
    /// Bounds by class: 4,096 votes, 1,024 lane messages, 256 sync messages, and the peer's share in bytes.
    #[must_use]
    pub fn of(class: Class, limits: &Limits) -> Self {
        let frames = match class {
            Class::Votes => 4096,
            Class::Lanes => 1024,
            Class::Sync => 256,
        };
        Self {
            frames,
            bytes: limits.outgoing_bytes_max(class),
        }
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Queued,
    /// It waits, and this many older ones gave way.
    Displaced(u64),
    /// The queue is full; the frame was not taken.
    Refused,
}

/// Bounded queue between any thread and the one task that writes the stream.
pub struct Outgoing {
    drop_oldest: bool,
    bound: QueueBound,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Outgoing {
    /// An empty queue for the frames of one class.
    #[must_use]
    pub fn new(class: Class, bound: QueueBound) -> Self {
        Self {
            drop_oldest: class == Class::Votes,
            bound,
            waiting: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Never blocks for longer than another push or pop takes.
    pub fn push(&self, frame: Bytes) -> Pushed {
        let mut waiting = self.lock();
        let mut displaced = 0;
        while !waiting.frames.is_empty()
            && (waiting.frames.len() >= self.bound.frames
                || waiting.bytes + frame.len() > self.bound.bytes)
        {
            if !self.drop_oldest {
                return Pushed::Refused;
            }
            if let Some(oldest) = waiting.frames.pop_front() {
                waiting.bytes -= oldest.len();
                displaced += 1;
            }
        }
        waiting.bytes += frame.len();
        waiting.frames.push_back(frame);
        drop(waiting);
        self.filled.notify_one();
        if displaced == 0 {
            Pushed::Queued
        } else {
            Pushed::Displaced(displaced)
        }
    }

    /// The oldest frame, if any waits.
    pub fn try_pop(&self) -> Option<Bytes> {
        let mut waiting = self.lock();
        let frame = waiting.frames.pop_front()?;
        waiting.bytes -= frame.len();
        Some(frame)
    }

    /// Waits for a frame. Only one task may call this: a push wakes one waiter.
    pub(super) async fn pop(&self) -> Bytes {
        loop {
            if let Some(frame) = self.try_pop() {
                return frame;
            }
            self.filled.notified().await;
        }
    }

    /// Frames and bytes that wait now.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.frames.len(), waiting.bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // Nothing can panic between the two writes of a push, so a poisoned queue is still consistent.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
