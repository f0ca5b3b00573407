//! The module: tables, and which rule does what is asked.

use super::bundle::{Bundle, BundleKey};
use super::call::Call;
use super::claim::{self, Claim, Point};
use super::device::{self, Device, NewDevice};
use super::emission;
use super::event::Event;
use super::expire;
use super::register::{self, Register};
use super::storage;
use super::transfer;
use crate::energy::{MicrogridId, ResourceId};
use crate::kernel::access::AccessSet;
use crate::kernel::context::{Cx, Phase};
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

crate::tables! {
    /// What granular certificates remember.
    pub struct Tables {
        /// Devices by the number of their meter.
        1 devices: Table<ResourceId, Device>,
        /// What the energy of each interval and device backs.
        2 registers: Ordered<(Millis, ResourceId), Register>,
        /// Numbers that are held, by the first of each range.
        3 bundles: Ordered<BundleKey, Bundle>,
        /// Bundles of each account.
        4 owned: Ordered<(AccountId, BundleKey), ()>,
        /// Numbers that were used up, by the first of each range.
        5 claims: Ordered<BundleKey, Claim>,
        /// Claims of each interval and meter.
        6 claimed: Ordered<(Millis, ResourceId, BundleKey), ()>,
        /// What was claimed for each interval and meter.
        7 points: Ordered<(Millis, ResourceId), Point>,
        /// Who may claim for a meter beside its owner.
        8 claimants: Table<ResourceId, AccountId>,
        /// What electricity emits that no certificate was claimed for, by microgrid and the time from which it holds.
        9 residuals: Ordered<(MicrogridId, Millis), u32>,
    }
}

/// The module.
pub struct Granular;

impl Module for Granular {
    const ID: u16 = 10;
    const NAME: &'static str = "granular";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;
    const PHASES: bool = true;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        // Devices, meters and bundles name accounts that no call does.
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::EnrolDevice {
                device,
                issuer,
                source,
                place,
                intensity,
            } => {
                let new = NewDevice {
                    issuer,
                    source,
                    place,
                    intensity,
                };
                device::enrol(cx, device, &new)
            }
            Call::Issue {
                issuer,
                start,
                shares,
            } => register::issue(cx, call, issuer, start, shares),
            Call::Withhold {
                issuer,
                device,
                start,
                energy,
            } => register::withhold(cx, call, issuer, (start, device), energy),
            Call::Transfer { from, to, ranges } => transfer::transfer(cx, call, from, to, ranges),
            Call::SetClaimant { point, claimant } => claim::set_claimant(cx, point, claimant),
            Call::Claim {
                account,
                point,
                interval,
                beneficiary,
                ranges,
            } => claim::claim(cx, call, account, (interval, point), beneficiary, ranges),
            Call::Charge {
                account,
                storage,
                interval,
                ranges,
            } => storage::charge(cx, call, account, (interval, storage), ranges),
            Call::Discharge {
                account,
                charged: (interval, device),
                first,
                start,
                energy,
            } => storage::discharge(cx, call, account, (interval, device, first), start, energy),
            Call::SetResidual {
                microgrid,
                from,
                intensity,
            } => emission::set_residual(cx, microgrid, from, intensity),
        }
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        match phase {
            Phase::Begin => expire::expire(cx),
            Phase::End => Ok(()),
        }
    }
}
