//! The register of an interval and device: everything that the metered energy backs, in one place; and how certificates are issued.

use borsh::{BorshDeserialize, BorshSerialize};

use super::bundle::{self, Attributes, Range};
use super::call::Call;
use super::device::{Device, Source};
use super::event::Event;
use super::expire;
use super::module::Granular;
use crate::amount::WattHours;
use crate::energy::rules::Role;
use crate::energy::{ResourceId, meter};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What the energy that a device produced in an interval backs, in watt hours, which are as many numbers.
///
/// `numbers = held + used + withdrawn + expired`, and `held + used + paid + withheld <= metered + over`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Register {
    /// The highest number given out; the next one follows it.
    pub numbers: u64,
    /// Numbers in bundles.
    pub held: u64,
    /// Numbers that were claimed or went into a storage.
    pub used: u64,
    /// Numbers that a correction took back.
    pub withdrawn: u64,
    /// Numbers that expired.
    pub expired: u64,
    /// Energy that paid what the device owed, and has no number.
    pub paid: u64,
    /// Energy that backs another attribute, and has no number.
    pub withheld: u64,
    /// By how much all this is more than the meter says since it was corrected.
    pub over: u64,
}

impl Register {
    /// What needs energy to back it. Correctness: it never grows beyond what was metered, at most `ENERGY_MAX`.
    pub(super) fn backed(&self) -> u64 {
        self.held + self.used + self.paid + self.withheld
    }
}

/// The register; an empty one where nothing was entered.
pub(super) fn of(cx: &Cx<'_>, key: (Millis, ResourceId)) -> Register {
    let found = cx.read::<Granular>().registers.get(&key);
    found.copied().unwrap_or_default()
}

pub(super) fn set(
    cx: &mut Cx<'_>,
    key: (Millis, ResourceId),
    register: Register,
) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Granular>();
    tables.registers.set(journal, key, register)
}

/// Refused in this order: issuer's account unknown, not represented, not open; no device, or too many; then of each: not enrolled,
/// another's to issue for, a storage; expired; not read; energy zero or more than backs nothing; its owner's account closed; at last: not
/// endorsed. How many bundles the owner has is no matter: else whoever sends it many would stop the issuer.
pub(super) fn issue(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    issuer: AccountId,
    start: Millis,
    shares: List<'_, (ResourceId, WattHours)>,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), issuer)?;
    if shares.is_empty() {
        return Err(Code::TOO_MANY);
    }
    cx.charge_items(shares.len())?;
    for (id, energy) in shares.iter() {
        let device = issued_by(cx, id, issuer)?;
        if device.source == Source::Storage {
            return Err(Code::DEVICE_INVALID);
        }
        let energy = room(cx, (start, id), energy)?;
        let owner = meter::of(cx, id)?.0.account;
        cx.read::<Identity>().to_receive(owner)?;
        let attributes = Attributes {
            source: device.source,
            place: device.place,
            issuer,
            intensity: device.intensity,
            charged: None,
        };
        if let Some(range) = give_out(cx, (start, id), energy, (owner, attributes))? {
            bundle::put(cx, &range, (owner, attributes))?;
        }
    }
    account::second(cx, issuer, slot, || endorse::digest::<Granular>(call))
}

/// Refused in this order: issuer's account unknown, not represented, not open; device not enrolled, another's to issue for; expired; not
/// read; energy zero or more than backs nothing; not endorsed.
pub(super) fn withhold(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    issuer: AccountId,
    key: (Millis, ResourceId),
    energy: WattHours,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), issuer)?;
    issued_by(cx, key.1, issuer)?;
    let withheld = room(cx, key, energy)?;
    account::second(cx, issuer, slot, || endorse::digest::<Granular>(call))?;

    let mut register = of(cx, key);
    register.withheld += withheld;
    set(cx, key, register)?;
    cx.emit::<Granular>(&Event::Withheld {
        device: key.1,
        start: key.0,
        account: meter::of(cx, key.1)?.0.account,
        issuer,
        energy,
    })
}

/// # Errors
/// In this order: `UNKNOWN_DEVICE`, `NOT_ITS_ISSUER`.
fn issued_by(cx: &Cx<'_>, id: ResourceId, issuer: AccountId) -> Result<Device, Code> {
    let device = *cx.read::<Granular>().device(id)?;
    if device.issuer != issuer {
        return Err(Code::NOT_ITS_ISSUER);
    }
    Ok(device)
}

/// So much of the interval's production, if that much backs nothing yet.
///
/// # Errors
/// In this order: `CERTIFICATE_EXPIRED`, `UNKNOWN_READING`, `PRODUCTION_EXCEEDED`.
pub(super) fn room(cx: &Cx<'_>, key: (Millis, ResourceId), energy: WattHours) -> Result<u64, Code> {
    expire::check(cx, key.0)?;
    let produced = meter::read(cx, key.0, key.1, Role::Supply)?;
    let free = produced.saturating_sub(of(cx, key).backed());
    match u64::try_from(energy.0) {
        Ok(energy) if (1..=free).contains(&energy) => Ok(energy),
        _ => Err(Code::PRODUCTION_EXCEEDED),
    }
}

/// Gives out numbers for energy that [`room`] found to be free, less what the device owes. The caller puts the range in.
pub(super) fn give_out(
    cx: &mut Cx<'_>,
    key: (Millis, ResourceId),
    energy: u64,
    (owner, attributes): (AccountId, Attributes),
) -> Result<Option<Range>, Code> {
    let mut device = *cx.read::<Granular>().device(key.1)?;
    let mut register = of(cx, key);
    let paid = device.owes().min(energy);
    let issued = energy - paid;
    // Correctness: a reading has 65,535 versions at most, and each of them lets `ENERGY_MAX` numbers out.
    let range = Range {
        start: key.0,
        device: key.1,
        first: register.numbers + 1,
        last: register.numbers + issued,
    };
    // Correctness: a part of the energy of one interval, at most `ENERGY_MAX`.
    let repaid = WattHours(paid.cast_signed());
    if paid > 0 {
        device.debt.0 -= repaid.0;
        register.paid += paid;
        let (tables, journal) = cx.tables::<Granular>();
        tables.devices.set(journal, key.1, device)?;
    }
    if issued > 0 {
        register.numbers = range.last;
        register.held += issued;
    }
    set(cx, key, register)?;
    cx.emit::<Granular>(&Event::Issued {
        device: key.1,
        start: key.0,
        account: owner,
        issuer: attributes.issuer,
        first: range.first,
        last: range.last,
        paid: repaid,
    })?;
    Ok((issued > 0).then_some(range))
}
