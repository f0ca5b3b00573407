//! What the carbon mix begins with: members, accounts, instruments, a market, and more money and units than a run uses up.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::block::ValidatorSet;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::orders::market::{ACCOUNT_ORDERS_MAX, ORDERS_MAX, STOPS_MAX};
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisCash, GenesisHolding, GenesisInstrument,
    GenesisMarket, GenesisMember, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::tx::Millis;

use super::{ALLOWANCE, ANNUAL, Carbon, NUMBERED, TICK, operating, trading};

/// 2026-01-01. A fixed time, so that the document depends on the seed alone.
pub(super) const GENESIS_TIME: Millis = Millis(1_767_225_600_000);
/// Blocks between two state roots.
const CHECKPOINT_INTERVAL: u64 = 128;
/// Units an account starts with: no run is long enough to use them up.
pub(super) const OPENING_UNITS: Quantity = Quantity(1_000_000_000);
/// Money all accounts start with together, in millionths: far below the 64-bit limit, far above what a run spends.
const OPENING_MONEY_TOTAL: i64 = 2_000_000_000_000_000_000;
/// A thousand euros a tonne, far above what anyone bids.
const PRICE_MAX: Price = Price(10_000_000);
/// Far above any order of the mix.
const QUANTITY_MAX: Quantity = Quantity(1_000_000);

pub(super) fn genesis(carbon: &Carbon) -> Genesis {
    let mut genesis = Genesis {
        version: GENESIS_VERSION,
        name: format!("carbon workload, seed {}", carbon.config.seed),
        profile: Profile::Consortium,
        mode: Mode::Verified,
        time: GENESIS_TIME,
        checkpoint_interval: CHECKPOINT_INTERVAL,
        validators: ValidatorSet {
            epoch: 0,
            validators: Vec::new(),
        },
        members: Vec::new(),
        accounts: Vec::new(),
        instruments: vec![
            instrument(ALLOWANCE, "EUA-2026", Right::Allowance, Form::Fungible),
            instrument(ANNUAL, "AU-2026", Right::AnnualUnit, Form::Fungible),
            instrument(NUMBERED, "AN-2026", Right::AnnualUnit, Form::Serialised),
        ],
        markets: vec![market(ALLOWANCE)],
        cash: Vec::new(),
        holdings: Vec::new(),
    };
    let money = Money(OPENING_MONEY_TOTAL / i64::try_from(carbon.config.keys).unwrap_or(i64::MAX));
    for (i, signer) in carbon.traders.iter().enumerate() {
        let key = signer.public_key();
        genesis.members.push(GenesisMember {
            key,
            roles: Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE),
            name: format!("trader {i}"),
        });
        for (account, kind) in [
            (trading(i), AccountKind::Trading),
            (operating(i), AccountKind::OperatorHolding),
        ] {
            genesis.accounts.push(GenesisAccount {
                account,
                holder: HolderId(i as u64 + 1),
                kind,
                currency: Currency::EUR,
                threshold: 1,
                representatives: vec![key],
            });
            for instrument in [ALLOWANCE, ANNUAL] {
                genesis.holdings.push(holding(account, instrument));
            }
        }
        genesis.cash.push(GenesisCash {
            account: trading(i),
            currency: Currency::EUR,
            amount: money,
        });
    }
    // In a row of their own, so that a trader's first number follows from its place.
    let numbered = (0..carbon.traders.len()).map(|i| holding(trading(i), NUMBERED));
    genesis.holdings.extend(numbered);
    for (i, signer) in carbon.operators.iter().enumerate() {
        genesis.members.push(GenesisMember {
            key: signer.public_key(),
            roles: Roles::REGULATOR
                .with(Roles::CASH_OPERATOR)
                .with(Roles::VERIFIER),
            name: format!("market operator {i}"),
        });
    }
    genesis
}

/// The first number of those that a trader starts with.
pub(super) fn first_number(trader: usize) -> u64 {
    trader as u64 * OPENING_UNITS.0 + 1
}

fn holding(account: bds_contracts::tx::AccountId, instrument: InstrumentId) -> GenesisHolding {
    GenesisHolding {
        account,
        instrument,
        quantity: OPENING_UNITS,
    }
}

fn instrument(
    instrument: InstrumentId,
    symbol: &str,
    right: Right,
    form: Form,
) -> GenesisInstrument {
    GenesisInstrument {
        instrument,
        symbol: symbol.to_owned(),
        right,
        form,
        vintage: 2026,
        scale: 0,
        currency: Currency::EUR,
        tick: TICK,
        lot: Quantity(1),
        step_value: 100,
    }
}

fn market(instrument: InstrumentId) -> GenesisMarket {
    GenesisMarket {
        instrument,
        price_min: Price(i64::from(TICK)),
        price_max: PRICE_MAX,
        quantity_max: QUANTITY_MAX,
        makers_max: 500,
        wakes_max: 3,
        orders_max: ORDERS_MAX,
        account_orders_max: ACCOUNT_ORDERS_MAX,
        stops_max: STOPS_MAX,
        position_max: None,
        messages_max: None,
        window: Millis(1_000),
    }
}
