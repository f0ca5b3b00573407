//! A device: a metered resource whose production is certified, what it makes electricity of, and who issues its certificates.
//!
//! A device has one issuer. Another one takes it over by enrolling it, once the present one can issue no more: its account is closed, or
//! no representative of it is an administrator of the registry any more. That says as much as enrolling a device that nobody enrolled,
//! and takes no more than that; whoever can still issue cannot be driven out. The device's debt goes over with it, and certificates
//! that are there keep the issuer they name. An account that is only blocked keeps its devices: the registry ends that by naming
//! other representatives.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::module::{Granular, Tables};
use crate::account::Roles;
use crate::amount::WattHours;
use crate::energy::rules::Minutes;
use crate::energy::{ResourceId, meter};
use crate::identity::Identity;
use crate::identity::account::{self, AccountStatus};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::retail::place::Place;
use crate::tx::AccountId;

/// Highest intensity, in milligrams of carbon dioxide for a kilowatt hour: ten kilograms, beyond any fuel.
pub const INTENSITY_MAX: u32 = 10_000_000;

crate::choices! {
    /// What electricity is made of.
    pub enum Source {
        /// Sunlight.
        Solar "solar",
        /// Wind.
        Wind "wind",
        /// Falling or flowing water, tides and waves.
        Hydro "hydro",
        /// Heat of the earth.
        Geothermal "geothermal",
        /// Biomass, biogas and waste of plants.
        Biomass "biomass",
        /// Nuclear fuel.
        Nuclear "nuclear",
        /// Natural gas.
        Gas "gas",
        /// Coal and peat.
        Coal "coal",
        /// Oil.
        Oil "oil",
        /// Anything else.
        Other "other",
        /// What was stored: certificates of it keep the source of what went in.
        Storage "storage",
    }
}

/// A device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Device {
    /// Who issues its certificates.
    pub issuer: AccountId,
    /// What it makes electricity of.
    pub source: Source,
    /// Where it stands.
    pub place: Place,
    /// What it emits, in milligrams of carbon dioxide for a kilowatt hour.
    pub intensity: u32,
    /// By how much more was used than corrected meters say it produced; paid by what is issued next. Below zero it paid too much,
    /// because a meter was corrected up again: that counts for the next debt.
    pub debt: WattHours,
}

impl Device {
    /// What it owes, in watt hours.
    pub(super) fn owes(&self) -> u64 {
        self.debt.0.max(0).unsigned_abs()
    }
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_DEVICE`.
    pub(super) fn device(&self, id: ResourceId) -> Result<&Device, Code> {
        self.devices.get(&id).ok_or(Code::UNKNOWN_DEVICE)
    }
}

/// What is said of a device.
pub(super) struct NewDevice {
    pub(super) issuer: AccountId,
    pub(super) source: Source,
    pub(super) place: (i64, i64),
    pub(super) intensity: u32,
}

/// Whether an account can still issue, now or once it is open again.
fn issues(cx: &Cx<'_>, issuer: AccountId) -> bool {
    let account = cx.read::<Identity>().accounts.get(&issuer);
    account.is_some_and(|account| account.status != AccountStatus::Closed)
        && account::has_role(cx, issuer, Roles::REGISTRY_ADMINISTRATOR)
}

/// Refused in this order: issuer's account unknown, not represented, not open; resource unknown; another issuer's that still issues; no such
/// place; intensity beyond the limit, periods of half an hour, or a source that does not fit whether it stores.
pub(super) fn enrol(cx: &mut Cx<'_>, id: ResourceId, new: &NewDevice) -> Result<(), Code> {
    cx.read::<Identity>().to_move(cx.member(), new.issuer)?;
    let (resource, minutes) = meter::of(cx, id)?;
    let old = cx.read::<Granular>().devices.get(&id).copied();
    let before = old.map(|old| old.issuer);
    let before = before.filter(|issuer| *issuer != new.issuer);
    if before.is_some_and(|issuer| issues(cx, issuer)) {
        return Err(Code::NOT_ITS_ISSUER);
    }
    let place = Place::new(new.place)?;
    let stores = resource.capacity > WattHours::ZERO;
    let intensity_max = if stores { 0 } else { INTENSITY_MAX };
    let sound = new.intensity <= intensity_max
        && matches!(minutes, Minutes::Fifteen | Minutes::Sixty)
        && (new.source == Source::Storage) == stores;
    if !sound {
        return Err(Code::DEVICE_INVALID);
    }

    let device = Device {
        issuer: new.issuer,
        source: new.source,
        place,
        intensity: new.intensity,
        debt: old.map_or(WattHours::ZERO, |old| old.debt),
    };
    let (tables, journal) = cx.tables::<Granular>();
    tables.devices.set(journal, id, device)?;
    cx.emit::<Granular>(&Event::DeviceEnrolled {
        device: id,
        account: resource.account,
        issuer: device.issuer,
        before,
        source: device.source,
        place: device.place.as_pair(),
        intensity: device.intensity,
    })
}
