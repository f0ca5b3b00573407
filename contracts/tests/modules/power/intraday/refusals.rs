//! Every refusal of the intraday calls, and the order in which they come.

use bds_contracts::Code;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::power::rules::{ENERGY_MAX, PRICE_MAX};

use super::*;

#[test]
fn who_may_not_sends_nothing() {
    let (mut stage, session) = trading();
    let one = order(session, T[0], 1, Side::Buy, (50, 10));
    let amend = Call::AmendOrder {
        session,
        interval: 0,
        account: T[0],
        number: 1,
        price: None,
        energy: None,
    };
    for call in [
        one.call(),
        amend,
        cancel(session, T[0], 1),
        cancel_all(session, T[0], None),
    ] {
        for who in [Who::Guest, Who::Regulator, Who::Surveillance, Who::Auditor] {
            refused(&mut stage, who, &call, Code::WRONG_ROLE);
        }
        refused(&mut stage, Who::Bert, &call, Code::NOT_REPRESENTATIVE);
    }
    for who in [Who::Anna, Who::Regulator, Who::Guest] {
        refused(&mut stage, who, &PLAIN.call(), Code::WRONG_ROLE);
    }
}

#[test]
fn every_bound_of_a_rule() {
    let (mut stage, _) = market();
    let most = Terms {
        lead: 24 * 3_600_000,
        price_min: -PRICE_MAX,
        price_max: PRICE_MAX,
        energy_max: ENERGY_MAX,
        makers_max: 1_024,
        orders_max: 16_384,
        account_orders_max: 256,
        books_max: 1_024,
    };
    let least = Terms {
        lead: 0,
        price_min: 0,
        price_max: 1,
        energy_max: 1,
        makers_max: 1,
        orders_max: 1,
        account_orders_max: 1,
        books_max: 0,
    };
    for sound in [most, least] {
        let told = done(&mut stage, Who::Surveillance, &sound.call());
        assert_eq!(told, [sound.set()]);
    }
    #[rustfmt::skip]
    let wrong = [
        Terms { lead: most.lead + 1, ..PLAIN },
        Terms { lead: u64::MAX, ..PLAIN },
        Terms { price_min: -PRICE_MAX - 1, ..PLAIN },
        Terms { price_max: PRICE_MAX + 1, ..PLAIN },
        Terms { price_min: 7, price_max: 7, ..PLAIN },
        Terms { price_min: 8, price_max: 7, ..PLAIN },
        Terms { energy_max: 0, ..PLAIN },
        Terms { energy_max: -1, ..PLAIN },
        Terms { energy_max: ENERGY_MAX + 1, ..PLAIN },
        Terms { makers_max: 0, ..PLAIN },
        Terms { makers_max: 1_025, ..PLAIN },
        Terms { orders_max: 0, ..PLAIN },
        Terms { orders_max: 16_385, ..PLAIN },
        Terms { account_orders_max: 0, ..PLAIN },
        Terms { account_orders_max: 257, ..PLAIN },
        Terms { books_max: 1_025, ..PLAIN },
    ];
    for terms in wrong {
        refused(
            &mut stage,
            Who::Surveillance,
            &terms.call(),
            Code::INTRADAY_RULE_INVALID,
        );
    }
}

#[test]
fn nothing_is_traded_before_the_auction_is_cleared_or_without_a_rule() {
    let (mut stage, session) = market();
    let one = order(session, T[0], 1, Side::Buy, (50, 10));
    let not_open = |stage: &mut Stage| {
        refused(stage, Who::Anna, &one.call(), Code::INTRADAY_NOT_OPEN);
    };
    not_open(&mut stage);
    done(&mut stage, Who::Surveillance, &PLAIN.call());
    not_open(&mut stage);
    // The gate has closed, and the next block clears it at its end.
    at(&mut stage, GATE);
    let (code, _) = send(&mut stage, Who::Anna, &one.call());
    assert_eq!(code, Code::INTRADAY_NOT_OPEN);
    assert!(tables(&stage).waiting.is_empty());
    one.done(&mut stage);

    let (mut stage, session) = market();
    cleared(&mut stage);
    let one = order(session, T[0], 1, Side::Buy, (50, 10));
    refused(&mut stage, Who::Anna, &one.call(), Code::INTRADAY_NOT_OPEN);
}

#[test]
fn an_order_is_refused_for_the_first_thing_that_is_wrong() {
    let (mut stage, session) = trading();
    let good = order(session, T[0], 1, Side::Buy, (50, 10));
    let anna = |stage: &mut Stage, order: Order, code| {
        refused(stage, Who::Anna, &order.call(), code);
    };
    // Each line is wrong in what the one before it was, and in one thing less.
    let mut wrong = Order {
        session: 999,
        interval: 96,
        account: AccountId(999),
        energy: -1,
        price: 6_000,
        ..good
    };
    anna(&mut stage, wrong, Code::UNKNOWN_ACCOUNT);
    wrong.account = T[0];
    anna(&mut stage, wrong, Code::UNKNOWN_POWER_SESSION);
    wrong.session = session;
    anna(&mut stage, wrong, Code::DELIVERY_INVALID);
    wrong.interval = 95;
    for energy in [-1, 0, 501] {
        anna(
            &mut stage,
            Order { energy, ..wrong },
            Code::INTRADAY_ENERGY_INVALID,
        );
    }
    wrong.energy = 500;
    for price in [-1_001, 5_001] {
        anna(&mut stage, Order { price, ..wrong }, Code::PRICE_INVALID);
    }
    wrong.price = 5_000;
    // 50 MWh at 5,000 is more than there is.
    anna(&mut stage, wrong, Code::CASH_TOO_LOW);
    let paid = Order {
        price: 2_000,
        ..wrong
    };
    paid.done(&mut stage);
    assert_eq!(books(&stage).1[0], CASH);
    anna(
        &mut stage,
        Order {
            energy: 1,
            price: 1,
            ..paid
        },
        Code::ORDER_NUMBER_USED,
    );
    anna(
        &mut stage,
        Order {
            energy: 1,
            price: 1,
            number: 2,
            ..paid
        },
        Code::CASH_TOO_LOW,
    );
    // What costs nothing is taken.
    Order {
        number: 2,
        price: -1,
        ..paid
    }
    .done(&mut stage);

    let off = |energy: i64, price: i64| Call::PlaceOrder {
        session,
        interval: 0,
        account: T[2],
        number: 1,
        side: Side::Buy,
        energy: WattHours(energy),
        price: Price(price),
        display: None,
        standing: Standing::UntilGate,
        prevention: Prevention::DecrementAndCancel,
    };
    refused(
        &mut stage,
        Who::Anna,
        &off(MWH + 1, 100),
        Code::INTRADAY_ENERGY_INVALID,
    );
    refused(
        &mut stage,
        Who::Anna,
        &off(i64::MAX, 100),
        Code::INTRADAY_ENERGY_INVALID,
    );
    refused(
        &mut stage,
        Who::Anna,
        &off(i64::MIN, 100),
        Code::INTRADAY_ENERGY_INVALID,
    );
    refused(&mut stage, Who::Anna, &off(MWH, 150), Code::PRICE_INVALID);
    let closed = identity::Call::SetStatus {
        account: T[0],
        status: AccountStatus::Blocked,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &closed), Code::OK);
    anna(&mut stage, good, Code::ACCOUNT_NOT_OPEN);
}

#[test]
fn an_amendment_and_a_cancellation_name_an_order_that_is_there() {
    let (mut stage, session) = trading();
    let amend = |interval: u8, number, price: Option<i64>, energy: Option<i64>| Call::AmendOrder {
        session,
        interval,
        account: T[0],
        number,
        price: price.map(|price| Price(price * PER_MWH)),
        energy: energy.map(|energy| WattHours(energy * MWH / 10)),
    };
    let unknown = [amend(0, 1, None, None), cancel(session, T[0], 1)];
    for call in &unknown {
        refused(&mut stage, Who::Anna, call, Code::UNKNOWN_ORDER);
    }
    order(session, T[0], 9, Side::Buy, (50, 10)).done(&mut stage);
    for call in &unknown {
        refused(&mut stage, Who::Anna, call, Code::UNKNOWN_ORDER);
    }
    for (call, code) in [
        (amend(96, 9, None, None), Code::DELIVERY_INVALID),
        (amend(0, 9, None, Some(0)), Code::INTRADAY_ENERGY_INVALID),
        (amend(0, 9, None, Some(501)), Code::INTRADAY_ENERGY_INVALID),
        (amend(0, 9, Some(5_001), None), Code::PRICE_INVALID),
        (amend(0, 9, Some(5_000), Some(500)), Code::CASH_TOO_LOW),
        (cancel_all(session, T[0], Some(96)), Code::DELIVERY_INVALID),
        (cancel_all(999, T[0], None), Code::UNKNOWN_POWER_SESSION),
        (cancel(999, T[0], 9), Code::UNKNOWN_POWER_SESSION),
    ] {
        refused(&mut stage, Who::Anna, &call, code);
    }
    // All it has is not too much.
    done(&mut stage, Who::Anna, &amend(0, 9, Some(2_000), Some(500)));
    assert_eq!(books(&stage).1[0], CASH);
    // What was traded of it counts: 40 and 461 are more than 500.
    order(session, T[1], 1, Side::Sell, (2_000, 40)).done(&mut stage);
    refused(
        &mut stage,
        Who::Anna,
        &amend(0, 9, Some(1), Some(461)),
        Code::QUANTITY_TOO_LARGE,
    );
}

#[test]
fn an_account_of_two_takes_both() {
    let (mut stage, session) = trading();
    let joint = AccountId(220);
    open_account(&mut stage, joint, 2, &[Who::Anna, Who::Bert]);
    let call = order(session, joint, 1, Side::Buy, (50, 10)).call();
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Power>(Who::Anna, Who::Bert, &call);
    assert_eq!(code, Code::OK);
    let amend = Call::AmendOrder {
        session,
        interval: 0,
        account: joint,
        number: 1,
        price: Some(Price(60 * PER_MWH)),
        energy: None,
    };
    refused(&mut stage, Who::Anna, &amend, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Power>(Who::Anna, Who::Bert, &amend);
    assert_eq!(code, Code::OK);
    assert_eq!(stage.held(joint, EUR), (CASH, 60 * MWH));
    // To take it back needs one.
    done(&mut stage, Who::Bert, &cancel(session, joint, 1));
    assert_eq!(stage.held(joint, EUR), (CASH, 0));
}

/// Where there is no book, what is done at once is refused before it is asked what only an order that is let in needs: a place for a book,
/// money, and the word of a second one.
#[test]
fn what_is_done_at_once_needs_a_book_first() {
    let (mut stage, session) = trading_by(Terms {
        books_max: 1,
        ..PLAIN
    });
    order(session, T[1], 1, Side::Sell, (5_000, 10)).done(&mut stage);
    let joint = AccountId(220);
    open_account(&mut stage, joint, 2, &[Who::Anna, Who::Bert]);
    let bid = |account, interval, price, standing| {
        let one = order(session, account, 1, Side::Buy, (price, 500));
        Order {
            interval,
            standing,
            ..one
        }
        .call()
    };
    let mut anna = |account, interval, price, standing, code| {
        let call = bid(account, interval, price, standing);
        refused(&mut stage, Who::Anna, &call, code);
    };
    // At 5,000 it is more than they have.
    for standing in [Standing::ImmediateOrCancel, Standing::FillOrKill] {
        anna(T[0], 1, 5_001, standing, Code::PRICE_INVALID);
        for account in [T[0], joint] {
            anna(account, 1, 5_000, standing, Code::NOT_FILLABLE);
            anna(account, 0, 5_000, standing, Code::CASH_TOO_LOW);
        }
        anna(joint, 1, 1, standing, Code::NOT_FILLABLE);
        anna(joint, 0, 1, standing, Code::NOT_ENDORSED);
    }
    for price in [1, 5_000] {
        anna(
            joint,
            1,
            price,
            Standing::UntilGate,
            Code::INTRADAY_BOOKS_FULL,
        );
    }
}
