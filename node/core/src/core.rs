//! The state of a validator and the table of contents: which input goes where.

use std::collections::{BTreeMap, VecDeque};

use bds_contracts::block::{BlockHeader, CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::Position;
use crate::batches::Batches;
use crate::config::Config;
use crate::evidence::Evidence;
use crate::execution::Execution;
use crate::gate::Gate;
use crate::gate::notary::{Notary, Proven};
use crate::lanes::{Lane, LaneTip};
use crate::message::{Message, View};
use crate::own_lane::OwnLane;
use crate::recovery::Recovered;
use crate::scheme::Scheme;
use crate::slots::{Accepted, Phase, Slot};
use crate::sync::Sync;
use crate::turn::{Effect, Input, Now, Record, Turn};
use crate::view_change::{ViewChanges, reproposals};

/// One validator.
///
/// Inputs may come late, twice or not at all; time may be given again but should not go back. Everything a step wants
/// is in the turn: records first, effects after they are on disk.
pub struct Core {
    pub(crate) config: Config,
    gate: Gate,
    pub(crate) notary: Notary,
    pub(crate) view: View,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) own: OwnLane,
    pub(crate) batches: Batches,
    pub(crate) slots: BTreeMap<Height, Slot>,
    /// Last slot committed without a gap below.
    pub(crate) committed: Height,
    /// Newest certified header known, executed here or not.
    pub(crate) stable: Option<CertifiedHeader>,
    pub(crate) proposed_at: Millis,
    pub(crate) execution: Execution,
    pub(crate) view_change: ViewChanges,
    pub(crate) sync: Sync,
    pub(crate) evidence: VecDeque<Evidence>,
    /// The machine's clock at this step, for the time of blocks.
    pub(crate) wall: Millis,
    counters: BTreeMap<&'static str, u64>,
    wake_at: Option<Millis>,
    started: bool,
}

impl Core {
    /// Continues from what is on disk. The first step hands out what must be executed again, so give it an
    /// `Input::Tick` at once.
    ///
    /// # Panics
    /// When `recovered` is of a set of another size.
    #[must_use]
    pub fn new(config: Config, scheme: Box<dyn Scheme>, recovered: Recovered, now: Millis) -> Self {
        let validators = config.validators();
        assert_eq!(recovered.lanes.len(), validators, "one lane a validator");
        let mut core = Self {
            gate: Gate::new(&config, now),
            notary: Notary::new(&config, scheme),
            view: 0,
            lanes: (0..validators).map(|_| Lane::default()).collect(),
            own: OwnLane::default(),
            batches: Batches::new(config.payload_cache_bytes_max),
            slots: BTreeMap::new(),
            committed: 0,
            stable: None,
            proposed_at: Millis(0),
            execution: Execution::default(),
            view_change: ViewChanges {
                received: vec![None; validators],
                heard_at: vec![None; validators],
                fair_since: now,
                ..ViewChanges::default()
            },
            sync: Sync::new(validators, now),
            evidence: VecDeque::new(),
            wall: Millis(0),
            counters: BTreeMap::new(),
            wake_at: None,
            started: false,
            config,
        };
        core.restore(recovered, now);
        core
    }

    /// Applies one input at a time and appends to `turn` what must be written and then done.
    ///
    /// Repeats, old views and late timers add nothing, so the caller may deliver anything twice. Several inputs may
    /// share a turn; they then share one sync.
    pub fn step(&mut self, now: impl Into<Now>, input: Input, turn: &mut Turn) {
        let Now { timer: now, wall } = now.into();
        self.wall = wall;
        if !self.started {
            self.started = true;
            self.resume_lanes(turn);
        }
        match input {
            Input::Submit(transactions) => self.on_submit(now, transactions),
            Input::Sealed {
                position,
                payload,
                root,
                count,
            } => self.on_sealed(now, position, payload, root, count, turn),
            Input::Received { from, message } => self.on_message(now, from, message, turn),
            Input::Verified { digest, verdict } => self.on_verified(now, digest, verdict, turn),
            Input::Executed { header } => self.on_executed(now, header, turn),
            Input::Loaded(batches) => self.on_loaded(now, batches, turn),
            Input::Connected(peer) => self.on_connected(peer, turn),
            Input::Tick => {}
        }
        self.seal(now, turn);
        self.propose(now, turn);
        self.dispatch(now, turn);
        self.fetch_wanted(now, turn);
        self.tell_status(now, turn);
        self.watch_view(now, turn);
        self.ask_for_wake(now, turn);
    }

    fn on_message(&mut self, now: Millis, from: ValidatorIndex, message: Message, turn: &mut Turn) {
        let heard = match self.gate.admit(&self.config, now, from, message) {
            Ok(heard) => heard,
            Err(why) => return self.count(why),
        };
        let (from, message) = heard.open();
        match message {
            Message::Batch(batch) => self.on_batch(from, batch, turn),
            Message::Acknowledge {
                position,
                digest,
                signature,
            } => self.on_acknowledge(now, from, position, digest, signature, turn),
            Message::Certificate(certificate) => self.on_certificate(now, certificate),
            Message::PrePrepare(proposed) => self.on_pre_prepare(now, from, proposed, turn),
            Message::Prepare(vote) => self.on_vote(now, from, Phase::Prepare, &vote, turn),
            Message::Commit(vote) => self.on_vote(now, from, Phase::Commit, &vote, turn),
            Message::Executed {
                height,
                digest,
                signature,
            } => self.on_outcome(from, height, digest, signature, turn),
            Message::ViewChange(change) => self.on_view_change(now, from, change, turn),
            Message::NewView(new_view) => self.on_new_view(now, new_view, turn),
            Message::Status(status) => self.on_status(now, from, status, turn),
            Message::FetchBatches(digests) => self.on_fetch_batches(from, digests, turn),
            Message::FetchSlots {
                from: height,
                count,
            } => self.on_fetch_slots(from, height, count, turn),
            Message::Slots(slots) => self.on_slots(now, from, slots, turn),
            Message::FetchHeaders {
                from: height,
                count,
            } => self.on_fetch_headers(from, height, count, turn),
            Message::Headers(headers) => self.on_headers(now, from, headers, turn),
        }
    }

    /// Asks to be called at the earliest time something is due, unless that is asked for already.
    fn ask_for_wake(&mut self, now: Millis, turn: &mut Turn) {
        let due = [
            self.seal_due(),
            self.propose_due(),
            self.batches.want_due(),
            self.view_due(),
            self.fetch_due(),
            Some(self.sync.status_due),
        ]
        .into_iter()
        .flatten()
        .min();
        let Some(due) = due else { return };
        // Something due that waits for another input than time needs no hurry.
        let due = Millis(due.0.max(now.0 + 1));
        if self.wake_at.is_none_or(|asked| asked <= now || due < asked) {
            self.wake_at = Some(due);
            turn.effect(Effect::WakeAt(due));
        }
    }

    /// Puts the records back where they came from.
    fn restore(&mut self, recovered: Recovered, now: Millis) {
        let base_height = recovered.base_height();
        if let Some(base) = &recovered.base {
            self.execution.last_digest = Some(base.header.digest());
            self.execution.time = base.header.time;
        }
        self.execution.dispatched = base_height;
        self.execution.executed = base_height;
        self.execution.expected = recovered.certified;
        self.committed = base_height;
        self.execution.certified = recovered
            .certified_last
            .as_ref()
            .map_or(0, |certified| certified.header.height);
        self.stable = recovered.certified_last;
        if let Some(base) = recovered.base {
            self.restore_base(base.header);
        }
        for (index, old) in recovered.lanes.into_iter().enumerate() {
            let lane = &mut self.lanes[index];
            lane.ordered = old.ordered;
            lane.committed = old.ordered.position;
            lane.chain = old.ordered;
            lane.received = old.ordered;
            lane.acknowledged_max = old.acknowledged_max;
            lane.acknowledged = old.acknowledged;
            lane.certified = old
                .certificate
                .filter(|certificate| certificate.tip.position > old.ordered.position)
                .map(Proven::from_disk);
            let ordered = old.ordered.position;
            lane.commit_up_to(ordered, now);
            for (digest, held) in old.batches.into_values().flatten() {
                self.batches.learn(digest, held);
            }
        }
        let tips = self.lanes.iter().map(|lane| lane.ordered).collect();
        self.execution.tips.insert(base_height, tips);
        for (height, committed) in recovered.committed {
            if height == self.committed + 1 {
                self.committed = height;
            }
            for tip in &committed.proposal.tips {
                self.lanes[usize::from(tip.lane)].commit_up_to(tip.position, now);
            }
            self.slot_mut(height).committed = Some(committed);
        }
        if let Some(new_view) = recovered.entered {
            self.view = new_view.view;
            self.view_change.target = new_view.view;
            let (stable, proposals) = reproposals(&new_view);
            if let Some(stable) = stable.filter(|s| s.header.height > self.stable_height()) {
                self.execution.ahead = Some(stable.clone());
                self.stable = Some(stable);
            }
            // The view and what it starts with are one record: whoever is in it has accepted that.
            for proposal in proposals {
                if proposal.slot > self.stable_height() {
                    let (slot, digest) = (proposal.slot, proposal.digest());
                    self.slot_mut(slot).accepted = Some(Accepted {
                        view: new_view.view,
                        proposal,
                        certificates: Vec::new(),
                        signature: None,
                        digest,
                        at: now,
                    });
                }
            }
            self.view_change.new_view = Some(new_view);
        }
        #[cfg(feature = "broken-variants")]
        if self.config.broken == crate::config::Broken::VotesForgotten {
            return self.restore_own_lane();
        }
        if let Some(own) = recovered
            .view_changing
            .filter(|own| own.change.view > self.view)
        {
            self.view_change.target = own.change.view;
            self.view_change.received[usize::from(self.config.me)] = Some(own.clone());
            self.view_change.own = Some(own);
        }
        let me = self.config.me;
        for (height, old) in recovered.slots {
            let slot = self.slot_mut(height);
            let reproposed = slot.accepted.as_ref().map_or(0, |accepted| accepted.view);
            if let Some((view, proposal)) = old.accepted.filter(|(view, _)| *view >= reproposed) {
                slot.accepted = Some(Accepted {
                    view,
                    digest: proposal.digest(),
                    proposal,
                    certificates: Vec::new(),
                    signature: None,
                    at: now,
                });
            }
            slot.prepared = old.prepared;
            if let Some(vote) = old.prepare {
                slot.prepares.cast(me, &vote, true);
            }
            if let Some(vote) = old.commit {
                slot.commits.cast(me, &vote, true);
            }
        }
        self.restore_own_lane();
    }

    /// The state on disk may be ahead of the last certified header: the headers of the blocks between are gone, so their
    /// certificates are asked of peers; the one the state is at can be certified here.
    fn restore_base(&mut self, header: BlockHeader) {
        let height = header.height;
        if height > self.execution.certified {
            let first = self.execution.certified + 1;
            self.execution.gap = (first < height).then_some((first, height - 1));
            self.execution.certified = height - 1;
            self.restore_outcome(header);
        }
    }

    /// The own lane goes on after its last batch on disk; what is not certified collects acknowledgements again.
    fn restore_own_lane(&mut self) {
        let me = self.config.me;
        let lane = &self.lanes[usize::from(me)];
        self.own.tip = lane.ordered;
        self.own.certificate = lane.certified.clone();
        let certified = lane.certified_position().max(lane.ordered.position);
        while let Some(&digest) = self.batches.at(me, self.own.tip.position + 1).first() {
            let position = self.own.tip.position + 1;
            self.own.tip = LaneTip { position, digest };
            if position > certified {
                self.track_uncertified(position, digest);
            }
        }
        let tip = self.own.tip;
        let lane = &mut self.lanes[usize::from(me)];
        lane.chain = tip;
        lane.received = tip;
    }

    /// Other members of the set.
    pub(crate) fn peers(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        let me = self.config.me;
        let n = ValidatorIndex::try_from(self.config.validators()).expect("indexes are 16 bits");
        (0..n).filter(move |index| *index != me)
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        self.count_many(what, 1);
    }

    pub(crate) fn count_many(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.counters.entry(what).or_default() += times;
        }
    }
}

/// What the shell may show: status, metrics, admission.
impl Core {
    /// The view it is in.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The primary of the next slot in that view.
    #[must_use]
    pub fn primary(&self) -> ValidatorIndex {
        self.primary_of(self.view, self.committed + 1)
    }

    /// True while a view change is under way here.
    #[must_use]
    pub fn is_changing_view(&self) -> bool {
        !self.is_voting()
    }

    /// View changes started here since [`Core::new`].
    #[must_use]
    pub fn view_changes(&self) -> u64 {
        self.view_change.started
    }

    /// Last slot committed without a gap below.
    #[must_use]
    pub fn committed(&self) -> Height {
        self.committed
    }

    /// Last block executed.
    #[must_use]
    pub fn executed(&self) -> Height {
        self.execution.executed
    }

    /// Last block whose result a quorum signed and that is executed here.
    #[must_use]
    pub fn certified(&self) -> Height {
        self.execution.certified
    }

    /// Newest certified header known, possibly above what is executed here.
    #[must_use]
    pub fn certified_header(&self) -> Option<&CertifiedHeader> {
        self.stable.as_ref()
    }

    /// Up to where each lane was ordered by the blocks executed so far: what a snapshot of the state at
    /// [`Core::executed`] must keep beside it.
    #[must_use]
    pub fn executed_tips(&self) -> &[LaneTip] {
        self.execution
            .tips
            .get(&self.execution.executed)
            .map_or(&[], Vec::as_slice)
    }

    /// Position of the last batch of every lane that is held and checked without a gap.
    #[must_use]
    pub fn lane_positions(&self) -> Vec<Position> {
        self.lanes.iter().map(|lane| lane.chain.position).collect()
    }

    /// Position of the newest certificate of every lane.
    #[must_use]
    pub fn lane_certified(&self) -> Vec<Position> {
        self.lanes
            .iter()
            .map(|lane| lane.certified_position().max(lane.ordered.position))
            .collect()
    }

    /// Bytes and number of transactions waiting for a batch.
    #[must_use]
    pub fn mempool(&self) -> (usize, usize) {
        (self.own.mempool_bytes, self.own.mempool_count())
    }

    /// Room for transactions; each takes its length and four bytes. The shell answers BUSY when there is none.
    #[must_use]
    pub fn mempool_free_bytes(&self) -> usize {
        self.config
            .mempool_bytes_max
            .saturating_sub(self.own.mempool_bytes)
    }

    /// Batches held and not ordered yet, batches being checked, batches asked for.
    #[must_use]
    pub fn batches_pending(&self) -> (usize, usize, usize) {
        (
            self.batches.known_count(),
            self.batches.verifying.len(),
            self.batches.wanted_count(),
        )
    }

    /// Bytes of payload kept in memory.
    #[must_use]
    pub fn payload_cache_bytes(&self) -> usize {
        self.batches.cache_bytes()
    }

    /// Slots with anything in memory.
    #[must_use]
    pub fn slots_open(&self) -> usize {
        self.slots.len()
    }

    /// True when a quorum, this validator among it, has said where it stands, no f+1 of the others have committed more, and
    /// all that is committed is executed.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.has_heard_quorum() && !self.is_behind() && self.execution.executed == self.committed
    }

    /// Answers of peers to questions for slots or headers that were refused since one was taken. More than one means that
    /// this validator may not be catching up.
    #[must_use]
    pub fn answers_refused(&self) -> u64 {
        self.sync.refused
    }

    /// What was dropped or repeated, by reason. Names are stable.
    #[must_use]
    pub fn counters(&self) -> &BTreeMap<&'static str, u64> {
        &self.counters
    }

    /// The last conflicting statements seen, oldest first.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter()
    }

    /// The vote-log records that a restart still needs: a store may replace its vote log by these, in this order.
    #[must_use]
    pub fn live_records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for (index, lane) in self.lanes.iter().enumerate() {
            let lane_index = ValidatorIndex::try_from(index).expect("a set fits");
            // What is ordered counts as acknowledged: nothing else may be at or below it, whatever the
            // snapshot that a restart begins with.
            let ordered =
                (lane.ordered.position > 0).then_some((lane.ordered.position, lane.ordered.digest));
            for (position, digest) in ordered
                .into_iter()
                .chain(lane.acknowledged.iter().map(|(p, d)| (*p, *d)))
            {
                records.push(Record::Acknowledged {
                    lane: lane_index,
                    position,
                    digest,
                });
            }
            records.extend(
                lane.certified
                    .clone()
                    .map(|c| Record::LaneCertificate(c.into_inner())),
            );
        }
        records.extend(self.view_change.new_view.clone().map(Record::EnteredView));
        records.extend(self.view_change.own.clone().map(Record::ViewChanging));
        for (height, slot) in self.slots.range(self.stable_height() + 1..) {
            if let Some(accepted) = &slot.accepted {
                records.push(Record::PrePrepared {
                    view: accepted.view,
                    proposal: accepted.proposal.clone(),
                });
            }
            let me = self.config.me;
            records.extend(slot.prepares.of(me, *height).map(Record::Prepared));
            records.extend(slot.prepared.clone().map(Record::PrepareCertificate));
            records.extend(slot.commits.of(me, *height).map(Record::Committing));
        }
        records
    }
}
