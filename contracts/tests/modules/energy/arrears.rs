//! What accounts owe: a correction that cannot be paid, an account that is shut or closed, and how arrears are paid.

use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::amount::Money as Amount;
use bds_contracts::energy::{Call, Event};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::AccountId;

use super::super::stage::{BANK_S, EUR, Stage, Who};
use super::metering::delivered;
use super::*;

fn move_all_but(stage: &mut Stage, from: AccountId, left: i64) {
    let free = stage.cash(from, EUR).free().0;
    let call = money::Call::Transfer {
        from,
        to: P[5],
        currency: EUR,
        amount: Amount(free - left),
    };
    assert_eq!(stage.call::<Money>(owner(from), &call), Code::OK);
}

fn set(stage: &mut Stage, account: AccountId, status: AccountStatus) -> Code {
    let call = identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    stage.call::<Identity>(Who::Regulator, &call)
}

fn pay(account: AccountId, to: AccountId) -> Call<'static> {
    Call::PayArrears {
        account,
        to,
        currency: EUR,
    }
}

fn added(account: AccountId, to: AccountId, amount: i64) -> Event {
    Event::ArrearsAdded {
        account,
        to,
        currency: EUR,
        amount: Amount(amount),
    }
}

fn paid(account: AccountId, to: AccountId, amount: i64, left: i64) -> Event {
    Event::ArrearsPaid {
        account,
        to,
        currency: EUR,
        amount: Amount(amount),
        left: Amount(left),
    }
}

/// 10,000 Wh are corrected to 5,000: the supplier gives 0.6 EUR back and is charged 1 EUR, and has 0.7.
#[test]
fn what_free_money_does_not_cover_is_owed_and_paid_later() {
    let (mut stage, _) = delivered();
    read(&mut stage, P[3], 10_000);
    move_all_but(&mut stage, P[3], 700_000);
    let (_, _, before) = books(&stage);
    let events = done(&mut stage, Who::Verifier, &correction(P[3], 2, 5_000));
    assert_eq!(events[2..], [added(P[3], BANK_S, 900_000)]);
    assert_eq!(stage.held(P[3], EUR), (0, 0));
    assert_eq!(books(&stage).2 - before, 100_000);
    assert_eq!(stage.account(P[3]).entries, 1, "it does not close");
    assert_eq!(
        set(&mut stage, P[3], AccountStatus::Closed),
        Code::ACCOUNT_NOT_EMPTY
    );

    // Whoever owes makes no offer and opens no session, and pays as far as it can.
    let mut call = needs(10);
    if let Call::InitVpp {
        account,
        start,
        closes,
        ..
    } = &mut call
    {
        *account = P[3];
        (*start, *closes) = (Millis(START + 4 * QUARTER), Millis(START + 4 * QUARTER));
    }
    refused(&mut stage, Who::Bert, &call, Code::IN_ARREARS);
    refused(
        &mut stage,
        Who::Bert,
        &pay(P[3], BANK_S),
        Code::CASH_TOO_LOW,
    );
    refused(
        &mut stage,
        Who::Bert,
        &pay(P[3], P[0]),
        Code::UNKNOWN_ARREARS,
    );
    refused(
        &mut stage,
        Who::Anna,
        &pay(P[3], BANK_S),
        Code::NOT_REPRESENTATIVE,
    );
    let back = |amount| money::Call::Transfer {
        from: P[5],
        to: P[3],
        currency: EUR,
        amount: Amount(amount),
    };
    assert_eq!(stage.call::<Money>(Who::Bert, &back(250_000)), Code::OK);
    let events = done(&mut stage, Who::Bert, &pay(P[3], BANK_S));
    assert_eq!(events, [paid(P[3], BANK_S, 250_000, 650_000)]);
    assert_eq!(stage.call::<Money>(Who::Bert, &back(1_000_000)), Code::OK);
    let events = done(&mut stage, Who::Bert, &pay(P[3], BANK_S));
    assert_eq!(events, [paid(P[3], BANK_S, 650_000, 0)]);
    assert_eq!(stage.held(P[3], EUR), (350_000, 0));
    assert_eq!(books(&stage).2 - before, 1_000_000);
    assert_eq!(stage.account(P[3]).entries, 0);
    assert_eq!(send(&mut stage, Who::Bert, &call).0, Code::OK);
}

/// Nothing goes out of a shut account, not even what waits for it: it is owed, and paid when the account is open again.
#[test]
fn a_shut_account_owes() {
    let (mut stage, _) = delivered();
    assert_eq!(set(&mut stage, P[0], AccountStatus::Blocked), Code::OK);
    let events = read(&mut stage, P[2], 9_000);
    assert_eq!(events[2..], [added(P[0], P[2], 810_000)]);
    let (moved, reserved, _) = books(&stage);
    assert_eq!((moved, reserved[0]), ([0; 6], 1_320_000));
    // It gets what comes back.
    done(&mut stage, Who::Verifier, &correction(P[2], 2, 4_500));
    let (moved, ..) = books(&stage);
    assert_eq!(moved, [405_000, 0, -405_000 - 900_000, 0, 0, 0]);
    refused(
        &mut stage,
        Who::Anna,
        &pay(P[0], P[2]),
        Code::ACCOUNT_NOT_OPEN,
    );
    assert_eq!(set(&mut stage, P[0], AccountStatus::Open), Code::OK);
    done(&mut stage, Who::Anna, &pay(P[0], P[2]));
    let (moved, _, operator) = books(&stage);
    assert_eq!(moved, [-405_000, 0, 405_000 - 900_000, 0, 0, 0]);
    assert_eq!(operator, 900_000);
}

/// Nothing was delivered, so 2 EUR were charged; a correction gives them back, when the operator's account is blocked. Its own people pay,
/// who are no prosumers.
#[test]
fn a_grid_operator_pays_what_it_owes() {
    let (mut stage, _) = delivered();
    read(&mut stage, P[3], 0);
    assert_eq!(set(&mut stage, BANK_S, AccountStatus::Blocked), Code::OK);
    let events = done(&mut stage, Who::Verifier, &correction(P[3], 2, 10_000));
    assert_eq!(events[2..], [added(BANK_S, P[3], 2_000_000)]);
    assert_eq!(set(&mut stage, BANK_S, AccountStatus::Open), Code::OK);
    let roles = stage
        .machine
        .member(&Who::Bank.key())
        .expect("a member")
        .roles;
    assert!(!roles.any(Roles::PROSUMER.with(Roles::AGGREGATOR)));
    let events = done(&mut stage, Who::Bank, &pay(BANK_S, P[3]));
    assert_eq!(events, [paid(BANK_S, P[3], 2_000_000, 0)]);
}

/// With nothing waiting an account can close; what a late correction would move then lapses.
#[test]
fn what_a_closed_account_would_get_or_give_lapses() {
    let (mut stage, _) = delivered();
    for (account, energy) in [(P[1], 1_000), (P[2], 9_000), (P[3], 10_000)] {
        read(&mut stage, account, energy);
    }
    move_all_but(&mut stage, P[3], 0);
    assert_eq!(set(&mut stage, P[3], AccountStatus::Closed), Code::OK);
    let before = books(&stage);
    let events = done(&mut stage, Who::Verifier, &correction(P[3], 2, 5_000));
    assert_eq!(
        events.len(),
        2,
        "the reading and its settlement: {events:?}"
    );
    assert_eq!(books(&stage), before);

    // The third prosumer owes the first one 0.81 EUR, which closes: that is forgotten when it would be paid.
    move_all_but(&mut stage, P[2], 0);
    done(&mut stage, Who::Verifier, &correction(P[2], 2, 0));
    move_all_but(&mut stage, P[0], 0);
    assert_eq!(set(&mut stage, P[0], AccountStatus::Closed), Code::OK);
    let events = done(&mut stage, Who::Anna, &pay(P[2], P[0]));
    assert_eq!(events, [paid(P[2], P[0], 0, 0)]);
    assert_eq!(stage.account(P[2]).entries, 1, "the operator's claim");
}
