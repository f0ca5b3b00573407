//! Algorithm 3: who may open a session for what, in the order of its checks, and what opening sets aside.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, WattHours};
use bds_contracts::energy::prosumer::RESOURCES_MAX;
use bds_contracts::energy::rules::{ENERGY_MAX, Minutes, Role};
use bds_contracts::energy::session::{AHEAD_MAX, OPEN_MAX, PERIOD_MAX, SessionPhase};
use bds_contracts::energy::{Call, Energy, Event, ResourceId};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{EUR, JOINT, Stage, Who};
use super::*;

#[test]
fn any_prosumer_opens_a_session_and_its_deposit_is_set_aside() {
    let mut stage = plant();
    let events = done(&mut stage, Who::Anna, &needs(20_000));
    let [Event::VppSessionOpened { session, .. }] = events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(
        events,
        [Event::VppSessionOpened {
            session,
            initiator: P[0],
            role: Role::Consume,
            energy: WattHours(20_000),
            start: Millis(START),
            minutes: Minutes::Fifteen,
            price: Price(1_500_000),
            closes: Millis(CLOSES),
            deposit: Amount(3_000_000),
        }]
    );
    // 0.02 MWh at 150 EUR are 3 EUR.
    assert_eq!(stage.held(P[0], EUR), (CASH, 3_000_000));
    assert_eq!(stage.account(P[0]).entries, 1, "it does not close");
    let opened = session_of(&stage, session);
    assert_eq!((opened.phase, opened.offers), (SessionPhase::Open, 0));
    // An aggregator's account as well as a prosumer's own, and sessions are numbered as they come.
    let other = Call::InitVpp {
        account: P[1],
        role: Role::Consume,
        resource: None,
        energy: WattHours(1),
        start: Millis(START),
        price: Price(0),
        closes: Millis(CLOSES),
        deposit: Amount(0),
    };
    let events = done(&mut stage, Who::Bert, &other);
    let [Event::VppSessionOpened { session: next, .. }] = events[..] else {
        panic!("{events:?}");
    };
    assert!(next > session);
    assert_eq!(stage.held(P[1], EUR), (CASH, 0), "nothing to set aside");
}

/// A call with every fault is made sound fault by fault: each time the next check answers.
#[test]
fn of_several_faults_the_first_check_answers() {
    let mut stage = plant();
    let status = |account, status| identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    let set = |stage: &mut Stage, account, to| {
        let code = stage.call::<Identity>(Who::Regulator, &status(account, to));
        assert_eq!(code, Code::OK);
    };
    type Change = fn(&mut Call<'static>);
    let mut call = Call::InitVpp {
        account: AccountId(999),
        role: Role::Supply,
        resource: Some(ResourceId(7)),
        energy: WattHours(0),
        start: Millis(START),
        price: Price(50),
        closes: Millis(CLOSES),
        deposit: Amount(-1),
    };
    refused(&mut stage, Who::Anna, &call, Code::UNKNOWN_ACCOUNT);
    let fix: [(Code, Change); 11] = [
        (Code::NOT_REPRESENTATIVE, |call| account_of(call, P[1])),
        (Code::ACCOUNT_NOT_OPEN, |call| account_of(call, P[0])),
        (Code::PROSUMER_NOT_REGISTERED, |_| ()),
        (Code::SESSION_ALREADY_OPEN, |_| ()),
        (Code::SESSION_INVALID, |call| {
            start_of(call, START + QUARTER)
        }),
        (Code::UNKNOWN_RESOURCE, |call| energy_of(call, 10_001)),
        (Code::NOT_OWN_RESOURCE, |call| {
            resource_is(call, resource(P[2]))
        }),
        (Code::CAPABILITY_EXCEEDED, |call| {
            resource_is(call, resource(P[0]));
        }),
        (Code::ENERGY_PRICE_INVALID, |call| energy_of(call, 10_000)),
        (Code::DEPOSIT_TOO_LOW, |call| price_of(call, 100)),
        (Code::CASH_TOO_LOW, |call| deposit_of(call, CASH + 1)),
    ];
    set(&mut stage, P[0], AccountStatus::Blocked);
    let active = |active| Call::SetActive {
        account: P[0],
        active,
    };
    for (code, change) in fix {
        change(&mut call);
        match code {
            Code::PROSUMER_NOT_REGISTERED => {
                set(&mut stage, P[0], AccountStatus::Open);
                opened(&mut stage, &needs(10));
                done(&mut stage, Who::Bank, &active(false));
            }
            Code::SESSION_ALREADY_OPEN => {
                done(&mut stage, Who::Bank, &active(true));
            }
            _ => {}
        }
        refused(&mut stage, Who::Anna, &call, code);
    }
    // Ten thousand watt hours at 200 EUR: 2 EUR at least.
    deposit_of(&mut call, 1_999_999);
    refused(&mut stage, Who::Anna, &call, Code::DEPOSIT_TOO_LOW);
    deposit_of(&mut call, 2_000_000);
    done(&mut stage, Who::Anna, &call);
}

fn account_of(call: &mut Call<'static>, to: AccountId) {
    if let Call::InitVpp { account, .. } = call {
        *account = to;
    }
}

fn start_of(call: &mut Call<'static>, to: u64) {
    if let Call::InitVpp { start, .. } = call {
        *start = Millis(to);
    }
}

fn closes_of(call: &mut Call<'static>, to: u64) {
    if let Call::InitVpp { closes, .. } = call {
        *closes = Millis(to);
    }
}

fn energy_of(call: &mut Call<'static>, to: i64) {
    if let Call::InitVpp { energy, .. } = call {
        *energy = WattHours(to);
    }
}

fn price_of(call: &mut Call<'static>, to: i64) {
    if let Call::InitVpp { price, .. } = call {
        *price = Price(to);
    }
}

fn deposit_of(call: &mut Call<'static>, to: i64) {
    if let Call::InitVpp { deposit, .. } = call {
        *deposit = Amount(to);
    }
}

fn resource_is(call: &mut Call<'static>, to: ResourceId) {
    if let Call::InitVpp { resource, .. } = call {
        *resource = Some(to);
    }
}

#[test]
fn terms_are_taken_up_to_their_edges() {
    let stage = plant();
    let now = stage.machine.block().time.0 + 1_000;
    let try_with = |change: &dyn Fn(&mut Call<'static>)| {
        let mut call = needs(1_000);
        change(&mut call);
        send(&mut stage.clone(), Who::Anna, &call).0
    };
    assert_eq!(try_with(&|_| ()), Code::OK);
    let invalid: [&dyn Fn(&mut Call<'static>); 8] = [
        &|call| energy_of(call, 0),
        &|call| energy_of(call, -5),
        &|call| energy_of(call, ENERGY_MAX + 1),
        &|call| start_of(call, START + 1),
        &|call| closes_of(call, now),
        &|call| closes_of(call, START + 1),
        &|call| resource_is(call, resource(P[0])),
        &|call| start_of(call, (now + AHEAD_MAX) / QUARTER * QUARTER + QUARTER),
    ];
    for change in invalid {
        assert_eq!(try_with(change), Code::SESSION_INVALID);
    }
    assert_eq!(try_with(&|call| closes_of(call, now + 1)), Code::OK);
    assert_eq!(try_with(&|call| closes_of(call, START)), Code::OK);
    let last = (now + AHEAD_MAX) / QUARTER * QUARTER;
    assert_eq!(try_with(&|call| start_of(call, last)), Code::OK);
    for price in [-100, 50, 1_000_000_100] {
        let code = try_with(&|call| price_of(call, price));
        assert_eq!(code, Code::ENERGY_PRICE_INVALID, "{price}");
    }
    assert_eq!(try_with(&|call| price_of(call, 0)), Code::OK);
    // 1,000 Wh at 150 EUR: 0.15 EUR.
    assert_eq!(
        try_with(&|call| deposit_of(call, 149_999)),
        Code::DEPOSIT_TOO_LOW
    );
    assert_eq!(try_with(&|call| deposit_of(call, 150_000)), Code::OK);
    assert_eq!(try_with(&|call| deposit_of(call, CASH)), Code::OK);
    assert_eq!(
        try_with(&|call| deposit_of(call, CASH + 1)),
        Code::CASH_TOO_LOW
    );
    assert_eq!(RESOURCES_MAX, 16);
}

#[test]
fn an_initiator_has_one_open_session_a_period_and_so_many_in_all() {
    let mut stage = plant();
    let mut call = needs(10);
    deposit_of(&mut call, 1_500);
    for number in 0..u64::from(OPEN_MAX) {
        start_of(&mut call, START + number * QUARTER);
        closes_of(&mut call, START);
        done(&mut stage, Who::Anna, &call);
    }
    refused(&mut stage, Who::Anna, &call, Code::SESSION_ALREADY_OPEN);
    start_of(&mut call, START + u64::from(OPEN_MAX) * QUARTER);
    refused(&mut stage, Who::Anna, &call, Code::SESSION_LIMIT);
    assert_eq!(prosumer_of(&stage, P[0]).sessions, OPEN_MAX);
    at(&mut stage, START);
    assert_eq!(prosumer_of(&stage, P[0]).sessions, 0);
    assert_eq!(stage.held(P[0], EUR), (CASH, 0), "all deposits are free");
    // A period may be tried again, some times.
    let start = 200 * QUARTER;
    start_of(&mut call, start);
    for _ in 0..PERIOD_MAX {
        let closes = stage.machine.block().time.0 + 2_000;
        closes_of(&mut call, closes);
        done(&mut stage, Who::Anna, &call);
        at(&mut stage, closes);
    }
    closes_of(&mut call, start);
    refused(&mut stage, Who::Anna, &call, Code::SESSION_LIMIT);
    let initiated = &stage.machine.stores().read::<Energy>().initiated;
    assert_eq!(initiated.len(), OPEN_MAX as usize + PERIOD_MAX);
}

#[test]
fn an_account_of_two_opens_by_two() {
    let mut stage = plant();
    let deposit = money::Call::Deposit {
        account: JOINT,
        currency: EUR,
        amount: Amount(CASH),
    };
    assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
    done(&mut stage, Who::Bank, &register(JOINT));
    let mut call = needs(10);
    account_of(&mut call, JOINT);
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Energy>(Who::Anna, Who::Bert, &call);
    assert_eq!(code, Code::OK);
}
