//! Certificates written down once more, plainly: one entry for each watt hour, looked at one by one, and nothing kept that can be
//! counted.

use std::collections::BTreeMap;

use bds_contracts::Code;

const QUARTER: u64 = 900_000;
const DAY: u64 = 96 * QUARTER;
/// Eighteen months, and three years with an hour.
const LIFE: u64 = 546 * DAY;
const KEPT: u64 = 3 * 366 * DAY + 4 * QUARTER;

/// Meters by their place: a sun roof, a battery and a load of quarters; a wind mill and two others of hours. Each is the
/// account's of the same place.
pub(super) const SUN: usize = 0;
pub(super) const CELL: usize = 1;
pub(super) const WIND: usize = 3;

pub(super) fn period(meter: usize) -> u64 {
    if meter < 3 { QUARTER } else { 4 * QUARTER }
}

/// What a watt hour says: of which device it came first, what it emits, and which range put it into the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Says {
    pub(super) source: usize,
    pub(super) intensity: u64,
    pub(super) charged: Option<(u64, usize, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Held(usize),
    /// For which meter and interval, and the first of the numbers that were used with it.
    Used(usize, u64, u64),
    Void,
    Expired,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) state: State,
    pub(super) says: Says,
}

/// What an interval and device have beside numbered watt hours.
#[derive(Debug, Clone, Default)]
pub(super) struct Interval {
    pub(super) units: Vec<Unit>,
    pub(super) paid: i64,
    pub(super) withheld: i64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Naive {
    pub(super) now: u64,
    pub(super) intensity: [u64; 6],
    pub(super) shut: [bool; 6],
    pub(super) claimant: [Option<usize>; 6],
    /// Energy and version by start and meter.
    pub(super) readings: BTreeMap<(u64, usize), (i64, u16)>,
    pub(super) intervals: BTreeMap<(u64, usize), Interval>,
    /// What went into the battery, by start, device and first number.
    pub(super) charges: BTreeMap<(u64, usize, u64), Charge>,
    /// What intervals that are forgotten left of debts.
    pub(super) forgotten: [i64; 6],
}

/// Whose it is, what can still come out, what that emits, and when it went in.
pub(super) type Charge = (usize, i64, u64, u64);

type Done = Result<(), Code>;
/// Start, device, first and last number.
pub(super) type Part = (u64, usize, u64, u64);

fn when(is: bool, code: Code) -> Done {
    if is { Err(code) } else { Ok(()) }
}

impl Naive {
    fn given(&self, start: u64, meter: usize) -> i64 {
        self.readings
            .get(&(start, meter))
            .map_or(0, |read| read.0.max(0))
    }

    fn taken(&self, start: u64, meter: usize) -> i64 {
        self.readings
            .get(&(start, meter))
            .map_or(0, |read| (-read.0).max(0))
    }

    fn live(interval: &Interval) -> i64 {
        let live = interval
            .units
            .iter()
            .filter(|unit| matches!(unit.state, State::Held(_) | State::Used(..)));
        live.count() as i64
    }

    pub(super) fn over(&self, key: (u64, usize)) -> i64 {
        let Some(interval) = self.intervals.get(&key) else {
            return 0;
        };
        let all = Self::live(interval) + interval.paid + interval.withheld;
        (all - self.given(key.0, key.1)).max(0)
    }

    pub(super) fn debt(&self, device: usize) -> i64 {
        let own = self.intervals.iter().filter(|((_, id), _)| *id == device);
        let own = own.map(|(key, interval)| self.over(*key) - interval.paid);
        own.sum::<i64>() + self.forgotten[device]
    }

    pub(super) fn claimed(&self, start: u64, meter: usize) -> (i64, u128) {
        let units = self.intervals.values().flat_map(|interval| &interval.units);
        let mine = units
            .filter(|unit| matches!(unit.state, State::Used(m, s, _) if (m, s) == (meter, start)));
        let (mut count, mut emitted) = (0, 0);
        for unit in mine {
            count += 1;
            emitted += u128::from(unit.says.intensity);
        }
        (count, emitted)
    }

    /// Time goes on.
    pub(super) fn begin(&mut self, now: u64) {
        self.now = now;
        for ((start, _), interval) in &mut self.intervals {
            for unit in &mut interval.units {
                if start + LIFE <= now && matches!(unit.state, State::Held(_)) {
                    unit.state = State::Expired;
                }
            }
        }
        let old: Vec<(u64, usize)> = self.intervals.keys().copied().collect();
        for key in old.into_iter().filter(|(start, _)| start + KEPT < now) {
            let paid = self.intervals[&key].paid;
            self.forgotten[key.1] += self.over(key) - paid;
            self.intervals.remove(&key);
        }
        self.readings.retain(|(start, _), _| start + KEPT >= now);
        self.charges.retain(|(start, ..), _| start + KEPT >= now);
    }

    pub(super) fn read(&mut self, start: u64, meter: usize, energy: i64) -> Done {
        when(start + period(meter) > self.now, Code::READING_INVALID)?;
        when(
            self.readings.contains_key(&(start, meter)),
            Code::READING_EXISTS,
        )?;
        self.readings.insert((start, meter), (energy, 1));
        Ok(())
    }

    pub(super) fn correct(&mut self, start: u64, meter: usize, version: u16, energy: i64) -> Done {
        when(start + period(meter) > self.now, Code::READING_INVALID)?;
        let old = self.readings.get(&(start, meter)).copied();
        let old = old.ok_or(Code::UNKNOWN_READING)?;
        when(old.1 + 1 != version, Code::READING_VERSION)?;
        self.readings.insert((start, meter), (energy, version));
        while self.over((start, meter)) > 0 {
            let interval = self.intervals.get_mut(&(start, meter)).unwrap();
            let mut held = interval.units.iter_mut().rev();
            match held.find(|unit| matches!(unit.state, State::Held(_))) {
                Some(unit) => unit.state = State::Void,
                None => break,
            }
        }
        Ok(())
    }

    fn room(&self, start: u64, meter: usize, energy: i64) -> Done {
        when(start + LIFE <= self.now, Code::CERTIFICATE_EXPIRED)?;
        when(
            !self.readings.contains_key(&(start, meter)),
            Code::UNKNOWN_READING,
        )?;
        let interval = self
            .intervals
            .get(&(start, meter))
            .cloned()
            .unwrap_or_default();
        let used = Self::live(&interval) + interval.paid + interval.withheld;
        let free = self.given(start, meter) - used;
        when(energy <= 0 || energy > free, Code::PRODUCTION_EXCEEDED)
    }

    fn give_out(&mut self, start: u64, meter: usize, energy: i64, to: usize, says: Says) {
        for _ in 0..energy {
            let owes = self.debt(meter) > 0;
            let interval = self.intervals.entry((start, meter)).or_default();
            if owes {
                interval.paid += 1;
            } else {
                let state = State::Held(to);
                interval.units.push(Unit { state, says });
            }
        }
    }

    pub(super) fn issue(&mut self, start: u64, device: usize, energy: i64) -> Done {
        when(![SUN, CELL, WIND].contains(&device), Code::UNKNOWN_DEVICE)?;
        when(device == CELL, Code::DEVICE_INVALID)?;
        self.room(start, device, energy)?;
        let says = Says {
            source: device,
            intensity: self.intensity[device],
            charged: None,
        };
        self.give_out(start, device, energy, device, says);
        Ok(())
    }

    pub(super) fn withhold(&mut self, start: u64, device: usize, energy: i64) -> Done {
        when(![SUN, CELL, WIND].contains(&device), Code::UNKNOWN_DEVICE)?;
        self.room(start, device, energy)?;
        self.intervals.entry((start, device)).or_default().withheld += energy;
        Ok(())
    }

    /// Whether one account holds all of it, and it says one thing.
    fn holds(&self, who: usize, part: Part) -> Done {
        let (start, device, first, last) = part;
        let none = Err(Code::NOT_HELD);
        let Some(interval) = self.intervals.get(&(start, device)) else {
            return none;
        };
        let mut says = None;
        for number in first..=last {
            match interval.units.get(number as usize - 1) {
                Some(unit) if unit.state == State::Held(who) => {
                    if says.is_some_and(|says| says != unit.says) {
                        return none;
                    }
                    says = Some(unit.says);
                }
                _ => return none,
            }
        }
        Ok(())
    }

    fn rising(parts: &[Part]) -> Done {
        let mut last = (0, 0, 0);
        for (start, device, first, end) in parts {
            when(*first == 0 || first > end, Code::RANGE_INVALID)?;
            when((*start, *device, *first) <= last, Code::RANGE_INVALID)?;
            last = (*start, *device, *end);
        }
        Ok(())
    }

    pub(super) fn transfer(&mut self, from: usize, to: usize, parts: &[Part]) -> Done {
        when(self.shut[from], Code::ACCOUNT_NOT_OPEN)?;
        when(from == to, Code::SAME_ACCOUNT)?;
        Self::rising(parts)?;
        for part in parts {
            when(part.0 + LIFE <= self.now, Code::CERTIFICATE_EXPIRED)?;
            self.holds(from, *part)?;
        }
        for part in parts {
            self.each(*part, |unit| unit.state = State::Held(to));
        }
        Ok(())
    }

    fn each(&mut self, (start, device, first, last): Part, change: impl Fn(&mut Unit)) {
        let units = &mut self.intervals.get_mut(&(start, device)).unwrap().units;
        for number in first..=last {
            change(&mut units[number as usize - 1]);
        }
    }

    pub(super) fn set_claimant(&mut self, meter: usize, who: Option<usize>) -> Done {
        when(self.shut[meter], Code::ACCOUNT_NOT_OPEN)?;
        self.claimant[meter] = who;
        Ok(())
    }

    /// For a consumption, or into the battery.
    pub(super) fn claim(
        &mut self,
        who: usize,
        meter: usize,
        interval: u64,
        parts: &[Part],
        charges: bool,
    ) -> Done {
        when(self.shut[who], Code::ACCOUNT_NOT_OPEN)?;
        if charges {
            let known = [SUN, CELL, WIND].contains(&meter);
            when(!known, Code::UNKNOWN_DEVICE)?;
            when(meter != CELL, Code::DEVICE_INVALID)?;
        }
        when(
            who != meter && self.claimant[meter] != Some(who),
            Code::NOT_CLAIMANT,
        )?;
        Self::rising(parts)?;
        when(
            !self.readings.contains_key(&(interval, meter)),
            Code::UNKNOWN_READING,
        )?;
        let mut sum = 0;
        for (start, device, first, last) in parts {
            when(start + LIFE <= self.now, Code::CERTIFICATE_EXPIRED)?;
            let own: Vec<u64> = (*start..start + period(*device))
                .step_by(QUARTER as usize)
                .collect();
            let mut its = (interval..interval + period(meter)).step_by(QUARTER as usize);
            when(
                !its.any(|quarter| own.contains(&quarter)),
                Code::INTERVAL_INVALID,
            )?;
            self.holds(who, (*start, *device, *first, *last))?;
            sum += (last - first + 1) as i64;
        }
        let left = self.taken(interval, meter) - self.claimed(interval, meter).0;
        when(sum > left, Code::CONSUMPTION_EXCEEDED)?;
        let mut stored = Vec::new();
        for (start, device, first, last) in parts.iter().filter(|_| charges) {
            let count = last - first + 1;
            // Nine tenths, whole watt hours of it; and what was emitted for all of them, for each so many or one more.
            let left = count - count.div_ceil(10);
            when(left == 0, Code::NOT_STORED)?;
            let says = self.intervals[&(*start, *device)].units[*first as usize - 1].says;
            let emitted = says.intensity * count;
            let each = emitted / left + u64::from(!emitted.is_multiple_of(left));
            when(each > 10_000_000, Code::NOT_STORED)?;
            stored.push((
                (*start, *device, *first),
                (who, left as i64, each, interval),
            ));
        }
        self.charges.extend(stored);
        for part in parts {
            self.each(*part, |unit| {
                unit.state = State::Used(meter, interval, part.2)
            });
        }
        Ok(())
    }

    pub(super) fn discharge(
        &mut self,
        who: usize,
        key: (u64, usize, u64),
        start: u64,
        energy: i64,
    ) -> Done {
        when(self.shut[who], Code::ACCOUNT_NOT_OPEN)?;
        let charge = self.charges.get(&key).copied().filter(|one| one.0 == who);
        let (_, left, intensity, interval) = charge.ok_or(Code::NOT_STORED)?;
        when(key.0 + LIFE <= self.now, Code::CERTIFICATE_EXPIRED)?;
        when(start <= interval, Code::INTERVAL_INVALID)?;
        self.room(start, CELL, energy)?;
        when(energy > left, Code::NOT_STORED)?;
        self.charges.get_mut(&key).unwrap().1 -= energy;
        let source = self.intervals[&(key.0, key.1)].units[key.2 as usize - 1]
            .says
            .source;
        let says = Says {
            source,
            intensity,
            charged: Some(key),
        };
        self.give_out(start, CELL, energy, who, says);
        Ok(())
    }
}
