//! The event loop: what happens next, to whom, and what comes of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::atomic::Ordering;

use bds_contracts::block::ValidatorIndex;
use bds_contracts::tx::Millis;
use bds_core::turn::Input;

use super::byzantine::Coalition;
use super::checker::Checker;
use super::client::History;
use super::contracts::ContractRules;
use super::faults::Faults;
use super::machine::Rules;
use super::mock::MockRules;
use super::network::{Frame, Network};
use super::node::{Clock, SimNode};
use super::plan::{CHAIN, Climate, Plan};
use super::random::{Draws, Key, Random};
use super::scheme::mix;

pub(super) const MILLI: u64 = 1_000;
pub(super) const SECOND: u64 = 1_000 * MILLI;
/// Everything accepted must be executed everywhere this long after healing: ten view timeouts at their cap
/// would be 160 s, and a network that needs them is not live in any useful sense.
const LIVENESS_BOUND: u64 = 60 * SECOND;

/// What draws are for; see [`Draws::at`]. Each number is one stream of chance.
pub(super) mod purpose {
    pub(crate) const LATENCY: u64 = 10;
    pub(crate) const WORK: u64 = 11;
    pub(crate) const SYNC: u64 = 12;
    pub(crate) const CLIENT: u64 = 13;
    pub(crate) const CRASH: u64 = 14;
    pub(crate) const DOWN: u64 = 15;
}

pub(super) enum Event {
    Deliver(Frame),
    /// A link may move again.
    Pump(ValidatorIndex, ValidatorIndex),
    /// The engine, the store or a connection answers a process, if it still lives.
    Local {
        node: usize,
        incarnation: u64,
        input: Box<Input>,
    },
    /// The core asked to be called.
    Wake {
        node: usize,
        incarnation: u64,
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
    /// A client acts.
    Client(u64),
    /// A direction of a link comes back.
    Join(ValidatorIndex, ValidatorIndex),
}

/// Events by time, then by the order they were scheduled in.
#[derive(Default)]
struct Agenda {
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    scheduled: u64,
}

impl Agenda {
    fn push(&mut self, at: u64, event: Event) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.events[slot] = Some(event);
                slot
            }
            None => {
                self.events.push(Some(event));
                self.events.len() - 1
            }
        };
        self.heap.push(Reverse((at, self.scheduled, slot)));
        self.scheduled += 1;
    }

    fn pop(&mut self) -> Option<(u64, u64, Event)> {
        let Reverse((at, id, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.events[slot].take().expect("queued events exist");
        Some((at, id, event))
    }
}

/// The whole network.
pub struct World {
    pub(super) plan: Plan,
    pub(super) climate: Climate,
    pub(super) draws: Draws,
    pub(super) now: u64,
    agenda: Agenda,
    /// Validators.
    pub nodes: Vec<SimNode>,
    /// Links.
    pub network: Network,
    /// Faults drawn and counted.
    pub faults: Faults,
    /// The observer.
    pub checker: Checker,
    /// What clients know.
    pub clients: History,
    pub(super) coalition: Coalition,
    pub(super) rules: Box<dyn Rules>,
    pub(super) old_frames: Vec<Frame>,
    pub(super) cut_until: u64,
    pub(super) flapping: Option<Vec<(ValidatorIndex, ValidatorIndex)>>,
    pub(super) nonces: BTreeMap<u64, u64>,
    pub(super) idle_until: u64,
    pub(super) clients_until: u64,
    /// Fingerprint of everything that happened.
    pub history: u64,
    /// Events handled.
    pub steps: u64,
    /// Highest number of view changes any process started.
    pub view_changes: u64,
    /// Frames delivered, and their bytes.
    pub traffic: (u64, u64),
}

pub(super) fn index_of(node: usize) -> ValidatorIndex {
    ValidatorIndex::try_from(node).expect("few validators")
}

fn draws_of(plan: &Plan) -> Draws {
    Draws::new(plan.seed ^ u64::try_from(plan.nodes).unwrap_or(0) << 48)
}

impl World {
    /// All validators up, nothing said.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let climate = Climate::draw(&plan, draws_of(&plan));
        Self::within(plan, climate)
    }

    /// The same in these surroundings.
    #[must_use]
    pub fn within(plan: Plan, climate: Climate) -> Self {
        let draws = draws_of(&plan);
        let faults = Faults::draw(draws, plan.faults.as_deref(), plan.only.clone());
        let rules: Box<dyn Rules> = if climate.contracts {
            Box::new(ContractRules::new(&climate.set))
        } else {
            Box::new(MockRules {
                chain: CHAIN,
                lanes: plan.nodes,
                variant: plan.variant,
            })
        };
        let chain = rules.chain();
        let nodes: Vec<_> = (0..plan.nodes)
            .map(|node| {
                let config = climate.config(&plan, index_of(node), chain);
                SimNode::new(config, rules.genesis(index_of(node)))
            })
            .collect();
        let coalition = Coalition::new(&plan, &climate, draws, chain);
        let n = plan.nodes;
        let mut world = Self {
            draws,
            now: 0,
            agenda: Agenda::default(),
            nodes,
            network: Network::new(n),
            faults,
            checker: Checker::new(chain, climate.set.clone(), climate.liars.clone()),
            clients: History::default(),
            coalition,
            rules,
            old_frames: Vec::new(),
            cut_until: 0,
            flapping: None,
            nonces: BTreeMap::new(),
            idle_until: 0,
            clients_until: 0,
            history: plan.seed,
            steps: 0,
            view_changes: 0,
            traffic: (0, 0),
            climate,
            plan,
        };
        world.checker.recount = !world.plan.trust_certificates;
        for node in 0..n {
            world.restart(node);
        }
        for client in 0..3 {
            world.schedule(MILLI, Event::Client(client));
        }
        world.schedule(50 * MILLI, Event::Weather);
        world
    }

    /// Faults and checks, then healing and progress. The first violation is in the checker.
    pub fn run(&mut self) {
        let storm = self.climate.storm_us;
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
        self.audit();
    }

    fn sound(&self) -> bool {
        self.checker.violation.is_none()
    }

    pub(super) fn schedule(&mut self, after: u64, event: Event) {
        self.agenda.push(self.now + after, event);
    }

    pub(super) fn note(&mut self, what: u64, value: u64) {
        self.history = mix(self.history ^ what, &value.to_le_bytes());
    }

    /// Chance at a place that one validator has at this moment.
    pub(super) fn chance(&self, purpose: u64, node: usize, ordinal: u64) -> Random {
        let key = Key(u64::from(index_of(node)), self.now, ordinal);
        self.draws.at(purpose, key)
    }

    /// The place of one validator at this moment.
    pub(super) fn here(&self, node: usize) -> Key {
        Key(u64::from(index_of(node)), self.now, 0)
    }

    fn step(&mut self) {
        let Some((at, id, event)) = self.agenda.pop() else {
            return;
        };
        self.now = self.now.max(at);
        self.steps += 1;
        self.note(at, id);
        match event {
            Event::Deliver(frame) => self.deliver(frame),
            Event::Pump(from, to) => self.pump(from, to),
            Event::Local {
                node,
                incarnation,
                input,
            } => {
                if self.nodes[node].incarnation == incarnation {
                    self.input(node, *input);
                }
            }
            Event::Wake { node, incarnation } => {
                if self.nodes[node].incarnation == incarnation {
                    self.wake(node);
                }
            }
            Event::Synced { node, incarnation } => self.synced(node, incarnation),
            Event::Restart(node) => self.restart(node),
            Event::Resume(node) => self.turn(node),
            Event::Weather => self.weather(),
            Event::Client(client) => self.client(client),
            Event::Join(from, to) => {
                self.network.set_cut(from, to, false);
                self.greet_each_other(from, to);
            }
        }
    }

    pub(super) fn input(&mut self, node: usize, input: Input) {
        if self.nodes[node].process.is_some() {
            self.nodes[node].answer(input);
            self.turn(node);
        }
    }

    /// Calls the core if its timer says that it is time.
    pub(super) fn wake(&mut self, node: usize) {
        let timer = self.timer(node);
        self.nodes[node].wake_scheduled = None;
        match self.nodes[node].wake {
            Some(at) if at <= timer => {
                self.nodes[node].wake = None;
                self.input(node, Input::Tick);
            }
            Some(at) => self.schedule_wake(node, at),
            None => {}
        }
    }

    fn timer(&self, node: usize) -> Millis {
        let clock = &self.nodes[node].clock;
        clock.shown(self.now, self.plan.variant).timer
    }

    pub(super) fn schedule_wake(&mut self, node: usize, at: Millis) {
        let after = at.0.saturating_sub(self.timer(node).0).max(1) * MILLI;
        let due = self.now + after;
        let (incarnation, scheduled) = {
            let node = &self.nodes[node];
            (node.incarnation, node.wake_scheduled)
        };
        if scheduled.is_none_or(|earlier| due < earlier) {
            self.nodes[node].wake_scheduled = Some(due);
            self.schedule(after, Event::Wake { node, incarnation });
        }
    }

    /// All links up, all processes up, clocks right, disks quick.
    fn heal(&mut self) {
        self.faults.active = false;
        self.cut_until = 0;
        self.flapping = None;
        self.network.heal();
        for node in 0..self.plan.nodes {
            self.nodes[node].paused_until = 0;
            self.nodes[node].away_until = None;
            self.nodes[node].medium.disarm();
            self.nodes[node].clock = Clock::default();
            self.restart(node);
            self.answer(node, 0, Input::Tick);
        }
        for node in 0..self.plan.nodes {
            self.greet(node);
        }
    }

    fn correct(&self) -> impl Iterator<Item = &SimNode> {
        self.nodes
            .iter()
            .filter(|node| !self.checker.faulty.contains(&node.index()))
    }

    /// Everything a living process accepted is executed on every correct validator, and all are at the same height.
    fn settled(&mut self) -> bool {
        let height = self.checker.height();
        let level = self.correct().all(|node| {
            node.core()
                .is_some_and(|core| core.executed() == height && core.certified() == height)
        });
        if !level {
            return false;
        }
        self.clients.owed().all(|name| {
            let place = self.checker.places.get(&name);
            self.correct().all(|node| {
                node.places.contains_key(&name)
                    || place.is_some_and(|place| place.height <= node.began_at)
            })
        })
    }

    /// What clients were told is on every correct validator.
    fn audit(&mut self) {
        if !self.sound() {
            return;
        }
        for node in 0..self.plan.nodes {
            let node = &self.nodes[node];
            if let Some(core) = node.core()
                && !self.checker.faulty.contains(&node.index())
            {
                let span = (node.began_at, core.executed());
                self.clients
                    .audit(&mut self.checker, node.index(), &node.places, span);
            }
        }
    }

    /// Where everyone stands, for a failure's report.
    #[must_use]
    pub fn standing(&self) -> String {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| match node.core() {
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
        let owed: BTreeSet<_> = self.clients.owed().collect();
        format!(
            "{} accepted transactions wait ({:x?}...), forgetful {:?}; {}",
            owed.len(),
            owed.first(),
            self.checker.forgetful,
            nodes.join(" ")
        )
    }

    /// Signatures that were checked, by all.
    #[must_use]
    pub fn signatures_checked(&self) -> u64 {
        let each = self.nodes.iter();
        each.map(|node| node.checked.load(Ordering::Relaxed)).sum()
    }

    /// Virtual time, in microseconds.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.now
    }
}
