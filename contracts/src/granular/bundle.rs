//! Bundles: ranges of numbers of one interval and device with one owner, and how they are cut and joined.
//!
//! Two bundles that touch, of one owner and with the same attributes, are always one: so what is there does not depend on the way
//! it came, and whoever gets the pieces of a bundle together has the bundle. They keep no account from closing, for anybody can send
//! some: those of a closed account expire.

use borsh::{BorshDeserialize, BorshSerialize};

use super::device::Source;
use super::module::Granular;
use crate::energy::ResourceId;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::retail::place::Place;
use crate::tx::{AccountId, Millis};

/// Most ranges in a call.
pub const RANGES_MAX: usize = 64;
/// Most bundles of an account in an interval of a device, but for those it is issued: a split or a gift that would make it more is
/// refused. So who splits hurts itself alone, and whoever was sent many gives whole ones on or uses them up.
pub const BUNDLES_MAX: usize = 256;

/// Start of the interval, device, and first number.
pub type BundleKey = (Millis, ResourceId, u64);
/// Ranges in a call: start of the interval and device, first and last number.
pub type Ranges<'a> = List<'a, ((Millis, ResourceId), (u64, u64))>;

/// What a certificate says of the energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Attributes {
    /// What it was made of; of what was stored, what went in was made of.
    pub source: Source,
    /// Where the device stands.
    pub place: Place,
    /// Who issued it.
    pub issuer: AccountId,
    /// What was emitted, in milligrams of carbon dioxide for a kilowatt hour.
    pub intensity: u32,
    /// Of what came out of a storage: the range that went in.
    pub charged: Option<BundleKey>,
}

/// A range of numbers that are held, from that of its key on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bundle {
    /// The last number.
    pub last: u64,
    /// Whose they are.
    pub account: AccountId,
    /// What they say.
    pub attributes: Attributes,
}

impl Bundle {
    /// Whether two bundles that touch are one.
    fn joins(&self, other: &Self) -> bool {
        self.account == other.account && self.attributes == other.attributes
    }
}

/// A range of numbers of one interval and device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: Millis,
    pub(super) device: ResourceId,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Range {
    pub(super) fn key(&self) -> BundleKey {
        (self.start, self.device, self.first)
    }

    /// How many numbers, which are as many watt hours.
    pub(super) fn energy(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// The ranges of a call: each has numbers, and lies above the one before.
///
/// # Errors
/// In this order: `TOO_MANY`, `RANGE_INVALID`, `METER_EXCEEDED`.
pub(super) fn ranges(cx: &mut Cx<'_>, list: Ranges<'_>) -> Result<Vec<Range>, Code> {
    if list.is_empty() || list.len() > RANGES_MAX {
        return Err(Code::TOO_MANY);
    }
    let mut ranges: Vec<Range> = Vec::with_capacity(list.len());
    for ((start, device), (first, last)) in list.iter() {
        let above = ranges
            .last()
            .is_none_or(|one| (one.start, one.device, one.last) < (start, device, first));
        if first == 0 || last < first || !above {
            return Err(Code::RANGE_INVALID);
        }
        ranges.push(Range {
            start,
            device,
            first,
            last,
        });
    }
    cx.charge_items(ranges.len())?;
    Ok(ranges)
}

/// The bundle of the account that has all numbers of the range.
///
/// # Errors
/// `NOT_HELD`.
pub(super) fn held(
    cx: &Cx<'_>,
    account: AccountId,
    range: &Range,
) -> Result<(BundleKey, Bundle), Code> {
    let below = (range.start, range.device, 0)..=range.key();
    let found = cx.read::<Granular>().bundles.range(below).next_back();
    let found = found.filter(|(_, one)| one.account == account && range.last <= one.last);
    found.map(|(key, one)| (*key, *one)).ok_or(Code::NOT_HELD)
}

/// Takes a range out of the bundle that has it, and leaves what lies below and above.
///
/// # Errors
/// `BUNDLE_LIMIT` when both are left and the owner has one bundle too many.
pub(super) fn cut(
    cx: &mut Cx<'_>,
    (key, bundle): (BundleKey, Bundle),
    range: &Range,
) -> Result<(), Code> {
    let is_lowest = range.first == key.2;
    if is_lowest {
        remove(cx, key, &bundle)?;
    } else {
        let (tables, journal) = cx.tables::<Granular>();
        let last = range.first - 1;
        tables
            .bundles
            .set(journal, key, Bundle { last, ..bundle })?;
    }
    if range.last < bundle.last {
        insert(cx, (key.0, key.1, range.last + 1), bundle)?;
        if !is_lowest {
            check_own(cx, bundle.account, range)?;
        }
    }
    Ok(())
}

/// Whether the account has no more bundles of the range's interval and device than it may.
///
/// # Errors
/// `BUNDLE_LIMIT`.
fn check_own(cx: &mut Cx<'_>, account: AccountId, range: &Range) -> Result<(), Code> {
    let of = |number| (account, (range.start, range.device, number));
    let own = cx.read::<Granular>().owned.range(of(0)..=of(u64::MAX));
    let count = own.take(BUNDLES_MAX + 1).count();
    cx.charge_items(count)?;
    if count > BUNDLES_MAX {
        return Err(Code::BUNDLE_LIMIT);
    }
    Ok(())
}

/// Puts a range in as [`put`] does, unless the account then has one bundle too many.
///
/// # Errors
/// `BUNDLE_LIMIT`.
pub(super) fn give(
    cx: &mut Cx<'_>,
    range: &Range,
    owner: (AccountId, Attributes),
) -> Result<(), Code> {
    if put(cx, range, owner)? {
        check_own(cx, owner.0, range)?;
    }
    Ok(())
}

/// Puts a range in that nobody holds, as one with those it touches and joins; whether it joins none and is a bundle more.
pub(super) fn put(
    cx: &mut Cx<'_>,
    range: &Range,
    (account, attributes): (AccountId, Attributes),
) -> Result<bool, Code> {
    let mut new = Bundle {
        last: range.last,
        account,
        attributes,
    };
    let mut key = range.key();
    let bundles = &cx.read::<Granular>().bundles;
    let below = bundles.range((key.0, key.1, 0)..key).next_back();
    let below = below.filter(|(_, one)| one.last + 1 == range.first && one.joins(&new));
    let below = below.map(|(key, one)| (*key, *one));
    let above = range.last.checked_add(1).and_then(|next| {
        let key = (key.0, key.1, next);
        let found = bundles.get(&key).filter(|one| one.joins(&new));
        found.map(|one| (key, *one))
    });
    if let Some((above, one)) = above {
        remove(cx, above, &one)?;
        new.last = one.last;
    }
    match below {
        Some((below, _)) => {
            key = below;
            let (tables, journal) = cx.tables::<Granular>();
            tables.bundles.set(journal, key, new)?;
        }
        None => insert(cx, key, new)?,
    }
    Ok(below.is_none() && above.is_none())
}

/// Takes a whole bundle away.
pub(super) fn remove(cx: &mut Cx<'_>, key: BundleKey, bundle: &Bundle) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Granular>();
    tables.bundles.remove(journal, &key)?;
    tables.owned.remove(journal, &(bundle.account, key))?;
    Ok(())
}

fn insert(cx: &mut Cx<'_>, key: BundleKey, bundle: Bundle) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Granular>();
    tables.bundles.set(journal, key, bundle)?;
    tables.owned.set(journal, (bundle.account, key), ())
}
