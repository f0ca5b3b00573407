//! The loop around the core: inputs in, records to disk, effects out. It decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bds_contracts::block::{BatchDigest, Height, ValidatorIndex};
use bds_contracts::genesis::Mode;
use bds_contracts::tx::Millis;
use bds_core::batch::Batch;
use bds_core::core::Core;
use bds_core::message::Message;
use bds_core::turn::{Effect, Input, Now, Turn};
use crossbeam::channel::{Receiver, Select, Sender};
use tracing::{error, info};

use super::admission::wall_clock;
use super::executor::Work;
use super::reports::Reporter;
use super::serving::Serving;
use super::states::States;
use super::tracker::Tracker;
use crate::engine::Engine;
use crate::execution::transactions_root;
use crate::metrics::Metrics;
use crate::network::{ANSWER_BYTES_MAX, Inbox, Network, Room, TurnShare};
use crate::store::{Reader, Store, StoreError};

/// Answers and submissions each that one turn takes at the most; of peers' messages it takes its [`TurnShare`]. So the time
/// is bounded that a vote waits for the sync.
const TURN_INPUTS_MAX: usize = 256;
/// The longest sleep without an input.
const IDLE_MAX: Duration = Duration::from_millis(100);

/// Numbers of the core that others may read at any time.
#[derive(Debug, Default)]
pub struct CoreNumbers {
    /// PBFT view.
    pub view: AtomicU64,
    /// View changes since start.
    pub view_changes: AtomicU64,
    /// Last committed slot.
    pub committed: AtomicU64,
    /// Bytes that admission may hand over in all, as [`Core::submit_credit`] says.
    pub submit_credit: Arc<AtomicU64>,
    /// Bytes handed over that are executed, as [`Core::submitted_and_executed`] says.
    pub submitted_and_executed: Arc<AtomicU64>,
    /// Not behind its peers.
    pub synced: AtomicBool,
    /// Answers refused in a row while catching up.
    pub answers_refused: AtomicU64,
}

/// The core thread's belongings.
pub struct CoreLoop {
    /// The state machine.
    pub core: Core,
    /// The disk.
    pub store: Store,
    /// Reads what was written.
    pub reader: Reader,
    /// Sends.
    pub network: Network,
    /// Computes roots and checks batches.
    pub engine: Arc<Engine>,
    /// Is told which submissions were replaced.
    pub tracker: Arc<Tracker>,
    /// Answers being read for peers.
    pub serving: Serving,
    /// What may be given to peers that are far behind.
    pub states: States,
    /// Executes.
    pub executor: Sender<Work>,
    /// Where computed answers come back.
    pub answers: Sender<Input>,
    /// What a batch's root covers.
    pub mode: Mode,
    /// Checks batches of peers.
    pub verifier: Sender<Batch>,
    /// For scrapes.
    pub metrics: Arc<Metrics>,
    /// Published numbers.
    pub numbers: Arc<CoreNumbers>,
    /// Reads both times.
    pub clock: Clock,
    /// Slots up to this one may have votes that are not on disk, as the disk says; 0 when none has.
    pub forgotten: Height,
    /// Tells of what the core found.
    pub reporter: Reporter,
}

/// The two times of the core: one that never goes back, and the machine's.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// A timer that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Both times. The timer begins above zero, so that every interval has passed before it.
    #[must_use]
    pub fn now(&self) -> Now {
        const TIMER_START_MS: u64 = 1_000_000;
        let elapsed = u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX / 2);
        Now {
            timer: Millis(TIMER_START_MS + elapsed),
            wall: wall_clock(),
        }
    }
}

/// The queues a core listens to. Answers are as many as were asked for; submissions are bounded by number and by the room
/// of the mempool, peers' messages by the bytes of each peer and class.
pub struct Inputs {
    /// From engine, executor and store.
    pub answers: Receiver<Input>,
    /// From peers.
    pub peers: Inbox,
    /// From admission.
    pub submissions: Receiver<Input>,
    /// Closed when the node stops.
    pub stop: Receiver<()>,
}

/// Why the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// The core found itself in disagreement with a quorum.
    Halted(String),
    /// The disk refused; nothing that depended on the lost write has left.
    Disk(String),
    /// The others are further ahead than what this validator executes again.
    Behind,
}

impl CoreLoop {
    /// Runs turns until stopped, halted or refused by the disk.
    pub fn run(mut self, inputs: &Inputs) -> Ended {
        let mut wake = Some(Millis(0));
        loop {
            let Some((turn, rooms)) = self.turn(inputs, &mut wake) else {
                return self.close();
            };
            let (writes, started) = (turn.writes(), Instant::now());
            let effects = match turn.commit(&mut self.store) {
                Ok(effects) => effects,
                Err(problem) => {
                    error!(%problem, "the disk refused a write: stopping before anything that depends on it leaves");
                    return Ended::Disk(problem.to_string());
                }
            };
            if writes {
                self.metrics.sync(started.elapsed());
            }
            for effect in effects {
                match effect {
                    Effect::Halt(reason) => {
                        error!(%reason, "halting");
                        return Ended::Halted(reason);
                    }
                    Effect::TakeState(height) => {
                        info!(height, "the others are far ahead");
                        if let Err(problem) = self.note_forgotten() {
                            return Ended::Disk(problem.to_string());
                        }
                        return match self.close() {
                            Ended::Stopped => Ended::Behind,
                            refused => refused,
                        };
                    }
                    effect => self.carry_out(effect, &mut wake),
                }
            }
            if let Err(problem) = self.note_forgotten() {
                error!(%problem, "the disk refused a write");
                return Ended::Disk(problem.to_string());
            }
            // Only now are this turn's messages dealt with, and their senders may send as much again.
            drop(rooms);
            self.publish();
        }
    }

    /// What peers reminded this validator of is on disk before the next start, which they may not live to see.
    fn note_forgotten(&mut self) -> Result<(), StoreError> {
        let slot = self.core.forgotten().unwrap_or(0);
        if slot == self.forgotten {
            return Ok(());
        }
        self.forgotten = slot;
        self.store.note_forgotten(slot)
    }

    /// Notes what is durable, so that the next start knows that nothing is missing.
    fn close(self) -> Ended {
        match self.store.close() {
            Ok(()) => Ended::Stopped,
            Err(problem) => Ended::Disk(problem.to_string()),
        }
    }

    /// Waits for something to happen, then lets the core see everything that is there, up to a bound: the turn, and the
    /// room of the messages in it. `None` when stopped.
    fn turn(&mut self, inputs: &Inputs, wake: &mut Option<Millis>) -> Option<(Turn, Vec<Room>)> {
        let mut select = Select::new();
        select.recv(&inputs.answers);
        select.recv(inputs.peers.bell());
        select.recv(&inputs.submissions);
        select.recv(&inputs.stop);
        let patience = wake.map_or(IDLE_MAX, |at| {
            Duration::from_millis(at.0.saturating_sub(self.clock.now().timer.0)).min(IDLE_MAX)
        });
        // What an earlier turn left in the inbox rings no bell.
        if inputs.peers.is_empty() {
            // Only waits: which queue is ready does not matter, all are looked at.
            let _ = select.ready_timeout(patience);
        }
        // Read before the inbox is, so that nothing comes in between unnoticed.
        let _ = inputs.peers.bell().try_recv();
        if inputs.stop.try_recv() == Err(crossbeam::channel::TryRecvError::Disconnected) {
            return None;
        }
        let now = self.clock.now();
        let mut turn = Turn::default();
        for input in inputs.answers.try_iter().take(TURN_INPUTS_MAX) {
            self.core.step(now, input, &mut turn);
        }
        while let Some(peer) = inputs.peers.take_connected() {
            self.core.step(now, Input::Connected(peer), &mut turn);
        }
        let mut rooms = Vec::new();
        let mut share = TurnShare::default();
        while let Some(heard) = inputs.peers.take(&mut share) {
            let (from, message) = (heard.from, heard.message);
            rooms.push(heard.room);
            let input = Input::Received { from, message };
            self.core.step(now, input, &mut turn);
        }
        for input in inputs.submissions.try_iter().take(TURN_INPUTS_MAX) {
            self.core.step(now, input, &mut turn);
        }
        if wake.is_some_and(|at| at <= now.timer) {
            *wake = None;
            self.core.step(now, Input::Tick, &mut turn);
        }
        Some((turn, rooms))
    }

    fn carry_out(&self, effect: Effect, wake: &mut Option<Millis>) {
        match effect {
            Effect::Seal { position, payload } => {
                let (engine, answers) = (Arc::clone(&self.engine), self.answers.clone());
                let mode = self.mode;
                self.engine.spawn(move || {
                    let transactions = payload.transactions().unwrap_or_default();
                    let root = transactions_root(&engine, mode, &transactions);
                    let count = u32::try_from(transactions.len())
                        .expect("a batch holds few thousand transactions");
                    answer(
                        &answers,
                        Input::Sealed {
                            position,
                            payload,
                            root,
                            count,
                        },
                    );
                });
            }
            Effect::Replaced(answers) => self.tracker.replaced(&answers),
            Effect::Verify(batch) => {
                // The verifier ends only after this loop.
                let _ = self.verifier.send(batch);
            }
            Effect::Send(to, message) => self.network.send(to, &message),
            Effect::Broadcast(message) => self.network.broadcast(&message),
            Effect::Execute {
                height,
                time,
                batches,
            } => self.execute(Work::Execute {
                height,
                time,
                batches,
            }),
            Effect::Certified(block) => self.execute(Work::Certified(Box::new(block))),
            Effect::LoadBatches(digests) => {
                let (reader, answers) = (self.reader.clone(), self.answers.clone());
                self.engine.spawn(move || {
                    answer(
                        &answers,
                        Input::Loaded(read_batches(&reader, &digests).collect()),
                    );
                });
            }
            Effect::ServeBatches(to, digests) => self.serve(to, move |reader, network| {
                for batch in read_batches(reader, &digests) {
                    network.serve(to, &Message::Batch(batch));
                }
                Ok(())
            }),
            Effect::ServeSlots { to, from, count } => self.serve(to, move |reader, network| {
                let slots = reader.slots_from(from, count, ANSWER_BYTES_MAX)?;
                network.send(to, &Message::Slots(slots));
                Ok(())
            }),
            Effect::ServeHeaders { to, from, count } => self.serve(to, move |reader, network| {
                let headers = reader.certified_from(from, count, ANSWER_BYTES_MAX)?;
                network.send(to, &Message::Headers(headers));
                Ok(())
            }),
            Effect::ServeStates(to) => {
                let states = self.states.clone();
                self.serve(to, move |_, network| {
                    for offer in states.offers()? {
                        network.send(to, &Message::State(Box::new(offer)));
                    }
                    Ok(())
                });
            }
            Effect::ServePiece { to, height, piece } => {
                let states = self.states.clone();
                self.serve(to, move |_, network| {
                    if let Some(bytes) = states.piece(height, piece) {
                        let piece = Message::Piece {
                            height,
                            piece,
                            bytes,
                        };
                        network.send(to, &piece);
                    }
                    Ok(())
                });
            }
            Effect::WakeAt(at) => *wake = Some(wake.map_or(at, |earlier| earlier.min(at))),
            Effect::Halt(_) | Effect::TakeState(_) => unreachable!("handled by the loop"),
        }
    }

    /// Reads something for a peer and sends it, beside the core; not when the peer has its share under way already.
    fn serve(
        &self,
        to: ValidatorIndex,
        answer: impl FnOnce(&Reader, &Network) -> Result<(), StoreError> + Send + 'static,
    ) {
        let Some(answering) = self.serving.begin(to) else {
            self.metrics.question_dropped();
            return;
        };
        let (reader, network) = (self.reader.clone(), self.network.clone());
        self.engine.spawn(move || {
            if let Err(problem) = answer(&reader, &network) {
                error!(%problem, "cannot read what a peer asks for");
            }
            drop(answering);
        });
    }

    fn execute(&self, work: Work) {
        // The executor ends only after this loop; what it has not executed by then is executed at the next start.
        let _ = self.executor.send(work);
    }

    fn publish(&mut self) {
        self.reporter.publish(&self.core);
        self.metrics.forgotten(self.core.forgotten());
        let (waiting, _) = self.core.mempool();
        let room = waiting + self.core.mempool_free_bytes();
        self.metrics.mempool(waiting as u64, room as u64);
        let numbers = &self.numbers;
        numbers.view.store(self.core.view(), Ordering::Relaxed);
        numbers
            .view_changes
            .store(self.core.view_changes(), Ordering::Relaxed);
        numbers
            .committed
            .store(self.core.committed(), Ordering::Relaxed);
        numbers
            .submitted_and_executed
            .store(self.core.submitted_and_executed(), Ordering::Release);
        numbers
            .submit_credit
            .store(self.core.submit_credit(), Ordering::Release);
        numbers
            .answers_refused
            .store(self.core.answers_refused(), Ordering::Relaxed);
        numbers
            .synced
            .store(self.core.is_synced(), Ordering::Relaxed);
    }
}

/// Batches that are there, in the order asked for; a damaged one is reported and left out, so a peer or the core asks elsewhere.
fn read_batches<'a>(
    reader: &'a Reader,
    digests: &'a [BatchDigest],
) -> impl Iterator<Item = Batch> + 'a {
    digests
        .iter()
        .filter_map(|digest| match reader.batch(digest) {
            Ok(batch) => batch,
            Err(problem) => {
                error!(%problem, %digest, "cannot read a batch");
                None
            }
        })
}

fn answer(answers: &Sender<Input>, input: Input) {
    // The core is gone only when the node stops: then nobody needs the answer.
    let _ = answers.send(input);
}
