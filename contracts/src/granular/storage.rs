//! Storage: certificates of what went in become certificates of what came out, less the losses that were declared.
//!
//! What a range of numbers can give back is its energy times the storage's efficiency, truncated once when it goes in: so however it
//! comes out, it is never more. What was emitted for all of it is spread over what can come out, rounded up: so none of it is lost on
//! the way. What comes out is backed by the storage's own meter as any production is, in an interval after that in which it went in, and
//! before what went in expires. Where the meter is corrected to say that less went in, what was stored stays: it was used up for it.

use super::bundle::{self, Attributes, BundleKey, Range, Ranges};
use super::call::Call;
use super::claim::{self, Stored, Use};
use super::device::{INTENSITY_MAX, Source};
use super::event::Event;
use super::expire;
use super::module::Granular;
use super::register;
use crate::amount::{PPM, WattHours};
use crate::energy::{ResourceId, meter};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

impl Stored {
    /// What can come out of so much at this efficiency in millionths, and what is emitted for it.
    ///
    /// # Errors
    /// `NOT_STORED` when nothing comes out, or the intensity of what does is beyond `INTENSITY_MAX`.
    fn of(energy: u64, intensity: u32, efficiency_ppm: u32) -> Result<Self, Code> {
        let left = u128::from(energy) * u128::from(efficiency_ppm) / u128::from(PPM);
        if left == 0 {
            return Err(Code::NOT_STORED);
        }
        let emitted = u128::from(energy) * u128::from(intensity);
        match (u64::try_from(left), u32::try_from(emitted.div_ceil(left))) {
            (Ok(left), Ok(intensity)) if intensity <= INTENSITY_MAX => Ok(Self { left, intensity }),
            _ => Err(Code::NOT_STORED),
        }
    }
}

/// Refused in this order: account unknown, not represented, not open; meter unknown, not enrolled, of no storage; neither its owner's nor
/// its claimant's; then as a claim is, but before the endorsement: a range of which nothing could come out, or nothing within the limit
/// of intensities.
pub(super) fn charge(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    account: AccountId,
    (interval, storage): (Millis, ResourceId),
    list: Ranges<'_>,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), account)?;
    let (resource, minutes) = meter::of(cx, storage)?;
    if cx.read::<Granular>().device(storage)?.source != Source::Storage {
        return Err(Code::DEVICE_INVALID);
    }
    let at = Use {
        account,
        point: storage,
        owner: resource.account,
        interval,
    };
    claim::check_claimant(cx, &at)?;
    let (ranges, total) = claim::check(cx, &at, minutes, list)?;
    let mut all: Vec<(Range, Stored)> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (_, found) = bundle::held(cx, account, &range)?;
        let intensity = found.attributes.intensity;
        let stored = Stored::of(range.energy(), intensity, resource.efficiency_ppm)?;
        all.push((range, stored));
    }
    account::second(cx, account, slot, || endorse::digest::<Granular>(call))?;

    for (range, stored) in all {
        let found = claim::use_up(cx, &at, &range)?;
        claim::enter(cx, &at, &range, (&found, ""), Some(stored))?;
        cx.emit::<Granular>(&Event::Charged {
            device: range.device,
            start: range.start,
            first: range.first,
            last: range.last,
            account,
            storage,
            owner: at.owner,
            interval,
            // Correctness: a part of one reading.
            left: WattHours(stored.left.cast_signed()),
        })?;
    }
    claim::set_total(cx, &at, total)
}

/// Refused in this order: account unknown, not represented, not open; nothing stored by it under these numbers; what was stored is
/// expired; not after it went in; not read; energy zero or more than backs nothing; more than is left; one bundle too many; not endorsed.
pub(super) fn discharge(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    account: AccountId,
    key: BundleKey,
    start: Millis,
    energy: WattHours,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), account)?;
    let found = cx.read::<Granular>().claims.get(&key);
    let found = found.filter(|claim| claim.account == account);
    let stored = found.and_then(|claim| Some((claim.stored?, claim)));
    let (stored, claim) = stored.ok_or(Code::NOT_STORED)?;
    let (storage, interval, source) = (claim.point, claim.interval, claim.attributes.source);
    expire::check(cx, key.0)?;
    if start <= interval {
        return Err(Code::INTERVAL_INVALID);
    }
    let given = register::room(cx, (start, storage), energy)?;
    let left = stored.left.checked_sub(given).ok_or(Code::NOT_STORED)?;

    let device = *cx.read::<Granular>().device(storage)?;
    let attributes = Attributes {
        source,
        place: device.place,
        issuer: device.issuer,
        intensity: stored.intensity,
        charged: Some(key),
    };
    let owner = (account, attributes);
    if let Some(range) = register::give_out(cx, (start, storage), given, owner)? {
        bundle::give(cx, &range, owner)?;
    }
    account::second(cx, account, slot, || endorse::digest::<Granular>(call))?;
    let (tables, journal) = cx.tables::<Granular>();
    if let Some(claim) = tables.claims.update(journal, &key)? {
        claim.stored = Some(Stored { left, ..stored });
    }
    cx.emit::<Granular>(&Event::Discharged {
        storage,
        start,
        account,
        charged: (key.0, key.1),
        first: key.2,
        energy,
        // Correctness: a part of one reading.
        left: WattHours(left.cast_signed()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_comes_out_than_went_in_and_no_emission_is_lost() {
        let of = |energy, intensity, ppm| Stored::of(energy, intensity, ppm).ok();
        let stored = |left, intensity| Some(Stored { left, intensity });
        // 900.9 Wh are 900 Wh; 1,001 Wh at 50 g a kilowatt hour are 50.05 g, over 900 Wh 55.6111 g a kilowatt hour.
        assert_eq!(of(1_001, 50_000, 900_000), stored(900, 55_612));
        assert_eq!(of(1_000, 0, 1_000_000), stored(1_000, 0));
        assert_eq!(of(1, 0, 999_999), None);
        assert_eq!(of(2, 1, 500_000), stored(1, 2));
        assert_eq!(of(3, 1, 500_000), stored(1, 3));
        assert_eq!(of(2, INTENSITY_MAX, 500_000), None, "beyond the limit");
        let most = 1_000_000_000_000;
        assert_eq!(of(most, INTENSITY_MAX, PPM), stored(most, INTENSITY_MAX));
        for energy in 1..200 {
            for ppm in [1, 333_333, 500_000, 850_000, 999_999, 1_000_000] {
                let Some(stored) = of(energy, 77, ppm) else {
                    continue;
                };
                assert!(stored.left * 1_000_000 <= energy * u64::from(ppm));
                assert!(stored.left * u64::from(stored.intensity) >= energy * 77);
            }
        }
    }
}
