//! Messages between validators: libp2p over TCP with Noise and yamux, and nothing of consensus.
//!
//! - Who may talk: the validators of the configuration, known by peer id. Anyone else is cut off after the Noise
//!   handshake, before the first byte of ours.
//! - What travels: [`bds_core::message::Message`], borsh behind a length, on one long-lived stream per peer and
//!   [`Class`], so bulk never stands before a vote.
//! - What is bounded: connections, streams, frame length ([`Limits`]), the queue to each peer by class ([`QueueBound`]), and
//!   the bytes of one peer that wait for the core ([`Inbox`]). A full queue drops the oldest vote or refuses the newest
//!   lane or sync message and counts it; a core that is slow to take messages makes the peers' flow control stop them.
//! - What is promised: nothing but order within one class of one connection. A message for a peer that is not connected
//!   is dropped and counted; whoever connects exchanges `Status` and fetches what is missing.

pub mod address;
mod class;
mod doorstep;
pub mod frame;
mod inbox;
mod limits;
pub mod queue;
mod session;
mod stats;
mod streams;
mod swarm;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bds_contracts::block::ValidatorIndex;
use bds_core::message::Message;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use class::Class;
pub use inbox::{Heard, Inbox, MESSAGE_BYTES, Room, TurnShare};
pub use libp2p::bytes::Bytes;
pub use libp2p::identity::Keypair;
pub use libp2p::{Multiaddr, PeerId};
pub use limits::{ANSWER_BYTES_MAX, Limits};
pub use queue::QueueBound;
pub use stats::{ClassStats, NetworkStats};

use crate::keys::Seed;
use inbox::InboxSender;
use queue::{Outgoing, Pushed};
use stats::Counters;

/// Another validator.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its place in the validator set.
    pub index: ValidatorIndex,
    /// The identity it proves in the handshake; not the key that signs votes.
    pub peer_id: PeerId,
    /// Where it listens: `/ip4/127.0.0.1/tcp/9000`, or `/dns4/NAME/tcp/9000`.
    pub address: Multiaddr,
}

/// A secret that all validators of a closed network have.
#[derive(Clone)]
pub struct SharedKey(pub Seed);

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey")
    }
}

/// What a network needs to start.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// This node's network identity.
    pub keypair: Keypair,
    /// Where to listen; port 0 takes any free one, see [`Network::local_address`].
    pub listen: SocketAddr,
    /// This validator's place in the set.
    pub me: ValidatorIndex,
    /// All other validators.
    pub peers: Vec<Peer>,
    /// What the lengths of messages follow from; the same on every validator.
    pub limits: Limits,
    /// Bounds of the outgoing queue of each peer, by class.
    pub bounds: [QueueBound; Class::ALL.len()],
    /// Waits and delays.
    pub timing: Timing,
    /// Threads that encrypt and move bytes; one moves several hundred MiB/s.
    pub threads: usize,
    /// What all validators of a closed network share: whoever has another one, or none, cannot finish a handshake.
    pub shared_key: Option<SharedKey>,
}

impl NetworkConfig {
    /// A configuration with the defaults for a set of this size.
    #[must_use]
    pub fn new(keypair: Keypair, listen: SocketAddr, me: ValidatorIndex, peers: Vec<Peer>) -> Self {
        Self::with_limits(Limits::of(peers.len() + 1), keypair, listen, me, peers)
    }

    /// As above with given limits.
    #[must_use]
    pub fn with_limits(
        limits: Limits,
        keypair: Keypair,
        listen: SocketAddr,
        me: ValidatorIndex,
        peers: Vec<Peer>,
    ) -> Self {
        Self {
            keypair,
            listen,
            me,
            peers,
            bounds: Class::ALL.map(|class| QueueBound::of(class, &limits)),
            limits,
            timing: Timing::default(),
            threads: 1,
            shared_key: None,
        }
    }
}

/// How long the network waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// TCP, Noise and yamux together.
    pub handshake: Duration,
    /// A heartbeat goes out on a stream that had nothing to send for this long.
    pub heartbeat: Duration,
    /// A stream on which nothing arrives for this long is dead. Several heartbeats.
    pub silence: Duration,
    /// A frame that has begun must be complete after this.
    pub frame: Duration,
    /// Delay before the second dial; it doubles with each failure.
    pub dial_delay: Duration,
    /// Up to this.
    pub dial_delay_max: Duration,
    /// So much later than the validator with the lower index does the one with the higher index dial: as a rule there is a connection by
    /// then.
    pub dial_in_turn: Duration,
    /// A connection that lived this long counts as a success.
    pub settled: Duration,
    /// How long a peer stays cut off after breaking a rule.
    pub penalty: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            heartbeat: Duration::from_secs(1),
            silence: Duration::from_secs(8),
            frame: Duration::from_secs(30),
            dial_delay: Duration::from_millis(50),
            dial_delay_max: Duration::from_secs(1),
            dial_in_turn: Duration::from_secs(3),
            settled: Duration::from_secs(5),
            penalty: Duration::from_secs(10),
        }
    }
}

/// Number of the connection to each validator, 0 while there is none.
type Sessions = Vec<u64>;

/// The queues to one connected peer.
type Queues = Arc<[Outgoing; Class::ALL.len()]>;

/// What the handle and the network's tasks share.
struct Shared {
    me: ValidatorIndex,
    /// By validator index; `None` while not connected.
    links: Vec<Mutex<Option<Queues>>>,
    limits: Limits,
    inbox: InboxSender,
    counters: Counters,
    stop: CancellationToken,
}

impl Shared {
    fn link(&self, index: ValidatorIndex, queues: Option<Queues>) {
        if let Some(link) = self.links.get(usize::from(index)) {
            *link.lock().unwrap_or_else(PoisonError::into_inner) = queues;
        }
    }

    fn queues(&self, index: ValidatorIndex) -> Option<Queues> {
        let link = self.links.get(usize::from(index))?;
        link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Handle to a running network; clones are the same network. Every method returns at once, on any thread.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
    sessions: watch::Receiver<Sessions>,
    local_address: Multiaddr,
    // Last, so the network stops when the last handle goes.
    threads: Arc<Threads>,
}

/// The network's threads; stopped when dropped.
struct Threads {
    stop: CancellationToken,
    mover: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Network {
    /// Queues a message for one validator. To oneself or outside the set: nothing happens.
    pub fn send(&self, to: ValidatorIndex, message: &Message) {
        self.send_as(Class::of(message), to, message);
    }

    /// As [`Network::send`], on the sync stream: for a batch that the peer asked for, which must neither wait behind
    /// new batches nor hold them up.
    pub fn serve(&self, to: ValidatorIndex, message: &Message) {
        self.send_as(Class::Sync, to, message);
    }

    /// Queues a message for every other validator; it is encoded once.
    pub fn broadcast(&self, message: &Message) {
        let class = Class::of(message);
        let Some(frame) = self.encode(class, message) else {
            return;
        };
        for index in 0..self.shared.links.len() {
            let index = ValidatorIndex::try_from(index).expect("there is one link a validator");
            self.push(class, index, frame.clone());
        }
    }

    /// Validators connected now, without this one.
    #[must_use]
    pub fn peers_connected(&self) -> usize {
        self.sessions.borrow().iter().filter(|s| **s != 0).count()
    }

    /// Whether this validator is connected now.
    #[must_use]
    pub fn is_connected(&self, index: ValidatorIndex) -> bool {
        let sessions = self.sessions.borrow();
        sessions.get(usize::from(index)).is_some_and(|s| *s != 0)
    }

    /// Where the network listens, with the port it got.
    #[must_use]
    pub fn local_address(&self) -> &Multiaddr {
        &self.local_address
    }

    /// All counters and the present queue lengths. Cost: one lock a queue.
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        let mut stats = self.shared.counters.snapshot();
        stats.peers_connected = self.peers_connected() as u64;
        let peers = self.shared.links.len() - 1;
        for class in Class::ALL {
            let stats = &mut stats.classes[class.index()];
            let (frames, bytes) = self.shared.inbox.fill(class);
            stats.inbox_frames = frames as u64;
            stats.inbox_bytes = bytes as u64;
            stats.inbox_bytes_max = self.shared.inbox.bytes_max(class, peers) as u64;
        }
        for index in 0..self.shared.links.len() {
            let index = ValidatorIndex::try_from(index).expect("there is one link a validator");
            for queue in self
                .shared
                .queues(index)
                .iter()
                .flat_map(|q| q.iter().enumerate())
            {
                let (frames, bytes) = queue.1.len();
                stats.classes[queue.0].queue_frames += frames as u64;
                stats.classes[queue.0].queue_bytes += bytes as u64;
            }
        }
        stats
    }

    /// Closes every connection and returns when the address is free again. What still waits to be sent is lost; what was
    /// heard before can still be taken from the inbox.
    pub fn shutdown(&self) {
        self.threads.stop.cancel();
        let mover = self.threads.mover.lock();
        let mover = mover.unwrap_or_else(PoisonError::into_inner).take();
        if mover.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the network's thread had panicked");
        }
    }

    fn send_as(&self, class: Class, to: ValidatorIndex, message: &Message) {
        let Some(frame) = self.encode(class, message) else {
            return;
        };
        self.push(class, to, frame);
    }

    fn encode(&self, class: Class, message: &Message) -> Option<Bytes> {
        let limit = self.shared.limits.frame_bytes_max(class);
        let frame = frame::encode(message, limit);
        if frame.is_none() {
            self.shared.counters.oversized.add(1);
            tracing::error!(
                class = class.name(),
                "own message exceeds its class limit, not sent"
            );
        }
        frame
    }

    fn push(&self, class: Class, to: ValidatorIndex, frame: Bytes) {
        if to == self.shared.me {
            return;
        }
        let counters = self.shared.counters.of(class);
        match self
            .shared
            .queues(to)
            .map(|queues| queues[class.index()].push(frame))
        {
            Some(Pushed::Queued) => {}
            Some(Pushed::Displaced(count)) => counters.displaced.add(count),
            Some(Pushed::Refused) => counters.refused.add(1),
            None => counters.unconnected.add(1),
        }
    }
}

/// Starts the network and returns once it listens; what it hears waits in the inbox.
///
/// # Errors
/// The address is taken or cannot be bound; two peers share an index or identity, or one is this validator itself.
pub fn start(config: NetworkConfig) -> anyhow::Result<(Network, Inbox)> {
    check(&config)?;
    let set_size = config
        .peers
        .iter()
        .map(|p| p.index)
        .chain([config.me])
        .max();
    let set_size = usize::from(set_size.unwrap_or_default()) + 1;
    let stop = CancellationToken::new();
    let (inbox_sender, inbox) = inbox::inbox(set_size, &config.limits);
    let shared = Arc::new(Shared {
        me: config.me,
        links: (0..set_size).map(|_| Mutex::default()).collect(),
        limits: config.limits,
        inbox: inbox_sender,
        counters: Counters::default(),
        stop: stop.clone(),
    });
    let (sessions_sender, sessions) = watch::channel(vec![0; set_size]);

    // The runtime lives and dies on a thread of its own, so this may be called from inside another runtime. Thread names
    // are short enough for the kernel to show them whole: CPU time is accounted by them.
    let (started_sender, started) = std::sync::mpsc::sync_channel(1);
    let for_loop = Arc::clone(&shared);
    let mover = std::thread::Builder::new()
        .name("bds-network".into())
        .spawn(move || move_bytes(config, for_loop, sessions_sender, &started_sender))
        .context("cannot start the network's threads")?;
    let local_address = started
        .recv()
        .context("the network's thread ended before it listened")??;
    let network = Network {
        shared,
        sessions,
        local_address,
        threads: Arc::new(Threads {
            stop,
            mover: Mutex::new(Some(mover)),
        }),
    };
    Ok((network, inbox))
}

/// The body of the network's main thread: listens, says so, and moves bytes until it is stopped.
fn move_bytes(
    config: NetworkConfig,
    shared: Arc<Shared>,
    sessions: watch::Sender<Sessions>,
    started: &std::sync::mpsc::SyncSender<anyhow::Result<Multiaddr>>,
) {
    let listening = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads.max(1))
        .thread_name("bds-network")
        .enable_all()
        .build()
        .context("cannot start the network's threads")
        .and_then(|runtime| {
            let listen = swarm::NetworkLoop::listen(config, shared, sessions);
            let (network, address) = runtime.block_on(listen)?;
            Ok((runtime, network, address))
        });
    // Sending fails only when the caller is gone; then the network is dropped with it.
    match listening {
        Ok((runtime, network, address)) => {
            if started.send(Ok(address)).is_ok() {
                runtime.block_on(network.run());
            }
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

fn check(config: &NetworkConfig) -> anyhow::Result<()> {
    let mut indexes = std::collections::BTreeSet::from([config.me]);
    let mut identities = std::collections::BTreeSet::from([config.keypair.public().to_peer_id()]);
    for peer in &config.peers {
        anyhow::ensure!(
            indexes.insert(peer.index),
            "validator {} appears twice among the peers, or is this validator itself",
            peer.index
        );
        anyhow::ensure!(
            identities.insert(peer.peer_id),
            "validator {} has the network identity {} of another validator",
            peer.index,
            peer.peer_id
        );
    }
    Ok(())
}
