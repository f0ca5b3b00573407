//! The event loop: network, processes, clients and time, all from one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use bds_contracts::block::{MerkleRoot, Validator, ValidatorIndex, ValidatorSet};
use bds_contracts::tx::ChainId;
use bds_core::config::{Broken, Config};
use bds_core::message::Message;
use bds_core::turn::{Effect, Input, Record, Turn, Verdict};

use super::byzantine::Equivocator;
use super::checker::Checker;
use super::faults::{Fault, Faults};
use super::node::SimNode;
use super::random::Random;
use super::scheme::{key, mix};

const MILLI: u64 = 1_000;
const SECOND: u64 = 1_000 * MILLI;
/// A validator takes at most this many inputs into one turn.
const INPUTS_PER_TURN: usize = 32;
/// A client asks another validator when nothing happened for this long.
const CLIENT_PATIENCE: u64 = 2 * SECOND;
/// Everything submitted must be executed everywhere this long after healing: ten view timeouts at their cap
/// would be 160 s, and a network that needs them is not live in any useful sense.
const LIVENESS_BOUND: u64 = 60 * SECOND;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything that is not said here.
    pub seed: u64,
    /// Validators.
    pub nodes: usize,
    /// Fault kinds; `None` lets the seed draw them.
    pub faults: Option<Vec<Fault>>,
    /// Events in the phase with faults, at most.
    pub steps: u64,
    /// Validators that equivocate as primaries; 0 or 1.
    pub byzantine: usize,
    /// The rule broken on purpose.
    pub variant: Variant,
    /// Do not count the weight of certificates, so that a wrong quorum has to break agreement to be seen.
    pub trust_certificates: bool,
}

/// The core under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// As it ships.
    #[default]
    Correct,
    /// See [`Broken::QuorumTwoF`].
    QuorumTwoF,
    /// Effects leave before the sync, so a crash forgets votes that others have.
    VoteBeforeDurable,
    /// See [`Broken::VotesForgotten`].
    VotesForgotten,
    /// See [`Broken::PreparedDropped`].
    PreparedDropped,
    /// See [`Broken::VoterCountedTwice`].
    VoterCountedTwice,
}

impl Variant {
    /// Name on the command line.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "correct" => Self::Correct,
            "quorum-2f" => Self::QuorumTwoF,
            "vote-before-durable" => Self::VoteBeforeDurable,
            "votes-forgotten" => Self::VotesForgotten,
            "prepared-dropped" => Self::PreparedDropped,
            "voter-counted-twice" => Self::VoterCountedTwice,
            _ => return None,
        })
    }

    fn broken(self) -> Broken {
        match self {
            Self::Correct | Self::VoteBeforeDurable => Broken::No,
            Self::QuorumTwoF => Broken::QuorumTwoF,
            Self::VotesForgotten => Broken::VotesForgotten,
            Self::PreparedDropped => Broken::PreparedDropped,
            Self::VoterCountedTwice => Broken::VoterCountedTwice,
        }
    }
}

enum Event {
    Deliver {
        from: ValidatorIndex,
        to: ValidatorIndex,
        message: Message,
    },
    /// The engine, the store or a timer answers a process, if it still lives.
    Local {
        node: usize,
        incarnation: u64,
        input: Input,
    },
    /// The sync of a turn has returned.
    Synced {
        node: usize,
        incarnation: u64,
    },
    Restart(usize),
    /// A pause is over.
    Resume(usize),
    /// Time to think about the big faults.
    Weather,
    Client,
}

/// A transaction a client wants to see executed.
struct Pending {
    bytes: Arc<[u8]>,
    tried_at: u64,
}

/// The whole network.
pub struct World {
    plan: Plan,
    random: Random,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    next_event: u64,
    /// Validators.
    pub nodes: Vec<SimNode>,
    /// Faults drawn and counted.
    pub faults: Faults,
    /// The observer.
    pub checker: Checker,
    byzantine: Option<Equivocator>,
    /// `cut[from][to]`: messages do not pass.
    cut: Vec<Vec<bool>>,
    cut_until: u64,
    old_messages: Vec<(ValidatorIndex, ValidatorIndex, Message)>,
    pending: BTreeMap<u64, Pending>,
    done: BTreeSet<u64>,
    next_tx: u64,
    clients_until: u64,
    /// Fingerprint of everything that happened.
    pub history: u64,
    /// Events handled.
    pub steps: u64,
    /// Highest number of view changes any process started.
    pub view_changes: u64,
}

impl World {
    /// All validators up, nothing said.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let mut random = Random::new(plan.seed ^ u64::try_from(plan.nodes).unwrap_or(0) << 48);
        let faults = match &plan.faults {
            Some(kinds) => Faults::only(&mut random, kinds),
            None => Faults::draw(&mut random),
        };
        let chain = ChainId([7; 32]);
        // One seed in four has members of different weight. A faulty member must stay below a third.
        let weighted = plan.byzantine == 0 && random.chance(250);
        let validators: Vec<_> = (0..plan.nodes)
            .map(|index| Validator {
                key: key(u16::try_from(index).expect("few validators")),
                weight: if weighted { random.between(1, 3) } else { 1 },
            })
            .collect();
        let set = ValidatorSet {
            epoch: 0,
            validators,
        };
        // The first primary is the most useful liar.
        let byzantine = (plan.byzantine > 0).then(|| Equivocator::new(0, chain, 0));
        let nodes: Vec<_> = (0..plan.nodes)
            .map(|index| {
                let me = u16::try_from(index).expect("few validators");
                let mut config = Config::new(chain, set.clone(), me);
                config.batch_bytes_max = 2_048;
                config.batch_transactions_max = 64;
                config.mempool_bytes_max = 16 * 1_024;
                config.payload_cache_bytes_max = 8 * 1_024;
                config.window = 64;
                config.broken = plan.variant.broken();
                let mut node = SimNode::new(config);
                node.disk.lazy = plan.variant == Variant::VoteBeforeDurable;
                node
            })
            .collect();
        let faulty = byzantine.iter().map(|b| b.index).collect();
        let n = plan.nodes;
        let mut world = Self {
            random,
            now: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            next_event: 0,
            nodes,
            faults,
            checker: Checker::new(chain, set, faulty),
            byzantine,
            cut: vec![vec![false; n]; n],
            cut_until: 0,
            old_messages: Vec::new(),
            pending: BTreeMap::new(),
            done: BTreeSet::new(),
            next_tx: 0,
            clients_until: 0,
            history: plan.seed,
            steps: 0,
            view_changes: 0,
            plan,
        };
        world.checker.recount = !world.plan.trust_certificates;
        for node in 0..n {
            world.restart(node);
        }
        world.schedule(MILLI, Event::Client);
        world.schedule(50 * MILLI, Event::Weather);
        world
    }

    /// Faults and checks, then healing and progress. The first violation is in the checker.
    pub fn run(&mut self) {
        let storm = 4 * SECOND + self.random.below(4 * SECOND);
        self.clients_until = storm;
        while self.now < storm && self.steps < self.plan.steps && self.sound() {
            self.step();
        }
        self.heal();
        let deadline = self.now + LIVENESS_BOUND;
        self.clients_until = self.now;
        while self.sound() && !self.settled() {
            if self.now > deadline {
                let report = self.standing();
                self.checker.fail(format!(
                    "liveness: not settled {LIVENESS_BOUND} us after healing: {report}"
                ));
                return;
            }
            for _ in 0..64 {
                self.step();
            }
        }
    }

    fn sound(&self) -> bool {
        self.checker.violation.is_none()
    }

    fn schedule(&mut self, after: u64, event: Event) {
        let id = self.next_event;
        self.next_event += 1;
        self.events.insert(id, event);
        self.queue.push(Reverse((self.now + after, id)));
    }

    fn note(&mut self, what: u64, value: u64) {
        self.history = mix(self.history ^ what, &value.to_le_bytes());
    }

    fn step(&mut self) {
        let Some(Reverse((at, id))) = self.queue.pop() else {
            return;
        };
        self.now = self.now.max(at);
        self.steps += 1;
        let event = self.events.remove(&id).expect("queued events exist");
        self.note(at, id);
        match event {
            Event::Deliver { from, to, message } => {
                self.input(usize::from(to), Input::Received { from, message });
            }
            Event::Local {
                node,
                incarnation,
                input,
            } => {
                if self.nodes[node].incarnation == incarnation {
                    self.input(node, input);
                }
            }
            Event::Synced { node, incarnation } => self.synced(node, incarnation),
            Event::Restart(node) => self.restart(node),
            Event::Resume(node) => self.turn(node),
            Event::Weather => self.weather(),
            Event::Client => self.client(),
        }
    }

    fn input(&mut self, node: usize, input: Input) {
        if self.nodes[node].core.is_none() {
            return;
        }
        self.nodes[node].inbox.push_back(input);
        self.turn(node);
    }

    /// Runs a turn if the process is free: steps, then writes; effects follow when the sync returns.
    fn turn(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.nodes[index];
        if node.held_back.is_some() || node.inbox.is_empty() {
            return;
        }
        if node.paused_until > now {
            let wait = node.paused_until - now;
            if node.inbox.len() == 1 {
                self.schedule(wait, Event::Resume(index));
            }
            return;
        }
        let clock = node.clock(now);
        let Some(core) = node.core.as_mut() else {
            return;
        };
        let mut turn = Turn::default();
        for input in node
            .inbox
            .drain(..INPUTS_PER_TURN.min(node.inbox.len()))
            .collect::<Vec<_>>()
        {
            core.step(clock, input, &mut turn);
        }
        let (view, changes) = (core.view(), core.view_changes());
        self.view_changes = self.view_changes.max(changes);
        if self.faults.strikes_in_disk(&mut self.random) {
            node.disk.dies_in = Some(u32::try_from(self.random.below(4)).unwrap_or(0));
        }
        let Ok(effects) = turn.commit(&mut node.disk) else {
            self.faults.struck(Fault::CrashInDisk);
            self.crash(index);
            return;
        };
        node.disk.dies_in = None;
        let records = std::mem::take(&mut node.disk.appended);
        let (lazy, incarnation, me) = (node.disk.lazy, node.incarnation, node.index());
        let faulty = self.checker.faulty.contains(&me);
        // Only now: a view that was entered in a turn that never reached the disk was never seen by anyone.
        self.checker.view(me, view);
        for record in &records {
            node.store.index(record);
            if let Record::Committed(slot) = record
                && !faulty
            {
                self.checker.committed(me, slot);
            }
        }
        // A turn without records needs no sync; a real disk takes a fraction of a millisecond.
        let mut latency = if records.is_empty() {
            0
        } else {
            self.random.between(100, 400)
        };
        if !records.is_empty() && self.faults.strikes(Fault::SlowDisk, &mut self.random) {
            latency += self.random.below(SECOND);
        }
        if lazy {
            // The broken order: out first, durable later.
            self.nodes[index].held_back = Some(Vec::new());
            self.carry_out(index, effects);
        } else {
            node.held_back = Some(effects);
        }
        self.schedule(
            latency,
            Event::Synced {
                node: index,
                incarnation,
            },
        );
    }

    fn synced(&mut self, index: usize, incarnation: u64) {
        let node = &mut self.nodes[index];
        if node.incarnation != incarnation {
            return;
        }
        if node.disk.lazy {
            node.disk.flush();
        }
        if let Some(effects) = node.held_back.take() {
            self.carry_out(index, effects);
        }
        self.turn(index);
    }

    fn carry_out(&mut self, index: usize, effects: Vec<Effect>) {
        for effect in effects {
            if self.nodes[index].core.is_none() {
                return;
            }
            self.effect(index, effect);
        }
    }

    fn answer(&mut self, index: usize, after: u64, input: Input) {
        let incarnation = self.nodes[index].incarnation;
        self.schedule(
            after,
            Event::Local {
                node: index,
                incarnation,
                input,
            },
        );
    }

    fn effect(&mut self, index: usize, effect: Effect) {
        let me = self.nodes[index].index();
        let faulty = self.checker.faulty.contains(&me);
        match effect {
            Effect::Seal { position, payload } => {
                let root = MerkleRoot(root_of(payload.as_bytes()));
                let count = payload.transactions().map_or(0, |t| t.len());
                let count = u32::try_from(count).expect("simulated batches are small");
                let after = self.random.between(50, 2_000);
                self.answer(
                    index,
                    after,
                    Input::Sealed {
                        position,
                        payload,
                        root,
                        count,
                    },
                );
            }
            Effect::Verify(batch) => {
                let same = batch.header.transactions_root.0 == root_of(batch.payload.as_bytes());
                let verdict = if same {
                    Verdict::Valid
                } else {
                    Verdict::Altered
                };
                let digest = batch.header.digest();
                let after = self.random.between(50, 2_000);
                self.answer(index, after, Input::Verified { digest, verdict });
            }
            Effect::Send(to, message) => self.send(me, to, message),
            Effect::Broadcast(message) => {
                for to in 0..self.plan.nodes {
                    let to = u16::try_from(to).expect("few validators");
                    if to != me {
                        self.send(me, to, message.clone());
                    }
                }
            }
            Effect::Execute {
                height,
                time,
                batches,
            } => {
                let node = &mut self.nodes[index];
                let (header, done) = node
                    .state
                    .execute(node.config.chain, height, time, &batches);
                if !faulty {
                    self.checker
                        .executes(me, height, &batches, &mut node.executed_tips);
                    self.checker.took_effect(me, height, &done);
                }
                // One block after the other, as the slot order asks.
                let took = self.random.between(100, 3_000);
                let node = &mut self.nodes[index];
                node.executing_until = node.executing_until.max(self.now) + took;
                let after = node.executing_until - self.now;
                self.answer(index, after, Input::Executed { header });
            }
            Effect::Certified(certified) => {
                self.note(certified.header.height, u64::from(me));
                if !faulty {
                    self.checker.certified(me, &certified);
                    if certified.header.height.is_multiple_of(8) && self.faults.has(Fault::Snapshot)
                    {
                        self.nodes[index].take_snapshot();
                    }
                }
            }
            Effect::LoadBatches(digests) => {
                let found = self.nodes[index].store.batches(&digests);
                let after = self.random.between(50, 1_000);
                self.answer(index, after, Input::Loaded(found));
            }
            Effect::ServeBatches(to, digests) => {
                for batch in self.nodes[index].store.batches(&digests) {
                    self.send(me, to, Message::Batch(batch));
                }
            }
            Effect::ServeSlots { to, from, count } => {
                let answer = self.nodes[index].store.slots(from, count);
                self.send(me, to, answer);
            }
            Effect::ServeHeaders { to, from, count } => {
                let answer = self.nodes[index].store.certified(from, count);
                self.send(me, to, answer);
            }
            Effect::WakeAt(at) => {
                let clock = self.nodes[index].clock(self.now).0;
                let after = at.0.saturating_sub(clock) * MILLI;
                self.answer(index, after, Input::Tick);
            }
            Effect::Halt(why) => {
                if !faulty {
                    self.checker.fail(format!("halt: validator {me}: {why}"));
                }
            }
        }
    }

    /// A message leaves: checked, then lost, held up, doubled or delivered.
    fn send(&mut self, from: ValidatorIndex, to: ValidatorIndex, message: Message) {
        self.checker.sent(from, &message);
        let message = match &mut self.byzantine {
            Some(liar) if liar.index == from => liar.rewrite(to, message),
            _ => message,
        };
        if self.cut[usize::from(from)][usize::from(to)]
            || self.faults.strikes(Fault::Drop, &mut self.random)
        {
            return;
        }
        let mut latency = self.random.between(200, 800);
        if self.faults.strikes(Fault::Reorder, &mut self.random) {
            latency += self.random.below(20 * MILLI);
        }
        if self.faults.strikes(Fault::Delay, &mut self.random) {
            // A heavy tail: usually 100 ms, sometimes seconds.
            let scale = if self.random.chance(50) { 3_000 } else { 200 };
            latency += self.random.below(scale) * MILLI;
        }
        if self.faults.strikes(Fault::Duplicate, &mut self.random) {
            let message = message.clone();
            let again = latency + self.random.below(50 * MILLI);
            self.schedule(again, Event::Deliver { from, to, message });
        }
        if self.faults.has(Fault::Replay) {
            if self.old_messages.len() < 256 {
                self.old_messages.push((from, to, message.clone()));
            } else if self.random.chance(20) {
                let place = self.random.index(256);
                self.old_messages[place] = (from, to, message.clone());
            }
            if self.faults.strikes(Fault::Replay, &mut self.random) {
                let place = self.random.index(self.old_messages.len());
                let (from, to, message) = self.old_messages[place].clone();
                self.schedule(latency, Event::Deliver { from, to, message });
            }
        }
        self.schedule(latency, Event::Deliver { from, to, message });
    }

    /// Every 50 ms: partitions, crashes, pauses, clocks.
    fn weather(&mut self) {
        self.schedule(50 * MILLI, Event::Weather);
        if self.now >= self.cut_until {
            self.reconnect();
        }
        if !self.faults.active {
            return;
        }
        let n = self.plan.nodes;
        if self.cut_until == 0 && self.faults.strikes(Fault::Partition, &mut self.random) {
            let side: Vec<_> = (0..n).map(|_| self.random.chance(500)).collect();
            for from in 0..n {
                for to in 0..n {
                    self.cut[from][to] = side[from] != side[to];
                }
            }
            self.cut_until = self.now + self.random.below(3 * SECOND);
        }
        if self.cut_until == 0 && self.faults.strikes(Fault::Asymmetric, &mut self.random) {
            let victim = self.random.index(n);
            let outward = self.random.chance(500);
            for peer in 0..n {
                if self.random.chance(700) {
                    let (from, to) = if outward {
                        (victim, peer)
                    } else {
                        (peer, victim)
                    };
                    self.cut[from][to] = true;
                }
            }
            self.cut_until = self.now + self.random.below(3 * SECOND);
        }
        if self.faults.strikes(Fault::Crash, &mut self.random) {
            let victim = self.random.index(n);
            self.crash(victim);
        }
        if self.faults.strikes(Fault::Pause, &mut self.random) {
            let victim = self.random.index(n);
            let pause = self.random.below(2 * SECOND);
            let node = &mut self.nodes[victim];
            node.paused_until = node.paused_until.max(self.now + pause);
            if !node.inbox.is_empty() {
                self.schedule(pause, Event::Resume(victim));
            }
        }
        if self.faults.strikes(Fault::ClockSkew, &mut self.random) {
            let victim = self.random.index(n);
            let offset = i64::try_from(self.random.below(4_000)).unwrap_or(0) - 2_000;
            self.nodes[victim].clock_offset = offset;
        }
    }

    fn reconnect(&mut self) {
        if self.cut_until == 0 {
            return;
        }
        self.cut_until = 0;
        let n = self.plan.nodes;
        self.cut = vec![vec![false; n]; n];
        for node in 0..n {
            self.greet(node);
        }
    }

    /// Connections of this process come up.
    fn greet(&mut self, node: usize) {
        for peer in 0..self.plan.nodes {
            if peer != node && self.nodes[peer].core.is_some() {
                let index = |i: usize| u16::try_from(i).expect("few validators");
                self.answer(node, MILLI, Input::Connected(index(peer)));
                self.answer(peer, MILLI, Input::Connected(index(node)));
            }
        }
    }

    fn crash(&mut self, node: usize) {
        if self.nodes[node].core.is_none() {
            return;
        }
        self.nodes[node].stop();
        if self.nodes[node].disk.crash(&mut self.random) {
            self.faults.struck(Fault::TornWrite);
        }
        let down = self.random.below(2 * SECOND);
        self.schedule(down, Event::Restart(node));
    }

    fn restart(&mut self, node: usize) {
        if self.nodes[node].core.is_some() {
            return;
        }
        let use_snapshot = self.random.chance(500);
        if self.nodes[node].start(self.now, use_snapshot) {
            self.faults.struck(Fault::Snapshot);
        }
        self.answer(node, 0, Input::Tick);
        self.greet(node);
    }

    /// New transactions, and old ones again to someone else.
    fn client(&mut self) {
        if self.now < self.clients_until {
            for _ in 0..self.random.between(1, 4) {
                let number = self.next_tx;
                self.next_tx += 1;
                let length = 16 + self.random.index(200);
                let mut bytes = vec![0x42; length];
                bytes[..8].copy_from_slice(&number.to_le_bytes());
                let bytes: Arc<[u8]> = bytes.into();
                self.pending.insert(
                    number,
                    Pending {
                        bytes: bytes.clone(),
                        tried_at: self.now,
                    },
                );
                self.submit(bytes);
            }
        }
        let late: Vec<_> = self
            .pending
            .iter_mut()
            .filter(|(_, p)| p.tried_at + CLIENT_PATIENCE <= self.now)
            .take(64)
            .map(|(_, p)| {
                p.tried_at = self.now;
                p.bytes.clone()
            })
            .collect();
        for bytes in late {
            self.submit(bytes);
        }
        let pause = self.random.between(5, 60) * MILLI;
        self.schedule(pause, Event::Client);
    }

    fn submit(&mut self, bytes: Arc<[u8]>) {
        let node = self.random.index(self.plan.nodes);
        let room = self.nodes[node]
            .core
            .as_ref()
            .is_some_and(|core| core.mempool_free_bytes() > bytes.len() + 4);
        if room {
            self.input(node, Input::Submit(vec![bytes]));
        }
    }

    /// All links up, all processes up, clocks right, disks quick.
    fn heal(&mut self) {
        self.faults.active = false;
        self.cut_until = self.cut_until.min(1);
        self.reconnect();
        for node in 0..self.plan.nodes {
            self.nodes[node].paused_until = 0;
            self.nodes[node].clock_offset = 0;
            self.nodes[node].disk.dies_in = None;
            self.restart(node);
            self.answer(node, 0, Input::Tick);
        }
    }

    /// Everything submitted is executed on every correct validator, and all are at the same height.
    fn settled(&mut self) -> bool {
        let correct: Vec<_> = self
            .nodes
            .iter()
            .filter(|node| !self.checker.faulty.contains(&node.index()))
            .collect();
        let height = self.checker.height();
        let level = correct.iter().all(|node| {
            node.core
                .as_ref()
                .is_some_and(|core| core.executed() == height && core.certified() == height)
        });
        if !level {
            return false;
        }
        // A transaction is gone from the client's list once everyone has executed it.
        let newly: Vec<_> = self
            .pending
            .keys()
            .copied()
            .filter(|number| correct.iter().all(|n| n.state.executed.contains(number)))
            .collect();
        for number in newly {
            self.pending.remove(&number);
            self.done.insert(number);
        }
        self.pending.is_empty()
    }

    /// Where everyone stands, for a failure's report.
    #[must_use]
    pub fn standing(&self) -> String {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| match &node.core {
                Some(core) => format!(
                    "[{} view {}{} committed {} executed {} certified {} lanes {:?} certified lanes {:?} pending {:?} {:?}]",
                    node.index(),
                    core.view(),
                    if core.is_changing_view() { "+" } else { "" },
                    core.committed(),
                    core.executed(),
                    core.certified(),
                    core.lane_positions(),
                    core.lane_certified(),
                    core.batches_pending(),
                    core.counters(),
                ),
                None => format!("[{} down]", node.index()),
            })
            .collect();
        format!(
            "{} transactions wait; {}",
            self.pending.len(),
            nodes.join(" ")
        )
    }

    /// Transactions executed everywhere.
    #[must_use]
    pub fn executed(&self) -> usize {
        self.done.len()
    }

    /// Virtual time, in microseconds.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.now
    }

    /// Messages the byzantine validator changed.
    #[must_use]
    pub fn rewritten(&self) -> u64 {
        self.byzantine.as_ref().map_or(0, |liar| liar.rewritten)
    }
}

fn root_of(bytes: &[u8]) -> [u8; 32] {
    let mut root = [0; 32];
    root[..8].copy_from_slice(&mix(0x726f_6f74, bytes).to_le_bytes());
    root
}
