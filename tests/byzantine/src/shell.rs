//! The real core without a disk, on the real network, and a behaviour between its effects and the wire.
//!
//! One thread does everything in turn, checking and executing included: a liar need not be fast. It keeps what it has
//! learnt in memory, so a restart is that of a validator with an emptied home.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bds_contracts::block::{BatchDigest, CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::genesis::Mode;
use bds_contracts::tx::Millis;
use bds_core::batch::Batch;
use bds_core::config::Config;
use bds_core::core::Core;
use bds_core::message::{CommittedSlot, Message};
use bds_core::recovery::Recovered;
use bds_core::turn::{Disk, Effect, Input, Record, Turn};
use bds_node::engine::Engine;
use bds_node::execution::{Execution, transactions_root};
use bds_node::network::{Inbox, Limits, Network, TurnShare};
use bds_node::runtime::core_loop::Clock;
use bds_node::runtime::scheme::Ed25519Scheme;
use bds_node::runtime::verification::check_batches;
use crossbeam::channel::Receiver;

use crate::behaviour::{Behaviour, Honest, View};
use crate::home::Home;

/// Pause without an input, and the beat of what a behaviour says by itself.
const BEAT: Duration = Duration::from_millis(5);

/// What was written, to serve it.
#[derive(Default)]
struct Memory {
    batches: BTreeMap<BatchDigest, Batch>,
    slots: BTreeMap<Height, CommittedSlot>,
    headers: BTreeMap<Height, CertifiedHeader>,
}

impl Disk for Memory {
    type Error = Infallible;

    fn append(&mut self, record: &Record) -> Result<(), Infallible> {
        match record {
            Record::Batch(batch) => {
                self.batches.insert(batch.header.digest(), batch.clone());
            }
            Record::Committed(slot) => {
                self.slots.insert(slot.proposal.slot, slot.clone());
            }
            Record::Certified(header) => {
                self.headers.insert(header.header.height, header.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A validator in this process.
pub struct Shell {
    home: Home,
    core: Core,
    memory: Memory,
    network: Network,
    inbox: Inbox,
    engine: Arc<Engine>,
    mode: Mode,
    execution: Execution,
    behaviour: Box<dyn Behaviour>,
    /// Answers to the core's own questions, given in its next turn.
    answers: Vec<Input>,
    clock: Clock,
}

impl Shell {
    /// Starts as an honest validator without a past.
    ///
    /// # Errors
    /// When the home is damaged or its address taken.
    pub fn start(home: Home) -> anyhow::Result<Self> {
        let engine = Arc::new(Engine::new("auto", 1)?);
        let mut config = Config::new(
            home.pen.chain,
            home.genesis.validators.clone(),
            home.pen.index,
        );
        config.batch_delay_ms = 20;
        config.slot_interval_min_ms = 20;
        let scheme = Ed25519Scheme::new(home.seed(), Arc::clone(&engine));
        let recovered = Recovered::new(&config);
        let clock = Clock::start();
        let core = Core::new(config, Box::new(scheme), recovered, clock.now().timer);
        let limits = Limits::of(home.validators());
        let (network, inbox) = home.connect(limits)?;
        Ok(Self {
            execution: Execution::from_genesis(&home.genesis, Arc::clone(&engine))?,
            mode: home.genesis.mode,
            home,
            core,
            memory: Memory::default(),
            network,
            inbox,
            engine,
            behaviour: Box::new(Honest),
            answers: Vec::new(),
            clock,
        })
    }

    /// Runs until `commands` is closed; each command is the behaviour from then on.
    pub fn run(mut self, commands: &Receiver<Box<dyn Behaviour>>) {
        let mut wake = Millis(0);
        let mut beat = Instant::now();
        loop {
            match commands.try_recv() {
                Ok(behaviour) => self.behaviour = behaviour,
                Err(crossbeam::channel::TryRecvError::Empty) => {}
                Err(crossbeam::channel::TryRecvError::Disconnected) => return,
            }
            if self.inbox.is_empty() && self.answers.is_empty() {
                // Times out on most turns: the beat goes on.
                let _ = self.inbox.bell().recv_timeout(BEAT);
            }
            let turn = self.turn(&mut wake);
            let Ok(effects) = turn.commit(&mut self.memory);
            for effect in effects {
                self.carry_out(effect, &mut wake);
            }
            if beat.elapsed() >= BEAT {
                beat = Instant::now();
                let said = self.with_behaviour(|behaviour, view| behaviour.spontaneous(view));
                for (to, message) in said {
                    self.network.send(to, &message);
                }
            }
        }
    }

    fn turn(&mut self, wake: &mut Millis) -> Turn {
        let now = self.clock.now();
        let mut turn = Turn::default();
        for answer in std::mem::take(&mut self.answers) {
            self.core.step(now, answer, &mut turn);
        }
        while let Some(peer) = self.inbox.take_connected() {
            self.core.step(now, Input::Connected(peer), &mut turn);
        }
        let mut share = TurnShare::default();
        while let Some(heard) = self.inbox.take(&mut share) {
            self.with_behaviour(|behaviour, view| {
                behaviour.on_see(view, heard.from, &heard.message)
            });
            let (from, message) = (heard.from, heard.message);
            self.core
                .step(now, Input::Received { from, message }, &mut turn);
        }
        if *wake <= now.timer {
            *wake = Millis(u64::MAX);
            self.core.step(now, Input::Tick, &mut turn);
        }
        turn
    }

    fn with_behaviour<T>(&mut self, act: impl FnOnce(&mut dyn Behaviour, &View<'_>) -> T) -> T {
        let view = View {
            pen: &self.home.pen,
            set: &self.home.genesis.validators,
            view: self.core.view(),
            primary: self.core.primary(),
            committed: self.core.committed(),
            certified: self.core.certified_header(),
            lanes: self.core.lane_positions(),
            wall: self.clock.now().wall,
        };
        act(self.behaviour.as_mut(), &view)
    }

    fn say(&mut self, to: ValidatorIndex, message: &Message) {
        let instead =
            self.with_behaviour(|behaviour, view| behaviour.on_send(view, to, message.clone()));
        for message in instead {
            self.network.send(to, &message);
        }
    }

    fn carry_out(&mut self, effect: Effect, wake: &mut Millis) {
        match effect {
            Effect::Seal { position, payload } => {
                let transactions = payload.transactions().unwrap_or_default();
                let root = transactions_root(&self.engine, self.mode, &transactions);
                let count = u32::try_from(transactions.len()).unwrap_or(0);
                self.answers.push(Input::Sealed {
                    position,
                    payload,
                    root,
                    count,
                });
            }
            Effect::Replaced(_) => {}
            Effect::Verify(batch) => {
                let digest = batch.header.digest();
                let verdict = check_batches(&self.engine, self.mode, &[batch])[0];
                self.answers.push(Input::Verified { digest, verdict });
            }
            Effect::Send(to, message) => self.say(to, &message),
            Effect::Broadcast(message) => {
                for to in 0..self.home.validators() {
                    let to = ValidatorIndex::try_from(to).unwrap_or(ValidatorIndex::MAX);
                    if to != self.home.pen.index {
                        self.say(to, &message);
                    }
                }
            }
            Effect::Execute {
                height,
                time,
                batches,
            } => {
                let batches = batches.after(&self.execution.place().header.digest());
                let header = self.execution.apply(height, time, &batches).header;
                self.answers.push(Input::Executed { header });
            }
            Effect::Certified(_) => {}
            Effect::LoadBatches(digests) => {
                self.answers
                    .push(Input::Loaded(self.batches(&digests).collect()));
            }
            Effect::ServeBatches(to, digests) => {
                let batches: Vec<_> = self.batches(&digests).collect();
                for batch in batches {
                    self.network.serve(to, &Message::Batch(batch));
                }
            }
            Effect::ServeSlots { to, from, count } => {
                let slots = self
                    .memory
                    .slots
                    .range(from..)
                    .map(|(_, slot)| slot.clone());
                let message = Message::Slots(slots.take(count).collect());
                self.say(to, &message);
            }
            Effect::ServeHeaders { to, from, count } => {
                let headers = self
                    .memory
                    .headers
                    .range(from..)
                    .map(|(_, header)| header.clone());
                let message = Message::Headers(headers.take(count).collect());
                self.say(to, &message);
            }
            Effect::WakeAt(at) => *wake = (*wake).min(at),
            // It has no state, and needs none to lie.
            Effect::ServeStates(_) | Effect::ServePiece { .. } | Effect::TakeState(_) => {}
            // A liar that disagrees with a quorum goes on lying.
            Effect::Halt(_) => {}
        }
    }

    fn batches(&self, digests: &[BatchDigest]) -> impl Iterator<Item = Batch> {
        let found = digests
            .iter()
            .filter_map(|digest| self.memory.batches.get(digest));
        found.cloned()
    }
}
