//! A network of cores in one thread, without losses: what a core says is delivered, what it asks for is answered.
//!
//! Every message travels as bytes. Tests may keep validators down, and speak for any validator: signatures are a keyed
//! hash that the test can compute for everyone.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod liar;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, Height, MerkleRoot, Signature,
    Signatures, StateRoot, Statement, Validator, ValidatorIndex, ValidatorSet,
};
use bds_contracts::tx::{ChainId, Millis, PublicKey};
use bds_core::batch::{Batch, BatchHeader, Payload};
use bds_core::config::Config;
use bds_core::core::Core;
use bds_core::lanes::LaneTip;
use bds_core::message::{CommittedSlot, Message};
use bds_core::recovery::{ExecutedBase, Recovered};
use bds_core::scheme::{Scheme, SignatureCheck};
use bds_core::turn::{Disk, Effect, Input, Now, Record, Submission, Turn, Verdict};
use sha2::{Digest as _, Sha512_256};

/// The ledger of all tests.
pub(crate) const CHAIN: ChainId = ChainId([7; 32]);
/// A transaction that the engine of these tests finds invalid.
pub(crate) const BAD_TRANSACTION: &[u8] = b"bad signature";

/// Public key of a validator.
pub(crate) fn key(index: ValidatorIndex) -> PublicKey {
    let mut bytes = [0xA5; 32];
    bytes[..2].copy_from_slice(&index.to_le_bytes());
    PublicKey(bytes)
}

fn tag(key: &PublicKey, message: &[u8]) -> Signature {
    let digest = Sha512_256::new_with_prefix(key.0)
        .chain_update(message)
        .finalize();
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&digest);
    Signature(bytes)
}

/// What a validator would sign.
pub(crate) fn sign(who: ValidatorIndex, statement: &Statement) -> Signature {
    tag(&key(who), &statement.bytes(CHAIN, 0))
}

/// A certificate by these validators.
pub(crate) fn certificate(who: &[ValidatorIndex], statement: &Statement) -> Signatures {
    who.iter().map(|w| (*w, sign(*w, statement))).collect()
}

struct MockScheme(PublicKey);

impl Scheme for MockScheme {
    fn sign(&self, message: &[u8]) -> Signature {
        tag(&self.0, message)
    }

    fn verify(&self, checks: &[SignatureCheck<'_>]) -> Vec<bool> {
        checks
            .iter()
            .map(|c| tag(&c.key, c.message) == *c.signature)
            .collect()
    }
}

/// Everything written, in order, and how much of it is synced.
#[derive(Clone, Default)]
pub(crate) struct Memory(pub(crate) Vec<Record>, pub(crate) usize);

impl Disk for Memory {
    type Error = Infallible;

    fn append(&mut self, record: &Record) -> Result<(), Infallible> {
        self.0.push(record.clone());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Infallible> {
        self.1 = self.0.len();
        Ok(())
    }
}

/// One validator.
pub(crate) struct Node {
    /// Its settings.
    pub(crate) config: Config,
    /// `None` while it is down.
    pub(crate) core: Option<Core>,
    /// Its disk; outlives the core.
    pub(crate) disk: Memory,
    /// Why it stopped by itself.
    pub(crate) halted: Option<String>,
    /// Up to where the others were when it asked for a state.
    pub(crate) out_of_reach: Option<Height>,
    /// The next start is told that votes up to this slot may be missing on disk.
    pub(crate) forgotten: Height,
    /// The state that the next start finds on disk; `None` for genesis.
    pub(crate) base: Option<ExecutedBase>,
    last: Option<BlockHeader>,
    wake: Option<Millis>,
}

impl Node {
    /// The running core.
    pub(crate) fn core(&self) -> &Core {
        self.core
            .as_ref()
            .unwrap_or_else(|| panic!("down: {:?}", self.halted))
    }

    fn batches(&self, digests: &[BatchDigest]) -> Vec<Batch> {
        let held: BTreeMap<_, _> = self
            .disk
            .0
            .iter()
            .filter_map(|record| match record {
                Record::Batch(batch) => Some((batch.header.digest(), batch)),
                _ => None,
            })
            .collect();
        let found = digests.iter().filter_map(|d| held.get(d));
        found.map(|batch| (*batch).clone()).collect()
    }

    /// The state at a height as a snapshot would hold it, from what is on disk.
    pub(crate) fn executed_base(&self, height: Height) -> ExecutedBase {
        let mut tips = vec![LaneTip::default(); self.config.validators()];
        for slot in self.slots().filter(|s| s.proposal.slot <= height) {
            for tip in &slot.proposal.tips {
                tips[usize::from(tip.lane)] = LaneTip {
                    position: tip.position,
                    digest: tip.digest,
                };
            }
        }
        let mut headers = self.certified();
        let header = headers.find(|h| h.header.height == height);
        ExecutedBase {
            header: header.expect("certified").header.clone(),
            tips,
        }
    }

    /// Batches on its disk.
    pub(crate) fn batches_on_disk(&self) -> usize {
        let records = self.disk.0.iter();
        records.filter(|r| matches!(r, Record::Batch(_))).count()
    }

    /// Committed slots on its disk.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &CommittedSlot> {
        self.disk.0.iter().filter_map(|record| match record {
            Record::Committed(slot) => Some(slot),
            _ => None,
        })
    }

    /// Certified headers on its disk.
    pub(crate) fn certified(&self) -> impl Iterator<Item = &CertifiedHeader> {
        self.disk.0.iter().filter_map(|record| match record {
            Record::Certified(header) => Some(header),
            _ => None,
        })
    }
}

/// See [`Net::bend`]: from, to, message; delay and what arrives.
pub(crate) type Bend =
    Box<dyn FnMut(ValidatorIndex, ValidatorIndex, Message) -> Option<(u64, Message)>>;

/// All validators and what is on its way between them.
pub(crate) struct Net {
    /// By index.
    pub(crate) nodes: Vec<Node>,
    /// Now.
    pub(crate) now: Millis,
    queue: VecDeque<(ValidatorIndex, ValidatorIndex, Vec<u8>)>,
    answers: VecDeque<(usize, Input)>,
    turning: bool,
    /// On its way until then.
    slow: Vec<(Millis, ValidatorIndex, ValidatorIndex, Vec<u8>)>,
    /// What becomes of a message on its way: it arrives after so many milliseconds, changed or not, or never.
    pub(crate) bend: Option<Bend>,
    /// How far the clock of each validator is ahead, in milliseconds.
    pub(crate) clock_ahead: Vec<i64>,
    /// Every message delivered so far.
    pub(crate) delivered: Vec<(ValidatorIndex, ValidatorIndex, Vec<u8>)>,
}

impl Net {
    /// `n` validators of weight 1, up, with these settings.
    pub(crate) fn new(n: usize, settle: impl Fn(&mut Config)) -> Self {
        let mut net = Self::stopped(n, settle);
        for index in 0..n {
            net.start(index);
        }
        net
    }

    /// The same with none of them up yet.
    pub(crate) fn stopped(n: usize, settle: impl Fn(&mut Config)) -> Self {
        let validators = (0..n).map(|index| Validator {
            key: key(ValidatorIndex::try_from(index).unwrap()),
            weight: 1,
        });
        let set = ValidatorSet {
            epoch: 0,
            validators: validators.collect(),
        };
        let nodes = (0..n).map(|index| {
            let me = ValidatorIndex::try_from(index).unwrap();
            let mut config = Config::new(CHAIN, set.clone(), me);
            settle(&mut config);
            Node {
                config,
                core: None,
                disk: Memory::default(),
                halted: None,
                out_of_reach: None,
                forgotten: 0,
                base: None,
                last: None,
                wake: None,
            }
        });
        Self {
            nodes: nodes.collect(),
            now: Millis(1_000_000),
            queue: VecDeque::new(),
            answers: VecDeque::new(),
            turning: false,
            slow: Vec::new(),
            bend: None,
            clock_ahead: vec![0; n],
            delivered: Vec::new(),
        }
    }

    /// Starts a validator from what is on its disk.
    pub(crate) fn start(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let mut recovered = Recovered::new(&node.config);
        if let Some(base) = node.base.clone() {
            recovered.executed_base(base);
        }
        for record in &node.disk.0 {
            recovered.replay(record);
        }
        recovered.forgotten(node.forgotten);
        node.last = node.base.as_ref().map(|base| base.header.clone());
        node.halted = None;
        node.out_of_reach = None;
        let scheme = Box::new(MockScheme(key(node.config.me)));
        node.core = Some(Core::new(node.config.clone(), scheme, recovered, self.now));
        self.input(index, Input::Tick);
        for peer in 0..self.nodes.len() {
            if peer != index && self.nodes[peer].core.is_some() {
                let (a, b) = (self.nodes[index].config.me, self.nodes[peer].config.me);
                self.input(index, Input::Connected(b));
                self.input(peer, Input::Connected(a));
            }
        }
    }

    /// Takes a validator down; what it had not said is lost.
    pub(crate) fn stop(&mut self, index: usize) {
        self.nodes[index].core = None;
    }

    /// Hands transactions to a validator.
    pub(crate) fn submit(&mut self, index: usize, transactions: &[&[u8]]) {
        let transactions = transactions
            .iter()
            .map(|tx| Submission::from(*tx))
            .collect();
        self.input(index, Input::Submit(transactions));
    }

    /// Has a validator hear a message as if `from` had sent it.
    pub(crate) fn say(&mut self, from: ValidatorIndex, to: usize, message: Message) {
        self.input(to, Input::Received { from, message });
    }

    /// Lets time pass, with everything that is due and on its way.
    pub(crate) fn run(&mut self, millis: u64) {
        let end = Millis(self.now.0 + millis);
        self.deliver();
        while self.now < end {
            // Nothing happens before the next thing is due.
            let wakes = self.nodes.iter().filter_map(|node| node.wake);
            let due = wakes.chain(self.slow.iter().map(|slow| slow.0)).min();
            let soon = Millis(self.now.0 + 1);
            let now = due.map_or(end, |due| due.clamp(soon, end));
            self.now = now;
            for (_, from, to, bytes) in self.slow.extract_if(.., |slow| slow.0 <= now) {
                self.queue.push_back((from, to, bytes));
            }
            for index in 0..self.nodes.len() {
                if self.nodes[index].wake.is_some_and(|at| at <= self.now) {
                    self.nodes[index].wake = None;
                    self.input(index, Input::Tick);
                }
            }
            self.deliver();
        }
    }

    /// Makes `blocks` more blocks by transactions handed to validator `index`.
    pub(crate) fn make_blocks(&mut self, index: usize, blocks: u64) {
        let goal = self.nodes[index].core().committed() + blocks;
        let mut count = 0_u64;
        while self.nodes[index].core().committed() < goal {
            count += 1;
            assert!(
                count < 100 * blocks + 10_000,
                "no blocks are made: {}",
                self.standing()
            );
            if self.nodes[index].core().mempool().1 == 0 {
                let text = format!("transaction {goal} {count}");
                self.submit(index, &[text.as_bytes()]);
            }
            self.run(1);
        }
    }

    fn deliver(&mut self) {
        while let Some((from, to, bytes)) = self.queue.pop_front() {
            self.delivered.push((from, to, bytes.clone()));
            let message = borsh::from_slice(&bytes).expect("a core sends what can be decoded");
            self.input(usize::from(to), Input::Received { from, message });
        }
    }

    /// One input, one turn, and whatever its effects answer.
    pub(crate) fn input(&mut self, index: usize, input: Input) {
        self.answers.push_back((index, input));
        // The effects of a turn come before the answers to them.
        if !std::mem::replace(&mut self.turning, true) {
            while let Some((index, input)) = self.answers.pop_front() {
                self.turn(index, input);
            }
            self.turning = false;
        }
    }

    fn turn(&mut self, index: usize, input: Input) {
        let now = Now {
            timer: self.now,
            wall: Millis(self.now.0.saturating_add_signed(self.clock_ahead[index])),
        };
        let node = &mut self.nodes[index];
        let Some(core) = &mut node.core else { return };
        let mut turn = Turn::default();
        core.step(now, input, &mut turn);
        let Ok(effects) = turn.commit(&mut node.disk);
        for effect in effects {
            self.effect(index, effect);
        }
    }

    fn send(&mut self, from: usize, to: ValidatorIndex, message: &Message) {
        let from = self.nodes[from].config.me;
        let mut delay = 0;
        let mut bytes = borsh::to_vec(message).unwrap();
        if let Some(bend) = &mut self.bend {
            let Some((after, bent)) = bend(from, to, message.clone()) else {
                return;
            };
            delay = after;
            bytes = borsh::to_vec(&bent).unwrap();
        }
        if delay == 0 {
            self.queue.push_back((from, to, bytes));
        } else {
            let at = Millis(self.now.0 + delay);
            self.slow.push((at, from, to, bytes));
        }
    }

    fn effect(&mut self, index: usize, effect: Effect) {
        let n = self.nodes.len();
        match effect {
            Effect::Seal { position, payload } => {
                let root = root_of(&payload);
                let count = u32::try_from(payload.transactions().unwrap().len()).unwrap();
                self.input(
                    index,
                    Input::Sealed {
                        position,
                        payload,
                        root,
                        count,
                    },
                );
            }
            Effect::Replaced(_) => {}
            Effect::Verify(batch) => {
                let transactions = batch.payload.transactions().unwrap_or_default();
                let same = root_of(&batch.payload) == batch.header.transactions_root
                    && usize::try_from(batch.header.count) == Ok(transactions.len());
                let verdict = match (same, transactions.contains(&BAD_TRANSACTION)) {
                    (false, _) => Verdict::Altered,
                    (true, true) => Verdict::Forged,
                    (true, false) => Verdict::Valid,
                };
                let digest = batch.header.digest();
                self.input(index, Input::Verified { digest, verdict });
            }
            Effect::Send(to, message) => self.send(index, to, &message),
            Effect::Broadcast(message) => {
                for to in (0..n).filter(|to| *to != index) {
                    self.send(index, ValidatorIndex::try_from(to).unwrap(), &message);
                }
            }
            Effect::Execute {
                height,
                time,
                batches,
            } => {
                let node = &mut self.nodes[index];
                let previous = node
                    .last
                    .as_ref()
                    .map_or(BlockDigest::default(), BlockHeader::digest);
                let batches = batches.after(&previous);
                let digests: Vec<_> = batches.iter().map(|b| b.header.digest().0).collect();
                let header = BlockHeader {
                    chain: CHAIN,
                    height,
                    time,
                    previous,
                    payload_root: MerkleRoot(Sha512_256::digest(digests.concat()).into()),
                    receipts_root: MerkleRoot::default(),
                    changes_root: MerkleRoot::default(),
                    tx_count: batches.iter().map(|b| b.header.count).sum(),
                    receipt_count: batches.iter().map(|b| b.header.count).sum(),
                    dropped_count: 0,
                    checkpoint: 0,
                    state_root: StateRoot::default(),
                };
                node.last = Some(header.clone());
                self.input(index, Input::Executed { header });
            }
            Effect::LoadBatches(digests) => {
                let found = self.nodes[index].batches(&digests);
                self.input(index, Input::Loaded(found));
            }
            Effect::ServeBatches(to, digests) => {
                for batch in self.nodes[index].batches(&digests) {
                    self.send(index, to, &Message::Batch(batch));
                }
            }
            Effect::ServeSlots { to, from, count } => {
                let slots = self.nodes[index].slots();
                // Without a gap from there on, as a store gives them.
                let slots = slots.filter(|s| s.proposal.slot >= from).zip(from..);
                let slots = slots.take_while(|(slot, height)| slot.proposal.slot == *height);
                let slots: Vec<_> = slots.take(count).map(|(slot, _)| slot.clone()).collect();
                self.send(index, to, &Message::Slots(slots));
            }
            Effect::ServeHeaders { to, from, count } => {
                let headers = self.nodes[index].certified();
                let headers = headers.filter(|h| h.header.height >= from);
                let headers: Vec<_> = headers.take(count).cloned().collect();
                self.send(index, to, &Message::Headers(headers));
            }
            Effect::WakeAt(at) => {
                let wake = &mut self.nodes[index].wake;
                *wake = Some(wake.map_or(at, |earlier| earlier.min(at)));
            }
            Effect::Halt(reason) => {
                self.nodes[index].core = None;
                self.nodes[index].halted = Some(reason);
            }
            Effect::TakeState(height) => self.nodes[index].out_of_reach = Some(height),
            Effect::ServeStates(_) | Effect::ServePiece { .. } | Effect::Certified(_) => {}
        }
    }

    /// Messages that a validator refused for what is in them.
    pub(crate) fn refused(&self, index: usize) -> u64 {
        let counters = self.nodes[index].core().counters().iter();
        let refusals =
            counters.filter(|(name, _)| name.ends_with("_malformed") || name.contains("_bad"));
        refusals.map(|(_, times)| times).sum()
    }

    /// Where everyone stands, for a failure's report.
    pub(crate) fn standing(&self) -> String {
        let standing = self.nodes.iter().map(|node| match &node.core {
            None => format!("\n{}: down {:?}", node.config.me, node.halted),
            Some(core) => format!(
                "\n{}: view {}{} committed {} executed {} certified {} lanes {:?} certified lanes {:?} {:?} {:?}",
                node.config.me,
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
        });
        standing.collect()
    }

    /// Height of the slowest and of the fastest validator that is up.
    pub(crate) fn heights(&self) -> (Height, Height) {
        let executed = self.nodes.iter().filter_map(|n| n.core.as_ref());
        let executed: Vec<_> = executed.map(Core::executed).collect();
        (
            executed.iter().copied().min().unwrap_or(0),
            executed.iter().copied().max().unwrap_or(0),
        )
    }
}

/// Root of these transactions as the engine of these tests computes it.
pub(crate) fn root_of(payload: &Payload) -> MerkleRoot {
    MerkleRoot(Sha512_256::digest(payload.as_bytes()).into())
}

/// A batch as its author would make it.
pub(crate) fn batch(
    lane: ValidatorIndex,
    position: u64,
    parent: BatchDigest,
    transactions: &[&[u8]],
) -> Batch {
    let payload = Payload::pack(transactions.iter().copied());
    let header = BatchHeader {
        chain: CHAIN,
        lane,
        position,
        parent,
        transactions_root: root_of(&payload),
        count: u32::try_from(transactions.len()).unwrap(),
        bytes: u32::try_from(payload.as_bytes().len()).unwrap(),
    };
    let signature = sign(lane, &Statement::Batch(header.digest()));
    Batch {
        header,
        signature,
        payload,
    }
}

/// `count` batches of a lane in a row behind this one, told from others by what is in them.
pub(crate) fn row(lane: ValidatorIndex, text: &str, mut tip: LaneTip, count: u64) -> Vec<Batch> {
    let make = |_| {
        let position = tip.position + 1;
        let made = batch(
            lane,
            position,
            tip.digest,
            &[format!("{text} {position}").as_bytes()],
        );
        tip = LaneTip {
            position,
            digest: made.header.digest(),
        };
        made
    };
    (0..count).map(make).collect()
}

/// What a validator says that has committed, executed and certified this many blocks and nothing else.
pub(crate) fn status(height: Height, validators: usize) -> Message {
    Message::Status(bds_core::message::Status {
        view: 0,
        committed: height,
        executed: height,
        certified: height,
        voting_ms: 1,
        lanes: vec![0; validators],
    })
}
