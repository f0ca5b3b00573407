//! Who has what: status messages, repeating what a peer seems to miss, and catching up with those who are ahead.
//!
//! Nothing is repeated blindly. A peer's status says where it stands; when two in a row say the same, what it
//! waits for is sent again. A validator that is behind asks one peer at a time for committed slots, another for certified
//! headers, and checks every certificate; the payloads follow through `batches`. A question says how much its asker
//! takes, and an answer is cut to that: it is never refused for its length.

use bds_contracts::block::{CertifiedHeader, Height, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::TipCertificate;
use crate::core::Core;
use crate::message::{CommittedSlot, Message, PrePrepare, Status};
use crate::turn::{Effect, Turn};

/// Results repeated to one peer for one status.
const OUTCOMES_REPEATED_MAX: u64 = 16;

/// One kind of question, asked of one peer at a time.
#[derive(Default)]
struct Questions {
    /// Who was asked, and until when to wait for the answer.
    open: Option<(ValidatorIndex, Millis)>,
    /// Where the search for the next peer to ask begins.
    next_peer: usize,
}

impl Questions {
    /// True when `from` was asked; the question is then answered.
    fn answered_by(&mut self, from: ValidatorIndex) -> bool {
        self.open.take_if(|(peer, _)| *peer == from).is_some()
    }

    /// True while an answer is waited for.
    fn waits(&mut self, now: Millis) -> bool {
        self.open.take_if(|(_, due)| *due <= now);
        self.open.is_some()
    }
}

/// What is known about the others.
#[derive(Default)]
pub(crate) struct Sync {
    /// Last status of every validator, by index.
    pub(crate) statuses: Vec<Option<Status>>,
    /// When something was last repeated for each validator.
    repeated_at: Vec<Option<Millis>>,
    slots: Questions,
    headers: Questions,
    pub(crate) status_due: Millis,
    /// `committed` and `certified` at the last own status: without progress since, even one block behind is a reason to
    /// ask.
    committed_then: Height,
    certified_then: Height,
    slots_stalled: bool,
    headers_stalled: bool,
    /// Answers refused since the last one that was taken.
    pub(crate) refused: u64,
}

impl Sync {
    pub(crate) fn new(validators: usize, now: Millis) -> Self {
        Self {
            statuses: vec![None; validators],
            repeated_at: vec![None; validators],
            status_due: now,
            ..Self::default()
        }
    }
}

impl Core {
    fn status(&self) -> Message {
        Message::Status(Status {
            view: self.view,
            committed: self.committed,
            executed: self.execution.executed,
            certified: self.execution.certified,
            voting_ms: self.view_change.voting_ms,
            lanes: self.lanes.iter().map(|l| l.chain.position).collect(),
        })
    }

    /// A connection came up: say what is here, so that the peer can say what it misses.
    pub(crate) fn on_connected(&mut self, peer: ValidatorIndex, turn: &mut Turn) {
        if peer != self.config.me && self.notary.is_member(peer) {
            let status = self.status();
            turn.effect(Effect::Send(peer, status));
        }
    }

    /// Every interval: the status to all, and whatever only this validator may know of to whom it concerns.
    pub(crate) fn tell_status(&mut self, now: Millis, turn: &mut Turn) {
        if self.sync.status_due > now {
            return;
        }
        self.sync.status_due = Millis(now.0 + self.config.status_interval_ms);
        self.sync.slots_stalled = self.sync.committed_then == self.committed;
        self.sync.committed_then = self.committed;
        self.sync.headers_stalled = self.sync.certified_then == self.execution.certified;
        self.sync.certified_then = self.execution.certified;
        let status = self.status();
        turn.effect(Effect::Broadcast(status));
        if let Some(change) = self.view_change.own.clone() {
            turn.effect(Effect::Broadcast(Message::ViewChange(change)));
        }
        // A tip that is not ordered may be unknown to the primary, and its author may be gone.
        let primary = self.primary_of(self.view, self.committed + 1);
        for (index, lane) in self.lanes.iter().enumerate() {
            let Some(tip) = lane
                .certified
                .as_ref()
                .filter(|known| known.tip.position > lane.committed)
            else {
                continue;
            };
            let message = Message::Certificate(TipCertificate::clone(tip));
            if index == usize::from(self.config.me) {
                turn.effect(Effect::Broadcast(message));
            } else if primary != self.config.me {
                turn.effect(Effect::Send(primary, message));
            }
        }
        self.fetch_slots(now, turn);
        self.fetch_headers(now, turn);
    }

    /// A peer says what it has.
    pub(crate) fn on_status(
        &mut self,
        now: Millis,
        from: ValidatorIndex,
        status: Status,
        turn: &mut Turn,
    ) {
        let before = self.sync.statuses[usize::from(from)].replace(status.clone());
        if status.view < self.view
            && self.sync.repeated_at[usize::from(from)]
                .is_none_or(|at| at.0 + self.config.status_interval_ms / 2 <= now.0)
            && let Some(new_view) = self.view_change.new_view.clone()
        {
            turn.effect(Effect::Send(from, Message::NewView(new_view)));
        }
        let me = usize::from(self.config.me);
        // Whatever a peer says how often, it is answered at the pace of a correct one.
        let pace = self.config.status_interval_ms / 2;
        let answered = &mut self.sync.repeated_at[usize::from(from)];
        let due = answered.is_none_or(|at| at.0 + pace <= now.0);
        if let Some(before) = before.filter(|_| due) {
            *answered = Some(now);
            if before.lanes[me] == status.lanes[me] {
                self.repeat_batches(from, status.lanes[me], turn);
            }
            if before.committed == status.committed && status.view == self.view {
                self.repeat_votes(now, from, status.committed, turn);
            }
            if before.certified == status.certified {
                self.repeat_outcomes(from, status.certified, turn);
            }
        }
        self.fetch_slots(now, turn);
        self.fetch_headers(now, turn);
    }

    /// Own batches above what the peer holds; those that are ordered it fetches by itself. What it holds and has not
    /// acknowledged, as far as is known here, is repeated by its last batch: the acknowledgement may have been lost, and one for
    /// the last stands for all.
    fn repeat_batches(&mut self, to: ValidatorIndex, holds: u64, turn: &mut Turn) {
        let me = self.config.me;
        let tip = self.own.tip.position;
        let last_uncertified = self.own.uncertified.last_key_value();
        let unheard = last_uncertified.is_some_and(|(_, last)| !last.acknowledged_by(to));
        let holds = if holds >= tip && unheard {
            tip - 1
        } else {
            holds
        };
        let low = holds.max(self.lanes[usize::from(me)].ordered.position);
        let high = tip.min(low + self.config.lane_window);
        let digests: Vec<_> = (low + 1..=high)
            .filter_map(|position| self.batches.at(me, position).first().copied())
            .collect();
        if !digests.is_empty() {
            self.count_many(
                "batches_repeated",
                u64::try_from(digests.len()).unwrap_or(0),
            );
            self.serve_batches(to, digests, turn);
        }
    }

    /// Own messages for the slots that the peer waits for and that have been open for a while.
    fn repeat_votes(
        &mut self,
        now: Millis,
        to: ValidatorIndex,
        committed: Height,
        turn: &mut Turn,
    ) {
        let me = self.config.me;
        let (view, voting) = (self.view, self.is_voting());
        let span = usize::try_from(2 * self.config.slots_in_flight).unwrap_or(8);
        let mut repeated = 0;
        for (height, slot) in self.slots.range(committed + 1..).take(span) {
            let Some(accepted) = slot
                .accepted_in(view)
                .filter(|a| voting && a.at.0 + self.config.status_interval_ms <= now.0)
            else {
                continue;
            };
            repeated += 1;
            if self.primary_of(view, *height) == me
                && accepted.certificates.len() == accepted.proposal.tips.len()
            {
                let statement = Statement::PrePrepare(view, *height, accepted.digest.0);
                turn.effect(Effect::Send(
                    to,
                    Message::PrePrepare(PrePrepare {
                        view,
                        proposal: accepted.proposal.clone(),
                        certificates: accepted.certificates.clone(),
                        signature: self.notary.sign(&statement),
                    }),
                ));
            }
            if let Some(vote) = slot.prepares.of(me, *height).filter(|v| v.view == view) {
                turn.effect(Effect::Send(to, Message::Prepare(vote)));
            }
            if let Some(vote) = slot.commits.of(me, *height).filter(|v| v.view == view) {
                turn.effect(Effect::Send(to, Message::Commit(vote)));
            }
        }
        self.count_many("slots_repeated", repeated);
    }

    /// Own results above what the peer knows to be certified.
    fn repeat_outcomes(&mut self, to: ValidatorIndex, certified: Height, turn: &mut Turn) {
        // What is certified here the peer asks for by itself.
        let low = certified.max(self.execution.certified);
        let high = self.execution.executed.min(low + OUTCOMES_REPEATED_MAX);
        for height in low + 1..=high {
            if let Some(message) = self.own_outcome(height) {
                turn.effect(Effect::Send(to, message));
            }
        }
    }

    /// This validator and those whose status it has heard since it started are a quorum.
    pub(crate) fn has_heard_quorum(&self) -> bool {
        let heard = self
            .peers()
            .filter(|peer| self.sync.statuses[usize::from(*peer)].is_some());
        let weight: u64 = heard.map(|peer| self.notary.weight(peer)).sum();
        weight + self.notary.weight(self.config.me) >= self.notary.quorum
    }

    /// f+1 by weight, so at least one correct validator, have committed more.
    pub(crate) fn is_behind(&self) -> bool {
        let weight: u64 = self
            .peers()
            .filter(|peer| {
                self.sync.statuses[usize::from(*peer)]
                    .as_ref()
                    .is_some_and(|status| status.committed > self.committed)
            })
            .map(|peer| self.notary.weight(peer))
            .sum();
        weight >= self.notary.one_correct
    }

    /// When a peer that was asked has had its time.
    pub(crate) fn fetch_due(&self) -> Option<Millis> {
        let questions = [&self.sync.slots, &self.sync.headers];
        questions.iter().filter_map(|q| q.open).map(|o| o.1).min()
    }

    /// What one answer may hold, slots or headers, whoever asks and whoever answers.
    fn fetch_max(&self) -> u64 {
        u64::try_from(self.config.fetch_slots_max).unwrap_or(u64::MAX)
    }

    /// The next peer, round and round, whose status shows more than `height`.
    fn peer_ahead(
        &self,
        next_peer: usize,
        height: Height,
        of: fn(&Status) -> Height,
    ) -> Option<ValidatorIndex> {
        let n = self.config.validators();
        let ahead = (0..n).map(|step| (next_peer + step) % n).find(|peer| {
            *peer != usize::from(self.config.me)
                && self.sync.statuses[*peer]
                    .as_ref()
                    .is_some_and(|status| of(status) > height)
        });
        ahead.map(|peer| ValidatorIndex::try_from(peer).expect("a set fits"))
    }

    /// Asks one peer for the slots that follow, if someone is ahead and nobody has been asked lately.
    pub(crate) fn fetch_slots(&mut self, now: Millis, turn: &mut Turn) {
        if self.sync.slots.waits(now)
            || self.committed - self.execution.executed >= self.config.window
        {
            return;
        }
        // A few slots behind is normal while votes are on their way.
        let lag = if self.sync.slots_stalled {
            0
        } else {
            self.config.slots_in_flight
        };
        let Some(peer) = self.peer_ahead(
            self.sync.slots.next_peer,
            self.committed.saturating_add(lag),
            |status| status.committed,
        ) else {
            return;
        };
        self.sync.slots.next_peer = (usize::from(peer) + 1) % self.config.validators();
        self.sync.slots.open = Some((peer, Millis(now.0 + self.config.fetch_retry_ms)));
        self.count("slots_fetched");
        turn.effect(Effect::Send(
            peer,
            Message::FetchSlots {
                from: self.committed + 1,
                count: u32::try_from(self.config.fetch_slots_max).unwrap_or(u32::MAX),
            },
        ));
    }

    /// Asks one peer for certified headers from the first missing one on. Results are signed once, when a block is executed;
    /// whoever executes it later than the others, or lost its certificate in a crash, can prove it only with theirs.
    pub(crate) fn fetch_headers(&mut self, now: Millis, turn: &mut Turn) {
        if self.sync.headers.waits(now) {
            return;
        }
        let missing = self.proof_missing();
        if missing > self.execution.executed.saturating_add(self.config.window) {
            return;
        }
        let lag = if self.sync.headers_stalled {
            0
        } else {
            2 * self.config.slots_in_flight
        };
        let Some(peer) = self.peer_ahead(
            self.sync.headers.next_peer,
            (missing - 1).saturating_add(lag),
            |status| status.certified,
        ) else {
            return;
        };
        self.sync.headers.next_peer = (usize::from(peer) + 1) % self.config.validators();
        self.sync.headers.open = Some((peer, Millis(now.0 + self.config.fetch_retry_ms)));
        self.count("headers_fetched");
        turn.effect(Effect::Send(
            peer,
            Message::FetchHeaders {
                from: missing,
                count: u32::try_from(self.config.fetch_slots_max).unwrap_or(u32::MAX),
            },
        ));
    }

    /// How much of a question this validator answers at once.
    fn served(&self, count: u32) -> usize {
        usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(self.config.fetch_slots_max)
    }

    /// A peer asks for slots: the store has them.
    pub(crate) fn on_fetch_slots(
        &mut self,
        to: ValidatorIndex,
        from: Height,
        count: u32,
        turn: &mut Turn,
    ) {
        if from > self.committed {
            self.count("fetch_slots_beyond");
            return;
        }
        let count = self.served(count);
        turn.effect(Effect::ServeSlots { to, from, count });
    }

    /// A peer asks for certified headers: the store has them.
    pub(crate) fn on_fetch_headers(
        &mut self,
        to: ValidatorIndex,
        from: Height,
        count: u32,
        turn: &mut Turn,
    ) {
        if from > self.execution.certified {
            self.count("fetch_headers_beyond");
            return;
        }
        let count = self.served(count);
        turn.effect(Effect::ServeHeaders { to, from, count });
    }

    /// The answer of the peer that was asked: consecutive slots, each with a commit certificate. What goes beyond the
    /// question is left out.
    pub(crate) fn on_slots(
        &mut self,
        now: Millis,
        from: ValidatorIndex,
        slots: Vec<CommittedSlot>,
        turn: &mut Turn,
    ) {
        if !self.sync.slots.answered_by(from) {
            self.count("slots_unasked");
            return;
        }
        let news: Vec<_> = slots
            .into_iter()
            .take(self.config.fetch_slots_max)
            .filter(|slot| slot.proposal.slot > self.committed)
            .collect();
        let consecutive = news
            .iter()
            .zip(self.committed + 1..)
            .all(|(slot, height)| slot.proposal.slot == height);
        let claims: Vec<_> = news
            .iter()
            .filter_map(|slot| self.notary.committed_claim(slot))
            .collect();
        let formed = consecutive && claims.len() == news.len();
        if !formed || !self.notary.proves(&claims) {
            self.refuse_answer("slots_bad");
            return;
        }
        drop(claims);
        if news.is_empty() {
            return;
        }
        self.sync.refused = 0;
        for slot in news {
            self.learn_committed(now, slot, turn);
        }
        self.fetch_slots(now, turn);
    }

    /// The answer of the peer that was asked: certified headers, rising. What goes beyond the question is left out.
    pub(crate) fn on_headers(
        &mut self,
        now: Millis,
        from: ValidatorIndex,
        mut headers: Vec<CertifiedHeader>,
        turn: &mut Turn,
    ) {
        if !self.sync.headers.answered_by(from) {
            self.count("headers_unasked");
            return;
        }
        headers.truncate(self.config.fetch_slots_max);
        let missing = self.proof_missing();
        let top = missing.saturating_add(self.fetch_max() - 1);
        headers.retain(|proof| (missing..=top).contains(&proof.header.height));
        let rising = headers
            .windows(2)
            .all(|pair| pair[0].header.height < pair[1].header.height);
        let claims: Vec<_> = headers
            .iter()
            .map(|c| self.notary.header_claim(c))
            .collect();
        if !rising || !self.notary.proves(&claims) {
            self.refuse_answer("headers_bad");
            return;
        }
        drop(claims);
        if headers.is_empty() {
            return;
        }
        self.sync.refused = 0;
        self.keep_proofs(headers, turn);
        self.fetch_headers(now, turn);
    }

    fn refuse_answer(&mut self, why: &'static str) {
        self.sync.refused = self.sync.refused.saturating_add(1);
        self.count(why);
    }
}
