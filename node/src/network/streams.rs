//! Which connections are let in and how each gets its streams: the libp2p behaviour and its handler.
//!
//! Each end opens one stream per class and only writes to it; the streams the peer opens are only read. The handler
//! hands every stream to the network task as soon as it is negotiated and has nothing more to do with it.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll, Waker};

use bds_contracts::block::ValidatorIndex;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, Stream};
use tokio::time::Instant;

use super::address;
use super::class::Class;
use super::doorstep::Doorstep;

/// What became of one stream of a connection.
#[derive(Debug)]
pub(super) enum Opened {
    /// Ours: to write on.
    Write(Class, Stream),
    /// The peer's: to read from.
    Read(Class, Stream),
    /// The peer does not speak this protocol, opened a class twice, or the negotiation failed.
    Failed(&'static str),
}

/// A stream of a connection to a validator.
#[derive(Debug)]
pub(super) struct StreamEvent {
    pub(super) connection: ConnectionId,
    pub(super) opened: Opened,
}

/// Why a connection ended right after the handshake, before any stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The peer proved a key that belongs to no validator of this ledger.
    #[error("peer {0} is not a validator of this network")]
    NotAValidator(PeerId),
    /// Too many stand at the door that have not shown a key.
    #[error("too many connections without a key, from there or in all")]
    Crowded,
    /// The peer broke a rule and has to wait.
    #[error("validator {0} broke a rule and is refused for a while")]
    Penalised(ValidatorIndex),
}

/// The allow-list.
pub(super) struct Behaviour {
    doorstep: Doorstep,
    validators: HashMap<PeerId, ValidatorIndex>,
    refused_until: HashMap<PeerId, Instant>,
    events: VecDeque<StreamEvent>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(super) fn new(validators: HashMap<PeerId, ValidatorIndex>) -> Self {
        Self {
            doorstep: Doorstep::default(),
            validators,
            refused_until: HashMap::new(),
            events: VecDeque::new(),
            waker: None,
        }
    }

    /// A validator may come from this address.
    pub(super) fn know(&mut self, address: &Multiaddr) {
        if let Some(ip) = address::ip(address) {
            self.doorstep.know(ip);
        }
    }

    /// Refuses connections of this validator until then.
    pub(super) fn refuse_until(&mut self, peer: PeerId, until: Instant) {
        self.refused_until.insert(peer, until);
    }

    /// Until when this validator is refused, if it was; the time may have passed.
    pub(super) fn refused_until(&self, peer: &PeerId) -> Option<Instant> {
        self.refused_until.get(peer).copied()
    }

    fn admit(&self, peer: PeerId) -> Result<Handler, ConnectionDenied> {
        match self.validators.get(&peer) {
            None => Err(ConnectionDenied::new(Refusal::NotAValidator(peer))),
            Some(index)
                if self
                    .refused_until(&peer)
                    .is_some_and(|until| Instant::now() < until) =>
            {
                Err(ConnectionDenied::new(Refusal::Penalised(*index)))
            }
            Some(_) => Ok(Handler::new()),
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = StreamEvent;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let fits = address::ip(from).is_some_and(|ip| self.doorstep.arrive(connection, ip));
        fits.then_some(())
            .ok_or_else(|| ConnectionDenied::new(Refusal::Crowded))
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.doorstep.leave(connection);
        self.admit(peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ListenFailure(failure) = event {
            self.doorstep.leave(failure.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        connection: ConnectionId,
        opened: THandlerOutEvent<Self>,
    ) {
        // Bounded: a handler reports at most six streams and one failure per connection.
        self.events.push_back(StreamEvent { connection, opened });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(event) = self.events.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(event));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Opens our streams of one connection and takes the peer's.
pub(super) struct Handler {
    to_request: VecDeque<Class>,
    opened: VecDeque<Opened>,
    taken: [bool; Class::ALL.len()],
    failed: bool,
    waker: Option<Waker>,
}

impl Handler {
    fn new() -> Self {
        Self {
            to_request: Class::ALL.into(),
            opened: VecDeque::new(),
            taken: [false; Class::ALL.len()],
            failed: false,
            waker: None,
        }
    }

    fn report(&mut self, opened: Opened) {
        if self.failed {
            // One failure ends the connection; whatever else arrives until then is dropped with its stream.
            return;
        }
        self.failed = matches!(opened, Opened::Failed(_));
        self.opened.push_back(opened);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Opened;
    type InboundProtocol = Negotiate;
    type OutboundProtocol = Negotiate;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(Negotiate(Class::ALL.to_vec()), ())
    }

    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        if let Some(opened) = self.opened.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(opened));
        }
        if let Some(class) = self.to_request.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(Negotiate(vec![class]), ()),
            });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: (class, stream),
                ..
            }) => self.report(Opened::Write(class, stream)),
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (class, stream),
                ..
            }) => {
                let again = std::mem::replace(&mut self.taken[class.index()], true);
                self.report(if again {
                    Opened::Failed("peer opened two streams of one class")
                } else {
                    Opened::Read(class, stream)
                });
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { .. }) => {
                self.report(Opened::Failed("peer did not accept a stream"));
            }
            _ => {}
        }
    }
}

/// Agrees on the protocol name of a stream; nothing else is said before the first frame.
#[derive(Debug, Clone)]
pub(super) struct Negotiate(Vec<Class>);

/// A class as multistream-select wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClassName(Class);

impl AsRef<str> for ClassName {
    fn as_ref(&self) -> &str {
        self.0.protocol()
    }
}

impl UpgradeInfo for Negotiate {
    type Info = ClassName;
    type InfoIter = std::vec::IntoIter<ClassName>;

    fn protocol_info(&self) -> Self::InfoIter {
        let names: Vec<_> = self.0.iter().copied().map(ClassName).collect();
        names.into_iter()
    }
}

impl InboundUpgrade<Stream> for Negotiate {
    type Output = (Class, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, stream: Stream, name: ClassName) -> Self::Future {
        ready(Ok((name.0, stream)))
    }
}

impl OutboundUpgrade<Stream> for Negotiate {
    type Output = (Class, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, stream: Stream, name: ClassName) -> Self::Future {
        ready(Ok((name.0, stream)))
    }
}
