//! Messages on their way: observed, twisted, encoded, queued, lost, held up, doubled, damaged, decoded.

use bds_contracts::block::ValidatorIndex;
use bds_core::message::Message;
use bds_core::turn::Input;
use bds_node::network::{Bytes, Class};

use super::byzantine::Sent;
use super::faults::Fault;
use super::network::{Frame, encode};
use super::world::{Event, MILLI, World, index_of, purpose};

/// A peer that breaks a rule of the stream is cut off for this long.
const PENALTY: u64 = 500 * MILLI;

impl World {
    pub(super) fn broadcast(&mut self, from: ValidatorIndex, message: Message) {
        let class = Class::of(&message);
        if self.coalition.has(from) {
            for to in 0..self.plan.nodes {
                if index_of(to) != from {
                    self.send(from, index_of(to), class, message.clone());
                }
            }
            return;
        }
        self.observe(from, &message);
        let Some(bytes) = self.encode(from, class, &message) else {
            return;
        };
        for to in 0..self.plan.nodes {
            if index_of(to) != from {
                self.transmit(from, index_of(to), class, bytes.clone());
            }
        }
    }

    /// A message leaves a validator: checked, or twisted when that one lies.
    pub(super) fn send(
        &mut self,
        from: ValidatorIndex,
        to: ValidatorIndex,
        class: Class,
        message: Message,
    ) {
        if self.coalition.has(from) {
            let sent = self
                .coalition
                .on_send(self.now, &mut self.faults, from, to, message);
            return self.send_lies(sent);
        }
        self.observe(from, &message);
        if let Some(bytes) = self.encode(from, class, &message) {
            self.transmit(from, to, class, bytes);
        }
    }

    /// Checkers and liars see everything that correct validators say.
    pub(super) fn observe(&mut self, from: ValidatorIndex, message: &Message) {
        self.checker.sent(from, message);
        self.coalition
            .on_see(self.now, &mut self.faults, from, message);
    }

    pub(super) fn send_lies(&mut self, sent: Vec<Sent>) {
        for Sent { from, to, message } in sent {
            let class = Class::of(&message);
            // One that is too long would be cut off by every correct reader.
            if let Some(bytes) = encode(self.network.limits(), class, &message) {
                self.transmit(from, to, class, bytes);
            }
        }
    }

    pub(super) fn encode(
        &mut self,
        from: ValidatorIndex,
        class: Class,
        message: &Message,
    ) -> Option<Bytes> {
        let bytes = encode(self.network.limits(), class, message);
        if bytes.is_none() {
            self.checker.fail(format!(
                "limits: a message of validator {from} is too long for its class {}",
                class.name()
            ));
        }
        bytes
    }

    pub(super) fn transmit(
        &mut self,
        from: ValidatorIndex,
        to: ValidatorIndex,
        class: Class,
        bytes: Bytes,
    ) {
        if self.network.push(from, to, class, bytes) {
            self.pump(from, to);
        }
    }

    /// Lets everything leave that may leave this link now.
    pub(super) fn pump(&mut self, from: ValidatorIndex, to: ValidatorIndex) {
        loop {
            match self.network.pump(self.now, from, to) {
                (Some((class, bytes)), _) => self.travel(Frame {
                    from,
                    to,
                    class,
                    bytes,
                }),
                (None, Some(at)) => {
                    let after = at - self.now;
                    return self.schedule(after, Event::Pump(from, to));
                }
                (None, None) => return,
            }
        }
    }

    /// A frame is on its way: lost, held up, doubled, damaged or delivered.
    pub(super) fn travel(&mut self, mut frame: Frame) {
        let (from, to) = (frame.from, frame.to);
        let place = self.network.place(self.now, from, to);
        let (low, high) = self.climate.latency_us;
        let mut latency = self.draws.at(purpose::LATENCY, place).between(low, high);
        if !self.faults.active {
            return self.schedule(latency, Event::Deliver(frame));
        }
        if self.faults.strikes(Fault::Drop, place).is_some() {
            return;
        }
        if let Some(mut random) = self.faults.strikes(Fault::Reorder, place) {
            latency += random.below(20 * MILLI);
        }
        if let Some(mut random) = self.faults.strikes(Fault::Delay, place) {
            // A heavy tail: usually 100 ms, sometimes seconds.
            let scale = if random.chance(50) { 3_000 } else { 200 };
            latency += random.below(scale) * MILLI;
        }
        if let Some(mut random) = self.faults.strikes(Fault::Duplicate, place) {
            let again = latency + random.below(50 * MILLI);
            self.schedule(again, Event::Deliver(frame.clone()));
        }
        if self.faults.has(Fault::Replay) {
            if self.old_frames.len() < 256 {
                self.old_frames.push(frame.clone());
            }
            if let Some(mut random) = self.faults.strikes(Fault::Replay, place) {
                let slot = random.index(self.old_frames.len());
                let old = self.old_frames[slot].clone();
                if random.chance(300) {
                    self.old_frames[slot] = frame.clone();
                }
                self.schedule(latency, Event::Deliver(old));
            }
        }
        for fault in [Fault::Corrupt, Fault::Truncate, Fault::Oversized] {
            if let Some(mut random) = self.faults.strikes_in(fault, place, 100) {
                let mut bytes = frame.bytes.to_vec();
                match fault {
                    Fault::Corrupt if !bytes.is_empty() => {
                        let at = random.index(bytes.len());
                        bytes[at] ^= 1 << random.below(8);
                    }
                    Fault::Truncate => bytes.truncate(random.index(bytes.len().max(1))),
                    _ => bytes.splice(..bytes.len().min(4), [0xff; 4]).for_each(drop),
                }
                frame.bytes = Bytes::from(bytes);
            }
        }
        self.schedule(latency, Event::Deliver(frame));
    }

    pub(super) fn deliver(&mut self, frame: Frame) {
        let to = usize::from(frame.to);
        if self.nodes[to].process.is_none() {
            return;
        }
        self.traffic.0 += 1;
        self.traffic.1 += u64::try_from(frame.bytes.len()).unwrap_or(0);
        let Some(message) = frame.read(self.network.limits()) else {
            // Framing is lost, or the peer breaks a rule: the connection is given up, and comes back.
            for (from, to) in [(frame.from, frame.to), (frame.to, frame.from)] {
                if !self.network.is_cut(from, to) {
                    self.network.set_cut(from, to, true);
                    self.schedule(PENALTY, Event::Join(from, to));
                }
            }
            return;
        };
        let from = frame.from;
        let input = Input::Received { from, message };
        if self.nodes[to].hear(frame.class, input) {
            self.turn(to);
        } else {
            // The reader waits for room, and the stream with it.
            self.schedule(5 * MILLI, Event::Deliver(frame));
        }
    }

    pub(super) fn greet_each_other(&mut self, a: ValidatorIndex, b: ValidatorIndex) {
        let (a, b) = (usize::from(a), usize::from(b));
        if self.nodes[a].process.is_some() && self.nodes[b].process.is_some() {
            self.answer(a, MILLI, Input::Connected(index_of(b)));
            self.answer(b, MILLI, Input::Connected(index_of(a)));
        }
    }

    /// Connections of this process come up.
    pub(super) fn greet(&mut self, node: usize) {
        for peer in 0..self.plan.nodes {
            if peer != node {
                self.greet_each_other(index_of(node), index_of(peer));
            }
        }
    }
}
