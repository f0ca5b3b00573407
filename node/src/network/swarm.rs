//! The loop around libp2p: dials, accepts, starts the tasks of each connection, and takes them down.
//!
//! Of two validators the one with the lower index dials, and the other one when it has waited in vain: the way may be open in one
//! direction only. A connection that breaks is dialled again after a delay that
//! doubles up to a cap; a peer that broke a rule of the framing has to wait longer, whoever dials.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bds_contracts::block::ValidatorIndex;
use futures::StreamExt as _;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::multiaddr::Protocol;
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{ConnectionId, ListenError, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::class::Class;
use super::frame::StreamError;
use super::inbox::InboxSender;
use super::queue::Outgoing;
use super::session::{self, Reading};
use super::streams::{self, Opened, StreamEvent};
use super::{NetworkConfig, Sessions, Shared, address};

/// Streams one connection may have: three each way, and as many again that are just opening or closing.
const STREAMS_MAX: usize = 16;
/// How long an address may still be taken by what has just ended.
const ADDRESS_FREED_MAX: Duration = Duration::from_secs(1);

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    streams: streams::Behaviour,
}

/// A connection in use.
struct Session {
    connection: ConnectionId,
    /// By the validator with the lower index.
    dialled_by_lower: bool,
    queues: Arc<[Outgoing; Class::ALL.len()]>,
    since: Instant,
    /// Dropping the set ends the tasks.
    tasks: JoinSet<()>,
}

/// What the loop knows of one validator.
struct PeerState {
    peer_id: PeerId,
    address: Multiaddr,
    session: Option<Session>,
    /// Connections and dials in a row that came to nothing.
    failures: u32,
    /// When to dial next; `None` while connected or dialling.
    dial_at: Option<Instant>,
}

/// A stream task ended.
struct Broken {
    connection: ConnectionId,
    from: ValidatorIndex,
    error: StreamError,
}

/// A name was looked up.
struct Found {
    index: ValidatorIndex,
    addresses: Result<Vec<Multiaddr>, String>,
}

pub(super) struct NetworkLoop {
    swarm: Swarm<Behaviour>,
    config: NetworkConfig,
    shared: Arc<Shared>,
    inbox: InboxSender,
    sessions: watch::Sender<Sessions>,
    session_last: u64,
    peers: HashMap<ValidatorIndex, PeerState>,
    broken: (mpsc::Sender<Broken>, mpsc::Receiver<Broken>),
    /// One look-up a validator is under way at the most.
    found: (mpsc::Sender<Found>, mpsc::Receiver<Found>),
}

impl NetworkLoop {
    /// Binds the address and waits until it is listened on.
    pub(super) async fn listen(
        config: NetworkConfig,
        shared: Arc<Shared>,
        sessions: watch::Sender<Sessions>,
    ) -> anyhow::Result<(Self, Multiaddr)> {
        let mut swarm = build_swarm(&config)?;
        let address = listen_on(&mut swarm, &config).await?;
        let now = Instant::now();
        let peers = config.peers.iter().map(|peer| {
            let state = PeerState {
                peer_id: peer.peer_id,
                address: peer.address.clone(),
                session: None,
                failures: 0,
                dial_at: Some(now + turn(&config, peer.index)),
            };
            (peer.index, state)
        });
        let network = Self {
            peers: peers.collect(),
            swarm,
            config,
            inbox: shared.inbox.clone(),
            shared,
            sessions,
            session_last: 0,
            broken: mpsc::channel(64),
            found: mpsc::channel(64),
        };
        Ok((network, address))
    }

    /// Runs until the handle stops it.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        loop {
            let dial_at = self.peers.values().filter_map(|p| p.dial_at).min();
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(broken) = self.broken.1.recv() => self.on_broken(&broken),
                Some(found) = self.found.1.recv() => self.on_found(found),
                () = sleep_until(dial_at.unwrap_or_else(Instant::now)), if dial_at.is_some() => {
                    self.dial_due();
                }
            }
        }
        for index in self.peers.keys().copied().collect::<Vec<_>>() {
            self.end_session(index);
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Streams(event)) => self.on_stream(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                if let Some(index) = self.index_of(&peer_id) {
                    self.begin_session(index, connection_id, endpoint.is_dialer());
                }
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                if let Some(index) = self.index_of(&peer_id) {
                    tracing::info!(validator = index, ?cause, "connection closed");
                    if self.session_of(connection_id) == Some(index) {
                        self.end_session(index);
                    }
                    self.dial_later(index);
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                self.shared.counters.dial_failures.add(1);
                if let Some(index) = peer_id.and_then(|peer| self.index_of(&peer)) {
                    tracing::debug!(validator = index, %error, "dial failed");
                    self.dial_failed(index);
                }
            }
            SwarmEvent::IncomingConnectionError {
                error: ListenError::Denied { cause },
                send_back_addr,
                ..
            } => {
                self.shared.counters.connections_refused.add(1);
                tracing::debug!(from = %send_back_addr, %cause, "connection refused");
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "accepting a connection failed");
            }
            SwarmEvent::ListenerClosed { reason, .. } => {
                tracing::error!(?reason, "no longer listening for validators");
            }
            _ => {}
        }
    }

    fn begin_session(&mut self, index: ValidatorIndex, connection: ConnectionId, we_dialled: bool) {
        let dialled_by_lower = we_dialled == (self.config.me < index);
        let first = self
            .peers
            .get(&index)
            .and_then(|peer| peer.session.as_ref());
        // Both have dialled at once: the connection stays that both know to be the one.
        if first.is_some_and(|first| {
            first.dialled_by_lower
                && !dialled_by_lower
                && first.since.elapsed() < self.config.timing.handshake
        }) {
            self.swarm.close_connection(connection);
            return;
        }
        // A second connection means that the peer gave the first one up, perhaps before we could notice.
        if let Some(old) = self.end_session(index) {
            self.swarm.close_connection(old);
        }
        let Some(peer) = self.peers.get_mut(&index) else {
            return;
        };
        let queues = Arc::new(
            Class::ALL.map(|class| Outgoing::new(class, self.config.bounds[class.index()])),
        );
        peer.dial_at = None;
        peer.session = Some(Session {
            connection,
            dialled_by_lower,
            queues: Arc::clone(&queues),
            since: Instant::now(),
            tasks: JoinSet::new(),
        });
        self.shared.link(index, Some(queues));
        self.shared.counters.connections.add(1);
        self.session_last += 1;
        let number = self.session_last;
        self.sessions
            .send_modify(|sessions| sessions[usize::from(index)] = number);
        self.inbox.connected(index);
        tracing::info!(validator = index, "connected");
    }

    /// Ends the tasks and empties the queues. Returns the connection, which may still be open.
    fn end_session(&mut self, index: ValidatorIndex) -> Option<ConnectionId> {
        let peer = self.peers.get_mut(&index)?;
        let session = peer.session.take()?;
        peer.failures = if session.since.elapsed() >= self.config.timing.settled {
            0
        } else {
            peer.failures.saturating_add(1)
        };
        self.shared.link(index, None);
        self.sessions
            .send_modify(|sessions| sessions[usize::from(index)] = 0);
        Some(session.connection)
    }

    fn on_stream(&mut self, StreamEvent { connection, opened }: StreamEvent) {
        let Some(index) = self.session_of(connection) else {
            return;
        };
        let timing = self.config.timing;
        let shared = Arc::clone(&self.shared);
        let broken = self.broken.0.clone();
        let inbox = self.inbox.clone();
        let Some(peer) = self.peers.get_mut(&index) else {
            return;
        };
        let Some(session) = peer.session.as_mut() else {
            return;
        };
        match opened {
            Opened::Write(class, stream) => {
                let queues = Arc::clone(&session.queues);
                session.tasks.spawn(async move {
                    let queue = &queues[class.index()];
                    let counters = shared.counters.of(class);
                    let error = session::write(stream, queue, timing.heartbeat, counters).await;
                    report(broken, connection, index, error).await;
                });
            }
            Opened::Read(class, stream) => {
                let reading = Reading {
                    from: index,
                    class,
                    frame_bytes_max: self.config.limits.frame_bytes_max(class),
                    inbox,
                    timing,
                };
                session.tasks.spawn(async move {
                    let counters = shared.counters.of(class);
                    let error = session::read(stream, reading, counters).await;
                    report(broken, connection, index, error).await;
                });
            }
            Opened::Failed(reason) => {
                tracing::warn!(validator = index, reason, "connection given up");
                self.end_session(index);
                self.swarm.close_connection(connection);
            }
        }
    }

    fn on_broken(&mut self, broken: &Broken) {
        let index = broken.from;
        if self.session_of(broken.connection) != Some(index) {
            return;
        }
        if broken.error.is_fault() {
            self.shared.counters.faults.add(1);
            tracing::warn!(validator = index, error = %broken.error, "peer broke a rule, connection cut");
            if let Some(peer) = self.peers.get(&index) {
                let until = Instant::now() + self.config.timing.penalty;
                let streams = &mut self.swarm.behaviour_mut().streams;
                streams.refuse_until(peer.peer_id, until);
            }
        } else {
            tracing::info!(validator = index, error = %broken.error, "stream ended");
        }
        self.end_session(index);
        self.swarm.close_connection(broken.connection);
    }

    fn dial_due(&mut self) {
        let now = Instant::now();
        let due = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.dial_at.is_some_and(|at| at <= now))
            .map(|(index, peer)| (*index, peer.peer_id, peer.address.clone()));
        for (index, peer_id, address) in due.collect::<Vec<_>>() {
            if let Some(peer) = self.peers.get_mut(&index) {
                peer.dial_at = None;
            }
            match address::name(&address) {
                None => self.dial(index, peer_id, vec![address]),
                Some(name) => {
                    let sender = self.found.0.clone();
                    tokio::spawn(async move {
                        let addresses = address::look_up(name).await;
                        // The loop is gone only when the node stops.
                        let _ = sender.send(Found { index, addresses }).await;
                    });
                }
            }
        }
    }

    fn on_found(&mut self, Found { index, addresses }: Found) {
        let Some(peer) = self.peers.get(&index) else {
            return;
        };
        // Meanwhile the peer may have dialled us.
        if peer.session.is_some() {
            return;
        }
        let peer_id = peer.peer_id;
        match addresses {
            Ok(addresses) => {
                let streams = &mut self.swarm.behaviour_mut().streams;
                addresses.iter().for_each(|address| streams.know(address));
                self.dial(index, peer_id, addresses);
            }
            Err(problem) => {
                self.shared.counters.dial_failures.add(1);
                tracing::warn!(validator = index, problem, "a name cannot be looked up");
                self.dial_failed(index);
            }
        }
    }

    fn dial(&mut self, index: ValidatorIndex, peer_id: PeerId, addresses: Vec<Multiaddr>) {
        let dial = DialOpts::peer_id(peer_id).addresses(addresses).build();
        if let Err(error) = self.swarm.dial(dial) {
            tracing::debug!(validator = index, %error, "dial not started");
            self.dial_failed(index);
        }
    }

    fn dial_failed(&mut self, index: ValidatorIndex) {
        if let Some(peer) = self.peers.get_mut(&index) {
            peer.failures = peer.failures.saturating_add(1);
        }
        self.dial_later(index);
    }

    /// Plans the next dial when there is no connection.
    fn dial_later(&mut self, index: ValidatorIndex) {
        let timing = self.config.timing;
        let Some(peer) = self.peers.get_mut(&index) else {
            return;
        };
        if peer.session.is_some() {
            return;
        }
        let doubled = timing.dial_delay.saturating_mul(1 << peer.failures.min(16));
        let in_turn = turn(&self.config, index);
        let at = Instant::now() + doubled.min(timing.dial_delay_max) + in_turn;
        let refused = self.swarm.behaviour().streams.refused_until(&peer.peer_id);
        peer.dial_at = Some(refused.map_or(at, |until| until.max(at)));
    }

    fn index_of(&self, peer_id: &PeerId) -> Option<ValidatorIndex> {
        let mut peers = self.peers.iter();
        peers.find_map(|(index, peer)| (peer.peer_id == *peer_id).then_some(*index))
    }

    fn session_of(&self, connection: ConnectionId) -> Option<ValidatorIndex> {
        self.peers.iter().find_map(|(index, peer)| {
            let session = peer.session.as_ref()?;
            (session.connection == connection).then_some(*index)
        })
    }
}

/// How much later than the other one this validator dials.
fn turn(config: &NetworkConfig, peer: ValidatorIndex) -> Duration {
    if config.me < peer {
        Duration::ZERO
    } else {
        config.timing.dial_in_turn
    }
}

async fn report(
    broken: mpsc::Sender<Broken>,
    connection: ConnectionId,
    from: ValidatorIndex,
    error: StreamError,
) {
    // Fails only when the loop has ended, and then nobody needs to know.
    let _ = broken
        .send(Broken {
            connection,
            from,
            error,
        })
        .await;
}

fn build_swarm(config: &NetworkConfig) -> anyhow::Result<Swarm<Behaviour>> {
    let validators = config.peers.iter().map(|p| (p.peer_id, p.index)).collect();
    let established = u32::try_from(2 * config.peers.len() + 8)?;
    let limits = ConnectionLimits::default()
        .with_max_established_per_peer(Some(2))
        .with_max_established(Some(established));
    let mut streams = streams::Behaviour::new(validators);
    for peer in &config.peers {
        streams.know(&peer.address);
    }
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        streams,
    };
    let muxer = || {
        let mut muxer = yamux::Config::default();
        muxer.set_max_num_streams(STREAMS_MAX);
        muxer
    };
    let swarm = SwarmBuilder::with_existing_identity(config.keypair.clone())
        .with_tokio()
        .with_tcp(
            tcp::Config::default().nodelay(true),
            |keypair: &Keypair| {
                let noise = noise::Config::new(keypair)?;
                Ok::<_, noise::Error>(match &config.shared_key {
                    // Under the hash of the handshake, so that both ends must have it; 32 random bytes are not found by trying.
                    Some(key) => noise.with_prologue(key.0.to_vec()),
                    None => noise,
                })
            },
            muxer,
        )
        .context("network identity cannot be used for Noise")?
        .with_behaviour(|_| behaviour)?
        .with_swarm_config(|c| c.with_max_negotiating_inbound_streams(STREAMS_MAX))
        .with_connection_timeout(config.timing.handshake)
        .build();
    Ok(swarm)
}

/// Listens, and says which address is taken when one is.
async fn listen_on(
    swarm: &mut Swarm<Behaviour>,
    config: &NetworkConfig,
) -> anyhow::Result<Multiaddr> {
    let address = config.listen;
    // libp2p listens with SO_REUSEPORT, so a second node on the same port would quietly get half of the connections.
    // A plain listener is refused as it should be.
    let deadline = Instant::now() + ADDRESS_FREED_MAX;
    loop {
        match TcpListener::bind(address) {
            // A node that starts again may find its own address not free yet.
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                tokio::time::sleep(ADDRESS_FREED_MAX / 20).await;
            }
            bound => {
                bound.with_context(|| format!("cannot listen for validators on {address}"))?;
                break;
            }
        }
    }
    let wanted = Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()));
    swarm
        .listen_on(wanted)
        .with_context(|| format!("cannot listen for validators on {address}"))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => return Ok(address),
            SwarmEvent::ListenerClosed { reason, .. } => {
                reason.with_context(|| format!("cannot listen for validators on {address}"))?;
                anyhow::bail!("listener on {address} closed at once");
            }
            _ => {}
        }
    }
}
