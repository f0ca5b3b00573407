//! What a transaction did, for whoever follows the stream.
//!
//! The events of all receipts, together with the genesis document, are enough to rebuild every balance: the
//! auditor in the tests does nothing else. The place of a variant is its number on the wire.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::account::{AccountStatus, NewAccount, Roles};
use crate::amount::{Currency, Money, Price, Quantity};
use crate::call::NewOrder;
use crate::carbon::trading::{AccessRecord, ContractId, Indicators};
use crate::carbon::{Instrument, InstrumentId, SerialRange};
use crate::exchange::{OrderId, Side};
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
        /// To.
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
    /// An order was accepted; what it traded at once follows.
    OrderPlaced {
        /// Its name.
        order: OrderId,
        /// In which book.
        instrument: InstrumentId,
        /// As given.
        terms: NewOrder,
    },
    /// A resting order was changed; what it traded thereby follows.
    OrderAmended {
        /// Its name.
        order: OrderId,
        /// In which book.
        instrument: InstrumentId,
        /// From now on.
        price: Price,
        /// From now on.
        open: Quantity,
        /// From now on.
        reserve: Price,
        /// It stands where it stood.
        kept_place: bool,
    },
    /// An order lost quantity without a trade.
    OrderReduced {
        /// Its name.
        order: OrderId,
        /// In which book.
        instrument: InstrumentId,
        /// How much it lost.
        quantity: Quantity,
        /// Why.
        end: OrderEnd,
    },
    /// Two orders traded: units for money, both moved.
    Traded {
        /// Of what.
        instrument: InstrumentId,
        /// The incoming order.
        taker: OrderId,
        /// The resting order.
        maker: OrderId,
        /// Which way the incoming order traded.
        taker_side: Side,
        /// The resting order's price.
        price: Price,
        /// How much.
        quantity: Quantity,
        /// Money from buyer to seller.
        amount: Money,
        /// Price the buyer's money had been set aside at; 0 for a market bid.
        bid_reserve: Price,
        /// Serial numbers from seller to buyer.
        blocks: Vec<SerialRange>,
    },
    /// A trading contract was opened.
    TradingContractOpened {
        /// Its number.
        contract: ContractId,
    },
    /// A verifier confirmed production indicators.
    IndicatorsEndorsed {
        /// Under which contract.
        contract: ContractId,
        /// What it confirmed.
        indicators: Indicators,
    },
    /// Algorithm 5 recorded trading data.
    TradingDataRecorded {
        /// Under which contract.
        contract: ContractId,
        /// Number of the record.
        record: u64,
    },
    /// Algorithm 5 found fields that fail the index check; nothing was recorded.
    TradingDataRefused {
        /// Under which contract.
        contract: ContractId,
        /// The exception values: names of the fields.
        exceptions: Vec<String>,
    },
    /// A trading contract ended; it accepts nothing more.
    ContractTerminated {
        /// Its number.
        contract: ContractId,
    },
    /// Someone queried the log.
    AccessLogged {
        /// Who, when, what for, with which result.
        access: AccessRecord,
        /// Numbers of the records found.
        records: Vec<u64>,
    },
    /// A transfer from an account to itself was booked; no unit moved.
    SelfTransferred {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How many units it was for.
        quantity: Quantity,
    },
}

/// Why an order lost quantity without a trade.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum OrderEnd {
    /// Its owner asked.
    Cancelled,
    /// It met an order of the same holder.
    SelfTrade,
    /// It may not rest, and nothing was left to trade with.
    NothingToTrade,
    /// Its account was blocked, suspended or closed.
    AccountBlocked,
}

impl Event {
    /// The accounts it concerns, for streams of one account group.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountId> {
        match self {
            Event::MemberRegistered { .. }
            | Event::RolesSet { .. }
            | Event::InstrumentCreated(_)
            | Event::TradingContractOpened { .. }
            | Event::IndicatorsEndorsed { .. }
            | Event::TradingDataRecorded { .. }
            | Event::TradingDataRefused { .. }
            | Event::ContractTerminated { .. }
            | Event::AccessLogged { .. } => Vec::new(),
            Event::AccountOpened(account) => vec![account.id],
            Event::RepresentativesSet { account, .. }
            | Event::AccountStatusSet { account, .. }
            | Event::Issued { account, .. }
            | Event::Surrendered { account, .. }
            | Event::Retired { account, .. }
            | Event::Cancelled { account, .. }
            | Event::Deposited { account, .. }
            | Event::Withdrawn { account, .. }
            | Event::SelfTransferred { account, .. } => vec![*account],
            Event::OrderPlaced { order, .. }
            | Event::OrderAmended { order, .. }
            | Event::OrderReduced { order, .. } => vec![order.account],
            Event::Traded { taker, maker, .. } => vec![taker.account, maker.account],
            Event::Allocated { from, to, .. } | Event::Transferred { from, to, .. } => {
                vec![*from, *to]
            }
        }
    }
}
