//! What can happen to granular certificates. Every event names the accounts it concerns, so that their streams have it.

use super::device::Source;
use crate::amount::WattHours;
use crate::energy::{MicrogridId, ResourceId};
use crate::tx::{AccountId, Millis};

crate::events! {
    /// What can happen to granular certificates.
    pub enum Event<'a> {
        /// A device was enrolled, or what is true of it was said anew.
        1 DeviceEnrolled {
            /// Number of its meter.
            device: ResourceId,
            /// Whose it is.
            account: AccountId,
            /// Who issues its certificates.
            issuer: AccountId,
            /// Who issued them before, where another one takes the device over.
            before: Option<AccountId>,
            /// What it makes electricity of.
            source: Source,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// Milligrams of carbon dioxide for a kilowatt hour.
            intensity: u32,
        }
        /// Certificates were issued: numbers `first` to `last`, none when all of the energy paid a debt and `last` is below `first`.
        2 Issued {
            /// Which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// Whom they were issued to.
            account: AccountId,
            /// Who issued them.
            issuer: AccountId,
            /// The first number.
            first: u64,
            /// The last one.
            last: u64,
            /// How much of the energy paid what the device owed.
            paid: WattHours,
        }
        /// Energy backs another attribute, and no certificate is issued for it.
        3 Withheld {
            /// Which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// Whose it is.
            account: AccountId,
            /// Who issues its certificates.
            issuer: AccountId,
            /// How much.
            energy: WattHours,
        }
        /// Certificates have another owner.
        4 Transferred {
            /// Which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// Who gave them.
            from: AccountId,
            /// Who got them.
            to: AccountId,
            /// The first number.
            first: u64,
            /// The last one.
            last: u64,
        }
        /// Another account may claim for a meter, or none any more.
        5 ClaimantSet {
            /// Which meter.
            point: ResourceId,
            /// Whose it is.
            account: AccountId,
            /// Who may claim for it beside the owner.
            claimant: Option<AccountId>,
        }
        /// Certificates were used up for a consumption.
        6 Claimed {
            /// Of which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// The first number.
            first: u64,
            /// The last one.
            last: u64,
            /// Who held them.
            account: AccountId,
            /// Which meter consumed the energy.
            point: ResourceId,
            /// Whose it is.
            owner: AccountId,
            /// Start of the meter's interval.
            interval: Millis,
            /// For whom, in words.
            beneficiary: &'a str,
        }
        /// Certificates were used up for what a storage took.
        7 Charged {
            /// Of which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// The first number.
            first: u64,
            /// The last one.
            last: u64,
            /// Who held them, and gets what comes out.
            account: AccountId,
            /// Which storage.
            storage: ResourceId,
            /// Whose it is.
            owner: AccountId,
            /// Start of the interval in which it took the energy.
            interval: Millis,
            /// What can come out.
            left: WattHours,
        }
        /// What was stored came out; the certificates for it are told beside this.
        8 Discharged {
            /// Which storage.
            storage: ResourceId,
            /// Start of the interval in which it came out.
            start: Millis,
            /// Who put it in.
            account: AccountId,
            /// Interval and device of the range that put it in.
            charged: (Millis, ResourceId),
            /// Its first number.
            first: u64,
            /// How much.
            energy: WattHours,
            /// What of the range can still come out.
            left: WattHours,
        }
        /// A meter was corrected downward, and certificates that nobody used are void.
        9 Withdrawn {
            /// Which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// Who held them.
            account: AccountId,
            /// The first number.
            first: u64,
            /// The last one.
            last: u64,
        }
        /// A correction changed what a device owes.
        10 DebtChanged {
            /// Which device.
            device: ResourceId,
            /// Whose it is.
            account: AccountId,
            /// Who issues its certificates.
            issuer: AccountId,
            /// Start of the interval that was corrected.
            start: Millis,
            /// What it owes now; below zero what it has paid too much, which counts for the next debt.
            debt: WattHours,
        }
        /// Certificates expired that nobody used.
        11 Expired {
            /// Which device.
            device: ResourceId,
            /// Start of the interval.
            start: Millis,
            /// Who held them.
            account: AccountId,
            /// The first number.
            first: u64,
            /// The last one.
            last: u64,
        }
        /// The residual mix of a microgrid was published.
        12 ResidualSet {
            /// Where.
            microgrid: MicrogridId,
            /// The grid operator's account.
            account: AccountId,
            /// From when on.
            from: Millis,
            /// In milligrams of carbon dioxide for a kilowatt hour.
            intensity: u32,
        }
    }
}
