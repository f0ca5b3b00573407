//! Offers: who may make which, in the order of the checks; what they set aside, and what a resource can be committed to.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, WattHours};
use bds_contracts::energy::position::POSITIONS_MAX;
use bds_contracts::energy::rules::{Last, Minutes, Ranking, Role};
use bds_contracts::energy::{Call, Energy, Event, MicrogridId, ResourceId};
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{BANK_S, CNY, EUR, Who};
use super::*;

#[test]
fn an_offer_sets_aside_what_its_energy_would_cost_if_it_were_missing() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    let events = done(
        &mut stage,
        Who::Bert,
        &offer(session, P[1], 8_000, 1_200_000),
    );
    let joined = |energy, price, sequence| Event::VppJoined {
        session,
        initiator: P[0],
        account: P[1],
        resource: resource(P[1]),
        energy: WattHours(energy),
        price: Price(price),
        sequence,
    };
    assert_eq!(events, [joined(8_000, 1_200_000, 1)]);
    // 0.008 MWh at 200 EUR.
    assert_eq!(stage.held(P[1], EUR), (CASH, 1_600_000));
    assert_eq!(stage.account(P[1]).entries, 2, "the offer, and its money");
    // Replaced: it sets aside anew, and has another place.
    let events = done(&mut stage, Who::Bert, &offer(session, P[1], 2_000, 900_000));
    assert_eq!(events, [joined(2_000, 900_000, 2)]);
    assert_eq!(stage.held(P[1], EUR), (CASH, 400_000));
    let now = session_of(&stage, session);
    assert_eq!((now.offers, now.total), (1, WattHours(2_000)));
    let leave = Call::LeaveVpp {
        session,
        account: P[1],
    };
    let left = Event::VppLeft {
        session,
        initiator: P[0],
        account: P[1],
    };
    assert_eq!(done(&mut stage, Who::Bert, &leave), [left]);
    assert_eq!(stage.held(P[1], EUR), (CASH, 0));
    assert_eq!(stage.account(P[1]).entries, 0);
    let now = session_of(&stage, session);
    assert_eq!((now.offers, now.total), (0, WattHours(0)));
    assert_eq!(position_of(&stage, session, P[1]), None);
    refused(&mut stage, Who::Bert, &leave, Code::UNKNOWN_OFFER);
    refused(&mut stage, Who::Anna, &leave, Code::NOT_REPRESENTATIVE);
}

/// Whoever takes energy sets aside the dearer of price and imbalance: 0.001 MWh at 200 EUR, and at 300 EUR.
#[test]
fn who_takes_energy_sets_aside_the_dearer_of_both_prices() {
    let mut stage = plant();
    let session = opened(&mut stage, &gives(10_000));
    done(
        &mut stage,
        Who::Bert,
        &demand(session, P[1], 1_000, 500_000),
    );
    done(
        &mut stage,
        Who::Anna,
        &demand(session, P[2], 1_000, 3_000_000),
    );
    assert_eq!(stage.held(P[1], EUR).1, 200_000);
    assert_eq!(stage.held(P[2], EUR).1, 300_000);
    // Below what the initiator takes; and the wrong way round.
    let low = demand(session, P[3], 1_000, 499_900);
    refused(&mut stage, Who::Bert, &low, Code::ENERGY_PRICE_INVALID);
    let wrong = offer(session, P[3], 1_000, 500_000);
    refused(&mut stage, Who::Bert, &wrong, Code::OFFER_INVALID);
}

#[test]
fn of_several_faults_the_first_check_answers() {
    let mut stage = plant();
    // The second prosumer's holder has another account, in which the first one's session would be its own.
    let session = opened(&mut stage, &needs(20_000));
    let active = |account, active| Call::SetActive { account, active };
    let call = |session, account, of, role, energy, price| Call::JoinVpp {
        session,
        account,
        resource: of,
        role,
        energy: WattHours(energy),
        price: Price(price),
    };
    let nowhere = ResourceId(7);
    let (supply, consume) = (Role::Supply, Role::Consume);
    let faults = |account| call(99, account, nowhere, consume, 0, 50);
    refused(
        &mut stage,
        Who::Bert,
        &faults(AccountId(9)),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(
        &mut stage,
        Who::Bert,
        &faults(P[0]),
        Code::NOT_REPRESENTATIVE,
    );
    let status = |status| identity::Call::SetStatus {
        account: P[1],
        status,
        reason: "",
    };
    stage.call::<Identity>(Who::Regulator, &status(AccountStatus::Suspended));
    refused(&mut stage, Who::Bert, &faults(P[1]), Code::ACCOUNT_NOT_OPEN);
    stage.call::<Identity>(Who::Regulator, &status(AccountStatus::Open));
    done(&mut stage, Who::Bank, &active(P[1], false));
    refused(
        &mut stage,
        Who::Bert,
        &faults(P[1]),
        Code::PROSUMER_NOT_REGISTERED,
    );
    done(&mut stage, Who::Bank, &active(P[1], true));
    refused(&mut stage, Who::Bert, &faults(P[1]), Code::UNKNOWN_SESSION);
    let bad = [
        (
            call(session, P[1], nowhere, consume, 5, 50),
            Code::OFFER_INVALID,
        ),
        (
            call(session, P[1], nowhere, supply, 0, 50),
            Code::OFFER_INVALID,
        ),
        (
            call(session, P[1], nowhere, supply, 10_001, 50),
            Code::UNKNOWN_RESOURCE,
        ),
        (
            call(session, P[1], resource(P[3]), supply, 10_001, 50),
            Code::NOT_OWN_RESOURCE,
        ),
        (
            call(session, P[1], resource(P[1]), supply, 10_001, 50),
            Code::CAPABILITY_EXCEEDED,
        ),
        (
            call(session, P[1], resource(P[1]), supply, 10_000, 50),
            Code::ENERGY_PRICE_INVALID,
        ),
        (
            call(session, P[1], resource(P[1]), supply, 10_000, 1_500_100),
            Code::ENERGY_PRICE_INVALID,
        ),
    ];
    for (call, code) in bad {
        refused(&mut stage, Who::Bert, &call, code);
    }
    // Of the initiator itself nothing is taken, whatever else is wrong with it.
    let own = call(session, P[0], nowhere, supply, 1, 50);
    refused(&mut stage, Who::Anna, &own, Code::SAME_HOLDER);
    // The last moment is the one before the end.
    let last = offer(session, P[1], 10_000, 1_500_000);
    let mut early = stage.clone();
    wait(&mut early, CLOSES - 1);
    done(&mut early, Who::Bert, &last);
    wait(&mut stage, CLOSES);
    let tx = stage.tx::<Energy>(Who::Bert, &last);
    let outcome = stage.execute(&[tx]);
    assert_eq!(super::super::stage::codes(&outcome), [Code::SESSION_CLOSED]);
}

#[test]
fn an_account_of_the_same_holder_does_not_join() {
    let mut stage = plant();
    let twin = AccountId(108);
    let open = identity::Call::OpenAccount {
        account: twin,
        holder: HolderId(P[0].0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&[Who::Bert.key()]),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
    done(&mut stage, Who::Bank, &register(twin));
    done(&mut stage, Who::Bank, &plain_resource(twin));
    let session = opened(&mut stage, &needs(20_000));
    let call = offer(session, twin, 1, 100);
    refused(&mut stage, Who::Bert, &call, Code::SAME_HOLDER);
}

/// A resource is committed once: 10,000 Wh in all offers and allocations of a period, each way by itself.
#[test]
fn a_resource_offers_no_more_than_it_can_do_in_all_sessions_together() {
    let mut stage = plant();
    let first = opened(&mut stage, &needs(20_000));
    let second = {
        let call = Call::InitVpp {
            account: P[2],
            role: Role::Consume,
            resource: None,
            energy: WattHours(5_000),
            start: Millis(START),
            price: Price(1_500_000),
            closes: Millis(CLOSES),
            deposit: Amount(750_000),
        };
        opened(&mut stage, &call)
    };
    done(&mut stage, Who::Bert, &offer(first, P[1], 6_000, 100));
    let too_much = offer(second, P[1], 4_001, 100);
    refused(&mut stage, Who::Bert, &too_much, Code::CAPABILITY_EXCEEDED);
    done(&mut stage, Who::Bert, &offer(second, P[1], 4_000, 100));
    // To replace an offer counts it once.
    done(&mut stage, Who::Bert, &offer(first, P[1], 5_000, 100));
    refused(
        &mut stage,
        Who::Bert,
        &offer(first, P[1], 6_001, 100),
        Code::CAPABILITY_EXCEEDED,
    );
    // What it takes is another matter.
    let third = {
        let call = Call::InitVpp {
            account: P[4],
            role: Role::Supply,
            resource: Some(resource(P[4])),
            energy: WattHours(10_000),
            start: Millis(START),
            price: Price(0),
            closes: Millis(CLOSES),
            deposit: Amount(2_000_000),
        };
        opened(&mut stage, &call)
    };
    done(&mut stage, Who::Bert, &demand(third, P[1], 10_000, 100));
    // The initiator that supplies is committed too.
    let all = offer(first, P[4], 1, 100);
    refused(&mut stage, Who::Anna, &all, Code::CAPABILITY_EXCEEDED);
    // Once allocated it stays committed, and what was not taken is free again.
    at(&mut stage, CLOSES);
    assert_eq!(position_of(&stage, first, P[1]), None, "too little");
    assert_eq!(position_of(&stage, second, P[1]), None, "too little");
    let taken = position_of(&stage, third, P[1]).map(|position| position.energy);
    assert_eq!(taken, Some(WattHours(10_000)));
}

#[test]
fn a_resource_has_so_many_positions_in_a_period() {
    let mut stage = plant();
    // Sessions that fail leave nothing behind, so the count is of those that are open.
    let mut sessions = Vec::new();
    for number in 0..=POSITIONS_MAX as u64 {
        let account = AccountId(200 + number);
        let open = identity::Call::OpenAccount {
            account,
            holder: HolderId(account.0),
            kind: AccountKind::Trading,
            currency: EUR,
            threshold: 1,
            representatives: List::Items(&[Who::Anna.key()]),
        };
        assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
        done(&mut stage, Who::Bank, &register(account));
        let call = Call::InitVpp {
            account,
            role: Role::Consume,
            resource: None,
            energy: WattHours(1),
            start: Millis(START),
            price: Price(0),
            closes: Millis(CLOSES),
            deposit: Amount(0),
        };
        sessions.push(opened(&mut stage, &call));
    }
    let (last, before) = sessions.split_last().expect("some");
    for session in before {
        done(&mut stage, Who::Bert, &offer(*session, P[1], 1, 0));
    }
    refused(
        &mut stage,
        Who::Bert,
        &offer(*last, P[1], 1, 0),
        Code::SESSION_FULL,
    );
    done(&mut stage, Who::Bert, &offer(before[0], P[1], 2, 0));
}

#[test]
fn a_prosumer_of_another_grid_joins_where_period_and_currency_are_the_same() {
    for (minutes, currency, code) in [
        (Minutes::Fifteen, EUR, Code::OK),
        (Minutes::Sixty, EUR, Code::OFFER_INVALID),
        (Minutes::Fifteen, CNY, Code::OFFER_INVALID),
    ] {
        let mut stage = plant();
        let call = Call::OpenMicrogrid {
            microgrid: MicrogridId(2),
            account: BANK_S,
            currency,
            minutes,
            ranking: Ranking::Arrival,
            last: Last::Whole,
            tick: 1,
            imbalance_price: Price(1_000_000),
        };
        done(&mut stage, Who::Bank, &call);
        let far = AccountId(110);
        let open = identity::Call::OpenAccount {
            account: far,
            holder: HolderId(110),
            kind: AccountKind::Trading,
            currency: EUR,
            threshold: 1,
            representatives: List::Items(&[Who::Bert.key()]),
        };
        assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
        let pay = money::Call::Deposit {
            account: far,
            currency,
            amount: Amount(CASH),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &pay), Code::OK);
        let register = Call::RegisterProsumer {
            account: far,
            microgrid: MicrogridId(2),
            kind: Kind::Psm,
        };
        done(&mut stage, Who::Bank, &register);
        done(&mut stage, Who::Bank, &plain_resource(far));
        let session = opened(&mut stage, &needs(20_000));
        let call = offer(session, far, 1_000, 100);
        assert_eq!(send(&mut stage, Who::Bert, &call).0, code, "{minutes:?}");
        if code.is_ok() {
            // Missing energy costs what it does where the prosumer is.
            assert_eq!(stage.held(far, EUR).1, 100_000);
        }
    }
}

#[test]
fn who_has_too_little_money_makes_no_offer() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    let away = money::Call::Transfer {
        from: P[1],
        to: P[0],
        currency: EUR,
        amount: Amount(CASH - 1_000_000),
    };
    assert_eq!(stage.call::<Money>(Who::Bert, &away), Code::OK);
    refused(
        &mut stage,
        Who::Bert,
        &offer(session, P[1], 5_001, 100),
        Code::CASH_TOO_LOW,
    );
    done(&mut stage, Who::Bert, &offer(session, P[1], 5_000, 100));
    // With what the old offer sets free it has enough again, for no more.
    refused(
        &mut stage,
        Who::Bert,
        &offer(session, P[1], 5_001, 100),
        Code::CASH_TOO_LOW,
    );
    done(&mut stage, Who::Bert, &offer(session, P[1], 4_999, 100));
}
