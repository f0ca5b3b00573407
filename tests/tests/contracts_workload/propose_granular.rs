//! What is asked of granular certificates: devices and readings first, then issues, and what is done with what was issued.

use bds_contracts::Ledger;
use bds_contracts::amount::WattHours;
use bds_contracts::energy::prosumer::Resource;
use bds_contracts::energy::rules::{Minutes, Quality};
use bds_contracts::energy::{self, Energy, MicrogridId, ResourceId};
use bds_contracts::granular::bundle::{Bundle, BundleKey};
use bds_contracts::granular::device::Source;
use bds_contracts::granular::{Call, Granular};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};

use super::generate::{Generator, Proposal};
use super::scene::{ISSUER, REGULATORS, VERIFIERS};

const QUARTER: u64 = 900_000;

/// A meter of the ledger.
type Meter = (ResourceId, Resource);

fn meters(ledger: &Ledger) -> Vec<Meter> {
    let tables = ledger.stores().read::<Energy>();
    let all = tables.owned.range(..);
    all.filter_map(|((_, id), ())| Some((*id, *tables.resources.get(id)?)))
        .collect()
}

fn is_storage((_, resource): &Meter) -> bool {
    resource.capacity > WattHours(0)
}

impl Generator {
    pub(super) fn of_granular(&mut self, ledger: &Ledger) -> Proposal {
        let meters = meters(ledger);
        if meters.is_empty() {
            return self.of_energy(ledger);
        }
        let few = ledger.stores().read::<Granular>().devices.len() < 6 && self.random.chance(40);
        match self.random.below(48) {
            _ if few => self.enrol(&meters),
            0..2 => self.enrol(&meters),
            2..9 => self.read_some(ledger, &meters),
            9..17 => self.issue(ledger),
            17 => self.withhold(ledger),
            18..22 => self.transfer(ledger, None),
            22..24 => self.set_claimant(&meters, None),
            24..33 => self.use_up(ledger, &meters, false),
            33..39 => self.use_up(ledger, &meters, true),
            39..43 => self.discharge(ledger, &meters),
            43..45 => self.set_residual(),
            _ => self.correct(ledger),
        }
    }

    fn enrol(&mut self, meters: &[Meter]) -> Proposal {
        let meter = self.random.pick(meters);
        let stores = is_storage(&meter) != self.random.chance(5);
        let source = match stores {
            true => Source::Storage,
            false => self.random.pick(Source::ALL),
        };
        let intensity = match stores {
            true => 0,
            false => self
                .random
                .pick(&[0, 12_345, 900_000, 9_999_999, 10_000_001]),
        };
        let call = Call::EnrolDevice {
            device: meter.0,
            issuer: match self.random.chance(4) {
                true => self.account(),
                false => ISSUER,
            },
            source,
            place: (self.random.below(90_500_000) as i64, -13_404_954),
            intensity,
        };
        self.one_of_issuer(&call)
    }

    /// By one of the issuer's administrators.
    fn one_of_issuer(&mut self, call: &Call<'_>) -> Proposal {
        let [sender, _] = self.two_of(super::scene::ADMINISTRATORS);
        self.one::<Granular>(sender, call)
    }

    /// A period that is over, mostly a late one.
    fn period(&mut self) -> Millis {
        let back = 1 + self.random.below(3);
        Millis((self.now.0 / QUARTER).saturating_sub(back) * QUARTER)
    }

    /// All meters of a grid that one member reads and nobody read yet: those that produce, consume and store.
    fn read_some(&mut self, ledger: &Ledger, meters: &[Meter]) -> Proposal {
        let start = self.period();
        let (_, one) = self.random.pick(meters);
        let tables = ledger.stores().read::<Energy>();
        let devices = &ledger.stores().read::<Granular>().devices;
        let mut readings = Vec::new();
        for meter in meters {
            let (id, resource) = *meter;
            let alike = (resource.microgrid, resource.reader) == (one.microgrid, one.reader);
            if !alike || tables.readings.contains(&(start, id)) {
                continue;
            }
            let small = 1 + self.random.below(400) as i64;
            let energy = match is_storage(meter) {
                true if self.random.chance(50) => small.min(resource.charge.0),
                true => -small,
                false if devices.contains(&id) && self.random.chance(75) => 5 * small,
                false => -3 * small,
            };
            readings.push(((id, WattHours(energy)), Quality::Measured));
        }
        let call = energy::Call::SubmitMeter {
            microgrid: one.microgrid,
            start,
            minutes: Minutes::Fifteen,
            readings: List::Items(&readings),
        };
        let reader = one.reader.0 as usize - 1;
        self.one::<Energy>(reader, &call)
    }

    /// Late readings with this sign, of enrolled devices where asked for.
    fn read_lately(&mut self, ledger: &Ledger, gives: bool) -> Vec<(Millis, ResourceId, i64)> {
        let readings = &ledger.stores().read::<Energy>().readings;
        let late = readings.range(..).rev().take(60);
        let right = late.filter(|(_, one)| (one.energy.0 > 0) == gives);
        right
            .map(|((start, id), one)| (*start, *id, one.energy.0))
            .collect()
    }

    /// A device with a reading, and what of it backs nothing yet.
    fn production(&mut self, ledger: &Ledger) -> (Millis, ResourceId, i64) {
        let tables = ledger.stores().read::<Granular>();
        let all = self.read_lately(ledger, true);
        let free = all.into_iter().filter_map(|(start, id, energy)| {
            let device = tables.devices.get(&id)?;
            let register = tables.registers.get(&(start, id));
            let backed = register.map_or(0, |one| one.held + one.used + one.paid + one.withheld);
            let left = energy - backed as i64;
            let can = left > 0 && device.source != Source::Storage;
            can.then_some((start, id, left))
        });
        let free: Vec<(Millis, ResourceId, i64)> = free.collect();
        match free.is_empty() || self.random.chance(5) {
            true => (self.period(), ResourceId(self.random.below(24)), 5),
            false => self.random.pick(&free),
        }
    }

    fn issue(&mut self, ledger: &Ledger) -> Proposal {
        let (start, device, left) = self.production(ledger);
        let (_, other, more) = self.production(ledger);
        let energy = match self.random.below(12) {
            0 => left + 1,
            1 => 0,
            2..6 => 1 + left / 2,
            _ => left,
        };
        let shares = [(device, WattHours(energy)), (other, WattHours(more / 2))];
        let count = if self.random.chance(15) { 2 } else { 1 };
        let call = Call::Issue {
            issuer: ISSUER,
            start,
            shares: List::Items(&shares[..count]),
        };
        self.one_of_issuer(&call)
    }

    fn withhold(&mut self, ledger: &Ledger) -> Proposal {
        let (start, device, left) = self.production(ledger);
        let call = Call::Withhold {
            issuer: ISSUER,
            device,
            start,
            energy: WattHours(left / 3 + i64::from(self.random.chance(50))),
        };
        self.one_of_issuer(&call)
    }

    /// A late bundle, if there is one.
    fn bundle(&mut self, ledger: &Ledger) -> Option<(BundleKey, Bundle)> {
        let bundles = &ledger.stores().read::<Granular>().bundles;
        let late = bundles.range(..).rev().take(40);
        let late: Vec<_> = late.map(|(key, one)| (*key, *one)).collect();
        (!late.is_empty()).then(|| self.random.pick(&late))
    }

    /// A part of a bundle, mostly within it.
    fn part(&mut self, (key, bundle): (BundleKey, Bundle), most: u64) -> Part {
        let (start, device, first) = key;
        let count = bundle.last - first + 1;
        let most = most.clamp(1, count);
        let (from, many) = match self.random.below(10) {
            0 => (self.random.below(count), 1 + self.random.below(count)),
            1..4 => (0, most),
            _ => {
                let many = 1 + self.random.below(most);
                (self.random.below(count - many + 1), many)
            }
        };
        ((start, device), (first + from, first + from + many - 1))
    }

    fn transfer(
        &mut self,
        ledger: &Ledger,
        to: Option<(BundleKey, Bundle, AccountId)>,
    ) -> Proposal {
        let (key, bundle, to) = match to {
            Some(found) => found,
            None => match self.bundle(ledger) {
                Some((key, bundle)) => (key, bundle, self.account()),
                None => return self.issue(ledger),
            },
        };
        let part = self.part((key, bundle), u64::MAX);
        let ranges = [part, part];
        let count = if self.random.chance(4) { 2 } else { 1 };
        let from = match self.random.chance(4) {
            true => self.account(),
            false => bundle.account,
        };
        let call = Call::Transfer {
            from,
            to,
            ranges: List::Items(&ranges[..count]),
        };
        self.by_owner::<Granular>(ledger, from, &call)
    }

    fn set_claimant(&mut self, meters: &[Meter], to: Option<(Meter, AccountId)>) -> Proposal {
        let (meter, account) = match to {
            Some((meter, account)) => (meter, Some(account)),
            None => (
                self.random.pick(meters),
                self.random.chance(60).then(|| self.account()),
            ),
        };
        let call = Call::SetClaimant {
            point: meter.0,
            claimant: account,
        };
        // Whoever represents the owner: one of the traders, mostly.
        let place = super::scene::TRADING
            .iter()
            .position(|id| *id == meter.1.account);
        let trader = super::scene::TRADER + place.unwrap_or(0) % super::scene::TRADERS;
        self.one::<Granular>(trader, &call)
    }

    /// A meter that consumed lately, or a storage that was charged, and a bundle of that interval: used up, or on its way to that.
    fn use_up(&mut self, ledger: &Ledger, meters: &[Meter], charges: bool) -> Proposal {
        let tables = ledger.stores().read::<Granular>();
        let consumed = self.read_lately(ledger, false);
        let mut found = Vec::new();
        for (start, id, energy) in consumed {
            let Some(meter) = meters.iter().find(|one| one.0 == id) else {
                continue;
            };
            if charges != is_storage(meter) || charges && !tables.devices.contains(&id) {
                continue;
            }
            let point = tables.points.get(&(start, id));
            let left = energy.unsigned_abs()
                - point
                    .map_or(0, |point| point.claimed)
                    .min(energy.unsigned_abs());
            let of_interval = (start, ResourceId(0), 0)..=(start, ResourceId(u64::MAX), u64::MAX);
            let bundles = tables.bundles.range(of_interval);
            found.extend(bundles.map(|(key, one)| (*meter, start, left, (*key, *one))));
        }
        if found.is_empty() {
            return match self.random.chance(50) {
                true => self.issue(ledger),
                false => self.read_some(ledger, meters),
            };
        }
        let (meter, interval, left, bundle) = self.random.pick(&found);
        let (point, owner) = (meter.0, meter.1.account);
        let account = bundle.1.account;
        let may = owner == account || tables.claimants.get(&point) == Some(&account);
        if !may && self.random.chance(90) {
            return match self.random.chance(70) {
                true => self.transfer(ledger, Some((bundle.0, bundle.1, owner))),
                false => self.set_claimant(meters, Some((meter, account))),
            };
        }
        let more = u64::from(self.random.chance(5));
        let part = self.part(bundle, left + more);
        let interval = match self.random.chance(4) {
            true => Millis(interval.0 + QUARTER),
            false => interval,
        };
        let ranges = [part];
        let call = if charges {
            Call::Charge {
                account,
                storage: point,
                interval,
                ranges: List::Items(&ranges),
            }
        } else {
            Call::Claim {
                account,
                point,
                interval,
                beneficiary: self.random.pick(&["", "a household", "Öl"]),
                ranges: List::Items(&ranges),
            }
        };
        self.by_owner::<Granular>(ledger, account, &call)
    }

    fn discharge(&mut self, ledger: &Ledger, meters: &[Meter]) -> Proposal {
        let tables = ledger.stores().read::<Granular>();
        let late = tables.claims.range(..).rev().take(80);
        let stored = late.filter_map(|(key, one)| {
            Some((*key, one.point, one.interval, one.account, one.stored?.left))
        });
        let stored: Vec<_> = stored.collect();
        if stored.is_empty() {
            return self.use_up(ledger, meters, true);
        }
        let (key, point, interval, account, left) = self.random.pick(&stored);
        let given = self.read_lately(ledger, true).into_iter();
        let given = given.filter(|(start, id, _)| *id == point && *start > interval);
        let given: Vec<(Millis, ResourceId, i64)> = given.collect();
        if given.is_empty() && self.random.chance(80) {
            return self.read_some(ledger, meters);
        }
        let (start, _, energy) = match given.is_empty() {
            true => (interval, point, 1),
            false => self.random.pick(&given),
        };
        let most = energy.min(left as i64);
        let call = Call::Discharge {
            account,
            charged: (key.0, key.1),
            first: key.2,
            start,
            energy: WattHours(match self.random.below(8) {
                0 => most + 1,
                1..4 => most,
                _ => 1 + most / 2,
            }),
        };
        self.by_owner::<Granular>(ledger, account, &call)
    }

    fn set_residual(&mut self) -> Proposal {
        let back = self
            .random
            .pick(&[0, 1_000, 86_400_000, 40_000_000_000, 100_000_000_000]);
        let call = Call::SetResidual {
            microgrid: MicrogridId(self.random.below(3) as u32),
            from: Millis(self.now.0.saturating_sub(back)),
            intensity: self.random.pick(&[0, 399_999, 800_000, 10_000_001]),
        };
        let [sender, _] = self.two_of(REGULATORS);
        self.one::<Granular>(sender, &call)
    }

    /// A meter whose production is certified says something else: mostly less.
    fn correct(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Granular>();
        let late = tables.registers.range(..).rev().take(20);
        let late: Vec<_> = late.map(|(key, _)| *key).collect();
        if late.is_empty() {
            return self.issue(ledger);
        }
        let (start, id) = self.random.pick(&late);
        let energy = ledger.stores().read::<Energy>();
        let reading = energy.readings.get(&(start, id)).copied();
        let (said, version) = reading.map_or((5, 1), |one| (one.energy.0.max(1), one.version));
        let new = match self.random.below(6) {
            0 => said + 200,
            1 => 0,
            _ => self.random.below(said as u64) as i64,
        };
        let call = energy::Call::CorrectMeter {
            resource: id,
            start,
            version: version + 1,
            energy: WattHours(new),
            quality: Quality::Corrected,
        };
        let reader = energy
            .resources
            .get(&id)
            .map(|one| one.reader.0 as usize - 1);
        self.one::<Energy>(reader.unwrap_or(VERIFIERS[0]), &call)
    }
}

/// A range of a call.
type Part = ((Millis, ResourceId), (u64, u64));
