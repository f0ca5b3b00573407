//! What the carbon mix begins with: members, accounts, instruments with markets, the trading phase with an installation for every
//! operator's account, and more money and units than a run uses up.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::orders::market::{ACCOUNT_ORDERS_MAX, ORDERS_MAX, STOPS_MAX};
use bds_contracts::genesis::{
    Genesis, GenesisAccount, GenesisCash, GenesisHolding, GenesisInstallation, GenesisInstrument,
    GenesisMarket, GenesisMember, GenesisPhase,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::tx::Millis;

use super::{
    ALLOWANCE, ANNUAL, Carbon, FAR_BID, NUMBERED, STANDING_UNITS, TICK, YEAR, installation,
    money_of, operating, standing, standing_quantity, trading,
};
use crate::workload::bare_genesis;

/// Units an account starts with: no run is long enough to use them up.
pub(super) const OPENING_UNITS: Quantity = Quantity(1_000_000_000);
/// Money all accounts start with together, in millionths: far below the 64-bit limit, far above what a run spends.
const OPENING_MONEY_TOTAL: i64 = 2_000_000_000_000_000_000;
/// The EU's fourth trading phase, in which genesis and every run lie.
const PHASE: (u16, u16) = (2021, 2030);
/// Combustion of fuels, in the list of the EU's registry.
const ACTIVITY: u16 = 20;
/// A thousand euros a tonne, far above what anyone bids.
const PRICE_MAX: Price = Price(10_000_000);
/// The largest order of the mix.
const QUANTITY_MAX: Quantity = Quantity(STANDING_UNITS);

pub(super) fn genesis(carbon: &Carbon) -> Genesis {
    let mut genesis = Genesis {
        instruments: vec![
            instrument(ALLOWANCE, "EUA-2026", Right::Allowance, Form::Fungible),
            instrument(ANNUAL, "AU-2026", Right::AnnualUnit, Form::Fungible),
            instrument(NUMBERED, "AN-2026", Right::AnnualUnit, Form::Serialised),
        ],
        markets: vec![market(ALLOWANCE), market(ANNUAL)],
        phases: vec![GenesisPhase {
            first_year: PHASE.0,
            last_year: PHASE.1,
            instruments: vec![ALLOWANCE],
        }],
        ..bare_genesis(format!("carbon workload, seed {}", carbon.config.seed))
    };
    for (number, book) in carbon.books().enumerate().skip(1) {
        let symbol = format!("EUA-2026-{number}");
        let traded = instrument(book, &symbol, Right::Allowance, Form::Fungible);
        genesis.instruments.push(traded);
        genesis.markets.push(market(book));
    }
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
        let more = carbon.books().filter(|book| *book != ALLOWANCE);
        let more = more.map(|book| holding(trading(i), book));
        genesis.holdings.extend(more);
        genesis.installations.push(GenesisInstallation {
            installation: installation(i),
            account: operating(i),
            permit: format!("permit {i}"),
            activity: ACTIVITY,
            first_year: PHASE.0,
            last_year: PHASE.1,
        });
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
    stand(carbon, &mut genesis);
    genesis
}

/// Those whose orders stand behind the ones that trade at once, with what they offer.
fn stand(carbon: &Carbon, genesis: &mut Genesis) {
    let quantity = standing_quantity(&carbon.config);
    let books = carbon.config.instruments as u64;
    let money = money_of(FAR_BID) * quantity.0 * books;
    for (client, signer) in carbon.standing.iter().enumerate() {
        let (key, account) = (signer.public_key(), standing(carbon, client));
        genesis.members.push(GenesisMember {
            key,
            roles: Roles::TRADER,
            name: format!("liquidity provider {client}"),
        });
        genesis.accounts.push(GenesisAccount {
            account,
            holder: HolderId((carbon.config.keys + client) as u64 + 1),
            kind: AccountKind::Trading,
            currency: Currency::EUR,
            threshold: 1,
            representatives: vec![key],
        });
        genesis.cash.push(GenesisCash {
            account,
            currency: Currency::EUR,
            amount: Money(i64::try_from(money).expect("a part of the whole")),
        });
        let holdings = carbon.books().map(|instrument| GenesisHolding {
            account,
            instrument,
            quantity,
        });
        genesis.holdings.extend(holdings);
    }
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
        vintage: YEAR,
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

#[cfg(test)]
mod tests {
    use bds_client::Sender;
    use bds_contracts::Code;
    use bds_contracts::block::Validator;
    use bds_contracts::carbon::Call as CarbonCall;
    use bds_contracts::exchange::Side;
    use bds_contracts::exchange::orders::call::ValidityKind;
    use bds_contracts::exchange::orders::{Call as OrderCall, Exchange};
    use bds_contracts::exchange::request::Prevention;
    use bds_contracts::kernel::context::BlockInfo;
    use bds_contracts::kernel::envelope::Envelope;
    use bds_contracts::ledger::from_genesis;
    use bds_contracts::money::units::Units;

    use super::*;
    use crate::workload::{Config, GENESIS_TIME};

    /// Whoever starts from the document as it is made can trade the year's units in its first block, and give them back for the
    /// year's emissions.
    #[test]
    fn units_of_the_year_are_traded_and_given_back_from_the_start() {
        let config = Config {
            keys: 2,
            clients: 1,
            ..Config::default()
        };
        let carbon = Carbon::new(config);
        let mut genesis = carbon.genesis();
        genesis.validators.validators.push(Validator {
            key: carbon.operators[0].public_key(),
            weight: 1,
        });
        let (mut ledger, _) = from_genesis(&genesis).expect("a sound document");
        let sender = |i: usize| Sender::new(carbon.traders[i].clone(), genesis.chain_id(), 0);
        let [mut buyer, mut seller] = [0, 1].map(sender);
        let place = |trader, side, instrument| OrderCall::Place {
            account: trading(trader),
            instrument,
            number: 1,
            side,
            quantity: Quantity(7),
            price: Some(Price(800_000)),
            trigger: None,
            display: None,
            budget: None,
            validity: ValidityKind::GoodTillCancelled,
            until: None,
            prevention: Prevention::default(),
        };
        let surrender = CarbonCall::Surrender {
            installation: installation(0),
            account: operating(0),
            instrument: ALLOWANCE,
            quantity: Quantity(7),
            year: YEAR,
        };
        let mut wires = Vec::new();
        for instrument in [ALLOWANCE, ANNUAL] {
            wires.push(seller.sign_next::<Exchange>(&place(1, Side::Sell, instrument)));
            wires.push(buyer.sign_next::<Exchange>(&place(0, Side::Buy, instrument)));
        }
        wires.push(buyer.sign_next::<bds_contracts::carbon::Carbon>(&surrender));
        let parsed = wires.iter().map(|wire| {
            let envelope = Envelope::parse(wire).expect("a transaction");
            (envelope.id(), envelope)
        });
        let txs: Vec<_> = parsed.collect();
        let block = BlockInfo {
            height: 1,
            time: Millis(GENESIS_TIME.0 + 1),
            ..BlockInfo::default()
        };
        let outcome = ledger.execute_block(block, &txs);
        let codes: Vec<Code> = outcome
            .receipts
            .views()
            .map(|receipt| receipt.code)
            .collect();
        assert_eq!(codes, [Code::OK; 5]);

        let units = ledger.stores().read::<Units>();
        let held = |account, instrument| units.holding(account, instrument).held.0;
        let opening = OPENING_UNITS.0;
        for instrument in [ALLOWANCE, ANNUAL] {
            assert_eq!(held(trading(0), instrument), opening + 7, "bought");
            assert_eq!(held(trading(1), instrument), opening - 7, "sold");
        }
        assert_eq!(held(operating(0), ALLOWANCE), opening - 7, "given back");
    }
}
