//! Who and what the workload plays with.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::genesis::{
    GENESIS_VERSION, GenesisAccount, GenesisCash, GenesisHolding, GenesisInstallation,
    GenesisInstrument, GenesisMarket, GenesisMember, GenesisPhase, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::tx::{AccountId, Millis, PublicKey};
use bds_contracts::{Genesis, ledger};
use ed25519_dalek::SigningKey;

/// 2023-01-01: the years before it are over, so their emissions can be said.
pub(crate) const START: Millis = Millis(1_672_531_200_000);

/// Members by their place in the genesis document.
pub(crate) const REGULATORS: [usize; 2] = [0, 1];
pub(crate) const ADMINISTRATORS: [usize; 2] = [2, 3];
pub(crate) const BANK: usize = 4;
pub(crate) const VERIFIERS: [usize; 2] = [5, 6];
pub(crate) const SURVEILLANCE: [usize; 2] = [7, 8];
pub(crate) const AUDITOR: usize = 9;
/// The first trader; there are so many.
pub(crate) const TRADER: usize = 10;
pub(crate) const TRADERS: usize = 6;
/// Without a role.
pub(crate) const GUEST: usize = TRADER + TRADERS;
/// Of retail: two makers, then who has one company each; who has none; and a device of the first maker.
pub(crate) const MAKERS: [usize; 2] = [GUEST + 1, GUEST + 2];
pub(crate) const PARTNERS: [usize; 3] = [GUEST + 3, GUEST + 4, GUEST + 5];
pub(crate) const CERTIFIER: usize = GUEST + 6;
pub(crate) const BUYER: usize = GUEST + 7;
pub(crate) const ARBITER: usize = GUEST + 8;
pub(crate) const READER: usize = GUEST + 9;
pub(crate) const MEMBERS: usize = GUEST + 10;

/// The authority's account, and a buffer of credits.
pub(crate) const GOVERNMENT: AccountId = AccountId(1);
pub(crate) const BUFFER: AccountId = AccountId(2);
/// The grid operator's, which the bank represents.
pub(crate) const GRID: AccountId = AccountId(3);
/// The issuer's of granular certificates, which either administrator represents.
pub(crate) const ISSUER: AccountId = AccountId(4);
/// Trading accounts: a trader each, two of one holder; then one of two traders that takes both.
pub(crate) const TRADING: [AccountId; 8] = [
    AccountId(10),
    AccountId(11),
    AccountId(12),
    AccountId(13),
    AccountId(14),
    AccountId(15),
    AccountId(16),
    AccountId(17),
];
pub(crate) const JOINT: AccountId = AccountId(18);
/// Operators' accounts.
pub(crate) const PLANTS: [AccountId; 4] =
    [AccountId(20), AccountId(21), AccountId(22), AccountId(23)];

/// Of retail: both makers', the carrier's, the warehouse's, the shop's.
pub(crate) const COMPANIES: [AccountId; 5] = [
    AccountId(40),
    AccountId(41),
    AccountId(42),
    AccountId(43),
    AccountId(44),
];

/// The member that acts for a company.
pub(crate) fn member_of(company: AccountId) -> usize {
    let place = COMPANIES.iter().position(|id| *id == company).unwrap_or(0);
    MAKERS[0] + place
}

/// Counted units with a market, and others with lots, ticks and truncated amounts.
pub(crate) const EUA: InstrumentId = InstrumentId(1);
pub(crate) const UKA: InstrumentId = InstrumentId(2);
/// Units with numbers; credits; and counted units of the next period.
pub(crate) const NUMBERED: InstrumentId = InstrumentId(3);
pub(crate) const CREDIT: InstrumentId = InstrumentId(4);
pub(crate) const NEXT: InstrumentId = InstrumentId(5);

/// A key that follows from a number.
pub(crate) fn key(number: u64) -> PublicKey {
    let mut secret = [7; 32];
    secret[..8].copy_from_slice(&number.to_le_bytes());
    PublicKey(SigningKey::from_bytes(&secret).verifying_key().to_bytes())
}

/// The key of a member of the genesis document.
pub(crate) fn member_key(place: usize) -> PublicKey {
    key(place as u64)
}

fn roles(place: usize) -> Roles {
    match place {
        0 | 1 => Roles::REGULATOR,
        2 | 3 => Roles::REGISTRY_ADMINISTRATOR,
        BANK => Roles::CASH_OPERATOR
            .with(Roles::TRADER)
            .with(Roles::GRID_OPERATOR)
            .with(Roles::PROSUMER),
        5 | 6 => Roles::VERIFIER.with(Roles::METER_OPERATOR),
        7 | 8 => Roles::SURVEILLANCE.with(Roles::MARKET_OPERATOR),
        AUDITOR => Roles::AUDITOR,
        GUEST => Roles::NONE,
        place if MAKERS.contains(&place) => Roles::MANUFACTURER,
        place if place == PARTNERS[0] => Roles::CARRIER,
        place if place == PARTNERS[1] => Roles::WAREHOUSE,
        place if place == PARTNERS[2] => Roles::RETAILER,
        CERTIFIER => Roles::CERTIFIER,
        BUYER => Roles::CONSUMER,
        ARBITER => Roles::ARBITER,
        READER => Roles::READER_DEVICE,
        _ => mover(),
    }
}

/// What traders are.
pub(crate) fn mover() -> Roles {
    Roles::TRADER
        .with(Roles::OPERATOR_REPRESENTATIVE)
        .with(Roles::PROSUMER)
        .with(Roles::AGGREGATOR)
}

fn account(
    account: AccountId,
    holder: u64,
    kind: AccountKind,
    representatives: &[usize],
) -> GenesisAccount {
    GenesisAccount {
        account,
        holder: HolderId(holder),
        kind,
        currency: Currency::EUR,
        threshold: if account == JOINT { 2 } else { 1 },
        representatives: representatives
            .iter()
            .map(|place| member_key(*place))
            .collect(),
    }
}

fn instrument(
    instrument: InstrumentId,
    right: Right,
    form: Form,
    (scale, tick, lot): (u8, u32, u64),
) -> GenesisInstrument {
    GenesisInstrument {
        instrument,
        symbol: format!("I{}", instrument.0),
        right,
        form,
        vintage: 2021,
        scale,
        currency: Currency::EUR,
        tick,
        lot: Quantity(lot),
        step_value: 100,
    }
}

/// The document. Everything there is little of: so limits are met.
pub(crate) fn genesis(profile: Profile) -> Genesis {
    let mut accounts = vec![
        account(GOVERNMENT, 1, AccountKind::Government, &[REGULATORS[1]]),
        account(BUFFER, 2, AccountKind::Buffer, &[BANK]),
        account(GRID, 3, AccountKind::Clearing, &[BANK]),
        account(ISSUER, 4, AccountKind::Trading, &ADMINISTRATORS),
        account(JOINT, 18, AccountKind::Trading, &[TRADER, TRADER + 1]),
    ];
    for (place, id) in TRADING.into_iter().enumerate() {
        // Two accounts a holder, so that holders meet themselves.
        let holder = 100 + place as u64 / 2;
        let trader = TRADER + place % TRADERS;
        accounts.push(account(id, holder, AccountKind::Trading, &[trader]));
    }
    for (place, id) in PLANTS.into_iter().enumerate() {
        let trader = TRADER + place % TRADERS;
        accounts.push(account(
            id,
            200 + id.0,
            AccountKind::OperatorHolding,
            &[trader],
        ));
    }
    for id in COMPANIES {
        let device = (id == COMPANIES[0]).then_some(READER);
        let members: Vec<usize> = [member_of(id)].into_iter().chain(device).collect();
        accounts.push(account(id, 300 + id.0, AccountKind::Trading, &members));
    }
    let allowance = Right::Allowance;
    let instruments = vec![
        instrument(EUA, allowance, Form::Fungible, (0, 5, 1)),
        instrument(UKA, allowance, Form::Fungible, (3, 5, 10)),
        instrument(NUMBERED, allowance, Form::Serialised, (0, 1, 1)),
        instrument(CREDIT, Right::Credit, Form::Serialised, (0, 1, 1)),
        instrument(NEXT, allowance, Form::Fungible, (0, 5, 1)),
    ];
    let mut holdings = Vec::new();
    let mut cash = Vec::new();
    for new in &accounts {
        cash.push(GenesisCash {
            account: new.account,
            currency: Currency::EUR,
            amount: Money(60_000_000),
        });
        for instrument in [EUA, UKA, NUMBERED] {
            holdings.push(GenesisHolding {
                account: new.account,
                instrument,
                quantity: Quantity(20_000),
            });
        }
    }
    let cny = |account| GenesisCash {
        account,
        currency: Currency::CNY,
        amount: Money(5_000_000),
    };
    cash.extend(TRADING.map(cny));
    Genesis {
        version: GENESIS_VERSION,
        name: "workload".into(),
        profile,
        mode: Mode::Verified,
        time: START,
        checkpoint_interval: 4,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: key(9_999),
                weight: 1,
            }],
        },
        members: (0..MEMBERS)
            .map(|place| GenesisMember {
                key: member_key(place),
                roles: roles(place),
                name: format!("m{place}"),
            })
            .collect(),
        accounts,
        instruments,
        markets: vec![
            GenesisMarket {
                position_max: Some(Quantity(40_000)),
                ..market(EUA)
            },
            GenesisMarket {
                messages_max: Some(4),
                window: Millis(60_000),
                ..market(UKA)
            },
        ],
        cash,
        holdings,
        phases: vec![GenesisPhase {
            first_year: 2_013,
            last_year: 2_018,
            instruments: vec![UKA],
        }],
        installations: vec![GenesisInstallation {
            installation: InstallationId(1),
            account: PLANTS[0],
            permit: "permit".into(),
            activity: 20,
            first_year: 2_018,
            last_year: 2_022,
        }],
    }
}

fn market(instrument: InstrumentId) -> GenesisMarket {
    GenesisMarket {
        instrument,
        price_min: Price(900),
        price_max: Price(1_100),
        quantity_max: Quantity(5_000),
        makers_max: 6,
        wakes_max: 2,
        orders_max: 90,
        account_orders_max: 5,
        stops_max: 8,
        position_max: None,
        messages_max: None,
        window: Millis(20_000),
    }
}

/// A ledger at its start.
pub(crate) fn opened(genesis: &Genesis) -> bds_contracts::Ledger {
    ledger::from_genesis(genesis).expect("a sound document").0
}
