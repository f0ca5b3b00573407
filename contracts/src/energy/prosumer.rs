//! Prosumers and their resources: who may take part, what each meter's plant can do, and how well it kept its word.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::microgrid;
use super::module::{Energy, Tables};
use super::rules::{ENERGY_MAX, Kind, POWER_MAX};
use super::{MicrogridId, ResourceId};
use crate::amount::{PPM, WattHours, Watts};
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::receipt::Code;
use crate::tx::{AccountId, PublicKey};

/// Most resources of a prosumer.
pub const RESOURCES_MAX: u32 = 16;

/// An account that takes part in plants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Prosumer {
    /// Where it is connected.
    pub microgrid: MicrogridId,
    /// What it is.
    pub kind: Kind,
    /// Whether it may take part.
    pub active: bool,
    /// How many resources it has.
    pub resources: u32,
    /// How many sessions of its own are open.
    pub sessions: u32,
    /// Energy that was allocated to it and has been read.
    pub committed: WattHours,
    /// How much of that it delivered.
    pub delivered: WattHours,
}

impl Prosumer {
    /// How well it kept its word: delivered out of committed in parts per million, truncated; the whole before the first reading.
    #[must_use]
    pub fn score(&self) -> u32 {
        if self.committed <= WattHours::ZERO {
            return PPM;
        }
        let delivered = i128::from(self.delivered.0) * i128::from(PPM);
        // Correctness: no more is delivered than was committed.
        u32::try_from(delivered / i128::from(self.committed.0)).unwrap_or(PPM)
    }
}

/// A plant, a battery or a load behind one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Resource {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub microgrid: MicrogridId,
    /// Who reads the meter.
    pub reader: MemberId,
    /// Most power it takes; not above zero.
    pub power_min: Watts,
    /// Most power it gives; not below zero.
    pub power_max: Watts,
    /// What it can store; 0 for what stores nothing.
    pub capacity: WattHours,
    /// Which part of what it takes it stores, in millionths.
    pub efficiency_ppm: u32,
    /// What it holds by its readings; from 0 to its capacity.
    pub charge: WattHours,
}

impl Resource {
    /// What a reading adds to the storage: what was taken, less what is lost on the way, truncated; or what was given, below zero.
    #[must_use]
    pub fn stored(&self, reading: WattHours) -> WattHours {
        if self.capacity == WattHours::ZERO {
            return WattHours::ZERO;
        }
        if reading > WattHours::ZERO {
            return WattHours(-reading.0);
        }
        let taken = i128::from(reading.0.unsigned_abs()) * i128::from(self.efficiency_ppm);
        // Correctness: the efficiency is at most 1 and a reading within `ENERGY_MAX`.
        WattHours(i64::try_from(taken / i128::from(PPM)).unwrap_or(i64::MAX))
    }

    fn is_sound(&self, kind: Kind) -> bool {
        let gives = self.power_max > Watts::ZERO;
        let takes = self.power_min < Watts::ZERO;
        let of_kind = match kind {
            Kind::Dpge | Kind::Chp => gives && !takes,
            Kind::Plp => takes && !gives,
            Kind::Psm => gives || takes,
        };
        let range = -POWER_MAX..=POWER_MAX;
        let power = (self.power_min.0 <= 0 && range.contains(&self.power_min.0))
            && (self.power_max.0 >= 0 && range.contains(&self.power_max.0));
        let storage = if self.capacity == WattHours::ZERO {
            self.efficiency_ppm == 0 && self.charge == WattHours::ZERO
        } else {
            (1..=ENERGY_MAX).contains(&self.capacity.0)
                && (1..=PPM).contains(&self.efficiency_ppm)
                && (WattHours::ZERO..=self.capacity).contains(&self.charge)
        };
        of_kind && power && storage
    }
}

impl Tables {
    /// The prosumer, if it may take part.
    ///
    /// # Errors
    /// `PROSUMER_NOT_REGISTERED`.
    pub(super) fn active(&self, account: AccountId) -> Result<&Prosumer, Code> {
        let found = self.prosumers.get(&account);
        found
            .filter(|prosumer| prosumer.active)
            .ok_or(Code::PROSUMER_NOT_REGISTERED)
    }

    /// # Errors
    /// `UNKNOWN_RESOURCE`.
    pub(super) fn resource(&self, id: ResourceId) -> Result<&Resource, Code> {
        self.resources.get(&id).ok_or(Code::UNKNOWN_RESOURCE)
    }
}

/// Refused in this order: microgrid unknown, not operated by the sender; account unknown, closed; a prosumer already.
pub(super) fn register(
    cx: &mut Cx<'_>,
    account: AccountId,
    microgrid: MicrogridId,
    kind: Kind,
) -> Result<(), Code> {
    microgrid::operated(cx, microgrid)?;
    cx.read::<Identity>().to_receive(account)?;
    if cx.read::<Energy>().prosumers.contains(&account) {
        return Err(Code::PROSUMER_EXISTS);
    }

    let new = Prosumer {
        microgrid,
        kind,
        active: true,
        resources: 0,
        sessions: 0,
        committed: WattHours::ZERO,
        delivered: WattHours::ZERO,
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.prosumers.set(journal, account, new)?;
    cx.emit::<Energy>(&Event::ProsumerRegistered {
        account,
        microgrid,
        kind,
    })
}

/// Refused in this order: not a prosumer; its microgrid not operated by the sender. Sessions and allocations go on; an offer of one
/// that may not take part when its session closes is not taken.
pub(super) fn set_active(cx: &mut Cx<'_>, account: AccountId, active: bool) -> Result<(), Code> {
    let found = cx.read::<Energy>().prosumers.get(&account).copied();
    let old = found.ok_or(Code::PROSUMER_NOT_REGISTERED)?;
    microgrid::operated(cx, old.microgrid)?;

    let (tables, journal) = cx.tables::<Energy>();
    let new = Prosumer { active, ..old };
    tables.prosumers.set(journal, account, new)?;
    cx.emit::<Energy>(&Event::ActiveSet { account, active })
}

/// What is said of a new resource beside its reader's key.
pub(super) struct NewResource {
    pub(super) account: AccountId,
    pub(super) power_min: Watts,
    pub(super) power_max: Watts,
    pub(super) capacity: WattHours,
    pub(super) efficiency_ppm: u32,
    pub(super) charge: WattHours,
}

/// Refused in this order: number taken; not an active prosumer; its microgrid not operated by the sender; reader unknown; power,
/// storage or efficiency out of range or not of the prosumer's kind, or one resource too many.
pub(super) fn register_resource(
    cx: &mut Cx<'_>,
    id: ResourceId,
    new: &NewResource,
    reader: PublicKey,
) -> Result<(), Code> {
    if cx.read::<Energy>().resources.contains(&id) {
        return Err(Code::RESOURCE_EXISTS);
    }
    let account = new.account;
    let prosumer = *cx.read::<Energy>().active(account)?;
    microgrid::operated(cx, prosumer.microgrid)?;
    let resource = Resource {
        account,
        microgrid: prosumer.microgrid,
        reader: member(cx, reader)?,
        power_min: new.power_min,
        power_max: new.power_max,
        capacity: new.capacity,
        efficiency_ppm: new.efficiency_ppm,
        charge: new.charge,
    };
    if !resource.is_sound(prosumer.kind) || prosumer.resources >= RESOURCES_MAX {
        return Err(Code::RESOURCE_INVALID);
    }

    let (tables, journal) = cx.tables::<Energy>();
    tables.resources.set(journal, id, resource)?;
    tables.owned.set(journal, (account, id), ())?;
    if let Some(prosumer) = tables.prosumers.update(journal, &account)? {
        prosumer.resources += 1;
    }
    cx.emit::<Energy>(&Event::ResourceRegistered {
        resource: id,
        account,
        power_min: resource.power_min,
        power_max: resource.power_max,
        capacity: resource.capacity,
        efficiency_ppm: resource.efficiency_ppm,
        charge: resource.charge,
        reader: resource.reader.0,
    })
}

/// Refused in this order: resource unknown; its microgrid not operated by the sender; reader unknown.
pub(super) fn set_reader(cx: &mut Cx<'_>, id: ResourceId, reader: PublicKey) -> Result<(), Code> {
    let old = *cx.read::<Energy>().resource(id)?;
    microgrid::operated(cx, old.microgrid)?;
    let reader = member(cx, reader)?;

    let (tables, journal) = cx.tables::<Energy>();
    tables
        .resources
        .set(journal, id, Resource { reader, ..old })?;
    cx.emit::<Energy>(&Event::ReaderSet {
        resource: id,
        account: old.account,
        reader: reader.0,
    })
}

fn member(cx: &Cx<'_>, key: PublicKey) -> Result<MemberId, Code> {
    let found = cx.members().get(&key).map(|member| member.id);
    found.ok_or(Code::UNKNOWN_MEMBER)
}
