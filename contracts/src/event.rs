//! What a transaction did, for whoever follows the stream.
//!
//! The events of all receipts, together with the genesis document, are enough to rebuild every balance: the
//! auditor in the tests does nothing else. The place of a variant is its number on the wire.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::account::{AccountStatus, NewAccount, Roles};
use crate::amount::{Currency, Money};
use crate::carbon::{Instrument, InstrumentId, SerialRange};
use crate::tx::{AccountId, PublicKey};

/// Something a transaction did.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A key was admitted.
    MemberRegistered {
        /// The key.
        key: PublicKey,
        /// What it may do.
        roles: Roles,
    },
    /// A member's roles were replaced.
    RolesSet {
        /// The key.
        key: PublicKey,
        /// What it may do from now on.
        roles: Roles,
    },
    /// An account was opened.
    AccountOpened(NewAccount),
    /// An account's representatives were replaced.
    RepresentativesSet {
        /// Which account.
        account: AccountId,
        /// From now on, sorted.
        representatives: Vec<PublicKey>,
    },
    /// An account was opened again, blocked, suspended or closed.
    AccountStatusSet {
        /// Which account.
        account: AccountId,
        /// From now on.
        status: AccountStatus,
        /// As given.
        reason: String,
    },
    /// An instrument was added.
    InstrumentCreated(Instrument),
    /// Units were created.
    Issued {
        /// Who received them.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Their serial numbers.
        block: SerialRange,
    },
    /// Units of a government account were handed out.
    Allocated {
        /// The government account.
        from: AccountId,
        /// The receiver.
        to: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// For which year.
        year: u16,
        /// Their serial numbers.
        blocks: Vec<SerialRange>,
    },
    /// Units moved.
    Transferred {
        /// From.
        from: AccountId,
        /// To; may be the same.
        to: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Their serial numbers.
        blocks: Vec<SerialRange>,
    },
    /// Units were given back against emissions.
    Surrendered {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Their serial numbers.
        blocks: Vec<SerialRange>,
        /// For the emissions of which year.
        year: u16,
    },
    /// Units were used up.
    Retired {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Their serial numbers.
        blocks: Vec<SerialRange>,
        /// On whose behalf.
        beneficiary: String,
        /// What for.
        reason: String,
    },
    /// Units were taken out of circulation.
    Cancelled {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Their serial numbers.
        blocks: Vec<SerialRange>,
        /// Why.
        reason: String,
    },
    /// Money came in from outside.
    Deposited {
        /// Whose.
        account: AccountId,
        /// Of what.
        currency: Currency,
        /// How much.
        amount: Money,
    },
    /// Money was paid out.
    Withdrawn {
        /// Whose.
        account: AccountId,
        /// Of what.
        currency: Currency,
        /// How much.
        amount: Money,
    },
}

impl Event {
    /// The accounts it concerns, for streams of one account group.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountId> {
        match self {
            Event::MemberRegistered { .. }
            | Event::RolesSet { .. }
            | Event::InstrumentCreated(_) => Vec::new(),
            Event::AccountOpened(account) => vec![account.id],
            Event::RepresentativesSet { account, .. }
            | Event::AccountStatusSet { account, .. }
            | Event::Issued { account, .. }
            | Event::Surrendered { account, .. }
            | Event::Retired { account, .. }
            | Event::Cancelled { account, .. }
            | Event::Deposited { account, .. }
            | Event::Withdrawn { account, .. } => vec![*account],
            Event::Allocated { from, to, .. } | Event::Transferred { from, to, .. } => {
                vec![*from, *to]
            }
        }
    }
}
