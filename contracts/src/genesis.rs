//! The document a ledger starts from; its hash is the ledger's name.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha512_256};

use crate::account::{HolderId, Roles, is_text};
use crate::amount::{Currency, Money, Price, Quantity};
use crate::block::ValidatorSet;
use crate::carbon::InstrumentId;
use crate::carbon::installation::InstallationId;
use crate::exchange::orders::market;
use crate::identity::account::AccountKind;
use crate::key;
use crate::money::units::instrument::{Form, Right};
use crate::receipt::Code;
use crate::tx::{AccountId, ChainId, Millis, PublicKey};

/// Who may take part.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Anyone may read and run a verifying node.
    Public,
    /// Designated members take part, some hold special rights.
    Consortium,
    /// Managers only.
    Private,
}

impl Profile {
    /// All of them, the most open first.
    pub const ALL: [Self; 3] = [Self::Public, Self::Consortium, Self::Private];

    /// Its name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Consortium => "consortium",
            Self::Private => "private",
        }
    }
}

/// Whether validators check the clients' signatures.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Every signature is checked and every call executed.
    Verified,
    /// Transactions are ordered as bytes, for comparison with systems that check nothing. Not for real use.
    Opaque,
}

/// A member from the start.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisMember {
    /// Its key.
    pub key: PublicKey,
    /// What it may do.
    pub roles: Roles,
    /// Name for people.
    pub name: String,
}

/// An account from the start.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisAccount {
    /// Its number.
    pub account: AccountId,
    /// Who stands behind it.
    pub holder: HolderId,
    /// What it is for.
    pub kind: AccountKind,
    /// The currency most of its money is in.
    #[serde(default = "euro")]
    pub currency: Currency,
    /// How many representatives it takes to move something out of it: 1 or 2.
    #[serde(default = "one")]
    pub threshold: u8,
    /// Keys of members that may act for it.
    pub representatives: Vec<PublicKey>,
}

/// An instrument from the start.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisInstrument {
    /// Its number.
    pub instrument: InstrumentId,
    /// Prefix of its serial numbers and name for people: `EUA-2021`.
    pub symbol: String,
    /// Which right a unit stands for.
    pub right: Right,
    /// Whether one unit is as good as another.
    #[serde(default = "fungible")]
    pub form: Form,
    /// Trading phase or vintage year.
    pub vintage: u16,
    /// Smallest units in one contract unit, as a power of ten; at most 9.
    pub scale: u8,
    /// Money prices are in.
    pub currency: Currency,
    /// Prices are multiples of this many price steps.
    pub tick: u32,
    /// Orders are multiples of this.
    pub lot: Quantity,
    /// Money that one price step is worth for a whole contract unit.
    pub step_value: u32,
}

/// A market from the start: an order book for an instrument whose units are counted.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisMarket {
    /// Of what.
    pub instrument: InstrumentId,
    /// Lowest price.
    pub price_min: Price,
    /// Highest price.
    pub price_max: Price,
    /// Largest order.
    pub quantity_max: Quantity,
    /// Most resting orders that one order meets.
    #[serde(default = "makers_max")]
    pub makers_max: u32,
    /// Most stops that enter in one command.
    #[serde(default = "wakes_max")]
    pub wakes_max: u32,
    /// Most orders in the book.
    #[serde(default = "orders_max")]
    pub orders_max: u32,
    /// Most orders of one account.
    #[serde(default = "account_orders_max")]
    pub account_orders_max: u32,
    /// Most stops.
    #[serde(default = "stops_max")]
    pub stops_max: u32,
    /// Most units an account may come to if all its bids traded.
    #[serde(default)]
    pub position_max: Option<Quantity>,
    /// Most new orders, amendments and quotes of one account in a window.
    #[serde(default)]
    pub messages_max: Option<u32>,
    /// Length of a window.
    #[serde(default = "window")]
    pub window: Millis,
}

const fn euro() -> Currency {
    Currency::EUR
}

const fn one() -> u8 {
    1
}

const fn fungible() -> Form {
    Form::Fungible
}

// With these an order and the stops it wakes meet fewer orders than a transaction can settle.
const fn makers_max() -> u32 {
    500
}

const fn wakes_max() -> u32 {
    3
}

const fn orders_max() -> u32 {
    market::ORDERS_MAX
}

const fn account_orders_max() -> u32 {
    market::ACCOUNT_ORDERS_MAX
}

const fn stops_max() -> u32 {
    market::STOPS_MAX
}

const fn window() -> Millis {
    Millis(1_000)
}

/// Money an account starts with.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisCash {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub currency: Currency,
    /// How much; above zero.
    pub amount: Money,
}

/// Units an account starts with; serialised ones get their numbers in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisHolding {
    /// Whose.
    pub account: AccountId,
    /// Of what; credits are issued under a project, so not of these.
    pub instrument: InstrumentId,
    /// How many; above zero.
    pub quantity: Quantity,
}

/// A trading phase from the start, and what can be given back in it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisPhase {
    /// Its first year.
    pub first_year: u16,
    /// Its last year.
    pub last_year: u16,
    /// Instruments that it takes.
    #[serde(default)]
    pub instruments: Vec<InstrumentId>,
}

/// An installation from the start.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisInstallation {
    /// Its number.
    pub installation: InstallationId,
    /// The operator's account, of an operator's kind.
    pub account: AccountId,
    /// Its permit.
    pub permit: String,
    /// Kind of activity, by the authority's list.
    pub activity: u16,
    /// First year with a duty.
    pub first_year: u16,
    /// Last year with a duty.
    pub last_year: u16,
}

/// Where a ledger starts.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Version of this form: [`GENESIS_VERSION`].
    pub version: u32,
    /// Name for people.
    pub name: String,
    /// Who may take part.
    pub profile: Profile,
    /// Whether signatures are checked.
    pub mode: Mode,
    /// Time of block 0; no block is earlier.
    pub time: Millis,
    /// Blocks between two state roots; at least 1.
    pub checkpoint_interval: u64,
    /// Who votes.
    pub validators: ValidatorSet,
    /// Members.
    #[serde(default)]
    pub members: Vec<GenesisMember>,
    /// Accounts.
    #[serde(default)]
    pub accounts: Vec<GenesisAccount>,
    /// Instruments.
    #[serde(default)]
    pub instruments: Vec<GenesisInstrument>,
    /// Markets.
    #[serde(default)]
    pub markets: Vec<GenesisMarket>,
    /// Money.
    #[serde(default)]
    pub cash: Vec<GenesisCash>,
    /// Units.
    #[serde(default)]
    pub holdings: Vec<GenesisHolding>,
    /// Trading phases.
    #[serde(default)]
    pub phases: Vec<GenesisPhase>,
    /// Installations.
    #[serde(default)]
    pub installations: Vec<GenesisInstallation>,
}

/// The version of genesis documents, transactions, blocks and snapshots that this program reads and writes.
pub const GENESIS_VERSION: u32 = 2;

/// Most blocks between two checkpoints: what they change is kept in memory until headers name the root after them.
pub const CHECKPOINT_INTERVAL_MAX: u64 = 1 << 16;

/// Why a document is no genesis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// A document of another version.
    #[error(
        "version {0}: this program reads genesis documents of version {GENESIS_VERSION}; make a new one with `bds genesis new`"
    )]
    Version(u32),
    /// Validators: none, more than 65,535, a repeated or invalid key, a weight of 0, or weights beyond u64.
    #[error("validators: {0}")]
    Validators(&'static str),
    /// A checkpoint interval of 0, or above [`CHECKPOINT_INTERVAL_MAX`].
    #[error("checkpoint_interval must be 1 to {CHECKPOINT_INTERVAL_MAX} blocks")]
    CheckpointInterval,
    /// The name is empty, too long or holds control characters.
    #[error("name is empty, longer than 256 bytes or holds control characters")]
    Name,
    /// One entry of a list is refused for the reason of this code.
    #[error("{list}[{index}]: {} ({})", code.text(), code.name())]
    Entry {
        /// Name of the list.
        list: &'static str,
        /// Place in it, from 0.
        index: usize,
        /// What is wrong.
        code: Code,
    },
}

impl Genesis {
    /// The ledger's name: SHA-512/256 over the domain tag and the borsh encoding.
    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        let bytes =
            borsh::to_vec(&(*b"BDS-GE\0\x02", self)).expect("writing to memory cannot fail");
        ChainId(Sha512_256::digest(bytes).into())
    }

    /// Whether a ledger can start from it. Cost: one key decoding a member.
    ///
    /// # Errors
    /// The first thing wrong, in the order of the fields.
    pub fn check(&self) -> Result<(), GenesisError> {
        crate::ledger::from_genesis(self).map(|_| ())
    }

    /// Everything but the opening state.
    pub(crate) fn check_envelope(&self) -> Result<(), GenesisError> {
        if self.version != GENESIS_VERSION {
            return Err(GenesisError::Version(self.version));
        }
        if self.name.is_empty() || !is_text(&self.name) {
            return Err(GenesisError::Name);
        }
        if !(1..=CHECKPOINT_INTERVAL_MAX).contains(&self.checkpoint_interval) {
            return Err(GenesisError::CheckpointInterval);
        }
        self.check_validators()
    }

    fn check_validators(&self) -> Result<(), GenesisError> {
        let validators = &self.validators.validators;
        if validators.is_empty() || validators.len() > usize::from(u16::MAX) {
            return Err(GenesisError::Validators("there must be 1 to 65,535"));
        }
        let keys: BTreeSet<PublicKey> = validators.iter().map(|v| v.key).collect();
        if keys.len() != validators.len() {
            return Err(GenesisError::Validators("a key is listed twice"));
        }
        if !keys.iter().all(key::is_admissible) {
            return Err(GenesisError::Validators(
                "a key is not an admissible Ed25519 key",
            ));
        }
        let total = validators
            .iter()
            .try_fold(0_u64, |sum, v| sum.checked_add(v.weight));
        if total.is_none() || validators.iter().any(|v| v.weight == 0) {
            return Err(GenesisError::Validators(
                "a weight is 0 or their sum exceeds 64 bits",
            ));
        }
        Ok(())
    }
}
