//! What the network counts, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

use super::class::Class;

/// Counters of one class, since start, over all peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassStats {
    /// Frames written to a stream.
    pub frames_sent: u64,
    /// Their bytes, prefixes included.
    pub bytes_sent: u64,
    /// Frames read and decoded.
    pub frames_received: u64,
    /// Their bytes, prefixes included.
    pub bytes_received: u64,
    /// Frames that gave way to newer ones in a full queue (votes).
    pub displaced: u64,
    /// Frames a full queue did not take (lanes, sync).
    pub refused: u64,
    /// Frames for a peer that was not connected.
    pub unconnected: u64,
    /// Frames that wait now to be sent, over all peers.
    pub queue_frames: u64,
    /// Their bytes.
    pub queue_bytes: u64,
    /// Messages heard that wait for the core, over all peers.
    pub inbox_frames: u64,
    /// Room taken in the inbox, messages in the core's hands included.
    pub inbox_bytes: u64,
    /// Room of all peers together; a peer whose part is taken is not read.
    pub inbox_bytes_max: u64,
}

/// Counters of the whole network, since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkStats {
    /// By class; see [`Class::index`].
    pub classes: [ClassStats; Class::ALL.len()],
    /// Validators connected now.
    pub peers_connected: u64,
    /// Connections established.
    pub connections: u64,
    /// Connections refused: too many without a key, or after the handshake: no validator, or one that broke a rule.
    pub connections_refused: u64,
    /// Dials that failed.
    pub dial_failures: u64,
    /// Connections cut because the peer broke a rule of the framing.
    pub faults: u64,
    /// Own messages longer than their class allows; each is a bug worth a look.
    pub oversized: u64,
}

/// A relaxed counter: only sums are read, so no order is needed.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The live form of [`ClassStats`].
#[derive(Debug, Default)]
pub(super) struct ClassCounters {
    pub(super) frames_sent: Counter,
    pub(super) bytes_sent: Counter,
    pub(super) frames_received: Counter,
    pub(super) bytes_received: Counter,
    pub(super) displaced: Counter,
    pub(super) refused: Counter,
    pub(super) unconnected: Counter,
}

/// The live form of [`NetworkStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) classes: [ClassCounters; Class::ALL.len()],
    pub(super) connections: Counter,
    pub(super) connections_refused: Counter,
    pub(super) dial_failures: Counter,
    pub(super) faults: Counter,
    pub(super) oversized: Counter,
}

impl Counters {
    pub(super) fn of(&self, class: Class) -> &ClassCounters {
        &self.classes[class.index()]
    }

    /// Everything but queue lengths and connected peers, which the handle knows.
    pub(super) fn snapshot(&self) -> NetworkStats {
        NetworkStats {
            classes: std::array::from_fn(|i| {
                let live = &self.classes[i];
                ClassStats {
                    frames_sent: live.frames_sent.get(),
                    bytes_sent: live.bytes_sent.get(),
                    frames_received: live.frames_received.get(),
                    bytes_received: live.bytes_received.get(),
                    displaced: live.displaced.get(),
                    refused: live.refused.get(),
                    unconnected: live.unconnected.get(),
                    ..ClassStats::default()
                }
            }),
            connections: self.connections.get(),
            connections_refused: self.connections_refused.get(),
            dial_failures: self.dial_failures.get(),
            faults: self.faults.get(),
            oversized: self.oversized.get(),
            ..NetworkStats::default()
        }
    }
}
