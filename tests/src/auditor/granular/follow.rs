//! What a call of certificates does, a corrected meter, and time; and what is told of it.

use bds_contracts::genesis::Profile;

use super::super::wire::Value;
use super::*;

fn number(value: impl Into<i128>) -> Value<'static> {
    Value::Number(value.into())
}

fn pair(first: impl Into<i128>, second: impl Into<i128>) -> Value<'static> {
    Value::Pair(Box::new((number(first), number(second))))
}

/// Most bundles that one correction takes back.
const WITHDRAWN_MAX: usize = 1_024;

impl Books {
    pub(in crate::auditor) fn granular(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let offered = self.profile != Profile::Public;
        ensure!(offered, "certificates are not offered on a public ledger");
        if let Err(refusal) = self.judge_granular(ask) {
            return Err(format!("it succeeds and should fail with {refusal}"));
        }
        let call = &ask.call;
        match ask.name.as_str() {
            "granular.enrol-device" => self.enrolled(ask, events),
            "granular.issue" => {
                let (issuer, start) = (call.u64("issuer"), call.u64("start"));
                for share in call.list("shares") {
                    let (device, energy) = share.pair();
                    let (device, energy) = (device.u64(), energy.number());
                    let of = &self.granular.devices[&device];
                    let says = Says {
                        source: of.source,
                        place: of.place,
                        issuer,
                        intensity: of.intensity,
                        charged: None,
                    };
                    let owner = self.owner_of(device);
                    self.give_out((start, device), energy, (owner, says), events)?;
                }
                self.second_of(ask, issuer)
            }
            "granular.withhold" => {
                let issuer = call.u64("issuer");
                self.second_of(ask, issuer)?;
                let (start, device) = (call.u64("start"), call.u64("device"));
                let energy = call.number("energy");
                let interval = self.granular.intervals.entry((start, device)).or_default();
                interval.withheld += energy;
                let said = [
                    ("device", number(device)),
                    ("start", number(start)),
                    ("account", number(self.owner_of(device))),
                    ("issuer", number(issuer)),
                    ("energy", number(energy)),
                ];
                events.said("granular.Withheld", &said)
            }
            "granular.transfer" => {
                let (from, to) = (call.u64("from"), call.u64("to"));
                self.second_of(ask, from)?;
                for range in ranges(ask) {
                    self.move_to(range, State::Held(to))?;
                    let said = [
                        ("device", number(range.device)),
                        ("start", number(range.start)),
                        ("from", number(from)),
                        ("to", number(to)),
                        ("first", number(range.first)),
                        ("last", number(range.last)),
                    ];
                    events.said("granular.Transferred", &said)?;
                }
                Ok(())
            }
            "granular.set-claimant" => {
                let point = call.u64("point");
                let claimant = call.option("claimant");
                match claimant {
                    Some(account) => self.granular.claimants.insert(point, account as u64),
                    None => self.granular.claimants.remove(&point),
                };
                let said = [
                    ("point", number(point)),
                    ("account", number(self.owner_of(point))),
                    ("claimant", claimant.map_or(Value::Nothing, Value::Number)),
                ];
                events.said("granular.ClaimantSet", &said)
            }
            "granular.claim" => self.used(ask, call.u64("point"), None, events),
            "granular.charge" => {
                let storage = call.u64("storage");
                let efficiency = self.energy.resources[&storage].efficiency;
                self.used(ask, storage, Some(efficiency), events)
            }
            "granular.discharge" => self.discharged(ask, events),
            "granular.set-residual" => self.residual_set(ask, events),
            other => Err(format!("the auditor does not know {other}")),
        }
    }

    fn enrolled(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let call = &ask.call;
        let id = call.u64("device");
        let (latitude, longitude) = call.get("place").pair();
        let before = self.granular.devices.get(&id);
        let issuer = call.u64("issuer");
        let other = before.map(|one| one.issuer).filter(|one| *one != issuer);
        let new = Device {
            issuer,
            source: call.u8("source"),
            place: (latitude.number(), longitude.number()),
            intensity: call.u32("intensity"),
            debt: before.map_or(0, |one| one.debt),
        };
        let said = [
            ("device", number(id)),
            ("account", number(self.owner_of(id))),
            ("issuer", number(new.issuer)),
            ("before", other.map_or(Value::Nothing, number)),
            ("source", number(new.source)),
            ("place", pair(new.place.0, new.place.1)),
            ("intensity", number(new.intensity)),
        ];
        events.said("granular.DeviceEnrolled", &said)?;
        self.granular.devices.insert(id, new);
        Ok(())
    }

    /// The device's debt first, numbers for the rest.
    fn give_out(
        &mut self,
        key: (u64, u64),
        energy: i128,
        (owner, says): (u64, Says),
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let device = self.granular.devices.get_mut(&key.1);
        let device = device.ok_or("no device gives")?;
        let paid = device.debt.clamp(0, energy);
        device.debt -= paid;
        let interval = self.granular.intervals.entry(key).or_default();
        interval.paid += paid;
        let last = interval.numbers();
        let count = (energy - paid) as u64;
        if count > 0 {
            let piece = Piece {
                last: last + count,
                state: State::Held(owner),
                says,
            };
            interval.pieces.insert(last + 1, piece);
        }
        let said = [
            ("device", number(key.1)),
            ("start", number(key.0)),
            ("account", number(owner)),
            ("issuer", number(says.issuer)),
            ("first", number(last + 1)),
            ("last", number(last + count)),
            ("paid", number(paid)),
        ];
        events.said("granular.Issued", &said)
    }

    fn move_to(&mut self, range: Range, state: State) -> Result<Says, Finding> {
        let interval = self
            .granular
            .intervals
            .get_mut(&(range.start, range.device));
        let interval = interval.ok_or("numbers of no interval")?;
        let (from, says) = interval
            .owner(range.first, range.last)
            .ok_or("numbers that nobody has")?;
        let to = match state {
            State::Held(to) => to,
            _ => from,
        };
        let before = [from, to].map(|account| interval.owned_by(account));
        interval.set(range.first, range.last, state);
        for (account, before) in [from, to].into_iter().zip(before) {
            let now = interval.owned_by(account);
            ensure!(now <= before.max(256), "{now} bundles of account {account}");
        }
        Ok(says)
    }

    /// For a consumption, or into a storage of this efficiency.
    fn used(
        &mut self,
        ask: &Ask<'_>,
        point: u64,
        efficiency: Option<i128>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (account, interval) = (ask.call.u64("account"), ask.call.u64("interval"));
        self.second_of(ask, account)?;
        let beneficiary = match efficiency {
            None => ask.call.text("beneficiary"),
            Some(_) => "",
        };
        for range in ranges(ask) {
            let says = self.move_to(range, State::Used)?;
            let kept = efficiency
                .and_then(|efficiency| judge::stored(range.count(), says.intensity, efficiency));
            let claim = Claim {
                last: range.last,
                account,
                says,
                point,
                interval,
                beneficiary: beneficiary.to_owned(),
                stored: kept,
            };
            let before = self.granular.claims.insert(range.key(), claim);
            ensure!(before.is_none(), "numbers are used twice: {range:?}");
            let total = self.granular.points.entry((interval, point)).or_default();
            total.0 += range.count();
            total.1 += 1;
            if kept.is_none() {
                total.2 += u128::from(range.count()) * u128::from(says.intensity);
            }
            let mut said = vec![
                ("device", number(range.device)),
                ("start", number(range.start)),
                ("first", number(range.first)),
                ("last", number(range.last)),
                ("account", number(account)),
                ("point", number(point)),
                ("owner", number(self.owner_of(point))),
                ("interval", number(interval)),
            ];
            match kept {
                None => {
                    said.push(("beneficiary", Value::Text(beneficiary)));
                    events.said("granular.Claimed", &said)?;
                }
                Some((left, _)) => {
                    said[5].0 = "storage";
                    said.push(("left", number(left)));
                    events.said("granular.Charged", &said)?;
                }
            }
        }
        Ok(())
    }

    fn discharged(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let call = &ask.call;
        let (account, start) = (call.u64("account"), call.u64("start"));
        let (from, device) = call.get("charged").pair();
        let key = (from.u64(), device.u64(), call.u64("first"));
        let energy = call.number("energy");
        let claim = self
            .granular
            .claims
            .get_mut(&key)
            .ok_or("nothing is stored")?;
        let (left, intensity) = claim.stored.ok_or("nothing is stored")?;
        let left = left - energy as u64;
        claim.stored = Some((left, intensity));
        let (storage, source) = (claim.point, claim.says.source);
        let of = &self.granular.devices[&storage];
        let says = Says {
            source,
            place: of.place,
            issuer: of.issuer,
            intensity,
            charged: Some(key),
        };
        self.give_out((start, storage), energy, (account, says), events)?;
        self.second_of(ask, account)?;
        let said = [
            ("storage", number(storage)),
            ("start", number(start)),
            ("account", number(account)),
            ("charged", pair(key.0, key.1)),
            ("first", number(key.2)),
            ("energy", number(energy)),
            ("left", number(left)),
        ];
        events.said("granular.Discharged", &said)
    }

    fn residual_set(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let call = &ask.call;
        let (grid, from) = (call.u32("microgrid"), call.u64("from"));
        let intensity = call.u32("intensity");
        let oldest = self.time.saturating_sub(3 * 366 * DAY);
        // Those that another one follows before the oldest time that can be asked about, two at most.
        let past = self.granular.residuals.range((grid, 0)..=(grid, oldest));
        let past: Vec<(u32, u64)> = past.map(|(key, _)| *key).collect();
        let useless = past.len().saturating_sub(1).min(2);
        for key in &past[..useless] {
            self.granular.residuals.remove(key);
        }
        self.granular.residuals.insert((grid, from), intensity);
        let said = [
            ("microgrid", number(grid)),
            ("account", number(self.energy.microgrids[&grid].account)),
            ("from", number(from)),
            ("intensity", number(intensity)),
        ];
        events.said("granular.ResidualSet", &said)
    }

    /// A meter says something else than it did.
    pub(in crate::auditor) fn certificates_follow(
        &mut self,
        key: (u64, u64),
        energy: i128,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let owner = self.owner_of(key.1);
        let Some(interval) = self.granular.intervals.get_mut(&key) else {
            return Ok(());
        };
        let mut surplus = interval.backed() - energy.max(0);
        for (first, last, account, _) in interval.bundles().into_iter().rev().take(WITHDRAWN_MAX) {
            if surplus <= 0 {
                break;
            }
            let count = surplus.min(i128::from(last - first) + 1);
            let from = last + 1 - count as u64;
            interval.set(from, last, State::Void);
            surplus -= count;
            let said = [
                ("device", number(key.1)),
                ("start", number(key.0)),
                ("account", number(account)),
                ("first", number(from)),
                ("last", number(last)),
            ];
            events.said("granular.Withdrawn", &said)?;
        }
        let over = surplus.max(0);
        let more = over - interval.over;
        interval.over = over;
        if more == 0 {
            return Ok(());
        }
        let device = self.granular.devices.get_mut(&key.1);
        let device = device.ok_or("no device owes")?;
        device.debt += more;
        let said = [
            ("device", number(key.1)),
            ("account", number(owner)),
            ("issuer", number(device.issuer)),
            ("start", number(key.0)),
            ("debt", number(device.debt)),
        ];
        events.said("granular.DebtChanged", &said)
    }

    /// At the beginning of a block: what nobody used expires, and what can be corrected no more is forgotten.
    pub(in crate::auditor) fn begin_certificates(
        &mut self,
        mut events: Events<'_, '_>,
    ) -> Result<(), Finding> {
        let over: Vec<(u64, u64)> = self.granular.intervals.keys().copied().collect();
        let over = over.into_iter().filter(|(start, _)| self.is_over(*start));
        let over: Vec<(u64, u64)> = over.collect();
        let mut left = GONE_MAX;
        for (start, device) in over {
            let Some(interval) = self.granular.intervals.get_mut(&(start, device)) else {
                continue;
            };
            for (first, last, account, _) in interval.bundles().into_iter().take(left) {
                left -= 1;
                interval.set(first, last, State::Expired);
                let said = [
                    ("device", number(device)),
                    ("start", number(start)),
                    ("account", number(account)),
                    ("first", number(first)),
                    ("last", number(last)),
                ];
                events.said("granular.Expired", &said)?;
            }
        }
        events.end()?;
        let Some(before) = self.time.checked_sub(KEPT) else {
            return Ok(());
        };
        let granular = &mut self.granular;
        let old = granular.intervals.range(..(before, 0)).take(GONE_MAX);
        let old = old.filter(|(_, one)| one.held() == 0);
        let old: Vec<(u64, u64)> = old.map(|(key, _)| *key).collect();
        old.iter()
            .for_each(|key| drop(granular.intervals.remove(key)));
        let old = granular.claims.range(..(before, 0, 0)).take(GONE_MAX);
        let old: Vec<Key> = old.map(|(key, _)| *key).collect();
        for key in old {
            granular.claims.remove(&key);
        }
        let old = granular.points.range(..(before, 0)).take(GONE_MAX);
        let old: Vec<(u64, u64)> = old.map(|(key, _)| *key).collect();
        for key in old {
            granular.points.remove(&key);
        }
        Ok(())
    }
}
