//! What strikes the whole network or a whole validator: partitions, slow and standing links, crashes, pauses, clocks, disks,
//! quiet hours. Decided every 50 ms, each kind at its own place.

use std::path::Path;

use bds_contracts::block::ValidatorIndex;
use bds_node::store::{LEDGER_DIR, VOTES_DIR};

use super::faults::Fault;
use super::node::HOME;
use super::random::{Key, Random};
use super::world::{Event, MILLI, SECOND, World, index_of};

/// Between two looks at the weather.
pub(super) const WEATHER_EVERY: u64 = 50 * MILLI;

impl World {
    /// Everything that changes with the weather.
    pub(super) fn weather(&mut self) {
        self.schedule(WEATHER_EVERY, Event::Weather);
        let lies = self.coalition.spontaneous(self.now, &mut self.faults);
        self.send_lies(lies);
        for liar in self.coalition.restarts(self.now, &mut self.faults) {
            self.crash(usize::from(liar));
            self.nodes[usize::from(liar)].empty_disk();
        }
        self.bring_back();
        if self.cut_until > 0 && self.now >= self.cut_until {
            self.reconnect();
        }
        if !self.faults.active {
            return;
        }
        self.flap();
        let tick = Key(0, self.now / MILLI, 0);
        if self.cut_until == 0 {
            self.split(tick);
        }
        self.slow_links(tick);
        self.processes(tick);
        self.clocks(tick);
        self.disks(tick);
        if let Some(mut random) = self.faults.strikes_in(Fault::Idle, tick, 200) {
            self.idle_until = self.now + random.below(5 * SECOND);
        }
    }

    fn everyone(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        (0..self.plan.nodes).map(index_of)
    }

    /// At most one split of the network at a time.
    fn split(&mut self, tick: Key) {
        let n = self.plan.nodes;
        for fault in [
            Fault::EvenSplit,
            Fault::Partition,
            Fault::Asymmetric,
            Fault::Isolate,
            Fault::Bridge,
            Fault::Flapping,
        ] {
            let Some(mut random) = self.faults.strikes_in(fault, tick, 500) else {
                continue;
            };
            let victim = random.index(n);
            let side = sides(fault, n, victim, &mut random);
            let outward = random.chance(500);
            let mut cuts = Vec::new();
            for from in 0..n {
                for to in 0..n {
                    let cut = match fault {
                        Fault::Asymmetric => {
                            let end = if outward { from } else { to };
                            end == victim && from != to && random.chance(700)
                        }
                        Fault::Bridge => side[from] != side[to] && from != victim && to != victim,
                        _ => side[from] != side[to],
                    };
                    if cut {
                        cuts.push((index_of(from), index_of(to)));
                    }
                }
            }
            for (from, to) in &cuts {
                self.network.set_cut(*from, *to, true);
            }
            self.cut_until = self.now + 1 + random.below(3 * SECOND);
            if fault == Fault::Flapping {
                self.flapping = Some(cuts);
            }
            return;
        }
    }

    /// A flapping split comes and goes at every look.
    fn flap(&mut self) {
        let Some(cuts) = self.flapping.take() else {
            return;
        };
        let cut = (self.now / WEATHER_EVERY).is_multiple_of(2);
        for (from, to) in &cuts {
            self.network.set_cut(*from, *to, cut);
            if !cut {
                self.greet_each_other(*from, *to);
            }
        }
        self.flapping = Some(cuts);
    }

    fn reconnect(&mut self) {
        self.cut_until = 0;
        self.flapping = None;
        for from in self.everyone() {
            for to in self.everyone() {
                self.network.set_cut(from, to, false);
            }
        }
        for node in 0..self.plan.nodes {
            self.greet(node);
        }
    }

    fn slow_links(&mut self, tick: Key) {
        let n = self.plan.nodes;
        if let Some(mut random) = self.faults.strikes(Fault::Clog, tick) {
            let (from, to) = (index_of(random.index(n)), index_of(random.index(n)));
            // What waits leaves when the link moves again.
            let until = self.now + random.below(5 * SECOND);
            self.network.clog(from, to, until);
        }
        if let Some(mut random) = self.faults.strikes(Fault::SlowLink, tick) {
            let (from, to) = (index_of(random.index(n)), index_of(random.index(n)));
            let pace = if random.chance(300) {
                None
            } else {
                Some(random.between(2, 64))
            };
            self.network.set_pace(from, to, pace);
        }
    }

    fn processes(&mut self, tick: Key) {
        let n = self.plan.nodes;
        if let Some(mut random) = self.faults.strikes(Fault::Crash, tick) {
            self.crash(random.index(n));
        }
        if let Some(mut random) = self.faults.strikes(Fault::Pause, tick) {
            let victim = random.index(n);
            let pause = random.below(2 * SECOND);
            let node = &mut self.nodes[victim];
            node.paused_until = node.paused_until.max(self.now + pause);
            let wait = node.paused_until - self.now;
            self.schedule(wait, Event::Resume(victim));
        }
        if let Some(mut random) = self.faults.arms(Fault::Away, tick, 300) {
            let victim = random.index(n);
            let others_up = (0..n).all(|i| i == victim || self.nodes[i].away_until.is_none());
            if others_up {
                let limit = u64::try_from(self.climate.fetch_slots_max).unwrap_or(1);
                let distance = random.pick(&[1, limit - 1, limit, limit + 1, 10 * limit]);
                self.nodes[victim].away_until = Some(self.checker.height() + distance);
                if self.nodes[victim].process.is_some() {
                    self.stop(victim);
                }
                // Away and emptied: everything must come from the others.
                let may_forget = self.climate.may_forget.contains(&index_of(victim));
                if may_forget && self.faults.has(Fault::EmptyDisk) && random.chance(500) {
                    self.forgets(victim);
                    self.nodes[victim].empty_disk();
                    self.faults.struck(Fault::EmptyDisk);
                }
            }
        }
    }

    /// Who was away for long enough comes back.
    fn bring_back(&mut self) {
        for index in 0..self.plan.nodes {
            let height = self.checker.height();
            if self.nodes[index]
                .away_until
                .is_some_and(|until| height >= until)
            {
                self.nodes[index].away_until = None;
                self.faults.struck(Fault::Away);
                self.restart(index);
            }
        }
    }

    fn clocks(&mut self, tick: Key) {
        let n = self.plan.nodes;
        if let Some(mut random) = self.faults.strikes(Fault::ClockSkew, tick) {
            let victim = random.index(n);
            let offset = i64::try_from(random.below(4_000)).unwrap_or(0) - 2_000;
            self.nodes[victim].clock.offset = offset;
        }
        if let Some(mut random) = self.faults.strikes_in(Fault::ClockJump, tick, 200) {
            let victim = random.index(n);
            let jump = i64::try_from(random.between(60_000, 120_000)).unwrap_or(0);
            let jump = if random.chance(500) { jump } else { -jump };
            self.nodes[victim].clock.offset += jump;
        }
        if let Some(mut random) = self.faults.strikes(Fault::ClockStop, tick) {
            let victim = random.index(n);
            let until = self.now + random.below(3 * SECOND);
            self.nodes[victim].clock.stopped = Some((self.now, until));
        }
    }

    /// Damage to disks of those that may forget.
    fn disks(&mut self, tick: Key) {
        let members: Vec<_> = self.climate.may_forget.iter().copied().collect();
        if members.is_empty() {
            return;
        }
        if let Some(mut random) = self.faults.arms(Fault::BitFlip, tick, 200) {
            let victim = usize::from(random.pick(&members));
            let dir = Path::new(HOME).join(random.pick(&[LEDGER_DIR, VOTES_DIR]));
            if self.nodes[victim].medium.flip(&mut random, &dir) {
                self.faults.struck(Fault::BitFlip);
                self.forgets(victim);
            }
        }
        if let Some(mut random) = self.faults.strikes_in(Fault::EmptyDisk, tick, 200) {
            let victim = usize::from(random.pick(&members));
            self.forgets(victim);
            self.crash(victim);
            self.nodes[victim].empty_disk();
        }
        if self.faults.has(Fault::Rollback) {
            let mut random = self.draws.at(super::world::purpose::CRASH, tick);
            let victim = usize::from(random.pick(&members));
            if self.nodes[victim].image.is_none() && !self.nodes[victim].lost_disk {
                self.nodes[victim].image = Some(self.nodes[victim].medium.image());
            } else if self.nodes[victim].image.is_some()
                && self.faults.strikes_in(Fault::Rollback, tick, 200).is_some()
            {
                self.forgets(victim);
                self.crash(victim);
                self.nodes[victim].roll_back();
            }
        }
    }
}

/// Which side each validator is on.
fn sides(fault: Fault, n: usize, victim: usize, random: &mut Random) -> Vec<bool> {
    match fault {
        Fault::EvenSplit => {
            let mut side = vec![false; n];
            let mut left = n / 2;
            // Any half: each validator is taken with the odds that leave the count right.
            for (at, place) in side.iter_mut().enumerate() {
                let open = u64::try_from(n - at).unwrap_or(1);
                if random.below(open) < u64::try_from(left).unwrap_or(0) {
                    *place = true;
                    left -= 1;
                }
            }
            side
        }
        Fault::Isolate => (0..n).map(|i| i == victim).collect(),
        _ => (0..n).map(|_| random.chance(500)).collect(),
    }
}
