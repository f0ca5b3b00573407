//! Claims: certificates that were used up for what a meter consumed, each once.
//!
//! A claim is entered under the numbers it used up, which nobody holds from then on: so its own entry proves it, and no number has
//! two. For a meter and interval no more is claimed than was metered when it was claimed. If the consumption is corrected downward
//! after that, what was claimed too much stays used up and covers nothing.

use borsh::{BorshDeserialize, BorshSerialize};

use super::bundle::{self, Attributes, Bundle, Range, Ranges};
use super::call::Call;
use super::event::Event;
use super::expire;
use super::module::Granular;
use super::register;
use crate::energy::rules::{Minutes, Role};
use crate::energy::{ResourceId, meter};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most claims for a meter and interval. Only its owner and whom the owner named can make them.
pub const CLAIMS_MAX: u32 = 256;

/// Numbers that were used up, from that of its key on.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// The last number.
    pub last: u64,
    /// Who held them.
    pub account: AccountId,
    /// What they say.
    pub attributes: Attributes,
    /// The meter that consumed the energy.
    pub point: ResourceId,
    /// Start of the meter's interval.
    pub interval: Millis,
    /// For whom, in words.
    pub beneficiary: String,
    /// Of what a storage took: what can still come out; none when it was consumed.
    pub stored: Option<Stored>,
}

/// What a storage took and can still give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stored {
    /// How much, in watt hours.
    pub left: u64,
    /// What is emitted for it, in milligrams of carbon dioxide for a kilowatt hour.
    pub intensity: u32,
}

/// What was claimed for a meter and interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Point {
    /// How much, in watt hours, with what went into a storage.
    pub claimed: u64,
    /// By how many claims.
    pub claims: u32,
    /// What the certificates say was emitted, in micrograms. What goes into a storage is not among it: it goes on with what comes out.
    pub micrograms: u128,
}

/// What certificates are used up for.
pub(super) struct Use {
    pub(super) account: AccountId,
    pub(super) point: ResourceId,
    pub(super) owner: AccountId,
    pub(super) interval: Millis,
}

/// Refused in this order: meter unknown; its account not represented, not open; the claimant's account unknown.
pub(super) fn set_claimant(
    cx: &mut Cx<'_>,
    point: ResourceId,
    claimant: Option<AccountId>,
) -> Result<(), Code> {
    let owner = meter::of(cx, point)?.0.account;
    cx.read::<Identity>().to_move(cx.member(), owner)?;
    if let Some(claimant) = claimant {
        cx.read::<Identity>().find(claimant)?;
    }

    let (tables, journal) = cx.tables::<Granular>();
    match claimant {
        Some(claimant) => tables.claimants.set(journal, point, claimant)?,
        None => {
            tables.claimants.remove(journal, &point)?;
        }
    }
    cx.emit::<Granular>(&Event::ClaimantSet {
        point,
        account: owner,
        claimant,
    })
}

/// Refused in this order: account unknown, not represented, not open; meter unknown; neither its owner's nor its claimant's; no range or
/// too many; ranges without numbers or not rising; not read; then of each range: expired, no overlap, not held; then: more than was
/// consumed and is not claimed; one claim too many; not endorsed; one bundle too many.
pub(super) fn claim(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    account: AccountId,
    (interval, point): (Millis, ResourceId),
    beneficiary: &str,
    list: Ranges<'_>,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), account)?;
    let (resource, minutes) = meter::of(cx, point)?;
    let at = Use {
        account,
        point,
        owner: resource.account,
        interval,
    };
    check_claimant(cx, &at)?;
    let (ranges, mut total) = check(cx, &at, minutes, list)?;
    account::second(cx, account, slot, || endorse::digest::<Granular>(call))?;

    for range in ranges {
        let bundle = use_up(cx, &at, &range)?;
        total.micrograms += u128::from(range.energy()) * u128::from(bundle.attributes.intensity);
        enter(cx, &at, &range, (&bundle, beneficiary), None)?;
        cx.emit::<Granular>(&Event::Claimed {
            device: range.device,
            start: range.start,
            first: range.first,
            last: range.last,
            account,
            point,
            owner: at.owner,
            interval,
            beneficiary,
        })?;
    }
    set_total(cx, &at, total)
}

/// # Errors
/// `NOT_CLAIMANT`.
pub(super) fn check_claimant(cx: &Cx<'_>, at: &Use) -> Result<(), Code> {
    let named = cx.read::<Granular>().claimants.get(&at.point);
    if at.owner == at.account || named == Some(&at.account) {
        Ok(())
    } else {
        Err(Code::NOT_CLAIMANT)
    }
}

/// The ranges, and what the meter's interval comes to with them but for the emission.
///
/// # Errors
/// From `TOO_MANY` to `BUNDLE_LIMIT`, as [`claim`] says.
pub(super) fn check(
    cx: &mut Cx<'_>,
    at: &Use,
    minutes: Minutes,
    list: Ranges<'_>,
) -> Result<(Vec<Range>, Point), Code> {
    let ranges = bundle::ranges(cx, list)?;
    let consumed = meter::read(cx, at.interval, at.point, Role::Consume)?;
    let mut energy = 0_u64;
    for range in &ranges {
        expire::check(cx, range.start)?;
        if !overlaps(cx, range, at.interval, minutes) {
            return Err(Code::INTERVAL_INVALID);
        }
        bundle::held(cx, at.account, range)?;
        // Correctness: held numbers are at most `ENERGY_MAX` a range.
        energy += range.energy();
    }
    let points = &cx.read::<Granular>().points;
    let mut total = points
        .get(&(at.interval, at.point))
        .copied()
        .unwrap_or_default();
    if energy > consumed.saturating_sub(total.claimed) {
        return Err(Code::CONSUMPTION_EXCEEDED);
    }
    total.claimed += energy;
    // Correctness: no more than `RANGES_MAX`.
    total.claims += u32::try_from(ranges.len()).unwrap_or(u32::MAX);
    if total.claims > CLAIMS_MAX {
        return Err(Code::BUNDLE_LIMIT);
    }
    Ok((ranges, total))
}

/// Whether the device's interval and the meter's have some time in common. A device that nobody knows has none.
fn overlaps(cx: &Cx<'_>, range: &Range, interval: Millis, minutes: Minutes) -> bool {
    let device = meter::of(cx, range.device);
    device.is_ok_and(|(_, of_device)| {
        range.start < minutes.end(interval) && interval < of_device.end(range.start)
    })
}

/// Takes the numbers out of the bundle of their holder.
pub(super) fn use_up(cx: &mut Cx<'_>, at: &Use, range: &Range) -> Result<Bundle, Code> {
    let key = (range.start, range.device);
    let found = bundle::held(cx, at.account, range)?;
    bundle::cut(cx, found, range)?;
    let mut register = register::of(cx, key);
    // Correctness: what is held was counted when it was issued.
    register.held -= range.energy();
    register.used += range.energy();
    register::set(cx, key, register)?;
    Ok(found.1)
}

/// Enters what was used up.
pub(super) fn enter(
    cx: &mut Cx<'_>,
    at: &Use,
    range: &Range,
    (bundle, beneficiary): (&Bundle, &str),
    stored: Option<Stored>,
) -> Result<(), Code> {
    let claim = Claim {
        last: range.last,
        account: at.account,
        attributes: bundle.attributes,
        point: at.point,
        interval: at.interval,
        beneficiary: beneficiary.to_owned(),
        stored,
    };
    let (tables, journal) = cx.tables::<Granular>();
    tables.claims.set(journal, range.key(), claim)?;
    let key = (at.interval, at.point, range.key());
    tables.claimed.set(journal, key, ())
}

pub(super) fn set_total(cx: &mut Cx<'_>, at: &Use, total: Point) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Granular>();
    tables.points.set(journal, (at.interval, at.point), total)
}
