//! What clients do: bursts of transactions, the same one to several validators, reads of what they were told.

use std::sync::Arc;

use bds_core::turn::Input;

use super::faults::Fault;
use super::machine::TxName;
use super::random::Key;
use super::variant::Variant;
use super::world::{Event, MILLI, World, index_of, purpose};

impl World {
    /// One client: a burst of new transactions, perhaps one again to someone else, perhaps a read.
    pub(super) fn client(&mut self, client: u64) {
        let mut random = self
            .draws
            .at(purpose::CLIENT, Key(client, self.now / MILLI, 0));
        let (low, high) = self.climate.client_pause_us;
        self.schedule(random.between(low, high), Event::Client(client));
        if self.now < self.clients_until && self.now >= self.idle_until {
            let overload = self
                .faults
                .strikes(Fault::Overload, Key(client, self.now / MILLI, 0));
            let burst = if overload.is_some() {
                200
            } else {
                random.between(1, self.climate.burst_max)
            };
            for _ in 0..burst {
                let nonce = self.nonces.entry(client).or_default();
                *nonce += 1;
                let name = client << 32 | *nonce;
                let length = 16 + random.index(200);
                let Some(bytes) = self.rules.transaction(name, length) else {
                    break;
                };
                let bytes: Arc<[u8]> = bytes.into();
                let node = random.index(self.plan.nodes);
                self.submit(name, node, bytes.clone());
                let again = Key(client, self.now / MILLI, name);
                if let Some(mut random) = self.faults.strikes(Fault::Resubmit, again) {
                    let other = random.index(self.plan.nodes);
                    self.submit(name, other, bytes);
                }
            }
        }
        if let Some(name) = self
            .clients
            .any_told((random.below(3) << 32) | random.below(64))
        {
            self.read(random.index(self.plan.nodes), name);
        }
    }

    pub(super) fn submit(&mut self, name: TxName, node: usize, bytes: Arc<[u8]>) {
        let me = index_of(node);
        self.clients.submits(name);
        let room = self.nodes[node].has_room_for(bytes.len());
        if !room || self.checker.faulty.contains(&me) {
            // A liar may take it and say nothing; a client learns nothing from either.
            self.clients.refused();
            if self.checker.faulty.contains(&me) {
                self.input(node, Input::Submit(vec![bytes.into()]));
            }
            return;
        }
        // Who works on a damaged disk and has not noticed may be unable to show its own batches to anyone.
        let safe = !self.nodes[node].lost_disk;
        self.clients.accepted(name, me, safe, self.now);
        if self.plan.variant == Variant::AcceptedThenDropped
            && !self.nodes[node].has_room_for(8 * 1_024)
        {
            return;
        }
        self.input(node, Input::Submit(vec![bytes.into()]));
    }

    pub(super) fn read(&mut self, node: usize, name: TxName) {
        let me = index_of(node);
        if self.checker.faulty.contains(&me) {
            return;
        }
        let Some(core) = self.nodes[node].core() else {
            return;
        };
        let height = core.certified().min(core.executed());
        let began = self.nodes[node].began_at;
        let mut answer = self.nodes[node].places.get(&name).copied();
        if self.plan.variant == Variant::StaleRead {
            answer = answer.filter(|place| place.height < height);
        }
        if self.clients.told_at(name).is_some_and(|at| at > began) {
            self.clients
                .read(&mut self.checker, me, name, height, answer);
        }
    }
}
