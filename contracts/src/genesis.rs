//! The document a ledger starts from; its hash is the ledger's name.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha512_256};

use crate::account::{NewAccount, Roles, is_text};
use crate::amount::{Currency, Money, Quantity};
use crate::block::ValidatorSet;
use crate::carbon::{Instrument, InstrumentId};
use crate::key;
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

/// Units an account starts with; they get serial numbers in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisHolding {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How many; above zero.
    pub quantity: Quantity,
}

/// Where a ledger starts.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
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
    pub accounts: Vec<NewAccount>,
    /// Instruments.
    #[serde(default)]
    pub instruments: Vec<Instrument>,
    /// Money.
    #[serde(default)]
    pub cash: Vec<GenesisCash>,
    /// Units.
    #[serde(default)]
    pub holdings: Vec<GenesisHolding>,
}

/// Why a document is no genesis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Validators: none, more than 65,535, a repeated or invalid key, a weight of 0, or weights beyond u64.
    #[error("validators: {0}")]
    Validators(&'static str),
    /// A checkpoint interval of 0.
    #[error("checkpoint_interval is 0; it must be at least 1 block")]
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
            borsh::to_vec(&(*b"BDS-GE\0\x01", self)).expect("writing to memory cannot fail");
        ChainId(Sha512_256::digest(bytes).into())
    }

    /// Whether a ledger can start from it. Cost: one key decoding a member.
    ///
    /// # Errors
    /// The first thing wrong, in the order of the fields.
    pub fn check(&self) -> Result<(), GenesisError> {
        self.check_envelope()?;
        crate::ledger::Ledger::from_genesis(self).map(|_| ())
    }

    /// Everything but the opening state.
    pub(crate) fn check_envelope(&self) -> Result<(), GenesisError> {
        if self.name.is_empty() || !is_text(&self.name) {
            return Err(GenesisError::Name);
        }
        if self.checkpoint_interval == 0 {
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

    /// Sum of the opening units of each instrument; `None` when one exceeds 64 bits.
    #[must_use]
    pub fn units_total(&self) -> Option<BTreeMap<InstrumentId, Quantity>> {
        let mut totals = BTreeMap::new();
        for holding in &self.holdings {
            let total: &mut Quantity = totals.entry(holding.instrument).or_default();
            *total = total.checked_add(holding.quantity)?;
        }
        Some(totals)
    }
}
