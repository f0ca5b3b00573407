//! What must hold after every block: invariants E4, E5, E6 and E10. E7 is a sum of the books, and E9 is held with all other money.

use super::*;

impl Books {
    pub(in super::super) fn plants_are_sound(&self) -> Result<(), Finding> {
        self.plants_have_what_they_require()?;
        self.resources_do_what_they_can()?;
        for (meter, resource) in &self.energy.resources {
            let charge = self.charge(*meter);
            let fits = (0..=resource.capacity).contains(&charge);
            ensure!(
                fits,
                "storage {meter} holds {charge} of {}",
                resource.capacity
            );
        }
        for ((start, meter, session), one) in &self.energy.positions {
            let read = self.energy.readings.get(&(*start, *meter));
            let settled = one.phase == SETTLED;
            ensure!(
                !settled || read.is_some() && (0..=one.energy).contains(&one.delivered),
                "{one:?} of session {session} is settled by {read:?}"
            );
        }
        // A reading is used once: what is settled by it is no more than it says.
        for ((start, meter), (energy, ..)) in &self.energy.readings {
            for (role, most) in [(CONSUME, (-energy).max(0)), (SUPPLY, (*energy).max(0))] {
                let range = (*start, *meter, 0)..=(*start, *meter, u64::MAX);
                let all = self.energy.positions.range(range).map(|(_, one)| one);
                let own = all.filter(|one| one.role == role && one.phase == SETTLED);
                let used: i128 = own.map(|one| one.delivered).sum();
                ensure!(
                    used <= most,
                    "{used} of {most} Wh of meter {meter} are used"
                );
            }
        }
        Ok(())
    }

    /// The allocations of a plant come to what is required; taken whole, they would not without the last.
    fn plants_have_what_they_require(&self) -> Result<(), Finding> {
        for (number, session) in &self.energy.sessions {
            if session.phase != FORMED {
                continue;
            }
            let offers = self.offers_of(*number);
            let parts = offers.iter().map(|(_, offer)| {
                let key = (session.start, offer.resource, *number);
                let one = self.energy.positions.get(&key);
                one.map_or((0, 0), |one| (one.energy, offer.energy))
            });
            let parts: Vec<(i128, i128)> = parts.collect();
            let within = parts
                .iter()
                .all(|(part, offered)| 0 < *part && part <= offered);
            ensure!(within, "session {number} allocates {parts:?}");
            let sum: i128 = parts.iter().map(|(part, _)| part).sum();
            let largest = parts.iter().map(|(part, _)| *part).max().unwrap_or(0);
            let right = match session.rules.last {
                0 => sum == session.energy,
                _ => session.energy <= sum && sum - largest < session.energy,
            };
            ensure!(
                right,
                "session {number} allocates {sum} of {}",
                session.energy
            );
        }
        Ok(())
    }

    fn resources_do_what_they_can(&self) -> Result<(), Finding> {
        let mut sums: BTreeMap<(u64, u64, u8), i128> = BTreeMap::new();
        for ((start, meter, _), one) in &self.energy.positions {
            *sums.entry((*start, *meter, one.role)).or_default() += one.energy;
        }
        for ((_, meter, role), sum) in sums {
            let resource = self.resource(meter)?;
            let minutes = length(self.microgrid(resource.microgrid)?.minutes) / 60_000;
            let power = match role {
                SUPPLY => resource.power_max,
                _ => -resource.power_min,
            };
            let able = power * i128::from(minutes) / 60;
            ensure!(
                sum <= able,
                "resource {meter} is committed to {sum} of {able}"
            );
        }
        Ok(())
    }
}
