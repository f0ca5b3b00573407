//! Readings and corrections: who may say what of which period, and the declared balance of a microgrid.

use super::*;

/// How long after its period a reading is taken.
const LATE_MAX: u64 = 3 * 366 * 24 * 3_600 * 1_000;
/// Entries of a table that are forgotten in a block.
const FORGOTTEN_MAX: usize = 1_024;

impl Books {
    fn period(&self, grid: &Microgrid, start: u64) -> Result<(), Finding> {
        let end = start.saturating_add(length(grid.minutes));
        let sound = start.is_multiple_of(length(grid.minutes))
            && end <= self.time
            && self.time - end <= LATE_MAX;
        ensure!(sound, "the period at {start} is read at {}", self.time);
        Ok(())
    }

    pub(super) fn submit_meter(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (id, start) = (ask.call.u32("microgrid"), ask.call.u64("start"));
        let grid = self.microgrid(id)?;
        ensure!(ask.call.u8("minutes") == grid.minutes, "another period");
        self.period(&grid, start)?;
        let readings = ask.call.list("readings");
        ensure!(!readings.is_empty(), "nothing is read");
        for value in readings {
            let (of, quality) = value.pair();
            let (resource, energy) = of.pair();
            let (resource, energy) = (resource.u64(), energy.number());
            let quality = quality.number() as u8;
            let grid = self.resource(resource)?.microgrid;
            ensure!(grid == id, "resource {resource} is in {grid}");
            ensure!(quality < 2, "a first reading is a correction");
            let known = self.energy.readings.contains_key(&(start, resource));
            ensure!(!known, "{resource} is read twice");
            self.reading(ask, (start, resource), (energy, quality, 1), events)?;
        }
        Ok(())
    }

    pub(super) fn correct_meter(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let key = (ask.call.u64("start"), ask.call.u64("resource"));
        let grid = self.microgrid(self.resource(key.1)?.microgrid)?;
        self.period(&grid, key.0)?;
        let old = self.energy.readings.get(&key).copied();
        let (.., version) = old.ok_or("what was not read is corrected")?;
        let new = ask.call.u16("version");
        ensure!(
            u32::from(version) + 1 == u32::from(new),
            "version {new} after {version}"
        );
        let reading = (ask.call.number("energy"), ask.call.u8("quality"), new);
        self.reading(ask, key, reading, events)
    }

    fn reading(
        &mut self,
        ask: &Ask<'_>,
        key: (u64, u64),
        reading: (i128, u8, u16),
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let resource = self.resource(key.1)?;
        let reader = resource.reader;
        ensure!(reader == ask.member, "{} reads for {reader}", ask.member);
        let (energy, quality, version) = reading;
        ensure!(energy.abs() <= ENERGY_MAX, "{energy} Wh are read");
        self.energy.readings.insert(key, reading);
        let said = [
            ("resource", key.1.into()),
            ("account", resource.account.into()),
            ("start", key.0.into()),
            ("energy", energy),
            ("quality", quality.into()),
            ("version", version.into()),
        ];
        events.told("energy.MeterRead", &said)?;
        self.settle_resource(key, energy, events)?;
        if version > 1 {
            self.certificates_follow(key, energy, events)?;
        }
        Ok(())
    }

    pub(super) fn declare_balance(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (id, start) = (ask.call.u32("microgrid"), ask.call.u64("start"));
        let grid = self.operates(ask, id)?;
        self.period(&grid, start)?;
        let (exchange, loss) = (ask.call.number("exchange"), ask.call.number("loss"));
        let sound = exchange.abs() <= ENERGY_MAX && (0..=ENERGY_MAX).contains(&loss);
        ensure!(sound, "{exchange} came in and {loss} were lost");
        self.energy.declared.insert((start, id), (exchange, loss));
        let (members, _) = self.members_of_grid(start, id);
        let said = [
            ("microgrid", id.into()),
            ("account", grid.account.into()),
            ("start", start.into()),
            ("members", members),
            ("exchange", exchange),
            ("loss", loss),
            ("residual", members + exchange - loss),
        ];
        events.told("energy.BalanceDeclared", &said)?;
        Ok(())
    }

    /// Sum and number of all readings in a microgrid.
    pub(in super::super) fn members_of_grid(&self, start: u64, id: u32) -> (i128, u32) {
        let all = self.energy.readings.range((start, 0)..=(start, u64::MAX));
        let here = all.filter(|((_, meter), _)| self.energy.resources[meter].microgrid == id);
        here.fold((0, 0), |(sum, count), (_, (energy, ..))| {
            (sum + energy, count + 1)
        })
    }

    /// What a reading adds to what a storage holds.
    fn stored(&self, meter: u64, energy: i128) -> i128 {
        let resource = &self.energy.resources[&meter];
        match resource.capacity {
            0 => 0,
            _ if energy > 0 => -energy,
            _ => -energy * resource.efficiency / PPM,
        }
    }

    /// What a storage holds by all its readings.
    pub(in super::super) fn charge(&self, meter: u64) -> i128 {
        let all = self.energy.readings.iter();
        let own = all.filter(|((_, of), _)| *of == meter);
        let sum: i128 = own
            .map(|(_, (energy, ..))| self.stored(meter, *energy))
            .sum();
        self.energy.resources[&meter].held + sum
    }

    /// What can be corrected no more is forgotten.
    pub(in super::super) fn forget_old_energy(&mut self) {
        let Some(before) = self.time.checked_sub(LATE_MAX + 3_600_000) else {
            return;
        };
        let old = self
            .energy
            .readings
            .range(..(before, 0))
            .take(FORGOTTEN_MAX);
        let old: Vec<_> = old.map(|(key, (energy, ..))| (*key, *energy)).collect();
        for (key, energy) in old {
            let stored = self.stored(key.1, energy);
            self.energy.readings.remove(&key);
            if let Some(resource) = self.energy.resources.get_mut(&key.1) {
                resource.held += stored;
            }
        }
        let old = self
            .energy
            .declared
            .range(..(before, 0))
            .take(FORGOTTEN_MAX);
        let old: Vec<_> = old.map(|(key, _)| *key).collect();
        for key in old {
            self.energy.declared.remove(&key);
        }
        let old = self
            .energy
            .positions
            .range(..(before, 0, 0))
            .take(FORGOTTEN_MAX);
        let over = old.filter(|(_, one)| one.phase == SETTLED || one.phase == RELEASED);
        let old: Vec<_> = over.map(|(key, _)| *key).collect();
        for key in old {
            self.energy.positions.remove(&key);
        }
    }
}
