//! What can happen in energy. Every event names the accounts it concerns, so that their streams have it.

use super::rules::{Kind, Last, Minutes, Quality, Ranking, Role};
use super::session::SessionPhase;
use super::{MicrogridId, ResourceId};
use crate::amount::{Currency, Money, Price, WattHours, Watts};
use crate::tx::{AccountId, Millis};

crate::events! {
    /// What can happen in energy.
    pub enum Event {
        /// A microgrid was opened.
        1 MicrogridOpened {
            /// Its number.
            microgrid: MicrogridId,
            /// The grid operator's account.
            account: AccountId,
            /// What is paid in.
            currency: Currency,
            /// Length of its delivery periods.
            minutes: Minutes,
        }
        /// A microgrid has these rules from now on; also told when it is opened.
        2 RulesSet {
            /// Which.
            microgrid: MicrogridId,
            /// The grid operator's account.
            account: AccountId,
            /// In which order offers are taken.
            ranking: Ranking,
            /// What becomes of the last one.
            last: Last,
            /// Prices are multiples of this.
            tick: u32,
            /// What a megawatt hour costs that is missing.
            imbalance_price: Price,
        }
        /// An account became a prosumer.
        3 ProsumerRegistered {
            /// Which.
            account: AccountId,
            /// Where.
            microgrid: MicrogridId,
            /// What it is.
            kind: Kind,
        }
        /// A prosumer may take part, or not any more.
        4 ActiveSet {
            /// Which.
            account: AccountId,
            /// Whether it may.
            active: bool,
        }
        /// A resource was registered.
        5 ResourceRegistered {
            /// Number of its meter.
            resource: ResourceId,
            /// Whose.
            account: AccountId,
            /// Most power it takes, not above zero.
            power_min: Watts,
            /// Most power it gives.
            power_max: Watts,
            /// What it can store.
            capacity: WattHours,
            /// Which part of what it takes it stores, in millionths.
            efficiency_ppm: u32,
            /// What it holds.
            charge: WattHours,
            /// Number of the member that reads it.
            reader: u32,
        }
        /// A meter has another reader.
        6 ReaderSet {
            /// Which meter.
            resource: ResourceId,
            /// Whose.
            account: AccountId,
            /// Number of the member that reads it from now on.
            reader: u32,
        }
        /// A session was opened.
        7 VppSessionOpened {
            /// Its number.
            session: u64,
            /// Who opened it.
            initiator: AccountId,
            /// What the initiator does.
            role: Role,
            /// Energy required.
            energy: WattHours,
            /// Start of the delivery period.
            start: Millis,
            /// Its length.
            minutes: Minutes,
            /// The worst price the initiator takes.
            price: Price,
            /// When the session closes.
            closes: Millis,
            /// Money set aside.
            deposit: Money,
        }
        /// An offer was made, or replaced.
        8 VppJoined {
            /// In which session.
            session: u64,
            /// Who opened it.
            initiator: AccountId,
            /// Who offers.
            account: AccountId,
            /// By which resource.
            resource: ResourceId,
            /// How much.
            energy: WattHours,
            /// At which price.
            price: Price,
            /// Place in the order of acceptance.
            sequence: u32,
        }
        /// An offer was taken back.
        9 VppLeft {
            /// In which session.
            session: u64,
            /// Who opened it.
            initiator: AccountId,
            /// Whose.
            account: AccountId,
        }
        /// How a session stands.
        10 RunningTotal {
            /// Which.
            session: u64,
            /// Who opened it.
            initiator: AccountId,
            /// How many offers there are, or were taken.
            offers: u32,
            /// What they come to.
            total: WattHours,
            /// What is required.
            required: WattHours,
        }
        /// A session closed and a plant was formed.
        11 VppFormed {
            /// Which session.
            session: u64,
            /// Who opened it.
            initiator: AccountId,
            /// Energy of all allocations.
            total: WattHours,
            /// How many there are.
            members: u32,
        }
        /// A part of the plant: energy that an account is to give or take in the period.
        12 Allocated {
            /// Which session.
            session: u64,
            /// Who opened it.
            initiator: AccountId,
            /// Whose.
            account: AccountId,
            /// By which resource.
            resource: ResourceId,
            /// How much.
            energy: WattHours,
            /// At which price.
            price: Price,
        }
        /// A session closed and an offer was not taken, or no plant was formed: what it set aside is free.
        13 OfferReturned {
            /// Which session.
            session: u64,
            /// Whose.
            account: AccountId,
        }
        /// A session closed without a plant: the deposit is free.
        14 VppNotFormed {
            /// Which session.
            session: u64,
            /// Who opened it.
            initiator: AccountId,
            /// Why.
            reason: SessionPhase,
            /// What was offered by those who might take part.
            total: WattHours,
            /// What was required.
            required: WattHours,
        }
        /// A meter was read, or a reading corrected.
        15 MeterRead {
            /// Which meter.
            resource: ResourceId,
            /// Whose.
            account: AccountId,
            /// Start of the period.
            start: Millis,
            /// What went into the grid; below zero what came out of it.
            energy: WattHours,
            /// How it came about.
            quality: Quality,
            /// 1 for the first reading.
            version: u16,
        }
        /// An allocation was paid by a reading.
        16 EnergySettled {
            /// Of which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Who opened the session.
            initiator: AccountId,
            /// Who is paid for missing energy.
            operator: AccountId,
            /// How much was allocated.
            allocated: WattHours,
            /// How much of it was delivered.
            delivered: WattHours,
            /// What is paid for it, by whoever consumes to whoever supplies.
            payment: Money,
            /// What is charged for the rest, to the account.
            charge: Money,
        }
        /// A corrected reading changed what was paid for an allocation.
        17 EnergyResettled {
            /// Of which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Who opened the session.
            initiator: AccountId,
            /// Who is paid for missing energy.
            operator: AccountId,
            /// How much was delivered by the correction.
            delivered: WattHours,
            /// What is paid more than before; below zero it is paid back.
            payment: Money,
            /// What is charged more than before; below zero it is given back.
            charge: Money,
        }
        /// No meter was read for an allocation in time: what waited for it is free. A later reading still counts.
        18 AllocationReleased {
            /// Of which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// Who opened the session.
            initiator: AccountId,
        }
        /// What came into a microgrid and was lost in it was declared.
        19 BalanceDeclared {
            /// Where.
            microgrid: MicrogridId,
            /// The grid operator's account.
            account: AccountId,
            /// Start of the period.
            start: Millis,
            /// Sum of all readings of members.
            members: WattHours,
            /// What came in at the border.
            exchange: WattHours,
            /// What was lost.
            loss: WattHours,
            /// What nobody accounts for: members and exchange less loss.
            residual: WattHours,
        }
        /// An account owes more, since it could not pay.
        20 ArrearsAdded {
            /// Who owes.
            account: AccountId,
            /// Whom.
            to: AccountId,
            /// Of what.
            currency: Currency,
            /// How much more.
            amount: Money,
        }
        /// An account paid what it owed, or a part of it.
        21 ArrearsPaid {
            /// Who owed.
            account: AccountId,
            /// Whom.
            to: AccountId,
            /// Of what.
            currency: Currency,
            /// How much.
            amount: Money,
            /// What it still owes.
            left: Money,
        }
    }
}
