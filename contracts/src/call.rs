//! What a transaction can ask for.
//!
//! The place of a variant is its number on the wire: new ones go to the end. A call that names an account may do
//! so only when the transaction declares that account.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::account::{AccountStatus, NewAccount, Roles};
use crate::amount::{Currency, Money, Quantity};
use crate::carbon::{Instrument, InstrumentId, SerialRange};
use crate::tx::{AccountId, PublicKey};

/// Most receivers of one allocation, and most blocks of one transfer.
pub const LIST_MAX: usize = 1024;

/// What a transaction asks for.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Nothing: uses up a nonce, for example to void transactions that wait at it.
    Nothing,
    /// Admits a key. Registry administrator, or regulator.
    RegisterMember {
        /// The new member's key.
        key: PublicKey,
        /// What it may do.
        roles: Roles,
        /// Name for people.
        name: String,
    },
    /// Gives and takes roles; none at all shuts the member out. Registry administrator, or regulator.
    SetRoles {
        /// Whose.
        key: PublicKey,
        /// All roles it has from now on.
        roles: Roles,
    },
    /// Opens an account. Registry administrator, or regulator.
    OpenAccount(NewAccount),
    /// Replaces the representatives. Registry administrator, or regulator.
    SetRepresentatives {
        /// Of which account.
        account: AccountId,
        /// All of them, at least one.
        representatives: Vec<PublicKey>,
    },
    /// Opens again, blocks, suspends or closes an account. Regulator.
    SetAccountStatus {
        /// Which.
        account: AccountId,
        /// From now on.
        status: AccountStatus,
        /// For the log.
        reason: String,
    },
    /// Adds an instrument. Regulator.
    CreateInstrument(Instrument),
    /// Creates units with the next serial numbers. Regulator.
    Issue {
        /// Who receives them.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How many.
        quantity: Quantity,
    },
    /// Hands out units of a government account, all or nothing. Regulator.
    Allocate {
        /// The government account.
        from: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// For which year.
        year: u16,
        /// Who gets how many.
        shares: Vec<(AccountId, Quantity)>,
    },
    /// Moves units, lowest serial numbers first. Operator representative or trader, for an account it represents.
    Transfer {
        /// Giving account.
        from: AccountId,
        /// Receiving account; the same one is allowed and changes nothing.
        to: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How many.
        quantity: Quantity,
    },
    /// Moves exactly these serial numbers. As [`Call::Transfer`].
    TransferBlocks {
        /// Giving account.
        from: AccountId,
        /// Receiving account.
        to: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Which; rising and disjoint.
        blocks: Vec<SerialRange>,
    },
    /// Gives units back against emissions. Operator representative; operator holding accounts only.
    Surrender {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How many.
        quantity: Quantity,
        /// For the emissions of which year.
        year: u16,
    },
    /// Uses units up for good. Operator representative or trader.
    Retire {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How many.
        quantity: Quantity,
        /// On whose behalf.
        beneficiary: String,
        /// What for.
        reason: String,
    },
    /// Takes units out of circulation. Operator representative or trader.
    CancelUnits {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How many.
        quantity: Quantity,
        /// Why.
        reason: String,
    },
    /// Books money that arrived outside the ledger. Cash operator.
    Deposit {
        /// Whose.
        account: AccountId,
        /// Of what.
        currency: Currency,
        /// How much; above zero.
        amount: Money,
    },
    /// Books money that is paid out. Cash operator.
    Withdraw {
        /// Whose.
        account: AccountId,
        /// Of what.
        currency: Currency,
        /// How much; above zero.
        amount: Money,
    },
}
