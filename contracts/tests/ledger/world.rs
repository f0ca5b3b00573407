//! A small ledger with its tree of roots, and transactions for it.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::block::{BlockDigest, Validator, ValidatorSet};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisCash, GenesisHolding, GenesisInstallation,
    GenesisInstrument, GenesisMarket, GenesisMember, GenesisPhase, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::tree::Tree;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, Millis, PublicKey};
use ed25519_dalek::SigningKey;

pub(crate) const EUA: InstrumentId = InstrumentId(1);
pub(crate) const CREDIT: InstrumentId = InstrumentId(2);
pub(crate) const EUR: Currency = Currency::EUR;
pub(crate) const GOVERNMENT: u64 = 10;
pub(crate) const ALICE: u8 = 2;
pub(crate) const ALICE_S: u64 = 20;
pub(crate) const BOB: u8 = 3;
pub(crate) const BOB_S: u64 = 30;

pub(crate) fn key(seed: u8) -> PublicKey {
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    PublicKey(key.to_bytes())
}

pub(crate) fn genesis() -> Genesis {
    let member = |seed, roles, name: &str| GenesisMember {
        key: key(seed),
        roles,
        name: name.to_owned(),
    };
    let account = |id, owner, kind| GenesisAccount {
        account: AccountId(id),
        holder: HolderId(id),
        kind,
        currency: EUR,
        threshold: 1,
        representatives: vec![key(owner)],
    };
    let instrument = |id, symbol: &str, right, form| GenesisInstrument {
        instrument: id,
        symbol: symbol.to_owned(),
        right,
        form,
        vintage: 2021,
        scale: 0,
        currency: EUR,
        tick: 100,
        lot: Quantity(1),
        step_value: 100,
    };
    Genesis {
        version: GENESIS_VERSION,
        name: "test".into(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(1_000),
        checkpoint_interval: 8,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: key(9),
                weight: 1,
            }],
        },
        members: vec![
            member(1, Roles::REGULATOR, "regulator"),
            member(
                ALICE,
                Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE),
                "alice",
            ),
            member(BOB, Roles::TRADER, "bob"),
            member(4, Roles::CASH_OPERATOR, "bank"),
        ],
        accounts: vec![
            account(GOVERNMENT, 1, AccountKind::Government),
            account(ALICE_S, ALICE, AccountKind::OperatorHolding),
            account(BOB_S, BOB, AccountKind::Trading),
        ],
        instruments: vec![
            instrument(EUA, "EUA", Right::Allowance, Form::Fungible),
            instrument(CREDIT, "VCU", Right::Credit, Form::Serialised),
        ],
        markets: vec![market(EUA)],
        cash: vec![GenesisCash {
            account: AccountId(BOB_S),
            currency: EUR,
            amount: Amount(5_000_000_000),
        }],
        holdings: vec![GenesisHolding {
            account: AccountId(ALICE_S),
            instrument: EUA,
            quantity: Quantity(1_000),
        }],
        phases: vec![phase(2021, 2030)],
        installations: vec![GenesisInstallation {
            installation: InstallationId(1),
            account: AccountId(ALICE_S),
            permit: "permit".into(),
            activity: 20,
            first_year: 2021,
            last_year: 2030,
        }],
    }
}

pub(crate) fn phase(first_year: u16, last_year: u16) -> GenesisPhase {
    GenesisPhase {
        first_year,
        last_year,
        instruments: vec![EUA],
    }
}

pub(crate) fn market(instrument: InstrumentId) -> GenesisMarket {
    GenesisMarket {
        instrument,
        price_min: Price(100),
        price_max: Price(10_000_000),
        quantity_max: Quantity(100_000),
        makers_max: 500,
        wakes_max: 3,
        orders_max: 1_000,
        account_orders_max: 100,
        stops_max: 10,
        position_max: None,
        messages_max: None,
        window: Millis(1_000),
    }
}

/// A ledger, and the tree that computes its roots beside it.
pub(crate) struct Node {
    pub(crate) ledger: Ledger,
    pub(crate) tree: Tree,
}

impl Node {
    pub(crate) fn new() -> Self {
        let (ledger, outcome) = ledger::from_genesis(&genesis()).expect("a sound genesis");
        let mut node = Self {
            ledger,
            tree: Tree::new(),
        };
        node.note(&outcome.changes);
        node
    }

    pub(crate) fn note(&mut self, changes: &Changes) {
        let leaves = changes.leaf_hashes(&mut plain);
        self.tree.note(changes, &leaves);
        self.tree.seal(&mut plain);
    }

    pub(crate) fn execute(&mut self, txs: &[Vec<u8>]) -> BlockOutcome {
        let views: Vec<_> = txs
            .iter()
            .map(|bytes| Envelope::parse(bytes).expect("a transaction"))
            .map(|tx| (tx.id(), tx))
            .collect();
        let last = self.ledger.block();
        let block = BlockInfo {
            height: last.height + 1,
            time: Millis(last.time.0 + 1),
            beacon: BlockDigest([last.height as u8; 32]),
        };
        let outcome = self.ledger.execute_block(block, &views);
        self.note(&outcome.changes);
        outcome
    }

    /// Executes these; codes of the receipts and of what was dropped.
    pub(crate) fn codes(&mut self, txs: &[Vec<u8>]) -> (Vec<Code>, Vec<(u32, Code)>) {
        let outcome = self.execute(txs);
        let dropped = outcome.dropped.iter().map(|tx| (tx.place, tx.code));
        let done = outcome.receipts.views().map(|view| view.code);
        (done.collect(), dropped.collect())
    }

    pub(crate) fn held(&self, account: u64) -> (u64, u64) {
        let units = self.ledger.stores().read::<Units>();
        let holding = units.holding(AccountId(account), EUA);
        (holding.held.0, holding.reserved.0)
    }

    pub(crate) fn next_nonce(&self, seed: u8) -> u64 {
        let member = self.ledger.member(&key(seed)).expect("a member");
        member.nonces.floor()
    }
}

pub(crate) fn draft(sender: u8, nonce: u64) -> Draft {
    Draft::new(genesis().chain_id(), key(sender), nonce)
}

/// Wire form with an empty signature: the ledger never looks at it.
pub(crate) fn wire(draft: &Draft) -> Vec<u8> {
    let mut bytes = draft.signed_bytes();
    bytes.extend([0; 64]);
    bytes
}

pub(crate) fn transfer(from: u64, to: u64, quantity: u64) -> units::Call<'static> {
    units::Call::Transfer {
        from: AccountId(from),
        to: AccountId(to),
        instrument: EUA,
        quantity: Quantity(quantity),
    }
}

/// Alice's transaction with this call.
pub(crate) fn of_alice(nonce: u64, call: &units::Call<'_>) -> Vec<u8> {
    wire(&draft(ALICE, nonce).call::<Units>(call))
}

pub(crate) fn order(
    account: u64,
    number: u64,
    side: Side,
    quantity: u64,
    price: i64,
) -> orders::Call<'static> {
    orders::Call::Place {
        account: AccountId(account),
        instrument: EUA,
        number,
        side,
        quantity: Quantity(quantity),
        price: Some(Price(price)),
        trigger: None,
        display: None,
        budget: None,
        validity: ValidityKind::GoodTillCancelled,
        until: None,
        prevention: Prevention::DecrementAndCancel,
    }
}
