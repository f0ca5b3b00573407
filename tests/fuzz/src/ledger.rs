//! A small ledger on which transactions of any bytes are executed: two members with every role, one account each.

use std::sync::LazyLock;

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisCash, GenesisHolding, GenesisInstrument,
    GenesisMarket, GenesisMember, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::tx::{AccountId, Millis, PublicKey};

/// Keys of tests 1 and 2 of RFC 8032, section 7.1.
const KEYS: [&str; 2] = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
];

/// The ledger after its genesis.
pub(crate) struct Start {
    pub(crate) genesis: Genesis,
    pub(crate) ledger: Ledger,
    /// The members.
    pub(crate) keys: [PublicKey; 2],
}

pub(crate) fn start() -> &'static Start {
    static START: LazyLock<Start> = LazyLock::new(|| {
        let keys = KEYS.map(|key| key.parse().expect("64 hex digits"));
        let genesis = genesis(&keys);
        let (ledger, _) = ledger::from_genesis(&genesis).expect("a sound genesis");
        Start {
            genesis,
            ledger,
            keys,
        }
    });
    &START
}

/// Accounts 1 and 2, instrument 1 that is counted and traded, and 2 of credits.
fn genesis(keys: &[PublicKey; 2]) -> Genesis {
    let roles = [
        Roles::REGULATOR,
        Roles::REGISTRY_ADMINISTRATOR,
        Roles::VERIFIER,
        Roles::OPERATOR_REPRESENTATIVE,
        Roles::TRADER,
        Roles::AUDITOR,
        Roles::SURVEILLANCE,
        Roles::CASH_OPERATOR,
    ];
    let member = |key: &PublicKey| GenesisMember {
        key: *key,
        roles: roles.into_iter().fold(Roles::NONE, Roles::with),
        name: String::new(),
    };
    let accounts = || (1..).zip(keys).map(|(id, key)| (AccountId(id), key));
    let account = |(account, key): (AccountId, &PublicKey)| GenesisAccount {
        account,
        holder: HolderId(account.0),
        kind: AccountKind::OperatorHolding,
        currency: Currency::EUR,
        threshold: 1,
        representatives: vec![*key],
    };
    let instrument = |id, right, form| GenesisInstrument {
        instrument: InstrumentId(id),
        symbol: format!("I{id}"),
        right,
        form,
        vintage: 2021,
        scale: 0,
        currency: Currency::EUR,
        tick: 1,
        lot: Quantity(1),
        step_value: 100,
    };
    Genesis {
        version: GENESIS_VERSION,
        name: "fuzz".to_owned(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(0),
        checkpoint_interval: 1,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: keys[0],
                weight: 1,
            }],
        },
        members: keys.iter().map(member).collect(),
        accounts: accounts().map(account).collect(),
        instruments: vec![
            instrument(1, Right::Allowance, Form::Fungible),
            instrument(2, Right::Credit, Form::Serialised),
        ],
        markets: vec![GenesisMarket {
            instrument: InstrumentId(1),
            price_min: Price(1),
            price_max: Price(1_000_000),
            quantity_max: Quantity(1_000_000),
            makers_max: 100,
            wakes_max: 2,
            orders_max: 1_000,
            account_orders_max: 100,
            stops_max: 10,
            position_max: None,
            messages_max: None,
            window: Millis(1_000),
        }],
        cash: accounts()
            .map(|(account, _)| GenesisCash {
                account,
                currency: Currency::EUR,
                amount: Money(1_000_000_000),
            })
            .collect(),
        holdings: accounts()
            .map(|(account, _)| GenesisHolding {
                account,
                instrument: InstrumentId(1),
                quantity: Quantity(1_000_000),
            })
            .collect(),
        phases: Vec::new(),
        installations: Vec::new(),
    }
}
