//! Random blocks, sound and unsound calls mixed, followed by the auditor after every block.
//!
//! Any failure names the seed that repeats it.

use std::collections::BTreeMap;

use bds_contracts::account::{AccountKind, AccountStatus, HolderId, NewAccount, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::call::{AmendOrder, NewOrder};
use bds_contracts::carbon::trading::{
    ContractId, IndicatorBounds, Indicators, NewTradingContract, Retrieval, TradingData,
};
use bds_contracts::carbon::{Instrument, InstrumentId, InstrumentKind, SerialRange};
use bds_contracts::exchange::{SelfTrade, Side, TimeInForce};
use bds_contracts::genesis::{GenesisCash, GenesisHolding, GenesisMember, Mode, Profile};
use bds_contracts::tx::{
    AccountId, ContentHash, Millis, PublicKey, TX_DOMAIN, Transaction, TxView,
};
use bds_contracts::{Call, Code, Event, Genesis, State};
use bds_tests::auditor::Auditor;
use ed25519_dalek::SigningKey;

const MEMBERS: u64 = 10;
const ACCOUNTS: u64 = 8;

/// SplitMix64: small, seedable, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

fn key(seed: u64) -> PublicKey {
    let mut secret = [7; 32];
    secret[..8].copy_from_slice(&seed.to_le_bytes());
    PublicKey(SigningKey::from_bytes(&secret).verifying_key().to_bytes())
}

fn genesis(keys: &[PublicKey]) -> Genesis {
    let all = [
        Roles::REGULATOR,
        Roles::REGISTRY_ADMINISTRATOR,
        Roles::CASH_OPERATOR,
        Roles::VERIFIER,
        Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE),
    ];
    let instrument = |id, scale, tick, lot| Instrument {
        id: InstrumentId(id),
        symbol: format!("I{id}"),
        kind: InstrumentKind::Allowance,
        vintage: 2021,
        scale,
        currency: Currency::EUR,
        tick,
        lot: Quantity(lot),
        step_value: 100,
    };
    Genesis {
        name: "workload".into(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(1_000),
        checkpoint_interval: 4,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: keys[0],
                weight: 1,
            }],
        },
        members: keys
            .iter()
            .enumerate()
            .map(|(i, key)| GenesisMember {
                key: *key,
                roles: all[i.min(4)],
                name: format!("m{i}"),
            })
            .collect(),
        accounts: (1..=ACCOUNTS)
            .map(|id| NewAccount {
                id: AccountId(id),
                // Two accounts a holder, so that holders meet themselves.
                holder: HolderId(id / 2),
                kind: if id == 1 {
                    AccountKind::Government
                } else {
                    AccountKind::OperatorHolding
                },
                representatives: vec![keys[4 + (id % (MEMBERS - 4)) as usize]],
            })
            .collect(),
        instruments: vec![instrument(1, 0, 1, 1), instrument(2, 3, 5, 10)],
        cash: (1..=ACCOUNTS)
            .map(|id| GenesisCash {
                account: AccountId(id),
                currency: Currency::EUR,
                amount: Money(40_000_000),
            })
            .collect(),
        holdings: (1..=ACCOUNTS)
            .flat_map(|id| {
                [1, 2].map(|i| GenesisHolding {
                    account: AccountId(id),
                    instrument: InstrumentId(i),
                    quantity: Quantity(20_000),
                })
            })
            .collect(),
    }
}

struct Workload {
    random: Random,
    keys: Vec<PublicKey>,
    /// What this side believes each sender's next nonce to be.
    nonces: BTreeMap<PublicKey, u64>,
    orders: u64,
}

impl Workload {
    fn account(&mut self) -> AccountId {
        let unknown = self.random.chance(2);
        AccountId(if unknown {
            99
        } else {
            1 + self.random.below(ACCOUNTS)
        })
    }

    fn quantity(&mut self) -> Quantity {
        Quantity(match self.random.below(40) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3..10 => 10 * self.random.below(5_000),
            _ => 10 * (1 + self.random.below(30)),
        })
    }

    fn price(&mut self) -> Price {
        Price(match self.random.below(60) {
            0 => 0,
            1 => i64::MAX,
            2 => i64::MIN,
            _ => 5 * (190 + self.random.below(20) as i64),
        })
    }

    fn new_order(&mut self) -> NewOrder {
        if !self.random.chance(4) {
            self.orders += 1;
        }
        let r = &mut self.random;
        let side = r.pick(&[Side::Buy, Side::Sell]);
        let market = r.chance(12);
        let time_in_force = r.pick(&[
            TimeInForce::GoodTillCancelled,
            TimeInForce::GoodTillCancelled,
            TimeInForce::ImmediateOrCancel,
            TimeInForce::FillOrKill,
        ]);
        let self_trade = r.pick(&[
            SelfTrade::DecrementAndCancel,
            SelfTrade::CancelOldest,
            SelfTrade::CancelNewest,
            SelfTrade::CancelBoth,
            SelfTrade::Off,
        ]);
        let limit = (!market).then(|| self.price());
        let bounded = (market && side == Side::Buy) || self.random.chance(2);
        let reserve = limit.filter(|_| self.random.chance(30));
        NewOrder {
            number: self.orders,
            side,
            limit,
            quantity: self.quantity(),
            time_in_force,
            reserve: reserve.map(|p| Price(p.0.saturating_add(self.random.below(30) as i64 - 3))),
            max_cash: bounded.then(|| Money(self.random.below(8_000_000) as i64)),
            self_trade,
        }
    }

    /// An order that is open, if there is one; else a number that may have been one.
    fn order_number(&mut self, state: &State, account: AccountId, instrument: InstrumentId) -> u64 {
        let open = state.orders_of(account).filter(|(of, _)| *of == instrument);
        let numbers: Vec<u64> = open.map(|(_, order)| order.id.number).collect();
        if numbers.is_empty() || self.random.chance(10) {
            return self.orders.saturating_sub(self.random.below(40));
        }
        self.random.pick(&numbers)
    }

    fn call(&mut self, state: &State) -> Call {
        let (account, to) = (self.account(), self.account());
        let instrument = InstrumentId(if self.random.chance(2) {
            9
        } else {
            1 + self.random.below(2) as u32
        });
        let quantity = self.quantity();
        let amount = Money(self.random.below(2_000_000) as i64 - 100_000);
        let number = self.order_number(state, account, instrument);
        let indicators = Indicators {
            output: 94 + self.random.below(24),
            intensity: 500,
        };
        let contract = ContractId(self.random.below(12));
        match self.random.below(100) {
            0..18 => Call::Transfer {
                from: account,
                to,
                instrument,
                quantity,
            },
            18..22 => {
                let start = self.random.below(160_000);
                let blocks = vec![SerialRange {
                    start,
                    end: start + self.random.below(50),
                }];
                Call::TransferBlocks {
                    from: account,
                    to,
                    instrument,
                    blocks,
                }
            }
            22..50 => Call::PlaceOrder {
                account,
                instrument,
                order: self.new_order(),
            },
            50..60 => {
                let some = |r: &mut Random| r.chance(60);
                let price = some(&mut self.random).then(|| self.price());
                let open = some(&mut self.random).then(|| self.quantity());
                let reserve = self.random.chance(30).then(|| self.price());
                Call::AmendOrder(AmendOrder {
                    account,
                    instrument,
                    number,
                    price,
                    open,
                    reserve,
                })
            }
            60..68 => Call::CancelOrder {
                account,
                instrument,
                number,
            },
            68..70 => Call::Issue {
                account,
                instrument,
                quantity,
            },
            70..72 => {
                let shares = (0..self.random.below(4))
                    .map(|_| (self.account(), self.quantity()))
                    .collect();
                Call::Allocate {
                    from: AccountId(1),
                    instrument,
                    year: 2021,
                    shares,
                }
            }
            72..74 => Call::Surrender {
                account,
                instrument,
                quantity,
                year: 2021,
            },
            74..76 => Call::Retire {
                account,
                instrument,
                quantity,
                beneficiary: "b".into(),
                reason: "r".into(),
            },
            76..78 => Call::CancelUnits {
                account,
                instrument,
                quantity,
                reason: "c".into(),
            },
            78..82 => Call::Deposit {
                account,
                currency: Currency::EUR,
                amount,
            },
            82..85 => Call::Withdraw {
                account,
                currency: Currency::EUR,
                amount,
            },
            85..87 => {
                // Mostly opened again, or the market would come to rest.
                let status = self.random.pick(&[
                    AccountStatus::Open,
                    AccountStatus::Open,
                    AccountStatus::Open,
                    AccountStatus::Open,
                    AccountStatus::Blocked,
                    AccountStatus::Suspended,
                    AccountStatus::Closed,
                ]);
                // The last account stays out of it, so that trading never ends.
                let account = if account == AccountId(ACCOUNTS) {
                    to
                } else {
                    account
                };
                Call::SetAccountStatus {
                    account,
                    status,
                    reason: "test".into(),
                }
            }
            87..89 => Call::OpenTradingContract(NewTradingContract {
                id: contract,
                enterprise: HolderId(1),
                seller: account,
                buyer: to,
                instrument,
                quantity_max: Quantity(1_000),
                emissions_max: 100,
                bounds: IndicatorBounds {
                    output_min: 95,
                    output_max: 115,
                    intensity_max: 600,
                },
            }),
            89..91 => Call::EndorseIndicators {
                contract,
                indicators,
            },
            91..96 => {
                let known = state
                    .trading_contract(contract)
                    .filter(|_| self.random.chance(80));
                let (seller, buyer, instrument) = known.map_or((account, to, instrument), |c| {
                    (c.terms.seller, c.terms.buyer, c.terms.instrument)
                });
                let endorsed = known
                    .and_then(|c| c.endorsed)
                    .filter(|_| self.random.chance(95));
                Call::UploadTradingData(TradingData {
                    contract,
                    enterprise: HolderId(1),
                    seller,
                    buyer,
                    instrument,
                    quantity,
                    price: self.price(),
                    period_start: Millis(1),
                    period_end: Millis(2),
                    emissions: self.random.below(120),
                    indicators: endorsed.map_or(indicators, |(endorsed, _)| endorsed),
                    evidence: ContentHash([1; 64]),
                })
            }
            96..98 => Call::QueryLog {
                retrieval: Retrieval::Contract(contract),
                after: 0,
            },
            98 => Call::RegisterMember {
                key: key(1_000 + self.random.below(50)),
                roles: Roles::TRADER,
                name: "n".into(),
            },
            _ => Call::Nothing,
        }
    }

    fn wire(&mut self, state: &State) -> Vec<u8> {
        let call = self.call(state);
        // Mostly by someone with the right to, so that most calls come far.
        let fitting = self.fitting_sender(state, &call);
        let random = self.random.pick(&self.keys.clone());
        let sender = if self.random.chance(90) {
            fitting.unwrap_or(random)
        } else {
            random
        };
        let next = self.nonces.get(&sender).copied().unwrap_or(0);
        let odd_nonce = self.random.chance(3);
        let nonce = if odd_nonce { next ^ 1 } else { next };
        let declared = if self.random.chance(97) {
            (1..=ACCOUNTS).chain([99]).collect()
        } else {
            vec![1, 2, 3]
        };
        let tx = Transaction {
            domain: TX_DOMAIN,
            chain: state.chain_id(),
            sender,
            nonce,
            lock_time: Millis(if self.random.chance(1) { u64::MAX } else { 0 }),
            expires_at: Millis(if self.random.chance(1) { 1 } else { u64::MAX }),
            accounts: declared.into_iter().map(AccountId).collect(),
            content_hash: None,
            call,
        };
        let mut bytes = tx.signed_bytes();
        bytes.extend_from_slice(&[0; 64]);
        if self.random.chance(3) {
            let at = 8 + self.random.below(bytes.len() as u64 - 8) as usize;
            bytes[at] ^= 1 << self.random.below(8);
        } else if !odd_nonce {
            self.nonces.insert(sender, next + 1);
        }
        bytes
    }

    fn fitting_sender(&mut self, state: &State, call: &Call) -> Option<PublicKey> {
        let representative = |id: AccountId| state.account(id).map(|a| a.representatives[0]);
        match call {
            Call::Transfer { from: id, .. }
            | Call::TransferBlocks { from: id, .. }
            | Call::PlaceOrder { account: id, .. }
            | Call::AmendOrder(AmendOrder { account: id, .. })
            | Call::CancelOrder { account: id, .. }
            | Call::Surrender { account: id, .. }
            | Call::Retire { account: id, .. }
            | Call::CancelUnits { account: id, .. }
            | Call::UploadTradingData(TradingData { seller: id, .. }) => representative(*id),
            Call::RegisterMember { .. } => Some(self.keys[1]),
            Call::Deposit { .. } | Call::Withdraw { .. } => Some(self.keys[2]),
            Call::EndorseIndicators { .. } => Some(self.keys[3]),
            _ => Some(self.keys[0]),
        }
    }
}

/// Runs one seed and returns how often each code and each kind of event came up, and the final root.
fn run(seed: u64, blocks: u64) -> (BTreeMap<String, u64>, String) {
    let keys: Vec<PublicKey> = (0..MEMBERS).map(key).collect();
    let genesis = genesis(&keys);
    let mut state = State::from_genesis(&genesis).expect("sound genesis");
    let mut auditor = Auditor::new(&genesis).expect("sound genesis");
    let mut workload = Workload {
        random: Random(seed),
        keys,
        nonces: BTreeMap::new(),
        orders: 0,
    };
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for height in 1..=blocks {
        // Nonces start each block from the truth: a damaged or refused transaction leaves this side guessing wrong.
        for key in &workload.keys {
            workload
                .nonces
                .insert(*key, state.next_nonce(key).expect("a member"));
        }
        let wires: Vec<Vec<u8>> = (0..40).map(|_| workload.wire(&state)).collect();
        let views = wires.iter().filter_map(|bytes| TxView::parse(bytes).ok());
        let txs: Vec<_> = views.map(|view| (view.id(), view)).collect();
        let outcome = state.execute_block(height, Millis(1_000 + height), &txs);
        assert_eq!(outcome.receipts.len() + outcome.dropped as usize, txs.len());
        auditor
            .block(&outcome, &state)
            .unwrap_or_else(|finding| panic!("seed {seed}: {finding}"));
        for receipt in &outcome.receipts {
            *seen.entry(receipt.code.name().to_owned()).or_default() += 1;
            for event in &receipt.events {
                let name = format!("{event:?}");
                let name = name.split([' ', '(', '{']).next().unwrap_or_default();
                *seen.entry(format!("event {name}")).or_default() += 1;
            }
        }
        if height % 50 == 0 {
            let root = state.root();
            let mut copy = State::restore(&state.snapshot()).expect("own snapshot");
            assert_eq!(
                copy.root(),
                root,
                "seed {seed}: the root depends on history"
            );
            state = copy;
        }
    }
    (seen, state.root().to_string())
}

#[test]
fn the_auditor_agrees_after_every_block() {
    let fresh = std::process::id().into();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in [1, 2, 3, 4, 5, 6, 7, 8, fresh] {
        for (what, count) in run(seed, 200).0 {
            *seen.entry(what).or_default() += count;
        }
    }
    eprintln!("{seen:#?}");
    // A workload that never reaches a code proves nothing about it.
    for code in [
        Code::OK,
        Code::EXPIRED,
        Code::NOT_YET_VALID,
        Code::WRONG_ROLE,
        Code::ACCOUNT_NOT_DECLARED,
        Code::UNKNOWN_ACCOUNT,
        Code::OVERFLOW,
        Code::ACCOUNT_NOT_OPEN,
        Code::BALANCE_TOO_LOW,
        Code::CASH_TOO_LOW,
        Code::NOT_FILLABLE,
        Code::PRICE_ABOVE_RESERVE,
        Code::CONTRACT_TERMINATED,
        Code::TRADING_DATA_EXCEPTION,
        Code::CONTRACT_RECORD_EXCEPTION,
    ] {
        assert!(
            seen.contains_key(code.name()),
            "{} never came up",
            code.name()
        );
    }
    for event in [
        "Traded",
        "TradingDataRecorded",
        "OrderReduced",
        "OrderAmended",
        "Surrendered",
        "Retired",
        "Cancelled",
        "Allocated",
    ] {
        assert!(
            seen.contains_key(&format!("event {event}")),
            "{event} never came up"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_root() {
    assert_eq!(run(42, 60), run(42, 60));
}

/// The auditor must see a ledger that is wrong: one event left out, one amount changed.
#[test]
fn the_auditor_notices_a_lost_and_a_changed_event() {
    let keys: Vec<PublicKey> = (0..MEMBERS).map(key).collect();
    let genesis = genesis(&keys);
    let mut state = State::from_genesis(&genesis).expect("sound genesis");
    let mut workload = Workload {
        random: Random(5),
        keys,
        nonces: BTreeMap::new(),
        orders: 0,
    };
    let wires: Vec<Vec<u8>> = (0..200).map(|_| workload.wire(&state)).collect();
    let txs: Vec<_> = wires
        .iter()
        .filter_map(|b| TxView::parse(b).ok())
        .map(|v| (v.id(), v))
        .collect();
    let outcome = state.execute_block(1, Millis(2_000), &txs);
    let audit = |outcome| {
        Auditor::new(&genesis)
            .expect("sound genesis")
            .block(&outcome, &state)
    };
    audit(outcome.clone()).expect("as it was");

    let moved = |event: &Event| matches!(event, Event::Transferred { from, to, .. } if from != to);
    let mut lost = outcome.clone();
    let receipt = lost
        .receipts
        .iter_mut()
        .find(|r| r.events.iter().any(moved))
        .expect("a transfer");
    receipt.events.clear();
    assert!(audit(lost).is_err());

    let mut changed = outcome;
    let deposit = changed
        .receipts
        .iter_mut()
        .flat_map(|r| &mut r.events)
        .find_map(|e| match e {
            Event::Deposited { amount, .. } => Some(amount),
            _ => None,
        });
    deposit.expect("a deposit").0 += 1;
    assert!(audit(changed).is_err());
}
