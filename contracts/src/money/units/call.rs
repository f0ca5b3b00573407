//! What can be asked of units, and what can happen to them.

use super::delayed::Ending;
use super::instrument::{Form, Right};
use super::pool::Fate;
use crate::account::Roles;
use crate::amount::{Currency, Quantity};
use crate::carbon::InstrumentId;
use crate::kernel::wire::List;
use crate::money::call::MOVER;
use crate::tx::{AccountId, Millis};

crate::calls! {
    /// What can be asked of units.
    pub enum Call<'a> {
        /// Moves units to another account; of serialised ones those with the lowest numbers.
        1 Transfer "transfer" for Who::Roles(MOVER), on Profiles::ALL, costs 5 {
            /// Giving account, which the sender represents.
            from: AccountId,
            /// Receiving account.
            to: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
        }
        /// Moves exactly these numbers of a serialised instrument.
        2 TransferBlocks "transfer-blocks" for Who::Roles(MOVER), on Profiles::ALL, costs 10 {
            /// Giving account, which the sender represents.
            from: AccountId,
            /// Receiving account.
            to: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// First and last numbers; rising and disjoint.
            blocks: List<'a, (u64, u64)>,
        }
        /// Adds an instrument.
        3 CreateInstrument "create-instrument" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 50 {
            /// Its number.
            instrument: InstrumentId,
            /// Prefix of its serial numbers and name for people.
            symbol: &'a str,
            /// Which right a unit stands for.
            right: Right,
            /// Whether one unit is as good as another.
            form: Form,
            /// Trading phase or vintage year.
            vintage: u16,
            /// Smallest units in one contract unit, as a power of ten; at most 9.
            scale: u8,
            /// Money prices are in.
            currency: Currency,
            /// Prices are multiples of this many price steps.
            tick: u32,
            /// Orders are multiples of this.
            lot: Quantity,
            /// Money that one price step is worth for a whole contract unit.
            step_value: u32,
        }
        /// Creates units; not for an account the regulator represents.
        4 Issue "issue" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// Who receives them.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
        }
        /// Hands out units of a government account, all or nothing.
        5 Allocate "allocate" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// The government account.
            from: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// For which year.
            year: u16,
            /// Who gets how many.
            shares: List<'a, (AccountId, Quantity)>,
        }
        /// Uses units up for good, on somebody's behalf. Against the emissions of an installation, carbon takes them.
        6 Retire "retire" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
            /// On whose behalf.
            beneficiary: &'a str,
            /// What for.
            reason: &'a str,
        }
        /// Takes units out of circulation.
        7 Cancel "cancel" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
            /// Why.
            reason: &'a str,
        }
        /// Sets how long it takes until an account that is added to the trusted ones is; 0 trusts every account. A shorter
        /// delay holds when the present one is over.
        8 SetControl "set-control" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Whose.
            account: AccountId,
            /// In milliseconds.
            delay: u64,
        }
        /// Adds an account to the trusted ones, after the delay.
        9 Trust "trust" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Whose list.
            account: AccountId,
            /// Who is trusted.
            other: AccountId,
        }
        /// Takes an account off the trusted ones, at once.
        10 Distrust "distrust" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Whose list.
            account: AccountId,
            /// Who is trusted no more.
            other: AccountId,
        }
        /// Moves units to an account that is not trusted, once the delay is over.
        11 TransferDelayed "transfer-delayed" for Who::Roles(MOVER), on Profiles::ALL, costs 50 {
            /// Giving account, which the sender represents.
            from: AccountId,
            /// Receiving account.
            to: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
            /// Which numbers, if they have any: first and last, rising and disjoint.
            blocks: List<'a, (u64, u64)>,
        }
        /// Stops a delayed transfer: the units stay where they are. One representative of the giving account is enough.
        12 StopTransfer "stop-transfer" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Which, by its number.
            transfer: u64,
        }
    }
}

crate::events! {
    /// What can happen to units.
    pub enum Event<'a> {
        /// Units moved.
        1 Transferred {
            /// From.
            from: AccountId,
            /// To.
            to: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// Their numbers, if they have any: first and last.
            blocks: List<'a, (u64, u64)>,
        }
        /// An instrument was added.
        2 InstrumentCreated {
            /// Its number.
            instrument: InstrumentId,
            /// Its name.
            symbol: &'a str,
            /// Whether one unit is as good as another.
            form: Form,
        }
        /// Units were created.
        3 Issued {
            /// Who received them.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// Their numbers, if they have any.
            blocks: List<'a, (u64, u64)>,
        }
        /// Units of a government account were handed out.
        4 Allocated {
            /// The government account.
            from: AccountId,
            /// The receiver.
            to: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// Their numbers, if they have any.
            blocks: List<'a, (u64, u64)>,
            /// For which year.
            year: u16,
        }
        /// Units left circulation for good.
        5 Spent {
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How.
            fate: Fate,
            /// How many.
            quantity: Quantity,
            /// Their numbers, which are used up with them.
            blocks: List<'a, (u64, u64)>,
            /// For the emissions of which year, if they were surrendered; else 0.
            year: u16,
            /// On whose behalf.
            beneficiary: &'a str,
            /// What for.
            reason: &'a str,
        }
        /// A transfer from an account to itself was booked, as registries do; no unit moved and none was needed.
        6 SelfTransferred {
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many units it was for.
            quantity: Quantity,
        }
        /// A delay was set.
        7 ControlSet {
            /// Whose.
            account: AccountId,
            /// In milliseconds.
            delay: u64,
            /// From when it holds.
            from: Millis,
        }
        /// An account was added to the trusted ones.
        8 Trusted {
            /// Whose list.
            account: AccountId,
            /// Who is trusted.
            other: AccountId,
            /// From when.
            from: Millis,
        }
        /// An account was taken off the trusted ones.
        9 Distrusted {
            /// Whose list.
            account: AccountId,
            /// Who is trusted no more.
            other: AccountId,
        }
        /// Units were set aside until they move.
        10 Delayed {
            /// Number of the transfer.
            transfer: u64,
            /// From.
            from: AccountId,
            /// To.
            to: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// Their numbers, if they have any.
            blocks: List<'a, (u64, u64)>,
            /// When they move.
            until: Millis,
        }
        /// A delayed transfer ended.
        11 DelayEnded {
            /// Number of the transfer.
            transfer: u64,
            /// From.
            from: AccountId,
            /// To.
            to: AccountId,
            /// How.
            ending: Ending,
        }
    }
}
