//! Turns of a process: inputs in, records to the disk, and only then what the core wants done; or the process dies.

use bds_core::turn::{Effect, Input, Record, Turn};

use super::faults::Fault;
use super::variant::Variant;
use super::world::{Event, SECOND, World, index_of, purpose};

/// A validator takes at most this many inputs into one turn.
const INPUTS_PER_TURN: usize = 32;

impl World {
    /// Runs a turn if the process is free: steps, then writes; effects follow when the sync returns.
    pub(super) fn turn(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.nodes[index];
        if node.held_back.is_some() || node.is_idle() || node.process.is_none() {
            return;
        }
        if node.paused_until > now {
            return;
        }
        let clock = node.clock.shown(now, self.plan.variant);
        let me = node.index();
        let inputs = node.take_inputs(INPUTS_PER_TURN);
        let Some(process) = node.process.as_mut() else {
            return;
        };
        let core = &mut process.core;
        let mut turn = Turn::default();
        for input in inputs {
            core.step(clock, input, &mut turn);
        }
        let (view, changes) = (core.view(), core.view_changes());
        let (changing, behind) = (core.is_changing_view(), !core.is_synced());
        let accused: Vec<_> = core.evidence().map(|e| e.validator()).collect();
        self.view_changes = self.view_changes.max(changes);
        let writes = turn.writes();
        let fate = if writes {
            self.draw_disk_fate(index, changing, behind)
        } else {
            Fate::Lives
        };
        if fate == Fate::DiesBefore {
            return self.crash(index);
        }
        let variant = self.plan.variant;
        let node = &mut self.nodes[index];
        let Some(mut recording) = node.recording(variant) else {
            return;
        };
        let committed = turn.commit(&mut recording);
        let records = std::mem::take(&mut recording.records);
        node.medium.disarm();
        for fault in node.disk_faults() {
            self.faults.struck(fault);
            if fault == Fault::LostWrite || fault == Fault::Misdirected {
                self.forgets(index);
            }
        }
        // Whatever the disk says, the process must end: nothing that depends on the write may leave.
        let Ok(effects) = committed else {
            return self.crash(index);
        };
        let faulty = self.checker.faulty.contains(&me);
        // Only now: a view that was entered in a turn that never reached the disk was never seen by anyone.
        self.checker.view(me, view);
        if !faulty {
            for whom in accused {
                self.checker.accused(me, whom);
            }
            for record in &records {
                self.checker.wrote(me, record);
                if let Record::Committed(slot) = record {
                    self.checker.committed(me, slot);
                }
            }
        }
        if fate == Fate::DiesAfter {
            return self.crash(index);
        }
        // A turn without records needs no sync; a real disk takes a fraction of a millisecond.
        let mut latency = 0;
        if writes {
            let (low, high) = self.climate.sync_us;
            latency = self.chance(purpose::SYNC, index, 0).between(low, high);
            if let Some(mut random) = self.faults.strikes(Fault::SlowDisk, self.here(index)) {
                latency += random.below(SECOND);
            }
        }
        let incarnation = self.nodes[index].incarnation;
        if variant == Variant::VoteBeforeDurable {
            // The broken order: out first, durable later.
            self.nodes[index].held_back = Some(Vec::new());
            self.carry_out(index, effects);
        } else {
            self.nodes[index].held_back = Some(effects);
        }
        let event = Event::Synced {
            node: index,
            incarnation,
        };
        if latency == 0 {
            self.synced(index, incarnation);
        } else {
            self.schedule(latency, event);
        }
    }

    /// Decides what the disk does to this turn.
    fn draw_disk_fate(&mut self, index: usize, changing: bool, behind: bool) -> Fate {
        let here = self.here(index);
        let moments = [
            (changing, Fault::CrashInViewChange),
            (behind, Fault::CrashInTransfer),
        ];
        for (moment, fault) in moments {
            if moment && let Some(mut random) = self.faults.strikes_in(fault, here, 50) {
                return random.pick(&[Fate::DiesBefore, Fate::DiesAfter]);
            }
        }
        // Turns are many: a small part of the rate, or nobody would ever live.
        let may_forget = self.climate.may_forget.contains(&index_of(index));
        for (fault, parts) in [
            (Fault::CrashInIo, 20),
            (Fault::SyncFails, 10),
            (Fault::DiskFull, 10),
            (Fault::WriteFails, 10),
            (Fault::ShortWrite, 200),
            (Fault::LostWrite, 5),
            (Fault::Misdirected, 5),
        ] {
            if Fault::FORGETTING.contains(&fault) && !may_forget {
                continue;
            }
            if let Some(mut random) = self.faults.arms(fault, here, parts) {
                let calls = if fault == Fault::CrashInIo {
                    random.below(4)
                } else {
                    0
                };
                self.nodes[index].medium.arm(calls, fault);
                return Fate::Lives;
            }
        }
        Fate::Lives
    }

    /// From now on this validator may contradict what it said: its disk has lost something.
    pub(super) fn forgets(&mut self, index: usize) {
        self.checker.forgetful.insert(index_of(index));
        self.clients.owes_nothing(index_of(index));
        self.nodes[index].lost_disk = true;
    }

    pub(super) fn synced(&mut self, index: usize, incarnation: u64) {
        let node = &mut self.nodes[index];
        if node.incarnation != incarnation {
            return;
        }
        if self.plan.variant == Variant::VoteBeforeDurable && node.flush().is_err() {
            return self.crash(index);
        }
        if let Some(effects) = self.nodes[index].held_back.take() {
            self.carry_out(index, effects);
        }
        self.turn(index);
    }

    pub(super) fn carry_out(&mut self, index: usize, effects: Vec<Effect>) {
        for (ordinal, effect) in effects.into_iter().enumerate() {
            if self.nodes[index].process.is_none() {
                return;
            }
            let ordinal = u64::try_from(ordinal).unwrap_or(0);
            self.effect(index, ordinal, effect);
        }
    }

    pub(super) fn answer(&mut self, index: usize, after: u64, input: Input) {
        let incarnation = self.nodes[index].incarnation;
        self.schedule(
            after,
            Event::Local {
                node: index,
                incarnation,
                input: Box::new(input),
            },
        );
    }
}

/// What becomes of a process in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    DiesBefore,
    DiesAfter,
}
