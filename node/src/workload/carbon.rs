//! The carbon mix: transfers, crossing orders, issues, retirements and the rest, for any number of keys.

use std::collections::BTreeMap;

use bds_client::{Sender, Signer};
use bds_contracts::account::{AccountKind, HolderId, NewAccount, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::block::ValidatorSet;
use bds_contracts::call::{Call, NewOrder};
use bds_contracts::carbon::{Instrument, InstrumentId, InstrumentKind};
use bds_contracts::exchange::{SelfTrade, Side, TimeInForce};
use bds_contracts::genesis::{Genesis, GenesisCash, GenesisHolding, GenesisMember, Mode, Profile};
use bds_contracts::tx::{AccountId, ChainId, Millis};
use rayon::prelude::*;

use super::random::{Random, derive};
use super::{Schedule, body};
use crate::measure::load::ClientPlan;

/// 2026-01-01. A fixed time, so that the document depends on the seed alone.
const GENESIS_TIME: Millis = Millis(1_767_225_600_000);
/// 2100-01-01. Signed transactions do not depend on the clock either.
const EXPIRY: Millis = Millis(4_102_444_800_000);
/// Blocks between two state roots.
const CHECKPOINT_INTERVAL: u64 = 128;
/// Units an account starts with: no run is long enough to use them up.
const OPENING_UNITS: Quantity = Quantity(1_000_000_000);
/// Money all accounts start with together, in millionths: far below the 64-bit limit, far above what a run spends.
const OPENING_MONEY_TOTAL: i64 = 2_000_000_000_000_000_000;
/// About 80 euros a tonne, in ten-thousandths. Bids are at or above it, asks at or below, so that they cross.
const PRICE: i64 = 800_000;
/// One cent.
const TICK: u32 = 100;
/// A bid at one tick meets no ask: it rests until it is cancelled.
const PRICE_FAR: Price = Price(TICK as i64);
/// Allowances: traded, surrendered.
const ALLOWANCE: InstrumentId = InstrumentId(1);
/// Credits: transferred, retired.
const CREDIT: InstrumentId = InstrumentId(2);

/// Permille of each kind of transaction.
const MIX: &[(&str, u64)] = &[
    ("transfer", 500),
    ("order", 260),
    ("quote", 120),
    ("retire", 40),
    ("surrender", 30),
    ("issue", 20),
    ("cancel-units", 10),
    ("deposit", 10),
    ("withdraw", 10),
];

/// What the workload is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CarbonConfig {
    /// Everything follows from it.
    pub seed: u64,
    /// Trading members; each has a trading and an operator account.
    pub keys: usize,
    /// Clients the keys are spread over, key `k` on client `k mod clients`; at most as many as keys.
    pub clients: usize,
    /// Exponent of the Zipf distribution over the keys of a client; 0 is uniform.
    pub skew: f64,
    /// Nothing but transfers.
    pub transfers_only: bool,
}

impl Default for CarbonConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            keys: 256,
            clients: 64,
            skew: 0.0,
            transfers_only: false,
        }
    }
}

/// The workload: who there is and what they do.
#[derive(Debug)]
pub struct Carbon {
    config: CarbonConfig,
    traders: Vec<Signer>,
    /// One market operator a client: issues units, books money in and out.
    operators: Vec<Signer>,
}

/// What one client sends, without end.
#[derive(Debug)]
pub struct Stream<'a> {
    carbon: &'a Carbon,
    random: Random,
    members: Vec<Trader>,
    /// Rising sums of the members' weights, out of 2^32.
    weights: Vec<u64>,
    operator: Sender,
}

#[derive(Debug)]
struct Trader {
    index: usize,
    sender: Sender,
    order_last: u64,
    /// A far bid that rests and waits to be cancelled.
    quote: Option<u64>,
}

impl Carbon {
    /// Derives all keys.
    ///
    /// # Panics
    /// When there are no keys, no clients or more clients than keys.
    #[must_use]
    pub fn new(config: CarbonConfig) -> Self {
        assert!(
            config.clients >= 1 && config.clients <= config.keys,
            "{} clients need at least as many keys, not {}",
            config.clients,
            config.keys
        );
        let signers = |purpose: &'static str, count: usize| {
            (0..count as u64)
                .into_par_iter()
                .map(|i| Signer::from_seed(&derive(purpose, config.seed, i)))
                .collect()
        };
        Self {
            config,
            traders: signers("trader", config.keys),
            operators: signers("operator", config.clients),
        }
    }

    /// Permille of each kind of transaction.
    #[must_use]
    pub fn mix(&self) -> BTreeMap<String, u32> {
        if self.config.transfers_only {
            return BTreeMap::from([("transfer".to_owned(), 1000)]);
        }
        MIX.iter()
            .map(|(name, share)| ((*name).to_owned(), u32::try_from(*share).unwrap_or(0)))
            .collect()
    }

    /// The genesis document this workload needs, without validators.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        let mut genesis = Genesis {
            name: format!("carbon workload, seed {}", self.config.seed),
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
                instrument(ALLOWANCE, "EUA-2026", InstrumentKind::Allowance),
                instrument(CREDIT, "VCU-2024", InstrumentKind::Credit),
            ],
            cash: Vec::new(),
            holdings: Vec::new(),
        };
        let money =
            Money(OPENING_MONEY_TOTAL / i64::try_from(self.config.keys).unwrap_or(i64::MAX));
        for (i, signer) in self.traders.iter().enumerate() {
            let key = signer.public_key();
            genesis.members.push(GenesisMember {
                key,
                roles: Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE),
                name: format!("trader {i}"),
            });
            for (id, kind) in [
                (trading(i), AccountKind::Trading),
                (operating(i), AccountKind::OperatorHolding),
            ] {
                genesis.accounts.push(NewAccount {
                    id,
                    holder: HolderId(i as u64 + 1),
                    kind,
                    representatives: vec![key],
                });
                for instrument in [ALLOWANCE, CREDIT] {
                    genesis.holdings.push(GenesisHolding {
                        account: id,
                        instrument,
                        quantity: OPENING_UNITS,
                    });
                }
            }
            genesis.cash.push(GenesisCash {
                account: trading(i),
                currency: Currency::EUR,
                amount: money,
            });
        }
        for (i, signer) in self.operators.iter().enumerate() {
            genesis.members.push(GenesisMember {
                key: signer.public_key(),
                roles: Roles::REGULATOR.with(Roles::CASH_OPERATOR),
                name: format!("market operator {i}"),
            });
        }
        genesis
    }

    /// What client `client` sends on this ledger.
    ///
    /// # Panics
    /// When there is no such client.
    #[must_use]
    pub fn stream(&self, chain: ChainId, client: usize) -> Stream<'_> {
        assert!(
            client < self.config.clients,
            "client {client} of {}",
            self.config.clients
        );
        let sender = |signer: &Signer| Sender::new(signer.clone(), chain, 0).expiring_at(EXPIRY);
        let members: Vec<Trader> = (client..self.config.keys)
            .step_by(self.config.clients)
            .map(|index| Trader {
                index,
                sender: sender(&self.traders[index]),
                order_last: 0,
                quote: None,
            })
            .collect();
        Stream {
            carbon: self,
            random: Random::new(self.config.seed, client as u64),
            weights: weights(members.iter().map(|m| m.index), self.config.skew),
            members,
            operator: sender(&self.operators[client]),
        }
    }

    /// Signs everything of a run and encodes the requests. Cost: about 20 µs a transaction and core.
    #[must_use]
    pub fn plans(&self, chain: ChainId, schedule: &Schedule) -> Vec<ClientPlan> {
        let bodies = (0..self.config.clients)
            .into_par_iter()
            .map(|client| {
                let mut stream = self.stream(chain, client);
                (0..schedule.batches_of(client))
                    .map(|_| body((0..schedule.batch).map(|_| stream.next_signed()).collect()))
                    .collect()
            })
            .collect();
        schedule.plans(bodies)
    }
}

impl Stream<'_> {
    /// The next transaction as wire bytes.
    pub fn next_signed(&mut self) -> Vec<u8> {
        let kind = if self.carbon.config.transfers_only {
            "transfer"
        } else {
            self.kind()
        };
        let at = self.member();
        let index = self.members[at].index;
        let quantity = Quantity(1 + self.random.below(20));
        let (account, operating) = (trading(index), operating(index));
        let (accounts, call) = match kind {
            "transfer" => {
                let keys = self.carbon.config.keys as u64;
                let to = trading(usize::try_from(self.random.below(keys)).expect("an index"));
                let instrument = if self.random.below(4) == 0 {
                    CREDIT
                } else {
                    ALLOWANCE
                };
                (
                    vec![account, to],
                    Call::Transfer {
                        from: account,
                        to,
                        instrument,
                        quantity,
                    },
                )
            }
            "order" => (vec![account], self.crossing_order(at, account, quantity)),
            "quote" => (vec![account], self.quote(at, account, quantity)),
            "retire" => (
                vec![account],
                Call::Retire {
                    account,
                    instrument: CREDIT,
                    quantity,
                    beneficiary: "self".to_owned(),
                    reason: "travel 2026".to_owned(),
                },
            ),
            "surrender" => (
                vec![operating],
                Call::Surrender {
                    account: operating,
                    instrument: ALLOWANCE,
                    quantity,
                    year: 2026,
                },
            ),
            "cancel-units" => (
                vec![account],
                Call::CancelUnits {
                    account,
                    instrument: CREDIT,
                    quantity,
                    reason: "voluntary".to_owned(),
                },
            ),
            "issue" => {
                let call = Call::Issue {
                    account,
                    instrument: ALLOWANCE,
                    quantity,
                };
                return self.operator.sign_next(vec![account], call);
            }
            _ => {
                let (currency, amount) = (Currency::EUR, Money(1_000_000));
                let call = match kind {
                    "deposit" => Call::Deposit {
                        account,
                        currency,
                        amount,
                    },
                    _ => Call::Withdraw {
                        account,
                        currency,
                        amount,
                    },
                };
                return self.operator.sign_next(vec![account], call);
            }
        };
        self.members[at].sender.sign_next(accounts, call)
    }

    fn kind(&mut self) -> &'static str {
        let mut left = self.random.below(1000);
        for (name, share) in MIX {
            if left < *share {
                return name;
            }
            left -= share;
        }
        unreachable!("the shares of the mix sum to 1000")
    }

    fn member(&mut self) -> usize {
        let drawn = self.random.below(1 << 32);
        self.weights.partition_point(|sum| *sum <= drawn)
    }

    /// Even members buy at or above the price, odd ones sell at or below it: whatever meets, trades, and nobody
    /// meets itself.
    fn crossing_order(&mut self, at: usize, account: AccountId, quantity: Quantity) -> Call {
        let away = i64::try_from(self.random.below(5)).expect("small") * i64::from(TICK);
        let time_in_force = match self.random.below(10) {
            0 => TimeInForce::ImmediateOrCancel,
            _ => TimeInForce::GoodTillCancelled,
        };
        let trader = &mut self.members[at];
        let (side, price) = match trader.index % 2 {
            0 => (Side::Buy, PRICE + away),
            _ => (Side::Sell, PRICE - away),
        };
        trader.order_last += 1;
        place(
            account,
            trader.order_last,
            side,
            Price(price),
            quantity,
            time_in_force,
        )
    }

    /// Places a far bid, or cancels the one that rests.
    fn quote(&mut self, at: usize, account: AccountId, quantity: Quantity) -> Call {
        let trader = &mut self.members[at];
        if let Some(number) = trader.quote.take() {
            return Call::CancelOrder {
                account,
                instrument: ALLOWANCE,
                number,
            };
        }
        trader.order_last += 1;
        trader.quote = Some(trader.order_last);
        place(
            account,
            trader.order_last,
            Side::Buy,
            PRICE_FAR,
            quantity,
            TimeInForce::GoodTillCancelled,
        )
    }
}

fn place(
    account: AccountId,
    number: u64,
    side: Side,
    price: Price,
    quantity: Quantity,
    time_in_force: TimeInForce,
) -> Call {
    Call::PlaceOrder {
        account,
        instrument: ALLOWANCE,
        order: NewOrder {
            number,
            side,
            limit: Some(price),
            quantity,
            time_in_force,
            reserve: None,
            max_cash: None,
            self_trade: SelfTrade::default(),
        },
    }
}

/// Rising sums of `1 / (index + 1)^skew`, scaled so that the last is 2^32.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a distribution; the last sum is set exactly"
)]
fn weights(indexes: impl Iterator<Item = usize>, skew: f64) -> Vec<u64> {
    let weights: Vec<f64> = indexes.map(|i| ((i + 1) as f64).powf(-skew)).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut sums: Vec<u64> = weights
        .iter()
        .map(|weight| {
            sum += weight;
            (sum / total * (1_u64 << 32) as f64) as u64
        })
        .collect();
    if let Some(last) = sums.last_mut() {
        *last = 1 << 32;
    }
    sums
}

fn trading(trader: usize) -> AccountId {
    AccountId(2 * trader as u64 + 1)
}

fn operating(trader: usize) -> AccountId {
    AccountId(2 * trader as u64 + 2)
}

fn instrument(id: InstrumentId, symbol: &str, kind: InstrumentKind) -> Instrument {
    Instrument {
        id,
        symbol: symbol.to_owned(),
        kind,
        vintage: 2026,
        scale: 0,
        currency: Currency::EUR,
        tick: TICK,
        lot: Quantity(1),
        step_value: 100,
    }
}
