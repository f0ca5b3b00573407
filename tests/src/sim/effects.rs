//! What a core wants done, and doing it: engine, store, execution, timers and clients.

use bds_contracts::block::CertifiedHeader;
use bds_contracts::tx::Millis;
use bds_core::message::Message;
use bds_core::order::SlotBatches;
use bds_core::turn::{Effect, Input, Verdict};
use bds_node::network::Class;

use super::checker::Place;
use super::faults::Fault;
use super::machine::TxName;
use super::random::Random;
use super::scheme::mix;
use super::variant::Variant;
use super::world::{World, index_of, purpose};

/// Bytes of slots or headers in one answer to a validator that lags, as small as everything else here.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

impl World {
    pub(super) fn effect(&mut self, index: usize, ordinal: u64, effect: Effect) {
        let me = self.nodes[index].index();
        let mut random = self.chance(purpose::WORK, index, ordinal);
        match effect {
            Effect::Seal { position, payload } => {
                let root = self.nodes[index].machine.root(&payload);
                let count = payload.transactions().map_or(0, |t| t.len());
                let count = u32::try_from(count).expect("simulated batches are small");
                let sealed = Input::Sealed {
                    position,
                    payload,
                    root,
                    count,
                };
                self.answer(index, random.between(50, 2_000), sealed);
            }
            Effect::Replaced(_) => {}
            Effect::Verify(batch) => {
                let verdict = match self.plan.variant {
                    Variant::InvalidAccepted => Verdict::Valid,
                    _ => self.nodes[index].machine.verdict(&batch),
                };
                let digest = batch.header.digest();
                let verified = Input::Verified { digest, verdict };
                self.answer(index, random.between(50, 2_000), verified);
            }
            Effect::Send(to, message) => self.send(me, to, Class::of(&message), message),
            Effect::Broadcast(message) => self.broadcast(me, message),
            Effect::Execute {
                height,
                time,
                batches,
            } => self.execute(index, height, time, batches, &mut random),
            Effect::Certified(certified) => self.certified(index, &certified),
            Effect::LoadBatches(digests) => {
                let found = self.nodes[index].batches(&digests);
                self.answer(index, random.between(50, 1_000), Input::Loaded(found));
            }
            Effect::ServeBatches(to, digests) => {
                for batch in self.nodes[index].batches(&digests) {
                    self.send(me, to, Class::Sync, Message::Batch(batch));
                }
            }
            Effect::ServeSlots { to, from, count } => {
                let reader = self.nodes[index].process.as_ref().map(|p| &p.reader);
                let from = from + u64::from(self.plan.variant == Variant::ServesNextSlot);
                let slots = reader.and_then(|r| r.slots_from(from, count, ANSWER_BYTES_MAX).ok());
                if let Some(slots) = slots {
                    self.send(me, to, Class::Sync, Message::Slots(slots));
                }
            }
            Effect::ServeHeaders { to, from, count } => {
                let reader = self.nodes[index].process.as_ref().map(|p| &p.reader);
                let found =
                    reader.and_then(|r| r.certified_from(from, count, ANSWER_BYTES_MAX).ok());
                if let Some(headers) = found {
                    self.send(me, to, Class::Sync, Message::Headers(headers));
                }
            }
            // Nobody is ever so far behind here that it takes a state.
            Effect::ServeStates(_) | Effect::ServePiece { .. } | Effect::TakeState(_) => {}
            Effect::WakeAt(at) => {
                let node = &mut self.nodes[index];
                let at = node.wake.map_or(at, |earlier| earlier.min(at));
                node.wake = Some(at);
                self.schedule_wake(index, at);
            }
            Effect::Halt(why) => {
                if !self.checker.faulty.contains(&me) {
                    self.checker.fail(format!("halt: validator {me}: {why}"));
                }
            }
        }
    }

    pub(super) fn execute(
        &mut self,
        index: usize,
        height: u64,
        time: Millis,
        batches: SlotBatches,
        random: &mut Random,
    ) {
        let me = index_of(index);
        let node = &mut self.nodes[index];
        let batches = batches.after(&node.machine.header().digest());
        let faulty = self.checker.faulty.contains(&me);
        if !faulty {
            let mut tips = node.machine.tips().to_vec();
            self.checker.executes(me, height, &batches, &mut tips);
        }
        let time = match self.plan.variant {
            Variant::OwnBlockTime => node.clock.now(self.now).wall,
            _ => time,
        };
        let applied = node.machine.apply(height, time, &batches);
        if !faulty {
            self.checker.took_effect(me, height, &applied.receipts);
        }
        for (place, (name, result)) in applied.receipts.iter().enumerate() {
            let place = Place {
                height,
                index: place,
                result: *result,
            };
            node.places.insert(*name, place);
        }
        // One block after the other, as the slot order asks.
        let took = random.between(100, 3_000);
        node.executing_until = node.executing_until.max(self.now) + took;
        let after = node.executing_until - self.now;
        let header = applied.header;
        if self.plan.variant == Variant::ToldBeforeCertified {
            self.tell_clients(index, height);
        }
        self.answer(index, after, Input::Executed { header });
    }

    pub(super) fn certified(&mut self, index: usize, certified: &CertifiedHeader) {
        let me = index_of(index);
        let height = certified.header.height;
        let faulty = self.checker.faulty.contains(&me);
        self.note(height, u64::from(me));
        let digest = certified.header.digest().0;
        self.note(0, mix(0, &digest));
        if faulty {
            return;
        }
        self.checker.certified(me, certified);
        self.tell_clients(index, height);
        let every = self.climate.snapshot_every;
        let executed = self.nodes[index].machine.header().height;
        if self.faults.has(Fault::Snapshot) && executed.is_multiple_of(every) && executed == height
        {
            if let Some(mut random) =
                self.faults
                    .arms(Fault::CrashInCheckpoint, self.here(index), 1_000)
            {
                let calls = random.below(6);
                self.nodes[index]
                    .medium
                    .arm(calls, Fault::CrashInCheckpoint);
            }
            let variant = self.plan.variant;
            let saved = self.nodes[index].take_snapshot(variant);
            self.nodes[index].medium.disarm();
            for fault in self.nodes[index].disk_faults() {
                self.faults.struck(fault);
            }
            if saved.is_err() {
                self.crash(index);
            }
        }
    }

    /// Tells the clients of this process that their transactions of this block are committed, and where.
    pub(super) fn tell_clients(&mut self, index: usize, height: u64) {
        let me = index_of(index);
        let node = &self.nodes[index];
        let done: Vec<(TxName, Place)> = node
            .places
            .iter()
            .filter(|(name, place)| place.height == height && self.clients.waits(me, **name))
            .map(|(name, place)| (*name, *place))
            .collect();
        let process = self.nodes[index].process.as_ref();
        let shown = process.is_some_and(|p| p.core.certified() >= height);
        for (name, mut place) in done {
            if self.plan.variant == Variant::ToldWrongHeight {
                place.height += 1;
            }
            if self.plan.variant == Variant::ToldWrongIndex {
                place.index += 1;
            }
            self.clients
                .told(&mut self.checker, me, name, place, (shown, self.now));
        }
    }
}
