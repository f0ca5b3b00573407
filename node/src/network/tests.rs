//! Does the network deliver each class, refuse strangers, cut off rule breakers, reconnect, and stay bounded?
//!
//! Real sockets on loopback, real handshakes, several nodes in one process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bds_contracts::block::{BatchDigest, MerkleRoot, Signature, ValidatorIndex};
use bds_contracts::tx::ChainId;
use bds_core::batch::{Batch, BatchHeader, Payload};
use bds_core::message::{Message, ProposalDigest, Status, Vote};
use libp2p::bytes::Bytes;

use super::queue::{Outgoing, Pushed};
use super::{
    Class, Heard, Inbox, Keypair, Limits, MESSAGE_BYTES, Multiaddr, Network, NetworkConfig, Peer,
    QueueBound, SharedKey, Timing, TurnShare, start,
};

/// Long enough for a machine that does six other things; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

fn vote(slot: u64) -> Message {
    Message::Commit(Vote {
        view: 1,
        slot,
        digest: ProposalDigest([7; 32]),
        signature: Signature([9; 64]),
    })
}

fn status(executed: u64) -> Message {
    Message::Status(Status {
        view: 0,
        committed: executed,
        executed,
        certified: executed,
        voting_ms: 1,
        lanes: vec![1, 2, 3, 4],
    })
}

fn batch(position: u64, payload_bytes: usize) -> Message {
    Message::Batch(Batch {
        header: BatchHeader {
            chain: ChainId([1; 32]),
            lane: 0,
            position,
            parent: BatchDigest([2; 32]),
            transactions_root: MerkleRoot([3; 32]),
            count: 1,
            bytes: u32::try_from(payload_bytes).expect("a test size"),
        },
        signature: Signature([4; 64]),
        payload: Payload::from_bytes(vec![5; payload_bytes]),
    })
}

fn acknowledge(position: u64) -> Message {
    Message::Acknowledge {
        position,
        digest: BatchDigest([6; 32]),
        signature: Signature([8; 64]),
    }
}

/// Addresses and identities of a set of validators.
struct Plan {
    keys: Vec<Keypair>,
    listen: Vec<SocketAddr>,
}

impl Plan {
    fn new(count: usize) -> Self {
        let keys = (0..count).map(|_| Keypair::generate_ed25519()).collect();
        // Held until all are chosen, so that no port is chosen twice.
        let held: Vec<_> = (0..count)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"))
            .collect();
        let listen = held
            .iter()
            .map(|l| l.local_addr().expect("a bound socket"))
            .collect();
        Self { keys, listen }
    }

    fn config(&self, me: usize) -> NetworkConfig {
        let others = (0..self.keys.len()).filter(|i| *i != me);
        let peers = others.map(|i| Peer {
            index: index(i),
            peer_id: self.keys[i].public().to_peer_id(),
            // Some by address, some by name.
            address: format!(
                "/{}/tcp/{}",
                ["ip4/127.0.0.1", "dns4/localhost"][i % 2],
                self.listen[i].port()
            )
            .parse::<Multiaddr>()
            .expect("an address"),
        });
        NetworkConfig {
            timing: Timing {
                penalty: Duration::from_millis(200),
                ..Timing::default()
            },
            ..NetworkConfig::new(
                self.keys[me].clone(),
                self.listen[me],
                index(me),
                peers.collect(),
            )
        }
    }

    fn start(&self, me: usize) -> Node {
        Node::start(self.config(me))
    }
}

fn index(place: usize) -> ValidatorIndex {
    ValidatorIndex::try_from(place).expect("a small set")
}

/// A network and what it heard.
struct Node {
    network: Network,
    inbox: Inbox,
}

impl Node {
    fn start(config: NetworkConfig) -> Self {
        let (network, inbox) = start(config).expect("the network starts");
        Self { network, inbox }
    }

    /// What a core would be given next, if anything.
    fn heard(&self) -> Option<Heard> {
        self.inbox.take(&mut TurnShare::default())
    }

    /// The next message, waited for.
    fn message(&self) -> (ValidatorIndex, Message) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(heard) = self.heard() {
                return (heard.from, heard.message);
            }
            let bell = self.inbox.bell().recv_deadline(deadline);
            bell.expect("a message in time");
        }
    }

    fn wait_connected(&self, peers: usize) {
        eventually("all peers are connected", || {
            self.network.peers_connected() == peers
        });
    }
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn four_validators_exchange_messages_of_every_class() {
    let plan = Plan::new(4);
    let nodes: Vec<_> = (0..4).map(|i| plan.start(i)).collect();
    nodes.iter().for_each(|node| node.wait_connected(3));

    let sent = [
        vote(11),
        batch(12, 300_000),
        Message::FetchSlots { from: 13, count: 1 },
    ];
    for node in &nodes {
        for message in &sent {
            node.network.broadcast(message);
        }
    }
    for (me, node) in nodes.iter().enumerate() {
        // Order holds within a class only, so count what came from whom.
        let mut heard: Vec<_> = (0..9).map(|_| node.message()).collect();
        for from in (0..4).filter(|from| *from != me) {
            for message in &sent {
                let place = heard
                    .iter()
                    .position(|(f, m)| usize::from(*f) == from && m == message)
                    .unwrap_or_else(|| panic!("{me} misses a message of {from}"));
                heard.swap_remove(place);
            }
        }
        assert!(heard.is_empty());
    }

    nodes[2].network.send(0, &acknowledge(5));
    assert_eq!(nodes[0].message(), (2, acknowledge(5)));
    nodes[3].network.serve(0, &batch(6, 10));
    assert_eq!(nodes[0].message(), (3, batch(6, 10)));
    assert_eq!(
        nodes[0].network.stats().classes[Class::Sync.index()].frames_received,
        4
    );
    // To oneself and outside the set: nothing, and no panic.
    nodes[0].network.send(0, &vote(1));
    nodes[0].network.send(999, &vote(1));
}

#[test]
fn messages_of_one_class_keep_their_order() {
    let plan = Plan::new(2);
    let nodes = [plan.start(0), plan.start(1)];
    nodes.iter().for_each(|node| node.wait_connected(1));
    for slot in 0..2_000 {
        nodes[1].network.send(0, &vote(slot));
    }
    for slot in 0..2_000 {
        assert_eq!(nodes[0].message(), (1, vote(slot)));
    }
}

#[test]
fn a_stranger_is_refused_before_it_can_say_anything() {
    let plan = Plan::new(2);
    let victim = plan.start(1);
    // Knows everything but the key of validator 0.
    let mut stranger = plan.config(0);
    stranger.keypair = Keypair::generate_ed25519();
    let stranger = Node::start(stranger);

    eventually("the stranger was refused twice", || {
        stranger.network.broadcast(&vote(1));
        stranger.network.broadcast(&batch(1, 1000));
        victim.network.stats().connections_refused >= 2
    });
    let stats = victim.network.stats();
    assert_eq!(stats.connections, 0);
    assert!(stats.classes.iter().all(|class| class.bytes_received == 0));
    assert!(victim.inbox.is_empty(), "a stranger was heard");
    stranger.network.shutdown();

    // The right validator 0 is still welcome.
    let friend = plan.start(0);
    friend.wait_connected(1);
    friend.network.send(1, &vote(3));
    assert_eq!(victim.message(), (0, vote(3)));
}

/// Of the right identity, but without the key that the set shares, or with another one: no handshake comes to its end.
#[test]
fn without_the_shared_key_nobody_is_spoken_to() {
    let key = |byte: u8| Some(SharedKey(zeroize::Zeroizing::new([byte; 32])));
    let plan = Plan::new(2);
    let start = |me: usize, shared_key| {
        Node::start(NetworkConfig {
            shared_key,
            ..plan.config(me)
        })
    };
    let closed = start(0, key(1));
    for other in [None, key(2)] {
        let before = closed.network.stats().dial_failures;
        let outsider = start(1, other);
        eventually("two dials failed", || {
            outsider.network.broadcast(&vote(1));
            closed.network.stats().dial_failures >= before + 2
        });
        for node in [&closed, &outsider] {
            assert_eq!(node.network.peers_connected(), 0);
            let stats = node.network.stats();
            assert!(stats.classes.iter().all(|class| class.bytes_received == 0));
        }
        outsider.network.shutdown();
    }
    let insider = start(1, key(1));
    insider.wait_connected(1);
    insider.network.send(0, &vote(3));
    assert_eq!(closed.message(), (1, vote(3)));
}

#[test]
fn a_peer_with_another_identity_than_configured_is_not_talked_to() {
    let plan = Plan::new(2);
    let mut impostor = plan.config(1);
    impostor.keypair = Keypair::generate_ed25519();
    let impostor = Node::start(impostor);
    let node = plan.start(0);
    eventually("the dial failed twice", || {
        node.network.stats().dial_failures >= 2
    });
    assert_eq!(node.network.peers_connected(), 0);
    // The impostor may count a connection for the moment until the dialler has looked at its key.
    let stats = impostor.network.stats();
    assert!(stats.classes.iter().all(|class| class.bytes_received == 0));
}

/// One frame of bad bytes must cost its sender the connection and nobody else anything.
fn rule_breaker_is_cut_off(class: Class, frame: Bytes) {
    let plan = Plan::new(3);
    let nodes: Vec<_> = (0..3).map(|i| plan.start(i)).collect();
    nodes.iter().for_each(|node| node.wait_connected(2));
    nodes[0].network.push(class, 2, frame);
    eventually("the fault was counted", || {
        nodes[2].network.stats().faults == 1
    });
    eventually("the connection was cut", || {
        !nodes[2].network.is_connected(0)
    });
    nodes[1].network.send(2, &vote(1));
    assert_eq!(
        nodes[2].message(),
        (1, vote(1)),
        "a bystander was cut off too"
    );

    // After its penalty the peer is back, and its good messages are heard.
    eventually("the peer is back", || {
        nodes[2].network.peers_connected() == 2
    });
    eventually("its message is heard", || {
        nodes[0].network.send(2, &vote(2));
        let heard = nodes[2].heard();
        heard.is_some_and(|heard| heard.from == 0 && heard.message == vote(2))
    });
    assert_eq!(nodes[2].network.stats().faults, 1);
}

#[test]
fn a_frame_one_byte_too_long_is_refused_unread() {
    for class in Class::ALL {
        let limit = Limits::of(3).frame_bytes_max(class);
        let prefix = u32::try_from(limit + 1).expect("a small limit");
        rule_breaker_is_cut_off(class, Bytes::copy_from_slice(&prefix.to_le_bytes()));
    }
}

#[test]
fn a_frame_of_the_largest_length_that_can_be_written_is_refused_unread() {
    rule_breaker_is_cut_off(Class::Votes, Bytes::from_static(&[0xff; 4]));
}

#[test]
fn a_frame_that_does_not_decode_is_refused() {
    // No variant has number 200; a good message with one byte more; a vector longer than its frame.
    rule_breaker_is_cut_off(Class::Votes, framed(&[200, 0, 0]));
    let mut longer = borsh::to_vec(&vote(1)).expect("encodes");
    longer.push(0);
    rule_breaker_is_cut_off(Class::Votes, framed(&longer));
    let mut promised = borsh::to_vec(&Message::FetchBatches(Vec::new())).expect("encodes");
    let end = promised.len();
    promised[end - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
    rule_breaker_is_cut_off(Class::Sync, framed(&promised));
}

#[test]
fn bulk_on_the_stream_for_votes_is_refused() {
    let bulk = borsh::to_vec(&batch(1, 100)).expect("encodes");
    rule_breaker_is_cut_off(Class::Votes, framed(&bulk));
}

fn framed(body: &[u8]) -> Bytes {
    let length = u32::try_from(body.len()).expect("a small body");
    Bytes::from([&length.to_le_bytes(), body].concat())
}

#[test]
fn a_restarted_validator_is_connected_again_from_either_side() {
    let plan = Plan::new(2);
    let mut nodes = [plan.start(0), plan.start(1)];
    nodes.iter().for_each(|node| node.wait_connected(1));
    for restarted in [1, 0] {
        nodes[restarted].network.shutdown();
        nodes[1 - restarted].wait_connected(0);
        // Lost, not kept: nobody is there.
        nodes[1 - restarted].network.broadcast(&vote(1));
        nodes[restarted] = plan.start(restarted);
        nodes.iter().for_each(|node| node.wait_connected(1));
        let from = index(1 - restarted);
        nodes[1 - restarted].network.broadcast(&vote(2));
        assert_eq!(nodes[restarted].message(), (from, vote(2)));
        assert_eq!(
            nodes[1 - restarted].network.stats().classes[Class::Votes.index()].unconnected,
            1
        );
    }
}

/// The way may be open in one direction only: behind a firewall, or where one has moved and the other does not know.
#[test]
fn either_of_two_can_dial() {
    let plan = Plan::new(2);
    for [lost, well] in [[0, 1], [1, 0]] {
        let mut config = plan.config(lost);
        config.peers[0].address = "/ip4/127.0.0.1/tcp/1".parse().expect("an address");
        config.timing.dial_in_turn = Duration::from_millis(100);
        let lost = Node::start(config);
        let mut config = plan.config(well);
        config.timing.dial_in_turn = Duration::from_millis(100);
        let well = Node::start(config);
        lost.wait_connected(1);
        well.wait_connected(1);
    }
}

/// When both dial at once, one connection is left and is used.
#[test]
fn two_that_dial_at_once_agree_on_a_connection() {
    for _ in 0..10 {
        let plan = Plan::new(2);
        let nodes = [0, 1].map(|me| {
            let mut config = plan.config(me);
            config.timing.dial_in_turn = Duration::ZERO;
            Node::start(config)
        });
        nodes.iter().for_each(|node| node.wait_connected(1));
        // Whichever connection this goes down, the next one arrives.
        eventually("a message arrives", || {
            nodes[0].network.broadcast(&vote(1));
            nodes[1].heard().is_some()
        });
        eventually("and one comes back", || {
            nodes[1].network.broadcast(&vote(2));
            nodes[0].heard().is_some()
        });
    }
}

/// Whoever holds sockets open without a word keeps no validator out.
#[test]
fn silent_strangers_take_no_place_of_a_validator() {
    let plan = Plan::new(2);
    let last = plan.start(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut silent = Vec::new();
    for _ in 0..100 {
        let connected = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind("127.0.0.9:0".parse().expect("an address"))?;
            socket.connect(plan.listen[1]).await
        });
        silent.push(connected.expect("connects"));
    }
    eventually("all but a few are refused", || {
        last.network.stats().connections_refused == 92
    });
    let first = plan.start(0);
    first.wait_connected(1);
    last.wait_connected(1);
    assert_eq!(first.network.stats().dial_failures, 0);
    drop(silent);
}

#[test]
fn a_silent_peer_is_given_up() {
    let plan = Plan::new(2);
    let mut mute = plan.config(0);
    mute.timing.heartbeat = Duration::from_secs(3600);
    let mute = Node::start(mute);
    let mut impatient = plan.config(1);
    impatient.timing.silence = Duration::from_millis(200);
    let impatient = Node::start(impatient);
    mute.wait_connected(1);
    eventually("the silence was noticed", || {
        impatient.network.stats().connections >= 1 && !impatient.network.is_connected(0)
    });
    // Silence is no fault: the peer is welcome again at once.
    assert_eq!(impatient.network.stats().faults, 0);
    eventually("it came back", || {
        impatient.network.stats().connections >= 2
    });
}

/// Whether the inbox keeps to what it promises: room taken by all peers together.
fn assert_bounded(network: &Network, peers: usize, limits: &Limits) {
    for class in Class::ALL {
        let stats = network.stats().classes[class.index()];
        let max = (limits.inbox_bytes_max(class) * peers) as u64;
        assert_eq!(stats.inbox_bytes_max, max);
        assert!(stats.inbox_bytes <= max, "{stats:?}");
    }
}

#[test]
fn a_core_that_takes_nothing_stops_its_peers_and_memory_stays_bounded() {
    const BATCH_BYTES: usize = 500_000;
    let plan = Plan::new(2);
    let limits = Limits::of(2);
    let [sender, slow] = [plan.start(0), plan.start(1)];
    sender.wait_connected(1);

    let bound = QueueBound::of(Class::Lanes, &limits);
    let lanes = |network: &Network| network.stats().classes[Class::Lanes.index()];
    eventually("the queue refused a thousand batches", || {
        sender.network.send(1, &batch(1, BATCH_BYTES));
        assert!(lanes(&sender.network).queue_bytes <= bound.bytes as u64);
        assert_bounded(&slow.network, 1, &limits);
        lanes(&sender.network).refused >= 1000
    });
    // Between the two only the windows of yamux and TCP, beside what the receiver holds.
    let sent = lanes(&sender.network).frames_sent as usize * BATCH_BYTES;
    let held = limits.inbox_bytes_max(Class::Lanes);
    assert!(sent <= held + (24 << 20), "{sent} bytes left the queue");

    // Votes have their own stream, room and place: they are the next thing the core hears.
    sender.network.send(1, &vote(77));
    eventually("the vote crossed", || {
        slow.network.stats().classes[Class::Votes.index()].frames_received == 1
    });
    assert_eq!(slow.message(), (0, vote(77)));
    assert!(matches!(slow.message(), (0, Message::Batch(_))));
}

#[test]
fn a_flood_of_one_peer_delays_nobody_else() {
    let plan = Plan::new(3);
    let limits = Limits::of(3);
    let [flooder, honest, victim] = [plan.start(0), plan.start(1), plan.start(2)];
    [&flooder, &honest, &victim]
        .iter()
        .for_each(|node| node.wait_connected(2));

    // Each class until the victim has no room for it and reads no more.
    let flood: [(Class, Message); 3] = [
        (Class::Votes, vote(1)),
        (Class::Lanes, batch(1, 400_000)),
        (
            Class::Sync,
            Message::FetchBatches(vec![BatchDigest([1; 32]); 64]),
        ),
    ];
    for (class, message) in &flood {
        let one = borsh::object_length(message).expect("encodes") + MESSAGE_BYTES;
        let full = limits.inbox_bytes_max(*class) - one;
        eventually("not one more fits", || {
            (0..20).for_each(|_| flooder.network.send(2, message));
            assert_bounded(&victim.network, 2, &limits);
            victim.network.stats().classes[class.index()].inbox_bytes > full as u64
        });
    }
    let waiting = |class: Class| victim.network.stats().classes[class.index()].inbox_frames;
    assert!(waiting(Class::Votes) > 1000 && waiting(Class::Sync) > 1000);
    let before = Class::ALL.map(waiting);

    // One message of the honest peer in every class, behind all of those.
    let said = [vote(2), batch(2, 10), Message::FetchBatches(Vec::new())];
    for message in &said {
        honest.network.send(2, message);
    }
    eventually("all three are in", || {
        let more = |class: Class| waiting(class) > before[class.index()];
        Class::ALL.into_iter().all(more)
    });
    let from_honest = |class: Class| {
        let mut taken = 0;
        let mut share = only(class);
        loop {
            taken += 1;
            let heard = victim.inbox.take(&mut share).expect("a message");
            if heard.from == 1 {
                assert_eq!(heard.message, said[class.index()]);
                return taken;
            }
        }
    };
    // Peers take turns, so at most one message of the flooder stands before.
    for class in Class::ALL {
        assert!(from_honest(class) <= 2, "{}", class.name());
    }
}

/// A share of a turn that takes nothing but this class.
fn only(class: Class) -> TurnShare {
    TurnShare::of(Class::ALL.map(|other| {
        if other == class {
            (10, 16 << 20)
        } else {
            (0, 0)
        }
    }))
}

#[test]
fn room_is_free_again_when_the_message_is_dealt_with_and_not_before() {
    let plan = Plan::new(2);
    let [sender, receiver] = [plan.start(0), plan.start(1)];
    sender.wait_connected(1);
    sender.network.send(1, &batch(1, 100_000));
    let lanes = || receiver.network.stats().classes[Class::Lanes.index()];
    let taken = || lanes().inbox_bytes;
    eventually("the batch is in", || lanes().inbox_frames == 1);
    let heard = receiver.heard().expect("the batch");
    assert_eq!(lanes().inbox_frames, 0);
    assert!(taken() > 100_000, "the core still works on it");
    let Heard { message, room, .. } = heard;
    drop(message);
    assert!(taken() > 100_000, "its effects are not carried out yet");
    drop(room);
    assert_eq!(taken(), 0);
}

#[test]
fn a_full_queue_drops_the_oldest_vote_and_refuses_the_newest_batch() {
    let bound = QueueBound {
        frames: 3,
        bytes: 100,
    };
    let frame = |byte: u8, length: usize| Bytes::from(vec![byte; length]);

    let votes = Outgoing::new(Class::Votes, bound);
    for byte in 1..=3 {
        assert_eq!(votes.push(frame(byte, 10)), Pushed::Queued);
    }
    assert_eq!(votes.push(frame(4, 10)), Pushed::Displaced(1));
    assert_eq!(votes.push(frame(5, 85)), Pushed::Displaced(2));
    assert_eq!(votes.len(), (2, 95));
    assert_eq!(votes.try_pop(), Some(frame(4, 10)));
    assert_eq!(votes.try_pop(), Some(frame(5, 85)));
    assert_eq!(votes.len(), (0, 0));

    let lanes = Outgoing::new(Class::Lanes, bound);
    assert_eq!(
        lanes.push(frame(1, 101)),
        Pushed::Queued,
        "an empty queue takes one"
    );
    assert_eq!(lanes.push(frame(2, 1)), Pushed::Refused);
    assert_eq!(lanes.try_pop(), Some(frame(1, 101)));
    for byte in 1..=3 {
        assert_eq!(lanes.push(frame(byte, 10)), Pushed::Queued);
    }
    assert_eq!(lanes.push(frame(4, 10)), Pushed::Refused);
    assert_eq!(lanes.try_pop(), Some(frame(1, 10)));
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let plan = Plan::new(2);
    let _first = plan.start(0);
    let mut second = plan.config(1);
    second.listen = plan.listen[0];
    let Err(error) = start(second) else {
        panic!("two networks listen on one port");
    };
    let text = format!("{error:#}");
    assert!(text.contains(&plan.listen[0].to_string()), "{text}");
}

#[test]
fn a_contradictory_configuration_is_refused() {
    let plan = Plan::new(3);
    let mut twice = plan.config(0);
    twice.peers[1].index = 1;
    assert!(start(twice).is_err());
    let mut mirrored = plan.config(0);
    mirrored.peers[1].peer_id = plan.keys[0].public().to_peer_id();
    assert!(start(mirrored).is_err());
}

#[test]
fn the_network_starts_inside_and_outside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let plan = Plan::new(2);
        let node = plan.start(0);
        node.network.shutdown();
        drop(node);
    });
}

#[test]
fn an_own_message_over_the_limit_is_counted_and_not_sent() {
    let plan = Plan::new(2);
    let nodes = [plan.start(0), plan.start(1)];
    nodes.iter().for_each(|node| node.wait_connected(1));
    nodes[0]
        .network
        .broadcast(&batch(1, Limits::of(2).frame_bytes_max(Class::Lanes)));
    assert_eq!(nodes[0].network.stats().oversized, 1);
    nodes[0].network.broadcast(&status(4));
    assert_eq!(nodes[1].message(), (0, status(4)));
}

/// Prints how fast bulk crosses loopback with Noise and yamux; fails only when batches get lost.
#[test]
fn loopback_throughput() {
    const BATCHES: u64 = 512;
    const BATCH_BYTES: usize = 500_000;
    let plan = Plan::new(2);
    let nodes = [plan.start(0), plan.start(1)];
    nodes.iter().for_each(|node| node.wait_connected(1));
    let bound = QueueBound::of(Class::Lanes, &Limits::of(2)).bytes as u64;
    let started = Instant::now();
    let feeder = nodes[0].network.clone();
    let feeding = std::thread::spawn(move || {
        for position in 0..BATCHES {
            eventually("the queue has room", || {
                feeder.stats().classes[Class::Lanes.index()].queue_bytes
                    < bound - 2 * BATCH_BYTES as u64
            });
            feeder.send(1, &batch(position, BATCH_BYTES));
        }
    });
    for position in 0..BATCHES {
        let (_, message) = nodes[1].message();
        assert!(matches!(message, Message::Batch(b) if b.header.position == position));
    }
    feeding.join().expect("the feeder ends");
    let seconds = started.elapsed().as_secs_f64();
    let mebibytes = (BATCHES * BATCH_BYTES as u64) as f64 / f64::from(1 << 20);
    eprintln!(
        "loopback, one peer, 500 kB batches: {:.0} MiB/s",
        mebibytes / seconds
    );
}
