//! What a machine is handed for one step, beside what it is told: who it is, the time, and where its words go.

use bds_contracts::block::ValidatorIndex;
use bds_contracts::tx::Millis;

use crate::config::Config;
use crate::evidence::{Evidence, Observed};
use crate::gate::notary::Notary;
use crate::message::Message;
use crate::turn::{Effect, Record, Turn};

/// Borrowed for one step by one machine at a time. A machine keeps nothing of it.
pub(crate) struct Cx<'a> {
    pub(crate) config: &'a Config,
    pub(crate) notary: &'a Notary,
    /// The timer's time: all that is due is due by it.
    pub(crate) now: Millis,
    /// The machine's clock, for the time of blocks only.
    pub(crate) wall: Millis,
    pub(crate) turn: &'a mut Turn,
    pub(crate) observed: &'a mut Observed,
}

impl Cx<'_> {
    /// This validator.
    pub(crate) fn me(&self) -> ValidatorIndex {
        self.config.me
    }

    /// Other members of the set.
    pub(crate) fn peers(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        self.config.peers()
    }

    /// To be on disk before the effects of this turn.
    pub(crate) fn write(&mut self, record: Record) {
        self.turn.write(record);
    }

    /// To be done once the turn is written.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.turn.effect(effect);
    }

    /// To one validator, once the turn is written.
    pub(crate) fn send(&mut self, to: ValidatorIndex, message: Message) {
        self.turn.effect(Effect::Send(to, message));
    }

    /// To all others, once the turn is written.
    pub(crate) fn broadcast(&mut self, message: Message) {
        self.turn.effect(Effect::Broadcast(message));
    }

    /// Counts something dropped or repeated.
    pub(crate) fn count(&mut self, what: &'static str) {
        self.observed.count(what, 1);
    }

    /// The same, several times.
    pub(crate) fn count_many(&mut self, what: &'static str, times: u64) {
        self.observed.count(what, times);
    }

    /// Keeps evidence and counts it; the same twice is one.
    pub(crate) fn report(&mut self, evidence: Evidence) {
        self.observed.report(evidence);
    }
}
