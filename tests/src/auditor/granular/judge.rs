//! With which code a call of certificates is refused, if it is: every check in the order the design gives. How many bundles there are
//! is not among them.

use std::collections::BTreeMap;

use super::super::{identity, rights};
use super::*;

const UNKNOWN_ACCOUNT: u16 = 13;
const NOT_REPRESENTATIVE: u16 = 25;
const ACCOUNT_NOT_OPEN: u16 = 26;
const TOO_MANY: u16 = 30;
const NOT_ENDORSED: u16 = 220;
const SAME_ACCOUNT: u16 = 233;
const UNKNOWN_MICROGRID: u16 = 350;
const UNKNOWN_RESOURCE: u16 = 355;
const UNKNOWN_READING: u16 = 383;
const PLACE_INVALID: u16 = 415;
const UNKNOWN_DEVICE: u16 = 450;
const DEVICE_INVALID: u16 = 451;
const NOT_ITS_ISSUER: u16 = 452;
const PRODUCTION_EXCEEDED: u16 = 453;
const CERTIFICATE_EXPIRED: u16 = 454;
const RANGE_INVALID: u16 = 455;
const NOT_HELD: u16 = 456;
pub(in crate::auditor) const BUNDLE_LIMIT: u16 = 457;
const NOT_CLAIMANT: u16 = 458;
const CONSUMPTION_EXCEEDED: u16 = 459;
const INTERVAL_INVALID: u16 = 460;
const NOT_STORED: u16 = 461;
const RESIDUAL_INVALID: u16 = 462;

const INTENSITY_MAX: u64 = 10_000_000;
const RANGES_MAX: usize = 64;

type Judged = Result<(), u16>;

fn unless(holds: bool, refusal: u16) -> Judged {
    if holds { Ok(()) } else { Err(refusal) }
}

/// What of so much can come out of a storage of this efficiency in millionths, and what that emits.
pub(super) fn stored(count: u64, intensity: u32, efficiency: i128) -> Option<(u64, u32)> {
    let left = i128::from(count) * efficiency / 1_000_000;
    if left == 0 {
        return None;
    }
    let emitted = i128::from(count) * i128::from(intensity);
    let each = emitted / left + i128::from(emitted % left != 0);
    let fits = each <= i128::from(INTENSITY_MAX);
    fits.then_some((left as u64, each as u32))
}

impl Books {
    pub(in crate::auditor) fn judge_granular(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        match ask.name.as_str() {
            "granular.enrol-device" => self.judge_enrolment(ask),
            "granular.issue" => self.judge_issue(ask),
            "granular.withhold" => {
                let issuer = call.u64("issuer");
                self.may_give(ask, issuer)?;
                let device = call.u64("device");
                self.is_issued_by(device, issuer)?;
                self.is_free((call.u64("start"), device), call.number("energy"), 0)?;
                self.is_endorsed(ask, issuer)
            }
            "granular.transfer" => {
                let (from, to) = (call.u64("from"), call.u64("to"));
                self.may_give(ask, from)?;
                let to_account = self.identity.accounts.get(&to).ok_or(UNKNOWN_ACCOUNT)?;
                unless(to_account.status != identity::CLOSED, ACCOUNT_NOT_OPEN)?;
                unless(from != to, SAME_ACCOUNT)?;
                for range in judged_ranges(ask)? {
                    unless(!self.is_over(range.start), CERTIFICATE_EXPIRED)?;
                    self.has(from, range)?;
                }
                self.is_endorsed(ask, from)
            }
            "granular.set-claimant" => {
                let point = call.u64("point");
                let meter = self.energy.resources.get(&point);
                self.may_give(ask, meter.ok_or(UNKNOWN_RESOURCE)?.account)?;
                let known = |id: i128| self.identity.accounts.contains_key(&(id as u64));
                unless(call.option("claimant").is_none_or(known), UNKNOWN_ACCOUNT)
            }
            "granular.claim" => self.judge_use(ask, call.u64("point"), false),
            "granular.charge" => self.judge_use(ask, call.u64("storage"), true),
            "granular.discharge" => self.judge_discharge(ask),
            _ => {
                let grid = call.u32("microgrid");
                let known = self.energy.microgrids.contains_key(&grid);
                unless(known, UNKNOWN_MICROGRID)?;
                let (from, year) = (call.u64("from"), 366 * DAY);
                let sound = call.u64("intensity") <= INTENSITY_MAX
                    && from >= self.time.saturating_sub(3 * year)
                    && from <= self.time + year;
                unless(sound, RESIDUAL_INVALID)
            }
        }
    }

    fn may_give(&self, ask: &Ask<'_>, id: u64) -> Judged {
        let account = self.identity.accounts.get(&id).ok_or(UNKNOWN_ACCOUNT)?;
        unless(self.represents(ask.member, id), NOT_REPRESENTATIVE)?;
        unless(account.status == identity::OPEN, ACCOUNT_NOT_OPEN)
    }

    fn is_endorsed(&self, ask: &Ask<'_>, id: u64) -> Judged {
        let two = self.identity.accounts[&id].threshold == 2;
        let second = || self.endorser(ask, |books, member| books.represents(member, id));
        unless(!two || second().is_some(), NOT_ENDORSED)
    }

    fn is_issued_by(&self, device: u64, issuer: u64) -> Judged {
        let found = self.granular.devices.get(&device).ok_or(UNKNOWN_DEVICE)?;
        unless(found.issuer == issuer, NOT_ITS_ISSUER)
    }

    /// Whether so much of the interval backs nothing yet, nor the other shares of the call.
    fn is_free(&self, key: (u64, u64), energy: i128, others: i128) -> Judged {
        unless(!self.is_over(key.0), CERTIFICATE_EXPIRED)?;
        let said = self.said_by(key.0, key.1).ok_or(UNKNOWN_READING)?;
        let backed = self.granular.intervals.get(&key);
        let backed = backed.map_or(0, Interval::backed) + others;
        let free = said.max(0) - backed;
        unless(energy > 0 && energy <= free, PRODUCTION_EXCEEDED)
    }

    fn has(&self, account: u64, range: Range) -> Judged {
        let interval = self.granular.intervals.get(&(range.start, range.device));
        let owner = interval.and_then(|one| one.owner(range.first, range.last));
        let own = owner.is_some_and(|(owner, _)| owner == account);
        unless(own, NOT_HELD)
    }

    /// Not closed, and one of those who act for it is of the registry.
    fn can_issue(&self, id: u64) -> bool {
        self.identity.accounts.get(&id).is_some_and(|account| {
            let mut all = account.representatives.iter();
            let of_registry = |member: &u32| self.roles_of(*member) & rights::ADMINISTRATOR != 0;
            account.status != identity::CLOSED && all.any(of_registry)
        })
    }

    fn judge_enrolment(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let (id, issuer) = (call.u64("device"), call.u64("issuer"));
        self.may_give(ask, issuer)?;
        let meter = self.energy.resources.get(&id).ok_or(UNKNOWN_RESOURCE)?;
        let before = self.granular.devices.get(&id);
        let other = before.map(|one| one.issuer).filter(|one| *one != issuer);
        unless(other.is_none_or(|one| !self.can_issue(one)), NOT_ITS_ISSUER)?;
        let (latitude, longitude) = call.get("place").pair();
        let on_earth =
            latitude.number().abs() <= 90_000_000 && longitude.number().abs() <= 180_000_000;
        unless(on_earth, PLACE_INVALID)?;
        let stores = meter.capacity > 0;
        let most = if stores { 0 } else { INTENSITY_MAX };
        let quarters = self.period_of(id).map(|millis| millis / 900_000);
        let sound = call.u64("intensity") <= most
            && matches!(quarters, Some(1 | 4))
            && (call.u8("source") == STORAGE) == stores;
        unless(sound, DEVICE_INVALID)
    }

    fn judge_issue(&self, ask: &Ask<'_>) -> Judged {
        let (issuer, start) = (ask.call.u64("issuer"), ask.call.u64("start"));
        self.may_give(ask, issuer)?;
        let shares = ask.call.list("shares");
        unless(!shares.is_empty(), TOO_MANY)?;
        let mut before: BTreeMap<u64, i128> = BTreeMap::new();
        for share in shares {
            let (device, energy) = share.pair();
            let (device, energy) = (device.u64(), energy.number());
            self.is_issued_by(device, issuer)?;
            let stores = self.granular.devices[&device].source == STORAGE;
            unless(!stores, DEVICE_INVALID)?;
            let others = before.entry(device).or_default();
            self.is_free((start, device), energy, *others)?;
            *others += energy;
            let owner = &self.identity.accounts[&self.owner_of(device)];
            unless(owner.status != identity::CLOSED, ACCOUNT_NOT_OPEN)?;
        }
        self.is_endorsed(ask, issuer)
    }

    fn judge_use(&self, ask: &Ask<'_>, point: u64, stores: bool) -> Judged {
        let (account, interval) = (ask.call.u64("account"), ask.call.u64("interval"));
        self.may_give(ask, account)?;
        let meter = self.energy.resources.get(&point).ok_or(UNKNOWN_RESOURCE)?;
        if stores {
            let device = self.granular.devices.get(&point).ok_or(UNKNOWN_DEVICE)?;
            unless(device.source == STORAGE, DEVICE_INVALID)?;
        }
        let named = self.granular.claimants.get(&point) == Some(&account);
        unless(meter.account == account || named, NOT_CLAIMANT)?;
        let all = judged_ranges(ask)?;
        let said = self.said_by(interval, point).ok_or(UNKNOWN_READING)?;
        let end = interval.saturating_add(self.period_of(point).unwrap_or(0));
        let mut sum = 0;
        for range in &all {
            unless(!self.is_over(range.start), CERTIFICATE_EXPIRED)?;
            let length = self.period_of(range.device).ok_or(INTERVAL_INVALID)?;
            let meets = range.start < end && interval < range.start.saturating_add(length);
            unless(meets, INTERVAL_INVALID)?;
            self.has(account, *range)?;
            sum += i128::from(range.count());
        }
        let before = self.granular.points.get(&(interval, point));
        let (claimed, claims, _) = before.copied().unwrap_or_default();
        let left = (-said).max(0) - i128::from(claimed);
        unless(sum <= left, CONSUMPTION_EXCEEDED)?;
        unless(claims as usize + all.len() <= 256, BUNDLE_LIMIT)?;
        for range in all.iter().filter(|_| stores) {
            let interval = &self.granular.intervals[&(range.start, range.device)];
            let (_, says) = interval.owner(range.first, range.last).ok_or(NOT_HELD)?;
            let kept = stored(range.count(), says.intensity, meter.efficiency);
            unless(kept.is_some(), NOT_STORED)?;
        }
        self.is_endorsed(ask, account)
    }

    fn judge_discharge(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let (account, start) = (call.u64("account"), call.u64("start"));
        self.may_give(ask, account)?;
        let (from, device) = call.get("charged").pair();
        let key = (from.u64(), device.u64(), call.u64("first"));
        let claim = self.granular.claims.get(&key).ok_or(NOT_STORED)?;
        unless(claim.account == account, NOT_STORED)?;
        let (left, _) = claim.stored.ok_or(NOT_STORED)?;
        unless(!self.is_over(key.0), CERTIFICATE_EXPIRED)?;
        unless(start > claim.interval, INTERVAL_INVALID)?;
        let energy = call.number("energy");
        self.is_free((start, claim.point), energy, 0)?;
        unless(energy <= i128::from(left), NOT_STORED)?;
        self.is_endorsed(ask, account)
    }
}

fn judged_ranges(ask: &Ask<'_>) -> Result<Vec<Range>, u16> {
    let all = ranges(ask);
    unless((1..=RANGES_MAX).contains(&all.len()), TOO_MANY)?;
    let mut below = (0, 0, 0);
    for (place, range) in all.iter().enumerate() {
        let rises = place == 0 || below < range.key();
        unless(
            0 < range.first && range.first <= range.last && rises,
            RANGE_INVALID,
        )?;
        below = (range.start, range.device, range.last);
    }
    Ok(all)
}
