//! What a transaction can ask for.
//!
//! The place of a variant is its number on the wire: new ones go to the end. A call that names an account may do
//! so only when the transaction declares that account.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::account::{AccountStatus, NewAccount, Roles};
use crate::amount::{Currency, Money, Price, Quantity};
use crate::carbon::trading::{ContractId, Indicators, NewTradingContract, Retrieval, TradingData};
use crate::carbon::{Instrument, InstrumentId, SerialRange};
use crate::exchange::{SelfTrade, Side, TimeInForce};
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
        /// Receiving account; the same one is allowed, changes nothing and needs no balance.
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
    /// Places an order. Trader, for an account it represents. Trades with whoever stands in the book: their accounts need
    /// not be declared, they agreed when they placed their orders.
    PlaceOrder {
        /// For which account.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// The order.
        order: NewOrder,
    },
    /// Changes a resting order. Trader.
    AmendOrder(AmendOrder),
    /// Cancels what is open of a resting order; allowed for a blocked account too. Trader.
    CancelOrder {
        /// Of which account.
        account: AccountId,
        /// In which book.
        instrument: InstrumentId,
        /// The order's number.
        number: u64,
    },
    /// Opens a trading contract. Regulator.
    OpenTradingContract(NewTradingContract),
    /// Confirms production indicators under a trading contract. Verifier.
    EndorseIndicators {
        /// Under which contract.
        contract: ContractId,
        /// Exactly what an upload must say.
        indicators: Indicators,
    },
    /// Algorithm 5. Operator representative or trader, for one of the parties.
    UploadTradingData(TradingData),
    /// Algorithm 6. Anyone may ask; whether there is an answer depends on roles and accounts, and every attempt is recorded.
    QueryLog {
        /// What to look for.
        retrieval: Retrieval,
        /// Only records with higher numbers; 0 for the first page.
        after: u64,
    },
}

/// An order to be placed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct NewOrder {
    /// Its number; above that of the account's last order.
    pub number: u64,
    /// Buy or sell.
    pub side: Side,
    /// Worst price; none for a market order, which never rests.
    pub limit: Option<Price>,
    /// How much; a multiple of the lot.
    pub quantity: Quantity,
    /// What becomes of the part that does not trade at once.
    pub time_in_force: TimeInForce,
    /// Of a bid with a limit: the price money is set aside at, and the highest the bid can be moved to; the limit when none
    /// is given. An ask carries it without meaning.
    pub reserve: Option<Price>,
    /// Of a market bid, and only there: the most money it may spend.
    pub max_cash: Option<Money>,
    /// What happens when it meets an order of the same holder.
    pub self_trade: SelfTrade,
}

/// A change of a resting order; what is none stays.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AmendOrder {
    /// Of which account.
    pub account: AccountId,
    /// In which book.
    pub instrument: InstrumentId,
    /// The order's number.
    pub number: u64,
    /// New price: loses its place in time.
    pub price: Option<Price>,
    /// New open quantity, what has traded not counted. More loses the place in time, less keeps it.
    pub open: Option<Quantity>,
    /// New reserve price of a bid.
    pub reserve: Option<Price>,
}
