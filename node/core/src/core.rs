//! A validator, and the table of contents: which input goes to which machine, and what each hands on.
//!
//! ```text
//! peers -> gate -> lanes    batches, acknowledgements, certificates of tips
//!                    |      certified tips
//!                  order    proposals, votes, view changes
//!                    |      committed slots                 certified headers -> order
//!                  results  execution, signed results
//!                  sync     who has what, and catching up
//! ```

use std::collections::BTreeMap;

use bds_contracts::block::{BlockHeader, CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::{LaneTip, Position};
use crate::config::Config;
use crate::context::Cx;
use crate::evidence::{Evidence, Observed};
use crate::gate::notary::Notary;
use crate::gate::{Gate, Heard};
use crate::lanes::Lanes;
use crate::message::{CommittedSlot, Message, Status, View};
use crate::order::{HandedOn, Order, Outlook, Phase};
use crate::recovery::Recovered;
use crate::results::Results;
use crate::scheme::Scheme;
use crate::sync::{Standing, Sync};
use crate::turn::{Effect, Input, Now, Record, Turn};

/// One validator.
///
/// Inputs may come late, twice or not at all; time may be given again but should not go back. Everything a step wants
/// is in the turn: records first, effects after they are on disk.
pub struct Core {
    config: Config,
    notary: Notary,
    gate: Gate,
    observed: Observed,
    machines: Machines,
    wake_at: Option<Millis>,
    started: bool,
}

/// The four machines. None knows another; what one gives another passes through here.
struct Machines {
    lanes: Lanes,
    order: Order,
    results: Results,
    sync: Sync,
}

impl Core {
    /// Continues from what is on disk. The first step hands out what must be executed again, so give it an
    /// `Input::Tick` at once.
    ///
    /// # Panics
    /// When `recovered` is of a set of another size.
    #[must_use]
    pub fn new(config: Config, scheme: Box<dyn Scheme>, recovered: Recovered, now: Millis) -> Self {
        let notary = Notary::new(&config, scheme);
        Self {
            gate: Gate::new(&config, now),
            observed: Observed::default(),
            machines: Machines::restore(&config, &notary, recovered, now),
            wake_at: None,
            started: false,
            notary,
            config,
        }
    }

    /// Applies one input at a time and appends to `turn` what must be written and then done.
    ///
    /// Repeats, old views and late timers add nothing, so the caller may deliver anything twice. Several inputs may
    /// share a turn; they then share one sync.
    pub fn step(&mut self, now: impl Into<Now>, input: Input, turn: &mut Turn) {
        let Now { timer: now, wall } = now.into();
        let mut cx = Cx {
            config: &self.config,
            notary: &self.notary,
            now,
            wall,
            turn,
            observed: &mut self.observed,
        };
        let (cx, machines) = (&mut cx, &mut self.machines);
        if matches!(input, Input::Tick) {
            // The shell calls at the earliest time that was asked for, and may forget the later ones.
            self.wake_at = None;
        }
        if !self.started {
            self.started = true;
            machines.lanes.take_back(cx);
        }
        match input {
            Input::Received { from, message } => {
                match self.gate.admit(cx.config, now, from, message) {
                    Ok(heard) => machines.on_heard(cx, heard),
                    Err(why) => cx.count(why),
                }
            }
            Input::Submit(transactions) => machines.lanes.on_submit(cx, transactions),
            Input::Sealed {
                position,
                payload,
                root,
                count,
            } => machines.lanes.on_sealed(cx, position, payload, root, count),
            Input::Verified { digest, verdict } => {
                machines.lanes.on_verified(cx, digest, verdict);
                machines.retry(cx);
            }
            Input::Loaded(batches) => {
                machines.lanes.on_loaded(cx, batches);
                machines.retry(cx);
            }
            Input::Executed { header } => machines.on_executed(cx, header),
            Input::Connected(peer) => machines.on_connected(cx, peer),
            Input::Tick => {}
        }
        machines.go_on(cx);
        // Something due that waits for another input than time needs no hurry.
        let due = machines.due(cx).map(|due| Millis(due.0.max(now.0 + 1)));
        if let Some(due) = due
            && self.wake_at.is_none_or(|asked| asked <= now || due < asked)
        {
            self.wake_at = Some(due);
            cx.effect(Effect::WakeAt(due));
        }
    }

    /// The vote-log records that a restart still needs: a store may replace its vote log by these, in this order.
    #[must_use]
    pub fn live_records(&self) -> Vec<Record> {
        let lanes = self.machines.lanes.live_records();
        let order = self.machines.order.live_records(self.config.me);
        lanes.chain(order).collect()
    }
}

impl Machines {
    /// Each from its own part of what is on disk; `sync` has none.
    fn restore(config: &Config, notary: &Notary, recovered: Recovered, now: Millis) -> Self {
        let (lanes, order, results) = recovered.into_parts();
        assert_eq!(lanes.len(), config.validators(), "one lane a validator");
        let committed = order.committed.values().map(|slot| &slot.proposal);
        let lanes = Lanes::restore(config, notary, now, lanes, committed);
        let mut order = Order::restore(config, now, order);
        let waiting = order.hand_on();
        let results = Results::restore(config, notary, results, lanes.ordered(), waiting);
        Self {
            lanes,
            order,
            results,
            sync: Sync::new(config, notary, now),
        }
    }

    /// What a peer says.
    fn on_heard(&mut self, cx: &mut Cx<'_>, heard: Heard) {
        let (from, message) = heard.open();
        match message {
            Message::Batch(batch) => self.lanes.on_batch(cx, from, batch),
            Message::Acknowledge {
                position,
                digest,
                signature,
            } => {
                let tip = LaneTip { position, digest };
                self.lanes.on_acknowledge(cx, from, tip, signature);
            }
            Message::Certificate(certificate) => self.lanes.on_certificate(cx, certificate),
            Message::FetchBatches(digests) => self.lanes.serve_batches(cx, from, digests),

            Message::PrePrepare(proposed) => {
                self.order.on_pre_prepare(cx, &self.lanes, from, proposed);
            }
            Message::Prepare(vote) => self.order.on_vote(cx, from, Phase::Prepare, &vote),
            Message::Commit(vote) => self.order.on_vote(cx, from, Phase::Commit, &vote),
            Message::Remember(remembered) => self.order.on_remember(cx, &remembered),
            Message::ViewChange(change) => self.order.on_view_change(cx, from, change),
            Message::NewView(new_view) => self.order.on_new_view(cx, new_view),

            Message::Executed {
                height,
                digest,
                signature,
            } => self.results.on_outcome(cx, from, height, digest, signature),

            Message::Status(status) => self.on_status(cx, from, status),
            Message::FetchSlots {
                from: height,
                count,
            } => {
                let own = self.standing();
                self.sync.on_fetch_slots(cx, &own, from, height, count);
            }
            Message::FetchHeaders {
                from: height,
                count,
            } => {
                let own = self.standing();
                self.sync.on_fetch_headers(cx, &own, from, height, count);
            }
            Message::Slots(slots) => self.on_slots(cx, from, slots),
            Message::Headers(headers) => self.on_headers(cx, from, headers),
            Message::FetchStates => cx.effect(Effect::ServeStates(from)),
            Message::FetchPiece { height, piece } => cx.effect(Effect::ServePiece {
                to: from,
                height,
                piece,
            }),
            // Whoever takes a state does so before it has a core.
            Message::State(_) | Message::Piece { .. } => cx.count("state_unasked"),
        }
        self.hand_on(cx);
    }

    /// What committed slots wait for may have come.
    fn retry(&mut self, cx: &mut Cx<'_>) {
        self.results.retry();
        self.results.dispatch(cx, &mut self.lanes);
    }

    fn on_executed(&mut self, cx: &mut Cx<'_>, header: BlockHeader) {
        self.results.on_executed(cx, header);
        if let Some(own) = self.results.executed_tips().get(usize::from(cx.me())) {
            self.lanes.execute_up_to(cx.now, own.position);
        }
        self.hand_on(cx);
        self.results.dispatch(cx, &mut self.lanes);
        // Room for more, if this validator is catching up.
        self.sync.fetch(cx, &self.standing());
    }

    /// Says what is here, so that the peer can say what it misses.
    fn on_connected(&mut self, cx: &mut Cx<'_>, peer: ValidatorIndex) {
        if peer != cx.me() && cx.notary.is_member(peer) {
            self.order.remind(cx, peer);
            cx.send(peer, Message::Status(self.status()));
        }
    }

    /// Committed slots that were asked for.
    fn on_slots(&mut self, cx: &mut Cx<'_>, from: ValidatorIndex, slots: Vec<CommittedSlot>) {
        let proven = self.sync.on_slots(cx, &self.standing(), from, slots);
        if proven.is_empty() {
            return;
        }
        for slot in proven {
            self.order.learn_committed(cx, slot);
            self.hand_on(cx);
        }
        self.sync.fetch_slots(cx, &self.standing());
    }

    /// Certified headers that were asked for.
    fn on_headers(&mut self, cx: &mut Cx<'_>, from: ValidatorIndex, headers: Vec<CertifiedHeader>) {
        let proven = self.sync.on_headers(cx, &self.standing(), from, headers);
        if proven.headers.is_empty() {
            return;
        }
        self.results.keep_proofs(cx, proven);
        self.sync.fetch_headers(cx, &self.standing());
    }

    /// A peer says what it has: whoever knows what it misses sends that again.
    fn on_status(&mut self, cx: &mut Cx<'_>, from: ValidatorIndex, status: Status) {
        let standing = self.standing();
        let repeats = self.sync.on_status(cx, &standing, from, status);
        if repeats.new_view {
            self.order.repeat_new_view(cx, from);
        }
        if let Some(held) = repeats.batches {
            self.lanes.repeat_batches(cx, from, held);
        }
        if let Some(held) = repeats.acknowledgements {
            self.lanes.repeat_acknowledgements(cx, from, held);
        }
        if let Some(committed) = repeats.votes {
            self.order.repeat_votes(cx, from, committed);
        }
        if let Some(certified) = repeats.outcomes {
            self.results.repeat_outcomes(cx, from, certified);
        }
        if let Some(height) = self.sync.out_of_reach(cx, &standing) {
            cx.effect(Effect::TakeState(height));
        }
        self.sync.fetch(cx, &standing);
    }

    /// What may have become due, by this input or by time.
    fn go_on(&mut self, cx: &mut Cx<'_>) {
        if !self.order.is_awake() && self.sync.has_heard_quorum(cx.config, cx.notary) {
            self.order.wake(cx);
        }
        self.lanes.seal(cx, self.sync.own_lane_held());
        self.order.propose(cx, &self.lanes);
        self.hand_on(cx);
        self.results.dispatch(cx, &mut self.lanes);
        self.lanes.fetch_wanted(cx);
        self.tell_status(cx);
        let outlook = outlook(cx.notary, &self.lanes, &self.order, &self.sync);
        self.order.watch_view(cx, &outlook);
        self.hand_on(cx);
    }

    /// Every interval: the status to all, and whatever only this validator may know of to whom it concerns.
    fn tell_status(&mut self, cx: &mut Cx<'_>) {
        if self.sync.status_due() > cx.now {
            return;
        }
        let standing = self.standing();
        self.sync.tell(cx, &standing, self.status());
        self.order.repeat_view_change(cx);
        self.lanes
            .repeat_certificates(cx, self.order.primary(cx.config));
        self.sync.fetch(cx, &standing);
    }

    /// Takes to each machine what others have for it.
    fn hand_on(&mut self, cx: &mut Cx<'_>) {
        let HandedOn {
            certificates,
            certified,
            committed,
            learned,
        } = self.order.hand_on();
        for certificate in certificates {
            self.lanes.take_certificate(cx, certificate);
        }
        if let Some(certified) = certified {
            self.results.adopt(cx, certified);
        }
        if learned {
            for proposal in committed {
                self.lanes.commit(cx, &proposal);
                self.results.commit(proposal);
            }
            self.retry(cx);
        }
        if let Some(certified) = self.results.hand_on() {
            self.order.raise_stable(certified);
        }
    }

    /// The earliest time at which something is due.
    fn due(&self, cx: &Cx<'_>) -> Option<Millis> {
        let outlook = outlook(cx.notary, &self.lanes, &self.order, &self.sync);
        let due = [
            self.lanes.seal_due(cx.config, self.sync.own_lane_held()),
            self.order.propose_due(cx.config, &self.lanes),
            self.lanes.want_due(),
            self.order.view_due(cx.config, &outlook),
            self.sync.fetch_due(),
            Some(self.sync.status_due()),
        ];
        due.into_iter().flatten().min()
    }

    fn standing(&self) -> Standing {
        Standing {
            view: self.order.view(),
            committed: self.order.committed(),
            executed: self.results.executed(),
            certified: self.results.certified(),
            unproven: self.results.proof_missing(),
        }
    }

    fn status(&self) -> Status {
        Status {
            view: self.order.view(),
            committed: self.order.committed(),
            executed: self.results.executed(),
            certified: self.results.certified(),
            voting_ms: self.order.voting_ms(),
            lanes: self.lanes.positions(),
        }
    }
}

fn outlook<'a>(notary: &Notary, lanes: &Lanes, order: &Order, sync: &'a Sync) -> Outlook<'a> {
    Outlook {
        tip_since: lanes.waiting_since(),
        is_behind: sync.is_behind(notary, order.committed()),
        voting_ms: sync.voting_ms(),
    }
}

/// What the shell may show: status, metrics, admission.
impl Core {
    /// The view it is in.
    #[must_use]
    pub fn view(&self) -> View {
        self.machines.order.view()
    }

    /// The primary of the next slot in that view.
    #[must_use]
    pub fn primary(&self) -> ValidatorIndex {
        self.machines.order.primary(&self.config)
    }

    /// True while a view change is under way here.
    #[must_use]
    pub fn is_changing_view(&self) -> bool {
        !self.machines.order.is_voting()
    }

    /// View changes started here since [`Core::new`].
    #[must_use]
    pub fn view_changes(&self) -> u64 {
        self.machines.order.view_changes()
    }

    /// Last slot committed without a gap below.
    #[must_use]
    pub fn committed(&self) -> Height {
        self.machines.order.committed()
    }

    /// Last block executed.
    #[must_use]
    pub fn executed(&self) -> Height {
        self.machines.results.executed()
    }

    /// Last block whose result a quorum signed and that is executed here.
    #[must_use]
    pub fn certified(&self) -> Height {
        self.machines.results.certified()
    }

    /// Newest certified header known, possibly above what is executed here.
    #[must_use]
    pub fn certified_header(&self) -> Option<&CertifiedHeader> {
        self.machines.order.stable()
    }

    /// Up to where each lane was ordered by the blocks executed so far: what a snapshot of the state at
    /// [`Core::executed`] must keep beside it.
    #[must_use]
    pub fn executed_tips(&self) -> &[LaneTip] {
        self.machines.results.executed_tips()
    }

    /// Position of the last batch of every lane that is held and checked without a gap.
    #[must_use]
    pub fn lane_positions(&self) -> Vec<Position> {
        self.machines.lanes.positions()
    }

    /// Position of the newest certificate of every lane.
    #[must_use]
    pub fn lane_certified(&self) -> Vec<Position> {
        self.machines.lanes.certified_positions()
    }

    /// Bytes and number of transactions waiting for a batch.
    #[must_use]
    pub fn mempool(&self) -> (usize, usize) {
        self.machines.lanes.mempool()
    }

    /// Room for transactions, in packed bytes.
    #[must_use]
    pub fn mempool_free_bytes(&self) -> usize {
        let (waiting, _) = self.machines.lanes.mempool();
        self.config.mempool_bytes_max.saturating_sub(waiting)
    }

    /// Packed bytes that were submitted since the start and are executed: they are in the order in which they came.
    #[must_use]
    pub fn submitted_and_executed(&self) -> u64 {
        let lanes = &self.machines.lanes;
        lanes
            .submitted_bytes()
            .saturating_sub(lanes.unexecuted_bytes())
    }

    /// Packed bytes that may be submitted since the start, those that were among them; the shell answers BUSY beyond it, so that
    /// what it accepts is never dropped, and is executed not much later than `queue_ms` from then. A total, not a rest: it holds whatever
    /// is on its way when it is read.
    #[must_use]
    pub fn submit_credit(&self) -> u64 {
        let lanes = &self.machines.lanes;
        let free = lanes.queue_bytes(&self.config);
        let free = free.saturating_sub(lanes.unexecuted_bytes());
        lanes.submitted_bytes().saturating_add(free)
    }

    /// Batches held and not ordered yet, batches being checked, batches asked for.
    #[must_use]
    pub fn batches_pending(&self) -> (usize, usize, usize) {
        self.machines.lanes.batches_pending()
    }

    /// Bytes of payload kept in memory.
    #[must_use]
    pub fn payload_cache_bytes(&self) -> usize {
        self.machines.lanes.payload_cache_bytes()
    }

    /// Slots with anything in memory.
    #[must_use]
    pub fn slots_open(&self) -> usize {
        self.machines.order.slots_open()
    }

    /// True when a quorum, this validator among it, has said where it stands, no f+1 of the others have committed more, and
    /// all that is committed is executed.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let Machines {
            order,
            results,
            sync,
            ..
        } = &self.machines;
        sync.has_heard_quorum(&self.config, &self.notary)
            && !sync.is_behind(&self.notary, order.committed())
            && results.executed() == order.committed()
    }

    /// Slots up to this one get no vote of this validator: it may have voted there and does not remember. `None` when it remembers.
    #[must_use]
    pub fn forgotten(&self) -> Option<Height> {
        self.machines.order.forgotten()
    }

    /// Answers of peers to questions for slots or headers that were refused since one was taken. More than one means that
    /// this validator may not be catching up.
    #[must_use]
    pub fn answers_refused(&self) -> u64 {
        self.machines.sync.refused()
    }

    /// What was dropped or repeated, by reason. Names are stable.
    #[must_use]
    pub fn counters(&self) -> &BTreeMap<&'static str, u64> {
        self.observed.counters()
    }

    /// The last conflicting statements seen, oldest first.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.observed.evidence()
    }
}
