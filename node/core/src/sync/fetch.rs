//! Catching up: questions for slots and certified headers, and the answers.
//!
//! A validator that is behind asks one peer at a time for committed slots, another for certified headers, and checks every
//! certificate; the payloads follow through `lanes`. A question says how much its asker takes, and an answer is cut to
//! that: it is never refused for its length.

use std::collections::BTreeSet;

use bds_contracts::block::{CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::context::Cx;
use crate::message::{CommittedSlot, Message, Status};
use crate::turn::Effect;

use super::{ProvenHeaders, Standing, Sync};

/// One kind of question, asked of one peer at a time.
#[derive(Default)]
pub(super) struct Questions {
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

    /// Whom to ask now: the next peer, round and round, whose status shows what is wanted; nobody while an answer is waited
    /// for.
    fn ask(
        &mut self,
        cx: &Cx<'_>,
        statuses: &[Option<Status>],
        has: impl Fn(&Status) -> bool,
    ) -> Option<ValidatorIndex> {
        self.open.take_if(|(_, due)| *due <= cx.now);
        if self.open.is_some() {
            return None;
        }
        let n = statuses.len();
        let peer = (0..n)
            .map(|step| (self.next_peer + step) % n)
            .find(|peer| statuses[*peer].as_ref().is_some_and(&has))?;
        self.next_peer = (peer + 1) % n;
        let peer = ValidatorIndex::try_from(peer).expect("a set fits");
        self.open = Some((peer, Millis(cx.now.0 + cx.config.fetch_retry_ms)));
        Some(peer)
    }
}

/// How much of an answer this validator takes.
fn asked(cx: &Cx<'_>) -> u32 {
    u32::try_from(cx.config.fetch_slots_max).unwrap_or(u32::MAX)
}

/// How much of a question this validator answers at once.
fn served(cx: &Cx<'_>, count: u32) -> usize {
    usize::try_from(count)
        .unwrap_or(usize::MAX)
        .min(cx.config.fetch_slots_max)
}

impl Sync {
    /// Asks for whatever this validator lacks and somebody has.
    pub(crate) fn fetch(&mut self, cx: &mut Cx<'_>, own: &Standing) {
        self.fetch_slots(cx, own);
        self.fetch_headers(cx, own);
    }

    /// When a peer that was asked has had its time.
    pub(crate) fn fetch_due(&self) -> Option<Millis> {
        let questions = [&self.slots, &self.headers];
        questions.iter().filter_map(|q| q.open).map(|o| o.1).min()
    }

    /// Asks one peer for the slots that follow, if someone is ahead and nobody has been asked lately.
    pub(crate) fn fetch_slots(&mut self, cx: &mut Cx<'_>, own: &Standing) {
        if own.committed - own.executed >= cx.config.window {
            return;
        }
        // A few slots behind is normal while votes are on their way.
        let lag = if self.slots_stalled {
            0
        } else {
            cx.config.slots_in_flight
        };
        let ahead = |status: &Status| status.committed > own.committed.saturating_add(lag);
        if let Some(peer) = self.slots.ask(cx, &self.statuses, ahead) {
            cx.count("slots_fetched");
            let (from, count) = (own.committed + 1, asked(cx));
            cx.send(peer, Message::FetchSlots { from, count });
        }
    }

    /// Asks one peer for certified headers from the first missing one on. Results are signed once, when a block is executed;
    /// whoever executes it later than the others, or lost its certificate in a crash, can prove it only with theirs.
    pub(crate) fn fetch_headers(&mut self, cx: &mut Cx<'_>, own: &Standing) {
        let from = own.unproven;
        if from > own.executed.saturating_add(cx.config.window) {
            return;
        }
        let lag = if self.headers_stalled {
            0
        } else {
            2 * cx.config.slots_in_flight
        };
        let ahead = |status: &Status| status.certified >= from.saturating_add(lag);
        if let Some(peer) = self.headers.ask(cx, &self.statuses, ahead) {
            cx.count("headers_fetched");
            let count = asked(cx);
            cx.send(peer, Message::FetchHeaders { from, count });
        }
    }

    /// Up to where f+1 others, so at least one correct validator, are certified, when that is further than what is executed again here; or
    /// when f+1 do not have the slot any more that is to be executed next, however near it is.
    pub(crate) fn out_of_reach(&self, cx: &Cx<'_>, own: &Standing) -> Option<Height> {
        let (slot, gone) = &self.slots_gone;
        let weight: u64 = gone.iter().map(|who| cx.notary.weight(*who)).sum();
        if *slot == own.committed + 1 && weight >= cx.notary.one_correct {
            return Some(*slot);
        }
        if cx.now < self.replays_until {
            return None;
        }
        let near = own.executed.saturating_add(cx.config.replay_blocks_max);
        let mut certified: Vec<_> = (self.statuses.iter().zip(0..))
            .filter_map(|(status, index)| Some((status.as_ref()?.certified, index)))
            .filter(|(certified, _)| *certified > near)
            .collect();
        certified.sort_unstable_by_key(|(certified, _)| std::cmp::Reverse(*certified));
        let mut weight = 0;
        let (shown, _) = certified.into_iter().find(|(_, index)| {
            weight += cx.notary.weight(*index);
            weight >= cx.notary.one_correct
        })?;
        Some(shown)
    }

    /// A peer asks for slots: the store has them.
    pub(crate) fn on_fetch_slots(
        &self,
        cx: &mut Cx<'_>,
        own: &Standing,
        to: ValidatorIndex,
        from: Height,
        count: u32,
    ) {
        if from > own.committed {
            cx.count("fetch_slots_beyond");
            return;
        }
        let count = served(cx, count);
        cx.effect(Effect::ServeSlots { to, from, count });
    }

    /// A peer asks for certified headers: the store has them.
    pub(crate) fn on_fetch_headers(
        &self,
        cx: &mut Cx<'_>,
        own: &Standing,
        to: ValidatorIndex,
        from: Height,
        count: u32,
    ) {
        if from > own.certified {
            cx.count("fetch_headers_beyond");
            return;
        }
        let count = served(cx, count);
        cx.effect(Effect::ServeHeaders { to, from, count });
    }

    /// The answer of the peer that was asked: consecutive slots, each with a commit certificate. What goes beyond the
    /// question is left out; what is returned is proven and new.
    pub(crate) fn on_slots(
        &mut self,
        cx: &mut Cx<'_>,
        own: &Standing,
        from: ValidatorIndex,
        slots: Vec<CommittedSlot>,
    ) -> Vec<CommittedSlot> {
        if !self.slots.answered_by(from) {
            cx.count("slots_unasked");
            return Vec::new();
        }
        let committed = self.statuses[usize::from(from)]
            .as_ref()
            .map_or(0, |status| status.committed);
        if slots.is_empty() && committed > own.committed {
            // It keeps less than this validator thought.
            cx.count("slots_gone");
            let next = own.committed + 1;
            if self.slots_gone.0 != next {
                self.slots_gone = (next, BTreeSet::new());
            }
            self.slots_gone.1.insert(from);
        }
        let news: Vec<_> = slots
            .into_iter()
            .take(cx.config.fetch_slots_max)
            .filter(|slot| slot.proposal.slot > own.committed)
            .collect();
        let consecutive = news
            .iter()
            .zip(own.committed + 1..)
            .all(|(slot, height)| slot.proposal.slot == height);
        let claims: Vec<_> = news
            .iter()
            .filter_map(|slot| cx.notary.committed_claim(slot))
            .collect();
        let formed = consecutive && claims.len() == news.len();
        if !formed || !cx.notary.proves(&claims) {
            self.refuse_answer(cx, "slots_bad");
            return Vec::new();
        }
        drop(claims);
        if !news.is_empty() {
            self.refused = 0;
        }
        news
    }

    /// The answer of the peer that was asked: certified headers, rising. What goes beyond the question is left out.
    pub(crate) fn on_headers(
        &mut self,
        cx: &mut Cx<'_>,
        own: &Standing,
        from: ValidatorIndex,
        mut headers: Vec<CertifiedHeader>,
    ) -> ProvenHeaders {
        if !self.headers.answered_by(from) {
            cx.count("headers_unasked");
            return ProvenHeaders::default();
        }
        headers.truncate(cx.config.fetch_slots_max);
        let missing = own.unproven;
        let most = u64::try_from(cx.config.fetch_slots_max).unwrap_or(u64::MAX);
        let top = missing.saturating_add(most - 1);
        headers.retain(|proof| (missing..=top).contains(&proof.header.height));
        let rising = headers
            .windows(2)
            .all(|pair| pair[0].header.height < pair[1].header.height);
        let claims: Vec<_> = headers.iter().map(|c| cx.notary.header_claim(c)).collect();
        if !rising || !cx.notary.proves(&claims) {
            self.refuse_answer(cx, "headers_bad");
            return ProvenHeaders::default();
        }
        drop(claims);
        if !headers.is_empty() {
            self.refused = 0;
        }
        let lacks = headers
            .first()
            .is_none_or(|first| first.header.height > missing);
        ProvenHeaders {
            first_is_lost: lacks && self.is_lost(cx, missing, from),
            headers,
        }
    }

    /// Notes that `from` has no certificate of this block; true when a quorum, this validator among it, has none. One peer's
    /// word is not enough to give a certificate up, and one that all have lost must not be asked for for ever.
    fn is_lost(&mut self, cx: &Cx<'_>, missing: Height, from: ValidatorIndex) -> bool {
        if self.lacking.0 != missing {
            self.lacking = (missing, BTreeSet::new());
        }
        let lacking = &mut self.lacking.1;
        lacking.insert(from);
        let weight: u64 = lacking.iter().map(|who| cx.notary.weight(*who)).sum();
        weight + cx.notary.weight(cx.me()) >= cx.notary.quorum
    }

    fn refuse_answer(&mut self, cx: &mut Cx<'_>, why: &'static str) {
        self.refused = self.refused.saturating_add(1);
        cx.count(why);
    }
}
