//! Every small scenario in the manner of Twins: four validators, one of them run twice with one key, and in every round
//! another way to split the five processes into two parts.
//!
//! A round lasts longer than a view timeout, so the primary changes where a part cannot go on. All ways to split, for
//! every round, for every choice of the validator that has a twin: `4 * 16^rounds` scenarios, no chance in any. Transactions come
//! in the first and the second round, so one or two slots are at stake in views 0, 1 and 2. After the rounds everyone
//! hears everyone: whoever is correct must agree at every step, and in the end have executed all that was submitted to a
//! correct one. Source: Bano and others, "Twins: BFT Systems Made Robust" (2020).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bds_contracts::block::{Validator, ValidatorIndex, ValidatorSet};
use bds_contracts::tx::Millis;
use bds_core::batch::Batch;
use bds_core::config::Config;
use bds_core::core::Core;
use bds_core::message::Message;
use bds_core::recovery::{ExecutedBase, Recovered};
use bds_core::turn::{Disk, Effect, Input, Now, Record, Turn};

use super::checker::Checker;
use super::machine::{Machine, Rules as _};
use super::mock::MockRules;
use super::plan::CHAIN;
use super::scheme::{MockScheme, key};
use super::variant::Variant;

/// Validators.
const VALIDATORS: usize = 4;
/// Processes: one validator runs twice, the last process is its twin.
const PROCESSES: usize = VALIDATORS + 1;
/// Ways to split the processes into two parts, all in one included; the first process is in the first part.
pub const SPLITS: u64 = 1 << (PROCESSES - 1);
/// A round, in milliseconds: longer than the first view timeout.
const ROUND_MS: u64 = 1_600;
/// After the rounds everyone must be level within this time.
const HEALED_MS: u64 = 40_000;
/// Time of the first moment.
const START_MS: u64 = 1_000_000;

/// One scenario: who has a twin, and which split each round has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The validator that runs twice.
    pub twin: ValidatorIndex,
    /// For every round, bit `i - 1` says on which side process `i` is.
    pub splits: Vec<u64>,
    /// The rule broken on purpose.
    pub variant: Variant,
}

impl Scenario {
    /// How many there are with this many rounds.
    #[must_use]
    pub fn count(rounds: u32) -> u64 {
        4 * SPLITS.pow(rounds)
    }

    /// The scenario with this number.
    #[must_use]
    pub fn numbered(number: u64, rounds: u32, variant: Variant) -> Self {
        let mut rest = number / 4;
        let splits = (0..rounds).map(|_| {
            let split = rest % SPLITS;
            rest /= SPLITS;
            split
        });
        Self {
            twin: ValidatorIndex::try_from(number % 4).expect("below 4"),
            splits: splits.collect(),
            variant,
        }
    }
}

struct Process {
    index: ValidatorIndex,
    core: Core,
    machine: Box<dyn Machine>,
    batches: BTreeMap<bds_contracts::block::BatchDigest, Batch>,
    slots: BTreeMap<u64, bds_core::message::CommittedSlot>,
    headers: BTreeMap<u64, bds_contracts::block::CertifiedHeader>,
    correct: bool,
}

/// A disk that keeps everything: nobody dies here.
#[derive(Default)]
struct Kept(Vec<Record>);

impl Disk for Kept {
    type Error = std::convert::Infallible;

    fn append(&mut self, record: &Record) -> Result<(), Self::Error> {
        self.0.push(record.clone());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

struct Run {
    processes: Vec<Process>,
    checker: Checker,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    inputs: BTreeMap<u64, Input>,
    next: u64,
    split: u64,
    submitted: BTreeSet<u64>,
}

fn same_side(split: u64, a: usize, b: usize) -> bool {
    let side = |process: usize| process > 0 && split >> (process - 1) & 1 == 1;
    side(a) == side(b)
}

impl Run {
    fn new(scenario: &Scenario) -> Self {
        let index = |i: usize| ValidatorIndex::try_from(i).expect("few validators");
        let set = ValidatorSet {
            epoch: 0,
            validators: (0..VALIDATORS)
                .map(|i| Validator {
                    key: key(index(i)),
                    weight: 1,
                })
                .collect(),
        };
        let rules = MockRules {
            chain: CHAIN,
            lanes: VALIDATORS,
            variant: scenario.variant,
        };
        let processes = (0..PROCESSES).map(|process| {
            let me = if process < VALIDATORS {
                index(process)
            } else {
                scenario.twin
            };
            let mut config = Config::new(CHAIN, set.clone(), me);
            config.broken = scenario.variant.broken();
            let machine = rules.genesis(me);
            let mut recovered = Recovered::new(&config);
            recovered.executed_base(ExecutedBase {
                header: machine.header().clone(),
                tips: vec![bds_core::lanes::LaneTip::default(); VALIDATORS],
            });
            Process {
                index: me,
                core: Core::new(
                    config,
                    Box::new(MockScheme::new(me)),
                    recovered,
                    Millis(START_MS),
                ),
                machine,
                batches: BTreeMap::new(),
                slots: BTreeMap::new(),
                headers: BTreeMap::new(),
                correct: me != scenario.twin,
            }
        });
        let processes: Vec<_> = processes.collect();
        let mut run = Self {
            processes,
            checker: Checker::new(CHAIN, set, BTreeSet::from([scenario.twin])),
            now: START_MS,
            queue: BinaryHeap::new(),
            inputs: BTreeMap::new(),
            next: 0,
            split: 0,
            submitted: BTreeSet::new(),
        };
        run.checker.recount = scenario.variant != Variant::QuorumTwoF;
        for process in 0..PROCESSES {
            run.give(process, 0, Input::Tick);
        }
        run
    }

    fn give(&mut self, process: usize, after: u64, input: Input) {
        self.inputs.insert(self.next, input);
        self.queue
            .push(Reverse((self.now + after, self.next, process)));
        self.next += 1;
    }

    /// One transaction to every process; a twin gets one of its own.
    fn submit(&mut self, round: u64) {
        for process in 0..PROCESSES {
            let number = u64::try_from(process).unwrap_or(0) << 32 | round;
            if self.processes[process].correct {
                self.submitted.insert(number);
            }
            let mut bytes = number.to_le_bytes().to_vec();
            bytes.resize(24, 7);
            self.give(process, 1, Input::Submit(vec![bytes.into()]));
        }
    }

    fn connect(&mut self) {
        for a in 0..PROCESSES {
            for b in 0..PROCESSES {
                let (from, to) = (self.processes[a].index, self.processes[b].index);
                if from != to && same_side(self.split, a, b) {
                    self.give(a, 1, Input::Connected(to));
                }
            }
        }
    }

    fn until(&mut self, end: u64) {
        while let Some(Reverse((at, _, _))) = self.queue.peek()
            && *at <= end
            && self.checker.violation.is_none()
        {
            let Some(Reverse((at, id, process))) = self.queue.pop() else {
                return;
            };
            self.now = self.now.max(at);
            if let Some(input) = self.inputs.remove(&id) {
                self.step(process, input);
            }
        }
        self.now = self.now.max(end);
    }

    fn step(&mut self, at: usize, input: Input) {
        let now = Now::from(Millis(self.now));
        let process = &mut self.processes[at];
        let mut turn = Turn::default();
        process.core.step(now, input, &mut turn);
        let mut disk = Kept::default();
        let Ok(effects) = turn.commit(&mut disk);
        let me = process.index;
        if process.correct {
            self.checker.view(me, process.core.view());
        }
        for record in disk.0 {
            if process.correct {
                self.checker.wrote(me, &record);
            }
            match record {
                Record::Batch(batch) => {
                    process.batches.insert(batch.header.digest(), batch);
                }
                Record::Committed(slot) => {
                    if process.correct {
                        self.checker.committed(me, &slot);
                    }
                    process.slots.insert(slot.proposal.slot, slot);
                }
                Record::Certified(header) => {
                    process.headers.insert(header.header.height, header);
                }
                _ => {}
            }
        }
        for effect in effects {
            self.effect(at, effect);
        }
    }

    fn effect(&mut self, at: usize, effect: Effect) {
        let process = &mut self.processes[at];
        let me = process.index;
        match effect {
            Effect::Seal { position, payload } => {
                let root = process.machine.root(&payload);
                let count = payload.transactions().map_or(0, |all| all.len());
                let sealed = Input::Sealed {
                    position,
                    payload,
                    root,
                    count: u32::try_from(count).expect("few transactions"),
                };
                self.give(at, 1, sealed);
            }
            Effect::Replaced(_) => {}
            Effect::Verify(batch) => {
                let verdict = process.machine.verdict(&batch);
                let digest = batch.header.digest();
                self.give(at, 1, Input::Verified { digest, verdict });
            }
            Effect::Send(to, message) => self.send(at, Some(to), &message),
            Effect::Broadcast(message) => self.send(at, None, &message),
            Effect::Execute {
                height,
                time,
                batches,
            } => {
                let batches = batches.after(&process.machine.header().digest());
                let mut tips = process.machine.tips().to_vec();
                if process.correct {
                    self.checker.executes(me, height, &batches, &mut tips);
                }
                let applied = process.machine.apply(height, time, &batches);
                if process.correct {
                    self.checker.took_effect(me, height, &applied.receipts);
                }
                let header = applied.header;
                self.give(at, 1, Input::Executed { header });
            }
            Effect::Certified(certified) => {
                if process.correct {
                    self.checker.certified(me, &certified);
                }
            }
            Effect::LoadBatches(digests) => {
                let found = digests
                    .iter()
                    .filter_map(|d| process.batches.get(d).cloned());
                let loaded = Input::Loaded(found.collect());
                self.give(at, 1, loaded);
            }
            Effect::ServeBatches(to, digests) => {
                let found: Vec<_> = digests
                    .iter()
                    .filter_map(|d| process.batches.get(d).cloned())
                    .collect();
                for batch in found {
                    self.send(at, Some(to), &Message::Batch(batch));
                }
            }
            Effect::ServeSlots { to, from, count } => {
                let slots = process.slots.range(from..).take(count);
                let slots = slots.map(|(_, slot)| slot.clone()).collect();
                self.send(at, Some(to), &Message::Slots(slots));
            }
            Effect::ServeHeaders { to, from, count } => {
                let headers = process.headers.range(from..).take(count);
                let headers = headers.map(|(_, header)| header.clone()).collect();
                self.send(at, Some(to), &Message::Headers(headers));
            }
            // Nobody is ever so far behind here that it takes a state.
            Effect::ServeStates(_) | Effect::ServePiece { .. } | Effect::TakeState(_) => {}
            Effect::WakeAt(due) => {
                let after = due.0.saturating_sub(self.now).max(1);
                self.give(at, after, Input::Tick);
            }
            Effect::Halt(why) => {
                if process.correct {
                    self.checker.fail(format!("halt: validator {me}: {why}"));
                }
            }
        }
    }

    /// To every process of that identity on the same side.
    fn send(&mut self, at: usize, to: Option<ValidatorIndex>, message: &Message) {
        let from = self.processes[at].index;
        if self.processes[at].correct {
            self.checker.sent(from, message);
        }
        for other in 0..PROCESSES {
            let index = self.processes[other].index;
            let meant = to.is_none_or(|to| to == index) && index != from;
            if meant && same_side(self.split, at, other) {
                let message = message.clone();
                self.give(other, 1, Input::Received { from, message });
            }
        }
    }

    fn is_settled(&self) -> bool {
        let height = self.checker.height();
        let mut correct = self.processes.iter().filter(|process| process.correct);
        let level = correct
            .all(|process| process.core.executed() == height && process.core.certified() == height);
        level
            && self
                .submitted
                .iter()
                .all(|name| self.checker.places.contains_key(name))
    }
}

/// Plays one scenario: what went wrong, if anything, and how many checks were made.
#[must_use]
pub fn play(scenario: &Scenario) -> (Option<String>, u64) {
    let mut run = Run::new(scenario);
    for (round, split) in scenario.splits.iter().enumerate() {
        run.split = *split;
        run.connect();
        if round < 2 {
            run.submit(u64::try_from(round).unwrap_or(0) + 1);
        }
        run.until(run.now + ROUND_MS);
    }
    run.split = 0;
    run.connect();
    let deadline = run.now + HEALED_MS;
    while run.checker.violation.is_none() && !run.is_settled() {
        if run.now >= deadline {
            let stands: Vec<_> = run
                .processes
                .iter()
                .map(|process| {
                    let core = &process.core;
                    (
                        process.index,
                        core.view(),
                        core.committed(),
                        core.executed(),
                    )
                })
                .collect();
            run.checker.fail(format!(
                "liveness: not level {HEALED_MS} ms after the last round; validator, view, committed, executed: {stands:?}"
            ));
            break;
        }
        run.until(run.now + 100);
    }
    (run.checker.violation, run.checker.checks)
}

/// All scenarios of so many rounds.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// Scenarios played.
    pub scenarios: u64,
    /// Checks made.
    pub checks: u64,
    /// What went wrong, by number of the scenario.
    pub violations: Vec<(Scenario, String)>,
}

/// Plays all scenarios of so many rounds on all cores.
///
/// # Panics
/// When a scenario panics.
#[must_use]
pub fn play_all(rounds: u32, variant: Variant) -> Played {
    let next = AtomicU64::new(0);
    let total = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= Scenario::count(rounds) {
                        return;
                    }
                    let scenario = Scenario::numbered(number, rounds, variant);
                    let outcome = play(&scenario);
                    let mut total = total.lock().expect("no panic while adding");
                    total.insert(number, (scenario, outcome));
                }
            });
        }
    });
    let mut played = Played::default();
    for (scenario, (violation, checks)) in total
        .into_inner()
        .expect("no panic while adding")
        .into_values()
    {
        played.scenarios += 1;
        played.checks += checks;
        played.violations.extend(violation.map(|v| (scenario, v)));
    }
    played
}
