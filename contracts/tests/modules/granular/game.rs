//! Random readings, corrections, issues, transfers, claims and storage: each is told to the ledger and to the second implementation.

use std::collections::BTreeMap;

use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::module::Module;
use bds_contracts::tx::{ChainId, PublicKey};

use super::super::stage::Random;
use super::naive::{self, Naive, Part, State, period};
use super::*;

const DAY: u64 = 24 * HOUR;

pub(super) struct Game {
    pub(super) stage: Stage,
    pub(super) naive: Naive,
    random: Random,
    keys: BTreeMap<Who, PublicKey>,
    nonces: BTreeMap<Who, u64>,
    pub(super) txs: Vec<Vec<u8>>,
    pub(super) expected: Vec<(String, Result<(), Code>)>,
    pub(super) done: BTreeMap<&'static str, u32>,
    pub(super) told: BTreeMap<&'static str, u32>,
}

pub(super) fn place(meter: ResourceId) -> usize {
    METERS
        .iter()
        .position(|one| *one == meter)
        .expect("a meter")
}

pub(super) fn sources(place: usize) -> Source {
    [Source::Solar, Source::Storage, Source::Other, Source::Wind][place.min(3)]
}

impl Game {
    pub(super) fn new(seed: u64) -> Self {
        let mut stage = fields();
        stage.execute(&[]);
        let who = [
            Who::Anna,
            Who::Bert,
            Who::Administrator,
            Who::Verifier,
            Who::Regulator,
        ];
        let member = |who: &Who| stage.machine.member(&who.key()).expect("a member");
        let nonces = who.iter().map(|who| (*who, member(who).nonces.floor()));
        let mut naive = Naive {
            now: stage.machine.block().time.0,
            ..Naive::default()
        };
        naive.intensity[naive::SUN] = SUN_INTENSITY.into();
        naive.intensity[naive::WIND] = WIND_INTENSITY.into();
        Self {
            nonces: nonces.collect(),
            stage,
            naive,
            random: Random(seed),
            keys: who.iter().map(|who| (*who, who.key())).collect(),
            txs: Vec::new(),
            expected: Vec::new(),
            done: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    fn push<M: Module>(
        &mut self,
        name: &'static str,
        who: Who,
        call: &M::Call<'_>,
        sound: Result<(), Code>,
    ) where
        for<'a> M::Call<'a>: std::fmt::Debug,
    {
        let nonce = self.nonces.get_mut(&who).expect("a player");
        let draft = Draft::new(ChainId([7; 32]), self.keys[&who], *nonce).call::<M>(call);
        *nonce += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        self.txs.push(bytes);
        self.expected.push((format!("{call:?}"), sound));
        *self.done.entry(name).or_default() += u32::from(sound.is_ok());
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn account(&mut self) -> usize {
        self.below(6) as usize
    }

    /// An interval of the meter: mostly of the last two hours, rarely one that is not over.
    fn start(&mut self, meter: usize) -> u64 {
        let back = match self.below(30) {
            0 => 0,
            1 => 40,
            _ => 1 + self.below(if meter < 3 { 7 } else { 2 }),
        };
        (self.naive.now / period(meter)).saturating_sub(back) * period(meter)
    }

    fn device(&mut self) -> usize {
        [
            naive::SUN,
            naive::SUN,
            naive::SUN,
            naive::WIND,
            naive::WIND,
            naive::CELL,
            2,
        ][self.below(7) as usize]
    }

    pub(super) fn time(&mut self) {
        let step = match self.below(150) {
            0 => 150 * DAY,
            1 => 2 * DAY,
            2..20 => HOUR,
            _ => 1_000 * (1 + self.below(300)),
        };
        let mut now = self.stage.machine.block().time.0 + step;
        // All that is over goes at once where nothing else happens.
        let blocks = if step > DAY { 6 } else { 0 };
        for _ in 0..blocks {
            wait(&mut self.stage, now);
            self.count_events();
            now += 1_000;
        }
        wait(&mut self.stage, now);
        self.naive.begin(now);
    }

    fn count_events(&mut self) {
        let outcome = self.stage.execute(&[]);
        for event in events(&outcome) {
            assert!(matches!(event, Event::Expired { .. }));
            *self.told.entry("expired").or_default() += 1;
        }
    }

    fn read(&mut self, corrects: bool) {
        let meter = [0, 0, 1, 1, 2, 2, 3, 4, 4, 5][self.below(10) as usize];
        let start = self.start(meter);
        let (start, meter, used) = match self.used() {
            Some(found) if corrects && self.below(2) == 0 => found,
            _ => (start, meter, 0),
        };
        let size = self.below(50) as i64;
        let energy = match (meter, self.below(10)) {
            (naive::SUN | naive::WIND, 1..) | (_, 0) => 2 * size,
            (naive::CELL | 5, 1..4) => size,
            _ => -2 * size,
        };
        // Less than was used already.
        let energy = if used > 0 {
            self.below(used) as i64
        } else {
            energy
        };
        let last = self
            .naive
            .readings
            .get(&(start, meter))
            .map_or(0, |read| read.1);
        if corrects {
            let version = last + 1 + u16::from(self.below(30) == 0);
            let call = energy::Call::CorrectMeter {
                resource: METERS[meter],
                start: Millis(start),
                version,
                energy: WattHours(energy),
                quality: Quality::Corrected,
            };
            let sound = self.naive.correct(start, meter, version, energy);
            self.push::<Energy>("correct", Who::Verifier, &call, sound);
            return;
        }
        let readings = [((METERS[meter], WattHours(energy)), Quality::Measured)];
        let call = energy::Call::SubmitMeter {
            microgrid: grid_of(METERS[meter]),
            start: Millis(start),
            minutes: if meter < 3 {
                Minutes::Fifteen
            } else {
                Minutes::Sixty
            },
            readings: List::Items(&readings),
        };
        let sound = self.naive.read(start, meter, energy);
        self.push::<Energy>("read", Who::Verifier, &call, sound);
    }

    /// An interval of late of which numbers were used, and how many.
    fn used(&mut self) -> Option<(u64, usize, u64)> {
        let since = self.naive.now.saturating_sub(3 * HOUR);
        let recent = self.naive.intervals.range((since, 0)..);
        let used = recent.filter_map(|((start, device), interval)| {
            let all = interval.units.iter();
            let used = all.filter(|unit| matches!(unit.state, State::Used(..)));
            let count = used.count() as u64;
            (count > 0).then_some((*start, *device, count))
        });
        let used: Vec<(u64, usize, u64)> = used.collect();
        (!used.is_empty()).then(|| used[self.below(used.len() as u64) as usize])
    }

    fn issue(&mut self) {
        let device = self.device();
        let start = self.start(device);
        let energy = self.below(30) as i64;
        let shares = [(METERS[device], WattHours(energy))];
        let sound = self.naive.issue(start, device, energy);
        self.push::<Granular>("issue", Who::Administrator, &issue(start, &shares), sound);
    }

    fn withhold(&mut self) {
        let device = self.device();
        let start = self.start(device);
        let energy = self.below(6) as i64;
        let call = Call::Withhold {
            issuer: ISSUER,
            device: METERS[device],
            start: Millis(start),
            energy: WattHours(energy),
        };
        let sound = self.naive.withhold(start, device, energy);
        self.push::<Granular>("withhold", Who::Administrator, &call, sound);
    }

    /// A run of numbers of the last intervals that this account holds, or whoever has the first that is found; or any.
    fn part(&mut self, of: Option<usize>) -> (usize, Part) {
        let since = self.naive.now.saturating_sub(3 * HOUR);
        let recent = self.naive.intervals.range((since, 0)..);
        let held = recent.flat_map(|(key, interval)| {
            let units = (1..).zip(&interval.units);
            units.filter_map(|(number, unit)| match unit.state {
                State::Held(who) if of.is_none_or(|of| of == who) => Some((*key, number, who)),
                _ => None,
            })
        });
        let held: Vec<((u64, usize), u64, usize)> = held.collect();
        if held.is_empty() {
            let start = self.start(naive::SUN);
            let part = (start, naive::SUN, self.below(20), self.below(20));
            return (of.unwrap_or(naive::SUN), part);
        }
        let ((start, device), first, who) = held[self.below(held.len() as u64) as usize];
        (who, (start, device, first, first + self.below(6)))
    }

    /// One part or two, mostly of one owner and in their order.
    fn parts(&mut self, of: Option<usize>) -> (usize, Vec<Part>) {
        let (who, part) = self.part(of);
        let mut parts = vec![part];
        if self.below(3) == 0 {
            let other = (self.below(8) > 0).then_some(who);
            parts.push(self.part(other).1);
        }
        if self.below(8) > 0 {
            parts.sort();
        }
        let who = if self.below(20) == 0 {
            self.account()
        } else {
            who
        };
        (who, parts)
    }

    /// Whoever may claim for a meter.
    fn claimant(&mut self, meter: usize) -> usize {
        let named = self.below(2) == 0;
        match self.naive.claimant[meter] {
            Some(who) if named => who,
            _ => meter,
        }
    }

    fn transfer(&mut self) {
        let (from, parts) = self.parts(None);
        let to = match self.below(4) {
            0 => self.account(),
            1 => self.claimant(naive::CELL),
            2 => self.claimant(2),
            _ => self.claimant(4),
        };
        let ranges = ranged(&parts);
        let sound = self.naive.transfer(from, to, &parts);
        let call = transfer(P[from], P[to], &ranges);
        self.push::<Granular>("transfer", holder(P[from]), &call, sound);
    }

    fn claim(&mut self, charges: bool) {
        let meter = match self.below(12) {
            0 => self.account(),
            _ if charges => naive::CELL,
            1..6 => 2,
            _ => 4,
        };
        let who = self.claimant(meter);
        let (who, parts) = self.parts(Some(who));
        // Mostly the interval in which it was produced.
        let interval = if self.below(10) == 0 {
            self.start(meter)
        } else {
            parts[0].0 / period(meter) * period(meter)
        };
        let ranges = ranged(&parts);
        let sound = self.naive.claim(who, meter, interval, &parts, charges);
        let call = if charges {
            Call::Charge {
                account: P[who],
                storage: METERS[meter],
                interval: Millis(interval),
                ranges: List::Items(&ranges),
            }
        } else {
            claim(P[who], METERS[meter], interval, &ranges)
        };
        let name = if charges { "charge" } else { "claim" };
        self.push::<Granular>(name, holder(P[who]), &call, sound);
    }

    fn discharge(&mut self) {
        let all: Vec<_> = self
            .naive
            .charges
            .iter()
            .map(|(key, one)| (*key, one.0))
            .collect();
        let Some(last) = all.len().checked_sub(1) else {
            return;
        };
        let back = self.below(6.min(all.len() as u64)) as usize;
        let (key, who) = all[last - back];
        let who = if self.below(20) == 0 {
            self.account()
        } else {
            who
        };
        let start = self.start(naive::CELL);
        let energy = self.below(6) as i64;
        let sound = self.naive.discharge(who, key, start, energy);
        let call = Call::Discharge {
            account: P[who],
            charged: (Millis(key.0), METERS[key.1]),
            first: key.2,
            start: Millis(start),
            energy: WattHours(energy),
        };
        self.push::<Granular>("discharge", holder(P[who]), &call, sound);
    }

    fn set_claimant(&mut self) {
        let meter = self.account();
        let who = (self.below(5) > 0).then(|| self.account());
        let sound = self.naive.set_claimant(meter, who);
        let call = set_claimant(METERS[meter], who.map(|who| P[who]));
        self.push::<Granular>("claimant", holder(P[meter]), &call, sound);
    }

    fn enrol(&mut self) {
        let device = [naive::SUN, naive::WIND][self.below(2) as usize];
        let intensity = [0, 40_000, 900_000, 40_000, 0, 9_999_999][self.below(6) as usize];
        self.naive.intensity[device] = intensity.into();
        let call = enrol(METERS[device], sources(device), intensity);
        self.push::<Granular>("enrol", Who::Administrator, &call, Ok(()));
    }

    fn status(&mut self) {
        let who = self.account();
        let shut = !self.naive.shut[who] && self.below(4) == 0;
        self.naive.shut[who] = shut;
        let call = identity::Call::SetStatus {
            account: P[who],
            status: if shut {
                AccountStatus::Blocked
            } else {
                AccountStatus::Open
            },
            reason: "",
        };
        self.push::<Identity>("status", Who::Regulator, &call, Ok(()));
    }

    pub(super) fn command(&mut self) {
        match self.below(100) {
            0..20 => self.read(false),
            20..27 => self.read(true),
            27..43 => self.issue(),
            43..45 => self.withhold(),
            45..63 => self.transfer(),
            63..76 => self.claim(false),
            76..88 => self.claim(true),
            88..97 => self.discharge(),
            97..98 => self.set_claimant(),
            98 => self.enrol(),
            _ => self.status(),
        }
    }
}

fn ranged(parts: &[Part]) -> Vec<Ranged> {
    let all = parts.iter();
    all.map(|(start, device, first, last)| range(METERS[*device], *start, *first, *last))
        .collect()
}
