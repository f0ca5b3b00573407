//! What the measurements share: a ledger of accounts with money and units, a market, draws, and the clock.
#![allow(dead_code, reason = "no measurement needs all of it")]

use std::time::Duration;

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::code::Code;
use bds_contracts::exchange::orders::{Call, Exchange};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::context::{BlockInfo, Cx};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey, TxId};
use rustix::time::{ClockId, clock_gettime};

pub(crate) const CHAIN: ChainId = ChainId([7; 32]);
pub(crate) const EUA: InstrumentId = InstrumentId(1);
/// What each account has at first, for whoever trades.
pub(crate) const MONEY: i64 = 1_000_000_000_000;
pub(crate) const UNITS: u64 = 1_000_000;
/// Where traders trade among themselves.
pub(crate) const TRADERS: (Profile, Roles) = (Profile::Private, Roles::TRADER);
/// Transactions of a block.
pub(crate) const BLOCK: usize = 1_000;

/// A linear congruence.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Nanoseconds this thread has been on a core; none where instructions are counted (`BDS_COUNT=1`), as the clock is no memory of the
/// process there.
pub(crate) fn clock() -> u64 {
    if std::env::var_os("BDS_COUNT").is_some() {
        return 0;
    }
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).map_or(0, |time| time.as_nanos() as u64)
}

/// Bytes that look like a key; what is set up at the start is not asked whether it is one.
pub(crate) fn key(n: u64) -> PublicKey {
    let mut key = [0; 32];
    for (place, word) in key.chunks_exact_mut(8).enumerate() {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 + 2 * place as u64);
        word.copy_from_slice(&mixed.rotate_left(17).to_le_bytes());
    }
    PublicKey(key)
}

/// A ledger of so many accounts, each with a member of these roles, so much money and so many units; `more` is set up once the
/// instrument is there.
pub(crate) fn machine(
    (profile, roles): (Profile, Roles),
    accounts: u64,
    money: i64,
    quantity: u64,
    more: impl FnOnce(&mut Cx<'_>) -> Result<(), Code>,
) -> Machine<Modules> {
    let mut machine = Machine::new(CHAIN, profile, Limits::default());
    let outcome = machine.set_up(BlockInfo::default(), |cx| {
        let instrument = units::Call::CreateInstrument {
            instrument: EUA,
            symbol: "EUA",
            right: Right::Allowance,
            form: Form::Fungible,
            vintage: 2021,
            scale: 0,
            currency: Currency::EUR,
            tick: 100,
            lot: Quantity(1),
            step_value: 100,
        };
        Units::execute(&instrument, cx)?;
        more(cx)?;
        for n in 0..accounts {
            let (member, account) = (key(n), AccountId(n));
            cx.admit_member(member, roles)?;
            let open = identity::Call::OpenAccount {
                account,
                holder: HolderId(n),
                kind: AccountKind::Trading,
                currency: Currency::EUR,
                threshold: 1,
                representatives: List::Items(&[member]),
            };
            Identity::execute(&open, cx)?;
            let deposit = money::Call::Deposit {
                account,
                currency: Currency::EUR,
                amount: Amount(money),
            };
            Money::execute(&deposit, cx)?;
            let issue = units::Call::Issue {
                account,
                instrument: EUA,
                quantity: Quantity(quantity),
            };
            Units::execute(&issue, cx)?;
        }
        Ok(())
    });
    outcome.expect("the ledger can be set up");
    machine
}

/// A ledger with a market.
pub(crate) fn market(accounts: u64) -> Machine<Modules> {
    machine(TRADERS, accounts, MONEY, UNITS, |cx| {
        let market = Call::ListMarket {
            instrument: EUA,
            price_min: Price(100),
            price_max: Price(10_000_000),
            quantity_max: Quantity(1_000_000),
            makers_max: 500,
            wakes_max: 3,
            orders_max: 1 << 20,
            account_orders_max: 1_024,
            stops_max: 1_024,
            position_max: None,
            messages_max: None,
            window: Millis(1_000),
        };
        Exchange::execute(&market, cx)
    })
}

pub(crate) fn block(height: u64) -> BlockInfo {
    BlockInfo {
        height,
        time: Millis(height),
        ..BlockInfo::default()
    }
}

pub(crate) fn id(n: usize) -> TxId {
    let mut id = [0; 64];
    id[..8].copy_from_slice(&(n as u64).to_le_bytes());
    TxId(id)
}

/// Panics unless all money and units that were there at first are there.
pub(crate) fn check(machine: &Machine<Modules>, accounts: u64) {
    let identity = machine.stores().read::<Identity>();
    let tables = machine.stores().read::<Units>();
    let (mut money, mut held) = (0_i128, 0_u128);
    for n in 0..accounts {
        let account = identity.accounts.get(&AccountId(n)).expect("an account");
        money += i128::from(account.cash.balance.0);
        held += u128::from(tables.holding(AccountId(n), EUA).held.0);
    }
    assert_eq!(money, i128::from(MONEY) * i128::from(accounts));
    assert_eq!(held, u128::from(UNITS) * u128::from(accounts));
}
