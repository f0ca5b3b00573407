//! Processes that die and start again from what their disks kept.

use bds_core::turn::Input;

use super::faults::Fault;
use super::world::{Event, MILLI, SECOND, World, index_of, purpose};

impl World {
    /// The process dies. It comes back after a while, unless it is to stay away.
    pub(super) fn crash(&mut self, index: usize) {
        if self.nodes[index].process.is_none() {
            return;
        }
        self.stop(index);
        if self.nodes[index].away_until.is_none() {
            let down = self.chance(purpose::DOWN, index, 0).below(2 * SECOND);
            self.schedule(down, Event::Restart(index));
        }
    }

    pub(super) fn stop(&mut self, index: usize) {
        let me = index_of(index);
        self.nodes[index].stop();
        self.network.drop_queues(me);
        self.clients.died(me);
        let mut random = self.chance(purpose::CRASH, index, 0);
        let (torn, names) = (
            self.faults.has(Fault::TornWrite),
            self.faults.has(Fault::LostName),
        );
        let (tore, undone) = self.nodes[index].medium.crash(&mut random, torn, names);
        if tore {
            self.faults.struck(Fault::TornWrite);
        }
        if undone {
            self.faults.struck(Fault::LostName);
        }
    }

    pub(super) fn restart(&mut self, index: usize) {
        if self.nodes[index].process.is_some() || self.nodes[index].away_until.is_some() {
            return;
        }
        let here = self.here(index);
        let mut armed = false;
        if let Some(mut random) = self.faults.arms(Fault::CrashInRecovery, here, 1_000) {
            let calls = random.below(20);
            self.nodes[index].medium.arm(calls, Fault::CrashInRecovery);
            armed = true;
        } else if let Some(mut random) = self.faults.arms(Fault::ReadFails, here, 500) {
            let calls = random.below(8);
            self.nodes[index].medium.arm(calls, Fault::ReadFails);
            armed = true;
        }
        let machine = self.rules.genesis(index_of(index));
        let (now, variant) = (self.now, self.plan.variant);
        let started = self.nodes[index].start(now, machine, variant);
        self.nodes[index].medium.disarm();
        let struck = self.nodes[index].disk_faults();
        for fault in &struck {
            self.faults.struck(*fault);
        }
        match started {
            Ok((from_snapshot, _torn)) => {
                if from_snapshot {
                    self.faults.struck(Fault::Snapshot);
                }
                self.answer(index, 0, Input::Tick);
                self.greet(index);
            }
            Err(_) if armed && !struck.is_empty() => {
                // Died once more, or could not read: again in a moment.
                let me = index_of(index);
                self.stop(index);
                debug_assert!(self.nodes[usize::from(me)].process.is_none());
                self.schedule(200 * MILLI, Event::Restart(index));
            }
            Err(problem) => {
                if self.nodes[index].lost_disk {
                    // What the message asks the operator to do, without a backup.
                    self.nodes[index].empty_disk();
                    self.schedule(100 * MILLI, Event::Restart(index));
                } else if !self.checker.faulty.contains(&index_of(index)) {
                    self.checker.fail(format!(
                        "store: validator {index} does not start after a crash: {problem}"
                    ));
                }
            }
        }
    }
}
