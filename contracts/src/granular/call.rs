//! What can be asked of granular certificates.

use super::bundle::Ranges;
use super::device::Source;
use crate::account::Roles;
use crate::amount::WattHours;
use crate::energy::{MicrogridId, ResourceId};
use crate::kernel::wire::List;
use crate::tx::{AccountId, Millis};

/// Who holds certificates and uses them.
const HOLDER: Roles = Roles::PROSUMER.with(Roles::AGGREGATOR).with(Roles::TRADER);

crate::calls! {
    /// What can be asked of granular certificates.
    pub enum Call<'a> {
        /// Enrols a metered resource, or says anew what is true of it; certificates that are there keep what they say. One whose issuer
        /// can issue no more is taken over. For a representative of the issuer.
        1 EnrolDevice "enrol-device" for Who::Roles(Roles::REGISTRY_ADMINISTRATOR), on Profiles::DESIGNATED, costs 50 {
            /// Number of its meter.
            device: ResourceId,
            /// The account that issues its certificates.
            issuer: AccountId,
            /// What it makes electricity of; `storage` for what stores and for nothing else.
            source: Source,
            /// Where it stands: latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// What it emits, in milligrams of carbon dioxide for a kilowatt hour; 0 of a storage, which passes on what went in.
            intensity: u32,
        }
        /// Issues certificates against readings of one interval, all or none, to the owners of the devices; what a device owes by
        /// corrections is paid first. For a representative of the issuer.
        2 Issue "issue" for Who::Roles(Roles::REGISTRY_ADMINISTRATOR), on Profiles::DESIGNATED, costs 20 {
            /// The account that issues.
            issuer: AccountId,
            /// Start of the interval.
            start: Millis,
            /// Devices, and how much of what each of them produced.
            shares: List<'a, (ResourceId, WattHours)>,
        }
        /// Says that energy of a device and interval backs another attribute: no certificate is ever issued for it. For a
        /// representative of the issuer.
        3 Withhold "withhold" for Who::Roles(Roles::REGISTRY_ADMINISTRATOR), on Profiles::DESIGNATED, costs 20 {
            /// The account that issues.
            issuer: AccountId,
            /// Which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// How much; above zero.
            energy: WattHours,
        }
        /// Gives ranges of numbers to another account, all or none. A bundle is split where a range begins and ends.
        4 Transfer "transfer" for Who::Roles(HOLDER), on Profiles::DESIGNATED, costs 20 {
            /// Who gives them, whom the sender represents.
            from: AccountId,
            /// Who gets them.
            to: AccountId,
            /// Which, rising: start of the interval and device, first and last number.
            ranges: Ranges<'a>,
        }
        /// Names the account that may claim for a meter beside its owner, or none.
        5 SetClaimant "set-claimant" for Who::Roles(HOLDER), on Profiles::DESIGNATED, costs 20 {
            /// Which meter; for a representative of its account.
            point: ResourceId,
            /// Who may claim from now on.
            claimant: Option<AccountId>,
        }
        /// Uses certificates up for what a meter consumed in an interval that overlaps theirs, all or none.
        6 Claim "claim" for Who::Roles(HOLDER), on Profiles::DESIGNATED, costs 20 {
            /// Who holds them, whom the sender represents; the meter's owner or its claimant.
            account: AccountId,
            /// Which meter.
            point: ResourceId,
            /// Start of the meter's interval.
            interval: Millis,
            /// For whom, in words.
            beneficiary: &'a str,
            /// Which, rising: start of the interval and device, first and last number.
            ranges: Ranges<'a>,
        }
        /// Uses certificates up for what a storage took in an interval that overlaps theirs, all or none: what it can give back is
        /// kept with each range, less the losses declared for it, truncated.
        7 Charge "charge" for Who::Roles(HOLDER), on Profiles::DESIGNATED, costs 20 {
            /// Who holds them, whom the sender represents; the storage's owner or its claimant.
            account: AccountId,
            /// Which storage.
            storage: ResourceId,
            /// Start of the interval in which it took the energy.
            interval: Millis,
            /// Which, rising: start of the interval and device, first and last number.
            ranges: Ranges<'a>,
        }
        /// Issues certificates for what came out of a storage, against what one range put in. They go to whoever put it in.
        8 Discharge "discharge" for Who::Roles(HOLDER), on Profiles::DESIGNATED, costs 20 {
            /// Who put it in, whom the sender represents.
            account: AccountId,
            /// Interval and device of the range.
            charged: (Millis, ResourceId),
            /// Its first number.
            first: u64,
            /// Start of the interval in which it came out, after that in which it went in.
            start: Millis,
            /// How much; above zero.
            energy: WattHours,
        }
        /// Publishes what electricity emits that no certificate was claimed for, in a microgrid from a time on.
        9 SetResidual "set-residual" for Who::Roles(Roles::REGULATOR), on Profiles::DESIGNATED, costs 20 {
            /// Where.
            microgrid: MicrogridId,
            /// From when on, until the next one.
            from: Millis,
            /// In milligrams of carbon dioxide for a kilowatt hour.
            intensity: u32,
        }
    }
}
